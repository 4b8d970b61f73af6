//! Cluster to program: selectors become sets, blocks become ranges of addresses, pods become classes.
//!
//! Two steps make classes. Pods equal in namespace, labels, named ports and address atom are one *kind of pod*; kinds
//! that every policy treats alike, as subject and as peer, are one [`Class`]. What follows works on classes only, so
//! its cost depends on how many different things the policies can tell apart, not on how many pods there are.
//!
//! Owns classes, signatures and compiled rules. Must not see YAML or JSON, and must not decide a verdict.

mod addresses;
mod classes;
mod homes;
mod hosts;
mod kinds;
mod live;
mod members;
mod ports;
mod selector_index;

use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::cluster::{Cluster, NamespaceId, PodId};
use crate::index::{Id, IndexVec};
use crate::label::Truth;
use crate::net::{AddressSet, ByDirection, ByFamily, Direction, Family, PortTable, address_number};
use crate::policy::{Action, IpBlock, Order, Peer, Peers, PodMatch, Policy, PolicyId, Tier};
use crate::profile::{Profile, Semantics};
use crate::set::Interner;

pub use homes::HomeId;
pub(crate) use live::{LiveProgram, Moved, Revision};
pub use members::{DenseMembers, Layout, Members};
pub use ports::{CompiledPorts, PortNameId, PortNames, Resolution, ResolutionId};

pub(crate) use homes::selects_namespace;
pub(crate) use hosts::selects_host;

use addresses::AddressAtoms;
use homes::{Homes, Near};
use hosts::Hosts;
use kinds::Kinds;

crate::define_id! {
    /// Pods that no policy tells apart, in order of their first pod.
    ClassId,
    /// The policies that select a class in one direction, and so decide its connections; see [`Signature`].
    SignatureId,
    /// A distinct `from` or `to` list.
    PeersId,
}

/// A cluster compiled for one profile: all that the solver evaluates.
#[derive(Debug)]
pub struct Program {
    /// The cluster it was compiled from.
    pub cluster: Arc<Cluster>,
    /// The profile it was compiled for.
    pub profile: Profile,
    /// The profile's switches.
    pub semantics: Semantics,
    /// The classes of pods.
    pub classes: IndexVec<ClassId, Class>,
    /// The class of each pod group.
    pub class_of: IndexVec<PodId, ClassId>,
    /// The distinct sets of policies that select a class, by direction.
    pub signatures: ByDirection<IndexVec<SignatureId, Signature>>,
    /// The signatures that hold each policy, by direction, ascending.
    pub deciding: IndexVec<PolicyId, ByDirection<Vec<SignatureId>>>,
    /// The policies in force under the profile, compiled; `None` for those that are not.
    pub policies: IndexVec<PolicyId, Option<CompiledPolicy>>,
    /// The distinct peer lists.
    pub peers: IndexVec<PeersId, CompiledPeers>,
    /// The port sets of all rules.
    pub ports: Arc<PortTable>,
    /// The named ports that policies use.
    pub port_names: PortNames,
    /// The distinct ways in which pods resolve these names.
    pub resolutions: IndexVec<ResolutionId, Resolution>,
    /// The points on which profiles differ and that the input touches.
    pub touches: ProfileTouches,
    /// The elements that each peer list was compiled from.
    lists: Interner<PeersId, PeerList>,
}

/// Pods that no policy tells apart.
#[derive(Clone, Debug)]
pub struct Class {
    /// Its pod groups, ascending.
    pub pods: Vec<PodId>,
    /// The number of pods in these groups.
    pub weight: u64,
    /// The policies that decide its connections, by direction.
    pub signature: ByDirection<SignatureId>,
    /// The families of which its pods have addresses.
    pub families: ByFamily<bool>,
    /// The numbers that the port names used by policies stand for on its pods.
    pub resolution: ResolutionId,
    /// I16: the namespace whose egress rules its named ports resolve for; `None` for every namespace's.
    pub resolves_in: Option<NamespaceId>,
    /// The home of its pods; `None` if no policy that selects them asks for it.
    pub home: Option<HomeId>,
    /// The sparse peer lists that match it, ascending, and how surely in each family.
    pub peers: Vec<(PeersId, ByFamily<Truth>)>,
}

/// The policies that decide one direction of a class.
///
/// INVARIANT: `policies` is ascending, which is evaluation order; none of the truths is `No`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Signature {
    /// The policies that select the subject in this direction, and how surely.
    pub policies: Box<[(PolicyId, Truth)]>,
    /// For ingress with named ports: how the subject resolves them.
    pub resolution: Option<ResolutionId>,
    /// The home of the subjects, if a rule of this direction asks for it.
    pub home: Option<HomeId>,
    /// The families of the subjects.
    pub families: ByFamily<bool>,
}

/// A policy in force.
#[derive(Clone, Debug)]
pub struct CompiledPolicy {
    /// The tier that it stands in.
    pub tier: Tier,
    /// Its place in the tier.
    pub order: Order,
    /// The directions in which it isolates the pods that it selects.
    pub isolates: ByDirection<bool>,
    /// Its rules.
    pub rules: ByDirection<Vec<CompiledRule>>,
}

/// A rule, with its lists looked up.
#[derive(Clone, Debug)]
pub struct CompiledRule {
    /// The effect on connections that it matches.
    pub action: Action,
    /// The peers that it matches.
    pub peers: RulePeers,
    /// The ports that it matches.
    pub ports: CompiledPorts,
    /// True if it matches only some of what may be said on them.
    pub conditional: bool,
}

/// The peers that a compiled rule matches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RulePeers {
    /// Everything.
    Any,
    /// Those of a list.
    List(PeersId),
    /// Those of one list for the subjects of each home.
    ByHome(IndexVec<HomeId, PeersId>),
}

impl CompiledRule {
    /// True if it matches every peer.
    pub fn is_for_all(&self) -> bool {
        self.peers == RulePeers::Any
    }

    /// The list that a peer must match, for subjects of this home; `None` matches everything.
    pub fn list(&self, home: Option<HomeId>) -> Option<PeersId> {
        match &self.peers {
            RulePeers::Any => None,
            RulePeers::List(list) => Some(*list),
            RulePeers::ByHome(lists) => {
                Some(lists[home.expect("the subjects of such a rule are told apart by home")])
            }
        }
    }

    /// The lists of all homes, some of them perhaps several times.
    pub fn lists(&self) -> &[PeersId] {
        match &self.peers {
            RulePeers::Any => &[],
            RulePeers::List(list) => std::slice::from_ref(list),
            RulePeers::ByHome(lists) => lists.as_slice(),
        }
    }
}

/// A `from` or `to` list that is not "everything".
#[derive(Clone, Debug)]
pub struct CompiledPeers {
    /// The classes it matches.
    pub classes: Members,
    /// The addresses its blocks hold, taken together.
    pub blocks: ByFamily<AddressSet>,
    /// The same with those of all nodes, if it stands for hosts (I2).
    with_nodes: Option<Box<ByFamily<AddressSet>>>,
    /// The addresses outside the cluster that one of its domain names may stand for: all but those of nodes, if it has a name.
    named: Option<Box<ByFamily<AddressSet>>>,
    /// The rules that have this list: the policy, and the place among its rules of the direction.
    pub uses: ByDirection<Vec<(PolicyId, u32)>>,
}

impl CompiledPeers {
    /// The addresses outside the cluster that it surely matches.
    pub fn addresses(&self) -> &ByFamily<AddressSet> {
        self.with_nodes.as_deref().unwrap_or(&self.blocks)
    }

    /// The addresses outside the cluster that it may match, whether it surely does or not; `None` if those are
    /// [`Self::addresses`].
    pub fn possible_addresses(&self) -> Option<&ByFamily<AddressSet>> {
        self.named.as_deref()
    }

    /// True, false or unknown: the list matches an address outside the cluster.
    pub fn matches(&self, address: IpAddr) -> Truth {
        let (family, number) = (Family::of(address), address_number(address));
        let may = || self.named.as_ref().is_some_and(|named| named[family].contains(number));
        match self.addresses()[family].contains(number) {
            true => Truth::Yes,
            false if may() => Truth::Unknown,
            false => Truth::No,
        }
    }
}

/// The points on which profiles differ, each set if the input touches it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "six independent observations, each named by its number")]
pub struct ProfileTouches {
    /// I2: a rule asks for the label that stands for hosts, and there are some.
    pub hosts_by_label: bool,
    /// I5: a block holds the address of a pod.
    pub block_on_pods: bool,
    /// I14: a policy names a port that some pod declares with several numbers.
    pub ambiguous_port: bool,
    /// I15: a policy names a port that an init container declares.
    pub init_container_port: bool,
    /// I16: an egress rule names a port.
    pub egress_named_port: bool,
    /// I19: policies exist, and so do pods without an owner.
    pub bare_pods: bool,
}

/// Key of a distinct peer list: its elements by kind, each sorted.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct PeerList {
    pods: Vec<PodMatch>,
    near: Vec<Near>,
    blocks: Vec<IpBlock>,
    domain_names: Vec<Box<str>>,
}

/// Compiles `cluster` for `profile`.
pub fn compile(cluster: &Arc<Cluster>, profile: Profile) -> Program {
    compile_as(cluster, profile, Layout::default())
}

/// Compiles `cluster` for `profile`, with a say in how it is kept.
pub fn compile_as(cluster: &Arc<Cluster>, profile: Profile, layout: Layout) -> Program {
    let semantics = profile.semantics();
    let mut ports = PortTable::new();
    let mut port_names = PortNames::default();
    let mut lists: Interner<PeersId, PeerList> = Interner::new();
    let mut uses: Vec<ByDirection<Vec<(PolicyId, u32)>>> = Vec::new();
    let is_in_force = |policy: &Policy| semantics.enforces && policy.enforced_by.contains(profile);
    let homes = Homes::new(cluster, cluster.policies.iter().filter(|policy| is_in_force(policy)));

    let policies: IndexVec<PolicyId, Option<CompiledPolicy>> = cluster
        .policies
        .enumerate()
        .map(|(id, policy)| {
            if !is_in_force(policy) {
                return None;
            }
            let compiled = compile_policy(policy, semantics, &homes, &mut lists, &mut port_names, &mut ports);
            uses.resize_with(lists.len(), ByDirection::default);
            for (direction, list, place) in compiled.lists() {
                let uses = &mut uses[list.index()][direction];
                // Several homes may have one list.
                if uses.last() != Some(&(id, place)) {
                    uses.push((id, place));
                }
            }
            Some(compiled)
        })
        .collect();

    let blocks: Vec<ByFamily<AddressSet>> = lists.iter().map(|list| block_union(&list.blocks)).collect();
    let atoms = AddressAtoms::new(&blocks);
    let egress_names = names_ports(&policies, Direction::Egress);
    let mut resolutions = Interner::new();
    let hosts = Hosts::new(cluster, &policies);
    let kinds = Kinds::new(cluster, semantics, &port_names, &atoms, &mut resolutions, egress_names, hosts);
    let listed: Vec<(&PeerList, &ByFamily<AddressSet>)> = lists.iter().zip(&blocks).collect();
    let selected = classes::memberships(cluster, semantics, &kinds, &atoms, &policies, &listed, layout);
    let touches = ProfileTouches {
        hosts_by_label: has_hosts(cluster) && lists.iter().any(stands_for_hosts),
        block_on_pods: kinds.any_in_blocks(&atoms, &blocks),
        ambiguous_port: resolutions.iter().any(Resolution::has_ambiguous),
        init_container_port: cluster.pods.iter().any(|pod| port_names.used_by_init_container(pod)),
        egress_named_port: egress_names,
        bare_pods: policies.iter().any(Option::is_some) && cluster.pods.iter().any(|pod| pod.bare),
    };

    let merged = classes::merge(cluster, &kinds, &policies, &homes, selected);
    let mut members: IndexVec<PeersId, Vec<(ClassId, ByFamily<Truth>)>> =
        vec![Vec::new(); lists.len()].into();
    for (id, class) in merged.classes.enumerate() {
        for &(list, truth) in &class.peers {
            members[list].push((id, truth));
        }
    }
    let nodes = node_addresses(cluster);
    let mut peers: IndexVec<PeersId, CompiledPeers> = members
        .into_iter()
        .zip(lists.iter())
        .zip(blocks.into_iter().zip(uses))
        .map(|((members, list), (blocks, uses))| {
            let with_nodes = with_nodes(list, semantics, &blocks, &nodes);
            let named = named(list, &blocks, &nodes);
            CompiledPeers { classes: Members::Few(members), blocks, with_nodes, named, uses }
        })
        .collect();
    for (list, dense) in merged.dense {
        peers[list].classes = Members::Many(dense);
    }
    let mut deciding: IndexVec<PolicyId, ByDirection<Vec<SignatureId>>> =
        vec![ByDirection::default(); policies.len()].into();
    for direction in Direction::ALL {
        for (id, signature) in merged.signatures[direction].enumerate() {
            for &(policy, _) in &signature.policies {
                deciding[policy][direction].push(id);
            }
        }
    }
    Program {
        cluster: Arc::clone(cluster),
        profile,
        semantics,
        classes: merged.classes,
        class_of: merged.class_of,
        signatures: merged.signatures,
        deciding,
        policies,
        peers,
        ports: Arc::new(ports),
        port_names,
        resolutions: resolutions.into_values(),
        touches,
        lists,
    }
}

/// Compiles one policy, in force or not.
fn compile_policy(
    policy: &Policy,
    semantics: Semantics,
    homes: &Homes,
    lists: &mut Interner<PeersId, PeerList>,
    port_names: &mut PortNames,
    ports: &mut PortTable,
) -> CompiledPolicy {
    let mut rules: ByDirection<Vec<CompiledRule>> = ByDirection::default();
    for direction in Direction::ALL {
        for rule in &policy.rules[direction] {
            let peers = match &rule.peers {
                Peers::Any => RulePeers::Any,
                Peers::Of(peers) if rule.peers.are_relative() => RulePeers::ByHome(
                    homes.ids().map(|home| lists.intern_owned(peer_list(peers, homes, Some(home)))).collect(),
                ),
                Peers::Of(peers) => RulePeers::List(lists.intern_owned(peer_list(peers, homes, None))),
            };
            let ports = port_names.compile(&rule.ports, ports);
            let (action, conditional) = (rule.action, rule.is_conditional());
            rules[direction].push(CompiledRule { action, peers, ports, conditional });
        }
    }
    CompiledPolicy { tier: policy.tier, order: policy.order(semantics), isolates: policy.isolates, rules }
}

/// The key of a peer list, for the subjects of a home if that matters.
fn peer_list(peers: &[Peer], homes: &Homes, home: Option<HomeId>) -> PeerList {
    let mut list = PeerList::default();
    for peer in peers {
        match peer {
            Peer::Pods(pod_match) if pod_match.namespaces.is_relative() => {
                list.near.extend(home.and_then(|home| homes.near(home, pod_match)));
            }
            Peer::Pods(pod_match) => list.pods.push(*pod_match),
            Peer::IpBlock(block) => list.blocks.push(block.clone()),
            Peer::DomainNames(names) => list.domain_names.extend_from_slice(names),
        }
    }
    list.pods.sort_unstable();
    list.pods.dedup();
    list.near.sort_unstable();
    list.near.dedup();
    list.blocks.sort_unstable();
    list.blocks.dedup();
    list.domain_names.sort_unstable();
    list.domain_names.dedup();
    list
}

/// The addresses that the blocks of one rule hold, taken together after their excepts (R41, R42).
fn block_union(blocks: &[IpBlock]) -> ByFamily<AddressSet> {
    let mut ranges: ByFamily<Vec<(u128, u128)>> = ByFamily::default();
    for block in blocks {
        let whole = AddressSet::from_ranges([crate::net::net_range(block.cidr)]);
        let holes = block.except.iter().map(|net| crate::net::net_range(*net)).collect();
        ranges[Family::of_net(block.cidr)].extend_from_slice(whole.difference(&holes).ranges());
    }
    ByFamily { v4: AddressSet::from_ranges(ranges.v4), v6: AddressSet::from_ranges(ranges.v6) }
}

/// True if a list stands for hosts under the profiles that have a label for them (I2).
fn stands_for_hosts(list: &PeerList) -> bool {
    list.pods.iter().any(|pods| pods.hosts)
}

/// True if the cluster has hosts: hostNetwork pods, or nodes with addresses.
fn has_hosts(cluster: &Cluster) -> bool {
    cluster.pods.iter().any(|pod| pod.host_network)
        || cluster.nodes.iter().any(|node| !node.addresses.is_empty())
}

/// The addresses of all nodes.
fn node_addresses(cluster: &Cluster) -> ByFamily<AddressSet> {
    let mut ranges: ByFamily<Vec<(u128, u128)>> = ByFamily::default();
    for &address in cluster.nodes.iter().flat_map(|node| &node.addresses) {
        let number = address_number(address);
        ranges[Family::of(address)].push((number, number));
    }
    ByFamily { v4: AddressSet::from_ranges(ranges.v4), v6: AddressSet::from_ranges(ranges.v6) }
}

/// See [`CompiledPeers::with_nodes`].
fn with_nodes(
    list: &PeerList,
    semantics: Semantics,
    blocks: &ByFamily<AddressSet>,
    nodes: &ByFamily<AddressSet>,
) -> Option<Box<ByFamily<AddressSet>>> {
    (semantics.hosts_by_label && stands_for_hosts(list)).then(|| {
        let both = |family| blocks[family].union(&nodes[family]);
        Box::new(ByFamily { v4: both(Family::V4), v6: both(Family::V6) })
    })
}

/// See [`CompiledPeers::named`].
fn named(
    list: &PeerList,
    blocks: &ByFamily<AddressSet>,
    nodes: &ByFamily<AddressSet>,
) -> Option<Box<ByFamily<AddressSet>>> {
    (!list.domain_names.is_empty()).then(|| {
        let all = |family: Family| {
            let outside = AddressSet::from_range(0, family.last()).difference(&nodes[family]);
            outside.union(&blocks[family])
        };
        Box::new(ByFamily { v4: all(Family::V4), v6: all(Family::V6) })
    })
}

/// True if some rule of a direction names a port.
fn names_ports(policies: &IndexVec<PolicyId, Option<CompiledPolicy>>, direction: Direction) -> bool {
    policies.iter().flatten().any(|p| p.rules[direction].iter().any(|r| !r.ports.named.is_empty()))
}

/// Memo of what each selector pair selects.
type Selections<T> = FxHashMap<PodMatch, T>;

impl CompiledPolicy {
    /// The peer lists of its rules, with the direction and the place of each rule.
    fn lists(&self) -> impl Iterator<Item = (Direction, PeersId, u32)> {
        Direction::ALL.into_iter().flat_map(move |direction| {
            let rules = (0..).zip(&self.rules[direction]);
            rules
                .flat_map(move |(place, rule)| rule.lists().iter().map(move |&list| (direction, list, place)))
        })
    }
}

impl Program {
    /// Returns how surely a peer list matches a class, by family.
    pub fn matched_by(&self, class: ClassId, list: PeersId) -> ByFamily<Truth> {
        let few = &self.classes[class].peers;
        match &self.peers[list].classes {
            Members::Many(dense) => dense.truth(class),
            Members::Few(_) => few
                .binary_search_by_key(&list, |&(id, _)| id)
                .map_or(ByFamily { v4: Truth::No, v6: Truth::No }, |i| few[i].1),
        }
    }
}
