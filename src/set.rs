//! Data structures without a subject: sets of ranges, of bits, sets that share their parts, interners, lists.

pub mod bits;
mod chains;
mod forest;
mod interner;
mod range;

pub use bits::Bits;
pub use chains::{ChainId, Chains};
pub use forest::{SetForest, SetTree};
pub use interner::Interner;
pub use range::{Bounded, RangeSet};
