//! Objects as text, laid out as kubectl prints them: JSON indented by four spaces, YAML with dashes under their key.
//!
//! Streams: text is handed on in pieces, so that a dump of any size takes little memory. The first error of the writer
//! is kept and returned at the end.

use std::io::{self, Write};

use super::Format;

/// Bytes of text that are collected before they are handed on.
const PIECE: usize = 1 << 16;

/// A stream of objects that is being written.
pub(crate) struct Text<'w> {
    out: &'w mut dyn Write,
    error: Option<io::Error>,
    piece: Vec<u8>,
    format: Format,
    /// Columns before what the next line says.
    indent: usize,
    /// Set if the innermost object or list has nothing in it yet.
    empty: bool,
    /// YAML: whether the next key stands on the line that was begun.
    inline: bool,
}

/// Writes the objects that `body` hands to [`Text::resource`].
pub(crate) fn write(out: &mut dyn Write, format: Format, body: impl FnOnce(&mut Text<'_>)) -> io::Result<()> {
    let piece = Vec::with_capacity(2 * PIECE);
    let mut text = Text { out, error: None, piece, format, indent: 0, empty: true, inline: true };
    if format == Format::Yaml {
        body(&mut text);
    } else {
        text.fields(|text| {
            text.string("apiVersion", "v1");
            text.list("items", body);
            text.string("kind", "List");
            text.object("metadata", |text| text.string("resourceVersion", ""));
        });
        text.put("\n");
    }
    text.hand_on();
    match text.error {
        Some(error) => Err(error),
        None => text.out.flush(),
    }
}

impl Text<'_> {
    /// One Kubernetes object: an element of the list, or a document of its own.
    pub(crate) fn resource(&mut self, body: impl FnOnce(&mut Self)) {
        if self.format == Format::Yaml {
            self.put("---\n");
            self.inline = true;
            body(self);
            self.put("\n");
        } else {
            self.item(body);
        }
        if self.piece.len() >= PIECE {
            self.hand_on();
        }
    }

    /// `key: {...}`
    pub(crate) fn object(&mut self, key: &str, body: impl FnOnce(&mut Self)) {
        self.key(key);
        if self.is_json() {
            self.fields(body);
        } else {
            self.nested(" {}", |text| text.indented(2, body));
        }
    }

    /// `key: [...]`
    pub(crate) fn list(&mut self, key: &str, body: impl FnOnce(&mut Self)) {
        self.key(key);
        if self.is_json() {
            self.bracketed("[", body, "]");
        } else {
            self.nested(" []", body);
        }
    }

    /// An object in a list.
    pub(crate) fn item(&mut self, body: impl FnOnce(&mut Self)) {
        self.element_begins();
        if self.is_json() {
            self.fields(body);
        } else {
            self.inline = true;
            self.nested("{}", |text| text.indented(2, body));
            self.inline = false;
        }
    }

    /// A string in a list.
    pub(crate) fn element(&mut self, value: &str) {
        self.element_begins();
        self.scalar(value);
    }

    /// `key: "value"`
    pub(crate) fn string(&mut self, key: &str, value: &str) {
        self.key(key);
        self.gap();
        self.scalar(value);
    }

    /// `key: 1`
    pub(crate) fn number(&mut self, key: &str, value: usize) {
        self.key(key);
        self.gap();
        self.put(&value.to_string());
    }

    /// `key: true`
    pub(crate) fn flag(&mut self, key: &str, value: bool) {
        self.key(key);
        self.gap();
        self.put(if value { "true" } else { "false" });
    }

    /// The fields of an object whose key, if it has one, was written.
    fn fields(&mut self, body: impl FnOnce(&mut Self)) {
        if self.is_json() {
            self.bracketed("{", body, "}");
        } else {
            body(self);
        }
    }

    /// JSON: what stands between two brackets.
    fn bracketed(&mut self, open: &str, body: impl FnOnce(&mut Self), close: &str) {
        self.put(open);
        self.empty = true;
        self.indented(4, body);
        if !self.empty {
            self.line_begins();
        }
        self.put(close);
        self.empty = false;
    }

    /// YAML: what stands on the lines below, or the word for nothing at all.
    fn nested(&mut self, nothing: &str, body: impl FnOnce(&mut Self)) {
        self.empty = true;
        body(self);
        if self.empty {
            self.put(nothing);
        }
        self.empty = false;
    }

    fn indented(&mut self, columns: usize, body: impl FnOnce(&mut Self)) {
        self.indent += columns;
        body(self);
        self.indent -= columns;
    }

    fn key(&mut self, key: &str) {
        if self.is_json() {
            self.entry_begins();
            self.quoted(key);
            self.put(": ");
        } else {
            if !std::mem::take(&mut self.inline) {
                self.line_begins();
            }
            self.scalar(key);
            self.put(":");
        }
        self.empty = false;
    }

    fn element_begins(&mut self) {
        if self.is_json() {
            self.entry_begins();
        } else {
            self.line_begins();
            self.put("- ");
        }
        self.empty = false;
    }

    /// JSON: the next field or element.
    fn entry_begins(&mut self) {
        if !self.empty {
            self.put(",");
        }
        self.line_begins();
    }

    fn line_begins(&mut self) {
        self.piece.push(b'\n');
        self.piece.resize(self.piece.len() + self.indent, b' ');
    }

    /// Writes the space between a key and a scalar: JSON has it already.
    fn gap(&mut self) {
        if !self.is_json() {
            self.put(" ");
        }
    }

    fn scalar(&mut self, value: &str) {
        if self.is_json() || !is_plain(value) {
            self.quoted(value);
        } else {
            self.put(value);
        }
    }

    /// Both formats understand the escapes of JSON.
    fn quoted(&mut self, value: &str) {
        self.put("\"");
        let mut rest = value;
        while let Some(at) = rest.find(['"', '\\', '\n']) {
            self.put(&rest[..at]);
            self.put(if rest[at..].starts_with('\n') { "\\n" } else { "\\" });
            if !rest[at..].starts_with('\n') {
                self.put(&rest[at..=at]);
            }
            rest = &rest[at + 1..];
        }
        self.put(rest);
        self.put("\"");
    }

    fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    fn put(&mut self, text: &str) {
        self.piece.extend_from_slice(text.as_bytes());
    }

    /// Gives what was collected to the writer, unless it has failed.
    fn hand_on(&mut self) {
        if self.error.is_none() {
            self.error = self.out.write_all(&self.piece).err();
        }
        self.piece.clear();
    }
}

/// True if YAML surely reads `value` as a string without quotes; false more often than necessary.
fn is_plain(value: &str) -> bool {
    let mut bytes = value.bytes();
    let first_is_letter = bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'/');
    let is_address = value.bytes().filter(|&byte| byte == b'.').count() == 3;
    (first_is_letter || is_address)
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte))
        && !["y", "n", "yes", "no", "on", "off", "true", "false", "null"]
            .iter()
            .any(|word| value.eq_ignore_ascii_case(word))
}
