//! Warnings about pods that can no longer look names up.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use rustc_hash::FxHashMap;

use super::{Comparison, Pods, Sample, Trouble, Warning, lost_port};
use crate::cluster::{Cluster, PodId};
use crate::compile::ClassId;
use crate::label::{LabelSetId, LabelValue};
use crate::net::{Family, PortSet, Protocol};
use crate::policy::{Peer, Peers};
use crate::query::endpoint::targets;
use crate::solve::End;

/// The port of DNS.
const PORT: u16 = 53;

/// The address at which NodeLocal DNSCache listens on every node.
const NODE_LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 20, 10));

/// The names of the DNS Service of a cluster: those used everywhere, and that of OpenShift.
const SERVICES: [&str; 3] = ["kube-dns", "coredns", "dns-default"];

/// The values of the label `k8s-app` of DNS pods.
const APPS: [&str; 2] = ["kube-dns", "coredns"];

/// The DNS servers of a cluster.
struct Dns {
    /// The pods, with the port on each.
    pods: BTreeMap<PodId, PortSet>,
    /// Set if there is a cache on the nodes.
    node_local: bool,
}

impl Dns {
    fn find(cluster: &Cluster) -> Self {
        let mut pods: BTreeMap<PodId, PortSet> = BTreeMap::new();
        for ((namespace, name), service) in &cluster.services {
            if SERVICES.contains(&&**name) {
                let is_dns =
                    |port: &crate::cluster::ServicePort| port.port == PORT && port.protocol == Protocol::Udp;
                pods.extend(targets(cluster, *namespace, service, is_dns));
            }
        }
        for (id, pod) in cluster.pods.enumerate() {
            if has_app(cluster, pod.labels, &APPS) {
                pods.entry(id).or_insert_with(|| PortSet::from_range(Protocol::Udp, PORT, PORT));
            }
        }
        let has_cache = cluster.pods.iter().any(|pod| has_app(cluster, pod.labels, &["node-local-dns"]));
        Self { pods, node_local: has_cache || names_cache(cluster) }
    }
}

fn has_app(cluster: &Cluster, labels: LabelSetId, apps: &[&str]) -> bool {
    let Some(key) = cluster.labels.keys.get("k8s-app") else { return false };
    match cluster.labels.sets[labels].get(key) {
        Some(LabelValue::Known(value)) => apps.contains(&&*cluster.labels.values[value]),
        _ => false,
    }
}

/// True if a policy has an egress rule for the cache.
fn names_cache(cluster: &Cluster) -> bool {
    let rules = cluster.policies.iter().flat_map(|policy| &policy.rules.egress);
    let mut peers = rules.flat_map(|rule| match &rule.peers {
        Peers::Of(peers) => peers.as_slice(),
        Peers::Any => &[],
    });
    peers.any(|peer| match peer {
        Peer::IpBlock(block) => {
            block.cidr.addr() == NODE_LOCAL && block.cidr.prefix_len() == block.cidr.max_prefix_len()
        }
        Peer::Pods(_) | Peer::DomainNames(_) => false,
    })
}

/// Pods that could reach a DNS server, and can reach none now.
pub(super) fn warnings(comparison: &Comparison<'_, '_>) -> Vec<Warning> {
    let (old, new) = (comparison.before.program(), comparison.after.program());
    let (before, after) = (Dns::find(&old.cluster), Dns::find(&new.cluster));
    if !before.pods.is_empty() && after.pods.is_empty() && !after.node_local {
        return vec![Warning { trouble: Trouble::NoDns, workloads: Vec::new(), sample: None }];
    }
    let mut known: FxHashMap<ClassId, bool> = FxHashMap::default();
    let mut is_cut_off = |pod: (PodId, u32)| {
        // Where a hostNetwork pod runs matters, too.
        if new.cluster.pods[pod.0].host_network {
            return reaches_none(comparison, &after, pod);
        }
        *known.entry(new.class_of[pod.0]).or_insert_with(|| reaches_none(comparison, &after, pod))
    };
    let (mut pods, mut shown): (Pods, Option<Sample>) = (Pods::new(), None);
    for lost in &comparison.lost {
        let server = comparison.pods(lost.to).find_map(|to| {
            let ports = before.pods.get(&to.before.0)?;
            lost_port(&lost.change.before, &lost.change.after, ports).map(|_| (to, ports))
        });
        let Some((server, ports)) = server else { continue };
        for from in comparison.pods(lost.from) {
            if after.pods.contains_key(&from.after.0) || !is_cut_off(from.after) {
                continue;
            }
            let sample = comparison.sample(&from, &server, |was, is| lost_port(was, is, ports));
            if sample.is_some() {
                pods.insert(from.after, from.count);
                shown = shown.or(sample);
            }
        }
    }
    let warning = shown.map(|sample| Warning {
        trouble: Trouble::Dns,
        workloads: comparison.workloads(&pods),
        sample: Some(sample),
    });
    warning.into_iter().collect()
}

/// True if a pod can surely reach no DNS server in the second input.
fn reaches_none(comparison: &Comparison<'_, '_>, dns: &Dns, (pod, index): (PodId, u32)) -> bool {
    let from = End::Pod(pod, index);
    let is_closed =
        |to: End, ports: &PortSet| comparison.after.connectivity(from, to).may.intersection(ports).is_empty();
    let program = comparison.after.program();
    let has_cache = dns.node_local && program.classes[program.class_of[pod]].families[Family::V4];
    let port = PortSet::from_range(Protocol::Udp, PORT, PORT);
    dns.pods.iter().all(|(&server, ports)| is_closed(End::Pod(server, 0), ports))
        && (!has_cache || is_closed(End::Address(NODE_LOCAL), &port))
}
