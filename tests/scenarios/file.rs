//! The shape of a `ReachabilityTest` file, and the small grammars of its strings.

use std::collections::BTreeMap;

use ipnet::IpNet;
use podreach::cluster::{Assumption, Ranges};
use podreach::k8s::LabelSelector;
use podreach::net::{PortSet, Protocol};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TestFile {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) metadata: Metadata,
    pub(crate) resources: Vec<String>,
    #[serde(default = "spec")]
    pub(crate) cni: String,
    #[serde(default, rename = "podCIDR")]
    pod_cidr: Vec<String>,
    #[serde(default, rename = "serviceCIDR")]
    service_cidr: Vec<String>,
    #[serde(default, rename = "nodeCIDR")]
    node_cidr: Vec<String>,
    #[serde(default)]
    assume: Vec<String>,
    #[serde(default)]
    pub(crate) endpoints: BTreeMap<String, Endpoint>,
    tests: Vec<Entry>,
}

fn spec() -> String {
    "spec".to_owned()
}

#[derive(Deserialize)]
pub(crate) struct Metadata {
    pub(crate) name: String,
}

/// A set of pods or addresses, the name of one, or several of these.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Endpoint {
    Text(String),
    Set(EndpointSet),
    List(Vec<Endpoint>),
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct EndpointSet {
    pub(crate) namespace: Option<String>,
    pub(crate) namespace_selector: Option<LabelSelector>,
    pub(crate) pod_selector: Option<LabelSelector>,
    #[serde(default)]
    pub(crate) cidrs: Vec<String>,
    pub(crate) external: Option<External>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum External {
    Internet,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Line(String),
    Test(Box<Test>),
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Test {
    pub(crate) name: String,
    pub(crate) from: Option<Endpoint>,
    pub(crate) to: Option<Endpoint>,
    pub(crate) ports: Option<Vec<Port>>,
    pub(crate) expect: Option<Expect>,
    pub(crate) expect_only: Option<Vec<Endpoint>>,
    pub(crate) on_unknown: Option<OnUnknown>,
    #[serde(default)]
    pub(crate) allow_empty: bool,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Expect {
    Allow,
    Deny,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum OnUnknown {
    Allow,
}

/// `80`, `53/UDP`, `8000-8100`, `http`.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Port {
    Number(u16),
    Text(String),
}

/// A port as it is meant.
pub(crate) enum Ports {
    Numbers(PortSet),
    Named(String),
}

impl Port {
    pub(crate) fn parse(&self) -> Ports {
        let text = match self {
            Self::Number(number) => {
                return Ports::Numbers(PortSet::from_range(Protocol::Tcp, *number, *number));
            }
            Self::Text(text) => text,
        };
        if !text.starts_with(|c: char| c.is_ascii_digit()) {
            return Ports::Named(text.clone());
        }
        let (range, protocol) = text.split_once('/').unwrap_or((text, "TCP"));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Ports::Numbers(PortSet::from_range(
            Protocol::from_name(protocol).unwrap_or_else(|| panic!("protocol of `{text}`")),
            first.parse().unwrap_or_else(|_| panic!("number of `{text}`")),
            last.parse().unwrap_or_else(|_| panic!("number of `{text}`")),
        ))
    }
}

impl TestFile {
    /// All tests, those of one line spelled out.
    pub(crate) fn tests(&self) -> Vec<Test> {
        self.tests
            .iter()
            .map(|entry| match entry {
                Entry::Line(line) => parse_line(line),
                Entry::Test(test) => (**test).clone(),
            })
            .collect()
    }

    pub(crate) fn ranges(&self) -> Ranges {
        let parse = |cidrs: &[String]| cidrs.iter().map(|cidr| parse_net(cidr)).collect();
        Ranges {
            pods: parse(&self.pod_cidr),
            services: parse(&self.service_cidr),
            nodes: parse(&self.node_cidr),
        }
    }

    /// `KIND/[NS/]NAME k=v`.
    pub(crate) fn assumptions(&self) -> Vec<Assumption> {
        self.assume
            .iter()
            .map(|text| {
                let (object, label) = text.split_once(' ').unwrap_or_else(|| panic!("label of `{text}`"));
                let (key, value) = label.split_once('=').unwrap_or_else(|| panic!("value of `{text}`"));
                let (kind, path) = object.split_once('/').unwrap_or_else(|| panic!("name of `{text}`"));
                let (namespace, name) = path.split_once('/').unwrap_or(("default", path));
                Assumption {
                    kind: kind.to_owned(),
                    namespace: namespace.to_owned(),
                    name: name.to_owned(),
                    key: key.to_owned(),
                    value: value.to_owned(),
                }
            })
            .collect()
    }
}

pub(crate) fn parse_net(text: &str) -> IpNet {
    text.parse().unwrap_or_else(|_| panic!("CIDR `{text}`"))
}

/// `FROM -> TO[:PORT] VERDICT`.
fn parse_line(line: &str) -> Test {
    let (ends, verdict) = line.rsplit_once(' ').unwrap_or_else(|| panic!("verdict of `{line}`"));
    let (from, to) = ends.split_once(" -> ").unwrap_or_else(|| panic!("arrow of `{line}`"));
    let (to, port) = split_port(to);
    Test {
        name: line.to_owned(),
        from: Some(Endpoint::Text(split_port(from).0.to_owned())),
        to: Some(Endpoint::Text(to.to_owned())),
        ports: port.map(|port| vec![Port::Text(port.to_owned())]),
        expect: Some(match verdict {
            "allow" => Expect::Allow,
            "deny" => Expect::Deny,
            other => panic!("verdict `{other}` of `{line}`"),
        }),
        expect_only: None,
        on_unknown: None,
        allow_empty: false,
    }
}

/// Takes the port off an endpoint; IPv6 addresses stand in brackets.
fn split_port(text: &str) -> (&str, Option<&str>) {
    if let Some((address, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (address, rest.strip_prefix(':'));
    }
    match text.rsplit_once(':') {
        Some((endpoint, port)) => (endpoint, Some(port)),
        None => (text, None),
    }
}
