//! Policies of two inputs, paired: by name, and where one was renamed, by what it says.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::cluster::Cluster;
use crate::diagnostic::ObjectName;
use crate::index::{Id, IndexVec};
use crate::label::SelectorId;
use crate::net::Direction;
use crate::policy::{HostMatch, NamespaceMatch, Peer, Peers, PodMatch, Policy, PolicyId, Subject};

crate::define_id! { [pub(super)]
    /// A policy of one of the inputs, or of both.
    PairId,
}

/// The policies of two inputs.
pub(super) struct PolicyPairs {
    pub(super) all: IndexVec<PairId, Pair>,
    /// The pair of each policy.
    of: [IndexVec<PolicyId, PairId>; 2],
}

/// A policy of two inputs.
pub(super) struct Pair {
    /// Its id in each input.
    pub(super) ids: [Option<PolicyId>; 2],
    /// Set if both have it, and it says the same.
    pub(super) is_same: bool,
}

impl PolicyPairs {
    pub(super) fn new(clusters: [&Cluster; 2]) -> Self {
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
        let mut ids: Vec<[Option<PolicyId>; 2]> = by_name.into_values().collect();
        pair_renamed(&mut ids, clusters);
        let said = |input: usize, id: PolicyId| text(clusters[input], &clusters[input].policies[id]);
        let pair = |ids: [Option<PolicyId>; 2]| {
            let is_same = matches!(ids, [Some(before), Some(after)] if said(0, before) == said(1, after));
            Pair { ids, is_same }
        };
        let all: IndexVec<PairId, Pair> = ids.into_iter().map(pair).collect();
        let mut of = clusters.map(|cluster| {
            let nobody = PairId::from_index(0);
            cluster.policies.iter().map(|_| nobody).collect::<IndexVec<PolicyId, PairId>>()
        });
        for (pair, Pair { ids, .. }) in all.enumerate() {
            for (of, id) in of.iter_mut().zip(ids) {
                if let Some(id) = id {
                    of[*id] = pair;
                }
            }
        }
        Self { all, of }
    }

    /// The pair that a policy of one of the inputs is in.
    pub(super) fn pair(&self, input: usize, policy: PolicyId) -> PairId {
        self.of[input][policy]
    }

    /// The policies that do not say the same in both inputs.
    pub(super) fn edited(&self) -> impl Iterator<Item = PairId> {
        self.all.enumerate().filter(|(_, pair)| !pair.is_same).map(|(id, _)| id)
    }
}

/// Joins what went to what came with the same kind, namespace and words.
fn pair_renamed(ids: &mut Vec<[Option<PolicyId>; 2]>, clusters: [&Cluster; 2]) {
    let is_gone = |ids: &[Option<PolicyId>; 2]| matches!(ids, [Some(_), None]);
    let is_new = |ids: &[Option<PolicyId>; 2]| matches!(ids, [None, Some(_)]);
    if !ids.iter().any(is_gone) || !ids.iter().any(is_new) {
        return;
    }
    let key = |input: usize, id: PolicyId| {
        let policy = &clusters[input].policies[id];
        (policy.name.kind.clone(), policy.name.namespace.clone(), text(clusters[input], policy))
    };
    let mut gone: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (place, ids) in ids.iter().enumerate().rev() {
        if let [Some(before), None] = ids {
            gone.entry(key(0, *before)).or_default().push(place);
        }
    }
    let mut taken = vec![false; ids.len()];
    for place in 0..ids.len() {
        if let [None, Some(after)] = ids[place]
            && let Some(old) = gone.get_mut(&key(1, after)).and_then(Vec::pop)
        {
            ids[place][0] = ids[old][0];
            taken[old] = true;
        }
    }
    let mut taken = taken.into_iter();
    ids.retain(|_| taken.next() == Some(false));
}

/// The content of a policy as text, in words that do not depend on the ids of one cluster.
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
                    Peer::DomainNames(names) => {
                        write!(text, " {names:?}").expect("writing to a string cannot fail");
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
        NamespaceMatch::SameLabels(id) => {
            text.push_str(" in the same");
            selector(cluster, id, text);
        }
        NamespaceMatch::OtherLabels(id) => {
            text.push_str(" in other");
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
