//! `--assume KIND/[NS/]NAME k=v`: labels that the input does not show.

use strsim::jaro_winkler;

use super::findings::Findings;
use super::kinds::{self, Role};
use super::namespaces::{NAME_LABEL, known};
use super::population::Population;
use super::{Assumption, Cluster, NamespaceId, Options, Pod, PodName};
use crate::diagnostic::{Code, Diagnostic};
use crate::index::Id;
use crate::label::{LabelSet, LabelSetId, LabelTable, LabelValue};
use crate::policy::{label_key_problems, label_value_problems};

/// Sets the labels the user vouches for.
pub(super) fn apply(
    options: &Options,
    population: &mut Population,
    cluster: &mut Cluster,
    findings: &mut Findings,
) {
    let same_object =
        |a: &Assumption, b: &Assumption| (&a.kind, &a.namespace, &a.name) == (&b.kind, &b.namespace, &b.name);
    // Label by label, a set would be kept for each.
    for labels in options.assume.chunk_by(same_object) {
        let (sound, mut problems) = check(labels);
        if let Some(first) = sound.first()
            && let Err(problem) = assume(first, &sound, population, cluster, findings)
        {
            problems.push(*problem);
        }
        if !options.changed {
            for problem in problems {
                findings.general(problem);
            }
        }
    }
}

/// The labels that could be some, and what is wrong with the others.
fn check(labels: &[Assumption]) -> (Vec<&Assumption>, Vec<Diagnostic>) {
    let mut problems = Vec::new();
    let mut sound = Vec::new();
    for label in labels {
        let Assumption { kind, name, key, value, .. } = label;
        let mut wrong = label_key_problems(key).into_iter().chain(label_value_problems(value));
        let of_namespace = kinds::find(kind).is_some_and(|kind| kind.role == Role::Namespace);
        if let Some(problem) = wrong.next() {
            problems.push(*complaint(label, &problem));
        } else if of_namespace && key == NAME_LABEL && value != name {
            problems.push(*complaint(label, "the API server sets this label to the namespace's name"));
        } else {
            sound.push(label);
        }
    }
    (sound, problems)
}

/// Sets labels of one object, which `object` names.
fn assume(
    object: &Assumption,
    labels: &[&Assumption],
    population: &mut Population,
    cluster: &mut Cluster,
    findings: &mut Findings,
) -> Result<(), Box<Diagnostic>> {
    let Assumption { kind, name, .. } = object;
    let known_kind = kinds::find(kind);
    let mut set = Setter { labels, replaced: vec![false; labels.len()] };
    match known_kind.map(|k| k.role) {
        Some(Role::Namespace) => {
            let Some(id) = cluster.namespace(name) else {
                let names = cluster.namespaces.iter().map(|n| n.name.to_string());
                return Err(unknown_name(object, "Namespace", names));
            };
            let before = cluster.namespaces[id].labels;
            cluster.namespaces[id].labels = set.over(before, &mut cluster.labels);
        }
        Some(Role::Pod) => {
            let pod = cluster
                .namespace(&object.namespace)
                .and_then(|namespace| isolate(population, namespace, name));
            let Some(pod) = pod else { return Err(no_such_pod(object, population, cluster)) };
            let draft = &mut population.pods[pod];
            draft.labels = set.over(draft.labels, &mut cluster.labels);
        }
        Some(Role::Workload) | None => {
            let kind = known_kind.map_or(kind.as_str(), |k| k.name);
            let namespace = cluster.namespace(&object.namespace);
            let workload = population.workloads.iter().position(|w| {
                Some(w.namespace) == namespace && *w.name == **name && w.kind.eq_ignore_ascii_case(kind)
            });
            let Some(workload) = workload else {
                return Err(no_such_workload(object, kind, population, cluster));
            };
            for draft in population.pods.iter_mut().filter(|draft| draft.workload.index() == workload) {
                draft.labels = set.over(draft.labels, &mut cluster.labels);
            }
        }
        Some(Role::Node | Role::Service | Role::Ingress | Role::Policy) => {
            return Err(complaint(object, "labels can be assumed of namespaces, pods and workloads"));
        }
    }
    for (label, _) in labels.iter().zip(set.replaced).filter(|(_, replaced)| *replaced) {
        let message = format!("{}: the input shows another value, which this replaces", shown(label));
        findings.general(Diagnostic::new(Code::Overwritten, message));
    }
    Ok(())
}

/// Sets the labels of one object.
struct Setter<'a> {
    labels: &'a [&'a Assumption],
    /// For each of them, true if the input shows another value.
    replaced: Vec<bool>,
}

impl Setter<'_> {
    /// The labels of a pod or namespace with the assumed ones known; of equal keys the last one counts.
    fn over(&mut self, before: LabelSetId, table: &mut LabelTable) -> LabelSetId {
        let assumed: Vec<_> =
            self.labels.iter().map(|label| known(&label.key, &label.value, table)).collect();
        let set = &table.sets[before];
        for (replaced, (key, value)) in self.replaced.iter_mut().zip(&assumed) {
            *replaced |= matches!(set.get(*key), Some(shown @ LabelValue::Known(_)) if shown != *value);
        }
        let entries = set.entries().iter().copied().chain(assumed).collect();
        let set = LabelSet::new(entries, set.is_complete()).with_reserved(set.reserved().to_vec());
        table.sets.intern_owned(set)
    }
}

/// The place of the pod called `name`, cut out of its group.
fn isolate(population: &mut Population, namespace: NamespaceId, name: &str) -> Option<usize> {
    let index = name.strip_suffix(']').and_then(|name| name.rsplit_once('['));
    let index = index.and_then(|(base, index)| Some((base, index.parse::<u32>().ok()?)));
    let place = population.pods.iter().position(|draft| {
        draft.namespace == namespace
            && match (&draft.name, index) {
                (PodName::Exact(exact), _) => **exact == *name,
                (PodName::Replicas { base, first }, Some((wanted, index))) => {
                    **base == *wanted && (*first..first + draft.count).contains(&index)
                }
                (PodName::Replicas { .. }, None) => false,
            }
    })?;
    let draft = population.pods[place].clone();
    let (PodName::Replicas { base, first }, Some((_, index))) = (&draft.name, index) else {
        return Some(place);
    };
    let part = |start: u32, end: u32| Pod {
        name: PodName::Replicas { base: base.clone(), first: start },
        count: end - start,
        ..draft.clone()
    };
    let end = first + draft.count;
    population.pods[place] = part(index, index + 1);
    population.pods.extend((*first < index).then(|| part(*first, index)));
    population.pods.extend((index + 1 < end).then(|| part(index + 1, end)));
    Some(place)
}

/// The assumption as the user wrote it.
fn shown(assumption: &Assumption) -> String {
    let Assumption { kind, namespace, name, key, value } = assumption;
    let of_cluster = kinds::find(kind).is_some_and(|k| !k.namespaced);
    let (namespace, slash) = if of_cluster { ("", "") } else { (namespace.as_str(), "/") };
    format!("`--assume {kind}/{namespace}{slash}{name} {key}={value}`")
}

fn complaint(assumption: &Assumption, problem: &str) -> Box<Diagnostic> {
    Box::new(Diagnostic::new(Code::InvalidValue, format!("{}: {problem}", shown(assumption))))
}

fn no_such_pod(assumption: &Assumption, population: &Population, cluster: &Cluster) -> Box<Diagnostic> {
    let path = format!("{}/{}", assumption.namespace, assumption.name);
    let of = |namespace: NamespaceId| &cluster.namespaces[namespace].name;
    if population.finished.iter().any(|(namespace, name)| format!("{}/{name}", of(*namespace)) == path) {
        return complaint(assumption, "this pod has finished");
    }
    let names = population.pods.iter().map(|draft| match &draft.name {
        PodName::Exact(name) => format!("{}/{name}", of(draft.namespace)),
        PodName::Replicas { base, first } => format!("{}/{base}[{first}]", of(draft.namespace)),
    });
    unknown_name(assumption, "Pod", names)
}

fn no_such_workload(
    assumption: &Assumption,
    kind: &str,
    population: &Population,
    cluster: &Cluster,
) -> Box<Diagnostic> {
    let path = format!("{}/{}", assumption.namespace, assumption.name);
    let of = |namespace: NamespaceId| &cluster.namespaces[namespace].name;
    let is_empty = population.empty.iter().any(|(namespace, name, of_kind)| {
        of_kind.eq_ignore_ascii_case(kind) && format!("{}/{name}", of(*namespace)) == path
    });
    if is_empty {
        return complaint(assumption, "it has no pods");
    }
    let same_kind = population.workloads.iter().filter(|w| w.kind.eq_ignore_ascii_case(kind));
    unknown_name(assumption, kind, same_kind.map(|w| format!("{}/{}", of(w.namespace), w.name)))
}

fn unknown_name(assumption: &Assumption, kind: &str, names: impl Iterator<Item = String>) -> Box<Diagnostic> {
    let wanted = match kind {
        "Namespace" => assumption.name.clone(),
        _ => format!("{}/{}", assumption.namespace, assumption.name),
    };
    let diagnostic = complaint(assumption, &format!("there is no {kind} `{wanted}`"));
    let nearest = names
        .map(|name| (jaro_winkler(&name, &wanted), name))
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(&a.1)));
    match nearest {
        Some((_, name)) => Box::new(diagnostic.with_help(format!("the nearest name is `{name}`"))),
        None => diagnostic,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::testing::{labels_of, manifests, messages, pods};
    use super::super::{Built, Options, build};
    use super::*;

    fn input() -> Vec<Value> {
        let workload = |kind: &str, name: &str, replicas: i32| {
            json!({
                "kind": kind, "apiVersion": "apps/v1", "metadata": {"name": name, "namespace": "shop"},
                "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
                    "template": {"metadata": {"labels": {"app": name}}}},
            })
        };
        vec![
            workload("ReplicaSet", "web", 3),
            workload("ReplicaSet", "none", 0),
            json!({"kind": "Pod", "metadata": {"name": "done"}, "status": {"phase": "Failed"}}),
            json!({"kind": "Pod", "metadata": {"name": "bare"}}),
        ]
    }

    fn assuming(target: [&str; 3], key: &str, value: &str) -> Built {
        let [kind, namespace, name] = target.map(str::to_owned);
        let assumption = Assumption { kind, namespace, name, key: key.into(), value: value.into() };
        let options = Options { assume: vec![assumption], ..Options::default() };
        build(&manifests(&input()), &options)
    }

    #[test]
    fn labels_of_namespaces() {
        for kind in ["ns", "namespace", "Namespaces"] {
            let built = assuming([kind, "default", "shop"], "env", "prod");
            assert_eq!(messages(&built, |_| true), [""; 0]);
            let cluster = built.cluster;
            let set = &cluster.labels.sets[cluster.namespaces[cluster.namespace("shop").unwrap()].labels];
            let key = cluster.labels.keys.get("env").unwrap();
            assert_eq!(set.get(key), cluster.labels.values.get("prod").map(LabelValue::Known));
            assert!(!set.is_complete());
        }
    }

    #[test]
    fn labels_of_all_pods_of_a_workload() {
        for kind in ["rs", "replicasets.apps", "ReplicaSet"] {
            let built = assuming([kind, "shop", "web"], "x", "y");
            assert_eq!(pods(&built.cluster), ["default/bare x1", "shop/web[0] x3"]);
            assert!(labels_of(&built.cluster, 1).contains(&"x=y".to_owned()));
            assert!(!labels_of(&built.cluster, 0).contains(&"x=y".to_owned()));
        }
    }

    #[test]
    fn labels_of_one_replica() {
        let cases: [(&str, &[&str], usize); 3] = [
            ("web[0]", &["shop/web[0] x1", "shop/web[1] x2"], 0),
            ("web[1]", &["shop/web[0] x1", "shop/web[1] x1", "shop/web[2] x1"], 1),
            ("web[2]", &["shop/web[0] x2", "shop/web[2] x1"], 1),
        ];
        for (name, expected, labelled) in cases {
            let built = assuming(["po", "shop", name], "x", "y");
            assert_eq!(pods(&built.cluster)[1..], *expected);
            for i in 0..expected.len() {
                let has = labels_of(&built.cluster, i + 1).contains(&"x=y".to_owned());
                assert_eq!(has, i == labelled, "{name} {i}");
            }
        }
    }

    #[test]
    fn what_cannot_be_assumed_is_an_error() {
        let cases = [
            (
                ["ns", "", "shp"],
                "`--assume ns/shp a=b`: there is no Namespace `shp`",
                Some("the nearest name is `shop`"),
            ),
            (
                ["rs", "shop", "wep"],
                "`--assume rs/shop/wep a=b`: there is no ReplicaSet `shop/wep`",
                Some("the nearest name is `shop/web`"),
            ),
            (
                ["deploy", "shop", "web"],
                "`--assume deploy/shop/web a=b`: there is no Deployment `shop/web`",
                None,
            ),
            (
                ["pod", "shop", "web[3]"],
                "`--assume pod/shop/web[3] a=b`: there is no Pod `shop/web[3]`",
                Some("the nearest name is `shop/web[0]`"),
            ),
            (["pod", "default", "done"], "`--assume pod/default/done a=b`: this pod has finished", None),
            (["rs", "shop", "none"], "`--assume rs/shop/none a=b`: it has no pods", None),
            (
                ["svc", "shop", "web"],
                "`--assume svc/shop/web a=b`: labels can be assumed of namespaces, pods and workloads",
                None,
            ),
        ];
        for (target, message, help) in cases {
            let built = assuming(target, "a", "b");
            let [found] = built.diagnostics.as_slice() else { panic!("{:?}", built.diagnostics) };
            assert_eq!(
                (found.message.as_str(), found.help.as_deref(), found.code),
                (message, help, Code::InvalidValue)
            );
        }
        assert_eq!(messages(&assuming(["ns", "", "shop"], "-", "b"), |_| true).len(), 1);
        assert_eq!(messages(&assuming(["ns", "", "shop"], NAME_LABEL, "b"), |_| true).len(), 1);
    }

    #[test]
    fn contradicting_the_input_is_told() {
        let built = assuming(["rs", "shop", "web"], "app", "other");
        assert_eq!(built.diagnostics.iter().map(|d| d.code).collect::<Vec<_>>(), [Code::Overwritten]);
        assert!(labels_of(&built.cluster, 1).contains(&"app=other".to_owned()));
    }
}
