//! The bytes are the choices of the generator of random clusters; the solver must agree with the specification.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

#[path = "../../tests/support/mod.rs"]
mod support;

fuzz_target!(|choices: &[u8]| {
    let rng = TestRng::from_seed(RngAlgorithm::PassThrough, choices);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let Ok(tree) = support::generate::case().new_tree(&mut runner) else { return };
    let case = tree.current();
    if let Err(disagreement) = support::judge::agree(&case) {
        panic!("{disagreement}\n{case:?}");
    }
});
