//! The difference between two locks.

use std::collections::{BTreeMap, BTreeSet};

use super::{Carried, Lock, Place};
use crate::net::{AddressSet, Direction, Family, PortSet};

/// Ports between two places, before and after, where they differ.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The source of connections.
    pub from: Place,
    /// The destination.
    pub to: Place,
    /// The ports before.
    pub before: Carried,
    /// The ports now.
    pub after: Carried,
}

/// The kind of change that is a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum FailOn {
    /// More is allowed, or not surely denied any more.
    #[default]
    NewAllow,
    /// Less is allowed.
    RemovedAllow,
    /// Every change.
    Any,
}

impl FailOn {
    /// True if a change is a failure.
    pub fn counts(self, change: &Change) -> bool {
        match self {
            Self::NewAllow => !change.gained().is_empty(),
            Self::RemovedAllow => !change.lost().is_empty(),
            Self::Any => true,
        }
    }
}

fn all(sets: &[&PortSet]) -> PortSet {
    sets.iter().fold(PortSet::empty(), |all, set| all.union(set))
}

impl Change {
    /// Ports that are allowed for more pairs than before, on which more may be said, or that are not surely denied any more.
    pub fn gained(&self) -> PortSet {
        let Self { before: b, after: a, .. } = self;
        let known = all(&[&b.ports, &b.some]);
        let gained = [
            a.ports.difference(&b.ports),
            a.some.difference(&known),
            a.unknown.difference(&all(&[&known, &b.unknown])),
            b.restricted.intersection(&a.plain()),
        ];
        all(&gained.each_ref())
    }

    /// Ports that were allowed, and are for fewer pairs or none, or on which less may be said.
    pub fn lost(&self) -> PortSet {
        let Self { before: b, after: a, .. } = self;
        let lost = [
            b.ports.difference(&a.ports),
            b.some.difference(&all(&[&a.ports, &a.some])),
            b.plain().intersection(&a.restricted),
        ];
        all(&lost.each_ref())
    }

    /// Ports that became unknown.
    pub fn doubted(&self) -> PortSet {
        self.after.unknown.difference(&self.before.unknown)
    }
}

/// The ports between a workload and addresses of a family, as the lines cut the addresses.
type Ranges<'l> = BTreeMap<(Direction, &'l Place, Family), Vec<(&'l AddressSet, Carried)>>;

/// The changes from one lock to another, in the order of lines. Addresses are compared one by one, so it does not matter
/// how lines cut them.
pub fn compare(before: &Lock, after: &Lock) -> Vec<Change> {
    let mut inside: BTreeMap<(&Place, &Place), [Carried; 2]> = BTreeMap::new();
    let mut outside: [Ranges<'_>; 2] = [Ranges::new(), Ranges::new()];
    for (side, lock) in [before, after].into_iter().enumerate() {
        for ((from, to), carried) in lock.flows() {
            match (from, to) {
                (Place::Outside(family, addresses), own) => {
                    let key = (Direction::Ingress, own, *family);
                    outside[side].entry(key).or_default().push((addresses, carried));
                }
                (own, Place::Outside(family, addresses)) => {
                    let key = (Direction::Egress, own, *family);
                    outside[side].entry(key).or_default().push((addresses, carried));
                }
                (from, to) => inside.entry((from, to)).or_default()[side] = carried,
            }
        }
    }
    let mut changes: Vec<Change> = inside
        .into_iter()
        .filter(|(_, [before, after])| before != after)
        .map(|((from, to), [before, after])| Change { from: from.clone(), to: to.clone(), before, after })
        .collect();
    let keys: BTreeSet<_> = outside.iter().flat_map(|ranges| ranges.keys().copied()).collect();
    for key in keys {
        let [before, after] = outside.each_ref().map(|ranges| partition(ranges.get(&key), key.2));
        changes.extend(changes_outside(key, &before, &after));
    }
    changes
        .sort_by(|a, b| (!a.from.is_outside(), &a.from, &a.to).cmp(&(!b.from.is_outside(), &b.from, &b.to)));
    changes
}

/// All addresses of a family, with what may flow; what no line names is denied.
fn partition(ranges: Option<&Vec<(&AddressSet, Carried)>>, family: Family) -> Vec<(AddressSet, Carried)> {
    let mut rest = AddressSet::from_range(0, family.last());
    let mut parts = Vec::new();
    for (addresses, carried) in ranges.into_iter().flatten() {
        rest = rest.difference(addresses);
        parts.push(((*addresses).clone(), carried.clone()));
    }
    parts.push((rest, Carried::default()));
    parts
}

fn changes_outside(
    (direction, own, family): (Direction, &Place, Family),
    before: &[(AddressSet, Carried)],
    after: &[(AddressSet, Carried)],
) -> Vec<Change> {
    let mut alike: BTreeMap<(&Carried, &Carried), AddressSet> = BTreeMap::new();
    for (old, was) in before {
        for (new, is) in after.iter().filter(|(_, is)| is != was) {
            let both = old.intersection(new);
            if !both.is_empty() {
                let all = alike.entry((was, is)).or_default();
                *all = all.union(&both);
            }
        }
    }
    let changes = alike.into_iter().map(|((was, is), addresses)| {
        let outside = Place::Outside(family, addresses);
        let (from, to) = match direction {
            Direction::Egress => (own.clone(), outside),
            Direction::Ingress => (outside, own.clone()),
        };
        Change { from, to, before: was.clone(), after: is.clone() }
    });
    changes.collect()
}
