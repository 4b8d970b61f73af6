//! The part that is read first: figures, coverage, findings, and the files that all of it was made from.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::Report;
use super::data::plain;
use crate::cluster::{NamespaceId, PodId};
use crate::diagnostic::{Code, Severity};
use crate::load::Sources;
use crate::net::Direction;
use crate::policy::{NamespaceMatch, Policy};
use crate::query::{Isolation, PodPairs};
use crate::render::diagnostic::Located;

/// The first view.
pub(super) struct Overview<'a> {
    pub(super) figures: Vec<Figure>,
    pub(super) pairs: Vec<Part>,
    pub(super) coverage: Vec<Coverage<'a>>,
    /// True if the page is about a part of the cluster; then the coverage is, and figures and pairs are not.
    pub(super) is_part: bool,
    /// The causes of unknown verdicts: facts that the input does not give, policies that are not evaluated, and objects
    /// that were left out.
    pub(super) doubts: Vec<Finding>,
    /// The pairs of pods that the input does not decide, if there are any.
    pub(super) undecided: Option<String>,
    /// Findings about pairs on which other CNIs decide differently.
    pub(super) differences: Vec<Finding>,
    pub(super) findings: Vec<Finding>,
    pub(super) inputs: Vec<Input>,
}

/// A number and what it counts.
pub(super) struct Figure {
    pub(super) number: String,
    pub(super) what: &'static str,
}

/// A part of all pairs of pods.
pub(super) struct Part {
    pub(super) class: &'static str,
    pub(super) what: &'static str,
    pub(super) pairs: String,
    pub(super) percent: String,
    /// The start, and then the width, in a bar of 1,000.
    pub(super) start: u32,
    pub(super) width: u32,
}

/// Number of pods of a namespace that policies isolate.
#[derive(Default)]
pub(super) struct Coverage<'a> {
    pub(super) namespace: &'a str,
    pub(super) pods: u64,
    pub(super) policies: usize,
    pub(super) sides: [Side; 2],
}

/// One direction of it.
#[derive(Clone, Copy, Default)]
pub(super) struct Side {
    pub(super) isolated: u64,
    pub(super) open: u64,
    pub(super) unknown: u64,
    pub(super) exempt: u64,
}

pub(super) struct Finding {
    pub(super) severity: &'static str,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) at: Option<String>,
    pub(super) help: Option<String>,
}

/// A file that was read.
pub(super) struct Input {
    pub(super) name: String,
    /// True if it was read for the cluster before a change.
    pub(super) is_before: bool,
    pub(super) bytes: String,
    /// SHA-256, in hexadecimal.
    pub(super) digest: String,
}

impl Side {
    /// The widths of the parts of a bar of 100: isolated, open, unknown or exempt.
    pub(super) fn bar(&self) -> [u64; 3] {
        let all = self.isolated + self.open + self.unknown + self.exempt;
        let share = |part: u64| if all == 0 { 0 } else { (part * 100).div_ceil(all) };
        let isolated = share(self.isolated);
        let open = share(self.open).min(100 - isolated);
        [isolated, open, if all == 0 { 0 } else { 100 - isolated - open }]
    }

    /// `2 of 3`, with what is neither isolated nor open.
    pub(super) fn words(&self) -> String {
        let all = self.isolated + self.open + self.unknown;
        let of = |number: u64, what: &str| {
            if number > 0 { format!(", {number} {what}") } else { String::new() }
        };
        let (unknown, exempt) = (of(self.unknown, "unknown"), of(self.exempt, "on the host network"));
        format!("{} of {all}{unknown}{exempt}", self.isolated)
    }
}

impl<'a> Overview<'a> {
    pub(super) fn new(report: &Report<'a, '_>) -> Self {
        let summary = report.matrix.summary();
        let policies = &report.context.cluster.policies;
        let not_evaluated = policies
            .iter()
            .filter(|policy| !policy.tier.is_evaluated() && !policy.is_left_out && !policy.is_withdrawn());
        let figures = [
            (summary.namespaces, "namespaces"),
            (summary.workloads, "workloads"),
            (summary.pods, "pods"),
            (summary.policies, "policies"),
            (not_evaluated.count() as u64, "policies not evaluated"),
        ];
        let shown =
            figures.into_iter().filter(|(number, what)| *number > 0 || *what != "policies not evaluated");
        let of = |is_meant: fn(Code) -> bool| {
            let meant = report.findings.iter().filter(|found| is_meant(found.diagnostic.code));
            meant.map(Finding::new).collect::<Vec<_>>()
        };
        let undecided = summary.pod_pairs.unknown;
        Self {
            figures: shown
                .map(|(number, what)| Figure { number: grouped(u128::from(number)), what })
                .collect(),
            pairs: pairs(&summary.pod_pairs),
            coverage: coverage(report),
            is_part: report.about.is_some(),
            doubts: of(|code| matches!(code, Code::MissingFact | Code::NotEvaluated | Code::LeftOut)),
            undecided: (undecided > 0).then(|| grouped(undecided)),
            differences: of(|code| code == Code::ProfilesDiffer),
            findings: of(|code| !matches!(code, Code::MissingFact | Code::ProfilesDiffer)),
            inputs: inputs(report),
        }
    }

    /// Number of findings of each severity, the worst first; severities without findings are left out.
    pub(super) fn tally(&self) -> Vec<(usize, &'static str)> {
        [(Severity::Error, "errors"), (Severity::Warning, "warnings"), (Severity::Note, "notes")]
            .map(|(severity, plural)| {
                let number = self.findings.iter().filter(|found| found.severity == severity.as_str()).count();
                (number, if number == 1 { severity.as_str() } else { plural })
            })
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .collect()
    }
}

impl Finding {
    fn new(found: &Located<'_>) -> Self {
        let diagnostic = found.diagnostic;
        let object = diagnostic.object.as_ref().map(|object| format!("{object}: ")).unwrap_or_default();
        let at = found.position.as_ref().map(|at| format!("{}:{}", at.source, at.line));
        Self {
            severity: diagnostic.severity().as_str(),
            code: diagnostic.code.name(),
            message: plain(&format!("{object}{}", diagnostic.message)),
            at: at.as_deref().or(found.file()).map(plain),
            help: diagnostic.help.as_deref().map(plain),
        }
    }
}

/// `1,234,567`.
fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn pairs(pairs: &PodPairs) -> Vec<Part> {
    let parts = [
        (pairs.none, "none", "may not connect at all"),
        (pairs.some, "some", "may use some ports"),
        (pairs.open, "open", "may use every port"),
        (pairs.unknown, "unknown", "are not decided by the input"),
    ];
    let all = pairs.total.max(1);
    let mut before = 0;
    let mut parts_of_all = Vec::new();
    for (number, class, what) in parts.into_iter().filter(|(number, ..)| *number > 0) {
        let start = before * 1000 / all;
        before += number;
        parts_of_all.push(Part {
            class,
            what,
            pairs: grouped(number),
            percent: percent(number, all),
            start: start as u32,
            width: (before * 1000 / all - start) as u32,
        });
    }
    parts_of_all
}

/// `70.8`; what is not everything is less than 100, and what is not nothing is more than 0.
fn percent(number: u128, all: u128) -> String {
    let mille = (number * 2000 + all) / (2 * all);
    let mille = if number < all { mille.min(999) } else { mille };
    if mille == 0 { "< 0.1".to_owned() } else { format!("{}.{}", mille / 10, mille % 10) }
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// One row for each namespace that has pods to speak of; of a whole cluster, for every one.
fn coverage<'a>(report: &Report<'a, '_>) -> Vec<Coverage<'a>> {
    let cluster = report.context.cluster;
    let about: Option<BTreeSet<PodId>> = report.about.as_ref().map(|about| about.iter().copied().collect());
    let mut all: BTreeMap<NamespaceId, Coverage<'a>> = BTreeMap::new();
    if about.is_none() {
        all.extend(cluster.namespaces.ids().map(|id| (id, Coverage::default())));
    }
    for (id, pod) in
        cluster.pods.enumerate().filter(|(id, _)| about.as_ref().is_none_or(|all| all.contains(id)))
    {
        let (coverage, pods) = (all.entry(pod.namespace).or_default(), u64::from(pod.count));
        coverage.pods += pods;
        for (side, direction) in coverage.sides.iter_mut().zip(Direction::ALL) {
            *match report.matrix.isolation_of(id, direction) {
                Isolation::Isolated => &mut side.isolated,
                Isolation::Open | Isolation::Ruled => &mut side.open,
                Isolation::Exempt => &mut side.exempt,
                Isolation::Mixed | Isolation::Unknown => &mut side.unknown,
            } += pods;
        }
    }
    let evaluated = |policy: &&Policy| policy.tier.is_evaluated() && !policy.is_withdrawn();
    for policy in cluster.policies.iter().filter(evaluated) {
        if let Some(NamespaceMatch::One(namespace)) = policy.subject.pods().map(|pods| pods.namespaces)
            && let Some(coverage) = all.get_mut(&namespace)
        {
            coverage.policies += 1;
        }
    }
    all.into_iter()
        .map(|(id, coverage)| Coverage { namespace: &cluster.namespaces[id].name, ..coverage })
        .collect()
}

fn inputs(report: &Report<'_, '_>) -> Vec<Input> {
    let before = report.before.filter(|before| !std::ptr::eq(*before, report.sources));
    let of = |sources: &'_ Sources, is_before| {
        let inputs = sources.iter().map(|source| Input {
            name: plain(&source.name),
            is_before,
            bytes: grouped(source.bytes.len() as u128),
            digest: hexadecimal(&Sha256::digest(&*source.bytes)),
        });
        inputs.collect::<Vec<_>>()
    };
    let mut inputs = before.map(|before| of(before, true)).unwrap_or_default();
    inputs.extend(of(report.sources, false));
    inputs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn shares_are_rounded_but_never_to_all_or_nothing() {
        for (number, all, text) in
            [(242, 342, "70.8"), (1, 1, "100.0"), (99_999, 100_000, "99.9"), (1, 100_000, "< 0.1")]
        {
            assert_eq!(percent(number, all), text);
        }
    }

    #[test]
    fn bars_are_full_and_never_hide_a_part() {
        let bar = |isolated, open, unknown| Side { isolated, open, unknown, exempt: 0 }.bar();
        assert_eq!(bar(0, 0, 0), [0, 0, 0]);
        assert_eq!(bar(1, 999, 0), [1, 99, 0]);
        assert_eq!(bar(3, 0, 0), [100, 0, 0]);
        assert_eq!(bar(1, 1, 2), [25, 25, 50]);
    }
}
