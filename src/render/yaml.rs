//! YAML that is also safe to look at.
//!
//! The YAML crate writes some texts as they are that a terminal or a CI runner would act on, such as lines of a block
//! scalar. JSON is YAML, too, and can escape every character of a string: whatever holds such a text is written that way.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;

use super::text::{hidden, is_inert};

/// Writes one document, without the `---` before it.
pub(super) fn to_writer<T: Serialize + ?Sized>(out: &mut dyn Write, value: &T) -> io::Result<()> {
    let text = crate::yaml::to_string(value).map_err(io::Error::other)?;
    if is_inert(&text) {
        return out.write_all(text.as_bytes());
    }
    writeln!(out, "{}", escaped(&serde_json::to_string_pretty(value)?))
}

/// Writes one item of a list in block style.
pub(super) fn item<T: Serialize + ?Sized>(out: &mut dyn Write, value: &T) -> io::Result<()> {
    let text = crate::yaml::to_string(&[value]).map_err(io::Error::other)?;
    if is_inert(&text) {
        return out.write_all(text.as_bytes());
    }
    writeln!(out, "- {}", escaped(&serde_json::to_string(value)?))
}

/// A text in double quotes.
pub(super) fn quoted(text: &str) -> String {
    escaped(&serde_json::to_string(text).expect("a string can always be written as JSON"))
}

/// A JSON text with the characters that are hidden, which stand in strings, as escapes of YAML: it has no surrogates.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let mut done = 0;
    for (at, c) in hidden(json).filter(|&(_, c)| c != '\n') {
        text.push_str(&json[done..at]);
        let number = u32::from(c);
        let written =
            if number <= 0xffff { write!(text, "\\u{number:04x}") } else { write!(text, "\\U{number:08x}") };
        written.expect("writing to a string cannot fail");
        done = at + c.len_utf8();
    }
    text + &json[done..]
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: [&str; 7] =
        ["a\n::error::x", "##[add-mask]x", "\u{202e}gnp", "\u{fffe}", "\u{e0041}", "\x1b\u{9b}", "plain"];

    #[test]
    fn what_is_written_is_inert_and_read_back() {
        for text in HOSTILE {
            let value = std::collections::BTreeMap::from([("name", text)]);
            let mut document = Vec::new();
            to_writer(&mut document, &value).unwrap();
            let mut list = Vec::new();
            item(&mut list, &value).unwrap();
            item(&mut list, "::x").unwrap();
            let [document, list] = [document, list].map(|bytes| String::from_utf8(bytes).unwrap());
            assert!(is_inert(&document) && is_inert(&list), "{document}{list}");
            let read: serde_json::Value = serde_yaml::from_str(&document).unwrap();
            assert_eq!(read["name"], text);
            let read: serde_json::Value = serde_yaml::from_str(&list).unwrap();
            assert_eq!((&read[0]["name"], &read[1]), (&text.into(), &"::x".into()));
            let read: String = serde_yaml::from_str(&quoted(text)).unwrap();
            assert_eq!(read, text);
        }
    }
}
