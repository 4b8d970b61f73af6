//! The sentences on what to change: near misses, slips and fixes.

use super::{Words, list};
use crate::net::Direction;
use crate::query::explain::{Fix, Meant, Miss, NoFix, RuleId, Slip};
use crate::render::text::count;

impl Words<'_> {
    /// The one thing that keeps a rule from matching.
    pub(in crate::render) fn miss(self, miss: &Miss) -> String {
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
    pub(in crate::render) fn slip(self, meant: &Meant) -> String {
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
    pub(in crate::render) fn fix(self, fix: &Fix) -> Vec<String> {
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
        if fix.keeps {
            lines.push(
                "it also admits what rules of the Baseline tier accept, which are not asked any more".into(),
            );
        }
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
            "it isolates the pods it selects, which denies connections that are allowed now: of {}, such as {} -> {}; add \
             rules for those that must stay allowed",
            list(parts, " and of "),
            self.end(from),
            self.end(to)
        ))
    }

    /// The reason why there is no fix.
    pub(in crate::render) fn no_fix(self, why: NoFix) -> String {
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
