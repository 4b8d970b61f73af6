//! The stand-in for the objects of a text that cannot be read.
//!
//! Such a text could hold anything, so with `--keep-going` it makes everything unknown, unless it shows that it touches
//! nothing: all kinds that it mentions are of objects that decide about no connection.

use crate::k8s::{BrokenObject, Object};

/// Advice for a file that is no manifest.
pub(super) const LEAVE_OUT: &str = "if it is no manifest, `--exclude NAME` leaves it out";

/// Makes the stand-in for the objects of a text that cannot be read.
pub(super) fn unread(text: &[u8]) -> Object {
    let kind = harmless_kind(&String::from_utf8_lossy(text)).unwrap_or_default();
    Object::Broken(BrokenObject { kind: kind.into(), ..BrokenObject::default() })
}

/// The first kind that a text mentions, if none that it mentions is a policy, a pod, a namespace, or holds one. Any way to
/// write the key or its value that could hide a kind counts as one of these.
fn harmless_kind(text: &str) -> Option<String> {
    // Escapes may write a key in other characters. Where the policies of a mesh hold is said by a ConfigMap.
    if text.contains('\\') || text.contains("istio") {
        return None;
    }
    let mut first = None;
    for (at, key) in text.match_indices("kind") {
        let after = text[at + key.len()..].trim_start_matches(['"', '\'', ' ', '\t']);
        let value = after.strip_prefix(':')?.trim_start_matches([' ', '\t']);
        let value = value.trim_start_matches(['"', '\'']);
        let length = value.bytes().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(value.len());
        let (kind, end) = value.split_at(length);
        if kind.is_empty()
            || !HARMLESS.contains(&kind)
            || !end.starts_with(['"', '\'', ' ', '\r', '\n', ',', '}'])
        {
            return None;
        }
        first.get_or_insert_with(|| kind.to_owned());
    }
    first
}

/// Kinds that decide about no connection, whatever their API.
const HARMLESS: &[&str] = &[
    "ClusterRole",
    "ClusterRoleBinding",
    "ConfigMap",
    "CustomResourceDefinition",
    "Endpoints",
    "EndpointSlice",
    "Event",
    "ExternalSecret",
    "HorizontalPodAutoscaler",
    "Ingress",
    "IngressClass",
    "Lease",
    "LimitRange",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "PodMonitor",
    "PriorityClass",
    "PrometheusRule",
    "ResourceQuota",
    "Role",
    "RoleBinding",
    "SealedSecret",
    "Secret",
    "Service",
    "ServiceAccount",
    "ServiceMonitor",
    "StorageClass",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_shows_harmless_kinds_alone_touches_nothing() {
        for (text, kind) in [
            ("apiVersion: v1\nkind: Secret\ndata: [\n", Some("Secret")),
            ("{\"apiVersion\": \"v1\", \"kind\": \"Secret\", ", Some("Secret")),
            ("kind: ConfigMap\n---\nkind: 'Service'\n\t", Some("ConfigMap")),
            ("kind: Secret\n---\nkind: NetworkPolicy\n\t", None),
            ("kind: Secret\nitems: [{kind: Pod}", None),
            ("kind: Anything\n\t", None),
            ("kind: &a Secret\n\t", None),
            ("kind:\n  NetworkPolicy\n\t", None),
            ("kind: Secret\n\"\\x6bind\": NetworkPolicy\n\t", None),
            ("kind: Secret\n? kind\n: NetworkPolicy\n\t", None),
            ("a: &a kind\n*a : NetworkPolicy\nkind: Secret\n\t", None),
            ("kind: Secret.x\n\t", None),
            ("kind: ConfigMap\nmetadata: {name: istio}\n\t", None),
            ("\0GITCRYPT\0", None),
        ] {
            assert_eq!(harmless_kind(text).as_deref(), kind, "{text:?}");
        }
    }
}
