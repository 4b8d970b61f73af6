//! `policy.networking.k8s.io`: ClusterNetworkPolicy, and AdminNetworkPolicy and BaselineAdminNetworkPolicy before it.
//!
//! Validated as their CustomResourceDefinitions demand (`schemas`), lowered to rules. Policies of a tier are asked by
//! priority, and their rules in written order; the first that matches decides, or passes the connection on to the next tier.
//! Such a policy isolates nobody.

mod schemas;

use serde::Deserialize;
use serde_json::Value;

use super::cidr::parse_cidr;
use super::field::{FieldFinding, FieldPath};
use super::schema::{Schema, check};
use super::validate::lower_selector;
use super::{
    Action, IpBlock, NamespaceMatch, Peer, Peers, Place, PodMatch, Policy, PortMatch, Ports, Rule, Subject,
    Tier, Written,
};
use crate::diagnostic::{Code, ObjectName, Origin};
use crate::k8s::LabelSelector;
use crate::label::{LabelTable, Operator, Selector, SelectorId};
use crate::net::{ByDirection, Protocol};
use crate::profile::{Profile, ProfileSet};

/// The API group.
pub const GROUP: &str = "policy.networking.k8s.io";

/// A kind of the group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// v1alpha2 and v1beta1, which have one schema; that of the experimental channel holds that of the standard one.
    ClusterNetworkPolicy,
    /// v1alpha1, before and after v0.1.3, which changed its peers.
    AdminNetworkPolicy,
    /// The same, of which there is one.
    BaselineAdminNetworkPolicy,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] =
        [Self::ClusterNetworkPolicy, Self::AdminNetworkPolicy, Self::BaselineAdminNetworkPolicy];

    /// The kind with this apiVersion, if it is one that is read.
    pub fn find(api_version: &str, kind: &str) -> Option<Self> {
        let version = api_version.strip_prefix(GROUP)?.strip_prefix('/')?;
        let found = Self::ALL.into_iter().find(|known| known.name() == kind)?;
        let versions: &[&str] = match found {
            Self::ClusterNetworkPolicy => &["v1alpha2", "v1beta1"],
            Self::AdminNetworkPolicy | Self::BaselineAdminNetworkPolicy => &["v1alpha1"],
        };
        versions.contains(&version).then_some(found)
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClusterNetworkPolicy => "ClusterNetworkPolicy",
            Self::AdminNetworkPolicy => "AdminNetworkPolicy",
            Self::BaselineAdminNetworkPolicy => "BaselineAdminNetworkPolicy",
        }
    }

    /// The profiles that enforce it. Calico reads the newest kind alone.
    pub const fn enforced_by(self) -> ProfileSet {
        use Profile::{Antrea, Calico, KubeNetworkPolicies, OvnKubernetes, Spec};
        match self {
            Self::ClusterNetworkPolicy => {
                ProfileSet::of(&[Spec, KubeNetworkPolicies, Antrea, OvnKubernetes, Calico])
            }
            Self::AdminNetworkPolicy | Self::BaselineAdminNetworkPolicy => {
                ProfileSet::of(&[Spec, KubeNetworkPolicies, Antrea, OvnKubernetes])
            }
        }
    }

    const fn schema(self) -> &'static Schema {
        match self {
            Self::ClusterNetworkPolicy => &schemas::CLUSTER_NETWORK_POLICY,
            Self::AdminNetworkPolicy => &schemas::ADMIN_NETWORK_POLICY,
            Self::BaselineAdminNetworkPolicy => &schemas::BASELINE_ADMIN_NETWORK_POLICY,
        }
    }
}

/// The result of lowering a policy.
pub enum Lowered {
    /// It is evaluated.
    Policy(Box<Policy>),
    /// Something in it is not evaluated, as a finding says: whatever it might select is unknown.
    Unknown,
    /// The API server would refuse it.
    Refused,
}

/// The addresses of the nodes that a selector matches; `None` if the input does not say which nodes there are.
pub type NodeAddresses<'c> = &'c dyn Fn(&Selector) -> Option<Vec<ipnet::IpNet>>;

/// Lowers the policy called `name` with this `spec`. Metadata is not looked at. Findings are added to `findings`.
pub fn lower(
    kind: Kind,
    spec: &Value,
    name: ObjectName,
    origin: &Origin,
    nodes: NodeAddresses<'_>,
    labels: &mut LabelTable,
    findings: &mut Vec<FieldFinding>,
) -> Lowered {
    let path = FieldPath::new("spec");
    let mut found = check(kind.schema(), spec, &path);
    if kind == Kind::BaselineAdminNetworkPolicy && *name.name != *"default" {
        found.push(FieldFinding::new(
            Code::InvalidValue,
            &FieldPath::new("metadata.name"),
            "Invalid value: Only one baseline admin network policy with metadata.name=\"default\" can be created in \
             the cluster",
        ));
    }
    if !found.is_empty() {
        findings.extend(found);
        return Lowered::Refused;
    }
    let spec = Spec::deserialize(spec).expect("the schema holds");
    let mut lowering = Lowering { kind, nodes, labels, findings, is_sound: true, is_known: true };
    let subject = lowering.pods(&spec.subject, &path.field("subject"));
    let ingress = lowering.rules(spec.ingress, &path.field("ingress"), "from");
    let egress = lowering.rules(spec.egress, &path.field("egress"), "to");
    let Some(subject) = subject.filter(|_| lowering.is_sound) else { return Lowered::Refused };
    if !lowering.is_known {
        return Lowered::Unknown;
    }
    let tier = match (kind, spec.tier) {
        (Kind::AdminNetworkPolicy, _) | (Kind::ClusterNetworkPolicy, Some(WrittenTier::Admin)) => Tier::Admin,
        _ => Tier::Baseline,
    };
    Lowered::Policy(Box::new(Policy {
        name,
        origin: origin.clone(),
        enforced_by: kind.enforced_by(),
        is_left_out: false,
        tier,
        priority: spec.priority.unwrap_or_default(),
        subject: Subject::Pods(subject),
        isolates: ByDirection::default(),
        idle: ByDirection::default(),
        rules: ByDirection { ingress, egress },
    }))
}

/// `spec` of any of the kinds, once the schema holds.
#[derive(Deserialize)]
struct Spec {
    /// Of a ClusterNetworkPolicy.
    tier: Option<WrittenTier>,
    /// Of all but the BaselineAdminNetworkPolicy.
    priority: Option<u32>,
    subject: WrittenPeer,
    ingress: Option<Vec<WrittenRule>>,
    egress: Option<Vec<WrittenRule>>,
}

#[derive(Deserialize)]
enum WrittenTier {
    Admin,
    Baseline,
}

#[derive(Deserialize)]
struct WrittenRule {
    action: WrittenAction,
    #[serde(alias = "from", alias = "to")]
    peers: Vec<WrittenPeer>,
    /// Of a ClusterNetworkPolicy.
    protocols: Option<Vec<WrittenProtocol>>,
    /// Of the other kinds.
    ports: Option<Vec<WrittenPort>>,
}

#[derive(Deserialize)]
enum WrittenAction {
    #[serde(alias = "Allow")]
    Accept,
    Deny,
    Pass,
}

/// A peer, or the subject, of which one field is set.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenPeer {
    /// A selector, or what older versions have in its place.
    namespaces: Option<Value>,
    pods: Option<NamespacedPod>,
    networks: Option<Vec<String>>,
    nodes: Option<LabelSelector>,
    domain_names: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NamespacedPod {
    namespace_selector: Option<LabelSelector>,
    /// The field that older versions have in its place.
    namespaces: Option<Value>,
    pod_selector: LabelSelector,
}

/// `namespaces` before v0.1.3, of which one field is set.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OldNamespaces {
    namespace_selector: Option<LabelSelector>,
    same_labels: Option<Vec<String>>,
    not_same_labels: Option<Vec<String>>,
}

/// One of `protocols`, of which one field is set.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenProtocol {
    tcp: Option<ProtocolPort>,
    udp: Option<ProtocolPort>,
    sctp: Option<ProtocolPort>,
    destination_named_port: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProtocolPort {
    destination_port: PortNumbers,
}

/// A number or a range.
#[derive(Deserialize)]
struct PortNumbers {
    number: Option<u16>,
    range: Option<PortRange>,
}

#[derive(Deserialize)]
struct PortRange {
    start: u16,
    end: u16,
}

/// One of `ports`, of which one field is set.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenPort {
    port_number: Option<OnePort>,
    port_range: Option<OneRange>,
    named_port: Option<String>,
}

#[derive(Deserialize)]
struct OnePort {
    /// TCP if it is absent.
    protocol: Option<String>,
    port: u16,
}

#[derive(Deserialize)]
struct OneRange {
    protocol: Option<String>,
    start: u16,
    end: u16,
}

struct Lowering<'l> {
    kind: Kind,
    nodes: NodeAddresses<'l>,
    labels: &'l mut LabelTable,
    findings: &'l mut Vec<FieldFinding>,
    /// Set until an error is found.
    is_sound: bool,
    /// Set until something is found that cannot be evaluated.
    is_known: bool,
}

impl Lowering<'_> {
    fn not_evaluated(&mut self, path: &FieldPath<'_>, why: &str) {
        self.is_known = false;
        let message = format!("not evaluated: {why}; what the policy might select is unknown");
        self.findings.push(FieldFinding::new(Code::NotEvaluated, path, message));
    }

    /// A selector, which the definition does not look into.
    fn selector(&mut self, selector: &LabelSelector, path: &FieldPath<'_>) -> Option<SelectorId> {
        lower_selector(selector, path, self.labels)
            .map_err(|errors| {
                self.is_sound = false;
                self.findings.extend(errors);
            })
            .ok()
    }

    /// `namespaces` or `pods`; `None` after an error, or if it is neither.
    fn pods(&mut self, peer: &WrittenPeer, path: &FieldPath<'_>) -> Option<PodMatch> {
        let everything = self.labels.selectors.intern_owned(Selector::default());
        let (namespaces, pods) = if let Some(namespaces) = &peer.namespaces {
            (self.namespaces(namespaces, &path.field("namespaces"))?, everything)
        } else {
            let pods = peer.pods.as_ref()?;
            let path = path.field("pods");
            let namespaces = match (&pods.namespace_selector, &pods.namespaces) {
                (Some(selector), _) => {
                    self.selector(selector, &path.field("namespaceSelector")).map(NamespaceMatch::Labels)
                }
                (None, Some(namespaces)) => self.namespaces(namespaces, &path.field("namespaces")),
                (None, None) => {
                    if self.kind != Kind::ClusterNetworkPolicy {
                        self.is_sound = false;
                        self.findings.push(FieldFinding::required(&path.field("namespaceSelector"), ""));
                    }
                    Some(NamespaceMatch::Labels(everything))
                }
            };
            let pods = self.selector(&pods.pod_selector, &path.field("podSelector"));
            namespaces.zip(pods)?
        };
        Some(PodMatch { namespaces, pods, perhaps: false, hosts: false })
    }

    /// `namespaces` in either shape; `None` after an error, or if it is an empty list of keys, which no namespace has.
    fn namespaces(&mut self, written: &Value, path: &FieldPath<'_>) -> Option<NamespaceMatch> {
        let is_old =
            ["namespaceSelector", "sameLabels", "notSameLabels"].iter().any(|key| !written[key].is_null());
        if !is_old {
            let selector = LabelSelector::deserialize(written).expect("the schema holds");
            return self.selector(&selector, path).map(NamespaceMatch::Labels);
        }
        let old = OldNamespaces::deserialize(written).expect("the schema holds");
        if let Some(selector) = &old.namespace_selector {
            let selector = self.selector(selector, &path.field("namespaceSelector"));
            return selector.map(NamespaceMatch::Labels);
        }
        let (keys, relation): (_, fn(SelectorId) -> NamespaceMatch) =
            match (old.same_labels, old.not_same_labels) {
                (Some(keys), _) => (keys, NamespaceMatch::SameLabels),
                (None, keys) => (keys.unwrap_or_default(), NamespaceMatch::OtherLabels),
            };
        let requirements: Vec<_> = keys
            .iter()
            .map(|key| self.labels.requirement(key, Operator::Exists, std::iter::empty()))
            .collect();
        (!requirements.is_empty())
            .then(|| relation(self.labels.selectors.intern_owned(Selector::new(requirements))))
    }

    fn rules(
        &mut self,
        rules: Option<Vec<WrittenRule>>,
        path: &FieldPath<'_>,
        peers: &'static str,
    ) -> Vec<Rule> {
        let rules = rules.into_iter().flatten().enumerate();
        rules
            .map(|(index, rule)| {
                let path = path.index(index);
                let action = match rule.action {
                    WrittenAction::Accept => Action::Accept,
                    WrittenAction::Deny => Action::Deny,
                    WrittenAction::Pass => Action::Pass,
                };
                let written = rule.peers.iter().enumerate();
                let (peers, peer_places) = written
                    .flat_map(|(i, peer)| self.peers(peer, &path.field(peers).index(i), Place::new(peers, i)))
                    .unzip();
                let (ports, port_places) = match (rule.protocols, rule.ports) {
                    (Some(protocols), _) => placed("protocols", protocols, of_protocol),
                    (None, Some(ports)) if !ports.is_empty() => placed("ports", ports, of_port),
                    _ => (Ports::Any, Vec::new()),
                };
                let written =
                    Written { rule: path.to_string().into(), peers: peer_places, ports: port_places };
                Rule { action, peers: Peers::Of(peers), ports, conditions: Vec::new(), index, written }
            })
            .collect()
    }

    /// Lowers one element of `from` or `to`: to a peer for each block, else to one; to none after a finding.
    fn peers(&mut self, peer: &WrittenPeer, path: &FieldPath<'_>, place: Place) -> Vec<(Peer, Place)> {
        let block = |cidr| Peer::IpBlock(IpBlock { cidr, except: Vec::new() });
        if let Some(networks) = &peer.networks {
            let parsed = networks.iter().map(|text| parse_cidr(text).expect("the schema holds").net);
            return parsed.enumerate().map(|(i, cidr)| (block(cidr), place.item("networks", i))).collect();
        }
        if let Some(selector) = &peer.nodes {
            let Some(selector) = self.selector(selector, &path.field("nodes")) else { return Vec::new() };
            let addresses = (self.nodes)(&self.labels.selectors[selector]);
            if addresses.is_none() {
                self.not_evaluated(&path.field("nodes"), "the input does not say which nodes there are");
            }
            let addresses = addresses.into_iter().flatten();
            return addresses.map(|address| (block(address), place.field("nodes"))).collect();
        }
        if let Some(names) = &peer.domain_names {
            let names = names.iter().map(|name| name.as_str().into()).collect();
            return vec![(Peer::DomainNames(names), place.field("domainNames"))];
        }
        self.pods(peer, path).map(|pods| (Peer::Pods(pods), place)).into_iter().collect()
    }
}

/// Lowers the elements of a list of ports, with the place of each part.
fn placed<T>(
    list: &'static str,
    written: Vec<T>,
    lowered: impl Fn(T) -> Vec<PortMatch>,
) -> (Ports, Vec<Place>) {
    let written = written.into_iter().enumerate();
    let (ports, places) = written
        .flat_map(|(i, one)| lowered(one).into_iter().map(move |port| (port, Place::new(list, i))))
        .unzip();
    (Ports::Of(ports), places)
}

/// The ports that an element of `protocols` names.
fn of_protocol(written: WrittenProtocol) -> Vec<PortMatch> {
    let numbered =
        [(Protocol::Tcp, written.tcp), (Protocol::Udp, written.udp), (Protocol::Sctp, written.sctp)];
    let numbers = numbered.into_iter().filter_map(|(protocol, port)| {
        let (first, last) = match port?.destination_port {
            PortNumbers { number: Some(number), .. } => (number, number),
            PortNumbers { range, .. } => range.map(|range| (range.start, range.end))?,
        };
        Some(PortMatch::Range { protocol, first, last })
    });
    let mut ports: Vec<PortMatch> = numbers.collect();
    ports.extend(written.destination_named_port.iter().flat_map(|name| of_name(name)));
    ports
}

/// The ports that an element of `ports` names. One of a protocol that nobody knows is none.
fn of_port(written: WrittenPort) -> Vec<PortMatch> {
    let protocol = |name: Option<String>| Protocol::from_name(name.as_deref().unwrap_or("TCP"));
    let range = match written {
        WrittenPort { named_port: Some(name), .. } => return of_name(&name).to_vec(),
        WrittenPort { port_number: Some(one), .. } => {
            protocol(one.protocol).map(|of| (of, one.port, one.port))
        }
        WrittenPort { port_range: Some(range), .. } => {
            protocol(range.protocol).map(|of| (of, range.start, range.end))
        }
        WrittenPort { .. } => None,
    };
    // The definition does not hold the end against the start.
    let range = range.filter(|(_, first, last)| first <= last);
    range.map(|(protocol, first, last)| PortMatch::Range { protocol, first, last }).into_iter().collect()
}

/// A name stands for a port of any protocol.
fn of_name(name: &str) -> [PortMatch; 3] {
    Protocol::ALL.map(|protocol| PortMatch::Named { protocol, name: name.into() })
}
