//! Inputs to texts: files, directories, pipes.
//!
//! Owns the file system. Directories are read in order of name; of what lies in them only `.yaml`, `.yml` and `.json`
//! files count, and what looks like input but cannot be is named. Links in a directory are followed as long as they stay
//! in it: whoever may put one there may not know what they lead to, and messages quote what is read.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::{Bytes, Glob, Input, kustomize};
use crate::diagnostic::{Code, Diagnostic};

/// Directories nested deeper than this are not walked.
const MAX_DIRECTORY_DEPTH: usize = 128;

/// The most bytes that are read from a pipe, a device or standard input, none of which say how long they are. A larger dump
/// has to be a file.
const MAX_STREAM: usize = 1 << 30;

/// The most bytes of a file of podreach's own.
pub(super) const MAX_OWN: u64 = super::yaml::MAX_DOCUMENT as u64;

/// What is read of inputs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'o> {
    /// Whether sub-directories are read.
    pub(super) recursive: bool,
    /// What is left out.
    pub(super) exclude: &'o [Glob],
    /// Whether files are podreach's own: regular, and no larger than [`MAX_OWN`].
    pub(super) own: bool,
}

/// What an input led to, in order.
#[derive(Debug)]
pub(super) enum Found {
    /// A text.
    Text {
        /// What messages call it.
        name: String,
        /// Its bytes.
        bytes: Bytes,
        /// The directory that it says how to render, if it is a kustomization by its name.
        kustomizes: Option<PathBuf>,
    },
    /// A file or directory that cannot be read.
    Unreadable {
        /// What messages call it.
        name: String,
        /// Why.
        message: String,
        /// What to do about it.
        help: Option<String>,
    },
    /// Something to know.
    Note(Diagnostic),
}

/// Reads one input and hands on what it finds, one text at a time.
pub(super) fn walk(input: &Input, rules: Rules<'_>, found: &mut dyn FnMut(Found)) {
    match input {
        Input::Text { name, bytes } => {
            found(Found::Text { name: name.clone(), bytes: bytes.clone().into(), kustomizes: None });
        }
        Input::Stdin => read("-".to_owned(), io::stdin().lock(), MAX_STREAM, found),
        Input::Path(path) => match fs::metadata(path) {
            Err(error) => found(unreadable(path, &error)),
            Ok(metadata) if metadata.is_dir() => Walk::new(path, rules, found).top(),
            Ok(_)
                if rules
                    .exclude
                    .iter()
                    .any(|glob| path.file_name().is_some_and(|name| glob.fits(name.as_ref()))) =>
            {
                found(Found::Note(excluded(std::slice::from_ref(path))));
            }
            Ok(_) if rules.own => match own_file(path, MAX_OWN) {
                Ok(bytes) => found(Found::Text { name: name(path), bytes: bytes.into(), kustomizes: None }),
                Err(error) => found(unreadable(path, &error)),
            },
            Ok(_) => read_file(path, None, found),
        },
    }
}

/// Reads standard input to its end, for who needs it more than once.
pub fn standard_input() -> Result<Vec<u8>, Box<Diagnostic>> {
    let mut result = Ok(Vec::new());
    read("-".to_owned(), io::stdin().lock(), MAX_STREAM, &mut |found| {
        result = match found {
            Found::Text { bytes, .. } => Ok(bytes.to_vec()),
            Found::Unreadable { message, help, .. } => {
                Err(Box::new(Diagnostic { help, ..Diagnostic::new(Code::Unreadable, message) }))
            }
            Found::Note(note) => Err(Box::new(note)),
        };
    });
    result
}

/// Reads a file of podreach's own: a regular one, whose size is known before it is read, of at most so many bytes.
pub fn own_file(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let check = |metadata: &Metadata| {
        if metadata.is_dir() {
            Err(io::Error::from(io::ErrorKind::IsADirectory))
        } else if !metadata.is_file() {
            Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {}", kind(metadata))))
        } else if metadata.len() > most {
            Err(too_large(most))
        } else {
            Ok(())
        }
    };
    // Opening a pipe waits for somebody to write.
    check(&fs::metadata(path)?)?;
    let file = File::open(path)?;
    check(&file.metadata()?)?;
    let mut bytes = Vec::new();
    // Some files are longer than they say.
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(too_large(most)) } else { Ok(bytes) }
}

fn too_large(most: u64) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {} MiB", most >> 20))
}

/// What was left out because the user said so.
fn excluded(paths: &[PathBuf]) -> Diagnostic {
    let more = if paths.len() > 1 { format!(" and {} more", paths.len() - 1) } else { String::new() };
    let first = paths.first().map(|path| path.display().to_string()).unwrap_or_default();
    Diagnostic::new(Code::Skipped, format!("left out `{first}`{more}, as `--exclude` says"))
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

fn unreadable(path: &Path, error: &io::Error) -> Found {
    let message = match error.kind() {
        io::ErrorKind::NotFound => format!("the path `{}` does not exist", path.display()),
        _ => format!("cannot read `{}`: {error}", path.display()),
    };
    Found::Unreadable { name: name(path), message, help: None }
}

fn read_file(path: &Path, kustomizes: Option<PathBuf>, found: &mut dyn FnMut(Found)) {
    match File::open(path) {
        Ok(file) => match Bytes::map(&file) {
            Some(bytes) => found(Found::Text { name: name(path), bytes, kustomizes }),
            None => {
                read(name(path), file, MAX_STREAM, &mut |text| {
                    found(match text {
                        Found::Text { name, bytes, .. } => {
                            Found::Text { name, bytes, kustomizes: kustomizes.clone() }
                        }
                        other => other,
                    });
                });
            }
        },
        Err(error) => found(unreadable(path, &error)),
    }
}

/// Reads to the end, or until there is a NUL byte where it is looked for: no text holds one, and `/dev/zero` and
/// `/dev/urandom` have no end.
fn read(name: String, mut from: impl Read, most: usize, found: &mut dyn FnMut(Found)) {
    const SMALLEST_STEP: usize = 16 << 10;
    const LARGEST_STEP: usize = 4 << 20;
    const LOOKED_AT: usize = 4 << 10;
    let mut bytes = Vec::new();
    loop {
        let before = bytes.len();
        // What there is once more: small files are many, and none of them may take more than it holds.
        let step = before.clamp(SMALLEST_STEP, LARGEST_STEP);
        // More than is read, so that nothing else allocates.
        if bytes.try_reserve(step + LOOKED_AT).is_err() {
            let message = format!("there is not enough memory for `{name}`");
            return found(Found::Unreadable { name, message, help: None });
        }
        match from.by_ref().take(step as u64).read_to_end(&mut bytes) {
            Ok(0) => break,
            Ok(_) if bytes[before.max(bytes.len().saturating_sub(LOOKED_AT))..].contains(&0) => break,
            Ok(_) if bytes.len() > most => {
                let message = format!("`{name}` does not end within {} MiB", most >> 20);
                let help = Some("write what is longer to a file".to_owned());
                return found(Found::Unreadable { name, message, help });
            }
            Ok(_) => {}
            Err(error) => {
                let message = format!("cannot read `{name}`: {error}");
                return found(Found::Unreadable { name, message, help: None });
            }
        }
    }
    bytes.shrink_to_fit();
    found(Found::Text { name, bytes: bytes.into(), kustomizes: None });
}

/// One directory that was given, and what is below it.
struct Walk<'f> {
    root: &'f Path,
    rules: Rules<'f>,
    found: &'f mut dyn FnMut(Found),
    /// The real paths of the directories that are open, outermost first.
    above: Vec<PathBuf>,
    /// The real paths of all directories that were entered.
    seen: Vec<PathBuf>,
    /// What was left out because the user said so.
    excluded: Vec<PathBuf>,
}

/// What was in a directory.
#[derive(Clone, Copy, Default)]
struct Counts {
    manifests: usize,
    directories: usize,
}

impl<'f> Walk<'f> {
    fn new(root: &'f Path, rules: Rules<'f>, found: &'f mut dyn FnMut(Found)) -> Self {
        Self { root, rules, found, above: Vec::new(), seen: Vec::new(), excluded: Vec::new() }
    }

    fn top(&mut self) {
        let counts = self.directory(self.root);
        if !self.excluded.is_empty() {
            (self.found)(Found::Note(excluded(&self.excluded)));
        }
        if let Some(Counts { manifests: 0, directories }) = counts
            && self.excluded.is_empty()
        {
            let mut message = format!("no .yaml, .yml or .json file in directory `{}`", self.root.display());
            if !self.rules.recursive && directories > 0 {
                message.push_str("; use -R to read its sub-directories too");
            }
            self.unreadable(self.root, message);
        }
    }

    fn unreadable(&mut self, path: &Path, message: String) {
        (self.found)(Found::Unreadable { name: name(path), message, help: None });
    }

    /// Whether a link in the directory that was given leads out of it.
    fn leads_out(&self, path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink())
            && fs::canonicalize(path)
                .is_ok_and(|real| self.above.first().is_some_and(|root| !real.starts_with(root)))
    }

    /// Says that a link is not followed.
    fn not_followed(&mut self, path: &Path) {
        let message = format!("`{}` is a link that leads out of `{}`", path.display(), self.root.display());
        let help = format!(
            "`-f {}` follows it; `--exclude {}` leaves it out",
            path.display(),
            path.file_name().unwrap_or_default().display()
        );
        (self.found)(Found::Unreadable { name: name(path), message, help: Some(help) });
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
            self.unreadable(path, message);
            return None;
        }
        if self.above.len() >= MAX_DIRECTORY_DEPTH {
            let message = format!("directories are nested too deeply at `{}`", path.display());
            self.unreadable(path, message);
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
        let below = path.strip_prefix(self.root).unwrap_or(path);
        if self.rules.exclude.iter().any(|glob| glob.fits(below)) {
            self.excluded.push(path.to_owned());
            return;
        }
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                counts.directories += 1;
                if self.leads_out(path) {
                    if self.rules.recursive {
                        counts.manifests += 1;
                        self.not_followed(path);
                    }
                } else if self.rules.recursive {
                    let below = self.directory(path);
                    counts.manifests += below.map_or(1, |below| below.manifests);
                } else if entries(path).is_ok_and(|below| below.iter().any(|path| is_manifest(path))) {
                    unread.push(path.to_owned());
                }
            }
            Ok(metadata) if metadata.is_file() => {
                let kustomizes = path.parent().filter(|_| kustomize::is_called_so(path));
                if !is_manifest(path) && kustomizes.is_none() {
                    return;
                }
                counts.manifests += 1;
                if self.leads_out(path) {
                    self.not_followed(path);
                } else if self.rules.own && metadata.len() > MAX_OWN {
                    (self.found)(unreadable(path, &too_large(MAX_OWN)));
                } else {
                    read_file(path, kustomizes.map(Path::to_owned), self.found);
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
}
