//! Policies of kinds that are not evaluated: what they might select is unknown, and nothing else is.

use podreach::profile::Profile;

use super::check::{World, check, namespace, node, object, owned_pod, pod, policy};

/// A pod `web` in each of the namespaces a and b.
fn webs() -> String {
    let pod =
        |path: &str, address: &str| owned_pod(path, "{app: web}", &format!("status: {{podIP: {address}}}"));
    [namespace("a", "{}"), namespace("b", "{}"), pod("a/web", "10.0.0.1"), pod("b/web", "10.0.0.2")].concat()
}

/// Nodes n1 and n2 with a label `pool`, a hostNetwork pod on each and one on none that is known, and a pod on n1.
fn hosts() -> String {
    let labelled = |name: &str, address: &str| {
        node(name, address).replace("metadata: {", &format!("metadata: {{labels: {{pool: {name}}}, "))
    };
    let host = |path: &str, node: &str, address: &str| {
        pod(path, "{}", &format!("spec: {{hostNetwork: true, {node}}}, status: {{hostIP: {address}}}"))
    };
    [
        labelled("n1", "192.168.0.1"),
        labelled("n2", "192.168.0.2"),
        host("h/one", "nodeName: n1", "192.168.0.1"),
        host("h/other", "nodeName: n1", "192.168.0.1"),
        host("h/two", "nodeName: n2", "192.168.0.2"),
        host("h/none", "", "192.168.0.3"),
        pod("a/web", "{app: web}", "spec: {nodeName: n1}, status: {podIP: 10.0.0.1}"),
    ]
    .concat()
}

fn global(spec: &str) -> String {
    object("projectcalico.org/v3", "GlobalNetworkPolicy", "global", &format!("spec: {spec}"))
}

fn host_endpoint(spec: &str) -> String {
    object("projectcalico.org/v3", "HostEndpoint", "eth0", &format!("spec: {{interfaceName: eth0, {spec}}}"))
}

/// Everything to and from every hostNetwork pod is allowed.
const OPEN: &str = "h/one -> h/two allow
    a/web -> h/one allow
    h/none -> a/web allow
    9.9.9.9 -> h/two allow
    h/two -> 9.9.9.9 allow";

#[test]
fn a_mesh_can_only_take_away() {
    let deny = policy("a/deny", "{podSelector: {}, ingress: [{ports: [{port: 80}]}]}");
    for (api_version, kind, spec) in [
        ("security.istio.io/v1", "AuthorizationPolicy", "{action: ALLOW, rules: [{}]}"),
        ("policy.linkerd.io/v1beta3", "Server", "{podSelector: {matchLabels: {app: web}}, port: 80}"),
        ("policy.linkerd.io/v1alpha1", "AuthorizationPolicy", "{targetRef: {kind: Namespace, name: a}}"),
    ] {
        check(
            &[webs(), deny.clone(), object(api_version, kind, "a/mesh", &format!("spec: {spec}"))],
            "b/web -> a/web:80 unknown
             b/web -> a/web:81 deny
             9.9.9.9 -> a/web:1-65535/UDP deny
             a/web -> 9.9.9.9 unknown
             9.9.9.9 -> b/web allow",
        );
    }
    // Any other kind might open what is closed.
    check(
        &[webs(), deny, object("cilium.io/v2", "CiliumNetworkPolicy", "a/c", "spec: {endpointSelector: {}}")],
        "b/web -> a/web:80 unknown
         b/web -> a/web:81 unknown",
    );
}

#[test]
fn istio_policies_of_the_root_namespace_hold_everywhere() {
    let authorization = |namespace: &str| {
        object("security.istio.io/v1", "AuthorizationPolicy", &format!("{namespace}/p"), "spec: {}")
    };
    let mesh = |name: &str, data: &str| object("v1", "ConfigMap", name, &format!("data: {{{data}}}"));
    let both = "9.9.9.9 -> a/web unknown
                9.9.9.9 -> b/web unknown";
    let own = "9.9.9.9 -> a/web unknown
               9.9.9.9 -> b/web allow";
    let none = "9.9.9.9 -> a/web allow
                9.9.9.9 -> b/web allow";
    let config = "mesh: \"accessLogFile: /dev/stdout\\nrootNamespace: mesh-config\\n\"";
    check(&[webs(), authorization("istio-system")], both);
    check(&[webs(), authorization("mesh-config")], none);
    check(&[webs(), authorization("a")], own);
    for name in ["istio-system/istio", "istio-system/istio-canary"] {
        check(&[webs(), mesh(name, config), authorization("mesh-config")], both);
        check(&[webs(), mesh(name, config), authorization("istio-system")], none);
        check(&[webs(), mesh(name, config), authorization("a")], own);
        // What cannot be read may say anything.
        check(&[webs(), mesh(name, "mesh: \"rootNamespace: [\""), authorization("a")], both);
        check(&[webs(), mesh(name, "mesh: \"rootNamespace: {}\""), authorization("a")], both);
    }
    for other in [
        mesh("istio-system/istio", "mesh: \"rootNamespace: \""),
        mesh("istio-system/istio", "mesh: \"trustDomain: rootNamespace\""),
        mesh("istio-system/istio", "values: \"rootNamespace: mesh-config\""),
        mesh("istio-system/other", config),
    ] {
        check(&[webs(), other.clone(), authorization("istio-system")], both);
        check(&[webs(), other, authorization("mesh-config")], none);
    }
}

#[test]
fn antrea_rules_have_subjects_of_their_own_where_the_policy_has_none() {
    let antrea = |spec: &str| {
        object(
            "crd.antrea.io/v1beta1",
            "ClusterNetworkPolicy",
            "p",
            &format!("spec: {{priority: 5, {spec}}}"),
        )
    };
    let a = "podSelector: {matchLabels: {app: web}}, namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: a}}";
    let only_a = "9.9.9.9 -> a/web unknown
                  9.9.9.9 -> b/web allow";
    for spec in [
        format!("appliedTo: [{{{a}}}]"),
        format!("appliedTo: [], ingress: [{{action: Drop, appliedTo: [{{{a}}}]}}]"),
        format!("appliedTo: null, egress: [{{action: Drop, appliedTo: [{{{a}}}]}}]"),
        format!("egress: [{{action: Drop, appliedTo: [{{{a}}}]}}]"),
        format!("appliedTo: [{{{a}}}], ingress: [{{action: Drop, appliedTo: []}}]"),
    ] {
        check(&[webs(), antrea(&spec)], only_a);
    }
    for spec in [
        "appliedTo: []",
        "ingress: [{action: Drop}]",
        "ingress: [{action: Drop, appliedTo: [{podSelector: {matchLabels: {app: db}}}]}, {action: Drop, appliedTo: []}]",
        "ingress: [{action: Drop, appliedTo: [{podSelector: {}}]}]",
    ] {
        check(
            &[webs(), antrea(spec)],
            "9.9.9.9 -> a/web unknown
             b/web -> 9.9.9.9 unknown",
        );
    }
}

#[test]
fn a_policy_that_selects_nodes_makes_their_host_network_pods_unknown() {
    let cilium = |spec: &str| {
        object("cilium.io/v2", "CiliumClusterwideNetworkPolicy", "hosts", &format!("spec: {{{spec}}}"))
    };
    let antrea = |labels: &str| {
        object(
            "crd.antrea.io/v1beta1",
            "ClusterNetworkPolicy",
            "hosts",
            &format!("spec: {{appliedTo: [{{nodeSelector: {{matchLabels: {labels}}}}}]}}"),
        )
    };
    // What n1 has to say is unknown, and so is what a pod says of which nobody knows where it runs.
    let of_n1 = "h/one -> h/two unknown
         h/two -> h/one unknown
         h/one -> h/other unknown
         h/one -> h/one allow
         h/one -> a/web unknown
         a/web -> h/one unknown
         9.9.9.9 -> h/one unknown
         h/one -> 9.9.9.9 unknown
         h/none -> 9.9.9.9 unknown
         9.9.9.9 -> h/none unknown
         h/two -> a/web allow
         a/web -> h/two allow
         9.9.9.9 -> h/two allow
         9.9.9.9 -> a/web allow
         a/web -> 9.9.9.9 allow";
    for by_label in [cilium("nodeSelector: {matchLabels: {pool: n1}}, ingress: [{}]"), antrea("{pool: n1}")] {
        check(&[hosts(), by_label], of_n1);
    }
    // No other policy comes between a node and its own pods.
    check(
        &[
            hosts(),
            cilium("nodeSelector: {matchLabels: {pool: n1}}"),
            policy("a/deny", "{podSelector: {}, policyTypes: [Ingress, Egress]}"),
        ],
        "h/one -> a/web unknown
         h/two -> a/web deny
         a/web -> h/one deny",
    );
    let all = "h/one -> h/two unknown
         h/two -> 9.9.9.9 unknown
         9.9.9.9 -> h/none unknown
         9.9.9.9 -> a/web allow";
    for spec in [
        "nodeSelector: {}",
        // Labels that Cilium does not keep, or that are not simply the node's.
        "nodeSelector: {matchLabels: {kubernetes.io/hostname: n1}}",
        "nodeSelector: {matchLabels: {'reserved:host': ''}}",
    ] {
        check(&[hosts(), cilium(spec)], all);
    }
    check(
        &[hosts(), cilium("nodeSelector: {matchLabels: {pool: n3}}")],
        &OPEN.replace("h/none -> a/web allow", ""),
    );
    let cnp = object("cilium.io/v2", "CiliumNetworkPolicy", "a/p", "spec: {nodeSelector: {}}");
    check(&[hosts(), cnp], OPEN);
    for profile in [Profile::Calico, Profile::Flannel] {
        World::new(&[hosts(), cilium("nodeSelector: {}")]).under(profile).check(OPEN);
    }
    World::new(&[hosts(), cilium("nodeSelector: {}")]).under(Profile::Cilium).check(all);
}

#[test]
fn calico_policies_reach_hosts_through_host_endpoints() {
    let of_n1 = "h/one -> h/two unknown
         9.9.9.9 -> h/one unknown
         h/none -> 9.9.9.9 unknown
         h/one -> a/web unknown
         h/two -> 9.9.9.9 allow
         9.9.9.9 -> h/two allow";
    let allows_all = "node: n1, profiles: [projectcalico-default-allow]";
    // Without a profile a host endpoint denies what no policy allows.
    for spec in ["node: n1", "node: n1, profiles: [kns.default]", "node: n1, profiles: []"] {
        check(&[hosts(), host_endpoint(spec)], of_n1);
    }
    check(&[hosts(), host_endpoint(allows_all)], OPEN);
    // With one, policies decide, if there are any.
    let some = global("{selector: 'role == \"db\"'}");
    check(&[hosts(), host_endpoint(allows_all), some.clone()], of_n1);
    check(&[hosts(), some], OPEN_BUT_PODS);
    check(
        &[hosts(), host_endpoint("node: n9")],
        "h/none -> 9.9.9.9 unknown
         h/one -> 9.9.9.9 allow",
    );
    World::new(&[hosts(), host_endpoint("node: n1")]).under(Profile::Cilium).check(OPEN);
}

/// The same where pods are unknown.
const OPEN_BUT_PODS: &str = "h/one -> h/two allow
    a/web -> h/one unknown
    9.9.9.9 -> h/two allow
    h/two -> 9.9.9.9 allow";
