//! The objects of the input by kind, named, each once.
//!
//! Owns names and namespaces (D5, V1, W1, W14), metadata labels (L11, L12), and what happens when an object is there
//! twice. Objects that fail here are left out, and kept apart so that policies among them are not forgotten.

use std::borrow::Cow;
use std::hash::BuildHasher;

use hashbrown::HashTable;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use super::findings::Findings;
use crate::diagnostic::{Code, ObjectName, Origin};
use crate::k8s::{
    self, EndpointSlice, Endpoints, IstioMesh, Labels, NetworkPolicy, OWN, Object, ObjectMeta,
    OwnerReference, Text, Uid, UnevaluatedPolicy, WorkloadObject, group,
};
use crate::load::Manifest;
use crate::policy::field::{FieldFinding, FieldPath, Quoted};
use crate::policy::{Validation, dns_label_problems, dns_subdomain_problems, report, validate_labels};

/// The namespace of objects that name none (W14).
pub(super) const DEFAULT_NAMESPACE: &str = "default";

/// The longest name of a CronJob: its Jobs are called `NAME-` and ten digits, and that must be a DNS label.
const LONGEST_CRON_JOB: usize = 52;

/// The longest part of a `generateName` that the API server keeps.
const LONGEST_PREFIX: usize = 58;

/// The facts that identify an object, with defaults filled in.
#[derive(Clone, Debug)]
pub(super) struct Identity<'m> {
    /// Position in the input.
    pub(super) index: usize,
    pub(super) kind: &'m str,
    /// Empty for objects of cluster scope.
    pub(super) namespace: &'m str,
    pub(super) name: Cow<'m, str>,
    pub(super) origin: &'m Origin,
    pub(super) meta: &'m ObjectMeta,
}

impl Identity<'_> {
    /// The name, to be kept.
    pub(super) fn text(&self) -> Text {
        match (&self.name, &self.meta.name) {
            (Cow::Borrowed(_), Some(name)) => name.clone(),
            (name, _) => Text::from(&**name),
        }
    }

    /// The name of the object in messages.
    pub(super) fn object_name(&self) -> ObjectName {
        ObjectName { kind: self.kind.into(), namespace: self.namespace.into(), name: (*self.name).into() }
    }
}

/// An object with its identity.
#[derive(Clone, Debug)]
pub(super) struct Item<'m, T> {
    pub(super) id: Identity<'m>,
    pub(super) object: &'m T,
}

/// The objects of the input, each list in input order.
#[derive(Debug, Default)]
pub(super) struct Objects<'m> {
    pub(super) namespaces: Vec<Item<'m, k8s::Namespace>>,
    pub(super) nodes: Vec<Item<'m, k8s::Node>>,
    pub(super) pods: Vec<Item<'m, k8s::Pod>>,
    pub(super) workloads: Vec<Item<'m, WorkloadObject>>,
    pub(super) services: Vec<Item<'m, k8s::Service>>,
    pub(super) endpoints: Vec<Item<'m, Endpoints>>,
    pub(super) slices: Vec<Item<'m, EndpointSlice>>,
    pub(super) ingresses: Vec<Item<'m, k8s::Ingress>>,
    pub(super) policies: Vec<Item<'m, NetworkPolicy>>,
    pub(super) unevaluated: Vec<Item<'m, UnevaluatedPolicy>>,
    pub(super) meshes: Vec<Item<'m, IstioMesh>>,
    /// Objects that could not be read, have no usable name, or contradict another object.
    pub(super) left_out: Vec<Item<'m, Object>>,
}

impl<'m> Objects<'m> {
    /// Sorts out the input.
    pub(super) fn collect(manifests: &'m [Manifest], findings: &mut Findings) -> Self {
        let mut names = Names::default();
        let mut fates: Vec<Fate> = Vec::with_capacity(manifests.len());
        // Keys are found again in the manifests: to keep them all would take more than anything else here.
        let mut seen: HashTable<usize> = HashTable::with_capacity(manifests.len());
        let hash = |key: &Key<'m>| FxBuildHasher.hash_one(key);
        let mut sound_labels = SoundLabels::default();
        for (index, manifest) in manifests.iter().enumerate() {
            let id = names.identify(index, manifest);
            let mut fate = Fate::Kept;
            let rules = findings.validation(&id);
            if matches!(manifest.object, Object::Broken(_))
                || !findings.fields(&id, metadata_problems(&id, &manifest.object, rules, &mut sound_labels))
            {
                fate = Fate::LeftOut;
            } else if let Some(key) = key(manifest) {
                let is_same = |&other: &usize| self::key(&manifests[other]) == Some(key);
                let rehash = |&other: &usize| self::key(&manifests[other]).map_or(0, |key| hash(&key));
                let mut place = seen.entry(hash(&key), is_same, rehash).or_insert(index);
                let first = *place.get();
                if first != index {
                    fate = Fate::Repeated;
                    let differs = !same_content(&manifests[first].object, &manifest.object);
                    if differs && decides_nothing(&manifest.object) {
                        let message = "declared again here, with other contents: the last one counts";
                        findings.object(&id, Code::AmbiguousObject, message);
                        (fates[first], fate) = (Fate::Repeated, Fate::Kept);
                        *place.get_mut() = index;
                    } else if differs {
                        fate = Fate::LeftOut;
                        contradiction(&id, "declared again here, with other contents", findings);
                        if matches!(fates[first], Fate::Kept) {
                            fates[first] = Fate::LeftOut;
                            // Not a name that was made up: it has a key.
                            let first = names.identify(first, &manifests[first]);
                            contradiction(
                                &first,
                                "declared here, and elsewhere with other contents",
                                findings,
                            );
                        }
                    }
                }
            }
            fates.push(fate);
        }
        let pods = manifests.iter().filter(|manifest| matches!(manifest.object, Object::Pod(_)));
        let mut objects = Self { pods: Vec::with_capacity(pods.count()), ..Self::default() };
        // Named once more, since to keep all identities twice costs more than to find them twice.
        let mut names = Names::default();
        for (index, (fate, manifest)) in fates.into_iter().zip(manifests).enumerate() {
            let id = names.identify(index, manifest);
            match fate {
                Fate::Kept => objects.add(id, &manifest.object),
                Fate::Repeated => {}
                Fate::LeftOut => objects.left_out.push(Item { id, object: &manifest.object }),
            }
        }
        objects
    }

    fn add(&mut self, id: Identity<'m>, object: &'m Object) {
        match object {
            Object::Namespace(object) => self.namespaces.push(Item { id, object }),
            Object::Node(object) => self.nodes.push(Item { id, object }),
            Object::Pod(object) => self.pods.push(Item { id, object }),
            Object::Workload(object) => self.workloads.push(Item { id, object }),
            Object::Service(object) => self.services.push(Item { id, object }),
            Object::Endpoints(object) => self.endpoints.push(Item { id, object }),
            Object::EndpointSlice(object) => self.slices.push(Item { id, object }),
            Object::Ingress(object) => self.ingresses.push(Item { id, object }),
            Object::NetworkPolicy(object) => self.policies.push(Item { id, object }),
            Object::Unevaluated(object) => self.unevaluated.push(Item { id, object }),
            Object::IstioMesh(object) => self.meshes.push(Item { id, object }),
            Object::Broken(_) => self.left_out.push(Item { id, object }),
        }
    }
}

/// Identifies an object on its own, and reports what is wrong with its metadata; `None` if that is too much.
pub(super) fn identify<'m>(manifest: &'m Manifest, findings: &mut Findings) -> Option<Identity<'m>> {
    let id = Names::default().identify(0, manifest);
    let rules = findings.validation(&id);
    let problems = metadata_problems(&id, &manifest.object, rules, &mut SoundLabels::default());
    findings.fields(&id, problems).then_some(id)
}

/// Identifies an object on its own: a name that the API server makes may be that of another one, too.
pub(super) fn identity_of(index: usize, manifest: &Manifest) -> Identity<'_> {
    Names::default().identify(index, manifest)
}

/// The namespace an object is in; empty for objects of cluster scope.
pub(crate) fn namespace_of(manifest: &Manifest) -> &str {
    identity_of(0, manifest).namespace
}

/// The facts that make two objects the same one: group, kind, namespace, name. `None` if the API server would name the
/// object, or it could not be read.
pub fn identity(manifest: &Manifest) -> Option<[Box<str>; 4]> {
    if matches!(manifest.object, Object::Broken(_)) {
        return None;
    }
    let (group, kind, namespace, name) = key(manifest)?;
    Some([group, kind, namespace, name].map(Into::into))
}

enum Fate {
    Kept,
    /// The same as an earlier one.
    Repeated,
    LeftOut,
}

/// Group, kind, namespace, name.
type Key<'m> = (&'m str, &'m str, &'m str, &'m str);

/// The facts that make two objects the same one; `None` if the API server would name the object.
fn key(manifest: &Manifest) -> Option<Key<'_>> {
    let (object, meta) = (&manifest.object, manifest.object.metadata());
    let name = match (given(meta.name.as_deref()), given(meta.generate_name.as_deref())) {
        (None, Some(_)) => return None,
        (name, _) => name.unwrap_or_default(),
    };
    let group = match object {
        Object::Workload(workload) => match group(&workload.api_version) {
            "extensions" => "apps",
            group => group,
        },
        Object::Unevaluated(policy) => group(&policy.api_version),
        Object::NetworkPolicy(_) => "networking.k8s.io",
        _ => "",
    };
    Some((group, object.kind(), namespace(object, meta), name))
}

/// The namespace of an object with its default; empty for objects of cluster scope.
fn namespace<'m>(object: &Object, meta: &'m ObjectMeta) -> &'m str {
    match meta.namespace.as_deref() {
        _ if !is_namespaced(object) => "",
        None | Some("") => DEFAULT_NAMESPACE,
        Some(namespace) => namespace,
    }
}

/// True if no verdict depends on objects of this kind.
const fn decides_nothing(object: &Object) -> bool {
    matches!(object, Object::Ingress(_))
}

fn contradiction(id: &Identity<'_>, message: &str, findings: &mut Findings) {
    findings.object(id, Code::DuplicateObject, message);
}

/// True if two objects of one name have the same content; an absent namespace is the default one. A cluster has a
/// custom resource once, in whatever version it is asked for.
pub(crate) fn same_content(a: &Object, b: &Object) -> bool {
    fn without_namespace(object: &Object) -> Object {
        let mut object = object.clone();
        if let Object::Unevaluated(policy) = &mut object {
            policy.api_version = Text::default();
        }
        if let Some(meta) = meta_mut(&mut object) {
            meta.namespace = None;
        }
        object
    }
    a == b || without_namespace(a) == without_namespace(b)
}

/// The metadata of an object that could be read.
pub(crate) const fn meta_mut(object: &mut Object) -> Option<&mut ObjectMeta> {
    match object {
        Object::Broken(_) => None,
        object => Some(object.metadata_mut()),
    }
}

fn is_namespaced(object: &Object) -> bool {
    let says = object.metadata().namespace.is_some();
    match object {
        Object::Broken(broken) if broken.namespace_unknown => false,
        Object::Broken(broken) => {
            says || OWN.iter().any(|kind| kind.name == &*broken.kind && kind.namespaced)
                || object.is_namespaced() == Some(true)
        }
        _ => object.is_namespaced().unwrap_or(says),
    }
}

/// The same objects; policies of which the API server would make the name are called here as they are when a cluster is built
/// of them, so that edits can name them.
pub fn with_policy_names(mut manifests: Vec<Manifest>) -> Vec<Manifest> {
    let mut names = Names::default();
    let made: Vec<Option<Text>> = manifests
        .iter()
        .enumerate()
        .map(|(index, manifest)| match names.identify(index, manifest).name {
            Cow::Owned(name)
                if matches!(manifest.object, Object::NetworkPolicy(_) | Object::Unevaluated(_)) =>
            {
                Some(name.into())
            }
            _ => None,
        })
        .collect();
    for (manifest, made) in manifests.iter_mut().zip(made) {
        if let (Some(meta), Some(name)) = (meta_mut(&mut manifest.object), made) {
            meta.name = Some(name);
        }
    }
    manifests
}

/// Names that the API server would make (W1).
#[derive(Default)]
struct Names<'m> {
    generated: FxHashMap<(&'m str, &'m str, &'m str), u32>,
}

impl<'m> Names<'m> {
    fn identify(&mut self, index: usize, manifest: &'m Manifest) -> Identity<'m> {
        let object = &manifest.object;
        let (kind, meta) = (object.kind(), object.metadata());
        let namespace = namespace(object, meta);
        let name = match (given(meta.name.as_deref()), given(meta.generate_name.as_deref())) {
            (Some(name), _) => Cow::Borrowed(name),
            (None, Some(prefix)) => Cow::Owned(self.generate(kind, namespace, prefix)),
            (None, None) => Cow::Borrowed(""),
        };
        Identity { index, kind, namespace, name, origin: &manifest.origin, meta }
    }

    /// `PREFIXxxxxx`, and `PREFIXxxxxx-2` when that is taken. Like the API server, it cuts long prefixes.
    fn generate(&mut self, kind: &'m str, namespace: &'m str, prefix: &'m str) -> String {
        let prefix = &prefix[..prefix.floor_char_boundary(LONGEST_PREFIX)];
        let number = self.generated.entry((kind, namespace, prefix)).or_default();
        *number += 1;
        if *number == 1 { format!("{prefix}xxxxx") } else { format!("{prefix}xxxxx-{number}") }
    }
}

/// An empty string is as good as none.
fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// Finds the problems of name, namespace, labels and owners.
pub(super) fn metadata_problems<'m>(
    id: &Identity<'m>,
    object: &Object,
    rules: Validation,
    sound_labels: &mut SoundLabels<'m>,
) -> Vec<FieldFinding> {
    let mut found = Vec::new();
    let metadata = FieldPath::new("metadata");
    name_problems(id, object, rules, &metadata, &mut found);
    if !id.namespace.is_empty() {
        let path = metadata.field("namespace");
        report(dns_label_problems(id.namespace), id.namespace, &path, &mut found);
    } else if let Some(stated) = given(id.meta.namespace.as_deref())
        && object.is_namespaced() == Some(false)
    {
        let message =
            format!("the API server takes {} out: a {} is in no namespace", Quoted(stated), object.kind());
        found.push(FieldFinding::new(Code::Overwritten, &metadata.field("namespace"), message));
    }
    if let Some(labels) = &id.meta.labels
        && sound_labels.are_new(labels)
    {
        let before = found.len();
        validate_labels(labels, &metadata.field("labels"), &mut found);
        if found.len() > before {
            sound_labels.forget(labels);
        }
    }
    owner_problems(id.meta, &metadata.field("ownerReferences"), &mut found);
    found
}

/// Finds the problems of the name, or of the prefix that the API server makes one of.
fn name_problems(
    id: &Identity<'_>,
    object: &Object,
    rules: Validation,
    metadata: &FieldPath<'_>,
    found: &mut Vec<FieldFinding>,
) {
    let kind = match object {
        Object::Workload(workload) => (group(&workload.api_version), &*workload.kind),
        object => ("", object.kind()),
    };
    let problems = |name: &str| match kind {
        ("", "Namespace") => dns_label_problems(name),
        ("", "Service") => rules.service_name_problems(name),
        // Until some release any subdomain was taken, though no pod could be made.
        ("apps", "StatefulSet") if !rules.is_stored() => dns_label_problems(name),
        ("batch", "CronJob") if name.len() > LONGEST_CRON_JOB => {
            let too_long = format!("must be no more than {LONGEST_CRON_JOB} characters");
            dns_subdomain_problems(name).into_iter().chain([too_long]).collect()
        }
        _ => dns_subdomain_problems(name),
    };
    let wrong = problems(&id.name);
    // What ends in a dash is valid if a name that begins with it is.
    let is_told = |prefix: &str| wrong.is_empty() && prefix.ends_with('-') && id.name.starts_with(prefix);
    if let Some(prefix) = given(id.meta.generate_name.as_deref()).filter(|prefix| !is_told(prefix)) {
        // The API server takes a letter for a dash at the end and what stands before it.
        let masked = prefix.strip_suffix('-').filter(|rest| !rest.is_empty()).map(|rest| {
            let end = rest.char_indices().next_back().map_or(0, |(last, _)| last);
            format!("{}a", &rest[..end])
        });
        let before = found.len();
        report(problems(masked.as_deref().unwrap_or(prefix)), prefix, &metadata.field("generateName"), found);
        if found.len() > before {
            return;
        }
    }
    let path = metadata.field("name");
    match &id.name {
        Cow::Borrowed("") => {
            found.push(FieldFinding::required(&path, "name or generateName is required"));
        }
        Cow::Owned(name) if wrong.is_empty() => {
            let message = format!("the API server makes the name; it is called {} here", Quoted(name));
            found.push(FieldFinding::new(Code::AmbiguousName, &metadata.field("generateName"), message));
        }
        name => report(wrong, name, &path, found),
    }
}

/// Finds the problems of the owner references: each must name its owner, and at most one controls.
fn owner_problems(meta: &ObjectMeta, list: &FieldPath<'_>, found: &mut Vec<FieldFinding>) {
    let owners = meta.owner_references.as_deref().unwrap_or_default();
    let mut first: Option<&OwnerReference> = None;
    let mut others = Vec::new();
    for (i, owner) in owners.iter().enumerate() {
        let is_empty = |text: &Option<Text>| text.as_deref().is_none_or(str::is_empty);
        let path = list.index(i);
        for (field, missing) in [
            ("apiVersion", is_empty(&owner.api_version)),
            ("kind", is_empty(&owner.kind)),
            ("name", is_empty(&owner.name)),
            ("uid", owner.uid.as_ref().is_none_or(Uid::is_empty)),
        ] {
            if missing {
                found.push(FieldFinding::required(&path.field(field), "must not be empty"));
            }
        }
        let version = owner.api_version.as_deref().unwrap_or_default();
        if version.split_once('/').is_some_and(|(_, rest)| rest.is_empty() || rest.contains('/')) {
            let detail = "must be <group>/<version> or <version>";
            found.push(FieldFinding::invalid(&path.field("apiVersion"), Quoted(version), detail));
        }
        // What stands there twice counts once.
        if owner.controller == Some(true) && !owners[..i].contains(owner) {
            match first {
                None => first = Some(owner),
                Some(_) => others.push(owner),
            }
        }
    }
    for other in others {
        let text = |text: &Option<Text>| text.clone().unwrap_or_default();
        let name = |owner: &OwnerReference| format!("{}/{}", text(&owner.kind), text(&owner.name));
        let (first, other) = (first.map(name).unwrap_or_default(), name(other));
        let detail = format!(
            "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {other}"
        );
        found.push(FieldFinding::invalid(list, format_args!("{} references", owners.len()), detail));
    }
}

/// Labels that nothing is wrong with: replicas have the same, and mostly follow each other.
#[derive(Default)]
pub(super) struct SoundLabels<'m> {
    all: FxHashSet<&'m Labels>,
    last: Option<&'m Labels>,
}

impl<'m> SoundLabels<'m> {
    /// Takes labels for sound; false if they were before.
    fn are_new(&mut self, labels: &'m Labels) -> bool {
        if self.last == Some(labels) {
            return false;
        }
        self.last = Some(labels);
        self.all.insert(labels)
    }

    /// They are not.
    fn forget(&mut self, labels: &'m Labels) {
        self.last = None;
        self.all.remove(labels);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{built, codes, errors, manifests};
    use super::*;
    use crate::diagnostic::shortened;
    use serde_json::json;

    #[test]
    fn w14_the_default_namespace_is_default() {
        let input = manifests(&[json!({"kind": "Pod", "metadata": {"name": "a"}})]);
        let objects = Objects::collect(&input, &mut Findings::default());
        assert_eq!(objects.pods[0].id.namespace, "default");
    }

    #[test]
    fn a_namespace_of_an_object_that_is_in_none_is_taken_out() {
        let objects = [
            json!({"kind": "Namespace", "metadata": {"name": "a", "namespace": "b"}}),
            json!({"kind": "Node", "metadata": {"name": "a", "namespace": "b"}}),
            json!({"apiVersion": "policy.networking.k8s.io/v1beta1", "kind": "ClusterNetworkPolicy",
                "metadata": {"name": "a", "namespace": "b"},
                "spec": {"tier": "Admin", "priority": 1, "subject": {"namespaces": {}}}}),
            json!({"apiVersion": "cilium.io/v2", "kind": "CiliumClusterwideNetworkPolicy",
                "metadata": {"name": "a", "namespace": "b"}, "spec": {"endpointSelector": {}}}),
        ];
        for object in objects {
            let found = built(std::slice::from_ref(&object));
            let is_meant = |found: &&crate::diagnostic::Diagnostic| found.code == Code::Overwritten;
            let found: Vec<_> = found.diagnostics.iter().filter(is_meant).collect();
            let [found] = found[..] else { panic!("{object}: {found:?}") };
            let kind = object["kind"].as_str().unwrap();
            assert_eq!(found.path, "metadata.namespace");
            assert_eq!(found.message, format!("the API server takes \"b\" out: a {kind} is in no namespace"));
        }
        let pod = json!({"kind": "Pod", "metadata": {"name": "a", "namespace": "b"}});
        let none = json!({"kind": "Node", "metadata": {"name": "a", "namespace": ""}});
        assert_eq!(codes(&built(&[pod, none])), []);
    }

    #[test]
    fn policies_that_the_api_server_would_name_get_the_names_that_they_are_called_by() {
        let policy = |name: &str| {
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"generateName": name}, "spec": {"podSelector": {}}})
        };
        let pod = json!({"kind": "Pod", "metadata": {"generateName": "p-"}});
        let input = manifests(&[pod, policy("p-"), policy("q-"), policy("p-")]);
        let named = with_policy_names(input.clone());
        let name = |manifest: &Manifest| manifest.object.metadata().name.as_ref().map(ToString::to_string);
        let names: Vec<Option<String>> = named.iter().map(name).collect();
        assert_eq!(
            names,
            [None, Some("p-xxxxx".to_owned()), Some("q-xxxxx".to_owned()), Some("p-xxxxx-2".to_owned())]
        );
        let called = |input: &[Manifest]| -> Vec<String> {
            let built = super::super::build(input, &super::super::Options::default());
            built.cluster.policies.iter().map(|policy| policy.name.to_string()).collect()
        };
        assert_eq!(called(&input), called(&named));
    }

    #[test]
    fn w01_generated_names_are_unique() {
        let pod = json!({"kind": "Pod", "metadata": {"generateName": "web-"}});
        let input = manifests(&[pod.clone(), pod]);
        let mut findings = Findings::default();
        let objects = Objects::collect(&input, &mut findings);
        let names: Vec<&str> = objects.pods.iter().map(|p| &*p.id.name).collect();
        assert_eq!(names, ["web-xxxxx", "web-xxxxx-2"]);
        assert!(findings.finish().iter().all(|d| d.code == Code::AmbiguousName));
    }

    #[test]
    fn v01_names_are_checked() {
        let cases = [
            (
                json!({"kind": "NetworkPolicy", "metadata": {"name": "A"}}),
                "metadata.name: Invalid value: \"A\": a lowercase RFC 1123 subdomain",
            ),
            (
                json!({"kind": "Namespace", "metadata": {"name": "a.b"}}),
                "metadata.name: Invalid value: \"a.b\": must not contain dots",
            ),
            (
                json!({"kind": "Pod", "metadata": {}}),
                "metadata.name: Required value: name or generateName is required",
            ),
            (
                json!({"kind": "Pod", "metadata": {"name": "a", "namespace": "A"}}),
                "metadata.namespace: Invalid value: \"A\": a lowercase RFC 1123 label",
            ),
            (
                json!({"kind": "Pod", "metadata": {"name": "a", "labels": {"x y": "1"}}}),
                "metadata.labels: Invalid value: \"x y\": name part",
            ),
            (
                json!({"kind": "Pod", "metadata": {"generateName": "A-"}}),
                "metadata.name: Invalid value: \"A-xxxxx\"",
            ),
        ];
        for (object, expected) in cases {
            let found = errors(&[object]);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with(expected), "{}", found[0]);
        }
    }

    #[test]
    fn v01_longest_names_by_kind() {
        let job = json!({"spec": {"template": {"metadata": {"labels": {"a": "b"}}}}});
        let object = |api: &str, kind: &str, name: &str| {
            let spec = match kind {
                "CronJob" => json!({"jobTemplate": job}),
                _ => json!({"selector": {"matchLabels": {"a": "b"}}, "template": job["spec"]["template"]}),
            };
            json!({"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": spec})
        };
        let long = |length: usize| "a".repeat(length);
        for (api, kind, most, problem) in [
            ("batch/v1", "CronJob", 52, "must be no more than 52 characters"),
            ("apps/v1", "StatefulSet", 63, "must be no more than 63 characters"),
            ("apps/v1", "Deployment", 253, "must be no more than 253 characters"),
        ] {
            assert_eq!(errors(&[object(api, kind, &long(most))]), [""; 0], "{kind}");
            let name = long(most + 1);
            assert_eq!(
                errors(&[object(api, kind, &name)]),
                [shortened(&format!("metadata.name: Invalid value: {name:?}: {problem}"))]
            );
        }
        let mut stored = object("apps/v1", "StatefulSet", "a.b");
        assert_eq!(
            errors(&[stored.clone()]),
            ["metadata.name: Invalid value: \"a.b\": must not contain dots"]
        );
        stored["metadata"]["uid"] = json!("u");
        assert_eq!(errors(&[stored]), [""; 0]);
    }

    #[test]
    fn v01_generated_names() {
        let pod = |prefix: String| json!({"kind": "Pod", "metadata": {"generateName": prefix}});
        assert_eq!(errors(&[pod("a".repeat(60) + "-")]), [""; 0], "it is cut");
        assert!(errors(&[pod("A-".to_owned())])[0].starts_with("metadata.name: Invalid value: \"A-xxxxx\""));
        for prefix in ["web.", "-"] {
            let found = errors(&[pod(prefix.to_owned())]);
            assert!(
                matches!(&*found, [one] if one.starts_with("metadata.generateName: Invalid value")),
                "{found:?}"
            );
        }
    }

    #[test]
    fn owners_say_whom_they_mean() {
        let pod = |owners: serde_json::Value| json!({"kind": "Pod", "metadata": {"name": "a", "ownerReferences": owners}});
        let whole = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u", "controller": true});
        assert_eq!(errors(&[pod(json!([whole]))]), [""; 0]);
        for field in ["apiVersion", "kind", "name", "uid"] {
            for absent in [json!(null), json!("")] {
                let mut owner = whole.clone();
                owner[field] = absent;
                assert_eq!(
                    errors(&[pod(json!([owner]))]),
                    [format!("metadata.ownerReferences[0].{field}: Required value: must not be empty")]
                );
            }
        }
        assert_eq!(errors(&[pod(json!([whole, whole]))]), [""; 0], "it counts once");
        let mut other = whole.clone();
        other["uid"] = json!("v");
        let found = errors(&[pod(json!([whole, other]))]);
        assert!(found[0].contains("Only one reference can have Controller set to true"), "{found:?}");
    }

    #[test]
    fn of_two_ingresses_the_last_one_counts() {
        let ingress = |service: &str| {
            let backend = json!({"service": {"name": service, "port": {"number": 80}}});
            json!({"kind": "Ingress", "metadata": {"name": "a"}, "spec": {"defaultBackend": backend}})
        };
        let found = built(&[ingress("one"), ingress("two"), ingress("three"), ingress("three")]);
        assert_eq!(codes(&found), [Code::AmbiguousObject; 2]);
        let backends = &found.cluster.ingresses.values().next().unwrap().backends;
        assert_eq!(&*backends[0].0, "three");
    }

    #[test]
    fn the_same_object_twice_counts_once() {
        let a = json!({"kind": "Pod", "metadata": {"name": "a", "namespace": "default"}});
        let b = json!({"kind": "Pod", "metadata": {"name": "a"}});
        let input = manifests(&[a, b]);
        let mut findings = Findings::default();
        assert_eq!(Objects::collect(&input, &mut findings).pods.len(), 1);
        assert_eq!(findings.finish(), []);
    }

    #[test]
    fn contradicting_objects_are_named_at_both_places() {
        let a = json!({"kind": "Pod", "metadata": {"name": "a", "labels": {"x": "1"}}});
        let b = json!({"kind": "Pod", "metadata": {"name": "a", "labels": {"x": "2"}}});
        let input = manifests(&[a, json!({"kind": "Pod", "metadata": {"name": "b"}}), b]);
        let mut findings = Findings::default();
        let objects = Objects::collect(&input, &mut findings);
        assert_eq!((objects.pods.len(), objects.left_out.len()), (1, 2));
        let found = findings.finish();
        assert_eq!(found.iter().map(|d| d.code).collect::<Vec<_>>(), [Code::DuplicateObject; 2]);
        assert_eq!(
            found.iter().map(|d| d.origin.clone().unwrap()).collect::<Vec<_>>(),
            [input[0].origin.clone(), input[2].origin.clone()]
        );
    }
}
