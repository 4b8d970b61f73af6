//! The difference that a revision of a program makes, from the signatures it touches alone.
//!
//! A side that changed belongs to the *subjects*, the touched classes of one direction; the ends at the other side of
//! their connections are the *peers*. Two partitions of the peers meet: by what changed in the way the subjects treat
//! them, and by how they treat the subjects. Both are a base, which holds for all, and few exceptions; so the bases are
//! joined once as sets of pods, and what is done one by one is proportional to who is mentioned.

mod bases;
mod surrounded;
mod view;

use std::collections::BTreeMap;

use roaring::RoaringBitmap;
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use super::{Change, Difference, Group, PodSet};
use crate::cluster::NamespaceId;
use crate::compile::{
    ClassId, HomeId, LiveProgram, Members, Moved, PeersId, Program, ResolutionId, Revision, Signature,
    SignatureId,
};
use crate::index::Id;
use crate::label::Truth;
use crate::net::{AddressSet, ByDirection, ByFamily, Direction, Family};
use crate::policy::PolicyId;
use crate::solve::{CellId, Evaluator, Peer, SideId};

use bases::{Bases, is_surrounded};

/// The treatment that signatures in use give peers that they do not mention, and the pods of these signatures.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    sides: ByDirection<FxHashMap<SignatureId, SideId>>,
    /// The pods whose signature treats peers that it does not mention so; few sides, so many pods each.
    pods: ByDirection<BTreeMap<SideId, RoaringBitmap>>,
    bases: Bases,
}

impl Standing {
    /// As the program stands.
    pub(crate) fn new(live: &LiveProgram, evaluator: &mut Evaluator<'_>) -> Self {
        let mut standing = Self::default();
        for direction in Direction::ALL {
            for (signature, classes) in live.members[direction].enumerate() {
                if !classes.is_empty() {
                    let side = evaluator.side(direction, signature, Peer::Unmentioned);
                    standing.sides[direction].insert(signature, side);
                    let pods = standing.pods[direction].entry(side).or_default();
                    for &class in classes {
                        pods.extend(numbers(&live.program, class));
                    }
                }
            }
        }
        standing
    }

    /// Follows a revision, or, with `back`, takes it back.
    pub(crate) fn follow(
        &mut self,
        live: &LiveProgram,
        evaluator: &mut Evaluator<'_>,
        revision: &Revision,
        back: bool,
    ) {
        for direction in Direction::ALL {
            let (mut frames, mut other_side) = (FxHashMap::default(), BTreeMap::new());
            for alike in revision.moved[direction].chunk_by(same_signatures) {
                let (from, to) =
                    if back { (alike[0].after, alike[0].before) } else { (alike[0].before, alike[0].after) };
                let was = self.sides[direction][&from];
                if !back {
                    self.bases.follow(evaluator, direction, (from, to));
                }
                let program = &live.program;
                let parts = [from, to].into_iter().any(|id| is_surrounded(program, direction, id));
                let is = if parts {
                    self.bases.unmentioned(evaluator, direction, to, &mut frames)
                } else {
                    evaluator.side(direction, to, Peer::Unmentioned)
                };
                self.sides[direction].insert(to, is);
                if was != is {
                    let classes: &mut Vec<ClassId> = other_side.entry((was, is)).or_default();
                    classes.extend(alike.iter().map(|moved| moved.class));
                }
            }
            for ((was, is), classes) in other_side {
                let moved = pods_of(&live.program, classes.into_iter());
                *self.pods[direction].entry(was).or_default() -= &moved;
                *self.pods[direction].entry(is).or_default() |= moved;
            }
        }
    }
}

fn same_signatures(a: &Moved, b: &Moved) -> bool {
    (a.before, a.after) == (b.before, b.after)
}

fn numbers(program: &Program, class: ClassId) -> impl Iterator<Item = u32> {
    program.classes[class].pods.iter().map(|pod| pod.index() as u32)
}

fn pods_of(program: &Program, classes: impl Iterator<Item = ClassId>) -> RoaringBitmap {
    let mut numbers: Vec<u32> = classes.flat_map(|class| numbers(program, class)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    RoaringBitmap::from_sorted_iter(numbers).expect("they are sorted")
}

/// The difference that a revision made, while the policies that it removed can still be evaluated; `standing` has
/// followed it.
pub(crate) fn of_revision<'p>(
    live: &'p LiveProgram,
    evaluator: &mut Evaluator<'p>,
    standing: &mut Standing,
    revision: &Revision,
) -> Difference {
    let touched = |direction: Direction| -> FxHashSet<ClassId> {
        revision.moved[direction].iter().map(|moved| moved.class).collect()
    };
    let touched = ByDirection { ingress: touched(Direction::Ingress), egress: touched(Direction::Egress) };
    let mut bases = std::mem::take(&mut standing.bases);
    let program = &live.program;
    let changes = Vec::new();
    let mut search =
        Search { live, program, evaluator, standing, bases: &mut bases, revision, touched, changes };
    if search.is_surrounded() {
        search.surrounded();
    } else {
        for direction in Direction::ALL {
            for alike in revision.moved[direction].chunk_by(same_signatures) {
                search.with_others(direction, alike);
                search.with_outside(direction, alike);
            }
        }
        search.among_touched();
    }
    let changes = search.changes;
    standing.bases = bases;
    let mut difference = Difference { changes, ..Difference::default() };
    difference.prune(&live.program, &live.program);
    difference
}

/// Connectivity before and after.
type Cells = (CellId, CellId);
/// Treatment of a peer by the subjects, before and after.
type Treatment = (SideId, SideId);

struct Search<'s, 'p> {
    live: &'s LiveProgram,
    program: &'p Program,
    evaluator: &'s mut Evaluator<'p>,
    standing: &'s Standing,
    bases: &'s mut Bases,
    revision: &'s Revision,
    touched: ByDirection<FxHashSet<ClassId>>,
    changes: Vec<Change>,
}

/// Treatments of all peers by subjects with the same signatures, before and after.
struct Treatments {
    /// Of peers whom no list tells apart.
    usual: Treatment,
    /// Of peers whom one does.
    special: BTreeMap<ClassId, Treatment>,
}

/// The facts that tell a class of peers apart for some policies: the lists that match it, and how its named ports
/// resolve if a rule asks for such.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Marks {
    families: ByFamily<bool>,
    named: Option<(ResolutionId, Option<NamespaceId>)>,
    lists: SmallVec<[(PeersId, ByFamily<Truth>); 2]>,
}

impl Treatments {
    fn of(&self, class: ClassId) -> Treatment {
        self.special.get(&class).copied().unwrap_or(self.usual)
    }
}

impl Search<'_, '_> {
    fn join(&mut self, direction: Direction, subject: SideId, peer: SideId) -> CellId {
        match direction {
            Direction::Ingress => self.evaluator.join(peer, subject),
            Direction::Egress => self.evaluator.join(subject, peer),
        }
    }

    fn cells(&mut self, direction: Direction, subject: Treatment, peer: SideId) -> Option<Cells> {
        if subject.0 == subject.1 {
            return None;
        }
        let cells = (self.join(direction, subject.0, peer), self.join(direction, subject.1, peer));
        (cells.0 != cells.1).then_some(cells)
    }

    /// The treatment of unmentioned peers, and true if peers that no changed policy mentions may be treated otherwise
    /// than before: not if both signatures are additive, and give unmentioned peers the same as before.
    fn changes_for_all(&mut self, direction: Direction, signatures: &Moved) -> (Treatment, bool) {
        let Moved { before, after, .. } = *signatures;
        let usual = (
            self.evaluator.side(direction, before, Peer::Unmentioned),
            self.evaluator.side(direction, after, Peer::Unmentioned),
        );
        let all = &self.program.signatures[direction];
        let additive = [before, after].into_iter().all(|id| self.program.is_additive(direction, &all[id]));
        (usual, !additive || usual.0 != usual.1)
    }

    /// The policies whose mentions matter: all of both signatures, or the changed ones alone.
    fn policies(&self, direction: Direction, signatures: &Moved, all: bool) -> Vec<PolicyId> {
        let of = |id: SignatureId| &self.program.signatures[direction][id].policies;
        let both = of(signatures.before).iter().chain(of(signatures.after)).map(|&(policy, _)| policy);
        let is_changed = |policy: &PolicyId| {
            self.revision.removed.contains(policy) || self.revision.added.contains(policy)
        };
        let mut policies: Vec<PolicyId> = both.filter(|policy| all || is_changed(policy)).collect();
        policies.sort_unstable();
        policies.dedup();
        policies
    }

    fn treatments(&mut self, direction: Direction, signatures: &Moved) -> Treatments {
        let (usual, for_all) = self.changes_for_all(direction, signatures);
        let policies = self.policies(direction, signatures, for_all);
        let home = self.home(direction, signatures);
        let mut classes: Vec<ClassId> =
            policies.into_iter().flat_map(|policy| self.mentioned(direction, policy, home)).collect();
        classes.sort_unstable();
        classes.dedup();
        let marks = self.marks(direction, signatures, &classes);
        let mut known: FxHashMap<Marks, Treatment> = FxHashMap::default();
        let special = classes.into_iter().zip(marks).map(|(class, marks)| {
            let treatment = *known.entry(marks).or_insert_with(|| {
                let peer = Peer::Class(class);
                (
                    self.evaluator.side(direction, signatures.before, peer),
                    self.evaluator.side(direction, signatures.after, peer),
                )
            });
            (class, treatment)
        });
        Treatments { usual, special: special.collect() }
    }

    /// The facts that tell each of these classes of peers apart for both signatures.
    fn marks(&self, direction: Direction, signatures: &Moved, classes: &[ClassId]) -> Vec<Marks> {
        let policies = self.policies(direction, signatures, true);
        self.marks_for(direction, self.home(direction, signatures), &policies, classes)
    }

    /// The facts that tell each of these classes of peers apart for some policies, whose subjects have this home.
    fn marks_for(
        &self,
        direction: Direction,
        home: Option<HomeId>,
        policies: &[PolicyId],
        classes: &[ClassId],
    ) -> Vec<Marks> {
        let mut rules = policies.iter().flat_map(|&id| &self.program.deciding_policy(id).rules[direction]);
        let names_ports = direction == Direction::Egress && rules.any(|rule| !rule.ports.named.is_empty());
        let lists = self.lists(direction, home, policies);
        let mut marks: Vec<Marks> = classes
            .iter()
            .map(|&id| {
                let class = &self.program.classes[id];
                let named = names_ports.then_some((class.resolution, class.resolves_in));
                Marks { families: class.families, named, lists: SmallVec::new() }
            })
            .collect();
        for list in lists {
            match &self.program.peers[list].classes {
                Members::Few(few) if few.len() <= classes.len() => {
                    for &(class, truth) in few {
                        if let Ok(place) = classes.binary_search(&class) {
                            marks[place].lists.push((list, truth));
                        }
                    }
                }
                _ => {
                    for (marks, &class) in marks.iter_mut().zip(classes) {
                        let truth = self.program.matched_by(class, list);
                        if Family::ALL.into_iter().any(|family| truth[family].possible()) {
                            marks.lists.push((list, truth));
                        }
                    }
                }
            }
        }
        marks
    }

    /// The home of subjects that have these signatures: one that asks for it knows it, and it does not change.
    fn home(&self, direction: Direction, signatures: &Moved) -> Option<HomeId> {
        let of = |id: SignatureId| self.program.signatures[direction][id].home;
        of(signatures.before).or(of(signatures.after))
    }

    /// The peer lists of some policies for subjects of a home, ascending.
    fn lists(&self, direction: Direction, home: Option<HomeId>, policies: &[PolicyId]) -> Vec<PeersId> {
        let rules = policies.iter().flat_map(|&id| &self.program.deciding_policy(id).rules[direction]);
        let mut lists: Vec<PeersId> = rules.filter_map(|rule| rule.list(home)).collect();
        lists.sort_unstable();
        lists.dedup();
        lists
    }

    /// The classes of peers that the rules of a policy tell apart for subjects of a home.
    fn mentioned(&self, direction: Direction, policy: PolicyId, home: Option<HomeId>) -> Vec<ClassId> {
        let program = self.program;
        let mut classes = Vec::new();
        for rule in &program.deciding_policy(policy).rules[direction] {
            match rule.list(home) {
                Some(list) => classes.extend(program.peers[list].classes.iter().map(|(class, _)| class)),
                None if direction == Direction::Egress && !rule.ports.named.is_empty() => {
                    let declares = |class: &crate::compile::Class| {
                        program.resolutions[class.resolution].declares_any(&rule.ports.named)
                    };
                    let declaring = program.classes.enumerate().filter(|(_, class)| declares(class));
                    classes.extend(declaring.map(|(id, _)| id));
                }
                None => {}
            }
        }
        classes
    }

    /// The signatures of peers that tell a class of subjects apart from others.
    fn mentioning(&self, direction: Direction, subject: ClassId) -> Vec<SignatureId> {
        let program = self.program;
        let facts = &program.classes[subject];
        let lists = facts.peers.iter().flat_map(|&(list, _)| &program.peers[list].uses[direction]);
        let mut policies: Vec<PolicyId> = lists.map(|&(policy, _)| policy).collect();
        if direction == Direction::Egress {
            let declared = |policy: &PolicyId| {
                program.deciding_policy(*policy).rules.egress.iter().any(|rule| {
                    rule.is_for_all() && program.resolutions[facts.resolution].declares_any(&rule.ports.named)
                })
            };
            policies.extend(self.live.naming_for_all().filter(declared));
        }
        policies.sort_unstable();
        policies.dedup();
        let deciding = policies.into_iter().flat_map(|policy| &program.deciding[policy][direction]);
        let mut signatures: Vec<SignatureId> = deciding.copied().collect();
        signatures.sort_unstable();
        signatures.dedup();
        signatures
    }

    /// Between subjects and all peers that are not touched themselves.
    fn with_others(&mut self, direction: Direction, subjects: &[Moved]) {
        let other = direction.other();
        let treatments = self.treatments(direction, &subjects[0]);
        let usual_changes = treatments.usual.0 != treatments.usual.1;
        let special_changes = treatments.special.values().any(|treatment| treatment.0 != treatment.1);
        if !usual_changes && !special_changes {
            return;
        }
        // First as if no peer treated any subject specially.
        let mut template: BTreeMap<Cells, RoaringBitmap> = BTreeMap::new();
        let mut by_treatment: FxHashMap<(Treatment, SideId), Vec<ClassId>> = FxHashMap::default();
        for (&class, &treatment) in &treatments.special {
            if treatment.0 != treatment.1 && !self.touched[other].contains(&class) {
                let signature = self.program.classes[class].signature[other];
                let side = self.standing.sides[other][&signature];
                by_treatment.entry((treatment, side)).or_default().push(class);
            }
        }
        let mut by_treatment: Vec<_> = by_treatment.into_iter().collect();
        by_treatment.sort_unstable();
        for ((treatment, side), classes) in by_treatment {
            if let Some(cells) = self.cells(direction, treatment, side) {
                *template.entry(cells).or_default() |= pods_of(self.program, classes.into_iter());
            }
        }
        if usual_changes {
            let apart = treatments.special.keys().chain(&self.touched[other]).copied();
            let apart = pods_of(self.program, apart);
            for (&side, pods) in &self.standing.pods[other] {
                if let Some(cells) = self.cells(direction, treatments.usual, side) {
                    *template.entry(cells).or_default() |= pods - &apart;
                }
            }
        }
        // Then what each subject has of its own: subjects with the same exceptions share their boxes.
        let mut alike: BTreeMap<Vec<(SignatureId, SideId)>, Vec<ClassId>> = BTreeMap::new();
        for moved in subjects {
            let mut exceptions = Vec::new();
            for signature in self.mentioning(other, moved.class) {
                let classes = &self.live.members[other][signature];
                let concerned = classes.iter().any(|&class| {
                    let treatment = treatments.of(class);
                    treatment.0 != treatment.1 && !self.touched[other].contains(&class)
                });
                if concerned {
                    let side = self.evaluator.side(other, signature, Peer::Class(moved.class));
                    if side != self.standing.sides[other][&signature] {
                        exceptions.push((signature, side));
                    }
                }
            }
            alike.entry(exceptions).or_default().push(moved.class);
        }
        for (exceptions, classes) in alike {
            let subjects = pods_of(self.program, classes.into_iter());
            let mut apart = Vec::new();
            let mut own: BTreeMap<Cells, Vec<ClassId>> = BTreeMap::new();
            for (signature, side) in exceptions {
                for &class in &self.live.members[other][signature] {
                    if !self.touched[other].contains(&class) {
                        apart.push(class);
                        if let Some(cells) = self.cells(direction, treatments.of(class), side) {
                            own.entry(cells).or_default().push(class);
                        }
                    }
                }
            }
            let apart = pods_of(self.program, apart.into_iter());
            let mut peers: BTreeMap<Cells, RoaringBitmap> =
                template.iter().map(|(&cells, pods)| (cells, pods - &apart)).collect();
            for (cells, classes) in own {
                *peers.entry(cells).or_default() |= pods_of(self.program, classes.into_iter());
            }
            for (cells, peers) in peers {
                self.push(
                    direction,
                    Group::Pods(PodSet(subjects.clone())),
                    Group::Pods(PodSet(peers)),
                    cells,
                );
            }
        }
    }

    /// Between classes touched as destinations and classes touched as sources, pair by pair.
    fn among_touched(&mut self) {
        let moved = self.revision.moved.clone();
        if moved.ingress.is_empty() || moved.egress.is_empty() {
            return;
        }
        let treat = |search: &mut Self, direction: Direction| -> Vec<Vec<Treatment>> {
            let mut all = Vec::new();
            for alike in moved[direction].chunk_by(same_signatures) {
                let sides = |search: &mut Self, signature: SignatureId| {
                    search.sides_towards(direction, signature, &moved[direction.other()])
                };
                let (before, after) = (sides(search, alike[0].before), sides(search, alike[0].after));
                let treatments: Vec<Treatment> = before.into_iter().zip(after).collect();
                all.extend(alike.iter().map(|_| treatments.clone()));
            }
            all
        };
        let (egress, ingress) = (treat(self, Direction::Egress), treat(self, Direction::Ingress));
        let mut alike: BTreeMap<Vec<(Cells, u32)>, Vec<ClassId>> = BTreeMap::new();
        for (from, source) in moved.egress.iter().enumerate() {
            let mut towards = Vec::new();
            for to in 0..moved.ingress.len() {
                let (out, into) = (egress[from][to], ingress[to][from]);
                let cells = (self.evaluator.join(out.0, into.0), self.evaluator.join(out.1, into.1));
                if cells.0 != cells.1 {
                    towards.push((cells, to as u32));
                }
            }
            if !towards.is_empty() {
                towards.sort_unstable();
                alike.entry(towards).or_default().push(source.class);
            }
        }
        for (towards, sources) in alike {
            let from = pods_of(self.program, sources.into_iter());
            for same in towards.chunk_by(|a, b| a.0 == b.0) {
                let classes = same.iter().map(|&(_, to)| moved.ingress[to as usize].class);
                let to = pods_of(self.program, classes);
                self.push(
                    Direction::Egress,
                    Group::Pods(PodSet(from.clone())),
                    Group::Pods(PodSet(to)),
                    same[0].0,
                );
            }
        }
    }

    /// Sides of a signature towards each of these classes.
    fn sides_towards(
        &mut self,
        direction: Direction,
        signature: SignatureId,
        peers: &[Moved],
    ) -> Vec<SideId> {
        let usual = self.evaluator.side(direction, signature, Peer::Unmentioned);
        let Signature { policies, home, .. } = &self.program.signatures[direction][signature];
        let mut mentioned = FxHashSet::default();
        for &(policy, _) in policies {
            for rule in &self.program.deciding_policy(policy).rules[direction] {
                match rule.list(*home) {
                    Some(list) => {
                        let is_matched = |class: ClassId| {
                            let by_family = self.program.matched_by(class, list);
                            Family::ALL.into_iter().any(|family| by_family[family].possible())
                        };
                        mentioned
                            .extend(peers.iter().map(|moved| moved.class).filter(|&class| is_matched(class)));
                    }
                    None if !rule.ports.named.is_empty() => {
                        mentioned.extend(peers.iter().map(|moved| moved.class));
                    }
                    None => {}
                }
            }
        }
        let mut side = |class: ClassId| {
            if mentioned.contains(&class) {
                self.evaluator.side(direction, signature, Peer::Class(class))
            } else {
                usual
            }
        };
        peers.iter().map(|moved| side(moved.class)).collect()
    }

    /// Between subjects and addresses.
    fn with_outside(&mut self, direction: Direction, subjects: &[Moved]) {
        let (_, for_all) = self.changes_for_all(direction, &subjects[0]);
        let lists = |search: &Self, all: bool| {
            let home = search.home(direction, &subjects[0]);
            search.lists(direction, home, &search.policies(direction, &subjects[0], all))
        };
        let changed = lists(self, for_all);
        let all = lists(self, true);
        let program = self.program;
        for family in Family::ALL {
            let blocks = |list: PeersId| {
                let list = &program.peers[list];
                &list.possible_addresses().unwrap_or(list.addresses())[family]
            };
            if !for_all && changed.iter().all(|&list| blocks(list).is_empty()) {
                continue;
            }
            // Addresses elsewhere are treated as before.
            let scope: AddressSet = if for_all {
                AddressSet::from_range(0, family.last())
            } else {
                changed.iter().flat_map(|&list| blocks(list).ranges()).copied().collect()
            };
            let near: Vec<PeersId> =
                all.iter().copied().filter(|&list| !blocks(list).is_disjoint(&scope)).collect();
            let mut starts: Vec<u128> = Vec::new();
            let sure = near.iter().flat_map(|&list| program.peers[list].addresses()[family].ranges());
            let cuts = near.iter().flat_map(|&list| blocks(list).ranges()).chain(sure).chain(scope.ranges());
            for &(first, last) in cuts {
                starts.push(first);
                starts.extend((last < family.last()).then(|| last + 1));
            }
            starts.sort_unstable();
            starts.dedup();
            let mut by_cells: BTreeMap<Cells, Vec<(u128, u128)>> = BTreeMap::new();
            let mut known: FxHashMap<Vec<(PeersId, Truth)>, Option<Cells>> = FxHashMap::default();
            for (i, &first) in starts.iter().enumerate() {
                if !scope.contains(first) {
                    continue;
                }
                let last = starts.get(i + 1).map_or(family.last(), |next| next - 1);
                let surely = |list: PeersId| program.peers[list].addresses()[family].contains(first);
                let holding = near.iter().filter(|&&list| blocks(list).contains(first));
                let holding: Vec<(PeersId, Truth)> = holding
                    .map(|&list| (list, if surely(list) { Truth::Yes } else { Truth::Unknown }))
                    .collect();
                let cells = if let Some(&cells) = known.get(&holding) {
                    cells
                } else {
                    let cells = self.cells_outside(direction, &subjects[0], family, &holding);
                    known.insert(holding, cells);
                    cells
                };
                if let Some(cells) = cells {
                    by_cells.entry(cells).or_default().push((first, last));
                }
            }
            let pods = pods_of(program, subjects.iter().map(|moved| moved.class));
            for (cells, ranges) in by_cells {
                let addresses = Group::Addresses(family, AddressSet::from_ranges(ranges));
                self.push(direction, Group::Pods(PodSet(pods.clone())), addresses, cells);
            }
        }
    }

    fn cells_outside(
        &mut self,
        direction: Direction,
        signatures: &Moved,
        family: Family,
        holding: &[(PeersId, Truth)],
    ) -> Option<Cells> {
        let mut cell = |signature: SignatureId| {
            let side = self.evaluator.side(direction, signature, Peer::Outside(family, holding));
            self.evaluator.alone(side, family)
        };
        let cells = (cell(signatures.before), cell(signatures.after));
        (cells.0 != cells.1).then_some(cells)
    }

    fn push(&mut self, direction: Direction, subjects: Group, peers: Group, (before, after): Cells) {
        let is_empty = |group: &Group| matches!(group, Group::Pods(pods) if pods.0.is_empty());
        if is_empty(&subjects) || is_empty(&peers) {
            return;
        }
        let (from, to) = match direction {
            Direction::Ingress => (peers, subjects),
            Direction::Egress => (subjects, peers),
        };
        let (before, after) = (self.evaluator.connectivity(before), self.evaluator.connectivity(after));
        self.changes.push(Change { from, to, before, after });
    }
}
