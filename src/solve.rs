//! Program to reachability: tiers, rows, the matrix, and the proof of one verdict.
//!
//! The matrix stays factorised. For a source class, a row holds what its own policies make of everybody, what the
//! policies of each destination signature make of it, and the few overrides to both; nothing of the size classes x
//! classes is ever stored. Knows signatures, classes and port sets; knows no names and no policy API.

mod evaluator;
mod externals;
mod frames;
mod openness;
mod overrides;
mod product;
mod regions;
mod row;
mod template;
mod tiers;
mod union;

pub mod proof;

use std::cell::RefCell;
use std::net::IpAddr;

use crate::cluster::PodId;
use crate::compile::Program;
use crate::net::{Direction, Family, PortSet};

pub(crate) use evaluator::{CellId, Evaluator, Memo, Peer, SideId};
pub(crate) use externals::ExternalClass;
pub use externals::ExternalId;
pub(crate) use frames::{Around, FrameId, Frames};
pub(crate) use openness::Openness;
pub(crate) use product::templated;
pub(crate) use row::{Cells, Rows};
pub(crate) use tiers::Bounds;

/// One end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum End {
    /// Pod number `.1` of a group.
    Pod(PodId, u32),
    /// An address that no pod of the input owns.
    Address(IpAddr),
}

/// The ports that are allowed from one end to another: the two bounds of a three-valued verdict.
///
/// INVARIANT: `plain` is a subset of `must`, and `must` of `may`. Allowed is `must`, unknown is `may` without `must`, denied
/// is the rest.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Connectivity {
    /// Ports that are allowed whatever the unknown facts are, and whatever is said on them: no rule allows them only under
    /// a condition, nor denies them under one.
    pub plain: PortSet,
    /// Ports that are allowed whatever the unknown facts are.
    pub must: PortSet,
    /// Ports that are not surely denied.
    pub may: PortSet,
}

impl Connectivity {
    /// These ports are allowed, and under no condition; the others are denied.
    pub fn of(ports: PortSet) -> Self {
        Self::between(ports.clone(), ports)
    }

    /// Those of `must` are allowed, and under no condition; the others of `may` are unknown.
    pub fn between(must: PortSet, may: PortSet) -> Self {
        Self { plain: must.clone(), must, may }
    }

    /// Every port is allowed.
    pub fn open() -> Self {
        Self::of(PortSet::full())
    }

    /// No port is allowed.
    pub fn closed() -> Self {
        Self::of(PortSet::empty())
    }

    /// The ports that are allowed, but of which a policy restricts what may be said on them.
    pub fn restricted(&self) -> PortSet {
        self.must.difference(&self.plain)
    }

    /// The ports that both allow.
    #[must_use]
    pub fn both(&self, other: &Self) -> Self {
        self.zip(other, PortSet::intersection)
    }

    /// The ports that one or the other allows.
    #[must_use]
    pub fn either(&self, other: &Self) -> Self {
        self.zip(other, PortSet::union)
    }

    fn zip(&self, other: &Self, f: impl Fn(&PortSet, &PortSet) -> PortSet) -> Self {
        Self {
            plain: f(&self.plain, &other.plain),
            must: f(&self.must, &other.must),
            may: f(&self.may, &other.may),
        }
    }
}

/// The full allow matrix, factorised.
#[derive(Debug)]
pub struct Reachability<'p> {
    program: &'p Program,
    evaluator: RefCell<Evaluator<'p>>,
}

/// Solves `program`. Rows are computed when they are asked for.
pub fn solve(program: &Program) -> Reachability<'_> {
    Reachability { program, evaluator: RefCell::new(Evaluator::new(program)) }
}

impl<'p> Reachability<'p> {
    /// The program that was solved.
    pub fn program(&self) -> &'p Program {
        self.program
    }

    /// The ports that are allowed from one end to another.
    ///
    /// Two addresses of one family have no policy between them: connections that do not touch the cluster are open here.
    pub fn connectivity(&self, from: End, to: End) -> Connectivity {
        self.bounds(self.cell(from, to))
    }

    /// The cell of two ends: equal cells have equal bounds.
    pub(crate) fn cell(&self, from: End, to: End) -> CellId {
        self.evaluator.borrow_mut().of_ends(from, to)
    }

    /// The same by the policies alone, as if no pod ran on the node that the connection comes from (R50).
    pub(crate) fn cell_by_policies(&self, from: End, to: End) -> CellId {
        self.evaluator.borrow_mut().by_policies(from, to)
    }

    /// The bounds of a cell.
    pub(crate) fn bounds(&self, cell: CellId) -> Connectivity {
        self.evaluator.borrow().connectivity(cell)
    }
}

impl Evaluator<'_> {
    /// The cell of two ends: equal cells have equal bounds.
    pub(crate) fn of_ends(&mut self, from: End, to: End) -> CellId {
        let program = self.program;
        match (from, to) {
            (End::Pod(a, i), End::Pod(b, j)) if (a, i) != (b, j) && program.same_node(a, b) => {
                self.exempt(program.class_of[a], program.class_of[b])
            }
            (End::Address(address), End::Pod(pod, _))
                if program.is_own_node(pod, address)
                    && program.classes[program.class_of[pod]].families[Family::of(address)] =>
            {
                self.open()
            }
            _ => self.by_policies(from, to),
        }
    }

    /// The same by the policies alone, as if no pod ran on the node that the connection comes from (R50).
    pub(crate) fn by_policies(&mut self, from: End, to: End) -> CellId {
        let program = self.program;
        match (from, to) {
            (End::Pod(a, i), End::Pod(b, j)) if a == b && i == j => self.open(),
            (End::Pod(a, _), End::Pod(b, _)) => {
                let (from, to) = (program.class_of[a], program.class_of[b]);
                self.between(from, to)
            }
            (End::Pod(pod, _), End::Address(address)) => {
                let signature = program.classes[program.class_of[pod]].signature[Direction::Egress];
                let side = self.side(Direction::Egress, signature, Peer::Address(address));
                self.alone(side, Family::of(address))
            }
            (End::Address(address), End::Pod(pod, _)) => {
                let signature = program.classes[program.class_of[pod]].signature[Direction::Ingress];
                let side = self.side(Direction::Ingress, signature, Peer::Address(address));
                self.alone(side, Family::of(address))
            }
            (End::Address(a), End::Address(b)) if Family::of(a) == Family::of(b) => self.open(),
            (End::Address(_), End::Address(_)) => self.closed(),
        }
    }
}

impl Program {
    /// True if `from` is a hostNetwork pod on the node that runs `to`: then ingress at `to` is exempt (R50).
    pub fn same_node(&self, from: PodId, to: PodId) -> bool {
        let (from, to) = (&self.cluster.pods[from], &self.cluster.pods[to]);
        from.host_network && from.node.is_some() && from.node == to.node
    }

    /// True if `address` is one of the node that runs `pod` (R50).
    pub fn is_own_node(&self, pod: PodId, address: IpAddr) -> bool {
        self.cluster.pods[pod].node.is_some_and(|node| self.cluster.nodes[node].addresses.contains(&address))
    }

    /// True if two classes have addresses of a common family.
    pub(crate) fn connectable(&self, a: crate::compile::ClassId, b: crate::compile::ClassId) -> bool {
        let (a, b) = (&self.classes[a].families, &self.classes[b].families);
        Family::ALL.into_iter().any(|family| a[family] && b[family])
    }
}
