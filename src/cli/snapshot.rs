//! `podreach snapshot`.

use std::path::Path;
use std::{fs, io};

use podreach::compile::compile;
use podreach::load::own_file;
use podreach::query::because::Because;
use podreach::render::snapshot::{self as render, CheckObject, Checked, LockObject};
use podreach::render::text::count;
use podreach::render::{Format, object};
use podreach::snapshot::{Causes, Change, Lock, compare, parse};
use podreach::solve::{Reachability, solve};

use super::args::{LOCK_FILE, SnapshotArgs};
use super::error::Failure;
use super::explain::context;
use super::output::{Output, write_answer, write_each};
use super::progress::{Progress, Stage};
use super::settings::Settings;
use super::stages::{self, Evaluable};
use super::{ExitStatus, say};

/// The most bytes of a lock file.
const MOST: u64 = 64 << 20;

const LOCK_FORMATS: &[Format] = &[Format::Table, Format::Yaml, Format::Json];
const CHECK_FORMATS: &[Format] = &[Format::Table, Format::Wide, Format::Json, Format::Yaml, Format::Markdown];

pub(super) fn run(args: &SnapshotArgs, settings: &Settings) -> Result<ExitStatus, Failure> {
    let formats = if args.check { CHECK_FORMATS } else { LOCK_FORMATS };
    settings.outputs.iter().try_for_each(|output| output.require("snapshot", formats))?;
    if args.lock == Path::new(LOCK_FILE) && leads_out(&args.lock) {
        return Err(Failure::usage(format!(
            "`{LOCK_FILE}` is a link that leads out of the working directory"
        ))
        .with_help("`--lock FILE` names a file anywhere"));
    }
    // What is wrong with the lock file is said before anything is computed.
    let known = if args.check { Some(read(&args.lock, settings)?) } else { None };
    let mut progress = Progress::new(settings);
    let input = stages::evaluable(settings, &mut progress)?;
    if settings.namespace.is_some() || settings.selector.is_some() {
        say("note: a lock file holds the whole input; -n and -l do not narrow it");
    }
    let program = progress.stage(Stage::Compile, || compile(&input.cluster, settings.profile));
    let reachability = progress.stage(Stage::Solve, || solve(&program));
    let lock = progress.stage(Stage::Answer, || Lock::of(&reachability));
    let failed = match &known {
        Some(known) => check(args, known, &lock, &reachability, &input, settings)?,
        None if args.update => {
            update(&args.lock, &lock)?;
            false
        }
        None => {
            print(&lock, settings)?;
            false
        }
    };
    progress.report();
    Ok(match (failed, settings.strict && lock.is_undecided()) {
        (true, _) => ExitStatus::No,
        (false, true) => ExitStatus::Undecided,
        (false, false) => ExitStatus::Done,
    })
}

/// True if a file is a link that leads out of the working directory. A stranger may have put it there.
fn leads_out(path: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    let is_within = || Some(real(path)?.starts_with(real(Path::new("."))?));
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) && is_within() != Some(true)
}

fn print(lock: &Lock, settings: &Settings) -> Result<(), Failure> {
    write_each(settings, |output| {
        output.write(|out| match output.format {
            Format::Json => object(output.format, &LockObject::new(lock), out),
            _ => out.write_all(render::lock_file(lock).as_bytes()),
        })
    })
}

/// Writes the lock file, unless it says the same already.
fn update(path: &Path, lock: &Lock) -> Result<(), Failure> {
    let text = render::lock_file(lock);
    let shown = path.display();
    let lines = count(lock.lines.len() as u64, "line", "lines");
    match own_file(path, MOST) {
        Ok(before) if before == text.as_bytes() => {
            say(format_args!("{shown} is up to date ({lines})"));
            return Ok(());
        }
        Err(source) if source.kind() == io::ErrorKind::InvalidInput => {
            return Err(Failure::File { verb: "write", path: path.to_owned(), source });
        }
        _ => Output { format: Format::Yaml, file: Some(path.to_owned()) }
            .write(|out| out.write_all(text.as_bytes()))?,
    }
    say(format_args!("wrote {shown} ({lines})"));
    Ok(())
}

/// Says what differs; whether that is a failure.
fn check(
    args: &SnapshotArgs,
    known: &Lock,
    lock: &Lock,
    reachability: &Reachability<'_>,
    input: &Evaluable,
    settings: &Settings,
) -> Result<bool, Failure> {
    let causes = Causes::new(reachability);
    let explained = |change: Change| {
        let because: Option<Because> = causes.of(&change);
        (change, because)
    };
    let locate = |origin: &_, path: &str| input.sources.locate(origin, path);
    let context = context(input, settings, &locate);
    let checked = Checked {
        file: args.lock.display().to_string(),
        changes: compare(known, lock).into_iter().map(explained).collect(),
        fail_on: args.fail_on.into(),
        context: &context,
    };
    write_answer(
        settings,
        || CheckObject::new(&checked),
        || render::markdown(&checked),
        |palette| render::text(&checked, palette),
    )?;
    Ok(checked.failures() > 0)
}

/// Reads a lock file that was written for the same CNI profile.
fn read(path: &Path, settings: &Settings) -> Result<Lock, Failure> {
    let shown = path.display();
    let text = own_file(path, MOST).map_err(|source| {
        let failure = Failure::usage(format!("cannot read `{shown}`: {source}"));
        match source.kind() {
            io::ErrorKind::NotFound => {
                failure.with_help("`podreach snapshot --update` writes it; `--lock FILE` names another file")
            }
            _ => failure,
        }
    })?;
    let lock = parse(&text).map_err(|error| {
        Failure::usage(format!("`{shown}` is no lock file that can be compared with: {error}"))
            .with_help("`podreach snapshot --update` writes it anew")
    })?;
    if lock.profile != settings.profile {
        let (wrote, asked) = (lock.profile.name(), settings.profile.name());
        return Err(Failure::usage(format!(
            "`{shown}` was written with `--cni {wrote}`, and this is `--cni {asked}`"
        ))
        .with_help(format!(
            "check with `--cni {wrote}`, or write it anew with `podreach snapshot --update --cni {asked}`"
        )));
    }
    Ok(lock)
}
