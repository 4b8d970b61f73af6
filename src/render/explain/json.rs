//! Explanations as the machine formats of `can` and `explain`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Context;
use super::words::Words;
use crate::label::Truth;
use crate::net::{Direction, PortSet, Protocol};
use crate::policy::{Peers, Policy, PolicyId, Rule, Tier};
use crate::query::Isolation;
use crate::query::can::{Answer, Verdict};
use crate::query::explain::{AppliedRule, Coverage, EndpointExplanation, Fix, PairExplanation, Subject};
use crate::solve::End;
use crate::solve::proof::{FamilyProof, PolicyProof, Side};

/// `kind: Explanation`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    api_version: &'static str,
    kind: &'static str,
    cni: &'static str,
    question: Question,
    from: EndObject,
    to: EndObject,
    port: String,
    verdict: &'static str,
    why: String,
    reasons: Vec<String>,
    pairs: PairCounts,
    ports: PortMap,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    some: PortMap,
    allowed: PortMap,
    denied: PortMap,
    unknown: PortMap,
    /// The marks of what is allowed under conditions only, sorted.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    restricted: BTreeSet<&'static str>,
    egress: Option<SideObject>,
    ingress: Option<SideObject>,
    /// Both families, where one allows what the other does not; `egress` and `ingress` are those of the one that speaks best
    /// for the connection.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    families: Vec<FamilyObject>,
    near_misses: Vec<NearMissObject>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    meant: Vec<NearMissObject>,
    fix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix_effect: Option<FixEffect>,
    /// The reason why nothing is in `fix` although something is denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_fix: Option<String>,
    notes: Vec<String>,
}

pub(super) type PortMap = BTreeMap<&'static str, String>;

#[derive(Debug, Serialize)]
struct Question {
    from: String,
    to: String,
}

/// One of the two: YAML writes enums with tags, which JSON does not have.
#[derive(Debug, Serialize)]
struct EndObject {
    #[serde(skip_serializing_if = "Option::is_none")]
    pod: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cidrs: Option<[String; 1]>,
}

#[derive(Debug, Serialize)]
struct FamilyObject {
    family: &'static str,
    verdict: &'static str,
    egress: SideObject,
    ingress: SideObject,
}

#[derive(Debug, Serialize)]
struct PairCounts {
    total: u128,
    allow: u128,
    deny: u128,
    unknown: u128,
}

/// The effect of the policies of a fix beside what was asked for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FixEffect {
    /// The verdict on the question with them.
    verdict: &'static str,
    /// Number of pairs that remain denied.
    remaining: u128,
    /// Pairs of pods that they allow beside those asked about.
    others: u64,
    /// Those that they perhaps allow.
    perhaps_others: u64,
    /// Pods for which addresses outside open that nobody asked about.
    outside: u64,
    /// Pairs of pods that they deny a port which is allowed now.
    closes: u64,
    /// Pods that they deny connections with addresses outside which are allowed now.
    closes_outside: u64,
    /// The same for people.
    notes: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SideObject {
    verdict: &'static str,
    /// Null if it is not known.
    isolated: Option<bool>,
    why: String,
    policies: Vec<PolicyObject>,
    decided_by: Option<RuleReference>,
}

/// The tier and priority of a policy of which these say when it is asked; nothing for the others.
#[derive(Debug, Serialize)]
pub(super) struct TierPlace {
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<&'static str>,
    /// Left out where the kind has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<u32>,
}

impl TierPlace {
    pub(super) fn of(policy: &Policy) -> Self {
        let tier = match policy.tier {
            Tier::Admin => Some("Admin"),
            Tier::Baseline => Some("Baseline"),
            Tier::NetworkPolicy | Tier::Unevaluated | Tier::Restricting => None,
        };
        Self { tier, priority: policy.written_priority() }
    }
}

#[derive(Debug, Serialize)]
struct PolicyObject {
    policy: String,
    kind: String,
    #[serde(flatten)]
    place: TierPlace,
    file: Option<String>,
    line: Option<u32>,
    /// Null if it is not known.
    selects: Option<bool>,
    rules: Vec<RuleObject>,
}

#[derive(Debug, Serialize)]
struct RuleObject {
    index: usize,
    /// From the root of the object: `spec.ingress[0]`.
    path: String,
    file: Option<String>,
    line: Option<u32>,
    /// `Accept`, `Deny` or `Pass`, of policies whose rules do different things.
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
    /// Null if it is not known.
    matches: Option<bool>,
    why: String,
}

#[derive(Debug, Serialize)]
struct RuleReference {
    policy: String,
    kind: String,
    path: String,
    file: Option<String>,
    line: Option<u32>,
}

#[derive(Debug, Serialize)]
struct NearMissObject {
    direction: &'static str,
    #[serde(flatten)]
    rule: RuleReference,
    why: String,
}

/// `kind: EndpointExplanation`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointReport {
    api_version: &'static str,
    kind: &'static str,
    cni: &'static str,
    question: String,
    subjects: Vec<SubjectObject>,
    notes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct SubjectObject {
    pods: Vec<String>,
    ingress: EffectiveObject,
    egress: EffectiveObject,
}

#[derive(Debug, Serialize)]
struct EffectiveObject {
    isolation: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    policies: Vec<EffectivePolicy>,
}

#[derive(Debug, Serialize)]
struct EffectivePolicy {
    policy: String,
    kind: String,
    #[serde(flatten)]
    place: TierPlace,
    file: Option<String>,
    line: Option<u32>,
    /// Null if it is not known.
    selects: Option<bool>,
    rules: Vec<EffectiveRule>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EffectiveRule {
    index: usize,
    /// From the root of the object: `spec.ingress[0]`.
    path: String,
    file: Option<String>,
    line: Option<u32>,
    /// `Accept`, `Deny` or `Pass`, of policies whose rules do different things.
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
    ports: String,
    peers: Vec<EffectivePeer>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EffectivePeer {
    peer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pods: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    perhaps_pods: Option<u64>,
}

fn known(truth: Truth) -> Option<bool> {
    match truth {
        Truth::Yes => Some(true),
        Truth::No => Some(false),
        Truth::Unknown => None,
    }
}

pub(super) fn port_map(ports: &PortSet) -> PortMap {
    Protocol::ALL
        .into_iter()
        .filter(|protocol| !ports.of(*protocol).is_empty())
        .map(|protocol| {
            let spans = ports.of(protocol).ranges().iter().map(|&(first, last)| {
                if first == last { first.to_string() } else { format!("{first}-{last}") }
            });
            (protocol.as_str(), spans.collect::<Vec<_>>().join(","))
        })
        .collect()
}

/// The name of an isolation.
pub(super) const fn isolation_name(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::Open => "open",
        Isolation::Mixed => "mixed",
        Isolation::Isolated => "isolated",
        Isolation::Unknown => "unknown",
        Isolation::Exempt => "exempt",
        Isolation::Ruled => "ruled",
    }
}

impl FixEffect {
    fn new(words: Words<'_>, fix: &Fix) -> Self {
        Self {
            verdict: fix.then.as_str(),
            remaining: fix.remaining,
            others: fix.opens.pairs,
            perhaps_others: fix.opens.perhaps,
            outside: fix.opens.outside,
            closes: fix.closes.pairs,
            closes_outside: fix.closes.outside,
            notes: words.fix(fix),
        }
    }
}

impl Explanation {
    pub(super) fn new(context: &Context<'_>, answer: &Answer) -> Self {
        let words = Words { cluster: context.cluster };
        let shown = &answer.shown;
        let family = shown.family();
        let near_miss = |direction: Direction, policy, path: &str, why| NearMissObject {
            direction: direction.as_str(),
            rule: reference(context, policy, path.to_owned()),
            why,
        };
        let families = shown.differing_families(context.cluster).iter().map(|family| FamilyObject {
            family: Words::family(family.family),
            verdict: Verdict::of(&family.connectivity(), &shown.asked).as_str(),
            egress: side(context, shown, &family.egress),
            ingress: side(context, shown, &family.ingress),
        });
        let families = families.collect();
        let side = |of: fn(&FamilyProof) -> &Side| family.map(|family| side(context, shown, of(family)));
        Self {
            api_version: "podreach/v1",
            kind: "Explanation",
            cni: shown.proof.profile.name(),
            question: Question { from: answer.from.text.clone(), to: answer.to.text.clone() },
            from: end(words, shown.proof.from),
            to: end(words, shown.proof.to),
            port: shown.asked.to_string(),
            verdict: answer.verdict.as_str(),
            why: words.headline(shown),
            reasons: super::doubt(words, answer)
                .into_iter()
                .chain(shown.reasons.iter().map(|reason| words.reason(reason)))
                .collect(),
            pairs: PairCounts {
                total: answer.pairs.total(),
                allow: answer.pairs.allow,
                deny: answer.pairs.deny,
                unknown: answer.pairs.unknown,
            },
            ports: port_map(&answer.ports),
            some: port_map(&answer.some),
            allowed: port_map(&answer.ports),
            denied: port_map(&answer.denied),
            unknown: port_map(&answer.unknown),
            restricted: answer.restrictions.iter().map(|found| found.condition.kind.as_str()).collect(),
            egress: side(|family| &family.egress),
            ingress: side(|family| &family.ingress),
            families,
            near_misses: shown
                .near_misses
                .iter()
                .map(|miss| near_miss(miss.direction, miss.policy, &miss.path, words.miss(&miss.miss)))
                .collect(),
            meant: shown
                .meant
                .iter()
                .map(|slip| near_miss(slip.direction, slip.policy, &slip.path, words.slip(slip)))
                .collect(),
            fix: super::fix_yaml(answer),
            fix_effect: answer
                .fix
                .as_ref()
                .and_then(|fix| fix.as_ref().ok())
                .map(|fix| FixEffect::new(words, fix)),
            no_fix: answer.fix.as_ref().and_then(|fix| fix.as_ref().err()).map(|why| words.no_fix(*why)),
            notes: super::notes(words, answer),
        }
    }
}

fn end(words: Words<'_>, end: End) -> EndObject {
    match end {
        End::Pod(..) => EndObject { pod: Some(words.end(end)), cidrs: None },
        End::Address(address) => {
            EndObject { pod: None, cidrs: Some([ipnet::IpNet::from(address).to_string()]) }
        }
    }
}

fn reference(context: &Context<'_>, policy: PolicyId, path: String) -> RuleReference {
    let name = &context.cluster.policies[policy].name;
    let (file, line) = context.place(policy, &path);
    RuleReference { policy: name.path(), kind: name.kind.to_string(), path, file, line }
}

fn side(context: &Context<'_>, explanation: &PairExplanation, side: &Side) -> SideObject {
    let words = Words { cluster: context.cluster };
    let decided_by = explanation
        .decided_by(context.cluster, side)
        .first()
        .map(|&(policy, rule)| reference(context, policy, words.rule_path(policy, side.direction, rule)));
    SideObject {
        verdict: explanation.side_verdict(side).as_str(),
        isolated: known(explanation.isolated(context.cluster, side)),
        why: words.side(explanation, side),
        policies: side.policies.iter().map(|p| policy(context, explanation, side.direction, p)).collect(),
        decided_by,
    }
}

fn policy(
    context: &Context<'_>,
    explanation: &PairExplanation,
    direction: Direction,
    proof: &PolicyProof,
) -> PolicyObject {
    let words = Words { cluster: context.cluster };
    let policy = &context.cluster.policies[proof.policy];
    let rules = policy.rules[direction].iter().zip(&proof.rules).enumerate().map(|(i, (rule, step))| {
        let path = words.rule_path(proof.policy, direction, i);
        let (file, line) = context.place(proof.policy, &path);
        let matches = match explanation.coverage(step) {
            Coverage::None => Some(false),
            Coverage::All | Coverage::Some(_) => known(step.peers.truth),
        };
        let why = words.rule(explanation, direction, rule, step);
        let action = Words::action(policy, rule);
        RuleObject { index: rule.index, path, file, line, action, matches, why }
    });
    let (file, line) = context.place(proof.policy, "");
    PolicyObject {
        policy: policy.name.path(),
        kind: policy.name.kind.to_string(),
        place: TierPlace::of(policy),
        file,
        line,
        selects: known(proof.selects),
        rules: rules.collect(),
    }
}

impl EndpointReport {
    pub(super) fn new(context: &Context<'_>, explanation: &EndpointExplanation) -> Self {
        let subjects = explanation.subjects.iter().map(|subject| SubjectObject {
            pods: super::pod_names(context.cluster, subject, usize::MAX),
            ingress: effective(context, subject, Direction::Ingress),
            egress: effective(context, subject, Direction::Egress),
        });
        Self {
            api_version: "podreach/v1",
            kind: "EndpointExplanation",
            cni: context.profile.name(),
            question: explanation.target.text.clone(),
            subjects: subjects.collect(),
            notes: super::endpoint_notes(explanation),
        }
    }
}

fn effective(context: &Context<'_>, subject: &Subject, direction: Direction) -> EffectiveObject {
    let policies = subject.policies[direction].iter().map(|applied| {
        let policy = &context.cluster.policies[applied.policy];
        let (file, line) = context.place(applied.policy, "");
        EffectivePolicy {
            policy: policy.name.path(),
            kind: policy.name.kind.to_string(),
            place: TierPlace::of(policy),
            file,
            line,
            selects: known(applied.selects),
            rules: effective_rules(context, applied.policy, direction, &applied.rules),
        }
    });
    EffectiveObject {
        isolation: isolation_name(subject.isolation[direction]),
        why: subject.exemption.map(Words::exemption),
        policies: policies.collect(),
    }
}

/// The rules of a policy, with what they match.
pub(super) fn effective_rules(
    context: &Context<'_>,
    policy: PolicyId,
    direction: Direction,
    applied: &[AppliedRule],
) -> Vec<EffectiveRule> {
    let words = Words { cluster: context.cluster };
    let rules = context.cluster.policies[policy].rules[direction].iter().zip(applied).enumerate();
    let rule = |(i, (rule, here)): (usize, (&Rule, &AppliedRule))| {
        let path = words.rule_path(policy, direction, i);
        let (file, line) = context.place(policy, &path);
        let peers = match &rule.peers {
            Peers::Any => Vec::new(),
            Peers::Of(peers) => peers
                .iter()
                .zip(&here.peers)
                .map(|(peer, matched)| EffectivePeer {
                    peer: words.peer(peer),
                    pods: matched.map(|m| m.sure),
                    perhaps_pods: matched.map(|m| m.perhaps).filter(|n| *n > 0),
                })
                .collect(),
        };
        let ports = here.ports.as_ref().map_or_else(|| Words::ports(&rule.ports), ToString::to_string);
        EffectiveRule {
            index: rule.index,
            path,
            file,
            line,
            action: Words::action(&context.cluster.policies[policy], rule),
            ports,
            peers,
        }
    };
    rules.map(rule).collect()
}
