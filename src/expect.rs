//! Reachability tests: what should be allowed and what should not, and whether it is so.
//!
//! Owns the test files: their format, what their endpoints mean in a cluster, and the judgement. A test is judged in
//! three values like everything else: it passes only if it does so whatever the unknown facts are, and a pod that may
//! or may not be one of an endpoint's is never left out in silence. Formats no text, and reads no clock.

mod date;
mod file;
mod judge;
mod mutate;
mod parse;
mod resolve;
mod status;
mod test_file;

pub use date::Date;
pub use judge::{Counterexample, Doubt, Evidence, Judge, Outcome, Responsible, Result, Wanted};
pub use mutate::{Mutant, Mutation, Survey, Tests, survey};
pub use parse::{Read, read};
pub use resolve::{Nothing, Role};
pub use status::{Counts, Ruling, Status};
pub use test_file::{Endpoint, Expectation, Meaning, PodFilter, Settings, Test, TestFile, Waiver};
