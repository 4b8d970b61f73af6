//! Values to small ids and back.

use std::hash::Hash;
use std::marker::PhantomData;

use indexmap::{Equivalent, IndexSet};
use rustc_hash::FxBuildHasher;

use crate::index::{Id, IndexVec};

/// Gives equal values equal ids, in the order they are first seen. Each value is stored once.
#[derive(Clone, Debug)]
pub struct Interner<I, T> {
    values: IndexSet<T, FxBuildHasher>,
    id: PhantomData<fn(I) -> I>,
}

impl<I: Id, T: Eq + Hash> Interner<I, T> {
    /// An empty interner.
    pub const fn new() -> Self {
        Self { values: IndexSet::with_hasher(FxBuildHasher), id: PhantomData }
    }

    /// The id of `value`, a new one if it has none.
    pub fn intern<Q>(&mut self, value: &Q) -> I
    where
        T: for<'a> From<&'a Q>,
        Q: Eq + Hash + Equivalent<T> + ?Sized,
    {
        match self.values.get_index_of(value) {
            Some(index) => I::from_index(index),
            None => self.intern_owned(T::from(value)),
        }
    }

    /// The id of an owned `value`, a new one if it has none.
    pub fn intern_owned(&mut self, value: T) -> I {
        I::from_index(self.values.insert_full(value).0)
    }

    /// The id of `value`, if it was interned.
    #[inline]
    pub fn get<Q>(&self, value: &Q) -> Option<I>
    where
        Q: Hash + Equivalent<T> + ?Sized,
    {
        self.values.get_index_of(value).map(I::from_index)
    }

    /// All values, in the order of their ids.
    #[inline]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &T> {
        self.values.iter()
    }

    /// All values with their ids, in the order of these.
    pub fn enumerate(&self) -> impl ExactSizeIterator<Item = (I, &T)> {
        self.values.iter().enumerate().map(|(index, value)| (I::from_index(index), value))
    }

    /// The values by id; no more can be interned.
    pub fn into_values(self) -> IndexVec<I, T> {
        self.values.into_iter().collect()
    }

    /// Forgets all values but the first `len`; their ids may be given again.
    pub fn truncate(&mut self, len: usize) {
        self.values.truncate(len);
    }

    /// Number of values.
    #[inline]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// True if there is no value.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

impl<I: Id, T: Eq + Hash> Default for Interner<I, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<I: Id, T> std::ops::Index<I> for Interner<I, T> {
    type Output = T;
    fn index(&self, id: I) -> &T {
        &self.values[id.index()]
    }
}
