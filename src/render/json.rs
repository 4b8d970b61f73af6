//! JSON that is also safe to look at.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::text::{hidden, is_unprintable};

/// Compact JSON in which every character is written as `\u009b` that a terminal or a CI runner could act on.
struct Printable;

impl Formatter for Printable {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        write_escaped(out, fragment, hidden(fragment))
    }
}

/// Compact JSON within HTML: nothing in it can end the element that holds it.
struct Embedded;

impl Formatter for Embedded {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let is_hidden = |c| is_unprintable(c) || matches!(c, '<' | '>' | '&' | '#');
        write_escaped(out, fragment, fragment.char_indices().filter(|&(_, c)| is_hidden(c)))
    }
}

/// Writes a part of a JSON text; the characters that are `hidden`, which stand in strings, as escapes.
fn write_escaped<W: ?Sized + Write>(
    out: &mut W,
    text: &str,
    hidden: impl Iterator<Item = (usize, char)>,
) -> io::Result<()> {
    let mut done = 0;
    for (at, c) in hidden {
        out.write_all(&text.as_bytes()[done..at])?;
        for unit in c.encode_utf16(&mut [0; 2]) {
            write!(out, "\\u{unit:04x}")?;
        }
        done = at + c.len_utf8();
    }
    out.write_all(&text.as_bytes()[done..])
}

/// Writes `value` over several lines, indented.
pub(super) fn pretty<T: Serialize + ?Sized>(out: &mut dyn Write, value: &T) -> io::Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    // The line breaks are the layout's: those within strings have been escaped.
    write_escaped(out, &text, hidden(&text).filter(|&(_, c)| c != '\n'))?;
    out.write_all(b"\n")
}

/// Writes `value` on one line, without the line's end.
pub(super) fn to_writer<T: Serialize + ?Sized>(out: &mut dyn Write, value: &T) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, Printable)).map_err(io::Error::from)
}

/// `value` on one line, for a script element of a page.
pub(super) fn embedded<T: Serialize + ?Sized>(value: &T) -> io::Result<String> {
    let mut text = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut text, Embedded)).map_err(io::Error::from)?;
    String::from_utf8(text).map_err(io::Error::other)
}

/// `value` on one line, without the line's end.
pub(super) fn line<T: Serialize + ?Sized>(value: &T) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    to_writer(&mut line, value)?;
    Ok(line)
}

/// Writes the elements of a list, each on a line of its own, within an object that is indented by two spaces.
pub(super) struct Elements {
    first: bool,
}

impl Elements {
    /// Before the first element.
    pub(super) const fn new() -> Self {
        Self { first: true }
    }

    /// Writes one element.
    pub(super) fn write<T: Serialize + ?Sized>(&mut self, out: &mut dyn Write, value: &T) -> io::Result<()> {
        out.write_all(if self.first { b"\n    " } else { b",\n    " })?;
        self.first = false;
        to_writer(out, value)
    }

    /// Ends the list.
    pub(super) fn end(self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(if self.first { b"]" } else { b"\n  ]" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        let mut out = Vec::new();
        to_writer(&mut out, &["\u{9b}\u{7f}", "é\"\n", "\u{202e}x", "##[x] \u{e0041}"]).unwrap();
        let expected = r#"["\u009b\u007f","é\"\n","\u202ex","\u0023#[x] \udb40\udc41"]"#;
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn so_they_are_in_indented_objects() {
        let mut out = Vec::new();
        pretty(&mut out, &["\u{9b}\n"]).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "[\n  \"\\u009b\\n\"\n]\n");
    }

    #[test]
    fn lists_of_lines() {
        let mut out = Vec::new();
        let mut list = Elements::new();
        list.write(&mut out, &1).unwrap();
        list.write(&mut out, &2).unwrap();
        list.end(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "\n    1,\n    2\n  ]");
    }
}
