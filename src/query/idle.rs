//! Objects that policies ask for and the input does not have: pods to select, peers of a rule, ports of a name.
//!
//! Found by looking at what was compiled, once. All of it may be meant: the input may be a part of the cluster only.

use crate::compile::{PeersId, Program};
use crate::index::IndexVec;
use crate::net::{Direction, Protocol};
use crate::policy::{PolicyId, PortMatch, Ports, Tier};

/// A policy, or a part of one, that means nothing for the input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Idle {
    /// The policy.
    pub policy: PolicyId,
    /// The field, as Kubernetes writes paths.
    pub path: String,
    /// The reason why it means nothing.
    pub why: Why,
}

/// The reason why a policy, or a part of one, means nothing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Why {
    /// The CNI profile does not enforce its kind.
    NotEnforced,
    /// No pod is its subject.
    NoPod,
    /// The same, and nothing else is known of its namespace.
    NoNamespace,
    /// No pod and no address is a peer of the rule.
    NoPeer,
    /// No pod that the rule is about declares a port of this name.
    NoPort(Box<str>, Protocol),
}

/// All such policies and parts of policies, in the order of the policies. Of a policy that selects nothing the rules are
/// not looked at. Of an input without pods nothing is said.
pub fn idle(program: &Program) -> Vec<Idle> {
    let cluster = &program.cluster;
    if cluster.pods.is_empty() {
        return Vec::new();
    }
    let matched = matched(program);
    let mut found = Vec::new();
    for (id, policy) in cluster.policies.enumerate() {
        if !policy.tier.is_evaluated() || policy.is_withdrawn() {
            continue;
        }
        let mut add = |path: String, why| found.push(Idle { policy: id, path, why });
        let Some(compiled) = &program.policies[id] else {
            // A profile that enforces nothing at all says so elsewhere.
            if program.semantics.enforces {
                add(String::new(), Why::NotEnforced);
            }
            continue;
        };
        if Direction::ALL.into_iter().all(|direction| program.deciding[id][direction].is_empty()) {
            let namespace = cluster.namespace(&policy.name.namespace).map(|id| &cluster.namespaces[id]);
            let is_known = namespace.is_some_and(|own| own.origin.is_some() || !own.pods.is_empty());
            if policy.tier == Tier::NetworkPolicy && !is_known {
                add("metadata.namespace".into(), Why::NoNamespace);
            } else {
                add(String::new(), Why::NoPod);
            }
            continue;
        }
        for direction in Direction::ALL {
            if program.deciding[id][direction].is_empty() {
                continue;
            }
            for (rule, compiled) in policy.rules[direction].iter().zip(&compiled.rules[direction]) {
                if !compiled.is_for_all() && !compiled.lists().iter().any(|&list| matched[list]) {
                    add(rule.written.rule.to_string(), Why::NoPeer);
                    continue;
                }
                // The names of other kinds stand for ports of every protocol.
                let Ports::Of(ports) = &rule.ports else { continue };
                let ports = if policy.tier == Tier::NetworkPolicy { &ports[..] } else { &[] };
                for (i, port) in ports.iter().enumerate() {
                    let PortMatch::Named { protocol, name } = port else { continue };
                    if !is_declared(program, id, direction, *protocol, name) {
                        add(rule.written.port(i), Why::NoPort(name.clone(), *protocol));
                    }
                }
            }
        }
    }
    found
}

/// The peer lists that match a pod or an address.
fn matched(program: &Program) -> IndexVec<PeersId, bool> {
    let mut matched: IndexVec<PeersId, bool> = program
        .peers
        .iter()
        .map(|peers| {
            let addresses = peers.addresses();
            peers.classes.dense().is_some()
                || peers.possible_addresses().is_some()
                || !addresses.v4.is_empty()
                || !addresses.v6.is_empty()
        })
        .collect();
    for (list, _) in program.classes.iter().flat_map(|class| &class.peers) {
        matched[*list] = true;
    }
    matched
}

/// True if a pod declares a port of this name: for ingress one that the policy selects, else any.
fn is_declared(
    program: &Program,
    policy: PolicyId,
    direction: Direction,
    protocol: Protocol,
    name: &str,
) -> bool {
    let Some(name) = program.port_names.find(protocol, name) else { return false };
    match direction {
        Direction::Ingress => program.deciding[policy][direction].iter().any(|signature| {
            let resolution = program.signatures[direction][*signature].resolution;
            resolution.is_some_and(|own| program.resolutions[own].get(name).is_some())
        }),
        Direction::Egress => program.resolutions.iter().any(|own| own.get(name).is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::compile;
    use crate::profile::Profile;
    use crate::query::fixture::cluster;

    const INPUT: &str = "
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{ports: [{name: http, containerPort: 80}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: none, namespace: shop}
spec: {podSelector: {matchLabels: {app: wbe}}, ingress: [{from: [{podSelector: {matchLabels: {app: x}}}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: lost, namespace: shpo}
spec: {podSelector: {}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: rules, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress, Egress]
  ingress:
  - {}
  - from: [{podSelector: {matchLabels: {app: api}}}]
  - from: [{podSelector: {matchLabels: {app: api}}}, {podSelector: {}}]
  - from: [{ipBlock: {cidr: 203.0.113.0/24}}]
    ports: [{port: http}, {port: http, protocol: UDP}, {port: metrics}, {port: 9}]
  egress:
  - to: [{namespaceSelector: {matchLabels: {team: pay}}}]
  - ports: [{port: http}, {port: dns, protocol: UDP}]
";

    #[test]
    fn what_means_nothing() {
        let cluster = cluster(INPUT);
        let found = idle(&compile(&cluster, Profile::Spec));
        let found: Vec<(&str, &str, &Why)> = found
            .iter()
            .map(|idle| (&*cluster.policies[idle.policy].name.name, &*idle.path, &idle.why))
            .collect();
        let port = |name: &str, protocol| Why::NoPort(name.into(), protocol);
        assert_eq!(
            found,
            [
                ("none", "", &Why::NoPod),
                ("rules", "spec.ingress[1]", &Why::NoPeer),
                ("rules", "spec.ingress[3].ports[1]", &port("http", Protocol::Udp)),
                ("rules", "spec.ingress[3].ports[2]", &port("metrics", Protocol::Tcp)),
                // No manifest says which labels namespace `shop` has.
                ("rules", "spec.egress[1].ports[1]", &port("dns", Protocol::Udp)),
                ("lost", "metadata.namespace", &Why::NoNamespace),
            ]
        );
    }
}
