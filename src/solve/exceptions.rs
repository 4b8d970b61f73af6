//! Whom a signature treats otherwise than everybody, and how.
//!
//! Most signatures are *additive*: NetworkPolicies that surely select their subjects, so that a side is the union of what
//! the matching rules admit. Their exceptions are summed up rule by rule, without asking who else might match; the few
//! other signatures are evaluated peer by peer.

use super::evaluator::{Evaluator, Peer, Side, SideId};
use crate::compile::{ClassId, CompiledPolicy, PeersId, Program, Signature, SignatureId};
use crate::index::{Id, IndexVec};
use crate::label::Truth;
use crate::net::{ByFamily, Direction, Family, PortSetId, PortTable};
use crate::policy::{PolicyId, Tier};

/// What a signature makes of every class as destination.
#[derive(Clone, Debug)]
pub(crate) struct EgressRow {
    /// Of those that no rule mentions.
    pub(crate) base: SideId,
    /// Of the others; each class once.
    pub(crate) exceptions: Vec<(ClassId, SideId)>,
}

/// Sides under construction, by what they are of.
#[derive(Debug)]
pub(super) struct Sums<I> {
    sums: IndexVec<I, Option<Side>>,
    touched: Vec<I>,
}

impl<I: Id> Sums<I> {
    pub(super) fn new(len: usize) -> Self {
        Self { sums: vec![None; len].into(), touched: Vec::new() }
    }

    /// Adds the ports of a rule that matches, as surely as `truth` says, to what starts as `base`.
    fn add(&mut self, table: &mut PortTable, at: I, base: Side, truth: ByFamily<Truth>, ports: PortSetId) {
        let sum = self.sums[at].get_or_insert_with(|| {
            self.touched.push(at);
            base
        });
        for family in Family::ALL {
            if truth[family].possible() {
                sum[family].may = table.union(sum[family].may, ports);
            }
            if truth[family].sure() {
                sum[family].must = table.union(sum[family].must, ports);
            }
        }
    }

    /// Everything that was added to, in the order of the first addition; starts anew.
    fn drain(&mut self) -> impl Iterator<Item = (I, Side)> {
        self.touched.drain(..).map(|at| (at, self.sums[at].take().expect("it was touched")))
    }
}

/// What each signature of a direction makes of peers that it does not mention.
#[derive(Debug)]
pub(super) struct Usual {
    pub(super) direction: Direction,
    pub(super) sides: IndexVec<SignatureId, SideId>,
    additive: IndexVec<SignatureId, bool>,
    sums: Sums<SignatureId>,
}

impl Usual {
    pub(super) fn new(evaluator: &mut Evaluator<'_>, direction: Direction) -> Self {
        let program = evaluator.program;
        let signatures = &program.signatures[direction];
        Self {
            direction,
            sides: signatures.ids().map(|id| evaluator.side(direction, id, Peer::Unmentioned)).collect(),
            additive: signatures.iter().map(|signature| program.is_additive(signature)).collect(),
            sums: Sums::new(signatures.len()),
        }
    }
}

impl Program<'_> {
    /// A policy of a signature, which is in force by being there.
    pub(super) fn deciding_policy(&self, id: PolicyId) -> &CompiledPolicy {
        self.policies[id].as_ref().expect("a deciding policy is in force")
    }

    fn is_additive(&self, signature: &Signature) -> bool {
        signature
            .policies
            .iter()
            .all(|&(id, selects)| selects.sure() && self.deciding_policy(id).tier == Tier::NetworkPolicy)
    }
}

impl Evaluator<'_> {
    /// What a signature makes of every class as destination.
    pub(super) fn egress_row(&mut self, id: SignatureId, sums: &mut Sums<ClassId>) -> EgressRow {
        let program = self.program;
        let signature = &program.signatures[Direction::Egress][id];
        let base = self.side(Direction::Egress, id, Peer::Unmentioned);
        let base_side = self.sides[base];
        let everywhere = ByFamily { v4: Truth::Yes, v6: Truth::Yes };
        for &(policy, _) in &signature.policies {
            for rule in &program.deciding_policy(policy).rules.egress {
                match rule.peers {
                    Some(list) => {
                        for &(class, truth) in &program.peers[list].classes {
                            let ports = self.egress_ports(rule, policy, class);
                            sums.add(&mut self.ports, class, base_side, truth, ports);
                        }
                    }
                    None if rule.ports.named.is_empty() => {}
                    None => {
                        for (class, facts) in program.classes.enumerate() {
                            if program.resolutions[facts.resolution].declares_any(&rule.ports.named) {
                                let ports = self.egress_ports(rule, policy, class);
                                sums.add(&mut self.ports, class, base_side, everywhere, ports);
                            }
                        }
                    }
                }
            }
        }
        let additive = program.is_additive(signature);
        let exceptions = sums
            .drain()
            .map(|(class, sum)| {
                let side = if additive {
                    self.side_among(sum, [signature.families, program.classes[class].families])
                } else {
                    self.side(Direction::Egress, id, Peer::Class(class))
                };
                (class, side)
            })
            .collect();
        EgressRow { base, exceptions }
    }

    /// What the signatures of a direction that mention a peer make of it; each once. Towards a class of destinations
    /// [`Evaluator::egress_row`] is the way, since these resolve port names.
    pub(super) fn exceptions(
        &mut self,
        usual: &mut Usual,
        peer: Peer<'_>,
        lists: impl Iterator<Item = (PeersId, ByFamily<Truth>)>,
        families: ByFamily<bool>,
    ) -> Vec<(SignatureId, SideId)> {
        let program = self.program;
        let Usual { direction, sides, additive, sums } = usual;
        for (list, truth) in lists {
            for &(policy, place) in &program.peers[list].uses[*direction] {
                let rule = &program.deciding_policy(policy).rules[*direction][place as usize];
                for &id in &program.deciding[policy][*direction] {
                    let ports = match direction {
                        Direction::Ingress => self.ingress_ports(rule, &program.signatures.ingress[id]),
                        Direction::Egress => rule.ports.fixed,
                    };
                    sums.add(&mut self.ports, id, self.sides[sides[id]], truth, ports);
                }
            }
        }
        sums.drain()
            .map(|(id, sum)| {
                let side = if additive[id] {
                    self.side_among(sum, [program.signatures[*direction][id].families, families])
                } else {
                    self.side(*direction, id, peer)
                };
                (id, side)
            })
            .collect()
    }

    /// A side between ends that have addresses of these families.
    fn side_among(&mut self, mut side: Side, ends: [ByFamily<bool>; 2]) -> SideId {
        for family in Family::ALL {
            if !ends.iter().all(|families| families[family]) {
                side[family] = self.nothing();
            }
        }
        self.sides.intern_owned(side)
    }
}
