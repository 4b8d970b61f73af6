//! Addresses, blocks and `internet`.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Scope, ends_of_addresses};
use crate::cluster::{Addresses, Cluster};
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

/// The addresses of a block; those that pods own mean the pods.
pub(super) fn block(cluster: &Cluster, net: IpNet) -> Ends {
    let (first, last) = net_range(net);
    let mut addresses = ByFamily::default();
    addresses[Family::of_net(net)] = AddressSet::from_range(first, last);
    ends_of_addresses(cluster, &addresses)
}

/// One address, or the pods that own it.
pub(super) fn one(cluster: &Cluster, ip: IpAddr) -> Ends {
    block(cluster, IpNet::from(ip))
}
