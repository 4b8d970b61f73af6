//! `podreach explain`.

use podreach::cluster::Cluster;
use podreach::compile::compile;
use podreach::diagnostic::Origin;
use podreach::label::Truth;
use podreach::load::Position;
use podreach::net::Direction;
use podreach::policy::PolicyId;
use podreach::query::Isolation;
use podreach::query::can::Verdict;
use podreach::query::explain::{endpoint as policies_of, policy as explain_policy};
use podreach::render::explain::{self as render, Context};
use podreach::solve::proof::Prover;

use super::args::{Connection, ExplainArgs, Explained};
use super::error::Failure;
use super::output::write_answer;
use super::progress::{Progress, Stage};
use super::settings::Settings;
use super::stages::{self, Evaluable};
use super::{ExitStatus, can, endpoint};

pub(super) fn run(args: &ExplainArgs, settings: &Settings) -> Result<ExitStatus, Failure> {
    settings.outputs.iter().try_for_each(|output| output.require("explain", can::FORMATS))?;
    let mut progress = Progress::new(settings);
    let input = stages::evaluable(settings, &mut progress)?;
    let undecided = match args.explained() {
        Explained::Connection(asked) => connection(asked, &input, settings, &mut progress)?,
        Explained::Endpoint(text) => match endpoint::policy(text, &input.cluster, settings)? {
            Some(id) => policy(id, &input, settings, &mut progress)?,
            None => policies(text, &input, settings)?,
        },
    };
    progress.report();
    Ok(if settings.strict && undecided { ExitStatus::Undecided } else { ExitStatus::Done })
}

/// The context of explanations: the cluster, the profile, and positions in the texts.
pub(super) fn context<'a>(
    input: &'a Evaluable,
    settings: &Settings,
    locate: &'a dyn Fn(&Origin, &str) -> Option<Position>,
) -> Context<'a> {
    context_of(&input.cluster, settings, locate)
}

/// The same of a cluster.
pub(super) fn context_of<'a>(
    cluster: &'a Cluster,
    settings: &Settings,
    locate: &'a dyn Fn(&Origin, &str) -> Option<Position>,
) -> Context<'a> {
    Context { cluster, profile: settings.profile, locate }
}

/// Explains a connection; says whether it is undecided.
fn connection(
    asked: Connection<'_>,
    input: &Evaluable,
    settings: &Settings,
    progress: &mut Progress,
) -> Result<bool, Failure> {
    let answer = can::answer(asked, true, input, settings, progress)?;
    let locate = |origin: &_, path: &str| input.sources.locate(origin, path);
    let context = context(input, settings, &locate);
    write_answer(
        settings,
        || render::answer_object(&context, &answer),
        || render::answer_markdown(&context, &answer),
        |palette| render::answer_text(&context, &answer, palette),
    )?;
    Ok(answer.verdict == Verdict::Unknown || !answer.restricted.is_empty())
}

/// Explains a policy; says whether anything about it is undecided.
fn policy(
    id: PolicyId,
    input: &Evaluable,
    settings: &Settings,
    progress: &mut Progress,
) -> Result<bool, Failure> {
    let program = progress.stage(Stage::Compile, || compile(&input.cluster, settings.profile));
    let explanation = progress.stage(Stage::Answer, || explain_policy(&program, id));
    let locate = |origin: &_, path: &str| input.sources.locate(origin, path);
    let context = context(input, settings, &locate);
    write_answer(
        settings,
        || render::policy_object(&context, &explanation),
        || render::policy_markdown(&context, &explanation),
        |palette| render::policy_text(&context, &explanation, palette),
    )?;
    let perhaps = explanation.pods.iter().any(|(_, selects)| *selects == Truth::Unknown);
    Ok(perhaps || explanation.without.unknown > 0)
}

/// Explains which policies apply to an endpoint; says whether that is undecided.
fn policies(text: &str, input: &Evaluable, settings: &Settings) -> Result<bool, Failure> {
    let target = endpoint::shown(text, &input.cluster, settings)?;
    let explanation = policies_of(&Prover::new(&input.cluster, settings.profile), &target);
    let locate = |origin: &_, path: &str| input.sources.locate(origin, path);
    let context = context(input, settings, &locate);
    write_answer(
        settings,
        || render::endpoint_object(&context, &explanation),
        || render::endpoint_markdown(&context, &explanation),
        |palette| render::endpoint_text(&context, &explanation, palette),
    )?;
    Ok(explanation
        .subjects
        .iter()
        .any(|subject| Direction::ALL.into_iter().any(|d| subject.isolation[d] == Isolation::Unknown)))
}
