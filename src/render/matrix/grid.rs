//! The matrix of a small cluster as a grid: sources down, destinations across.

use super::Report;
use super::cell::Cell;
use super::groups::{Connection, Groups};
use crate::query::Endpoint;
use crate::render::style::Palette;
use crate::render::text::{Plain, padded, spaced_columns, width};

/// The most endpoints a grid is drawn for.
pub(in crate::render) const LARGEST: usize = 20;

/// The widest grid, in columns; a wider one shows numbers for names, and signs for ports if that does not suffice.
const WIDEST: usize = 100;

/// The lines of the grid, its legend last.
pub(super) fn draw(report: &Report<'_>, groups: &Groups, palette: Palette) -> Vec<String> {
    let shown = shown(report);
    let cells = cells(report, groups, &shown);
    let endpoints: Vec<Endpoint> = shown.iter().map(|&i| report.endpoints[i].endpoint).collect();
    let names = display_names(report, &endpoints);
    let shape = Shape::fitting(&names, &cells, palette);
    let mut lines = shape.lines(&names, &cells, palette);
    lines.extend(legend(&cells, shape, palette));
    lines
}

/// The places of the endpoints that are worth showing.
pub(super) fn shown(report: &Report<'_>) -> Vec<usize> {
    let is_worth = |&i: &usize| report.names.is_reachable(report.endpoints[i].endpoint);
    (0..report.endpoints.len()).filter(is_worth).collect()
}

/// The cells between them.
pub(super) fn cells(report: &Report<'_>, groups: &Groups, shown: &[usize]) -> Vec<Vec<Cell>> {
    shown.iter().map(|&from| shown.iter().map(|&to| cell(report, groups, from, to)).collect()).collect()
}

fn cell(report: &Report<'_>, groups: &Groups, from: usize, to: usize) -> Cell {
    let (source, destination) = (&report.endpoints[from], &report.endpoints[to]);
    let outside = |endpoint| matches!(endpoint, Endpoint::External(_));
    match groups.cells.get(&(from, to)) {
        _ if !source.shows_flows_to(destination) => Cell::Blank,
        Some(Connection { carried, open }) => Cell::of(carried, *open),
        None if from == to && source.pods <= 1 => Cell::Blank,
        None if outside(source.endpoint) && outside(destination.endpoint) => Cell::Blank,
        None => Cell::Nothing,
    }
}

/// Names as short as they can be: without the namespace if all endpoints share it.
pub(super) fn display_names(report: &Report<'_>, endpoints: &[Endpoint]) -> Vec<String> {
    let mut namespaces: Vec<_> = endpoints.iter().filter_map(|&e| report.names.namespace(e)).collect();
    namespaces.dedup();
    endpoints
        .iter()
        .map(|&endpoint| {
            let name = if namespaces.len() <= 1 {
                report.names.short(endpoint)
            } else {
                report.names.full(endpoint)
            };
            Plain(&name).to_string()
        })
        .collect()
}

const CORNER: &str = "from \\ to";

/// The sign between names and cells where there is Unicode.
const BAR: &str = "│";

/// The forms of a grid, the widest first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shape {
    /// Names across, ports in the cells.
    Names,
    /// Numbers across, ports in the cells.
    Numbers,
    /// Numbers across, signs in the cells.
    Signs,
}

impl Shape {
    /// The most telling one that is not too wide.
    fn fitting(names: &[String], cells: &[Vec<Cell>], palette: Palette) -> Self {
        let plain = palette.without_colours();
        let fits = |shape: &Self| shape.lines(names, cells, plain).iter().all(|line| width(line) <= WIDEST);
        [Self::Names, Self::Numbers].into_iter().find(fits).unwrap_or(Self::Signs)
    }

    /// The text of a cell.
    fn says(self, cell: &Cell, palette: Palette) -> &str {
        match (self, cell) {
            (Self::Names | Self::Numbers, Cell::Ports(ports)) => ports,
            _ if palette.is_unicode() => cell.symbol(),
            (Self::Signs, _) => cell.sign(),
            _ => cell.word(),
        }
    }

    /// The grid, its head first, without what no flow is shown of; nothing if that leaves nothing.
    fn lines(self, names: &[String], cells: &[Vec<Cell>], palette: Palette) -> Vec<String> {
        let all = 0..names.len();
        let filled = |from: usize, to: usize| cells[from][to] != Cell::Blank;
        let columns: Vec<usize> =
            all.clone().filter(|&to| all.clone().any(|from| filled(from, to))).collect();
        // Where columns are numbers, the rows say what the numbers mean.
        let rows: Vec<usize> = all
            .clone()
            .filter(|&from| self != Self::Names || all.clone().any(|to| filled(from, to)))
            .collect();
        if columns.is_empty() {
            return Vec::new();
        }
        let number = |i: usize| (i + 1).to_string();
        let side = |name: String, i: Option<usize>| match self {
            Self::Names => vec![name],
            Self::Numbers | Self::Signs => vec![i.map(number).unwrap_or_default(), name],
        };
        let across = |&to: &usize| if self == Self::Names { names[to].clone() } else { number(to) };
        let bar = || palette.is_unicode().then(|| BAR.to_owned());
        let corner = if palette.is_unicode() { "from ↓ to →" } else { CORNER };
        let head: Vec<String> = side(corner.to_owned(), None).into_iter().chain(bar()).collect();
        let beside = head.len();
        let head = head.into_iter().chain(columns.iter().map(across)).collect();
        let body = rows.iter().map(|&from| {
            let row = columns.iter().map(|&to| self.says(&cells[from][to], palette).to_owned());
            side(names[from].clone(), Some(from)).into_iter().chain(bar()).chain(row).collect()
        });
        let texts: Vec<Vec<String>> = std::iter::once(head).chain(body).collect();
        let gap = if palette.is_unicode() && self == Self::Signs { " " } else { "  " };
        let paint =
            |row: usize, column: usize, text: &str| match (row.checked_sub(1), column.checked_sub(beside)) {
                (Some(row), Some(column)) => cells[rows[row]][columns[column]].painted(text, palette),
                (Some(_), None) if text == BAR => palette.faint(text),
                _ => text.to_owned(),
            };
        let rule = palette
            .is_unicode()
            .then(|| palette.faint(rule(&spaced_columns(&texts, gap, |_, _, text| text.to_owned()))));
        let mut lines = spaced_columns(&texts, gap, paint);
        if let Some(head) = lines.first_mut() {
            *head = palette.heading(&*head);
        }
        lines.splice(1..1, rule);
        lines
    }
}

/// The line below the head of these lines: it crosses their bar and is as long as the longest of them.
fn rule(lines: &[String]) -> String {
    let wide = lines.iter().map(|line| width(line)).max().unwrap_or(0);
    let bar = lines.first().and_then(|head| head.split(BAR).next()).map_or(0, width);
    format!("{}┼{}", "─".repeat(bar), "─".repeat(wide.saturating_sub(bar + 1)))
}

/// One cell of each kind there is.
pub(in crate::render) fn used<'c>(cells: impl IntoIterator<Item = &'c Cell>) -> Vec<&'c Cell> {
    let mut used: Vec<&Cell> = cells.into_iter().collect();
    used.sort_by_key(|cell| cell.order());
    used.dedup_by_key(|cell| cell.order());
    used
}

fn legend(cells: &[Vec<Cell>], shape: Shape, palette: Palette) -> impl Iterator<Item = String> {
    let used: Vec<(&str, &str)> = used(cells.iter().flatten())
        .into_iter()
        .filter(|cell| shape == Shape::Signs || !matches!(cell, Cell::Ports(_)))
        .filter_map(|cell| Some((shape.says(cell, palette), cell.meaning()?)))
        .collect();
    let wide = used.iter().map(|(sign, _)| width(sign)).max().unwrap_or(0);
    used.into_iter().map(move |(sign, meaning)| palette.faint(format!("  {}  {meaning}", padded(sign, wide))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::matrix::groups::group;
    use crate::render::matrix::testing::Shop;

    #[test]
    fn names_and_ports_while_they_fit() {
        let shop = Shop::new();
        let report = shop.report();
        let groups = group(&report, &Shop::flows(), LARGEST).unwrap();
        assert_eq!(
            draw(&report, &groups, Palette::default()),
            [
                "from \\ to         db  web   any IPv4 address",
                "db                    -     -",
                "web               ~   open  -",
                "any IPv4 address  -   ?",
                "  -     nothing",
                "  ~     some ports between some of the pods",
                "  open  every port, because no policy restricts it",
                "  ?     at least one port is unknown: the input does not decide it",
            ]
        );
    }

    #[test]
    fn numbers_and_signs_when_they_do_not() {
        let shop = Shop::new();
        let report = shop.report();
        let groups = group(&report, &Shop::flows(), LARGEST).unwrap();
        let cells: Vec<Vec<Cell>> =
            (0..3).map(|from| (0..3).map(|to| cell(&report, &groups, from, to)).collect()).collect();
        let names = ["db", "web", "any IPv4 address"].map(String::from);
        assert_eq!(
            Shape::Numbers.lines(&names, &cells, Palette::default()),
            [
                "   from \\ to         1  2     3",
                "1  db                   -     -",
                "2  web               ~  open  -",
                "3  any IPv4 address  -  ?",
            ]
        );
        assert_eq!(
            Shape::Signs.lines(&names, &cells, Palette::default()),
            [
                "   from \\ to         1  2  3",
                "1  db                   -  -",
                "2  web               ~  o  -",
                "3  any IPv4 address  -  ?",
            ]
        );
        let fitting = |names: &[String]| Shape::fitting(names, &cells, Palette::default());
        assert_eq!(fitting(&names), Shape::Names);
        assert_eq!(fitting(&names.each_ref().map(|name| name.repeat(8))), Shape::Signs);
    }

    #[test]
    fn lines_and_signs_of_unicode() {
        let shop = Shop::new();
        let report = shop.report();
        let groups = group(&report, &Shop::flows(), LARGEST).unwrap();
        let unicode = Palette::default().with_unicode(true);
        assert_eq!(
            draw(&report, &groups, unicode),
            [
                "from ↓ to →       │  db  web  any IPv4 address",
                "──────────────────┼───────────────────────────",
                "db                │      ·    ·",
                "web               │  ◒   ○    ·",
                "any IPv4 address  │  ·   ?",
                "  ·  nothing",
                "  ◒  some ports between some of the pods",
                "  ○  every port, because no policy restricts it",
                "  ?  at least one port is unknown: the input does not decide it",
            ]
        );
        let cells = [vec![Cell::Blank, Cell::Ports("80".into())], vec![Cell::All, Cell::Nothing]];
        let names = ["a", "b"].map(String::from);
        assert_eq!(
            Shape::Numbers.lines(&names, &cells, unicode)[2..],
            ["1  a            │     80", "2  b            │  ●  ·"]
        );
        assert_eq!(
            Shape::Signs.lines(&names, &cells, unicode),
            ["  from ↓ to → │ 1 2", "──────────────┼────", "1 a           │   ◐", "2 b           │ ● ·"]
        );
    }

    #[test]
    fn rows_and_columns_without_flows_are_left_out() {
        let cells = [
            vec![Cell::Blank, Cell::Nothing, Cell::Blank],
            vec![Cell::Blank, Cell::Open, Cell::Blank],
            vec![Cell::Blank, Cell::Blank, Cell::Blank],
        ];
        let names = ["a", "b", "c"].map(String::from);
        let lines = |shape: Shape| shape.lines(&names, &cells, Palette::default());
        assert_eq!(lines(Shape::Names), ["from \\ to  b", "a          -", "b          open"]);
        assert_eq!(lines(Shape::Signs), ["   from \\ to  2", "1  a          -", "2  b          o", "3  c"]);
        let blank = vec![vec![Cell::Blank; 3]; 3];
        assert!(Shape::Names.lines(&names, &blank, Palette::default()).is_empty());
    }

    #[test]
    fn colours_do_not_move_columns() {
        let shop = Shop::new();
        let report = shop.report();
        let groups = group(&report, &Shop::flows(), LARGEST).unwrap();
        for unicode in [false, true] {
            let coloured = Palette::new(true).with_unicode(unicode);
            let plain = draw(&report, &groups, coloured.without_colours());
            let coloured = draw(&report, &groups, coloured);
            assert!(coloured[2].contains('\u{1b}'));
            let stripped: Vec<String> =
                coloured.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
            assert_eq!(stripped, plain);
        }
    }
}
