//! What signatures make of everybody, as far as their peer lists of many classes go.
//!
//! Signatures with equal outlines are counted together, whole sets at a time; what the lists of few classes change is an
//! exception to the outline. Only additive signatures have lists in their outlines, and only where a rule's ports are
//! the same for all peers; all else is an exception.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::evaluator::{Evaluator, Peer, SideId};
use crate::compile::{ClassId, CompiledRule, DenseMembers, PeersId, Program, Signature, SignatureId};
use crate::index::IndexVec;
use crate::label::Truth;
use crate::net::{ByFamily, Direction, Family, PortSetId};
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
    /// What became of a side when a rule that matches so was added to it.
    added: FxHashMap<(SideId, ByFamily<Truth>, PortSetId), SideId>,
}

impl Outlines {
    pub(super) fn new(evaluator: &mut Evaluator<'_>, direction: Direction) -> Self {
        let program = evaluator.program;
        let mut all: Interner<OutlineId, Outline> = Interner::new();
        let mut added = FxHashMap::default();
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
            rules.dedup_by(|later, earlier| {
                let same = later.0 == earlier.0;
                if same {
                    earlier.1 = evaluator.ports.union(earlier.1, later.1);
                }
                same
            });
            let surely = ByFamily { v4: Truth::Yes, v6: Truth::Yes };
            rules.retain(|&(_, ports)| {
                add(&mut added, evaluator, signature.families, base, surely, ports) != base
            });
            all.intern_owned(Outline { base, families: signature.families, rules })
        });
        let of = of.collect();
        Self { of, all: all.into_values(), added }
    }

    /// What an outline makes of a class.
    pub(super) fn at(&mut self, evaluator: &mut Evaluator<'_>, id: OutlineId, class: ClassId) -> SideId {
        let outline = &self.all[id];
        let mut side = outline.base;
        for &(list, ports) in &outline.rules {
            let truth = evaluator.program.dense_members(list).truth(class);
            side = add(&mut self.added, evaluator, outline.families, side, truth, ports);
        }
        side
    }

    /// What an outline makes of a stretch of peers, as masks: each peer is in the mask of its side. The masks of lists
    /// are looked up by `masks`, with peers in any order that suits the caller.
    pub(super) fn regions<'m>(
        &mut self,
        evaluator: &mut Evaluator<'_>,
        id: OutlineId,
        words: Range<usize>,
        masks: impl Fn(PeersId) -> &'m [(ByFamily<Truth>, Vec<u64>)],
    ) -> Vec<(SideId, Vec<u64>)> {
        let outline = &self.all[id];
        let mut regions = vec![(outline.base, vec![!0; words.len()])];
        for &(list, ports) in &outline.rules {
            for (truth, mask) in masks(list) {
                let mask = &mask[words.clone()];
                for place in 0..regions.len() {
                    let side = regions[place].0;
                    let more = add(&mut self.added, evaluator, outline.families, side, *truth, ports);
                    if more == side {
                        continue;
                    }
                    let moved: Vec<u64> =
                        regions[place].1.iter().zip(mask).map(|(old, new)| old & new).collect();
                    if moved.iter().all(|&word| word == 0) {
                        continue;
                    }
                    regions[place].1.iter_mut().zip(mask).for_each(|(old, new)| *old &= !new);
                    // A region behind this one that takes it in is not harmed: adding the rule once more adds nothing.
                    match regions.iter_mut().find(|(known, _)| *known == more) {
                        Some((_, known)) => known.iter_mut().zip(&moved).for_each(|(old, new)| *old |= new),
                        None => regions.push((more, moved)),
                    }
                }
            }
        }
        regions
    }
}

fn add(
    added: &mut FxHashMap<(SideId, ByFamily<Truth>, PortSetId), SideId>,
    evaluator: &mut Evaluator<'_>,
    families: ByFamily<bool>,
    to: SideId,
    mut truth: ByFamily<Truth>,
    ports: PortSetId,
) -> SideId {
    for family in Family::ALL {
        if !families[family] {
            truth[family] = Truth::No;
        }
    }
    if !(truth.v4.possible() || truth.v6.possible()) {
        return to;
    }
    *added.entry((to, truth, ports)).or_insert_with(|| {
        let mut side = evaluator.sides[to];
        evaluator.add(&mut side, truth, ports);
        evaluator.sides.intern_owned(side)
    })
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
