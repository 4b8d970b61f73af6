//! Changes as few boxes: sets of sources times sets of destinations that have the same change for the same reason.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::{BecauseId, CarriedId, ChangeBox, Difference, PartyId, Presence, Sign};
use crate::index::IndexVec;

/// What the pairs of a box have in common. Endpoints that only one input has are not mixed with the others.
type Alike = (CarriedId, CarriedId, Option<BecauseId>, Presence, Presence);

/// Rows of a table: for each end, the ends at the other side.
type Rows = BTreeMap<PartyId, Vec<PartyId>>;

/// The boxes of all changes: what allows more first.
pub(super) fn boxes(difference: &Difference, singles: &IndexVec<PartyId, bool>) -> Vec<ChangeBox> {
    let mut tables: BTreeMap<Alike, (Rows, Rows)> = BTreeMap::new();
    for change in &difference.changes {
        let presence = |party: PartyId| difference.parties[party].presence;
        let ends = (presence(change.from), presence(change.to));
        let because = (ends == (Presence::Stays, Presence::Stays)).then_some(change.because);
        let alike = (change.before, change.after, because, ends.0, ends.1);
        let (by_source, by_destination) = tables.entry(alike).or_default();
        by_source.entry(change.from).or_default().push(change.to);
        by_destination.entry(change.to).or_default().push(change.from);
    }
    let mut boxes = Vec::new();
    for ((before, after, because, ..), (by_source, by_destination)) in tables {
        let sign = Sign::of(&difference.carried[before], &difference.carried[after]);
        let sources = grouped(&by_source, singles);
        let destinations = grouped(&by_destination, singles);
        let found = if destinations.len() < sources.len() {
            destinations.into_iter().map(|(to, from)| (from, to)).collect()
        } else {
            sources
        };
        boxes.extend(found.into_iter().map(|(from, to)| ChangeBox {
            sign,
            from,
            to,
            before,
            after,
            because,
        }));
    }
    boxes.sort_by(|a, b| (a.sign, &a.from, &a.to).cmp(&(b.sign, &b.from, &b.to)));
    boxes
}

/// Ends with the same row, and that row. A single pod has no connection to itself, so that it may stand in its own row
/// or not, as it suits the others.
fn grouped(rows: &Rows, singles: &IndexVec<PartyId, bool>) -> Vec<(Vec<PartyId>, Vec<PartyId>)> {
    let mut groups: Vec<(Vec<PartyId>, Vec<PartyId>)> = Vec::new();
    // The rows that each group may still have.
    let mut alternatives: Vec<Vec<Vec<PartyId>>> = Vec::new();
    let mut known: FxHashMap<Vec<PartyId>, usize> = FxHashMap::default();
    for (&end, row) in rows {
        let mut mine = vec![row.clone()];
        if singles[end] {
            let mut with_itself = row.clone();
            with_itself.insert(row.partition_point(|&other| other < end), end);
            mine.push(with_itself);
        }
        if let Some((row, group)) = mine.iter().find_map(|row| Some((row.clone(), *known.get(row)?))) {
            groups[group].0.push(end);
            // With company it is settled which row it is.
            for other in alternatives[group].drain(..).filter(|other| *other != row) {
                known.remove(&other);
            }
            groups[group].1 = row;
        } else {
            for row in &mine {
                known.insert(row.clone(), groups.len());
            }
            groups.push((vec![end], row.clone()));
            alternatives.push(mine);
        }
    }
    groups
}
