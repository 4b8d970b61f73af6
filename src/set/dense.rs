//! Sets of ids as words of bits: what the rows of the matrix are made of.

use std::marker::PhantomData;

use crate::index::Id;

/// A set of ids below a fixed bound, one bit each.
///
/// INVARIANT: `words.len() == len.div_ceil(64)`, and bits at or above `len` are zero.
pub struct DenseSet<I> {
    words: Box<[u64]>,
    len: usize,
    id: PhantomData<fn(I) -> I>,
}

impl<I: Id> DenseSet<I> {
    /// The empty set of ids below `len`.
    pub fn empty(len: usize) -> Self {
        Self { words: vec![0; len.div_ceil(64)].into(), len, id: PhantomData }
    }

    /// Every id below `len`.
    pub fn full(len: usize) -> Self {
        let mut set = Self { words: vec![u64::MAX; len.div_ceil(64)].into(), len, id: PhantomData };
        set.mask_tail();
        set
    }

    fn mask_tail(&mut self) {
        if let Some(last) = self.words.last_mut()
            && !self.len.is_multiple_of(64)
        {
            *last &= (1 << (self.len % 64)) - 1;
        }
    }

    /// The bound: ids are below it.
    pub fn bound(&self) -> usize {
        self.len
    }

    /// The words, least id in the lowest bit of the first.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Adds `id`.
    pub fn insert(&mut self, id: I) {
        debug_assert!(id.index() < self.len, "{id:?} is not below {}", self.len);
        self.words[id.index() / 64] |= 1 << (id.index() % 64);
    }

    /// Removes `id`.
    pub fn remove(&mut self, id: I) {
        self.words[id.index() / 64] &= !(1 << (id.index() % 64));
    }

    /// Adds every id from position `first` up to but not including `end`.
    pub fn insert_range(&mut self, first: usize, end: usize) {
        debug_assert!(end <= self.len);
        if first >= end {
            return;
        }
        let (low, high) = (first / 64, (end - 1) / 64);
        let head = u64::MAX << (first % 64);
        let tail = u64::MAX >> (63 - (end - 1) % 64);
        if low == high {
            self.words[low] |= head & tail;
        } else {
            self.words[low] |= head;
            self.words[low + 1..high].fill(u64::MAX);
            self.words[high] |= tail;
        }
    }

    /// Whether `id` is in the set.
    pub fn contains(&self, id: I) -> bool {
        self.words[id.index() / 64] >> (id.index() % 64) & 1 == 1
    }

    /// Whether nothing is in the set.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&w| w == 0)
    }

    /// Whether every id below the bound is in the set.
    pub fn is_full(&self) -> bool {
        self.count() == self.len
    }

    /// How many ids are in the set.
    pub fn count(&self) -> usize {
        self.words.iter().map(|w| w.count_ones() as usize).sum()
    }

    /// The ids, ascending.
    pub fn iter(&self) -> impl Iterator<Item = I> {
        self.words.iter().enumerate().flat_map(|(i, &word)| {
            std::iter::successors((word != 0).then_some(word), |w| (w & (w - 1) != 0).then_some(w & (w - 1)))
                .map(move |w| I::from_index(i * 64 + w.trailing_zeros() as usize))
        })
    }

    /// Adds every id of `other`.
    pub fn union_with(&mut self, other: &Self) {
        debug_assert_eq!(self.len, other.len);
        for (a, b) in self.words.iter_mut().zip(&other.words) {
            *a |= b;
        }
    }

    /// Keeps the ids that are in `other` too.
    pub fn intersect_with(&mut self, other: &Self) {
        debug_assert_eq!(self.len, other.len);
        for (a, b) in self.words.iter_mut().zip(&other.words) {
            *a &= b;
        }
    }

    /// Removes every id of `other`.
    pub fn subtract(&mut self, other: &Self) {
        debug_assert_eq!(self.len, other.len);
        for (a, b) in self.words.iter_mut().zip(&other.words) {
            *a &= !b;
        }
    }

    /// Whether every id of this set is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).all(|(a, b)| a & !b == 0)
    }
}

impl<I> Clone for DenseSet<I> {
    fn clone(&self) -> Self {
        Self { words: self.words.clone(), len: self.len, id: PhantomData }
    }
}

impl<I> PartialEq for DenseSet<I> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.words == other.words
    }
}

impl<I> Eq for DenseSet<I> {}

impl<I> std::hash::Hash for DenseSet<I> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.words.hash(state);
    }
}

impl<I: Id> std::fmt::Debug for DenseSet<I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
