//! Services as ends: which pods stand behind them, and whom their clients are taken for.

use super::Session;

const SHOP: &str = "
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, image: x}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: shop}
spec:
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api, part: back}}
    spec: {containers: [{name: c, image: x, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: exporter, namespace: shop}
spec:
  selector: {matchLabels: {app: exporter}}
  template:
    metadata: {labels: {app: exporter, part: back}}
    spec: {containers: [{name: c, image: x, ports: [{name: metrics, containerPort: 9102}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: api, namespace: shop}
spec: {podSelector: {matchLabels: {app: api}}}
---
apiVersion: v1
kind: Service
metadata: {name: back, namespace: shop}
spec:
  selector: {part: back}
  ports: [{name: http, port: 80, targetPort: http}, {name: metrics, port: 90, targetPort: metrics}]
---
apiVersion: v1
kind: Service
metadata: {name: release, namespace: shop}
spec: {selector: {part: back, pod-template-hash: 6d4cf56db6}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: front, namespace: shop}
spec: {type: LoadBalancer, selector: {app: exporter}, ports: [{port: 80, targetPort: 9102}]}
";

fn session(tests: &str) -> Session {
    let head = "apiVersion: podreach/v1\nkind: ReachabilityTest\nresources: [shop.yaml]\ntests:\n";
    Session::new(&[("shop.yaml", SHOP), ("t.yaml", &format!("{head}{tests}"))])
}

#[test]
fn pods_that_a_service_only_perhaps_selects_decide_nothing() {
    let session = session("- {from: shop/web, to: svc/shop/release, ports: [80], expect: deny}\n");
    let (status, stdout, _) = session.run("can -f shop.yaml shop/web svc/shop/release:80");
    assert_eq!((status, stdout.starts_with("unknown: ")), (3, true), "{stdout}");
    assert_eq!(session.run("test t.yaml").0, 1, "that it is denied is not known");
}

#[test]
fn each_port_of_a_service_has_its_own_pods() {
    for (ports, expect, status) in
        [("[80]", "deny", 0), ("[90]", "allow", 0), ("[80, 90]", "deny", 1), ("[80, 90]", "allow", 1)]
    {
        let test = format!("- {{from: shop/web, to: svc/shop/back, ports: {ports}, expect: {expect}}}\n");
        let (is, stdout, stderr) = session(&test).run("test t.yaml");
        assert_eq!(is, status, "{test}{stdout}{stderr}");
    }
}

#[test]
fn i12_clients_of_a_load_balancer_are_taken_for_nodes() {
    let session = session("- {from: internet, to: svc/shop/front, ports: [80], expect: allow}\n");
    let note = "Service shop/front has `externalTrafficPolicy: Cluster`";
    for line in ["can -f shop.yaml internet svc/shop/front:80", "test t.yaml -o json"] {
        let (status, stdout, stderr) = session.run(line);
        assert_eq!((status, stdout.contains(note)), (0, true), "{line}: {stdout}{stderr}");
    }
}

#[test]
fn what_matches_nothing_is_told() {
    let policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: deny, namespace: shpo}\n\
                  spec: {podSelector: {}}\n";
    let session = Session::new(&[("shop.yaml", SHOP), ("deny.yaml", policy)]);
    let note = "NetworkPolicy shpo/deny selects no pod: nothing else of the input is in namespace `shpo`";
    for line in [
        "matrix -f shop.yaml -f deny.yaml",
        "matrix -f shop.yaml -f deny.yaml -o json",
        "what-if -f shop.yaml --apply deny.yaml",
        "diff --before shop.yaml --after shop.yaml deny.yaml",
    ] {
        let (status, stdout, stderr) = session.run(line);
        assert_eq!((status, stdout.contains(note)), (0, true), "{line}: {stdout}{stderr}");
    }
    let (_, stdout, _) = session.run("diff --before shop.yaml deny.yaml --after shop.yaml deny.yaml");
    assert!(!stdout.contains(note), "it is no news: {stdout}");
}

#[test]
fn many_that_match_nothing_are_counted() {
    let policy = |number: usize| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
             metadata: {{name: deny-{number:02}, namespace: shpo}}\nspec: {{podSelector: {{}}}}\n"
        )
    };
    let session = |count: usize| {
        let policies: Vec<String> = (0..count).map(policy).collect();
        let session = Session::new(&[("shop.yaml", SHOP), ("deny.yaml", &policies.join("---\n"))]);
        session.run("matrix -f shop.yaml -f deny.yaml").1
    };
    // One more than are told takes no more room than saying that there is one.
    let (few, many) = (session(25), session(40));
    assert_eq!(
        (few.matches("selects no pod").count(), few.contains("without a match")),
        (25, false),
        "{few}"
    );
    assert_eq!(many.matches("selects no pod").count(), 24, "{many}");
    assert!(many.contains("16 more policies, rules or ports without a match in the input"), "{many}");
}

#[test]
fn an_address_that_a_node_shares_with_a_service_is_both_by_port() {
    let shared = "
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}
---
apiVersion: v1
kind: Service
metadata: {name: closed, namespace: shop}
spec: {type: LoadBalancer, selector: {app: api}, ports: [{port: 80, targetPort: http}]}
status: {loadBalancer: {ingress: [{ip: 192.168.0.1}]}}
";
    let head = "apiVersion: podreach/v1\nkind: ReachabilityTest\nresources: [shop.yaml, node.yaml]\ntests:\n";
    let result = |ports: &str, expected: &str| {
        let test =
            format!("{head}- {{from: shop/web, to: 192.168.0.1, ports: [{ports}], expect: {expected}}}\n");
        Session::new(&[("shop.yaml", SHOP), ("node.yaml", shared), ("t.yaml", &test)]).run("test t.yaml").0
    };
    for (ports, expected, status) in [
        ("80", "deny", 0),
        ("22", "allow", 0),
        ("80, 22", "deny", 1),
        ("80, 22", "allow", 1),
        ("22, 80", "deny", 1),
        ("22, 80", "allow", 1),
        ("22, 23", "allow", 0),
    ] {
        assert_eq!(result(ports, expected), status, "{ports} {expected}");
    }
}
