//! `explain netpol/NS/NAME`: a policy for people and machines.

use serde::Serialize;

use super::json::{EffectiveRule, PortMap, TierPlace, effective_rules, port_map};
use super::outline::{Mark, Outline};
use super::words::Words;
use super::{Context, effective_rule, without_rules};
use crate::label::Truth;
use crate::net::{Direction, cidrs};
use crate::policy::Tier;
use crate::query::explain::{PolicyExplanation, Row, Who};
use crate::render::endpoint::describe_addresses;
use crate::render::text::count;

/// The most pods that are named to people.
const PODS: usize = 12;

/// The most rows of changes that people read.
const ROWS: usize = 12;

/// `kind: PolicyExplanation`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyReport {
    api_version: &'static str,
    kind: &'static str,
    cni: &'static str,
    policy: String,
    policy_kind: String,
    #[serde(flatten)]
    place: TierPlace,
    file: Option<String>,
    line: Option<u32>,
    /// The pods that it selects.
    pods: Vec<String>,
    /// The pods that it perhaps selects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    perhaps_pods: Vec<String>,
    ingress: DirectionObject,
    egress: DirectionObject,
    without: WithoutObject,
    notes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct DirectionObject {
    isolates: bool,
    rules: Vec<EffectiveRule>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WithoutObject {
    newly_allowed: u64,
    newly_denied: u64,
    newly_unknown: u64,
    /// Ordered pairs of pods with a port that is unknown now, and would be allowed.
    unknown_to_allowed: u64,
    /// The same that would be denied.
    unknown_to_denied: u64,
    changes: Vec<RowObject>,
    /// True if there are more changes than these.
    more: bool,
}

#[derive(Debug, Serialize)]
struct RowObject {
    from: WhoObject,
    to: WhoObject,
    #[serde(skip_serializing_if = "PortMap::is_empty")]
    allowed: PortMap,
    #[serde(skip_serializing_if = "PortMap::is_empty")]
    denied: PortMap,
    #[serde(skip_serializing_if = "PortMap::is_empty")]
    unknown: PortMap,
}

#[derive(Debug, Serialize)]
struct WhoObject {
    #[serde(skip_serializing_if = "Option::is_none")]
    workload: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cidrs: Option<Vec<String>>,
}

/// The policy in lines.
pub(super) fn outline(context: &Context<'_>, explanation: &PolicyExplanation) -> Outline {
    let words = Words { cluster: context.cluster };
    let id = explanation.policy;
    let policy = &context.cluster.policies[id];
    let mut outline = Outline::default();
    outline.title(
        None,
        format!(
            "{}{}{} (cni {})",
            words.policy(id),
            Words::place(policy),
            context.at(id, ""),
            context.profile.name()
        ),
    );
    let [sure, perhaps] = [Truth::Yes, Truth::Unknown].map(|truth| names(context, explanation, truth));
    outline.heading(format!("selects {}", count(sure.len() as u64, "pod", "pods")));
    for (names, prefix) in [(&sure, ""), (&perhaps, "perhaps ")] {
        for name in names.iter().take(PODS) {
            outline.item(0, Mark::Plain, format!("{prefix}{name}"));
        }
        if names.len() > PODS {
            outline.item(0, Mark::Plain, format!("{prefix}and {} more", names.len() - PODS));
        }
    }
    for direction in Direction::ALL {
        let says = match policy.tier {
            _ if !policy.decides(direction) => "is left to other policies",
            tier if tier.is_ordered() => "decides by the first rule that matches",
            _ => "isolates, and lets through",
        };
        outline.heading(format!("{} {says}", direction.as_str()));
        if policy.isolates[direction]
            && let Some(why) = without_rules(context, id, direction)
        {
            outline.item(0, Mark::Aside, why);
        }
        let rules = policy.rules[direction].iter().zip(&explanation.rules[direction]);
        for (i, (rule, here)) in rules.enumerate() {
            let path = words.rule_path(id, direction, i);
            let at = context.at(id, &path);
            outline.item(
                0,
                Mark::Match,
                format!("{path}{at}: {}", effective_rule(words, direction, policy, rule, here)),
            );
        }
    }
    let without = &explanation.without;
    outline.heading("without it");
    let mut counts = Vec::new();
    let [now_allowed, now_denied] = without.decided;
    for (number, what, unknown) in [
        (without.allowed, "allowed", now_allowed),
        (without.denied, "denied", now_denied),
        (without.unknown, "unknown", 0),
    ] {
        let now = match unknown {
            0 => String::new(),
            all if all == number => " (unknown with it)".to_owned(),
            some => format!(" ({some} of them unknown with it)"),
        };
        if number > 0 {
            counts
                .push(format!("{} {what}{now}", count(number, "pair of pods newly", "pairs of pods newly")));
        }
    }
    outline.item(
        0,
        Mark::Plain,
        match (&counts[..], &without.rows[..]) {
            ([], []) => "nothing changes".to_owned(),
            ([], _) => "nothing changes between pods".to_owned(),
            (counts, _) => counts.join(", "),
        },
    );
    for row in without.rows.iter().take(ROWS) {
        outline.item(0, Mark::Plain, row_text(context, row));
    }
    if without.rows.len() > ROWS || without.more {
        let kind = if policy.tier == Tier::NetworkPolicy { "netpol" } else { &*policy.name.kind };
        let (kind, path) = (kind.to_lowercase(), policy.name.path());
        let all = format!("podreach what-if --delete {kind}/{path}");
        outline.item(0, Mark::Aside, format!("and more: `{all}` lists all of it"));
    }
    outline
}

/// The names of the pods that a policy selects as surely as this.
fn names(context: &Context<'_>, explanation: &PolicyExplanation, truth: Truth) -> Vec<String> {
    let cluster = context.cluster;
    let groups = explanation.pods.iter().filter(|(_, selects)| *selects == truth);
    let pods = groups.flat_map(|(pod, _)| (0..cluster.pods[*pod].count).map(|index| (*pod, index)));
    pods.map(|(pod, index)| cluster.pod_path(pod, index)).collect()
}

/// `shop/web -> shop/db: 5432/TCP newly allowed`.
fn row_text(context: &Context<'_>, row: &Row) -> String {
    let name = |who: &Who| match who {
        Who::Workload(workload) => context.cluster.workload_path(*workload),
        Who::Addresses(family, addresses) => describe_addresses(*family, addresses),
    };
    let what = [(&row.allowed, "allowed"), (&row.denied, "denied"), (&row.unknown, "unknown")];
    let what: Vec<String> = what
        .iter()
        .filter(|(ports, _)| !ports.is_empty())
        .map(|(ports, what)| {
            let unknown = ports.intersection(&row.decided);
            match unknown.is_empty() || *what == "unknown" {
                true => format!("{ports} newly {what}"),
                false if unknown == **ports => format!("{ports} newly {what} (unknown with it)"),
                false => format!("{ports} newly {what} ({unknown} unknown with it)"),
            }
        })
        .collect();
    format!("{} -> {}: {}", name(&row.from), name(&row.to), what.join("; "))
}

impl PolicyReport {
    pub(super) fn new(context: &Context<'_>, explanation: &PolicyExplanation) -> Self {
        let id = explanation.policy;
        let policy = &context.cluster.policies[id];
        let (file, line) = context.place(id, "");
        let direction = |direction: Direction| DirectionObject {
            isolates: policy.isolates[direction],
            rules: effective_rules(context, id, direction, &explanation.rules[direction]),
        };
        let without = &explanation.without;
        Self {
            api_version: "podreach/v1",
            kind: "PolicyExplanation",
            cni: context.profile.name(),
            policy: policy.name.path(),
            policy_kind: policy.name.kind.to_string(),
            place: TierPlace::of(policy),
            file,
            line,
            pods: names(context, explanation, Truth::Yes),
            perhaps_pods: names(context, explanation, Truth::Unknown),
            ingress: direction(Direction::Ingress),
            egress: direction(Direction::Egress),
            without: WithoutObject {
                newly_allowed: without.allowed,
                newly_denied: without.denied,
                newly_unknown: without.unknown,
                unknown_to_allowed: without.decided[0],
                unknown_to_denied: without.decided[1],
                changes: without.rows.iter().map(|row| row_object(context, row)).collect(),
                more: without.more,
            },
            notes: Vec::new(),
        }
    }
}

fn row_object(context: &Context<'_>, row: &Row) -> RowObject {
    let who = |who: &Who| match who {
        Who::Workload(id) => WhoObject {
            workload: Some(context.cluster.workload_path(*id)),
            kind: Some(context.cluster.workloads[*id].kind.to_string()),
            cidrs: None,
        },
        Who::Addresses(family, addresses) => WhoObject {
            workload: None,
            kind: None,
            cidrs: Some(cidrs(*family, addresses).iter().map(ToString::to_string).collect()),
        },
    };
    RowObject {
        from: who(&row.from),
        to: who(&row.to),
        allowed: port_map(&row.allowed),
        denied: port_map(&row.denied),
        unknown: port_map(&row.unknown),
    }
}
