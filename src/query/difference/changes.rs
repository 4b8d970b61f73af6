//! The changes of a difference: those between endpoints alike are kept together, and told one by one.

use std::collections::BTreeMap;
use std::ops::Range;

use rustc_hash::FxHashMap;

use super::alike::Alike;
use super::because::Responsible;
use super::ends::Place;
use super::listing::Listed;
use super::{BecauseId, CarriedId, Change, GroupId, PartyId};
use crate::index::{Id, IndexVec};
use crate::net::{AddressSet, Direction, Family};
use crate::query::{External, ExternalId};

/// Pairs of endpoints between which other ports may be used than before.
#[derive(Clone, Debug)]
pub(super) struct Changes {
    /// The endpoints of each group, ascending.
    pub(super) groups: IndexVec<GroupId, Vec<PartyId>>,
    pub(super) group_of: IndexVec<PartyId, GroupId>,
    /// Between endpoints within the clusters, by source.
    pub(super) blocks: Vec<Block>,
    /// The blocks of each source.
    rows: IndexVec<GroupId, Range<usize>>,
    /// With addresses at one end, sorted.
    pub(super) outside: Vec<Change>,
}

/// The same change from each endpoint of one group to each of another one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Block {
    pub(super) from: GroupId,
    pub(super) to: GroupId,
    /// Set if the change is from each endpoint of a group to itself; else it is from none to itself.
    pub(super) is_within: bool,
    pub(super) before: CarriedId,
    pub(super) after: CarriedId,
    pub(super) because: BecauseId,
}

impl Changes {
    /// Every change, sorted by source, then destination.
    pub(super) fn iter(&self) -> impl Iterator<Item = Change> {
        self.group_of.ids().flat_map(|from| self.row(from))
    }

    /// The changes from an endpoint, by destination.
    fn row(&self, from: PartyId) -> Vec<Change> {
        let outside = self.outside.partition_point(|change| change.from < from);
        let outside = self.outside[outside..].iter().take_while(|change| change.from == from).copied();
        let mut row: Vec<Change> = outside.collect();
        for &Block { to, is_within, before, after, because, from: group } in
            &self.blocks[self.rows[self.group_of[from]].clone()]
        {
            let change = |to| Change { from, to, before, after, because };
            if is_within {
                row.push(change(from));
            } else if group == to {
                row.extend(self.groups[to].iter().filter(|&&to| to != from).map(|&to| change(to)));
            } else {
                row.extend(self.groups[to].iter().map(|&to| change(to)));
            }
        }
        row.sort_unstable_by_key(|change| change.to);
        row
    }

    /// Number of changes.
    pub(super) fn len(&self) -> usize {
        let pairs = |block: &Block| {
            let [from, to] = [block.from, block.to].map(|group| self.groups[group].len());
            match (block.is_within, block.from == block.to) {
                (true, _) => from,
                (false, true) => from * (from - 1),
                (false, false) => from * to,
            }
        };
        self.outside.len() + self.blocks.iter().map(pairs).sum::<usize>()
    }

    /// The ports that could and that can be used, once for each block and for each change with addresses.
    pub(super) fn flows(&self) -> impl Iterator<Item = (CarriedId, CarriedId)> {
        let outside = self.outside.iter().map(|change| (change.before, change.after));
        self.blocks.iter().map(|block| (block.before, block.after)).chain(outside)
    }

    /// The endpoints that changes are about, ascending.
    pub(super) fn parties(&self) -> Vec<PartyId> {
        let mut groups: Vec<GroupId> = self.blocks.iter().flat_map(|block| [block.from, block.to]).collect();
        groups.extend(
            self.outside.iter().flat_map(|change| [change.from, change.to]).map(|id| self.group_of[id]),
        );
        groups.sort_unstable();
        groups.dedup();
        let mut parties: Vec<PartyId> =
            groups.into_iter().flat_map(|group| &self.groups[group]).copied().collect();
        parties.sort_unstable();
        parties
    }
}

/// A change that one class of addresses is part of: its direction and other end, both port sets, and the causes.
type Concern = (Direction, u32, CarriedId, CarriedId, BecauseId);

/// The changes in the order of output, and the addresses that they tell apart.
pub(super) fn assembled(
    listed: &Listed,
    inside: &[Responsible],
    outside: &[Responsible],
    alike: &Alike,
) -> (IndexVec<ExternalId, External>, Changes) {
    let mut concerns: BTreeMap<u32, Vec<Concern>> = BTreeMap::new();
    for (change, responsible) in listed.outside.iter().zip(outside) {
        let (direction, cell, party) = match (change.from, change.to) {
            (Place::Cell(cell), Place::Party(party)) => (Direction::Ingress, cell, party),
            (Place::Party(party), Place::Cell(cell)) => (Direction::Egress, cell, party),
            _ => continue,
        };
        let concern = (direction, party, change.before, change.after, responsible.because);
        concerns.entry(cell).or_default().push(concern);
    }
    for concern in concerns.values_mut() {
        concern.sort_unstable();
    }
    let mut merged: FxHashMap<(Family, &[Concern]), Vec<u32>> = FxHashMap::default();
    for (&cell, concern) in &concerns {
        merged.entry((listed.cells[cell as usize].family, concern)).or_default().push(cell);
    }
    let mut externals: Vec<(Vec<String>, External, Vec<u32>)> = merged
        .into_iter()
        .map(|((family, _), cells)| {
            let ranges = cells.iter().flat_map(|&cell| listed.cells[cell as usize].addresses.ranges());
            let external = External { family, addresses: AddressSet::from_ranges(ranges.copied()) };
            (external.cidrs().iter().map(ToString::to_string).collect(), external, cells)
        })
        .collect();
    externals.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let mut external_of: FxHashMap<u32, usize> = FxHashMap::default();
    for (place, (_, _, cells)) in externals.iter().enumerate() {
        external_of.extend(cells.iter().map(|&cell| (cell, place)));
    }
    let party = |place: Place| {
        PartyId::from_index(match place {
            Place::Cell(cell) => external_of[&cell],
            Place::Party(number) => externals.len() + number as usize,
        })
    };
    let mut outside: Vec<Change> = listed
        .outside
        .iter()
        .zip(outside)
        .map(|(change, responsible)| Change {
            from: party(change.from),
            to: party(change.to),
            before: change.before,
            after: change.after,
            because: responsible.because,
        })
        .collect();
    outside.sort_unstable_by_key(|change| (change.from, change.to));
    // Merged addresses have the same changes.
    outside.dedup();

    // Addresses are alike no others.
    let group = |group: GroupId| GroupId::from_index(externals.len() + group.index());
    let mut groups: IndexVec<GroupId, Vec<PartyId>> =
        (0..externals.len()).map(|id| vec![PartyId::from_index(id)]).collect();
    for numbers in &alike.groups {
        groups.push(numbers.iter().map(|&number| party(Place::Party(number))).collect());
    }
    let group_of: IndexVec<PartyId, GroupId> =
        (0..externals.len()).map(GroupId::from_index).chain(alike.of.iter().map(|&of| group(of))).collect();
    let mut blocks: Vec<Block> = listed
        .inside
        .iter()
        .zip(inside)
        .map(|(change, responsible)| Block {
            from: group_of[party(change.from)],
            to: group_of[party(change.to)],
            is_within: change.from == change.to,
            before: change.before,
            after: change.after,
            because: responsible.because,
        })
        .collect();
    blocks.sort_unstable();
    let mut rows: IndexVec<GroupId, Range<usize>> = groups.iter().map(|_| 0..0).collect();
    let mut start = 0;
    for row in blocks.chunk_by(|a, b| a.from == b.from) {
        rows[row[0].from] = start..start + row.len();
        start += row.len();
    }
    let changes = Changes { groups, group_of, blocks, rows, outside };
    (externals.into_iter().map(|(_, external, _)| external).collect(), changes)
}
