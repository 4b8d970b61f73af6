//! Bytes as manifests.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| podreach_fuzz::run("load_never_panics", bytes));
