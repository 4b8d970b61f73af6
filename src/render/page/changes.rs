//! Differences, for the page of a `what-if` or a `diff`.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet;
use serde::Serialize;

use super::data::{Places, Pools, plain};
use crate::cluster::PodId;
use crate::compile::Program;
use crate::index::Id;
use crate::query::difference::{CarriedId, Difference, PartyId, Presence, Sign};
use crate::query::{By, Endpoint, External, Matrix};
use crate::render::difference::Report;
use crate::render::style::Palette;

/// The changes.
#[derive(Serialize)]
pub(super) struct Changes {
    level: &'static str,
    headline: String,
    edits: Vec<String>,
    warnings: Vec<String>,
    /// Endpoints that some change is about.
    parties: Vec<Party>,
    boxes: Vec<ChangeBox>,
    causes: Vec<String>,
}

#[derive(Serialize)]
struct Party {
    name: String,
    /// Its rows in the matrix of the page: the one of a workload or a namespace, none if it is gone, and of addresses
    /// all that overlap them.
    rows: Vec<usize>,
    presence: &'static str,
    /// True if something changed between pods of its own: a box may hold both ends of what is one pod.
    itself: bool,
}

/// The same change between each of these and each of those.
#[derive(Serialize)]
struct ChangeBox {
    sign: &'static str,
    from: Vec<usize>,
    to: Vec<usize>,
    before: usize,
    after: usize,
    because: Vec<usize>,
}

/// The pods of the second input that changes are about.
pub(super) fn pods(difference: &Difference, program: &Program) -> Vec<PodId> {
    let parties = difference.changed_parties().into_iter().map(|id| difference.parties[id]);
    let there = parties.filter(|party| party.presence != Presence::Vanished);
    let about: FxHashSet<Endpoint> = there.map(|party| party.endpoint).collect();
    let pods = program.cluster.pods.enumerate().filter(|(_, pod)| {
        about.contains(&Endpoint::Workload(pod.workload))
            || about.contains(&Endpoint::Namespace(pod.namespace))
    });
    pods.map(|(id, _)| id).collect()
}

pub(super) fn changes(
    report: &Report<'_>,
    matrix: &Matrix<'_>,
    places: &Places,
    pools: &mut Pools,
) -> Changes {
    let difference = report.difference;
    let addresses_last = |id: PartyId| (matches!(report.names_of(id).1, Endpoint::External(_)), id);
    let ends = difference.boxes.iter().flat_map(|found| found.from().iter().chain(found.to()));
    let mut concerned: Vec<PartyId> = ends.copied().collect();
    concerned.sort_unstable_by_key(|&id| addresses_last(id));
    concerned.dedup();
    let numbers: BTreeMap<PartyId, usize> = concerned.iter().copied().zip(0..).collect();
    let to_themselves: BTreeSet<PartyId> = difference.changed_within().into_iter().collect();
    let parties = concerned.iter().map(|&id| {
        let (names, endpoint) = report.names_of(id);
        let presence = report.presence(id);
        Party {
            name: plain(&names.full(endpoint)),
            rows: match (endpoint, presence) {
                (_, Presence::Vanished) => Vec::new(),
                (Endpoint::External(id), _) => {
                    let External { family, addresses } = &difference.externals[id];
                    let ranges = matrix.externals().enumerate().filter(|(_, range)| {
                        range.family == *family && !range.addresses.is_disjoint(addresses)
                    });
                    ranges.filter_map(|(id, _)| places.row(difference.by, Endpoint::External(id))).collect()
                }
                _ => places.row(difference.by, endpoint).into_iter().collect(),
            },
            presence: match presence {
                Presence::Stays => "stays",
                Presence::Appeared => "new",
                Presence::Vanished => "gone",
            },
            itself: to_themselves.contains(&id),
        }
    });
    let parties = parties.collect();
    let mut carried = |id: CarriedId| {
        let carried = &difference.carried[id];
        pools.carried(carried)
    };
    let at = |parties: &[PartyId]| parties.iter().map(|id| numbers[id]).collect();
    let boxes = difference.boxes.iter().map(|found| ChangeBox {
        sign: match found.sign {
            Sign::More => "more",
            Sign::Less => "less",
            Sign::Other => "other",
            Sign::Unknown => "unknown",
        },
        from: at(found.from()),
        to: at(found.to()),
        before: carried(found.before),
        after: carried(found.after),
        because: found
            .because
            .map(|because| difference.because(because).iter().map(|cause| cause.index()).collect())
            .unwrap_or_default(),
    });
    let boxes = boxes.collect();
    let causes = difference.causes.ids().map(|id| {
        let (what, place) = report.cause(id);
        plain(&place.map_or(what.clone(), |place| format!("{what} ({place})")))
    });
    Changes {
        level: if difference.by == By::Namespace { "namespace" } else { "workload" },
        headline: report.headline(),
        edits: report.edits.iter().map(|edit| plain(edit)).collect(),
        warnings: report.told().text(report.warnings, Palette::default()),
        parties,
        boxes,
        causes: causes.collect(),
    }
}
