//! Two listings of the matrix, compared pair by pair.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use rustc_hash::FxHashMap;

use super::ends::{Parties, Place};
use super::{BecauseId, Carried, CarriedId, Change, PartyId};
use crate::diff;
use crate::index::{Id, IndexVec};
use crate::net::{AddressSet, Direction, Family};
use crate::query::{Endpoint, External, ExternalId, Flow, Matrix, View};
use crate::set::Interner;
use crate::solve::Reachability;

/// What two listings differ in.
pub(super) struct Listed {
    pub(super) changes: Vec<Found>,
    /// Addresses that neither input tells apart.
    pub(super) cells: Vec<External>,
    pub(super) carried: Interner<CarriedId, Carried>,
}

/// A pair that differs.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub(super) from: Place,
    pub(super) to: Place,
    pub(super) before: CarriedId,
    pub(super) after: CarriedId,
}

/// One listing, as numbers.
#[derive(Default)]
struct Listing {
    /// Between endpoints within the cluster, in the order of their numbers.
    inside: Vec<(u32, u32, CarriedId)>,
    /// Between such an endpoint and a class of addresses, by direction seen from the endpoint.
    outside: Vec<((Direction, u32), usize, CarriedId)>,
}

pub(super) fn compare<'p>(
    before: &Reachability<'p>,
    after: &Reachability<'p>,
    parties: &Parties<'_>,
) -> Listed {
    let mut listed = Listed { changes: Vec::new(), cells: Vec::new(), carried: Interner::new() };
    listed.carried.intern_owned(Carried::default());
    let Some(views) = &parties.views else { return listed };
    let [old, new] = [before, after].map(|input| Matrix::new(input).with_replicas(parties.replicas));
    let was = list(&old, &views[0], 0, parties, &mut listed.carried);
    let is = list(&new, &views[1], 1, parties, &mut listed.carried);
    inside(&was.inside, &is.inside, &mut listed.changes);
    outside(&was.outside, &is.outside, [&old, &new], &mut listed);
    listed
}

fn list(
    matrix: &Matrix<'_>,
    view: &View,
    input: usize,
    parties: &Parties<'_>,
    table: &mut Interner<CarriedId, Carried>,
) -> Listing {
    let mut listing = Listing::default();
    let mut last: Option<(Carried, CarriedId)> = None;
    let _ = matrix.for_each_flow(view, |flow| {
        let Flow { from, to, ports, some, unknown } = flow;
        let carried = match &last {
            Some((known, id)) if (&known.ports, &known.some, &known.unknown) == (ports, some, unknown) => *id,
            _ => {
                let carried = Carried { ports: ports.clone(), some: some.clone(), unknown: unknown.clone() };
                let id = table.intern_owned(carried.clone());
                last = Some((carried, id));
                id
            }
        };
        match (*from, *to) {
            (Endpoint::External(id), party) => {
                let party = parties.number(input, party);
                listing.outside.push(((Direction::Ingress, party), id.index(), carried));
            }
            (party, Endpoint::External(id)) => {
                let party = parties.number(input, party);
                listing.outside.push(((Direction::Egress, party), id.index(), carried));
            }
            (from, to) => {
                listing.inside.push((parties.number(input, from), parties.number(input, to), carried));
            }
        }
        ControlFlow::<()>::Continue(())
    });
    listing.outside.sort_unstable();
    listing
}

const NOTHING: usize = 0;

fn inside(was: &[(u32, u32, CarriedId)], is: &[(u32, u32, CarriedId)], changes: &mut Vec<Found>) {
    let nothing = CarriedId::from_index(NOTHING);
    let (mut i, mut j) = (0, 0);
    while i < was.len() || j < is.len() {
        let ends = |flow: &(u32, u32, CarriedId)| (flow.0, flow.1);
        let (old, new) = (was.get(i), is.get(j));
        let next = old.map(ends).into_iter().chain(new.map(ends)).min().expect("one of the two goes on");
        let at =
            |flow: Option<&(u32, u32, CarriedId)>| flow.filter(|flow| ends(flow) == next).map(|flow| flow.2);
        let (before, after) = (at(old), at(new));
        i += usize::from(before.is_some());
        j += usize::from(after.is_some());
        if before != after {
            changes.push(Found {
                from: Place::Party(next.0),
                to: Place::Party(next.1),
                before: before.unwrap_or(nothing),
                after: after.unwrap_or(nothing),
            });
        }
    }
}

fn outside(
    was: &[((Direction, u32), usize, CarriedId)],
    is: &[((Direction, u32), usize, CarriedId)],
    matrices: [&Matrix<'_>; 2],
    listed: &mut Listed,
) {
    if was.is_empty() && is.is_empty() {
        return;
    }
    let nothing = CarriedId::from_index(NOTHING);
    let sets = matrices.map(|matrix| {
        matrix.externals().iter().map(|external| (external.family, &external.addresses)).collect::<Vec<_>>()
    });
    let refined = diff::refinement(&sets[0], &sets[1]);
    // The cells of each class of addresses, before and after.
    let mut cells_of: [Vec<Vec<u32>>; 2] = [vec![Vec::new(); sets[0].len()], vec![Vec::new(); sets[1].len()]];
    for (number, (old, new, _)) in (0..).zip(&refined) {
        cells_of[0][*old].push(number);
        cells_of[1][*new].push(number);
    }
    let (mut i, mut j) = (0, 0);
    let mut pairs: BTreeMap<u32, [CarriedId; 2]> = BTreeMap::new();
    while i < was.len() || j < is.len() {
        let next = was.get(i).map(|flow| flow.0).into_iter().chain(is.get(j).map(|flow| flow.0)).min();
        let next = next.expect("one of the two goes on");
        pairs.clear();
        for (input, (flows, at)) in [(was, &mut i), (is, &mut j)].into_iter().enumerate() {
            while let Some((_, class, carried)) = flows.get(*at).filter(|flow| flow.0 == next) {
                for &cell in &cells_of[input][*class] {
                    pairs.entry(cell).or_insert([nothing; 2])[input] = *carried;
                }
                *at += 1;
            }
        }
        let (direction, party) = next;
        for (&cell, &[before, after]) in pairs.iter().filter(|(_, [before, after])| before != after) {
            let (from, to) = match direction {
                Direction::Ingress => (Place::Cell(cell), Place::Party(party)),
                Direction::Egress => (Place::Party(party), Place::Cell(cell)),
            };
            listed.changes.push(Found { from, to, before, after });
        }
    }
    listed.cells = refined
        .into_iter()
        .map(|(old, _, addresses)| External { family: sets[0][old].0, addresses })
        .collect();
}

/// What one class of addresses has to do with changes: for each, the other end and what it is.
type Concern = (Direction, u32, CarriedId, CarriedId, BecauseId);

/// The changes in the order of output, and the addresses that they tell apart.
pub(super) fn merge_cells(
    listed: &Listed,
    because: &[BecauseId],
) -> (IndexVec<ExternalId, External>, Vec<Change>) {
    let mut concerns: BTreeMap<u32, Vec<Concern>> = BTreeMap::new();
    for (change, &because) in listed.changes.iter().zip(because) {
        let (direction, cell, party) = match (change.from, change.to) {
            (Place::Cell(cell), Place::Party(party)) => (Direction::Ingress, cell, party),
            (Place::Party(party), Place::Cell(cell)) => (Direction::Egress, cell, party),
            _ => continue,
        };
        concerns.entry(cell).or_default().push((direction, party, change.before, change.after, because));
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
    let mut changes: Vec<Change> = listed
        .changes
        .iter()
        .zip(because)
        .map(|(change, &because)| Change {
            from: party(change.from),
            to: party(change.to),
            before: change.before,
            after: change.after,
            because,
        })
        .collect();
    changes.sort_unstable_by_key(|change| (change.from, change.to));
    // Merged addresses have the same changes.
    changes.dedup();
    (externals.into_iter().map(|(_, external, _)| external).collect(), changes)
}
