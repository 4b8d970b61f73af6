//! Warnings about Services that can no longer be reached, or have lost the pods behind them.
//!
//! What pods lose is found where connections changed; only where a Service leads to other ports are all pods asked.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::{Comparison, NowAt, Pods, Sample, ServiceName, Trouble, Warning, lost_port};
use crate::cluster::{Backends, Cluster, NamespaceId, PodId, Service};
use crate::compile::ClassId;
use crate::diff::Matched;
use crate::label::LabelSetId;
use crate::net::PortSet;
use crate::query::endpoint::targets;
use crate::solve::End;

/// Places of boxes.
type Places = BTreeSet<usize>;

/// Services that somebody could reach, all their pods, and none of them now; and Services that lost their pods.
pub(super) fn warnings(comparison: &Comparison<'_, '_>, concerned: &mut Concerned) -> Vec<Warning> {
    let cluster = &comparison.after.program().cluster;
    // Services that the same workloads cannot reach any more are one warning.
    let mut unreachable: BTreeMap<Vec<_>, (Vec<ServiceName>, Sample)> = BTreeMap::new();
    // Many Services may have the same pods behind them.
    let mut known: FxHashMap<BTreeMap<PodId, PortSet>, Option<(Vec<_>, Sample)>> = FxHashMap::default();
    let moved_ports = MovedPorts::new(comparison);
    let mut moved_away = Vec::new();
    for ((namespace, name), service) in &cluster.services {
        if let Some(moved) = moved_ports.of(comparison, *namespace, name, service) {
            moved_away.extend(moved.warning(comparison, (*namespace, name.clone())));
            continue;
        }
        if !concerned.namespaces.contains(namespace) {
            continue;
        }
        let backends = targets(cluster, *namespace, service, |_| true);
        let cut_off = known.entry(backends).or_insert_with_key(|backends| {
            let (pods, sample) = cut_off(comparison, concerned, backends, |_| true)?;
            Some((comparison.workloads(&pods), sample))
        });
        let Some((workloads, sample)) = cut_off.clone() else { continue };
        let services = unreachable.entry(workloads).or_insert_with(|| (Vec::new(), sample));
        services.0.push((*namespace, name.clone()));
    }
    let warning = |(workloads, (services, sample))| Warning {
        trouble: Trouble::Unreachable(services),
        workloads,
        sample: Some(sample),
    };
    let mut warnings: Vec<Warning> = unreachable.into_iter().map(warning).collect();
    warnings.sort_by(|a, b| a.trouble.cmp(&b.trouble));
    warnings.extend(moved_away);
    warnings.extend(without_backends(comparison));
    warnings
}

/// Pods of the second input, each with a box that holds it.
type Sources = BTreeMap<(PodId, u32), (usize, Matched)>;

/// The destinations that lose ports, with the boxes in which they do.
pub(super) struct Concerned {
    /// The namespaces of destinations that lose ports.
    pub(super) namespaces: BTreeSet<NamespaceId>,
    /// Groups of pods of which none was there before: no box holds them.
    new: BTreeSet<PodId>,
    /// The boxes that hold each destination; found when somebody asks.
    by_destination: OnceCell<FxHashMap<PodId, Places>>,
    /// The sources that are in a box of each of these sets: Services of a namespace mostly have the same.
    sources: BTreeMap<BTreeSet<Places>, Rc<Sources>>,
}

impl Concerned {
    pub(super) fn new(comparison: &Comparison<'_, '_>) -> Self {
        let cluster = &comparison.after.program().cluster;
        let destinations = comparison.lost.iter().flat_map(|lost| comparison.pods(lost.to));
        let namespaces = destinations.map(|to| cluster.pods[to.after.0].namespace).collect();
        let appeared = comparison.difference.appeared.iter();
        let all_new = appeared.filter(|(pod, range)| range.len() == cluster.pods[*pod].count as usize);
        let new = all_new.map(|(pod, _)| *pod).collect();
        Self { namespaces, new, by_destination: OnceCell::new(), sources: BTreeMap::new() }
    }

    /// The boxes that hold a destination.
    fn places(&self, comparison: &Comparison<'_, '_>, destination: PodId) -> Option<&Places> {
        let by_destination = self.by_destination.get_or_init(|| {
            let mut by_destination: FxHashMap<PodId, Places> = FxHashMap::default();
            for (place, lost) in comparison.lost.iter().enumerate() {
                for to in comparison.pods(lost.to) {
                    by_destination.entry(to.after.0).or_default().insert(place);
                }
            }
            by_destination
        });
        by_destination.get(&destination)
    }

    fn sources(&mut self, comparison: &Comparison<'_, '_>, ways: BTreeSet<Places>) -> Rc<Sources> {
        let find = |ways: &BTreeSet<Places>| {
            let mut sources: Option<Sources> = None;
            for places in ways {
                let mut here = Sources::new();
                for &place in places {
                    for from in comparison.pods(comparison.lost[place].from) {
                        here.entry(from.after).or_insert((place, from));
                    }
                }
                match &mut sources {
                    None => sources = Some(here),
                    Some(sources) => sources.retain(|pod, _| here.contains_key(pod)),
                }
            }
            Rc::new(sources.unwrap_or_default())
        };
        if let Some(known) = self.sources.get(&ways) {
            return Rc::clone(known);
        }
        let found = find(&ways);
        self.sources.insert(ways, Rc::clone(&found));
        found
    }
}

/// Of the pods that are asked about, those that could reach every backend that was there and can reach none that is.
pub(super) fn cut_off(
    comparison: &Comparison<'_, '_>,
    concerned: &mut Concerned,
    backends: &BTreeMap<PodId, PortSet>,
    is_asked: impl Fn(PodId) -> bool,
) -> Option<(Pods, Sample)> {
    // The boxes by which each backend is lost; most have the same.
    let mut ways: BTreeSet<Places> = BTreeSet::new();
    let is_new = |backend: &PodId| concerned.new.contains(backend);
    let new: BTreeMap<PodId, PortSet> =
        backends.iter().filter(|(pod, _)| is_new(pod)).map(|(pod, ports)| (*pod, ports.clone())).collect();
    for (backend, ports) in backends.iter().filter(|(pod, _)| !is_new(pod)) {
        let is_lost = |place: &&usize| {
            let change = comparison.lost[**place].change;
            lost_port(&change.before, &change.after, ports).is_some()
        };
        let places: Places =
            concerned.places(comparison, *backend)?.iter().filter(is_lost).copied().collect();
        if places.is_empty() {
            return None;
        }
        ways.insert(places);
    }
    let (mut pods, mut shown) = (Pods::new(), None);
    for (&source, (place, from)) in &*concerned.sources(comparison, ways) {
        if !is_asked(source.0) {
            continue;
        }
        // A pod reaches itself, and so one of the pods behind its Service.
        let is_backend = backends.contains_key(&source.0);
        let in_doubt = if is_hosted(comparison, source.0) { backends } else { &new };
        if is_backend || !reaches_none(comparison, source, in_doubt) {
            continue;
        }
        pods.insert(source, from.count);
        shown = shown.or_else(|| {
            comparison.pods(comparison.lost[*place].to).find_map(|to| {
                let ports = backends.get(&to.after.0)?;
                comparison.sample(from, &to, |was, is| lost_port(was, is, ports))
            })
        });
    }
    shown.map(|sample| (pods, sample))
}

fn is_hosted(comparison: &Comparison<'_, '_>, pod: PodId) -> bool {
    comparison.after.program().cluster.pods[pod].host_network
}

/// True if a pod can reach no backend. Each is asked about: boxes hold pairs on one node, which do not change (R50).
pub(super) fn reaches_none(
    comparison: &Comparison<'_, '_>,
    (pod, index): (PodId, u32),
    backends: &BTreeMap<PodId, PortSet>,
) -> bool {
    backends.iter().all(|(&backend, ports)| {
        let is = comparison.after.connectivity(End::Pod(pod, index), End::Pod(backend, 0));
        is.may.intersection(ports).is_empty()
    })
}

/// The pods that are new, or declare other ports than they did: a Service may send elsewhere.
struct MovedPorts {
    is_any: bool,
    /// The group in the first input of each group of pods of the second one.
    before: OnceCell<FxHashMap<PodId, PodId>>,
}

/// A Service that sends to other ports of its pods than it did, or to new pods only: what is lost shows on no pair of pods.
struct Moved {
    /// The place that it sends to now.
    now: NowAt,
    /// The pods that stood behind it in the first input, and their ports.
    before: BTreeMap<PodId, PortSet>,
    /// The same in the second one.
    after: BTreeMap<PodId, PortSet>,
}

impl MovedPorts {
    fn new(comparison: &Comparison<'_, '_>) -> Self {
        let (old, new) = (comparison.before.program(), comparison.after.program());
        let has_moved = |Matched { before, after, .. }: Matched| {
            old.cluster.pods[before.0].named_ports() != new.cluster.pods[after.0].named_ports()
        };
        let is_any = !comparison.difference.appeared.is_empty()
            || comparison.difference.all(&new.cluster).any(has_moved);
        Self { is_any, before: OnceCell::new() }
    }

    /// A Service of the second input, if it sends to other ports or to new pods only.
    fn of(
        &self,
        comparison: &Comparison<'_, '_>,
        namespace: NamespaceId,
        name: &str,
        service: &Service,
    ) -> Option<Moved> {
        let (old, new) = (&comparison.before.program().cluster, &comparison.after.program().cluster);
        let was_in = old.namespace(&new.namespaces[namespace].name)?;
        let was = old.services.get(&(was_in, name.into()))?;
        if was.ports == service.ports && !self.is_any {
            return None;
        }
        let (before, after) =
            (targets(old, was_in, was, |_| true), targets(new, namespace, service, |_| true));
        let known = self.before.get_or_init(|| {
            comparison.difference.all(new).map(|matched| (matched.after.0, matched.before.0)).collect()
        });
        let stood_behind = |pod: &PodId| known.get(pod).and_then(|pod| before.get(pod));
        let is_replaced = !after.is_empty() && after.keys().all(|pod| !known.contains_key(pod));
        let is_moved = if is_replaced {
            !before.is_empty()
        } else if after.is_empty() {
            // Its pods may be there and have no such port any more.
            let Backends::Selector(selector) = service.backends else { return None };
            let selector = &new.labels.selectors[selector];
            let is_selected = |pod: &PodId| selector.matches(&new.labels.sets[new.pods[*pod].labels]).sure();
            known.keys().any(|pod| stood_behind(pod).is_some() && is_selected(pod))
        } else {
            after.iter().any(|(pod, ports)| stood_behind(pod).is_some_and(|before| before != ports))
        };
        let now = if is_replaced {
            NowAt::NewPods
        } else {
            NowAt::Ports(after.values().fold(PortSet::empty(), |all, ports| all.union(ports)))
        };
        is_moved.then_some(Moved { now, before, after })
    }
}

impl Moved {
    /// Says so of the pods that could reach every pod that stood behind it, and can reach none that does.
    fn warning(&self, comparison: &Comparison<'_, '_>, service: ServiceName) -> Option<Warning> {
        let (old, new) = (comparison.before.program(), comparison.after.program());
        let mut pods = Pods::new();
        // Pods that no policy tells apart can do the same, but for hostNetwork pods, which reach their own node.
        let mut known: FxHashMap<[ClassId; 2], bool> = FxHashMap::default();
        for Matched { before, after, count } in comparison.difference.all(&new.cluster) {
            // A pod reaches itself, and so one of the pods behind its Service.
            if self.before.contains_key(&before.0) || self.after.contains_key(&after.0) {
                continue;
            }
            let is_cut_off = || {
                let source = End::Pod(before.0, before.1);
                let could = self.before.iter().all(|(&pod, ports)| {
                    let was = comparison.before.connectivity(source, End::Pod(pod, 0));
                    !was.must.intersection(ports).is_empty()
                });
                could && reaches_none(comparison, after, &self.after)
            };
            let classes = [old.class_of[before.0], new.class_of[after.0]];
            let is_host = old.cluster.pods[before.0].host_network || is_hosted(comparison, after.0);
            let found = if is_host { is_cut_off() } else { *known.entry(classes).or_insert_with(is_cut_off) };
            if found {
                pods.insert(after, count);
            }
        }
        (!pods.is_empty()).then(|| Warning {
            trouble: Trouble::Moved(service, self.now.clone()),
            workloads: comparison.workloads(&pods),
            sample: None,
        })
    }
}

/// Services that had pods behind them, and have none.
fn without_backends(comparison: &Comparison<'_, '_>) -> Vec<Warning> {
    let (old, new) = (&comparison.before.program().cluster, &comparison.after.program().cluster);
    let (before, after) = (labels(old), labels(new));
    let mut warnings = Vec::new();
    for ((namespace, name), service) in &new.services {
        let Some(id) = old.namespace(&new.namespaces[*namespace].name) else { continue };
        let Some(was) = old.services.get(&(id, name.clone())) else { continue };
        if matches!(service.backends, Backends::Selector(_))
            && selects(old, before.get(&id), was)
            && !selects(new, after.get(namespace), service)
        {
            let trouble = Trouble::NoBackends((*namespace, name.clone()));
            warnings.push(Warning { trouble, workloads: Vec::new(), sample: None });
        }
    }
    warnings
}

/// True if a Service may select pods with one of these sets of labels.
fn selects(cluster: &Cluster, labels: Option<&BTreeSet<LabelSetId>>, service: &Service) -> bool {
    let Backends::Selector(selector) = service.backends else { return false };
    let selector = &cluster.labels.selectors[selector];
    labels.into_iter().flatten().any(|set| selector.matches(&cluster.labels.sets[*set]).possible())
}

/// The sets of labels that pods of each namespace have.
fn labels(cluster: &Cluster) -> BTreeMap<NamespaceId, BTreeSet<LabelSetId>> {
    let mut labels: BTreeMap<NamespaceId, BTreeSet<LabelSetId>> = BTreeMap::new();
    for pod in &cluster.pods {
        labels.entry(pod.namespace).or_default().insert(pod.labels);
    }
    labels
}
