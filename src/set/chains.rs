//! Lists that share what they start with, as numbers.

use std::hash::Hash;

use rustc_hash::FxHashMap;

use crate::index::IndexVec;

crate::define_id! {
    /// A list; equal numbers are equal lists.
    ChainId,
}

/// A start, and what was put after it one by one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Link<S, T> {
    Start(S),
    Then(ChainId, T),
}

/// Gives equal lists equal ids. A list one longer costs a lookup, and shares the memory of the list before it.
#[derive(Clone, Debug)]
pub struct Chains<S, T> {
    ids: FxHashMap<Link<S, T>, ChainId>,
    links: IndexVec<ChainId, Link<S, T>>,
}

impl<S, T> Default for Chains<S, T> {
    fn default() -> Self {
        Self { ids: FxHashMap::default(), links: IndexVec::new() }
    }
}

impl<S: Copy + Eq + Hash, T: Copy + Eq + Hash> Chains<S, T> {
    /// The list of nothing but its start.
    pub fn start(&mut self, start: S) -> ChainId {
        self.id(Link::Start(start))
    }

    /// A list and one more element.
    pub fn then(&mut self, before: ChainId, last: T) -> ChainId {
        self.id(Link::Then(before, last))
    }

    /// The start of a list and its elements, in order.
    pub fn elements(&self, mut at: ChainId) -> (S, Vec<T>) {
        let mut elements = Vec::new();
        loop {
            match self.links[at] {
                Link::Start(start) => {
                    elements.reverse();
                    return (start, elements);
                }
                Link::Then(before, last) => {
                    elements.push(last);
                    at = before;
                }
            }
        }
    }

    fn id(&mut self, link: Link<S, T>) -> ChainId {
        *self.ids.entry(link).or_insert_with(|| self.links.push(link))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_lists_have_equal_numbers() {
        let mut chains: Chains<char, u8> = Chains::default();
        let a = chains.start('a');
        let ab = chains.then(a, 1);
        let longer = chains.then(ab, 2);
        assert_eq!(chains.start('a'), a);
        assert_eq!(chains.then(a, 1), ab);
        assert_ne!(chains.then(a, 2), longer);
        assert_eq!(chains.elements(longer), ('a', vec![1, 2]));
        assert_eq!(chains.elements(a), ('a', vec![]));
    }
}
