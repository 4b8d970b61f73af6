//! Two listings of the matrix, compared pair by pair: of endpoints alike, those that stand for all.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::CarriedId;
use super::alike::Alike;
use super::ends::{Parties, Place};
use crate::diff;
use crate::index::Id;
use crate::net::Direction;
use crate::query::Carried;
use crate::query::{Endpoint, External, Flow, Matrix, View};
use crate::set::Interner;
use crate::solve::Reachability;

/// The differences between two listings.
pub(super) struct Listed {
    /// Between endpoints within the clusters, those that stand for all alike.
    pub(super) inside: Vec<Found>,
    /// Between endpoints and addresses, each endpoint by itself: where a pod runs may matter there.
    pub(super) outside: Vec<Found>,
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
    alike: &Alike,
    views: Option<&[View; 2]>,
) -> Listed {
    let mut listed =
        Listed { inside: Vec::new(), outside: Vec::new(), cells: Vec::new(), carried: Interner::new() };
    listed.carried.intern_owned(Carried::default());
    let Some(views) = views else { return listed };
    let [old, new] = [before, after].map(|input| Matrix::new(input).with_replicas(parties.replicas));
    let was = list(&old, &views[0], 0, parties, &mut listed.carried);
    let is = list(&new, &views[1], 1, parties, &mut listed.carried);
    inside(&was.inside, &is.inside, &mut listed.inside);
    outside(&was.outside, &is.outside, [&old, &new], &mut listed);
    let is_shown = |change: &Found| {
        alike.stands_for_others(change.from, change.to)
            && (parties.shows(change.from) || parties.shows(change.to))
    };
    listed.inside.retain(is_shown);
    let outside = std::mem::take(&mut listed.outside).into_iter().filter(is_shown);
    listed.outside = outside.flat_map(|change| alike.each(change)).collect();
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
        let Flow { from, to, carried } = flow;
        let carried = match &last {
            Some((known, id)) if known == carried => *id,
            _ => {
                let id = table.intern_owned(carried.clone());
                last = Some((carried.clone(), id));
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
            listed.outside.push(Found { from, to, before, after });
        }
    }
    listed.cells = refined
        .into_iter()
        .map(|(old, _, addresses)| External { family: sets[0][old].0, addresses })
        .collect();
}
