//! The seeds of the fuzz targets, replayed: `fuzz/seeds/TARGET`, and what fuzzing ever found is put there.
#![expect(clippy::unwrap_used, reason = "what helps tests may fail like the tests themselves")]

use std::fs;
use std::path::{Path, PathBuf};

use podreach::render::Format;

use crate::support::fuzz::renderers::all_renderers;
use crate::support::fuzz::well_formed::output;
use crate::support::fuzz::{Body, TARGETS};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn replay(target: &str, body: Body) {
    let seeds = folder().join("seeds").join(target);
    let mut paths: Vec<PathBuf> =
        fs::read_dir(&seeds).expect("every target has seeds").map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{target} has no seeds");
    for path in paths {
        let bytes = fs::read(&path).unwrap();
        assert!(std::panic::catch_unwind(|| body(&bytes)).is_ok(), "{}", path.display());
    }
}

#[test]
fn seeds_are_replayed() {
    for (target, body) in TARGETS {
        replay(target, body);
    }
    // One family of outputs is written while fuzzing.
    replay("renderers", all_renderers);
}

#[test]
fn every_target_is_fuzzed() {
    let manifest = fs::read_to_string(folder().join("Cargo.toml")).unwrap();
    let mut names: Vec<&str> = manifest
        .split("[[bin]]")
        .skip(1)
        .map(|bin| bin.split('"').nth(1).expect("a target has a name"))
        .collect();
    names.sort_unstable();
    assert_eq!(names, TARGETS.map(|(name, _)| name));
    for name in names {
        let source = fs::read_to_string(folder().join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(source.contains(&format!("run(\"{name}\", bytes)")), "{name}");
    }
}

/// Bodies only find what the checks of outputs refuse.
#[test]
fn broken_outputs_are_refused() {
    let page = |body: &str, data: &str| {
        format!(
            "<!doctype html>\n<html><body><p>{body}</p></body><script type=\"application/json\">{data}</script><script>x</script></html>"
        )
    };
    for (format, good, bad) in [
        (Format::Json, "{}", "{"),
        (Format::Ndjson, "{}\n[]\n", "{}\n[\n"),
        (Format::Yaml, "a: b\n", "a: b: c\n"),
        (Format::Csv, "a,b\n\"c\"\"\",d\n", "a,b\nc\n"),
        (Format::Csv, "a,b\n", "a,b\n=c,d\n"),
        (Format::Svg, "<svg a=\"&lt;\">&#65;</svg>\n", "<svg a=\"<\"></svg>"),
        (Format::Svg, "<svg/>", "<svg><g></svg>"),
        (Format::Junit, "<a/>", "<a>&b;</a>"),
        (Format::Html, &page("&amp;", "[1]"), &page("<img src=x>", "[1]")),
        (Format::Html, &page("", "[]"), &page("", "[")),
        (Format::Html, &page("<code a>b</code>", "1"), &page("<code onload=x>b</code>", "1")),
        (Format::Html, &page("<b>c</b>", "1"), &page("<b>c", "1")),
        (Format::Dot, "a -> \"b\\\"\";\n", "a -> \"b\"\";\n"),
        (Format::Markdown, "| a | b |\n|---|---|\n", "| a | b |\n| c |\n"),
        (Format::Tap, "1..1\nok 1 - a\n", "1..1\nok 1 - a\nnot ok 2\n"),
        (Format::Github, "::error title=a::b\n", "::error title=a::b\n::add-mask::c\n"),
        (Format::Table, "::1 -> a\n", "  ::stop-commands::x\n"),
        (Format::Table, "# [", "##[group]"),
        (Format::Wide, "a", "a\u{202e}"),
        (Format::Wide, "a", "a\x1b[31m"),
    ] {
        let refused = |text: &str| std::panic::catch_unwind(|| output(format, text.as_bytes())).is_err();
        assert!(!refused(good), "{good}");
        assert!(refused(bad), "{bad}");
    }
}
