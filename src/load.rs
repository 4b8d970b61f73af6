//! Bytes to manifests: the only user of the file system and of the YAML and JSON parsers.
//!
//! Owns walking directories, splitting documents, the scalar rules of kubectl, strict decoding, and the positions of
//! fields. Never interprets a policy. Every problem becomes a [`Diagnostic`]; nothing is skipped without one.

mod advice;
mod block;
mod bytes;
mod de;
mod decode;
mod document;
mod dump;
mod eight;
mod glob;
mod holders;
mod item;
mod json;
mod kinds;
mod kustomize;
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
mod unread;
mod walk;
mod yaml;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

pub use self::bytes::{Bytes, end_when_a_file_shrinks};
pub use self::glob::{Glob, GlobError};
use self::holders::Holds;
use self::item::Item;
use self::kustomize::{Kustomization, Kustomized};
pub use self::own::{Own, OwnDocument, OwnError, document, own};
use self::scalar::Scalar;
use self::walk::{Found, Rules};
pub use self::walk::{own_file, standard_input};
use crate::diagnostic::{Code, Diagnostic, Origin, Severity, SourceId};
use crate::index::IndexVec;
use crate::k8s::{BrokenObject, Object};
use rustc_hash::FxHashSet;

/// An input to read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// A file, a named pipe, or a directory.
    Path(PathBuf),
    /// Standard input.
    Stdin,
    /// A text the caller has; the name stands in messages.
    Text {
        /// Its name in messages.
        name: String,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

/// Settings for reading.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Descend into sub-directories.
    pub recursive: bool,
    /// Leave out what fits one of these, by its path below the directory that is given, or by its name.
    pub exclude: Vec<Glob>,
    /// Read YAML and lists in JSON the careful way, which is slower and gives the same; tests hold the two to each other.
    pub careful: bool,
}

/// One object and where it was read.
#[derive(Clone, PartialEq, Debug)]
pub struct Manifest {
    /// The object.
    pub object: Object,
    /// Its place in the sources.
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
    texts: IndexVec<SourceId, Source>,
    /// Positions of the fields of documents that a message pointed into, kept for the next message.
    kept: locate::Kept,
    kustomized: Kustomized,
}

/// One text.
#[derive(Debug)]
pub struct Source {
    /// Its name in messages: the path as given, `-` for standard input.
    pub name: String,
    /// Its bytes.
    pub bytes: Bytes,
    /// The start of each stretch of [`STRETCH`] bytes; made when first needed.
    stretches: OnceLock<Vec<Stretch>>,
}

/// Most bytes that are searched for the end of the word that a finding points at, if its field does not say.
const LONGEST_WORD: usize = 1 << 10;

/// See [`Source::stretches`].
const STRETCH: usize = 4 << 10;

/// The start of a stretch of a source.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    /// Number of line feeds before it.
    line_feeds: u32,
    /// Number of characters of its line before it.
    characters: u32,
}

/// A place in a source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Position {
    /// The name of the source in messages.
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
    let Options { recursive, exclude, careful } = options;
    let mut loader = Loader { loaded, careful, ..Loader::default() };
    for input in inputs {
        let rules = Rules { recursive, exclude: &exclude, own: false };
        walk::walk(input, rules, &mut |found| loader.found(found));
    }
    loader.finish()
}

/// Collects what is read, in order.
#[derive(Default)]
struct Loader {
    loaded: Loaded,
    /// Set if there was an object, even of a kind that is not read.
    any_object: bool,
    kustomized: Kustomized,
    /// Objects of kinds that are not read, by kind and what they hold.
    holders: BTreeMap<(Box<str>, Holds), Tally>,
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
            Found::Unreadable { name, message, help } => {
                let source = self.loaded.sources.texts.push(Source::new(name, Vec::new().into()));
                let finding = Diagnostic { help, ..Diagnostic::new(Code::Unreadable, message) };
                self.unreadable(source, 0, finding);
            }
            Found::Text { name, bytes, kustomizes } => {
                let source = self.loaded.sources.texts.push(Source::new(name, bytes));
                if !kustomizes.is_some_and(|directory| self.kustomization(source, directory)) {
                    self.text(source);
                }
            }
        }
    }

    /// Nothing is known of a source: it could hold anything.
    fn unreadable(&mut self, source: SourceId, length: usize, finding: Diagnostic) {
        self.broken(source, length, finding, Object::Broken(BrokenObject::default()));
    }

    /// Adds what stands in for a whole source, and says why.
    fn broken(&mut self, source: SourceId, length: usize, finding: Diagnostic, object: Object) {
        let origin = Origin { source, document: 0..length as u64, item: "".into() };
        self.loaded.diagnostics.push(finding.with_origin(origin.clone()));
        self.loaded.manifests.push(Manifest { object, origin });
    }

    /// Reads a file that is called a kustomization; whether it is one.
    fn kustomization(&mut self, source: SourceId, directory: PathBuf) -> bool {
        let bytes = &self.loaded.sources.texts[source].bytes;
        let Ok(Some(tree)) =
            as_text(bytes).map_err(|_| ()).and_then(|(text, _)| yaml::parse(text).map_err(|_| ()))
        else {
            return false;
        };
        if !kustomize::is_one(&tree) {
            return false;
        }
        let finding = kustomize::check(&tree, &directory);
        let resources = kustomize::resources(&tree);
        drop(tree);
        let origin = Origin { source, document: 0..bytes.len() as u64, item: "".into() };
        let kustomization = Kustomization { directory, resources, origin };
        if let Some(finding) = finding {
            self.unreadable(source, bytes.len(), finding);
        }
        self.kustomized.0.push(kustomization);
        true
    }

    fn text(&mut self, source: SourceId) {
        let bytes = &self.loaded.sources.texts[source].bytes;
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
                let (length, object) = (bytes.len(), unread::unread(bytes));
                return self.broken(source, length, finding.with_help(unread::LEAVE_OUT), object);
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
                Item::Ignored { kind, holds: Some(holds), origin } => {
                    self.any_object = true;
                    let first = Tally { count: 0, first: origin };
                    self.holders.entry((kind, holds)).or_insert(first).count += 1;
                }
                Item::Ignored { kind, holds: None, origin } => {
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
        let sources = &mut self.loaded.sources;
        self.loaded.diagnostics.extend(self.kustomized.missing(sources.iter().map(|source| &*source.name)));
        sources.kustomized.0.append(&mut self.kustomized.0);
        for ((kind, holds), Tally { count, first }) in std::mem::take(&mut self.holders) {
            let objects = if count == 1 { "object" } else { "objects" };
            let message =
                format!("did not read {count} {objects} of kind {kind}: policies or pods may come of that");
            let warning = Diagnostic::new(Code::NotRead, message).with_origin(first).with_help(holds.help());
            self.loaded.diagnostics.push(warning);
        }
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

/// True if kubectl takes an unquoted text for the string that it is, and not for a number, boolean or null.
pub(crate) fn is_plain_string(text: &str) -> bool {
    matches!(Scalar::resolve(text.into(), true, None), Ok(Scalar::String(_)))
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
        Self { name, bytes, stretches: OnceLock::new() }
    }

    /// Line and column of a byte, both from 1; the column in characters.
    fn line_and_column(&self, offset: usize) -> (u32, u32) {
        let offset = offset.min(self.bytes.len());
        let stretches = self.stretches.get_or_init(|| stretches(&self.bytes));
        let number = (offset / STRETCH).min(stretches.len().saturating_sub(1));
        let Some(before) = stretches.get(number) else { return (1, 1) };
        let here = before.after(&self.bytes[number * STRETCH..offset]);
        // A byte order mark is no character of the first line.
        let mark = "\u{feff}".as_bytes();
        let hidden = here.line_feeds == 0 && offset >= mark.len() && self.bytes.starts_with(mark);
        (here.line_feeds.saturating_add(1), here.characters.saturating_add(1) - u32::from(hidden))
    }
}

/// Finds the starts of the stretches of a text.
fn stretches(bytes: &[u8]) -> Vec<Stretch> {
    let mut at = Stretch { line_feeds: 0, characters: 0 };
    let begin = |stretch: &[u8]| {
        let after = at.after(stretch);
        std::mem::replace(&mut at, after)
    };
    bytes.chunks(STRETCH).map(begin).collect()
}

impl Stretch {
    /// The position after `bytes`, which stand here.
    fn after(self, bytes: &[u8]) -> Self {
        let count = |bytes: &[u8], counts: fn(u8) -> bool| -> u32 {
            bytes.iter().map(|byte| u32::from(counts(*byte))).sum()
        };
        // Every byte but a continuation byte starts a character.
        let characters = |bytes| count(bytes, |byte| byte & 0xc0 != 0x80);
        match memchr::memrchr(b'\n', bytes) {
            Some(last) => Self {
                line_feeds: self.line_feeds.saturating_add(count(bytes, |byte| byte == b'\n')),
                characters: characters(&bytes[last + 1..]),
            },
            None => Self { characters: self.characters.saturating_add(characters(bytes)), ..self },
        }
    }
}

impl Sources {
    /// One text.
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.texts.get(id)
    }

    /// All texts, in the order in which they were read.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Source> {
        self.texts.iter()
    }

    /// Finds the position of a field: `path` as Kubernetes writes it, empty for the object itself (its `kind` or
    /// first field). Falls back to the nearest enclosing field that exists.
    pub fn locate(&self, origin: &Origin, path: &str) -> Option<Position> {
        let source = self.get(origin.source)?;
        let (start, end) = (origin.document.start as usize, origin.document.end as usize);
        let document = source.bytes.get(start..end)?;
        let span =
            self.kept.locate((origin.source, start..end), document, &format!("{}{path}", origin.item))?;
        Some(Self::at(source, start + span.start..start + span.end))
    }

    /// The position that a finding points at: its offset if it has one, else its field.
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
        let rest = &rest[..rest.len().min(LONGEST_WORD)];
        let word = rest.iter().position(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b':'));
        Some(Self::at(source, offset..offset + word.unwrap_or(rest.len().min(1))))
    }

    /// Says of required fields that are misspelled what is wrong, and of errors that come of reading a directory file by
    /// file that it is meant to be rendered.
    pub fn advise(&self, findings: &mut Vec<Diagnostic>) {
        slip::join(findings);
        for finding in findings {
            let comes_of_that = matches!(
                finding.code,
                Code::DuplicateObject | Code::RequiredValue | Code::UnknownField | Code::DuplicateKey
            );
            let source = finding.origin.as_ref().and_then(|origin| self.get(origin.source));
            if finding.help.is_none()
                && comes_of_that
                && let Some(directory) = source.and_then(|source| self.kustomized.around(&source.name))
            {
                finding.help = Some(kustomize::help(directory));
            }
        }
    }

    fn at(source: &Source, span: std::ops::Range<usize>) -> Position {
        let (line, column) = source.line_and_column(span.start);
        Position { source: source.name.clone(), line, column, span }
    }
}

#[cfg(test)]
mod tests;
