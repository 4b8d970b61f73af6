//! Flows grouped for people: sources that reach the same destinations stand together, destinations that are reached
//! on the same ports too.
//!
//! Keeps a row as ranges of positions in the list of endpoints, and equal rows once, so that a large and mostly
//! uniform cluster stays small.

use std::collections::BTreeMap;
use std::io;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Flows, Report};
use crate::query::{By, Carried, Endpoint, EndpointFacts, Flow, Isolation};

/// The ports from one endpoint to another.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Connection {
    pub(super) carried: Carried,
    /// True if everything is allowed because no policy restricts it, and not because a rule says so.
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
    pub(super) reached: Vec<(Connection, Positions)>,
}

/// Everything the flows of a matrix say, grouped.
#[derive(Debug, Default)]
pub(super) struct Groups {
    pub(super) groups: Vec<Group>,
    /// Of a small matrix every flow by positions.
    pub(super) cells: BTreeMap<(usize, usize), Connection>,
}

/// A row: the index of a connection, and whereto.
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

/// Sources with equal rows.
struct Found {
    row: Row,
    /// The same row with the source in it, while it has no company: a single pod always reaches itself, which no flow
    /// says, so it may stand among any of the ends it reaches.
    with_itself: Vec<Row>,
    sources: Vec<u32>,
}

/// The most rows a source is looked for under beside its own.
const ALTERNATIVES: usize = 8;

struct Grouping<'a> {
    endpoints: &'a [EndpointFacts],
    positions: FxHashMap<Endpoint, u32>,
    connections: Vec<Connection>,
    connection_ids: FxHashMap<Connection, u32>,
    source: Option<u32>,
    row: Vec<(u32, u32)>,
    found: Vec<Found>,
    row_ids: FxHashMap<Row, usize>,
    cells: Option<BTreeMap<(usize, usize), Connection>>,
}

impl<'a> Grouping<'a> {
    fn new(endpoints: &'a [EndpointFacts], keep_cells: bool) -> Self {
        Self {
            endpoints,
            positions: (0..).zip(endpoints).map(|(position, facts)| (facts.endpoint, position)).collect(),
            connections: Vec::new(),
            connection_ids: FxHashMap::default(),
            source: None,
            row: Vec::new(),
            found: Vec::new(),
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
        let open = flow.carried.ports.is_full()
            && flow.carried.restricted.is_empty()
            && unrestricted(self.endpoints[from as usize].isolation.egress)
            && unrestricted(self.endpoints[to as usize].isolation.ingress);
        let connection = Connection { carried: flow.carried.clone(), open };
        if let Some(cells) = &mut self.cells {
            cells.insert((from as usize, to as usize), connection.clone());
        }
        let next = self.connections.len() as u32;
        let id = *self.connection_ids.entry(connection).or_insert_with_key(|connection| {
            self.connections.push(connection.clone());
            next
        });
        self.row.push((id, to));
    }

    fn end_row(&mut self) {
        let Some(source) = self.source.take() else { return };
        let mut cells = std::mem::take(&mut self.row);
        cells.sort_unstable();
        let row = row_of(&cells);
        let with_itself = if self.endpoints[source as usize].pods == 1 {
            row.iter().take(ALTERNATIVES).map(|&(id, _)| row_with(&cells, (id, source))).collect()
        } else {
            Vec::new()
        };
        let rows = std::iter::once(&row).chain(&with_itself);
        let known = rows.clone().find_map(|row| Some((*self.row_ids.get(row)?, row)));
        if let Some((known, equal)) = known {
            let found = &mut self.found[known];
            // With company it is settled which of its rows it is.
            let settled =
                found.with_itself.drain(..).chain([std::mem::replace(&mut found.row, equal.clone())]);
            for other in settled.filter(|row| row != equal) {
                self.row_ids.remove(&other);
            }
            found.sources.push(source);
        } else {
            for row in rows {
                self.row_ids.insert(row.clone(), self.found.len());
            }
            self.found.push(Found { row, with_itself, sources: vec![source] });
        }
    }

    fn finish(mut self) -> Groups {
        self.end_row();
        for found in &mut self.found {
            found.sources.sort_unstable();
        }
        self.found.sort_unstable_by_key(|found| found.sources.first().copied());
        let reached =
            |row: Row| row.into_iter().map(|(id, to)| (self.connections[id as usize].clone(), to)).collect();
        let groups = self
            .found
            .into_iter()
            .map(|found| Group { sources: Positions::of_sorted(found.sources), reached: reached(found.row) })
            .collect();
        Groups { groups, cells: self.cells.unwrap_or_default() }
    }
}

/// The row that sorted cells make.
fn row_of(cells: &[(u32, u32)]) -> Row {
    cells
        .chunk_by(|a, b| a.0 == b.0)
        .map(|run| (run[0].0, Positions::of_sorted(run.iter().map(|&(_, to)| to))))
        .collect()
}

/// The row that sorted cells and one more make.
fn row_with(cells: &[(u32, u32)], cell: (u32, u32)) -> Row {
    let mut cells = cells.to_vec();
    cells.insert(cells.partition_point(|&other| other < cell), cell);
    row_of(&cells)
}

/// True if no policy restricts a side.
const fn unrestricted(isolation: Isolation) -> bool {
    matches!(isolation, Isolation::Open | Isolation::Exempt)
}

/// Names endpoints in lists.
pub(super) struct Naming<'a, 'r> {
    report: &'r Report<'a>,
    namespace_sizes: BTreeMap<&'a str, usize>,
}

impl<'a, 'r> Naming<'a, 'r> {
    /// The sizes are those of the cluster, of which the report may show a part.
    pub(super) fn new(report: &'r Report<'a>) -> Self {
        let cluster = report.names.cluster();
        let mut namespace_sizes: BTreeMap<&str, usize> = BTreeMap::new();
        let mut workloads = FxHashSet::default();
        for pod in &cluster.pods {
            let size = namespace_sizes.entry(&*cluster.namespaces[pod.namespace].name).or_default();
            match report.by {
                By::Pod => *size += pod.count as usize,
                By::Workload => *size += usize::from(workloads.insert(pod.workload)),
                By::Namespace => *size = 1,
            }
        }
        Self { report, namespace_sizes }
    }

    /// The names of the endpoints at `positions`, not escaped; `NS/*` where all of a namespace are among them. A list
    /// of more than `most` names has only counts for namespaces of which it has several.
    pub(super) fn list(&self, positions: impl IntoIterator<Item = usize>, most: usize) -> Vec<String> {
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
        let whole = |namespace: &str, listed| listed > 1 && listed == self.namespace_sizes[namespace];
        let spelled: usize =
            by_namespace.iter().map(|(ns, e)| if whole(ns, e.len()) { 1 } else { e.len() }).sum();
        let mut list = Vec::new();
        if inside > 2 && inside == self.namespace_sizes.values().sum::<usize>() {
            list.push(format!("every {} ({inside})", level(self.report)));
        } else {
            for (namespace, endpoints) in by_namespace {
                let (listed, all) = (endpoints.len(), self.namespace_sizes[namespace]);
                if whole(namespace, listed) {
                    list.push(format!("{namespace}/* ({all})"));
                } else if spelled > most && listed > 2 {
                    list.push(format!("{namespace}/* ({listed} of {all})"));
                } else {
                    list.extend(endpoints.into_iter().map(|endpoint| names.full(endpoint)));
                }
            }
        }
        list.append(&mut outside);
        list
    }
}

/// The level of endpoints within the cluster: `pod`, `workload` or `namespace`.
const fn level(report: &Report<'_>) -> &'static str {
    match report.by {
        By::Pod => "pod",
        By::Workload => "workload",
        By::Namespace => "namespace",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{ByDirection, PortSet, Protocol};
    use crate::render::matrix::testing::Shop;

    #[test]
    fn equal_rows_are_one_group() {
        let shop = Shop::new();
        let report = shop.report();
        let (db, web) = (report.endpoints[0].endpoint, report.endpoints[1].endpoint);
        let flow =
            |from, to| Flow { from, to, carried: Carried { ports: PortSet::full(), ..Carried::default() } };
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
                    naming.list(g.sources.iter(), 12),
                    g.reached.iter().map(|(c, to)| (c.open, naming.list(to.iter(), 12))).collect::<Vec<_>>(),
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
    fn single_pods_stand_among_their_equals() {
        let shop = Shop::new();
        let mut report = shop.report();
        for facts in &mut report.endpoints[..2] {
            facts.pods = 1;
            facts.isolation = ByDirection { ingress: Isolation::Open, egress: Isolation::Open };
        }
        let [db, web, world] = [0, 1, 2].map(|i| report.endpoints[i].endpoint);
        let tcp = |port| PortSet::from_range(Protocol::Tcp, port, port);
        let flow = |from, to, ports| Flow { from, to, carried: Carried { ports, ..Carried::default() } };
        for (flows, sources) in [
            // Each reaches the other: one group that reaches itself.
            (vec![flow(db, web, tcp(80)), flow(web, db, tcp(80))], vec![vec![0, 1]]),
            // Equal without themselves.
            (vec![flow(db, world, tcp(80)), flow(web, world, tcp(80))], vec![vec![0, 1]]),
            // The fewer destinations decide: among those on port 80 the two are equals.
            (
                vec![
                    flow(db, web, tcp(80)),
                    flow(db, world, tcp(443)),
                    flow(web, db, tcp(80)),
                    flow(web, world, tcp(443)),
                ],
                vec![vec![0, 1]],
            ),
            (vec![flow(db, web, tcp(80)), flow(web, db, tcp(81))], vec![vec![0], vec![1]]),
        ] {
            let groups = group(&report, &flows, 0).unwrap().groups;
            assert_eq!(
                groups.iter().map(|g| g.sources.iter().collect::<Vec<_>>()).collect::<Vec<_>>(),
                sources
            );
        }
    }

    #[test]
    fn whole_namespaces_are_named_once() {
        let shop = Shop::new();
        let report = shop.report();
        let naming = Naming::new(&report);
        assert_eq!(naming.list([0, 1, 2], 12), ["shop/* (2)", "any IPv4 address"]);
        assert_eq!(naming.list([1], 12), ["shop/web"]);
    }
}
