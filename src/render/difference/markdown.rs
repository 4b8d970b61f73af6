//! A difference as a comment on a pull request: the counts, the warnings, and as many changes as there is room for.

use std::fmt::{self, Write as _};

use super::names::Naming;
use super::text::mark;
use super::{Report, carried_text};
use crate::query::difference::{ChangeBox, PartyId, Presence};
use crate::render::text::{Markdown, count};

/// The most rows that stand open; more are folded away.
const OPEN: usize = 12;

/// The most names of a namespace in a cell, and the most characters of ports.
const NAMES: usize = 12;
const PORTS: usize = 120;

/// Bytes that are kept free for the end of the text.
const RESERVE: usize = 1000;

const HEAD: &str = "\n| | from | to | ports | before | because |\n|---|---|---|---|---|---|\n";

/// The text, of at most `limit` bytes.
pub(super) fn markdown(report: &Report<'_>, limit: usize) -> String {
    let mut text = format!("## {}\n", Markdown(&report.headline()));
    let edits: Vec<String> = report.edits.iter().map(|edit| format!("- {}", Markdown(edit))).collect();
    let room = limit.saturating_sub(RESERVE);
    let list = |text: &mut String, heading: &str, items: &[String]| {
        for (i, item) in items.iter().enumerate() {
            if text.len() + item.len() > room / 2 {
                push(text, format_args!("- and {} more\n", items.len() - i));
                return;
            }
            if i == 0 {
                push(text, format_args!("\n### {heading}\n\n"));
            }
            text.push_str(item);
            text.push('\n');
        }
    };
    list(&mut text, "What if", &edits);
    list(&mut text, "Warnings", &report.told().markdown(report.warnings));
    let naming = Naming::new(report);
    let boxes = &report.difference.boxes;
    let mut shown = 0;
    for (i, found) in boxes.iter().enumerate() {
        let row = row(report, &naming, found);
        if text.len() + row.len() + HEAD.len() > room {
            break;
        }
        if i == 0 {
            text.push_str(HEAD);
        }
        if i == OPEN && boxes.len() > OPEN + 1 {
            let rest = count((boxes.len() - OPEN) as u64, "more change", "more changes");
            push(&mut text, format_args!("\n<details><summary>{rest}</summary>\n{HEAD}"));
        }
        text.push_str(&row);
        shown = i + 1;
    }
    if shown > OPEN && boxes.len() > OPEN + 1 {
        text.push_str("\n</details>\n");
    }
    if shown < boxes.len() {
        let rest = boxes.len() - shown;
        let all = count(boxes.len() as u64, "change", "changes");
        push(
            &mut text,
            format_args!(
                "\n**Shortened to fit: {rest} of {all} are not shown.** The whole is in `-o wide` and `-o json`.\n"
            ),
        );
    }
    let notes: Vec<String> = report
        .remarks()
        .into_iter()
        .chain(report.notes.iter().map(|note| {
            let help = note.diagnostic.help.as_ref().map(|help| format!("; {help}"));
            format!("{}{}", note.diagnostic.message, help.unwrap_or_default())
        }))
        .map(|note| format!("- {}", Markdown(&note)))
        .collect();
    if text.len() + notes.iter().map(|note| note.len() + 1).sum::<usize>() + RESERVE / 4 < limit {
        list(&mut text, "Notes", &notes);
    }
    text
}

fn push(text: &mut String, what: fmt::Arguments<'_>) {
    text.write_fmt(what).expect("writing to a string cannot fail");
}

fn row(report: &Report<'_>, naming: &Naming<'_, '_>, found: &ChangeBox) -> String {
    let names = |parties: &[PartyId]| Markdown(&naming.list(parties, NAMES).join(", ")).to_string();
    let carried = |id| {
        let carried = &report.difference.carried[id];
        if carried.is_nothing() { String::new() } else { carried_text(carried, PORTS) }
    };
    let presence = report.presence_of(found);
    let causes: Vec<String> = match found.because {
        Some(because) => report
            .difference
            .because(because)
            .iter()
            .map(|&cause| {
                let (what, place) = report.cause(cause);
                let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
                Markdown(&format!("{what}{place}")).to_string()
            })
            .collect(),
        None if presence == Presence::Appeared => vec![format!("a {} is new", report.level())],
        None => vec![format!("a {} is gone", report.level())],
    };
    format!(
        "| `{}` | {} | {} | {} | {} | {} |\n",
        mark(found.sign),
        names(found.from()),
        names(found.to()),
        carried(found.after),
        carried(found.before),
        causes.join("<br>")
    )
}
