//! `podreach report`, and the page of every command that writes one.

use podreach::cluster::PodId;
use podreach::compile::compile;
use podreach::diagnostic::Diagnostic;
use podreach::load::Sources;
use podreach::query::Matrix;
use podreach::query::idle::idle;
use podreach::query::unknowns::{differences, missing_facts};
use podreach::render::diagnostic::Located;
use podreach::render::page::{self, Report};
use podreach::render::{Format, difference, notes};
use podreach::solve::{Reachability, solve};

use super::error::Failure;
use super::explain::context_of;
use super::output::{Output, write_each};
use super::progress::{Progress, Stage};
use super::settings::Settings;
use super::{ExitStatus, endpoint, stages};

pub(super) fn run(settings: &Settings) -> Result<ExitStatus, Failure> {
    if let Some(other) = settings.outputs.iter().find(|output| output.format != Format::Html) {
        return Err(Failure::usage(format!("`report` writes a page, and no `{}`", other.format.name()))
            .with_help("say where the page goes: `-o html=FILE`"));
    }
    let mut progress = Progress::new(settings);
    let input = stages::evaluable(settings, &mut progress)?;
    let program = progress.stage(Stage::Compile, || compile(&input.cluster, settings.profile));
    let reachability = progress.stage(Stage::Solve, || solve(&program));
    let page = Page {
        diagnostics: &input.diagnostics,
        about: endpoint::about(settings, &input.cluster)?,
        before: None,
        sources: &input.sources,
        changes: None,
    };
    progress.stage(Stage::Output, || {
        write_each(settings, |output| page.write(output, &reachability, settings))
    })?;
    progress.report();
    let undecided = settings.strict && Matrix::new(&reachability).summary().pod_pairs.unknown > 0;
    Ok(if undecided { ExitStatus::Undecided } else { ExitStatus::Done })
}

/// The contents of a page beside a reachability.
pub(super) struct Page<'a> {
    /// Findings about the input.
    pub(super) diagnostics: &'a [Diagnostic],
    /// The pods it is about (`-n`, `-l`); `None` for all.
    pub(super) about: Option<Vec<PodId>>,
    /// The texts that the cluster before the change came from.
    pub(super) before: Option<&'a Sources>,
    /// The texts that the cluster came from.
    pub(super) sources: &'a Sources,
    /// The differences from before; `None` for a page without a comparison.
    pub(super) changes: Option<&'a difference::Report<'a>>,
}

impl Page<'_> {
    /// Writes the page of a reachability.
    pub(super) fn write(
        &self,
        output: &Output,
        reachability: &Reachability<'_>,
        settings: &Settings,
    ) -> Result<(), Failure> {
        let program = reachability.program();
        let cluster = &program.cluster;
        require_room(cluster.workloads.len(), page::MOST_WORKLOADS, "workloads")?;
        require_room(cluster.namespaces.len(), page::MOST_NAMESPACES, "namespaces")?;
        let mut findings = self.diagnostics.to_vec();
        findings.extend(notes::idle(cluster, program.profile, &idle(program)));
        findings.extend(notes::missing_facts(cluster, &missing_facts(program)));
        findings.extend(notes::differences(settings.profile, &differences(program)));
        let findings = Located::all(&findings, self.sources);
        let locate = |origin: &_, path: &str| self.sources.locate(origin, path);
        let report = Report {
            matrix: &Matrix::new(reachability),
            context: context_of(cluster, settings, &locate),
            internet: endpoint::source("internet", cluster, settings)?.ends.addresses,
            about: self.about.clone(),
            findings: &findings,
            before: self.before,
            sources: self.sources,
            changes: self.changes,
        };
        output.write(|out| page::write(&report, out))
    }
}

fn require_room(there: usize, most: usize, what: &str) -> Result<(), Failure> {
    if there <= most {
        return Ok(());
    }
    Err(Failure::usage(format!("a page has room for {most} {what}, and there are {there}"))
        .with_help("`matrix --by namespace` and `matrix -o ndjson` have no such limit"))
}
