//! The sentences of explanations. Nothing here is escaped: that is the business of whoever prints them.

use crate::cluster::{Cluster, NamespaceId, PodId};
use crate::label::{KeyId, LabelSetId, LabelValue, Operator, Requirement, SelectorId, Truth};
use crate::net::{Direction, PortSet};
use crate::policy::{
    Action, NamespaceMatch, Peer, Peers, PodMatch, Policy, PolicyId, PortMatch, Ports, Rule, Tier,
};
use crate::query::can::Verdict;
use crate::query::endpoint::{self, Target};
use crate::query::explain::{Coverage, Fix, Meant, Miss, NoFix, PairExplanation, Reason, Slip, TierStep};
use crate::render::text::count;
use crate::solve::End;
use crate::solve::proof::{Basis, BlockStep, Exemption, PeerProof, PeerStep, PortStep, RuleProof, Side};

/// Words about one cluster.
#[derive(Clone, Copy)]
pub(in crate::render) struct Words<'c> {
    pub(in crate::render) cluster: &'c Cluster,
}

fn list(items: impl IntoIterator<Item = String>, separator: &str) -> String {
    items.into_iter().collect::<Vec<_>>().join(separator)
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
            (Operator::NotIn, _) => format!("no label `{key}`, or one with none of {values}"),
            (Operator::Exists, _) => format!("label `{key}`"),
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

    /// `pods app=web of namespaces with env=prod`.
    fn pods(self, selectors: &PodMatch) -> String {
        let pods = match self.selector(selectors.pods) {
            everything if everything.is_empty() => "all pods".to_owned(),
            selector => format!("pods `{selector}`"),
        };
        match selectors.namespaces {
            NamespaceMatch::One(id) => format!("{pods} of namespace `{}`", self.cluster.namespaces[id].name),
            NamespaceMatch::Labels(selector) => match self.selector(selector) {
                everything if everything.is_empty() => format!("{pods} of all namespaces"),
                selector => format!("{pods} of namespaces `{selector}`"),
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
            Peer::IpBlock(block) if block.except.is_empty() => format!("addresses in {}", block.cidr),
            Peer::IpBlock(block) => format!(
                "addresses in {} except {}",
                block.cidr,
                list(block.except.iter().map(ToString::to_string), ", ")
            ),
        }
    }

    /// The `ports` of a rule as written.
    pub(super) fn ports(ports: &Ports) -> String {
        match ports {
            Ports::Any => "all ports".into(),
            Ports::Of(ports) => list(
                ports.iter().map(|port| match port {
                    PortMatch::Range { protocol, first, last } => {
                        PortSet::from_range(*protocol, *first, *last).to_string()
                    }
                    PortMatch::Named { protocol, name } => format!("{name}/{protocol}"),
                }),
                ", ",
            ),
        }
    }

    /// `8000/TCP from pods `tier=web` of namespace `shop``: a rule as written.
    pub(in crate::render) fn rule_text(self, direction: Direction, rule: &Rule) -> String {
        let peers = match &rule.peers {
            Peers::Any => "everybody".to_owned(),
            Peers::Of(peers) => list(peers.iter().map(|peer| self.peer(peer)), ", or "),
        };
        format!("{} {} {peers}", Self::ports(&rule.ports), Self::preposition(direction))
    }

    /// The action of a rule; `None` in tiers without ordered rules.
    pub(super) fn action(policy: &Policy, rule: &Rule) -> Option<&'static str> {
        policy.tier.is_ordered().then_some(match rule.action {
            Action::Accept => "Accept",
            Action::Deny => "Deny",
            Action::Pass => "Pass",
        })
    }

    /// The result of a tier on what was asked; its name alone if that is not known.
    pub(super) fn tier(
        self,
        explanation: &PairExplanation,
        side: &Side,
        step: &TierStep,
        is_known: bool,
    ) -> String {
        let name = match step.tier {
            Tier::Admin => "Admin tier",
            Tier::NetworkPolicy => "NetworkPolicy tier",
            Tier::Baseline => "Baseline tier",
            Tier::Unevaluated | Tier::Restricting => "not evaluated",
        };
        if !is_known {
            return name.to_owned();
        }
        if step.reached.is_empty() {
            return format!("{name}: not reached");
        }
        let of = |action: Action, done: &str| {
            let rules = step.rules.iter().filter(|(_, is)| *is == action).map(|&((policy, rule), _)| {
                format!("{} {}", self.policy(policy), self.rule_path(policy, side.direction, rule))
            });
            let rules = list(rules, ", ");
            (!rules.is_empty()).then(|| format!("{done} by {rules}"))
        };
        let mut said: Vec<String> =
            [of(Action::Accept, "accepted"), of(Action::Deny, "denied"), of(Action::Pass, "passed on")]
                .into_iter()
                .flatten()
                .collect();
        if step.rules.is_empty() {
            said.push(match step.tier {
                Tier::NetworkPolicy if step.left.is_empty() => "denied, since no rule admits it".to_owned(),
                Tier::NetworkPolicy => "no policy isolates it".to_owned(),
                _ => "no rule matches".to_owned(),
            });
        }
        let reached =
            if step.reached == explanation.asked { String::new() } else { format!(" for {}", step.reached) };
        format!("{name}{reached}: {}", said.join("; "))
    }

    /// The preposition before the other end of a connection.
    pub(super) const fn preposition(direction: Direction) -> &'static str {
        match direction {
            Direction::Ingress => "from",
            Direction::Egress => "to",
        }
    }

    /// The reason why a rule matches the peer and the ports that were asked about, or does not.
    pub(super) fn rule(
        self,
        explanation: &PairExplanation,
        direction: Direction,
        rule: &Rule,
        step: &RuleProof,
    ) -> String {
        let (_, peer) = explanation.ends_of(direction);
        let ports = match explanation.coverage(step) {
            Coverage::All => None,
            Coverage::Some(hit) => Some(format!("of the ports asked for only {hit}")),
            Coverage::None => Some(Self::other_ports(rule, step)),
        };
        let peers = match (&rule.peers, step.peers.truth) {
            (Peers::Any, _) => "everybody".to_owned(),
            (Peers::Of(peers), Truth::Yes) => self.matching_peer(rule, peers, step, peer),
            (Peers::Of(peers), truth) => {
                let each = peers
                    .iter()
                    .zip(&step.peers.each)
                    .filter(|(_, step)| step.truth == truth || truth == Truth::Unknown)
                    .map(|(element, step)| self.peer_step(element, step, peer));
                return match ports {
                    Some(ports) => format!("{}; {ports}", list(each, "; ")),
                    None => list(each, "; "),
                };
            }
        };
        match ports {
            Some(ports) => format!("matches {peers}, but {ports}"),
            None => format!("matches {peers} on {}", explanation.asked),
        }
    }

    /// The peer, and the element of several that matches it.
    fn matching_peer(self, rule: &Rule, peers: &[Peer], step: &RuleProof, peer: End) -> String {
        let end = self.end(peer);
        let matching = step.peers.each.iter().position(|element| element.truth == Truth::Yes);
        match (peers.len(), matching) {
            (2.., Some(place)) => {
                format!("{end} by {} ({})", rule.written.peers[place], self.peer(&peers[place]))
            }
            _ => end,
        }
    }

    fn other_ports(rule: &Rule, step: &RuleProof) -> String {
        let Ports::Of(ports) = &rule.ports else { return "no port".into() };
        let named = ports.iter().zip(&step.ports.each).filter_map(|(port, step)| {
            let PortMatch::Named { name, .. } = port else { return None };
            let why = match step {
                PortStep::Undeclared => "the destination does not declare",
                PortStep::NotAPod => "an address does not have",
                PortStep::HostNetwork => "a hostNetwork pod does not have, as it is its node",
                PortStep::Ambiguous => "the CNI skips because it stands for several numbers",
                PortStep::OtherNamespace => "the CNI does not resolve in other namespaces",
                PortStep::Numbers | PortStep::Resolved => return None,
            };
            Some(format!("the name `{name}`, which {why}"))
        });
        let mut parts: Vec<String> = Vec::new();
        if !step.ports.matched.is_empty() {
            parts.push(step.ports.matched.to_string());
        }
        parts.extend(named);
        // A name of any protocol is one port of each.
        parts.dedup();
        format!("only for {}", parts.join(", "))
    }

    fn peer_step(self, element: &Peer, step: &PeerProof, peer: End) -> String {
        let what = self.peer(element);
        let peer = self.end(peer);
        match step.step {
            PeerStep::Pods { host_network: true, .. } => {
                format!("{what}: {peer} is a hostNetwork pod, which selectors never match")
            }
            PeerStep::Pods { namespace, pods, .. } => {
                let part = match (namespace, pods) {
                    (Truth::No, Truth::No) => "matches neither the namespace nor the labels of",
                    (Truth::No, _) => "does not match the namespace of",
                    (_, Truth::No) => "does not match the labels of",
                    (Truth::Unknown, _) => "perhaps matches: not all is known of the namespace of",
                    (_, Truth::Unknown) => "perhaps matches: not all labels are known of",
                    (Truth::Yes, Truth::Yes) if step.truth == Truth::Yes => "matches",
                    (Truth::Yes, Truth::Yes) => "perhaps matches",
                };
                format!("{what}: {part} {peer}")
            }
            PeerStep::Host => format!("{what}: {peer} is a host, which this label means with this CNI"),
            PeerStep::Name if step.truth == Truth::Unknown => {
                format!("{what}: perhaps {peer}, the input does not say which addresses they are")
            }
            PeerStep::Name => format!("{what}: {peer} is in the cluster, where domain names match nothing"),
            PeerStep::Address => format!("{what}: {peer} is not a pod, and selectors match nothing else"),
            PeerStep::Block(step) => {
                let part = match step {
                    BlockStep::Inside => format!("{peer} is inside"),
                    BlockStep::Outside => format!("{peer} is outside"),
                    BlockStep::Perhaps => format!("the address of {peer} is not known"),
                    BlockStep::Excepted(_) => format!("{peer} is in `except`"),
                    BlockStep::OtherFamily => "the connection is of the other IP family".to_owned(),
                    BlockStep::NotForPods => "with this CNI blocks match no pods".to_owned(),
                };
                format!("{what}: {part}")
            }
        }
    }

    /// The reason why no policy applies to an end.
    pub(in crate::render) fn exemption(exemption: Exemption) -> &'static str {
        match exemption {
            Exemption::NotAPod => "it is not a pod of the input, no policy applies to it",
            Exemption::HostNetwork => "hostNetwork pods are beyond the reach of policies",
            Exemption::NotEnforced => "this CNI does not enforce policies",
            Exemption::BarePod => "this CNI leaves pods without an owner alone",
            Exemption::OwnNode => "connections from the pod's own node are always allowed",
        }
    }

    /// One line on why the verdict is what it is.
    pub(in crate::render) fn headline(self, explanation: &PairExplanation) -> String {
        match &explanation.proof.basis {
            Basis::SamePod => return "nothing comes between a pod and itself".into(),
            Basis::NoCommonFamily => return "the two have no IP family in common".into(),
            Basis::Families(_) => {}
        }
        let Some(family) = explanation.family() else { return String::new() };
        if explanation.verdict == Verdict::Unknown {
            let reasons: Vec<String> = explanation.reasons.iter().map(|r| self.reason(r)).collect();
            return match &reasons[..] {
                [] => "the input does not decide it".into(),
                [one] => format!("not known: {one}"),
                [first, more @ ..] => format!("not known: {first} (and {} more)", more.len()),
            };
        }
        let said = family
            .sides()
            .into_iter()
            .filter(|side| explanation.side_verdict(side) == explanation.verdict)
            .map(|side| self.side(explanation, side));
        list(said, "; ")
    }

    /// One line on a side.
    pub(super) fn side(self, explanation: &PairExplanation, side: &Side) -> String {
        let (subject, _) = explanation.ends_of(side.direction);
        let direction = side.direction.as_str();
        let of = format!("{direction} of {}", self.end(subject));
        if let Some(exemption) = side.exemption {
            return format!("{of} is open: {}", Self::exemption(exemption));
        }
        let deciding = explanation.decided_by(self.cluster, side);
        let rules = list(
            deciding.iter().map(|&(policy, rule)| {
                format!("{} {}", self.policy(policy), self.rule_path(policy, side.direction, rule))
            }),
            ", ",
        );
        match explanation.side_verdict(side) {
            Verdict::Allow if deciding.is_empty() => format!("{of} is open: no policy isolates it"),
            Verdict::Allow => format!("{of} is allowed by {rules}"),
            Verdict::Deny if deciding.is_empty() => {
                format!("{of} is denied: isolated by {}, and no rule admits it", self.isolating(side))
            }
            Verdict::Deny => format!("{of} is denied by {rules}"),
            Verdict::Unknown => format!("{of} is not decided by the input"),
        }
    }

    /// The policies that isolate the subject of a side, the first few by name.
    fn isolating(self, side: &Side) -> String {
        const MOST: usize = 3;
        let names: Vec<String> = side
            .policies
            .iter()
            .filter(|proof| proof.selects.sure())
            .filter(|proof| self.cluster.policies[proof.policy].tier == Tier::NetworkPolicy)
            .map(|proof| self.policy(proof.policy))
            .collect();
        match names.len().checked_sub(MOST) {
            None | Some(0) => names.join(", "),
            Some(more) => format!("{} and {more} more", names[..MOST].join(", ")),
        }
    }

    /// `spec.ingress[0]`.
    pub(in crate::render) fn rule_path(self, policy: PolicyId, direction: Direction, rule: usize) -> String {
        self.cluster.policies[policy].rules[direction][rule].written.rule.to_string()
    }

    /// A missing fact and how to supply it.
    pub(in crate::render) fn reason(self, reason: &Reason) -> String {
        match reason {
            Reason::NotEvaluated(policy) if self.cluster.policies[*policy].is_left_out() => {
                format!(
                    "what {} says: it was left out because of its errors; correct them",
                    self.policy(*policy)
                )
            }
            Reason::NotEvaluated(policy) => format!(
                "what {} makes of it: policies of this kind are not evaluated; `--ignore-kind {}` leaves them out",
                self.policy(*policy),
                self.cluster.policies[*policy].name.kind
            ),
            Reason::NamespaceLabel(namespace, requirement) => {
                let name = &self.cluster.namespaces[*namespace].name;
                let (key, value) = (self.key(requirement.key), self.value(requirement));
                format!(
                    "whether namespace `{name}` has {}: the input does not declare it; add the Namespace, or say `--assume ns/{name} {key}={value}`{}",
                    self.wanted(requirement),
                    self.automatic(requirement, *namespace)
                )
            }
            Reason::PodLabel(pod, requirement) => {
                let (path, key) = (self.pod(*pod), self.key(requirement.key));
                format!(
                    "whether pod `{path}` has {}: a controller chooses the value; say `--assume pod/{path} {key}={}`",
                    self.wanted(requirement),
                    self.value(requirement)
                )
            }
            Reason::Tie(a, b) => format!(
                "which of {} and {} counts: they have the same tier and priority and disagree, and the API lets \
                 the implementation choose; give them different priorities",
                self.policy(*a),
                self.policy(*b)
            ),
            Reason::DomainName(name) => {
                format!("which addresses `{name}` stands for: DNS answers are not in the input")
            }
            Reason::PodAddress(pod) => format!(
                "the address of pod `{}`: the input does not give it; dump the pod with its status, or say `--pod-cidr CIDR`",
                self.pod(*pod)
            ),
        }
    }

    /// The one thing that keeps a rule from matching.
    pub(super) fn miss(self, miss: &Miss) -> String {
        match miss {
            Miss::Subject(pod, requirement) => {
                let labels = self.cluster.pods[*pod].labels;
                format!("would apply if pod `{}` {}", self.pod(*pod), self.if_it_had(requirement, labels))
            }
            Miss::NamespaceLabel(namespace, requirement) => {
                let facts = &self.cluster.namespaces[*namespace];
                format!(
                    "would match if namespace `{}` {}{}",
                    facts.name,
                    self.if_it_had(requirement, facts.labels),
                    self.automatic(requirement, *namespace)
                )
            }
            Miss::NothingToCompare { namespace, key, is_subject } => format!(
                "compares label `{}` of namespaces, which namespace `{}`{} lacks: then nothing matches",
                self.key(*key),
                self.cluster.namespaces[*namespace].name,
                if *is_subject { ", the subject's own," } else { "" }
            ),
            Miss::PodLabel(pod, requirement) => {
                let labels = self.cluster.pods[*pod].labels;
                format!("would match if pod `{}` {}", self.pod(*pod), self.if_it_had(requirement, labels))
            }
            Miss::OtherNamespace(pod, own) => format!(
                "a podSelector alone means namespace `{}`; pod `{}` has the labels, but is in `{}`: add a namespaceSelector to the same element",
                self.cluster.namespaces[*own].name,
                self.pod(*pod),
                self.namespace_of(*pod)
            ),
            Miss::OtherKey { pod, own, requirement, key, of_namespace } => {
                let whose = if *of_namespace {
                    format!("namespace `{}`", self.namespace_of(*pod))
                } else {
                    format!("pod `{}`", self.pod(*pod))
                };
                let labels = if *of_namespace {
                    self.cluster.namespaces[self.cluster.pods[*pod].namespace].labels
                } else {
                    self.cluster.pods[*pod].labels
                };
                let has = format!("{whose} has {}", self.label(*key, labels));
                let asks = format!("asks for {}", self.wanted(requirement));
                match own {
                    Some(own) => format!(
                        "{asks}, {has}; and a podSelector alone means namespace `{}`, pod `{}` is in `{}`: correct the label, and add a namespaceSelector to the same element",
                        self.cluster.namespaces[*own].name,
                        self.pod(*pod),
                        self.namespace_of(*pod)
                    ),
                    None => format!("{asks}, {has}"),
                }
            }
            Miss::LabelOfPod(pod, requirement) => format!(
                "asks the namespace for {}, which pod `{}` has: labels of pods belong in a podSelector",
                self.wanted(requirement),
                self.pod(*pod)
            ),
            Miss::LabelOfNamespace(pod, requirement) => format!(
                "asks the pod for {}, which namespace `{}` has: labels of namespaces belong in a namespaceSelector",
                self.wanted(requirement),
                self.namespace_of(*pod)
            ),
            Miss::ServiceAddress(service, address) => format!(
                "{address} is an address of Service `{service}`; policies see what stands behind it, never its own address (I13)"
            ),
            Miss::HostNetwork(pod) => format!(
                "the selectors fit, but `{}` is a hostNetwork pod, which only a block with its node's address matches",
                self.pod(*pod)
            ),
            Miss::Address => "`namespaceSelector: {}` means the pods of all namespaces, not addresses outside: those need an ipBlock or no `from`/`to` at all".into(),
            Miss::Except(cidr, except) => format!("{cidr} holds the address, but `except` takes out {except}"),
            Miss::OtherFamily(cidr) => format!("{cidr} is everything of one IP family, and the connection uses the other"),
            Miss::NotForPods(cidr) => format!("{cidr} holds the pod's address, but with this CNI blocks match no pods"),
            Miss::Protocol(protocol) => {
                format!("the number fits, but the rule is for {protocol} (TCP when it names no protocol)")
            }
            Miss::OtherPorts(ports) => format!("the peer matches, but on {ports}"),
            Miss::ServicePort(service, port) => format!(
                "{port} is the port of Service `{service}`; policies see the target port, behind it"
            ),
            Miss::Undeclared(name, protocol, pod) => format!(
                "the peer matches, but `{}` declares no port named `{name}`{}",
                self.pod(*pod),
                protocol.map(|protocol| format!(" for {protocol}")).unwrap_or_default()
            ),
            Miss::NamedElsewhere(name, ports) => {
                format!("the peer matches, but the name `{name}` stands for {ports} on the destination")
            }
        }
    }

    /// The reason why a policy does not block what it was perhaps meant to block.
    pub(super) fn slip(self, meant: &Meant) -> String {
        let direction = meant.direction.as_str();
        match &meant.slip {
            Slip::Label(pod, requirement) => {
                let labels = self.cluster.pods[*pod].labels;
                format!(
                    "would isolate {direction} of `{}` if it {}",
                    self.pod(*pod),
                    self.if_it_had(requirement, labels)
                )
            }
            Slip::LabelOfWorkload(pod, requirement) => {
                let workload = self.cluster.workload_name(self.cluster.pods[*pod].workload);
                format!(
                    "asks for {}, which {workload} has, but its pods have not: policies see the labels of pods, those of `spec.template`",
                    self.wanted(requirement)
                )
            }
            Slip::Namespace(pod) => {
                let own = &self.cluster.policies[meant.policy].name.namespace;
                format!(
                    "fits the labels of `{}`, but is a policy of namespace `{own}`, not of `{}`: a policy selects pods of its own namespace only",
                    self.pod(*pod),
                    self.namespace_of(*pod)
                )
            }
            Slip::Types(pod) => format!(
                "selects `{}` and has {direction} rules, which mean nothing without `{}` in `policyTypes`",
                self.pod(*pod),
                match meant.direction {
                    Direction::Ingress => "Ingress",
                    Direction::Egress => "Egress",
                }
            ),
            Slip::Alternatives(namespace, pods) => {
                let field = Self::preposition(meant.direction);
                format!(
                    "{field}[{namespace}] and {field}[{pods}] are two elements, and each admits on its own; one element with a namespaceSelector and a podSelector would ask for both"
                )
            }
        }
    }

    /// Lines on the pairs that a fix leaves denied, and those that it opens beside what was asked for.
    pub(super) fn fix(self, fix: &Fix) -> Vec<String> {
        let mut lines = Vec::new();
        for ((from, to), why) in &fix.remain {
            let why = why.map(|why| format!(": {}", self.no_fix(why))).unwrap_or_default();
            lines.push(format!("still denied: {} -> {}{why}", self.end(*from), self.end(*to)));
        }
        let more = fix.remaining.saturating_sub(fix.remain.len() as u128);
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        let opens = &fix.opens;
        let mut parts = Vec::new();
        for (number, one, many) in [
            (opens.pairs, "other pair of pods is allowed, too", "other pairs of pods are allowed, too"),
            (
                opens.perhaps,
                "other pair of pods is perhaps allowed, too",
                "other pairs of pods are perhaps allowed, too",
            ),
            (
                opens.outside,
                "pod opens to addresses that were not asked about",
                "pods open to addresses that were not asked about",
            ),
        ] {
            if number > 0 {
                parts.push(count(number, one, many));
            }
        }
        if let (Some((from, to)), false) = (opens.example, parts.is_empty()) {
            parts.push(format!("such as {} -> {}", self.end(from), self.end(to)));
        }
        lines.push(if parts.is_empty() { "nothing else opens".into() } else { list(parts, ", ") });
        lines
    }

    /// The reason why there is no fix.
    pub(super) fn no_fix(self, why: NoFix) -> String {
        match why {
            NoFix::NoPort => {
                "none without a port, since one for every port would open too much: ask about `TO:PORT`"
                    .into()
            }
            NoFix::Closes(pod) => format!(
                "no labels tell `{}` from pods that no policy isolates, and that a policy for it would cut off",
                self.pod(pod)
            ),
            NoFix::NotFound => "no simple addition allows it and closes nothing".into(),
            NoFix::NoCommonFamily => "no policy can help: the two have no IP family in common".into(),
            NoFix::Tier(policy) => {
                format!("no NetworkPolicy can help: {} denies it, change that", self.policy(policy))
            }
            NoFix::AddressUnknown(pod) => format!(
                "it takes an ipBlock with the node address of hostNetwork pod `{}`, which the input does not give",
                self.pod(pod)
            ),
            NoFix::NotForPods(pod) => format!(
                "`{}` is a hostNetwork pod, which no selector and with this CNI no block matches",
                self.pod(pod)
            ),
        }
    }
}
