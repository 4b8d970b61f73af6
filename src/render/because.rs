//! The reasons for connections, as notes with numbers: many connections rest on the same few rules.

use serde::Serialize;

use super::explain::{Context, Words};
use crate::net::Direction;
use crate::policy::PolicyId;
use crate::query::because::{Because, Ground};
use crate::solve::proof::Exemption;

/// Notes under a list, each once, in the order in which the list needs them.
#[derive(Debug, Default)]
pub(super) struct Notes {
    texts: Vec<String>,
    /// True if a note says that an end is open because no policy isolates it.
    open: bool,
    /// The exemptions that were met.
    exempt: Vec<Exemption>,
}

impl Notes {
    /// The marks of both sides: `open, 2`, where 2 is the number of a note.
    pub(super) fn marks(&mut self, context: &Context<'_>, because: &Because) -> String {
        let sides = [(Direction::Egress, &because.egress), (Direction::Ingress, &because.ingress)];
        let marks: Vec<String> = sides
            .into_iter()
            .map(|(direction, ground)| self.mark(context, because, direction, ground))
            .filter(|mark| !mark.is_empty())
            .collect();
        marks.join(", ")
    }

    fn mark(
        &mut self,
        context: &Context<'_>,
        because: &Because,
        direction: Direction,
        ground: &Ground,
    ) -> String {
        let words = Words { cluster: context.cluster };
        match ground {
            Ground::Beside | Ground::Open(Some(Exemption::NotAPod)) => "-".into(),
            Ground::Open(None) => {
                self.open = true;
                "open".into()
            }
            Ground::Open(Some(exemption)) => {
                if !self.exempt.contains(exemption) {
                    self.exempt.push(*exemption);
                }
                exempt(*exemption).into()
            }
            Ground::Admitted(rules) | Ground::Denied(rules) => {
                let numbers: Vec<String> = rules
                    .iter()
                    .map(|&(policy, rule)| {
                        self.number(rule_text(context, policy, direction, rule)).to_string()
                    })
                    .collect();
                numbers.join("+")
            }
            Ground::Isolated(policies) => {
                let names: Vec<String> = policies.iter().map(|policy| words.policy(*policy)).collect();
                self.number(format!("isolated by {}, and no rule admits it", names.join(", "))).to_string()
            }
            Ground::Undecided(_) => {
                let numbers: Vec<String> = because
                    .reasons
                    .iter()
                    .map(|reason| format!("?{}", self.number(format!("not known: {}", words.reason(reason)))))
                    .collect();
                if numbers.is_empty() { "?".into() } else { numbers.join("+") }
            }
        }
    }

    fn number(&mut self, text: String) -> usize {
        if let Some(place) = self.texts.iter().position(|known| *known == text) {
            return place + 1;
        }
        self.texts.push(text);
        self.texts.len()
    }

    /// Every note with its mark; not escaped.
    pub(super) fn lines(&self) -> Vec<[String; 2]> {
        let numbered = self.texts.iter().enumerate().map(|(i, text)| [(i + 1).to_string(), text.clone()]);
        let mut lines: Vec<[String; 2]> = numbered.collect();
        if self.open {
            lines.push(["open".into(), "no policy isolates the pod in this direction".into()]);
        }
        lines.extend(self.exempt.iter().map(|why| [exempt(*why).into(), Words::exemption(*why).into()]));
        lines
    }
}

/// The mark of a side that is beyond the reach of policies.
const fn exempt(exemption: Exemption) -> &'static str {
    match exemption {
        Exemption::NotAPod => "-",
        Exemption::HostNetwork => "host",
        Exemption::NotEnforced => "off",
        Exemption::BarePod => "bare",
        Exemption::OwnNode => "node",
    }
}

/// `NetworkPolicy shop/web spec.ingress[0] (shop.yaml:12)`.
fn rule_text(context: &Context<'_>, policy: PolicyId, direction: Direction, rule: usize) -> String {
    let words = Words { cluster: context.cluster };
    let path = words.rule_path(policy, direction, rule);
    format!("{} {path}{}", words.policy(policy), context.at(policy, &path))
}

/// Both sides as machine formats write them.
#[derive(Debug, Serialize)]
pub(super) struct BecauseObject {
    egress: GroundObject,
    ingress: GroundObject,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
}

#[derive(Debug, Serialize)]
struct GroundObject {
    why: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    policies: Vec<PolicyObject>,
}

/// A policy, or one of its rules, and where it stands.
#[derive(Debug, Serialize)]
pub(super) struct PolicyObject {
    kind: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    file: Option<String>,
    line: Option<u32>,
}

impl PolicyObject {
    pub(super) fn new(context: &Context<'_>, policy: PolicyId, path: Option<String>) -> Self {
        let name = &context.cluster.policies[policy].name;
        let (file, line) = context.place(policy, path.as_deref().unwrap_or_default());
        Self { kind: name.kind.to_string(), name: name.path(), path, file, line }
    }
}

impl BecauseObject {
    pub(super) fn new(context: &Context<'_>, because: &Because) -> Self {
        let words = Words { cluster: context.cluster };
        let side = |direction, ground: &Ground| {
            let rules = |rules: &[(PolicyId, usize)]| {
                let path = |&(policy, rule): &(PolicyId, usize)| words.rule_path(policy, direction, rule);
                rules.iter().map(|rule| PolicyObject::new(context, rule.0, Some(path(rule)))).collect()
            };
            let whole = |policies: &[PolicyId]| {
                policies.iter().map(|policy| PolicyObject::new(context, *policy, None)).collect()
            };
            let (why, policies) = match ground {
                Ground::Beside => ("same pod", Vec::new()),
                Ground::Open(None) => ("open", Vec::new()),
                Ground::Open(Some(Exemption::NotAPod)) => ("outside", Vec::new()),
                Ground::Open(Some(_)) => ("exempt", Vec::new()),
                Ground::Admitted(list) => ("admitted", rules(list)),
                Ground::Denied(list) => ("denied", rules(list)),
                Ground::Isolated(list) => ("isolated", whole(list)),
                Ground::Undecided(list) => ("unknown", whole(list)),
            };
            GroundObject { why, policies }
        };
        Self {
            egress: side(Direction::Egress, &because.egress),
            ingress: side(Direction::Ingress, &because.ingress),
            reasons: because.reasons.iter().map(|reason| words.reason(reason)).collect(),
        }
    }
}
