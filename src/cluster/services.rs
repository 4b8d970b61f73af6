//! Services and what stands behind them (R56, R57, D4).

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::containers::protocol;
use super::findings::Findings;
use super::objects::{Item, Objects};
use super::{Backends, Cluster, NamespaceId, Service, ServicePort, addresses};
use crate::k8s::{self, EndpointSlicePort, IntOrString, LabelSelector, List};
use crate::label::LabelTable;
use crate::net::Protocol;
use crate::policy::field::{FieldFinding, FieldPath};
use crate::policy::{PORT_NUMBER, lower_selector, port_name_problems, port_number, report};

/// The label that ties an EndpointSlice to its Service.
const SERVICE_LABEL: &str = "kubernetes.io/service-name";

/// One address, and the ports it has for which Service port names.
type Endpoint = (IpAddr, Vec<(Box<str>, Protocol, u16)>);

/// All Services. `cluster` has its namespaces already.
pub(super) fn services(
    objects: &Objects<'_>,
    cluster: &mut Cluster,
    findings: &mut Findings,
) -> BTreeMap<(NamespaceId, Box<str>), Service> {
    let mut endpoints = endpoints(objects, findings);
    let mut services = BTreeMap::new();
    for item in &objects.services {
        let namespace =
            cluster.namespace(item.id.namespace).expect("every namespace that an object names is there");
        let behind = endpoints.remove(&(item.id.namespace, &*item.id.name)).unwrap_or_default();
        let mut found = Vec::new();
        let service = service(item, behind, &mut cluster.labels, &mut found);
        if findings.fields(&item.id, found) {
            services.insert((namespace, (*item.id.name).into()), service);
        } else {
            findings.left_out(&item.id, "it cannot be asked about");
        }
    }
    services
}

fn service(
    item: &Item<'_, k8s::Service>,
    behind: Vec<Endpoint>,
    labels: &mut LabelTable,
    found: &mut Vec<FieldFinding>,
) -> Service {
    let absent = k8s::ServiceSpec::default();
    let spec = item.object.spec.as_ref().unwrap_or(&absent);
    let path = FieldPath::new("spec");
    let headless = spec.cluster_ip.as_deref() == Some("None");
    let mut cluster_ips = Vec::new();
    let list = path.field("clusterIPs");
    for (i, text) in spec.cluster_ips.iter().flat_map(|list| list.iter()).enumerate() {
        cluster_ips.extend(addresses::address(
            Some(text).filter(|_| !headless).map(|t| &**t),
            &list.index(i),
            found,
        ));
    }
    let first = spec.cluster_ip.as_deref().filter(|_| !headless);
    cluster_ips.extend(addresses::address(first, &path.field("clusterIP"), found));
    let ports = service_ports(spec.ports.as_ref(), &path.field("ports"), found);
    let backends = if spec.kind.as_deref() == Some("ExternalName") {
        Backends::ExternalName(spec.external_name.clone().unwrap_or_default())
    } else if let Some(written) = spec.selector.as_ref().filter(|selector| !selector.is_empty()) {
        let selector = LabelSelector { match_labels: Some(written.clone()), match_expressions: None };
        match lower_selector(&selector, &path.field("selector"), labels) {
            Ok(selector) => Backends::Selector(selector),
            Err(errors) => {
                found.extend(errors);
                Backends::None
            }
        }
    } else if behind.is_empty() {
        Backends::None
    } else {
        Backends::Addresses(behind)
    };
    Service {
        origin: item.id.origin.clone(),
        backends,
        ports,
        headless,
        cluster_ips: addresses::sorted(cluster_ips).into(),
    }
}

fn service_ports(
    ports: Option<&List<k8s::ServicePort>>,
    list: &FieldPath<'_>,
    found: &mut Vec<FieldFinding>,
) -> Vec<ServicePort> {
    let mut lowered = Vec::new();
    for (i, port) in ports.into_iter().flat_map(|list| list.iter()).enumerate() {
        let path = list.index(i);
        let written = port.port.unwrap_or(0);
        let number = port_number(written);
        if number.is_none() {
            found.push(FieldFinding::invalid(&path.field("port"), written, PORT_NUMBER));
        }
        let protocol = protocol(port.protocol.as_deref(), &path.field("protocol"), found);
        let target_path = path.field("targetPort");
        let target = match &port.target_port {
            None | Some(IntOrString::Int(0)) => IntOrString::Int(written),
            Some(IntOrString::String(name)) if name.is_empty() => IntOrString::Int(written),
            Some(IntOrString::String(name)) => {
                report(port_name_problems(name), name, &target_path, found);
                IntOrString::String(name.clone())
            }
            Some(IntOrString::Int(target)) => {
                if port_number(*target).is_none() {
                    found.push(FieldFinding::invalid(&target_path, target, PORT_NUMBER));
                }
                IntOrString::Int(*target)
            }
        };
        if let (Some(port_number), Some(protocol)) = (number, protocol) {
            let name = port.name.clone().unwrap_or_default();
            lowered.push(ServicePort { name, port: port_number, protocol, target });
        }
    }
    lowered
}

/// The addresses that Endpoints and EndpointSlices give, by namespace and Service; each once, in order.
fn endpoints<'o>(
    objects: &'o Objects<'_>,
    findings: &mut Findings,
) -> BTreeMap<(&'o str, &'o str), Vec<Endpoint>> {
    let mut all: BTreeMap<(&str, &str), BTreeMap<IpAddr, Vec<(Box<str>, Protocol, u16)>>> = BTreeMap::new();
    let mut add =
        |service: (&'o str, &'o str), addresses: Vec<IpAddr>, ports: &[(Box<str>, Protocol, u16)]| {
            for address in addresses {
                all.entry(service).or_default().entry(address).or_default().extend_from_slice(ports);
            }
        };
    for item in &objects.endpoints {
        let mut found = Vec::new();
        let list = FieldPath::new("subsets");
        for (i, subset) in item.object.subsets.iter().flat_map(|list| list.iter()).enumerate() {
            let subset_path = list.index(i);
            let ports = endpoint_ports(subset.ports.as_ref(), &subset_path.field("ports"), &mut found);
            let path = subset_path.field("addresses");
            let mut addresses = Vec::new();
            for (j, entry) in subset.addresses.iter().flat_map(|list| list.iter()).enumerate() {
                let entry_path = path.index(j);
                addresses.extend(addresses::address(
                    entry.ip.as_deref(),
                    &entry_path.field("ip"),
                    &mut found,
                ));
            }
            add((item.id.namespace, &item.id.name), addresses, &ports);
        }
        findings.fields(&item.id, found);
    }
    for item in &objects.slices {
        let Some(service) = item.id.meta.labels.as_ref().and_then(|labels| labels.get(SERVICE_LABEL)) else {
            continue;
        };
        let mut found = Vec::new();
        let ports = endpoint_ports(item.object.ports.as_ref(), &FieldPath::new("ports"), &mut found);
        let list = FieldPath::new("endpoints");
        for (i, endpoint) in item.object.endpoints.iter().flat_map(|list| list.iter()).enumerate() {
            let endpoint_path = list.index(i);
            let path = endpoint_path.field("addresses");
            let written = endpoint.addresses.iter().flat_map(|list| list.iter());
            let addresses = written
                .enumerate()
                .filter_map(|(j, text)| addresses::address(Some(text), &path.index(j), &mut found))
                .collect();
            add((item.id.namespace, service), addresses, &ports);
        }
        findings.fields(&item.id, found);
    }
    let sorted = |addresses: BTreeMap<IpAddr, Vec<(Box<str>, Protocol, u16)>>| {
        addresses
            .into_iter()
            .map(|(address, mut ports)| {
                ports.sort_unstable();
                ports.dedup();
                (address, ports)
            })
            .collect()
    };
    all.into_iter().map(|(service, addresses)| (service, sorted(addresses))).collect()
}

fn endpoint_ports(
    ports: Option<&List<EndpointSlicePort>>,
    list: &FieldPath<'_>,
    found: &mut Vec<FieldFinding>,
) -> Vec<(Box<str>, Protocol, u16)> {
    let mut lowered = Vec::new();
    for (i, port) in ports.into_iter().flat_map(|list| list.iter()).enumerate() {
        let path = list.index(i);
        let protocol = protocol(port.protocol.as_deref(), &path.field("protocol"), found);
        let Some(written) = port.port else { continue };
        let number = port_number(written);
        if number.is_none() {
            found.push(FieldFinding::invalid(&path.field("port"), written, PORT_NUMBER));
        }
        if let (Some(protocol), Some(number)) = (protocol, number) {
            lowered.push((port.name.clone().unwrap_or_default(), protocol, number));
        }
    }
    lowered
}
