//! The Test Anything Protocol, version 14.

use std::io::{self, Write};

use serde::Serialize;

use super::{Case, Report};
use crate::expect::Status;
use crate::render::text::Plain;
use crate::yaml;

#[derive(Serialize)]
struct Details {
    expected: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiver: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
}

pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "TAP version 14\n1..{}", report.cases().count())?;
    for (number, case) in (1..).zip(report.cases()) {
        let ok =
            if matches!(case.ruling.status, Status::Passed | Status::PassedWaived) { "ok" } else { "not ok" };
        let name = format!("{}: {}", case.suite.file.name, case.test.name);
        // A waived failure is what the protocol calls something to do: it does not fail the run.
        let todo = match case.waived() {
            Some(waived) if case.ruling.status == Status::Waived => format!(" # TODO {}", escaped(&waived)),
            _ => String::new(),
        };
        writeln!(out, "{ok} {number} - {}{todo}", escaped(&name))?;
        if ok != "ok" {
            details(case, out)?;
        }
    }
    Ok(())
}

fn details(case: Case<'_>, out: &mut dyn Write) -> io::Result<()> {
    let safe = |text: String| Plain(&text).to_string();
    let details = Details {
        expected: safe(case.expected()),
        found: case.found().map(safe),
        waiver: case.waived().map(safe),
        at: case.position().map(|at| safe(format!("{}:{}", at.source, at.line))),
        policy: case.responsible().map(|found| {
            let (what, position) = (found.what(), found.position);
            safe(format!("{what} ({}:{})", position.source, position.line))
        }),
    };
    let text = yaml::to_string(&details).map_err(io::Error::other)?;
    writeln!(out, "  ---")?;
    for line in text.lines() {
        writeln!(out, "  {line}")?;
    }
    writeln!(out, "  ...")
}

/// A description: `#` would begin a directive.
fn escaped(text: &str) -> String {
    Plain(text).to_string().replace('\\', "\\\\").replace('#', "\\#")
}
