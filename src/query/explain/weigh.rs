//! Pairs of pods of a change, counted by weights.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::cluster::PodId;
use crate::compile::Program;

/// Some pods of some groups, by number; ranges of one group do not overlap.
pub(super) type Numbers = BTreeMap<PodId, Vec<Range<u32>>>;

/// Counts pairs in a cluster.
#[derive(Clone, Copy)]
pub(super) struct Weigher<'a> {
    pub(super) program: &'a Program,
}

impl Weigher<'_> {
    /// All pods of some groups.
    pub(super) fn whole(self, pods: &[PodId]) -> Numbers {
        let all = |pod: PodId| std::iter::once(0..self.program.cluster.pods[pod].count).collect();
        pods.iter().map(|&pod| (pod, all(pod))).collect()
    }

    /// Ordered pairs of different pods, without those that are open because of where they run (R50).
    pub(super) fn pairs(self, from: &Numbers, to: &Numbers) -> u64 {
        let total = |numbers: &Numbers| numbers.values().map(|ranges| length(ranges)).sum::<u64>();
        let mut pairs = total(from) * total(to);
        for (pod, ranges) in from {
            let same = to.get(pod).map_or(0, |others| overlap(ranges, others));
            pairs -= same;
            if self.program.cluster.pods[*pod].host_network {
                let mates = to.iter().filter(|(other, _)| self.is_exempt(*pod, **other));
                let mates: u64 = mates.map(|(_, others)| length(ranges) * length(others)).sum();
                pairs -= mates - if self.is_exempt(*pod, *pod) { same } else { 0 };
            }
        }
        pairs
    }

    /// True if connections from one pod to another are open because of where the two run.
    pub(super) fn is_exempt(self, from: PodId, to: PodId) -> bool {
        let class = |pod: PodId| self.program.class_of[pod];
        self.program.same_node(from, to) && self.program.connectable(class(from), class(to))
    }
}

/// Number of pods that ranges hold.
pub(super) fn length(ranges: &[Range<u32>]) -> u64 {
    ranges.iter().map(|range| u64::from(range.end - range.start)).sum()
}

/// Number of pods that are in both lists of ranges.
fn overlap(ours: &[Range<u32>], theirs: &[Range<u32>]) -> u64 {
    let common =
        |a: &Range<u32>, b: &Range<u32>| u64::from(a.end.min(b.end).saturating_sub(a.start.max(b.start)));
    ours.iter().flat_map(|a| theirs.iter().map(move |b| common(a, b))).sum()
}
