//! Data structures without a subject: sets of ranges, sets that share their parts, interners.

mod forest;
mod interner;
mod range;

pub use forest::{SetForest, SetTree};
pub use interner::Interner;
pub use range::{Bounded, RangeSet};
