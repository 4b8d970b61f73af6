//! All pairs of two sets of ends, in few lots.
//!
//! Where the sets are large, the pairs of all sources of a class are counted from its row: nothing flows to most
//! destinations, and these are counted without being looked at. Pairs of ends that are only perhaps meant have lots of
//! their own, and pods that are meant because of their address are asked about as if it were one of those meant.

use std::rc::Rc;

use indexmap::{IndexMap, IndexSet};
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::group::{Group, Groups};
use super::narrowed::narrowed;
use crate::cluster::NodeId;
use crate::compile::{ClassId, Program};
use crate::label::Truth;
use crate::net::{AddressSet, ByFamily, Family, PortSet};
use crate::query::Ends;
use crate::query::endpoint::Target;
use crate::solve::{CellId, Cells, Connectivity, End, Reachability, Rows};

/// Pairs of ends between which the same may flow, and of which the same is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lot {
    /// Number of pairs. A range of addresses that no rule tells apart counts as one end.
    pub count: u128,
    /// The first of them; the ends are the same only in lots of pods and themselves.
    pub first: (End, End),
    /// The ports that each pair may use, as bounds.
    pub bounds: Connectivity,
    /// The ports asked for, never none.
    pub asked: PortSet,
    /// The relation between the two ends, the same for all pairs.
    pub relation: Relation,
    /// `Yes` if both ends are surely meant, else `Unknown`; never `No`.
    pub member: Truth,
}

/// The relation between two ends. Of the pairs of two sets, only those count whose relation comes first here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Relation {
    /// Two pods, or a pod and an address of a family that it has.
    Near,
    /// A pod and an address of a family that it has not.
    OtherFamily,
    /// Two addresses of one family: no policy has a say.
    Outside,
    /// Two addresses of different families.
    OutsideOtherFamily,
}

impl Relation {
    pub(super) fn new(source: &Group, destination: &Group) -> Self {
        let kind = |group: &Group| (group.class.is_some(), group.families);
        Self::between(kind(source), kind(destination))
    }

    /// Finds the relation between two ends.
    pub(in crate::query) fn of(program: &Program, a: End, b: End) -> Self {
        let kind = |end| match end {
            End::Pod(pod, _) => (true, program.classes[program.class_of[pod]].families),
            End::Address(ip) => {
                (false, ByFamily { v4: Family::of(ip) == Family::V4, v6: Family::of(ip) == Family::V6 })
            }
        };
        Self::between(kind(a), kind(b))
    }

    /// The same of two ends of which is said whether they are pods, and which families they have addresses of.
    fn between((a, ours): (bool, ByFamily<bool>), (b, theirs): (bool, ByFamily<bool>)) -> Self {
        let common = Family::ALL.into_iter().any(|family| ours[family] && theirs[family]);
        match (a, b) {
            (true, true) => Self::Near,
            (false, false) if common => Self::Outside,
            (false, false) => Self::OutsideOtherFamily,
            _ if common => Self::Near,
            _ => Self::OtherFamily,
        }
    }

    /// True if both ends are addresses outside.
    pub const fn is_outside(self) -> bool {
        matches!(self, Self::Outside | Self::OutsideOtherFamily)
    }
}

/// More pairs of groups than this are not looked at one by one.
const MANY: usize = 1 << 14;

/// All pairs of two sets of ends, in few lots; those of pods and themselves stand last. With `nodes`, connections from a
/// pod's own node are exempt (R50); without, the policies alone count.
pub fn lots(reachability: &Reachability<'_>, from: &Target, to: &Target, nodes: bool) -> Vec<Lot> {
    let program = reachability.program();
    let mut all = Vec::new();
    for source in &sides(from) {
        for destination in &sides(to) {
            let groups = Groups::new(program, &source.ends, &destination.ends, &to.ports, nodes);
            let found = match (source.place, destination.place) {
                (None, None) => of(reachability, &groups, nodes),
                places => narrowed(reachability, &groups, places, nodes),
            };
            let member = source.member.and(destination.member);
            all.extend(found.into_iter().map(|lot| Lot { member: lot.member.and(member), ..lot }));
        }
    }
    all
}

/// Ends of a target that are meant for the same reason.
struct Side<'t> {
    ends: Ends,
    member: Truth,
    /// The region in which the ends must lie to be meant, for pods whose addresses are not known; else `None`.
    place: Option<&'t ByFamily<AddressSet>>,
}

fn sides(target: &Target) -> Vec<Side<'_>> {
    let pods = |pods: &[_]| Ends { pods: pods.to_vec(), addresses: ByFamily::default() };
    let mut sides = vec![Side { ends: target.ends.clone(), member: Truth::Yes, place: None }];
    if !target.perhaps.by_label.is_empty() {
        sides.push(Side { ends: pods(&target.perhaps.by_label), member: Truth::Unknown, place: None });
    }
    if !target.perhaps.by_address.is_empty() {
        let place = Some(&target.ends.addresses);
        sides.push(Side { ends: pods(&target.perhaps.by_address), member: Truth::Unknown, place });
    }
    sides
}

/// The lots that count: a pair of two addresses counts only where there are no others, and so does a pod with an
/// address of a family that it has not. Whatever may not count is no longer surely a member.
pub fn counting<T>(mut all: Vec<T>, lot: impl Fn(&mut T) -> &mut Lot) -> Vec<T> {
    let mut nearest = None;
    let mut nearest_perhaps = None;
    for one in &mut all {
        let lot = lot(one);
        let least = if lot.member.sure() { &mut nearest } else { &mut nearest_perhaps };
        *least = Some(least.map_or(lot.relation, |least: Relation| least.min(lot.relation)));
    }
    let Some(nearest) = nearest else { return all };
    all.retain_mut(|one| lot(one).relation <= nearest);
    if nearest_perhaps.is_some_and(|perhaps| perhaps < nearest) {
        for one in &mut all {
            lot(one).member = Truth::Unknown;
        }
    }
    all
}

/// The pairs of ends in groups that are all surely meant, but for addresses that may be those of pods.
pub(super) fn of(reachability: &Reachability<'_>, groups: &Groups, nodes: bool) -> Vec<Lot> {
    if groups.sources.len() * groups.destinations.len() > MANY {
        by_row(reachability.program(), groups, nodes)
    } else {
        by_pair(reachability, groups, nodes)
    }
}

fn lots_of(groups: &Groups, found: Found, bounds: impl Fn(CellId) -> Connectivity) -> Vec<Lot> {
    let mut found: Vec<(Key, Pairs)> = found.into_iter().filter(|(_, pairs)| pairs.count > 0).collect();
    found.sort_unstable_by_key(|(_, pairs)| pairs.first);
    let distinct =
        found.into_iter().map(|(Key { cell, relation, is_doubtful, .. }, Pairs { count, first })| {
            let (source, destination) = first.expect("what is counted was found somewhere");
            Lot {
                count: count.unsigned_abs(),
                first: groups.distinct(source, destination).expect("there is a pair"),
                bounds: bounds(cell),
                asked: groups.destinations[destination].1.clone(),
                relation,
                member: if is_doubtful { Truth::Unknown } else { Truth::Yes },
            }
        });
    distinct.chain(of_itself(groups)).collect()
}

/// Pods that are sources and destinations, each with itself.
pub(super) fn of_itself(groups: &Groups) -> impl Iterator<Item = Lot> {
    let mut same: Vec<_> = groups.same.iter().collect();
    same.sort_unstable_by_key(|(place, _)| **place);
    same.into_iter().map(|(&(_, destination), &(count, pod))| Lot {
        count,
        first: (pod, pod),
        bounds: Connectivity::open(),
        asked: groups.destinations[destination].1.clone(),
        relation: Relation::Near,
        member: Truth::Yes,
    })
}

/// The properties that pairs counted together have in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    cell: CellId,
    /// The place of the ports asked for.
    asked: usize,
    relation: Relation,
    is_doubtful: bool,
}

/// The places of a source and of a destination.
type Place = (usize, usize);

/// The number of pairs with one key, and the first place of such a pair.
#[derive(Clone, Copy, Default)]
struct Pairs {
    count: i128,
    first: Option<Place>,
}

type Found = IndexMap<Key, Pairs, FxBuildHasher>;

/// Every source with every destination.
fn by_pair(reachability: &Reachability<'_>, groups: &Groups, nodes: bool) -> Vec<Lot> {
    let mut count = Count::new(groups);
    for i in 0..groups.sources.len() {
        for place in 0..groups.destinations.len() {
            count.one((i, place), |a, b| {
                if nodes { reachability.cell(a, b) } else { reachability.cell_by_policies(a, b) }
            });
        }
    }
    lots_of(groups, count.found, |cell| reachability.bounds(cell))
}

/// A count of pairs by key.
struct Count<'g> {
    groups: &'g Groups,
    /// The place of the ports asked for of each destination.
    asked: Rc<[usize]>,
    found: Found,
}

impl<'g> Count<'g> {
    fn new(groups: &'g Groups) -> Self {
        let mut all: IndexSet<&PortSet, FxBuildHasher> = IndexSet::default();
        let asked = groups.destinations.iter().map(|(_, ports)| all.insert_full(ports).0).collect();
        Self { groups, asked, found: Found::default() }
    }

    fn key(&self, (i, place): Place, cell: CellId) -> Key {
        let (source, (destination, _)) = (&self.groups.sources[i], &self.groups.destinations[place]);
        Key {
            cell,
            asked: self.asked[place],
            relation: Relation::new(source, destination),
            is_doubtful: source.is_doubtful || destination.is_doubtful,
        }
    }

    /// Number of pairs in a place, including pairs of a pod with itself.
    fn pairs(&self, (i, place): Place) -> i128 {
        signed(self.groups.sources[i].count * self.groups.destinations[place].0.count)
    }

    /// The pairs of different ends in one place.
    fn one(&mut self, (i, place): Place, cell: impl FnOnce(End, End) -> CellId) {
        let same = self.groups.same.get(&(i, place)).map_or(0, |(count, _)| signed(*count));
        let count = self.pairs((i, place)) - same;
        if let Some((a, b)) = self.groups.distinct(i, place).filter(|_| count > 0) {
            let key = self.key((i, place), cell(a, b));
            self.add(key, count, |_| Some((i, place)));
        }
    }

    /// Adds pairs of a key; `first` is asked for a place that may be before the one that is known.
    fn add(&mut self, key: Key, count: i128, first: impl FnOnce(Option<Place>) -> Option<Place>) {
        let pairs = self.found.entry(key).or_default();
        pairs.count += count;
        pairs.first = match (pairs.first, first(pairs.first)) {
            (Some(known), Some(other)) => Some(known.min(other)),
            (known, other) => known.or(other),
        };
    }
}

/// Counts are sums of products of numbers of pods and ranges, far below what fits.
fn signed(pairs: u128) -> i128 {
    i128::try_from(pairs).expect("pairs are counted with fewer bits")
}

/// The sources of a class at a time: its row says where something may flow, and all the rest is closed. Then pods and
/// themselves are taken out, and hostNetwork pods are told apart by node (R50).
fn by_row(program: &Program, groups: &Groups, nodes: bool) -> Vec<Lot> {
    let mut rows = Rows::new(program);
    let mut count = Count::new(groups);
    let destinations = Destinations::new(groups, &count.asked);
    let of_ends = |rows: &mut Rows<'_>, a, b| {
        if nodes { rows.evaluator.of_ends(a, b) } else { rows.evaluator.by_policies(a, b) }
    };
    let mut classes: IndexMap<ClassId, Vec<usize>, FxBuildHasher> = IndexMap::default();
    for (i, source) in groups.sources.iter().enumerate() {
        match source.class {
            Some(class) => classes.entry(class).or_default().push(i),
            None => {
                for place in 0..groups.destinations.len() {
                    count.one((i, place), |a, b| of_ends(&mut rows, a, b));
                }
            }
        }
    }
    for (class, sources) in classes {
        let head = Head { cells: rows.cells(class), closed: rows.evaluator.closed(), sources };
        destinations.along(&head, &mut count);
        for &place in &destinations.outside {
            let number = head.sources.iter().map(|&i| count.pairs((i, place))).sum();
            let (a, b) = groups.distinct(head.sources[0], place).expect("a pod is no address");
            let key = count.key((head.sources[0], place), of_ends(&mut rows, a, b));
            count.add(key, number, |_| Some((head.sources[0], place)));
        }
        for &i in &head.sources {
            for place in destinations.apart(&groups.sources[i], i) {
                if let Some(other) = groups.destinations[place].0.class {
                    let key = count.key((i, place), head.cell(other));
                    count.add(key, -count.pairs((i, place)), |_| None);
                    count.one((i, place), |a, b| of_ends(&mut rows, a, b));
                }
            }
        }
    }
    lots_of(groups, count.found, |cell| rows.evaluator.connectivity(cell))
}

/// The sources of one class.
struct Head {
    cells: Rc<Cells>,
    closed: CellId,
    /// Their places, ascending.
    sources: Vec<usize>,
}

impl Head {
    /// The cell from the sources to a class, wherever its pods run.
    fn cell(&self, other: ClassId) -> CellId {
        let at = self.cells.binary_search_by_key(&other, |&(class, _)| class);
        at.map_or(self.closed, |at| self.cells[at].1)
    }
}

/// The destinations of a question, by place.
struct Destinations<'g> {
    groups: &'g Groups,
    of_class: FxHashMap<ClassId, Members>,
    /// Number of pods, by the place of the ports asked for.
    pods: IndexMap<usize, u128, FxBuildHasher>,
    of_node: FxHashMap<NodeId, Vec<usize>>,
    outside: Vec<usize>,
    /// The destinations at which each source meets its own pods.
    same: FxHashMap<usize, Vec<usize>>,
}

/// The destinations of one class.
#[derive(Default)]
struct Members {
    places: Vec<usize>,
    /// Number of pods of the class, by the place of the ports asked for.
    pods: IndexMap<usize, u128, FxBuildHasher>,
}

impl<'g> Destinations<'g> {
    fn new(groups: &'g Groups, asked: &[usize]) -> Self {
        let mut destinations = Self {
            groups,
            of_class: FxHashMap::default(),
            pods: IndexMap::default(),
            of_node: FxHashMap::default(),
            outside: Vec::new(),
            same: FxHashMap::default(),
        };
        for (place, (group, _)) in groups.destinations.iter().enumerate() {
            match group.class {
                Some(class) => {
                    let members = destinations.of_class.entry(class).or_default();
                    members.places.push(place);
                    *members.pods.entry(asked[place]).or_default() += group.count;
                    *destinations.pods.entry(asked[place]).or_default() += group.count;
                }
                None => destinations.outside.push(place),
            }
            if let Some(node) = group.node {
                destinations.of_node.entry(node).or_default().push(place);
            }
        }
        for &(source, destination) in groups.same.keys() {
            destinations.same.entry(source).or_default().push(destination);
        }
        destinations
    }

    /// Finds the destinations of a source for which the row of its class is not the whole answer; ascending.
    fn apart(&self, source: &Group, i: usize) -> Vec<usize> {
        let on_node = source.node.and_then(|node| self.of_node.get(&node));
        let mut places: Vec<usize> =
            on_node.into_iter().chain(self.same.get(&i)).flatten().copied().collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// Counts what the row of a class says of all pods, wherever they run, and of pods and themselves.
    fn along(&self, head: &Head, count: &mut Count<'_>) {
        let mut pods: IndexMap<(CellId, usize), u128, FxBuildHasher> = IndexMap::default();
        let mut closed = self.pods.clone();
        for &(other, cell) in head.cells.iter() {
            for (&asked, &number) in self.of_class.get(&other).into_iter().flat_map(|members| &members.pods) {
                *pods.entry((cell, asked)).or_default() += number;
                closed[&asked] -= number;
            }
        }
        pods.extend(closed.into_iter().map(|(asked, number)| ((head.closed, asked), number)));
        let sources: u128 = head.sources.iter().map(|&i| self.groups.sources[i].count).sum();
        for ((cell, asked), number) in pods.into_iter().filter(|(_, number)| *number > 0) {
            let key = Key { cell, asked, relation: Relation::Near, is_doubtful: false };
            let all = Rc::clone(&count.asked);
            count.add(key, signed(sources * number), |known| match known {
                Some((i, _)) if i < head.sources[0] => None,
                _ => self.first(head, cell, |place| all[place] == asked),
            });
        }
    }

    /// The first place of which the row says all, and this.
    fn first(&self, head: &Head, cell: CellId, is_meant: impl Fn(usize) -> bool) -> Option<Place> {
        let mut places: Vec<usize> = if cell == head.closed {
            let is_closed = |place: &usize| {
                self.groups.destinations[*place].0.class.is_some_and(|class| head.cell(class) == cell)
            };
            (0..self.groups.destinations.len()).filter(is_closed).collect()
        } else {
            let classes = head.cells.iter().filter(|(_, other)| *other == cell);
            let members = classes.filter_map(|(class, _)| self.of_class.get(class));
            members.flat_map(|members| &members.places).copied().collect()
        };
        places.retain(|place| is_meant(*place));
        places.sort_unstable();
        head.sources.iter().find_map(|&i| {
            let apart = self.apart(&self.groups.sources[i], i);
            let place = places.iter().find(|place| apart.binary_search(place).is_err());
            place.map(|&place| (i, place))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Ranges;
    use crate::compile::compile;
    use crate::profile::Profile;
    use crate::query::endpoint::parse;
    use crate::query::fixture::{THREE_TIER, cluster};
    use crate::solve::solve;

    const MORE: &str = "---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: kube-system, labels: {app: agent}}
spec: {nodeName: a, hostNetwork: true}
status: {hostIP: 192.168.0.1, podIPs: [{ip: 192.168.0.1}, {ip: 'fd00::1'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: other-agent, namespace: kube-system, labels: {app: agent}}
spec: {nodeName: b, hostNetwork: true}
status: {hostIP: 192.168.0.2, podIPs: [{ip: 192.168.0.2}, {ip: 'fd00::2'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: lone, namespace: multi-tier, labels: {tier: database}}
spec: {nodeName: b}
status: {podIPs: [{ip: 10.0.0.2}]}
---
apiVersion: v1
kind: Pod
metadata: {name: beside, namespace: multi-tier, labels: {tier: api}}
spec: {nodeName: a, containers: [{ports: [{name: http, containerPort: 8080}]}]}
status: {podIPs: [{ip: 10.0.0.1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: six, namespace: multi-tier, labels: {tier: api}}
status: {podIPs: [{ip: 'fd00::6'}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: office, namespace: multi-tier}
spec:
  podSelector: {matchLabels: {tier: frontend}}
  ingress: [{from: [{ipBlock: {cidr: 198.51.100.0/24, except: [198.51.100.128/25]}}], ports: [{port: 443}]}]
";

    /// Lots that say the same as one, each with its first pair.
    fn merged(lots: Vec<Lot>) -> Vec<Lot> {
        let mut merged: Vec<Lot> = Vec::new();
        for lot in lots {
            let is_itself = |lot: &Lot| lot.first.0 == lot.first.1;
            let known = merged.iter_mut().find(|known| {
                (&known.bounds, &known.asked, known.relation, known.member, is_itself(known))
                    == (&lot.bounds, &lot.asked, lot.relation, lot.member, is_itself(&lot))
            });
            match known {
                Some(known) => known.count += lot.count,
                None => merged.push(lot),
            }
        }
        merged
    }

    #[test]
    fn rows_and_pairs_come_to_the_same_lots() {
        let cluster = cluster(&format!("{THREE_TIER}{MORE}"));
        let program = compile(&cluster, Profile::Spec);
        let reachability = solve(&program);
        let everything = Target {
            ends: Ends {
                pods: cluster.pods.enumerate().map(|(id, pod)| (id, 0..pod.count)).collect(),
                addresses: ByFamily {
                    v4: AddressSet::from_range(0, u32::MAX.into()),
                    v6: AddressSet::from_range(0, u128::MAX),
                },
            },
            ..Target::default()
        };
        let texts = [
            "",
            "ns/multi-tier",
            "ns/kube-system",
            "frontend",
            "frontend[1]",
            "beside",
            "six",
            "kube-system/agent",
            "internet",
            "0.0.0.0/0",
            "::/0",
            "198.51.100.0/23",
            "192.168.0.1",
            "svc/frontend",
        ];
        for from in texts {
            for to in
                texts.into_iter().flat_map(|to| [to.to_owned(), format!("{to}:80"), format!("{to}:http")])
            {
                let read = |text| match text {
                    "" => Ok(everything.clone()),
                    _ => parse(text, &cluster, "multi-tier", &Ranges::default()),
                };
                let (Ok(source), Ok(destination)) = (read(from), read(&to)) else { continue };
                for nodes in [true, false] {
                    let groups =
                        Groups::new(&program, &source.ends, &destination.ends, &destination.ports, nodes);
                    let pairs = merged(by_pair(&reachability, &groups, nodes));
                    let rows = merged(by_row(&program, &groups, nodes));
                    assert_eq!(rows, pairs, "{from} -> {to}");
                }
            }
        }
    }
}
