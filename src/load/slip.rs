//! Slips of the pen: keys that are no field of their type, and nearly one that podreach reads.
//!
//! The API server refuses them or drops them, and the object means something else than its author thinks. The fast ways
//! to read leave an object with one to the careful way, which tells it.

use rustc_hash::{FxHashMap, FxHashSet};

use super::de::{nearest_by_edits, nearest_name};
use crate::diagnostic::{Code, Diagnostic, Origin};
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

    /// True if podreach reads the field of this name.
    pub(super) fn reads(self, key: &str) -> bool {
        self.read.contains(&key)
    }

    /// True if there is nothing to report about a key.
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

    /// True if there is nothing to report about the key, now that its value is passed over. Asks once.
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

/// Makes one error of a required field that is missing and a key beside it that is nearly its name: that the key is no
/// field, as the API server says it.
pub(super) fn join(findings: &mut Vec<Diagnostic>) {
    let mut slips: FxHashMap<(&Origin, &str), Vec<(usize, &str)>> = FxHashMap::default();
    for (place, finding) in findings.iter().enumerate() {
        if let (Code::MistypedField, Some(origin)) = (finding.code, &finding.origin) {
            let (parent, key) = last_step(&finding.path);
            slips.entry((origin, parent)).or_default().push((place, key));
        }
    }
    if slips.is_empty() {
        return;
    }
    let (mut errors, mut told) = (Vec::new(), FxHashSet::default());
    for (place, finding) in findings.iter().enumerate() {
        let (Code::RequiredValue, Some(origin)) = (finding.code, &finding.origin) else { continue };
        let (parent, field) = last_step(&finding.path);
        let beside = slips.get(&(origin, parent)).into_iter().flatten();
        if let Some(&(slip, _)) =
            beside.into_iter().find(|(_, key)| nearest_name([field].into_iter(), key).is_some())
        {
            errors.push((slip, format!("did you mean `{field}`?")));
            told.insert(place);
        }
    }
    for (slip, help) in errors {
        findings[slip].code = Code::UnknownField;
        findings[slip].help = Some(help);
    }
    let mut places = 0..;
    findings.retain(|_| places.next().is_none_or(|place| !told.contains(&place)));
}

/// A path without its last field, and that field.
fn last_step(path: &str) -> (&str, &str) {
    path.rsplit_once('.').unwrap_or(("", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceId;
    use crate::index::Id;

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

    #[test]
    fn a_required_field_that_is_misspelled_is_one_error() {
        let origin = |start: u64| Origin {
            source: SourceId::from_index(0),
            document: start..start + 1,
            item: "".into(),
        };
        let about = |code: Code, path: &str, start| {
            Diagnostic::new(code, "m").with_path(path).with_origin(origin(start))
        };
        let joined = |mut findings: Vec<Diagnostic>| {
            join(&mut findings);
            findings.into_iter().map(|finding| (finding.code, finding.path)).collect::<Vec<_>>()
        };
        let slip = about(Code::MistypedField, "spec.a[0].nmae", 1);
        let missing = |path: &str, start| about(Code::RequiredValue, path, start);
        assert_eq!(
            joined(vec![slip.clone(), missing("spec.a[0].name", 1)]),
            [(Code::UnknownField, "spec.a[0].nmae".to_owned())]
        );
        for (path, start) in
            [("spec.a[1].name", 1), ("spec.a[0].port", 1), ("spec.a[0].name", 2), ("name", 1)]
        {
            assert_eq!(joined(vec![slip.clone(), missing(path, start)]).len(), 2, "{path} {start}");
        }
    }
}
