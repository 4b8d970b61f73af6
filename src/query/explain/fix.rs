//! The smallest addition that allows a denied connection: one NetworkPolicy for each side that denies it.
//!
//! NetworkPolicies add up, so a policy for exactly these pods and ports opens nothing else and closes nothing: a fix
//! is offered only where the subject is surely isolated already.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::Serialize;

use crate::cluster::{Cluster, Pod, PodId};
use crate::index::Id;
use crate::label::{KeyId, LabelValue, ValueId};
use crate::net::{AddressSet, Direction, Family, PortSet, Protocol, cidrs, net_range};
use crate::policy::{Action, PolicyId, Tier};
use crate::query::can::Verdict;
use crate::solve::End;
use crate::solve::proof::{Prover, Side};

use super::{Coverage, PairExplanation};

/// NetworkPolicies that allow a denied connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fix {
    /// The policies to add, at most one a side.
    pub policies: Vec<AllowPolicy>,
    /// Pods of other workloads that the new selectors match too, because labels do not tell them apart.
    pub others: u64,
    /// The verdict with the policies: `unknown` if one side hangs on a missing fact.
    pub then: Verdict,
}

/// Why there is no simple fix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoFix {
    /// The ends have no address family in common.
    NoCommonFamily,
    /// A policy of another tier denies it, which no NetworkPolicy can overrule.
    Tier(PolicyId),
    /// Only a block could name this hostNetwork pod, and its address is not known.
    AddressUnknown(PodId),
    /// Only a block could name this hostNetwork pod, and the profile matches no pods with blocks.
    NotForPods(PodId),
}

/// A NetworkPolicy as it is written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AllowPolicy {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
struct Metadata {
    name: String,
    namespace: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    pod_selector: LabelSelector,
    policy_types: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    ingress: Option<[IngressRule; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    egress: Option<[EgressRule; 1]>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
struct IngressRule {
    from: Vec<PeerElement>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ports: Vec<PortElement>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
struct EgressRule {
    to: Vec<PeerElement>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ports: Vec<PortElement>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct LabelSelector {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    match_labels: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(untagged)]
enum PeerElement {
    #[serde(rename_all = "camelCase")]
    Pods {
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace_selector: Option<LabelSelector>,
        pod_selector: LabelSelector,
    },
    #[serde(rename_all = "camelCase")]
    Block { ip_block: Block },
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
struct Block {
    cidr: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    except: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PortElement {
    protocol: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_port: Option<u16>,
}

/// The fix for a denied pair.
///
/// An end that is an address stands for the addresses of `meant`.
pub(super) fn fix(
    prover: &Prover<'_>,
    explanation: &PairExplanation,
    meant: &AddressSet,
) -> Result<Fix, NoFix> {
    let family = explanation.family().ok_or(NoFix::NoCommonFamily)?;
    let mut writer =
        Writer { prover, explanation, meant, family: family.family, others: 0, policies: Vec::new() };
    let mut then = Verdict::Allow;
    for side in family.sides() {
        match explanation.side_verdict(side) {
            Verdict::Allow => {}
            Verdict::Unknown => then = Verdict::Unknown,
            Verdict::Deny => {
                writer.side(side)?;
                let policies = &prover.cluster().policies;
                if side.policies.iter().any(|proof| policies[proof.policy].tier == Tier::Restricting) {
                    then = Verdict::Unknown;
                }
            }
        }
    }
    Ok(Fix { policies: writer.policies, others: writer.others, then })
}

struct Writer<'a, 'c> {
    prover: &'a Prover<'c>,
    explanation: &'a PairExplanation,
    meant: &'a AddressSet,
    family: Family,
    others: u64,
    policies: Vec<AllowPolicy>,
}

impl Writer<'_, '_> {
    fn side(&mut self, side: &Side) -> Result<(), NoFix> {
        let cluster = self.prover.cluster();
        if let Some(policy) = self.overruling(side) {
            return Err(NoFix::Tier(policy));
        }
        let (End::Pod(id, _), peer) = self.explanation.ends_of(side.direction) else {
            return Ok(());
        };
        let subject = &cluster.pods[id];
        let peers = self.peers(subject, peer)?;
        let ports = port_elements(&self.explanation.asked);
        let (ingress, egress, policy_type) = match side.direction {
            Direction::Ingress => (Some([IngressRule { from: peers, ports }]), None, "Ingress"),
            Direction::Egress => (None, Some([EgressRule { to: peers, ports }]), "Egress"),
        };
        let namespace = cluster.namespaces[subject.namespace].name.to_string();
        let metadata = Metadata { name: self.free_name(id, side.direction), namespace };
        let pod_selector = self.pod_selector(subject);
        let spec = Spec { pod_selector, policy_types: [policy_type], ingress, egress };
        let policy =
            AllowPolicy { api_version: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata, spec };
        self.policies.push(policy);
        Ok(())
    }

    /// A policy of another tier that denies, or may deny, what was asked.
    fn overruling(&self, side: &Side) -> Option<PolicyId> {
        let cluster = self.prover.cluster();
        let isolated = side
            .policies
            .iter()
            .any(|p| p.selects.sure() && cluster.policies[p.policy].tier == Tier::NetworkPolicy);
        side.policies.iter().map(|proof| (proof, &cluster.policies[proof.policy])).find_map(
            |(proof, policy)| {
                let asked_first = match policy.tier {
                    Tier::Admin => true,
                    Tier::Baseline => !isolated,
                    Tier::NetworkPolicy | Tier::Unevaluated | Tier::Restricting => false,
                };
                let denies = policy.rules[side.direction].iter().zip(&proof.rules).any(|(rule, step)| {
                    rule.action == Action::Deny
                        && step.peers.truth.possible()
                        && self.explanation.coverage(step) != Coverage::None
                });
                (asked_first && denies).then_some(proof.policy)
            },
        )
    }

    fn peers(&mut self, subject: &Pod, peer: End) -> Result<Vec<PeerElement>, NoFix> {
        match peer {
            End::Address(ip) => Ok(blocks(Family::of(ip), self.meant)),
            End::Pod(id, _) => Ok(vec![self.pod(subject, id)?]),
        }
    }

    fn pod(&mut self, subject: &Pod, id: PodId) -> Result<PeerElement, NoFix> {
        let cluster = self.prover.cluster();
        let pod = &cluster.pods[id];
        if !pod.host_network {
            let namespace_selector = (pod.namespace != subject.namespace).then(|| {
                let name = cluster.namespaces[pod.namespace].name.to_string();
                LabelSelector { match_labels: BTreeMap::from([("kubernetes.io/metadata.name".into(), name)]) }
            });
            return Ok(PeerElement::Pods { namespace_selector, pod_selector: self.pod_selector(pod) });
        }
        if !self.prover.profile().semantics().ip_block_matches_pods {
            return Err(NoFix::NotForPods(id));
        }
        match &pod.addresses {
            crate::cluster::Addresses::Known(known) => known
                .iter()
                .find(|ip| Family::of(**ip) == self.family)
                .map(|&ip| PeerElement::Block {
                    ip_block: Block { cidr: IpNet::from(ip).to_string(), except: Vec::new() },
                })
                .ok_or(NoFix::AddressUnknown(id)),
            crate::cluster::Addresses::Unknown => Err(NoFix::AddressUnknown(id)),
        }
    }

    /// A selector for a pod by labels that survive a rollout: one of them if it is enough, else all.
    fn pod_selector(&mut self, pod: &Pod) -> LabelSelector {
        let cluster = self.prover.cluster();
        let stable = stable_labels(cluster, pod);
        let selected = |labels: &[(KeyId, ValueId)]| -> Vec<PodId> {
            let range = &cluster.namespaces[pod.namespace].pods;
            (range.start.index()..range.end.index())
                .map(PodId::from_index)
                .filter(|&id| {
                    let has = &cluster.labels.sets[cluster.pods[id].labels];
                    !cluster.pods[id].host_network
                        && labels.iter().all(|(key, value)| has.get(*key) == Some(LabelValue::Known(*value)))
                })
                .collect()
        };
        let meant = selected(&stable);
        let chosen = stable
            .iter()
            .map(std::slice::from_ref)
            .find(|single| selected(single) == meant)
            .unwrap_or(&stable);
        self.others += meant
            .iter()
            .map(|&id| &cluster.pods[id])
            .filter(|other| other.workload != pod.workload)
            .map(|other| u64::from(other.count))
            .sum::<u64>();
        let text = |(key, value): &(KeyId, ValueId)| {
            (cluster.labels.keys[*key].to_string(), cluster.labels.values[*value].to_string())
        };
        LabelSelector { match_labels: chosen.iter().map(text).collect() }
    }

    /// A name that no policy of the subject's namespace has, so that pasting the fix overwrites nothing.
    fn free_name(&self, subject: PodId, direction: Direction) -> String {
        let cluster = self.prover.cluster();
        let end = |end: End| match end {
            End::Pod(id, _) => cluster.workloads[cluster.pods[id].workload].name.to_string(),
            End::Address(ip) => match &cidrs(Family::of(ip), self.meant)[..] {
                [one] if one.prefix_len() == one.max_prefix_len() => ip.to_string(),
                [one] => one.to_string(),
                _ => "addresses".into(),
            },
        };
        let (from, to) = (end(self.explanation.proof.from), end(self.explanation.proof.to));
        let mut base: String = format!("allow-{from}-to-{to}")
            .chars()
            .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' })
            .take(200)
            .collect();
        base.truncate(base.trim_end_matches('-').len());
        let there: Vec<&str> =
            self.prover.candidates(subject).map(|id| &*cluster.policies[id].name.name).collect();
        let taken = |name: &str| there.contains(&name);
        let name = format!("{base}-{}", direction.as_str());
        std::iter::once(name.clone())
            .chain((2..=u32::MAX).map(|n| format!("{name}-{n}")))
            .find(|name| !taken(name))
            .expect("there are more numbers than policies")
    }
}

/// Addresses as blocks: one with exceptions if that is shorter than a list.
fn blocks(family: Family, addresses: &AddressSet) -> Vec<PeerElement> {
    let listed = cidrs(family, addresses);
    let block = |cidr: &IpNet, except: &[IpNet]| {
        let except = except.iter().map(ToString::to_string).collect();
        PeerElement::Block { ip_block: Block { cidr: cidr.to_string(), except } }
    };
    if let [first, .., last] = &listed[..]
        && let Some(around) = around(*first, *last)
    {
        let (start, end) = net_range(around);
        let holes = cidrs(family, &AddressSet::from_range(start, end).difference(addresses));
        if holes.len() + 1 < listed.len() {
            return vec![block(&around, &holes)];
        }
    }
    listed.iter().map(|cidr| block(cidr, &[])).collect()
}

/// The smallest block that holds two.
fn around(first: IpNet, last: IpNet) -> Option<IpNet> {
    std::iter::successors(Some(first), IpNet::supernet).find(|net| net.contains(&last))
}

/// Labels that name the application rather than one rollout or one replica, the usual ones first.
fn stable_labels(cluster: &Cluster, pod: &Pod) -> Vec<(KeyId, ValueId)> {
    const USUAL: [&str; 6] = ["app.kubernetes.io/name", "app", "k8s-app", "name", "component", "tier"];
    const CHANGING: [&str; 11] = [
        "pod-template-hash",
        "pod-template-generation",
        "controller-revision-hash",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
        "controller-uid",
        "job-name",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-name",
        "batch.kubernetes.io/job-completion-index",
        "helm.sh/chart",
    ];
    let mut labels: Vec<(usize, &str, KeyId, ValueId)> = cluster.labels.sets[pod.labels]
        .entries()
        .iter()
        .filter_map(|&(key, value)| match value {
            LabelValue::Known(value) => Some((&*cluster.labels.keys[key], key, value)),
            LabelValue::Present | LabelValue::Unknown => None,
        })
        .filter(|(name, ..)| !CHANGING.contains(name))
        .map(|(name, key, value)| {
            (USUAL.iter().position(|usual| *usual == name).unwrap_or(USUAL.len()), name, key, value)
        })
        .collect();
    labels.sort_unstable();
    labels.into_iter().map(|(_, _, key, value)| (key, value)).collect()
}

/// `ports` as a rule lists them; empty for every port of every protocol.
fn port_elements(ports: &PortSet) -> Vec<PortElement> {
    if ports.is_full() {
        return Vec::new();
    }
    Protocol::ALL
        .into_iter()
        .flat_map(|protocol| ports.of(protocol).ranges().iter().map(move |range| (protocol, *range)))
        .map(|(protocol, (first, last))| {
            let whole = (first, last) == (1, u16::MAX);
            PortElement {
                protocol: protocol.as_str(),
                port: (!whole).then_some(first),
                end_port: (!whole && first != last).then_some(last),
            }
        })
        .collect()
}
