//! Lock files and what differs from them, for machines.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::Checked;
use crate::net::cidrs;
use crate::query::because::Because;
use crate::render::because::PolicyObject;
use crate::render::carried::CarriedJson;
use crate::render::endpoint::PortsJson;
use crate::snapshot::{API_VERSION, Change, KIND, Lock, Place};

/// `kind: ReachabilityLock`, with the ports of machine formats.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LockObject<'a> {
    api_version: &'static str,
    kind: &'static str,
    cni: &'static str,
    reachability: Vec<LineObject<'a>>,
}

#[derive(Debug, Serialize)]
struct LineObject<'a> {
    from: PlaceObject<'a>,
    to: PlaceObject<'a>,
    ports: PortsJson<'a>,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    restricted: Option<PortsJson<'a>>,
}

/// `kind: ReachabilityDiff`, by workload.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckObject<'a> {
    api_version: &'static str,
    kind: &'static str,
    cni: &'static str,
    changes: Vec<ChangeObject<'a>>,
    summary: Summary,
}

#[derive(Debug, Serialize)]
struct ChangeObject<'a> {
    from: PlaceObject<'a>,
    to: PlaceObject<'a>,
    change: &'static str,
    before: CarriedJson<'a>,
    after: CarriedJson<'a>,
    because: Vec<PolicyObject>,
}

#[derive(Debug, Serialize)]
struct Summary {
    #[serde(rename = "newlyAllowed")]
    allowed: usize,
    #[serde(rename = "newlyDenied")]
    denied: usize,
    #[serde(rename = "newlyUnknown")]
    unknown: usize,
}

#[derive(Debug)]
struct PlaceObject<'a>(&'a Place);

impl Serialize for PlaceObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.0 {
            Place::Workload { namespace, name, kind } => {
                map.serialize_entry("workload", &format!("{namespace}/{name}"))?;
                map.serialize_entry("kind", kind)?;
            }
            Place::Outside(family, addresses) => {
                let cidrs: Vec<String> = cidrs(*family, addresses).iter().map(ToString::to_string).collect();
                map.serialize_entry("cidrs", &cidrs)?;
            }
        }
        map.end()
    }
}

impl<'a> LockObject<'a> {
    /// The object of a lock.
    pub fn new(lock: &'a Lock) -> Self {
        let lines = lock.lines.iter().map(|line| LineObject {
            from: PlaceObject(&line.from),
            to: PlaceObject(&line.to),
            ports: PortsJson(&line.ports),
            verdict: line.verdict.as_str(),
            restricted: (!line.restricted.is_empty()).then_some(PortsJson(&line.restricted)),
        });
        Self { api_version: API_VERSION, kind: KIND, cni: lock.profile.name(), reachability: lines.collect() }
    }
}

impl<'a> CheckObject<'a> {
    /// The object of a check.
    pub fn new(checked: &'a Checked<'a>) -> Self {
        let number =
            |is: fn(&Change) -> bool| checked.changes.iter().filter(|(change, _)| is(change)).count();
        Self {
            api_version: API_VERSION,
            kind: "ReachabilityDiff",
            cni: checked.context.profile.name(),
            changes: checked
                .changes
                .iter()
                .map(|(change, because)| row(checked, change, because.as_ref()))
                .collect(),
            summary: Summary {
                allowed: number(|change| !change.gained().difference(&change.after.unknown).is_empty()),
                denied: number(|change| {
                    let kept = change.after.ports.union(&change.after.some).union(&change.after.unknown);
                    let had = change.before.ports.union(&change.before.some).union(&change.before.unknown);
                    let less = change.before.plain().intersection(&change.after.restricted);
                    !had.difference(&kept).is_empty() || !less.is_empty()
                }),
                unknown: number(|change| !change.doubted().is_empty()),
            },
        }
    }
}

fn row<'a>(checked: &Checked<'_>, change: &'a Change, because: Option<&Because>) -> ChangeObject<'a> {
    let policies = because.map(Because::policies).unwrap_or_default();
    ChangeObject {
        from: PlaceObject(&change.from),
        to: PlaceObject(&change.to),
        change: if change.before.is_nothing() {
            "added"
        } else if change.after.is_nothing() {
            "removed"
        } else {
            "changed"
        },
        before: CarriedJson(&change.before),
        after: CarriedJson(&change.after),
        because: policies.into_iter().map(|id| PolicyObject::new(checked.context, id, None)).collect(),
    }
}
