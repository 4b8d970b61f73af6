//! What the policies that select a subject make of one peer: the tiers, over sets of ports, with both bounds.
//!
//! Every port goes through the tiers at once. `reached` holds the ports that may still be undecided, `accepted` and
//! `denied` those that may have been decided so. A port is surely allowed if it cannot have been denied.

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
pub(super) fn decide(table: &mut PortTable, policies: &[Deciding]) -> Bounds {
    let (empty, full) = (table.empty(), table.full());
    let mut flow = Flow { table, reached: full, accepted: empty, denied: empty };
    for tier in policies.chunk_by(|a, b| a.tier == b.tier) {
        match tier[0].tier {
            Tier::Unevaluated => flow.unevaluated(),
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

    /// Any policy that selects the subject isolates it, and the union of the rules admits (R2, R3).
    fn network_policies(&mut self, policies: &[Deciding]) {
        let selected = policies.iter().any(|policy| policy.sure);
        let mut may = self.table.empty();
        let mut must = if selected { self.table.empty() } else { self.table.full() };
        for policy in policies {
            let mut surely = self.table.empty();
            for rule in &policy.rules {
                may = self.table.union(may, rule.ports);
                if rule.sure {
                    surely = self.table.union(surely, rule.ports);
                }
            }
            if !selected {
                must = self.table.intersection(must, surely);
            } else if policy.sure {
                must = self.table.union(must, surely);
            }
        }
        let accepted = self.table.intersection(self.reached, may);
        let denied = self.table.difference(self.reached, must);
        self.accept(accepted);
        self.deny(denied);
        if selected {
            self.reached = self.table.empty();
        }
    }

    /// The first matching rule decides; among policies of equal priority any may come first.
    fn first_match(&mut self, policies: &[Deciding]) {
        let mut passed = self.table.empty();
        for equals in policies.chunk_by(|a, b| a.priority == b.priority) {
            let mut left = self.reached;
            for policy in equals {
                let mut reached = self.reached;
                for rule in &policy.rules {
                    let matched = self.table.intersection(reached, rule.ports);
                    match rule.action {
                        Action::Accept => self.accept(matched),
                        Action::Deny => self.deny(matched),
                        Action::Pass => passed = self.table.union(passed, matched),
                    }
                    if rule.sure && policy.sure {
                        reached = self.table.difference(reached, rule.ports);
                    }
                }
                left = self.table.intersection(left, reached);
            }
            self.reached = left;
        }
        self.reached = self.table.union(self.reached, passed);
    }
}
