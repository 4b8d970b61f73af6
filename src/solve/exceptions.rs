//! Whom a signature treats otherwise than its outline says, and how.
//!
//! Most signatures are *additive*: NetworkPolicies that surely select their subjects, so that a side is the union of what
//! the matching rules admit. Their exceptions are summed up rule by rule, without asking who else might match; the few
//! other signatures are evaluated peer by peer.

use super::evaluator::{Evaluator, Peer, SideId};
use super::outline::Outlines;
use super::union::UnionId;
use crate::compile::{ClassId, CompiledPolicy, CompiledRule, PeersId, Program, SignatureId};
use crate::index::{Id, IndexVec};
use crate::label::Truth;
use crate::net::{ByFamily, Direction, Family, PortSetId};
use crate::policy::PolicyId;

/// One end that is treated otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Exception<I> {
    /// The class, or the signature.
    pub(crate) of: I,
    /// What the outline says.
    pub(crate) usual: SideId,
    /// What is so.
    pub(crate) actual: SideId,
}

/// Sides under construction, by what they are of.
#[derive(Debug)]
pub(super) struct Sums<I> {
    /// What each started from, and what it is by now.
    sums: IndexVec<I, Option<(SideId, UnionId)>>,
    touched: Vec<I>,
}

impl<I: Id> Sums<I> {
    pub(super) fn new(len: usize) -> Self {
        Self { sums: vec![None; len].into(), touched: Vec::new() }
    }

    /// Adds a rule to what is known so far of `at`, which starts as `start` says.
    fn add(
        &mut self,
        outlines: &mut Outlines,
        at: I,
        start: impl FnOnce(&mut Outlines) -> SideId,
        truth: ByFamily<Truth>,
        ports: PortSetId,
    ) {
        let Self { sums, touched } = self;
        let (_, union) = sums[at].get_or_insert_with(|| {
            touched.push(at);
            let side = start(outlines);
            (side, outlines.unions.start(side))
        });
        *union = outlines.unions.add(*union, ByFamily { v4: true, v6: true }, truth, ports);
    }

    /// Everything that was touched, in the order of the first time, as it started and as it is; starts anew.
    fn drain(&mut self) -> impl Iterator<Item = (I, SideId, UnionId)> {
        self.touched.drain(..).map(|at| {
            let (start, union) = self.sums[at].take().expect("it was touched");
            (at, start, union)
        })
    }
}

/// What the signatures of a direction make of peers that deserve no mention.
#[derive(Debug)]
pub(super) struct Usual {
    pub(super) direction: Direction,
    pub(super) outlines: Outlines,
    additive: IndexVec<SignatureId, bool>,
    /// Lists of many that some signature has outside of its outline.
    beyond: Vec<PeersId>,
    /// Rules for everybody that name ports of the peer: what they admit differs from peer to peer.
    naming: Vec<(PolicyId, u32)>,
    sums: Sums<SignatureId>,
}

impl Usual {
    pub(super) fn new(evaluator: &mut Evaluator<'_>, direction: Direction) -> Self {
        let program = evaluator.program;
        let signatures = &program.signatures[direction];
        let additive: IndexVec<SignatureId, bool> =
            signatures.iter().map(|signature| program.is_additive(signature)).collect();
        let is_beyond = |list: PeersId| {
            program.peers[list].uses[direction].iter().any(|&(policy, place)| {
                let rule = program.rule(direction, policy, place);
                !program.is_outlined(direction, rule)
                    || program.deciding[policy][direction].iter().any(|&id| !additive[id])
            })
        };
        let dense = program.peers.enumerate().filter(|(_, list)| list.classes.dense().is_some());
        Self {
            direction,
            outlines: Outlines::new(evaluator, direction),
            beyond: dense.map(|(id, _)| id).filter(|&id| is_beyond(id)).collect(),
            naming: naming_rules(program, direction),
            additive,
            sums: Sums::new(signatures.len()),
        }
    }

    /// What a signature makes of peers that none of its lists mentions.
    pub(super) fn base(&self, id: SignatureId) -> SideId {
        self.outlines.all[self.outlines.of[id]].base
    }
}

/// The egress rules that have no peers and name ports.
fn naming_rules(program: &Program, direction: Direction) -> Vec<(PolicyId, u32)> {
    if direction == Direction::Ingress {
        return Vec::new();
    }
    let policies = program.policies.enumerate().filter_map(|(id, policy)| Some((id, policy.as_ref()?)));
    policies
        .flat_map(|(id, policy)| {
            let rules = (0..).zip(&policy.rules[direction]);
            rules
                .filter(|(_, rule)| rule.peers.is_none() && !rule.ports.named.is_empty())
                .map(move |(place, _)| (id, place))
        })
        .collect()
}

impl Program {
    /// A policy of a signature, which is in force by being there.
    pub(crate) fn deciding_policy(&self, id: PolicyId) -> &CompiledPolicy {
        self.policies[id].as_ref().expect("a deciding policy is in force")
    }

    fn rule(&self, direction: Direction, policy: PolicyId, place: u32) -> &CompiledRule {
        &self.policies[policy].as_ref().expect("only policies in force use lists").rules[direction]
            [place as usize]
    }
}

impl Evaluator<'_> {
    /// What a signature makes of the classes it mentions, where its outline does not say so; each once.
    pub(super) fn exceptions_of(
        &mut self,
        usual: &mut Usual,
        id: SignatureId,
        sums: &mut Sums<ClassId>,
    ) -> Vec<Exception<ClassId>> {
        let program = self.program;
        let direction = usual.direction;
        let signature = &program.signatures[direction][id];
        let (additive, outline) = (usual.additive[id], usual.outlines.of[id]);
        let everywhere = ByFamily { v4: Truth::Yes, v6: Truth::Yes };
        let mut add = |evaluator: &mut Self, class, truth, rule, policy| {
            let ports = match direction {
                Direction::Ingress => evaluator.ingress_ports(rule, signature),
                Direction::Egress => evaluator.egress_ports(rule, policy, class),
            };
            let start = |outlines: &mut Outlines| outlines.at(evaluator, outline, class);
            sums.add(&mut usual.outlines, class, start, truth, ports);
        };
        for &(policy, _) in &signature.policies {
            for rule in &program.deciding_policy(policy).rules[direction] {
                match rule.peers {
                    Some(_) if additive && program.is_outlined(direction, rule) => {}
                    Some(list) => {
                        for (class, truth) in program.peers[list].classes.iter() {
                            add(self, class, truth, rule, policy);
                        }
                    }
                    None if direction == Direction::Ingress || rule.ports.named.is_empty() => {}
                    None => {
                        for (class, facts) in program.classes.enumerate() {
                            if program.resolutions[facts.resolution].declares_any(&rule.ports.named) {
                                add(self, class, everywhere, rule, policy);
                            }
                        }
                    }
                }
            }
        }
        let exceptions = sums.drain().map(|(class, start, union)| {
            let actual = if additive {
                let side = usual.outlines.unions.side(self, union);
                self.side_among(side, [signature.families, program.classes[class].families])
            } else {
                self.side(direction, id, Peer::Class(class))
            };
            Exception { of: class, usual: start, actual }
        });
        exceptions.collect()
    }

    /// What the signatures of a direction that mention a class make of it, where their outlines do not say so; each once.
    pub(super) fn exceptions_about(
        &mut self,
        usual: &mut Usual,
        class: ClassId,
    ) -> Vec<Exception<SignatureId>> {
        let program = self.program;
        let Usual { direction, outlines, additive, beyond, naming, sums } = usual;
        let direction = *direction;
        let facts = &program.classes[class];
        let mut add = |evaluator: &mut Self, id: SignatureId, rule: &CompiledRule, policy, truth| {
            let ports = match direction {
                Direction::Ingress => evaluator.ingress_ports(rule, &program.signatures[direction][id]),
                Direction::Egress => evaluator.egress_ports(rule, policy, class),
            };
            let start = |outlines: &mut Outlines| outlines.at(evaluator, outlines.of[id], class);
            sums.add(outlines, id, start, truth, ports);
        };
        let few = facts.peers.iter().map(|&(list, truth)| (list, truth, false));
        let many = beyond.iter().map(|&list| (list, program.dense_members(list).truth(class), true));
        for (list, truth, is_dense) in few.chain(many) {
            if !(truth.v4.possible() || truth.v6.possible()) {
                continue;
            }
            for &(policy, place) in &program.peers[list].uses[direction] {
                let rule = program.rule(direction, policy, place);
                let outlined = is_dense && program.is_outlined(direction, rule);
                for &id in &program.deciding[policy][direction] {
                    if !(outlined && additive[id]) {
                        add(self, id, rule, policy, truth);
                    }
                }
            }
        }
        let everywhere = ByFamily { v4: Truth::Yes, v6: Truth::Yes };
        for &(policy, place) in &*naming {
            let rule = program.rule(direction, policy, place);
            if program.resolutions[facts.resolution].declares_any(&rule.ports.named) {
                for &id in &program.deciding[policy][direction] {
                    add(self, id, rule, policy, everywhere);
                }
            }
        }
        let exceptions = sums.drain().map(|(id, usual, union)| {
            let actual = if additive[id] {
                let side = outlines.unions.side(self, union);
                self.side_among(side, [program.signatures[direction][id].families, facts.families])
            } else {
                self.side(direction, id, Peer::Class(class))
            };
            Exception { of: id, usual, actual }
        });
        exceptions.collect()
    }

    /// What the signatures of a direction make of addresses outside that these lists hold, where it is not what they
    /// make of every address of the family; each once.
    pub(super) fn exceptions_outside(
        &mut self,
        usual: &mut Usual,
        family: Family,
        lists: &[PeersId],
    ) -> Vec<(SignatureId, SideId)> {
        let program = self.program;
        let (mut truth, mut families) = (ByFamily { v4: Truth::No, v6: Truth::No }, ByFamily::default());
        truth[family] = Truth::Yes;
        families[family] = true;
        let direction = usual.direction;
        for &list in lists {
            for &(policy, place) in &program.peers[list].uses[direction] {
                let rule = program.rule(direction, policy, place);
                for &id in &program.deciding[policy][direction] {
                    let ports = match direction {
                        Direction::Ingress => self.ingress_ports(rule, &program.signatures.ingress[id]),
                        Direction::Egress => rule.ports.fixed,
                    };
                    let base = usual.base(id);
                    usual.sums.add(&mut usual.outlines, id, |_| base, truth, ports);
                }
            }
        }
        let Usual { outlines, additive, sums, .. } = usual;
        sums.drain()
            .map(|(id, _, union)| {
                let side = if additive[id] {
                    let side = outlines.unions.side(self, union);
                    self.side_among(side, [program.signatures[direction][id].families, families])
                } else {
                    self.side(direction, id, Peer::Outside(family, lists))
                };
                (id, side)
            })
            .collect()
    }

    /// A side between ends that have addresses of these families.
    fn side_among(&mut self, side: SideId, ends: [ByFamily<bool>; 2]) -> SideId {
        let (all, mut among) = (self.sides[side], self.sides[side]);
        for family in Family::ALL {
            if !ends.iter().all(|families| families[family]) {
                among[family] = self.nothing();
            }
        }
        if among == all { side } else { self.sides.intern_owned(among) }
    }
}
