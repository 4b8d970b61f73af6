//! Random small clusters: valid, and dense with the structure that evaluators get wrong.
//!
//! Alphabets are tiny, so that selectors, ports and blocks collide. A [`Case`] is plain JSON, so that laws can rewrite
//! it and a failure can be pasted into a file. Every strategy shrinks towards less: fewer objects, shorter lists.

use std::fmt;

use podreach::cluster::{Assumption, Options};
use podreach::profile::Profile;
use proptest::collection::vec;
use proptest::option::{of, weighted};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

/// A cluster, and what the user says beside it.
#[derive(Clone, PartialEq)]
pub(crate) struct Case {
    /// The objects.
    pub(crate) objects: Vec<Value>,
    /// Command-line facts.
    pub(crate) options: Options,
    /// The CNI profile.
    pub(crate) profile: Profile,
}

impl Case {
    /// The objects as one JSON document, each on a line.
    pub(crate) fn text(&self) -> String {
        let items: Vec<String> = self.objects.iter().map(Value::to_string).collect();
        format!("{{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[\n{}\n]}}\n", items.join(",\n"))
    }
}

/// As a file to paste, with the flags to give.
impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "podreach matrix -f FILE --cni {}", self.profile.name())?;
        for range in &self.options.ranges.pods {
            write!(f, " --pod-cidr {range}")?;
        }
        for range in &self.options.ranges.nodes {
            write!(f, " --node-cidr {range}")?;
        }
        for Assumption { kind, namespace, name, key, value } in &self.options.assume {
            write!(f, " --assume {kind}/{namespace}/{name} {key}={value}")?;
        }
        for kind in &self.options.ignore_kinds {
            write!(f, " --ignore-kind {kind}")?;
        }
        write!(f, "\n{}", self.text())
    }
}

/// Names of namespaces.
pub(crate) const NAMESPACES: [&str; 4] = ["a", "b", "c", "d"];
const NODES: [&str; 2] = ["n0", "n1"];
const POD_KEYS: [&str; 2] = ["app", "tier"];
const NAMESPACE_KEYS: [&str; 2] = ["env", "team"];
const VALUES: [&str; 3] = ["x", "y", ""];
const PORT_NAMES: [&str; 2] = ["http", "dns"];
const PORTS: [u16; 7] = [80, 81, 53, 8080, 79, 1, 65535];
const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];
const ZONE: &str = "topology.kubernetes.io/zone";
const HOST_NETWORK: &str = "policy-group.network.openshift.io/host-network";
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// Addresses of pods: the edges of the blocks below, and their neighbours.
const POD_V4: [&str; 10] = [
    "10.0.0.1",
    "10.0.0.2",
    "10.0.0.3",
    "10.0.0.4",
    "10.0.0.7",
    "10.0.0.8",
    "9.255.255.255",
    "10.255.255.255",
    "192.168.0.0",
    "203.0.113.7",
];
const POD_V6: [&str; 5] = ["fd00::1", "fd00::2", "fd00::3", "fd00::4", "2001:db8::"];
const NODE_ADDRESSES: [[&str; 2]; 2] = [["10.0.0.6", "fd00::6"], ["172.16.0.1", "2001:db8::6"]];

/// Blocks, and what may be taken out of them.
const BLOCKS: [(&str, &[&str]); 20] = [
    ("10.0.0.0/29", &["10.0.0.2/31", "10.0.0.2/32", "10.0.0.4/30"]),
    ("0.0.0.0/0", &["10.0.0.0/8", "10.0.0.0/30", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"]),
    ("10.0.0.0/8", &["10.0.0.0/29", "10.0.0.0/30", "10.0.0.3/32", "10.128.0.0/9"]),
    ("10.0.0.2/32", &[]),
    ("10.0.0.8/29", &["10.0.0.8/30"]),
    ("10.0.0.5/30", &["10.0.0.7/32"]),
    ("10.0.0.0/9", &["10.0.0.0/10"]),
    ("10.128.0.0/9", &[]),
    ("172.16.0.0/12", &["172.16.0.1/32"]),
    ("192.168.0.0/16", &["192.168.0.0/17"]),
    ("100.64.0.0/10", &[]),
    ("203.0.113.0/24", &["203.0.113.7/32"]),
    ("128.0.0.0/1", &["192.168.0.0/16", "203.0.113.0/24"]),
    ("::ffff:10.0.0.0/120", &[]),
    ("::/0", &["fc00::/7", "fd00::/126", "2001:db8::/32"]),
    ("fc00::/7", &["fc00::/8", "fd00::2/127"]),
    ("fd00::/126", &["fd00::2/128"]),
    ("fd00::1/128", &[]),
    ("2001:db8::/32", &["2001:db8::/128"]),
    ("255.255.255.255/32", &[]),
];

/// Blocks that are whole only together.
const PARTITIONS: [&[&str]; 4] = [
    &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"],
    &["10.0.0.0/29", "10.0.0.8/29"],
    &["0.0.0.0/1", "128.0.0.0/1"],
    &["fc00::/8", "fd00::/8"],
];

/// A JSON object; fields whose value is `None` are left out.
fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let present = fields.into_iter().filter_map(|(name, value)| Some((name.to_string(), value?)));
    Value::Object(present.collect())
}

/// A list that is missing, null, empty, or not.
fn list(element: impl Strategy<Value = Value>, longest: usize) -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        1 => Just(None),
        1 => Just(Some(Value::Null)),
        1 => Just(Some(json!([]))),
        9 => vec(element, 1..=longest).prop_map(|elements| Some(Value::Array(elements))),
    ]
}

/// A namespace; most things are in the first ones.
fn namespace() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just("a"), 2 => Just("b"), 1 => select(&NAMESPACES[..])]
}

fn labels(keys: &'static [&'static str]) -> impl Strategy<Value = Map<String, Value>> {
    vec((select(keys), select(&VALUES[..])), 0..=2)
        .prop_map(|pairs| pairs.into_iter().map(|(key, value)| (key.to_string(), json!(value))).collect())
}

/// The labels that a selector asks for.
#[derive(Clone, Copy)]
enum Of {
    /// Labels of pods, those among them that controllers set.
    Pods,
    /// Labels of pods that people write.
    OwnPods,
    /// Labels of namespaces.
    Namespaces,
}

/// A key, and a value it may have.
fn label(of: Of) -> BoxedStrategy<(&'static str, &'static str)> {
    match of {
        Of::Pods => prop_oneof![
            12 => (select(&POD_KEYS[..]), select(&VALUES[..])),
            1 => select(&["w0-0", "w0-1", "w1-0"][..]).prop_map(|v| ("statefulset.kubernetes.io/pod-name", v)),
            1 => select(&["0", "1"][..]).prop_map(|v| ("apps.kubernetes.io/pod-index", v)),
            1 => select(&["w0", "w1"][..]).prop_map(|v| ("job-name", v)),
            1 => select(&["0", "1"][..]).prop_map(|v| ("batch.kubernetes.io/job-completion-index", v)),
            1 => select(&["hash", "x"][..]).prop_map(|v| ("pod-template-hash", v)),
            1 => Just(("apps.kruise.io/cloneset-instance-id", "x")),
            1 => select(&VALUES[..]).prop_map(|v| (ZONE, v)),
        ]
        .boxed(),
        Of::OwnPods => (select(&POD_KEYS[..]), select(&VALUES[..])).boxed(),
        Of::Namespaces => prop_oneof![
            3 => (select(&NAMESPACE_KEYS[..]), select(&VALUES[..])),
            1 => select(&NAMESPACES[..]).prop_map(|v| (NAMESPACE_NAME, v)),
        ]
        .boxed(),
    }
}

fn requirement(of: Of) -> impl Strategy<Value = Value> {
    (label(of), vec(label(of), 0..=1), select(&["In", "NotIn", "Exists", "DoesNotExist"][..]), any::<bool>())
        .prop_map(|((key, value), more, operator, empty_list)| {
            let more = more.into_iter().map(|(_, value)| value);
            let values = match operator {
                "In" | "NotIn" => Some(json!(std::iter::once(value).chain(more).collect::<Vec<_>>())),
                _ => empty_list.then(|| json!([])),
            };
            object([("key", Some(json!(key))), ("operator", Some(json!(operator))), ("values", values)])
        })
}

fn selector(of: Of) -> impl Strategy<Value = Value> {
    let pairs = || {
        vec(label(of), 1..=2).prop_map(|pairs| {
            let pairs: Map<_, _> = pairs.into_iter().map(|(key, value)| (key.into(), json!(value))).collect();
            json!(pairs)
        })
    };
    prop_oneof![
        2 => Just(json!({})),
        4 => pairs().prop_map(|pairs| json!({"matchLabels": pairs})),
        4 => vec(requirement(of), 1..=2).prop_map(|all| json!({"matchExpressions": all})),
        1 => (pairs(), requirement(of))
            .prop_map(|(pairs, one)| json!({"matchLabels": pairs, "matchExpressions": [one]})),
    ]
}

fn ip_block() -> impl Strategy<Value = Value> {
    select(&BLOCKS[..]).prop_flat_map(|(cidr, holes)| {
        subsequence(holes, 0..=holes.len().min(2)).prop_map(move |except| {
            let except = (!except.is_empty()).then(|| json!(except));
            json!({"ipBlock": object([("cidr", Some(json!(cidr))), ("except", except)])})
        })
    })
}

fn peer() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => selector(Of::Pods).prop_map(|pods| json!({"podSelector": pods})),
        1 => selector(Of::Pods).prop_map(|pods| json!({"podSelector": pods, "namespaceSelector": null})),
        1 => Just(json!({"namespaceSelector": {"matchLabels": {HOST_NETWORK: ""}}})),
        3 => selector(Of::Namespaces).prop_map(|namespaces| json!({"namespaceSelector": namespaces})),
        3 => (selector(Of::Pods), selector(Of::Namespaces))
            .prop_map(|(pods, namespaces)| json!({"podSelector": pods, "namespaceSelector": namespaces})),
        4 => ip_block(),
    ]
}

/// `from` or `to`.
fn peers() -> impl Strategy<Value = Option<Value>> {
    let partition = select(&PARTITIONS[..]).prop_flat_map(|blocks| {
        // Whole, or with one block missing.
        subsequence(blocks, blocks.len() - 1..=blocks.len()).prop_map(|blocks| {
            let peers = blocks.into_iter().map(|cidr| json!({"ipBlock": {"cidr": cidr}})).collect();
            Some(Value::Array(peers))
        })
    });
    prop_oneof![8 => list(peer(), 3), 1 => partition]
}

/// One element of `ports`.
fn port() -> impl Strategy<Value = Value> {
    let protocol =
        || prop_oneof![1 => Just(None), 2 => select(&PROTOCOLS[..]).prop_map(|name| Some(json!(name)))];
    let range = (select(&PORTS[..]), select(&PORTS[..])).prop_map(|(a, b)| (a.min(b), a.max(b)));
    prop_oneof![
        1 => protocol().prop_map(|protocol| object([("protocol", protocol)])),
        4 => (protocol(), select(&PORTS[..]))
            .prop_map(|(protocol, port)| object([("protocol", protocol), ("port", Some(json!(port)))])),
        2 => (protocol(), range).prop_map(|(protocol, (first, last))| {
            object([("protocol", protocol), ("port", Some(json!(first))), ("endPort", Some(json!(last)))])
        }),
        3 => (protocol(), select(&PORT_NAMES[..]))
            .prop_map(|(protocol, name)| object([("protocol", protocol), ("port", Some(json!(name)))])),
    ]
}

/// One rule; `side` is `from` or `to`.
pub(crate) fn rule(side: &'static str) -> impl Strategy<Value = Value> {
    (peers(), list(port(), 2)).prop_map(move |(peers, ports)| object([(side, peers), ("ports", ports)]))
}

/// `spec` of a NetworkPolicy.
pub(crate) fn policy_spec() -> impl Strategy<Value = Value> {
    let types = prop_oneof![
        2 => Just(None),
        1 => Just(Some(Value::Null)),
        1 => Just(Some(json!([]))),
        3 => Just(Some(json!(["Ingress"]))),
        3 => Just(Some(json!(["Egress"]))),
        3 => Just(Some(json!(["Ingress", "Egress"]))),
        1 => Just(Some(json!(["Ingress", "Ingress"]))),
    ];
    let pods = prop_oneof![
        1 => Just(None),
        1 => Just(Some(Value::Null)),
        8 => selector(Of::Pods).prop_map(Some),
    ];
    let rules = |side| list(prop_oneof![40 => rule(side), 1 => Just(Value::Null)], 2);
    (pods, types, rules("from"), rules("to")).prop_map(|(pods, types, ingress, egress)| {
        object([("podSelector", pods), ("policyTypes", types), ("ingress", ingress), ("egress", egress)])
    })
}

fn policies() -> impl Strategy<Value = Vec<Value>> {
    vec((namespace(), policy_spec()), 0..=5).prop_map(|policies| {
        let numbered = policies.into_iter().enumerate();
        numbered.map(|(i, (namespace, spec))| network_policy(namespace, &format!("np{i}"), &spec)).collect()
    })
}

/// Blocks that servers of today take only if they are stored already.
const LEGACY_BLOCKS: [&str; 2] = ["10.0.0.5/30", "::ffff:10.0.0.0/120"];

/// A NetworkPolicy.
pub(crate) fn network_policy(namespace: &str, name: &str, spec: &Value) -> Value {
    let mut policy = json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"namespace": namespace, "name": name},
        "spec": spec,
    });
    let text = spec.to_string();
    if LEGACY_BLOCKS.iter().any(|block| text.contains(block)) {
        policy["metadata"]["uid"] = json!(format!("uid-{name}"));
    }
    policy
}

/// A ClusterNetworkPolicy without a name. Few priorities, so that policies tie.
fn cluster_network_policy() -> impl Strategy<Value = Value> + Clone {
    let pods = || {
        let namespaced = (of(selector(Of::Namespaces)), selector(Of::Pods)).prop_map(|(namespaces, pods)| {
            json!({"pods": object([("namespaceSelector", namespaces), ("podSelector", Some(pods))])})
        });
        prop_oneof![
            selector(Of::Namespaces).prop_map(|namespaces| json!({"namespaces": namespaces})),
            namespaced,
        ]
    };
    let masked: Vec<&str> =
        BLOCKS.iter().map(|(block, _)| *block).filter(|block| !LEGACY_BLOCKS.contains(block)).collect();
    let networks = subsequence(masked, 1..=2).prop_map(|networks| json!({"networks": networks}));
    let nodes = select(&["x", "n1"][..]).prop_map(|pool| json!({"nodes": {"matchLabels": {"pool": pool}}}));
    let domains =
        select(&["example.com", "*.example.com"][..]).prop_map(|name| json!({"domainNames": [name]}));
    let beyond = prop_oneof![12 => networks, 3 => nodes, 3 => domains];
    let protocol = prop_oneof![
        4 => (select(&["tcp", "udp", "sctp"][..]), select(&PORTS[..])).prop_map(|(protocol, port)| {
            json!({protocol: {"destinationPort": {"number": port}}})
        }),
        2 => (select(&["tcp", "udp", "sctp"][..]), 1u16..100, 1u16..100).prop_map(|(protocol, first, more)| {
            json!({protocol: {"destinationPort": {"range": {"start": first, "end": first + more}}}})
        }),
    ];
    let named = select(&PORT_NAMES[..]).prop_map(|name| json!({"destinationNamedPort": name}));
    let action = || select(&["Accept", "Deny", "Pass"][..]);
    let protocols = || weighted(0.5, vec(prop_oneof![3 => protocol.clone(), 1 => named.clone()], 1..=2));
    let rule = |peers: &'static str, action: &str, peer: Vec<Value>, protocols: Option<Vec<Value>>| {
        object([
            ("action", Some(json!(action))),
            (peers, Some(json!(peer))),
            ("protocols", protocols.map(Value::Array)),
        ])
    };
    let inside = (action(), vec(pods(), 1..=2), protocols());
    let ingress =
        inside.clone().prop_map(move |(action, peers, protocols)| rule("from", action, peers, protocols));
    let outside = (action(), beyond, weighted(0.5, vec(protocol.clone(), 1..=2)));
    let egress = prop_oneof![
        2 => inside.prop_map(move |(action, peers, protocols)| rule("to", action, peers, protocols)),
        1 => outside.prop_map(move |(action, peer, protocols)| rule("to", action, vec![peer], protocols)),
    ];
    let spec = (
        select(&["Admin", "Baseline"][..]),
        0..3_u32,
        pods(),
        weighted(0.7, vec(ingress, 0..=3)),
        weighted(0.7, vec(egress, 0..=3)),
    );
    let spec = spec.prop_map(|(tier, priority, subject, ingress, egress)| {
        object([
            ("tier", Some(json!(tier))),
            ("priority", Some(json!(priority))),
            ("subject", Some(subject)),
            ("ingress", ingress.map(Value::Array)),
            ("egress", egress.map(Value::Array)),
        ])
    });
    (spec, select(&["v1alpha2", "v1beta1"][..])).prop_map(|(spec, version)| {
        json!({"apiVersion": format!("policy.networking.k8s.io/{version}"), "kind": "ClusterNetworkPolicy", "spec": spec})
    })
}

/// Comparisons of namespaces, as the peers of the first releases of v1alpha1 have them; `None` for later releases.
fn relations() -> impl Strategy<Value = Option<Vec<Option<Value>>>> {
    let key = prop_oneof![4 => select(&NAMESPACE_KEYS[..]), 1 => Just(NAMESPACE_NAME)];
    let relation = (select(&["sameLabels", "notSameLabels"][..]), vec(key, 0..=2))
        .prop_map(|(relation, keys)| json!({relation: keys}));
    of(vec(of(relation), 5))
}

/// ClusterNetworkPolicies and what came before them: mostly none.
fn cluster_network_policies() -> BoxedStrategy<Vec<Value>> {
    let policies = vec(cluster_network_policy(), 1..=3).prop_map(|policies| {
        let numbered = policies.into_iter().enumerate();
        numbered.map(|(number, policy)| called_cnp(policy, number)).collect::<Vec<Value>>()
    });
    let older = (policies.clone(), relations()).prop_map(|(policies, relations)| {
        let relations = relations.as_deref();
        policies.into_iter().enumerate().map(|(number, policy)| older(&policy, number, relations)).collect()
    });
    prop_oneof![6 => Just(Vec::new()), 3 => policies, 2 => older].boxed()
}

fn called_cnp(mut policy: Value, number: usize) -> Value {
    policy["metadata"] = json!({"name": format!("cnp{number}")});
    policy
}

/// A cluster-wide policy of any kind, with one of few names.
pub(crate) fn cluster_wide_policy() -> impl Strategy<Value = Value> {
    (cluster_network_policy(), 0..4_usize, weighted(0.4, relations())).prop_map(|(policy, number, older)| {
        let policy = called_cnp(policy, number);
        older.map_or(policy.clone(), |relations| self::older(&policy, number, relations.as_deref()))
    })
}

/// A ClusterNetworkPolicy as a policy of v1alpha1 that says much the same; with the peers of its first releases, some of
/// which compare namespaces with those of their subjects in these ways, or not.
fn older(policy: &Value, number: usize, relations: Option<&[Option<Value>]>) -> Value {
    let is_old = relations.is_some();
    let mut relations = relations.unwrap_or_default().iter().cycle().skip(number);
    let mut relation = || relations.next().cloned().flatten();
    let mut spec = policy["spec"].clone();
    let is_admin = spec["tier"] == "Admin";
    let fields = spec.as_object_mut().expect("a spec is an object");
    fields.remove("tier");
    if !is_admin {
        fields.remove("priority");
    }
    let of_pods = |pods: &mut Value, is_old: bool| {
        let namespaces = pods["namespaceSelector"].take();
        let namespaces = if namespaces.is_null() { json!({}) } else { namespaces };
        let pods = pods.as_object_mut().expect("pods are an object");
        pods.remove("namespaceSelector");
        if is_old {
            pods.insert("namespaces".into(), json!({"namespaceSelector": namespaces}));
        } else {
            pods.insert("namespaceSelector".into(), namespaces);
        }
    };
    if let Some(pods) = spec["subject"].get_mut("pods") {
        of_pods(pods, false);
    }
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        for rule in spec.get_mut(direction).and_then(Value::as_array_mut).into_iter().flatten() {
            let action = rule["action"].as_str().unwrap_or_default();
            let action = match action {
                "Accept" => "Allow",
                "Pass" if !is_admin => "Deny",
                other => other,
            };
            rule["action"] = json!(action.to_owned());
            for peer in rule[peers].as_array_mut().into_iter().flatten() {
                if let Some(pods) = peer.get_mut("pods") {
                    of_pods(pods, is_old);
                    if let Some(relation) = relation() {
                        pods["namespaces"] = relation;
                    }
                } else if is_old && let Some(namespaces) = peer.get_mut("namespaces") {
                    let selector = namespaces.take();
                    *namespaces = relation().unwrap_or_else(|| json!({"namespaceSelector": selector}));
                } else if !is_admin && peer.get("domainNames").is_some() {
                    *peer = json!({"namespaces": {}});
                }
            }
            let Some(protocols) = rule.as_object_mut().and_then(|rule| rule.remove("protocols")) else {
                continue;
            };
            let port = |written: &Value| {
                if let Some(name) = written["destinationNamedPort"].as_str() {
                    return json!({"namedPort": name});
                }
                let (protocol, port) =
                    written.as_object().and_then(|one| one.iter().next()).expect("a protocol");
                let (port, protocol) = (&port["destinationPort"], protocol.to_uppercase());
                match port.get("number") {
                    Some(number) if protocol == "TCP" => json!({"portNumber": {"port": number}}),
                    Some(number) => json!({"portNumber": {"protocol": protocol, "port": number}}),
                    None => {
                        let (start, end) = (&port["range"]["start"], &port["range"]["end"]);
                        json!({"portRange": {"protocol": protocol, "start": start, "end": end}})
                    }
                }
            };
            rule["ports"] = protocols.as_array().into_iter().flatten().map(port).collect();
        }
    }
    let (kind, name) = match (is_admin, number) {
        (true, _) => ("AdminNetworkPolicy", format!("anp{number}")),
        // There is one.
        (false, 0) => ("BaselineAdminNetworkPolicy", "default".to_owned()),
        (false, _) => return policy.clone(),
    };
    json!({"apiVersion": "policy.networking.k8s.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

/// Policies of kinds that are not evaluated, and what they hang on: mostly none.
fn unevaluated() -> BoxedStrategy<Vec<Value>> {
    let pods = || selector(Of::OwnPods);
    let cilium = (namespace(), pods()).prop_map(|(namespace, pods)| {
        json!({"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy",
            "metadata": {"namespace": namespace, "name": "cnp"}, "spec": {"endpointSelector": pods, "ingress": [{}]}})
    });
    let subject = prop_oneof![
        selector(Of::Namespaces).prop_map(|namespaces| json!({"namespaces": namespaces})),
        (selector(Of::Namespaces), pods()).prop_map(|(namespaces, pods)| {
            json!({"pods": {"namespaceSelector": namespaces, "podSelector": pods}})
        }),
    ];
    let admin = subject.prop_map(|subject| {
        json!({"apiVersion": "policy.networking.k8s.io/v1alpha1", "kind": "AdminNetworkPolicy",
            "metadata": {"name": "anp"}, "spec": {"priority": 10, "subject": subject, "egress": [
                {"action": "Deny", "to": [{"nodes": {}}]}]}})
    });
    let istio = (select(&["a", "b", "istio-system"][..]), pods(), any::<bool>()).prop_map(
        |(namespace, pods, is_configured)| {
            let policy = json!({"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
                "metadata": {"namespace": namespace, "name": "ap"}, "spec": {"selector": pods}});
            let config = json!({"apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"namespace": "istio-system", "name": "istio"}, "data": {"mesh": "rootNamespace: b\n"}});
            is_configured.then_some(config).into_iter().chain([policy]).collect()
        },
    );
    let linkerd = (namespace(), pods()).prop_map(|(namespace, pods)| {
        json!({"apiVersion": "policy.linkerd.io/v1beta3", "kind": "Server",
            "metadata": {"namespace": namespace, "name": "server"}, "spec": {"podSelector": pods, "port": 80}})
    });
    let nodes = || {
        prop_oneof![
            Just(json!({})),
            select(&["x", "y"][..]).prop_map(|pool| json!({"matchLabels": {"pool": pool}})),
        ]
    };
    let cilium_hosts = nodes().prop_map(|nodes| {
        json!({"apiVersion": "cilium.io/v2", "kind": "CiliumClusterwideNetworkPolicy",
            "metadata": {"name": "ccnp"}, "spec": {"nodeSelector": nodes}})
    });
    let target = prop_oneof![
        pods().prop_map(|pods| json!({"podSelector": pods})),
        nodes().prop_map(|nodes| json!({"nodeSelector": nodes})),
    ];
    let targets = || vec(target.clone(), 0..=1);
    let antrea = (targets(), targets()).prop_map(|(own, of_rule)| {
        json!({"apiVersion": "crd.antrea.io/v1beta1", "kind": "ClusterNetworkPolicy", "metadata": {"name": "acnp"},
            "spec": {"appliedTo": own, "ingress": [{"action": "Drop", "appliedTo": of_rule}]}})
    });
    let calico = (select(&NODES[..]), any::<bool>(), any::<bool>()).prop_map(|(node, is_open, is_global)| {
        let profiles = is_open.then(|| json!(["projectcalico-default-allow"]));
        let endpoint = json!({"apiVersion": "projectcalico.org/v3", "kind": "HostEndpoint", "metadata": {"name": "hep"},
            "spec": object([("node", Some(json!(node))), ("profiles", profiles)])});
        let policy = json!({"apiVersion": "projectcalico.org/v3", "kind": "GlobalNetworkPolicy",
            "metadata": {"name": "gnp"}, "spec": {"selector": "all()"}});
        is_global.then_some(policy).into_iter().chain([endpoint]).collect()
    });
    let one =
        prop_oneof![cilium.boxed(), admin.boxed(), linkerd.boxed(), cilium_hosts.boxed(), antrea.boxed(),];
    let one = one.prop_map(|one| vec![one]).boxed();
    let several = prop_oneof![5 => one, 1 => istio.boxed(), 1 => calico.boxed()];
    prop_oneof![4 => Just(Vec::new()), 1 => several.boxed()].boxed()
}

fn containers() -> impl Strategy<Value = Map<String, Value>> {
    let port = (select(&PORT_NAMES[..]), select(&PORTS[..3]), of(select(&PROTOCOLS[..2]))).prop_map(
        |(name, number, protocol)| {
            let protocol = protocol.map(|name| json!(name));
            object([
                ("name", Some(json!(name))),
                ("containerPort", Some(json!(number))),
                ("protocol", protocol),
            ])
        },
    );
    (vec(weighted(0.7, port.clone()), 1..=2), weighted(0.3, (port, any::<bool>()))).prop_map(
        |(regular, init)| {
            let container = |i: usize, port: Option<Value>| {
                let ports = port.map(|port| json!([port]));
                object([
                    ("name", Some(json!(format!("c{i}")))),
                    ("image", Some(json!("image"))),
                    ("ports", ports),
                ])
            };
            let regular: Vec<Value> =
                regular.into_iter().enumerate().map(|(i, port)| container(i, port)).collect();
            let mut spec = Map::new();
            spec.insert("containers".into(), json!(regular));
            if let Some((port, is_sidecar)) = init {
                let mut init = container(9, Some(port));
                if is_sidecar {
                    init["restartPolicy"] = json!("Always");
                }
                spec.insert("initContainers".into(), json!([init]));
            }
            spec
        },
    )
}

/// The addresses that a pod shows.
#[derive(Clone, Copy, Debug)]
enum Shown {
    Nothing,
    V4,
    V6,
    Both,
}

/// The state of a Pod object beside its labels and containers.
#[derive(Clone, Copy, Debug)]
enum PodLife {
    Plain,
    Placed(usize),
    HostNetwork(Option<usize>),
    Finished,
}

fn pods() -> impl Strategy<Value = Vec<Value>> {
    let shown = prop_oneof![
        3 => Just(Shown::V4),
        2 => Just(Shown::Nothing),
        1 => Just(Shown::V6),
        1 => Just(Shown::Both),
    ];
    let life = prop_oneof![
        8 => Just(PodLife::Plain),
        2 => (0..NODES.len()).prop_map(PodLife::Placed),
        2 => of(0..NODES.len()).prop_map(PodLife::HostNetwork),
        1 => Just(PodLife::Finished),
    ];
    let pod = (namespace(), labels(&POD_KEYS), containers(), shown, life, weighted(0.3, Just(())));
    (vec(pod, 0..=6), Just(POD_V4.to_vec()).prop_shuffle(), Just(POD_V6.to_vec()).prop_shuffle()).prop_map(
        |(pods, v4, v6)| {
            let numbered = pods.into_iter().enumerate();
            numbered
                .map(|(i, (namespace, labels, mut spec, shown, life, owned))| {
                    let mut metadata = json!({"namespace": namespace, "name": format!("p{i}"), "labels": labels});
                    if owned.is_some() {
                        metadata["ownerReferences"] = owned_by("ReplicaSet", "not-shown");
                    }
                    let mut status = Map::new();
                    status.insert("phase".into(), json!("Running"));
                    let (v4, v6) = (v4[i], v6[i % v6.len()]);
                    let mut addresses = match shown {
                        Shown::Nothing => vec![],
                        Shown::V4 => vec![v4],
                        Shown::V6 => vec![v6],
                        Shown::Both => vec![v4, v6],
                    };
                    if i >= POD_V6.len() {
                        addresses.retain(|address| *address != v6);
                    }
                    match life {
                        PodLife::Plain => {}
                        PodLife::Placed(node) => {
                            spec.insert("nodeName".into(), json!(NODES[node]));
                        }
                        PodLife::HostNetwork(node) => {
                            spec.insert("hostNetwork".into(), json!(true));
                            addresses.clear();
                            if let Some(node) = node {
                                spec.insert("nodeName".into(), json!(NODES[node]));
                                let [v4, v6] = NODE_ADDRESSES[node];
                                match shown {
                                    Shown::Nothing => {}
                                    Shown::V4 | Shown::V6 => {
                                        status.insert("hostIP".into(), json!(v4));
                                    }
                                    Shown::Both => {
                                        status.insert("hostIP".into(), json!(v4));
                                        status.insert("hostIPs".into(), json!([{"ip": v4}, {"ip": v6}]));
                                    }
                                }
                            }
                        }
                        PodLife::Finished => {
                            status.insert("phase".into(), json!("Succeeded"));
                        }
                    }
                    if let Some(first) = addresses.first() {
                        let all: Vec<Value> = addresses.iter().map(|ip| json!({"ip": ip})).collect();
                        status.insert("podIP".into(), json!(first));
                        status.insert("podIPs".into(), json!(all));
                    }
                    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status})
                })
                .collect()
        },
    )
}

fn owned_by(kind: &str, name: &str) -> Value {
    let api = if kind == "CronJob" { "batch/v1" } else { "apps/v1" };
    json!([{"apiVersion": api, "kind": kind, "name": name, "controller": true, "uid": format!("uid-{name}")}])
}

/// Kinds of workloads, by how they count their pods.
const WORKLOADS: [&str; 9] = [
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "ReplicationController",
    "Job",
    "CronJob",
    // A kind known by its template only.
    "CloneSet",
    // A Deployment with its ReplicaSet and one Pod, as a dump of a live cluster has them.
    "Dump",
];

fn workloads() -> impl Strategy<Value = Vec<Value>> {
    let count = prop_oneof![Just(None), (0..=3).prop_map(Some)];
    let workload = (
        (select(&WORKLOADS[..]), namespace()),
        (labels(&POD_KEYS), containers()),
        (count.clone(), count, any::<bool>()),
        weighted(0.1, Just(())),
    );
    vec(workload, 0..=3).prop_map(|workloads| {
        let numbered = workloads.into_iter().enumerate();
        numbered
            .flat_map(|(i, ((kind, namespace), (mut labels, mut spec), (count, other, flag), host))| {
                let name = format!("w{i}");
                if host.is_some() {
                    spec.insert("hostNetwork".into(), json!(true));
                }
                labels.insert("w".into(), json!(name));
                let template = json!({"metadata": {"labels": labels}, "spec": spec});
                let selector = json!({"matchLabels": {"w": name}});
                let metadata = json!({"namespace": namespace, "name": name, "labels": {"app": "workload"}});
                let count = count.map(|count| json!(count));
                let other = other.map(|other| json!(other));
                let made = |api: &str, kind: &str, spec: Value| {
                    json!({"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec})
                };
                let replicated = |kind: &str| {
                    made(
                        "apps/v1",
                        kind,
                        object([
                            ("replicas", count.clone()),
                            ("selector", Some(selector.clone())),
                            ("template", Some(template.clone())),
                        ]),
                    )
                };
                let job = || {
                    let indexed = flag && other.is_some();
                    let mut spec = object([
                        ("parallelism", count.clone()),
                        ("completions", other.clone()),
                        ("completionMode", indexed.then(|| json!("Indexed"))),
                        ("template", Some(template.clone())),
                    ]);
                    spec["template"]["spec"]["restartPolicy"] = json!("Never");
                    spec
                };
                match kind {
                    "StatefulSet" => {
                        let mut set = replicated(kind);
                        set["spec"]["serviceName"] = json!("headless");
                        if flag {
                            set["spec"]["ordinals"] = json!({"start": 1});
                        }
                        vec![set]
                    }
                    "ReplicationController" => {
                        let selector = flag.then(|| json!({"w": name}));
                        let spec =
                            object([("replicas", count), ("selector", selector), ("template", Some(template))]);
                        vec![made("v1", kind, spec)]
                    }
                    "DaemonSet" => vec![made(
                        "apps/v1",
                        kind,
                        json!({"selector": selector, "template": template}),
                    )],
                    "Job" => vec![made("batch/v1", kind, job())],
                    "CloneSet" => {
                        let spec = object([("replicas", count), ("template", Some(template))]);
                        vec![made("apps.kruise.io/v1alpha1", kind, spec)]
                    }
                    "CronJob" => {
                        let spec = json!({"schedule": "* * * * *", "jobTemplate": {"spec": job()}});
                        vec![made("batch/v1", kind, spec)]
                    }
                    "Dump" => {
                        let mut labels = labels.clone();
                        labels.insert("pod-template-hash".into(), json!("hash"));
                        let set = format!("{name}-hash");
                        let mut replica_set = replicated("ReplicaSet");
                        replica_set["metadata"] = json!({"namespace": namespace, "name": set,
                            "labels": labels, "ownerReferences": owned_by("Deployment", &name)});
                        replica_set["spec"]["template"]["metadata"]["labels"] = json!(labels);
                        let mut objects = vec![replicated("Deployment"), replica_set];
                        if flag {
                            objects.push(json!({"apiVersion": "v1", "kind": "Pod",
                                "metadata": {"namespace": namespace, "name": format!("{set}-pod"),
                                    "labels": labels, "ownerReferences": owned_by("ReplicaSet", &set)},
                                "spec": template["spec"]}));
                        }
                        objects
                    }
                    _ => vec![replicated(kind)],
                }
            })
            .collect()
    })
}

/// Some of the namespaces are declared, some of the nodes too.
fn surroundings() -> impl Strategy<Value = Vec<Value>> {
    let namespaces = vec(weighted(0.7, labels(&NAMESPACE_KEYS)), NAMESPACES.len());
    let nodes = vec(weighted(0.3, select(&[0, 1, 2][..])), NODES.len());
    (namespaces, nodes).prop_map(|(namespaces, nodes)| {
        let namespaces = NAMESPACES.into_iter().zip(namespaces).filter_map(|(name, labels)| {
            Some(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels?}}))
        });
        let nodes = NODES.into_iter().zip(NODE_ADDRESSES).zip(nodes).filter_map(|((name, addresses), known)| {
            let addresses: Vec<Value> = addresses[..known?]
                .iter()
                .map(|address| json!({"type": "InternalIP", "address": address}))
                .chain([json!({"type": "Hostname", "address": name})])
                .collect();
            Some(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {ZONE: "x", "pool": name.replace("n0", "x")}},
                "status": {"addresses": addresses}}))
        });
        namespaces.chain(nodes).collect()
    })
}

fn options() -> impl Strategy<Value = Options> {
    let pods = prop_oneof![
        6 => Just(vec![]),
        2 => Just(vec!["10.0.0.0/28"]),
        1 => Just(vec!["10.0.0.0/8"]),
        1 => Just(vec!["10.0.0.0/29", "fd00::/125"]),
    ];
    let nodes = prop_oneof![6 => Just(vec![]), 1 => Just(vec!["10.0.0.0/29"])];
    let assume = weighted(
        0.15,
        prop_oneof![
            (select(&NAMESPACES[..]), select(&NAMESPACE_KEYS[..]), select(&VALUES[..]))
                .prop_map(|(name, key, value)| ("ns", "default", name, key, value)),
        ],
    );
    (pods, nodes, assume, weighted(0.05, Just("CiliumNetworkPolicy"))).prop_map(
        |(pods, nodes, assume, ignore)| {
            let ranges =
                |texts: Vec<&str>| texts.into_iter().map(|text| text.parse().expect("a CIDR")).collect();
            let mut options = Options::default();
            options.ranges.pods = ranges(pods);
            options.ranges.nodes = ranges(nodes);
            options.assume.extend(assume.map(|(kind, namespace, name, key, value)| Assumption {
                kind: kind.into(),
                namespace: namespace.into(),
                name: name.into(),
                key: key.into(),
                value: value.into(),
            }));
            options.ignore_kinds.extend(ignore.map(String::from));
            options
        },
    )
}

/// A cluster.
pub(crate) fn case() -> impl Strategy<Value = Case> {
    let profile = prop_oneof![4 => Just(Profile::Spec), 3 => select(&Profile::ALL[..])];
    let others = (unevaluated(), cluster_network_policies());
    (surroundings(), pods(), workloads(), policies(), others, options(), profile).prop_map(
        |(surroundings, pods, workloads, policies, (unevaluated, cluster_wide), mut options, profile)| {
            let mut objects: Vec<Value> =
                [surroundings, pods, workloads, policies, cluster_wide, unevaluated]
                    .into_iter()
                    .flatten()
                    .collect();
            if objects.is_empty() {
                // No object at all is an error.
                objects.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}));
            }
            // What is assumed must be there, and must not be shown.
            options.assume.retain(|assumed| {
                let is_declared = |object: &Value| {
                    object["kind"] == "Namespace" && object["metadata"]["name"] == *assumed.name
                };
                let is_mentioned = |object: &Value| object["metadata"]["namespace"] == *assumed.name;
                !objects.iter().any(is_declared) && objects.iter().any(is_mentioned)
            });
            Case { objects, options, profile }
        },
    )
}
