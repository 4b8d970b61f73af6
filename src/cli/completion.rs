//! `podreach completion SHELL`.

use clap::CommandFactory;

use super::args::{Cli, CompletionArgs};
use super::error::Failure;
use super::{ExitStatus, output};

pub(super) fn run(args: &CompletionArgs) -> Result<ExitStatus, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "podreach", &mut script);
    output::to_stdout(|out| out.write_all(&script))?;
    Ok(ExitStatus::Done)
}
