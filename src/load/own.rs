//! Documents of podreach's own kinds, read like manifests: strictly, and with the place of everything.

use serde::de::DeserializeOwned;

use super::node::Tree;
use super::walk::{self, Found};
use super::{Input, Source, Sources, as_text, split, without_nul, yaml};
use crate::diagnostic::{Code, Diagnostic, Origin, SourceId};

/// The most problems of one document that are reported; each costs a pass over it.
const MOST_PROBLEMS: usize = 50;

/// What a document says it is.
const API_VERSION: &str = "podreach/v1";

/// Everything that was read.
#[derive(Debug)]
pub struct Own<T> {
    /// The documents, in the order of the input; of one with problems, what is sound.
    pub documents: Vec<OwnDocument<T>>,
    /// The texts they came from.
    pub sources: Sources,
    /// What is wrong with them.
    pub diagnostics: Vec<Diagnostic>,
}

/// One document.
#[derive(Debug)]
pub struct OwnDocument<T> {
    /// What it says.
    pub content: T,
    /// Where it stands.
    pub origin: Origin,
    /// The fields that could not be read and were left out of it.
    pub left_out: Vec<String>,
}

/// Reads the documents of one kind. Of a directory, documents of other kinds are passed over.
pub fn own<T: DeserializeOwned>(kind: &str, inputs: &[Input], recursive: bool) -> Own<T> {
    let mut own = Own { documents: Vec::new(), sources: Sources::default(), diagnostics: Vec::new() };
    for input in inputs {
        let before = (own.documents.len(), own.diagnostics.len());
        let in_directory = matches!(input, Input::Path(path) if path.is_dir());
        walk::walk(input, recursive, &mut |found| match found {
            Found::Note(note) => own.diagnostics.push(note),
            Found::Unreadable { name, message } => {
                let source = own.sources.sources.push(Source::new(name, Vec::new().into()));
                own.report(Diagnostic::new(Code::Unreadable, message), source, 0..0);
            }
            Found::Text { name, bytes } => {
                let source = own.sources.sources.push(Source::new(name, bytes));
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
        let bytes = &self.sources.sources[source].bytes;
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
        if (api_version, found) != (Some(API_VERSION), Some(kind)) {
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

fn not_of_kind(kind: &str, api_version: Option<&str>, found: Option<&str>) -> Diagnostic {
    let what = match (api_version, found) {
        (Some(API_VERSION), Some(found)) => format!("`{found}`"),
        (Some(other), Some(found)) => format!("`{found}` of apiVersion `{other}`"),
        _ => "a document without apiVersion and kind".to_owned(),
    };
    let path = if found == Some(kind) { "apiVersion" } else { "kind" };
    Diagnostic::new(Code::InvalidValue, format!("expected a {kind}, found {what}"))
        .with_path(path)
        .with_help(format!("it begins with `apiVersion: {API_VERSION}` and `kind: {kind}`"))
}
