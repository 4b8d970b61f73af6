//! The stage that is running: shown to users who have waited for a second, and measured for `--timings`.

use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use podreach::render::diagnostic::Volume;

use super::say;
use super::settings::Settings;

/// One part of the work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    Load,
    Build,
    Compile,
    Solve,
    Count,
    Answer,
    Output,
}

impl Stage {
    /// The name that `--timings` shows.
    const fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Build => "build",
            Self::Compile => "compile",
            Self::Solve => "solve",
            Self::Count => "count",
            Self::Answer => "answer",
            Self::Output => "output",
        }
    }

    /// The text that users see while they wait.
    const fn doing(self) -> &'static str {
        match self {
            Self::Load => "reading the input",
            Self::Build => "finding out which pods there are",
            Self::Compile => "compiling the policies",
            Self::Solve => "solving",
            Self::Count => "counting pairs of pods",
            Self::Answer => "answering",
            Self::Output => "writing",
        }
    }
}

/// The time before progress is shown.
const PATIENCE: Duration = Duration::from_secs(1);

/// The stages of a command.
#[derive(Debug)]
pub(super) struct Progress {
    start: Instant,
    /// True if standard error is a terminal and shows progress.
    watched: bool,
    /// True if standard output is a terminal, too: progress would be mixed with the answer.
    answers_there: bool,
    measures: Option<Vec<Measure>>,
}

/// The cost of a stage.
#[derive(Debug)]
struct Measure {
    stage: Stage,
    took: Duration,
    cpu: Option<Duration>,
    /// The most memory the process had needed by its end.
    peak_kib: Option<u64>,
}

impl Progress {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            start: Instant::now(),
            watched: settings.volume != Volume::Quiet && io::stderr().is_terminal(),
            answers_there: io::stdout().is_terminal(),
            measures: settings.timings.then(Vec::new),
        }
    }

    /// Runs a stage.
    pub(super) fn stage<T>(&mut self, stage: Stage, run: impl FnOnce() -> T) -> T {
        let before = self.measures.is_some().then(|| (Instant::now(), cpu_time()));
        let result = if self.watched && !(stage == Stage::Output && self.answers_there) {
            self.shown(stage, run)
        } else {
            run()
        };
        if let Some((measures, (start, cpu))) = self.measures.as_mut().zip(before) {
            let cpu = cpu_time().zip(cpu).map(|(after, before)| after.saturating_sub(before));
            measures.push(Measure { stage, took: start.elapsed(), cpu, peak_kib: peak_kib() });
        }
        result
    }

    /// Runs a stage; a second thread says so as soon as that takes long.
    fn shown<T>(&self, stage: Stage, run: impl FnOnce() -> T) -> T {
        let (done, waiting) = mpsc::channel::<()>();
        let patience = PATIENCE.saturating_sub(self.start.elapsed());
        let start = self.start;
        thread::scope(|scope| {
            // Where no thread is to be had, nothing is shown.
            let _ = thread::Builder::new().spawn_scoped(scope, move || {
                if waiting.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                    let bar = spinner(stage, start);
                    // Whatever comes, it says that the stage is over.
                    let _ = waiting.recv();
                    bar.finish_and_clear();
                }
            });
            let result = run();
            drop(done);
            result
        })
    }

    /// Says what was measured, if that was asked for.
    pub(super) fn report(&self) {
        for Measure { stage, took, cpu, peak_kib } in self.measures.iter().flatten() {
            let cpu = cpu.map(|cpu| format!("  cpu {:>8.3} s", cpu.as_secs_f64())).unwrap_or_default();
            let peak =
                peak_kib.map(|kib| format!("  peak {:>6} MiB", kib.div_ceil(1024))).unwrap_or_default();
            say(format_args!("{:<8} {:>9.3} s{cpu}{peak}", stage.name(), took.as_secs_f64()));
        }
    }
}

fn spinner(stage: Stage, start: Instant) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style =
        ProgressStyle::with_template("{spinner} {msg} ({elapsed})").expect("the template is well formed");
    let bar = bar.with_style(style).with_message(stage.doing()).with_elapsed(start.elapsed());
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// The time that all threads of the process have run, where the system tells.
fn cpu_time() -> Option<Duration> {
    #[cfg(unix)]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Duration::try_from(time).ok()
    }
    #[cfg(not(unix))]
    None
}

/// The most memory the process ever held, where the system tells.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
