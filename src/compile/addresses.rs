//! Address space cut at every block boundary: what the blocks of all rules can tell apart.
//!
//! The sorted boundaries are a flattened CIDR trie: a block is a contiguous run of atoms, and the atom of an address
//! is found by one binary search.

use crate::net::{AddressSet, ByFamily, Family};

/// The boundaries of all blocks, by family: the first address of each atom but the lowest.
#[derive(Clone, Debug, Default)]
pub(super) struct AddressAtoms {
    starts: ByFamily<Vec<u128>>,
}

impl AddressAtoms {
    pub(super) fn new(blocks: &[ByFamily<AddressSet>]) -> Self {
        let mut atoms = Self::default();
        for family in Family::ALL {
            let starts = &mut atoms.starts[family];
            for &(first, last) in blocks.iter().flat_map(|set| set[family].ranges()) {
                starts.extend((first > 0).then_some(first));
                starts.extend((last < family.last()).then(|| last + 1));
            }
            starts.sort_unstable();
            starts.dedup();
        }
        atoms
    }

    /// The number of the atom that holds `address`.
    pub(super) fn atom(&self, family: Family, address: u128) -> u32 {
        self.starts[family].partition_point(|&start| start <= address) as u32
    }

    /// The runs of atoms that `set` consists of, first and last; `set` must be made of whole atoms.
    pub(super) fn runs(&self, family: Family, set: &AddressSet) -> impl Iterator<Item = (u32, u32)> {
        set.ranges().iter().map(move |&(first, last)| (self.atom(family, first), self.atom(family, last)))
    }
}
