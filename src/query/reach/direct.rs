//! Connections between a target and each workload without a chain: a row or column of the matrix for any target.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::Subject;
use super::search::Search;
use crate::cluster::PodId;
use crate::compile::ClassId;
use crate::index::IndexVec;
use crate::net::Direction;
use crate::query::Carried;
use crate::query::group::Group;
use crate::query::matrix::Blend;
use crate::solve::CellId;

/// Pairs that a shared node exempts, by class of the target and class of the other.
type Exempt = FxHashMap<(ClassId, ClassId), u64>;

/// Finds the ports that may be used without a chain, by place in the list of workloads.
pub(super) fn direct(
    search: &mut Search<'_, '_>,
    subject: &Subject,
    workloads: &[Group],
) -> FxHashMap<usize, Carried> {
    let program = search.program;
    let direction = search.question.direction;
    let mut of_class: IndexVec<ClassId, Vec<usize>> = program.classes.iter().map(|_| Vec::new()).collect();
    let mut of_pod: FxHashMap<PodId, usize> = FxHashMap::default();
    for (place, workload) in workloads.iter().enumerate() {
        workload.classes.iter().for_each(|&(class, _)| of_class[class].push(place));
        of_pod.extend(workload.pods.iter().map(|(pod, _)| (*pod, place)));
    }
    let target = &subject.group;
    let lines: Vec<FxHashMap<ClassId, CellId>> = target
        .classes
        .iter()
        .map(|&(class, _)| search.rows.cells_along(direction, class, |_| true).into_iter().collect())
        .collect();
    let mut exempt = exempt_pairs(search, target, &of_pod);
    let met: FxHashSet<ClassId> = lines.iter().flat_map(|line| line.keys().copied()).collect();
    let mut blends: BTreeMap<usize, Blend> = BTreeMap::new();
    for &place in met.iter().flat_map(|class| &of_class[*class]).chain(exempt.keys()) {
        blends.entry(place).or_default();
    }
    let closed = search.rows.evaluator.closed();
    for (&place, blend) in &mut blends {
        let workload = &workloads[place];
        let mut exempt = exempt.remove(&place).unwrap_or_default();
        let common = target.common(program, workload);
        for (&(own, count), line) in target.classes.iter().zip(&lines) {
            for &(other, others) in &workload.classes {
                let same = if own == other { common.get(&own).copied().unwrap_or(0) } else { 0 };
                let exempted = exempt.remove(&(own, other)).unwrap_or(0);
                if count * others > same + exempted {
                    blend.add(&mut search.rows, line.get(&other).copied().unwrap_or(closed));
                }
                if exempted > 0 {
                    let (from, to) = match direction {
                        Direction::Egress => (own, other),
                        Direction::Ingress => (other, own),
                    };
                    let cell = search.rows.evaluator.exempt(from, to);
                    blend.add(&mut search.rows, cell);
                }
            }
        }
    }
    from_addresses(search, workloads, &mut blends);
    let only = search.question.ports.as_ref();
    blends
        .into_iter()
        .filter_map(|(place, blend)| Some((place, blend.carried(&mut search.rows, only)?)))
        .collect()
}

/// Counts the pairs between a target and each workload that are exempt because they share a node (R50).
fn exempt_pairs(
    search: &Search<'_, '_>,
    target: &Group,
    of_pod: &FxHashMap<PodId, usize>,
) -> FxHashMap<usize, Exempt> {
    let program = search.program;
    let cluster = &program.cluster;
    let mut pairs: FxHashMap<usize, Exempt> = FxHashMap::default();
    for (pod, range) in &target.pods {
        let mates = match search.question.direction {
            Direction::Egress => search.mates.beside(cluster, *pod),
            Direction::Ingress => search.mates.hosts_beside(cluster, *pod),
        };
        for mate in mates {
            let classes = (program.class_of[*pod], program.class_of[*mate]);
            let count = u64::from(range.end - range.start) * u64::from(cluster.pods[*mate].count);
            *pairs.entry(of_pod[mate]).or_default().entry(classes).or_default() += count;
        }
    }
    pairs
}

/// Adds what the addresses of a target may do. A family that only one of the two has says nothing.
fn from_addresses(search: &mut Search<'_, '_>, workloads: &[Group], blends: &mut BTreeMap<usize, Blend>) {
    let program = search.program;
    let across = search.question.direction.other();
    let open = search.rows.evaluator.open();
    for address in search.addresses.clone() {
        let external = search.externals[address.external].clone();
        let mut known: FxHashMap<_, CellId> = FxHashMap::default();
        for (place, workload) in workloads.iter().enumerate() {
            let classes: Vec<(ClassId, bool)> = match address.node {
                None => workload.classes.iter().map(|(class, _)| (*class, false)).collect(),
                Some(node) => {
                    let is_home = |pod: PodId| program.cluster.pods[pod].node == Some(node);
                    workload.pods.iter().map(|(pod, _)| (program.class_of[*pod], is_home(*pod))).collect()
                }
            };
            for (class, is_home) in classes {
                let facts = &program.classes[class];
                if !facts.families[external.family] {
                    continue;
                }
                let cell = if is_home {
                    open
                } else {
                    *known
                        .entry(facts.signature[across])
                        .or_insert_with(|| search.rows.external(across, class, &external))
                };
                blends.entry(place).or_default().add(&mut search.rows, cell);
            }
        }
    }
}
