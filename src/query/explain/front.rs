//! The Services in front of a destination: what clients see of it, and policies never do (R56, I13).

use crate::cluster::{Addresses, Backends, Cluster, ContainerKind, PodId, Service, ServicePort};
use crate::k8s::IntOrString;
use crate::net::{PortSet, Protocol};
use crate::solve::End;

/// A Service that leads to a destination.
pub(super) struct Front<'c> {
    /// `NS/NAME`.
    pub(super) path: String,
    pub(super) service: &'c Service,
    /// Each of its ports, and the number it has at the destination.
    ports: Vec<(&'c ServicePort, Protocol, u16)>,
}

impl<'c> Front<'c> {
    /// A port of the Service that leads to one of `asked`, is another number itself, and is one of `matched`.
    pub(super) fn port(&self, asked: &PortSet, matched: &PortSet) -> Option<&'c ServicePort> {
        let mut ports = self.ports.iter().filter(|(port, protocol, number)| {
            port.port != *number
                && asked.contains(*protocol, *number)
                && matched.contains(*protocol, port.port)
        });
        ports.next().map(|(port, ..)| *port)
    }
}

/// The Services that lead to a destination, by namespace and name.
pub(super) fn of(cluster: &Cluster, destination: End) -> Vec<Front<'_>> {
    let mut fronts = Vec::new();
    for ((namespace, name), service) in &cluster.services {
        let ports: Vec<(&ServicePort, Protocol, u16)> = match (&service.backends, destination) {
            (Backends::Selector(selector), End::Pod(pod, _)) => {
                let labels = &cluster.labels;
                let facts = &cluster.pods[pod];
                let is_behind = *namespace == facts.namespace
                    && labels.selectors[*selector].matches(&labels.sets[facts.labels]).possible();
                if !is_behind {
                    continue;
                }
                service.ports.iter().flat_map(|port| on_pod(cluster, pod, port)).collect()
            }
            (Backends::Addresses(backends), end) => {
                let is_end = |ip| match end {
                    End::Address(address) => ip == address,
                    End::Pod(pod, _) => {
                        matches!(&cluster.pods[pod].addresses, Addresses::Known(known) if known.contains(&ip))
                    }
                };
                let here = backends.iter().filter(|(ip, _)| is_end(*ip)).flat_map(|(_, ports)| ports);
                let port = |(name, protocol, number): &(Box<str>, Protocol, u16)| {
                    let named = |port: &&ServicePort| port.name == *name && port.protocol == *protocol;
                    service.ports.iter().find(named).map(|port| (port, *protocol, *number))
                };
                here.filter_map(port).collect()
            }
            _ => continue,
        };
        if !ports.is_empty() {
            let path = format!("{}/{name}", cluster.namespaces[*namespace].name);
            fronts.push(Front { path, service, ports });
        }
    }
    fronts
}

/// The numbers that a port of a Service has on a pod.
fn on_pod<'c>(
    cluster: &'c Cluster,
    pod: PodId,
    port: &'c ServicePort,
) -> Vec<(&'c ServicePort, Protocol, u16)> {
    let numbers: Vec<u16> = match &port.target {
        IntOrString::Int(number) => u16::try_from(*number).into_iter().collect(),
        IntOrString::String(name) => {
            let named = cluster.pods[pod].named_ports().iter().filter(|own| {
                *own.name == **name && own.protocol == port.protocol && own.container != ContainerKind::Init
            });
            named.map(|own| own.number).collect()
        }
    };
    numbers.into_iter().map(|number| (port, port.protocol, number)).collect()
}
