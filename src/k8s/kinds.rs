//! The one table of the kinds that podreach knows, with kubectl's names for them.
//!
//! Kubernetes' own kinds come first, those of `policy.networking.k8s.io` after them: where several kinds share a word, the
//! first is meant.

/// A kind and its names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ResourceKind {
    /// The API group, without a version; empty for the core of Kubernetes.
    pub group: &'static str,
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

type Names = (&'static str, &'static str, &'static [&'static str]);

const fn own(role: Role, group: &'static str, (name, plural, short): Names) -> ResourceKind {
    let namespaced = !matches!(role, Role::Namespace | Role::Node);
    ResourceKind { group, name, plural, short, namespaced, role }
}

const fn namespaced(group: &'static str, (name, plural, short): Names) -> ResourceKind {
    ResourceKind { group, name, plural, short, namespaced: true, role: Role::Policy }
}

const fn cluster_wide(group: &'static str, names: Names) -> ResourceKind {
    ResourceKind { namespaced: false, ..namespaced(group, names) }
}

const ALL: &[ResourceKind] = &[
    own(Role::Namespace, "", ("Namespace", "namespaces", &["ns"])),
    own(Role::Node, "", ("Node", "nodes", &["no"])),
    own(Role::Pod, "", ("Pod", "pods", &["po"])),
    own(Role::Workload, "apps", ("Deployment", "deployments", &["deploy"])),
    own(Role::Workload, "apps", ("ReplicaSet", "replicasets", &["rs"])),
    own(Role::Workload, "", ("ReplicationController", "replicationcontrollers", &["rc"])),
    own(Role::Workload, "apps", ("StatefulSet", "statefulsets", &["sts"])),
    own(Role::Workload, "apps", ("DaemonSet", "daemonsets", &["ds"])),
    own(Role::Workload, "batch", ("Job", "jobs", &[])),
    own(Role::Workload, "batch", ("CronJob", "cronjobs", &["cj"])),
    own(Role::Service, "", ("Service", "services", &["svc"])),
    own(Role::Ingress, "networking.k8s.io", ("Ingress", "ingresses", &["ing"])),
    own(Role::Policy, "networking.k8s.io", ("NetworkPolicy", "networkpolicies", &["netpol"])),
    cluster_wide(ADMIN, ("ClusterNetworkPolicy", "clusternetworkpolicies", &["cnp"])),
    cluster_wide(ADMIN, ("AdminNetworkPolicy", "adminnetworkpolicies", &["anp"])),
    cluster_wide(ADMIN, ("BaselineAdminNetworkPolicy", "baselineadminnetworkpolicies", &["banp"])),
    namespaced("cilium.io", ("CiliumNetworkPolicy", "ciliumnetworkpolicies", &["cnp", "ciliumnp"])),
    cluster_wide(
        "cilium.io",
        ("CiliumClusterwideNetworkPolicy", "ciliumclusterwidenetworkpolicies", &["ccnp"]),
    ),
    namespaced(CALICO, ("NetworkPolicy", "networkpolicies", &["cnp", "caliconetworkpolicy"])),
    cluster_wide(CALICO, ("GlobalNetworkPolicy", "globalnetworkpolicies", &[])),
    namespaced(CALICO, ("StagedNetworkPolicy", "stagednetworkpolicies", &[])),
    cluster_wide(CALICO, ("StagedGlobalNetworkPolicy", "stagedglobalnetworkpolicies", &[])),
    namespaced(CALICO, ("StagedKubernetesNetworkPolicy", "stagedkubernetesnetworkpolicies", &[])),
    namespaced(CALICO_CRD, ("NetworkPolicy", "networkpolicies", &[])),
    cluster_wide(CALICO_CRD, ("GlobalNetworkPolicy", "globalnetworkpolicies", &[])),
    namespaced(CALICO_CRD, ("StagedNetworkPolicy", "stagednetworkpolicies", &[])),
    cluster_wide(CALICO_CRD, ("StagedGlobalNetworkPolicy", "stagedglobalnetworkpolicies", &[])),
    namespaced(CALICO_CRD, ("StagedKubernetesNetworkPolicy", "stagedkubernetesnetworkpolicies", &[])),
    cluster_wide(CALICO, ("HostEndpoint", "hostendpoints", &[])),
    cluster_wide(CALICO_CRD, ("HostEndpoint", "hostendpoints", &[])),
    namespaced("crd.antrea.io", ("NetworkPolicy", "networkpolicies", &["annp"])),
    cluster_wide("crd.antrea.io", ("ClusterNetworkPolicy", "clusternetworkpolicies", &["acnp"])),
    namespaced("security.istio.io", ("AuthorizationPolicy", "authorizationpolicies", &[])),
    namespaced("policy.linkerd.io", ("Server", "servers", &[])),
    namespaced("policy.linkerd.io", ("AuthorizationPolicy", "authorizationpolicies", &[])),
    namespaced("k8s.ovn.org", ("EgressFirewall", "egressfirewalls", &[])),
    namespaced("k8s.cni.cncf.io", ("MultiNetworkPolicy", "multi-networkpolicies", &["multi-policy"])),
    namespaced("networking.k8s.aws", ("ApplicationNetworkPolicy", "applicationnetworkpolicies", &[])),
    cluster_wide("networking.k8s.aws", ("ClusterNetworkPolicy", "clusternetworkpolicies", &[])),
    namespaced("networking.gke.io", ("FQDNNetworkPolicy", "fqdnnetworkpolicies", &["fqdnnp"])),
];

const ADMIN: &str = "policy.networking.k8s.io";
/// Calico objects have one group in its own API and another as custom resources.
const CALICO: &str = "projectcalico.org";
const CALICO_CRD: &str = "crd.projectcalico.org";

/// Kubernetes' own kinds that have a name of their own in podreach; workloads of other kinds go by their kind alone.
pub const OWN: &[ResourceKind] = ALL.split_at(13).0;

/// Policy kinds that podreach recognises by API group and kind, and does not evaluate: the first three in part.
pub const UNEVALUATED: &[ResourceKind] = ALL.split_at(13).1;

impl ResourceKind {
    /// The kind of [`UNEVALUATED`] with this apiVersion, whatever the version.
    pub fn unevaluated(api_version: &str, kind: &str) -> Option<&'static Self> {
        UNEVALUATED.iter().find(|entry| entry.name == kind && entry.group == super::group(api_version))
    }

    /// The kinds that a word of a command line may mean, the one that is meant first: by name, plural or short name in any
    /// case, with or without a version and a group behind it (`deployments.apps`, `deployments.v1.apps`).
    pub fn named(word: &str) -> impl Iterator<Item = &'static Self> {
        let (word, rest) = word.split_once('.').map_or((word, None), |(word, rest)| (word, Some(rest)));
        ALL.iter().filter(move |kind| kind.goes_by(word) && rest.is_none_or(|rest| kind.is_of(rest)))
    }

    /// The kind that a word means, of those whose objects podreach evaluates.
    pub fn evaluated(word: &str) -> Option<&'static Self> {
        Self::named(word).find(|kind| OWN.contains(kind) || kind.group == ADMIN)
    }

    /// True if the kind, whatever its group, is known, and its objects live outside namespaces.
    pub fn is_cluster_scoped(kind: &str) -> bool {
        ALL.iter().any(|entry| entry.name == kind && !entry.namespaced)
    }

    /// `KIND.GROUP`, as kubectl writes it.
    pub fn qualified(&self) -> String {
        format!("{}.{}", self.name, self.group)
    }

    /// Its name, with its group if a kind before it has the same.
    pub fn unambiguous(&self) -> String {
        let is_first = ALL.iter().find(|kind| kind.name == self.name).is_some_and(|kind| kind == self);
        if is_first { self.name.to_owned() } else { self.qualified() }
    }

    /// The place of a group among those that have kinds of this name; the first is meant where none is named.
    pub fn rank(group: &str, kind: &str) -> usize {
        let same = ALL.iter().filter(|entry| entry.name == kind);
        same.map(|entry| entry.group).take_while(|other| *other != group).count()
    }

    /// True if `name`, as a user writes it, means this kind: `KIND` or `KIND.GROUP`, in any case.
    pub fn is_called(&self, name: &str) -> bool {
        name.eq_ignore_ascii_case(self.name) || name.eq_ignore_ascii_case(&self.qualified())
    }

    fn goes_by(&self, word: &str) -> bool {
        [self.name, self.plural].iter().chain(self.short).any(|name| name.eq_ignore_ascii_case(word))
    }

    /// True if the text behind the first dot of a word, `GROUP`, `VERSION` or `VERSION.GROUP`, is its own.
    fn is_of(&self, rest: &str) -> bool {
        let (first, group) = rest.split_once('.').unwrap_or((rest, ""));
        let is_version =
            first.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        (!rest.is_empty() && rest.eq_ignore_ascii_case(self.group))
            || (is_version && group.eq_ignore_ascii_case(self.group))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(word: &str) -> Vec<String> {
        ResourceKind::named(word).map(ResourceKind::qualified).collect()
    }

    #[test]
    fn every_name_finds_its_kind() {
        for kind in ALL {
            for name in kind.short.iter().chain([&kind.name, &kind.plural]) {
                for word in [(*name).to_owned(), name.to_uppercase(), format!("{name}.{}", kind.group)] {
                    let is_bare = word.ends_with('.');
                    assert!(is_bare || found(&word).contains(&kind.qualified()), "{word}");
                }
            }
        }
    }

    #[test]
    fn of_kinds_that_share_a_word_kubernetes_own_comes_first() {
        for (word, expected) in [
            ("netpol", &["NetworkPolicy.networking.k8s.io"][..]),
            (
                "cnp",
                &[
                    "ClusterNetworkPolicy.policy.networking.k8s.io",
                    "CiliumNetworkPolicy.cilium.io",
                    "NetworkPolicy.projectcalico.org",
                ],
            ),
            (
                "clusternetworkpolicies",
                &[
                    "ClusterNetworkPolicy.policy.networking.k8s.io",
                    "ClusterNetworkPolicy.crd.antrea.io",
                    "ClusterNetworkPolicy.networking.k8s.aws",
                ],
            ),
            ("clusternetworkpolicy.crd.antrea.io", &["ClusterNetworkPolicy.crd.antrea.io"]),
            ("networkpolicy.crd.antrea.io", &["NetworkPolicy.crd.antrea.io"]),
            ("anp", &["AdminNetworkPolicy.policy.networking.k8s.io"]),
            ("deployments.apps", &["Deployment.apps"]),
            ("deployments.v1.apps", &["Deployment.apps"]),
            ("pods.v1", &["Pod."]),
            ("deployments.batch", &[]),
            ("pods.", &[]),
            ("configmap", &[]),
            ("", &[]),
        ] {
            assert_eq!(found(word), expected, "{word}");
        }
        let evaluated = |word: &str| ResourceKind::evaluated(word).map(ResourceKind::qualified);
        assert_eq!(evaluated("networkpolicy.crd.antrea.io"), None);
        assert_eq!(evaluated("ciliumnetworkpolicy"), None);
        assert_eq!(evaluated("banp").as_deref(), Some("BaselineAdminNetworkPolicy.policy.networking.k8s.io"));
    }

    #[test]
    fn the_first_kind_of_a_name_needs_no_group() {
        for (word, expected) in [
            ("netpol", "NetworkPolicy"),
            ("annp", "NetworkPolicy.crd.antrea.io"),
            ("cnp", "ClusterNetworkPolicy"),
            ("acnp", "ClusterNetworkPolicy.crd.antrea.io"),
            ("ccnp", "CiliumClusterwideNetworkPolicy"),
        ] {
            let kind = ResourceKind::named(word).next().unwrap();
            assert_eq!(kind.unambiguous(), expected);
        }
        let rank = |group| ResourceKind::rank(group, "ClusterNetworkPolicy");
        assert_eq!([rank("policy.networking.k8s.io"), rank("crd.antrea.io")], [0, 1]);
    }
}
