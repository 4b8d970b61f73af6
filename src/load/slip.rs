//! Slips of the pen: keys that are no field of their type, and nearly one that podreach reads.
//!
//! The API server refuses them or drops them, and the object means something else than its author thinks. The fast ways
//! to read leave an object with one to the careful way, which tells it.

use super::de::nearest_by_edits;
use crate::k8s::Fields;

/// A type that is being read: its fields, and those of them that podreach reads.
#[derive(Clone, Copy)]
pub(super) struct Type {
    fields: Fields,
    read: &'static [&'static str],
}

impl Type {
    /// The type that serde knows by this name, if podreach knows its fields.
    #[inline]
    pub(super) fn of(name: &str, read: &'static [&'static str]) -> Option<Self> {
        Fields::of(name).map(|fields| Self { fields, read })
    }

    /// Whether nothing is to be said of a key.
    #[inline]
    pub(super) fn passes(self, key: &str) -> bool {
        self.fields.has(key) || self.passes_unknown(key)
    }

    #[cold]
    fn passes_unknown(self, key: &str) -> bool {
        !self.fields.closed && meant(self.fields, |field| self.read.contains(&field), key).is_none()
    }
}

/// The field that an unknown key is probably meant to be, if it is one that podreach reads.
pub(super) fn meant(fields: Fields, is_read: impl Fn(&str) -> bool, key: &str) -> Option<&'static str> {
    // Of two that are as near, what is read matters.
    let (name, _) = nearest_by_edits(fields.names().map(|name| (name, !is_read(name))), key)?;
    is_read(name).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_near_a_field_that_is_read() {
        let read: &[&str] = &["containers", "initContainers", "hostNetwork", "nodeName"];
        let pod = Type::of("PodSpec", read).unwrap();
        for key in ["hostnetwork", "hostNetwrok", "container", "nodename", "InitContainers"] {
            assert!(!pod.passes(key), "{key}");
        }
        for key in
            ["hostNetwork", "hostPID", "hostpid", "nodeselector", "ephemeralContainer", "x", "", "replicas"]
        {
            assert!(pod.passes(key), "{key}");
        }
        assert!(Type::of("Probe", read).is_none());
    }
}
