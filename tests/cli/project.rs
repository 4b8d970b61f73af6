//! The project file: which one is in force, and what it may do.

use super::{SHOP, Session, texts};

/// Exit status, standard output, standard error of a run in a folder of the session.
fn from(session: &Session, folder: &str, line: &str) -> (i32, String, String) {
    texts(session.command(line).current_dir(session.path(folder)).output().unwrap())
}

#[test]
fn it_gives_defaults() {
    let session =
        Session::new(&[("shop.yaml", SHOP), (".podreach.yaml", "filename: shop.yaml\noutput: ndjson\n")]);
    std::fs::create_dir(session.path("sub")).unwrap();
    let (status, stdout, stderr) = from(&session, "sub", "matrix");
    assert!(status == 0 && stdout.starts_with("{\"from\":"), "{stderr}");
    assert!(from(&session, "sub", "matrix -o csv").1.starts_with("from,to,"));
    std::fs::write(session.path(".podreach.yaml"), "filenam: shop.yaml\n").unwrap();
    let (status, _, stderr) = session.run("matrix");
    assert!(status == 2 && stderr.contains("did you mean `filename`?"), "{stderr}");
}

#[test]
fn it_is_named_chosen_and_switched_off() {
    let session = Session::new(&[("shop.yaml", SHOP), (".podreach.yaml", "output: ndjson\nquiet: true\n")]);
    std::fs::create_dir(session.path("trusted")).unwrap();
    std::fs::write(session.path("trusted/checks.yaml"), "filename: ../shop.yaml\noutput: csv\n").unwrap();
    let (_, stdout, stderr) = session.run("matrix -f shop.yaml");
    assert!(stdout.starts_with("{\"from\":"), "{stdout}");
    assert_eq!(stderr, "note: defaults come from the project file `.podreach.yaml`\n");
    assert_eq!(session.run("matrix -f shop.yaml -q").2, "");
    let (_, stdout, stderr) = session.run("matrix --project-file trusted/checks.yaml");
    assert!(stdout.starts_with("from,to,"), "{stdout}");
    assert!(stderr.contains("come from the project file `trusted/checks.yaml`"), "{stderr}");

    let table = session.run("matrix -f shop.yaml -o table -q").1;
    assert_eq!(session.run("matrix -f shop.yaml -q --no-project-file").1, table);
    for (value, is_off) in [("1", true), ("0", false), ("", false)] {
        let mut command = session.command("matrix -f shop.yaml -q");
        let (_, stdout, _) = texts(command.env("PODREACH_NO_PROJECT_FILE", value).output().unwrap());
        assert_eq!(stdout == table, is_off, "{value:?}");
    }
    for (line, says) in [
        ("matrix --project-file trusted/checks.yaml --no-project-file", "cannot be used with"),
        ("matrix --project-file nowhere.yaml", "cannot read `nowhere.yaml`"),
    ] {
        let (status, _, stderr) = session.run(line);
        assert!(status == 2 && stderr.contains(says), "{line}: {stderr}");
    }
}

#[test]
fn it_writes_below_its_folder_only() {
    let session = Session::new(&[("shop.yaml", SHOP), ("precious", "precious\n")]);
    std::fs::create_dir(session.path("checkout")).unwrap();
    let absolute = session.path("precious").display().to_string();
    for output in ["../precious", &*absolute, "../new"] {
        let text = format!("output: [table, \"json={output}\"]\n");
        std::fs::write(session.path("checkout/.podreach.yaml"), text).unwrap();
        let (status, stdout, stderr) = from(&session, "checkout", "matrix -f ../shop.yaml");
        assert!(status == 2 && stdout.is_empty(), "{output}: {status} {stdout}");
        assert!(stderr.contains(&format!("`{output}` leads out of the folder")), "{stderr}");
        // Flags win, and they are the user's own.
        let (status, _, stderr) = from(&session, "checkout", "matrix -f ../shop.yaml -o table");
        assert_eq!(status, 0, "{stderr}");
    }
    assert_eq!(std::fs::read_to_string(session.path("precious")).unwrap(), "precious\n");
    assert!(!session.path("new").exists());
}

#[test]
fn it_reads_below_the_root_of_its_repository_only() {
    let session = Session::new(&[("shop.yaml", SHOP), ("secret.yaml", "token: s3cr3t\n")]);
    let at = |path: &str| session.path(path);
    std::fs::create_dir_all(at("repo/.git")).unwrap();
    std::fs::create_dir_all(at("repo/checks")).unwrap();
    std::fs::copy(at("shop.yaml"), at("repo/shop.yaml")).unwrap();
    let absolute = at("secret.yaml").display().to_string();
    for (filename, leads_out) in [
        ("../shop.yaml", false),
        ("..", false),
        ("../../secret.yaml", true),
        ("../..", true),
        (&*absolute, true),
        ("/proc/self/environ", cfg!(target_os = "linux")),
    ] {
        std::fs::write(at("repo/checks/.podreach.yaml"), format!("filename: {filename}\n")).unwrap();
        let (status, stdout, stderr) = from(&session, "repo/checks", "matrix --summary");
        let is_refused = status == 2 && stderr.contains("leads out of the repository");
        assert_eq!(is_refused, leads_out, "{filename}: {stderr}");
        assert!(!stderr.contains("s3cr3t") && !stdout.contains("s3cr3t"), "{filename}: {stderr}");
        assert!(!leads_out || stderr.contains("help: `-f "), "{stderr}");
        // What the command line names is the user's own.
        let (status, _, stderr) = from(&session, "repo/checks", "matrix --summary -f ../../shop.yaml");
        assert_eq!(status, 0, "{stderr}");
    }
    std::fs::write(at("repo/checks/.podreach.yaml"), "filename: ../../shop.yaml\n").unwrap();
    let (status, _, stderr) = from(&session, "repo/checks", "matrix --summary --project-file .podreach.yaml");
    assert_eq!(status, 0, "a file that is named is trusted: {stderr}");
}

/// Neither does the lock file that nobody named.
#[cfg(unix)]
#[test]
fn the_lock_file_is_no_way_out() {
    use std::os::unix::fs::symlink;
    let session = Session::new(&[("shop.yaml", SHOP), ("precious", "precious\n")]);
    std::fs::create_dir(session.path("checkout")).unwrap();
    for (link, leads_out) in [("../precious", true), ("../new", true), ("inner.lock.yaml", false)] {
        let _ = std::fs::remove_file(session.path("checkout/reachability.lock.yaml"));
        std::fs::write(session.path("checkout/inner.lock.yaml"), "").unwrap();
        symlink(link, session.path("checkout/reachability.lock.yaml")).unwrap();
        for what in ["--update", "--check"] {
            let (status, _, stderr) = from(&session, "checkout", &format!("snapshot -f ../shop.yaml {what}"));
            assert_eq!(status == 2 && stderr.contains("leads out"), leads_out, "{link}: {stderr}");
        }
    }
    assert_eq!(std::fs::read_to_string(session.path("precious")).unwrap(), "precious\n");
    assert!(!session.path("new").exists());
    assert_eq!(from(&session, "checkout", "snapshot -f ../shop.yaml --update --lock ../precious").0, 0);
}
