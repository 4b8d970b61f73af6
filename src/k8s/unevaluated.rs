//! Policy kinds that podreach recognises by API group and kind, and does not evaluate: those of `policy.networking.k8s.io`
//! in part.

/// A policy kind that is recognised and not evaluated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnevaluatedKind {
    /// The API group, without a version.
    pub group: &'static str,
    /// The kind.
    pub kind: &'static str,
    /// Set if its objects live in a namespace.
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
    cluster_wide("projectcalico.org", "HostEndpoint"),
    cluster_wide("crd.projectcalico.org", "HostEndpoint"),
    namespaced("crd.antrea.io", "NetworkPolicy"),
    cluster_wide("crd.antrea.io", "ClusterNetworkPolicy"),
    namespaced("security.istio.io", "AuthorizationPolicy"),
    namespaced("policy.linkerd.io", "Server"),
    namespaced("policy.linkerd.io", "AuthorizationPolicy"),
    namespaced("k8s.ovn.org", "EgressFirewall"),
    namespaced("k8s.cni.cncf.io", "MultiNetworkPolicy"),
    namespaced("networking.k8s.aws", "ApplicationNetworkPolicy"),
    cluster_wide("networking.k8s.aws", "ClusterNetworkPolicy"),
    namespaced("networking.gke.io", "FQDNNetworkPolicy"),
    cluster_wide("policy.networking.k8s.io", "AdminNetworkPolicy"),
    cluster_wide("policy.networking.k8s.io", "BaselineAdminNetworkPolicy"),
    cluster_wide("policy.networking.k8s.io", "ClusterNetworkPolicy"),
];

impl UnevaluatedKind {
    /// The kind with this apiVersion, whatever the version.
    pub fn find(api_version: &str, kind: &str) -> Option<&'static Self> {
        UNEVALUATED.iter().find(|entry| entry.kind == kind && entry.group == super::group(api_version))
    }

    /// `KIND.GROUP`, as kubectl writes it.
    pub fn qualified(&self) -> String {
        format!("{}.{}", self.kind, self.group)
    }

    /// True if `name`, as a user writes it, means this kind: `KIND` or `KIND.GROUP`, in any case.
    pub fn is_called(&self, name: &str) -> bool {
        name.eq_ignore_ascii_case(self.kind) || name.eq_ignore_ascii_case(&self.qualified())
    }
}
