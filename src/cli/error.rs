//! Errors that end a command. All of them end it with [`super::ExitStatus::Invalid`].

use std::io::{self, Write};
use std::path::PathBuf;

use podreach::render::text::Plain;

/// An error that ends a command.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Something on the command line or in the project file cannot be meant.
    #[error("{message}")]
    Usage {
        /// A description of the mistake.
        message: String,
        /// Advice on how to fix it.
        help: Option<String>,
    },
    /// The input has errors, which have been reported.
    #[error("the input has errors")]
    Input,
    /// A file cannot be read or written.
    #[error("cannot {verb} `{}`: {source}", path.display())]
    File {
        /// `read` or `write`.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Standard output cannot be written.
    #[error("cannot write to standard output: {0}")]
    Stdout(io::Error),
}

impl Failure {
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), help: None }
    }

    pub(super) fn with_help(self, help: impl Into<String>) -> Self {
        match self {
            Self::Usage { message, .. } => Self::Usage { message, help: Some(help.into()) },
            other => other,
        }
    }

    /// Says on standard error what is wrong, unless that has been said.
    pub(super) fn report(&self, out: &mut dyn Write) -> io::Result<()> {
        if matches!(self, Self::Input) {
            return Ok(());
        }
        writeln!(out, "error: {}", Plain(&self.to_string()))?;
        match self {
            Self::Usage { help: Some(help), .. } => writeln!(out, "  help: {}", Plain(help)),
            _ => Ok(()),
        }
    }
}
