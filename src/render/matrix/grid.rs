//! The matrix of a small cluster as a grid: sources down, destinations across.

use super::Report;
use super::groups::{Carried, Groups};
use crate::net::{PortSet, Protocol};
use crate::query::Endpoint;
use crate::render::style::Palette;
use crate::render::text::{Plain, padded, painted_columns, width};

/// The most endpoints a grid is drawn for.
pub(super) const LARGEST: usize = 20;

/// How wide a grid may be; a wider one shows numbers for names, and signs for ports if that does not do.
const WIDEST: usize = 100;

/// What a cell says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Cell {
    /// No pair: a pod and itself, or two ends outside.
    Blank,
    /// Nothing is allowed.
    Nothing,
    /// Everything is allowed, and no policy restricts it.
    Open,
    /// Everything is allowed by rules.
    All,
    /// These ports.
    Ports(String),
    /// Ports, but not from every pod to every pod.
    Partly,
    /// Something is unknown.
    Unknown,
}

impl Cell {
    fn of(carried: &Carried) -> Self {
        let Carried { ports, some, unknown, open } = carried;
        match () {
            () if !unknown.is_empty() => Self::Unknown,
            () if !some.is_empty() => Self::Partly,
            () if *open => Self::Open,
            () if ports.is_full() => Self::All,
            () => Self::Ports(brief(ports)),
        }
    }

    /// A letter for it.
    pub(super) const fn sign(&self) -> &'static str {
        match self {
            Self::Blank => "",
            Self::Nothing => "-",
            Self::Open => "o",
            Self::All => "#",
            Self::Ports(_) => "+",
            Self::Partly => "~",
            Self::Unknown => "?",
        }
    }

    /// A word for it, or the ports.
    pub(super) fn word(&self) -> &str {
        match self {
            Self::Open => "open",
            Self::All => "all",
            Self::Ports(ports) => ports,
            other => other.sign(),
        }
    }

    fn painted(&self, text: &str, palette: Palette) -> String {
        match self {
            Self::Blank => text.to_owned(),
            Self::Nothing => palette.faint(text),
            Self::Ports(_) | Self::All | Self::Partly => palette.allowed(text),
            Self::Open | Self::Unknown => palette.doubtful(text),
        }
    }

    /// What the sign means.
    pub(super) const fn meaning(&self) -> Option<&'static str> {
        match self {
            Self::Blank => None,
            Self::Nothing => Some("nothing"),
            Self::Open => Some("every port, because no policy restricts it"),
            Self::All => Some("every port, by rules"),
            Self::Ports(_) => Some("some ports"),
            Self::Partly => Some("some ports between some of the pods"),
            Self::Unknown => Some("at least one port is unknown: the input does not decide it"),
        }
    }

    const fn order(&self) -> u8 {
        match self {
            Self::Blank => 0,
            Self::Nothing => 1,
            Self::Ports(_) => 2,
            Self::Partly => 3,
            Self::All => 4,
            Self::Open => 5,
            Self::Unknown => 6,
        }
    }
}

/// Ports in a cell: TCP goes without saying.
fn brief(ports: &PortSet) -> String {
    const LONGEST: usize = 15;
    let text = ports.to_string();
    let text = if ports.of(Protocol::Udp).is_empty() && ports.of(Protocol::Sctp).is_empty() {
        text.replace("/TCP", "")
    } else {
        text
    };
    if text.len() <= LONGEST { text } else { "some".to_owned() }
}

/// The lines of the grid, its legend last.
pub(super) fn draw(report: &Report<'_>, groups: &Groups, palette: Palette) -> Vec<String> {
    let shown = shown(report);
    let cells = cells(report, groups, &shown);
    let endpoints: Vec<Endpoint> = shown.iter().map(|&i| report.endpoints[i].endpoint).collect();
    let names = display_names(report, &endpoints);
    let shape = Shape::fitting(&names, &cells);
    let mut lines = shape.lines(&names, &cells, palette);
    lines.extend(legend(&cells, shape).map(|legend| palette.faint(legend)));
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
        Some(carried) => Cell::of(carried),
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

/// How much room a grid takes.
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
    fn fitting(names: &[String], cells: &[Vec<Cell>]) -> Self {
        let fits = |shape: &Self| {
            shape.lines(names, cells, Palette::default()).iter().all(|line| width(line) <= WIDEST)
        };
        [Self::Names, Self::Numbers].into_iter().find(fits).unwrap_or(Self::Signs)
    }

    /// What stands in a cell.
    fn says(self, cell: &Cell) -> &str {
        if self == Self::Signs { cell.sign() } else { cell.word() }
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
        let head = side(CORNER.to_owned(), None);
        let beside = head.len();
        let head = head.into_iter().chain(columns.iter().map(across)).collect();
        let body = rows.iter().map(|&from| {
            let row = columns.iter().map(|&to| self.says(&cells[from][to]).to_owned());
            side(names[from].clone(), Some(from)).into_iter().chain(row).collect()
        });
        let texts: Vec<Vec<String>> = std::iter::once(head).chain(body).collect();
        let mut lines = painted_columns(&texts, |row, column, text| {
            match (row.checked_sub(1), column.checked_sub(beside)) {
                (Some(row), Some(column)) => cells[rows[row]][columns[column]].painted(text, palette),
                _ => text.to_owned(),
            }
        });
        if let Some(head) = lines.first_mut() {
            *head = palette.heading(&*head);
        }
        lines
    }
}

/// One cell of each kind there is.
pub(super) fn used(cells: &[Vec<Cell>]) -> Vec<&Cell> {
    let mut used: Vec<&Cell> = cells.iter().flatten().collect();
    used.sort_by_key(|cell| cell.order());
    used.dedup_by_key(|cell| cell.order());
    used
}

fn legend(cells: &[Vec<Cell>], shape: Shape) -> impl Iterator<Item = String> {
    let used: Vec<(&str, &str)> = used(cells)
        .into_iter()
        .filter(|cell| shape == Shape::Signs || !matches!(cell, Cell::Ports(_)))
        .filter_map(|cell| Some((shape.says(cell), cell.meaning()?)))
        .collect();
    let wide = used.iter().map(|(sign, _)| width(sign)).max().unwrap_or(0);
    used.into_iter().map(move |(sign, meaning)| format!("  {}  {meaning}", padded(sign, wide)))
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
        assert_eq!(Shape::fitting(&names, &cells), Shape::Names);
        assert_eq!(Shape::fitting(&names.each_ref().map(|name| name.repeat(8)), &cells), Shape::Signs);
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
        let plain = draw(&report, &groups, Palette::default());
        let coloured = draw(&report, &groups, Palette::new(true));
        assert!(coloured[2].contains('\u{1b}'));
        let stripped: Vec<String> =
            coloured.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        assert_eq!(stripped, plain);
    }

    #[test]
    fn tcp_goes_without_saying() {
        let tcp = PortSet::from_range(Protocol::Tcp, 8000, 8100);
        assert_eq!(brief(&tcp), "8000-8100");
        assert_eq!(brief(&PortSet::from_range(Protocol::Udp, 53, 53)), "53/UDP");
        assert_eq!(brief(&tcp.union(&PortSet::from_range(Protocol::Udp, 53, 53))), "some");
    }
}
