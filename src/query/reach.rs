//! `reach`: everything that a target reaches or that reaches it, at once and through chains of pods.
//!
//! A hop is a connection on at least one port. Chains go through pods: whoever holds a pod may use whatever the pod may.
//! Addresses outside begin and end chains and never stand within one, and nor do pods of the target. A chain is sure if each of its hops is allowed, and
//! a hop to a pod is only ever continued from that same pod, not from another replica.

mod direct;
mod outside;
mod search;

use std::collections::BTreeMap;
use std::ops::Range;

use rustc_hash::FxHashMap;

use super::because::{Because, because};
use super::endpoint::Target;
use super::group::{Group, groups, merged};
use super::matrix::{By, Endpoint, External};
use crate::cluster::{NamespaceId, PodId, WorkloadId};
use crate::compile::{ClassId, Program};
use crate::index::{Id, IndexVec};
use crate::net::{AddressSet, Direction, Family, PortSet};
use crate::query::Carried;
use crate::solve::proof::Prover;
use crate::solve::{CellId, End, ExternalId, Reachability};

pub(crate) use outside::shown as shown_address;

use outside::Ways;
use search::{Certainty, Search, Visit, Visits};

/// A question about the reach of a target.
#[derive(Clone, Debug)]
pub struct Question {
    /// The target whose reach is asked for.
    pub target: Target,
    /// `Egress`: what the target reaches; `Ingress`: who reaches the target.
    pub direction: Direction,
    /// The ports of the hop next to the target; `None` is any. Other hops may use any port.
    pub ports: Option<PortSet>,
    /// The most hops that a chain may have, at least 1.
    pub hops: u32,
    /// Show addresses outside only.
    pub external_only: bool,
    /// Show these pods only (`-n`, `-l`), unless the target is among them; `None` shows all.
    pub about: Option<Vec<PodId>>,
}

/// Everything found.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The question.
    pub question: Question,
    /// The addresses among what was found; those with the same chain are one.
    pub externals: IndexVec<ExternalId, External>,
    /// The workloads and addresses found: by hops, pods before addresses, by name.
    pub found: Vec<Found>,
    /// The hops of all chains, each once.
    pub hops: Vec<Hop>,
    /// Number of workloads of which no pod is in the target.
    pub others: u64,
}

/// A workload, or addresses, at the far end of a chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// The workload or the addresses.
    pub endpoint: Endpoint,
    /// Of how many pods that holds; 0 for addresses.
    pub pods: u64,
    /// Number of pods that the workload has beside the target, or in all if it has none beside; 0 for addresses.
    pub of: u64,
    /// The ports that may be used without a chain, of those asked about.
    pub direct: Option<Carried>,
    /// The shortest chain whose hops are all allowed.
    pub sure: Option<Chain>,
    /// A shorter chain some of whose hops are unknown.
    pub perhaps: Option<Chain>,
}

impl Found {
    /// The chain to show: the sure one if there is one.
    pub fn chain(&self) -> &Chain {
        self.sure.as_ref().or(self.perhaps.as_ref()).expect("whatever was found has a chain")
    }
}

/// Hops one after the other, in the order of the connections, as places in [`Answer::hops`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chain(pub Vec<usize>);

/// One hop.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hop {
    /// The source of the connection.
    pub from: End,
    /// The destination of the connection.
    pub to: End,
    /// The ports that are allowed.
    pub ports: PortSet,
    /// The ports that are unknown.
    pub unknown: PortSet,
    /// Those of `ports` on which policies restrict what may be said.
    pub restricted: PortSet,
    /// The ground of the verdict, on the allowed ports if there are any, else on the unknown ones.
    pub because: Because,
}

impl Hop {
    /// True if no port is surely allowed.
    pub fn is_doubtful(&self) -> bool {
        self.ports.is_empty()
    }
}

impl Answer {
    /// True if a fact that is missing could change what was found.
    pub fn is_undecided(&self) -> bool {
        self.found.iter().any(|found| {
            found.perhaps.is_some() || found.direct.as_ref().is_some_and(|direct| !direct.unknown.is_empty())
        })
    }
}

/// Finds out.
pub fn reach(reachability: &Reachability<'_>, question: Question) -> Answer {
    let program = reachability.program();
    let subject = Subject::new(program, &question.target);
    let mut search = Search::new(program, &question);
    let sure = search.run(Certainty::Sure);
    // Without any doubt on the way the second search would be the first.
    let perhaps = if search.met_doubt { search.run(Certainty::Perhaps) } else { sure.clone() };
    let workloads = groups(program, By::Workload, None, 1);
    let shows_all = question.about.as_ref().is_none_or(|about| {
        question.target.ends.pods.iter().any(|(pod, _)| about.binary_search(pod).is_ok())
    });
    let mut hops = Hops::new(reachability, &question);
    let mut found = Vec::new();
    if !question.external_only {
        let direct = direct::direct(&mut search, &subject, &workloads);
        found = pods(&subject, &workloads, direct, [&sure, &perhaps], &mut hops);
        if let (Some(about), false) = (&question.about, shows_all) {
            let pods = |id: WorkloadId| &program.cluster.workloads[id].pods;
            found.retain(|found| match found.endpoint {
                Endpoint::Workload(id) => pods(id).iter().any(|pod| about.binary_search(pod).is_ok()),
                _ => false,
            });
        }
    }
    let mut externals = IndexVec::default();
    if shows_all {
        let ways = outside::ways(&mut search, &subject, &sure, &perhaps);
        found.extend(outside(&search, ways, [&sure, &perhaps], &mut externals, &mut hops));
    }
    found.sort_by_key(|found| {
        let hops = found.sure.as_ref().map_or(usize::MAX, |chain| chain.0.len());
        (hops, found.of == 0)
    });
    let rest = workloads.iter().filter(|workload| !subject.meets(workload)).count() as u64;
    let hops = hops.all;
    Answer { question, externals, found, hops, others: rest }
}

/// The target as searches need it.
struct Subject {
    /// Its pods.
    group: Group,
    /// Its classes, with one of its pods in each.
    classes: Vec<(ClassId, End)>,
}

impl Subject {
    fn new(program: &Program, target: &Target) -> Self {
        let pods = merged(&target.ends.pods);
        let mut classes: Vec<(ClassId, End)> =
            pods.iter().map(|(pod, range)| (program.class_of[*pod], End::Pod(*pod, range.start))).collect();
        classes.sort_unstable();
        classes.dedup_by_key(|(class, _)| *class);
        // Nobody asks for the endpoint of this group: a target need not be one.
        let endpoint = Endpoint::Namespace(NamespaceId::from_index(0));
        Self { group: Group::new(program, endpoint, String::new(), pods), classes }
    }

    /// Number of pods of a group of the cluster that are not in the target.
    fn leaves_of(&self, pod: PodId, range: &Range<u32>) -> u64 {
        let from = self.group.pods.partition_point(|(id, _)| *id < pod);
        let here = self.group.pods[from..].iter().take_while(|(id, _)| *id == pod);
        let inside: u32 = here.map(|(_, range)| range.end - range.start).sum();
        u64::from(range.end - range.start - inside)
    }

    /// The same for a workload.
    fn leaves(&self, workload: &Group) -> u64 {
        workload.pods.iter().map(|(pod, range)| self.leaves_of(*pod, range)).sum()
    }

    /// True if a pod of a workload is in the target.
    fn meets(&self, workload: &Group) -> bool {
        let is_own = |pod: PodId| self.group.pods.binary_search_by_key(&pod, |(id, _)| *id).is_ok();
        workload.pods.iter().any(|(pod, _)| is_own(*pod))
    }
}

/// The workloads that were found.
fn pods(
    subject: &Subject,
    workloads: &[Group],
    mut direct: FxHashMap<usize, Carried>,
    visits: [&Visits; 2],
    hops: &mut Hops<'_, '_>,
) -> Vec<Found> {
    let mut all = Vec::new();
    for (place, workload) in workloads.iter().enumerate() {
        let direct = direct.remove(&place);
        let beside = subject.leaves(workload);
        // Within the target only what flows at once is worth telling.
        let counts = |pod: PodId, range: &Range<u32>, visit: &Visit| {
            if beside > 0 { subject.leaves_of(pod, range) > 0 } else { visit.hops == 1 }
        };
        let first = |visits: &Visits| {
            let here = workload.pods.iter().filter_map(|(pod, range)| {
                visits.of[*pod].filter(|visit| counts(*pod, range, visit)).map(|visit| (visit.hops, *pod))
            });
            here.min()
        };
        let [sure, perhaps] = visits.map(first);
        let perhaps = perhaps.filter(|(hops, _)| sure.is_none_or(|(sure, _)| *hops < sure));
        if sure.is_none() && perhaps.is_none() {
            continue;
        }
        let [surely, perhaps_so] = visits;
        let counted = if sure.is_some() { surely } else { perhaps_so };
        let size = |pod: PodId, range: &Range<u32>| {
            if beside > 0 { subject.leaves_of(pod, range) } else { u64::from(range.end - range.start) }
        };
        let reached = workload.pods.iter().filter(|(pod, _)| counted.of[*pod].is_some());
        all.push(Found {
            endpoint: workload.endpoint,
            pods: reached.map(|(pod, range)| size(*pod, range)).sum(),
            of: workload.pods.iter().map(|(pod, range)| size(*pod, range)).sum(),
            direct,
            sure: sure.map(|(_, pod)| hops.chain(surely.chain(pod))),
            perhaps: perhaps.map(|(_, pod)| hops.chain(perhaps_so.chain(pod))),
        });
    }
    all
}

/// The addresses that were found; those with the same chain are one. Addresses of the target are no news.
fn outside(
    search: &Search<'_, '_>,
    ways: Vec<(ExternalId, Ways)>,
    visits: [&Visits; 2],
    externals: &mut IndexVec<ExternalId, External>,
    hops: &mut Hops<'_, '_>,
) -> Vec<Found> {
    let own = &search.question.target.ends.addresses;
    let mut alike: BTreeMap<(Family, Ways), Vec<(u128, u128)>> = BTreeMap::new();
    for (id, ways) in ways {
        let class = &search.externals[id];
        let addresses = class.addresses.difference(&own[class.family]);
        alike.entry((class.family, ways)).or_default().extend(addresses.ranges());
    }
    let mut all: Vec<(External, Ways)> = alike
        .into_iter()
        .map(|((family, ways), ranges)| {
            (External { family, addresses: AddressSet::from_ranges(ranges) }, ways)
        })
        .filter(|(external, _)| !external.addresses.is_empty())
        .collect();
    all.sort_by(|(a, _), (b, _)| (a.family, &a.addresses).cmp(&(b.family, &b.addresses)));
    let [sure, perhaps] = visits;
    let mut found = Vec::new();
    for (external, ways) in all {
        let address = End::Address(shown_address(&search.program.cluster, &external));
        let mut chain = |visits: &Visits, way: Option<(u32, End, CellId)>| {
            way.map(|(length, end, _)| {
                let mut ends = vec![address];
                match end {
                    End::Pod(pod, _) if length > 1 => ends.extend(visits.chain(pod)),
                    _ => ends.push(end),
                }
                hops.chain(ends)
            })
        };
        found.push(Found {
            endpoint: Endpoint::External(externals.push(external)),
            pods: 0,
            of: 0,
            sure: chain(sure, ways.sure),
            perhaps: chain(perhaps, ways.perhaps),
            direct: ways.direct,
        });
    }
    found
}

/// The hops of all chains, each once.
struct Hops<'a, 'p> {
    reachability: &'a Reachability<'p>,
    question: &'a Question,
    prover: Prover<'p>,
    all: Vec<Hop>,
    places: FxHashMap<(End, End, bool), usize>,
}

impl<'a, 'p> Hops<'a, 'p> {
    fn new(reachability: &'a Reachability<'p>, question: &'a Question) -> Self {
        let program = reachability.program();
        let prover = Prover::new(&program.cluster, program.profile);
        Self { reachability, question, prover, all: Vec::new(), places: FxHashMap::default() }
    }

    /// The chain through these ends, the far one first and the target's last.
    fn chain(&mut self, mut ends: Vec<End>) -> Chain {
        let last = ends.len() - 2;
        if self.question.direction == Direction::Egress {
            ends.reverse();
        }
        let next_to_target = match self.question.direction {
            Direction::Egress => 0,
            Direction::Ingress => last,
        };
        Chain(
            ends.windows(2)
                .enumerate()
                .map(|(i, pair)| self.hop(pair[0], pair[1], i == next_to_target))
                .collect(),
        )
    }

    fn hop(&mut self, from: End, to: End, next_to_target: bool) -> usize {
        let only = self.question.ports.as_ref().filter(|_| next_to_target);
        let key = (from, to, only.is_some());
        if let Some(&place) = self.places.get(&key) {
            return place;
        }
        let bounds = self.reachability.connectivity(from, to);
        let within = |ports: &PortSet| only.map_or_else(|| ports.clone(), |only| ports.intersection(only));
        let (ports, unknown) = (within(&bounds.must), within(&bounds.may.difference(&bounds.must)));
        let restricted = within(&bounds.restricted());
        let because = because(&self.prover, from, to, if ports.is_empty() { &unknown } else { &ports });
        self.all.push(Hop { from, to, ports, unknown, restricted, because });
        self.places.insert(key, self.all.len() - 1);
        self.all.len() - 1
    }
}
