//! Why a verdict is unknown: the facts that would decide it.

use std::collections::BTreeSet;

use crate::cluster::{Cluster, NamespaceId, PodId};
use crate::label::{KeyId, LabelSetId, LabelValue, SelectorId, Truth};
use crate::policy::{NamespaceMatch, Peer, Peers, PodMatch, PolicyId, Tier};
use crate::query::can::Verdict;
use crate::solve::End;
use crate::solve::proof::{BlockStep, PeerStep, Side};

use super::{Coverage, PairExplanation};

/// A fact that the input does not give.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Reason {
    /// A policy of a kind that is not evaluated may select an end.
    NotEvaluated(PolicyId),
    /// A label of a namespace that no manifest declares.
    NamespaceLabel(NamespaceId, KeyId),
    /// A label of a pod whose value a controller chooses.
    PodLabel(PodId, KeyId),
    /// The address of a pod.
    PodAddress(PodId),
}

/// The facts that an unknown verdict hangs on, without repetition.
pub(super) fn reasons(cluster: &Cluster, explanation: &PairExplanation) -> Vec<Reason> {
    let mut reasons = BTreeSet::new();
    if let Some(family) = explanation.family() {
        for side in family.sides() {
            if explanation.side_verdict(side) == Verdict::Unknown {
                of_side(cluster, explanation, side, &mut reasons);
            }
        }
    }
    reasons.into_iter().collect()
}

fn of_side(cluster: &Cluster, explanation: &PairExplanation, side: &Side, reasons: &mut BTreeSet<Reason>) {
    let (subject, peer) = explanation.ends_of(side.direction);
    for proof in &side.policies {
        let policy = &cluster.policies[proof.policy];
        if policy.tier == Tier::Unevaluated {
            reasons.insert(Reason::NotEvaluated(proof.policy));
            continue;
        }
        if proof.selects == Truth::Unknown {
            of_selectors(cluster, &policy.subject, subject, reasons);
        }
        for (rule, step) in policy.rules[side.direction].iter().zip(&proof.rules) {
            if step.peers.truth != Truth::Unknown || explanation.coverage(step) == Coverage::None {
                continue;
            }
            let Peers::Of(peers) = &rule.peers else { continue };
            for (selector, step) in peers.iter().zip(&step.peers.each) {
                match (selector, step.step, peer) {
                    (Peer::Pods(selectors), PeerStep::Pods { .. }, _) if step.truth == Truth::Unknown => {
                        of_selectors(cluster, selectors, peer, reasons);
                    }
                    (_, PeerStep::Block(BlockStep::Perhaps), End::Pod(pod, _)) => {
                        reasons.insert(Reason::PodAddress(pod));
                    }
                    _ => {}
                }
            }
        }
    }
}

fn of_selectors(cluster: &Cluster, selectors: &PodMatch, end: End, reasons: &mut BTreeSet<Reason>) {
    let End::Pod(id, _) = end else { return };
    let pod = &cluster.pods[id];
    if let NamespaceMatch::Labels(selector) = selectors.namespaces {
        let labels = cluster.namespaces[pod.namespace].labels;
        reasons.extend(
            unknown_keys(cluster, selector, labels).map(|key| Reason::NamespaceLabel(pod.namespace, key)),
        );
    }
    reasons.extend(unknown_keys(cluster, selectors.pods, pod.labels).map(|key| Reason::PodLabel(id, key)));
}

/// Keys on which a selector does not know what to say of a label set.
fn unknown_keys(
    cluster: &Cluster,
    selector: SelectorId,
    labels: LabelSetId,
) -> impl Iterator<Item = KeyId> + use<'_> {
    let labels = &cluster.labels.sets[labels];
    cluster.labels.selectors[selector]
        .requirements()
        .iter()
        .filter(|requirement| requirement.accepts(labels.get(requirement.key)) == Truth::Unknown)
        .map(|requirement| requirement.key)
}

impl Reason {
    /// What is known of the label a reason speaks of.
    pub fn label(self, cluster: &Cluster) -> Option<LabelValue> {
        match self {
            Self::NamespaceLabel(namespace, key) => {
                cluster.labels.sets[cluster.namespaces[namespace].labels].get(key)
            }
            Self::PodLabel(pod, key) => cluster.labels.sets[cluster.pods[pod].labels].get(key),
            Self::NotEvaluated(_) | Self::PodAddress(_) => None,
        }
    }
}
