//! Scalars, lists and string maps with the API server's rules for null.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// A string of an object. Most are short, and these need no memory of their own.
pub type Text = smol_str::SmolStr;

/// A string that must be one, and that nobody reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Unread;

impl<'de> Deserialize<'de> for Unread {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct UnreadVisitor;
        impl Visitor<'_> for UnreadVisitor {
            type Value = Unread;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_str<E>(self, _: &str) -> Result<Unread, E> {
                Ok(Unread)
            }
        }
        deserializer.deserialize_str(UnreadVisitor)
    }
}

/// A string that must be one, whatever is in it. Readers that need not see a string to pass it know this one by the
/// [name](Passed::NAME) of the newtype.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Passed;

impl Passed {
    /// The name by which readers know it.
    pub(crate) const NAME: &'static str = "a string to pass";
}

impl<'de> Deserialize<'de> for Passed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PassedVisitor;
        impl<'de> Visitor<'de> for PassedVisitor {
            type Value = Passed;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<Passed, D::Error> {
                Unread::deserialize(from).map(|Unread| Passed)
            }
            fn visit_unit<E>(self) -> Result<Passed, E> {
                Ok(Passed)
            }
        }
        deserializer.deserialize_newtype_struct(Self::NAME, PassedVisitor)
    }
}

/// Reads null as the zero value, as Go does.
pub(super) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A number or a string, as in `port: 80` and `port: http`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum IntOrString {
    /// `80`.
    Int(i32),
    /// `http`.
    String(Text),
}

impl<'de> Deserialize<'de> for IntOrString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IntOrStringVisitor;
        impl Visitor<'_> for IntOrStringVisitor {
            type Value = IntOrString;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or a string")
            }
            fn visit_i64<E: de::Error>(self, v: i64) -> Result<IntOrString, E> {
                i32::try_from(v)
                    .map(IntOrString::Int)
                    .map_err(|_| E::invalid_value(de::Unexpected::Signed(v), &"i32"))
            }
            fn visit_u64<E: de::Error>(self, v: u64) -> Result<IntOrString, E> {
                i32::try_from(v)
                    .map(IntOrString::Int)
                    .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(v), &"i32"))
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<IntOrString, E> {
                Ok(IntOrString::String(v.into()))
            }
        }
        deserializer.deserialize_any(IntOrStringVisitor)
    }
}

/// A list whose null elements are zero values, as Go decodes them.
///
/// `nulls` counts the elements that were null, since a null rule deserves a warning. Replicas share their lists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct List<T> {
    /// The elements.
    pub items: Arc<[T]>,
    /// Positions of the elements that were written as null.
    pub nulls: Box<[usize]>,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { items: Arc::default(), nulls: [].into() }
    }
}

impl<T> From<Vec<T>> for List<T> {
    fn from(items: Vec<T>) -> Self {
        Self { items: items.into(), nulls: [].into() }
    }
}

impl<T> std::ops::Deref for List<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for ListVisitor<T> {
            type Value = List<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<List<T>, A::Error> {
                let (mut items, mut nulls) = (Vec::new(), Vec::new());
                while let Some(element) = seq.next_element::<Option<T>>()? {
                    if items.is_empty() {
                        // Most lists have one element, and a vector makes room for four.
                        items.reserve_exact(1);
                    }
                    if element.is_none() {
                        nulls.push(items.len());
                    }
                    items.push(element.unwrap_or_default());
                }
                Ok(List { items: items.into(), nulls: nulls.into() })
            }
        }
        deserializer.deserialize_seq(ListVisitor(PhantomData))
    }
}

/// A map of strings: labels, or the selector of a Service.
///
/// All of it is one text, which replicas share, and to compare two maps is to compare two texts.
///
/// INVARIANT: sorted by key, no key twice. A null value is the empty string, as Go decodes it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Labels(
    /// The length of the first key, that key, the length of its value, that value, the length of the second key, ...
    /// See [`push`].
    pub(super) Arc<str>,
);

/// Appends a string to a text, and before it its length: six bits in each byte, the lowest first, and 64 on top of all but
/// the last. Those bytes are characters of their own, and most lengths are one.
fn push(text: &mut String, string: &str) {
    let mut length = string.len();
    while length >= 64 {
        text.push(char::from(64 | (length & 63) as u8));
        length >>= 6;
    }
    text.push(char::from(length as u8));
    text.push_str(string);
}

/// Takes such a string off the front of a text.
fn take<'t>(text: &mut &'t str) -> &'t str {
    let (mut length, mut shift) = (0, 0);
    let digits = text.bytes().take_while(|byte| byte & 64 != 0).count() + 1;
    for byte in text.bytes().take(digits) {
        length |= usize::from(byte & 63) << shift;
        shift += 6;
    }
    let (string, rest) = text[digits..].split_at(length);
    *text = rest;
    string
}

impl Labels {
    fn of_sorted<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut text = String::with_capacity(256);
        for (key, value) in pairs {
            push(&mut text, key);
            push(&mut text, value);
        }
        Self(text.as_str().into())
    }

    /// The pairs, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || (!rest.is_empty()).then(|| (take(&mut rest), take(&mut rest))))
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find_map(|(k, value)| (k == key).then_some(value))
    }

    /// True if there is no pair.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self("".into())
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Labels {
    /// Of pairs with the same key, the last counts.
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        let pairs: BTreeMap<&str, &str> = pairs.into_iter().collect();
        Self::of_sorted(pairs.into_iter())
    }
}

/// Adds a string to the text of [`Labels`]; null is the empty string.
struct AppendTo<'a>(&'a mut String);

impl<'de> DeserializeSeed<'de> for AppendTo<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for AppendTo<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, string: &str) -> Result<(), E> {
        push(self.0, string);
        Ok(())
    }

    fn visit_none<E>(self) -> Result<(), E> {
        push(self.0, "");
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        push(self.0, "");
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LabelsVisitor;
        impl<'de> Visitor<'de> for LabelsVisitor {
            type Value = Labels;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of strings")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
                let mut text = String::with_capacity(512);
                while map.next_key_seed(AppendTo(&mut text))?.is_some() {
                    map.next_value_seed(AppendTo(&mut text))?;
                }
                let written = Labels(text.as_str().into());
                let keys = || written.iter().map(|(key, _)| key);
                // kubectl sorts them.
                if keys().is_sorted_by(|a, b| a < b) {
                    return Ok(written);
                }
                let mut keys: Vec<&str> = keys().collect();
                keys.sort_unstable();
                match keys.windows(2).find(|pair| pair[0] == pair[1]) {
                    Some(twice) => Err(de::Error::custom(format!("key \"{}\" already set in map", twice[0]))),
                    None => Ok(written.iter().collect()),
                }
            }
        }
        deserializer.deserialize_map(LabelsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_any_length_come_back_in_order() {
        let long = ["x".repeat(63), "é".repeat(64), "y".repeat(64 * 64 + 5), String::new()];
        let pairs = [("b", &*long[0]), ("a", &*long[1]), (&*long[2], &*long[3]), ("a", &*long[2])];
        let labels: Labels = pairs.into_iter().collect();
        let expected = [("a", &*long[2]), ("b", &*long[0]), (&*long[2], "")];
        assert_eq!(labels.iter().collect::<Vec<_>>(), expected);
        assert_eq!((labels.get("b"), labels.get("c")), (Some(&*long[0]), None));
        assert!(Labels::default().is_empty() && Labels::default().iter().next().is_none());
    }

    #[test]
    fn labels_are_read_in_any_order_and_never_twice() {
        let read = |text: &str| serde_json::from_str::<Labels>(text);
        let sorted = read(r#"{"a": "1", "b": null, "c": "3"}"#).unwrap();
        assert_eq!(sorted, read(r#"{"c": "3", "a": "1", "b": ""}"#).unwrap());
        assert_eq!(sorted.iter().collect::<Vec<_>>(), [("a", "1"), ("b", ""), ("c", "3")]);
        for twice in [r#"{"a": "1", "a": "1"}"#, r#"{"b": "1", "a": "1", "b": "2"}"#] {
            assert!(read(twice).unwrap_err().to_string().contains("already set in map"));
        }
        assert!(read(r#"{"a": 5}"#).is_err() && read("[]").is_err());
    }
}
