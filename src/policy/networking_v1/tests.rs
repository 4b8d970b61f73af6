use serde_json::{Value, json};

use super::super::server::KubeVersion;
use super::*;
use crate::diagnostic::SourceId;
use crate::index::Id;

struct Outcome {
    policy: Option<Policy>,
    findings: Vec<String>,
    labels: LabelTable,
}

fn run(spec: Value) -> Outcome {
    run_by(Validation::default(), spec)
}

fn run_by(validation: Validation, spec: Value) -> Outcome {
    let policy: k8s::NetworkPolicy = serde_json::from_value(json!({"spec": spec})).unwrap();
    let name = ObjectName { kind: "NetworkPolicy".into(), namespace: "ns".into(), name: "p".into() };
    let origin = Origin { source: SourceId::from_index(0), document: 0..1, item: "".into() };
    let (mut labels, mut findings) = (LabelTable::default(), Vec::new());
    let policy =
        lower(&policy, NamespaceId::from_index(0), name, &origin, validation, &mut labels, &mut findings);
    let findings = findings.into_iter().map(|f| format!("{}: {}", f.path, f.message)).collect();
    Outcome { policy, findings, labels }
}

fn lowered(spec: Value) -> Policy {
    let outcome = run(spec);
    assert_eq!(outcome.findings, [""; 0]);
    outcome.policy.unwrap()
}

/// A policy with one ingress port is rejected with exactly these findings, `spec.ingress[0].ports[0].` left out.
fn rejects_port(port: Value, expected: &[&str]) {
    let outcome = run(json!({"ingress": [{"ports": [port.clone()]}]}));
    let expected: Vec<String> = expected.iter().map(|e| format!("spec.ingress[0].ports[0].{e}")).collect();
    assert_eq!(outcome.findings, expected, "{port}");
    assert!(outcome.policy.is_none());
}

/// A policy with one egress peer is rejected with exactly these findings, `spec.egress[0].to[0]` left out.
fn rejects_peer(peer: Value, expected: &[&str]) {
    let outcome = run(json!({"egress": [{"to": [peer.clone()]}]}));
    let expected: Vec<String> = expected.iter().map(|e| format!("spec.egress[0].to[0]{e}")).collect();
    assert_eq!(outcome.findings, expected, "{peer}");
    assert!(outcome.policy.is_none());
}

fn port(port: Value) -> PortMatch {
    let policy = lowered(json!({"ingress": [{"ports": [port]}]}));
    let Ports::Of(ports) = &policy.rules.ingress[0].ports else { panic!("some ports") };
    ports[0].clone()
}

fn range(protocol: Protocol, first: u16, last: u16) -> PortMatch {
    PortMatch::Range { protocol, first, last }
}

#[test]
fn r07_to_r11_policy_types() {
    let cases = [
        (json!({}), (true, false)),
        (json!({"policyTypes": null}), (true, false)),
        (json!({"policyTypes": []}), (true, false)),
        (json!({"egress": []}), (true, false)),
        (json!({"egress": [{}]}), (true, true)),
        (json!({"policyTypes": ["Egress"], "ingress": [{}]}), (false, true)),
        (json!({"policyTypes": ["Ingress"], "egress": [{}]}), (true, false)),
        (json!({"policyTypes": ["Ingress", "Ingress"]}), (true, false)),
        (json!({"policyTypes": ["Egress", "Ingress"]}), (true, true)),
    ];
    for (spec, expected) in cases {
        let isolates = lowered(spec.clone()).isolates;
        assert_eq!((isolates.ingress, isolates.egress), expected, "{spec}");
    }
}

#[test]
fn r10_rules_of_other_directions_are_validated_and_dropped() {
    let policy = lowered(json!({"policyTypes": ["Egress"], "ingress": [{}], "egress": [{}]}));
    assert_eq!((policy.rules.ingress.len(), policy.rules.egress.len()), (0, 1));
    let outcome = run(json!({"policyTypes": ["Egress"], "ingress": [{"ports": [{"port": 0}]}]}));
    assert!(outcome.policy.is_none());
    assert_eq!(outcome.findings.len(), 1);
}

#[test]
fn r06_r12_r13_r15_absent_fields() {
    for spec in [json!(null), json!({}), json!({"podSelector": null}), json!({"podSelector": {}})] {
        let outcome = run(spec);
        let policy = outcome.policy.unwrap();
        assert!(outcome.labels.selectors[policy.subject.pods().unwrap().pods].is_everything());
        assert!(policy.rules.ingress.is_empty());
    }
    for rule in [json!({}), json!({"from": null, "ports": null}), json!({"from": [], "ports": []})] {
        let policy = lowered(json!({"ingress": [rule]}));
        assert_eq!(
            policy.rules.ingress,
            [Rule {
                action: Action::Accept,
                peers: Peers::Any,
                ports: Ports::Any,
                conditions: Vec::new(),
                index: 0,
                written: Written { rule: "spec.ingress[0]".into(), peers: Vec::new(), ports: Vec::new() },
            }]
        );
    }
}

#[test]
fn r18_to_r31_ports() {
    let cases = [
        (json!({}), range(Protocol::Tcp, 1, 65535)),
        (json!({"protocol": "UDP"}), range(Protocol::Udp, 1, 65535)),
        (json!({"port": 80}), range(Protocol::Tcp, 80, 80)),
        (json!({"port": 80, "endPort": 80, "protocol": "SCTP"}), range(Protocol::Sctp, 80, 80)),
        (json!({"port": 1, "endPort": 65535}), range(Protocol::Tcp, 1, 65535)),
        (json!({"port": "http"}), PortMatch::Named { protocol: Protocol::Tcp, name: "http".into() }),
    ];
    for (written, expected) in cases {
        assert_eq!(port(written.clone()), expected, "{written}");
    }
}

#[test]
fn r22_to_r26_selector_peers() {
    let peer = |peer: Value| {
        let outcome = run(json!({"ingress": [{"from": [peer]}]}));
        let policy = outcome.policy.unwrap();
        let Peers::Of(peers) = &policy.rules.ingress[0].peers else { panic!("some peers") };
        let Peer::Pods(pods) = peers[0].clone() else { panic!("pods") };
        let own = matches!(pods.namespaces, NamespaceMatch::One(_));
        (own, outcome.labels.selectors[pods.pods].is_everything())
    };
    assert_eq!(peer(json!({"podSelector": {}})), (true, true));
    assert_eq!(peer(json!({"podSelector": {"matchLabels": {"a": "b"}}})), (true, false));
    assert_eq!(peer(json!({"namespaceSelector": {}})), (false, true));
    assert_eq!(
        peer(json!({"namespaceSelector": {}, "podSelector": {"matchLabels": {"a": "b"}}})),
        (false, false)
    );
    assert_eq!(peer(json!({"podSelector": {}, "namespaceSelector": null})), (true, true));
}

#[test]
fn v02_selectors_are_located() {
    let bad = json!({"matchExpressions": [{"key": "a", "operator": "in", "values": ["x"]}]});
    let message = "operator: Invalid value: \"in\": not a valid selector operator";
    let outcome = run(json!({
        "podSelector": bad,
        "ingress": [{"from": [{"podSelector": bad, "namespaceSelector": bad}]}],
    }));
    assert_eq!(
        outcome.findings,
        [
            format!("spec.podSelector.matchExpressions[0].{message}"),
            format!("spec.ingress[0].from[0].podSelector.matchExpressions[0].{message}"),
            format!("spec.ingress[0].from[0].namespaceSelector.matchExpressions[0].{message}"),
        ]
    );
}

#[test]
fn v03_protocols() {
    let supported = "supported values: \"TCP\", \"UDP\", \"SCTP\"";
    for protocol in ["tcp", "ICMP", ""] {
        let expected = format!("protocol: Unsupported value: {protocol:?}: {supported}");
        rejects_port(json!({"protocol": protocol}), &[&expected]);
    }
}

#[test]
fn v04_port_numbers() {
    for number in [0, -1, 65536] {
        let expected = format!("port: Invalid value: {number}: must be between 1 and 65535, inclusive");
        rejects_port(json!({"port": number}), &[&expected]);
    }
}

#[test]
fn v05_port_names() {
    rejects_port(
        json!({"port": "80"}),
        &["port: Invalid value: \"80\": must contain at least one letter (a-z)"],
    );
    rejects_port(
        json!({"port": "Http--"}),
        &[
            "port: Invalid value: \"Http--\": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
            "port: Invalid value: \"Http--\": must not contain consecutive hyphens",
            "port: Invalid value: \"Http--\": must not begin or end with a hyphen",
        ],
    );
}

#[test]
fn v06_end_port_without_port() {
    let expected = "endPort: Invalid value: 90: may not be specified when `port` is not specified";
    rejects_port(json!({"endPort": 90}), &[expected]);
}

#[test]
fn v07_end_port_with_named_port() {
    let expected = "endPort: Invalid value: 90: may not be specified when `port` is non-numeric";
    rejects_port(json!({"port": "http", "endPort": 90}), &[expected]);
}

#[test]
fn v08_end_port_below_port() {
    let expected = "endPort: Invalid value: 90: must be greater than or equal to `port`";
    rejects_port(json!({"port": 91, "endPort": 90}), &[expected]);
}

#[test]
fn v09_end_port_out_of_range() {
    let expected = "endPort: Invalid value: 65536: must be between 1 and 65535, inclusive";
    rejects_port(json!({"port": 80, "endPort": 65536}), &[expected]);
}

#[test]
fn v10_a_peer_needs_a_field() {
    rejects_peer(json!({}), &[": Required value: must specify a peer"]);
    rejects_peer(json!({"podSelector": null}), &[": Required value: must specify a peer"]);
    rejects_peer(json!(null), &[": Required value: must specify a peer"]);
}

#[test]
fn v11_ip_block_excludes_selectors() {
    let block = json!({"cidr": "10.0.0.0/8"});
    let expected = [": Forbidden: may not specify both ipBlock and another peer"];
    rejects_peer(json!({"ipBlock": block, "podSelector": {}}), &expected);
    rejects_peer(json!({"ipBlock": block, "namespaceSelector": {}}), &expected);
}

#[test]
fn v12_cidr_is_required() {
    rejects_peer(json!({"ipBlock": {}}), &[".ipBlock.cidr: Required value"]);
    rejects_peer(json!({"ipBlock": {"cidr": "", "except": ["x"]}}), &[".ipBlock.cidr: Required value"]);
}

#[test]
fn v13_cidr_must_be_one() {
    let detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
    let expected = format!(".ipBlock.cidr: Invalid value: \"192.168.5.6\": {detail}");
    rejects_peer(json!({"ipBlock": {"cidr": "192.168.5.6"}}), &[&expected]);
    let expected = format!(".ipBlock.except[0]: Invalid value: \"10.0.0.1\": {detail}");
    rejects_peer(json!({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.1"]}}), &[&expected]);
}

#[test]
fn v14_except_must_be_a_strict_subset() {
    for except in ["10.0.0.0/8", "10.0.0.0/7", "11.0.0.0/16", "::/16", "fd00::/64"] {
        let expected =
            format!(".ipBlock.except[0]: Invalid value: {except:?}: must be a strict subset of `cidr`");
        rejects_peer(json!({"ipBlock": {"cidr": "10.0.0.0/8", "except": [except]}}), &[&expected]);
    }
}

#[test]
fn v15_at_most_two_policy_types() {
    let outcome = run(json!({"policyTypes": ["Ingress", "Egress", "x"]}));
    assert_eq!(
        outcome.findings,
        [
            "spec.policyTypes: Invalid value: [\"Ingress\",\"Egress\",\"x\"]: may not specify more than two policyTypes"
        ]
    );
    assert!(outcome.policy.is_none());
}

#[test]
fn v16_unknown_policy_types() {
    let outcome = run(json!({"policyTypes": ["ingress"]}));
    assert_eq!(
        outcome.findings,
        ["spec.policyTypes[0]: Unsupported value: \"ingress\": supported values: \"Ingress\", \"Egress\""]
    );
    assert!(outcome.policy.is_none());
}

#[test]
fn v17_what_is_accepted_without_a_word() {
    lowered(json!({
        "podSelector": {"matchLabels": {}, "matchExpressions": []},
        "policyTypes": ["Ingress", "Ingress"],
        "ingress": [{}, {}, {"from": [{"ipBlock": {"cidr": "127.0.0.0/8", "except": ["127.0.0.0/9", "127.0.0.0/9", "127.0.0.0/10"]}}]}],
        "egress": [{"ports": [{"port": "nowhere"}]}],
    }));
}

#[test]
fn v18_legacy_blocks_are_masked_and_told() {
    let spec =
        json!({"ingress": [{"from": [{"ipBlock": {"cidr": "010.1.2.3/8", "except": ["10.1.2.3/16"]}}]}]});
    let stored = k8s::ObjectMeta { uid: Some("u".into()), ..k8s::ObjectMeta::default() };
    let stored = Validation::of(KubeVersion::NEWEST, &stored);
    let older = Validation::of("1.35".parse().unwrap(), &k8s::ObjectMeta::default());
    for validation in [stored, older] {
        let outcome = run_by(validation, spec.clone());
        assert_eq!(
            outcome.findings,
            [
                "spec.ingress[0].from[0].ipBlock.cidr: CIDR value \"010.1.2.3/8\" is ambiguous in this context \
                     (should be \"10.0.0.0/8\" or \"10.1.2.3/32\"?)",
                "spec.ingress[0].from[0].ipBlock.cidr: non-standard CIDR value \"010.1.2.3/8\" is invalid: use \
                     \"10.0.0.0/8\"",
                "spec.ingress[0].from[0].ipBlock.except[0]: CIDR value \"10.1.2.3/16\" is ambiguous in this context \
                     (should be \"10.1.0.0/16\" or \"10.1.2.3/32\"?)",
            ]
        );
        let policy = outcome.policy.unwrap();
        let block =
            IpBlock { cidr: "10.0.0.0/8".parse().unwrap(), except: vec!["10.1.0.0/16".parse().unwrap()] };
        assert_eq!(policy.rules.ingress[0].peers, Peers::Of(vec![Peer::IpBlock(block)]));
    }
    let refused = run(spec);
    assert_eq!(
        refused.findings,
        [
            "spec.ingress[0].from[0].ipBlock.cidr: Invalid value: \"010.1.2.3/8\": must not have leading 0s in IP or \
                 prefix length",
            "spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: \"10.1.2.3/16\": must not have bits set beyond \
                 the prefix length",
        ]
    );
    assert!(refused.policy.is_none());
}

#[test]
fn null_rules_allow_everything_and_are_told() {
    let outcome = run(json!({"ingress": [null], "egress": [{"ports": [null]}]}));
    assert_eq!(outcome.findings.len(), 2);
    assert!(outcome.findings[0].starts_with("spec.ingress[0]: this rule is null"));
    assert!(outcome.findings[1].starts_with("spec.egress[0].ports[0]: this port is null"));
    let policy = outcome.policy.unwrap();
    assert_eq!(policy.rules.ingress[0].peers, Peers::Any);
    assert_eq!(policy.rules.egress[0].ports, Ports::Of(vec![range(Protocol::Tcp, 1, 65535)]));
}

#[test]
fn all_errors_are_reported_in_field_order() {
    let outcome = run(json!({
        "podSelector": {"matchLabels": {"-": "x"}},
        "ingress": [{"from": [{}], "ports": [{"protocol": "tcp", "port": 0, "endPort": -1}]}],
        "egress": [{"to": [{"ipBlock": {"cidr": "x"}}]}],
        "policyTypes": ["x"],
    }));
    let paths: Vec<&str> = outcome.findings.iter().map(|f| f.split_once(": ").unwrap().0).collect();
    assert_eq!(
        paths,
        [
            "spec.podSelector.matchLabels",
            "spec.ingress[0].ports[0].protocol",
            "spec.ingress[0].ports[0].port",
            "spec.ingress[0].ports[0].endPort",
            "spec.ingress[0].ports[0].endPort",
            "spec.ingress[0].from[0]",
            "spec.egress[0].to[0].ipBlock.cidr",
            "spec.policyTypes[0]",
        ]
    );
}
