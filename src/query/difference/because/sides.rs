//! What policies say on each side of a connection, before and after, and which of them are responsible for a change.
//!
//! Sides whose policies say the same but for their names have one [`Shape`], and what is responsible for a change is found
//! once for two shapes: a rollout of a thousand policies changes a million connections in a dozen ways.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::super::policies::PairId;
use crate::net::{ByFamily, Family, PortSet};
use crate::set::Interner;
use crate::solve::Connectivity;
use crate::solve::proof::{Exemption, Say, bounds};

/// What policies say of a connection in one family: the side of the source, and that of the destination.
pub(super) type Heard = [HeardSide; 2];

/// What the policies of one side say in one family, before and after.
#[derive(Clone)]
pub(super) struct HeardSide {
    /// Why no policy applies in each input, where that is not because policies of the node came or went.
    pub(super) exemptions: [Option<Exemption>; 2],
    /// What the side allows in each input.
    pub(super) bounds: [Connectivity; 2],
    pub(super) says: BTreeMap<PairId, [Option<Say>; 2]>,
}

impl HeardSide {
    /// Whether the reason why no policy applies holds in one input only.
    pub(super) fn is_exempt_in_one(&self) -> bool {
        self.exemptions[0] != self.exemptions[1]
    }

    /// The policies that do not say the same in both inputs.
    fn candidates(&self) -> impl Iterator<Item = PairId> {
        self.says.iter().filter(|(_, [before, after])| before != after).map(|(pair, _)| *pair)
    }

    /// What the side would allow after the change if these policies had stayed as they were.
    fn without(&self, taken_back: &[PairId]) -> Connectivity {
        if self.is_exempt_in_one() {
            return self.bounds[0].clone();
        }
        if self.exemptions[0].is_some() {
            return Connectivity::open();
        }
        let mut says: Vec<(&Say, PairId)> = Vec::new();
        for (pair, [before, after]) in &self.says {
            let say = if taken_back.contains(pair) { before } else { after };
            says.extend(say.as_ref().map(|say| (say, *pair)));
        }
        says.sort_by_key(|(say, pair)| (say.tier, say.priority, *pair));
        let says: Vec<Say> = says.into_iter().map(|(say, _)| say.clone()).collect();
        bounds(&says)
    }
}

/// The policies that, taken back, take back what changed on some ports: each that does so alone, or else as few as
/// will do together. Those of the source come first, so that names do not decide who is left out.
pub(super) fn responsible(families: &[Heard], concerned: &PortSet) -> Vec<PairId> {
    let mut candidates: Vec<PairId> = Vec::new();
    for side in [0, 1] {
        let of_side: BTreeSet<PairId> = families.iter().flat_map(|heard| heard[side].candidates()).collect();
        candidates.extend(of_side.into_iter().filter(|pair| !candidates.contains(pair)).collect::<Vec<_>>());
    }
    let with = |taken_back: &[PairId]| on(&allowed(families, |side| side.without(taken_back)), concerned);
    let wanted = with(&candidates);
    let takes_back = |pairs: &[PairId]| with(pairs) == wanted;
    if takes_back(&[]) {
        return Vec::new();
    }
    let mut named: Vec<PairId> = candidates.iter().copied().filter(|&pair| takes_back(&[pair])).collect();
    if named.is_empty() || !takes_back(&named) {
        named.clone_from(&candidates);
        for pair in candidates {
            let fewer: Vec<PairId> = named.iter().copied().filter(|&other| other != pair).collect();
            if takes_back(&fewer) {
                named = fewer;
            }
        }
    }
    named
}

/// What both sides allow in some family.
fn allowed(families: &[Heard], by: impl Fn(&HeardSide) -> Connectivity) -> Connectivity {
    let mut all = Connectivity::closed();
    for [from, to] in families.iter().map(|heard| heard.each_ref().map(&by)) {
        all.must = all.must.union(&from.must.intersection(&to.must));
        all.may = all.may.union(&from.may.intersection(&to.may));
    }
    all
}

/// What bounds say of some ports.
pub(super) fn on(bounds: &Connectivity, ports: &PortSet) -> (PortSet, PortSet) {
    (bounds.must.intersection(ports), bounds.may.intersection(ports))
}

/// The ports about which two bounds differ.
pub(super) fn changed([before, after]: &[Connectivity; 2]) -> PortSet {
    let apart = |a: &PortSet, b: &PortSet| a.difference(b).union(&b.difference(a));
    apart(&before.must, &after.must).union(&apart(&before.may, &after.may))
}

crate::define_id! { [pub(super)]
    /// What is said on a side, whatever the names of the policies are.
    ShapeId,
}

/// A side of connections that policies treat alike.
pub(super) struct Side {
    /// In each family that both ends have.
    heard: ByFamily<Option<HeardSide>>,
    shape: ShapeId,
    /// The policies that do not say the same in both inputs, ascending.
    candidates: Vec<PairId>,
}

/// What is said in one family: why no policy applies, what is allowed, and by whom, in the order of the policies' ids. Those
/// that do not say the same in both inputs have a number among the candidates of the side.
#[derive(PartialEq, Eq, Hash)]
struct Shape {
    exemptions: [Option<Exemption>; 2],
    bounds: [Connectivity; 2],
    says: Vec<(Option<usize>, [Option<Say>; 2])>,
}

/// Two shapes, and the policies that are candidates on both sides: the number on each.
type Meeting = (ShapeId, ShapeId, SmallVec<[(u32, u32); 2]>);

/// The numbers of the candidates that are responsible, on each side; `None` if nothing changed.
type Outcome = Option<[Vec<usize>; 2]>;

/// The policies that are responsible for changes, by what is said on both sides.
#[derive(Default)]
pub(super) struct Meetings {
    shapes: Interner<ShapeId, ByFamily<Option<Shape>>>,
    outcomes: FxHashMap<Meeting, Outcome>,
}

impl Meetings {
    /// A side by what is heard there.
    pub(super) fn side(&mut self, heard: ByFamily<Option<HeardSide>>) -> Side {
        let families = || Family::ALL.into_iter().filter_map(|family| heard[family].as_ref());
        let candidates: BTreeSet<PairId> = families().flat_map(HeardSide::candidates).collect();
        let candidates: Vec<PairId> = candidates.into_iter().collect();
        let shape = |heard: &HeardSide| Shape {
            exemptions: heard.exemptions,
            bounds: heard.bounds.clone(),
            says: heard
                .says
                .iter()
                .map(|(pair, says)| (candidates.binary_search(pair).ok(), says.clone()))
                .collect(),
        };
        let shape = ByFamily { v4: heard.v4.as_ref().map(shape), v6: heard.v6.as_ref().map(shape) };
        Side { shape: self.shapes.intern_owned(shape), heard, candidates }
    }

    /// The policies that are responsible for what changed between two sides, where those of both may stand twice; `None` if
    /// nothing did.
    pub(super) fn responsible<'s>(
        &'s mut self,
        egress: &'s Side,
        ingress: &'s Side,
    ) -> Option<impl Iterator<Item = PairId> + 's> {
        let both = egress.candidates.iter().enumerate().filter_map(|(number, pair)| {
            Some((number as u32, ingress.candidates.binary_search(pair).ok()? as u32))
        });
        let meeting: Meeting = (egress.shape, ingress.shape, both.collect());
        let outcome = self.outcomes.entry(meeting).or_insert_with(|| outcome([egress, ingress]));
        let [outgoing, incoming] = outcome.as_ref()?;
        let outgoing = outgoing.iter().map(|&number| egress.candidates[number]);
        Some(outgoing.chain(incoming.iter().map(|&number| ingress.candidates[number])))
    }
}

fn outcome(sides: [&Side; 2]) -> Outcome {
    let heard = |family: Family| -> Option<Heard> {
        let [egress, ingress] = sides.map(|side| side.heard[family].clone());
        Some([egress?, ingress?])
    };
    let families: Vec<Heard> = Family::ALL.into_iter().filter_map(heard).collect();
    let concerned = changed(&[0, 1].map(|input| allowed(&families, |side| side.bounds[input].clone())));
    if concerned.is_empty() {
        return None;
    }
    let policies = responsible(&families, &concerned);
    let numbers =
        |side: &Side| policies.iter().filter_map(|pair| side.candidates.binary_search(pair).ok()).collect();
    Some(sides.map(numbers))
}
