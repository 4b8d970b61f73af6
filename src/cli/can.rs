//! `podreach can`.

use podreach::compile::compile;
use podreach::query::can::{Answer, Verdict, can};
use podreach::query::explain::Fixes;
use podreach::render::{Format, explain as render};
use podreach::solve::solve;

use super::args::{Connection, ConnectionArgs};
use super::error::Failure;
use super::explain::context;
use super::output::write_answer;
use super::progress::{Progress, Stage};
use super::settings::Settings;
use super::stages::{self, Evaluable};
use super::{ExitStatus, endpoint};

/// The formats of `can` and `explain`.
pub(super) const FORMATS: &[Format] =
    &[Format::Table, Format::Wide, Format::Json, Format::Yaml, Format::Markdown];

pub(super) fn run(args: &ConnectionArgs, settings: &Settings) -> Result<ExitStatus, Failure> {
    settings.outputs.iter().try_for_each(|output| output.require("can", FORMATS))?;
    let mut progress = Progress::new(settings);
    let input = stages::evaluable(settings, &mut progress)?;
    let with_fix = settings.outputs.iter().any(|output| matches!(output.format, Format::Json | Format::Yaml));
    let answer = answer(args.connection(), with_fix, &input, settings, &mut progress)?;
    let locate = |origin: &_, path: &str| input.sources.locate(origin, path);
    let context = context(&input, settings, &locate);
    write_answer(
        settings,
        || render::answer_object(&context, &answer),
        || render::can_markdown(&context, &answer),
        |palette| render::can_text(&context, &answer, palette),
    )?;
    progress.report();
    Ok(match answer.verdict {
        Verdict::Allow if settings.strict && !answer.restricted.is_empty() => ExitStatus::Undecided,
        Verdict::Allow => ExitStatus::Done,
        Verdict::Deny => ExitStatus::No,
        Verdict::Unknown => ExitStatus::Undecided,
    })
}

/// Asks whether one end may connect to the other, and what would allow it where that is wanted.
pub(super) fn answer(
    Connection { from, to, port }: Connection<'_>,
    with_fix: bool,
    input: &Evaluable,
    settings: &Settings,
    progress: &mut Progress,
) -> Result<Answer, Failure> {
    let from = endpoint::source(from, &input.cluster, settings)?;
    let to = endpoint::asked(to, port, &input.cluster, settings)?;
    let program = progress.stage(Stage::Compile, || compile(&input.cluster, settings.profile));
    let reachability = progress.stage(Stage::Solve, || solve(&program));
    Ok(progress.stage(Stage::Answer, || {
        let mut answer = can(&reachability, &from, &to);
        if with_fix && answer.verdict == Verdict::Deny {
            answer.fix = Fixes::new(&reachability).fix(&from, &to);
        }
        answer
    }))
}
