//! From a plan to the pods that a controller makes.

use super::super::objects::Item;
use super::super::workloads::{Added, PODS_WITHOUT_NODES, Plan, Replicas};
use super::super::{Cluster, NodeId, PodName};
use super::{Census, Group, TOPOLOGY_LABELS, Top, known, node_name};
use crate::diagnostic::Code;
use crate::k8s::{Labels, WorkloadObject};
use crate::label::{KeyId, LabelSet, LabelSetId, LabelTable, LabelValue};
use crate::policy::field::{FieldFinding, FieldPath};

/// Most pods that podreach lists one by one because their labels or nodes differ.
const MOST_EXPANDED: u32 = 1_000_000;

/// Labels with the number of a pod.
const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";
const POD_INDEX: &str = "apps.kubernetes.io/pod-index";
const COMPLETION_INDEX: &str = "batch.kubernetes.io/job-completion-index";

impl<'o, 'm> Census<'o, 'm, '_> {
    /// The pods a template makes.
    pub(super) fn expand(&mut self, top: Top<'o>, item: &Item<'m, WorkloadObject>, plan: &Plan<'m>) {
        let nodes: Vec<NodeId> = match plan.replicas {
            Replicas::PerNode => self.declared_nodes(),
            _ => Vec::new(),
        };
        let one_by_one = match plan.replicas {
            Replicas::Alike(_) => 0,
            Replicas::Ordinals { count, .. } | Replicas::Indexed(count) => count,
            Replicas::PerNode => u32::try_from(nodes.len()).unwrap_or(u32::MAX),
        };
        let total = match plan.replicas {
            Replicas::Alike(count) => count,
            Replicas::PerNode if nodes.is_empty() => PODS_WITHOUT_NODES,
            _ => one_by_one,
        };
        // Pods that only their number tells apart are alike where they are too many.
        let by_number = matches!(plan.replicas, Replicas::Ordinals { .. } | Replicas::Indexed(_));
        let too_many = self.expanded.saturating_add(one_by_one) > MOST_EXPANDED;
        let alike = by_number && too_many;
        let base = (top.namespace, top.name);
        let first = self.next_index.get(&base).copied().unwrap_or(0);
        let end = first.checked_add(total);
        if (too_many && !by_number) || end.is_none() {
            let message = format!(
                "{total} pods are more than podreach lists: at most {MOST_EXPANDED} pods with nodes of their own in all, and {} \
                 of one name",
                u32::MAX
            );
            let finding = FieldFinding::new(Code::TooLarge, &FieldPath::new("spec"), message);
            self.findings.field(&item.id, finding);
            return;
        }
        if total == 0 {
            return;
        }
        if alike {
            let message = format!(
                "{total} pods are too many to tell apart: those of a StatefulSet or an indexed Job are alike beyond \
                 {MOST_EXPANDED} in all, and the labels with their numbers are unknown"
            );
            let note = FieldFinding::new(Code::Shortened, &FieldPath::new("spec"), message);
            self.findings.field(&item.id, note);
        } else {
            self.expanded += one_by_one;
        }
        let host_network = plan.spec.is_some_and(|spec| spec.host_network == Some(true));
        let node = plan.spec.and_then(node_name).and_then(|name| self.node(name));
        let group = Group {
            namespace: self.namespace(top.namespace),
            workload: self.workload(top, item.id.origin, None),
            ports: plan.ports.clone(),
            host_network,
            node,
            origin: item.id.origin.clone(),
        };
        let unnamed = |index: u32| PodName::Replicas { base: top.name.into(), first: first + index };
        let Cluster { labels, nodes: all_nodes, .. } = &mut *self.cluster;
        let mut label_set = |own: &[Added<'_>]| {
            let added: Vec<Added<'_>> = plan.added.iter().chain(own).cloned().collect();
            pod_labels(plan.labels, &added, node, plan.reserving, labels)
        };
        let pods = &mut self.population.pods;
        match plan.replicas {
            Replicas::Ordinals { .. } if alike => {
                let labels = label_set(&[Added::Present(POD_NAME), Added::Present(POD_INDEX)]);
                pods.push(group.pods(unnamed(0), total, labels, all_nodes));
            }
            Replicas::Indexed(_) if alike => {
                let labels = label_set(&[Added::Present(COMPLETION_INDEX)]);
                pods.push(group.pods(unnamed(0), total, labels, all_nodes));
            }
            Replicas::Ordinals { first, count } => {
                let names = self.pod_names.get_or_init(|| {
                    let named = pods[..self.named].iter();
                    named
                        .filter_map(|pod| match &pod.name {
                            PodName::Exact(name) => Some((pod.namespace, name.clone())),
                            PodName::Replicas { .. } => None,
                        })
                        .collect()
                });
                for ordinal in first..first.saturating_add(count) {
                    let (name, index) = (format!("{}-{ordinal}", item.id.name), ordinal.to_string());
                    if names.contains(&(group.namespace, name.as_str().into())) {
                        let message = format!(
                            "a Pod of the input has the name `{name}`, so this makes no pod of that name"
                        );
                        self.findings.object(&item.id, Code::AmbiguousName, message);
                        continue;
                    }
                    let labels = label_set(&[
                        Added::Known(POD_NAME, name.as_str().into()),
                        Added::Known(POD_INDEX, index.into()),
                    ]);
                    pods.push(group.pods(PodName::Exact(name.into()), 1, labels, all_nodes));
                }
                return;
            }
            Replicas::Indexed(count) => {
                for index in 0..count {
                    let own = index.to_string();
                    let labels = label_set(&[Added::Known(COMPLETION_INDEX, own.into())]);
                    pods.push(group.pods(unnamed(index), 1, labels, all_nodes));
                }
            }
            Replicas::PerNode if !nodes.is_empty() => {
                let labels = label_set(&[]);
                for (index, node) in (0..).zip(nodes) {
                    let group = Group {
                        node: Some(node),
                        ports: group.ports.clone(),
                        origin: group.origin.clone(),
                        ..group
                    };
                    pods.push(group.pods(unnamed(index), 1, labels, all_nodes));
                }
            }
            Replicas::PerNode | Replicas::Alike(_) => {
                let labels = label_set(&[]);
                pods.push(group.pods(unnamed(0), total, labels, all_nodes));
            }
        }
        self.next_index.insert(base, first + total);
    }
}

/// The labels of a pod that is not bound to a node yet: what is written, and over it what the controller adds; an unknown
/// controller of the API group `reserving` may add more.
pub(super) fn pod_labels(
    written: Option<&Labels>,
    added: &[Added<'_>],
    node: Option<NodeId>,
    reserving: Option<&str>,
    labels: &mut LabelTable,
) -> LabelSetId {
    let mut entries: Vec<(KeyId, LabelValue)> = Vec::new();
    if node.is_none() {
        entries.extend(TOPOLOGY_LABELS.map(|key| (labels.keys.intern(key), LabelValue::Unknown)));
    }
    entries.extend(written.into_iter().flat_map(Labels::iter).map(|(key, value)| known(key, value, labels)));
    for label in added {
        match label {
            Added::Known(key, value) => entries.push(known(key, value, labels)),
            Added::Present(key) => entries.push((labels.keys.intern(*key), LabelValue::Present)),
        }
    }
    let reserved = reserving.map(|group| labels.domains_of_group(group)).unwrap_or_default();
    labels.sets.intern_owned(LabelSet::new(entries, true).with_reserved(reserved))
}
