//! Adding and replacing objects, and the rollout that follows where that changes a pod template.

use super::label::template_of;
use super::objects::{Draft, Refused};
use super::{merge, scale};
use crate::cluster::{identity, same_content};
use crate::diagnostic::{Code, Diagnostic, ObjectName};
use crate::k8s::{Labels, Object, Pod, PodTemplate, Text, WorkloadObject};
use crate::load::Manifest;

pub(super) use merge::{keep_identity, keeps_any};

/// Adds an object, or puts it in the place of the one with its kind, namespace and name, as `kubectl apply` does.
pub(super) fn apply(draft: &mut Draft<'_>, manifest: &Manifest) -> Result<(), Refused> {
    put(draft, manifest, "applied", |_, old, new| {
        if let Some(old) = old {
            merge::apply(old, new);
        }
        Ok(())
    })
}

/// Puts an object in the place of the one with its kind, namespace and name, as `kubectl replace` does.
pub(super) fn replace(draft: &mut Draft<'_>, manifest: &Manifest) -> Result<(), Refused> {
    put(draft, manifest, "replaced", |draft, old, new| {
        let Some(old) = old else {
            let [_, kind, namespace, name] = identity(manifest).unwrap_or_default();
            let missing = *draft.missing(&ObjectName { kind, namespace, name }, "replace");
            return Err(Box::new(missing.with_origin(manifest.origin.clone())));
        };
        merge::replace(old, new);
        Ok(())
    })
}

/// Puts an object where it belongs; `merge` adds to it what stays of the old one.
fn put(
    draft: &mut Draft<'_>,
    manifest: &Manifest,
    done: &str,
    merge: impl FnOnce(&Draft<'_>, Option<&Object>, &mut Object) -> Result<(), Refused>,
) -> Result<(), Refused> {
    if matches!(manifest.object, Object::Broken(_)) {
        // Evaluation goes on without it (`--keep-going`), and what it might touch is unknown.
        draft.push(manifest.clone());
        return Ok(());
    }
    let Some([_, kind, namespace, name]) = identity(manifest) else {
        let message = format!("an object without a name can be created, but not {done}");
        let found = Diagnostic::new(Code::BadChange, message);
        let found = found.with_path("metadata").with_origin(manifest.origin.clone());
        return Err(Box::new(found.with_help("give it a `metadata.name`")));
    };
    let name = ObjectName { kind, namespace, name };
    let wanted = identity(manifest);
    let places = draft.called(&name.name, |other| identity(other) == wanted);
    let mut new = manifest.clone();
    let old = places.first().map(|place| draft.object(*place).object.clone());
    merge(draft, old.as_ref(), &mut new.object)?;
    if let Some(old) = &old
        && same_content(old, &new.object)
    {
        let note = Diagnostic::new(Code::Unchanged, format!("it is in the input as it is {done}"));
        draft.note(note.with_object(name).with_origin(manifest.origin.clone()));
        return Ok(());
    }
    match places.as_slice() {
        [] => draft.push(new.clone()),
        [first, repeated @ ..] => {
            draft.put(*first, new.clone());
            for place in repeated {
                draft.remove(*place);
            }
        }
    }
    if let Object::Workload(workload) = &new.object {
        let old = match &old {
            Some(Object::Workload(old)) => Some(old),
            _ => None,
        };
        roll_out(draft, &name, old, workload, &new);
    }
    draft.forget_more();
    Ok(())
}

/// Follows a workload that was applied: pods of another template are replaced, of another number scaled.
fn roll_out(
    draft: &mut Draft<'_>,
    name: &ObjectName,
    old: Option<&WorkloadObject>,
    new: &WorkloadObject,
    manifest: &Manifest,
) {
    let selector = |workload: &WorkloadObject| workload.spec.as_ref().and_then(|spec| spec.selector.clone());
    if old.is_some_and(|old| selector(old) != selector(new)) && new.api_version.starts_with("apps/") {
        let found = Diagnostic::new(
            Code::Immutable,
            "the API server refuses another selector for a workload that is there",
        );
        let found =
            found.with_path("spec.selector").with_object(name.clone()).with_origin(manifest.origin.clone());
        draft.note(found.with_help("delete it first; what follows is as if that were done"));
    }
    let owned = draft.owned(name);
    if owned.is_empty() {
        return;
    }
    let template = template_of(new);
    let stays = match old {
        Some(old) => template_of(old) == template,
        None => owned.iter().all(|place| match &draft.object(*place).object {
            Object::Pod(pod) => is_made_of(pod, template),
            _ => true,
        }),
    };
    if !stays {
        for place in owned {
            draft.remove(place);
        }
    } else if let Some(count) = new.spec.as_ref().and_then(|spec| spec.replicas)
        && let Ok(count) = u32::try_from(count)
        && old.and_then(|old| old.spec.as_ref()?.replicas) != Some(count.cast_signed())
        && scale::counts_replicas(new)
    {
        scale::resize(draft, name, count);
    }
}

/// Labels that are on pods and not in their templates.
const ADDED: [&str; 10] = [
    "pod-template-hash",
    "controller-revision-hash",
    "pod-template-generation",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "job-name",
    "batch.kubernetes.io/job-name",
    "controller-uid",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-completion-index",
];

/// True if a pod could come from a template, as far as policies can tell; always true without a template.
fn is_made_of(pod: &Pod, template: Option<&PodTemplate>) -> bool {
    let Some(template) = template else { return true };
    let none = Labels::default();
    let wanted = template.metadata.as_ref().and_then(|meta| meta.labels.as_ref()).unwrap_or(&none);
    let own = pod.metadata.labels.as_ref().unwrap_or(&none);
    let is_added = |key: &str| ADDED.contains(&key) || key.starts_with("topology.kubernetes.io/");
    let same_labels = wanted.iter().all(|(key, value)| own.get(key) == Some(value))
        && own.iter().all(|(key, _)| wanted.get(key).is_some() || is_added(key));
    let (Some(spec), Some(wanted)) = (&pod.spec, &template.spec) else { return same_labels };
    same_labels
        && spec.host_network.unwrap_or(false) == wanted.host_network.unwrap_or(false)
        && ports(spec.containers.as_deref()) == ports(wanted.containers.as_deref())
        && ports(spec.init_containers.as_deref()) == ports(wanted.init_containers.as_deref())
}

/// The named ports of containers: name, protocol, number, and whether it is a sidecar's.
fn ports(containers: Option<&[crate::k8s::Container]>) -> Vec<(Text, Text, Option<i32>, bool)> {
    let containers = containers.unwrap_or_default().iter();
    let mut ports: Vec<_> = containers
        .flat_map(|container| {
            let is_sidecar = container.restart_policy.is_some();
            container.ports.as_deref().unwrap_or_default().iter().filter_map(move |port| {
                let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".into());
                Some((port.name.clone()?, protocol, port.container_port, is_sidecar))
            })
        })
        .collect();
    ports.sort();
    ports
}
