//! Manifests, read in two ways.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| podreach_fuzz::run("fast_equals_careful", bytes));
