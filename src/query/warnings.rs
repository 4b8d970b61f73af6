//! Effects of a change that may not be meant: DNS that is cut off, a Service or the backend of an Ingress that is out
//! of reach, pods that were isolated and are open.
//!
//! Every warning is sure: what it says could be done before is allowed whatever the unknown facts are, and what cannot be
//! done now is denied whatever they are. Pods that come or go with the change are no reason for a warning by themselves.

mod dns;
mod ingress;
mod services;

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::cluster::{NamespaceId, PodId, WorkloadId};
use crate::compile::ClassId;
use crate::diagnostic::ObjectName;
use crate::diff::{Change, Difference, Group, Matched, PodSet};
use crate::net::{Direction, PortSet, Protocol, address};
use crate::policy::Tier;
use crate::solve::{Connectivity, End, Reachability};

/// A warning about a change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Warning {
    /// The trouble that the change makes.
    pub trouble: Trouble,
    /// To whom: workloads of the second input, ascending, and how many of their pods.
    pub workloads: Vec<(WorkloadId, u64)>,
    /// A pair that shows it; `None` if what it was about is not there any more.
    pub sample: Option<Sample>,
}

/// The trouble that a change makes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Trouble {
    /// Names can no longer be looked up.
    Dns,
    /// No DNS server is left.
    NoDns,
    /// Services of the second input, each with no way to any of its backends.
    Unreachable(Vec<ServiceName>),
    /// A Service of the second input that leads elsewhere than it did, where some pods that could reach it cannot.
    Moved(ServiceName, NowAt),
    /// No pod stands behind a Service any more.
    NoBackends(ServiceName),
    /// Backends of an Ingress that can no longer be reached by what serves it.
    CutOff {
        /// The Ingress.
        ingress: IngressName,
        /// Services of its namespace that it sends requests to.
        services: Vec<ServiceName>,
        /// The controllers that would serve it.
        by: Controllers,
    },
    /// Nothing that serves Ingresses is left in the cluster, and there are Ingresses.
    NoController,
    /// No policy selects the pods in this direction any more. These policies of the first input isolated them.
    Open(Direction, Vec<ObjectName>),
}

/// The place that a Service leads to now, where it led elsewhere.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum NowAt {
    /// To other ports of its pods; none if they have none of that name.
    Ports(PortSet),
    /// To pods that were not there before.
    NewPods,
}

/// The controllers that serve Ingresses: what [`Trouble::CutOff`] takes for granted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Controllers {
    /// The pods of the input that look like an ingress controller: the workloads of the warning.
    Inside,
    /// There are none in the input, so that they are somewhere outside the namespace of the Ingress.
    Elsewhere,
}

/// An Ingress of the second input.
pub type IngressName = (NamespaceId, Box<str>);

/// A Service of the second input.
pub type ServiceName = (NamespaceId, Box<str>);

/// A connection that changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sample {
    /// Its ends in the first input.
    pub before: (End, End),
    /// The same in the second input.
    pub after: (End, End),
    /// A port on which it changed.
    pub port: (Protocol, u16),
}

/// Compares two inputs, each compiled on its own; `difference` is theirs.
pub fn warnings<'p>(
    before: &Reachability<'p>,
    after: &Reachability<'p>,
    difference: &Difference,
) -> Vec<Warning> {
    let comparison = Comparison::new(before, after, difference);
    let mut warnings = dns::warnings(&comparison);
    let mut backends = services::Concerned::new(&comparison);
    warnings.extend(services::warnings(&comparison, &mut backends));
    warnings.extend(ingress::warnings(&comparison, &mut backends));
    warnings.extend(opened(&comparison));
    warnings
}

/// Two inputs, and what differs.
struct Comparison<'c, 'p> {
    before: &'c Reachability<'p>,
    after: &'c Reachability<'p>,
    difference: &'c Difference,
    /// The changes between pods by which ports are lost.
    lost: Vec<Lost<'c>>,
}

/// A box of pairs of pods that may surely no longer use some ports that they surely could.
struct Lost<'c> {
    change: &'c Change,
    from: &'c PodSet,
    to: &'c PodSet,
}

/// Pods, and how many each entry stands for.
type Pods = BTreeMap<(PodId, u32), u32>;

impl<'c, 'p> Comparison<'c, 'p> {
    fn new(before: &'c Reachability<'p>, after: &'c Reachability<'p>, difference: &'c Difference) -> Self {
        let lost = difference.changes.iter().filter_map(|change| {
            let (Group::Pods(from), Group::Pods(to)) = (&change.from, &change.to) else { return None };
            let is_lost = !change.before.must.difference(&change.after.may).is_empty();
            is_lost.then_some(Lost { change, from, to })
        });
        Self { before, after, difference, lost: lost.collect() }
    }

    /// The pods of one side of a box. There may be many boxes of many pods, so that they are never all listed.
    fn pods(&self, set: &'c PodSet) -> impl Iterator<Item = Matched> + use<'c, '_, 'p> {
        self.difference.pods(set, &self.after.program().cluster)
    }

    /// The workloads of pods, ascending.
    fn workloads(&self, pods: &Pods) -> Vec<(WorkloadId, u64)> {
        let mut counts: BTreeMap<WorkloadId, u64> = BTreeMap::new();
        for (&(pod, _), &count) in pods {
            *counts.entry(self.after.program().cluster.pods[pod].workload).or_default() += u64::from(count);
        }
        counts.into_iter().collect()
    }

    /// A pair of two groups about which `shows` finds a port; boxes hold pairs that do not change, so each is asked about.
    fn sample(
        &self,
        from: &Matched,
        to: &Matched,
        shows: impl Fn(&Connectivity, &Connectivity) -> Option<(Protocol, u16)>,
    ) -> Option<Sample> {
        let end = |(pod, first): (_, u32), other| End::Pod(pod, first + other);
        // Two replicas of one group are two pods.
        let other = u32::from(from.after == to.after);
        if other >= to.count {
            return None;
        }
        let was = (end(from.before, 0), end(to.before, other));
        let is = (end(from.after, 0), end(to.after, other));
        self.judged(was, is, shows)
    }

    fn judged(
        &self,
        before: (End, End),
        after: (End, End),
        shows: impl Fn(&Connectivity, &Connectivity) -> Option<(Protocol, u16)>,
    ) -> Option<Sample> {
        let was = self.before.connectivity(before.0, before.1);
        let port = shows(&was, &self.after.connectivity(after.0, after.1))?;
        Some(Sample { before, after, port })
    }
}

/// The first of some ports.
fn first(ports: &PortSet) -> Option<(Protocol, u16)> {
    let of = |protocol| ports.of(protocol).ranges().first().map(|&(first, _)| (protocol, first));
    Protocol::ALL.into_iter().find_map(of)
}

/// A port of `asked` that could surely be used before and surely cannot now, if none of them can.
fn lost_port(was: &Connectivity, is: &Connectivity, asked: &PortSet) -> Option<(Protocol, u16)> {
    if is.may.intersection(asked).is_empty() { first(&was.must.intersection(asked)) } else { None }
}

/// A port that is surely allowed and surely was not.
fn new_port(was: &Connectivity, is: &Connectivity) -> Option<(Protocol, u16)> {
    first(&is.must.difference(&was.may))
}

/// Pods that were isolated, and that no policy selects any more; and somebody can do something because of that.
fn opened(comparison: &Comparison<'_, '_>) -> Vec<Warning> {
    let (old, new) = (comparison.before.program(), comparison.after.program());
    let mut known: FxHashMap<(ClassId, ClassId, Direction), Option<Vec<ObjectName>>> = FxHashMap::default();
    let mut was_isolated = |matched: &Matched, direction| -> Option<Vec<ObjectName>> {
        let (before, after) = (matched.before.0, matched.after.0);
        let classes = (old.class_of[before], new.class_of[after]);
        let exempt = old.cluster.pods[before].host_network || new.cluster.pods[after].host_network;
        let policies = known.entry((classes.0, classes.1, direction)).or_insert_with(|| {
            let sure =
                old.signature(classes.0, direction).policies.iter().filter(|(id, truth)| {
                    truth.sure() && old.cluster.policies[*id].tier == Tier::NetworkPolicy
                });
            let sure: Vec<ObjectName> = sure.map(|(id, _)| old.cluster.policies[*id].name.clone()).collect();
            let is_open = new.signature(classes.1, direction).policies.is_empty();
            (is_open && !sure.is_empty()).then_some(sure)
        });
        if exempt { None } else { policies.clone() }
    };
    let mut found: BTreeMap<(Direction, Vec<ObjectName>), (Pods, Sample)> = BTreeMap::new();
    for change in &comparison.difference.changes {
        if new_port(&change.before, &change.after).is_none() {
            continue;
        }
        for direction in Direction::ALL {
            let (own, other) = match direction {
                Direction::Ingress => (&change.to, &change.from),
                Direction::Egress => (&change.from, &change.to),
            };
            let Group::Pods(own) = own else { continue };
            for matched in comparison.pods(own) {
                let Some(policies) = was_isolated(&matched, direction) else { continue };
                let key = (direction, policies);
                if let Some((pods, _)) = found.get_mut(&key) {
                    pods.insert(matched.after, matched.count);
                } else if let Some(sample) = comparison.with_any(&matched, other, direction, new_port) {
                    found.insert(key, (Pods::from([(matched.after, matched.count)]), sample));
                }
            }
        }
    }
    let warning = |((direction, policies), (pods, sample))| Warning {
        trouble: Trouble::Open(direction, policies),
        workloads: comparison.workloads(&pods),
        sample: Some(sample),
    };
    found.into_iter().map(warning).collect()
}

impl Comparison<'_, '_> {
    /// A pair of a pod and some end of a group about which `shows` finds a port; `direction` is the pod's.
    fn with_any(
        &self,
        pod: &Matched,
        group: &Group,
        direction: Direction,
        shows: impl Fn(&Connectivity, &Connectivity) -> Option<(Protocol, u16)> + Copy,
    ) -> Option<Sample> {
        match group {
            Group::Pods(others) => {
                let mut others = self.difference.pods(others, &self.after.program().cluster);
                others.find_map(|other| match direction {
                    Direction::Ingress => self.sample(&other, pod, shows),
                    Direction::Egress => self.sample(pod, &other, shows),
                })
            }
            Group::Addresses(family, addresses) => {
                let mut firsts = addresses.ranges().iter().flat_map(|&(first, last)| [first, last]);
                firsts.find_map(|number| {
                    let address = End::Address(address(*family, number));
                    let end = |(pod, index)| End::Pod(pod, index);
                    let (was, is) = (end(pod.before), end(pod.after));
                    match direction {
                        Direction::Ingress => self.judged((address, was), (address, is), shows),
                        Direction::Egress => self.judged((was, address), (is, address), shows),
                    }
                })
            }
        }
    }
}

#[cfg(test)]
mod tests;
