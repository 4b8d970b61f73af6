//! Rules that would have admitted a connection but for one thing.

use ipnet::IpNet;

use crate::cluster::{Backends, Cluster, NamespaceId, PodId};
use crate::k8s::IntOrString;
use crate::label::{LabelSetId, Requirement, SelectorId, Truth};
use crate::net::{AddressSet, Direction, Family, PortSet, Protocol, net_range};
use crate::policy::{
    Action, NamespaceMatch, Peer, Peers, PodMatch, PolicyId, PortMatch, Ports, Rule, Subject, Tier,
};
use crate::query::can::Verdict;
use crate::solve::End;
use crate::solve::proof::{BlockStep, FamilyProof, PeerStep, PortStep, Prover, RuleProof, Side};

use super::{Coverage, PairExplanation};

/// A rule that does not admit the connection for a single reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NearMiss {
    /// The side it stands on.
    pub direction: Direction,
    /// The policy.
    pub policy: PolicyId,
    /// The field that is to blame, as Kubernetes writes paths.
    pub path: String,
    /// The reason.
    pub miss: Miss,
}

/// The one thing that keeps a rule from admitting a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Miss {
    /// The policy does not select the subject: a label of the pod.
    Subject(PodId, Requirement),
    /// A label of the peer's namespace.
    NamespaceLabel(NamespaceId, Requirement),
    /// A label of the peer.
    PodLabel(PodId, Requirement),
    /// A podSelector on its own means the policy's namespace; the pod is in another.
    OtherNamespace(PodId, NamespaceId),
    /// Selectors never match hostNetwork pods.
    HostNetwork(PodId),
    /// Selectors never match addresses.
    Address,
    /// The address is in `except`.
    Except(IpNet, IpNet),
    /// The block is of the other family.
    OtherFamily(IpNet),
    /// The block holds the pod's address, and the profile matches no pods with blocks.
    NotForPods(IpNet),
    /// The number is right, the protocol is not.
    Protocol(Protocol),
    /// The rule is for other ports.
    OtherPorts(PortSet),
    /// The rule is for the port of a Service, policies see its target port: Service, its port, target.
    ServicePort(String, u16),
    /// The destination declares no port of that name.
    Undeclared(Box<str>, Protocol, PodId),
    /// The name stands for these ports on the destination.
    NamedElsewhere(Box<str>, PortSet),
}

/// Enough to see what is wrong.
const MOST: usize = 8;

pub(super) fn near_misses(prover: &Prover<'_>, explanation: &PairExplanation) -> Vec<NearMiss> {
    let Some(family) = explanation.family() else { return Vec::new() };
    let mut search = Search { prover, cluster: prover.cluster(), explanation, family, found: Vec::new() };
    for side in family.sides() {
        if explanation.side_verdict(side) != Verdict::Allow && side.exemption.is_none() {
            search.side(side);
        }
    }
    let mut found = search.found;
    found.truncate(MOST);
    found
}

struct Search<'a, 'c> {
    prover: &'a Prover<'c>,
    cluster: &'c Cluster,
    explanation: &'a PairExplanation,
    family: &'a FamilyProof,
    found: Vec<NearMiss>,
}

impl Search<'_, '_> {
    fn side(&mut self, side: &Side) {
        for proof in &side.policies {
            let rules = &self.cluster.policies[proof.policy].rules[side.direction];
            for (rule, step) in
                rules.iter().zip(&proof.rules).filter(|(rule, _)| rule.action == Action::Accept)
            {
                let found = self.rule(side.direction, rule, step);
                self.found.extend(found.into_iter().map(|(path, miss)| NearMiss {
                    direction: side.direction,
                    policy: proof.policy,
                    path,
                    miss,
                }));
            }
        }
        if let (End::Pod(subject, _), _) = self.explanation.ends_of(side.direction) {
            self.unselected(side, subject);
        }
    }

    /// Policies that would admit the connection if one label of the subject were different.
    fn unselected(&mut self, side: &Side, subject: PodId) {
        let pod = &self.cluster.pods[subject];
        for id in self.prover.candidates(subject) {
            let policy = &self.cluster.policies[id];
            let rules = &policy.rules[side.direction];
            if policy.tier != Tier::NetworkPolicy || !policy.isolates[side.direction] || rules.is_empty() {
                continue;
            }
            let Subject::Pods(selectors) = &policy.subject else { continue };
            let unmet = unmet(self.cluster, selectors.pods, pod.labels);
            let [requirement] = &unmet[..] else { continue };
            let admits = (0..rules.len()).any(|rule| {
                self.prover
                    .rule(id, rule, &self.explanation.proof, side.direction, self.family.family)
                    .is_some_and(|step| {
                        step.peers.truth.possible() && self.explanation.coverage(&step) == Coverage::All
                    })
            });
            if admits {
                self.found.push(NearMiss {
                    direction: side.direction,
                    policy: id,
                    path: "spec.podSelector".into(),
                    miss: Miss::Subject(subject, requirement.clone()),
                });
            }
        }
    }

    fn rule(&self, direction: Direction, rule: &Rule, step: &RuleProof) -> Vec<(String, Miss)> {
        let path = format!("spec.{}[{}]", direction.as_str(), rule.index);
        let covered = self.explanation.coverage(step);
        if covered != Coverage::None && step.peers.truth == Truth::No {
            let Peers::Of(peers) = &rule.peers else { return Vec::new() };
            let field = match direction {
                Direction::Ingress => "from",
                Direction::Egress => "to",
            };
            peers
                .iter()
                .zip(&step.peers.each)
                .enumerate()
                .filter_map(|(i, (peer, step))| {
                    Some((format!("{path}.{field}[{i}]"), self.peer(direction, peer, step.step)?))
                })
                .collect()
        } else if covered == Coverage::None && step.peers.truth.possible() {
            self.ports(rule, step, &path)
        } else {
            Vec::new()
        }
    }

    fn peer(&self, direction: Direction, peer: &Peer, step: PeerStep) -> Option<Miss> {
        let (_, end) = self.explanation.ends_of(direction);
        match (peer, step, end) {
            (Peer::Pods(selectors), PeerStep::Pods { namespace, pods, host_network }, End::Pod(id, _)) => {
                if host_network {
                    return namespace.and(pods).possible().then_some(Miss::HostNetwork(id));
                }
                self.selectors(selectors, namespace, pods, id)
            }
            (Peer::Pods(selectors), PeerStep::Address, _) => {
                self.is_everything(selectors).then_some(Miss::Address)
            }
            (Peer::IpBlock(block), PeerStep::Block(step), _) => match step {
                BlockStep::Excepted(index) => Some(Miss::Except(block.cidr, block.except[index])),
                BlockStep::OtherFamily => {
                    (block.cidr.prefix_len() == 0).then_some(Miss::OtherFamily(block.cidr))
                }
                BlockStep::NotForPods => {
                    let End::Pod(pod, _) = end else { return None };
                    let (addresses, _) = self.cluster.pod_addresses(pod, Family::of_net(block.cidr))?;
                    let (first, last) = net_range(block.cidr);
                    addresses
                        .is_subset(&AddressSet::from_range(first, last))
                        .then_some(Miss::NotForPods(block.cidr))
                }
                BlockStep::Inside | BlockStep::Outside | BlockStep::Perhaps => None,
            },
            _ => None,
        }
    }

    fn selectors(&self, selectors: &PodMatch, namespace: Truth, pods: Truth, id: PodId) -> Option<Miss> {
        let pod = &self.cluster.pods[id];
        match selectors.namespaces {
            NamespaceMatch::One(own) if namespace == Truth::No => {
                pods.possible().then_some(Miss::OtherNamespace(id, own))
            }
            NamespaceMatch::Labels(selector) if namespace == Truth::No => {
                let labels = self.cluster.namespaces[pod.namespace].labels;
                let [requirement] = &unmet(self.cluster, selector, labels)[..] else { return None };
                pods.possible().then(|| Miss::NamespaceLabel(pod.namespace, requirement.clone()))
            }
            _ => {
                let [requirement] = &unmet(self.cluster, selectors.pods, pod.labels)[..] else { return None };
                Some(Miss::PodLabel(id, requirement.clone()))
            }
        }
    }

    fn ports(&self, rule: &Rule, step: &RuleProof, path: &str) -> Vec<(String, Miss)> {
        let Ports::Of(ports) = &rule.ports else { return Vec::new() };
        let asked = &self.explanation.asked;
        let mut found = Vec::new();
        for (i, (port, step)) in ports.iter().zip(&step.ports.each).enumerate() {
            let miss = match (port, step) {
                (PortMatch::Range { protocol, first, last }, _) => {
                    let same_number = Protocol::ALL.into_iter().any(|other| {
                        other != *protocol
                            && !PortSet::from_range(other, *first, *last).intersection(asked).is_empty()
                    });
                    same_number.then_some(Miss::Protocol(*protocol))
                }
                (PortMatch::Named { protocol, name }, PortStep::Undeclared) => {
                    match self.explanation.proof.to {
                        End::Pod(pod, _) => Some(Miss::Undeclared(name.clone(), *protocol, pod)),
                        End::Address(_) => None,
                    }
                }
                (PortMatch::Named { name, .. }, PortStep::Resolved) => {
                    Some(Miss::NamedElsewhere(name.clone(), step_ports(rule, i, self)))
                }
                _ => None,
            };
            found.extend(miss.map(|miss| (format!("{path}.ports[{i}]"), miss)));
        }
        if found.is_empty() {
            let other_ports =
                || self.is_pointed(&rule.peers).then(|| Miss::OtherPorts(step.ports.matched.clone()));
            let miss = self.service_port(&step.ports.matched).or_else(other_ports);
            found.extend(miss.map(|miss| (format!("{path}.ports"), miss)));
        }
        found
    }

    /// Whether somebody had certain peers in mind: a rule for everybody misses nobody in particular.
    fn is_pointed(&self, peers: &Peers) -> bool {
        let Peers::Of(peers) = peers else { return false };
        peers.iter().all(|peer| match peer {
            Peer::Pods(selectors) => !self.is_everything(selectors),
            Peer::IpBlock(block) => block.cidr.prefix_len() > 0,
        })
    }

    /// Whether selectors mean all pods of all namespaces.
    fn is_everything(&self, selectors: &PodMatch) -> bool {
        let selectors_of = &self.cluster.labels.selectors;
        matches!(selectors.namespaces, NamespaceMatch::Labels(id) if selectors_of[id].is_everything())
            && selectors_of[selectors.pods].is_everything()
    }

    /// A Service in front of the destination whose port the rule names instead of the target port that was asked for.
    fn service_port(&self, matched: &PortSet) -> Option<Miss> {
        let End::Pod(id, _) = self.explanation.proof.to else { return None };
        let pod = &self.cluster.pods[id];
        let labels = &self.cluster.labels;
        self.cluster.services.iter().find_map(|((namespace, name), service)| {
            let Backends::Selector(selector) = &service.backends else { return None };
            if *namespace != pod.namespace
                || !labels.selectors[*selector].matches(&labels.sets[pod.labels]).possible()
            {
                return None;
            }
            let port = service.ports.iter().find(|port| {
                let target = match &port.target {
                    IntOrString::Int(number) => u16::try_from(*number)
                        .is_ok_and(|n| self.explanation.asked.contains(port.protocol, n)),
                    IntOrString::String(name) => pod.ports.iter().any(|p| {
                        *p.name == **name
                            && p.protocol == port.protocol
                            && self.explanation.asked.contains(p.protocol, p.number)
                    }),
                };
                target && matched.contains(port.protocol, port.port)
            })?;
            let path = format!("{}/{name}", self.cluster.namespaces[*namespace].name);
            Some(Miss::ServicePort(path, port.port))
        })
    }
}

/// The ports one named element of a rule stands for on the destination.
fn step_ports(rule: &Rule, index: usize, search: &Search<'_, '_>) -> PortSet {
    let (Ports::Of(ports), End::Pod(pod, _)) = (&rule.ports, search.explanation.proof.to) else {
        return PortSet::empty();
    };
    let PortMatch::Named { protocol, name } = &ports[index] else { return PortSet::empty() };
    search.cluster.pods[pod]
        .ports
        .iter()
        .filter(|port| *port.name == **name && port.protocol == *protocol)
        .fold(PortSet::empty(), |all, port| {
            all.union(&PortSet::from_range(port.protocol, port.number, port.number))
        })
}

/// The requirements of a selector that labels surely do not meet.
fn unmet(cluster: &Cluster, selector: SelectorId, labels: LabelSetId) -> Vec<Requirement> {
    let labels = &cluster.labels.sets[labels];
    cluster.labels.selectors[selector]
        .requirements()
        .iter()
        .filter(|requirement| requirement.accepts(labels) == Truth::No)
        .cloned()
        .collect()
}
