//! Dense sets of small numbers: one bit for each, counted a word at a time.

use std::ops::Range;

const WORD: usize = u64::BITS as usize;

/// A set of numbers below a bound.
///
/// INVARIANT: no bit at or above the bound is set.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Bits {
    words: Vec<u64>,
}

impl Bits {
    /// The empty set of numbers below `bound`.
    pub fn new(bound: usize) -> Self {
        Self { words: vec![0; bound.div_ceil(WORD)] }
    }

    /// Adds `number`, which is below the bound.
    #[inline]
    pub fn insert(&mut self, number: usize) {
        self.words[number / WORD] |= 1 << (number % WORD);
    }

    /// True if `number`, which is below the bound, is in the set.
    #[inline]
    pub fn contains(&self, number: usize) -> bool {
        self.words[number / WORD] >> (number % WORD) & 1 == 1
    }

    /// The numbers in the set, ascending.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        ones(&self.words)
    }

    /// The set as words; bit `b` of word `w` stands for `64 w + b`.
    #[inline]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// The same, to be changed.
    #[inline]
    pub fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }
}

/// The positions of the set bits, ascending.
#[inline]
pub fn ones(words: &[u64]) -> impl Iterator<Item = usize> {
    words.iter().enumerate().flat_map(|(place, &word)| {
        let mut left = word;
        std::iter::from_fn(move || {
            (left != 0).then(|| {
                let bit = left.trailing_zeros() as usize;
                left &= left - 1;
                place * WORD + bit
            })
        })
    })
}

/// Number of bits that are set in a range of positions.
#[inline]
pub fn count_ones(words: &[u64], range: Range<usize>) -> u64 {
    if range.is_empty() {
        return 0;
    }
    let (first, last) = (range.start / WORD, (range.end - 1) / WORD);
    let from_start = !0 << (range.start % WORD);
    let to_end = !0 >> (WORD - 1 - (range.end - 1) % WORD);
    let ones = |word: u64| u64::from(word.count_ones());
    if first == last {
        return ones(words[first] & from_start & to_end);
    }
    let within: u64 = words[first + 1..last].iter().map(|&word| ones(word)).sum();
    ones(words[first] & from_start) + within + ones(words[last] & to_end)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bits_are_sets(
            members in prop::collection::btree_set(0usize..300, 0..80),
            range in (0usize..=300, 0usize..=300),
        ) {
            let mut bits = Bits::new(300);
            for &member in &members {
                bits.insert(member);
            }
            prop_assert_eq!(&bits.iter().collect::<BTreeSet<_>>(), &members);
            prop_assert!((0..300).all(|number| bits.contains(number) == members.contains(&number)));
            let range = range.0..range.1;
            let within = members.iter().filter(|member| range.contains(member)).count();
            prop_assert_eq!(count_ones(bits.words(), range), within as u64);
        }
    }
}
