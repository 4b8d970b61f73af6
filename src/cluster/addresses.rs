//! Addresses of pods: those that a manifest gives, and the ranges of the others (W23, W24).

use std::net::IpAddr;

use ipnet::IpNet;
use smallvec::SmallVec;

use super::{Addresses, Ranges, UnknownAddresses};
use crate::diagnostic::Code;
use crate::k8s::{PodIp, PodStatus, Text};
use crate::net::{AddressSet, ByFamily, Family, net_range};
use crate::policy::field::{FieldFinding, FieldPath, Quoted};
use crate::policy::{Form, IP_ADDRESS, Validation, older_servers, parse_ip, parse_ip_form};

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
    rules: Validation,
    findings: &mut Vec<FieldFinding>,
) -> Addresses {
    let root = FieldPath::new("status");
    let absent = PodStatus::default();
    let status = status.unwrap_or(&absent);
    let (pod_ip, pod_ips) = (given(status.pod_ip.as_ref()), status.pod_ips.as_deref().unwrap_or_default());
    let begins_with = |list: &[PodIp], single| list.first().is_some_and(|entry| entry.ip.as_ref() == single);
    let own = match pod_ip {
        // Where the single field and the list differ, the API server keeps the single one and drops the list.
        Some(single) if !begins_with(pod_ips, pod_ip) => {
            address(Some(single), &root.field("podIP"), rules, findings).into_iter().collect()
        }
        _ => listed(pod_ips, &root.field("podIPs"), rules, findings),
    };
    let (host_ip, host_ips) =
        (given(status.host_ip.as_ref()), status.host_ips.as_deref().unwrap_or_default());
    let hosts = if let [first, ..] = host_ips {
        if !begins_with(host_ips, host_ip) {
            let list = root.field("hostIPs");
            let text = first.ip.as_deref().unwrap_or_default();
            let path = list.index(0);
            findings.push(FieldFinding::invalid(
                &path.field("ip"),
                Quoted(text),
                "must be equal to `hostIP`",
            ));
        }
        listed(host_ips, &root.field("hostIPs"), rules, findings)
    } else {
        // Alone, it may be anything.
        host_ip.and_then(|text| parse_ip(text)).into_iter().collect()
    };
    match (own, host_network) {
        (own, _) if !own.is_empty() => Addresses::Known(own),
        (_, true) if !hosts.is_empty() => Addresses::Known(hosts),
        _ => without_status(host_network, of_node),
    }
}

/// A text that is there.
fn given(text: Option<&Text>) -> Option<&Text> {
    text.filter(|text| !text.is_empty())
}

/// The addresses of a list, which holds one of each family at most; in order, each once.
fn listed(
    list: &[PodIp],
    path: &FieldPath<'_>,
    rules: Validation,
    findings: &mut Vec<FieldFinding>,
) -> SmallVec<[IpAddr; 1]> {
    let mut addresses: SmallVec<[IpAddr; 1]> = SmallVec::new();
    for (i, entry) in list.iter().enumerate() {
        let entry_path = path.index(i);
        let text = entry.ip.as_deref().unwrap_or_default();
        if text.is_empty() {
            findings.push(FieldFinding::invalid(&entry_path.field("ip"), Quoted(text), IP_ADDRESS));
        }
        addresses.extend(address(Some(text), &entry_path.field("ip"), rules, findings));
    }
    if let [first, others @ ..] = &*addresses
        && addresses.len() == list.len()
        && !others.is_empty()
        && (others.len() > 1 || others[0].is_ipv4() == first.is_ipv4())
    {
        let texts: Vec<String> = list
            .iter()
            .map(|entry| format!("{{\"IP\":{}}}", Quoted(entry.ip.as_deref().unwrap_or_default())))
            .collect();
        let detail = "may specify no more than one IP for each IP family";
        findings.push(FieldFinding::invalid(path, format_args!("[{}]", texts.join(",")), detail));
    }
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// The addresses of a pod whose status gives none.
pub(super) fn without_status(host_network: bool, of_node: &[IpAddr]) -> Addresses {
    if host_network && !of_node.is_empty() {
        Addresses::Known(SmallVec::from_slice(of_node))
    } else {
        Addresses::Unknown
    }
}

/// An address field; absent and empty are no address yet.
pub(super) fn address(
    text: Option<&str>,
    path: &FieldPath<'_>,
    rules: Validation,
    findings: &mut Vec<FieldFinding>,
) -> Option<IpAddr> {
    let text = text.filter(|text| !text.is_empty())?;
    let Some((address, form)) = parse_ip_form(text) else {
        findings.push(FieldFinding::invalid(path, Quoted(text), IP_ADDRESS));
        return None;
    };
    let fault = match form {
        Form::Standard => return Some(address),
        Form::LeadingZeros => "must not have leading 0s",
        Form::Mapped => "must not be an IPv4-mapped IPv6 address",
    };
    findings.push(if rules.has_strict_addresses() {
        let help = format!("write `{address}`; {}", older_servers());
        FieldFinding::invalid(path, Quoted(text), fault).with_help(help)
    } else {
        let message = format!("non-standard IP address {text:?} is invalid: use \"{address}\"");
        FieldFinding::new(Code::LegacyCidr, path, message)
    });
    Some(address)
}

/// Finds the problems of a well-formed address as that of an endpoint.
pub(super) fn endpoint_problems(address: IpAddr, text: &str) -> Vec<String> {
    let (link_local, multicast) = match address {
        IpAddr::V4(v4) => (v4.is_link_local(), v4.octets()[..3] == [224, 0, 0]),
        IpAddr::V6(v6) => (v6.is_unicast_link_local(), v6.segments()[0] & 0xff0f == 0xff02),
    };
    let checks = [
        (address.is_unspecified(), format!("may not be unspecified ({text})")),
        (address.is_loopback(), "may not be in the loopback range (127.0.0.0/8, ::1/128)".to_owned()),
        (link_local, "may not be in the link-local range (169.254.0.0/16, fe80::/10)".to_owned()),
        (multicast, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)".to_owned()),
    ];
    checks.into_iter().filter(|(fails, _)| *fails).map(|(_, problem)| problem).collect()
}

/// Addresses in order, each once.
pub(super) fn sorted(mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// Ranges in which pods without an address may lie; `shows_v6` is set if some pod of the input has an IPv6 address.
pub(super) fn unknown(ranges: &Ranges, shows_v6: bool) -> UnknownAddresses {
    let private_of_shown =
        ByFamily { v4: Some(private(Family::V4)), v6: shows_v6.then(|| private(Family::V6)) };
    let mut pods = of_nets(&ranges.pods).unwrap_or_else(|| private_of_shown.clone());
    if shows_v6 && pods.v6.is_none() {
        pods.v6 = Some(private(Family::V6));
    }
    let hosts = of_nets(&ranges.nodes).unwrap_or_else(|| ByFamily {
        v4: pods.v4.is_some().then(|| private(Family::V4)),
        v6: pods.v6.is_some().then(|| private(Family::V6)),
    });
    UnknownAddresses { pods, hosts }
}

fn of_nets(nets: &[IpNet]) -> Option<ByFamily<Option<AddressSet>>> {
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
        let rules = Validation::default();
        let addresses = of_pod(Some(&status), host_network, &of_node, rules, &mut findings);
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
                json!({"podIP": "fd00::1", "podIPs": [{"ip": "fd00::1"}, {"ip": "10.0.0.1"}]}),
                known(&["10.0.0.1", "fd00::1"]),
            ),
            // The API server drops a list that begins with another address, whatever is in it.
            (
                json!({"podIP": "10.0.0.1", "podIPs": [{"ip": "fd00::1"}, {"ip": "10.0.0.1"}]}),
                known(&["10.0.0.1"]),
            ),
            (json!({"podIP": "10.0.0.1", "podIPs": [{}, {"ip": "x"}]}), known(&["10.0.0.1"])),
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
            (
                json!({"hostIP": "10.0.0.2", "hostIPs": [{"ip": "10.0.0.2"}, {"ip": "fd00::2"}]}),
                known(&["10.0.0.2", "fd00::2"]),
            ),
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
            of(json!({"podIPs": [{"ip": "10.0.0"}], "hostIP": "x", "hostIPs": [{"ip": "y"}]}), false, &[]).1,
            [
                "status.podIPs[0].ip: Invalid value: \"10.0.0\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
                "status.hostIPs[0].ip: Invalid value: \"y\": must be equal to `hostIP`",
                "status.hostIPs[0].ip: Invalid value: \"y\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
            ]
        );
        assert_eq!(of(json!({"hostIP": "x"}), true, &[]).1, [""; 0], "the API server takes it");
        assert_eq!(
            of(json!({"podIPs": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}]}), false, &[]).1,
            [
                "status.podIPs: Invalid value: [{\"IP\":\"10.0.0.1\"},{\"IP\":\"10.0.0.2\"}]: may specify no more than one IP \
              for each IP family"
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
