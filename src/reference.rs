//! The executable specification: who can reach whom, as naive loops over the objects as they are written.
//!
//! This is the judge. It reads the wire types of [`crate::k8s`] and shares no line with the modules that it judges
//! (`cluster`, `label`, `policy`, `set`, `compile`, `solve`), so that a mistake cannot hide in both. Everything is
//! recomputed for every question; the only aim is that a reader can hold it beside the specification. The numbers in
//! the comments are the specification's: R for policies, L for selectors, W for workloads, I for CNI profiles.
//!
//! It assumes that the input is valid: whether it is, is not its business.

mod admin;
mod facts;
mod pods;
mod unevaluated;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use crate::cluster::{Options, Ranges};
use crate::k8s::{
    IntOrString, IpBlock, LabelSelector, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec, Object,
};
use crate::load::Manifest;
use crate::net::{Direction, Family, Protocol};
use crate::profile::{AmbiguousPort, NamedPorts, Profile, Semantics};

use admin::{ClusterPolicy, Outcomes, list};
use facts::{Answer, Labels};
use pods::{ContainerKind, Pod};
use unevaluated::Suspicion;

/// One end of a connection.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Peer {
    /// A pod by `NAMESPACE/NAME`, one of [`Reference::pods`].
    Pod(String),
    /// An address that no pod of the input owns.
    Address(IpAddr),
}

/// The answer about one connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Verdict {
    /// Both sides allow it, whatever the unknown facts are.
    Allow,
    /// At least one side denies it, whatever the unknown facts are.
    Deny,
    /// The input does not decide it.
    Unknown,
}

/// A cluster that answers questions by looking everything up again.
#[derive(Debug)]
pub struct Reference {
    semantics: Semantics,
    pods: Vec<Pod>,
    /// Labels by namespace.
    namespaces: BTreeMap<String, Labels>,
    /// The policies with the namespaces they stand in.
    policies: Vec<(String, NetworkPolicySpec)>,
    /// The cluster-wide policies that are evaluated.
    cluster_policies: Vec<ClusterPolicy>,
    /// Addresses by node.
    nodes: BTreeMap<String, Vec<IpAddr>>,
    /// The blocks in which the address of a pod lies if the input does not give it. Such a pod has no address of a
    /// family without a block.
    pod_region: Vec<IpNet>,
    /// The same for hostNetwork pods.
    host_region: Vec<IpNet>,
}

/// An end of a connection, looked up.
#[derive(Clone, Copy)]
enum End<'r> {
    Pod(&'r Pod),
    Address(IpAddr),
}

/// An address that a connection uses at one of its ends.
#[derive(Clone, Copy)]
enum Place<'r> {
    /// This one.
    At(IpAddr),
    /// One of this family that the input does not give, in these blocks.
    Somewhere(Family, &'r [IpNet]),
}

impl Place<'_> {
    fn family(self) -> Family {
        match self {
            Self::At(address) => Family::of(address),
            Self::Somewhere(family, _) => family,
        }
    }
}

/// A rule of either direction: its `from` or `to`, and its `ports`.
struct Rule<'r> {
    peers: &'r [NetworkPolicyPeer],
    ports: &'r [NetworkPolicyPort],
}

/// One question about one side: may `peer`, at `place`, connect to or from `subject`?
#[derive(Clone, Copy)]
struct Question<'r> {
    direction: Direction,
    subject: &'r Pod,
    peer: End<'r>,
    place: Place<'r>,
    protocol: Protocol,
    port: u16,
}

impl Reference {
    /// Reads the manifests and what the user said beside them.
    pub fn new(manifests: &[Manifest], options: &Options, profile: Profile) -> Self {
        let mut reference = Self {
            semantics: profile.semantics(),
            pods: pods::expand(manifests, options),
            namespaces: facts::namespaces(manifests, options),
            policies: manifests
                .iter()
                .filter_map(|manifest| match &manifest.object {
                    Object::NetworkPolicy(policy) => {
                        Some((facts::namespace_of(&policy.metadata), policy.spec.clone().unwrap_or_default()))
                    }
                    _ => None,
                })
                .collect(),
            cluster_policies: admin::policies(manifests, profile),
            nodes: facts::nodes(manifests),
            pod_region: Vec::new(),
            host_region: Vec::new(),
        };
        let shows_v6 = reference.pods.iter().flat_map(|pod| &pod.addresses).any(IpAddr::is_ipv6);
        (reference.pod_region, reference.host_region) = regions(&options.ranges, shows_v6);
        for pod in &mut reference.pods {
            let namespace = &reference.namespaces[&pod.namespace];
            pod.suspicion = unevaluated::suspicion(manifests, options, profile, pod, namespace);
        }
        reference
    }

    /// `NAMESPACE/NAME` of every pod, sorted.
    pub fn pods(&self) -> Vec<String> {
        let mut names: Vec<String> = self.pods.iter().map(Pod::path).collect();
        names.sort();
        names
    }

    /// Decides whether one new connection is allowed.
    ///
    /// # Panics
    ///
    /// If there is no pod of the given name.
    pub fn verdict(&self, from: &Peer, to: &Peer, protocol: Protocol, port: u16) -> Verdict {
        match self.allowed(self.end(from), self.end(to), protocol, port) {
            Answer::Yes => Verdict::Allow,
            Answer::No => Verdict::Deny,
            Answer::Maybe => Verdict::Unknown,
        }
    }

    /// Ports at which an answer can change, and their neighbours; 1 and 65535 of each protocol.
    pub fn interesting_ports(&self) -> Vec<(Protocol, u16)> {
        let mut boundaries: BTreeSet<(Protocol, u16)> = BTreeSet::new();
        for protocol in Protocol::ALL {
            boundaries.extend([(protocol, 1), (protocol, u16::MAX)]);
        }
        for pod in &self.pods {
            boundaries.extend(pod.ports.iter().map(|port| (port.protocol, port.number)));
        }
        for rule in self.all_rules() {
            for port in rule.ports {
                let mut bounds: Vec<i32> = port.end_port.into_iter().collect();
                if let Some(IntOrString::Int(number)) = port.port {
                    bounds.push(number);
                }
                boundaries.extend(bounds.into_iter().map(|bound| (protocol_of(port), facts::port(bound))));
            }
        }
        for port in self.cluster_rules().flat_map(|rule| list(&rule["protocols"]).chain(list(&rule["ports"])))
        {
            for (port, field) in
                [(&port["portNumber"], "port"), (&port["portRange"], "start"), (&port["portRange"], "end")]
            {
                if let Some(bound) = port[field].as_i64() {
                    boundaries
                        .insert((facts::protocol(port["protocol"].as_str()), facts::port(bound as i32)));
                }
            }
            for (name, protocol) in [("tcp", Protocol::Tcp), ("udp", Protocol::Udp), ("sctp", Protocol::Sctp)]
            {
                let port = &port[name]["destinationPort"];
                let bounds = [&port["number"], &port["range"]["start"], &port["range"]["end"]];
                let bounds = bounds.into_iter().filter_map(serde_json::Value::as_i64);
                boundaries.extend(bounds.map(|bound| (protocol, facts::port(bound as i32))));
            }
        }
        let mut ports = BTreeSet::new();
        for (protocol, number) in boundaries {
            for neighbour in [number.saturating_sub(1).max(1), number, number.saturating_add(1)] {
                ports.insert((protocol, neighbour));
            }
        }
        ports.into_iter().collect()
    }

    /// Addresses at which an answer can change, and their neighbours; none that a pod of the input owns.
    pub fn interesting_addresses(&self) -> Vec<IpAddr> {
        let mut blocks: Vec<IpNet> = self.pod_region.iter().chain(&self.host_region).copied().collect();
        blocks.extend(self.nodes.values().flatten().copied().map(IpNet::from));
        blocks.extend(["0.0.0.0/0", "::/0"].map(block));
        for rule in self.all_rules() {
            for written in rule.peers.iter().filter_map(|peer| peer.ip_block.as_ref()) {
                blocks.push(cidr(written));
                blocks.extend(excepts(written));
            }
        }
        for peer in self.cluster_rules().flat_map(|rule| list(&rule["to"])) {
            blocks.extend(list(&peer["networks"]).filter_map(serde_json::Value::as_str).map(block));
        }
        let mut addresses = BTreeSet::new();
        for block in blocks {
            addresses.extend([block.network(), block.broadcast()]);
            addresses.extend(step(block.network(), -1));
            addresses.extend(step(block.broadcast(), 1));
        }
        for pod in &self.pods {
            for address in &pod.addresses {
                addresses.remove(address);
            }
        }
        addresses.into_iter().collect()
    }

    fn all_rules(&self) -> impl Iterator<Item = Rule<'_>> {
        self.policies.iter().flat_map(|(_, spec)| {
            Direction::ALL.into_iter().flat_map(move |direction| rules(spec, direction))
        })
    }

    fn cluster_rules(&self) -> impl Iterator<Item = &serde_json::Value> {
        self.cluster_policies
            .iter()
            .flat_map(|ClusterPolicy { spec, .. }| list(&spec["ingress"]).chain(list(&spec["egress"])))
    }

    fn end(&self, peer: &Peer) -> End<'_> {
        match peer {
            Peer::Address(address) => End::Address(*address),
            Peer::Pod(path) => {
                let found = self.pods.iter().find(|pod| pod.is_called(path));
                End::Pod(found.unwrap_or_else(|| panic!("no pod is called {path}")))
            }
        }
    }

    /// `allowed(src, dst, proto, port)`: one new connection.
    fn allowed(&self, from: End<'_>, to: End<'_>, protocol: Protocol, port: u16) -> Answer {
        if let (End::Pod(source), End::Pod(destination)) = (from, to)
            && std::ptr::eq(source, destination)
        {
            return Answer::Yes; // R49: a pod and itself
        }
        let mut answer = Answer::No; // ends without a common family cannot connect
        for source in self.places(from) {
            for destination in self.places(to) {
                if source.family() == destination.family() {
                    // R45: one family is enough. R4: in it, both sides must allow.
                    let egress = self.side(Direction::Egress, from, to, destination, protocol, port);
                    let ingress = self.side(Direction::Ingress, to, from, source, protocol, port);
                    answer = answer.or(egress.and(ingress));
                }
            }
        }
        answer
    }

    /// The addresses an end can use.
    fn places<'r>(&'r self, end: End<'r>) -> Vec<Place<'r>> {
        let pod = match end {
            End::Address(address) => return vec![Place::At(address)],
            End::Pod(pod) if !pod.addresses.is_empty() => {
                return pod.addresses.iter().copied().map(Place::At).collect();
            }
            End::Pod(pod) => pod,
        };
        let region = if pod.host_network { &self.host_region } else { &self.pod_region };
        Family::ALL
            .into_iter()
            .filter(|&family| region.iter().any(|block| Family::of_net(*block) == family))
            .map(|family| Place::Somewhere(family, region))
            .collect()
    }

    /// `side(D, subject, peer)`: what the policies of one end say.
    fn side<'r>(
        &'r self,
        direction: Direction,
        subject: End<'r>,
        peer: End<'r>,
        place: Place<'r>,
        protocol: Protocol,
        port: u16,
    ) -> Answer {
        let End::Pod(subject) = subject else {
            return Answer::Yes; // R5: only pods have a side
        };
        if !self.semantics.enforces {
            return Answer::Yes; // R64: flannel
        }
        if subject.host_network && subject.suspicion == Suspicion::None {
            return Answer::Yes; // R51, I1: never a subject
        }
        if subject.is_bare && !self.semantics.bare_pods_are_subjects {
            return Answer::Yes; // I19
        }
        if direction == Direction::Ingress && self.is_own_node(subject, peer) {
            return Answer::Yes; // R50
        }
        let question = Question { direction, subject, peer, place, protocol, port };
        match subject.suspicion {
            Suspicion::None => self.tiers(&question),
            Suspicion::Restricted => self.tiers(&question).and(Answer::Maybe),
            Suspicion::Anything => Answer::Maybe, // a policy kind that is not evaluated may select it
        }
    }

    /// The outcomes of the NetworkPolicies of one end: final for a pod that one of them isolates in this direction.
    fn network_policies(&self, question: &Question<'_>) -> Outcomes {
        let Question { direction, subject, .. } = *question;
        // For each policy that selects the subject or may do so: how sure that is, and what its rules say.
        let selecting: Vec<(Answer, Answer)> = self
            .policies
            .iter()
            .filter(|(namespace, spec)| *namespace == subject.namespace && isolates(spec, direction)) // R2, R6
            .map(|(_, spec)| (selects(spec.pod_selector.as_ref(), &subject.labels), spec))
            .filter(|(selected, _)| *selected != Answer::No)
            .map(|(selected, spec)| (selected, self.admits(spec, question)))
            .collect();
        // R1, R3 and the two bounds.
        let isolated = selecting.iter().any(|(selected, _)| *selected == Answer::Yes);
        let is_surely_admitted = if isolated {
            selecting.iter().any(|(selected, admits)| *selected == Answer::Yes && *admits == Answer::Yes)
        } else {
            selecting.iter().all(|(_, admits)| *admits == Answer::Yes)
        };
        Outcomes {
            accept: selecting.iter().any(|(_, admits)| *admits != Answer::No),
            deny: !is_surely_admitted,
            on: !isolated,
        }
    }

    /// R50: whether `peer` is the node that `subject` runs on, both being known.
    fn is_own_node(&self, subject: &Pod, peer: End<'_>) -> bool {
        let Some(node) = &subject.node else { return false };
        match peer {
            End::Pod(pod) => pod.host_network && pod.node.as_ref() == Some(node), // R52
            End::Address(address) => self.nodes.get(node).is_some_and(|known| known.contains(&address)),
        }
    }

    /// Returns how surely a rule of the policy matches; R12: without rules, none does.
    fn admits(&self, spec: &NetworkPolicySpec, question: &Question<'_>) -> Answer {
        rules(spec, question.direction)
            .filter(|rule| self.ports_match(rule.ports, question)) // R17: ports and peers of one rule
            .map(|rule| self.peers_match(rule.peers, question))
            .fold(Answer::No, Answer::or)
    }

    /// True if the `ports` of a rule match.
    fn ports_match(&self, ports: &[NetworkPolicyPort], question: &Question<'_>) -> bool {
        ports.is_empty() // R15
            || ports.iter().any(|port| self.port_matches(port, question)) // R16
    }

    fn port_matches(&self, entry: &NetworkPolicyPort, question: &Question<'_>) -> bool {
        let port = i32::from(question.port);
        protocol_of(entry) == question.protocol // R19, R63
            && match &entry.port {
                None => true,                                                                       // R18, R21
                Some(IntOrString::Int(first)) => *first <= port && port <= entry.end_port.unwrap_or(*first), // R20, R30
                Some(IntOrString::String(name)) => self.name_matches(name, question),
            }
    }

    /// R33: whether the destination pod has a port of this name, with this protocol and number.
    fn name_matches(&self, name: &str, question: &Question<'_>) -> bool {
        let destination = match question.direction {
            Direction::Ingress => question.subject,
            Direction::Egress => match question.peer {
                End::Pod(pod) if !pod.host_network => pod,
                End::Pod(_) | End::Address(_) => return false, // R39: never outside, and never on a node
            },
        };
        let numbers: BTreeSet<u16> = destination
            .ports
            .iter()
            .filter(|port| match (self.semantics.named_ports, port.container) {
                (_, ContainerKind::Regular)
                | (NamedPorts::AllContainers, _)
                | (NamedPorts::ContainersAndSidecars, ContainerKind::Sidecar) => true, // R36
                (NamedPorts::ContainersAndSidecars, ContainerKind::Init) // R37
                | (NamedPorts::RegularContainers, _) => false, // I15
            })
            .filter(|port| port.name == name && port.protocol == question.protocol) // R35
            .map(|port| port.number)
            .collect(); // R34: of all containers; R38: perhaps none
        if question.direction == Direction::Egress {
            let elsewhere = destination.namespace != question.subject.namespace;
            if elsewhere && !self.semantics.egress_port_crosses_namespaces {
                return false; // I16
            }
            if numbers.len() > 1 && self.semantics.ambiguous_egress_port == AmbiguousPort::Skipped {
                return false; // I14
            }
        }
        numbers.contains(&question.port)
    }

    /// Returns how surely the `from` or `to` of a rule matches.
    fn peers_match(&self, peers: &[NetworkPolicyPeer], question: &Question<'_>) -> Answer {
        if peers.is_empty() {
            return Answer::Yes; // R13: everything, pods or not
        }
        let blocks: Vec<&IpBlock> = peers.iter().filter_map(|peer| peer.ip_block.as_ref()).collect();
        peers
            .iter()
            .filter(|peer| peer.ip_block.is_none())
            .map(|peer| self.selectors_match(peer, question))
            .fold(self.blocks_match(&blocks, question), Answer::or) // R14, R27
    }

    /// Returns how surely a peer made of selectors matches.
    fn selectors_match(&self, peer: &NetworkPolicyPeer, question: &Question<'_>) -> Answer {
        if self.semantics.hosts_by_label && question.direction == Direction::Ingress && means_hosts(peer) {
            match question.peer {
                End::Pod(pod) if pod.host_network => return Answer::Yes, // I2
                End::Address(address) if self.nodes.values().any(|known| known.contains(&address)) => {
                    return Answer::Yes;
                }
                _ => {}
            }
        }
        let End::Pod(pod) = question.peer else {
            return Answer::No; // R25
        };
        if pod.host_network {
            return Answer::No; // R52
        }
        let namespace = match &peer.namespace_selector {
            // R22, R23: the policy's own, which is the subject's
            None => Answer::from(pod.namespace == question.subject.namespace),
            Some(selector) => selects(Some(selector), &self.namespaces[&pod.namespace]), // R24
        };
        namespace.and(selects(peer.pod_selector.as_ref(), &pod.labels)) // R26
    }

    /// Returns how surely the blocks of a rule match, taken together.
    fn blocks_match(&self, blocks: &[&IpBlock], question: &Question<'_>) -> Answer {
        if matches!(question.peer, End::Pod(_)) && !self.semantics.ip_block_matches_pods {
            return Answer::No; // I5
        }
        let held = |address: IpAddr| blocks.iter().any(|block| contains(block, address)); // R41, R42
        match question.place {
            Place::At(address) => Answer::from(held(address)), // R40, R46, R52
            Place::Somewhere(family, region) => {
                // Whether an address is held changes only where some block starts or has just ended. So the answers
                // at those addresses of the region are all the answers there are.
                let mut edges: Vec<IpNet> = region.to_vec();
                edges.extend(blocks.iter().map(|block| cidr(block)));
                edges.extend(blocks.iter().flat_map(|block| excepts(block)));
                let answers: BTreeSet<bool> = edges
                    .into_iter()
                    .flat_map(|edge| [Some(edge.network()), step(edge.broadcast(), 1)])
                    .flatten()
                    .filter(|address| Family::of(*address) == family)
                    .filter(|address| region.iter().any(|block| block.contains(address)))
                    .map(held)
                    .collect();
                match (answers.contains(&true), answers.contains(&false)) {
                    (true, true) => Answer::Maybe,
                    (held, _) => Answer::from(held),
                }
            }
        }
    }
}

/// `types(p)`: whether a policy isolates the pods it selects in this direction.
fn isolates(spec: &NetworkPolicySpec, direction: Direction) -> bool {
    let types = spec.policy_types.as_deref().unwrap_or_default();
    let listed = |name: &str| types.iter().any(|written| **written == *name); // R2, R11
    match direction {
        Direction::Ingress => types.is_empty() || listed("Ingress"), // R7
        Direction::Egress if types.is_empty() => !spec.egress.as_deref().unwrap_or_default().is_empty(), // R8, R9
        Direction::Egress => listed("Egress"),
    }
}

/// The rules of one direction as they are written. R10 is in [`isolates`].
fn rules(spec: &NetworkPolicySpec, direction: Direction) -> impl Iterator<Item = Rule<'_>> {
    let ingress = spec.ingress.as_deref().unwrap_or_default().iter().map(|rule| Rule {
        peers: rule.from.as_deref().unwrap_or_default(),
        ports: rule.ports.as_deref().unwrap_or_default(),
    });
    let egress = spec.egress.as_deref().unwrap_or_default().iter().map(|rule| Rule {
        peers: rule.to.as_deref().unwrap_or_default(),
        ports: rule.ports.as_deref().unwrap_or_default(),
    });
    let (ingress, egress) = match direction {
        Direction::Ingress => (Some(ingress), None),
        Direction::Egress => (None, Some(egress)),
    };
    ingress.into_iter().flatten().chain(egress.into_iter().flatten())
}

/// `sel(selector, labels)`: L2, all requirements hold. An absent selector asks for nothing (L1, R6, R28).
fn selects(selector: Option<&LabelSelector>, labels: &Labels) -> Answer {
    let Some(selector) = selector else { return Answer::Yes };
    let pairs = selector.match_labels.iter().flat_map(crate::k8s::Labels::iter);
    let equal = pairs.map(|(key, value)| labels.satisfy(key, "In", &[value.into()])); // L8, L9
    let requirements = selector.match_expressions.as_deref().unwrap_or_default().iter();
    let hold = requirements.map(|requirement| {
        labels.satisfy(
            requirement.key.as_deref().unwrap_or_default(),
            requirement.operator.as_deref().unwrap_or_default(),
            requirement.values.as_deref().unwrap_or_default(),
        )
    });
    equal.chain(hold).fold(Answer::Yes, Answer::and)
}

/// I2: whether a peer asks for the label of the namespace that stands for hosts, and for nothing else.
fn means_hosts(peer: &NetworkPolicyPeer) -> bool {
    let Some(selector) = peer.namespace_selector.as_ref().filter(|_| peer.pod_selector.is_none()) else {
        return false;
    };
    let equal = selector.match_labels.iter().flat_map(crate::k8s::Labels::iter);
    let compared = selector.match_expressions.as_deref().unwrap_or_default();
    let asks =
        equal.map(|(key, value)| (key.to_string(), value.is_empty())).chain(compared.iter().map(|one| {
            let values = one.values.as_deref().unwrap_or_default();
            let is_meant = match one.operator.as_deref() {
                Some("In") => values.iter().all(crate::k8s::Text::is_empty),
                operator => operator == Some("Exists"),
            };
            (one.key.as_deref().unwrap_or_default().to_string(), is_meant)
        }));
    let asks: BTreeSet<(String, bool)> = asks.collect();
    asks == BTreeSet::from([("policy-group.network.openshift.io/host-network".to_string(), true)])
}

/// The protocol of a rule's port; R19: TCP by default.
fn protocol_of(entry: &NetworkPolicyPort) -> Protocol {
    facts::protocol(entry.protocol.as_deref())
}

/// True if a block holds an address; R41: its excepts are its own. R44: a block has one family.
fn contains(written: &IpBlock, address: IpAddr) -> bool {
    cidr(written).contains(&address) && !excepts(written).any(|hole| hole.contains(&address))
}

fn cidr(written: &IpBlock) -> IpNet {
    block(written.cidr.as_deref().expect("valid input: a block has a cidr"))
}

fn excepts(written: &IpBlock) -> impl Iterator<Item = IpNet> + '_ {
    written.except.as_deref().unwrap_or_default().iter().map(|hole| block(hole))
}

/// A CIDR as the API server reads it: host bits masked (R43), IPv4 in IPv6 clothes taken as IPv4 (R47).
fn block(text: &str) -> IpNet {
    let net: IpNet = text.parse().expect("valid input: a CIDR");
    match net {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => match v6.addr().to_ipv4_mapped() {
            Some(v4) => Ipv4Net::new(v4, v6.prefix_len() - 96).expect("at most 32").trunc().into(),
            None => net.trunc(),
        },
        _ => net.trunc(),
    }
}

/// The address `by` further on, if there is one.
fn step(address: IpAddr, by: i8) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => u32::from(v4).checked_add_signed(by.into()).map(|n| IpAddr::V4(n.into())),
        IpAddr::V6(v6) => u128::from(v6).checked_add_signed(by.into()).map(|n| IpAddr::V6(n.into())),
    }
}

/// docs/guide/unknown.md: the blocks that hold the addresses which the input does not give, of pods and of
/// hostNetwork pods. Pods are IPv4, unless `--pod-cidr` says otherwise, and IPv6 too if other pods show it; they lie in
/// `--pod-cidr`, else in the private ranges of the family. HostNetwork pods lie in `--node-cidr`, else in the private
/// ranges of the families that pods have.
fn regions(ranges: &Ranges, shows_v6: bool) -> (Vec<IpNet>, Vec<IpNet>) {
    let private = |family| match family {
        Family::V4 => ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"].map(block).to_vec(),
        Family::V6 => vec![block("fc00::/7")],
    };
    let has = |blocks: &[IpNet], family| blocks.iter().any(|block| Family::of_net(*block) == family);
    let mut pods = ranges.pods.clone();
    if pods.is_empty() {
        pods = private(Family::V4);
    }
    if shows_v6 && !has(&pods, Family::V6) {
        pods.extend(private(Family::V6));
    }
    let mut hosts = ranges.nodes.clone();
    if hosts.is_empty() {
        hosts = Family::ALL.into_iter().filter(|&family| has(&pods, family)).flat_map(private).collect();
    }
    (pods, hosts)
}
