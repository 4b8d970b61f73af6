//! Port sets as small ids, with the algebra remembered.
//!
//! A cluster knows few distinct port sets, and the matrix combines the same ones over and over.

use rustc_hash::FxHashMap;

use super::PortSet;
use crate::set::Interner;

crate::define_id! {
    /// An interned [`PortSet`].
    PortSetId,
}

/// Interned port sets.
///
/// INVARIANT: the first two are the empty and the full set.
#[derive(Clone, Debug)]
pub struct PortTable {
    sets: Interner<PortSetId, PortSet>,
    done: FxHashMap<(Operation, PortSetId, PortSetId), PortSetId>,
    empty: PortSetId,
    full: PortSetId,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

impl PortTable {
    /// A table that knows the empty and the full set.
    pub fn new() -> Self {
        let mut sets = Interner::new();
        let empty = sets.intern_owned(PortSet::empty());
        let full = sets.intern_owned(PortSet::full());
        Self { sets, done: FxHashMap::default(), empty, full }
    }

    /// No port.
    #[inline]
    pub fn empty(&self) -> PortSetId {
        self.empty
    }

    /// Every port of every protocol.
    #[inline]
    pub fn full(&self) -> PortSetId {
        self.full
    }

    /// The id of a set, a new one if it has none.
    pub fn id(&mut self, set: PortSet) -> PortSetId {
        self.sets.intern_owned(set)
    }

    /// The set of an id.
    #[inline]
    pub fn get(&self, id: PortSetId) -> &PortSet {
        &self.sets[id]
    }

    /// Ports in either set.
    #[inline]
    pub fn union(&mut self, a: PortSetId, b: PortSetId) -> PortSetId {
        if a == b || b == self.empty || a == self.full {
            a
        } else if a == self.empty || b == self.full {
            b
        } else {
            self.compute(Operation::Union, a.min(b), a.max(b))
        }
    }

    /// Ports in both sets.
    #[inline]
    pub fn intersection(&mut self, a: PortSetId, b: PortSetId) -> PortSetId {
        if a == b || b == self.full || a == self.empty {
            a
        } else if a == self.full || b == self.empty {
            b
        } else {
            self.compute(Operation::Intersection, a.min(b), a.max(b))
        }
    }

    /// Ports of `a` that are not in `b`.
    #[inline]
    pub fn difference(&mut self, a: PortSetId, b: PortSetId) -> PortSetId {
        if a == b || b == self.full || a == self.empty {
            self.empty
        } else if b == self.empty {
            a
        } else {
            self.compute(Operation::Difference, a, b)
        }
    }

    fn compute(&mut self, operation: Operation, a: PortSetId, b: PortSetId) -> PortSetId {
        if let Some(&done) = self.done.get(&(operation, a, b)) {
            return done;
        }
        let (left, right) = (&self.sets[a], &self.sets[b]);
        let set = match operation {
            Operation::Union => left.union(right),
            Operation::Intersection => left.intersection(right),
            Operation::Difference => left.difference(right),
        };
        let id = self.sets.intern_owned(set);
        self.done.insert((operation, a, b), id);
        id
    }
}

impl Default for PortTable {
    fn default() -> Self {
        Self::new()
    }
}
