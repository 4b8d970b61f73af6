//! Warnings about a change: a line for each, whom it concerns, and an example.

use serde::Serialize;

use super::style::Palette;
use super::text::{Markdown, Plain, count};
use crate::cluster::{Cluster, WorkloadId};
use crate::diagnostic::ObjectName;
use crate::net::Protocol;
use crate::query::warnings::{Controllers, NowAt, Sample, ServiceName, Trouble, Warning};
use crate::solve::End;

/// Number of names in a line.
const NAMES: usize = 6;

/// The context of warnings: the cluster with the change.
#[derive(Clone, Copy, Debug)]
pub struct Told<'c> {
    /// The cluster with the change.
    pub after: &'c Cluster,
}

/// A warning as machines read it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct WarningObject {
    /// `dns`, `service`, `ingress` or `isolation`.
    pub kind: &'static str,
    /// The text for people.
    pub message: String,
    /// `ingress` or `egress`, if pods are not isolated any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<&'static str>,
    /// The Ingress it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress: Option<String>,
    /// The Services it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
    /// The workloads it concerns.
    pub workloads: Vec<Concerned>,
    /// A connection that shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<Example>,
}

/// A workload that a warning concerns.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Concerned {
    /// `NS/NAME`.
    pub workload: String,
    /// Its kind.
    pub kind: String,
    /// Number of its pods that the warning concerns.
    pub pods: u64,
}

/// A connection that changed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Example {
    /// A pod or an address.
    pub from: String,
    /// A pod or an address.
    pub to: String,
    /// `53/UDP`.
    pub port: String,
}

impl Told<'_> {
    /// As lines for a terminal: each warning, and indented below it an example.
    pub fn text(self, warnings: &[Warning], palette: Palette) -> Vec<String> {
        let lines = |warning: &Warning| {
            let mut lines = vec![palette.doubtful(Plain(&self.sentence(warning, NAMES)))];
            lines
                .extend(self.example(warning).map(|example| format!("  {}", palette.faint(Plain(&example)))));
            lines
        };
        warnings.iter().flat_map(lines).collect()
    }

    /// As the items of a Markdown list.
    pub fn markdown(self, warnings: &[Warning]) -> Vec<String> {
        let line = |warning: &Warning| {
            let example = self.example(warning).map(|example| format!(" ({})", Markdown(&example)));
            format!("- **{}**{}", Markdown(&self.sentence(warning, NAMES)), example.unwrap_or_default())
        };
        warnings.iter().map(line).collect()
    }

    /// As objects.
    pub fn objects(self, warnings: &[Warning]) -> Vec<WarningObject> {
        warnings.iter().map(|warning| self.object(warning)).collect()
    }

    fn object(self, warning: &Warning) -> WarningObject {
        let (kind, services) = match &warning.trouble {
            Trouble::Dns | Trouble::NoDns => ("dns", &[][..]),
            Trouble::Unreachable(services) => ("service", services.as_slice()),
            Trouble::Moved(service, _) | Trouble::NoBackends(service) => {
                ("service", std::slice::from_ref(service))
            }
            Trouble::CutOff { services, .. } => ("ingress", services.as_slice()),
            Trouble::NoController => ("ingress", &[][..]),
            Trouble::Open(..) => ("isolation", &[][..]),
        };
        let direction = match warning.trouble {
            Trouble::Open(direction, _) => Some(direction.as_str()),
            _ => None,
        };
        let ingress = match &warning.trouble {
            Trouble::CutOff { ingress, .. } => Some(self.service(ingress)),
            _ => None,
        };
        let concerned = |&(id, pods): &(WorkloadId, u64)| Concerned {
            workload: self.after.workload_path(id),
            kind: self.after.workloads[id].kind.to_string(),
            pods,
        };
        WarningObject {
            kind,
            message: self.sentence(warning, usize::MAX),
            direction,
            ingress,
            services: services.iter().map(|service| self.service(service)).collect(),
            workloads: warning.workloads.iter().map(concerned).collect(),
            example: warning.sample.map(|Sample { after: (from, to), port: (protocol, port), .. }| Example {
                from: self.end(from),
                to: self.end(to),
                port: shown_port(protocol, port),
            }),
        }
    }

    fn sentence(self, warning: &Warning, most: usize) -> String {
        let workloads: Vec<String> =
            warning.workloads.iter().map(|workload| self.workload(*workload)).collect();
        let workloads = listed(&workloads, most);
        match &warning.trouble {
            Trouble::Dns => format!("DNS is cut off for {workloads}"),
            Trouble::NoDns => "no DNS server is left in the cluster".to_owned(),
            Trouble::Unreachable(services) => {
                let names: Vec<String> = services.iter().map(|service| self.service(service)).collect();
                let noun = if names.len() == 1 { "Service" } else { "Services" };
                format!("{noun} {} cannot be reached any more from {workloads}", listed(&names, most))
            }
            Trouble::Moved(service, now) => {
                let now = match now {
                    NowAt::Ports(ports) => ports.to_string(),
                    NowAt::NewPods => "new pods only".to_owned(),
                };
                let service = self.service(service);
                format!(
                    "Service {service} leads to {now} now, and cannot be reached any more from {workloads}"
                )
            }
            Trouble::NoBackends(service) => {
                format!("Service {} has no pods behind it any more", self.service(service))
            }
            Trouble::CutOff { ingress, services, by } => {
                let names: Vec<String> = services.iter().map(|service| self.service(service)).collect();
                let noun = if names.len() == 1 { "Service" } else { "Services" };
                let names = listed(&names, most);
                let why = match by {
                    Controllers::Inside => format!("{workloads} cannot reach {noun} {names}"),
                    Controllers::Elsewhere => format!(
                        "{noun} {names} cannot be reached from outside the namespace, and the input holds no ingress \
                         controller"
                    ),
                };
                format!("Ingress {} has no way to a backend any more: {why}", self.service(ingress))
            }
            Trouble::NoController => {
                "no ingress controller is left in the cluster, and there are Ingresses".to_owned()
            }
            Trouble::Open(direction, policies) => {
                let direction = direction.as_str();
                let paths: Vec<String> = policies.iter().map(ObjectName::path).collect();
                let (noun, verb) = if policies.len() == 1 {
                    ("NetworkPolicy", "isolates")
                } else {
                    ("NetworkPolicies", "isolate")
                };
                format!(
                    "{direction} of {workloads} is open now: {noun} {} no longer {verb} it",
                    listed(&paths, most)
                )
            }
        }
    }

    fn example(self, warning: &Warning) -> Option<String> {
        let Sample { after: (from, to), port: (protocol, port), .. } = warning.sample?;
        let (from, to, port) = (self.end(from), self.end(to), shown_port(protocol, port));
        Some(match warning.trouble {
            Trouble::Open(..) => format!("for example {from} -> {to} is allowed now"),
            _ => format!("for example {from} -> {to} on {port} was allowed"),
        })
    }

    fn service(self, (namespace, name): &ServiceName) -> String {
        format!("{}/{name}", self.after.namespaces[*namespace].name)
    }

    /// `shop/web`, `shop/web (1 of 3 pods)`.
    fn workload(self, (id, pods): (WorkloadId, u64)) -> String {
        let all: u64 =
            self.after.workloads[id].pods.iter().map(|pod| u64::from(self.after.pods[*pod].count)).sum();
        let path = self.after.workload_path(id);
        if pods < all { format!("{path} ({pods} of {})", count(all, "pod", "pods")) } else { path }
    }

    fn end(self, end: End) -> String {
        match end {
            End::Pod(pod, index) => self.after.pod_path(pod, index),
            End::Address(address) => address.to_string(),
        }
    }
}

fn shown_port(protocol: Protocol, port: u16) -> String {
    format!("{port}/{protocol}")
}

/// `a, b, c and 4 more`.
fn listed(names: &[String], most: usize) -> String {
    let shown = if names.len() > most.saturating_add(1) { most } else { names.len() };
    let list = names[..shown].join(", ");
    if shown < names.len() { format!("{list} and {} more", names.len() - shown) } else { list }
}
