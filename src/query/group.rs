//! The rows and columns of a matrix: pods grouped by what the view asks for, and addresses.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::matrix::{By, Endpoint, Ends};
use crate::cluster::{Cluster, PodId};
use crate::compile::{ClassId, Program};
use crate::index::Id;

/// Pods that stand together at one level of the matrix.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) endpoint: Endpoint,
    /// The sort key of output: the text of the endpoint as rows print it.
    pub(super) key: String,
    /// Pod groups of the cluster, each with the numbers of the pods meant; ascending, never empty.
    pub(crate) pods: Vec<(PodId, Range<u32>)>,
    /// Number of those pods in each class; ascending.
    pub(crate) classes: Vec<(ClassId, u64)>,
}

impl Group {
    pub(super) fn new(
        program: &Program,
        endpoint: Endpoint,
        key: String,
        pods: Vec<(PodId, Range<u32>)>,
    ) -> Self {
        let mut classes: Vec<(ClassId, u64)> = pods
            .iter()
            .map(|(pod, range)| (program.class_of[*pod], u64::from(range.end - range.start)))
            .collect();
        classes.sort_unstable();
        classes.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                earlier.1 += later.1;
            }
            same
        });
        Self { endpoint, key, pods, classes }
    }

    /// True if it is one pod.
    pub(super) fn is_one_pod(&self) -> bool {
        self.classes.len() == 1 && self.classes[0].1 == 1
    }

    /// Counts the pods that are in both groups, by class.
    pub(super) fn common(&self, program: &Program, other: &Self) -> FxHashMap<ClassId, u64> {
        let mut common: FxHashMap<ClassId, u64> = FxHashMap::default();
        for (pod, range) in &self.pods {
            let from = other.pods.partition_point(|(id, _)| id < pod);
            for (_, theirs) in other.pods[from..].iter().take_while(|(id, _)| id == pod) {
                let (start, end) = (range.start.max(theirs.start), range.end.min(theirs.end));
                if start < end {
                    *common.entry(program.class_of[*pod]).or_default() += u64::from(end - start);
                }
            }
        }
        common
    }
}

/// The most replicas of one kind that are listed one by one. They are alike: more of them would say nothing new, and a
/// manifest can ask for two billion.
const MOST_REPLICAS: u32 = 1_000;

/// The most pods that replicas make in a listing, of all workloads together.
const MOST_LISTED: u64 = 250_000;

/// Finds the most replicas of one kind that listings by pod show, the same for all workloads of these clusters.
pub(crate) fn most_replicas<'c>(clusters: impl IntoIterator<Item = &'c Cluster>) -> u32 {
    let clusters: Vec<&Cluster> = clusters.into_iter().collect();
    let listed = |cluster: &Cluster, most: u32| -> u64 {
        let replicas = cluster.pods.iter().filter(|pod| pod.count > 1);
        replicas.map(|pod| u64::from(pod.count.min(most))).sum()
    };
    let mut most = MOST_REPLICAS;
    while most > 1 && clusters.iter().any(|cluster| listed(cluster, most) > MOST_LISTED) {
        most /= 2;
    }
    most
}

/// The groups of a level, sorted by key; with `only`, restricted to these pods. By pod there are at most `replicas` of one
/// kind.
pub(crate) fn groups(program: &Program, by: By, only: Option<&Ends>, replicas: u32) -> Vec<Group> {
    let cluster = &program.cluster;
    let all: Vec<(PodId, Range<u32>)> = match only {
        Some(ends) => merged(&ends.pods),
        None => cluster.pods.enumerate().map(|(id, pod)| (id, 0..pod.count)).collect(),
    };
    let mut groups: Vec<Group> = match by {
        By::Pod => all
            .into_iter()
            .flat_map(|(id, range)| range.take(replicas as usize).map(move |index| (id, index)))
            .map(|(id, index)| {
                let key = format!("{}\"", cluster.pod_path(id, index));
                Group::new(program, Endpoint::Pod(id, index), key, vec![(id, index..index + 1)])
            })
            .collect(),
        By::Workload => collected(all, |pod| cluster.pods[pod].workload)
            .into_iter()
            .map(|(workload, pods)| {
                let key =
                    format!("{}\"{}", cluster.workload_path(workload), cluster.workloads[workload].kind);
                Group::new(program, Endpoint::Workload(workload), key, pods)
            })
            .collect(),
        By::Namespace => collected(all, |pod| cluster.pods[pod].namespace)
            .into_iter()
            .map(|(namespace, pods)| {
                let key = format!("{}\"", cluster.namespaces[namespace].name);
                Group::new(program, Endpoint::Namespace(namespace), key, pods)
            })
            .collect(),
    };
    groups.sort_by(|a, b| a.key.cmp(&b.key));
    groups
}

fn collected<K: Id>(
    pods: Vec<(PodId, Range<u32>)>,
    key: impl Fn(PodId) -> K,
) -> std::collections::BTreeMap<K, Vec<(PodId, Range<u32>)>> {
    let mut groups: std::collections::BTreeMap<K, Vec<(PodId, Range<u32>)>> =
        std::collections::BTreeMap::new();
    for (pod, range) in pods {
        groups.entry(key(pod)).or_default().push((pod, range));
    }
    groups
}

/// The same pods, ascending and without repetition.
pub(crate) fn merged(pods: &[(PodId, Range<u32>)]) -> Vec<(PodId, Range<u32>)> {
    let mut sorted: Vec<(PodId, Range<u32>)> =
        pods.iter().filter(|(_, range)| range.start < range.end).cloned().collect();
    sorted.sort_unstable_by_key(|(pod, range)| (*pod, range.start));
    sorted.dedup_by(|later, earlier| {
        let touches = later.0 == earlier.0 && later.1.start <= earlier.1.end;
        if touches {
            earlier.1.end = earlier.1.end.max(later.1.end);
        }
        touches
    });
    sorted
}

/// Pods that share a node, as far as ingress from the own node is exempt (R50).
#[derive(Debug)]
pub(super) struct NodeMates {
    /// For each node, its hostNetwork pods and its other pods.
    nodes: Vec<(Vec<PodId>, Vec<PodId>)>,
}

impl NodeMates {
    pub(super) fn new(cluster: &Cluster) -> Self {
        let mut nodes = vec![(Vec::new(), Vec::new()); cluster.nodes.len()];
        for (id, pod) in cluster.pods.enumerate() {
            if let Some(node) = pod.node {
                let (hosts, others) = &mut nodes[node.index()];
                if pod.host_network { hosts.push(id) } else { others.push(id) }
            }
        }
        Self { nodes }
    }

    /// Every (hostNetwork pod, pod) pair on one node.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (PodId, PodId)> {
        self.nodes.iter().flat_map(|(hosts, others)| {
            hosts.iter().flat_map(|&host| others.iter().map(move |&other| (host, other)))
        })
    }

    /// The pods on the node of a hostNetwork pod, without the hostNetwork ones.
    pub(super) fn beside(&self, cluster: &Cluster, host: PodId) -> &[PodId] {
        match cluster.pods[host].node {
            Some(node) if cluster.pods[host].host_network => &self.nodes[node.index()].1,
            _ => &[],
        }
    }

    /// The hostNetwork pods on the node of a pod that is none.
    pub(super) fn hosts_beside(&self, cluster: &Cluster, pod: PodId) -> &[PodId] {
        match cluster.pods[pod].node {
            Some(node) if !cluster.pods[pod].host_network => &self.nodes[node.index()].0,
            _ => &[],
        }
    }
}
