//! Matches the pods of two inputs that are the same ones.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Matched;
use crate::cluster::{Cluster, PodId, PodName};

/// Pods that both inputs have, and those of one only: pod groups, and the numbers within.
pub(super) struct Matching {
    pub(super) all: Vec<Matched>,
    pub(super) appeared: Vec<(PodId, Range<u32>)>,
    pub(super) vanished: Vec<(PodId, Range<u32>)>,
}

/// Namespace, kind and name of a workload.
type WorkloadName<'c> = (&'c str, &'c str, &'c str);

/// Namespace, workload where it matters, name (of the workload, for pods that no manifest names), and whether a manifest
/// names it.
type Name<'c> = (&'c str, Option<WorkloadName<'c>>, &'c str, bool);

fn workload(cluster: &Cluster, pod: PodId) -> WorkloadName<'_> {
    let workload = &cluster.workloads[cluster.pods[pod].workload];
    (&cluster.namespaces[workload.namespace].name, &workload.kind, &workload.name)
}

impl Matching {
    /// Pods are the same if namespace and name are.
    pub(super) fn by_name(before: &Cluster, after: &Cluster) -> Self {
        Self::of(before, after, false)
    }

    /// Pods of the same workload are the same if their names are; what is left of a workload that both have is matched
    /// in order.
    pub(super) fn by_workload(before: &Cluster, after: &Cluster) -> Self {
        let Self { mut all, appeared, vanished } = Self::of(before, after, true);
        let mut left: BTreeMap<WorkloadName<'_>, Vec<(PodId, Range<u32>)>> = BTreeMap::new();
        for (pod, range) in vanished.into_iter().rev() {
            left.entry(workload(before, pod)).or_default().push((pod, range));
        }
        let mut new = Vec::new();
        for (pod, mut range) in appeared {
            let gone = left.entry(workload(after, pod)).or_default();
            while let Some((old, others)) = gone.last_mut() {
                let count = range.len().min(others.len()) as u32;
                all.push(Matched { before: (*old, others.start), after: (pod, range.start), count });
                range.start += count;
                others.start += count;
                if others.start == others.end {
                    gone.pop();
                }
                if range.start == range.end {
                    break;
                }
            }
            if range.start < range.end {
                new.push((pod, range));
            }
        }
        all.sort_unstable_by_key(|matched| matched.after);
        let mut vanished: Vec<(PodId, Range<u32>)> = left.into_values().flatten().collect();
        vanished.sort_unstable_by_key(|(pod, range)| (*pod, range.start));
        Self { all, appeared: new, vanished }
    }

    fn of(before: &Cluster, after: &Cluster, within_workloads: bool) -> Self {
        let name = |cluster, pod| name(cluster, pod, within_workloads);
        let mut old: BTreeMap<(Name<'_>, u32), PodId> = BTreeMap::new();
        for id in before.pods.ids() {
            old.insert(name(before, id), id);
        }
        let mut gone: BTreeMap<PodId, Vec<Range<u32>>> = BTreeMap::new();
        let (mut all, mut appeared) = (Vec::new(), Vec::new());
        for (id, pod) in after.pods.enumerate() {
            let (named, first) = name(after, id);
            let mut next = first;
            let end = first + pod.count;
            let overlapping = old.range(..(named, end)).rev().take_while(|((other, _), _)| *other == named);
            let mut overlapping: Vec<(u32, PodId)> =
                overlapping.map(|((_, start), id)| (*start, *id)).collect();
            overlapping.reverse();
            for (start, old_id) in overlapping {
                let (from, to) = (next.max(start), end.min(start + before.pods[old_id].count));
                if from >= to {
                    continue;
                }
                if next < from {
                    appeared.push((id, next - first..from - first));
                }
                all.push(Matched {
                    before: (old_id, from - start),
                    after: (id, from - first),
                    count: to - from,
                });
                gone.entry(old_id).or_default().push(from - start..to - start);
                next = to;
            }
            if next < end {
                appeared.push((id, next - first..end - first));
            }
        }
        let mut vanished = Vec::new();
        for (id, pod) in before.pods.enumerate() {
            let mut next = 0;
            for range in gone.get(&id).into_iter().flatten() {
                if next < range.start {
                    vanished.push((id, next..range.start));
                }
                next = range.end;
            }
            if next < pod.count {
                vanished.push((id, next..pod.count));
            }
        }
        Self { all, appeared, vanished }
    }
}

fn name(cluster: &Cluster, id: PodId, within_workloads: bool) -> (Name<'_>, u32) {
    let pod = &cluster.pods[id];
    let namespace: &str = &cluster.namespaces[pod.namespace].name;
    let owner = within_workloads.then(|| workload(cluster, id));
    match &pod.name {
        PodName::Exact(name) => ((namespace, owner, &**name, true), 0),
        PodName::Replicas { base, first } => ((namespace, owner, &**base, false), *first),
    }
}
