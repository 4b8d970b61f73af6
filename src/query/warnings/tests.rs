use std::sync::Arc;

use super::*;
use crate::cluster::{Cluster, build};
use crate::compile::compile;
use crate::diff::between;
use crate::load::{Input, load};
use crate::profile::Profile;
use crate::query::fixture::{THREE_TIER, cluster};
use crate::render::style::Palette;
use crate::render::warnings::Told;
use crate::solve::solve;
use crate::what_if::{Change, Objects};

/// The warnings about changes of a cluster, as text.
fn after(yaml: &str, changes: &[Change]) -> Vec<String> {
    let input = Input::Text { name: "test.yaml".into(), bytes: yaml.into() };
    let manifests = load(&[input], crate::load::Options::default()).manifests;
    let mut objects = Objects::new(manifests, crate::cluster::Options::default());
    objects.edit(changes.iter().flat_map(|change| &change.edits)).unwrap();
    said(&cluster(yaml), &build(objects.manifests(), objects.options()).cluster)
}

fn said(old: &Arc<Cluster>, new: &Arc<Cluster>) -> Vec<String> {
    let (old, new) = (compile(old, Profile::Spec), compile(new, Profile::Spec));
    let (before, after) = (solve(&old), solve(&new));
    let found = warnings(&before, &after, &between(&before, &after));
    Told { after: &new.cluster }.text(&found, Palette::default())
}

fn applied(yaml: &str) -> Change {
    let input = Input::Text { name: "change.yaml".into(), bytes: yaml.into() };
    let loaded = load(&[input], crate::load::Options::default());
    Change::apply(loaded.manifests, &loaded.sources).0.remove(0)
}

const DECLARED: &str = "---
apiVersion: v1
kind: Namespace
metadata: {name: kube-system, labels: {name: kube-system}}
";

#[test]
fn a_service_leads_elsewhere() {
    let yaml = |target: &str, named: u16| {
        format!(
            "{THREE_TIER}
---
apiVersion: v1
kind: Pod
metadata: {{name: web, namespace: a, labels: {{app: web}}}}
spec: {{containers: [{{name: c, image: x, ports: [{{name: http, containerPort: {named}}}]}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: client, namespace: a, labels: {{app: client}}}}
spec: {{containers: [{{name: c, image: x}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: web, namespace: a}}
spec: {{selector: {{app: web}}, ports: [{{port: 80, targetPort: {target}}}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: web, namespace: a}}
spec: {{podSelector: {{matchLabels: {{app: web}}}}, ingress: [{{from: [{{podSelector: {{}}}}], ports: [{{port: 8080}}]}}]}}
"
        )
    };
    let said_of = |before: &str, after: &str| said(&cluster(before), &cluster(after));
    let said =
        |before: (&str, u16), after: (&str, u16)| said_of(&yaml(before.0, before.1), &yaml(after.0, after.1));
    let warning = "Service a/web leads to 9090/TCP now, and cannot be reached any more from a/client";
    assert_eq!(said(("8080", 8080), ("9090", 8080)), [warning]);
    assert_eq!(said(("http", 8080), ("http", 9090)), [warning]);
    let nowhere = "Service a/web leads to no port now, and cannot be reached any more from a/client";
    assert_eq!(said(("http", 8080), ("https", 8080)), [nowhere]);
    let green = |port: u16| {
        yaml("http", port).replace("name: web, namespace: a, labels", "name: green, namespace: a, labels")
    };
    let replaced = "Service a/web leads to new pods only now, and cannot be reached any more from a/client";
    assert_eq!(said_of(&yaml("http", 8080), &green(9090)), [replaced]);
    assert_eq!(said_of(&yaml("http", 8080), &green(8080)), [""; 0]);
    assert_eq!(said_of(&yaml("http", 9090), &green(9091)), [""; 0], "nobody could reach it before either");
    // Nobody could reach it there before either.
    assert_eq!(said(("9090", 8080), ("9091", 8080)), [""; 0]);
    assert_eq!(said(("9090", 8080), ("8080", 8080)), [""; 0]);
}

#[test]
fn dns_is_cut_off() {
    let yaml = format!("{THREE_TIER}{DECLARED}");
    let delete = Change::delete("netpol/multi-tier/allow-dns-egress", "default").unwrap();
    assert_eq!(
        after(&yaml, std::slice::from_ref(&delete)),
        [
            "DNS is cut off for multi-tier/api-server, multi-tier/database, multi-tier/frontend",
            "  for example multi-tier/api-server[0] -> kube-system/coredns[0] on 53/UDP was allowed",
        ]
    );
    // While the namespace may lack the label, nobody knows whether there was any DNS.
    assert_eq!(after(THREE_TIER, &[delete]), [""; 0]);
    let label = Change::label("ns/kube-system", "name-", "default").unwrap();
    assert!(after(&yaml, &[label])[0].starts_with("DNS is cut off for multi-tier/api-server, "));
    let other_way = applied(
        "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: allow-dns-egress, namespace: multi-tier}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress: [{to: [{ipBlock: {cidr: 169.254.20.10/32}}], ports: [{port: 53, protocol: UDP}]}]
",
    );
    assert_eq!(after(&yaml, &[other_way]), [""; 0], "there is the cache on the node");
    let gone = Change::delete("deploy/kube-system/coredns", "default").unwrap();
    assert_eq!(after(&yaml, &[gone]), ["no DNS server is left in the cluster"]);
}

#[test]
fn services_are_out_of_reach() {
    let yaml = format!(
        "{THREE_TIER}---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: api-egress, namespace: multi-tier}}
spec:
  podSelector: {{matchLabels: {{tier: api}}}}
  policyTypes: [Egress]
  egress: [{{to: [{{podSelector: {{matchLabels: {{tier: database}}}}}}], ports: [{{port: 5432}}]}}]
"
    );
    let delete = Change::delete("netpol/multi-tier/api-egress", "default").unwrap();
    assert_eq!(
        after(&yaml, &[delete]),
        [
            "Service multi-tier/database cannot be reached any more from multi-tier/api-server",
            "  for example multi-tier/api-server[0] -> multi-tier/database-0 on 5432/TCP was allowed",
        ]
    );
    let delete = Change::delete("netpol/frontend-ingress", "multi-tier").unwrap();
    assert_eq!(
        after(&yaml, &[delete])[0],
        "Service multi-tier/frontend cannot be reached any more from kube-system/coredns"
    );
    let scale = Change::scale("deploy/multi-tier/frontend=0", "default").unwrap();
    assert_eq!(after(&yaml, &[scale]), ["Service multi-tier/frontend has no pods behind it any more"]);
}

/// Three tiers with an Ingress in front; `{}` is where a controller goes.
const INGRESS: &str = "---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: site, namespace: multi-tier}
spec:
  rules:
  - http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: frontend, port: {name: web}}}}
      - {path: /db, pathType: Prefix, backend: {service: {name: database, port: {number: 5432}}}}
";

const CONTROLLER: &str = "---
apiVersion: apps/v1
kind: Deployment
metadata: {name: controller, namespace: ingress-nginx}
spec:
  selector: {matchLabels: {app.kubernetes.io/component: controller}}
  template:
    metadata: {labels: {app.kubernetes.io/name: ingress-nginx, app.kubernetes.io/component: controller}}
    spec: {containers: [{name: controller}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: admission, namespace: multi-tier}
spec:
  template:
    metadata: {labels: {app.kubernetes.io/name: ingress-nginx, app.kubernetes.io/component: admission-webhook}}
    spec: {containers: [{name: hook}]}
";

#[test]
fn what_serves_an_ingress_is_cut_off() {
    let yaml = format!("{THREE_TIER}{INGRESS}{CONTROLLER}");
    let delete = Change::delete("netpol/multi-tier/frontend-ingress", "default").unwrap();
    assert_eq!(
        after(&yaml, std::slice::from_ref(&delete))[2..],
        [
            "Ingress multi-tier/site has no way to a backend any more: ingress-nginx/controller cannot reach Service \
             multi-tier/frontend",
            "  for example ingress-nginx/controller[0] -> multi-tier/frontend[0] on 80/TCP was allowed",
        ]
    );
    let gone = Change::delete("deploy/ingress-nginx/controller", "default").unwrap();
    assert_eq!(
        after(&yaml, &[gone]),
        ["no ingress controller is left in the cluster, and there are Ingresses"]
    );
    // The Job with the labels of a controller is none: it cannot reach the frontend, and could not.
    let other_way = applied(
        "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: frontend-ingress, namespace: multi-tier}
spec:
  podSelector: {matchLabels: {tier: frontend}}
  ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ingress-nginx}}}]}]
",
    );
    let said = after(&yaml, &[other_way]);
    assert!(said.iter().all(|line| !line.starts_with("Ingress")), "{said:?}");
}

#[test]
fn an_ingress_whose_controller_is_elsewhere() {
    let yaml = format!("{THREE_TIER}{INGRESS}");
    let delete = Change::delete("netpol/multi-tier/frontend-ingress", "default").unwrap();
    assert_eq!(
        after(&yaml, &[delete])[2..],
        [
            "Ingress multi-tier/site has no way to a backend any more: Service multi-tier/frontend cannot be reached from \
             outside the namespace, and the input holds no ingress controller",
            "  for example kube-system/coredns[0] -> multi-tier/frontend[0] on 80/TCP was allowed",
        ]
    );
    // Whoever the controller is, it may be what a rule lets in.
    let rule = |rule: &str| {
        let policy = format!(
            "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: frontend-ingress, namespace: multi-tier}}
spec: {{podSelector: {{matchLabels: {{tier: frontend}}}}, ingress: [{rule}]}}
"
        );
        after(&yaml, &[applied(&policy)]).iter().any(|line| line.starts_with("Ingress"))
    };
    assert!(!rule("{from: [{namespaceSelector: {matchLabels: {role: gate}}}]}"));
    assert!(!rule("{from: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 80}]}"));
    assert!(!rule("{ports: [{port: http}]}"), "whatever number that is");
    assert!(rule("{ports: [{port: 81}]}"));
    assert!(rule("{ports: [{port: 80, protocol: UDP}]}"));
    assert!(rule("{from: [{podSelector: {}}]}"), "its own namespace");
}

#[test]
fn pods_are_open_that_were_isolated() {
    let delete = ["default-deny", "api-to-database", "allow-dns-egress"]
        .map(|name| Change::delete(&format!("netpol/multi-tier/{name}"), "default").unwrap());
    assert_eq!(
        after(THREE_TIER, &delete),
        [
            "ingress of multi-tier/database is open now: NetworkPolicies multi-tier/api-to-database, \
             multi-tier/default-deny no longer isolate it",
            "  for example kube-system/coredns[0] -> multi-tier/database-0 is allowed now",
            "egress of multi-tier/api-server, multi-tier/database, multi-tier/frontend is open now: NetworkPolicies \
             multi-tier/allow-dns-egress, multi-tier/default-deny no longer isolate it",
            "  for example multi-tier/api-server[0] -> multi-tier/database-0 is allowed now",
        ]
    );
    // What another policy isolates stays isolated.
    assert_eq!(after(THREE_TIER, &delete[1..2]), [""; 0]);
}
