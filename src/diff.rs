//! The exact difference of two reachabilities, as few boxes instead of many pairs.
//!
//! A [`Change`] is a box: every pair of its two groups could do one thing before and can do another after. Boxes never
//! overlap. [`between`] compares any two inputs; the difference of a change of policies is found from the signatures it
//! touches alone ([`crate::what_if`]), and is the same.

mod concern;
mod count;
mod matching;
mod outside;
mod revision;
mod workbench;

use std::collections::BTreeMap;
use std::ops::Range;

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use crate::cluster::{Cluster, PodId};
use crate::compile::{ClassId, Program};
use crate::index::Id;
use crate::net::{AddressSet, Direction, Family, address_number};
use crate::solve::{CellId, Connectivity, End, Reachability, Rows};

use matching::Matching;

pub use concern::{Concern, Concerns};
use revision::{Standing, of_revision};

pub use count::Pairs;
pub(crate) use outside::refinement;
pub(crate) use workbench::Workbench;

/// The difference of two reachabilities.
///
/// Three kinds of pairs never change, and boxes are not cut around them: a pod and itself; what enters a pod from its own
/// node before and after (R50); two addresses.
#[derive(Clone, Debug, Default)]
pub struct Difference {
    /// The boxes, in an order that depends on the two inputs alone.
    pub changes: Vec<Change>,
    /// Changes between an address and a pod because the pod's node has it in one of the inputs only (R50): each from
    /// one address to one pod.
    pub from_nodes: Vec<Change>,
    /// Pods of the second input that the first one lacks: pod groups, and the numbers within.
    pub appeared: Vec<(PodId, Range<u32>)>,
    /// Pods of the first input that the second one lacks.
    pub vanished: Vec<(PodId, Range<u32>)>,
    /// The pods that both have; `None` if they are the same groups under the same numbers.
    matching: Option<Vec<Matched>>,
}

/// Pairs of ends between which other ports are allowed, or unknown, than before.
#[derive(Clone, PartialEq, Debug)]
pub struct Change {
    /// The sources.
    pub from: Group,
    /// The destinations.
    pub to: Group,
    /// Connectivity before.
    pub before: Connectivity,
    /// Connectivity after.
    pub after: Connectivity,
}

/// One side of a box.
#[derive(Clone, PartialEq, Debug)]
pub enum Group {
    /// Pods that both inputs have.
    Pods(PodSet),
    /// Addresses outside; those of pods inside are not carved out.
    Addresses(Family, AddressSet),
}

/// A set of pods that both inputs have; [`Difference::pods`] lists them.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PodSet(RoaringBitmap);

/// Pods that both inputs have, alike in both.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Matched {
    /// Their group in the first input, and the number of the first of them in it.
    pub before: (PodId, u32),
    /// The same in the second input.
    pub after: (PodId, u32),
    /// Number of pods.
    pub count: u32,
}

impl PodSet {
    /// Takes in the pods of another set of the same difference.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.0 |= &other.0;
    }
}

impl Difference {
    /// Every pod that both inputs have, in the order of the second one; `after` is its cluster.
    pub(crate) fn all<'d>(&'d self, after: &'d Cluster) -> impl Iterator<Item = Matched> + 'd {
        let numbers = self.matching.as_ref().map_or(after.pods.len(), Vec::len);
        (0..numbers as u32).map(|number| self.matched(number, after))
    }

    fn matched(&self, number: u32, after: &Cluster) -> Matched {
        if let Some(matching) = &self.matching {
            return matching[number as usize];
        }
        let pod = PodId::from_index(number as usize);
        Matched { before: (pod, 0), after: (pod, 0), count: after.pods[pod].count }
    }

    /// True if nothing differs, and both inputs have the same pods.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
            && self.from_nodes.is_empty()
            && self.appeared.is_empty()
            && self.vanished.is_empty()
    }

    /// The pods of a set, in the order of the second input; `after` is its cluster.
    pub fn pods<'d>(&'d self, set: &'d PodSet, after: &'d Cluster) -> impl Iterator<Item = Matched> + 'd {
        set.0.iter().map(move |number| self.matched(number, after))
    }

    /// The change between two ends; `None` if nothing changed. Pods are those of the second input.
    pub fn find(&self, before: &Program, after: &Program, from: End, to: End) -> Option<&Change> {
        if from == to {
            return None;
        }
        let (source, destination) = (self.number(from), self.number(to));
        let was = |end, number: Option<u32>| match (end, &self.matching) {
            (End::Pod(_, index), Some(matching)) => number.map(|number| {
                let matched = &matching[number as usize];
                End::Pod(matched.before.0, matched.before.1 + index - matched.after.1)
            }),
            _ => Some(end),
        };
        let (old_from, old_to) = (was(from, source)?, was(to, destination)?);
        if stays(exemption(before, old_from, old_to), exemption(after, from, to)) {
            return None;
        }
        let holds = |group: &Group, end: End, number: Option<u32>| match (group, end) {
            (Group::Pods(pods), End::Pod(..)) => number.is_some_and(|number| pods.0.contains(number)),
            (Group::Addresses(family, set), End::Address(address)) => {
                Family::of(address) == *family && set.contains(address_number(address))
            }
            _ => false,
        };
        self.changes
            .iter()
            .chain(&self.from_nodes)
            .find(|change| holds(&change.from, from, source) && holds(&change.to, to, destination))
    }

    fn number(&self, end: End) -> Option<u32> {
        let End::Pod(pod, index) = end else { return None };
        match &self.matching {
            None => Some(pod.index() as u32),
            Some(matching) => {
                let holds =
                    |m: &Matched| m.after.0 == pod && (m.after.1..m.after.1 + m.count).contains(&index);
                matching.iter().position(holds).map(|number| number as u32)
            }
        }
    }

    /// Takes out boxes that hold nothing but pairs which never change.
    fn prune(&mut self, before: &Program, after: &Program) {
        let mut changes = std::mem::take(&mut self.changes);
        changes.retain(|change| self.is_real(change, before, after));
        self.changes = changes;
    }

    fn is_real(&self, change: &Change, before: &Program, after: &Program) -> bool {
        let cluster = &after.cluster;
        match (&change.from, &change.to) {
            (Group::Pods(from), Group::Pods(to)) => self.pods(from, cluster).any(|a| {
                self.pods(to, cluster).any(|b| {
                    let exempt = stays(
                        of_mates(before, a.before.0, b.before.0),
                        of_mates(after, a.after.0, b.after.0),
                    );
                    !exempt && (a != b || a.count > 1)
                })
            }),
            (Group::Addresses(family, addresses), Group::Pods(to)) => self.pods(to, cluster).any(|pod| {
                let own = own_node(before, pod.before.0, *family).intersection(&own_node(
                    after,
                    pod.after.0,
                    *family,
                ));
                !addresses.is_subset(&own)
            }),
            _ => true,
        }
    }
}

/// The condition that is left where ingress is exempt because of the nodes of both ends (R50).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Exempt {
    /// Nothing: everything is allowed.
    Open,
    /// The policies of the node that the connection comes from, which are not evaluated.
    Unknown,
}

/// The exemption of ingress that follows from the nodes of both ends, if they have addresses to make use of it.
fn exemption(program: &Program, from: End, to: End) -> Option<Exempt> {
    match (from, to) {
        (End::Pod(from, _), End::Pod(to, _)) => of_mates(program, from, to),
        (End::Address(from), End::Pod(to, _)) => {
            let own = own_node(program, to, Family::of(from));
            own.contains(address_number(from)).then_some(Exempt::Open)
        }
        _ => None,
    }
}

/// The same of two pods.
fn of_mates(program: &Program, from: PodId, to: PodId) -> Option<Exempt> {
    let (source, destination) = (program.class_of[from], program.class_of[to]);
    (program.same_node(from, to) && program.connectable(source, destination)).then(|| {
        let is_open = program.signature(source, Direction::Egress).policies.is_empty();
        if is_open { Exempt::Open } else { Exempt::Unknown }
    })
}

/// True if nothing changed between two ends because they were exempt and still are.
fn stays(before: Option<Exempt>, after: Option<Exempt>) -> bool {
    before.is_some() && before == after
}

/// The addresses of a pod's node from which it is open; none in a family that the pod has no address of.
fn own_node(program: &Program, pod: PodId, family: Family) -> AddressSet {
    if !program.classes[program.class_of[pod]].families[family] {
        return AddressSet::empty();
    }
    let node = program.cluster.pods[pod].node;
    let addresses = node.map_or(&[][..], |node| &program.cluster.nodes[node].addresses);
    let of_family = addresses.iter().filter(|address| Family::of(**address) == family);
    of_family.map(|address| (address_number(*address), address_number(*address))).collect()
}

/// Compares two reachabilities, whatever they were made of. Pods are the same if namespace and name are.
pub fn between(before: &Reachability<'_>, after: &Reachability<'_>) -> Difference {
    let matching = Matching::by_name(&before.program().cluster, &after.program().cluster);
    matched(before, after, matching)
}

/// The same, seen from the workloads: those of the same namespace, kind and name are the same, and so are their pods in
/// order, whatever these are called. A rollout, which gives every pod another name, changes nothing then.
pub fn between_workloads(before: &Reachability<'_>, after: &Reachability<'_>) -> Difference {
    let matching = Matching::by_workload(&before.program().cluster, &after.program().cluster);
    matched(before, after, matching)
}

fn matched(before: &Reachability<'_>, after: &Reachability<'_>, matching: Matching) -> Difference {
    let (old, new) = (before.program(), after.program());
    let Matching { all, appeared, vanished } = matching;
    let mut comparison = Comparison::new(old, new, all);
    let mut changes = comparison.between_pods(before, after);
    let (outside, from_nodes) = comparison.outside();
    changes.extend(outside);
    let mut difference =
        Difference { changes, from_nodes, appeared, vanished, matching: Some(comparison.matching) };
    difference.prune(old, new);
    difference
}

/// Pods that neither input tells apart: the class in each, and their numbers.
struct Joint {
    before: ClassId,
    after: ClassId,
    pods: RoaringBitmap,
}

type ByClass = FxHashMap<ClassId, Vec<usize>>;

struct Comparison<'p> {
    old: &'p Program,
    new: &'p Program,
    matching: Vec<Matched>,
    joint: Vec<Joint>,
    /// The places in `joint` of each class, before and after.
    by_class: (ByClass, ByClass),
    rows: (Rows<'p>, Rows<'p>),
    same: Same,
}

/// Cache of comparisons: true for cells of two solvers that have the same connectivity.
#[derive(Default)]
struct Same {
    known: FxHashMap<(CellId, CellId), bool>,
}

impl Same {
    fn ask(&mut self, rows: &(Rows<'_>, Rows<'_>), before: CellId, after: CellId) -> bool {
        *self
            .known
            .entry((before, after))
            .or_insert_with(|| connectivity(&rows.0, before) == connectivity(&rows.1, after))
    }
}

fn connectivity(rows: &Rows<'_>, cell: CellId) -> Connectivity {
    rows.evaluator.connectivity(cell)
}

/// The pods towards which a pair of cells holds.
type Towards = BTreeMap<(CellId, CellId), RoaringBitmap>;

/// The same as a key.
type TowardsList = Vec<((CellId, CellId), Vec<u32>)>;

impl<'p> Comparison<'p> {
    fn new(old: &'p Program, new: &'p Program, matching: Vec<Matched>) -> Self {
        let mut joint: BTreeMap<(ClassId, ClassId), RoaringBitmap> = BTreeMap::new();
        for (number, matched) in (0..).zip(&matching) {
            let classes = (old.class_of[matched.before.0], new.class_of[matched.after.0]);
            joint.entry(classes).or_default().insert(number);
        }
        let joint: Vec<Joint> =
            joint.into_iter().map(|((before, after), pods)| Joint { before, after, pods }).collect();
        let mut by_class = (ByClass::default(), ByClass::default());
        for (place, joint) in joint.iter().enumerate() {
            by_class.0.entry(joint.before).or_default().push(place);
            by_class.1.entry(joint.after).or_default().push(place);
        }
        let rows = (Rows::new(old), Rows::new(new));
        Self { old, new, matching, joint, by_class, rows, same: Same::default() }
    }

    fn between_pods(&mut self, before: &Reachability<'_>, after: &Reachability<'_>) -> Vec<Change> {
        let moved = self.exempt_in_one();
        let mut sources: BTreeMap<TowardsList, RoaringBitmap> = BTreeMap::new();
        let mut changes = Vec::new();
        for source in 0..self.joint.len() {
            let towards = self.towards(source);
            let mut pods = self.joint[source].pods.clone();
            for (&host, others) in
                moved.range(0..).filter(|(host, _)| self.joint[source].pods.contains(**host))
            {
                pods.remove(host);
                let mut towards = towards.clone();
                for &other in others {
                    for pods in towards.values_mut() {
                        pods.remove(other);
                    }
                    let (from, to) = (&self.matching[host as usize], &self.matching[other as usize]);
                    let end = |(pod, index): (PodId, u32)| End::Pod(pod, index);
                    let was = before.connectivity(end(from.before), end(to.before));
                    let is = after.connectivity(end(from.after), end(to.after));
                    if was != is {
                        changes.push(Change {
                            from: Group::Pods(PodSet([host].into_iter().collect())),
                            to: Group::Pods(PodSet([other].into_iter().collect())),
                            before: was,
                            after: is,
                        });
                    }
                }
                changes.extend(self.boxes(&[host].into_iter().collect(), towards));
            }
            if !pods.is_empty() && !towards.is_empty() {
                let key = towards.iter().map(|(&cells, pods)| (cells, pods.iter().collect())).collect();
                *sources.entry(key).or_default() |= pods;
            }
        }
        let mut boxes: Vec<(RoaringBitmap, Towards)> = sources
            .into_iter()
            .map(|(key, pods)| {
                (pods, key.into_iter().map(|(cells, pods)| (cells, pods.into_iter().collect())).collect())
            })
            .collect();
        boxes.sort_by_key(|(pods, _)| pods.min());
        for (pods, towards) in boxes {
            changes.extend(self.boxes(&pods, towards));
        }
        changes
    }

    /// Changes towards all pods, for the pods of one joint class.
    fn towards(&mut self, source: usize) -> Towards {
        let Joint { before, after, .. } = self.joint[source];
        let (was, is) = (self.rows.0.cells(before), self.rows.1.cells(after));
        // Where nothing flows in either, nothing changes.
        let some_before = was.iter().flat_map(|(class, _)| self.by_class.0.get(class).into_iter().flatten());
        let some_after = is.iter().flat_map(|(class, _)| self.by_class.1.get(class).into_iter().flatten());
        let mut some: Vec<usize> = some_before.chain(some_after).copied().collect();
        some.sort_unstable();
        some.dedup();
        let closed = (self.rows.0.evaluator.closed(), self.rows.1.evaluator.closed());
        let find = |cells: &[(ClassId, CellId)], class: ClassId, closed: CellId| {
            cells.binary_search_by_key(&class, |&(id, _)| id).map_or(closed, |at| cells[at].1)
        };
        // A set that grows class by class would be copied as often.
        let mut towards: BTreeMap<(CellId, CellId), Vec<u32>> = BTreeMap::new();
        for place in some {
            let joint = &self.joint[place];
            let cells = (find(&was, joint.before, closed.0), find(&is, joint.after, closed.1));
            if !self.same.ask(&self.rows, cells.0, cells.1) {
                towards.entry(cells).or_default().extend(&joint.pods);
            }
        }
        let sets = towards.into_iter().map(|(cells, mut pods)| {
            pods.sort_unstable();
            (cells, pods.into_iter().collect())
        });
        sets.collect()
    }

    fn boxes(&self, from: &RoaringBitmap, towards: Towards) -> Vec<Change> {
        let boxes = towards.into_iter().filter(|(_, to)| !to.is_empty()).map(|((was, is), to)| Change {
            from: Group::Pods(PodSet(from.clone())),
            to: Group::Pods(PodSet(to)),
            before: connectivity(&self.rows.0, was),
            after: connectivity(&self.rows.1, is),
        });
        boxes.collect()
    }

    /// For each hostNetwork pod, the pods that it shares a node with before or after, but not both alike.
    fn exempt_in_one(&self) -> BTreeMap<u32, Vec<u32>> {
        let mut on_node: BTreeMap<(bool, usize), (Vec<u32>, Vec<u32>)> = BTreeMap::new();
        for (number, matched) in (0..).zip(&self.matching) {
            for (is_new, program, pod) in
                [(false, self.old, matched.before.0), (true, self.new, matched.after.0)]
            {
                let pod = &program.cluster.pods[pod];
                if let Some(node) = pod.node {
                    let (hosts, all) = on_node.entry((is_new, node.index())).or_default();
                    all.push(number);
                    if pod.host_network {
                        hosts.push(number);
                    }
                }
            }
        }
        let mut found: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (hosts, all) in on_node.values() {
            for &host in hosts {
                for &other in all {
                    let (from, to) = (&self.matching[host as usize], &self.matching[other as usize]);
                    let was = of_mates(self.old, from.before.0, to.before.0);
                    if was != of_mates(self.new, from.after.0, to.after.0) {
                        found.entry(host).or_default().push(other);
                    }
                }
            }
        }
        for others in found.values_mut() {
            others.sort_unstable();
            others.dedup();
        }
        found
    }
}
