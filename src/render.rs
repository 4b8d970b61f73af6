//! Every byte of output. Decides nothing: it is given answers and says them in the format that was asked for.
//!
//! What users wrote (names, labels, file names, lines of YAML) never reaches a terminal, the log of a CI runner, a Markdown
//! page or a spreadsheet unescaped; [`text`] holds the rules.

mod because;
mod carried;
pub mod diagnostic;
pub mod difference;
pub mod endpoint;
pub mod explain;
mod graph;
mod json;
pub mod matrix;
pub mod mutants;
pub mod notes;
pub mod page;
pub mod reach;
pub mod snapshot;
pub mod style;
mod svg;
pub mod test;
pub mod text;
pub mod warnings;
mod yaml;

use std::io::{self, Write};

use serde::Serialize;

/// Writes one object in JSON or YAML.
pub fn object<T: Serialize>(format: Format, object: &T, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Yaml => yaml::to_writer(out, object),
        _ => json::pretty(out, object),
    }
}

/// The formats of outputs; not every command has every one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Format {
    /// For people: short, the important things first.
    #[default]
    Table,
    /// For people: nothing shortened, with labels and counts.
    Wide,
    /// One JSON object.
    Json,
    /// The same object in YAML.
    Yaml,
    /// One JSON object a line, rows only.
    Ndjson,
    /// Comma-separated values, rows only.
    Csv,
    /// Markdown tables.
    Markdown,
    /// A graph for Graphviz.
    Dot,
    /// A graph for Mermaid.
    Mermaid,
    /// A picture.
    Svg,
    /// A page to look at.
    Html,
    /// Tests as JUnit XML, for CI servers.
    Junit,
    /// Tests as SARIF 2.1.0, for code scanning.
    Sarif,
    /// The Test Anything Protocol.
    Tap,
    /// Annotations of a GitHub workflow.
    Github,
}

impl Format {
    /// All formats, the default first.
    pub const ALL: [Self; 15] = [
        Self::Table,
        Self::Wide,
        Self::Json,
        Self::Yaml,
        Self::Ndjson,
        Self::Csv,
        Self::Markdown,
        Self::Dot,
        Self::Mermaid,
        Self::Svg,
        Self::Html,
        Self::Junit,
        Self::Sarif,
        Self::Tap,
        Self::Github,
    ];

    /// The name `-o` takes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Wide => "wide",
            Self::Json => "json",
            Self::Yaml => "yaml",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Markdown => "md",
            Self::Dot => "dot",
            Self::Mermaid => "mermaid",
            Self::Svg => "svg",
            Self::Html => "html",
            Self::Junit => "junit",
            Self::Sarif => "sarif",
            Self::Tap => "tap",
            Self::Github => "github",
        }
    }

    /// The format called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.name() == name)
    }
}
