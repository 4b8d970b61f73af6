//! The reasons why nothing blocks a connection: the policies that look as if they were meant to.

use crate::cluster::{NamespaceId, PodId};
use crate::index::Id;
use crate::label::{Operator, Requirement, Truth};
use crate::net::Direction;
use crate::policy::{NamespaceMatch, Peer, Peers, PodMatch, PolicyId, Tier};
use crate::solve::End;
use crate::solve::proof::{Prover, Side};

use super::near_miss::unmet;
use super::{Coverage, PairExplanation};

/// A policy that looks as if it was meant to block a connection, or to admit less.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Meant {
    /// The side that it would have a say in.
    pub direction: Direction,
    /// The policy.
    pub policy: PolicyId,
    /// The field that is to blame, as Kubernetes writes paths.
    pub path: String,
    /// The slip.
    pub slip: Slip,
}

/// The reason why a policy does not block what it was perhaps meant to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Slip {
    /// Its podSelector asks for a label that the pod has not, or has with another value.
    Label(PodId, Requirement),
    /// The same, and the label is one of the object that makes the pod, which policies never look at.
    LabelOfWorkload(PodId, Requirement),
    /// Its podSelector fits the pod, which is in another namespace.
    Namespace(PodId),
    /// It selects the pod and has rules of this direction, which `policyTypes` leaves out.
    Types(PodId),
    /// The two elements admit each on their own: a namespaceSelector, which admits this peer, and a podSelector.
    Alternatives(usize, usize),
}

/// Nobody reads more of them.
const MOST: usize = 6;

/// Finds the policies that look as if they were meant to block a connection that is allowed.
pub(super) fn meant(prover: &Prover<'_>, explanation: &PairExplanation) -> Vec<Meant> {
    let Some(family) = explanation.family() else { return Vec::new() };
    let mut search = Search { prover, found: Vec::new() };
    for side in family.sides() {
        let (End::Pod(subject, _), _) = explanation.ends_of(side.direction) else { continue };
        // No NetworkPolicy could block what an earlier tier accepts.
        let is_settled = explanation.is_settled_before(prover.cluster(), side);
        if side.exemption.is_some() || is_settled {
            continue;
        }
        if explanation.isolated(prover.cluster(), side) == Truth::No {
            search.unselected(side.direction, subject);
        } else {
            search.alternatives(explanation, side);
        }
    }
    search.found.truncate(MOST);
    search.found
}

struct Search<'a, 'c> {
    prover: &'a Prover<'c>,
    found: Vec<Meant>,
}

impl Search<'_, '_> {
    fn add(&mut self, direction: Direction, policy: PolicyId, path: impl Into<String>, slip: Slip) {
        self.found.push(Meant { direction, policy, path: path.into(), slip });
    }

    /// Policies that would isolate a pod but for one thing.
    fn unselected(&mut self, direction: Direction, subject: PodId) {
        let cluster = self.prover.cluster();
        let pod = &cluster.pods[subject];
        let candidates = cluster.policies.enumerate();
        let candidates = candidates.filter(|(_, p)| p.tier == Tier::NetworkPolicy && !p.is_withdrawn());
        for (id, policy) in candidates {
            let Some(selectors) = policy.subject.pods() else { continue };
            let NamespaceMatch::One(own) = selectors.namespaces else { continue };
            let selector = &cluster.labels.selectors[selectors.pods];
            let unmet = unmet(cluster, selectors.pods, pod.labels);
            if own == pod.namespace {
                if selector.matches(&cluster.labels.sets[pod.labels]) == Truth::Yes {
                    if policy.idle[direction] {
                        self.add(direction, id, "spec.policyTypes", Slip::Types(subject));
                    }
                } else if policy.isolates[direction]
                    && let [requirement] = &unmet[..]
                    && let Some(slip) = self.label(selectors, own, subject, requirement)
                {
                    self.add(direction, id, "spec.podSelector", slip);
                }
            } else if policy.isolates[direction]
                && unmet.is_empty()
                && selector.matches(&cluster.labels.sets[pod.labels]) == Truth::Yes
                && !self.selects_any(selectors, own)
            {
                self.add(direction, id, "metadata.namespace", Slip::Namespace(subject));
            }
        }
    }

    /// A podSelector that fits but for one label: of a policy that selects nothing, or whose other labels fit.
    fn label(
        &self,
        selectors: &PodMatch,
        own: NamespaceId,
        subject: PodId,
        requirement: &Requirement,
    ) -> Option<Slip> {
        let cluster = self.prover.cluster();
        let pod = &cluster.pods[subject];
        let of_workload = &cluster.labels.sets[cluster.workloads[pod.workload].labels];
        let workload_has = requirement.operator == Operator::In
            && of_workload.get(requirement.key).is_some()
            && requirement.accepts(of_workload) == Truth::Yes;
        if workload_has {
            return Some(Slip::LabelOfWorkload(subject, requirement.clone()));
        }
        let is_idle = !self.selects_any(selectors, own);
        let lacks = cluster.labels.sets[pod.labels].get(requirement.key).is_none();
        let others_fit = cluster.labels.selectors[selectors.pods].requirements().len() > 1;
        (is_idle || (others_fit && lacks)).then(|| Slip::Label(subject, requirement.clone()))
    }

    /// True if a policy may select any pod of its namespace.
    fn selects_any(&self, selectors: &PodMatch, own: NamespaceId) -> bool {
        let cluster = self.prover.cluster();
        let selector = &cluster.labels.selectors[selectors.pods];
        let range = &cluster.namespaces[own].pods;
        (range.start.index()..range.end.index()).map(PodId::from_index).any(|id| {
            let pod = &cluster.pods[id];
            !pod.host_network && selector.matches(&cluster.labels.sets[pod.labels]).possible()
        })
    }

    /// Rules that admit the peer by a namespaceSelector alone, beside an element with a podSelector alone: OR where AND
    /// may have been meant.
    fn alternatives(&mut self, explanation: &PairExplanation, side: &Side) {
        let cluster = self.prover.cluster();
        for proof in &side.policies {
            let rules = &cluster.policies[proof.policy].rules[side.direction];
            for (rule, step) in rules.iter().zip(&proof.rules) {
                if step.peers.truth != Truth::Yes || explanation.coverage(step) == Coverage::None {
                    continue;
                }
                let Peers::Of(peers) = &rule.peers else { continue };
                let everything = |id| cluster.labels.selectors[id].is_everything();
                let alone = |peer: &Peer, of_pods: bool| match peer {
                    Peer::Pods(selectors) => match selectors.namespaces {
                        NamespaceMatch::One(_) => of_pods && !everything(selectors.pods),
                        NamespaceMatch::Labels(id) => {
                            !of_pods && everything(selectors.pods) && !everything(id)
                        }
                        NamespaceMatch::SameLabels(_) | NamespaceMatch::OtherLabels(_) => false,
                    },
                    Peer::IpBlock(_) | Peer::DomainNames(_) => false,
                };
                let admits = |i: usize| step.peers.each[i].truth == Truth::Yes;
                let others_admit = (0..peers.len()).any(|i| admits(i) && !alone(&peers[i], false));
                let namespace = (0..peers.len()).find(|&i| admits(i) && alone(&peers[i], false));
                let pods = (0..peers.len()).find(|&i| alone(&peers[i], true) && !admits(i));
                if let (Some(namespace), Some(pods), false) = (namespace, pods, others_admit) {
                    let path = rule.written.rule.to_string();
                    self.add(side.direction, proof.policy, path, Slip::Alternatives(namespace, pods));
                }
            }
        }
    }
}
