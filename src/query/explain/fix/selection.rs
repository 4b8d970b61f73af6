//! Label selectors for pods: as few other pods as labels allow, and never a pod that must stay out.

use std::collections::BTreeSet;

use crate::cluster::{Cluster, NamespaceId, Pod, PodId};
use crate::index::Id;
use crate::label::{
    KeyId, LabelSet, LabelValue, Operator, Requirement, Selector, SelectorId, Truth, ValueId,
};

/// The labels that name an application, the usual ones first.
const USUAL: [&str; 6] = ["app.kubernetes.io/name", "app", "k8s-app", "name", "component", "tier"];

/// Labels that come with one rollout or one replica, and go with it.
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

/// The pods of one namespace that labels can tell apart.
pub(super) struct Chooser<'a> {
    cluster: &'a Cluster,
    /// All pods of the namespace but those on the host network, which no selector matches.
    pods: Vec<PodId>,
    /// The pods that must not be selected.
    avoided: BTreeSet<PodId>,
}

/// Known labels of a pod.
type Labels = Vec<(KeyId, ValueId)>;

/// A selector, and what it selects beside the pods that are meant.
struct Candidate {
    selector: Selector,
    others: u64,
}

impl<'a> Chooser<'a> {
    pub(super) fn new(
        cluster: &'a Cluster,
        namespace: NamespaceId,
        is_avoided: impl Fn(PodId) -> bool,
    ) -> Self {
        let range = &cluster.namespaces[namespace].pods;
        let pods: Vec<PodId> = (range.start.index()..range.end.index())
            .map(PodId::from_index)
            .filter(|id| !cluster.pods[*id].host_network)
            .collect();
        let avoided = pods.iter().copied().filter(|id| is_avoided(*id)).collect();
        Self { cluster, pods, avoided }
    }

    /// Selectors that together surely select all pods of `meant`: one if it is exact, else one for each set of labels.
    /// `within` are selectors that select nothing which must stay out. `None` if no labels keep those out.
    pub(super) fn choose(&self, meant: &BTreeSet<PodId>, within: &[SelectorId]) -> Option<Vec<Selector>> {
        let whole = self.best(meant, within);
        if let Some(Candidate { selector, others: 0 }) = whole {
            return Some(vec![selector]);
        }
        let mut alike: Vec<(Labels, BTreeSet<PodId>)> = Vec::new();
        for &id in meant {
            let labels = stable_labels(self.cluster, &self.cluster.pods[id]);
            match alike.iter_mut().find(|(known, _)| *known == labels) {
                Some((_, pods)) => _ = pods.insert(id),
                None => alike.push((labels, BTreeSet::from([id]))),
            }
        }
        if alike.len() == 1 {
            return whole.map(|candidate| vec![candidate.selector]);
        }
        let apart: Option<Vec<Candidate>> = alike.iter().map(|(_, pods)| self.best(pods, within)).collect();
        match (whole, apart) {
            (Some(whole), Some(apart)) if whole.others <= apart.iter().map(|part| part.others).sum() => {
                Some(vec![whole.selector])
            }
            (_, Some(apart)) => {
                let mut selectors: Vec<Selector> = apart.into_iter().map(|part| part.selector).collect();
                selectors.dedup();
                Some(selectors)
            }
            (whole, None) => whole.map(|candidate| vec![candidate.selector]),
        }
    }

    /// The selector with the fewest others, and of these the shortest and most usual.
    fn best(&self, meant: &BTreeSet<PodId>, within: &[SelectorId]) -> Option<Candidate> {
        let common = self.common(meant);
        let mut found: Vec<Candidate> = Vec::new();
        let mut consider = |selector: Selector| {
            let candidate = self.candidate(selector, meant);
            let is_exact = candidate.as_ref().is_some_and(|candidate| candidate.others == 0);
            found.extend(candidate);
            is_exact
        };
        let is_one_kind = common.iter().all(|requirement| requirement.values.len() == 1);
        if (common.is_empty() || !is_one_kind) && consider(Selector::default()) {
            return found.pop();
        }
        for requirement in &common {
            if consider(Selector::new(vec![requirement.clone()])) {
                return found.pop();
            }
        }
        let all = Selector::new(common);
        if consider(all.clone()) || consider(self.without_strangers(&all, meant)) {
            return found.pop();
        }
        for &scope in within {
            let own = self.cluster.labels.selectors[scope].requirements();
            let both = all.requirements().iter().chain(own).cloned().collect();
            let both = Selector::new(both);
            if consider(both.clone()) || consider(self.without_strangers(&both, meant)) {
                return found.pop();
            }
        }
        found.into_iter().min_by_key(|found| (found.others, found.selector.requirements().len()))
    }

    /// `None` if the selector does not surely select what is meant, or may select what must stay out.
    fn candidate(&self, selector: Selector, meant: &BTreeSet<PodId>) -> Option<Candidate> {
        let matches = |id: PodId| selector.matches(self.labels(id));
        if !meant.iter().all(|id| matches(*id) == Truth::Yes) {
            return None;
        }
        let mut others = 0;
        for &id in self.pods.iter().filter(|id| !meant.contains(id)) {
            if matches(id).possible() {
                if self.avoided.contains(&id) {
                    return None;
                }
                others += u64::from(self.cluster.pods[id].count);
            }
        }
        Some(Candidate { selector, others })
    }

    /// A selector that asks, too, that keys be absent which only others have, as far as that leaves others out.
    fn without_strangers(&self, selector: &Selector, meant: &BTreeSet<PodId>) -> Selector {
        let mut narrowed = selector.clone();
        loop {
            let strangers: Vec<PodId> = (self.pods.iter().copied())
                .filter(|id| !meant.contains(id) && narrowed.matches(self.labels(*id)).possible())
                .collect();
            let keys: BTreeSet<KeyId> = strangers
                .iter()
                .flat_map(|id| self.labels(*id).entries())
                .filter(|(_, value)| *value != LabelValue::Unknown)
                .map(|(key, _)| *key)
                .filter(|key| meant.iter().all(|id| self.labels(*id).get(*key).is_none()))
                .collect();
            let leaves_out = |key: KeyId| strangers.iter().filter(|id| self.has(**id, key)).count();
            let name = |key: KeyId| &*self.cluster.labels.keys[key];
            let is_changing = |key: KeyId| CHANGING.contains(&name(key));
            let best = keys
                .into_iter()
                .max_by_key(|key| (leaves_out(*key), !is_changing(*key), std::cmp::Reverse(name(*key))));
            let Some(key) = best else { return narrowed };
            let absent = Requirement {
                key,
                domain: self.cluster.labels.known_domain(&self.cluster.labels.keys[key]),
                operator: Operator::DoesNotExist,
                values: Box::default(),
            };
            narrowed = Selector::new(narrowed.requirements().iter().cloned().chain([absent]).collect());
        }
    }

    fn has(&self, id: PodId, key: KeyId) -> bool {
        matches!(self.labels(id).get(key), Some(LabelValue::Known(_) | LabelValue::Present))
    }

    /// For each lasting key that all of these pods have, the values they have; the usual keys first.
    fn common(&self, meant: &BTreeSet<PodId>) -> Vec<Requirement> {
        let Some(first) = meant.first() else { return Vec::new() };
        let keys = stable_labels(self.cluster, &self.cluster.pods[*first]);
        let values = |key: KeyId| -> Option<BTreeSet<ValueId>> {
            meant
                .iter()
                .map(|id| match self.labels(*id).get(key) {
                    Some(LabelValue::Known(value)) => Some(value),
                    _ => None,
                })
                .collect()
        };
        keys.into_iter()
            .filter_map(|(key, _)| {
                let values = values(key)?.into_iter().collect();
                Some(Requirement {
                    key,
                    domain: self.cluster.labels.known_domain(&self.cluster.labels.keys[key]),
                    operator: Operator::In,
                    values,
                })
            })
            .collect()
    }

    fn labels(&self, id: PodId) -> &'a LabelSet {
        &self.cluster.labels.sets[self.cluster.pods[id].labels]
    }
}

/// Labels that name the application rather than one rollout or one replica, the usual ones first.
fn stable_labels(cluster: &Cluster, pod: &Pod) -> Labels {
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
