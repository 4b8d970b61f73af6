//! The properties that the fuzz targets check for any bytes; `tests/fuzz.rs` replays their seeds.
//!
//! A body panics where something is wrong. Those of whole pipelines are in `renderers`, what outputs are held to in
//! `well_formed`.

pub(crate) mod renderers;
pub(crate) mod well_formed;

use std::sync::OnceLock;

use podreach::cluster::{self, Ranges, build};
use podreach::compile::{Program, compile};
use podreach::diagnostic::{Diagnostic, Severity};
use podreach::expect::{self, Date};
use podreach::load::{self, Input, Loaded, load};
use podreach::profile::Profile;
use podreach::project::ProjectFile;
use podreach::query::can::{Verdict, can};
use podreach::query::endpoint;
use podreach::render::snapshot::lock_file;
use podreach::snapshot::{compare, parse};
use podreach::solve::solve;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::{generate, judge};

/// The body of a target.
pub(crate) type Body = fn(&[u8]);

/// The targets by name, each with its body. `fuzz/Cargo.toml` names them, too.
pub(crate) const TARGETS: [(&str, Body); 8] = [
    ("endpoint_grammar", endpoint_grammar),
    ("fast_equals_careful", fast_equals_careful),
    ("load_never_panics", load_never_panics),
    ("lock_round_trip", lock_round_trip),
    ("project_file", project_file),
    ("renderers", renderers::renderers),
    ("solver_equals_reference", solver_equals_reference),
    ("test_files", test_files),
];

/// The day it is in reports.
fn today() -> Date {
    "2027-01-31".parse().expect("it is a day")
}

fn text(name: &str, bytes: &[u8]) -> Input {
    Input::Text { name: name.to_owned(), bytes: bytes.to_vec() }
}

fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|finding| finding.severity() == Severity::Error)
}

/// Whatever the text is, reading it the fast way gives what reading it the careful way gives: objects, findings and
/// positions.
fn fast_equals_careful(bytes: &[u8]) {
    let read = |careful| load(&[text("fuzz", bytes)], load::Options { careful, ..load::Options::default() });
    let (fast, careful) = (read(false), read(true));
    assert_eq!(fast.manifests, careful.manifests);
    assert_eq!(fast.diagnostics, careful.diagnostics);
}

/// Whatever the bytes are, loading them and building a cluster ends with findings, not with a panic.
fn load_never_panics(bytes: &[u8]) {
    let loaded = load(&[text("fuzz", bytes)], load::Options::default());
    for keep_going in [false, true] {
        build(&loaded.manifests, &cluster::Options { keep_going, ..cluster::Options::default() });
    }
}

/// The bytes are the seed of a random cluster; the solver must agree with the specification.
///
/// They are not its choices one by one: where those run out, proptest reads zeros, and may reject them for ever.
fn solver_equals_reference(bytes: &[u8]) {
    let mut seed = [0; 32];
    for (at, byte) in bytes.iter().enumerate() {
        seed[at % 32] ^= byte.rotate_left((at / 32) as u32);
    }
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let Ok(tree) = generate::case().new_tree(&mut runner) else { return };
    let case = tree.current();
    if let Err(disagreement) = judge::agree(&case) {
        panic!("{disagreement}\n{case:?}");
    }
}

/// A text that is read as a lock file is written as one that says the same, and that one to the letter.
fn lock_round_trip(bytes: &[u8]) {
    match parse(bytes) {
        Ok(lock) => {
            let written = lock_file(&lock);
            let read = parse(&written).unwrap_or_else(|error| panic!("{error}\n{written}"));
            assert_eq!(compare(&lock, &read), []);
            assert_eq!(lock_file(&read), written);
            well_formed::inert("lock file", &written);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// The most bytes that aliases add to a text.
const MOST_ALIASED: usize = 16 << 20;

/// A project file is read or refused, whatever it is; what is read has no more than was written.
fn project_file(bytes: &[u8]) {
    match ProjectFile::parse(bytes) {
        Ok(file) => {
            let paths = [&file.filename, &file.exclude, &file.output].map(|list| &list.0);
            let length: usize = paths.into_iter().flatten().map(String::len).sum();
            assert!(length <= MOST_ALIASED + bytes.len(), "{length} bytes of paths");
        }
        Err(error) => assert!(error.to_string().len() < 10_000, "{error}"),
    }
}

/// A small cluster in which most forms of endpoints mean something.
fn small_cluster() -> &'static Program {
    static SMALL: OnceLock<Program> = OnceLock::new();
    SMALL.get_or_init(|| {
        let Loaded { manifests, diagnostics, .. } =
            load(&[text("small.yaml", include_bytes!("fuzz/small.yaml"))], load::Options::default());
        let built = build(&manifests, &cluster::Options::default());
        let found = [diagnostics, built.diagnostics].concat();
        assert!(!has_errors(&found), "{found:?}");
        compile(&built.cluster, Profile::Spec)
    })
}

/// A text is an endpoint or refused with a reason. One that means something in a cluster has the shape of an endpoint, is
/// called what was typed, and can be asked about.
fn endpoint_grammar(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let program = small_cluster();
    let cluster = &program.cluster;
    let reachability = solve(program);
    let ranges = Ranges::default();
    if let Err(error) = endpoint::parse_ports(text) {
        assert!(!error.to_string().is_empty());
    }
    for namespace in [None, Some("shop")] {
        let web = endpoint::parse_source("shop/web", cluster, namespace, &ranges).expect("it is there");
        for read in [
            endpoint::parse(text, cluster, namespace, &ranges),
            endpoint::parse_question(text, None, cluster, namespace, &ranges),
            endpoint::parse_question(text, Some("http"), cluster, namespace, &ranges),
        ] {
            match read {
                Ok(target) => {
                    assert_eq!(target.text, text);
                    assert_eq!(endpoint::check_shape(&target.end), Ok(()), "{text:?}");
                    let answer = can(&reachability, &web, &target);
                    assert!(answer.pairs.total() > 0 || answer.verdict != Verdict::Allow, "{text:?}");
                }
                Err(error) => assert!(!error.to_string().is_empty() && error.help() != Some(String::new())),
            }
        }
        if let Ok(source) = endpoint::parse_source(text, cluster, namespace, &ranges) {
            assert_eq!(endpoint::check_shape(&source.end), Ok(()), "{text:?}");
            can(&reachability, &source, &web);
        }
    }
}

/// A test file is read or refused, and its tests can be judged and told about in every format.
fn test_files(bytes: &[u8]) {
    let read = expect::read(&[text("tests.yaml", bytes)], false);
    renderers::findings(&read.diagnostics, &read.sources);
    if has_errors(&read.diagnostics) {
        return;
    }
    assert!(!read.files.is_empty(), "no file, and no error");
    renderers::tests(&read, small_cluster(), &|_, _| None);
}
