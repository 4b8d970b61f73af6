//! Texts as endpoints and ports.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| podreach_fuzz::run("endpoint_grammar", bytes));
