//! Connections that policies treat alike: what is responsible for a change of one is responsible for that of all.
//!
//! What policies say of a connection depends on the signatures of both ends, and on which of the peer lists in these match
//! the other end. Most lists match few, so most ends are treated like those whom no list matches.

use rustc_hash::FxHashMap;

use super::samples::{FactsId, Sample};
use crate::compile::{ClassId, PeersId, Program, Signature, SignatureId};
use crate::label::Truth;
use crate::net::{ByDirection, ByFamily, Direction};
use crate::set::Interner;

crate::define_id! { [pub(super)]
    /// The peer lists of a signature that match an end, and how surely.
    TreatmentId,
}

/// Everything on which it depends what policies say on one side of a connection, in both inputs.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Treated {
    direction: Direction,
    /// Of each end.
    facts: [FactsId; 2],
    /// Of each input: the policies of the subject, and how they treat the peer.
    side: [(SignatureId, PeerFacts); 2],
    /// Set if the connection stays on one node and is exempt from policies (R50), by input.
    exempt: [bool; 2],
}

/// The properties of a peer that matter to the policies of a subject; its class if they name ports of it.
type PeerFacts = (Option<TreatmentId>, Option<ClassId>);

/// The treatment of classes by the signatures of one input and direction.
#[derive(Default)]
struct Treatments {
    of: FxHashMap<SignatureId, Treatment>,
    known: Interner<TreatmentId, Vec<(PeersId, ByFamily<Truth>)>>,
}

/// The treatment of classes by one signature.
struct Treatment {
    /// Those that some list matches.
    matched: FxHashMap<ClassId, TreatmentId>,
    names_ports: bool,
}

/// The treatment of pods by the policies of both inputs.
pub(super) struct Policies<'p> {
    programs: [&'p Program; 2],
    treatments: ByDirection<[Treatments; 2]>,
}

impl<'p> Policies<'p> {
    pub(super) fn new(programs: [&'p Program; 2]) -> Self {
        Self { programs, treatments: ByDirection::default() }
    }

    /// Finds the properties that matter to each side of a connection between two pods of these samples, the source's
    /// side first; `facts` are those of the pods, `exempt` says whether the connection stays on one node.
    pub(super) fn treated(
        &mut self,
        [from, to]: [&Sample; 2],
        facts: [FactsId; 2],
        exempt: [bool; 2],
    ) -> [Treated; 2] {
        let treated = |direction: Direction, treatments: &mut [Treatments; 2]| {
            let (subject, peer) = match direction {
                Direction::Egress => (from, to),
                Direction::Ingress => (to, from),
            };
            let side = [0, 1].map(|input| {
                let program = self.programs[input];
                let signature = subject.signatures[direction][input];
                let treatment = treatments[input].of(program, direction, signature);
                let peer = peer.class(input);
                let named = treatment.names_ports.then_some(peer);
                (signature, (treatment.matched.get(&peer).copied(), named))
            });
            Treated { direction, facts, side, exempt }
        };
        [
            treated(Direction::Egress, &mut self.treatments.egress),
            treated(Direction::Ingress, &mut self.treatments.ingress),
        ]
    }
}

impl Sample {
    const fn class(&self, input: usize) -> ClassId {
        if input == 0 { self.classes.0 } else { self.classes.1 }
    }
}

impl Treatments {
    fn of(&mut self, program: &Program, direction: Direction, signature: SignatureId) -> &Treatment {
        let Self { of, known } = self;
        of.entry(signature).or_insert_with(|| {
            let Signature { policies, home, .. } = &program.signatures[direction][signature];
            let rules =
                policies.iter().flat_map(|&(policy, _)| &program.deciding_policy(policy).rules[direction]);
            let names_ports =
                direction == Direction::Egress && rules.clone().any(|rule| !rule.ports.named.is_empty());
            let mut lists: Vec<PeersId> = rules.filter_map(|rule| rule.list(*home)).collect();
            lists.sort_unstable();
            lists.dedup();
            let mut matched: FxHashMap<ClassId, Vec<(PeersId, ByFamily<Truth>)>> = FxHashMap::default();
            for list in lists {
                for (class, truth) in program.peers[list].classes.iter() {
                    matched.entry(class).or_default().push((list, truth));
                }
            }
            let matched = matched.into_iter().map(|(class, lists)| (class, known.intern_owned(lists)));
            Treatment { matched: matched.collect(), names_ports }
        })
    }
}
