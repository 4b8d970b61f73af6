//! One more policy for a cluster that is built: from a manifest, or from another cluster.

use super::Cluster;
use super::findings::Findings;
use super::namespaces::NAME_LABEL;
use super::objects::{Item, identify};
use super::policies::{cluster_wide, network_policy, nodes};
use crate::diagnostic::Diagnostic;
use crate::ids::NamespaceId;
use crate::k8s::Object;
use crate::label::{Operator, Selector};
use crate::load::Manifest;
use crate::net::Direction;
use crate::policy::network_policy_api::{Kind, Lowered};
use crate::policy::{HostMatch, KubeVersion, NamespaceMatch, Peer, Peers, PodMatch, Policy, Subject};

/// Lowers a NetworkPolicy or a cluster-wide policy for a cluster, as building the cluster would, and says what there is to say about it.
///
/// There is no policy if the API server would not accept it, if something in it is not evaluated, if the namespace is new
/// to the cluster, or if the object is something else. Labels that are new to the cluster are added to its table.
pub(crate) fn lower_policy(
    cluster: &mut Cluster,
    manifest: &Manifest,
    version: KubeVersion,
) -> (Option<Policy>, Vec<Diagnostic>) {
    let mut findings = Findings::new(false, version);
    let lowered = identify(manifest, &mut findings).and_then(|id| {
        match &manifest.object {
            Object::NetworkPolicy(object) => {
                let namespace = cluster.namespace(id.namespace)?;
                network_policy(&Item { id, object }, namespace, &mut cluster.labels, &mut findings)
            }
            Object::Unevaluated(object) => {
                let kind = Kind::find(&object.api_version, &object.kind)?;
                // Peers that are nodes come to their addresses: an edit of policies changes no node.
                let nodes = nodes(cluster);
                let item = Item { id, object };
                match cluster_wide(kind, &item, nodes.as_deref(), &mut cluster.labels, &mut findings) {
                    Lowered::Policy(policy) => Some(*policy),
                    Lowered::Unknown | Lowered::Refused => None,
                }
            }
            _ => None,
        }
    });
    (lowered, findings.finish())
}

/// A policy of another cluster that says here what it says there; `None` if it is about a node that is not here.
pub(crate) fn adopt_policy(cluster: &mut Cluster, other: &Cluster, policy: &Policy) -> Option<Policy> {
    let mut adopted = policy.clone();
    match &mut adopted.subject {
        Subject::Pods(pods) => adopt_pods(cluster, other, pods),
        Subject::Hosts(HostMatch::Any) => {}
        Subject::Hosts(HostMatch::Labels(selector)) => {
            *selector = cluster.labels.adopt(&other.labels, *selector);
        }
        Subject::Hosts(HostMatch::One(node)) => *node = cluster.node(&other.nodes[*node].name)?,
    }
    for direction in Direction::ALL {
        for rule in &mut adopted.rules[direction] {
            let Peers::Of(peers) = &mut rule.peers else { continue };
            for peer in peers {
                if let Peer::Pods(pods) = peer {
                    adopt_pods(cluster, other, pods);
                }
            }
        }
    }
    Some(adopted)
}

fn adopt_pods(cluster: &mut Cluster, other: &Cluster, pods: &mut PodMatch) {
    pods.pods = cluster.labels.adopt(&other.labels, pods.pods);
    let mut adopt = |selector| cluster.labels.adopt(&other.labels, selector);
    pods.namespaces = match pods.namespaces {
        NamespaceMatch::Labels(selector) => NamespaceMatch::Labels(adopt(selector)),
        NamespaceMatch::SameLabels(selector) => NamespaceMatch::SameLabels(adopt(selector)),
        NamespaceMatch::OtherLabels(selector) => NamespaceMatch::OtherLabels(adopt(selector)),
        NamespaceMatch::One(id) => same_namespace(cluster, other, id),
    };
}

/// The namespace of this name; one that is not here is known by the label that would name it.
fn same_namespace(cluster: &mut Cluster, other: &Cluster, id: NamespaceId) -> NamespaceMatch {
    let name = &*other.namespaces[id].name;
    if let Some(id) = cluster.namespace(name) {
        return NamespaceMatch::One(id);
    }
    let labels = &mut cluster.labels;
    let requirement = labels.requirement(NAME_LABEL, Operator::In, std::iter::once(name));
    NamespaceMatch::Labels(labels.selectors.intern_owned(Selector::new(vec![requirement])))
}
