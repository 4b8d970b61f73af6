//! Whatever the text is, reading it the fast way gives what reading it the careful way gives: objects, findings and
//! positions.
//!
//! Good seeds: `mkdir -p corpus/fast_yaml_equals_full && cp ../scenarios/*/manifests/*.yaml corpus/fast_yaml_equals_full`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use podreach::load::{Input, Options, load};

fuzz_target!(|bytes: &[u8]| {
    let read = |careful| {
        let input = Input::Text { name: "fuzz".into(), bytes: bytes.to_vec() };
        load(&[input], Options { careful, ..Options::default() })
    };
    let (fast, full) = (read(false), read(true));
    assert_eq!(fast.manifests, full.manifests);
    assert_eq!(fast.diagnostics, full.diagnostics);
});
