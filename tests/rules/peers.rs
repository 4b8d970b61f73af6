//! R22 to R29: peers by labels.

use super::check::{World, check, check_spec, grid, namespace, node, pod, policy, refused};

/// A policy on all of x that admits, and lets out to, these peers only.
fn both_ways(peers: &str) -> String {
    format!(
        "{{podSelector: {{}}, policyTypes: [Ingress, Egress], ingress: [{{from: {peers}}}], egress: [{{to: {peers}}}]}}"
    )
}

#[test]
fn r22_a_pod_selector_means_the_namespace_of_the_policy() {
    check_spec(
        "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}]}",
        "x/b -> x/a allow
         x/c -> x/a deny
         w/b -> x/a deny
         w/b -> w/a allow",
    );
    check_spec(
        "{podSelector: {}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {pod: b}}}]}]}",
        "x/a -> x/b allow
         x/a -> x/c deny
         x/a -> w/b deny",
    );
}

#[test]
fn r23_an_empty_pod_selector_means_all_pods_of_the_own_namespace() {
    let unlabelled = [pod("x/plain", "{}", "status: {podIP: 10.0.1.9}"), pod("w/plain", "null", "")].concat();
    check(
        &[grid(), unlabelled, policy("x/p", &both_ways("[{podSelector: {}}]"))],
        "x/b -> x/a allow
         x/plain -> x/a allow
         x/a -> x/plain allow
         w/plain -> x/a deny
         x/a -> w/a deny
         w/a -> x/a deny
         1.1.1.1 -> x/a deny
         x/a -> 1.1.1.1 deny",
    );
}

#[test]
fn r24_a_namespace_selector_means_all_pods_there_the_own_namespace_too() {
    let not_z = "[{namespaceSelector: {matchExpressions: [{key: ns, operator: NotIn, values: [z]}]}}]";
    let unlabelled = pod("w/plain", "null", "");
    check(
        &[grid(), unlabelled, policy("x/p", &both_ways(not_z))],
        "x/b -> x/a allow
         w/b -> x/a allow
         w/plain -> x/a allow
         z/b -> x/a deny
         x/a -> w/b allow
         x/a -> z/b deny",
    );
    check_spec(
        &both_ways("[{namespaceSelector: {}}]"),
        "x/b -> x/a allow
         w/b -> x/a allow
         z/c -> x/a allow
         x/a -> z/c allow
         1.1.1.1 -> x/a deny",
    );
    check_spec(
        &both_ways("[{namespaceSelector: {matchLabels: {ns: w}}}]"),
        "w/b -> x/a allow
         x/b -> x/a deny
         x/a -> x/b deny",
    );
    check_spec(
        &both_ways("[{namespaceSelector: {matchLabels: {none: such}}}]"),
        "x/b -> x/a deny
         w/b -> x/a deny
         w/b -> z/a allow",
    );
}

#[test]
fn r25_selectors_match_nothing_but_pods() {
    let manifests = |peers: &str| {
        [
            grid(),
            node("n1", "192.168.0.1"),
            pod("w/host", "{pod: a}", "spec: {hostNetwork: true}, status: {podIP: 192.168.0.1}"),
            policy("x/p", &both_ways(peers)),
        ]
    };
    for peers in ["[{namespaceSelector: {}}]", "[{namespaceSelector: {}, podSelector: {}}]"] {
        check(
            &manifests(peers),
            "w/a -> x/a allow
             1.1.1.1 -> x/a deny
             x/a -> 1.1.1.1 deny
             192.168.0.9 -> x/a deny
             x/a -> 192.168.0.9 deny
             10.0.2.99 -> x/a deny
             w/host -> x/a deny
             x/a -> w/host deny",
        );
    }
    check(
        &manifests("[{namespaceSelector: {}}, {ipBlock: {cidr: 0.0.0.0/0}}]"),
        "1.1.1.1 -> x/a allow
         x/a -> w/host allow
         x/a -> 192.168.0.9 allow
         2001:db8::1 -> x/a deny",
    );
}

#[test]
fn r26_both_selectors_in_one_element_must_match() {
    check_spec(
        &both_ways("[{namespaceSelector: {matchLabels: {ns: w}}, podSelector: {matchLabels: {pod: b}}}]"),
        "w/b -> x/a allow
         w/a -> x/a deny
         x/b -> x/a deny
         z/b -> x/a deny
         x/a -> w/b allow
         x/a -> w/a deny
         x/a -> x/b deny",
    );
}

#[test]
fn r27_two_elements_are_alternatives() {
    check_spec(
        &both_ways("[{namespaceSelector: {matchLabels: {ns: w}}}, {podSelector: {matchLabels: {pod: b}}}]"),
        "w/b -> x/a allow
         w/a -> x/a allow
         x/b -> x/a deny
         x/c -> x/a deny
         z/b -> x/a deny",
    );
    check_spec(
        "{podSelector: {}, ingress: [{from: [
            {namespaceSelector: {matchLabels: {ns: w}}}, {podSelector: {matchLabels: {pod: b}}}]}]}",
        "w/a -> x/a allow
         x/b -> x/a allow
         x/c -> x/a deny
         z/b -> x/a deny",
    );
}

#[test]
fn r28_a_null_selector_is_absent() {
    check_spec(
        &both_ways("[{podSelector: {}, namespaceSelector: null}]"),
        "x/b -> x/a allow
         w/b -> x/a deny
         x/a -> w/b deny",
    );
    check_spec(
        &both_ways("[{podSelector: null, namespaceSelector: {}}]"),
        "x/b -> x/a allow
         w/b -> x/a allow
         1.1.1.1 -> x/a deny",
    );
    check_spec(
        &both_ways("[{podSelector: {}, namespaceSelector: {}}]"),
        "w/b -> x/a allow
         1.1.1.1 -> x/a deny",
    );
    for peer in
        ["{}", "null", "{podSelector: null}", "{podSelector: null, namespaceSelector: null, ipBlock: null}"]
    {
        let spec = format!("{{podSelector: {{}}, ingress: [{{from: [{peer}]}}]}}");
        refused(&spec, "spec.ingress[0].from[0]", "Required value: must specify a peer");
    }
}

#[test]
fn r29_labels_are_those_of_now_and_namespaces_carry_their_name() {
    let by_name = "[{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: w}}}]";
    for labels in ["{}", "null", "{ns: other}"] {
        let pods = [pod("x/a", "{}", ""), pod("w/a", "{}", ""), pod("z/a", "{}", "")].concat();
        check(
            &[namespace("w", labels), namespace("z", "{name: w}"), pods, policy("x/p", &both_ways(by_name))],
            "w/a -> x/a allow
             z/a -> x/a deny
             x/a -> w/a allow
             x/a -> z/a deny",
        );
    }
    // A label that is put on opens, one that is taken off closes.
    for (labels, verdict) in [("{team: red}", "allow"), ("{team: blue}", "deny"), ("{}", "deny")] {
        let from = "[{namespaceSelector: {matchLabels: {team: red}}}]";
        World::new(&[
            namespace("w", labels),
            pod("x/a", "{}", ""),
            pod("w/a", "{}", ""),
            policy("x/p", &format!("{{podSelector: {{}}, ingress: [{{from: {from}}}]}}")),
        ])
        .check(&format!("w/a -> x/a {verdict}"));
        World::new(&[
            pod("x/a", "{}", ""),
            pod("x/b", labels, ""),
            policy(
                "x/p",
                "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {team: red}}}]}]}",
            ),
        ])
        .check(&format!("x/b -> x/a {verdict}"));
    }
}
