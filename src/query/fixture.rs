//! Clusters for tests, from manifests.

use std::sync::Arc;

use crate::cluster::{Cluster, Options, Ranges, build};
use crate::diagnostic::{Diagnostic, Severity};
use crate::load::{Input, Loaded, load};

/// The cluster that manifests without errors describe.
pub(crate) fn cluster(yaml: &str) -> Arc<Cluster> {
    cluster_in(yaml, &Ranges::default())
}

/// The same where addresses lie in these ranges.
pub(crate) fn cluster_in(yaml: &str, ranges: &Ranges) -> Arc<Cluster> {
    let input = Input::Text { name: "test.yaml".into(), bytes: yaml.into() };
    let Loaded { manifests, diagnostics, .. } = load(&[input], crate::load::Options::default());
    let built = build(&manifests, &Options { ranges: ranges.clone(), ..Options::default() });
    let is_error = |finding: &&Diagnostic| finding.severity() == Severity::Error;
    let errors: Vec<_> = diagnostics.iter().chain(&built.diagnostics).filter(is_error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    built.cluster
}

/// The three-tier application: everything denied, and a few policies that forget the egress side and DNS.
pub(crate) const THREE_TIER: &str = r"
apiVersion: v1
kind: Namespace
metadata: {name: multi-tier}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: frontend, namespace: multi-tier}
spec:
  replicas: 2
  selector: {matchLabels: {tier: frontend}}
  template:
    metadata: {labels: {tier: frontend, pod-template-hash: abc}}
    spec: {containers: [{ports: [{name: http, containerPort: 80}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api-server, namespace: multi-tier}
spec:
  replicas: 2
  selector: {matchLabels: {tier: api}}
  template: {metadata: {labels: {tier: api}}, spec: {containers: [{ports: [{name: http, containerPort: 8000}, {name: admin, containerPort: 9000}]}]}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: database, namespace: multi-tier}
spec: {replicas: 1, selector: {matchLabels: {tier: database}}, template: {metadata: {labels: {tier: database}}, spec: {containers: []}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: coredns, namespace: kube-system}
spec: {replicas: 2, selector: {matchLabels: {k8s-app: kube-dns}}, template: {metadata: {labels: {k8s-app: kube-dns}}, spec: {containers: []}}}
---
apiVersion: v1
kind: Service
metadata: {name: frontend, namespace: multi-tier}
spec: {clusterIP: 10.96.0.7, selector: {tier: frontend}, ports: [{name: web, port: 8080, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: database, namespace: multi-tier}
spec: {clusterIP: None, selector: {tier: database}, ports: [{port: 5432}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: default-deny, namespace: multi-tier}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: frontend-to-api, namespace: multi-tier}
spec:
  podSelector: {matchLabels: {tier: api}}
  ingress: [{from: [{podSelector: {matchLabels: {tier: frontend}}}], ports: [{port: 8000}]}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: api-to-database, namespace: multi-tier}
spec:
  podSelector: {matchLabels: {tier: database}}
  ingress: [{from: [{podSelector: {matchLabels: {tier: api}}}], ports: [{port: 5432}]}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: frontend-ingress, namespace: multi-tier}
spec:
  podSelector: {matchLabels: {tier: frontend}}
  ingress: [{from: [{namespaceSelector: {}}], ports: [{port: 80}]}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: allow-dns-egress, namespace: multi-tier}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress:
  - to: [{namespaceSelector: {matchLabels: {name: kube-system}}}]
    ports: [{port: 53, protocol: UDP}]
  - to: [{namespaceSelector: {}}]
    ports: [{port: 443}]
";
