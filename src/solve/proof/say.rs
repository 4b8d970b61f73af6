//! The matching rules of policies on one connection, and the ports that a side allows by them.

use crate::label::Truth;
use crate::net::{PortSet, PortSetId, PortTable};
use crate::policy::{Action, Order, Tier};
use crate::solve::Connectivity;
use crate::solve::tiers::{Bounds, Deciding, MatchingRule, Outcome};

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
    /// Its rules that match, or may match, the peer: their action, their ports, and how surely the peer matches.
    pub rules: Vec<(Action, PortSet, Truth)>,
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
        for (action, ports, truth) in &say.rules {
            let ports = self.table.id(ports.clone());
            let ports = self.table.intersection(ports, self.within);
            if ports != self.table.empty() {
                rules.push(MatchingRule { action: *action, ports, sure: truth.sure() });
            }
        }
        let Say { tier, isolates, selects, .. } = *say;
        Weight(Deciding { tier, order: say.order.clone(), isolates, sure: selects.sure(), rules })
    }

    /// The ports that a side allows if exactly these policies select, or may select, its subject.
    pub(crate) fn bounds(&mut self, mut says: Vec<&Weight>) -> Bounds {
        says.sort_by(|Weight(a), Weight(b)| (a.tier, &a.order).cmp(&(b.tier, &b.order)));
        let says: Vec<&Deciding> = says.into_iter().map(|Weight(say)| say).collect();
        let outcome = Outcome::of(&mut self.table, &says);
        let Bounds { must, may } = outcome.bounds(&mut self.table);
        let within = |id, table: &mut PortTable| table.intersection(id, self.within);
        Bounds { must: within(must, &mut self.table), may: within(may, &mut self.table) }
    }

    /// Everything is allowed.
    pub(crate) const fn open(&self) -> Bounds {
        Bounds { must: self.within, may: self.within }
    }

    /// Nothing is.
    pub(crate) fn closed(&self) -> Bounds {
        Bounds { must: self.table.empty(), may: self.table.empty() }
    }

    /// The ports that both of two sides allow.
    pub(crate) fn both(&mut self, a: Bounds, b: Bounds) -> Bounds {
        let table = &mut self.table;
        Bounds { must: table.intersection(a.must, b.must), may: table.intersection(a.may, b.may) }
    }

    /// The ports that one of two families allows.
    pub(crate) fn either(&mut self, a: Bounds, b: Bounds) -> Bounds {
        let table = &mut self.table;
        Bounds { must: table.union(a.must, b.must), may: table.union(a.may, b.may) }
    }

    /// The ports of bounds.
    pub(crate) fn connectivity(&self, bounds: Bounds) -> Connectivity {
        Connectivity { must: self.table.get(bounds.must).clone(), may: self.table.get(bounds.may).clone() }
    }
}
