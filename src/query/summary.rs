//! Exact counts over all ordered pairs of distinct pods, without visiting pairs.

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::group::NodeMates;
use super::matrix::{PodPairs, Summary};
use crate::compile::{ClassId, Program, SignatureId};
use crate::index::IndexVec;
use crate::net::Direction;
use crate::policy::Policy;
use crate::solve::{Openness, Rows, SideId, templated};

/// Counts everything.
pub(super) fn summary(program: &Program, rows: &mut Rows<'_>) -> Summary {
    let cluster = &program.cluster;
    Summary {
        pods: cluster.pod_count(),
        workloads: cluster.workloads.len() as u64,
        namespaces: cluster.namespaces.len() as u64,
        policies: cluster.policies.iter().filter(|policy| is_evaluated(policy)).count() as u64,
        classes: program.classes.len() as u64,
        pod_pairs: pod_pairs(program, rows),
    }
}

fn is_evaluated(policy: &Policy) -> bool {
    policy.tier.is_evaluated() && !policy.is_withdrawn()
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
    fn add(&mut self, openness: Openness, count: i128) {
        match openness {
            Openness::Open => self.open += count,
            Openness::Some => self.some += count,
            Openness::None => self.none += count,
            Openness::Unknown => self.unknown += count,
        }
    }

    fn add_all(&mut self, other: Self, times: i128) {
        self.open += other.open * times;
        self.some += other.some * times;
        self.none += other.none * times;
        self.unknown += other.unknown * times;
    }
}

/// Counts pairs by row templates, as if there were no overrides; then corrects by class, and for shared nodes.
fn pod_pairs(program: &Program, rows: &mut Rows<'_>) -> PodPairs {
    let weight = |class: ClassId| i128::from(program.classes[class].weight);
    let mut total = Tally::default();
    templated(rows, |openness, count| total.add(openness, count.cast_signed()));

    let mut members: IndexVec<SignatureId, (Vec<ClassId>, i128)> =
        vec![(Vec::new(), 0); program.signatures.ingress.len()].into();
    for (id, class) in program.classes.enumerate() {
        let (classes, pods) = &mut members[class.signature.ingress];
        classes.push(id);
        *pods += i128::from(class.weight);
    }
    let mut by_egress: Vec<ClassId> = program.classes.ids().collect();
    by_egress.sort_by_key(|&class| program.classes[class].signature.egress);
    let mut exceptional: IndexVec<SignatureId, Option<SideId>> = vec![None; members.len()].into();
    for source in by_egress {
        let row = rows.line(Direction::Egress, source);
        let own = &program.classes[source].signature;
        let uniform = rows.uniform(Direction::Egress, own.egress);
        let mut tally = Tally::default();
        for exception in &row.theirs {
            exceptional[exception.of] = Some(exception.actual);
            let (classes, pods) = &members[exception.of];
            let mut correct = |rows: &mut Rows<'_>, side: SideId, pods: i128| {
                tally.add(rows.openness(side, exception.default), -pods);
                tally.add(rows.openness(side, exception.actual), pods);
            };
            match uniform {
                Some(side) => correct(rows, side, *pods),
                None => {
                    for &destination in classes {
                        let side = rows.usual(Direction::Egress, own.egress, destination);
                        correct(rows, side, weight(destination));
                    }
                }
            }
        }
        for exception in &*row.own {
            let theirs = program.classes[exception.of].signature.ingress;
            let side = match exceptional[theirs] {
                Some(side) => side,
                None => rows.usual(Direction::Ingress, theirs, source),
            };
            tally.add(rows.openness(exception.default, side), -weight(exception.of));
            tally.add(rows.openness(exception.actual, side), weight(exception.of));
        }
        // A pod and itself is no pair.
        let own = rows.evaluator.between(source, source);
        tally.add(rows.evaluator.cell_openness(own), -1);
        total.add_all(tally, weight(source));
        for exception in &row.theirs {
            exceptional[exception.of] = None;
        }
    }

    // Nodes have mostly the same pods.
    let mut mates: IndexMap<(ClassId, ClassId), i128, FxBuildHasher> = IndexMap::default();
    for (host, other) in NodeMates::new(&program.cluster).pairs() {
        let count =
            i128::from(program.cluster.pods[host].count) * i128::from(program.cluster.pods[other].count);
        *mates.entry((program.class_of[host], program.class_of[other])).or_default() += count;
    }
    for ((from, to), count) in mates {
        let (usual, actual) = (rows.evaluator.between(from, to), rows.evaluator.exempt(from, to));
        total.add(rows.evaluator.cell_openness(usual), -count);
        total.add(rows.evaluator.cell_openness(actual), count);
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
