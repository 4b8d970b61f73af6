//! `meta/v1`: what every object carries.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::fields::STRICT_METADATA;
use super::replica::{self, Part, Shared, share};
use super::scalar::{Labels, List, Passed, Text, Unread};

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
    pub uid: Option<Uid>,
    /// `metadata.labels`.
    #[serde(default, deserialize_with = "replica::read::<{ Part::Labels as usize }, _, _>")]
    pub labels: Option<Labels>,
    /// The annotations that matter.
    pub annotations: Option<Annotations>,
    /// `metadata.ownerReferences`.
    #[serde(default, deserialize_with = "replica::read::<{ Part::OwnerReferences as usize }, _, _>")]
    pub owner_references: Option<List<OwnerReference>>,
    /// `metadata.deletionTimestamp`: set while an object is being terminated.
    pub deletion_timestamp: Option<Unread>,
}

impl ObjectMeta {
    /// The parts of [`super::Pod::take_over`] that are metadata.
    pub(super) fn take_over(&mut self, is_as_before: impl Fn(Part) -> bool, before: &Self) {
        if is_as_before(Part::Labels) {
            self.labels.clone_from(&before.labels);
        }
        if is_as_before(Part::OwnerReferences) {
            self.owner_references.clone_from(&before.owner_references);
        }
    }

    /// Shares with `before` what both have alike.
    pub(super) fn share(&mut self, before: &Self) {
        if self.generate_name == before.generate_name {
            self.generate_name.clone_from(&before.generate_name);
        }
        share(&mut self.labels, &before.labels);
        share(&mut self.owner_references, &before.owner_references);
    }

    /// True if both share labels and owners, as replicas do that were read one after the other.
    pub(crate) fn is_sibling_of(&self, other: &Self) -> bool {
        self.labels.is_shared_with(&other.labels)
            && self.owner_references.is_shared_with(&other.owner_references)
    }
}

/// Reads `metadata` of which every field must be one of the API's: a reader knows that by the name of the type.
pub(super) fn strict_metadata<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    struct Strict<D>(D);
    impl<'de, D: Deserializer<'de>> Deserializer<'de> for Strict<D> {
        type Error = D::Error;
        fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.deserialize_any(visitor)
        }
        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            visitor: V,
        ) -> Result<V::Value, D::Error> {
            self.0.deserialize_struct(STRICT_METADATA, fields, visitor)
        }
        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
            unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }
    struct MetadataVisitor;
    impl<'de> Visitor<'de> for MetadataVisitor {
        type Value = ObjectMeta;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("struct ObjectMeta")
        }
        fn visit_none<E>(self) -> Result<ObjectMeta, E> {
            Ok(ObjectMeta::default())
        }
        fn visit_unit<E>(self) -> Result<ObjectMeta, E> {
            Ok(ObjectMeta::default())
        }
        fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<ObjectMeta, D::Error> {
            ObjectMeta::deserialize(Strict(deserializer))
        }
    }
    deserializer.deserialize_option(MetadataVisitor)
}

/// A uid: any text, but nearly always sixteen bytes in hexadecimal, which are kept as such.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Uid(Form);

/// INVARIANT: no text has two forms.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Form {
    Bytes([u8; 16]),
    Text(Box<str>),
}

impl Uid {
    /// True if nothing is written.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(&self.0, Form::Text(text) if text.is_empty())
    }
}

impl From<&str> for Uid {
    fn from(text: &str) -> Self {
        Self(bytes(text).map_or_else(|| Form::Text(text.into()), Form::Bytes))
    }
}

/// The bytes of `01234567-89ab-cdef-0123-456789abcdef`; `None` for a text of any other form.
fn bytes(text: &str) -> Option<[u8; 16]> {
    let text: &[u8; 36] = text.as_bytes().try_into().ok()?;
    let (mut bytes, mut strange) = ([0; 16], 0);
    for (byte, place) in bytes.iter_mut().zip(PLACES) {
        let (high, low) = (DIGIT[usize::from(text[place])], DIGIT[usize::from(text[place + 1])]);
        *byte = high << 4 | low;
        strange |= high | low;
    }
    let dashes = [8, 13, 18, 23].iter().all(|&place| text[place] == b'-');
    (dashes && strange < 16).then_some(bytes)
}

/// Offset of the first digit of each byte.
const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// Value of each character as a lower-case hexadecimal digit; 16 if it is none.
const DIGIT: [u8; 256] = {
    let mut digits = [16; 256];
    let mut value = 0;
    while value < 16 {
        digits[b"0123456789abcdef"[value] as usize] = value as u8;
        value += 1;
    }
    digits
};

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Text(text) => f.write_str(text),
            Form::Bytes(bytes) => {
                for (place, byte) in bytes.iter().enumerate() {
                    let dash = if matches!(place, 4 | 6 | 8 | 10) { "-" } else { "" };
                    write!(f, "{dash}{byte:02x}")?;
                }
                Ok(())
            }
        }
    }
}

impl<'de> Deserialize<'de> for Uid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct UidVisitor;
        impl Visitor<'_> for UidVisitor {
            type Value = Uid;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_str<E>(self, text: &str) -> Result<Uid, E> {
                Ok(text.into())
            }
        }
        deserializer.deserialize_str(UidVisitor)
    }
}

/// One of `metadata.ownerReferences`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnerReference {
    /// `apps/v1`.
    pub api_version: Option<Text>,
    /// `ReplicaSet`.
    pub kind: Option<Text>,
    /// The owner's name.
    pub name: Option<Text>,
    /// The owner's uid.
    pub uid: Option<Uid>,
    /// Set if this owner manages the object.
    pub controller: Option<bool>,
}

/// The annotations that change what podreach does; all others must be strings, and are not kept.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Annotations {
    /// `config.kubernetes.io/local-config: "true"`: never sent to the API server.
    pub local_config: bool,
    /// `helm.sh/hook`, such as `test`.
    pub helm_hook: Option<Box<str>>,
    /// The manifest that `kubectl apply` applied last, from its annotation. Not decoded with the rest: few need it, and
    /// it is as long as the object ([`crate::load::Sources::recall`]).
    pub last_applied: Option<Box<serde_json::Value>>,
}

impl Annotations {
    /// True if the annotation changes what podreach does.
    pub(crate) fn has(key: &str) -> bool {
        matches!(key, LOCAL_CONFIG | HELM_HOOK)
    }
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
                            map.next_value::<Option<Passed>>()?;
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
                    last_applied: None,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_is_its_text() {
        let usual = "01234567-89ab-cdef-0123-456789abcdef";
        for (text, is_usual) in [
            (usual, true),
            ("01234567-89AB-cdef-0123-456789abcdef", false),
            ("0123456-789ab-cdef-0123-456789abcdef", false),
            ("01234567-89ab-cdef-0123-456789abcde-", false),
            ("01234567-89ab-cdef-0123-456789abcdefg", false),
            ("01234567-89ab-cdef-0123-456789abcdeé", false),
            ("", false),
            ("u1", false),
        ] {
            let uid = Uid::from(text);
            assert_eq!((uid.to_string().as_str(), matches!(uid.0, Form::Bytes(_))), (text, is_usual));
            assert_eq!(uid == Uid::from(usual), text == usual);
        }
    }
}
