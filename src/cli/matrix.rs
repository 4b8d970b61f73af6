//! `podreach matrix`.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use podreach::cluster::Cluster;
use podreach::compile::compile;
use podreach::diagnostic::Diagnostic;
use podreach::index::IndexVec;
use podreach::query::idle::idle;
use podreach::query::unknowns::{differences, missing_facts};
use podreach::query::{By, Carried, Endpoint, Flow, Matrix, View};
use podreach::render::Format;
use podreach::render::diagnostic::Located;
use podreach::render::endpoint::Names;
use podreach::render::matrix::{self as render, Report, Viewed};
use podreach::render::notes;
use podreach::render::style::Palette;
use podreach::solve::solve;

use super::args::MatrixArgs;
use super::error::Failure;
use super::output::{Output, write_each};
use super::progress::{Progress, Stage};
use super::settings::Settings;
use super::{ExitStatus, endpoint, say, stages};

pub(super) fn run(args: &MatrixArgs, settings: &Settings) -> Result<ExitStatus, Failure> {
    let (command, formats) = if args.summary {
        ("matrix --summary", render::SUMMARY_FORMATS)
    } else {
        ("matrix", render::FORMATS)
    };
    settings.outputs.iter().try_for_each(|output| output.require(command, formats))?;
    let mut progress = Progress::new(settings);
    let input = stages::evaluable(settings, &mut progress)?;
    let view = view(args, settings, &input.cluster)?;
    let program = progress.stage(Stage::Compile, || compile(&input.cluster, settings.profile));
    let reachability = progress.stage(Stage::Solve, || solve(&program));
    let matrix = Matrix::new(&reachability);
    let mut findings = input.diagnostics;
    findings.extend(notes::idle(&input.cluster, program.profile, &idle(&program)));
    findings.extend(notes::missing_facts(&input.cluster, &missing_facts(&program)));
    findings.extend(notes::differences(settings.profile, &differences(&program)));
    findings.extend(unlisted_replicas(&matrix, view.by).filter(|_| !args.summary));
    let notes = Located::all(&findings, &input.sources);
    let summary = progress.stage(Stage::Count, || matrix.summary());
    let report_of = |view: &View| Report {
        names: if args.summary {
            Names::new(&input.cluster, &IndexVec::new())
        } else {
            Names::new(&input.cluster, matrix.externals())
        },
        profile: settings.profile,
        by: view.by,
        summary,
        endpoints: if args.summary { Vec::new() } else { matrix.endpoints(view) },
        notes: &notes,
    };
    let report = report_of(&view);
    if report.summary.pods == 0 {
        say("note: the input has no pods, so there is nothing to list");
    }
    let by_namespace = View { by: By::Namespace, ..view.clone() };
    let smaller = if args.summary {
        Vec::new()
    } else {
        smaller(settings, &matrix, &report, [&view, &by_namespace], &report_of)?
    };
    progress.stage(Stage::Output, || {
        write_each(settings, |output| {
            let fitting = smaller.iter().find(|(form, _)| form.formats.contains(&output.format));
            let (report, view) = match fitting {
                Some((_, Some((report, view)))) => (report, *view),
                _ => (&report, &view),
            };
            let only_counts = args.summary || matches!(fitting, Some((_, None)));
            let flows = (!only_counts).then_some(Viewed { matrix: &matrix, view });
            write(settings, output, report, flows.as_ref())
        })
    })?;
    progress.report();
    let undecided = settings.strict && is_undecided(args, &report, &matrix, &view);
    Ok(if undecided { ExitStatus::Undecided } else { ExitStatus::Done })
}

/// The note about a picture or a table that has no room for workloads.
pub(super) fn shows_namespaces(name: &str) -> String {
    format!(
        "note: the {name} shows namespaces, since there are too many rows for one; -n and -l choose some of them"
    )
}

/// The flows that were asked for.
fn view(args: &MatrixArgs, settings: &Settings, cluster: &Cluster) -> Result<View, Failure> {
    let ends = |text: &Option<String>| {
        text.as_deref().map(|text| Ok(endpoint::shown(text, cluster, settings)?.ends)).transpose()
    };
    Ok(View {
        by: args.by.into(),
        about: endpoint::about(settings, cluster)?,
        also: Vec::new(),
        from: ends(&args.from)?,
        to: ends(&args.to)?,
        ports: args.port.as_deref().map(endpoint::ports).transpose()?,
    })
}

/// The note about replicas that a listing by pod leaves out; standard error has it whatever the format.
pub(super) fn unlisted_replicas(matrix: &Matrix<'_>, by: By) -> Option<Diagnostic> {
    let (left_out, listed) = matrix.unlisted_replicas().filter(|_| by == By::Pod)?;
    let note = notes::unlisted_replicas(left_out, listed);
    say(format_args!("note: {}", note.message));
    Some(note)
}

/// Writes the matrix, or its counts alone.
fn write(
    settings: &Settings,
    output: &Output,
    report: &Report<'_>,
    flows: Option<&Viewed<'_>>,
) -> Result<(), Failure> {
    let palette = if output.file.is_none() { settings.stdout } else { Palette::default() };
    output.write(|out| match flows {
        Some(flows) => render::write(output.format, report, flows, palette, out),
        None => render::write_summary(output.format, report, palette, out),
    })
}

/// Formats that have no room for every matrix.
struct Form {
    formats: &'static [Format],
    /// The name of the formats in messages.
    name: &'static str,
    /// The most rows.
    most: usize,
}

/// The rows that a form shows of a matrix with more rows than it has room for: those of a view, or of them those with
/// connections; `None` for the counts alone.
type Fitting<'a, 'v> = Option<(Report<'a>, &'v View)>;

const FORMS: [Form; 2] = [
    Form { formats: render::PICTURES, name: "picture", most: render::LARGEST_PICTURE },
    Form { formats: &[Format::Table, Format::Markdown], name: "table", most: render::LARGEST_TEXT },
];

/// Finds what to show in each requested form that has no room for all rows: rows with connections, else namespaces.
/// If these are too many, too, a text has the counts, and a picture is refused.
fn smaller<'a, 'v>(
    settings: &Settings,
    matrix: &Matrix<'_>,
    whole: &Report<'_>,
    [view, by_namespace]: [&'v View; 2],
    report_of: &impl Fn(&View) -> Report<'a>,
) -> Result<Vec<(&'static Form, Fitting<'a, 'v>)>, Failure> {
    let mut smaller = Vec::new();
    for form in &FORMS {
        let &Form { formats, name, most } = form;
        let is_asked_for = settings.outputs.iter().any(|output| formats.contains(&output.format));
        if !is_asked_for || whole.endpoints.len() <= most {
            continue;
        }
        if let Some(report) = connected(matrix, view, most, report_of) {
            say(format_args!(
                "note: the {name} leaves out rows without connections, since there are too many for one"
            ));
            smaller.push((form, Some((report, view))));
            continue;
        }
        let all = report_of(by_namespace);
        let rows = all.endpoints.len();
        let fitting = if rows <= most { Some(all) } else { connected(matrix, by_namespace, most, report_of) };
        smaller.push(match fitting {
            Some(report) => {
                say(shows_namespaces(name));
                (form, Some((report, by_namespace)))
            }
            None if formats == render::PICTURES => {
                let what = "namespaces and ranges of addresses";
                let message = format!("a {name} has room for {most} rows, and there are {rows} {what}");
                return Err(Failure::usage(message).with_help("choose some with -n, -l, --from or --to"));
            }
            None => {
                say(format_args!(
                    "note: the {name} has counts only, since there are too many rows for one; -n and -l choose some of them, \
                     `-o wide` and `-o ndjson` list all"
                ));
                (form, None)
            }
        });
    }
    Ok(smaller)
}

/// The rows of a view that have connections; `None` if there are none, or more than `most`.
fn connected<'a>(
    matrix: &Matrix<'_>,
    view: &View,
    most: usize,
    report_of: &impl Fn(&View) -> Report<'a>,
) -> Option<Report<'a>> {
    let mut met: BTreeSet<Endpoint> = BTreeSet::new();
    let found = matrix.for_each_flow(view, |flow| {
        met.extend([flow.from, flow.to]);
        if met.len() > most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    if found.is_break() || met.is_empty() {
        return None;
    }
    let mut report = report_of(view);
    report.endpoints.retain(|facts| met.contains(&facts.endpoint));
    Some(report)
}

/// True if what is shown leaves anything undecided. A port that some pods of a group may use and others perhaps is
/// not listed as unknown: the counts of the whole cluster know of it.
fn is_undecided(args: &MatrixArgs, report: &Report<'_>, matrix: &Matrix<'_>, view: &View) -> bool {
    let whole = view.about.is_none() && view.from.is_none() && view.to.is_none() && view.ports.is_none();
    let counted = report.summary.pod_pairs.unknown > 0;
    (whole && counted) || (!args.summary && any_unknown(matrix, view))
}

/// True if a flow has unknown or restricted ports.
fn any_unknown(matrix: &Matrix<'_>, view: &View) -> bool {
    let found = matrix.for_each_flow(view, |flow: &Flow| {
        let Carried { unknown, restricted, .. } = &flow.carried;
        let settled = unknown.is_empty() && restricted.is_empty();
        if settled { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    found.is_break()
}
