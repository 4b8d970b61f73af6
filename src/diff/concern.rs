//! Finds the connections, of a list, that changes concern.

use std::collections::BTreeSet;

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use super::{Difference, Group};
use crate::cluster::PodId;
use crate::index::Id;
use crate::net::{AddressSet, ByFamily, Family};

/// Pods and addresses of a cluster, to be held against changes of its policies.
#[derive(Clone, Debug, Default)]
pub struct Concern {
    pods: RoaringBitmap,
    addresses: ByFamily<AddressSet>,
}

impl Concern {
    /// These pods and addresses.
    pub fn new(pods: impl IntoIterator<Item = PodId>, addresses: ByFamily<AddressSet>) -> Self {
        Self { pods: pods.into_iter().map(|pod| pod.index() as u32).collect(), addresses }
    }

    fn meets(&self, group: &Group) -> bool {
        match group {
            Group::Pods(pods) => !self.pods.is_disjoint(&pods.0),
            Group::Addresses(family, addresses) => !self.addresses[*family].is_disjoint(addresses),
        }
    }
}

/// Connections from one set to another each, to be held against many changes.
#[derive(Debug, Default)]
pub struct Concerns {
    all: Vec<[Concern; 2]>,
    /// Of each end, which connections have it.
    ends: [ConcernedEnd; 2],
}

/// The connections by one of their ends: all sources, or all destinations.
#[derive(Debug, Default)]
struct ConcernedEnd {
    by_pod: FxHashMap<u32, Vec<usize>>,
    /// Those that begin or end at too many pods to list them by pod.
    wide: Vec<usize>,
    /// Those that begin or end at addresses.
    outside: Vec<usize>,
}

/// Most pods that an end may have to be listed by pod.
const WIDE: u64 = 256;

impl Concerns {
    /// Adds connections from the first set to the second; they have the next number.
    pub fn push(&mut self, concern: [Concern; 2]) {
        let number = self.all.len();
        for (end, concern) in self.ends.iter_mut().zip(&concern) {
            if concern.pods.len() > WIDE {
                end.wide.push(number);
            } else {
                for pod in &concern.pods {
                    end.by_pod.entry(pod).or_default().push(number);
                }
            }
            if Family::ALL.into_iter().any(|family| !concern.addresses[family].is_empty()) {
                end.outside.push(number);
            }
        }
        self.all.push(concern);
    }

    /// The numbers of those connections that may have changed, ascending. Where pods have new numbers, any may have.
    pub fn met_by(&self, difference: &Difference) -> Vec<usize> {
        if difference.matching.is_some() {
            return (0..self.all.len()).collect();
        }
        let mut met = BTreeSet::new();
        for change in &difference.changes {
            // It is enough to look where fewer begin or end.
            let ends = [(&self.ends[0], &change.from), (&self.ends[1], &change.to)];
            let fewer = ends.into_iter().min_by_key(|(end, group)| end.size(group));
            met.extend(fewer.into_iter().flat_map(|(end, group)| end.near(group)).filter(|&number| {
                let [from, to] = &self.all[number];
                from.meets(&change.from) && to.meets(&change.to)
            }));
        }
        met.into_iter().collect()
    }
}

impl ConcernedEnd {
    /// Number of pods, or connections, to look at for those near a group.
    fn size(&self, group: &Group) -> u64 {
        match group {
            Group::Addresses(..) => self.outside.len() as u64,
            Group::Pods(pods) => pods.0.len() + self.wide.len() as u64,
        }
    }

    /// Connections among which are all that begin, or end, in this group.
    fn near(&self, group: &Group) -> Vec<usize> {
        match group {
            Group::Addresses(..) => self.outside.clone(),
            Group::Pods(pods) => {
                let by_pod = pods.0.iter().filter_map(|pod| self.by_pod.get(&pod)).flatten();
                by_pod.chain(&self.wide).copied().collect()
            }
        }
    }
}
