//! `podreach diff`.

use std::path::PathBuf;

use podreach::compile::compile;
use podreach::load::Input;
use podreach::render::difference as render;

use super::args::{DiffArgs, GlobalArgs};
use super::error::Failure;
use super::progress::{Progress, Stage};
use super::project::Project;
use super::settings::{self, Settings};
use super::{ExitStatus, difference, stages};

pub(super) fn run(args: &DiffArgs, global: &GlobalArgs, project: &Project) -> Result<ExitStatus, Failure> {
    if !global.filename.is_empty() {
        return Err(Failure::usage("`diff` reads no `-f`")
            .with_help("name the two inputs with `--before PATH` and `--after PATH`"));
    }
    let settings = Settings::without_inputs(global, project)?;
    difference::require("diff", render::FORMATS, &args.difference, &settings)?;
    let inputs = [&args.before, &args.after].map(|paths| inputs(paths));
    if inputs.iter().flatten().filter(|input| **input == Input::Stdin).count() > 1 {
        return Err(Failure::usage("standard input can be read only once: `-` was given twice"));
    }
    let mut progress = Progress::new(&settings);
    let before = stages::evaluable_from(&inputs[0], &settings, &mut progress)?;
    let after = stages::evaluable_from(&inputs[1], &settings, &mut progress)?;
    let programs = [&before, &after]
        .map(|input| progress.stage(Stage::Compile, || compile(&input.cluster, settings.profile)));
    let compared = difference::compare(
        programs.each_ref(),
        Vec::new(),
        after.diagnostics.clone(),
        &args.difference,
        &settings,
        &mut progress,
    )?;
    let all = [compared];
    progress.stage(Stage::Output, || {
        difference::write(&all, [&before.sources, &after.sources], &args.difference, &settings)
    })?;
    progress.report();
    Ok(difference::status(&all, &args.difference, &settings))
}

fn inputs(paths: &[PathBuf]) -> Vec<Input> {
    paths.iter().cloned().map(settings::input).collect()
}
