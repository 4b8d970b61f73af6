//! R1 to R11: which pods are isolated, in which direction, and how policies add up.

use super::check::{check, check_spec, grid, pod, policy};

#[test]
fn r1_pods_that_no_policy_selects_are_open() {
    check(
        &[grid()],
        "w/b -> x/a allow
         x/a -> w/b allow
         x/b -> x/a allow
         1.1.1.1 -> x/a allow
         x/a -> 1.1.1.1 allow",
    );
    // One direction says nothing about the other.
    check_spec(
        "{podSelector: {matchLabels: {pod: a}}, policyTypes: [Ingress]}",
        "w/b -> x/a deny
         x/a -> w/b allow
         w/b -> x/b allow",
    );
    check_spec(
        "{podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress]}",
        "w/b -> x/a allow
         x/a -> w/b deny
         x/b -> w/b allow",
    );
}

#[test]
fn r2_a_selecting_policy_isolates_whatever_the_number_of_its_rules() {
    let of_a = |rest: &str| format!("{{podSelector: {{matchLabels: {{pod: a}}}}, {rest}}}");
    let to_nobody = "{podSelector: {matchLabels: {pod: nobody}}}";
    for rest in [
        "policyTypes: [Ingress]".to_string(),
        format!("policyTypes: [Ingress], ingress: [{{from: [{to_nobody}]}}]"),
        format!("policyTypes: [Ingress], ingress: [{{from: [{to_nobody}]}}, {{from: [{to_nobody}]}}]"),
    ] {
        check_spec(
            &of_a(&rest),
            "x/b -> x/a deny
             1.1.1.1 -> x/a deny
             x/a -> x/b allow
             x/a -> 1.1.1.1 allow
             w/b -> w/a allow
             x/a -> x/a allow",
        );
    }
    check_spec(
        &of_a(&format!("policyTypes: [Egress], egress: [{{to: [{to_nobody}]}}]")),
        "x/a -> x/b deny
         x/b -> x/a allow
         w/a -> w/b allow",
    );
    check_spec(
        "{podSelector: {matchLabels: {pod: nobody}}, policyTypes: [Ingress, Egress]}",
        "x/b -> x/a allow
         x/a -> x/b allow",
    );
}

#[test]
fn r3_rules_of_all_policies_add_up_and_none_denies() {
    let from = |space: &str, ports: &str| {
        format!(
            "{{podSelector: {{matchLabels: {{pod: a}}}}, policyTypes: [Ingress],
               ingress: [{{from: [{{namespaceSelector: {{matchLabels: {{ns: {space}}}}}}}], ports: {ports}}}]}}"
        )
    };
    // Neither the first nor the last policy by name wins, nor the strictest.
    let mut manifests = vec![
        grid(),
        policy("x/a-deny", "{podSelector: {}, policyTypes: [Ingress]}"),
        policy("x/m-from-w", &from("w", "[]")),
        policy("x/n-from-z", &from("z", "[{port: 80}]")),
        policy("x/z-deny", "{podSelector: {matchLabels: {pod: a}}, policyTypes: [Ingress]}"),
    ];
    check(
        &manifests,
        "w/b -> x/a allow
         z/b -> x/a:80 allow
         z/b -> x/a:81-65535 deny
         x/b -> x/a deny
         w/b -> x/b deny",
    );
    manifests.push(policy("x/open", "{podSelector: {}, policyTypes: [Ingress], ingress: [{}]}"));
    check(
        &manifests,
        "x/b -> x/a allow
         1.1.1.1 -> x/b allow",
    );
    manifests.push(policy("x/closed", "{podSelector: {}, policyTypes: [Egress]}"));
    check(
        &manifests,
        "x/b -> x/a deny
         1.1.1.1 -> x/b allow",
    );
}

#[test]
fn r4_both_ends_must_allow() {
    let egress = "{podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress],
        egress: [{to: [{namespaceSelector: {matchLabels: {ns: w}}}], ports: [{port: 80}, {port: 81}]}]}";
    let ingress = "{podSelector: {matchLabels: {pod: b}}, policyTypes: [Ingress],
        ingress: [{from: [{namespaceSelector: {matchLabels: {ns: x}}}], ports: [{port: 81}, {port: 82}]}]}";
    check(
        &[grid(), policy("x/client", egress), policy("w/server", ingress)],
        "x/a -> w/a:80-81 allow
         x/a -> w/a:82 deny
         x/a -> w/b:80 deny
         x/a -> w/b:81 allow
         x/a -> w/b:82 deny
         x/b -> w/b:82 allow
         x/b -> w/b:80 deny
         z/a -> w/b:81 deny
         w/b -> x/a allow",
    );
}

#[test]
fn r5_only_pods_have_a_side() {
    // The policies of x have no say over an address, wherever it stands.
    check_spec(
        "{podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{from: [{ipBlock: {cidr: 1.1.1.0/24}}]}]}",
        "1.1.1.1 -> x/a allow
         2.2.2.2 -> x/a deny
         x/a -> 1.1.1.1 deny
         1.1.1.1 -> w/a allow",
    );
    check_spec(
        "{podSelector: {}, policyTypes: [Ingress, Egress], egress: [{to: [{ipBlock: {cidr: 1.1.1.0/24}}]}]}",
        "x/a -> 1.1.1.1 allow
         x/a -> 2.2.2.2 deny
         1.1.1.1 -> x/a deny",
    );
}

#[test]
fn r6_a_policy_acts_in_its_namespace_and_without_selector_on_all_of_it() {
    let unlabelled = pod("x/plain", "null", "status: {podIP: 10.0.1.9}");
    for spec in [
        "{podSelector: {}, policyTypes: [Ingress]}",
        "{podSelector: null, policyTypes: [Ingress]}",
        "{podSelector: {matchLabels: {}, matchExpressions: []}, policyTypes: [Ingress]}",
        "{policyTypes: [Ingress]}",
        "{}",
        "null",
    ] {
        check(
            &[grid(), unlabelled.clone(), policy("x/p", spec)],
            "w/b -> x/a deny
             x/b -> x/c deny
             w/b -> x/plain deny
             x/plain -> w/b allow
             x/a -> w/a allow
             z/a -> w/a allow",
        );
    }
}

#[test]
fn r7_without_policy_types_ingress_is_isolated() {
    for types in ["", "policyTypes: null,", "policyTypes: [],"] {
        for rest in ["", "ingress: [],", "egress: [{}],"] {
            check_spec(
                &format!("{{{types} {rest} podSelector: {{matchLabels: {{pod: a}}}}}}"),
                "w/b -> x/a deny
                 1.1.1.1 -> x/a deny
                 x/a -> w/b allow
                 w/b -> x/b allow",
            );
        }
    }
}

#[test]
fn r8_without_policy_types_the_first_egress_rule_isolates_egress() {
    for types in ["", "policyTypes: null,", "policyTypes: [],"] {
        check_spec(
            &format!(
                "{{{types} podSelector: {{}}, egress: [{{to: [{{podSelector: {{}}}}], ports: [{{port: 80}}]}}]}}"
            ),
            "x/a -> 1.1.1.1 deny
             x/a -> w/a deny
             w/a -> x/a deny
             w/a -> z/a allow",
        );
        // Ingress is isolated too: with no more than that rule, nobody in x is reached.
        check_spec(
            &format!(
                "{{{types} podSelector: {{}}, ingress: [{{}}], egress: [{{to: [{{podSelector: {{}}}}], ports: [{{port: 80}}]}}]}}"
            ),
            "x/a -> x/b:80 allow
             x/a -> x/b:81 deny
             x/a -> w/a:80 deny
             w/a -> x/a allow",
        );
    }
    check_spec(
        "{podSelector: {}, ingress: [{}]}",
        "x/a -> 1.1.1.1 allow
         1.1.1.1 -> x/a allow",
    );
}

#[test]
fn r9_an_empty_egress_list_isolates_ingress_only() {
    for egress in ["egress: []", "egress: null"] {
        check_spec(
            &format!("{{podSelector: {{}}, {egress}}}"),
            "x/a -> w/a allow
             x/a -> 1.1.1.1 allow
             w/a -> x/a deny",
        );
        check_spec(
            &format!("{{podSelector: {{}}, policyTypes: [Egress], {egress}}}"),
            "x/a -> w/a deny
             x/a -> 1.1.1.1 deny
             w/a -> x/a allow",
        );
    }
}

#[test]
fn r10_rules_of_a_direction_not_listed_are_ignored() {
    let egress_only = "{podSelector: {}, policyTypes: [Egress], ingress: [{from: [{podSelector: {}}]}]}";
    check_spec(
        egress_only,
        "w/a -> x/a allow
         1.1.1.1 -> x/a allow
         x/a -> w/a deny",
    );
    let ingress_only = "{podSelector: {}, policyTypes: [Ingress], egress: [{to: [{podSelector: {}}]}]}";
    check_spec(
        ingress_only,
        "x/a -> w/a allow
         x/a -> 1.1.1.1 allow
         w/a -> x/a deny",
    );
    // Nor do they open what another policy closes.
    check(
        &[grid(), policy("x/p", egress_only), policy("x/q", ingress_only)],
        "x/a -> x/b deny
         w/a -> x/a deny
         x/a -> w/a deny
         w/a -> z/a allow",
    );
}

#[test]
fn r11_a_policy_type_may_be_listed_twice() {
    check_spec(
        "{podSelector: {}, policyTypes: [Ingress, Ingress], egress: [{}]}",
        "w/a -> x/a deny
         x/a -> w/a allow",
    );
    check_spec(
        "{podSelector: {}, policyTypes: [Egress, Egress], ingress: []}",
        "x/a -> w/a deny
         w/a -> x/a allow",
    );
}
