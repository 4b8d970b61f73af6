//! The difference of a revision where cluster-wide policies have a part in what the touched signatures say.
//!
//! Such a policy may touch every signature of the cluster, and mention every class. But signatures have few *bases*, and
//! the policies around NetworkPolicies tell classes of peers apart by few *regions*. So subjects are taken together by their
//! bases before and after, peers by theirs and by region, and each pair of groups is joined once. What is left is what
//! NetworkPolicies mention: pairs of classes, of which only those are looked at where a part of the verdict changed.
//!
//! Boxes must not overlap, so what NetworkPolicies mention is cut out of what holds for a pair of groups. Peers that no
//! subject treats specially share a box with all subjects; the others are handed down a tree of subjects, to boxes of ever
//! fewer of both. Subjects that stand together are often in one namespace, and treat the same peers specially.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use roaring::{MultiOps, RoaringBitmap};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use super::bases::{Base, BaseId, have_same_own};
use super::view::View;
use super::{Cells, Group, Marks, PodSet, Search, Treatment, pods_of, same_signatures};
use crate::compile::{ClassId, Moved, PeersId, Program, SignatureId};
use crate::index::Id;
use crate::net::{Direction, Family};
use crate::policy::PolicyId;
use crate::solve::{Peer, SideId};

/// The number of parts that the subjects of a node of the tree are cut into; few in tests, whose clusters are small.
const PARTS: usize = if cfg!(debug_assertions) { 2 } else { 16 };

/// The bases of a class before and after.
type Bases = (BaseId, BaseId);

/// Cells before and after, if they differ.
type Changed = Option<Cells>;

/// A class of peers and a treatment of its own.
type Treated = (ClassId, Treatment);

/// The classes that a leaf of the tree treats otherwise than others of their group, ascending.
type Exceptions = Vec<(ClassId, Changed)>;

/// All ends at the other side of the subjects' connections.
struct Peers {
    /// By class.
    bases: Vec<Bases>,
    /// By class, the group that it is in; none for those that are looked at from the other side.
    group_of: Vec<Option<u32>>,
    groups: Vec<PeerGroup>,
    /// The pods of each group, found when they are first asked for.
    pods: OnceCell<Vec<RoaringBitmap>>,
    /// Signatures in use whose NetworkPolicies are no union.
    whole: FxHashSet<SignatureId>,
    /// Touched classes whose signatures differ in more than the policies around, or cannot be taken apart.
    odd: Vec<Moved>,
    odd_classes: FxHashSet<ClassId>,
}

/// Peers with equal bases in one region.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct PeerGroup {
    bases: Bases,
    region: u32,
}

impl Peers {
    /// The pods of each group.
    fn pods(&self, program: &Program) -> &[RoaringBitmap] {
        self.pods.get_or_init(|| {
            let mut pods: Vec<Vec<u32>> = vec![Vec::new(); self.groups.len()];
            for (pod, class) in program.class_of.enumerate() {
                if let Some(group) = self.group_of[class.index()] {
                    pods[group as usize].push(pod.index() as u32);
                }
            }
            pods.into_iter().map(|pods| bitmap(&pods, program.class_of.len())).collect()
        })
    }
}

/// A set of ascending numbers below a bound.
fn bitmap(numbers: &[u32], bound: usize) -> RoaringBitmap {
    // Many numbers are copied from bits faster than one by one.
    if numbers.len() * 32 < bound {
        return RoaringBitmap::from_sorted_iter(numbers.iter().copied()).expect("they are sorted");
    }
    let mut bytes = vec![0_u8; bound.div_ceil(8)];
    for &number in numbers {
        bytes[number as usize / 8] |= 1 << (number % 8);
    }
    RoaringBitmap::from_lsb0_bytes(0, &bytes)
}

/// Subjects with equal bases in one region of the peers' policies.
struct Subjects<'m> {
    bases: Bases,
    region: u32,
    moved: Vec<&'m Moved>,
}

/// The treatment that most peers of each group get from some subjects, and give them.
struct Usual {
    /// By group.
    cells: Vec<Changed>,
    /// By bases of peers, what they make of the subjects.
    theirs: FxHashMap<Bases, Treatment>,
    /// By region of the peers, true if the policies around the subjects' NetworkPolicies leave the same frame as before.
    still: Vec<bool>,
}

/// Verdicts of NetworkPolicies alone, by what tells the other end apart.
type Owns = FxHashMap<(SignatureId, Marks), Option<SideId>>;

/// Subjects with the same exceptions.
struct Leaf {
    subjects: RoaringBitmap,
    /// The pods that are treated specially.
    apart: RoaringBitmap,
    /// The changes among those.
    own: BTreeMap<Cells, RoaringBitmap>,
}

impl Search<'_, '_> {
    /// True if policies that are evaluated in order decide a touched class.
    pub(super) fn is_surrounded(&self) -> bool {
        let is_ordered =
            |&(policy, _): &(PolicyId, _)| self.program.deciding_policy(policy).tier.is_ordered();
        Direction::ALL.into_iter().any(|direction| {
            let signatures = &self.program.signatures[direction];
            let mut chunks = self.revision.moved[direction].chunk_by(same_signatures);
            chunks.any(|alike| {
                let both = [alike[0].before, alike[0].after];
                both.into_iter().any(|id| signatures[id].policies.iter().any(is_ordered))
            })
        })
    }

    /// Finds everything that changed at the touched classes.
    pub(super) fn surrounded(&mut self) {
        for direction in Direction::ALL {
            if !self.revision.moved[direction].is_empty() {
                self.towards_pods(direction);
                self.towards_addresses(direction);
            }
        }
    }

    fn base(&mut self, direction: Direction, id: SignatureId) -> BaseId {
        self.bases.of(self.evaluator, direction, id)
    }

    fn bases_of(&mut self, direction: Direction, moved: &Moved) -> Bases {
        (self.base(direction, moved.before), self.base(direction, moved.after))
    }

    /// The cells of a treatment by the subjects and one by the peers, if they differ.
    fn changed(&mut self, direction: Direction, ours: Treatment, theirs: Treatment) -> Changed {
        if ours.0 == ours.1 && theirs.0 == theirs.1 {
            return None;
        }
        let cells = (self.join(direction, ours.0, theirs.0), self.join(direction, ours.1, theirs.1));
        (cells.0 != cells.1).then_some(cells)
    }

    /// Between the classes touched in a direction and all pods; those touched for ingress are subjects first, and
    /// no peers after that.
    fn towards_pods(&mut self, direction: Direction) {
        let moved = &self.revision.moved[direction];
        let mut bases: Vec<Bases> = Vec::with_capacity(moved.len());
        for alike in moved.chunk_by(same_signatures) {
            let both = self.bases_of(direction, &alike[0]);
            bases.extend(alike.iter().map(|_| both));
        }
        let mut near = self.view(direction, bases.iter().flat_map(|&(before, after)| [before, after]));
        let (peers, mut far) = self.peers(direction, &near);

        let mut subjects: BTreeMap<(Bases, u32), Vec<&Moved>> = BTreeMap::new();
        for (moved, bases) in moved.iter().zip(bases) {
            subjects.entry((bases, far.region(moved.class))).or_default().push(moved);
        }
        let mut owns = Owns::default();
        for ((bases, region), moved) in subjects {
            let subjects = Subjects { bases, region, moved };
            let usual = self.usual(&mut near, &mut far, &subjects, &peers);
            let mut template: BTreeMap<Cells, Vec<&RoaringBitmap>> = BTreeMap::new();
            for (group, cells) in usual.cells.iter().enumerate() {
                if let Some(cells) = cells {
                    template.entry(*cells).or_default().push(&peers.pods(self.program)[group]);
                }
            }
            let template =
                template.into_iter().map(|(cells, pods)| (cells, pods.into_iter().union())).collect();
            let leaves = self.leaves(&mut near, &mut far, &subjects, &peers, &usual, &mut owns);
            self.hand_down(direction, template, &leaves);
        }
    }

    /// All ends at the other side, and their policies as the subjects see them.
    fn peers(&mut self, direction: Direction, near: &View) -> (Peers, View) {
        let other = direction.other();
        let program = self.program;
        let mut bases: Vec<Bases> = Vec::with_capacity(program.classes.len());
        let mut whole = FxHashSet::default();
        for class in program.classes.as_slice() {
            let id = class.signature[other];
            let base = self.base(other, id);
            if matches!(self.bases.get(base), Base::Whole(_)) {
                whole.insert(id);
            }
            bases.push((base, base));
        }
        let mut odd = Vec::new();
        for alike in self.revision.moved[other].chunk_by(same_signatures) {
            let both = self.bases_of(other, &alike[0]);
            let can_be_taken_apart =
                [both.0, both.1].into_iter().all(|base| matches!(self.bases.get(base), Base::Parts { .. }));
            if !can_be_taken_apart || !have_same_own(program, other, alike[0].before, alike[0].after) {
                odd.extend_from_slice(alike);
            }
            for moved in alike {
                bases[moved.class.index()] = both;
            }
        }
        let far = self.view(other, bases.iter().flat_map(|&(before, after)| [before, after]));
        let mut known: FxHashMap<PeerGroup, u32> = FxHashMap::default();
        let mut groups: Vec<PeerGroup> = Vec::new();
        let mut group_of: Vec<Option<u32>> = Vec::with_capacity(program.classes.len());
        let mut last = None;
        for (class, &bases) in program.classes.ids().zip(&bases) {
            let is_seen_elsewhere =
                direction == Direction::Egress && self.touched[Direction::Ingress].contains(&class);
            if is_seen_elsewhere {
                group_of.push(None);
                continue;
            }
            let group = PeerGroup { bases, region: near.region(class) };
            let number = match last {
                Some((known, number)) if known == group => number,
                _ => *known.entry(group).or_insert_with(|| {
                    groups.push(group);
                    (groups.len() - 1) as u32
                }),
            };
            last = Some((group, number));
            group_of.push(Some(number));
        }
        let odd_classes = odd.iter().map(|moved| moved.class).collect();
        (Peers { bases, group_of, groups, pods: OnceCell::new(), whole, odd, odd_classes }, far)
    }

    /// The treatment of most peers by some subjects.
    fn usual(&mut self, near: &mut View, far: &mut View, subjects: &Subjects<'_>, peers: &Peers) -> Usual {
        let mut theirs: FxHashMap<Bases, Treatment> = FxHashMap::default();
        let mut cells = Vec::with_capacity(peers.groups.len());
        for group in &peers.groups {
            let their = if let Some(&their) = theirs.get(&group.bases) {
                their
            } else {
                let their = self.usual_treatment(far, group.bases, subjects.region);
                theirs.insert(group.bases, their);
                their
            };
            let ours = self.usual_treatment(near, subjects.bases, group.region);
            cells.push(self.changed(near.direction, ours, their));
        }
        let both = (self.bases.get(subjects.bases.0), self.bases.get(subjects.bases.1));
        let still = match both {
            (Base::Parts { around: before, .. }, Base::Parts { around: after, .. }) => (0..)
                .take(near.representatives.len())
                .map(|region| self.frame(near, before, region) == self.frame(near, after, region))
                .collect(),
            _ => vec![false; near.representatives.len()],
        };
        Usual { cells, theirs, still }
    }

    /// Subjects by the peers that they, or their NetworkPolicies, make an exception of.
    fn leaves(
        &mut self,
        near: &mut View,
        far: &mut View,
        subjects: &Subjects<'_>,
        peers: &Peers,
        usual: &Usual,
        owns: &mut Owns,
    ) -> Vec<Leaf> {
        let program = self.program;
        let mut alike: FxHashMap<Exceptions, Vec<ClassId>> = FxHashMap::default();
        for moved in subjects.moved.chunk_by(|a, b| same_signatures(a, b)) {
            let has_same_own = have_same_own(program, near.direction, moved[0].before, moved[0].after);
            let ours = self.our_exceptions(near, subjects.bases, moved[0], |class, this, view| {
                peers.group_of[class.index()].is_some()
                    && this.may_differ(usual, view.region(class), has_same_own, far.direction, class)
            });
            let mut shared: Option<Exceptions> = None;
            for moved in moved {
                let theirs = self.their_exceptions(near, far, moved.class, has_same_own, peers, usual, owns);
                let exceptions = match (theirs.is_empty(), &shared) {
                    (true, Some(shared)) => shared.clone(),
                    (is_shared, _) => {
                        let exceptions =
                            self.exceptions(near, subjects.bases, (&ours, &theirs), peers, usual);
                        if is_shared {
                            shared = Some(exceptions.clone());
                        }
                        exceptions
                    }
                };
                alike.entry(exceptions).or_default().push(moved.class);
            }
        }
        let mut alike: Vec<(Exceptions, Vec<ClassId>)> = alike.into_iter().collect();
        alike.sort_unstable_by_key(|(_, classes)| classes.iter().min().copied());
        let leaf = |(exceptions, classes): (Exceptions, Vec<ClassId>)| {
            let mut own: BTreeMap<Cells, Vec<ClassId>> = BTreeMap::new();
            for &(class, changed) in &exceptions {
                if let Some(cells) = changed {
                    own.entry(cells).or_default().push(class);
                }
            }
            let own = own.into_iter().map(|(cells, classes)| (cells, pods_of(program, classes.into_iter())));
            Leaf {
                subjects: pods_of(program, classes.into_iter()),
                apart: pods_of(program, exceptions.iter().map(|&(class, _)| class)),
                own: own.collect(),
            }
        };
        alike.into_iter().map(leaf).collect()
    }

    /// True if anything between subjects and a peer may be other than before.
    fn may_differ(
        &self,
        usual: &Usual,
        region: u32,
        has_same_own: bool,
        theirs: Direction,
        peer: ClassId,
    ) -> bool {
        !usual.still[region as usize] || !has_same_own || self.touched[theirs].contains(&peer)
    }

    /// The peers that the NetworkPolicies of subjects mention, as far as they are `wanted`, and their treatment; ascending.
    fn our_exceptions(
        &mut self,
        near: &mut View,
        bases: Bases,
        moved: &Moved,
        wanted: impl Fn(ClassId, &Self, &View) -> bool,
    ) -> Vec<Treated> {
        let direction = near.direction;
        let program = self.program;
        let mut policies: Vec<PolicyId> = Vec::new();
        for (id, base) in [(moved.before, bases.0), (moved.after, bases.1)] {
            let signature = &program.signatures[direction][id];
            let mentioning = match self.bases.get(base) {
                Base::Parts { .. } => program.network_policies(signature),
                Base::Whole(_) => &signature.policies,
            };
            policies.extend(mentioning.iter().map(|&(policy, _)| policy));
        }
        policies.sort_unstable();
        policies.dedup();
        let home = self.home(direction, moved);
        let mentioned = policies.iter().flat_map(|&policy| self.mentioned(direction, policy, home));
        let mut classes: Vec<ClassId> = mentioned.filter(|&class| wanted(class, self, near)).collect();
        classes.sort_unstable();
        classes.dedup();
        let marks = self.marks_for(direction, home, &policies, &classes);
        let has_same_own = have_same_own(program, direction, moved.before, moved.after);
        let mut known: FxHashMap<Marks, [Option<SideId>; 2]> = FxHashMap::default();
        let mut found = Vec::with_capacity(classes.len());
        for (class, marks) in classes.into_iter().zip(marks) {
            let own = *known.entry(marks).or_insert_with(|| {
                let mut own = |id: SignatureId| self.evaluator.own(direction, id, Peer::Class(class));
                let before = own(moved.before);
                [before, if has_same_own { before } else { own(moved.after) }]
            });
            let before = self.exact_side(near, (moved.before, bases.0), class, own[0]);
            let after = self.exact_side(near, (moved.after, bases.1), class, own[1]);
            found.push((class, (before, after)));
        }
        found
    }

    /// The peers whose NetworkPolicies mention a subject, as far as anything may differ, and what they make of it;
    /// ascending.
    #[expect(clippy::too_many_arguments, reason = "both ends, and what is known of them")]
    fn their_exceptions(
        &mut self,
        near: &View,
        far: &mut View,
        subject: ClassId,
        has_same_own: bool,
        peers: &Peers,
        usual: &Usual,
        owns: &mut Owns,
    ) -> Vec<Treated> {
        let direction = far.direction;
        let wanted = |this: &Self, class: ClassId| {
            peers.group_of[class.index()].is_some()
                && this.may_differ(usual, near.region(class), has_same_own, direction, class)
        };
        let mut found: Vec<Treated> = Vec::new();
        for (id, marks) in self.mentioning_marks(direction, subject, &peers.whole) {
            let classes = self.live.members[direction][id].iter().copied();
            let classes = classes.filter(|class| !peers.odd_classes.contains(class) && wanted(self, *class));
            let classes: SmallVec<[ClassId; 8]> = classes.collect();
            if classes.is_empty() {
                continue;
            }
            let own = *owns
                .entry((id, marks))
                .or_insert_with(|| self.evaluator.own(direction, id, Peer::Class(subject)));
            let mut last: Option<(Bases, Treatment)> = None;
            for class in classes {
                let bases = peers.bases[class.index()];
                let treatment = match last {
                    Some((known, treatment)) if known == bases => treatment,
                    _ => {
                        let mut side = |base| self.exact_side(far, (id, base), subject, own);
                        let before = side(bases.0);
                        (before, if bases.0 == bases.1 { before } else { side(bases.1) })
                    }
                };
                last = Some((bases, treatment));
                found.push((class, treatment));
            }
        }
        for alike in peers.odd.chunk_by(same_signatures) {
            let mut side = |id: SignatureId| self.evaluator.side(direction, id, Peer::Class(subject));
            let treatment = (side(alike[0].before), side(alike[0].after));
            let classes = alike.iter().map(|moved| moved.class);
            found.extend(classes.filter(|&class| wanted(self, class)).map(|class| (class, treatment)));
        }
        found.sort_unstable_by_key(|&(class, _)| class);
        debug_assert!(found.is_sorted_by(|a, b| a.0 < b.0), "every class has one signature");
        found
    }

    /// The signatures in use whose NetworkPolicies mention a class, ascending, and what tells the class apart for them.
    fn mentioning_marks(
        &self,
        direction: Direction,
        class: ClassId,
        whole: &FxHashSet<SignatureId>,
    ) -> Vec<(SignatureId, Marks)> {
        let program = self.program;
        let facts = &program.classes[class];
        let marks = || Marks {
            families: facts.families,
            named: (direction == Direction::Egress).then_some((facts.resolution, facts.resolves_in)),
            lists: SmallVec::new(),
        };
        let mut found: FxHashMap<SignatureId, Marks> = FxHashMap::default();
        for &(list, truth) in &facts.peers {
            for &(policy, _) in &program.peers[list].uses[direction] {
                let is_own = program.is_network_policy(policy);
                if !is_own && whole.is_empty() {
                    continue;
                }
                for &id in &program.deciding[policy][direction] {
                    if is_own || whole.contains(&id) {
                        let lists = &mut found.entry(id).or_insert_with(marks).lists;
                        if lists.last() != Some(&(list, truth)) {
                            lists.push((list, truth));
                        }
                    }
                }
            }
        }
        if direction == Direction::Egress {
            let declared = |policy: &PolicyId| {
                program.deciding_policy(*policy).rules.egress.iter().any(|rule| {
                    rule.is_for_all() && program.resolutions[facts.resolution].declares_any(&rule.ports.named)
                })
            };
            for policy in self.live.naming_for_all().filter(declared) {
                for &id in &program.deciding[policy][direction] {
                    found.entry(id).or_insert_with(marks);
                }
            }
        }
        let mut found: Vec<(SignatureId, Marks)> = found.into_iter().collect();
        found.sort_unstable_by_key(|&(id, _)| id);
        found
    }

    /// The peers of which something else becomes than of their groups; ascending. `ours` are those that the subjects
    /// treat specially, `theirs` those that treat one of the subjects specially.
    fn exceptions(
        &mut self,
        near: &mut View,
        bases: Bases,
        (ours, theirs): (&[Treated], &[Treated]),
        peers: &Peers,
        usual: &Usual,
    ) -> Exceptions {
        let mut exceptions = Exceptions::new();
        let (mut ours, mut theirs) = (ours.iter().peekable(), theirs.iter().peekable());
        loop {
            let class = match (ours.peek(), theirs.peek()) {
                (Some(our), Some(their)) => our.0.min(their.0),
                (Some(one), None) | (None, Some(one)) => one.0,
                (None, None) => break,
            };
            let Some(group) = peers.group_of[class.index()] else { break };
            let our = match ours.next_if(|our| our.0 == class) {
                Some(&(_, treatment)) => treatment,
                None => self.usual_treatment(near, bases, near.region(class)),
            };
            let their = match theirs.next_if(|their| their.0 == class) {
                Some(&(_, treatment)) => treatment,
                None => usual.theirs[&peers.bases[class.index()]],
            };
            let changed = self.changed(near.direction, our, their);
            if changed != usual.cells[group as usize] {
                exceptions.push((class, changed));
            }
        }
        exceptions
    }

    /// Makes boxes of the peers that all leaves treat alike, and goes on with the others and fewer leaves each.
    fn hand_down(&mut self, direction: Direction, template: Vec<(Cells, RoaringBitmap)>, leaves: &[Leaf]) {
        let mut make = |cells: Cells, subjects: &RoaringBitmap, peers: RoaringBitmap| {
            let group = |pods| Group::Pods(PodSet(pods));
            self.push(direction, group(subjects.clone()), group(peers), cells);
        };
        if let [leaf] = leaves {
            let mut own = leaf.own.clone();
            for (cells, peers) in template {
                *own.entry(cells).or_default() |= peers - &leaf.apart;
            }
            for (cells, peers) in own {
                make(cells, &leaf.subjects, peers);
            }
            return;
        }
        let apart = leaves.iter().map(|leaf| &leaf.apart).union();
        let mut left = Vec::new();
        if !template.is_empty() {
            let subjects = leaves.iter().map(|leaf| &leaf.subjects).union();
            for (cells, peers) in template {
                make(cells, &subjects, &peers - &apart);
                let rest = peers & &apart;
                if !rest.is_empty() {
                    left.push((cells, rest));
                }
            }
        }
        for leaves in leaves.chunks(leaves.len().div_ceil(PARTS)) {
            self.hand_down(direction, left.clone(), leaves);
        }
    }

    /// Between the touched classes and addresses. Signatures are taken together that differ in nothing that can match an
    /// address.
    fn towards_addresses(&mut self, direction: Direction) {
        let program = self.program;
        let revision = self.revision;
        let changed = revision.removed.iter().chain(&revision.added).copied();
        let are_blind = changed
            .filter(|&policy| program.policies[policy].is_some() && !program.is_network_policy(policy))
            .all(|policy| {
                program.deciding_policy(policy).tier.is_ordered() && !self.has_addresses(direction, policy)
            });
        let mut alike: BTreeMap<_, Vec<Moved>> = BTreeMap::new();
        for moved in revision.moved[direction].chunk_by(same_signatures) {
            let (before, after) = (moved[0].before, moved[0].after);
            let bases = self.bases_of(direction, &moved[0]);
            let (Base::Parts { around: was, .. }, Base::Parts { around: is, .. }) =
                (self.bases.get(bases.0), self.bases.get(bases.1))
            else {
                alike.entry((bases, vec![], Some((before, after)))).or_default().extend(moved);
                continue;
            };
            if are_blind && have_same_own(program, direction, before, after) {
                let mut frame =
                    |around| self.bases.frame(self.evaluator, direction, around, Peer::Unmentioned);
                if frame(was) == frame(is) {
                    continue;
                }
            }
            let own = |id: SignatureId| {
                let signature = &program.signatures[direction][id];
                let own = program.network_policies(signature).iter().map(|&(policy, _)| policy);
                let matching: Vec<PolicyId> =
                    own.filter(|&policy| self.has_addresses(direction, policy)).collect();
                (matching, signature.resolution)
            };
            alike.entry((bases, vec![own(before), own(after)], None)).or_default().extend(moved);
        }
        for subjects in alike.into_values() {
            self.with_outside(direction, &subjects);
        }
    }

    /// True if a rule of a policy may match some addresses and not others.
    fn has_addresses(&self, direction: Direction, policy: PolicyId) -> bool {
        self.program.deciding_policy(policy).rules[direction].iter().any(|rule| {
            let has_some = |list: &PeersId| {
                let list = &self.program.peers[*list];
                let addresses = list.possible_addresses().unwrap_or(list.addresses());
                Family::ALL.into_iter().any(|family| !addresses[family].is_empty())
            };
            rule.is_for_all() || rule.lists().iter().any(has_some)
        })
    }
}
