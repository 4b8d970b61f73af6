//! The objects that are responsible.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use super::super::ends::PartyFacts;
use super::super::policies::{PairId, PolicyPairs};
use super::super::{BecauseId, Cause, CauseId, CauseSets, Edited, Presence};
use super::{Blamed, Which, Why};
use crate::cluster::{Cluster, NodeId, PodId, WorkloadId};
use crate::diagnostic::{ObjectName, Origin};
use crate::index::IndexVec;
use crate::query::Endpoint;
use crate::set::Interner;

/// The number of a cause in the order in which causes are found.
pub(super) type CauseIndex = u32;

/// Causes in ascending order. There may be as many sets as pairs of pods.
pub(super) type CauseSet = SmallVec<[CauseIndex; 4]>;

/// Every object that was found to be responsible for something.
pub(super) struct Causes<'p> {
    clusters: [&'p Cluster; 2],
    policies: &'p PolicyPairs,
    /// The names of the workloads of each input.
    workloads: [FxHashSet<[&'p str; 3]>; 2],
    /// The number of the cause that a policy is, where that was asked before.
    of_policies: FxHashMap<PairId, CauseIndex>,
    all: BTreeMap<(ObjectName, Edited), (CauseIndex, Option<Origin>)>,
}

impl<'p> Causes<'p> {
    pub(super) fn new(clusters: [&'p Cluster; 2], policies: &'p PolicyPairs) -> Self {
        let names =
            |cluster: &'p Cluster| cluster.workloads.ids().map(|id| workload_name(cluster, id)).collect();
        Self {
            clusters,
            policies,
            workloads: clusters.map(names),
            of_policies: FxHashMap::default(),
            all: BTreeMap::new(),
        }
    }

    /// The object that is responsible for what changed between two ends, each before and after.
    pub(super) fn of(&mut self, (why, ends): Blamed) -> Option<CauseIndex> {
        let pods = |which: Which| ends[which as usize];
        match why {
            Why::Policy(pair) => Some(self.policy(pair)),
            Why::Namespace(which) => {
                let [was, is] = [0, 1].map(|input| {
                    let cluster = self.clusters[input];
                    pods(which)[input].map(|pod| &cluster.namespaces[cluster.pods[pod].namespace])
                });
                let (was, is) = (was?, is?);
                Some(self.declared("Namespace", &is.name, was.origin.as_ref(), is.origin.as_ref()))
            }
            Why::Pod(which) => Some(self.workload(1, pods(which)[1]?)),
            Why::Node(which) => {
                let node =
                    |input: usize| -> Option<NodeId> { self.clusters[input].pods[pods(which)[input]?].node };
                let (was, is) = (&self.clusters[0].nodes[node(0)?], &self.clusters[1].nodes[node(1)?]);
                Some(self.declared("Node", &is.name, was.origin.as_ref(), is.origin.as_ref()))
            }
        }
    }

    /// A policy that does not say the same in both inputs.
    pub(super) fn policy(&mut self, pair: PairId) -> CauseIndex {
        if let Some(&known) = self.of_policies.get(&pair) {
            return known;
        }
        let (edit, input, id) = match self.policies.all[pair].ids {
            [None, Some(after)] => (Edited::Added, 1, after),
            [Some(before), None] => (Edited::Removed, 0, before),
            [_, Some(after)] => (Edited::Changed, 1, after),
            [None, None] => unreachable!("some input has each policy"),
        };
        let policy = &self.clusters[input].policies[id];
        let cause = self.add(policy.name.clone(), edit, Some(policy.origin.clone()));
        self.of_policies.insert(pair, cause);
        cause
    }

    /// An object that was perhaps only mentioned.
    fn declared(&mut self, kind: &str, name: &str, was: Option<&Origin>, is: Option<&Origin>) -> CauseIndex {
        let edit = match (was, is) {
            (None, Some(_)) => Edited::Added,
            (Some(_), None) => Edited::Removed,
            _ => Edited::Changed,
        };
        let object = ObjectName { kind: kind.into(), namespace: "".into(), name: name.into() };
        self.add(object, edit, is.or(was).cloned())
    }

    /// An endpoint that only one input has.
    pub(super) fn party(&mut self, facts: &PartyFacts) -> CauseIndex {
        let input = usize::from(facts.party.presence == Presence::Appeared);
        let (pod, _) = facts.pods[input].first().expect("an endpoint has pods");
        match facts.party.endpoint {
            Endpoint::Namespace(id) => {
                let namespace = &self.clusters[input].namespaces[id];
                let edit = if input == 1 { Edited::Added } else { Edited::Removed };
                let object = ObjectName {
                    kind: "Namespace".into(),
                    namespace: "".into(),
                    name: namespace.name.clone(),
                };
                self.add(object, edit, namespace.origin.clone())
            }
            _ => self.workload(input, *pod),
        }
    }

    /// The workload of a pod of one input.
    pub(super) fn workload(&mut self, input: usize, pod: PodId) -> CauseIndex {
        let cluster = self.clusters[input];
        let id = cluster.pods[pod].workload;
        let object = cluster.workload_name(id);
        let stays = self.workloads[1 - input].contains(&workload_name(cluster, id));
        let edit = match (stays, input) {
            (true, _) => Edited::Changed,
            (false, 0) => Edited::Removed,
            (false, _) => Edited::Added,
        };
        self.add(object, edit, Some(cluster.workloads[id].origin.clone()))
    }

    fn add(&mut self, object: ObjectName, edit: Edited, origin: Option<Origin>) -> CauseIndex {
        let next = self.all.len() as CauseIndex;
        self.all.entry((object, edit)).or_insert((next, origin)).0
    }

    /// The causes that some set holds, in order of name, and the sets.
    pub(super) fn finish(
        self,
        all_sets: &Interner<BecauseId, CauseSet>,
    ) -> (IndexVec<CauseId, Cause>, CauseSets) {
        let mut is_named = vec![false; self.all.len()];
        for &number in all_sets.iter().flatten() {
            is_named[number as usize] = true;
        }
        let mut ids: Vec<Option<CauseId>> = vec![None; self.all.len()];
        let mut causes: IndexVec<CauseId, Cause> = IndexVec::new();
        for ((object, edit), (number, origin)) in self.all {
            if is_named[number as usize] {
                ids[number as usize] = Some(causes.push(Cause { object, edit, origin }));
            }
        }
        let mut sets = CauseSets::default();
        for set in all_sets.iter() {
            sets.push(set.iter().filter_map(|&number| ids[number as usize]));
        }
        (causes, sets)
    }
}

/// Namespace, kind and name.
fn workload_name(cluster: &Cluster, id: WorkloadId) -> [&str; 3] {
    let workload = &cluster.workloads[id];
    [&cluster.namespaces[workload.namespace].name, &workload.kind, &workload.name]
}
