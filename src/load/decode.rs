//! Documents to manifests: which kind is read how.
//!
//! Dispatches on API group, version and kind, flattens lists, and turns what does not decode into findings and a
//! [`Object::Broken`], so that nothing is lost without a word.

use std::convert::Infallible;
use std::ops::Range;

use rayon::prelude::*;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::block::Ignored;
use super::de::{Declined, Problem, already_set, duplicates};
use super::kinds::{self, Known, Reader};
use super::node::Cursor;
use super::schema::Checked;
use super::split;
use super::yaml::Fault;
use super::{Manifest, block, dump, json, scan, yaml};
use crate::diagnostic::{Code, Diagnostic, ObjectName, Origin, SourceId};
use crate::k8s::{
    BrokenObject, NetworkPolicy, Object, ObjectMeta, Rest, UnevaluatedKind, UnevaluatedPolicy, WorkloadObject,
};

/// How deep lists may lie in lists.
const MAX_LIST_DEPTH: usize = 8;

/// What a document led to, in order.
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
        /// Where it stands.
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
    fn push(mut manifest: Manifest, items: &mut Vec<Self>) {
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

/// Reads a whole text that is what `kubectl get -o json` prints; `None` for anything else.
pub(super) fn dump(source: SourceId, text: &str, start: usize) -> Option<Vec<Item>> {
    if is_json(text) { Place { source, text, start, careful: false }.lists(0..text.len()) } else { None }
}

/// Reads a whole text that is no such dump; YAML the `careful` way only, or the fast way where it goes.
pub(super) fn text(source: SourceId, text: &str, start: usize, careful: bool) -> Vec<Item> {
    let place = Place { source, text, start, careful };
    if is_json(text)
        && let Ok(items) = place.objects(0..text.len())
    {
        return items;
    }
    let documents = split::documents(text);
    let items = in_parallel::<_, Infallible>(documents, |range| Ok(place.document(range)));
    items.unwrap_or_else(|never| match never {})
}

/// Reads parts of a text, and joins what they hold in their order.
fn in_parallel<T: Send, E: Send>(
    parts: Vec<T>,
    read: impl Fn(T) -> Result<Vec<Item>, E> + Sync,
) -> Result<Vec<Item>, E> {
    let join = |mut items: Vec<Item>, more: Vec<Item>| {
        for item in more {
            item.append_to(&mut items);
        }
        items
    };
    let stretches = parts.into_par_iter().fold(
        || Ok(Vec::new()),
        |items: Result<_, E>, part| items.and_then(|items| Ok(join(items, read(part)?))),
    );
    // Of several failures the first in the text is the one to speak of.
    let stretches: Vec<Result<_, E>> = stretches.collect();
    stretches.into_iter().try_fold(Vec::new(), |items, more| Ok(join(items, more?)))
}

fn is_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// A text on its way to manifests.
#[derive(Clone, Copy)]
struct Place<'t> {
    source: SourceId,
    text: &'t str,
    /// Where `text` starts within the source: after a byte order mark.
    start: usize,
    careful: bool,
}

impl Place<'_> {
    fn origin(&self, range: &Range<usize>, item: &str) -> Origin {
        let start = (self.start + range.start) as u64;
        Origin { source: self.source, document: start..start + range.len() as u64, item: item.into() }
    }

    /// Where a part of the text lies in it.
    fn range_of(&self, part: &str) -> Range<usize> {
        let start = part.as_ptr().addr() - self.text.as_ptr().addr();
        start..start + part.len()
    }

    /// One YAML document, which may be JSON.
    fn document(&self, range: Range<usize>) -> Vec<Item> {
        if let Some(item) = self.block(&range, false) {
            return vec![item];
        }
        let document = &self.text[range.clone()];
        let content = document.strip_prefix("---").unwrap_or(document);
        let json_fault = if is_json(content) {
            match self.json(self.range_of(content)) {
                Ok(items) => return items,
                Err(fault) => Some(Fault { offset: fault.offset + document.len() - content.len(), ..fault }),
            }
        } else {
            None
        };
        let yaml = match self.block_list(range.clone()) {
            Some(Ok(items)) => Ok(items),
            // Too long to be read whole: the fault of an item says more than that.
            Some(Err(fault)) if document.len() > yaml::MAX_DOCUMENT => Err(fault),
            _ => self.yaml(range.clone(), &Expected::default(), 0),
        };
        match (yaml, json_fault) {
            (Ok(items), _) => items,
            // Whichever grammar got further is the one that was meant.
            (Err(fault), Some(json)) if json.offset > fault.offset => self.unparsed(&range, json),
            (Err(fault), _) => self.unparsed(&range, fault),
        }
    }

    fn unparsed(&self, range: &Range<usize>, fault: Fault) -> Vec<Item> {
        let origin = self.origin(range, "");
        let mut finding = Diagnostic::new(fault.code, fault.message)
            .with_offset(origin.document.start + fault.offset as u64);
        if self.text[range.clone()].contains("{{") {
            finding = finding
                .with_help("this looks like a template: render it first, for example with `helm template`");
        }
        unreadable(finding, origin).into()
    }

    /// A list cut into its items without parsing it whole; `None` if the document is no such list, or its own fields
    /// need a closer look. A fault says that an item does not parse, or that the cut was not right.
    fn block_list(&self, range: Range<usize>) -> Option<Result<Vec<Item>, Fault>> {
        let document = &self.text[range.clone()];
        let list = split::block_list(document)?;
        let head = [yaml::parse(&document[list.before]).ok()?, yaml::parse(&document[list.after]).ok()?];
        let count = |key: &str| {
            head.iter().flatten().flat_map(|tree| tree.root().entries()).filter(|e| e.key == key).count()
        };
        if count("apiVersion") > 1 || count("kind") > 1 || count("items") > 0 {
            return None;
        }
        let field =
            |key| head.iter().flatten().find_map(|tree| tree.root().get(key)?.as_str()).map(str::to_owned);
        let api_version = field("apiVersion");
        let kind = field("kind").filter(|kind| kind.ends_with("List"))?;
        let expected = Expected::of_list(api_version.as_deref(), &kind);
        Some(in_parallel(list.items, |item| {
            let within = range.start + item.start..range.start + item.end;
            if let Some(item) = self.block(&within, true) {
                return Ok(vec![item]);
            }
            self.yaml(within, &expected, 1)
                .map_err(|fault| Fault { offset: item.start + fault.offset, ..fault })
        }))
    }

    /// A document, or an element cut out of a list with its dash, if it is one object that can be read in one pass.
    fn block(&self, range: &Range<usize>, in_list: bool) -> Option<Item> {
        if self.careful {
            return None;
        }
        let found = block::read(&self.text[range.clone()], in_list)?;
        let origin = self.origin(range, if in_list { "[0]." } else { "" });
        Some(match found {
            Ok(object) => Item::Manifests(vec![Manifest { object, origin }]),
            Err(Ignored { kind }) => Item::Ignored { kind: kind.into(), origin },
        })
    }

    /// A document, or with `depth` 1 an element cut out of a list with its dash.
    fn yaml(&self, range: Range<usize>, expected: &Expected, depth: usize) -> Result<Vec<Item>, Fault> {
        let Some(tree) = yaml::parse(&self.text[range.clone()])? else { return Ok(Vec::new()) };
        let mut items = Vec::new();
        if depth == 0 {
            self.node(&range, "", tree.root(), expected, 0, &mut items);
        } else {
            let mut elements = tree.root().items().into_iter().flatten();
            let (Some(element), None) = (elements.next(), elements.next()) else {
                let message = "not one element of a list".to_owned();
                return Err(Fault { code: Code::Syntax, message, offset: 0 });
            };
            self.node(&range, "[0].", element, expected, depth, &mut items);
        }
        Ok(items)
    }

    /// One object of a tree, or a list of them.
    fn node(
        &self,
        range: &Range<usize>,
        item: &str,
        node: Cursor<'_, '_>,
        expected: &Expected,
        depth: usize,
        into: &mut Vec<Item>,
    ) {
        let field = |key| node.get(key).and_then(Cursor::as_str);
        let is_manifest =
            |node: Cursor<'_, '_>| node.get("apiVersion").is_some() && node.get("kind").is_some();
        if depth == 0 && node.items().is_some_and(|mut elements| elements.any(is_manifest)) {
            let finding = Diagnostic::new(
                Code::WrongType,
                "cannot unmarshal array into an object: a list of manifests needs `kind: List` and `items`",
            );
            return into.extend(unreadable(finding, self.origin(range, item)));
        }
        let document = Document { body: Body::Node(node), origin: self.origin(range, item) };
        let twice = document.written_twice();
        if !twice.is_empty() {
            return document.broken("", "", twice.into(), into);
        }
        let (api_version, kind) = expected.complete(field("apiVersion"), field("kind"));
        if let Some(kind) = kind
            && is_list(kind, || node.get("items").is_some())
        {
            if depth >= MAX_LIST_DEPTH {
                return into.extend(too_many_lists(document.origin));
            }
            let expected = Expected::of_list(api_version, kind);
            for (index, element) in
                node.get("items").and_then(Cursor::items).into_iter().flatten().enumerate()
            {
                let item = format!("{item}items[{index}].");
                self.node(range, &item, element, &expected, depth + 1, into);
            }
            return;
        }
        document.read(api_version, kind, into);
    }

    /// A text of JSON objects, one after the other.
    fn json(&self, range: Range<usize>) -> Result<Vec<Item>, Fault> {
        self.lists(range.clone()).map_or_else(|| self.objects(range), Ok)
    }

    /// A text of lists as kubectl prints them.
    fn lists(&self, range: Range<usize>) -> Option<Vec<Item>> {
        dump::lists(
            &self.text[range.clone()],
            &|within: Range<usize>, object, expected: &_, items: &mut Vec<_>| {
                let range = range.start + within.start..range.start + within.end;
                let Some(object) = object else {
                    return items.extend(self.json_element(range, expected, 1));
                };
                Item::push(Manifest { object, origin: self.origin(&range, "") }, items);
            },
        )
    }

    /// A text of any JSON objects.
    fn objects(&self, range: Range<usize>) -> Result<Vec<Item>, Fault> {
        let objects = json::objects(&self.text[range.clone()])?;
        let mut items = Vec::new();
        for (within, head) in objects {
            let within = range.start + within.start..range.start + within.end;
            items.extend(self.json_object(within, &head, &Expected::default(), 0));
        }
        Ok(items)
    }

    /// One element of a list, whose JSON is known to be right.
    fn json_element(&self, range: Range<usize>, expected: &Expected, depth: usize) -> Vec<Item> {
        match json::head(&self.text[range.clone()]) {
            Some(head) => self.json_object(range, &head, expected, depth),
            None => vec![Item::Untyped(self.origin(&range, ""))],
        }
    }

    fn json_object(
        &self,
        range: Range<usize>,
        head: &json::Head<'_>,
        expected: &Expected,
        depth: usize,
    ) -> Vec<Item> {
        let document =
            Document { body: Body::Json(&self.text[range.clone()]), origin: self.origin(&range, "") };
        let mut items = Vec::new();
        let twice = if head.twice { document.written_twice() } else { Vec::new() };
        if !twice.is_empty() {
            document.broken("", "", twice.into(), &mut items);
            return items;
        }
        let (api_version, kind) = expected.complete(head.api_version.as_deref(), head.kind.as_deref());
        if let Some(kind) = kind
            && is_list(kind, || head.items.is_some())
        {
            if depth >= MAX_LIST_DEPTH {
                return too_many_lists(document.origin).into();
            }
            let expected = Expected::of_list(api_version, kind);
            return head
                .items
                .par_iter()
                .flatten()
                .map(|text| self.json_element(self.range_of(text), &expected, depth + 1))
                .flatten_iter()
                .collect();
        }
        document.read(api_version, kind, &mut items);
        items
    }
}

fn too_many_lists(origin: Origin) -> [Item; 2] {
    let message = format!("lists are nested more than {MAX_LIST_DEPTH} levels deep");
    unreadable(Diagnostic::new(Code::TooLarge, message), origin)
}

/// A document of which nothing can be used.
fn unreadable(finding: Diagnostic, origin: Origin) -> [Item; 2] {
    let object = Object::Broken(BrokenObject::default());
    [
        Item::Finding(Box::new(finding.with_origin(origin.clone()))),
        Item::Manifests(vec![Manifest { object, origin }]),
    ]
}

/// What the elements of a list are if they do not say: API responses leave it out.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Expected(Option<(String, String)>);

impl Expected {
    pub(super) fn of_list(api_version: Option<&str>, kind: &str) -> Self {
        let element = kind.strip_suffix("List").filter(|element| !element.is_empty());
        Self(api_version.zip(element).map(|(v, k)| (v.to_owned(), k.to_owned())))
    }

    pub(super) fn complete<'a>(
        &'a self,
        api_version: Option<&'a str>,
        kind: Option<&'a str>,
    ) -> (Option<&'a str>, Option<&'a str>) {
        match (&self.0, api_version, kind) {
            (Some((v, k)), None, None) => (Some(v), Some(k)),
            (Some((v, k)), None, Some(kind)) if k == kind => (Some(v), Some(kind)),
            _ => (api_version, kind),
        }
    }
}

fn is_list(kind: &str, has_items: impl Fn() -> bool) -> bool {
    kind == "List" || (kind.ends_with("List") && has_items())
}

/// Where the fields of an object are.
enum Body<'a, 't> {
    Json(&'a str),
    Node(Cursor<'a, 't>),
}

/// One object, not yet decoded.
struct Document<'a, 't> {
    body: Body<'a, 't>,
    origin: Origin,
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
    template: Option<Box<crate::k8s::PodTemplate>>,
}

/// Why a document is no object: everything that is wrong with its fields, and what is sound of it.
struct Failure {
    problems: Vec<Problem>,
    rest: Option<Box<Rest>>,
}

impl From<Vec<Problem>> for Failure {
    fn from(problems: Vec<Problem>) -> Self {
        Self { problems, rest: None }
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
    fn read(self, api_version: Option<&str>, kind: Option<&str>, into: &mut Vec<Item>) {
        let (Some(api_version), Some(kind)) = (api_version, kind) else {
            let missing = match (api_version, kind) {
                (None, Some(kind)) if kinds::is_known(kind) => "apiVersion",
                // A version without a group may be anybody's, such as that of a Helm chart.
                (Some(api_version), None) if api_version.contains('/') => "kind",
                _ => return into.push(Item::Untyped(self.origin)),
            };
            let problem = self.problem(Code::RequiredValue, missing, "Required value".to_owned());
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
            Known::WrongVersion => {
                let message = format!("no matches for kind \"{kind}\" in version \"{api_version}\"");
                Err(Failure::from(vec![self.problem(Code::InvalidValue, "apiVersion", message)]))
            }
            Known::No if UnevaluatedKind::find(api_version, kind).is_some() => {
                self.decode().map_err(Failure::from).map(|policy: Untyped| {
                    let spec = match (policy.spec, policy.specs) {
                        (spec, None) => spec.unwrap_or_default(),
                        (spec, Some(specs)) => spec.into_iter().chain(specs).collect(),
                    };
                    Object::Unevaluated(UnevaluatedPolicy {
                        api_version: api_version.into(),
                        kind: kind.into(),
                        metadata: policy.metadata.unwrap_or_default(),
                        spec,
                    })
                })
            }
            Known::No if self.has_pod_template() => {
                self.object(Reader::Workload, api_version, kind).or_else(|failure| {
                    let rest = self.decode().map_err(|_| failure)?;
                    let TemplateOnly { metadata, spec } = rest;
                    let spec = spec.map(|spec| crate::k8s::WorkloadSpec {
                        template: spec.template,
                        ..Default::default()
                    });
                    Ok(Object::Workload(WorkloadObject {
                        api_version: api_version.into(),
                        kind: kind.into(),
                        metadata: metadata.unwrap_or_default(),
                        spec,
                    }))
                })
            }
            Known::No => {
                into.push(Item::Ignored { kind: kind.into(), origin: self.origin });
                return;
            }
        };
        match object {
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

    fn object(&self, reader: Reader, api_version: &str, kind: &str) -> Result<Object, Failure> {
        match reader {
            Reader::Namespace => self.typed(reader, Object::Namespace),
            Reader::Node => self.typed(reader, Object::Node),
            Reader::Pod => self.typed(reader, Object::Pod),
            Reader::Service => self.typed(reader, Object::Service),
            Reader::Endpoints => self.typed(reader, Object::Endpoints),
            Reader::EndpointSlice => self.typed(reader, Object::EndpointSlice),
            Reader::Ingress => self.typed(reader, Object::Ingress),
            Reader::Workload => self.typed(reader, |workload: WorkloadObject| {
                Object::Workload(WorkloadObject {
                    api_version: api_version.into(),
                    kind: kind.into(),
                    ..workload
                })
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
    ) -> Result<Object, Failure> {
        let first = match self.decode() {
            Ok(value) => return Ok(wrap(value)),
            Err(first) => first,
        };
        let shape = reader.shape();
        let Ok((checked, sound)) = self.with_node(|node| (shape.check(node), shape.sound(node))) else {
            return Err(first.into());
        };
        let Checked { problems, doubtful } = checked;
        let rest = sound.and_then(|sound| from_json(&sound.to_string()).ok());
        let rest = rest.map(|value| Box::new(Rest { object: wrap(value), doubtful }));
        Err(Failure { problems: if problems.is_empty() { first } else { problems }, rest })
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

    /// The fields that decide what the object is and were written twice: it could be either. `items` counts in lists.
    fn written_twice(&self) -> Vec<Problem> {
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
                    help: None,
                })
                .collect()
        })
        .unwrap_or_else(|fault| vec![fault.into()])
    }

    fn name(&self, kind: &str) -> ObjectName {
        name_of(kind, &self.metadata())
    }

    fn problem(&self, code: Code, path: &str, message: String) -> Problem {
        let span = self.with_node(|node| node.get(path).unwrap_or(node).span()).unwrap_or_default();
        Problem { code, message, path: path.to_owned(), span, help: None }
    }

    fn broken(self, api_version: &str, kind: &str, failure: Failure, into: &mut Vec<Item>) {
        let metadata = self.metadata();
        let name = (!kind.is_empty()).then(|| name_of(kind, &metadata));
        for problem in failure.problems {
            let mut finding = Diagnostic::new(problem.code, problem.message)
                .with_origin(self.origin.clone())
                .with_path(problem.path)
                .with_offset(self.origin.document.start + problem.span.start as u64);
            finding.object.clone_from(&name);
            finding.help = problem.help;
            into.push(Item::Finding(Box::new(finding)));
        }
        let object = Object::Broken(BrokenObject {
            api_version: api_version.into(),
            kind: kind.into(),
            metadata,
            rest: failure.rest,
        });
        into.push(Item::Manifests(vec![Manifest { object, origin: self.origin }]));
    }
}

fn name_of(kind: &str, metadata: &ObjectMeta) -> ObjectName {
    let namespace = match metadata.namespace.as_deref() {
        _ if kinds::is_cluster_scoped(kind) => "",
        Some(namespace) if !namespace.is_empty() => namespace,
        _ => "default",
    };
    let name = metadata.name.as_deref().unwrap_or_default();
    ObjectName { kind: kind.into(), namespace: namespace.into(), name: name.into() }
}
