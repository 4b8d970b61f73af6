//! The properties of pods that policies can see, and whether they are the same in two inputs.

use rustc_hash::{FxHashMap, FxHashSet};

use super::policies::PolicyPairs;
use crate::cluster::{Cluster, Node, NodeId, PodId};
use crate::compile::Program;
use crate::diff;
use crate::label::{KeyId, LabelSetId, LabelValue, SelectorId};
use crate::net::Direction;
use crate::policy::{HostMatch, Peer, Peers, PodMatch, Policy, Subject};

/// The properties of pods that some policies can see.
pub(super) struct Sight<'p> {
    inputs: [&'p Program; 2],
    /// The label keys that they ask about, in each input.
    keys: Vec<(&'p str, [Option<KeyId>; 2])>,
    names_ports: bool,
    has_blocks: bool,
    is_blind: bool,
    /// Cached answers: true if the policies see the same in two label sets, and in two nodes.
    same_labels: FxHashMap<[LabelSetId; 2], bool>,
    same_nodes: FxHashMap<[Option<NodeId>; 2], bool>,
}

impl<'p> Sight<'p> {
    /// Collects the properties that the policies of both inputs see.
    pub(super) fn of_all(inputs: [&'p Program; 2]) -> Self {
        let policies = inputs.map(|input| &*input.cluster);
        let policies = policies
            .into_iter()
            .flat_map(|cluster| cluster.policies.iter().map(move |policy| (cluster, policy)));
        Self::new(inputs, policies)
    }

    /// Collects the properties that edited policies see, as they were and as they are.
    pub(super) fn of_edited(inputs: [&'p Program; 2], policies: &PolicyPairs) -> Self {
        let edited = policies.edited().flat_map(|pair| policies.all[pair].ids.into_iter().enumerate());
        let edited = edited.filter_map(|(input, id)| {
            let cluster = &*inputs[input].cluster;
            Some((cluster, &cluster.policies[id?]))
        });
        Self::new(inputs, edited)
    }

    fn new(inputs: [&'p Program; 2], policies: impl Iterator<Item = (&'p Cluster, &'p Policy)>) -> Self {
        let mut sight = Self {
            inputs,
            keys: Vec::new(),
            names_ports: false,
            has_blocks: false,
            is_blind: true,
            same_labels: FxHashMap::default(),
            same_nodes: FxHashMap::default(),
        };
        let mut keys: FxHashSet<&str> = FxHashSet::default();
        for (cluster, policy) in policies {
            sight.take_in(policy, cluster, &mut keys);
        }
        let ids = |key: &str| inputs.map(|input| input.cluster.labels.keys.get(key));
        sight.keys = keys.into_iter().map(|key| (key, ids(key))).collect();
        sight
    }

    fn take_in(&mut self, policy: &Policy, cluster: &'p Cluster, keys: &mut FxHashSet<&'p str>) {
        self.is_blind = false;
        let mut selectors: Vec<SelectorId> = Vec::new();
        let mut pods: Vec<&PodMatch> = Vec::new();
        match &policy.subject {
            Subject::Pods(subject) => pods.push(subject),
            Subject::Hosts(HostMatch::Labels(id)) => selectors.push(*id),
            Subject::Hosts(HostMatch::Any | HostMatch::One(_)) => {}
        }
        for rule in Direction::ALL.into_iter().flat_map(|direction| &policy.rules[direction]) {
            self.names_ports |= rule.ports.has_names();
            let Peers::Of(peers) = &rule.peers else { continue };
            for peer in peers {
                match peer {
                    Peer::Pods(peer) => pods.push(peer),
                    Peer::IpBlock(_) => self.has_blocks = true,
                    Peer::DomainNames(_) => {}
                }
            }
        }
        for PodMatch { namespaces, pods, .. } in pods {
            selectors.push(*pods);
            selectors.extend(namespaces.selector());
        }
        let labels = &cluster.labels;
        let requirements = selectors.into_iter().flat_map(|id| labels.selectors[id].requirements());
        keys.extend(requirements.map(|requirement| &*labels.keys[requirement.key]));
    }

    /// True if the policies see a difference in some pod that both inputs have.
    pub(super) fn sees_a_change(&mut self, pairwise: &diff::Difference) -> bool {
        let [was, is] = self.inputs.map(|input| &input.cluster.unknown_addresses);
        let may_lie_elsewhere = self.has_blocks && was != is;
        !self.is_blind
            && (may_lie_elsewhere
                || pairwise
                    .all(&self.inputs[1].cluster)
                    .any(|matched| !self.is_alike([matched.before.0, matched.after.0])))
    }

    /// True if all that the policies see of a pod is the same in both inputs.
    fn is_alike(&mut self, pods: [PodId; 2]) -> bool {
        self.changed(pods) == Changed::default()
    }

    /// Finds the properties of a pod that differ between the inputs.
    pub(super) fn changed(&mut self, pods: [PodId; 2]) -> Changed {
        let clusters = self.inputs.map(|input| &*input.cluster);
        let [was, is] = [0, 1].map(|input| &clusters[input].pods[pods[input]]);
        let namespaces =
            [(0, was), (1, is)].map(|(input, pod)| clusters[input].namespaces[pod.namespace].labels);
        let is_same = was.bare == is.bare
            && was.host_network == is.host_network
            && (!self.names_ports || was.named_ports() == is.named_ports())
            && (!self.has_blocks || was.addresses == is.addresses)
            && self.are_labels_alike([was.labels, is.labels])
            && self.are_nodes_alike([was.node, is.node]);
        Changed { pod: !is_same, namespace: !self.are_labels_alike(namespaces) }
    }

    fn are_labels_alike(&mut self, sets: [LabelSetId; 2]) -> bool {
        let Self { inputs, keys, same_labels, .. } = self;
        *same_labels.entry(sets).or_insert_with(|| {
            let value = |input: usize, key: &str, id: Option<KeyId>| {
                let labels = &inputs[input].cluster.labels;
                let (set, domain) = (&labels.sets[sets[input]], labels.known_domain(key));
                let may_be_there =
                    || !set.is_complete() || domain.is_some_and(|domain| set.reserved().contains(&domain));
                let value = match id {
                    Some(id) => set.get_in(domain, id),
                    // Nothing in this input has the key.
                    None => may_be_there().then_some(LabelValue::Unknown),
                };
                value.map(|value| match value {
                    LabelValue::Known(value) => Seen::Value(&labels.values[value]),
                    LabelValue::Present => Seen::Present,
                    LabelValue::Unknown => Seen::Unknown,
                })
            };
            keys.iter().all(|&(key, [was, is])| value(0, key, was) == value(1, key, is))
        })
    }

    fn are_nodes_alike(&mut self, ids: [Option<NodeId>; 2]) -> bool {
        if let Some(&known) = self.same_nodes.get(&ids) {
            return known;
        }
        let clusters = self.inputs.map(|input| &*input.cluster);
        let node = |input: usize| -> Option<&Node> { ids[input].map(|id| &clusters[input].nodes[id]) };
        let is_alike = match [node(0), node(1)] {
            [Some(was), Some(is)] => {
                was.name == is.name
                    && was.addresses == is.addresses
                    && self.are_labels_alike([was.labels, is.labels])
            }
            [was, is] => was == is,
        };
        self.same_nodes.insert(ids, is_alike);
        is_alike
    }
}

/// The properties of a pod that differ between the inputs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Changed {
    /// Its labels, its ports, its addresses, or where it runs.
    pub(super) pod: bool,
    /// The labels of its namespace.
    pub(super) namespace: bool,
}

/// The value of a label as a selector sees it.
#[derive(PartialEq, Eq)]
enum Seen<'l> {
    Value(&'l str),
    Present,
    Unknown,
}
