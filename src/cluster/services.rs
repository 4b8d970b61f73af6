//! Services and what stands behind them (R56, R57, D4).

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::containers::protocol;
use super::findings::Findings;
use super::objects::Objects;
use super::{Backends, Cluster, EndpointPort, NamespaceId, Service, ServicePort, addresses};
use crate::diagnostic::Origin;
use crate::k8s::{self, EndpointSlicePort, IntOrString, LabelSelector, List};
use crate::label::LabelTable;
use crate::policy::field::{FieldFinding, FieldPath};
use crate::policy::{PORT_NUMBER, lower_selector, port_name_problems, port_number, report, validate_labels};

/// The label that ties an EndpointSlice to its Service.
const SERVICE_LABEL: &str = "kubernetes.io/service-name";

/// One address, and the ports it has for which Service port names.
type Endpoint = (IpAddr, Vec<EndpointPort>);

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
        let service = service(item.object, item.id.origin, behind, &mut cluster.labels, &mut found);
        if findings.fields(&item.id, found) {
            services.insert((namespace, (*item.id.name).into()), service);
        } else {
            findings.left_out(&item.id, "it cannot be asked about");
        }
    }
    services
}

/// A Service, with the addresses behind it if it has no selector.
pub(super) fn service(
    service: &k8s::Service,
    origin: &Origin,
    behind: Vec<Endpoint>,
    labels: &mut LabelTable,
    found: &mut Vec<FieldFinding>,
) -> Service {
    let absent = k8s::ServiceSpec::default();
    let spec = service.spec.as_ref().unwrap_or(&absent);
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
        Backends::ExternalName(spec.external_name.as_deref().unwrap_or_default().into())
    } else if let Some(written) = spec.selector.as_ref().filter(|selector| !selector.is_empty()) {
        // A plain map, so problems stand at the selector itself and not at a `matchLabels` in it.
        validate_labels(written, &path.field("selector"), found);
        let selector = LabelSelector { match_labels: Some(written.clone()), match_expressions: None };
        lower_selector(&selector, &path.field("selector"), labels).map_or(Backends::None, Backends::Selector)
    } else if behind.is_empty() {
        Backends::None
    } else {
        Backends::Addresses(behind)
    };
    Service {
        origin: origin.clone(),
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
            let name = port.name.as_deref().unwrap_or_default().into();
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
    let mut all: BTreeMap<(&str, &str), BTreeMap<IpAddr, Vec<EndpointPort>>> = BTreeMap::new();
    let mut add = |service: (&'o str, &'o str), addresses: Vec<IpAddr>, ports: &[EndpointPort]| {
        for address in addresses {
            all.entry(service).or_default().entry(address).or_default().extend_from_slice(ports);
        }
    };
    for item in &objects.endpoints {
        let mut found = Vec::new();
        for (addresses, ports) in subsets(item.object, &mut found) {
            add((item.id.namespace, &item.id.name), addresses, &ports);
        }
        findings.fields(&item.id, found);
    }
    for item in &objects.slices {
        let mut found = Vec::new();
        let (addresses, ports) = slice(item.object, &mut found);
        if let Some(service) = item.id.meta.labels.as_ref().and_then(|labels| labels.get(SERVICE_LABEL)) {
            add((item.id.namespace, service), addresses, &ports);
        }
        findings.fields(&item.id, found);
    }
    let sorted = |addresses: BTreeMap<IpAddr, Vec<EndpointPort>>| {
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

/// Addresses and the ports that all of them have, by subset.
pub(super) fn subsets(
    endpoints: &k8s::Endpoints,
    found: &mut Vec<FieldFinding>,
) -> Vec<(Vec<IpAddr>, Vec<EndpointPort>)> {
    let list = FieldPath::new("subsets");
    let subsets = endpoints.subsets.iter().flat_map(|list| list.iter()).enumerate();
    subsets
        .map(|(i, subset)| {
            let subset_path = list.index(i);
            let ports = endpoint_ports(subset.ports.as_ref(), &subset_path.field("ports"), found);
            let path = subset_path.field("addresses");
            let written = subset.addresses.iter().flat_map(|list| list.iter()).enumerate();
            let addresses = written.filter_map(|(j, entry)| {
                let entry_path = path.index(j);
                addresses::address(entry.ip.as_deref(), &entry_path.field("ip"), found)
            });
            (addresses.collect(), ports)
        })
        .collect()
}

/// The addresses of a slice and the ports that all of them have.
pub(super) fn slice(
    slice: &k8s::EndpointSlice,
    found: &mut Vec<FieldFinding>,
) -> (Vec<IpAddr>, Vec<EndpointPort>) {
    let ports = endpoint_ports(slice.ports.as_ref(), &FieldPath::new("ports"), found);
    let list = FieldPath::new("endpoints");
    let mut addresses = Vec::new();
    for (i, endpoint) in slice.endpoints.iter().flat_map(|list| list.iter()).enumerate() {
        let endpoint_path = list.index(i);
        let path = endpoint_path.field("addresses");
        let written = endpoint.addresses.iter().flat_map(|list| list.iter());
        addresses.extend(
            written.enumerate().filter_map(|(j, text)| addresses::address(Some(text), &path.index(j), found)),
        );
    }
    (addresses, ports)
}

fn endpoint_ports(
    ports: Option<&List<EndpointSlicePort>>,
    list: &FieldPath<'_>,
    found: &mut Vec<FieldFinding>,
) -> Vec<EndpointPort> {
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
            lowered.push((port.name.as_deref().unwrap_or_default().into(), protocol, number));
        }
    }
    lowered
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::testing::{cluster, errors};
    use super::*;
    use crate::net::Protocol;

    fn one(spec: &Value, others: &[Value]) -> Service {
        let mut input =
            vec![json!({"kind": "Service", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec})];
        input.extend_from_slice(others);
        cluster(&input).services.into_values().next().unwrap()
    }

    #[test]
    fn r57_what_stands_behind_a_service() {
        assert!(matches!(one(&json!({"selector": {"app": "web"}}), &[]).backends, Backends::Selector(_)));
        assert_eq!(one(&json!({"selector": {}}), &[]).backends, Backends::None);
        let external =
            one(&json!({"type": "ExternalName", "externalName": "a.example", "selector": {"a": "b"}}), &[]);
        assert_eq!(external.backends, Backends::ExternalName("a.example".into()));

        let endpoints = json!({
            "kind": "Endpoints", "metadata": {"name": "web", "namespace": "shop"},
            "subsets": [{"addresses": [{"ip": "10.0.0.2"}, {"ip": "10.0.0.1"}], "ports": [{"name": "http", "port": 8080}]}],
        });
        let slice = json!({
            "kind": "EndpointSlice",
            "metadata": {"name": "web-x", "namespace": "shop", "labels": {SERVICE_LABEL: "web"}},
            "endpoints": [{"addresses": ["10.0.0.1"]}], "ports": [{"name": "dns", "port": 53, "protocol": "UDP"}],
        });
        let other = json!({
            "kind": "EndpointSlice", "metadata": {"name": "y", "namespace": "shop"}, "endpoints": [{"addresses": ["10.0.0.9"]}],
        });
        let http = || ("http".into(), Protocol::Tcp, 8080);
        assert_eq!(
            one(&json!({}), &[endpoints, slice, other]).backends,
            Backends::Addresses(vec![
                ("10.0.0.1".parse().unwrap(), vec![("dns".into(), Protocol::Udp, 53), http()]),
                ("10.0.0.2".parse().unwrap(), vec![http()]),
            ])
        );
    }

    #[test]
    fn r57_headless_services_have_no_address() {
        let headless = one(&json!({"clusterIP": "None", "clusterIPs": ["None"]}), &[]);
        assert!(headless.headless && headless.cluster_ips.is_empty());
        let plain = one(&json!({"clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1", "fd00::1"]}), &[]);
        assert!(!plain.headless);
        assert_eq!(plain.cluster_ips.len(), 2);
    }

    #[test]
    fn target_ports_default_to_the_port() {
        let ports = json!([
            {"port": 80}, {"port": 80, "targetPort": 0}, {"port": 80, "targetPort": ""},
            {"port": 80, "targetPort": 8080}, {"port": 80, "targetPort": "http"},
        ]);
        let targets: Vec<IntOrString> =
            one(&json!({"ports": ports}), &[]).ports.into_iter().map(|p| p.target).collect();
        let int = IntOrString::Int;
        assert_eq!(targets, [int(80), int(80), int(80), int(8080), IntOrString::String("http".into())]);
    }

    #[test]
    fn services_are_validated() {
        let service = |spec: Value| json!({"kind": "Service", "metadata": {"name": "web"}, "spec": spec});
        let cases = [
            (
                json!({"ports": [{}]}),
                "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
            ),
            (
                json!({"ports": [{"port": 1, "targetPort": 65536}]}),
                "spec.ports[0].targetPort: Invalid value: 65536: must be between 1 and 65535, inclusive",
            ),
            (
                json!({"ports": [{"port": 1, "protocol": "tcp"}]}),
                "spec.ports[0].protocol: Unsupported value: \"tcp\": supported values: \"SCTP\", \"TCP\", \"UDP\"",
            ),
            (
                json!({"clusterIP": "x"}),
                "spec.clusterIP: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
            ),
        ];
        for (spec, expected) in cases {
            assert_eq!(errors(&[service(spec)]), [expected]);
        }
    }
}
