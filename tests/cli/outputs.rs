//! Outputs that come to nothing, and what becomes of the others and of the exit status.
#![cfg(unix)]

use std::fs::{self, OpenOptions};
use std::process::Stdio;

use super::{SHOP, Session, texts};

/// More pods than a pipe or a buffer has room for.
fn many() -> String {
    let pod = |n| format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p{n}}}\nspec: {{containers: []}}\n");
    (0..400).map(pod).collect::<Vec<String>>().join("---\n")
}

/// Exit status and standard error of a run whose standard output nobody reads.
fn unread(session: &Session, line: &str) -> (i32, String) {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let (status, _, stderr) = texts(session.command(line).stdout(writer).output().unwrap());
    (status, stderr)
}

#[test]
fn a_closed_pipe_is_no_verdict() {
    const TESTS: &str = "apiVersion: podreach/v1\nkind: ReachabilityTest\ntests:\n\
                         - shop/web -> shop/db:5432 EXPECTED\n";
    let open = SHOP.rsplit_once("---\n").unwrap().0;
    let session = Session::new(&[
        ("shop.yaml", SHOP),
        ("open.yaml", open),
        ("many.yaml", &many()),
        ("passes.yaml", &TESTS.replace("EXPECTED", "allow")),
        ("fails.yaml", &TESTS.replace("EXPECTED", "deny")),
    ]);
    assert_eq!(session.run("snapshot -f shop.yaml --update").0, 0);
    for (line, verdict) in [
        ("can -f shop.yaml shop/web shop/db:5432", 0),
        ("can -f shop.yaml shop/web shop/db:80", 1),
        ("can -f shop.yaml shop/web shop/db:9000", 3),
        ("matrix -f many.yaml --by pod -o ndjson", 0),
        ("matrix -f shop.yaml --strict", 3),
        ("matrix -f nowhere.yaml -o json", 2),
        ("diff --before shop.yaml --after open.yaml", 1),
        ("what-if -f shop.yaml --delete netpol/shop/db", 1),
        ("snapshot -f open.yaml --check", 1),
        ("test -f shop.yaml passes.yaml", 0),
        ("test -f shop.yaml fails.yaml", 1),
        ("test -f shop.yaml fails.yaml -o json", 1),
        ("completion bash", 0),
    ] {
        let (status, stderr) = unread(&session, line);
        assert_eq!(status, verdict, "{line}: {stderr}");
        assert!(verdict == 2 || !stderr.contains("error"), "{line}: {stderr}");
    }
}

#[test]
fn further_outputs_are_written() {
    let session = Session::new(&[("many.yaml", &many())]);
    let line = "matrix -f many.yaml --by pod -o ndjson -o csv=after.csv";
    assert_eq!(unread(&session, line).0, 0);
    let expected = session.run("matrix -f many.yaml --by pod -o csv").1;
    assert_eq!(fs::read_to_string(session.path("after.csv")).unwrap(), expected);

    let line = "matrix -f many.yaml --by pod -o json=no/folder.json -o json=. -o csv=other.csv -o ndjson";
    let (status, stdout, stderr) = session.run(line);
    assert!(status == 2 && stderr.contains("cannot write `no/folder.json`"), "{status} {stderr}");
    assert!(!stderr.contains("cannot write `.`"), "the first failure is reported: {stderr}");
    assert!(stdout.starts_with("{\"from\":"), "{stdout}");
    assert_eq!(fs::read_to_string(session.path("other.csv")).unwrap(), expected);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let session = Session::new(&[("shop.yaml", SHOP)]);
    for line in ["matrix -f shop.yaml -o table -o csv=after.csv", "completion fish", "snapshot -f shop.yaml"]
    {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let (status, _, stderr) = texts(session.command(line).stdout(full).output().unwrap());
        assert!(status == 2 && stderr.contains("cannot write to standard output"), "{line}: {stderr}");
    }
    assert!(session.path("after.csv").exists());
    let (status, _, stderr) = session.run("matrix -f shop.yaml -o csv=/dev/full");
    assert!(status == 2 && stderr.contains("cannot write `/dev/full`"), "{stderr}");
}

/// A limit of file sizes kills the process while it writes, as somebody else would.
#[cfg(target_os = "linux")]
#[test]
fn whoever_is_killed_in_mid_write_leaves_the_old_file() {
    let session = Session::new(&[("many.yaml", &many()), ("old.csv", "old\n")]);
    let line = format!(
        "ulimit -f 64; exec '{}' matrix -f many.yaml --by pod -o csv=old.csv",
        env!("CARGO_BIN_EXE_podreach")
    );
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &line]).current_dir(session.folder.path()).stderr(Stdio::null());
    let status = shell.status().unwrap();
    assert!(!status.success());
    assert_eq!(fs::read_to_string(session.path("old.csv")).unwrap(), "old\n");
    // What it leaves is no obstacle.
    assert_eq!(session.run("matrix -f many.yaml --by pod -o csv=old.csv").0, 0);
    assert!(fs::read_to_string(session.path("old.csv")).unwrap().starts_with("from,to,"));
}
