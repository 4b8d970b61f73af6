//! The bases of signatures: what they make of a peer that none of their NetworkPolicies mentions.
//!
//! A base is the policies around the NetworkPolicies, which thousands of signatures share, and what the NetworkPolicies
//! admit to everybody, of which there are few. So there are few bases, however many signatures a cluster-wide policy touches.

use rustc_hash::FxHashMap;

use crate::compile::{Program, SignatureId};
use crate::index::Id;
use crate::net::{ByDirection, ByFamily, Direction};
use crate::set::Interner;
use crate::solve::{Around, Evaluator, FrameId, Frames, Peer, SideId};

crate::define_id! { [pub(super)]
    /// A distinct [`Base`].
    BaseId,
    /// A distinct [`Around`].
    AroundId,
}

/// The part of a signature that most peers see.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Base {
    /// Its NetworkPolicies are a union, or it has none.
    Parts {
        /// The policies around its NetworkPolicies.
        around: AroundId,
        /// The verdict of its NetworkPolicies on peers that they do not mention, if it has any.
        own: Option<SideId>,
        /// The families of the subjects.
        families: ByFamily<bool>,
    },
    /// Its NetworkPolicies are no union: this is the verdict of all its policies on peers that none of them mentions.
    Whole(SideId),
}

/// The bases of signatures, found when they are asked for.
#[derive(Debug, Default)]
pub(super) struct Bases {
    all: Interner<BaseId, Base>,
    arounds: Interner<AroundId, Around>,
    of: ByDirection<Vec<Option<BaseId>>>,
    frames: Option<Frames>,
}

impl Bases {
    /// The base of a signature in use, or of one that was in use before the revision.
    pub(super) fn of(
        &mut self,
        evaluator: &mut Evaluator<'_>,
        direction: Direction,
        id: SignatureId,
    ) -> BaseId {
        if let Some(&Some(base)) = self.of[direction].get(id.index()) {
            return base;
        }
        let program = evaluator.program;
        let signature = &program.signatures[direction][id];
        let base = if program.is_union(direction, signature) {
            let around = self.arounds.intern_owned(program.around(direction, signature));
            let own = evaluator.own(direction, id, Peer::Unmentioned);
            Base::Parts { around, own, families: signature.families }
        } else {
            Base::Whole(evaluator.side(direction, id, Peer::Unmentioned))
        };
        self.set(direction, id, base)
    }

    fn set(&mut self, direction: Direction, id: SignatureId, base: Base) -> BaseId {
        let base = self.all.intern_owned(base);
        let of = &mut self.of[direction];
        if of.len() <= id.index() {
            of.resize(id.index() + 1, None);
        }
        of[id.index()] = Some(base);
        base
    }

    /// Takes note of a signature that follows another one in a revision. Its number may have been another signature's when
    /// it was last in use.
    pub(super) fn follow(
        &mut self,
        evaluator: &mut Evaluator<'_>,
        direction: Direction,
        (from, to): (SignatureId, SignatureId),
    ) {
        if let Some(base) = self.of[direction].get_mut(to.index()) {
            *base = None;
        }
        let program = evaluator.program;
        if !is_surrounded(program, direction, from) && !is_surrounded(program, direction, to) {
            return;
        }
        let before = self.of(evaluator, direction, from);
        if let Base::Parts { own, families, .. } = self.get(before)
            && have_same_own(program, direction, from, to)
        {
            let around = program.around(direction, &program.signatures[direction][to]);
            let around = self.arounds.intern_owned(around);
            self.set(direction, to, Base::Parts { around, own, families });
        }
    }

    /// The side of a signature towards peers that no policy mentions; `known` are the frames for these so far.
    pub(super) fn unmentioned(
        &mut self,
        evaluator: &mut Evaluator<'_>,
        direction: Direction,
        id: SignatureId,
        known: &mut FxHashMap<AroundId, FrameId>,
    ) -> SideId {
        let base = self.of(evaluator, direction, id);
        match self.get(base) {
            Base::Whole(side) => side,
            Base::Parts { around, own, families } => {
                let frame = *known
                    .entry(around)
                    .or_insert_with(|| self.frame(evaluator, direction, around, Peer::Unmentioned));
                self.side(evaluator, frame, own, families)
            }
        }
    }

    pub(super) fn get(&self, id: BaseId) -> Base {
        self.all[id]
    }

    pub(super) fn around(&self, id: AroundId) -> &Around {
        &self.arounds[id]
    }

    /// The side that results where a peer gets a frame and the NetworkPolicies make this of it.
    pub(super) fn side(
        &mut self,
        evaluator: &mut Evaluator<'_>,
        frame: FrameId,
        own: Option<SideId>,
        families: ByFamily<bool>,
    ) -> SideId {
        let frames = self.frames.get_or_insert_with(|| Frames::new(evaluator));
        frames.side(evaluator, frame, own, families)
    }

    /// The frame that policies around NetworkPolicies leave for a peer.
    pub(super) fn frame(
        &mut self,
        evaluator: &mut Evaluator<'_>,
        direction: Direction,
        id: AroundId,
        peer: Peer<'_>,
    ) -> FrameId {
        let Self { arounds, frames, .. } = self;
        let frames = frames.get_or_insert_with(|| Frames::new(evaluator));
        frames.around(evaluator, direction, &arounds[id], peer)
    }
}

/// True if a signature has other policies than NetworkPolicies.
pub(super) fn is_surrounded(program: &Program, direction: Direction, id: SignatureId) -> bool {
    let policies = &program.signatures[direction][id].policies;
    policies.iter().any(|&(policy, _)| !program.is_network_policy(policy))
}

/// True if two signatures have the same NetworkPolicies.
pub(super) fn have_same_own(program: &Program, direction: Direction, a: SignatureId, b: SignatureId) -> bool {
    let own = |id: SignatureId| program.network_policies(&program.signatures[direction][id]);
    a == b || own(a) == own(b)
}
