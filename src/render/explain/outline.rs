//! Headings, nested items and YAML, printed for a terminal or as Markdown.

use std::fmt::Write as _;

use crate::query::can::Verdict;
use crate::render::style::Palette;
use crate::render::text::{Markdown, Plain};

/// The parts of an explanation, in order; texts are not escaped yet.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::render) struct Outline {
    parts: Vec<Part>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    Title { verdict: Option<Word>, text: String },
    Heading(String),
    Item { depth: usize, mark: Mark, text: String },
    Yaml(String),
}

/// The first word of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Word {
    Verdict(Verdict),
    /// Something is allowed, and something is denied.
    Partly,
}

impl Word {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Verdict(verdict) => verdict.as_str(),
            Self::Partly => "partly",
        }
    }
}

/// The meaning of an item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::render) enum Mark {
    /// Something said.
    Plain,
    /// A rule that matches.
    Match,
    /// A rule that does not.
    Miss,
    /// A rule that may.
    Perhaps,
    /// Something that matters less.
    Aside,
}

impl Outline {
    pub(in crate::render) fn title(&mut self, verdict: Option<Verdict>, text: String) {
        self.parts.push(Part::Title { verdict: verdict.map(Word::Verdict), text });
    }

    /// The title of an answer that says what is allowed and what is not.
    pub(in crate::render) fn partly(&mut self, text: String) {
        self.parts.push(Part::Title { verdict: Some(Word::Partly), text });
    }

    pub(in crate::render) fn heading(&mut self, text: impl Into<String>) {
        self.parts.push(Part::Heading(text.into()));
    }

    pub(in crate::render) fn item(&mut self, depth: usize, mark: Mark, text: impl Into<String>) {
        self.parts.push(Part::Item { depth, mark, text: text.into() });
    }

    pub(in crate::render) fn yaml(&mut self, text: String) {
        self.parts.push(Part::Yaml(text));
    }

    /// For a terminal.
    pub(in crate::render) fn text(&self, palette: Palette) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Title { verdict, text } => {
                    if let Some(verdict) = verdict {
                        let word = match verdict {
                            Word::Verdict(Verdict::Allow) => palette.allowed(verdict.as_str()),
                            Word::Verdict(Verdict::Deny) => palette.denied(verdict.as_str()),
                            Word::Verdict(Verdict::Unknown) | Word::Partly => {
                                palette.doubtful(verdict.as_str())
                            }
                        };
                        line(&mut out, &format!("{word}: {}", Plain(text)));
                    } else {
                        line(&mut out, &palette.heading(Plain(text)));
                    }
                }
                Part::Heading(text) => line(&mut out, &format!("\n{}", palette.heading(Plain(text)))),
                Part::Item { depth, mark, text } => {
                    let text = match mark {
                        Mark::Plain => Plain(text).to_string(),
                        Mark::Match => palette.allowed(format_args!("+ {}", Plain(text))),
                        Mark::Miss => format!("- {}", Plain(text)),
                        Mark::Perhaps => palette.doubtful(format_args!("? {}", Plain(text))),
                        Mark::Aside => palette.faint(Plain(text)),
                    };
                    line(&mut out, &format!("{:1$}{text}", "", 2 * (depth + 1)));
                }
                Part::Yaml(text) => {
                    for yaml in text.lines() {
                        line(&mut out, &format!("  {}", Plain(yaml)));
                    }
                }
            }
        }
        out
    }

    /// As Markdown.
    pub(in crate::render) fn markdown(&self) -> String {
        let mut out = String::new();
        let mut after_item = false;
        for part in &self.parts {
            if after_item && !matches!(part, Part::Item { .. }) {
                out.push('\n');
            }
            after_item = matches!(part, Part::Item { .. });
            match part {
                Part::Title { verdict: Some(verdict), text } => {
                    line(&mut out, &format!("### {}: {}\n", verdict.as_str(), Markdown(text)));
                }
                Part::Title { verdict: None, text } => line(&mut out, &format!("### {}\n", Markdown(text))),
                Part::Heading(text) => line(&mut out, &format!("#### {}\n", Markdown(text))),
                Part::Item { depth, mark, text } => {
                    let word = match mark {
                        Mark::Plain | Mark::Aside => "",
                        Mark::Match => "**yes** ",
                        Mark::Miss => "**no** ",
                        Mark::Perhaps => "**perhaps** ",
                    };
                    line(&mut out, &format!("{:1$}- {word}{2}", "", 2 * depth, Markdown(text)));
                }
                Part::Yaml(text) => line(&mut out, &format!("{}\n", fenced(text))),
            }
        }
        out
    }
}

fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").expect("writing to a string cannot fail");
}

/// YAML in a fence that nothing in it can close.
fn fenced(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}yaml\n{}\n{fence}", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hostile() -> Outline {
        let mut outline = Outline::default();
        outline.title(Some(Verdict::Deny), "a\x1b[31m|<b>".into());
        outline.item(0, Mark::Miss, "`x`\n# injected");
        outline.yaml("a: \"```\"\n".into());
        outline
    }

    #[test]
    fn terminals_are_safe() {
        assert_eq!(
            hostile().text(Palette::new(false)),
            "deny: a\\u{1b}[31m|<b>\n  - `x`\\u{a}# injected\n  a: \"```\"\n"
        );
        assert!(hostile().text(Palette::new(true)).contains("\x1b[31mdeny"));
    }

    #[test]
    fn markdown_is_safe() {
        let text = hostile().markdown();
        assert!(text.starts_with("### deny: a\\u{1b}&#91;31m&#124;&#60;b&#62;\n"), "{text}");
        assert!(text.contains("\n````yaml\na: \"```\"\n````\n"), "{text}");
        assert!(!text.contains("\n# injected"));
    }
}
