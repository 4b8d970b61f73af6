//! Differences from a lock file, in words.

use std::fmt::Write as _;

use crate::net::PortSet;
use crate::query::because::Because;
use crate::render::because::Notes;
use crate::render::carried::words;
use crate::render::endpoint::describe_addresses;
use crate::render::explain::Context;
use crate::render::style::Palette;
use crate::render::text::{Markdown, Plain, count, painted_columns};
use crate::snapshot::{Carried, Change, FailOn, Place};

/// The result of a check.
#[derive(Clone, Debug)]
pub struct Checked<'a> {
    /// The lock file.
    pub file: String,
    /// The changes, with the policies behind each of them now.
    pub changes: Vec<(Change, Option<Because>)>,
    /// The kind of change that fails the check.
    pub fail_on: FailOn,
    /// The cluster and the profile, with a way to find where policies stand.
    pub context: &'a Context<'a>,
}

/// The sign of a change to a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Added,
    Removed,
    Changed,
}

impl Sign {
    fn of(change: &Change) -> Self {
        if change.before.is_nothing() {
            Self::Added
        } else if change.after.is_nothing() {
            Self::Removed
        } else {
            Self::Changed
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "+",
            Self::Removed => "-",
            Self::Changed => "~",
        }
    }
}

impl Checked<'_> {
    /// Number of changes that fail the check.
    pub fn failures(&self) -> usize {
        self.changes.iter().filter(|(change, _)| self.fail_on.counts(change)).count()
    }

    /// `2 connections added, 1 removed`.
    fn headline(&self) -> String {
        if self.changes.is_empty() {
            return format!("{} is up to date", self.file);
        }
        let number = |sign| self.changes.iter().filter(|(change, _)| Sign::of(change) == sign).count() as u64;
        let parts: Vec<String> =
            [(Sign::Added, "added"), (Sign::Removed, "removed"), (Sign::Changed, "changed")]
                .into_iter()
                .filter(|(sign, _)| number(*sign) > 0)
                .map(|(sign, word)| format!("{} {word}", count(number(sign), "connection", "connections")))
                .collect();
        format!("{}: {}", self.file, parts.join(", "))
    }

    /// Advice on how to record the changes; `None` without changes.
    fn way_out(&self) -> Option<String> {
        if self.changes.is_empty() {
            return None;
        }
        let fail_on = match self.fail_on {
            FailOn::NewAllow => "new-allow",
            FailOn::RemovedAllow => "removed-allow",
            FailOn::Any => "any",
        };
        Some(match self.failures() {
            0 => {
                format!("none of it fails with --fail-on {fail_on}; `podreach snapshot --update` records it")
            }
            _ => "if this is meant, `podreach snapshot --update` records it".into(),
        })
    }
}

fn name(place: &Place) -> String {
    match place {
        Place::Workload { namespace, name, .. } => format!("{namespace}/{name}"),
        Place::Outside(family, addresses) => describe_addresses(*family, addresses),
    }
}

fn carried(carried: &Carried) -> String {
    words(carried, PortSet::to_string)
}

/// `5432/TCP`, `5432/TCP, was nothing`.
fn what(change: &Change) -> String {
    match Sign::of(change) {
        Sign::Added => carried(&change.after),
        Sign::Removed => carried(&change.before),
        Sign::Changed => format!("{}, before {}", carried(&change.after), carried(&change.before)),
    }
}

/// For a terminal.
pub fn text(checked: &Checked<'_>, palette: Palette) -> String {
    let mut out = String::new();
    let mut line = |text: String| writeln!(out, "{text}").expect("writing to a string cannot fail");
    line(palette.heading(Plain(&checked.headline())));
    let mut notes = Notes::default();
    let rows: Vec<Vec<String>> = checked
        .changes
        .iter()
        .map(|(change, because)| {
            let pair =
                format!("{} {} -> {}", Sign::of(change).as_str(), name(&change.from), name(&change.to));
            let marks = because
                .as_ref()
                .map(|because| format!("[{}]", notes.marks(checked.context, because)))
                .unwrap_or_default();
            vec![Plain(&pair).to_string(), Plain(&what(change)).to_string(), marks]
        })
        .collect();
    if !rows.is_empty() {
        line(String::new());
    }
    let painted =
        painted_columns(&rows, |row, column, cell| match (column, Sign::of(&checked.changes[row].0)) {
            (2, _) => palette.faint(cell),
            (_, Sign::Added) => palette.allowed(cell),
            (_, Sign::Removed) => palette.denied(cell),
            (_, Sign::Changed) => palette.doubtful(cell),
        });
    for text in painted {
        line(format!("  {text}"));
    }
    let notes = notes.lines();
    if !notes.is_empty() {
        line(format!("\n{}", palette.heading("Why, as it is now [egress, ingress]")));
        let rows: Vec<Vec<String>> =
            notes.iter().map(|[mark, text]| vec![mark.clone(), Plain(text).to_string()]).collect();
        for text in painted_columns(&rows, |_, _, cell| cell.to_owned()) {
            line(format!("  {text}"));
        }
    }
    if let Some(way_out) = checked.way_out() {
        line(format!("\n{way_out}"));
    }
    out
}

/// As Markdown.
pub fn markdown(checked: &Checked<'_>) -> String {
    let mut out = String::new();
    let mut line = |text: String| writeln!(out, "{text}").expect("writing to a string cannot fail");
    line(format!("### {}\n", Markdown(&checked.headline())));
    if checked.changes.is_empty() {
        return out;
    }
    line("| | from | to | ports | why |\n|---|---|---|---|---|".into());
    let mut notes = Notes::default();
    for (change, because) in &checked.changes {
        let marks = because.as_ref().map(|because| notes.marks(checked.context, because)).unwrap_or_default();
        line(format!(
            "| {} | {} | {} | {} | {} |",
            Markdown(Sign::of(change).as_str()),
            Markdown(&name(&change.from)),
            Markdown(&name(&change.to)),
            Markdown(&what(change)),
            Markdown(&marks)
        ));
    }
    let notes = notes.lines();
    if !notes.is_empty() {
        line("\nWhy, as it is now (egress, ingress):\n".into());
        for [mark, text] in &notes {
            line(format!("- {}: {}", Markdown(mark), Markdown(text)));
        }
    }
    out
}
