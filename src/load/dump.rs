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

use super::decode::Item;
use super::kinds::{self, Known, Reader};
use super::strict::Strict;
use crate::k8s::{NetworkPolicy, Object, WorkloadObject};

/// How many bytes of a list are decoded in one go.
const STRETCH: usize = 1 << 20;

/// Reads a text that is one `List` and nothing else. `element` makes items of the bytes of each element, and of the
/// object in them unless it needs the careful way. `None` if the text is anything else.
pub(super) fn list(
    text: &str,
    element: impl Fn(Range<usize>, Option<Object>, &mut Vec<Item>) + Sync,
) -> Option<Vec<Item>> {
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
struct Run {
    items: Vec<Item>,
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
    fn elements(
        &mut self,
        element: &(impl Fn(Range<usize>, Option<Object>, &mut Vec<Item>) + Sync),
    ) -> Option<Vec<Item>> {
        self.take(b'[')?;
        let open = self.at;
        if self.take(b']').is_some() {
            return Some(Vec::new());
        }
        let cuts = self.cuts(&self.text[open..self.at]);
        let stops = cuts.iter().skip(1).copied().chain([self.text.len()]);
        let stretches: Vec<(usize, usize)> = cuts.iter().copied().zip(stops).collect();
        let mut items = Vec::new();
        // A few at a time, so that not all objects are in memory twice.
        for some in stretches.chunks(4 * rayon::current_num_threads()) {
            let runs: Vec<Option<Run>> =
                some.par_iter().map(|&(at, stop)| Walk { at, ..*self }.run(stop, element)).collect();
            for (&(cut, _), run) in some.iter().zip(runs) {
                let run = if cut == self.at { run? } else { self.run(self.text.len(), element)? };
                run.items.into_iter().for_each(|item| item.append_to(&mut items));
                self.at = run.end;
                if run.closed {
                    return Some(items);
                }
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
    fn run(
        mut self,
        stop: usize,
        element: &impl Fn(Range<usize>, Option<Object>, &mut Vec<Item>),
    ) -> Option<Run> {
        let mut items = Vec::new();
        loop {
            let start = self.at;
            let object = match self.value() {
                Some(Element(object)) => object,
                None => self.value::<IgnoredAny>().map(|_| None)?,
            };
            element(start..self.at, object, &mut items);
            if self.take(b',').is_none() {
                self.take(b']')?;
                return Some(Run { items, end: self.at, closed: true });
            }
            self.blanks();
            if self.at >= stop {
                return Some(Run { items, end: self.at, closed: false });
            }
        }
    }
}

/// One element of a list, if it is an object that can be read straight.
pub(super) struct Element(pub(super) Option<Object>);

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
pub(super) fn rest<'de, T: Deserialize<'de>, A: MapAccess<'de>>(map: A) -> Result<T, A::Error> {
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

#[cfg(test)]
mod tests {
    use crate::load::{Input, Loaded, Options, load};

    fn read(text: String) -> Loaded {
        load(&[Input::Text { name: "t.json".to_owned(), bytes: text.into_bytes() }], Options::default())
    }

    /// A list of these elements, as kubectl prints it.
    fn list(elements: &[&str]) -> String {
        let elements = elements.join(",\n        ");
        format!(
            "{{\n    \"apiVersion\": \"v1\",\n    \"items\": [\n        {elements}\n    ],\n    \"kind\":      \"List\"\n}}\n"
        )
    }

    /// Both ways say the same of a text, positions and all. The escape in the kind sends the second the careful way.
    fn assert_same(text: &str) -> Loaded {
        let fast = read(text.to_owned());
        let careful = read(text.replace("     \"List\"", "\"L\\u0069st\""));
        assert_eq!(fast.manifests, careful.manifests, "{text}");
        assert_eq!(fast.diagnostics, careful.diagnostics, "{text}");
        fast
    }

    const POD: &str =
        r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": []}}"#;

    #[test]
    fn elements_mean_what_they_mean_the_careful_way() {
        let table = [
            POD,
            r#"{"kind": "Pod", "apiVersion": "v1", "metadata": null, "status": {"podIPs": [null, {"ip": "10.0.0.1"}]}}"#,
            r#"{"metadata": {"name": "late"}, "apiVersion": "v1", "kind": "Pod"}"#,
            r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "kind": "Secret"}"#,
            r#"{"apiVersion": "v1", "apiVersion": "v1", "kind": "Pod"}"#,
            r#"{"apiVersion": "v1", "kind": "Pod", "spec": [[], [], true, "node"]}"#,
            r#"{"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"ports": [{"containerPort": 80.0}]}]}}"#,
            r#"{"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"ports": [{"containerPort": "80"}]}]}}"#,
            r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {"a": "b", "a": "c"}}}"#,
            r#"{"apiVersion": "v1", "kind": "Pod", "met\u0061data": {"name": "escaped"}}"#,
            r#"{"apiVersion": "v1", "kind": "P\u006fd", "metadata": {"name": "escaped \ud83d\ude00"}}"#,
            r#"{"apiVersion": "v1", "kind": "Pod", "x": "\ud83d"}"#,
            r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"annotations": {"config.kubernetes.io/local-config": "true"}}}"#,
            r#"{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "a"}, "spec": {"ingres": []}}"#,
            r#"{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "a"}, "spec": {"ingress": [{}]}}"#,
            r#"{"apiVersion": "extensions/v1beta1", "kind": "NetworkPolicy", "metadata": {"name": "a"}}"#,
            r#"{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicyList", "items": [{"metadata": {"name": "a"}}]}"#,
            r#"{"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "spec": {"a": 80.0}}"#,
            r#"{"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": {"containers": []}}}}"#,
            r#"{"apiVersion": "v1", "kind": "Secret"}"#,
            r#"{"apiVersion": null, "kind": "NetworkPolicy"}"#,
            r#"{"kind": "Pod"}"#,
            "{}",
            "[]",
            "null",
            "5",
            "\"text\"",
        ];
        for element in table {
            assert_same(&list(&[element]));
            assert_same(&list(&[POD, element, POD]));
        }
        assert_same(&list(&table));
        assert_same(&list(&table).replace('\n', ""));
    }

    #[test]
    fn texts_that_are_no_such_list_are_left_to_the_careful_way() {
        let good = list(&[POD]);
        for text in [
            good.replace("],", "]"),
            good.replace("],", ",],"),
            good.replace("[]", "[}"),
            good.clone() + "x",
            good.repeat(2),
            good.replace("\"List\"", "\"List\", \"kind\": \"List\""),
            good.replace("\"List\"", "\"List\", \"items\": []"),
            good.replace("\"List\"", "5"),
            good.replace("\"v1\"", "\"v1\", \"metadata\": null"),
            list(&[]),
            good[..good.len() / 2].to_owned(),
        ] {
            assert_same(&text);
        }
    }

    #[test]
    fn a_list_in_stretches_is_the_same_list() {
        let pad = "x".repeat(300 << 10);
        let pod = |name: usize, more: &str| {
            format!(
                "{{\n\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {{\"name\": \"é{name}\"}}{more}}}"
            )
        };
        // An element that seems to end in the middle, wherever a stretch may look for an end.
        let trap = format!(", \"x\": [{{\"y\": \"{pad}\"}},\n        {{\"z\": 5}}]");
        for more in [format!(", \"x\": \"{pad}\""), trap] {
            let mut pods: Vec<String> = (0..20).map(|name| pod(name, &more)).collect();
            pods[7] = pod(7, ", \"spec\": 5");
            let pods: Vec<&str> = pods.iter().map(String::as_str).collect();
            let loaded = assert_same(&list(&pods));
            assert_eq!(loaded.manifests.len(), 20);
            assert_eq!(loaded.diagnostics.len(), 1);
        }
    }
}
