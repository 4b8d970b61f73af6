//! The matrix for people at a terminal: what matters first, a grid if there is room for one, then lists.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::groups::{Connection, Group, Groups, Naming, group};
use super::{Flows, Report, grid, summary};
use crate::net::PortSet;
use crate::query::{EndpointFacts, Isolation};
use crate::render::carried::words;
use crate::render::style::Palette;
use crate::render::text::{Detail, LINE, Plain, columns, count, width, wrapped};

/// The most names a list has when it is short.
const NAMES: usize = 12;

/// The most characters a list of ports has when it is short.
const PORTS: usize = 60;

/// Writes the matrix.
pub(super) fn write(
    report: &Report<'_>,
    flows: &dyn Flows,
    detail: Detail,
    palette: Palette,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{}", palette.heading(summary::headline(report)))?;
    if report.summary.pods == 0 {
        return writeln!(out, "No pods: nothing can reach anything.");
    }
    writeln!(out, "{}", pairs(report))?;
    let groups = group(report, flows, grid::LARGEST)?;
    if report.endpoints.len() <= grid::LARGEST {
        for (i, line) in grid::draw(report, &groups, palette).into_iter().enumerate() {
            writeln!(out, "{}{line}", if i == 0 { "\n" } else { "" })?;
        }
    }
    let naming = Naming::new(report);
    if detail == Detail::Wide {
        endpoints(report, palette, out)?;
    } else {
        isolation(report, &naming, palette, out)?;
    }
    connections(&groups, &naming, detail, palette, out)?;
    notes(report, palette, out)
}

/// Writes the notes that the answer depends on, and those on what policies say for nothing.
fn notes(report: &Report<'_>, palette: Palette, out: &mut dyn Write) -> io::Result<()> {
    for (i, note) in super::remarks(report).enumerate() {
        if i == 0 {
            writeln!(out, "\n{}", palette.heading("Notes"))?;
        }
        let place = note.position.as_ref().map(|at| format!(" ({}:{})", at.source, at.line));
        writeln!(out, "  {}{}", Plain(&note.diagnostic.message), Plain(&place.unwrap_or_default()))?;
        if let Some(help) = &note.diagnostic.help {
            writeln!(out, "    {}", palette.faint(Plain(help)))?;
        }
    }
    Ok(())
}

/// `20 ordered pairs of pods: 4 open, 2 on some ports, 14 closed`.
fn pairs(report: &Report<'_>) -> String {
    let pairs = &report.summary.pod_pairs;
    let kinds = [
        (pairs.open, "open"),
        (pairs.some, "on some ports"),
        (pairs.none, "closed"),
        (pairs.unknown, "unknown"),
    ];
    let kinds: Vec<String> = kinds
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, kind)| format!("{number} {kind}"))
        .collect();
    if kinds.is_empty() {
        return "One pod, so no pairs of pods".to_owned();
    }
    let why = if pairs.unknown > 0 { "; `podreach explain FROM TO:PORT` says why" } else { "" };
    format!("{} ordered pairs of pods: {}{why}", pairs.total, kinds.join(", "))
}

/// Writes the isolation of endpoints, by direction.
fn isolation(
    report: &Report<'_>,
    naming: &Naming<'_, '_>,
    palette: Palette,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut states: BTreeMap<(Isolation, Isolation), Vec<usize>> = BTreeMap::new();
    for (position, facts) in report.endpoints.iter().enumerate().filter(|(_, facts)| facts.pods > 0) {
        states.entry((facts.isolation.ingress, facts.isolation.egress)).or_default().push(position);
    }
    if states.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", palette.heading("Isolation"))?;
    for ((ingress, egress), positions) in states {
        let state = if ingress == egress {
            format!("ingress and egress {}", state(ingress))
        } else {
            format!("ingress {}, egress {}", state(ingress), state(egress))
        };
        let doubtful =
            [ingress, egress].contains(&Isolation::Open) || [ingress, egress].contains(&Isolation::Unknown);
        writeln!(out, "  {}", if doubtful { palette.doubtful(state) } else { state })?;
        for line in wrapped(&shortened(naming, positions, Detail::Short), LINE - 4) {
            writeln!(out, "    {line}")?;
        }
    }
    Ok(())
}

/// The words for an isolation.
const fn state(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::Open => "open (no policy restricts it)",
        Isolation::Mixed => "isolated for some of the pods",
        Isolation::Isolated => "isolated",
        Isolation::Unknown => "unknown",
        Isolation::Exempt => "never isolated (hostNetwork)",
        Isolation::Ruled => "open but for what cluster-wide policies deny",
    }
}

/// Every endpoint within the cluster with what is known of it.
fn endpoints(report: &Report<'_>, palette: Palette, out: &mut dyn Write) -> io::Result<()> {
    let head = ["NAME", "KIND", "PODS", "INGRESS", "EGRESS", "LABELS"].map(String::from).to_vec();
    let rows = report.endpoints.iter().filter(|facts| facts.pods > 0).map(|facts| {
        vec![
            Plain(&report.names.full(facts.endpoint)).to_string(),
            Plain(report.names.kind(facts.endpoint)).to_string(),
            facts.pods.to_string(),
            super::row::isolation(facts.isolation.ingress).to_owned(),
            super::row::isolation(facts.isolation.egress).to_owned(),
            labels(report, facts),
        ]
    });
    let lines = columns(&std::iter::once(head).chain(rows).collect::<Vec<_>>());
    writeln!(out)?;
    for (i, line) in lines.into_iter().enumerate() {
        writeln!(out, "{}", if i == 0 { palette.heading(line) } else { line })?;
    }
    Ok(())
}

fn labels(report: &Report<'_>, facts: &EndpointFacts) -> String {
    let labels: Vec<String> = report
        .names
        .labels(facts.endpoint)
        .into_iter()
        .map(|(key, value)| {
            format!("{}={}", Plain(key), value.map_or("?".to_owned(), |v| Plain(v).to_string()))
        })
        .collect();
    if labels.is_empty() { "<none>".to_owned() } else { labels.join(",") }
}

/// Writes the allowed connections, with their ports.
fn connections(
    groups: &Groups,
    naming: &Naming<'_, '_>,
    detail: Detail,
    palette: Palette,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "\n{}", palette.heading("Connections"))?;
    if groups.groups.is_empty() {
        return writeln!(out, "  {}", palette.denied("none: nothing is allowed"));
    }
    for Group { sources, reached } in &groups.groups {
        for line in wrapped(&shortened(naming, sources.iter(), detail), LINE - 2) {
            writeln!(out, "  {line}")?;
        }
        let lines: Vec<(&Connection, Vec<String>)> = reached
            .iter()
            .map(|(connection, to)| (connection, wrapped(&shortened(naming, to.iter(), detail), LINE / 2)))
            .collect();
        let wide = lines.iter().flat_map(|(_, names)| names).map(|name| width(name)).max().unwrap_or(0);
        for (connection, names) in lines {
            let ports = connection_text(connection, detail);
            let ports = if connection.open || !connection.carried.unknown.is_empty() {
                palette.doubtful(ports)
            } else {
                palette.allowed(ports)
            };
            for (i, name) in names.iter().enumerate() {
                match i {
                    0 => writeln!(out, "    -> {name}{:1$}  {ports}", "", wide - width(name))?,
                    _ => writeln!(out, "       {name}")?,
                }
            }
        }
    }
    Ok(())
}

/// Names as they are printed: escaped, and cut if there are many.
fn shortened(
    naming: &Naming<'_, '_>,
    positions: impl IntoIterator<Item = usize>,
    detail: Detail,
) -> Vec<String> {
    let most = detail.most(NAMES);
    cut(naming.list(positions, most), most)
}

fn cut(names: Vec<String>, most: usize) -> Vec<String> {
    let shown = if names.len() > most.saturating_add(1) { most } else { names.len() };
    let rest = names.len() - shown;
    let mut shown: Vec<String> = names.into_iter().take(shown).map(|name| Plain(&name).to_string()).collect();
    if rest > 0 {
        shown.push(format!("and {rest} more"));
    }
    shown
}

fn connection_text(connection: &Connection, detail: Detail) -> String {
    if connection.open {
        return "all ports (open: no policy restricts it)".to_owned();
    }
    words(&connection.carried, |ports| ports_text(ports, detail))
}

/// Ports, cut at a comma if there are many.
fn ports_text(ports: &PortSet, detail: Detail) -> String {
    let text = ports.to_string();
    if text.len() <= detail.most(PORTS) {
        return text;
    }
    let cut = text[..PORTS].rfind(',').unwrap_or(PORTS);
    let rest = text[cut..].matches(',').count();
    format!("{} and {}", &text[..cut], count(rest as u64, "more range", "more ranges"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Protocol;
    use crate::render::matrix::testing::{Shop, text};

    #[test]
    fn first_screen() {
        let shop = Shop::new();
        let report = shop.report();
        insta::assert_snapshot!(text(|out| write(
            &report,
            &Shop::flows(),
            Detail::Short,
            Palette::default(),
            out
        )));
    }

    #[test]
    fn wide_says_kinds_and_labels() {
        let shop = Shop::new();
        let report = shop.report();
        insta::assert_snapshot!(text(|out| write(
            &report,
            &Shop::flows(),
            Detail::Wide,
            Palette::default(),
            out
        )));
    }

    #[test]
    fn nothing_allowed_is_said() {
        let shop = Shop::new();
        let report = shop.report();
        let shown = text(|out| write(&report, &Vec::new(), Detail::Short, Palette::default(), out));
        assert!(shown.ends_with("Connections\n  none: nothing is allowed\n"), "{shown}");
    }

    #[test]
    fn many_ports_and_names_are_cut() {
        let ports = (1..100)
            .fold(PortSet::empty(), |set, n| set.union(&PortSet::from_range(Protocol::Tcp, n * 10, n * 10)));
        assert_eq!(
            ports_text(&ports, Detail::Short),
            "10/TCP, 20/TCP, 30/TCP, 40/TCP, 50/TCP, 60/TCP, 70/TCP and 92 more ranges"
        );
        let names: Vec<String> = (0..20).map(|n| format!("n{n}")).collect();
        assert_eq!(cut(names.clone(), NAMES).last().unwrap(), "and 8 more");
        assert_eq!(cut(names, usize::MAX).len(), 20);
    }
}
