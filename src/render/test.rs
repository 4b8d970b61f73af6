//! Results of tests, for people, for CI servers and for other programs.

mod annotations;
mod junit;
mod object;
mod sarif;
mod tap;
mod text;
mod words;

use std::io::{self, Write};

use super::Format;
use super::explain::Context;
use super::style::Palette;
use crate::diagnostic::{ObjectName, Origin};
use crate::expect::{Counts, Ruling, Test, TestFile, Waiver};
use crate::load::Position;
use crate::profile::Profile;

/// All that was run.
#[derive(Debug)]
pub struct Report<'a> {
    /// The files, in the order of the input.
    pub suites: Vec<Suite<'a>>,
    /// Tests that were not asked for.
    pub filtered_out: usize,
}

/// One file and what its tests came to.
pub struct Suite<'a> {
    /// The file.
    pub file: &'a TestFile,
    /// The results of its tests, in written order.
    pub rulings: &'a [Ruling],
    /// The cluster they were judged in.
    pub context: Context<'a>,
    /// Finds a field of a test file.
    pub locate: &'a dyn Fn(&Origin, &str) -> Option<Position>,
}

impl std::fmt::Debug for Suite<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Suite").field("file", &self.file.name).finish_non_exhaustive()
    }
}

/// One test, and what it came to.
#[derive(Clone, Copy)]
struct Case<'a> {
    suite: &'a Suite<'a>,
    test: &'a Test,
    ruling: &'a Ruling,
}

impl<'a> Suite<'a> {
    fn cases(&'a self) -> impl Iterator<Item = Case<'a>> {
        self.rulings.iter().map(|ruling| Case { suite: self, test: &self.file.tests[ruling.test], ruling })
    }

    fn at(&self, path: &str) -> Option<Position> {
        (self.locate)(&self.file.origin, path)
    }
}

impl<'a> Case<'a> {
    fn position(self) -> Option<Position> {
        self.suite.at(&self.test.path)
    }

    fn waiver(self) -> Option<&'a Waiver> {
        self.test.waiver.map(|waiver| &self.suite.file.waivers[waiver])
    }

    /// The policy or the rule that the failure depends on, with its position.
    fn responsible(self) -> Option<Responsible<'a>> {
        let Some(crate::expect::Evidence::Pair(example)) = &self.ruling.outcome.evidence else { return None };
        let context = &self.suite.context;
        let found = example.responsible(context.cluster)?;
        let words = super::explain::Words { cluster: context.cluster };
        let path = found
            .rule
            .map_or(String::new(), |(direction, rule)| words.rule_path(found.policy, direction, rule));
        let policy = &context.cluster.policies[found.policy];
        let position = (context.locate)(&policy.origin, &path)?;
        Some(Responsible { policy: &policy.name, path, position })
    }
}

/// A policy, or one of its rules, and where it stands.
struct Responsible<'a> {
    policy: &'a ObjectName,
    path: String,
    position: Position,
}

impl Responsible<'_> {
    fn what(&self) -> String {
        let space = if self.path.is_empty() { "" } else { " " };
        format!("{}{space}{}", self.policy, self.path)
    }
}

impl<'a> Report<'a> {
    fn cases(&'a self) -> impl Iterator<Item = Case<'a>> {
        self.suites.iter().flat_map(Suite::cases)
    }

    fn counts(&self) -> Counts {
        Counts::of(self.suites.iter().flat_map(|suite| suite.rulings))
    }

    /// The profiles of the suites, each once.
    fn profiles(&self) -> String {
        let mut profiles: Vec<Profile> = self.suites.iter().map(|suite| suite.context.profile).collect();
        profiles.sort();
        profiles.dedup();
        profiles.into_iter().map(Profile::name).collect::<Vec<_>>().join(", ")
    }
}

/// Writes a report.
pub fn write(format: Format, report: &Report<'_>, palette: Palette, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Json | Format::Yaml => super::object(format, &object::Object::new(report), out),
        Format::Junit => junit::write(report, out),
        Format::Sarif => super::object(Format::Json, &sarif::Log::new(report), out),
        Format::Tap => tap::write(report, out),
        Format::Github => annotations::write(report, out),
        Format::Markdown => out.write_all(text::markdown(report).as_bytes()),
        _ => out.write_all(text::text(report, palette).as_bytes()),
    }
}
