//! What signatures make of everybody, as far as their peer lists of many classes go.
//!
//! Signatures with equal outlines are counted together, whole sets at a time; what the lists of few classes change is an
//! exception to the outline. Only additive signatures have lists in their outlines, and only where a rule's ports are
//! the same for all peers; all else is an exception.

use std::ops::Range;

use super::evaluator::{Evaluator, Peer, SideId};
use super::regions::{Cut, Regions};
use super::union::Unions;
use crate::compile::{ClassId, CompiledRule, DenseMembers, PeersId, Program, Signature, SignatureId};
use crate::index::IndexVec;
use crate::label::Truth;
use crate::net::{ByFamily, Direction, PortSetId};
use crate::policy::Tier;
use crate::set::Interner;

crate::define_id! { [pub(super)]
    /// A distinct [`Outline`] of a direction.
    OutlineId,
}

/// A side of everybody.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Outline {
    /// Of those whom no rule mentions.
    pub(super) base: SideId,
    /// The families of the subjects.
    families: ByFamily<bool>,
    /// The lists of many that add something to the base, ascending, and the ports they add.
    pub(super) rules: Vec<(PeersId, PortSetId)>,
}

/// The outlines of all signatures of a direction.
#[derive(Debug)]
pub(super) struct Outlines {
    pub(super) of: IndexVec<SignatureId, OutlineId>,
    pub(super) all: IndexVec<OutlineId, Outline>,
    /// The bases, and the rules that were added to them.
    pub(super) unions: Unions,
}

impl Outlines {
    pub(super) fn new(evaluator: &mut Evaluator<'_>, direction: Direction) -> Self {
        let program = evaluator.program;
        let mut all: Interner<OutlineId, Outline> = Interner::new();
        let of = program.signatures[direction].enumerate().map(|(id, signature)| {
            let base = evaluator.side(direction, id, Peer::Unmentioned);
            let mut rules: Vec<(PeersId, PortSetId)> = Vec::new();
            if program.is_additive(signature) {
                for &(policy, _) in &signature.policies {
                    for rule in &program.deciding_policy(policy).rules[direction] {
                        let Some(list) = rule.peers.filter(|_| program.is_outlined(direction, rule)) else {
                            continue;
                        };
                        let ports = match direction {
                            Direction::Ingress => evaluator.ingress_ports(rule, signature),
                            Direction::Egress => rule.ports.fixed,
                        };
                        rules.push((list, ports));
                    }
                }
            }
            rules.sort_unstable();
            let mut merged: Vec<(PeersId, PortSetId)> = Vec::new();
            for of_list in rules.chunk_by(|a, b| a.0 == b.0) {
                let ports = evaluator.ports.union_all(of_list.iter().map(|&(_, ports)| ports));
                if evaluator.adds(base, signature.families, ports) {
                    merged.push((of_list[0].0, ports));
                }
            }
            all.intern_owned(Outline { base, families: signature.families, rules: merged })
        });
        let of = of.collect();
        Self { of, all: all.into_values(), unions: Unions::default() }
    }

    /// What an outline makes of a class.
    pub(super) fn at(&mut self, evaluator: &mut Evaluator<'_>, id: OutlineId, class: ClassId) -> SideId {
        let Self { all, unions, .. } = self;
        let outline = &all[id];
        if outline.rules.is_empty() {
            return outline.base;
        }
        let mut union = unions.start(outline.base);
        for &(list, ports) in &outline.rules {
            let truth = evaluator.program.dense_members(list).truth(class);
            union = unions.add(union, outline.families, truth, ports);
        }
        unions.side(evaluator, union)
    }

    /// What an outline makes of a stretch of peers. The masks of lists are looked up by `masks`, with peers in any order
    /// that suits the caller.
    pub(super) fn regions<'m>(
        &mut self,
        evaluator: &mut Evaluator<'_>,
        id: OutlineId,
        words: Range<usize>,
        masks: impl Fn(PeersId) -> &'m [(ByFamily<Truth>, Vec<u64>)],
    ) -> Regions {
        let Self { all, unions, .. } = self;
        let outline = &all[id];
        let mut cut = Cut::new(unions.start(outline.base), words.len());
        for &(list, ports) in &outline.rules {
            // Nobody is in two masks of a list.
            for (truth, mask) in masks(list) {
                cut.cut(&mask[words.clone()], |union| unions.add(union, outline.families, *truth, ports));
            }
        }
        cut.finish(evaluator, unions)
    }
}

impl Program {
    /// Whether a side of a signature is the union of what the matching rules admit.
    pub(crate) fn is_additive(&self, signature: &Signature) -> bool {
        signature
            .policies
            .iter()
            .all(|&(id, selects)| selects.sure() && self.deciding_policy(id).tier == Tier::NetworkPolicy)
    }

    /// Whether a rule is part of the outlines of additive signatures.
    pub(super) fn is_outlined(&self, direction: Direction, rule: &CompiledRule) -> bool {
        rule.peers.is_some_and(|list| self.peers[list].classes.dense().is_some())
            && (direction == Direction::Ingress || rule.ports.named.is_empty())
    }

    pub(super) fn dense_members(&self, list: PeersId) -> &DenseMembers {
        self.peers[list].classes.dense().expect("outlines hold lists of many classes only")
    }
}
