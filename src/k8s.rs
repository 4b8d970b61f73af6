//! Kubernetes objects as they are written: the fields podreach reads, under the API's own names.
//!
//! Owns the shapes and nothing else: no defaulting, no validation. `None` is "absent or null" everywhere, and a null
//! list element is the zero value of its type, because that is what the API server's decoder makes of them. Policy
//! kinds deny unknown fields in their `spec`; all other kinds skip what podreach does not read.

mod apps;
mod core;
mod discovery;
mod fields;
mod ingress;
mod kinds;
mod meta;
mod networking;
mod replica;
mod scalar;

pub use apps::{
    CompletionMode, JobTemplate, Ordinals, PodTemplate, ReplicationController, ReplicationControllerSpec,
    WorkloadObject, WorkloadSelector, WorkloadSpec,
};
pub use core::{
    Container, ContainerKind, ContainerPort, Namespace, Node, NodeAddress, NodeSpec, NodeStatus, Pod, PodIp,
    PodSpec, PodStatus, Service, ServicePort, ServiceSpec,
};
pub use discovery::{
    EndpointSlice, EndpointSlicePort, Endpoints, EndpointsAddress, EndpointsSubset, SliceEndpoint,
};
pub(crate) use fields::{Fields, STRICT_METADATA};
pub use ingress::{
    HttpIngressPath, HttpIngressRule, Ingress, IngressBackend, IngressBackendPort, IngressRule,
    IngressServiceBackend, IngressSpec, TypedLocalObjectReference,
};
pub use kinds::{OWN, ResourceKind, Role, UNEVALUATED};
pub use meta::{Annotations, LabelSelector, LabelSelectorRequirement, ObjectMeta, OwnerReference, Uid};
pub(crate) use networking::ClusterWidePolicy;
pub use networking::{
    IpBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer,
    NetworkPolicyPort, NetworkPolicySpec,
};
pub(crate) use scalar::Passed;
pub use scalar::{IntOrString, Labels, List, Text, Unread};

/// The API group of an apiVersion, without the version; empty for `v1`.
pub fn group(api_version: &str) -> &str {
    api_version.rsplit_once('/').map_or("", |(group, _)| group)
}

/// One object of the input.
#[derive(Clone, PartialEq, Debug)]
pub enum Object {
    /// `v1 Namespace`.
    Namespace(Namespace),
    /// `v1 Node`.
    Node(Node),
    /// `v1 Pod`.
    Pod(Pod),
    /// Anything with a pod template.
    Workload(WorkloadObject),
    /// `v1 Service`.
    Service(Service),
    /// `v1 Endpoints`.
    Endpoints(Endpoints),
    /// `discovery.k8s.io/v1 EndpointSlice`.
    EndpointSlice(EndpointSlice),
    /// `networking.k8s.io/v1 Ingress`.
    Ingress(Ingress),
    /// `networking.k8s.io/v1 NetworkPolicy`.
    NetworkPolicy(NetworkPolicy),
    /// A policy of another API than that of NetworkPolicy.
    Unevaluated(UnevaluatedPolicy),
    /// A `v1 ConfigMap` that configures Istio.
    IstioMesh(IstioMesh),
    /// Something that could not be read; an error diagnostic says why. With `--keep-going`, whatever it might have
    /// touched is unknown.
    Broken(BrokenObject),
}

impl Object {
    /// Shares with the object before it what both have alike: most objects are pods, and replicas stand beside each other.
    pub(crate) fn share(&mut self, before: &Self) {
        if let (Self::Pod(pod), Self::Pod(before)) = (self, before) {
            pod.share(before);
        }
    }

    /// `Pod`, `Deployment`, ...; empty if not even that could be read.
    pub fn kind(&self) -> &str {
        match self {
            Self::Namespace(_) => "Namespace",
            Self::Node(_) => "Node",
            Self::Pod(_) => "Pod",
            Self::Workload(object) => &object.kind,
            Self::Service(_) => "Service",
            Self::Endpoints(_) => "Endpoints",
            Self::EndpointSlice(_) => "EndpointSlice",
            Self::Ingress(_) => "Ingress",
            Self::NetworkPolicy(_) => "NetworkPolicy",
            Self::Unevaluated(object) => &object.kind,
            Self::IstioMesh(_) => "ConfigMap",
            Self::Broken(object) => &object.kind,
        }
    }

    /// Its metadata.
    pub const fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::Namespace(object) => &object.metadata,
            Self::Node(object) => &object.metadata,
            Self::Pod(object) => &object.metadata,
            Self::Workload(object) => &object.metadata,
            Self::Service(object) => &object.metadata,
            Self::Endpoints(object) => &object.metadata,
            Self::EndpointSlice(object) => &object.metadata,
            Self::Ingress(object) => &object.metadata,
            Self::NetworkPolicy(object) => &object.metadata,
            Self::Unevaluated(object) => &object.metadata,
            Self::IstioMesh(object) => &object.metadata,
            Self::Broken(object) => &object.metadata,
        }
    }
}

impl Object {
    /// Its metadata, to be changed.
    pub const fn metadata_mut(&mut self) -> &mut ObjectMeta {
        match self {
            Self::Namespace(object) => &mut object.metadata,
            Self::Node(object) => &mut object.metadata,
            Self::Pod(object) => &mut object.metadata,
            Self::Workload(object) => &mut object.metadata,
            Self::Service(object) => &mut object.metadata,
            Self::Endpoints(object) => &mut object.metadata,
            Self::EndpointSlice(object) => &mut object.metadata,
            Self::Ingress(object) => &mut object.metadata,
            Self::NetworkPolicy(object) => &mut object.metadata,
            Self::Unevaluated(object) => &mut object.metadata,
            Self::IstioMesh(object) => &mut object.metadata,
            Self::Broken(object) => &mut object.metadata,
        }
    }

    /// True if it lives in a namespace, whatever it states; `None` if that is unknown.
    pub fn is_namespaced(&self) -> Option<bool> {
        match self {
            Self::Namespace(_) | Self::Node(_) => Some(false),
            Self::Unevaluated(UnevaluatedPolicy { api_version, kind, .. }) => {
                ResourceKind::unevaluated(api_version, kind).map(|kind| kind.namespaced)
            }
            Self::Broken(BrokenObject { rest: Some(rest), .. }) => rest.object.is_namespaced(),
            Self::Broken(BrokenObject { api_version, kind, .. }) => {
                ResourceKind::unevaluated(api_version, kind).map(|kind| kind.namespaced)
            }
            _ => Some(true),
        }
    }
}

/// The known parts of an object that could not be read.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct BrokenObject {
    /// Empty when not even that could be read.
    pub api_version: Text,
    /// Empty when not even that could be read: it could be anything.
    pub kind: Text,
    /// As far as it could be read.
    pub metadata: ObjectMeta,
    /// Set if it states a namespace that could not be read, or more than one: it could be in any.
    pub namespace_unknown: bool,
    /// The sound part of it, if its kind is known: only to find what else is wrong, never to be evaluated.
    pub rest: Option<Box<Rest>>,
}

/// The rest of an object without the fields that could not be read.
#[derive(Clone, PartialEq, Debug)]
pub struct Rest {
    /// The object.
    pub object: Object,
    /// Paths of fields whose neighbours say nothing certain, now that something is missing there.
    pub doubtful: Vec<Box<str>>,
}

/// The mesh settings of a ConfigMap `istio`, or `istio-REVISION`, that names the root namespace.
#[derive(Clone, PartialEq, Debug)]
pub struct IstioMesh {
    /// Name and namespace.
    pub metadata: ObjectMeta,
    /// `rootNamespace` of the configuration that its key `mesh` holds; `None` if that cannot be read.
    pub root_namespace: Option<Text>,
}

/// A policy of another API than that of NetworkPolicy, as untyped data: of a kind that podreach recognises and does not
/// evaluate, or of one whose schema [`crate::policy`] holds it to.
#[derive(Clone, PartialEq, Debug)]
pub struct UnevaluatedPolicy {
    /// `cilium.io/v2`.
    pub api_version: Text,
    /// `CiliumNetworkPolicy`.
    pub kind: Text,
    /// Name and namespace.
    pub metadata: ObjectMeta,
    /// The whole `spec` (or `specs`) as untyped data, to find out what it might select; `Null` when there is none.
    pub spec: serde_json::Value,
}
