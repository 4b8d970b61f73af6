//! Policies of two inputs, paired by name, and whether they say the same.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::cluster::Cluster;
use crate::diagnostic::ObjectName;
use crate::index::IndexVec;
use crate::label::SelectorId;
use crate::net::Direction;
use crate::policy::{HostMatch, NamespaceMatch, Peer, Peers, PodMatch, Policy, PolicyId, Subject};

crate::define_id! { [pub(super)]
    /// A policy of one of the inputs, or of both.
    PairId,
}

/// The policies of two inputs.
pub(super) struct PolicyPairs<'c> {
    clusters: [&'c Cluster; 2],
    pub(super) all: IndexVec<PairId, [Option<PolicyId>; 2]>,
    of: [IndexVec<PolicyId, PairId>; 2],
    same: RefCell<BTreeMap<PairId, bool>>,
}

impl<'c> PolicyPairs<'c> {
    pub(super) fn new(clusters: [&'c Cluster; 2]) -> Self {
        // What could not be read has no name of its own: several policies may share one.
        let mut by_name: BTreeMap<(&ObjectName, usize), [Option<PolicyId>; 2]> = BTreeMap::new();
        for (input, cluster) in clusters.into_iter().enumerate() {
            for (id, policy) in cluster.policies.enumerate() {
                let nth = (0..cluster.policies.len()).find(|&nth| {
                    by_name.get(&(&policy.name, nth)).is_none_or(|known| known[input].is_none())
                });
                let nth = nth.expect("there are fewer policies than numbers");
                by_name.entry((&policy.name, nth)).or_default()[input] = Some(id);
            }
        }
        let all: IndexVec<PairId, [Option<PolicyId>; 2]> = by_name.into_values().collect();
        let mut of =
            clusters.map(|cluster| cluster.policies.iter().map(|_| None).collect::<IndexVec<PolicyId, _>>());
        for (pair, ids) in all.enumerate() {
            for (of, id) in of.iter_mut().zip(ids) {
                if let Some(id) = id {
                    of[*id] = Some(pair);
                }
            }
        }
        let of = of.map(|of| of.into_iter().map(|pair| pair.expect("every policy is paired")).collect());
        Self { clusters, all, of, same: RefCell::default() }
    }

    /// The pair that a policy of one of the inputs is in.
    pub(super) fn pair(&self, input: usize, policy: PolicyId) -> PairId {
        self.of[input][policy]
    }

    /// Whether both inputs have the policy, and it says the same.
    pub(super) fn is_same(&self, pair: PairId) -> bool {
        let [Some(before), Some(after)] = self.all[pair] else { return false };
        *self.same.borrow_mut().entry(pair).or_insert_with(|| {
            text(self.clusters[0], &self.clusters[0].policies[before])
                == text(self.clusters[1], &self.clusters[1].policies[after])
        })
    }
}

/// What a policy says, in words that do not hang on the numbers of one cluster.
fn text(cluster: &Cluster, policy: &Policy) -> String {
    let mut text =
        format!("{:?} {:?} {} {:?} ", policy.tier, policy.enforced_by, policy.priority, policy.isolates);
    match &policy.subject {
        Subject::Pods(selectors) => pods(cluster, selectors, &mut text),
        Subject::Hosts(HostMatch::Any) => text.push_str(" on hosts"),
        Subject::Hosts(HostMatch::One(node)) => {
            write!(text, " on {}", cluster.nodes[*node].name).expect("writing to a string cannot fail");
        }
        Subject::Hosts(HostMatch::Labels(id)) => {
            text.push_str(" on");
            selector(cluster, *id, &mut text);
        }
    }
    for direction in Direction::ALL {
        text.push_str(direction.as_str());
        for rule in &policy.rules[direction] {
            write!(text, "\n{} {:?} {:?}", rule.index, rule.action, rule.ports)
                .expect("writing to a string cannot fail");
            let Peers::Of(peers) = &rule.peers else { continue };
            text.push_str(" of");
            for peer in peers {
                match peer {
                    Peer::Pods(selectors) => pods(cluster, selectors, &mut text),
                    Peer::IpBlock(block) => {
                        write!(text, " {block:?}").expect("writing to a string cannot fail");
                    }
                }
            }
        }
    }
    text
}

fn pods(cluster: &Cluster, pods: &PodMatch, text: &mut String) {
    match pods.namespaces {
        NamespaceMatch::One(id) => {
            write!(text, " in {}", cluster.namespaces[id].name).expect("writing to a string cannot fail");
        }
        NamespaceMatch::Labels(id) => {
            text.push_str(" in");
            selector(cluster, id, text);
        }
    }
    text.push_str(" with");
    selector(cluster, pods.pods, text);
    text.push_str(if pods.perhaps { " perhaps" } else { "" });
}

fn selector(cluster: &Cluster, id: SelectorId, text: &mut String) {
    let labels = &cluster.labels;
    // Their order hangs on numbers.
    let mut requirements: Vec<String> = labels.selectors[id]
        .requirements()
        .iter()
        .map(|requirement| {
            let mut values: Vec<&str> =
                requirement.values.iter().map(|&value| &*labels.values[value]).collect();
            values.sort_unstable();
            format!("{:?} {:?} {values:?}", &*labels.keys[requirement.key], requirement.operator)
        })
        .collect();
    requirements.sort_unstable();
    write!(text, " {requirements:?}").expect("writing to a string cannot fail");
}
