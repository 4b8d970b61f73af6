//! What policies say on each side of a connection, before and after, and which of them are responsible for a change.
//!
//! Sides whose policies say the same but for their names have one [`Shape`], and what is responsible for a change is found
//! once for two shapes: a rollout of a thousand policies changes a million connections in a dozen ways.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::super::crossed::Version;
use super::super::policies::PairId;
use super::Why;
use crate::net::{ByFamily, Family, PortSet};
use crate::set::Interner;
use crate::solve::Connectivity;
use crate::solve::proof::{Exemption, Say, bounds};

/// What policies say of a connection in one family: the side of the source, and that of the destination.
pub(super) type Heard = [HeardSide; 2];

/// What the policies of one side say in one family.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct HeardSide {
    /// Whether both ends have the family, in each input.
    pub(super) common: [bool; 2],
    /// Why no policy applies in each input.
    pub(super) exemptions: [Option<Exemption>; 2],
    pub(super) says: BTreeMap<PairId, Says>,
}

/// What a policy says: by its version, then by the input that the ends are of.
pub(super) type Says = [[Option<Say>; 2]; 2];

/// Something about the ends that may have changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// What a policy sees of them.
    Seen(PairId),
    /// Whether policies apply on a side: that of the source, or that of the destination.
    Place(usize),
    /// The families that both have.
    Families,
}

/// A state between before and after.
#[derive(Clone, Copy)]
struct State<'s> {
    /// The policies that say what they said before.
    policies: &'s [PairId],
    /// What of the ends is as it was before.
    ends: Ends<'s>,
}

#[derive(Clone, Copy)]
enum Ends<'s> {
    All,
    Only(&'s [Part]),
}

impl State<'_> {
    fn version(self, pair: PairId) -> usize {
        usize::from(!self.policies.contains(&pair))
    }

    fn input(self, part: Part) -> usize {
        match self.ends {
            Ends::All => 0,
            Ends::Only(parts) => usize::from(!parts.contains(&part)),
        }
    }
}

impl HeardSide {
    /// The policies that were edited so that they say something else of the ends, as they were or as they are.
    fn edited(&self) -> impl Iterator<Item = PairId> {
        let edited = self.says.iter().filter(|(_, [before, after])| before != after);
        edited.map(|(pair, _)| *pair)
    }

    /// What makes a difference of the ends, on this side.
    fn parts(&self, side: usize) -> impl Iterator<Item = Part> {
        let seen = self.says.iter().filter(|(_, says)| says.iter().any(|[was, is]| was != is));
        let seen = seen.map(|(pair, _)| Part::Seen(*pair));
        let place = (self.exemptions[0] != self.exemptions[1]).then_some(Part::Place(side));
        let families = (self.common[0] != self.common[1]).then_some(Part::Families);
        families.into_iter().chain(place).chain(seen)
    }

    /// What the side allows in a state.
    fn bounds(&self, side: usize, state: State<'_>) -> Connectivity {
        if self.exemptions[state.input(Part::Place(side))].is_some() {
            return Connectivity::open();
        }
        let says = self.says.iter().filter_map(|(pair, says)| {
            Some((says[state.version(*pair)][state.input(Part::Seen(*pair))].as_ref()?, *pair))
        });
        let mut says: Vec<(&Say, PairId)> = says.collect();
        says.sort_by_key(|(say, pair)| (say.tier, say.priority, *pair));
        let says: Vec<Say> = says.into_iter().map(|(say, _)| say.clone()).collect();
        bounds(&says)
    }
}

/// What both sides allow in some family.
fn allowed(families: &[Heard], state: State<'_>) -> Connectivity {
    let mut all = Connectivity::closed();
    for [from, to] in families.iter().filter(|[from, _]| from.common[state.input(Part::Families)]) {
        let (from, to) = (from.bounds(0, state), to.bounds(1, state));
        all.must = all.must.union(&from.must.intersection(&to.must));
        all.may = all.may.union(&from.may.intersection(&to.may));
    }
    all
}

/// What is responsible for a change.
#[derive(Default)]
pub(super) struct Named {
    /// Policies that do not say the same in both inputs.
    pub(super) policies: Vec<PairId>,
    /// What of the ends is another thing, and to which version of a policy.
    pub(super) parts: Vec<(Part, Version)>,
}

/// An edited policy, or the ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Atom {
    Ends,
    Policy(PairId),
}

/// What, taken back, takes back what changed: on each port everything that does so alone, or else as little as will do
/// together; `None` if nothing changed. That the ends come first, and the source's policies before those of the
/// destination, is so that names do not decide what is left out.
pub(super) fn responsible(families: &[Heard]) -> Option<Named> {
    let sides = || families.iter().flat_map(|heard| heard.iter().enumerate());
    let mut parts: Vec<Part> = Vec::new();
    for part in sides().flat_map(|(side, heard)| heard.parts(side)) {
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    let mut candidates: Vec<Atom> = if parts.is_empty() { Vec::new() } else { vec![Atom::Ends] };
    for side in [0, 1] {
        let of_side: BTreeSet<PairId> = families.iter().flat_map(|heard| heard[side].edited()).collect();
        for atom in of_side.into_iter().map(Atom::Policy) {
            if !candidates.contains(&atom) {
                candidates.push(atom);
            }
        }
    }
    let with = |atoms: &[Atom]| allowed_with(families, atoms);
    let (before, after) = (with(&candidates), with(&[]));
    let concerned = apart(&before.must, &after.must).union(&apart(&before.may, &after.may));
    if concerned.is_empty() {
        return None;
    }
    let alone: Vec<Connectivity> = candidates.iter().map(|&atom| with(&[atom])).collect();
    // Ports on which the same will do are asked about together.
    let mut classes: Vec<(Vec<Atom>, PortSet)> = Vec::new();
    for ports in cut(families, &concerned) {
        let does = |after: &Connectivity| on(after, &ports) == on(&before, &ports);
        let named: Vec<Atom> =
            candidates.iter().zip(&alone).filter(|(_, after)| does(after)).map(|(&atom, _)| atom).collect();
        match classes.iter_mut().find(|(known, _)| *known == named) {
            Some((_, known)) => *known = known.union(&ports),
            None => classes.push((named, ports)),
        }
    }
    let mut named: Vec<Atom> = Vec::new();
    let mut found: Vec<(Part, Version)> = Vec::new();
    for (mut atoms, ports) in classes {
        let wanted = on(&before, &ports);
        let is_alone = !atoms.is_empty();
        if !is_alone {
            atoms = fewest(&candidates, &[], |atoms| on(&with(atoms), &ports) == wanted);
        }
        if atoms.contains(&Atom::Ends) {
            // Which part of them, where policies are needed beside: as they said then.
            let taken_back: Vec<PairId> = if is_alone { Vec::new() } else { policies(&atoms) };
            let with = |ends: Ends<'_>| on(&allowed(families, State { policies: &taken_back, ends }), &ports);
            let wanted = with(Ends::All);
            let does = |parts: &[Part]| with(Ends::Only(parts)) == wanted;
            let mut of_ends: Vec<Part> = parts.iter().copied().filter(|&part| does(&[part])).collect();
            if of_ends.is_empty() {
                of_ends = fewest(&parts, &[], does);
            }
            found.extend(of_ends.into_iter().map(|part| {
                let version = match part {
                    Part::Seen(pair) => usize::from(!taken_back.contains(&pair)),
                    Part::Place(_) | Part::Families => 1,
                };
                (part, version)
            }));
        }
        named.extend(atoms);
    }
    // What takes back one port may change another one.
    let named = fewest(&candidates, &named, |atoms| on(&with(atoms), &concerned) == on(&before, &concerned));
    if found.is_empty() && named.contains(&Atom::Ends) {
        found = parts.into_iter().map(|part| (part, 1)).collect();
    }
    Some(Named { policies: policies(&named), parts: found })
}

fn allowed_with(families: &[Heard], atoms: &[Atom]) -> Connectivity {
    let ends = if atoms.contains(&Atom::Ends) { Ends::All } else { Ends::Only(&[]) };
    allowed(families, State { policies: &policies(atoms), ends })
}

fn policies(atoms: &[Atom]) -> Vec<PairId> {
    let policies = atoms.iter().filter_map(|atom| match atom {
        Atom::Ends => None,
        Atom::Policy(pair) => Some(*pair),
    });
    policies.collect()
}

/// As few candidates as will do together, these among them.
fn fewest<T: Copy + PartialEq>(candidates: &[T], kept: &[T], will_do: impl Fn(&[T]) -> bool) -> Vec<T> {
    if will_do(kept) {
        return kept.to_vec();
    }
    let mut named = candidates.to_vec();
    for candidate in candidates.iter().filter(|candidate| !kept.contains(candidate)) {
        let fewer: Vec<T> = named.iter().copied().filter(|other| other != candidate).collect();
        if will_do(&fewer) {
            named = fewer;
        }
    }
    named
}

/// Cuts ports wherever some rule does.
fn cut(families: &[Heard], ports: &PortSet) -> Vec<PortSet> {
    let says = families.iter().flatten().flat_map(|heard| heard.says.values().flatten().flatten().flatten());
    let rules: BTreeSet<&PortSet> = says.flat_map(|say| &say.rules).map(|(_, ports, _)| ports).collect();
    let mut cut = vec![ports.clone()];
    for rule in rules {
        let parts = cut.iter().flat_map(|ports| [ports.intersection(rule), ports.difference(rule)]);
        cut = parts.filter(|ports| !ports.is_empty()).collect();
    }
    cut.sort_unstable();
    cut
}

/// What bounds say of some ports.
fn on(bounds: &Connectivity, ports: &PortSet) -> (PortSet, PortSet) {
    (bounds.must.intersection(ports), bounds.may.intersection(ports))
}

fn apart(a: &PortSet, b: &PortSet) -> PortSet {
    a.difference(b).union(&b.difference(a))
}

crate::define_id! { [pub(super)]
    /// What is said on a side, whatever the names of the policies are.
    ShapeId,
}

/// A side of connections that policies treat alike.
pub(super) struct Side {
    heard: ByFamily<HeardSide>,
    shape: ShapeId,
    /// The policies by which something changed, ascending.
    candidates: Vec<PairId>,
    /// What of the ends is another thing to each of them, by its version.
    seen: Vec<[Whys; 2]>,
}

/// What of two ends is responsible.
pub(super) type Whys = SmallVec<[Why; 2]>;

/// What is said in one family: in which inputs, why no policy applies, and by whom, in the order of the policies' ids. Those
/// by which something changed have a number among the candidates of the side.
#[derive(PartialEq, Eq, Hash)]
struct Shape {
    common: [bool; 2],
    exemptions: [Option<Exemption>; 2],
    says: Vec<(Option<usize>, Says)>,
}

/// Two shapes, and the policies that are candidates on both sides: the number on each.
type Meeting = (ShapeId, ShapeId, SmallVec<[(u32, u32); 2]>);

/// What is responsible for changes between ends that policies treat alike.
struct Outcome {
    /// The numbers of policies among the candidates of each side.
    policies: [Vec<usize>; 2],
    /// The same of those to which the ends are another thing, and in which version.
    seen: [Vec<(usize, Version)>; 2],
    /// Whether it is where the ends are, or which families they have.
    has_place: bool,
}

/// The policies by which something changed on a side, ascending.
pub(super) fn candidates(heard: &ByFamily<HeardSide>) -> Vec<PairId> {
    let is_constant = |says: &Says| says.iter().flatten().all(|say| *say == says[0][0]);
    let changed = Family::ALL.into_iter().flat_map(|family| &heard[family].says);
    let changed = changed.filter(|(_, says)| !is_constant(says)).map(|(pair, _)| *pair);
    changed.collect::<BTreeSet<PairId>>().into_iter().collect()
}

/// What is responsible for what changed between two ends.
pub(super) enum Between {
    /// Nothing changed.
    Nothing,
    /// These, in order.
    These(Whys),
    /// Where the ends are, or which families they have: that takes a look at both.
    Place,
}

/// What is responsible for changes, by what is said on both sides.
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

    /// What is responsible for what changed between two sides.
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
    let seen = |side: &Side| {
        let seen = parts.iter().filter_map(|(part, version)| match part {
            Part::Seen(pair) => Some((number(side, pair)?, *version)),
            Part::Place(_) | Part::Families => None,
        });
        seen.collect()
    };
    Some(Outcome {
        policies: sides.map(|side| policies.iter().filter_map(|pair| number(side, pair)).collect()),
        seen: sides.map(seen),
        has_place: parts.iter().any(|(part, _)| matches!(part, Part::Place(_) | Part::Families)),
    })
}
