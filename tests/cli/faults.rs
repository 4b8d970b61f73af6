//! Machines that fail: a file that cannot be read to its end, and less memory than is needed.
#![cfg(target_os = "linux")]

use std::fs;
use std::process::{Command, Stdio};

use super::{SHOP, Session, texts};

/// Exit status, if there is one, standard output and standard error of a line of the shell in which `podreach` is the
/// program.
fn shell(session: &Session, line: &str) -> (Option<i32>, String, String) {
    let mut shell = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_podreach");
    shell.args(["-c", &line.replace("podreach", &format!("'{program}'"))]);
    let output = shell.current_dir(session.folder.path()).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The memory of a process is a file that says its size and cannot be read.
#[test]
fn a_file_that_cannot_be_read_is_no_empty_one() {
    let session = Session::new(&[("shop.yaml", SHOP)]);
    for line in [
        "matrix -f shop.yaml -f /proc/self/mem",
        "test -f shop.yaml /proc/self/mem",
        "snapshot -f shop.yaml --check --lock /proc/self/mem",
        "matrix -f shop.yaml --project-file /proc/self/mem",
    ] {
        let (status, stdout, stderr) = texts(session.command(line).output().unwrap());
        assert!(status == 2 && stdout.is_empty() && stderr.contains("cannot read"), "{line}: {stderr}");
    }
}

#[test]
fn an_input_larger_than_memory_is_an_error() {
    let session = Session::new(&[]);
    let (status, stdout, stderr) = shell(&session, "ulimit -v 400000; yes '# more' | podreach matrix -f -");
    assert!(status == Some(2) && stdout.is_empty(), "{status:?} {stdout}{stderr}");
    assert!(stderr.contains("there is not enough memory for `-`"), "{stderr}");
}

/// However little memory there is: an answer, or none and the old file.
#[test]
fn less_memory_than_is_needed_leaves_the_old_file() {
    let pod = |n| format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p{n}}}\nspec: {{containers: []}}\n");
    let many: Vec<String> = (0..300).map(pod).collect();
    let session = Session::new(&[("many.yaml", &many.join("---\n"))]);
    let line = "podreach matrix -q -f many.yaml --by pod -o csv=old.csv";
    assert_eq!(shell(&session, line).0, Some(0));
    let whole = fs::read_to_string(session.path("old.csv")).unwrap();
    let mut ended_well = 0;
    let limits = [4_000, 8_000, 16_000, 24_000, 26_000, 28_000, 30_000, 32_000, 40_000, 64_000, 1_000_000];
    for kilobytes in limits {
        fs::write(session.path("old.csv"), "old\n").unwrap();
        let (status, _, stderr) = shell(&session, &format!("ulimit -v {kilobytes}; {line}"));
        let left = fs::read_to_string(session.path("old.csv")).unwrap();
        let expected = if status == Some(0) { &*whole } else { "old\n" };
        assert!(left == expected, "{kilobytes} KiB: {status:?} {stderr}");
        ended_well += usize::from(status == Some(0));
    }
    assert!((1..limits.len()).contains(&ended_well), "{ended_well} had enough");
}
