//! Objects that are not read and hold what would be: manifests, pods, or the order to make some.
//!
//! What they lead to is decided by a tool that is not at hand, so nothing is made of them; but without a word an answer
//! would pass for that of the whole input.

use super::kinds::{self, Known};
use super::node::{Cursor, Value};
use crate::k8s::group;

/// The reason why an object matters although its kind is not read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Holds {
    /// Its fields hold objects or a pod template.
    Objects,
    /// Its controller or its tool makes objects of something else; what to do instead, if that is known.
    Reference(Option<&'static str>),
}

/// A kind whose objects stand for others that they do not hold, or that a command renders.
struct Row {
    group: &'static str,
    kind: &'static str,
    instead: Option<&'static str>,
}

const fn row(group: &'static str, kind: &'static str, instead: Option<&'static str>) -> Row {
    Row { group, kind, instead }
}

const KUSTOMIZE: Option<&str> = Some("render it first: `kubectl kustomize DIR | podreach ... -f -`");
const HELM: Option<&str> = Some("render the chart first: `helm template CHART | podreach ... -f -`");

const ROWS: &[Row] = &[
    row(
        "template.openshift.io",
        "Template",
        Some("fill it in first: `oc process -f FILE | podreach ... -f -`"),
    ),
    row("kustomize.config.k8s.io", "Kustomization", KUSTOMIZE),
    row("kustomize.config.k8s.io", "Component", KUSTOMIZE),
    row("kustomize.toolkit.fluxcd.io", "Kustomization", KUSTOMIZE),
    row("helm.toolkit.fluxcd.io", "HelmRelease", HELM),
    row("helm.cattle.io", "HelmChart", HELM),
    row("helm.crossplane.io", "Release", HELM),
    row("argoproj.io", "Application", Some("render what it names first, as `argocd app manifests` does")),
    row("argoproj.io", "ApplicationSet", None),
    row("fleet.cattle.io", "GitRepo", None),
    row("fleet.cattle.io", "Bundle", None),
    row("apps.open-cluster-management.io", "Subscription", None),
    row("kappctrl.k14s.io", "App", None),
    row("packaging.carvel.dev", "PackageInstall", None),
    row("apiextensions.crossplane.io", "Composition", None),
    row("core.oam.dev", "Application", None),
    row("addons.cluster.x-k8s.io", "ClusterResourceSet", None),
    row("addons.cluster.x-k8s.io", "HelmChartProxy", HELM),
];

/// True if objects of a kind that is not read have to be looked into.
pub(super) fn may_hold(api_version: &str, kind: &str) -> bool {
    !kinds::is_own_group(group(api_version)) || find(api_version, kind).is_some()
}

/// Finds the reason why an object of a kind that is not read matters; most do not.
pub(super) fn holds(api_version: &str, kind: &str, object: Cursor<'_, '_>) -> Option<Holds> {
    if let Some(row) = find(api_version, kind) {
        return Some(Holds::Reference(row.instead));
    }
    if kinds::is_own_group(group(api_version)) {
        return None;
    }
    let mut fields = object.entries().iter().filter(|entry| entry.key != "metadata");
    fields.any(|entry| has_object(object.at(entry.value))).then_some(Holds::Objects)
}

fn find(api_version: &str, kind: &str) -> Option<&'static Row> {
    // OpenShift's own API was in the core group once.
    let group =
        if kind == "Template" && api_version == "v1" { "template.openshift.io" } else { group(api_version) };
    ROWS.iter().find(|row| row.kind == kind && row.group == group)
}

impl Holds {
    /// Advice on how to give the objects behind it.
    pub(super) const fn help(self) -> &'static str {
        match self {
            Self::Objects => "give the objects in it as manifests of their own",
            Self::Reference(Some(instead)) => instead,
            Self::Reference(None) => "give the objects that it leads to as manifests",
        }
    }
}

/// True if a value holds an object of a kind that is read or that is a policy, or the spec of a pod. A mere reference
/// to an object has neither metadata nor fields.
fn has_object(value: Cursor<'_, '_>) -> bool {
    match value.value() {
        Value::Scalar(_) => false,
        Value::Seq(items) => items.iter().any(|item| has_object(value.at(*item))),
        Value::Map(entries) => {
            let is_map = |key| value.get(key).is_some_and(|field| !field.entries().is_empty());
            let text = |key| value.get(key).and_then(Cursor::as_str);
            let is_object = || {
                let (Some(api_version), Some(kind)) = (text("apiVersion"), text("kind")) else {
                    return false;
                };
                !matches!(kinds::find(api_version, kind), Known::No | Known::NoMatch(_))
                    && ["metadata", "spec", "data", "clone", "template"].into_iter().any(is_map)
            };
            let is_pod = || {
                let containers = value.get("containers").and_then(Cursor::items);
                containers.is_some_and(|mut containers| {
                    containers.any(|container| container.get("image").is_some())
                })
            };
            is_pod() || is_object() || entries.iter().any(|entry| has_object(value.at(entry.value)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::yaml;

    fn held(text: &str) -> Option<Holds> {
        let tree = yaml::parse(text).unwrap().unwrap();
        let field = |key| tree.root().get(key).unwrap().as_str().unwrap();
        holds(field("apiVersion"), field("kind"), tree.root())
    }

    #[test]
    fn what_holds_objects() {
        const POLICY: &str = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p}}";
        for text in [
            format!("apiVersion: work.open-cluster-management.io/v1\nkind: ManifestWork\nspec: {{workload: {{manifests: [{POLICY}]}}}}"),
            format!("apiVersion: hive.openshift.io/v1\nkind: SyncSet\nspec: {{resources: [{POLICY}]}}"),
            format!("apiVersion: kubernetes.crossplane.io/v1alpha2\nkind: Object\nspec: {{forProvider: {{manifest: {POLICY}}}}}"),
            "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nspec: {rules: [{generate: {apiVersion: networking.k8s.io/v1, \
             kind: NetworkPolicy, name: p, data: {spec: {podSelector: {}}}}}]}"
                .to_owned(),
            "apiVersion: ray.io/v1\nkind: RayCluster\nspec: {headGroupSpec: {template: {spec: {containers: [{image: x}]}}}}".to_owned(),
        ] {
            assert_eq!(held(&text), Some(Holds::Objects), "{text}");
        }
        for (text, instead) in [
            ("apiVersion: template.openshift.io/v1\nkind: Template", "oc process"),
            ("apiVersion: v1\nkind: Template", "oc process"),
            ("apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease", "helm template"),
            ("apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization", "kubectl kustomize"),
            ("apiVersion: argoproj.io/v1alpha1\nkind: Application", "argocd app manifests"),
            ("apiVersion: apiextensions.crossplane.io/v1\nkind: Composition", "as manifests"),
        ] {
            assert!(held(text).is_some_and(|holds| holds.help().contains(instead)), "{text}");
        }
        for text in [
            "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nspec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}",
            "apiVersion: keda.sh/v1\nkind: ScaledObject\nspec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}",
            "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nspec: {rules: [{match: {any: [{resources: {kinds: [Pod]}}]}}]}",
            "apiVersion: apps/v1\nkind: ControllerRevision\ndata: {spec: {template: {spec: {containers: [{image: x}]}}}}",
            "apiVersion: x.io/v1\nkind: X\nmetadata: {ownerReferences: [{apiVersion: apps/v1, kind: Deployment, metadata: {a: b}}]}",
            "apiVersion: v1\nkind: ConfigMap\ndata: {a: b}",
        ] {
            assert_eq!(held(text), None, "{text}");
        }
    }
}
