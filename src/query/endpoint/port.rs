//! `:80`, `:80/UDP`, `:8000-8100/TCP`, `:http`.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{EndpointError, Ports};
use crate::cluster::{Cluster, ContainerKind, Pod, PodId};
use crate::net::{PortSet, Protocol};

/// The ports a text asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PortRequest {
    /// By number.
    Numbers(PortSet),
    /// By name.
    Name {
        /// The name.
        name: String,
        /// The protocol, if one was given.
        protocol: Option<Protocol>,
    },
}

pub(super) fn parse(text: &str) -> Result<PortRequest, EndpointError> {
    let bad = |why: &'static str| EndpointError::BadPort { port: text.into(), why };
    let (port, protocol) = match text.split_once('/') {
        Some((port, protocol)) => {
            let protocol = Protocol::from_name(&protocol.to_ascii_uppercase());
            (port, Some(protocol.ok_or_else(|| bad("the protocol is TCP, UDP or SCTP"))?))
        }
        None => (text, None),
    };
    let numbers = |first: &str, last: &str| {
        let number = |text: &str| match text.parse::<u16>() {
            Ok(n @ 1..) => Ok(n),
            _ => Err(bad("a port number is between 1 and 65535")),
        };
        let (first, last) = (number(first)?, number(last)?);
        if last < first {
            return Err(bad("the range ends before it starts"));
        }
        Ok(PortRequest::Numbers(PortSet::from_range(protocol.unwrap_or(Protocol::Tcp), first, last)))
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match port.split_once('-') {
        Some((first, last)) if is_number(first) && is_number(last) => numbers(first, last),
        _ if is_number(port) => numbers(port, port),
        _ if is_port_name(port) => Ok(PortRequest::Name { name: port.into(), protocol }),
        _ => Err(bad("write a number, a range such as `8000-8100`, or the name of a port")),
    }
}

/// True if the API server accepts the name of a port.
fn is_port_name(name: &str) -> bool {
    name.len() <= 15
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && name.bytes().any(|b| b.is_ascii_lowercase())
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
}

/// The numbers that `name` stands for on a pod.
pub(super) fn on_pod(pod: &Pod, name: &str, protocol: Protocol) -> PortSet {
    pod.ports
        .iter()
        .filter(|p| *p.name == *name && p.protocol == protocol && p.container != ContainerKind::Init)
        .fold(PortSet::empty(), |ports, p| ports.union(&PortSet::from_range(protocol, p.number, p.number)))
}

/// The port called `name` on each of the pods.
pub(super) fn named<'p>(
    cluster: &Cluster,
    all: impl Iterator<Item = &'p (PodId, Range<u32>)> + Clone,
    name: &str,
    protocol: Option<Protocol>,
    notes: &mut Vec<String>,
) -> Result<Ports, EndpointError> {
    let protocol = protocol.unwrap_or(Protocol::Tcp);
    let mut pods = BTreeMap::new();
    let mut without = 0;
    for (id, range) in all.clone() {
        let ports = on_pod(&cluster.pods[*id], name, protocol);
        if ports.is_empty() {
            without += range.len();
        } else {
            pods.insert(*id, ports);
        }
    }
    if pods.is_empty() {
        let mut declared: Vec<String> = all
            .flat_map(|(id, _)| cluster.pods[*id].named_ports())
            .map(|p| format!("{}/{}", p.name, p.protocol))
            .collect();
        declared.sort();
        declared.dedup();
        return Err(EndpointError::UndeclaredPort { name: name.into(), protocol, declared });
    }
    if without > 0 {
        notes.push(format!("{without} of the pods declare no port `{name}/{protocol}` and are left out"));
    }
    Ok(Ports::ByDestination { pods, addresses: BTreeMap::new() })
}

/// The ports that each of the pods declares (W21), for a question that names no port; `end` is the text of the ends.
pub(super) fn declared<'p>(
    cluster: &Cluster,
    all: impl Iterator<Item = &'p (PodId, Range<u32>)>,
    only_pods: bool,
    end: &str,
    notes: &mut Vec<String>,
) -> Ports {
    let mut pods = BTreeMap::new();
    let mut silent = 0;
    for (id, range) in all {
        let ports = cluster.pods[*id].declared_ports();
        if ports.is_empty() {
            silent += range.len();
        } else {
            pods.insert(*id, ports);
        }
    }
    let mut different = pods.values();
    let first = different.next();
    let about = match first {
        None if only_pods => format!("`{end}` declares none either: the question is about every port"),
        None => "the question is about every port".to_owned(),
        Some(ports) if different.all(|other| other == ports) => {
            format!("the question is about those that `{end}` declares, {ports}")
        }
        Some(_) => "the question is about those that each pod declares".to_owned(),
    };
    let mut rest = Vec::new();
    if first.is_some() && silent > 0 {
        rest.push(format!("{silent} that declare none"));
    }
    if first.is_some() && !only_pods {
        rest.push("addresses".to_owned());
    }
    let rest = if rest.is_empty() {
        String::new()
    } else {
        format!("; of {}, about every port", rest.join(" and "))
    };
    notes.push(format!("no port was named: {about}{rest}"));
    if pods.is_empty() { Ports::Every } else { Ports::Declared(pods) }
}
