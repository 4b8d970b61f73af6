//! From manifests to pods, section 5 of the specification.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::facts::{self, Label, Labels, namespace_of};
use super::unevaluated::Suspicion;
use crate::cluster::Options;
use crate::k8s::{
    self, CompletionMode, Object, ObjectMeta, PodSpec, PodStatus, WorkloadObject, WorkloadSpec,
};
use crate::load::Manifest;
use crate::net::Protocol;

/// A pod.
#[derive(Debug)]
pub(super) struct Pod {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) labels: Labels,
    pub(super) ports: Vec<NamedPort>,
    /// Empty if the input does not give any.
    pub(super) addresses: Vec<IpAddr>,
    pub(super) host_network: bool,
    pub(super) node: Option<String>,
    /// A Pod object without an owner.
    pub(super) is_bare: bool,
    /// The effect that policies of kinds that are not evaluated may have on it.
    pub(super) suspicion: Suspicion,
}

/// A named port of a pod.
#[derive(Debug)]
pub(super) struct NamedPort {
    pub(super) name: String,
    pub(super) protocol: Protocol,
    pub(super) number: u16,
    pub(super) container: ContainerKind,
}

/// The list in which a container stands; an init container that keeps running is a sidecar.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ContainerKind {
    Regular,
    Sidecar,
    Init,
}

impl Pod {
    /// `NAMESPACE/NAME`.
    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// True if this is its `NAMESPACE/NAME`.
    pub(super) fn is_called(&self, path: &str) -> bool {
        path.split_once('/') == Some((&self.namespace, &self.name))
    }
}

/// Kind, namespace and name of a workload.
type WorkloadId = (String, String, String);

/// Every pod of the input: those that are written, and those that workloads make.
pub(super) fn expand(manifests: &[Manifest], options: &Options) -> Vec<Pod> {
    let shown = owners_of_shown_pods(manifests);
    let nodes = facts::nodes(manifests);
    let mut pods = Vec::new();
    let mut numbered: BTreeMap<WorkloadId, u32> = BTreeMap::new();
    for manifest in manifests {
        match &manifest.object {
            Object::Pod(pod) if !is_finished(pod.status.as_ref()) => pods.push(written(pod)), // R53, W20
            Object::Workload(workload) if !shown.contains(&id(workload)) => {
                let mut made = replicas(workload, &nodes.keys().cloned().collect::<Vec<_>>());
                let outermost = outermost_owner(workload, manifests);
                for pod in &mut made {
                    if pod.name.is_empty() {
                        // A name that a rollout does not change.
                        let number = numbered.entry(outermost.clone()).or_insert(0);
                        pod.name = format!("{}[{number}]", outermost.2);
                        *number += 1;
                    }
                    assume(options, pod, workload_kinds(&workload.kind), metadata_name(&workload.metadata));
                }
                pods.append(&mut made);
            }
            _ => {}
        }
    }
    for pod in &mut pods {
        if pod.host_network && pod.addresses.is_empty() {
            // W23: it has the address of its node.
            pod.addresses = pod.node.as_ref().and_then(|node| nodes.get(node)).cloned().unwrap_or_default();
        }
        let name = pod.name.clone();
        assume(options, pod, &["pod", "pods", "po"], &name);
    }
    pods
}

/// W18: workloads some of whose pods, or whose workloads some of whose pods, the input shows: these are not made again.
fn owners_of_shown_pods(manifests: &[Manifest]) -> BTreeSet<WorkloadId> {
    let mut shown = BTreeSet::new();
    let workloads: Vec<&WorkloadObject> = manifests
        .iter()
        .filter_map(|manifest| match &manifest.object {
            Object::Workload(workload) => Some(workload),
            _ => None,
        })
        .collect();
    for manifest in manifests {
        if let Object::Pod(pod) = &manifest.object {
            shown.extend(owners(&pod.metadata));
        }
    }
    loop {
        let before = shown.len();
        for workload in &workloads {
            if shown.contains(&id(workload)) || !replicas(workload, &[]).is_empty() {
                shown.extend(owners(&workload.metadata));
            }
        }
        if shown.len() == before {
            return shown;
        }
    }
}

/// The workloads that manage an object.
fn owners(metadata: &ObjectMeta) -> impl Iterator<Item = WorkloadId> + '_ {
    let owners = metadata.owner_references.as_deref().unwrap_or_default().iter();
    owners.map(|owner| {
        let kind = owner.kind.as_deref().unwrap_or_default().to_string();
        (kind, namespace_of(metadata), owner.name.as_deref().unwrap_or_default().to_string())
    })
}

/// The workload that a workload belongs to in the end, as far as the input shows: often itself.
fn outermost_owner(workload: &WorkloadObject, manifests: &[Manifest]) -> WorkloadId {
    let Some(owner) = owners(&workload.metadata).next() else { return id(workload) };
    let shown = manifests.iter().find_map(|manifest| match &manifest.object {
        Object::Workload(other) if id(other) == owner => Some(other),
        _ => None,
    });
    shown.map_or(owner.clone(), |other| outermost_owner(other, manifests))
}

fn id(workload: &WorkloadObject) -> WorkloadId {
    let name = metadata_name(&workload.metadata).to_string();
    (workload.kind.to_string(), namespace_of(&workload.metadata), name)
}

fn metadata_name(metadata: &ObjectMeta) -> &str {
    metadata.name.as_deref().unwrap_or_default()
}

/// R53: the pod has no network any more.
fn is_finished(status: Option<&PodStatus>) -> bool {
    matches!(status.and_then(|status| status.phase.as_deref()), Some("Succeeded" | "Failed"))
}

/// W1: a pod as it is written.
fn written(pod: &k8s::Pod) -> Pod {
    let mut made = of_template(&pod.metadata, Some(&pod.metadata), pod.spec.as_ref());
    made.name = match (&pod.metadata.name, &pod.metadata.generate_name) {
        (None, Some(prefix)) => format!("{prefix}xxxxx"),
        (name, _) => name.as_deref().unwrap_or_default().to_string(),
    };
    made.is_bare = pod.metadata.owner_references.as_deref().unwrap_or_default().is_empty();
    if let Some(status) = &pod.status {
        made.addresses = addresses_of(status.pod_ips.as_deref(), status.pod_ip.as_deref()); // W24, R67
        if made.host_network && made.addresses.is_empty() {
            made.addresses = addresses_of(status.host_ips.as_deref(), status.host_ip.as_deref()); // W23
        }
    }
    made
}

fn addresses_of(list: Option<&[k8s::PodIp]>, single: Option<&str>) -> Vec<IpAddr> {
    let listed = list.unwrap_or_default().iter().filter_map(|entry| entry.ip.as_deref());
    let listed: Vec<&str> = listed.collect();
    match single.filter(|single| !single.is_empty()) {
        // The API server drops a list that begins with another address.
        Some(single) if listed.first() != Some(&single) => vec![facts::address(single)],
        _ => listed.into_iter().map(facts::address).collect(),
    }
}

/// A pod of `owner` with the metadata and spec of a template, nameless for now.
fn of_template(owner: &ObjectMeta, template: Option<&ObjectMeta>, spec: Option<&PodSpec>) -> Pod {
    let node = spec.and_then(|spec| spec.node_name.as_deref()).filter(|node| !node.is_empty());
    let mut labels = Labels::written(template.and_then(|metadata| metadata.labels.as_ref()));
    if node.is_none() {
        // W1: binding to a node may add these.
        for key in ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"] {
            labels.known.entry(key.to_string()).or_insert(Label::Unknown);
        }
    }
    Pod {
        namespace: namespace_of(owner),
        name: String::new(),
        labels,
        ports: spec.map(named_ports).unwrap_or_default(),
        addresses: Vec::new(),
        host_network: spec.and_then(|spec| spec.host_network).unwrap_or(false),
        node: node.map(str::to_string),
        is_bare: false,
        suspicion: Suspicion::None,
    }
}

/// W21, R34, R36, R37: the named ports of all containers.
fn named_ports(spec: &PodSpec) -> Vec<NamedPort> {
    let regular = spec.containers.as_deref().unwrap_or_default().iter();
    let init = spec.init_containers.as_deref().unwrap_or_default().iter();
    let kind_of_init = |container: &k8s::Container| match container.restart_policy.as_deref() {
        Some("Always") => ContainerKind::Sidecar,
        _ => ContainerKind::Init,
    };
    regular
        .map(|container| (container, ContainerKind::Regular))
        .chain(init.map(|container| (container, kind_of_init(container))))
        .flat_map(|(container, kind)| {
            let ports = container.ports.as_deref().unwrap_or_default().iter();
            ports.map(move |port| NamedPort {
                name: port.name.as_deref().unwrap_or_default().to_string(),
                protocol: facts::protocol(port.protocol.as_deref()),
                number: facts::port(port.container_port.expect("valid input: a port has a number")),
                container: kind,
            })
        })
        .collect()
}

/// The pods a workload makes, on these nodes if it is a DaemonSet.
fn replicas(workload: &WorkloadObject, nodes: &[String]) -> Vec<Pod> {
    let absent = WorkloadSpec::default();
    let spec = workload.spec.as_ref().unwrap_or(&absent);
    let name = metadata_name(&workload.metadata);
    let count = |written: Option<i32>| written.unwrap_or(1); // W2, W3, W4, W5
    match &*workload.kind {
        "StatefulSet" => {
            let first = spec.ordinals.as_ref().and_then(|ordinals| ordinals.start).unwrap_or(0);
            (first..first + count(spec.replicas)) // W5
                .map(|ordinal| {
                    let mut pod = replica(workload, spec);
                    pod.name = format!("{name}-{ordinal}");
                    pod.labels.set("statefulset.kubernetes.io/pod-name", &pod.name);
                    pod.labels.set("apps.kubernetes.io/pod-index", ordinal.to_string());
                    pod.labels.known.insert("controller-revision-hash".into(), Label::Present);
                    pod
                })
                .collect()
        }
        "DaemonSet" => {
            // W6: one pod a node, two if there is none.
            let mut nodes: Vec<Option<&String>> = nodes.iter().map(Some).collect();
            if nodes.is_empty() {
                nodes = vec![None, None];
            }
            nodes
                .into_iter()
                .map(|node| {
                    let mut pod = replica(workload, spec);
                    pod.node = node.cloned();
                    for key in ["controller-revision-hash", "pod-template-generation"] {
                        pod.labels.known.insert(key.into(), Label::Present);
                    }
                    pod
                })
                .collect()
        }
        "Job" => job(workload, spec, &Label::Value(name.into())),
        "CronJob" => {
            // W8: nobody knows when it starts its Job, and the Job's name says when. One pod stands for a suspended one.
            let job_spec = spec.job_template.as_ref().and_then(|template| template.spec.as_ref());
            let mut pods = job(workload, job_spec.unwrap_or(&absent), &Label::Present);
            if spec.suspend == Some(true) {
                pods.truncate(1);
            }
            pods
        }
        "ReplicaSet" | "ReplicationController" => {
            (0..count(spec.replicas)).map(|_| replica(workload, spec)).collect() // W3, W4
        }
        "Deployment" => (0..count(spec.replicas)) // W2
            .map(|_| {
                let mut pod = replica(workload, spec);
                pod.labels.known.insert("pod-template-hash".into(), Label::Present);
                pod
            })
            .collect(),
        _ => (0..count(spec.replicas)) // W13: who knows what its controller adds
            .map(|_| {
                let mut pod = replica(workload, spec);
                let group = workload.api_version.rsplit_once('/').map_or("", |(group, _)| group);
                pod.labels.controlled_by = Some(group.to_string());
                pod
            })
            .collect(),
    }
}

/// W7: the pods of a Job.
fn job(workload: &WorkloadObject, spec: &WorkloadSpec, name: &Label) -> Vec<Pod> {
    if spec.suspend == Some(true) {
        return Vec::new();
    }
    let parallelism = spec.parallelism.unwrap_or(1);
    let count = parallelism.min(spec.completions.unwrap_or(parallelism));
    (0..count)
        .map(|index| {
            let mut pod = replica(workload, spec);
            if spec.manual_selector != Some(true) {
                for key in ["job-name", "batch.kubernetes.io/job-name"] {
                    pod.labels.known.insert(key.into(), name.clone());
                }
                for key in ["controller-uid", "batch.kubernetes.io/controller-uid"] {
                    pod.labels.known.insert(key.into(), Label::Present);
                }
            }
            if spec.completion_mode == Some(CompletionMode::Indexed) {
                pod.labels.set("batch.kubernetes.io/job-completion-index", index.to_string());
            }
            pod
        })
        .collect()
}

/// One of the pods of a workload, nameless for now.
fn replica(workload: &WorkloadObject, spec: &WorkloadSpec) -> Pod {
    let template = spec.template.as_ref();
    of_template(
        &workload.metadata,
        template.and_then(|template| template.metadata.as_ref()),
        template.and_then(|template| template.spec.as_ref()),
    )
}

/// Sets the labels that the user assumes of an object under one of these kinds.
fn assume(options: &Options, pod: &mut Pod, kinds: &[&str], name: &str) {
    for assumed in &options.assume {
        if kinds.contains(&&*assumed.kind) && assumed.namespace == pod.namespace && assumed.name == name {
            pod.labels.set(&assumed.key, &assumed.value);
        }
    }
}

/// The words that a user may use for a kind of workload.
fn workload_kinds(kind: &str) -> &'static [&'static str] {
    match kind {
        "Deployment" => &["deploy", "deployment", "deployments"],
        "ReplicaSet" => &["rs", "replicaset", "replicasets"],
        "ReplicationController" => &["rc", "replicationcontroller", "replicationcontrollers"],
        "StatefulSet" => &["sts", "statefulset", "statefulsets"],
        "DaemonSet" => &["ds", "daemonset", "daemonsets"],
        "Job" => &["job", "jobs"],
        "CronJob" => &["cj", "cronjob", "cronjobs"],
        _ => &[],
    }
}
