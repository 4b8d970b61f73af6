//! `podreach what-if`.

use podreach::compile::{Program, compile};
use podreach::diagnostic::Diagnostic;
use podreach::render::{Format, difference as render};

use super::args::WhatIfArgs;
use super::changes::Changes;
use super::error::Failure;
use super::progress::{Progress, Stage};
use super::settings::Settings;
use super::{ExitStatus, difference};

/// The formats that hold several answers.
const OF_EACH: &[Format] = &[Format::Table, Format::Wide, Format::Json, Format::Yaml, Format::Markdown];

pub(super) fn run(args: &WhatIfArgs, settings: &Settings) -> Result<ExitStatus, Failure> {
    if args.changes.is_empty() {
        return Err(Failure::usage("no change was named")
            .with_help("say what changes with `--apply`, `--delete`, `--label` or `--scale`"));
    }
    let (command, formats) =
        if args.each { ("what-if --each", OF_EACH) } else { ("what-if", render::FORMATS) };
    difference::require(command, formats, &args.difference, settings)?;
    let mut progress = Progress::new(settings);
    let mut changes = Changes::load(&args.changes, settings, &mut progress)?;
    let count = changes.all.len();
    let mut variants = Vec::new();
    if args.each && count > 1 {
        variants.extend((0..count).map(|i| i..i + 1));
    }
    variants.push(0..count);
    let before = progress.stage(Stage::Compile, || compile(&changes.before.cluster, settings.profile));
    let mut after: Vec<(Program, Vec<Diagnostic>)> = Vec::new();
    for variant in &variants {
        let changed = changes.make(variant.clone(), settings, &mut progress)?;
        let program = progress.stage(Stage::Compile, || compile(&changed.cluster, settings.profile));
        after.push((program, changed.diagnostics));
    }
    let mut all = Vec::new();
    for (variant, (after, diagnostics)) in variants.into_iter().zip(&after) {
        let edits = changes.all[variant].iter().map(|change| change.typed.clone()).collect();
        let (programs, diagnostics) = ([&before, after], diagnostics.clone());
        all.push(difference::compare(
            programs,
            edits,
            diagnostics,
            &args.difference,
            settings,
            &mut progress,
        )?);
    }
    let sources = &changes.before.sources;
    progress
        .stage(Stage::Output, || difference::write(&all, [sources, sources], &args.difference, settings))?;
    progress.report();
    Ok(difference::status(&all, &args.difference, settings))
}
