//! The way of the ports asked about through the tiers of one side.

use crate::cluster::Cluster;
use crate::net::PortSet;
use crate::policy::{Action, Order, PolicyId, Tier};
use crate::solve::proof::{PolicyProof, Side};

use super::{PairExplanation, RuleId};

/// The effect of one tier on the ports asked about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TierStep {
    /// The tier.
    pub tier: Tier,
    /// Number of the side's policies that are in the tier.
    pub policies: usize,
    /// The ports that come to it, surely or perhaps; none if it is not reached.
    pub reached: PortSet,
    /// The rules that count: those that are the first to match some of these ports, or in the tier of NetworkPolicies those
    /// that admit some. Rules that tie are not among them.
    pub rules: Vec<Counted>,
    /// The disagreements of rules that stand in one place.
    pub ties: Vec<Tie>,
    /// Rules that match some of the ports asked about, none of which comes to them.
    pub idle: Vec<RuleId>,
    /// The ports that a policy of the tier surely isolates, and no rule surely or perhaps admits.
    pub shut: PortSet,
    /// The ports that go on to the next tier, surely or perhaps.
    pub left: PortSet,
}

/// A rule, and what it does to some ports.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Counted {
    /// The rule.
    pub rule: RuleId,
    /// Its effect.
    pub action: Action,
    /// The ports.
    pub ports: PortSet,
    /// Set if its policy surely selects the subject, and it surely matches the peer.
    pub is_sure: bool,
}

/// A disagreement of rules of policies that stand in one place of a tier, so that any of them may come first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tie {
    /// The rules, in the order of their policies.
    pub rules: Vec<Counted>,
    /// The ports that they disagree on.
    pub ports: PortSet,
}

impl Tie {
    /// Pairs of policies that disagree on some of these ports.
    pub fn pairs(&self, ports: &PortSet) -> Vec<(PolicyId, PolicyId)> {
        let common = self.ports.intersection(ports);
        let mut pairs = Vec::new();
        for (i, a) in self.rules.iter().enumerate() {
            let others = self.rules[i + 1..].iter();
            let others = others
                .filter(|b| disagreement(a, b).is_some_and(|ports| !ports.intersection(&common).is_empty()));
            pairs.extend(others.map(|b| (a.rule.0, b.rule.0)));
        }
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }
}

/// The ports on which rules of two policies do different things.
fn disagreement(a: &Counted, b: &Counted) -> Option<PortSet> {
    let ports = a.ports.intersection(&b.ports);
    (a.rule.0 != b.rule.0 && a.action != b.action && !ports.is_empty()).then_some(ports)
}

impl PairExplanation {
    /// Follows the ports asked about through the tiers. Each tier that has policies is there, and that of NetworkPolicies
    /// wherever policies of other tiers are.
    pub fn tiers(&self, cluster: &Cluster, side: &Side) -> Vec<TierStep> {
        let mut walk = Walk { explanation: self, cluster, side, left: self.asked.clone() };
        let tier = |proof: &PolicyProof| cluster.policies[proof.policy].tier;
        let mut steps: Vec<TierStep> = Vec::new();
        let mut is_passed = side.policies.iter().any(|proof| tier(proof) == Tier::NetworkPolicy)
            || !side.policies.iter().any(|proof| tier(proof).is_ordered());
        for policies in side.policies.chunk_by(|a, b| tier(a) == tier(b)) {
            let tier = tier(&policies[0]);
            if tier > Tier::NetworkPolicy && !is_passed {
                steps.push(walk.step(Tier::NetworkPolicy, &[]));
                is_passed = true;
            }
            steps.push(walk.step(tier, policies));
        }
        if !is_passed {
            steps.push(walk.step(Tier::NetworkPolicy, &[]));
        }
        steps
    }
}

struct Walk<'a> {
    explanation: &'a PairExplanation,
    cluster: &'a Cluster,
    side: &'a Side,
    /// The ports that no tier before surely decides.
    left: PortSet,
}

impl Walk<'_> {
    fn step(&mut self, tier: Tier, policies: &[PolicyProof]) -> TierStep {
        let mut step = TierStep {
            tier,
            policies: policies.len(),
            reached: self.left.clone(),
            rules: Vec::new(),
            ties: Vec::new(),
            idle: Vec::new(),
            shut: PortSet::empty(),
            left: PortSet::empty(),
        };
        match tier {
            Tier::Admin | Tier::Baseline => self.first_match(policies, &mut step),
            Tier::NetworkPolicy => self.union(policies, &mut step),
            Tier::Unevaluated | Tier::Restricting => {}
        }
        step.left = self.left.clone();
        step
    }

    /// The rules of a policy that match some of these ports, surely or perhaps, and of them those that are left to each.
    fn matching(
        &self,
        proof: &PolicyProof,
        left: &PortSet,
        idle: &mut Vec<RuleId>,
    ) -> (Vec<Counted>, PortSet) {
        let rules = &self.cluster.policies[proof.policy].rules[self.side.direction];
        let mut reached = left.clone();
        let mut found = Vec::new();
        for (index, (rule, step)) in rules.iter().zip(&proof.rules).enumerate() {
            let asked = self.explanation.asked.intersection(&step.ports.matched);
            if !step.peers.truth.possible() || asked.is_empty() {
                continue;
            }
            let id = (proof.policy, index);
            let ports = asked.intersection(&reached);
            if ports.is_empty() {
                idle.push(id);
                continue;
            }
            if step.peers.truth.sure() {
                reached = reached.difference(&ports);
            }
            let is_sure = proof.selects.sure() && step.peers.truth.sure();
            found.push(Counted { rule: id, action: rule.action, ports, is_sure });
        }
        (found, reached)
    }

    /// The first rule that matches decides; policies in one place are asked together.
    fn first_match(&mut self, policies: &[PolicyProof], step: &mut TierStep) {
        let semantics = self.explanation.proof.profile.semantics();
        let order = |proof: &PolicyProof| -> Order { self.cluster.policies[proof.policy].order(semantics) };
        let mut left = self.left.clone();
        let mut passed = PortSet::empty();
        for equals in policies.chunk_by(|a, b| order(a) == order(b)) {
            let mut undecided = left.clone();
            let mut said: Vec<Counted> = Vec::new();
            for proof in equals {
                let (found, reached) = self.matching(proof, &left, &mut step.idle);
                said.extend(found);
                if proof.selects.sure() {
                    undecided = undecided.intersection(&reached);
                }
            }
            let passes = said.iter().filter(|one| one.action == Action::Pass);
            passed = passes.fold(passed, |all, one| all.union(&one.ports));
            let tied = tied(&said);
            let mut open = left.difference(&tied);
            for one in &said {
                let ports = one.ports.intersection(&open);
                if ports.is_empty() {
                    continue;
                }
                if one.is_sure {
                    open = open.difference(&ports);
                }
                step.rules.push(Counted { ports, ..one.clone() });
            }
            if !tied.is_empty() {
                let mut rules = said;
                rules.retain(|one| one.is_sure && !one.ports.intersection(&tied).is_empty());
                step.ties.push(Tie { rules, ports: tied });
            }
            left = undecided;
        }
        self.left = left.union(&passed);
    }

    /// The union of the rules admits; no other tier is asked about a pod that a policy isolates.
    fn union(&mut self, policies: &[PolicyProof], step: &mut TierStep) {
        let left = self.left.clone();
        let mut some: Vec<Counted> = Vec::new();
        for proof in policies {
            let rules = &self.cluster.policies[proof.policy].rules[self.side.direction];
            for (index, (rule, matched)) in rules.iter().zip(&proof.rules).enumerate() {
                let asked = self.explanation.asked.intersection(&matched.ports.matched);
                if !matched.peers.truth.possible() || asked.is_empty() {
                    continue;
                }
                let rule_id = (proof.policy, index);
                let ports = asked.intersection(&left);
                if ports.is_empty() {
                    step.idle.push(rule_id);
                    continue;
                }
                let is_sure = proof.selects.sure() && matched.peers.truth.sure();
                some.push(Counted { rule: rule_id, action: rule.action, ports, is_sure });
            }
        }
        let admitted = some.iter().fold(PortSet::empty(), |all, one| all.union(&one.ports));
        let alone = some.iter().find(|one| one.is_sure && one.ports == left).cloned();
        let surely = some.iter().filter(|one| one.is_sure);
        let surely = surely.fold(PortSet::empty(), |all, one| all.union(&one.ports));
        some.retain(|one| one.is_sure || !one.ports.difference(&surely).is_empty());
        step.rules = alone.map_or(some, |one| vec![one]);
        if policies.iter().any(|proof| proof.selects.sure()) {
            step.shut = left.difference(&admitted);
            self.left = PortSet::empty();
        }
    }
}

/// The ports on which rules of different policies surely do different things.
fn tied(said: &[Counted]) -> PortSet {
    let sure: Vec<&Counted> = said.iter().filter(|one| one.is_sure).collect();
    let pairs = sure.iter().enumerate().flat_map(|(i, a)| sure[i + 1..].iter().map(move |b| (a, b)));
    pairs.filter_map(|(a, b)| disagreement(a, b)).fold(PortSet::empty(), |all, ports| all.union(&ports))
}
