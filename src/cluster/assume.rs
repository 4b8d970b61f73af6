//! `--assume KIND/[NS/]NAME k=v`: labels that the input does not show.

use strsim::jaro_winkler;

use super::findings::Findings;
use super::kinds::{self, Role};
use super::namespaces::{NAME_LABEL, known};
use super::population::{PodDraft, Population};
use super::{Assumption, Cluster, NamespaceId, PodName};
use crate::diagnostic::{Code, Diagnostic};
use crate::label::{LabelSet, LabelSetId, LabelTable, LabelValue};
use crate::policy::{label_key_problems, label_value_problems};

/// Sets the labels the user vouches for.
pub(super) fn apply(
    assumptions: &[Assumption],
    population: &mut Population,
    cluster: &mut Cluster,
    findings: &mut Findings,
) {
    for assumption in assumptions {
        if let Err(problem) = assume(assumption, population, cluster, findings) {
            findings.general(problem);
        }
    }
}

fn assume(
    assumption: &Assumption,
    population: &mut Population,
    cluster: &mut Cluster,
    findings: &mut Findings,
) -> Result<(), Diagnostic> {
    let Assumption { kind, name, key, value, .. } = assumption;
    let wrong = label_key_problems(key).into_iter().chain(label_value_problems(value)).next();
    if let Some(problem) = wrong {
        return Err(complaint(assumption, &problem));
    }
    let known_kind = kinds::find(kind);
    let mut contradicted = false;
    match known_kind.map(|k| k.role) {
        Some(Role::Namespace) => {
            let Some(id) = cluster.namespace(name) else {
                let names = cluster.namespaces.iter().map(|n| n.name.to_string());
                return Err(unknown_name(assumption, "Namespace", names));
            };
            if key == NAME_LABEL && value != name {
                return Err(complaint(assumption, "the API server sets this label to the namespace's name"));
            }
            let labels = cluster.namespaces[id].labels;
            cluster.namespaces[id].labels =
                with_label(labels, assumption, &mut cluster.labels, &mut contradicted);
        }
        Some(Role::Pod) => {
            let pod = cluster
                .namespace(&assumption.namespace)
                .and_then(|namespace| isolate(population, namespace, name));
            let Some(pod) = pod else { return Err(no_such_pod(assumption, population, cluster)) };
            let draft = &mut population.pods[pod];
            draft.labels = with_label(draft.labels, assumption, &mut cluster.labels, &mut contradicted);
        }
        Some(Role::Workload) | None => {
            let kind = known_kind.map_or(kind.as_str(), |k| k.name);
            let namespace = cluster.namespace(&assumption.namespace);
            let workload = population.workloads.iter().position(|w| {
                Some(w.namespace) == namespace && *w.name == **name && w.kind.eq_ignore_ascii_case(kind)
            });
            let Some(workload) = workload else {
                return Err(no_such_workload(assumption, kind, population, cluster));
            };
            for draft in population.pods.iter_mut().filter(|draft| draft.workload == workload) {
                draft.labels = with_label(draft.labels, assumption, &mut cluster.labels, &mut contradicted);
            }
        }
        Some(Role::Node | Role::Service | Role::Policy) => {
            return Err(complaint(assumption, "labels can be assumed of namespaces, pods and workloads"));
        }
    }
    if contradicted {
        let message = format!("{}: the input shows another value, which this replaces", shown(assumption));
        findings.general(Diagnostic::new(Code::Overwritten, message));
    }
    Ok(())
}

/// `labels` with the assumed one known; `contradicted` is set if they say something else.
fn with_label(
    labels: LabelSetId,
    assumption: &Assumption,
    table: &mut LabelTable,
    contradicted: &mut bool,
) -> LabelSetId {
    let entry = known(&assumption.key, &assumption.value, table);
    let set = &table.sets[labels];
    *contradicted |= matches!(set.get(entry.0), Some(value @ LabelValue::Known(_)) if value != entry.1);
    let mut entries = set.entries().to_vec();
    entries.push(entry);
    let set = LabelSet::new(entries, set.is_complete());
    table.sets.intern_owned(set)
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
    let part = |start: u32, end: u32| PodDraft {
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

fn complaint(assumption: &Assumption, problem: &str) -> Diagnostic {
    Diagnostic::new(Code::InvalidValue, format!("{}: {problem}", shown(assumption)))
}

fn no_such_pod(assumption: &Assumption, population: &Population, cluster: &Cluster) -> Diagnostic {
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
) -> Diagnostic {
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

fn unknown_name(assumption: &Assumption, kind: &str, names: impl Iterator<Item = String>) -> Diagnostic {
    let wanted = match kind {
        "Namespace" => assumption.name.clone(),
        _ => format!("{}/{}", assumption.namespace, assumption.name),
    };
    let diagnostic = complaint(assumption, &format!("there is no {kind} `{wanted}`"));
    let nearest = names
        .map(|name| (jaro_winkler(&name, &wanted), name))
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(&a.1)));
    match nearest {
        Some((_, name)) => diagnostic.with_help(format!("the nearest name is `{name}`")),
        None => diagnostic,
    }
}
