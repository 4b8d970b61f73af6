//! Whatever the bytes are, loading them and building a cluster ends with findings, not with a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use podreach::cluster::{self, build};
use podreach::load::{self, Input, load};

fuzz_target!(|bytes: &[u8]| {
    let input = Input::Text { name: "fuzz".into(), bytes: bytes.to_vec() };
    let loaded = load(&[input], load::Options::default());
    for keep_going in [false, true] {
        build(&loaded.manifests, &cluster::Options { keep_going, ..cluster::Options::default() });
    }
});
