//! The matrix of a small cluster as a grid: sources down, destinations across.

use super::Report;
use super::groups::{Carried, Groups};
use crate::net::{PortSet, Protocol};
use crate::query::Endpoint;
use crate::render::style::Palette;
use crate::render::text::{Plain, columns, width};

/// The most endpoints a grid is drawn for.
pub(super) const LARGEST: usize = 20;

/// How wide a grid may be that shows names and ports; a wider one shows numbers and signs.
const WIDEST: usize = 100;

/// What a cell says.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Cell {
    /// No pair: a pod and itself, or two ends outside.
    Blank,
    /// Nothing is allowed.
    Nothing,
    /// Everything is allowed, and no policy selects either end.
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

    const fn sign(&self) -> &'static str {
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

    fn word(&self) -> &str {
        match self {
            Self::Open => "open",
            Self::All => "all",
            Self::Ports(ports) => ports,
            other => other.sign(),
        }
    }

    const fn meaning(&self) -> Option<&'static str> {
        match self {
            Self::Blank => None,
            Self::Nothing => Some("nothing"),
            Self::Open => Some("every port, because no policy selects either end"),
            Self::All => Some("every port, by rules"),
            Self::Ports(_) => Some("some ports"),
            Self::Partly => Some("some ports between some of the pods"),
            Self::Unknown => Some("unknown: the input does not decide it"),
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
    let endpoints: Vec<Endpoint> = report.endpoints.iter().map(|facts| facts.endpoint).collect();
    let cells: Vec<Vec<Cell>> = (0..endpoints.len())
        .map(|from| (0..endpoints.len()).map(|to| cell(report, groups, from, to)).collect())
        .collect();
    let names = display_names(report, &endpoints);
    let detailed = detailed(&names, &cells);
    let (mut lines, in_words) = if detailed.iter().all(|line| width(line) <= WIDEST) {
        (detailed, true)
    } else {
        (numbered(&names, &cells), false)
    };
    if let Some(head) = lines.first_mut() {
        *head = palette.heading(&*head);
    }
    lines.extend(legend(&cells, in_words).map(|legend| palette.faint(legend)));
    lines
}

fn cell(report: &Report<'_>, groups: &Groups, from: usize, to: usize) -> Cell {
    let (source, destination) = (&report.endpoints[from], &report.endpoints[to]);
    let outside = |endpoint| matches!(endpoint, Endpoint::External(_));
    match groups.cells.get(&(from, to)) {
        Some(carried) => Cell::of(carried),
        None if from == to && source.pods <= 1 => Cell::Blank,
        None if outside(source.endpoint) && outside(destination.endpoint) => Cell::Blank,
        None => Cell::Nothing,
    }
}

/// Names as short as they can be: without the namespace if all endpoints share it.
fn display_names(report: &Report<'_>, endpoints: &[Endpoint]) -> Vec<String> {
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

fn detailed(names: &[String], cells: &[Vec<Cell>]) -> Vec<String> {
    let head = std::iter::once(CORNER.to_owned()).chain(names.iter().cloned()).collect();
    let rows = names.iter().zip(cells).map(|(name, row)| {
        std::iter::once(name.clone()).chain(row.iter().map(|cell| cell.word().to_owned())).collect()
    });
    columns(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}

fn numbered(names: &[String], cells: &[Vec<Cell>]) -> Vec<String> {
    let number = |i: usize| (i + 1).to_string();
    let head = [String::new(), CORNER.to_owned()].into_iter().chain((0..names.len()).map(number)).collect();
    let rows = names.iter().zip(cells).enumerate().map(|(i, (name, row))| {
        [number(i), name.clone()].into_iter().chain(row.iter().map(|cell| cell.sign().to_owned())).collect()
    });
    columns(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}

fn legend(cells: &[Vec<Cell>], in_words: bool) -> impl Iterator<Item = String> {
    let mut used: Vec<&Cell> = cells.iter().flatten().collect();
    used.sort_by_key(|cell| cell.order());
    used.dedup_by_key(|cell| cell.order());
    used.into_iter()
        .filter_map(move |cell| match cell {
            Cell::Ports(_) if in_words => None,
            cell => Some((if in_words { cell.word() } else { cell.sign() }, cell.meaning()?)),
        })
        .map(|(sign, meaning)| format!("  {sign}  {meaning}"))
        .collect::<Vec<_>>()
        .into_iter()
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
                "  -  nothing",
                "  ~  some ports between some of the pods",
                "  open  every port, because no policy selects either end",
                "  ?  unknown: the input does not decide it",
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
        assert_eq!(
            numbered(&["db", "web", "any IPv4 address"].map(String::from), &cells),
            [
                "   from \\ to         1  2  3",
                "1  db                   -  -",
                "2  web               ~  o  -",
                "3  any IPv4 address  -  ?",
            ]
        );
    }

    #[test]
    fn tcp_goes_without_saying() {
        let tcp = PortSet::from_range(Protocol::Tcp, 8000, 8100);
        assert_eq!(brief(&tcp), "8000-8100");
        assert_eq!(brief(&PortSet::from_range(Protocol::Udp, 53, 53)), "53/UDP");
        assert_eq!(brief(&tcp.union(&PortSet::from_range(Protocol::Udp, 53, 53))), "some");
    }
}
