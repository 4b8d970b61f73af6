//! The workload that a pod belongs to (W18).
//!
//! A dump holds Deployments, their ReplicaSets and the pods of these; all of them are one workload. Owners are found by
//! uid, else by kind and name. A ReplicaSet without a usable reference belongs to the Deployment whose name is left when
//! `pod-template-hash` is taken off its own, and a Job that the input lacks to the CronJob it is named after.

use rustc_hash::{FxBuildHasher, FxHashMap};

use super::objects::{Item, Objects};
use crate::k8s::{Labels, ObjectMeta, OwnerReference, Uid, WorkloadObject};

/// The label that ties a ReplicaSet to its Deployment.
pub(super) const TEMPLATE_HASH: &str = "pod-template-hash";

/// Owners of owners of ... : more than any controller makes; ends circles.
const DEEPEST: usize = 8;

/// The workload something belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Top<'o> {
    pub(super) namespace: &'o str,
    pub(super) name: &'o str,
    pub(super) kind: &'o str,
    /// Its place among [`Objects::workloads`], if the input holds it.
    pub(super) object: Option<usize>,
}

/// The workloads of the input by what references call them.
pub(super) struct Owners<'o> {
    workloads: &'o [Item<'o, WorkloadObject>],
    by_uid: FxHashMap<&'o Uid, usize>,
    by_name: FxHashMap<(&'o str, &'o str, &'o str), usize>,
    /// The workload that manages each, if another does.
    parents: Vec<Option<Top<'o>>>,
    /// The workload that each belongs to in the end.
    tops: Vec<Top<'o>>,
}

impl<'o> Owners<'o> {
    pub(super) fn new(objects: &'o Objects<'o>) -> Self {
        let count = objects.workloads.len();
        let mut by_uid = FxHashMap::with_capacity_and_hasher(count, FxBuildHasher);
        let mut by_name = FxHashMap::with_capacity_and_hasher(count, FxBuildHasher);
        for (i, workload) in objects.workloads.iter().enumerate() {
            if let Some(uid) = &workload.id.meta.uid {
                by_uid.entry(uid).or_insert(i);
            }
            by_name.entry((workload.id.namespace, workload.id.kind, &*workload.id.name)).or_insert(i);
        }
        let workloads = &objects.workloads;
        let mut owners = Self { workloads, by_uid, by_name, parents: Vec::new(), tops: Vec::new() };
        owners.parents = (0..count).map(|object| owners.parent(object)).collect();
        owners.tops = (0..count).map(|object| owners.climb(object, DEEPEST)).collect();
        owners
    }

    /// The workload of a pod; `None` for a pod on its own, or one that a node owns (W10).
    pub(super) fn of_pod(&self, namespace: &'o str, meta: &'o ObjectMeta) -> Option<Top<'o>> {
        let owner = controller(meta)?;
        let (kind, name) = (owner.kind.as_deref()?, owner.name.as_deref()?);
        if kind == "Node" {
            return None;
        }
        if let Some(object) = self.find(namespace, owner) {
            return Some(self.of_workload(object));
        }
        let parent = match kind {
            "ReplicaSet" => deployment_name(name, meta.labels.as_ref()).map(|name| ("Deployment", name)),
            "Job" => self.cron_job_name(namespace, name).map(|name| ("CronJob", name)),
            _ => None,
        };
        let (kind, name) = parent.unwrap_or((kind, name));
        Some(self.named(namespace, kind, name))
    }

    /// The workloads of the input that own workload `object`, directly or through others.
    pub(super) fn above(&self, object: usize) -> Vec<usize> {
        let mut above = Vec::new();
        let mut at = object;
        while let Some(parent) = self.parents[at].and_then(|top| top.object)
            && parent != object
            && above.len() < DEEPEST
        {
            above.push(parent);
            at = parent;
        }
        above
    }

    /// The workload that workload `object` belongs to: often itself.
    pub(super) fn of_workload(&self, object: usize) -> Top<'o> {
        self.tops[object]
    }

    fn climb(&self, object: usize, steps: usize) -> Top<'o> {
        let id = &self.workloads[object].id;
        let itself = Top { namespace: id.namespace, name: &id.name, kind: id.kind, object: Some(object) };
        let (Some(steps), Some(parent)) = (steps.checked_sub(1), self.parents[object]) else { return itself };
        match parent.object {
            Some(next) => self.climb(next, steps),
            None => parent,
        }
    }

    /// The workload that manages workload `object`, if another one does.
    fn parent(&self, object: usize) -> Option<Top<'o>> {
        let id = &self.workloads[object].id;
        let Some(owner) = controller(id.meta) else {
            let name =
                deployment_name(&id.name, id.meta.labels.as_ref()).filter(|_| id.kind == "ReplicaSet")?;
            return Some(self.named(id.namespace, "Deployment", name));
        };
        if let Some(parent) = self.find(id.namespace, owner) {
            let above = &self.workloads[parent].id;
            let top =
                Top { namespace: above.namespace, name: &above.name, kind: above.kind, object: Some(parent) };
            return (parent != object).then_some(top);
        }
        // Only these are made by another workload; an operator's own object is not what people call a workload.
        let made = matches!(id.kind, "ReplicaSet" | "ReplicationController" | "Job");
        let (kind, name) = (owner.kind.as_deref()?, owner.name.as_deref()?);
        made.then(|| self.named(id.namespace, kind, name))
    }

    /// The place of the workload that a reference means, if the input holds it.
    pub(super) fn find(&self, namespace: &str, owner: &OwnerReference) -> Option<usize> {
        let by_uid = owner.uid.as_ref().and_then(|uid| self.by_uid.get(uid)).copied();
        by_uid.or_else(|| {
            self.by_name.get(&(namespace, owner.kind.as_deref()?, owner.name.as_deref()?)).copied()
        })
    }

    fn named(&self, namespace: &'o str, kind: &'o str, name: &'o str) -> Top<'o> {
        Top { namespace, name, kind, object: self.by_name.get(&(namespace, kind, name)).copied() }
    }

    /// `nightly` for the Job `nightly-29000000`, if there is such a CronJob.
    fn cron_job_name(&self, namespace: &str, job: &'o str) -> Option<&'o str> {
        let (name, minutes) = job.rsplit_once('-')?;
        let numeric = !minutes.is_empty() && minutes.bytes().all(|b| b.is_ascii_digit());
        (numeric && self.by_name.contains_key(&(namespace, "CronJob", name))).then_some(name)
    }
}

/// The owner that manages the object: the one marked so, else the first.
pub(super) fn controller(meta: &ObjectMeta) -> Option<&OwnerReference> {
    let owners = meta.owner_references.as_deref()?;
    owners.iter().find(|owner| owner.controller == Some(true)).or_else(|| owners.first())
}

/// `web` for the ReplicaSet `web-5d4f8` whose pods are labelled `pod-template-hash: 5d4f8`.
fn deployment_name<'o>(replica_set: &'o str, labels: Option<&Labels>) -> Option<&'o str> {
    let hash = labels?.get(TEMPLATE_HASH)?;
    replica_set.strip_suffix(hash)?.strip_suffix('-').filter(|name| !name.is_empty() && !hash.is_empty())
}
