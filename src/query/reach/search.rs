//! Breadth-first search through pods, class by class.
//!
//! Pods of a class have the same connections, so a class is expanded once, when the first of its pods is visited, and
//! visited as a whole. Three things are told apart below the class: the pods of the target, a pod and itself, and what
//! a shared node exempts (R50).

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::Question;
use super::outside::{self, Address};
use crate::cluster::PodId;
use crate::compile::{ClassId, Program};
use crate::index::IndexVec;
use crate::net::{Direction, PortSetId};
use crate::query::group::{NodeMates, merged};
use crate::solve::{CellId, End, ExternalClass, ExternalId, Rows};

/// The hops that count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Certainty {
    /// Those that are allowed.
    Sure,
    /// Those that are not surely denied.
    Perhaps,
}

/// The first visit to the pods of a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visit {
    /// After how many hops, at least 1.
    pub(super) hops: u32,
    /// One of them, outside of the target if one is.
    pub(super) end: End,
    /// The end that the hop to it came from: the target at the first hop, else the `end` of another visit.
    pub(super) by: End,
}

/// Everything visited.
#[derive(Clone, Debug)]
pub(super) struct Visits {
    /// By pod group; those within the target only if they are visited from it or again.
    pub(super) of: IndexVec<PodId, Option<Visit>>,
    /// The classes in the order of their first visit, with it.
    pub(super) order: Vec<(ClassId, Visit)>,
}

impl Visits {
    /// The ends of the chain that visited a pod group, from there to the target.
    pub(super) fn chain(&self, pod: PodId) -> Vec<End> {
        let mut visit = self.of[pod].expect("chains are asked for of what was visited");
        let mut ends = vec![visit.end];
        while visit.hops > 1 {
            ends.push(visit.by);
            let End::Pod(before, _) = visit.by else { unreachable!("addresses stand at the first hop only") };
            visit = self.of[before].expect("what visits was visited before");
        }
        ends.push(visit.by);
        ends
    }
}

/// The question and the tables that searches share.
pub(super) struct Search<'a, 'p> {
    pub(super) program: &'p Program,
    pub(super) question: &'a Question,
    pub(super) rows: Rows<'p>,
    pub(super) externals: IndexVec<ExternalId, ExternalClass>,
    pub(super) mates: NodeMates,
    /// The ports of the hop next to the target.
    pub(super) only: Option<PortSetId>,
    /// The pods of the target, ascending.
    pods: Vec<(PodId, Range<u32>)>,
    /// The addresses of the target.
    pub(super) addresses: Vec<Address>,
    /// Set if some hop on the way is neither sure nor denied.
    pub(super) met_doubt: bool,
}

/// One search under way.
struct Run {
    certainty: Certainty,
    visits: IndexVec<PodId, Option<Visit>>,
    /// The pods visited at the last hop.
    fresh: Vec<PodId>,
    /// The classes all of whose pods have been visited.
    whole: IndexVec<ClassId, bool>,
}

impl<'a, 'p> Search<'a, 'p> {
    pub(super) fn new(program: &'p Program, question: &'a Question) -> Self {
        let mut rows = Rows::new(program);
        let externals = rows.externals();
        let only = question.ports.as_ref().map(|ports| rows.evaluator.ports.id(ports.clone()));
        let addresses = outside::addresses(program, question, &externals);
        let mates = NodeMates::new(&program.cluster);
        let pods = merged(&question.target.ends.pods);
        Self { program, question, rows, externals, mates, only, pods, addresses, met_doubt: false }
    }

    pub(super) fn run(&mut self, certainty: Certainty) -> Visits {
        let program = self.program;
        let mut run = Run {
            certainty,
            visits: program.cluster.pods.iter().map(|_| None).collect(),
            fresh: Vec::new(),
            whole: program.classes.iter().map(|_| false).collect(),
        };
        self.first_hop(&mut run);
        let mut expanded: IndexVec<ClassId, bool> = program.classes.iter().map(|_| false).collect();
        let mut order = Vec::new();
        let mut hops = 1;
        while !run.fresh.is_empty() {
            let mut fresh = std::mem::take(&mut run.fresh);
            fresh.sort_unstable();
            hops += 1;
            for pod in fresh {
                let visit = run.visits[pod].expect("fresh pods have been visited");
                // Whoever is at the target is there: no chain goes on through another of its pods.
                if self.is_target(visit.end) {
                    continue;
                }
                let class = program.class_of[pod];
                if !expanded[class] {
                    expanded[class] = true;
                    order.push((class, visit));
                    if hops <= self.question.hops {
                        let direction = self.question.direction;
                        for (other, cell) in
                            self.rows.cells_along(direction, class, |other| !run.whole[other])
                        {
                            if self.is_open(cell, certainty, None) {
                                self.visit_class(&mut run, other, hops, &[visit.end]);
                            }
                        }
                    }
                }
                if hops <= self.question.hops {
                    self.visit_mates(&mut run, pod, hops, visit.end, None);
                }
            }
        }
        Visits { of: run.visits, order }
    }

    /// True if an end is one of the pods asked about.
    fn is_target(&self, end: End) -> bool {
        let End::Pod(pod, index) = end else { return false };
        let from = self.pods.partition_point(|(id, _)| *id < pod);
        let mut own = self.pods[from..].iter().take_while(|(id, _)| *id == pod);
        own.any(|(_, range)| range.contains(&index))
    }

    /// Visits the pods next to the target.
    fn first_hop(&mut self, run: &mut Run) {
        let program = self.program;
        let mut classes: FxHashMap<ClassId, Vec<End>> = FxHashMap::default();
        let pods = self.pods.clone();
        for (pod, range) in &pods {
            let ends = classes.entry(program.class_of[*pod]).or_default();
            let more = 2 - ends.len().min(2);
            ends.extend(range.clone().take(more).map(|index| End::Pod(*pod, index)));
        }
        let mut classes: Vec<(ClassId, Vec<End>)> = classes.into_iter().collect();
        classes.sort_unstable();
        for (class, ends) in classes {
            for (other, cell) in self.rows.cells_along(self.question.direction, class, |_| true) {
                if self.is_open(cell, run.certainty, self.only) {
                    let among_themselves = if other == class { &ends[..] } else { &ends[..1] };
                    self.visit_class(run, other, 1, among_themselves);
                }
            }
        }
        for (pod, range) in &pods {
            self.visit_mates(run, *pod, 1, End::Pod(*pod, range.start), self.only);
        }
        let across = self.question.direction.other();
        for address in self.addresses.clone() {
            let mut known: FxHashMap<_, bool> = FxHashMap::default();
            for (class, facts) in program.classes.enumerate() {
                let signature = facts.signature[across];
                let is_open = known.get(&signature).copied().unwrap_or_else(|| {
                    let cell = self.rows.external(across, class, &self.externals[address.external]);
                    let is_open = self.is_open(cell, run.certainty, self.only);
                    known.insert(signature, is_open);
                    is_open
                });
                if is_open {
                    self.visit_class(run, class, 1, &[End::Address(address.shown)]);
                }
            }
            for pod in address.at_home(program) {
                self.visit(run, pod, 1, &[End::Address(address.shown)]);
            }
        }
    }

    /// Visits the pods of a class from one of `by`, which may themselves be of the class.
    fn visit_class(&self, run: &mut Run, class: ClassId, hops: u32, by: &[End]) {
        let mut whole = true;
        for &pod in &self.program.classes[class].pods {
            whole &= self.visit(run, pod, hops, by);
        }
        run.whole[class] |= whole;
    }

    /// Visits a pod group from one of `by`; says whether that is possible, or was done before.
    fn visit(&self, run: &mut Run, pod: PodId, hops: u32, by: &[End]) -> bool {
        if run.visits[pod].is_some() {
            return true;
        }
        // Somebody of the target is shown only if nobody else is there.
        let all = 0..self.program.cluster.pods[pod].count;
        let from = self.pods.partition_point(|(id, _)| *id < pod);
        let own = self.pods[from..].iter().take_while(|(id, _)| *id == pod);
        let free = all.clone().find(|index| own.clone().all(|(_, range)| !range.contains(index)));
        let ends = free.into_iter().chain(all.take(2)).map(|index| End::Pod(pod, index));
        let pair = ends.flat_map(|end| by.iter().map(move |by| (end, *by))).find(|(end, by)| end != by);
        let Some((end, by)) = pair else { return false };
        run.visits[pod] = Some(Visit { hops, end, by });
        run.fresh.push(pod);
        true
    }

    /// Visits the pods that a shared node exempts.
    fn visit_mates(&mut self, run: &mut Run, pod: PodId, hops: u32, by: End, only: Option<PortSetId>) {
        let program = self.program;
        let mates = match self.question.direction {
            Direction::Egress => self.mates.beside(&program.cluster, pod),
            Direction::Ingress => self.mates.hosts_beside(&program.cluster, pod),
        };
        // A copy: whether a cell is open is worked out while they are visited.
        let mates: Vec<PodId> = mates.to_vec();
        for mate in mates {
            let (own, other) = (program.class_of[pod], program.class_of[mate]);
            let (from, to) = match self.question.direction {
                Direction::Egress => (own, other),
                Direction::Ingress => (other, own),
            };
            let cell = self.rows.evaluator.exempt(from, to);
            if program.connectable(own, other) && self.is_open(cell, run.certainty, only) {
                self.visit(run, mate, hops, &[by]);
            }
        }
    }

    fn is_open(&mut self, cell: CellId, certainty: Certainty, only: Option<PortSetId>) -> bool {
        let sure = is_open(&mut self.rows, cell, Certainty::Sure, only);
        let perhaps = sure || is_open(&mut self.rows, cell, Certainty::Perhaps, only);
        self.met_doubt |= perhaps != sure;
        match certainty {
            Certainty::Sure => sure,
            Certainty::Perhaps => perhaps,
        }
    }
}

/// True if a cell lets something through.
pub(super) fn is_open(
    rows: &mut Rows<'_>,
    cell: CellId,
    certainty: Certainty,
    only: Option<PortSetId>,
) -> bool {
    let bounds = rows.evaluator.cell(cell);
    let ports = match certainty {
        Certainty::Sure => bounds.must,
        Certainty::Perhaps => bounds.may,
    };
    let table = &mut rows.evaluator.ports;
    let ports = only.map_or(ports, |only| table.intersection(ports, only));
    ports != table.empty()
}
