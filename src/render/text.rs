//! Text for people: escaping, counting, wrapping.

use std::fmt::{self, Write as _};
use std::net::Ipv6Addr;

use ipnet::Ipv6Net;
use unicode_width::UnicodeWidthStr;

/// The columns lists are wrapped at.
pub(super) const LINE: usize = 100;

/// The amount of detail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Detail {
    /// Long lists are cut, and say how much is missing.
    Short,
    /// Everything.
    Wide,
}

impl Detail {
    /// The most of a list, of which the short form has so many.
    pub(super) const fn most(self, short: usize) -> usize {
        match self {
            Self::Short => short,
            Self::Wide => usize::MAX,
        }
    }
}

/// True if printing `c` could move the cursor, change colours, reorder or hide what stands around it; or if XML and
/// YAML have no such character.
pub(super) fn is_unprintable(c: char) -> bool {
    let is_noncharacter = c as u32 & 0xfffe == 0xfffe || matches!(c, '\u{fdd0}'..='\u{fdef}');
    c.is_control()
        || is_noncharacter
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
        )
}

/// The characters of a text that no output may show as they are, and where they stand: what cannot be printed, and the
/// first of `##[` and `##vso[`, with which commands to the runners of GitHub and Azure Pipelines begin anywhere in a line.
pub(super) fn hidden(text: &str) -> impl Iterator<Item = (usize, char)> {
    text.char_indices().filter(|&(at, c)| is_unprintable(c) || (c == '#' && is_runner_command(&text[at..])))
}

fn is_runner_command(text: &str) -> bool {
    let name = |c: char| c.is_ascii_alphabetic();
    text.strip_prefix("##").is_some_and(|rest| rest.trim_start_matches(name).starts_with('['))
}

/// The place of `::error::`, a command to GitHub's runner if a line begins with it. Addresses such as `::1` are none.
fn line_command(text: &str) -> Option<usize> {
    let at = text.len() - text.trim_start().len();
    let text = &text[at..];
    let is_of_address = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '.' | '/');
    let word = text.find(|c| !is_of_address(c)).map_or(text, |end| &text[..end]);
    let is_whole = !text[word.len()..].starts_with(|c: char| !matches!(c, ' ' | ',' | ')'));
    let is_address = || is_whole && (word.parse::<Ipv6Addr>().is_ok() || word.parse::<Ipv6Net>().is_ok());
    (text.starts_with("::") && !is_address()).then_some(at)
}

/// The same as [`hidden`] for a text that may stand at the beginning of a line.
fn hidden_in_line(text: &str) -> impl Iterator<Item = (usize, char)> {
    let command = line_command(text);
    text.char_indices().filter(move |&(at, c)| {
        is_unprintable(c) || (c == '#' && is_runner_command(&text[at..])) || command == Some(at)
    })
}

/// True if lines can be printed as they are.
pub(super) fn is_inert(lines: &str) -> bool {
    lines.split('\n').all(|line| hidden_in_line(line).next().is_none())
}

/// A user's text on a terminal or in the log of a CI runner: what cannot be printed, or would be obeyed, is written as
/// `\u{1b}`.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a>(pub &'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut done = 0;
        for (at, c) in hidden_in_line(self.0) {
            write!(f, "{}{}", &self.0[done..at], c.escape_unicode())?;
            done = at + c.len_utf8();
        }
        f.write_str(&self.0[done..])
    }
}

/// A user's text in Markdown: every character that could mean something there is written as an entity.
#[derive(Clone, Copy, Debug)]
pub struct Markdown<'a>(pub &'a str);

impl fmt::Display for Markdown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let command = line_command(self.0);
        self.0.char_indices().try_for_each(|(at, c)| match c {
            ':' if command == Some(at) => f.write_str("&#58;"),
            ' ' | '-' | '.' | '/' | ',' | ':' | '(' | ')' => f.write_char(c),
            c if is_unprintable(c) => write!(f, "{}", c.escape_unicode()),
            c if c.is_ascii_punctuation() => write!(f, "&#{};", u32::from(c)),
            c => f.write_char(c),
        })
    }
}

/// `1 pod`, `2 pods`.
pub fn count(number: u64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

/// Number of columns of a terminal that `text` takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// `text` with spaces up to `columns`.
pub(super) fn padded(text: &str, columns: usize) -> String {
    format!("{text}{:1$}", "", columns.saturating_sub(width(text)))
}

/// Rows of cells as lines, columns aligned, without trailing spaces.
pub(super) fn columns(rows: &[Vec<String>]) -> Vec<String> {
    painted_columns(rows, |_, _, cell| cell.to_owned())
}

/// The same, each cell painted by row and column; paint takes no room.
pub(super) fn painted_columns(
    rows: &[Vec<String>],
    paint: impl Fn(usize, usize, &str) -> String,
) -> Vec<String> {
    spaced_columns(rows, "  ", paint)
}

/// The same with another gap between the columns.
pub(super) fn spaced_columns(
    rows: &[Vec<String>],
    gap: &str,
    paint: impl Fn(usize, usize, &str) -> String,
) -> Vec<String> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (i, cell) in row.iter().enumerate() {
            match widths.get_mut(i) {
                Some(wide) => *wide = (*wide).max(width(cell)),
                None => widths.push(width(cell)),
            }
        }
    }
    rows.iter()
        .enumerate()
        .map(|(i, row)| {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .enumerate()
                .map(|(j, (cell, wide))| format!("{}{:2$}", paint(i, j, cell), "", wide - width(cell)))
                .collect();
            cells.join(gap).trim_end().to_owned()
        })
        .collect()
}

/// Items joined by commas in lines of at most `limit` columns; an item that is wider has a line of its own.
pub(super) fn wrapped(items: &[String], limit: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let comma = if i + 1 < items.len() { "," } else { "" };
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(item) + comma.len() <= limit => {
                write!(line, " {item}{comma}").expect("writing to a string cannot fail");
            }
            _ => lines.push(format!("{item}{comma}")),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_get_no_control_characters() {
        for (text, safe) in [
            ("shop/web", "shop/web"),
            ("a\x1b[31mb", "a\\u{1b}[31mb"),
            ("a\nb\rc", "a\\u{a}b\\u{d}c"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("\u{202e}gnp", "\\u{202e}gnp"),
            ("\u{fffe}\u{1ffff}\u{e0041}", "\\u{fffe}\\u{1ffff}\\u{e0041}"),
            ("käse", "käse"),
        ] {
            assert_eq!(Plain(text).to_string(), safe);
            assert_eq!(is_inert(text), text == safe);
        }
    }

    #[test]
    fn runners_get_no_commands() {
        for (text, safe) in [
            ("::error::x", "\\u{3a}:error::x"),
            ("  ::stop-commands::x", "  \\u{3a}:stop-commands::x"),
            ("a ::error::x", "a ::error::x"),
            ("a ##[add-mask]x", "a \\u{23}#[add-mask]x"),
            ("##vso[task.complete]", "\\u{23}#vso[task.complete]"),
            ("###[group]", "#\\u{23}#[group]"),
            ("## a [b]", "## a [b]"),
            ("::1", "::1"),
            ("::/0, ::1/128", "::/0, ::1/128"),
            ("::dead::beef", "\\u{3a}:dead::beef"),
        ] {
            assert_eq!(Plain(text).to_string(), safe);
            assert_eq!(is_inert(text), text == safe);
            assert!(is_inert(&Markdown(text).to_string()), "{text}");
        }
        assert!(!is_inert("a: |\n  ::error::x\n"));
    }

    #[test]
    fn markdown_cannot_be_broken_out_of() {
        assert_eq!(Markdown("shop/web-0").to_string(), "shop/web-0");
        assert_eq!(Markdown("a|b<script>[x](y)`").to_string(), "a&#124;b&#60;script&#62;&#91;x&#93;(y)&#96;");
    }

    #[test]
    fn columns_align_by_width_not_bytes() {
        let rows = vec![vec!["ä".into(), "1".into()], vec!["abc".into(), "2".into()]];
        assert_eq!(columns(&rows), ["ä    1", "abc  2"]);
    }

    #[test]
    fn lists_wrap_between_items() {
        let items = ["aaaa", "bbbb", "cccc"].map(String::from);
        assert_eq!(wrapped(&items, 11), ["aaaa, bbbb,", "cccc"]);
        assert_eq!(wrapped(&items, 3), ["aaaa,", "bbbb,", "cccc"]);
    }
}
