//! Text for people: escaping, counting, wrapping.

use std::fmt::{self, Write as _};

use unicode_width::UnicodeWidthStr;

/// The columns lists are wrapped at.
pub(super) const LINE: usize = 100;

/// How much is said.
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

/// Whether printing `c` could move the cursor, change colours or reorder what stands around it.
pub(super) fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A user's text on a terminal: what cannot be printed is written as `\u{1b}`.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a>(pub &'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.contains(is_unprintable) {
            return f.write_str(self.0);
        }
        self.0.chars().try_for_each(|c| {
            if is_unprintable(c) { write!(f, "{}", c.escape_unicode()) } else { f.write_char(c) }
        })
    }
}

/// A user's text in Markdown: every character that could mean something there is written as an entity.
#[derive(Clone, Copy, Debug)]
pub struct Markdown<'a>(pub &'a str);

impl fmt::Display for Markdown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
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

/// How many columns of a terminal `text` takes.
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
            ("käse", "käse"),
        ] {
            assert_eq!(Plain(text).to_string(), safe);
        }
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
