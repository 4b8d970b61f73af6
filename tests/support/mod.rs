//! Helpers that several test modules, and the fuzz targets, share.

pub(crate) mod fuzz;
pub(crate) mod generate;
pub(crate) mod judge;

use proptest::prelude::ProptestConfig;

/// Divisor of the number of cases where nothing is optimised, and every assertion in the code is checked.
pub(crate) const fn thinning() -> u32 {
    if cfg!(debug_assertions) { 8 } else { 1 }
}

/// A property is tried on `cases` random clusters in a release build, on a part of them otherwise, unless `PROPTEST_CASES`
/// says on how many.
pub(crate) fn config(cases: u32) -> ProptestConfig {
    let mut config =
        ProptestConfig { failure_persistence: None, max_shrink_iters: 4000, ..Default::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases / thinning();
    }
    config
}
