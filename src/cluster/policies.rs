//! The policies of the cluster, in evaluation order, and what is unknown because of policies that are not evaluated.

use std::cell::OnceCell;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use ipnet::IpNet;
use strsim::jaro_winkler;

use super::findings::Findings;
use super::objects::{DEFAULT_NAMESPACE, Identity, Item, Objects};
use super::{Cluster, NamespaceId, Node};
use crate::diagnostic::{Code, Diagnostic};
use crate::index::IndexVec;
use crate::k8s::{NetworkPolicy, Object, ResourceKind, UNEVALUATED, UnevaluatedPolicy, group};
use crate::label::{LabelSet, LabelTable, Selector, SelectorId};
use crate::policy::network_policy_api::{self, Kind, Lowered};
use crate::policy::unevaluated::{self, Placed, Surroundings};
use crate::policy::{Policy, PolicyId, Subject, networking_v1};
use crate::profile::ProfileSet;

/// The most policies that a warning names before it says "and N more".
const NAMED: usize = 5;

/// Lowers all policies. `cluster` has its namespaces already.
pub(super) fn policies(
    objects: &Objects<'_>,
    ignore: &[String],
    cluster: &mut Cluster,
    findings: &mut Findings,
) -> IndexVec<PolicyId, Policy> {
    check_ignored(ignore, findings);
    let mut policies = Vec::new();
    for item in &objects.policies {
        let namespace = namespace(cluster, item.id.namespace);
        let lowered = network_policy(item, namespace, &mut cluster.labels, findings);
        policies.push(lowered.unwrap_or_else(|| {
            let subject = networking_v1::lower_subject(item.object, &mut cluster.labels);
            left_out_policy(&item.id, Some(namespace), subject, cluster, findings)
        }));
    }
    let mut counted: BTreeMap<(&str, &str), Vec<&Identity<'_>>> = BTreeMap::new();
    let in_force = objects.unevaluated.iter();
    let in_force = in_force.filter(|item| {
        let (api_version, kind) = (&item.object.api_version, &item.object.kind);
        // What is evaluated is never ignored.
        Kind::find(api_version, kind).is_some() || !is_ignored(api_version, kind, ignore)
    });
    let surroundings = surroundings(objects, in_force.clone());
    let nodes = OnceCell::new();
    for item in in_force {
        let policy = item.object;
        if let Some(kind) = Kind::find(&policy.api_version, &policy.kind) {
            let nodes = nodes.get_or_init(|| self::nodes(cluster));
            match cluster_wide(kind, item, nodes.as_deref(), &mut cluster.labels, findings) {
                Lowered::Policy(policy) => {
                    policies.push(*policy);
                    continue;
                }
                Lowered::Refused => {
                    policies.push(left_out_policy(&item.id, None, None, cluster, findings));
                    continue;
                }
                Lowered::Unknown if is_ignored(&policy.api_version, &policy.kind, ignore) => continue,
                Lowered::Unknown => {}
            }
        }
        let namespace = (!item.id.namespace.is_empty()).then(|| namespace(cluster, item.id.namespace));
        let mut name = item.id.object_name();
        let is_known = Kind::find(&policy.api_version, &policy.kind).is_some();
        let is_shared = matches!(
            &*policy.kind,
            "NetworkPolicy" | "ClusterNetworkPolicy" | "AuthorizationPolicy" | "Server"
        );
        if is_shared && !is_known {
            // Kinds of several groups: say which is meant, but of the kind that the word alone means.
            name.kind = format!("{}.{}", policy.kind, group(&policy.api_version)).into();
        }
        let node = host_of(policy).and_then(|name| cluster.node(name));
        let placed = Placed { policy, namespace, node, name: &name, origin: item.id.origin };
        policies.extend(unevaluated::lower(placed, &surroundings, &mut cluster.labels));
        let group = group(&policy.api_version);
        if !is_known {
            counted.entry((group, &policy.kind)).or_default().push(&item.id);
        }
    }
    for ((group, kind), objects) in counted {
        report_not_evaluated(group, kind, &objects, findings);
    }
    for item in &objects.left_out {
        if let Object::Broken(broken) = item.object
            && is_ignored(&broken.api_version, &broken.kind, ignore)
        {
            continue;
        }
        let namespace = match touched(item, cluster) {
            Touched::Nothing => {
                let consequence = match item.id.kind {
                    "Namespace" => "its labels are not known",
                    _ => "the cluster is evaluated without it",
                };
                findings.left_out(&item.id, consequence);
                continue;
            }
            Touched::Namespace(namespace) => Some(namespace),
            Touched::Everything => None,
        };
        let subject = match item.object {
            Object::NetworkPolicy(policy) => networking_v1::lower_subject(policy, &mut cluster.labels),
            _ => None,
        };
        policies.push(left_out_policy(&item.id, namespace, subject, cluster, findings));
    }
    policies.sort_by(evaluation_order);
    policies.into()
}

/// Collects the facts of the cluster that the subjects of policies that are not evaluated depend on.
fn surroundings<'o>(
    objects: &'o Objects<'_>,
    mut in_force: impl Iterator<Item = &'o Item<'o, UnevaluatedPolicy>>,
) -> Surroundings<'o> {
    let roots = objects.meshes.iter().map(|item| item.object.root_namespace.as_deref());
    let left_out = objects.left_out.iter().any(|item| matches!(item.object, Object::IstioMesh(_)));
    Surroundings {
        istio_roots: roots.clone().flatten().collect(),
        unknown_istio_root: left_out || roots.into_iter().any(|root| root.is_none()),
        calico_global: in_force.any(|item| item.object.kind.ends_with("GlobalNetworkPolicy")),
    }
}

/// The node that a host endpoint of Calico stands on; `None` for all other objects.
pub(super) fn host_of(policy: &UnevaluatedPolicy) -> Option<&str> {
    let node = policy.spec.get("node").filter(|_| policy.kind == "HostEndpoint")?;
    node.as_str().filter(|name| !name.is_empty())
}

/// Lowers a NetworkPolicy; `None` if the API server would not accept it.
pub(super) fn network_policy(
    item: &Item<'_, NetworkPolicy>,
    namespace: NamespaceId,
    labels: &mut LabelTable,
    findings: &mut Findings,
) -> Option<Policy> {
    let mut found = Vec::new();
    let name = item.id.object_name();
    let rules = findings.validation(&item.id);
    let lowered =
        networking_v1::lower(item.object, namespace, name, item.id.origin, rules, labels, &mut found);
    findings.fields(&item.id, found);
    lowered
}

/// The labels and the addresses of every node of the cluster; `None` if one is only mentioned, so that neither is known.
pub(super) fn nodes(cluster: &Cluster) -> Option<Vec<(LabelSet, Vec<IpNet>)>> {
    let node = |node: &Node| {
        node.origin.as_ref()?;
        let addresses = node.addresses.iter().copied().map(IpNet::from).collect();
        Some((cluster.labels.sets[node.labels].clone(), addresses))
    };
    cluster.nodes.iter().map(node).collect::<Option<Vec<_>>>().filter(|nodes| !nodes.is_empty())
}

/// Lowers a cluster-wide policy; `nodes` are what [`nodes`] says.
pub(super) fn cluster_wide(
    kind: Kind,
    item: &Item<'_, UnevaluatedPolicy>,
    nodes: Option<&[(LabelSet, Vec<IpNet>)]>,
    labels: &mut LabelTable,
    findings: &mut Findings,
) -> Lowered {
    let addresses_of = |selector: &Selector| {
        let matching = nodes?.iter().filter(|(labels, _)| selector.matches(labels).possible());
        let addresses: Vec<&Vec<IpNet>> = matching.map(|(_, addresses)| addresses).collect();
        let are_known = addresses.iter().all(|addresses| !addresses.is_empty());
        are_known.then(|| addresses.into_iter().flatten().copied().collect())
    };

    let (name, origin) = (item.id.object_name(), item.id.origin);
    let mut found = Vec::new();
    let spec = &item.object.spec;
    let lowered = network_policy_api::lower(kind, spec, name, origin, &addresses_of, labels, &mut found);
    findings.fields(&item.id, found);
    lowered
}

/// Compares tier and priority, and then names, so that the order is the same whatever the order of the input. In tiers
/// where names may decide, a slash ends a name, as it does there (K49).
fn evaluation_order(a: &Policy, b: &Policy) -> Ordering {
    let place = |policy: &Policy| (policy.tier, policy.priority);
    let end = if a.tier.is_ordered() { "/" } else { "" };
    let (one, other) = (&a.name, &b.name);
    place(a)
        .cmp(&place(b))
        .then_with(|| one.namespace.cmp(&other.namespace))
        .then_with(|| one.name.bytes().chain(end.bytes()).cmp(other.name.bytes().chain(end.bytes())))
        .then_with(|| one.kind.cmp(&other.kind))
}

fn namespace(cluster: &Cluster, name: &str) -> NamespaceId {
    cluster.namespace(name).expect("every namespace that an object names is there")
}

/// The policy that stands in for one that cannot be evaluated: everything it might select is unknown.
fn left_out_policy(
    id: &Identity<'_>,
    namespace: Option<NamespaceId>,
    subject: Option<SelectorId>,
    cluster: &mut Cluster,
    findings: &mut Findings,
) -> Policy {
    findings.left_out(id, "whatever it might select is unknown");
    let mut scope = unevaluated::whole_scope(namespace, &mut cluster.labels);
    if let Some(pods) = subject {
        scope.pods = pods;
    }
    let subject = Subject::Pods(scope);
    let unknown = unevaluated::unknown_policy(id.object_name(), id.origin.clone(), ProfileSet::ALL, subject);
    Policy { is_left_out: true, ..unknown }
}

/// The pods that an object that was left out might have selected.
enum Touched {
    /// None: it is no policy.
    Nothing,
    /// Those of one namespace.
    Namespace(NamespaceId),
    /// All.
    Everything,
}

fn touched(item: &Item<'_, Object>, cluster: &Cluster) -> Touched {
    let namespaced = match item.object {
        Object::NetworkPolicy(_) => true,
        Object::Unevaluated(policy) => {
            ResourceKind::unevaluated(&policy.api_version, &policy.kind).is_none_or(|kind| kind.namespaced)
        }
        Object::Broken(broken) => match ResourceKind::unevaluated(&broken.api_version, &broken.kind) {
            Some(kind) => kind.namespaced,
            None if &*broken.kind == "NetworkPolicy" => true,
            None if broken.kind.is_empty() => false,
            None => return Touched::Nothing,
        },
        _ => return Touched::Nothing,
    };
    if matches!(item.object, Object::Broken(broken) if broken.namespace_unknown) {
        return Touched::Everything;
    }
    let meta = item.id.meta;
    let name = match meta.namespace.as_deref() {
        Some(namespace) if !namespace.is_empty() => namespace,
        _ if meta.name.is_some() || meta.generate_name.is_some() => DEFAULT_NAMESPACE,
        // Without a name, nobody knows whether the namespace could be read.
        _ => return Touched::Everything,
    };
    match cluster.namespace(name) {
        Some(namespace) if namespaced => Touched::Namespace(namespace),
        _ => Touched::Everything,
    }
}

/// True if the user excluded the kind.
fn is_ignored(api_version: &str, kind: &str, ignore: &[String]) -> bool {
    ResourceKind::unevaluated(api_version, kind)
        .is_some_and(|kind| ignore.iter().any(|name| kind.is_called(name)))
}

fn report_not_evaluated(group: &str, kind: &str, objects: &[&Identity<'_>], findings: &mut Findings) {
    let [first, ..] = objects else { return };
    let mut names: Vec<String> =
        objects.iter().take(NAMED).map(|id| format!("`{}`", id.object_name().path())).collect();
    if objects.len() > NAMED {
        names.push(format!("and {} more", objects.len() - NAMED));
    }
    let qualified = format!("{kind}.{group}");
    let message = format!(
        "{} `{qualified}` not evaluated: {}; what they might select is unknown",
        objects.len(),
        names.join(", ")
    );
    let help = format!("`--ignore-kind {qualified}` leaves the kind out, by your word");
    findings.diagnostic(first, Diagnostic::new(Code::NotEvaluated, message).with_help(help));
}

/// An `--ignore-kind` must name a kind that is not evaluated.
fn check_ignored(ignore: &[String], findings: &mut Findings) {
    for name in ignore {
        if UNEVALUATED.iter().any(|kind| kind.is_called(name)) {
            continue;
        }
        let distance = |kind: &ResourceKind| jaro_winkler(&kind.name.to_lowercase(), &name.to_lowercase());
        let nearest = UNEVALUATED.iter().max_by(|a, b| distance(a).total_cmp(&distance(b)));
        let mut diagnostic = Diagnostic::new(
            Code::UnsupportedValue,
            format!("`--ignore-kind {name}`: no policy kind that is not evaluated has this name"),
        );
        if let Some(nearest) = nearest {
            diagnostic = diagnostic.with_help(format!("the nearest is `{}`", nearest.name));
        }
        findings.general(diagnostic);
    }
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "inputs read better where `json!` stands alone")]
mod tests {
    use serde_json::{Value, json};

    use super::super::testing::{codes, manifests, messages};
    use super::super::{Built, Options, build};
    use super::*;
    use crate::k8s::{BrokenObject, ObjectMeta};
    use crate::load::Manifest;
    use crate::policy::NamespaceMatch;

    fn run(input: &[Manifest], keep_going: bool, ignore: &[&str]) -> Built {
        let ignore_kinds = ignore.iter().map(ToString::to_string).collect();
        build(input, &Options { ignore_kinds, keep_going, ..Options::default() })
    }

    /// `TIER KIND NS/NAME: NAMESPACES` of every policy.
    fn policies(built: &Built) -> Vec<String> {
        let cluster = &built.cluster;
        let show = |policy: &Policy| {
            let subject = policy.subject.pods().unwrap();
            let namespaces = match subject.namespaces {
                NamespaceMatch::One(id) => &*cluster.namespaces[id].name,
                NamespaceMatch::Labels(_) => "*",
                NamespaceMatch::SameLabels(_) | NamespaceMatch::OtherLabels(_) => unreachable!("a subject"),
            };
            let all = cluster.labels.selectors[subject.pods].is_everything();
            format!("{:?} {}: {namespaces}{}", policy.tier, policy.name, if all { "" } else { " some" })
        };
        cluster.policies.iter().map(show).collect()
    }

    fn network_policy(name: &str, spec: Value) -> Value {
        json!({"kind": "NetworkPolicy", "metadata": {"name": name, "namespace": "shop"}, "spec": spec})
    }

    #[test]
    fn policies_come_in_evaluation_order() {
        let input = manifests(&[
            network_policy("b", json!({})),
            network_policy("a", json!({})),
            json!({"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy",
                "metadata": {"name": "c", "namespace": "shop"}, "spec": {"endpointSelector": {}}}),
        ]);
        assert_eq!(
            policies(&run(&input, false, &[])),
            [
                "Unevaluated CiliumNetworkPolicy shop/c: shop",
                "NetworkPolicy NetworkPolicy shop/a: shop",
                "NetworkPolicy NetworkPolicy shop/b: shop",
            ]
        );
    }

    #[test]
    fn kinds_not_evaluated_are_counted_and_named() {
        let calico = |name: &str| {
            json!({"apiVersion": "projectcalico.org/v3", "kind": "NetworkPolicy",
            "metadata": {"name": name, "namespace": "shop"}, "spec": {}})
        };
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        let input = manifests(&names.map(calico));
        let built = run(&input, false, &[]);
        assert_eq!(
            messages(&built, |_| true),
            [
                "7 `NetworkPolicy.projectcalico.org` not evaluated: `shop/a`, `shop/b`, `shop/c`, `shop/d`, `shop/e`, and 2 \
              more; what they might select is unknown"
            ]
        );
        assert_eq!(policies(&built)[0], "Unevaluated NetworkPolicy.projectcalico.org shop/a: shop");
        for ignored in ["networkpolicy", "NetworkPolicy.projectcalico.org"] {
            let built = run(&input, false, &[ignored]);
            assert_eq!((policies(&built).len(), built.diagnostics.len()), (0, 0));
        }
        assert_eq!(policies(&run(&input, false, &["NetworkPolicy.crd.antrea.io"])).len(), 7);
    }

    #[test]
    fn ignoring_a_kind_never_touches_what_is_evaluated() {
        let input = manifests(&[network_policy("a", json!({}))]);
        assert_eq!(policies(&run(&input, false, &["NetworkPolicy"])).len(), 1);
        let built = run(&input, false, &["CiliumNetworkPolcy"]);
        assert_eq!(codes(&built), [Code::UnsupportedValue]);
        assert_eq!(built.diagnostics[0].help.as_deref(), Some("the nearest is `CiliumNetworkPolicy`"));
    }

    #[test]
    fn a_bad_policy_makes_what_it_selects_unknown() {
        let bad_port = json!([{"ports": [{"port": 0}]}]);
        let some =
            network_policy("a", json!({"podSelector": {"matchLabels": {"a": "b"}}, "ingress": bad_port}));
        let all =
            network_policy("b", json!({"podSelector": {"matchLabels": {"a": "-"}}, "ingress": bad_port}));
        let built = run(&manifests(&[some, all]), true, &[]);
        assert_eq!(
            policies(&built),
            ["Unevaluated NetworkPolicy shop/a: shop some", "Unevaluated NetworkPolicy shop/b: shop"]
        );
        let left_out = built.diagnostics.iter().filter(|d| d.code == Code::LeftOut).count();
        assert_eq!(left_out, 2);
        assert!(
            built
                .cluster
                .policies
                .iter()
                .all(|p| p.subject.pods().unwrap().perhaps && p.isolates.ingress && p.isolates.egress)
        );
    }

    #[test]
    fn contradicting_policies_are_both_unknown() {
        let a = network_policy("a", json!({}));
        let b = network_policy("a", json!({"ingress": [{}]}));
        let built = run(&manifests(&[a, b]), true, &[]);
        assert_eq!(policies(&built), ["Unevaluated NetworkPolicy shop/a: shop"; 2]);
    }

    #[test]
    fn broken_objects_may_have_been_policies() {
        let broken = |api_version: &str, kind: &str, name: Option<&str>, namespace: Option<&str>| {
            let metadata = ObjectMeta {
                name: name.map(Into::into),
                namespace: namespace.map(Into::into),
                ..ObjectMeta::default()
            };
            let (api_version, kind) = (api_version.into(), kind.into());
            BrokenObject { api_version, kind, metadata, ..BrokenObject::default() }
        };
        let policy = broken("networking.k8s.io/v1", "NetworkPolicy", Some("a"), None);
        let cases: [(BrokenObject, &[&str]); 9] = [
            (BrokenObject { namespace_unknown: true, ..policy }, &["Unevaluated NetworkPolicy a: *"]),
            (broken("", "", None, None), &["Unevaluated  : *"]),
            (broken("", "", Some("a"), Some("shop")), &["Unevaluated  shop/a: *"]),
            (
                broken("networking.k8s.io/v1", "NetworkPolicy", Some("a"), Some("shop")),
                &["Unevaluated NetworkPolicy shop/a: shop"],
            ),
            (
                broken("networking.k8s.io/v1", "NetworkPolicy", Some("a"), None),
                &["Unevaluated NetworkPolicy default/a: default"],
            ),
            (
                broken("networking.k8s.io/v1", "NetworkPolicy", None, None),
                &["Unevaluated NetworkPolicy default/: *"],
            ),
            (
                broken("cilium.io/v2", "CiliumNetworkPolicy", Some("a"), None),
                &["Unevaluated CiliumNetworkPolicy default/a: default"],
            ),
            (
                broken("cilium.io/v2", "CiliumClusterwideNetworkPolicy", Some("a"), None),
                &["Unevaluated CiliumClusterwideNetworkPolicy a: *"],
            ),
            (broken("apps/v1", "Deployment", Some("a"), None), &[]),
        ];
        for (object, expected) in cases {
            let mut input = manifests(&[json!({"kind": "Pod", "metadata": {"name": "p"}})]);
            input[0].object = Object::Broken(object.clone());
            let built = run(&input, true, &[]);
            assert_eq!(policies(&built), expected, "{object:?}");
            assert_eq!(codes(&built), [Code::LeftOut]);
        }
    }
}
