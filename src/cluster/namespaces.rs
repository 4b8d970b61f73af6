//! Namespaces and nodes: those declared, and those merely mentioned (W15, W16, D3, R29).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use rustc_hash::FxHashSet;

use super::addresses;
use super::findings::Findings;
use super::objects::{Item, Objects};
use super::{Namespace, NamespaceId, Node, NodeId, PodId};
use crate::diagnostic::Code;
use crate::index::{Id, IndexVec};
use crate::k8s;
use crate::label::{KeyId, LabelSet, LabelSetId, LabelTable, LabelValue};
use crate::policy::field::{FieldFinding, FieldPath, Quoted};
use crate::policy::{IP_CIDR, Validation, dns_label_problems, older_servers, parse_cidr, parse_ip};

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
    let mut seen = FxHashSet::default();
    let mut names: BTreeMap<&str, Option<&Item<'_, k8s::Namespace>>> =
        mentioned(objects).filter(|name| seen.insert(*name)).map(|name| (name, None)).collect();
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
    let ingresses = objects.ingresses.iter().map(|item| &item.id);
    let policies = objects.policies.iter().map(|item| &item.id);
    let unevaluated = objects.unevaluated.iter().map(|item| &item.id);
    let left_out = objects.left_out.iter().map(|item| &item.id);
    let is_name = |name: &&str| dns_label_problems(name).is_empty();
    let undeclared = left_out.clone().filter(|id| id.kind == "Namespace").map(|id| &*id.name).filter(is_name);
    pods.chain(workloads)
        .chain(services)
        .chain(ingresses)
        .chain(policies)
        .chain(unevaluated)
        .map(|id| id.namespace)
        .chain(left_out.map(|id| id.namespace).filter(is_name))
        .chain(undeclared)
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
            let mut found = Vec::new();
            let addresses = node_addresses(item.object, findings.validation(&item.id), &mut found);
            if !findings.fields(&item.id, found) {
                findings.left_out(&item.id, "its bad addresses are not known");
            }
            Node {
                name: name.into(),
                labels: exact(item.id.meta.labels.as_ref(), labels),
                addresses,
                origin: Some(item.id.origin.clone()),
            }
        })
        .collect()
}

/// The addresses of a node that connections come from. The API server takes any text for an address there, so one that
/// is none ends nothing; the pod ranges it does check.
pub(super) fn node_addresses(
    node: &k8s::Node,
    rules: Validation,
    found: &mut Vec<FieldFinding>,
) -> Box<[IpAddr]> {
    pod_ranges(node, rules, found);
    let written = node.status.as_ref().and_then(|status| status.addresses.as_deref());
    let list = FieldPath::new("status.addresses");
    let mut addresses = Vec::new();
    let written = written.unwrap_or_default();
    for (i, entry) in written.iter().enumerate() {
        if written[..i].contains(entry) {
            let text = |text: &Option<k8s::Text>| text.clone().unwrap_or_default();
            let (kind, address) = (text(&entry.kind), text(&entry.address));
            let shown = format_args!("{{\"Type\":{},\"Address\":{}}}", Quoted(&kind), Quoted(&address));
            found.push(FieldFinding::duplicate(&list.index(i), shown));
        }
        if matches!(entry.kind.as_deref(), Some("InternalIP" | "ExternalIP")) {
            let text = entry.address.as_deref().unwrap_or_default();
            let address = parse_ip(text);
            if address.is_none() && !text.is_empty() {
                let path = list.index(i);
                let message = format!("`{text}` is no IP address; the node is taken not to have it");
                found.push(FieldFinding::new(Code::NotAnAddress, &path.field("address"), message));
            }
            addresses.extend(address);
        }
    }
    addresses::sorted(addresses).into()
}

/// Checks `podCIDRs`, of which nothing else is made.
fn pod_ranges(node: &k8s::Node, rules: Validation, found: &mut Vec<FieldFinding>) {
    let list = FieldPath::new("spec.podCIDRs");
    let written = node.spec.as_ref().and_then(|spec| spec.pod_cidrs.as_deref()).unwrap_or_default();
    for (i, text) in written.iter().enumerate() {
        let path = list.index(i);
        match parse_cidr(text) {
            None => found.push(FieldFinding::invalid(&path, Quoted(text), IP_CIDR)),
            Some(parsed) => {
                found.extend(parsed.fault().filter(|_| rules.has_strict_addresses()).map(|fault| {
                    let help = format!("{}; {}", parsed.remedy(), older_servers());
                    FieldFinding::invalid(&path, Quoted(text), fault).with_help(help)
                }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{built, cluster, codes};
    use super::*;
    use crate::cluster::Cluster;

    fn labels(cluster: &Cluster, namespace: &str) -> (Vec<String>, bool) {
        let set = &cluster.labels.sets[cluster.namespaces[cluster.namespace(namespace).unwrap()].labels];
        let mut labels: Vec<String> = set
            .entries()
            .iter()
            .map(|&(key, value)| match value {
                LabelValue::Known(value) => {
                    format!("{}={}", cluster.labels.keys[key], cluster.labels.values[value])
                }
                other => panic!("{other:?}"),
            })
            .collect();
        labels.sort_unstable();
        (labels, set.is_complete())
    }

    #[test]
    fn w15_mentioned_namespaces_have_a_name_and_no_more() {
        let cluster = cluster(&[
            json!({"kind": "Pod", "metadata": {"name": "a", "namespace": "x"}}),
            json!({"kind": "NetworkPolicy", "metadata": {"name": "a", "namespace": "y"}}),
            json!({"kind": "Service", "metadata": {"name": "a"}, "spec": {"clusterIP": "None"}}),
            json!({"kind": "Namespace", "metadata": {"name": "z", "labels": {"env": "prod"}}}),
        ]);
        let names: Vec<&str> = cluster.namespaces.iter().map(|n| &*n.name).collect();
        assert_eq!(names, ["default", "x", "y", "z"]);
        assert_eq!(labels(&cluster, "x"), (vec!["kubernetes.io/metadata.name=x".to_owned()], false));
        let declared = vec!["env=prod".to_owned(), "kubernetes.io/metadata.name=z".to_owned()];
        assert_eq!(labels(&cluster, "z"), (declared, true));
    }

    #[test]
    fn w16_the_name_label_is_overwritten() {
        let namespace = |label: &str| json!({"kind": "Namespace", "metadata": {"name": "x", "labels": {NAME_LABEL: label}}});
        let wrong = built(&[namespace("y")]);
        assert_eq!(codes(&wrong), [Code::Overwritten]);
        assert_eq!(labels(&wrong.cluster, "x").0, ["kubernetes.io/metadata.name=x"]);
        assert_eq!(codes(&built(&[namespace("x")])), []);
    }

    #[test]
    fn a_namespace_declared_in_two_ways_counts_as_undeclared() {
        let namespace =
            |env: &str| json!({"kind": "Namespace", "metadata": {"name": "x", "labels": {"env": env}}});
        let built = built(&[namespace("prod"), namespace("test")]);
        assert_eq!(codes(&built), [Code::DuplicateObject; 2]);
        assert_eq!(labels(&built.cluster, "x"), (vec!["kubernetes.io/metadata.name=x".to_owned()], false));
    }

    #[test]
    fn nodes_are_declared_or_mentioned() {
        let cluster = cluster(&[
            json!({"kind": "Pod", "metadata": {"name": "a"}, "spec": {"nodeName": "b"}}),
            json!({"kind": "Node", "metadata": {"name": "a", "labels": {"zone": "z"}},
                "status": {"addresses": [{"type": "ExternalIP", "address": "8.8.8.8"}, {"type": "InternalIP", "address": "10.0.0.1"}]}}),
        ]);
        let [a, b] = cluster.nodes.as_slice() else { panic!("two nodes") };
        assert_eq!((&*a.name, &*b.name), ("a", "b"));
        assert_eq!(
            *a.addresses,
            ["8.8.8.8".parse::<std::net::IpAddr>().unwrap(), "10.0.0.1".parse().unwrap()]
        );
        assert!(a.origin.is_some() && b.origin.is_none() && b.addresses.is_empty());
        assert!(cluster.labels.sets[a.labels].is_complete() && !cluster.labels.sets[b.labels].is_complete());
    }
}
