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
use std::ops::Range;

use crate::cluster::{Cluster, Pod, PodId, Ranges, ServiceKey};
use crate::net::{AddressSet, ByFamily, Family, PortSet, Protocol};
use crate::query::{Ends, merged};
use crate::solve::End;

pub(in crate::query) use address::candidates;
pub use error::EndpointError;
pub use name::policy;
pub(in crate::query) use service::targets;

pub use port::PortRequest;

/// The ends and ports that a text on the command line means.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Target {
    /// The text as it was given.
    pub text: String,
    /// The text without its port.
    pub end: String,
    /// The pods and addresses that are surely meant.
    pub ends: Ends,
    /// The pods that are meant if what the input does not say of them is so. Never empty together with `ends`.
    pub perhaps: Perhaps,
    /// The ports asked for.
    pub ports: Ports,
    /// Set if the user named a port. If not, `ports` are every port, or those that the destination declares.
    pub names_port: bool,
    /// The Service that it is, by its name or by one of its addresses: then it was asked for ports of that, which may be
    /// other ones on its backends.
    pub service: Option<ServiceKey>,
    /// Notes for the user about how the text was read.
    pub notes: Vec<String>,
}

/// Pod groups, each with the numbers of the pods meant.
pub type Pods = Vec<(PodId, Range<u32>)>;

/// Pods of which it is not known whether they are meant; ascending, in one of the two lists only, none of them in
/// [`Target::ends`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Perhaps {
    /// Those that are meant if labels that are not known are right.
    pub by_label: Pods,
    /// Those whose address is not known, and may be one of [`Target::ends`].
    pub by_address: Pods,
}

/// The ports a question is about.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Ports {
    /// Every port of every protocol.
    #[default]
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
    /// The ports that each of these pods declares; on all other destinations every port.
    Declared(BTreeMap<PodId, PortSet>),
}

impl Ports {
    /// True if the ports asked for depend on the destination.
    pub fn differ(&self) -> bool {
        matches!(self, Self::ByDestination { .. } | Self::Declared(_))
    }

    /// The ports asked for on one destination.
    pub fn at(&self, end: End) -> PortSet {
        match (self, end) {
            (Self::Every, _) | (Self::Declared(_), End::Address(_)) => PortSet::full(),
            (Self::Of(ports), _) => ports.clone(),
            (Self::Declared(pods), End::Pod(pod, _)) => pods.get(&pod).cloned().unwrap_or_else(PortSet::full),
            (Self::ByDestination { pods, .. }, End::Pod(pod, _)) => {
                pods.get(&pod).cloned().unwrap_or_default()
            }
            (Self::ByDestination { addresses, .. }, End::Address(address)) => {
                addresses.get(&address).cloned().unwrap_or_default()
            }
        }
    }
}

impl Perhaps {
    /// True if there is no such pod.
    pub fn is_empty(&self) -> bool {
        self.by_label.is_empty() && self.by_address.is_empty()
    }

    /// All of them.
    pub fn pods(&self) -> impl Iterator<Item = &(PodId, Range<u32>)> + Clone {
        self.by_label.iter().chain(&self.by_address)
    }
}

impl Target {
    /// True if it is one pod and nothing else.
    pub fn is_single(&self) -> bool {
        matches!(&self.ends.pods[..], [(_, range)] if range.len() == 1)
            && self.ends.addresses == ByFamily::default()
            && self.perhaps.is_empty()
    }

    /// The ports asked for on one destination.
    pub fn ports_at(&self, end: End) -> PortSet {
        self.ports.at(end)
    }

    /// True if some end is meant, whatever the facts are that the input does not give.
    pub fn surely_means_something(&self) -> bool {
        !is_empty(&self.ends)
    }

    /// The same with those pods among its ends that are only perhaps meant: for what is shown, where more is better.
    #[must_use]
    pub fn at_most(mut self) -> Self {
        let perhaps = std::mem::take(&mut self.perhaps);
        self.ends.pods.extend(perhaps.by_label.into_iter().chain(perhaps.by_address));
        self.ends.pods = merged(&self.ends.pods);
        self
    }
}

/// The context in which endpoint texts are read.
struct Scope<'c> {
    cluster: &'c Cluster,
    /// `-n`, which completes names; without it `default` does.
    namespace: Option<&'c str>,
    ranges: &'c Ranges,
    /// Set for the source of connections: there an address of a Service means whatever pod or host has it.
    is_source: bool,
}

impl<'c> Scope<'c> {
    fn default_namespace(&self) -> &'c str {
        self.namespace.unwrap_or("default")
    }
}

/// The ports that are meant where no port is named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Unnamed {
    /// Every port.
    Every,
    /// Those that the destination declares.
    Declared,
}

/// Reads `[KIND/][NS/]NAME`, `NS/*`, an address, a CIDR, `internet`, a DNS name of a Service or a label selector, with
/// an optional `:PORT`. Names are completed with `namespace`, the one of `-n`; without it with `default`.
pub fn parse<'c>(
    text: &str,
    cluster: &'c Cluster,
    namespace: impl Into<Option<&'c str>>,
    ranges: &'c Ranges,
) -> Result<Target, EndpointError> {
    let (end, port) = split_port(text)?;
    let port = port.map(parse_port).transpose()?;
    let target = parse_parts(end, port, cluster, namespace, ranges)?;
    Ok(Target { text: text.into(), ..target })
}

/// Reads an endpoint and a port that stand apart.
pub fn parse_parts<'c>(
    end: &str,
    port: Option<PortRequest>,
    cluster: &'c Cluster,
    namespace: impl Into<Option<&'c str>>,
    ranges: &'c Ranges,
) -> Result<Target, EndpointError> {
    let scope = Scope { cluster, namespace: namespace.into(), ranges, is_source: false };
    read(&scope, end, port, Unnamed::Every)
}

/// Reads the destination of a question about one connection: where neither the text nor `port` names a port, it is about
/// the ports that the destination declares.
pub fn parse_question<'c>(
    text: &str,
    port: Option<&str>,
    cluster: &'c Cluster,
    namespace: impl Into<Option<&'c str>>,
    ranges: &'c Ranges,
) -> Result<Target, EndpointError> {
    let (end, own) = split_port(text)?;
    if let (Some(own), Some(port)) = (own, port) {
        return Err(EndpointError::TwoPorts { own: own.into(), port: port.into() });
    }
    let port = own.or(port).map(parse_port).transpose()?;
    let scope = Scope { cluster, namespace: namespace.into(), ranges, is_source: false };
    let target = read(&scope, end, port, Unnamed::Declared)?;
    Ok(Target { text: text.into(), ..target })
}

fn read(
    scope: &Scope<'_>,
    end: &str,
    port: Option<PortRequest>,
    unnamed: Unnamed,
) -> Result<Target, EndpointError> {
    let cluster = scope.cluster;
    let mut notes = Vec::new();
    let names_port = port.is_some();
    let mut perhaps = Perhaps::default();
    let mut behind = |found: service::Found<'_>, notes: &mut Vec<String>| {
        let service::Behind { ends, perhaps: by_label, ports } =
            service::resolve(cluster, found, port.as_ref(), unnamed, notes)?;
        perhaps.by_label = by_label;
        Ok((ends, Some((found.key.clone(), ports))))
    };
    let (ends, service) = match name::classify(scope, end)? {
        name::Form::Internet => (address::internet(scope), None),
        name::Form::Block(net) => {
            let (mut ends, by_address) = address::block(cluster, net);
            perhaps.by_address = by_address;
            if !scope.is_source {
                notes.extend(service::leave_out(cluster, &mut ends.addresses, end));
            }
            (ends, None)
        }
        name::Form::Address(ip) => match service::meant(scope, ip, port.as_ref()) {
            None => {
                let (ends, by_address) = address::one(cluster, ip);
                perhaps.by_address = by_address;
                (ends, None)
            }
            Some(found) => {
                let path = found.path(cluster);
                notes.push(format!(
                    "`{ip}` is an address of Service {path}: policies see what stands behind it (I13)"
                ));
                behind(found, &mut notes)?
            }
        },
        name::Form::Selector(query) => {
            let (pods, by_label) = name::selected(scope, &query)?;
            perhaps.by_label = by_label;
            (Ends { pods, addresses: ByFamily::default() }, None)
        }
        name::Form::Service { namespace, name } => {
            let found = service::named(scope, namespace, name, &mut notes)?;
            behind(found, &mut notes)?
        }
        name::Form::Pods(form) => (name::pods(scope, &form, &mut notes)?, None),
    };
    if is_empty(&ends) && perhaps.is_empty() {
        // A block may hold addresses of Services alone.
        let why = notes.pop().map(|why| format!(": {why}")).unwrap_or_default();
        return Err(EndpointError::Empty { name: end.into(), why });
    }
    let all = || ends.pods.iter().chain(perhaps.pods());
    let (service, ports) = service.unzip();
    let ports = match (ports, port) {
        (None | Some(Ports::Every), None) if unnamed == Unnamed::Declared => {
            port::declared(cluster, all(), !has_addresses(&ends), end, &mut notes)
        }
        (Some(ports), _) => ports,
        (None, None) => Ports::Every,
        (None, Some(PortRequest::Numbers(ports))) => {
            notes.extend(service::only_in_front(cluster, &ends, &ports));
            Ports::Of(ports)
        }
        (None, Some(PortRequest::Name { name, protocol })) => {
            port::named(cluster, all(), &name, protocol, &mut notes)?
        }
    };
    Ok(Target { text: end.into(), end: end.into(), ends, perhaps, ports, names_port, service, notes })
}

fn has_addresses(ends: &Ends) -> bool {
    Family::ALL.into_iter().any(|family| !ends.addresses[family].is_empty())
}

fn is_empty(ends: &Ends) -> bool {
    ends.pods.is_empty() && !has_addresses(ends)
}

/// Reads a port: `80`, `53/UDP`, `8000-8100`, `http`.
pub fn parse_port(text: &str) -> Result<PortRequest, EndpointError> {
    port::parse(text)
}

/// The numbers that a port name stands for on a pod; TCP unless the protocol is given.
pub fn named_port(pod: &Pod, name: &str, protocol: Option<Protocol>) -> PortSet {
    port::on_pod(pod, name, protocol.unwrap_or(Protocol::Tcp))
}

/// The pods that surely own one of `addresses`, with the addresses that none is known to own; and the pods that perhaps
/// own one, since their address is not given.
pub fn of_addresses(cluster: &Cluster, addresses: &ByFamily<AddressSet>) -> (Ends, Pods) {
    address::owners(cluster, addresses)
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
pub fn parse_source<'c>(
    text: &str,
    cluster: &'c Cluster,
    namespace: impl Into<Option<&'c str>>,
    ranges: &'c Ranges,
) -> Result<Target, EndpointError> {
    match split_port(text)? {
        (_, Some(port)) => Err(EndpointError::PortOfSource { port: port.into() }),
        (end, None) => {
            let scope = Scope { cluster, namespace: namespace.into(), ranges, is_source: true };
            read(&scope, end, None, Unnamed::Every)
        }
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

/// Checks that a text could be an endpoint of some cluster.
///
/// # Errors
///
/// The fault in the text, if it is one whatever the cluster is.
pub fn check_shape(text: &str) -> Result<(), EndpointError> {
    name::check_shape(text)
}

/// All pods of a group.
fn whole(cluster: &Cluster, pod: PodId) -> (PodId, Range<u32>) {
    (pod, 0..cluster.pods[pod].count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::address_number;
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
---
apiVersion: v1
kind: Pod
metadata: {name: controller, namespace: ingress, labels: {app: controller}}
---
apiVersion: v1
kind: Pod
metadata: {name: edge, namespace: ns}
---
apiVersion: v1
kind: Pod
metadata: {name: frontend.multi-tier, namespace: multi-tier}
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
            ("::ffff:10.1.2.3", &["edge/known"], "all ports"),
            ("[::ffff:10.1.2.3]:5", &["edge/known"], "5/TCP"),
            ("::ffff:10.1.2.2/127", &["edge/known", "a010202-a010202"], "all ports"),
            ("ingress/controller", &["ingress/controller"], "all ports"),
            ("tier=frontend:80", &frontend, "80/TCP"),
            ("tier in (frontend,backend)", &frontend, "all ports"),
            ("frontend.multi-tier.svc:8080", &frontend, "80/TCP"),
            ("frontend.multi-tier.svc.cluster.local:web", &frontend, "80/TCP"),
            ("svc/frontend.multi-tier.svc.cluster.local.:8080", &frontend, "80/TCP"),
            ("svc/multi-tier/frontend", &frontend, "80/TCP"),
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
            ("ns/edge", "can mean two things", "`pod/ns/edge`, `edge/*`"),
            (
                "frontend.multi-tier",
                "two things",
                "`pod/multi-tier/frontend.multi-tier`, `svc/multi-tier/frontend`",
            ),
            ("ingress/contrller", "no workload or pod `ingress/contrller`", "`ingress/controller`"),
            ("ingress/multi-tier/x", "Ingress `x` is not an endpoint", ""),
            ("nobody.multi-tier.svc", "no Service `multi-tier/nobody`", ""),
            ("*", "`*` is not an endpoint", "`internet`"),
            ("any:80", "`any` is not an endpoint", "`ns/NAME`"),
            ("tier=frontnd", "no pod of namespace `multi-tier` matches", "`tier=frontend`"),
            ("teir=frontend", "no pod of namespace `multi-tier` matches", "`tier`"),
            ("tier in (frontend", "is not a label selector", "app=web"),
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
    fn a_name_that_only_one_other_namespace_has() {
        let cluster = cluster(&format!("{THREE_TIER}{MORE}"));
        let read = |text, namespace: Option<&'static str>| {
            parse(text, &cluster, namespace, &Ranges::default())
                .map(|target| (cluster.pod_path(target.ends.pods[0].0, 0), target.notes))
        };
        let note = |name, found| {
            format!("`{name}` is not in namespace `default`: this is `{found}`, the only one of that name")
        };
        for (text, found) in [("known", "edge/known"), ("pod/known", "edge/known")] {
            let name = text.trim_start_matches("pod/");
            assert_eq!(read(text, None), Ok((found.to_owned(), vec![note(name, found)])), "{text}");
        }
        let (pod, notes) = read("svc/frontend", None).unwrap();
        assert_eq!(
            (&*pod, &notes[0]),
            ("multi-tier/frontend[0]", &note("frontend", "svc/multi-tier/frontend"))
        );
        assert!(read("known", Some("multi-tier")).is_err(), "`-n` is not second-guessed");
        let several = read("twice", None).unwrap_err();
        assert!(several.to_string().contains("several workloads"), "{several}");
    }

    #[test]
    fn ports_that_are_declared() {
        let cluster = cluster(&format!("{THREE_TIER}{MORE}"));
        let ranges = Ranges::default();
        let read = |text, port| parse_question(text, port, &cluster, "multi-tier", &ranges).unwrap();
        for (text, port, ports, note) in [
            ("frontend", None, "80/TCP", "those that `frontend` declares, 80/TCP"),
            ("frontend", Some("81"), "81/TCP", ""),
            ("edge/known", None, "53/UDP", "53/UDP"),
            ("ingress/controller", None, "all ports", "`ingress/controller` declares none either"),
            ("svc/frontend", None, "80/TCP", "those of Service multi-tier/frontend, 8080/TCP (web)"),
        ] {
            let target = read(text, port);
            let (pod, range) = &target.ends.pods[0];
            assert_eq!(target.ports_at(End::Pod(*pod, range.start)).to_string(), ports, "{text}");
            assert!(
                target.notes.iter().any(|own| own.contains(note)) || note.is_empty(),
                "{:?}",
                target.notes
            );
            assert_eq!(target.names_port, port.is_some(), "{text}");
        }
        let mixed = read("10.1.2.2/31", None);
        assert_eq!(mixed.ports_at(End::Address("10.1.2.2".parse().unwrap())), PortSet::full());
        assert_eq!(mixed.ports_at(End::Pod(mixed.ends.pods[0].0, 0)).to_string(), "53/UDP");
        let twice = parse_question("frontend:80", Some("81"), &cluster, "multi-tier", &ranges);
        assert!(matches!(twice, Err(EndpointError::TwoPorts { .. })));
    }

    #[test]
    fn pods_whose_address_is_not_given_lie_in_blocks() {
        let ranges = Ranges { pods: vec!["10.244.0.0/24".parse().unwrap()], ..Ranges::default() };
        let cluster = crate::query::fixture::cluster_in(THREE_TIER, &ranges);
        for (text, sure, perhaps) in [
            ("10.244.0.0/24", true, false),
            ("10.0.0.0/8", true, false),
            ("10.244.0.0/25", false, true),
            ("10.244.0.7", false, true),
            ("10.245.0.0/16", false, false),
            ("internet", false, false),
        ] {
            let target = parse(text, &cluster, None, &ranges).unwrap();
            let all = cluster.pods.len();
            assert_eq!(target.ends.pods.len(), if sure { all } else { 0 }, "{text}");
            assert_eq!(target.perhaps.by_address.len(), if perhaps { all } else { 0 }, "{text}");
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
