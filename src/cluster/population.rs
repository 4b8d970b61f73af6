//! Pods and workloads before they have ids, and the order in which ids are handed out.

use std::cmp::Ordering;

use super::{Addresses, Cluster, NamedPort, NamespaceId, NodeId, PodId, PodName, Workload, WorkloadId};
use crate::diagnostic::Origin;
use crate::index::Id;
use crate::label::LabelSetId;

/// A group of pods before ids are handed out.
#[derive(Clone, Debug)]
pub(super) struct PodDraft {
    pub(super) namespace: NamespaceId,
    /// Place in [`Population::workloads`].
    pub(super) workload: usize,
    pub(super) name: PodName,
    pub(super) count: u32,
    pub(super) labels: LabelSetId,
    pub(super) ports: Box<[NamedPort]>,
    pub(super) addresses: Addresses,
    pub(super) host_network: bool,
    pub(super) node: Option<NodeId>,
    pub(super) bare: bool,
    pub(super) origin: Origin,
}

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
    pub(super) pods: Vec<PodDraft>,
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
        pods.sort_by(|a, b| a.namespace.cmp(&b.namespace).then_with(|| compare_names(&a.name, &b.name)));
        for draft in pods {
            let (namespace, workload) = (draft.namespace, place[draft.workload]);
            let id = cluster.pods.push(super::Pod {
                namespace,
                workload,
                name: draft.name,
                count: draft.count,
                labels: draft.labels,
                ports: draft.ports,
                addresses: draft.addresses,
                host_network: draft.host_network,
                node: draft.node,
                bare: draft.bare,
                origin: draft.origin,
            });
            cluster.workloads[workload].pods.push(id);
            let range = &mut cluster.namespaces[namespace].pods;
            let end = PodId::from_index(id.index() + 1);
            *range = if range.is_empty() { id..end } else { range.start..end };
        }
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
    let ((a_text, a_first), (b_text, b_first)) = (parts(a), parts(b));
    a_text.cmp(b_text).then(a_first.cmp(&b_first))
}
