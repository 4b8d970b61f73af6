//! The grammar of endpoints and ports on the command line and in test files.
//!
//! Owns the way from a text such as `deploy/shop/api:8080` to pods, addresses and ports of a cluster, and the errors
//! a user sees on it. A name that does not exist is always an error: it never passes as an empty set.

mod address;
mod error;
mod name;
mod port;
mod service;

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::cluster::{Cluster, PodId, Ranges};
use crate::net::{AddressSet, ByFamily, Family, PortSet, address_number};
use crate::query::Ends;
use crate::solve::End;

pub use error::EndpointError;

use port::PortRequest;

/// What a text on the command line means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// The text as it was given.
    pub text: String,
    /// The pods and addresses; never empty.
    pub ends: Ends,
    /// The ports asked for.
    pub ports: Ports,
    /// What the user should know about how the text was read.
    pub notes: Vec<String>,
}

/// The ports a question is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ports {
    /// None was given: every port of every protocol.
    Every,
    /// These.
    Of(PortSet),
    /// Other ones on each destination: a port name, or the target ports of a Service.
    ByDestination {
        /// On pods.
        pods: BTreeMap<PodId, PortSet>,
        /// On addresses.
        addresses: BTreeMap<IpAddr, PortSet>,
    },
}

impl Target {
    /// The ports asked for on one destination.
    pub fn ports_at(&self, end: End) -> PortSet {
        match (&self.ports, end) {
            (Ports::Every, _) => PortSet::full(),
            (Ports::Of(ports), _) => ports.clone(),
            (Ports::ByDestination { pods, .. }, End::Pod(pod, _)) => {
                pods.get(&pod).cloned().unwrap_or_default()
            }
            (Ports::ByDestination { addresses, .. }, End::Address(address)) => {
                addresses.get(&address).cloned().unwrap_or_default()
            }
        }
    }
}

/// What endpoint texts are read against.
struct Scope<'c> {
    cluster: &'c Cluster,
    default_namespace: &'c str,
    ranges: &'c Ranges,
}

/// Reads `[KIND/][NS/]NAME`, `NS/*`, an address, a CIDR or `internet`, with an optional `:PORT`.
pub fn parse(
    text: &str,
    cluster: &Cluster,
    default_namespace: &str,
    ranges: &Ranges,
) -> Result<Target, EndpointError> {
    let (end, port) = split_port(text)?;
    let port = port.map(port::parse).transpose()?;
    let scope = Scope { cluster, default_namespace, ranges };
    let mut notes = Vec::new();
    let (ends, ports) = match name::classify(end, cluster)? {
        name::Form::Internet => (address::internet(&scope), None),
        name::Form::Block(net) => (address::block(cluster, net), None),
        name::Form::Address(ip) => (address::one(cluster, ip, &mut notes), None),
        name::Form::Service { namespace, name } => {
            let (ends, ports) = service::resolve(&scope, namespace, name, port.as_ref(), &mut notes)?;
            (ends, Some(ports))
        }
        name::Form::Pods(form) => (name::pods(&scope, &form)?, None),
    };
    if ends.pods.is_empty() && Family::ALL.into_iter().all(|f| ends.addresses[f].is_empty()) {
        return Err(EndpointError::Empty { name: end.into() });
    }
    let ports = match (ports, port) {
        (Some(ports), _) => ports,
        (None, None) => Ports::Every,
        (None, Some(PortRequest::Numbers(ports))) => Ports::Of(ports),
        (None, Some(PortRequest::Name { name, protocol })) => {
            port::named(cluster, &ends, &name, protocol, &mut notes)?
        }
    };
    Ok(Target { text: text.into(), ends, ports, notes })
}

/// Reads the source of a connection, which has no port.
pub fn parse_source(
    text: &str,
    cluster: &Cluster,
    default_namespace: &str,
    ranges: &Ranges,
) -> Result<Target, EndpointError> {
    match split_port(text)? {
        (_, Some(port)) => Err(EndpointError::PortOfSource { port: port.into() }),
        (end, None) => parse(end, cluster, default_namespace, ranges),
    }
}

/// Takes the port off: `[2001:db8::1]:443` needs its brackets, everything else splits at the last colon.
fn split_port(text: &str) -> Result<(&str, Option<&str>), EndpointError> {
    if let Some(rest) = text.strip_prefix('[') {
        let (inside, after) =
            rest.split_once(']').ok_or_else(|| EndpointError::Brackets { text: text.into() })?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((inside, Some(port))),
            None if after.is_empty() => Ok((inside, None)),
            None => Err(EndpointError::Brackets { text: text.into() }),
        };
    }
    let is_address = text.parse::<IpAddr>().is_ok() || text.parse::<ipnet::IpNet>().is_ok();
    Ok(match text.rsplit_once(':') {
        Some((end, port)) if !is_address => (end, Some(port)),
        _ => (text, None),
    })
}

/// All pods of a group.
fn whole(cluster: &Cluster, pod: PodId) -> (PodId, std::ops::Range<u32>) {
    (pod, 0..cluster.pods[pod].count)
}

/// The pods that own one of `addresses`, and the addresses that none owns.
fn ends_of_addresses(cluster: &Cluster, addresses: &ByFamily<AddressSet>) -> Ends {
    let mut ends = Ends { pods: Vec::new(), addresses: addresses.clone() };
    let mut owned: ByFamily<Vec<(u128, u128)>> = ByFamily::default();
    for (id, pod) in cluster.pods.enumerate() {
        let crate::cluster::Addresses::Known(known) = &pod.addresses else { continue };
        let inside: Vec<IpAddr> = known
            .iter()
            .copied()
            .filter(|&ip| addresses[Family::of(ip)].contains(address_number(ip)))
            .collect();
        if !inside.is_empty() {
            ends.pods.push(whole(cluster, id));
        }
        for ip in inside {
            owned[Family::of(ip)].push((address_number(ip), address_number(ip)));
        }
    }
    for family in Family::ALL {
        let owned = AddressSet::from_ranges(owned[family].iter().copied());
        ends.addresses[family] = ends.addresses[family].difference(&owned);
    }
    ends
}
