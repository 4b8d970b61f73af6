//! The matrix as tables for a pull request.

use std::io::{self, Write};

use super::groups::{Connection, Naming, group};
use super::{Flows, Report, row, summary};
use crate::net::PortSet;
use crate::render::text::Markdown;

/// Writes the matrix.
pub(super) fn write(report: &Report<'_>, flows: &dyn Flows, out: &mut dyn Write) -> io::Result<()> {
    summary::markdown(report, out)?;
    let naming = Naming::new(report);
    writeln!(out, "\n### Isolation\n\n| | kind | pods | ingress | egress |\n|---|---|---:|---|---|")?;
    for facts in report.endpoints.iter().filter(|facts| facts.pods > 0) {
        writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            Markdown(&report.names.full(facts.endpoint)),
            Markdown(report.names.kind(facts.endpoint)),
            facts.pods,
            row::isolation(facts.isolation.ingress),
            row::isolation(facts.isolation.egress)
        )?;
    }
    writeln!(out, "\n### Allowed connections\n")?;
    let groups = group(report, flows, 0)?.groups;
    let has_restricted = groups
        .iter()
        .flat_map(|group| &group.reached)
        .any(|(connection, _)| !connection.carried.restricted.is_empty());
    if groups.is_empty() {
        writeln!(out, "None: no endpoint may reach another one.")?;
    } else {
        let restricted = ["", " restricted |"][usize::from(has_restricted)];
        let line = ["", "---|"][usize::from(has_restricted)];
        writeln!(
            out,
            "| from | to | allowed | between some of the pods | unknown |{restricted}\n|---|---|---|---|---|{line}"
        )?;
    }
    for group in &groups {
        let from = cell(&naming.list(group.sources.iter(), usize::MAX));
        for (Connection { carried, open }, to) in &group.reached {
            let open = if *open { " (open: no policy restricts it)" } else { "" };
            writeln!(
                out,
                "| {from} | {} | {}{open} | {} | {} |{}",
                cell(&naming.list(to.iter(), usize::MAX)),
                ports(&carried.ports),
                ports(&carried.some),
                ports(&carried.unknown),
                if has_restricted { format!(" {} |", ports(&carried.restricted)) } else { String::new() }
            )?;
        }
    }
    for (i, note) in super::remarks(report).enumerate() {
        if i == 0 {
            writeln!(out, "\n### Notes\n")?;
        }
        let help = note.diagnostic.help.as_ref().map(|help| format!("; {help}"));
        writeln!(out, "- {}{}", Markdown(&note.diagnostic.message), Markdown(&help.unwrap_or_default()))?;
    }
    Ok(())
}

/// Names in a cell.
fn cell(names: &[String]) -> String {
    names.iter().map(|name| Markdown(name).to_string()).collect::<Vec<_>>().join(", ")
}

fn ports(ports: &PortSet) -> String {
    if ports.is_empty() { String::new() } else { ports.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::matrix::testing::{Shop, text};

    #[test]
    fn tables() {
        let shop = Shop::new();
        insta::assert_snapshot!(text(|out| write(&shop.report(), &Shop::flows(), out)));
    }
}
