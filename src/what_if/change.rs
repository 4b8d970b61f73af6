//! Changes of the input, one by one, as they are made and as people write them.

use rustc_hash::FxHashMap;

use crate::cluster::kinds::{self, Role};
use crate::cluster::{identity, same_content};
use crate::diagnostic::{Code, Diagnostic, ObjectName};
use crate::k8s::{OWN, ResourceKind, Text};
use crate::load::{Manifest, Sources};
use crate::policy::{label_key_problems, label_value_problems};

/// One change of the input.
#[derive(Clone, PartialEq, Debug)]
pub enum Edit {
    /// Adds an object, or puts it in the place of the one with its kind, namespace and name.
    Apply(Box<Manifest>),
    /// Puts an object in the place of the one with its kind, namespace and name, of which nothing stays but what the
    /// cluster itself adds.
    Replace(Box<Manifest>),
    /// Takes an object away, with what is in it or belongs to it. Kinds that share their name with a kind of Kubernetes
    /// carry their group.
    Delete(ObjectName),
    /// Sets labels, or takes them off where there is no value: of a pod, of a namespace, or of all pods of a workload.
    Label(ObjectName, Vec<(Text, Option<Text>)>),
    /// Sets how many pods a workload has.
    Scale(ObjectName, u32),
}

impl Edit {
    /// The object that is edited; `None` if it has no name.
    pub fn object(&self) -> Option<ObjectName> {
        match self {
            Self::Apply(manifest) | Self::Replace(manifest) => {
                let [_, kind, namespace, name] = identity(manifest)?;
                Some(ObjectName { kind, namespace, name })
            }
            Self::Delete(name) | Self::Label(name, _) | Self::Scale(name, _) => Some(name.clone()),
        }
    }
}

/// A change that the user asked for, with the words in which it was typed.
#[derive(Clone, PartialEq, Debug)]
pub struct Change {
    /// As it was typed: `--delete netpol/shop/web`.
    pub typed: String,
    /// The edits that it makes, all together.
    pub edits: Vec<Edit>,
}

/// A mistake in the words of a change, with advice on how to fix it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{typed}`: {problem}")]
pub struct ChangeError {
    /// The words as they were typed.
    pub typed: String,
    /// A description of the mistake.
    pub problem: String,
    /// Advice on what to write instead.
    pub help: Option<String>,
}

impl Change {
    /// One change for each file of those that `--apply` names, and what is wrong with them: an object may be there twice
    /// only if both say the same.
    pub fn apply(manifests: Vec<Manifest>, sources: &Sources) -> (Vec<Self>, Vec<Diagnostic>) {
        Self::of_files(["--apply", "applied"], Edit::Apply, manifests, sources)
    }

    /// The same for `--replace`.
    pub fn replace(manifests: Vec<Manifest>, sources: &Sources) -> (Vec<Self>, Vec<Diagnostic>) {
        Self::of_files(["--replace", "replaced"], Edit::Replace, manifests, sources)
    }

    fn of_files(
        [flag, done]: [&str; 2],
        edit: fn(Box<Manifest>) -> Edit,
        manifests: Vec<Manifest>,
        sources: &Sources,
    ) -> (Vec<Self>, Vec<Diagnostic>) {
        let mut changes: Vec<Self> = Vec::new();
        let mut findings = Vec::new();
        let mut seen: FxHashMap<[Box<str>; 4], Manifest> = FxHashMap::default();
        let mut last = None;
        for manifest in manifests {
            if let Some(key) = identity(&manifest) {
                match seen.get(&key) {
                    None => drop(seen.insert(key, manifest.clone())),
                    Some(first) if same_content(&first.object, &manifest.object) => continue,
                    Some(first) => {
                        let [_, kind, namespace, name] = key;
                        let name = ObjectName { kind, namespace, name };
                        for (manifest, message) in [
                            (first, "here, and elsewhere with other contents"),
                            (&manifest, "again here, with other contents"),
                        ] {
                            let message = format!("{done} {message}");
                            let finding = Diagnostic::new(Code::DuplicateObject, message);
                            findings
                                .push(finding.with_object(name.clone()).with_origin(manifest.origin.clone()));
                        }
                        continue;
                    }
                }
            }
            let source = manifest.origin.source;
            let edit = edit(Box::new(manifest));
            match changes.last_mut() {
                Some(change) if last == Some(source) => change.edits.push(edit),
                _ => {
                    let name = sources.get(source).map_or("", |source| &source.name);
                    changes.push(Self { typed: format!("{flag} {name}"), edits: vec![edit] });
                }
            }
            last = Some(source);
        }
        (changes, findings)
    }

    /// `--delete KIND/[NS/]NAME`.
    ///
    /// # Errors
    ///
    /// If the text names no object.
    pub fn delete(object: &str, default_namespace: &str) -> Result<Self, ChangeError> {
        let typed = format!("--delete {object}");
        let name = named(object, default_namespace).map_err(|problem| problem.of(&typed))?;
        Ok(Self { typed, edits: vec![Edit::Delete(name)] })
    }

    /// `--label KIND/[NS/]NAME KEY=VALUE|KEY-`, several with commas between them.
    ///
    /// # Errors
    ///
    /// If the text names nothing that has labels, or a label that the API server would not accept.
    pub fn label(object: &str, labels: &str, default_namespace: &str) -> Result<Self, ChangeError> {
        let typed = format!("--label {object} {labels}");
        let name = named(object, default_namespace).and_then(|name| {
            let kind = ResourceKind::named(&name.kind).next();
            match kind {
                Some(ResourceKind {
                    role: Role::Node | Role::Service | Role::Ingress | Role::Policy,
                    plural,
                    ..
                }) => Err(Problem::new(format!("no policy sees the labels of {plural}"))
                    .help("label a pod, a workload (all its pods) or a namespace")),
                _ => Ok(name),
            }
        });
        let labels = name.and_then(|name| Ok((name, parse_labels(labels)?)));
        let (name, labels) = labels.map_err(|problem| problem.of(&typed))?;
        Ok(Self { typed, edits: vec![Edit::Label(name, labels)] })
    }

    /// `--scale KIND/[NS/]NAME=N`.
    ///
    /// # Errors
    ///
    /// If the text names nothing that can be scaled, or no number of pods.
    pub fn scale(text: &str, default_namespace: &str) -> Result<Self, ChangeError> {
        let typed = format!("--scale {text}");
        let parsed = parse_scale(text, default_namespace).map_err(|problem| problem.of(&typed))?;
        Ok(Self { typed, edits: vec![Edit::Scale(parsed.0, parsed.1)] })
    }
}

/// A mistake, without the text that contains it.
struct Problem {
    what: String,
    help: Option<String>,
}

impl Problem {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), help: None }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    fn of(self, typed: &str) -> ChangeError {
        ChangeError { typed: typed.to_owned(), problem: self.what, help: self.help }
    }
}

/// The object that `KIND/[NS/]NAME` names.
fn named(text: &str, default_namespace: &str) -> Result<ObjectName, Problem> {
    let parts: Vec<&str> = text.split('/').collect();
    let (kind, namespace, name) = match parts[..] {
        [kind, name] => (kind, None, name),
        [kind, namespace, name] => (kind, Some(namespace), name),
        _ => ("", None, ""),
    };
    if [kind, name, namespace.unwrap_or("-")].contains(&"") {
        return Err(Problem::new(format!("`{text}` does not name an object"))
            .help("write KIND/NAME or KIND/NS/NAME, such as `ns/shop` or `netpol/shop/web`"));
    }
    let (kind, namespaced) = kind_named(kind, namespace.is_some());
    let namespace = match namespace {
        Some(_) if !namespaced => {
            return Err(Problem::new(format!("a {kind} is in no namespace"))
                .help(format!("write `{}/{name}`", kind.to_lowercase())));
        }
        Some(namespace) => namespace,
        None if namespaced => default_namespace,
        None => "",
    };
    Ok(ObjectName { kind: kind.into(), namespace: namespace.into(), name: name.into() })
}

/// The kind that a word names, and whether its objects live in namespaces; of several the first, or the first of those that
/// do if a namespace is given. Kinds that share their name with one before them carry their group. Any kind may have a pod
/// template, so that an unknown word is a kind as well.
fn kind_named(word: &str, has_namespace: bool) -> (String, bool) {
    let kinds: Vec<&ResourceKind> = ResourceKind::named(word).collect();
    let is_meant = |kind: &&&ResourceKind| kind.namespaced || !has_namespace;
    match kinds.iter().find(is_meant).or_else(|| kinds.first()) {
        Some(kind) if word.contains('.') && !OWN.contains(kind) => (kind.qualified(), kind.namespaced),
        Some(kind) => (kind.unambiguous(), kind.namespaced),
        None => (word.split('.').next().unwrap_or(word).to_owned(), true),
    }
}

fn parse_labels(text: &str) -> Result<Vec<(Text, Option<Text>)>, Problem> {
    let mut labels: Vec<(Text, Option<Text>)> = Vec::new();
    for word in text.split(',') {
        let (key, value) = match (word.split_once('='), word.strip_suffix('-')) {
            (Some((key, value)), _) => (key, Some(value)),
            (None, Some(key)) => (key, None),
            (None, None) => {
                return Err(Problem::new(format!("`{word}` is not a label"))
                    .help("write KEY=VALUE to set a label, KEY- to take it off"));
            }
        };
        let wrong =
            label_key_problems(key).into_iter().chain(value.map(label_value_problems).into_iter().flatten());
        if let Some(problem) = wrong.into_iter().next() {
            let field = value.filter(|_| label_key_problems(key).is_empty()).unwrap_or(key);
            return Err(Problem::new(format!("metadata.labels: Invalid value: {field:?}: {problem}")));
        }
        if labels.iter().any(|(other, _)| other == key) {
            return Err(Problem::new(format!("label `{key}` is given twice")));
        }
        labels.push((key.into(), value.map(Into::into)));
    }
    Ok(labels)
}

fn parse_scale(text: &str, default_namespace: &str) -> Result<(ObjectName, u32), Problem> {
    let Some((object, count)) = text.rsplit_once('=') else {
        return Err(Problem::new("how many pods?").help(format!("write `{text}=N`")));
    };
    // The API server has them in an int32.
    let count = count.parse::<u32>().ok().filter(|count| i32::try_from(*count).is_ok());
    let Some(count) = count else {
        return Err(Problem::new("the number of pods is not a number between 0 and 2147483647"));
    };
    let name = named(object, default_namespace)?;
    let why = match &*name.kind {
        "DaemonSet" => "a DaemonSet has a pod on each node",
        "Job" | "CronJob" => "a Job ends by itself",
        _ if kinds::find(&name.kind).is_some_and(|kind| kind.role != Role::Workload) => "it has no replicas",
        _ => return Ok((name, count)),
    };
    Err(Problem::new(format!("a {} cannot be scaled: {why}", name.kind))
        .help("scale a Deployment, a StatefulSet, a ReplicaSet or a ReplicationController"))
}

/// The name of an object in the spelling of kubectl: `netpol/shop/web`.
pub(super) fn spelled(name: &ObjectName) -> String {
    let kind = match kinds::find(&name.kind) {
        Some(kind) if kind.name == &*name.kind && OWN.contains(kind) => {
            kind.short.first().unwrap_or(&kind.plural).to_string()
        }
        _ => name.kind.to_lowercase(),
    };
    format!("{kind}/{}", name.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(change: Result<Change, ChangeError>) -> String {
        match change {
            Ok(change) => match &change.edits[0] {
                Edit::Delete(name) => name.to_string(),
                Edit::Label(name, labels) => format!("{name} {labels:?}"),
                Edit::Scale(name, count) => format!("{name} {count}"),
                Edit::Apply(_) | Edit::Replace(_) => String::new(),
            },
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn objects_go_by_the_names_that_kubectl_knows() {
        for (text, expected) in [
            ("netpol/shop/web", "NetworkPolicy shop/web"),
            ("networkpolicies.networking.k8s.io/shop/web", "NetworkPolicy shop/web"),
            ("networkpolicy.crd.antrea.io/shop/web", "NetworkPolicy.crd.antrea.io shop/web"),
            ("deploy/web", "Deployment mine/web"),
            ("deployments.apps/shop/web", "Deployment shop/web"),
            ("ns/shop", "Namespace shop"),
            ("ciliumnetworkpolicies/shop/web", "CiliumNetworkPolicy shop/web"),
            ("GlobalNetworkPolicy/all", "GlobalNetworkPolicy all"),
            ("rollouts.argoproj.io/shop/web", "rollouts shop/web"),
            ("cnp/all", "ClusterNetworkPolicy all"),
            ("cnp/shop/web", "CiliumNetworkPolicy shop/web"),
            ("anp/all", "AdminNetworkPolicy all"),
            ("banp/default", "BaselineAdminNetworkPolicy default"),
            ("acnp/all", "ClusterNetworkPolicy.crd.antrea.io all"),
            ("clusternetworkpolicies/all", "ClusterNetworkPolicy all"),
            ("clusternetworkpolicy.crd.antrea.io/all", "ClusterNetworkPolicy.crd.antrea.io all"),
            (
                "clusternetworkpolicy.policy.networking.k8s.io/all",
                "ClusterNetworkPolicy.policy.networking.k8s.io all",
            ),
            (
                "ClusterNetworkPolicy/shop/web",
                "`--delete ClusterNetworkPolicy/shop/web`: a ClusterNetworkPolicy is in no namespace",
            ),
            ("web", "`--delete web`: `web` does not name an object"),
            ("ns/a/b", "`--delete ns/a/b`: a Namespace is in no namespace"),
            ("netpol//web", "`--delete netpol//web`: `netpol//web` does not name an object"),
        ] {
            assert_eq!(shown(Change::delete(text, "mine")), expected);
        }
    }

    #[test]
    fn labels_are_set_and_taken_off() {
        for (object, labels, expected) in [
            ("ns/shop", "env=prod,team-", r#"Namespace shop [("env", Some("prod")), ("team", None)]"#),
            ("pod/web", "a=", r#"Pod mine/web [("a", Some(""))]"#),
            ("ns/shop", "env", "`--label ns/shop env`: `env` is not a label"),
            ("ns/shop", "a=1,a-", "`--label ns/shop a=1,a-`: label `a` is given twice"),
            ("svc/web", "a=1", "`--label svc/web a=1`: no policy sees the labels of services"),
            (
                "ccnp/web",
                "a=1",
                "`--label ccnp/web a=1`: no policy sees the labels of ciliumclusterwidenetworkpolicies",
            ),
        ] {
            assert_eq!(shown(Change::label(object, labels, "mine")), expected);
        }
        let wrong = shown(Change::label("ns/shop", "a=b c", "mine"));
        assert!(
            wrong.starts_with(
                "`--label ns/shop a=b c`: metadata.labels: Invalid value: \"b c\": a valid label"
            ),
            "{wrong}"
        );
        let wrong = shown(Change::label("ns/shop", "=b", "mine"));
        assert!(wrong.contains("metadata.labels: Invalid value: \"\": name part"), "{wrong}");
    }

    #[test]
    fn workloads_are_scaled_by_number() {
        for (text, expected) in [
            ("deploy/shop/web=0", "Deployment shop/web 0"),
            ("rollout/web=3", "rollout mine/web 3"),
            ("deploy/shop/web", "`--scale deploy/shop/web`: how many pods?"),
            (
                "ds/shop/web=3",
                "`--scale ds/shop/web=3`: a DaemonSet cannot be scaled: a DaemonSet has a pod on each node",
            ),
            ("pod/shop/web=3", "`--scale pod/shop/web=3`: a Pod cannot be scaled: it has no replicas"),
        ] {
            assert_eq!(shown(Change::scale(text, "mine")), expected);
        }
        for count in ["-1", "many", "3000000000", ""] {
            let wrong = shown(Change::scale(&format!("deploy/web={count}"), "mine"));
            assert!(wrong.ends_with("is not a number between 0 and 2147483647"), "{wrong}");
        }
    }
}
