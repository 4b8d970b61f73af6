//! Test files, read, judged and told about.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| podreach_fuzz::run("test_files", bytes));
