//! Policies of kinds that are recognised and not evaluated: which pods they might select.

use serde_json::Value;

use super::facts::{Answer, Labels, namespace_of};
use super::pods::Pod;
use super::selects;
use crate::cluster::Options;
use crate::k8s::{LabelSelector, Object, UnevaluatedPolicy};
use crate::load::Manifest;
use crate::profile::Profile;

/// The effect that policies that are not evaluated may have on a pod; ordered, so that the worst is the greatest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) enum Suspicion {
    /// Nothing: none might select it.
    #[default]
    None,
    /// Take away what others allow.
    Restricted,
    /// Anything.
    Anything,
}

/// The input that the subject of a policy may depend on.
struct Facts<'m> {
    manifests: &'m [Manifest],
    options: &'m Options,
}

/// Finds the worst effect that policies that are not evaluated may have on `pod`, whose namespace has these labels.
pub(super) fn suspicion(
    manifests: &[Manifest],
    options: &Options,
    profile: Profile,
    pod: &Pod,
    namespace: &Labels,
) -> Suspicion {
    let facts = Facts { manifests, options };
    facts
        .policies()
        .filter(|policy| could_enforce(profile, policy) && !super::admin::is_evaluated(manifests, policy))
        .filter(|policy| {
            if pod.host_network {
                facts.might_select_host(policy, pod)
            } else {
                facts.might_select(policy, pod, namespace)
            }
        })
        .map(|policy| match group_of(policy) {
            "security.istio.io" | "policy.linkerd.io" => Suspicion::Restricted,
            _ => Suspicion::Anything,
        })
        .max()
        .unwrap_or_default()
}

fn group_of(policy: &UnevaluatedPolicy) -> &str {
    policy.api_version.split('/').next().unwrap_or_default()
}

/// True if a profile could enforce the API of a policy.
fn could_enforce(profile: Profile, policy: &UnevaluatedPolicy) -> bool {
    let group = group_of(policy);
    match profile {
        Profile::Spec => true,
        Profile::Flannel => false,
        _ => match group {
            "cilium.io" | "networking.gke.io" => profile == Profile::Cilium,
            "projectcalico.org" | "crd.projectcalico.org" => profile == Profile::Calico,
            "crd.antrea.io" | "security.antrea.tanzu.vmware.com" => profile == Profile::Antrea,
            "k8s.ovn.org" => profile == Profile::OvnKubernetes,
            "networking.k8s.aws" | "vpcresources.k8s.aws" => profile == Profile::AwsVpcCni,
            "policy.networking.k8s.io" => match profile {
                Profile::KubeNetworkPolicies | Profile::Antrea | Profile::OvnKubernetes => true,
                _ => profile == Profile::Calico && policy.kind == "ClusterNetworkPolicy",
            },
            _ => true,
        },
    }
}

impl<'m> Facts<'m> {
    fn policies(&self) -> impl Iterator<Item = &'m UnevaluatedPolicy> {
        let ignored = &self.options.ignore_kinds;
        self.manifests
            .iter()
            .filter_map(|manifest| match &manifest.object {
                Object::Unevaluated(policy) => Some(policy),
                _ => None,
            })
            .filter(move |policy| !ignored.iter().any(|kind| kind.eq_ignore_ascii_case(&policy.kind)))
    }

    /// M73: the namespaces whose Istio policies hold everywhere; `None` if that may be any.
    fn istio_roots(&self) -> Option<Vec<String>> {
        let meshes = self.manifests.iter().filter_map(|manifest| match &manifest.object {
            Object::IstioMesh(mesh) => Some(mesh.root_namespace.as_ref().map(ToString::to_string)),
            _ => None,
        });
        let named: Vec<String> = meshes.collect::<Option<_>>()?;
        Some(if named.is_empty() { vec!["istio-system".into()] } else { named })
    }

    /// True if a policy might select a pod that is no hostNetwork pod.
    fn might_select(&self, policy: &UnevaluatedPolicy, pod: &Pod, namespace: &Labels) -> bool {
        let everywhere = match (group_of(policy), &*policy.kind) {
            ("security.istio.io", _) => {
                let own = namespace_of(&policy.metadata);
                self.istio_roots().is_none_or(|roots| roots.contains(&own))
            }
            (_, "HostEndpoint") => return false,
            (_, kind) => matches!(
                kind,
                "CiliumClusterwideNetworkPolicy"
                    | "GlobalNetworkPolicy"
                    | "StagedGlobalNetworkPolicy"
                    | "ClusterNetworkPolicy"
                    | "AdminNetworkPolicy"
                    | "BaselineAdminNetworkPolicy"
            ),
        };
        if !everywhere && namespace_of(&policy.metadata) != pod.namespace {
            return false;
        }
        specs(policy).iter().any(|spec| match (group_of(policy), &*policy.kind) {
            ("cilium.io", _) => match (given(spec, "endpointSelector"), given(spec, "nodeSelector")) {
                (None, Some(_)) => false,
                (pods, _) => possible_of_cilium(pods, &pod.labels),
            },
            ("crd.antrea.io", _) => match applied_to(spec) {
                None => true,
                Some(targets) => targets.iter().any(|target| {
                    given(target, "nodeSelector").is_none()
                        && possible(given(target, "namespaceSelector"), namespace)
                        && possible(given(target, "podSelector"), &pod.labels)
                }),
            },
            ("security.istio.io", _) => possible(given(spec, "selector"), &pod.labels),
            ("policy.linkerd.io", "Server") => possible(given(spec, "podSelector"), &pod.labels),
            ("policy.networking.k8s.io", _) => {
                let subject = &spec["subject"];
                let pods = &subject["pods"];
                possible(subject.get("namespaces"), namespace)
                    && possible(pods.get("namespaceSelector"), namespace)
                    && possible(pods.get("podSelector"), &pod.labels)
            }
            _ => true,
        })
    }

    /// True if a policy might select the node that a hostNetwork pod is.
    fn might_select_host(&self, policy: &UnevaluatedPolicy, pod: &Pod) -> bool {
        let node = self.node_labels(pod.node.as_deref());
        specs(policy).iter().any(|spec| match (group_of(policy), &*policy.kind) {
            ("cilium.io", "CiliumClusterwideNetworkPolicy") => {
                given(spec, "endpointSelector").is_none()
                    && given(spec, "nodeSelector").is_some_and(|nodes| possible_of_cilium(Some(nodes), &node))
            }
            ("crd.antrea.io", "ClusterNetworkPolicy") => applied_to(spec).is_some_and(|targets| {
                targets
                    .iter()
                    .filter_map(|target| given(target, "nodeSelector"))
                    .any(|n| possible(Some(n), &node))
            }),
            (_, "HostEndpoint") => {
                let allows_all = spec["profiles"] == serde_json::json!(["projectcalico-default-allow"]);
                let is_there = match (spec["node"].as_str(), &pod.node) {
                    (Some(own), Some(node)) => own == node,
                    _ => true,
                };
                is_there && (!allows_all || self.policies().any(|p| p.kind.ends_with("GlobalNetworkPolicy")))
            }
            _ => false,
        })
    }

    /// The labels of a node, as far as they are known.
    fn node_labels(&self, name: Option<&str>) -> Labels {
        let declared = self.manifests.iter().find_map(|manifest| match &manifest.object {
            Object::Node(node) if name.is_some() && node.metadata.name.as_deref() == name => Some(node),
            _ => None,
        });
        match declared {
            Some(node) => Labels::written(node.metadata.labels.as_ref()),
            None => Labels::unknown(),
        }
    }
}

fn specs(policy: &UnevaluatedPolicy) -> &[Value] {
    match &policy.spec {
        Value::Array(specs) => specs.as_slice(),
        spec => std::slice::from_ref(spec),
    }
}

/// A field that is there and not null.
fn given<'v>(value: &'v Value, field: &str) -> Option<&'v Value> {
    value.get(field).filter(|value| !value.is_null())
}

/// The targets of an Antrea policy, or else of each of its rules; `None` if neither it nor some rule names any.
fn applied_to(spec: &Value) -> Option<Vec<&Value>> {
    fn of(value: &Value) -> Option<&Vec<Value>> {
        value["appliedTo"].as_array().filter(|list| !list.is_empty())
    }
    if let Some(list) = of(spec) {
        return Some(list.iter().collect());
    }
    let rules =
        ["ingress", "egress"].into_iter().filter_map(|direction| spec[direction].as_array()).flatten();
    let lists: Vec<&Vec<Value>> = rules.map(of).collect::<Option<_>>()?;
    (!lists.is_empty()).then(|| lists.into_iter().flatten().collect())
}

/// True if a selector possibly matches; one that is absent, or that is not understood, does.
fn possible(selector: Option<&Value>, labels: &Labels) -> bool {
    match selector.map(|selector| serde_json::from_value::<LabelSelector>(selector.clone())) {
        Some(Ok(selector)) => selects(Some(&selector), labels) != Answer::No,
        Some(Err(_)) | None => true,
    }
}

/// The same of a selector of Cilium, which knows other labels than those that are written, and does not keep all of these.
fn possible_of_cilium(selector: Option<&Value>, labels: &Labels) -> bool {
    let read = selector.and_then(|selector| serde_json::from_value::<LabelSelector>(selector.clone()).ok());
    let kept = |key: &str| {
        key.starts_with("app.kubernetes.io/")
            || !["kubernetes.io", "k8s.io", "io.kubernetes", "io.cilium", "-hash", "-generation", "-uid", ":"]
                .iter()
                .any(|part| key.contains(part))
    };
    let all_kept = read.is_some_and(|selector| {
        let equal =
            selector.match_labels.iter().flat_map(crate::k8s::Labels::iter).map(|(key, _)| key.to_string());
        let compared = selector.match_expressions.as_deref().unwrap_or_default().iter();
        let keys = equal.chain(compared.map(|one| one.key.as_deref().unwrap_or_default().to_string()));
        keys.into_iter().all(|key| kept(&key))
    });
    !all_kept || possible(selector, labels)
}
