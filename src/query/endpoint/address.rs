//! Addresses, blocks and `internet`.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Pods, Scope, whole};
use crate::cluster::{Addresses, Cluster};
use crate::label::Truth;
use crate::net::{AddressSet, ByFamily, Family, address_number, net_range};
use crate::query::Ends;

/// Ranges that are never `internet`: private, shared, link-local, loopback, multicast.
const NOT_INTERNET: [&str; 11] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "127.0.0.0/8",
    "224.0.0.0/4",
    "fc00::/7",
    "fe80::/10",
    "::1/128",
    "ff00::/8",
];

/// Every address that is not set aside, not in a known range of the cluster, and not of a pod or node of the input.
pub(super) fn internet(scope: &Scope<'_>) -> Ends {
    let cluster = scope.cluster;
    let set_aside = NOT_INTERNET.iter().map(|net| net.parse::<IpNet>().expect("the table holds CIDRs"));
    let ranges = scope.ranges;
    let named = ranges.pods.iter().chain(&ranges.services).chain(&ranges.nodes).copied();
    let mut taken: ByFamily<Vec<(u128, u128)>> = ByFamily::default();
    for net in set_aside.chain(named) {
        taken[Family::of_net(net)].push(net_range(net));
    }
    let pods = cluster.pods.iter().filter_map(|pod| match &pod.addresses {
        Addresses::Known(addresses) => Some(addresses),
        Addresses::Unknown => None,
    });
    for &ip in pods.flatten().chain(cluster.nodes.iter().flat_map(|node| &node.addresses)) {
        taken[Family::of(ip)].push((address_number(ip), address_number(ip)));
    }
    let mut ends = Ends::default();
    for family in Family::ALL {
        if let Some(region) = &cluster.unknown_addresses.pods[family] {
            taken[family].extend(region.ranges());
        }
        let taken = AddressSet::from_ranges(taken[family].iter().copied());
        ends.addresses[family] = AddressSet::from_range(0, family.last()).difference(&taken);
    }
    ends
}

/// The addresses of a block; those that pods own mean the pods. And the pods that perhaps own one.
pub(super) fn block(cluster: &Cluster, net: IpNet) -> (Ends, Pods) {
    let (first, last) = net_range(net);
    let mut addresses = ByFamily::default();
    addresses[Family::of_net(net)] = AddressSet::from_range(first, last);
    owners(cluster, &addresses)
}

/// One address, or the pods that own it. And the pods that perhaps own it.
pub(super) fn one(cluster: &Cluster, ip: IpAddr) -> (Ends, Pods) {
    block(cluster, IpNet::from(ip))
}

/// The pods that are known to own one of `addresses`, and the addresses that none is known to own.
pub(super) fn known_owners(cluster: &Cluster, addresses: &ByFamily<AddressSet>) -> Ends {
    let mut ends = Ends { pods: Vec::new(), addresses: addresses.clone() };
    let mut owned: ByFamily<Vec<(u128, u128)>> = ByFamily::default();
    for (id, pod) in cluster.pods.enumerate() {
        let Addresses::Known(known) = &pod.addresses else { continue };
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

/// The same with pods whose address is not given: among the ends if it is surely one of `addresses`, apart if it is
/// perhaps.
pub(super) fn owners(cluster: &Cluster, addresses: &ByFamily<AddressSet>) -> (Ends, Pods) {
    let mut ends = known_owners(cluster, addresses);
    let unknown: Pods = cluster
        .pods
        .enumerate()
        .filter(|(_, pod)| pod.addresses == Addresses::Unknown)
        .map(|(id, _)| whole(cluster, id))
        .collect();
    if unknown.is_empty() {
        return (ends, Vec::new());
    }
    let candidates = candidates(cluster);
    let [ordinary, hosts] = candidates.each_ref().map(|region| lies_in(region, addresses));
    let mut perhaps = Vec::new();
    for (id, range) in unknown {
        match if cluster.pods[id].host_network { hosts } else { ordinary } {
            Truth::Yes => ends.pods.push((id, range)),
            Truth::Unknown => perhaps.push((id, range)),
            Truth::No => {}
        }
    }
    ends.pods.sort_unstable_by_key(|(id, range)| (*id, range.start));
    (ends, perhaps)
}

/// `Yes` if the addresses of a pod, which lie somewhere in a region, are surely among these, `Unknown` if perhaps.
fn lies_in(region: &ByFamily<AddressSet>, addresses: &ByFamily<AddressSet>) -> Truth {
    let in_family = |family: Family| match () {
        () if region[family].is_disjoint(&addresses[family]) => Truth::No,
        () if region[family].is_subset(&addresses[family]) => Truth::Yes,
        () => Truth::Unknown,
    };
    Family::ALL.into_iter().map(in_family).fold(Truth::No, Truth::or)
}

/// Finds the regions of addresses that the input does not give: of pods, then of hostNetwork pods. No two pods share an
/// address, but hostNetwork pods have those of nodes; a Service's own address is no pod's.
pub(in crate::query) fn candidates(cluster: &Cluster) -> [ByFamily<AddressSet>; 2] {
    let mut pods: ByFamily<Vec<(u128, u128)>> = ByFamily::default();
    let mut hosts: ByFamily<Vec<(u128, u128)>> = ByFamily::default();
    let take = |taken: &mut ByFamily<Vec<(u128, u128)>>, ip: &IpAddr| {
        taken[Family::of(*ip)].push((address_number(*ip), address_number(*ip)));
    };
    for pod in &cluster.pods {
        if let Addresses::Known(known) = &pod.addresses {
            let taken = if pod.host_network { &mut hosts } else { &mut pods };
            known.iter().for_each(|ip| take(taken, ip));
        }
    }
    cluster.nodes.iter().flat_map(|node| &node.addresses).for_each(|ip| take(&mut hosts, ip));
    cluster.services.values().flat_map(|service| &service.cluster_ips).for_each(|ip| take(&mut pods, ip));
    let left = |regions: &ByFamily<Option<AddressSet>>, taken: [&ByFamily<Vec<(u128, u128)>>; 2]| {
        let of = |family: Family| {
            let region = regions[family].clone().unwrap_or_default();
            let taken = taken.iter().flat_map(|taken| taken[family].iter().copied());
            let left = region.difference(&AddressSet::from_ranges(taken));
            if left.is_empty() { region } else { left }
        };
        ByFamily { v4: of(Family::V4), v6: of(Family::V6) }
    };
    let unknown = &cluster.unknown_addresses;
    let none = ByFamily::default();
    [left(&unknown.pods, [&pods, &hosts]), left(&unknown.hosts, [&pods, &none])]
}
