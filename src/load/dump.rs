//! The output of `kubectl get -o json`, read in one pass.
//!
//! A `List` (or a `PodList`, or several of them) is walked here by hand, and each of its elements decodes straight into
//! its wire type, in the order in which kubectl prints fields: `apiVersion` and `kind` first. Whatever is not as expected
//! is left to the careful way of [`super::decode`], which alone knows what to say about it; this module reports nothing.

use std::fmt;
use std::ops::Range;

use rayon::prelude::*;
use serde::Deserialize;
use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::de::Declined;
use super::item::Item;
use super::kinds::{self, Expected, Known, Reader};
use super::parallel;
use super::scan::Scanner;
use super::slip::Type;
use crate::k8s::{NetworkPolicy, Object, ReplicationController, WorkloadObject};

/// Bytes of a list that are decoded in one go, up to the next element: few enough for the results to stay in the cache.
const STRETCH: usize = 1 << 18;

/// Most stretches for each thread that are decoded before they are put in order.
const STRETCHES: usize = 32;

/// Makes items of the bytes of an element, and of the object in them unless it needs the careful way.
pub(super) trait Element: Fn(Range<usize>, Option<Object>, &Expected, &mut Vec<Item>) + Sync {}

impl<F: Fn(Range<usize>, Option<Object>, &Expected, &mut Vec<Item>) + Sync> Element for F {}

/// Reads a text that is lists, one after the other. `None` if the text is anything else.
pub(super) fn lists(text: &str, element: &impl Element) -> Option<Vec<Item>> {
    let mut walk = Walk { text, at: 0 };
    let mut items = Vec::new();
    loop {
        walk.list(element, &mut items)?;
        walk.blanks();
        if walk.at == text.len() {
            return Some(items);
        }
    }
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
    /// Set if `end` is after the bracket that closes the list, not before another element.
    closed: bool,
}

impl<'t> Walk<'t> {
    fn scan<T>(&mut self, scan: impl FnOnce(&mut Scanner<'t>) -> Option<T>) -> Option<T> {
        let mut scanner = Scanner::new(self.text, self.at);
        let scanned = scan(&mut scanner)?;
        self.at = scanner.at();
        Some(scanned)
    }

    fn blanks(&mut self) {
        self.scan(|scanner| {
            scanner.blanks();
            Some(())
        });
    }

    /// Takes `byte` and the blanks before it.
    fn take(&mut self, byte: u8) -> Option<()> {
        self.scan(|scanner| scanner.take(byte).ok())
    }

    fn value<T: Deserialize<'t>>(&mut self) -> Option<T> {
        self.scan(|scanner| T::deserialize(scanner).ok())
    }

    /// One list.
    fn list(&mut self, element: &impl Element, items: &mut Vec<Item>) -> Option<()> {
        let (mut api_version, mut kind, mut read_as) = (None, None, None);
        self.take(b'{')?;
        loop {
            let key: &str = self.value()?;
            self.take(b':')?;
            let again = match key {
                "apiVersion" => api_version.replace(self.value::<&str>()?).is_some(),
                "kind" => kind.replace(self.value::<&str>()?).is_some(),
                "items" => {
                    let expected = Expected::of_list(api_version, kind.unwrap_or_default());
                    self.elements(&expected, element, items)?;
                    read_as.replace(expected).is_some()
                }
                _ => {
                    self.value::<IgnoredAny>()?;
                    false
                }
            };
            if again {
                return None;
            }
            if self.take(b',').is_none() {
                break;
            }
        }
        self.take(b'}')?;
        let kind = kind.filter(|kind| kind.ends_with("List"))?;
        // What decides how elements are read may have come too late.
        (read_as? == Expected::of_list(api_version, kind)).then_some(())
    }

    /// All elements of a list. A long list is cut where elements seem to begin, and its stretches are decoded in
    /// parallel; that is right if each stretch ends where the next was begun. Where the list ends is not known before:
    /// more and more is decoded at a time, so that a short list costs nothing of what follows it.
    fn elements(&mut self, expected: &Expected, element: &impl Element, items: &mut Vec<Item>) -> Option<()> {
        self.take(b'[')?;
        let open = self.at;
        if self.take(b']').is_some() {
            return Some(());
        }
        self.blanks();
        let indent = &self.text[open..self.at];
        let between = indent.contains('\n').then(|| format!("}},{indent}{{"));
        // A few at a time, so that not all objects are in memory twice.
        let most = STRETCHES * parallel::threads();
        let mut count = 1;
        loop {
            let cuts = self.cuts(between.as_deref(), count);
            let run = |ends: &[usize]| Walk { at: ends[0], ..*self }.run(ends[1], expected, element);
            let runs: Vec<Option<Run>> = parallel::on_threads(
                &*cuts,
                |cuts| cuts.par_windows(2).map(run).collect(),
                |cuts| cuts.windows(2).map(run).collect(),
            );
            count = (count * 2).min(most);
            for (&cut, run) in cuts.iter().zip(runs) {
                if cut != self.at {
                    // What seemed to be an element was none.
                    count = 1;
                    break;
                }
                let run = run?;
                run.items.into_iter().for_each(|item| item.append_to(items));
                self.at = run.end;
                if run.closed {
                    return Some(());
                }
            }
            if let (Some(Item::Manifests(manifests)), true) = (items.last_mut(), count == most) {
                // The rest will be much the same, and to grow little by little touches twice the memory.
                let (read, left) = (self.at - open, self.text.len() - self.at);
                manifests.reserve_exact(manifests.len().saturating_mul(left) / read);
            }
        }
    }

    /// The starts of at most `count` stretches from here, and the end of the last of them; `between` is the text that
    /// separates two elements.
    fn cuts(&self, between: Option<&str>, count: usize) -> Vec<usize> {
        let boundary = |at: usize| self.text.ceil_char_boundary(at.min(self.text.len()));
        let mut cuts = vec![self.at];
        let mut next = self.at;
        while let Some(between) = between
            && cuts.len() <= count
        {
            let from = boundary(next + STRETCH);
            // No element is as large as this; if one is, what follows it is not cut.
            let Some(found) = self.text[from..boundary(from + 64 * STRETCH)].find(between) else { break };
            next = from + found + between.len() - 1;
            cuts.push(next);
        }
        if cuts.len() <= count {
            cuts.push(self.text.len());
        }
        cuts
    }

    /// The elements from here to `stop`, or to the end of the list.
    fn run(self, stop: usize, expected: &Expected, element: &impl Element) -> Option<Run> {
        let mut items = Vec::new();
        let mut scanner = Scanner::new(self.text, self.at);
        loop {
            let start = scanner.at();
            let object = if let Ok(object) = object(&mut scanner, expected, items.last()) {
                object
            } else {
                scanner.move_to(start);
                if IgnoredAny::deserialize(&mut scanner).is_err() {
                    scanner.move_to(start + length_of_any(&self.text[start..])?);
                }
                None
            };
            element(start..scanner.at(), object, expected, &mut items);
            if scanner.take(b',').is_err() {
                scanner.take(b']').ok()?;
                return Some(Run { items, end: scanner.at(), closed: true });
            }
            scanner.blanks();
            if scanner.at() >= stop {
                return Some(Run { items, end: scanner.at(), closed: false });
            }
        }
    }
}

/// Reads one element; `None` is one that needs the careful way. What a pod has in the words of the pod before it, which is
/// the last of the items then, is taken from there.
fn object(
    scanner: &mut Scanner<'_>,
    expected: &Expected,
    last: Option<&Item>,
) -> Result<Option<Object>, Declined> {
    let start = scanner.at();
    let before = match last.and_then(Item::last_object) {
        Some(Object::Pod(before)) => Some(before),
        _ => None,
    };
    let mut object = scanner.deserialize_map(ElementVisitor { expected })?;
    match (&mut object, before) {
        (Some(Object::Pod(pod)), Some(before)) => {
            pod.take_over(|part| scanner.repeats.is_as_before(part.name()), before);
        }
        // Only a pod takes over, and only from a pod.
        _ if scanner.repeats.is_any_as_before() => {
            scanner.move_to(start);
            object = scanner.deserialize_map(ElementVisitor { expected })?;
        }
        _ => {}
    }
    if let Some(Object::Pod(_)) = object {
        scanner.repeats.next();
    } else {
        scanner.repeats.forget();
    }
    Ok(object)
}

/// Length of a value of any type.
fn length_of_any(text: &str) -> Option<usize> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    Some(values.byte_offset())
}

/// Reads one object, such as an element of a list; `None` is one that needs the careful way.
pub(super) struct ElementVisitor<'e> {
    /// The apiVersion and kind of the object if it does not state them.
    pub(super) expected: &'e Expected,
}

impl<'de> Visitor<'de> for ElementVisitor<'_> {
    type Value = Option<Object>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<Object>, A::Error> {
        let (mut api_version, mut kind) = (None, None);
        // The first key after `apiVersion` and `kind`.
        let first = loop {
            match map.next_key::<&str>()? {
                Some("apiVersion") if api_version.is_none() => api_version = Some(map.next_value::<&str>()?),
                Some("kind") if kind.is_none() => kind = Some(map.next_value::<&str>()?),
                other => break other,
            }
        };
        let (Some(first), (Some(api_version), Some(kind))) =
            (first, self.expected.complete(api_version, kind))
        else {
            return Err(A::Error::custom("nothing to go by"));
        };
        let Known::Reader { reader, removed: false } = kinds::find(api_version, kind) else {
            return Err(A::Error::custom("not read this way"));
        };
        let rest = Rest { map, of: None, first: Some(first) };
        let object = match reader {
            Reader::Namespace => rest.read().map(Object::Namespace),
            Reader::Node => rest.read().map(Object::Node),
            Reader::Pod => rest.read().map(Object::Pod),
            Reader::Service => rest.read().map(Object::Service),
            Reader::Endpoints => rest.read().map(Object::Endpoints),
            Reader::EndpointSlice => rest.read().map(Object::EndpointSlice),
            Reader::Ingress => rest.read().map(Object::Ingress),
            Reader::Workload => rest
                .read()
                .map(|workload: WorkloadObject| Object::Workload(workload.called(api_version, kind))),
            Reader::ReplicationController => rest.read().map(|controller: ReplicationController| {
                Object::Workload(WorkloadObject::from(controller).called(api_version, kind))
            }),
            Reader::NetworkPolicy => rest.read().map(|mut policy: NetworkPolicy| {
                policy.api_version = api_version.into();
                policy.kind = kind.into();
                Object::NetworkPolicy(policy)
            }),
        }?;
        let local =
            object.metadata().annotations.as_ref().is_some_and(|annotations| annotations.local_config);
        Ok((!local).then_some(object))
    }
}

/// Decodes what is left of an object after its `apiVersion` and `kind`.
pub(super) fn rest<'de, T: Deserialize<'de>, A: MapAccess<'de>>(map: A) -> Result<T, A::Error> {
    Rest { map, of: None, first: None }.read()
}

/// The fields of an element after its `apiVersion` and `kind`, which may not come again.
struct Rest<'de, A> {
    map: A,
    /// The type that is read.
    of: Option<Type>,
    /// The key that was read already.
    first: Option<&'de str>,
}

impl<'de, A: MapAccess<'de>> Rest<'de, A> {
    fn read<T: Deserialize<'de>>(self) -> Result<T, A::Error> {
        T::deserialize(self)
    }
}

impl<'de, A: MapAccess<'de>> Deserializer<'de> for Rest<'de, A> {
    type Error = A::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_map(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        visitor.visit_map(Self { of: Some(Type::new(name, fields)), ..self })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Rest<'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let key = match self.first.take() {
            Some(first) => Some(first),
            None => self.map.next_key::<&str>()?,
        };
        match key {
            None => Ok(None),
            Some("apiVersion" | "kind") => Err(A::Error::custom("written twice")),
            Some(key) if self.of.is_some_and(|of| !of.reads(key) && !of.passes(key)) => {
                Err(A::Error::custom("no such field"))
            }
            Some(key) => seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use proptest::prelude::*;

    use crate::load::item::Item;
    use crate::load::kinds::Expected;
    use crate::load::{Input, Loaded, Options, load};

    fn read(text: String, careful: bool) -> Loaded {
        let input = Input::Text { name: "t.json".to_owned(), bytes: text.into_bytes() };
        load(&[input], Options { careful, ..Options::default() })
    }

    /// A list of these elements, as kubectl prints it.
    fn list(elements: &[&str]) -> String {
        let elements = elements.join(",\n        ");
        format!(
            "{{\n    \"apiVersion\": \"v1\",\n    \"items\": [\n        {elements}\n    ],\n    \"kind\": \"List\"\n}}\n"
        )
    }

    /// Both ways say the same of a text, positions and all.
    fn assert_same(text: &str) -> Loaded {
        let (fast, careful) = (read(text.to_owned(), false), read(text.to_owned(), true));
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
    fn lists_of_one_kind_and_several_lists() {
        let anonymous = r#"{"metadata": {"name": "b"}, "spec": {"containers": []}}"#;
        let other = r#"{"kind": "Service", "metadata": {"name": "b"}}"#;
        let of = |head: &str, elements: &str, tail: &str| {
            format!("{{{head}\"items\": [\n  {elements}\n  ]{tail}, \"x\": 5}}")
        };
        let pods = "\"kind\": \"PodList\", \"apiVersion\": \"v1\", \"metadata\": {}, ";
        for elements in [anonymous.to_owned(), format!("{POD}, {anonymous}, {other}"), String::new()] {
            let loaded = assert_same(&of(pods, &elements, ""));
            assert_eq!(loaded.manifests.is_empty(), elements.is_empty());
            // Known too late, or never.
            assert_same(&of("", &elements, ", \"kind\": \"PodList\", \"apiVersion\": \"v1\""));
            assert_same(&of("\"kind\": \"PodList\", ", &elements, ", \"apiVersion\": \"v1\""));
            assert_same(&of("\"kind\": \"PodList\", ", &elements, ""));
            assert_same(&(of(pods, &elements, "") + &list(&[POD])));
        }
        assert_eq!(assert_same(&list(&[POD, POD]).repeat(3)).manifests.len(), 6);
        assert_same(&(list(&[POD]) + POD));
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
    fn what_follows_a_list_costs_it_nothing() {
        let pad = "x".repeat(100 << 10);
        let pod = format!("{{\n\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"x\": \"{pad}\"}}");
        for (lists, pods) in [(80, 3), (20, 12), (1, 240)] {
            let text = list(&vec![&*pod; pods]).repeat(lists);
            let decoded = AtomicUsize::new(0);
            let read = super::lists(&text, &|_: Range<usize>, _, _: &Expected, _: &mut Vec<Item>| {
                decoded.fetch_add(1, Ordering::Relaxed);
            });
            assert!(read.is_some());
            let (all, decoded) = (lists * pods, decoded.into_inner());
            assert!((all..all * 3).contains(&decoded), "{lists} lists of {pods}: {decoded}");
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
            assert_same(&(list(&pods[..3]) + &list(&pods[3..])));
        }
    }

    /// A field that says one of `values`, or is not there.
    fn field(name: &'static str, values: &'static [&'static str]) -> impl Strategy<Value = String> {
        let value = prop::option::of(prop::sample::select(values));
        value.prop_map(move |value| value.map_or(String::new(), |value| format!(", \"{name}\": {value}")))
    }

    /// Pods that say much the same, and other things among them.
    fn replica() -> impl Strategy<Value = String> {
        const CONTAINERS: &[&str] = &[
            "null",
            "[]",
            r#"[{"name": "c", "env": [{}], "ports": [{"containerPort": 80, "name": "http"}]}]"#,
            r#"[{"name": "c", "env": [{}], "ports": [{"containerPort": 80, "name": "http"}], "x": {"y": 1}}]"#,
            r#"[{"name": "c", "env": [ ], "ports": [null]}]"#,
            r#"[{"name": "c", "ports": [{"containerPort": "80"}]}]"#,
        ];
        let metadata = (
            field(
                "annotations",
                &["{}", r#"{"config.kubernetes.io/local-config": "true"}"#, r#"{"a": "b"}"#],
            ),
            field("labels", &["null", "{}", r#"{"a": "b"}"#, r#"{"a": "c"}"#, r#"{"a": "b", "a": "b"}"#]),
            field(
                "ownerReferences",
                &["[]", r#"[{"name": "o", "uid": "1"}]"#, r#"[{"name": "o", "uid": "2"}]"#],
            ),
        );
        let spec = (
            field("affinity", &["{}", r#"{"x": {}}"#, r#""x""#]),
            field("containers", CONTAINERS),
            field("initContainers", CONTAINERS),
            field("volumes", &["[]", "[{}]", r#"{"x": {}}"#]),
        );
        let kind = prop_oneof![8 => Just("Pod"), 1 => Just("Deployment"), 1 => Just("Secret")];
        (kind, metadata, spec).prop_map(
            |(kind, (annotations, labels, owners), (affinity, containers, init, volumes))| {
                let version = if kind == "Deployment" { "apps/v1" } else { "v1" };
                let metadata = format!(r#""metadata": {{"name": "a"{annotations}{labels}{owners}}}"#);
                let spec = format!(r#""spec": {{"nodeName": "n"{affinity}{containers}{init}{volumes}}}"#);
                let rest = match kind {
                    "Deployment" => format!(r#"{metadata}, "spec": {{"template": {{{metadata}, {spec}}}}}"#),
                    _ => format!("{metadata}, {spec}"),
                };
                format!(r#"{{"apiVersion": "{version}", "kind": "{kind}", {rest}}}"#)
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_again_means_the_same_again(elements in prop::collection::vec(replica(), 1..8)) {
            let elements: Vec<&str> = elements.iter().map(String::as_str).collect();
            assert_same(&list(&elements));
        }
    }
}
