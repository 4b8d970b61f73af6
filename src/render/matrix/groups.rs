//! Flows grouped for people: sources that reach the same destinations stand together, destinations that are reached
//! on the same ports too.
//!
//! Keeps a row as ranges of positions in the list of endpoints, and equal rows once, so that a large and mostly
//! uniform cluster stays small.

use std::collections::BTreeMap;
use std::io;

use rustc_hash::FxHashMap;

use super::{Flows, Report};
use crate::net::PortSet;
use crate::query::{Endpoint, EndpointFacts, Flow, Isolation};

/// What flows from one endpoint to another.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Carried {
    pub(super) ports: PortSet,
    pub(super) some: PortSet,
    pub(super) unknown: PortSet,
    /// Whether everything is allowed because no policy selects either end, and not because a rule says so.
    pub(super) open: bool,
}

/// Positions in the list of endpoints, ascending.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Positions {
    ranges: Vec<(u32, u32)>,
}

impl Positions {
    fn of_sorted(positions: impl IntoIterator<Item = u32>) -> Self {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for position in positions {
            match ranges.last_mut() {
                Some(last) if last.1 + 1 == position => last.1 = position,
                Some(last) if last.1 == position => {}
                _ => ranges.push((position, position)),
            }
        }
        Self { ranges }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        self.ranges.iter().flat_map(|&(first, last)| first as usize..=last as usize)
    }
}

/// Sources that reach the same destinations on the same ports.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) sources: Positions,
    pub(super) reached: Vec<(Carried, Positions)>,
}

/// Everything the flows of a matrix say, grouped.
#[derive(Debug, Default)]
pub(super) struct Groups {
    pub(super) groups: Vec<Group>,
    /// Of a small matrix every flow by positions.
    pub(super) cells: BTreeMap<(usize, usize), Carried>,
}

/// A row: an index of what is carried, and whereto.
type Row = Vec<(u32, Positions)>;

/// Groups the flows of `report`; keeps single cells if it has at most `small` endpoints.
pub(super) fn group(report: &Report<'_>, flows: &dyn Flows, small: usize) -> io::Result<Groups> {
    let mut grouping = Grouping::new(&report.endpoints, report.endpoints.len() <= small);
    flows.for_each(&mut |flow| {
        grouping.add(flow);
        Ok(())
    })?;
    Ok(grouping.finish())
}

struct Grouping<'a> {
    endpoints: &'a [EndpointFacts],
    positions: FxHashMap<Endpoint, u32>,
    carried: Vec<Carried>,
    carried_ids: FxHashMap<Carried, u32>,
    source: Option<u32>,
    row: Vec<(u32, u32)>,
    rows: Vec<(Row, Vec<u32>)>,
    row_ids: FxHashMap<Row, usize>,
    cells: Option<BTreeMap<(usize, usize), Carried>>,
}

impl<'a> Grouping<'a> {
    fn new(endpoints: &'a [EndpointFacts], keep_cells: bool) -> Self {
        Self {
            endpoints,
            positions: (0..).zip(endpoints).map(|(position, facts)| (facts.endpoint, position)).collect(),
            carried: Vec::new(),
            carried_ids: FxHashMap::default(),
            source: None,
            row: Vec::new(),
            rows: Vec::new(),
            row_ids: FxHashMap::default(),
            cells: keep_cells.then(BTreeMap::new),
        }
    }

    fn add(&mut self, flow: &Flow) {
        let (Some(&from), Some(&to)) = (self.positions.get(&flow.from), self.positions.get(&flow.to)) else {
            debug_assert!(false, "every flow is between endpoints of the matrix");
            return;
        };
        if self.source != Some(from) {
            self.end_row();
            self.source = Some(from);
        }
        let open = flow.ports.is_full()
            && unrestricted(self.endpoints[from as usize].isolation.egress)
            && unrestricted(self.endpoints[to as usize].isolation.ingress);
        let Flow { ports, some, unknown, .. } = flow.clone();
        let carried = Carried { ports, some, unknown, open };
        if let Some(cells) = &mut self.cells {
            cells.insert((from as usize, to as usize), carried.clone());
        }
        let next = self.carried.len() as u32;
        let id = *self.carried_ids.entry(carried).or_insert_with_key(|carried| {
            self.carried.push(carried.clone());
            next
        });
        self.row.push((id, to));
    }

    fn end_row(&mut self) {
        let Some(source) = self.source.take() else { return };
        let mut row = std::mem::take(&mut self.row);
        // A single pod always reaches itself, which no flow says: standing among its equals it joins their group.
        if self.endpoints[source as usize].pods == 1
            && let Some(id) = most_frequent(&row)
        {
            row.push((id, source));
        }
        row.sort_unstable();
        let row: Row = row
            .chunk_by(|a, b| a.0 == b.0)
            .map(|run| (run[0].0, Positions::of_sorted(run.iter().map(|&(_, to)| to))))
            .collect();
        match self.row_ids.get(&row) {
            Some(&known) => self.rows[known].1.push(source),
            None => {
                self.row_ids.insert(row.clone(), self.rows.len());
                self.rows.push((row, vec![source]));
            }
        }
    }

    fn finish(mut self) -> Groups {
        self.end_row();
        let groups = self
            .rows
            .into_iter()
            .map(|(row, mut sources)| {
                sources.sort_unstable();
                let alone = (sources.len() == 1).then(|| sources[0]);
                let reached = row
                    .into_iter()
                    .map(|(id, to)| (self.carried[id as usize].clone(), without(to, alone, self.endpoints)))
                    .filter(|(_, to)| !to.ranges.is_empty())
                    .collect();
                Group { sources: Positions::of_sorted(sources), reached }
            })
            .collect();
        Groups { groups, cells: self.cells.unwrap_or_default() }
    }
}

/// Takes a single pod that shares its row with nobody out of its own destinations again.
fn without(positions: Positions, alone: Option<u32>, endpoints: &[EndpointFacts]) -> Positions {
    match alone {
        Some(source) if endpoints[source as usize].pods == 1 => {
            Positions::of_sorted(positions.iter().map(|p| p as u32).filter(|&position| position != source))
        }
        _ => positions,
    }
}

/// The first of the most frequent ids.
fn most_frequent(row: &[(u32, u32)]) -> Option<u32> {
    let mut counts = BTreeMap::new();
    for &(id, _) in row {
        *counts.entry(id).or_insert(0_usize) += 1;
    }
    counts.into_iter().max_by_key(|&(id, count)| (count, std::cmp::Reverse(id))).map(|(id, _)| id)
}

/// Whether no policy restricts a side.
const fn unrestricted(isolation: Isolation) -> bool {
    matches!(isolation, Isolation::Open | Isolation::Exempt)
}

/// How endpoints are named in lists.
pub(super) struct Naming<'a, 'r> {
    report: &'r Report<'a>,
    namespace_sizes: BTreeMap<&'a str, usize>,
}

impl<'a, 'r> Naming<'a, 'r> {
    pub(super) fn new(report: &'r Report<'a>) -> Self {
        let mut namespace_sizes = BTreeMap::new();
        for facts in &report.endpoints {
            if let Some(namespace) = report.names.namespace(facts.endpoint) {
                *namespace_sizes.entry(namespace).or_insert(0) += 1;
            }
        }
        Self { report, namespace_sizes }
    }

    /// The names of the endpoints at `positions`, not escaped; `NS/*` where all of a namespace are among them.
    pub(super) fn list(&self, positions: impl IntoIterator<Item = usize>) -> Vec<String> {
        let names = &self.report.names;
        let mut by_namespace: BTreeMap<&str, Vec<Endpoint>> = BTreeMap::new();
        let mut outside = Vec::new();
        for position in positions {
            let endpoint = self.report.endpoints[position].endpoint;
            match names.namespace(endpoint) {
                Some(namespace) => by_namespace.entry(namespace).or_default().push(endpoint),
                None => outside.push(names.full(endpoint)),
            }
        }
        let inside: usize = by_namespace.values().map(Vec::len).sum();
        let mut list = Vec::new();
        if inside > 2 && inside == self.namespace_sizes.values().sum::<usize>() {
            list.push(format!("every {} ({inside})", level(self.report)));
        } else {
            for (namespace, endpoints) in by_namespace {
                if endpoints.len() > 1 && endpoints.len() == self.namespace_sizes[namespace] {
                    list.push(format!("{namespace}/* ({})", endpoints.len()));
                } else {
                    list.extend(endpoints.into_iter().map(|endpoint| names.full(endpoint)));
                }
            }
        }
        list.append(&mut outside);
        list
    }
}

/// What an endpoint within the cluster stands for.
const fn level(report: &Report<'_>) -> &'static str {
    match report.by {
        crate::query::By::Pod => "pod",
        crate::query::By::Workload => "workload",
        crate::query::By::Namespace => "namespace",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::matrix::testing::Shop;

    #[test]
    fn equal_rows_are_one_group() {
        let shop = Shop::new();
        let report = shop.report();
        let (db, web) = (report.endpoints[0].endpoint, report.endpoints[1].endpoint);
        let flow = |from, to| Flow {
            from,
            to,
            ports: PortSet::full(),
            some: PortSet::empty(),
            unknown: PortSet::empty(),
        };
        // db has one pod and web two: a flow from db to itself is not listed, one from web to web is.
        let groups = group(&report, &vec![flow(db, web), flow(web, db), flow(web, web)], 0).unwrap();
        // db is isolated, so that what reaches it is not open; that keeps the two rows apart.
        assert_eq!(groups.groups.len(), 2);
        assert!(groups.cells.is_empty());
        let naming = Naming::new(&report);
        let described: Vec<_> = groups
            .groups
            .iter()
            .map(|g| {
                (
                    naming.list(g.sources.iter()),
                    g.reached.iter().map(|(c, to)| (c.open, naming.list(to.iter()))).collect::<Vec<_>>(),
                )
            })
            .collect();
        let names = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            described,
            [
                (names(&["shop/db"]), vec![(false, names(&["shop/web"]))]),
                (names(&["shop/web"]), vec![(false, names(&["shop/db"])), (true, names(&["shop/web"]))]),
            ]
        );
    }

    #[test]
    fn whole_namespaces_are_named_once() {
        let shop = Shop::new();
        let report = shop.report();
        let naming = Naming::new(&report);
        assert_eq!(naming.list([0, 1, 2]), ["shop/* (2)", "any IPv4 address"]);
        assert_eq!(naming.list([1]), ["shop/web"]);
    }
}
