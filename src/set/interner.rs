//! Values to small ids and back.

use std::hash::Hash;

use rustc_hash::FxHashMap;

use crate::index::{Id, IndexVec};

/// Gives equal values equal ids, in the order they are first seen.
///
/// INVARIANT: `ids` maps exactly the items of `values`, each to its position.
#[derive(Clone, Debug)]
pub struct Interner<I, T> {
    values: IndexVec<I, T>,
    ids: FxHashMap<T, I>,
}

impl<I: Id, T: Clone + Eq + Hash> Interner<I, T> {
    /// An empty interner.
    pub fn new() -> Self {
        Self { values: IndexVec::new(), ids: FxHashMap::default() }
    }

    /// The id of `value`, a new one if it has none.
    pub fn intern<Q>(&mut self, value: &Q) -> I
    where
        T: std::borrow::Borrow<Q> + for<'a> From<&'a Q>,
        Q: Eq + Hash + ?Sized,
    {
        if let Some(&id) = self.ids.get(value) {
            return id;
        }
        self.insert_new(T::from(value))
    }

    /// The id of an owned `value`, a new one if it has none.
    pub fn intern_owned(&mut self, value: T) -> I {
        if let Some(&id) = self.ids.get(&value) {
            return id;
        }
        self.insert_new(value)
    }

    fn insert_new(&mut self, value: T) -> I {
        let id = self.values.push(value.clone());
        self.ids.insert(value, id);
        id
    }

    /// The id of `value`, if it was interned.
    pub fn get<Q>(&self, value: &Q) -> Option<I>
    where
        T: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.ids.get(value).copied()
    }

    /// All values, by id.
    pub fn values(&self) -> &IndexVec<I, T> {
        &self.values
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

impl<I: Id, T: Clone + Eq + Hash> Default for Interner<I, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<I: Id, T> std::ops::Index<I> for Interner<I, T> {
    type Output = T;
    fn index(&self, id: I) -> &T {
        &self.values[id]
    }
}
