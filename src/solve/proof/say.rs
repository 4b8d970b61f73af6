//! The matching rules of policies on one connection, and the ports that a side allows by them.

use crate::label::Truth;
use crate::net::{PortSet, PortSetId, PortTable};
use crate::policy::{Action, Order, Tier};
use crate::solve::Connectivity;
use crate::solve::tiers::{Bounds, Deciding, MatchingRule, Outcomes};

/// A policy that selects the subject of a side, with its rules that match, or may match, the peer.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Say {
    /// The tier that it stands in.
    pub tier: Tier,
    /// Its place in the tier.
    pub order: Order,
    /// True if it isolates the pods that it selects in the direction of the side.
    pub isolates: bool,
    /// `Yes` or `Unknown`, as it surely or possibly selects the subject.
    pub selects: Truth,
    /// Its rules that match, or may match, the peer.
    pub rules: Vec<SaidRule>,
}

/// A rule that matches, or may match, the peer.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SaidRule {
    /// Its effect.
    pub action: Action,
    /// The ports that it matches.
    pub ports: PortSet,
    /// `Yes` or `Unknown`, as the peer surely or possibly matches.
    pub matches: Truth,
    /// True if it matches only some of what may be said on the ports.
    pub conditional: bool,
}

/// Finds what a side allows on some ports, over and over: what was computed is remembered.
pub(crate) struct Scale {
    table: PortTable,
    within: PortSetId,
}

/// A [`Say`] narrowed down to the ports of a [`Scale`].
pub(crate) struct Weight(Deciding);

impl Scale {
    /// For these ports; of others nothing is said.
    pub(crate) fn new(ports: &PortSet) -> Self {
        let mut table = PortTable::new();
        let within = table.id(ports.clone());
        Self { table, within }
    }

    pub(crate) fn weigh(&mut self, say: &Say) -> Weight {
        let mut rules = Vec::with_capacity(say.rules.len());
        for rule in &say.rules {
            let ports = self.table.id(rule.ports.clone());
            let ports = self.table.intersection(ports, self.within);
            if ports != self.table.empty() {
                let SaidRule { action, conditional, .. } = *rule;
                rules.push(MatchingRule { action, ports, sure: rule.matches.sure(), conditional });
            }
        }
        let Say { tier, isolates, selects, .. } = *say;
        Weight(Deciding { tier, order: say.order.clone(), isolates, sure: selects.sure(), rules })
    }

    /// The ports that a side allows if exactly these policies select, or may select, its subject.
    pub(crate) fn bounds(&mut self, mut says: Vec<&Weight>) -> Bounds {
        says.sort_by(|Weight(a), Weight(b)| (a.tier, &a.order).cmp(&(b.tier, &b.order)));
        let says: Vec<&Deciding> = says.into_iter().map(|Weight(say)| say).collect();
        let outcomes = Outcomes::of(&mut self.table, &says);
        let bounds = outcomes.bounds(&mut self.table);
        bounds.both(self.open(), &mut self.table)
    }

    /// Everything is allowed.
    pub(crate) const fn open(&self) -> Bounds {
        Bounds::of(self.within)
    }

    /// Nothing is.
    pub(crate) fn closed(&self) -> Bounds {
        Bounds::of(self.table.empty())
    }

    /// The ports that both of two sides allow.
    pub(crate) fn both(&mut self, a: Bounds, b: Bounds) -> Bounds {
        a.both(b, &mut self.table)
    }

    /// The ports that one of two families allows.
    pub(crate) fn either(&mut self, a: Bounds, b: Bounds) -> Bounds {
        a.either(b, &mut self.table)
    }

    /// The ports of bounds.
    pub(crate) fn connectivity(&self, bounds: Bounds) -> Connectivity {
        bounds.connectivity(&self.table)
    }
}
