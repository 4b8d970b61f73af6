//! A program whose policies change one by one, at a cost that depends on what they touch.
//!
//! What compiling throws away is kept here: which selectors match which kinds of pods, where pods are in the address
//! space, which classes a signature decides. A policy that comes tells pods of one class apart by *splitting* it: the
//! class keeps its number, the pods told apart get a new one. Classes are never merged again; a class too many changes
//! no verdict. A policy that is replaced gets a new number, so that both versions can be evaluated side by side until
//! the revision is kept or undone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::addresses::AddressAtoms;
use super::classes::{PodSelector, signature};
use super::homes::{HomeId, Homes};
use super::hosts::Hosts;
use super::kinds::{KindId, Kinds, within};
use super::selector_index::Matches;
use super::{
    ClassId, CompiledPeers, CompiledPolicy, CompiledRule, Layout, Members, PeersId, PortNameId,
    ProfileTouches, Program, ResolutionId, Signature, SignatureId, block_union, compile_as, compile_policy,
    has_hosts, named, node_addresses, stands_for_hosts, with_nodes,
};
use crate::cluster::{Addresses, Cluster, PodId};
use crate::index::{Id, IndexVec};
use crate::label::Truth;
use crate::net::{AddressSet, ByDirection, ByFamily, Direction, Family, PortTable, address_number};
use crate::policy::{Policy, PolicyId};
use crate::profile::Profile;
use crate::set::Interner;

/// A program and the tables with which a change of policies is compiled into it.
#[derive(Debug)]
pub(crate) struct LiveProgram {
    pub(crate) program: Program,
    /// The classes that each signature decides; a signature without any is no longer in use.
    pub(crate) members: ByDirection<IndexVec<SignatureId, Vec<ClassId>>>,
    signature_ids: ByDirection<FxHashMap<Signature, SignatureId>>,
    /// Numbers of signatures that hold a policy which was withdrawn.
    free_signatures: ByDirection<Vec<SignatureId>>,
    /// Pods equal in all that selectors ask for.
    kinds: Kinds,
    selector: PodSelector,
    /// The classes of the pods of each kind, and of how many pod groups.
    parts: IndexVec<KindId, Vec<(ClassId, u32)>>,
    /// By family: every pod with one known address, by address.
    by_address: ByFamily<Vec<(u128, PodId)>>,
    pods_of_kind: IndexVec<KindId, Vec<PodId>>,
    /// Numbers of policies that are withdrawn.
    free: Vec<PolicyId>,
    touching: Touching,
}

/// One class that changed its signature in one direction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Moved {
    pub(crate) before: SignatureId,
    pub(crate) after: SignatureId,
    pub(crate) class: ClassId,
}

/// The effect of one change of policies on the program: enough to keep it or to undo it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Revision {
    /// The policies that are no longer in force; what they say is kept until the revision is settled.
    pub(crate) removed: Vec<PolicyId>,
    pub(crate) added: Vec<PolicyId>,
    /// The number of peer lists before the change; those that it added have higher numbers.
    lists: usize,
    /// Sorted.
    pub(crate) moved: ByDirection<Vec<Moved>>,
}

/// The number of policies in force that touch each point on which profiles differ, and the facts to count them by.
#[derive(Debug, Default)]
struct Touching {
    ambiguous: BTreeSet<PortNameId>,
    of_init_containers: BTreeSet<PortNameId>,
    any_bare: bool,
    /// Set for each list with blocks that hold, or may hold, a pod.
    on_pods: IndexVec<PeersId, bool>,
    /// Set for each list that stands for hosts.
    on_hosts: IndexVec<PeersId, bool>,
    any_hosts: bool,
    naming_for_all: BTreeSet<PolicyId>,
    hosts_by_label: usize,
    block_on_pods: usize,
    ambiguous_port: usize,
    init_container_port: usize,
    egress_named_port: usize,
    policies: usize,
}

/// Policies that select a class, and how surely.
type Selecting<'p> = &'p [(PolicyId, Truth)];

/// The origin of a class's signature: its old one, its other facts, and the policies that are new.
type Becoming<'s> = (SignatureId, ResolutionId, Option<HomeId>, Selecting<'s>);

/// Pods of one class that a selector or a block tells apart from the others, with the value that they get.
struct Found<V> {
    class: ClassId,
    value: V,
    pods: Pods,
}

#[derive(Clone, Copy)]
enum Pods {
    /// Pods of a kind, and how many groups of it the class has.
    Kind(KindId, u32),
    One(PodId),
}

impl LiveProgram {
    /// Compiles a program that can change. Its lists are all kept one by one: a set would have to be copied to grow.
    pub(crate) fn new(cluster: &Arc<Cluster>, profile: Profile) -> Self {
        let program = compile_as(cluster, profile, Layout::DenseAbove(usize::MAX));
        // Without atoms, where a pod is tells no kinds apart, but for whether its address is known.
        let kinds = Kinds::new(
            cluster,
            program.semantics,
            &program.port_names,
            &AddressAtoms::default(),
            &mut Interner::new(),
            false,
            Hosts::new(cluster, &program.policies),
        );
        let mut pods_of_kind: IndexVec<KindId, Vec<PodId>> = vec![Vec::new(); kinds.all.len()].into();
        let mut parts: IndexVec<KindId, Vec<(ClassId, u32)>> = vec![Vec::new(); kinds.all.len()].into();
        let mut by_address: ByFamily<Vec<(u128, PodId)>> = ByFamily::default();
        for (pod, &kind) in kinds.of_pod.enumerate() {
            pods_of_kind[kind].push(pod);
            count_part(&mut parts[kind], program.class_of[pod]);
            for family in Family::ALL {
                if let Some(address) = single_address(&cluster.pods[pod].addresses, family) {
                    by_address[family].push((address, pod));
                }
            }
        }
        for family in Family::ALL {
            by_address[family].sort_unstable();
        }
        let mut members = ByDirection::default();
        let mut signature_ids = ByDirection::default();
        for direction in Direction::ALL {
            let signatures = &program.signatures[direction];
            let mut classes: IndexVec<SignatureId, Vec<ClassId>> = vec![Vec::new(); signatures.len()].into();
            for (id, class) in program.classes.enumerate() {
                classes[class.signature[direction]].push(id);
            }
            members[direction] = classes;
            signature_ids[direction] = signatures.enumerate().map(|(id, s)| (s.clone(), id)).collect();
        }
        let selector = PodSelector::new(cluster, &kinds);
        let mut live = Self {
            members,
            signature_ids,
            free_signatures: ByDirection::default(),
            kinds,
            selector,
            parts,
            by_address,
            pods_of_kind,
            free: Vec::new(),
            touching: Touching::default(),
            program,
        };
        live.start_touching();
        live
    }

    /// Takes policies out of force and brings others in; their names must be new, or those of removed ones.
    ///
    /// `None` if that takes a fact about pods that the program was not compiled for: then nothing is changed.
    pub(crate) fn revise(&mut self, removed: Vec<PolicyId>, added: Vec<Policy>) -> Option<Revision> {
        if !added.iter().all(|policy| self.knows_enough_for(policy)) {
            return None;
        }
        let mut revision = Revision { removed, lists: self.program.peers.len(), ..Revision::default() };
        let mut subjects: BTreeMap<ClassId, Vec<(PolicyId, Truth)>> = BTreeMap::new();
        for policy in added {
            let id = self.register(policy);
            revision.added.push(id);
        }
        let in_force: Vec<PolicyId> =
            revision.added.iter().copied().filter(|&id| self.program.policies[id].is_some()).collect();
        for &id in &in_force {
            self.subjects(id);
        }
        // All splits are made: what each policy selects is whole classes.
        for &id in &in_force {
            for (class, truth) in self.subjects(id) {
                subjects.entry(class).or_default().push((id, truth));
            }
        }
        for direction in Direction::ALL {
            let moved = self.moves(direction, &revision.removed, &subjects);
            revision.moved[direction] = moved;
        }
        self.switch(&revision, false);
        Some(revision)
    }

    /// Forgets the policies that a revision removed; their numbers may be given again.
    pub(crate) fn keep(&mut self, revision: &Revision) {
        self.retire(revision, &revision.removed, |moved| moved.before);
        self.withdraw(&revision.removed);
    }

    /// Undoes the last revision that was neither kept nor undone. Splits stay.
    pub(crate) fn undo(&mut self, revision: &Revision) {
        self.switch(revision, true);
    }

    /// Forgets the policies that an undone revision added, and lists that no other has: there may be thousands of
    /// revisions.
    pub(crate) fn forget(&mut self, revision: &Revision) {
        self.retire(revision, &revision.added, |moved| moved.after);
        self.withdraw(&revision.added);
        let program = &mut self.program;
        for list in (revision.lists..program.peers.len()).map(PeersId::from_index) {
            for (class, _) in program.peers[list].classes.iter() {
                let lists = &mut program.classes[class].peers;
                lists.truncate(lists.partition_point(|(list, _)| list.index() < revision.lists));
            }
        }
        program.peers.truncate(revision.lists);
        program.lists.truncate(revision.lists);
        self.touching.on_pods.truncate(revision.lists);
        self.touching.on_hosts.truncate(revision.lists);
    }

    /// Lowers a policy for the cluster.
    pub(crate) fn lower<R>(&mut self, lower: impl FnOnce(&mut Cluster) -> R) -> R {
        lower(Arc::make_mut(&mut self.program.cluster))
    }

    /// True if the pods are compiled for every fact that a policy's rules ask for: port names, and their namespaces. They
    /// never are for peers that depend on the namespace of the subject.
    fn knows_enough_for(&self, policy: &Policy) -> bool {
        if policy.is_relative() {
            return false;
        }
        let program = &self.program;
        let mut rules = Direction::ALL.into_iter().flat_map(|direction| &policy.rules[direction]);
        rules.all(|rule| program.port_names.know(&rule.ports))
            && (program.semantics.egress_port_crosses_namespaces
                || !policy.rules.egress.iter().any(|rule| rule.ports.has_names())
                || program.classes.iter().all(|class| class.resolves_in.is_some()))
    }

    /// Gives a policy a number and compiles it, without letting it decide anything yet.
    fn register(&mut self, policy: Policy) -> PolicyId {
        let program = &mut self.program;
        let in_force = program.semantics.enforces && policy.enforced_by.contains(program.profile);
        let compiled = in_force.then(|| {
            let ports = Arc::make_mut(&mut program.ports);
            let (semantics, lists, names) = (program.semantics, &mut program.lists, &mut program.port_names);
            compile_policy(&policy, semantics, &Homes::default(), lists, names, ports)
        });
        let policies = &mut Arc::make_mut(&mut program.cluster).policies;
        // Signatures that are not in use may still hold a number that is given again, and expect a policy in force.
        let free = if compiled.is_some() { self.free.pop() } else { None };
        let id = if let Some(id) = free {
            policies[id] = policy;
            program.policies[id] = compiled;
            id
        } else {
            program.policies.push(compiled);
            program.deciding.push(ByDirection::default());
            policies.push(policy)
        };
        for list in program.peers.len()..program.lists.len() {
            self.add_list(PeersId::from_index(list));
        }
        id
    }

    /// Finds whom a new list matches, and splits classes that it matches in part.
    fn add_list(&mut self, id: PeersId) {
        let program = &self.program;
        let list = &program.lists[id];
        let blocks = block_union(&list.blocks);
        let nodes = node_addresses(&program.cluster);
        let with_nodes = with_nodes(list, program.semantics, &blocks, &nodes);
        let named = named(list, &blocks, &nodes);
        self.touching.on_hosts.push(stands_for_hosts(list));
        let mut by_kind: BTreeMap<KindId, Truth> = BTreeMap::new();
        if with_nodes.is_some() {
            let hosts = self.kinds.all.enumerate().filter(|(_, kind)| kind.host_network);
            by_kind.extend(hosts.map(|(id, _)| (id, Truth::Yes)));
        }
        for pod_match in &list.pods {
            let matches = self.selector.select(&program.cluster.labels.selectors, pod_match);
            for (kind, truth) in matches.iter() {
                let found = by_kind.entry(KindId::from_index(kind as usize)).or_insert(Truth::No);
                *found = found.or(truth);
            }
        }
        let mut by_pod: FxHashMap<PodId, ByFamily<Truth>> = FxHashMap::default();
        for family in Family::ALL {
            for (pod, truth) in self.pods_in(family, &blocks[family]) {
                by_pod.entry(pod).or_insert(NEVER)[family] = truth;
            }
        }
        self.touching.on_pods.push(!by_pod.is_empty());
        if !program.semantics.ip_block_matches_pods {
            by_pod.clear();
        }
        let among = |class: ClassId, truth: Truth| {
            let families = program.classes[class].families;
            let of = |family| if families[family] { truth } else { Truth::No };
            ByFamily { v4: of(Family::V4), v6: of(Family::V6) }
        };
        let mut found = Vec::new();
        if by_pod.is_empty() {
            for (kind, truth) in by_kind {
                found.extend(self.parts[kind].iter().map(|&(class, count)| Found {
                    class,
                    value: among(class, truth),
                    pods: Pods::Kind(kind, count),
                }));
            }
        } else {
            for (kind, truth) in by_kind {
                for &pod in &self.pods_of_kind[kind] {
                    let both = by_pod.entry(pod).or_insert(NEVER);
                    let selected = among(program.class_of[pod], truth);
                    for family in Family::ALL {
                        both[family] = both[family].or(selected[family]);
                    }
                }
            }
            let mut pods: Vec<(PodId, ByFamily<Truth>)> = by_pod.into_iter().collect();
            pods.sort_unstable();
            found.extend(pods.into_iter().map(|(pod, value)| Found {
                class: program.class_of[pod],
                value,
                pods: Pods::One(pod),
            }));
        }
        found.retain(|found| Family::ALL.into_iter().any(|family| found.value[family].possible()));
        let classes = self.tell_apart(found);
        let program = &mut self.program;
        for &(class, truth) in &classes {
            program.classes[class].peers.push((id, truth));
        }
        program.peers.push(CompiledPeers {
            classes: Members::Few(classes),
            blocks,
            with_nodes,
            named,
            uses: ByDirection::default(),
        });
    }

    /// The pods whose address in `family` a set holds, and how surely.
    fn pods_in(&self, family: Family, set: &AddressSet) -> Vec<(PodId, Truth)> {
        let mut pods = Vec::new();
        let known = &self.by_address[family];
        for &(first, last) in set.ranges() {
            let from = known.partition_point(|&(address, _)| address < first);
            let inside = known[from..].iter().take_while(|&&(address, _)| address <= last);
            pods.extend(inside.map(|&(_, pod)| (pod, Truth::Yes)));
        }
        for (region, kinds) in &self.kinds.by_region[family] {
            let truth = within(region, set);
            if truth.possible() {
                let inside = kinds.iter().flat_map(|&kind| &self.pods_of_kind[kind]);
                pods.extend(inside.map(|&pod| (pod, truth)));
            }
        }
        pods
    }

    /// The classes that a policy selects, after splitting those that it selects in part.
    fn subjects(&mut self, id: PolicyId) -> Vec<(ClassId, Truth)> {
        let cluster = &self.program.cluster;
        let mut found = Vec::new();
        // Policies that select nodes never change in place.
        let selected = cluster.policies[id].subject.pods();
        let matches = selected.map(|pods| self.selector.select(&cluster.labels.selectors, pods));
        for (kind, truth) in matches.into_iter().flat_map(Matches::iter) {
            let kind = KindId::from_index(kind as usize);
            if self.kinds.all[kind].subject {
                found.extend(self.parts[kind].iter().map(|&(class, count)| Found {
                    class,
                    value: truth,
                    pods: Pods::Kind(kind, count),
                }));
            }
        }
        self.tell_apart(found)
    }

    /// Splits every class of which not all pods, or not all alike, were found. The classes found, ascending.
    fn tell_apart<V: Copy + Ord>(&mut self, mut found: Vec<Found<V>>) -> Vec<(ClassId, V)> {
        found.sort_by_key(|found| (found.class, found.value));
        let mut classes = Vec::new();
        for of_class in found.chunk_by(|a, b| a.class == b.class) {
            let class = of_class[0].class;
            let mut left = self.program.classes[class].pods.len();
            for alike in of_class.chunk_by(|a, b| a.value == b.value) {
                let count: usize = alike
                    .iter()
                    .map(|found| match found.pods {
                        Pods::Kind(_, count) => count as usize,
                        Pods::One(_) => 1,
                    })
                    .sum();
                let told = if count == left { class } else { self.split(class, alike) };
                left -= count;
                classes.push((told, alike[0].value));
            }
        }
        classes.sort_unstable_by_key(|&(class, _)| class);
        classes
    }

    /// Makes a class of some pods of another.
    fn split<V>(&mut self, class: ClassId, apart: &[Found<V>]) -> ClassId {
        let (mut kinds, mut ones) = (FxHashSet::default(), FxHashSet::default());
        for found in apart {
            match found.pods {
                Pods::Kind(kind, _) => kinds.insert(kind),
                Pods::One(pod) => ones.insert(pod),
            };
        }
        let program = &mut self.program;
        let new = ClassId::from_index(program.classes.len());
        let whole = std::mem::take(&mut program.classes[class].pods);
        let (pods, rest): (Vec<PodId>, Vec<PodId>) =
            whole.into_iter().partition(|pod| ones.contains(pod) || kinds.contains(&self.kinds.of_pod[*pod]));
        let weight = pods.iter().map(|&pod| u64::from(program.cluster.pods[pod].count)).sum();
        for &pod in &pods {
            program.class_of[pod] = new;
            let parts = &mut self.parts[self.kinds.of_pod[pod]];
            let place = parts.iter().position(|part| part.0 == class).expect("a pod is counted in its class");
            if parts[place].1 == 1 {
                parts.swap_remove(place);
            } else {
                parts[place].1 -= 1;
            }
            count_part(parts, new);
        }
        let old = &mut program.classes[class];
        old.pods = rest;
        old.weight -= weight;
        let split = super::Class { pods, weight, ..old.clone() };
        for &(list, truth) in &split.peers {
            match &mut program.peers[list].classes {
                Members::Few(classes) => classes.push((new, truth)),
                Members::Many(_) => unreachable!("a program that changes keeps no dense sets"),
            }
        }
        for direction in Direction::ALL {
            self.members[direction][split.signature[direction]].push(new);
        }
        program.classes.push(split)
    }

    /// The classes whose signature changes in a direction when some policies go and others come.
    fn moves(
        &mut self,
        direction: Direction,
        removed: &[PolicyId],
        added: &BTreeMap<ClassId, Vec<(PolicyId, Truth)>>,
    ) -> Vec<Moved> {
        let deciding = removed.iter().flat_map(|&policy| &self.program.deciding[policy][direction]);
        let losing = deciding.flat_map(|&signature| &self.members[direction][signature]).copied();
        let policies = &self.program.cluster.policies;
        let decides = |&(policy, _): &(PolicyId, Truth)| policies[policy].decides(direction);
        let gaining =
            added.iter().filter(|(_, policies)| policies.iter().any(decides)).map(|(&class, _)| class);
        let mut classes: Vec<ClassId> = losing.chain(gaining).collect();
        classes.sort_unstable();
        classes.dedup();
        let mut moved = Vec::with_capacity(classes.len());
        let mut known: FxHashMap<Becoming<'_>, SignatureId> = FxHashMap::default();
        for class in classes {
            let program = &self.program;
            let facts = &program.classes[class];
            let before = facts.signature[direction];
            let (resolution, home, families) = (facts.resolution, facts.home, facts.families);
            let new: Selecting<'_> = added.get(&class).map_or(&[], |added| added);
            let after = if let Some(&after) = known.get(&(before, resolution, home, new)) {
                after
            } else {
                let old = program.signatures[direction][before].policies.iter().copied();
                let mut deciding: Vec<(PolicyId, Truth)> =
                    old.filter(|(policy, _)| !removed.contains(policy)).collect();
                let policies = &program.cluster.policies;
                let place =
                    |id: PolicyId| program.policies[id].as_ref().map(|policy| (policy.tier, &policy.order));
                let new_ones = new.iter().copied();
                deciding.extend(new_ones.filter(|&(policy, _)| policies[policy].decides(direction)));
                deciding.sort_unstable_by(|&(a, _), &(b, _)| (place(a), a).cmp(&(place(b), b)));
                let after = signature(&program.policies, deciding, direction, resolution, home, families);
                let after = self.signature_id(direction, after);
                known.insert((before, resolution, home, new), after);
                after
            };
            if before != after {
                moved.push(Moved { before, after, class });
            }
        }
        moved.sort_unstable();
        moved
    }

    fn signature_id(&mut self, direction: Direction, signature: Signature) -> SignatureId {
        if let Some(&id) = self.signature_ids[direction].get(&signature) {
            return id;
        }
        let signatures = &mut self.program.signatures[direction];
        let id = if let Some(id) = self.free_signatures[direction].pop() {
            signatures[id] = signature.clone();
            id
        } else {
            self.members[direction].push(Vec::new());
            signatures.push(signature.clone())
        };
        self.signature_ids[direction].insert(signature, id);
        id
    }

    /// Lets a revision take effect, or takes its effect back.
    fn switch(&mut self, revision: &Revision, back: bool) {
        let (leaving, coming) =
            if back { (&revision.added, &revision.removed) } else { (&revision.removed, &revision.added) };
        for &id in leaving {
            self.set_in_use(id, false);
        }
        for &id in coming {
            self.set_in_use(id, true);
        }
        for direction in Direction::ALL {
            let mut switched = Vec::new();
            for alike in revision.moved[direction].chunk_by(|a, b| (a.before, a.after) == (b.before, b.after))
            {
                let (from, to) =
                    if back { (alike[0].after, alike[0].before) } else { (alike[0].before, alike[0].after) };
                for moved in alike {
                    self.program.classes[moved.class].signature[direction] = to;
                }
                let members = &mut self.members[direction];
                let classes = &self.program.classes;
                members[from].retain(|&class| classes[class].signature[direction] == from);
                let was_unused = members[to].is_empty();
                members[to].extend(alike.iter().map(|moved| moved.class));
                if self.members[direction][from].is_empty() {
                    switched.push((from, false));
                }
                if was_unused {
                    switched.push((to, true));
                }
            }
            self.set_deciding(direction, &switched);
        }
    }

    /// Adds the rules of a policy to the uses of their peer lists, or takes them out; keeps the profile touches right.
    fn set_in_use(&mut self, id: PolicyId, in_use: bool) {
        let program = &mut self.program;
        let Some(policy) = &program.policies[id] else { return };
        for (direction, list, place) in policy.lists() {
            let uses = &mut program.peers[list].uses[direction];
            match (uses.binary_search(&(id, place)), in_use) {
                (Err(at), true) => uses.insert(at, (id, place)),
                (Ok(at), false) => {
                    uses.remove(at);
                }
                _ => {}
            }
        }
        self.touching.count(id, policy, in_use);
        program.touches = self.touching.touches();
    }

    /// Adds signatures, in this order, to those that their policies decide, or takes them out.
    fn set_deciding(&mut self, direction: Direction, switched: &[(SignatureId, bool)]) {
        let Program { signatures, deciding, .. } = &mut self.program;
        // One policy may decide all signatures of the cluster: its list is put in order once.
        let mut long: BTreeMap<PolicyId, Vec<(SignatureId, bool)>> = BTreeMap::new();
        for &(id, in_use) in switched {
            for &(policy, _) in &signatures[direction][id].policies {
                let deciding = &mut deciding[policy][direction];
                if deciding.len() > LONG {
                    long.entry(policy).or_default().push((id, in_use));
                    continue;
                }
                match (deciding.binary_search(&id), in_use) {
                    (Err(at), true) => deciding.insert(at, id),
                    (Ok(at), false) => {
                        deciding.remove(at);
                    }
                    _ => {}
                }
            }
        }
        for (policy, switched) in long {
            let last: FxHashMap<SignatureId, bool> = switched.into_iter().collect();
            let deciding = &mut deciding[policy][direction];
            deciding.retain(|id| !last.contains_key(id));
            deciding.extend(last.into_iter().filter(|&(_, in_use)| in_use).map(|(id, _)| id));
            deciding.sort_unstable();
        }
    }

    /// Gives the numbers of signatures free that hold one of these policies, of those that a revision touched: a policy of
    /// the whole cluster may be in all that there are.
    fn retire(&mut self, revision: &Revision, policies: &[PolicyId], of: impl Fn(&Moved) -> SignatureId) {
        for direction in Direction::ALL {
            let mut last = None;
            for id in revision.moved[direction].iter().map(&of) {
                let signature = &mut self.program.signatures[direction][id];
                let stays = last == Some(id)
                    || !self.members[direction][id].is_empty()
                    || !signature.policies.iter().any(|(policy, _)| policies.contains(policy));
                if !stays {
                    self.signature_ids[direction].remove(signature);
                    signature.policies = Box::default();
                    signature.resolution = None;
                    self.free_signatures[direction].push(id);
                }
                last = Some(id);
            }
        }
    }

    fn withdraw(&mut self, policies: &[PolicyId]) {
        for &id in policies {
            Arc::make_mut(&mut self.program.cluster).policies[id].withdraw();
            if let Some(compiled) = &mut self.program.policies[id] {
                compiled.rules = ByDirection::default();
            }
            self.free.push(id);
        }
    }

    /// Number of classes, and of signatures that may still be in use.
    pub(crate) fn size(&self) -> usize {
        let signatures = Direction::ALL.map(|direction| {
            self.program.signatures[direction].len() - self.free_signatures[direction].len()
        });
        self.program.classes.len() + signatures.iter().sum::<usize>()
    }

    /// The policies with an egress rule for everybody that names ports: towards pods that declare these, it is another
    /// rule than towards others.
    pub(crate) fn naming_for_all(&self) -> impl Iterator<Item = PolicyId> {
        self.touching.naming_for_all.iter().copied()
    }

    /// The port sets, for an evaluation that may add to them.
    pub(crate) fn take_ports(&mut self) -> PortTable {
        Arc::unwrap_or_clone(std::mem::take(&mut self.program.ports))
    }

    /// Gives the port sets back.
    pub(crate) fn put_ports(&mut self, ports: PortTable) {
        self.program.ports = Arc::new(ports);
    }

    fn start_touching(&mut self) {
        let program = &self.program;
        let blocks_hold_pods = |blocks: &ByFamily<AddressSet>| {
            Family::ALL.into_iter().any(|family| !self.pods_in(family, &blocks[family]).is_empty())
        };
        let mut touching = Touching {
            ambiguous: program.resolutions.iter().flat_map(super::Resolution::ambiguous).collect(),
            of_init_containers: program.port_names.of_init_containers(program.cluster.pods.iter()),
            any_bare: program.cluster.pods.iter().any(|pod| pod.bare),
            on_hosts: program.lists.iter().map(stands_for_hosts).collect(),
            any_hosts: has_hosts(&program.cluster),
            on_pods: program.peers.iter().map(|list| blocks_hold_pods(&list.blocks)).collect(),
            ..Touching::default()
        };
        for (id, policy) in program.policies.enumerate() {
            let Some(policy) = policy else { continue };
            touching.count(id, policy, true);
        }
        self.touching = touching;
    }
}

/// The number of signatures from which on those of a policy are put in order all at once; low in tests, whose clusters are small.
const LONG: usize = if cfg!(debug_assertions) { 2 } else { 256 };

/// Matches in neither family.
const NEVER: ByFamily<Truth> = ByFamily { v4: Truth::No, v6: Truth::No };

impl Touching {
    fn count(&mut self, id: PolicyId, policy: &CompiledPolicy, in_use: bool) {
        let names = || {
            let rules = Direction::ALL.into_iter().flat_map(|direction| &policy.rules[direction]);
            rules.flat_map(|rule| &rule.ports.named)
        };
        let for_all = |rule: &CompiledRule| rule.is_for_all() && !rule.ports.named.is_empty();
        if policy.rules.egress.iter().any(for_all) {
            if in_use {
                self.naming_for_all.insert(id);
            } else {
                self.naming_for_all.remove(&id);
            }
        }
        let on_pods = policy.lists().any(|(_, list, _)| self.on_pods[list]);
        let on_hosts = policy.lists().any(|(_, list, _)| self.on_hosts[list]);
        let ambiguous = names().any(|name| self.ambiguous.contains(name));
        let init = names().any(|name| self.of_init_containers.contains(name));
        let egress = policy.rules.egress.iter().any(|rule| !rule.ports.named.is_empty());
        for (count, touches) in [
            (&mut self.policies, true),
            (&mut self.hosts_by_label, on_hosts),
            (&mut self.block_on_pods, on_pods),
            (&mut self.ambiguous_port, ambiguous),
            (&mut self.init_container_port, init),
            (&mut self.egress_named_port, egress),
        ] {
            match (touches, in_use) {
                (true, true) => *count += 1,
                (true, false) => *count -= 1,
                _ => {}
            }
        }
    }

    fn touches(&self) -> ProfileTouches {
        ProfileTouches {
            hosts_by_label: self.any_hosts && self.hosts_by_label > 0,
            block_on_pods: self.block_on_pods > 0,
            ambiguous_port: self.ambiguous_port > 0,
            init_container_port: self.init_container_port > 0,
            egress_named_port: self.egress_named_port > 0,
            bare_pods: self.any_bare && self.policies > 0,
        }
    }
}

fn count_part(parts: &mut Vec<(ClassId, u32)>, class: ClassId) {
    match parts.iter_mut().find(|part| part.0 == class) {
        Some(part) => part.1 += 1,
        None => parts.push((class, 1)),
    }
}

/// The address of a pod that has exactly one in a family.
fn single_address(addresses: &Addresses, family: Family) -> Option<u128> {
    let Addresses::Known(known) = addresses else { return None };
    let mut of_family = known.iter().filter(|address| Family::of(**address) == family);
    match (of_family.next(), of_family.next()) {
        (Some(one), None) => Some(address_number(*one)),
        _ => None,
    }
}
