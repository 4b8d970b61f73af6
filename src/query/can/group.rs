//! Sets of ends as groups that no connection between them tells apart.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::Range;

use indexmap::IndexMap;
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::cluster::{Addresses, NodeId, PodId};
use crate::compile::{ClassId, Program};
use crate::net::{AddressSet, ByFamily, Family, PortSet, address, address_number};
use crate::query::Ends;
use crate::query::endpoint::{Ports, candidates};
use crate::solve::{End, Rows};

/// Ends that are alike.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// Number of ends; addresses that no flow tells apart count as one.
    pub(super) count: u128,
    /// The families they have addresses of.
    pub(super) families: ByFamily<bool>,
    /// The class of pods; `None` for addresses.
    pub(super) class: Option<ClassId>,
    /// Their node, where that may tell them apart from others of their class.
    pub(super) node: Option<NodeId>,
    /// Set if all of these addresses may be those of pods, and so mean the pods.
    pub(super) is_doubtful: bool,
    pub(super) first: End,
    second: Option<End>,
}

/// The sources and destinations of a question.
#[derive(Debug)]
pub(super) struct Groups {
    pub(super) sources: Vec<Group>,
    /// With the ports asked for, which are never empty.
    pub(super) destinations: Vec<(Group, PortSet)>,
    /// Number of pods that are in both a source and a destination, and the first of them, by place of the two.
    pub(super) same: IndexMap<(usize, usize), (u128, End), FxBuildHasher>,
}

impl Groups {
    /// The ends of a question about some ports; `nodes` says whether it matters who runs where (R50).
    pub(super) fn new(program: &Program, from: &Ends, to: &Ends, ports: &Ports, nodes: bool) -> Self {
        let nodes = if nodes { Nodes::new(program, from, to) } else { Nodes::none(program) };
        let mut sources = PodGroups::default();
        for (pod, range) in &from.pods {
            sources.add(program, *pod, range, nodes.of_source(*pod), None);
        }
        let mut destinations = PodGroups::default();
        for (pod, range) in &to.pods {
            let asked = ports.at(End::Pod(*pod, range.start));
            if !asked.is_empty() {
                let asked = ports.differ().then_some(asked);
                destinations.add(program, *pod, range, nodes.of_destination(*pod), asked);
            }
        }
        let same = same(&sources, &destinations);
        let mut sources = sources.groups;
        sources.extend(outside_groups(program, from, &nodes.addresses));
        let mut destinations = destinations.groups;
        destinations.extend(match ports {
            Ports::ByDestination { addresses, .. } => {
                let is_outside = |ip: &&IpAddr| to.addresses[Family::of(**ip)].contains(address_number(**ip));
                addresses.keys().filter(is_outside).map(|&ip| Group::outside(ip, false)).collect()
            }
            Ports::Every | Ports::Of(_) | Ports::Declared(_) => outside_groups(program, to, &[]),
        });
        let with_ports = |group: Group| (ports.at(group.first), group);
        let destinations = destinations
            .into_iter()
            .map(with_ports)
            .filter(|(asked, _)| !asked.is_empty())
            .map(|(asked, group)| (group, asked))
            .collect();
        Self { sources, destinations, same }
    }

    /// Two different ends of a source and a destination, if there are any. One range of addresses stands for two of them.
    pub(super) fn distinct(&self, source: usize, destination: usize) -> Option<(End, End)> {
        let (from, to) = (&self.sources[source], &self.destinations[destination].0);
        let ends = |group: &Group| std::iter::once(group.first).chain(group.second);
        let mut pairs = ends(from).flat_map(|a| ends(to).map(move |b| (a, b)));
        pairs.find(|(a, b)| a != b || matches!(a, End::Address(_)))
    }
}

impl Group {
    fn outside(ip: IpAddr, is_doubtful: bool) -> Self {
        let mut families = ByFamily::default();
        families[Family::of(ip)] = true;
        Self {
            count: 1,
            families,
            class: None,
            node: None,
            is_doubtful,
            first: End::Address(ip),
            second: None,
        }
    }
}

/// Pods by what tells them apart: their class, the node where that matters, the ports asked for on them.
#[derive(Default)]
struct PodGroups {
    groups: Vec<Group>,
    of_key: FxHashMap<(ClassId, Option<NodeId>, Option<PortSet>), usize>,
    members: Vec<(PodId, Range<u32>, usize)>,
}

impl PodGroups {
    fn add(
        &mut self,
        program: &Program,
        pod: PodId,
        range: &Range<u32>,
        node: Option<NodeId>,
        asked: Option<PortSet>,
    ) {
        let class = program.class_of[pod];
        let first = End::Pod(pod, range.start);
        let index = *self.of_key.entry((class, node, asked)).or_insert_with(|| {
            let families = program.classes[class].families;
            self.groups.push(Group {
                count: 0,
                families,
                class: Some(class),
                node,
                is_doubtful: false,
                first,
                second: None,
            });
            self.groups.len() - 1
        });
        let group = &mut self.groups[index];
        group.count += range.len() as u128;
        if group.second.is_none() {
            group.second = range.clone().map(|i| End::Pod(pod, i)).find(|end| *end != group.first);
        }
        self.members.push((pod, range.clone(), index));
    }
}

/// The pods that are both sources and destinations.
fn same(
    sources: &PodGroups,
    destinations: &PodGroups,
) -> IndexMap<(usize, usize), (u128, End), FxBuildHasher> {
    let mut of_pod: FxHashMap<PodId, Vec<(&Range<u32>, usize)>> = FxHashMap::default();
    for (pod, range, group) in &sources.members {
        of_pod.entry(*pod).or_default().push((range, *group));
    }
    let mut same = IndexMap::default();
    for (pod, theirs, destination) in &destinations.members {
        for &(ours, source) in of_pod.get(pod).into_iter().flatten() {
            let (start, end) = (ours.start.max(theirs.start), ours.end.min(theirs.end));
            if start < end {
                let entry = same.entry((source, *destination)).or_insert((0, End::Pod(*pod, start)));
                entry.0 += u128::from(end - start);
            }
        }
    }
    same
}

/// The nodes from which a connection of the question may reach a pod that runs there (R50).
struct Nodes<'p> {
    program: &'p Program,
    shared: BTreeSet<NodeId>,
    /// Their addresses among the sources.
    addresses: Vec<IpAddr>,
}

impl<'p> Nodes<'p> {
    fn none(program: &'p Program) -> Self {
        Self { program, shared: BTreeSet::new(), addresses: Vec::new() }
    }

    fn new(program: &'p Program, from: &Ends, to: &Ends) -> Self {
        let cluster = &program.cluster;
        let hosts = from.pods.iter().map(|(pod, _)| &cluster.pods[*pod]).filter(|pod| pod.host_network);
        let hosts: BTreeSet<NodeId> = hosts.filter_map(|pod| pod.node).collect();
        let is_source = |ip: &IpAddr| from.addresses[Family::of(*ip)].contains(address_number(*ip));
        let mut shared = BTreeSet::new();
        let mut addresses = Vec::new();
        let destinations: BTreeSet<NodeId> =
            to.pods.iter().filter_map(|(pod, _)| cluster.pods[*pod].node).collect();
        for node in destinations {
            let own = cluster.nodes[node].addresses.iter().copied().filter(is_source);
            let before = addresses.len();
            addresses.extend(own);
            if addresses.len() > before || hosts.contains(&node) {
                shared.insert(node);
            }
        }
        Self { program, shared, addresses }
    }

    fn of_source(&self, pod: PodId) -> Option<NodeId> {
        self.program.cluster.pods[pod].host_network.then(|| self.of_destination(pod)).flatten()
    }

    fn of_destination(&self, pod: PodId) -> Option<NodeId> {
        self.program.cluster.pods[pod].node.filter(|node| self.shared.contains(node))
    }
}

/// The addresses of ends, grouped so that no flow tells the members of a group apart.
fn outside_groups(program: &Program, ends: &Ends, apart: &[IpAddr]) -> Vec<Group> {
    let sets = outside(program, ends, apart);
    if sets.is_empty() {
        return Vec::new();
    }
    let crowd = Crowd::new(program);
    let group = |(ip, set): &(IpAddr, AddressSet)| Group::outside(*ip, crowd.may_own(Family::of(*ip), set));
    sets.iter().map(group).collect()
}

/// The addresses of ends in sets that no flow tells apart, each with one to show; those of `apart` on their own.
pub(in crate::query) fn outside(
    program: &Program,
    ends: &Ends,
    apart: &[IpAddr],
) -> Vec<(IpAddr, AddressSet)> {
    let single = |ip: IpAddr| AddressSet::from_range(address_number(ip), address_number(ip));
    let mut sets: Vec<(IpAddr, AddressSet)> = apart.iter().map(|&ip| (ip, single(ip))).collect();
    if Family::ALL.into_iter().all(|family| ends.addresses[family].is_empty()) {
        return sets;
    }
    for external in &Rows::new(program).externals() {
        let family = external.family;
        let apart: AddressSet = apart
            .iter()
            .filter(|ip| Family::of(**ip) == family)
            .map(|ip| (address_number(*ip), address_number(*ip)))
            .collect();
        let inside = external.addresses.intersection(&ends.addresses[family]).difference(&apart);
        let shown = inside.ranges().first().map(|&(first, last)| {
            let shown = first.max(first_host(family)).min(last);
            address(family, shown)
        });
        sets.extend(shown.map(|shown| (shown, inside)));
    }
    sets
}

/// Pods whose addresses are not given.
struct Crowd {
    /// Number of pods.
    size: u128,
    /// The addresses that one of the pods may have.
    region: ByFamily<AddressSet>,
}

impl Crowd {
    fn new(program: &Program) -> Self {
        let pods = program.cluster.pods.iter().filter(|pod| pod.addresses == Addresses::Unknown);
        let mut size = 0;
        let mut has = [false; 2];
        for pod in pods {
            size += u128::from(pod.count);
            has[usize::from(pod.host_network)] = true;
        }
        let mut region: ByFamily<AddressSet> = ByFamily::default();
        if size > 0 {
            for (candidates, _) in candidates(&program.cluster).into_iter().zip(has).filter(|(_, has)| *has) {
                for family in Family::ALL {
                    region[family] = region[family].union(&candidates[family]);
                }
            }
        }
        Self { size, region }
    }

    /// True if each of these addresses may be that of one of the pods.
    fn may_own(&self, family: Family, addresses: &AddressSet) -> bool {
        let mut left = self.size;
        let few = addresses.ranges().iter().all(|(first, last)| {
            let more = last - first;
            let fits = more < left;
            left = left.saturating_sub(more.saturating_add(1));
            fits
        });
        few && addresses.is_subset(&self.region[family])
    }
}

/// The first address that a host outside may have: better to show than the address of nobody.
const fn first_host(family: Family) -> u128 {
    match family {
        Family::V4 => 1 << 24,
        Family::V6 => 0x2000 << 112,
    }
}
