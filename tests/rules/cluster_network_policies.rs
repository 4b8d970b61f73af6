//! Cluster-wide policies: the tiers around NetworkPolicy, who is meant, and what is not evaluated.

use super::check::{World, check, grid, node, pod, policy};

/// A ClusterNetworkPolicy with this rest of its spec.
fn cluster_policy(name: &str, tier: &str, priority: u32, rest: &str) -> String {
    cluster_policy_in("v1beta1", name, tier, priority, rest)
}

fn cluster_policy_in(version: &str, name: &str, tier: &str, priority: u32, rest: &str) -> String {
    format!(
        "---\n{{apiVersion: policy.networking.k8s.io/{version}, kind: ClusterNetworkPolicy, \
         metadata: {{name: {name}}}, spec: {{tier: {tier}, priority: {priority}, {rest}}}}}\n"
    )
}

/// The pods of a namespace of the grid, as a peer or a subject.
fn of(namespace: &str) -> String {
    format!("{{namespaces: {{matchLabels: {{ns: {namespace}}}}}}}")
}

/// `subject: NAMESPACE, ingress: RULES`.
fn into(namespace: &str, rules: &str) -> String {
    format!("subject: {}, ingress: [{rules}]", of(namespace))
}

fn out_of(namespace: &str, rules: &str) -> String {
    format!("subject: {}, egress: [{rules}]", of(namespace))
}

fn from(action: &str, namespace: &str) -> String {
    format!("{{action: {action}, from: [{}]}}", of(namespace))
}

fn to(action: &str, peer: &str) -> String {
    format!("{{action: {action}, to: [{peer}]}}")
}

const ONLY_FROM_Z: &str =
    "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: z}}}]}]}";

#[test]
fn admin_is_asked_before_network_policies_and_baseline_after_them() {
    let manifests = |network_policy: Option<&str>| {
        let admin = cluster_policy("a", "Admin", 1, &into("x", &from("Accept", "w")));
        let baseline = cluster_policy("b", "Baseline", 1, &into("x", &from("Deny", "z")));
        let all = [Some(grid()), Some(admin), Some(baseline), network_policy.map(|spec| policy("x/p", spec))];
        all.into_iter().flatten().collect::<Vec<_>>()
    };
    check(
        &manifests(None),
        "w/a -> x/a allow
         z/a -> x/a deny
         x/b -> x/a allow
         9.9.9.9 -> x/a allow",
    );
    check(
        &manifests(Some(ONLY_FROM_Z)),
        "w/a -> x/a allow
         z/a -> x/a allow
         x/b -> x/a deny
         9.9.9.9 -> x/a deny",
    );
}

#[test]
fn a_network_policy_for_one_direction_leaves_the_other_to_baseline() {
    let baseline = cluster_policy("b", "Baseline", 1, &out_of("x", &to("Deny", &of("w"))));
    check(
        &[grid(), baseline.clone(), policy("x/p", ONLY_FROM_Z)],
        "x/a -> w/a deny
         x/a -> z/a allow
         w/a -> x/a deny",
    );
    let both = "{podSelector: {}, policyTypes: [Egress], egress: [{}]}";
    check(&[grid(), baseline, policy("x/p", both)], "x/a -> w/a allow");
}

#[test]
fn the_first_rule_that_matches_decides() {
    let rules = |first: &str, second: &str| {
        let rules = format!("{}, {}", from(first, "w"), from(second, "w"));
        [grid(), cluster_policy("a", "Admin", 1, &into("x", &rules))]
    };
    check(&rules("Accept", "Deny"), "w/a -> x/a allow");
    check(&rules("Deny", "Accept"), "w/a -> x/a deny");
    check(&rules("Pass", "Deny"), "w/a -> x/a allow");
}

#[test]
fn a_rule_of_some_ports_leaves_the_others_to_the_next() {
    let rules = format!(
        "{{action: Accept, from: [{w}], protocols: [{{tcp: {{destinationPort: {{range: {{start: 80, end: 90}}}}}}}}]}}, \
         {{action: Pass, from: [{w}], protocols: [{{udp: {{destinationPort: {{number: 53}}}}}}]}}, {}",
        from("Deny", "w"),
        w = of("w")
    );
    check(
        &[grid(), cluster_policy("a", "Admin", 1, &into("x", &rules))],
        "w/a -> x/a:79 deny
         w/a -> x/a:80-90 allow
         w/a -> x/a:91 deny
         w/a -> x/a:80/UDP deny
         w/a -> x/a:53/UDP allow",
    );
}

#[test]
fn lower_priorities_come_first_and_pass_leaves_the_tier() {
    let two = |first: &str, second: &str| {
        vec![
            grid(),
            cluster_policy("z", "Admin", 10, &into("x", &from(first, "w"))),
            cluster_policy("a", "Admin", 20, &into("x", &from(second, "w"))),
        ]
    };
    check(&two("Deny", "Accept"), "w/a -> x/a deny");
    check(&two("Accept", "Deny"), "w/a -> x/a allow");
    check(&two("Pass", "Deny"), "w/a -> x/a allow");
    let mut manifests = two("Pass", "Accept");
    manifests.push(cluster_policy("c", "Baseline", 0, &into("x", &from("Deny", "w"))));
    check(&manifests, "w/a -> x/a deny");
    manifests.push(cluster_policy("b", "Baseline", 0, &into("z", &from("Deny", "w"))));
    check(&manifests, "w/a -> z/a deny");
}

#[test]
fn policies_of_one_priority_that_disagree_are_not_decided() {
    let tie = |second: &str| {
        [
            grid(),
            cluster_policy(
                "a",
                "Admin",
                10,
                &into("x", &format!("{}, {}", from("Accept", "w"), from("Deny", "z"))),
            ),
            cluster_policy(
                "b",
                "Admin",
                10,
                &into("x", &format!("{}, {}", from(second, "w"), from("Deny", "z"))),
            ),
        ]
    };
    check(&tie("Deny"), "w/a -> x/a unknown\nz/a -> x/a deny\nx/a -> x/b allow");
    check(&tie("Accept"), "w/a -> x/a allow\nz/a -> x/a deny");
    // Passed on, it is allowed as well: nothing else has a say.
    check(&tie("Pass"), "w/a -> x/a allow");
}

#[test]
fn names_decide_ties_where_the_implementation_says_so() {
    use podreach::profile::Profile;
    let tie = |first: &str, second: &str| {
        let policy =
            |name: &str, action: &str| cluster_policy(name, "Admin", 10, &into("x", &from(action, "w")));
        [grid(), policy(first, "Accept"), policy(second, "Deny")]
    };
    // A slash ends the name (K49), and comes after the hyphen.
    for (accepts, denies, verdict) in
        [("a", "b", "allow"), ("b", "a", "deny"), ("a", "a-b", "deny"), ("a-b", "a", "allow")]
    {
        let world = World::new(&tie(accepts, denies));
        world.under(Profile::Calico).check(&format!("w/a -> x/a {verdict}"));
    }
    for profile in [Profile::Spec, Profile::KubeNetworkPolicies, Profile::Antrea, Profile::OvnKubernetes] {
        World::new(&tie("a", "b")).under(profile).check("w/a -> x/a unknown");
    }
}

#[test]
fn both_families_go_through_every_tier() {
    let dual = |name: &str, number: u8| {
        let addresses =
            format!("podIP: 10.0.9.{number}, podIPs: [{{ip: 10.0.9.{number}}}, {{ip: 'fd00::{number}'}}]");
        pod(name, "{app: f}", &format!("status: {{{addresses}}}"))
    };
    let networks = "{networks: ['fd00::/16', '2001:db8::/32']}";
    for tier in ["Admin", "Baseline"] {
        let rules = format!("{}, {}", to("Deny", networks), to("Accept", "{networks: [10.0.0.0/8]}"));
        let manifests = [
            grid(),
            dual("x/dual", 1),
            dual("w/dual", 2),
            cluster_policy("a", tier, 1, &out_of("x", &rules)),
        ];
        check(
            &manifests,
            "x/dual -> 2001:db8::1 deny
             x/dual -> 2001:db9::1 allow
             x/dual -> 8.8.8.8 allow
             x/dual -> w/dual allow
             w/dual -> 2001:db8::1 allow
             2001:db8::1 -> x/dual allow",
        );
        // NetworkPolicies stand between the tiers.
        let open = policy(
            "x/p",
            "{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: '2001:db8::/32'}}]}]}",
        );
        let all: Vec<String> = manifests.into_iter().chain([open]).collect();
        let (inside, outside) = if tier == "Admin" { ("allow", "deny") } else { ("deny", "allow") };
        check(
            &all,
            &format!(
                "x/dual -> w/dual {inside}\nx/dual -> 2001:db8::1 {outside}\nx/dual -> 2001:db9::1 deny"
            ),
        );
    }
}

#[test]
fn both_sides_must_allow() {
    let egress = cluster_policy("a", "Admin", 1, &out_of("w", &to("Accept", &of("x"))));
    let ingress = cluster_policy("b", "Admin", 2, &into("x", &from("Deny", "w")));
    check(&[grid(), egress, ingress], "w/a -> x/a deny\nx/a -> w/a allow");
}

#[test]
fn host_network_pods_are_neither_subjects_nor_pods_of_a_peer() {
    let manifests = |peer: &str| {
        [
            grid(),
            node("n1", "192.168.0.1"),
            pod("x/host", "{}", "spec: {nodeName: n1, hostNetwork: true}, status: {podIP: 192.168.0.1}"),
            cluster_policy("a", "Admin", 1, &out_of("x", &to("Deny", peer))),
            cluster_policy("b", "Admin", 1, &into("x", &from("Deny", "w"))),
        ]
    };
    check(
        &manifests(&of("x")),
        "x/a -> x/b deny\nx/a -> x/host allow\nw/a -> x/host allow\nx/host -> x/a allow",
    );
    // Its address is that of its node.
    check(&manifests("{nodes: {}}"), "x/a -> x/host deny\nx/a -> x/b allow\nx/a -> 192.168.0.2 allow");
    check(&manifests("{networks: [192.168.0.1/32]}"), "x/a -> x/host deny\nx/a -> x/b allow");
}

#[test]
fn networks_match_pods_and_addresses_outside() {
    let peer = "{networks: [10.0.2.0/24, 203.0.113.0/24]}";
    check(
        &[grid(), cluster_policy("a", "Admin", 1, &out_of("x", &to("Deny", peer)))],
        "x/a -> w/a deny
         x/a -> z/a allow
         x/a -> 203.0.113.7 deny
         x/a -> 203.0.114.7 allow
         203.0.113.7 -> x/a allow",
    );
}

#[test]
fn named_ports_are_those_of_the_destination_of_any_protocol() {
    let rules = |name: &str| {
        format!("{{action: Deny, from: [{}], protocols: [{{destinationNamedPort: {name}}}]}}", of("w"))
    };
    let manifests = |name: &str| [grid(), cluster_policy("a", "Admin", 1, &into("x", &rules(name)))];
    check(&manifests("web"), "w/a -> x/a:80 deny\nw/a -> x/a:80/UDP allow\nw/a -> x/a:53/UDP allow");
    check(&manifests("dns"), "w/a -> x/a:53/UDP deny\nw/a -> x/a:53/TCP allow\nw/a -> x/a:80 allow");
    let rule = format!("{{action: Deny, to: [{}], protocols: [{{destinationNamedPort: dns}}]}}", of("w"));
    let egress = [grid(), cluster_policy("a", "Baseline", 1, &out_of("x", &rule))];
    check(&egress, "x/a -> w/a:53/UDP deny\nx/a -> w/a:53/TCP allow\nx/a -> 9.9.9.9:53/UDP allow");
}

#[test]
fn pods_of_namespaces_and_pods_of_all_namespaces() {
    let peer =
        |namespaces: &str| format!("{{pods: {{{namespaces}podSelector: {{matchLabels: {{pod: b}}}}}}}}");
    let manifests = |peer: &str| {
        let rule = format!("{{action: Deny, from: [{peer}]}}");
        [grid(), cluster_policy("a", "Admin", 1, &into("x", &rule))]
    };
    check(&manifests(&peer("")), "w/b -> x/a deny\nz/b -> x/a deny\nw/a -> x/a allow");
    let in_w = peer("namespaceSelector: {matchLabels: {ns: w}}, ");
    check(&manifests(&in_w), "w/b -> x/a deny\nz/b -> x/a allow");
}

#[test]
fn one_object_in_two_versions_is_one_policy() {
    let spec = into("x", &from("Deny", "w"));
    let both = [
        grid(),
        cluster_policy_in("v1alpha2", "a", "Admin", 1, &spec),
        cluster_policy_in("v1beta1", "a", "Admin", 1, &spec),
    ];
    check(&both, "w/a -> x/a deny");
    assert_eq!(World::new(&both).errors().len(), 0);
}

#[test]
fn domain_names_may_stand_for_any_address_outside_and_for_nothing_in_the_cluster() {
    let node = "---\n{apiVersion: v1, kind: Node, metadata: {name: node-1}, \
                status: {addresses: [{type: InternalIP, address: 10.9.0.1}]}}\n";
    let name = "{domainNames: ['*.example.com']}, {networks: [8.8.8.0/24, '2001:db8::/32']}";
    let accept = |port: &str| {
        let rules = format!(
            "{{action: Accept, to: [{name}]{port}}}, {}",
            to("Deny", "{networks: [0.0.0.0/0, '::/0']}")
        );
        [grid(), node.to_owned(), cluster_policy("a", "Admin", 1, &out_of("x", &rules))]
    };
    check(
        &accept(""),
        "x/a -> 9.9.9.9 unknown
         x/a -> 8.8.8.8 allow
         x/a -> 10.9.0.1 deny
         x/a -> w/a deny
         w/a -> 9.9.9.9 allow",
    );
    // On other ports nothing is left open.
    check(
        &accept(", protocols: [{tcp: {destinationPort: {number: 443}}}]"),
        "x/a -> 9.9.9.9:443 unknown
         x/a -> 9.9.9.9:80 deny
         x/a -> 8.8.8.8:443 allow",
    );
}

#[test]
fn nodes_that_are_not_known_leave_it_open() {
    let manifests = |peer: &str| [grid(), cluster_policy("a", "Admin", 1, &out_of("x", &to("Accept", peer)))];
    check(&manifests("{nodes: {}}"), "x/a -> 9.9.9.9 unknown");
}

/// A policy of v1alpha1.
fn alpha(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "---\n{{apiVersion: policy.networking.k8s.io/v1alpha1, kind: {kind}, metadata: {{name: {name}}}, \
         spec: {{{spec}}}}}\n"
    )
}

#[test]
fn policies_of_v1alpha1_in_the_shapes_of_all_its_releases() {
    let peers = [
        "{namespaces: {matchLabels: {ns: w}}}",
        "{namespaces: {namespaceSelector: {matchLabels: {ns: w}}}}",
        "{pods: {namespaceSelector: {matchLabels: {ns: w}}, podSelector: {}}}",
        "{pods: {namespaces: {namespaceSelector: {matchLabels: {ns: w}}}, podSelector: {}}}",
    ];
    for peer in peers {
        let spec = |ports: &str| {
            format!("priority: 1, subject: {}, ingress: [{{action: Deny, from: [{peer}]{ports}}}]", of("x"))
        };
        let check_admin = |ports: &str, lines: &str| {
            check(&[grid(), alpha("AdminNetworkPolicy", "a", &spec(ports))], lines);
        };
        check_admin("", "w/a -> x/a deny\nz/a -> x/a allow");
        check_admin(", ports: [{portNumber: {port: 80}}]", "w/a -> x/a:80 deny\nw/a -> x/a:80/UDP allow");
        check_admin(
            ", ports: [{portNumber: {protocol: UDP, port: 80}}, {portRange: {start: 90, end: 99}}]",
            "w/a -> x/a:80 allow\nw/a -> x/a:80/UDP deny\nw/a -> x/a:90-99 deny\nw/a -> x/a:100 allow",
        );
        check_admin(", ports: [{namedPort: dns}]", "w/a -> x/a:53/UDP deny\nw/a -> x/a:53/TCP allow");
    }
}

#[test]
fn the_baseline_of_v1alpha1_is_asked_last_and_is_one() {
    let spec = format!(
        "subject: {}, ingress: [{{action: Allow, from: [{}]}}, {{action: Deny, from: [{{namespaces: {{}}}}]}}]",
        of("x"),
        of("w")
    );
    let baseline = |name: &str| alpha("BaselineAdminNetworkPolicy", name, &spec);
    check(&[grid(), baseline("default")], "w/a -> x/a allow\nz/a -> x/a deny");
    check(&[grid(), baseline("default"), policy("x/p", ONLY_FROM_Z)], "w/a -> x/a deny\nz/a -> x/a allow");
    World::new(&[grid(), baseline("other")]).refused("metadata.name", "metadata.name=\"default\"");
}

/// A declared namespace with these labels and one pod, `a`.
fn tenant(name: &str, labels: &str) -> String {
    format!(
        "---\n{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}, labels: {labels}}}}}\n{}",
        pod(&format!("{name}/a"), "{}", "spec: {}")
    )
}

/// An AdminNetworkPolicy for all pods that denies ingress from these namespaces.
fn deny_all_from(namespaces: &str) -> String {
    let spec = |peer: &str| {
        format!("priority: 1, subject: {{namespaces: {{}}}}, ingress: [{{action: Deny, from: [{peer}]}}]")
    };
    alpha("AdminNetworkPolicy", "a", &spec(&format!("{{namespaces: {namespaces}}}")))
}

/// Two namespaces of one tenant, one of another, one of a third in another environment, one without any, and one whose
/// labels are not known.
fn tenants(policy: String) -> Vec<String> {
    vec![
        tenant("red", "{tenant: red, env: prod}"),
        tenant("red-too", "{tenant: red, env: prod}"),
        tenant("blue", "{tenant: blue, env: prod}"),
        tenant("blue-test", "{tenant: blue, env: test}"),
        tenant("none", "{env: prod}"),
        pod("unknown/a", "{}", "spec: {}"),
        pod("unknown/b", "{}", "spec: {}"),
        policy,
    ]
}

#[test]
fn namespaces_with_the_labels_of_the_subjects_own() {
    check(
        &tenants(deny_all_from("{sameLabels: [tenant]}")),
        "red-too/a -> red/a deny
         blue/a -> red/a allow
         blue/a -> blue-test/a deny
         none/a -> red/a allow
         red/a -> none/a allow
         none/a -> none/a allow
         unknown/a -> red/a unknown
         red/a -> unknown/a unknown
         none/a -> unknown/a allow
         unknown/a -> none/a allow
         unknown/a -> unknown/b unknown
         9.9.9.9 -> red/a allow",
    );
    check(
        &tenants(deny_all_from("{sameLabels: [tenant, env]}")),
        "red-too/a -> red/a deny
         blue/a -> blue-test/a allow
         blue/a -> red/a allow
         unknown/a -> blue/a unknown
         unknown/a -> unknown/b unknown",
    );
    // A namespace has its own name, and its pods are among those of its labels.
    check(
        &tenants(deny_all_from("{sameLabels: [kubernetes.io/metadata.name]}")),
        "unknown/a -> unknown/b deny
         red-too/a -> red/a allow
         unknown/a -> red/a allow",
    );
}

#[test]
fn namespaces_with_other_labels_than_the_subjects_own() {
    check(
        &tenants(deny_all_from("{notSameLabels: [tenant]}")),
        "red-too/a -> red/a allow
         blue/a -> red/a deny
         blue-test/a -> blue/a allow
         none/a -> red/a allow
         red/a -> none/a allow
         unknown/a -> red/a unknown
         unknown/a -> none/a allow
         unknown/a -> unknown/b allow",
    );
    check(
        &tenants(deny_all_from("{notSameLabels: [tenant, env]}")),
        "red-too/a -> red/a allow
         blue/a -> red/a deny
         blue-test/a -> blue/a deny
         none/a -> blue/a allow
         unknown/a -> unknown/b allow
         unknown/a -> blue/a unknown",
    );
    check(
        &tenants(deny_all_from("{notSameLabels: [kubernetes.io/metadata.name]}")),
        "unknown/a -> unknown/b allow
         unknown/a -> red/a deny
         red-too/a -> red/a deny",
    );
}

#[test]
fn no_namespace_has_the_labels_of_an_empty_list() {
    for relation in ["sameLabels", "notSameLabels"] {
        let policy = deny_all_from(&format!("{{{relation}: []}}"));
        check(&tenants(policy), "red-too/a -> red/a allow\nblue/a -> red/a allow\nunknown/a -> red/a allow");
    }
}

#[test]
fn labels_of_the_subject_in_a_peer_with_pods_and_beside_others() {
    let rules = |peers: &str| {
        let spec = format!(
            "priority: 1, subject: {}, egress: [{{action: Allow, to: [{peers}]}}, \
             {{action: Deny, to: [{{namespaces: {{}}}}, {{networks: [0.0.0.0/0]}}]}}]",
            "{pods: {namespaceSelector: {}, podSelector: {}}}"
        );
        [grid(), alpha("AdminNetworkPolicy", "a", &spec)]
    };
    let of_pods = |relation: &str| {
        format!("{{pods: {{namespaces: {{{relation}: [ns]}}, podSelector: {{matchLabels: {{pod: b}}}}}}}}")
    };
    check(
        &rules(&of_pods("sameLabels")),
        "x/a -> x/b allow
         x/b -> x/a deny
         x/a -> w/b deny",
    );
    check(
        &rules(&format!("{}, {{networks: [9.9.9.0/24]}}", of_pods("notSameLabels"))),
        "x/a -> x/b deny
         x/a -> w/b allow
         x/a -> w/a deny
         w/a -> x/b allow
         x/a -> 9.9.9.9 allow
         x/a -> 9.9.8.9 deny",
    );
}

#[test]
fn who_enforces_the_kind() {
    use podreach::profile::Profile;
    let manifests = [grid(), cluster_policy("a", "Admin", 1, &into("x", &from("Deny", "w")))];
    for profile in Profile::ALL {
        let verdict = match profile {
            Profile::Spec
            | Profile::KubeNetworkPolicies
            | Profile::Antrea
            | Profile::OvnKubernetes
            | Profile::Calico => "deny",
            _ => "allow",
        };
        World::new(&manifests).under(profile).check(&format!("w/a -> x/a {verdict}"));
    }
}
