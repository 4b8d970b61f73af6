//! Bytes to manifests: the only user of the file system and of the YAML and JSON parsers.
//!
//! Owns walking directories, splitting documents, the scalar rules of kubectl, strict decoding, and the positions of
//! fields. Never interprets a policy. Every problem becomes a [`Diagnostic`]; nothing is skipped without one.

mod block;
mod bytes;
mod de;
mod decode;
mod document;
mod dump;
mod eight;
mod item;
mod json;
mod kinds;
mod locate;
mod mesh;
mod node;
mod own;
mod parallel;
mod recall;
mod repeats;
mod scalar;
mod scan;
mod schema;
mod shapes;
mod slip;
mod split;
mod walk;
mod yaml;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

pub use self::bytes::{Bytes, end_when_a_file_shrinks};
use self::item::Item;
pub use self::own::{Own, OwnDocument, own};
use self::walk::Found;
use crate::diagnostic::{Code, Diagnostic, Origin, Severity, SourceId};
use crate::index::IndexVec;
use crate::k8s::{BrokenObject, Object};
use rustc_hash::FxHashSet;

/// What to read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// A file, a named pipe, or a directory.
    Path(PathBuf),
    /// Standard input.
    Stdin,
    /// A text the caller has; the name stands in messages.
    Text {
        /// What messages call it.
        name: String,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

/// How to read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Descend into sub-directories.
    pub recursive: bool,
    /// Read YAML and lists in JSON the careful way, which is slower and gives the same; tests hold the two to each other.
    pub careful: bool,
}

/// One object and where it was read.
#[derive(Clone, PartialEq, Debug)]
pub struct Manifest {
    /// The object.
    pub object: Object,
    /// Where it stands.
    pub origin: Origin,
}

/// Everything that was read.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The objects, in the order of the input.
    pub manifests: Vec<Manifest>,
    /// The texts they came from, for messages.
    pub sources: Sources,
    /// Findings, in the order of the input.
    pub diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    /// Puts every namespaced object that names no namespace into this one, as `kubectl -n` does (W14).
    #[must_use]
    pub fn in_namespace(mut self, namespace: &str) -> Self {
        let mut placed = FxHashSet::default();
        let mut moved: Option<Tally> = None;
        let doubtful: FxHashSet<Origin> = self
            .diagnostics
            .iter()
            .filter(|finding| finding.path.starts_with("metadata.namespace") || finding.path == "metadata")
            .filter_map(|finding| finding.origin.clone())
            .collect();
        for Manifest { object, origin } in &mut self.manifests {
            let named = object.metadata().namespace.as_deref().is_some_and(|own| !own.is_empty());
            if named || object.is_namespaced() != Some(true) || doubtful.contains(origin) {
                continue;
            }
            object.metadata_mut().namespace = Some(namespace.into());
            moved.get_or_insert(Tally { count: 0, first: origin.clone() }).count += 1;
            if let Object::Broken(BrokenObject { rest, .. }) = object {
                if let Some(rest) = rest {
                    rest.object.metadata_mut().namespace = Some(namespace.into());
                }
                placed.insert(origin.clone());
            }
        }
        for finding in &mut self.diagnostics {
            if let (Some(object), Some(origin)) = (&mut finding.object, &finding.origin)
                && placed.contains(origin)
            {
                object.namespace = namespace.into();
            }
        }
        if let Some(Tally { count, first }) = moved {
            let objects = if count == 1 { "1 object names" } else { &*format!("{count} objects name") };
            let message =
                format!("{objects} no namespace: with `-n {namespace}` in `{namespace}`, not in `default`");
            self.diagnostics.push(Diagnostic::new(Code::NoNamespace, message).with_origin(first));
        }
        self
    }
}

/// The texts that were read, kept to find lines and columns when a message needs them.
#[derive(Debug, Default)]
pub struct Sources {
    sources: IndexVec<SourceId, Source>,
}

/// One text.
#[derive(Debug)]
pub struct Source {
    /// What messages call it: the path as given, `-` for standard input.
    pub name: String,
    /// Its bytes.
    pub bytes: Bytes,
    /// How many line feeds there are before each stretch of [`LINE_STRETCH`] bytes; made when first needed.
    line_feeds: OnceLock<Vec<u32>>,
}

/// See [`Source::line_feeds`].
const LINE_STRETCH: usize = 64 << 10;

/// A place in a source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Position {
    /// What messages call the source.
    pub source: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// The bytes of the field within the source.
    pub span: std::ops::Range<usize>,
}

/// Reads all inputs.
///
/// Always returns what could be read. Errors (unreadable files, bad documents, bad objects) are in
/// [`Loaded::diagnostics`]; the objects they concern are [`Object::Broken`] in [`Loaded::manifests`].
pub fn load(inputs: &[Input], options: Options) -> Loaded {
    load_beside(Sources::default(), inputs, options)
}

/// Reads more inputs: their texts join those that were read before, so that the places of all objects can be told.
pub fn load_beside(sources: Sources, inputs: &[Input], options: Options) -> Loaded {
    let loaded = Loaded { sources, ..Loaded::default() };
    let mut loader = Loader { loaded, careful: options.careful, ..Loader::default() };
    for input in inputs {
        walk::walk(input, options.recursive, &mut |found| loader.found(found));
    }
    loader.finish()
}

/// Collects what is read, in order.
#[derive(Default)]
struct Loader {
    loaded: Loaded,
    /// Whether there was an object, even of a kind that is not read.
    any_object: bool,
    /// See [`Options::careful`].
    careful: bool,
}

/// Things of one sort that are named once: how many, and where the first is.
struct Tally {
    count: usize,
    first: Origin,
}

impl Loader {
    fn found(&mut self, found: Found) {
        match found {
            Found::Note(note) => self.loaded.diagnostics.push(note),
            Found::Unreadable { name, message } => {
                let source = self.loaded.sources.sources.push(Source::new(name, Vec::new().into()));
                self.unreadable(source, 0, Diagnostic::new(Code::Unreadable, message));
            }
            Found::Text { name, bytes } => {
                let source = self.loaded.sources.sources.push(Source::new(name, bytes));
                self.text(source);
            }
        }
    }

    /// Nothing is known of a source: it could hold anything.
    fn unreadable(&mut self, source: SourceId, length: usize, finding: Diagnostic) {
        let origin = Origin { source, document: 0..length as u64, item: "".into() };
        self.loaded.diagnostics.push(finding.with_origin(origin.clone()));
        self.loaded.manifests.push(Manifest { object: Object::Broken(BrokenObject::default()), origin });
    }

    fn text(&mut self, source: SourceId) {
        let bytes = &self.loaded.sources.sources[source].bytes;
        let careful = self.careful;
        let items =
            as_text(bytes).and_then(|(text, start)| match decode::dump(source, text, start, careful) {
                Some(items) => Ok(items),
                None => without_nul(bytes).map(|()| decode::text(source, text, start, careful)),
            });
        let items = match items {
            Ok(items) => items,
            Err((message, offset)) => {
                let finding = Diagnostic::new(Code::NotText, message).with_offset(offset as u64);
                let length = bytes.len();
                return self.unreadable(source, length, finding);
            }
        };
        let mut ignored: BTreeMap<Box<str>, Tally> = BTreeMap::new();
        let mut untyped: Option<Tally> = None;
        for item in items {
            match item {
                Item::Manifests(manifests) => {
                    self.any_object = true;
                    let before = &mut self.loaded.manifests;
                    if before.is_empty() { *before = manifests } else { before.extend(manifests) }
                }
                Item::Finding(finding) => {
                    self.any_object = true;
                    self.loaded.diagnostics.push(*finding);
                }
                Item::Ignored { kind, origin } => {
                    self.any_object = true;
                    ignored.entry(kind).or_insert(Tally { count: 0, first: origin }).count += 1;
                }
                Item::Untyped(origin) => untyped.get_or_insert(Tally { count: 0, first: origin }).count += 1,
            }
        }
        for (kind, tally) in ignored {
            let objects = if tally.count == 1 { "object" } else { "objects" };
            self.note(
                Code::IgnoredKind,
                format!("ignored {} {objects} of kind {kind}", tally.count),
                tally.first,
            );
        }
        if let Some(tally) = untyped {
            let message = match tally.count {
                1 => "skipped a document without apiVersion and kind".to_owned(),
                count => format!("skipped {count} documents without apiVersion and kind"),
            };
            self.note(Code::Skipped, message, tally.first);
        }
    }

    fn note(&mut self, code: Code, message: String, origin: Origin) {
        self.loaded.diagnostics.push(Diagnostic::new(code, message).with_origin(origin));
    }

    fn finish(mut self) -> Loaded {
        let failed = self.loaded.diagnostics.iter().any(|d| d.severity() == Severity::Error);
        if !self.any_object && !failed {
            self.loaded.diagnostics.push(
                Diagnostic::new(Code::NoObjects, "the input holds no Kubernetes object")
                    .with_help("give manifests, or what `kubectl get pods,ns,netpol,svc -A -o yaml` prints"),
            );
        }
        self.loaded
    }
}

/// The text and where it starts, or what is wrong with the bytes and where.
fn as_text(bytes: &[u8]) -> Result<(&str, usize), (String, usize)> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(("the text is UTF-16; save it as UTF-8".to_owned(), 0));
    }
    let start = if bytes.starts_with("\u{feff}".as_bytes()) { 3 } else { 0 };
    std::str::from_utf8(&bytes[start..]).map(|text| (text, start)).map_err(|error| {
        let not_utf8 = || ("not a text: it is not UTF-8".to_owned(), start + error.valid_up_to());
        without_nul(bytes).err().unwrap_or_else(not_utf8)
    })
}

/// No text holds a NUL byte. In JSON it is an error like any other; YAML is searched for it first.
fn without_nul(bytes: &[u8]) -> Result<(), (String, usize)> {
    memchr::memchr(0, bytes)
        .map_or(Ok(()), |offset| Err(("not a text: it holds a NUL byte".to_owned(), offset)))
}

impl Source {
    pub(crate) fn new(name: String, bytes: Bytes) -> Self {
        Self { name, bytes, line_feeds: OnceLock::new() }
    }

    /// Line and column of a byte, both from 1; the column in characters.
    fn line_and_column(&self, offset: usize) -> (u32, u32) {
        let offset = offset.min(self.bytes.len());
        let line_feeds = self.line_feeds.get_or_init(|| {
            let mut before = 0;
            let counts = self.bytes.chunks(LINE_STRETCH).map(|stretch| {
                let here = before;
                before += count_line_feeds(stretch);
                here
            });
            counts.collect()
        });
        let stretch = (offset / LINE_STRETCH).min(line_feeds.len().saturating_sub(1));
        let before = line_feeds.get(stretch).copied().unwrap_or(0);
        let line = before + count_line_feeds(&self.bytes[stretch * LINE_STRETCH..offset]) + 1;
        let line_start = self.bytes[..offset].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let bom = "\u{feff}".as_bytes();
        let start =
            if line_start == 0 && self.bytes.starts_with(bom) { bom.len().min(offset) } else { line_start };
        // Every byte but a continuation byte starts a character.
        let characters = self.bytes[start..offset].iter().filter(|byte| **byte & 0xc0 != 0x80).count();
        (line, u32::try_from(characters).unwrap_or(u32::MAX).saturating_add(1))
    }
}

fn count_line_feeds(bytes: &[u8]) -> u32 {
    bytes.iter().map(|byte| u32::from(*byte == b'\n')).sum()
}

impl Sources {
    /// One text.
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.sources.get(id)
    }

    /// All texts, in the order in which they were read.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Source> {
        self.sources.iter()
    }

    /// Where a field of an object stands: `path` as Kubernetes writes it, empty for the object itself (its `kind` or
    /// first field). Falls back to the nearest enclosing field that exists.
    pub fn locate(&self, origin: &Origin, path: &str) -> Option<Position> {
        let source = self.get(origin.source)?;
        let (start, end) = (origin.document.start as usize, origin.document.end as usize);
        let document = std::str::from_utf8(source.bytes.get(start..end)?).ok()?;
        let span = locate::locate(document, &format!("{}{path}", origin.item));
        Some(Self::at(source, start + span.start..start + span.end))
    }

    /// Where a finding points: its offset if it has one, else its field.
    pub fn position(&self, diagnostic: &Diagnostic) -> Option<Position> {
        let origin = diagnostic.origin.as_ref()?;
        let by_path = || self.locate(origin, &diagnostic.path);
        let Some(offset) = diagnostic.offset else { return by_path() };
        let offset = offset as usize;
        if !diagnostic.path.is_empty()
            && let Some(position) = by_path().filter(|position| position.span.start == offset)
        {
            return Some(position);
        }
        let source = self.get(origin.source)?;
        let rest = source.bytes.get(offset..).unwrap_or_default();
        let word = rest.iter().position(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b':'));
        Some(Self::at(source, offset..offset + word.unwrap_or(rest.len().min(1))))
    }

    fn at(source: &Source, span: std::ops::Range<usize>) -> Position {
        let (line, column) = source.line_and_column(span.start);
        Position { source: source.name.clone(), line, column, span }
    }
}

#[cfg(test)]
mod tests;
