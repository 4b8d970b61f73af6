//! The addresses behind Services without a selector: Endpoints and EndpointSlices (R57, D4).

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::containers::protocol;
use super::findings::Findings;
use super::objects::Objects;
use super::{EndpointPort, addresses};
use crate::k8s::{self, EndpointSlicePort, EndpointsAddress, List, Text};
use crate::net::Family;
use crate::policy::field::{FieldFinding, FieldPath, Quoted};
use crate::policy::{
    IP_ADDRESS, PORT_NUMBER, Validation, dns_label_problems, dns_subdomain_problems, port_number, report,
};

/// The label that ties an EndpointSlice to its Service.
pub(super) const SERVICE_LABEL: &str = "kubernetes.io/service-name";

/// The values that `addressType` may have.
const ADDRESS_TYPES: [&str; 3] = ["FQDN", "IPv4", "IPv6"];

/// The values that the protocol of a port may have.
const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];

/// One address, and the ports it has for which Service port names.
pub(super) type Endpoint = (IpAddr, Vec<EndpointPort>);

/// The addresses that Endpoints and EndpointSlices give, by namespace and Service; each once, in order.
pub(super) fn endpoints<'o>(
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
        for (addresses, ports) in subsets(item.object, findings.validation(&item.id), &mut found) {
            add((item.id.namespace, &item.id.name), addresses, &ports);
        }
        findings.fields(&item.id, found);
    }
    for item in &objects.slices {
        let mut found = Vec::new();
        let (addresses, ports) = slice(item.object, findings.validation(&item.id), &mut found);
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
    rules: Validation,
    found: &mut Vec<FieldFinding>,
) -> Vec<(Vec<IpAddr>, Vec<EndpointPort>)> {
    let list = FieldPath::new("subsets");
    let subsets = endpoints.subsets.iter().flat_map(|list| list.iter()).enumerate();
    subsets
        .map(|(i, subset)| {
            let path = list.index(i);
            let ready = subset_addresses(subset.addresses.as_ref(), &path.field("addresses"), rules, found);
            // They stand behind nothing, but are held to the same rules.
            let not_ready = &subset.not_ready_addresses;
            subset_addresses(not_ready.as_ref(), &path.field("notReadyAddresses"), rules, found);
            (ready, subset_ports(subset.ports.as_ref(), &path.field("ports"), found))
        })
        .collect()
}

fn subset_addresses(
    written: Option<&List<EndpointsAddress>>,
    list: &FieldPath<'_>,
    rules: Validation,
    found: &mut Vec<FieldFinding>,
) -> Vec<IpAddr> {
    let written = written.into_iter().flat_map(|list| list.iter()).enumerate();
    let addresses = written.filter_map(|(i, entry)| {
        let path = list.index(i);
        endpoint_address(entry.ip.as_deref().unwrap_or_default(), &path.field("ip"), rules, found)
    });
    addresses.collect()
}

/// An address that must be one, and of a kind that traffic can be sent to.
fn endpoint_address(
    text: &str,
    path: &FieldPath<'_>,
    rules: Validation,
    found: &mut Vec<FieldFinding>,
) -> Option<IpAddr> {
    if text.is_empty() {
        found.push(FieldFinding::invalid(path, Quoted(text), IP_ADDRESS));
    }
    let address = addresses::address(Some(text), path, rules, found)?;
    report(addresses::endpoint_problems(address, text), text, path, found);
    Some(address)
}

fn subset_ports(
    ports: Option<&List<EndpointSlicePort>>,
    list: &FieldPath<'_>,
    found: &mut Vec<FieldFinding>,
) -> Vec<EndpointPort> {
    let written = ports.map_or(&[][..], |ports| ports);
    let mut lowered = Vec::new();
    for (i, port) in written.iter().enumerate() {
        let path = list.index(i);
        let name = port.name.as_deref().unwrap_or_default();
        if !name.is_empty() {
            report(dns_label_problems(name), name, &path.field("name"), found);
        } else if written.len() > 1 {
            found.push(FieldFinding::required(&path.field("name"), ""));
        }
        let number = port.port.unwrap_or(0);
        let valid = port_number(number);
        if valid.is_none() {
            found.push(FieldFinding::invalid(&path.field("port"), number, PORT_NUMBER));
        }
        let protocol = protocol(port.protocol.as_deref(), &path.field("protocol"), found);
        lowered.extend(protocol.zip(valid).map(|(protocol, number)| (name.into(), protocol, number)));
    }
    lowered
}

/// The addresses of a slice and the ports that all of them have. Names are nothing that policies know.
pub(super) fn slice(
    slice: &k8s::EndpointSlice,
    rules: Validation,
    found: &mut Vec<FieldFinding>,
) -> (Vec<IpAddr>, Vec<EndpointPort>) {
    let kind = slice.address_type.as_deref().filter(|kind| !kind.is_empty());
    if let Some(kind) = kind.filter(|kind| !ADDRESS_TYPES.contains(kind)) {
        found.push(FieldFinding::unsupported(&FieldPath::new("addressType"), kind, &ADDRESS_TYPES));
    }
    let ports = slice_ports(slice.ports.as_ref(), &FieldPath::new("ports"), found);
    let list = FieldPath::new("endpoints");
    let mut addresses = Vec::new();
    for (i, endpoint) in slice.endpoints.iter().flat_map(|list| list.iter()).enumerate() {
        let path = list.index(i);
        let path = path.field("addresses");
        for (j, text) in endpoint.addresses.iter().flat_map(|list| list.iter()).enumerate() {
            let at = path.index(j);
            match kind {
                Some("FQDN") => report(domain_problems(text), text, &at, found),
                _ => addresses.extend(slice_address(text, kind, [&path, &at], rules, found)),
            }
        }
    }
    (addresses, ports)
}

/// An address of a slice of this type; `paths` are those of the list and of the element.
fn slice_address(
    text: &str,
    kind: Option<&str>,
    [list, at]: [&FieldPath<'_>; 2],
    rules: Validation,
    found: &mut Vec<FieldFinding>,
) -> Option<IpAddr> {
    let address = endpoint_address(text, at, rules, found)?;
    let (expected, name) = match kind {
        Some("IPv4") => (Family::V4, "an IPv4 address"),
        Some("IPv6") => (Family::V6, "an IPv6 address"),
        _ => return Some(address),
    };
    if Family::of(address) != expected {
        found.push(FieldFinding::invalid(list, Quoted(text), format_args!("must be {name}")));
    } else if expected == Family::V6 && !rules.is_stored() && address.to_string() != text {
        let detail = format!("must be in canonical form (\"{address}\")");
        found.push(FieldFinding::invalid(at, Quoted(text), detail));
    }
    Some(address)
}

/// Finds the problems of a name as a fully qualified domain name.
fn domain_problems(text: &str) -> Vec<String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let problems = dns_subdomain_problems(name);
    if !problems.is_empty() {
        return problems;
    }
    if !name.contains('.') {
        return vec!["should be a domain with at least two segments separated by dots".to_owned()];
    }
    name.split('.').flat_map(dns_label_problems).collect()
}

/// Ports of a slice. A number that is no port is none that a connection could have.
fn slice_ports(
    ports: Option<&List<EndpointSlicePort>>,
    list: &FieldPath<'_>,
    found: &mut Vec<FieldFinding>,
) -> Vec<EndpointPort> {
    let written = ports.map_or(&[][..], |ports| ports);
    let name_of = |port: &EndpointSlicePort| port.name.clone().unwrap_or_default();
    let mut lowered = Vec::new();
    for (i, port) in written.iter().enumerate() {
        let path = list.index(i);
        let name: Text = name_of(port);
        if !name.is_empty() {
            report(dns_label_problems(&name), &name, &path.field("name"), found);
        }
        if written[..i].iter().any(|earlier| name_of(earlier) == name) {
            found.push(FieldFinding::duplicate(&path.field("name"), Quoted(&name)));
        }
        let protocol = match port.protocol.as_deref() {
            // Unlike in other kinds, it is not the same as none.
            Some("") => {
                found.push(FieldFinding::unsupported(&path.field("protocol"), "", &PROTOCOLS));
                None
            }
            written => protocol(written, &path.field("protocol"), found),
        };
        let number = port.port.and_then(port_number);
        lowered.extend(protocol.zip(number).map(|(protocol, number)| ((*name).into(), protocol, number)));
    }
    lowered
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "inputs read better where `json!` stands alone")]
mod tests {
    use serde_json::{Value, json};

    use super::super::Backends;
    use super::super::testing::{built, errors};

    fn endpoints(subset: Value) -> Value {
        json!({"kind": "Endpoints", "metadata": {"name": "web"}, "subsets": [subset]})
    }

    fn slice(kind: &str, address: &str, ports: Value) -> Value {
        json!({
            "kind": "EndpointSlice", "addressType": kind, "endpoints": [{"addresses": [address]}], "ports": ports,
            "metadata": {"name": "web", "labels": {super::SERVICE_LABEL: "web"}},
        })
    }

    #[test]
    fn endpoints_are_validated() {
        let address = |ip: &str| endpoints(json!({"addresses": [{"ip": ip}]}));
        let port = |ports: Value| endpoints(json!({"addresses": [{"ip": "10.0.0.1"}], "ports": ports}));
        let cases: [(Value, &[&str]); 9] = [
            (address("10.0.0.1"), &[]),
            (port(json!([{"port": 1, "protocol": ""}])), &[]),
            (
                address(""),
                &[
                    "subsets[0].addresses[0].ip: Invalid value: \"\": must be a valid IP address, (e.g. 10.9.8.7 or \
                   2001:db8::ffff)",
                ],
            ),
            (
                address("127.0.0.1"),
                &[
                    "subsets[0].addresses[0].ip: Invalid value: \"127.0.0.1\": may not be in the loopback range \
                   (127.0.0.0/8, ::1/128)",
                ],
            ),
            (
                endpoints(json!({"notReadyAddresses": [{"ip": "::"}]})),
                &["subsets[0].notReadyAddresses[0].ip: Invalid value: \"::\": may not be unspecified (::)"],
            ),
            (
                address("010.0.0.1"),
                &["subsets[0].addresses[0].ip: Invalid value: \"010.0.0.1\": must not have leading 0s"],
            ),
            (
                port(json!([{"port": 0}])),
                &["subsets[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"],
            ),
            (
                port(json!([{"port": 1}, {"name": "a", "port": 2}])),
                &["subsets[0].ports[0].name: Required value"],
            ),
            (
                port(json!([{"name": "a.b", "port": 1}])),
                &["subsets[0].ports[0].name: Invalid value: \"a.b\": must not contain dots"],
            ),
        ];
        for (object, expected) in cases {
            assert_eq!(errors(std::slice::from_ref(&object)), expected, "{object}");
        }
    }

    #[test]
    fn slices_are_validated() {
        let at = "endpoints[0].addresses[0]: Invalid value:";
        let cases = [
            (slice("IPv4", "10.0.0.1", json!([{"port": 70000}])), None),
            (slice("", "10.0.0.1", json!([])), None),
            (slice("FQDN", "a.example.", json!([])), None),
            (slice("IPv4", "224.0.0.1", json!([])), Some(format!("{at} \"224.0.0.1\": may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"))),
            (slice("FQDN", "a", json!([])), Some(format!("{at} \"a\": should be a domain with at least two segments separated by dots"))),
            (slice("IPv6", "2001:DB8::1", json!([])), Some(format!("{at} \"2001:DB8::1\": must be in canonical form (\"2001:db8::1\")"))),
            (slice("IPv4", "2001:db8::1", json!([])), Some("endpoints[0].addresses: Invalid value: \"2001:db8::1\": must be an IPv4 address".to_owned())),
            (slice("IPv5", "10.0.0.1", json!([])), Some("addressType: Unsupported value: \"IPv5\": supported values: \"FQDN\", \"IPv4\", \"IPv6\"".to_owned())),
            (slice("IPv4", "10.0.0.1", json!([{"port": 1}, {"port": 2}])), Some("ports[1].name: Duplicate value: \"\"".to_owned())),
            (slice("IPv4", "10.0.0.1", json!([{"port": 1, "protocol": ""}])), Some("ports[0].protocol: Unsupported value: \"\": supported values: \"SCTP\", \"TCP\", \"UDP\"".to_owned())),
        ];
        for (object, expected) in cases {
            assert_eq!(errors(std::slice::from_ref(&object)), Vec::from_iter(expected), "{object}");
        }
    }

    #[test]
    fn r47_a_stored_address_in_ipv6_form_is_the_ipv4_address() {
        let mut old = endpoints(json!({"addresses": [{"ip": "::ffff:10.0.0.1"}], "ports": [{"port": 80}]}));
        let service =
            json!({"kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}});
        assert_eq!(
            errors(&[old.clone(), service.clone()]),
            [
                "subsets[0].addresses[0].ip: Invalid value: \"::ffff:10.0.0.1\": must not be an IPv4-mapped IPv6 address"
            ]
        );
        old["metadata"]["uid"] = json!("u");
        let built = built(&[old, service]);
        let backends = &built.cluster.services.values().next().unwrap().backends;
        assert!(matches!(backends, Backends::Addresses(all) if all[0].0.to_string() == "10.0.0.1"));
        assert_eq!(
            built.diagnostics[0].message,
            "non-standard IP address \"::ffff:10.0.0.1\" is invalid: use \"10.0.0.1\""
        );
    }
}
