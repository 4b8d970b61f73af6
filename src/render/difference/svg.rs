//! The endpoints that changes are about as a table: a row for each source, a column for each destination.
//!
//! Every changed cell has a sign beside its colour, and its whole text as a title. Colours are legible on light and dark.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use super::text::mark;
use super::{Report, carried_text};
use crate::query::Endpoint;
use crate::query::difference::{PartyId, Presence, Sign};
use crate::render::text::{is_unprintable, width};

/// The most rows and columns; more are put together by namespace.
const LARGEST: usize = 60;

/// In pixels: a cell, a letter, the head.
const CELL: usize = 28;
const LETTER: usize = 8;
const MARGIN: usize = 16;
const HEAD: usize = 64;

/// A user's text in XML.
struct Xml<'a>(&'a str);

impl fmt::Display for Xml<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '&' => f.write_str("&amp;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            c if is_unprintable(c) => write!(f, "{}", c.escape_unicode()),
            c => f.write_char(c),
        })
    }
}

/// What a row or a column stands for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    /// Addresses stand last.
    outside: bool,
    name: String,
}

#[derive(Clone)]
struct Cell {
    sign: Sign,
    text: Vec<String>,
}

/// Draws the difference.
pub(super) fn draw(report: &Report<'_>) -> String {
    let difference = report.difference;
    let concerned: std::collections::BTreeSet<PartyId> =
        difference.changes.iter().flat_map(|change| [change.from, change.to]).collect();
    let by_namespace = concerned.len() > LARGEST;
    let line = |id: PartyId| line(report, id, by_namespace);
    let mut cells: BTreeMap<(Line, Line), Cell> = BTreeMap::new();
    for change in &difference.changes {
        let (before, after) = (&difference.carried[change.before], &difference.carried[change.after]);
        let sign = Sign::of(before, after);
        let text = format!("{} (before: {})", carried_text(after, 200), carried_text(before, 200));
        cells
            .entry((line(change.from), line(change.to)))
            .and_modify(|cell| {
                if cell.sign != sign {
                    cell.sign = Sign::Other;
                }
                if cell.text.len() < 4 {
                    cell.text.push(text.clone());
                }
            })
            .or_insert_with(|| Cell { sign, text: vec![text.clone()] });
    }
    let rows: Vec<&Line> = unique(cells.keys().map(|(from, _)| from));
    let columns: Vec<&Line> = unique(cells.keys().map(|(_, to)| to));
    let left = MARGIN + LETTER * rows.iter().map(|row| width(&row.name)).max().unwrap_or(0) + 2 * LETTER;
    let top = HEAD + LETTER * columns.iter().map(|column| width(&column.name)).max().unwrap_or(0);
    let headline = report.headline();
    let wide = (left + CELL * columns.len() + MARGIN).max(LETTER * width(&headline) + 2 * MARGIN).max(440);
    let high = top + CELL * rows.len() + 3 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{wide}\" height=\"{high}\" viewBox=\"0 0 {wide} {high}\" role=\"img\" font-family=\"ui-monospace, monospace\" font-size=\"13\">\n\
         <title>What differs between two inputs</title>\n<desc>{}: rows are sources, columns are destinations.</desc>\n\
         <style>\n  .ground {{ fill: #ffffff }} text {{ fill: #1f2328 }} .grid {{ fill: none; stroke: #d1d9e0 }}\n  \
         .more {{ fill: #aceebb }} .less {{ fill: #ffcecb }} .other {{ fill: #f2e6a6 }} .unknown {{ fill: #d9d9e3 }}\n  \
         @media (prefers-color-scheme: dark) {{\n    .ground {{ fill: #0d1117 }} text {{ fill: #f0f6fc }} .grid {{ stroke: #3d444d }}\n    \
         .more {{ fill: #1f5c33 }} .less {{ fill: #8c2a26 }} .other {{ fill: #6b5b10 }} .unknown {{ fill: #4a4a5c }}\n  }}\n</style>\n\
         <rect class=\"ground\" width=\"{wide}\" height=\"{high}\"/>\n",
        Xml(&headline)
    );
    let text = |svg: &mut String, x: usize, y: usize, attributes: &str, text: &str| {
        writeln!(svg, "<text x=\"{x}\" y=\"{y}\"{attributes}>{}</text>", Xml(text))
            .expect("writing to a string cannot fail");
    };
    text(&mut svg, MARGIN, MARGIN + 10, " font-weight=\"bold\"", &headline);
    text(&mut svg, MARGIN, MARGIN + 30, "", "from \\ to");
    for (i, column) in columns.iter().enumerate() {
        let x = left + CELL * i + CELL / 2 + 4;
        let turned = format!(" transform=\"rotate(-90 {x} {})\"", top - 6);
        text(&mut svg, x, top - 6, &turned, &column.name);
    }
    for (i, row) in rows.iter().enumerate() {
        let y = top + CELL * i;
        text(&mut svg, left - LETTER, y + CELL / 2 + 4, " text-anchor=\"end\"", &row.name);
        for (j, column) in columns.iter().enumerate() {
            let x = left + CELL * j;
            let cell = cells.get(&((*row).clone(), (*column).clone()));
            let title = cell.map(|cell| format!("{} -> {}: {}", row.name, column.name, cell.text.join(", ")));
            match (cell, title) {
                (Some(Cell { sign, .. }), Some(title)) => writeln!(
                    svg,
                    "<g><title>{}</title><rect class=\"{}\" x=\"{x}\" y=\"{y}\" width=\"{CELL}\" height=\"{CELL}\"/>\
                     <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text></g>",
                    Xml(&title),
                    class(*sign),
                    x + CELL / 2,
                    y + CELL / 2 + 5,
                    mark(*sign)
                ),
                _ => writeln!(
                    svg,
                    "<rect class=\"grid\" x=\"{x}\" y=\"{y}\" width=\"{CELL}\" height=\"{CELL}\"/>"
                ),
            }
            .expect("writing to a string cannot fail");
        }
    }
    let legend = "+ newly allowed   - no longer allowed   ~ other ports   ? no longer certain";
    text(&mut svg, MARGIN, high - MARGIN, " font-size=\"11\" xml:space=\"preserve\"", legend);
    svg.push_str("</svg>\n");
    svg
}

fn unique<'l>(lines: impl Iterator<Item = &'l Line>) -> Vec<&'l Line> {
    lines.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

fn line(report: &Report<'_>, id: PartyId, by_namespace: bool) -> Line {
    let (names, endpoint) = report.names_of(id);
    let name = match (by_namespace, names.namespace(endpoint)) {
        (true, Some(namespace)) => namespace.to_owned(),
        _ => names.full(endpoint),
    };
    let mark = match report.presence(id) {
        Presence::Appeared if !by_namespace => " (new)",
        Presence::Vanished if !by_namespace => " (gone)",
        _ => "",
    };
    Line { outside: matches!(endpoint, Endpoint::External(_)), name: format!("{name}{mark}") }
}

const fn class(sign: Sign) -> &'static str {
    match sign {
        Sign::More => "more",
        Sign::Less => "less",
        Sign::Other => "other",
        Sign::Unknown => "unknown",
    }
}
