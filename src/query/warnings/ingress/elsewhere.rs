//! The reach of a controller outside the namespace of an Ingress, wherever it runs and whatever labels it has.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::super::{Comparison, Sample, lost_port};
use crate::cluster::{Cluster, PodId};
use crate::compile::Program;
use crate::diff::{Change, Group, Matched};
use crate::net::{Direction, PortSet};
use crate::policy::{NamespaceMatch, Peer, Peers, PortMatch, Ports, Rule, Tier};
use crate::solve::Connectivity;

/// The connections to each pod that are lost, for sources outside the namespace of the pod.
pub(super) struct Elsewhere<'c> {
    /// The boxes in which ports of each destination are lost.
    by_destination: FxHashMap<PodId, Vec<(&'c Change, Matched)>>,
}

impl<'c> Elsewhere<'c> {
    pub(super) fn new(comparison: &Comparison<'c, '_>) -> Self {
        let mut by_destination: FxHashMap<PodId, Vec<(&Change, Matched)>> = FxHashMap::default();
        for change in &comparison.difference.changes {
            if let Group::Pods(pods) = &change.to
                && !change.before.must.difference(&change.after.may).is_empty()
            {
                for to in comparison.pods(pods) {
                    by_destination.entry(to.after.0).or_default().push((change, to));
                }
            }
        }
        Self { by_destination }
    }

    /// A connection that is lost, if others were let in whoever they are, and nobody is any more: a controller that the
    /// input does not hold may run anywhere and have any labels.
    pub(super) fn lost(
        &self,
        comparison: &Comparison<'_, '_>,
        backends: &BTreeMap<PodId, PortSet>,
    ) -> Option<Sample> {
        let (old, new) = (comparison.before.program(), comparison.after.program());
        if !backends.iter().all(|(pod, ports)| to_others(new, *pod, ports) == Way::None) {
            return None;
        }
        let mut samples = backends.iter().filter_map(|(pod, ports)| {
            let namespace = new.cluster.pods[*pod].namespace;
            let shows = |was: &Connectivity, is: &Connectivity| lost_port(was, is, ports);
            self.by_destination.get(pod)?.iter().find_map(|(change, to)| {
                let was_open = || to_others(old, to.before.0, ports) == Way::All;
                match &change.from {
                    Group::Addresses(..) => comparison.with_any(to, &change.from, Direction::Ingress, shows),
                    Group::Pods(pods) if was_open() => comparison
                        .pods(pods)
                        .filter(|from| new.cluster.pods[from.after.0].namespace != namespace)
                        .find_map(|from| comparison.sample(&from, to, shows)),
                    Group::Pods(_) => None,
                }
            })
        });
        samples.next()
    }
}

/// The extent to which sources outside its namespace can reach a pod.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Every pod.
    All,
    /// Neither a pod nor an address, whatever the input does not tell.
    None,
    /// Anything between.
    Some,
}

/// Finds the extent to which a pod's policies let pods of other namespaces and addresses in to some of these ports.
fn to_others(program: &Program, pod: PodId, asked: &PortSet) -> Way {
    let cluster = &program.cluster;
    let policies = &program.signature(program.class_of[pod], Direction::Ingress).policies;
    let are_simple = policies.iter().all(|(id, _)| cluster.policies[*id].tier == Tier::NetworkPolicy);
    if cluster.pods[pod].host_network || !are_simple {
        return Way::Some;
    }
    let rules = policies.iter().flat_map(|(id, truth)| {
        let rules = cluster.policies[*id].rules.ingress.iter();
        rules.map(move |rule| (truth.sure(), peers_elsewhere(cluster, pod, rule), ports_asked(rule, asked)))
    });
    let (mut opens, mut closes) = (policies.is_empty(), policies.iter().any(|(_, truth)| truth.sure()));
    for (sure, peers, ports) in rules {
        opens |= sure && peers == Way::All && ports == Way::All;
        closes &= peers == Way::None || ports == Way::None;
    }
    match (opens, closes) {
        (true, _) => Way::All,
        (false, true) => Way::None,
        (false, false) => Way::Some,
    }
}

/// Finds the extent to which a rule is about peers outside the namespace of a pod.
fn peers_elsewhere(cluster: &Cluster, pod: PodId, rule: &Rule) -> Way {
    let Peers::Of(peers) = &rule.peers else { return Way::All };
    let is_everything = |selector| cluster.labels.selectors[selector].is_everything();
    let way = |peer: &Peer| match peer {
        Peer::Pods(pods) => match pods.namespaces {
            NamespaceMatch::One(namespace) if namespace == cluster.pods[pod].namespace => Way::None,
            NamespaceMatch::Labels(of_namespace)
                if is_everything(of_namespace) && is_everything(pods.pods) =>
            {
                Way::All
            }
            _ => Way::Some,
        },
        Peer::IpBlock(_) => Way::Some,
        Peer::DomainNames(_) => Way::None,
    };
    if peers.iter().any(|peer| way(peer) == Way::All) {
        Way::All
    } else if peers.iter().all(|peer| way(peer) == Way::None) {
        Way::None
    } else {
        Way::Some
    }
}

/// Finds the share of some ports that a rule is about.
fn ports_asked(rule: &Rule, asked: &PortSet) -> Way {
    let Ports::Of(ports) = &rule.ports else { return Way::All };
    let mut numbers = PortSet::empty();
    let mut has_names = false;
    for port in ports {
        match *port {
            PortMatch::Range { protocol, first, last } => {
                numbers = numbers.union(&PortSet::from_range(protocol, first, last));
            }
            PortMatch::Named { .. } => has_names = true,
        }
    }
    if asked.difference(&numbers).is_empty() {
        Way::All
    } else if !has_names && asked.intersection(&numbers).is_empty() {
        Way::None
    } else {
        Way::Some
    }
}
