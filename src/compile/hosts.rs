//! Policies whose subjects are nodes, and so the hostNetwork pods on them.

use rustc_hash::FxHashMap;

use super::CompiledPolicy;
use crate::cluster::{Cluster, NodeId, Pod};
use crate::index::IndexVec;
use crate::label::Truth;
use crate::policy::{HostMatch, PolicyId, Subject};

/// The policies that select a node, ascending, and how surely.
pub(super) type HostPolicies = Box<[(PolicyId, Truth)]>;

/// The policies in force whose subjects are nodes.
pub(super) struct Hosts<'c> {
    cluster: &'c Cluster,
    policies: Vec<(PolicyId, HostMatch)>,
    /// The policies found so far, by node; `None` for pods whose node is not known.
    known: FxHashMap<Option<NodeId>, HostPolicies>,
}

impl<'c> Hosts<'c> {
    pub(super) fn new(cluster: &'c Cluster, policies: &IndexVec<PolicyId, Option<CompiledPolicy>>) -> Self {
        let in_force = cluster.policies.enumerate().filter(|(id, _)| policies[*id].is_some());
        let policies = in_force.filter_map(|(id, policy)| match policy.subject {
            Subject::Hosts(hosts) => Some((id, hosts)),
            Subject::Pods(_) => None,
        });
        Self { cluster, policies: policies.collect(), known: FxHashMap::default() }
    }

    /// The policies that select the node of a hostNetwork pod; none for any other pod.
    pub(super) fn of(&mut self, pod: &Pod) -> HostPolicies {
        if !pod.host_network || self.policies.is_empty() {
            return Box::default();
        }
        let Self { cluster, policies, known } = self;
        let find = || {
            let selecting = policies.iter().map(|(id, hosts)| (*id, selects_host(cluster, *hosts, pod.node)));
            selecting.filter(|(_, truth)| truth.possible()).collect()
        };
        known.entry(pod.node).or_insert_with(find).clone()
    }
}

/// Returns how surely a subject made of nodes includes one; `None` is a node that the input does not tell.
pub(crate) fn selects_host(cluster: &Cluster, hosts: HostMatch, node: Option<NodeId>) -> Truth {
    match (hosts, node) {
        (HostMatch::Any, _) | (HostMatch::One(_), None) => Truth::Unknown,
        (HostMatch::One(one), Some(node)) => Truth::from_bool(one == node),
        (HostMatch::Labels(selector), node) => {
            let (selector, labels) = (&cluster.labels.selectors[selector], &cluster.labels);
            match node {
                Some(node) => selector.matches(&labels.sets[cluster.nodes[node].labels]),
                None if selector.is_everything() => Truth::Yes,
                None => Truth::Unknown,
            }
        }
    }
}
