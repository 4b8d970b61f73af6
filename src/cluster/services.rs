//! Services and what stands behind them (R56, R57, D4).

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::containers::protocol;
use super::endpoints::{Endpoint, endpoints};
use super::findings::Findings;
use super::objects::Objects;
use super::{Backends, Cluster, NamespaceId, Service, ServicePort, addresses};
use crate::diagnostic::Origin;
use crate::k8s::{self, IntOrString, LabelSelector, List, ServiceSpec};
use crate::label::LabelTable;
use crate::net::Family;
use crate::policy::field::{FieldFinding, FieldPath, Quoted};
use crate::policy::{
    PORT_NUMBER, Validation, dns_label_problems, dns_subdomain_problems, lower_selector, parse_ip,
    port_name_problems, port_number, report, validate_labels,
};

/// The values that `spec.type` may have.
const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

/// The cluster address of a headless Service.
const NONE: &str = "None";

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
        let rules = findings.validation(&item.id);
        let service = service(item.object, item.id.origin, behind, rules, &mut cluster.labels, &mut found);
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
    rules: Validation,
    labels: &mut LabelTable,
    found: &mut Vec<FieldFinding>,
) -> Service {
    let absent = ServiceSpec::default();
    let spec = service.spec.as_ref().unwrap_or(&absent);
    let path = FieldPath::new("spec");
    let kind = spec.kind.as_deref().filter(|kind| !kind.is_empty()).unwrap_or("ClusterIP");
    let headless = spec.cluster_ip.as_deref() == Some(NONE);
    let ports = spec.ports.as_ref().filter(|ports| !ports.is_empty());
    if ports.is_none() && !headless && kind != "ExternalName" {
        found.push(FieldFinding::required(&path.field("ports"), ""));
    }
    if kind == "ExternalName" {
        external_name(spec, &path, found);
    }
    let ports = service_ports(ports, &path.field("ports"), found);
    if !TYPES.contains(&kind) {
        found.push(FieldFinding::unsupported(&path.field("type"), kind, &TYPES));
    }
    let cluster_ips = cluster_ips(spec, kind, &path, rules, found);
    let backends = if kind == "ExternalName" {
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
    let list = path.field("externalIPs");
    let written = spec.external_ips.iter().flat_map(|list| list.iter()).enumerate();
    let mut external_ips: Vec<IpAddr> = written
        .filter_map(|(i, text)| addresses::address(Some(text), &list.index(i), rules, found))
        .collect();
    // What a controller writes to the status is no business of validation.
    let balancer = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let balancers = balancer.and_then(|balancer| balancer.ingress.as_ref());
    let balancers = balancers.into_iter().flat_map(|list| list.iter());
    external_ips.extend(balancers.filter_map(|entry| parse_ip(entry.ip.as_deref()?)));
    let is_exposed =
        matches!(spec.kind.as_deref(), Some("LoadBalancer" | "NodePort")) || !external_ips.is_empty();
    Service {
        origin: origin.clone(),
        backends,
        ports,
        headless,
        cluster_ips: cluster_ips.into(),
        external_ips: addresses::sorted(external_ips).into(),
        hides_clients: is_exposed && spec.external_traffic_policy.as_deref() != Some("Local"),
    }
}

/// Checks the name that an ExternalName Service stands for.
fn external_name(spec: &ServiceSpec, path: &FieldPath<'_>, found: &mut Vec<FieldFinding>) {
    let path = path.field("externalName");
    let name = spec.external_name.as_deref().unwrap_or_default();
    match name.strip_suffix('.').unwrap_or(name) {
        "" => found.push(FieldFinding::required(&path, "")),
        name => report(dns_subdomain_problems(name), name, &path, found),
    }
}

/// The Service's own addresses: none for a headless one, at most one of each family for any other.
fn cluster_ips(
    spec: &ServiceSpec,
    kind: &str,
    path: &FieldPath<'_>,
    rules: Validation,
    found: &mut Vec<FieldFinding>,
) -> Vec<IpAddr> {
    let list_path = path.field("clusterIPs");
    let list = spec.cluster_ips.as_deref().unwrap_or_default();
    let single = spec.cluster_ip.as_deref().filter(|single| !single.is_empty());
    if kind == "ExternalName" {
        if single.is_some() || !list.is_empty() {
            let detail = "may not be set for ExternalName services";
            found.push(FieldFinding::forbidden(&list_path, detail));
        }
        return Vec::new();
    }
    let shown = || {
        let texts: Vec<String> = list.iter().map(|text| Quoted(text).to_string()).collect();
        format!("[{}]", texts.join(","))
    };
    let mut wrong = |detail: &str| found.push(FieldFinding::invalid(&list_path, shown(), detail));
    match (single, list.first()) {
        (Some(single), Some(first)) if single != *first => wrong("first value must match `clusterIP`"),
        (None, Some(_)) => wrong("must be empty when `clusterIP` is not specified"),
        _ => {}
    }
    if single == Some(NONE) || list.first().is_some_and(|first| first == NONE) {
        if list.len() > 1 {
            wrong("'None' must be the first and only value");
        }
        if matches!(kind, "LoadBalancer" | "NodePort") {
            let detail = format!("may not be set to 'None' for {kind} services");
            found.push(FieldFinding::invalid(&list_path.index(0), Quoted(NONE), detail));
        }
        return Vec::new();
    }
    let errors = found.len();
    let mut addresses = Vec::new();
    for (i, text) in list.iter().enumerate() {
        addresses.extend(addresses::address(Some(text), &list_path.index(i), rules, found));
    }
    if list.is_empty() {
        addresses.extend(addresses::address(single, &path.field("clusterIP"), rules, found));
    }
    if found[errors..].iter().any(FieldFinding::is_error) {
        return addresses::sorted(addresses);
    }
    let mut wrong = |detail: &str| found.push(FieldFinding::invalid(&list_path, shown(), detail));
    if list.len() > 2 {
        wrong("may only hold up to 2 values");
    }
    if let [one, others @ ..] = &*addresses
        && others.iter().any(|other| Family::of(*other) == Family::of(*one))
    {
        wrong("may specify no more than one IP for each IP family");
    }
    addresses::sorted(addresses)
}

fn service_ports(
    ports: Option<&List<k8s::ServicePort>>,
    list: &FieldPath<'_>,
    found: &mut Vec<FieldFinding>,
) -> Vec<ServicePort> {
    let written = ports.map_or(&[][..], |ports| ports);
    let mut lowered: Vec<ServicePort> = Vec::new();
    for (i, port) in written.iter().enumerate() {
        let path = list.index(i);
        let name = port.name.as_deref().unwrap_or_default();
        service_port_name(name, written, i, &path.field("name"), found);
        let number = port.port.unwrap_or(0);
        let valid = port_number(number);
        if valid.is_none() {
            found.push(FieldFinding::invalid(&path.field("port"), number, PORT_NUMBER));
        }
        let protocol = protocol(port.protocol.as_deref(), &path.field("protocol"), found);
        let target = target_port(port.target_port.as_ref(), number, &path.field("targetPort"), found);
        let (Some(number), Some(protocol)) = (valid, protocol) else { continue };
        if lowered.iter().any(|earlier| (earlier.port, earlier.protocol) == (number, protocol)) {
            let shown = format_args!(
                "{{\"Name\":\"\",\"Protocol\":\"{protocol}\",\"AppProtocol\":null,\"Port\":{number},\"TargetPort\":0,\"NodePort\":0}}"
            );
            found.push(FieldFinding::duplicate(&path, shown));
            continue;
        }
        lowered.push(ServicePort { name: name.into(), port: number, protocol, target });
    }
    lowered
}

/// Checks the name of a port of a Service: of several ports each has one.
fn service_port_name(
    name: &str,
    ports: &[k8s::ServicePort],
    place: usize,
    path: &FieldPath<'_>,
    found: &mut Vec<FieldFinding>,
) {
    if name.is_empty() {
        if ports.len() > 1 {
            found.push(FieldFinding::required(path, ""));
        }
        return;
    }
    report(dns_label_problems(name), name, path, found);
    if ports[..place].iter().any(|earlier| earlier.name.as_deref() == Some(name)) {
        found.push(FieldFinding::duplicate(path, Quoted(name)));
    }
}

/// The number or name on the pods; `port` where none is given (D4).
fn target_port(
    written: Option<&IntOrString>,
    port: i32,
    path: &FieldPath<'_>,
    found: &mut Vec<FieldFinding>,
) -> IntOrString {
    match written {
        Some(IntOrString::String(name)) if !name.is_empty() => {
            report(port_name_problems(name), name, path, found);
            IntOrString::String(name.clone())
        }
        Some(IntOrString::Int(target)) if *target != 0 => {
            if port_number(*target).is_none() {
                found.push(FieldFinding::invalid(path, target, PORT_NUMBER));
            }
            IntOrString::Int(*target)
        }
        // A bad number is said once.
        _ => IntOrString::Int(port),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::endpoints::SERVICE_LABEL;
    use super::super::testing::{cluster, errors, manifests};
    use super::super::{Options, build};
    use super::*;
    use crate::net::Protocol;

    fn service(spec: &Value) -> Value {
        json!({"kind": "Service", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec})
    }

    /// A Service, which has a port if nothing else is said.
    fn one(spec: &Value, others: &[Value]) -> Service {
        let mut spec = spec.clone();
        let absent = json!([{"port": 80}]);
        spec.as_object_mut().unwrap().entry("ports").or_insert(absent);
        let mut input = vec![service(&spec)];
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
            {"name": "a", "port": 80}, {"name": "b", "port": 81, "targetPort": 0},
            {"name": "c", "port": 82, "targetPort": ""}, {"name": "d", "port": 83, "targetPort": 8080},
            {"name": "e", "port": 84, "targetPort": "http"},
        ]);
        let targets: Vec<IntOrString> =
            one(&json!({"ports": ports}), &[]).ports.into_iter().map(|p| p.target).collect();
        let int = IntOrString::Int;
        assert_eq!(targets, [int(80), int(81), int(82), int(8080), IntOrString::String("http".into())]);
    }

    #[test]
    fn services_are_validated() {
        let ports = |ports: Value| json!({"ports": ports});
        let cases: [(Value, &[&str]); 17] = [
            (
                ports(json!([{}])),
                &["spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"],
            ),
            (
                ports(json!([{"port": 1, "targetPort": 65536}])),
                &["spec.ports[0].targetPort: Invalid value: 65536: must be between 1 and 65535, inclusive"],
            ),
            (
                ports(json!([{"port": 1, "protocol": "tcp"}])),
                &[
                    "spec.ports[0].protocol: Unsupported value: \"tcp\": supported values: \"SCTP\", \"TCP\", \"UDP\"",
                ],
            ),
            (ports(json!([{"port": 1, "protocol": ""}])), &[]),
            (json!({}), &["spec.ports: Required value"]),
            (ports(json!([])), &["spec.ports: Required value"]),
            (json!({"clusterIP": "None"}), &[]),
            (json!({"type": "ExternalName", "externalName": "a.example."}), &[]),
            (json!({"type": "ExternalName"}), &["spec.externalName: Required value"]),
            (
                json!({"type": "Clusterip", "ports": [{"port": 1}]}),
                &[
                    "spec.type: Unsupported value: \"Clusterip\": supported values: \"ClusterIP\", \"ExternalName\", \
                   \"LoadBalancer\", \"NodePort\"",
                ],
            ),
            (ports(json!([{"port": 1}, {"name": "a", "port": 2}])), &["spec.ports[0].name: Required value"]),
            (
                ports(json!([{"name": "a", "port": 1}, {"name": "a", "port": 1, "protocol": "UDP"}])),
                &["spec.ports[1].name: Duplicate value: \"a\""],
            ),
            (
                ports(json!([{"name": "a", "port": 1}, {"name": "b", "port": 1}])),
                &[
                    "spec.ports[1]: Duplicate value: {\"Name\":\"\",\"Protocol\":\"TCP\",\"AppProtocol\":null,\"Port\":1,\
                   \"TargetPort\":0,\"NodePort\":0}",
                ],
            ),
            (
                ports(json!([{"name": "a.b", "port": 1}])),
                &["spec.ports[0].name: Invalid value: \"a.b\": must not contain dots"],
            ),
            (ports(json!([{"name": "1-s", "port": 1}])), &[]),
            (
                json!({"clusterIP": "x", "ports": [{"port": 1}]}),
                &[
                    "spec.clusterIP: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
                ],
            ),
            (
                json!({"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1", "10.0.0.2"], "ports": [{"port": 1}]}),
                &[
                    "spec.clusterIPs: Invalid value: [\"10.0.0.1\",\"10.0.0.2\"]: may specify no more than one IP for each \
                   IP family",
                ],
            ),
        ];
        for (spec, expected) in cases {
            assert_eq!(errors(&[service(&spec)]), expected, "{spec}");
        }
    }

    #[test]
    fn names_of_services_may_begin_with_a_digit() {
        let named = |name: &str| json!({"kind": "Service", "metadata": {"name": name}, "spec": {"ports": [{"port": 1}]}});
        assert_eq!(errors(&[named("1s")]), [""; 0]);
        assert_eq!(errors(&[named("a.b")]), ["metadata.name: Invalid value: \"a.b\": must not contain dots"]);
        let older = Options { kube_version: "1.35".parse().unwrap(), ..Options::default() };
        let built = build(&manifests(&[named("1s")]), &older);
        assert!(built.diagnostics[0].message.contains("a DNS-1035 label must"), "{:?}", built.diagnostics);
    }
}
