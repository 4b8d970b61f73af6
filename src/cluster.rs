//! The cluster that the input describes, as the API server and the controllers would make it.
//!
//! Owns defaulting, validation, the pods of workloads, and what is known and what is not. [`build`] turns manifests
//! into a [`Cluster`] and reports every problem it meets; everything after it is infallible. It never evaluates a
//! selector over pods.

mod addresses;
mod assume;
mod build;
mod census;
mod containers;
mod edit;
mod endpoints;
mod findings;
mod ingresses;
pub mod kinds;
mod left_out;
mod lineage;
mod namespaces;
mod objects;
mod owners;
mod policies;
mod population;
mod services;
mod shared;
#[cfg(test)]
mod testing;
mod workloads;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use ipnet::IpNet;
use smallvec::SmallVec;

use crate::diagnostic::{Diagnostic, ObjectName, Origin};
use crate::index::IndexVec;
use crate::k8s::IntOrString;
use crate::label::{LabelSetId, LabelTable};
use crate::net::{AddressSet, ByFamily, PortSet, Protocol};
use crate::policy::{Policy, PolicyId};

pub use crate::ids::{NamespaceId, NodeId, PodId, WorkloadId};
pub use crate::k8s::{ContainerKind, Text};
pub use build::{Assumption, MorePods, Options, build};
pub(crate) use edit::{adopt_policy, lower_policy};
pub(crate) use lineage::{owned, owners};
pub use objects::{identity, with_policy_names};
pub(crate) use objects::{meta_mut, namespace_of, same_content};

/// Everything the input says and implies, validated.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// Keys, values, label sets and selectors.
    pub labels: LabelTable,
    /// Namespaces, declared or merely mentioned.
    pub namespaces: IndexVec<NamespaceId, Namespace>,
    /// Owners of pods.
    pub workloads: IndexVec<WorkloadId, Workload>,
    /// Pods, alike ones counted together.
    pub pods: IndexVec<PodId, Pod>,
    /// Nodes of the input.
    pub nodes: IndexVec<NodeId, Node>,
    /// Services, by namespace and name.
    pub services: BTreeMap<ServiceKey, Service>,
    /// Ingresses, by namespace and name.
    pub ingresses: BTreeMap<(NamespaceId, Box<str>), Ingress>,
    /// Policies in evaluation order.
    pub policies: IndexVec<PolicyId, Policy>,
    /// Ranges in which pods without a known address may lie.
    pub unknown_addresses: UnknownAddresses,
    /// Pods that have finished (R53): kept only so that naming one can be explained. Sorted.
    pub finished: Vec<(NamespaceId, Box<str>)>,
    /// Workloads that make no pod (replicas 0, suspended): kept only so that naming one can be explained. Sorted.
    pub empty_workloads: Vec<(NamespaceId, Box<str>, Box<str>)>,
}

/// Ranges in which addresses that the input does not give may lie (docs/guide/unknown.md).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UnknownAddresses {
    /// Of pods; `None` for a family such pods do not have.
    pub pods: ByFamily<Option<AddressSet>>,
    /// Of hostNetwork pods.
    pub hosts: ByFamily<Option<AddressSet>>,
}

/// A namespace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Namespace {
    /// Its name.
    pub name: Box<str>,
    /// Its labels, `kubernetes.io/metadata.name` among them; incomplete if no manifest declares it (W15).
    pub labels: LabelSetId,
    /// The place of its declaration; `None` when it is only mentioned.
    pub origin: Option<Origin>,
    /// Its pods.
    pub pods: Range<PodId>,
}

/// The owner of pods: a Deployment, a StatefulSet, ... or the pod itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Workload {
    /// Its namespace.
    pub namespace: NamespaceId,
    /// Its name.
    pub name: Box<str>,
    /// `Deployment`, `StatefulSet`, ..., `Pod` for a bare pod.
    pub kind: Box<str>,
    /// Its own labels, which no policy sees; empty if the input does not show the object.
    pub labels: LabelSetId,
    /// The place of its declaration (of a pod of it, if it has none).
    pub origin: Origin,
    /// Its pod groups, ascending.
    pub pods: Vec<PodId>,
}

/// Pods alike in every fact but their name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pod {
    /// Its namespace.
    pub namespace: NamespaceId,
    /// The workload that it belongs to.
    pub workload: WorkloadId,
    /// Its name, or how names of the group are made.
    pub name: PodName,
    /// Number of pods that this entry stands for; at least 1.
    pub count: u32,
    /// Its labels, as far as they are known.
    pub labels: LabelSetId,
    /// The ports its containers declare: (name, protocol, number), sorted, without repetition, those without a name
    /// first.
    pub ports: Arc<[DeclaredPort]>,
    /// Its addresses.
    pub addresses: Addresses,
    /// Set if it uses the node's network: then no policy selects it (R51, R52).
    pub host_network: bool,
    /// The node that it runs on, if the input says so. The node need not be declared: it may be known by name only.
    pub node: Option<NodeId>,
    /// Set if it is a Pod object without an owner (I19).
    pub bare: bool,
    /// The place of its declaration.
    pub origin: Origin,
}

/// The name of a pod, or of a group of alike pods.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PodName {
    /// A name some manifest gives.
    Exact(Text),
    /// `base[first]`, `base[first + 1]`, ... for pods that no manifest names.
    Replicas {
        /// The workload's name.
        base: Text,
        /// The number of the first.
        first: u32,
    },
}

impl Pod {
    /// The name of pod `index` of the group, `index` below [`Pod::count`].
    pub fn name_of(&self, index: u32) -> String {
        match &self.name {
            PodName::Exact(name) => name.to_string(),
            PodName::Replicas { base, first } => format!("{base}[{}]", first + index),
        }
    }

    /// The declared ports that have a name.
    pub fn named_ports(&self) -> &[DeclaredPort] {
        &self.ports[self.ports.partition_point(|port| port.name.is_empty())..]
    }

    /// The numbers that its containers declare, init containers that end before the others start aside (W21).
    pub fn declared_ports(&self) -> PortSet {
        let running = self.ports.iter().filter(|port| port.container != ContainerKind::Init);
        running.fold(PortSet::empty(), |all, port| {
            all.union(&PortSet::from_range(port.protocol, port.number, port.number))
        })
    }
}

/// A port that a container of a pod declares (W21).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DeclaredPort {
    /// `containers[*].ports[*].name`; empty if it has none.
    pub name: Text,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its number.
    pub number: u16,
    /// The kind of the container that declares it.
    pub container: ContainerKind,
}

/// The addresses of a pod, if they are known.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Addresses {
    /// These; never empty, sorted, without repetition.
    Known(SmallVec<[IpAddr; 1]>),
    /// Somewhere in [`Cluster::unknown_addresses`].
    Unknown,
}

/// A node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// Its name.
    pub name: Box<str>,
    /// Its labels; empty and incomplete if it is only mentioned.
    pub labels: LabelSetId,
    /// Its addresses (`InternalIP`, `ExternalIP`), sorted.
    pub addresses: Box<[IpAddr]>,
    /// The place of its declaration; `None` when it is only mentioned.
    pub origin: Option<Origin>,
}

/// A Service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Service {
    /// The place of its declaration.
    pub origin: Origin,
    /// The pods or addresses behind it.
    pub backends: Backends,
    /// Its ports.
    pub ports: Vec<ServicePort>,
    /// `clusterIP: None`: clients connect to the pods themselves, ports are not rewritten (R57).
    pub headless: bool,
    /// Its own addresses.
    pub cluster_ips: Box<[IpAddr]>,
    /// The addresses of its load balancer, and its `externalIPs`; sorted.
    pub external_ips: Box<[IpAddr]>,
    /// Set if clients outside reach it through a node or a load balancer, and come with the address of a node:
    /// `externalTrafficPolicy: Cluster` (I12).
    pub hides_clients: bool,
}

/// The namespace and the name of a Service.
pub type ServiceKey = (NamespaceId, Box<str>);

impl Service {
    /// All addresses that mean the Service.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.cluster_ips.iter().chain(&self.external_ips).copied()
    }
}

/// The pods or addresses behind a Service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Backends {
    /// Pods of the namespace with these labels.
    Selector(crate::label::SelectorId),
    /// Addresses of Endpoints and EndpointSlices, with the port each Service port name has there.
    Addresses(Vec<(IpAddr, Vec<EndpointPort>)>),
    /// A DNS name outside.
    ExternalName(Box<str>),
    /// No selector, and no Endpoints in the input.
    None,
}

/// The name of a Service port, and the number it has at an address behind the Service.
pub type EndpointPort = (Box<str>, Protocol, u16);

/// A port of a Service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServicePort {
    /// Its name, empty if it has none.
    pub name: Box<str>,
    /// The number clients use.
    pub port: u16,
    /// Its protocol.
    pub protocol: Protocol,
    /// Number or name on the pods.
    pub target: IntOrString,
}

/// An Ingress.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ingress {
    /// The place of its declaration.
    pub origin: Origin,
    /// The Services of its namespace that it sends requests to, and their ports; sorted, without repetition.
    pub backends: Vec<(Box<str>, BackendPort)>,
}

/// A port of a Service as an Ingress names it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum BackendPort {
    /// By number.
    Number(u16),
    /// By name.
    Name(Box<str>),
}

/// The result of [`build`]: the cluster, and all findings about the input, errors among them.
#[derive(Clone, Debug)]
pub struct Built {
    /// The cluster. With errors it is what remains without the bad objects (`--keep-going`).
    pub cluster: Arc<Cluster>,
    /// Findings, in the order of the input.
    pub diagnostics: Vec<Diagnostic>,
}

impl Cluster {
    /// The namespace called `name`.
    pub fn namespace(&self, name: &str) -> Option<NamespaceId> {
        self.namespaces
            .as_slice()
            .binary_search_by(|n| (*n.name).cmp(name))
            .ok()
            .map(crate::index::Id::from_index)
    }

    /// The node called `name`.
    pub fn node(&self, name: &str) -> Option<NodeId> {
        let nodes = self.nodes.as_slice();
        nodes.binary_search_by(|node| (*node.name).cmp(name)).ok().map(crate::index::Id::from_index)
    }

    /// `NS/NAME` of pod `index` of a group.
    pub fn pod_path(&self, pod: PodId, index: u32) -> String {
        let pod = &self.pods[pod];
        format!("{}/{}", self.namespaces[pod.namespace].name, pod.name_of(index))
    }

    /// `NS/NAME` of a workload.
    pub fn workload_path(&self, workload: WorkloadId) -> String {
        let workload = &self.workloads[workload];
        format!("{}/{}", self.namespaces[workload.namespace].name, workload.name)
    }

    /// The name of a workload in messages.
    pub fn workload_name(&self, workload: WorkloadId) -> ObjectName {
        let workload = &self.workloads[workload];
        ObjectName {
            kind: workload.kind.clone(),
            namespace: self.namespaces[workload.namespace].name.clone(),
            name: workload.name.clone(),
        }
    }

    /// Number of pods, all replicas counted.
    pub fn pod_count(&self) -> u64 {
        self.pods.iter().map(|p| u64::from(p.count)).sum()
    }

    /// The addresses of a pod in `family` as a set: the one it has, or the region it must lie in; `None` if it has
    /// no address of that family. The flag says whether the address is known.
    pub fn pod_addresses(&self, pod: PodId, family: crate::net::Family) -> Option<(AddressSet, bool)> {
        let pod = &self.pods[pod];
        match &pod.addresses {
            Addresses::Known(addresses) => {
                let of_family: Vec<u128> = addresses
                    .iter()
                    .filter(|a| crate::net::Family::of(**a) == family)
                    .map(|a| crate::net::address_number(*a))
                    .collect();
                (!of_family.is_empty())
                    .then(|| (AddressSet::from_ranges(of_family.into_iter().map(|n| (n, n))), true))
            }
            Addresses::Unknown => {
                let regions = if pod.host_network {
                    &self.unknown_addresses.hosts
                } else {
                    &self.unknown_addresses.pods
                };
                regions[family].clone().map(|region| (region, false))
            }
        }
    }
}

/// Ranges the user named on the command line.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ranges {
    /// `--pod-cidr`.
    pub pods: Vec<IpNet>,
    /// `--service-cidr`.
    pub services: Vec<IpNet>,
    /// `--node-cidr`.
    pub nodes: Vec<IpNet>,
}
