//! One document to one manifest: which kind is read how, and what is said of an object that does not decode.

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::de::{Declined, ONLY_ONCE, Problem, already_set, duplicates};
use super::item::Item;
use super::kinds::{self, Known, Reader, is_list};
use super::mesh::ConfigMap;
use super::node::Cursor;
use super::schema::Checked;
use super::yaml::Fault;
use super::{Manifest, holders, json, scan};
use crate::diagnostic::{Code, Diagnostic, ObjectName, Origin};
use crate::k8s::{
    BrokenObject, ClusterWidePolicy, IstioMesh, NetworkPolicy, Object, ObjectMeta, PodTemplate,
    ReplicationController, Rest, UnevaluatedPolicy, WorkloadObject, WorkloadSpec, group,
};

/// The fields of an object: its JSON text, or its tree.
pub(super) enum Body<'a, 't> {
    Json(&'a str),
    Node(Cursor<'a, 't>),
}

/// One object, not yet decoded.
pub(super) struct Document<'a, 't> {
    pub(super) body: Body<'a, 't>,
    pub(super) origin: Origin,
}

/// Only whether there is a pod template.
#[derive(Deserialize)]
pub(super) struct Probe {
    spec: Option<ProbeSpec>,
}
#[derive(Deserialize)]
struct ProbeSpec {
    template: Option<ProbeTemplate>,
}
#[derive(Deserialize)]
struct ProbeTemplate {
    spec: Option<ProbePod>,
}
#[derive(Deserialize)]
struct ProbePod {
    containers: Option<Vec<IgnoredAny>>,
}

impl Probe {
    pub(super) fn found(self) -> bool {
        let pod = self.spec.and_then(|spec| spec.template?.spec);
        pod.is_some_and(|pod| pod.containers.is_some())
    }
}

/// A policy of another API: its spec is kept as it is.
#[derive(Deserialize)]
struct Untyped {
    metadata: Option<ObjectMeta>,
    spec: Option<serde_json::Value>,
    specs: Option<Vec<serde_json::Value>>,
}

/// The labels of pods, for kinds whose other fields are their own business.
#[derive(Deserialize)]
struct TemplateOnly {
    metadata: Option<ObjectMeta>,
    spec: Option<TemplateOnlySpec>,
}
#[derive(Deserialize)]
struct TemplateOnlySpec {
    template: Option<Box<PodTemplate>>,
}

/// An object that was read.
struct Read {
    object: Object,
    /// Keys that were probably meant to mean something.
    mistyped: Vec<Problem>,
}

impl From<Object> for Read {
    fn from(object: Object) -> Self {
        Self { object, mistyped: Vec::new() }
    }
}

/// The reasons why a document is no object: everything that is wrong with its fields, and what is sound of it.
pub(super) struct Failure {
    problems: Vec<Problem>,
    /// Misspelt keys, which alone are no reason.
    mistyped: Vec<Problem>,
    rest: Option<Box<Rest>>,
}

impl From<Vec<Problem>> for Failure {
    fn from(problems: Vec<Problem>) -> Self {
        Self { problems, mistyped: Vec::new(), rest: None }
    }
}

/// Decodes a JSON text: without a tree if it goes.
fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, Vec<Problem>> {
    scan::from_str(text)
        .or_else(|Declined| from_node(json::tree(text).map_err(|fault| vec![fault.into()])?.root()))
}

fn from_node<T: DeserializeOwned>(node: Cursor<'_, '_>) -> Result<T, Vec<Problem>> {
    T::deserialize(node).map_err(|error| vec![error.into_problem(node)])
}

impl Document<'_, '_> {
    /// Reads what is an object by these fields, and adds it or what is to be said instead.
    pub(super) fn read(self, api_version: Option<&str>, kind: Option<&str>, into: &mut Vec<Item>) {
        let (Some(api_version), Some(kind)) = (api_version, kind) else {
            let written = self.written_otherwise();
            let missing = match (api_version, kind) {
                (None, Some(kind)) if kinds::is_known(kind) => "apiVersion",
                // A version without a group may be anybody's, such as that of a Helm chart.
                (Some(api_version), None) if api_version.contains('/') => "kind",
                _ => match &written {
                    Some((meant, _)) => meant,
                    None => return into.push(Item::Untyped(self.origin)),
                },
            };
            let mut problem = self.problem(Code::RequiredValue, missing, "Required value".to_owned());
            problem.help = written.map(|(meant, key)| format!("`{key}` is written `{meant}`"));
            return self.broken(
                api_version.unwrap_or_default(),
                kind.unwrap_or_default(),
                vec![problem].into(),
                into,
            );
        };
        let object = match kinds::find(api_version, kind) {
            Known::Reader { reader, removed } => {
                if removed {
                    let message =
                        format!("{kind} in apiVersion `{api_version}` is no longer served by Kubernetes");
                    let warning = Diagnostic::new(Code::RemovedApi, message).with_path("apiVersion");
                    into.push(Item::Finding(Box::new(
                        warning.with_object(self.name(kind)).with_origin(self.origin.clone()),
                    )));
                }
                self.object(reader, api_version, kind)
            }
            Known::NoMatch(meant) => {
                let message = format!("no matches for kind \"{kind}\" in version \"{api_version}\"");
                let path = if meant.kind == kind { "apiVersion" } else { "kind" };
                let problem = self.problem(Code::InvalidValue, path, message);
                Err(Failure::from(vec![Problem { help: Some(meant.help(kind)), ..problem }]))
            }
            Known::Unevaluated if group(api_version) == "policy.networking.k8s.io" => {
                self.decode().map_err(Failure::from).map(|policy: ClusterWidePolicy| {
                    Read::from(Object::Unevaluated(UnevaluatedPolicy {
                        api_version: api_version.into(),
                        kind: kind.into(),
                        metadata: policy.metadata,
                        spec: policy.spec.unwrap_or_default(),
                    }))
                })
            }
            Known::Unevaluated => self.decode().map_err(Failure::from).map(|policy: Untyped| {
                let spec = match (policy.spec, policy.specs) {
                    (spec, None) => spec.unwrap_or_default(),
                    (spec, Some(specs)) => spec.into_iter().chain(specs).collect(),
                };
                Read::from(Object::Unevaluated(UnevaluatedPolicy {
                    api_version: api_version.into(),
                    kind: kind.into(),
                    metadata: policy.metadata.unwrap_or_default(),
                    spec,
                }))
            }),
            Known::No if self.has_pod_template() => {
                let read = self.object(Reader::Workload, api_version, kind).or_else(|failure| {
                    let rest = self.decode().map_err(|_| failure)?;
                    let TemplateOnly { metadata, spec } = rest;
                    let spec =
                        spec.map(|spec| WorkloadSpec { template: spec.template, ..Default::default() });
                    let workload = WorkloadObject {
                        metadata: metadata.unwrap_or_default(),
                        spec,
                        ..WorkloadObject::default()
                    };
                    Ok(Object::Workload(workload.called(api_version, kind)).into())
                });
                // Nobody here knows the fields of such a kind.
                read.map(|read| Read { mistyped: Vec::new(), ..read })
            }
            Known::No => {
                let Some(mesh) = self.mesh(api_version, kind) else {
                    let holds = if holders::may_hold(api_version, kind) {
                        self.with_node(|node| holders::holds(api_version, kind, node)).unwrap_or_default()
                    } else {
                        None
                    };
                    into.push(Item::Ignored { kind: kind.into(), holds, origin: self.origin });
                    return;
                };
                Ok(Object::IstioMesh(mesh).into())
            }
        };
        match object.map(|read| self.told(read, kind, into)) {
            Ok(object) if object.metadata().annotations.as_ref().is_some_and(|a| a.local_config) => {
                let name = self.name(kind);
                let message =
                    format!("skipped {name}: it is annotated `config.kubernetes.io/local-config: \"true\"`");
                into.push(Item::Finding(Box::new(
                    Diagnostic::new(Code::Skipped, message).with_object(name).with_origin(self.origin),
                )));
            }
            Ok(object) => into.push(Item::Manifests(vec![Manifest { object, origin: self.origin }])),
            Err(failure) => self.broken(api_version, kind, failure, into),
        }
    }

    /// Says what there is to say about an object that was read.
    fn told(&self, read: Read, kind: &str, into: &mut Vec<Item>) -> Object {
        let name = read.object.metadata();
        let name = (!read.mistyped.is_empty()).then(|| name_of(kind, name, false));
        into.extend(read.mistyped.into_iter().map(|problem| self.finding(problem, name.as_ref())));
        read.object
    }

    fn object(&self, reader: Reader, api_version: &str, kind: &str) -> Result<Read, Failure> {
        match reader {
            Reader::Namespace => self.typed(reader, Object::Namespace),
            Reader::Node => self.typed(reader, Object::Node),
            Reader::Pod => self.typed(reader, Object::Pod),
            Reader::Service => self.typed(reader, Object::Service),
            Reader::Endpoints => self.typed(reader, Object::Endpoints),
            Reader::EndpointSlice => self.typed(reader, Object::EndpointSlice),
            Reader::Ingress => self.typed(reader, Object::Ingress),
            Reader::Workload => self.typed(reader, |workload: WorkloadObject| {
                Object::Workload(workload.called(api_version, kind))
            }),
            Reader::ReplicationController => self.typed(reader, |controller: ReplicationController| {
                Object::Workload(WorkloadObject::from(controller).called(api_version, kind))
            }),
            Reader::NetworkPolicy => self.typed(reader, |mut policy: NetworkPolicy| {
                policy.api_version = api_version.into();
                policy.kind = kind.into();
                Object::NetworkPolicy(policy)
            }),
        }
    }

    /// Decodes an object of a kind that is read; or else finds everything that keeps it from that.
    fn typed<T: DeserializeOwned>(
        &self,
        reader: Reader,
        wrap: impl Fn(T) -> Object,
    ) -> Result<Read, Failure> {
        if let Body::Json(text) = self.body
            && let Ok(value) = scan::from_str(text)
        {
            return Ok(wrap(value).into());
        }
        let shape = reader.shape();
        let first = match self.decode() {
            Ok(value) => {
                let mistyped = self.with_node(|node| shape.check(node).mistyped).unwrap_or_default();
                return Ok(Read { object: wrap(value), mistyped });
            }
            Err(first) => first,
        };
        let Ok((checked, sound)) = self.with_node(|node| (shape.check(node), shape.sound(node))) else {
            return Err(first.into());
        };
        let Checked { problems, mistyped, doubtful, .. } = checked;
        let rest = sound.and_then(|sound| from_json(&sound.to_string()).ok());
        let rest = rest.map(|value| Box::new(Rest { object: wrap(value), doubtful }));
        Err(Failure { problems: if problems.is_empty() { first } else { problems }, mistyped, rest })
    }

    /// Decodes the object; what is wrong with it otherwise, the first problem only.
    fn decode<T: DeserializeOwned>(&self) -> Result<T, Vec<Problem>> {
        match self.body {
            Body::Json(text) => from_json(text),
            Body::Node(node) => from_node(node),
        }
    }

    /// Runs `f` on the tree of the object, which is made for it if there is none.
    fn with_node<R>(&self, f: impl FnOnce(Cursor<'_, '_>) -> R) -> Result<R, Fault> {
        match self.body {
            Body::Node(node) => Ok(f(node)),
            Body::Json(text) => json::tree(text).map(|tree| f(tree.root())),
        }
    }

    fn mesh(&self, api_version: &str, kind: &str) -> Option<IstioMesh> {
        let is_config_map = (api_version, kind) == ("v1", "ConfigMap");
        is_config_map.then(|| self.decode::<ConfigMap>().ok()?.into_mesh()).flatten()
    }

    /// Of `apiVersion` and `kind` one that is missing and stands there with other capitals, and how it is written.
    fn written_otherwise(&self) -> Option<(&'static str, String)> {
        self.with_node(|node| {
            let otherwise = |meant: &'static str| {
                let entry = node.entries().iter().find(|entry| entry.key.eq_ignore_ascii_case(meant))?;
                node.get(meant).is_none().then(|| (meant, entry.key.clone().into_owned()))
            };
            ["apiVersion", "kind"].into_iter().find_map(otherwise)
        })
        .ok()
        .flatten()
    }

    fn has_pod_template(&self) -> bool {
        self.decode().is_ok_and(Probe::found)
    }

    /// The metadata, as far as it can be read.
    fn metadata(&self) -> ObjectMeta {
        fn field<T: DeserializeOwned>(metadata: Cursor<'_, '_>, key: &str) -> Option<T> {
            T::deserialize(metadata.get(key)?).ok()
        }
        self.with_node(|node| {
            let metadata = node.get("metadata")?;
            Some(ObjectMeta {
                name: field(metadata, "name"),
                generate_name: field(metadata, "generateName"),
                namespace: field(metadata, "namespace"),
                uid: field(metadata, "uid"),
                labels: field(metadata, "labels"),
                annotations: field(metadata, "annotations"),
                owner_references: field(metadata, "ownerReferences"),
                deletion_timestamp: field(metadata, "deletionTimestamp"),
            })
        })
        .ok()
        .flatten()
        .unwrap_or_default()
    }

    /// True if the object states a namespace that cannot be read, or more than one.
    fn namespace_unknown(&self) -> bool {
        self.with_node(|node| {
            let count =
                |node: Cursor<'_, '_>, key| node.entries().iter().filter(|entry| entry.key == key).count();
            let Some(metadata) = node.get("metadata") else { return false };
            let unread = |namespace: Cursor<'_, '_>| !namespace.is_null() && namespace.as_str().is_none();
            count(node, "metadata") > 1
                || count(metadata, "namespace") > 1
                || metadata.get("namespace").is_some_and(unread)
        })
        .unwrap_or(true)
    }

    /// The fields that decide what the object is and were written twice: it could be either. `items` counts in lists.
    pub(super) fn written_twice(&self) -> Vec<Problem> {
        self.with_node(|node| {
            let is_list =
                node.get("kind").and_then(Cursor::as_str).is_some_and(|kind| is_list(kind, || true));
            duplicates(node.entries())
                .filter(|entry| match &*entry.key {
                    "apiVersion" | "kind" => true,
                    "items" => is_list,
                    _ => false,
                })
                .map(|entry| Problem {
                    code: Code::DuplicateKey,
                    message: already_set(&entry.key),
                    path: entry.key.clone().into_owned(),
                    span: entry.key_span.start as usize..entry.key_span.end as usize,
                    help: Some(ONLY_ONCE.to_owned()),
                })
                .collect()
        })
        .unwrap_or_else(|fault| vec![fault.into()])
    }

    fn name(&self, kind: &str) -> ObjectName {
        name_of(kind, &self.metadata(), self.namespace_unknown())
    }

    fn problem(&self, code: Code, path: &str, message: String) -> Problem {
        let span = self.with_node(|node| node.get(path).unwrap_or(node).span()).unwrap_or_default();
        Problem { code, message, path: path.to_owned(), span, help: None }
    }

    fn finding(&self, problem: Problem, name: Option<&ObjectName>) -> Item {
        let mut finding = Diagnostic::new(problem.code, problem.message)
            .with_origin(self.origin.clone())
            .with_path(problem.path)
            .with_offset(self.origin.document.start + problem.span.start as u64);
        finding.object = name.cloned();
        finding.help = problem.help;
        Item::Finding(Box::new(finding))
    }

    /// Adds an object that cannot be used, and why not.
    pub(super) fn broken(self, api_version: &str, kind: &str, failure: Failure, into: &mut Vec<Item>) {
        let metadata = self.metadata();
        let namespace_unknown = self.namespace_unknown();
        let name = (!kind.is_empty()).then(|| name_of(kind, &metadata, namespace_unknown));
        let mut problems = failure.problems;
        problems.extend(failure.mistyped);
        into.extend(problems.into_iter().map(|problem| self.finding(problem, name.as_ref())));
        let object = Object::Broken(BrokenObject {
            api_version: api_version.into(),
            kind: kind.into(),
            metadata,
            namespace_unknown,
            rest: failure.rest,
        });
        into.push(Item::Manifests(vec![Manifest { object, origin: self.origin }]));
    }
}

fn name_of(kind: &str, metadata: &ObjectMeta, namespace_unknown: bool) -> ObjectName {
    let namespace = match metadata.namespace.as_deref() {
        _ if namespace_unknown || kinds::is_cluster_scoped(kind) => "",
        Some(namespace) if !namespace.is_empty() => namespace,
        _ => "default",
    };
    let name = metadata.name.as_deref().unwrap_or_default();
    ObjectName { kind: kind.into(), namespace: namespace.into(), name: name.into() }
}
