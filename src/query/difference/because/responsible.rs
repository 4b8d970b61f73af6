//! The search for the causes of a change, by the effect of each policy before and after.

use std::collections::{BTreeMap, BTreeSet};

use super::super::crossed::Version;
use super::super::policies::PairId;
use crate::net::PortSet;
use crate::solve::Bounds;
use crate::solve::proof::{Exemption, Say, Scale, Weight};

/// The effect of policies on a connection in one family: on the side of the source, and on that of the destination.
pub(super) type Heard = [HeardSide; 2];

/// The effect of the policies of one side in one family.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct HeardSide {
    /// Set if both ends have the family, in each input.
    pub(super) common: [bool; 2],
    /// Reason for which no policy applies, in each input; `None` where policies do.
    pub(super) exemptions: [Option<Exemption>; 2],
    pub(super) says: BTreeMap<PairId, Says>,
}

/// The effect of a policy: by its version, then by the input that the ends are of.
pub(super) type Says = [[Option<Say>; 2]; 2];

/// Something about the ends that may have changed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Part {
    /// The families that both have.
    Families,
    /// The exemption of a side from policies: that of the source, or that of the destination.
    Place(usize),
    /// The properties of the ends that a policy sees on a side.
    Seen(usize, PairId),
}

/// The causes of a change.
#[derive(Default)]
pub(super) struct Named {
    /// Policies that do not say the same in both inputs.
    pub(super) policies: Vec<PairId>,
    /// The parts of the ends that differ, each with the version of a policy for which it does.
    pub(super) parts: Vec<(Part, Version)>,
}

/// An edited policy, or the ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Atom {
    Ends,
    Policy(PairId),
}

impl HeardSide {
    /// The policies that were edited so that they say something else of the ends, as they were or as they are.
    fn edited(&self) -> impl Iterator<Item = PairId> {
        let edited = self.says.iter().filter(|(_, [before, after])| before != after);
        edited.map(|(pair, _)| *pair)
    }

    /// Finds the parts of the ends that make a difference on this side.
    fn parts(&self, side: usize) -> impl Iterator<Item = Part> {
        let seen = self.says.iter().filter(|(_, says)| says.iter().any(|[was, is]| was != is));
        let seen = seen.map(move |(pair, _)| Part::Seen(side, *pair));
        let place = (self.exemptions[0] != self.exemptions[1]).then_some(Part::Place(side));
        let families = (self.common[0] != self.common[1]).then_some(Part::Families);
        families.into_iter().chain(place).chain(seen)
    }
}

/// A state between before and after: what is in it is as it was before.
#[derive(Default)]
struct State {
    policies: BTreeSet<PairId>,
    ends: Ends,
}

enum Ends {
    All,
    Only(BTreeSet<Part>),
}

impl Default for Ends {
    fn default() -> Self {
        Self::Only(BTreeSet::new())
    }
}

impl State {
    fn of(atoms: &[Atom]) -> Self {
        let ends = if atoms.contains(&Atom::Ends) { Ends::All } else { Ends::default() };
        Self { policies: policies(atoms).collect(), ends }
    }

    fn version(&self, pair: PairId) -> Version {
        usize::from(!self.policies.contains(&pair))
    }

    fn input(&self, part: Part) -> usize {
        match &self.ends {
            Ends::All => 0,
            Ends::Only(parts) => usize::from(!parts.contains(&part)),
        }
    }
}

fn policies(atoms: &[Atom]) -> impl Iterator<Item = PairId> {
    atoms.iter().filter_map(|atom| match atom {
        Atom::Ends => None,
        Atom::Policy(pair) => Some(*pair),
    })
}

/// The effect of all policies on some ports.
struct Weighed<'h> {
    families: &'h [Heard],
    /// By family, side and policy.
    says: Vec<[Vec<Weights>; 2]>,
    scale: Scale,
}

/// The effect of a policy on the ports: by its version, then by the input that the ends are of.
type Weights = [[Option<Weight>; 2]; 2];

impl<'h> Weighed<'h> {
    fn new(families: &'h [Heard], ports: &PortSet) -> Self {
        let mut scale = Scale::new(ports);
        let mut weigh = |says: &Says| {
            says.each_ref()
                .map(|by_input| by_input.each_ref().map(|say| say.as_ref().map(|say| scale.weigh(say))))
        };
        let mut side = |heard: &HeardSide| heard.says.values().map(&mut weigh).collect();
        let says = families.iter().map(|heard| heard.each_ref().map(&mut side)).collect();
        Self { families, says, scale }
    }

    /// Finds the ports that both sides allow in some family, in a given state.
    fn allowed(&mut self, state: &State) -> Bounds {
        let Self { families, says, scale } = self;
        let mut all = scale.closed();
        for (heard, says) in families.iter().zip(says) {
            if !heard[0].common[state.input(Part::Families)] {
                continue;
            }
            let [from, to] = [0, 1].map(|side| {
                let (heard, weights) = (&heard[side], &says[side]);
                if heard.exemptions[state.input(Part::Place(side))].is_some() {
                    return scale.open();
                }
                let in_force = heard.says.keys().zip(weights).filter_map(|(&pair, weights)| {
                    weights[state.version(pair)][state.input(Part::Seen(side, pair))].as_ref()
                });
                scale.bounds(in_force.collect())
            });
            let both = scale.both(from, to);
            all = scale.either(all, both);
        }
        all
    }

    fn with(&mut self, atoms: &[Atom]) -> Bounds {
        self.allowed(&State::of(atoms))
    }

    /// The ports about which two bounds differ.
    fn apart(&self, a: Bounds, b: Bounds) -> PortSet {
        let apart = |a: &PortSet, b: &PortSet| a.difference(b).union(&b.difference(a));
        let [a, b] = [a, b].map(|bounds| self.scale.connectivity(bounds));
        apart(&a.plain, &b.plain).union(&apart(&a.must, &b.must)).union(&apart(&a.may, &b.may))
    }
}

/// Finds the causes: whatever, taken back, takes the change back. On each port these are all that do so alone, else a
/// minimal set that does so together; `None` if nothing changed. The ends come first, and the source's policies before
/// those of the destination, so that names do not decide what is left out.
pub(super) fn responsible(families: &[Heard]) -> Option<Named> {
    let sides = || families.iter().flat_map(|heard| heard.iter().enumerate());
    let parts: BTreeSet<Part> = sides().flat_map(|(side, heard)| heard.parts(side)).collect();
    let parts: Vec<Part> = parts.into_iter().collect();
    let mut candidates: Vec<Atom> = if parts.is_empty() { Vec::new() } else { vec![Atom::Ends] };
    let edited = |side: usize| -> BTreeSet<PairId> {
        families.iter().flat_map(|heard| heard[side].edited()).collect()
    };
    let (of_source, of_destination) = (edited(0), edited(1));
    let others = of_destination.difference(&of_source);
    candidates.extend(of_source.iter().chain(others).map(|&pair| Atom::Policy(pair)));

    let mut weighed = Weighed::new(families, &PortSet::full());
    let (before, after) = (weighed.with(&candidates), weighed.with(&[]));
    let concerned = weighed.apart(before, after);
    if concerned.is_empty() {
        return None;
    }
    let mut weighed = Weighed::new(families, &concerned);
    let before = weighed.with(&candidates);
    // The ports on which each will do alone.
    let alone: Vec<PortSet> = candidates
        .iter()
        .map(|&atom| {
            let after = weighed.with(&[atom]);
            concerned.difference(&weighed.apart(before, after))
        })
        .collect();
    let mut named: Vec<Atom> = Vec::new();
    let mut of_ends: Vec<(Part, Version)> = Vec::new();
    for ports in cut(&concerned, &alone) {
        let does = |(_, alone): &(&Atom, &PortSet)| !alone.intersection(&ports).is_empty();
        let mut atoms: Vec<Atom> =
            candidates.iter().zip(&alone).filter(does).map(|(atom, _)| *atom).collect();
        let is_alone = !atoms.is_empty();
        if is_alone && !atoms.contains(&Atom::Ends) {
            named.extend(atoms);
            continue;
        }
        let mut weighed = Weighed::new(families, &ports);
        if !is_alone {
            let before = weighed.with(&candidates);
            atoms = fewest(&candidates, &[], |atoms| weighed.with(atoms) == before);
        }
        if atoms.contains(&Atom::Ends) {
            // Which part of them, where policies are needed beside: as they said then.
            let taken_back: BTreeSet<PairId> =
                if is_alone { BTreeSet::new() } else { policies(&atoms).collect() };
            of_ends.extend(decisive(&mut weighed, &parts, &taken_back));
        }
        named.extend(atoms);
    }
    // What takes back one port may change another one.
    let named = fewest(&candidates, &named, |atoms| weighed.with(atoms) == before);
    let policies: BTreeSet<PairId> = policies(&named).collect();
    if named.contains(&Atom::Ends) {
        // What will do beside the policies of one port may not beside all that are named.
        let known =
            of_ends.iter().filter(|&&(part, of)| of == version(part, &policies)).map(|&(part, _)| part);
        let known: Vec<Part> = known.collect();
        let together = fewest(&parts, &known, |parts| {
            let ends = Ends::Only(parts.iter().copied().collect());
            weighed.allowed(&State { policies: policies.clone(), ends }) == before
        });
        let more = together.into_iter().filter(|part| !known.contains(part));
        of_ends.extend(more.map(|part| (part, version(part, &policies))));
    }
    Some(Named { policies: policies.into_iter().collect(), parts: of_ends })
}

/// The parts of the ends that take a change back, and the version of the policy to which they are another thing.
fn decisive(
    weighed: &mut Weighed<'_>,
    parts: &[Part],
    taken_back: &BTreeSet<PairId>,
) -> Vec<(Part, Version)> {
    let mut with = |ends: Ends| weighed.allowed(&State { policies: taken_back.clone(), ends });
    let wanted = with(Ends::All);
    let mut will_do = |parts: &[Part]| with(Ends::Only(parts.iter().copied().collect())) == wanted;
    let mut found: Vec<Part> = parts.iter().copied().filter(|&part| will_do(&[part])).collect();
    if found.is_empty() {
        found = fewest(parts, &[], will_do);
    }
    found.into_iter().map(|part| (part, version(part, taken_back))).collect()
}

/// The version of the policy to which a part of the ends is another thing, if these are taken back.
fn version(part: Part, taken_back: &BTreeSet<PairId>) -> Version {
    match part {
        Part::Seen(_, pair) => usize::from(!taken_back.contains(&pair)),
        Part::Place(_) | Part::Families => 1,
    }
}

/// As few candidates as will do together, these among them.
fn fewest<T: Copy + PartialEq>(
    candidates: &[T],
    kept: &[T],
    mut will_do: impl FnMut(&[T]) -> bool,
) -> Vec<T> {
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

/// Cuts ports wherever one of some sets ends.
fn cut(ports: &PortSet, sets: &[PortSet]) -> Vec<PortSet> {
    let sets: BTreeSet<&PortSet> = sets.iter().collect();
    let mut cut = vec![ports.clone()];
    for set in sets {
        let parts = cut.iter().flat_map(|ports| [ports.intersection(set), ports.difference(set)]);
        cut = parts.filter(|ports| !ports.is_empty()).collect();
    }
    cut
}
