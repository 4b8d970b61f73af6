//! `svc/NS/NAME:PORT`: the pods and addresses behind a Service, at the target port (R56, R57).

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{EndpointError, PortRequest, Ports, Scope, ends_of_addresses, port, whole};
use crate::cluster::{Backends, Cluster, NamespaceId, PodId, Service, ServicePort};
use crate::diagnostic::{nearest, nearest_by};
use crate::index::Id;
use crate::k8s::IntOrString;
use crate::label::SelectorId;
use crate::net::{AddressSet, ByFamily, Family, PortSet, Protocol, address_number};
use crate::query::Ends;

/// An address of Endpoints, with the port each port name of the Service has there.
type Backend = (IpAddr, Vec<(Box<str>, Protocol, u16)>);

pub(super) fn resolve(
    scope: &Scope<'_>,
    namespace: Option<&str>,
    name: &str,
    asked: Option<&PortRequest>,
    notes: &mut Vec<String>,
) -> Result<(Ends, Ports), EndpointError> {
    let cluster = scope.cluster;
    let namespace = namespace.unwrap_or(scope.default_namespace);
    let path = format!("{namespace}/{name}");
    let found = cluster
        .namespace(namespace)
        .and_then(|id| cluster.services.get(&(id, name.into())).map(|service| (id, service)));
    let Some((namespace, service)) = found else {
        let known = |(ns, name): &(NamespaceId, Box<str>)| format!("{}/{name}", cluster.namespaces[*ns].name);
        let mut nearest = nearest(&path, cluster.services.keys().map(known));
        if nearest.is_empty() {
            nearest = nearest_by(name, cluster.services.keys().map(|key| (&*key.1, known(key))));
        }
        return Err(EndpointError::Unknown { what: "Service", name: path, nearest });
    };
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
            let ports = service_ports(service, &path, asked)?;
            Ok(by_address(cluster, service, backends, ports.as_deref()))
        }
        Backends::Selector(selector) => {
            let pods = backends(cluster, namespace, *selector);
            if pods.is_empty() {
                return Err(no_backends("no pod of the input matches its selector".into()));
            }
            by_pod(cluster, service, &path, &pods, asked, notes)
        }
    }
}

/// The Service that has an address: the first, by namespace and name.
pub(super) fn at(cluster: &Cluster, ip: IpAddr) -> Option<(NamespaceId, &str)> {
    let mut services = cluster.services.iter();
    let found = services.find(|(_, service)| service.addresses().any(|own| own == ip));
    found.map(|((namespace, name), _)| (*namespace, &**name))
}

/// What to say where pods are asked about a port that only their Services have: policies see another number.
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
    let declared =
        facts.ports.iter().map(|port| PortSet::from_range(port.protocol, port.number, port.number));
    let known = declared.fold(behind, |all, port| all.union(&port));
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
fn backends(cluster: &Cluster, namespace: NamespaceId, selector: SelectorId) -> Vec<PodId> {
    let selector = &cluster.labels.selectors[selector];
    let range = &cluster.namespaces[namespace].pods;
    (range.start.index()..range.end.index())
        .map(PodId::from_index)
        .filter(|&id| selector.matches(&cluster.labels.sets[cluster.pods[id].labels]).possible())
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
    pods.map(|pod| (pod, on_pod(cluster, pod, &ports))).filter(|(_, ports)| !ports.is_empty()).collect()
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
) -> Result<Option<Vec<&'s ServicePort>>, EndpointError> {
    let ports: Vec<&ServicePort> = match asked {
        None if service.headless => return Ok(None),
        None => service.ports.iter().collect(),
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
    pods: &[PodId],
    asked: Option<&PortRequest>,
    notes: &mut Vec<String>,
) -> Result<(Ends, Ports), EndpointError> {
    let ends = |pods: &[PodId]| Ends {
        pods: pods.iter().map(|&pod| whole(cluster, pod)).collect(),
        addresses: ByFamily::default(),
    };
    // Clients of a headless Service connect to the pods themselves: numbers are not rewritten, and need not be its own.
    if service.headless {
        match asked {
            None => return Ok((ends(pods), Ports::Every)),
            Some(PortRequest::Numbers(numbers)) => return Ok((ends(pods), Ports::Of(numbers.clone()))),
            Some(PortRequest::Name { .. }) => {}
        }
    }
    let ports = service_ports(service, path, asked)?.unwrap_or_default();
    let targets: BTreeMap<PodId, PortSet> = pods
        .iter()
        .map(|&pod| (pod, on_pod(cluster, pod, &ports)))
        .filter(|(_, targets)| !targets.is_empty())
        .collect();
    if targets.is_empty() {
        let why = "none of its pods declares the target port".to_owned();
        return Err(EndpointError::NoBackends { service: path.into(), why });
    }
    let left_out: u64 = pods
        .iter()
        .filter(|pod| !targets.contains_key(pod))
        .map(|&pod| u64::from(cluster.pods[pod].count))
        .sum();
    if left_out > 0 {
        notes.push(format!(
            "{left_out} pods behind Service {path} do not declare its target port and are left out"
        ));
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
    let kept: Vec<PodId> = targets.keys().copied().collect();
    Ok((ends(&kept), Ports::ByDestination { pods: targets, addresses: BTreeMap::new() }))
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
    let ends = ends_of_addresses(cluster, &sets);
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
