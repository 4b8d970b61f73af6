//! Findings about the input, for people and for machines.
//!
//! People see so many of a code, since one habit of an input repeats in every object, and how many there are more; machines
//! get all.

mod human;

use std::io::{self, Write};

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::json::Elements;
use super::yaml;
use crate::diagnostic::Diagnostic;
use crate::load::{Position, Source, Sources};

pub use human::{Volume, text};

/// A finding and where it points.
#[derive(Clone, Debug)]
pub struct Located<'a> {
    /// The finding.
    pub diagnostic: &'a Diagnostic,
    /// The position it points to, if any.
    pub position: Option<Position>,
    /// The text it points into.
    pub source: Option<&'a Source>,
}

impl<'a> Located<'a> {
    /// Finds the places of all `diagnostics`.
    pub fn all(diagnostics: &'a [Diagnostic], sources: &'a Sources) -> Vec<Self> {
        diagnostics.iter().map(|diagnostic| Self::new(diagnostic, sources)).collect()
    }

    fn new(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Self {
        let source = diagnostic.origin.as_ref().and_then(|origin| sources.get(origin.source));
        Self { diagnostic, position: sources.position(diagnostic), source }
    }

    /// The name of the file in messages, if there is one.
    pub fn file(&self) -> Option<&str> {
        self.position.as_ref().map(|p| &*p.source).or(self.source.map(|s| &*s.name))
    }
}

/// A finding as machine formats write it.
#[derive(Clone, Copy, Debug)]
pub struct DiagnosticJson<'a>(pub &'a Located<'a>);

impl Serialize for DiagnosticJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Located { diagnostic, position, .. } = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("severity", diagnostic.severity().as_str())?;
        map.serialize_entry("code", diagnostic.code.name())?;
        map.serialize_entry("message", &diagnostic.message)?;
        if let Some(object) = &diagnostic.object {
            map.serialize_entry("kind", &object.kind)?;
            map.serialize_entry("name", &object.path())?;
        }
        if !diagnostic.path.is_empty() {
            map.serialize_entry("path", &diagnostic.path)?;
        }
        if let Some(file) = self.0.file() {
            map.serialize_entry("file", file)?;
        }
        if let Some(Position { line, column, .. }) = position {
            map.serialize_entry("line", line)?;
            map.serialize_entry("column", column)?;
        }
        if let Some(help) = &diagnostic.help {
            map.serialize_entry("help", help)?;
        }
        map.end()
    }
}

/// The Diagnostics object in JSON: what a command prints that asked for JSON and cannot go on.
pub fn json(diagnostics: &[Located<'_>], out: &mut dyn Write) -> io::Result<()> {
    out.write_all(
        b"{\n  \"apiVersion\": \"podreach/v1\",\n  \"kind\": \"Diagnostics\",\n  \"diagnostics\": [",
    )?;
    let mut list = Elements::new();
    for diagnostic in diagnostics {
        list.write(out, &DiagnosticJson(diagnostic))?;
    }
    list.end(out)?;
    out.write_all(b"\n}\n")
}

/// The same object in YAML.
pub fn yaml(diagnostics: &[Located<'_>], out: &mut dyn Write) -> io::Result<()> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Document<'a> {
        api_version: &'static str,
        kind: &'static str,
        diagnostics: Vec<DiagnosticJson<'a>>,
    }
    let diagnostics = diagnostics.iter().map(DiagnosticJson).collect();
    yaml::to_writer(out, &Document { api_version: "podreach/v1", kind: "Diagnostics", diagnostics })
}
