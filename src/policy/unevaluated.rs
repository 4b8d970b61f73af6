//! Policy kinds that podreach recognises and does not evaluate: which pods they might select.
//!
//! Owns who could enforce each kind of [`UNEVALUATED`](crate::k8s::UNEVALUATED), and how to read its subject: pods, or
//! nodes with the hostNetwork pods on them. Rules are never looked at: whatever such a policy selects is unknown in both
//! directions, or denied where other policies deny it and the kind can only take away. Where a subject cannot be read
//! exactly, all pods of the policy's scope are taken, with [`PodMatch::perhaps`] set; too much is safe, too little is not.

use std::collections::BTreeSet;

use serde_json::Value;

use super::network_policy_api;
use super::validate::lower_selector;
use super::{HostMatch, NamespaceMatch, PodMatch, Policy, Subject, Tier};
use crate::diagnostic::{ObjectName, Origin};
use crate::ids::{NamespaceId, NodeId};
use crate::k8s::{LabelSelector, LabelSelectorRequirement, List, ResourceKind, UnevaluatedPolicy};
use crate::label::{LabelTable, Selector, SelectorId};
use crate::net::ByDirection;
use crate::policy::field::FieldPath;
use crate::profile::{Profile, ProfileSet};

/// Kinds that are enforced by the same software and read alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Family {
    Cilium,
    Calico,
    Antrea,
    Admin,
    EgressFirewall,
    Eks,
    GkeFqdn,
    Istio,
    Linkerd,
    MultiNetwork,
}

/// The namespace whose Istio policies hold for the whole mesh, unless the mesh is configured otherwise (M73).
const ISTIO_ROOT: &str = "istio-system";

/// The facts of the cluster, beside a policy itself, that its subject depends on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Surroundings<'c> {
    /// The root namespaces that the configuration of Istio names.
    pub istio_roots: BTreeSet<&'c str>,
    /// Set if there is a configuration of Istio that cannot be read.
    pub unknown_istio_root: bool,
    /// Set if Calico policies could select host endpoints.
    pub calico_global: bool,
}

impl Surroundings<'_> {
    fn is_istio_root(&self, namespace: &str) -> bool {
        self.unknown_istio_root
            || self.istio_roots.contains(namespace)
            || (self.istio_roots.is_empty() && namespace == ISTIO_ROOT)
    }
}

impl ResourceKind {
    /// `None` for a group without a family: any of its kinds could select anything, and be enforced by any profile.
    fn family(&self) -> Option<Family> {
        Some(match self.group {
            "cilium.io" => Family::Cilium,
            "projectcalico.org" | "crd.projectcalico.org" => Family::Calico,
            "crd.antrea.io" => Family::Antrea,
            "policy.networking.k8s.io" => Family::Admin,
            "k8s.ovn.org" => Family::EgressFirewall,
            "networking.k8s.aws" => Family::Eks,
            "networking.gke.io" => Family::GkeFqdn,
            "security.istio.io" => Family::Istio,
            "policy.linkerd.io" => Family::Linkerd,
            "k8s.cni.cncf.io" => Family::MultiNetwork,
            _ => return None,
        })
    }

    /// The profiles that could enforce it.
    pub fn enforced_by(&self) -> ProfileSet {
        use Profile::{Antrea, AwsVpcCni, Calico, Cilium, OvnKubernetes, Spec};
        let profiles: &[Profile] = match self.family() {
            Some(Family::Cilium | Family::GkeFqdn) => &[Spec, Cilium],
            Some(Family::Calico) => &[Spec, Calico],
            Some(Family::Antrea) => &[Spec, Antrea],
            Some(Family::Admin) => {
                let kind = network_policy_api::Kind::ALL.into_iter().find(|known| known.name() == self.name);
                return kind.map_or(ProfileSet::ALL, network_policy_api::Kind::enforced_by);
            }
            Some(Family::EgressFirewall) => &[Spec, OvnKubernetes],
            Some(Family::Eks) => &[Spec, AwsVpcCni],
            Some(Family::Istio | Family::Linkerd | Family::MultiNetwork) | None => return ProfileSet::ALL,
        };
        ProfileSet::of(profiles)
    }

    /// A mesh asks the connections that network policies let through: it can only take away.
    fn tier(&self) -> Tier {
        match self.family() {
            Some(Family::Istio | Family::Linkerd) => Tier::Restricting,
            _ => Tier::Unevaluated,
        }
    }
}

/// A policy that makes everything it selects unknown in both directions.
pub fn unknown_policy(name: ObjectName, origin: Origin, enforced_by: ProfileSet, subject: Subject) -> Policy {
    Policy {
        name,
        origin,
        enforced_by,
        is_left_out: false,
        tier: Tier::Unevaluated,
        priority: 0,
        subject,
        isolates: ByDirection { ingress: true, egress: true },
        idle: ByDirection::default(),
        rules: ByDirection::default(),
    }
}

/// All pods of one namespace, or of the cluster, as the subject of a policy that may select fewer.
pub fn whole_scope(namespace: Option<NamespaceId>, labels: &mut LabelTable) -> PodMatch {
    let everything = labels.selectors.intern_owned(Selector::default());
    let namespaces = namespace.map_or(NamespaceMatch::Labels(everything), NamespaceMatch::One);
    PodMatch { namespaces, pods: everything, perhaps: true, hosts: false }
}

/// A policy with where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Placed<'p> {
    /// The policy.
    pub policy: &'p UnevaluatedPolicy,
    /// The namespace of a namespaced kind.
    pub namespace: Option<NamespaceId>,
    /// The node that a host endpoint stands on.
    pub node: Option<NodeId>,
    /// The name in messages.
    pub name: &'p ObjectName,
    /// The place in the input where it was read.
    pub origin: &'p Origin,
}

/// Lowers a policy to one [`Policy`] for each subject it has; none if it surely selects no pod.
pub fn lower(placed: Placed<'_>, surroundings: &Surroundings<'_>, labels: &mut LabelTable) -> Vec<Policy> {
    let Placed { policy, namespace, node, name, origin } = placed;
    let kind = ResourceKind::unevaluated(&policy.api_version, &policy.kind);
    let scope = whole_scope(namespace, labels);
    let mut reader = Reader { scope, labels, subjects: Vec::new() };
    let specs = match &policy.spec {
        Value::Array(specs) => specs.as_slice(),
        spec => std::slice::from_ref(spec),
    };
    for spec in specs {
        match kind.and_then(ResourceKind::family) {
            Some(Family::Cilium) => reader.cilium(spec),
            Some(Family::Calico) if policy.kind == "StagedKubernetesNetworkPolicy" => {
                reader.pod_selector(spec);
            }
            Some(Family::Calico) if policy.kind == "HostEndpoint" => {
                reader.host_endpoint(spec, node, surroundings);
            }
            Some(Family::Calico) => reader.calico(spec),
            Some(Family::Antrea) => reader.antrea(spec),
            Some(Family::Admin) => reader.admin(spec),
            Some(Family::Eks) if namespace.is_none() => reader.admin(spec),
            Some(Family::Linkerd) if policy.kind == "AuthorizationPolicy" => reader.select(scope),
            Some(Family::Eks | Family::GkeFqdn | Family::Linkerd | Family::MultiNetwork) => {
                reader.pod_selector(spec);
            }
            Some(Family::EgressFirewall) => reader.select(PodMatch { perhaps: false, ..scope }),
            Some(Family::Istio) => reader.istio(spec, surroundings.is_istio_root(&name.namespace)),
            None => reader.select(scope),
        }
    }
    let mut subjects = reader.subjects;
    subjects.sort_unstable();
    subjects.dedup();
    let enforced_by = kind.map_or(ProfileSet::ALL, ResourceKind::enforced_by);
    let tier = kind.map_or(Tier::Unevaluated, ResourceKind::tier);
    subjects
        .into_iter()
        .map(|subject| Policy { tier, ..unknown_policy(name.clone(), origin.clone(), enforced_by, subject) })
        .collect()
}

/// A field that is there and not null.
fn field<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.get(name).filter(|v| !v.is_null())
}

struct Reader<'l> {
    /// Everything the policy could select.
    scope: PodMatch,
    labels: &'l mut LabelTable,
    subjects: Vec<Subject>,
}

impl Reader<'_> {
    fn select(&mut self, pods: PodMatch) {
        self.subjects.push(Subject::Pods(pods));
    }

    /// Surely these pods of the scope; all of it, perhaps, if nobody can say which.
    fn select_in_scope(&mut self, pods: Option<SelectorId>) {
        self.select(pods.map_or(self.scope, |pods| PodMatch { pods, perhaps: false, ..self.scope }));
    }

    /// The nodes that a selector means; any of them if it cannot be read.
    fn select_hosts(&mut self, nodes: Option<SelectorId>) {
        self.subjects.push(Subject::Hosts(nodes.map_or(HostMatch::Any, HostMatch::Labels)));
    }

    /// A Kubernetes label selector; `None` if it is anything else.
    fn selector(&mut self, value: &Value) -> Option<SelectorId> {
        self.lower(&serde_json::from_value(value.clone()).ok()?)
    }

    fn lower(&mut self, selector: &LabelSelector) -> Option<SelectorId> {
        lower_selector(selector, &FieldPath::new(""), self.labels).ok()
    }

    /// `podSelector`, where an absent one selects everything.
    fn pod_selector(&mut self, spec: &Value) {
        let pods = match field(spec, "podSelector") {
            Some(selector) => self.selector(selector),
            None if spec.is_object() => Some(self.scope.pods),
            None => None,
        };
        self.select_in_scope(pods);
    }

    /// `endpointSelector`, or the `nodeSelector` of a policy about hosts, which no namespaced policy may have.
    fn cilium(&mut self, spec: &Value) {
        let (endpoints, nodes) = (field(spec, "endpointSelector"), field(spec, "nodeSelector"));
        let is_cluster_wide = matches!(self.scope.namespaces, NamespaceMatch::Labels(_));
        match (endpoints, nodes) {
            (None, Some(nodes)) if is_cluster_wide => {
                let nodes = self.cilium_selector(nodes);
                self.select_hosts(nodes);
            }
            (None, Some(_)) => {}
            (endpoints, _) => {
                let pods = endpoints.and_then(|selector| self.cilium_selector(selector));
                self.select_in_scope(pods);
            }
        }
    }

    fn cilium_selector(&mut self, value: &Value) -> Option<SelectorId> {
        let selector = without_cilium_sources(&serde_json::from_value(value.clone()).ok()?)?;
        self.lower(&selector)
    }

    /// `selector`, an expression of Calico's own: only "all" is read.
    fn calico(&mut self, spec: &Value) {
        let narrowed =
            ["namespaceSelector", "serviceAccountSelector"].iter().any(|f| field(spec, f).is_some());
        let all = match field(spec, "selector") {
            None => spec.is_object(),
            Some(Value::String(selector)) => matches!(selector.trim(), "" | "all()"),
            Some(_) => false,
        };
        self.select(PodMatch { perhaps: narrowed || !all, ..self.scope });
    }

    /// The node of a host endpoint: what no policy and no profile allows is denied there. Nothing is if there is no policy
    /// that could select it, and the profile is the one that allows everything.
    fn host_endpoint(&mut self, spec: &Value, node: Option<NodeId>, surroundings: &Surroundings<'_>) {
        let profiles = field(spec, "profiles").and_then(Value::as_array);
        let is_open = profiles.is_some_and(|all| matches!(&all[..], [one] if one == CALICO_ALLOWS_ALL));
        if surroundings.calico_global || !is_open {
            self.subjects.push(Subject::Hosts(node.map_or(HostMatch::Any, HostMatch::One)));
        }
    }

    /// `appliedTo`: of the policy, or else of each of its rules.
    fn antrea(&mut self, spec: &Value) {
        let of = |value| field(value, "appliedTo").and_then(Value::as_array).filter(|list| !list.is_empty());
        let lists: Vec<Option<&Vec<Value>>> = match of(spec) {
            Some(list) => vec![Some(list)],
            None => ["ingress", "egress"]
                .iter()
                .filter_map(|direction| field(spec, direction)?.as_array())
                .flat_map(|rules| rules.iter().map(of))
                .collect(),
        };
        if lists.is_empty() || lists.contains(&None) {
            self.select(self.scope);
        }
        let is_cluster_wide = matches!(self.scope.namespaces, NamespaceMatch::Labels(_));
        for target in lists.into_iter().flatten().flatten() {
            let Some(fields) = target.as_object() else {
                self.select(self.scope);
                continue;
            };
            let set: Vec<&str> =
                fields.iter().filter(|(_, value)| !value.is_null()).map(|(key, _)| &**key).collect();
            if set == ["nodeSelector"] {
                let nodes = self.selector(&fields["nodeSelector"]);
                if is_cluster_wide {
                    self.select_hosts(nodes);
                }
                continue;
            }
            let known =
                !set.is_empty() && set.iter().all(|key| matches!(*key, "podSelector" | "namespaceSelector"));
            let subject =
                known.then(|| self.selected(fields.get("namespaceSelector"), fields.get("podSelector")));
            self.select(subject.flatten().unwrap_or(self.scope));
        }
    }

    /// Pods by two selectors; an absent one narrows nothing. `None` if one cannot be read.
    fn selected(&mut self, namespaces: Option<&Value>, pods: Option<&Value>) -> Option<PodMatch> {
        let namespaces = match namespaces.filter(|v| !v.is_null()) {
            Some(selector) => NamespaceMatch::Labels(self.selector(selector)?),
            None => self.scope.namespaces,
        };
        let pods = match pods.filter(|v| !v.is_null()) {
            Some(selector) => self.selector(selector)?,
            None => self.scope.pods,
        };
        Some(PodMatch { namespaces, pods, perhaps: false, hosts: false })
    }

    /// `subject`: namespaces, or pods of namespaces; early versions wrapped the namespace selector once more.
    fn admin(&mut self, spec: &Value) {
        let subject = field(spec, "subject").and_then(Value::as_object);
        let set: Vec<(&str, &Value)> = subject
            .into_iter()
            .flatten()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (&**key, value))
            .collect();
        let unwrapped = |value| field(value, "namespaceSelector").unwrap_or(value);
        let selected = match set.as_slice() {
            [("namespaces", selector)] => self.selected(Some(unwrapped(selector)), None),
            [("pods", pods)] => {
                let namespaces =
                    field(pods, "namespaceSelector").or_else(|| field(pods, "namespaces").map(unwrapped));
                // The newest kind may leave the namespaces out.
                field(pods, "podSelector").and_then(|pods| self.selected(namespaces, Some(pods)))
            }
            _ => None,
        };
        self.select(selected.unwrap_or(self.scope));
    }

    /// `selector.matchLabels`; a policy of the root namespace holds in every namespace.
    fn istio(&mut self, spec: &Value, is_root: bool) {
        if is_root {
            self.scope = whole_scope(None, self.labels);
        }
        if ["targetRef", "targetRefs"].iter().any(|f| field(spec, f).is_some()) {
            return self.select(self.scope);
        }
        let pods = match field(spec, "selector") {
            Some(selector) => self.selector(selector),
            None => Some(self.scope.pods),
        };
        self.select_in_scope(pods);
    }
}

/// Calico's profile that allows everything, which automatic host endpoints have.
const CALICO_ALLOWS_ALL: &str = "projectcalico-default-allow";

/// A Cilium selector with the label sources taken off its keys; `None` if it names labels that are not simply the pod's,
/// or that Cilium does not keep by default.
fn without_cilium_sources(selector: &LabelSelector) -> Option<LabelSelector> {
    let mut expressions = Vec::new();
    for (key, value) in selector.match_labels.iter().flat_map(crate::k8s::Labels::iter) {
        expressions.push(LabelSelectorRequirement {
            key: Some(pod_label_key(key)?.into()),
            operator: Some("In".into()),
            values: Some(List::from(vec![value.into()])),
        });
    }
    for expression in selector.match_expressions.iter().flat_map(|list| list.iter()) {
        let key = pod_label_key(expression.key.as_deref()?)?;
        expressions.push(LabelSelectorRequirement { key: Some(key.into()), ..expression.clone() });
    }
    Some(LabelSelector { match_labels: None, match_expressions: Some(expressions.into()) })
}

fn pod_label_key(key: &str) -> Option<&str> {
    const NOT_KEPT: [&str; 4] =
        ["pod-template-hash", "pod-template-generation", "controller-revision-hash", "controller-uid"];
    let key = match key.split_once(':') {
        Some(("any" | "k8s", key)) => key,
        Some(_) => return None,
        None => key,
    };
    let kept = key.starts_with("app.kubernetes.io/")
        || !(key.contains("kubernetes.io") || key.contains("k8s.io") || key.contains("io.kubernetes"));
    (kept && !key.contains("io.cilium") && !NOT_KEPT.contains(&key)).then_some(key)
}

#[cfg(test)]
mod tests;
