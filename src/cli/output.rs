//! `-o FORMAT[=FILE]`: where output goes.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use podreach::render::style::Palette;
use podreach::render::{Format, object};
use serde::Serialize;

use super::error::Failure;
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

/// Writes an answer to every output, in the words of its format.
pub(super) fn write_answer<T: Serialize>(
    settings: &Settings,
    as_object: impl Fn() -> T,
    as_markdown: impl Fn() -> String,
    as_text: impl Fn(Palette) -> String,
) -> Result<(), Failure> {
    for output in &settings.outputs {
        let palette = if output.file.is_none() { settings.stdout } else { Palette::default() };
        output.write(|out| match output.format {
            Format::Json | Format::Yaml => object(output.format, &as_object(), out),
            Format::Markdown => out.write_all(as_markdown().as_bytes()),
            _ => out.write_all(as_text(palette).as_bytes()),
        })?;
    }
    Ok(())
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

    /// Writes the output: to standard output, or to its file in one step, so that nobody ever reads half of it.
    pub(super) fn write(&self, render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        match &self.file {
            None => to_stdout(render),
            Some(path) => to_file(path, render).map_err(|source| Failure::File {
                verb: "write",
                path: path.clone(),
                source,
            }),
        }
    }
}

/// Writes to standard output.
pub(super) fn to_stdout(render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    render(&mut out).and_then(|()| out.flush()).map_err(Failure::Stdout)
}

fn to_file(path: &Path, render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    // What a link points to is replaced, not the link; a device or a pipe is written to, never replaced.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if fs::metadata(&path).is_ok_and(|metadata| !metadata.is_file()) {
        return fill(OpenOptions::new().write(true).open(&path)?, render);
    }
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(temporary);
    let written = File::create_new(&temporary)
        .and_then(|file| fill(file, render))
        .and_then(|()| fs::rename(&temporary, &path));
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn fill(file: File, render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, file);
    render(&mut out)?;
    out.flush()
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

    #[test]
    fn a_file_is_replaced_at_once_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.json");
        to_file(&path, |out| out.write_all(b"first")).unwrap();
        let failed = to_file(&path, |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("no more"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"first");
        to_file(&path, |out| out.write_all(b"second")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
