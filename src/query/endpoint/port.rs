//! `:80`, `:80/UDP`, `:8000-8100/TCP`, `:http`.

use std::collections::BTreeMap;

use super::{EndpointError, Ports};
use crate::cluster::{Cluster, ContainerKind, Pod};
use crate::net::{PortSet, Protocol};
use crate::query::Ends;

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

/// Whether the API server accepts the name of a port.
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

/// The port called `name` on each pod of `ends`.
pub(super) fn named(
    cluster: &Cluster,
    ends: &Ends,
    name: &str,
    protocol: Option<Protocol>,
    notes: &mut Vec<String>,
) -> Result<Ports, EndpointError> {
    let protocol = protocol.unwrap_or(Protocol::Tcp);
    let mut pods = BTreeMap::new();
    let mut without = 0;
    for (id, range) in &ends.pods {
        let ports = on_pod(&cluster.pods[*id], name, protocol);
        if ports.is_empty() {
            without += range.len();
        } else {
            pods.insert(*id, ports);
        }
    }
    if pods.is_empty() {
        let mut declared: Vec<String> = ends
            .pods
            .iter()
            .flat_map(|(id, _)| cluster.pods[*id].ports.iter())
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
