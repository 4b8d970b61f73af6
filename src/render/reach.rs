//! `reach` for people and machines.

mod graph;
mod json;
mod layout;
mod svg;
mod table;
mod words;

use crate::query::reach::Answer;
use crate::render::endpoint::Names;
use crate::render::explain::Context;
use crate::render::graph::{dot, mermaid};
use crate::render::style::Palette;

pub use json::ReachObject;

/// An answer, and what its words need.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The answer.
    pub answer: &'a Answer,
    /// The names of the answer's own externals.
    pub names: &'a Names<'a>,
    /// The cluster and the profile, with a way to find where policies stand.
    pub context: &'a Context<'a>,
}

/// For a terminal; `wide` leaves nothing out.
pub fn text(report: Report<'_>, wide: bool, palette: Palette) -> String {
    table::text(report, wide, palette)
}

/// As Markdown.
pub fn markdown(report: Report<'_>) -> String {
    table::markdown(report)
}

/// The object of `reach -o json`.
pub fn object(report: Report<'_>) -> ReachObject<'_> {
    ReachObject::new(report)
}

/// A graph for Graphviz.
pub fn dot(report: Report<'_>) -> String {
    dot::draw(&graph::graph(report, usize::MAX))
}

/// A graph for Mermaid, which GitHub and GitLab draw; large answers are drawn by namespace.
pub fn mermaid(report: Report<'_>) -> String {
    mermaid::draw(&graph::graph(report, svg::MOST))
}

/// A picture; large answers are drawn by namespace.
pub fn svg(report: Report<'_>) -> String {
    svg::draw(&graph::graph(report, svg::MOST))
}
