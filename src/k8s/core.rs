//! `v1`: namespaces, nodes, pods, services.

use serde::Deserialize;

use super::meta::ObjectMeta;
use super::replica::{self, Part, Shared, share};
use super::scalar::{IntOrString, Labels, List, Text, Unread, null_is_default};

/// `v1 Namespace`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct Namespace {
    /// Name and labels.
    #[serde(default, deserialize_with = "null_is_default")]
    pub metadata: ObjectMeta,
}

/// `v1 Node`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct Node {
    /// Name and labels.
    #[serde(default, deserialize_with = "null_is_default")]
    pub metadata: ObjectMeta,
    /// Pod ranges.
    pub spec: Option<NodeSpec>,
    /// Addresses.
    pub status: Option<NodeStatus>,
}

/// `Node.spec`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeSpec {
    /// `spec.podCIDRs`.
    #[serde(rename = "podCIDRs")]
    pub pod_cidrs: Option<List<Text>>,
}

/// `Node.status`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct NodeStatus {
    /// `status.addresses`.
    pub addresses: Option<List<NodeAddress>>,
}

/// One of `Node.status.addresses`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct NodeAddress {
    /// `InternalIP`, `ExternalIP`, `Hostname`, ...
    #[serde(rename = "type")]
    pub kind: Option<Text>,
    /// The address.
    pub address: Option<Text>,
}

/// `v1 Pod`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct Pod {
    /// Name, labels, owners.
    #[serde(default, deserialize_with = "null_is_default")]
    pub metadata: ObjectMeta,
    /// Containers and placement.
    pub spec: Option<PodSpec>,
    /// Phase and addresses.
    pub status: Option<PodStatus>,
}

impl Pod {
    /// Takes over the parts that were not read because they are written as in the pod before.
    pub(crate) fn take_over(&mut self, is_as_before: impl Fn(Part) -> bool, before: &Self) {
        self.metadata.take_over(&is_as_before, &before.metadata);
        if let (Some(spec), Some(before)) = (&mut self.spec, &before.spec) {
            if is_as_before(Part::Containers) {
                spec.containers.clone_from(&before.containers);
            }
            if is_as_before(Part::InitContainers) {
                spec.init_containers.clone_from(&before.init_containers);
            }
        }
    }

    /// Shares with the pod before what both have alike.
    pub(super) fn share(&mut self, before: &Self) {
        self.metadata.share(&before.metadata);
        if let (Some(spec), Some(before)) = (&mut self.spec, &before.spec) {
            share(&mut spec.containers, &before.containers);
            share(&mut spec.init_containers, &before.init_containers);
        }
    }
}

/// `Pod.spec`, also in templates.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodSpec {
    /// `spec.containers`.
    #[serde(default, deserialize_with = "replica::read::<{ Part::Containers as usize }, _, _>")]
    pub containers: Option<List<Container>>,
    /// `spec.initContainers`; those with `restartPolicy: Always` are sidecars.
    #[serde(default, deserialize_with = "replica::read::<{ Part::InitContainers as usize }, _, _>")]
    pub init_containers: Option<List<Container>>,
    /// `spec.hostNetwork`.
    pub host_network: Option<bool>,
    /// `spec.nodeName`.
    pub node_name: Option<Text>,
}

impl PodSpec {
    /// True if both share their containers, as replicas do that were read one after the other.
    pub(crate) fn shares_containers_with(&self, other: &Self) -> bool {
        self.containers.is_shared_with(&other.containers)
            && self.init_containers.is_shared_with(&other.init_containers)
    }
}

/// A container.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    /// `name`.
    pub name: Option<Unread>,
    /// `ports`.
    pub ports: Option<List<ContainerPort>>,
    /// `restartPolicy`, only on init containers.
    pub restart_policy: Option<Text>,
}

/// Kinds of containers, which CNIs treat differently (I15).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ContainerKind {
    /// One of `spec.containers`.
    Regular,
    /// An init container with `restartPolicy: Always`.
    Sidecar,
    /// An ordinary init container.
    Init,
}

/// One of a container's `ports`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerPort {
    /// The name a policy or a Service may use.
    pub name: Option<Text>,
    /// The number.
    pub container_port: Option<i32>,
    /// `TCP` when absent.
    pub protocol: Option<Text>,
}

/// `Pod.status`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodStatus {
    /// `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`.
    pub phase: Option<Text>,
    /// The first address.
    #[serde(rename = "podIP")]
    pub pod_ip: Option<Text>,
    /// All addresses.
    #[serde(rename = "podIPs")]
    pub pod_ips: Option<List<PodIp>>,
    /// The node's address.
    #[serde(rename = "hostIP")]
    pub host_ip: Option<Text>,
    /// The node's addresses.
    #[serde(rename = "hostIPs")]
    pub host_ips: Option<List<PodIp>>,
}

/// One of `podIPs` or `hostIPs`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct PodIp {
    /// The address.
    pub ip: Option<Text>,
}

/// `v1 Service`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct Service {
    /// Name and namespace.
    #[serde(default, deserialize_with = "null_is_default")]
    pub metadata: ObjectMeta,
    /// Selector and ports.
    pub spec: Option<ServiceSpec>,
    /// The addresses of its load balancer.
    pub status: Option<ServiceStatus>,
}

/// `Service.status`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceStatus {
    /// `status.loadBalancer`.
    pub load_balancer: Option<LoadBalancerStatus>,
}

/// `Service.status.loadBalancer`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct LoadBalancerStatus {
    /// Addresses at which clients reach the load balancer.
    pub ingress: Option<List<LoadBalancerIngress>>,
}

/// One of `Service.status.loadBalancer.ingress`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct LoadBalancerIngress {
    /// An address; absent where the load balancer has a name.
    pub ip: Option<Text>,
}

/// `Service.spec`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceSpec {
    /// `ClusterIP` when absent.
    #[serde(rename = "type")]
    pub kind: Option<Text>,
    /// Labels of the pods that back the Service; absent or empty means none by selector.
    pub selector: Option<Labels>,
    /// `spec.ports`.
    pub ports: Option<List<ServicePort>>,
    /// `None` for a headless Service.
    #[serde(rename = "clusterIP")]
    pub cluster_ip: Option<Text>,
    /// All cluster addresses.
    #[serde(rename = "clusterIPs")]
    pub cluster_ips: Option<List<Text>>,
    /// The DNS name of an ExternalName Service.
    pub external_name: Option<Text>,
    /// Addresses outside that lead to the nodes.
    #[serde(rename = "externalIPs")]
    pub external_ips: Option<List<Text>>,
    /// `Local` keeps the address of clients outside, `Cluster` (when absent) does not.
    pub external_traffic_policy: Option<Text>,
}

/// One of `Service.spec.ports`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServicePort {
    /// The name.
    pub name: Option<Text>,
    /// The number clients use.
    pub port: Option<i32>,
    /// `TCP` when absent.
    pub protocol: Option<Text>,
    /// Number or name on the pods; `port` when absent.
    pub target_port: Option<IntOrString>,
}
