//! Input that means harm: bombs, depths, bytes that are no text, files that are no files.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use podreach::diagnostic::Diagnostic;
use podreach::load::Input;

use super::{error_codes, findings, findings_of_text};

/// A policy whose `spec` is the given text, on the line of its key.
fn policy(spec: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: policy}}\nspec: {spec}\n"
    )
}

/// The findings, which must not take long.
fn quickly(name: &str, text: impl Into<Vec<u8>>) -> Vec<Diagnostic> {
    let start = Instant::now();
    let findings = findings_of_text(text);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(30), "{name} took {took:?}");
    findings
}

fn at(path: &Path) -> Vec<Diagnostic> {
    findings(&[Input::Path(path.to_owned())])
}

#[test]
fn aliases_do_not_explode() {
    let mut laughs = String::from("\n  a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]\n");
    for level in 1..10 {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(laughs, "  a{level}: &a{level} [{below}]").expect("a string takes all");
    }
    for text in [
        policy(&laughs),
        format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:{laughs}"),
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: web}}\ndata:{laughs}"),
    ] {
        assert_eq!(error_codes(&quickly("a bomb", text)), ["too-large"]);
    }
}

#[test]
fn an_alias_within_its_own_anchor_is_an_error() {
    let found = quickly("a loop", policy("&spec {podSelector: {}, ingress: [*spec]}"));
    assert!(!error_codes(&found).is_empty());
}

#[test]
fn depth_is_an_error_and_no_crash() {
    const DEPTH: usize = 100_000;
    let yaml = |open: &str, close: &str| policy(&(open.repeat(DEPTH) + &close.repeat(DEPTH)));
    let json = |spec: String| {
        format!(
            "{{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"NetworkPolicy\",\"metadata\":{{\"name\":\"a\"}},\"spec\":{spec}}}"
        )
    };
    let mut indented = String::from("\n");
    for level in 1..3000 {
        writeln!(indented, "{}a:", " ".repeat(level)).expect("a string takes all");
    }
    for (name, text) in [
        ("flow lists", yaml("[", "]")),
        ("flow lists left open", yaml("[", "")),
        ("flow maps", yaml("{a: ", "}")),
        ("flow maps left open", yaml("{a: ", "")),
        ("block lists", policy(&format!("\n  {}", "- ".repeat(DEPTH)))),
        ("question marks", policy(&format!("\n  {}", "? ".repeat(DEPTH)))),
        ("block maps", policy(&indented)),
        ("JSON lists", json("[".repeat(DEPTH) + &"]".repeat(DEPTH))),
        ("JSON maps", json("{\"a\":".repeat(DEPTH) + "1" + &"}".repeat(DEPTH))),
        ("JSON lists left open", json("[".repeat(DEPTH))),
        ("JSON alone", "[".repeat(DEPTH)),
    ] {
        let codes = error_codes(&quickly(name, text));
        assert!(!codes.is_empty(), "{name}: no error");
        assert!(codes.iter().all(|code| ["too-large", "syntax"].contains(code)), "{name}: {codes:?}");
    }
}

#[test]
fn a_field_that_nobody_reads_may_be_deep_or_not_but_never_crashes() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let text =
        format!("{{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{{\"name\":\"a\"}},\"x\":{deep}}}");
    quickly("a deep field", text);
}

#[test]
fn sheer_size_is_no_harm() {
    for (name, text) in [
        // More than one document may have, and than one line may have.
        ("dashes", vec![b'-'; 65 << 20]),
        ("separators", b"---\n".repeat(1 << 18)),
        ("blanks", vec![b' '; 9 << 20]),
        ("line ends", vec![b'\n'; 9 << 20]),
        ("comment", [b"#".to_vec(), vec![b'x'; 9 << 20]].concat()),
    ] {
        let codes = error_codes(&quickly(name, text));
        assert_eq!(codes.len(), 1, "{name}: {codes:?}");
        assert!(["no-objects", "too-large", "syntax"].contains(&codes[0]), "{name}: {codes:?}");
    }
}

#[test]
fn long_scalars_and_long_lists_are_read() {
    let value =
        |length| policy(&format!("{{podSelector: {{matchLabels: {{app: {}}}}}}}", "a".repeat(length)));
    let found = quickly("a long value", value(1 << 20));
    assert_eq!(error_codes(&found), ["invalid-value"]);
    assert_eq!(found[0].path, "spec.podSelector.matchLabels");
    assert_eq!(error_codes(&quickly("a longer value", value(10 << 20))), ["too-large"]);

    let pod = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"pod-NUMBER","labels":{"app":"web"}},"spec":{}}"#;
    let pods: Vec<String> =
        (0..100_000).map(|number: u32| pod.replace("NUMBER", &number.to_string())).collect();
    let dump = format!("{{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{}]}}", pods.join(","));
    assert_eq!(error_codes(&quickly("a dump on one line", dump)), [""; 0]);

    let mut labels = String::new();
    for number in 0..100_000 {
        write!(labels, "k{number}: v, ").expect("a string takes all");
    }
    let found = quickly("many labels", policy(&format!("{{podSelector: {{matchLabels: {{{labels}}}}}}}")));
    assert_eq!(error_codes(&found), [""; 0]);
    let twice = format!("{{podSelector: {{matchLabels: {{{labels}k7: v}}}}}}");
    assert_eq!(error_codes(&quickly("many labels, one twice", policy(&twice))), ["duplicate-key"]);

    let rules = "{ports: [{port: 80}]}, ".repeat(50_000);
    let found = quickly("many rules", policy(&format!("{{ingress: [{rules}]}}")));
    assert_eq!(error_codes(&found), [""; 0]);
}

#[test]
fn numbers_without_measure() {
    // What no number holds is a text, as for kubectl, and then the name of a port; JSON knows no infinity.
    for (number, code) in [
        ("1e400", None),
        ("-1e400", Some("invalid-value")),
        ("0x7fffffffffffffffffff", Some("invalid-value")),
        (&*"9".repeat(100_000), Some("invalid-value")),
        ("99999999999999999999", Some("wrong-type")),
        (".inf", Some("syntax")),
        (".nan", Some("syntax")),
    ] {
        let mut codes =
            error_codes(&quickly(number, policy(&format!("{{ingress: [{{ports: [{{port: {number}}}]}}]}}"))));
        codes.dedup();
        assert_eq!(codes, Vec::from_iter(code), "{}", &number[..number.len().min(24)]);
    }
}

#[test]
fn bytes_that_are_no_text() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n";
    let wide = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> { text.encode_utf16().flat_map(bytes).collect() };
    for (name, bytes) in [
        ("UTF-8 cut off", [text.as_bytes(), b"# \xe2\x82"].concat()),
        ("Latin-1", [text.as_bytes(), b"# caf\xe9\n"].concat()),
        ("overlong", [text.as_bytes(), b"# \xc0\x80\n"].concat()),
        ("half of a pair", [text.as_bytes(), b"# \xed\xa0\x80\n"].concat()),
        ("NUL", [text.as_bytes(), b"# \0\n"].concat()),
        ("NUL alone", vec![0]),
        ("UTF-16, little end first", [b"\xff\xfe".to_vec(), wide(u16::to_le_bytes)].concat()),
        ("UTF-16, big end first", [b"\xfe\xff".to_vec(), wide(u16::to_be_bytes)].concat()),
        ("UTF-16 without a mark", wide(u16::to_le_bytes)),
        ("a picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec()),
    ] {
        assert_eq!(error_codes(&quickly(name, bytes)), ["not-text"], "{name}");
    }
}

#[test]
fn files_that_cannot_be_read() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(error_codes(&at(&folder.path().join("missing.yaml"))), ["unreadable"]);
    assert_eq!(error_codes(&at(folder.path())), ["unreadable"], "nothing to read in a folder");

    fs::create_dir(folder.path().join("folder.yaml")).expect("a folder with the name of a file");
    assert_eq!(error_codes(&at(folder.path())), ["unreadable"], "a folder is no file, whatever its name");
}

#[cfg(unix)]
mod unix {
    use std::io::Write as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::process::Command;

    use super::*;

    const POD: &str = "{apiVersion: v1, kind: Pod, metadata: {name: web}}\n";

    fn pipe(path: &Path) {
        let made = Command::new("mkfifo").arg(path).status().expect("mkfifo runs");
        assert!(made.success());
    }

    #[test]
    fn links_that_lead_nowhere_or_in_a_circle() {
        let folder = tempfile::tempdir().expect("a folder");
        symlink("nowhere.yaml", folder.path().join("dangling.yaml")).expect("a link");
        assert_eq!(error_codes(&at(&folder.path().join("dangling.yaml"))), ["unreadable"]);

        let circle = tempfile::tempdir().expect("a folder");
        symlink(circle.path(), circle.path().join("again")).expect("a link");
        symlink("b.yaml", circle.path().join("a.yaml")).expect("a link");
        symlink("a.yaml", circle.path().join("b.yaml")).expect("a link");
        assert_eq!(error_codes(&at(&circle.path().join("a.yaml"))), ["unreadable"]);
        // Read as a folder it must come to an end.
        at(circle.path());
    }

    #[test]
    fn a_file_without_permission() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret.yaml");
        fs::write(&path, POD).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).expect("permissions");
        // The superuser reads it all the same.
        if fs::File::open(&path).is_err() {
            assert_eq!(error_codes(&at(&path)), ["unreadable"]);
            assert_eq!(error_codes(&at(folder.path())), ["unreadable"]);
        }
    }

    #[test]
    fn a_pipe_in_a_folder_is_skipped() {
        let folder = tempfile::tempdir().expect("a folder");
        pipe(&folder.path().join("pipe.yaml"));
        fs::write(folder.path().join("pod.yaml"), POD).expect("a file");
        let found = at(folder.path());
        assert_eq!(error_codes(&found), [""; 0]);
        assert!(found.iter().any(|finding| finding.code.name() == "skipped"), "{found:?}");
    }

    #[test]
    fn a_pipe_that_is_named_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pipe");
        pipe(&path);
        let writer = std::thread::spawn({
            let path = path.clone();
            move || {
                let mut pipe = fs::OpenOptions::new().write(true).open(path).expect("a reader comes");
                pipe.write_all(POD.replace("web", "Web").as_bytes()).expect("the reader stays");
            }
        });
        let found = at(&path);
        writer.join().expect("the writer ends");
        assert_eq!(error_codes(&found), ["invalid-value"]);
    }
}
