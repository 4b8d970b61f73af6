//! Random clusters, solved and specified.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| podreach_fuzz::run("solver_equals_reference", bytes));
