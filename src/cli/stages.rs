//! The stages that every question shares: load and build, and what is said when the input is not right.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use podreach::cluster::{self, Built, Cluster};
use podreach::diagnostic::{Code, Diagnostic, Severity};
use podreach::load::{self, Input, Loaded, Manifest, Sources};
use podreach::profile::Profile;
use podreach::render::text::count;
use podreach::render::{Format, diagnostic};

use diagnostic::Located;

use super::error::Failure;
use super::progress::{Progress, Stage};
use super::settings::Settings;
use super::{output, say};

/// Input that can be evaluated.
#[derive(Debug)]
pub(super) struct Evaluable {
    /// The cluster.
    pub(super) cluster: Arc<Cluster>,
    /// The texts it came from.
    pub(super) sources: Sources,
    /// Findings about it, in the order of the input.
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// Loads and builds, and says what there is to say about the input. Errors end here, all of them reported.
pub(super) fn evaluable(settings: &Settings, progress: &mut Progress) -> Result<Evaluable, Failure> {
    evaluable_from(&settings.inputs, settings, progress)
}

/// The same for inputs of another name.
pub(super) fn evaluable_from(
    inputs: &[Input],
    settings: &Settings,
    progress: &mut Progress,
) -> Result<Evaluable, Failure> {
    let loaded = progress.stage(Stage::Load, || settings.placed(load::load(inputs, settings.load.clone())));
    Ok(built(loaded, settings, progress)?.0)
}

/// Builds what was loaded, and says what there is to say about it; the objects come along.
pub(super) fn built(
    loaded: Loaded,
    settings: &Settings,
    progress: &mut Progress,
) -> Result<(Evaluable, Vec<Manifest>), Failure> {
    let Loaded { manifests, sources, diagnostics: mut all } = loaded;
    let Built { cluster, diagnostics } =
        progress.stage(Stage::Build, || cluster::build(&manifests, &settings.build));
    all.extend(diagnostics);
    all.extend(of_profile(settings.profile));
    let diagnostics = told(all, &sources, settings)?;
    Ok((Evaluable { cluster, sources, diagnostics }, manifests))
}

/// Says all there is to say, in the order of the input. Errors end here.
pub(super) fn told(
    mut all: Vec<Diagnostic>,
    sources: &Sources,
    settings: &Settings,
) -> Result<Vec<Diagnostic>, Failure> {
    all.sort_by_key(|finding| {
        finding.origin.as_ref().map_or((true, None, 0), |o| (false, Some(o.source), o.document.start))
    });
    sources.advise(&mut all);
    let located = Located::all(&all, sources);
    // Standard error may be closed; that is no reason not to answer.
    let _ = diagnostic::text(&located, settings.volume, settings.stderr, &mut io::stderr().lock());
    let fatal = |finding: &Diagnostic| {
        finding.severity() == Severity::Error
            && (!settings.build.keep_going || matches!(finding.code, Code::NoObjects | Code::BadChange))
    };
    if all.iter().any(fatal) {
        return Err(reject(&located, settings, " (--keep-going leaves bad objects out)")?);
    }
    Ok(all)
}

/// Says how many errors there are and the way out, and prints them for machines where standard output was to be read by
/// one.
pub(super) fn reject(
    findings: &[Located<'_>],
    settings: &Settings,
    way_out: &str,
) -> Result<Failure, Failure> {
    let errors: Vec<&Located<'_>> =
        findings.iter().filter(|finding| finding.diagnostic.severity() == Severity::Error).collect();
    let files: BTreeSet<&str> = errors.iter().filter_map(|finding| finding.file()).collect();
    let within = if files.is_empty() {
        String::new()
    } else {
        format!(" in {}", count(files.len() as u64, "file", "files"))
    };
    let lacks_objects = |finding: &&Located<'_>| {
        matches!(finding.diagnostic.code, Code::NoObjects | Code::Unreadable | Code::BadChange)
    };
    let way_out = if errors.iter().any(lacks_objects) { "" } else { way_out };
    let problems = count(errors.len() as u64, "problem", "problems");
    say(format_args!("error: {problems}{within}; nothing was evaluated{way_out}"));
    match settings.outputs.iter().find(|output| output.file.is_none()).map(|output| output.format) {
        Some(Format::Json) => output::to_stdout(|out| diagnostic::json(findings, out))?,
        Some(Format::Yaml) => output::to_stdout(|out| diagnostic::yaml(findings, out))?,
        _ => {}
    }
    Ok(Failure::Input)
}

/// The effect of the CNI profile on every policy, as a finding.
fn of_profile(profile: Profile) -> Option<Diagnostic> {
    (!profile.semantics().enforces).then(|| {
        Diagnostic::new(
            Code::Profile,
            format!("{} enforces no NetworkPolicy: every connection is allowed", profile.name()),
        )
        .with_help(
            "the API server accepts the policies all the same; they need a network plugin that enforces them",
        )
    })
}
