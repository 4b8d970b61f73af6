mod forest;
mod interner;
mod range;

pub use forest::{SetForest, SetTree};
pub use interner::Interner;
pub use range::{Bounded, RangeSet};
