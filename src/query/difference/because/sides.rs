//! The sides of connections, and what is responsible for a change between two of them.
//!
//! Sides whose policies say the same but for their names have one [`Shape`], and what is responsible for a change is found
//! once for two shapes: a rollout of a thousand policies changes a million connections in a dozen ways.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::super::crossed::Version;
use super::super::policies::PairId;
use super::Why;
use super::responsible::{Heard, HeardSide, Named, Part, Says, responsible};
use crate::net::{ByFamily, Family};
use crate::set::Interner;
use crate::solve::proof::Exemption;

crate::define_id! { [pub(super)]
    /// The effect of all policies on a side, whatever their names are.
    ShapeId,
}

/// A side of connections that policies treat alike.
pub(super) struct Side {
    heard: ByFamily<HeardSide>,
    shape: ShapeId,
    /// The policies by which something changed, ascending.
    candidates: Vec<PairId>,
    /// The causes at the ends for which each of them has another effect, by its version.
    seen: Vec<[Whys; 2]>,
}

/// Causes of a change between two ends, seen from the connection.
pub(super) type Whys = SmallVec<[Why; 2]>;

/// The effect of policies in one family: the inputs that have it, the exemptions, and the effect of each policy in the
/// order of the ids. Those by which something changed have a number among the candidates of the side.
#[derive(PartialEq, Eq, Hash)]
struct Shape {
    common: [bool; 2],
    exemptions: [Option<Exemption>; 2],
    says: Vec<(Option<usize>, Says)>,
}

/// Two shapes, and the policies that are candidates on both sides: the number on each.
type Meeting = (ShapeId, ShapeId, SmallVec<[(u32, u32); 2]>);

/// The causes of changes between ends that policies treat alike.
struct Outcome {
    /// The numbers of policies among the candidates of each side.
    policies: [Vec<usize>; 2],
    /// The same of those to which the ends are another thing, and in which version.
    seen: [Vec<(usize, Version)>; 2],
    /// Set if a cause is the place of the ends, or the families that they have.
    has_place: bool,
}

/// The policies by which something changed on a side, ascending.
pub(super) fn candidates(heard: &ByFamily<HeardSide>) -> Vec<PairId> {
    let is_constant = |says: &Says| says.iter().flatten().all(|say| *say == says[0][0]);
    let changed = Family::ALL.into_iter().flat_map(|family| &heard[family].says);
    let changed = changed.filter(|(_, says)| !is_constant(says)).map(|(pair, _)| *pair);
    changed.collect::<BTreeSet<PairId>>().into_iter().collect()
}

/// The causes of what changed between two ends.
pub(super) enum Between {
    /// Nothing changed.
    Nothing,
    /// These, in order.
    These(Whys),
    /// The place of the ends, or the families that they have: to tell which takes a look at both.
    Place,
}

/// The causes of changes, by the effect of policies on both sides.
#[derive(Default)]
pub(super) struct Meetings {
    shapes: Interner<ShapeId, ByFamily<Shape>>,
    /// `None` where nothing changed.
    outcomes: FxHashMap<Meeting, Option<Outcome>>,
}

impl Meetings {
    /// A side by what is heard there; `seen` says of each of its [`candidates`] what of the ends is another thing to it.
    pub(super) fn side(
        &mut self,
        heard: ByFamily<HeardSide>,
        candidates: Vec<PairId>,
        seen: Vec<[Whys; 2]>,
    ) -> Side {
        let shape = |heard: &HeardSide| Shape {
            common: heard.common,
            exemptions: heard.exemptions,
            says: heard
                .says
                .iter()
                .map(|(pair, says)| (candidates.binary_search(pair).ok(), says.clone()))
                .collect(),
        };
        let shape = ByFamily { v4: shape(&heard.v4), v6: shape(&heard.v6) };
        Side { shape: self.shapes.intern_owned(shape), heard, candidates, seen }
    }

    /// Finds the causes of what changed between two sides.
    pub(super) fn between(&mut self, egress: &Side, ingress: &Side) -> Between {
        let both = egress.candidates.iter().enumerate().filter_map(|(number, pair)| {
            Some((number as u32, ingress.candidates.binary_search(pair).ok()? as u32))
        });
        let sides = [egress, ingress];
        let meeting: Meeting = (egress.shape, ingress.shape, both.collect());
        let outcome = self.outcomes.entry(meeting).or_insert_with(|| outcome(sides));
        let Some(Outcome { policies, seen, has_place }) = outcome else { return Between::Nothing };
        if *has_place {
            return Between::Place;
        }
        let mut whys = Whys::new();
        for (side, (policies, seen)) in sides.into_iter().zip(policies.iter().zip(seen)) {
            whys.extend(policies.iter().map(|&number| Why::Policy(side.candidates[number])));
            for &(number, version) in &*seen {
                whys.extend_from_slice(&side.seen[number][version]);
            }
        }
        whys.sort_unstable();
        whys.dedup();
        Between::These(whys)
    }
}

fn outcome(sides: [&Side; 2]) -> Option<Outcome> {
    let families: Vec<Heard> =
        Family::ALL.into_iter().map(|family| sides.map(|side| side.heard[family].clone())).collect();
    let Named { policies, parts } = responsible(&families)?;
    let number = |side: &Side, pair: &PairId| side.candidates.binary_search(pair).ok();
    let seen = |place: usize| {
        let seen = parts.iter().filter_map(|(part, version)| match part {
            Part::Seen(side, pair) if *side == place => Some((number(sides[place], pair)?, *version)),
            _ => None,
        });
        seen.collect()
    };
    Some(Outcome {
        policies: sides.map(|side| policies.iter().filter_map(|pair| number(side, pair)).collect()),
        seen: [0, 1].map(seen),
        has_place: parts.iter().any(|(part, _)| matches!(part, Part::Place(_) | Part::Families)),
    })
}
