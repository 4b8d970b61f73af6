//! The ground of a verdict, in short: the rules that admit a connection or the policies that isolate, nothing else.

use crate::label::Truth;
use crate::net::PortSet;
use crate::policy::{PolicyId, Tier};
use crate::query::can::Verdict;
use crate::query::explain::{self, PairExplanation, Reason};
use crate::solve::End;
use crate::solve::proof::{Basis, Exemption, Prover, Side};

/// The verdict on a connection and the ground for it on each side.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Because {
    /// The verdict on the ports asked about.
    pub verdict: Verdict,
    /// Ground for which the source's side lets the connection out, or does not.
    pub egress: Ground,
    /// Ground for which the destination's side lets the connection in, or does not.
    pub ingress: Ground,
    /// The facts that are missing; empty unless the verdict is unknown.
    pub reasons: Vec<Reason>,
}

/// The ground for the verdict of one side of a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ground {
    /// Policies have no say: a pod and itself, or no address family in common.
    Beside,
    /// No policy isolates the subject; or none can, for this reason.
    Open(Option<Exemption>),
    /// These rules admit it: the policy, and the place among its rules of the direction.
    Admitted(Vec<(PolicyId, usize)>),
    /// These policies isolate the subject, and no rule admits it.
    Isolated(Vec<PolicyId>),
    /// These rules deny it.
    Denied(Vec<(PolicyId, usize)>),
    /// It depends on facts that the input does not give; these policies ask for them.
    Undecided(Vec<PolicyId>),
}

/// Finds the verdict on a connection from one end to another, on the ports asked about, and the ground for it.
pub fn because(prover: &Prover<'_>, from: End, to: End, asked: &PortSet) -> Because {
    let explanation = explain::brief(prover, from, to, asked);
    let ground = |side: fn(&explain::PairExplanation) -> Option<&Side>| {
        side(&explanation).map_or(Ground::Beside, |side| ground(prover, &explanation, side))
    };
    Because {
        verdict: explanation.verdict,
        egress: ground(|explanation| explanation.family().map(|family| &family.egress)),
        ingress: ground(|explanation| explanation.family().map(|family| &family.ingress)),
        reasons: explanation.reasons.clone(),
    }
}

fn ground(prover: &Prover<'_>, explanation: &PairExplanation, side: &Side) -> Ground {
    if side.exemption.is_some() {
        return Ground::Open(side.exemption);
    }
    let cluster = prover.cluster();
    let rules = explanation.decided_by(cluster, side);
    match explanation.side_verdict(side) {
        Verdict::Allow if rules.is_empty() => Ground::Open(None),
        Verdict::Allow => Ground::Admitted(rules),
        Verdict::Deny if rules.is_empty() => {
            let isolating = side.policies.iter().filter(|proof| {
                proof.selects.sure() && cluster.policies[proof.policy].tier == Tier::NetworkPolicy
            });
            Ground::Isolated(isolating.map(|proof| proof.policy).collect())
        }
        Verdict::Deny => Ground::Denied(rules),
        Verdict::Unknown => {
            let ties = explanation.tiers(cluster, side).into_iter().flat_map(|step| step.ties);
            let tied: Vec<PolicyId> = ties.flat_map(|tie| tie.rules).map(|one| one.rule.0).collect();
            let doubtful = side.policies.iter().filter(|proof| {
                proof.selects == Truth::Unknown
                    || tied.contains(&proof.policy)
                    || !cluster.policies[proof.policy].tier.is_evaluated()
                    || proof.rules.iter().any(|rule| rule.peers.truth == Truth::Unknown)
            });
            Ground::Undecided(doubtful.map(|proof| proof.policy).collect())
        }
    }
}

impl Because {
    /// The policies it rests on, the source's first, each once.
    pub fn policies(&self) -> Vec<PolicyId> {
        let mut all: Vec<PolicyId> = Vec::new();
        for ground in [&self.egress, &self.ingress] {
            let policies = match ground {
                Ground::Beside | Ground::Open(_) => Vec::new(),
                Ground::Admitted(rules) | Ground::Denied(rules) => rules.iter().map(|rule| rule.0).collect(),
                Ground::Isolated(policies) | Ground::Undecided(policies) => policies.clone(),
            };
            for policy in policies {
                if !all.contains(&policy) {
                    all.push(policy);
                }
            }
        }
        all
    }
}

impl PairExplanation {
    /// The same on those ports alone that the family which speaks best for the connection allows; all of them, unless
    /// families share the ports between them.
    pub(super) fn narrowed(mut self) -> Self {
        if self.verdict == Verdict::Allow
            && let Basis::Families(families) = &self.proof.basis
            && let Some(family) = families
                .iter()
                .find(|family| !family.connectivity().must.intersection(&self.asked).is_empty())
        {
            self.asked = self.asked.intersection(&family.connectivity().must);
        }
        self
    }
}
