//! The proof of one rule: the peers and ports that it matches, and the reason for each step.

use crate::cluster::{DeclaredPort, NamespaceId, Pod};
use crate::compile::selects_namespace;
use crate::label::Truth;
use crate::net::{AddressSet, Direction, Family, PortSet, Protocol, net_range};
use crate::policy::{IpBlock, Peer, Peers, PodMatch, PortMatch, Ports, Rule};
use crate::profile::AmbiguousPort;

use super::{Prover, Question};
use crate::solve::End;

/// One rule, asked about one peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleProof {
    /// The steps that match the peer, and their result.
    pub peers: PeersProof,
    /// The ports that it matches on the destination.
    pub ports: PortsProof,
}

/// The match of `from` or `to` of a rule with the peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeersProof {
    /// One step for each element; empty if the rule matches every peer.
    pub each: Vec<PeerProof>,
    /// Any of them; blocks are taken together.
    pub truth: Truth,
}

/// The match of one element of `from` or `to` on its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeerProof {
    /// The reason for the answer.
    pub step: PeerStep,
    /// The answer.
    pub truth: Truth,
}

/// The reason why one element of `from` or `to` matches or does not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PeerStep {
    /// Selectors, asked about a pod.
    Pods {
        /// The match with its namespace.
        namespace: Truth,
        /// The match with its labels.
        pods: Truth,
        /// Set if selectors cannot match the pod because it is a hostNetwork pod (R52).
        host_network: bool,
    },
    /// Selectors that stand for hosts, asked about a hostNetwork pod or the address of a node (I2).
    Host,
    /// Selectors, asked about an address, which they never match (R25).
    Address,
    /// A block.
    Block(BlockStep),
    /// Domain names, which may stand for any address outside the cluster.
    Name,
}

/// The relation of a block to the addresses of an end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum BlockStep {
    /// It holds them all.
    Inside,
    /// It holds none.
    Outside,
    /// It may hold them.
    Perhaps,
    /// They lie in this element of `except` (R41).
    Excepted(usize),
    /// It is of the other family (R44).
    OtherFamily,
    /// The end is a pod, and the profile matches none with blocks (I5).
    NotForPods,
}

/// The ports of the destination that a rule matches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PortsProof {
    /// One step for each element of `ports`; empty if the rule matches every port.
    pub each: Vec<PortStep>,
    /// All of them together.
    pub matched: PortSet,
}

/// The meaning of one element of `ports` on the destination.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PortStep {
    /// Numbers mean themselves.
    Numbers,
    /// The name stands for at least one number there.
    Resolved,
    /// The destination declares no such port for this protocol (R38).
    Undeclared,
    /// The destination is not a pod (R39).
    NotAPod,
    /// The destination is a hostNetwork pod, which is its node (R39).
    HostNetwork,
    /// The name stands for several numbers, and the profile skips it (I14).
    Ambiguous,
    /// The destination is in another namespace, and the profile resolves names in the own one only (I16).
    OtherNamespace,
}

/// The match of selectors with a pod: of its namespace, of its labels, and of the whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Selection {
    pub(super) namespace: Truth,
    pub(super) pods: Truth,
    pub(super) truth: Truth,
}

impl Prover<'_> {
    /// Evaluates `selectors` on `pod`, where the subject of the policy is in the namespace `subject`.
    pub(super) fn selection(&self, selectors: &PodMatch, pod: &Pod, subject: NamespaceId) -> Selection {
        let labels = &self.cluster.labels;
        let namespace = selects_namespace(self.cluster, selectors.namespaces, pod.namespace, subject);
        let pods = labels.selectors[selectors.pods].matches(&labels.sets[pod.labels]);
        let matches = if pod.host_network { Truth::No } else { namespace.and(pods) };
        let truth = if selectors.perhaps { matches.and(Truth::Unknown) } else { matches };
        Selection { namespace, pods, truth }
    }

    pub(super) fn prove_rule(&self, rule: &Rule, question: Question<'_>) -> RuleProof {
        RuleProof {
            peers: self.prove_peers(&rule.peers, question),
            ports: self.prove_ports(&rule.ports, question),
        }
    }

    fn prove_peers(&self, peers: &Peers, question: Question<'_>) -> PeersProof {
        let peers = match peers {
            Peers::Any => return PeersProof { each: Vec::new(), truth: Truth::Yes },
            Peers::Of(peers) => peers,
        };
        let each: Vec<PeerProof> = peers.iter().map(|peer| self.prove_peer(peer, question)).collect();
        let selected = each
            .iter()
            .filter(|proof| !matches!(proof.step, PeerStep::Block(_)))
            .fold(Truth::No, |any, proof| any.or(proof.truth));
        let blocks = peers.iter().filter_map(|peer| match peer {
            Peer::IpBlock(block) => Some(block),
            Peer::Pods(_) | Peer::DomainNames(_) => None,
        });
        let truth = selected.or(self.prove_blocks(blocks, question));
        PeersProof { each, truth }
    }

    fn prove_peer(&self, peer: &Peer, question: Question<'_>) -> PeerProof {
        match (peer, question.peer) {
            (Peer::Pods(selectors), end)
                if selectors.hosts && question.semantics.hosts_by_label && self.is_host(end) =>
            {
                PeerProof { step: PeerStep::Host, truth: Truth::Yes }
            }
            (Peer::Pods(selectors), End::Pod(id, _)) => {
                let pod = &self.cluster.pods[id];
                let Selection { namespace, pods, truth } =
                    self.selection(selectors, pod, self.cluster.pods[question.subject.0].namespace);
                PeerProof { step: PeerStep::Pods { namespace, pods, host_network: pod.host_network }, truth }
            }
            (Peer::DomainNames(_), end) => {
                let may = matches!(end, End::Address(_)) && !self.is_host(end);
                let truth = if may { Truth::Unknown } else { Truth::No };
                PeerProof { step: PeerStep::Name, truth }
            }
            (Peer::Pods(_), End::Address(_)) => PeerProof { step: PeerStep::Address, truth: Truth::No },
            (Peer::IpBlock(block), _) => {
                let truth = self.prove_blocks(std::iter::once(block), question);
                let step = if Family::of_net(block.cidr) != question.family {
                    BlockStep::OtherFamily
                } else if !blocks_reach(question) {
                    BlockStep::NotForPods
                } else {
                    match truth {
                        Truth::Yes => BlockStep::Inside,
                        Truth::Unknown => BlockStep::Perhaps,
                        Truth::No => self.excepted(block, question),
                    }
                };
                PeerProof { step: PeerStep::Block(step), truth }
            }
        }
    }

    /// True if an end is a hostNetwork pod or the address of a node.
    fn is_host(&self, end: End) -> bool {
        match end {
            End::Pod(pod, _) => self.cluster.pods[pod].host_network,
            End::Address(address) => self.cluster.nodes.iter().any(|node| node.addresses.contains(&address)),
        }
    }

    /// Returns how surely blocks, taken together after their excepts, hold the addresses of the peer.
    fn prove_blocks<'b>(&self, blocks: impl Iterator<Item = &'b IpBlock>, question: Question<'_>) -> Truth {
        if !blocks_reach(question) {
            return Truth::No;
        }
        let held = blocks
            .filter(|block| Family::of_net(block.cidr) == question.family)
            .fold(AddressSet::empty(), |held, block| held.union(&block_addresses(block)));
        match self.addresses_of_peer(question) {
            Some(addresses) if addresses.is_subset(&held) => Truth::Yes,
            Some(addresses) if !addresses.is_disjoint(&held) => Truth::Unknown,
            _ => Truth::No,
        }
    }

    fn addresses_of_peer(&self, question: Question<'_>) -> Option<AddressSet> {
        question.peer_in.cloned().or_else(|| self.addresses(question.peer, question.family))
    }

    /// Finds the except because of which a block holds none of the peer's addresses, if there is one.
    fn excepted(&self, block: &IpBlock, question: Question<'_>) -> BlockStep {
        let addresses = self.addresses_of_peer(question).unwrap_or_default();
        block
            .except
            .iter()
            .position(|&hole| {
                let (first, last) = net_range(hole);
                !addresses.is_disjoint(&AddressSet::from_range(first, last))
            })
            .map_or(BlockStep::Outside, BlockStep::Excepted)
    }

    fn prove_ports(&self, ports: &Ports, question: Question<'_>) -> PortsProof {
        let ports = match ports {
            Ports::Any => return PortsProof { each: Vec::new(), matched: PortSet::full() },
            Ports::Of(ports) => ports,
        };
        let mut matched = PortSet::empty();
        let each = ports
            .iter()
            .map(|port| match port {
                PortMatch::Range { protocol, first, last } => {
                    matched = matched.union(&PortSet::from_range(*protocol, *first, *last));
                    PortStep::Numbers
                }
                PortMatch::Named { protocol, name } => match self.resolve(*protocol, name, question) {
                    Ok(numbers) => {
                        for number in numbers {
                            matched = matched.union(&PortSet::from_range(*protocol, number, number));
                        }
                        PortStep::Resolved
                    }
                    Err(step) => step,
                },
            })
            .collect();
        PortsProof { each, matched }
    }

    /// The numbers a name stands for on the destination, or why it stands for none.
    fn resolve(&self, protocol: Protocol, name: &str, question: Question<'_>) -> Result<Vec<u16>, PortStep> {
        let End::Pod(destination, _) = question.destination() else { return Err(PortStep::NotAPod) };
        let destination = &self.cluster.pods[destination];
        if destination.host_network {
            return Err(PortStep::HostNetwork);
        }
        let semantics = question.semantics;
        if question.direction == Direction::Egress
            && !semantics.egress_port_crosses_namespaces
            && destination.namespace != self.cluster.pods[question.subject.0].namespace
        {
            return Err(PortStep::OtherNamespace);
        }
        let counts = |port: &&DeclaredPort| {
            *port.name == *name && port.protocol == protocol && semantics.named_ports.includes(port.container)
        };
        let mut numbers: Vec<u16> = destination.ports.iter().filter(counts).map(|p| p.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        match numbers.len() {
            0 => Err(PortStep::Undeclared),
            2.. if question.direction == Direction::Egress
                && semantics.ambiguous_egress_port == AmbiguousPort::Skipped =>
            {
                Err(PortStep::Ambiguous)
            }
            _ => Ok(numbers),
        }
    }
}

/// True if blocks can match the peer at all (I5).
fn blocks_reach(question: Question<'_>) -> bool {
    question.semantics.ip_block_matches_pods || matches!(question.peer, End::Address(_))
}

/// The addresses of a block without its holes.
fn block_addresses(block: &IpBlock) -> AddressSet {
    let (first, last) = net_range(block.cidr);
    let holes: AddressSet = block.except.iter().map(|&hole| net_range(hole)).collect();
    AddressSet::from_range(first, last).difference(&holes)
}
