//! YAML of podreach's own making, and what its files have in common.
//!
//! Text that somebody applies must mean to kubectl what it means here: kubectl takes `yes` for a boolean and `1_000` for a
//! number, which YAML 1.2 and the crates that write it do not. So strings are quoted by the rules that [`crate::load`] reads
//! with. Goes by way of JSON, which is what all values are to Kubernetes.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, ser};
use serde_json::value::RawValue;

use crate::load::is_plain_string;

/// Error for a value that cannot be written as YAML: it has what JSON has not.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(#[from] serde_json::Error);

/// One document as text, in block style, without the `---` before it.
pub fn to_string<T: Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    let json = serde_json::value::to_raw_value(value)?;
    let mut out = String::with_capacity(json.get().len() * 2);
    node(&json, Place::Document, &mut out)?;
    Ok(out)
}

/// The most bytes of a key that stands before its value on one line.
const LONGEST_KEY: usize = 128;

/// The place at which a value is written.
#[derive(Clone, Copy)]
enum Place {
    /// At the beginning of everything.
    Document,
    /// After a key and its colon, which begin in this column.
    Value(usize),
    /// After a dash, a question mark or a colon alone, which stands in this column.
    Item(usize),
}

impl Place {
    /// The column in which the lines of a mapping, or of a text, begin.
    const fn within(self) -> usize {
        match self {
            Self::Document => 0,
            Self::Value(column) | Self::Item(column) => column + 2,
        }
    }

    /// The column of the dashes of a list.
    const fn dashes(self) -> usize {
        match self {
            Self::Value(column) => column,
            other => other.within(),
        }
    }

    /// Begins an entry in a column: the first one stands behind a dash, and in a line of its own after a key.
    fn begin(self, is_first: bool, column: usize, out: &mut String) {
        match self {
            Self::Document if is_first => {}
            Self::Item(_) if is_first => out.push(' '),
            Self::Value(_) if is_first => line(column, out),
            _ => pad(column, out),
        }
    }

    /// Writes what takes one line.
    fn scalar(self, text: &str, out: &mut String) {
        if !matches!(self, Self::Document) {
            out.push(' ');
        }
        out.push_str(text);
        out.push('\n');
    }
}

fn pad(column: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', column));
}

fn line(column: usize, out: &mut String) {
    out.push('\n');
    pad(column, out);
}

/// Writes a value that JSON was made of.
fn node(json: &RawValue, place: Place, out: &mut String) -> Result<(), serde_json::Error> {
    let text = json.get();
    match text.as_bytes().first() {
        Some(b'{') => {
            let Entries(entries) = serde_json::from_str(text)?;
            if entries.is_empty() {
                place.scalar("{}", out);
            }
            let column = place.within();
            for (i, (key, value)) in entries.into_iter().enumerate() {
                place.begin(i == 0, column, out);
                let key = if key.contains('\n') { escaped(&key) } else { scalar(&key) };
                if key.len() <= LONGEST_KEY {
                    write!(out, "{key}:").map_err(ser::Error::custom)?;
                    node(value, Place::Value(column), out)?;
                } else {
                    write!(out, "? {key}\n{:column$}:", "").map_err(ser::Error::custom)?;
                    node(value, Place::Item(column), out)?;
                }
            }
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text)?;
            if items.is_empty() {
                place.scalar("[]", out);
            }
            let column = place.dashes();
            for (i, item) in items.into_iter().enumerate() {
                place.begin(i == 0, column, out);
                out.push('-');
                node(item, Place::Item(column), out)?;
            }
        }
        Some(b'"') => {
            let text: Cow<'_, str> = serde_json::from_str(text)?;
            if text.contains('\n') && !needs_escapes(&text) {
                literal(&text, place, out);
            } else {
                place.scalar(&scalar(&text), out);
            }
        }
        _ => place.scalar(text, out),
    }
    Ok(())
}

/// A text of several lines, line by line.
fn literal(text: &str, place: Place, out: &mut String) {
    let indent = place.within().max(2);
    if !matches!(place, Place::Document) {
        out.push(' ');
    }
    out.push('|');
    if text.starts_with([' ', '\n']) {
        out.push('2');
    }
    let lines = match text.strip_suffix('\n') {
        None => {
            out.push('-');
            text
        }
        Some(rest) => {
            if rest.is_empty() || rest.ends_with('\n') {
                out.push('+');
            }
            rest
        }
    };
    for text in lines.split('\n') {
        out.push('\n');
        if !text.is_empty() {
            pad(indent, out);
            out.push_str(text);
        }
    }
    out.push('\n');
}

/// True if a text cannot stand between single quotes, or line by line, as it is.
fn needs_escapes(text: &str) -> bool {
    text.contains(|c: char| c != '\n' && is_special(c)) || text.contains(" \n") || text.ends_with(' ')
}

/// True for a character that YAML does not print, or that it takes for the end of a line.
const fn is_special(c: char) -> bool {
    c.is_ascii_control()
        || matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
        || c as u32 & 0xfffe == 0xfffe
}

/// A text without line feeds, plain if kubectl reads it as that text.
fn scalar(text: &str) -> String {
    if text.contains(is_special) {
        escaped(text)
    } else if is_plain(text) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

/// A text in double quotes.
fn escaped(text: &str) -> String {
    let json = serde_json::to_string(text).expect("a string can always be written as JSON");
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match u32::from(c) {
            number if !is_special(c) => out.extend(char::from_u32(number)),
            number @ 0..=0xffff => write!(out, "\\u{number:04x}").expect("a string takes all"),
            number => write!(out, "\\U{number:08x}").expect("a string takes all"),
        }
    }
    out
}

/// True if a text without special characters can stand without quotes, in block style.
fn is_plain(text: &str) -> bool {
    let (Some(first), Some(last)) = (text.chars().next(), text.chars().next_back()) else { return false };
    let rest = &text[first.len_utf8()..];
    let is_indicator = match first {
        '-' | '?' | ':' => rest.is_empty() || rest.starts_with(' ') || text.starts_with("---"),
        '.' => text.starts_with("..."),
        first => ",[]{}#&*!|>'\"%@` ".contains(first),
    };
    let is_syntax = is_indicator || last == ' ' || last == ':' || text.contains(": ") || text.contains(" #");
    // A merge, a default, and what other readers of YAML take for a number.
    let is_other = matches!(text, "<<" | "=") || text.parse::<f64>().is_ok();
    !is_syntax && !is_other && is_plain_string(text)
}

/// The entries of a JSON object, in order.
struct Entries<'j>(Vec<(String, &'j RawValue)>);

impl<'de: 'j, 'j> Deserialize<'de> for Entries<'j> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Entries<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// A list of strings, of which a single one may stand alone.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OneOrMany(pub Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Strings;
        impl<'de> Visitor<'de> for Strings {
            type Value = OneOrMany;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of strings")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![text.to_owned()]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OneOrMany, A::Error> {
                let mut strings = Vec::new();
                while let Some(string) = list.next_element()? {
                    strings.push(string);
                }
                Ok(OneOrMany(strings))
            }
        }
        deserializer.deserialize_any(Strings)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::load::document;

    fn value(text: &'static str, key: &'static str) -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            4 => text.prop_map(Value::String),
            1 => any::<bool>().prop_map(Value::Bool),
            1 => any::<i64>().prop_map(Value::from),
            1 => Just(Value::Null),
        ];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::btree_map(key, inner, 0..4)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    /// Texts that mean something in YAML, or nearly.
    const ODD: &str = "yes|No|on|y|~|null|Null|true|0x1F|010|080|1_000|1e3|-1|\\+1|\\.5|\\.inf|inf|<<|=|---|\\.\\.\\.|- a|a: b|a:b|a #b|#a|'a'|\"a\"|a b |( [ab#:,'\"!&*?|>{}%@`~-]{0,3}){1,2}|(?s)[ab\n \t:#\u{85}\u{2028}\u{feff}\u{fffe}\u{e0041}\u{7f}-]{0,6}|k{127,130}";

    /// Texts with no meaning but their own, and some punctuation.
    const EVEN: &str =
        "[bcd][bcd ]{0,3}[bcd:/.,'\"#\\[{-]{0,2}|b: c|b\nc|b\n\nc\n|b\n\n| b\nc|- b|[?:-]b|b:|\\[b|";

    const EVEN_KEY: &str = "[bcd]{1,3}[:/.,'\"#\\[{-]{0,2}|b: c|- b|k{126,131}";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// kubectl, and readers of YAML 1.2, read what was written.
        #[test]
        fn what_is_written_is_read_back(value in value(ODD, ODD)) {
            let text = to_string(&json!({"a": value})).unwrap();
            let read: Option<Value> = document(text.as_bytes()).map_err(|e| TestCaseError::fail(format!("{e}\n{text}")))?;
            prop_assert_eq!(&read.unwrap()["a"], &value, "{}", text);
            let read: Value = serde_yaml::from_str(&text).map_err(|e| TestCaseError::fail(format!("{e}\n{text}")))?;
            prop_assert_eq!(&read["a"], &value, "{}", text);
        }

        /// Other writers write the same where the two versions of YAML agree.
        #[test]
        fn the_layout_is_the_common_one(value in value(EVEN, EVEN_KEY)) {
            prop_assert_eq!(to_string(&value).unwrap(), serde_yaml::to_string(&value).unwrap());
        }
    }

    #[test]
    fn what_kubectl_takes_for_something_else_is_quoted() {
        let labels = json!({"matchLabels": {"on": "yes", "a": "1_000", "b": "10.0.0.1", "c": "010"}});
        let text = "matchLabels:\n  a: '1_000'\n  b: 10.0.0.1\n  c: '010'\n  'on': 'yes'\n";
        assert_eq!(to_string(&labels).unwrap(), text);
        assert_eq!(to_string(&u128::MAX).unwrap(), "340282366920938463463374607431768211455\n");
    }
}
