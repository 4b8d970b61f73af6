//! `meta/v1`: what every object carries.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::scalar::{Labels, List, Text, Unread};

/// `metadata`, as far as podreach reads it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectMeta {
    /// `metadata.name`.
    pub name: Option<Text>,
    /// `metadata.generateName`.
    pub generate_name: Option<Text>,
    /// `metadata.namespace`.
    pub namespace: Option<Text>,
    /// `metadata.uid`.
    pub uid: Option<Box<str>>,
    /// `metadata.labels`.
    pub labels: Option<Labels>,
    /// The annotations that matter.
    pub annotations: Option<Annotations>,
    /// `metadata.ownerReferences`.
    pub owner_references: Option<List<OwnerReference>>,
    /// `metadata.deletionTimestamp`: set while an object is being terminated.
    pub deletion_timestamp: Option<Unread>,
}

impl ObjectMeta {
    /// Shares with `other` what both have alike.
    pub(crate) fn share(&mut self, other: &Self) {
        share(&mut self.labels, &other.labels);
        share(&mut self.owner_references, &other.owner_references);
    }
}

/// Makes one value of two that are equal: of what replicas have in common, only one is kept.
pub(super) fn share<T: Clone + PartialEq>(value: &mut T, other: &T) {
    if value == other {
        value.clone_from(other);
    }
}

/// One of `metadata.ownerReferences`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnerReference {
    /// `apps/v1`.
    pub api_version: Option<Unread>,
    /// `ReplicaSet`.
    pub kind: Option<Text>,
    /// The owner's name.
    pub name: Option<Text>,
    /// The owner's uid.
    pub uid: Option<Box<str>>,
    /// Whether this owner manages the object.
    pub controller: Option<bool>,
}

/// The annotations that change what podreach does; all others are skipped without being kept.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Annotations {
    /// `config.kubernetes.io/local-config: "true"`: never sent to the API server.
    pub local_config: bool,
    /// `helm.sh/hook`, such as `test`.
    pub helm_hook: Option<Box<str>>,
}

const LOCAL_CONFIG: &str = "config.kubernetes.io/local-config";
const HELM_HOOK: &str = "helm.sh/hook";

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnnotationsVisitor;
        impl<'de> Visitor<'de> for AnnotationsVisitor {
            type Value = Annotations;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of strings")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Annotations, A::Error> {
                let mut local_config: Option<Option<Box<str>>> = None;
                let mut helm_hook: Option<Option<Box<str>>> = None;
                while let Some(known) = map.next_key::<Known>()? {
                    let (slot, key) = match known {
                        Known::LocalConfig => (&mut local_config, LOCAL_CONFIG),
                        Known::HelmHook => (&mut helm_hook, HELM_HOOK),
                        Known::Other => {
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    if slot.replace(map.next_value()?).is_some() {
                        return Err(de::Error::duplicate_field(key));
                    }
                }
                Ok(Annotations {
                    local_config: local_config.flatten().as_deref() == Some("true"),
                    helm_hook: helm_hook.flatten(),
                })
            }
        }
        enum Known {
            LocalConfig,
            HelmHook,
            Other,
        }
        impl<'de> Deserialize<'de> for Known {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct KnownVisitor;
                impl Visitor<'_> for KnownVisitor {
                    type Value = Known;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("an annotation key")
                    }
                    fn visit_str<E: de::Error>(self, key: &str) -> Result<Known, E> {
                        Ok(match key {
                            LOCAL_CONFIG => Known::LocalConfig,
                            HELM_HOOK => Known::HelmHook,
                            _ => Known::Other,
                        })
                    }
                }
                deserializer.deserialize_identifier(KnownVisitor)
            }
        }
        deserializer.deserialize_map(AnnotationsVisitor)
    }
}

/// A label selector as written; see [`crate::label::Selector`] for the validated one.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LabelSelector {
    /// `matchLabels`.
    pub match_labels: Option<Labels>,
    /// `matchExpressions`.
    pub match_expressions: Option<List<LabelSelectorRequirement>>,
}

/// One of `matchExpressions`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelSelectorRequirement {
    /// The label key.
    pub key: Option<Text>,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: Option<Text>,
    /// The values; a null element is the empty string.
    pub values: Option<List<Text>>,
}
