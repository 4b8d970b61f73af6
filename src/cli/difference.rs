//! The common part of `diff` and `what-if`: comparing, writing, and the exit status.

use std::collections::BTreeSet;

use podreach::cluster::{Cluster, PodId};
use podreach::compile::Program;
use podreach::diagnostic::{Code, Diagnostic};
use podreach::diff;
use podreach::load::Sources;
use podreach::query::Matrix;
use podreach::query::difference::{self as query, Difference, Edited, Scope, Table};
use podreach::query::idle::{Idle, idle};
use podreach::query::unknowns::missing_facts;
use podreach::query::warnings::{Warning, warnings};
use podreach::render::diagnostic::Located;
use podreach::render::difference::{self as render, Report};
use podreach::render::style::Palette;
use podreach::render::{Format, notes};
use podreach::solve::solve;

use super::args::{DifferenceArgs, FailOn, Level};
use super::error::Failure;
use super::matrix::{shows_namespaces, unlisted_replicas};
use super::output::write_each;
use super::progress::{Progress, Stage};
use super::report::Page;
use super::settings::Settings;
use super::{ExitStatus, endpoint, say};

/// Two programs, and what differs.
pub(super) struct Compared<'p> {
    /// The changes that were made, as they were typed.
    edits: Vec<String>,
    programs: [&'p Program; 2],
    difference: Difference,
    /// The pods of the second input that it is about; `None` for all.
    about: Option<Vec<PodId>>,
    /// The same as a matrix, for a picture.
    table: Option<Table>,
    warnings: Vec<Warning>,
    notes: Vec<Diagnostic>,
    /// Findings about the second input.
    diagnostics: Vec<Diagnostic>,
}

/// Says so if a command cannot write one of its outputs.
pub(super) fn require(
    command: &str,
    formats: &[Format],
    args: &DifferenceArgs,
    settings: &Settings,
) -> Result<(), Failure> {
    settings.outputs.iter().try_for_each(|output| {
        output.require(command, formats)?;
        if output.format == Format::Html && args.by == Level::Pod {
            return Err(Failure::usage("a page shows workloads and namespaces, and no single pods")
                .with_help("leave out `--by pod`, or choose another output"));
        }
        Ok(())
    })
}

/// Compares two programs; `diagnostics` is what there is to say about the second input.
pub(super) fn compare<'p>(
    programs: [&'p Program; 2],
    edits: Vec<String>,
    diagnostics: Vec<Diagnostic>,
    args: &DifferenceArgs,
    settings: &Settings,
    progress: &mut Progress,
) -> Result<Compared<'p>, Failure> {
    let scope =
        Scope { by: args.by.into(), about: about(settings, programs.map(|program| &*program.cluster))? };
    Ok(progress.stage(Stage::Answer, || {
        let (before, after) = (solve(programs[0]), solve(programs[1]));
        let pairwise = diff::between_workloads(&before, &after);
        let difference = query::difference(&before, &after, &pairwise, &scope);
        let is_drawn = settings.outputs.iter().any(|output| output.format == Format::Svg);
        let table =
            is_drawn.then(|| query::table([&before, &after], &difference, &scope, render::LARGEST_PICTURE));
        let warnings = warnings(&before, &after, &pairwise);
        let mut notes = notes::idle(&programs[1].cluster, programs[1].profile, &newly_idle(programs));
        if difference.has_unknown() {
            notes.extend(notes::missing_facts(&programs[1].cluster, &missing_facts(programs[1])));
        }
        if !difference.from_nodes.is_empty() {
            notes.push(notes::from_nodes(&difference.from_nodes));
        }
        let listings = [&after, &before].map(Matrix::new);
        notes.extend(listings.iter().find_map(|matrix| unlisted_replicas(matrix, args.by.into())));
        let about = scope.about.map(|[_, after]| after);
        Compared { edits, programs, difference, about, table, warnings, notes, diagnostics }
    }))
}

/// The policies and parts of policies that mean nothing for the second input, and did not stand in the first one or meant
/// something there.
fn newly_idle([before, after]: [&Program; 2]) -> Vec<Idle> {
    let name = |program: &Program, idle: &Idle| {
        (program.cluster.policies[idle.policy].name.clone(), idle.path.clone(), idle.why.clone())
    };
    let known: BTreeSet<_> = idle(before).iter().map(|idle| name(before, idle)).collect();
    idle(after).into_iter().filter(|idle| !known.contains(&name(after, idle))).collect()
}

/// The pods of each input that `-n` and `-l` keep. What only one of the inputs has is kept there.
fn about(settings: &Settings, clusters: [&Cluster; 2]) -> Result<Option<[Vec<PodId>; 2]>, Failure> {
    let [before, after] = clusters.map(|cluster| endpoint::about(settings, cluster));
    match (before, after) {
        (Err(failure), Err(_)) => Err(failure),
        (before, after) => {
            let pods = |found: Result<Option<Vec<PodId>>, Failure>| found.unwrap_or(Some(Vec::new()));
            Ok(pods(before).zip(pods(after)).map(<[_; 2]>::from))
        }
    }
}

/// Writes one answer, or one for each change, to every output. The sources are those of the two inputs.
pub(super) fn write(
    all: &[Compared<'_>],
    sources: [&Sources; 2],
    args: &DifferenceArgs,
    settings: &Settings,
) -> Result<(), Failure> {
    let notes: Vec<Vec<Located<'_>>> =
        all.iter().map(|compared| Located::all(&compared.notes, sources[1])).collect();
    let reports: Vec<Report<'_>> = all
        .iter()
        .zip(&notes)
        .map(|(compared, notes)| {
            let Compared { edits, programs, difference, table, warnings, .. } = compared;
            let places = difference.causes.iter().map(|cause| {
                let sources = sources[usize::from(cause.edit != Edited::Removed)];
                cause.origin.as_ref().and_then(|origin| sources.locate(origin, ""))
            });
            Report {
                edits: edits.clone(),
                is_one_of_several: all.len() > 1,
                table: table.as_ref(),
                warnings,
                notes,
                ..Report::new(
                    difference,
                    &programs[0].cluster,
                    &programs[1].cluster,
                    settings.profile,
                    places.collect(),
                )
            }
        })
        .collect();
    write_each(settings, |output| {
        // These formats have no place for what is not listed.
        if matches!(output.format, Format::Ndjson | Format::Csv | Format::Svg | Format::Html) {
            for note in
                all.iter().flat_map(|compared| &compared.notes).filter(|note| note.code == Code::Shortened)
            {
                say(format_args!("note: {}", note.message));
            }
        }
        if let ([compared], [report], Format::Html) = (all, &reports[..], output.format) {
            let page = Page {
                diagnostics: &compared.diagnostics,
                about: compared.about.clone(),
                before: Some(sources[0]),
                sources: sources[1],
                changes: Some(report),
            };
            return page.write(output, &solve(compared.programs[1]), settings);
        }
        let has_namespaces =
            |report: &Report<'_>| report.table.is_some_and(|table| table.by != report.difference.by);
        if output.format == Format::Svg && reports.iter().any(has_namespaces) {
            say(shows_namespaces("picture"));
        }
        let palette = if output.file.is_none() { settings.stdout } else { Palette::default() };
        output.write(|out| match (&reports[..], output.format) {
            ([report], format) => render::write(format, report, args.max_size, palette, out),
            (_, Format::Json | Format::Yaml) => render::list(output.format, &reports, out),
            (_, format) => {
                for (i, report) in reports.iter().enumerate() {
                    if i > 0 {
                        writeln!(out)?;
                    }
                    render::write(format, report, args.max_size / reports.len(), palette, out)?;
                }
                Ok(())
            }
        })
    })
}

/// The exit status of a command that found these differences.
pub(super) fn status(all: &[Compared<'_>], args: &DifferenceArgs, settings: &Settings) -> ExitStatus {
    let counts = |Compared { difference, .. }: &Compared<'_>| match args.fail_on {
        FailOn::Any => !difference.is_empty(),
        FailOn::NewAllow => difference.allows_more,
        FailOn::RemovedAllow => difference.allows_less,
    };
    if all.iter().any(counts) {
        ExitStatus::No
    } else if settings.strict && all.iter().any(|compared| compared.difference.has_unknown()) {
        ExitStatus::Undecided
    } else {
        ExitStatus::Done
    }
}
