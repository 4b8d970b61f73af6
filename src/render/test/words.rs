//! Texts about tests, for every format; they are not escaped yet.

use super::Case;
use crate::expect::{Counterexample, Doubt, Endpoint, Evidence, Expectation, Nothing, Role, Status, Wanted};
use crate::label::Truth;
use crate::query::can::Verdict;
use crate::query::endpoint::PortRequest;
use crate::render::explain::Words;

impl<'a> Case<'a> {
    fn words(self) -> Words<'a> {
        Words { cluster: self.suite.context.cluster }
    }

    /// The expectation of the test: `only api reaches db on 5432/TCP`.
    pub(super) fn expected(self) -> String {
        let text = |endpoint: &Option<Endpoint>| endpoint.as_ref().map_or("", |e| &*e.text).to_owned();
        let (from, to) = (text(&self.test.from), text(&self.test.to));
        let ports = self.ports();
        match &self.test.expectation {
            Expectation::Allow => format!("{from} -> {to} is allowed on {ports}"),
            Expectation::Restricted => {
                format!("{from} -> {to} is allowed on {ports}, restricted by a policy")
            }
            Expectation::Deny => match &self.test.ports {
                None => format!("{from} -> {to} is denied on every port"),
                Some(_) => format!("{from} -> {to} is denied on {ports}"),
            },
            Expectation::Only(others) => {
                let others: Vec<&str> = others.iter().map(|endpoint| &*endpoint.text).collect();
                let on = if self.test.ports.is_some() { format!(" on {ports}") } else { String::new() };
                match (&self.test.from, &others[..]) {
                    (Some(_), []) => format!("{from} reaches nobody{on}"),
                    (Some(_), _) => format!("{from} reaches only {}{on}", others.join(", ")),
                    (None, []) => format!("nobody reaches {to}{on}"),
                    (None, _) => format!("only {} may reach {to}{on}", others.join(", ")),
                }
            }
        }
    }

    fn ports(self) -> String {
        let Some(ports) = &self.test.ports else { return "every port".into() };
        let one = |port: &PortRequest| match port {
            PortRequest::Numbers(numbers) => numbers.to_string(),
            PortRequest::Name { name, protocol: None } => name.clone(),
            PortRequest::Name { name, protocol: Some(protocol) } => format!("{name}/{protocol}"),
        };
        ports.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// The reason why the test did not pass, in one line.
    pub(super) fn found(self) -> Option<String> {
        let words = self.words();
        Some(match self.ruling.outcome.evidence.as_ref()? {
            Evidence::Nothing { role, endpoint, why } => self.nothing(*role, endpoint, why),
            Evidence::PerhapsNothing(doubt) => {
                format!("`{}` may match nothing: {}", doubt.endpoint.text, self.doubt(doubt))
            }
            Evidence::Pair(example) => {
                let shown = &example.answer.shown;
                let (from, to) = (words.end(shown.proof.from), words.end(shown.proof.to));
                let (failing, which) =
                    if example.failing > 0 { (example.failing, "") } else { (example.unknown, "perhaps ") };
                let of = if example.pairs > 1 {
                    format!(" ({which}{failing} of {} pairs)", example.pairs)
                } else {
                    String::new()
                };
                format!("{from} -> {to} {}{of}{}", verdict(example), self.aside(example))
            }
        })
    }

    /// A remark on a pair: a doubt, or that it is a pod and itself; mostly empty.
    fn aside(self, example: &Counterexample) -> String {
        if let Some(doubt) = &example.doubt {
            return format!("; {}", self.doubt(doubt));
        }
        if example.wanted == Wanted::Restricted && example.answer.verdict == Verdict::Allow {
            return ", and no policy restricts what may be said".into();
        }
        if example.wanted == Wanted::None && example.answer.shown.proof.from == example.answer.shown.proof.to
        {
            return "; nothing comes between a pod and itself, and `expectOnly` leaves that out".into();
        }
        String::new()
    }

    fn doubt(self, doubt: &Doubt) -> String {
        self.words().doubt(&doubt.endpoint.text, doubt.end, doubt.is_by_label)
    }

    fn nothing(self, role: Role, endpoint: &Endpoint, why: &Nothing) -> String {
        let field = match role {
            Role::From => "from",
            Role::To => "to",
            Role::Only => "expectOnly",
        };
        let text = &endpoint.text;
        match why {
            Nothing::NoMatch => format!("`{field}: {text}` matches no pod of the input and no address"),
            Nothing::NoPort { end, port } => format!("{} declares no port `{port}`", self.words().end(*end)),
            Nothing::Named(error) => match (&endpoint.near, error.help()) {
                (Some(near), _) => {
                    format!("`{field}: {text}`: there is no such endpoint; did you mean `{near}`?")
                }
                (None, Some(help)) => format!("`{field}: {text}`: {error}; {help}"),
                (None, None) => format!("`{field}: {text}`: {error}"),
            },
        }
    }

    /// A way to close a connection that should be denied, if there is one.
    pub(super) fn remedy(self) -> Option<String> {
        let Some(Evidence::Pair(example)) = &self.ruling.outcome.evidence else { return None };
        let shown = &example.answer.shown;
        if shown.verdict != Verdict::Allow || example.doubt.is_some() {
            return None;
        }
        let words = self.words();
        let context = &self.suite.context;
        let [egress, ingress] = shown.family()?.sides();
        let ways: Vec<String> = [ingress, egress]
            .into_iter()
            .filter(|side| side.exemption.is_none())
            .map(|side| {
                let direction = side.direction.as_str();
                let (subject, _) = shown.ends_of(side.direction);
                let rules = shown.admitted_by(context.cluster, side);
                let is_settled = shown.is_settled_before(context.cluster, side);
                if rules.is_empty() || (shown.isolated(context.cluster, side) != Truth::Yes && !is_settled) {
                    return format!(
                        "isolate {} for {direction} with a NetworkPolicy that selects it",
                        words.end(subject)
                    );
                }
                let rules: Vec<String> = rules
                    .into_iter()
                    .map(|(policy, rule)| {
                        let path = words.rule_path(policy, side.direction, rule);
                        format!("{} {path}{}", words.policy(policy), context.at(policy, &path))
                    })
                    .collect();
                format!("narrow {}", rules.join(" and "))
            })
            .collect();
        (!ways.is_empty()).then(|| ways.join(", or "))
    }

    /// The words of its waiver.
    pub(super) fn waived(self) -> Option<String> {
        let waiver = self.waiver()?;
        let reason = waiver.reason.as_deref().unwrap_or("no reason given");
        Some(match (self.ruling.status, waiver.expires) {
            (Status::Expired, Some(day)) => format!("the waiver expired on {day}: {reason}"),
            (Status::PassedWaived, _) => format!("the waiver is not needed any more: {reason}"),
            (_, Some(day)) => format!("waived until {day}: {reason}"),
            (_, None) => format!("waived: {reason}"),
        })
    }

    /// Everything in one line: what was expected, what was found, what the waiver says.
    pub(super) fn message(self) -> String {
        let mut parts = vec![format!("expected: {}", self.expected())];
        parts.extend(self.found().map(|found| format!("found: {found}")));
        parts.extend(self.waived());
        parts.join("; ")
    }

    /// A stable name of what went wrong.
    pub(super) fn rule(self) -> &'static str {
        match (self.ruling.status, &self.ruling.outcome.evidence) {
            (Status::Expired, _) => "expired-waiver",
            (_, Some(Evidence::Nothing { .. })) => "nothing-matches",
            (_, Some(Evidence::PerhapsNothing(_))) | (Status::Unknown, _) => "undecided",
            (_, Some(Evidence::Pair(example))) => match (example.answer.verdict, example.wanted) {
                (Verdict::Unknown, _) => "undecided",
                (_, Wanted::None) | (Verdict::Allow, Wanted::Restricted) => "unexpectedly-allowed",
                (_, Wanted::All | Wanted::Some | Wanted::Restricted) => "unexpectedly-denied",
            },
            (_, None) => "passed",
        }
    }
}

fn verdict(example: &Counterexample) -> String {
    let shown = &example.answer.shown;
    let ports = if shown.asked.is_full() { "every port".to_owned() } else { shown.asked.to_string() };
    match shown.verdict {
        Verdict::Allow => format!("is allowed on {ports}"),
        Verdict::Deny => format!("is denied on {ports}"),
        Verdict::Unknown => format!("is unknown on {ports}"),
    }
}
