//! Annotations of a GitHub workflow: lines that the runner reads from standard output.

use std::io::{self, Write};

use super::Report;
use crate::expect::Status;
use crate::render::text::Plain;

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    for case in report.cases() {
        let level = match case.ruling.status {
            Status::Passed => continue,
            Status::PassedWaived | Status::Waived => "warning",
            Status::Unknown | Status::Failed | Status::Expired => "error",
        };
        // The policy is what a review looks at; the test says where it stands in the message.
        let test = case.position();
        let at = case.responsible().map(|found| found.position).or_else(|| test.clone());
        let place =
            at.map_or_else(String::new, |at| format!("file={},line={},", property(&at.source), at.line));
        let from = test.map_or_else(String::new, |at| format!("\n{}:{}", at.source, at.line));
        let mut message = format!("{}{from}", case.message());
        if let Some(remedy) = case.remedy() {
            message.push_str("\nto deny it, ");
            message.push_str(&remedy);
        }
        let title = property(&case.test.name);
        writeln!(out, "::{level} {place}title={title}::{}", data(&message))?;
    }
    let counts = report.counts();
    writeln!(
        out,
        "::notice title=reachability tests::{} passed, {} failed, {} unknown, {} waived (cni {})",
        counts.passed,
        counts.failed,
        counts.unknown,
        counts.waived,
        report.profiles()
    )
}

/// A message: line feeds are our own, all else that cannot be printed is spelled out.
fn data(text: &str) -> String {
    let lines: Vec<String> =
        text.split('\n').map(|line| Plain(line).to_string().replace('%', "%25")).collect();
    lines.join("%0A")
}

/// The value of a property.
fn property(text: &str) -> String {
    data(&text.replace('\n', " ")).replace(':', "%3A").replace(',', "%2C")
}
