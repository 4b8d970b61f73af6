//! Bytes to manifests: the only user of the file system and of the YAML and JSON parsers.
//!
//! Owns walking directories, splitting documents, the scalar rules of kubectl, strict decoding, and the positions of
//! fields. Never interprets a policy. Every problem becomes a [`Diagnostic`]; nothing is skipped without one.

use std::path::PathBuf;

use crate::diagnostic::{Diagnostic, Origin, SourceId};
use crate::index::IndexVec;
use crate::k8s::Object;

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
    pub bytes: Vec<u8>,
}

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
pub fn load(inputs: &[Input], options: Options) -> Loaded {
    let _ = (inputs, options);
    unimplemented!("by the loader")
}

impl Sources {
    /// One text.
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.sources.get(id)
    }

    /// Where a field of an object stands: `path` as Kubernetes writes it, empty for the object itself (its `kind` or
    /// first field). Falls back to the nearest enclosing field that exists.
    pub fn locate(&self, origin: &Origin, path: &str) -> Option<Position> {
        let _ = (origin, path);
        unimplemented!("by the loader")
    }

    /// Where a finding points.
    pub fn position(&self, diagnostic: &Diagnostic) -> Option<Position> {
        let _ = diagnostic;
        unimplemented!("by the loader")
    }
}
