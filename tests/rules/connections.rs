//! R60 to R67: what is judged, by what, and what is outside the API.

use podreach::profile::Profile;

use super::check::{World, accepted, check, check_spec, grid, namespace, object, pod, policy, refused};
use super::profiles::enforcing;

#[test]
fn r60_replies_need_no_rule() {
    let server = "{podSelector: {matchLabels: {pod: a}}, policyTypes: [Ingress, Egress],
        ingress: [{from: [{namespaceSelector: {matchLabels: {ns: w}}}], ports: [{port: 80}]}]}";
    check(
        &[
            grid(),
            policy("x/server", server),
            policy(
                "w/client",
                "{podSelector: {}, policyTypes: [Ingress, Egress], egress: [{to: [{namespaceSelector: {}}]}]}",
            ),
        ],
        "w/b -> x/a:80 allow
         w/b -> x/a:81 deny
         x/a -> w/b deny",
    );
}

#[test]
fn r62_verdicts_are_about_tcp_udp_and_sctp() {
    let ports = |ports: &str| format!("{{podSelector: {{}}, ingress: [{{ports: {ports}}}]}}");
    for protocol in ["ICMP", "tcp", "''"] {
        refused(
            &ports(&format!("[{{protocol: {protocol}}}]")),
            "spec.ingress[0].ports[0].protocol",
            "Unsupported value",
        );
    }
    // For these three, no port list and all of their ports are the same.
    let listed = "[{port: 1, endPort: 65535}, {protocol: UDP}, {protocol: SCTP}]";
    for ports in [ports("[]"), ports(listed)] {
        accepted(&ports);
        check_spec(&ports, "w/a -> x/a allow");
    }
    check_spec(
        &ports("[{port: 1, endPort: 65535}, {protocol: UDP}]"),
        "w/a -> x/a:1-65535/SCTP deny
         w/a -> x/a:1-65535/UDP allow",
    );
}

#[test]
fn r63_sctp_is_not_tcp_and_isolates_like_it() {
    for profile in enforcing() {
        let spec = "{podSelector: {}, ingress: [{ports: [{protocol: SCTP, port: 80}]}]}";
        World::new(&[grid(), policy("x/p", spec)]).under(profile).check(
            "w/a -> x/a:80/SCTP allow
             w/a -> x/a:80/TCP deny
             w/a -> x/a:80/UDP deny
             w/a -> x/a:81/SCTP deny",
        );
        let spec = "{podSelector: {}, ingress: [{ports: [{port: 80}]}]}";
        World::new(&[grid(), policy("x/p", spec)]).under(profile).check(
            "w/a -> x/a:80/TCP allow
             w/a -> x/a:80/SCTP deny",
        );
    }
}

#[test]
fn r64_without_an_engine_policies_have_no_effect() {
    let closed = policy("x/p", "{podSelector: {}, policyTypes: [Ingress, Egress]}");
    let manifests = [grid(), closed];
    World::new(&manifests).under(Profile::Flannel).check(
        "w/a -> x/a allow
         1.1.1.1 -> x/a allow
         x/a -> 1.1.1.1 allow",
    );
    for profile in enforcing() {
        World::new(&manifests).under(profile).check("1.1.1.1 -> x/b deny\nw/a -> w/b allow");
    }
    // A status from some old cluster acknowledges nothing and does no harm.
    let old = object(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        "x/p",
        "spec: {podSelector: {}}, status: {conditions: [{type: Accepted, status: 'False'}]}",
    );
    check(
        &[grid(), old],
        "w/a -> x/a deny
         x/a -> w/a allow",
    );
}

#[test]
fn r65_what_cannot_be_said_is_refused_rather_than_dropped() {
    let rule = |rule: &str| format!("{{podSelector: {{}}, ingress: [{rule}]}}");
    for (spec, path) in [
        (rule("{action: Deny}"), "spec.ingress[0].action"),
        (rule("{from: [{nodeSelector: {}}]}"), "spec.ingress[0].from[0].nodeSelector"),
        (rule("{from: [{services: [web]}]}"), "spec.ingress[0].from[0].services"),
        (rule("{ports: [{port: 80, path: /healthz}]}"), "spec.ingress[0].ports[0].path"),
        ("{podSelector: {}, log: true}".to_string(), "spec.log"),
        ("{podSelector: {}, ingres: [{}]}".to_string(), "spec.ingres"),
    ] {
        refused(&spec, path, "unknown field");
    }
    accepted(&rule("{from: [{podSelector: {}}], ports: [{port: 80}]}"));
}

#[test]
fn r66_tiers_around_network_policies() {
    let tier = |kind: &str| {
        let priority = if kind == "AdminNetworkPolicy" { "priority: 5, " } else { "" };
        object(
            "policy.networking.k8s.io/v1alpha1",
            kind,
            "default",
            &format!(
                "spec: {{{priority}subject: {{namespaces: {{matchLabels: {{ns: x}}}}}},
                    ingress: [{{action: Deny, from: [{{namespaces: {{}}}}]}}]}}"
            ),
        )
    };
    let host = pod("x/host", "{}", "spec: {hostNetwork: true}, status: {podIP: 192.168.0.1}");
    let open = policy("x/p", "{podSelector: {}, ingress: [{}]}");
    for (kind, isolated) in [("AdminNetworkPolicy", "deny"), ("BaselineAdminNetworkPolicy", "allow")] {
        let manifests = [grid(), host.clone(), tier(kind)];
        World::new(&manifests).check(
            "w/a -> x/a deny
             x/a -> w/a allow
             1.1.1.1 -> x/a allow
             w/a -> z/a allow
             x/a -> x/a allow
             w/a -> x/host allow",
        );
        let mut both = manifests.to_vec();
        both.push(open.clone());
        World::new(&both).check(&format!("w/a -> x/a {isolated}\n1.1.1.1 -> x/a allow"));
    }
}

#[test]
fn r67_only_addresses_of_the_cluster_network_count() {
    let multi_homed = "---
apiVersion: v1
kind: Pod
metadata:
  namespace: w
  name: multi
  annotations:
    k8s.v1.cni.cncf.io/networks: storage
    k8s.v1.cni.cncf.io/network-status: '[{\"name\": \"storage\", \"interface\": \"net1\", \"ips\": [\"172.16.5.5\"]}]'
status: {podIP: 10.0.2.9, podIPs: [{ip: 10.0.2.9}]}
";
    let from = |address: &str| {
        let spec =
            format!("{{podSelector: {{}}, ingress: [{{from: [{{ipBlock: {{cidr: {address}/32}}}}]}}]}}");
        [
            namespace("x", "{}"),
            pod("x/a", "{}", "status: {podIP: 10.0.1.1}"),
            multi_homed.into(),
            policy("x/p", &spec),
        ]
    };
    check(
        &from("172.16.5.5"),
        "w/multi -> x/a deny
         172.16.5.5 -> x/a allow",
    );
    check(
        &from("10.0.2.9"),
        "w/multi -> x/a allow
         172.16.5.5 -> x/a deny",
    );
}
