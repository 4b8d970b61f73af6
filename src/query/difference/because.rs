//! The causes of a change: the policies and other objects that are responsible for it.
//!
//! One pair of pods that changed is proved before and after, by the policies as they were and as they are. Responsible is
//! what, taken back, takes the change back: a policy that was edited, or the ends. Where it is the ends, what policies see
//! of them says whether it is labels, ports or addresses of a pod, the labels of a namespace, or a node.

mod causes;
mod evidence;
mod responsible;
mod sides;

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::crossed::Crossed;
use super::ends::{Parties, Place};
use super::listing::Found;
use super::policies::{PairId, PolicyPairs};
use super::samples::{FactsId, PODS, Samples};
use super::treatment::{Policies, Treated};
use super::{BecauseId, Cause, CauseId, CauseSets, Presence};
use crate::cluster::PodId;
use crate::compile::Program;
use crate::index::{Id, IndexVec};
use crate::net::{ByFamily, address};
use crate::query::External;
use crate::set::Interner;
use crate::solve::End;

use causes::{CauseIndex, CauseSet, Causes};
use evidence::Evidence;
use sides::{Between, Meetings, candidates};

/// One of the two ends of a connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Which {
    From,
    To,
}

/// A cause of a change, seen from the connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Why {
    /// A policy that is new, gone or says something else.
    Policy(PairId),
    /// The labels of an end's namespace.
    Namespace(Which),
    /// Labels, ports, addresses or place of an end.
    Pod(Which),
    /// The addresses of the node that an end is on.
    Node(Which),
}

/// A cause of a change between two ends, and these ends before and after, where they are pods.
type Blamed = (Why, [[Option<PodId>; 2]; 2]);

/// The most pairs of an endpoint's classes that are looked at for one change.
const PAIRS: usize = 1024;

/// An end as far as it is told apart, before and after.
type Kind = (u32, u32);

/// Two ends as far as they are told apart: pods also by what of them changed, and by whether they share a node in each input.
type Pair = ([Kind; 2], [Option<FactsId>; 2], [bool; 2]);

/// Finds what is responsible for changes, and remembers what it found of ends that are alike.
pub(super) struct Because<'p> {
    programs: [&'p Program; 2],
    evidence: Evidence<'p>,
    parties: &'p Parties<'p>,
    samples: &'p Samples,
    treatments: Policies<'p>,
    /// The number of a side, by what policies see of the connection.
    side_of: FxHashMap<Treated, usize>,
    sides: Vec<sides::Side>,
    meetings: Meetings,
    /// The causes found so far, by what tells two ends apart; `None` where nothing changed.
    known: FxHashMap<Pair, Option<Vec<Why>>>,
    causes: Causes<'p>,
    sets: Interner<BecauseId, CauseSet>,
}

/// The causes of a change between two ends.
enum Blame {
    Policies(BecauseId),
    Ends(Vec<Blamed>),
}

/// The causes of a change, as a set.
#[derive(Clone, Copy)]
pub(super) struct Responsible {
    pub(super) because: BecauseId,
    /// Set for the source, and for the destination, if it is a cause itself: then these hold for no others alike.
    pub(super) names: [bool; 2],
}

impl<'p> Because<'p> {
    pub(super) fn new(
        policies: &'p PolicyPairs,
        crossed: &'p Crossed<'p>,
        parties: &'p Parties<'p>,
        samples: &'p Samples,
    ) -> Self {
        let programs = crossed.programs();
        Self {
            programs,
            evidence: Evidence::new(policies, crossed),
            parties,
            samples,
            treatments: Policies::new(programs),
            side_of: FxHashMap::default(),
            sides: Vec::new(),
            meetings: Meetings::default(),
            known: FxHashMap::default(),
            causes: Causes::new(programs.map(|program| &*program.cluster), policies),
            sets: Interner::new(),
        }
    }

    /// Finds the causes of a change.
    pub(super) fn of(&mut self, change: &Found, cells: &[External]) -> Responsible {
        let mut causes: BTreeSet<CauseIndex> = BTreeSet::new();
        let mut names = [false; 2];
        for (place, names) in [change.from, change.to].into_iter().zip(&mut names) {
            if let Place::Party(number) = place
                && self.parties.all[number as usize].party.presence != Presence::Stays
            {
                causes.insert(self.causes.party(&self.parties.all[number as usize]));
                *names = true;
            }
        }
        if causes.is_empty() {
            let (from, to) = (self.kinds(change.from), self.kinds(change.to));
            let is_one = from == 1 && to == 1;
            let pairs = (0..from).flat_map(|from| (0..to).map(move |to| (from, to))).take(PAIRS);
            let mut found: BTreeSet<Blamed> = BTreeSet::new();
            for (from, to) in pairs {
                match self.between(change, from, to, cells) {
                    Some(Blame::Policies(because)) if is_one => return Responsible { because, names },
                    Some(Blame::Policies(because)) => causes.extend(&self.sets[because]),
                    Some(Blame::Ends(blamed)) => found.extend(blamed),
                    None => {}
                }
            }
            for blamed in found {
                match blamed.0 {
                    Why::Policy(_) => {}
                    Why::Namespace(which) | Why::Pod(which) | Why::Node(which) => {
                        names[which as usize] = true;
                    }
                }
                causes.extend(self.causes.of(blamed));
            }
        }
        if causes.is_empty() {
            // Nothing changed between pods that both have: it is that others came or went.
            let samples = self.samples;
            for (place, names) in [change.from, change.to].into_iter().zip(&mut names) {
                let Place::Party(number) = place else { continue };
                for &(input, pod) in &samples.only[number as usize] {
                    causes.insert(self.causes.workload(input, pod));
                    *names = true;
                }
            }
        }
        Responsible { because: self.sets.intern_owned(causes.into_iter().collect()), names }
    }

    /// Number of kinds of pods, or of addresses, that an end is made of.
    fn kinds(&self, place: Place) -> usize {
        match place {
            Place::Cell(_) => 1,
            Place::Party(number) => self.samples.of[number as usize].len(),
        }
    }

    fn between(&mut self, change: &Found, from: usize, to: usize, cells: &[External]) -> Option<Blame> {
        let samples = self.samples;
        let (Place::Party(source), Place::Party(destination)) = (change.from, change.to) else {
            let sources = self.ends(change.from, from, cells);
            let destinations = self.ends(change.to, to, cells);
            let mut pairs =
                sources.iter().flat_map(|source| destinations.iter().map(move |other| (source, other)));
            let kinds = [self.kind(change.from, from), self.kind(change.to, to)];
            return pairs.find_map(|((source, of_source), (other, of_other))| {
                self.between_ends(kinds, [*of_source, *of_other], source, other)
            });
        };
        let (sources, destinations) =
            (&samples.of[source as usize][from], &samples.of[destination as usize][to]);
        for source in &sources.pods {
            for destination in destinations.pods.iter().filter(|destination| destination.pods != source.pods)
            {
                let exempt = [0, 1].map(|input| {
                    self.programs[input].same_node(source.pods[input].0, destination.pods[input].0)
                });
                let facts = [source.facts, destination.facts];
                let treated = self.treatments.treated([sources, destinations], facts, exempt);
                let [source, destination] = [source, destination].map(|end| end.pods.map(pod));
                let found = match self.by_treatment(treated, &source, &destination) {
                    Between::Nothing => None,
                    Between::These(whys) => Some(self.blamed(&whys, &source, &destination)),
                    Between::Place => {
                        let kinds = [self.kind(change.from, from), self.kind(change.to, to)];
                        self.between_ends(kinds, facts.map(Some), &source, &destination)
                    }
                };
                if found.is_some() {
                    return found;
                }
            }
        }
        None
    }

    /// Finds the causes of a change between two pods; all pods that policies treat alike have the same.
    fn by_treatment(&mut self, treated: [Treated; 2], source: &[End; 2], destination: &[End; 2]) -> Between {
        let known = treated.map(|treated| self.side_of.get(&treated).copied());
        let [egress, ingress] = if let [Some(egress), Some(ingress)] = known {
            [egress, ingress]
        } else {
            self.sides_between(treated, source, destination)
        };
        let found = self.meetings.between(&self.sides[egress], &self.sides[ingress]);
        if cfg!(debug_assertions) && !matches!(found, Between::Place) {
            let whys = if let Between::These(whys) = &found { Some(&whys[..]) } else { None };
            let proved = self.evidence.between(*source, *destination).why();
            assert_eq!(proved.as_deref(), whys, "a proof says that others are responsible");
        }
        found
    }

    /// Both sides of a connection.
    fn sides_between(
        &mut self,
        treated: [Treated; 2],
        source: &[End; 2],
        destination: &[End; 2],
    ) -> [usize; 2] {
        let proved = self.evidence.between(*source, *destination);
        let [v4, v6] = proved.heard();
        let [v4_out, v4_in] = v4;
        let [v6_out, v6_in] = v6;
        let mut heard = [ByFamily { v4: v4_out, v6: v6_out }, ByFamily { v4: v4_in, v6: v6_in }];
        [0, 1].map(|side| {
            if let Some(&known) = self.side_of.get(&treated[side]) {
                return known;
            }
            let heard = std::mem::take(&mut heard[side]);
            let candidates = candidates(&heard);
            let seen = |pair: PairId| [0, 1].map(|version| proved.seen(side, pair, version));
            let seen = candidates.iter().map(|&pair| seen(pair)).collect();
            let made = self.meetings.side(heard, candidates, seen);
            self.sides.push(made);
            self.side_of.insert(treated[side], self.sides.len() - 1);
            self.sides.len() - 1
        })
    }

    /// Ties causes to the pods between which they were found; causes that are all policies need no pods.
    fn blamed(&mut self, whys: &[Why], source: &[End; 2], destination: &[End; 2]) -> Blame {
        let policies = whys.iter().map(|why| match why {
            Why::Policy(pair) => Some(self.causes.policy(*pair)),
            _ => None,
        });
        if let Some(mut causes) = policies.collect::<Option<CauseSet>>() {
            causes.sort_unstable();
            return Blame::Policies(self.sets.intern_owned(causes));
        }
        let pods = |ends: &[End; 2]| {
            ends.map(|end| match end {
                End::Pod(pod, _) => Some(pod),
                End::Address(_) => None,
            })
        };
        let ends = [pods(source), pods(destination)];
        Blame::Ends(whys.iter().map(|why| (*why, ends)).collect())
    }

    fn between_ends(
        &mut self,
        kinds: [Kind; 2],
        facts: [Option<FactsId>; 2],
        source: &[End; 2],
        destination: &[End; 2],
    ) -> Option<Blame> {
        let exempt = [0, 1].map(|input| self.is_exempt(input, source[input], destination[input]));
        let key = (kinds, facts, exempt);
        if !self.known.contains_key(&key) {
            let why = self.evidence.between(*source, *destination).why();
            self.known.insert(key, why);
        }
        let whys = self.known[&key].clone()?;
        Some(self.blamed(&whys, source, destination))
    }

    fn kind(&self, place: Place, which: usize) -> Kind {
        match place {
            Place::Cell(cell) => (u32::MAX, cell),
            Place::Party(number) => {
                let (was, is) = self.samples.of[number as usize][which].classes;
                (was.index() as u32, is.index() as u32)
            }
        }
    }

    /// Some ends of one kind, before and after, and what is known of pods.
    fn ends(&self, place: Place, which: usize, cells: &[External]) -> Vec<([End; 2], Option<FactsId>)> {
        match place {
            Place::Party(number) => {
                let pods = self.samples.of[number as usize][which].pods.iter();
                pods.map(|sampled| (sampled.pods.map(pod), Some(sampled.facts))).collect()
            }
            Place::Cell(cell) => {
                let External { family, addresses } = &cells[cell as usize];
                let edges = addresses.ranges().iter().flat_map(|&(first, last)| [first, last]).take(PODS);
                edges.map(|number| ([End::Address(address(*family, number)); 2], None)).collect()
            }
        }
    }

    fn is_exempt(&self, input: usize, from: End, to: End) -> bool {
        match (from, to) {
            (End::Pod(from, _), End::Pod(to, _)) => self.programs[input].same_node(from, to),
            _ => false,
        }
    }

    /// The causes in order of name, and the sets of them.
    pub(super) fn finish(self) -> (IndexVec<CauseId, Cause>, CauseSets) {
        self.causes.finish(&self.sets)
    }
}

const fn pod((pod, index): (PodId, u32)) -> End {
    End::Pod(pod, index)
}
