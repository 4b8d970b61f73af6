//! Inputs to texts: files, directories, pipes.
//!
//! Owns the file system. Directories are read in order of name; of what lies in them only `.yaml`, `.yml` and `.json`
//! files count, and what looks like input but cannot be is named.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::{Bytes, Input};
use crate::diagnostic::{Code, Diagnostic};

/// Directories nested deeper than this are not walked.
const MAX_DIRECTORY_DEPTH: usize = 128;

/// What an input led to, in order.
#[derive(Debug)]
pub(super) enum Found {
    /// A text.
    Text {
        /// What messages call it.
        name: String,
        /// Its bytes.
        bytes: Bytes,
    },
    /// A file or directory that cannot be read.
    Unreadable {
        /// What messages call it.
        name: String,
        /// Why.
        message: String,
    },
    /// Something to know.
    Note(Diagnostic),
}

/// Reads one input and hands on what it finds, one text at a time.
pub(super) fn walk(input: &Input, recursive: bool, found: &mut dyn FnMut(Found)) {
    match input {
        Input::Text { name, bytes } => found(Found::Text { name: name.clone(), bytes: bytes.clone().into() }),
        Input::Stdin => read("-".to_owned(), io::stdin().lock(), found),
        Input::Path(path) => match fs::metadata(path) {
            Err(error) => found(unreadable(path, &error)),
            Ok(metadata) if metadata.is_dir() => {
                Walk { recursive, found, above: Vec::new(), seen: Vec::new() }.top(path);
            }
            Ok(_) => read_file(path, found),
        },
    }
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

fn unreadable(path: &Path, error: &io::Error) -> Found {
    let message = match error.kind() {
        io::ErrorKind::NotFound => format!("the path `{}` does not exist", path.display()),
        _ => format!("cannot read `{}`: {error}", path.display()),
    };
    Found::Unreadable { name: name(path), message }
}

fn read_file(path: &Path, found: &mut dyn FnMut(Found)) {
    match File::open(path) {
        Ok(file) => match Bytes::map(&file) {
            Some(bytes) => found(Found::Text { name: name(path), bytes }),
            None => read(name(path), file, found),
        },
        Err(error) => found(unreadable(path, &error)),
    }
}

/// Reads to the end, or until there is a NUL byte where it is looked for: no text holds one, and `/dev/zero` and
/// `/dev/urandom` have no end.
fn read(name: String, mut from: impl Read, found: &mut dyn FnMut(Found)) {
    const STEP: u64 = 4 << 20;
    const LOOKED_AT: usize = 4 << 10;
    let mut bytes = Vec::new();
    loop {
        let before = bytes.len();
        match from.by_ref().take(STEP).read_to_end(&mut bytes) {
            Ok(0) => break,
            Ok(_) if bytes[before.max(bytes.len().saturating_sub(LOOKED_AT))..].contains(&0) => break,
            Ok(_) => {}
            Err(error) => {
                let message = format!("cannot read `{name}`: {error}");
                return found(Found::Unreadable { name, message });
            }
        }
    }
    found(Found::Text { name, bytes: bytes.into() });
}

/// One directory that was given, and what is below it.
struct Walk<'f> {
    recursive: bool,
    found: &'f mut dyn FnMut(Found),
    /// The real paths of the directories that are open, outermost first.
    above: Vec<PathBuf>,
    /// The real paths of all directories that were entered.
    seen: Vec<PathBuf>,
}

/// What was in a directory.
#[derive(Clone, Copy, Default)]
struct Counts {
    manifests: usize,
    directories: usize,
}

impl Walk<'_> {
    fn top(&mut self, path: &Path) {
        let counts = self.directory(path);
        let shown = path.display();
        if let Some(Counts { manifests: 0, directories }) = counts {
            let mut message = format!("no .yaml, .yml or .json file in directory `{shown}`");
            if !self.recursive && directories > 0 {
                message.push_str("; use -R to read its sub-directories too");
            }
            (self.found)(Found::Unreadable { name: name(path), message });
        }
    }

    /// Reads a directory; `None` if that failed and was said.
    fn directory(&mut self, path: &Path) -> Option<Counts> {
        let entries = fs::canonicalize(path).and_then(|real| Ok((real, entries(path)?)));
        let (real, entries) = match entries {
            Ok(entries) => entries,
            Err(error) => {
                (self.found)(unreadable(path, &error));
                return None;
            }
        };
        if self.above.contains(&real) {
            let message = format!("symlink loop: `{}` leads back to `{}`", path.display(), real.display());
            (self.found)(Found::Unreadable { name: name(path), message });
            return None;
        }
        if self.above.len() >= MAX_DIRECTORY_DEPTH {
            let message = format!("directories are nested too deeply at `{}`", path.display());
            (self.found)(Found::Unreadable { name: name(path), message });
            return None;
        }
        if self.seen.contains(&real) {
            self.note(format!("directory `{}` was already read under another name", path.display()), None);
            return None;
        }
        self.above.push(real.clone());
        self.seen.push(real);
        let mut counts = Counts::default();
        let mut unread = Vec::new();
        for entry in entries {
            self.entry(&entry, &mut counts, &mut unread);
        }
        if let [first, rest @ ..] = &*unread
            && counts.manifests > 0
        {
            let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
            self.note(
                format!("sub-directory `{}`{more} with manifests was not read", first.display()),
                Some("use -R to read sub-directories too"),
            );
        }
        self.above.pop();
        Some(counts)
    }

    /// Looks at one entry of a directory; `unread` collects sub-directories that hold manifests.
    fn entry(&mut self, path: &Path, counts: &mut Counts, unread: &mut Vec<PathBuf>) {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                counts.directories += 1;
                if self.recursive {
                    let below = self.directory(path);
                    counts.manifests += below.map_or(1, |below| below.manifests);
                } else if entries(path).is_ok_and(|below| below.iter().any(|path| is_manifest(path))) {
                    unread.push(path.to_owned());
                }
            }
            Ok(metadata) if metadata.is_file() => {
                if is_manifest(path) {
                    counts.manifests += 1;
                    read_file(path, self.found);
                }
            }
            Ok(metadata) => {
                self.note(format!("skipped `{}`: {}", path.display(), kind(&metadata)), None);
            }
            Err(error) if is_manifest(path) || error.kind() != io::ErrorKind::NotFound => {
                counts.manifests += 1;
                (self.found)(unreadable(path, &error));
            }
            Err(_) => self.note(format!("skipped `{}`: a symlink to nowhere", path.display()), None),
        }
    }

    fn note(&mut self, message: String, help: Option<&str>) {
        let mut note = Diagnostic::new(Code::Skipped, message);
        note.help = help.map(str::to_owned);
        (self.found)(Found::Note(note));
    }
}

/// The paths in a directory, sorted by name.
fn entries(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries =
        fs::read_dir(path)?.map(|entry| entry.map(|e| e.path())).collect::<io::Result<Vec<_>>>()?;
    entries.sort_unstable();
    Ok(entries)
}

fn is_manifest(path: &Path) -> bool {
    matches!(path.extension().and_then(OsStr::to_str), Some("yaml" | "yml" | "json"))
}

#[cfg(unix)]
fn kind(metadata: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let kind = metadata.file_type();
    if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn kind(_: &Metadata) -> &'static str {
    "not a regular file"
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    /// What a walk found: names of texts, `!` and messages of errors, `~` and messages of notes.
    fn look(path: &Path, recursive: bool) -> Vec<String> {
        let mut seen = Vec::new();
        walk(&Input::Path(path.to_owned()), recursive, &mut |found| {
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
        walk(&Input::Path("/dev/zero".into()), false, &mut |found| {
            if let Found::Text { bytes, .. } = found {
                length = bytes.len();
            }
        });
        assert_eq!(length, 4 << 20);
    }
}
