//! `explain netpol/NS/NAME`: which pods a policy selects, whom it lets in and out, and what changes without it.

use std::collections::BTreeMap;

use super::endpoint::{AppliedRule, Counts, matched};
use super::weigh::Weigher;
use crate::cluster::{PodId, WorkloadId};
use crate::compile::Program;
use crate::diff::{Change, Difference, Group, Workbench};
use crate::index::Id;
use crate::label::Truth;
use crate::net::{AddressSet, ByDirection, Direction, Family, PortSet};
use crate::policy::{NamespaceMatch, PolicyId, Ports};
use crate::solve::proof::Prover;

/// Everything there is to say about one policy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PolicyExplanation {
    /// The policy.
    pub policy: PolicyId,
    /// The pods it selects, surely or perhaps.
    pub pods: Vec<(PodId, Truth)>,
    /// Its rules, with the pods that their elements match; ports are `None` where names stand among them.
    pub rules: ByDirection<Vec<AppliedRule>>,
    /// The changes that taking it away would make.
    pub without: Without,
}

/// The changes that taking a policy away would make.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Without {
    /// Ordered pairs of pods with a port that would be allowed.
    pub allowed: u64,
    /// Those with a port that would be denied.
    pub denied: u64,
    /// Those with a port that would be unknown.
    pub unknown: u64,
    /// Those of `allowed` and of `denied` with a port that is unknown now, and would be decided.
    pub decided: [u64; 2],
    /// The changes by workload, sorted; the first of many.
    pub rows: Vec<Row>,
    /// Set if there are more rows than these.
    pub more: bool,
}

/// The change between two workloads, or between one and addresses outside.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Row {
    /// The source of the connections.
    pub from: Who,
    /// The destination of the connections.
    pub to: Who,
    /// Ports that would be allowed between some.
    pub allowed: PortSet,
    /// Ports that would be denied between some.
    pub denied: PortSet,
    /// Ports that would be unknown between some.
    pub unknown: PortSet,
    /// Ports that are unknown now between some, and would be allowed, or denied.
    pub decided: PortSet,
}

/// One end of a row.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Who {
    /// Some pods of a workload.
    Workload(WorkloadId),
    /// Addresses outside.
    Addresses(Family, AddressSet),
}

/// The most rows that are kept.
const MOST: usize = 256;

/// Explains a policy.
pub fn policy(program: &Program, id: PolicyId) -> PolicyExplanation {
    let cluster = &program.cluster;
    let prover = Prover::new(cluster, program.profile);
    let policy = &cluster.policies[id];
    let pods = match policy.subject.pods().map(|selectors| selectors.namespaces) {
        Some(NamespaceMatch::One(namespace)) => cluster.namespaces[namespace].pods.clone(),
        _ => PodId::from_index(0)..PodId::from_index(cluster.pods.len()),
    };
    let selected = (pods.start.index()..pods.end.index()).map(PodId::from_index).filter_map(|pod| {
        let selects = Direction::ALL
            .into_iter()
            .flat_map(|direction| prover.policies_of(pod, direction))
            .filter(|(other, _)| *other == id)
            .map(|(_, selects)| selects)
            .max()?;
        (prover.exemption(pod).is_none()).then_some((pod, selects))
    });
    let mut counts = Counts::new();
    let mut rules = |direction: Direction| -> Vec<AppliedRule> {
        let rules = policy.rules[direction].iter().map(|rule| AppliedRule {
            ports: numbers(&rule.ports),
            peers: matched(cluster, &rule.peers, None, &mut counts),
        });
        rules.collect()
    };
    let rules = ByDirection { ingress: rules(Direction::Ingress), egress: rules(Direction::Egress) };
    PolicyExplanation { policy: id, pods: selected.collect(), rules, without: without(program, id) }
}

/// Ports by number; `None` if some have names.
fn numbers(ports: &Ports) -> Option<PortSet> {
    match ports {
        Ports::Any => Some(PortSet::full()),
        Ports::Of(_) if ports.has_names() => None,
        Ports::Of(list) => Some(list.iter().fold(PortSet::empty(), |all, port| match port {
            crate::policy::PortMatch::Range { protocol, first, last } => {
                all.union(&PortSet::from_range(*protocol, *first, *last))
            }
            crate::policy::PortMatch::Named { .. } => all,
        })),
    }
}

fn without(program: &Program, id: PolicyId) -> Without {
    let mut bench = Workbench::new(&program.cluster, program.profile);
    let Some(revision) = bench.revise(vec![id], Vec::new()) else { return Without::default() };
    let difference = bench.difference(&revision);
    let mut found = Without::default();
    let mut rows: BTreeMap<(Who, Who), [PortSet; 4]> = BTreeMap::new();
    for change in &difference.changes {
        found.change(bench.program(), &difference, change, &mut rows);
    }
    let row = |((from, to), [allowed, denied, unknown, decided]): ((Who, Who), [PortSet; 4])| Row {
        from,
        to,
        allowed,
        denied,
        unknown,
        decided,
    };
    found.rows = rows.into_iter().map(row).collect();
    found
}

impl Without {
    fn change(
        &mut self,
        program: &Program,
        difference: &Difference,
        change: &Change,
        rows: &mut BTreeMap<(Who, Who), [PortSet; 4]>,
    ) {
        let Change { before, after, .. } = change;
        let unknown = |bounds: &crate::solve::Connectivity| bounds.may.difference(&bounds.must);
        let (allowed, denied) = (after.must.difference(&before.must), before.may.difference(&after.may));
        let decided = [&allowed, &denied].map(|ports| ports.intersection(&unknown(before)));
        let all_decided = decided[0].union(&decided[1]);
        let ports = [allowed, denied, unknown(after).difference(&unknown(before)), all_decided];
        let pods = |group: &Group| -> Vec<PodId> {
            match group {
                Group::Pods(set) => difference.pods(set, &program.cluster).map(|pod| pod.after.0).collect(),
                Group::Addresses(..) => Vec::new(),
            }
        };
        let (from, to) = (pods(&change.from), pods(&change.to));
        let weigher = Weigher { program };
        let pairs = weigher.pairs(&weigher.whole(&from), &weigher.whole(&to));
        for (count, ports) in [&mut self.allowed, &mut self.denied, &mut self.unknown].into_iter().zip(&ports)
        {
            *count += if ports.is_empty() { 0 } else { pairs };
        }
        for (count, ports) in self.decided.iter_mut().zip(&decided) {
            *count += if ports.is_empty() { 0 } else { pairs };
        }
        let who = |group: &Group, pods: &[PodId]| -> Vec<Who> {
            match group {
                Group::Addresses(family, set) => vec![Who::Addresses(*family, set.clone())],
                Group::Pods(_) => {
                    let mut workloads: Vec<WorkloadId> =
                        pods.iter().map(|pod| program.cluster.pods[*pod].workload).collect();
                    workloads.sort_unstable();
                    workloads.dedup();
                    workloads.into_iter().map(Who::Workload).collect()
                }
            }
        };
        // A workload of one pod has nobody of its own to talk to.
        let own = |pods: &[PodId], workload: WorkloadId| -> Vec<PodId> {
            pods.iter().copied().filter(|pod| program.cluster.pods[*pod].workload == workload).collect()
        };
        let is_pair = |a: &Who, b: &Who| match (a, b) {
            (Who::Workload(a), Who::Workload(b)) if a == b => {
                let (sources, destinations) = (own(&from, *a), own(&to, *b));
                weigher.pairs(&weigher.whole(&sources), &weigher.whole(&destinations)) > 0
            }
            _ => true,
        };
        let (sources, destinations) = (who(&change.from, &from), who(&change.to, &to));
        for a in &sources {
            for b in destinations.iter().filter(|b| is_pair(a, b)) {
                let key = (a.clone(), b.clone());
                if rows.len() >= MOST && !rows.contains_key(&key) {
                    self.more = true;
                    return;
                }
                let row = rows.entry(key).or_default();
                for (all, ports) in row.iter_mut().zip(&ports) {
                    *all = all.union(ports);
                }
            }
        }
    }
}
