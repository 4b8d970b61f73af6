//! The command line: terminal, exit status, environment. The library knows nothing of it.
//!
//! What was typed ([`args`]) and what the project file says ([`project`]) become what is meant ([`settings`]); a verb
//! runs the [`stages`] with that and renders the answer.

mod args;
mod bounds;
mod can;
mod changes;
mod completion;
mod diff;
mod difference;
mod endpoint;
mod error;
mod explain;
mod matrix;
mod output;
mod progress;
mod project;
mod reach;
mod replace;
mod report;
mod settings;
mod snapshot;
mod stages;
mod status;
mod suggest;
mod terminal;
mod test;
mod what_if;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

use clap::{CommandFactory, FromArgMatches};
use podreach::render::text::Plain;

use args::{Cli, Verb};
use error::Failure;
use project::Project;
use settings::Settings;
pub(crate) use status::ExitStatus;

/// Runs one command line.
pub(crate) fn run(args: impl IntoIterator<Item = OsString>) -> ExitStatus {
    podreach::load::end_when_a_file_shrinks();
    let args: Vec<OsString> = args.into_iter().collect();
    let command = command(args.first());
    let cli = match command.try_get_matches_from(&args).and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too, and are no mistake. A closed pipe is nothing to report.
            let _ = error.print();
            return if error.use_stderr() { ExitStatus::Invalid } else { ExitStatus::Done };
        }
    };
    match dispatch(&cli) {
        Ok(status) => status,
        Err(failure) => {
            // Nowhere is left to report that standard error is closed.
            let _ = failure.report(&mut io::stderr().lock());
            ExitStatus::Invalid
        }
    }
}

/// The command line's grammar; installed as a plugin the usage says `kubectl podreach`.
fn command(program: Option<&OsString>) -> clap::Command {
    let name = program.and_then(|program| Path::new(program).file_stem()?.to_str());
    let command = Cli::command();
    if name == Some("kubectl-podreach") { command.bin_name("kubectl podreach") } else { command }
}

fn dispatch(cli: &Cli) -> Result<ExitStatus, Failure> {
    let global = &cli.global;
    let project = || Project::in_force(global);
    let settings = || Settings::resolve(global, &project()?);
    match &cli.verb {
        Verb::Matrix(args) => matrix::run(args, &settings()?),
        Verb::Can(args) => can::run(args, &settings()?),
        Verb::Explain(args) => explain::run(args, &settings()?),
        Verb::Reach(args) => reach::run(args, &settings()?),
        Verb::Report => report::run(&settings()?),
        Verb::WhatIf(args) => what_if::run(args, &settings()?),
        Verb::Diff(args) => diff::run(args, global, &project()?),
        Verb::Test(args) => test::run(args, global, &project()?),
        Verb::Snapshot(args) => snapshot::run(args, &settings()?),
        Verb::Completion(args) => completion::run(args),
    }
}

/// Writes a line to standard error. That nobody reads it is no reason to fail.
fn say(line: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{}", Plain(&line.to_string()));
}
