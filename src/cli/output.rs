//! `-o FORMAT[=FILE]`: where output goes.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::str::FromStr;

use podreach::render::style::Palette;
use podreach::render::{Format, object};
use serde::Serialize;

use super::error::Failure;
use super::replace::replace;
use super::settings::Settings;
use super::suggest::nearest;

/// One `-o`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Output {
    /// The format.
    pub(super) format: Format,
    /// The file; without one, standard output.
    pub(super) file: Option<PathBuf>,
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, file) = match text.split_once('=') {
            Some((_, "")) => return Err("a file name is missing after `=`".to_owned()),
            Some((name, file)) => (name, Some(PathBuf::from(file))),
            None => (text, None),
        };
        let format = Format::from_name(name).ok_or_else(|| {
            let names = Format::ALL.map(Format::name);
            match nearest(name, names) {
                Some(near) => format!("unknown format `{name}`, did you mean `{near}`?"),
                None => format!("unknown format `{name}`, expected one of {}", names.join(", ")),
            }
        })?;
        Ok(Self { format, file })
    }
}

/// Writes every output, whatever becomes of the others.
///
/// # Errors
///
/// The first failure, after all outputs had their turn.
pub(super) fn write_each(
    settings: &Settings,
    mut write: impl FnMut(&Output) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut all = Ok(());
    for output in &settings.outputs {
        let written = write(output);
        all = all.and(written);
    }
    all
}

/// Writes an answer to every output, in the words of its format.
pub(super) fn write_answer<T: Serialize>(
    settings: &Settings,
    as_object: impl Fn() -> T,
    as_markdown: impl Fn() -> String,
    as_text: impl Fn(Palette) -> String,
) -> Result<(), Failure> {
    write_each(settings, |output| {
        let palette = if output.file.is_none() { settings.stdout } else { Palette::default() };
        output.write(|out| match output.format {
            Format::Json | Format::Yaml => object(output.format, &as_object(), out),
            Format::Markdown => out.write_all(as_markdown().as_bytes()),
            _ => out.write_all(as_text(palette).as_bytes()),
        })
    })
}

impl Output {
    /// Says so if a command cannot write this format.
    pub(super) fn require(&self, command: &str, formats: &[Format]) -> Result<(), Failure> {
        if formats.contains(&self.format) {
            return Ok(());
        }
        let names: Vec<&str> = formats.iter().map(|format| format.name()).collect();
        Err(Failure::usage(format!("`{command}` has no output `{}`", self.format.name()))
            .with_help(format!("it has {}", names.join(", "))))
    }

    /// Writes the output: to standard output, or to its file in one step.
    ///
    /// A pipe that its reader has closed ends this output and nothing else: the answer is the same, and so is the exit
    /// status.
    pub(super) fn write(&self, render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        match &self.file {
            None => to_stdout(render),
            Some(path) => unless_closed(replace(path, render)).map_err(|source| Failure::File {
                verb: "write",
                path: path.clone(),
                source,
            }),
        }
    }
}

/// Writes to standard output, as far as anybody reads it.
pub(super) fn to_stdout(render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    unless_closed(render(&mut out).and_then(|()| out.flush())).map_err(Failure::Stdout)
}

fn unless_closed(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_and_files() {
        let output = |format, file: Option<&str>| Output { format, file: file.map(PathBuf::from) };
        assert_eq!("json".parse(), Ok(output(Format::Json, None)));
        assert_eq!("md=a=b.md".parse(), Ok(output(Format::Markdown, Some("a=b.md"))));
        for (text, message) in [
            ("jsno", "unknown format `jsno`, did you mean `json`?"),
            ("json=", "a file name is missing after `=`"),
            (
                "spreadsheet",
                "unknown format `spreadsheet`, expected one of table, wide, json, yaml, ndjson, csv, md, dot, mermaid, \
                 svg, html, junit, sarif, tap, github",
            ),
        ] {
            assert_eq!(text.parse::<Output>(), Err(message.to_owned()));
        }
    }
}
