//! The tiers around NetworkPolicies, worked out once for all signatures that share them.
//!
//! A cluster-wide policy selects many pods, and each of their namespaces has NetworkPolicies of its own. Were all policies
//! of a signature looked at together, each signature would be cut by the lists of every cluster-wide policy again. So a
//! signature is taken apart: its NetworkPolicies are its own, its other policies make a [`Surrounding`], which many
//! signatures share. A surrounding cuts the classes into regions once. In each region it leaves a [`Frame`]: what happens
//! to each port before the NetworkPolicies are asked, and after. A verdict is a frame with the verdict of the
//! NetworkPolicies put into it, and there are few different ones of either.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::evaluator::{Evaluator, Peer, Policies, SideId};
use super::regions::{Cut, Regions};
use super::tiers::Outcomes;
use crate::compile::{ClassId, HomeId, PeersId, Program, ResolutionId, Signature, SignatureId};
use crate::index::{Id, IndexVec};
use crate::label::Truth;
use crate::net::{ByFamily, Direction, Family};
use crate::policy::{PolicyId, Tier};
use crate::set::{Chains, Interner};

crate::define_id! { [pub(crate)]
    /// A distinct [`Frame`].
    FrameId,
}

crate::define_id! { [pub(super)]
    /// A distinct [`Surrounding`] of a direction.
    SurroundingId,
}

/// The outcomes of the tiers before and after NetworkPolicies for a peer.
type Frame = ByFamily<FrameOf>;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct FrameOf {
    before: Outcomes,
    after: Outcomes,
}

/// The verdict that a frame encloses: that of NetworkPolicies which isolate the subjects, or none.
type Own = Option<SideId>;

/// All frames of a direction, and what came out of them.
#[derive(Debug)]
pub(crate) struct Frames {
    all: Interner<FrameId, Frame>,
    /// The frame of no policies.
    pub(super) empty: FrameId,
    framed: FxHashMap<(FrameId, Own, ByFamily<bool>), SideId>,
}

impl Frames {
    /// The frame of no policies alone.
    pub(crate) fn new(evaluator: &Evaluator<'_>) -> Self {
        let mut all = Interner::new();
        let nothing = Outcomes::nothing_said(&evaluator.ports);
        let frame = FrameOf { before: nothing, after: nothing };
        let empty = all.intern_owned(ByFamily { v4: frame, v6: frame });
        Self { all, empty, framed: FxHashMap::default() }
    }

    /// The side that results from a frame and the verdict in it, for subjects that have addresses of these families.
    pub(crate) fn side(
        &mut self,
        evaluator: &mut Evaluator<'_>,
        frame: FrameId,
        own: Own,
        families: ByFamily<bool>,
    ) -> SideId {
        if frame == self.empty
            && let Some(own) = own
        {
            return own;
        }
        *self.framed.entry((frame, own, families)).or_insert_with(|| {
            let frame = self.all[frame];
            let mut side = ByFamily { v4: evaluator.nothing(), v6: evaluator.nothing() };
            for family in Family::ALL.into_iter().filter(|&family| families[family]) {
                let FrameOf { before, after } = frame[family];
                let own = own.map(|own| evaluator.sides[own][family]);
                let ports = &mut evaluator.ports;
                let rest = own.map_or(after, |admitted| Outcomes::isolated(ports, admitted));
                side[family] = before.then(ports, rest).bounds(ports);
            }
            evaluator.sides.intern_owned(side)
        })
    }

    /// The frame of the policies around the NetworkPolicies of a signature of a direction, for a peer.
    pub(crate) fn around(
        &mut self,
        evaluator: &mut Evaluator<'_>,
        direction: Direction,
        around: &Around,
        peer: Peer<'_>,
    ) -> FrameId {
        self.of(evaluator, around.policies(direction), peer)
    }

    /// Evaluates policies of the tiers around NetworkPolicies for a peer.
    fn of(&mut self, evaluator: &mut Evaluator<'_>, policies: Policies<'_>, peer: Peer<'_>) -> FrameId {
        if policies.selecting.is_empty() {
            return self.empty;
        }
        let deciding = Family::ALL.map(|family| evaluator.deciding(policies, peer, family));
        let mut frames = deciding.iter().map(|deciding| {
            let (before, after) =
                deciding.split_at(deciding.partition_point(|p| p.tier < Tier::NetworkPolicy));
            let ports = &mut evaluator.ports;
            FrameOf { before: Outcomes::of(ports, before), after: Outcomes::of(ports, after) }
        });
        let v4 = frames.next().expect("there are two families");
        let v6 = if deciding[0] == deciding[1] { None } else { frames.next() };
        self.all.intern_owned(ByFamily { v4, v6: v6.unwrap_or(v4) })
    }
}

/// The policies of a signature that are no NetworkPolicies, how its subjects resolve the ports that these name, and their
/// home.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Around {
    pub(crate) policies: Box<[(PolicyId, Truth)]>,
    resolution: Option<ResolutionId>,
    home: Option<HomeId>,
}

/// The policies of some signatures that are no NetworkPolicies.
#[derive(Debug)]
pub(super) struct Surrounding {
    around: Around,
    /// The signatures in use that share them, ascending.
    pub(super) signatures: Vec<SignatureId>,
    /// The frame for peers that no list matches.
    pub(super) default: FrameId,
    /// The frames for classes, as far as dense lists tell classes apart.
    pub(super) regions: Regions<FrameId>,
    /// The classes that other lists mention, ascending, with what is made of them if that is not what the regions say.
    pub(super) overrides: Vec<(ClassId, FrameId)>,
}

/// The surroundings of all signatures of a direction.
#[derive(Debug)]
pub(super) struct Surroundings {
    direction: Direction,
    pub(super) frames: Frames,
    pub(super) all: IndexVec<SurroundingId, Surrounding>,
    /// That of each signature whose NetworkPolicies are a union.
    pub(super) of: IndexVec<SignatureId, Option<SurroundingId>>,
    /// The surroundings that override what their regions say of a class.
    pub(super) overriding: FxHashMap<ClassId, Vec<(SurroundingId, FrameId)>>,
    /// The surroundings that hold a policy.
    holding: FxHashMap<PolicyId, Vec<SurroundingId>>,
}

impl Surroundings {
    pub(super) fn new(evaluator: &mut Evaluator<'_>, direction: Direction) -> Self {
        let program = evaluator.program;
        let mut distinct: Interner<SurroundingId, Around> = Interner::new();
        let of = program.signatures[direction].iter().map(|signature| {
            program
                .is_union(direction, signature)
                .then(|| distinct.intern_owned(program.around(direction, signature)))
        });
        let mut this = Self {
            direction,
            frames: Frames::new(evaluator),
            of: of.collect(),
            all: IndexVec::new(),
            overriding: FxHashMap::default(),
            holding: FxHashMap::default(),
        };
        for around in distinct.into_values() {
            for &(policy, _) in &around.policies {
                this.holding.entry(policy).or_default().push(SurroundingId::from_index(this.all.len()));
            }
            let surrounding = this.surrounding(evaluator, around);
            for &(class, frame) in &surrounding.overrides {
                let id = SurroundingId::from_index(this.all.len());
                this.overriding.entry(class).or_default().push((id, frame));
            }
            this.all.push(surrounding);
        }
        // A program that has changed may have signatures without a class, which are nobody's any more.
        let used: BTreeSet<SignatureId> =
            program.classes.iter().map(|class| class.signature[direction]).collect();
        for signature in used {
            if let Some(surrounding) = this.of[signature] {
                this.all[surrounding].signatures.push(signature);
            }
        }
        this
    }

    fn surrounding(&mut self, evaluator: &mut Evaluator<'_>, around: Around) -> Surrounding {
        let program = evaluator.program;
        let direction = self.direction;
        let policies = around.policies(direction);
        let mut dense: Vec<PeersId> = Vec::new();
        let mut mentioned: Vec<ClassId> = Vec::new();
        for &(policy, _) in policies.selecting {
            for rule in &program.deciding_policy(policy).rules[direction] {
                match rule.list(policies.home) {
                    Some(list) if program.is_in_templates(direction, rule, list) => dense.push(list),
                    list => {
                        mentioned.extend(program.mentioned(direction, rule, list).map(|(class, _)| class));
                    }
                }
            }
        }
        dense.sort_unstable();
        dense.dedup();
        mentioned.sort_unstable();
        mentioned.dedup();

        let mut lists: Chains<(), (PeersId, ByFamily<Truth>)> = Chains::default();
        let mut cut = Cut::of_all(lists.start(()), program.classes.len());
        for &list in &dense {
            for (truth, set) in &program.dense_members(list).sets {
                cut.cut(set.words(), |holding| lists.then(holding, (list, *truth)));
            }
        }
        let frames = &mut self.frames;
        let regions =
            cut.finish(|holding| frames.of(evaluator, policies, Peer::Listed(&lists.elements(holding).1)));
        let overrides = mentioned.into_iter().filter_map(|class| {
            let frame = frames.of(evaluator, policies, Peer::Class(class));
            (frame != regions.at(class.index())).then_some((class, frame))
        });
        let overrides = overrides.collect();
        let default = frames.of(evaluator, policies, Peer::Unmentioned);
        Surrounding { around, signatures: Vec::new(), default, regions, overrides }
    }

    /// The surroundings that hold a policy, ascending.
    pub(super) fn holding(&self, policy: PolicyId) -> &[SurroundingId] {
        self.holding.get(&policy).map_or(&[], |all| all)
    }

    /// The frame of a surrounding for a peer.
    pub(super) fn frame(
        &mut self,
        evaluator: &mut Evaluator<'_>,
        id: SurroundingId,
        peer: Peer<'_>,
    ) -> FrameId {
        let policies = self.all[id].around.policies(self.direction);
        self.frames.of(evaluator, policies, peer)
    }
}

impl Around {
    fn policies(&self, direction: Direction) -> Policies<'_> {
        let Self { policies: selecting, resolution, home } = self;
        Policies { direction, selecting, resolution: *resolution, home: *home }
    }
}

impl Program {
    /// True if the NetworkPolicies of a signature surely select its subjects and only accept: they then admit the
    /// union of the ports of the matching rules.
    pub(crate) fn is_union(&self, direction: Direction, signature: &Signature) -> bool {
        signature.policies.iter().all(|&(id, selects)| {
            let policy = self.deciding_policy(id);
            policy.tier != Tier::NetworkPolicy || (selects.sure() && policy.only_admits(direction))
        })
    }

    /// True if all policies of a signature are NetworkPolicies that form a union: no tier around them is asked.
    pub(crate) fn is_additive(&self, direction: Direction, signature: &Signature) -> bool {
        self.is_union(direction, signature)
            && signature.policies.iter().all(|&(id, _)| self.is_network_policy(id))
    }

    /// The policies of a signature that are no NetworkPolicies.
    pub(crate) fn around(&self, direction: Direction, signature: &Signature) -> Around {
        let policies = signature.policies.iter().copied();
        let policies: Box<[_]> = policies.filter(|&(id, _)| !self.is_network_policy(id)).collect();
        let names = policies.iter().any(|&(id, _)| {
            self.deciding_policy(id).rules[direction].iter().any(|rule| !rule.ports.named.is_empty())
        });
        // No NetworkPolicy asks for the home.
        Around { policies, resolution: signature.resolution.filter(|_| names), home: signature.home }
    }

    /// True if a policy in force is a NetworkPolicy.
    pub(crate) fn is_network_policy(&self, id: PolicyId) -> bool {
        self.deciding_policy(id).tier == Tier::NetworkPolicy
    }
}
