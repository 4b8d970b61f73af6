//! The ReachabilityDiff object, as JSON and YAML, and a list of them.

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::{ChangeJson, Report, change_word, edit_word};
use crate::query::difference::{BecauseId, CauseId, Change, Presence};
use crate::render::carried::CarriedJson;
use crate::render::diagnostic::DiagnosticJson;
use crate::render::json::{self, Elements};
use crate::render::{Format, object};

const API_VERSION: &str = "podreach/v1";
const KIND: &str = "ReachabilityDiff";

/// The object in JSON, each change on a line of its own.
pub(super) fn json(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{{\n  \"apiVersion\": \"{API_VERSION}\",\n  \"kind\": \"{KIND}\",\n  \"cni\": ")?;
    json::to_writer(out, report.profile.name())?;
    if !report.edits.is_empty() {
        out.write_all(b",\n  \"edits\": ")?;
        json::to_writer(out, &report.edits)?;
    }
    out.write_all(b",\n  \"summary\": ")?;
    json::to_writer(out, &Summary(report))?;
    if !report.warnings.is_empty() {
        out.write_all(b",\n  \"warnings\": [")?;
        let mut list = Elements::new();
        report.told().objects(report.warnings).iter().try_for_each(|warning| list.write(out, warning))?;
        list.end(out)?;
    }
    out.write_all(b",\n  \"changes\": [")?;
    let mut list = Elements::new();
    report
        .difference
        .changes()
        .try_for_each(|change| list.write(out, &ChangeJson { report, change: &change }))?;
    list.end(out)?;
    out.write_all(b",\n  \"notes\": [")?;
    let mut list = Elements::new();
    report.notes.iter().try_for_each(|note| list.write(out, &DiagnosticJson(note)))?;
    list.end(out)?;
    out.write_all(b"\n}\n")
}

/// The same object in YAML.
pub(super) fn yaml(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    object(Format::Yaml, &Whole(report), out)
}

/// Several of them, as kubectl would list them.
pub fn list(format: Format, reports: &[Report<'_>], out: &mut dyn Write) -> io::Result<()> {
    object(format, &List(reports), out)
}

struct List<'a, 'r>(&'r [Report<'a>]);

impl Serialize for List<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("apiVersion", API_VERSION)?;
        map.serialize_entry("kind", "ReachabilityDiffList")?;
        map.serialize_entry("items", &self.0.iter().map(Whole).collect::<Vec<_>>())?;
        map.end()
    }
}

struct Whole<'a, 'r>(&'r Report<'a>);

impl Serialize for Whole<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let report = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("apiVersion", API_VERSION)?;
        map.serialize_entry("kind", KIND)?;
        map.serialize_entry("cni", report.profile.name())?;
        if !report.edits.is_empty() {
            map.serialize_entry("edits", &report.edits)?;
        }
        map.serialize_entry("summary", &Summary(report))?;
        if !report.warnings.is_empty() {
            map.serialize_entry("warnings", &report.told().objects(report.warnings))?;
        }
        map.serialize_entry("changes", &Changes(report))?;
        map.serialize_entry("notes", &report.notes.iter().map(DiagnosticJson).collect::<Vec<_>>())?;
        map.end()
    }
}

struct Changes<'a, 'r>(&'r Report<'a>);

impl Serialize for Changes<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let difference = self.0.difference;
        let mut list = serializer.serialize_seq(Some(difference.count()))?;
        for change in difference.changes() {
            list.serialize_element(&ChangeJson { report: self.0, change: &change })?;
        }
        list.end()
    }
}

struct Summary<'a, 'r>(&'r Report<'a>);

impl Serialize for Summary<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pairs = &self.0.difference.pairs;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("newlyAllowed", &pairs.allowed)?;
        map.serialize_entry("newlyDenied", &pairs.denied)?;
        map.serialize_entry("newlyUnknown", &pairs.unknown)?;
        map.end()
    }
}

/// One change.
pub(super) fn change<S: Serializer>(
    report: &Report<'_>,
    change: &Change,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let difference = report.difference;
    let (before, after) = (&difference.carried[change.before], &difference.carried[change.after]);
    let mut map = serializer.serialize_map(None)?;
    for (key, id) in [("from", change.from), ("to", change.to)] {
        let (names, endpoint) = report.names_of(id);
        map.serialize_entry(key, &names.json(endpoint))?;
    }
    map.serialize_entry("change", change_word(before, after))?;
    map.serialize_entry("before", &CarriedJson(before))?;
    map.serialize_entry("after", &CarriedJson(after))?;
    for (key, presence) in [("appeared", Presence::Appeared), ("vanished", Presence::Vanished)] {
        let ends = [("from", change.from), ("to", change.to)];
        let ends: Vec<&str> =
            ends.into_iter().filter(|(_, id)| report.presence(*id) == presence).map(|(end, _)| end).collect();
        if !ends.is_empty() {
            map.serialize_entry(key, &ends)?;
        }
    }
    map.serialize_entry("because", &BecauseJson { report, because: change.because })?;
    map.end()
}

struct BecauseJson<'a, 'r> {
    report: &'r Report<'a>,
    because: BecauseId,
}

impl Serialize for BecauseJson<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let causes = self.report.difference.because(self.because);
        let mut list = serializer.serialize_seq(Some(causes.len()))?;
        for &cause in causes {
            list.serialize_element(&CauseJson { report: self.report, cause })?;
        }
        list.end()
    }
}

struct CauseJson<'a, 'r> {
    report: &'r Report<'a>,
    cause: CauseId,
}

impl Serialize for CauseJson<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let cause = &self.report.difference.causes[self.cause];
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", &cause.object.kind)?;
        map.serialize_entry("name", &cause.object.path())?;
        map.serialize_entry("change", edit_word(cause.edit))?;
        if let Some(place) = &self.report.places[self.cause] {
            map.serialize_entry("file", &place.source)?;
            map.serialize_entry("line", &place.line)?;
        }
        map.end()
    }
}
