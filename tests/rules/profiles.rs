//! I1 to I21: what the API leaves open, as each profile settles it.

use podreach::profile::Profile;

use super::check::{World, namespace, node, owned_pod, pod, policy, service, stored, workload};

/// Every profile under which policies have an effect.
pub(super) fn enforcing() -> impl Iterator<Item = Profile> {
    Profile::ALL.into_iter().filter(|profile| *profile != Profile::Flannel)
}

/// Holds a cluster to verdicts under these profiles, and to others under all other enforcing ones.
#[track_caller]
fn differ(manifests: &[String], profiles: &[Profile], there: &str, elsewhere: &str) {
    for profile in enforcing() {
        let lines = if profiles.contains(&profile) { there } else { elsewhere };
        World::new(manifests).under(profile).check(lines);
    }
}

/// Holds a cluster to verdicts under every enforcing profile. The pods have an owner, which one profile asks for.
#[track_caller]
fn agree(manifests: &[String], lines: &str) {
    differ(manifests, &[], "", lines);
}

/// Pods x/a on node n1, x/b and w/a on n2, with owners, a label `pod` of their own name, and addresses 10.0.1.1, 10.0.1.2
/// and 10.0.2.1; the nodes have 192.168.0.1 and 192.168.0.2.
fn pods() -> String {
    [
        namespace("x", "{ns: x}"),
        namespace("w", "{ns: w}"),
        owned_pod("x/a", "{pod: a}", "spec: {nodeName: n1}, status: {podIP: 10.0.1.1}"),
        owned_pod("x/b", "{pod: b}", "spec: {nodeName: n2}, status: {podIP: 10.0.1.2}"),
        owned_pod("w/a", "{pod: a}", "spec: {nodeName: n2}, status: {podIP: 10.0.2.1}"),
        node("n1", "192.168.0.1"),
        node("n2", "192.168.0.2"),
    ]
    .concat()
}

/// A hostNetwork pod of x on no known node.
fn host() -> String {
    owned_pod("x/host", "{pod: host}", "spec: {hostNetwork: true}, status: {podIP: 192.168.0.9}")
}

const CLOSED: &str = "{podSelector: {}, policyTypes: [Ingress, Egress]}";

#[test]
fn i1_no_profile_selects_host_network_pods() {
    agree(
        &[pods(), host(), policy("x/p", CLOSED)],
        "1.1.1.1 -> x/host allow
         x/host -> 1.1.1.1 allow
         1.1.1.1 -> x/a deny",
    );
}

#[test]
fn i2_host_network_pods_are_peers_by_address_and_never_by_labels() {
    let from = |peer: &str| policy("x/p", &format!("{{podSelector: {{}}, ingress: [{{from: [{peer}]}}]}}"));
    agree(
        &[pods(), host(), from("{podSelector: {}}")],
        "x/host -> x/a deny
         x/b -> x/a allow",
    );
    differ(
        &[pods(), host(), from("{ipBlock: {cidr: 192.168.0.9/32}}")],
        &[Profile::Cilium],
        "x/host -> x/a deny
         192.168.0.9 -> w/a allow",
        "x/host -> x/a allow
         x/b -> x/a deny",
    );
    // The label by which OVN-Kubernetes knows hosts takes them in where an element of `from` asks for nothing else.
    let labelled = |peer: &str, rest: &str| {
        let manifests = [pods(), host(), namespace("ocp", "{}"), pod("ocp/a", "{}", ""), from(peer)];
        let hosts = |verdict: &str| {
            format!(
                "x/host -> x/a {verdict}
                 192.168.0.2 -> x/a {verdict}
                 192.168.0.1 -> x/a allow
                 192.168.0.3 -> x/a deny
                 w/a -> x/a deny
                 {rest}"
            )
        };
        (manifests, hosts("allow"), hosts("deny"))
    };
    let key = "policy-group.network.openshift.io/host-network";
    for selector in [
        format!("{{matchLabels: {{{key}: ''}}}}"),
        format!("{{matchExpressions: [{{key: {key}, operator: Exists}}]}}"),
        format!("{{matchExpressions: [{{key: {key}, operator: In, values: ['']}}]}}"),
    ] {
        let (manifests, there, elsewhere) = labelled(&format!("{{namespaceSelector: {selector}}}"), "");
        differ(&manifests, &[Profile::OvnKubernetes], &there, &elsewhere);
    }
    for peer in [
        format!("{{namespaceSelector: {{matchLabels: {{{key}: 'true'}}}}}}"),
        format!("{{namespaceSelector: {{matchLabels: {{{key}: '', team: red}}}}}}"),
        format!(
            "{{namespaceSelector: {{matchExpressions: [{{key: {key}, operator: NotIn, values: ['']}}, {{key: {key}, operator: Exists}}]}}}}"
        ),
        format!("{{namespaceSelector: {{matchLabels: {{{key}: ''}}}}, podSelector: {{}}}}"),
    ] {
        let (manifests, _, denied) = labelled(&peer, "");
        agree(&manifests, &denied);
    }
    let (manifests, _, denied) = labelled("{namespaceSelector: {}}", "");
    agree(&manifests, &denied.replace("w/a -> x/a deny", "w/a -> x/a allow"));
    let to = format!(
        "{{podSelector: {{}}, policyTypes: [Egress], egress: [{{to: [{{namespaceSelector: {{matchLabels: {{{key}: ''}}}}}}]}}]}}"
    );
    agree(
        &[pods(), host(), policy("x/p", &to)],
        "x/a -> x/host deny
         x/a -> 192.168.0.2 deny",
    );
}

#[test]
fn i3_every_profile_lets_a_node_reach_its_own_pods() {
    agree(
        &[pods(), policy("x/p", CLOSED)],
        "192.168.0.1 -> x/a allow
         192.168.0.2 -> x/a deny
         192.168.0.2 -> x/b allow",
    );
}

#[test]
fn i4_no_profile_lets_a_pod_reach_its_own_node_by_itself() {
    agree(
        &[pods(), policy("x/p", CLOSED)],
        "x/a -> 192.168.0.1 deny
         w/a -> 192.168.0.2 allow",
    );
    let to_node =
        "{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 192.168.0.1/32}}]}]}";
    agree(
        &[pods(), policy("x/p", to_node)],
        "x/a -> 192.168.0.1 allow
         x/a -> 192.168.0.2 deny",
    );
}

#[test]
fn i5_blocks_match_pods_except_under_cilium() {
    let to = "{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}";
    differ(
        &[pods(), policy("x/p", to)],
        &[Profile::Cilium],
        "x/a -> w/a deny
         x/a -> 10.9.9.9 allow
         x/a -> 1.1.1.1 deny",
        "x/a -> w/a allow
         x/a -> 10.9.9.9 allow
         x/a -> 1.1.1.1 deny",
    );
    let from = "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}, {podSelector: {}}]}]}";
    differ(
        &[pods(), policy("x/p", from)],
        &[Profile::Cilium],
        "w/a -> x/a deny
         x/b -> x/a allow",
        "w/a -> x/a allow
         x/b -> x/a allow
         11.0.0.1 -> x/a deny",
    );
}

#[test]
fn i7_every_profile_supports_sctp() {
    let spec = "{podSelector: {}, ingress: [{ports: [{protocol: SCTP, port: 9899}]}]}";
    agree(
        &[pods(), policy("x/p", spec)],
        "w/a -> x/a:9899/SCTP allow
         w/a -> x/a:9898/SCTP deny
         w/a -> x/a:9899/TCP deny",
    );
}

#[test]
fn i8_every_profile_supports_end_port() {
    let spec = "{podSelector: {}, ingress: [{ports: [{port: 10, endPort: 20}]}]}";
    agree(
        &[pods(), policy("x/p", spec)],
        "w/a -> x/a:10-20 allow
         w/a -> x/a:21 deny",
    );
}

#[test]
fn i10_every_profile_lets_a_pod_reach_itself() {
    agree(
        &[pods(), policy("x/p", CLOSED)],
        "x/a -> x/a allow
         x/b -> x/a deny",
    );
}

#[test]
fn i11_every_profile_lets_a_pod_reach_itself_through_a_service() {
    let web = service("x/web", "{selector: {pod: a}, ports: [{port: 80}]}");
    agree(
        &[pods(), web, policy("x/p", CLOSED)],
        "x/a -> svc/x/web:80 allow
         x/b -> svc/x/web:80 deny",
    );
}

#[test]
fn i13_no_profile_finds_a_cluster_ip_in_a_block() {
    let web = service("w/web", "{clusterIP: 10.96.0.10, selector: {pod: a}, ports: [{port: 80}]}");
    let to = "{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.96.0.0/12}}]}]}";
    agree(
        &[pods(), web, policy("x/p", to)],
        "x/a -> svc/w/web:80 deny
         x/a -> 10.96.0.99 allow",
    );
}

#[test]
fn i14_a_name_with_two_numbers_is_both_except_in_egress_rules_of_cilium() {
    let twice = owned_pod(
        "w/twice",
        "{}",
        "spec: {containers: [{name: a, ports: [{name: web, containerPort: 80}]},
                             {name: b, ports: [{name: web, containerPort: 8080}, {name: log, containerPort: 90}]}]},
         status: {podIP: 10.0.2.9}",
    );
    let egress = "{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: web}, {port: log}]}]}";
    differ(
        &[pods(), twice.clone(), policy("x/p", egress)],
        &[Profile::Cilium],
        "x/a -> w/twice:80 deny
         x/a -> w/twice:8080 deny
         x/a -> w/twice:90 allow",
        // kube-router looks at the own namespace only: see I16.
        "x/a -> w/twice:81 deny",
    );
    for profile in enforcing().filter(|profile| !matches!(profile, Profile::Cilium | Profile::KubeRouter)) {
        World::new(&[pods(), twice.clone(), policy("x/p", egress)]).under(profile).check(
            "x/a -> w/twice:80 allow
             x/a -> w/twice:8080 allow
             x/a -> w/twice:90 allow",
        );
    }
    agree(
        &[pods(), twice, policy("w/p", "{podSelector: {}, ingress: [{ports: [{port: web}]}]}")],
        "x/a -> w/twice:80 allow
         x/a -> w/twice:8080 allow
         x/a -> w/twice:90 deny",
    );
}

#[test]
fn i15_whose_ports_have_names() {
    let server = owned_pod(
        "x/server",
        "{}",
        "spec: {containers: [{name: a, ports: [{name: web, containerPort: 80}]}],
                initContainers: [{name: b, restartPolicy: Always, ports: [{name: side, containerPort: 81}]},
                                 {name: c, ports: [{name: init, containerPort: 82}]}]},
         status: {podIP: 10.0.1.9}",
    );
    for profile in enforcing() {
        let (side, init) = match profile {
            Profile::Calico => ("allow", "allow"),
            Profile::KubeNetworkPolicies => ("deny", "deny"),
            _ => ("allow", "deny"),
        };
        let verdicts = format!(
            "x/a -> x/server:80 allow
             x/a -> x/server:81 {side}
             x/a -> x/server:82 {init}
             x/a -> x/server:83 deny"
        );
        let ports = "ports: [{port: web}, {port: side}, {port: init}]";
        for spec in [
            format!("{{podSelector: {{}}, ingress: [{{{ports}}}]}}"),
            format!("{{podSelector: {{}}, policyTypes: [Egress], egress: [{{{ports}}}]}}"),
        ] {
            World::new(&[pods(), server.clone(), policy("x/p", &spec)]).under(profile).check(&verdicts);
        }
    }
}

#[test]
fn i16_egress_names_reach_other_namespaces_except_under_kube_router() {
    let server = |path: &str, address: &str| {
        let spec = "spec: {containers: [{ports: [{name: web, containerPort: 80}]}]}";
        owned_pod(path, "{}", &format!("{spec}, status: {{podIP: {address}}}"))
    };
    let servers = [server("x/near", "10.0.1.9"), server("w/far", "10.0.2.9")].concat();
    let egress = |ports: &str| {
        policy("x/p", &format!("{{podSelector: {{}}, policyTypes: [Egress], egress: [{{ports: {ports}}}]}}"))
    };
    differ(
        &[pods(), servers.clone(), egress("[{port: web}]")],
        &[Profile::KubeRouter],
        "x/a -> x/near:80 allow
         x/a -> w/far:80 deny",
        "x/a -> x/near:80 allow
         x/a -> w/far:80 allow
         x/a -> w/far:81 deny",
    );
    agree(
        &[pods(), servers.clone(), egress("[{port: 80}]")],
        "x/a -> w/far:80 allow
         x/a -> w/far:81 deny",
    );
    // Ingress rules look at their own subject, wherever the client is.
    agree(
        &[pods(), servers, policy("w/p", "{podSelector: {}, ingress: [{ports: [{port: web}]}]}")],
        "x/a -> w/far:80 allow
         x/a -> w/far:81 deny",
    );
}

#[test]
fn i18_no_profile_knows_finished_pods() {
    let finished = owned_pod("x/done", "{pod: a}", "status: {phase: Succeeded, podIP: 10.0.1.9}");
    let spec = "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {pod: a}}}]}]}";
    agree(
        &[pods(), finished, policy("x/p", spec)],
        "10.0.1.9 -> x/b deny
         x/a -> x/b allow",
    );
}

#[test]
fn i19_pods_without_owner_are_subjects_except_under_the_aws_vpc_cni() {
    let bare = pod("x/bare", "{pod: bare}", "status: {podIP: 10.0.1.9}");
    let deployed = workload("Deployment", "x/web", "{app: web}", "replicas: 1");
    differ(
        &[pods(), bare.clone(), deployed, policy("x/p", CLOSED)],
        &[Profile::AwsVpcCni],
        "1.1.1.1 -> x/bare allow
         x/bare -> 1.1.1.1 allow
         x/bare -> x/a deny
         1.1.1.1 -> x/a deny
         1.1.1.1 -> x/web[0] deny",
        "1.1.1.1 -> x/bare deny
         x/bare -> 1.1.1.1 deny
         1.1.1.1 -> x/a deny
         1.1.1.1 -> x/web[0] deny",
    );
    // As peers they are pods like any other.
    let from_bare = "{podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchLabels: {pod: bare}}}]}]}";
    agree(
        &[pods(), bare, policy("x/p", from_bare)],
        "x/bare -> x/a allow
         x/b -> x/a deny",
    );
}

#[test]
fn i20_every_profile_masks_host_bits() {
    let spec = "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 203.0.113.77/24}}]}]}";
    agree(
        &[pods(), stored(&policy("x/p", spec))],
        "203.0.113.0 -> x/a allow
         203.0.113.255 -> x/a allow
         203.0.114.0 -> x/a deny",
    );
}

#[test]
fn i21_a_link_local_dns_cache_is_an_address_outside() {
    let egress = |to: &str| {
        let ports = "ports: [{port: 53, protocol: UDP}]";
        policy(
            "x/p",
            &format!("{{podSelector: {{}}, policyTypes: [Egress], egress: [{{to: [{to}], {ports}}}]}}"),
        )
    };
    agree(
        &[pods(), egress("{namespaceSelector: {}}")],
        "x/a -> 169.254.20.10:53/UDP deny
         x/a -> w/a:53/UDP allow",
    );
    agree(
        &[pods(), egress("{ipBlock: {cidr: 169.254.20.10/32}}")],
        "x/a -> 169.254.20.10:53/UDP allow
         x/a -> 169.254.20.10:53/TCP deny
         x/a -> w/a:53/UDP deny",
    );
}
