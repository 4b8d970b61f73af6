//! The shape of every kind that is read: the fields of the structs of [`crate::k8s`], once more as a table.
//!
//! Policies are closed: a field that is not here is an error. Of all other kinds only these fields are looked at.

use super::kinds::Reader;
use super::schema::Shape;

impl Reader {
    /// The shape of the kinds that are read so.
    pub(super) const fn shape(self) -> Shape {
        match self {
            Self::Namespace => NAMESPACE,
            Self::Node => NODE,
            Self::Pod => POD,
            Self::Service => SERVICE,
            Self::Endpoints => ENDPOINTS,
            Self::EndpointSlice => ENDPOINT_SLICE,
            Self::Ingress => INGRESS,
            Self::Workload => WORKLOAD,
            Self::NetworkPolicy => NETWORK_POLICY,
        }
    }
}

/// `networking.k8s.io/v1 NetworkPolicy`.
pub(super) const NETWORK_POLICY: Shape = Shape::Object(&[
    ("apiVersion", Shape::String),
    ("kind", Shape::String),
    ("metadata", METADATA),
    ("spec", SPEC),
    ("status", Shape::Any),
]);

const METADATA: Shape = Shape::Open(&[
    ("name", Shape::String),
    ("generateName", Shape::String),
    ("namespace", Shape::String),
    ("uid", Shape::String),
    ("labels", Shape::Labels),
    ("annotations", ANNOTATIONS),
    ("ownerReferences", Shape::List(&OWNER)),
    ("deletionTimestamp", Shape::String),
]);

const ANNOTATIONS: Shape =
    Shape::Open(&[("config.kubernetes.io/local-config", Shape::String), ("helm.sh/hook", Shape::String)]);

const OWNER: Shape = Shape::Open(&[
    ("apiVersion", Shape::String),
    ("kind", Shape::String),
    ("name", Shape::String),
    ("uid", Shape::String),
    ("controller", Shape::Bool),
]);

const SPEC: Shape = Shape::Object(&[
    ("podSelector", SELECTOR),
    ("policyTypes", STRINGS),
    ("ingress", Shape::List(&INGRESS_RULE)),
    ("egress", Shape::List(&EGRESS_RULE)),
]);

const STRINGS: Shape = Shape::List(&Shape::String);

const SELECTOR: Shape =
    Shape::Object(&[("matchLabels", Shape::Labels), ("matchExpressions", Shape::List(&REQUIREMENT))]);

const REQUIREMENT: Shape =
    Shape::Object(&[("key", Shape::String), ("operator", Shape::String), ("values", STRINGS)]);

const INGRESS_RULE: Shape = Shape::Object(&[("from", Shape::List(&PEER)), ("ports", Shape::List(&PORT))]);

const EGRESS_RULE: Shape = Shape::Object(&[("to", Shape::List(&PEER)), ("ports", Shape::List(&PORT))]);

const PEER: Shape =
    Shape::Object(&[("podSelector", SELECTOR), ("namespaceSelector", SELECTOR), ("ipBlock", IP_BLOCK)]);

const IP_BLOCK: Shape = Shape::Object(&[("cidr", Shape::String), ("except", STRINGS)]);

const PORT: Shape =
    Shape::Object(&[("protocol", Shape::String), ("port", Shape::IntOrString), ("endPort", Shape::Int32)]);

const NAMESPACE: Shape = Shape::Open(&[("metadata", METADATA)]);

/// `v1 Node`.
pub(super) const NODE: Shape = Shape::Open(&[
    ("metadata", METADATA),
    ("spec", Shape::Open(&[("podCIDRs", STRINGS)])),
    ("status", Shape::Open(&[("addresses", Shape::List(&NODE_ADDRESS))])),
]);

const NODE_ADDRESS: Shape = Shape::Open(&[("type", Shape::String), ("address", Shape::String)]);

/// `v1 Pod`.
pub(super) const POD: Shape =
    Shape::Open(&[("metadata", METADATA), ("spec", POD_SPEC), ("status", POD_STATUS)]);

const POD_SPEC: Shape = Shape::Open(&[
    ("containers", Shape::List(&CONTAINER)),
    ("initContainers", Shape::List(&CONTAINER)),
    ("hostNetwork", Shape::Bool),
    ("nodeName", Shape::String),
]);

const CONTAINER: Shape = Shape::Open(&[
    ("name", Shape::String),
    ("ports", Shape::List(&CONTAINER_PORT)),
    ("restartPolicy", Shape::String),
]);

const CONTAINER_PORT: Shape =
    Shape::Open(&[("name", Shape::String), ("containerPort", Shape::Int32), ("protocol", Shape::String)]);

const POD_STATUS: Shape = Shape::Open(&[
    ("phase", Shape::String),
    ("podIP", Shape::String),
    ("podIPs", Shape::List(&POD_IP)),
    ("hostIP", Shape::String),
    ("hostIPs", Shape::List(&POD_IP)),
]);

const POD_IP: Shape = Shape::Open(&[("ip", Shape::String)]);

/// `v1 Service`.
pub(super) const SERVICE: Shape = Shape::Open(&[
    ("metadata", METADATA),
    (
        "spec",
        Shape::Open(&[
            ("type", Shape::String),
            ("selector", Shape::Labels),
            ("ports", Shape::List(&SERVICE_PORT)),
            ("clusterIP", Shape::String),
            ("clusterIPs", STRINGS),
            ("externalName", Shape::String),
        ]),
    ),
]);

const SERVICE_PORT: Shape = Shape::Open(&[
    ("name", Shape::String),
    ("port", Shape::Int32),
    ("protocol", Shape::String),
    ("targetPort", Shape::IntOrString),
]);

/// `v1 Endpoints`.
pub(super) const ENDPOINTS: Shape = Shape::Open(&[("metadata", METADATA), ("subsets", Shape::List(&SUBSET))]);

const SUBSET: Shape =
    Shape::Open(&[("addresses", Shape::List(&POD_IP)), ("ports", Shape::List(&ENDPOINT_PORT))]);

/// `discovery.k8s.io/v1 EndpointSlice`.
pub(super) const ENDPOINT_SLICE: Shape = Shape::Open(&[
    ("metadata", METADATA),
    ("endpoints", Shape::List(&Shape::Open(&[("addresses", STRINGS)]))),
    ("ports", Shape::List(&ENDPOINT_PORT)),
]);

const ENDPOINT_PORT: Shape =
    Shape::Open(&[("name", Shape::String), ("port", Shape::Int32), ("protocol", Shape::String)]);

/// `networking.k8s.io/v1 Ingress`, and what came before it.
pub(super) const INGRESS: Shape = Shape::Open(&[
    ("metadata", METADATA),
    (
        "spec",
        Shape::Open(&[
            ("defaultBackend", INGRESS_BACKEND),
            ("backend", INGRESS_BACKEND),
            ("rules", Shape::List(&HTTP_RULE)),
        ]),
    ),
]);

const HTTP_RULE: Shape = Shape::Open(&[(
    "http",
    Shape::Open(&[("paths", Shape::List(&Shape::Open(&[("backend", INGRESS_BACKEND)])))]),
)]);

const INGRESS_BACKEND: Shape = Shape::Open(&[
    (
        "service",
        Shape::Open(&[
            ("name", Shape::String),
            ("port", Shape::Open(&[("name", Shape::String), ("number", Shape::Int32)])),
        ]),
    ),
    ("resource", Shape::Open(&[])),
    ("serviceName", Shape::String),
    ("servicePort", Shape::IntOrString),
]);

/// Anything with a pod template.
pub(super) const WORKLOAD: Shape = Shape::Open(&[
    ("apiVersion", Shape::String),
    ("kind", Shape::String),
    ("metadata", METADATA),
    ("spec", Shape::Open(&WORKLOAD_SPEC)),
]);

/// Statics, since a CronJob holds the `spec` of a Job.
static WORKLOAD_SPEC: [(&str, Shape); 10] = [
    ("replicas", Shape::Int32),
    ("selector", WORKLOAD_SELECTOR),
    ("template", POD_TEMPLATE),
    ("ordinals", Shape::Open(&[("start", Shape::Int32)])),
    ("parallelism", Shape::Int32),
    ("completions", Shape::Int32),
    ("completionMode", Shape::OneOf(&["NonIndexed", "Indexed"])),
    ("manualSelector", Shape::Bool),
    ("suspend", Shape::Bool),
    ("jobTemplate", Shape::Open(&JOB_TEMPLATE)),
];

static JOB_TEMPLATE: [(&str, Shape); 1] = [("spec", Shape::Open(&WORKLOAD_SPEC))];

const WORKLOAD_SELECTOR: Shape =
    Shape::Open(&[("matchLabels", Shape::Labels), ("matchExpressions", Shape::List(&REQUIREMENT))]);

const POD_TEMPLATE: Shape = Shape::Open(&[("metadata", METADATA), ("spec", POD_SPEC)]);
