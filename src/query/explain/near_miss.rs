//! Rules that would have admitted a connection but for one thing.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::cluster::{Cluster, NamespaceId, PodId};
use crate::label::{KeyId, LabelSetId, LabelValue, Operator, Requirement, SelectorId, Truth};
use crate::net::{AddressSet, Direction, Family, PortSet, Protocol, net_range};
use crate::policy::{
    Action, NamespaceMatch, Peer, Peers, PodMatch, PolicyId, PortMatch, Ports, Rule, Subject, Tier,
};
use crate::query::can::Verdict;
use crate::solve::End;
use crate::solve::proof::{BlockStep, FamilyProof, PeerStep, PolicyProof, PortStep, Prover, RuleProof, Side};

use super::front::{self, Front};
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
    /// The values of a label of the namespaces of subject and peer are compared, and one of them lacks it.
    NothingToCompare {
        /// The namespace without the label.
        namespace: NamespaceId,
        /// The label.
        key: KeyId,
        /// Set if it is the namespace of the subject.
        is_subject: bool,
    },
    /// A label of the peer.
    PodLabel(PodId, Requirement),
    /// A podSelector on its own means the policy's namespace; the pod is in another.
    OtherNamespace(PodId, NamespaceId),
    /// A podSelector asks for a value that the pod, or its namespace, has under another key; if a namespace is given,
    /// the selector means that one, and the pod is in another.
    OtherKey {
        /// The peer.
        pod: PodId,
        /// The namespace that the selector means, if the pod is in another.
        own: Option<NamespaceId>,
        /// The label asked for.
        requirement: Requirement,
        /// The key that has the value.
        key: KeyId,
        /// Set if the peer's namespace has the value, and not the pod.
        of_namespace: bool,
    },
    /// A namespaceSelector asks for a label that the pod has.
    LabelOfPod(PodId, Requirement),
    /// A podSelector asks for a label that the namespace of the pod has.
    LabelOfNamespace(PodId, Requirement),
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
    /// The block holds an address of a Service in front of the destination, which policies never see (I13).
    ServiceAddress(String, IpAddr),
    /// The number is right, the protocol is not.
    Protocol(Protocol),
    /// The rule is for other ports.
    OtherPorts(PortSet),
    /// The rule is for the port of a Service, policies see its target port: Service, its port, target.
    ServicePort(String, u16),
    /// The destination declares no port of that name, of this protocol or of any.
    Undeclared(Box<str>, Option<Protocol>, PodId),
    /// The name stands for these ports on the destination.
    NamedElsewhere(Box<str>, PortSet),
}

/// Enough to see what is wrong.
const MOST: usize = 8;

pub(super) fn near_misses(prover: &Prover<'_>, explanation: &PairExplanation) -> Vec<NearMiss> {
    let Some(family) = explanation.family() else { return Vec::new() };
    let cluster = prover.cluster();
    let fronts = front::of(cluster, explanation.proof.to);
    let mut search = Search { prover, cluster, explanation, family, fronts, found: Vec::new() };
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
    /// The Services in front of the destination.
    fronts: Vec<Front<'c>>,
    found: Vec<NearMiss>,
}

impl Search<'_, '_> {
    fn side(&mut self, side: &Side) {
        let settled = self.settled(side);
        for (place, proof) in side.policies.iter().enumerate() {
            let rules = &self.cluster.policies[proof.policy].rules[side.direction];
            for (index, (rule, step)) in rules
                .iter()
                .zip(&proof.rules)
                .enumerate()
                .filter(|(_, (rule, _))| rule.action == Action::Accept)
            {
                if settled.is_some_and(|settled| (place, index) >= settled) {
                    continue;
                }
                let found = self.rule(side.direction, rule, step);
                self.found.extend(found.into_iter().map(|(path, miss)| NearMiss {
                    direction: side.direction,
                    policy: proof.policy,
                    path,
                    miss,
                }));
            }
        }
        let is_admin = |place: usize| self.tier(side, place) == Tier::Admin;
        let is_void = settled.is_some_and(|(place, _)| place < side.policies.len() && is_admin(place));
        if let (End::Pod(subject, _), _) = self.explanation.ends_of(side.direction)
            && !is_void
        {
            self.unselected(side, subject);
        }
    }

    fn tier(&self, side: &Side, place: usize) -> Tier {
        self.cluster.policies[side.policies[place].policy].tier
    }

    /// The place from which on no rule can admit the connection: that of the rule that denies it, or the end of the
    /// NetworkPolicies if they isolate the subject. A place is that of a policy of the side, and that of its rule.
    fn settled(&self, side: &Side) -> Option<(usize, usize)> {
        let denying = match self.explanation.side_verdict(side) {
            Verdict::Deny => self.explanation.decided_by(self.cluster, side).first().copied(),
            Verdict::Allow | Verdict::Unknown => None,
        };
        if let Some((policy, rule)) = denying {
            let place = side.policies.iter().position(|proof| proof.policy == policy)?;
            return Some((place, rule));
        }
        let is_isolating = |(place, proof): (usize, &PolicyProof)| {
            self.tier(side, place) == Tier::NetworkPolicy && proof.selects.sure()
        };
        let isolates = side.policies.iter().enumerate().any(is_isolating);
        let after = |place: &usize| self.tier(side, *place) > Tier::NetworkPolicy;
        let end = (0..side.policies.len()).find(after).unwrap_or(side.policies.len());
        isolates.then_some((end, 0))
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
        let covered = self.explanation.coverage(step);
        if covered != Coverage::None && step.peers.truth == Truth::No {
            let Peers::Of(peers) = &rule.peers else { return Vec::new() };
            peers
                .iter()
                .zip(&step.peers.each)
                .enumerate()
                .filter_map(|(i, (peer, step))| {
                    Some((rule.written.peer(i), self.peer(direction, peer, step.step)?))
                })
                .collect()
        } else if step.peers.truth == Truth::No && direction == Direction::Egress {
            self.service_itself(rule, step)
        } else if covered == Coverage::None && step.peers.truth.possible() {
            self.ports(rule, step)
        } else {
            Vec::new()
        }
    }

    fn peer(&self, direction: Direction, peer: &Peer, step: PeerStep) -> Option<Miss> {
        let (subject, end) = self.explanation.ends_of(direction);
        match (peer, step, end) {
            (Peer::Pods(selectors), PeerStep::Pods { namespace, pods, host_network }, End::Pod(id, _)) => {
                if host_network {
                    return namespace.and(pods).possible().then_some(Miss::HostNetwork(id));
                }
                if selectors.namespaces.is_relative() && namespace == Truth::No {
                    let End::Pod(subject, _) = subject else { return None };
                    return pods.possible().then(|| self.compared(selectors, subject, id)).flatten();
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
                BlockStep::Outside if direction == Direction::Egress => self.service_address(block.cidr),
                BlockStep::Inside | BlockStep::Outside | BlockStep::Perhaps => None,
            },
            _ => None,
        }
    }

    fn selectors(&self, selectors: &PodMatch, namespace: Truth, pods: Truth, id: PodId) -> Option<Miss> {
        let cluster = self.cluster;
        let pod = &cluster.pods[id];
        let of_namespace = cluster.namespaces[pod.namespace].labels;
        let of_pod = unmet(cluster, selectors.pods, pod.labels);
        match selectors.namespaces {
            NamespaceMatch::One(own) if namespace == Truth::No => {
                // Everybody of its own namespace: such a rule means nobody else.
                let is_isolating = cluster.labels.selectors[selectors.pods].is_everything();
                if pods.possible() {
                    (!is_isolating).then_some(Miss::OtherNamespace(id, own))
                } else {
                    self.other_key(&of_pod, id, Some(own))
                }
            }
            NamespaceMatch::Labels(selector) if namespace == Truth::No => {
                let unmet = unmet(cluster, selector, of_namespace);
                if !pods.possible() {
                    return None;
                }
                if unmet.iter().all(|wanted| is_carried(cluster, wanted, pod.labels)) {
                    return Some(Miss::LabelOfPod(id, unmet.first()?.clone()));
                }
                let [requirement] = &unmet[..] else { return None };
                let means_another = self.names_another(requirement, pod.namespace);
                (!means_another).then(|| Miss::NamespaceLabel(pod.namespace, requirement.clone()))
            }
            _ => {
                if !of_pod.is_empty() && of_pod.iter().all(|wanted| is_carried(cluster, wanted, of_namespace))
                {
                    return Some(Miss::LabelOfNamespace(id, of_pod[0].clone()));
                }
                if let Some(miss) = self.other_key(&of_pod, id, None) {
                    return Some(miss);
                }
                let [requirement] = &of_pod[..] else { return None };
                Some(Miss::PodLabel(id, requirement.clone()))
            }
        }
    }

    /// A label that the namespaces of subject and peer are compared by, where one of them surely lacks it. Where both have
    /// it, that their values differ, or are the same, is what the rule is about.
    fn compared(&self, selectors: &PodMatch, subject: PodId, peer: PodId) -> Option<Miss> {
        let cluster = self.cluster;
        let selector = selectors.namespaces.selector()?;
        [(subject, true), (peer, false)].into_iter().find_map(|(pod, is_subject)| {
            let namespace = cluster.pods[pod].namespace;
            let unmet = unmet(cluster, selector, cluster.namespaces[namespace].labels);
            let key = unmet.first()?.key;
            Some(Miss::NothingToCompare { namespace, key, is_subject })
        })
    }

    /// True if a requirement on namespace labels means another namespace: relabelling this one would be no remedy.
    fn names_another(&self, requirement: &Requirement, namespace: NamespaceId) -> bool {
        let cluster = self.cluster;
        if requirement.operator != Operator::In {
            return false;
        }
        let is_name = &*cluster.labels.keys[requirement.key] == "kubernetes.io/metadata.name";
        let own = &*cluster.namespaces[namespace].name;
        let values = || requirement.values.iter().map(|value| &*cluster.labels.values[*value]);
        let is_other = |name: &str| {
            let is_system = name == "default" || name.starts_with("kube-") || name.starts_with("openshift-");
            name != own && (is_system || cluster.namespace(name).is_some())
        };
        is_name || values().all(is_other)
    }

    /// A value that is asked for under another key than the one the peer, or its namespace, has it under.
    fn other_key(&self, unmet: &[Requirement], pod: PodId, own: Option<NamespaceId>) -> Option<Miss> {
        let cluster = self.cluster;
        let facts = &cluster.pods[pod];
        let of_namespace = cluster.namespaces[facts.namespace].labels;
        let found = unmet.iter().map(|requirement| {
            let of_pod = carrying(cluster, requirement, facts.labels).map(|key| (key, false));
            let key = of_pod.or_else(|| carrying(cluster, requirement, of_namespace).map(|key| (key, true)));
            key.map(|key| (requirement, key))
        });
        let found: Option<Vec<_>> = found.collect();
        let &(requirement, (key, of_namespace)) = found.as_ref()?.first()?;
        Some(Miss::OtherKey { pod, own, requirement: requirement.clone(), key, of_namespace })
    }

    /// A Service in front of the destination with an address in a block.
    fn service_address(&self, block: IpNet) -> Option<Miss> {
        self.fronts.iter().find_map(|front| {
            let address = front.service.addresses().find(|ip| block.contains(ip))?;
            Some(Miss::ServiceAddress(front.path.clone(), address))
        })
    }

    /// A rule for a Service itself: its address in a block, and its port.
    fn service_itself(&self, rule: &Rule, step: &RuleProof) -> Vec<(String, Miss)> {
        let asked = &self.explanation.asked;
        let Peers::Of(peers) = &rule.peers else { return Vec::new() };
        let is_meant = self.fronts.iter().any(|front| front.port(asked, &step.ports.matched).is_some());
        let blocks = peers.iter().enumerate().filter_map(|(i, peer)| match peer {
            Peer::IpBlock(block) => Some((i, block.cidr)),
            Peer::Pods(_) | Peer::DomainNames(_) => None,
        });
        let found = blocks
            .filter(|_| is_meant)
            .filter_map(|(i, cidr)| Some((rule.written.peer(i), self.service_address(cidr)?)));
        found.collect()
    }

    fn ports(&self, rule: &Rule, step: &RuleProof) -> Vec<(String, Miss)> {
        let Ports::Of(ports) = &rule.ports else { return Vec::new() };
        let asked = &self.explanation.asked;
        let mut found = Vec::new();
        let steps = &step.ports.each;
        for (i, (port, step)) in ports.iter().zip(steps).enumerate() {
            let miss = match (port, step) {
                (PortMatch::Range { protocol, first, last }, _) => {
                    let same_number = Protocol::ALL.into_iter().any(|other| {
                        other != *protocol
                            && !PortSet::from_range(other, *first, *last).intersection(asked).is_empty()
                    });
                    same_number.then_some(Miss::Protocol(*protocol))
                }
                (PortMatch::Named { protocol, name }, PortStep::Undeclared) => {
                    self.undeclared(rule, i, steps).map(|(pod, is_of_any)| {
                        Miss::Undeclared(name.clone(), (!is_of_any).then_some(*protocol), pod)
                    })
                }
                (PortMatch::Named { name, .. }, PortStep::Resolved) => {
                    Some(Miss::NamedElsewhere(name.clone(), step_ports(rule, i, self)))
                }
                _ => None,
            };
            found.extend(miss.map(|miss| (rule.written.port(i), miss)));
        }
        if found.is_empty() {
            let other_ports =
                || self.is_pointed(&rule.peers).then(|| Miss::OtherPorts(step.ports.matched.clone()));
            let miss = self.service_port(&step.ports.matched).or_else(other_ports);
            found.extend(miss.map(|miss| (rule.written.all_ports(), miss)));
        }
        found
    }

    /// The destination, if it declares no port of the name that is written where this one is, and whether it is one of any
    /// protocol; `None` but for the first port of a place.
    fn undeclared(&self, rule: &Rule, port: usize, steps: &[PortStep]) -> Option<(PodId, bool)> {
        let End::Pod(pod, _) = self.explanation.proof.to else { return None };
        let places = &rule.written.ports;
        let mut here = (0..places.len()).filter(|&other| places[other] == places[port]);
        let is_first = here.clone().next() == Some(port);
        let is_of_any = here.clone().count() > 1;
        (is_first && here.all(|other| steps[other] == PortStep::Undeclared)).then_some((pod, is_of_any))
    }

    /// True if a rule is meant for certain peers: one for all peers gives no hint on its ports.
    fn is_pointed(&self, peers: &Peers) -> bool {
        let Peers::Of(peers) = peers else { return false };
        peers.iter().all(|peer| match peer {
            Peer::Pods(selectors) => !self.is_everything(selectors),
            Peer::IpBlock(block) => block.cidr.prefix_len() > 0,
            Peer::DomainNames(_) => true,
        })
    }

    /// True if selectors mean all pods of all namespaces.
    fn is_everything(&self, selectors: &PodMatch) -> bool {
        let selectors_of = &self.cluster.labels.selectors;
        matches!(selectors.namespaces, NamespaceMatch::Labels(id) if selectors_of[id].is_everything())
            && selectors_of[selectors.pods].is_everything()
    }

    /// A Service in front of the destination whose port the rule names instead of the target port that was asked for.
    fn service_port(&self, matched: &PortSet) -> Option<Miss> {
        self.fronts.iter().find_map(|front| {
            let port = front.port(&self.explanation.asked, matched)?;
            Some(Miss::ServicePort(front.path.clone(), port.port))
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
pub(super) fn unmet(cluster: &Cluster, selector: SelectorId, labels: LabelSetId) -> Vec<Requirement> {
    let labels = &cluster.labels.sets[labels];
    cluster.labels.selectors[selector]
        .requirements()
        .iter()
        .filter(|requirement| requirement.accepts(labels) == Truth::No)
        .cloned()
        .collect()
}

/// True if labels surely meet a requirement that asks for a label to be present.
fn is_carried(cluster: &Cluster, requirement: &Requirement, labels: LabelSetId) -> bool {
    matches!(requirement.operator, Operator::In | Operator::Exists)
        && requirement.accepts(&cluster.labels.sets[labels]) == Truth::Yes
}

/// The key under which labels have a value that is asked for under another.
fn carrying(cluster: &Cluster, requirement: &Requirement, labels: LabelSetId) -> Option<KeyId> {
    let wanted = |value: &LabelValue| matches!(value, LabelValue::Known(v) if requirement.values.contains(v));
    let entries = cluster.labels.sets[labels].entries().iter();
    let mut keys =
        entries.filter(|(key, value)| *key != requirement.key && wanted(value)).map(|(key, _)| *key);
    if requirement.operator == Operator::In { keys.next() } else { None }
}
