//! Shapes of objects, to report everything that is wrong with one at once.
//!
//! serde stops at the first problem. When an object does not decode, its tree is held against the shape of its kind
//! ([`super::shapes`]), which accepts exactly what the structs of [`crate::k8s`] accept (a test mutates documents to make
//! sure). What is [`sound`](Shape::sound) of it is kept, so that the cluster can say what else is wrong.

use serde_json::Value as Json;

use super::advice::{Known, misplaced, wrong_type};
use super::de::{ONLY_ONCE, Problem, already_set, duplicates, join_key, nearest_name};
use super::node::{Cursor, Entry, Value};
use super::scalar::Scalar;
use super::slip::meant;
use crate::diagnostic::Code;
use crate::k8s::{Annotations, Fields};

/// The values that a field may hold. Null is accepted everywhere.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// Anything; it is not read.
    Any,
    /// A string.
    String,
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// A boolean.
    Bool,
    /// A 32-bit integer.
    Int32,
    /// A 32-bit integer or a string.
    IntOrString,
    /// A map of strings.
    Labels,
    /// A map of strings, most of which are not read.
    Annotations,
    /// A list.
    List(&'static Shape),
    /// An object with these fields and no others.
    Object(&'static [(&'static str, Shape)]),
    /// An object of the type that serde knows by that name, of which only these fields are read.
    Open(&'static str, &'static [(&'static str, Shape)]),
    /// The same, in which no field may stand that the API does not have.
    Strict(&'static str, &'static [(&'static str, Shape)]),
}

impl Shape {
    /// Everything that is wrong with `value`, in the order it is written.
    pub(super) fn check(self, value: Cursor<'_, '_>) -> Checked {
        let mut checked = Checked::default();
        self.check_field(value, "", &mut checked);
        checked.problems.sort_by_key(|problem| problem.span.start);
        checked.mistyped.sort_by_key(|problem| problem.span.start);
        // The labels of a template are held against the selector.
        let compared =
            |path: &str| path.starts_with("spec.selector") || path.starts_with("spec.template.metadata");
        if checked.doubtful.iter().any(|path| compared(path)) {
            checked.doubtful.push("spec.template.metadata.labels".into());
        }
        checked
    }

    fn check_field(self, value: Cursor<'_, '_>, path: &str, checked: &mut Checked) {
        match (self, value.value()) {
            (Self::Any, _)
            | (_, Value::Scalar(Scalar::Null))
            | (Self::String | Self::IntOrString, Value::Scalar(Scalar::String(_)))
            | (Self::Bool, Value::Scalar(Scalar::Bool(_))) => {}
            (Self::OneOf(supported), Value::Scalar(Scalar::String(text))) => {
                if !supported.contains(&&**text) {
                    let supported: Vec<String> =
                        supported.iter().map(|value| format!("\"{value}\"")).collect();
                    checked.of_element(Problem {
                        code: Code::UnsupportedValue,
                        message: format!(
                            "Unsupported value: \"{text}\": supported values: {}",
                            supported.join(", ")
                        ),
                        path: path.to_owned(),
                        span: value.span(),
                        help: None,
                    });
                }
            }
            (Self::Int32 | Self::IntOrString, Value::Scalar(Scalar::Int(number))) => {
                if i32::try_from(*number).is_err() {
                    checked.of_element(Problem {
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
                    element.check_field(item, &format!("{path}[{index}]"), checked);
                }
            }
            (Self::Labels, Value::Map(entries)) => {
                report_duplicates(entries, |_| true, path, checked);
                for entry in entries {
                    Self::String.check_field(value.at(entry.value), &join_key(path, &entry.key), checked);
                }
            }
            (Self::Object(known), Value::Map(entries)) => {
                Self::check_fields(known, value, path, checked);
                for entry in entries.iter().filter(|entry| find(known, &entry.key).is_none()) {
                    let advice = misplaced(value, entry, known, &checked.above);
                    checked.unknown_field(entry, nearest(known, &entry.key), advice, path);
                }
            }
            (Self::Strict(name, known), Value::Map(entries)) => {
                Self::check_fields(known, value, path, checked);
                let Some(fields) = Fields::of(name) else { return };
                for entry in entries.iter().filter(|entry| !fields.has(&entry.key)) {
                    checked.unknown_field(entry, nearest_name(fields.names(), &entry.key), None, path);
                }
            }
            (Self::Open(name, known), Value::Map(entries)) => {
                Self::check_fields(known, value, path, checked);
                let Some(fields) = Fields::of(name) else { return };
                for entry in entries.iter().filter(|entry| !fields.has(&entry.key)) {
                    if let Some(meant) = meant(fields, |name| find(known, name).is_some(), &entry.key) {
                        checked.mistyped_field(entry, meant, path);
                    }
                }
            }
            (Self::Annotations, Value::Map(entries)) => {
                report_duplicates(entries, Annotations::has, path, checked);
                for entry in entries {
                    Self::String.check_field(value.at(entry.value), &join_key(path, &entry.key), checked);
                }
            }
            (wanted, _) => checked.of_element(Problem {
                code: Code::WrongType,
                message: format!(
                    "cannot unmarshal {} into field of type {}",
                    value.type_name(),
                    wanted.type_name()
                ),
                path: path.to_owned(),
                span: value.span(),
                help: wrong_type(wanted, value, path),
            }),
        }
    }

    fn check_fields(known: Known, value: Cursor<'_, '_>, path: &str, checked: &mut Checked) {
        report_duplicates(value.entries(), |key| find(known, key).is_some(), path, checked);
        for entry in value.entries() {
            if let Some((field, shape)) = known.iter().find(|(name, _)| *name == entry.key) {
                checked.above.push((known, field));
                shape.check_field(value.at(entry.value), &join_key(path, &entry.key), checked);
                checked.above.pop();
            }
        }
    }

    /// The part of `value` that has this shape: fields that are unknown or of the wrong type are left out, elements of
    /// lists that are so become null, and of a key that was written twice the last value counts.
    pub(super) fn sound(self, value: Cursor<'_, '_>) -> Option<Json> {
        let pairs = |shape_of: &dyn Fn(&str) -> Option<Self>| {
            let entries = value.entries().iter().filter_map(|entry| {
                let sound = shape_of(&entry.key)?.sound(value.at(entry.value))?;
                Some((entry.key.clone().into_owned(), sound))
            });
            Some(Json::Object(entries.collect()))
        };
        match (self, value.value()) {
            (Self::Any, _) => None,
            (_, Value::Scalar(Scalar::Null)) => Some(Json::Null),
            (Self::String | Self::IntOrString, Value::Scalar(Scalar::String(text))) => {
                Some(Json::from(&**text))
            }
            (Self::OneOf(supported), Value::Scalar(Scalar::String(text))) => {
                supported.contains(&&**text).then(|| Json::from(&**text))
            }
            (Self::Bool, Value::Scalar(Scalar::Bool(value))) => Some(Json::from(*value)),
            (Self::Int32 | Self::IntOrString, Value::Scalar(Scalar::Int(number))) => {
                i32::try_from(*number).ok().map(Json::from)
            }
            (Self::List(element), Value::Seq(_)) => {
                let elements = value.items().into_iter().flatten();
                Some(elements.map(|item| element.sound(item).unwrap_or(Json::Null)).collect())
            }
            (Self::Labels | Self::Annotations, Value::Map(_)) => pairs(&|_| Some(Self::String)),
            (Self::Object(known) | Self::Open(_, known) | Self::Strict(_, known), Value::Map(_)) => {
                pairs(&|key| find(known, key))
            }
            _ => None,
        }
    }

    const fn type_name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::String | Self::OneOf(_) => "string",
            Self::Bool => "bool",
            Self::Int32 => "int32",
            Self::IntOrString => "int or string",
            Self::Labels | Self::Annotations => "map of strings",
            Self::List(_) => "array",
            Self::Object(_) | Self::Open(..) | Self::Strict(..) => "object",
        }
    }

    /// The fields of an object of this shape, or of the elements of such a list.
    pub(super) const fn fields(self) -> Known {
        match self {
            Self::Object(known) | Self::Open(_, known) | Self::Strict(_, known) => known,
            Self::List(element) => element.fields(),
            _ => &[],
        }
    }
}

/// The findings of [`Shape::check`].
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// Everything that is wrong, in the order it is written.
    pub(super) problems: Vec<Problem>,
    /// Keys that mean nothing and were probably meant to.
    pub(super) mistyped: Vec<Problem>,
    /// Paths at which the problems throw doubt on other findings: one there, below, or about what holds the path may be
    /// no more than a consequence.
    pub(super) doubtful: Vec<Box<str>>,
    /// The objects around the one that is looked at, and the fields that lead to it.
    above: Vec<(Known, &'static str)>,
}

impl Checked {
    /// A key that may not be there; `meant` is what its author had in mind, probably, and `advice` what to do if nothing is.
    fn unknown_field(&mut self, entry: &Entry<'_>, meant: Option<&str>, advice: Option<String>, path: &str) {
        // That field is not missing, its name is wrong.
        self.doubtful.extend(meant.map(|field| join_key(path, field).into()));
        let path = join_key(path, &entry.key);
        self.of_field(Problem {
            code: Code::UnknownField,
            message: format!("unknown field \"{path}\""),
            span: span_of(&entry.key_span),
            help: meant.map(|field| format!("did you mean `{field}`?")).or(advice),
            path,
        });
    }

    /// A key that may be there, means nothing, and was probably meant to be `meant`.
    fn mistyped_field(&mut self, entry: &Entry<'_>, meant: &str, path: &str) {
        let path = join_key(path, &entry.key);
        self.mistyped.push(Problem {
            code: Code::MistypedField,
            message: format!("unknown field \"{path}\""),
            span: span_of(&entry.key_span),
            help: Some(format!(
                "did you mean `{meant}`? The API server refuses or drops what it does not know"
            )),
            path,
        });
    }

    /// A problem of one field.
    fn of_field(&mut self, problem: Problem) {
        self.doubtful.push(problem.path.as_str().into());
        self.problems.push(problem);
    }

    /// A problem of a field without which the fields beside it mean something else.
    fn of_element(&mut self, problem: Problem) {
        self.doubtful.push(element_of(&problem.path).into());
        self.problems.push(problem);
    }
}

/// The innermost list element that a field is in: its fields depend on each other. The field itself if there is none.
fn element_of(path: &str) -> &str {
    let is_index = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    path.rmatch_indices(']')
        .map(|(end, _)| &path[..=end])
        .find(|element| {
            element[..element.len() - 1].rsplit_once('[').is_some_and(|(_, index)| is_index(index))
        })
        .unwrap_or(path)
}

fn find(known: &[(&str, Shape)], key: &str) -> Option<Shape> {
    known.iter().find(|(name, _)| *name == key).map(|(_, shape)| *shape)
}

/// The field that `key` is probably meant to be.
fn nearest<'k>(known: &[(&'k str, Shape)], key: &str) -> Option<&'k str> {
    nearest_name(known.iter().map(|(name, _)| *name), key)
}

fn report_duplicates(
    entries: &[Entry<'_>],
    matters: impl Fn(&str) -> bool,
    path: &str,
    checked: &mut Checked,
) {
    for entry in duplicates(entries).filter(|entry| matters(&entry.key)) {
        checked.of_field(Problem {
            code: Code::DuplicateKey,
            message: already_set(&entry.key),
            path: join_key(path, &entry.key),
            span: span_of(&entry.key_span),
            help: Some(ONLY_ONCE.to_owned()),
        });
    }
}

fn span_of(span: &std::ops::Range<u32>) -> std::ops::Range<usize> {
    span.start as usize..span.end as usize
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use proptest::prelude::*;
    use proptest::test_runner::TestCaseError;
    use serde::Deserialize;
    use serde::de::DeserializeOwned;
    use serde_json::json;

    use super::*;
    use crate::k8s::{self, NetworkPolicy};
    use crate::load::{json, scan, shapes, yaml};

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

    fn pod() -> Json {
        json!({
            "metadata": {"name": "p", "labels": {"a": "b"}},
            "spec": {
                "hostNetwork": false, "nodeName": "n", "restartPolicy": "Always",
                "containers": [{"name": "c", "image": "i", "ports": [{"name": "http", "containerPort": 80, "protocol": "TCP"}]}],
                "initContainers": [{"name": "s", "restartPolicy": "Always"}],
            },
            "status": {"phase": "Running", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}], "hostIP": "10.1.0.1"},
        })
    }

    fn workload() -> Json {
        let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": pod()["spec"]});
        json!({
            "metadata": {"name": "w"},
            "spec": {
                "replicas": 2, "template": template, "ordinals": {"start": 1}, "parallelism": 1, "completions": 1,
                "selector": {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "a", "operator": "Exists"}]},
                "completionMode": "Indexed", "manualSelector": true, "suspend": false,
                "jobTemplate": {"spec": {"template": template, "completionMode": "NonIndexed"}},
            },
        })
    }

    fn controller() -> Json {
        let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": pod()["spec"]});
        json!({"metadata": {"name": "w"}, "spec": {"replicas": 2, "selector": {"a": "b"}, "template": template}})
    }

    fn service() -> Json {
        json!({
            "metadata": {"name": "s"},
            "spec": {
                "type": "ClusterIP", "selector": {"a": "b"}, "clusterIP": "10.9.0.1", "clusterIPs": ["10.9.0.1"],
                "externalName": "x", "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": "http"}],
                "externalIPs": ["192.0.2.1"], "externalTrafficPolicy": "Local",
            },
            "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.2"}]}},
        })
    }

    fn node() -> Json {
        json!({
            "metadata": {"name": "n"}, "spec": {"podCIDRs": ["10.0.0.0/24"]},
            "status": {"addresses": [{"type": "InternalIP", "address": "10.1.0.1"}]},
        })
    }

    fn endpoints() -> Json {
        json!({
            "metadata": {"name": "e"},
            "subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}],
        })
    }

    fn slice() -> Json {
        json!({
            "metadata": {"name": "e"}, "endpoints": [{"addresses": ["10.0.0.1"]}], "ports": [{"name": "http", "port": 80}],
        })
    }

    fn ingress() -> Json {
        let backend = json!({
            "service": {"name": "web", "port": {"name": "http", "number": 80}}, "resource": {"kind": "Bucket"},
            "serviceName": "web", "servicePort": "http",
        });
        json!({
            "metadata": {"name": "i"},
            "spec": {
                "defaultBackend": backend, "backend": backend, "rules": [{"http": {"paths": [{"backend": backend}]}}],
            },
        })
    }

    #[test]
    fn doubt_spreads_to_the_list_element() {
        for (path, element) in [
            ("spec.podSelector.matchLabels.a", "spec.podSelector.matchLabels.a"),
            ("spec.ingress[0].ports[12].port", "spec.ingress[0].ports[12]"),
            ("spec.ingress[0].from[1].podSelector.matchLabels[a.b/c]", "spec.ingress[0].from[1]"),
            ("metadata.labels[7x]", "metadata.labels[7x]"),
        ] {
            assert_eq!(element_of(path), element);
        }
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

    fn changed(mut document: Json, changes: Vec<(prop::sample::Index, Json, u8)>) -> Json {
        for (place, value, how) in changes {
            let mut all = Vec::new();
            places(&document, "", &mut all);
            let place = document.pointer_mut(place.get::<String>(&all)).expect("it was just listed");
            match (how, place) {
                (0, Json::Object(map)) => {
                    map.insert("extra".to_owned(), value);
                }
                (0, Json::Array(items)) => items.push(value),
                (1, Json::Object(map)) => map.clear(),
                // Slips of the pen.
                (3, Json::Object(map)) => {
                    if let Some(key) = map.keys().next().cloned() {
                        let value = map.remove(&key).expect("it is there");
                        map.insert(key + "s", value);
                    }
                }
                (_, place) => *place = value,
            }
        }
        document
    }

    fn holds<T: DeserializeOwned + PartialEq + Debug>(
        shape: Shape,
        document: &Json,
    ) -> Result<(), TestCaseError> {
        let text = document.to_string();
        let tree = json::tree(&text).expect("it is JSON");
        let problems = shape.check(tree.root()).problems;
        let slow = T::deserialize(tree.root());
        prop_assert_eq!(problems.is_empty(), slow.is_ok(), "{}: {:?}, {:?}", text, problems, slow);
        if let Ok(fast) = scan::from_str::<T>(&text) {
            prop_assert_eq!(Some(&fast), slow.as_ref().ok(), "{}", text);
            let mistyped = shape.check(tree.root()).mistyped;
            prop_assert!(
                mistyped.is_empty(),
                "whatever is to be said is left to the careful way: {:?}",
                mistyped
            );
        }
        let sound = shape.sound(tree.root()).expect("it is an object");
        let rest: Result<T, _> = serde_json::from_value(sound);
        prop_assert!(rest.is_ok(), "what is sound of {} decodes: {:?}", text, rest);
        if let (Ok(whole), Ok(rest)) = (slow, rest) {
            prop_assert_eq!(whole, rest, "nothing is lost of {}", text);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn the_table_accepts_what_serde_accepts(
            changes in prop::collection::vec((any::<prop::sample::Index>(), some_value(), 0..4_u8), 0..3),
            kind in 0..9_usize,
        ) {
            let whole = [policy(), pod(), workload(), service(), node(), endpoints(), slice(), ingress(), controller()];
            let document = changed(whole[kind].clone(), changes);
            // Anything else has no kind, and is not held against the table.
            prop_assume!(document.is_object());
            match kind {
                0 => holds::<NetworkPolicy>(shapes::NETWORK_POLICY, &document)?,
                1 => holds::<k8s::Pod>(shapes::POD, &document)?,
                2 => holds::<k8s::WorkloadObject>(shapes::WORKLOAD, &document)?,
                3 => holds::<k8s::Service>(shapes::SERVICE, &document)?,
                4 => holds::<k8s::Node>(shapes::NODE, &document)?,
                5 => holds::<k8s::Endpoints>(shapes::ENDPOINTS, &document)?,
                6 => holds::<k8s::EndpointSlice>(shapes::ENDPOINT_SLICE, &document)?,
                7 => holds::<k8s::Ingress>(shapes::INGRESS, &document)?,
                _ => holds::<k8s::ReplicationController>(shapes::REPLICATION_CONTROLLER, &document)?,
            }
        }
    }

    fn check(text: &str) -> Vec<String> {
        let tree = yaml::parse(text).unwrap().unwrap();
        let problems = shapes::NETWORK_POLICY.check(tree.root()).problems;
        assert_eq!(problems.is_empty(), NetworkPolicy::deserialize(tree.root()).is_ok(), "{text}");
        problems.into_iter().map(|p| format!("{} {}", p.message, p.help.unwrap_or_default())).collect()
    }

    #[test]
    fn keys_written_twice() {
        assert_eq!(
            check("spec: {}\nspec: {}"),
            ["key \"spec\" already set in map keep one of them: kubectl takes the last, without a word"]
        );
        assert_eq!(
            check("metadata: {labels: {a: b, a: b}}"),
            ["key \"a\" already set in map keep one of them: kubectl takes the last, without a word"]
        );
        assert_eq!(check("metadata: {finalizers: 1, finalizers: 2, annotations: {x: a, x: b}}"), [""; 0]);
        assert_eq!(
            check("metadata: {annotations: {helm.sh/hook: a, helm.sh/hook: b}}"),
            [
                "key \"helm.sh/hook\" already set in map keep one of them: kubectl takes the last, without a word"
            ]
        );
        assert_eq!(check("status: {a: 1, a: 2}"), [""; 0]);
        assert_eq!(
            check("x: &x {a: b}\nspec: {podSelector: {matchLabels: {<<: *x, a: c}}}").len(),
            1,
            "x alone"
        );
    }

    #[test]
    fn every_field_that_is_read_is_one_of_the_api() {
        fn look(shape: Shape, types: &mut usize) {
            match shape {
                Shape::List(element) => look(*element, types),
                Shape::Object(known) => known.iter().for_each(|(_, shape)| look(*shape, types)),
                Shape::Open(name, known) | Shape::Strict(name, known) => {
                    *types += 1;
                    let fields = Fields::of(name);
                    for (field, shape) in known {
                        assert!(fields.is_some_and(|fields| fields.has(field)), "{name}.{field}");
                        // A CronJob holds a Job, which has all the fields of workloads again.
                        if *field != "jobTemplate" {
                            look(*shape, types);
                        }
                    }
                }
                _ => {}
            }
        }
        let mut types = 0;
        for shape in [
            shapes::NETWORK_POLICY,
            shapes::POD,
            shapes::WORKLOAD,
            shapes::REPLICATION_CONTROLLER,
            shapes::SERVICE,
            shapes::NODE,
            shapes::ENDPOINTS,
            shapes::ENDPOINT_SLICE,
            shapes::INGRESS,
        ] {
            look(shape, &mut types);
        }
        assert!(types > 30, "{types}");
    }

    #[test]
    fn keys_that_were_probably_meant_otherwise() {
        let mistyped = |shape: Shape, text: &str| {
            let tree = yaml::parse(text).unwrap().unwrap();
            let found = shape.check(tree.root());
            assert!(found.problems.is_empty(), "{text}: {:?}", found.problems);
            found.mistyped.into_iter().map(|p| p.path).collect::<Vec<_>>()
        };
        assert_eq!(
            mistyped(
                shapes::POD,
                "metadata: {lables: {a: b}}\nspec: {hostnetwork: true, containers: [{port: []}], hostPid: true}"
            ),
            ["metadata.lables", "spec.hostnetwork", "spec.containers[0].port"]
        );
        assert_eq!(
            mistyped(shapes::SERVICE, "spec: {Selector: {a: b}, loadBalancerIp: x}"),
            ["spec.Selector"]
        );
        assert_eq!(mistyped(shapes::WORKLOAD, "spec: {replica: 2, stategy: {}}"), ["spec.replica"]);
        assert_eq!(mistyped(shapes::POD, "spec: {whatever: 1, containers: [{x: 1}]}"), [""; 0]);
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
