//! Eight bytes of a text at a time: most of what is read is shorter than what a search for longer distances is made for.

/// One in each byte.
const ONES: u64 = u64::from_ne_bytes([1; 8]);

/// Eight bytes, the first in the lowest place.
#[derive(Clone, Copy)]
pub(super) struct Eight(u64);

/// Bytes among eight, each by bits of its own. The lowest one is right; those above it may have borrowed from it.
#[derive(Clone, Copy)]
pub(super) struct Found(u64);

impl Eight {
    /// The first eight bytes of a text, if it is as long.
    #[inline]
    pub(super) fn first(text: &[u8]) -> Option<Self> {
        text.first_chunk().map(|bytes| Self(u64::from_le_bytes(*bytes)))
    }

    /// The places of `byte`.
    #[inline]
    pub(super) const fn equal(self, byte: u8) -> Found {
        Self(self.0 ^ (ONES * byte as u64)).below(1)
    }

    /// The places of bytes below `bound`, which is 128 at most.
    #[inline]
    pub(super) const fn below(self, bound: u8) -> Found {
        Found(self.0.wrapping_sub(ONES * bound as u64) & !self.0 & (ONES << 7))
    }

    /// The places of all bytes but `byte`.
    #[inline]
    pub(super) const fn other_than(self, byte: u8) -> Found {
        Found(self.0 ^ (ONES * byte as u64))
    }
}

impl Found {
    /// The places in either.
    #[inline]
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The place of the first, if there is one.
    #[inline]
    pub(super) const fn place(self) -> Option<usize> {
        if self.0 == 0 { None } else { Some(self.0.trailing_zeros() as usize / 8) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_eight_is_found() {
        let text = b"a: #\n\x1f\xff\x80:";
        let at = |from: usize| Eight::first(&text[from..]);
        assert_eq!(at(0).unwrap().equal(b':').place(), Some(1));
        assert_eq!(at(0).unwrap().equal(b'#').or(at(0).unwrap().equal(b' ')).place(), Some(2));
        assert_eq!(at(1).unwrap().below(b' ').place(), Some(3));
        assert_eq!(at(1).unwrap().equal(b'a').place(), None);
        assert_eq!(at(1).unwrap().other_than(b':').place(), Some(1));
        assert_eq!(Eight::first(b"        ").unwrap().other_than(b' ').place(), None);
        assert!(at(2).is_none());
    }
}
