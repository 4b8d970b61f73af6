//! JSON: the format of dumps, read without a tree.
//!
//! A dump is walked once for the kinds and the byte ranges of its items, which then decode in parallel. The tree
//! ([`tree`]) is made only of objects that do not decode, and to find positions.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::node::{Entry, MAX_DEPTH, NodeId, TooDeep, Tree, TreeBuilder, Value};
use super::scalar::Scalar;
use super::yaml::{Fault, MAX_DOCUMENT};
use crate::diagnostic::Code;

/// The fields that decide how an object is read. Decoding fails on bad JSON alone: a field of a wrong type counts as
/// absent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Head<'t> {
    /// `apiVersion`.
    pub(super) api_version: Option<Cow<'t, str>>,
    /// `kind`.
    pub(super) kind: Option<Cow<'t, str>>,
    /// The texts of `items`, if that is a list.
    pub(super) items: Option<Vec<&'t str>>,
    /// Set if one of these fields was written twice.
    pub(super) twice: bool,
}

impl<'t> Deserialize<'t> for Head<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        struct HeadVisitor;
        impl<'t> Visitor<'t> for HeadVisitor {
            type Value = Head<'t>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Head<'t>, A::Error> {
                let (mut api_version, mut kind, mut items) = (None, None, None);
                let mut twice = false;
                while let Some(Key(key)) = map.next_key()? {
                    let slot = match &*key {
                        "apiVersion" => &mut api_version,
                        "kind" => &mut kind,
                        "items" => &mut items,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    twice |= slot.replace(map.next_value::<Lenient<'t>>()?).is_some();
                }
                Ok(Head {
                    api_version: api_version.and_then(|value| value.text),
                    kind: kind.and_then(|value| value.text),
                    items: items.and_then(|value| value.items),
                    twice,
                })
            }
        }
        deserializer.deserialize_map(HeadVisitor)
    }
}

/// A key, borrowed if it has no escapes.
#[derive(Deserialize)]
struct Key<'t>(#[serde(borrow)] Cow<'t, str>);

/// Any value; kept if it is a string or a list.
#[derive(Default)]
struct Lenient<'t> {
    text: Option<Cow<'t, str>>,
    items: Option<Vec<&'t str>>,
}

impl<'t> Deserialize<'t> for Lenient<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        struct LenientVisitor;
        impl<'t> Visitor<'t> for LenientVisitor {
            type Value = Lenient<'t>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_borrowed_str<E>(self, text: &'t str) -> Result<Lenient<'t>, E> {
                Ok(Lenient { text: Some(Cow::Borrowed(text)), items: None })
            }
            fn visit_str<E>(self, text: &str) -> Result<Lenient<'t>, E> {
                Ok(Lenient { text: Some(Cow::Owned(text.to_owned())), items: None })
            }
            fn visit_seq<A: SeqAccess<'t>>(self, mut seq: A) -> Result<Lenient<'t>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element::<&'t RawValue>()? {
                    items.push(item.get());
                }
                Ok(Lenient { text: None, items: Some(items) })
            }
            fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Lenient<'t>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Lenient::default())
            }
            fn visit_bool<E>(self, _: bool) -> Result<Lenient<'t>, E> {
                Ok(Lenient::default())
            }
            fn visit_i64<E>(self, _: i64) -> Result<Lenient<'t>, E> {
                Ok(Lenient::default())
            }
            fn visit_u64<E>(self, _: u64) -> Result<Lenient<'t>, E> {
                Ok(Lenient::default())
            }
            fn visit_f64<E>(self, _: f64) -> Result<Lenient<'t>, E> {
                Ok(Lenient::default())
            }
            fn visit_unit<E>(self) -> Result<Lenient<'t>, E> {
                Ok(Lenient::default())
            }
        }
        deserializer.deserialize_any(LenientVisitor)
    }
}

/// The objects of a text that holds one after the other, each with its bytes.
pub(super) fn objects(text: &str) -> Result<Vec<(Range<usize>, Head<'_>)>, Fault> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Head<'_>>();
    let mut objects = Vec::new();
    let mut end = 0;
    while let Some(head) = stream.next() {
        let start = end + (text[end..].len() - text[end..].trim_start_matches([' ', '\t', '\r', '\n']).len());
        let head = head.map_err(|error| fault(text, &error))?;
        end = stream.byte_offset();
        objects.push((start..end, head));
    }
    Ok(objects)
}

/// The head of one object whose JSON is known to be right.
pub(super) fn head(text: &str) -> Option<Head<'_>> {
    serde_json::from_str(text).ok()
}

fn fault(text: &str, error: &serde_json::Error) -> Fault {
    let line_start = match error.line() {
        0 | 1 => 0,
        line => text.match_indices('\n').nth(line - 2).map_or(0, |(at, _)| at + 1),
    };
    let full = error.to_string();
    let message = full.rsplit_once(" at line ").map_or(&*full, |(message, _)| message).to_owned();
    let offset = (line_start + error.column().saturating_sub(1)).min(text.len());
    let code = if message.starts_with("recursion limit") { Code::TooLarge } else { Code::Syntax };
    Fault { code, message, offset }
}

/// The tree of one JSON value.
pub(super) fn tree(text: &str) -> Result<Tree<'_>, Fault> {
    if text.len() > MAX_DOCUMENT {
        let message = format!("an object is larger than {} MiB", MAX_DOCUMENT >> 20);
        return Err(Fault { code: Code::TooLarge, message, offset: 0 });
    }
    let mut reader = Reader { text, at: 0, builder: TreeBuilder::default() };
    let root = reader.value(0)?;
    Ok(reader.builder.finish(root))
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    builder: TreeBuilder<'t>,
}

impl<'t> Reader<'t> {
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        let blanks = rest.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n')).count();
        self.at += blanks;
        rest.get(blanks).copied()
    }

    fn fault(&self, message: impl Into<String>) -> Fault {
        Fault { code: Code::Syntax, message: message.into(), offset: self.at }
    }

    /// Takes `byte` if it comes next.
    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: u32) -> Result<NodeId, Fault> {
        if depth >= MAX_DEPTH {
            return Err(Fault::too_deep(self.at));
        }
        let first = self.peek();
        let start = self.at;
        let value = match first {
            Some(b'{') => Value::Map(self.map(depth)?),
            Some(b'[') => Value::Seq(self.seq(depth)?),
            Some(b'"') => Value::Scalar(Scalar::String(self.string()?)),
            Some(_) => Value::Scalar(self.word()?),
            None => return Err(self.fault("unexpected end of JSON input")),
        };
        self.builder.add(value, start as u32..self.at as u32).map_err(|TooDeep| Fault::too_deep(start))
    }

    fn map(&mut self, depth: u32) -> Result<Vec<Entry<'t>>, Fault> {
        let mut entries = Vec::new();
        self.at += 1;
        if self.take(b'}') {
            return Ok(entries);
        }
        loop {
            self.peek();
            let start = self.at as u32;
            let key = self.string()?;
            let key_span = start..self.at as u32;
            if !self.take(b':') {
                return Err(self.fault("expected `:`"));
            }
            let value = self.value(depth + 1)?;
            entries.push(Entry { key, key_span, value });
            if self.take(b'}') {
                return Ok(entries);
            }
            if !self.take(b',') {
                return Err(self.fault("expected `,` or `}`"));
            }
        }
    }

    fn seq(&mut self, depth: u32) -> Result<Vec<NodeId>, Fault> {
        let mut items = Vec::new();
        self.at += 1;
        if self.take(b']') {
            return Ok(items);
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.take(b']') {
                return Ok(items);
            }
            if !self.take(b',') {
                return Err(self.fault("expected `,` or `]`"));
            }
        }
    }

    fn string(&mut self) -> Result<Cow<'t, str>, Fault> {
        let bytes = self.text.as_bytes();
        if bytes.get(self.at) != Some(&b'"') {
            return Err(self.fault("expected a string"));
        }
        let mut end = self.at + 1;
        loop {
            match bytes.get(end) {
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(_) => end += 1,
                None => return Err(self.fault("unclosed quote")),
            }
        }
        let Key(text) =
            serde_json::from_str(&self.text[self.at..=end]).map_err(|error| self.fault(error.to_string()))?;
        self.at = end + 1;
        Ok(text)
    }

    fn word(&mut self) -> Result<Scalar<'t>, Fault> {
        let rest = &self.text[self.at..];
        let end = rest.find([',', ']', '}', ' ', '\t', '\r', '\n']).unwrap_or(rest.len());
        let scalar = match serde_json::from_str(&rest[..end]) {
            Ok(serde_json::Value::Null) => Ok(Scalar::Null),
            Ok(serde_json::Value::Bool(value)) => Ok(Scalar::Bool(value)),
            Ok(serde_json::Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
                (Some(value), _) => Ok(Scalar::Int(value)),
                (None, Some(value)) => Ok(Scalar::number(value)),
                (None, None) => Err(serde_json::Error::custom("number out of range")),
            },
            Ok(_) => Err(serde_json::Error::custom("expected a value")),
            Err(error) => Err(error),
        };
        let scalar = scalar.map_err(|error| self.fault(error.to_string()))?;
        self.at += end;
        Ok(scalar)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::k8s::{IntOrString, LabelSelector, NetworkPolicyPort};

    #[test]
    fn objects_one_after_the_other() {
        let text = " {\"kind\": \"A\"}\n{\"apiVersion\": 5, \"kind\": \"B\", \"items\": [1, {\"a\": []}]} ";
        let objects = objects(text).unwrap();
        assert_eq!(objects.len(), 2);
        assert_eq!(&text[objects[0].0.clone()], "{\"kind\": \"A\"}");
        assert_eq!(objects[1].1.kind.as_deref(), Some("B"));
        assert_eq!(objects[1].1.api_version, None);
        assert_eq!(objects[1].1.items, Some(vec!["1", "{\"a\": []}"]));
    }

    #[test]
    fn the_tree_says_what_serde_json_says() {
        for text in [
            "{}",
            "[]",
            "  {\"a\\u00e9\\\"\": [1, -2.5, 80.0, 1e3, null, true, {\"b\" :\t\"\\ud83d\\ude00\"}], \"c\": {}}",
            "\"x\"",
            "18446744073709551615",
        ] {
            let tree = tree(text).unwrap();
            let ours = serde_json::Value::deserialize(tree.root()).unwrap();
            // An integral number is an integer, as the API server has it.
            let theirs = text.replace("80.0, 1e3", "80, 1000");
            let theirs: serde_json::Value = serde_json::from_str(&theirs).unwrap();
            if !text.starts_with('1') {
                assert_eq!(ours, theirs, "{text}");
            }
        }
        for bad in ["", "{", "{\"a\"}", "[1 2]", "{\"a\":}", "nul", "\"\\ud800\"", "\"\\", "{1: 2}", "[1,]"] {
            assert!(tree(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn objects_are_objects_and_integral_numbers_are_integers() {
        assert!(serde_json::from_str::<LabelSelector>("[null, null]").is_ok(), "what must not be");
        assert!(LabelSelector::deserialize(tree("[null, null]").unwrap().root()).is_err());
        assert!(LabelSelector::deserialize(tree("{}").unwrap().root()).is_ok());
        let port = tree(r#"{"port": 80.0, "endPort": 9e1}"#).unwrap();
        let port = NetworkPolicyPort::deserialize(port.root()).unwrap();
        assert_eq!((port.port, port.end_port), (Some(IntOrString::Int(80)), Some(90)));
        assert!(NetworkPolicyPort::deserialize(tree(r#"{"endPort": 80.5}"#).unwrap().root()).is_err());
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_crash() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert_eq!(tree(&deep).unwrap_err().code, Code::TooLarge);
        assert!(objects(&format!("{{\"items\": {deep}}}")).is_ok(), "skipped without recursion");
    }

    #[test]
    fn faults_know_their_byte() {
        let text = "{\n  \"a\": 1,\n  \"b\" 2\n}";
        let fault = objects(text).unwrap_err();
        assert_eq!(&text[fault.offset..=fault.offset], "2");
    }
}
