//! All pairs of two sets of ends, in few lots.
//!
//! Where the sets are large, the cells of a source are listed from its row: nothing flows to most destinations, and these
//! are counted without being looked at.

use indexmap::{IndexMap, IndexSet};
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::group::{Group, Groups};
use crate::compile::ClassId;
use crate::net::{Family, PortSet};
use crate::query::endpoint::Target;
use crate::solve::{CellId, Connectivity, End, Reachability, Rows};

/// Pairs of ends between which the same may flow, and of which the same is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lot {
    /// How many they are. A range of addresses that no rule tells apart counts as one end.
    pub count: u128,
    /// The first of them; the ends are the same only in lots of pods and themselves.
    pub first: (End, End),
    /// What may flow.
    pub bounds: Connectivity,
    /// The ports asked for, never none.
    pub asked: PortSet,
    /// Whether the ends have an address family in common.
    pub related: bool,
}

/// More pairs of groups than this are not looked at one by one.
const MANY: usize = 1 << 14;

/// All pairs of two sets of ends, in few lots; those of pods and themselves stand last.
pub fn lots(reachability: &Reachability<'_>, from: &Target, to: &Target) -> Vec<Lot> {
    of(reachability, &Groups::new(reachability.program(), from, to))
}

/// The same for ends in groups.
pub(super) fn of(reachability: &Reachability<'_>, groups: &Groups) -> Vec<Lot> {
    collect(reachability, groups, groups.sources.len() * groups.destinations.len() > MANY)
}

/// `by_row` if rows are to be listed rather than pairs.
fn collect(reachability: &Reachability<'_>, groups: &Groups, by_row: bool) -> Vec<Lot> {
    let destinations = Destinations::new(groups, by_row);
    let mut rows = by_row.then(|| Rows::new(reachability.program()));
    let mut lots: IndexMap<Key, (u128, (End, End)), FxBuildHasher> = IndexMap::default();
    for (i, source) in groups.sources.iter().enumerate() {
        let line = rows.as_mut().zip(source.class);
        let mut found = destinations.one_by_one(reachability, groups, i, line.is_some());
        if let Some((rows, class)) = line {
            found.extend(destinations.along(rows, groups, i, class, |key| lots.contains_key(key)));
            found.sort_by_key(|pairs| pairs.destination);
        }
        for Pairs { destination, key, count } in found {
            if count == 0 {
                continue;
            }
            if let Some((known, _)) = lots.get_mut(&key) {
                *known += count;
            } else if let Some(first) = groups.distinct(i, destination) {
                lots.insert(key, (count, first));
            }
        }
    }
    let bounds = |cell| match cell {
        Cell::OfPair(cell) => reachability.bounds(cell),
        Cell::OfRow(cell) => {
            let rows = rows.as_ref().expect("a cell of a row comes from them");
            rows.evaluator.connectivity(cell)
        }
    };
    let distinct = lots.into_iter().map(|(Key { cell, asked, related }, (count, first))| Lot {
        count,
        first,
        bounds: bounds(cell),
        asked: destinations.asked[asked].clone(),
        related,
    });
    let mut same: Vec<_> = groups.same.iter().collect();
    same.sort_unstable_by_key(|(place, _)| **place);
    let same = same.into_iter().map(|(&(_, destination), &(count, pod))| Lot {
        count,
        first: (pod, pod),
        bounds: Connectivity::open(),
        asked: groups.destinations[destination].1.clone(),
        related: true,
    });
    distinct.chain(same).collect()
}

/// What pairs have in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    cell: Cell,
    /// The place of the ports asked for.
    asked: usize,
    related: bool,
}

impl Key {
    /// What the pairs of a source with destinations of a kind have in common that come to this cell.
    fn new(source: &Group, (asked, families): Kind, cell: Cell) -> Self {
        let mut both = Family::ALL.into_iter().zip(families);
        Self { cell, asked, related: both.any(|(family, has)| has && source.families[family]) }
    }
}

/// The place of the ports asked for of a destination, and the families it has addresses of.
type Kind = (usize, [bool; 2]);

/// A cell, by who evaluated it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Cell {
    OfPair(CellId),
    OfRow(CellId),
}

/// Pairs of one source with a destination, or with several: then this is the first.
struct Pairs {
    destination: usize,
    key: Key,
    count: u128,
}

/// What the destinations of a question have in common.
struct Destinations<'g> {
    groups: &'g [(Group, PortSet)],
    /// The ports asked for, each once, and which of them for each destination.
    asked: IndexSet<&'g PortSet, FxBuildHasher>,
    asked_of: Vec<usize>,
    /// The destinations of each class, if rows are listed.
    of_class: FxHashMap<ClassId, Vec<usize>>,
    /// How many ends of each kind there are in classes.
    kinds: IndexMap<Kind, u128, FxBuildHasher>,
    /// The destinations at which each source meets its own pods.
    same: FxHashMap<usize, Vec<usize>>,
}

impl<'g> Destinations<'g> {
    fn new(groups: &'g Groups, by_row: bool) -> Self {
        let mut asked = IndexSet::default();
        let asked_of = groups.destinations.iter().map(|(_, ports)| asked.insert_full(ports).0).collect();
        let mut destinations = Self {
            groups: &groups.destinations,
            asked,
            asked_of,
            of_class: FxHashMap::default(),
            kinds: IndexMap::default(),
            same: FxHashMap::default(),
        };
        for &(source, destination) in groups.same.keys() {
            destinations.same.entry(source).or_default().push(destination);
        }
        for (place, (group, _)) in groups.destinations.iter().enumerate().filter(|_| by_row) {
            if let Some(class) = group.class {
                destinations.of_class.entry(class).or_default().push(place);
                *destinations.kinds.entry(destinations.kind(place)).or_default() += group.count;
            }
        }
        destinations
    }

    fn kind(&self, place: usize) -> Kind {
        (self.asked_of[place], Family::ALL.map(|family| self.groups[place].0.families[family]))
    }

    /// How many pairs of different ends a source has with a destination.
    fn distinct(&self, groups: &Groups, i: usize, place: usize) -> u128 {
        let same = groups.same.get(&(i, place)).map_or(0, |(count, _)| *count);
        groups.sources[i].count * self.groups[place].0.count - same
    }

    /// The pairs of a source with every destination, or with those alone that no row has.
    fn one_by_one(
        &self,
        reachability: &Reachability<'_>,
        groups: &Groups,
        i: usize,
        without_classes: bool,
    ) -> Vec<Pairs> {
        let wanted = |place: &usize| !(without_classes && self.groups[*place].0.class.is_some());
        let pairs = (0..self.groups.len()).filter(wanted).filter_map(|place| {
            let count = self.distinct(groups, i, place);
            let (a, b) = groups.distinct(i, place).filter(|_| count > 0)?;
            let cell = Cell::OfPair(reachability.cell(a, b));
            Some(Pairs {
                destination: place,
                key: Key::new(&groups.sources[i], self.kind(place), cell),
                count,
            })
        });
        pairs.collect()
    }

    /// The pairs of a source of a class with destinations that are classes, too.
    fn along(
        &self,
        rows: &mut Rows<'_>,
        groups: &Groups,
        i: usize,
        class: ClassId,
        is_known: impl Fn(&Key) -> bool,
    ) -> Vec<Pairs> {
        let source = &groups.sources[i];
        let closed = rows.evaluator.closed();
        let mut left = self.kinds.clone();
        let mut found: Vec<Pairs> = Vec::new();
        for &(other, cell) in rows.cells(class).iter() {
            for &place in self.of_class.get(&other).into_iter().flatten() {
                let kind = self.kind(place);
                left[&kind] -= self.groups[place].0.count;
                let key = Key::new(source, kind, Cell::OfRow(cell));
                found.push(Pairs { destination: place, key, count: self.distinct(groups, i, place) });
            }
        }
        found.sort_unstable_by_key(|pairs| pairs.destination);
        let is_listed = |place: usize| found.binary_search_by_key(&place, |pairs| pairs.destination).is_ok();
        let mut rest = Vec::new();
        for (kind, ends) in left {
            let itself = self.same.get(&i).into_iter().flatten().filter(|&&place| {
                self.groups[place].0.class.is_some() && self.kind(place) == kind && !is_listed(place)
            });
            let itself: u128 = itself.map(|&place| groups.same[&(i, place)].0).sum();
            let count = source.count * ends - itself;
            let key = Key::new(source, kind, Cell::OfRow(closed));
            if count == 0 {
                continue;
            }
            // Which is the first matters only once.
            let is_first = |&place: &usize| {
                self.groups[place].0.class.is_some()
                    && self.kind(place) == kind
                    && !is_listed(place)
                    && self.distinct(groups, i, place) > 0
            };
            let first = if is_known(&key) { Some(0) } else { (0..self.groups.len()).find(is_first) };
            rest.extend(first.map(|destination| Pairs { destination, key, count }));
        }
        found.extend(rest);
        found
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
                (&known.bounds, &known.asked, known.related, is_itself(known))
                    == (&lot.bounds, &lot.asked, lot.related, is_itself(&lot))
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
        let texts = [
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
                let read = |text| parse(text, &cluster, "multi-tier", &Ranges::default());
                let (Ok(source), Ok(destination)) = (read(from), read(&to)) else { continue };
                let groups = Groups::new(&program, &source, &destination);
                let [pairs, rows] =
                    [false, true].map(|by_row| merged(collect(&reachability, &groups, by_row)));
                assert_eq!(rows, pairs, "{from} -> {to}");
            }
        }
    }
}
