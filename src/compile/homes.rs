//! Homes: namespaces whose pods mean the same peers by `sameLabels` and `notSameLabels`.
//!
//! Such a peer depends on the labels that the namespace of the subject has. So a rule that has one is compiled to a peer list
//! for each home, and a signature with such a rule knows the home of its subjects.

use rustc_hash::FxHashMap;

use crate::cluster::{Cluster, NamespaceId};
use crate::index::{Id, IndexVec};
use crate::label::{LabelValue, SelectorId, Truth};
use crate::net::Direction;
use crate::policy::{NamespaceMatch, Peer, Peers, PodMatch, Policy};
use crate::set::Interner;

crate::define_id! {
    /// Namespaces that peers which depend on the namespace of the subject do not tell apart.
    HomeId,
}

/// Pods of the namespaces that compare in some way with a namespace.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Near {
    /// The comparison, and the labels of the pods.
    pub(super) pods: PodMatch,
    /// The namespace, or one with the same labels of those that are compared.
    pub(super) like: NamespaceId,
}

/// The homes of a cluster, as far as its policies ask for them.
#[derive(Debug, Default)]
pub(super) struct Homes {
    /// The selectors of the labels that are compared, ascending.
    compared: Vec<SelectorId>,
    /// Of each home, for each of these selectors: the first namespace that the selector does not tell from it; `None` if it
    /// lacks a key.
    all: Interner<HomeId, Box<[Option<NamespaceId>]>>,
    of: IndexVec<NamespaceId, HomeId>,
}

impl Homes {
    pub(super) fn new<'p>(cluster: &Cluster, policies: impl Iterator<Item = &'p Policy>) -> Self {
        let mut compared: Vec<SelectorId> = policies.flat_map(relative).collect();
        compared.sort_unstable();
        compared.dedup();
        let mut all = Interner::new();
        if compared.is_empty() {
            return Self { compared, all, of: IndexVec::new() };
        }
        let mut first: Vec<FxHashMap<Vec<LabelValue>, NamespaceId>> =
            vec![FxHashMap::default(); compared.len()];
        let of = cluster.namespaces.enumerate().map(|(id, namespace)| {
            let labels = &cluster.labels.sets[namespace.labels];
            let like = compared.iter().zip(&mut first).map(|(&selector, first)| {
                let keys = cluster.labels.selectors[selector].requirements().iter();
                let values: Option<Vec<LabelValue>> =
                    keys.map(|wanted| labels.get_in(wanted.domain, wanted.key)).collect();
                let values = values?;
                let are_known = values.iter().all(|value| matches!(value, LabelValue::Known(_)));
                // Of a namespace whose labels are not known only itself surely has the same.
                Some(if are_known { *first.entry(values).or_insert(id) } else { id })
            });
            all.intern_owned(like.collect())
        });
        let of = of.collect();
        Self { compared, all, of }
    }

    /// The homes.
    pub(super) fn ids(&self) -> impl Iterator<Item = HomeId> + use<> {
        (0..self.all.len()).map(HomeId::from_index)
    }

    /// The home of the pods of a namespace.
    pub(super) fn of(&self, namespace: NamespaceId) -> HomeId {
        self.of[namespace]
    }

    /// The pods that a peer means for the subjects of a home; `None` if it surely means none.
    pub(super) fn near(&self, home: HomeId, peer: &PodMatch) -> Option<Near> {
        let selector = peer.namespaces.selector()?;
        let place = self.compared.binary_search(&selector).expect("the selectors of all policies in force");
        Some(Near { pods: *peer, like: self.all[home][place]? })
    }
}

/// Returns how surely a namespace is one of those that a peer means, for a subject in the namespace `subject`.
pub(crate) fn selects_namespace(
    cluster: &Cluster,
    meant: NamespaceMatch,
    namespace: NamespaceId,
    subject: NamespaceId,
) -> Truth {
    let labels = |id: NamespaceId| &cluster.labels.sets[cluster.namespaces[id].labels];
    let selector = |id| &cluster.labels.selectors[id];
    match meant {
        NamespaceMatch::One(id) => Truth::from_bool(id == namespace),
        NamespaceMatch::Labels(id) => selector(id).matches(labels(namespace)),
        // Whatever the values are, a namespace has its own.
        NamespaceMatch::SameLabels(id) if namespace == subject => selector(id).matches(labels(namespace)),
        NamespaceMatch::OtherLabels(_) if namespace == subject => Truth::No,
        NamespaceMatch::SameLabels(id) => selector(id).same_values(labels(subject), labels(namespace)),
        NamespaceMatch::OtherLabels(id) => selector(id).other_values(labels(subject), labels(namespace)),
    }
}

/// The selectors of the labels that the peers of a policy compare with those of the subject's namespace.
fn relative(policy: &Policy) -> impl Iterator<Item = SelectorId> {
    let rules = Direction::ALL.into_iter().flat_map(|direction| &policy.rules[direction]);
    let peers = rules.flat_map(|rule| match &rule.peers {
        Peers::Any => &[][..],
        Peers::Of(peers) => peers,
    });
    peers.filter_map(|peer| match peer {
        Peer::Pods(pods) if pods.namespaces.is_relative() => pods.namespaces.selector(),
        _ => None,
    })
}
