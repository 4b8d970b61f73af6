//! Test files as they are written; `docs/schemas/reachability-test.json` says the same to editors.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::k8s::LabelSelector;
use crate::yaml::OneOrMany;

/// `kind: ReachabilityTest`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct File {
    #[serde(rename = "apiVersion")]
    _api_version: Option<IgnoredAny>,
    #[serde(rename = "kind")]
    _kind: Option<IgnoredAny>,
    pub(super) metadata: Option<Metadata>,
    pub(super) resources: Option<OneOrMany>,
    pub(super) cni: Option<String>,
    #[serde(rename = "podCIDR")]
    pub(super) pod_cidr: Option<OneOrMany>,
    #[serde(rename = "serviceCIDR")]
    pub(super) service_cidr: Option<OneOrMany>,
    #[serde(rename = "nodeCIDR")]
    pub(super) node_cidr: Option<OneOrMany>,
    pub(super) assume: Option<Assume>,
    pub(super) endpoints: Option<Named<Endpoint>>,
    pub(super) tests: Option<Vec<Option<Entry>>>,
    pub(super) waivers: Option<Vec<Option<Waiver>>>,
}

/// `metadata`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Metadata {
    pub(super) name: Option<String>,
    #[serde(rename = "labels")]
    _labels: Option<BTreeMap<String, String>>,
    #[serde(rename = "annotations")]
    _annotations: Option<BTreeMap<String, String>>,
}

/// An endpoint, in words or by what it holds.
#[derive(Clone, Debug)]
pub(super) enum Endpoint {
    Text(String),
    Set(Box<EndpointSet>),
    List(Vec<Option<Endpoint>>),
}

/// Pods and addresses.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct EndpointSet {
    pub(super) namespace: Option<String>,
    pub(super) namespace_selector: Option<LabelSelector>,
    pub(super) pod_selector: Option<LabelSelector>,
    pub(super) cidrs: Option<OneOrMany>,
    pub(super) external: Option<External>,
}

/// `external`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum External {
    Internet,
}

/// A test, on one line or in full.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    Line(String),
    Test(Box<Test>),
}

/// A test in full.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Test {
    pub(super) name: Option<String>,
    pub(super) from: Option<Endpoint>,
    pub(super) to: Option<Endpoint>,
    pub(super) ports: Option<Vec<Option<Port>>>,
    pub(super) expect: Option<Expect>,
    pub(super) expect_only: Option<Vec<Option<Endpoint>>>,
    pub(super) on_unknown: Option<OnUnknown>,
    pub(super) allow_empty: Option<bool>,
}

/// `expect`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Expect {
    Allow,
    Restricted,
    Deny,
}

/// `onUnknown`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum OnUnknown {
    Allow,
    Fail,
}

/// A failure that is known and put up with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Waiver {
    pub(super) test: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) expires: Option<String>,
}

/// A port as text, whichever way it is written.
#[derive(Clone, Debug)]
pub(super) struct Port(pub(super) String);

/// Labels the input does not show: `KIND/[NS/]NAME k=v`, or a map of labels by `KIND/[NS/]NAME`.
#[derive(Clone, Debug)]
pub(super) struct Assume(pub(super) Vec<(String, String)>);

/// A map in written order, no key twice.
#[derive(Clone, Debug)]
pub(super) struct Named<T>(pub(super) Vec<(String, T)>);

macro_rules! text_or {
    ($type:ident, $text:expr, $map:expr, $expecting:literal $(, $list:expr)?) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct TextOr;
                impl<'de> Visitor<'de> for TextOr {
                    type Value = $type;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$type, E> {
                        Ok($text(text.to_owned()))
                    }
                    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<$type, A::Error> {
                        Deserialize::deserialize(MapAccessDeserializer::new(map))
                            .map(|set| $map(Box::new(set)))
                    }
                    $(fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<$type, A::Error> {
                        Deserialize::deserialize(SeqAccessDeserializer::new(list)).map($list)
                    })?
                }
                deserializer.deserialize_any(TextOr)
            }
        }
    };
}

text_or!(
    Endpoint,
    Endpoint::Text,
    Endpoint::Set,
    "an endpoint: a string, an object or a list of them",
    Endpoint::List
);
text_or!(Entry, Entry::Line, Entry::Test, "a test: a string or an object");

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrText;
        impl Visitor<'_> for NumberOrText {
            type Value = Port;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or a string")
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Port, E> {
                Ok(Port(number.to_string()))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Port, E> {
                Ok(Port(number.to_string()))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Port, E> {
                Ok(Port(text.to_owned()))
            }
        }
        deserializer.deserialize_any(NumberOrText)
    }
}

impl<'de> Deserialize<'de> for Assume {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Assumptions;
        impl<'de> Visitor<'de> for Assumptions {
            type Value = Assume;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of strings or a map of labels")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Assume, A::Error> {
                let mut all = Vec::new();
                while let Some(text) = list.next_element::<String>()? {
                    let (object, label) = text.split_once(' ').unwrap_or((&text, ""));
                    all.push((object.to_owned(), label.trim().to_owned()));
                }
                Ok(Assume(all))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Assume, A::Error> {
                let Named(objects) = Named::<Named<String>>::deserialize(MapAccessDeserializer::new(map))?;
                let labels = objects.into_iter().flat_map(|(object, Named(labels))| {
                    labels.into_iter().map(move |(key, value)| (object.clone(), format!("{key}={value}")))
                });
                Ok(Assume(labels.collect()))
            }
        }
        deserializer.deserialize_any(Assumptions)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Named<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named<T>, A::Error> {
                let mut entries: Vec<(String, T)> = Vec::new();
                let mut seen = BTreeSet::new();
                while let Some(key) = map.next_key::<String>()? {
                    if !seen.insert(key.clone()) {
                        return Err(de::Error::custom(format_args!("key \"{key}\" already set in map")));
                    }
                    entries.push((key, map.next_value()?));
                }
                Ok(Named(entries))
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}
