//! Changes between pods and addresses outside.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use super::{Change, Comparison, Group, Matched, PodSet, Towards, connectivity, own_node};
use crate::cluster::PodId;
use crate::compile::{Program, SignatureId};
use crate::index::IndexVec;
use crate::net::{AddressSet, ByFamily, Direction, Family};
use crate::solve::{ExternalClass, ExternalId, Rows};

impl Comparison<'_> {
    /// Changes between pods and addresses, and those because the address is, or was, one of the pod's node.
    pub(super) fn outside(&mut self) -> (Vec<Change>, Vec<Change>) {
        let externals = (self.rows.0.externals(), self.rows.1.externals());
        let overlaps = overlaps(&externals.0, &externals.1);
        let moved = ByFamily { v4: self.own_in_one(Family::V4), v6: self.own_in_one(Family::V6) };
        let (mut changes, mut from_nodes) = (Vec::new(), Vec::new());
        for direction in Direction::ALL {
            let treated = Treated::new(self, direction);
            for (was, is, addresses) in &overlaps {
                let (family, mut addresses) = (was.family, addresses.clone());
                let mut pods = Towards::new();
                for place in treated.concerned(direction, was, is) {
                    let (signatures, treated) = &treated.all[place];
                    let cells = (
                        self.rows.0.outside(direction, signatures.0, was),
                        self.rows.1.outside(direction, signatures.1, is),
                    );
                    if !self.same.ask(&self.rows, cells.0, cells.1) {
                        *pods.entry(cells).or_default() |= treated;
                    }
                }
                if direction == Direction::Ingress {
                    let own = moved[family].iter().filter(|(address, _)| addresses.contains(**address));
                    let own: Vec<(u128, &Vec<u32>)> = own.map(|(address, pods)| (*address, pods)).collect();
                    for (address, others) in own {
                        addresses = addresses.difference(&AddressSet::from_range(address, address));
                        let mut pods = pods.clone();
                        for &other in others {
                            for pods in pods.values_mut() {
                                pods.remove(other);
                            }
                            from_nodes.extend(self.own_address(family, address, other, was, is));
                        }
                        let group = Group::Addresses(family, AddressSet::from_range(address, address));
                        changes.extend(self.with_outside(direction, &group, pods));
                    }
                }
                if !addresses.is_empty() {
                    changes.extend(self.with_outside(direction, &Group::Addresses(family, addresses), pods));
                }
            }
        }
        (changes, from_nodes)
    }

    fn with_outside(&self, direction: Direction, outside: &Group, pods: Towards) -> Vec<Change> {
        let boxes = pods.into_iter().filter(|(_, pods)| !pods.is_empty()).map(|((was, is), pods)| {
            let pods = Group::Pods(PodSet(pods));
            let (from, to) = match direction {
                Direction::Ingress => (outside.clone(), pods),
                Direction::Egress => (pods, outside.clone()),
            };
            let (before, after) = (connectivity(&self.rows.0, was), connectivity(&self.rows.1, is));
            Change { from, to, before, after }
        });
        boxes.collect()
    }

    /// The addresses that are of a pod's node before or after, but not both, with these pods.
    fn own_in_one(&self, family: Family) -> BTreeMap<u128, Vec<u32>> {
        let mut found: BTreeMap<u128, Vec<u32>> = BTreeMap::new();
        for (number, matched) in (0..).zip(&self.matching) {
            let was = own_node(self.old, matched.before.0, family);
            let is = own_node(self.new, matched.after.0, family);
            if was != is {
                let moved = was.union(&is).difference(&was.intersection(&is));
                for address in moved.ranges().iter().flat_map(|&(first, last)| first..=last) {
                    found.entry(address).or_default().push(number);
                }
            }
        }
        found
    }

    /// The change from an address that the pod's node has in one of the inputs.
    fn own_address(
        &mut self,
        family: Family,
        address: u128,
        pod: u32,
        was: &ExternalClass,
        is: &ExternalClass,
    ) -> Option<Change> {
        let Matched { before: (before, _), after: (after, _), .. } = self.matching[pod as usize];
        let cell = |program: &Program, rows: &mut Rows<'_>, pod: PodId, external: &ExternalClass| {
            if own_node(program, pod, family).contains(address) {
                rows.evaluator.open()
            } else {
                rows.external(Direction::Ingress, program.class_of[pod], external)
            }
        };
        let was = cell(self.old, &mut self.rows.0, before, was);
        let is = cell(self.new, &mut self.rows.1, after, is);
        let (before, after) = (connectivity(&self.rows.0, was), connectivity(&self.rows.1, is));
        (before != after).then(|| Change {
            from: Group::Addresses(family, AddressSet::from_range(address, address)),
            to: Group::Pods(PodSet([pod].into_iter().collect())),
            before,
            after,
        })
    }
}

/// Pods by what decides one direction of theirs before and after: addresses tell nothing else apart.
struct Treated {
    all: Vec<((SignatureId, SignatureId), RoaringBitmap)>,
    /// The places in `all` of each signature, before and after.
    by_signature: (FxHashMap<SignatureId, Vec<usize>>, FxHashMap<SignatureId, Vec<usize>>),
    /// The places of those for which something changed towards every address that no block holds.
    usually: ByFamily<Vec<usize>>,
}

impl Treated {
    fn new(comparison: &mut Comparison<'_>, direction: Direction) -> Self {
        let mut all: BTreeMap<(SignatureId, SignatureId), RoaringBitmap> = BTreeMap::new();
        for joint in &comparison.joint {
            let was = comparison.old.classes[joint.before].signature[direction];
            let is = comparison.new.classes[joint.after].signature[direction];
            *all.entry((was, is)).or_default() |= &joint.pods;
        }
        let all: Vec<_> = all.into_iter().collect();
        let mut treated =
            Self { by_signature: Default::default(), usually: ByFamily::default(), all: Vec::new() };
        for (place, ((was, is), _)) in all.iter().enumerate() {
            treated.by_signature.0.entry(*was).or_default().push(place);
            treated.by_signature.1.entry(*is).or_default().push(place);
            for family in Family::ALL {
                let cells = (
                    comparison.rows.0.outside_usually(direction, *was, family),
                    comparison.rows.1.outside_usually(direction, *is, family),
                );
                if !comparison.same.ask(&comparison.rows, cells.0, cells.1) {
                    treated.usually[family].push(place);
                }
            }
        }
        treated.all = all;
        treated
    }

    /// The places of those for which something may have changed towards these addresses.
    fn concerned(&self, direction: Direction, was: &ExternalClass, is: &ExternalClass) -> Vec<usize> {
        let mut places = self.usually[was.family].clone();
        for (external, by_signature) in [(was, &self.by_signature.0), (is, &self.by_signature.1)] {
            let special = external.sides[direction].iter().filter_map(|(id, _)| by_signature.get(id));
            places.extend(special.flatten());
        }
        places.sort_unstable();
        places.dedup();
        places
    }
}

/// The classes of addresses of two inputs that have addresses in common, and these.
fn overlaps<'e>(
    before: &'e IndexVec<ExternalId, ExternalClass>,
    after: &'e IndexVec<ExternalId, ExternalClass>,
) -> Vec<(&'e ExternalClass, &'e ExternalClass, AddressSet)> {
    let sets = |classes: &'e IndexVec<ExternalId, ExternalClass>| {
        classes.iter().map(|class| (class.family, &class.addresses)).collect::<Vec<_>>()
    };
    let cells = refinement(&sets(before), &sets(after)).into_iter();
    cells.map(|(was, is, common)| (&before.as_slice()[was], &after.as_slice()[is], common)).collect()
}

/// The common refinement of two partitions of the addresses of both families: the places of a part of each that have
/// addresses in common, and these.
pub(crate) fn refinement(
    before: &[(Family, &AddressSet)],
    after: &[(Family, &AddressSet)],
) -> Vec<(usize, usize, AddressSet)> {
    let mut cells: BTreeMap<(usize, usize), Vec<(u128, u128)>> = BTreeMap::new();
    for family in Family::ALL {
        let ranges = |parts: &[(Family, &AddressSet)]| {
            let places = parts.iter().enumerate().filter(|(_, part)| part.0 == family);
            let mut ranges: Vec<(u128, u128, usize)> = places
                .flat_map(|(place, part)| {
                    part.1.ranges().iter().map(move |&(first, last)| (first, last, place))
                })
                .collect();
            ranges.sort_unstable();
            ranges
        };
        let (old, new) = (ranges(before), ranges(after));
        let (mut i, mut j) = (0, 0);
        while let (Some(was), Some(is)) = (old.get(i), new.get(j)) {
            let (first, last) = (was.0.max(is.0), was.1.min(is.1));
            if first <= last {
                cells.entry((was.2, is.2)).or_default().push((first, last));
            }
            if was.1 <= is.1 { i += 1 } else { j += 1 }
        }
    }
    cells.into_iter().map(|((was, is), ranges)| (was, is, AddressSet::from_ranges(ranges))).collect()
}
