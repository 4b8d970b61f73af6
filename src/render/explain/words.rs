//! The sentences of explanations. Nothing here is escaped: that is the business of whoever prints them.

use crate::cluster::{Cluster, NamespaceId, PodId};
use crate::label::{KeyId, LabelSetId, LabelValue, Operator, Requirement, SelectorId, Truth};
use crate::net::{Direction, Family, PortSet, Protocol};
use crate::policy::{
    Action, NamespaceMatch, Peer, Peers, PodMatch, Policy, PolicyId, PortMatch, Ports, Rule, Tier,
};
use crate::query::can::Verdict;
use crate::query::endpoint::{self, Target};
use crate::query::explain::{
    Counted, Coverage, Fix, Meant, Miss, NoFix, PairExplanation, Reason, RuleId, Slip, Tie, TierStep,
};
use crate::render::text::count;
use crate::solve::End;
use crate::solve::proof::{Basis, BlockStep, Exemption, FamilyProof, PeerProof, PeerStep, PolicyProof, PortStep, RuleProof, Side};

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

    /// A rule by its policy and its path.
    pub(super) fn rule_name(self, (policy, rule): RuleId, direction: Direction) -> String {
        format!("{} {}", self.policy(policy), self.rule_path(policy, direction, rule))
    }

    /// The result of a tier on what was asked.
    pub(super) fn tier(self, explanation: &PairExplanation, side: &Side, step: &TierStep) -> String {
        let name = match step.tier {
            Tier::Admin => "Admin tier",
            Tier::NetworkPolicy => "NetworkPolicy tier",
            Tier::Baseline => "Baseline tier",
            Tier::Unevaluated | Tier::Restricting => return "not evaluated".to_owned(),
        };
        if step.reached.is_empty() {
            return format!("{name}: not reached");
        }
        let mut said = self.counted(side.direction, step);
        said.extend(step.ties.iter().map(|tie| (tie.ports.clone(), self.tie(side.direction, tie))));
        if !step.shut.is_empty() {
            said.push((step.shut.clone(), "denied, since no rule admits it".to_owned()));
        } else if step.tier == Tier::NetworkPolicy && !step.left.is_empty() {
            said.push((step.left.clone(), self.not_isolated(explanation, side, step)));
        }
        if said.is_empty() {
            said.push((step.reached.clone(), "no rule matches".to_owned()));
        }
        let reached =
            if step.reached == explanation.asked { String::new() } else { format!(" for {}", step.reached) };
        let is_one = said.len() == 1;
        let said = said.into_iter().map(|(ports, what)| {
            if is_one || ports == step.reached { what } else { format!("{what} ({ports})") }
        });
        format!("{name}{reached}: {}", list(said, "; "))
    }

    /// The rules that count in a tier, by what they do, and on which ports.
    fn counted(self, direction: Direction, step: &TierStep) -> Vec<(PortSet, String)> {
        let mut said = Vec::new();
        let deeds = [
            (Action::Accept, false, "accepted"),
            (Action::Accept, true, "allowed"),
            (Action::Deny, false, "denied"),
            (Action::Pass, false, "passed on"),
        ];
        for (is_sure, perhaps) in [(true, ""), (false, "perhaps ")] {
            for (action, says_allow, done) in deeds {
                let is_meant = |one: &&Counted| {
                    let allows = action == Action::Accept && self.cluster.policies[one.rule.0].says_allow();
                    one.is_sure == is_sure && one.action == action && allows == says_allow
                };
                let rules: Vec<&Counted> = step.rules.iter().filter(is_meant).collect();
                if !rules.is_empty() {
                    let ports = rules.iter().fold(PortSet::empty(), |all, one| all.union(&one.ports));
                    let names = rules.iter().map(|one| self.rule_name(one.rule, direction));
                    said.push((ports, format!("{perhaps}{done} by {}", list(names, ", "))));
                }
            }
        }
        said
    }

    /// `priority tie (50), A spec.ingress[0] accepts, B spec.ingress[1] denies`.
    fn tie(self, direction: Direction, tie: &Tie) -> String {
        let rules = tie.rules.iter().map(|one| {
            let does = match one.action {
                Action::Accept if self.cluster.policies[one.rule.0].says_allow() => "allows",
                Action::Accept => "accepts",
                Action::Deny => "denies",
                Action::Pass => "passes",
            };
            format!("{} {does}", self.rule_name(one.rule, direction))
        });
        let priority = tie.rules.iter().map(|one| self.cluster.policies[one.rule.0].priority).next();
        format!("priority tie ({}): {}", priority.unwrap_or_default(), list(rules, ", "))
    }

    /// The reason why ports go on from the tier of NetworkPolicies.
    fn not_isolated(self, explanation: &PairExplanation, side: &Side, step: &TierStep) -> String {
        let direction = side.direction;
        if step.policies > 0 {
            let of_tier = |proof: &&PolicyProof| self.cluster.policies[proof.policy].tier == step.tier;
            let names = side.policies.iter().filter(of_tier).map(|proof| self.policy(proof.policy));
            return format!("perhaps isolated by {}", list(names, ", "));
        }
        let names: Vec<String> =
            explanation.elsewhere[direction].iter().map(|policy| self.policy(*policy)).collect();
        let isolate = if names.len() == 1 { "isolates" } else { "isolate" };
        match &names[..] {
            [] => "no policy isolates it".to_owned(),
            names => format!(
                "no policy isolates {}; {} {isolate} {} only",
                direction.as_str(),
                names.join(", "),
                direction.other().as_str()
            ),
        }
    }

    /// The ports that no tier decides, if there are any.
    pub(super) fn default(explanation: &PairExplanation, side: &Side, steps: &[TierStep]) -> Option<String> {
        let left = &steps.last()?.left;
        let is_sure = side.policies.iter().all(|proof| proof.selects.sure())
            && steps.iter().all(|step| {
                let is_evaluated = step.tier.is_evaluated();
                is_evaluated && step.ties.is_empty() && step.rules.iter().all(|one| one.is_sure)
            });
        let ports =
            if *left == explanation.asked { String::new() } else { format!("{left} ") };
        (!left.is_empty()).then(|| {
            if is_sure {
                format!("{ports}allowed by default: no policy decides")
            } else {
                format!("{ports}allowed by default where no policy decides")
            }
        })
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
        let steps = &step.ports.each;
        // A name of any protocol is one port of each: it is there if one of them is.
        let is_resolved = |i: usize| {
            let places = &rule.written.ports;
            (0..ports.len()).any(|j| places[j] == places[i] && steps[j] == PortStep::Resolved)
        };
        let named = ports.iter().zip(steps).enumerate().filter_map(|(i, (port, step))| {
            let PortMatch::Named { name, .. } = port else { return None };
            let why = match step {
                PortStep::Undeclared => "the destination does not declare",
                PortStep::NotAPod => "an address does not have",
                PortStep::HostNetwork => "a hostNetwork pod does not have, as it is its node",
                PortStep::Ambiguous => "the CNI skips because it stands for several numbers",
                PortStep::OtherNamespace => "the CNI does not resolve in other namespaces",
                PortStep::Numbers | PortStep::Resolved => return None,
            };
            (!is_resolved(i)).then(|| format!("the name `{name}`, which {why}"))
        });
        let mut parts: Vec<String> = Vec::new();
        if !step.ports.matched.is_empty() {
            parts.push(step.ports.matched.to_string());
        }
        parts.extend(named);
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
            PeerStep::Address => format!("{what}: {peer} is not a pod, and selectors match pods only"),
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
        let differing = explanation.differing_families();
        if differing.is_empty() {
            return list(said, "; ");
        }
        let name = Self::family(family.family);
        let said = said.map(|said| format!("{name}: {said}"));
        list(std::iter::once(self.families(explanation, differing)).chain(said), "; ")
    }

    /// The name of a family.
    pub(super) const fn family(family: Family) -> &'static str {
        match family {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        }
    }

    /// `allowed over IPv4, denied over IPv6`.
    pub(super) fn families(self, explanation: &PairExplanation, families: &[FamilyProof]) -> String {
        let said = families.iter().map(|family| {
            let name = Self::family(family.family);
            let bounds = family.connectivity();
            let allowed = bounds.must.intersection(&explanation.asked);
            match Verdict::of(&bounds, &explanation.asked) {
                Verdict::Allow => format!("allowed over {name}"),
                Verdict::Unknown => format!("not decided by the input over {name}"),
                Verdict::Deny if allowed.is_empty() => format!("denied over {name}"),
                Verdict::Deny => format!("only {allowed} allowed over {name}"),
            }
        });
        list(said, ", ")
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
            Verdict::Allow if deciding.is_empty() && self.has_tiers(side) => {
                format!("{of} is allowed by default: no policy decides")
            }
            Verdict::Allow if deciding.is_empty() => format!("{of} is open: no policy isolates it"),
            Verdict::Allow => match self.by_default(explanation, side) {
                None => format!("{of} is allowed by {rules}"),
                Some(ports) => format!("{of} is allowed by {rules}, and by default for {ports}"),
            },
            Verdict::Deny if deciding.is_empty() => {
                format!("{of} is denied: isolated by {}, and no rule admits it", self.isolating(side))
            }
            Verdict::Deny => format!("{of} is denied by {rules}"),
            Verdict::Unknown => format!("{of} is not decided by the input"),
        }
    }

    /// True if policies of other tiers than that of NetworkPolicies are asked.
    pub(super) fn has_tiers(self, side: &Side) -> bool {
        side.policies.iter().any(|proof| self.cluster.policies[proof.policy].tier.is_ordered())
    }

    /// The ports of a side that no tier decides, where some are decided.
    fn by_default(self, explanation: &PairExplanation, side: &Side) -> Option<PortSet> {
        let left = explanation.tiers(self.cluster, side).pop()?.left;
        (self.has_tiers(side) && !left.is_empty() && left != explanation.asked).then_some(left)
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
        lines.extend(self.closes(fix));
        lines
    }

    /// The line on the connections that a fix closes, if there are any.
    fn closes(self, fix: &Fix) -> Option<String> {
        let closes = &fix.closes;
        let (from, to) = closes.example?;
        let parts = [
            (closes.pairs, "pair of pods", "pairs of pods"),
            (closes.outside, "pod with addresses outside", "pods with addresses outside"),
        ];
        let parts = parts.into_iter().filter(|(number, ..)| *number > 0);
        let parts = parts.map(|(number, one, many)| count(number, one, many));
        Some(format!(
            "it isolates the pods it selects, so connections that are allowed now would be denied: {}, such as {} -> {}; \
             add rules for those that must stay",
            list(parts, ", "),
            self.end(from),
            self.end(to)
        ))
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
            NoFix::Tier(rule, direction) => self.voided(rule, direction),
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

    /// The rule of the Admin tier that would void any NetworkPolicy, and what to change instead.
    fn voided(self, rule: RuleId, direction: Direction) -> String {
        let policy = &self.cluster.policies[rule.0];
        let accepts = if policy.says_allow() { "allows" } else { "accepts" };
        let elsewhere = match policy.priority {
            0 => String::new(),
            priority => format!(" or in one of a priority below {priority}"),
        };
        format!(
            "no NetworkPolicy can help: {} denies it in the Admin tier, which is asked first and would void any; change \
             this rule, or put one before it that {accepts} the connection or passes it on, in this policy{elsewhere}",
            self.rule_name(rule, direction)
        )
    }
}
