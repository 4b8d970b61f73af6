//! Pods and workloads before they have ids, and the order in which ids are handed out.

use std::cmp::Ordering;

use super::{Cluster, NamespaceId, Pod, PodId, PodName, Workload, WorkloadId};
use crate::diagnostic::Origin;
use crate::index::Id;
use crate::label::LabelSetId;

/// A workload before ids are handed out.
#[derive(Clone, Debug)]
pub(super) struct WorkloadDraft {
    pub(super) namespace: NamespaceId,
    pub(super) name: Box<str>,
    pub(super) kind: Box<str>,
    pub(super) labels: LabelSetId,
    pub(super) origin: Origin,
}

/// The pods of the cluster.
#[derive(Debug, Default)]
pub(super) struct Population {
    /// Pods; until ids are handed out, [`Pod::workload`] is a place in `workloads`.
    pub(super) pods: Vec<Pod>,
    pub(super) workloads: Vec<WorkloadDraft>,
    pub(super) finished: Vec<(NamespaceId, Box<str>)>,
    pub(super) empty: Vec<(NamespaceId, Box<str>, Box<str>)>,
}

impl Population {
    /// Hands out ids: pods by namespace and name, workloads by namespace, name and kind.
    ///
    /// The order of names is that of their text, except that the numbers of unnamed pods are compared as numbers.
    pub(super) fn settle(self, cluster: &mut Cluster) {
        let Self { mut pods, workloads, finished, empty } = self;
        let mut order: Vec<usize> = (0..workloads.len()).collect();
        order.sort_by(|&a, &b| {
            let key = |i: usize| (workloads[i].namespace, &workloads[i].name, &workloads[i].kind);
            key(a).cmp(&key(b))
        });
        let mut place = vec![WorkloadId::from_index(0); workloads.len()];
        for (position, &draft) in order.iter().enumerate() {
            place[draft] = WorkloadId::from_index(position);
        }
        let mut drafts: Vec<Option<WorkloadDraft>> = workloads.into_iter().map(Some).collect();
        cluster.workloads = order
            .into_iter()
            .filter_map(|i| drafts[i].take())
            .map(|draft| Workload {
                namespace: draft.namespace,
                name: draft.name,
                kind: draft.kind,
                labels: draft.labels,
                origin: draft.origin,
                pods: Vec::new(),
            })
            .collect();
        // The input mostly has them by namespace.
        pods.sort_by_key(|pod| pod.namespace);
        for pods in pods.chunk_by_mut(|a, b| a.namespace == b.namespace) {
            pods.sort_by(|a, b| compare_names(&a.name, &b.name));
        }
        for (i, pod) in pods.iter_mut().enumerate() {
            pod.workload = place[pod.workload.index()];
            cluster.workloads[pod.workload].pods.push(PodId::from_index(i));
            let range = &mut cluster.namespaces[pod.namespace].pods;
            let start = if range.is_empty() { PodId::from_index(i) } else { range.start };
            *range = start..PodId::from_index(i + 1);
        }
        cluster.pods = pods.into();
        cluster.finished = finished;
        cluster.empty_workloads = empty;
    }
}

/// `web-1` before `web[2]` before `web[10]`: the bracket cannot stand in a name that a manifest gives.
fn compare_names(a: &PodName, b: &PodName) -> Ordering {
    fn parts(name: &PodName) -> (impl Iterator<Item = u8>, u32) {
        let (text, bracket, first) = match name {
            PodName::Exact(name) => (name, None, 0),
            PodName::Replicas { base, first } => (base, Some(b'['), *first),
        };
        (text.bytes().chain(bracket), first)
    }
    if let (PodName::Exact(a), PodName::Exact(b)) = (a, b) {
        return a.cmp(b);
    }
    let ((a_text, a_first), (b_text, b_first)) = (parts(a), parts(b));
    a_text.cmp(b_text).then(a_first.cmp(&b_first))
}
