//! A difference for people at a terminal: the counts, then few boxes with what is responsible.

use std::io::{self, Write};

use rustc_hash::FxHashMap;

use super::names::Naming;
use super::{Report, carried_text};
use crate::query::difference::{BecauseId, ChangeBox, PartyId, Presence, Sign};
use crate::render::style::Palette;
use crate::render::text::{Detail, LINE, Plain, padded, width, wrapped};

/// The columns that the ends of a box may have before its ports.
const ENDS: usize = 62;
/// The most boxes, names of a namespace, causes of a box, and characters of ports when it is short.
const BOXES: usize = 40;
const NAMES: usize = 8;
const CAUSES: usize = 4;
const PORTS: usize = 60;

/// Writes the difference.
pub(super) fn write(
    report: &Report<'_>,
    detail: Detail,
    palette: Palette,
    out: &mut dyn Write,
) -> io::Result<()> {
    if report.is_one_of_several {
        for edit in &report.edits {
            writeln!(out, "{}", palette.heading(Plain(edit)))?;
        }
    }
    writeln!(out, "{}", palette.heading(report.headline()))?;
    let naming = Naming::new(report);
    for (i, line) in report.told().text(report.warnings, palette).iter().enumerate() {
        writeln!(
            out,
            "{}  {line}",
            if i == 0 { format!("\n{}\n", palette.heading("Warnings")) } else { String::new() }
        )?;
    }
    let boxes = &report.difference.boxes;
    let shown = if boxes.len() > detail.most(BOXES) { BOXES } else { boxes.len() };
    let pages = Page { report, naming, detail, palette };
    let with =
        |presence: Presence| boxes[..shown].iter().filter(move |found| report.presence_of(found) == presence);
    for (sign, heading) in [
        (Sign::More, "Newly allowed"),
        (Sign::Less, "No longer allowed"),
        (Sign::Other, "Other ports than before"),
        (Sign::Unknown, "No longer certain"),
    ] {
        let found: Vec<&ChangeBox> = with(Presence::Stays).filter(|found| found.sign == sign).collect();
        pages.section(heading, &found, out)?;
    }
    for (presence, heading) in [(Presence::Appeared, "New"), (Presence::Vanished, "Gone")] {
        let found: Vec<&ChangeBox> = with(presence).collect();
        let parties: Vec<PartyId> = report
            .difference
            .came_and_went()
            .into_iter()
            .filter(|&id| report.presence(id) == presence)
            .collect();
        let names = wrapped(&pages.naming.list(&parties, detail.most(NAMES)), usize::MAX).concat();
        pages.section(&format!("{heading}: {names}"), &found, out)?;
    }
    if shown < boxes.len() {
        writeln!(out, "\n... and {} more lines; `-o wide` shows all", boxes.len() - shown)?;
    }
    pages.notes(out)
}

struct Page<'a, 'r> {
    report: &'r Report<'a>,
    naming: Naming<'a, 'r>,
    detail: Detail,
    palette: Palette,
}

impl Page<'_, '_> {
    fn section(&self, heading: &str, found: &[&ChangeBox], out: &mut dyn Write) -> io::Result<()> {
        if found.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{}", self.palette.heading(heading))?;
        // Boxes with the same causes stand together, in the order of the first of them.
        let mut by_cause: Vec<(Option<BecauseId>, Vec<&ChangeBox>)> = Vec::new();
        let mut places: FxHashMap<Option<BecauseId>, usize> = FxHashMap::default();
        for found in found {
            let place = *places.entry(found.because).or_insert(by_cause.len());
            if place == by_cause.len() {
                by_cause.push((found.because, Vec::new()));
            }
            by_cause[place].1.push(found);
        }
        for (because, boxes) in by_cause {
            self.boxes(&boxes, out)?;
            if let Some(because) = because {
                self.because(because, out)?;
            }
        }
        Ok(())
    }

    fn boxes(&self, boxes: &[&ChangeBox], out: &mut dyn Write) -> io::Result<()> {
        let lists: Vec<(Vec<String>, Vec<String>)> = boxes
            .iter()
            .map(|found| {
                let names = |parties: &[PartyId]| self.naming.list(parties, self.detail.most(NAMES));
                (names(found.from()), names(found.to()))
            })
            .collect();
        let one_line: Vec<Option<String>> = lists
            .iter()
            .map(|(from, to)| {
                let line = format!("{} -> {}", from.join(", "), to.join(", "));
                (width(&line) <= ENDS).then_some(line)
            })
            .collect();
        let wide = one_line.iter().flatten().map(|line| width(line)).max().unwrap_or(0);
        for ((found, (from, to)), line) in boxes.iter().zip(&lists).zip(&one_line) {
            let sign = self.paint(found.sign, mark(found.sign));
            let ports = self.paint(found.sign, &self.ports(found));
            if let Some(line) = line {
                writeln!(out, "  {sign} {}  {ports}", padded(line, wide))?;
                continue;
            }
            for (i, line) in wrapped(from, LINE - 4).iter().enumerate() {
                writeln!(out, "  {} {line}", if i == 0 { sign.clone() } else { " ".to_owned() })?;
            }
            for (i, line) in wrapped(to, LINE - 7).iter().enumerate() {
                writeln!(out, "    {} {line}", if i == 0 { "->" } else { "  " })?;
            }
            writeln!(out, "       {ports}")?;
        }
        Ok(())
    }

    /// The ports now, and those before if there were any.
    fn ports(&self, found: &ChangeBox) -> String {
        let carried = |id| carried_text(&self.report.difference.carried[id], self.detail.most(PORTS));
        let nothing = |id| self.report.difference.carried[id].is_nothing();
        match (nothing(found.before), nothing(found.after)) {
            (true, _) => carried(found.after),
            (_, true) => carried(found.before),
            _ => format!("{} (was {})", carried(found.after), carried(found.before)),
        }
    }

    fn because(&self, because: BecauseId, out: &mut dyn Write) -> io::Result<()> {
        let causes = self.report.difference.because(because);
        let most = self.detail.most(CAUSES);
        let shown = if causes.len() > most.saturating_add(1) { most } else { causes.len() };
        let mut items: Vec<String> = causes[..shown]
            .iter()
            .map(|&cause| {
                let (what, place) = self.report.cause(cause);
                let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
                Plain(&format!("{what}{place}")).to_string()
            })
            .collect();
        if shown < causes.len() {
            items.push(format!("and {} more", causes.len() - shown));
        }
        for (i, line) in wrapped(&items, LINE - 14).iter().enumerate() {
            let lead = if i == 0 { "because" } else { "       " };
            writeln!(out, "      {}", self.palette.faint(format!("{lead} {line}")))?;
        }
        Ok(())
    }

    fn notes(&self, out: &mut dyn Write) -> io::Result<()> {
        let remarks = self.report.remarks();
        if remarks.is_empty() && self.report.notes.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{}", self.palette.heading("Notes"))?;
        for remark in remarks {
            writeln!(out, "  {remark}")?;
        }
        for note in self.report.notes {
            let place = note.position.as_ref().map(|at| format!(" ({}:{})", at.source, at.line));
            writeln!(out, "  {}{}", Plain(&note.diagnostic.message), Plain(&place.unwrap_or_default()))?;
            if let Some(help) = &note.diagnostic.help {
                writeln!(out, "    {}", self.palette.faint(Plain(help)))?;
            }
        }
        Ok(())
    }

    fn paint(&self, sign: Sign, text: &str) -> String {
        match sign {
            Sign::More => self.palette.allowed(text),
            Sign::Less => self.palette.denied(text),
            Sign::Other | Sign::Unknown => self.palette.doubtful(text),
        }
    }
}

/// The sign of a box.
pub(super) const fn mark(sign: Sign) -> &'static str {
    match sign {
        Sign::More => "+",
        Sign::Less => "-",
        Sign::Other => "~",
        Sign::Unknown => "?",
    }
}
