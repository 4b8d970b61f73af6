//! The lock file: the matrix by workload, in a form that changes as little as reachability does.
//!
//! A [`Lock`] names workloads and never pods, so that neither a rollout nor another number of replicas changes it:
//!
//! - A workload reaches itself as if it had two pods of every kind it has, however many there are.
//! - What a shared node exempts (R50) is left out, since it hangs on where the scheduler puts pods.
//! - Addresses are cut for each workload by itself: ranges that it treats alike are one line, whatever other policies
//!   say of them.
//!
//! [`parse`] reads what [`crate::render::snapshot`] writes; [`compare`] says what differs.

mod because;
mod compare;
mod parse;

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::cluster::{Cluster, WorkloadId};
use crate::compile::{ClassId, Program};
use crate::index::{Id, IndexVec};
use crate::net::{AddressSet, Direction, Family, PortSet};
use crate::profile::Profile;
use crate::query::{Blend, By, Endpoint, groups};
use crate::solve::{CellId, ExternalClass, ExternalId, Reachability, Rows};

pub use crate::query::Carried;
pub use because::Causes;
pub use compare::{Change, FailOn, compare};
pub use parse::{LockError, parse};

/// The `apiVersion` of lock files.
pub const API_VERSION: &str = "podreach/v1";

/// Their `kind`.
pub const KIND: &str = "ReachabilityLock";

/// A reachability by workload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lock {
    /// The CNI profile it holds under.
    pub profile: Profile,
    /// The lines with everything that is allowed or unknown, in order; all else is denied.
    pub lines: Vec<Line>,
}

/// One line: ports with one verdict.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Line {
    /// The source of connections.
    pub from: Place,
    /// The destination; one of the two is a workload.
    pub to: Place,
    /// The verdict on the ports.
    pub verdict: LineVerdict,
    /// The ports, never empty.
    pub ports: PortSet,
    /// Those of them on which policies restrict what at least one pair may say; none of ports that are unknown.
    pub restricted: PortSet,
}

/// The verdict of a line on its ports.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LineVerdict {
    /// Every pair of pods may use them.
    Allow,
    /// Some pairs may, others may not.
    Some,
    /// The input does not decide it for some pair, and allows it for none.
    Unknown,
}

impl LineVerdict {
    /// All of them, in the order of lines.
    pub const ALL: [Self; 3] = [Self::Allow, Self::Some, Self::Unknown];

    /// `allow`, `some` or `unknown`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Some => "some",
            Self::Unknown => "unknown",
        }
    }
}

/// A workload or addresses, by name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Place {
    /// A workload; also one that the input does not have any more.
    Workload {
        /// Its namespace.
        namespace: Box<str>,
        /// Its name.
        name: Box<str>,
        /// `Deployment`, `StatefulSet`, ...
        kind: Box<str>,
    },
    /// Addresses of one family.
    Outside(Family, AddressSet),
}

impl Place {
    /// A workload of a cluster.
    pub fn workload(cluster: &Cluster, id: WorkloadId) -> Self {
        let workload = &cluster.workloads[id];
        Self::Workload {
            namespace: cluster.namespaces[workload.namespace].name.clone(),
            name: workload.name.clone(),
            kind: workload.kind.clone(),
        }
    }

    /// True if the place is outside the cluster.
    pub const fn is_outside(&self) -> bool {
        matches!(self, Self::Outside(..))
    }
}

/// The ports of a verdict.
fn part(carried: &mut Carried, verdict: LineVerdict) -> &mut PortSet {
    match verdict {
        LineVerdict::Allow => &mut carried.ports,
        LineVerdict::Some => &mut carried.some,
        LineVerdict::Unknown => &mut carried.unknown,
    }
}

impl Lock {
    /// The lock of a reachability.
    pub fn of(reachability: &Reachability<'_>) -> Self {
        let program = reachability.program();
        let mut flows: Vec<(Place, Place, Carried)> = Vec::new();
        for (from, to, carried) in between_workloads(program) {
            let place = |id| Place::workload(&program.cluster, id);
            flows.push((place(from), place(to), carried));
        }
        for (direction, id, family, addresses, carried) in outside(program) {
            let (own, other) = (Place::workload(&program.cluster, id), Place::Outside(family, addresses));
            flows.push(match direction {
                Direction::Egress => (own, other, carried),
                Direction::Ingress => (other, own, carried),
            });
        }
        let mut lines: Vec<Line> = Vec::new();
        for (from, to, mut carried) in flows {
            for verdict in LineVerdict::ALL {
                let ports = std::mem::take(part(&mut carried, verdict));
                if !ports.is_empty() {
                    let restricted = ports.intersection(&carried.restricted);
                    lines.push(Line { from: from.clone(), to: to.clone(), verdict, ports, restricted });
                }
            }
        }
        let mut lock = Self { profile: program.profile, lines };
        lock.sort();
        lock
    }

    /// Puts lines into order: what comes from outside by where it goes, then workload by workload.
    fn sort(&mut self) {
        self.lines.sort_by(|a, b| {
            (!a.from.is_outside())
                .cmp(&!b.from.is_outside())
                .then_with(|| if a.from.is_outside() { (&a.to, a).cmp(&(&b.to, b)) } else { a.cmp(b) })
        });
    }

    /// True if some line leaves its ports undecided.
    pub fn is_undecided(&self) -> bool {
        self.lines.iter().any(|line| line.verdict == LineVerdict::Unknown)
    }

    /// The lines by their two places.
    pub(crate) fn flows(&self) -> BTreeMap<(&Place, &Place), Carried> {
        let mut flows: BTreeMap<(&Place, &Place), Carried> = BTreeMap::new();
        for line in &self.lines {
            let carried = flows.entry((&line.from, &line.to)).or_default();
            carried.restricted = carried.restricted.union(&line.restricted);
            let ports = part(carried, line.verdict);
            *ports = ports.union(&line.ports);
        }
        flows
    }
}

fn carried(blend: &Blend, rows: &mut Rows<'_>) -> Option<Carried> {
    blend.carried(rows, None)
}

fn between_workloads(program: &Program) -> Vec<(WorkloadId, WorkloadId, Carried)> {
    let workloads = groups(program, By::Workload, None, 1);
    let mut rows = Rows::new(program);
    let mut of_class: IndexVec<ClassId, Vec<usize>> = program.classes.iter().map(|_| Vec::new()).collect();
    for (place, workload) in workloads.iter().enumerate() {
        workload.classes.iter().for_each(|&(class, _)| of_class[class].push(place));
    }
    let id = |endpoint| match endpoint {
        Endpoint::Workload(id) => id,
        _ => unreachable!("groups by workload are workloads"),
    };
    let closed = rows.evaluator.closed();
    let mut flows = Vec::new();
    for source in &workloads {
        let mut met: Vec<usize> = Vec::new();
        let cells: Vec<FxHashMap<ClassId, CellId>> = source
            .classes
            .iter()
            .map(|&(class, _)| {
                let cells = rows.cells(class);
                met.extend(cells.iter().flat_map(|(class, _)| &of_class[*class]));
                cells.iter().copied().collect()
            })
            .collect();
        met.sort_unstable();
        met.dedup();
        for place in met {
            let mut blend = Blend::default();
            for cells in &cells {
                for (class, _) in &workloads[place].classes {
                    blend.add(&mut rows, cells.get(class).copied().unwrap_or(closed));
                }
            }
            if let Some(carried) = carried(&blend, &mut rows) {
                flows.push((id(source.endpoint), id(workloads[place].endpoint), carried));
            }
        }
    }
    flows
}

type Outside = (Direction, WorkloadId, Family, AddressSet, Carried);

/// The flows between each workload and addresses; addresses that it treats alike are one flow.
fn outside(program: &Program) -> Vec<Outside> {
    let mut rows = Rows::new(program);
    let externals: IndexVec<ExternalId, ExternalClass> = rows.externals();
    let mut flows = Vec::new();
    for (id, workload) in program.cluster.workloads.enumerate() {
        let mut classes: Vec<ClassId> = workload.pods.iter().map(|pod| program.class_of[*pod]).collect();
        classes.sort_unstable();
        classes.dedup();
        for direction in Direction::ALL {
            let mut alike: BTreeMap<(Family, Carried), Vec<(u128, u128)>> = BTreeMap::new();
            for external in &externals {
                let mut blend = Blend::default();
                for &class in &classes {
                    let cell = rows.external(direction, class, external);
                    blend.add(&mut rows, cell);
                }
                if let Some(carried) = carried(&blend, &mut rows) {
                    alike.entry((external.family, carried)).or_default().extend(external.addresses.ranges());
                }
            }
            flows.extend(alike.into_iter().map(|((family, carried), ranges)| {
                (direction, id, family, AddressSet::from_ranges(ranges), carried)
            }));
        }
    }
    flows
}

/// The workload of a cluster that a place names.
fn find(cluster: &Cluster, place: &Place) -> Option<WorkloadId> {
    let Place::Workload { namespace, name, kind } = place else { return None };
    let namespace = cluster.namespace(namespace)?;
    let key = (namespace, name, kind);
    let workloads = cluster.workloads.as_slice();
    workloads.binary_search_by(|w| (w.namespace, &w.name, &w.kind).cmp(&key)).ok().map(WorkloadId::from_index)
}
