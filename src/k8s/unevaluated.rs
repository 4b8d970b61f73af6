//! Policy kinds that podreach recognises by API group and kind, and does not evaluate.

/// A policy kind that is recognised and not evaluated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnevaluatedKind {
    /// The API group, without a version.
    pub group: &'static str,
    /// The kind.
    pub kind: &'static str,
    /// Whether its objects live in a namespace.
    pub namespaced: bool,
}

const fn namespaced(group: &'static str, kind: &'static str) -> UnevaluatedKind {
    UnevaluatedKind { group, kind, namespaced: true }
}

const fn cluster_wide(group: &'static str, kind: &'static str) -> UnevaluatedKind {
    UnevaluatedKind { group, kind, namespaced: false }
}

/// All of them. Calico objects have one group in its own API and another as custom resources.
pub const UNEVALUATED: &[UnevaluatedKind] = &[
    namespaced("cilium.io", "CiliumNetworkPolicy"),
    cluster_wide("cilium.io", "CiliumClusterwideNetworkPolicy"),
    namespaced("projectcalico.org", "NetworkPolicy"),
    cluster_wide("projectcalico.org", "GlobalNetworkPolicy"),
    namespaced("projectcalico.org", "StagedNetworkPolicy"),
    cluster_wide("projectcalico.org", "StagedGlobalNetworkPolicy"),
    namespaced("projectcalico.org", "StagedKubernetesNetworkPolicy"),
    namespaced("crd.projectcalico.org", "NetworkPolicy"),
    cluster_wide("crd.projectcalico.org", "GlobalNetworkPolicy"),
    namespaced("crd.projectcalico.org", "StagedNetworkPolicy"),
    cluster_wide("crd.projectcalico.org", "StagedGlobalNetworkPolicy"),
    namespaced("crd.projectcalico.org", "StagedKubernetesNetworkPolicy"),
    namespaced("crd.antrea.io", "NetworkPolicy"),
    cluster_wide("crd.antrea.io", "ClusterNetworkPolicy"),
    namespaced("security.istio.io", "AuthorizationPolicy"),
    namespaced("k8s.ovn.org", "EgressFirewall"),
    namespaced("k8s.cni.cncf.io", "MultiNetworkPolicy"),
    namespaced("networking.k8s.aws", "ApplicationNetworkPolicy"),
    cluster_wide("networking.k8s.aws", "ClusterNetworkPolicy"),
    namespaced("networking.gke.io", "FQDNNetworkPolicy"),
    cluster_wide("policy.networking.k8s.io", "AdminNetworkPolicy"),
    cluster_wide("policy.networking.k8s.io", "BaselineAdminNetworkPolicy"),
    cluster_wide("policy.networking.k8s.io", "ClusterNetworkPolicy"),
];

/// The entry of a kind, if it is a policy kind that is not evaluated.
pub fn unevaluated(group: &str, kind: &str) -> Option<&'static UnevaluatedKind> {
    UNEVALUATED.iter().find(|entry| entry.group == group && entry.kind == kind)
}

/// Whether objects of this API group and kind are policies that are not evaluated.
pub fn is_unevaluated(group: &str, kind: &str) -> bool {
    unevaluated(group, kind).is_some()
}
