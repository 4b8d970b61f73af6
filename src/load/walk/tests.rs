use std::os::unix::fs::symlink;
use std::process::Command;

use super::*;

/// The results of a walk: names of texts, `!` and messages of errors, `~` and messages of notes.
fn look(path: &Path, recursive: bool) -> Vec<String> {
    look_without(path, recursive, &[])
}

fn look_without(path: &Path, recursive: bool, exclude: &[&str]) -> Vec<String> {
    let exclude: Vec<Glob> = exclude.iter().map(|glob| glob.parse().expect("a pattern")).collect();
    let mut seen = Vec::new();
    let rules = Rules { recursive, exclude: &exclude, own: false };
    walk(&Input::Path(path.to_owned()), rules, &mut |found| {
        seen.push(match found {
            Found::Text { name, .. } => name,
            Found::Unreadable { message, .. } => format!("!{message}"),
            Found::Note(note) => format!("~{}", note.message),
        });
    });
    let root = path.display().to_string();
    seen.into_iter().map(|text| text.replace(&format!("{root}/"), "").replace(&root, ".")).collect()
}

fn tree(files: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for file in files {
        let path = dir.path().join(file);
        fs::create_dir_all(path.parent().expect("it was joined")).expect("a folder");
        fs::write(path, "a: b\n").expect("a file");
    }
    dir
}

#[test]
fn directories_in_order_of_name() {
    let dir = tree(&["b.yaml", "a.yml", "c.json", "README.md", "d/x.yaml", "d/e/y.yaml", "f/z.txt"]);
    assert_eq!(
        look(dir.path(), false),
        ["a.yml", "b.yaml", "c.json", "~sub-directory `d` with manifests was not read"]
    );
    assert_eq!(look(dir.path(), true), ["a.yml", "b.yaml", "c.json", "d/e/y.yaml", "d/x.yaml"]);
}

#[test]
fn a_directory_without_manifests_is_an_error() {
    let dir = tree(&["d/x.yaml"]);
    assert_eq!(
        look(dir.path(), false),
        ["!no .yaml, .yml or .json file in directory `.`; use -R to read its sub-directories too"]
    );
    let dir = tree(&["x.txt"]);
    assert_eq!(look(dir.path(), true), ["!no .yaml, .yml or .json file in directory `.`"]);
    let missing = dir.path().join("no.yaml");
    assert_eq!(look(&missing, false), ["!the path `.` does not exist"]);
}

#[test]
fn symlinks_are_followed_and_loops_are_errors() {
    let dir = tree(&["a/x.yaml"]);
    symlink("../a", dir.path().join("a/loop")).unwrap();
    symlink("self.yaml", dir.path().join("self.yaml")).unwrap();
    symlink("nowhere", dir.path().join("nowhere.link")).unwrap();
    symlink("a/x.yaml", dir.path().join("z.yaml")).unwrap();
    symlink("a", dir.path().join("twice")).unwrap();
    let seen = look(dir.path(), true);
    assert!(seen[0].starts_with("!symlink loop: `a/loop` leads back to"), "{seen:?}");
    assert_eq!(seen[1], "a/x.yaml");
    assert_eq!(seen[2], "~skipped `nowhere.link`: a symlink to nowhere");
    assert!(seen[3].starts_with("!cannot read `self.yaml`"), "{seen:?}");
    assert_eq!(seen[4], "~directory `twice` was already read under another name");
    assert_eq!(seen[5], "z.yaml");
    assert_eq!(seen.len(), 6);
}

#[test]
fn a_named_pipe_is_read_when_it_is_named_and_skipped_in_a_directory() {
    let dir = tree(&["a.yaml"]);
    let pipe = dir.path().join("pipe.yaml");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert_eq!(look(dir.path(), false), ["a.yaml", "~skipped `pipe.yaml`: a named pipe"]);
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::write(pipe, "a: b\n").unwrap()
    });
    assert_eq!(look(&pipe, false), ["."]);
    writer.join().unwrap();
}

#[test]
fn an_endless_device_ends_at_its_first_nul() {
    let mut length = 0;
    let rules = Rules { recursive: false, exclude: &[], own: false };
    walk(&Input::Path("/dev/zero".into()), rules, &mut |found| {
        if let Found::Text { bytes, .. } = found {
            length = bytes.len();
        }
    });
    assert_eq!(length, 16 << 10);
}

#[test]
fn links_that_lead_out_are_not_followed_unless_they_are_named() {
    let outside = tree(&["secret.yaml", "sub/more.yaml"]);
    let dir = tree(&["a.yaml"]);
    symlink(outside.path().join("secret.yaml"), dir.path().join("b.yaml")).unwrap();
    symlink(outside.path().join("sub"), dir.path().join("c")).unwrap();
    symlink("/dev/zero", dir.path().join("d.yaml")).unwrap();
    symlink(outside.path().join("secret.yaml"), dir.path().join("e.txt")).unwrap();
    let link = "!`b.yaml` is a link that leads out of `.`";
    assert_eq!(look(dir.path(), false), ["a.yaml", link, "~skipped `d.yaml`: a device"]);
    let directory = "!`c` is a link that leads out of `.`";
    assert_eq!(look(dir.path(), true), ["a.yaml", link, directory, "~skipped `d.yaml`: a device"]);
    let named: Vec<String> = look(&dir.path().join("b.yaml"), false);
    assert_eq!(named, ["."]);
    let folder = look(&dir.path().join("c"), false);
    assert_eq!(folder, ["more.yaml"]);
    assert_eq!(
        look_without(dir.path(), true, &["b.yaml", "c"]),
        ["a.yaml", "~skipped `d.yaml`: a device", "~left out `b.yaml` and 1 more, as `--exclude` says"]
    );
}

#[test]
fn what_is_excluded_is_not_read() {
    let dir = tree(&["a.yaml", "b.enc.yaml", "sub/c.yaml", "sub/d/e.yaml"]);
    let all = |exclude: &[&str]| look_without(dir.path(), true, exclude);
    assert_eq!(
        all(&["*.enc.yaml", "d"]),
        ["a.yaml", "sub/c.yaml", "~left out `b.enc.yaml` and 1 more, as `--exclude` says"]
    );
    assert_eq!(
        all(&["sub/**"]),
        ["a.yaml", "b.enc.yaml", "~left out `sub/c.yaml` and 1 more, as `--exclude` says"]
    );
    assert_eq!(all(&["**"]), ["~left out `a.yaml` and 2 more, as `--exclude` says"]);
    let file = dir.path().join("b.enc.yaml");
    assert_eq!(look_without(&file, false, &["*.enc.*"]), ["~left out `.`, as `--exclude` says"]);
}

#[test]
fn files_of_podreachs_own_are_regular_and_not_endless() {
    let dir = tree(&["a.yaml"]);
    let error = |path: &Path, most| own_file(path, most).unwrap_err().to_string();
    let file = dir.path().join("a.yaml");
    let length = fs::metadata(&file).unwrap().len();
    assert_eq!(own_file(&file, length).unwrap().len() as u64, length);
    assert_eq!(error(&file, length - 1), "it is larger than 0 MiB");
    let pipe = dir.path().join("pipe.yaml");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert_eq!(error(&pipe, 100), "it is a named pipe");
    assert_eq!(error(Path::new("/dev/zero"), 100), "it is a device");
    assert_eq!(own_file(dir.path(), 100).unwrap_err().kind(), io::ErrorKind::IsADirectory);
    assert_eq!(own_file(&dir.path().join("no"), 100).unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[test]
fn a_stream_without_end_ends_in_an_error() {
    let mut seen = Vec::new();
    read("-".to_owned(), io::repeat(b'y'), 5 << 20, &mut |found| seen.push(found));
    let [Found::Unreadable { message, .. }] = &*seen else { panic!("{seen:?}") };
    assert_eq!(message, "`-` does not end within 5 MiB");
}

/// A source that breaks off: what came of it is half a file.
struct Torn;

impl Read for Torn {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the disk is gone"))
    }
}

#[test]
fn a_read_error_in_mid_file_is_an_error_and_no_shorter_file() {
    for length in [0, 1, 100, 16 << 10, (16 << 10) + 1, 5 << 20] {
        let before = b"apiVersion: v1\nkind: Pod\n".repeat(length / 20 + 1);
        let mut seen = Vec::new();
        read("a.yaml".to_owned(), before[..length].chain(Torn), 16 << 20, &mut |found| seen.push(found));
        let [Found::Unreadable { message, .. }] = &*seen else { panic!("{length}: {seen:?}") };
        assert_eq!(message, "cannot read `a.yaml`: the disk is gone");
    }
}
