//! `podreach test`.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use podreach::cluster::with_policy_names;
use podreach::compile::compile;
use podreach::diagnostic::{Diagnostic, Origin, Severity};
use podreach::expect::{
    self, Date, Judge, Result as TestResult, Ruling, Survey, Test, TestFile, Tests, survey,
};
use podreach::load::{Input, Position, Sources, standard_input};
use podreach::render::diagnostic::{self, Located};
use podreach::render::explain::Context;
use podreach::render::style::Palette;
use podreach::render::test::{self as render, Report, Suite};
use podreach::render::{Format, mutants};
use podreach::solve::solve;
use podreach::what_if::Simulation;

use super::ExitStatus;
use super::args::{GlobalArgs, TestArgs};
use super::bounds::Bounds;
use super::changes::{self, Changes};
use super::error::Failure;
use super::output::{write_answer, write_each};
use super::progress::{Progress, Stage};
use super::project::Project;
use super::settings::Settings;
use super::stages::{self, Evaluable};

const FORMATS: &[Format] = &[
    Format::Table,
    Format::Wide,
    Format::Json,
    Format::Yaml,
    Format::Markdown,
    Format::Junit,
    Format::Sarif,
    Format::Tap,
    Format::Github,
];

/// The formats of `test --mutate`.
const MUTATE_FORMATS: &[Format] =
    &[Format::Table, Format::Wide, Format::Json, Format::Yaml, Format::Markdown];

pub(super) fn run(args: &TestArgs, global: &GlobalArgs, project: &Project) -> Result<ExitStatus, Failure> {
    let common = Settings::with_any_inputs(global, project)?;
    let (command, formats) = if args.mutate { ("test --mutate", MUTATE_FORMATS) } else { ("test", FORMATS) };
    common.outputs.iter().try_for_each(|output| output.require(command, formats))?;
    let mut progress = Progress::new(&common);
    let asked = asked(args, &common)?;
    let clusters = clusters(&asked, global, project)?;
    if clusters.len() > 1 && !args.changes.is_empty() {
        return Err(Failure::usage("the test files speak of several clusters, and changes are made to one")
            .with_help("name the manifests with `-f`, or run the files one by one"));
    }
    let status = if args.mutate {
        mutate(args, &common, &asked, &clusters, &mut progress)
    } else {
        test(args, &common, &asked, &clusters, &mut progress)
    }?;
    progress.report();
    Ok(status)
}

/// Runs the tests and says what they came to.
fn test(
    args: &TestArgs,
    common: &Settings,
    Asked { files, sources, filtered_out }: &Asked,
    clusters: &[Tested],
    progress: &mut Progress,
) -> Result<ExitStatus, Failure> {
    let today = today();
    let mut rulings: Vec<Vec<Ruling>> = vec![Vec::new(); files.len()];
    let mut inputs: Vec<Evaluable> = Vec::new();
    for Tested { settings, files: of_cluster } in clusters {
        let input = input(args, settings, progress)?;
        let program = progress.stage(Stage::Compile, || compile(&input.cluster, settings.profile));
        let reachability = progress.stage(Stage::Solve, || solve(&program));
        let judge = Judge::new(&reachability, namespace(settings), &settings.build.ranges).with_fixes();
        progress.stage(Stage::Answer, || {
            for &number in of_cluster {
                let (file, tests) = &files[number];
                let rule = |&test: &usize| Ruling::new(file, test, judge.judge(&file.tests[test]), today);
                rulings[number] = tests.iter().map(rule).collect();
            }
        });
        inputs.push(input);
    }
    let locate = |origin: &_, path: &str| sources.locate(origin, path);
    let in_input: Vec<_> = inputs.iter().map(locator).collect();
    let suites = files.iter().enumerate().map(|(number, (file, _))| {
        let place = clusters.iter().position(|cluster| cluster.files.contains(&number));
        let place = place.expect("every file was put to a cluster");
        let cluster = &inputs[place].cluster;
        let context =
            Context { cluster, profile: clusters[place].settings.profile, locate: &in_input[place] };
        Suite { file, rulings: &rulings[number], context, locate: &locate }
    });
    let report = Report { suites: suites.collect(), filtered_out: *filtered_out };
    write_each(common, |output| {
        let palette = if output.file.is_none() { common.stdout } else { Palette::default() };
        output.write(|out| render::write(output.format, &report, palette, out))
    })?;
    Ok(status(rulings.iter().flatten(), common.strict))
}

/// The input with the changes that were asked for.
fn input(args: &TestArgs, settings: &Settings, progress: &mut Progress) -> Result<Evaluable, Failure> {
    if args.changes.is_empty() {
        return stages::evaluable(settings, progress);
    }
    let mut changes = Changes::load(&args.changes, settings, progress)?;
    let changed = changes.make(0..changes.all.len(), settings, progress)?;
    let sources = changes.before.sources;
    Ok(Evaluable { cluster: changed.cluster, sources, diagnostics: changed.diagnostics })
}

/// Breaks the policies one by one and says what the tests did not notice.
fn mutate(
    args: &TestArgs,
    common: &Settings,
    Asked { files, .. }: &Asked,
    clusters: &[Tested],
    progress: &mut Progress,
) -> Result<ExitStatus, Failure> {
    let mut surveyed: Vec<(Evaluable, Survey)> = Vec::new();
    for Tested { settings, files: of_cluster } in clusters {
        let input = Changes::load(&args.changes, settings, progress)?;
        let (before, manifests, options) = input.into_objects(settings)?;
        let manifests = with_policy_names(manifests);
        let tests: Vec<&Test> = of_cluster
            .iter()
            .flat_map(|&number| files[number].1.iter().map(move |&test| &files[number].0.tests[test]))
            .collect();
        let asked = Tests { tests: &tests, namespace: namespace(settings), ranges: &settings.build.ranges };
        let found = progress.stage(Stage::Answer, || {
            let mut simulation = Simulation::new(manifests.clone(), options, settings.profile)?;
            survey(&mut simulation, &manifests, asked)
        });
        let found = match found {
            Ok(found) => found,
            Err(errors) => return Err(changes::refused(errors, &before.sources, settings)),
        };
        surveyed.push((before, found));
    }
    let in_input: Vec<_> = surveyed.iter().map(|(input, _)| locator(input)).collect();
    let surveys =
        clusters.iter().zip(&surveyed).zip(&in_input).map(|((cluster, (input, survey)), locate)| {
            let context = Context { cluster: &input.cluster, profile: cluster.settings.profile, locate };
            (context, survey)
        });
    let report = mutants::Report { surveys: surveys.collect() };
    write_answer(
        common,
        || mutants::object(&report),
        || mutants::markdown(&report),
        |palette| mutants::text(&report, palette),
    )?;
    let too_low = args.min_score.is_some_and(|least| report.score() < least);
    Ok(if too_low { ExitStatus::No } else { ExitStatus::Done })
}

fn namespace(settings: &Settings) -> &str {
    settings.namespace.as_deref().unwrap_or("default")
}

fn locator(input: &Evaluable) -> impl Fn(&Origin, &str) -> Option<Position> {
    |origin, path| input.sources.locate(origin, path)
}

fn status<'r>(rulings: impl Iterator<Item = &'r Ruling>, strict: bool) -> ExitStatus {
    let mut status = ExitStatus::Done;
    for ruling in rulings {
        if ruling.status.is_failure() {
            return ExitStatus::No;
        }
        if strict && ruling.outcome.result == TestResult::Unknown {
            status = ExitStatus::Undecided;
        }
    }
    status
}

/// The tests that were asked for.
struct Asked {
    /// The files, and which of their tests.
    files: Vec<(TestFile, Vec<usize>)>,
    sources: Sources,
    filtered_out: usize,
}

fn asked(args: &TestArgs, common: &Settings) -> Result<Asked, Failure> {
    let inputs: Vec<Input> = args
        .files
        .iter()
        .map(|path| if path.as_os_str() == "-" { Input::Stdin } else { Input::Path(path.clone()) })
        .collect();
    let read = expect::read(&inputs, common.load.recursive);
    let located = Located::all(&read.diagnostics, &read.sources);
    // Standard error may be closed; that is no reason not to answer.
    let _ = diagnostic::text(&located, common.volume, common.stderr, &mut io::stderr().lock());
    if read.diagnostics.iter().any(|finding: &Diagnostic| finding.severity() == Severity::Error) {
        return Err(stages::reject(&located, common, "")?);
    }
    let is_asked = |name: &str| args.filter.iter().all(|text| name.contains(&**text));
    let mut filtered_out = 0;
    let files: Vec<(TestFile, Vec<usize>)> = read
        .files
        .into_iter()
        .map(|file| {
            let numbers: Vec<usize> =
                (0..file.tests.len()).filter(|&test| is_asked(&file.tests[test].name)).collect();
            filtered_out += file.tests.len() - numbers.len();
            (file, numbers)
        })
        .filter(|(_, numbers)| !numbers.is_empty())
        .collect();
    if files.is_empty() {
        let filters = args.filter.join("` and `");
        return Err(Failure::usage(format!("no test has `{filters}` in its name"))
            .with_help("leave `--filter` out to run them all"));
    }
    Ok(Asked { files, sources: read.sources, filtered_out })
}

/// A cluster and the files whose tests are put to it.
struct Tested {
    settings: Settings,
    files: Vec<usize>,
}

/// The clusters that the files are about: flags take precedence over the file, and the file over the project file.
/// Files about the same cluster share it.
fn clusters(
    Asked { files, sources, .. }: &Asked,
    global: &GlobalArgs,
    project: &Project,
) -> Result<Vec<Tested>, Failure> {
    let mut stdin: Option<Input> = None;
    let mut clusters: Vec<Tested> = Vec::new();
    for (number, (file, _)) in files.iter().enumerate() {
        let own = &file.settings;
        let mut args = global.clone();
        args.cni = args.cni.or(own.profile);
        let fill = |flags: &mut Vec<_>, own: &[_]| {
            if flags.is_empty() {
                flags.extend_from_slice(own);
            }
        };
        fill(&mut args.pod_cidr, &own.ranges.pods);
        fill(&mut args.service_cidr, &own.ranges.services);
        fill(&mut args.node_cidr, &own.ranges.nodes);
        if args.filename.is_empty() {
            args.filename = resources(file, sources)?;
        }
        let mut settings = Settings::resolve(&args, project).map_err(|failure| match failure {
            Failure::Usage { message, .. } if message == "no input was named" => {
                Failure::usage(format!("the test file `{}` names no manifests", file.name))
                    .with_help("name them with `-f PATH`, or under `resources` in the file")
            }
            other => other,
        })?;
        if args.assume.is_empty() && !own.assume.is_empty() {
            settings.build.assume.clone_from(&own.assume);
        }
        for input in settings.inputs.iter_mut().filter(|input| **input == Input::Stdin) {
            // It can be read once, and several files may ask for it.
            if stdin.is_none() {
                let bytes = standard_input().map_err(|finding| {
                    let failure = Failure::usage(finding.message);
                    match finding.help {
                        Some(help) => failure.with_help(help),
                        None => failure,
                    }
                })?;
                stdin = Some(Input::Text { name: "-".into(), bytes });
            }
            input.clone_from(stdin.as_ref().expect("it was just read"));
        }
        let same = |other: &&mut Tested| {
            let other = &other.settings;
            (&other.inputs, &other.build, other.profile)
                == (&settings.inputs, &settings.build, settings.profile)
        };
        match clusters.iter_mut().find(same) {
            Some(cluster) => cluster.files.push(number),
            None => clusters.push(Tested { settings, files: vec![number] }),
        }
    }
    Ok(clusters)
}

/// The manifests that a test file names, all of them in its repository.
fn resources(file: &TestFile, sources: &Sources) -> Result<Vec<PathBuf>, Failure> {
    let name = sources.get(file.origin.source).map_or("", |source| &source.name);
    let bounds = Bounds::of(Path::new(name).parent().unwrap_or(Path::new("")));
    let resource = |path: &PathBuf| {
        bounds.check(path, &format!("{name}: resources"))?;
        Ok(tidied(path))
    };
    file.settings.resources.iter().map(resource).collect()
}

/// The same path without `tests/..` in it, as reviews and annotations name files, unless a link makes it another one.
fn tidied(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir && matches!(tidy.components().next_back(), Some(Component::Normal(_)))
        {
            tidy.pop();
        } else if part != Component::CurDir {
            tidy.push(part);
        }
    }
    if tidy.as_os_str().is_empty() {
        tidy.push(".");
    }
    match (fs::canonicalize(path), fs::canonicalize(&tidy)) {
        (Ok(meant), Ok(found)) if meant == found => tidy,
        _ => path.to_owned(),
    }
}

/// The day it is, by UTC.
fn today() -> Date {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Date::from_unix_days(since.as_secs() / 86_400)
}
