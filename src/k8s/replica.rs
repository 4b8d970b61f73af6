//! What replicas have alike.
//!
//! They stand beside each other in what kubectl prints. So each pod is compared with the one before it, and of what both
//! have alike one copy is kept; a reader that finds it written in the same words need not even read it again.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Visitor};

use super::scalar::{Labels, List};

/// A part of a pod that its replicas have alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    /// `metadata.labels`.
    Labels,
    /// `metadata.ownerReferences`.
    OwnerReferences,
    /// `spec.containers`.
    Containers,
    /// `spec.initContainers`.
    InitContainers,
}

impl Part {
    /// What readers know it by: the part is a newtype of this name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Labels => "metadata.labels",
            Self::OwnerReferences => "metadata.ownerReferences",
            Self::Containers => "spec.containers",
            Self::InitContainers => "spec.initContainers",
        }
    }

    /// Reads it. A reader that finds a unit in place of the newtype says: as in the pod before. What is read is `None`
    /// then, until [`super::Pod::take_over`] puts it right.
    fn read<'de, T: Deserialize<'de>, D: Deserializer<'de>>(self, from: D) -> Result<Option<T>, D::Error> {
        struct PartVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for PartVisitor<T> {
            type Value = Option<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a part of an object")
            }
            fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<Option<T>, D::Error> {
                Option::deserialize(from)
            }
            fn visit_unit<E>(self) -> Result<Option<T>, E> {
                Ok(None)
            }
        }
        from.deserialize_newtype_struct(self.name(), PartVisitor(PhantomData))
    }
}

pub(super) fn labels<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Part::Labels.read(from)
}

pub(super) fn owner_references<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Part::OwnerReferences.read(from)
}

pub(super) fn containers<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Part::Containers.read(from)
}

pub(super) fn init_containers<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Part::InitContainers.read(from)
}

/// Makes one value of two that are equal.
pub(super) fn share<T: Shared + Clone + PartialEq>(value: &mut T, other: &T) {
    if !value.is_shared_with(other) && value == other {
        value.clone_from(other);
    }
}

/// What is kept once.
pub(super) trait Shared {
    /// Whether both are one value in memory, and not only equal.
    fn is_shared_with(&self, other: &Self) -> bool;
}

impl<T: Shared> Shared for Option<T> {
    fn is_shared_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Some(one), Some(other)) => one.is_shared_with(other),
            (None, None) => true,
            _ => false,
        }
    }
}

impl<T> Shared for List<T> {
    fn is_shared_with(&self, other: &Self) -> bool {
        // Hardly any list has nulls.
        let same_nulls = || (self.nulls.is_empty() && other.nulls.is_empty()) || self.nulls == other.nulls;
        Arc::ptr_eq(&self.items, &other.items) && same_nulls()
    }
}

impl Shared for Labels {
    fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
