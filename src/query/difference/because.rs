//! What is responsible for a change.
//!
//! One pair of pods that changed is proved before and after. On each side that changed, what every policy says of the
//! connection is compared; responsible is what, taken back, takes the change back. A policy that says the same in both
//! inputs is never to blame: then it is the labels, ports or addresses of an end.

mod sides;

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use super::ends::{Parties, Place};
use super::listing::Found;
use super::policies::{PairId, PolicyPairs};
use super::samples::{PODS, Samples};
use super::treatment::{Policies, Treated};
use super::{BecauseId, Cause, CauseId, CauseSets, Edited, Presence};
use crate::cluster::{Cluster, NodeId, PodId, WorkloadId};
use crate::compile::Program;
use crate::diagnostic::{ObjectName, Origin};
use crate::index::{Id, IndexVec};
use crate::net::{ByFamily, Direction, Family, address};
use crate::query::{Endpoint, External};
use crate::set::Interner;
use crate::solve::proof::{Basis, Exemption, FamilyProof, PeerStep, PolicyProof, Proof, Prover, Say, Side};
use crate::solve::{End, Reachability, solve};

use sides::{Heard, HeardSide, Meetings, changed, on, responsible};

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

pub(super) struct Because<'p> {
    reachabilities: [Reachability<'p>; 2],
    provers: [Prover<'p>; 2],
    parties: &'p Parties<'p>,
    policies: PolicyPairs<'p>,
    samples: &'p Samples,
    treatments: Policies<'p>,
    /// The number of a side, by what policies see of the connection.
    side_of: FxHashMap<Treated, usize>,
    /// What policies say on a side; `None` if something besides policies matters.
    sides: Vec<Option<sides::Side>>,
    meetings: Meetings,
    /// What a policy is as a cause, where that was asked before: nothing if it says the same in both inputs.
    policy_causes: FxHashMap<PairId, Option<CauseIndex>>,
    /// The names of the workloads of each input.
    workloads: [FxHashSet<[&'p str; 3]>; 2],
    /// By the classes of both ends.
    known: FxHashMap<(Kind, Kind, [bool; 2]), Option<Vec<Why>>>,
    causes: BTreeMap<(ObjectName, Edited), (CauseIndex, Option<Origin>)>,
    sets: Interner<BecauseId, CauseSet>,
}

/// The number of a cause in the order in which causes are found.
type CauseIndex = u32;

/// Causes in ascending order. There may be as many sets as pairs of pods.
type CauseSet = SmallVec<[CauseIndex; 4]>;

/// What policies are responsible for between two pods.
enum ByPolicies {
    /// Nothing changed.
    Unchanged,
    /// These, whatever the ends are.
    Policies(BecauseId),
    /// Something changed about the ends, too.
    Ends,
}

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
    pub(super) fn new(programs: [&'p Program; 2], parties: &'p Parties<'p>, samples: &'p Samples) -> Self {
        let clusters = programs.map(|program| &*program.cluster);
        Self {
            reachabilities: programs.map(solve),
            provers: programs.map(|program| Prover::new(&program.cluster, program.profile)),
            parties,
            policy_causes: FxHashMap::default(),
            policies: PolicyPairs::new(clusters),
            samples,
            treatments: Policies::new(programs),
            side_of: FxHashMap::default(),
            sides: Vec::new(),
            meetings: Meetings::default(),
            workloads: clusters
                .map(|cluster| cluster.workloads.ids().map(|id| workload_name(cluster, id)).collect()),
            known: FxHashMap::default(),
            causes: BTreeMap::new(),
            sets: Interner::new(),
        }
    }

    fn program(&self, input: usize) -> &'p Program {
        self.reachabilities[input].program()
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
            return pairs.find_map(|(source, other)| self.between_ends(change, (from, to), source, other));
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
                let found = match self.by_policies(treated, &source, &destination) {
                    ByPolicies::Unchanged => None,
                    ByPolicies::Policies(because) => Some(Blame::Policies(because)),
                    ByPolicies::Ends => self.between_ends(change, (from, to), &source, &destination),
                };
                if found.is_some() {
                    return found;
                }
            }
        }
        None
    }

    /// What is responsible for a change between two pods, as far as it holds for all that policies treat alike.
    fn by_policies(
        &mut self,
        treated: [Treated; 2],
        source: &[End; 2],
        destination: &[End; 2],
    ) -> ByPolicies {
        let known = treated.map(|treated| self.side_of.get(&treated).copied());
        let numbers = if let [Some(egress), Some(ingress)] = known {
            [egress, ingress]
        } else {
            let mut heard = self.heard_of_policies(source, destination);
            [0, 1].map(|side| {
                *self.side_of.entry(treated[side]).or_insert_with(|| {
                    self.sides.push(heard[side].take().map(|heard| self.meetings.side(heard)));
                    self.sides.len() - 1
                })
            })
        };
        let [Some(egress), Some(ingress)] = numbers.map(|number| self.sides[number].as_ref()) else {
            return ByPolicies::Ends;
        };
        let Some(policies) = self.meetings.responsible(egress, ingress) else {
            debug_assert_eq!(self.why(source, destination), None, "a proof says that something changed");
            return ByPolicies::Unchanged;
        };
        let policies: SmallVec<[PairId; 4]> = policies.collect();
        let causes: Option<CauseSet> = policies.into_iter().map(|pair| self.policy_cause(pair)).collect();
        let Some(mut causes) = causes else { return ByPolicies::Ends };
        causes.sort_unstable();
        causes.dedup();
        debug_assert!(
            self.is_proved(&causes, source, destination),
            "a proof says that others are responsible"
        );
        ByPolicies::Policies(self.sets.intern_owned(causes))
    }

    /// Whether these policies are responsible for a change, by its proof.
    fn is_proved(&mut self, causes: &[CauseIndex], source: &[End; 2], destination: &[End; 2]) -> bool {
        let proved: Option<BTreeSet<CauseIndex>> = self.why(source, destination).and_then(|whys| {
            whys.into_iter()
                .map(|why| if let Why::Policy(pair) = why { self.policy_cause(pair) } else { None })
                .collect()
        });
        proved.is_some_and(|proved| proved.into_iter().eq(causes.iter().copied()))
    }

    /// What is said on both sides in each family, if nothing but policies matters to it.
    fn heard_of_policies(
        &self,
        source: &[End; 2],
        destination: &[End; 2],
    ) -> [Option<ByFamily<Option<HeardSide>>>; 2] {
        let proofs = [0, 1].map(|input| self.provers[input].prove(source[input], destination[input]));
        let mut sides = [Some(ByFamily::default()), Some(ByFamily::default())];
        for family in Family::ALL {
            match [0, 1].map(|input| of_family(&proofs[input], family)) {
                [None, None] => {}
                [Some(before), Some(after)] => {
                    for (side, heard) in sides.iter_mut().zip(self.heard([(0, before), (1, after)])) {
                        match side {
                            Some(side) if !heard.is_exempt_in_one() => side[family] = Some(heard),
                            _ => *side = None,
                        }
                    }
                }
                _ => return [None, None],
            }
        }
        sides
    }

    fn between_ends(
        &mut self,
        change: &Found,
        (from, to): (usize, usize),
        source: &[End; 2],
        destination: &[End; 2],
    ) -> Option<Blame> {
        let exempt = [0, 1].map(|input| self.is_exempt(input, source[input], destination[input]));
        let key = (self.kind(change.from, from), self.kind(change.to, to), exempt);
        if !self.known.contains_key(&key) {
            let why = self.why(source, destination);
            self.known.insert(key, why);
        }
        let whys = self.known[&key].as_ref()?;
        let pods = |ends: &[End; 2]| {
            ends.map(|end| match end {
                End::Pod(pod, _) => Some(pod),
                End::Address(_) => None,
            })
        };
        Some(Blame::Ends(whys.iter().map(|why| (*why, pods(source), pods(destination))).collect()))
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
        let is = |input: usize| self.reachabilities[input].connectivity(from[input], to[input]);
        let concerned = changed(&[is(0), is(1)]);
        if concerned.is_empty() {
            return None;
        }
        let proofs = [0, 1].map(|input| self.provers[input].prove(from[input], to[input]));
        let mut whys = BTreeSet::new();
        let mut families: Vec<(Heard, Proofs<'_>)> = Vec::new();
        for family in Family::ALL {
            match [0, 1].map(|input| of_family(&proofs[input], family)) {
                [None, None] => {}
                [Some(before), Some(after)] => {
                    families.push((self.heard([(0, before), (1, after)]), sides_of([before, after])));
                }
                [before, _] => {
                    // The ends have this family in common in one of the inputs only.
                    for (which, ends) in [(Which::From, from), (Which::To, to)] {
                        let has = |input: usize| match ends[input] {
                            End::Pod(pod, _) => self.cluster(input).pod_addresses(pod, family).is_some(),
                            End::Address(_) => true,
                        };
                        whys.extend((has(0) != has(1)).then_some(Why::Pod(which)));
                    }
                    families.extend(
                        before.map(|before| {
                            (self.heard([(0, before), (0, before)]), sides_of([before, before]))
                        }),
                    );
                }
            }
        }
        let sides = || families.iter().flat_map(|(heard, proofs)| heard.iter().zip(proofs));
        for (heard, proofs) in sides() {
            let [was, is] = heard.bounds.each_ref().map(|bounds| on(bounds, &concerned));
            if heard.is_exempt_in_one() && was != is {
                self.exemption(proofs, [from, to], &mut whys);
            }
        }
        let heard: Vec<Heard> = families.iter().map(|(heard, _)| heard.clone()).collect();
        for pair in responsible(&heard, &concerned) {
            if self.policies.is_same(pair) {
                for (heard, proofs) in sides() {
                    self.facts(heard, proofs, pair, [from, to], &mut whys);
                }
            } else {
                whys.insert(Why::Policy(pair));
            }
        }
        Some(whys.into_iter().collect())
    }

    /// What all policies say in one family, by the proofs of these inputs.
    fn heard(&self, proofs: [(usize, &FamilyProof); 2]) -> Heard {
        let side = |sides: [(usize, &Side); 2]| {
            let mut says: BTreeMap<PairId, [Option<Say>; 2]> = BTreeMap::new();
            for (place, (input, side)) in sides.into_iter().enumerate() {
                for proof in &side.policies {
                    let say = self.provers[input].say(proof, side.direction);
                    says.entry(self.policies.pair(input, proof.policy)).or_default()[place] = Some(say);
                }
            }
            let is_node = |(input, side): (usize, &Side)| {
                let policies = &self.cluster(input).policies;
                side.policies.iter().any(|proof| policies[proof.policy].subject.pods().is_none())
            };
            let exemptions = sides.map(|(_, side)| {
                let by_node =
                    side.exemption == Some(Exemption::HostNetwork) && sides.into_iter().any(is_node);
                side.exemption.filter(|_| !by_node)
            });
            HeardSide { exemptions, bounds: sides.map(|(_, side)| side.bounds.clone()), says }
        };
        let egress = side(proofs.map(|(input, proof)| (input, &proof.egress)));
        [egress, side(proofs.map(|(input, proof)| (input, &proof.ingress)))]
    }

    /// Why a policy that says the same has something else to say of a connection.
    fn facts(
        &self,
        heard: &HeardSide,
        proofs: &[&Side; 2],
        pair: PairId,
        ends: [&[End; 2]; 2],
        whys: &mut BTreeSet<Why>,
    ) {
        if !heard.says.get(&pair).is_some_and(|[before, after]| before != after) {
            return;
        }
        let (subject, peer) = ends_of(proofs[0].direction);
        let [Some(before), Some(after)] = self.policies.all[pair] else { return };
        if let [End::Pod(was, _), End::Pod(is, _)] = ends[subject as usize] {
            match (self.provers[0].selects(before, *was), self.provers[1].selects(after, *is)) {
                (Some(was), Some(is)) => {
                    whys.extend((was.0 != is.0).then_some(Why::Namespace(subject)));
                    whys.extend((was.1 != is.1).then_some(Why::Pod(subject)));
                }
                // What selects nodes selects another one, or the node has other labels.
                _ => self.moved(&[subject], subject, ends, whys),
            }
        }
        let proof = |input: usize, policy| proofs[input].policies.iter().find(|proof| proof.policy == policy);
        let (Some(was), Some(is)) = (proof(0, before), proof(1, after)) else { return };
        let PolicyProof { rules, .. } = was;
        for (was, is) in rules.iter().zip(&is.rules) {
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

    /// Why policies apply in one input and not in the other.
    fn exemption(&self, proofs: &[&Side; 2], ends: [&[End; 2]; 2], whys: &mut BTreeSet<Why>) {
        let (subject, peer) = ends_of(proofs[0].direction);
        if !proofs.iter().any(|side| side.exemption == Some(Exemption::OwnNode)) {
            whys.insert(Why::Pod(subject));
            return;
        }
        self.moved(&[subject, peer], subject, ends, whys);
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
            Why::Policy(pair) => self.policy_cause(pair),
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
    fn policy_cause(&mut self, pair: PairId) -> Option<CauseIndex> {
        if let Some(&known) = self.policy_causes.get(&pair) {
            return known;
        }
        let [before, after] = self.policies.all[pair];
        let edit = match (before, after) {
            (None, Some(after)) => Some((Edited::Added, 1, after)),
            (Some(before), None) => Some((Edited::Removed, 0, before)),
            (_, Some(after)) => (!self.policies.is_same(pair)).then_some((Edited::Changed, 1, after)),
            (None, None) => None,
        };
        let cause = edit.map(|(edit, input, id)| {
            let policy = &self.cluster(input).policies[id];
            self.add(policy.name.clone(), edit, Some(policy.origin.clone()))
        });
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

/// The proofs of both sides, each before and after.
type Proofs<'f> = [[&'f Side; 2]; 2];

fn sides_of(proofs: [&FamilyProof; 2]) -> Proofs<'_> {
    [proofs.map(|proof| &proof.egress), proofs.map(|proof| &proof.ingress)]
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
