//! Where pods are: the addresses a manifest gives, and where the others may lie (W23, W24).

use std::net::IpAddr;

use ipnet::IpNet;
use smallvec::SmallVec;

use super::{Addresses, Ranges, UnknownAddresses};
use crate::k8s::{PodIp, PodStatus, Text};
use crate::net::{AddressSet, ByFamily, Family, net_range};
use crate::policy::field::{FieldFinding, FieldPath, Quoted};
use crate::policy::{IP_ADDRESS, parse_ip};

/// Private IPv4 space: RFC 1918 and RFC 6598.
const PRIVATE_V4: [(u128, u128); 4] = [
    (0x0a00_0000, 0x0aff_ffff),
    (0x6440_0000, 0x647f_ffff),
    (0xac10_0000, 0xac1f_ffff),
    (0xc0a8_0000, 0xc0a8_ffff),
];
/// Private IPv6 space: RFC 4193.
const PRIVATE_V6: (u128, u128) = (0xfc << 120, (0xfe << 120) - 1);

fn private(family: Family) -> AddressSet {
    match family {
        Family::V4 => AddressSet::from_ranges(PRIVATE_V4),
        Family::V6 => AddressSet::from_range(PRIVATE_V6.0, PRIVATE_V6.1),
    }
}

/// The addresses of a pod: its own; for a hostNetwork pod without any, those of its node, `of_node` the declared ones.
pub(super) fn of_pod(
    status: Option<&PodStatus>,
    host_network: bool,
    of_node: &[IpAddr],
    findings: &mut Vec<FieldFinding>,
) -> Addresses {
    let root = FieldPath::new("status");
    let absent = PodStatus::default();
    let status = status.unwrap_or(&absent);
    let mut read = |first: Option<&Text>, all: Option<&[PodIp]>, field: &str, list: &str| {
        let list = root.field(list);
        let mut addresses: SmallVec<[IpAddr; 1]> = SmallVec::new();
        let mut first = first;
        for (i, entry) in all.unwrap_or_default().iter().enumerate() {
            let entry_path = list.index(i);
            let found = address(entry.ip.as_deref(), &entry_path.field("ip"), findings);
            // One of the list is written twice, and need not be read twice.
            first = first.filter(|first| found.is_none() || entry.ip.as_ref() != Some(first));
            addresses.extend(found);
        }
        addresses.extend(address(first.map(Text::as_str), &root.field(field), findings));
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    };
    let own = read(status.pod_ip.as_ref(), status.pod_ips.as_deref(), "podIP", "podIPs");
    let hosts = read(status.host_ip.as_ref(), status.host_ips.as_deref(), "hostIP", "hostIPs");
    let known = match (own, host_network) {
        (own, _) if !own.is_empty() => own,
        (_, true) if !hosts.is_empty() => hosts,
        (_, true) => SmallVec::from_slice(of_node),
        (own, false) => own,
    };
    if known.is_empty() { Addresses::Unknown } else { Addresses::Known(known) }
}

/// An address field; absent and empty are no address yet.
pub(super) fn address(
    text: Option<&str>,
    path: &FieldPath<'_>,
    findings: &mut Vec<FieldFinding>,
) -> Option<IpAddr> {
    let text = text.filter(|text| !text.is_empty())?;
    let address = parse_ip(text);
    if address.is_none() {
        findings.push(FieldFinding::invalid(path, Quoted(text), IP_ADDRESS));
    }
    address
}

/// Addresses in order, each once.
pub(super) fn sorted(mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// Where pods without an address may lie; `shows_v6` says whether some pod of the input has an IPv6 address.
pub(super) fn unknown(ranges: &Ranges, shows_v6: bool) -> UnknownAddresses {
    let private_of_shown =
        ByFamily { v4: Some(private(Family::V4)), v6: shows_v6.then(|| private(Family::V6)) };
    let mut pods = given(&ranges.pods).unwrap_or_else(|| private_of_shown.clone());
    if shows_v6 && pods.v6.is_none() {
        pods.v6 = Some(private(Family::V6));
    }
    let hosts = given(&ranges.nodes).unwrap_or_else(|| ByFamily {
        v4: pods.v4.is_some().then(|| private(Family::V4)),
        v6: pods.v6.is_some().then(|| private(Family::V6)),
    });
    UnknownAddresses { pods, hosts }
}

fn given(nets: &[IpNet]) -> Option<ByFamily<Option<AddressSet>>> {
    let of = |family| {
        let set: AddressSet =
            nets.iter().filter(|n| Family::of_net(**n) == family).map(|n| net_range(*n)).collect();
        (!set.is_empty()).then_some(set)
    };
    (!nets.is_empty()).then(|| ByFamily { v4: of(Family::V4), v6: of(Family::V6) })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(status: Value, host_network: bool, of_node: &[&str]) -> (Addresses, Vec<String>) {
        let status: PodStatus = serde_json::from_value(status).unwrap();
        let of_node: Vec<IpAddr> = of_node.iter().map(|a| a.parse().unwrap()).collect();
        let mut findings = Vec::new();
        let addresses = of_pod(Some(&status), host_network, &of_node, &mut findings);
        (addresses, findings.into_iter().map(|f| format!("{}: {}", f.path, f.message)).collect())
    }

    fn known(addresses: &[&str]) -> Addresses {
        Addresses::Known(addresses.iter().map(|a| a.parse().unwrap()).collect())
    }

    #[test]
    fn w24_addresses_of_the_status() {
        let cases = [
            (json!({}), Addresses::Unknown),
            (json!({"podIP": ""}), Addresses::Unknown),
            (json!({"podIP": "10.0.0.1"}), known(&["10.0.0.1"])),
            (
                json!({"podIP": "10.0.0.1", "podIPs": [{"ip": "fd00::1"}, {"ip": "10.0.0.1"}]}),
                known(&["10.0.0.1", "fd00::1"]),
            ),
            (json!({"hostIP": "192.168.0.1"}), Addresses::Unknown),
        ];
        for (status, expected) in cases {
            assert_eq!(of(status.clone(), false, &["192.168.0.9"]), (expected, vec![]), "{status}");
        }
    }

    #[test]
    fn w23_host_network_pods_have_the_address_of_their_node() {
        let cases = [
            (json!({"podIP": "10.0.0.1", "hostIP": "10.0.0.2"}), known(&["10.0.0.1"])),
            (json!({"hostIP": "10.0.0.2"}), known(&["10.0.0.2"])),
            (json!({"hostIPs": [{"ip": "10.0.0.2"}, {"ip": "fd00::2"}]}), known(&["10.0.0.2", "fd00::2"])),
            (json!({}), known(&["10.0.0.3"])),
        ];
        for (status, expected) in cases {
            assert_eq!(of(status.clone(), true, &["10.0.0.3"]), (expected, vec![]), "{status}");
        }
        assert_eq!(of(json!({}), true, &[]).0, Addresses::Unknown);
    }

    #[test]
    fn bad_addresses_are_errors() {
        assert_eq!(
            of(json!({"podIPs": [{"ip": "10.0.0"}], "podIP": "x"}), false, &[]).1,
            [
                "status.podIPs[0].ip: Invalid value: \"10.0.0\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
                "status.podIP: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
            ]
        );
    }

    #[test]
    fn addresses_not_given_lie_where_the_contract_says() {
        let nets = |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect::<Vec<IpNet>>();
        let set = |texts: &[&str]| Some(nets(texts).into_iter().map(net_range).collect::<AddressSet>());
        let v4 = set(&["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"]);
        let v6 = set(&["fc00::/7"]);
        let region = |pods: &[&str], nodes: &[&str], shows_v6| {
            let ranges = Ranges { pods: nets(pods), services: vec![], nodes: nets(nodes) };
            let unknown = unknown(&ranges, shows_v6);
            ((unknown.pods.v4, unknown.pods.v6), (unknown.hosts.v4, unknown.hosts.v6))
        };
        assert_eq!(region(&[], &[], false), ((v4.clone(), None), (v4.clone(), None)));
        assert_eq!(region(&[], &[], true), ((v4.clone(), v6.clone()), (v4.clone(), v6.clone())));
        let pods = set(&["10.1.0.0/16"]);
        assert_eq!(region(&["10.1.0.0/16"], &[], false), ((pods.clone(), None), (v4.clone(), None)));
        assert_eq!(region(&["10.1.0.0/16"], &[], true), ((pods, v6.clone()), (v4, v6.clone())));
        let pods6 = set(&["fd01::/48"]);
        assert_eq!(
            region(&["fd01::/48"], &["10.2.0.0/16"], false),
            ((None, pods6), (set(&["10.2.0.0/16"]), None))
        );
    }
}
