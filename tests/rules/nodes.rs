//! R49 to R55: a pod and itself, nodes, pods on the network of their node, and the life of pods.

use super::check::{World, check, check_selection, grid, node, pod, policy, workload};

const CLOSED: &str = "{podSelector: {}, policyTypes: [Ingress, Egress]}";

#[test]
fn r49_a_pod_reaches_itself_and_not_its_replica() {
    check(
        &[
            grid(),
            workload("Deployment", "x/web", "{app: web}", "replicas: 2"),
            workload("StatefulSet", "x/db", "{app: db}", "replicas: 2"),
            policy("x/p", CLOSED),
        ],
        "x/a -> x/a allow
         x/b -> x/a deny
         x/web[0] -> x/web[0] allow
         x/web[0] -> x/web[1] deny
         x/web[1] -> x/web[0] deny
         x/db-1 -> x/db-1 allow
         x/db-0 -> x/db-1 deny",
    );
}

/// Nodes n1 and n2, a pod of x on each and one on none, a hostNetwork pod of x on each and one on none, and these
/// policies.
fn two_nodes(policies: &[&str]) -> Vec<String> {
    let on = |name: &str, node: &str, spec: &str, address: &str| {
        let fields = format!("spec: {{{node} {spec}}}, status: {{podIP: {address}}}");
        pod(&format!("x/{name}"), &format!("{{app: {name}}}"), &fields)
    };
    let mut manifests = vec![
        node("n1", "192.168.0.1"),
        node("n2", "192.168.0.2"),
        on("a1", "nodeName: n1,", "", "10.0.1.1"),
        on("a2", "nodeName: n2,", "", "10.0.1.2"),
        on("a0", "", "", "10.0.1.3"),
        on("host1", "nodeName: n1,", "hostNetwork: true", "192.168.0.1"),
        on("host2", "nodeName: n2,", "hostNetwork: true", "192.168.0.2"),
        on("host0", "", "hostNetwork: true", "192.168.0.3"),
        pod("w/a", "{}", "status: {podIP: 10.0.2.1}"),
    ];
    manifests.extend(policies.iter().map(|spec| policy(&format!("x/p{}", spec.len()), spec)));
    manifests
}

#[test]
fn r50_a_node_reaches_its_own_pods_and_only_in() {
    check(
        &two_nodes(&[CLOSED]),
        "x/host1 -> x/a1 allow
         x/host2 -> x/a1 deny
         x/host0 -> x/a1 deny
         x/host1 -> x/a0 deny
         x/host0 -> x/a0 deny
         x/a1 -> x/host1 deny
         x/a1 -> x/a1 allow",
    );
    // The address of the node, without a hostNetwork pod that has it.
    let plain = [
        node("n1", "192.168.0.1"),
        node("n2", "192.168.0.2"),
        pod("x/a1", "{}", "spec: {nodeName: n1}, status: {podIP: 10.0.1.1}"),
        pod("x/a0", "{}", "status: {podIP: 10.0.1.3}"),
        policy("x/p", CLOSED),
    ];
    check(
        &plain,
        "192.168.0.1 -> x/a1 allow
         192.168.0.2 -> x/a1 deny
         192.168.0.1 -> x/a0 deny
         x/a1 -> 192.168.0.1 deny
         x/a1 -> 192.168.0.2 deny",
    );
}

#[test]
fn r51_policies_do_not_select_host_network_pods() {
    check(
        &two_nodes(&[CLOSED]),
        "1.1.1.1 -> x/host1 allow
         x/host1 -> 1.1.1.1 allow
         w/a -> x/host1 allow
         x/host1 -> x/host2 allow
         1.1.1.1 -> x/a1 deny
         x/a1 -> 1.1.1.1 deny",
    );
    check_selection(
        &two_nodes(&[]),
        "x/host1 app=host1 no
         x/a1 app=a1 yes",
    );
}

#[test]
fn r52_host_network_pods_are_peers_by_the_address_of_their_node() {
    let ingress = |from: &str| format!("{{podSelector: {{}}, ingress: [{{from: {from}}}]}}");
    for selector in
        ["{podSelector: {}}", "{namespaceSelector: {}}", "{podSelector: {matchLabels: {app: host2}}}"]
    {
        check(
            &two_nodes(&[&ingress(&format!("[{selector}, {{podSelector: {{matchLabels: {{app: a2}}}}}}]"))]),
            "x/host2 -> x/a1 deny
             x/a2 -> x/a1 allow
             x/host1 -> x/a1 allow",
        );
    }
    check(
        &two_nodes(&[&ingress("[{ipBlock: {cidr: 192.168.0.2/32}}]")]),
        "x/host2 -> x/a1 allow
         x/host0 -> x/a1 deny
         x/a2 -> x/a1 deny",
    );
    check(
        &two_nodes(&["{podSelector: {}, ingress: [{ports: [{port: 80}]}]}"]),
        "x/host2 -> x/a1:80 allow
         x/host2 -> x/a1:81 deny
         x/host1 -> x/a1:81 allow",
    );
    check(
        &two_nodes(&["{podSelector: {}, policyTypes: [Egress], egress: [{to: [{podSelector: {}}]}]}"]),
        "x/a1 -> x/host1 deny
         x/a1 -> x/host2 deny
         x/a1 -> x/a2 allow",
    );
}

#[test]
fn r53_finished_pods_have_no_network() {
    for phase in ["Succeeded", "Failed"] {
        let finished = pod(
            "x/done",
            "{role: client}",
            &format!(
                "spec: {{containers: [{{ports: [{{name: web, containerPort: 9}}]}}]}}, status: {{phase: {phase}, podIP: 10.0.1.9}}"
            ),
        );
        let policy = policy(
            "x/p",
            "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {role: client}}}]}]}",
        );
        let client = pod("x/client", "{role: client}", "status: {podIP: 10.0.1.8}");
        // The address is nobody's now, ...
        let world = World::new(&[grid(), finished.clone(), client.clone(), policy.clone()]);
        world.check(
            "10.0.1.9 -> x/a deny
             x/client -> x/a allow",
        );
        let pods = ["w/a", "w/b", "w/c", "x/a", "x/b", "x/c", "x/client", "z/a", "z/b", "z/c"];
        world.has_pods(&pods);
        // ... or another pod's.
        let heir = pod("x/heir", "{role: server}", "status: {phase: Running, podIP: 10.0.1.9}");
        check(
            &[grid(), finished, client, policy, heir],
            "x/heir -> x/a deny
             x/client -> x/heir allow
             x/a -> x/heir deny",
        );
    }
}

#[test]
fn r54_terminating_pods_count_in_full() {
    let leaving = "---
apiVersion: v1
kind: Pod
metadata: {namespace: x, name: leaving, labels: {role: client}, deletionTimestamp: '2026-01-01T00:00:00Z'}
spec: {containers: [{ports: [{name: web, containerPort: 80}]}]}
status: {phase: Running, podIP: 10.0.1.9}
";
    let spec = "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {role: client}}}], ports: [{port: web}]}]}";
    let world = World::new(&[grid(), leaving.into(), policy("x/p", spec)]);
    world.check(
        "x/leaving -> x/a:80 allow
         x/b -> x/a:80 deny
         x/b -> x/leaving:80 deny
         x/leaving -> x/leaving allow",
    );
    assert!(world.codes().contains(&"lifecycle"), "somebody should be told");
}

#[test]
fn r55_a_pod_without_address_is_isolated_already() {
    let spec = "{podSelector: {matchLabels: {app: new}}, ingress: [{from: [{podSelector: {}}]}]}";
    for status in ["", "status: {phase: Pending}"] {
        check(
            &[grid(), pod("x/new", "{app: new}", status), policy("x/p", spec)],
            "x/a -> x/new allow
             w/a -> x/new deny
             1.1.1.1 -> x/new deny
             x/new -> x/a allow",
        );
    }
}
