//! The conditions under which an allowed connection is allowed.

use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::net::PortSet;
use crate::policy::{Condition, PolicyId};
use crate::solve::proof::{Basis, FamilyProof, Proof};

/// A condition of a policy that restricts what may be said on ports that are allowed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Restriction {
    /// The policy.
    pub policy: PolicyId,
    /// Its condition.
    pub condition: Condition,
    /// The ports.
    pub ports: PortSet,
}

/// The restrictions on some ports, each condition once: by policy, then in written order of their paths.
#[derive(Clone, Default)]
pub(in crate::query) struct Restrictions(BTreeMap<(PolicyId, Condition), PortSet>);

impl Restrictions {
    /// Adds those of a pair on the ports asked for.
    ///
    /// A port is restricted where every rule that would allow it has a condition, or one that has a condition denies it; the
    /// conditions of both sides count (C51).
    pub(in crate::query) fn add(&mut self, cluster: &Cluster, proof: &Proof, asked: &PortSet) {
        let Basis::Families(families) = &proof.basis else { return };
        let restricted = proof.connectivity().restricted().intersection(asked);
        for side in families.iter().flat_map(FamilyProof::sides) {
            let ports = side.bounds.restricted().intersection(&restricted);
            if ports.is_empty() {
                continue;
            }
            for policy in &side.policies {
                let rules = cluster.policies[policy.policy].rules[side.direction].iter().zip(&policy.rules);
                for (rule, step) in rules.filter(|(_, step)| step.peers.truth.possible()) {
                    let ports = ports.intersection(&step.ports.matched);
                    for condition in rule.conditions.iter().filter(|_| !ports.is_empty()) {
                        let all = self.0.entry((policy.policy, condition.clone())).or_default();
                        *all = all.union(&ports);
                    }
                }
            }
        }
    }

    /// All of them.
    pub(in crate::query) fn into_list(self) -> Vec<Restriction> {
        let all = self.0.into_iter();
        all.map(|((policy, condition), ports)| Restriction { policy, condition, ports }).collect()
    }
}
