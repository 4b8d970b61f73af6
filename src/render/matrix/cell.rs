//! Cells of the grid and of pictures: one pair of endpoints each.

use crate::net::{PortSet, Protocol};
use crate::query::Carried;
use crate::render::style::Palette;

/// The contents of a cell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::render) enum Cell {
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
    /// The cell for these ports; `open` if no policy restricts the pair.
    pub(in crate::render) fn of(carried: &Carried, open: bool) -> Self {
        let Carried { ports, some, unknown, .. } = carried;
        match () {
            () if !unknown.is_empty() => Self::Unknown,
            () if !some.is_empty() => Self::Partly,
            () if open => Self::Open,
            () if ports.is_full() => Self::All,
            () if ports.is_empty() => Self::Nothing,
            () => Self::Ports(brief(ports)),
        }
    }

    /// A letter for it.
    pub(in crate::render) const fn sign(&self) -> &'static str {
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

    /// A sign for it on a terminal that has all of Unicode: no two are of one shape.
    pub(in crate::render) const fn symbol(&self) -> &'static str {
        match self {
            Self::Blank => "",
            Self::Nothing => "·",
            Self::Ports(_) => "◐",
            Self::Partly => "◒",
            Self::All => "●",
            Self::Open => "○",
            Self::Unknown => "?",
        }
    }

    /// A word for it, or the ports.
    pub(in crate::render) fn word(&self) -> &str {
        match self {
            Self::Open => "open",
            Self::All => "all",
            Self::Ports(ports) => ports,
            other => other.sign(),
        }
    }

    pub(in crate::render) fn painted(&self, text: &str, palette: Palette) -> String {
        match self {
            Self::Blank => text.to_owned(),
            Self::Nothing => palette.faint(text),
            Self::Ports(_) | Self::All | Self::Partly => palette.allowed(text),
            Self::Open | Self::Unknown => palette.doubtful(text),
        }
    }

    /// The meaning of the sign, for the legend.
    pub(in crate::render) const fn meaning(&self) -> Option<&'static str> {
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

    pub(in crate::render) const fn order(&self) -> u8 {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::text::width;

    #[test]
    fn tcp_goes_without_saying() {
        let tcp = PortSet::from_range(Protocol::Tcp, 8000, 8100);
        assert_eq!(brief(&tcp), "8000-8100");
        assert_eq!(brief(&PortSet::from_range(Protocol::Udp, 53, 53)), "53/UDP");
        assert_eq!(brief(&tcp.union(&PortSet::from_range(Protocol::Udp, 53, 53))), "some");
    }

    #[test]
    fn no_two_signs_are_of_one_shape() {
        let all =
            [Cell::Nothing, Cell::Ports(String::new()), Cell::Partly, Cell::All, Cell::Open, Cell::Unknown];
        for signs in [all.each_ref().map(Cell::sign), all.each_ref().map(Cell::symbol)] {
            let distinct: std::collections::BTreeSet<&str> = signs.into_iter().collect();
            assert_eq!(distinct.len(), all.len());
            assert!(signs.into_iter().all(|sign| width(sign) == 1), "{signs:?}");
        }
    }
}
