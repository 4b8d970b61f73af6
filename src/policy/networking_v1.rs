//! `networking.k8s.io/v1 NetworkPolicy`: validated as the API server does, defaulted, lowered to rules.
//!
//! Owns V2 to V18, D1, D2 and the meaning of every absent field (R6 to R16). Findings come in the order in which the API
//! server reports them: subject, ingress (ports before peers), egress, policy types.

use super::cidr::parse_cidr;
use super::field::{FieldFinding, FieldPath, Quoted};
use super::server::{Validation, older_servers};
use super::validate::{IP_CIDR, PORT_NUMBER, lower_selector, port_name_problems, port_number, report};
use super::{
    Action, IpBlock, NamespaceMatch, Peer, Peers, Place, PodMatch, Policy, PortMatch, Ports, Rule, Subject,
    Tier, Written,
};
use crate::diagnostic::{Code, ObjectName, Origin};
use crate::ids::NamespaceId;
use crate::k8s::{
    self, IntOrString, LabelSelector, List, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
};
use crate::label::{LabelTable, Operator, Requirement, SelectorId};
use crate::net::{ByDirection, Protocol};
use crate::profile::ProfileSet;

const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];
const POLICY_TYPES: [&str; 2] = ["Ingress", "Egress"];

/// The label of the namespace that stands for hosts in OVN-Kubernetes.
const HOST_NETWORK: &str = "policy-group.network.openshift.io/host-network";

/// Lowers the policy called `name` in `namespace`. Metadata is not looked at. Findings are added to `findings`; with an
/// error among them there is no policy.
pub fn lower(
    policy: &k8s::NetworkPolicy,
    namespace: NamespaceId,
    name: ObjectName,
    origin: &Origin,
    validation: Validation,
    labels: &mut LabelTable,
    findings: &mut Vec<FieldFinding>,
) -> Option<Policy> {
    let absent = NetworkPolicySpec::default();
    let spec = policy.spec.as_ref().unwrap_or(&absent);
    let path = FieldPath::new("spec");
    let mut lowering = Lowering { namespace, validation, labels, findings, sound: true };

    let subject = lowering.selector(spec.pod_selector.as_ref(), &path.field("podSelector"));
    let ingress: Vec<Rule> = lowering.rules(spec.ingress.as_ref(), &path.field("ingress"), |rule| Shape {
        ports: rule.ports.as_ref(),
        peers: rule.from.as_ref(),
        peers_field: "from",
    });
    let egress: Vec<Rule> = lowering.rules(spec.egress.as_ref(), &path.field("egress"), |rule| Shape {
        ports: rule.ports.as_ref(),
        peers: rule.to.as_ref(),
        peers_field: "to",
    });
    let isolates = lowering.policy_types(spec, &path.field("policyTypes"));
    let sound = lowering.sound;

    Some(Policy {
        name,
        origin: origin.clone(),
        enforced_by: ProfileSet::ALL,
        is_left_out: false,
        tier: Tier::NetworkPolicy,
        priority: 0,
        subject: Subject::Pods(PodMatch {
            namespaces: NamespaceMatch::One(namespace),
            pods: subject?,
            perhaps: false,
            hosts: false,
        }),
        isolates,
        idle: ByDirection {
            ingress: !isolates.ingress && !ingress.is_empty(),
            egress: !isolates.egress && !egress.is_empty(),
        },
        rules: ByDirection {
            ingress: if isolates.ingress { ingress } else { Vec::new() },
            egress: if isolates.egress { egress } else { Vec::new() },
        },
    })
    .filter(|_| sound)
}

/// The pods a policy surely selects if nothing else of it is valid: its own selector, if that can be read.
pub fn lower_subject(policy: &k8s::NetworkPolicy, labels: &mut LabelTable) -> Option<SelectorId> {
    let everything = LabelSelector::default();
    let selector = policy.spec.as_ref()?.pod_selector.as_ref().unwrap_or(&everything);
    lower_selector(selector, &FieldPath::new("spec.podSelector"), labels).ok()
}

/// The fields that ingress and egress rules have in common.
struct Shape<'r> {
    ports: Option<&'r List<NetworkPolicyPort>>,
    peers: Option<&'r List<NetworkPolicyPeer>>,
    peers_field: &'static str,
}

struct Lowering<'l> {
    namespace: NamespaceId,
    validation: Validation,
    labels: &'l mut LabelTable,
    findings: &'l mut Vec<FieldFinding>,
    /// Set until an error is found.
    sound: bool,
}

impl Lowering<'_> {
    fn error(&mut self, finding: FieldFinding) {
        self.sound = false;
        self.findings.push(finding);
    }

    fn warning(&mut self, code: Code, path: &FieldPath<'_>, message: impl Into<String>) {
        self.findings.push(FieldFinding::new(code, path, message));
    }

    /// The selector at `path`; an absent one selects everything.
    fn selector(&mut self, selector: Option<&LabelSelector>, path: &FieldPath<'_>) -> Option<SelectorId> {
        let everything = LabelSelector::default();
        match lower_selector(selector.unwrap_or(&everything), path, self.labels) {
            Ok(id) => Some(id),
            Err(errors) => {
                self.sound = false;
                self.findings.extend(errors);
                None
            }
        }
    }

    /// R7 to R11.
    fn policy_types(&mut self, spec: &NetworkPolicySpec, path: &FieldPath<'_>) -> ByDirection<bool> {
        let types = spec.policy_types.as_deref().unwrap_or_default();
        if types.is_empty() {
            let egress = spec.egress.as_deref().is_some_and(|rules| !rules.is_empty());
            return ByDirection { ingress: true, egress };
        }
        if types.len() > POLICY_TYPES.len() {
            let list: Vec<String> = types.iter().map(|t| Quoted(t).to_string()).collect();
            let list = format!("[{}]", list.join(","));
            self.error(FieldFinding::invalid(path, list, "may not specify more than two policyTypes"));
            return ByDirection::default();
        }
        for (i, written) in types.iter().enumerate() {
            if !POLICY_TYPES.contains(&&**written) {
                self.error(FieldFinding::unsupported(&path.index(i), written, &POLICY_TYPES));
            }
        }
        let has = |name| types.iter().any(|t| &**t == name);
        ByDirection { ingress: has("Ingress"), egress: has("Egress") }
    }

    fn rules<R>(
        &mut self,
        rules: Option<&List<R>>,
        path: &FieldPath<'_>,
        shape: impl Fn(&R) -> Shape<'_>,
    ) -> Vec<Rule> {
        let Some(rules) = rules else { return Vec::new() };
        let mut lowered = Vec::with_capacity(rules.len());
        for (index, rule) in rules.iter().enumerate() {
            let path = path.index(index);
            if rules.nulls.binary_search(&index).is_ok() {
                self.warning(
                    Code::NullRule,
                    &path,
                    "this rule is null, which the API server reads as a rule that allows everything",
                );
            }
            let shape = shape(rule);
            let ports = self.ports(shape.ports, &path.field("ports"));
            let peers = self.peers(shape.peers, shape.peers_field, &path);
            let written = Written {
                rule: path.to_string().into(),
                peers: places(shape.peers_field, shape.peers),
                ports: places("ports", shape.ports),
            };
            lowered.push(Rule {
                action: Action::Accept,
                peers,
                ports,
                conditions: Vec::new(),
                index,
                written,
            });
        }
        lowered
    }

    fn ports(&mut self, ports: Option<&List<NetworkPolicyPort>>, path: &FieldPath<'_>) -> Ports {
        let Some(ports) = ports.filter(|ports| !ports.is_empty()) else { return Ports::Any };
        for &null in &ports.nulls {
            self.warning(
                Code::NullRule,
                &path.index(null),
                "this port is null, which the API server reads as every TCP port",
            );
        }
        let lowered = ports.iter().enumerate().filter_map(|(i, port)| self.port(port, &path.index(i)));
        Ports::Of(lowered.collect())
    }

    /// V3 to V9; `None` after an error.
    fn port(&mut self, port: &NetworkPolicyPort, path: &FieldPath<'_>) -> Option<PortMatch> {
        let name = port.protocol.as_deref().unwrap_or("TCP");
        let protocol = Protocol::from_name(name);
        if protocol.is_none() {
            self.error(FieldFinding::unsupported(&path.field("protocol"), name, &PROTOCOLS));
        }
        let (port_path, end_path) = (path.field("port"), path.field("endPort"));
        match &port.port {
            None => {
                if let Some(end) = port.end_port {
                    let detail = "may not be specified when `port` is not specified";
                    self.error(FieldFinding::invalid(&end_path, end, detail));
                    return None;
                }
                Some(PortMatch::Range { protocol: protocol?, first: 1, last: u16::MAX })
            }
            Some(IntOrString::Int(number)) => {
                let first = port_number(*number);
                if first.is_none() {
                    self.error(FieldFinding::invalid(&port_path, number, PORT_NUMBER));
                }
                let last = match port.end_port {
                    None => first,
                    Some(end) => self.end_port(*number, end, &end_path),
                };
                Some(PortMatch::Range { protocol: protocol?, first: first?, last: last? })
            }
            Some(IntOrString::String(name)) => {
                if let Some(end) = port.end_port {
                    let detail = "may not be specified when `port` is non-numeric";
                    self.error(FieldFinding::invalid(&end_path, end, detail));
                }
                let problems = port_name_problems(name);
                if !problems.is_empty() {
                    self.sound = false;
                    let mut found = Vec::new();
                    report(problems, name, &port_path, &mut found);
                    if name.parse::<u16>().is_ok() {
                        let help = format!(
                            "a text is the name of a port: for the number, write {name} without quotes"
                        );
                        found = found.into_iter().map(|finding| finding.with_help(&*help)).collect();
                    }
                    self.findings.extend(found);
                    return None;
                }
                Some(PortMatch::Named { protocol: protocol?, name: name.as_str().into() })
            }
        }
    }

    fn end_port(&mut self, first: i32, end: i32, path: &FieldPath<'_>) -> Option<u16> {
        if end < first {
            self.error(FieldFinding::invalid(path, end, "must be greater than or equal to `port`"));
        }
        let last = port_number(end);
        if last.is_none() {
            self.error(FieldFinding::invalid(path, end, PORT_NUMBER));
        }
        last.filter(|_| end >= first)
    }

    fn peers(&mut self, peers: Option<&List<NetworkPolicyPeer>>, field: &str, rule: &FieldPath<'_>) -> Peers {
        let Some(peers) = peers.filter(|peers| !peers.is_empty()) else { return Peers::Any };
        let path = rule.field(field);
        let mut lowered = Vec::with_capacity(peers.len());
        for (i, peer) in peers.iter().enumerate() {
            let mut one = self.peer(peer, &path.index(i));
            if let Some(Peer::Pods(selectors)) = &mut one
                && let NamespaceMatch::Labels(namespaces) = selectors.namespaces
            {
                // A `podSelector`, even an empty one, asks for pods.
                selectors.hosts =
                    field == "from" && peer.pod_selector.is_none() && self.is_host_network(namespaces);
            }
            lowered.extend(one);
        }
        Peers::Of(lowered)
    }

    /// True if a selector asks for the label of the namespace that stands for hosts, and for nothing else.
    fn is_host_network(&self, namespaces: SelectorId) -> bool {
        let is_label = |requirement: &Requirement| {
            *self.labels.keys[requirement.key] == *HOST_NETWORK
                && match (requirement.operator, &requirement.values[..]) {
                    (Operator::Exists, _) => true,
                    (Operator::In, [value]) => self.labels.values[*value].is_empty(),
                    _ => false,
                }
        };
        let requirements = self.labels.selectors[namespaces].requirements();
        !requirements.is_empty() && requirements.iter().all(is_label)
    }

    /// V10 to V14; `None` after an error.
    fn peer(&mut self, peer: &NetworkPolicyPeer, path: &FieldPath<'_>) -> Option<Peer> {
        let mut pods = None;
        if peer.pod_selector.is_some() || peer.namespace_selector.is_some() {
            let selected = self.selector(peer.pod_selector.as_ref(), &path.field("podSelector"));
            let namespaces = match &peer.namespace_selector {
                None => Some(NamespaceMatch::One(self.namespace)),
                Some(selector) => self
                    .selector(Some(selector), &path.field("namespaceSelector"))
                    .map(NamespaceMatch::Labels),
            };
            pods = namespaces
                .zip(selected)
                .map(|(namespaces, pods)| PodMatch { namespaces, pods, perhaps: false, hosts: false })
                .map(Peer::Pods);
        }
        let Some(block) = &peer.ip_block else {
            if peer.pod_selector.is_none() && peer.namespace_selector.is_none() {
                self.error(FieldFinding::required(path, "must specify a peer"));
            }
            return pods;
        };
        let block = self.ip_block(block, &path.field("ipBlock"));
        if peer.pod_selector.is_some() || peer.namespace_selector.is_some() {
            self.error(FieldFinding::forbidden(path, "may not specify both ipBlock and another peer"));
            return None;
        }
        block.map(Peer::IpBlock)
    }

    fn ip_block(&mut self, block: &k8s::IpBlock, path: &FieldPath<'_>) -> Option<IpBlock> {
        let cidr_path = path.field("cidr");
        let cidr = match block.cidr.as_deref().unwrap_or_default() {
            "" => {
                self.error(FieldFinding::required(&cidr_path, ""));
                return None;
            }
            text => self.cidr(text, &cidr_path)?,
        };
        let list = path.field("except");
        let mut except = Vec::new();
        for (i, text) in block.except.iter().flat_map(|list| list.iter()).enumerate() {
            let path = list.index(i);
            let Some(hole) = self.cidr(text, &path) else { continue };
            if cidr.contains(&hole) && cidr.prefix_len() < hole.prefix_len() {
                except.push(hole);
            } else {
                let detail = "must be a strict subset of `cidr`";
                self.error(FieldFinding::invalid(&path, Quoted(text), detail));
            }
        }
        Some(IpBlock { cidr, except })
    }

    fn cidr(&mut self, text: &str, path: &FieldPath<'_>) -> Option<ipnet::IpNet> {
        let Some(parsed) = parse_cidr(text) else {
            self.error(FieldFinding::invalid(path, Quoted(text), IP_CIDR));
            return None;
        };
        match parsed.fault().filter(|_| self.validation.has_strict_addresses()) {
            Some(fault) => {
                let help = format!("{}; {}", parsed.remedy(), older_servers());
                self.error(FieldFinding::invalid(path, Quoted(text), fault).with_help(help));
            }
            None => {
                for oddity in parsed.oddities(text) {
                    self.warning(Code::LegacyCidr, path, oddity);
                }
            }
        }
        Some(parsed.net)
    }
}

/// The places of the elements of a list.
fn places<T>(list: &'static str, elements: Option<&List<T>>) -> Vec<Place> {
    (0..elements.map_or(0, |elements| elements.len())).map(|index| Place::new(list, index)).collect()
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "inputs read better where `json!` stands alone")]
mod tests;
