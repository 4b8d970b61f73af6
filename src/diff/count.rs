//! Counts the pairs of pods that a difference concerns: by weights, never pair by pair.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use roaring::RoaringBitmap;

use super::{Difference, Group, Matched, PodSet, of_mates, stays};
use crate::cluster::{Cluster, PodId};
use crate::compile::{ClassId, Program};
use crate::index::IndexVec;
use crate::solve::{CellId, Connectivity, Rows};

/// Ordered pairs of distinct pods with at least one port that can do now what it could not do before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pairs {
    /// A port is allowed that was not, or was under a condition only.
    pub allowed: u128,
    /// A port is denied that was not, or allowed under a condition only where it was without one.
    pub denied: u128,
    /// A port is unknown that was not.
    pub unknown: u128,
}

/// The counts that a pair is in.
#[derive(Clone, Copy)]
struct Counted {
    allowed: bool,
    denied: bool,
    unknown: bool,
}

impl Counted {
    fn new(before: &Connectivity, after: &Connectivity) -> Self {
        let unknown = |bounds: &Connectivity| bounds.may.difference(&bounds.must);
        Self {
            allowed: !after.must.difference(&before.must).is_empty()
                || !before.restricted().intersection(&after.plain).is_empty(),
            denied: !before.may.difference(&after.may).is_empty()
                || !before.plain.intersection(&after.restricted()).is_empty(),
            unknown: !unknown(after).difference(&unknown(before)).is_empty(),
        }
    }
}

impl Pairs {
    fn add(&mut self, counted: Counted, pairs: u128) {
        let Self { allowed, denied, unknown } = self;
        for (count, applies) in
            [(allowed, counted.allowed), (denied, counted.denied), (unknown, counted.unknown)]
        {
            *count += if applies { pairs } else { 0 };
        }
    }

    fn take(&mut self, counted: Counted, pairs: u128) {
        let Self { allowed, denied, unknown } = self;
        for (count, applies) in
            [(allowed, counted.allowed), (denied, counted.denied), (unknown, counted.unknown)]
        {
            *count -= if applies { pairs } else { 0 };
        }
    }
}

impl Difference {
    /// Counts the pairs. Pods of workloads that only one input has count as well: between them nothing was, or is,
    /// allowed. Replicas that come and go with a workload that stays do not.
    pub fn pairs(&self, before: &Program, after: &Program) -> Pairs {
        let mut pairs = self.pairs_of_changes(before, after);
        let new = of_others(&self.appeared, &after.cluster, &before.cluster);
        if !new.is_empty() {
            let matched = |matched: Matched| (matched.after.0, matched.count);
            let came = with(after, &new, self.all(&after.cluster).map(matched), true);
            pairs.allowed += came.allowed;
            pairs.unknown += came.unknown;
        }
        let old = of_others(&self.vanished, &before.cluster, &after.cluster);
        if !old.is_empty() {
            let matched = |matched: Matched| (matched.before.0, matched.count);
            let went = with(before, &old, self.all(&after.cluster).map(matched), false);
            pairs.denied += went.denied;
        }
        pairs
    }

    /// Numbers of the replicas that came and of those that went, of workloads that stay.
    pub fn replicas(&self, before: &Cluster, after: &Cluster) -> (u64, u64) {
        let pods =
            |ranges: &[(PodId, Range<u32>)]| ranges.iter().map(|(_, range)| range.len() as u64).sum::<u64>();
        let of_staying =
            |all: &[(PodId, Range<u32>)], own, other| pods(all) - pods(&of_others(all, own, other));
        (of_staying(&self.appeared, after, before), of_staying(&self.vanished, before, after))
    }

    fn pairs_of_changes(&self, before: &Program, after: &Program) -> Pairs {
        let exempt = self.exempt_in_both(before, after);
        let hosts: RoaringBitmap = exempt.keys().copied().collect();
        let mut pairs = Pairs::default();
        for change in &self.changes {
            let (Group::Pods(PodSet(from)), Group::Pods(PodSet(to))) = (&change.from, &change.to) else {
                continue;
            };
            let count = |number| u128::from(self.matched(number, &after.cluster).count);
            let pods = |set: &RoaringBitmap| set.iter().map(count).sum::<u128>();
            let mut concerned = pods(from) * pods(to) - pods(&(from & to));
            for host in &hosts & from {
                for other in &exempt[&host] & to {
                    concerned -= count(host) * if other == host { count(host) - 1 } else { count(other) };
                }
            }
            pairs.add(Counted::new(&change.before, &change.after), concerned);
        }
        pairs
    }

    /// For each hostNetwork pod, the pods on its node before and after, where nothing changed.
    fn exempt_in_both(&self, before: &Program, after: &Program) -> BTreeMap<u32, RoaringBitmap> {
        let mut on_node: BTreeMap<_, (Vec<u32>, Vec<u32>)> = BTreeMap::new();
        for (number, matched) in (0..).zip(self.all(&after.cluster)) {
            let pod = &after.cluster.pods[matched.after.0];
            if let Some(node) = pod.node {
                let (hosts, all) = on_node.entry(node).or_default();
                all.push(number);
                if pod.host_network {
                    hosts.push(number);
                }
            }
        }
        let matched = |number: u32| self.matched(number, &after.cluster);
        let mut found: BTreeMap<u32, RoaringBitmap> = BTreeMap::new();
        for (hosts, all) in on_node.into_values() {
            for host in hosts {
                let from = matched(host);
                let others = all.iter().copied().filter(|&other| {
                    let to = matched(other);
                    stays(
                        of_mates(before, from.before.0, to.before.0),
                        of_mates(after, from.after.0, to.after.0),
                    )
                });
                found.insert(host, others.collect());
            }
        }
        found
    }
}

/// Those of workloads that the other input does not have.
fn of_others(pods: &[(PodId, Range<u32>)], own: &Cluster, other: &Cluster) -> Vec<(PodId, Range<u32>)> {
    let name = |cluster: &'_ Cluster, pod: PodId| {
        let workload = &cluster.workloads[cluster.pods[pod].workload];
        let namespace = cluster.namespaces[workload.namespace].name.clone();
        (namespace, workload.kind.clone(), workload.name.clone())
    };
    if pods.is_empty() {
        return Vec::new();
    }
    let wanted: BTreeSet<_> = pods.iter().map(|(pod, _)| name(own, *pod)).collect();
    let there: BTreeSet<_> =
        other.pods.ids().map(|pod| name(other, pod)).filter(|name| wanted.contains(name)).collect();
    pods.iter().filter(|(pod, _)| !there.contains(&name(own, *pod))).cloned().collect()
}

/// The pairs with one of `fresh` in them, and otherwise pods of `staying`, by what may flow.
fn with(
    program: &Program,
    fresh: &[(PodId, Range<u32>)],
    staying: impl Iterator<Item = (PodId, u32)>,
    appearing: bool,
) -> Pairs {
    let mut rows = Rows::new(program);
    let cluster = &program.cluster;
    let mut of_pod: IndexVec<PodId, [u128; 2]> = vec![[0; 2]; cluster.pods.len()].into();
    staying.for_each(|(pod, count)| of_pod[pod][0] += u128::from(count));
    for (pod, range) in fresh {
        of_pod[*pod][1] += range.len() as u128;
    }
    let mut of_class: IndexVec<ClassId, [u128; 2]> = vec![[0; 2]; program.classes.len()].into();
    for (pod, [staying, fresh]) in of_pod.enumerate() {
        let class = &mut of_class[program.class_of[pod]];
        *class = [class[0] + staying, class[1] + fresh];
    }
    let between = |[staying, fresh]: [u128; 2], [others, new]: [u128; 2]| {
        (staying + fresh) * (others + new) - staying * others
    };
    let nothing = Connectivity::closed();
    let counted = |rows: &Rows<'_>, cell: CellId| {
        let bounds = rows.evaluator.connectivity(cell);
        if appearing { Counted::new(&nothing, &bounds) } else { Counted::new(&bounds, &nothing) }
    };
    let mut pairs = Pairs::default();
    for (source, &from) in of_class.enumerate().filter(|(_, pods)| pods[0] + pods[1] > 0) {
        for &(destination, cell) in rows.cells(source).iter() {
            let count = between(from, of_class[destination]);
            if count > 0 {
                let counted = counted(&rows, cell);
                pairs.add(counted, count);
            }
        }
    }
    // A pod and itself is no pair.
    for (class, &[_, fresh]) in of_class.enumerate().filter(|(_, pods)| pods[1] > 0) {
        let cell = rows.evaluator.between(class, class);
        let counted = counted(&rows, cell);
        pairs.take(counted, fresh);
    }
    for (host, other) in node_mates(cluster) {
        let same = if host == other { of_pod[host][1] } else { 0 };
        let count = between(of_pod[host], of_pod[other]) - same;
        if count > 0 {
            let (from, to) = (program.class_of[host], program.class_of[other]);
            let (usual, actual) = (rows.evaluator.between(from, to), rows.evaluator.exempt(from, to));
            let (usual, actual) = (counted(&rows, usual), counted(&rows, actual));
            pairs.add(actual, count);
            pairs.take(usual, count);
        }
    }
    pairs
}

/// Every hostNetwork pod with every pod on its node.
fn node_mates(cluster: &Cluster) -> impl Iterator<Item = (PodId, PodId)> {
    let mut nodes: IndexVec<_, (Vec<PodId>, Vec<PodId>)> =
        cluster.nodes.iter().map(|_| (Vec::new(), Vec::new())).collect();
    for (id, pod) in cluster.pods.enumerate() {
        if let Some(node) = pod.node {
            let (hosts, all): &mut (Vec<PodId>, Vec<PodId>) = &mut nodes[node];
            all.push(id);
            if pod.host_network {
                hosts.push(id);
            }
        }
    }
    nodes.into_iter().flat_map(|(hosts, all)| {
        hosts.into_iter().flat_map(move |host| all.clone().into_iter().map(move |other| (host, other)))
    })
}
