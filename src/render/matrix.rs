//! The allow matrix in every format.
//!
//! Machine formats stream: a flow is written as it comes and is never kept. What people read is grouped first, by
//! sources that reach the same destinations.

mod cell;
mod document;
mod grid;
mod groups;
mod markdown;
mod picture;
mod row;
mod rows;
mod summary;
mod table;
#[cfg(test)]
mod testing;

pub(super) use cell::Cell;
pub(super) use grid::{LARGEST as LARGEST_GRID, used};
pub(super) use rows::{push_cell, push_ports};

use std::io::{self, Write};
use std::ops::ControlFlow;

use super::Format;
use super::diagnostic::Located;
use super::endpoint::Names;
use super::style::Palette;
use super::text::Detail;
use crate::diagnostic::Code;
use crate::profile::Profile;
use crate::query::{By, EndpointFacts, Flow, Matrix, Summary, View};

/// Everything about a matrix but its flows.
#[derive(Debug)]
pub struct Report<'a> {
    /// The names of its endpoints.
    pub names: Names<'a>,
    /// The CNI profile it holds under.
    pub profile: Profile,
    /// Its level.
    pub by: By,
    /// Its counts.
    pub summary: Summary,
    /// Its endpoints, pods before externals.
    pub endpoints: Vec<EndpointFacts>,
    /// Notes on the input.
    pub notes: &'a [Located<'a>],
}

/// The notes on what the answer hangs on beside the policies, and on what policies say for nothing; the others speak of
/// the input.
fn remarks<'a>(report: &'a Report<'a>) -> impl Iterator<Item = &'a Located<'a>> {
    let is_remark = |code| matches!(code, Code::MissingFact | Code::ProfilesDiffer | Code::MatchesNothing);
    report.notes.iter().filter(move |note| is_remark(note.diagnostic.code))
}

/// The flows of a matrix, which may be too many to keep.
pub trait Flows {
    /// Visits every flow in order, until `visit` fails.
    fn for_each(&self, visit: &mut dyn FnMut(&Flow) -> io::Result<()>) -> io::Result<()>;
}

/// The flows that a view of a matrix shows.
#[derive(Clone, Copy, Debug)]
pub struct Viewed<'a> {
    /// The matrix.
    pub matrix: &'a Matrix<'a>,
    /// The view, which selects flows.
    pub view: &'a View,
}

impl Flows for Viewed<'_> {
    fn for_each(&self, visit: &mut dyn FnMut(&Flow) -> io::Result<()>) -> io::Result<()> {
        let result = self.matrix.for_each_flow(self.view, |flow| match visit(flow) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        });
        match result {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(error) => Err(error),
        }
    }
}

/// The formats a matrix has.
pub const FORMATS: &[Format] = &[
    Format::Table,
    Format::Wide,
    Format::Json,
    Format::Yaml,
    Format::Ndjson,
    Format::Csv,
    Format::Markdown,
    Format::Dot,
    Format::Mermaid,
    Format::Svg,
];

/// The formats its counts have.
pub const SUMMARY_FORMATS: &[Format] =
    &[Format::Table, Format::Wide, Format::Json, Format::Yaml, Format::Ndjson, Format::Csv, Format::Markdown];

/// The formats among them that are pictures.
pub const PICTURES: &[Format] = &[Format::Dot, Format::Mermaid, Format::Svg];

/// The most endpoints of a table for people that leaves something out, and of one in Markdown.
pub const LARGEST_TEXT: usize = 1_000;

/// The most endpoints of a picture.
pub const LARGEST_PICTURE: usize = super::svg::table::LARGEST;

/// Writes a matrix, in one of its [`FORMATS`].
pub fn write(
    format: Format,
    report: &Report<'_>,
    flows: &dyn Flows,
    palette: Palette,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Table => table::write(report, flows, Detail::Short, palette, out),
        Format::Wide => table::write(report, flows, Detail::Wide, palette, out),
        Format::Json => document::json(report, Some(flows), out),
        Format::Yaml => document::yaml(report, Some(flows), out),
        Format::Ndjson => rows::ndjson(&report.names, flows, out),
        Format::Csv => rows::csv(&report.names, flows, out),
        Format::Markdown => markdown::write(report, flows, out),
        Format::Dot | Format::Mermaid | Format::Svg => picture::write(format, report, flows, out),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// Writes the counts of a matrix and neither endpoints nor flows, in one of its [`SUMMARY_FORMATS`].
pub fn write_summary(
    format: Format,
    report: &Report<'_>,
    palette: Palette,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Table | Format::Wide => summary::text(report, palette, out),
        Format::Json => document::json(report, None, out),
        Format::Yaml => document::yaml(report, None, out),
        Format::Ndjson => summary::ndjson(&report.summary, out),
        Format::Csv => summary::csv(&report.summary, out),
        Format::Markdown => summary::markdown(report, out),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}
