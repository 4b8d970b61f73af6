//! Changes as few boxes: sets of sources times sets of destinations that have the same change for the same reason.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::changes::{Block, Changes};
use super::{BecauseId, BoxEnds, CarriedId, ChangeBox, Difference, GroupId, PartyId, Presence, Sign};
use crate::index::IndexVec;

/// The properties that all pairs of a box share. Endpoints that only one input has are not mixed with the others.
type Alike = (Option<BecauseId>, CarriedId, CarriedId, Presence, Presence);

/// A row of a table: the ends at the other side, by group.
type Row = Vec<(GroupId, Part)>;

/// Ends of one group: never none of them, and equal for equal ends.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Part {
    All,
    /// All but one of three or more.
    AllBut(PartyId),
    /// Not all, ascending.
    Some(Vec<PartyId>),
}

/// The pairs that have the same change, seen from one side.
#[derive(Default)]
struct Table {
    /// By group of ends the groups at the other side, and whether each end is with itself alone, or with all others.
    groups: BTreeMap<GroupId, Vec<(GroupId, bool)>>,
    /// By end, where addresses are at one side.
    ends: BTreeMap<PartyId, Vec<PartyId>>,
}

/// The boxes of all changes: what allows more first.
pub(super) fn boxes(difference: &Difference, singles: &IndexVec<PartyId, bool>) -> Vec<ChangeBox> {
    let changes = &difference.changes;
    let alike = |from: PartyId, to: PartyId, before, after, because| -> Alike {
        let presence = |party: PartyId| difference.parties[party].presence;
        let ends = (presence(from), presence(to));
        let because = (ends == (Presence::Stays, Presence::Stays)).then_some(because);
        (because, before, after, ends.0, ends.1)
    };
    let block = |place: usize| changes.blocks.get(place).ok_or_else(|| place - changes.blocks.len());
    let common = |place: u32| match block(place as usize) {
        Ok(block) => {
            let [from, to] = [block.from, block.to].map(|group| changes.groups[group][0]);
            alike(from, to, block.before, block.after, block.because)
        }
        Err(place) => {
            let change = &changes.outside[place];
            alike(change.from, change.to, change.before, change.after, change.because)
        }
    };
    // By what they have in common, so that no more than one table is there at a time.
    let all = 0..(changes.blocks.len() + changes.outside.len()) as u32;
    let mut places: Vec<(Alike, u32)> = all.map(|place| (common(place), place)).collect();
    places.sort_unstable();
    let mut signs: FxHashMap<(CarriedId, CarriedId), Sign> = FxHashMap::default();
    let mut boxes = Vec::new();
    for places in places.chunk_by(|a, b| a.0 == b.0) {
        let (because, before, after, ..) = places[0].0;
        let sign = *signs
            .entry((before, after))
            .or_insert_with(|| Sign::of(&difference.carried[before], &difference.carried[after]));
        let pairs = places.iter().map(|&(_, place)| match block(place as usize) {
            Ok(Block { from, to, .. }) => [&changes.groups[*from][..], &changes.groups[*to][..]],
            Err(place) => {
                [&changes.outside[place].from, &changes.outside[place].to].map(std::slice::from_ref)
            }
        });
        if let Some((from, to)) = around_one(pairs) {
            boxes.push(ChangeBox { sign, from, to, before, after, because });
            continue;
        }
        let (mut by_source, mut by_destination) = (Table::default(), Table::default());
        for &(_, place) in places {
            match block(place as usize) {
                Ok(block) => {
                    by_source.groups.entry(block.from).or_default().push((block.to, block.is_within));
                    by_destination.groups.entry(block.to).or_default().push((block.from, block.is_within));
                }
                Err(place) => {
                    let change = &changes.outside[place];
                    by_source.ends.entry(change.from).or_default().push(change.to);
                    by_destination.ends.entry(change.to).or_default().push(change.from);
                }
            }
        }
        let sources = grouped(changes, by_source.rows(changes), singles);
        let destinations = grouped(changes, by_destination.rows(changes), singles);
        let found = if destinations.len() < sources.len() {
            destinations.into_iter().map(|(to, from)| (from, to)).collect()
        } else {
            sources
        };
        boxes.extend(found.into_iter().map(|(from, to)| ChangeBox {
            sign,
            from: BoxEnds::from_vec(from),
            to: BoxEnds::from_vec(to),
            before,
            after,
            because,
        }));
    }
    boxes.sort_unstable_by(|a, b| (a.sign, &a.from, &a.to).cmp(&(b.sign, &b.from, &b.to)));
    boxes
}

/// Sources and destinations where either are one and the same end; its own group is not among the others.
fn around_one<'g>(pairs: impl Iterator<Item = [&'g [PartyId]; 2]> + Clone) -> Option<(BoxEnds, BoxEnds)> {
    let first = pairs.clone().next()?;
    let one = [0, 1].into_iter().find(|&end| {
        first[end].len() == 1
            && pairs.clone().all(|pair| pair[end] == first[end] && pair[1 - end][0] != first[end][0])
    })?;
    let mut others: BoxEnds = pairs.flat_map(|pair| pair[1 - one]).copied().collect();
    others.sort_unstable();
    let one_end = BoxEnds::from_slice(first[one]);
    Some(if one == 0 { (one_end, others) } else { (others, one_end) })
}

impl Table {
    /// The row of each end, ascending.
    fn rows(self, changes: &Changes) -> BTreeMap<PartyId, Row> {
        let mut rows: BTreeMap<PartyId, Row> = BTreeMap::new();
        for (group, mut others) in self.groups {
            others.sort_unstable();
            let members = &changes.groups[group];
            for &end in members {
                let mut row: Row = Vec::with_capacity(others.len());
                for of_group in others.chunk_by(|a, b| a.0 == b.0) {
                    let is_all = of_group.len() == 2 || of_group[0].0 != group;
                    let part = match of_group[0].1 {
                        _ if is_all => Part::All,
                        true => part(members, vec![end]),
                        false => without(members, end),
                    };
                    row.push((of_group[0].0, part));
                }
                rows.insert(end, row);
            }
        }
        for (end, mut others) in self.ends {
            others.sort_unstable_by_key(|&other| (changes.group_of[other], other));
            let row = rows.entry(end).or_default();
            for of_group in others.chunk_by(|a, b| changes.group_of[*a] == changes.group_of[*b]) {
                let group = changes.group_of[of_group[0]];
                row.push((group, part(&changes.groups[group], of_group.to_vec())));
            }
            row.sort_unstable_by_key(|(group, _)| *group);
        }
        rows
    }
}

/// Some members of a group, ascending.
fn part(members: &[PartyId], some: Vec<PartyId>) -> Part {
    if some.len() == members.len() {
        Part::All
    } else if some.len() + 1 == members.len() && members.len() > 2 {
        let missing = members.iter().zip(&some).find(|(member, some)| member != some);
        Part::AllBut(missing.map_or(members[some.len()], |(member, _)| *member))
    } else {
        Part::Some(some)
    }
}

/// A group of several but for one member.
fn without(members: &[PartyId], end: PartyId) -> Part {
    if members.len() > 2 {
        Part::AllBut(end)
    } else {
        Part::Some(members.iter().copied().filter(|&member| member != end).collect())
    }
}

/// A row with its own end in it.
fn with_itself(changes: &Changes, row: &Row, end: PartyId) -> Row {
    let group = changes.group_of[end];
    let members = &changes.groups[group];
    let mut row = row.clone();
    match row.binary_search_by_key(&group, |(group, _)| *group) {
        Err(at) => row.insert(at, (group, part(members, vec![end]))),
        Ok(at) => {
            let own = &mut row[at].1;
            *own = match std::mem::replace(own, Part::All) {
                Part::AllBut(other) if other != end => Part::AllBut(other),
                Part::All | Part::AllBut(_) => Part::All,
                Part::Some(mut some) => {
                    if let Err(at) = some.binary_search(&end) {
                        some.insert(at, end);
                    }
                    part(members, some)
                }
            };
        }
    }
    row
}

/// The ends of a row, ascending.
fn ends(changes: &Changes, row: &Row) -> Vec<PartyId> {
    let mut ends: Vec<PartyId> = Vec::new();
    for (group, part) in row {
        let members = changes.groups[*group].iter().copied();
        match part {
            Part::All => ends.extend(members),
            Part::AllBut(one) => ends.extend(members.filter(|member| member != one)),
            Part::Some(some) => ends.extend_from_slice(some),
        }
    }
    ends.sort_unstable();
    ends
}

/// Ends with the same row, and that row. A single pod has no connection to itself, so that it may stand in its own row
/// or not, as it suits the others.
fn grouped(
    changes: &Changes,
    rows: BTreeMap<PartyId, Row>,
    singles: &IndexVec<PartyId, bool>,
) -> Vec<(Vec<PartyId>, Vec<PartyId>)> {
    let mut groups: Vec<(Vec<PartyId>, Row)> = Vec::new();
    // The rows that each group may still have.
    let mut alternatives: Vec<Vec<Row>> = Vec::new();
    let mut known: FxHashMap<Row, usize> = FxHashMap::default();
    for (end, row) in rows {
        let mut mine = vec![row];
        if singles[end] {
            mine.push(with_itself(changes, &mine[0], end));
        }
        if let Some((place, group)) =
            mine.iter().enumerate().find_map(|(place, row)| Some((place, *known.get(row)?)))
        {
            groups[group].0.push(end);
            let row = mine.swap_remove(place);
            // With company it is settled which row it is.
            for other in alternatives[group].drain(..).filter(|other| *other != row) {
                known.remove(&other);
            }
            groups[group].1 = row;
        } else {
            for row in &mine {
                known.insert(row.clone(), groups.len());
            }
            groups.push((vec![end], mine[0].clone()));
            alternatives.push(mine);
        }
    }
    groups.into_iter().map(|(from, row)| (from, ends(changes, &row))).collect()
}
