//! Finds the policies behind a change, as they are now.

use super::{Carried, Change, Place, find};
use crate::cluster::WorkloadId;
use crate::compile::{ClassId, Program};
use crate::net::{AddressSet, PortSet};
use crate::query::because::{Because, because};
use crate::query::{External, shown_address};
use crate::solve::proof::Prover;
use crate::solve::{End, Reachability};

/// Finds out what stands behind changes.
#[derive(Debug)]
pub struct Causes<'a, 'p> {
    reachability: &'a Reachability<'p>,
    program: &'p Program,
    prover: Prover<'p>,
}

impl<'a, 'p> Causes<'a, 'p> {
    /// Of changes that led to this reachability.
    pub fn new(reachability: &'a Reachability<'p>) -> Self {
        let program = reachability.program();
        Self { reachability, program, prover: Prover::new(&program.cluster, program.profile) }
    }

    /// The policies that now allow or deny the changed ports, shown by one pair of ends; `None` if the input has no
    /// such pair, since a workload is gone or has one pod, which never talks to another of its own.
    pub fn of(&self, change: &Change) -> Option<Because> {
        let gained = change.gained();
        let (changed, was_gained) = if gained.is_empty() {
            (all(&change.before).union(&all(&change.after)), false)
        } else {
            (gained, true)
        };
        let sources = self.ends(&change.from)?;
        let destinations = self.ends(&change.to)?;
        let pairs = sources.iter().flat_map(|a| destinations.iter().map(move |b| (*a, *b)));
        for (from, to) in pairs.filter(|(from, to)| from != to) {
            let bounds = self.reachability.connectivity(from, to);
            let telling = if was_gained {
                let surely = bounds.must.intersection(&changed);
                if surely.is_empty() { bounds.may.intersection(&changed) } else { surely }
            } else {
                changed.difference(&bounds.must)
            };
            if !telling.is_empty() {
                return Some(because(&self.prover, from, to, &telling));
            }
        }
        None
    }

    /// Two pods of each kind, or an address.
    fn ends(&self, place: &Place) -> Option<Vec<End>> {
        if let Place::Outside(family, addresses) = place {
            let external = External { family: *family, addresses: AddressSet::clone(addresses) };
            return Some(vec![End::Address(shown_address(&self.program.cluster, &external))]);
        }
        Some(self.pods(find(&self.program.cluster, place)?))
    }

    fn pods(&self, id: WorkloadId) -> Vec<End> {
        let cluster = &self.program.cluster;
        let mut ends = Vec::new();
        let mut seen: Vec<(ClassId, usize)> = Vec::new();
        for &pod in &cluster.workloads[id].pods {
            let class = self.program.class_of[pod];
            let known = seen.iter().position(|(known, _)| *known == class).unwrap_or_else(|| {
                seen.push((class, 0));
                seen.len() - 1
            });
            for index in 0..cluster.pods[pod].count.min(2) {
                if seen[known].1 < 2 {
                    seen[known].1 += 1;
                    ends.push(End::Pod(pod, index));
                }
            }
        }
        ends
    }
}

fn all(carried: &Carried) -> PortSet {
    carried.ports.union(&carried.some).union(&carried.unknown)
}
