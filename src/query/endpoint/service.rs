//! `svc/NS/NAME:PORT`: the pods and addresses behind a Service, at the target port (R56, R57).

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::address::known_owners;
use super::name::elsewhere_note;
use super::{EndpointError, Pods, PortRequest, Ports, Scope, Unnamed, port, whole};
use crate::cluster::{Addresses, Backends, Cluster, NamespaceId, PodId, Service, ServiceKey, ServicePort};
use crate::diagnostic::{nearest, nearest_by};
use crate::index::Id;
use crate::k8s::IntOrString;
use crate::label::{SelectorId, Truth};
use crate::net::{AddressSet, ByFamily, Family, PortSet, Protocol, address_number};
use crate::query::Ends;

/// An address of Endpoints, with the port each port name of the Service has there.
type Backend = (IpAddr, Vec<(Box<str>, Protocol, u16)>);

/// A Service of the cluster.
#[derive(Clone, Copy)]
pub(super) struct Found<'c> {
    pub(super) key: &'c ServiceKey,
    service: &'c Service,
}

impl Found<'_> {
    pub(super) fn path(&self, cluster: &Cluster) -> String {
        let (namespace, name) = self.key;
        format!("{}/{name}", cluster.namespaces[*namespace].name)
    }
}

/// The backends of a Service.
pub(super) struct Behind {
    pub(super) ends: Ends,
    /// Pods that stand there if labels that are not known are right.
    pub(super) perhaps: Pods,
    pub(super) ports: Ports,
}

/// The Service that a name means.
pub(super) fn named<'c>(
    scope: &Scope<'c>,
    namespace: Option<&'c str>,
    name: &str,
    notes: &mut Vec<String>,
) -> Result<Found<'c>, EndpointError> {
    let cluster = scope.cluster;
    let namespace = match namespace {
        Some(namespace) => namespace,
        None => complete(scope, name, notes)?,
    };
    find(cluster, namespace, name).ok_or_else(|| {
        let path = format!("{namespace}/{name}");
        let known = |(ns, name): &ServiceKey| format!("{}/{name}", cluster.namespaces[*ns].name);
        let mut nearest = nearest(&path, cluster.services.keys().map(known));
        if nearest.is_empty() {
            nearest = nearest_by(name, cluster.services.keys().map(|key| (&*key.1, known(key))));
        }
        EndpointError::Unknown { what: "Service", name: path, nearest }
    })
}

pub(super) fn resolve(
    cluster: &Cluster,
    found: Found<'_>,
    asked: Option<&PortRequest>,
    unnamed: Unnamed,
    notes: &mut Vec<String>,
) -> Result<Behind, EndpointError> {
    let (path, service) = (found.path(cluster), found.service);
    let no_backends = |why: String| EndpointError::NoBackends { service: path.clone(), why };
    match &service.backends {
        Backends::ExternalName(dns) => Err(no_backends(format!(
            "it is an ExternalName for `{dns}`, whose addresses are not in the input"
        ))),
        Backends::None => {
            Err(no_backends("it has no selector, and the input holds no Endpoints of it".into()))
        }
        Backends::Addresses(backends) if backends.is_empty() => {
            Err(no_backends("its Endpoints hold no address".into()))
        }
        Backends::Addresses(backends) => {
            let ports = service_ports(service, &path, asked, unnamed, notes)?;
            let (ends, ports) = by_address(cluster, service, backends, ports.as_deref());
            Ok(Behind { ends, perhaps: Vec::new(), ports })
        }
        Backends::Selector(selector) => {
            let pods = backends(cluster, found.key.0, *selector);
            if pods.is_empty() {
                return Err(no_backends("no pod of the input matches its selector".into()));
            }
            by_pod(cluster, service, &path, &pods, (asked, unnamed), notes)
        }
    }
}

/// The namespace of a Service that was named without one: that of `-n`, else `default`, else the only other one.
fn complete<'c>(scope: &Scope<'c>, name: &str, notes: &mut Vec<String>) -> Result<&'c str, EndpointError> {
    let own = scope.default_namespace();
    if scope.namespace.is_some() || find(scope.cluster, own, name).is_some() {
        return Ok(own);
    }
    let namespace = |id: NamespaceId| &*scope.cluster.namespaces[id].name;
    let others: Vec<&str> = scope
        .cluster
        .services
        .keys()
        .filter(|(_, other)| **other == *name)
        .map(|(id, _)| namespace(*id))
        .collect();
    match others[..] {
        [] => Ok(own),
        [only] => {
            notes.push(elsewhere_note(name, &format!("svc/{only}/{name}")));
            Ok(only)
        }
        _ => Err(EndpointError::SeveralNamespaces {
            name: format!("svc/{name}"),
            candidates: others.iter().map(|namespace| format!("svc/{namespace}/{name}")).collect(),
        }),
    }
}

/// The Service of a name in a namespace.
pub(super) fn find<'c>(cluster: &'c Cluster, namespace: &str, name: &str) -> Option<Found<'c>> {
    let key = (cluster.namespace(namespace)?, name.into());
    cluster.services.get_key_value(&key).map(|(key, service)| Found { key, service })
}

/// The Service that a connection to an address, and to a port there, means. Where a pod or a node has the address too, as with
/// load balancers that run on nodes, it is the Service on the Service's own ports, and where
/// no port is named.
pub(super) fn meant<'c>(scope: &Scope<'c>, ip: IpAddr, port: Option<&PortRequest>) -> Option<Found<'c>> {
    if scope.is_source {
        return None;
    }
    let cluster = scope.cluster;
    let found = at(cluster, ip)?;
    let is_of_pod =
        |addresses: &Addresses| matches!(addresses, Addresses::Known(known) if known.contains(&ip));
    let has_owner = cluster.pods.iter().any(|pod| is_of_pod(&pod.addresses))
        || cluster.nodes.iter().any(|node| node.addresses.contains(&ip));
    let is_asked = |own: &ServicePort| match port {
        Some(PortRequest::Numbers(ports)) => ports.contains(own.protocol, own.port),
        Some(PortRequest::Name { name, .. }) => *own.name == **name,
        None => true,
    };
    (!has_owner || found.service.ports.iter().any(is_asked)).then_some(found)
}

/// The Service that has an address: the first, by namespace and name.
fn at(cluster: &Cluster, ip: IpAddr) -> Option<Found<'_>> {
    let mut services = cluster.services.iter();
    let (key, service) = services.find(|(_, service)| service.addresses().any(|own| own == ip))?;
    Some(Found { key, service })
}

/// Takes the addresses of Services out of a block: what a connection to one of them is to policies is another thing for each
/// Service.
pub(super) fn leave_out(
    cluster: &Cluster,
    addresses: &mut ByFamily<AddressSet>,
    block: &str,
) -> Option<String> {
    let mut names: Vec<String> = Vec::new();
    let mut held: ByFamily<Vec<(u128, u128)>> = ByFamily::default();
    for (key, service) in &cluster.services {
        let is_held = |ip: &IpAddr| addresses[Family::of(*ip)].contains(address_number(*ip));
        let own: Vec<IpAddr> = service.addresses().filter(is_held).collect();
        if !own.is_empty() {
            names.push(Found { key, service }.path(cluster));
        }
        for ip in own {
            held[Family::of(ip)].push((address_number(ip), address_number(ip)));
        }
    }
    for family in Family::ALL {
        let held = AddressSet::from_ranges(std::mem::take(&mut held[family]));
        addresses[family] = addresses[family].difference(&held);
    }
    let first = names.first()?;
    let (services, it) = match names.len() {
        1 => (format!("Service {first}"), "it"),
        2 => (format!("Services {first} and {}", names[1]), "them"),
        more => (format!("Services {first} and {} more", more - 1), "them"),
    };
    Some(format!(
        "`{block}` holds addresses of {services}, which are left out: policies see what stands behind {it} (I13)"
    ))
}

/// Notes on pods that are asked about a port which only their Services have: policies see another number.
pub(super) fn only_in_front(cluster: &Cluster, ends: &Ends, asked: &PortSet) -> Vec<String> {
    let Some((pod, _)) = ends.pods.first() else { return Vec::new() };
    let facts = &cluster.pods[*pod];
    let (labels, selectors) = (&cluster.labels.sets[facts.labels], &cluster.labels.selectors);
    let fronts = cluster.services.range((facts.namespace, Box::default())..);
    let fronts = fronts.take_while(|((namespace, _), _)| *namespace == facts.namespace);
    let fronts: Vec<_> = fronts
        .filter(|(_, service)| match service.backends {
            Backends::Selector(selector) => selectors[selector].matches(labels).possible(),
            _ => false,
        })
        .collect();
    let behind = fronts.iter().flat_map(|(_, service)| &service.ports);
    let behind = behind.fold(PortSet::empty(), |all, port| all.union(&on_pod(cluster, *pod, &[port])));
    let known = behind.union(&facts.declared_ports());
    let mut notes = Vec::new();
    for ((namespace, name), service) in fronts {
        let path = format!("{}/{name}", cluster.namespaces[*namespace].name);
        for port in &service.ports {
            let is_asked =
                asked.contains(port.protocol, port.port) && !known.contains(port.protocol, port.port);
            let targets = on_pod(cluster, *pod, &[port]);
            if is_asked && !targets.is_empty() && !service.headless {
                notes.push(format!(
                    "{}/{} is the port of Service {path}, which leads to {targets} on its pods: policies see that one, ask about `svc/{path}:{}`",
                    port.port, port.protocol, port.port
                ));
            }
        }
    }
    notes
}

/// Pods of the namespace that the selector of a Service matches, or may match.
fn backends(cluster: &Cluster, namespace: NamespaceId, selector: SelectorId) -> Vec<(PodId, Truth)> {
    let selector = &cluster.labels.selectors[selector];
    let range = &cluster.namespaces[namespace].pods;
    (range.start.index()..range.end.index())
        .map(PodId::from_index)
        .map(|id| (id, selector.matches(&cluster.labels.sets[cluster.pods[id].labels])))
        .filter(|(_, matches)| matches.possible())
        .collect()
}

/// The pods that a Service selects, with the numbers that some of its ports have there; pods with none are left out.
pub(in crate::query) fn targets(
    cluster: &Cluster,
    namespace: NamespaceId,
    service: &Service,
    is_meant: impl Fn(&ServicePort) -> bool,
) -> BTreeMap<PodId, PortSet> {
    let Backends::Selector(selector) = service.backends else { return BTreeMap::new() };
    let ports: Vec<&ServicePort> = service.ports.iter().filter(|port| is_meant(port)).collect();
    let pods = backends(cluster, namespace, selector).into_iter();
    pods.map(|(pod, _)| (pod, on_pod(cluster, pod, &ports))).filter(|(_, ports)| !ports.is_empty()).collect()
}

/// The numbers that ports of a Service have on a pod.
fn on_pod(cluster: &Cluster, pod: PodId, ports: &[&ServicePort]) -> PortSet {
    let targets = ports.iter().map(|port| match &port.target {
        IntOrString::Int(number) => {
            u16::try_from(*number).map(|n| PortSet::from_range(port.protocol, n, n)).unwrap_or_default()
        }
        IntOrString::String(name) => port::on_pod(&cluster.pods[pod], name, port.protocol),
    });
    targets.fold(PortSet::empty(), |all, ports| all.union(&ports))
}

/// The ports of the Service that were asked for; `None` for all ports of its backends, which only a headless Service
/// opens.
fn service_ports<'s>(
    service: &'s Service,
    path: &str,
    asked: Option<&PortRequest>,
    unnamed: Unnamed,
    notes: &mut Vec<String>,
) -> Result<Option<Vec<&'s ServicePort>>, EndpointError> {
    let ports: Vec<&ServicePort> = match asked {
        None if service.headless && (unnamed == Unnamed::Every || service.ports.is_empty()) => {
            return Ok(None);
        }
        None => {
            if unnamed == Unnamed::Declared {
                let ports: Vec<String> = service.ports.iter().map(describe).collect();
                notes.push(format!(
                    "no port was named: the question is about those of Service {path}, {}",
                    ports.join(", ")
                ));
            }
            service.ports.iter().collect()
        }
        Some(PortRequest::Numbers(numbers)) => {
            service.ports.iter().filter(|p| numbers.contains(p.protocol, p.port)).collect()
        }
        Some(PortRequest::Name { name, protocol }) => service
            .ports
            .iter()
            .filter(|p| *p.name == **name && protocol.is_none_or(|protocol| protocol == p.protocol))
            .collect(),
    };
    if ports.is_empty() {
        let has = service.ports.iter().map(describe).collect();
        return Err(EndpointError::NoServicePort { service: path.into(), has });
    }
    Ok(Some(ports))
}

fn describe(port: &ServicePort) -> String {
    let name = if port.name.is_empty() { String::new() } else { format!(" ({})", port.name) };
    format!("{}/{}{name}", port.port, port.protocol)
}

fn by_pod(
    cluster: &Cluster,
    service: &Service,
    path: &str,
    pods: &[(PodId, Truth)],
    (asked, unnamed): (Option<&PortRequest>, Unnamed),
    notes: &mut Vec<String>,
) -> Result<Behind, EndpointError> {
    let behind = |ports: Ports| {
        let has_port = |pod: &PodId| match &ports {
            Ports::ByDestination { pods, .. } => pods.contains_key(pod),
            _ => true,
        };
        let of = |wanted: Truth| -> Pods {
            let pods = pods.iter().filter(|(pod, truth)| *truth == wanted && has_port(pod));
            pods.map(|&(pod, _)| whole(cluster, pod)).collect()
        };
        let ends = Ends { pods: of(Truth::Yes), addresses: ByFamily::default() };
        Behind { ends, perhaps: of(Truth::Unknown), ports }
    };
    // Clients of a headless Service connect to the pods themselves: numbers are not rewritten, and need not be its own.
    if service.headless
        && let Some(PortRequest::Numbers(numbers)) = asked
    {
        return Ok(behind(Ports::Of(numbers.clone())));
    }
    let Some(ports) = service_ports(service, path, asked, unnamed, notes)? else {
        return Ok(behind(Ports::Every));
    };
    let targets: BTreeMap<PodId, PortSet> = pods
        .iter()
        .map(|&(pod, _)| (pod, on_pod(cluster, pod, &ports)))
        .filter(|(_, targets)| !targets.is_empty())
        .collect();
    if targets.is_empty() {
        let why = "none of its pods declares the target port".to_owned();
        return Err(EndpointError::NoBackends { service: path.into(), why });
    }
    let left_out: u64 = pods
        .iter()
        .filter(|(pod, _)| !targets.contains_key(pod))
        .map(|&(pod, _)| u64::from(cluster.pods[pod].count))
        .sum();
    if left_out > 0 {
        let (pods, are) = if left_out == 1 {
            ("pod", "does not declare its target port and is")
        } else {
            ("pods", "do not declare its target port and are")
        };
        notes.push(format!("{left_out} {pods} behind Service {path} {are} left out"));
    }
    for port in &ports {
        if port.target != IntOrString::Int(i32::from(port.port)) {
            let target = match &port.target {
                IntOrString::Int(number) => number.to_string(),
                IntOrString::String(name) => format!("the port named `{name}`"),
            };
            notes.push(format!(
                "port {} of Service {path} is {target} on its pods, which is what policies see",
                describe(port)
            ));
        }
    }
    Ok(behind(Ports::ByDestination { pods: targets, addresses: BTreeMap::new() }))
}

/// Addresses of Endpoints; those that pods own mean the pods.
fn by_address(
    cluster: &Cluster,
    service: &Service,
    backends: &[Backend],
    ports: Option<&[&ServicePort]>,
) -> (Ends, Ports) {
    let mut addresses: BTreeMap<IpAddr, PortSet> = BTreeMap::new();
    for (ip, targets) in backends {
        let asked = |name: &str, protocol| {
            ports.is_none_or(|ports| ports.iter().any(|p| *p.name == *name && p.protocol == protocol))
        };
        let here = addresses.entry(*ip).or_default();
        for (_, protocol, number) in targets.iter().filter(|(name, protocol, _)| asked(name, *protocol)) {
            *here = here.union(&PortSet::from_range(*protocol, *number, *number));
        }
        if service.headless && ports.is_none() {
            *here = PortSet::full();
        }
    }
    let mut sets: ByFamily<Vec<(u128, u128)>> = ByFamily::default();
    for &ip in addresses.keys() {
        sets[Family::of(ip)].push((address_number(ip), address_number(ip)));
    }
    let sets = ByFamily { v4: AddressSet::from_ranges(sets.v4), v6: AddressSet::from_ranges(sets.v6) };
    let ends = known_owners(cluster, &sets);
    let mut pods: BTreeMap<PodId, PortSet> = BTreeMap::new();
    for (pod, _) in &ends.pods {
        if let crate::cluster::Addresses::Known(known) = &cluster.pods[*pod].addresses {
            for ports in known.iter().filter_map(|ip| addresses.get(ip)) {
                let here = pods.entry(*pod).or_default();
                *here = here.union(ports);
            }
        }
    }
    (ends, Ports::ByDestination { pods, addresses })
}
