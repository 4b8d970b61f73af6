//! `podreach reach`.

use podreach::compile::compile;
use podreach::net::{Direction, PortSet};
use podreach::query::endpoint::{Ports, Target};
use podreach::query::reach::{Question, reach};
use podreach::render::endpoint::Names;
use podreach::render::reach::{self as render, Report};
use podreach::render::style::Palette;
use podreach::render::{Format, object};
use podreach::solve::{End, solve};

use super::args::ReachArgs;
use super::error::Failure;
use super::explain::context;
use super::output::write_each;
use super::progress::{Progress, Stage};
use super::settings::Settings;
use super::stages::{self, Evaluable};
use super::{ExitStatus, endpoint};

const FORMATS: &[Format] = &[
    Format::Table,
    Format::Wide,
    Format::Json,
    Format::Yaml,
    Format::Markdown,
    Format::Dot,
    Format::Mermaid,
    Format::Svg,
];

pub(super) fn run(args: &ReachArgs, settings: &Settings) -> Result<ExitStatus, Failure> {
    settings.outputs.iter().try_for_each(|output| output.require("reach", FORMATS))?;
    let mut progress = Progress::new(settings);
    let input = stages::evaluable(settings, &mut progress)?;
    let question = question(args, &input, settings)?;
    let program = progress.stage(Stage::Compile, || compile(&input.cluster, settings.profile));
    let reachability = progress.stage(Stage::Solve, || solve(&program));
    let answer = progress.stage(Stage::Answer, || reach(&reachability, question));
    let names = Names::new(&input.cluster, &answer.externals);
    let locate = |origin: &_, path: &str| input.sources.locate(origin, path);
    let context = context(&input, settings, &locate);
    let report = Report { answer: &answer, names: &names, context: &context };
    progress.stage(Stage::Output, || write(settings, report))?;
    progress.report();
    let undecided = settings.strict && answer.is_undecided();
    Ok(if undecided { ExitStatus::Undecided } else { ExitStatus::Done })
}

fn question(args: &ReachArgs, input: &Evaluable, settings: &Settings) -> Result<Question, Failure> {
    let cluster = &input.cluster;
    let (mut target, direction) = match (&args.to, &args.from) {
        (Some(to), _) => (endpoint::destination(to, cluster, settings)?, Direction::Ingress),
        (None, Some(from)) => (endpoint::source(from, cluster, settings)?, Direction::Egress),
        (None, None) => unreachable!("the grammar asks for one of the two"),
    };
    if !target.perhaps.is_empty() {
        let pods: u64 = target.perhaps.pods().map(|(_, range)| u64::from(range.end - range.start)).sum();
        target.notes.push(format!(
            "{pods} pods of which the input does not say whether they belong to `{}` are left aside",
            target.end
        ));
    }
    let ports = match (&args.port, direction) {
        (Some(port), _) => Some(endpoint::ports(port)?),
        (None, Direction::Ingress) => ports_of(&target)?,
        (None, Direction::Egress) => None,
    };
    Ok(Question {
        target,
        direction,
        ports,
        hops: args.hops,
        external_only: args.external_only,
        about: endpoint::about(settings, cluster)?,
    })
}

/// The ports that the text of a destination asks for; `None` for every port.
fn ports_of(target: &Target) -> Result<Option<PortSet>, Failure> {
    match &target.ports {
        Ports::Every | Ports::Declared(_) => Ok(None),
        Ports::Of(ports) => Ok(Some(ports.clone())),
        Ports::ByDestination { addresses, .. } => {
            let pods = target.ends.pods.iter().map(|(pod, range)| End::Pod(*pod, range.start));
            let all = pods.chain(addresses.keys().map(|address| End::Address(*address)));
            let mut all = all.map(|end| target.ports_at(end));
            if let Some(first) = all.next()
                && all.all(|ports| ports == first)
            {
                return Ok(Some(first));
            }
            Err(Failure::usage(format!("`{}` means other ports on each of its backends", target.text))
                .with_help("name the pods, or one port by number with `--port`"))
        }
    }
}

fn write(settings: &Settings, report: Report<'_>) -> Result<(), Failure> {
    write_each(settings, |output| {
        let palette = if output.file.is_none() { settings.stdout } else { Palette::default() };
        let text = match output.format {
            Format::Json | Format::Yaml => {
                return output.write(|out| object(output.format, &render::object(report), out));
            }
            Format::Markdown => render::markdown(report),
            Format::Dot => render::dot(report),
            Format::Mermaid => render::mermaid(report),
            Format::Svg => render::svg(report),
            format => render::text(report, format == Format::Wide, palette),
        };
        output.write(|out| out.write_all(text.as_bytes()))
    })
}
