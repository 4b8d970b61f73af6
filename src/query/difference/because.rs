//! What is responsible for a change.
//!
//! One pair of pods that changed is proved before and after, by the policies as they were and as they are. Responsible is
//! what, taken back, takes the change back: a policy that was edited, or the ends. Where it is the ends, what policies see
//! of them says whether it is labels, ports or addresses of a pod, the labels of a namespace, or a node.

mod sides;

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use super::crossed::{Crossed, Version};
use super::ends::{Parties, Place};
use super::listing::Found;
use super::policies::{PairId, PolicyPairs};
use super::samples::{FactsId, PODS, Samples};
use super::treatment::{Policies, Treated};
use super::{BecauseId, Cause, CauseId, CauseSets, Edited, Presence};
use crate::cluster::{Cluster, NodeId, PodId, WorkloadId};
use crate::compile::Program;
use crate::diagnostic::{ObjectName, Origin};
use crate::index::{Id, IndexVec};
use crate::net::{ByFamily, Direction, Family, address};
use crate::policy::PolicyId;
use crate::query::{Endpoint, External};
use crate::set::Interner;
use crate::solve::End;
use crate::solve::proof::{Basis, Exemption, FamilyProof, PeerStep, PolicyProof, Proof, Prover, Side};

use sides::{Between, Heard, HeardSide, Meetings, Named, Part, Whys, candidates, responsible};

/// One of the two ends of a connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Which {
    From,
    To,
}

/// What is responsible, seen from the connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Why {
    /// A policy that is new, gone or says something else.
    Policy(PairId),
    /// The labels of an end's namespace.
    Namespace(Which),
    /// Labels, ports, addresses or place of an end.
    Pod(Which),
    /// The addresses of the node that an end is on.
    Node(Which),
}

/// What is responsible for what changed between two ends, and these, before and after, where they are pods.
type Blamed = (Why, [Option<PodId>; 2], [Option<PodId>; 2]);

/// How many pairs of an endpoint's classes are looked at.
const PAIRS: usize = 1024;

/// An end as far as it is told apart, before and after.
type Kind = (u32, u32);

/// Two ends as far as they are told apart: pods also by what of them changed, and by whether they share a node in each input.
type Pair = ([Kind; 2], Option<[FactsId; 2]>, [bool; 2]);

pub(super) struct Because<'p> {
    crossed: &'p Crossed<'p>,
    provers: [Prover<'p>; 2],
    parties: &'p Parties<'p>,
    policies: &'p PolicyPairs,
    samples: &'p Samples,
    treatments: Policies<'p>,
    /// The number of a side, by what policies see of the connection.
    side_of: FxHashMap<Treated, usize>,
    sides: Vec<sides::Side>,
    meetings: Meetings,
    /// What a policy is as a cause, where that was asked before.
    policy_causes: FxHashMap<PairId, CauseIndex>,
    /// The names of the workloads of each input.
    workloads: [FxHashSet<[&'p str; 3]>; 2],
    /// By the classes of both ends.
    known: FxHashMap<Pair, Option<Vec<Why>>>,
    causes: BTreeMap<(ObjectName, Edited), (CauseIndex, Option<Origin>)>,
    sets: Interner<BecauseId, CauseSet>,
}

/// The number of a cause in the order in which causes are found.
type CauseIndex = u32;

/// Causes in ascending order. There may be as many sets as pairs of pods.
type CauseSet = SmallVec<[CauseIndex; 4]>;

/// What is responsible for a change between pods of two classes.
enum Blame {
    Policies(BecauseId),
    Ends(Vec<Blamed>),
}

/// What is responsible for a change.
#[derive(Clone, Copy)]
pub(super) struct Responsible {
    pub(super) because: BecauseId,
    /// Whether that is said of the source, and of the destination: then it does not hold for others that are alike.
    pub(super) names: [bool; 2],
}

impl<'p> Because<'p> {
    pub(super) fn new(
        policies: &'p PolicyPairs,
        crossed: &'p Crossed<'p>,
        parties: &'p Parties<'p>,
        samples: &'p Samples,
    ) -> Self {
        let programs = crossed.programs();
        Self {
            crossed,
            provers: programs.map(|program| Prover::new(&program.cluster, program.profile)),
            parties,
            policy_causes: FxHashMap::default(),
            policies,
            samples,
            treatments: Policies::new(programs),
            side_of: FxHashMap::default(),
            sides: Vec::new(),
            meetings: Meetings::default(),
            workloads: programs.map(|program| {
                let cluster = &program.cluster;
                cluster.workloads.ids().map(|id| workload_name(cluster, id)).collect()
            }),
            known: FxHashMap::default(),
            causes: BTreeMap::new(),
            sets: Interner::new(),
        }
    }

    fn program(&self, input: usize) -> &'p Program {
        self.crossed.programs()[input]
    }

    fn cluster(&self, input: usize) -> &'p Cluster {
        &self.program(input).cluster
    }

    /// What is responsible for a change.
    pub(super) fn of(&mut self, change: &Found, cells: &[External]) -> Responsible {
        let mut causes: BTreeSet<CauseIndex> = BTreeSet::new();
        let mut names = [false; 2];
        for (place, names) in [change.from, change.to].into_iter().zip(&mut names) {
            if let Place::Party(number) = place
                && self.parties.all[number as usize].party.presence != Presence::Stays
            {
                let cause = self.party(number);
                causes.insert(cause);
                *names = true;
            }
        }
        if causes.is_empty() {
            let (from, to) = (self.kinds(change.from), self.kinds(change.to));
            let is_one = from == 1 && to == 1;
            let pairs = (0..from).flat_map(|from| (0..to).map(move |to| (from, to))).take(PAIRS);
            let mut found: BTreeSet<Blamed> = BTreeSet::new();
            for (from, to) in pairs {
                match self.between(change, from, to, cells) {
                    Some(Blame::Policies(because)) if is_one => return Responsible { because, names },
                    Some(Blame::Policies(because)) => causes.extend(&self.sets[because]),
                    Some(Blame::Ends(blamed)) => found.extend(blamed),
                    None => {}
                }
            }
            for (why, from, to) in found {
                match why {
                    Why::Policy(_) => {}
                    Why::Namespace(which) | Why::Pod(which) | Why::Node(which) => {
                        names[which as usize] = true;
                    }
                }
                let cause = self.cause(why, from, to);
                causes.extend(cause);
            }
        }
        if causes.is_empty() {
            // Nothing changed between pods that both have: it is that others came or went.
            let samples = self.samples;
            for (place, names) in [change.from, change.to].into_iter().zip(&mut names) {
                let Place::Party(number) = place else { continue };
                for &(input, pod) in &samples.only[number as usize] {
                    let cause = self.workload(input, pod);
                    causes.insert(cause);
                    *names = true;
                }
            }
        }
        Responsible { because: self.sets.intern_owned(causes.into_iter().collect()), names }
    }

    /// How many kinds of pods, or of addresses, an end is made of.
    fn kinds(&self, place: Place) -> usize {
        match place {
            Place::Cell(_) => 1,
            Place::Party(number) => self.samples.of[number as usize].len(),
        }
    }

    fn between(&mut self, change: &Found, from: usize, to: usize, cells: &[External]) -> Option<Blame> {
        let samples = self.samples;
        let (Place::Party(source), Place::Party(destination)) = (change.from, change.to) else {
            let sources = self.ends(change.from, from, cells);
            let destinations = self.ends(change.to, to, cells);
            let mut pairs =
                sources.iter().flat_map(|source| destinations.iter().map(move |other| (source, other)));
            let kinds = [self.kind(change.from, from), self.kind(change.to, to)];
            return pairs.find_map(|(source, other)| self.between_ends(kinds, None, source, other));
        };
        let (sources, destinations) =
            (&samples.of[source as usize][from], &samples.of[destination as usize][to]);
        for source in &sources.pods {
            for destination in destinations.pods.iter().filter(|destination| destination.pods != source.pods)
            {
                let exempt = [0, 1].map(|input| {
                    self.program(input).same_node(source.pods[input].0, destination.pods[input].0)
                });
                let facts = [source.facts, destination.facts];
                let treated = self.treatments.treated([sources, destinations], facts, exempt);
                let [source, destination] = [source, destination].map(|end| end.pods.map(pod));
                let found = match self.by_treatment(treated, &source, &destination) {
                    Between::Nothing => None,
                    Between::These(whys) => Some(self.blamed(&whys, &source, &destination)),
                    Between::Place => {
                        let kinds = [self.kind(change.from, from), self.kind(change.to, to)];
                        self.between_ends(kinds, Some(facts), &source, &destination)
                    }
                };
                if found.is_some() {
                    return found;
                }
            }
        }
        None
    }

    /// What is responsible for a change between two pods; all that policies treat alike have the same.
    fn by_treatment(&mut self, treated: [Treated; 2], source: &[End; 2], destination: &[End; 2]) -> Between {
        let known = treated.map(|treated| self.side_of.get(&treated).copied());
        let [egress, ingress] = if let [Some(egress), Some(ingress)] = known {
            [egress, ingress]
        } else {
            self.sides_between(treated, source, destination)
        };
        let found = self.meetings.between(&self.sides[egress], &self.sides[ingress]);
        if cfg!(debug_assertions) {
            let proved = self.why(source, destination);
            match &found {
                Between::Nothing => assert_eq!(proved, None, "a proof says that something changed"),
                Between::These(whys) => {
                    assert_eq!(
                        proved.as_deref(),
                        Some(&whys[..]),
                        "a proof says that others are responsible"
                    );
                }
                Between::Place => {}
            }
        }
        found
    }

    /// Both sides of a connection.
    fn sides_between(
        &mut self,
        treated: [Treated; 2],
        source: &[End; 2],
        destination: &[End; 2],
    ) -> [usize; 2] {
        let proofs = [0, 1].map(|input| self.provers[input].prove(source[input], destination[input]));
        let families = Family::ALL.map(|family| [0, 1].map(|input| of_family(&proofs[input], family)));
        let [v4, v6] = families.each_ref().map(|proofs| self.heard(proofs));
        let [v4_out, v4_in] = v4;
        let [v6_out, v6_in] = v6;
        let mut heard = [ByFamily { v4: v4_out, v6: v6_out }, ByFamily { v4: v4_in, v6: v6_in }];
        [0, 1].map(|side| {
            if let Some(&known) = self.side_of.get(&treated[side]) {
                return known;
            }
            let heard = std::mem::take(&mut heard[side]);
            let candidates = candidates(&heard);
            let seen = candidates.iter().map(|&pair| {
                [0, 1].map(|version| {
                    let mut whys = BTreeSet::new();
                    self.seen(&families, side, (pair, version), [source, destination], &mut whys);
                    whys.into_iter().collect()
                })
            });
            let seen: Vec<[Whys; 2]> = seen.collect();
            let made = self.meetings.side(heard, candidates, seen);
            self.sides.push(made);
            self.side_of.insert(treated[side], self.sides.len() - 1);
            self.sides.len() - 1
        })
    }

    /// What is responsible, once it is known between which pods.
    fn blamed(&mut self, whys: &[Why], source: &[End; 2], destination: &[End; 2]) -> Blame {
        let policies = whys.iter().map(|why| match why {
            Why::Policy(pair) => Some(self.policy_cause(*pair)),
            _ => None,
        });
        if let Some(mut causes) = policies.collect::<Option<CauseSet>>() {
            causes.sort_unstable();
            return Blame::Policies(self.sets.intern_owned(causes));
        }
        let pods = |ends: &[End; 2]| {
            ends.map(|end| match end {
                End::Pod(pod, _) => Some(pod),
                End::Address(_) => None,
            })
        };
        Blame::Ends(whys.iter().map(|why| (*why, pods(source), pods(destination))).collect())
    }

    fn between_ends(
        &mut self,
        kinds: [Kind; 2],
        facts: Option<[FactsId; 2]>,
        source: &[End; 2],
        destination: &[End; 2],
    ) -> Option<Blame> {
        let exempt = [0, 1].map(|input| self.is_exempt(input, source[input], destination[input]));
        let key = (kinds, facts, exempt);
        if !self.known.contains_key(&key) {
            let why = self.why(source, destination);
            self.known.insert(key, why);
        }
        let whys = self.known[&key].clone()?;
        Some(self.blamed(&whys, source, destination))
    }

    fn kind(&self, place: Place, which: usize) -> Kind {
        match place {
            Place::Cell(cell) => (u32::MAX, cell),
            Place::Party(number) => {
                let (was, is) = self.samples.of[number as usize][which].classes;
                (was.index() as u32, is.index() as u32)
            }
        }
    }

    /// Some ends of one kind, before and after.
    fn ends(&self, place: Place, which: usize, cells: &[External]) -> Vec<[End; 2]> {
        match place {
            Place::Party(number) => {
                let pods = self.samples.of[number as usize][which].pods.iter();
                pods.map(|sampled| sampled.pods.map(pod)).collect()
            }
            Place::Cell(cell) => {
                let External { family, addresses } = &cells[cell as usize];
                let edges = addresses.ranges().iter().flat_map(|&(first, last)| [first, last]).take(PODS);
                edges.map(|number| [End::Address(address(*family, number)); 2]).collect()
            }
        }
    }

    fn is_exempt(&self, input: usize, from: End, to: End) -> bool {
        match (from, to) {
            (End::Pod(from, _), End::Pod(to, _)) => self.program(input).same_node(from, to),
            (End::Address(from), End::Pod(to, _)) => self.program(input).is_own_node(to, from),
            _ => false,
        }
    }

    /// What is responsible for what changed between two ends; `None` if nothing did.
    fn why(&self, from: &[End; 2], to: &[End; 2]) -> Option<Vec<Why>> {
        let proofs = [0, 1].map(|input| self.provers[input].prove(from[input], to[input]));
        let families = Family::ALL.map(|family| [0, 1].map(|input| of_family(&proofs[input], family)));
        let heard = families.each_ref().map(|proofs| self.heard(proofs));
        let Named { policies, parts } = responsible(&heard)?;
        let mut whys: BTreeSet<Why> = policies.into_iter().map(Why::Policy).collect();
        let ends = [from, to];
        for (part, version) in parts {
            if part == Part::Families {
                self.families(ends, &mut whys);
            }
            for side in [0, 1] {
                match part {
                    Part::Place(changed) if changed == side => {
                        self.exemption(&families, side, ends, &mut whys);
                    }
                    Part::Place(_) | Part::Families => {}
                    Part::Seen(pair) => self.seen(&families, side, (pair, version), ends, &mut whys),
                }
            }
        }
        Some(whys.into_iter().collect())
    }

    /// What all policies say in one family, by the proofs of both inputs; there is none where the ends do not have it.
    fn heard(&self, proofs: &[Option<&FamilyProof>; 2]) -> Heard {
        [0, 1].map(|side| {
            let mut heard = HeardSide { common: proofs.map(|proof| proof.is_some()), ..HeardSide::default() };
            for (input, proof) in proofs.iter().enumerate() {
                let Some(side) = proof.map(|proof| proof.sides()[side]) else { continue };
                // A hostNetwork pod is exempt where no policy is for its node.
                heard.exemptions[input] = side.exemption.filter(|why| *why != Exemption::HostNetwork);
                for proof in &side.policies {
                    let say = self.provers[input].say(proof, side.direction);
                    let (pair, version) = self.crossed.pair(input, proof.policy);
                    let says = heard.says.entry(pair).or_default();
                    if self.policies.all[pair].is_same {
                        says[0][input] = Some(say.clone());
                        says[1][input] = Some(say);
                    } else if self.crossed.has_both_versions() {
                        says[version][input] = Some(say);
                    } else {
                        says[version] = [Some(say.clone()), Some(say)];
                    }
                }
            }
            heard
        })
    }

    /// Which end has other families than it had.
    fn families(&self, ends: [&[End; 2]; 2], whys: &mut BTreeSet<Why>) {
        for (which, ends) in [(Which::From, ends[0]), (Which::To, ends[1])] {
            for family in Family::ALL {
                let has = |input: usize| match ends[input] {
                    End::Pod(pod, _) => self.cluster(input).pod_addresses(pod, family).is_some(),
                    End::Address(_) => true,
                };
                whys.extend((has(0) != has(1)).then_some(Why::Pod(which)));
            }
        }
    }

    /// What of the ends is another thing to a policy, which says something else of them on a side.
    fn seen(
        &self,
        families: &Families<'_>,
        side: usize,
        (pair, version): (PairId, Version),
        ends: [&[End; 2]; 2],
        whys: &mut BTreeSet<Why>,
    ) {
        let ids = [0, 1].map(|input| self.crossed.id(pair, version, input));
        for proofs in sides_of(families, side) {
            let proof = |input: usize| {
                let proof: &Side = proofs[input];
                proof.policies.iter().find(|proof| Some(proof.policy) == ids[input])
            };
            let direction = proofs[0].direction;
            let proofs = [proof(0), proof(1)];
            let say = |input: usize| proofs[input].map(|proof| self.provers[input].say(proof, direction));
            if say(0) == say(1) {
                continue;
            }
            self.subject_seen(ids, direction, ends, whys);
            if let [Some(was), Some(is)] = proofs {
                peer_seen(was, is, direction, whys);
            }
        }
    }

    /// What of the subject of a policy is another thing.
    fn subject_seen(
        &self,
        ids: [Option<PolicyId>; 2],
        direction: Direction,
        ends: [&[End; 2]; 2],
        whys: &mut BTreeSet<Why>,
    ) {
        let (subject, _) = ends_of(direction);
        let [End::Pod(was, _), End::Pod(is, _)] = ends[subject as usize] else { return };
        let [Some(before), Some(after)] = ids else {
            // It is for a node that one of the inputs lacks.
            return self.moved(&[subject], subject, ends, whys);
        };
        let is_host = [(0, was), (1, is)].map(|(input, pod)| self.cluster(input).pods[*pod].host_network);
        match (self.provers[0].selects(before, *was), self.provers[1].selects(after, *is)) {
            (Some(was), Some(is)) => {
                whys.extend((was.0 != is.0).then_some(Why::Namespace(subject)));
                whys.extend((was.1 != is.1 || is_host[0] != is_host[1]).then_some(Why::Pod(subject)));
            }
            // What selects nodes selects another one, or the node has other labels.
            _ => self.moved(&[subject], subject, ends, whys),
        }
    }

    /// Why policies apply in one input and not in the other.
    fn exemption(
        &self,
        families: &Families<'_>,
        side: usize,
        ends: [&[End; 2]; 2],
        whys: &mut BTreeSet<Why>,
    ) {
        for proofs in sides_of(families, side) {
            let (subject, peer) = ends_of(proofs[0].direction);
            if proofs.iter().any(|side| side.exemption == Some(Exemption::OwnNode)) {
                self.moved(&[subject, peer], subject, ends, whys);
            } else {
                whys.insert(Why::Pod(subject));
            }
        }
    }

    /// Which of some ends are somewhere else than they were; if none, it is the node of `subject` that is another one.
    fn moved(&self, which: &[Which], subject: Which, ends: [&[End; 2]; 2], whys: &mut BTreeSet<Why>) {
        let place = |which: Which, input: usize| match ends[which as usize][input] {
            End::Pod(pod, _) => {
                let cluster = self.cluster(input);
                let pod = &cluster.pods[pod];
                Some((pod.host_network, pod.node.map(|node| &*cluster.nodes[node].name)))
            }
            End::Address(_) => None,
        };
        let moved: Vec<Which> =
            which.iter().copied().filter(|&which| place(which, 0) != place(which, 1)).collect();
        if moved.is_empty() {
            whys.insert(Why::Node(subject));
        }
        whys.extend(moved.into_iter().map(Why::Pod));
    }

    /// The object that is responsible; `from` and `to` are the ends before and after.
    fn cause(&mut self, why: Why, from: [Option<PodId>; 2], to: [Option<PodId>; 2]) -> Option<CauseIndex> {
        let pods = |which| match which {
            Which::From => [from[0], from[1]],
            Which::To => [to[0], to[1]],
        };
        match why {
            Why::Policy(pair) => Some(self.policy_cause(pair)),
            Why::Namespace(which) => {
                let [was, is] = [0, 1].map(|input| {
                    let cluster = self.cluster(input);
                    pods(which)[input].map(|pod| &cluster.namespaces[cluster.pods[pod].namespace])
                });
                let (was, is) = (was?, is?);
                Some(self.declared("Namespace", &is.name, was.origin.as_ref(), is.origin.as_ref()))
            }
            Why::Pod(which) => Some(self.workload(1, pods(which)[1]?)),
            Why::Node(which) => {
                let node =
                    |input: usize| -> Option<NodeId> { self.cluster(input).pods[pods(which)[input]?].node };
                let (was, is) = (&self.cluster(0).nodes[node(0)?], &self.cluster(1).nodes[node(1)?]);
                Some(self.declared("Node", &is.name, was.origin.as_ref(), is.origin.as_ref()))
            }
        }
    }

    /// A policy that does not say the same in both inputs.
    fn policy_cause(&mut self, pair: PairId) -> CauseIndex {
        if let Some(&known) = self.policy_causes.get(&pair) {
            return known;
        }
        let (edit, input, id) = match self.policies.all[pair].ids {
            [None, Some(after)] => (Edited::Added, 1, after),
            [Some(before), None] => (Edited::Removed, 0, before),
            [_, Some(after)] => (Edited::Changed, 1, after),
            [None, None] => unreachable!("some input has each policy"),
        };
        let policy = &self.cluster(input).policies[id];
        let cause = self.add(policy.name.clone(), edit, Some(policy.origin.clone()));
        self.policy_causes.insert(pair, cause);
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
    fn party(&mut self, number: u32) -> CauseIndex {
        let facts = &self.parties.all[number as usize];
        let input = usize::from(facts.party.presence == Presence::Appeared);
        let (pod, _) = facts.pods[input].first().expect("an endpoint has pods");
        match facts.party.endpoint {
            Endpoint::Namespace(id) => {
                let namespace = &self.cluster(input).namespaces[id];
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
    fn workload(&mut self, input: usize, pod: PodId) -> CauseIndex {
        let cluster = self.cluster(input);
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
        let next = self.causes.len() as CauseIndex;
        self.causes.entry((object, edit)).or_insert((next, origin)).0
    }

    /// The causes in order of name, and the sets of them.
    pub(super) fn finish(self) -> (IndexVec<CauseId, Cause>, CauseSets) {
        let mut is_named = vec![false; self.causes.len()];
        for &number in self.sets.iter().flatten() {
            is_named[number as usize] = true;
        }
        let mut ids: Vec<Option<CauseId>> = vec![None; self.causes.len()];
        let mut causes: IndexVec<CauseId, Cause> = IndexVec::new();
        for ((object, edit), (number, origin)) in self.causes {
            if is_named[number as usize] {
                ids[number as usize] = Some(causes.push(Cause { object, edit, origin }));
            }
        }
        let mut sets = CauseSets::default();
        for set in self.sets.iter() {
            sets.push(set.iter().filter_map(|&number| ids[number as usize]));
        }
        (causes, sets)
    }
}

const fn pod((pod, index): (PodId, u32)) -> End {
    End::Pod(pod, index)
}

/// Namespace, kind and name.
fn workload_name(cluster: &Cluster, id: WorkloadId) -> [&str; 3] {
    let workload = &cluster.workloads[id];
    [&cluster.namespaces[workload.namespace].name, &workload.kind, &workload.name]
}

/// The proofs of each family, before and after.
type Families<'f> = [[Option<&'f FamilyProof>; 2]; 2];

/// One side in each family that both inputs have, before and after.
fn sides_of<'f>(families: &Families<'f>, side: usize) -> impl Iterator<Item = [&'f Side; 2]> {
    families.iter().filter_map(move |&[before, after]| Some([before?.sides()[side], after?.sides()[side]]))
}

/// What of the peer is another thing to the rules of a policy.
fn peer_seen(was: &PolicyProof, is: &PolicyProof, direction: Direction, whys: &mut BTreeSet<Why>) {
    let (_, peer) = ends_of(direction);
    for (was, is) in was.rules.iter().zip(&is.rules) {
        if was.ports.matched != is.ports.matched {
            whys.insert(Why::Pod(Which::To));
        }
        for (was, is) in was.peers.each.iter().zip(&is.peers.each) {
            match (was.step, is.step) {
                (was, is) if was == is => {}
                (
                    PeerStep::Pods { namespace: was_in, pods: was, host_network: was_host },
                    PeerStep::Pods { namespace: is_in, pods: is, host_network: is_host },
                ) => {
                    whys.extend((was_in != is_in).then_some(Why::Namespace(peer)));
                    whys.extend((was != is || was_host != is_host).then_some(Why::Pod(peer)));
                }
                _ => {
                    whys.insert(Why::Pod(peer));
                }
            }
        }
    }
}

/// The subject and the peer.
fn ends_of(direction: Direction) -> (Which, Which) {
    match direction {
        Direction::Egress => (Which::From, Which::To),
        Direction::Ingress => (Which::To, Which::From),
    }
}

fn of_family(proof: &Proof, family: Family) -> Option<&FamilyProof> {
    match &proof.basis {
        Basis::Families(families) => families.iter().find(|proof| proof.family == family),
        Basis::SamePod | Basis::NoCommonFamily => None,
    }
}
