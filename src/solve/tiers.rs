//! The calculus of tiers, over sets of ports, with both bounds: the verdict of a subject's policies on one peer.
//!
//! Each tier turns into an [`Outcome`], and outcomes are chained; ports do not depend on each other, so all go through
//! at once. A port is surely allowed if no possible world denies it.

use std::borrow::Borrow;

use super::Connectivity;
use crate::net::{PortSetId, PortTable};
use crate::policy::{Action, Combine, Order, Tier, TierEnd};

/// The ports of one side, one family: surely allowed whatever is said on them, surely allowed, and possibly allowed.
///
/// INVARIANT: `plain` is a subset of `must`, and `must` of `may`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Bounds {
    /// Those of `must` that no condition of a rule restricts.
    pub(crate) plain: PortSetId,
    pub(crate) must: PortSetId,
    pub(crate) may: PortSetId,
}

impl Bounds {
    /// These ports are allowed and no others.
    pub(crate) const fn of(ports: PortSetId) -> Self {
        Self { plain: ports, must: ports, may: ports }
    }

    /// True if no port is unknown.
    pub(super) fn is_sure(self) -> bool {
        self.must == self.may
    }

    /// The ports that both allow.
    pub(crate) fn both(self, other: Self, table: &mut PortTable) -> Self {
        self.zip(other, |a, b| table.intersection(a, b))
    }

    /// The ports that one or the other allows.
    pub(crate) fn either(self, other: Self, table: &mut PortTable) -> Self {
        self.zip(other, |a, b| table.union(a, b))
    }

    fn zip(self, other: Self, mut f: impl FnMut(PortSetId, PortSetId) -> PortSetId) -> Self {
        Self {
            plain: f(self.plain, other.plain),
            must: f(self.must, other.must),
            may: f(self.may, other.may),
        }
    }

    /// The sets of ports themselves.
    pub(crate) fn connectivity(self, table: &PortTable) -> Connectivity {
        let set = |id| table.get(id).clone();
        Connectivity { plain: set(self.plain), must: set(self.must), may: set(self.may) }
    }
}

/// A policy that selects, or may select, the subject, with its rules that match, or may match, the peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Deciding {
    pub(super) tier: Tier,
    pub(super) order: Order,
    /// Set if it isolates the subject, if it selects it.
    pub(super) isolates: bool,
    /// Set if it surely selects the subject.
    pub(super) sure: bool,
    /// In evaluation order.
    pub(super) rules: Vec<MatchingRule>,
}

impl Deciding {
    /// The ports of its rules of one action: of those that surely match the peer, and of all.
    fn ports(&self, table: &mut PortTable, action: Action) -> (PortSetId, PortSetId) {
        let rules = || self.rules.iter().filter(|rule| rule.action == action);
        let all = table.union_all(rules().map(|rule| rule.ports));
        let are_sure = rules().all(|rule| rule.sure);
        let sure = if are_sure {
            all
        } else {
            table.union_all(rules().filter(|rule| rule.sure).map(|rule| rule.ports))
        };
        (sure, all)
    }

    fn denies(&self) -> bool {
        self.rules.iter().any(|rule| rule.action == Action::Deny)
    }
}

/// A rule that matches, or may match, the peer on some ports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct MatchingRule {
    pub(super) action: Action,
    pub(super) ports: PortSetId,
    /// Set if the peer surely matches.
    pub(super) sure: bool,
    /// Set if it matches only some of what may be said on the ports.
    pub(super) conditional: bool,
}

/// The outcomes of a tier, or of several in a row, by what is said on the ports.
///
/// INVARIANT: what may happen at best may happen at worst.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Outcomes {
    /// Of what meets the conditions of every rule that accepts, and of none that denies.
    best: Outcome,
    /// Of anything: a rule with a condition may match, or not.
    worst: Outcome,
}

impl Outcomes {
    /// The outcomes of no tier at all.
    pub(super) fn nothing_said(table: &PortTable) -> Self {
        Self::unconditional(Outcome::nothing_said(table))
    }

    const fn unconditional(outcome: Outcome) -> Self {
        Self { best: outcome, worst: outcome }
    }

    /// The outcomes of policies in evaluation order, one tier after the other.
    pub(super) fn of<D: Borrow<Deciding>>(table: &mut PortTable, policies: &[D]) -> Self {
        Self::by(policies, |policies| Outcome::of(table, policies))
    }

    /// The outcomes as `outcome` finds them for policies whose rules have no conditions.
    fn by<D: Borrow<Deciding>>(policies: &[D], mut outcome: impl FnMut(&[&Deciding]) -> Outcome) -> Self {
        let policies: Vec<&Deciding> = policies.iter().map(Borrow::borrow).collect();
        if !policies.iter().flat_map(|policy| &policy.rules).any(|rule| rule.conditional) {
            return Self::unconditional(outcome(&policies));
        }
        let mut of = |said: fn(&MatchingRule) -> Option<MatchingRule>| {
            let with = |policy: &&Deciding| Deciding {
                tier: policy.tier,
                order: policy.order.clone(),
                isolates: policy.isolates,
                sure: policy.sure,
                rules: policy.rules.iter().filter_map(said).collect(),
            };
            let policies: Vec<Deciding> = policies.iter().map(with).collect();
            outcome(&policies.iter().collect::<Vec<_>>())
        };
        Self {
            best: of(|rule| (!rule.conditional || rule.action == Action::Accept).then_some(*rule)),
            worst: of(|rule| Some(MatchingRule { sure: rule.sure && !rule.conditional, ..*rule })),
        }
    }

    /// The outcomes of a tier whose policies surely isolate the subject, and admit this.
    pub(super) fn isolated(table: &mut PortTable, admitted: Bounds) -> Self {
        let best = Outcome::isolated(table, admitted.must, admitted.may);
        let denied = table.difference(table.full(), admitted.plain);
        Self { best, worst: Outcome { denied, ..best } }
    }

    /// These, and what the tiers after it make of the ports that are left to them.
    pub(super) fn then(self, table: &mut PortTable, next: Self) -> Self {
        let best = self.best.then(table, next.best);
        if self.best == self.worst && next.best == next.worst {
            return Self::unconditional(best);
        }
        Self { best, worst: self.worst.then(table, next.worst) }
    }

    /// The verdict where no further tier follows: what is left is allowed (R1).
    pub(super) fn bounds(self, table: &mut PortTable) -> Bounds {
        Bounds {
            plain: table.difference(table.full(), self.worst.denied),
            must: table.difference(table.full(), self.best.denied),
            may: table.union(self.best.accepted, self.best.passed),
        }
    }
}

/// Ports by what a tier, or several in a row, may do with them: a port is in each set that some possible world puts it in.
///
/// INVARIANT: every port is in at least one of the sets.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Outcome {
    accepted: PortSetId,
    denied: PortSetId,
    /// Left to the next tier.
    passed: PortSetId,
}

impl Outcome {
    /// The outcome of no tier at all.
    fn nothing_said(table: &PortTable) -> Self {
        Self { accepted: table.empty(), denied: table.empty(), passed: table.full() }
    }

    /// The outcome of policies in evaluation order, one tier after the other.
    fn of(table: &mut PortTable, policies: &[&Deciding]) -> Self {
        let mut outcome = Self::nothing_said(table);
        for tier in policies.chunk_by(|a, b| a.tier == b.tier) {
            let of = tier[0].tier;
            let next = Self::of_tier(table, of.combine(), of.end(), tier);
            outcome = outcome.then(table, next);
        }
        outcome
    }

    /// The outcome of a tier whose policies surely isolate the subject, and admit this surely, and this perhaps.
    fn isolated(table: &mut PortTable, must: PortSetId, may: PortSetId) -> Self {
        let denied = table.difference(table.full(), must);
        Self { accepted: may, denied, passed: table.empty() }
    }

    /// This, and what the tiers after it make of the ports it leaves to them.
    fn then(self, table: &mut PortTable, next: Self) -> Self {
        let mut left = |ports| table.intersection(self.passed, ports);
        let (accepted, denied, passed) = (left(next.accepted), left(next.denied), left(next.passed));
        Self {
            accepted: table.union(self.accepted, accepted),
            denied: table.union(self.denied, denied),
            passed,
        }
    }

    /// The outcome of the policies of one tier.
    fn of_tier(table: &mut PortTable, combine: Combine, end: TierEnd, policies: &[&Deciding]) -> Self {
        let (empty, full) = (table.empty(), table.full());
        let (rules, undecided) = match combine {
            Combine::Unknown => return Self { accepted: full, denied: full, passed: full },
            Combine::Restriction => return Self { accepted: empty, denied: full, passed: full },
            Combine::Union => Self::of_union(table, policies),
            Combine::FirstMatch => Self::of_first_match(table, policies),
        };
        match end {
            TierEnd::Pass => Self { passed: table.union(rules.passed, undecided), ..rules },
            TierEnd::DenyIfIsolated => rules.unless_isolated(table, policies, undecided),
        }
    }

    /// Adds the ports that no rule decides: denied if a policy that isolates selects the subject (R2), else passed on.
    fn unless_isolated(
        mut self,
        table: &mut PortTable,
        policies: &[&Deciding],
        undecided: PortSetId,
    ) -> Self {
        let isolating = || policies.iter().filter(|policy| policy.isolates);
        if isolating().any(|policy| policy.sure) {
            self.denied = table.union(self.denied, undecided);
            return self;
        }
        self.passed = table.union(self.passed, undecided);
        for policy in isolating() {
            // If it selects the subject, what it surely decides is not left.
            let decided =
                table.union_all(policy.rules.iter().filter(|rule| rule.sure).map(|rule| rule.ports));
            let left = table.difference(undecided, decided);
            self.denied = table.union(self.denied, left);
        }
        self
    }

    /// The union of the rules admits (R3) what none of them denies. Returns the ports that rules may decide, and those
    /// that they may leave undecided.
    fn of_union(table: &mut PortTable, policies: &[&Deciding]) -> (Self, PortSetId) {
        let (mut surely, mut perhaps) = (Vec::new(), Vec::with_capacity(policies.len()));
        let (mut may_deny, mut must_deny) = (table.empty(), table.empty());
        for policy in policies {
            let (sure, mut may) = policy.ports(table, Action::Accept);
            surely.extend(policy.sure.then_some(sure));
            if policy.denies() {
                let (sure, possible) = policy.ports(table, Action::Deny);
                // A policy that may not select the subject denies what its own rules accept, if anything.
                may = table.difference(may, sure);
                must_deny = if policy.sure { table.union(must_deny, sure) } else { must_deny };
                may_deny = table.union(may_deny, possible);
            }
            perhaps.push(may);
        }
        let may = table.union_all(perhaps);
        let decided = table.union_all(surely.into_iter().chain([must_deny]));
        let accepted = table.difference(may, must_deny);
        let undecided = table.difference(table.full(), decided);
        (Self { accepted, denied: may_deny, passed: table.empty() }, undecided)
    }

    /// The first matching rule decides; among policies in one place any may come first. Returns the ports that rules may
    /// decide, and those that they may leave undecided.
    fn of_first_match(table: &mut PortTable, policies: &[&Deciding]) -> (Self, PortSetId) {
        let Self { mut accepted, mut denied, passed: mut undecided } = Self::nothing_said(table);
        let mut passed = table.empty();
        for equals in policies.chunk_by(|a, b| a.order == b.order) {
            let mut left = undecided;
            for policy in equals {
                let mut reached = undecided;
                for rule in &policy.rules {
                    let matched = table.intersection(reached, rule.ports);
                    let done = match rule.action {
                        Action::Accept => &mut accepted,
                        Action::Deny => &mut denied,
                        Action::Pass => &mut passed,
                    };
                    *done = table.union(*done, matched);
                    if rule.sure {
                        reached = table.difference(reached, rule.ports);
                    }
                }
                // A policy that may not select the subject may leave everything to the next.
                if policy.sure {
                    left = table.intersection(left, reached);
                }
            }
            undecided = left;
        }
        (Self { accepted, denied, passed }, undecided)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    /// Kinds of tiers: all that there are, and those of APIs to come.
    const KINDS: [(Combine, TierEnd); 6] = [
        (Combine::Unknown, TierEnd::Pass),
        (Combine::Restriction, TierEnd::Pass),
        (Combine::FirstMatch, TierEnd::Pass),
        (Combine::FirstMatch, TierEnd::DenyIfIsolated),
        (Combine::Union, TierEnd::Pass),
        (Combine::Union, TierEnd::DenyIfIsolated),
    ];

    /// Something that is said on the port.
    #[derive(Clone, Copy)]
    enum Said {
        Best,
        Anything,
    }

    type DrawnTier = ((Combine, TierEnd), Vec<Deciding>);

    /// A policy that selects the subject in one possible world: its place, if it isolates, and its matching rules' actions.
    type Selecting = (u32, bool, Vec<Action>);

    /// Every way to settle what is not sure of a tier's policies.
    fn worlds(policies: &[Deciding], said: Said) -> Vec<Vec<Selecting>> {
        let mut worlds: Vec<Vec<Selecting>> = vec![Vec::new()];
        for policy in policies {
            let mut rules: Vec<Vec<Action>> = vec![Vec::new()];
            for rule in &policy.rules {
                // Of what is said on the port, the best passes each rule as it likes, anything may fail to.
                let with = rules.iter().map(|actions| [&actions[..], &[rule.action]].concat());
                rules = match (rule.conditional, said) {
                    (true, Said::Best) if rule.action == Action::Deny => rules.clone(),
                    (true, Said::Anything) => with.chain(rules.iter().cloned()).collect(),
                    _ if rule.sure => with.collect(),
                    _ => with.chain(rules.iter().cloned()).collect(),
                };
            }
            let mut next = if policy.sure { Vec::new() } else { worlds.clone() };
            for world in &worlds {
                next.extend(rules.iter().map(|actions| {
                    let mut world = world.clone();
                    world.push((policy.order.priority, policy.isolates, actions.clone()));
                    world
                }));
            }
            worlds = next;
        }
        worlds
    }

    /// The possible outcomes of a port in one world of a tier: (accepted, denied, passed).
    fn of_world((combine, end): (Combine, TierEnd), world: &[Selecting]) -> [bool; 3] {
        let isolated = end == TierEnd::DenyIfIsolated && world.iter().any(|policy| policy.1);
        let at_the_end = [false, isolated, !isolated];
        match combine {
            _ if world.is_empty() => [false, false, true],
            Combine::Unknown => [true; 3],
            Combine::Restriction => [false, true, true],
            Combine::Union => {
                let holds = |action| world.iter().any(|policy| policy.2.contains(&action));
                match (holds(Action::Accept), holds(Action::Deny)) {
                    (_, true) => [false, true, false],
                    (true, false) => [true, false, false],
                    (false, false) => at_the_end,
                }
            }
            Combine::FirstMatch => {
                let mut world = world;
                while let Some(first) = world.first() {
                    let (equals, rest) = world.split_at(world.iter().take_while(|p| p.0 == first.0).count());
                    let firsts: Vec<Action> = equals.iter().filter_map(|p| p.2.first().copied()).collect();
                    if !firsts.is_empty() {
                        return [Action::Accept, Action::Deny, Action::Pass].map(|a| firsts.contains(&a));
                    }
                    world = rest;
                }
                at_the_end
            }
        }
    }

    /// The possible verdicts of a port: (allowed, denied).
    fn verdicts(tiers: &[DrawnTier], said: Said) -> [bool; 2] {
        let Some(((kind, policies), rest)) = tiers.split_first() else { return [true, false] };
        let mut all = [false; 2];
        for world in worlds(policies, said) {
            let [accepted, denied, passed] = of_world(*kind, &world);
            let later = if passed { verdicts(rest, said) } else { [false; 2] };
            all = [all[0] || accepted || later[0], all[1] || denied || later[1]];
        }
        all
    }

    fn tier() -> impl Strategy<Value = DrawnTier> {
        let sure = || prop::bool::weighted(0.7);
        let rule = (0_usize..3, sure(), prop::bool::weighted(0.3));
        let policy = (0_u32..3, any::<bool>(), sure(), prop::collection::vec(rule, 0..3));
        let policies = prop::collection::vec(policy, 0..4);
        (select(&KINDS[..]), policies).prop_map(|((combine, end), policies)| {
            let full = PortTable::new().full();
            let passes = combine == Combine::FirstMatch;
            let action = |action| match [Action::Accept, Action::Deny, Action::Pass][action] {
                Action::Pass if !passes => Action::Accept,
                action => action,
            };
            let rule = |(drawn, sure, conditional)| {
                let action = action(drawn);
                let conditional = conditional && action != Action::Pass;
                MatchingRule { action, ports: full, sure, conditional }
            };
            let policy = |(priority, isolates, sure, rules): (u32, bool, bool, Vec<(usize, bool, bool)>)| {
                let order = Order { priority, tie: None };
                let rules = rules.into_iter().map(rule).collect();
                // The tier is the one that is drawn, whatever it is called.
                Deciding { tier: Tier::Admin, order, isolates, sure, rules }
            };
            let mut policies: Vec<Deciding> = policies.into_iter().map(policy).collect();
            policies.sort_by(|a, b| a.order.cmp(&b.order));
            ((combine, end), policies)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]
        #[test]
        fn bounds_are_what_holds_in_all_and_in_some_worlds(tiers in prop::collection::vec(tier(), 0..4)) {
            let mut table = PortTable::new();
            let mut outcomes = Outcomes::nothing_said(&table);
            for ((combine, end), policies) in tiers.iter().filter(|(_, policies)| !policies.is_empty()) {
                let next = Outcomes::by(policies, |policies| Outcome::of_tier(&mut table, *combine, *end, policies));
                outcomes = outcomes.then(&mut table, next);
            }
            let bounds = outcomes.bounds(&mut table);
            let [allowed, denied] = verdicts(&tiers, Said::Best);
            let [_, denied_at_worst] = verdicts(&tiers, Said::Anything);
            let id = |yes| if yes { table.full() } else { table.empty() };
            prop_assert_eq!(bounds.may, id(allowed), "may");
            prop_assert_eq!(bounds.must, id(!denied), "must");
            prop_assert_eq!(bounds.plain, id(!denied_at_worst), "plain");
        }
    }
}
