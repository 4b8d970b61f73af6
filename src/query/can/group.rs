//! Sets of ends as groups that no rule tells apart.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use crate::cluster::{Cluster, PodId};
use crate::net::{Direction, Family, address_number, net_range};
use crate::policy::{Peer, Peers};
use crate::query::endpoint::{Ports, Target};
use crate::solve::End;
use crate::solve::proof::Prover;

/// Ends that are alike.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Group {
    /// Some pods of a group.
    Pods(PodId, Range<u32>),
    /// A range of addresses, by its first.
    Addresses(IpAddr),
}

impl Group {
    /// One pair of distinct ends and one of a pod with itself, each with how many it stands for, as far as there are
    /// such pairs.
    pub(super) fn pairs(&self, to: &Self) -> Vec<(u128, End, End)> {
        let (Self::Pods(a, from), Self::Pods(b, to)) = (self, to) else {
            return vec![(self.len() * to.len(), self.first(), to.first())];
        };
        let all = from.len() as u128 * to.len() as u128;
        let (start, end) = (from.start.max(to.start), from.end.min(to.end));
        if a != b || start >= end {
            return vec![(all, End::Pod(*a, from.start), End::Pod(*b, to.start))];
        }
        let same = u128::from(end - start);
        let mut pairs = vec![(same, End::Pod(*a, start), End::Pod(*b, start))];
        let distinct =
            from.clone().take(2).flat_map(|i| to.clone().take(2).map(move |j| (i, j))).find(|(i, j)| i != j);
        if let Some((i, j)) = distinct {
            pairs.push((all - same, End::Pod(*a, i), End::Pod(*b, j)));
        }
        pairs
    }

    /// Whether two ends have addresses of one family.
    pub(super) fn have_common_family(cluster: &Cluster, a: End, b: End) -> bool {
        let has = |end: End, family| match end {
            End::Pod(pod, _) => cluster.pod_addresses(pod, family).is_some(),
            End::Address(ip) => Family::of(ip) == family,
        };
        Family::ALL.into_iter().any(|family| has(a, family) && has(b, family))
    }

    fn len(&self) -> u128 {
        match self {
            Self::Pods(_, range) => range.len() as u128,
            Self::Addresses(_) => 1,
        }
    }

    fn first(&self) -> End {
        match self {
            Self::Pods(pod, range) => End::Pod(*pod, range.start),
            Self::Addresses(ip) => End::Address(*ip),
        }
    }
}

/// The groups of `from`, as connections to `to` see them.
pub(super) fn sources(prover: &Prover<'_>, from: &Target, to: &Target) -> Vec<Group> {
    groups(prover, from, to, Direction::Ingress)
}

/// The groups of `to`, as connections from `from` see them.
pub(super) fn destinations(prover: &Prover<'_>, from: &Target, to: &Target) -> Vec<Group> {
    let mut groups = groups(prover, to, from, Direction::Egress);
    if let Ports::ByDestination { addresses, .. } = &to.ports {
        groups.retain(|group| matches!(group, Group::Pods(..)));
        let outside =
            addresses.keys().filter(|ip| to.ends.addresses[Family::of(**ip)].contains(address_number(**ip)));
        groups.extend(outside.map(|&ip| Group::Addresses(ip)));
    }
    groups
}

/// The pods of `target`, and its addresses cut wherever a rule of the policies around the pods of `other`, which look
/// in `direction`, could tell them apart.
fn groups(prover: &Prover<'_>, target: &Target, other: &Target, direction: Direction) -> Vec<Group> {
    let mut groups: Vec<Group> =
        target.ends.pods.iter().map(|(pod, range)| Group::Pods(*pod, range.clone())).collect();
    for family in Family::ALL {
        let addresses = &target.ends.addresses[family];
        if addresses.is_empty() {
            continue;
        }
        let cuts = cuts(prover, other, direction, family);
        for &(first, last) in addresses.ranges() {
            let inner = cuts.partition_point(|&cut| cut <= first)..cuts.partition_point(|&cut| cut <= last);
            let starts = std::iter::once(first).chain(cuts[inner].iter().copied());
            groups.extend(starts.map(|start| Group::Addresses(address(family, start))));
        }
    }
    groups
}

/// Where blocks start, and where the addresses behind them start, ascending.
fn cuts(prover: &Prover<'_>, subjects: &Target, direction: Direction, family: Family) -> Vec<u128> {
    let cluster = prover.cluster();
    let mut policies: Vec<_> =
        subjects.ends.pods.iter().flat_map(|(pod, _)| prover.candidates(*pod)).collect();
    policies.sort_unstable();
    policies.dedup();
    let mut cuts = Vec::new();
    let mut cut = |(first, last): (u128, u128)| {
        cuts.push(first);
        cuts.extend(last.checked_add(1));
    };
    for rule in policies.into_iter().flat_map(|id| &cluster.policies[id].rules[direction]) {
        let Peers::Of(peers) = &rule.peers else { continue };
        for peer in peers {
            if let Peer::IpBlock(block) = peer
                && Family::of_net(block.cidr) == family
            {
                std::iter::once(&block.cidr).chain(&block.except).for_each(|&net| cut(net_range(net)));
            }
        }
    }
    let nodes = subjects.ends.pods.iter().filter_map(|(pod, _)| cluster.pods[*pod].node);
    for &ip in nodes.flat_map(|node| &cluster.nodes[node].addresses) {
        if Family::of(ip) == family {
            cut((address_number(ip), address_number(ip)));
        }
    }
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

fn address(family: Family, number: u128) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::from(number as u32).into(),
        Family::V6 => Ipv6Addr::from(number).into(),
    }
}
