//! `networking.k8s.io/v1 NetworkPolicy`: validated as the API server does, defaulted, lowered to rules.
//!
//! Owns V2 to V18, D1, D2 and the meaning of every absent field (R6 to R16). Findings come in the order in which the API
//! server reports them: subject, ingress (ports before peers), egress, policy types.

use super::cidr::parse_cidr;
use super::field::{FieldFinding, FieldPath, Quoted};
use super::server::{Validation, older_servers};
use super::validate::{IP_CIDR, PORT_NUMBER, lower_selector, port_name_problems, port_number, report};
use super::{
    Action, IpBlock, NamespaceMatch, Peer, Peers, PodMatch, Policy, PortMatch, Ports, Rule, Subject, Tier,
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

/// What ingress and egress rules have in common.
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
    /// Whether no error was found so far.
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
            lowered.push(Rule { action: Action::Accept, peers, ports, index });
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

    /// Whether a selector asks for the label of the namespace that stands for hosts, and for nothing else.
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

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "inputs read better where `json!` stands alone")]
mod tests {
    use serde_json::{Value, json};

    use super::super::server::KubeVersion;
    use super::*;
    use crate::diagnostic::SourceId;
    use crate::index::Id;

    struct Outcome {
        policy: Option<Policy>,
        findings: Vec<String>,
        labels: LabelTable,
    }

    fn run(spec: Value) -> Outcome {
        run_by(Validation::default(), spec)
    }

    fn run_by(validation: Validation, spec: Value) -> Outcome {
        let policy: k8s::NetworkPolicy = serde_json::from_value(json!({"spec": spec})).unwrap();
        let name = ObjectName { kind: "NetworkPolicy".into(), namespace: "ns".into(), name: "p".into() };
        let origin = Origin { source: SourceId::from_index(0), document: 0..1, item: "".into() };
        let (mut labels, mut findings) = (LabelTable::default(), Vec::new());
        let policy =
            lower(&policy, NamespaceId::from_index(0), name, &origin, validation, &mut labels, &mut findings);
        let findings = findings.into_iter().map(|f| format!("{}: {}", f.path, f.message)).collect();
        Outcome { policy, findings, labels }
    }

    fn lowered(spec: Value) -> Policy {
        let outcome = run(spec);
        assert_eq!(outcome.findings, [""; 0]);
        outcome.policy.unwrap()
    }

    /// A policy with one ingress port is rejected with exactly these findings, `spec.ingress[0].ports[0].` left out.
    fn rejects_port(port: Value, expected: &[&str]) {
        let outcome = run(json!({"ingress": [{"ports": [port.clone()]}]}));
        let expected: Vec<String> =
            expected.iter().map(|e| format!("spec.ingress[0].ports[0].{e}")).collect();
        assert_eq!(outcome.findings, expected, "{port}");
        assert!(outcome.policy.is_none());
    }

    /// A policy with one egress peer is rejected with exactly these findings, `spec.egress[0].to[0]` left out.
    fn rejects_peer(peer: Value, expected: &[&str]) {
        let outcome = run(json!({"egress": [{"to": [peer.clone()]}]}));
        let expected: Vec<String> = expected.iter().map(|e| format!("spec.egress[0].to[0]{e}")).collect();
        assert_eq!(outcome.findings, expected, "{peer}");
        assert!(outcome.policy.is_none());
    }

    fn port(port: Value) -> PortMatch {
        let policy = lowered(json!({"ingress": [{"ports": [port]}]}));
        let Ports::Of(ports) = &policy.rules.ingress[0].ports else { panic!("some ports") };
        ports[0].clone()
    }

    fn range(protocol: Protocol, first: u16, last: u16) -> PortMatch {
        PortMatch::Range { protocol, first, last }
    }

    #[test]
    fn r07_to_r11_policy_types() {
        let cases = [
            (json!({}), (true, false)),
            (json!({"policyTypes": null}), (true, false)),
            (json!({"policyTypes": []}), (true, false)),
            (json!({"egress": []}), (true, false)),
            (json!({"egress": [{}]}), (true, true)),
            (json!({"policyTypes": ["Egress"], "ingress": [{}]}), (false, true)),
            (json!({"policyTypes": ["Ingress"], "egress": [{}]}), (true, false)),
            (json!({"policyTypes": ["Ingress", "Ingress"]}), (true, false)),
            (json!({"policyTypes": ["Egress", "Ingress"]}), (true, true)),
        ];
        for (spec, expected) in cases {
            let isolates = lowered(spec.clone()).isolates;
            assert_eq!((isolates.ingress, isolates.egress), expected, "{spec}");
        }
    }

    #[test]
    fn r10_rules_of_other_directions_are_validated_and_dropped() {
        let policy = lowered(json!({"policyTypes": ["Egress"], "ingress": [{}], "egress": [{}]}));
        assert_eq!((policy.rules.ingress.len(), policy.rules.egress.len()), (0, 1));
        let outcome = run(json!({"policyTypes": ["Egress"], "ingress": [{"ports": [{"port": 0}]}]}));
        assert!(outcome.policy.is_none());
        assert_eq!(outcome.findings.len(), 1);
    }

    #[test]
    fn r06_r12_r13_r15_absent_fields() {
        for spec in [json!(null), json!({}), json!({"podSelector": null}), json!({"podSelector": {}})] {
            let outcome = run(spec);
            let policy = outcome.policy.unwrap();
            assert!(outcome.labels.selectors[policy.subject.pods().unwrap().pods].is_everything());
            assert!(policy.rules.ingress.is_empty());
        }
        for rule in [json!({}), json!({"from": null, "ports": null}), json!({"from": [], "ports": []})] {
            let policy = lowered(json!({"ingress": [rule]}));
            assert_eq!(
                policy.rules.ingress,
                [Rule { action: Action::Accept, peers: Peers::Any, ports: Ports::Any, index: 0 }]
            );
        }
    }

    #[test]
    fn r18_to_r31_ports() {
        let cases = [
            (json!({}), range(Protocol::Tcp, 1, 65535)),
            (json!({"protocol": "UDP"}), range(Protocol::Udp, 1, 65535)),
            (json!({"port": 80}), range(Protocol::Tcp, 80, 80)),
            (json!({"port": 80, "endPort": 80, "protocol": "SCTP"}), range(Protocol::Sctp, 80, 80)),
            (json!({"port": 1, "endPort": 65535}), range(Protocol::Tcp, 1, 65535)),
            (json!({"port": "http"}), PortMatch::Named { protocol: Protocol::Tcp, name: "http".into() }),
        ];
        for (written, expected) in cases {
            assert_eq!(port(written.clone()), expected, "{written}");
        }
    }

    #[test]
    fn r22_to_r26_selector_peers() {
        let peer = |peer: Value| {
            let outcome = run(json!({"ingress": [{"from": [peer]}]}));
            let policy = outcome.policy.unwrap();
            let Peers::Of(peers) = &policy.rules.ingress[0].peers else { panic!("some peers") };
            let Peer::Pods(pods) = peers[0].clone() else { panic!("pods") };
            let own = matches!(pods.namespaces, NamespaceMatch::One(_));
            (own, outcome.labels.selectors[pods.pods].is_everything())
        };
        assert_eq!(peer(json!({"podSelector": {}})), (true, true));
        assert_eq!(peer(json!({"podSelector": {"matchLabels": {"a": "b"}}})), (true, false));
        assert_eq!(peer(json!({"namespaceSelector": {}})), (false, true));
        assert_eq!(
            peer(json!({"namespaceSelector": {}, "podSelector": {"matchLabels": {"a": "b"}}})),
            (false, false)
        );
        assert_eq!(peer(json!({"podSelector": {}, "namespaceSelector": null})), (true, true));
    }

    #[test]
    fn v02_selectors_are_located() {
        let bad = json!({"matchExpressions": [{"key": "a", "operator": "in", "values": ["x"]}]});
        let message = "operator: Invalid value: \"in\": not a valid selector operator";
        let outcome = run(json!({
            "podSelector": bad,
            "ingress": [{"from": [{"podSelector": bad, "namespaceSelector": bad}]}],
        }));
        assert_eq!(
            outcome.findings,
            [
                format!("spec.podSelector.matchExpressions[0].{message}"),
                format!("spec.ingress[0].from[0].podSelector.matchExpressions[0].{message}"),
                format!("spec.ingress[0].from[0].namespaceSelector.matchExpressions[0].{message}"),
            ]
        );
    }

    #[test]
    fn v03_protocols() {
        let supported = "supported values: \"TCP\", \"UDP\", \"SCTP\"";
        for protocol in ["tcp", "ICMP", ""] {
            let expected = format!("protocol: Unsupported value: {protocol:?}: {supported}");
            rejects_port(json!({"protocol": protocol}), &[&expected]);
        }
    }

    #[test]
    fn v04_port_numbers() {
        for number in [0, -1, 65536] {
            let expected = format!("port: Invalid value: {number}: must be between 1 and 65535, inclusive");
            rejects_port(json!({"port": number}), &[&expected]);
        }
    }

    #[test]
    fn v05_port_names() {
        rejects_port(
            json!({"port": "80"}),
            &["port: Invalid value: \"80\": must contain at least one letter (a-z)"],
        );
        rejects_port(
            json!({"port": "Http--"}),
            &[
                "port: Invalid value: \"Http--\": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
                "port: Invalid value: \"Http--\": must not contain consecutive hyphens",
                "port: Invalid value: \"Http--\": must not begin or end with a hyphen",
            ],
        );
    }

    #[test]
    fn v06_end_port_without_port() {
        let expected = "endPort: Invalid value: 90: may not be specified when `port` is not specified";
        rejects_port(json!({"endPort": 90}), &[expected]);
    }

    #[test]
    fn v07_end_port_with_named_port() {
        let expected = "endPort: Invalid value: 90: may not be specified when `port` is non-numeric";
        rejects_port(json!({"port": "http", "endPort": 90}), &[expected]);
    }

    #[test]
    fn v08_end_port_below_port() {
        let expected = "endPort: Invalid value: 90: must be greater than or equal to `port`";
        rejects_port(json!({"port": 91, "endPort": 90}), &[expected]);
    }

    #[test]
    fn v09_end_port_out_of_range() {
        let expected = "endPort: Invalid value: 65536: must be between 1 and 65535, inclusive";
        rejects_port(json!({"port": 80, "endPort": 65536}), &[expected]);
    }

    #[test]
    fn v10_a_peer_needs_a_field() {
        rejects_peer(json!({}), &[": Required value: must specify a peer"]);
        rejects_peer(json!({"podSelector": null}), &[": Required value: must specify a peer"]);
        rejects_peer(json!(null), &[": Required value: must specify a peer"]);
    }

    #[test]
    fn v11_ip_block_excludes_selectors() {
        let block = json!({"cidr": "10.0.0.0/8"});
        let expected = [": Forbidden: may not specify both ipBlock and another peer"];
        rejects_peer(json!({"ipBlock": block, "podSelector": {}}), &expected);
        rejects_peer(json!({"ipBlock": block, "namespaceSelector": {}}), &expected);
    }

    #[test]
    fn v12_cidr_is_required() {
        rejects_peer(json!({"ipBlock": {}}), &[".ipBlock.cidr: Required value"]);
        rejects_peer(json!({"ipBlock": {"cidr": "", "except": ["x"]}}), &[".ipBlock.cidr: Required value"]);
    }

    #[test]
    fn v13_cidr_must_be_one() {
        let detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
        let expected = format!(".ipBlock.cidr: Invalid value: \"192.168.5.6\": {detail}");
        rejects_peer(json!({"ipBlock": {"cidr": "192.168.5.6"}}), &[&expected]);
        let expected = format!(".ipBlock.except[0]: Invalid value: \"10.0.0.1\": {detail}");
        rejects_peer(json!({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.1"]}}), &[&expected]);
    }

    #[test]
    fn v14_except_must_be_a_strict_subset() {
        for except in ["10.0.0.0/8", "10.0.0.0/7", "11.0.0.0/16", "::/16", "fd00::/64"] {
            let expected =
                format!(".ipBlock.except[0]: Invalid value: {except:?}: must be a strict subset of `cidr`");
            rejects_peer(json!({"ipBlock": {"cidr": "10.0.0.0/8", "except": [except]}}), &[&expected]);
        }
    }

    #[test]
    fn v15_at_most_two_policy_types() {
        let outcome = run(json!({"policyTypes": ["Ingress", "Egress", "x"]}));
        assert_eq!(
            outcome.findings,
            [
                "spec.policyTypes: Invalid value: [\"Ingress\",\"Egress\",\"x\"]: may not specify more than two policyTypes"
            ]
        );
        assert!(outcome.policy.is_none());
    }

    #[test]
    fn v16_unknown_policy_types() {
        let outcome = run(json!({"policyTypes": ["ingress"]}));
        assert_eq!(
            outcome.findings,
            [
                "spec.policyTypes[0]: Unsupported value: \"ingress\": supported values: \"Ingress\", \"Egress\""
            ]
        );
        assert!(outcome.policy.is_none());
    }

    #[test]
    fn v17_what_is_accepted_without_a_word() {
        lowered(json!({
            "podSelector": {"matchLabels": {}, "matchExpressions": []},
            "policyTypes": ["Ingress", "Ingress"],
            "ingress": [{}, {}, {"from": [{"ipBlock": {"cidr": "127.0.0.0/8", "except": ["127.0.0.0/9", "127.0.0.0/9", "127.0.0.0/10"]}}]}],
            "egress": [{"ports": [{"port": "nowhere"}]}],
        }));
    }

    #[test]
    fn v18_legacy_blocks_are_masked_and_told() {
        let spec =
            json!({"ingress": [{"from": [{"ipBlock": {"cidr": "010.1.2.3/8", "except": ["10.1.2.3/16"]}}]}]});
        let stored = k8s::ObjectMeta { uid: Some("u".into()), ..k8s::ObjectMeta::default() };
        let stored = Validation::of(KubeVersion::NEWEST, &stored);
        let older = Validation::of("1.35".parse().unwrap(), &k8s::ObjectMeta::default());
        for validation in [stored, older] {
            let outcome = run_by(validation, spec.clone());
            assert_eq!(
                outcome.findings,
                [
                    "spec.ingress[0].from[0].ipBlock.cidr: CIDR value \"010.1.2.3/8\" is ambiguous in this context \
                     (should be \"10.0.0.0/8\" or \"10.1.2.3/32\"?)",
                    "spec.ingress[0].from[0].ipBlock.cidr: non-standard CIDR value \"010.1.2.3/8\" is invalid: use \
                     \"10.0.0.0/8\"",
                    "spec.ingress[0].from[0].ipBlock.except[0]: CIDR value \"10.1.2.3/16\" is ambiguous in this context \
                     (should be \"10.1.0.0/16\" or \"10.1.2.3/32\"?)",
                ]
            );
            let policy = outcome.policy.unwrap();
            let block =
                IpBlock { cidr: "10.0.0.0/8".parse().unwrap(), except: vec!["10.1.0.0/16".parse().unwrap()] };
            assert_eq!(policy.rules.ingress[0].peers, Peers::Of(vec![Peer::IpBlock(block)]));
        }
        let refused = run(spec);
        assert_eq!(
            refused.findings,
            [
                "spec.ingress[0].from[0].ipBlock.cidr: Invalid value: \"010.1.2.3/8\": must not have leading 0s in IP or \
                 prefix length",
                "spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: \"10.1.2.3/16\": must not have bits set beyond \
                 the prefix length",
            ]
        );
        assert!(refused.policy.is_none());
    }

    #[test]
    fn null_rules_allow_everything_and_are_told() {
        let outcome = run(json!({"ingress": [null], "egress": [{"ports": [null]}]}));
        assert_eq!(outcome.findings.len(), 2);
        assert!(outcome.findings[0].starts_with("spec.ingress[0]: this rule is null"));
        assert!(outcome.findings[1].starts_with("spec.egress[0].ports[0]: this port is null"));
        let policy = outcome.policy.unwrap();
        assert_eq!(policy.rules.ingress[0].peers, Peers::Any);
        assert_eq!(policy.rules.egress[0].ports, Ports::Of(vec![range(Protocol::Tcp, 1, 65535)]));
    }

    #[test]
    fn all_errors_are_reported_in_field_order() {
        let outcome = run(json!({
            "podSelector": {"matchLabels": {"-": "x"}},
            "ingress": [{"from": [{}], "ports": [{"protocol": "tcp", "port": 0, "endPort": -1}]}],
            "egress": [{"to": [{"ipBlock": {"cidr": "x"}}]}],
            "policyTypes": ["x"],
        }));
        let paths: Vec<&str> = outcome.findings.iter().map(|f| f.split_once(": ").unwrap().0).collect();
        assert_eq!(
            paths,
            [
                "spec.podSelector.matchLabels",
                "spec.ingress[0].ports[0].protocol",
                "spec.ingress[0].ports[0].port",
                "spec.ingress[0].ports[0].endPort",
                "spec.ingress[0].ports[0].endPort",
                "spec.ingress[0].from[0]",
                "spec.egress[0].to[0].ipBlock.cidr",
                "spec.policyTypes[0]",
            ]
        );
    }
}
