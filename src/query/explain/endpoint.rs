//! `explain ENDPOINT`: which policies apply to pods, and the rules they make effective both ways.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::cluster::{Cluster, DeclaredPort, NamespaceId, PodId};
use crate::compile::selects_namespace;
use crate::label::Truth;
use crate::net::{ByDirection, Direction, PortSet, Protocol};
use crate::policy::{Peer, Peers, PodMatch, PolicyId, PortMatch, Ports, Tier};
use crate::profile::NamedPorts;
use crate::query::endpoint::Target;
use crate::query::{Ends, Isolation};
use crate::solve::proof::{Exemption, Prover};

/// The policies that apply to a set of ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndpointExplanation {
    /// The ends.
    pub target: Target,
    /// The pods, those with the same policies and ports together, in order of the first.
    pub subjects: Vec<Subject>,
}

/// Pods that the same policies apply to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subject {
    /// The pods.
    pub pods: Vec<(PodId, Range<u32>)>,
    /// Reason for which no policy applies to them, whatever policies there are.
    pub exemption: Option<Exemption>,
    /// Their isolation by direction.
    pub isolation: ByDirection<Isolation>,
    /// The policies that select them, in evaluation order.
    pub policies: ByDirection<Vec<Applied>>,
}

/// A policy that applies to a subject in one direction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Applied {
    /// The policy.
    pub policy: PolicyId,
    /// `Yes` if the policy surely selects the subject, else `Unknown`; never `No`.
    pub selects: Truth,
    /// Its rules, in written order.
    pub rules: Vec<AppliedRule>,
}

/// A rule as it works for a subject.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppliedRule {
    /// The ports it matches, names resolved on the subject; `None` where names are resolved on each destination.
    pub ports: Option<PortSet>,
    /// For each element of `from` or `to`, the pods of the input that its selectors match; `None` for blocks.
    pub peers: Vec<Option<Matched>>,
}

/// Number of pods that selectors match.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Matched {
    /// Surely.
    pub sure: u64,
    /// Only perhaps.
    pub perhaps: u64,
}

/// Explains which policies apply to the pods of `target`.
pub fn endpoint(prover: &Prover<'_>, target: &Target) -> EndpointExplanation {
    let mut counts = Counts::new();
    let mut applied = |direction, subject, selecting: Vec<(PolicyId, Truth)>| -> Vec<Applied> {
        selecting
            .into_iter()
            .map(|(policy, selects)| {
                let rules = rules(prover, policy, subject, direction, &mut counts);
                Applied { policy, selects, rules }
            })
            .collect()
    };
    let subjects = subjects(prover, &target.ends)
        .into_iter()
        .map(|(key, pods)| Subject {
            exemption: key.exemption,
            isolation: ByDirection {
                ingress: isolation(prover.cluster(), key.exemption, &key.ingress, Direction::Ingress),
                egress: isolation(prover.cluster(), key.exemption, &key.egress, Direction::Egress),
            },
            policies: ByDirection {
                ingress: applied(Direction::Ingress, pods[0].0, key.ingress),
                egress: applied(Direction::Egress, pods[0].0, key.egress),
            },
            pods,
        })
        .collect();
    EndpointExplanation { target: target.clone(), subjects }
}

/// Some pods of some groups.
type Pods = Vec<(PodId, Range<u32>)>;

/// The properties in which the pods of one subject agree.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key<'c> {
    exemption: Option<Exemption>,
    ingress: Vec<(PolicyId, Truth)>,
    egress: Vec<(PolicyId, Truth)>,
    /// The namespace, if a policy has peers that depend on it.
    namespace: Option<NamespaceId>,
    ports: &'c [DeclaredPort],
}

fn subjects<'c>(prover: &Prover<'c>, ends: &Ends) -> Vec<(Key<'c>, Pods)> {
    let mut subjects: BTreeMap<Key<'c>, Pods> = BTreeMap::new();
    for (id, range) in &ends.pods {
        let exemption = prover.exemption(*id);
        let of = |direction| match exemption {
            Some(_) => Vec::new(),
            None => prover.policies_of(*id, direction),
        };
        let (ingress, egress) = (of(Direction::Ingress), of(Direction::Egress));
        let cluster = prover.cluster();
        let is_relative = |(policy, _): &(PolicyId, Truth)| cluster.policies[*policy].is_relative();
        let namespace = ingress.iter().chain(&egress).any(is_relative).then(|| cluster.pods[*id].namespace);
        let key =
            Key { exemption, ingress, egress, namespace, ports: prover.cluster().pods[*id].named_ports() };
        subjects.entry(key).or_default().push((*id, range.clone()));
    }
    let mut subjects: Vec<_> = subjects.into_iter().collect();
    subjects.sort_by_key(|(_, pods)| (pods[0].0, pods[0].1.start));
    subjects
}

fn isolation(
    cluster: &Cluster,
    exemption: Option<Exemption>,
    policies: &[(PolicyId, Truth)],
    direction: Direction,
) -> Isolation {
    if exemption.is_some() {
        return Isolation::Exempt;
    }
    let tier = |id: PolicyId| cluster.policies[id].tier;
    if policies.iter().any(|(id, _)| tier(*id) == Tier::Unevaluated) {
        return Isolation::Unknown;
    }
    let is_restricted = policies.iter().any(|(id, _)| tier(*id) == Tier::Restricting);
    // How surely one of some policies selects the pods.
    let surest = |of: &dyn Fn(PolicyId) -> bool| {
        let selecting = policies.iter().filter(|(id, _)| of(*id));
        selecting.map(|(_, selects)| *selects).max().unwrap_or(Truth::No)
    };
    match (
        surest(&|id| tier(id) == Tier::NetworkPolicy),
        surest(&|id| cluster.policies[id].may_deny(direction)),
    ) {
        (Truth::Yes, _) => Isolation::Isolated,
        (Truth::No, _) if is_restricted => Isolation::Unknown,
        (Truth::Unknown, _) | (Truth::No, Truth::Unknown) => Isolation::Unknown,
        (Truth::No, Truth::Yes) => Isolation::Ruled,
        (Truth::No, Truth::No) => Isolation::Open,
    }
}

fn rules(
    prover: &Prover<'_>,
    policy: PolicyId,
    subject: PodId,
    direction: Direction,
    counts: &mut Counts,
) -> Vec<AppliedRule> {
    let cluster = prover.cluster();
    let names = prover.profile().semantics().named_ports;
    cluster.policies[policy].rules[direction]
        .iter()
        .map(|rule| AppliedRule {
            ports: ports(cluster, &rule.ports, direction, subject, names),
            peers: matched(cluster, &rule.peers, Some(cluster.pods[subject].namespace), counts),
        })
        .collect()
}

/// Number of pods that selectors match, counted once for equal selectors; with the namespace of the subject if it matters.
pub(super) type Counts = BTreeMap<(PodMatch, Option<NamespaceId>), Matched>;

/// The pods that each element of a list of peers matches, for a subject in this namespace; nothing for those that depend
/// on it where there is none.
pub(super) fn matched(
    cluster: &Cluster,
    peers: &Peers,
    subject: Option<NamespaceId>,
    counts: &mut Counts,
) -> Vec<Option<Matched>> {
    let Peers::Of(peers) = peers else { return Vec::new() };
    peers
        .iter()
        .map(|peer| match peer {
            Peer::Pods(selectors) => {
                let subject = subject.filter(|_| selectors.namespaces.is_relative());
                if selectors.namespaces.is_relative() && subject.is_none() {
                    return None;
                }
                Some(
                    *counts
                        .entry((*selectors, subject))
                        .or_insert_with(|| count(cluster, selectors, subject)),
                )
            }
            Peer::IpBlock(_) | Peer::DomainNames(_) => None,
        })
        .collect()
}

fn ports(
    cluster: &Cluster,
    ports: &Ports,
    direction: Direction,
    subject: PodId,
    names: NamedPorts,
) -> Option<PortSet> {
    let Ports::Of(ports) = ports else { return Some(PortSet::full()) };
    let single = |protocol: Protocol, first: u16, last: u16| PortSet::from_range(protocol, first, last);
    let mut all = PortSet::empty();
    for port in ports {
        match port {
            PortMatch::Range { protocol, first, last } => all = all.union(&single(*protocol, *first, *last)),
            PortMatch::Named { .. } if direction == Direction::Egress => return None,
            PortMatch::Named { protocol, name } => {
                let declared = cluster.pods[subject].ports.iter().filter(|port| {
                    *port.name == **name && port.protocol == *protocol && names.includes(port.container)
                });
                all = declared
                    .fold(all, |all, port| all.union(&single(port.protocol, port.number, port.number)));
            }
        }
    }
    Some(all)
}

/// Counts the pods of the input that selectors match.
fn count(cluster: &Cluster, selectors: &PodMatch, subject: Option<NamespaceId>) -> Matched {
    let labels = &cluster.labels;
    let mut matched = Matched::default();
    for (id, namespace) in cluster.namespaces.enumerate() {
        let in_namespace = selects_namespace(cluster, selectors.namespaces, id, subject.unwrap_or(id));
        if !in_namespace.possible() {
            continue;
        }
        for pod in cluster.pods.slice(namespace.pods.clone()).iter().filter(|pod| !pod.host_network) {
            match in_namespace.and(labels.selectors[selectors.pods].matches(&labels.sets[pod.labels])) {
                Truth::Yes if !selectors.perhaps => matched.sure += u64::from(pod.count),
                Truth::Yes | Truth::Unknown => matched.perhaps += u64::from(pod.count),
                Truth::No => {}
            }
        }
    }
    matched
}
