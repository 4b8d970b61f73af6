//! Project files.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| podreach_fuzz::run("project_file", bytes));
