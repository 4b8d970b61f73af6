//! What the policies that select a subject make of one peer: the tiers, over sets of ports, with both bounds.
//!
//! Every port goes through the tiers at once. `reached` holds the ports that may still be undecided, `accepted` and
//! `denied` those that may have been decided so. A port is surely allowed if it cannot have been denied.

use std::borrow::Borrow;

use crate::net::{PortSetId, PortTable};
use crate::policy::{Action, Tier};

/// Surely allowed and possibly allowed ports of one side, one family.
///
/// INVARIANT: `must` is a subset of `may`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Bounds {
    pub(crate) must: PortSetId,
    pub(crate) may: PortSetId,
}

impl Bounds {
    /// Whether nothing is unknown.
    pub(super) fn is_sure(self) -> bool {
        self.must == self.may
    }
}

/// A policy that selects, or may select, the subject, with its rules that match, or may match, the peer.
#[derive(Clone, Debug)]
pub(super) struct Deciding {
    pub(super) tier: Tier,
    pub(super) priority: u32,
    /// Whether it surely selects the subject.
    pub(super) sure: bool,
    /// In evaluation order.
    pub(super) rules: Vec<MatchingRule>,
}

impl Deciding {
    /// The ports of the rules that surely match the peer.
    fn surely(&self) -> impl Iterator<Item = PortSetId> {
        self.rules.iter().filter(|rule| rule.sure).map(|rule| rule.ports)
    }
}

/// A rule that matches, or may match, the peer on some ports.
#[derive(Clone, Copy, Debug)]
pub(super) struct MatchingRule {
    pub(super) action: Action,
    pub(super) ports: PortSetId,
    /// Whether the peer surely matches.
    pub(super) sure: bool,
}

struct Flow<'t> {
    table: &'t mut PortTable,
    reached: PortSetId,
    accepted: PortSetId,
    denied: PortSetId,
}

/// The verdict of one side. `policies` are in evaluation order.
pub(super) fn decide<D: Borrow<Deciding>>(table: &mut PortTable, policies: &[D]) -> Bounds {
    let (empty, full) = (table.empty(), table.full());
    let mut flow = Flow { table, reached: full, accepted: empty, denied: empty };
    for tier in policies.chunk_by(|a, b| a.borrow().tier == b.borrow().tier) {
        match tier[0].borrow().tier {
            Tier::Unevaluated => flow.unevaluated(),
            Tier::Restricting => flow.restricting(),
            Tier::NetworkPolicy => flow.network_policies(tier),
            Tier::Admin | Tier::Baseline => flow.first_match(tier),
        }
    }
    let may = flow.table.union(flow.accepted, flow.reached);
    let must = flow.table.difference(full, flow.denied);
    Bounds { must, may }
}

impl Flow<'_> {
    fn accept(&mut self, ports: PortSetId) {
        self.accepted = self.table.union(self.accepted, ports);
    }

    fn deny(&mut self, ports: PortSetId) {
        self.denied = self.table.union(self.denied, ports);
    }

    /// Whatever such a policy says, it may accept, deny or not apply.
    fn unevaluated(&mut self) {
        self.accept(self.reached);
        self.deny(self.reached);
    }

    /// Such a policy may deny anything, and accepts nothing that the policies after it do not accept.
    fn restricting(&mut self) {
        self.deny(self.reached);
    }

    /// Any policy that selects the subject isolates it, and the union of the rules admits (R2, R3).
    fn network_policies<D: Borrow<Deciding>>(&mut self, policies: &[D]) {
        let policies = || policies.iter().map(Borrow::borrow);
        let selected = policies().any(|policy| policy.sure);
        let may = policies().flat_map(|policy| &policy.rules).map(|rule| rule.ports);
        let may = self.table.union_all(may);
        let must = if selected {
            self.table.union_all(policies().filter(|policy| policy.sure).flat_map(Deciding::surely))
        } else {
            // Whichever of them select the subject: what every one of them admits.
            policies().fold(self.table.full(), |must, policy| {
                let surely = self.table.union_all(policy.surely());
                self.table.intersection(must, surely)
            })
        };
        let accepted = self.table.intersection(self.reached, may);
        let denied = self.table.difference(self.reached, must);
        self.accept(accepted);
        self.deny(denied);
        if selected {
            self.reached = self.table.empty();
        }
    }

    /// The first matching rule decides; among policies of equal priority any may come first.
    fn first_match<D: Borrow<Deciding>>(&mut self, policies: &[D]) {
        let mut passed = self.table.empty();
        for equals in policies.chunk_by(|a, b| a.borrow().priority == b.borrow().priority) {
            let mut left = self.reached;
            for policy in equals.iter().map(Borrow::borrow) {
                let mut reached = self.reached;
                for rule in &policy.rules {
                    let matched = self.table.intersection(reached, rule.ports);
                    match rule.action {
                        Action::Accept => self.accept(matched),
                        Action::Deny => self.deny(matched),
                        Action::Pass => passed = self.table.union(passed, matched),
                    }
                    if rule.sure {
                        reached = self.table.difference(reached, rule.ports);
                    }
                }
                // A policy that may not select the subject may leave everything to the next.
                if policy.sure {
                    left = self.table.intersection(left, reached);
                }
            }
            self.reached = left;
        }
        self.reached = self.table.union(self.reached, passed);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A policy in one possible world: it selects the subject, and these are its matching rules' actions.
    type World = Vec<(Tier, u32, Vec<Action>)>;

    /// Every way to settle what is not sure.
    fn worlds(policies: &[Deciding]) -> Vec<World> {
        let mut worlds: Vec<World> = vec![Vec::new()];
        for policy in policies {
            let mut rules: Vec<Vec<Action>> = vec![Vec::new()];
            for rule in &policy.rules {
                let with = rules.iter().map(|actions| [&actions[..], &[rule.action]].concat());
                rules = if rule.sure { with.collect() } else { with.chain(rules.iter().cloned()).collect() };
            }
            let mut next: Vec<World> = if policy.sure { Vec::new() } else { worlds.clone() };
            for world in &worlds {
                next.extend(rules.iter().map(|actions| {
                    let mut world = world.clone();
                    world.push((policy.tier, policy.priority, actions.clone()));
                    world
                }));
            }
            worlds = next;
        }
        worlds
    }

    /// What may happen to one port in one world: (may be accepted, may be denied).
    fn outcomes(world: &[(Tier, u32, Vec<Action>)]) -> (bool, bool) {
        let Some(&(tier, priority, _)) = world.first() else { return (true, false) };
        let after_tier = &world[world.iter().take_while(|policy| policy.0 == tier).count()..];
        match tier {
            Tier::Unevaluated => (true, true),
            Tier::Restricting => (outcomes(after_tier).0, true),
            Tier::NetworkPolicy => {
                let admitted =
                    world[..world.len() - after_tier.len()].iter().any(|policy| !policy.2.is_empty());
                (admitted, !admitted)
            }
            Tier::Admin | Tier::Baseline => {
                let equals =
                    world.iter().take_while(|policy| policy.0 == tier && policy.1 == priority).count();
                let firsts: Vec<Action> =
                    world[..equals].iter().filter_map(|policy| policy.2.first().copied()).collect();
                if firsts.is_empty() {
                    return outcomes(&world[equals..]);
                }
                firsts.into_iter().fold((false, false), |(accepted, denied), action| match action {
                    Action::Accept => (true, denied),
                    Action::Deny => (accepted, true),
                    Action::Pass => {
                        let passed = outcomes(after_tier);
                        (accepted || passed.0, denied || passed.1)
                    }
                })
            }
        }
    }

    /// Tier, priority, whether it surely selects, and of each rule the action and whether it surely matches.
    type Drawn = (usize, u32, bool, Vec<(usize, bool)>);

    fn policies() -> impl Strategy<Value = Vec<Drawn>> {
        let rule = (0usize..3, prop::bool::weighted(0.7));
        let policy = (0usize..5, 0u32..3, prop::bool::weighted(0.7), prop::collection::vec(rule, 0..3));
        prop::collection::vec(policy, 0..5)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]
        #[test]
        fn bounds_are_what_holds_in_all_and_in_some_worlds(policies in policies()) {
            let mut table = PortTable::new();
            let (empty, full) = (table.empty(), table.full());
            let mut deciding: Vec<Deciding> = policies
                .into_iter()
                .map(|(tier, priority, sure, rules)| {
                    let tier = [
                        Tier::Admin,
                        Tier::NetworkPolicy,
                        Tier::Baseline,
                        Tier::Unevaluated,
                        Tier::Restricting,
                    ][tier];
                    let first_match = matches!(tier, Tier::Admin | Tier::Baseline);
                    let rules = rules
                        .into_iter()
                        .map(|(action, sure)| MatchingRule {
                            action: if first_match {
                                [Action::Accept, Action::Deny, Action::Pass][action]
                            } else {
                                Action::Accept
                            },
                            ports: full,
                            sure,
                        })
                        .collect();
                    Deciding { tier, priority: if first_match { priority } else { 0 }, sure, rules }
                })
                .collect();
            deciding.sort_by_key(|policy| (policy.tier, policy.priority));
            let bounds = decide(&mut table, &deciding);
            let outcomes: Vec<(bool, bool)> = worlds(&deciding).iter().map(|world| outcomes(world)).collect();
            let id = |yes| if yes { full } else { empty };
            prop_assert_eq!(bounds.may, id(outcomes.iter().any(|outcome| outcome.0)), "may");
            prop_assert_eq!(bounds.must, id(outcomes.iter().all(|outcome| !outcome.1)), "must");
        }
    }
}
