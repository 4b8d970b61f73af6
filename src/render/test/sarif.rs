//! SARIF 2.1.0: failures as code scanning shows them, at the policy that is responsible, or else at the test.

use serde::Serialize;
use std::fmt::Write as _;

use super::{Case, Report};
use crate::expect::Status;
use crate::load::Position;
use crate::render::text::Plain;

/// The reasons why a test may not pass, each with its meaning.
const RULES: [(&str, &str); 5] = [
    ("unexpectedly-allowed", "A connection is allowed that a test expects to be denied"),
    ("unexpectedly-denied", "A connection is denied that a test expects to be allowed"),
    ("undecided", "The input does not decide whether a test passes"),
    ("nothing-matches", "An endpoint of a test stands for nothing"),
    ("expired-waiver", "The waiver for a test has expired"),
];

#[derive(Serialize)]
pub(super) struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    results: Vec<Finding>,
    column_kind: &'static str,
    properties: Properties,
}

#[derive(Serialize)]
struct Properties {
    cni: String,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: &'static str,
    short_description: Message,
}

#[derive(Serialize)]
struct Message {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Message,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<Location>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location>,
    partial_fingerprints: Fingerprints,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suppressions: Vec<Suppression>,
}

#[derive(Serialize)]
struct Fingerprints {
    #[serde(rename = "podreachTest/v1")]
    test: String,
}

#[derive(Serialize)]
struct Suppression {
    kind: &'static str,
    justification: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u32>,
    #[serde(rename = "physicalLocation")]
    place: Place,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    start_column: u32,
}

impl Log {
    pub(super) fn new(report: &Report<'_>) -> Self {
        let rules = RULES.into_iter().map(|(id, text)| Rule { id, short_description: message(text) });
        let driver =
            Driver { name: "podreach", semantic_version: env!("CARGO_PKG_VERSION"), rules: rules.collect() };
        let fails = |case: &Case<'_>| case.ruling.status.is_failure() || case.ruling.status == Status::Waived;
        Self {
            schema: "https://json.schemastore.org/sarif-2.1.0.json",
            version: "2.1.0",
            runs: [Run {
                tool: Tool { driver },
                results: report.cases().filter(fails).map(Finding::new).collect(),
                column_kind: "unicodeCodePoints",
                properties: Properties { cni: report.profiles() },
            }],
        }
    }
}

impl Finding {
    fn new(case: Case<'_>) -> Self {
        let rule_id = case.rule();
        let rule_index = RULES.iter().position(|(id, _)| *id == rule_id);
        let mut text = format!("{}: {}", case.test.name, case.message());
        if let Some(remedy) = case.remedy() {
            text.push_str("; to deny it, ");
            text.push_str(&remedy);
        }
        let test = case.position().map(|at| location(&at));
        let policy = case.responsible().map(|found| location(&found.position));
        let (locations, related) = match (policy, test) {
            (Some(policy), Some(test)) => {
                let related = Location { id: Some(1), message: Some(message("the test")), ..test };
                (vec![policy], vec![related])
            }
            (policy, test) => (policy.into_iter().chain(test).collect(), Vec::new()),
        };
        let suppression = case.waived().filter(|_| case.ruling.status == Status::Waived);
        Self {
            rule_id,
            rule_index: rule_index.expect("whatever does not pass is in the table"),
            level: "error",
            message: message(&text),
            locations,
            related_locations: related,
            partial_fingerprints: Fingerprints {
                test: format!("{}/{}", case.suite.file.name, case.test.name),
            },
            suppressions: suppression
                .map(|justification| Suppression { kind: "external", justification })
                .into_iter()
                .collect(),
        }
    }
}

fn message(text: &str) -> Message {
    Message { text: Plain(text).to_string() }
}

fn location(at: &Position) -> Location {
    let region = Region { start_line: at.line, start_column: at.column };
    let artifact_location = ArtifactLocation { uri: uri(&at.source) };
    Location { id: None, place: Place { artifact_location, region }, message: None }
}

/// A path as a reference within a URI.
fn uri(path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path).replace('\\', "/");
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            _ => write!(uri, "%{byte:02X}").expect("writing to a string cannot fail"),
        }
    }
    uri
}
