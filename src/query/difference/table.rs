//! A difference as a matrix: whom changes are about, and what could and can flow between them, changed or not.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, Range};

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Difference, Party, PartyId, Presence, Scope, Sign};
use crate::cluster::PodId;
use crate::compile::Program;
use crate::query::Carried;
use crate::query::group::{groups, most_replicas};
use crate::query::{By, Endpoint, Ends, External, Flow, Matrix, View};
use crate::solve::Reachability;

/// The changes of a difference by source and destination.
#[derive(Clone, Debug)]
pub struct Table {
    /// The level: what a row or a column stands for.
    pub by: By,
    /// Sources of changes by name, addresses last.
    pub rows: Vec<Party>,
    /// Destinations of changes, likewise.
    pub columns: Vec<Party>,
    /// By row and column; what is a pair in neither input, or was not asked for, is not there.
    pub cells: BTreeMap<(usize, usize), Pair>,
    /// Number of rows, and of columns, that are left out for lack of room.
    pub left_out: [usize; 2],
}

/// The entry of a table for one source and one destination.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pair {
    /// The ports that could be used, and that can be; `None` where an input has no such pair.
    pub flows: [Option<Carried>; 2],
    /// The sign of the change, if there is one: by namespace it may be between single workloads only, with equal flows.
    pub change: Option<Sign>,
}

/// The table of `difference`, which is between `inputs`. If it had more than `most` rows or columns it is by namespace;
/// if it still has, the last ones are left out.
pub fn table(inputs: [&Reachability<'_>; 2], difference: &Difference, scope: &Scope, most: usize) -> Table {
    let changed = Changed::new(inputs.map(Reachability::program), difference, scope, difference.by);
    let fits = changed.rows.len().max(changed.columns.len()) <= most;
    let mut changed = if fits || difference.by == By::Namespace {
        changed
    } else {
        Changed::new(inputs.map(Reachability::program), difference, scope, By::Namespace)
    };
    let left_out = [&changed.rows, &changed.columns].map(|lines| lines.len().saturating_sub(most));
    changed.rows.truncate(most);
    changed.columns.truncate(most);
    let flows = [0, 1].map(|input| changed.flows(inputs[input], input, difference));
    let party = |&line: &usize| changed.lines[line].party();
    Table {
        by: changed.by,
        rows: changed.rows.iter().map(party).collect(),
        columns: changed.columns.iter().map(party).collect(),
        cells: changed.cells(&flows),
        left_out,
    }
}

/// A row or a column that a table may have.
struct Line {
    /// The endpoint in each input.
    ends: [Option<Endpoint>; 2],
    pods: [Vec<(PodId, Range<u32>)>; 2],
    is_one_pod: [bool; 2],
    /// Set if it is shown, whatever stands at the other end.
    about: bool,
}

impl Line {
    fn party(&self) -> Party {
        let (endpoint, presence) = match self.ends {
            [Some(_), Some(end)] => (end, Presence::Stays),
            [None, Some(end)] => (end, Presence::Appeared),
            [Some(end), None] => (end, Presence::Vanished),
            [None, None] => unreachable!("a line is made of an endpoint"),
        };
        Party { endpoint, presence }
    }

    const fn is_outside(&self) -> bool {
        matches!(self.ends[0], Some(Endpoint::External(_)))
    }
}

/// The endpoints that changes are about, and the sign between each two.
struct Changed {
    by: By,
    /// Everything within the clusters by name, then the addresses of the difference.
    lines: Vec<Line>,
    rows: Vec<usize>,
    columns: Vec<usize>,
    signs: BTreeMap<(usize, usize), Sign>,
}

impl Changed {
    fn new(programs: [&Program; 2], difference: &Difference, scope: &Scope, by: By) -> Self {
        let lines = lines(programs, difference, scope, by);
        let numbers = [0, 1].map(|input| {
            let ends = lines.iter().zip(0..).filter_map(|(line, number)| Some((line.ends[input]?, number)));
            ends.collect::<FxHashMap<Endpoint, usize>>()
        });
        let line = |id: PartyId| {
            let Party { endpoint, presence } = difference.parties[id];
            let input = usize::from(presence != Presence::Vanished);
            numbers[input][&at_level(programs[input], endpoint, by)]
        };
        let mut signs: BTreeMap<(usize, usize), Sign> = BTreeMap::new();
        for change in difference.changes() {
            let sign = Sign::of(&difference.carried[change.before], &difference.carried[change.after]);
            let known = signs.entry((line(change.from), line(change.to))).or_insert(sign);
            if *known != sign {
                *known = Sign::Other;
            }
        }
        let rows: BTreeSet<usize> = signs.keys().map(|(from, _)| *from).collect();
        let columns: BTreeSet<usize> = signs.keys().map(|(_, to)| *to).collect();
        Self { by, lines, rows: rows.into_iter().collect(), columns: columns.into_iter().collect(), signs }
    }

    /// Finds the ports that may be used in one of the inputs, by lines.
    fn flows(
        &self,
        reachability: &Reachability<'_>,
        input: usize,
        difference: &Difference,
    ) -> BTreeMap<(usize, usize), Carried> {
        let matrix = Matrix::new(reachability);
        // The addresses of a line are one endpoint of the difference, and may be several of this matrix.
        let mut lines_of: FxHashMap<Endpoint, Vec<usize>> = FxHashMap::default();
        let mut parts: FxHashMap<usize, usize> = FxHashMap::default();
        let shown: BTreeSet<usize> = self.rows.iter().chain(&self.columns).copied().collect();
        for &number in &shown {
            match self.lines[number].ends[input] {
                Some(Endpoint::External(id)) => {
                    let External { family, addresses } = &difference.externals[id];
                    for (class, other) in matrix.externals().enumerate() {
                        if other.family == *family && !other.addresses.is_disjoint(addresses) {
                            lines_of.entry(Endpoint::External(class)).or_default().push(number);
                            *parts.entry(number).or_default() += 1;
                        }
                    }
                }
                Some(end) => lines_of.entry(end).or_default().push(number),
                None => {}
            }
        }
        let view = View {
            by: self.by,
            from: Some(self.ends(&self.rows, input, difference)),
            to: Some(self.ends(&self.columns, input, difference)),
            ..View::default()
        };
        let mut found: BTreeMap<(usize, usize), Vec<Carried>> = BTreeMap::new();
        let lines = |end: Endpoint| lines_of.get(&end).into_iter().flatten();
        let _ = matrix.for_each_flow(&view, |Flow { from, to, carried }| {
            for from in lines(*from) {
                for to in lines(*to) {
                    found.entry((*from, *to)).or_default().push(carried.clone());
                }
            }
            ControlFlow::<()>::Continue(())
        });
        let count = |line: &usize| parts.get(line).copied().unwrap_or(1);
        found
            .into_iter()
            .map(|((from, to), flows)| ((from, to), blended(&flows, count(&from) * count(&to))))
            .collect()
    }

    fn ends(&self, lines: &[usize], input: usize, difference: &Difference) -> Ends {
        let mut all = Ends::default();
        for line in lines.iter().map(|&line| &self.lines[line]) {
            all.pods.extend_from_slice(&line.pods[input]);
            if let Some(Endpoint::External(id)) = line.ends[input] {
                let External { family, addresses } = &difference.externals[id];
                all.addresses[*family] = all.addresses[*family].union(addresses);
            }
        }
        all
    }

    fn cells(&self, flows: &[BTreeMap<(usize, usize), Carried>; 2]) -> BTreeMap<(usize, usize), Pair> {
        let mut cells = BTreeMap::new();
        for (i, &row) in self.rows.iter().enumerate() {
            for (j, &column) in self.columns.iter().enumerate() {
                let (from, to) = (&self.lines[row], &self.lines[column]);
                let is_pair = |input: usize| {
                    from.ends[input].is_some()
                        && to.ends[input].is_some()
                        && !(from.is_outside() && to.is_outside())
                        && !(row == column && from.is_one_pod[input])
                };
                let carried = |input: usize| {
                    is_pair(input).then(|| flows[input].get(&(row, column)).cloned().unwrap_or_default())
                };
                let pair =
                    Pair { flows: [carried(0), carried(1)], change: self.signs.get(&(row, column)).copied() };
                if (from.about || to.about) && pair.flows.iter().any(Option::is_some) {
                    cells.insert((i, j), pair);
                }
            }
        }
        cells
    }
}

fn lines(programs: [&Program; 2], difference: &Difference, scope: &Scope, by: By) -> Vec<Line> {
    let empty =
        |about: bool| Line { ends: [None, None], pods: Default::default(), is_one_pod: [false; 2], about };
    let replicas = most_replicas(programs.map(|program| &*program.cluster));
    let mut named: BTreeMap<String, Line> = BTreeMap::new();
    for (input, program) in programs.into_iter().enumerate() {
        let about: Option<FxHashSet<PodId>> =
            scope.about.as_ref().map(|about| about[input].iter().copied().collect());
        for group in groups(program, by, None, replicas) {
            let line = named.entry(group.key.clone()).or_insert_with(|| empty(false));
            line.ends[input] = Some(group.endpoint);
            line.is_one_pod[input] = group.is_one_pod();
            line.about |=
                about.as_ref().is_none_or(|about| group.pods.iter().any(|(pod, _)| about.contains(pod)));
            line.pods[input] = group.pods;
        }
    }
    let addresses = difference
        .externals
        .ids()
        .map(|id| Line { ends: [Some(Endpoint::External(id)); 2], ..empty(scope.about.is_none()) });
    named.into_values().chain(addresses).collect()
}

/// The endpoint of a level that an endpoint belongs to.
fn at_level(program: &Program, endpoint: Endpoint, by: By) -> Endpoint {
    let cluster = &program.cluster;
    match endpoint {
        Endpoint::Pod(pod, _) if by == By::Namespace => Endpoint::Namespace(cluster.pods[pod].namespace),
        Endpoint::Workload(id) if by == By::Namespace => Endpoint::Namespace(cluster.workloads[id].namespace),
        _ => endpoint,
    }
}

/// The flows of some of `count` parts as one.
fn blended(flows: &[Carried], count: usize) -> Carried {
    let mut all = Carried::default();
    if flows.len() == count {
        let each = flows.iter().map(|flow| flow.ports.clone());
        all.ports = each.reduce(|a, b| a.intersection(&b)).unwrap_or_default();
    }
    for flow in flows {
        all.some = all.some.union(&flow.allowed());
        all.unknown = all.unknown.union(&flow.unknown);
        all.restricted = all.restricted.union(&flow.restricted);
    }
    all.some = all.some.difference(&all.ports);
    all.unknown = all.unknown.difference(&all.ports).difference(&all.some);
    all
}
