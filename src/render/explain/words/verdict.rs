//! The sentences on verdicts: what each tier and each rule does, and why something is not known.

use super::{Words, list};
use crate::label::Truth;
use crate::net::{Direction, Family, PortSet};
use crate::policy::{Action, Peer, Peers, PortMatch, Ports, Rule, Tier};
use crate::query::can::Verdict;
use crate::query::explain::{Counted, Coverage, PairExplanation, Reason, RuleId, Tie, TierStep};
use crate::solve::End;
use crate::solve::proof::{
    Basis, BlockStep, Exemption, FamilyProof, PeerProof, PeerStep, PolicyProof, PortStep, RuleProof, Side,
};

impl Words<'_> {
    /// A rule by its policy and its path.
    pub(in crate::render) fn rule_name(self, (policy, rule): RuleId, direction: Direction) -> String {
        format!("{} {}", self.policy(policy), self.rule_path(policy, direction, rule))
    }

    /// The result of a tier on what was asked.
    pub(in crate::render) fn tier(
        self,
        explanation: &PairExplanation,
        side: &Side,
        step: &TierStep,
    ) -> String {
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
    pub(in crate::render) fn default(
        explanation: &PairExplanation,
        side: &Side,
        steps: &[TierStep],
    ) -> Option<String> {
        let left = &steps.last()?.left;
        let is_sure = side.policies.iter().all(|proof| proof.selects.sure())
            && steps.iter().all(|step| {
                let is_evaluated = step.tier.is_evaluated();
                is_evaluated && step.ties.is_empty() && step.rules.iter().all(|one| one.is_sure)
            });
        let ports = if *left == explanation.asked { "" } else { "other ports " };
        (!left.is_empty()).then(|| {
            if is_sure {
                format!("{ports}allowed by default: no policy decides")
            } else {
                format!("{ports}allowed by default where no policy decides")
            }
        })
    }

    /// The reason why a rule matches the peer and the ports that were asked about, or does not.
    pub(in crate::render) fn rule(
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
        let differing = explanation.differing_families(self.cluster);
        if differing.is_empty() {
            return list(said, "; ");
        }
        let name = Self::family(family.family);
        let said = said.map(|said| format!("{name}: {said}"));
        list(std::iter::once(Self::families(explanation, differing)).chain(said), "; ")
    }

    /// The name of a family.
    pub(in crate::render) const fn family(family: Family) -> &'static str {
        match family {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        }
    }

    /// `allowed over IPv4, denied over IPv6`.
    pub(in crate::render) fn families(explanation: &PairExplanation, families: &[FamilyProof]) -> String {
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
    pub(in crate::render) fn side(self, explanation: &PairExplanation, side: &Side) -> String {
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
            Verdict::Allow if self.is_open_beside(explanation, side) => {
                format!("{of} is allowed by {rules}, other ports by default")
            }
            Verdict::Allow => format!("{of} is allowed by {rules}"),
            Verdict::Deny if deciding.is_empty() => {
                format!("{of} is denied: isolated by {}, and no rule admits it", self.isolating(side))
            }
            Verdict::Deny => format!("{of} is denied by {rules}"),
            Verdict::Unknown => format!("{of} is not decided by the input"),
        }
    }

    /// True if policies of other tiers than that of NetworkPolicies are asked.
    pub(in crate::render) fn has_tiers(self, side: &Side) -> bool {
        side.policies.iter().any(|proof| self.cluster.policies[proof.policy].tier.is_ordered())
    }

    /// True if no tier decides some of the ports of a side.
    fn is_open_beside(self, explanation: &PairExplanation, side: &Side) -> bool {
        let last = explanation.tiers(self.cluster, side).pop();
        self.has_tiers(side) && last.is_some_and(|step| !step.left.is_empty())
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

    /// A missing fact and how to supply it.
    pub(in crate::render) fn reason(self, reason: &Reason) -> String {
        match reason {
            Reason::NotEvaluated(policy) if self.cluster.policies[*policy].is_left_out => {
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
}
