//! Items: the results of reading a text, in the order of the input.

use super::Manifest;
use super::holders::Holds;
use crate::diagnostic::{Diagnostic, Origin};
use crate::k8s::Object;

/// One result of reading a document.
#[derive(Debug)]
pub(super) enum Item {
    /// Objects one after the other, readable or not.
    Manifests(Vec<Manifest>),
    /// Something to say.
    Finding(Box<Diagnostic>),
    /// An object of a kind that is not read.
    Ignored {
        /// Its kind.
        kind: Box<str>,
        /// The reason why the object matters, if it does.
        holds: Option<Holds>,
        /// Its place in the sources.
        origin: Origin,
    },
    /// A document that is no Kubernetes object.
    Untyped(Origin),
}

impl Item {
    /// Adds to the items before it: objects join objects, and share what they have alike with the one before.
    pub(super) fn append_to(self, items: &mut Vec<Self>) {
        match (items.last_mut(), self) {
            (Some(Self::Manifests(before)), Self::Manifests(mut after)) => {
                if let (Some(last), Some(first)) = (before.last(), after.first_mut()) {
                    first.object.share(&last.object);
                }
                before.append(&mut after);
            }
            (_, item) => items.push(item),
        }
    }

    /// The object that was added last, if nothing else came after it.
    pub(super) fn last_object(&self) -> Option<&Object> {
        match self {
            Self::Manifests(manifests) => manifests.last().map(|manifest| &manifest.object),
            Self::Finding(_) | Self::Ignored { .. } | Self::Untyped(_) => None,
        }
    }

    /// Adds an object to the items before it.
    pub(super) fn push(mut manifest: Manifest, items: &mut Vec<Self>) {
        if let Some(Self::Manifests(before)) = items.last_mut() {
            if let Some(last) = before.last() {
                manifest.object.share(&last.object);
            }
            before.push(manifest);
        } else {
            items.push(Self::Manifests(vec![manifest]));
        }
    }
}
