//! Sets of integers as sorted ranges: ports, addresses.

/// An integer type with a smallest and a largest value and a next one.
pub trait Bounded: Copy + Ord + std::fmt::Debug {
    /// The smallest value.
    const MIN: Self;
    /// The largest value.
    const MAX: Self;
    /// The value after this one; `None` at the end.
    fn next(self) -> Option<Self>;
    /// The value before this one; `None` at the start.
    fn previous(self) -> Option<Self>;
}

macro_rules! bounded {
    ($($int:ty),+) => {$(
        impl Bounded for $int {
            const MIN: Self = <$int>::MIN;
            const MAX: Self = <$int>::MAX;
            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }
            fn previous(self) -> Option<Self> {
                self.checked_sub(1)
            }
        }
    )+};
}
bounded!(u16, u32, u128);

/// A set of integers.
///
/// INVARIANT: ranges are inclusive, ascending, disjoint and never adjacent, so equal sets are equal values.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RangeSet<T> {
    ranges: Vec<(T, T)>,
}

impl<T> Default for RangeSet<T> {
    fn default() -> Self {
        Self { ranges: Vec::new() }
    }
}

impl<T: Bounded> RangeSet<T> {
    /// The empty set.
    #[inline]
    pub const fn empty() -> Self {
        Self { ranges: Vec::new() }
    }

    /// `first..=last`; empty if `last < first`.
    pub fn from_range(first: T, last: T) -> Self {
        if first <= last { Self { ranges: vec![(first, last)] } } else { Self::empty() }
    }

    /// The union of ranges in any order.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (T, T)>) -> Self {
        let mut all: Vec<(T, T)> = ranges.into_iter().filter(|(first, last)| first <= last).collect();
        all.sort_unstable();
        let mut merged: Vec<(T, T)> = Vec::with_capacity(all.len());
        for (first, last) in all {
            match merged.last_mut() {
                Some(previous) if previous.1.next().is_none_or(|next| first <= next) => {
                    previous.1 = previous.1.max(last);
                }
                _ => merged.push((first, last)),
            }
        }
        Self { ranges: merged }
    }

    /// The ranges, ascending.
    #[inline]
    pub fn ranges(&self) -> &[(T, T)] {
        &self.ranges
    }

    /// True if nothing is in the set.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// True if `value` is in the set.
    #[inline]
    pub fn contains(&self, value: T) -> bool {
        let after = self.ranges.partition_point(|&(first, _)| first <= value);
        after > 0 && value <= self.ranges[after - 1].1
    }

    /// Values in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::from_ranges(self.ranges.iter().chain(&other.ranges).copied())
    }

    /// Values in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let (mut a, mut b) = (self.ranges.iter().peekable(), other.ranges.iter().peekable());
        let mut ranges = Vec::new();
        while let (Some(&&(a_first, a_last)), Some(&&(b_first, b_last))) = (a.peek(), b.peek()) {
            let (first, last) = (a_first.max(b_first), a_last.min(b_last));
            if first <= last {
                ranges.push((first, last));
            }
            if a_last < b_last {
                a.next()
            } else {
                b.next()
            };
        }
        Self { ranges }
    }

    /// Values of this set that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.intersection(&other.complement())
    }

    /// Values that are not in this set.
    #[must_use]
    pub fn complement(&self) -> Self {
        let mut ranges = Vec::with_capacity(self.ranges.len() + 1);
        let mut start = Some(T::MIN);
        for &(first, last) in &self.ranges {
            if let (Some(from), Some(to)) = (start, first.previous())
                && from <= to
            {
                ranges.push((from, to));
            }
            start = last.next();
        }
        if let Some(from) = start {
            ranges.push((from, T::MAX));
        }
        Self { ranges }
    }

    /// True if every value of this set is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.difference(other).is_empty()
    }

    /// True if no value is in both sets.
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.intersection(other).is_empty()
    }
}

impl<T: Bounded> FromIterator<(T, T)> for RangeSet<T> {
    fn from_iter<I: IntoIterator<Item = (T, T)>>(ranges: I) -> Self {
        Self::from_ranges(ranges)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Ranges near both ends of `u16` and in between, so that adjacency and overflow are met.
    fn ranges() -> impl Strategy<Value = Vec<(u16, u16)>> {
        let edge = prop_oneof![0u16..12, 65524u16..=65535];
        prop::collection::vec((edge.clone(), edge), 0..6)
    }

    fn model(ranges: &[(u16, u16)]) -> BTreeSet<u16> {
        ranges.iter().flat_map(|&(first, last)| first..=last).collect()
    }

    fn members(set: &RangeSet<u16>) -> BTreeSet<u16> {
        assert!(set.ranges().iter().all(|(first, last)| first <= last), "{set:?}");
        assert!(set.ranges().windows(2).all(|w| w[0].1.next().is_some_and(|next| next < w[1].0)), "{set:?}");
        model(set.ranges())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_algebra_is_that_of_plain_sets(a in ranges(), b in ranges(), probe in any::<u16>()) {
            let (x, y) = (RangeSet::from_ranges(a.iter().copied()), RangeSet::from_ranges(b.iter().copied()));
            let (p, q) = (model(&a), model(&b));
            prop_assert_eq!(members(&x), p.clone());
            prop_assert_eq!(members(&x.union(&y)), &p | &q);
            prop_assert_eq!(members(&x.intersection(&y)), &p & &q);
            prop_assert_eq!(members(&x.difference(&y)), &p - &q);
            prop_assert_eq!(x.complement().complement(), x.clone());
            prop_assert_eq!(x.complement().contains(probe), !p.contains(&probe));
            prop_assert_eq!(x.contains(probe), p.contains(&probe));
            prop_assert_eq!(x.is_subset(&y), p.is_subset(&q));
            prop_assert_eq!(x.is_disjoint(&y), p.is_disjoint(&q));
        }
    }
}
