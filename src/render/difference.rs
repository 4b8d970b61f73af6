//! Differences between two inputs, in every format.

mod document;
mod markdown;
mod names;
mod rows;
mod svg;
mod text;

use std::io::{self, Write};

use serde::Serialize;

use super::Format;
use super::diagnostic::Located;
use super::endpoint::Names;
use super::style::Palette;
use super::text::{Detail, count};
use super::warnings::Told;
use crate::cluster::Cluster;
use crate::index::IndexVec;
use crate::load::Position;
use crate::net::PortSet;
use crate::profile::Profile;
use crate::query::Carried;
use crate::query::difference::{CauseId, ChangeBox, Difference, Edited, Party, PartyId, Presence, Table};
use crate::query::warnings::Warning;
use crate::query::{By, Endpoint};
use crate::render::carried::words;

pub use document::list;

/// Everything about a difference.
#[derive(Debug)]
pub struct Report<'a> {
    /// The changes that were made, as they were typed; empty for two inputs.
    pub edits: Vec<String>,
    /// True if reports on other changes stand beside this one.
    pub is_one_of_several: bool,
    /// The difference.
    pub difference: &'a Difference,
    /// The same as a matrix, which is what a picture shows.
    pub table: Option<&'a Table>,
    /// The names of endpoints in the first and in the second input.
    pub names: [Names<'a>; 2],
    /// The CNI profile it holds under.
    pub profile: Profile,
    /// The position of each cause, if it is known.
    pub places: IndexVec<CauseId, Option<Position>>,
    /// Warnings about the changes.
    pub warnings: &'a [Warning],
    /// Notes on the facts that unknown verdicts depend on.
    pub notes: &'a [Located<'a>],
}

impl<'a> Report<'a> {
    /// A report on two clusters.
    pub fn new(
        difference: &'a Difference,
        before: &'a Cluster,
        after: &'a Cluster,
        profile: Profile,
        places: IndexVec<CauseId, Option<Position>>,
    ) -> Self {
        let names = [before, after].map(|cluster| Names::new(cluster, &difference.externals));
        Self {
            edits: Vec::new(),
            is_one_of_several: false,
            difference,
            table: None,
            names,
            profile,
            places,
            warnings: &[],
            notes: &[],
        }
    }

    /// The warnings, told against the second input.
    pub(super) fn told(&self) -> Told<'a> {
        Told { after: self.names[1].cluster() }
    }

    /// The names that an endpoint has its name from, and what it is there.
    pub(super) fn names_of(&self, id: PartyId) -> (&Names<'a>, Endpoint) {
        self.names_of_party(self.difference.parties[id])
    }

    fn names_of_party(&self, party: Party) -> (&Names<'a>, Endpoint) {
        (&self.names[usize::from(party.presence != Presence::Vanished)], party.endpoint)
    }

    pub(super) fn presence(&self, id: PartyId) -> Presence {
        self.difference.parties[id].presence
    }

    /// The inputs that have both ends of a box.
    fn presence_of(&self, found: &ChangeBox) -> Presence {
        self.presence(found.from()[0]).max(self.presence(found.to()[0]))
    }

    /// The level of endpoints: `pod`, `workload` or `namespace`.
    const fn level(&self) -> &'static str {
        match self.difference.by {
            By::Pod => "pod",
            By::Workload => "workload",
            By::Namespace => "namespace",
        }
    }

    /// `12 pairs of pods newly allowed, 3 newly denied`.
    pub(super) fn headline(&self) -> String {
        let pairs = &self.difference.pairs;
        let counts: Vec<String> = [
            (pairs.allowed, "newly allowed"),
            (pairs.denied, "newly denied"),
            (pairs.unknown, "newly unknown"),
        ]
        .iter()
        .filter(|(number, _)| *number > 0)
        .enumerate()
        .map(|(i, (number, what))| match (i, number) {
            (0, 1) => format!("1 pair of pods {what}"),
            (0, _) => format!("{number} pairs of pods {what}"),
            _ => format!("{number} {what}"),
        })
        .collect();
        let profile = self.profile.name();
        if !counts.is_empty() {
            format!("{} (CNI profile {profile})", counts.join(", "))
        } else if self.difference.is_empty() {
            format!("No difference: the same connections are allowed (CNI profile {profile})")
        } else {
            format!("No pair of pods changed, but other connections did (CNI profile {profile})")
        }
    }

    /// Remarks beside the changes.
    fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        let (came, went) = self.difference.replicas;
        for (number, what) in [(came, "came"), (went, "went")] {
            if number > 0 {
                let pods = count(number, "pod", "pods");
                remarks.push(format!("{pods} {what} with workloads that stay; the counts leave them out"));
            }
        }
        let difference = self.difference;
        if difference.count() == 0 && !difference.is_empty() && difference.from_nodes.is_empty() {
            let level = self.level();
            remarks.push(format!(
                "only some pods of a {level} changed, which does not show by {level}; `--by pod` shows it"
            ));
        }
        remarks
    }

    /// `NetworkPolicy shop/web changed`, and where it stands.
    pub(super) fn cause(&self, id: CauseId) -> (String, Option<String>) {
        let cause = &self.difference.causes[id];
        let edit = match (cause.edit, &*cause.object.kind) {
            (Edited::Added, "Namespace") => "is declared",
            (Edited::Removed, "Namespace") => "is no longer declared",
            (Edited::Changed, "Namespace") => "has other labels",
            (Edited::Added, _) => "is new",
            (Edited::Removed, _) => "is gone",
            (Edited::Changed, _) => "changed",
        };
        let place = self.places[id].as_ref().map(|at| format!("{}:{}", at.source, at.line));
        (format!("{} {edit}", cause.object), place)
    }
}

/// The formats a difference has; pages are the business of [`super::page`].
pub const FORMATS: &[Format] = &[
    Format::Table,
    Format::Wide,
    Format::Json,
    Format::Yaml,
    Format::Ndjson,
    Format::Csv,
    Format::Markdown,
    Format::Svg,
    Format::Html,
];

/// The most rows, and the most columns, of a picture.
pub const LARGEST_PICTURE: usize = super::svg::table::LARGEST;

/// Writes a difference; Markdown has at most `limit` bytes, and a picture needs the table.
pub fn write(
    format: Format,
    report: &Report<'_>,
    limit: usize,
    palette: Palette,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Table => text::write(report, Detail::Short, palette, out),
        Format::Wide => text::write(report, Detail::Wide, palette, out),
        Format::Json => document::json(report, out),
        Format::Yaml => document::yaml(report, out),
        Format::Ndjson => rows::ndjson(report, out),
        Format::Csv => rows::csv(report, out),
        Format::Markdown => out.write_all(markdown::markdown(report, limit).as_bytes()),
        Format::Svg => match report.table {
            Some(table) => out.write_all(svg::draw(report, table).as_bytes()),
            None => Err(io::ErrorKind::InvalidInput.into()),
        },
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// The word for a change, by whether anything was, and is, listed.
fn change_word(before: &Carried, after: &Carried) -> &'static str {
    match (before.is_nothing(), after.is_nothing()) {
        (true, _) => "added",
        (_, true) => "removed",
        _ => "changed",
    }
}

/// The word for what became of an object.
const fn edit_word(edit: Edited) -> &'static str {
    match edit {
        Edited::Added => "added",
        Edited::Removed => "removed",
        Edited::Changed => "changed",
    }
}

fn carried_text(carried: &Carried, most: usize) -> String {
    words(carried, |ports| ports_text(ports, most))
}

/// Ports, cut at a comma if there are many.
fn ports_text(ports: &PortSet, most: usize) -> String {
    let text = ports.to_string();
    if text.len() <= most {
        return text;
    }
    let cut = text[..most].rfind(',').unwrap_or(most);
    let rest = text[cut..].matches(',').count();
    format!("{} and {}", &text[..cut], count(rest as u64, "more range", "more ranges"))
}

/// A change as machine formats write it.
struct ChangeJson<'a, 'r> {
    report: &'r Report<'a>,
    change: &'r crate::query::difference::Change,
}

impl Serialize for ChangeJson<'_, '_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        document::change(self.report, self.change, serializer)
    }
}
