//! Facts about labels, namespaces and nodes, as far as the input gives them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::cluster::Options;
use crate::k8s::{Object, ObjectMeta, Text};
use crate::load::Manifest;
use crate::net::Protocol;

/// An answer that facts may leave open; ordered from the worst to the best, so that "and" is the least.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Answer {
    No,
    Maybe,
    Yes,
}

impl Answer {
    pub(super) fn and(self, other: Self) -> Self {
        self.min(other)
    }

    pub(super) fn or(self, other: Self) -> Self {
        self.max(other)
    }
}

impl From<bool> for Answer {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// The value of one label, as far as it is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Label {
    /// It has this value.
    Value(String),
    /// It has some value (W25).
    Present,
    /// It has some value, or is absent.
    Unknown,
}

/// The labels of a pod or a namespace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Labels {
    pub(super) known: BTreeMap<String, Label>,
    /// The value of every label that `known` does not hold; `None` if those are absent.
    pub(super) others: Option<Label>,
    /// The API group of a controller that nobody knows, and that may add labels.
    pub(super) controlled_by: Option<String>,
}

impl Labels {
    /// Labels as written, with nothing else.
    pub(super) fn written(labels: Option<&crate::k8s::Labels>) -> Self {
        let known = labels
            .iter()
            .flat_map(|labels| labels.iter())
            .map(|(key, value)| (key.to_string(), Label::Value(value.to_string())))
            .collect();
        Self { known, others: None, controlled_by: None }
    }

    /// Labels of which nothing is known.
    pub(super) const fn unknown() -> Self {
        Self { known: BTreeMap::new(), others: Some(Label::Unknown), controlled_by: None }
    }

    /// Sets a label to a value.
    pub(super) fn set(&mut self, key: &str, value: impl Into<String>) {
        self.known.insert(key.to_string(), Label::Value(value.into()));
    }

    /// Evaluates one requirement of a selector.
    pub(super) fn satisfy(&self, key: &str, operator: &str, values: &[Text]) -> Answer {
        let listed = |value: &str| values.iter().any(|listed| listed == value);
        let added = self.controlled_by.as_deref().filter(|group| may_add(group, key));
        let label = self.known.get(key).or(self.others.as_ref()).or(added.map(|_| &Label::Unknown));
        match operator {
            "In" => match label {
                None => Answer::No, // L3
                Some(Label::Value(value)) => Answer::from(listed(value)),
                Some(Label::Present | Label::Unknown) => Answer::Maybe, // W25
            },
            "NotIn" => match label {
                None => Answer::Yes, // L4
                Some(Label::Value(value)) => Answer::from(!listed(value)),
                Some(Label::Present | Label::Unknown) => Answer::Maybe, // W25
            },
            "Exists" => match label {
                None => Answer::No,                                    // L5
                Some(Label::Value(_) | Label::Present) => Answer::Yes, // W25
                Some(Label::Unknown) => Answer::Maybe,
            },
            "DoesNotExist" => match label {
                None => Answer::Yes,                                  // L6
                Some(Label::Value(_) | Label::Present) => Answer::No, // W25
                Some(Label::Unknown) => Answer::Maybe,
            },
            other => panic!("valid input: an operator is one of four (L7), not {other}"),
        }
    }
}

/// W13: whether a controller of an API group may add a label of this key to its pods.
fn may_add(group: &str, key: &str) -> bool {
    // What stands before the last two names does not matter: `serving.knative.dev` is `knative.dev`.
    let is_below = |name: &str, of: &str| {
        let end: Vec<&str> = of.rsplit('.').take(2).collect();
        name.rsplit('.').take(2).collect::<Vec<_>>() == end
    };
    let is_of = |group_of: &str| is_below(group, group_of);
    match key.split_once('/') {
        Some(("app.kubernetes.io" | "helm.sh", _)) => false,
        Some((prefix, _)) => {
            ["kubernetes.io", "k8s.io"].into_iter().any(|common| is_below(prefix, common)) || is_of(prefix)
        }
        None => match key {
            "controller-revision-hash"
            | "controller-uid"
            | "job-name"
            | "pod-template-generation"
            | "pod-template-hash" => true,
            "rollouts-pod-template-hash" => is_of("argoproj.io"),
            "deployment" | "deploymentconfig" => is_of("openshift.io"),
            "app" => is_of("knative.dev"),
            _ => false,
        },
    }
}

/// The namespace of an object; W14: `default` unless it says otherwise.
pub(super) fn namespace_of(metadata: &ObjectMeta) -> String {
    match metadata.namespace.as_deref() {
        None | Some("") => "default".to_string(),
        Some(namespace) => namespace.to_string(),
    }
}

/// The labels of every namespace that an object stands in or declares.
pub(super) fn namespaces(manifests: &[Manifest], options: &Options) -> BTreeMap<String, Labels> {
    let mut namespaces = BTreeMap::new();
    for manifest in manifests {
        let mentioned = match &manifest.object {
            Object::Pod(pod) => namespace_of(&pod.metadata),
            Object::Workload(workload) => namespace_of(&workload.metadata),
            Object::NetworkPolicy(policy) => namespace_of(&policy.metadata),
            _ => continue,
        };
        // W15: nothing but its name is known of a namespace that is only mentioned.
        namespaces.insert(mentioned, Labels::unknown());
    }
    for manifest in manifests {
        if let Object::Namespace(namespace) = &manifest.object {
            let name = namespace.metadata.name.as_deref().expect("valid input: a namespace has a name");
            namespaces.insert(name.to_string(), Labels::written(namespace.metadata.labels.as_ref()));
        }
    }
    for (name, labels) in &mut namespaces {
        for assumed in &options.assume {
            if matches!(assumed.kind.as_str(), "ns" | "namespace" | "namespaces") && assumed.name == *name {
                labels.set(&assumed.key, &assumed.value);
            }
        }
        labels.set("kubernetes.io/metadata.name", name); // R29, W16
    }
    namespaces
}

/// The addresses of every declared node.
pub(super) fn nodes(manifests: &[Manifest]) -> BTreeMap<String, Vec<IpAddr>> {
    let mut nodes = BTreeMap::new();
    for manifest in manifests {
        let Object::Node(node) = &manifest.object else { continue };
        let name = node.metadata.name.as_deref().expect("valid input: a node has a name");
        let written = node.status.as_ref().and_then(|status| status.addresses.as_deref()).unwrap_or_default();
        let addresses = written
            .iter()
            .filter(|entry| matches!(entry.kind.as_deref(), Some("InternalIP" | "ExternalIP")))
            .filter_map(|entry| entry.address.as_deref())
            .map(address)
            .collect();
        nodes.insert(name.to_string(), addresses);
    }
    nodes
}

/// An address as written.
pub(super) fn address(text: &str) -> IpAddr {
    text.parse().expect("valid input: an address")
}

/// A protocol as written; R19, D4: TCP by default.
pub(super) fn protocol(written: Option<&str>) -> Protocol {
    Protocol::from_name(written.filter(|name| !name.is_empty()).unwrap_or("TCP"))
        .expect("valid input: a protocol")
}

/// A port as written.
pub(super) fn port(written: i32) -> u16 {
    u16::try_from(written).expect("valid input: a port")
}
