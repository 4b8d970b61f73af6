//! Namespaces and nodes: those declared, and those merely mentioned (W15, W16, D3, R29).

use std::collections::{BTreeMap, BTreeSet};

use super::addresses;
use super::findings::Findings;
use super::objects::{Item, Objects};
use super::{Namespace, NamespaceId, Node, NodeId, PodId};
use crate::diagnostic::Code;
use crate::index::{Id, IndexVec};
use crate::k8s;
use crate::label::{KeyId, LabelSet, LabelSetId, LabelTable, LabelValue};
use crate::policy::dns_label_problems;
use crate::policy::field::{FieldFinding, FieldPath};

/// The label every namespace has.
pub(super) const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// A label whose value is known.
pub(super) fn known(key: &str, value: &str, labels: &mut LabelTable) -> (KeyId, LabelValue) {
    (labels.keys.intern(key), LabelValue::Known(labels.values.intern(value)))
}

/// The labels as written, all of them known.
pub(super) fn exact(written: Option<&k8s::Labels>, labels: &mut LabelTable) -> LabelSetId {
    let entries = written
        .into_iter()
        .flat_map(k8s::Labels::iter)
        .map(|(key, value)| known(key, value, labels))
        .collect();
    labels.sets.intern_owned(LabelSet::new(entries, true))
}

/// Every namespace the input names, without pods yet.
pub(super) fn namespaces(
    objects: &Objects<'_>,
    labels: &mut LabelTable,
    findings: &mut Findings,
) -> IndexVec<NamespaceId, Namespace> {
    let mut names: BTreeMap<&str, Option<&Item<'_, k8s::Namespace>>> = BTreeMap::new();
    for name in mentioned(objects) {
        names.insert(name, None);
    }
    for item in &objects.namespaces {
        names.insert(&item.id.name, Some(item));
    }
    let none = PodId::from_index(0);
    names
        .into_iter()
        .map(|(name, declared)| {
            let mut entries = Vec::new();
            if let Some(Item { id, .. }) = declared {
                let written = id.meta.labels.as_ref();
                entries.extend(
                    written.into_iter().flat_map(k8s::Labels::iter).map(|(k, v)| known(k, v, labels)),
                );
                if let Some(wrong) = written.and_then(|l| l.get(NAME_LABEL)).filter(|value| *value != name) {
                    let message =
                        format!("the API server overwrites label `{NAME_LABEL}`: `{wrong}` becomes `{name}`");
                    let path = FieldPath::new("metadata.labels");
                    findings.field(id, FieldFinding::new(Code::Overwritten, &path, message));
                }
            }
            entries.push(known(NAME_LABEL, name, labels));
            Namespace {
                name: name.into(),
                labels: labels.sets.intern_owned(LabelSet::new(entries, declared.is_some())),
                origin: declared.map(|item| item.id.origin.clone()),
                pods: none..none,
            }
        })
        .collect()
}

/// The namespaces of objects; of those left out, where they may still matter.
fn mentioned<'o>(objects: &'o Objects<'_>) -> impl Iterator<Item = &'o str> {
    let pods = objects.pods.iter().map(|item| &item.id);
    let workloads = objects.workloads.iter().map(|item| &item.id);
    let services = objects.services.iter().map(|item| &item.id);
    let policies = objects.policies.iter().map(|item| &item.id);
    let unevaluated = objects.unevaluated.iter().map(|item| &item.id);
    let left_out = objects.left_out.iter().map(|item| &item.id);
    pods.chain(workloads)
        .chain(services)
        .chain(policies)
        .chain(unevaluated)
        .map(|id| id.namespace)
        .chain(left_out.map(|id| id.namespace).filter(|name| dns_label_problems(name).is_empty()))
        .filter(|name| !name.is_empty())
}

/// Every node the input names; `mentioned` are those pods run on.
pub(super) fn nodes(
    objects: &Objects<'_>,
    mentioned: BTreeSet<&str>,
    labels: &mut LabelTable,
    findings: &mut Findings,
) -> IndexVec<NodeId, Node> {
    let mut names: BTreeMap<&str, Option<&Item<'_, k8s::Node>>> =
        mentioned.into_iter().map(|name| (name, None)).collect();
    for item in &objects.nodes {
        names.insert(&item.id.name, Some(item));
    }
    names
        .into_iter()
        .map(|(name, declared)| {
            let Some(item) = declared else {
                let labels = labels.sets.intern_owned(LabelSet::new(Vec::new(), false));
                return Node { name: name.into(), labels, addresses: [].into(), origin: None };
            };
            Node {
                name: name.into(),
                labels: exact(item.id.meta.labels.as_ref(), labels),
                addresses: node_addresses(item, findings),
                origin: Some(item.id.origin.clone()),
            }
        })
        .collect()
}

fn node_addresses(node: &Item<'_, k8s::Node>, findings: &mut Findings) -> Box<[std::net::IpAddr]> {
    let written = node.object.status.as_ref().and_then(|status| status.addresses.as_deref());
    let list = FieldPath::new("status.addresses");
    let (mut addresses, mut found) = (Vec::new(), Vec::new());
    for (i, entry) in written.unwrap_or_default().iter().enumerate() {
        if matches!(entry.kind.as_deref(), Some("InternalIP" | "ExternalIP")) {
            let path = list.index(i);
            addresses.extend(addresses::address(
                entry.address.as_deref(),
                &path.field("address"),
                &mut found,
            ));
        }
    }
    if !findings.fields(&node.id, found) {
        findings.left_out(&node.id, "its bad addresses are not known");
    }
    addresses::sorted(addresses).into()
}
