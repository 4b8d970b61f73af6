//! Whatever the text is, reading it the fast way gives what reading it the careful way gives: objects, findings and
//! positions.
//!
//! Good seeds: manifests in YAML, such as those of `scenarios/`, and a few replicas as `kubectl get -o json` prints them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use podreach::load::{Input, Options, load};

fuzz_target!(|bytes: &[u8]| {
    let read = |careful| {
        let input = Input::Text { name: "fuzz".into(), bytes: bytes.to_vec() };
        load(&[input], Options { careful, ..Options::default() })
    };
    let (fast, careful) = (read(false), read(true));
    assert_eq!(fast.manifests, careful.manifests);
    assert_eq!(fast.diagnostics, careful.diagnostics);
});
