//! The words of explanations: names, selectors, ports and rules; the sentences on verdicts and on what to change are made of
//! them. Nothing here is escaped: that is the business of whoever prints them.

mod advice;
mod verdict;

use crate::cluster::{Cluster, NamespaceId, PodId};
use crate::label::{KeyId, LabelSetId, LabelValue, Operator, Requirement, SelectorId};
use crate::net::{Direction, PortSet, Protocol};
use crate::policy::{
    Action, NamespaceMatch, Peer, Peers, PodMatch, Policy, PolicyId, PortMatch, Ports, Rule, Tier,
};
use crate::query::endpoint::{self, Target};
use crate::solve::End;

/// Words about one cluster.
#[derive(Clone, Copy)]
pub(in crate::render) struct Words<'c> {
    pub(in crate::render) cluster: &'c Cluster,
}

/// The most exceptions of a block that are spelled out: more are counted.
const SPELLED_OUT: usize = 2;

fn list(items: impl IntoIterator<Item = String>, separator: &str) -> String {
    items.into_iter().collect::<Vec<_>>().join(separator)
}

/// True if a named port and those that follow it are one name of any protocol.
fn any_protocol(first: &PortMatch, others: &[PortMatch]) -> bool {
    let PortMatch::Named { name, .. } = first else { return false };
    let three = std::iter::once(first).chain(others).take(Protocol::ALL.len());
    let named = three.map(|port| match port {
        PortMatch::Named { protocol, name: other } if other == name => Some(*protocol),
        _ => None,
    });
    named.eq(Protocol::ALL.into_iter().map(Some))
}

impl<'c> Words<'c> {
    /// `shop/web[0]`, or an address.
    pub(in crate::render) fn end(self, end: End) -> String {
        match end {
            End::Pod(pod, index) => self.cluster.pod_path(pod, index),
            End::Address(address) => address.to_string(),
        }
    }

    /// The name of a target: that of the pod if it is one, else the text as it was given, without its port.
    pub(super) fn target(self, target: &Target) -> String {
        match &target.ends.pods[..] {
            [(pod, range)] if target.is_single() => self.cluster.pod_path(*pod, range.start),
            _ if matches!(target.ports, endpoint::Ports::ByDestination { .. }) => target.text.clone(),
            _ => target.end.clone(),
        }
    }

    /// The reason why it is not known whether an end belongs to what was asked for, and a way to find out.
    pub(in crate::render) fn doubt(self, asked: &str, end: End, is_by_label: bool) -> String {
        let name = self.end(end);
        let (End::Pod(pod, _), true) = (end, is_by_label) else {
            let which = match end {
                End::Pod(..) => {
                    format!("whether {name} belongs to `{asked}` is not known: its address is not given")
                }
                End::Address(_) => format!("{name} may be the address of a pod: not all of theirs are given"),
            };
            return format!(
                "{which}; say where pods are with `--pod-cidr`, or ask about a dump of the cluster"
            );
        };
        let namespace = &self.cluster.namespaces[self.cluster.pods[pod].namespace];
        let why = if self.cluster.labels.sets[namespace.labels].is_complete() {
            "not all of its labels are known; say them with `--assume`".to_owned()
        } else {
            let ns = &namespace.name;
            format!(
                "the input does not declare namespace `{ns}`; add the Namespace, or say `--assume ns/{ns} KEY=VALUE`"
            )
        };
        format!("whether {name} belongs to `{asked}` is not known: {why}")
    }

    /// `NetworkPolicy shop/default-deny`.
    pub(in crate::render) fn policy(self, policy: PolicyId) -> String {
        self.cluster.policies[policy].name.to_string()
    }

    pub(in crate::render) fn key(self, key: KeyId) -> &'c str {
        &self.cluster.labels.keys[key]
    }

    fn pod(self, pod: PodId) -> String {
        self.cluster.pod_path(pod, 0)
    }

    fn namespace_of(self, pod: PodId) -> &'c str {
        &self.cluster.namespaces[self.cluster.pods[pod].namespace].name
    }

    /// The label that would be needed, and the one that is there: `had label `env: prod` (it has `env: test`)`.
    fn if_it_had(self, requirement: &Requirement, labels: LabelSetId) -> String {
        let key = self.key(requirement.key);
        let is = match self.cluster.labels.sets[labels].get(requirement.key) {
            None if requirement.operator == Operator::Exists => "it has none".to_owned(),
            None => format!("it has no label `{key}`"),
            Some(LabelValue::Known(value)) => {
                format!("it has `{key}: {}`", self.cluster.labels.values[value])
            }
            Some(LabelValue::Present | LabelValue::Unknown) => format!("it has another `{key}`"),
        };
        format!("had {} ({is})", self.wanted(requirement))
    }

    /// `label `app: web``, or its key alone where nobody wrote the value.
    fn label(self, key: KeyId, labels: LabelSetId) -> String {
        let name = self.key(key);
        match self.cluster.labels.sets[labels].get(key) {
            Some(LabelValue::Known(value)) => {
                format!("label `{name}: {}`", self.cluster.labels.values[value])
            }
            _ => format!("label `{name}`"),
        }
    }

    /// The label a requirement asks for: `label `env: prod``.
    pub(in crate::render) fn wanted(self, requirement: &Requirement) -> String {
        let key = self.key(requirement.key);
        let values =
            list(requirement.values.iter().map(|v| format!("`{}`", self.cluster.labels.values[*v])), ", ");
        match (requirement.operator, &*requirement.values) {
            (Operator::In, [value]) => format!("label `{key}: {}`", self.cluster.labels.values[*value]),
            (Operator::In, _) => format!("label `{key}` with one of {values}"),
            (Operator::NotIn, [value]) => format!("no label `{key}: {}`", self.cluster.labels.values[*value]),
            (Operator::NotIn, _) => format!("no label `{key}` with one of {values}"),
            (Operator::Exists, _) => format!("a label `{key}`"),
            (Operator::DoesNotExist, _) => format!("no label `{key}`"),
        }
    }

    /// For a selector that asks for the name of a namespace under another key: the label every namespace has.
    pub(in crate::render) fn automatic(self, requirement: &Requirement, namespace: NamespaceId) -> String {
        let name = &self.cluster.namespaces[namespace].name;
        let meant = requirement.operator == Operator::In
            && requirement.values.iter().any(|value| self.cluster.labels.values[*value] == *name);
        if meant {
            format!("; the automatic label is `kubernetes.io/metadata.name: {name}`")
        } else {
            String::new()
        }
    }

    /// A value that would meet a requirement, for `--assume`.
    pub(in crate::render) fn value(self, requirement: &Requirement) -> &'c str {
        match (requirement.operator, &*requirement.values) {
            (Operator::In, [value, ..]) => &self.cluster.labels.values[*value],
            _ => "VALUE",
        }
    }

    /// A requirement as kubectl writes it.
    fn requirement(self, requirement: &Requirement) -> String {
        let key = self.key(requirement.key);
        let values =
            || list(requirement.values.iter().map(|v| self.cluster.labels.values[*v].to_string()), ",");
        match (requirement.operator, &*requirement.values) {
            (Operator::In, [value]) => format!("{key}={}", self.cluster.labels.values[*value]),
            (Operator::NotIn, [value]) => format!("{key}!={}", self.cluster.labels.values[*value]),
            (Operator::In, _) => format!("{key} in ({})", values()),
            (Operator::NotIn, _) => format!("{key} notin ({})", values()),
            (Operator::Exists, _) => key.to_owned(),
            (Operator::DoesNotExist, _) => format!("!{key}"),
        }
    }

    /// A selector as kubectl writes it; empty for everything.
    fn selector(self, selector: SelectorId) -> String {
        let requirements = self.cluster.labels.selectors[selector].requirements();
        list(requirements.iter().map(|r| self.requirement(r)), ",")
    }

    /// `namespaces `env=prod``, or `namespaces with label `env`` where the key is all that is asked for; `None` for
    /// everything.
    fn selected(self, noun: &str, selector: SelectorId) -> Option<String> {
        let requirements = self.cluster.labels.selectors[selector].requirements();
        let [requirement] = requirements else {
            return (!requirements.is_empty()).then(|| format!("{noun} `{}`", self.selector(selector)));
        };
        let key = self.key(requirement.key);
        Some(match requirement.operator {
            Operator::Exists => format!("{noun} with label `{key}`"),
            Operator::DoesNotExist => format!("{noun} without label `{key}`"),
            Operator::In | Operator::NotIn => format!("{noun} `{}`", self.requirement(requirement)),
        })
    }

    /// `pods `app=web` of namespaces `env=prod``.
    fn pods(self, selectors: &PodMatch) -> String {
        let pods = self.selected("pods", selectors.pods).unwrap_or_else(|| "all pods".to_owned());
        match selectors.namespaces {
            NamespaceMatch::One(id) => format!("{pods} of namespace `{}`", self.cluster.namespaces[id].name),
            NamespaceMatch::Labels(selector) => match self.selected("namespaces", selector) {
                None => format!("{pods} of all namespaces"),
                Some(namespaces) => format!("{pods} of {namespaces}"),
            },
            NamespaceMatch::SameLabels(selector) => {
                format!("{pods} of namespaces with the subject's value of {}", self.keys(selector, "and"))
            }
            NamespaceMatch::OtherLabels(selector) => format!(
                "{pods} of namespaces with another value of {} than the subject's",
                self.keys(selector, "or")
            ),
        }
    }

    /// The keys that a selector asks for: "`tenant` and `env`".
    fn keys(self, selector: SelectorId, last: &str) -> String {
        let requirements = self.cluster.labels.selectors[selector].requirements().iter();
        let mut keys: Vec<String> =
            requirements.map(|requirement| format!("`{}`", self.key(requirement.key))).collect();
        keys.sort_unstable();
        match keys.split_last() {
            Some((end, rest)) if !rest.is_empty() => format!("{} {last} {end}", rest.join(", ")),
            _ => keys.concat(),
        }
    }

    /// One element of `from` or `to`.
    pub(super) fn peer(self, peer: &Peer) -> String {
        match peer {
            Peer::Pods(selectors) => self.pods(selectors),
            Peer::DomainNames(names) => {
                format!("addresses of {}", list(names.iter().map(|name| format!("`{name}`")), ", "))
            }
            Peer::IpBlock(block) => {
                let except = match &block.except[..] {
                    [] => String::new(),
                    few if few.len() <= SPELLED_OUT => {
                        format!(" except {}", list(few.iter().map(ToString::to_string), ", "))
                    }
                    many => format!(" except {} ranges", many.len()),
                };
                format!("addresses in {}{except}", block.cidr)
            }
        }
    }

    /// The `ports` of a rule as written.
    pub(super) fn ports(ports: &Ports) -> String {
        let Ports::Of(ports) = ports else { return "all ports".into() };
        let mut rest = &ports[..];
        let mut said = Vec::new();
        while let [first, others @ ..] = rest {
            rest = others;
            said.push(match first {
                PortMatch::Range { protocol, first, last } => {
                    PortSet::from_range(*protocol, *first, *last).to_string()
                }
                PortMatch::Named { name, .. } if any_protocol(first, others) => {
                    rest = &others[Protocol::ALL.len() - 1..];
                    format!("{name} (any protocol)")
                }
                PortMatch::Named { protocol, name } => format!("{name}/{protocol}"),
            });
        }
        said.join(", ")
    }

    /// `8000/TCP from pods `tier=web` of namespace `shop``: a rule as written.
    pub(in crate::render) fn rule_text(self, direction: Direction, rule: &Rule) -> String {
        let peers = match &rule.peers {
            Peers::Any => "everybody".to_owned(),
            Peers::Of(peers) => list(peers.iter().map(|peer| self.peer(peer)), ", or "),
        };
        format!("{} {} {peers}", Self::ports(&rule.ports), Self::preposition(direction))
    }

    /// The action of a rule, by one name for all kinds; `None` in tiers without ordered rules.
    pub(super) fn action(policy: &Policy, rule: &Rule) -> Option<&'static str> {
        policy.tier.is_ordered().then_some(match rule.action {
            Action::Accept => "Accept",
            Action::Deny => "Deny",
            Action::Pass => "Pass",
        })
    }

    /// The action of a rule, as its kind writes it; `None` in tiers without ordered rules.
    pub(super) fn written_action(policy: &Policy, rule: &Rule) -> Option<&'static str> {
        Self::action(policy, rule).map(|action| match rule.action {
            Action::Accept if policy.says_allow() => "Allow",
            _ => action,
        })
    }

    /// `, Admin tier, priority 20`; empty for a NetworkPolicy.
    pub(super) fn place(policy: &Policy) -> String {
        let tier = match policy.tier {
            Tier::Admin => ", Admin tier",
            Tier::Baseline => ", Baseline tier",
            Tier::NetworkPolicy | Tier::Unevaluated | Tier::Restricting => return String::new(),
        };
        format!("{tier}{}", Self::priority(policy))
    }

    /// `, priority 20`; empty for a kind that has none.
    pub(super) fn priority(policy: &Policy) -> String {
        policy.written_priority().map(|priority| format!(", priority {priority}")).unwrap_or_default()
    }

    /// The preposition before the other end of a connection.
    pub(super) const fn preposition(direction: Direction) -> &'static str {
        match direction {
            Direction::Ingress => "from",
            Direction::Egress => "to",
        }
    }

    /// `spec.ingress[0]`.
    pub(in crate::render) fn rule_path(self, policy: PolicyId, direction: Direction, rule: usize) -> String {
        self.cluster.policies[policy].rules[direction][rule].written.rule.to_string()
    }
}
