//! A difference as a matrix: before and after in one cell.

use std::collections::BTreeMap;

use super::{Report, carried_text};
use crate::query::By;
use crate::query::Carried;
use crate::query::difference::{Pair, Party, Presence, Sign, Table};
use crate::render::matrix::{Cell, LARGEST_GRID, used};
use crate::render::svg::table::{self, Face, Paint};

/// The contents of a cell of the picture.
enum Look {
    /// The same before and after.
    Same(Cell),
    Changed(Sign, [Cell; 2]),
}

/// Draws the difference.
pub(super) fn draw(report: &Report<'_>, table: &Table) -> String {
    // Ports stand in the cells while they are few enough to be read.
    let has_words = table.rows.len().max(table.columns.len()) <= LARGEST_GRID;
    let looks: BTreeMap<(usize, usize), Look> =
        table.cells.iter().map(|(&place, pair)| (place, look(pair))).collect();
    let cells = looks.iter().map(|(place, look)| {
        (*place, table::Cell { face: face(look, has_words), text: text(&table.cells[place]) })
    });
    let names = |parties: &[Party]| parties.iter().map(|&party| name(report, party)).collect();
    let picture = table::Table {
        title: "What differs between two inputs".to_owned(),
        headline: headline(report, table),
        rows: names(&table.rows),
        columns: names(&table.columns),
        cells: cells.collect(),
        legend: legend(&looks, has_words),
    };
    picture.draw()
}

fn headline(report: &Report<'_>, table: &Table) -> String {
    let mut parts = vec![report.headline()];
    if table.by == By::Namespace && report.difference.by != By::Namespace {
        parts.push("by namespace".to_owned());
    }
    let [rows, columns] = table.left_out;
    if rows + columns > 0 {
        parts.push(format!("no room for {rows} more rows and {columns} more columns"));
    }
    parts.join("; ")
}

fn name(report: &Report<'_>, party: Party) -> String {
    let (names, endpoint) = report.names_of_party(party);
    let mark = match party.presence {
        Presence::Stays => "",
        Presence::Appeared => " (new)",
        Presence::Vanished => " (gone)",
    };
    format!("{}{mark}", names.full(endpoint))
}

fn look(pair: &Pair) -> Look {
    let cell = |carried: &Option<Carried>| match carried {
        None => Cell::Blank,
        Some(carried) => Cell::of(carried, false),
    };
    let [before, after] = pair.flows.each_ref().map(cell);
    match pair.change {
        Some(sign) => Look::Changed(sign, [before, after]),
        None if after == Cell::Blank => Look::Same(before),
        None => Look::Same(after),
    }
}

/// The text of a cell: a word or, where there are many cells, a sign.
fn says(cell: &Cell, has_words: bool) -> String {
    if has_words { cell.word() } else { cell.sign() }.to_owned()
}

fn face(look: &Look, has_words: bool) -> Face {
    match look {
        Look::Same(cell) => Face::new(Paint::Same, says(cell, has_words)),
        Look::Changed(sign, [before, after]) => {
            let before = Some(says(before, has_words));
            Face { before, ..Face::new(paint(*sign), says(after, has_words)) }
        }
    }
}

/// The ports of a pair, before and after.
fn text(pair: &Pair) -> String {
    let whole = |carried: &Option<Carried>| {
        carried.as_ref().map_or_else(|| "not there".to_owned(), |carried| carried_text(carried, 200))
    };
    let [before, after] = pair.flows.each_ref().map(whole);
    match pair.change {
        None if before == after => format!("{after}, before and after"),
        Some(_) if before == after => format!("{after}, before and after, but between other pods"),
        _ => format!("before {before}, after {after}"),
    }
}

fn legend(looks: &BTreeMap<(usize, usize), Look>, has_words: bool) -> Vec<(Face, &'static str)> {
    let mut legend = Vec::new();
    let is_used =
        |sign: Sign| looks.values().any(|look| matches!(look, Look::Changed(used, _) if *used == sign));
    let [some, other] = if has_words { ["80", "443"] } else { ["+", "+"] };
    for (sign, before, after, meaning) in [
        (Sign::More, "-", some, "newly allowed: above what could flow, below what can"),
        (Sign::Less, some, "-", "no longer allowed: above what could flow, below what can"),
        (Sign::Other, some, other, "some more and some less: above what could flow, below what can"),
        (Sign::Unknown, some, "?", "no longer certain: above what could flow, below what can"),
    ] {
        if is_used(sign) {
            legend.push((Face { before: Some(before.to_owned()), ..Face::new(paint(sign), after) }, meaning));
        }
    }
    if looks.values().any(|look| matches!(look, Look::Same(cell) if *cell != Cell::Nothing)) {
        legend.push((Face::new(Paint::Same, some), "some ports, before and after"));
    }
    let all = looks.values().flat_map(|look| match look {
        Look::Same(cell) => std::slice::from_ref(cell),
        Look::Changed(_, cells) => cells,
    });
    legend.extend(used(all).into_iter().filter_map(|cell| {
        let meaning = match cell {
            Cell::Ports(_) if has_words => return None,
            Cell::All => "every port",
            cell => cell.meaning()?,
        };
        Some((Face::new(Paint::None, says(cell, has_words)), meaning))
    }));
    legend
}

const fn paint(sign: Sign) -> Paint {
    match sign {
        Sign::More => Paint::Allow,
        Sign::Less => Paint::Deny,
        Sign::Other => Paint::Doubt,
        Sign::Unknown => Paint::Unknown,
    }
}
