//! `test --mutate`: which rules no test watches over.

use std::fmt::Write as _;

use serde::Serialize;

use super::explain::Context;
use super::style::Palette;
use super::text::{Markdown, Plain, count, painted_columns};
use crate::expect::{Mutant, Mutation, Survey};
use crate::load::Position;
use crate::profile::Profile;

/// The fates of the mutants of all clusters.
#[derive(Debug)]
pub struct Report<'a> {
    /// For each cluster its context and its survey.
    pub surveys: Vec<(Context<'a>, &'a Survey)>,
}

/// A mutant and where its policy says what was broken.
struct Placed<'a> {
    mutant: &'a Mutant,
    position: Option<Position>,
}

impl Placed<'_> {
    fn at(&self) -> String {
        self.position.as_ref().map_or_else(String::new, |at| format!("{}:{}", at.source, at.line))
    }

    fn what(&self) -> String {
        let Mutant { policy, path, .. } = self.mutant;
        if path.is_empty() { policy.to_string() } else { format!("{policy} {path}") }
    }
}

const fn word(mutation: Mutation) -> &'static str {
    match mutation {
        Mutation::PolicyRemoved => "policy-removed",
        Mutation::RuleRemoved => "rule-removed",
        Mutation::OppositeAction => "opposite-action",
        Mutation::PeerRemoved => "peer-removed",
        Mutation::PortRemoved => "port-removed",
        Mutation::AnyPeer => "any-peer",
        Mutation::AnyPort => "any-port",
        Mutation::AnyPod => "any-pod",
        Mutation::AnyNamespace => "any-namespace",
        Mutation::AnyNode => "any-node",
        Mutation::AnyAddress => "any-address",
    }
}

const fn sentence(mutation: Mutation) -> &'static str {
    match mutation {
        Mutation::PolicyRemoved | Mutation::RuleRemoved | Mutation::PeerRemoved | Mutation::PortRemoved => {
            "is removed"
        }
        Mutation::OppositeAction => "is the opposite",
        Mutation::AnyPeer => "matches everybody",
        Mutation::AnyPort => "matches every port",
        Mutation::AnyPod => "matches pods with any labels",
        Mutation::AnyNamespace => "matches namespaces with any labels",
        Mutation::AnyNode => "matches nodes with any labels",
        Mutation::AnyAddress => "matches every address",
    }
}

impl<'a> Report<'a> {
    fn placed(&'a self, which: impl Fn(&'a Survey) -> &'a [Mutant]) -> Vec<Placed<'a>> {
        let mut placed: Vec<Placed<'_>> = Vec::new();
        for (context, survey) in &self.surveys {
            let found = which(survey).iter().map(|mutant| {
                let position = (context.locate)(&mutant.origin, &mutant.path);
                Placed { mutant, position }
            });
            placed.extend(found);
        }
        placed
    }

    fn killed(&self) -> usize {
        self.surveys.iter().map(|(_, survey)| survey.killed).sum()
    }

    fn total(&self) -> usize {
        self.surveys.iter().map(|(_, survey)| survey.total()).sum()
    }

    fn failing(&self) -> usize {
        self.surveys.iter().map(|(_, survey)| survey.failing).sum()
    }

    /// The share of mutants that were noticed, in percent, rounded down; all if there is nothing to notice.
    pub fn score(&self) -> u64 {
        let all = self.surveys.iter().fold(Survey::default(), |mut all, (_, survey)| {
            all.killed += survey.killed;
            all.survived.extend(survey.survived.iter().cloned());
            all
        });
        all.score()
    }

    fn profiles(&self) -> String {
        let mut profiles: Vec<Profile> = self.surveys.iter().map(|(context, _)| context.profile).collect();
        profiles.sort();
        profiles.dedup();
        profiles.into_iter().map(Profile::name).collect::<Vec<_>>().join(", ")
    }

    /// `17 of 20 changes to the policies are noticed by the tests (85 %)`.
    fn headline(&self) -> String {
        match self.total() {
            0 => "no change to a policy changes a connection".to_owned(),
            total => format!(
                "the tests notice {} of {} to the policies: {} % (cni {})",
                self.killed(),
                count(total as u64, "change", "changes"),
                self.score(),
                self.profiles()
            ),
        }
    }

    /// A caveat for readers of the score: tests that fail without mutation; `None` if all pass.
    fn caveat(&self) -> Option<String> {
        let failing = self.failing();
        (failing > 0).then(|| {
            format!(
                "{} as it is, and so notice nothing",
                count(failing as u64, "test does not pass", "tests do not pass")
            )
        })
    }
}

/// For a terminal.
pub fn text(report: &Report<'_>, palette: Palette) -> String {
    let mut out = String::new();
    let mut line = |text: &str| writeln!(out, "{text}").expect("writing to a string cannot fail");
    line(&report.headline());
    if let Some(caveat) = report.caveat() {
        line(&palette.doubtful(Plain(&caveat)));
    }
    let survived = report.placed(|survey| &survey.survived);
    if !survived.is_empty() {
        line(&format!("\n{}", palette.heading("No test notices when")));
        let rows: Vec<Vec<String>> = survived
            .iter()
            .map(|placed| {
                let sentence = sentence(placed.mutant.mutation).to_owned();
                [Plain(&placed.what()).to_string(), sentence, Plain(&placed.at()).to_string()].into()
            })
            .collect();
        let paint = |_: usize, column: usize, cell: &str| match column {
            1 => palette.denied(cell),
            2 => palette.faint(cell),
            _ => cell.to_owned(),
        };
        for row in painted_columns(&rows, paint) {
            line(&format!("  {row}"));
        }
    }
    let equivalent = report.placed(|survey| &survey.equivalent).len() as u64;
    if equivalent > 0 {
        let more = count(equivalent, "more change does not", "more changes do not");
        line(&format!("\n{more} open or close anything, so no test could notice (`-o json` lists them)"));
    }
    out
}

/// As Markdown.
pub fn markdown(report: &Report<'_>) -> String {
    let mut out = format!("## Mutation of policies\n\n{}\n", Markdown(&report.headline()));
    if let Some(caveat) = report.caveat() {
        writeln!(out, "\n{}", Markdown(&caveat)).expect("writing to a string cannot fail");
    }
    let survived = report.placed(|survey| &survey.survived);
    if !survived.is_empty() {
        out.push_str("\n| no test notices when | | where |\n|---|---|---|\n");
    }
    for placed in survived {
        let (what, at) = (placed.what(), placed.at());
        let how = sentence(placed.mutant.mutation);
        writeln!(out, "| {} | {how} | {} |", Markdown(&what), Markdown(&at))
            .expect("writing to a string cannot fail");
    }
    out
}

/// `kind: MutationReport`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Object {
    api_version: &'static str,
    kind: &'static str,
    cni: String,
    summary: Summary,
    survived: Vec<MutantObject>,
    equivalent: Vec<MutantObject>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    mutants: usize,
    killed: usize,
    survived: usize,
    equivalent: usize,
    score: u64,
    failing_tests: usize,
}

#[derive(Debug, Serialize)]
struct MutantObject {
    policy: String,
    kind: String,
    path: String,
    mutation: &'static str,
    file: Option<String>,
    line: Option<u32>,
}

/// The object of `test --mutate -o json`.
pub fn object(report: &Report<'_>) -> Object {
    let objects = |placed: Vec<Placed<'_>>| -> Vec<MutantObject> {
        let object = |placed: Placed<'_>| MutantObject {
            policy: placed.mutant.policy.path(),
            kind: placed.mutant.policy.kind.to_string(),
            path: placed.mutant.path.clone(),
            mutation: word(placed.mutant.mutation),
            line: placed.position.as_ref().map(|at| at.line),
            file: placed.position.map(|at| at.source),
        };
        placed.into_iter().map(object).collect()
    };
    let survived = objects(report.placed(|survey| &survey.survived));
    let equivalent = objects(report.placed(|survey| &survey.equivalent));
    Object {
        api_version: "podreach/v1",
        kind: "MutationReport",
        cni: report.profiles(),
        summary: Summary {
            mutants: report.total(),
            killed: report.killed(),
            survived: survived.len(),
            equivalent: equivalent.len(),
            score: report.score(),
            failing_tests: report.failing(),
        },
        survived,
        equivalent,
    }
}
