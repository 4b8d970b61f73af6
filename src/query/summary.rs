//! Exact counts over all ordered pairs of distinct pods, without visiting pairs.

use rustc_hash::FxHashMap;

use super::group::NodeMates;
use super::matrix::{PodPairs, Summary};
use crate::compile::{ClassId, Program};
use crate::index::IndexVec;
use crate::net::Direction;
use crate::policy::Tier;
use crate::solve::{CellId, Rows, SideId};

/// Counts everything.
pub(super) fn summary(program: &Program<'_>, rows: &mut Rows<'_>) -> Summary {
    let cluster = program.cluster;
    Summary {
        pods: cluster.pod_count(),
        workloads: cluster.workloads.len() as u64,
        namespaces: cluster.namespaces.len() as u64,
        policies: cluster.policies.iter().filter(|policy| policy.tier != Tier::Unevaluated).count() as u64,
        classes: program.classes.len() as u64,
        pod_pairs: pod_pairs(program, rows),
    }
}

/// Pairs by what may flow; signed, since corrections come before what they correct.
#[derive(Clone, Copy, Default)]
struct Tally {
    open: i128,
    some: i128,
    none: i128,
    unknown: i128,
}

impl Tally {
    fn add(&mut self, rows: &Rows<'_>, cell: CellId, count: i128) {
        let bounds = rows.evaluator.cell(cell);
        let slot = if bounds.must != bounds.may {
            &mut self.unknown
        } else if bounds.must == rows.evaluator.ports.full() {
            &mut self.open
        } else if bounds.may == rows.evaluator.ports.empty() {
            &mut self.none
        } else {
            &mut self.some
        };
        *slot += count;
    }

    fn add_all(&mut self, other: Self, times: i128) {
        self.open += other.open * times;
        self.some += other.some * times;
        self.none += other.none * times;
        self.unknown += other.unknown * times;
    }
}

/// Each source starts from what its policies make of pods they do not mention, over destinations that do not mention
/// it; that tally is shared by all sources with the same policies. Then only the mentioned are corrected.
fn pod_pairs(program: &Program<'_>, rows: &mut Rows<'_>) -> PodPairs {
    let weight = |class: ClassId| i128::from(program.classes[class].weight);
    let mut members: IndexVec<_, i128> = vec![0; program.signatures[Direction::Ingress].len()].into();
    for class in &program.classes {
        members[class.signature[Direction::Ingress]] += i128::from(class.weight);
    }

    let mut total = Tally::default();
    let mut shared: FxHashMap<SideId, Tally> = FxHashMap::default();
    let mut by_egress: Vec<ClassId> = program.classes.ids().collect();
    by_egress.sort_by_key(|&class| program.classes[class].signature[Direction::Egress]);
    let usual_ingress = rows.usual_ingress().clone();
    let mut ingress = usual_ingress.clone();
    for source in by_egress {
        let row = rows.row(source);
        let mut tally = *shared.entry(row.egress.base).or_insert_with(|| {
            let mut tally = Tally::default();
            for (signature, &count) in members.enumerate() {
                let cell = rows.evaluator.join(row.egress.base, usual_ingress[signature]);
                tally.add(rows, cell, count);
            }
            tally
        });
        for &(signature, side) in &row.ingress {
            let (usual, actual) = (
                rows.evaluator.join(row.egress.base, usual_ingress[signature]),
                rows.evaluator.join(row.egress.base, side),
            );
            tally.add(rows, usual, -members[signature]);
            tally.add(rows, actual, members[signature]);
            ingress[signature] = side;
        }
        for &(destination, side) in &row.egress.exceptions {
            let theirs = ingress[program.classes[destination].signature[Direction::Ingress]];
            let (usual, actual) =
                (rows.evaluator.join(row.egress.base, theirs), rows.evaluator.join(side, theirs));
            tally.add(rows, usual, -weight(destination));
            tally.add(rows, actual, weight(destination));
        }
        // A pod and itself is no pair.
        let own = rows.evaluator.between(source, source);
        tally.add(rows, own, -1);
        total.add_all(tally, weight(source));
        for &(signature, _) in &row.ingress {
            ingress[signature] = usual_ingress[signature];
        }
    }

    for (host, other) in NodeMates::new(program.cluster).pairs() {
        let (from, to) = (program.class_of[host], program.class_of[other]);
        let count =
            i128::from(program.cluster.pods[host].count) * i128::from(program.cluster.pods[other].count);
        let (usual, actual) = (rows.evaluator.between(from, to), rows.evaluator.exempt(from, to));
        total.add(rows, usual, -count);
        total.add(rows, actual, count);
    }

    let count = |tally: i128| u128::try_from(tally).expect("corrections never take away more than there is");
    let pairs = PodPairs {
        total: 0,
        open: count(total.open),
        some: count(total.some),
        none: count(total.none),
        unknown: count(total.unknown),
    };
    PodPairs { total: pairs.open + pairs.some + pairs.none + pairs.unknown, ..pairs }
}
