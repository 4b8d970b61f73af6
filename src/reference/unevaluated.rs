//! Policies of kinds that are recognised and not evaluated: which pods they might select.

use serde_json::Value;

use super::facts::{Answer, Labels, namespace_of};
use super::pods::Pod;
use super::selects;
use crate::cluster::Options;
use crate::k8s::{LabelSelector, Object, UnevaluatedPolicy};
use crate::load::Manifest;
use crate::profile::Profile;

/// Whether any policy that is not evaluated might select `pod`, whose namespace has these labels.
pub(super) fn might_select(
    manifests: &[Manifest],
    options: &Options,
    profile: Profile,
    pod: &Pod,
    namespace: &Labels,
) -> bool {
    manifests
        .iter()
        .filter_map(|manifest| match &manifest.object {
            Object::Unevaluated(policy) => Some(policy),
            _ => None,
        })
        .filter(|policy| !options.ignore_kinds.iter().any(|kind| kind.eq_ignore_ascii_case(&policy.kind)))
        .filter(|policy| could_enforce(profile, &policy.api_version))
        .any(|policy| policy_might_select(policy, pod, namespace))
}

/// Whether a profile could enforce a policy API.
fn could_enforce(profile: Profile, api_version: &str) -> bool {
    let group = api_version.split('/').next().unwrap_or_default();
    match profile {
        Profile::Spec => true,
        Profile::Flannel => false,
        _ => match group {
            "cilium.io" | "networking.gke.io" => profile == Profile::Cilium,
            "projectcalico.org" | "crd.projectcalico.org" => profile == Profile::Calico,
            "crd.antrea.io" | "security.antrea.tanzu.vmware.com" => profile == Profile::Antrea,
            "k8s.ovn.org" => profile == Profile::OvnKubernetes,
            "networking.k8s.aws" | "vpcresources.k8s.aws" => profile == Profile::AwsVpcCni,
            "policy.networking.k8s.io" => !matches!(profile, Profile::KubeRouter | Profile::AwsVpcCni),
            _ => true,
        },
    }
}

fn policy_might_select(policy: &UnevaluatedPolicy, pod: &Pod, namespace: &Labels) -> bool {
    let cluster_wide = matches!(
        &*policy.kind,
        "CiliumClusterwideNetworkPolicy"
            | "GlobalNetworkPolicy"
            | "StagedGlobalNetworkPolicy"
            | "ClusterNetworkPolicy"
            | "AdminNetworkPolicy"
            | "BaselineAdminNetworkPolicy"
    );
    if !cluster_wide && namespace_of(&policy.metadata) != pod.namespace {
        return false;
    }
    let specs = match &policy.spec {
        Value::Array(specs) => specs.as_slice(),
        spec => std::slice::from_ref(spec),
    };
    specs.iter().any(|spec| match &*policy.kind {
        "CiliumNetworkPolicy" => possible(spec.get("endpointSelector"), &pod.labels),
        "AdminNetworkPolicy" | "BaselineAdminNetworkPolicy" => {
            let subject = &spec["subject"];
            let pods = &subject["pods"];
            possible(subject.get("namespaces"), namespace)
                && possible(pods.get("namespaceSelector"), namespace)
                && possible(pods.get("podSelector"), &pod.labels)
        }
        _ => true,
    })
}

/// Whether a selector possibly matches; one that is absent, or that is not understood, does.
fn possible(selector: Option<&Value>, labels: &Labels) -> bool {
    match selector.map(|selector| serde_json::from_value::<LabelSelector>(selector.clone())) {
        Some(Ok(selector)) => selects(Some(&selector), labels) != Answer::No,
        Some(Err(_)) | None => true,
    }
}
