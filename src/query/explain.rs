//! `explain`: a verdict and its proof, what nearly matched, which facts are missing, and a change that would allow it.
//!
//! Owns what is said about one pair of ends and about one endpoint, as data. Lines and words are the business of
//! [`crate::render`].

mod endpoint;
mod fix;
mod front;
mod meant;
mod near_miss;
mod policy;
mod reason;
mod restriction;
mod walk;
mod weigh;

use crate::cluster::Cluster;
use crate::label::Truth;
use crate::net::{ByDirection, Direction, PortSet};
use crate::policy::{Action, PolicyId, Rule, Tier};
use crate::profile::Profile;
use crate::query::can::Verdict;
use crate::solve::proof::{Basis, FamilyProof, Proof, Prover, RuleProof, Side};
use crate::solve::{Connectivity, End};

pub use endpoint::{Applied, AppliedRule, EndpointExplanation, Matched, Subject, endpoint};
pub use fix::{AllowPolicy, Closed, Fix, Fixes, NoFix, Opened};
pub use meant::{Meant, Slip};
pub use near_miss::{Miss, NearMiss};
pub(super) use reason::undecided;

pub use policy::{PolicyExplanation, Row, Who, Without, policy};
pub use reason::Reason;
pub use restriction::Restriction;
pub(super) use restriction::Restrictions;
pub use walk::{Counted, Tie, TierStep};

/// Everything there is to say about one pair of ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PairExplanation {
    /// The ports asked for.
    pub asked: PortSet,
    /// The verdict on them.
    pub verdict: Verdict,
    /// Every step of the evaluation.
    pub proof: Proof,
    /// The missing facts; empty unless the verdict is unknown.
    pub reasons: Vec<Reason>,
    /// Rules that would admit it but for one thing; empty if the verdict is allow.
    pub near_misses: Vec<NearMiss>,
    /// Policies that look as if they were meant to block it; empty unless the verdict is allow.
    pub meant: Vec<Meant>,
    /// Profiles that enforce policies and give another definite verdict.
    pub differs: Vec<(Profile, Verdict)>,
    /// By side, the NetworkPolicies that surely select its subject and isolate it in the other direction only; of sides
    /// that policies of other tiers decide, too.
    pub elsewhere: ByDirection<Vec<PolicyId>>,
}

/// A rule by its policy and its number there.
pub type RuleId = (PolicyId, usize);

/// Explains what may flow from one end to another on the ports asked for.
pub fn pair(prover: &Prover<'_>, from: End, to: End, asked: &PortSet) -> PairExplanation {
    let mut explanation = proved(prover, from, to, asked);
    explanation.differs = differing(prover, from, to, asked, explanation.verdict);
    explanation.explain_unknown(prover);
    if explanation.verdict == Verdict::Allow {
        explanation.meant = meant::meant(prover, &explanation);
    } else {
        explanation.near_misses = near_miss::near_misses(prover, &explanation);
    }
    explanation
}

/// The same without what nearly matched, and what other profiles say.
pub(super) fn brief(prover: &Prover<'_>, from: End, to: End, asked: &PortSet) -> PairExplanation {
    let mut explanation = proved(prover, from, to, asked).narrowed();
    explanation.explain_unknown(prover);
    explanation
}

/// The verdict and its proof, and nothing else yet.
fn proved(prover: &Prover<'_>, from: End, to: End, asked: &PortSet) -> PairExplanation {
    let proof = prover.prove(from, to);
    PairExplanation {
        asked: asked.clone(),
        verdict: Verdict::of(&proof.connectivity(), asked),
        proof,
        reasons: Vec::new(),
        near_misses: Vec::new(),
        meant: Vec::new(),
        differs: Vec::new(),
        elsewhere: ByDirection {
            ingress: elsewhere(prover, to, Direction::Ingress),
            egress: elsewhere(prover, from, Direction::Egress),
        },
    }
}

/// The NetworkPolicies that surely select an end and isolate it in the other direction only, if policies of other tiers are
/// asked in this one.
fn elsewhere(prover: &Prover<'_>, subject: End, direction: Direction) -> Vec<PolicyId> {
    let End::Pod(pod, _) = subject else { return Vec::new() };
    let policies = &prover.cluster().policies;
    let is_tiered = |(id, _): &(PolicyId, Truth)| policies[*id].tier.is_ordered();
    if !prover.policies_of(pod, direction).iter().any(is_tiered) {
        return Vec::new();
    }
    let others = prover.policies_of(pod, direction.other()).into_iter().filter(|(id, selects)| {
        let policy = &policies[*id];
        selects.sure() && policy.tier == Tier::NetworkPolicy && !policy.isolates[direction]
    });
    others.map(|(id, _)| id).collect()
}

impl PairExplanation {
    /// Says why it is unknown, if it is.
    fn explain_unknown(&mut self, prover: &Prover<'_>) {
        if self.verdict == Verdict::Unknown {
            self.reasons = reason::reasons(prover.cluster(), self);
        }
    }

    /// The family that speaks best for the connection: what it says is the verdict, unless the families share the
    /// ports between them.
    pub fn family(&self) -> Option<&FamilyProof> {
        let Basis::Families(families) = &self.proof.basis else { return None };
        families.iter().min_by_key(|family| match Verdict::of(&family.connectivity(), &self.asked) {
            Verdict::Allow => 0,
            Verdict::Unknown => 1,
            Verdict::Deny => 2,
        })
    }

    /// The families in which the ends can connect, if these differ in what a side says of the ports asked about, or in the
    /// rules that deny them.
    pub fn differing_families(&self, cluster: &Cluster) -> &[FamilyProof] {
        let Basis::Families(families) = &self.proof.basis else { return &[] };
        let says = |side: &Side| {
            let Connectivity { must, may, .. } = &side.bounds;
            let is_denied = self.side_verdict(side) == Verdict::Deny;
            let rules = if is_denied { self.decided_by(cluster, side) } else { Vec::new() };
            (must.intersection(&self.asked), may.intersection(&self.asked), rules)
        };
        let differ = |a: &FamilyProof, b: &FamilyProof| {
            a.sides().into_iter().map(says).ne(b.sides().into_iter().map(says))
        };
        if families.windows(2).any(|two| differ(&two[0], &two[1])) { families } else { &[] }
    }

    /// The verdict of one side.
    pub fn side_verdict(&self, side: &Side) -> Verdict {
        Verdict::of(&side.bounds, &self.asked)
    }

    /// The share of the ports asked about that a rule matches.
    pub fn coverage(&self, rule: &RuleProof) -> Coverage {
        let hit = self.asked.intersection(&rule.ports.matched);
        if hit.is_empty() {
            Coverage::None
        } else if hit == self.asked {
            Coverage::All
        } else {
            Coverage::Some(hit)
        }
    }

    /// The rules that settle a side: those that admit it if it allows, those that deny it if it denies. A rule that
    /// does so alone stands alone. Empty if no rule does: the side is open, or isolated and not admitted.
    pub fn decided_by(&self, cluster: &Cluster, side: &Side) -> Vec<RuleId> {
        let action = match self.side_verdict(side) {
            Verdict::Allow => Action::Accept,
            Verdict::Deny => Action::Deny,
            Verdict::Unknown => return Vec::new(),
        };
        let rules = self.tiers(cluster, side).into_iter().flat_map(|step| step.rules);
        rules.filter(|one| one.is_sure && one.action == action).map(|one| one.rule).collect()
    }

    /// True if no port that was asked about comes to the NetworkPolicies of a side: an earlier tier decides, and none of them
    /// would change anything.
    pub fn is_settled_before(&self, cluster: &Cluster, side: &Side) -> bool {
        let steps = self.tiers(cluster, side);
        steps.iter().any(|step| step.tier == Tier::NetworkPolicy && step.reached.is_empty())
    }

    /// The rules that let through, surely or perhaps, some of what was asked, whether or not one would do alone.
    pub fn admitted_by(&self, cluster: &Cluster, side: &Side) -> Vec<(PolicyId, usize)> {
        let idle: Vec<RuleId> = self.tiers(cluster, side).into_iter().flat_map(|step| step.idle).collect();
        let mut admitting = Vec::new();
        for proof in &side.policies {
            let rules = &cluster.policies[proof.policy].rules[side.direction];
            let admits = |(rule, step): (&Rule, &RuleProof)| {
                rule.action == Action::Accept
                    && step.peers.truth.possible()
                    && self.coverage(step) != Coverage::None
            };
            let matching = rules.iter().zip(&proof.rules).enumerate().filter(|(_, pair)| admits(*pair));
            let matching = matching.map(|(index, _)| (proof.policy, index));
            admitting.extend(matching.filter(|rule| !idle.contains(rule)));
        }
        admitting
    }

    /// `Yes` if some policy isolates the subject of a side, `Unknown` if one perhaps does.
    pub fn isolated(&self, cluster: &Cluster, side: &Side) -> Truth {
        let isolates = |policy: PolicyId| {
            let tier = cluster.policies[policy].tier;
            tier == Tier::NetworkPolicy || !tier.is_evaluated()
        };
        let isolating = side.policies.iter().filter(|proof| isolates(proof.policy));
        isolating.map(|proof| proof.selects).max().unwrap_or(Truth::No)
    }

    /// The two ends as a side sees them: the subject, then the peer.
    pub fn ends_of(&self, direction: Direction) -> (End, End) {
        match direction {
            Direction::Egress => (self.proof.from, self.proof.to),
            Direction::Ingress => (self.proof.to, self.proof.from),
        }
    }
}

/// The share of the ports asked about that a rule matches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Coverage {
    /// Every port.
    All,
    /// These only.
    Some(PortSet),
    /// No port.
    None,
}

/// Profiles under which the verdict is another definite one. A profile that enforces nothing is left aside: it would
/// contradict every denial.
fn differing(
    prover: &Prover<'_>,
    from: End,
    to: End,
    asked: &PortSet,
    verdict: Verdict,
) -> Vec<(Profile, Verdict)> {
    let own = prover.profile();
    if verdict == Verdict::Unknown || !own.semantics().enforces {
        return Vec::new();
    }
    let cluster = prover.cluster();
    let ends = [(from, Direction::Egress), (to, Direction::Ingress)];
    let selecting = ends.into_iter().flat_map(|(end, direction)| match end {
        End::Pod(pod, _) => prover.policies_of(pod, direction),
        End::Address(_) => Vec::new(),
    });
    let selecting: Vec<PolicyId> = selecting.map(|(id, _)| id).collect();
    Profile::ALL
        .into_iter()
        .filter(|profile| *profile != own && profile.semantics().enforces)
        // Who does not enforce a kind of policy is not in a cluster that has it.
        .filter(|profile| selecting.iter().all(|id| cluster.policies[*id].enforced_by.contains(*profile)))
        .map(|profile| {
            let bounds: Connectivity = prover.prove_under(profile, from, to).connectivity();
            (profile, Verdict::of(&bounds, asked))
        })
        .filter(|(_, other)| *other != verdict && *other != Verdict::Unknown)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cluster::Ranges;
    use crate::compile::compile;
    use crate::query::can::can;
    use crate::query::endpoint::parse;
    use crate::query::fixture::{THREE_TIER, cluster};
    use crate::solve::solve;

    fn fix(cluster: &Arc<Cluster>, from: &str, to: &str) -> Option<Result<Fix, NoFix>> {
        let program = compile(cluster, Profile::Spec);
        let read = |text| parse(text, cluster, "multi-tier", &Ranges::default()).unwrap();
        Fixes::new(&solve(&program)).fix(&read(from), &read(to))
    }

    fn explain(cluster: &Arc<Cluster>, from: &str, to: &str) -> PairExplanation {
        let program = compile(cluster, Profile::Spec);
        let read = |text| parse(text, cluster, "multi-tier", &Ranges::default()).unwrap();
        can(&solve(&program), &read(from), &read(to)).shown
    }

    #[test]
    fn the_truth_about_three_tiers() {
        let undeclared = cluster(THREE_TIER);
        let declared = cluster(&format!(
            "{THREE_TIER}---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: kube-system}}\n"
        ));
        for (from, to, verdict) in [
            ("frontend", "api-server:8000", Verdict::Deny),
            ("frontend", "database:5432", Verdict::Deny),
            ("api-server", "database:5432", Verdict::Deny),
            ("203.0.113.7", "frontend:80", Verdict::Deny),
            ("kube-system/coredns", "frontend:80", Verdict::Allow),
            ("frontend[0]", "frontend[0]:80", Verdict::Allow),
            ("frontend[0]", "frontend[1]:80", Verdict::Deny),
            ("frontend", "kube-system/coredns:443", Verdict::Allow),
            ("frontend", "kube-system/coredns:53", Verdict::Deny),
        ] {
            assert_eq!(explain(&undeclared, from, to).verdict, verdict, "{from} -> {to}");
        }
        let dns = explain(&undeclared, "frontend", "kube-system/coredns:53/UDP");
        assert_eq!(dns.verdict, Verdict::Unknown);
        let [Reason::NamespaceLabel(namespace, ref requirement)] = dns.reasons[..] else {
            panic!("{:?}", dns.reasons)
        };
        assert_eq!(&*undeclared.namespaces[namespace].name, "kube-system");
        assert_eq!(&*undeclared.labels.keys[requirement.key], "name");
        assert_eq!(explain(&declared, "frontend", "kube-system/coredns:53/UDP").verdict, Verdict::Deny);
    }

    #[test]
    fn near_misses_name_the_one_thing() {
        let more = "---
apiVersion: v1
kind: Namespace
metadata: {name: kube-system}
---
apiVersion: v1
kind: Pod
metadata: {name: typo, namespace: multi-tier, labels: {tier: dtabase}}
spec: {containers: []}
---
apiVersion: v1
kind: Pod
metadata: {name: stranger, namespace: elsewhere, labels: {tier: frontend}}
spec: {containers: []}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: names, namespace: multi-tier}
spec: {podSelector: {matchLabels: {tier: api}}, ingress: [{ports: [{port: metrics}, {port: admin}]}, {ports: [{port: 81}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: multi-tier}
spec: {selector: {tier: api}, ports: [{port: 81, targetPort: http}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: blocks, namespace: multi-tier}
spec:
  podSelector: {matchLabels: {tier: frontend}}
  ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0, except: [198.51.100.0/24]}}], ports: [{port: 8443}]}]
";
        let cluster = cluster(&format!("{THREE_TIER}{more}"));
        for (from, to, path, expected) in [
            ("frontend", "kube-system/coredns:53/UDP", "spec.egress[0].to[0]", "NamespaceLabel"),
            ("elsewhere/stranger", "frontend:80/UDP", "spec.ingress[0].ports[0]", "Protocol(Tcp)"),
            ("elsewhere/stranger", "api-server:8000", "spec.ingress[0].from[0]", "OtherNamespace"),
            ("frontend", "database:5432", "spec.ingress[0].from[0]", "PodLabel"),
            ("api-server", "typo:5432", "spec.podSelector", "Subject"),
            ("203.0.113.7", "frontend:80", "spec.ingress[0].from[0]", "Address"),
            ("198.51.100.1", "frontend:8443", "spec.ingress[0].from[0]", "Except"),
            ("elsewhere/stranger", "api-server:9090", "spec.ingress[0].ports[0]", "Undeclared"),
            ("elsewhere/stranger", "api-server:9090", "spec.ingress[0].ports[1]", "NamedElsewhere"),
            ("elsewhere/stranger", "api-server:8000", "spec.ingress[1].ports", "ServicePort"),
            ("api-server", "database:5433", "spec.ingress[0].ports", "OtherPorts"),
        ] {
            let found = explain(&cluster, from, to).near_misses;
            let hit = |m: &NearMiss| m.path == path && format!("{:?}", m.miss).starts_with(expected);
            assert!(found.iter().any(hit), "{from} -> {to}: {expected} is not in {found:#?}");
        }
        assert_eq!(explain(&cluster, "2001:db8::1", "frontend:8443").near_misses, []);
    }

    #[test]
    fn a_fix_allows_what_was_asked_about() {
        let manifests =
            format!("{THREE_TIER}---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: kube-system}}\n");
        let base = cluster(&manifests);
        for (from, to, policies) in [
            ("frontend", "api-server:8000", 1),
            ("frontend", "database:5432", 2),
            ("ns/multi-tier", "database:5432", 2),
            ("frontend", "kube-system/coredns:53/UDP", 1),
            ("database", "203.0.113.0/24:8000-8100", 1),
            ("internet", "frontend:80", 1),
            ("203.0.113.7", "frontend:80", 1),
        ] {
            let fix = fix(&base, from, to).unwrap().unwrap();
            assert_eq!((fix.policies.len(), fix.then), (policies, Verdict::Allow), "{from} -> {to}");
            let yaml: Vec<String> = fix.policies.iter().map(|p| crate::yaml::to_string(p).unwrap()).collect();
            let fixed = cluster(&format!("{manifests}---\n{}", yaml.join("---\n")));
            let after = explain(&fixed, from, to);
            assert_eq!(after.verdict, Verdict::Allow, "{from} -> {to}\n{}", yaml.join("---\n"));
            assert!(!yaml.join("").contains("pod-template-hash"));
        }
    }

    #[test]
    fn what_another_profile_would_say() {
        let cluster = cluster(&format!(
            "{THREE_TIER}---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: blocks, namespace: multi-tier}}
spec:
  podSelector: {{matchLabels: {{tier: api}}}}
  policyTypes: [Ingress, Egress]
  ingress: [{{from: [{{ipBlock: {{cidr: 0.0.0.0/0}}}}]}}]
  egress: [{{to: [{{ipBlock: {{cidr: 0.0.0.0/0}}}}]}}]
"
        ));
        let explanation = explain(&cluster, "api-server[0]", "api-server[1]:1234");
        assert_eq!(explanation.verdict, Verdict::Allow);
        assert_eq!(explanation.differs, [(Profile::Cilium, Verdict::Deny)]);
    }
}
