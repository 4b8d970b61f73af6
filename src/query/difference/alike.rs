//! Endpoints that neither input tells apart: what changes is found for one of them, and holds for all.
//!
//! Endpoints are alike if they have pods of the same classes in both inputs, and none of these is a hostNetwork pod or
//! shares a node with one. What flows between two of them, and what is responsible for a change of that, is then the same for
//! all, but for causes that are the endpoints themselves, and but for what flows within one.

use std::collections::BTreeMap;

use super::ends::{Parties, Place};
use super::listing::Found;
use super::samples::Samples;
use super::{GroupId, Presence};
use crate::cluster::{Cluster, NodeId};
use crate::compile::{ClassId, Program};
use crate::index::IndexVec;

/// The endpoints within the clusters, by group.
pub(super) struct Alike {
    /// The group of each endpoint.
    pub(super) of: Vec<GroupId>,
    /// The endpoints of each group, ascending; groups in the order of their first.
    pub(super) groups: IndexVec<GroupId, Vec<u32>>,
}

/// Classes that an endpoint has pods of, and whether it has several of each.
type Classes = Vec<(ClassId, bool)>;

/// Everything on which it depends what flows from an endpoint and to it.
type Facts = (bool, bool, [Classes; 2], Vec<((ClassId, ClassId), bool)>);

impl Alike {
    /// Groups endpoints; those in `apart` have groups of their own.
    pub(super) fn new(
        programs: [&Program; 2],
        parties: &Parties<'_>,
        samples: &Samples,
        apart: &[bool],
    ) -> Self {
        let hosting = programs.map(|program| hosting(&program.cluster));
        let mut known: BTreeMap<Facts, GroupId> = BTreeMap::new();
        let mut alike = Self { of: Vec::new(), groups: IndexVec::new() };
        for (number, party) in parties.all.iter().enumerate() {
            let is_hosted = [0, 1].into_iter().any(|input| {
                let pods = &programs[input].cluster.pods;
                party.pods[input].iter().any(|(pod, _)| {
                    pods[*pod].host_network || pods[*pod].node.is_some_and(|id| hosting[input][id])
                })
            });
            let is_alone = apart[number]
                || is_hosted
                || party.party.presence != Presence::Stays
                || !samples.only[number].is_empty();
            let group = if is_alone {
                alike.groups.push(Vec::new())
            } else {
                let of = samples.of[number].iter().map(|sample| (sample.classes, sample.pods.len() > 1));
                let facts: Facts = (party.is_single, party.about, party.classes.clone(), of.collect());
                *known.entry(facts).or_insert_with(|| alike.groups.push(Vec::new()))
            };
            alike.of.push(group);
            alike.groups[group].push(number as u32);
        }
        alike
    }

    /// The endpoints of a group that are looked at: the first, for what flows between groups and within an endpoint, and
    /// the second, for what flows between two of the group.
    pub(super) fn looked_at(&self, group: GroupId) -> impl Iterator<Item = &u32> {
        self.groups[group].iter().take(2)
    }

    /// A change between an endpoint that is looked at and addresses, for each of its group.
    pub(super) fn each(&self, change: Found) -> impl Iterator<Item = Found> {
        let (Place::Party(number) | Place::Cell(number)) =
            if let Place::Party(_) = change.from { change.from } else { change.to };
        self.groups[self.of[number as usize]].iter().map(move |&number| match change.from {
            Place::Party(_) => Found { from: Place::Party(number), ..change },
            Place::Cell(_) => Found { to: Place::Party(number), ..change },
        })
    }

    /// True if a change between endpoints that are looked at stands for those of their groups.
    pub(super) fn stands_for_others(&self, from: Place, to: Place) -> bool {
        let place = |place: Place| match place {
            Place::Cell(_) => None,
            Place::Party(number) => {
                let group = self.of[number as usize];
                Some((group, self.groups[group][0] == number))
            }
        };
        match (place(from), place(to)) {
            (Some((from, true)), Some((to, is_first))) => is_first || from == to,
            (Some((_, is_first)), None) | (None, Some((_, is_first))) => is_first,
            (None, None) => true,
            (Some((_, false)), Some(_)) => false,
        }
    }
}

/// Finds the nodes that have hostNetwork pods.
fn hosting(cluster: &Cluster) -> IndexVec<NodeId, bool> {
    let mut hosting: IndexVec<NodeId, bool> = cluster.nodes.iter().map(|_| false).collect();
    for pod in cluster.pods.iter().filter(|pod| pod.host_network) {
        if let Some(node) = pod.node {
            hosting[node] = true;
        }
    }
    hosting
}
