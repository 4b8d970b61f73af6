//! The fields that types of the API have, read or not: what is none of them may be a slip of the pen.
//!
//! Every key of every object is looked up here, so each type has a hash table that is made when podreach is compiled.

/// The name under which the metadata of a policy is read: whatever it holds beyond the fields of the API is an error.
pub(crate) const STRICT_METADATA: &str = "ObjectMeta of a policy";

/// The fields of a type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields {
    /// A hash table with linear probing; its length is a power of two, and free places are empty.
    slots: &'static [&'static str],
    /// Set if any other field is an error.
    pub(crate) closed: bool,
}

impl Fields {
    /// The fields of the type that serde knows by this name, if podreach knows them.
    // One piece of code: every reader of every type calls it.
    #[inline(never)]
    pub(crate) fn of(name: &str) -> Option<Self> {
        let slots: &'static [&'static str] = match name {
            STRICT_METADATA => return Some(Self { slots: &OBJECT_META, closed: true }),
            "ObjectMeta" => &OBJECT_META,
            "OwnerReference" => &OWNER_REFERENCE,
            "Namespace" | "Node" | "Pod" | "Service" | "Ingress" | "ReplicationController" => &OBJECT,
            "WorkloadObject" => &WORKLOAD_OBJECT,
            "NodeSpec" => &NODE_SPEC,
            "NodeStatus" => &NODE_STATUS,
            "NodeAddress" => &NODE_ADDRESS,
            "PodSpec" => &POD_SPEC,
            "Container" => &CONTAINER,
            "ContainerPort" => &CONTAINER_PORT,
            "PodStatus" => &POD_STATUS,
            "PodIp" => &POD_IP,
            "ServiceSpec" => &SERVICE_SPEC,
            "ServicePort" => &SERVICE_PORT,
            "ServiceStatus" => &SERVICE_STATUS,
            "LoadBalancerStatus" => &LOAD_BALANCER_STATUS,
            "LoadBalancerIngress" => &LOAD_BALANCER_INGRESS,
            "Endpoints" => &ENDPOINTS,
            "EndpointsSubset" => &ENDPOINTS_SUBSET,
            "EndpointsAddress" => &ENDPOINTS_ADDRESS,
            "EndpointSlice" => &ENDPOINT_SLICE,
            "SliceEndpoint" => &SLICE_ENDPOINT,
            "EndpointSlicePort" => &ENDPOINT_PORT,
            "WorkloadSpec" => &WORKLOAD_SPEC,
            "WorkloadSelector" => &LABEL_SELECTOR,
            "ReplicationControllerSpec" => &REPLICATION_CONTROLLER_SPEC,
            "PodTemplate" | "JobTemplate" => &TEMPLATE,
            "Ordinals" => &ORDINALS,
            "IngressSpec" => &INGRESS_SPEC,
            "IngressRule" => &INGRESS_RULE,
            "HttpIngressRule" => &HTTP_RULE,
            "HttpIngressPath" => &HTTP_PATH,
            "IngressBackend" => &INGRESS_BACKEND,
            "IngressServiceBackend" => &SERVICE_BACKEND,
            "IngressBackendPort" => &BACKEND_PORT,
            _ => return None,
        };
        Some(Self { slots, closed: false })
    }

    /// True if the type has this field.
    #[inline]
    pub(crate) fn has(self, key: &str) -> bool {
        let mask = self.slots.len() - 1;
        let mut place = hash(key.as_bytes()) & mask;
        loop {
            let name = self.slots[place];
            if name.is_empty() {
                return false;
            }
            if name == key {
                return true;
            }
            place = (place + 1) & mask;
        }
    }

    /// All of them, in no order that means anything.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        self.slots.iter().copied().filter(|name| !name.is_empty())
    }
}

/// Cheap, and good enough: few fields of one type agree in length, first, middle and last letter.
const fn hash(key: &[u8]) -> usize {
    if key.is_empty() {
        return 0;
    }
    let (first, middle, last) = (key[0] as usize, key[key.len() / 2] as usize, key[key.len() - 1] as usize);
    key.len() * 29 + first * 3 + middle * 7 + last * 17
}

const fn table<const N: usize>(names: &[&'static str]) -> [&'static str; N] {
    assert!(N.is_power_of_two() && names.len() * 3 <= N * 2, "there must be room");
    let mut slots = [""; N];
    let mut next = 0;
    while next < names.len() {
        let mut place = hash(names[next].as_bytes()) & (N - 1);
        while !slots[place].is_empty() {
            place = (place + 1) & (N - 1);
        }
        slots[place] = names[next];
        next += 1;
    }
    slots
}

static OBJECT: [&str; 8] = table(&["apiVersion", "kind", "metadata", "spec", "status"]);

/// Fields of an object that podreach takes for a workload; its kind may have others.
static WORKLOAD_OBJECT: [&str; 8] = table(&["apiVersion", "kind", "metadata", "spec", "status"]);

/// With those of older servers.
static OBJECT_META: [&str; 32] = table(&[
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
    "clusterName",
    "initializers",
]);

static OWNER_REFERENCE: [&str; 16] =
    table(&["apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"]);

static NODE_SPEC: [&str; 16] = table(&[
    "podCIDR",
    "podCIDRs",
    "providerID",
    "unschedulable",
    "taints",
    "configSource",
    "externalID",
    "podPreemptionPolicy",
]);

static NODE_STATUS: [&str; 32] = table(&[
    "capacity",
    "allocatable",
    "phase",
    "conditions",
    "addresses",
    "daemonEndpoints",
    "nodeInfo",
    "images",
    "volumesInUse",
    "volumesAttached",
    "config",
    "runtimeHandlers",
    "features",
    "declaredFeatures",
]);

static NODE_ADDRESS: [&str; 4] = table(&["type", "address"]);

static POD_SPEC: [&str; 128] = table(&[
    "volumes",
    "initContainers",
    "containers",
    "ephemeralContainers",
    "restartPolicy",
    "terminationGracePeriodSeconds",
    "activeDeadlineSeconds",
    "dnsPolicy",
    "nodeSelector",
    "serviceAccountName",
    "serviceAccount",
    "automountServiceAccountToken",
    "nodeName",
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "shareProcessNamespace",
    "securityContext",
    "imagePullSecrets",
    "hostname",
    "subdomain",
    "affinity",
    "schedulerName",
    "tolerations",
    "hostAliases",
    "priorityClassName",
    "priority",
    "dnsConfig",
    "readinessGates",
    "runtimeClassName",
    "enableServiceLinks",
    "preemptionPolicy",
    "overhead",
    "topologySpreadConstraints",
    "setHostnameAsFQDN",
    "os",
    "hostUsers",
    "schedulingGates",
    "resourceClaims",
    "resources",
    "hostnameOverride",
    "schedulingGroup",
    "evictionResponders",
    "workloadRef",
]);

static CONTAINER: [&str; 64] = table(&[
    "name",
    "image",
    "command",
    "args",
    "workingDir",
    "ports",
    "envFrom",
    "env",
    "resources",
    "resizePolicy",
    "restartPolicy",
    "restartPolicyRules",
    "volumeMounts",
    "volumeDevices",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "imagePullPolicy",
    "securityContext",
    "stdin",
    "stdinOnce",
    "tty",
]);

static CONTAINER_PORT: [&str; 8] = table(&["name", "hostPort", "containerPort", "protocol", "hostIP"]);

static POD_STATUS: [&str; 64] = table(&[
    "observedGeneration",
    "phase",
    "conditions",
    "message",
    "reason",
    "nominatedNodeName",
    "hostIP",
    "hostIPs",
    "podIP",
    "podIPs",
    "startTime",
    "initContainerStatuses",
    "containerStatuses",
    "qosClass",
    "ephemeralContainerStatuses",
    "resize",
    "resourceClaimStatuses",
    "extendedResourceClaimStatus",
    "allocatedResources",
    "resources",
    "nodeAllocatableResourceClaimStatuses",
    "volumeHealth",
]);

static POD_IP: [&str; 2] = table(&["ip"]);

/// With those of older servers.
static SERVICE_SPEC: [&str; 64] = table(&[
    "ports",
    "selector",
    "clusterIP",
    "clusterIPs",
    "type",
    "externalIPs",
    "sessionAffinity",
    "loadBalancerIP",
    "loadBalancerSourceRanges",
    "externalName",
    "externalTrafficPolicy",
    "healthCheckNodePort",
    "publishNotReadyAddresses",
    "sessionAffinityConfig",
    "ipFamilies",
    "ipFamilyPolicy",
    "allocateLoadBalancerNodePorts",
    "loadBalancerClass",
    "internalTrafficPolicy",
    "trafficDistribution",
    "topologyKeys",
    "ipFamily",
]);

static SERVICE_PORT: [&str; 16] =
    table(&["name", "protocol", "appProtocol", "port", "targetPort", "nodePort"]);

static SERVICE_STATUS: [&str; 4] = table(&["loadBalancer", "conditions"]);

static LOAD_BALANCER_STATUS: [&str; 2] = table(&["ingress"]);

static LOAD_BALANCER_INGRESS: [&str; 8] = table(&["ip", "hostname", "ipMode", "ports"]);

static ENDPOINTS: [&str; 8] = table(&["apiVersion", "kind", "metadata", "subsets"]);

static ENDPOINTS_SUBSET: [&str; 8] = table(&["addresses", "notReadyAddresses", "ports"]);

static ENDPOINTS_ADDRESS: [&str; 8] = table(&["ip", "hostname", "nodeName", "targetRef"]);

static ENDPOINT_SLICE: [&str; 16] =
    table(&["apiVersion", "kind", "metadata", "addressType", "endpoints", "ports"]);

/// With those of older servers.
static SLICE_ENDPOINT: [&str; 16] = table(&[
    "addresses",
    "conditions",
    "hostname",
    "targetRef",
    "deprecatedTopology",
    "nodeName",
    "zone",
    "hints",
    "topology",
]);

static ENDPOINT_PORT: [&str; 8] = table(&["name", "port", "protocol", "appProtocol"]);

/// Those of all kinds with a pod template together, of older servers too.
static WORKLOAD_SPEC: [&str; 64] = table(&[
    "replicas",
    "selector",
    "template",
    "strategy",
    "minReadySeconds",
    "revisionHistoryLimit",
    "paused",
    "progressDeadlineSeconds",
    "rollbackTo",
    "volumeClaimTemplates",
    "serviceName",
    "podManagementPolicy",
    "updateStrategy",
    "persistentVolumeClaimRetentionPolicy",
    "ordinals",
    "templateGeneration",
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "podFailurePolicy",
    "successPolicy",
    "backoffLimit",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
    "manualSelector",
    "ttlSecondsAfterFinished",
    "completionMode",
    "suspend",
    "podReplacementPolicy",
    "managedBy",
    "scheduling",
    "schedule",
    "timeZone",
    "startingDeadlineSeconds",
    "concurrencyPolicy",
    "jobTemplate",
    "successfulJobsHistoryLimit",
    "failedJobsHistoryLimit",
]);

static LABEL_SELECTOR: [&str; 4] = table(&["matchLabels", "matchExpressions"]);

static REPLICATION_CONTROLLER_SPEC: [&str; 8] =
    table(&["replicas", "minReadySeconds", "selector", "template"]);

static TEMPLATE: [&str; 4] = table(&["metadata", "spec"]);

static ORDINALS: [&str; 2] = table(&["start"]);

/// With those before v1.
static INGRESS_SPEC: [&str; 8] = table(&["ingressClassName", "defaultBackend", "tls", "rules", "backend"]);

static INGRESS_RULE: [&str; 4] = table(&["host", "http"]);

static HTTP_RULE: [&str; 2] = table(&["paths"]);

static HTTP_PATH: [&str; 8] = table(&["path", "pathType", "backend"]);

/// With those before v1.
static INGRESS_BACKEND: [&str; 8] = table(&["service", "resource", "serviceName", "servicePort"]);

static SERVICE_BACKEND: [&str; 4] = table(&["name", "port"]);

static BACKEND_PORT: [&str; 4] = table(&["name", "number"]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_and_others_are_not() {
        for name in ["ObjectMeta", "PodSpec", "Container", "WorkloadSpec", "Ordinals", STRICT_METADATA] {
            let fields = Fields::of(name).unwrap();
            assert!(fields.names().count() > 0);
            for field in fields.names() {
                assert!(fields.has(field), "{name}.{field}");
                assert!(
                    !fields.has(&field.to_uppercase()) && !fields.has(&format!("{field}s x")),
                    "{name}.{field}"
                );
            }
            assert!(!fields.has("") && !fields.has("é"));
            assert_eq!(fields.closed, name == STRICT_METADATA);
        }
        assert!(Fields::of("Probe").is_none());
    }
}
