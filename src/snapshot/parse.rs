//! Reading lock files, strictly: whoever edits one by hand, or merges two, is told where it went wrong.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use ipnet::IpNet;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{API_VERSION, KIND, Line, LineVerdict, Lock, Place};
use crate::load::{OwnError, document};
use crate::net::{AddressSet, Family, PortSet, Protocol, net_range};
use crate::profile::Profile;

/// The reason why a text is no lock file.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// It is not YAML of that shape.
    #[error("{0}")]
    Syntax(#[from] OwnError),
    /// Nothing is in it.
    #[error("it is empty")]
    Empty,
    /// It is something else.
    #[error("it is `{0}`, not a ReachabilityLock")]
    Kind(String),
    /// Another version of podreach wrote it.
    #[error("its version is `{0}`, this is podreach of version `podreach/v1`")]
    Version(String),
    /// No such CNI profile.
    #[error("it names the CNI profile `{0}`, which does not exist")]
    Profile(String),
    /// A line lies outside the cluster with both ends.
    #[error("line {0} of `reachability` names no workload")]
    NoWorkload(usize),
    /// It has more ports and addresses than are compared with each other.
    #[error("line {0} of `reachability` has too many ports and addresses")]
    TooLarge(usize),
    /// It restricts ports that it does not allow.
    #[error("line {0} of `reachability` restricts ports that it does not allow")]
    NotAllowed(usize),
    /// Lines speak of the same connection.
    #[error("line {0} of `reachability` contradicts or repeats another one")]
    Overlap(usize),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    api_version: String,
    kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    cni: String,
    reachability: Vec<FileLine>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileLine {
    from: FilePlace,
    to: FilePlace,
    ports: Vec<FilePorts>,
    verdict: FileVerdict,
    #[serde(default)]
    restricted: Vec<FilePorts>,
}

struct FilePlace(Place);

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct FilePorts(PortSet);

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum FileVerdict {
    Allow,
    Some,
    Unknown,
}

/// Reads a lock file.
pub fn parse(text: &(impl AsRef<[u8]> + ?Sized)) -> Result<Lock, LockError> {
    let text = text.as_ref();
    let head: Head = document(text)?.ok_or(LockError::Empty)?;
    if head.kind != KIND {
        return Err(LockError::Kind(head.kind));
    }
    if head.api_version != API_VERSION {
        return Err(LockError::Version(head.api_version));
    }
    let file: File = document(text)?.ok_or(LockError::Empty)?;
    let profile = Profile::from_name(&file.cni).ok_or(LockError::Profile(file.cni))?;
    let mut lines = Vec::with_capacity(file.reachability.len());
    for (number, line) in (1..).zip(file.reachability) {
        let verdict = match line.verdict {
            FileVerdict::Allow => LineVerdict::Allow,
            FileVerdict::Some => LineVerdict::Some,
            FileVerdict::Unknown => LineVerdict::Unknown,
        };
        let union =
            |list: &[FilePorts]| list.iter().fold(PortSet::empty(), |all, FilePorts(ports)| all.union(ports));
        let (ports, restricted) = (union(&line.ports), union(&line.restricted));
        let may_be_restricted =
            if verdict == LineVerdict::Unknown { PortSet::empty() } else { ports.clone() };
        if !restricted.difference(&may_be_restricted).is_empty() {
            return Err(LockError::NotAllowed(number));
        }
        let (FilePlace(from), FilePlace(to)) = (line.from, line.to);
        if from.is_outside() && to.is_outside() {
            return Err(LockError::NoWorkload(number));
        }
        lines.push((number, Line { from, to, verdict, ports, restricted }));
    }
    check_overlaps(&lines)?;
    let mut lock = Lock { profile, lines: lines.into_iter().map(|(_, line)| line).collect() };
    lock.sort();
    Ok(lock)
}

/// The most boxes of lines, each of one range of addresses and one of ports, that are held against each other.
const MOST_BOXES: usize = 5_000_000;

/// No two lines may speak of the same ports between the same ends: git merges texts without knowing what they mean.
fn check_overlaps(lines: &[(usize, Line)]) -> Result<(), LockError> {
    let mut order: Vec<&(usize, Line)> = lines.iter().collect();
    let key = |line: &Line| {
        let family = |place: &Place| match place {
            Place::Outside(family, _) => (None, Some(*family)),
            workload @ Place::Workload { .. } => (Some(workload.clone()), None),
        };
        (family(&line.from), family(&line.to))
    };
    order.sort_by_cached_key(|(number, line)| (key(line), *number));
    let mut boxes = 0;
    for run in order.chunk_by(|a, b| key(&a.1) == key(&b.1)) {
        for (number, line) in run {
            boxes += addresses(line).len().max(1) * port_ranges(&line.ports).count();
            if boxes > MOST_BOXES {
                return Err(LockError::TooLarge(*number));
            }
        }
        if let Some(number) = overlap(run) {
            return Err(LockError::Overlap(number));
        }
    }
    Ok(())
}

/// The edge of an address range of a line; at the same address, ends come before beginnings.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Edge {
    End,
    Begin,
}

/// The later of two lines between the same ends that have a port and an address in common; `None` if no lines have.
///
/// Goes along the addresses. The lines that hold at an address have no port in common as long as none was found, so whether
/// a line that begins there has one with them is seen from the ranges of ports beside its own.
fn overlap(run: &[&(usize, Line)]) -> Option<usize> {
    let mut edges = Vec::new();
    for (place, (_, line)) in run.iter().enumerate() {
        for (first, last) in addresses(line) {
            edges.push((first, Edge::Begin, place));
            edges.extend(last.checked_add(1).map(|after| (after, Edge::End, place)));
        }
    }
    edges.sort_unstable();
    // By protocol and first port: the last port, and the line.
    let mut holding: BTreeMap<(Protocol, u16), (u16, usize)> = BTreeMap::new();
    for (_, edge, place) in edges {
        for (protocol, first, last) in port_ranges(&run[place].1.ports) {
            if edge == Edge::End {
                holding.remove(&(protocol, first));
                continue;
            }
            let before = holding.range((protocol, 0)..=(protocol, last)).next_back();
            if let Some((_, &(end, other))) = before
                && end >= first
            {
                return Some(run[place].0.max(run[other].0));
            }
            holding.insert((protocol, first), (last, place));
        }
    }
    None
}

/// The addresses of the end of a line that is outside; all of them as one if both ends are workloads.
fn addresses(line: &Line) -> Vec<(u128, u128)> {
    match (&line.from, &line.to) {
        (Place::Outside(_, addresses), _) | (_, Place::Outside(_, addresses)) => addresses.ranges().to_vec(),
        _ => vec![(0, u128::MAX)],
    }
}

fn port_ranges(ports: &PortSet) -> impl Iterator<Item = (Protocol, u16, u16)> {
    Protocol::ALL.into_iter().flat_map(|protocol| {
        ports.of(protocol).ranges().iter().map(move |&(first, last)| (protocol, first, last))
    })
}

impl<'de> Deserialize<'de> for FilePlace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlaceVisitor).map(Self)
    }
}

/// A text is a workload, a list is addresses.
struct PlaceVisitor;

impl<'de> Visitor<'de> for PlaceVisitor {
    type Value = Place;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KIND/NAMESPACE/NAME, or a list of CIDRs of one family")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Place, E> {
        let parts: Vec<&str> = text.splitn(3, '/').collect();
        match parts[..] {
            [kind, namespace, name] if !(kind.is_empty() || namespace.is_empty() || name.is_empty()) => {
                let kind = kind.replace("%2F", "/").replace("%25", "%").into();
                Ok(Place::Workload { namespace: namespace.into(), name: name.into(), kind })
            }
            _ => Err(wrong_place(text)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Place, A::Error> {
        let mut found: Option<(Family, Vec<(u128, u128)>)> = None;
        while let Some(text) = list.next_element::<String>()? {
            let wrong = || wrong_place(&text);
            let net = IpNet::from_str(&text).map_err(|_| wrong())?;
            let (family, ranges) = found.get_or_insert_with(|| (Family::of_net(net), Vec::new()));
            if *family != Family::of_net(net) {
                return Err(wrong());
            }
            ranges.push(net_range(net));
        }
        match found {
            Some((family, ranges)) => Ok(Place::Outside(family, AddressSet::from_ranges(ranges))),
            None => Err(wrong_place("[]")),
        }
    }
}

fn wrong_place<E: de::Error>(text: &str) -> E {
    E::custom(format_args!("expected KIND/NAMESPACE/NAME, or a list of CIDRs of one family, found `{text}`"))
}

impl TryFrom<String> for FilePorts {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self(PortSet::full()));
        }
        let ports = || {
            let (numbers, protocol) = text.split_once('/')?;
            let protocol = Protocol::from_name(protocol)?;
            let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
            let (first, last) = (u16::from_str(first).ok()?, u16::from_str(last).ok()?);
            (1 <= first && first <= last).then(|| PortSet::from_range(protocol, first, last))
        };
        ports()
            .map(Self)
            .ok_or_else(|| format!("expected ports such as 80/TCP, 8000-8100/TCP or all, found `{text}`"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(ranges: &[(u128, u128)], ports: &[(u16, u16)]) -> Line {
        let ports = ports.iter().fold(PortSet::empty(), |all, &(first, length)| {
            all.union(&PortSet::from_range(Protocol::Tcp, first, first + length))
        });
        let ranges = ranges.iter().map(|&(first, length)| (first, first.saturating_add(length)));
        let from = Place::Outside(Family::V6, AddressSet::from_ranges(ranges));
        let to = Place::Workload { namespace: "a".into(), name: "b".into(), kind: "Pod".into() };
        Line { from, to, verdict: LineVerdict::Allow, ports, restricted: PortSet::empty() }
    }

    fn naively(run: &[&(usize, Line)]) -> bool {
        let meet = |a: &Line, b: &Line| match (&a.from, &b.from) {
            (Place::Outside(_, one), Place::Outside(_, other)) => {
                !one.is_disjoint(other) && !a.ports.intersection(&b.ports).is_empty()
            }
            _ => false,
        };
        run.iter().enumerate().any(|(i, (_, line))| run[..i].iter().any(|(_, other)| meet(line, other)))
    }

    proptest! {
        #[test]
        fn along_the_addresses_as_pair_by_pair(
            lines in prop::collection::vec(
                (
                    prop::collection::vec((prop_oneof![0..12_u128, Just(u128::MAX - 1)], 0..3_u128), 1..3),
                    prop::collection::vec((1..12_u16, 0..3_u16), 1..3),
                ),
                0..6,
            ),
        ) {
            let lines: Vec<(usize, Line)> =
                (1..).zip(lines.iter().map(|(ranges, ports)| line(ranges, ports))).collect();
            let run: Vec<&(usize, Line)> = lines.iter().collect();
            prop_assert_eq!(overlap(&run).is_some(), naively(&run));
        }
    }

    #[test]
    fn more_than_can_be_compared_is_an_error() {
        let ranges: Vec<(u128, u128)> = (0..3_000).map(|n| (n * 4, 1)).collect();
        let ports: Vec<(u16, u16)> = (0..3_000).map(|n| (n * 4 + 1, 1)).collect();
        let wide = line(&ranges, &ports);
        assert!(matches!(check_overlaps(&[(7, wide)]), Err(LockError::TooLarge(7))));
    }
}
