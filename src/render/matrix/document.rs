//! The ReachabilityMatrix object, as JSON and YAML.
//!
//! Both stream: endpoints and flows are written one by one. In JSON each stands on a line of its own, so that two
//! matrices can be compared by line.

use std::io::{self, Write};

use serde::Serialize;

use super::row::{EndpointRow, Row};
use super::summary::SummaryJson;
use super::{Flows, Report};
use crate::render::diagnostic::DiagnosticJson;
use crate::render::json::{self, Elements};
use crate::render::yaml;

const API_VERSION: &str = "podreach/v1";
const KIND: &str = "ReachabilityMatrix";

/// The object in JSON; without `flows` it is the summary alone.
pub(super) fn json(report: &Report<'_>, flows: Option<&dyn Flows>, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{{\n  \"apiVersion\": \"{API_VERSION}\",\n  \"kind\": \"{KIND}\",\n  \"cni\": ")?;
    json::to_writer(out, report.profile.name())?;
    out.write_all(b",\n  \"summary\": ")?;
    json::to_writer(out, &SummaryJson::of(&report.summary))?;
    let names = &report.names;
    if let Some(flows) = flows {
        out.write_all(b",\n  \"endpoints\": [")?;
        let mut list = Elements::new();
        for facts in &report.endpoints {
            list.write(out, &EndpointRow { names, facts })?;
        }
        list.end(out)?;
        out.write_all(b",\n  \"flows\": [")?;
        let mut list = Elements::new();
        flows.for_each(&mut |flow| list.write(out, &Row { names, flow }))?;
        list.end(out)?;
    }
    out.write_all(b",\n  \"notes\": [")?;
    let mut list = Elements::new();
    for note in report.notes {
        list.write(out, &DiagnosticJson(note))?;
    }
    list.end(out)?;
    out.write_all(b"\n}\n")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    api_version: &'static str,
    kind: &'static str,
    cni: &'static str,
    summary: SummaryJson,
}

/// The same object in YAML.
pub(super) fn yaml(report: &Report<'_>, flows: Option<&dyn Flows>, out: &mut dyn Write) -> io::Result<()> {
    let summary = SummaryJson::of(&report.summary);
    yaml::to_writer(
        out,
        &Head { api_version: API_VERSION, kind: KIND, cni: report.profile.name(), summary },
    )?;
    let names = &report.names;
    if let Some(flows) = flows {
        let mut list = YamlList::new("endpoints");
        for facts in &report.endpoints {
            list.write(out, &EndpointRow { names, facts })?;
        }
        list.end(out)?;
        let mut list = YamlList::new("flows");
        flows.for_each(&mut |flow| list.write(out, &Row { names, flow }))?;
        list.end(out)?;
    }
    let mut list = YamlList::new("notes");
    for note in report.notes {
        list.write(out, &DiagnosticJson(note))?;
    }
    list.end(out)
}

/// A list under a key, written element by element.
struct YamlList {
    key: &'static str,
    first: bool,
}

impl YamlList {
    const fn new(key: &'static str) -> Self {
        Self { key, first: true }
    }

    fn write<T: Serialize>(&mut self, out: &mut dyn Write, element: &T) -> io::Result<()> {
        if self.first {
            writeln!(out, "{}:", self.key)?;
        }
        self.first = false;
        yaml::item(out, element)
    }

    fn end(self, out: &mut dyn Write) -> io::Result<()> {
        if self.first { writeln!(out, "{}: []", self.key) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::matrix::testing::{Shop, text};

    #[test]
    fn json_and_yaml_are_the_same_object() {
        let shop = Shop::new();
        let report = shop.report();
        let all = Shop::flows();
        for flows in [Some(&all as &dyn Flows), None] {
            let from_json: serde_json::Value =
                serde_json::from_str(&text(|out| json(&report, flows, out))).unwrap();
            let from_yaml: serde_json::Value =
                serde_yaml::from_str(&text(|out| yaml(&report, flows, out))).unwrap();
            assert_eq!(from_json, from_yaml);
            assert_eq!(from_json["flows"].as_array().map(Vec::len), flows.map(|_| 3));
        }
    }

    #[test]
    fn one_line_a_flow() {
        let shop = Shop::new();
        insta::assert_snapshot!(text(|out| json(&shop.report(), Some(&Shop::flows()), out)));
    }
}
