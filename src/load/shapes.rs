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
            Self::ReplicationController => REPLICATION_CONTROLLER,
            Self::NetworkPolicy => NETWORK_POLICY,
        }
    }
}

/// `networking.k8s.io/v1 NetworkPolicy`.
pub(super) const NETWORK_POLICY: Shape = Shape::Object(&[
    ("apiVersion", Shape::String),
    ("kind", Shape::String),
    ("metadata", STRICT_METADATA),
    ("spec", SPEC),
    ("status", Shape::Any),
]);

const METADATA: Shape = Shape::Open("ObjectMeta", METADATA_FIELDS);

/// Metadata in which there may be no other fields than these and the unread ones of the API.
const STRICT_METADATA: Shape = Shape::Strict("ObjectMeta", METADATA_FIELDS);

const METADATA_FIELDS: &[(&str, Shape)] = &[
    ("name", Shape::String),
    ("generateName", Shape::String),
    ("namespace", Shape::String),
    ("uid", Shape::String),
    ("labels", Shape::Labels),
    ("annotations", Shape::Annotations),
    ("ownerReferences", Shape::List(&OWNER)),
    ("deletionTimestamp", Shape::String),
];

const OWNER: Shape = Shape::Open(
    "OwnerReference",
    &[
        ("apiVersion", Shape::String),
        ("kind", Shape::String),
        ("name", Shape::String),
        ("uid", Shape::String),
        ("controller", Shape::Bool),
    ],
);

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

const NAMESPACE: Shape = Shape::Open("Namespace", &[("metadata", METADATA)]);

/// `v1 Node`.
pub(super) const NODE: Shape = Shape::Open(
    "Node",
    &[
        ("metadata", METADATA),
        ("spec", Shape::Open("NodeSpec", &[("podCIDRs", STRINGS)])),
        ("status", Shape::Open("NodeStatus", &[("addresses", Shape::List(&NODE_ADDRESS))])),
    ],
);

const NODE_ADDRESS: Shape =
    Shape::Open("NodeAddress", &[("type", Shape::String), ("address", Shape::String)]);

/// `v1 Pod`.
pub(super) const POD: Shape =
    Shape::Open("Pod", &[("metadata", METADATA), ("spec", POD_SPEC), ("status", POD_STATUS)]);

const POD_SPEC: Shape = Shape::Open(
    "PodSpec",
    &[
        ("containers", Shape::List(&CONTAINER)),
        ("initContainers", Shape::List(&CONTAINER)),
        ("hostNetwork", Shape::Bool),
        ("nodeName", Shape::String),
    ],
);

const CONTAINER: Shape = Shape::Open(
    "Container",
    &[("name", Shape::String), ("ports", Shape::List(&CONTAINER_PORT)), ("restartPolicy", Shape::String)],
);

const CONTAINER_PORT: Shape = Shape::Open(
    "ContainerPort",
    &[("name", Shape::String), ("containerPort", Shape::Int32), ("protocol", Shape::String)],
);

const POD_STATUS: Shape = Shape::Open(
    "PodStatus",
    &[
        ("phase", Shape::String),
        ("podIP", Shape::String),
        ("podIPs", Shape::List(&POD_IP)),
        ("hostIP", Shape::String),
        ("hostIPs", Shape::List(&POD_IP)),
    ],
);

const POD_IP: Shape = Shape::Open("PodIp", &[("ip", Shape::String)]);

/// `v1 Service`.
pub(super) const SERVICE: Shape = Shape::Open(
    "Service",
    &[
        ("metadata", METADATA),
        (
            "spec",
            Shape::Open(
                "ServiceSpec",
                &[
                    ("type", Shape::String),
                    ("selector", Shape::Labels),
                    ("ports", Shape::List(&SERVICE_PORT)),
                    ("clusterIP", Shape::String),
                    ("clusterIPs", STRINGS),
                    ("externalName", Shape::String),
                    ("externalIPs", STRINGS),
                    ("externalTrafficPolicy", Shape::String),
                ],
            ),
        ),
        ("status", Shape::Open("ServiceStatus", &[("loadBalancer", LOAD_BALANCER)])),
    ],
);

const LOAD_BALANCER: Shape =
    Shape::Open("LoadBalancerStatus", &[("ingress", Shape::List(&LOAD_BALANCER_INGRESS))]);

const LOAD_BALANCER_INGRESS: Shape = Shape::Open("LoadBalancerIngress", &[("ip", Shape::String)]);

const SERVICE_PORT: Shape = Shape::Open(
    "ServicePort",
    &[
        ("name", Shape::String),
        ("port", Shape::Int32),
        ("protocol", Shape::String),
        ("targetPort", Shape::IntOrString),
    ],
);

/// `v1 Endpoints`.
pub(super) const ENDPOINTS: Shape =
    Shape::Open("Endpoints", &[("metadata", METADATA), ("subsets", Shape::List(&SUBSET))]);

const SUBSET: Shape = Shape::Open(
    "EndpointsSubset",
    &[
        ("addresses", Shape::List(&POD_IP)),
        ("notReadyAddresses", Shape::List(&POD_IP)),
        ("ports", Shape::List(&ENDPOINT_PORT)),
    ],
);

/// `discovery.k8s.io/v1 EndpointSlice`.
pub(super) const ENDPOINT_SLICE: Shape = Shape::Open(
    "EndpointSlice",
    &[
        ("metadata", METADATA),
        ("addressType", Shape::String),
        ("endpoints", Shape::List(&Shape::Open("SliceEndpoint", &[("addresses", STRINGS)]))),
        ("ports", Shape::List(&ENDPOINT_PORT)),
    ],
);

const ENDPOINT_PORT: Shape = Shape::Open(
    "EndpointSlicePort",
    &[("name", Shape::String), ("port", Shape::Int32), ("protocol", Shape::String)],
);

/// `networking.k8s.io/v1 Ingress`, and what came before it.
pub(super) const INGRESS: Shape = Shape::Open(
    "Ingress",
    &[
        ("metadata", METADATA),
        (
            "spec",
            Shape::Open(
                "IngressSpec",
                &[
                    ("defaultBackend", INGRESS_BACKEND),
                    ("backend", INGRESS_BACKEND),
                    ("rules", Shape::List(&HTTP_RULE)),
                ],
            ),
        ),
    ],
);

const HTTP_RULE: Shape = Shape::Open(
    "IngressRule",
    &[(
        "http",
        Shape::Open(
            "HttpIngressRule",
            &[("paths", Shape::List(&Shape::Open("HttpIngressPath", &[("backend", INGRESS_BACKEND)])))],
        ),
    )],
);

const INGRESS_BACKEND: Shape = Shape::Open(
    "IngressBackend",
    &[
        (
            "service",
            Shape::Open(
                "IngressServiceBackend",
                &[
                    ("name", Shape::String),
                    (
                        "port",
                        Shape::Open(
                            "IngressBackendPort",
                            &[("name", Shape::String), ("number", Shape::Int32)],
                        ),
                    ),
                ],
            ),
        ),
        ("resource", Shape::Open("", &[])),
        ("serviceName", Shape::String),
        ("servicePort", Shape::IntOrString),
    ],
);

/// Anything with a pod template.
pub(super) const WORKLOAD: Shape = Shape::Open(
    "WorkloadObject",
    &[
        ("apiVersion", Shape::String),
        ("kind", Shape::String),
        ("metadata", METADATA),
        ("spec", Shape::Open("WorkloadSpec", &WORKLOAD_SPEC)),
    ],
);

/// Statics, since a CronJob holds the `spec` of a Job.
static WORKLOAD_SPEC: [(&str, Shape); 10] = [
    ("replicas", Shape::Int32),
    ("selector", WORKLOAD_SELECTOR),
    ("template", POD_TEMPLATE),
    ("ordinals", Shape::Open("Ordinals", &[("start", Shape::Int32)])),
    ("parallelism", Shape::Int32),
    ("completions", Shape::Int32),
    ("completionMode", Shape::OneOf(&["NonIndexed", "Indexed"])),
    ("manualSelector", Shape::Bool),
    ("suspend", Shape::Bool),
    ("jobTemplate", Shape::Open("JobTemplate", &JOB_TEMPLATE)),
];

static JOB_TEMPLATE: [(&str, Shape); 1] = [("spec", Shape::Open("WorkloadSpec", &WORKLOAD_SPEC))];

const WORKLOAD_SELECTOR: Shape = Shape::Open(
    "WorkloadSelector",
    &[("matchLabels", Shape::Labels), ("matchExpressions", Shape::List(&REQUIREMENT))],
);

/// `v1 ReplicationController`.
pub(super) const REPLICATION_CONTROLLER: Shape = Shape::Open(
    "ReplicationController",
    &[
        ("metadata", METADATA),
        (
            "spec",
            Shape::Open(
                "ReplicationControllerSpec",
                &[("replicas", Shape::Int32), ("selector", Shape::Labels), ("template", POD_TEMPLATE)],
            ),
        ),
    ],
);

const POD_TEMPLATE: Shape = Shape::Open("PodTemplate", &[("metadata", METADATA), ("spec", POD_SPEC)]);
