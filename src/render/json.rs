//! JSON that is also safe to look at.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

use super::text::is_unprintable;

/// Compact JSON in which every character a terminal could act on is written as `\u009b`.
struct Printable;

impl Formatter for Printable {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_unprintable) {
            let (before, from) = rest.split_at(at);
            let mut chars = from.chars();
            out.write_all(before.as_bytes())?;
            if let Some(c) = chars.next() {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    write!(out, "\\u{unit:04x}")?;
                }
            }
            rest = chars.as_str();
        }
        CompactFormatter.write_string_fragment(out, rest)
    }
}

/// Writes `value` on one line, without the line's end.
pub(super) fn to_writer<T: Serialize + ?Sized>(out: &mut dyn Write, value: &T) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, Printable)).map_err(io::Error::from)
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
    fn lists_of_lines() {
        let mut out = Vec::new();
        let mut list = Elements::new();
        list.write(&mut out, &1).unwrap();
        list.write(&mut out, &2).unwrap();
        list.end(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "\n    1,\n    2\n  ]");
    }
}
