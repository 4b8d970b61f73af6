//! What policies say of one connection, and what a side allows by that.

use crate::label::Truth;
use crate::net::{PortSet, PortSetId, PortTable};
use crate::policy::{Action, Tier};
use crate::solve::Connectivity;
use crate::solve::tiers::{Bounds, Deciding, MatchingRule, decide};

/// What a policy that selects the subject of a side says of a connection.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Say {
    /// When it is asked.
    pub tier: Tier,
    /// Lower is asked first within the tier.
    pub priority: u32,
    /// Whether it selects the subject; never `No`.
    pub selects: Truth,
    /// Its rules that match, or may match, the peer: what they do, on which ports, and whether the peer matches.
    pub rules: Vec<(Action, PortSet, Truth)>,
}

/// Finds what a side allows on some ports, over and over: what was computed is remembered.
pub(crate) struct Scale {
    table: PortTable,
    within: PortSetId,
}

/// What a policy says of the ports of a [`Scale`].
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
        Weight(Deciding { rules, tier: say.tier, priority: say.priority, sure: say.selects.sure() })
    }

    /// What a side allows if these policies have a say.
    pub(crate) fn bounds(&mut self, mut says: Vec<&Weight>) -> Bounds {
        says.sort_by_key(|Weight(say)| (say.tier, say.priority));
        let says: Vec<&Deciding> = says.into_iter().map(|Weight(say)| say).collect();
        let Bounds { must, may } = decide(&mut self.table, &says);
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

    /// What both of two sides allow.
    pub(crate) fn both(&mut self, a: Bounds, b: Bounds) -> Bounds {
        let table = &mut self.table;
        Bounds { must: table.intersection(a.must, b.must), may: table.intersection(a.may, b.may) }
    }

    /// What one of two families allows.
    pub(crate) fn either(&mut self, a: Bounds, b: Bounds) -> Bounds {
        let table = &mut self.table;
        Bounds { must: table.union(a.must, b.must), may: table.union(a.may, b.may) }
    }

    /// The ports of bounds.
    pub(crate) fn connectivity(&self, bounds: Bounds) -> Connectivity {
        Connectivity { must: self.table.get(bounds.must).clone(), may: self.table.get(bounds.may).clone() }
    }
}
