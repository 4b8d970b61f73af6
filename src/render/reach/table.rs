//! `reach` as text: by hops, then by namespace, a line for each workload; the reasons below, by number.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Report;
use crate::query::reach::Found;
use crate::render::because::Notes;
use crate::render::style::Palette;
use crate::render::text::{Markdown, Plain, count, painted_columns};

/// The most workloads that a section spells out when it is short.
const LINES: usize = 40;

/// The most addresses that a section spells out when it is short.
const RANGES: usize = 12;

/// The things found after equally many hops, by namespace; those outside the cluster come last.
type Section<'a> = (Option<usize>, Vec<(Option<String>, Vec<&'a Found>)>);

fn sections<'a>(report: &Report<'a>) -> Vec<Section<'a>> {
    let mut by_hops: BTreeMap<usize, BTreeMap<(bool, String), Vec<&Found>>> = BTreeMap::new();
    for found in &report.answer.found {
        let hops = found.sure.as_ref().map_or(usize::MAX, |chain| chain.0.len());
        let namespace = report.names.namespace(found.endpoint);
        let key = (namespace.is_none(), namespace.unwrap_or_default().to_owned());
        by_hops.entry(hops).or_default().entry(key).or_default().push(found);
    }
    let named = |((is_outside, name), found): ((bool, String), Vec<&'a Found>)| {
        ((!is_outside).then_some(name), found)
    };
    by_hops
        .into_iter()
        .map(|(hops, namespaces)| {
            ((hops != usize::MAX).then_some(hops), namespaces.into_iter().map(named).collect())
        })
        .collect()
}

pub(super) fn text(report: Report<'_>, wide: bool, palette: Palette) -> String {
    let mut out = String::new();
    let mut line = |text: String| writeln!(out, "{text}").expect("writing to a string cannot fail");
    line(palette.heading(Plain(&report.title())));
    line(Plain(&report.summary()).to_string());
    for note in &report.answer.question.target.notes {
        line(palette.faint(format_args!("note: {}", Plain(note))));
    }
    let sections = sections(&report);
    let mut notes = Notes::default();
    let simple = report.answer.question.hops == 1 && sections.iter().all(|(hops, _)| hops.is_some());
    let mut cut = false;
    for (hops, namespaces) in &sections {
        let indent = if simple {
            line(String::new());
            ""
        } else {
            line(format!("\n{}", palette.heading(Report::heading(*hops))));
            "  "
        };
        let inside = namespaces.iter().filter(|(namespace, _)| namespace.is_some());
        let size: usize = inside.map(|(_, found)| found.len()).sum();
        let counts_only = !wide && size > LINES;
        cut |= counts_only;
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut doubtful: Vec<bool> = Vec::new();
        for (namespace, found) in namespaces {
            let Some(name) = namespace else {
                rows.push(vec!["outside".into()]);
                doubtful.push(false);
                let shown = if wide { found.len() } else { found.len().min(RANGES) };
                push(&report, &found[..shown], &mut notes, &mut rows, &mut doubtful);
                if shown < found.len() {
                    rows.push(vec![format!("  and {} more sets of addresses", found.len() - shown)]);
                    doubtful.push(false);
                    cut = true;
                }
                continue;
            };
            if counts_only {
                rows.push(vec![Plain(name).to_string(), count(found.len() as u64, "workload", "workloads")]);
                doubtful.push(false);
            } else {
                rows.push(vec![Plain(name).to_string()]);
                doubtful.push(false);
                push(&report, found, &mut notes, &mut rows, &mut doubtful);
            }
        }
        let lines = painted_columns(&rows, |row, column, cell| match column {
            1 if rows[row].len() > 2 && doubtful[row] => palette.doubtful(cell),
            1 if rows[row].len() > 2 => palette.allowed(cell),
            2 | 3 => palette.faint(cell),
            _ => cell.to_owned(),
        });
        for text in lines {
            line(format!("{indent}{text}"));
        }
    }
    if cut {
        line(palette.faint("\n-o wide lists all of it; -n NAMESPACE what is in one namespace"));
    }
    let notes = notes.lines();
    if !notes.is_empty() {
        line(format!("\n{}", palette.heading("Why [egress, ingress]")));
        let rows: Vec<Vec<String>> =
            notes.iter().map(|[mark, text]| vec![mark.clone(), Plain(text).to_string()]).collect();
        for text in painted_columns(&rows, |_, _, cell| cell.to_owned()) {
            line(format!("  {text}"));
        }
    }
    out
}

/// A line for each thing found: its name, its ports, the chain if it has one, the marks of the reasons.
fn push(
    report: &Report<'_>,
    found: &[&Found],
    notes: &mut Notes,
    rows: &mut Vec<Vec<String>>,
    doubtful: &mut Vec<bool>,
) {
    for found in found {
        let chain = found.chain();
        let share = match Report::share(found) {
            share if share.is_empty() => share,
            share => format!(" ({share})"),
        };
        let name = format!("  {}{}", Plain(&report.names.short(found.endpoint)), Plain(&share));
        let mut row = vec![name, Plain(&report.ports(found)).to_string()];
        let mut marks =
            |hop: usize| format!(" [{}]", notes.marks(report.context, &report.answer.hops[hop].because));
        row.push(marks(report.hops(chain).0).trim_start().to_owned());
        row.push(Plain(&report.via(chain, &mut marks)).to_string());
        rows.push(row);
        doubtful.push(found.sure.is_none());
        if let (Some(_), Some(perhaps)) = (&found.sure, &found.perhaps) {
            let hops = count(perhaps.0.len() as u64, "hop", "hops");
            let last = marks(report.hops(perhaps).0).trim_start().to_owned();
            let via = Plain(&report.via(perhaps, &mut marks)).to_string();
            rows.push(vec![String::new(), format!("perhaps in {hops}"), last, via]);
            doubtful.push(true);
        }
    }
}

pub(super) fn markdown(report: Report<'_>) -> String {
    let mut out = String::new();
    let mut line = |text: String| writeln!(out, "{text}").expect("writing to a string cannot fail");
    line(format!("### {}\n", Markdown(&report.title())));
    line(format!("{}.", Markdown(&report.summary())));
    let mut notes = Notes::default();
    for (hops, namespaces) in sections(&report) {
        line(format!("\n#### {}\n", Markdown(&Report::heading(hops))));
        line("| namespace | workload | ports | through | why |".into());
        line("|---|---|---|---|---|".into());
        for (namespace, found) in namespaces {
            for found in found {
                let chain = found.chain();
                let mut marks = |hop: usize| {
                    format!(" ({})", notes.marks(report.context, &report.answer.hops[hop].because))
                };
                let why = marks(report.hops(chain).0);
                let why = why.trim_start_matches(" (").trim_end_matches(')');
                let via = report.via(chain, &mut marks);
                let share = match Report::share(found) {
                    share if share.is_empty() => share,
                    share => format!(" ({share})"),
                };
                line(format!(
                    "| {} | {}{} | {} | {} | {} |",
                    Markdown(namespace.as_deref().unwrap_or("outside")),
                    Markdown(&report.names.short(found.endpoint)),
                    Markdown(&share),
                    Markdown(&report.ports(found)),
                    Markdown(&via),
                    Markdown(why),
                ));
            }
        }
    }
    let notes = notes.lines();
    if !notes.is_empty() {
        line("\nWhy (egress, ingress):\n".into());
        for [mark, text] in &notes {
            line(format!("- {}: {}", Markdown(mark), Markdown(text)));
        }
    }
    out
}
