//! The matrix in factors: what the policies on each side make of everybody, from which any cell can be worked out.
//!
//! For whoever carries the matrix elsewhere, as a report does: there are as many pairs as pods squared, and only as many
//! factors as the policies tell apart.

use rustc_hash::FxHashMap;

use super::group::groups;
use super::matrix::{By, Endpoint, Matrix};
use crate::cluster::{PodId, WorkloadId};
use crate::compile::{ClassId, SignatureId};
use crate::index::IndexVec;
use crate::net::{ByDirection, ByFamily, Direction};
use crate::query::Carried;
use crate::set::Interner;
use crate::solve::{Connectivity, ExternalId, SideId};

crate::define_id! {
    /// A distinct [`SideFactor`].
    FactorId,
}

/// The ports that one side of a connection lets through in each family; none where the subject has no address.
pub type SideFactor = ByFamily<Connectivity>;

/// The matrix in factors.
///
/// What may flow between two classes is, in each family, what both sides let through: the egress factor of the source
/// towards the class of the destination, and the ingress factor of the destination towards that of the source; over
/// both families it is the union. Addresses outside let everything of their family through. A pod and itself is no pair.
#[derive(Clone, Debug)]
pub struct Factors {
    /// The ports that sides let through, each distinct factor once.
    pub sides: IndexVec<FactorId, SideFactor>,
    /// The factors of each signature: how its policies treat peers.
    pub signatures: ByDirection<IndexVec<SignatureId, Factor>>,
    /// Pairs of workloads some pods of which share a node, so that the factors do not tell what may flow (R50): the
    /// ports of every pair of pods, those of some pairs only, and those that are unknown. Ascending.
    pub exempt: Vec<(WorkloadId, WorkloadId, Carried)>,
}

/// The treatment of peers by the policies of one signature.
#[derive(Clone, Debug)]
pub struct Factor {
    /// Of those who are not mentioned below.
    pub usual: FactorId,
    /// Of these classes; ascending.
    pub classes: Vec<(ClassId, FactorId)>,
    /// Of these addresses; ascending.
    pub externals: Vec<(ExternalId, FactorId)>,
}

impl Matrix<'_> {
    /// The factors. The work grows with what policies mention, not with pairs.
    pub fn factors(&self) -> Factors {
        let outside = &self.outside().0;
        let mut mentioned: ByDirection<FxHashMap<SignatureId, Vec<(ExternalId, SideId)>>> =
            ByDirection::default();
        for (id, class) in outside.enumerate() {
            for direction in Direction::ALL {
                for &(signature, side) in &class.sides[direction] {
                    mentioned[direction].entry(signature).or_default().push((id, side));
                }
            }
        }
        let mut rows = self.rows.borrow_mut();
        let mut sides: Interner<FactorId, SideId> = Interner::new();
        let signatures = [Direction::Ingress, Direction::Egress].map(|direction| {
            let signatures = self.program.signatures[direction].ids();
            let factors = signatures.map(|signature| {
                let (usual, classes) = rows.factor(direction, signature);
                let externals = mentioned[direction].remove(&signature).unwrap_or_default();
                let mut number = |side| sides.intern_owned(side);
                Factor {
                    usual: number(usual),
                    classes: classes.into_iter().map(|(class, side)| (class, number(side))).collect(),
                    externals: externals.into_iter().map(|(id, side)| (id, number(side))).collect(),
                }
            });
            factors.collect()
        });
        let [ingress, egress] = signatures;
        let sides = sides.iter().map(|&side| {
            let bounds = rows.evaluator.side_bounds(side);
            let ports = &rows.evaluator.ports;
            ByFamily { v4: bounds.v4.connectivity(ports), v6: bounds.v6.connectivity(ports) }
        });
        let sides = sides.collect();
        drop(rows);
        Factors { sides, signatures: ByDirection { ingress, egress }, exempt: self.exempt() }
    }

    /// See [`Factors::exempt`].
    fn exempt(&self) -> Vec<(WorkloadId, WorkloadId, Carried)> {
        let workloads = groups(self.program, By::Workload, None, self.replicas);
        let mut columns_of: FxHashMap<PodId, Vec<(usize, u64)>> = FxHashMap::default();
        for (column, group) in workloads.iter().enumerate() {
            for (pod, range) in &group.pods {
                columns_of.entry(*pod).or_default().push((column, u64::from(range.end - range.start)));
            }
        }
        let mut rows = self.rows.borrow_mut();
        let mut all = Vec::new();
        for source in &workloads {
            let mut pairs: Vec<_> = self.exempt_pairs(source, &columns_of).into_iter().collect();
            pairs.sort_unstable_by_key(|(column, _)| *column);
            for (column, pairs) in &pairs {
                let group = &workloads[*column];
                let blend = self.blend(&mut rows, source, group, pairs, |rows, place, to| {
                    rows.evaluator.between(source.classes[place].0, to)
                });
                let (Endpoint::Workload(from), Endpoint::Workload(to)) = (source.endpoint, group.endpoint)
                else {
                    unreachable!("the groups are workloads")
                };
                all.push((from, to, blend.carried(&mut rows, None).unwrap_or_default()));
            }
        }
        all.sort_unstable_by_key(|&(from, to, _)| (from, to));
        all
    }
}
