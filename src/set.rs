//! Data structures without a subject: dense sets of ids, sets of ranges, interners.

mod dense;
mod interner;
mod range;

pub use dense::DenseSet;
pub use interner::Interner;
pub use range::{Bounded, RangeSet};
