//! Slips of the pen: keys that are no field of their type, and nearly one that podreach reads.
//!
//! The API server refuses them or drops them, and the object means something else than its author thinks. The fast ways
//! to read leave an object with one to the careful way, which tells it.

use super::de::nearest_by_edits;
use crate::k8s::Fields;

/// A type that is being read, and the fields of it that podreach reads.
#[derive(Clone, Copy)]
pub(super) struct Type {
    name: &'static str,
    read: &'static [&'static str],
}

impl Type {
    /// The type that serde knows by this name.
    pub(super) const fn new(name: &'static str, read: &'static [&'static str]) -> Self {
        Self { name, read }
    }

    /// Whether podreach reads the field of this name.
    pub(super) fn reads(self, key: &str) -> bool {
        self.read.contains(&key)
    }

    /// Whether nothing is to be said of a key.
    pub(super) fn passes(self, key: &str) -> bool {
        Fields::of(self.name).is_none_or(|fields| fields.has(key) || self.passes_unknown(fields, key))
    }

    #[cold]
    fn passes_unknown(self, fields: Fields, key: &str) -> bool {
        !fields.closed && meant(fields, |field| self.reads(field), key).is_none()
    }
}

/// The key that a reader took last. Whoever reads its value knows what it means; what is passed over may be a slip, and
/// only then it is looked up.
#[derive(Clone, Copy, Default)]
pub(super) struct LastKey<'t>(Option<(Type, &'t str)>);

impl<'t> LastKey<'t> {
    /// A key of a value of type `of`.
    pub(super) fn new(of: Option<Type>, key: &'t str) -> Self {
        Self(of.map(|of| (of, key)))
    }

    /// Whether nothing is to be said of it, now that its value is passed over. Asks once.
    pub(super) fn passes(&mut self) -> bool {
        self.0.take().is_none_or(|(of, key)| of.passes(key))
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
        let pod = Type::new("PodSpec", read);
        for key in ["hostnetwork", "hostNetwrok", "container", "nodename", "InitContainers"] {
            assert!(!pod.passes(key), "{key}");
        }
        for key in
            ["hostNetwork", "hostPID", "hostpid", "nodeselector", "ephemeralContainer", "x", "", "replicas"]
        {
            assert!(pod.passes(key), "{key}");
        }
        assert!(Type::new("Probe", read).passes("hostnetwork"));
    }
}
