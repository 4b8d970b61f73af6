//! What differs, for the page of a `what-if` or a `diff`.

use std::collections::BTreeSet;

use serde::Serialize;

use super::data::{Places, Pools, plain};
use crate::cluster::NamespaceId;
use crate::index::Id;
use crate::query::difference::{CarriedId, PartyId, Presence, Sign};
use crate::query::{By, Endpoint};
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
    /// Its place among the workloads or namespaces of the page, if it stands there.
    place: Option<usize>,
    presence: &'static str,
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

pub(super) fn changes(
    report: &Report<'_>,
    places: &Places,
    namespaces: &[NamespaceId],
    pools: &mut Pools,
) -> Changes {
    let difference = report.difference;
    let concerned: BTreeSet<PartyId> =
        difference.boxes.iter().flat_map(|found| found.from.iter().chain(&found.to)).copied().collect();
    let concerned: Vec<PartyId> = concerned.into_iter().collect();
    let parties = concerned.iter().map(|&id| {
        let (names, endpoint) = report.names_of(id);
        let presence = report.presence(id);
        let place = match (endpoint, presence) {
            (_, Presence::Vanished) => None,
            (Endpoint::Workload(id), _) => places.of[id],
            (Endpoint::Namespace(id), _) => namespaces.binary_search(&id).ok(),
            _ => None,
        };
        Party {
            name: plain(&names.full(endpoint)),
            place,
            presence: match presence {
                Presence::Stays => "stays",
                Presence::Appeared => "new",
                Presence::Vanished => "gone",
            },
        }
    });
    let parties = parties.collect();
    let mut carried = |id: CarriedId| {
        let carried = &difference.carried[id];
        pools.carried([&carried.ports, &carried.some, &carried.unknown])
    };
    let at = |parties: &[PartyId]| {
        let place = |id| concerned.binary_search(id).expect("it is of a box");
        parties.iter().map(place).collect()
    };
    let boxes = difference.boxes.iter().map(|found| ChangeBox {
        sign: match found.sign {
            Sign::More => "more",
            Sign::Less => "less",
            Sign::Other => "other",
            Sign::Unknown => "unknown",
        },
        from: at(&found.from),
        to: at(&found.to),
        before: carried(found.before),
        after: carried(found.after),
        because: found
            .because
            .map(|because| difference.because[because].iter().map(|cause| cause.index()).collect())
            .unwrap_or_default(),
    });
    let boxes = boxes.collect();
    let causes = difference.causes.ids().map(|id| {
        let (what, place) = report.cause(id);
        plain(&place.map_or(what.clone(), |place| format!("{what} ({place})")))
    });
    Changes {
        level: match difference.by {
            By::Pod => "pod",
            By::Workload => "workload",
            By::Namespace => "namespace",
        },
        headline: report.headline(),
        edits: report.edits.iter().map(|edit| plain(edit)).collect(),
        warnings: report.told().text(report.warnings, Palette::default()),
        parties,
        boxes,
        causes: causes.collect(),
    }
}
