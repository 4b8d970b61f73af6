//! L1 to L14: label selectors, exactly.

use std::slice;

use super::check::{World, accepted, check, check_selection, check_spec, grid, pod, policy, refused};

/// Pods of x that differ in labels.
fn labelled() -> Vec<String> {
    vec![
        pod("x/web", "{app: web, tier: front}", "status: {podIP: 10.0.1.1}"),
        pod("x/db", "{app: db, tier: ''}", "status: {podIP: 10.0.1.2}"),
        pod("x/bare", "null", "status: {podIP: 10.0.1.3}"),
        pod("x/odd", "{App: Web, example.com/app: web}", "status: {podIP: 10.0.1.4}"),
    ]
}

/// Checks which of the pods of [`labelled`] are selected: `web`, `db`, `bare`, `odd` in this order.
#[track_caller]
fn selects(selector: &str, selected: [bool; 4]) {
    let mut manifests = labelled();
    manifests.push(policy("x/p", &format!("{{podSelector: {selector}}}")));
    let verdicts = ["web", "db", "bare", "odd"].into_iter().zip(selected).map(|(name, selected)| {
        let verdict = if selected { "deny" } else { "allow" };
        format!("9.9.9.9 -> x/{name} {verdict}\n")
    });
    check(&manifests, &verdicts.collect::<String>());
}

#[test]
fn l1_an_empty_selector_is_everything_and_an_absent_peer_selector_nothing_said() {
    for selector in [
        "{}",
        "null",
        "{matchLabels: null, matchExpressions: null}",
        "{matchLabels: {}, matchExpressions: []}",
    ] {
        selects(selector, [true; 4]);
    }
    selects("{matchLabels: {none: such}}", [false; 4]);
    // An absent podSelector of a peer does not narrow, an absent namespaceSelector means the own namespace.
    check_spec(
        "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: w}}, podSelector: null}]}]}",
        "w/c -> x/a allow
         z/c -> x/a deny",
    );
}

#[test]
fn l2_all_requirements_must_hold() {
    selects("{matchLabels: {app: web, tier: front}}", [true, false, false, false]);
    selects("{matchLabels: {app: web, tier: back}}", [false; 4]);
    selects("{matchLabels: {app: web}, matchExpressions: [{key: tier, operator: DoesNotExist}]}", [false; 4]);
    selects(
        "{matchExpressions: [{key: app, operator: Exists}, {key: app, operator: NotIn, values: [db]}]}",
        [true, false, false, false],
    );
    selects(
        "{matchExpressions: [{key: app, operator: In, values: [web, db]}, {key: app, operator: In, values: [db, x]}]}",
        [false, true, false, false],
    );
    // A contradiction is no mistake, and selects nothing.
    selects(
        "{matchLabels: {app: web}, matchExpressions: [{key: app, operator: In, values: [db]}]}",
        [false; 4],
    );
}

#[test]
fn l3_in_needs_the_key_and_one_of_the_values() {
    selects("{matchExpressions: [{key: app, operator: In, values: [web]}]}", [true, false, false, false]);
    selects("{matchExpressions: [{key: app, operator: In, values: [db, web]}]}", [true, true, false, false]);
    selects("{matchExpressions: [{key: app, operator: In, values: ['']}]}", [false; 4]);
}

#[test]
fn l4_not_in_holds_without_the_key() {
    selects("{matchExpressions: [{key: app, operator: NotIn, values: [web]}]}", [false, true, true, true]);
    selects(
        "{matchExpressions: [{key: app, operator: NotIn, values: [db, web]}]}",
        [false, false, true, true],
    );
    selects("{matchExpressions: [{key: missing, operator: NotIn, values: ['']}]}", [true; 4]);
}

#[test]
fn l5_exists_needs_the_key_with_any_value() {
    selects("{matchExpressions: [{key: tier, operator: Exists}]}", [true, true, false, false]);
    selects("{matchExpressions: [{key: missing, operator: Exists}]}", [false; 4]);
}

#[test]
fn l6_does_not_exist_needs_the_key_to_be_absent() {
    selects("{matchExpressions: [{key: tier, operator: DoesNotExist}]}", [false, false, true, true]);
    selects("{matchExpressions: [{key: missing, operator: DoesNotExist}]}", [true; 4]);
}

#[test]
fn l7_there_are_four_operators() {
    for operator in ["in", "notin", "exists", "NotEquals", "Gt", "Lt", "Equals", "''"] {
        refused(
            &format!(
                "{{podSelector: {{matchExpressions: [{{key: app, operator: {operator}, values: ['1']}}]}}}}"
            ),
            "spec.podSelector.matchExpressions[0].operator",
            "not a valid selector operator",
        );
    }
    for requirement in [
        "{key: app, operator: In, values: ['1']}",
        "{key: app, operator: NotIn, values: ['1']}",
        "{key: app, operator: Exists}",
        "{key: app, operator: DoesNotExist}",
    ] {
        accepted(&format!("{{podSelector: {{matchExpressions: [{requirement}]}}}}"));
    }
    // In peers too.
    refused(
        "{podSelector: {}, egress: [{to: [{namespaceSelector: {matchExpressions: [{key: a, operator: has}]}}]}]}",
        "spec.egress[0].to[0].namespaceSelector.matchExpressions[0].operator",
        "not a valid selector operator",
    );
}

#[test]
fn l8_the_empty_value_is_a_value_and_not_a_missing_key() {
    selects("{matchLabels: {tier: ''}}", [false, true, false, false]);
    selects("{matchExpressions: [{key: tier, operator: In, values: ['']}]}", [false, true, false, false]);
    selects("{matchExpressions: [{key: tier, operator: NotIn, values: ['']}]}", [true, false, true, true]);
}

#[test]
fn l9_keys_and_values_are_compared_byte_by_byte() {
    check_selection(
        &labelled(),
        "x/web app=web yes
         x/web app=Web no
         x/web app=we no
         x/web App=web no
         x/web example.com/app=web no
         x/odd App=Web yes
         x/odd app=web no
         x/odd app no
         x/odd example.com/app=web yes",
    );
}

#[test]
fn l10_in_wants_values_and_exists_none() {
    let selector = |requirement: &str| format!("{{podSelector: {{matchExpressions: [{requirement}]}}}}");
    let path = "spec.podSelector.matchExpressions[0].values";
    for operator in ["In", "NotIn"] {
        for values in ["", ", values: []", ", values: null"] {
            refused(
                &selector(&format!("{{key: app, operator: {operator}{values}}}")),
                path,
                "must be specified when `operator` is 'In' or 'NotIn'",
            );
        }
    }
    for operator in ["Exists", "DoesNotExist"] {
        refused(
            &selector(&format!("{{key: app, operator: {operator}, values: [web]}}")),
            path,
            "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        );
        accepted(&selector(&format!("{{key: app, operator: {operator}, values: []}}")));
    }
    selects(
        "{matchExpressions: [{key: app, operator: In, values: [web, web]}]}",
        [true, false, false, false],
    );
}

#[test]
fn l11_keys_have_a_prefix_and_a_name_of_limited_form() {
    let name = "n".repeat(63);
    let prefix =
        format!("{}.example.com", ["p".repeat(60), "q".repeat(60), "r".repeat(60), "s".repeat(57)].join("."));
    assert_eq!(prefix.len(), 252, "the longest prefix of this kind");
    let labels = |key: &str| format!("{{podSelector: {{matchLabels: {{'{key}': web}}}}}}");
    let expression =
        |key: &str| format!("{{podSelector: {{matchExpressions: [{{key: '{key}', operator: Exists}}]}}}}");
    for key in ["app", "App_1.x-y", "1", "example.com/app", &name, &format!("{prefix}s/{name}")] {
        accepted(&labels(key));
        accepted(&expression(key));
    }
    for key in [
        "",
        "-app",
        "app-",
        ".app",
        "a b",
        "a/b/c",
        "/app",
        "example.com/",
        "Example.com/app",
        "exa_mple.com/app",
        &format!("{name}n"),
        &format!("{prefix}ss/app"),
    ] {
        refused(&labels(key), "spec.podSelector.matchLabels", "");
        refused(&expression(key), "spec.podSelector.matchExpressions[0].key", "");
    }
}

#[test]
fn l12_values_have_a_limited_form() {
    let longest = "v".repeat(63);
    let labels = |value: &str| format!("{{podSelector: {{matchLabels: {{app: '{value}'}}}}}}");
    let expression = |value: &str| {
        format!("{{podSelector: {{matchExpressions: [{{key: app, operator: In, values: ['{value}']}}]}}}}")
    };
    for value in ["", "web", "Web_1.x-y", "1", &longest] {
        accepted(&labels(value));
        accepted(&expression(value));
    }
    for value in ["-web", "web.", "a b", "a/b", "é", &format!("{longest}v")] {
        refused(&labels(value), "spec.podSelector.matchLabels", "");
        refused(&expression(value), "spec.podSelector.matchExpressions[0].values[0]", "");
    }
}

#[test]
fn l13_values_are_strings() {
    let labels = |value: &str| format!("{{podSelector: {{matchLabels: {{app: {value}}}}}}}");
    for value in ["true", "false", "1", "1.0", "1e3", "[web]", "{a: b}"] {
        refused(&labels(value), "spec.podSelector.matchLabels.app", "cannot unmarshal");
        let pod = pod("x/a", &format!("{{app: {value}}}"), "");
        assert!(!World::new(&[pod]).errors().is_empty(), "pod label {value}");
        let values =
            format!("{{podSelector: {{matchExpressions: [{{key: app, operator: In, values: [{value}]}}]}}}}");
        refused(&values, "spec.podSelector.matchExpressions[0].values[0]", "cannot unmarshal");
    }
    for value in ["'true'", "\"1\"", "web"] {
        accepted(&labels(value));
    }
    let quoted = [pod("x/right", "{app: 'true'}", ""), pod("x/wrong", "{app: 'false'}", "")];
    check_selection(
        &quoted,
        "x/right app=true yes
         x/wrong app=true no",
    );
    // Null is the empty string.
    selects("{matchLabels: {tier: null}}", [false, true, false, false]);
    check_selection(
        &[pod("x/a", "{tier: null}", "")],
        "x/a tier yes
         x/a tier= yes
         x/a tier=x no",
    );
}

#[test]
fn l14_a_pod_without_labels_matches_what_asks_for_absence() {
    for labels in ["null", "{}"] {
        let bare = pod("x/bare", labels, "status: {podIP: 10.0.1.9}");
        check_selection(
            slice::from_ref(&bare),
            "x/bare app!=web yes
             x/bare !app yes
             x/bare app no
             x/bare app=web no
             x/bare app= no",
        );
        let absent = "{matchExpressions: [{key: pod, operator: NotIn, values: [a]}, {key: app, operator: DoesNotExist}]}";
        let spec = format!("{{podSelector: {{}}, ingress: [{{from: [{{podSelector: {absent}}}]}}]}}");
        check(
            &[grid(), bare, policy("x/p", &spec)],
            "x/bare -> x/c allow
             x/b -> x/c allow
             x/a -> x/c deny",
        );
    }
}
