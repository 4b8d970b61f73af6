//! Cluster-wide policies: the tiers before and behind NetworkPolicy. Numbers are those of the API's own rules.

use std::collections::BTreeSet;

use serde_json::Value;

use super::facts::{self, Answer, Label, Labels};
use super::{End, Question, Reference, selects};
use crate::k8s::{IpBlock, LabelSelector, Object, UnevaluatedPolicy};
use crate::load::Manifest;
use crate::net::{Direction, Protocol};
use crate::profile::Profile;

/// The outcomes that are possible for a connection in a tier.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outcomes {
    pub(super) accept: bool,
    pub(super) deny: bool,
    /// The next tier is asked.
    pub(super) on: bool,
}

/// A policy that stands in one of the two tiers.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct ClusterPolicy {
    /// `Admin` or `Baseline`.
    tier: String,
    /// The priority and, where names decide between equal ones (K49), the key for that.
    order: (i64, Option<String>),
    pub(super) spec: Value,
}

/// The cluster-wide policies that a profile enforces and that are evaluated.
pub(super) fn policies(manifests: &[Manifest], profile: Profile) -> Vec<ClusterPolicy> {
    let mut policies: Vec<ClusterPolicy> = Vec::new();
    for manifest in manifests {
        let Object::Unevaluated(policy) = &manifest.object else { continue };
        let enforces = match profile {
            Profile::Spec | Profile::KubeNetworkPolicies | Profile::Antrea | Profile::OvnKubernetes => true,
            Profile::Calico => policy.kind == "ClusterNetworkPolicy",
            _ => false,
        };
        if !enforces || !is_evaluated(manifests, policy) {
            continue;
        }
        let spec = with_addresses(manifests, policy.spec.clone());
        let tier = match &*policy.kind {
            "AdminNetworkPolicy" => "Admin",
            "BaselineAdminNetworkPolicy" => "Baseline",
            _ => spec["tier"].as_str().expect("valid input: a tier"),
        };
        let tier = tier.to_owned();
        let name = manifest.object.metadata().name.as_deref().unwrap_or_default();
        let tie = (profile == Profile::Calico).then(|| format!("{name}//Kubernetes{}", policy.kind));
        let order = (spec["priority"].as_i64().unwrap_or(0), tie);
        let policy = ClusterPolicy { tier, order, spec };
        // One object is one policy, however often it is there.
        if !policies.contains(&policy) {
            policies.push(policy);
        }
    }
    policies
}

/// True if a policy is a cluster-wide one that is evaluated: it names no nodes that are not known.
pub(super) fn is_evaluated(manifests: &[Manifest], policy: &UnevaluatedPolicy) -> bool {
    let is_meant = match &*policy.api_version {
        "policy.networking.k8s.io/v1alpha2" | "policy.networking.k8s.io/v1beta1" => {
            policy.kind == "ClusterNetworkPolicy"
        }
        "policy.networking.k8s.io/v1alpha1" => {
            matches!(&*policy.kind, "AdminNetworkPolicy" | "BaselineAdminNetworkPolicy")
        }
        _ => false,
    };
    let rules = ["ingress", "egress"].into_iter().flat_map(|direction| list(&policy.spec[direction]));
    let mut peers = rules.flat_map(peers);
    is_meant
        && peers
            .all(|peer| peer["nodes"].is_null() || addresses_of_nodes(manifests, &peer["nodes"]).is_some())
}

/// A spec with the addresses of nodes in the place of `nodes`: they match as networks do (3.2.15).
fn with_addresses(manifests: &[Manifest], mut spec: Value) -> Value {
    for rule in spec.get_mut("egress").and_then(Value::as_array_mut).into_iter().flatten() {
        for peer in rule["to"].as_array_mut().into_iter().flatten().filter(|peer| !peer["nodes"].is_null()) {
            let addresses =
                addresses_of_nodes(manifests, &peer["nodes"]).expect("only such policies are evaluated");
            let length = |address: &str| if address.contains(':') { 128 } else { 32 };
            let networks = addresses.iter().map(|address| format!("{address}/{}", length(address)));
            *peer = serde_json::json!({"networks": networks.collect::<Vec<String>>()});
        }
    }
    spec
}

/// The addresses of the nodes that a selector matches (3.2.15); `None` if the input does not say.
fn addresses_of_nodes(manifests: &[Manifest], selector: &Value) -> Option<Vec<String>> {
    let mut mentioned: BTreeSet<String> = BTreeSet::new();
    let mut declared: BTreeSet<String> = BTreeSet::new();
    let mut addresses = Vec::new();
    for manifest in manifests {
        match &manifest.object {
            Object::Node(node) => {
                declared.extend(node.metadata.name.as_ref().map(ToString::to_string));
                if selects(Some(&read(selector)), &Labels::written(node.metadata.labels.as_ref()))
                    == Answer::No
                {
                    continue;
                }
                let status = node.status.as_ref().and_then(|status| status.addresses.as_deref());
                let own: Vec<String> = status
                    .unwrap_or_default()
                    .iter()
                    .filter(|entry| matches!(entry.kind.as_deref(), Some("InternalIP" | "ExternalIP")))
                    .filter_map(|entry| Some(entry.address.as_ref()?.to_string()))
                    .collect();
                if own.is_empty() {
                    return None;
                }
                addresses.extend(own);
            }
            Object::Pod(pod) => {
                let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
                if !matches!(phase, Some("Succeeded" | "Failed")) {
                    mentioned.extend(node_of(pod.spec.as_ref()));
                }
            }
            Object::Workload(workload) => {
                let spec = workload.spec.as_ref();
                let job = spec.and_then(|spec| spec.job_template.as_ref()).and_then(|job| job.spec.as_ref());
                let template = job.or(spec).and_then(|spec| spec.template.as_ref());
                mentioned.extend(node_of(template.and_then(|template| template.spec.as_ref())));
            }
            Object::Unevaluated(policy) if policy.kind == "HostEndpoint" => {
                mentioned.extend(policy.spec["node"].as_str().map(ToString::to_string));
            }
            _ => {}
        }
    }
    (!declared.is_empty() && mentioned.is_subset(&declared)).then_some(addresses)
}

fn node_of(spec: Option<&crate::k8s::PodSpec>) -> Option<String> {
    spec?.node_name.as_ref().map(ToString::to_string)
}

impl Reference {
    /// The tiers in order: what one does not decide the next one is asked, and at the end the connection is accepted.
    pub(super) fn tiers(&self, question: &Question<'_>) -> Answer {
        let mut all = Outcomes { on: true, ..Outcomes::default() };
        let mut ask = |tier: &dyn Fn() -> Outcomes| {
            if all.on {
                let Outcomes { accept, deny, on } = tier();
                all = Outcomes { accept: all.accept || accept, deny: all.deny || deny, on };
            }
        };
        ask(&|| self.first_match("Admin", question));
        ask(&|| self.network_policies(question));
        ask(&|| self.first_match("Baseline", question));
        match (all.accept || all.on, all.deny) {
            (true, true) => Answer::Maybe,
            (accept, _) => Answer::from(accept),
        }
    }

    /// 3.2.5 to 3.2.12: the first matching rule of the lowest priority. Of policies in one place any may be first.
    fn first_match(&self, tier: &str, question: &Question<'_>) -> Outcomes {
        let policies = || self.cluster_policies.iter().filter(|policy| policy.tier == tier);
        let places: BTreeSet<&(i64, Option<String>)> = policies().map(|policy| &policy.order).collect();
        let mut all = Outcomes::default();
        let mut passed = false;
        for place in places {
            let mut may_go_on = true;
            for ClusterPolicy { spec, .. } in policies().filter(|policy| policy.order == *place) {
                let selected = self.is_subject(spec, question);
                let mut reached = selected != Answer::No;
                let direction = match question.direction {
                    Direction::Ingress => "ingress",
                    Direction::Egress => "egress",
                };
                for rule in list(&spec[direction]) {
                    let matches = self.rule_matches(rule, question);
                    if reached && matches != Answer::No {
                        match rule["action"].as_str() {
                            Some("Accept" | "Allow") => all.accept = true,
                            Some("Deny") => all.deny = true,
                            _ => passed = true,
                        }
                    }
                    reached &= matches != Answer::Yes;
                }
                may_go_on &= reached || selected != Answer::Yes;
            }
            if !may_go_on {
                return Outcomes { on: passed, ..all };
            }
        }
        Outcomes { on: true, ..all }
    }

    /// 3.2.9: hostNetwork pods are no subjects.
    fn is_subject(&self, spec: &Value, question: &Question<'_>) -> Answer {
        self.selects_pod(&spec["subject"], End::Pod(question.subject), &question.subject.namespace)
    }

    /// `namespaces` or `pods`, of a policy whose subject is in the namespace `home`.
    fn selects_pod(&self, selectors: &Value, end: End<'_>, home: &str) -> Answer {
        let End::Pod(pod) = end else { return Answer::No };
        if pod.host_network {
            return Answer::No;
        }
        let labels = &self.namespaces[&pod.namespace];
        if selectors["namespaces"].is_object() {
            return self.selects_namespace(&selectors["namespaces"], &pod.namespace, home);
        }
        let pods = &selectors["pods"];
        let of_namespace = match (&pods["namespaceSelector"], &pods["namespaces"]) {
            (Value::Null, Value::Null) => Answer::Yes,
            (Value::Null, namespaces) => self.selects_namespace(namespaces, &pod.namespace, home),
            (selector, _) => selects(Some(&read(selector)), labels),
        };
        of_namespace.and(selects(Some(&read(&pods["podSelector"])), &pod.labels))
    }

    /// `namespaces` in any of its shapes.
    fn selects_namespace(&self, namespaces: &Value, namespace: &str, home: &str) -> Answer {
        let labels = &self.namespaces[namespace];
        if !namespaces["namespaceSelector"].is_null() {
            return selects(Some(&read(&namespaces["namespaceSelector"])), labels);
        }
        let (same, other) = (&namespaces["sameLabels"], &namespaces["notSameLabels"]);
        if same.is_null() && other.is_null() {
            return selects(Some(&read(namespaces)), labels);
        }
        // 3.3: both have every key; of `sameLabels` each with one value, of the other some with two. No key matches nothing.
        let keys: Vec<&str> = list(same).chain(list(other)).filter_map(Value::as_str).collect();
        let mut answer = Answer::from(!keys.is_empty());
        let mut differs = Answer::No;
        for key in keys {
            for has_it in [labels, &self.namespaces[home]] {
                answer = answer.and(has_it.satisfy(key, "Exists", &[]));
            }
            let value = |namespace: &str| self.namespaces[namespace].known.get(key);
            let is_same = match (value(namespace), value(home)) {
                _ if namespace == home => Answer::Yes,
                (Some(Label::Value(value)), Some(Label::Value(own))) => Answer::from(value == own),
                _ => Answer::Maybe,
            };
            if same.is_null() {
                differs = differs.or(match is_same {
                    Answer::Yes => Answer::No,
                    Answer::Maybe => Answer::Maybe,
                    Answer::No => Answer::Yes,
                });
            } else {
                answer = answer.and(is_same);
            }
        }
        if same.is_null() { answer.and(differs) } else { answer }
    }

    fn rule_matches(&self, rule: &Value, question: &Question<'_>) -> Answer {
        let mut named = list(&rule["protocols"]).chain(list(&rule["ports"])).peekable();
        if named.peek().is_some() && !named.any(|protocol| self.protocol_matches(protocol, question)) {
            return Answer::No;
        }
        // 3.2.15, 3.2.16: networks, and the addresses of nodes, match pods as well.
        let mut blocks: Vec<IpBlock> = Vec::new();
        let mut answer = Answer::No;
        for peer in peers(rule) {
            let networks = list(&peer["networks"]).filter_map(Value::as_str);
            blocks.extend(networks.map(|cidr| IpBlock { cidr: Some(cidr.into()), except: None }));
            if peer["namespaces"].is_object() || peer["pods"].is_object() {
                answer = answer.or(self.selects_pod(peer, question.peer, &question.subject.namespace));
            }
            // 3.2.17: a name may stand for any address, but for those in the cluster.
            if let End::Address(address) = question.peer
                && !peer["domainNames"].is_null()
                && !self.nodes.values().any(|known| known.contains(&address))
            {
                answer = answer.or(Answer::Maybe);
            }
        }
        answer.or(self.blocks_match(&blocks.iter().collect::<Vec<_>>(), question))
    }

    fn protocol_matches(&self, entry: &Value, question: &Question<'_>) -> bool {
        for named in ["destinationNamedPort", "namedPort"] {
            if let Some(name) = entry[named].as_str() {
                return self.name_matches(name, question);
            }
        }
        let protocol = match question.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        };
        let port = &entry[protocol]["destinationPort"];
        let number = i64::from(question.port);
        let within = |first: &Value, last: &Value| {
            first.as_i64().is_some_and(|first| first <= number)
                && last.as_i64().is_some_and(|last| number <= last)
        };
        // Of v1alpha1, where the protocol is a field.
        let (one, range) = (&entry["portNumber"], &entry["portRange"]);
        let is_of = |port: &Value| facts::protocol(port["protocol"].as_str()) == question.protocol;
        within(&port["number"], &port["number"])
            || within(&port["range"]["start"], &port["range"]["end"])
            || (is_of(one) && within(&one["port"], &one["port"]))
            || (is_of(range) && within(&range["start"], &range["end"]))
    }
}

fn peers(rule: &Value) -> impl Iterator<Item = &Value> {
    list(&rule["from"]).chain(list(&rule["to"]))
}

/// The elements of a list that may be absent.
pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn read(selector: &Value) -> LabelSelector {
    serde_json::from_value(selector.clone()).expect("valid input: a selector")
}
