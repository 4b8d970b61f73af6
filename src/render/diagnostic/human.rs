//! Findings as rustc shows them: the lines they speak of, underlined.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};

use super::Located;
use crate::diagnostic::{Code, Diagnostic, Severity, cut};
use crate::load::{Position, Source};
use crate::render::style::Palette;
use crate::render::text::{Plain, count, hidden};

/// The amount of findings that are shown beside errors.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Volume {
    /// Errors only.
    Quiet,
    /// Warnings, and the notes that matter to the answer; repeated ones are counted.
    #[default]
    Normal,
    /// Everything.
    Verbose,
}

/// Number of errors of one code that are shown, and of warnings of a code whose warnings never repeat each other.
const ERRORS: u64 = 20;

/// Number of other findings of one code that are shown.
const REPEATED: u64 = 3;

/// The most characters of a path or of the name of an object.
const LONGEST_NAME: usize = 200;

/// The longest line that is shown; of longer ones (JSON without line breaks) only the place is named.
const LONGEST_LINE: usize = 2_000;

/// Writes the findings in their order, then what was left out.
pub fn text(
    findings: &[Located<'_>],
    volume: Volume,
    palette: Palette,
    out: &mut dyn Write,
) -> io::Result<()> {
    let renderer = if palette.is_coloured() { Renderer::styled() } else { Renderer::plain() };
    let mut shown: BTreeMap<Code, u64> = BTreeMap::new();
    let mut hidden: BTreeMap<(Severity, Code), u64> = BTreeMap::new();
    for finding in findings {
        let code = finding.diagnostic.code;
        let seen = shown.entry(code).or_insert(0);
        if *seen < limit(code, volume) {
            *seen += 1;
            writeln!(out, "{}", one(finding, &renderer))?;
        } else {
            *hidden.entry((code.severity(), code)).or_insert(0) += 1;
        }
    }
    for (&(_, code), &number) in hidden.iter().filter(|((severity, _), _)| *severity == Severity::Error) {
        let name = code.name();
        writeln!(out, "{}", palette.faint(format!("and {number} more of {name}; `-o json` has all")))?;
    }
    hidden.retain(|(severity, _), _| *severity != Severity::Error);
    if volume == Volume::Normal && !hidden.is_empty() {
        writeln!(out, "{}", palette.faint(left_out(&hidden)))?;
    }
    Ok(())
}

/// Number of findings of a code that are shown.
fn limit(code: Code, volume: Volume) -> u64 {
    match (code.severity(), volume) {
        (_, Volume::Verbose) => u64::MAX,
        (Severity::Error, _) => ERRORS,
        (_, Volume::Quiet) => 0,
        // Manifests of an application are full of kinds that have nothing to do with its network.
        (_, Volume::Normal) if code == Code::IgnoredKind => 0,
        // One a kind.
        (_, Volume::Normal) if code == Code::NotRead => ERRORS,
        (_, Volume::Normal) => REPEATED,
    }
}

/// `not shown: 2 warnings (legacy-cidr), 12 notes (ignored-kind); -v shows all`.
fn left_out(hidden: &BTreeMap<(Severity, Code), u64>) -> String {
    let mut text = String::from("not shown: ");
    for (i, ((severity, code), &number)) in hidden.iter().rev().enumerate() {
        let word = severity.as_str();
        let number = count(number, word, &format!("{word}s"));
        let separator = if i > 0 { ", " } else { "" };
        write!(text, "{separator}{number} ({})", code.name()).expect("writing to a string cannot fail");
    }
    text.push_str("; -v shows all");
    text
}

/// One finding.
fn one(finding: &Located<'_>, renderer: &Renderer) -> String {
    let Located { diagnostic, position, source } = finding;
    let level = match diagnostic.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(title(diagnostic)).id(diagnostic.code.name());
    let mut group = Group::with_title(title);
    match (position, source) {
        (Some(_), Some(source)) if source.bytes.is_empty() => {
            group = group.element(Origin::path(Plain(&source.name).to_string()));
        }
        (Some(position), Some(source)) => group = group.element(place(diagnostic, position, source)),
        (Some(position), None) => group = group.element(origin(position)),
        (None, Some(source)) => group = group.element(Origin::path(Plain(&source.name).to_string())),
        (None, None) => {}
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(Plain(help).to_string()));
    }
    renderer.render(&[group])
}

/// `field.path: message`, or `Kind NS/NAME: message` for a whole object.
fn title(diagnostic: &Diagnostic) -> String {
    let message = Plain(&diagnostic.message);
    match (&diagnostic.path, &diagnostic.object) {
        (path, _) if !path.is_empty() && !diagnostic.message.starts_with(&**path) => {
            format!("{}: {message}", Plain(&cut(path, LONGEST_NAME)))
        }
        (_, Some(object)) if !diagnostic.message.contains(&*object.name) => {
            format!("{}: {message}", Plain(&cut(&object.to_string(), LONGEST_NAME)))
        }
        _ => message.to_string(),
    }
}

fn origin(position: &Position) -> Origin<'static> {
    Origin::path(Plain(&position.source).to_string())
        .line(position.line as usize)
        .char_column(position.column as usize)
}

/// The line a finding points at, with the field underlined. Of a line with something before the field that cannot be shown
/// as it is, only the place is named: the columns would be others.
fn place<'s>(diagnostic: &Diagnostic, position: &Position, source: &'s Source) -> Element<'s> {
    let bytes = &source.bytes;
    let start = position.span.start.min(bytes.len());
    let Some((line, span)) = line_around(bytes, start).and_then(|(line_start, line)| {
        let end = position.span.end.max(start) - line_start;
        let span = line.floor_char_boundary(start - line_start)..line.ceil_char_boundary(end.min(line.len()));
        excerpt(line, span)
    }) else {
        return origin(position).into();
    };
    let mut annotation = AnnotationKind::Primary.span(span);
    if let Some(object) = &diagnostic.object {
        annotation = annotation.label(Plain(&cut(&object.to_string(), LONGEST_NAME)).to_string());
    }
    Snippet::source(line)
        .path(Plain(&position.source).to_string())
        .line_start(position.line as usize)
        .annotation(annotation)
        .into()
}

/// The line that a byte stands on, without its end, and where it begins; `None` if it is too long to be shown or no text.
fn line_around(bytes: &[u8], at: usize) -> Option<(usize, &str)> {
    let from = at.saturating_sub(LONGEST_LINE);
    let to = bytes.len().min(at + LONGEST_LINE);
    let start = match memchr::memrchr(b'\n', &bytes[from..at]) {
        Some(line_feed) => from + line_feed + 1,
        None if from == 0 => 0,
        None => return None,
    };
    let end = match memchr::memchr(b'\n', &bytes[at..to]) {
        Some(line_feed) => at + line_feed,
        None if to == bytes.len() => to,
        None => return None,
    };
    let line = std::str::from_utf8(&bytes[start..end]).ok().filter(|line| line.len() <= LONGEST_LINE)?;
    Some((start, line.trim_end_matches('\r')))
}

/// A line with escapes for what cannot be shown as it is, and the span in it; `None` if the span is not where it was.
/// Tabs are shown as spaces.
fn excerpt(line: &str, span: Range<usize>) -> Option<(Cow<'_, str>, Range<usize>)> {
    let mut hidden = hidden(line).filter(|&(_, c)| c != '\t').peekable();
    if hidden.peek().is_none() {
        return Some((Cow::Borrowed(line), span));
    }
    let mut shown = String::new();
    let (mut done, mut end) = (0, span.end);
    for (at, c) in hidden {
        if at < span.start {
            return None;
        }
        let escape = c.escape_unicode();
        shown.push_str(&line[done..at]);
        shown.extend(escape.clone());
        done = at + c.len_utf8();
        if at < span.end {
            end += escape.len() - c.len_utf8();
        }
    }
    shown.push_str(&line[done..]);
    Some((Cow::Owned(shown), span.start..end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::ObjectName;

    const YAML: &str =
        "kind: NetworkPolicy\nspec:\n  ingress:\n  - from:\n    - ipBlock: {cidr: 10.0.0.0/33}\n";

    fn source(bytes: impl Into<Vec<u8>>) -> Source {
        Source::new("shop.yaml".into(), bytes.into().into())
    }

    fn finding() -> Diagnostic {
        Diagnostic::new(Code::InvalidValue, "Invalid value: \"10.0.0.0/33\": must be a valid CIDR value")
            .with_object(ObjectName {
                kind: "NetworkPolicy".into(),
                namespace: "shop".into(),
                name: "web".into(),
            })
            .with_path("spec.ingress[0].from[0].ipBlock.cidr")
            .with_help("an IPv4 prefix has at most 32 bits")
    }

    fn position(source: &Source, line: u32, text: &str) -> Position {
        let start = String::from_utf8_lossy(&source.bytes).find(text).unwrap();
        Position { source: source.name.clone(), line, column: 22, span: start..start + text.len() }
    }

    fn shown(findings: &[Located<'_>], volume: Volume) -> String {
        let mut out = Vec::new();
        text(findings, volume, Palette::default(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_field_is_underlined() {
        let (source, diagnostic) = (source(YAML), finding());
        let position = Some(position(&source, 5, "10.0.0.0/33"));
        let located = Located { diagnostic: &diagnostic, position, source: Some(&source) };
        insta::assert_snapshot!(shown(&[located], Volume::Normal));
    }

    #[test]
    fn long_lines_are_named_and_not_shown() {
        let (source, diagnostic) = (source(format!("{}10.0.0.0/33", " ".repeat(5_000))), finding());
        let position = Some(position(&source, 1, "10.0.0.0/33"));
        let located = Located { diagnostic: &diagnostic, position, source: Some(&source) };
        insta::assert_snapshot!(shown(&[located], Volume::Normal));
    }

    #[test]
    fn what_could_be_obeyed_is_shown_escaped() {
        let diagnostic = Diagnostic::new(Code::InvalidValue, "Invalid value: \"a\u{1b}[2Jb\"");
        let shown_of = |text: &str, span: Range<usize>| {
            let source = source(text);
            let column = u32::try_from(span.start).unwrap() + 1;
            let position = Some(Position { source: "x\u{1b}.yaml".into(), line: 1, column, span });
            let located = Located { diagnostic: &diagnostic, position, source: Some(&source) };
            shown(&[located], Volume::Normal)
        };
        for (c, escape) in [
            ('\u{1b}', "\\u{1b}"),
            ('\u{9b}', "\\u{9b}"),
            ('\u{202e}', "\\u{202e}"),
            ('\u{7f}', "\\u{7f}"),
            ('\u{fffe}', "\\u{fffe}"),
        ] {
            let text = shown_of(&format!("name: a{c}[2Jb # ##[x]{c}\r\n"), 6..7 + c.len_utf8());
            assert!(text.contains(&format!("1 | name: a{escape}[2Jb # \\u{{23}}#[x]{escape}\n")), "{text}");
            assert!(text.contains(&format!("  |       {}\n", "^".repeat(escape.len() + 1))), "{text}");
            let text = shown_of(&format!("# {c}\tname"), 3 + c.len_utf8()..7 + c.len_utf8());
            assert!(text.contains("x\\u{1b}.yaml:1:") && !text.contains("name"), "{text}");
            assert!(!text.contains(c), "{text}");
        }
    }

    #[test]
    fn spans_in_the_middle_of_characters_do_not_panic() {
        let source = source("name: käse\n");
        let diagnostic = Diagnostic::new(Code::InvalidValue, "Invalid value");
        for (start, end) in [(8, 8), (7, 9), (8, 900), (900, 901)] {
            let position = Some(Position { source: "x".into(), line: 1, column: 8, span: start..end });
            let located = Located { diagnostic: &diagnostic, position, source: Some(&source) };
            assert!(shown(&[located], Volume::Normal).contains("Invalid value"));
        }
    }

    #[test]
    fn repeated_findings_are_counted() {
        let diagnostics: Vec<Diagnostic> =
            [(Code::InvalidValue, 25), (Code::LegacyCidr, 5), (Code::IgnoredKind, 5)]
                .into_iter()
                .flat_map(|(code, number)| (0..number).map(move |_| Diagnostic::new(code, "something")))
                .collect();
        let located: Vec<Located<'_>> = diagnostics
            .iter()
            .map(|diagnostic| Located { diagnostic, position: None, source: None })
            .collect();
        for (volume, errors, warnings, notes) in
            [(Volume::Quiet, 20, 0, 0), (Volume::Normal, 20, 3, 0), (Volume::Verbose, 25, 5, 5)]
        {
            let text = shown(&located, volume);
            let lines = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
            assert_eq!((lines("error["), lines("warning["), lines("note[")), (errors, warnings, notes));
            let rest = "and 5 more of invalid-value; `-o json` has all\n";
            assert_eq!(text.contains(rest), volume != Volume::Verbose, "{text}");
        }
        assert!(
            shown(&located, Volume::Normal)
                .ends_with("not shown: 2 warnings (legacy-cidr), 5 notes (ignored-kind); -v shows all\n")
        );
    }
}
