//! Sets of small numbers as hash-consed binary tries: equal sets are the same number, and changing one member costs a
//! path, not a copy.

use rustc_hash::FxHashMap;

/// A set in a [`SetForest`]. Two sets of one forest are equal exactly if these are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SetTree(u32);

impl SetTree {
    /// The empty set.
    pub const EMPTY: Self = Self(0);
    const MEMBER: Self = Self(1);
}

/// A store of sets of numbers below `2^depth`.
///
/// INVARIANT: no two nodes have the same children, and no node has two empty ones.
#[derive(Clone, Debug)]
pub struct SetForest {
    depth: u32,
    /// Children of node `i + 2`, below and above the split.
    nodes: Vec<(SetTree, SetTree)>,
    ids: FxHashMap<(SetTree, SetTree), SetTree>,
}

impl SetForest {
    /// A forest for sets of numbers below `bound`.
    pub fn new(bound: u32) -> Self {
        let depth = if bound <= 1 { 0 } else { u32::BITS - (bound - 1).leading_zeros() };
        Self { depth, nodes: Vec::new(), ids: FxHashMap::default() }
    }

    /// `set` with `member` added if it was not in it, removed if it was.
    pub fn toggle(&mut self, set: SetTree, member: u32) -> SetTree {
        self.toggle_below(set, member, self.depth)
    }

    fn toggle_below(&mut self, set: SetTree, member: u32, depth: u32) -> SetTree {
        let Some(below) = depth.checked_sub(1) else {
            return if set == SetTree::EMPTY { SetTree::MEMBER } else { SetTree::EMPTY };
        };
        let (mut low, mut high) = self.children(set);
        if member >> below & 1 == 0 {
            low = self.toggle_below(low, member, below);
        } else {
            high = self.toggle_below(high, member, below);
        }
        self.node(low, high)
    }

    fn children(&self, set: SetTree) -> (SetTree, SetTree) {
        if set == SetTree::EMPTY { (SetTree::EMPTY, SetTree::EMPTY) } else { self.nodes[set.0 as usize - 2] }
    }

    fn node(&mut self, low: SetTree, high: SetTree) -> SetTree {
        if low == SetTree::EMPTY && high == SetTree::EMPTY {
            return SetTree::EMPTY;
        }
        *self.ids.entry((low, high)).or_insert_with(|| {
            self.nodes.push((low, high));
            SetTree(u32::try_from(self.nodes.len() + 1).expect("fewer than 2^32 nodes fit in memory"))
        })
    }

    /// The members of `set`, ascending.
    pub fn members(&self, set: SetTree) -> Vec<u32> {
        let mut members = Vec::new();
        self.collect(set, 0, self.depth, &mut members);
        members
    }

    fn collect(&self, set: SetTree, prefix: u32, depth: u32, members: &mut Vec<u32>) {
        if set == SetTree::EMPTY {
            return;
        }
        let Some(below) = depth.checked_sub(1) else {
            members.push(prefix);
            return;
        };
        let (low, high) = self.children(set);
        self.collect(low, prefix, below, members);
        self.collect(high, prefix | 1 << below, below, members);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn toggling_agrees_with_a_plain_set_and_equal_sets_are_equal_numbers(
            bound in 1u32..70, toggles in prop::collection::vec(0u32..70, 0..80)
        ) {
            let mut forest = SetForest::new(bound);
            let (mut tree, mut plain) = (SetTree::EMPTY, BTreeSet::new());
            let mut seen = vec![(plain.clone(), tree)];
            for member in toggles.into_iter().map(|m| m % bound) {
                tree = forest.toggle(tree, member);
                if !plain.remove(&member) {
                    plain.insert(member);
                }
                prop_assert_eq!(forest.members(tree), plain.iter().copied().collect::<Vec<_>>());
                for (other, other_tree) in &seen {
                    prop_assert_eq!(*other == plain, *other_tree == tree);
                }
                seen.push((plain.clone(), tree));
            }
        }
    }
}
