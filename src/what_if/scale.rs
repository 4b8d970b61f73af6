//! Changes the number of pods of a workload.
//!
//! Where the input lists its pods, those with the highest names go, and new ones are like the others. Where it lists none,
//! the templates make as many as they are told.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use super::objects::{Draft, Refused};
use crate::cluster::MorePods;
use crate::diagnostic::{Code, Diagnostic, ObjectName};
use crate::k8s::{Labels, Object, Pod, Text, WorkloadObject};
use crate::load::Manifest;

/// More pods with names of their own than anybody has of one StatefulSet.
const MOST_NAMED: u32 = 1_000_000;

const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";
const POD_INDEX: &str = "apps.kubernetes.io/pod-index";

/// Sets how many pods a workload has.
pub(super) fn scale(draft: &mut Draft<'_>, name: &ObjectName, count: u32) -> Result<(), Refused> {
    let places = draft.find(name);
    if places.is_empty() && draft.owned(name).is_empty() {
        return Err(draft.missing(name, "scale"));
    }
    let mut changes = false;
    for &place in &places {
        let mut object = draft.object(place).object.clone();
        match &mut object {
            Object::Workload(workload) if counts_replicas(workload) => {
                if set_replicas(workload, count) {
                    changes = true;
                    draft.replace(place, object);
                }
            }
            _ => {
                let found = Diagnostic::new(Code::BadChange, format!("a {} cannot be scaled", name.kind));
                return Err(Box::new(found.with_object(name.clone())));
            }
        }
    }
    changes |= resize(draft, name, count);
    if places.is_empty() && count > 0 && draft.owned(name).is_empty() {
        let message = format!("nothing in the input shows what pods of {name} are like");
        let found = Diagnostic::new(Code::BadChange, message).with_object(name.clone());
        return Err(Box::new(found.with_help("give the manifest of the workload, too")));
    }
    if !changes {
        let found = Diagnostic::new(Code::Unchanged, "it has this number of pods already");
        draft.note(found.with_object(name.clone()));
    }
    Ok(())
}

/// True if `spec.replicas` is the number of pods of a workload.
pub(super) fn counts_replicas(workload: &WorkloadObject) -> bool {
    !matches!(&*workload.kind, "DaemonSet" | "Job" | "CronJob")
}

/// Sets `spec.replicas`; returns true if that changed it.
fn set_replicas(workload: &mut WorkloadObject, count: u32) -> bool {
    let Some(spec) = &mut workload.spec else { return false };
    let before = spec.replicas.unwrap_or(1);
    let after = i32::try_from(count).unwrap_or(i32::MAX);
    spec.replicas = Some(after);
    before != after
}

/// Makes what a workload owns as many pods as it should have; whether that changed anything.
pub(super) fn resize(draft: &mut Draft<'_>, name: &ObjectName, count: u32) -> bool {
    let owned = draft.owned(name);
    let pods = |draft: &Draft<'_>| -> Vec<(usize, Pod)> {
        let pods = owned.iter().filter_map(|&place| match &draft.object(place).object {
            Object::Pod(pod) => Some((place, pod.clone())),
            _ => None,
        });
        pods.collect()
    };
    let (finished, mut live): (Vec<_>, Vec<_>) =
        pods(draft).into_iter().partition(|(_, pod)| is_finished(pod));
    let more_before = draft.options.more.clone();
    let is_live = |more: &MorePods| {
        more.namespace == name.namespace
            && live.iter().any(|(_, pod)| pod.metadata.name.as_deref() == Some(&*more.like))
    };
    draft.options.more.retain(|more| !is_live(more));
    let mut changes = false;
    if live.is_empty() || count == 0 {
        for (place, _) in finished.iter().chain(&live) {
            draft.remove(*place);
        }
        changes |= !live.is_empty();
        changes |= resize_inner(draft, &owned, count);
    } else if &*name.kind == "StatefulSet" {
        changes |= resize_ordinals(draft, name, &live, count);
    } else {
        live.sort_by(|(_, a), (_, b)| a.metadata.name.cmp(&b.metadata.name));
        let kept = live.len().min(count as usize);
        for (place, _) in &live[kept..] {
            changes = true;
            draft.remove(*place);
        }
        let missing = count - u32::try_from(kept).unwrap_or(u32::MAX);
        if missing > 0
            && let Some(like) = typical(&live).metadata.name.as_deref()
        {
            draft.options.more.push(MorePods {
                namespace: name.namespace.clone(),
                like: like.into(),
                count: missing,
            });
        }
        changes |= draft.options.more != more_before;
    }
    changes
}

/// A pod that is like most.
fn typical(pods: &[(usize, Pod)]) -> &Pod {
    let mut alike: FxHashMap<Option<&Labels>, usize> = FxHashMap::default();
    for (_, pod) in pods {
        *alike.entry(pod.metadata.labels.as_ref()).or_default() += 1;
    }
    let first_of_most = pods
        .iter()
        .min_by_key(|(_, pod)| (Reverse(alike[&pod.metadata.labels.as_ref()]), &pod.metadata.name));
    &first_of_most.expect("there are pods").1
}

/// R53.
fn is_finished(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// Of the ReplicaSets of a Deployment, the one with most pods gets all.
fn resize_inner(draft: &mut Draft<'_>, owned: &[usize], count: u32) -> bool {
    let mut inner: Vec<(Reverse<i32>, Option<Text>, usize)> = Vec::new();
    for &place in owned {
        if let Object::Workload(workload) = &draft.object(place).object
            && counts_replicas(workload)
            && let Some(replicas) = workload.spec.as_ref().map(|spec| spec.replicas.unwrap_or(1))
            && replicas > 0
        {
            inner.push((Reverse(replicas), workload.metadata.name.clone(), place));
        }
    }
    inner.sort();
    let mut changes = false;
    for (i, (_, _, place)) in inner.into_iter().enumerate() {
        let mut object = draft.object(place).object.clone();
        if let Object::Workload(workload) = &mut object
            && set_replicas(workload, if i == 0 { count } else { 0 })
        {
            changes = true;
            draft.replace(place, object);
        }
    }
    changes
}

/// The pods of a StatefulSet have the ordinals from its first one on.
fn resize_ordinals(draft: &mut Draft<'_>, name: &ObjectName, live: &[(usize, Pod)], count: u32) -> bool {
    let first = draft.find(name).first().and_then(|place| match &draft.object(*place).object {
        Object::Workload(workload) => workload.spec.as_ref()?.ordinals.as_ref()?.start,
        _ => None,
    });
    let first = first.and_then(|first| u32::try_from(first).ok()).unwrap_or(0);
    let wanted = first..first.saturating_add(count.min(MOST_NAMED));
    let ordinal = |pod: &Pod| -> Option<u32> {
        pod.metadata.name.as_deref()?.strip_prefix(&*name.name)?.strip_prefix('-')?.parse().ok()
    };
    let mut changes = false;
    for (place, pod) in live {
        if !ordinal(pod).is_some_and(|ordinal| wanted.contains(&ordinal)) {
            changes = true;
            draft.remove(*place);
        }
    }
    let like =
        typical(&live.iter().map(|(place, pod)| (*place, without_ordinal(pod))).collect::<Vec<_>>()).clone();
    let place = live[0].0;
    for ordinal_wanted in wanted {
        if live.iter().any(|(_, pod)| ordinal(pod) == Some(ordinal_wanted)) {
            continue;
        }
        changes = true;
        let pod_name = format!("{}-{ordinal_wanted}", name.name);
        let index = ordinal_wanted.to_string();
        let labels = like.metadata.labels.iter().flat_map(Labels::iter);
        let own = [(POD_NAME, pod_name.as_str()), (POD_INDEX, index.as_str())];
        let labels: Labels = labels.chain(own).collect();
        let mut pod = like.clone();
        pod.metadata.labels = Some(labels);
        pod.metadata.name = Some(pod_name.as_str().into());
        let origin = draft.object(place).origin.clone();
        draft.push(Manifest { object: Object::Pod(pod), origin });
    }
    changes
}

/// A pod without what it has from its ordinal and from its place.
fn without_ordinal(pod: &Pod) -> Pod {
    let mut pod = pod.clone();
    let is_own =
        |key: &str| key == POD_NAME || key == POD_INDEX || key.starts_with("topology.kubernetes.io/");
    pod.metadata.labels =
        pod.metadata.labels.map(|labels| labels.iter().filter(|(key, _)| !is_own(key)).collect());
    pod.metadata.uid = None;
    pod.metadata.deletion_timestamp = None;
    pod.status = None;
    if let Some(spec) = &mut pod.spec {
        spec.node_name = None;
    }
    pod
}
