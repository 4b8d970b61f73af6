//! `--timings`: how long each stage took, and how much memory the process had needed by its end.

use std::time::{Duration, Instant};

use super::say;

/// The stages so far.
#[derive(Debug)]
pub(super) struct Timings {
    wanted: bool,
    stages: Vec<Stage>,
}

#[derive(Debug)]
struct Stage {
    name: &'static str,
    took: Duration,
    peak_kib: Option<u64>,
}

impl Timings {
    pub(super) const fn new(wanted: bool) -> Self {
        Self { wanted, stages: Vec::new() }
    }

    /// Runs a stage.
    pub(super) fn stage<T>(&mut self, name: &'static str, run: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = run();
        if self.wanted {
            self.stages.push(Stage { name, took: start.elapsed(), peak_kib: peak_kib() });
        }
        result
    }

    /// Says what was measured.
    pub(super) fn report(&self) {
        for Stage { name, took, peak_kib } in &self.stages {
            let peak =
                peak_kib.map(|kib| format!("  peak {:>6} MiB", kib.div_ceil(1024))).unwrap_or_default();
            say(format_args!("{name:<8} {:>9.3} s{peak}", took.as_secs_f64()));
        }
    }
}

/// The most memory the process ever held, where the system tells.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
