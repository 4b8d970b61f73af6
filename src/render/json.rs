//! JSON that is also safe to look at.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::text::is_unprintable;

/// Compact JSON in which every character a terminal could act on is written as `\u009b`.
struct Printable;

impl Formatter for Printable {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        write_escaped(out, fragment, is_unprintable)
    }
}

/// Compact JSON within HTML: nothing in it can end the element that holds it.
struct Embedded;

impl Formatter for Embedded {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        write_escaped(out, fragment, |c| is_unprintable(c) || matches!(c, '<' | '>' | '&'))
    }
}

/// Writes a part of a JSON text; characters that are `hidden` as the escapes a string may have.
fn write_escaped<W: ?Sized + Write>(
    out: &mut W,
    text: &str,
    hidden: impl Fn(char) -> bool,
) -> io::Result<()> {
    let mut rest = text;
    while let Some((at, c)) = rest.char_indices().find(|&(_, c)| hidden(c)) {
        out.write_all(&rest.as_bytes()[..at])?;
        for unit in c.encode_utf16(&mut [0; 2]) {
            write!(out, "\\u{unit:04x}")?;
        }
        rest = &rest[at + c.len_utf8()..];
    }
    out.write_all(rest.as_bytes())
}

/// Writes `value` over several lines, indented.
pub(super) fn pretty<T: Serialize + ?Sized>(out: &mut dyn Write, value: &T) -> io::Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    // The line breaks are the layout's: those within strings have been escaped.
    write_escaped(out, &text, |c| c != '\n' && is_unprintable(c))?;
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
        to_writer(&mut out, &["\u{9b}\u{7f}", "é\"\n", "\u{202e}x"]).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), r#"["\u009b\u007f","é\"\n","\u202ex"]"#);
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
