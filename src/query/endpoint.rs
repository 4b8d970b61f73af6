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

use crate::cluster::{Cluster, Pod, PodId, Ranges};
use crate::net::{AddressSet, ByFamily, Family, PortSet, Protocol, address_number};
use crate::query::Ends;
use crate::solve::End;

pub use error::EndpointError;
pub use name::policy;
pub(in crate::query) use service::targets;

pub use port::PortRequest;

/// What a text on the command line means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// The text as it was given.
    pub text: String,
    /// The text without its port.
    pub end: String,
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
    /// Whether it is one pod and nothing else.
    pub fn is_single(&self) -> bool {
        matches!(&self.ends.pods[..], [(_, range)] if range.len() == 1)
            && self.ends.addresses == ByFamily::default()
    }

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
    let port = port.map(parse_port).transpose()?;
    let target = parse_parts(end, port, cluster, default_namespace, ranges)?;
    Ok(Target { text: text.into(), ..target })
}

/// Reads an endpoint and a port that stand apart.
pub fn parse_parts(
    end: &str,
    port: Option<PortRequest>,
    cluster: &Cluster,
    default_namespace: &str,
    ranges: &Ranges,
) -> Result<Target, EndpointError> {
    let scope = Scope { cluster, default_namespace, ranges };
    let mut notes = Vec::new();
    let (ends, ports) = match name::classify(end, cluster)? {
        name::Form::Internet => (address::internet(&scope), None),
        name::Form::Block(net) => (address::block(cluster, net), None),
        name::Form::Address(ip) => match service::at(cluster, ip) {
            None => (address::one(cluster, ip), None),
            Some((namespace, name)) => {
                let namespace = &*cluster.namespaces[namespace].name;
                let (ends, ports) =
                    service::resolve(&scope, Some(namespace), name, port.as_ref(), &mut notes)?;
                notes.insert(0, format!("`{ip}` is an address of Service {namespace}/{name}: policies see what stands behind it (I13)"));
                (ends, Some(ports))
            }
        },
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
        (None, Some(PortRequest::Numbers(ports))) => {
            notes.extend(service::only_in_front(cluster, &ends, &ports));
            Ports::Of(ports)
        }
        (None, Some(PortRequest::Name { name, protocol })) => {
            port::named(cluster, &ends, &name, protocol, &mut notes)?
        }
    };
    Ok(Target { text: end.into(), end: end.into(), ends, ports, notes })
}

/// The Service that a text names, by its name or one of its addresses; the text may hold a port.
pub fn service<'c>(
    text: &str,
    cluster: &'c Cluster,
    default_namespace: &str,
) -> Option<(String, &'c crate::cluster::Service)> {
    let (end, _) = split_port(text).ok()?;
    let (namespace, name) = match name::classify(end, cluster).ok()? {
        name::Form::Address(ip) => service::at(cluster, ip)?,
        name::Form::Service { namespace, name } => {
            (cluster.namespace(namespace.unwrap_or(default_namespace))?, name)
        }
        _ => return None,
    };
    let service = cluster.services.get(&(namespace, name.into()))?;
    Some((format!("{}/{name}", cluster.namespaces[namespace].name), service))
}

/// Reads a port: `80`, `53/UDP`, `8000-8100`, `http`.
pub fn parse_port(text: &str) -> Result<PortRequest, EndpointError> {
    port::parse(text)
}

/// The numbers that a port name stands for on a pod; TCP unless the protocol is given.
pub fn named_port(pod: &Pod, name: &str, protocol: Option<Protocol>) -> PortSet {
    port::on_pod(pod, name, protocol.unwrap_or(Protocol::Tcp))
}

/// The pods that own one of `addresses`, and the addresses that none owns.
pub fn of_addresses(cluster: &Cluster, addresses: &ByFamily<AddressSet>) -> Ends {
    ends_of_addresses(cluster, addresses)
}

/// Reads ports by number: `80`, `53/UDP`, `8000-8100/TCP`.
pub fn parse_ports(text: &str) -> Result<PortSet, EndpointError> {
    match port::parse(text)? {
        PortRequest::Numbers(ports) => Ok(ports),
        PortRequest::Name { name, .. } => {
            Err(EndpointError::BadPort { port: name, why: "here it must be a number" })
        }
    }
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
pub fn split_port(text: &str) -> Result<(&str, Option<&str>), EndpointError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::fixture::{THREE_TIER, cluster};

    const MORE: &str = "---
apiVersion: v1
kind: Pod
metadata: {name: known, namespace: edge, labels: {app: known}}
spec: {containers: [{ports: [{name: dns, protocol: UDP, containerPort: 53}]}]}
status: {podIPs: [{ip: 10.1.2.3}, {ip: 'fd00::3'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: job-x, namespace: edge}
status: {phase: Succeeded}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: idle, namespace: edge}
spec: {replicas: 0, selector: {matchLabels: {app: idle}}, template: {metadata: {labels: {app: idle}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: twice, namespace: edge}
spec: {selector: {matchLabels: {app: twice}}, template: {metadata: {labels: {app: twice}}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: twice, namespace: edge}
spec: {selector: {matchLabels: {app: twice}}, template: {metadata: {labels: {app: twice}}}}
---
apiVersion: v1
kind: Service
metadata: {name: away, namespace: edge}
spec: {type: ExternalName, externalName: example.com}
---
apiVersion: v1
kind: Service
metadata: {name: lonely, namespace: edge}
spec: {selector: {app: nobody}, ports: [{port: 80}]}
";

    /// The pods, the ranges of addresses in hexadecimal, and the ports on the first pod.
    fn read(text: &str) -> Result<(Vec<String>, String), EndpointError> {
        let cluster = cluster(&format!("{THREE_TIER}{MORE}"));
        let target = parse(text, &cluster, "multi-tier", &Ranges::default())?;
        let pods = target.ends.pods.iter();
        let mut ends: Vec<String> =
            pods.flat_map(|(id, range)| range.clone().map(|i| cluster.pod_path(*id, i))).collect();
        for family in Family::ALL {
            let addresses = target.ends.addresses[family].ranges();
            ends.extend(addresses.iter().map(|(first, last)| format!("{first:x}-{last:x}")));
        }
        let first = target.ends.pods.first().map(|(id, _)| End::Pod(*id, 0));
        let ports =
            first.map_or_else(|| format!("{:?}", target.ports), |end| target.ports_at(end).to_string());
        Ok((ends, ports))
    }

    #[test]
    fn what_texts_mean() {
        let frontend = ["multi-tier/frontend[0]", "multi-tier/frontend[1]"];
        let dns = ["kube-system/coredns[0]", "kube-system/coredns[1]"];
        let documentation = "20010db8000000000000000000000001-20010db8000000000000000000000001";
        for (text, ends, ports) in [
            ("frontend", &frontend[..], "all ports"),
            ("multi-tier/frontend:80", &frontend, "80/TCP"),
            ("deploy/frontend:80/udp", &frontend, "80/UDP"),
            ("Deployment/multi-tier/frontend:8000-8100", &frontend, "8000-8100/TCP"),
            ("frontend:http", &frontend, "80/TCP"),
            ("frontend[1]", &frontend[1..], "all ports"),
            ("pod/multi-tier/frontend[1]", &frontend[1..], "all ports"),
            ("database-0", &["multi-tier/database-0"], "all ports"),
            ("sts/database", &["multi-tier/database-0"], "all ports"),
            ("svc/frontend", &frontend, "80/TCP"),
            ("svc/frontend:8080", &frontend, "80/TCP"),
            ("svc/frontend:web", &frontend, "80/TCP"),
            ("svc/multi-tier/database:9999", &["multi-tier/database-0"], "9999/TCP"),
            ("ns/kube-system", &dns, "all ports"),
            ("kube-system/*", &dns, "all ports"),
            ("edge/known:dns/UDP", &["edge/known"], "53/UDP"),
            ("10.1.2.3", &["edge/known"], "all ports"),
            ("[fd00::3]:443", &["edge/known"], "443/TCP"),
            ("10.1.2.2/31:5", &["edge/known", "a010202-a010202"], "5/TCP"),
            ("2001:db8::1", &[documentation], "Every"),
            ("10.96.0.7", &frontend, "80/TCP"),
            ("10.96.0.7:8080", &frontend, "80/TCP"),
            ("10.96.0.8", &["a600008-a600008"], "Every"),
        ] {
            let (found, asked) = read(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(
                (&found[..], &*asked),
                (&ends.iter().map(ToString::to_string).collect::<Vec<_>>()[..], ports),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_refused() {
        for (text, error, help) in [
            ("frontnd", "no workload or pod `multi-tier/frontnd`", "`multi-tier/frontend`"),
            ("known", "no workload or pod", "`edge/known`"),
            ("edge", "no workload or pod", "`ns/edge`"),
            ("multi-teir/frontend", "no namespace `multi-teir`", "`multi-tier`"),
            ("frontend[7]", "no pod `multi-tier/frontend[7]`", "`multi-tier/frontend[1]`"),
            ("sts/frontend", "no object of that kind", "`multi-tier/frontend`"),
            ("thing/a/b", "unknown kind `thing`", "deploy"),
            ("a/b/c/d", "is not an endpoint", "KIND"),
            ("", "is not an endpoint", "KIND"),
            ("node/n1", "Node `n1` is not an endpoint", "address"),
            ("netpol/multi-tier/default-deny", "NetworkPolicy `default-deny` is not an endpoint", "pods"),
            ("svc/edge/frontend", "no Service", "`multi-tier/frontend`"),
            ("edge/job-x", "has finished", ""),
            ("edge/idle", "Deployment `edge/idle` has no pods", ""),
            ("edge/twice", "several workloads", "`statefulset/edge/twice`"),
            ("svc/edge/away", "ExternalName for `example.com`", ""),
            ("svc/edge/lonely", "no pod of the input matches", ""),
            ("svc/frontend:80", "no such port", "`8080/TCP (web)`"),
            ("svc/frontent", "no Service", "`multi-tier/frontend`"),
            ("frontend:0", "bad port `0`", ""),
            ("frontend:65536", "bad port", ""),
            ("frontend:90-80", "ends before it starts", ""),
            ("frontend:80/ICMP", "TCP, UDP or SCTP", ""),
            ("frontend:", "bad port", ""),
            ("edge/known:dns", "no pod there declares a port named `dns` for TCP", "`dns/UDP`"),
            ("[2001:db8::1", "brackets", "`[2001:db8::1]:443`"),
            ("10.0.0.0/99", "is not a CIDR", ""),
        ] {
            let found = read(text).expect_err(text);
            assert!(found.to_string().contains(error), "{text}: {found}");
            assert!(found.help().unwrap_or_default().contains(help), "{text}: {:?}", found.help());
        }
    }

    #[test]
    fn a_name_without_its_namespace() {
        let cluster = cluster(THREE_TIER);
        for (text, help) in
            [("frontnd:80", "`multi-tier/frontend`"), ("multi-tier", "`ns/multi-tier`"), ("x", "`-n`")]
        {
            let found = parse(text, &cluster, "default", &Ranges::default()).expect_err(text);
            assert!(found.to_string().contains("no namespace `default`"), "{text}: {found}");
            assert!(found.help().unwrap_or_default().contains(help), "{text}: {:?}", found.help());
        }
    }

    #[test]
    fn the_internet_is_what_is_left() {
        let cluster = cluster(&format!("{THREE_TIER}{MORE}"));
        let ranges = Ranges { nodes: vec!["203.0.113.0/24".parse().unwrap()], ..Ranges::default() };
        let addresses = parse("internet", &cluster, "default", &ranges).unwrap().ends.addresses;
        for (ip, inside) in [
            ("8.8.8.8", true),
            ("10.9.9.9", false),
            ("100.64.0.1", false),
            ("169.254.169.254", false),
            ("203.0.113.9", false),
            ("2600::1", true),
            ("fd00::1", false),
            ("ff02::1", false),
        ] {
            let ip: IpAddr = ip.parse().unwrap();
            assert_eq!(addresses[Family::of(ip)].contains(address_number(ip)), inside, "{ip}");
        }
    }

    #[test]
    fn sources_have_no_port() {
        let cluster = cluster(THREE_TIER);
        let source = |text| parse_source(text, &cluster, "multi-tier", &Ranges::default());
        assert!(source("frontend").is_ok());
        assert_eq!(source("frontend:80"), Err(EndpointError::PortOfSource { port: "80".into() }));
    }
}
