//! Markdown as far as it matters here: fenced blocks, and the sessions among them.

use std::fmt;
use std::fs;
use std::path::Path;

/// A document in parts; written out again, it is the text that was read.
pub(super) struct Document {
    pub(super) parts: Vec<Part>,
}

pub(super) enum Part {
    /// Lines outside fences.
    Prose(Vec<String>),
    /// A fenced block that is no session.
    Block { language: String, lines: Vec<String> },
    /// A `console` block.
    Session(Session),
}

pub(super) struct Session {
    pub(super) exchanges: Vec<Exchange>,
}

/// A command and what it is said to print.
pub(super) struct Exchange {
    pub(super) command: String,
    pub(super) shown: Vec<String>,
    /// Empty lines before the next command; they are not printed.
    blank: usize,
}

impl Document {
    pub(super) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let document = Self::parse(&text);
        assert_eq!(document.to_string(), text, "{} is not understood", path.display());
        document
    }

    fn parse(text: &str) -> Self {
        let mut parts = vec![Part::Prose(Vec::new())];
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(language) = line.strip_prefix("```") {
                let body: Vec<String> =
                    lines.by_ref().take_while(|line| *line != "```").map(str::to_owned).collect();
                parts.push(match Session::parse(&body) {
                    Some(session) if language == "console" => Part::Session(session),
                    _ => Part::Block { language: language.to_owned(), lines: body },
                });
                parts.push(Part::Prose(Vec::new()));
            } else if let Some(Part::Prose(prose)) = parts.last_mut() {
                prose.push(line.to_owned());
            }
        }
        Self { parts }
    }
}

impl Session {
    /// Nothing if the block does not begin with a command.
    fn parse(lines: &[String]) -> Option<Self> {
        let mut exchanges: Vec<Exchange> = Vec::new();
        for line in lines {
            match (line.strip_prefix("$ "), exchanges.last_mut()) {
                (Some(command), _) => {
                    exchanges.push(Exchange { command: command.to_owned(), shown: Vec::new(), blank: 0 });
                }
                (None, Some(exchange)) => exchange.shown.push(line.clone()),
                (None, None) => return None,
            }
        }
        for exchange in &mut exchanges {
            while exchange.shown.pop_if(|line| line.is_empty()).is_some() {
                exchange.blank += 1;
            }
        }
        (!exchanges.is_empty()).then_some(Self { exchanges })
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let write = |f: &mut fmt::Formatter<'_>, lines: &[String]| {
            lines.iter().try_for_each(|line| writeln!(f, "{line}"))
        };
        for part in &self.parts {
            match part {
                Part::Prose(lines) => write(f, lines)?,
                Part::Block { language, lines } => {
                    writeln!(f, "```{language}")?;
                    write(f, lines)?;
                    writeln!(f, "```")?;
                }
                Part::Session(session) => {
                    writeln!(f, "```console")?;
                    for Exchange { command, shown, blank } in &session.exchanges {
                        writeln!(f, "$ {command}")?;
                        write(f, shown)?;
                        (0..*blank).try_for_each(|_| writeln!(f))?;
                    }
                    writeln!(f, "```")?;
                }
            }
        }
        Ok(())
    }
}

/// True if `printed` is what `shown` says, where `...` stands for any lines.
pub(super) fn matches(shown: &[String], printed: &[String]) -> bool {
    let mut pieces = shown.split(|line| line == "...");
    let Some(mut rest) = pieces.next().and_then(|first| printed.strip_prefix(first)) else { return false };
    let mut pieces: Vec<&[String]> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces.into_iter().filter(|piece| !piece.is_empty()) {
        let Some(at) = rest.windows(piece.len()).position(|window| window == piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

#[test]
fn dots_stand_for_any_lines() {
    let lines = |text: &str| text.split(' ').filter(|l| !l.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    for (shown, printed, same) in [
        ("a b", "a b", true),
        ("a b", "a b c", false),
        ("a b", "a", false),
        ("... c", "a b c", true),
        ("a ...", "a", true),
        ("a ... c", "a b b c", true),
        ("a ... c", "a b", false),
        ("a ... a", "a", false),
        ("a ... c ... e", "a b c d e", true),
        ("a ... d ... e", "a b c e", false),
        ("...", "", true),
        ("", "", true),
    ] {
        assert_eq!(matches(&lines(shown), &lines(printed)), same, "{shown} | {printed}");
    }
}
