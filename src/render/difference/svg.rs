//! The endpoints that changes are about as a table.

use std::collections::{BTreeMap, BTreeSet};

use super::text::mark;
use super::{Report, carried_text};
use crate::query::Endpoint;
use crate::query::difference::{PartyId, Presence, Sign};
use crate::render::svg::table::{self, LARGEST, Paint, Table};

/// What a row or a column stands for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    /// Addresses stand last.
    outside: bool,
    name: String,
}

struct Cell {
    sign: Sign,
    text: Vec<String>,
}

/// Draws the difference; more than [`LARGEST`] endpoints are put together by namespace.
pub(super) fn draw(report: &Report<'_>) -> String {
    let difference = report.difference;
    let concerned: BTreeSet<PartyId> =
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
    let rows: BTreeSet<&Line> = cells.keys().map(|(from, _)| from).collect();
    let columns: BTreeSet<&Line> = cells.keys().map(|(_, to)| to).collect();
    let mut drawn = BTreeMap::new();
    for (i, row) in rows.iter().enumerate() {
        for (j, column) in columns.iter().enumerate() {
            let cell = cells.get(&((*row).clone(), (*column).clone()));
            let cell = cell.map_or_else(
                || table::Cell {
                    paint: Paint::None,
                    sign: String::new(),
                    text: "nothing changes".to_owned(),
                },
                |cell| table::Cell {
                    paint: paint(cell.sign),
                    sign: mark(cell.sign).to_owned(),
                    text: cell.text.join(", "),
                },
            );
            drawn.insert((i, j), cell);
        }
    }
    let names = |lines: BTreeSet<&Line>| lines.into_iter().map(|line| line.name.clone()).collect();
    let legend = [
        (Sign::More, "newly allowed"),
        (Sign::Less, "no longer allowed"),
        (Sign::Other, "other ports"),
        (Sign::Unknown, "no longer certain"),
    ];
    let table = Table {
        title: "What differs between two inputs".to_owned(),
        headline: report.headline(),
        rows: names(rows),
        columns: names(columns),
        cells: drawn,
        legend: legend.map(|(sign, meaning)| (paint(sign), mark(sign).to_owned(), meaning)).into(),
    };
    table.draw()
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

const fn paint(sign: Sign) -> Paint {
    match sign {
        Sign::More => Paint::Allow,
        Sign::Less => Paint::Deny,
        Sign::Other => Paint::Doubt,
        Sign::Unknown => Paint::Unknown,
    }
}
