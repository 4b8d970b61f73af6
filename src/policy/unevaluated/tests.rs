//! Subjects of each kind, as they are read.

use serde_json::json;

use super::*;
use crate::index::Id;
use crate::k8s::UNEVALUATED;
use crate::label::{LabelSet, LabelValue, Truth};

/// The subjects of a policy: (namespace `7` or `*` or the selector's truth for `env=prod`, truth for `app=web`,
/// perhaps); of nodes `hosts`, and whether they could be any.
fn subjects(api_version: &str, kind: &str, namespace: &str, spec: Value) -> Vec<(String, Truth, bool)> {
    let mut labels = LabelTable::default();
    let set = |pair: (&str, &str), labels: &mut LabelTable| {
        let value = LabelValue::Known(labels.values.intern(pair.1));
        LabelSet::new(vec![(labels.keys.intern(pair.0), value)], true)
    };
    let web = set(("app", "web"), &mut labels);
    let prod = set(("env", "prod"), &mut labels);
    let policy = UnevaluatedPolicy {
        api_version: api_version.into(),
        kind: kind.into(),
        metadata: crate::k8s::ObjectMeta::default(),
        spec,
    };
    let id = (!namespace.is_empty()).then(|| NamespaceId::from_index(7));
    let name = ObjectName { kind: kind.into(), namespace: namespace.into(), name: "p".into() };
    let origin =
        Origin { source: crate::diagnostic::SourceId::from_index(0), document: 0..1, item: "".into() };
    let placed = Placed { policy: &policy, namespace: id, node: None, name: &name, origin: &origin };
    lower(placed, &Surroundings::default(), &mut labels)
        .into_iter()
        .map(|policy| {
            let is_mesh = api_version.starts_with("security.istio.io/");
            assert_eq!(policy.tier, if is_mesh { Tier::Restricting } else { Tier::Unevaluated });
            assert!(policy.isolates.ingress && policy.isolates.egress && policy.rules.ingress.is_empty());
            let subject = match policy.subject {
                Subject::Pods(pods) => pods,
                Subject::Hosts(hosts) => return ("hosts".into(), Truth::Unknown, hosts == HostMatch::Any),
            };
            let namespaces = match subject.namespaces {
                NamespaceMatch::One(id) => id.index().to_string(),
                NamespaceMatch::Labels(s) if labels.selectors[s].is_everything() => "*".into(),
                NamespaceMatch::Labels(s) => format!("{:?}", labels.selectors[s].matches(&prod)),
                NamespaceMatch::SameLabels(_) | NamespaceMatch::OtherLabels(_) => unreachable!("a subject"),
            };
            (namespaces, labels.selectors[subject.pods].matches(&web), subject.perhaps)
        })
        .collect()
}

fn one(namespaces: &str, pods: Truth, perhaps: bool) -> Vec<(String, Truth, bool)> {
    vec![(namespaces.into(), pods, perhaps)]
}

#[test]
fn cilium_endpoint_selectors() {
    let run = |spec| subjects("cilium.io/v2", "CiliumNetworkPolicy", "ns", spec);
    for key in ["app", "any:app", "k8s:app"] {
        let spec = |value| json!({"endpointSelector": {"matchLabels": {key: value}}});
        assert_eq!(run(spec("web")), one("7", Truth::Yes, false));
        assert_eq!(run(spec("db")), one("7", Truth::No, false));
    }
    assert_eq!(run(json!({"endpointSelector": {}})), one("7", Truth::Yes, false));
    for key in ["k8s:io.kubernetes.pod.namespace", "reserved:host", "pod-template-hash", "x.kubernetes.io/y"]
    {
        let spec = json!({"endpointSelector": {"matchLabels": {key: "x"}}});
        assert_eq!(run(spec), one("7", Truth::Yes, true), "{key}");
    }
    assert_eq!(run(Value::Null), one("7", Truth::Yes, true));
    assert_eq!(run(json!({"nodeSelector": {}})), []);
    let specs = json!([{"endpointSelector": {"matchLabels": {"app": "web"}}}, {"endpointSelector": {"matchLabels": {"app": "db"}}}]);
    assert_eq!(run(specs).len(), 2);
    let clusterwide =
        subjects("cilium.io/v2", "CiliumClusterwideNetworkPolicy", "", json!({"endpointSelector": {}}));
    assert_eq!(clusterwide, one("*", Truth::Yes, false));
}

#[test]
fn admin_subjects_in_both_shapes() {
    for kind in ["AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy"] {
        let run = |spec| subjects("policy.networking.k8s.io/v1alpha1", kind, "", spec);
        let prod = json!({"matchLabels": {"env": "prod"}});
        let web = json!({"matchLabels": {"app": "web"}});
        assert_eq!(run(json!({"subject": {"namespaces": {}}})), one("*", Truth::Yes, false));
        for namespaces in [prod.clone(), json!({"namespaceSelector": prod})] {
            assert_eq!(run(json!({"subject": {"namespaces": namespaces}})), one("Yes", Truth::Yes, false));
        }
        let new = json!({"subject": {"pods": {"namespaceSelector": prod, "podSelector": web}}});
        let old =
            json!({"subject": {"pods": {"namespaces": {"namespaceSelector": prod}, "podSelector": web}}});
        for spec in [new, old] {
            assert_eq!(run(spec), one("Yes", Truth::Yes, false));
        }
        assert_eq!(run(json!({"subject": {"nodes": {}}})), one("*", Truth::Yes, true));
    }
}

#[test]
fn istio_selectors() {
    let run = |ns, spec| subjects("security.istio.io/v1", "AuthorizationPolicy", ns, spec);
    let db = json!({"selector": {"matchLabels": {"app": "db"}}});
    assert_eq!(run("ns", db.clone()), one("7", Truth::No, false));
    assert_eq!(run("istio-system", db), one("*", Truth::No, false));
    assert_eq!(run("ns", Value::Null), one("7", Truth::Yes, false));
    assert_eq!(run("ns", json!({"targetRefs": [{"kind": "Service"}]})), one("7", Truth::Yes, true));
}

#[test]
fn antrea_targets() {
    let run = |spec| subjects("crd.antrea.io/v1beta1", "ClusterNetworkPolicy", "", spec);
    let web = json!({"matchLabels": {"app": "web"}});
    assert_eq!(run(json!({"appliedTo": [{"podSelector": web}]})), one("*", Truth::Yes, false));
    let both =
        json!({"appliedTo": [{"podSelector": web, "namespaceSelector": {"matchLabels": {"env": "x"}}}]});
    assert_eq!(run(both), one("No", Truth::Yes, false));
    assert_eq!(run(json!({"appliedTo": [{"group": "g"}]})), one("*", Truth::Yes, true));
    assert_eq!(run(json!({"appliedTo": [{"nodeSelector": {}}]})), one("hosts", Truth::Unknown, false));
    assert_eq!(run(json!({"ingress": []})), one("*", Truth::Yes, true));
}

#[test]
fn calico_expressions_are_not_read() {
    for group in ["projectcalico.org/v3", "crd.projectcalico.org/v1"] {
        let run = |spec| subjects(group, "NetworkPolicy", "ns", spec);
        assert_eq!(run(json!({"types": ["Ingress"]})), one("7", Truth::Yes, false));
        assert_eq!(run(json!({"selector": "all()"})), one("7", Truth::Yes, false));
        assert_eq!(run(json!({"selector": "app == 'db'"})), one("7", Truth::Yes, true));
    }
}

#[test]
fn pod_selectors_and_whole_namespaces() {
    let db = json!({"podSelector": {"matchLabels": {"app": "db"}}});
    for (api_version, kind) in [
        ("k8s.cni.cncf.io/v1beta1", "MultiNetworkPolicy"),
        ("networking.k8s.aws/v1alpha1", "ApplicationNetworkPolicy"),
        ("networking.gke.io/v1alpha1", "FQDNNetworkPolicy"),
        ("projectcalico.org/v3", "StagedKubernetesNetworkPolicy"),
    ] {
        assert_eq!(subjects(api_version, kind, "ns", db.clone()), one("7", Truth::No, false), "{kind}");
    }
    assert_eq!(subjects("k8s.ovn.org/v1", "EgressFirewall", "ns", json!({})), one("7", Truth::Yes, false));
    assert_eq!(subjects("example.com/v1", "Other", "ns", json!({})), one("7", Truth::Yes, true));
}

#[test]
fn kinds_are_found_by_group_and_kind() {
    assert!(ResourceKind::unevaluated("cilium.io/v2", "CiliumNetworkPolicy").is_some());
    assert!(ResourceKind::unevaluated("networking.k8s.io/v1", "NetworkPolicy").is_none());
    assert!(ResourceKind::unevaluated("v1", "NetworkPolicy").is_none());
    let kind = ResourceKind::unevaluated("crd.antrea.io/v1beta1", "NetworkPolicy").unwrap();
    assert!(kind.is_called("networkpolicy.crd.antrea.io") && kind.is_called("NetworkPolicy"));
    assert!(!kind.is_called("networkpolicy.projectcalico.org"));
}

#[test]
fn who_could_enforce_what() {
    let cases = [
        ("CiliumNetworkPolicy.cilium.io", vec!["spec", "cilium"]),
        ("GlobalNetworkPolicy.projectcalico.org", vec!["spec", "calico"]),
        ("ClusterNetworkPolicy.crd.antrea.io", vec!["spec", "antrea"]),
        (
            "AdminNetworkPolicy.policy.networking.k8s.io",
            vec!["spec", "antrea", "ovn-kubernetes", "kube-network-policies"],
        ),
        (
            "ClusterNetworkPolicy.policy.networking.k8s.io",
            vec!["spec", "calico", "antrea", "ovn-kubernetes", "kube-network-policies"],
        ),
        ("EgressFirewall.k8s.ovn.org", vec!["spec", "ovn-kubernetes"]),
        ("ApplicationNetworkPolicy.networking.k8s.aws", vec!["spec", "aws-vpc-cni"]),
        ("FQDNNetworkPolicy.networking.gke.io", vec!["spec", "cilium"]),
        ("AuthorizationPolicy.security.istio.io", Profile::ALL.map(Profile::name).to_vec()),
        ("MultiNetworkPolicy.k8s.cni.cncf.io", Profile::ALL.map(Profile::name).to_vec()),
    ];
    for (name, expected) in cases {
        let kind = UNEVALUATED.iter().find(|k| k.qualified() == name).unwrap();
        let found: Vec<&str> =
            Profile::ALL.into_iter().filter(|p| kind.enforced_by().contains(*p)).map(Profile::name).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn every_kind_belongs_to_somebody() {
    for kind in UNEVALUATED {
        assert!(kind.family().is_some(), "{}", kind.qualified());
    }
}
