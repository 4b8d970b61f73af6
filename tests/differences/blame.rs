//! Causes of a change where several things changed at once.

use podreach::cluster::{self, Cluster};
use podreach::load::{self, Input};
use podreach::profile::Profile;

use super::*;

const PODS: &str = "
---
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: a, labels: {app: p}}
spec: {containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: s, namespace: b, labels: {app: s}}
spec: {containers: [{name: c, image: x}]}
";

fn cluster(manifests: String) -> Arc<Cluster> {
    let input = Input::Text { name: "input.yaml".into(), bytes: manifests.into() };
    let loaded = load::load(&[input], load::Options::default());
    cluster::build(&loaded.manifests, &cluster::Options::default()).cluster
}

fn namespace(label: &str) -> String {
    format!("---\n{{apiVersion: v1, kind: Namespace, metadata: {{name: a, labels: {{t: {label}}}}}}}\n")
}

fn policy(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: b}}\nspec: {spec}\n"
    )
}

/// The causes that are named for a change from `b/s` to `a/p`.
fn named(before: &[String], after: &[String]) -> Vec<String> {
    named_between(["b/s Pod", "a/p Pod"], before, after)
}

fn named_between(ends: [&str; 2], before: &[String], after: &[String]) -> Vec<String> {
    let [before, after] = [before, after].map(|parts| cluster(parts.concat()));
    let (before, after) = (compile(&before, Profile::Spec), compile(&after, Profile::Spec));
    let (was, is) = (solve(&before), solve(&after));
    let found = difference(&was, &is, &between_workloads(&was, &is), &Scope::default());
    let path = |id| name(&after.cluster, |_| (Family::V4, AddressSet::empty()), found.parties[id].endpoint);
    let [from, to] = ends.map(|name| Name::Inside(name.into()));
    let change = found.changes().find(|change| path(change.from) == from && path(change.to) == to);
    let causes = found.because(change.expect("something changed between the two").because);
    causes.iter().map(|&cause| found.causes[cause].object.to_string()).collect()
}

const TO_X: &str =
    "{podSelector: {}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {matchLabels: {t: x}}}]}]}";
const TO_X_AND_OUT: &str = "{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 8.8.8.8/32}}]}, \
                            {to: [{namespaceSelector: {matchLabels: {t: x}}}]}]}";
const TO_W: &str =
    "{podSelector: {}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {matchLabels: {t: w}}}]}]}";

#[test]
fn an_edit_that_does_not_matter_is_not_to_blame_for_a_label() {
    let edited = |label: &str, spec: &str| [PODS.to_owned(), namespace(label), policy("np", spec)];
    for (before, after) in [(TO_X, TO_X_AND_OUT), (TO_X_AND_OUT, TO_X)] {
        assert_eq!(named(&edited("x", before), &edited("w", after)), ["Namespace a"]);
        assert_eq!(named(&edited("w", before), &edited("x", after)), ["Namespace a"]);
        // The label is that of the subject.
        let subject = |app: &str, spec: &str| {
            let spec = spec.replace("podSelector: {}", "podSelector: {matchLabels: {app: t}}");
            [PODS.replace("app: s", &format!("app: {app}")), namespace("w"), policy("np", &spec)]
        };
        assert_eq!(named(&subject("s", before), &subject("t", after)), ["Pod b/s"]);
    }
}

#[test]
fn a_policy_that_was_renamed_is_not_to_blame() {
    let called = |name: &str, label: &str| [PODS.to_owned(), namespace(label), policy(name, TO_X)];
    assert_eq!(named(&called("np", "x"), &called("np2", "w")), ["Namespace a"]);
}

#[test]
fn all_are_to_blame_that_take_a_change_back_alone() {
    // Each of the two admits the connection as it was.
    let both = |label: &str, spec: &str| [PODS.to_owned(), namespace(label), policy("np", spec)];
    let isolated = "{podSelector: {matchLabels: {app: t}}, policyTypes: [Egress]}";
    let pod = |app: &str| PODS.replace("app: s", &format!("app: {app}"));
    let named_both = named(&[pod("s"), namespace("w")], &[pod("t"), namespace("w"), policy("np", isolated)]);
    assert_eq!(named_both, ["NetworkPolicy b/np", "Pod b/s"]);
    // Neither does alone: with the label as it was, the new policy admits nothing, and the old one nothing with the new label.
    assert_eq!(named(&both("x", TO_X), &both("y", TO_W)), ["Namespace a", "NetworkPolicy b/np"]);
}

#[test]
fn each_port_has_those_who_closed_or_opened_it() {
    let ports =
        |ports: &str| format!("{{podSelector: {{}}, policyTypes: [Egress], egress: [{{ports: [{ports}]}}]}}");
    let before = [PODS.to_owned(), policy("old", &ports("{port: 1}"))];
    let after = [
        PODS.to_owned(),
        policy("innocent", &ports("{port: 1}")),
        policy("one", &ports("{port: 2}")),
        policy("other", &ports("{port: 3}")),
    ];
    assert_eq!(named(&before, &after), ["NetworkPolicy b/one", "NetworkPolicy b/other"]);
}

#[test]
fn each_end_has_its_own_reason_where_policies_see_the_same() {
    // Both were admitted and are not: one pod has another label, the other is in a namespace that has.
    let input = |label: &str, app: &str| {
        let to_p = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: in, namespace: b},
            spec: {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {t: x}}, podSelector: {matchLabels: {app: p}}}]}]}}";
        let pods = "---
{apiVersion: v1, kind: Pod, metadata: {name: q, namespace: c, labels: {app: APP}}, spec: {containers: [{name: c, image: x}]}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: c, labels: {t: x}}}
";
        [PODS.to_owned(), namespace(label), pods.replace("APP", app), format!("---\n{to_p}\n")]
    };
    let (before, after) = (input("x", "p"), input("w", "q"));
    assert_eq!(named_between(["a/p Pod", "b/s Pod"], &before, &after), ["Namespace a"]);
    assert_eq!(named_between(["c/q Pod", "b/s Pod"], &before, &after), ["Pod c/q"]);
}

#[test]
fn what_a_policy_sees_on_one_side_is_not_to_blame_for_the_other() {
    // The policy isolates pods with `app: a`, and lets them out: who left it may be reached, who joined it calls as before.
    let input = |s: &str, p: &str| {
        let pods = PODS.replace("namespace: a", "namespace: b").replace("app: p", &format!("app: {p}"));
        let spec = "{podSelector: {matchLabels: {app: a}}, policyTypes: [Ingress, Egress], egress: [{}]}";
        [pods.replace("app: s", &format!("app: {s}")), policy("np", spec)]
    };
    let (before, after) = (input("c", "a"), input("a", "b"));
    assert_eq!(named_between(["b/s Pod", "b/p Pod"], &before, &after), ["Pod b/p"]);
    assert_eq!(named_between(["b/p Pod", "b/s Pod"], &before, &after), ["Pod b/s"]);
}

#[test]
fn what_the_old_version_of_a_policy_makes_of_the_new_ends_is_part_of_the_cause() {
    let pods = |from: &str, to: &str| {
        let pod = |name: &str, labels: &str| {
            format!(
                "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: b, labels: {{{labels}}}}}, \
                 spec: {{containers: [{{name: c, image: x}}]}}}}\n"
            )
        };
        pod("s", from) + &pod("t", to)
    };
    // Taken back alone, the policy would let TCP only into `t`, which has the label by now.
    let into =
        policy("np", "{podSelector: {matchLabels: {tier: db}}, ingress: [{ports: [{protocol: TCP}]}]}");
    let out = policy("np", "{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress]}");
    let named =
        named_between(["b/s Pod", "b/t Pod"], &[pods("", ""), into], &[pods("app: web", "tier: db"), out]);
    assert_eq!(named, ["NetworkPolicy b/np", "Pod b/s", "Pod b/t"]);
}

#[test]
fn of_namespaces_that_are_compared_the_one_is_to_blame_whose_label_changed() {
    let input = |of_s: &str, of_p: &str, relation: &str, direction: [&str; 2]| {
        let of_subject = if direction[0] == "egress" { "b" } else { "a" };
        let policy = format!(
            "---\n{{apiVersion: policy.networking.k8s.io/v1alpha1, kind: AdminNetworkPolicy, metadata: {{name: anp}}, spec: {{
             priority: 1, subject: {{namespaces: {{matchLabels: {{kubernetes.io/metadata.name: {of_subject}}}}}}},
             {}: [{{action: Deny, {}: [{{namespaces: {{{relation}: [t]}}}}]}}]}}}}\n",
            direction[0], direction[1]
        );
        let of_s = namespace(of_s).replace("name: a", "name: b");
        [PODS.to_owned(), of_s, namespace(of_p), policy]
    };
    for direction in [["egress", "to"], ["ingress", "from"]] {
        for relation in ["sameLabels", "notSameLabels"] {
            let input = |of_s: &str, of_p: &str| input(of_s, of_p, relation, direction);
            assert_eq!(named(&input("x", "x"), &input("x", "w")), ["Namespace a"]);
            assert_eq!(named(&input("x", "w"), &input("w", "w")), ["Namespace b"]);
        }
    }
}
