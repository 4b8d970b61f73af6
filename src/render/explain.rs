//! `can` and `explain` for people and machines.

mod json;
mod outline;
mod policy;
mod words;

use crate::cluster::Cluster;
use crate::diagnostic::Origin;
use crate::label::Truth;
use crate::load::Position;
use crate::net::{Direction, Family, PortSet, Protocol};
use crate::policy::{ConditionKind, Peers, Policy, PolicyId, Rule, Tier};
use crate::profile::Profile;
use crate::query::Isolation;
use crate::query::can::{Answer, Verdict};
use crate::query::endpoint::Ports;
use crate::query::explain::{
    Applied, AppliedRule, Coverage, EndpointExplanation, PairExplanation, PolicyExplanation, Restriction,
    Subject,
};
use crate::render::style::Palette;
use crate::render::text::count;
use crate::solve::proof::{PolicyProof, RuleProof, Side};

pub use json::{EndpointReport, Explanation};
pub use policy::PolicyReport;

pub(super) use outline::{Mark, Outline};
pub(super) use words::Words;

/// The subject of explanations, and a way to find where it was read.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The cluster of the explanation.
    pub cluster: &'a Cluster,
    /// The profile it holds under.
    pub profile: Profile,
    /// Finds a field of an object: [`crate::load::Sources::locate`].
    pub locate: &'a dyn Fn(&Origin, &str) -> Option<Position>,
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("profile", &self.profile).finish_non_exhaustive()
    }
}

impl Context<'_> {
    pub(super) fn place(&self, policy: PolicyId, path: &str) -> (Option<String>, Option<u32>) {
        (self.locate)(&self.cluster.policies[policy].origin, path)
            .map_or((None, None), |position| (Some(position.source), Some(position.line)))
    }

    /// ` (policies.yaml:12)`, if it is known.
    pub(super) fn at(&self, policy: PolicyId, path: &str) -> String {
        self.position(policy, path).map_or_else(String::new, |position| format!(" ({position})"))
    }

    /// `policies.yaml:12`, if it is known.
    pub(super) fn position(&self, policy: PolicyId, path: &str) -> Option<String> {
        match self.place(policy, path) {
            (Some(file), Some(line)) => Some(format!("{file}:{line}")),
            _ => None,
        }
    }
}

/// The verdict in a few lines, for a terminal.
pub fn can_text(context: &Context<'_>, answer: &Answer, palette: Palette) -> String {
    can(context, answer).text(palette)
}

/// The verdict in a few lines, as Markdown.
pub fn can_markdown(context: &Context<'_>, answer: &Answer) -> String {
    can(context, answer).markdown()
}

/// The verdict and its proof, for a terminal.
pub fn answer_text(context: &Context<'_>, answer: &Answer, palette: Palette) -> String {
    explained(context, answer).text(palette)
}

/// The verdict and its proof, as Markdown.
pub fn answer_markdown(context: &Context<'_>, answer: &Answer) -> String {
    explained(context, answer).markdown()
}

/// The object of `can -o json` and `explain -o json`.
pub fn answer_object(context: &Context<'_>, answer: &Answer) -> Explanation {
    Explanation::new(context, answer)
}

/// The policies of an endpoint, for a terminal.
pub fn endpoint_text(context: &Context<'_>, explanation: &EndpointExplanation, palette: Palette) -> String {
    endpoint(context, explanation).text(palette)
}

/// The policies of an endpoint, as Markdown.
pub fn endpoint_markdown(context: &Context<'_>, explanation: &EndpointExplanation) -> String {
    endpoint(context, explanation).markdown()
}

/// The object of `explain -o json` for one endpoint.
pub fn endpoint_object(context: &Context<'_>, explanation: &EndpointExplanation) -> EndpointReport {
    EndpointReport::new(context, explanation)
}

/// One policy, for a terminal.
pub fn policy_text(context: &Context<'_>, explanation: &PolicyExplanation, palette: Palette) -> String {
    policy::outline(context, explanation).text(palette)
}

/// One policy, as Markdown.
pub fn policy_markdown(context: &Context<'_>, explanation: &PolicyExplanation) -> String {
    policy::outline(context, explanation).markdown()
}

/// The object of `explain -o json` for one policy.
pub fn policy_object(context: &Context<'_>, explanation: &PolicyExplanation) -> PolicyReport {
    PolicyReport::new(context, explanation)
}

fn can(context: &Context<'_>, answer: &Answer) -> Outline {
    let words = Words { cluster: context.cluster };
    let mut outline = Outline::default();
    headline(context, answer, &mut outline);
    if answer.pairs.total() > 1 {
        let shown = &answer.shown;
        let pair = format!("{} -> {}", words.end(shown.proof.from), words.end(shown.proof.to));
        outline.item(0, Mark::Plain, format!("{pair}: {}", words.headline(shown)));
    } else {
        outline.item(0, Mark::Plain, words.headline(&answer.shown));
    }
    for note in notes(words, answer) {
        outline.item(0, Mark::Aside, format!("note: {note}"));
    }
    outline
}

/// The verdict on everything that was asked, and what of it is allowed.
fn headline(context: &Context<'_>, answer: &Answer, outline: &mut Outline) {
    let words = Words { cluster: context.cluster };
    let shown = &answer.shown;
    let (from, to) = (words.target(&answer.from), words.target(&answer.to));
    let cni = shown.proof.profile.name();
    if is_partly(answer) {
        outline.partly(format!("{} ({from} -> {to}, cni {cni})", parts(answer).join("; ")));
    } else {
        let asked = match answer.to.ports {
            Ports::ByDestination { .. } => String::new(),
            Ports::Every | Ports::Of(_) | Ports::Declared(_) => format!(" on {}", asked_for(answer)),
        };
        outline.title(Some(answer.verdict), format!("{from} -> {to}{asked} (cni {cni})"));
    }
    if answer.pairs.total() > 1 {
        outline.item(0, Mark::Plain, pairs(answer));
    }
    if answer.verdict == Verdict::Unknown && asked_for(answer) != answer.unknown {
        outline.item(0, Mark::Plain, parts(answer).join("; "));
    }
    for restriction in &answer.restrictions {
        outline.item(0, Mark::Aside, restricted(context, restriction));
    }
    if let Some(doubt) = doubt(words, answer) {
        outline.item(0, Mark::Plain, doubt);
    }
}

/// `restricted on 8080/TCP: HTTP rules of CiliumNetworkPolicy shop/api (api.yaml:12)`.
fn restricted(context: &Context<'_>, restriction: &Restriction) -> String {
    let Restriction { policy, condition, ports } = restriction;
    let what = match condition.kind {
        ConditionKind::Auth => "mutual authentication",
        ConditionKind::Dns => "DNS rules",
        ConditionKind::Http => "HTTP rules",
        ConditionKind::Kafka => "Kafka rules",
        ConditionKind::L7 => "rules on a protocol that a proxy reads",
        ConditionKind::Listener => "a proxy's listener",
        ConditionKind::Sni => "server names",
    };
    let place = context.position(*policy, &condition.path).unwrap_or_else(|| condition.path.to_string());
    format!("restricted on {ports}: {what} of {} ({place})", context.cluster.policies[*policy].name)
}

/// The ports that were asked for of at least one pair.
fn asked_for(answer: &Answer) -> PortSet {
    answer.ports.union(&answer.denied).union(&answer.unknown)
}

/// True if some of what was asked about is allowed although the verdict is deny.
fn is_partly(answer: &Answer) -> bool {
    answer.verdict == Verdict::Deny && !(answer.ports.is_empty() && answer.some.is_empty())
}

/// `7070/TCP allowed`, `9102/TCP denied`.
fn parts(answer: &Answer) -> Vec<String> {
    let Answer { ports, denied, unknown, some, .. } = answer;
    let parts = [
        (ports.clone(), "allowed"),
        (some.clone(), "allowed between some"),
        (denied.difference(some), "denied"),
        (unknown.difference(some), "unknown"),
    ];
    let everything = asked_for(answer) == PortSet::full();
    let last = parts.iter().rposition(|(ports, _)| !ports.is_empty());
    let several = parts.iter().filter(|(ports, _)| !ports.is_empty()).count() > 1;
    let parts = parts.into_iter().enumerate().filter(|(_, (ports, _))| !ports.is_empty());
    parts
        .map(|(i, (ports, what))| match (Some(i) == last && several && everything, what) {
            (true, _) => format!("all other ports {what}"),
            (false, _) => format!("{ports} {what}"),
        })
        .collect()
}

/// The reason why it is not known whether an end is meant, if the verdict depends on that.
fn doubt(words: Words<'_>, answer: &Answer) -> Option<String> {
    let doubt = answer.doubt?;
    let target = if doubt.is_source { &answer.from } else { &answer.to };
    Some(words.doubt(&target.end, doubt.end, doubt.is_by_label))
}

/// `all 4 pairs denied`, `6 pairs: 2 allowed, 4 denied`.
fn pairs(answer: &Answer) -> String {
    let pairs = answer.pairs;
    let nothing = answer.ports.is_empty() && answer.some.is_empty();
    let denied = if nothing || is_one_port(&answer.shown.asked) { "denied" } else { "denied on some ports" };
    let kinds = [(pairs.allow, "allowed"), (pairs.deny, denied), (pairs.unknown, "unknown")];
    let kinds: Vec<_> = kinds.into_iter().filter(|(number, _)| *number > 0).collect();
    if let [(number, kind)] = kinds[..] {
        return format!("all {number} pairs {kind}");
    }
    let kinds: Vec<String> = kinds.iter().map(|(number, kind)| format!("{number} {kind}")).collect();
    format!("{} pairs: {}", pairs.total(), kinds.join(", "))
}

fn is_one_port(ports: &PortSet) -> bool {
    let mut ranges = Protocol::ALL.into_iter().flat_map(|protocol| ports.of(protocol).ranges());
    ranges.next().is_some_and(|(first, last)| first == last) && ranges.next().is_none()
}

/// Notes beside the proof: on endpoints, on a CNI that enforces nothing, and on CNIs that answer differently.
fn notes(words: Words<'_>, answer: &Answer) -> Vec<String> {
    let mut notes: Vec<String> = answer.from.notes.iter().chain(&answer.to.notes).cloned().collect();
    let shown = &answer.shown;
    if !shown.proof.profile.semantics().enforces {
        notes.push(format!(
            "{} enforces no NetworkPolicy: whatever the policies say, they have no effect",
            shown.proof.profile.name()
        ));
    }
    if !shown.differs.is_empty() {
        let others: Vec<String> = shown
            .differs
            .iter()
            .map(|(profile, verdict)| format!("{} ({})", profile.name(), verdict.as_str()))
            .collect();
        notes.push(format!(
            "the API leaves this open, other CNIs answer differently for {} -> {}: {}",
            words.end(shown.proof.from),
            words.end(shown.proof.to),
            others.join(", ")
        ));
    }
    notes
}

fn explained(context: &Context<'_>, answer: &Answer) -> Outline {
    let words = Words { cluster: context.cluster };
    let shown = &answer.shown;
    let mut outline = Outline::default();
    headline(context, answer, &mut outline);
    if answer.pairs.total() > 1 {
        let (from, to) = (words.end(shown.proof.from), words.end(shown.proof.to));
        outline.heading(format!("For example {from} -> {to}: {}", shown.verdict.as_str()));
    }
    prove(context, answer, &mut outline);
    let notes = notes(words, answer);
    if !notes.is_empty() {
        outline.heading("Notes");
        for note in notes {
            outline.item(0, Mark::Plain, note);
        }
    }
    outline
}

/// Explains the verdict on the pair that is shown.
pub(super) fn prove(context: &Context<'_>, answer: &Answer, outline: &mut Outline) {
    let words = Words { cluster: context.cluster };
    let shown = &answer.shown;
    if !shown.reasons.is_empty() {
        outline.heading("What is not known");
        for reason in &shown.reasons {
            outline.item(0, Mark::Plain, words.reason(reason));
        }
    }
    let differing = shown.differing_families(context.cluster);
    match shown.family() {
        _ if !differing.is_empty() => {
            outline.heading(Words::families(shown, differing));
            for family in differing {
                for side in family.sides() {
                    explain_side(context, shown, side, Some(family.family), outline);
                }
            }
        }
        None => outline.item(0, Mark::Plain, words.headline(shown)),
        Some(family) => {
            for side in family.sides() {
                explain_side(context, shown, side, None, outline);
            }
        }
    }
    if !shown.near_misses.is_empty() {
        outline.heading("Near misses");
        for miss in &shown.near_misses {
            let at = context.at(miss.policy, &miss.path);
            let rule = format!("{} {}{at}", words.policy(miss.policy), miss.path);
            outline.item(0, Mark::Plain, format!("{rule}: {}", words.miss(&miss.miss)));
        }
    }
    if !shown.meant.is_empty() {
        outline.heading("Policies that may have been meant to block it");
        for meant in &shown.meant {
            let at = context.at(meant.policy, &meant.path);
            let rule = format!("{} {}{at}", words.policy(meant.policy), meant.path);
            outline.item(0, Mark::Plain, format!("{rule}: {}", words.slip(meant)));
        }
    }
    explain_fix(words, answer, outline);
}

fn explain_side(
    context: &Context<'_>,
    explanation: &PairExplanation,
    side: &Side,
    family: Option<Family>,
    outline: &mut Outline,
) {
    let words = Words { cluster: context.cluster };
    let over = family.map(|family| format!("{}: ", Words::family(family))).unwrap_or_default();
    outline.heading(format!("{over}{}", words.side(explanation, side)));
    let steps = explanation.tiers(context.cluster, side);
    let has_tiers = words.has_tiers(side);
    let mut policies = side.policies.iter();
    for step in &steps {
        if has_tiers && (step.policies > 0 || !step.reached.is_empty()) {
            outline.item(0, Mark::Plain, words.tier(explanation, side, step));
        }
        for proof in policies.by_ref().take(step.policies) {
            let perhaps = if proof.selects == Truth::Unknown { " perhaps applies" } else { "" };
            let at = context.at(proof.policy, "");
            let depth = usize::from(has_tiers);
            let priority = Words::priority(&context.cluster.policies[proof.policy]);
            outline.item(
                depth,
                Mark::Plain,
                format!("{}{priority}{perhaps}{at}", words.policy(proof.policy)),
            );
            if let Some(why) = without_rules(context, proof.policy, side.direction) {
                outline.item(depth + 1, Mark::Aside, why);
            }
            let is_idle = |rule: usize| step.idle.contains(&(proof.policy, rule));
            explain_rules(context, explanation, side.direction, proof, depth + 1, &is_idle, outline);
        }
    }
    if has_tiers && let Some(rest) = Words::default(explanation, side, &steps) {
        outline.item(0, Mark::Plain, rest);
    }
}

/// The remark on a policy that has no effective rules of a direction; `None` if it has some.
fn without_rules(context: &Context<'_>, policy: PolicyId, direction: Direction) -> Option<String> {
    let policy = &context.cluster.policies[policy];
    if policy.is_left_out {
        Some("left out because of its errors".into())
    } else if !policy.tier.is_evaluated() {
        Some("policies of this kind are not evaluated".into())
    } else {
        policy.rules[direction].is_empty().then(|| format!("no {} rules", direction.as_str()))
    }
}

fn explain_rules(
    context: &Context<'_>,
    explanation: &PairExplanation,
    direction: Direction,
    proof: &PolicyProof,
    depth: usize,
    is_idle: &dyn Fn(usize) -> bool,
    outline: &mut Outline,
) {
    let words = Words { cluster: context.cluster };
    let policy = &context.cluster.policies[proof.policy];
    for (i, (rule, step)) in policy.rules[direction].iter().zip(&proof.rules).enumerate() {
        let path = words.rule_path(proof.policy, direction, i);
        let at = context.at(proof.policy, &path);
        let why = words.rule(explanation, direction, rule, step);
        let action = Words::written_action(policy, rule);
        let action = action.map(|action| format!("{action}: ")).unwrap_or_default();
        let mark = mark(explanation, step);
        let idle = if mark == Mark::Match && is_idle(i) { ", but is not reached" } else { "" };
        outline.item(depth, mark, format!("{path}{at}: {action}{why}{idle}"));
    }
}

fn mark(explanation: &PairExplanation, step: &RuleProof) -> Mark {
    match (explanation.coverage(step), step.peers.truth) {
        (Coverage::None, _) | (_, Truth::No) => Mark::Miss,
        (_, Truth::Unknown) => Mark::Perhaps,
        (_, Truth::Yes) => Mark::Match,
    }
}

fn explain_fix(words: Words<'_>, answer: &Answer, outline: &mut Outline) {
    match &answer.fix {
        None => {}
        Some(Err(why)) => {
            outline.heading("Fix");
            outline.item(0, Mark::Plain, words.no_fix(*why));
        }
        Some(Ok(fix)) => {
            outline.heading(match fix.then {
                Verdict::Allow if !fix.closes.is_nothing() => {
                    "Fix: this would allow it, and deny something else"
                }
                Verdict::Allow => "Fix: this would allow it",
                Verdict::Unknown => "Fix: this takes the denial away, what is not known remains",
                Verdict::Deny => "Fix: this would allow some of it",
            });
            for line in words.fix(fix) {
                outline.item(0, Mark::Plain, line);
            }
            outline.yaml(fix_yaml(answer).unwrap_or_default());
        }
    }
}

/// The policies of the fix, ready to be applied.
fn fix_yaml(answer: &Answer) -> Option<String> {
    let fix = answer.fix.as_ref()?.as_ref().ok()?;
    let documents: Vec<String> = fix
        .policies
        .iter()
        .map(|policy| {
            crate::yaml::to_string(policy).expect("strings and lists can always be written as YAML")
        })
        .collect();
    Some(documents.join("---\n"))
}

fn endpoint(context: &Context<'_>, explanation: &EndpointExplanation) -> Outline {
    let mut outline = Outline::default();
    outline.title(None, format!("{} (cni {})", explanation.target.text, context.profile.name()));
    for subject in &explanation.subjects {
        let pods: u64 = subject.pods.iter().map(|(_, range)| u64::from(range.end - range.start)).sum();
        let names = pod_names(context.cluster, subject, 3);
        let more = if pods > names.len() as u64 { ", ..." } else { "" };
        outline.heading(format!("{}: {}{more}", count(pods, "pod", "pods"), names.join(", ")));
        for direction in Direction::ALL {
            let isolation = match subject.isolation[direction] {
                Isolation::Ruled => "open but for what cluster-wide policies deny",
                isolation => json::isolation_name(isolation),
            };
            let why = match subject.exemption {
                Some(exemption) => format!(": {}", Words::exemption(exemption)),
                None => String::new(),
            };
            outline.item(0, Mark::Plain, format!("{}: {isolation}{why}", direction.as_str()));
            for applied in &subject.policies[direction] {
                let is_last = context.cluster.policies[applied.policy].tier == Tier::Baseline;
                let is_idle = is_last && subject.isolation[direction] == Isolation::Isolated;
                endpoint_policy(context, applied, direction, is_idle, &mut outline);
            }
        }
    }
    for note in endpoint_notes(explanation) {
        outline.item(0, Mark::Aside, format!("note: {note}"));
    }
    outline
}

fn endpoint_policy(
    context: &Context<'_>,
    applied: &Applied,
    direction: Direction,
    is_idle: bool,
    outline: &mut Outline,
) {
    let words = Words { cluster: context.cluster };
    let perhaps = if applied.selects == Truth::Unknown { " perhaps applies" } else { "" };
    let at = context.at(applied.policy, "");
    let place = Words::place(&context.cluster.policies[applied.policy]);
    outline.item(1, Mark::Plain, format!("{}{place}{perhaps}{at}", words.policy(applied.policy)));
    if let Some(why) = without_rules(context, applied.policy, direction) {
        outline.item(2, Mark::Aside, why);
    }
    if is_idle {
        outline.item(2, Mark::Aside, "not reached, since a NetworkPolicy isolates it");
        return;
    }
    let rules = &context.cluster.policies[applied.policy].rules[direction];
    for (i, (rule, here)) in rules.iter().zip(&applied.rules).enumerate() {
        let path = words.rule_path(applied.policy, direction, i);
        let at = context.at(applied.policy, &path);
        let policy = &context.cluster.policies[applied.policy];
        let text = effective_rule(words, direction, policy, rule, here);
        outline.item(2, Mark::Match, format!("{path}{at}: {text}"));
    }
}

/// `8000/TCP from pods tier=web of namespace shop (2 pods)`.
fn effective_rule(
    words: Words<'_>,
    direction: Direction,
    policy: &Policy,
    rule: &Rule,
    here: &AppliedRule,
) -> String {
    let ports = here.ports.as_ref().map_or_else(|| Words::ports(&rule.ports), ToString::to_string);
    let preposition = Words::preposition(direction);
    let peers = match &rule.peers {
        Peers::Any => "everybody".to_owned(),
        Peers::Of(peers) => {
            let each = peers.iter().zip(&here.peers).map(|(peer, matched)| {
                let matched = matched.map(|matched| match (matched.sure, matched.perhaps) {
                    (0, 0) => " (no pod of the input)".to_owned(),
                    (0, perhaps) => format!(" (perhaps {})", count(perhaps, "pod", "pods")),
                    (sure, 0) => format!(" ({})", count(sure, "pod", "pods")),
                    (sure, perhaps) => format!(" ({}, perhaps {perhaps} more)", count(sure, "pod", "pods")),
                });
                format!("{}{}", words.peer(peer), matched.unwrap_or_default())
            });
            each.collect::<Vec<_>>().join(", or ")
        }
    };
    let action = Words::written_action(policy, rule).map(|action| format!("{action} ")).unwrap_or_default();
    format!("{action}{ports} {preposition} {peers}")
}

fn endpoint_notes(explanation: &EndpointExplanation) -> Vec<String> {
    let mut notes = explanation.target.notes.clone();
    if Family::ALL.into_iter().any(|family| !explanation.target.ends.addresses[family].is_empty()) {
        notes.push("policies apply to pods only, not to addresses".into());
    }
    notes
}

/// The names of a subject's pods, at most `limit`.
fn pod_names(cluster: &Cluster, subject: &Subject, limit: usize) -> Vec<String> {
    let pods = subject.pods.iter().flat_map(|(pod, range)| range.clone().map(move |i| (*pod, i)));
    pods.take(limit).map(|(pod, index)| cluster.pod_path(pod, index)).collect()
}

#[cfg(test)]
mod tests;
