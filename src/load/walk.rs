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

/// The choice of files to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'o> {
    /// Set if sub-directories are read.
    pub(super) recursive: bool,
    /// Patterns of the paths to leave out.
    pub(super) exclude: &'o [Glob],
    /// Set if the files are podreach's own: regular, and no larger than [`MAX_OWN`].
    pub(super) own: bool,
}

/// One thing that was found in an input.
#[derive(Debug)]
pub(super) enum Found {
    /// A text.
    Text {
        /// Its name in messages.
        name: String,
        /// Its bytes.
        bytes: Bytes,
        /// The directory that it says how to render, if it is a kustomization by its name.
        kustomizes: Option<PathBuf>,
    },
    /// A file or directory that cannot be read.
    Unreadable {
        /// Its name in messages.
        name: String,
        /// The reason.
        message: String,
        /// Advice, if there is any.
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

/// Makes the note on paths that were left out because of `--exclude`.
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
    /// Paths that were left out because of `--exclude`.
    excluded: Vec<PathBuf>,
}

/// Numbers of the manifests and of the sub-directories in a directory.
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

    /// True if a link in the directory that was given leads out of it.
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
mod tests;
