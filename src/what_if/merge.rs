//! Keeps fields of an object when another manifest of it is applied, or put in its place.
//!
//! Of objects without a uid, which are manifests themselves, only what the cluster adds: the rest is replaced. Of those of
//! a live cluster `kubectl apply` keeps every field that the manifest leaves out, unless the manifest that was applied
//! before had it; lists are taken whole. `kubectl replace` keeps none, and the API server fills in its defaults.

use serde_json::Value;

use super::scale;
use crate::cluster::meta_mut;
use crate::k8s::{Annotations, LabelSelector, Labels, NetworkPolicySpec, Object, PodTemplate, WorkloadSpec};

/// Adds to `new` the fields of `old` that stay when `new` is applied.
pub(super) fn apply(old: &Object, new: &mut Object) {
    keep_identity(old, new);
    keep_cluster_fields(old, new);
    if let Some(meta) = meta_mut(new) {
        keep(&mut meta.owner_references, old.metadata().owner_references.as_ref());
    }
    if old.metadata().uid.is_some() {
        keep_live(old, new);
    }
}

/// Adds to `new` the fields of `old` that stay when `new` is put in its place.
pub(super) fn replace(old: &Object, new: &mut Object) {
    keep_identity(old, new);
    keep_cluster_fields(old, new);
    let is_live = old.metadata().uid.is_some();
    if let Object::Workload(workload) = new
        && is_live
        && scale::counts_replicas(workload)
        && let Some(spec) = &mut workload.spec
    {
        spec.replicas.get_or_insert(1);
    }
}

/// True if applying `new` keeps anything of `old` beside its identity.
pub(super) fn keeps_any(old: &crate::load::Manifest, new: &crate::load::Manifest) -> bool {
    let mut merged = new.object.clone();
    keep_identity(&old.object, &mut merged);
    let before = merged.clone();
    apply(&old.object, &mut merged);
    merged != before
}

/// The uid and what was noted beside an object.
pub(super) fn keep_identity(old: &Object, new: &mut Object) {
    let Some(meta) = meta_mut(new) else { return };
    keep(&mut meta.uid, old.metadata().uid.as_ref());
    if meta.uid.is_some() {
        let own = meta.annotations.take().and_then(|annotations| annotations.helm_hook);
        meta.annotations = old.metadata().annotations.as_ref().map(|old| Annotations {
            helm_hook: own.clone().or_else(|| old.helm_hook.clone()),
            ..Annotations::default()
        });
    }
}

fn keep<T: Clone>(new: &mut Option<T>, old: Option<&T>) {
    if new.is_none() {
        *new = old.cloned();
    }
}

/// Keeps the fields that the cluster adds to an object: a manifest does not have them.
fn keep_cluster_fields(old: &Object, new: &mut Object) {
    match (old, new) {
        (Object::Pod(old), Object::Pod(new)) => {
            keep(&mut new.status, old.status.as_ref());
            if let (Some(old), Some(new)) = (&old.spec, &mut new.spec) {
                keep(&mut new.node_name, old.node_name.as_ref());
            }
        }
        (Object::Node(old), Object::Node(new)) => {
            keep(&mut new.spec, old.spec.as_ref());
            keep(&mut new.status, old.status.as_ref());
        }
        (Object::Service(old), Object::Service(new)) => {
            if let (Some(old), Some(new)) = (&old.spec, &mut new.spec)
                && new.kind.as_deref() != Some("ExternalName")
            {
                keep(&mut new.cluster_ip, old.cluster_ip.as_ref());
                keep(&mut new.cluster_ips, old.cluster_ips.as_ref());
            }
        }
        _ => {}
    }
}

/// A field of the manifest that was applied before.
#[derive(Clone, Copy)]
struct Before<'v>(Option<&'v Value>);

impl Before<'_> {
    fn field(self, name: &str) -> Self {
        Self(self.0.and_then(|value| value.get(name)).filter(|value| !value.is_null()))
    }

    /// Keeps a field that neither the manifest nor the one before it has.
    fn keep<T: Clone>(self, name: &str, new: &mut Option<T>, old: Option<&T>) {
        if self.field(name).0.is_none() {
            keep(new, old);
        }
    }

    /// The same for each key of a map.
    fn keep_labels(self, name: &str, new: &mut Option<Labels>, old: Option<&Labels>) {
        let before = self.field(name);
        let written = new.as_ref();
        let kept: Vec<(&str, &str)> = old
            .into_iter()
            .flat_map(Labels::iter)
            .filter(|(key, _)| before.field(key).0.is_none())
            .filter(|(key, _)| written.is_none_or(|written| written.get(key).is_none()))
            .collect();
        if !kept.is_empty() {
            *new = Some(written.into_iter().flat_map(Labels::iter).chain(kept).collect());
        }
    }

    fn keep_selector(self, name: &str, new: &mut Option<LabelSelector>, old: Option<&LabelSelector>) {
        let before = self.field(name);
        if let Some(old) = old {
            let has_old = old.match_labels.is_some() || old.match_expressions.is_some();
            if new.is_none() && !has_old {
                return;
            }
            let new = new.get_or_insert_default();
            before.keep_labels("matchLabels", &mut new.match_labels, old.match_labels.as_ref());
            before.keep("matchExpressions", &mut new.match_expressions, old.match_expressions.as_ref());
        }
    }

    fn keep_policy(self, new: &mut NetworkPolicySpec, old: &NetworkPolicySpec) {
        self.keep_selector("podSelector", &mut new.pod_selector, old.pod_selector.as_ref());
        self.keep("policyTypes", &mut new.policy_types, old.policy_types.as_ref());
        self.keep("ingress", &mut new.ingress, old.ingress.as_ref());
        self.keep("egress", &mut new.egress, old.egress.as_ref());
    }

    fn keep_workload(self, new: &mut WorkloadSpec, old: &WorkloadSpec) {
        self.keep("replicas", &mut new.replicas, old.replicas.as_ref());
        self.keep("selector", &mut new.selector, old.selector.as_ref());
        self.keep("ordinals", &mut new.ordinals, old.ordinals.as_ref());
        self.keep("parallelism", &mut new.parallelism, old.parallelism.as_ref());
        self.keep("completions", &mut new.completions, old.completions.as_ref());
        self.keep("completionMode", &mut new.completion_mode, old.completion_mode.as_ref());
        self.keep("manualSelector", &mut new.manual_selector, old.manual_selector.as_ref());
        self.keep("suspend", &mut new.suspend, old.suspend.as_ref());
        if let (Some(new), Some(old)) = (&mut new.template, &old.template) {
            self.field("template").keep_template(new, old);
        }
        let jobs = [&mut new.job_template].into_iter().flatten().zip(&old.job_template);
        for (new, old) in jobs {
            if let (Some(new), Some(old)) = (&mut new.spec, &old.spec) {
                self.field("jobTemplate").field("spec").keep_workload(new, old);
            }
        }
    }

    fn keep_template(self, new: &mut PodTemplate, old: &PodTemplate) {
        if let Some(old) = old.metadata.as_ref().and_then(|meta| meta.labels.as_ref()) {
            let meta = new.metadata.get_or_insert_default();
            self.field("metadata").keep_labels("labels", &mut meta.labels, Some(old));
        }
        if let (Some(new), Some(old)) = (&mut new.spec, &old.spec) {
            let before = self.field("spec");
            before.keep("hostNetwork", &mut new.host_network, old.host_network.as_ref());
            before.keep("nodeName", &mut new.node_name, old.node_name.as_ref());
            before.keep("initContainers", &mut new.init_containers, old.init_containers.as_ref());
        }
    }

    /// An untyped object, as a custom resource is merged.
    fn keep_value(self, new: &mut Value, old: &Value) {
        let (Value::Object(new), Value::Object(old)) = (new, old) else { return };
        for (key, old) in old {
            match new.get_mut(key) {
                Some(new) => self.field(key).keep_value(new, old),
                None if self.field(key).0.is_none() => {
                    new.insert(key.clone(), old.clone());
                }
                None => {}
            }
        }
    }
}

/// Keeps the fields of a live object that `kubectl apply` keeps.
fn keep_live(old: &Object, new: &mut Object) {
    let noted =
        old.metadata().annotations.as_ref().and_then(|annotations| annotations.last_applied.as_deref());
    let before = Before(noted);
    if let Some(meta) = meta_mut(new) {
        let old = old.metadata();
        before.field("metadata").keep_labels("labels", &mut meta.labels, old.labels.as_ref());
    }
    let before = before.field("spec");
    match (old, new) {
        (Object::NetworkPolicy(old), Object::NetworkPolicy(new)) => {
            if let Some(old) = &old.spec {
                before.keep_policy(new.spec.get_or_insert_default(), old);
            }
        }
        (Object::Workload(old), Object::Workload(new)) => {
            if let (Some(new), Some(old)) = (&mut new.spec, &old.spec) {
                before.keep_workload(new, old);
            }
        }
        (Object::Service(old), Object::Service(new)) => {
            if let (Some(new), Some(old)) = (&mut new.spec, &old.spec) {
                before.keep_labels("selector", &mut new.selector, old.selector.as_ref());
                before.keep("type", &mut new.kind, old.kind.as_ref());
                before.keep("ports", &mut new.ports, old.ports.as_ref());
            }
        }
        (Object::Unevaluated(old), Object::Unevaluated(new)) => before.keep_value(&mut new.spec, &old.spec),
        _ => {}
    }
}
