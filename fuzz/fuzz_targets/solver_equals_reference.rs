//! The bytes are the seed of a random cluster; the solver must agree with the specification.
//!
//! They are not its choices one by one: where those run out, proptest reads zeros, and may reject them for ever.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

#[path = "../../tests/support/mod.rs"]
mod support;

fuzz_target!(|bytes: &[u8]| {
    let mut seed = [0; 32];
    for (at, byte) in bytes.iter().enumerate() {
        seed[at % 32] ^= byte.rotate_left((at / 32) as u32);
    }
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let Ok(tree) = support::generate::case().new_tree(&mut runner) else { return };
    let case = tree.current();
    if let Err(disagreement) = support::judge::agree(&case) {
        panic!("{disagreement}\n{case:?}");
    }
});
