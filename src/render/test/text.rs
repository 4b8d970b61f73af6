//! Tests for people: a line each, what failed in full, and a summary.

use std::fmt::Write as _;

use super::{Case, Report};
use crate::expect::{Evidence, Status};
use crate::render::explain::{Mark, Outline, prove};
use crate::render::style::Palette;
use crate::render::text::{Markdown, Plain, count};

/// For a terminal.
pub(super) fn text(report: &Report<'_>, palette: Palette) -> String {
    let mut out = String::new();
    for (i, suite) in report.suites.iter().filter(|suite| !suite.rulings.is_empty()).enumerate() {
        let file = suite.at("").map_or_else(String::new, |at| format!("  {}", at.source));
        let head = format!("{}{}", palette.heading(Plain(&suite.file.name)), palette.faint(Plain(&file)));
        line(&mut out, if i > 0 { "\n" } else { "" }, &head);
        for case in suite.cases() {
            let waiver = match case.ruling.status {
                Status::Waived | Status::PassedWaived | Status::Expired => case.waived(),
                _ => None,
            };
            let waiver = waiver.map(|waiver| palette.faint(format_args!("  ({})", Plain(&waiver))));
            let name = Plain(&case.test.name);
            line(&mut out, "  ", &format!("{} {name}{}", word(case, palette), waiver.unwrap_or_default()));
        }
    }
    for case in report.cases().filter(|case| case.ruling.status.is_failure()) {
        failure(case, palette, &mut out);
    }
    line(&mut out, "\n", &summary(report, palette));
    out
}

/// The status of a test, in a column of its own.
fn word(case: Case<'_>, palette: Palette) -> String {
    match case.ruling.status {
        Status::Passed => palette.allowed("ok     "),
        Status::PassedWaived => palette.doubtful("ok     "),
        Status::Waived => palette.doubtful("waived "),
        Status::Unknown => palette.doubtful("unknown"),
        Status::Failed | Status::Expired => palette.denied("FAIL   "),
    }
}

fn failure(case: Case<'_>, palette: Palette, out: &mut String) {
    let title = palette.heading(Plain(&case.test.name));
    line(out, "\n", &format!("{} {title}", word(case, palette).trim_end()));
    if let Some(at) = case.position() {
        line(out, "  ", &palette.faint(format_args!("{}:{}", Plain(&at.source), at.line)));
    }
    line(out, "  ", &format!("expected: {}", Plain(&case.expected())));
    match case.found() {
        Some(found) => line(out, "  found:    ", &Plain(&found).to_string()),
        None => line(out, "  found:    ", "just that"),
    }
    if let (Status::Expired, Some(waiver)) = (case.ruling.status, case.waived()) {
        line(out, "  ", &Plain(&waiver).to_string());
    }
    let outline = proof(case);
    for text in outline.text(palette).lines() {
        line(out, if text.is_empty() { "" } else { "  " }, text);
    }
}

/// A failure in full, without colours, for formats that have room for it; safe to look at.
pub(super) fn plain_failure(case: Case<'_>) -> String {
    let mut out = String::new();
    failure(case, Palette::default(), &mut out);
    out.trim_start().to_owned()
}

/// The proof of the pair that is shown, and what could be done about it.
fn proof(case: Case<'_>) -> Outline {
    let mut outline = Outline::default();
    if let Some(Evidence::Pair(example)) = &case.ruling.outcome.evidence
        && example.answer.shown.family().is_some()
    {
        prove(&case.suite.context, &example.answer, &mut outline);
    }
    if let Some(remedy) = case.remedy() {
        outline.heading("Fix");
        outline.item(0, Mark::Plain, format!("to deny it, {remedy}"));
    }
    if !case.ruling.outcome.notes.is_empty() {
        outline.heading("Notes");
        for note in &case.ruling.outcome.notes {
            outline.item(0, Mark::Plain, note.clone());
        }
    }
    outline
}

fn summary(report: &Report<'_>, palette: Palette) -> String {
    let counts = report.counts();
    let mut parts: Vec<String> = Vec::new();
    let mut part = |number: usize, word: &str, paint: &dyn Fn(String) -> String| {
        if number > 0 {
            parts.push(paint(format!("{number} {word}")));
        }
    };
    part(counts.failed, "failed", &|text| palette.denied(text));
    part(counts.unknown, "unknown", &|text| palette.doubtful(text));
    part(counts.waived, "waived", &|text| palette.doubtful(text));
    part(counts.passed, "passed", &|text| palette.allowed(text));
    let tests = count(counts.tests as u64, "test", "tests");
    let left_out = match report.filtered_out {
        0 => String::new(),
        more => format!("; {more} left out by --filter"),
    };
    format!("{tests}: {}{left_out} (cni {})", parts.join(", "), report.profiles())
}

fn line(out: &mut String, indent: &str, text: &str) {
    writeln!(out, "{indent}{text}").expect("writing to a string cannot fail");
}

/// As Markdown.
pub(super) fn markdown(report: &Report<'_>) -> String {
    let mut out = String::new();
    line(&mut out, "## Reachability tests\n\n", &format!("{}\n", summary(report, Palette::default())));
    line(&mut out, "", "| result | test | where |\n|---|---|---|");
    for case in report.cases() {
        let word = word(case, Palette::default());
        let at = case.position().map_or_else(String::new, |at| format!("{}:{}", at.source, at.line));
        let name = match case.waived() {
            Some(waived) => format!("{} ({waived})", case.test.name),
            None => case.test.name.clone(),
        };
        line(&mut out, "", &format!("| {} | {} | {} |", word.trim_end(), Markdown(&name), Markdown(&at)));
    }
    for case in report.cases().filter(|case| case.ruling.status.is_failure()) {
        line(
            &mut out,
            "\n### ",
            &format!("{} {}\n", word(case, Palette::default()).trim_end(), Markdown(&case.test.name)),
        );
        line(&mut out, "- expected: ", &Markdown(&case.expected()).to_string());
        if let Some(found) = case.found() {
            line(&mut out, "- found: ", &Markdown(&found).to_string());
        }
        if let Some(waived) = case.waived() {
            line(&mut out, "- ", &Markdown(&waived).to_string());
        }
        let proof = proof(case).markdown();
        if !proof.is_empty() {
            line(&mut out, "\n<details><summary>why</summary>\n\n", &format!("{proof}\n</details>"));
        }
    }
    out
}
