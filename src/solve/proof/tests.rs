use std::sync::Arc;

use super::*;
use crate::label::SelectorId;
use crate::net::{ByDirection, Protocol};
use crate::policy::{Action, Peer, Peers, Place, PodMatch, Ports, Rule, Tier, Written};
use crate::profile::ProfileSet;
use crate::query::can::Verdict;
use crate::query::fixture::cluster;

const CLUSTER: &str = "
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {addresses: [{type: InternalIP, address: 192.0.2.1}]}
---
apiVersion: v1
kind: Node
metadata: {name: n2}
status: {addresses: [{type: InternalIP, address: 192.0.2.2}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: a}
---
apiVersion: v1
kind: Pod
metadata: {name: server, namespace: a, labels: {app: server}}
spec:
  nodeName: n1
  containers: [{ports: [{name: web, containerPort: 80}]}, {ports: [{name: web, containerPort: 81}]}]
status: {podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::1'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: a, labels: {app: client}}
spec: {nodeName: n1}
status: {podIPs: [{ip: 10.0.0.2}]}
---
apiVersion: v1
kind: Pod
metadata: {name: six, namespace: a, labels: {app: six}}
status: {podIPs: [{ip: 'fd00::6'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: lost, namespace: a, labels: {app: lost}}
---
apiVersion: v1
kind: Pod
metadata: {name: host-1, namespace: a, labels: {app: client}}
spec: {hostNetwork: true, nodeName: n1}
status: {podIPs: [{ip: 192.0.2.1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: host-2, namespace: a, labels: {app: client}}
spec: {hostNetwork: true, nodeName: n2}
status: {podIPs: [{ip: 192.0.2.2}]}
---
apiVersion: v1
kind: Pod
metadata: {name: stranger, namespace: b, labels: {app: client}}
status: {podIPs: [{ip: 10.0.0.9}]}
";

fn end(cluster: &Cluster, text: &str) -> End {
    if let Ok(address) = text.parse() {
        return End::Address(address);
    }
    let pod = cluster.pods.ids().find(|id| cluster.pods[*id].name_of(0) == text);
    End::Pod(pod.unwrap(), 0)
}

fn verdict(cluster: &Cluster, profile: Profile, from: &str, to: &str, port: u16) -> Verdict {
    let prover = Prover::new(cluster, profile);
    let bounds = prover.prove(end(cluster, from), end(cluster, to)).connectivity();
    assert!(bounds.must.difference(&bounds.may).is_empty());
    Verdict::of(&bounds, &PortSet::from_range(Protocol::Tcp, port, port))
}

fn check(policies: &str, expected: &[(Profile, &str, &str, u16, Verdict)]) {
    let cluster = cluster(&format!("{CLUSTER}{policies}"));
    for &(profile, from, to, port, wanted) in expected {
        let found = verdict(&cluster, profile, from, to, port);
        assert_eq!(found, wanted, "{profile:?}: {from} -> {to}:{port}");
    }
}

use Profile::{AwsVpcCni, Calico, Cilium, Flannel, KubeRouter, Spec};
use Verdict::{Allow, Deny, Unknown};

#[test]
fn who_is_beyond_policies() {
    check(
        "---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: a}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
",
        &[
            (Spec, "client", "server", 80, Deny),
            (Spec, "server", "server", 80, Allow),
            (Spec, "host-1", "server", 80, Allow),
            (Spec, "192.0.2.1", "server", 80, Allow),
            (Spec, "host-2", "server", 80, Deny),
            (Spec, "192.0.2.2", "server", 80, Deny),
            (Spec, "server", "host-1", 80, Deny),
            (Spec, "host-1", "host-2", 80, Allow),
            (Spec, "stranger", "host-1", 80, Allow),
            (AwsVpcCni, "client", "server", 80, Allow),
            (Flannel, "client", "server", 80, Allow),
            (Flannel, "client", "six", 80, Deny),
        ],
    );
}

#[test]
fn blocks_and_families() {
    check(
            "---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: blocks, namespace: a}
spec:
  podSelector: {matchLabels: {app: server}}
  ingress:
  - from: [{ipBlock: {cidr: 10.0.0.0/9}}, {ipBlock: {cidr: 10.128.0.0/9, except: [10.200.0.0/16]}}]
    ports: [{port: 80}]
  - from: [{ipBlock: {cidr: 0.0.0.0/0}}]
    ports: [{port: 81}]
  - from: [{ipBlock: {cidr: 172.16.0.0/12}}, {ipBlock: {cidr: 192.168.0.0/16}}, {ipBlock: {cidr: 100.64.0.0/10}}, {ipBlock: {cidr: 10.0.0.0/8}}]
    ports: [{port: 82}]
",
            &[
                (Spec, "client", "server", 80, Allow),
                (Spec, "10.200.1.1", "server", 80, Deny),
                (Spec, "10.201.1.1", "server", 80, Allow),
                (Spec, "lost", "server", 80, Unknown),
                (Spec, "lost", "server", 81, Allow),
                (Spec, "lost", "server", 82, Allow),
                (Spec, "six", "server", 81, Deny),
                (Spec, "host-2", "server", 81, Allow),
                (Cilium, "client", "server", 80, Deny),
                (Cilium, "10.201.1.1", "server", 80, Allow),
                (Cilium, "host-2", "server", 81, Deny),
                (Spec, "client", "six", 80, Deny),
            ],
        );
}

#[test]
fn named_ports() {
    check(
        "---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: egress, namespace: a}
spec: {podSelector: {matchLabels: {app: client}}, policyTypes: [Egress], egress: [{ports: [{port: web}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: egress, namespace: b}
spec: {podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: web}]}]}
",
        &[
            (Spec, "client", "server", 80, Allow),
            (Spec, "client", "server", 81, Allow),
            (Spec, "client", "server", 82, Deny),
            (Spec, "client", "192.0.2.7", 80, Deny),
            (Calico, "stranger", "server", 80, Allow),
            (KubeRouter, "stranger", "server", 80, Deny),
            (KubeRouter, "client", "server", 80, Allow),
            (Cilium, "client", "server", 80, Deny),
        ],
    );
}

#[test]
fn a_kind_that_is_not_evaluated_makes_both_sides_unknown() {
    check(
        "---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: cilium, namespace: a}
spec: {endpointSelector: {matchLabels: {app: server}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: a}
spec: {podSelector: {}}
",
        &[
            (Spec, "stranger", "server", 80, Unknown),
            (Spec, "server", "stranger", 80, Unknown),
            (Spec, "stranger", "client", 80, Deny),
            (Spec, "host-1", "server", 80, Allow),
        ],
    );
}

/// A policy of another tier, for all pods, with one rule for everybody on some ports.
fn tiered(
    cluster: &Cluster,
    (tier, priority): (Tier, u32),
    action: Action,
    ports: (u16, u16),
    everything: SelectorId,
) -> Policy {
    let subject = PodMatch {
        namespaces: NamespaceMatch::Labels(everything),
        pods: everything,
        perhaps: false,
        hosts: false,
    };
    let (first, last) = ports;
    let ports = Ports::Of(vec![crate::policy::PortMatch::Range { protocol: Protocol::Tcp, first, last }]);
    let peers = Peers::Of(vec![Peer::Pods(subject)]);
    let written = Written {
        rule: "spec.ingress[0]".into(),
        peers: vec![Place::new("from", 0)],
        ports: vec![Place::new("protocols", 0)],
    };
    let rule = Rule { action, peers, ports, conditions: Vec::new(), index: 0, written };
    Policy {
        name: cluster.policies.as_slice()[0].name.clone(),
        origin: cluster.policies.as_slice()[0].origin.clone(),
        enforced_by: ProfileSet::ALL,
        is_left_out: false,
        tier,
        priority,
        subject: Subject::Pods(subject),
        isolates: ByDirection::default(),
        idle: ByDirection::default(),
        rules: ByDirection { ingress: vec![rule], egress: Vec::new() },
    }
}

#[test]
fn tiers_are_asked_in_order() {
    let mut shared = cluster(&format!(
        "{CLUSTER}---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: some, namespace: a}}
spec: {{podSelector: {{matchLabels: {{app: server}}}}, ingress: [{{ports: [{{port: 80, endPort: 89}}]}}]}}
"
    ));
    let cluster = Arc::make_mut(&mut shared);
    let everything = cluster.labels.selectors.intern_owned(crate::label::Selector::default());
    for (place, action, ports) in [
        ((Tier::Admin, 1), Action::Pass, (80, 80)),
        ((Tier::Admin, 2), Action::Deny, (80, 81)),
        ((Tier::Admin, 3), Action::Accept, (81, 91)),
        ((Tier::Baseline, 0), Action::Deny, (70, 99)),
    ] {
        let policy = tiered(cluster, place, action, ports, everything);
        cluster.policies.push(policy);
    }
    let mut policies: Vec<Policy> = cluster.policies.iter().cloned().collect();
    policies.sort_by_key(|policy| (policy.tier, policy.priority));
    cluster.policies = policies.into();
    for (to, port, wanted) in [
        ("server", 80, Allow),
        ("server", 81, Deny),
        ("server", 85, Allow),
        ("server", 90, Allow),
        ("server", 92, Deny),
        ("client", 80, Deny),
        ("client", 81, Deny),
        ("client", 90, Allow),
        ("client", 92, Deny),
        ("client", 60, Allow),
    ] {
        assert_eq!(verdict(&shared, Spec, "stranger", to, port), wanted, "{to}:{port}");
    }
}
