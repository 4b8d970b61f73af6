//! The endpoints of two listings, by what they are called.

use std::cmp::Ordering;
use std::ops::Range;

use rustc_hash::{FxHashMap, FxHashSet};

use super::alike::Alike;
use super::{GroupId, Party, Presence, Scope};
use crate::cluster::PodId;
use crate::compile::{ClassId, Program};
use crate::diff::{self, Group as Pairwise, PodSet};
use crate::net::{AddressSet, Family};
use crate::query::group::{Group, groups, most_replicas};
use crate::query::{By, Endpoint, Ends, View};

/// One end of a change while changes are being found.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Place {
    /// Addresses that neither input tells apart.
    Cell(u32),
    /// An endpoint within one of the clusters.
    Party(u32),
}

/// The endpoints within the clusters, in the order of output.
pub(super) struct Parties<'p> {
    programs: [&'p Program; 2],
    by: By,
    /// The most replicas of one kind that are endpoints by pod.
    pub(super) replicas: u32,
    pub(super) all: Vec<PartyFacts>,
    numbers: [FxHashMap<Endpoint, u32>; 2],
    filtered: bool,
}

/// Facts about an endpoint.
pub(super) struct PartyFacts {
    pub(super) party: Party,
    /// Its pods in each input.
    pub(super) pods: [Vec<(PodId, Range<u32>)>; 2],
    /// The classes of these, and whether several of the pods are of the class.
    pub(super) classes: [Vec<(ClassId, bool)>; 2],
    /// Set if it has at most one pod in each input, and so never a connection to itself.
    pub(super) is_single: bool,
    /// Set if changes of it are shown, whatever stands at the other end.
    pub(super) about: bool,
}

impl<'p> Parties<'p> {
    pub(super) fn new(old: &'p Program, new: &'p Program, scope: &Scope) -> Self {
        let about = scope
            .about
            .as_ref()
            .map(|about| about.each_ref().map(|pods| pods.iter().copied().collect::<FxHashSet<PodId>>()));
        let concerns = |input: usize, group: Option<&Group>| match (&about, group) {
            (Some(about), Some(group)) => group.pods.iter().any(|(pod, _)| about[input].contains(pod)),
            _ => false,
        };
        let replicas = most_replicas([&*old.cluster, &*new.cluster]);
        let (mut was, mut is) = (
            groups(old, scope.by, None, replicas).into_iter().peekable(),
            groups(new, scope.by, None, replicas).into_iter().peekable(),
        );
        let mut parties = Self {
            programs: [old, new],
            by: scope.by,
            replicas,
            all: Vec::new(),
            numbers: [FxHashMap::default(), FxHashMap::default()],
            filtered: about.is_some(),
        };
        loop {
            let order = match (was.peek(), is.peek()) {
                (Some(a), Some(b)) => a.key.cmp(&b.key),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => break,
            };
            let before = was.next_if(|_| order != Ordering::Greater);
            let after = is.next_if(|_| order != Ordering::Less);
            parties.push(before, after, &concerns);
        }
        parties
    }

    fn push(
        &mut self,
        before: Option<Group>,
        after: Option<Group>,
        concerns: &dyn Fn(usize, Option<&Group>) -> bool,
    ) {
        let next = self.all.len() as u32;
        let about = concerns(0, before.as_ref()) || concerns(1, after.as_ref());
        let is_single = [&before, &after].into_iter().flatten().all(Group::is_one_pod);
        for (numbers, group) in self.numbers.iter_mut().zip([&before, &after]) {
            numbers.extend(group.as_ref().map(|group| (group.endpoint, next)));
        }
        let party = match (&before, &after) {
            (None, Some(group)) => Party { endpoint: group.endpoint, presence: Presence::Appeared },
            (Some(group), None) => Party { endpoint: group.endpoint, presence: Presence::Vanished },
            (_, Some(group)) => Party { endpoint: group.endpoint, presence: Presence::Stays },
            (None, None) => return,
        };
        let classes = [&before, &after].map(|group| {
            let classes = group.iter().flat_map(|group| &group.classes);
            classes.map(|&(class, count)| (class, count > 1)).collect()
        });
        let pods = [before, after].map(|group| group.map(|group| group.pods).unwrap_or_default());
        self.all.push(PartyFacts { party, pods, classes, is_single, about });
    }

    /// The number of an endpoint within the first or the second cluster.
    pub(super) fn number(&self, input: usize, endpoint: Endpoint) -> u32 {
        self.numbers[input][&endpoint]
    }

    /// Number of pods, of `count` that are alike in both inputs, to look at so that all of their endpoints are met.
    pub(super) fn shown_of(&self, count: u32) -> u32 {
        count.min(if self.by == By::Pod { self.replicas } else { 1 })
    }

    /// The number of the endpoint that a pod is, or belongs to; `None` for a replica that is not listed.
    pub(super) fn of_pod(&self, input: usize, pod: PodId, index: u32) -> Option<u32> {
        let facts = &self.programs[input].cluster.pods[pod];
        let endpoint = match self.by {
            By::Pod => Endpoint::Pod(pod, index),
            By::Workload => Endpoint::Workload(facts.workload),
            By::Namespace => Endpoint::Namespace(facts.namespace),
        };
        self.numbers[input].get(&endpoint).copied()
    }

    /// True if changes from or to this end are shown, whatever stands at the other end.
    pub(super) fn shows(&self, place: Place) -> bool {
        match place {
            Place::Cell(_) => !self.filtered,
            Place::Party(number) => !self.filtered || self.all[number as usize].about,
        }
    }

    /// The views to list of both inputs, of the endpoints that are looked at only; `None` if nothing can have changed.
    /// Where pods come and go anything may have changed; else the changes between pods and addresses say where.
    pub(super) fn views(&self, pairwise: &diff::Difference, alike: &Alike) -> Option<[View; 2]> {
        let come_and_go = !pairwise.appeared.is_empty() || !pairwise.vanished.is_empty();
        let (from, to) =
            if come_and_go || self.all.iter().any(|facts| facts.party.presence != Presence::Stays) {
                let all: Vec<u32> = (0..self.all.len() as u32).collect();
                let ends = self.listed(&all, Family::ALL.map(|family| (family, true)), alike);
                (ends.clone(), ends)
            } else if pairwise.changes.is_empty() {
                return None;
            } else {
                let ends = |group: fn(&diff::Change) -> &Pairwise| {
                    self.concerned(pairwise, pairwise.changes.iter().map(group), alike)
                };
                (ends(|change| &change.from), ends(|change| &change.to))
            };
        let view = |input: usize| View {
            by: self.by,
            from: Some(from[input].clone()),
            to: Some(to[input].clone()),
            ..View::default()
        };
        Some([view(0), view(1)])
    }

    /// The endpoints that some of these groups have pods of; all addresses of a family, if one of them holds some.
    fn concerned<'g>(
        &self,
        pairwise: &diff::Difference,
        groups: impl Iterator<Item = &'g Pairwise>,
        alike: &Alike,
    ) -> [Ends; 2] {
        let mut pods = PodSet::default();
        let mut families = Family::ALL.map(|family| (family, false));
        for group in groups {
            match group {
                Pairwise::Pods(set) => pods.extend(set),
                Pairwise::Addresses(family, _) => {
                    for (known, listed) in &mut families {
                        *listed |= known == family;
                    }
                }
            }
        }
        let numbers: Vec<u32> = pairwise
            .pods(&pods, &self.programs[1].cluster)
            .flat_map(|matched| {
                let shown = self.shown_of(matched.count);
                (0..shown).filter_map(move |i| self.of_pod(1, matched.after.0, matched.after.1 + i))
            })
            .collect();
        self.listed(&numbers, families, alike)
    }

    /// The pods, in each input, of those endpoints that are looked at, and all addresses of some families.
    fn listed(&self, numbers: &[u32], families: [(Family, bool); 2], alike: &Alike) -> [Ends; 2] {
        let mut groups: Vec<GroupId> = numbers.iter().map(|&number| alike.of[number as usize]).collect();
        groups.sort_unstable();
        groups.dedup();
        let mut ends = [Ends::default(), Ends::default()];
        for number in groups.into_iter().flat_map(|group| alike.looked_at(group)) {
            for (ends, pods) in ends.iter_mut().zip(&self.all[*number as usize].pods) {
                ends.pods.extend_from_slice(pods);
            }
        }
        for (family, _) in families.into_iter().filter(|(_, listed)| *listed) {
            for ends in &mut ends {
                ends.addresses[family] = AddressSet::from_range(0, family.last());
            }
        }
        ends
    }
}
