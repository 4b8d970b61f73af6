//! `podreach matrix`.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use podreach::cluster::Cluster;
use podreach::compile::compile;
use podreach::index::IndexVec;
use podreach::query::unknowns::{differences, missing_facts};
use podreach::query::{By, Endpoint, Flow, Matrix, View};
use podreach::render::diagnostic::Located;
use podreach::render::endpoint::Names;
use podreach::render::matrix::{self as render, Flows, Report, Viewed};
use podreach::render::notes;
use podreach::render::style::Palette;
use podreach::solve::solve;

use super::args::MatrixArgs;
use super::error::Failure;
use super::output::Output;
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
    findings.extend(notes::missing_facts(&input.cluster, &missing_facts(&program)));
    findings.extend(notes::differences(settings.profile, &differences(&program)));
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
    let is_drawn = settings.outputs.iter().any(|output| render::PICTURES.contains(&output.format));
    let by_namespace = View { by: By::Namespace, ..view.clone() };
    let smaller = (is_drawn && report.endpoints.len() > render::LARGEST_PICTURE)
        .then(|| smaller(&matrix, [&view, &by_namespace], &report_of))
        .transpose()?;
    let flows = Viewed { matrix: &matrix, view: &view };
    let drawn = match &smaller {
        Some((smaller, view)) => (smaller, &Viewed { matrix: &matrix, view }),
        None => (&report, &flows),
    };
    progress.stage(Stage::Output, || {
        settings.outputs.iter().try_for_each(|output| {
            let (report, flows) =
                if render::PICTURES.contains(&output.format) { drawn } else { (&report, &flows) };
            write(args, settings, output, report, flows)
        })
    })?;
    progress.report();
    let undecided = settings.strict && is_undecided(args, &report, &matrix, &view);
    Ok(if undecided { ExitStatus::Undecided } else { ExitStatus::Done })
}

/// What is said about a picture that has no room for workloads.
pub(super) const SHOWS_NAMESPACES: &str = "note: the picture shows namespaces, since there are too many rows for one; -n and -l choose some of them";

/// Which flows were asked for.
fn view(args: &MatrixArgs, settings: &Settings, cluster: &Cluster) -> Result<View, Failure> {
    let ends = |text: &Option<String>| {
        text.as_deref().map(|text| Ok(endpoint::source(text, cluster, settings)?.ends)).transpose()
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

fn write(
    args: &MatrixArgs,
    settings: &Settings,
    output: &Output,
    report: &Report<'_>,
    flows: &dyn Flows,
) -> Result<(), Failure> {
    let palette = if output.file.is_none() { settings.stdout } else { Palette::default() };
    output.write(|out| {
        if args.summary {
            render::write_summary(output.format, report, palette, out)
        } else {
            render::write(output.format, report, flows, palette, out)
        }
    })
}

/// What a picture shows of a matrix that has more rows than it has room for, and in which of two views: those that have
/// connections, else namespaces.
fn smaller<'a, 'v>(
    matrix: &Matrix<'_>,
    [view, by_namespace]: [&'v View; 2],
    report_of: &impl Fn(&View) -> Report<'a>,
) -> Result<(Report<'a>, &'v View), Failure> {
    if let Some(report) = connected(matrix, view, report_of) {
        say("note: the picture leaves out rows without connections, since there are too many for one");
        return Ok((report, view));
    }
    let all = report_of(by_namespace);
    let (rows, most) = (all.endpoints.len(), render::LARGEST_PICTURE);
    let fitting = if rows <= most { Some(all) } else { connected(matrix, by_namespace, report_of) };
    let report = fitting.ok_or_else(|| {
        let what = "namespaces and ranges of addresses";
        let message = format!("a picture has room for {most} rows, and there are {rows} {what}");
        Failure::usage(message).with_help("choose some with -n, -l, --from or --to".to_owned())
    })?;
    say(SHOWS_NAMESPACES);
    Ok((report, by_namespace))
}

/// What has connections in a view, unless that is nothing or more than a picture has room for.
fn connected<'a>(
    matrix: &Matrix<'_>,
    view: &View,
    report_of: &impl Fn(&View) -> Report<'a>,
) -> Option<Report<'a>> {
    let mut met: BTreeSet<Endpoint> = BTreeSet::new();
    let found = matrix.for_each_flow(view, |flow| {
        met.extend([flow.from, flow.to]);
        if met.len() > render::LARGEST_PICTURE { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    if found.is_break() || met.is_empty() {
        return None;
    }
    let mut report = report_of(view);
    report.endpoints.retain(|facts| met.contains(&facts.endpoint));
    Some(report)
}

/// Whether what is shown leaves anything undecided. A port that some pods of a group may use and others perhaps is
/// not listed as unknown: the counts of the whole cluster know of it.
fn is_undecided(args: &MatrixArgs, report: &Report<'_>, matrix: &Matrix<'_>, view: &View) -> bool {
    let whole = view.about.is_none() && view.from.is_none() && view.to.is_none() && view.ports.is_none();
    let counted = report.summary.pod_pairs.unknown > 0;
    (whole && counted) || (!args.summary && any_unknown(matrix, view))
}

fn any_unknown(matrix: &Matrix<'_>, view: &View) -> bool {
    let found = matrix.for_each_flow(view, |flow: &Flow| {
        if flow.unknown.is_empty() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    found.is_break()
}
