//! Members of peer lists: the classes that each list matches.
//!
//! A sparse list keeps its classes one by one, a dense one as bit sets, so that the solver can intersect and count
//! classes 64 at a time.

use super::ClassId;
use crate::index::{Id, IndexVec};
use crate::label::Truth;
use crate::net::{ByFamily, Family};
use crate::set::Bits;

/// The choice between sparse and dense peer lists. Only the cost of answers depends on it; tests force either way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Layout {
    /// Whatever is smaller for each list.
    #[default]
    BySize,
    /// Lists of more members than this as dense sets, all others one by one.
    DenseAbove(usize),
}

impl Layout {
    /// True if a list of this many members out of `all` is kept as dense sets.
    pub(super) fn is_dense(self, members: usize, all: usize) -> bool {
        match self {
            // A member kept by itself takes 64 bits.
            Self::BySize => members > all / 64,
            Self::DenseAbove(most) => members > most,
        }
    }
}

/// The classes that a peer list matches, and how surely in each family.
#[derive(Clone, PartialEq, Debug)]
pub enum Members {
    /// One by one, ascending.
    Few(Vec<(ClassId, ByFamily<Truth>)>),
    /// As sets.
    Many(DenseMembers),
}

impl Members {
    /// The dense sets, if the list has them.
    #[inline]
    pub fn dense(&self) -> Option<&DenseMembers> {
        match self {
            Self::Few(_) => None,
            Self::Many(dense) => Some(dense),
        }
    }

    /// Every member once; ascending if they are few.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = (ClassId, ByFamily<Truth>)> {
        let (few, many) = match self {
            Self::Few(members) => (&members[..], &[][..]),
            Self::Many(dense) => (&[][..], &dense.sets[..]),
        };
        let many = many
            .iter()
            .flat_map(|(truth, set)| set.iter().map(|member| (ClassId::from_index(member), *truth)));
        few.iter().copied().chain(many)
    }
}

/// A set for each way to match; no two have a member in common.
///
/// In a family that a member has no address of, its truth means nothing: it is that of the other family, so that pods
/// of one family and pods of both need one set, not two.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DenseMembers {
    /// The members that match with each truth.
    pub sets: Vec<(ByFamily<Truth>, Bits)>,
}

impl DenseMembers {
    /// Adds a member out of `all`, which has addresses of these families.
    #[inline]
    pub(super) fn insert<I: Id>(
        &mut self,
        member: I,
        mut truth: ByFamily<Truth>,
        families: ByFamily<bool>,
        all: usize,
    ) {
        for (family, other) in [(Family::V4, Family::V6), (Family::V6, Family::V4)] {
            if !families[family] {
                truth[family] = truth[other];
            }
        }
        let position = self.sets.iter().position(|&(known, _)| known == truth).unwrap_or_else(|| {
            self.sets.push((truth, Bits::new(all)));
            self.sets.len() - 1
        });
        self.sets[position].1.insert(member.index());
    }

    /// The same of what the members were merged into, of which there are `count`, numbered in order of their first.
    pub(super) fn merged<I: Id>(self, into: &IndexVec<I, ClassId>, count: usize) -> Self {
        if count == into.len() {
            return self; // Nothing was merged, so nothing moves.
        }
        let merged = |set: Bits| {
            let mut merged = Bits::new(count);
            set.iter().for_each(|member| merged.insert(into[I::from_index(member)].index()));
            merged
        };
        Self { sets: self.sets.into_iter().map(|(truth, set)| (truth, merged(set))).collect() }
    }

    /// Returns how surely the list matches a class.
    #[inline]
    pub fn truth(&self, class: ClassId) -> ByFamily<Truth> {
        let holding = self.sets.iter().find(|(_, set)| set.contains(class.index()));
        holding.map_or(ByFamily { v4: Truth::No, v6: Truth::No }, |&(truth, _)| truth)
    }
}
