//! Warnings about Ingresses whose controllers have no way to a backend any more.
//!
//! Controllers are known by the labels that their manifests and charts give them. Where the input holds none, as where
//! only the manifests of applications are kept, they run in another namespace or outside the cluster.

mod elsewhere;

use std::collections::{BTreeMap, BTreeSet};

use elsewhere::Elsewhere;

use super::services::{Concerned, cut_off, reaches_none};
use super::{Comparison, Controllers, Sample, ServiceName, Trouble, Warning};
use crate::cluster::{BackendPort, Cluster, NamespaceId, PodId, ServicePort, WorkloadId};
use crate::label::{LabelSetId, LabelValue};
use crate::net::PortSet;
use crate::query::endpoint::targets;

/// Labels of the pods that ingress controllers answer requests with: a key, and its values.
const CONTROLLERS: [(&str, &[&str]); 5] = [
    (
        "app.kubernetes.io/name",
        &[
            "ingress-nginx",
            "rke2-ingress-nginx",
            "nginx-ingress",
            "traefik",
            "haproxy-ingress",
            "kubernetes-ingress",
            "kong",
            "apisix",
            "emissary-ingress",
        ],
    ),
    ("app", &["ingress-nginx", "nginx-ingress", "haproxy-ingress", "ingress-kong", "envoy"]),
    ("k8s-app", &["traefik-ingress-lb", "nginx-ingress-controller"]),
    ("istio", &["ingressgateway"]),
    ("ingresscontroller.operator.openshift.io/deployment-ingresscontroller", &["default"]),
];

/// Components with the same labels that are no controllers, by `app.kubernetes.io/component`.
const OTHER_COMPONENTS: [&str; 3] = ["admission-webhook", "default-backend", "default-http-backend"];

/// Ingresses with a backend that every controller there is could reach, and none can reach now.
pub(super) fn warnings(comparison: &Comparison<'_, '_>, concerned: &mut Concerned) -> Vec<Warning> {
    let (old, new) = (&comparison.before.program().cluster, &comparison.after.program().cluster);
    if new.ingresses.is_empty() {
        return Vec::new();
    }
    let controllers = controllers(new);
    let by = match (self::controllers(old).is_empty(), controllers.is_empty()) {
        (_, false) => Controllers::Inside,
        (true, true) => Controllers::Elsewhere,
        (false, true) => {
            return vec![Warning { trouble: Trouble::NoController, workloads: Vec::new(), sample: None }];
        }
    };
    let elsewhere = (by == Controllers::Elsewhere).then(|| Elsewhere::new(comparison));
    // Many Ingresses send requests to the same few Services.
    let mut known: BTreeMap<_, Option<(Vec<_>, Sample)>> = BTreeMap::new();
    let mut warnings = Vec::new();
    for ((namespace, name), ingress) in &new.ingresses {
        let mut services: Vec<ServiceName> = Vec::new();
        let mut shown = None;
        for (service, port) in &ingress.backends {
            let lost = known.entry((*namespace, service, port)).or_insert_with(|| {
                let backends = backends(new, *namespace, service, port);
                match &elsewhere {
                    None => out_of_reach(comparison, concerned, &controllers, &backends),
                    Some(elsewhere) => {
                        elsewhere.lost(comparison, &backends).map(|sample| (Vec::new(), sample))
                    }
                }
            });
            let Some(lost) = lost else { continue };
            services.push((*namespace, service.clone()));
            shown.get_or_insert_with(|| lost.clone());
        }
        services.dedup();
        let Some((workloads, sample)) = shown else { continue };
        let trouble = Trouble::CutOff { ingress: (*namespace, name.clone()), services, by };
        warnings.push(Warning { trouble, workloads, sample: Some(sample) });
    }
    warnings
}

/// The pods that look like those of an ingress controller.
fn controllers(cluster: &Cluster) -> BTreeSet<PodId> {
    let mut known: BTreeMap<LabelSetId, bool> = BTreeMap::new();
    let mut serves = |labels| {
        *known.entry(labels).or_insert_with(|| {
            CONTROLLERS.iter().any(|(key, values)| says(cluster, labels, key, values))
                && !says(cluster, labels, "app.kubernetes.io/component", &OTHER_COMPONENTS)
        })
    };
    cluster.pods.enumerate().filter(|(_, pod)| serves(pod.labels)).map(|(id, _)| id).collect()
}

fn says(cluster: &Cluster, labels: LabelSetId, key: &str, values: &[&str]) -> bool {
    let Some(key) = cluster.labels.keys.get(key) else { return false };
    match cluster.labels.sets[labels].get(key) {
        Some(LabelValue::Known(value)) => values.contains(&&*cluster.labels.values[value]),
        _ => false,
    }
}

/// The pods behind a Service that an Ingress names, with the port on each.
fn backends(
    cluster: &Cluster,
    namespace: NamespaceId,
    service: &str,
    port: &BackendPort,
) -> BTreeMap<PodId, PortSet> {
    let Some(service) = cluster.services.get(&(namespace, service.into())) else { return BTreeMap::new() };
    let is_meant = |candidate: &ServicePort| match port {
        BackendPort::Number(number) => candidate.port == *number,
        BackendPort::Name(name) => candidate.name == *name,
    };
    targets(cluster, namespace, service, is_meant)
}

/// The workloads of the controllers that lost their way to all backends, if no controller has any left.
fn out_of_reach(
    comparison: &Comparison<'_, '_>,
    concerned: &mut Concerned,
    controllers: &BTreeSet<PodId>,
    backends: &BTreeMap<PodId, PortSet>,
) -> Option<(Vec<(WorkloadId, u64)>, Sample)> {
    let cluster = &comparison.after.program().cluster;
    if backends.is_empty() {
        return None;
    }
    let (pods, sample) = cut_off(comparison, concerned, backends, |pod| controllers.contains(&pod))?;
    // Replicas are alike, but for the one that is a backend itself.
    let has_way = |pod: &PodId| {
        (0..cluster.pods[*pod].count.min(2)).any(|i| !reaches_none(comparison, (*pod, i), backends))
    };
    (!controllers.iter().any(has_way)).then(|| (comparison.workloads(&pods), sample))
}
