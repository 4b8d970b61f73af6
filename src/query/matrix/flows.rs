//! Listing flows: row by row, along the columns that something may flow to.

use std::ops::ControlFlow;

use rustc_hash::{FxHashMap, FxHashSet};

use super::blend::Blend;
use super::{Endpoint, Flow, Matrix, View, concerns};
use crate::cluster::PodId;
use crate::compile::ClassId;
use crate::index::IndexVec;
use crate::net::{Direction, PortSetId};
use crate::query::Carried;
use crate::query::group::{Group, groups};
use crate::solve::{CellId, ExternalId, Rows};

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
    /// Set if the view is about this group.
    about: bool,
}

/// A flow that is filled in over and over, so that listing flows allocates nothing.
struct Buffer {
    flow: Option<Flow>,
    /// The ids of its port sets in the table.
    ids: [PortSetId; 4],
    /// See [`View::ports`].
    only: Option<PortSetId>,
}

impl Matrix<'_> {
    /// Calls `visit` for every flow of a view, sorted by the text of `from`, then of `to`, until it breaks.
    ///
    /// The work grows with the flows, not with the pairs of endpoints.
    pub fn for_each_flow<B>(
        &self,
        view: &View,
        mut visit: impl FnMut(&Flow) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let about = view.about();
        let sources = groups(self.program, view.by, view.from.as_ref(), self.replicas);
        let destinations = groups(self.program, view.by, view.to.as_ref(), self.replicas);
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
}

impl Buffer {
    fn new(view: &View, rows: &mut Rows<'_>) -> Self {
        let table = &mut rows.evaluator.ports;
        Self {
            flow: None,
            ids: [table.empty(); 4],
            only: view.ports.as_ref().map(|ports| table.id(ports.clone())),
        }
    }

    /// The flow, unless there is none, on the ports that the view shows.
    fn fill(&mut self, blend: &Blend, rows: &mut Rows<'_>, from: Endpoint, to: Endpoint) -> Option<&Flow> {
        let table = &mut rows.evaluator.ports;
        let mut ids = blend.bounds?.parts(table);
        if let Some(only) = self.only {
            ids = ids.map(|id| table.intersection(id, only));
        }
        if ids == [table.empty(); 4] {
            return None;
        }
        let flow = self.flow.get_or_insert_with(|| Flow { from, to, carried: Carried::default() });
        (flow.from, flow.to) = (from, to);
        let Carried { ports, some, unknown, restricted } = &mut flow.carried;
        let sets = [ports, some, unknown, restricted];
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
