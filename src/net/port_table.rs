//! Port sets as small ids, with the algebra remembered.
//!
//! A cluster knows few distinct port sets, and the matrix combines the same ones over and over.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::PortSet;
use crate::index::Id;
use crate::set::Interner;

crate::define_id! {
    /// An interned [`PortSet`].
    PortSetId,
}

/// Most sets that are united one after the other, which finds every step remembered if it was taken before.
const FEW: usize = 8;

/// Interned port sets.
///
/// INVARIANT: the first two are the empty and the full set.
#[derive(Clone, Debug)]
pub struct PortTable {
    /// The table that this one goes on from, whose ids are the first ones here; it goes on from none.
    base: Option<Arc<Self>>,
    /// Number of ids of the base.
    first: usize,
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
        Self { base: None, first: 0, sets, done: FxHashMap::default(), empty, full }
    }

    /// A table that goes on from another one, which goes on from none: what is added here is not there. Nothing is copied.
    pub(crate) fn over(base: &Arc<Self>) -> Self {
        assert!(base.base.is_none(), "a table goes on from one that goes on from none");
        Self {
            first: base.sets.len(),
            sets: Interner::new(),
            done: FxHashMap::default(),
            empty: base.empty,
            full: base.full,
            base: Some(Arc::clone(base)),
        }
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
        if let Some(id) = self.base.as_ref().and_then(|base| base.sets.get(&set)) {
            return id;
        }
        let own: PortSetId = self.sets.intern_owned(set);
        PortSetId::from_index(self.first + own.index())
    }

    /// The set of an id.
    #[inline]
    pub fn get(&self, id: PortSetId) -> &PortSet {
        match &self.base {
            Some(base) if id.index() < self.first => &base.sets[id],
            _ => &self.sets[PortSetId::from_index(id.index() - self.first)],
        }
    }

    /// Every set that has an id.
    pub(crate) fn sets(&self) -> impl Iterator<Item = &PortSet> {
        self.base.iter().flat_map(|base| base.sets.iter()).chain(self.sets.iter())
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

    /// Ports in any of some sets.
    ///
    /// Many sets are merged at once: to remember each union on the way would take memory by the square of their number.
    pub(crate) fn union_all(&mut self, sets: impl IntoIterator<Item = PortSetId>) -> PortSetId {
        let mut sets = sets.into_iter();
        let few = sets.by_ref().take(FEW).fold(self.empty, |all, set| self.union(all, set));
        let mut many: Vec<PortSetId> = sets.collect();
        if many.is_empty() {
            return few;
        }
        many.push(few);
        many.sort_unstable();
        many.dedup();
        let sets: Vec<&PortSet> = many.iter().map(|&id| self.get(id)).collect();
        let all = PortSet::union_all(&sets);
        self.id(all)
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
        let key = (operation, a, b);
        let in_base = || self.base.as_ref().and_then(|base| base.done.get(&key));
        if let Some(&done) = self.done.get(&key).or_else(in_base) {
            return done;
        }
        let (left, right) = (self.get(a), self.get(b));
        let set = match operation {
            Operation::Union => left.union(right),
            Operation::Intersection => left.intersection(right),
            Operation::Difference => left.difference(right),
        };
        let id = self.id(set);
        self.done.insert(key, id);
        id
    }
}

impl Default for PortTable {
    fn default() -> Self {
        Self::new()
    }
}
