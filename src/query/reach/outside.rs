//! Addresses at the ends of chains.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rustc_hash::FxHashMap;

use super::search::{Certainty, Search, Visits, is_open};
use super::{Question, Subject};
use crate::cluster::{Cluster, NodeId, PodId};
use crate::compile::{Program, SignatureId};
use crate::index::IndexVec;
use crate::net::{AddressSet, Direction, Family, address_number};
use crate::query::Carried;
use crate::query::matrix::{Blend, External};
use crate::solve::{CellId, End, ExternalClass, ExternalId};

/// Addresses of the target that nothing tells apart.
#[derive(Clone, Debug)]
pub(super) struct Address {
    pub(super) external: ExternalId,
    /// One of them.
    pub(super) shown: IpAddr,
    /// The node whose address it is: it may reach the pods there, whatever policies say (R50).
    pub(super) node: Option<NodeId>,
}

impl Address {
    /// The pods that run where the address is, and can be reached from there.
    pub(super) fn at_home(&self, program: &Program) -> Vec<PodId> {
        let Some(node) = self.node else { return Vec::new() };
        let family = Family::of(self.shown);
        let is_home = |pod: &PodId| {
            program.cluster.pods[*pod].node == Some(node)
                && program.classes[program.class_of[*pod]].families[family]
        };
        program.cluster.pods.ids().filter(is_home).collect()
    }
}

/// The addresses of a target. As sources, those of nodes stand by themselves.
pub(super) fn addresses(
    program: &Program,
    question: &Question,
    externals: &IndexVec<ExternalId, ExternalClass>,
) -> Vec<Address> {
    let asked = &question.target.ends.addresses;
    if Family::ALL.into_iter().all(|family| asked[family].is_empty()) {
        return Vec::new();
    }
    let nodes = program
        .cluster
        .nodes
        .enumerate()
        .flat_map(|(id, node)| node.addresses.iter().map(move |ip| (*ip, id)));
    let mut homes: Vec<(IpAddr, NodeId)> = match question.direction {
        Direction::Egress => {
            nodes.filter(|(ip, _)| asked[Family::of(*ip)].contains(address_number(*ip))).collect()
        }
        Direction::Ingress => Vec::new(),
    };
    homes.sort_unstable();
    let mut found = Vec::new();
    for (external, class) in externals.enumerate() {
        let here =
            |ip: &IpAddr| Family::of(*ip) == class.family && class.addresses.contains(address_number(*ip));
        let apart: Vec<&(IpAddr, NodeId)> = homes.iter().filter(|(ip, _)| here(ip)).collect();
        let own = apart.iter().map(|(ip, _)| (address_number(*ip), address_number(*ip))).collect();
        let inside = class.addresses.intersection(&asked[class.family]).difference(&own);
        if !inside.is_empty() {
            found.push(Address { external, shown: one_of(class.family, &inside), node: None });
        }
        found.extend(apart.into_iter().map(|&(ip, node)| Address { external, shown: ip, node: Some(node) }));
    }
    found
}

/// The ways to addresses: the ports without a chain, and for a chain its hops and the pod before the addresses, with
/// the cell of the last hop.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) struct Ways {
    pub(super) direct: Option<Carried>,
    pub(super) sure: Option<(u32, End, CellId)>,
    pub(super) perhaps: Option<(u32, End, CellId)>,
}

/// The ways to every external that has one.
pub(super) fn ways(
    search: &mut Search<'_, '_>,
    subject: &Subject,
    sure: &Visits,
    perhaps: &Visits,
) -> Vec<(ExternalId, Ways)> {
    let mut found = Vec::new();
    let firsts = [sure, perhaps].map(|visits| firsts(search, visits));
    let mut usual: FxHashMap<(SignatureId, Family), CellId> = FxHashMap::default();
    for id in search.externals.ids() {
        let mut ways = Ways::default();
        let mut blend = Blend::default();
        let mut first = [None; 2];
        for &(class, end) in &subject.classes {
            let cell = cell(search, &mut usual, class, id);
            blend.add(&mut search.rows, cell);
            for (certainty, first) in CERTAINTIES.into_iter().zip(&mut first) {
                if first.is_none() && is_open(&mut search.rows, cell, certainty, search.only) {
                    *first = Some((1, end, cell));
                }
            }
        }
        ways.direct = blend.carried(&mut search.rows, search.question.ports.as_ref());
        let [mut surely, mut perhaps_so] = first;
        for ((certainty, firsts), way) in
            CERTAINTIES.into_iter().zip(&firsts).zip([&mut surely, &mut perhaps_so])
        {
            for &(class, hops, end) in firsts {
                if way.is_some() {
                    break;
                }
                let cell = cell(search, &mut usual, class, id);
                if is_open(&mut search.rows, cell, certainty, None) {
                    *way = Some((hops + 1, end, cell));
                }
            }
        }
        ways.sure = surely;
        ways.perhaps = perhaps_so.filter(|(hops, ..)| surely.is_none_or(|(sure, ..)| *hops < sure));
        if ways.sure.is_some() || ways.perhaps.is_some() {
            found.push((id, ways));
        }
    }
    found
}

const CERTAINTIES: [Certainty; 2] = [Certainty::Sure, Certainty::Perhaps];

/// The first class of each signature that a chain may go on from, in the order of visits.
fn firsts(search: &Search<'_, '_>, visits: &Visits) -> Vec<(crate::compile::ClassId, u32, End)> {
    let mut seen = rustc_hash::FxHashSet::default();
    let direction = search.question.direction;
    let of = |class| search.program.classes[class].signature[direction];
    let go_on = visits.order.iter().filter(|(_, visit)| visit.hops < search.question.hops);
    let new = go_on.filter(|(class, _)| seen.insert(of(*class)));
    new.map(|(class, visit)| (*class, visit.hops, visit.end)).collect()
}

/// Finds the cell between a class and addresses. Most signatures treat nearly all addresses alike.
fn cell(
    search: &mut Search<'_, '_>,
    usual: &mut FxHashMap<(SignatureId, Family), CellId>,
    class: crate::compile::ClassId,
    id: ExternalId,
) -> CellId {
    let direction = search.question.direction;
    let external = &search.externals[id];
    let signature = search.program.classes[class].signature[direction];
    let is_special = external.sides[direction].binary_search_by_key(&signature, |&(id, _)| id).is_ok();
    if is_special {
        return search.rows.external(direction, class, external);
    }
    *usual
        .entry((signature, external.family))
        .or_insert_with(|| search.rows.external(direction, class, external))
}

/// An address to stand for a range: one that a host could have, and that is no node's.
pub(crate) fn shown(cluster: &Cluster, external: &External) -> IpAddr {
    let nodes = cluster.nodes.iter().flat_map(|node| &node.addresses);
    let of_family = nodes.filter(|ip| Family::of(**ip) == external.family);
    let taken: AddressSet = of_family.map(|ip| (address_number(*ip), address_number(*ip))).collect();
    let free = external.addresses.difference(&taken);
    one_of(external.family, if free.is_empty() { &external.addresses } else { &free })
}

fn one_of(family: Family, addresses: &AddressSet) -> IpAddr {
    let (least, preferred): (u128, u128) = match family {
        Family::V4 => (1 << 24, 0x0808_0808),
        Family::V6 => (0x2000 << 112, 0x2001_4860_4860 << 80 | 0x8888),
    };
    let number = if addresses.contains(preferred) {
        preferred
    } else {
        let &(first, last) = addresses.ranges().first().expect("externals hold addresses");
        first.max(least).min(last)
    };
    match family {
        Family::V4 => Ipv4Addr::from(u32::try_from(number).expect("IPv4 addresses have 32 bits")).into(),
        Family::V6 => Ipv6Addr::from(number).into(),
    }
}
