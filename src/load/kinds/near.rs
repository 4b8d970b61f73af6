//! Names of kinds that are nearly right: an object that goes by one is a mistake, and left out it might open pods.

use std::cell::RefCell;

use super::{KINDS, OWN_GROUPS};
use crate::k8s::{ResourceKind, UNEVALUATED, group};

/// The kind that was probably meant by an apiVersion and kind that no API has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::load) struct Meant {
    /// The kind.
    pub(in crate::load) kind: &'static str,
    group: &'static str,
    /// Its apiVersion, if podreach knows one.
    api_version: Option<&'static str>,
}

impl Meant {
    pub(super) const fn served(kind: &'static str, group: &'static str, api_version: &'static str) -> Self {
        Self { kind, group, api_version: Some(api_version) }
    }

    const fn of_unevaluated(known: &ResourceKind) -> Self {
        Self { kind: known.name, group: known.group, api_version: None }
    }

    fn is_policy(&self) -> bool {
        self.api_version.is_none() || self.kind == "NetworkPolicy"
    }

    /// Advice on what to write instead.
    pub(in crate::load) fn help(&self, kind: &str) -> String {
        let of = self
            .api_version
            .map_or_else(|| format!("group `{}`", self.group), |version| format!("`apiVersion: {version}`"));
        if self.kind == kind {
            format!("`{kind}` is of {of}")
        } else {
            format!("did you mean `kind: {}` of {of}?", self.kind)
        }
    }
}

/// Groups of Kubernetes itself that have no dot and no kind that is read. No other group has none: the name of a custom
/// resource ends in a domain.
const OTHER_GROUPS: &[&str] = &["autoscaling", "policy"];

/// Finds the kind that was probably meant by an apiVersion and kind that are not known together; `None` if they may
/// well be another API's.
pub(super) fn nearly(api_version: &str, kind: &str) -> Option<Meant> {
    thread_local! {
        /// The last answer: objects of one kind follow each other.
        static LAST: RefCell<(String, String, Option<Meant>)> = const { RefCell::new((String::new(), String::new(), None)) };
    }
    LAST.with_borrow_mut(|last| {
        if last.0 != api_version || last.1 != kind {
            *last = (api_version.to_owned(), kind.to_owned(), nearest(group(api_version), kind));
        }
        last.2
    })
}

fn nearest(group: &str, kind: &str) -> Option<Meant> {
    let rows = KINDS.iter().map(|row| Meant::served(row.kind, super::group(row.served), row.served));
    let others = UNEVALUATED.iter().map(Meant::of_unevaluated);
    let list = Meant::served("List", "", "v1");
    let candidates = rows.chain(others).chain([list]);
    let near = candidates.filter_map(|meant| {
        let distance = of_kinds(meant.kind, kind)? + of_groups(&meant, group, kind)?;
        (distance > 0).then_some((distance, meant))
    });
    near.min_by_key(|(distance, _)| *distance).map(|(_, meant)| meant)
}

/// Distance of a kind from a known one, if it is near.
fn of_kinds(known: &str, kind: &str) -> Option<usize> {
    if known == kind {
        return Some(0);
    }
    let (lower_known, lower) = (known.to_lowercase(), kind.to_lowercase());
    let plural = || {
        let stem = lower.strip_suffix('s')?;
        let stem = stem.strip_suffix("ie").map_or_else(|| stem.to_owned(), |stem| format!("{stem}y"));
        (stem == lower_known || stem.strip_suffix('e') == Some(&*lower_known)).then_some(1)
    };
    let most = 1 + known.len() / 8;
    let slip = || {
        (lower.len().abs_diff(lower_known.len()) <= most)
            .then(|| strsim::damerau_levenshtein(&lower, &lower_known).max(1))
            .filter(|distance| *distance <= most)
    };
    plural().or_else(slip)
}

/// Distance of a group from that of a known kind, if it is near.
fn of_groups(meant: &Meant, group: &str, kind: &str) -> Option<usize> {
    /// Anything is nearer.
    const FAR: usize = 10;
    let known = meant.group;
    if known == group {
        return Some(0);
    }
    if OWN_GROUPS.contains(&group) || UNEVALUATED.iter().any(|other| other.group == group) {
        // A group that is known, and does not have the kind.
        return (meant.kind == kind && meant.is_policy()).then_some(FAR);
    }
    if !group.contains('.') && !OTHER_GROUPS.contains(&group) {
        return Some(if known.split('.').any(|label| label == group) { 1 } else { FAR });
    }
    if group.strip_suffix(".k8s.io") == Some(known) {
        return Some(1);
    }
    let most = 1 + known.len() / 10;
    (known.contains('.') && known.len().abs_diff(group.len()) <= most)
        .then(|| strsim::damerau_levenshtein(&known.to_lowercase(), &group.to_lowercase()).max(1))
        .filter(|distance| *distance <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found() {
        for (api_version, kind, meant) in [
            ("networking/v1", "NetworkPolicy", "`NetworkPolicy` is of `apiVersion: networking.k8s.io/v1`"),
            (
                "networking.k8.io/v1",
                "NetworkPolicy",
                "`NetworkPolicy` is of `apiVersion: networking.k8s.io/v1`",
            ),
            (
                "Networking.k8s.io/v1",
                "NetworkPolicy",
                "`NetworkPolicy` is of `apiVersion: networking.k8s.io/v1`",
            ),
            (
                "networking.k8s.io/v1",
                "networkPolicy",
                "did you mean `kind: NetworkPolicy` of `apiVersion: networking.k8s.io/v1`?",
            ),
            (
                "networking.k8s.io/v1",
                "NetworkPolicies",
                "did you mean `kind: NetworkPolicy` of `apiVersion: networking.k8s.io/v1`?",
            ),
            (
                "networking/v1",
                "NetworkPolices",
                "did you mean `kind: NetworkPolicy` of `apiVersion: networking.k8s.io/v1`?",
            ),
            ("core/v1", "Pod", "`Pod` is of `apiVersion: v1`"),
            ("app/v1", "Deployment", "`Deployment` is of `apiVersion: apps/v1`"),
            ("apps.k8s.io/v1", "Deployment", "`Deployment` is of `apiVersion: apps/v1`"),
            ("apps/v1", "Deployement", "did you mean `kind: Deployment` of `apiVersion: apps/v1`?"),
            ("apps/v1", "Statefulset", "did you mean `kind: StatefulSet` of `apiVersion: apps/v1`?"),
            ("v1", "Pods", "did you mean `kind: Pod` of `apiVersion: v1`?"),
            ("v1", "list", "did you mean `kind: List` of `apiVersion: v1`?"),
            ("cilium/v2", "CiliumNetworkPolicy", "`CiliumNetworkPolicy` is of group `cilium.io`"),
            (
                "cilium.io/v2",
                "CiliumNetworkPolicies",
                "did you mean `kind: CiliumNetworkPolicy` of group `cilium.io`?",
            ),
            ("networking.k8s.io/v1", "CiliumNetworkPolicy", "`CiliumNetworkPolicy` is of group `cilium.io`"),
            ("cilium.io/v2", "NetworkPolicy", "`NetworkPolicy` is of `apiVersion: networking.k8s.io/v1`"),
        ] {
            let found = nearly(api_version, kind).map(|meant| meant.help(kind));
            assert_eq!(found.as_deref(), Some(meant), "{api_version} {kind}");
        }
    }

    #[test]
    fn other_kinds_are_none() {
        for (group, kinds) in [
            (
                "",
                "Binding ComponentStatus ConfigMap Event LimitRange PersistentVolume PersistentVolumeClaim PodTemplate \
                 ResourceQuota Secret ServiceAccount Config Status",
            ),
            ("apps", "ControllerRevision"),
            ("networking.k8s.io", "IngressClass IPAddress ServiceCIDR ClusterCIDR"),
            ("policy", "PodDisruptionBudget PodSecurityPolicy Eviction"),
            ("autoscaling", "HorizontalPodAutoscaler Scale"),
            ("rbac.authorization.k8s.io", "Role RoleBinding ClusterRole ClusterRoleBinding"),
            ("discovery.k8s.io", ""),
            ("gateway.networking.k8s.io", "Gateway HTTPRoute BackendTLSPolicy"),
            ("serving.knative.dev", "Service Configuration Route Revision"),
            ("networking.internal.knative.dev", "Ingress"),
            ("config.openshift.io", "Ingress Network"),
            ("batch.volcano.sh", "Job"),
            ("apps.kruise.io", "StatefulSet DaemonSet CloneSet"),
            ("apps.openshift.io", "DeploymentConfig"),
            ("app.k8s.io", "Application"),
            (
                "cilium.io",
                "CiliumEndpoint CiliumIdentity CiliumNode CiliumLocalRedirectPolicy CiliumEnvoyConfig CiliumEgressGatewayPolicy CiliumCIDRGroup CiliumNodeConfig",
            ),
            ("projectcalico.org", "NetworkSet GlobalNetworkSet Tier Profile IPPool"),
            ("crd.projectcalico.org", "NetworkSet GlobalNetworkSet Tier Profile IPPool FelixConfiguration"),
            ("crd.antrea.io", "Tier Group ClusterGroup Egress ExternalIPPool"),
            ("security.istio.io", "PeerAuthentication RequestAuthentication"),
            ("networking.istio.io", "Gateway VirtualService ServiceEntry Sidecar"),
            ("k8s.ovn.org", "EgressIP EgressQoS EgressService AdminPolicyBasedExternalRoute"),
            ("k8s.cni.cncf.io", "NetworkAttachmentDefinition"),
            ("networking.k8s.aws", "PolicyEndpoint ClusterPolicyEndpoint"),
            ("networking.gke.io", "ManagedCertificate FrontendConfig Network NetworkLogging"),
            ("backstage.io", "Component API Group"),
        ] {
            for kind in kinds.split_whitespace() {
                let api_version = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
                assert_eq!(nearly(&api_version, kind), None, "{api_version} {kind}");
            }
        }
    }
}
