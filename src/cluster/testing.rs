//! Manifests for the unit tests of the builder, from JSON values.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Built, Cluster, Options, PodId, build};
use crate::diagnostic::{Code, Origin, Severity, SourceId};
use crate::index::Id;
use crate::k8s::{Object, UnevaluatedPolicy};
use crate::label::LabelValue;
use crate::load::Manifest;

/// One manifest for each value, decoded by its `kind`.
pub(super) fn manifests(values: &[Value]) -> Vec<Manifest> {
    let manifest = |(i, value): (usize, &Value)| Manifest {
        object: object(value),
        origin: Origin { source: SourceId::from_index(0), document: i as u64..i as u64 + 1, item: "".into() },
    };
    values.iter().enumerate().map(manifest).collect()
}

fn object(value: &Value) -> Object {
    fn decode<T: DeserializeOwned>(value: &Value) -> T {
        serde_json::from_value(value.clone()).unwrap()
    }
    match value["kind"].as_str().unwrap_or_default() {
        "Namespace" => Object::Namespace(decode(value)),
        "Node" => Object::Node(decode(value)),
        "Pod" => Object::Pod(decode(value)),
        "Service" => Object::Service(decode(value)),
        "Endpoints" => Object::Endpoints(decode(value)),
        "EndpointSlice" => Object::EndpointSlice(decode(value)),
        "Ingress" => Object::Ingress(decode(value)),
        "NetworkPolicy" if value.get("apiVersion").is_none() => Object::NetworkPolicy(decode(value)),
        kind if kind.ends_with("Policy") => Object::Unevaluated(UnevaluatedPolicy {
            api_version: value["apiVersion"].as_str().unwrap().into(),
            kind: kind.into(),
            metadata: decode(&value["metadata"]),
            spec: value["spec"].clone(),
        }),
        _ => Object::Workload(decode(value)),
    }
}

/// The cluster of these objects.
pub(super) fn built(values: &[Value]) -> Built {
    build(&manifests(values), &Options::default())
}

/// The cluster of these objects, which have no errors.
pub(super) fn cluster(values: &[Value]) -> Cluster {
    let built = built(values);
    let errors = messages(&built, |severity| severity == Severity::Error);
    assert!(errors.is_empty(), "{errors:?}");
    Arc::unwrap_or_clone(built.cluster)
}

/// The errors in these objects, as `path: message`.
pub(super) fn errors(values: &[Value]) -> Vec<String> {
    messages(&built(values), |severity| severity == Severity::Error)
}

/// Findings as `path: message`.
pub(super) fn messages(built: &Built, keep: impl Fn(Severity) -> bool) -> Vec<String> {
    built
        .diagnostics
        .iter()
        .filter(|d| keep(d.severity()))
        .map(|d| if d.path.is_empty() { d.message.clone() } else { format!("{}: {}", d.path, d.message) })
        .collect()
}

/// The codes of all findings.
pub(super) fn codes(built: &Built) -> Vec<Code> {
    built.diagnostics.iter().map(|d| d.code).collect()
}

/// `NS/NAME xCOUNT` of every pod group.
pub(super) fn pods(cluster: &Cluster) -> Vec<String> {
    cluster.pods.enumerate().map(|(id, pod)| format!("{} x{}", cluster.pod_path(id, 0), pod.count)).collect()
}

/// The labels of a pod group, sorted: `key=value`, `key` (present), `key?` (unknown).
pub(super) fn labels_of(cluster: &Cluster, pod: usize) -> Vec<String> {
    let set = &cluster.labels.sets[cluster.pods[PodId::from_index(pod)].labels];
    let mut labels: Vec<String> = set
        .entries()
        .iter()
        .map(|&(key, value)| {
            let key = &cluster.labels.keys[key];
            match value {
                LabelValue::Known(value) => format!("{key}={}", cluster.labels.values[value]),
                LabelValue::Present => key.to_string(),
                LabelValue::Unknown => format!("{key}?"),
            }
        })
        .collect();
    labels.sort_unstable();
    labels
}
