//! The policies of one input, asked about the pods of the other.
//!
//! Where policies and pods change at once, it must be told apart whose change it was that counted: what a policy said is then
//! asked of the pods as they are now, and what it says of the pods as they were.

use std::sync::Arc;

use super::policies::{PairId, PolicyPairs};
use super::sight::Sight;
use crate::cluster::{Cluster, adopt_policy};
use crate::compile::{Program, compile};
use crate::diff;
use crate::index::IndexVec;
use crate::policy::PolicyId;

/// A version of a policy: the number of the input that it is from.
pub(super) type Version = usize;

/// The pods of both inputs, each with the policies of both where that tells more than its own.
pub(super) struct Crossed<'p> {
    inputs: [&'p Program; 2],
    /// The same with the policies of the other one; `None` where no policy that was edited could see what became of the pods.
    programs: Option<[Program; 2]>,
    /// The pair and the version of each policy of these programs, by input.
    of: [IndexVec<PolicyId, (PairId, Version)>; 2],
    /// The policies of each pair: by version, then by input.
    ids: IndexVec<PairId, [[Option<PolicyId>; 2]; 2]>,
}

impl<'p> Crossed<'p> {
    pub(super) fn new(inputs: [&'p Program; 2], policies: &PolicyPairs, pairwise: &diff::Difference) -> Self {
        let of = [0, 1].map(|input| {
            let ids = inputs[input].cluster.policies.ids();
            ids.map(|id| (policies.pair(input, id), input)).collect::<IndexVec<PolicyId, _>>()
        });
        let ids = policies.all.iter().map(|pair| {
            let [before, after] = pair.ids;
            if pair.is_same { [pair.ids; 2] } else { [[before, None], [None, after]] }
        });
        let mut crossed = Self { inputs, programs: None, of, ids: ids.collect() };
        if Sight::of_edited(inputs, policies).sees_a_change(pairwise) {
            crossed.cross(policies);
        }
        crossed
    }

    /// Gives each input the edited policies of the other one.
    fn cross(&mut self, policies: &PolicyPairs) {
        let programs = [0, 1].map(|input| {
            let (own, other) = (self.inputs[input], &self.inputs[1 - input].cluster);
            let mut cluster = Cluster::clone(&own.cluster);
            for pair in policies.edited() {
                let Some(id) = policies.all[pair].ids[1 - input] else { continue };
                if let Some(policy) = adopt_policy(&mut cluster, other, &other.policies[id]) {
                    self.ids[pair][1 - input][input] = Some(cluster.policies.push(policy));
                    self.of[input].push((pair, 1 - input));
                }
            }
            compile(&Arc::new(cluster), own.profile)
        });
        self.programs = Some(programs);
    }

    /// The pods of each input, with the policies that are asked about them.
    pub(super) fn programs(&self) -> [&Program; 2] {
        self.programs.as_ref().map_or(self.inputs, <[Program; 2]>::each_ref)
    }

    /// True if edited policies are there in both versions. If not, they see the same pods in both inputs.
    pub(super) const fn has_both_versions(&self) -> bool {
        self.programs.is_some()
    }

    /// The pair that a policy of one of [`Self::programs`] belongs to, and the version that it is.
    pub(super) fn pair(&self, input: usize, policy: PolicyId) -> (PairId, Version) {
        self.of[input][policy]
    }

    /// A version of a policy in one of [`Self::programs`].
    pub(super) fn id(&self, pair: PairId, version: Version, input: usize) -> Option<PolicyId> {
        self.ids[pair][version][input]
    }
}
