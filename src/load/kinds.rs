//! The one table of the kinds that podreach reads, and what is a list of which.

mod near;

use crate::k8s::{ResourceKind, group};

pub(super) use near::Meant;

/// The wire type of a kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reader {
    Namespace,
    Node,
    Pod,
    Service,
    Endpoints,
    EndpointSlice,
    Ingress,
    Workload,
    ReplicationController,
    NetworkPolicy,
}

/// The result of looking up an apiVersion and kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Known {
    /// It is read.
    Reader {
        /// The reader of its objects.
        reader: Reader,
        /// Set if clusters of today no longer serve this version.
        removed: bool,
    },
    /// A policy kind that is not evaluated.
    Unevaluated,
    /// No API has it, and it is nearly one that is known.
    NoMatch(Meant),
    /// Anything else.
    No,
}

/// The apiVersion and kind of list elements that state none: API responses leave them out.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Expected(Option<(String, String)>);

impl Expected {
    pub(super) fn of_list(api_version: Option<&str>, kind: &str) -> Self {
        let element = kind.strip_suffix("List").filter(|element| !element.is_empty());
        Self(api_version.zip(element).map(|(v, k)| (v.to_owned(), k.to_owned())))
    }

    /// The version and the kind of an element; an empty text says neither, as to the API server.
    pub(super) fn complete<'a>(
        &'a self,
        api_version: Option<&'a str>,
        kind: Option<&'a str>,
    ) -> (Option<&'a str>, Option<&'a str>) {
        let [api_version, kind] = [api_version, kind].map(|text| text.filter(|text| !text.is_empty()));
        match (&self.0, api_version, kind) {
            (Some((v, k)), None, None) => (Some(v), Some(k)),
            (Some((v, k)), None, Some(kind)) if k == kind => (Some(v), Some(kind)),
            _ => (api_version, kind),
        }
    }
}

/// True if an object of this kind is a list: of kind `List`, or of a kind so called that has items.
pub(super) fn is_list(kind: &str, has_items: impl Fn() -> bool) -> bool {
    kind == "List" || (kind.ends_with("List") && has_items())
}

struct Row {
    kind: &'static str,
    reader: Reader,
    served: &'static str,
    removed: &'static [&'static str],
}

const fn row(
    kind: &'static str,
    reader: Reader,
    served: &'static str,
    removed: &'static [&'static str],
) -> Row {
    Row { kind, reader, served, removed }
}

const KINDS: &[Row] = &[
    row("Namespace", Reader::Namespace, "v1", &[]),
    row("Node", Reader::Node, "v1", &[]),
    row("Pod", Reader::Pod, "v1", &[]),
    row("Service", Reader::Service, "v1", &[]),
    row("Endpoints", Reader::Endpoints, "v1", &[]),
    row("EndpointSlice", Reader::EndpointSlice, "discovery.k8s.io/v1", &["discovery.k8s.io/v1beta1"]),
    row("ReplicationController", Reader::ReplicationController, "v1", &[]),
    row("Deployment", Reader::Workload, "apps/v1", &["apps/v1beta2", "apps/v1beta1", "extensions/v1beta1"]),
    row("ReplicaSet", Reader::Workload, "apps/v1", &["apps/v1beta2", "extensions/v1beta1"]),
    row("StatefulSet", Reader::Workload, "apps/v1", &["apps/v1beta2", "apps/v1beta1"]),
    row("DaemonSet", Reader::Workload, "apps/v1", &["apps/v1beta2", "extensions/v1beta1"]),
    row("Job", Reader::Workload, "batch/v1", &[]),
    row("CronJob", Reader::Workload, "batch/v1", &["batch/v1beta1", "batch/v2alpha1"]),
    row(
        "Ingress",
        Reader::Ingress,
        "networking.k8s.io/v1",
        &["networking.k8s.io/v1beta1", "extensions/v1beta1"],
    ),
    row("NetworkPolicy", Reader::NetworkPolicy, "networking.k8s.io/v1", &["extensions/v1beta1"]),
];

/// API groups that belong to Kubernetes itself: a known kind in an unknown version there is a mistake.
const OWN_GROUPS: &[&str] = &["", "apps", "batch", "discovery.k8s.io", "extensions", "networking.k8s.io"];

/// Looks up an apiVersion and kind.
pub(super) fn find(api_version: &str, kind: &str) -> Known {
    if let Some(row) = KINDS.iter().find(|row| row.kind == kind) {
        if row.served == api_version {
            return Known::Reader { reader: row.reader, removed: false };
        }
        if row.removed.contains(&api_version) {
            return Known::Reader { reader: row.reader, removed: true };
        }
        if OWN_GROUPS.contains(&group(api_version)) {
            return Known::NoMatch(Meant::served(row.kind, group(row.served), row.served));
        }
    }
    if ResourceKind::unevaluated(api_version, kind).is_some() {
        return Known::Unevaluated;
    }
    near::nearly(api_version, kind).map_or(Known::No, Known::NoMatch)
}

/// True for a group of Kubernetes itself, none of whose other kinds holds policies or pods.
pub(super) fn is_own_group(group: &str) -> bool {
    !group.contains('.')
        || (group.ends_with(".k8s.io") && !group.ends_with(".x-k8s.io") && group != "kustomize.config.k8s.io")
}

/// True if podreach reads this kind, in some version of its API.
pub(super) fn is_known(kind: &str) -> bool {
    KINDS.iter().any(|row| row.kind == kind)
}

/// True if podreach knows this kind, and its objects live outside namespaces.
pub(super) fn is_cluster_scoped(kind: &str) -> bool {
    ResourceKind::is_cluster_scoped(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_and_kind_decide_together() {
        let served = |reader| Known::Reader { reader, removed: false };
        let removed = |reader| Known::Reader { reader, removed: true };
        let network_policy =
            Known::NoMatch(Meant::served("NetworkPolicy", "networking.k8s.io", "networking.k8s.io/v1"));
        for (api_version, kind, expected) in [
            ("v1", "Pod", served(Reader::Pod)),
            ("networking.k8s.io/v1", "NetworkPolicy", served(Reader::NetworkPolicy)),
            ("extensions/v1beta1", "NetworkPolicy", removed(Reader::NetworkPolicy)),
            ("networking.k8s.io/v1beta1", "NetworkPolicy", network_policy),
            ("v1", "NetworkPolicy", network_policy),
            ("projectcalico.org/v3", "NetworkPolicy", Known::Unevaluated),
            ("serving.knative.dev/v1", "Service", Known::No),
            ("batch/v1beta1", "CronJob", removed(Reader::Workload)),
            ("networking.k8s.io/v1", "Ingress", served(Reader::Ingress)),
            ("extensions/v1beta1", "Ingress", removed(Reader::Ingress)),
            ("config.openshift.io/v1", "Ingress", Known::No),
            ("v1", "ConfigMap", Known::No),
        ] {
            assert_eq!(find(api_version, kind), expected, "{api_version} {kind}");
        }
    }
}
