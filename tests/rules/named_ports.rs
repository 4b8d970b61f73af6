//! R33 to R39: ports by name.

use super::check::{World, check, grid, namespace, pod, policy};

/// A pod with these `spec.containers` fields, `initContainers` perhaps among them.
fn serving(path: &str, address: &str, spec: &str) -> String {
    pod(path, "{}", &format!("spec: {{{spec}}}, status: {{podIP: {address}}}"))
}

fn ingress(port: &str) -> String {
    policy("x/p", &format!("{{podSelector: {{}}, ingress: [{{ports: [{port}]}}]}}"))
}

fn egress(rule: &str) -> String {
    policy("x/p", &format!("{{podSelector: {{}}, policyTypes: [Egress], egress: [{rule}]}}"))
}

fn spaces() -> String {
    [namespace("x", "{ns: x}"), namespace("w", "{ns: w}")].concat()
}

#[test]
fn r33_a_name_is_looked_up_on_each_destination() {
    let manifests = [
        spaces(),
        serving("x/eighty", "10.0.1.1", "containers: [{ports: [{name: web, containerPort: 80}]}]"),
        serving("x/high", "10.0.1.2", "containers: [{ports: [{name: web, containerPort: 8080}]}]"),
        // The source's own number says nothing.
        serving("w/client", "10.0.2.1", "containers: [{ports: [{name: web, containerPort: 9090}]}]"),
        ingress("{port: web}"),
    ];
    check(
        &manifests,
        "w/client -> x/eighty:80 allow
         w/client -> x/eighty:8080 deny
         w/client -> x/eighty:9090 deny
         w/client -> x/high:8080 allow
         w/client -> x/high:80 deny
         1.1.1.1 -> x/high:8080 allow
         1.1.1.1 -> x/high:9090 deny",
    );
}

#[test]
fn r34_all_containers_are_searched_and_all_numbers_count() {
    let spread = "containers: [{name: a, ports: [{name: log, containerPort: 70}]},
                               {name: b, ports: [{name: web, containerPort: 80}]},
                               {name: c, ports: [{name: web, containerPort: 8080}]}]";
    check(
        &[spaces(), serving("x/many", "10.0.1.1", spread), ingress("{port: web}")],
        "1.1.1.1 -> x/many:80 allow
         1.1.1.1 -> x/many:8080 allow
         1.1.1.1 -> x/many:81-8079 deny
         1.1.1.1 -> x/many:70 deny",
    );
    let twice =
        "containers: [{name: a, ports: [{name: web, containerPort: 80}, {name: web, containerPort: 81}]}]";
    let errors = World::new(&[spaces(), serving("x/twice", "10.0.1.1", twice)]).errors();
    assert!(
        errors.iter().any(|error| error.starts_with("spec.containers[0].ports[1].name: Duplicate value")),
        "{errors:?}"
    );
}

#[test]
fn r35_name_and_protocol_must_match() {
    let dns = "containers: [{ports: [{name: dns, containerPort: 53, protocol: UDP},
                                     {name: web, containerPort: 80}]}]";
    let manifests = |port: &str| [spaces(), serving("x/a", "10.0.1.1", dns), ingress(port)];
    check(
        &manifests("{port: dns}"),
        "1.1.1.1 -> x/a:53/TCP deny
         1.1.1.1 -> x/a:53/UDP deny
         x/a -> 1.1.1.1 allow",
    );
    check(
        &manifests("{port: dns, protocol: UDP}"),
        "1.1.1.1 -> x/a:53/UDP allow
         1.1.1.1 -> x/a:53/TCP deny",
    );
    check(
        &manifests("{port: web, protocol: UDP}"),
        "1.1.1.1 -> x/a deny
         x/a -> x/a allow",
    );
    // A name that stands for another number in each protocol.
    let both = "containers: [{name: a, ports: [{name: dns, containerPort: 53, protocol: UDP}]},
                             {name: b, ports: [{name: dns, containerPort: 5353}]}]";
    check(
        &[spaces(), serving("x/a", "10.0.1.1", both), ingress("{port: dns}")],
        "1.1.1.1 -> x/a:5353/TCP allow
         1.1.1.1 -> x/a:53/TCP deny
         1.1.1.1 -> x/a:5353/UDP deny
         1.1.1.1 -> x/a:53/UDP deny",
    );
}

/// A pod whose main container declares `web`, and an init container with this `restartPolicy` declares `side`.
fn with_init_container(restart_policy: &str) -> String {
    let spec = format!(
        "containers: [{{name: a, ports: [{{name: web, containerPort: 80}}]}}],
         initContainers: [{{name: b, {restart_policy} ports: [{{name: side, containerPort: 9000}}]}}]"
    );
    serving("x/a", "10.0.1.1", &spec)
}

#[test]
fn r36_ports_of_sidecars_have_names() {
    check(
        &[spaces(), with_init_container("restartPolicy: Always,"), ingress("{port: side}")],
        "1.1.1.1 -> x/a:9000 allow
         1.1.1.1 -> x/a:80 deny",
    );
}

#[test]
fn r37_ports_of_plain_init_containers_have_none() {
    for restart_policy in ["", "restartPolicy: null,"] {
        check(
            &[spaces(), with_init_container(restart_policy), ingress("{port: side}")],
            "1.1.1.1 -> x/a:9000 deny
             x/a -> 1.1.1.1 allow",
        );
        check(
            &[spaces(), with_init_container(restart_policy), ingress("{port: web}")],
            "1.1.1.1 -> x/a:80 allow
             1.1.1.1 -> x/a:9000 deny",
        );
    }
}

#[test]
fn r38_a_name_that_nobody_declares_matches_nothing_and_isolates_all_the_same() {
    check(
        &[grid(), ingress("{port: nowhere}")],
        "w/a -> x/a deny
         x/a -> w/a allow",
    );
    check(
        &[grid(), ingress("{port: nowhere}, {port: web}")],
        "w/a -> x/a:80 allow
         w/a -> x/a:1-79 deny
         w/a -> x/a:1-65535/UDP deny",
    );
}

#[test]
fn r39_egress_names_are_looked_up_on_pods_of_every_namespace_and_never_outside_or_on_nodes() {
    let manifests = |rule: &str| {
        [
            spaces(),
            serving("x/client", "10.0.1.1", "containers: [{ports: [{name: web, containerPort: 9090}]}]"),
            serving("x/near", "10.0.1.2", "containers: [{ports: [{name: web, containerPort: 80}]}]"),
            serving("w/far", "10.0.2.1", "containers: [{ports: [{name: web, containerPort: 8080}]}]"),
            serving("w/silent", "10.0.2.2", "containers: []"),
            serving(
                "w/host",
                "192.168.0.1",
                "hostNetwork: true, containers: [{ports: [{name: web, containerPort: 7070}]}]",
            ),
            egress(rule),
        ]
    };
    check(
        &manifests("{ports: [{port: web}]}"),
        "x/client -> x/near:80 allow
         x/client -> x/near:9090 deny
         x/client -> w/far:8080 allow
         x/client -> w/far:80 deny
         x/client -> w/far:9090 deny
         x/client -> w/silent deny
         x/client -> w/host deny
         x/client -> 1.1.1.1 deny",
    );
    // Nor where a block holds the address of its node.
    check(
        &manifests("{to: [{ipBlock: {cidr: 192.168.0.0/24}}], ports: [{port: web}, {port: 80}]}"),
        "x/client -> w/host:7070 deny
         x/client -> w/host:80 allow",
    );
    check(
        &manifests("{to: [{namespaceSelector: {}}], ports: [{port: web}]}"),
        "x/client -> w/far:8080 allow
         x/client -> w/far:8081 deny
         x/client -> w/host deny",
    );
    // However the pod matched: through a block too.
    check(
        &manifests("{to: [{ipBlock: {cidr: 10.0.2.0/24}}], ports: [{port: web}]}"),
        "x/client -> w/far:8080 allow
         x/client -> w/far:80 deny
         x/client -> x/near deny
         x/client -> 10.0.2.99 deny",
    );
}
