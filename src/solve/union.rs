//! Sides as unions of what rules admit, hash-consed rule by rule.
//!
//! A union is a side and the rules added to it, as a list: adding a rule is one lookup and builds no port set. The ports
//! are put together once, when the side is asked for. Where n rules each match all classes but a few, there are as many
//! unions on the way as rules times classes, and each would be a set of up to n ports.

use super::evaluator::{Evaluator, Side, SideId};
use crate::index::IndexVec;
use crate::label::Truth;
use crate::net::{ByFamily, Family, PortSetId};
use crate::set::{ChainId, Chains};

/// A union: a list of rules added to a side.
pub(super) type UnionId = ChainId;

/// All unions that were asked for.
#[derive(Debug, Default)]
pub(super) struct Unions {
    /// Sides and, of each rule added, how surely it matches and on which ports.
    chains: Chains<SideId, (ByFamily<Truth>, PortSetId)>,
    /// The sides that are known.
    sides: IndexVec<UnionId, Option<SideId>>,
}

impl Unions {
    /// A side and nothing added to it.
    pub(super) fn start(&mut self, side: SideId) -> UnionId {
        let id = self.chains.start(side);
        *self.known(id) = Some(side);
        id
    }

    /// A union and one more rule, which matches nobody in families that are not among `families`.
    pub(super) fn add(
        &mut self,
        to: UnionId,
        families: ByFamily<bool>,
        mut truth: ByFamily<Truth>,
        ports: PortSetId,
    ) -> UnionId {
        for family in Family::ALL {
            if !families[family] {
                truth[family] = Truth::No;
            }
        }
        if truth.v4.possible() || truth.v6.possible() { self.chains.then(to, (truth, ports)) } else { to }
    }

    /// The ports of a union.
    pub(super) fn side(&mut self, evaluator: &mut Evaluator<'_>, id: UnionId) -> SideId {
        if let Some(side) = *self.known(id) {
            return side;
        }
        let (start, rules) = self.chains.elements(id);
        let side = evaluator.union(evaluator.sides[start], &rules);
        let side = evaluator.sides.intern_owned(side);
        *self.known(id) = Some(side);
        side
    }

    /// The place for the side of a union.
    fn known(&mut self, id: UnionId) -> &mut Option<SideId> {
        while self.sides.get(id).is_none() {
            self.sides.push(None);
        }
        &mut self.sides[id]
    }
}

impl Evaluator<'_> {
    /// True if ports add to those that a side surely allows, in one of these families.
    pub(super) fn adds(&mut self, side: SideId, families: ByFamily<bool>, ports: PortSetId) -> bool {
        let bounds = self.sides[side];
        Family::ALL.into_iter().any(|family| {
            families[family] && self.ports.union(bounds[family].must, ports) != bounds[family].must
        })
    }

    /// A side and the ports of rules, which match as surely as stands beside them.
    pub(super) fn union(&mut self, mut side: Side, rules: &[(ByFamily<Truth>, PortSetId)]) -> Side {
        for family in Family::ALL {
            let ports = |holds: fn(Truth) -> bool| {
                rules.iter().filter(move |(truth, _)| holds(truth[family])).map(|&(_, ports)| ports)
            };
            let bounds = &mut side[family];
            bounds.may = self.ports.union_all([bounds.may].into_iter().chain(ports(Truth::possible)));
            bounds.must = self.ports.union_all([bounds.must].into_iter().chain(ports(Truth::sure)));
            bounds.plain = bounds.must;
        }
        side
    }
}
