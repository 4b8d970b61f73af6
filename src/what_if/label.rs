//! Labels of pods, of namespaces, and of all pods of a workload.

use super::objects::{Draft, Refused};
use crate::cluster::{Assumption, kinds, meta_mut, namespace_of};
use crate::diagnostic::{Code, Diagnostic, ObjectName, nearest};
use crate::k8s::{Labels, Object, PodTemplate, Text, WorkloadObject};

/// A label that the API server sets itself.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Labels with the values to set; `None` for a label to take off.
type Wanted<'w> = &'w [(Text, Option<Text>)];

/// Sets labels, or takes them off.
pub(super) fn label(draft: &mut Draft<'_>, name: &ObjectName, wanted: Wanted<'_>) -> Result<(), Refused> {
    let places = draft.find(name);
    let is_namespace = &*name.kind == "Namespace";
    let owned = if is_namespace || &*name.kind == "Pod" { Vec::new() } else { draft.owned(name) };
    if is_namespace && wanted.iter().any(|(key, _)| key == NAME_LABEL) {
        let message = format!("the API server sets label `{NAME_LABEL}` to the name of the namespace");
        return Err(refusal(name, message));
    }
    if places.is_empty() && owned.is_empty() {
        if is_namespace && draft.there().any(|(_, manifest)| namespace_of(manifest) == &*name.name) {
            return label_undeclared(draft, name, wanted);
        }
        return Err(match template_pod(draft, name) {
            Some(refused) => refused,
            None => draft.missing(name, "label"),
        });
    }
    let before: Vec<Option<Labels>> =
        places.iter().chain(&owned).map(|place| labels_of(&draft.object(*place).object)).collect();
    not_found(name, wanted, &before)?;
    let mut changes = false;
    for place in places.into_iter().chain(owned) {
        let mut object = draft.object(place).object.clone();
        if set(&mut object, wanted) {
            changes = true;
            draft.replace(place, object);
        }
    }
    forget_assumptions(draft, name, wanted);
    if !changes {
        draft.note(unchanged(name));
    }
    Ok(())
}

fn unchanged(name: &ObjectName) -> Diagnostic {
    Diagnostic::new(Code::Unchanged, "it has these labels already").with_object(name.clone())
}

fn refusal(name: &ObjectName, message: String) -> Refused {
    Box::new(Diagnostic::new(Code::BadChange, message).with_object(name.clone()))
}

/// The labels of all else in a namespace that no manifest declares stay unknown, so that no manifest is made for it.
fn label_undeclared(draft: &mut Draft<'_>, name: &ObjectName, wanted: Wanted<'_>) -> Result<(), Refused> {
    let mut assumed = Vec::new();
    for (key, value) in wanted {
        let Some(value) = value else {
            let message = format!(
                "whether namespace `{}` has label `{key}` is not known: no manifest declares it",
                name.name
            );
            let found = Diagnostic::new(Code::BadChange, message).with_object(name.clone());
            return Err(Box::new(
                found.with_help("`--apply` a manifest of the Namespace to say which labels it has"),
            ));
        };
        assumed.push(Assumption {
            kind: "Namespace".to_owned(),
            namespace: String::new(),
            name: name.name.to_string(),
            key: key.to_string(),
            value: value.to_string(),
        });
    }
    forget_assumptions(draft, name, wanted);
    draft.options.assume.extend(assumed);
    Ok(())
}

/// Drops the assumptions about these labels: they were true before the change.
fn forget_assumptions(draft: &mut Draft<'_>, name: &ObjectName, wanted: Wanted<'_>) {
    draft.options.assume.retain(|assumed| {
        let kind = kinds::find(&assumed.kind);
        let same_kind = kind.map_or(&*assumed.kind, |kind| kind.name).eq_ignore_ascii_case(&name.kind);
        let namespace = if kind.is_none_or(|kind| kind.namespaced) { &*assumed.namespace } else { "" };
        let is_it = same_kind && namespace == &*name.namespace && *assumed.name == *name.name;
        !(is_it && wanted.iter().any(|(key, _)| **key == *assumed.key))
    });
}

/// A label can be taken off only where it is.
fn not_found(name: &ObjectName, wanted: Wanted<'_>, before: &[Option<Labels>]) -> Result<(), Refused> {
    let keys = || before.iter().flatten().flat_map(Labels::iter).map(|(key, _)| key);
    for (key, value) in wanted {
        if value.is_none() && !keys().any(|other| other == key) {
            let found = Diagnostic::new(Code::BadChange, format!("label `{key}` not found on {name}"));
            let found = found.with_object(name.clone());
            let near = nearest(key, keys().map(str::to_owned));
            return Err(Box::new(match near.first() {
                Some(near) => found.with_help(format!("did you mean `{near}-`?")),
                None => found,
            }));
        }
    }
    Ok(())
}

/// Pods that only a template shows have no labels of their own.
fn template_pod(draft: &Draft<'_>, name: &ObjectName) -> Option<Refused> {
    if &*name.kind != "Pod" {
        return None;
    }
    let base = name
        .name
        .split_once('[')
        .map_or_else(|| name.name.rsplit_once('-').map(|(base, _)| base), |(base, _)| Some(base))?;
    let owner = draft.there().find_map(|(_, manifest)| match &manifest.object {
        Object::Workload(workload)
            if workload.metadata.name.as_deref() == Some(base)
                && namespace_of(manifest) == &*name.namespace =>
        {
            Some(workload.kind.clone())
        }
        _ => None,
    })?;
    let owner = ObjectName { kind: (*owner).into(), namespace: name.namespace.clone(), name: base.into() };
    let message = format!("no manifest names pod `{}`: it comes from the template of {owner}", name.path());
    let found = Diagnostic::new(Code::BadChange, message).with_object(name.clone());
    Some(Box::new(found.with_help(format!("say it of all its pods: `{}`", super::change::spelled(&owner)))))
}

/// The labels that matter of an object: a workload's are those of its template.
fn labels_of(object: &Object) -> Option<Labels> {
    match object {
        Object::Workload(workload) => template_of(workload)?.metadata.as_ref()?.labels.clone(),
        object => object.metadata().labels.clone(),
    }
}

/// Sets and removes labels of an object; returns true if that changed anything.
fn set(object: &mut Object, wanted: Wanted<'_>) -> bool {
    let before = labels_of(object).unwrap_or_default();
    let keeps = |key: &str| !wanted.iter().any(|(other, _)| other == key);
    let kept = before.iter().filter(|(key, _)| keeps(key));
    let added = wanted.iter().filter_map(|(key, value)| Some((&**key, &**value.as_ref()?)));
    let after: Labels = kept.chain(added).collect();
    if after == before {
        return false;
    }
    let place = match object {
        Object::Workload(workload) => {
            template_mut(workload).map(|template| &mut template.metadata.get_or_insert_default().labels)
        }
        object => meta_mut(object).map(|meta| &mut meta.labels),
    };
    // A workload without a template is not valid, and building the cluster says so.
    place.map(|labels| *labels = Some(after)).is_some()
}

/// The pod template of a workload.
pub(super) fn template_of(workload: &WorkloadObject) -> Option<&PodTemplate> {
    let spec = workload.spec.as_ref()?;
    let spec = match &spec.job_template {
        Some(job) => job.spec.as_ref()?,
        None => spec,
    };
    spec.template.as_deref()
}

fn template_mut(workload: &mut WorkloadObject) -> Option<&mut PodTemplate> {
    let spec = workload.spec.as_mut()?;
    if spec.job_template.is_some() {
        return spec.job_template.as_mut()?.spec.as_mut()?.template.as_deref_mut();
    }
    spec.template.as_deref_mut()
}
