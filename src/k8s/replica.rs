//! What replicas have alike.
//!
//! They stand beside each other in what kubectl prints. So each pod is compared with the one before it, and of what both
//! have alike one copy is kept; a reader that finds it written in the same words need not even read it again.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Visitor};

use super::core::{Container, Pod, PodSpec};
use super::meta::{ObjectMeta, OwnerReference};
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
    /// then, until [`Pod::take_over`] puts it right.
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

pub(super) fn labels<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Labels>, D::Error> {
    Part::Labels.read(from)
}

pub(super) fn owner_references<'de, D>(from: D) -> Result<Option<List<OwnerReference>>, D::Error>
where
    D: Deserializer<'de>,
{
    Part::OwnerReferences.read(from)
}

pub(super) fn containers<'de, D: Deserializer<'de>>(from: D) -> Result<Option<List<Container>>, D::Error> {
    Part::Containers.read(from)
}

pub(super) fn init_containers<'de, D>(from: D) -> Result<Option<List<Container>>, D::Error>
where
    D: Deserializer<'de>,
{
    Part::InitContainers.read(from)
}

impl Pod {
    /// Takes over the parts that were not read because they are written as in the pod before.
    pub(crate) fn take_over(&mut self, is_as_before: impl Fn(Part) -> bool, before: &Self) {
        let (meta, other) = (&mut self.metadata, &before.metadata);
        if is_as_before(Part::Labels) {
            meta.labels.clone_from(&other.labels);
        }
        if is_as_before(Part::OwnerReferences) {
            meta.owner_references.clone_from(&other.owner_references);
        }
        if let (Some(spec), Some(other)) = (&mut self.spec, &before.spec) {
            if is_as_before(Part::Containers) {
                spec.containers.clone_from(&other.containers);
            }
            if is_as_before(Part::InitContainers) {
                spec.init_containers.clone_from(&other.init_containers);
            }
        }
    }

    /// Shares with the pod before what both have alike.
    pub(super) fn share(&mut self, before: &Self) {
        let (meta, other) = (&mut self.metadata, &before.metadata);
        if meta.generate_name == other.generate_name {
            meta.generate_name.clone_from(&other.generate_name);
        }
        share(&mut meta.labels, &other.labels);
        share(&mut meta.owner_references, &other.owner_references);
        if let (Some(spec), Some(other)) = (&mut self.spec, &before.spec) {
            share(&mut spec.containers, &other.containers);
            share(&mut spec.init_containers, &other.init_containers);
        }
    }
}

impl ObjectMeta {
    /// Whether both share labels and owners, as replicas do that were read one after the other.
    pub(crate) fn is_sibling_of(&self, other: &Self) -> bool {
        self.labels.is_shared_with(&other.labels)
            && self.owner_references.is_shared_with(&other.owner_references)
    }
}

impl PodSpec {
    /// Whether both share their containers, as replicas do that were read one after the other.
    pub(crate) fn shares_containers_with(&self, other: &Self) -> bool {
        self.containers.is_shared_with(&other.containers)
            && self.init_containers.is_shared_with(&other.init_containers)
    }
}

/// Makes one value of two that are equal.
fn share<T: Shared + Clone + PartialEq>(value: &mut T, other: &T) {
    if !value.is_shared_with(other) && value == other {
        value.clone_from(other);
    }
}

/// What is kept once.
trait Shared {
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
