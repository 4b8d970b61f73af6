//! Lock files, read and written.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| podreach_fuzz::run("lock_round_trip", bytes));
