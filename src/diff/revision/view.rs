//! The policies around NetworkPolicies as the other ends of connections see them: by regions of classes, which these policies
//! do not tell apart.

use rustc_hash::{FxHashMap, FxHashSet};

use super::bases::{AroundId, Base, BaseId};
use super::{Search, Treatment};
use crate::compile::{ClassId, PeersId, SignatureId};
use crate::index::Id;
use crate::net::Direction;
use crate::policy::PolicyId;
use crate::solve::{FrameId, Peer, SideId};

/// One direction of policies around NetworkPolicies, as the ends that they look at see it.
pub(super) struct View {
    pub(super) direction: Direction,
    /// By class, the region that it is in: those of one region are equal for all of these policies.
    regions: Vec<u32>,
    /// A class of each region.
    pub(super) representatives: Vec<ClassId>,
    frames: FxHashMap<(AroundId, u32), FrameId>,
    sides: FxHashMap<(BaseId, u32), SideId>,
}

impl View {
    pub(super) fn region(&self, class: ClassId) -> u32 {
        self.regions[class.index()]
    }
}

impl Search<'_, '_> {
    /// The regions of classes that the policies around the NetworkPolicies of these bases tell apart.
    pub(super) fn view(&self, direction: Direction, bases: impl Iterator<Item = BaseId>) -> View {
        let program = self.program;
        let bases: FxHashSet<BaseId> = bases.collect();
        let arounds: FxHashSet<AroundId> = bases
            .into_iter()
            .filter_map(|base| match self.bases.get(base) {
                Base::Parts { around, .. } => Some(around),
                Base::Whole(_) => None,
            })
            .collect();
        let policies: FxHashSet<PolicyId> = arounds
            .into_iter()
            .flat_map(|around| &self.bases.around(around).policies)
            .map(|&(policy, _)| policy)
            .collect();
        let rules = policies.into_iter().flat_map(|policy| &program.deciding_policy(policy).rules[direction]);
        let mut lists: Vec<PeersId> = Vec::new();
        let mut names_ports = false;
        for rule in rules {
            lists.extend(rule.lists());
            names_ports |= direction == Direction::Egress && !rule.ports.named.is_empty();
        }
        lists.sort_unstable();
        lists.dedup();
        let mut regions = vec![0; program.classes.len()];
        let mut count = 1;
        for list in lists {
            let mut known = FxHashMap::default();
            for (class, truth) in program.peers[list].classes.iter() {
                let region = &mut regions[class.index()];
                *region = *known.entry((*region, truth)).or_insert_with(|| next(&mut count));
            }
        }
        if names_ports {
            let mut known = FxHashMap::default();
            for (region, class) in regions.iter_mut().zip(program.classes.iter()) {
                let key = (*region, class.resolution, class.resolves_in);
                *region = *known.entry(key).or_insert_with(|| next(&mut count));
            }
        }
        let mut representatives = vec![ClassId::from_index(0); count as usize];
        for (class, &region) in program.classes.ids().zip(&regions) {
            representatives[region as usize] = class;
        }
        let (frames, sides) = Default::default();
        View { direction, regions, representatives, frames, sides }
    }

    /// The frame that policies leave for a region of peers.
    pub(super) fn frame(&mut self, view: &mut View, around: AroundId, region: u32) -> FrameId {
        let View { direction, representatives, frames, .. } = view;
        *frames.entry((around, region)).or_insert_with(|| {
            let peer = Peer::Class(representatives[region as usize]);
            self.bases.frame(self.evaluator, *direction, around, peer)
        })
    }

    /// The side of a base towards a region of peers.
    fn usual_side(&mut self, view: &mut View, base: BaseId, region: u32) -> SideId {
        if let Some(&side) = view.sides.get(&(base, region)) {
            return side;
        }
        let side = match self.bases.get(base) {
            Base::Whole(side) => side,
            Base::Parts { around, own, families } => {
                let frame = self.frame(view, around, region);
                self.bases.side(self.evaluator, frame, own, families)
            }
        };
        view.sides.insert((base, region), side);
        side
    }

    /// The sides of bases before and after towards a region of peers.
    pub(super) fn usual_treatment(
        &mut self,
        view: &mut View,
        bases: (BaseId, BaseId),
        region: u32,
    ) -> Treatment {
        (self.usual_side(view, bases.0, region), self.usual_side(view, bases.1, region))
    }

    /// The side of a signature with this base towards a class of which its NetworkPolicies make this.
    pub(super) fn exact_side(
        &mut self,
        view: &mut View,
        (id, base): (SignatureId, BaseId),
        class: ClassId,
        own: Option<SideId>,
    ) -> SideId {
        match self.bases.get(base) {
            Base::Whole(_) => self.evaluator.side(view.direction, id, Peer::Class(class)),
            Base::Parts { around, families, .. } => {
                let frame = self.frame(view, around, view.region(class));
                self.bases.side(self.evaluator, frame, own, families)
            }
        }
    }
}

fn next(count: &mut u32) -> u32 {
    *count += 1;
    *count - 1
}
