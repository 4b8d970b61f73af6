//! The objects that a workload owns, for changes that take it away, replace or relabel it.

use std::collections::BTreeSet;

use super::objects::{Identity, Item, Objects, identity_of};
use super::owners::{Owners, Top, controller};
use crate::diagnostic::ObjectName;
use crate::k8s::Object;
use crate::load::Manifest;

/// Some of the objects of an input, by their places.
pub(crate) type Placed<'m> = (usize, &'m Manifest);

/// The places of the pods and workloads among `manifests` that `owner` owns, directly or through others. The input need
/// not hold the owner itself: pods and ReplicaSets say whose they are.
pub(crate) fn owned<'m>(manifests: impl Iterator<Item = Placed<'m>>, owner: &ObjectName) -> Vec<usize> {
    let (objects, pods) = of_namespace(manifests, |namespace| *namespace == *owner.namespace);
    let owners = Owners::new(&objects);
    let is_owner = |id: &Identity<'_>| is_called(owner, id.kind, &id.name);
    let is_top = |top: Top<'_>| is_called(owner, top.kind, top.name);
    let is_owned = |i: usize| {
        let top = owners.of_workload(i);
        (top.object != Some(i) && is_top(top))
            || owners.above(i).into_iter().any(|above| is_owner(&objects.workloads[above].id))
    };
    let workloads: Vec<bool> = (0..objects.workloads.len()).map(is_owned).collect();
    let mut places: Vec<usize> = objects
        .workloads
        .iter()
        .zip(&workloads)
        .filter(|(_, owned)| **owned)
        .map(|(item, _)| item.id.index)
        .collect();
    for id in &pods {
        let Some(reference) = controller(id.meta) else { continue };
        let is_owned = if let Some(workload) = owners.find(id.namespace, reference) {
            workloads[workload] || is_owner(&objects.workloads[workload].id)
        } else {
            let named = reference.kind.as_deref().zip(reference.name.as_deref());
            named.is_some_and(|(kind, name)| is_called(owner, kind, name))
                || owners.of_pod(id.namespace, id.meta).is_some_and(is_top)
        };
        if is_owned {
            places.push(id.index);
        }
    }
    places.sort_unstable();
    places
}

/// The workloads that pods of the input belong to.
pub(crate) fn owners<'m>(manifests: impl Iterator<Item = Placed<'m>>) -> BTreeSet<ObjectName> {
    let (objects, pods) = of_namespace(manifests, |_| true);
    let owners = Owners::new(&objects);
    let tops = pods.iter().filter_map(|id| owners.of_pod(id.namespace, id.meta));
    tops.map(|top| ObjectName {
        kind: top.kind.into(),
        namespace: top.namespace.into(),
        name: top.name.into(),
    })
    .collect()
}

fn is_called(owner: &ObjectName, kind: &str, name: &str) -> bool {
    owner.kind.eq_ignore_ascii_case(kind) && *owner.name == *name
}

/// The workloads and the pods of some namespaces.
fn of_namespace<'m>(
    manifests: impl Iterator<Item = Placed<'m>>,
    is_meant: impl Fn(&str) -> bool,
) -> (Objects<'m>, Vec<Identity<'m>>) {
    let (mut objects, mut pods) = (Objects::default(), Vec::new());
    for (place, manifest) in manifests {
        if !matches!(manifest.object, Object::Workload(_) | Object::Pod(_)) {
            continue;
        }
        let id = identity_of(place, manifest);
        match &manifest.object {
            _ if !is_meant(id.namespace) => {}
            Object::Workload(object) => objects.workloads.push(Item { id, object }),
            _ => pods.push(id),
        }
    }
    (objects, pods)
}
