//! Documents of podreach's own kinds, read like manifests: strictly, and with the place of everything.
//!
//! They come from people who may be strangers as manifests do, so they are read with the same limits, and what is said of
//! them quotes no more than names.

use std::fmt;

use serde::de::DeserializeOwned;

use super::de::{already_set, duplicates};
use super::node::{Tree, Value};
use super::walk::{self, Found, Rules};
use super::{Input, Source, Sources, as_text, split, without_nul, yaml};
use crate::diagnostic::{Code, Diagnostic, Origin, SourceId, cut, shortened};

/// The most problems of one document that are reported; each costs a pass over it.
const MOST_PROBLEMS: usize = 50;

/// The `apiVersion` of podreach's own documents.
const API_VERSION: &str = "podreach/v1";

/// Everything that was read.
#[derive(Debug)]
pub struct Own<T> {
    /// The documents, in the order of the input; of one with problems, what is sound.
    pub documents: Vec<OwnDocument<T>>,
    /// The texts they came from.
    pub sources: Sources,
    /// The problems of the documents.
    pub diagnostics: Vec<Diagnostic>,
}

/// One document.
#[derive(Debug)]
pub struct OwnDocument<T> {
    /// Its fields.
    pub content: T,
    /// Its place in the sources.
    pub origin: Origin,
    /// The fields that could not be read and were left out of it.
    pub left_out: Vec<String>,
}

/// Reads the documents of one kind. Of a directory, documents of other kinds are passed over; a file that is named may leave
/// out what it is.
pub fn own<T: DeserializeOwned>(kind: &str, inputs: &[Input], recursive: bool) -> Own<T> {
    let mut own = Own { documents: Vec::new(), sources: Sources::default(), diagnostics: Vec::new() };
    for input in inputs {
        let before = (own.documents.len(), own.diagnostics.len());
        let in_directory = matches!(input, Input::Path(path) if path.is_dir());
        let rules = Rules { recursive, exclude: &[], own: true };
        walk::walk(input, rules, &mut |found| match found {
            Found::Note(note) => own.diagnostics.push(note),
            Found::Unreadable { name, message, help } => {
                let source = own.sources.texts.push(Source::new(name, Vec::new().into()));
                let finding = Diagnostic { help, ..Diagnostic::new(Code::Unreadable, message) };
                own.report(finding, source, 0..0);
            }
            Found::Text { name, bytes, .. } => {
                let source = own.sources.texts.push(Source::new(name, bytes));
                own.text(kind, source, in_directory);
            }
        });
        if before == (own.documents.len(), own.diagnostics.len()) {
            let name = match input {
                Input::Path(path) => path.display().to_string(),
                Input::Stdin => "standard input".to_owned(),
                Input::Text { name, .. } => name.clone(),
            };
            own.diagnostics.push(Diagnostic::new(Code::NoObjects, format!("`{name}` holds no {kind}")));
        }
    }
    own
}

impl<T: DeserializeOwned> Own<T> {
    fn report(&mut self, finding: Diagnostic, source: SourceId, document: std::ops::Range<u64>) {
        self.diagnostics.push(finding.with_origin(Origin { source, document, item: "".into() }));
    }

    fn text(&mut self, kind: &str, source: SourceId, in_directory: bool) {
        let bytes = &self.sources.texts[source].bytes;
        let read = without_nul(bytes).and_then(|()| as_text(bytes));
        let (text, start) = match read {
            Ok((text, start)) => (text.to_owned(), start),
            Err((message, offset)) => {
                let length = bytes.len() as u64;
                let finding = Diagnostic::new(Code::NotText, message).with_offset(offset as u64);
                return self.report(finding, source, 0..length);
            }
        };
        for range in split::documents(&text) {
            let first = (start + range.start) as u64;
            let origin = Origin { source, document: first..first + range.len() as u64, item: "".into() };
            match yaml::parse(&text[range]) {
                Ok(None) => {}
                Ok(Some(tree)) => self.document(kind, tree, origin, in_directory),
                Err(fault) => {
                    let at = origin.document.start + fault.offset as u64;
                    let finding = Diagnostic::new(fault.code, fault.message).with_offset(at);
                    self.diagnostics.push(finding.with_origin(origin));
                }
            }
        }
    }

    fn document(&mut self, kind: &str, mut tree: Tree<'_>, origin: Origin, in_directory: bool) {
        let field = |key| tree.root().get(key).and_then(super::node::Cursor::as_str);
        let (api_version, found) = (field("apiVersion"), field("kind"));
        let is_left_out = |key| !in_directory && tree.root().get(key).is_none();
        let is_meant = (api_version == Some(API_VERSION) || is_left_out("apiVersion"))
            && (found == Some(kind) || is_left_out("kind"));
        if !is_meant {
            if !in_directory {
                self.diagnostics.push(not_of_kind(kind, api_version, found).with_origin(origin));
            }
            return;
        }
        let mut left_out = Vec::new();
        loop {
            let root = tree.root();
            let error = match T::deserialize(root) {
                Ok(content) => return self.documents.push(OwnDocument { content, origin, left_out }),
                Err(error) => error,
            };
            let steps = error.steps();
            let problem = error.into_problem(root);
            let mut finding = Diagnostic::new(problem.code, problem.message)
                .with_origin(origin.clone())
                .with_path(problem.path.clone())
                .with_offset(origin.document.start + problem.span.start as u64);
            finding.help = problem.help;
            self.diagnostics.push(finding);
            left_out.push(problem.path);
            // Without what is wrong, the rest may say more.
            if left_out.len() >= MOST_PROBLEMS || !tree.leave_out(&steps) {
                return;
            }
        }
    }
}

/// The reason why a text is no document of podreach's own, and its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnError {
    /// The problem in words.
    pub message: String,
    /// The field; empty for the document.
    pub path: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

impl fmt::Display for OwnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { message, path, line, column } = self;
        if !path.is_empty() {
            write!(f, "{path}: ")?;
        }
        write!(f, "{message} at line {line}, column {column}")
    }
}

impl std::error::Error for OwnError {}

/// Reads a text that is one document without a kind that says what it is, or with one that `T` reads; `None` if there is
/// nothing in it. No key may be written twice.
pub fn document<T: DeserializeOwned>(bytes: &[u8]) -> Result<Option<T>, OwnError> {
    let source = Source::new(String::new(), bytes.to_vec().into());
    let at = |message: String, path: String, offset: usize| {
        let (line, column) = source.line_and_column(offset);
        let message = shortened(&message).into_owned();
        OwnError { message, path: cut(&path, LONGEST_PATH).into_owned(), line, column }
    };
    let read = without_nul(bytes).and_then(|()| as_text(bytes));
    let (text, start) = read.map_err(|(message, offset)| at(message, String::new(), offset))?;
    let documents = split::documents(text);
    if let Some(second) = documents.get(1) {
        let message = "a second document begins here".to_owned();
        return Err(at(message, String::new(), start + second.start));
    }
    let tree = yaml::parse(text).map_err(|fault| at(fault.message, String::new(), start + fault.offset))?;
    let Some(tree) = tree else { return Ok(None) };
    for node in tree.nodes() {
        if let Some(twice) = duplicates(node.entries()).next() {
            let offset = start + twice.key_span.start as usize;
            return Err(at(already_set(&twice.key), String::new(), offset));
        }
    }
    let root = tree.root();
    if !matches!(root.value(), Value::Map(_)) {
        let message = format!("expected an object, found {}", with_article(root.type_name()));
        return Err(at(message, String::new(), start + root.span().start));
    }
    T::deserialize(root).map(Some).map_err(|error| {
        let problem = error.into_problem(root);
        at(problem.message, problem.path, start + problem.span.start)
    })
}

/// The most characters of a path in a message.
const LONGEST_PATH: usize = 200;

fn with_article(type_name: &str) -> String {
    let article = if type_name.starts_with(['a', 'o']) { "an" } else { "a" };
    format!("{article} {type_name}")
}

fn not_of_kind(kind: &str, api_version: Option<&str>, found: Option<&str>) -> Diagnostic {
    let what = match (api_version, found) {
        (Some(API_VERSION), Some(found)) => format!("`{found}`"),
        (Some(other), Some(found)) => format!("`{found}` of apiVersion `{other}`"),
        (Some(other), None) => format!("a document of apiVersion `{other}` without kind"),
        (None, Some(found)) => format!("`{found}` without apiVersion"),
        (None, None) => "a document without apiVersion and kind".to_owned(),
    };
    let path = if found == Some(kind) { "apiVersion" } else { "kind" };
    Diagnostic::new(Code::InvalidValue, format!("expected a {kind}, found {what}"))
        .with_path(path)
        .with_help(format!("it begins with `apiVersion: {API_VERSION}` and `kind: {kind}`"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read(text: &str) -> Result<Option<BTreeMap<String, Vec<bool>>>, String> {
        document(text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn one_document_strictly() {
        assert_eq!(read("# nothing yet\n"), Ok(None));
        assert_eq!(read("--- # a\na: [true, no]\n").unwrap().unwrap()["a"], [true, false]);
        assert_eq!(read("\u{feff}a: []\n").unwrap().unwrap()["a"], [false; 0]);
        for (text, error) in [
            (
                "a: [true]\nb: [1]\n",
                "b[0]: cannot unmarshal number into field of type bool at line 2, column 5",
            ),
            ("a: []\na: []\n", "key \"a\" already set in map at line 2, column 1"),
            ("a: []\n---\nb: []\n", "a second document begins here at line 2, column 1"),
            ("- a\n", "expected an object, found an array at line 1, column 1"),
            ("some secret\n", "expected an object, found a string at line 1, column 1"),
            ("a\0: []\n", "not a text: it holds a NUL byte at line 1, column 2"),
        ] {
            assert_eq!(read(text), Err(error.to_owned()), "{text}");
        }
        let long = format!("{}: [1]\n", "k".repeat(300));
        assert!(read(&long).unwrap_err().starts_with(&format!("{}…: cannot", "k".repeat(200))));
    }
}
