//! The counts, in every format.

use std::io::{self, Write};

use serde::Serialize;

use super::Report;
use crate::query::{PodPairs, Summary};
use crate::render::json;
use crate::render::style::Palette;
use crate::render::text::count;

/// The counts under the names that machine formats give them.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SummaryJson {
    pods: u64,
    workloads: u64,
    namespaces: u64,
    policies: u64,
    classes: u64,
    pod_pairs: PodPairsJson,
}

#[derive(Clone, Copy, Serialize)]
struct PodPairsJson {
    total: u128,
    open: u128,
    some: u128,
    none: u128,
    unknown: u128,
}

impl SummaryJson {
    pub(super) fn of(summary: &Summary) -> Self {
        let &Summary { pods, workloads, namespaces, policies, classes, pod_pairs } = summary;
        let PodPairs { total, open, some, none, unknown } = pod_pairs;
        let pod_pairs = PodPairsJson { total, open, some, none, unknown };
        Self { pods, workloads, namespaces, policies, classes, pod_pairs }
    }
}

/// The counts as one JSON object on one line.
pub(super) fn ndjson(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    json::to_writer(out, &SummaryJson::of(summary))?;
    out.write_all(b"\n")
}

/// A header and one record.
pub(super) fn csv(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let Summary { pods, workloads, namespaces, policies, classes, pod_pairs } = summary;
    let PodPairs { total, open, some, none, unknown } = pod_pairs;
    writeln!(out, "pods,workloads,namespaces,policies,classes,podPairs,open,some,none,unknown")?;
    writeln!(
        out,
        "{pods},{workloads},{namespaces},{policies},{classes},{total},{open},{some},{none},{unknown}"
    )
}

/// `5 pods in 3 workloads, 1 namespace; 5 policies; CNI profile spec`.
pub(super) fn headline(report: &Report<'_>) -> String {
    let summary = &report.summary;
    format!(
        "{} in {}, {}; {}; CNI profile {}",
        count(summary.pods, "pod", "pods"),
        count(summary.workloads, "workload", "workloads"),
        count(summary.namespaces, "namespace", "namespaces"),
        count(summary.policies, "policy", "policies"),
        report.profile.name()
    )
}

/// The kinds of pod pairs with their counts, and what each means.
pub(super) fn pairs(pairs: &PodPairs) -> [(u128, &'static str); 4] {
    [
        (pairs.open, "open: every port of every protocol is allowed"),
        (pairs.some, "some: at least one port is allowed"),
        (pairs.none, "none: no port is allowed"),
        (pairs.unknown, "unknown: the input does not decide at least one port"),
    ]
}

/// For people.
pub(super) fn text(report: &Report<'_>, palette: Palette, out: &mut dyn Write) -> io::Result<()> {
    let summary = &report.summary;
    writeln!(out, "{}", palette.heading(headline(report)))?;
    writeln!(out, "{}", classes(summary))?;
    writeln!(out, "{} ordered pairs of distinct pods:", summary.pod_pairs.total)?;
    let wide = summary.pod_pairs.total.to_string().len();
    for (number, meaning) in pairs(&summary.pod_pairs) {
        writeln!(out, "  {number:>wide$}  {meaning}")?;
    }
    Ok(())
}

fn classes(summary: &Summary) -> String {
    format!("{} of pods that no policy tells apart", count(summary.classes, "class", "classes"))
}

/// A table for a pull request.
pub(super) fn markdown(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}; {}\n", headline(report), classes(&report.summary))?;
    writeln!(out, "| ordered pod pairs | |\n|---:|---|")?;
    for (number, meaning) in pairs(&report.summary.pod_pairs) {
        writeln!(out, "| {number} | {meaning} |")?;
    }
    Ok(())
}
