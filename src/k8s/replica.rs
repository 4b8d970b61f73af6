//! The parts that replicas have alike.
//!
//! Replicas stand beside each other in what kubectl prints. So each pod is compared with the one before it, and of what
//! both have alike one copy is kept; a reader that finds it written in the same words need not even read it again.

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

/// Names by which readers know the parts: each is a newtype of this name.
const NAMES: [&str; 4] =
    ["metadata.labels", "metadata.ownerReferences", "spec.containers", "spec.initContainers"];

impl Part {
    /// The name by which readers know it.
    pub(crate) const fn name(self) -> &'static str {
        NAMES[self as usize]
    }
}

/// Reads the part of that number. A reader that finds a unit in place of the newtype says: as in the pod before. What is
/// read is `None` then, until [`super::Pod::take_over`] puts it right.
pub(super) fn read<'de, const PART: usize, T, D>(from: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
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
    from.deserialize_newtype_struct(NAMES[PART], PartVisitor(PhantomData))
}

/// Makes one value of two that are equal.
pub(super) fn share<T: Shared + Clone + PartialEq>(value: &mut T, other: &T) {
    if !value.is_shared_with(other) && value == other {
        value.clone_from(other);
    }
}

/// A value of which equal copies may be one in memory.
pub(super) trait Shared {
    /// True if both are one value in memory, and not only equal.
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
