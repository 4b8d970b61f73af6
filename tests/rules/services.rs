//! R56 to R59: Services are not seen by policies; what stands behind them is.

use podreach::query::endpoint;

use super::check::{World, check, grid, pod, policy, service};
use super::profiles::enforcing;

/// A policy of x that admits this port from everybody.
fn admits(port: &str) -> String {
    policy("x/p", &format!("{{podSelector: {{}}, ingress: [{{ports: [{{port: {port}}}]}}]}}"))
}

/// A policy of x that lets out to this block only.
fn out_to(block: &str) -> String {
    policy(
        "x/p",
        &format!(
            "{{podSelector: {{}}, policyTypes: [Egress], egress: [{{to: [{{ipBlock: {{cidr: {block}}}}}]}}]}}"
        ),
    )
}

#[test]
fn r56_policies_see_the_target_port_and_the_pods() {
    let web = service("x/web", "{selector: {pod: a}, ports: [{port: 80, targetPort: 8080}]}");
    check(
        &[grid(), web.clone(), admits("8080")],
        "w/a -> svc/x/web:80 allow
         w/a -> x/a:80 deny",
    );
    check(
        &[grid(), web.clone(), admits("80")],
        "w/a -> svc/x/web:80 deny
         w/a -> x/a:80 allow",
    );
    // Labels are those of the pods, not those of the Service.
    let labelled = "---
apiVersion: v1
kind: Service
metadata: {namespace: w, name: web, labels: {pod: b}}
spec: {selector: {pod: a}, ports: [{port: 80}]}
";
    let to = |pod: &str| {
        let peer = format!("{{namespaceSelector: {{}}, podSelector: {{matchLabels: {{pod: {pod}}}}}}}");
        policy("x/p", &format!("{{podSelector: {{}}, policyTypes: [Egress], egress: [{{to: [{peer}]}}]}}"))
    };
    check(&[grid(), labelled.into(), to("a")], "x/c -> svc/w/web:80 allow");
    check(&[grid(), labelled.into(), to("b")], "x/c -> svc/w/web:80 deny");
}

#[test]
fn r57_a_service_is_its_endpoints_at_their_ports() {
    let named = |name: &str, port: u16, address: &str| {
        let fields = format!(
            "spec: {{containers: [{{ports: [{{name: http, containerPort: {port}}}]}}]}}, status: {{podIP: {address}}}"
        );
        pod(&format!("w/{name}"), "{app: web}", &fields)
    };
    let backends = [named("old", 8000, "10.0.2.8"), named("new", 9000, "10.0.2.9")].concat();
    let manifests = |service: String, ports: &str| {
        let rule = format!("{{podSelector: {{}}, policyTypes: [Egress], egress: [{{ports: {ports}}}]}}");
        [grid(), backends.clone(), service, policy("x/p", &rule)]
    };
    // A name is a number of its own on each pod.
    let by_name =
        || service("w/web", "{selector: {app: web}, ports: [{name: main, port: 80, targetPort: http}]}");
    check(
        &manifests(by_name(), "[{port: 8000}, {port: 9000}]"),
        "x/a -> svc/w/web:80 allow
         x/a -> w/old:80 deny",
    );
    check(&manifests(by_name(), "[{port: 80}]"), "x/a -> svc/w/web:80 deny");
    // Without targetPort it is the port itself; a port of a headless Service is not rewritten.
    let plain = || service("w/web", "{selector: {app: web}, ports: [{port: 80}]}");
    check(&manifests(plain(), "[{port: 80}]"), "x/a -> svc/w/web:80 allow");
    check(&manifests(plain(), "[{port: 8000}]"), "x/a -> svc/w/web:80 deny");
    let headless =
        || service("w/web", "{clusterIP: None, selector: {app: web}, ports: [{port: 80, targetPort: 8000}]}");
    check(&manifests(headless(), "[{port: 80}]"), "x/a -> svc/w/web:80 allow");
    check(&manifests(headless(), "[{port: 8000}]"), "x/a -> svc/w/web:80 deny");
    // Without selector, the Endpoints say who it is.
    let legacy = service("w/legacy", "{ports: [{name: db, port: 3306}]}");
    let slice = "---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: w, name: legacy-1, labels: {kubernetes.io/service-name: legacy}}
addressType: IPv4
endpoints: [{addresses: [203.0.113.7]}]
ports: [{name: db, port: 3307, protocol: TCP}]
";
    let rule = |port: u16| {
        policy(
            "x/p",
            &format!(
                "{{podSelector: {{}}, policyTypes: [Egress],
                   egress: [{{to: [{{ipBlock: {{cidr: 203.0.113.7/32}}}}], ports: [{{port: {port}}}]}}]}}"
            ),
        )
    };
    check(&[grid(), legacy.clone(), slice.into(), rule(3307)], "x/a -> svc/w/legacy:3306 allow");
    check(&[grid(), legacy, slice.into(), rule(3306)], "x/a -> svc/w/legacy:3306 deny");
    // A DNS name is not known here, and never passes as an answer.
    let external = service("w/ext", "{type: ExternalName, externalName: db.example.com}");
    let cluster = World::new(&[grid(), external]).build().cluster;
    let parse = |text| endpoint::parse(text, &cluster, "default", &podreach::cluster::Ranges::default());
    assert!(parse("svc/w/ext:80").is_err());
    assert!(parse("w/a:80").is_ok());
}

#[test]
fn r58_a_block_of_the_cluster_ip_does_not_open_the_service() {
    let web = service("w/web", "{clusterIP: 10.96.0.10, selector: {pod: a}, ports: [{port: 80}]}");
    for profile in enforcing() {
        let world = |block: &str| World::new(&[grid(), web.clone(), out_to(block)]).under(profile);
        world("10.96.0.10/32").check("x/a -> svc/w/web:80 deny");
    }
    check(&[grid(), web, out_to("10.0.2.1/32")], "x/a -> svc/w/web:80 allow");
    // Who comes through a NodePort or a load balancer has the address of a node, if that is what he comes with.
    let clients = "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/24}}]}]}";
    check(
        &[grid(), policy("x/p", clients)],
        "203.0.113.7 -> x/a allow
         192.168.0.1 -> x/a deny",
    );
}

#[test]
fn r59_a_pod_reaches_itself_through_its_service() {
    let web = service("x/web", "{selector: {pod: a}, ports: [{port: 80}]}");
    let closed = policy("x/p", "{podSelector: {}, policyTypes: [Ingress, Egress]}");
    for profile in enforcing() {
        World::new(&[grid(), web.clone(), closed.clone()]).under(profile).check("x/a -> svc/x/web:80 allow");
    }
    check(&[grid(), web, closed], "x/b -> svc/x/web:80 deny");
}
