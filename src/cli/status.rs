//! Exit status.

use std::process::{ExitCode, Termination};

/// The exit status of a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ExitStatus {
    /// Done; for a question: yes.
    Done = 0,
    /// The honest no.
    No = 1,
    /// Usage, or input that cannot be read or is not valid.
    Invalid = 2,
    /// The input does not decide the answer.
    Undecided = 3,
}

impl Termination for ExitStatus {
    fn report(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}
