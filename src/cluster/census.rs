//! All pods of the cluster, and the workloads they belong to.
//!
//! Pods come from Pod objects and from the templates of workloads that have no pod in the input (W18). If the input holds
//! a pod of a workload, finished or not, the pods of the input are all it has. Where the input holds a Deployment and its
//! ReplicaSets, or a CronJob and its Jobs, the inner ones make the pods: their templates show what a controller added.

mod expand;

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use expand::pod_labels;

use super::addresses;
use super::containers;
use super::findings::Findings;
use super::namespaces::{exact, known};
use super::objects::{Identity, Item, Objects};
use super::owners::{Owners, Top, controller};
use super::policies::host_of;
use super::population::{Population, WorkloadDraft};
use super::workloads::{Plan, is_test_hook, lifecycle, plan};
use super::{Cluster, DeclaredPort, MorePods, NamespaceId, NodeId, Pod, PodName, Text, WorkloadId};
use crate::diagnostic::{Code, Origin};
use crate::index::{Id, IndexVec};
use crate::k8s::{self, Labels};
use crate::label::LabelSetId;
use crate::policy::field::{FieldFinding, FieldPath};

/// Labels that admission copies from the node when a pod is bound to one (W1).
const TOPOLOGY_LABELS: [&str; 2] = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"];

/// The node names that pods of the input, templates and host endpoints give.
pub(super) fn mentioned_nodes<'o>(objects: &'o Objects<'_>) -> BTreeSet<&'o str> {
    let live = objects.pods.iter().filter(|pod| !is_finished(pod.object)).map(|pod| pod.object.spec.as_ref());
    let templates = objects.workloads.iter().map(|workload| {
        let spec = workload.object.spec.as_ref()?;
        let job = spec.job_template.as_ref().and_then(|template| template.spec.as_ref());
        job.unwrap_or(spec).template.as_ref()?.spec.as_ref()
    });
    let hosts = objects.unevaluated.iter().filter_map(|policy| host_of(policy.object));
    let mut seen = FxHashSet::default();
    let of_pods = live.chain(templates).flatten().filter_map(node_name);
    of_pods.chain(hosts).filter(|name| seen.insert(*name)).collect()
}

fn node_name(spec: &k8s::PodSpec) -> Option<&str> {
    spec.node_name.as_deref().filter(|name| !name.is_empty())
}

/// R53.
fn is_finished(pod: &k8s::Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// Finds all pods. `cluster` has its namespaces and nodes already.
pub(super) fn populate(
    objects: &Objects<'_>,
    more: &[MorePods],
    cluster: &mut Cluster,
    findings: &mut Findings,
) -> Population {
    let owners = Owners::new(objects);
    let workloads = objects.workloads.len();
    let mut census = Census {
        objects,
        owners: &owners,
        cluster,
        findings,
        population: Population { pods: Vec::with_capacity(objects.pods.len()), ..Population::default() },
        workload_of: FxHashMap::with_capacity_and_hasher(workloads, FxBuildHasher),
        peopled: FxHashSet::with_capacity_and_hasher(workloads, FxBuildHasher),
        namespace_ids: FxHashMap::default(),
        node_ids: FxHashMap::default(),
        label_sets: FxHashMap::with_capacity_and_hasher(workloads, FxBuildHasher),
        named: 0,
        pod_names: OnceCell::new(),
        more,
        last: None,
        next_index: FxHashMap::default(),
        expanded: 0,
        without_pods: Vec::new(),
    };
    for pod in &objects.pods {
        census.pod(pod);
    }
    census.named = census.population.pods.len();
    let mut population = census.templates();
    population.finished.sort_unstable();
    population.empty.sort_unstable();
    population.empty.dedup();
    population
}

/// Namespace, name and kind, which tell workloads apart.
type WorkloadKey<'o> = (&'o str, &'o str, &'o str);

struct Census<'o, 'm, 'c> {
    objects: &'o Objects<'m>,
    owners: &'c Owners<'o>,
    cluster: &'c mut Cluster,
    findings: &'c mut Findings,
    population: Population,
    /// Places in `population.workloads`.
    workload_of: FxHashMap<WorkloadKey<'o>, WorkloadId>,
    /// Workloads of which the input holds a pod.
    peopled: FxHashSet<WorkloadKey<'o>>,
    namespace_ids: FxHashMap<&'o str, NamespaceId>,
    node_ids: FxHashMap<&'o str, Option<NodeId>>,
    /// Labels that are written so: replicas have the same.
    label_sets: FxHashMap<&'o Labels, LabelSetId>,
    /// Number of `population.pods` that are Pod objects.
    named: usize,
    /// The names of these, to look them up; few inputs need that.
    pod_names: OnceCell<FxHashSet<(NamespaceId, Text)>>,
    /// Pods beside those of the input.
    more: &'c [MorePods],
    /// The pod before.
    last: Option<Last<'o>>,
    /// The next index of unnamed pods, by namespace and base name.
    next_index: FxHashMap<(&'o str, &'o str), u32>,
    expanded: u32,
    /// Workloads of which some object makes no pod.
    without_pods: Vec<Top<'o>>,
}

/// A pod of the input and what was found about it. Replicas follow each other, and share much of it.
#[derive(Clone)]
struct Last<'o> {
    namespace: &'o str,
    pod: &'o k8s::Pod,
    top: Option<Top<'o>>,
    workload: WorkloadId,
    is_bound: bool,
    labels: LabelSetId,
    /// `None` if there is something to say about them.
    ports: Option<Arc<[DeclaredPort]>>,
}

impl Last<'_> {
    /// True if a pod shares its namespace, labels and owner references with this one, and so has the same owner.
    fn is_sibling(&self, namespace: &str, meta: &k8s::ObjectMeta) -> bool {
        self.pod.metadata.is_sibling_of(meta) && self.namespace == namespace
    }

    /// The ports of a pod with the same containers.
    fn ports(&self, spec: &k8s::PodSpec) -> Option<&Arc<[DeclaredPort]>> {
        let own = self.pod.spec.as_ref()?;
        self.ports.as_ref().filter(|_| own.shares_containers_with(spec))
    }
}

/// The facts that pods of one workload have in common.
struct Group {
    namespace: NamespaceId,
    workload: WorkloadId,
    ports: Arc<[DeclaredPort]>,
    host_network: bool,
    node: Option<NodeId>,
    origin: Origin,
}

impl Group {
    fn pods(
        &self,
        name: PodName,
        count: u32,
        labels: LabelSetId,
        nodes: &IndexVec<NodeId, super::Node>,
    ) -> Pod {
        let of_node: &[IpAddr] = self.node.map_or(&[], |node| &nodes[node].addresses);
        Pod {
            namespace: self.namespace,
            workload: self.workload,
            name,
            count,
            labels,
            ports: self.ports.clone(),
            addresses: addresses::without_status(self.host_network, of_node),
            host_network: self.host_network,
            node: self.node,
            bare: false,
            origin: self.origin.clone(),
        }
    }
}

impl<'o, 'm> Census<'o, 'm, '_> {
    fn namespace(&mut self, name: &'o str) -> NamespaceId {
        let find = || self.cluster.namespace(name).expect("every namespace that an object names is there");
        *self.namespace_ids.entry(name).or_insert_with(find)
    }

    fn node(&mut self, name: &'o str) -> Option<NodeId> {
        *self.node_ids.entry(name).or_insert_with(|| self.cluster.node(name))
    }

    /// Labels as written, all of them known.
    fn exact(&mut self, written: Option<&'o Labels>) -> LabelSetId {
        let labels = &mut self.cluster.labels;
        match written {
            Some(written) => *self.label_sets.entry(written).or_insert_with(|| exact(Some(written), labels)),
            None => exact(None, labels),
        }
    }

    fn declared_nodes(&self) -> Vec<NodeId> {
        let nodes = self.cluster.nodes.enumerate();
        nodes.filter(|(_, node)| node.origin.is_some()).map(|(id, _)| id).collect()
    }

    /// One Pod object.
    fn pod(&mut self, item: &'o Item<'m, k8s::Pod>) {
        let (id, pod) = (&item.id, item.object);
        let last = self.last.take();
        let sibling = last.as_ref().filter(|last| last.is_sibling(id.namespace, id.meta));
        let top = match sibling {
            Some(sibling) => sibling.top,
            None => self.owners.of_pod(id.namespace, id.meta),
        };
        if let Some(top) = top
            && sibling.is_none()
        {
            self.peopled.insert((top.namespace, top.name, top.kind));
        }
        let namespace = self.namespace(id.namespace);
        if is_finished(pod) {
            self.population.finished.push((namespace, (*id.name).into()));
            return;
        }
        let absent = k8s::PodSpec::default();
        let spec = pod.spec.as_ref().unwrap_or(&absent);
        let host_network = spec.host_network == Some(true);
        let node = pod.spec.as_ref().and_then(node_name).and_then(|name| self.node(name));
        let of_node: &[IpAddr] = node.map_or(&[], |node| &self.cluster.nodes[node].addresses);
        let mut found = Vec::new();
        let rules = self.findings.validation(id);
        let ports = match last.as_ref().and_then(|last| last.ports(spec)) {
            Some(ports) => ports.clone(),
            None => containers::declared_ports(spec, &FieldPath::new("spec"), rules, &mut found),
        };
        let sound_ports = found.is_empty().then(|| ports.clone());
        let addresses = addresses::of_pod(pod.status.as_ref(), host_network, of_node, rules, &mut found);
        // Replicas share their containers: what is odd about them was or will be said of their owner.
        if top.is_some_and(|top| top.object.is_some()) {
            found.retain(FieldFinding::is_error);
        }
        if !self.findings.fields(id, found) {
            self.findings.left_out(id, "the cluster is evaluated without this pod");
            return;
        }
        if id.meta.deletion_timestamp.is_some() {
            self.findings.object(id, Code::Lifecycle, "terminating; it counts until its network is gone");
        }
        if is_test_hook(id) {
            self.findings.object(id, Code::Lifecycle, "a Helm test hook: it is there only while tests run");
        }
        let written = id.meta.labels.as_ref();
        let is_bound = node.is_some();
        let labels = match sibling {
            Some(sibling) if sibling.is_bound == is_bound => sibling.labels,
            _ if is_bound => self.exact(written),
            _ => pod_labels(written, &[], None, None, &mut self.cluster.labels),
        };
        let itself = Top { namespace: id.namespace, name: &id.name, kind: "Pod", object: None };
        let workload = match (sibling, top) {
            (Some(sibling), Some(_)) => sibling.workload,
            (None, Some(top)) => self.workload(top, id.origin, None),
            (_, None) => self.workload(itself, id.origin, Some(labels)),
        };
        self.last =
            Some(Last { namespace: id.namespace, pod, top, workload, is_bound, labels, ports: sound_ports });
        self.population.pods.push(Pod {
            namespace,
            workload,
            name: PodName::Exact(id.text()),
            count: 1,
            labels,
            ports,
            addresses,
            host_network,
            node,
            bare: controller(id.meta).is_none(),
            origin: id.origin.clone(),
        });
        let base = (id.namespace, top.unwrap_or(itself).name);
        self.more_pods(id, base);
    }

    /// The pods beside those of the input that are like the last one.
    fn more_pods(&mut self, id: &'o Identity<'m>, base: (&'o str, &'o str)) {
        let is_meant = |more: &&MorePods| *more.namespace == *id.namespace && *more.like == *id.name;
        let count: u32 = self.more.iter().filter(is_meant).map(|more| more.count).sum();
        let Some(last) = self.population.pods.last().filter(|_| count > 0) else { return };
        let written = id.meta.labels.as_ref().map(|labels| {
            labels.iter().filter(|(key, _)| !TOPOLOGY_LABELS.contains(key)).collect::<Labels>()
        });
        let first = self.next_index.get(&base).copied().unwrap_or(0);
        let pods = Pod {
            name: PodName::Replicas { base: base.1.into(), first },
            count,
            labels: pod_labels(written.as_ref(), &[], None, None, &mut self.cluster.labels),
            addresses: addresses::without_status(last.host_network, &[]),
            node: None,
            ..last.clone()
        };
        self.population.pods.push(pods);
        self.next_index.insert(base, first.saturating_add(count));
    }

    /// The draft of a workload. `origin` is where a pod of it stands, `labels` its own if it is no object.
    fn workload(&mut self, top: Top<'o>, origin: &Origin, labels: Option<LabelSetId>) -> WorkloadId {
        let key = (top.namespace, top.name, top.kind);
        if let Some(&place) = self.workload_of.get(&key) {
            return place;
        }
        let object = top.object.map(|object| &self.objects.workloads[object].id);
        let written = object.and_then(|id| id.meta.labels.as_ref());
        let draft = WorkloadDraft {
            namespace: self.namespace(top.namespace),
            name: top.name.into(),
            kind: top.kind.into(),
            labels: labels.unwrap_or_else(|| self.exact(written)),
            origin: object.map_or(origin, |id| id.origin).clone(),
        };
        self.population.workloads.push(draft);
        let place = WorkloadId::from_index(self.population.workloads.len() - 1);
        self.workload_of.insert(key, place);
        place
    }

    /// All workloads, in an order that gives unnamed pods the same index whatever the order of the input.
    fn templates(mut self) -> Population {
        let workloads = &self.objects.workloads;
        let mut order: Vec<(Top<'o>, usize)> =
            (0..workloads.len()).map(|i| (self.owners.of_workload(i), i)).collect();
        order.sort_by_key(|&(top, i)| {
            let id = &workloads[i].id;
            (top.namespace, top.name, top.kind, id.kind, &id.name)
        });
        let plans: Vec<(Top<'o>, usize, Plan<'m>)> =
            order.into_iter().filter_map(|(top, i)| Some((top, i, self.planned(i)?))).collect();
        let inner = plans.iter().filter(|(_, _, plan)| plan.replicas.makes_pods());
        let outer: FxHashSet<usize> = inner.flat_map(|&(_, i, _)| self.owners.above(i)).collect();
        for (top, i, plan) in plans.iter().filter(|(_, i, _)| !outer.contains(i)) {
            self.template(*top, *i, plan);
        }
        let empty = std::mem::take(&mut self.without_pods);
        for top in empty {
            if !self.workload_of.contains_key(&(top.namespace, top.name, top.kind)) {
                let namespace = self.namespace(top.namespace);
                self.population.empty.push((namespace, top.name.into(), top.kind.into()));
            }
        }
        self.population
    }

    /// The pods that a workload makes; `None`, and a finding, if it is not valid.
    fn planned(&mut self, object: usize) -> Option<Plan<'m>> {
        let item = &self.objects.workloads[object];
        let mut found = Vec::new();
        let plan = plan(item, self.findings.validation(&item.id), &mut found);
        self.findings.fields(&item.id, found);
        if plan.is_none() {
            self.findings.left_out(&item.id, "the cluster is evaluated without the pods of its template");
        }
        plan
    }

    fn template(&mut self, top: Top<'o>, object: usize, plan: &Plan<'m>) {
        let item = &self.objects.workloads[object];
        if let Some(note) = lifecycle(&item.id, item.object) {
            self.findings.object(&item.id, Code::Lifecycle, note);
        }
        let pods_before = self.population.pods.len();
        if !self.peopled.contains(&(top.namespace, top.name, top.kind)) {
            self.expand(top, item, plan);
        }
        if self.population.pods.len() == pods_before {
            self.without_pods.push(top);
        }
    }
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "inputs read better where `json!` stands alone")]
mod tests;
