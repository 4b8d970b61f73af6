//! The reasons why a verdict is unknown: the facts that would decide it.

use std::collections::BTreeSet;

use crate::cluster::{Cluster, NamespaceId, PodId};
use crate::label::{LabelSetId, Requirement, SelectorId, Truth};
use crate::policy::{Peer, Peers, PodMatch, PolicyId, Subject};
use crate::query::can::Verdict;
use crate::solve::End;
use crate::solve::proof::{BlockStep, PeerStep, Side};

use super::{Coverage, PairExplanation};

/// A fact that the input does not give.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Reason {
    /// A policy of a kind that is not evaluated may select an end.
    NotEvaluated(PolicyId),
    /// A requirement that a namespace which no manifest declares may or may not meet.
    NamespaceLabel(NamespaceId, Requirement),
    /// A requirement on a label of a pod whose value a controller chooses, which the pod may or may not meet.
    PodLabel(PodId, Requirement),
    /// The address of a pod.
    PodAddress(PodId),
    /// The addresses that a domain name, or the names of a pattern, stand for.
    DomainName(Box<str>),
    /// A tie of two policies that have one priority and disagree: the API leaves open which of them counts.
    Tie(PolicyId, PolicyId),
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

/// Pairs of policies of one tier and priority that surely say different things of ports that are unknown.
fn ties(cluster: &Cluster, explanation: &PairExplanation, side: &Side, reasons: &mut BTreeSet<Reason>) {
    let unknown = side.bounds.may.difference(&side.bounds.must);
    for tie in explanation.tiers(cluster, side).iter().flat_map(|step| &step.ties) {
        reasons.extend(tie.pairs(&unknown).into_iter().map(|(a, b)| Reason::Tie(a, b)));
    }
}

fn of_side(cluster: &Cluster, explanation: &PairExplanation, side: &Side, reasons: &mut BTreeSet<Reason>) {
    ties(cluster, explanation, side, reasons);
    let (subject, peer) = explanation.ends_of(side.direction);
    for proof in &side.policies {
        let policy = &cluster.policies[proof.policy];
        if !policy.tier.is_evaluated() {
            reasons.insert(Reason::NotEvaluated(proof.policy));
            continue;
        }
        if let Subject::Pods(selectors) = &policy.subject
            && proof.selects == Truth::Unknown
        {
            of_selectors(cluster, selectors, subject, reasons);
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
                        if let (Some(keys), true) =
                            (selectors.namespaces.selector(), selectors.namespaces.is_relative())
                        {
                            of_namespace(cluster, keys, subject, reasons);
                        }
                    }
                    (_, PeerStep::Block(BlockStep::Perhaps), End::Pod(pod, _)) => {
                        reasons.insert(Reason::PodAddress(pod));
                    }
                    (Peer::DomainNames(names), ..) if step.truth == Truth::Unknown => {
                        reasons.extend(names.iter().cloned().map(Reason::DomainName));
                    }
                    _ => {}
                }
            }
        }
    }
}

fn of_selectors(cluster: &Cluster, selectors: &PodMatch, end: End, reasons: &mut BTreeSet<Reason>) {
    if let Some(selector) = selectors.namespaces.selector() {
        of_namespace(cluster, selector, end, reasons);
    }
    let End::Pod(id, _) = end else { return };
    let pod = &cluster.pods[id];
    reasons.extend(undecided(cluster, selectors.pods, pod.labels).map(|r| Reason::PodLabel(id, r.clone())));
}

/// Adds the labels that a selector asks the namespace of a pod for, and that are not known.
fn of_namespace(cluster: &Cluster, selector: SelectorId, end: End, reasons: &mut BTreeSet<Reason>) {
    let End::Pod(pod, _) = end else { return };
    let namespace = cluster.pods[pod].namespace;
    let undecided = undecided(cluster, selector, cluster.namespaces[namespace].labels);
    reasons.extend(undecided.map(|requirement| Reason::NamespaceLabel(namespace, requirement.clone())));
}

/// The requirements of a selector that labels neither meet nor fail.
pub(in crate::query) fn undecided(
    cluster: &Cluster,
    selector: SelectorId,
    labels: LabelSetId,
) -> impl Iterator<Item = &Requirement> {
    let labels = &cluster.labels.sets[labels];
    cluster.labels.selectors[selector]
        .requirements()
        .iter()
        .filter(|requirement| requirement.accepts(labels) == Truth::Unknown)
}
