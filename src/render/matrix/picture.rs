//! The matrix as a picture: a table, or a graph.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::cell::Cell;
use super::grid;
use super::groups::{Connection, Groups, group};
use super::{Flows, Report, summary};
use crate::net::PortSet;
use crate::query::Endpoint;
use crate::render::Format;
use crate::render::carried::words;
use crate::render::graph::{Edge, Graph, Node, dot, mermaid};
use crate::render::svg::table::{self, Face, LARGEST, Paint, Table};

/// Writes the picture; there are at most [`LARGEST`] endpoints.
pub(super) fn write(
    format: Format,
    report: &Report<'_>,
    flows: &dyn Flows,
    out: &mut dyn Write,
) -> io::Result<()> {
    let groups = group(report, flows, LARGEST)?;
    let picture = match format {
        Format::Dot => dot::draw(&graph(report, &groups)),
        Format::Mermaid => mermaid::draw(&graph(report, &groups)),
        _ => table(report, &groups).draw(),
    };
    out.write_all(picture.as_bytes())
}

fn graph(report: &Report<'_>, groups: &Groups) -> Graph {
    let shown = grid::shown(report);
    let nodes = shown.iter().map(|&place| {
        let endpoint = report.endpoints[place].endpoint;
        let is_namespace = matches!(endpoint, Endpoint::Namespace(_));
        let namespace = report.names.namespace(endpoint).filter(|_| !is_namespace).map(str::to_owned);
        Node { label: report.names.short(endpoint), namespace, is_target: false, layer: 0, doubtful: false }
    });
    let edges = groups.cells.iter().filter_map(|(&(from, to), connection)| {
        let place = |endpoint: usize| shown.binary_search(&endpoint).ok();
        let doubtful = connection.carried.allowed().is_empty();
        let label = if connection.open { "open".to_owned() } else { whole(connection) };
        Some(Edge { from: place(from)?, to: place(to)?, label, doubtful })
    });
    Graph {
        title: TITLE.to_owned(),
        summary: summary::headline(report),
        nodes: nodes.collect(),
        edges: edges.collect(),
        outgoing: true,
    }
}

const TITLE: &str = "Who can reach whom";

fn table(report: &Report<'_>, groups: &Groups) -> Table {
    let shown = grid::shown(report);
    let cells: Vec<Vec<Cell>> = grid::cells(report, groups, &shown);
    let is_filled = |from: usize, to: usize| cells[from][to] != Cell::Blank;
    let all = || 0..shown.len();
    let rows: Vec<usize> = all().filter(|&from| all().any(|to| is_filled(from, to))).collect();
    let columns: Vec<usize> = all().filter(|&to| all().any(|from| is_filled(from, to))).collect();
    // Ports stand in the cells while they are few enough to be read.
    let has_words = rows.len().max(columns.len()) <= grid::LARGEST;
    let says = |cell: &Cell| if has_words { cell.word() } else { cell.sign() }.to_owned();
    let mut drawn = BTreeMap::new();
    for (i, &from) in rows.iter().enumerate() {
        for (j, &to) in columns.iter().enumerate() {
            let cell = &cells[from][to];
            if *cell != Cell::Blank {
                let connection = groups.cells.get(&(shown[from], shown[to]));
                let text = connection.map_or_else(|| "nothing".to_owned(), whole);
                drawn.insert((i, j), table::Cell { face: Face::new(paint(cell), says(cell)), text });
            }
        }
    }
    let endpoints: Vec<Endpoint> = shown.iter().map(|&i| report.endpoints[i].endpoint).collect();
    let names = grid::display_names(report, &endpoints);
    let names = |places: Vec<usize>| places.into_iter().map(|place| names[place].clone()).collect();
    Table {
        title: TITLE.to_owned(),
        headline: summary::headline(report),
        rows: names(rows),
        columns: names(columns),
        cells: drawn,
        legend: legend(&cells, has_words),
    }
}

/// Every port, and how it is with it.
fn whole(connection: &Connection) -> String {
    let text = words(&connection.carried, PortSet::to_string);
    if connection.open { format!("{text} because no policy restricts it") } else { text }
}

fn legend(cells: &[Vec<Cell>], has_words: bool) -> Vec<(Face, &'static str)> {
    let entries = grid::used(cells.iter().flatten()).into_iter().filter_map(|cell| {
        let sign = match cell {
            Cell::Ports(_) if has_words => "80",
            cell if has_words => cell.word(),
            cell => cell.sign(),
        };
        Some((Face::new(paint(cell), sign), cell.meaning()?))
    });
    entries.collect()
}

const fn paint(cell: &Cell) -> Paint {
    match cell {
        Cell::Blank | Cell::Nothing => Paint::None,
        Cell::Ports(_) | Cell::Partly => Paint::Allow,
        Cell::All => Paint::Full,
        Cell::Open => Paint::Doubt,
        Cell::Unknown => Paint::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Shop, text};
    use super::*;

    #[test]
    fn a_table() {
        let shop = Shop::new();
        insta::assert_snapshot!(text(|out| write(Format::Svg, &shop.report(), &Shop::flows(), out)));
    }

    #[test]
    fn a_graph() {
        let shop = Shop::new();
        let drawn = text(|out| write(Format::Mermaid, &shop.report(), &Shop::flows(), out));
        let lines: Vec<&str> = drawn.lines().skip(3).collect();
        assert_eq!(
            lines,
            [
                "  n2([\"any IPv4 address\"])",
                "  subgraph s0[\"shop\"]",
                "    n0[\"db\"]",
                "    n1[\"web\"]",
                "  end",
                "  n1 -->|\"5432/TCP; 53/UDP between some of the pods; 5432/TCP restricted\"| n0",
                "  n1 -->|\"open\"| n1",
                "  n2 -.->|\"80/TCP, 8000-8100/TCP unknown\"| n1",
            ]
        );
    }
}
