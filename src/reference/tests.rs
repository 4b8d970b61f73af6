//! The specification's own examples, as tiny clusters with the answers written by hand.

use serde_json::{Value, json};

use super::{Peer, Reference, Verdict};
use crate::cluster::{Assumption, Options};
use crate::diagnostic::{Origin, SourceId};
use crate::index::Id;
use crate::k8s::{Object, UnevaluatedPolicy};
use crate::load::Manifest;
use crate::net::Protocol;
use crate::profile::Profile;

use Verdict::{Allow, Deny, Unknown};

fn manifest(value: &Value) -> Manifest {
    fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
        serde_json::from_value(value.clone()).expect("an object")
    }
    let object = match value["kind"].as_str().expect("a kind") {
        "Namespace" => Object::Namespace(read(value)),
        "Node" => Object::Node(read(value)),
        "Pod" => Object::Pod(read(value)),
        "NetworkPolicy" => Object::NetworkPolicy(read(value)),
        kind @ ("CiliumNetworkPolicy" | "AdminNetworkPolicy" | "GlobalNetworkPolicy") => {
            Object::Unevaluated(UnevaluatedPolicy {
                api_version: value["apiVersion"].as_str().expect("an apiVersion").into(),
                kind: kind.into(),
                metadata: read(&value["metadata"]),
                spec: value["spec"].clone(),
            })
        }
        _ => Object::Workload(read(value)),
    };
    let origin = Origin { source: SourceId::from_index(0), document: 0..0, item: "".into() };
    Manifest { object, origin }
}

fn reference(objects: &Value, options: &Options, profile: Profile) -> Reference {
    let manifests: Vec<Manifest> = objects.as_array().expect("a list").iter().map(manifest).collect();
    Reference::new(&manifests, options, profile)
}

fn peer(text: &str) -> Peer {
    text.parse().map_or_else(|_| Peer::Pod(text.into()), Peer::Address)
}

/// Asks `FROM TO PORT/PROTOCOL` questions, all of one answer each.
fn answers(reference: &Reference, rows: &[(&str, Verdict)]) {
    for (row, expected) in rows {
        let [from, to, port] = row.split(' ').collect::<Vec<_>>()[..] else { panic!("{row}") };
        let (number, protocol) = port.split_once('/').unwrap_or((port, "TCP"));
        let protocol = Protocol::from_name(protocol).expect("a protocol");
        let number = number.parse().expect("a port");
        assert_eq!(reference.verdict(&peer(from), &peer(to), protocol, number), *expected, "{row}");
    }
}

fn check(objects: &Value, rows: &[(&str, Verdict)]) {
    answers(&reference(objects, &Options::default(), Profile::Spec), rows);
}

/// Pods a, b, c in x and a, b in y, with a label `pod` and addresses, and one policy in x with this spec.
fn cluster(spec: &Value) -> Value {
    let mut objects = vec![
        json!({"kind": "Namespace", "metadata": {"name": "x", "labels": {"ns": "x", "team": ""}}}),
        json!({"kind": "Namespace", "metadata": {"name": "y", "labels": {"ns": "y"}}}),
        json!({"kind": "NetworkPolicy", "metadata": {"namespace": "x", "name": "p"}, "spec": spec}),
    ];
    for (namespace, name, address) in [
        ("x", "a", "10.0.0.1"),
        ("x", "b", "10.0.0.2"),
        ("x", "c", "10.0.0.3"),
        ("y", "a", "10.0.1.1"),
        ("y", "b", "10.0.1.2"),
    ] {
        objects.push(json!({
            "kind": "Pod",
            "metadata": {"namespace": namespace, "name": name, "labels": {"pod": name}},
            "spec": {"containers": [
                {"ports": [{"name": "http", "containerPort": if name == "b" { 8080 } else { 80 }}]},
                {"ports": [{"name": "dns", "containerPort": 53, "protocol": "UDP"}]},
            ]},
            "status": {"podIPs": [{"ip": address}]},
        }));
    }
    Value::Array(objects)
}

#[test]
fn isolation_and_policy_types() {
    let rule = json!([{}]);
    let table = [
        // R1, R2, R12: selected and without rules; the others are open.
        (json!({"podSelector": {"matchLabels": {"pod": "a"}}}), Deny, Allow),
        (json!({}), Deny, Allow),                                           // R6, R7
        (json!({"policyTypes": []}), Deny, Allow),                          // R7
        (json!({"policyTypes": null, "egress": []}), Deny, Allow),          // R9
        (json!({"egress": [{"ports": [{"port": 1}]}]}), Deny, Deny),        // R8
        (json!({"policyTypes": ["Egress"]}), Allow, Deny),                  // R2
        (json!({"policyTypes": ["Egress"], "ingress": rule}), Allow, Deny), // R10
        (json!({"policyTypes": ["Ingress"], "egress": rule}), Deny, Allow), // R10
        (json!({"policyTypes": ["Ingress", "Ingress"]}), Deny, Allow),      // R11
        (json!({"policyTypes": ["Ingress", "Egress"], "egress": rule}), Deny, Allow), // R12
        (json!({"ingress": [null]}), Allow, Allow),                         // null is the empty rule
        (json!({"ingress": null}), Deny, Allow),                            // R12
        (json!({"podSelector": {"matchLabels": {"pod": "nobody"}}}), Allow, Allow), // R1
    ];
    for (spec, ingress, egress) in table {
        check(&cluster(&spec), &[("y/a x/a 80", ingress), ("x/a y/a 80", egress)]);
    }
}

#[test]
fn both_sides_must_allow_and_policies_add_up() {
    let mut objects = cluster(&json!({"policyTypes": ["Egress"], "egress": [{"to": [{"podSelector": {}}]}]}));
    let rows =
        [("x/a x/b 80", Allow), ("x/a y/b 80", Deny), ("x/a 1.1.1.1 80", Deny), ("1.1.1.1 x/a 80", Allow)];
    check(&objects, &rows); // R4, R5, R22
    let list = objects.as_array_mut().unwrap();
    list.push(json!({"kind": "NetworkPolicy", "metadata": {"namespace": "x", "name": "q"},
        "spec": {"policyTypes": ["Egress"], "egress": [{"ports": [{"port": 80}]}]}})); // R3
    list.push(json!({"kind": "NetworkPolicy", "metadata": {"namespace": "y", "name": "q"},
        "spec": {"podSelector": {"matchLabels": {"pod": "b"}}}}));
    let rows = [("x/a y/a 80", Allow), ("x/a y/a 81", Deny), ("x/a y/b 80", Deny), ("x/a x/b 81", Allow)];
    check(&objects, &rows);
}

#[test]
fn a_rule_is_peers_and_ports() {
    let spec = json!({"ingress": [
        {"from": [{"podSelector": {"matchLabels": {"pod": "b"}}}], "ports": [{"port": 80}]},
        {"from": [{"podSelector": {"matchLabels": {"pod": "c"}}}], "ports": [{"port": 81}, {"port": 82}]},
    ]});
    let rows = [
        ("x/b x/a 80", Allow),
        ("x/b x/a 81", Deny), // R17
        ("x/c x/a 80", Deny),
        ("x/c x/a 82", Allow), // R16
        ("x/a x/a 1", Allow),  // R49
        ("y/b x/a 80", Deny),  // R22
    ];
    check(&cluster(&spec), &rows);
}

#[test]
fn ports() {
    let table = [
        (json!([]), "TCP1 TCP65535 UDP80 SCTP80", ""),         // R15
        (json!(null), "TCP1 UDP80", ""),                       // R15
        (json!([{}]), "TCP1 TCP65535", "UDP80 SCTP80"),        // R18
        (json!([{"port": 80}]), "TCP80", "TCP79 TCP81 UDP80"), // R19, R20
        (json!([{"protocol": "UDP"}]), "UDP1 UDP65535", "TCP80 SCTP80"), // R21
        (json!([{"protocol": "SCTP", "port": 80}]), "SCTP80", "TCP80"), // R63
        (json!([{"port": 80, "endPort": 82}]), "TCP80 TCP82", "TCP79 TCP83 UDP81"), // R30
        (json!([{"port": 80, "endPort": 80}]), "TCP80", "TCP81"), // R30
        (json!([{"port": "http"}]), "TCP80", "TCP8080 UDP80"), // R33, R35
        (json!([{"port": "dns"}]), "", "TCP53 UDP53"),         // R35
        (json!([{"protocol": "UDP", "port": "dns"}]), "UDP53", "TCP53"), // R34: second container
        (json!([{"port": "nothing"}]), "", "TCP80"),           // R38
    ];
    for (ports, allowed, denied) in table {
        let reference =
            reference(&cluster(&json!({"ingress": [{"ports": ports}]})), &Options::default(), Profile::Spec);
        for (list, verdict) in [(allowed, Allow), (denied, Deny)] {
            for port in list.split_whitespace() {
                let digit = port.find(|c: char| c.is_ascii_digit()).unwrap();
                let row = format!("y/a x/a {}/{}", &port[digit..], &port[..digit]);
                answers(&reference, &[(&row, verdict)]);
            }
        }
    }
}

#[test]
fn named_ports_of_egress_resolve_on_the_destination() {
    let spec = json!({"policyTypes": ["Egress"], "egress": [{"ports": [{"port": "http"}]}]});
    let rows = [
        ("x/a x/b 8080", Allow), // R33
        ("x/a x/b 80", Deny),
        ("x/a y/a 80", Allow),    // R39
        ("x/a 1.1.1.1 80", Deny), // R39
    ];
    check(&cluster(&spec), &rows);
    let kube_router = reference(&cluster(&spec), &Options::default(), Profile::KubeRouter);
    answers(&kube_router, &[("x/a x/b 8080", Allow), ("x/a y/a 80", Deny)]); // I16
}

#[test]
fn named_ports_by_container_and_profile() {
    let objects = json!([
        {"kind": "Pod", "metadata": {"name": "client"}},
        {"kind": "Pod", "metadata": {"name": "server"}, "spec": {
            "containers": [
                {"ports": [{"name": "web", "containerPort": 80}]},
                {"ports": [{"name": "web", "containerPort": 81}]},
            ],
            "initContainers": [
                {"restartPolicy": "Always", "ports": [{"name": "side", "containerPort": 90}]},
                {"ports": [{"name": "init", "containerPort": 91}]},
            ],
        }},
        {"kind": "NetworkPolicy", "metadata": {"name": "p"}, "spec": {
            "policyTypes": ["Egress"],
            "egress": [{"ports": [{"port": "web"}, {"port": "side"}, {"port": "init"}]}],
        }},
    ]);
    let table = [
        (Profile::Spec, Allow, Allow, Deny),               // R34, R36, R37
        (Profile::Calico, Allow, Allow, Allow),            // I15
        (Profile::KubeNetworkPolicies, Allow, Deny, Deny), // I15
        (Profile::Cilium, Deny, Allow, Deny),              // I14
        (Profile::Flannel, Allow, Allow, Allow),           // R64
    ];
    for (profile, web, side, init) in table {
        let rows = [
            ("default/client default/server 80", web),
            ("default/client default/server 81", web),
            ("default/client default/server 90", side),
            ("default/client default/server 91", init),
        ];
        answers(&reference(&objects, &Options::default(), profile), &rows);
    }
}

#[test]
fn peers() {
    let ns = |key: &str, value: &str| json!({"namespaceSelector": {"matchLabels": {key: value}}});
    let both = json!({"namespaceSelector": {"matchLabels": {"ns": "y"}}, "podSelector": {"matchLabels": {"pod": "a"}}});
    // Who of x/b, y/a, y/b and an outsider may connect to x/a.
    let table = [
        (json!(null), [Allow, Allow, Allow, Allow]),               // R13
        (json!([]), [Allow, Allow, Allow, Allow]),                 // R13
        (json!([{"podSelector": {}}]), [Allow, Deny, Deny, Deny]), // R22, R23
        (json!([{"podSelector": {}, "namespaceSelector": null}]), [Allow, Deny, Deny, Deny]), // R28
        (json!([{"namespaceSelector": {}}]), [Allow, Allow, Allow, Deny]), // R24, R25
        (json!([ns("ns", "y")]), [Deny, Allow, Allow, Deny]),      // R24
        (json!([ns("ns", "x")]), [Allow, Deny, Deny, Deny]),       // R24
        (json!([ns("team", "")]), [Allow, Deny, Deny, Deny]),      // L8
        (json!([ns("kubernetes.io/metadata.name", "y")]), [Deny, Allow, Allow, Deny]), // R29
        (json!([both]), [Deny, Allow, Deny, Deny]),                // R26
        (json!([ns("ns", "y"), {"podSelector": {"matchLabels": {"pod": "b"}}}]), [Allow, Allow, Allow, Deny]), // R27
    ];
    for (from, [xb, ya, yb, outside]) in table {
        let rows = [("x/b x/a 80", xb), ("y/a x/a 80", ya), ("y/b x/a 80", yb), ("1.1.1.1 x/a 80", outside)];
        check(&cluster(&json!({"ingress": [{"from": from}]})), &rows);
    }
}

#[test]
fn requirements() {
    let table = [
        (json!([{"key": "pod", "operator": "In", "values": ["a", "b"]}]), Deny), // L3
        (json!([{"key": "pod", "operator": "In", "values": ["c"]}]), Allow),     // L3
        (json!([{"key": "other", "operator": "In", "values": [""]}]), Deny),     // L3, L8
        (json!([{"key": "pod", "operator": "NotIn", "values": ["c"]}]), Deny),   // L4
        (json!([{"key": "other", "operator": "NotIn", "values": ["c"]}]), Allow), // L4
        (json!([{"key": "pod", "operator": "Exists"}]), Allow),                  // L5
        (json!([{"key": "Pod", "operator": "Exists"}]), Deny),                   // L9
        (json!([{"key": "pod", "operator": "DoesNotExist", "values": []}]), Deny), // L6, L10
        (json!([{"key": "other", "operator": "DoesNotExist"}]), Allow),          // L6
        // L2
        (
            json!([{"key": "pod", "operator": "In", "values": ["c"]}, {"key": "pod", "operator": "NotIn", "values": ["c"]}]),
            Deny,
        ),
    ];
    for (expressions, verdict) in table {
        let spec = json!({"ingress": [{"from": [{"podSelector": {"matchExpressions": expressions}}]}]});
        check(&cluster(&spec), &[("x/c x/a 80", verdict)]);
    }
}

#[test]
fn blocks() {
    let block = |cidr: &str, except: &[&str]| json!({"ipBlock": {"cidr": cidr, "except": except}});
    // Whom x/a may connect to: x/b (10.0.0.2), y/a (10.0.1.1), 11.0.0.1, 2001:db8::1.
    let table = [
        (json!([block("10.0.0.0/8", &[])]), [Allow, Allow, Deny]), // R40, R46
        (json!([block("10.0.0.0/8", &["10.0.1.0/24"])]), [Allow, Deny, Deny]), // R41
        (json!([block("10.0.0.0/8", &["10.0.1.0/24"]), block("10.0.1.1/32", &[])]), [Allow, Allow, Deny]), // R42
        (json!([block("10.0.0.9/24", &[])]), [Allow, Deny, Deny]), // R43
        (json!([block("0.0.0.0/0", &[])]), [Allow, Allow, Allow]), // R44
        (json!([block("::/0", &[])]), [Deny, Deny, Deny]),         // R44
        (json!([block("::ffff:10.0.0.0/120", &[])]), [Allow, Deny, Deny]), // R47
        (json!([block("11.0.0.1/32", &[])]), [Deny, Deny, Allow]), // R48
    ];
    for (to, [xb, ya, outside]) in table {
        let objects = cluster(&json!({"policyTypes": ["Egress"], "egress": [{"to": to}]}));
        check(&objects, &[("x/a x/b 80", xb), ("x/a y/a 80", ya), ("x/a 11.0.0.1 80", outside)]);
        check(&objects, &[("x/a 2001:db8::1 80", Deny)]); // no common family
        let cilium = reference(&objects, &Options::default(), Profile::Cilium);
        let rows = [("x/a x/b 80", Deny), ("x/a y/a 80", Deny), ("x/a 11.0.0.1 80", outside)];
        answers(&cilium, &rows); // I5
    }
}

/// Two pods, one with these addresses, and an egress policy of one rule to these blocks.
fn blocks_to(server: &Value, cidrs: &[&str]) -> Value {
    let to: Vec<Value> = cidrs.iter().map(|cidr| json!({"ipBlock": {"cidr": cidr}})).collect();
    json!([
        {"kind": "Pod", "metadata": {"name": "client", "labels": {"app": "client"}}},
        server,
        {"kind": "NetworkPolicy", "metadata": {"name": "p"}, "spec": {
            "podSelector": {"matchLabels": {"app": "client"}},
            "policyTypes": ["Egress"],
            "egress": [{"to": to}],
        }},
    ])
}

#[test]
fn families() {
    let dual = json!({"kind": "Pod", "metadata": {"name": "server"},
        "status": {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]}});
    let single = json!({"kind": "Pod", "metadata": {"name": "server"}, "status": {"podIP": "10.0.0.1"}});
    let rows = |verdict| [("default/client default/server 80", verdict)];
    check(&blocks_to(&dual, &["fd00::/8"]), &rows(Allow)); // R45: the client may have IPv6, since the server has
    check(&blocks_to(&single, &["fd00::/8"]), &rows(Deny));
    check(&blocks_to(&single, &["10.0.0.0/8"]), &rows(Allow));
    check(&blocks_to(&dual, &["11.0.0.0/8"]), &rows(Deny));
}

#[test]
fn addresses_not_given() {
    let server = json!({"kind": "Pod", "metadata": {"name": "server"}});
    let private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"];
    // Blocks, without --pod-cidr, with --pod-cidr 10.0.0.0/28.
    let table: [(&[&str], Verdict, Verdict); 7] = [
        (&["0.0.0.0/0"], Allow, Allow),
        (&private, Allow, Allow),
        (&private[1..], Unknown, Deny),
        (&["10.0.0.0/9", "10.128.0.0/9", "172.0.0.0/8", "192.168.0.0/16", "100.0.0.0/8"], Allow, Allow),
        (&["10.0.0.0/29", "10.0.0.8/29"], Unknown, Allow),
        (&["10.0.0.4/30"], Unknown, Unknown),
        (&["11.0.0.0/8"], Deny, Deny),
    ];
    for (cidrs, open, ranged) in table {
        let objects = blocks_to(&server, cidrs);
        let row = "default/client default/server 80";
        check(&objects, &[(row, open)]);
        let mut options = Options::default();
        options.ranges.pods.push("10.0.0.0/28".parse().unwrap());
        answers(&reference(&objects, &options, Profile::Spec), &[(row, ranged)]);
        options.ranges.pods = vec!["fd00::/64".parse().unwrap()];
        let rows = [(row, Deny), ("default/server fd00::1 80", Allow), ("default/server 10.0.0.1 80", Deny)];
        answers(&reference(&objects, &options, Profile::Spec), &rows);
    }
}

#[test]
fn host_network_and_own_node() {
    let objects = json!([
        {"kind": "Node", "metadata": {"name": "n1"}, "status": {"addresses": [
            {"type": "InternalIP", "address": "192.168.0.1"}, {"type": "Hostname", "address": "n1"}]}},
        {"kind": "Pod", "metadata": {"name": "host1"}, "spec": {"hostNetwork": true, "nodeName": "n1"},
         "status": {"hostIP": "192.168.0.9"}},
        {"kind": "Pod", "metadata": {"name": "host2"}, "spec": {"hostNetwork": true, "nodeName": "n2"},
         "status": {"hostIP": "192.168.0.2"}},
        {"kind": "Pod", "metadata": {"name": "a"}, "spec": {"nodeName": "n1"}, "status": {"podIP": "10.0.0.1"}},
        {"kind": "Pod", "metadata": {"name": "b"}, "status": {"podIP": "10.0.0.2"}},
        {"kind": "NetworkPolicy", "metadata": {"name": "p"}, "spec": {
            "ingress": [{"from": [{"namespaceSelector": {}}, {"ipBlock": {"cidr": "192.168.0.2/32"}}], "ports": [{"port": 1}]}],
            "egress": [{"to": [{"podSelector": {}}]}],
        }},
    ]);
    let rows = [
        ("default/host1 default/a 80", Allow), // R50, R52
        ("192.168.0.1 default/a 80", Allow),   // R50
        ("default/host2 default/a 80", Deny),  // R50: another node
        ("default/host2 default/a 1", Allow),  // R52: by its address
        ("default/host1 default/b 1", Deny),   // R52: not by a selector
        ("192.168.0.1 default/b 1", Deny),     // R50: nobody knows where b runs
        ("default/a default/host1 1", Deny),   // I4: egress to the own node is not exempt
        ("default/b default/a 1", Allow),
        ("1.1.1.1 default/host1 80", Allow),      // R51
        ("default/host1 default/host2 9", Allow), // R51
    ];
    check(&objects, &rows);
}

#[test]
fn unknown_labels() {
    let from = |peer: &Value| {
        json!([
            {"kind": "Pod", "metadata": {"name": "server", "namespace": "a"}},
            {"kind": "Pod", "metadata": {"name": "client", "namespace": "b"}},
            {"kind": "Deployment", "metadata": {"name": "web", "namespace": "b"}, "spec": {
                "template": {"metadata": {"labels": {"app": "web"}}}}},
            {"kind": "NetworkPolicy", "metadata": {"name": "p", "namespace": "a"}, "spec": {
                "ingress": [{"from": [peer]}]}},
        ])
    };
    let hash = |operator: &str, values: &[&str]| {
        json!({"namespaceSelector": {}, "podSelector": {"matchExpressions": [
            {"key": "pod-template-hash", "operator": operator, "values": values}]}})
    };
    let ns = |key: &str, value: &str| json!({"namespaceSelector": {"matchLabels": {key: value}}});
    let table = [
        (ns("team", "x"), Unknown, Unknown),                    // W15
        (ns("kubernetes.io/metadata.name", "b"), Allow, Allow), // W15
        (ns("kubernetes.io/metadata.name", "c"), Deny, Deny),
        (hash("Exists", &[]), Deny, Allow), // W2, W25
        (hash("DoesNotExist", &[]), Allow, Deny),
        (hash("In", &["x"]), Deny, Unknown),
        (hash("NotIn", &["x"]), Allow, Unknown),
    ];
    for (peer, client, web) in table {
        check(&from(&peer), &[("b/client a/server 80", client), ("b/web[0] a/server 80", web)]);
    }
    let assume = |kind: &str, name: &str, key: &str| Assumption {
        kind: kind.into(),
        namespace: "b".into(),
        name: name.into(),
        key: key.into(),
        value: "x".into(),
    };
    let options = Options {
        assume: vec![assume("ns", "b", "team"), assume("deploy", "web", "pod-template-hash")],
        ..Options::default()
    };
    for (peer, verdict) in
        [(ns("team", "x"), Allow), (hash("In", &["x"]), Allow), (hash("NotIn", &["x"]), Deny)]
    {
        answers(&reference(&from(&peer), &options, Profile::Spec), &[("b/web[0] a/server 80", verdict)]);
    }
}

#[test]
fn bounds_of_isolation() {
    let policies = |rules: &Value| {
        json!([
            {"kind": "Deployment", "metadata": {"name": "web"}},
            {"kind": "NetworkPolicy", "metadata": {"name": "p"}, "spec": {
                "podSelector": {"matchLabels": {"pod-template-hash": "x"}}, "ingress": rules}},
        ])
    };
    check(&policies(&json!([])), &[("1.1.1.1 default/web[0] 80", Unknown)]); // perhaps isolated
    check(&policies(&json!([{}])), &[("1.1.1.1 default/web[0] 80", Allow)]); // isolated or not
    let mut both = policies(&json!([{}]));
    let isolating = json!({"kind": "NetworkPolicy", "metadata": {"name": "q"}, "spec": {}});
    both.as_array_mut().unwrap().push(isolating);
    check(&both, &[("1.1.1.1 default/web[0] 80", Unknown)]); // perhaps admitted
}

#[test]
fn namespaces_that_are_compared_with_that_of_the_subject() {
    let objects = |relation: &str, keys: &[&str]| {
        let namespace = |name: &str, labels: Value| json!({"kind": "Namespace", "metadata": {"name": name, "labels": labels}});
        let pod = |namespace: &str, name: &str| json!({"kind": "Pod", "metadata": {"name": name, "namespace": namespace}});
        json!([
            namespace("a", json!({"t": "1", "e": "p"})),
            namespace("b", json!({"t": "1", "e": "q"})),
            namespace("c", json!({"e": "p"})),
            pod("a", "x"), pod("b", "x"), pod("c", "x"), pod("d", "x"), pod("d", "y"),
            {"kind": "AdminNetworkPolicy", "apiVersion": "policy.networking.k8s.io/v1alpha1", "metadata": {"name": "p"},
                "spec": {"priority": 1, "subject": {"namespaces": {}},
                    "ingress": [{"action": "Deny", "from": [{"namespaces": {relation: keys}}]}]}},
        ])
    };
    // From b, c and d to a, from d to c, within d.
    let table = [
        ("sameLabels", &["t"][..], [Deny, Allow, Unknown, Allow, Unknown]),
        ("sameLabels", &["t", "e"], [Allow, Allow, Unknown, Allow, Unknown]),
        ("sameLabels", &["e"], [Allow, Deny, Unknown, Unknown, Unknown]),
        ("sameLabels", &["kubernetes.io/metadata.name"], [Allow, Allow, Allow, Allow, Deny]),
        ("sameLabels", &[], [Allow; 5]),
        ("notSameLabels", &["t"], [Allow, Allow, Unknown, Allow, Allow]),
        ("notSameLabels", &["t", "e"], [Deny, Allow, Unknown, Allow, Allow]),
        ("notSameLabels", &["kubernetes.io/metadata.name"], [Deny, Deny, Deny, Deny, Allow]),
        ("notSameLabels", &[], [Allow; 5]),
    ];
    for (relation, keys, expected) in table {
        let reference = reference(&objects(relation, keys), &Options::default(), Profile::Spec);
        let asked = ["b/x a/x 80", "c/x a/x 80", "d/x a/x 80", "d/x c/x 80", "d/x d/y 80"];
        for (question, verdict) in asked.into_iter().zip(expected) {
            answers(&reference, &[(question, verdict)]);
        }
    }
}

#[test]
fn kinds_that_are_not_evaluated() {
    let policy = |api: &str, kind: &str, spec: &Value| {
        json!([
            {"kind": "Pod", "metadata": {"name": "a", "namespace": "x", "labels": {"app": "a"}}},
            {"kind": "Pod", "metadata": {"name": "b", "namespace": "x", "labels": {"app": "b"}}},
            {"kind": "Pod", "metadata": {"name": "c", "namespace": "y", "labels": {"app": "a"}}},
            {"kind": kind, "apiVersion": api, "metadata": {"name": "p", "namespace": "x"}, "spec": spec},
        ])
    };
    let a = json!({"matchLabels": {"app": "a"}});
    let cilium =
        policy("cilium.io/v2", "CiliumNetworkPolicy", &json!({"endpointSelector": a, "ingress": [{}]}));
    // Which nodes there are is not known.
    let rules = json!([{"action": "Deny", "to": [{"nodes": {}}]}]);
    let admin = |subject: Value| {
        policy(
            "policy.networking.k8s.io/v1alpha1",
            "AdminNetworkPolicy",
            &json!({"subject": subject, "egress": rules}),
        )
    };
    let y = json!({"matchLabels": {"kubernetes.io/metadata.name": "y"}});
    let table = [
        (&cilium, Profile::Spec, [Unknown, Allow, Allow]),
        (&cilium, Profile::Cilium, [Unknown, Allow, Allow]),
        (&cilium, Profile::Calico, [Allow, Allow, Allow]),
        (&admin(json!({"namespaces": y})), Profile::Spec, [Allow, Allow, Unknown]),
        (
            &admin(json!({"pods": {"namespaceSelector": {}, "podSelector": a}})),
            Profile::Spec,
            [Unknown, Allow, Unknown],
        ),
        (&admin(json!({"namespaces": {}})), Profile::Flannel, [Allow, Allow, Allow]),
        (&policy("projectcalico.org/v3", "GlobalNetworkPolicy", &json!({})), Profile::Calico, [Unknown; 3]),
    ];
    for (objects, profile, [a, b, c]) in table {
        let reference = reference(objects, &Options::default(), profile);
        for (pod, verdict) in [("x/a", a), ("x/b", b), ("y/c", c)] {
            answers(
                &reference,
                &[(&format!("1.1.1.1 {pod} 80"), verdict), (&format!("{pod} 1.1.1.1 80"), verdict)],
            );
        }
    }
    let ignoring = Options { ignore_kinds: vec!["CiliumNetworkPolicy".into()], ..Options::default() };
    answers(&reference(&cilium, &ignoring, Profile::Spec), &[("1.1.1.1 x/a 80", Allow)]);
}

#[test]
fn bare_pods_under_aws() {
    let objects = json!([
        {"kind": "Pod", "metadata": {"name": "bare"}},
        {"kind": "Deployment", "metadata": {"name": "web"}},
        {"kind": "NetworkPolicy", "metadata": {"name": "p"}},
    ]);
    let rows = [("1.1.1.1 default/bare 80", Allow), ("1.1.1.1 default/web[0] 80", Deny)];
    answers(&reference(&objects, &Options::default(), Profile::AwsVpcCni), &rows); // I19
    check(&objects, &[("1.1.1.1 default/bare 80", Deny)]);
}

#[test]
fn workloads_make_pods() {
    let workload = |kind: &str, spec: Value| json!([{"kind": kind, "metadata": {"name": "w"}, "spec": spec}]);
    let table: [(Value, &[&str]); 15] = [
        (workload("Deployment", json!({})), &["w[0]"]), // W2
        (workload("Deployment", json!({"replicas": 2})), &["w[0]", "w[1]"]),
        (workload("Deployment", json!({"replicas": 0})), &[]),
        (workload("ReplicaSet", json!({"replicas": 1})), &["w[0]"]), // W3
        (workload("ReplicationController", json!({})), &["w[0]"]),   // W4
        (workload("StatefulSet", json!({"replicas": 2})), &["w-0", "w-1"]), // W5
        (workload("StatefulSet", json!({"ordinals": {"start": 3}})), &["w-3"]),
        (workload("DaemonSet", json!({})), &["w[0]", "w[1]"]), // W6
        (workload("Job", json!({})), &["w[0]"]),               // W7
        (workload("Job", json!({"parallelism": 3, "completions": 2})), &["w[0]", "w[1]"]),
        (workload("Job", json!({"completions": 2})), &["w[0]"]),
        (workload("Job", json!({"suspend": true})), &[]),
        (workload("CronJob", json!({"jobTemplate": {"spec": {"parallelism": 2}}})), &["w[0]", "w[1]"]), // W8
        (workload("CronJob", json!({"suspend": true})), &["w[0]"]),
        (
            json!([
                {"kind": "Node", "metadata": {"name": "n1"}},
                {"kind": "DaemonSet", "metadata": {"name": "w"}},
                {"kind": "Pod", "metadata": {"name": "done"}, "status": {"phase": "Failed"}}, // R53
                {"kind": "Pod", "metadata": {"generateName": "made-"}}, // W1
            ]),
            &["made-xxxxx", "w[0]"],
        ),
    ];
    for (objects, expected) in table {
        let expected: Vec<String> = expected.iter().map(|name| format!("default/{name}")).collect();
        assert_eq!(reference(&objects, &Options::default(), Profile::Spec).pods(), expected, "{objects}");
    }
}

#[test]
fn labels_of_controllers() {
    let selects = |workload: Value, key: &str, value: &str| {
        let policy = json!({"kind": "NetworkPolicy", "metadata": {"name": "p"}, "spec": {
            "podSelector": {"matchLabels": {key: value}}}});
        reference(&json!([workload, policy]), &Options::default(), Profile::Spec)
    };
    let named = |kind: &str, spec: Value| json!({"kind": kind, "metadata": {"name": "w"}, "spec": spec});
    let indexed = json!({"completionMode": "Indexed", "completions": 2, "parallelism": 2});
    let table = [
        (named("StatefulSet", json!({})), "statefulset.kubernetes.io/pod-name", "w-0", "w-0", Deny), // W5
        (named("StatefulSet", json!({})), "apps.kubernetes.io/pod-index", "1", "w-0", Allow),
        (named("StatefulSet", json!({})), "controller-revision-hash", "x", "w-0", Unknown),
        (named("DaemonSet", json!({})), "pod-template-generation", "1", "w[0]", Unknown), // W6
        (named("Job", json!({})), "job-name", "w", "w[0]", Deny),                         // W7
        (named("Job", json!({})), "batch.kubernetes.io/job-name", "v", "w[0]", Allow),
        (named("Job", json!({})), "controller-uid", "x", "w[0]", Unknown),
        (named("Job", json!({"manualSelector": true})), "job-name", "w", "w[0]", Allow),
        (named("Job", indexed), "batch.kubernetes.io/job-completion-index", "1", "w[1]", Deny),
        (named("CronJob", json!({})), "job-name", "w", "w[0]", Unknown), // W8
        (named("ReplicaSet", json!({})), "pod-template-hash", "x", "w[0]", Allow), // W3
        (named("ReplicaSet", json!({})), "topology.kubernetes.io/zone", "x", "w[0]", Unknown), // W1
        (
            json!({"kind": "Pod", "metadata": {"name": "w"}, "spec": {"nodeName": "n"}}),
            "topology.kubernetes.io/zone",
            "x",
            "w",
            Allow,
        ),
    ];
    for (workload, key, value, pod, verdict) in table {
        let row = format!("1.1.1.1 default/{pod} 80");
        answers(&selects(workload, key, value), &[(&row, verdict)]);
    }
}

#[test]
fn pods_that_are_shown_are_not_made_again() {
    let owner = |kind: &str, name: &str| json!([{"apiVersion": "v1", "kind": kind, "name": name, "uid": "u", "controller": true}]);
    let objects = json!([
        {"kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 3}},
        {"kind": "ReplicaSet", "metadata": {"name": "web-1", "ownerReferences": owner("Deployment", "web")}, "spec": {"replicas": 0}},
        {"kind": "ReplicaSet", "metadata": {"name": "web-2", "ownerReferences": owner("Deployment", "web")}, "spec": {"replicas": 3}},
        {"kind": "Pod", "metadata": {"name": "web-2-x", "ownerReferences": owner("ReplicaSet", "web-2")}},
        {"kind": "Deployment", "metadata": {"name": "web", "namespace": "other"}},
        {"kind": "CronJob", "metadata": {"name": "tick"}},
        {"kind": "Job", "metadata": {"name": "tick-1", "ownerReferences": owner("CronJob", "tick")}},
    ]); // W18
    assert_eq!(
        reference(&objects, &Options::default(), Profile::Spec).pods(),
        ["default/tick[0]", "default/web-2-x", "other/web[0]"]
    );
}

#[test]
fn interesting_points() {
    let spec = json!({"ingress": [{
        "from": [{"ipBlock": {"cidr": "10.0.0.0/30", "except": ["10.0.0.2/32"]}}],
        "ports": [{"port": 7, "endPort": 9}],
    }]});
    let reference = reference(&cluster(&spec), &Options::default(), Profile::Spec);
    let ports = reference.interesting_ports();
    for port in [1, 6, 7, 8, 9, 10, 65535, 65534, 79, 81] {
        assert!(ports.contains(&(Protocol::Tcp, port)), "{port}");
    }
    let addresses = reference.interesting_addresses();
    assert!(addresses.contains(&"9.255.255.255".parse().unwrap()));
    assert!(addresses.contains(&"10.0.0.4".parse().unwrap()));
    assert!(!addresses.contains(&"10.0.0.2".parse().unwrap()), "x/b owns it");
}
