//! The kinds that people name on a command line, with kubectl's plurals and short names.

/// A kind and its names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kind {
    /// `Deployment`.
    pub name: &'static str,
    /// `deployments`.
    pub plural: &'static str,
    /// `deploy`.
    pub short: &'static [&'static str],
    /// Set if objects of the kind live in a namespace.
    pub namespaced: bool,
    /// The role of the kind in podreach.
    pub role: Role,
}

/// The role of a kind in podreach.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// A namespace.
    Namespace,
    /// A node.
    Node,
    /// A pod.
    Pod,
    /// Something that pods belong to.
    Workload,
    /// A Service.
    Service,
    /// An Ingress.
    Ingress,
    /// A policy.
    Policy,
}

const fn kind(role: Role, name: &'static str, plural: &'static str, short: &'static [&'static str]) -> Kind {
    Kind { name, plural, short, namespaced: !matches!(role, Role::Namespace | Role::Node), role }
}

/// Every kind with a name of its own; workloads of other kinds go by their kind alone.
pub const KINDS: &[Kind] = &[
    kind(Role::Namespace, "Namespace", "namespaces", &["ns"]),
    kind(Role::Node, "Node", "nodes", &["no"]),
    kind(Role::Pod, "Pod", "pods", &["po"]),
    kind(Role::Workload, "Deployment", "deployments", &["deploy"]),
    kind(Role::Workload, "ReplicaSet", "replicasets", &["rs"]),
    kind(Role::Workload, "ReplicationController", "replicationcontrollers", &["rc"]),
    kind(Role::Workload, "StatefulSet", "statefulsets", &["sts"]),
    kind(Role::Workload, "DaemonSet", "daemonsets", &["ds"]),
    kind(Role::Workload, "Job", "jobs", &[]),
    kind(Role::Workload, "CronJob", "cronjobs", &["cj"]),
    kind(Role::Service, "Service", "services", &["svc"]),
    kind(Role::Ingress, "Ingress", "ingresses", &["ing"]),
    kind(Role::Policy, "NetworkPolicy", "networkpolicies", &["netpol"]),
];

/// The kind that `word` names: its name, plural or short name in any case, with or without a group
/// (`deployments.apps`).
pub fn find(word: &str) -> Option<&'static Kind> {
    let word = word.split_once('.').map_or(word, |(kind, _)| kind);
    let same = |name: &str| name.eq_ignore_ascii_case(word);
    KINDS.iter().find(|k| same(k.name) || same(k.plural) || k.short.iter().any(|s| same(s)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_finds_its_kind() {
        for kind in KINDS {
            for name in kind.short.iter().chain([&kind.name, &kind.plural]) {
                assert_eq!(find(name), Some(kind), "{name}");
                assert_eq!(find(&name.to_uppercase()), Some(kind), "{name}");
            }
        }
        assert_eq!(find("deployments.apps").map(|k| k.name), Some("Deployment"));
        assert_eq!(find("configmap"), None);
        assert_eq!(find(""), None);
    }
}
