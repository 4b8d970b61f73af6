//! The Reach object, as JSON and YAML.

use serde::{Serialize, Serializer};

use super::Report;
use crate::net::PortSet;
use crate::query::Endpoint;
use crate::query::reach::{Chain, Found, Hop};
use crate::render::because::BecauseObject;
use crate::render::endpoint::{EndpointJson, PortsJson};
use crate::solve::End;

/// `kind: Reach`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReachObject<'a> {
    api_version: &'static str,
    kind: &'static str,
    cni: &'static str,
    question: Question<'a>,
    summary: Summary,
    reached: Vec<Row<'a>>,
    notes: &'a [String],
}

#[derive(Debug, Serialize)]
struct Question<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ports: Option<PortsJson<'a>>,
    hops: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    workloads: usize,
    perhaps_workloads: usize,
    other_workloads: u64,
    pods: u64,
    perhaps_pods: u64,
    outside: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    #[serde(flatten)]
    endpoint: Flat<'a>,
    /// Null if no chain is sure.
    hops: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pods: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    of_pods: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ports: Option<PortsJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    some: Option<PortsJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<PortsJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restricted: Option<PortsJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Vec<Step<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    perhaps: Option<Perhaps<'a>>,
}

#[derive(Debug, Serialize)]
struct Perhaps<'a> {
    hops: usize,
    path: Vec<Step<'a>>,
}

#[derive(Debug, Serialize)]
struct Step<'a> {
    from: EndObject<'a>,
    to: EndObject<'a>,
    ports: PortsJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<PortsJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restricted: Option<PortsJson<'a>>,
    because: BecauseObject,
}

/// The fields of an endpoint within another object.
#[derive(Debug)]
struct Flat<'a>(EndpointJson<'a, 'a>);

impl Serialize for Flat<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

#[derive(Debug)]
enum EndObject<'a> {
    Endpoint(EndpointJson<'a, 'a>),
    Address(String),
}

impl Serialize for EndObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Endpoint(endpoint) => endpoint.serialize(serializer),
            Self::Address(cidr) => {
                use serde::ser::SerializeMap;
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("cidrs", &[cidr])?;
                map.end()
            }
        }
    }
}

impl<'a> ReachObject<'a> {
    pub(super) fn new(report: Report<'a>) -> Self {
        let answer = report.answer;
        let question = &answer.question;
        let text = Some(&*question.target.text);
        let pods = || answer.found.iter().filter(|found| found.of > 0 && !report.is_target(found));
        let (sure, perhaps) =
            (|| pods().filter(|found| found.sure.is_some()), || pods().filter(|found| found.sure.is_none()));
        Self {
            api_version: "podreach/v1",
            kind: "Reach",
            cni: report.context.profile.name(),
            question: Question {
                from: text.filter(|_| report.is_outgoing()),
                to: text.filter(|_| !report.is_outgoing()),
                ports: question.ports.as_ref().map(PortsJson),
                hops: question.hops,
            },
            summary: Summary {
                workloads: sure().count(),
                perhaps_workloads: perhaps().count(),
                other_workloads: answer.others,
                pods: sure().map(|found| found.pods).sum(),
                perhaps_pods: perhaps().map(|found| found.pods).sum(),
                outside: answer.found.iter().any(|found| found.of == 0 && found.sure.is_some()),
            },
            reached: answer.found.iter().map(|found| row(report, found)).collect(),
            notes: &question.target.notes,
        }
    }
}

fn row<'a>(report: Report<'a>, found: &'a Found) -> Row<'a> {
    let path = |chain: &Chain| -> Vec<Step<'a>> {
        chain.0.iter().map(|&hop| step(report, found, &report.answer.hops[hop])).collect()
    };
    let filled = |ports: &'a PortSet| (!ports.is_empty()).then_some(PortsJson(ports));
    Row {
        endpoint: Flat(report.names.json(found.endpoint)),
        hops: found.sure.as_ref().map(|chain| chain.0.len()),
        pods: (found.of > 0).then_some(found.pods),
        of_pods: (found.of > 0).then_some(found.of),
        ports: found.direct.as_ref().map(|direct| PortsJson(&direct.ports)),
        some: found.direct.as_ref().and_then(|direct| filled(&direct.some)),
        unknown: found.direct.as_ref().and_then(|direct| filled(&direct.unknown)),
        restricted: found.direct.as_ref().and_then(|direct| filled(&direct.restricted)),
        path: found.sure.as_ref().map(path),
        perhaps: found.perhaps.as_ref().map(|chain| Perhaps { hops: chain.0.len(), path: path(chain) }),
    }
}

fn step<'a>(report: Report<'a>, found: &'a Found, hop: &'a Hop) -> Step<'a> {
    let end = |end: End| match (end, found.endpoint) {
        (End::Pod(pod, index), _) => EndObject::Endpoint(report.names.json(Endpoint::Pod(pod, index))),
        (End::Address(_), Endpoint::External(_)) => EndObject::Endpoint(report.names.json(found.endpoint)),
        (End::Address(address), _) => EndObject::Address(ipnet::IpNet::from(address).to_string()),
    };
    Step {
        from: end(hop.from),
        to: end(hop.to),
        ports: PortsJson(&hop.ports),
        unknown: (!hop.unknown.is_empty()).then_some(PortsJson(&hop.unknown)),
        restricted: (!hop.restricted.is_empty()).then_some(PortsJson(&hop.restricted)),
        because: BecauseObject::new(report.context, &hop.because),
    }
}
