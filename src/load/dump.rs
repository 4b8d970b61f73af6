//! What `kubectl get -o json` prints, in one pass.
//!
//! A `List` is walked here by hand, and each of its elements decodes straight into its wire type, in the order in
//! which kubectl prints fields: `apiVersion` and `kind` first. Whatever is not as expected is left to the careful way
//! of [`super::decode`], which alone knows what to say about it; this module reports nothing.

use std::fmt;
use std::ops::Range;

use rayon::prelude::*;
use serde::Deserialize;
use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::kinds::{self, Known, Reader};
use super::strict::Strict;
use crate::k8s::{NetworkPolicy, Object, WorkloadObject};

/// How many bytes of a list are decoded in one go.
const STRETCH: usize = 2 << 20;

/// Reads a text that is one `List` and nothing else. Every stretch of the list is collected in a `T` of its own:
/// `element` is given the bytes of each element, and the object in them unless it needs the careful way. `None` if
/// the text is anything else.
pub(super) fn list<T: Default + Send>(
    text: &str,
    element: impl Fn(&mut T, Range<usize>, Option<Object>) + Sync,
) -> Option<Vec<T>> {
    let mut walk = Walk { text, at: 0 };
    let (mut api_version, mut kind, mut items) = (None, None, None);
    walk.take(b'{')?;
    loop {
        walk.blanks();
        let key: &str = walk.value()?;
        walk.take(b':')?;
        walk.blanks();
        let again = match key {
            "apiVersion" => api_version.replace(walk.value::<&str>()?).is_some(),
            "kind" => kind.replace(walk.value::<&str>()?).is_some(),
            "items" => items.replace(walk.elements(&element)?).is_some(),
            _ => {
                walk.value::<IgnoredAny>()?;
                false
            }
        };
        if again {
            return None;
        }
        if walk.take(b',').is_none() {
            break;
        }
    }
    walk.take(b'}')?;
    walk.blanks();
    if walk.at < text.len() || kind != Some("List") { None } else { items }
}

/// A place in a JSON text.
#[derive(Clone, Copy)]
struct Walk<'t> {
    text: &'t str,
    at: usize,
}

/// Elements that lie one after the other, and what follows them.
struct Run<T> {
    elements: T,
    end: usize,
    /// Whether `end` is after the bracket that closes the list, not before another element.
    closed: bool,
}

impl<'t> Walk<'t> {
    fn blanks(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count();
    }

    /// Takes `byte` and the blanks before it.
    fn take(&mut self, byte: u8) -> Option<()> {
        self.blanks();
        (self.text.as_bytes().get(self.at) == Some(&byte)).then(|| self.at += 1)
    }

    fn value<T: Deserialize<'t>>(&mut self) -> Option<T> {
        let mut values = serde_json::Deserializer::from_str(&self.text[self.at..]).into_iter();
        let value = values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(value)
    }

    /// All elements of a list. A long list is cut where elements seem to begin, and its stretches are decoded in
    /// parallel; that is right if each stretch ends where the next was begun.
    fn elements<T: Default + Send>(
        &mut self,
        element: &(impl Fn(&mut T, Range<usize>, Option<Object>) + Sync),
    ) -> Option<Vec<T>> {
        self.take(b'[')?;
        let open = self.at;
        if self.take(b']').is_some() {
            return Some(Vec::new());
        }
        let cuts = self.cuts(&self.text[open..self.at]);
        let stops = cuts.iter().skip(1).copied().chain([self.text.len()]);
        let stretches: Vec<(usize, usize)> = cuts.iter().copied().zip(stops).collect();
        let runs: Vec<Option<Run<T>>> =
            stretches.into_par_iter().map(|(at, stop)| Walk { at, ..*self }.run(stop, element)).collect();
        let mut elements = Vec::new();
        for (cut, run) in cuts.into_iter().zip(runs) {
            let run = if cut == self.at { run? } else { self.run(self.text.len(), element)? };
            elements.push(run.elements);
            self.at = run.end;
            if run.closed {
                return Some(elements);
            }
        }
        None
    }

    /// Where stretches may begin; `indent` stands before the first element.
    fn cuts(&self, indent: &str) -> Vec<usize> {
        let mut cuts = vec![self.at];
        if indent.contains('\n') {
            let between = format!("}},{indent}{{");
            let boundary = |at: usize| self.text.ceil_char_boundary(at.min(self.text.len()));
            let mut from = boundary(self.at + STRETCH);
            // No element is as large as this; if one is, what follows it is not cut.
            while let Some(found) = self.text[from..boundary(from + 8 * STRETCH)].find(&between) {
                let cut = from + found + between.len() - 1;
                cuts.push(cut);
                from = boundary(cut + STRETCH);
            }
        }
        cuts
    }

    /// The elements from here to `stop`, or to the end of the list.
    fn run<T: Default>(
        mut self,
        stop: usize,
        element: &impl Fn(&mut T, Range<usize>, Option<Object>),
    ) -> Option<Run<T>> {
        let mut elements = T::default();
        loop {
            let start = self.at;
            let object = match self.value() {
                Some(Element(object)) => object,
                None => self.value::<IgnoredAny>().map(|_| None)?,
            };
            element(&mut elements, start..self.at, object);
            if self.take(b',').is_none() {
                self.take(b']')?;
                return Some(Run { elements, end: self.at, closed: true });
            }
            self.blanks();
            if self.at >= stop {
                return Some(Run { elements, end: self.at, closed: false });
            }
        }
    }
}

/// One element of a list, if it is an object that can be read straight.
struct Element(Option<Object>);

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ElementVisitor)
    }
}

struct ElementVisitor;

impl<'de> Visitor<'de> for ElementVisitor {
    type Value = Element;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Element, A::Error> {
        let (mut api_version, mut kind) = (None, None);
        let (api_version, kind) = loop {
            if let (Some(api_version), Some(kind)) = (api_version, kind) {
                break (api_version, kind);
            }
            match map.next_key::<&str>()? {
                Some("apiVersion") if api_version.is_none() => api_version = Some(map.next_value::<&str>()?),
                Some("kind") if kind.is_none() => kind = Some(map.next_value::<&str>()?),
                Some(_) => {
                    map.next_value::<IgnoredAny>()?;
                    return skip(map);
                }
                None => return Ok(Element(None)),
            }
        };
        let Known::Reader { reader, removed: false } = kinds::find(api_version, kind) else {
            return skip(map);
        };
        let object = match reader {
            Reader::Namespace => rest(map).map(Object::Namespace),
            Reader::Node => rest(map).map(Object::Node),
            Reader::Pod => rest(map).map(Object::Pod),
            Reader::Service => rest(map).map(Object::Service),
            Reader::Endpoints => rest(map).map(Object::Endpoints),
            Reader::EndpointSlice => rest(map).map(Object::EndpointSlice),
            Reader::Workload => rest(map).map(|workload| {
                Object::Workload(WorkloadObject {
                    api_version: api_version.into(),
                    kind: kind.into(),
                    ..workload
                })
            }),
            Reader::NetworkPolicy => rest(map).map(|mut policy: NetworkPolicy| {
                policy.api_version = api_version.into();
                policy.kind = kind.into();
                Object::NetworkPolicy(policy)
            }),
        }?;
        let local =
            object.metadata().annotations.as_ref().is_some_and(|annotations| annotations.local_config);
        Ok(Element((!local).then_some(object)))
    }
}

/// Leaves an element to the careful way.
fn skip<'de, A: MapAccess<'de>>(mut map: A) -> Result<Element, A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(Element(None))
}

/// Decodes what is left of an element.
fn rest<'de, T: Deserialize<'de>, A: MapAccess<'de>>(map: A) -> Result<T, A::Error> {
    T::deserialize(MapAccessDeserializer::new(Strict(Rest(map))))
}

/// The fields of an element after its `apiVersion` and `kind`, which may not come again.
struct Rest<A>(A);

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Rest<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        match self.0.next_key::<&str>()? {
            None => Ok(None),
            Some("apiVersion" | "kind") => Err(A::Error::custom("written twice")),
            Some(key) => seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.0.next_value_seed(seed)
    }
}
