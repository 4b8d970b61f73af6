//! Workloads that everybody uses: DNS, monitoring, logging. What they are known by is a habit, not a rule; nothing hangs
//! on it but what a reader may want to put aside.

use super::{Cluster, WorkloadId};
use crate::label::LabelValue;

/// Labels that say what a program is.
const KEYS: [&str; 4] = ["app.kubernetes.io/name", "k8s-app", "app", "name"];

/// Values of these labels for programs that most workloads use.
const PROGRAMS: [&str; 22] = [
    "alertmanager",
    "coredns",
    "datadog-agent",
    "fluent-bit",
    "fluentbit",
    "fluentd",
    "grafana",
    "jaeger",
    "kube-dns",
    "kube-prometheus",
    "kube-state-metrics",
    "loki",
    "metrics-server",
    "node-exporter",
    "node-local-dns",
    "nodelocaldns",
    "opentelemetry-collector",
    "prometheus",
    "prometheus-node-exporter",
    "prometheus-operator",
    "promtail",
    "vector",
];

/// Namespaces that hold nothing else.
const NAMESPACES: [&str; 7] = [
    "kube-system",
    "logging",
    "metrics",
    "monitoring",
    "observability",
    "openshift-dns",
    "openshift-monitoring",
];

impl Cluster {
    /// True if a workload looks like one that most others use: by its namespace, or by a usual label of a pod.
    pub fn is_shared_service(&self, id: WorkloadId) -> bool {
        let workload = &self.workloads[id];
        if NAMESPACES.contains(&&*self.namespaces[workload.namespace].name) {
            return true;
        }
        let keys = KEYS.map(|key| self.labels.keys.get(key));
        workload.pods.iter().any(|&pod| {
            let labels = &self.labels.sets[self.pods[pod].labels];
            keys.into_iter().flatten().any(|key| match labels.get(key) {
                Some(LabelValue::Known(value)) => PROGRAMS.contains(&&*self.labels.values[value]),
                _ => false,
            })
        })
    }
}
