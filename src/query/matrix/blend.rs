//! The cells of many pairs of pods put together.

use rustc_hash::FxHashMap;

use super::Matrix;
use crate::cluster::PodId;
use crate::compile::ClassId;
use crate::net::{PortSet, PortSetId, PortTable};
use crate::query::Carried;
use crate::query::group::Group;
use crate::solve::{CellId, Rows};

/// Number of pairs of pods that are exempt because they share a node (R50), by classes.
pub(in crate::query) type ExemptPairs = FxHashMap<(ClassId, ClassId), u64>;

/// The cells of all pod pairs between two endpoints, put together.
#[derive(Clone, Default)]
pub(crate) struct Blend {
    pub(super) bounds: Option<Blended>,
}

#[derive(Clone, Copy)]
pub(super) struct Blended {
    /// Allowed for every pair so far.
    pub(super) every: PortSetId,
    /// Allowed for at least one pair.
    pub(super) any: PortSetId,
    /// Unknown for at least one pair.
    pub(super) unknown: PortSetId,
    /// Allowed for at least one pair under a condition only.
    pub(super) restricted: PortSetId,
}

impl Blended {
    /// The sets of [`Carried`], in the order of its fields.
    pub(super) fn parts(self, table: &mut PortTable) -> [PortSetId; 4] {
        let Self { every, any, unknown, restricted } = self;
        [every, table.difference(any, every), table.difference(unknown, any), restricted]
    }
}

impl Matrix<'_> {
    /// The cells of all pairs of pods of two groups, put together; `cell` is that between the source's class at a place
    /// of its list and a class.
    pub(in crate::query) fn blend(
        &self,
        rows: &mut Rows<'_>,
        source: &Group,
        group: &Group,
        exempt: &ExemptPairs,
        cell: impl Fn(&mut Rows<'_>, usize, ClassId) -> CellId,
    ) -> Blend {
        let mut blend = Blend::default();
        if source.is_one_pod() && group.is_one_pod() {
            let (from, to) = (&source.pods[0], &group.pods[0]);
            if from != to {
                let (a, b) = (source.classes[0].0, group.classes[0].0);
                let cell = if self.program.same_node(from.0, to.0) {
                    rows.evaluator.exempt(a, b)
                } else {
                    cell(rows, 0, b)
                };
                blend.add(rows, cell);
            }
            return blend;
        }
        let common = source.common(self.program, group);
        for (place, &(from, from_count)) in source.classes.iter().enumerate() {
            for &(to, to_count) in &group.classes {
                let own = if from == to { common.get(&from).copied().unwrap_or(0) } else { 0 };
                let exempt = exempt.get(&(from, to)).copied().unwrap_or(0);
                if from_count * to_count > own + exempt {
                    let cell = cell(rows, place, to);
                    blend.add(rows, cell);
                }
                if exempt > 0 {
                    let cell = rows.evaluator.exempt(from, to);
                    blend.add(rows, cell);
                }
            }
        }
        blend
    }

    /// Counts the pairs from a group to each column that are exempt because they share a node (R50), by classes.
    pub(in crate::query) fn exempt_pairs(
        &self,
        source: &Group,
        columns_of: &FxHashMap<PodId, Vec<(usize, u64)>>,
    ) -> FxHashMap<usize, ExemptPairs> {
        let mut pairs: FxHashMap<usize, ExemptPairs> = FxHashMap::default();
        let cluster = &self.program.cluster;
        for (host, range) in &source.pods {
            for other in self.mates.beside(cluster, *host) {
                for &(column, there) in columns_of.get(other).into_iter().flatten() {
                    let classes = (self.program.class_of[*host], self.program.class_of[*other]);
                    let count = u64::from(range.end - range.start) * there;
                    *pairs.entry(column).or_default().entry(classes).or_default() += count;
                }
            }
        }
        pairs
    }
}

impl Blend {
    /// The ports that the pairs may use, of these if they are given; `None` if there are none.
    pub(crate) fn carried(&self, rows: &mut Rows<'_>, only: Option<&PortSet>) -> Option<Carried> {
        let table = &mut rows.evaluator.ports;
        let [ports, some, unknown, restricted] = self.bounds?.parts(table).map(|id| match only {
            Some(only) => table.get(id).intersection(only),
            None => table.get(id).clone(),
        });
        let carried = Carried { ports, some, unknown, restricted };
        (!carried.is_nothing()).then_some(carried)
    }

    pub(crate) fn add(&mut self, rows: &mut Rows<'_>, cell: CellId) {
        let bounds = rows.evaluator.cell(cell);
        let ports = &mut rows.evaluator.ports;
        let unknown = ports.difference(bounds.may, bounds.must);
        let restricted = ports.difference(bounds.must, bounds.plain);
        self.bounds = Some(match self.bounds {
            None => Blended { every: bounds.must, any: bounds.must, unknown, restricted },
            Some(so_far) => Blended {
                every: ports.intersection(so_far.every, bounds.must),
                any: ports.union(so_far.any, bounds.must),
                unknown: ports.union(so_far.unknown, unknown),
                restricted: ports.union(so_far.restricted, restricted),
            },
        });
    }
}
