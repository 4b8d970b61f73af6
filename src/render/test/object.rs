//! `kind: ReachabilityTestReport`.

use serde::Serialize;

use super::{Case, Report};
use crate::expect::{Evidence, Status};
use crate::render::endpoint::PortsJson;
use crate::render::explain::{Explanation, answer_object};
use crate::solve::End;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Object<'a> {
    api_version: &'static str,
    kind: &'static str,
    cni: String,
    summary: Summary,
    tests: Vec<TestObject<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    tests: usize,
    passed: usize,
    failed: usize,
    unknown: usize,
    waived: usize,
    filtered_out: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TestObject<'a> {
    suite: &'a str,
    name: &'a str,
    file: Option<String>,
    line: Option<u32>,
    cni: &'static str,
    result: &'static str,
    expected: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pairs: Option<Pairs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counterexample: Option<Pair<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<Policy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Explanation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiver: Option<WaiverObject<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    notes: &'a [String],
}

#[derive(Serialize)]
struct Pairs {
    total: u128,
    failing: u128,
    unknown: u128,
}

#[derive(Serialize)]
struct Pair<'a> {
    from: EndObject,
    to: EndObject,
    ports: PortsJson<'a>,
    verdict: &'static str,
}

/// One of the two.
#[derive(Serialize)]
struct EndObject {
    #[serde(skip_serializing_if = "Option::is_none")]
    pod: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cidrs: Option<[String; 1]>,
}

#[derive(Serialize)]
struct Policy {
    kind: String,
    name: String,
    path: String,
    file: String,
    line: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WaiverObject<'a> {
    reason: Option<&'a str>,
    expires: Option<String>,
    state: &'static str,
}

impl<'a> Object<'a> {
    pub(super) fn new(report: &'a Report<'a>) -> Self {
        let counts = report.counts();
        Self {
            api_version: "podreach/v1",
            kind: "ReachabilityTestReport",
            cni: report.profiles(),
            summary: Summary {
                tests: counts.tests,
                passed: counts.passed,
                failed: counts.failed,
                unknown: counts.unknown,
                waived: counts.waived,
                filtered_out: report.filtered_out,
            },
            tests: report.cases().map(TestObject::new).collect(),
        }
    }
}

impl<'a> TestObject<'a> {
    fn new(case: Case<'a>) -> Self {
        let position = case.position();
        let example = match &case.ruling.outcome.evidence {
            Some(Evidence::Pair(example)) => Some(example),
            _ => None,
        };
        let context = &case.suite.context;
        let end = |end| match end {
            End::Pod(pod, index) => {
                EndObject { pod: Some(context.cluster.pod_path(pod, index)), cidrs: None }
            }
            End::Address(address) => {
                EndObject { pod: None, cidrs: Some([ipnet::IpNet::from(address).to_string()]) }
            }
        };
        Self {
            suite: &case.suite.file.name,
            name: &case.test.name,
            file: position.as_ref().map(|at| at.source.clone()),
            line: position.map(|at| at.line),
            cni: context.profile.name(),
            result: case.ruling.status.as_str(),
            expected: case.expected(),
            found: case.found(),
            pairs: example.map(|example| Pairs {
                total: example.pairs,
                failing: example.failing,
                unknown: example.unknown,
            }),
            counterexample: example.map(|example| {
                let shown = &example.answer.shown;
                Pair {
                    from: end(shown.proof.from),
                    to: end(shown.proof.to),
                    ports: PortsJson(&shown.asked),
                    verdict: shown.verdict.as_str(),
                }
            }),
            policy: case.responsible().map(|found| Policy {
                kind: found.policy.kind.to_string(),
                name: found.policy.path(),
                path: found.path,
                file: found.position.source,
                line: found.position.line,
            }),
            explanation: example.map(|example| answer_object(context, &example.answer)),
            waiver: case.waiver().map(|waiver| WaiverObject {
                reason: waiver.reason.as_deref(),
                expires: waiver.expires.map(|day| day.to_string()),
                state: match case.ruling.status {
                    Status::Expired => "expired",
                    Status::PassedWaived => "not-needed",
                    _ => "used",
                },
            }),
            notes: &case.ruling.outcome.notes,
        }
    }
}
