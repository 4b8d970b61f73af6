//! The strict shape of policies, to report everything that is wrong with one at once.
//!
//! serde stops at the first problem. When a policy does not decode, its tree is held against the table here, which
//! accepts exactly what the structs of [`crate::k8s`] accept (a test mutates documents to make sure).

use super::de::{Problem, already_set, duplicates, join_key};
use super::node::{Cursor, Entry, Value};
use super::scalar::Scalar;
use crate::diagnostic::Code;

/// What a field may hold. Null is accepted everywhere.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// Anything; it is not read.
    Any,
    /// A string.
    String,
    /// A boolean.
    Bool,
    /// A 32-bit integer.
    Int32,
    /// A 32-bit integer or a string.
    IntOrString,
    /// A map of strings.
    Labels,
    /// A list.
    List(&'static Shape),
    /// An object with these fields and no others.
    Object(&'static [(&'static str, Shape)]),
    /// An object of which only these fields are read.
    Open(&'static [(&'static str, Shape)]),
}

/// `networking.k8s.io/v1 NetworkPolicy`.
pub(super) const NETWORK_POLICY: Shape = Shape::Object(&[
    ("apiVersion", Shape::String),
    ("kind", Shape::String),
    ("metadata", METADATA),
    ("spec", SPEC),
    ("status", Shape::Any),
]);

const METADATA: Shape = Shape::Open(&[
    ("name", Shape::String),
    ("generateName", Shape::String),
    ("namespace", Shape::String),
    ("uid", Shape::String),
    ("labels", Shape::Labels),
    ("annotations", ANNOTATIONS),
    ("ownerReferences", Shape::List(&OWNER)),
    ("deletionTimestamp", Shape::String),
]);

const ANNOTATIONS: Shape =
    Shape::Open(&[("config.kubernetes.io/local-config", Shape::String), ("helm.sh/hook", Shape::String)]);

const OWNER: Shape = Shape::Open(&[
    ("apiVersion", Shape::String),
    ("kind", Shape::String),
    ("name", Shape::String),
    ("uid", Shape::String),
    ("controller", Shape::Bool),
]);

const SPEC: Shape = Shape::Object(&[
    ("podSelector", SELECTOR),
    ("policyTypes", STRINGS),
    ("ingress", Shape::List(&INGRESS)),
    ("egress", Shape::List(&EGRESS)),
]);

const STRINGS: Shape = Shape::List(&Shape::String);

const SELECTOR: Shape =
    Shape::Object(&[("matchLabels", Shape::Labels), ("matchExpressions", Shape::List(&REQUIREMENT))]);

const REQUIREMENT: Shape =
    Shape::Object(&[("key", Shape::String), ("operator", Shape::String), ("values", STRINGS)]);

const INGRESS: Shape = Shape::Object(&[("from", Shape::List(&PEER)), ("ports", Shape::List(&PORT))]);

const EGRESS: Shape = Shape::Object(&[("to", Shape::List(&PEER)), ("ports", Shape::List(&PORT))]);

const PEER: Shape =
    Shape::Object(&[("podSelector", SELECTOR), ("namespaceSelector", SELECTOR), ("ipBlock", IP_BLOCK)]);

const IP_BLOCK: Shape = Shape::Object(&[("cidr", Shape::String), ("except", STRINGS)]);

const PORT: Shape =
    Shape::Object(&[("protocol", Shape::String), ("port", Shape::IntOrString), ("endPort", Shape::Int32)]);

impl Shape {
    /// Everything that is wrong with `value`, in the order it is written.
    pub(super) fn check(self, value: Cursor<'_, '_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        self.check_field(value, "", &mut problems);
        problems.sort_by_key(|problem| problem.span.start);
        problems
    }

    fn check_field(self, value: Cursor<'_, '_>, path: &str, problems: &mut Vec<Problem>) {
        match (self, value.value()) {
            (Self::Any, _)
            | (_, Value::Scalar(Scalar::Null))
            | (Self::String | Self::IntOrString, Value::Scalar(Scalar::String(_)))
            | (Self::Bool, Value::Scalar(Scalar::Bool(_))) => {}
            (Self::Int32 | Self::IntOrString, Value::Scalar(Scalar::Int(number))) => {
                if i32::try_from(*number).is_err() {
                    problems.push(Problem {
                        code: Code::WrongType,
                        message: format!("cannot unmarshal number {number} into field of type int32"),
                        path: path.to_owned(),
                        span: value.span(),
                        help: None,
                    });
                }
            }
            (Self::List(element), Value::Seq(_)) => {
                for (index, item) in value.items().into_iter().flatten().enumerate() {
                    element.check_field(item, &format!("{path}[{index}]"), problems);
                }
            }
            (Self::Labels, Value::Map(entries)) => {
                report_duplicates(entries, |_| true, path, problems);
                for entry in entries {
                    Self::String.check_field(value.at(entry.value), &join_key(path, &entry.key), problems);
                }
            }
            (Self::Object(known), Value::Map(entries)) => {
                Self::check_fields(known, value, path, problems);
                for entry in entries.iter().filter(|entry| find(known, &entry.key).is_none()) {
                    let path = join_key(path, &entry.key);
                    problems.push(Problem {
                        code: Code::UnknownField,
                        message: format!("unknown field \"{path}\""),
                        span: span_of(&entry.key_span),
                        help: nearest(known, &entry.key).map(|field| format!("did you mean `{field}`?")),
                        path,
                    });
                }
            }
            (Self::Open(known), Value::Map(_)) => Self::check_fields(known, value, path, problems),
            (wanted, _) => problems.push(Problem {
                code: Code::WrongType,
                message: format!(
                    "cannot unmarshal {} into field of type {}",
                    value.type_name(),
                    wanted.type_name()
                ),
                path: path.to_owned(),
                span: value.span(),
                help: wanted.help(value),
            }),
        }
    }

    fn check_fields(known: &[(&str, Self)], value: Cursor<'_, '_>, path: &str, problems: &mut Vec<Problem>) {
        report_duplicates(value.entries(), |key| find(known, key).is_some(), path, problems);
        for entry in value.entries() {
            if let Some(shape) = find(known, &entry.key) {
                shape.check_field(value.at(entry.value), &join_key(path, &entry.key), problems);
            }
        }
    }

    const fn type_name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::String => "string",
            Self::Bool => "bool",
            Self::Int32 => "int32",
            Self::IntOrString => "int or string",
            Self::Labels => "map of strings",
            Self::List(_) => "array",
            Self::Object(_) | Self::Open(_) => "object",
        }
    }

    /// What to do about a value of the wrong type.
    fn help(self, value: Cursor<'_, '_>) -> Option<String> {
        match (self, value.value()) {
            (Self::String, Value::Scalar(Scalar::Bool(_) | Scalar::Int(_) | Scalar::Float(_))) => {
                Some("put the value in quotes".to_owned())
            }
            (Self::List(_), Value::Map(_)) => Some("start the element with a dash: `- `".to_owned()),
            (Self::Int32, Value::Scalar(Scalar::String(_))) => {
                Some("write the number without quotes".to_owned())
            }
            _ => None,
        }
    }
}

fn find(known: &[(&str, Shape)], key: &str) -> Option<Shape> {
    known.iter().find(|(name, _)| *name == key).map(|(_, shape)| *shape)
}

/// The field that `key` is probably meant to be.
fn nearest<'k>(known: &[(&'k str, Shape)], key: &str) -> Option<&'k str> {
    let distance = |name: &str| strsim::damerau_levenshtein(&name.to_lowercase(), &key.to_lowercase());
    let (distance, name) = known.iter().map(|(name, _)| (distance(name), *name)).min()?;
    (distance <= 1 + name.len() / 5).then_some(name)
}

fn report_duplicates(
    entries: &[Entry<'_>],
    matters: impl Fn(&str) -> bool,
    path: &str,
    problems: &mut Vec<Problem>,
) {
    for entry in duplicates(entries).filter(|entry| matters(&entry.key)) {
        problems.push(Problem {
            code: Code::DuplicateKey,
            message: already_set(&entry.key),
            path: join_key(path, &entry.key),
            span: span_of(&entry.key_span),
            help: None,
        });
    }
}

fn span_of(span: &std::ops::Range<u32>) -> std::ops::Range<usize> {
    span.start as usize..span.end as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::k8s::NetworkPolicy;
    use crate::load::{json, strict, yaml};

    fn policy() -> Json {
        json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {
                "name": "p", "namespace": "n", "labels": {"a": "b"}, "managedFields": [{"x": 1}],
                "annotations": {"helm.sh/hook": "test", "other": "x"},
                "ownerReferences": [{"kind": "X", "controller": true, "blockOwnerDeletion": true}],
            },
            "spec": {
                "podSelector": {"matchLabels": {"a": "b"}},
                "policyTypes": ["Ingress", "Egress"],
                "ingress": [{
                    "from": [{"podSelector": {}}, {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}],
                    "ports": [{"port": 80, "endPort": 90, "protocol": "TCP"}, {"port": "http"}],
                }],
                "egress": [{
                    "to": [{"namespaceSelector": {"matchExpressions": [
                        {"key": "a", "operator": "In", "values": ["b"]}
                    ]}}],
                }],
            },
            "status": {"conditions": []},
        })
    }

    /// Every place in a value, as a JSON pointer.
    fn places(value: &Json, at: &str, into: &mut Vec<String>) {
        into.push(at.to_owned());
        match value {
            Json::Object(map) => {
                for (key, value) in map {
                    places(value, &format!("{at}/{}", key.replace('/', "~1")), into);
                }
            }
            Json::Array(items) => {
                for (index, value) in items.iter().enumerate() {
                    places(value, &format!("{at}/{index}"), into);
                }
            }
            _ => {}
        }
    }

    fn some_value() -> impl Strategy<Value = Json> {
        prop::sample::select(vec![
            json!(null),
            json!(true),
            json!(5),
            json!(-1),
            json!(80.0),
            json!(80.5),
            json!(99_999_999_999_i64),
            json!(1e30),
            json!(""),
            json!("text"),
            json!([]),
            json!([null]),
            json!(["x"]),
            json!([5]),
            json!([null, null]),
            json!({}),
            json!({"a": "b"}),
            json!({"a": null}),
            json!({"a": 1}),
            json!({"matchLabels": {}}),
            json!({"ports": []}),
        ])
    }

    proptest! {
        #[test]
        fn the_table_accepts_what_serde_accepts(
            changes in prop::collection::vec((any::<prop::sample::Index>(), some_value(), 0..3_u8), 0..3),
        ) {
            let mut document = policy();
            for (place, value, how) in changes {
                let mut all = Vec::new();
                places(&document, "", &mut all);
                let place = document.pointer_mut(place.get::<String>(&all)).expect("it was just listed");
                match (how, place) {
                    (0, Json::Object(map)) => { map.insert("extra".to_owned(), value); }
                    (0, Json::Array(items)) => items.push(value),
                    (1, Json::Object(map)) => map.clear(),
                    (_, place) => *place = value,
                }
            }
            // Anything else has no kind, and is not held against the table.
            prop_assume!(document.is_object());
            let text = document.to_string();
            let tree = json::tree(&text).expect("it is JSON");
            let problems = NETWORK_POLICY.check(tree.root());
            let slow = NetworkPolicy::deserialize(tree.root());
            prop_assert_eq!(problems.is_empty(), slow.is_ok(), "{}: {:?}, {:?}", text, problems, slow);
            prop_assert_eq!(strict::from_str::<NetworkPolicy>(&text).ok(), slow.ok(), "{}", text);
        }
    }

    fn check(text: &str) -> Vec<String> {
        let tree = yaml::parse(text).unwrap().unwrap();
        let problems = NETWORK_POLICY.check(tree.root());
        assert_eq!(problems.is_empty(), NetworkPolicy::deserialize(tree.root()).is_ok(), "{text}");
        problems.into_iter().map(|p| format!("{} {}", p.message, p.help.unwrap_or_default())).collect()
    }

    #[test]
    fn keys_written_twice() {
        assert_eq!(check("spec: {}\nspec: {}"), ["key \"spec\" already set in map "]);
        assert_eq!(check("metadata: {labels: {a: b, a: b}}"), ["key \"a\" already set in map "]);
        assert_eq!(check("metadata: {other: 1, other: 2, annotations: {x: y, x: z}}"), [""; 0]);
        assert_eq!(
            check("metadata: {annotations: {helm.sh/hook: a, helm.sh/hook: b}}"),
            ["key \"helm.sh/hook\" already set in map "]
        );
        assert_eq!(check("status: {a: 1, a: 2}"), [""; 0]);
        assert_eq!(
            check("x: &x {a: b}\nspec: {podSelector: {matchLabels: {<<: *x, a: c}}}").len(),
            1,
            "x alone"
        );
    }

    #[test]
    fn the_field_that_was_meant() {
        let help = |text: &str| check(text)[0].split_once(' ').unwrap().1.to_owned();
        assert_eq!(help("spec: {podselector: {}}"), "field \"spec.podselector\" did you mean `podSelector`?");
        assert_eq!(help("spec: {ingres: []}"), "field \"spec.ingres\" did you mean `ingress`?");
        assert_eq!(help("spec: {whatever: []}"), "field \"spec.whatever\" ");
        assert_eq!(
            check("spec: {podSelector: {matchLabels: {a: 1}}}"),
            ["cannot unmarshal number into field of type string put the value in quotes"]
        );
    }
}
