//! Manifests and names in every output.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| podreach_fuzz::run("renderers", bytes));
