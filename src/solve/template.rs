//! Row templates: what signatures make of most classes.
//!
//! A template holds the frames that the tiers around NetworkPolicies leave ([`super::frames`]), what the NetworkPolicies
//! admit to everybody, and the ports that their dense peer lists add. Signatures with equal templates are counted
//! together, whole sets at a time; what sparse lists change is an override ([`super::overrides`]) of single classes.
//! Signatures whose NetworkPolicies are no union have nothing but a default, and are evaluated class by class.

use std::ops::Range;

use super::evaluator::{Evaluator, Peer, Policies, SideId};
use super::frames::{FrameId, SurroundingId, Surroundings};
use super::regions::{Cut, Regions};
use super::union::{UnionId, Unions};
use crate::compile::{ClassId, CompiledRule, DenseMembers, PeersId, Program, Signature, SignatureId};
use crate::index::{Id, IndexVec};
use crate::label::Truth;
use crate::net::{ByFamily, Direction, PortSetId};
use crate::policy::PolicyId;
use crate::set::Interner;

crate::define_id! { [pub(super)]
    /// A distinct [`Template`] of a direction.
    TemplateId,
}

/// The sides of a signature towards all classes, but for overrides.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Template {
    frames: TemplateFrames,
    /// The ports that the NetworkPolicies admit to peers that no peer list matches; none if no policy isolates.
    own: Option<UnionId>,
    /// The families of the subjects.
    families: ByFamily<bool>,
    /// The dense lists of NetworkPolicies that add something to `own`, ascending, and the ports they add.
    pub(super) rules: Vec<(PeersId, PortSetId)>,
}

/// The frames that the tiers around NetworkPolicies leave for classes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum TemplateFrames {
    Uniform(FrameId),
    Regions(SurroundingId),
}

/// The frame and the union of one class, before they are put together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Parts {
    pub(super) frame: FrameId,
    pub(super) own: Option<UnionId>,
    families: ByFamily<bool>,
}

/// The templates of all signatures of a direction.
#[derive(Debug)]
pub(super) struct Templates {
    pub(super) of: IndexVec<SignatureId, TemplateId>,
    pub(super) all: IndexVec<TemplateId, Template>,
    pub(super) surroundings: Surroundings,
    /// The ports that NetworkPolicies admit to every peer, with the rules that were added.
    pub(super) unions: Unions,
}

impl Templates {
    pub(super) fn new(evaluator: &mut Evaluator<'_>, direction: Direction) -> Self {
        let program = evaluator.program;
        let surroundings = Surroundings::new(evaluator, direction);
        let mut unions = Unions::default();
        let mut all: Interner<TemplateId, Template> = Interner::new();
        let of = program.signatures[direction].enumerate().map(|(id, signature)| {
            let families = signature.families;
            let Some(surrounding) = surroundings.of[id] else {
                let own = Some(unions.start(evaluator.side(direction, id, Peer::Unmentioned)));
                let frames = TemplateFrames::Uniform(surroundings.frames.empty);
                return all.intern_owned(Template { frames, own, families, rules: Vec::new() });
            };
            let frames = match surroundings.all[surrounding].regions.uniform() {
                Some(frame) => TemplateFrames::Uniform(frame),
                None => TemplateFrames::Regions(surrounding),
            };
            let isolating = program.network_policies(signature);
            let Signature { resolution, home, .. } = *signature;
            let policies = Policies { direction, selecting: isolating, resolution, home };
            let own =
                (!isolating.is_empty()).then(|| evaluator.side_of(policies, families, Peer::Unmentioned));
            let rules = own.map_or_else(Vec::new, |own| evaluator.dense_rules(policies, families, own));
            let own = own.map(|own| unions.start(own));
            all.intern_owned(Template { frames, own, families, rules })
        });
        let of = of.collect();
        Self { of, all: all.into_values(), surroundings, unions }
    }

    /// The side of a template towards a class.
    pub(super) fn at(&mut self, evaluator: &mut Evaluator<'_>, id: TemplateId, class: ClassId) -> SideId {
        let parts = self.parts_at(evaluator, id, class);
        self.side(evaluator, parts)
    }

    /// The parts of what a template makes of a class.
    pub(super) fn parts_at(
        &mut self,
        evaluator: &mut Evaluator<'_>,
        id: TemplateId,
        class: ClassId,
    ) -> Parts {
        let Template { frames, own, families, ref rules } = self.all[id];
        let frame = match frames {
            TemplateFrames::Uniform(frame) => frame,
            TemplateFrames::Regions(surrounding) => {
                self.surroundings.all[surrounding].regions.at(class.index())
            }
        };
        let own = own.map(|own| {
            rules.iter().fold(own, |union, &(list, ports)| {
                let truth = evaluator.program.dense_members(list).truth(class);
                self.unions.add(union, families, truth, ports)
            })
        });
        Parts { frame, own, families }
    }

    /// The parts of what a signature makes of addresses that no list holds.
    pub(super) fn parts_outside(&self, id: SignatureId) -> Parts {
        let Template { frames, own, families, .. } = self.all[self.of[id]];
        let frame = match (self.surroundings.of[id], frames) {
            (Some(surrounding), _) => self.surroundings.all[surrounding].default,
            (None, TemplateFrames::Uniform(frame)) => frame,
            (None, TemplateFrames::Regions(_)) => unreachable!("regions are those of a surrounding"),
        };
        Parts { frame, own, families }
    }

    /// The parts put together.
    pub(super) fn side(&mut self, evaluator: &mut Evaluator<'_>, parts: Parts) -> SideId {
        let own = parts.own.map(|own| self.unions.side(evaluator, own));
        self.surroundings.frames.side(evaluator, parts.frame, own, parts.families)
    }

    /// The side of a template towards every class, if it is the same.
    pub(super) fn uniform(&mut self, evaluator: &mut Evaluator<'_>, id: TemplateId) -> Option<SideId> {
        match self.all[id] {
            Template { frames: TemplateFrames::Uniform(frame), own, families, ref rules }
                if rules.is_empty() =>
            {
                Some(self.side(evaluator, Parts { frame, own, families }))
            }
            _ => None,
        }
    }

    /// The regions of a template in a stretch of classes, in any order that suits the caller: `masks` has the members
    /// of lists in that order, `in_order` the regions of surroundings.
    pub(super) fn regions<'m>(
        &mut self,
        evaluator: &mut Evaluator<'_>,
        id: TemplateId,
        words: Range<usize>,
        masks: impl Fn(PeersId) -> &'m [(ByFamily<Truth>, Vec<u64>)],
        in_order: impl FnOnce(SurroundingId) -> &'m Regions<FrameId>,
    ) -> Regions<SideId> {
        let Self { all, surroundings: Surroundings { frames, .. }, unions, .. } = self;
        let template = &all[id];
        let own = template.own;
        let mut cut = match template.frames {
            TemplateFrames::Uniform(frame) => Cut::new((frame, own), words.len()),
            TemplateFrames::Regions(surrounding) => {
                Cut::within(in_order(surrounding), words.clone(), |frame| (frame, own))
            }
        };
        for &(list, ports) in &template.rules {
            // No class is in two masks of a list.
            for (truth, mask) in masks(list) {
                cut.cut(&mask[words.clone()], |(frame, own)| {
                    (frame, own.map(|own| unions.add(own, template.families, *truth, ports)))
                });
            }
        }
        cut.finish(|(frame, own)| {
            let own = own.map(|own| unions.side(evaluator, own));
            frames.side(evaluator, frame, own, template.families)
        })
    }

    /// The surroundings whose regions some template has.
    pub(super) fn regional(&self) -> impl Iterator<Item = SurroundingId> {
        self.all.iter().filter_map(|template| match template.frames {
            TemplateFrames::Uniform(_) => None,
            TemplateFrames::Regions(surrounding) => Some(surrounding),
        })
    }
}

impl Evaluator<'_> {
    /// The dense lists of NetworkPolicies that add something to what these admit to everybody, and the ports they add.
    fn dense_rules(
        &mut self,
        policies: Policies<'_>,
        families: ByFamily<bool>,
        own: SideId,
    ) -> Vec<(PeersId, PortSetId)> {
        let program = self.program;
        let Policies { direction, selecting, resolution, home } = policies;
        let mut rules: Vec<(PeersId, PortSetId)> = Vec::new();
        for &(policy, _) in selecting {
            for rule in &program.deciding_policy(policy).rules[direction] {
                let list = rule.list(home).filter(|&list| program.is_in_templates(direction, rule, list));
                let Some(list) = list else {
                    continue;
                };
                let ports = match direction {
                    Direction::Ingress => self.ingress_ports(rule, resolution),
                    Direction::Egress => rule.ports.fixed,
                };
                rules.push((list, ports));
            }
        }
        rules.sort_unstable();
        let mut merged: Vec<(PeersId, PortSetId)> = Vec::new();
        for of_list in rules.chunk_by(|a, b| a.0 == b.0) {
            let ports = self.ports.union_all(of_list.iter().map(|&(_, ports)| ports));
            if self.adds(own, families, ports) {
                merged.push((of_list[0].0, ports));
            }
        }
        merged
    }
}

impl Program {
    /// The NetworkPolicies of a signature.
    pub(crate) fn network_policies<'s>(&self, signature: &'s Signature) -> &'s [(PolicyId, Truth)] {
        let mut tiers =
            signature.policies.chunk_by(|a, b| self.is_network_policy(a.0) == self.is_network_policy(b.0));
        tiers.find(|policies| self.is_network_policy(policies[0].0)).unwrap_or_default()
    }

    /// True if templates hold the ports that a rule adds: its list is dense, and its ports are the same for all peers.
    pub(super) fn is_in_templates(&self, direction: Direction, rule: &CompiledRule, list: PeersId) -> bool {
        self.peers[list].classes.dense().is_some()
            && (direction == Direction::Ingress || rule.ports.named.is_empty())
    }

    pub(super) fn dense_members(&self, list: PeersId) -> &DenseMembers {
        self.peers[list].classes.dense().expect("templates hold dense lists only")
    }
}
