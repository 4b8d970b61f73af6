//! Resolves the endpoints of a test in a cluster: to pods and addresses, and to pods that perhaps belong to them.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::test_file::{Endpoint, Meaning, PodFilter};
use crate::cluster::{Cluster, PodId, Ranges, ServiceKey};
use crate::index::Id;
use crate::label::{LabelSetId, Truth};
use crate::net::{AddressSet, ByFamily, Family, PortSet};
use crate::query::endpoint::{
    EndpointError, Perhaps, Pods, PortRequest, Ports, Target, named_port, of_addresses, parse_parts,
    parse_source,
};
use crate::query::{Ends, LabelQuery, merged};
use crate::solve::End;

/// The role of an endpoint in a test.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The sources.
    From,
    /// The destinations.
    To,
    /// One of those that alone may.
    Only,
}

/// The reason why an endpoint cannot be asked about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Nothing {
    /// No pod has such labels in such a namespace, and no address is meant.
    NoMatch,
    /// The text names nothing.
    Named(EndpointError),
    /// This pod declares no port of the name that was asked for.
    NoPort {
        /// The pod, or an address.
        end: End,
        /// The port.
        port: String,
    },
}

/// The ends that an endpoint, or one member of a list, stands for.
#[derive(Clone, Debug, Default)]
pub(super) struct Resolved {
    /// The ends that surely belong to it.
    pub(super) ends: Ends,
    /// The pods that perhaps belong to it.
    pub(super) perhaps: Perhaps,
    /// Set for Services: the Service (`None` for ports of another owner of its address) and the ports asked for.
    pub(super) own_ports: Option<OwnPorts>,
    /// Notes, such as on ports of a Service that stand for other ports of its backends.
    pub(super) notes: Vec<String>,
}

/// The ports that are asked for on each destination, and the Service that has them.
pub(super) type OwnPorts = (Option<ServiceKey>, Ports);

impl Resolved {
    pub(super) fn is_empty(&self) -> bool {
        is_empty(&self.ends) && self.perhaps.is_empty()
    }

    fn new(ends: Ends, by_label: &Pods, by_address: &Pods) -> Self {
        let ends = Ends { pods: merged(&ends.pods), ..ends };
        let perhaps = perhaps(&ends.pods, by_label, by_address);
        Self { ends, perhaps, ..Self::default() }
    }
}

/// The pods that perhaps belong to something and do not surely belong to it; none is in both lists.
pub(super) fn perhaps(sure: &Pods, by_label: &Pods, by_address: &Pods) -> Perhaps {
    let by_label = without(&merged(by_label), sure);
    let by_address = without(&without(&merged(by_address), sure), &by_label);
    Perhaps { by_label, by_address }
}

pub(super) fn is_empty(ends: &Ends) -> bool {
    ends.pods.is_empty() && Family::ALL.into_iter().all(|family| ends.addresses[family].is_empty())
}

/// Finds endpoints in one cluster.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resolver<'c> {
    pub(super) cluster: &'c Cluster,
    /// `-n`.
    pub(super) namespace: Option<&'c str>,
    pub(super) ranges: &'c Ranges,
    /// True if the endpoint is the source of connections.
    pub(super) is_source: bool,
}

impl Resolver<'_> {
    /// The same for where connections come from.
    pub(super) fn of_sources(self) -> Self {
        Self { is_source: true, ..self }
    }

    /// The pods and addresses of an endpoint, of each member if it is a list; `ports` are those that are asked for
    /// there, which matters to Services.
    pub(super) fn resolve(
        &self,
        endpoint: &Endpoint,
        ports: Option<&[PortRequest]>,
    ) -> Result<Vec<Resolved>, Nothing> {
        match &endpoint.meaning {
            Meaning::Text(text) => self.text(text, ports),
            Meaning::List(members) => {
                let members = members.iter().map(|member| self.resolve(member, ports));
                Ok(members.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
            }
            Meaning::Set { pods, addresses, internet } => {
                let (mut ends, by_address) = of_addresses(self.cluster, addresses);
                if *internet {
                    let internet = self.parse("internet", None)?;
                    for family in Family::ALL {
                        let both = ends.addresses[family].union(&internet.ends.addresses[family]);
                        ends.addresses[family] = both;
                    }
                }
                let (sure, by_label) = pods.as_ref().map(|filter| self.select(filter)).unwrap_or_default();
                ends.pods.extend(sure);
                let resolved = Resolved::new(ends, &by_label, &by_address);
                if resolved.is_empty() { Err(Nothing::NoMatch) } else { Ok(vec![resolved]) }
            }
        }
    }

    fn parse(&self, text: &str, port: Option<PortRequest>) -> Result<Target, Nothing> {
        let found = if self.is_source {
            parse_source(text, self.cluster, self.namespace, self.ranges)
        } else {
            parse_parts(text, port, self.cluster, self.namespace, self.ranges)
        };
        found.map_err(Nothing::Named)
    }

    fn text(&self, text: &str, ports: Option<&[PortRequest]>) -> Result<Vec<Resolved>, Nothing> {
        let of = |target: Target| {
            let Perhaps { by_label, by_address } = target.perhaps;
            Resolved { notes: target.notes, ..Resolved::new(target.ends, &by_label, &by_address) }
        };
        let first = self.parse(text, None)?;
        if first.service.is_none() {
            return Ok(vec![of(first)]);
        }
        // What a port means there, the Service says; a port that it does not have is that of whoever shares its address.
        let asked: Vec<Option<PortRequest>> = match ports {
            None => vec![None],
            Some(ports) => ports.iter().cloned().map(Some).collect(),
        };
        let [mut service, mut others]: [Option<Target>; 2] = [None, None];
        for port in asked {
            let target = self.parse(text, port)?;
            let all = if target.service.is_some() { &mut service } else { &mut others };
            *all = Some(match all.take() {
                None => target,
                Some(before) => both(before, target),
            });
        }
        let resolved = |target: Target| Resolved {
            own_ports: Some((target.service.clone(), target.ports.clone())),
            ..of(target)
        };
        Ok([service, others].into_iter().flatten().map(resolved).collect())
    }

    /// Pods that a filter surely selects, and those that it perhaps does.
    fn select(&self, filter: &PodFilter) -> (Pods, Pods) {
        let cluster = self.cluster;
        let table = &cluster.labels;
        let matches = |query: &Option<LabelQuery>, labels: LabelSetId| {
            query.as_ref().map_or(Truth::Yes, |query| query.matches(table, &table.sets[labels]))
        };
        let mut of_labels: FxHashMap<LabelSetId, Truth> = FxHashMap::default();
        let (mut sure, mut perhaps) = (Vec::new(), Vec::new());
        for namespace in &cluster.namespaces {
            if filter.namespace.as_ref().is_some_and(|name| **name != *namespace.name) {
                continue;
            }
            let within = matches(&filter.namespaces, namespace.labels);
            if !within.possible() {
                continue;
            }
            let range = namespace.pods.start.index()..namespace.pods.end.index();
            for id in range.map(PodId::from_index) {
                let pod = &cluster.pods[id];
                let truth = *of_labels.entry(pod.labels).or_insert_with(|| matches(&filter.pods, pod.labels));
                match within.and(truth) {
                    Truth::Yes => sure.push((id, 0..pod.count)),
                    Truth::Unknown => perhaps.push((id, 0..pod.count)),
                    Truth::No => {}
                }
            }
        }
        (sure, perhaps)
    }
}

/// The ends behind a Service at either of two of its ports; not all of its pods need have both.
fn both(mut a: Target, b: Target) -> Target {
    a.ports = match (&a.ports, &b.ports) {
        (Ports::Of(a), Ports::Of(b)) => Ports::Of(a.union(b)),
        (Ports::Every, _) | (_, Ports::Every) => Ports::Every,
        _ => {
            let pods =
                |target: &Target| target.ends.pods.iter().chain(target.perhaps.pods()).cloned().collect();
            let at = |pod: PodId| a.ports_at(End::Pod(pod, 0)).union(&b.ports_at(End::Pod(pod, 0)));
            let all: [Pods; 2] = [pods(&a), pods(&b)];
            let pods = all.into_iter().flatten().map(|(pod, _)| (pod, at(pod))).collect();
            let mut addresses = BTreeMap::new();
            for target in [&a, &b] {
                let Ports::ByDestination { addresses: more, .. } = &target.ports else { continue };
                for (&address, ports) in more {
                    let all: &mut PortSet = addresses.entry(address).or_default();
                    *all = all.union(ports);
                }
            }
            Ports::ByDestination { pods, addresses }
        }
    };
    a.ends.pods.extend(b.ends.pods);
    a.ends.pods = merged(&a.ends.pods);
    for (all, more) in
        [(&mut a.perhaps.by_label, b.perhaps.by_label), (&mut a.perhaps.by_address, b.perhaps.by_address)]
    {
        all.extend(more);
        *all = merged(all);
    }
    a
}

/// The targets that are asked about, with ports, and a destination that lacks a port that was asked for by name, with
/// whether it surely is a destination.
pub(super) fn asked(
    cluster: &Cluster,
    ends: Ends,
    perhaps: Perhaps,
    ports: Option<&[PortRequest]>,
    own_ports: Option<&OwnPorts>,
) -> (Vec<Target>, Option<(Truth, Nothing)>) {
    let target =
        |ends, perhaps, ports| Target { ends, perhaps, ports, names_port: true, ..Target::default() };
    if let Some((service, ports)) = own_ports {
        let target = Target { service: service.clone(), ..target(ends, perhaps, ports.clone()) };
        return (vec![target], None);
    }
    let Some(requests) = ports else { return (vec![target(ends, perhaps, Ports::Every)], None) };
    let mut numbers = PortSet::empty();
    let mut names = Vec::new();
    for request in requests {
        match request {
            PortRequest::Numbers(ports) => numbers = numbers.union(ports),
            PortRequest::Name { name, protocol } => names.push((name, *protocol)),
        }
    }
    if names.is_empty() {
        return (vec![target(ends, perhaps, Ports::Of(numbers))], None);
    }
    let mut missing = None;
    let mut pods = BTreeMap::new();
    let sure = ends.pods.iter().map(|pods| (Truth::Yes, pods));
    for (member, &(id, ref range)) in sure.chain(perhaps.pods().map(|pods| (Truth::Unknown, pods))) {
        let mut here = numbers.clone();
        for &(name, protocol) in &names {
            let named = named_port(&cluster.pods[id], name, protocol);
            if named.is_empty() {
                let port = protocol.map_or_else(|| name.clone(), |protocol| format!("{name}/{protocol}"));
                missing.get_or_insert((member, Nothing::NoPort { end: End::Pod(id, range.start), port }));
            }
            here = here.union(&named);
        }
        pods.insert(id, here);
    }
    let addresses = Ends { pods: Vec::new(), addresses: ends.addresses.clone() };
    for family in Family::ALL {
        if let Some(&(first, _)) = addresses.addresses[family].ranges().first() {
            let end = End::Address(crate::net::address(family, first));
            let nothing = Nothing::NoPort { end, port: names[0].0.clone() };
            match &missing {
                Some((Truth::Yes, _)) => {}
                _ => missing = Some((Truth::Yes, nothing)),
            }
        }
    }
    // The addresses say where pods are that are meant because of theirs.
    let by_name = Ports::ByDestination { pods, addresses: BTreeMap::new() };
    let mut targets = vec![target(ends, perhaps, by_name)];
    if !is_empty(&addresses) && !numbers.is_empty() {
        targets.push(target(addresses, Perhaps::default(), Ports::Of(numbers)));
    }
    (targets, missing)
}

/// Pods of `all` that are not in `taken`; both merged.
pub(super) fn without(all: &Pods, taken: &Pods) -> Pods {
    let mut left = Vec::new();
    for (pod, range) in all {
        let mut next = range.start;
        let from = taken.partition_point(|(id, _)| id < pod);
        for (_, hole) in taken[from..].iter().take_while(|(id, _)| id == pod) {
            if next < hole.start.min(range.end) {
                left.push((*pod, next..hole.start.min(range.end)));
            }
            next = next.max(hole.end);
        }
        if next < range.end {
            left.push((*pod, next..range.end));
        }
    }
    left
}

/// Everything there is: all pods, and all addresses that none of them is known to own.
pub(super) fn everything(cluster: &Cluster) -> Ends {
    let whole = |family: Family| AddressSet::from_range(0, family.last());
    let (ends, _) = of_addresses(cluster, &ByFamily { v4: whole(Family::V4), v6: whole(Family::V6) });
    Ends { pods: cluster.pods.enumerate().map(|(id, pod)| (id, 0..pod.count)).collect(), ..ends }
}

/// Ends of `all` that are not in `taken`.
pub(super) fn ends_without(all: &Ends, taken: &Ends) -> Ends {
    let left = |family: Family| all.addresses[family].difference(&taken.addresses[family]);
    Ends {
        pods: without(&all.pods, &taken.pods),
        addresses: ByFamily { v4: left(Family::V4), v6: left(Family::V6) },
    }
}
