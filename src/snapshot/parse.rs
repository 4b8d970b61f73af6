//! Reading lock files, strictly: whoever edits one by hand, or merges two, is told where it went wrong.

use std::fmt;
use std::str::FromStr;

use ipnet::IpNet;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{API_VERSION, KIND, Line, LineVerdict, Lock, Place};
use crate::net::{AddressSet, Family, PortSet, Protocol, net_range};
use crate::profile::Profile;
use crate::yaml;

/// Why a text is no lock file.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// It is not YAML of that shape.
    #[error("{0}")]
    Syntax(#[from] yaml::Error),
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
pub fn parse(text: &str) -> Result<Lock, LockError> {
    let head: Head = yaml::from_str(text)?;
    if head.kind != KIND {
        return Err(LockError::Kind(head.kind));
    }
    if head.api_version != API_VERSION {
        return Err(LockError::Version(head.api_version));
    }
    let file: File = yaml::from_str(text)?;
    let profile = Profile::from_name(&file.cni).ok_or(LockError::Profile(file.cni))?;
    let mut lines = Vec::with_capacity(file.reachability.len());
    for (number, line) in (1..).zip(file.reachability) {
        let verdict = match line.verdict {
            FileVerdict::Allow => LineVerdict::Allow,
            FileVerdict::Some => LineVerdict::Some,
            FileVerdict::Unknown => LineVerdict::Unknown,
        };
        let ports = line.ports.iter().fold(PortSet::empty(), |all, FilePorts(ports)| all.union(ports));
        let (FilePlace(from), FilePlace(to)) = (line.from, line.to);
        if from.is_outside() && to.is_outside() {
            return Err(LockError::NoWorkload(number));
        }
        lines.push((number, Line { from, to, verdict, ports }));
    }
    check_overlaps(&lines)?;
    let mut lock = Lock { profile, lines: lines.into_iter().map(|(_, line)| line).collect() };
    lock.sort();
    Ok(lock)
}

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
    for run in order.chunk_by(|a, b| key(&a.1) == key(&b.1)) {
        for (i, (number, line)) in run.iter().enumerate() {
            let overlaps = |other: &Line| {
                let meets = |a: &Place, b: &Place| match (a, b) {
                    (Place::Outside(_, a), Place::Outside(_, b)) => !a.is_disjoint(b),
                    _ => true,
                };
                meets(&line.from, &other.from)
                    && meets(&line.to, &other.to)
                    && !line.ports.intersection(&other.ports).is_empty()
            };
            if run[..i].iter().any(|(_, other)| overlaps(other)) {
                return Err(LockError::Overlap(*number));
            }
        }
    }
    Ok(())
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
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Place, A::Error> {
        let mut found: Option<(Family, Vec<(u128, u128)>)> = None;
        while let Some(text) = list.next_element::<String>()? {
            let wrong = || de::Error::invalid_value(de::Unexpected::Str(&text), &self);
            let net = IpNet::from_str(&text).map_err(|_| wrong())?;
            let (family, ranges) = found.get_or_insert_with(|| (Family::of_net(net), Vec::new()));
            if *family != Family::of_net(net) {
                return Err(wrong());
            }
            ranges.push(net_range(net));
        }
        match found {
            Some((family, ranges)) => Ok(Place::Outside(family, AddressSet::from_ranges(ranges))),
            None => Err(de::Error::invalid_length(0, &self)),
        }
    }
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
