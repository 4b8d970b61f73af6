//! NetworkPolicies of fixes, as they are written.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::cluster::Cluster;
use crate::diagnostic::{ObjectName, Origin};
use crate::ids::NamespaceId;
use crate::k8s;
use crate::label::{Operator, Selector};
use crate::net::{AddressSet, Direction, Family, PortSet, Protocol, cidrs, net_range};
use crate::policy::{
    NamespaceMatch, Peer, Peers, PodMatch, Policy, PortMatch, Ports, Rule, Validation, networking_v1,
};

/// A NetworkPolicy with one direction, as it is written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AllowPolicy {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
struct Metadata {
    name: String,
    namespace: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    pod_selector: LabelSelector,
    policy_types: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    ingress: Option<Vec<IngressRule>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    egress: Option<Vec<EgressRule>>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
struct IngressRule {
    from: Vec<PeerElement>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ports: Vec<PortElement>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
struct EgressRule {
    to: Vec<PeerElement>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ports: Vec<PortElement>,
}

/// A selector as it is written.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LabelSelector {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    match_labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    match_expressions: Vec<Expression>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
struct Expression {
    key: String,
    operator: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<String>,
}

/// One element of `from` or `to`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum PeerElement {
    /// Pods by labels.
    #[serde(rename_all = "camelCase")]
    Pods {
        /// `None` for the policy's own namespace.
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace_selector: Option<LabelSelector>,
        pod_selector: LabelSelector,
    },
    /// Addresses.
    #[serde(rename_all = "camelCase")]
    Block { ip_block: Block },
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Block {
    cidr: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    except: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PortElement {
    protocol: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_port: Option<u16>,
}

impl AllowPolicy {
    /// A policy that lets the peers of each rule through on its ports.
    pub(super) fn new(
        name: String,
        namespace: String,
        pod_selector: LabelSelector,
        direction: Direction,
        rules: Vec<(Vec<PeerElement>, PortSet)>,
    ) -> Self {
        let rules = rules.into_iter().map(|(peers, ports)| (peers, port_elements(&ports)));
        let (ingress, egress, policy_type) = match direction {
            Direction::Ingress => {
                let rules = rules.map(|(from, ports)| IngressRule { from, ports });
                (Some(rules.collect()), None, "Ingress")
            }
            Direction::Egress => {
                let rules = rules.map(|(to, ports)| EgressRule { to, ports });
                (None, Some(rules.collect()), "Egress")
            }
        };
        let spec = Spec { pod_selector, policy_types: [policy_type], ingress, egress };
        let metadata = Metadata { name, namespace };
        Self { api_version: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata, spec }
    }

    /// True if it has this name.
    pub(super) fn is_called(&self, namespace: &str, name: &str) -> bool {
        (&*self.metadata.namespace, &*self.metadata.name) == (namespace, name)
    }

    /// Reads the policy back as it is printed, for a cluster: what is tried out is what is handed out. `None` if the API
    /// server would refuse it.
    pub(super) fn lower(&self, cluster: &mut Cluster, origin: &Origin) -> Option<Policy> {
        let written = serde_json::to_value(self).ok()?;
        let object = k8s::NetworkPolicy::deserialize(written).ok()?;
        let namespace: NamespaceId = cluster.namespace(&self.metadata.namespace)?;
        let name = ObjectName {
            kind: self.kind.into(),
            namespace: self.metadata.namespace.as_str().into(),
            name: self.metadata.name.as_str().into(),
        };
        let mut findings = Vec::new();
        networking_v1::lower(
            &object,
            namespace,
            name,
            origin,
            Validation::default(),
            &mut cluster.labels,
            &mut findings,
        )
    }
}

impl LabelSelector {
    /// `kubernetes.io/metadata.name: NAME`.
    pub(super) fn namespace_called(name: &str) -> Self {
        let label = ("kubernetes.io/metadata.name".to_owned(), name.to_owned());
        Self { match_labels: BTreeMap::from([label]), match_expressions: Vec::new() }
    }

    /// A selector in words: one value of a key is a label, everything else an expression.
    pub(super) fn new(cluster: &Cluster, selector: &Selector) -> Self {
        let mut written = Self::default();
        for requirement in selector.requirements() {
            let key = cluster.labels.keys[requirement.key].to_string();
            let mut values: Vec<String> =
                requirement.values.iter().map(|value| cluster.labels.values[*value].to_string()).collect();
            values.sort();
            match (requirement.operator, &values[..]) {
                (Operator::In, [value]) if !written.match_labels.contains_key(&key) => {
                    written.match_labels.insert(key, value.clone());
                }
                (operator, _) => {
                    let operator = match operator {
                        Operator::In => "In",
                        Operator::NotIn => "NotIn",
                        Operator::Exists => "Exists",
                        Operator::DoesNotExist => "DoesNotExist",
                    };
                    written.match_expressions.push(Expression { key, operator, values });
                }
            }
        }
        written.match_expressions.sort_by(|a, b| (&a.key, a.operator).cmp(&(&b.key, b.operator)));
        written
    }
}

/// A rule of another kind as a rule of a NetworkPolicy; `None` if that cannot say the same.
pub(super) fn rule(cluster: &Cluster, rule: &Rule) -> Option<(Vec<PeerElement>, PortSet)> {
    let Peers::Of(peers) = &rule.peers else { return None };
    let peers: Option<Vec<PeerElement>> = peers.iter().map(|peer| element(cluster, peer)).collect();
    let ports = match &rule.ports {
        Ports::Any => PortSet::full(),
        Ports::Of(ports) => ports.iter().try_fold(PortSet::empty(), |all, port| match port {
            PortMatch::Range { protocol, first, last } => {
                Some(all.union(&PortSet::from_range(*protocol, *first, *last)))
            }
            PortMatch::Named { .. } => None,
        })?,
    };
    peers.filter(|peers| !peers.is_empty() && !ports.is_empty()).map(|peers| (peers, ports))
}

/// A peer as an element of `from` or `to`.
fn element(cluster: &Cluster, peer: &Peer) -> Option<PeerElement> {
    let written = |selector| LabelSelector::new(cluster, &cluster.labels.selectors[selector]);
    match peer {
        Peer::Pods(PodMatch { namespaces: NamespaceMatch::Labels(namespaces), pods, .. }) => {
            let namespace_selector = Some(written(*namespaces));
            Some(PeerElement::Pods { namespace_selector, pod_selector: written(*pods) })
        }
        Peer::IpBlock(block) => {
            let except = block.except.iter().map(ToString::to_string).collect();
            Some(PeerElement::Block { ip_block: Block { cidr: block.cidr.to_string(), except } })
        }
        Peer::Pods(_) | Peer::DomainNames(_) => None,
    }
}

/// Addresses as blocks: one with exceptions if that is shorter than a list.
pub(super) fn blocks(family: Family, addresses: &AddressSet) -> Vec<PeerElement> {
    let listed = cidrs(family, addresses);
    let block = |cidr: &IpNet, except: &[IpNet]| {
        let except = except.iter().map(ToString::to_string).collect();
        PeerElement::Block { ip_block: Block { cidr: cidr.to_string(), except } }
    };
    if let [first, .., last] = &listed[..]
        && let Some(around) = around(*first, *last)
    {
        let (start, end) = net_range(around);
        let holes = cidrs(family, &AddressSet::from_range(start, end).difference(addresses));
        if holes.len() + 1 < listed.len() {
            return vec![block(&around, &holes)];
        }
    }
    listed.iter().map(|cidr| block(cidr, &[])).collect()
}

/// The smallest block that holds two.
fn around(first: IpNet, last: IpNet) -> Option<IpNet> {
    std::iter::successors(Some(first), IpNet::supernet).find(|net| net.contains(&last))
}

/// `ports` as a rule lists them; empty for every port of every protocol.
fn port_elements(ports: &PortSet) -> Vec<PortElement> {
    if ports.is_full() {
        return Vec::new();
    }
    Protocol::ALL
        .into_iter()
        .flat_map(|protocol| ports.of(protocol).ranges().iter().map(move |range| (protocol, *range)))
        .map(|(protocol, (first, last))| {
            let whole = (first, last) == (1, u16::MAX);
            PortElement {
                protocol: protocol.as_str(),
                port: (!whole).then_some(first),
                end_port: (!whole && first != last).then_some(last),
            }
        })
        .collect()
}
