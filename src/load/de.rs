//! The wire types of [`crate::k8s`] out of a [`super::node::Tree`].
//!
//! This is the slow and talkative way: a failure says which field, where it stands, and what is wrong in the words of
//! the API server. Objects are objects and lists are lists; nothing is converted but what JSON would convert.

use std::fmt;
use std::ops::Range;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;

use super::node::{Cursor, Entry, NodeId, Value};
use super::scalar::Scalar;
use crate::diagnostic::Code;
use crate::k8s::{Fields, STRICT_METADATA};

/// Error of a fast reader at anything it does not know; the reader of this module then says what is wrong, if anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Declined;

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("left to the careful way")
    }
}

impl std::error::Error for Declined {}

impl de::Error for Declined {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// A reason why a tree does not decode.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Problem {
    /// The code of the finding.
    pub(super) code: Code,
    /// In the API server's words.
    pub(super) message: String,
    /// The field, from the object.
    pub(super) path: String,
    /// Its bytes, from the start of the document.
    pub(super) span: Range<usize>,
    /// Advice on how to mend it.
    pub(super) help: Option<String>,
}

/// Joins a field path and a key, as Kubernetes writes them.
pub(super) fn join_key(path: &str, key: &str) -> String {
    if key.is_empty() || key.contains(['.', '/', '[', ']']) {
        format!("{path}[{key}]")
    } else if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// The name that `key` is probably meant to be.
pub(super) fn nearest_name<'k>(known: impl Iterator<Item = &'k str>, key: &str) -> Option<&'k str> {
    nearest_by_edits(known.map(|name| (name, ())), key).map(|(name, ())| name)
}

/// The name that `key` is probably meant to be; of two that are as near, the one of lesser rank.
pub(super) fn nearest_by_edits<'k, R: Ord>(
    known: impl Iterator<Item = (&'k str, R)>,
    key: &str,
) -> Option<(&'k str, R)> {
    let key = key.to_lowercase();
    let distance = |name: &str| strsim::damerau_levenshtein(&name.to_lowercase(), &key);
    let (distance, rank, name) = known.map(|(name, rank)| (distance(name), rank, name)).min()?;
    (distance <= 1 + name.len() / 5).then_some((name, rank))
}

/// An error on its way up; every level adds its step.
#[derive(Debug)]
pub(super) struct Error {
    code: Code,
    message: String,
    /// Innermost first.
    steps: Vec<Step>,
    span: Option<Range<usize>>,
    help: Option<String>,
}

/// One step down from an object to one of its fields.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// To the value of a key.
    Key(String),
    /// To an element.
    Index(usize),
}

impl Step {
    fn key(entry: &Entry<'_>) -> Self {
        Self::Key(entry.key.clone().into_owned())
    }
}

impl Error {
    fn new(code: Code, message: String) -> Self {
        Self { code, message, steps: Vec::new(), span: None, help: None }
    }

    fn within(mut self, step: Step, span: Range<usize>) -> Self {
        self.steps.push(step);
        self.span.get_or_insert(span);
        self
    }

    /// The same, at the key of a pair.
    fn at_key(self, entry: &Entry<'_>) -> Self {
        self.within(Step::key(entry), entry.key_span.start as usize..entry.key_span.end as usize)
    }

    /// The way from the object to what is wrong.
    pub(super) fn steps(&self) -> Vec<Step> {
        self.steps.iter().rev().cloned().collect()
    }

    /// Makes the problem to report of an error in `object`.
    pub(super) fn into_problem(self, object: Cursor<'_, '_>) -> Problem {
        let mut path = String::new();
        for step in self.steps.iter().rev() {
            path = match step {
                Step::Key(key) => join_key(&path, key),
                Step::Index(index) => format!("{path}[{index}]"),
            };
        }
        let span = self.span.unwrap_or_else(|| object.span());
        let message = match self.code {
            Code::UnknownField => format!("unknown field \"{path}\""),
            _ => self.message,
        };
        Problem { code: self.code, message, path, span, help: self.help }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Code::WrongType, message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let expected = expected.to_string();
        let number = match found {
            Unexpected::Float(number) if expected != "a string" => number.to_string() + " ",
            _ => String::new(),
        };
        let wanted = type_name(&expected);
        Self::new(
            Code::WrongType,
            format!("cannot unmarshal {} {number}into field of type {wanted}", json_type(found)),
        )
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let value = match found {
            Unexpected::Signed(number) => format!(" {number}"),
            Unexpected::Unsigned(number) => format!(" {number}"),
            _ => String::new(),
        };
        let wanted = type_name(&expected.to_string()).to_owned();
        Self::new(
            Code::WrongType,
            format!("cannot unmarshal {}{value} into field of type {wanted}", json_type(found)),
        )
    }

    fn unknown_variant(found: &str, expected: &'static [&'static str]) -> Self {
        let values: Vec<String> = expected.iter().map(|value| format!("\"{value}\"")).collect();
        let values = values.join(", ");
        Self::new(
            Code::UnsupportedValue,
            format!("Unsupported value: \"{found}\": supported values: {values}"),
        )
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        let help = nearest_name(known.iter().copied(), field).map(|name| format!("did you mean `{name}`?"));
        Self { help, ..Self::new(Code::UnknownField, String::new()) }
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(Code::DuplicateKey, already_set(field))
    }
}

/// The message about a key that was written twice.
pub(super) fn already_set(key: &str) -> String {
    format!("key \"{key}\" already set in map")
}

/// The help for such a key.
pub(super) const ONLY_ONCE: &str = "keep one of them: kubectl takes the last, without a word";

/// The name of a value's type in JSON.
fn json_type(found: Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "bool",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "number",
        Unexpected::Str(_) | Unexpected::Char(_) | Unexpected::Bytes(_) => "string",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Seq => "array",
        _ => "object",
    }
}

/// Kubernetes' name for the type that a visitor expects.
fn type_name(expected: &str) -> &str {
    match expected {
        "a string" => "string",
        "i32" => "int32",
        "a boolean" => "bool",
        "a list" => "array",
        "a map of strings" => "map of strings",
        "a number or a string" => "int or string",
        other => other.strip_prefix("struct ").unwrap_or(other),
    }
}

impl Cursor<'_, '_> {
    /// The error for a value that is not of the expected type.
    fn refused(self, expected: &dyn de::Expected) -> Error {
        let found = match self.value() {
            Value::Scalar(Scalar::Null) => Unexpected::Unit,
            Value::Scalar(Scalar::Bool(value)) => Unexpected::Bool(*value),
            Value::Scalar(Scalar::Int(value)) => Unexpected::Signed(*value),
            Value::Scalar(Scalar::Float(value)) => Unexpected::Float(*value),
            Value::Scalar(Scalar::String(text)) => Unexpected::Str(text),
            Value::Seq(_) => Unexpected::Seq,
            Value::Map(_) => Unexpected::Map,
        };
        de::Error::invalid_type(found, expected)
    }
}

/// Integers of all sizes are read alike.
macro_rules! integers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.deserialize_i64(visitor)
        }
    )*};
}

// Each method goes to the one method of the visitor that can take the value, and not through `deserialize_any`: all that is
// named here is compiled once for every type that is read.
impl<'de> Deserializer<'de> for Cursor<'de, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value() {
            Value::Scalar(Scalar::Null) => visitor.visit_unit(),
            Value::Scalar(Scalar::Bool(value)) => visitor.visit_bool(*value),
            Value::Scalar(Scalar::Int(value)) => visitor.visit_i64(*value),
            Value::Scalar(Scalar::Float(value)) => visitor.visit_f64(*value),
            Value::Scalar(Scalar::String(text)) => visitor.visit_borrowed_str(text),
            Value::Seq(_) => self.deserialize_seq(visitor),
            Value::Map(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value() {
            Value::Scalar(Scalar::Bool(value)) => visitor.visit_bool(*value),
            _ => Err(self.refused(&visitor)),
        }
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value() {
            Value::Scalar(Scalar::Int(value)) => visitor.visit_i64(*value),
            _ => Err(self.refused(&visitor)),
        }
    }

    integers! { deserialize_i8 deserialize_i16 deserialize_i32 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.as_str() {
            Some(text) => visitor.visit_borrowed_str(text),
            None => Err(self.refused(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value() {
            Value::Seq(items) => visitor.visit_seq(Items { at: self, rest: items.iter().enumerate() }),
            _ => Err(self.refused(&visitor)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value() {
            Value::Map(entries) => visitor
                .visit_map(Pairs { at: self, rest: entries.iter(), value: None })
                .map_err(|error| about_duplicates(error, entries)),
            _ => Err(self.refused(&visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if name == STRICT_METADATA
            && let Some(fields) = Fields::of(name)
            && let Some(unknown) = self.entries().iter().find(|entry| !fields.has(&entry.key))
        {
            let help =
                nearest_name(fields.names(), &unknown.key).map(|name| format!("did you mean `{name}`?"));
            return Err(Error { help, ..Error::new(Code::UnknownField, String::new()) }.at_key(unknown));
        }
        // A derived visitor would take a list as the fields in order; the API server does not.
        self.deserialize_map(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.as_str() {
            Some(text) => visitor.visit_enum(text.into_deserializer()),
            None => Err(self.refused(&visitor)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

/// A map complained about itself, not about a value in it: then it is about a key that was written twice.
fn about_duplicates(mut error: Error, entries: &[Entry<'_>]) -> Error {
    if error.steps.is_empty()
        && matches!(error.code, Code::WrongType | Code::DuplicateKey)
        && let Some(twice) = duplicates(entries).find(|twice| error.message == already_set(&twice.key))
    {
        error.code = Code::DuplicateKey;
        error.help = Some(ONLY_ONCE.to_owned());
        return error.at_key(twice);
    }
    error
}

/// The pairs whose key was already there.
pub(super) fn duplicates<'e, 't>(entries: &'e [Entry<'t>]) -> impl Iterator<Item = &'e Entry<'t>> {
    let mut seen = rustc_hash::FxHashSet::default();
    entries.iter().filter(move |entry| !seen.insert(&*entry.key))
}

struct Items<'a, 't> {
    at: Cursor<'a, 't>,
    rest: std::iter::Enumerate<std::slice::Iter<'a, NodeId>>,
}

impl<'a> SeqAccess<'a> for Items<'a, '_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some((index, id)) = self.rest.next() else { return Ok(None) };
        let item = self.at.at(*id);
        match seed.deserialize(item) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(error.within(Step::Index(index), item.span())),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

struct Pairs<'a, 't> {
    at: Cursor<'a, 't>,
    rest: std::slice::Iter<'a, Entry<'t>>,
    value: Option<&'a Entry<'t>>,
}

impl<'a> MapAccess<'a> for Pairs<'a, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(entry) = self.rest.next() else { return Ok(None) };
        self.value = Some(entry);
        match seed.deserialize(BorrowedStrDeserializer::<Error>::new(&entry.key)) {
            Ok(key) => Ok(Some(key)),
            Err(error) => Err(error.at_key(entry)),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let entry = self.value.take().expect("a value is asked for after its key");
        let value = self.at.at(entry.value);
        match seed.deserialize(value) {
            Ok(value) => Ok(value),
            Err(error) => Err(error.within(Step::key(entry), value.span())),
        }
    }
}
