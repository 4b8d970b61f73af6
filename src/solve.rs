//! Program to reachability: tiers, rows, the matrix, and the proof of one verdict.

pub mod proof;

use std::net::IpAddr;

use crate::cluster::PodId;
use crate::compile::Program;
use crate::net::PortSet;

/// One end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum End {
    /// Pod number `.1` of a group.
    Pod(PodId, u32),
    /// An address that no pod of the input owns.
    Address(IpAddr),
}

/// What may flow from one end to another: the two bounds of contract 1.
///
/// INVARIANT: `must` is a subset of `may`. Allowed is `must`, unknown is `may` without `must`, denied is the rest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connectivity {
    /// Ports that are allowed whatever the unknown facts are.
    pub must: PortSet,
    /// Ports that are not surely denied.
    pub may: PortSet,
}

/// The full allow matrix, factorised.
#[derive(Debug)]
pub struct Reachability<'p> {
    program: &'p Program<'p>,
}

/// Solves `program`.
pub fn solve<'p>(program: &'p Program<'p>) -> Reachability<'p> {
    Reachability { program }
}

impl Reachability<'_> {
    /// What may flow between two ends.
    pub fn connectivity(&self, from: End, to: End) -> Connectivity {
        let _ = (self.program, from, to);
        unimplemented!("by the solver")
    }
}
