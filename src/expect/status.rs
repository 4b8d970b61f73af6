//! The final status of a test, from its outcome, its rule for unknowns, and its waiver.

use super::date::Date;
use super::judge::{Outcome, Result};
use super::test_file::{Test, TestFile};

/// The final status of a test.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Status {
    /// It passes.
    Passed,
    /// It passes, and its waiver is not needed.
    PassedWaived,
    /// It fails, which a waiver puts up with.
    Waived,
    /// The input does not decide whether it passes, which counts as a failure.
    Unknown,
    /// It fails.
    Failed,
    /// Its waiver has expired, which counts as a failure.
    Expired,
}

impl Status {
    /// True if it counts as a failure.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Unknown | Self::Failed | Self::Expired)
    }

    /// `passed`, `waived`, `unknown` or `failed`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed | Self::PassedWaived => "passed",
            Self::Waived => "waived",
            Self::Unknown => "unknown",
            Self::Failed | Self::Expired => "failed",
        }
    }
}

/// A test of a file, and what it came to.
#[derive(Clone, Debug)]
pub struct Ruling {
    /// Its place in [`TestFile::tests`].
    pub test: usize,
    /// The final status.
    pub status: Status,
    /// The outcome.
    pub outcome: Outcome,
}

impl Test {
    /// True if the test passes with this result, waivers aside.
    pub fn passes(&self, result: Result) -> bool {
        match result {
            Result::Passed => true,
            Result::Unknown => self.passes_on_unknown,
            Result::Failed => false,
        }
    }
}

impl Ruling {
    /// The ruling on a test of a file, on a day.
    pub fn new(file: &TestFile, test: usize, outcome: Outcome, today: Date) -> Self {
        let asked = &file.tests[test];
        let passes = asked.passes(outcome.result);
        let waiver = asked.waiver.map(|waiver| file.waivers[waiver].expires.is_some_and(|day| day < today));
        let status = match (waiver, passes) {
            (Some(true), _) => Status::Expired,
            (Some(false), true) => Status::PassedWaived,
            (Some(false), false) => Status::Waived,
            (None, true) => Status::Passed,
            (None, false) if outcome.result == Result::Unknown => Status::Unknown,
            (None, false) => Status::Failed,
        };
        Self { test, status, outcome }
    }
}

/// Number of tests by status.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// All of them.
    pub tests: usize,
    /// Those that passed, waived or not.
    pub passed: usize,
    /// Those that failed, expired waivers among them.
    pub failed: usize,
    /// Those that the input does not decide.
    pub unknown: usize,
    /// Those that failed and were waived.
    pub waived: usize,
}

impl Counts {
    /// Counts rulings.
    pub fn of<'r>(rulings: impl IntoIterator<Item = &'r Ruling>) -> Self {
        let mut counts = Self::default();
        for ruling in rulings {
            counts.tests += 1;
            *match ruling.status {
                Status::Passed | Status::PassedWaived => &mut counts.passed,
                Status::Failed | Status::Expired => &mut counts.failed,
                Status::Unknown => &mut counts.unknown,
                Status::Waived => &mut counts.waived,
            } += 1;
        }
        counts
    }
}
