//! The allow matrix by pod, workload or namespace.

use std::cell::{OnceCell, RefCell};
use std::ops::ControlFlow;

use ipnet::IpNet;
use rustc_hash::{FxHashMap, FxHashSet};

use super::group::{Group, NodeMates, groups};
use super::summary;
use crate::cluster::{NamespaceId, PodId, WorkloadId};
use crate::compile::{ClassId, Program};
use crate::index::IndexVec;
use crate::net::{AddressSet, ByDirection, ByFamily, Direction, Family, PortSet, PortSetId, cidrs};
use crate::policy::Tier;
use crate::solve::{CellId, ExternalClass, ExternalId, Reachability, Rows};

/// What a row of the matrix stands for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum By {
    /// One pod.
    Pod,
    /// A workload.
    #[default]
    Workload,
    /// A namespace.
    Namespace,
}

/// One end of a flow, at the level the matrix was asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Endpoint {
    /// Pod number `.1` of a group.
    Pod(PodId, u32),
    /// All pods of a workload.
    Workload(WorkloadId),
    /// All pods of a namespace.
    Namespace(NamespaceId),
    /// Addresses outside the cluster.
    External(ExternalId),
}

/// Addresses that no flow tells apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct External {
    /// Their family.
    pub family: Family,
    /// The addresses; pod addresses inside are not carved out.
    pub addresses: AddressSet,
}

impl External {
    /// The addresses as the fewest CIDRs, ascending.
    pub fn cidrs(&self) -> Vec<IpNet> {
        cidrs(self.family, &self.addresses)
    }
}

/// What may flow from one endpoint to another, never empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flow {
    /// Where connections come from.
    pub from: Endpoint,
    /// Where they go.
    pub to: Endpoint,
    /// Ports that every pod pair may use.
    pub ports: PortSet,
    /// Ports that at least one pod pair may use, but not every one.
    pub some: PortSet,
    /// Ports in neither that are unknown for at least one pod pair.
    pub unknown: PortSet,
}

/// Which flows to show.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The level.
    pub by: By,
    /// Keep flows with at least one end in these pods (`-n`, `-l`); `None` keeps all.
    pub about: Option<Vec<PodId>>,
    /// Keep flows from these pods and addresses only.
    pub from: Option<Ends>,
    /// Keep flows to these pods and addresses only.
    pub to: Option<Ends>,
    /// Show these ports only.
    pub ports: Option<PortSet>,
}

/// A set of pods and addresses.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ends {
    /// Pod groups, each with the numbers of the pods meant.
    pub pods: Vec<(PodId, std::ops::Range<u32>)>,
    /// Addresses that no pod of the input owns.
    pub addresses: ByFamily<AddressSet>,
}

/// How a set of pods is isolated in one direction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Isolation {
    /// No policy selects any of the pods: open.
    Open,
    /// Policies select some of the pods.
    Mixed,
    /// A policy selects every pod.
    Isolated,
    /// The input does not decide it for some pod.
    Unknown,
    /// hostNetwork pods, which no policy selects.
    Exempt,
}

/// What is known of one endpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndpointFacts {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// How many pods it has; 0 for externals.
    pub pods: u64,
    /// How it is isolated.
    pub isolation: ByDirection<Isolation>,
    /// What of it the view shows.
    pub shown: Shown,
}

/// Which flows of an endpoint a view shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shown {
    /// Those from it ([`View::from`]).
    pub from: bool,
    /// Those to it ([`View::to`]).
    pub to: bool,
    /// All of them, whatever stands at the other end (the field `about` of [`View`]).
    pub about: bool,
}

impl EndpointFacts {
    /// Whether a view would show a flow from here to `to`.
    pub fn shows_flows_to(&self, to: &Self) -> bool {
        self.shown.from && to.shown.to && (self.shown.about || to.shown.about)
    }
}

/// Exact counts over the whole cluster.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// Pods, replicas counted.
    pub pods: u64,
    /// Workloads.
    pub workloads: u64,
    /// Namespaces that have pods or are declared.
    pub namespaces: u64,
    /// Policies that are evaluated.
    pub policies: u64,
    /// Classes of pods that no policy tells apart.
    pub classes: u64,
    /// Ordered pairs of distinct pods.
    pub pod_pairs: PodPairs,
}

/// Ordered pairs of distinct pods, by what may flow.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PodPairs {
    /// All of them.
    pub total: u128,
    /// Every port of every protocol is allowed.
    pub open: u128,
    /// Some ports are allowed, none is unknown.
    pub some: u128,
    /// No port is allowed, none is unknown.
    pub none: u128,
    /// At least one port is unknown.
    pub unknown: u128,
}

/// How many pairs of pods are exempt because they share a node (R50), by classes.
pub(super) type ExemptPairs = FxHashMap<(ClassId, ClassId), u64>;

/// The matrix, ready to be listed.
#[derive(Debug)]
pub struct Matrix<'r> {
    pub(super) program: &'r Program,
    pub(super) rows: RefCell<Rows<'r>>,
    mates: NodeMates,
    outside: OnceCell<(IndexVec<ExternalId, ExternalClass>, IndexVec<ExternalId, External>)>,
}

/// The columns of a listing, and what is kept from row to row.
struct Columns<'a> {
    all: Vec<Column<'a>>,
    /// The columns that each class has pods in.
    of_class: IndexVec<ClassId, Vec<usize>>,
    /// The columns that each pod group of the cluster stands in, and with how many pods.
    of_pod: FxHashMap<PodId, Vec<(usize, u64)>>,
    /// For each class of the source its cells; all of them nothing between rows.
    cells: Vec<IndexVec<ClassId, CellId>>,
}

/// One column of the rows that are being listed.
struct Column<'a> {
    group: &'a Group,
    /// Whether the view is about this group.
    about: bool,
}

/// A flow that is filled in over and over, so that listing flows allocates nothing.
struct Buffer {
    flow: Option<Flow>,
    /// What its port sets are in the table.
    ids: [PortSetId; 3],
    /// See [`View::ports`].
    only: Option<PortSetId>,
}

impl<'r> Matrix<'r> {
    /// The matrix of a reachability.
    pub fn new(reachability: &Reachability<'r>) -> Self {
        let program = reachability.program();
        Self {
            program,
            rows: RefCell::new(Rows::new(program)),
            mates: NodeMates::new(&program.cluster),
            outside: OnceCell::new(),
        }
    }

    /// What it is the matrix of.
    pub fn program(&self) -> &'r Program {
        self.program
    }

    /// The address classes; together they partition both families.
    pub fn externals(&self) -> &IndexVec<ExternalId, External> {
        &self.outside().1
    }

    pub(super) fn outside(&self) -> &(IndexVec<ExternalId, ExternalClass>, IndexVec<ExternalId, External>) {
        self.outside.get_or_init(|| {
            let classes = self.rows.borrow_mut().externals();
            let externals = classes
                .iter()
                .map(|class| External { family: class.family, addresses: class.addresses.clone() })
                .collect();
            (classes, externals)
        })
    }

    /// Every endpoint of a view, pods first by name, externals last. A view that shows some flows only has the
    /// endpoints that it names and those its flows lead to or come from.
    pub fn endpoints(&self, view: &View) -> Vec<EndpointFacts> {
        let about = view.about();
        let (from, to) = (self.ends(view.by, view.from.as_ref()), self.ends(view.by, view.to.as_ref()));
        let shown = |endpoint, about| Shown {
            from: from.as_ref().is_none_or(|from| from.contains(&endpoint)),
            to: to.as_ref().is_none_or(|to| to.contains(&endpoint)),
            about,
        };
        let mut facts: Vec<EndpointFacts> = groups(self.program, view.by, None)
            .into_iter()
            .map(|group| EndpointFacts {
                endpoint: group.endpoint,
                shown: shown(group.endpoint, concerns(about.as_ref(), &group)),
                pods: group.classes.iter().map(|&(_, count)| count).sum(),
                isolation: ByDirection {
                    ingress: self.isolation(&group, Direction::Ingress),
                    egress: self.isolation(&group, Direction::Egress),
                },
            })
            .collect();
        let open = ByDirection { ingress: Isolation::Open, egress: Isolation::Open };
        facts.extend(self.externals().ids().map(|id| EndpointFacts {
            endpoint: Endpoint::External(id),
            pods: 0,
            isolation: open,
            shown: shown(Endpoint::External(id), about.is_none()),
        }));
        if about.is_some() || from.is_some() || to.is_some() {
            let met = self.met(view);
            let named = |shown: Shown| {
                (about.is_some() && shown.about)
                    || (from.is_some() && shown.from)
                    || (to.is_some() && shown.to)
            };
            facts.retain(|facts| named(facts.shown) || met.contains(&facts.endpoint));
        }
        facts
    }

    /// The endpoints of a filter; `None` if there is no filter.
    fn ends(&self, by: By, only: Option<&Ends>) -> Option<FxHashSet<Endpoint>> {
        let only = only?;
        let pods = groups(self.program, by, Some(only)).into_iter().map(|group| group.endpoint);
        Some(pods.chain(self.outside_ends(Some(only)).into_iter().map(Endpoint::External)).collect())
    }

    /// The ends of every flow of a view.
    fn met(&self, view: &View) -> FxHashSet<Endpoint> {
        let mut met = FxHashSet::default();
        let _ = self.for_each_flow(view, |flow| {
            met.extend([flow.from, flow.to]);
            ControlFlow::<()>::Continue(())
        });
        met
    }

    fn isolation(&self, group: &Group, direction: Direction) -> Isolation {
        let cluster = &self.program.cluster;
        let mut all: Option<Isolation> = None;
        for (pod, _) in &group.pods {
            let signature = self.program.signature(self.program.class_of[*pod], direction);
            let tier = |id| cluster.policies[id].tier;
            let one = if cluster.pods[*pod].host_network {
                Isolation::Exempt
            } else if signature
                .policies
                .iter()
                .any(|&(id, truth)| tier(id) == Tier::NetworkPolicy && truth.sure())
            {
                Isolation::Isolated
            } else if signature
                .policies
                .iter()
                .any(|&(id, truth)| !truth.sure() || tier(id) == Tier::Unevaluated)
            {
                Isolation::Unknown
            } else {
                Isolation::Open
            };
            all = Some(match (all, one) {
                (None, one) => one,
                (Some(all), one) if all == one => one,
                (Some(Isolation::Unknown), _) | (_, Isolation::Unknown) => Isolation::Unknown,
                _ => Isolation::Mixed,
            });
        }
        all.unwrap_or(Isolation::Open)
    }

    /// Calls `visit` for every flow of a view, sorted by the text of `from`, then of `to`, until it breaks.
    ///
    /// The work grows with the flows, not with the pairs of endpoints.
    pub fn for_each_flow<B>(
        &self,
        view: &View,
        mut visit: impl FnMut(&Flow) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let about = view.about();
        let sources = groups(self.program, view.by, view.from.as_ref());
        let destinations = groups(self.program, view.by, view.to.as_ref());
        let mut columns = self.columns(&destinations, about.as_ref());
        let (from_outside, to_outside) =
            (self.outside_ends(view.from.as_ref()), self.outside_ends(view.to.as_ref()));

        let mut flow = Buffer::new(view, &mut self.rows.borrow_mut());
        for &external in &from_outside {
            self.flows_from_outside(&mut flow, external, &columns, about.is_some(), &mut visit)?;
        }
        for source in &sources {
            let source_about = concerns(about.as_ref(), source);
            if source_about {
                self.flows_to_outside(&mut flow, source, &to_outside, &mut visit)?;
            }
            self.flows_between(&mut flow, source, &mut columns, source_about, &mut visit)?;
        }
        ControlFlow::Continue(())
    }

    /// The external classes that overlap the addresses of a filter, by key.
    fn outside_ends(&self, only: Option<&Ends>) -> Vec<ExternalId> {
        let mut ids: Vec<(Vec<String>, ExternalId)> = self
            .externals()
            .enumerate()
            .filter(|(_, external)| {
                only.is_none_or(|ends| !ends.addresses[external.family].is_disjoint(&external.addresses))
            })
            .map(|(id, external)| (external.cidrs().iter().map(ToString::to_string).collect(), id))
            .collect();
        ids.sort_unstable();
        ids.into_iter().map(|(_, id)| id).collect()
    }

    fn columns<'a>(&self, destinations: &'a [Group], about: Option<&FxHashSet<PodId>>) -> Columns<'a> {
        let mut of_class: IndexVec<ClassId, Vec<usize>> = vec![Vec::new(); self.program.classes.len()].into();
        let mut of_pod: FxHashMap<PodId, Vec<(usize, u64)>> = FxHashMap::default();
        for (column, group) in destinations.iter().enumerate() {
            for &(class, _) in &group.classes {
                of_class[class].push(column);
            }
            for (pod, range) in &group.pods {
                of_pod.entry(*pod).or_default().push((column, u64::from(range.end - range.start)));
            }
        }
        let all = destinations.iter().map(|group| Column { group, about: concerns(about, group) }).collect();
        Columns { all, of_class, of_pod, cells: Vec::new() }
    }

    fn flows_from_outside<B>(
        &self,
        flow: &mut Buffer,
        external: ExternalId,
        columns: &Columns<'_>,
        only_about: bool,
        visit: &mut impl FnMut(&Flow) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let class = &self.outside().0[external];
        let mut rows = self.rows.borrow_mut();
        let mut known: FxHashMap<ClassId, CellId> = FxHashMap::default();
        for column in columns.all.iter().filter(|column| column.about || !only_about) {
            let mut blend = Blend::default();
            for &(id, _) in &column.group.classes {
                let cell = *known.entry(id).or_insert_with(|| rows.external(Direction::Ingress, id, class));
                blend.add(&mut rows, cell);
            }
            if let Some(flow) =
                flow.fill(&blend, &mut rows, Endpoint::External(external), column.group.endpoint)
            {
                visit(flow)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn flows_to_outside<B>(
        &self,
        flow: &mut Buffer,
        source: &Group,
        externals: &[ExternalId],
        visit: &mut impl FnMut(&Flow) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let classes = &self.outside().0;
        let mut rows = self.rows.borrow_mut();
        for &external in externals {
            let mut blend = Blend::default();
            for &(id, _) in &source.classes {
                let cell = rows.external(Direction::Egress, id, &classes[external]);
                blend.add(&mut rows, cell);
            }
            if let Some(flow) = flow.fill(&blend, &mut rows, source.endpoint, Endpoint::External(external)) {
                visit(flow)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn flows_between<B>(
        &self,
        flow: &mut Buffer,
        source: &Group,
        columns: &mut Columns<'_>,
        about: bool,
        visit: &mut impl FnMut(&Flow) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let mut rows = self.rows.borrow_mut();
        let mut exempt = self.exempt_pairs(source, &columns.of_pod);
        let met = columns.begin_row(source, &mut rows);
        let mut candidates: Vec<usize> = exempt.keys().copied().collect();
        for &class in &met {
            candidates.extend_from_slice(&columns.of_class[class]);
        }
        candidates.sort_unstable();
        candidates.dedup();
        for index in candidates {
            let column = &columns.all[index];
            if !about && !column.about {
                continue;
            }
            let group = column.group;
            let exempt = exempt.remove(&index).unwrap_or_default();
            let blend =
                self.blend(&mut rows, source, group, &exempt, |_, place, to| columns.cells[place][to]);
            if let Some(flow) = flow.fill(&blend, &mut rows, source.endpoint, group.endpoint) {
                visit(flow)?;
            }
        }
        columns.end_row(&met, &mut rows);
        ControlFlow::Continue(())
    }

    /// The cells of all pairs of pods of two groups, put together; `cell` is that between the source's class at a place
    /// of its list and a class.
    pub(super) fn blend(
        &self,
        rows: &mut Rows<'_>,
        source: &Group,
        group: &Group,
        exempt: &ExemptPairs,
        cell: impl Fn(&mut Rows<'_>, usize, ClassId) -> CellId,
    ) -> Blend {
        let mut blend = Blend::default();
        if source.is_one_pod() && group.is_one_pod() {
            let (from, to) = (&source.pods[0], &group.pods[0]);
            if from != to {
                let (a, b) = (source.classes[0].0, group.classes[0].0);
                let cell = if self.program.same_node(from.0, to.0) {
                    rows.evaluator.exempt(a, b)
                } else {
                    cell(rows, 0, b)
                };
                blend.add(rows, cell);
            }
            return blend;
        }
        let common = source.common(self.program, group);
        for (place, &(from, from_count)) in source.classes.iter().enumerate() {
            for &(to, to_count) in &group.classes {
                let own = if from == to { common.get(&from).copied().unwrap_or(0) } else { 0 };
                let exempt = exempt.get(&(from, to)).copied().unwrap_or(0);
                if from_count * to_count > own + exempt {
                    let cell = cell(rows, place, to);
                    blend.add(rows, cell);
                }
                if exempt > 0 {
                    let cell = rows.evaluator.exempt(from, to);
                    blend.add(rows, cell);
                }
            }
        }
        blend
    }

    /// How many pairs from a group to each column are exempt because they share a node (R50), by classes.
    pub(super) fn exempt_pairs(
        &self,
        source: &Group,
        columns_of: &FxHashMap<PodId, Vec<(usize, u64)>>,
    ) -> FxHashMap<usize, ExemptPairs> {
        let mut pairs: FxHashMap<usize, ExemptPairs> = FxHashMap::default();
        let cluster = &self.program.cluster;
        for (host, range) in &source.pods {
            for other in self.mates.beside(cluster, *host) {
                for &(column, there) in columns_of.get(other).into_iter().flatten() {
                    let classes = (self.program.class_of[*host], self.program.class_of[*other]);
                    let count = u64::from(range.end - range.start) * there;
                    *pairs.entry(column).or_default().entry(classes).or_default() += count;
                }
            }
        }
        pairs
    }

    /// The counts.
    pub fn summary(&self) -> Summary {
        summary::summary(self.program, &mut self.rows.borrow_mut())
    }
}

impl View {
    fn about(&self) -> Option<FxHashSet<PodId>> {
        self.about.as_ref().map(|pods| pods.iter().copied().collect())
    }
}

/// Whether a view is about a group.
fn concerns(about: Option<&FxHashSet<PodId>>, group: &Group) -> bool {
    about.is_none_or(|about| group.pods.iter().any(|(pod, _)| about.contains(pod)))
}

/// The cells of all pod pairs between two endpoints, put together.
#[derive(Clone, Default)]
pub(crate) struct Blend {
    bounds: Option<Blended>,
}

#[derive(Clone, Copy)]
struct Blended {
    /// Allowed for every pair so far.
    every: PortSetId,
    /// Allowed for at least one pair.
    any: PortSetId,
    /// Unknown for at least one pair.
    unknown: PortSetId,
}

impl Blend {
    /// Ports that every pair may use, some only, and those in neither that are unknown for one; `None` if all are empty.
    pub(crate) fn carried(&self, rows: &mut Rows<'_>, only: Option<&PortSet>) -> Option<[PortSet; 3]> {
        let Blended { every, any, unknown } = self.bounds?;
        let table = &mut rows.evaluator.ports;
        let ids = [every, table.difference(any, every), table.difference(unknown, any)];
        let sets = ids.map(|id| match only {
            Some(only) => table.get(id).intersection(only),
            None => table.get(id).clone(),
        });
        (!sets.iter().all(PortSet::is_empty)).then_some(sets)
    }

    pub(crate) fn add(&mut self, rows: &mut Rows<'_>, cell: CellId) {
        let bounds = rows.evaluator.cell(cell);
        let ports = &mut rows.evaluator.ports;
        let unknown = ports.difference(bounds.may, bounds.must);
        self.bounds = Some(match self.bounds {
            None => Blended { every: bounds.must, any: bounds.must, unknown },
            Some(so_far) => Blended {
                every: ports.intersection(so_far.every, bounds.must),
                any: ports.union(so_far.any, bounds.must),
                unknown: ports.union(so_far.unknown, unknown),
            },
        });
    }
}

impl Buffer {
    fn new(view: &View, rows: &mut Rows<'_>) -> Self {
        let table = &mut rows.evaluator.ports;
        Self {
            flow: None,
            ids: [table.empty(); 3],
            only: view.ports.as_ref().map(|ports| table.id(ports.clone())),
        }
    }

    /// The flow, unless there is none, on the ports that the view shows.
    fn fill(&mut self, blend: &Blend, rows: &mut Rows<'_>, from: Endpoint, to: Endpoint) -> Option<&Flow> {
        let Blended { every, any, unknown } = blend.bounds?;
        let table = &mut rows.evaluator.ports;
        let mut ids = [every, table.difference(any, every), table.difference(unknown, any)];
        if let Some(only) = self.only {
            ids = ids.map(|id| table.intersection(id, only));
        }
        if ids == [table.empty(); 3] {
            return None;
        }
        let empty = PortSet::empty;
        let flow = self.flow.get_or_insert_with(|| Flow {
            from,
            to,
            ports: empty(),
            some: empty(),
            unknown: empty(),
        });
        (flow.from, flow.to) = (from, to);
        let sets = [&mut flow.ports, &mut flow.some, &mut flow.unknown];
        for ((set, known), id) in sets.into_iter().zip(&mut self.ids).zip(ids) {
            if *known != id {
                *known = id;
                set.clone_from(table.get(id));
            }
        }
        Some(flow)
    }
}

impl Columns<'_> {
    /// Lays out the cells of a source; returns the classes to which something may flow.
    fn begin_row(&mut self, source: &Group, rows: &mut Rows<'_>) -> Vec<ClassId> {
        let closed = rows.evaluator.closed();
        while self.cells.len() < source.classes.len() {
            self.cells.push(vec![closed; self.of_class.len()].into());
        }
        let mut met = Vec::new();
        for (&(class, _), cells) in source.classes.iter().zip(&mut self.cells) {
            for &(to, cell) in rows.cells(class).iter() {
                cells[to] = cell;
                met.push(to);
            }
        }
        met
    }

    /// Clears the cells of the row again.
    fn end_row(&mut self, met: &[ClassId], rows: &mut Rows<'_>) {
        let closed = rows.evaluator.closed();
        for &class in met {
            self.cells.iter_mut().for_each(|cells| cells[class] = closed);
        }
    }
}
