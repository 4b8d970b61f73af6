//! Names of pods, workloads, namespaces, addresses and ports in output.

use std::collections::BTreeMap;
use std::fmt;

use ipnet::IpNet;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::cluster::{Cluster, PodId, PodName, WorkloadId};
use crate::index::{Id, IndexVec};
use crate::label::{LabelSetId, LabelValue};
use crate::net::{AddressSet, Family, PortSet, Protocol, cidrs};
use crate::query::{Endpoint, External, ExternalId};

/// The names of every endpoint of a matrix.
#[derive(Debug)]
pub struct Names<'c> {
    cluster: &'c Cluster,
    externals: IndexVec<ExternalId, ExternalNames>,
    shared: IndexVec<WorkloadId, bool>,
}

#[derive(Debug)]
struct ExternalNames {
    family: Family,
    cidrs: Vec<IpNet>,
    text: String,
}

impl<'c> Names<'c> {
    /// The names of `cluster`'s pods and of `externals`.
    pub fn new(cluster: &'c Cluster, externals: &IndexVec<ExternalId, External>) -> Self {
        let externals = externals
            .iter()
            .map(|external| ExternalNames {
                family: external.family,
                cidrs: cidrs(external.family, &external.addresses),
                text: describe_addresses(external.family, &external.addresses),
            })
            .collect();
        let same = |a: WorkloadId, b: usize| {
            let (a, b) = (&cluster.workloads[a], cluster.workloads.get(WorkloadId::from_index(b)));
            b.is_some_and(|b| a.namespace == b.namespace && a.name == b.name)
        };
        let shared = cluster
            .workloads
            .ids()
            .map(|id| {
                same(id, id.index() + 1) || id.index().checked_sub(1).is_some_and(|before| same(id, before))
            })
            .collect();
        Self { cluster, externals, shared }
    }

    /// The cluster whose pods have these names.
    pub const fn cluster(&self) -> &'c Cluster {
        self.cluster
    }

    /// The name without its namespace, for people; not escaped. A workload that shares its name with one of another
    /// kind has its kind with it.
    pub fn short(&self, endpoint: Endpoint) -> String {
        match endpoint {
            Endpoint::Pod(pod, index) => self.cluster.pods[pod].name_of(index),
            Endpoint::Workload(id) => {
                let workload = &self.cluster.workloads[id];
                if self.shared[id] {
                    format!("{} ({})", workload.name, workload.kind)
                } else {
                    workload.name.to_string()
                }
            }
            Endpoint::Namespace(id) => self.cluster.namespaces[id].name.to_string(),
            Endpoint::External(id) => self.externals[id].text.clone(),
        }
    }

    /// The whole name, for people; not escaped.
    pub fn full(&self, endpoint: Endpoint) -> String {
        match self.namespace(endpoint) {
            Some(namespace) if !matches!(endpoint, Endpoint::Namespace(_)) => {
                format!("{namespace}/{}", self.short(endpoint))
            }
            _ => self.short(endpoint),
        }
    }

    /// The namespace of an endpoint within the cluster.
    pub fn namespace(&self, endpoint: Endpoint) -> Option<&'c str> {
        let id = match endpoint {
            Endpoint::Pod(pod, _) => self.cluster.pods[pod].namespace,
            Endpoint::Workload(workload) => self.cluster.workloads[workload].namespace,
            Endpoint::Namespace(namespace) => namespace,
            Endpoint::External(_) => return None,
        };
        Some(&self.cluster.namespaces[id].name)
    }

    /// True if any pod could talk to the endpoint at all: addresses of a family that no pod has are not worth showing.
    pub fn is_reachable(&self, endpoint: Endpoint) -> bool {
        match endpoint {
            Endpoint::External(id) => {
                let family = self.externals[id].family;
                self.cluster.pods.ids().any(|pod| self.cluster.pod_addresses(pod, family).is_some())
            }
            _ => true,
        }
    }

    /// The kind of an endpoint: `Deployment`, `Pod`, `Namespace`, ...; `CIDR` for addresses.
    pub fn kind(&self, endpoint: Endpoint) -> &'c str {
        match endpoint {
            Endpoint::Pod(..) => "Pod",
            Endpoint::Workload(workload) => &self.cluster.workloads[workload].kind,
            Endpoint::Namespace(_) => "Namespace",
            Endpoint::External(_) => "CIDR",
        }
    }

    /// The name that machine formats give: `NS/NAME`, `NS`, or CIDRs with spaces between them.
    pub fn machine(&self, endpoint: Endpoint) -> String {
        match endpoint {
            Endpoint::Pod(pod, index) => self.cluster.pod_path(pod, index),
            Endpoint::Workload(workload) => self.cluster.workload_path(workload),
            Endpoint::Namespace(namespace) => self.cluster.namespaces[namespace].name.to_string(),
            Endpoint::External(id) => {
                self.externals[id].cidrs.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
            }
        }
    }

    /// The labels by key: of a pod or namespace its own, of a workload those that all its pods have alike. `None` is
    /// a label whose value the input does not show.
    pub fn labels(&self, endpoint: Endpoint) -> BTreeMap<&'c str, Option<&'c str>> {
        match endpoint {
            Endpoint::Pod(pod, _) => self.label_set(self.cluster.pods[pod].labels),
            Endpoint::Namespace(namespace) => self.label_set(self.cluster.namespaces[namespace].labels),
            Endpoint::Workload(workload) => {
                let mut sets = self.cluster.workloads[workload]
                    .pods
                    .iter()
                    .map(|&pod| self.label_set(self.cluster.pods[pod].labels));
                let mut common = sets.next().unwrap_or_default();
                for set in sets {
                    common.retain(|key, value| set.get(key) == Some(value));
                }
                common
            }
            Endpoint::External(_) => BTreeMap::new(),
        }
    }

    fn label_set(&self, id: LabelSetId) -> BTreeMap<&'c str, Option<&'c str>> {
        let table = &self.cluster.labels;
        let mut labels = BTreeMap::new();
        for &(key, value) in table.sets[id].entries() {
            let value = match value {
                LabelValue::Known(value) => Some(&*table.values[value]),
                LabelValue::Present => None,
                LabelValue::Unknown => continue,
            };
            labels.insert(&*table.keys[key], value);
        }
        labels
    }

    /// The endpoint as machine formats write it.
    pub const fn json(&self, endpoint: Endpoint) -> EndpointJson<'_, 'c> {
        EndpointJson { names: self, endpoint }
    }
}

/// An endpoint as machine formats write it: `{"pod":"shop/web-0"}`.
#[derive(Clone, Copy, Debug)]
pub struct EndpointJson<'n, 'c> {
    names: &'n Names<'c>,
    endpoint: Endpoint,
}

impl EndpointJson<'_, '_> {
    /// Writes the fields that name the endpoint into an object that may have more.
    pub fn serialize_fields<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let cluster = self.names.cluster;
        match self.endpoint {
            Endpoint::Pod(pod, index) => map.serialize_entry("pod", &Text(PodPath { cluster, pod, index })),
            Endpoint::Workload(id) => {
                let workload = &cluster.workloads[id];
                let namespace = &cluster.namespaces[workload.namespace].name;
                map.serialize_entry("workload", &Text(format_args!("{namespace}/{}", workload.name)))?;
                map.serialize_entry("kind", &workload.kind)
            }
            Endpoint::Namespace(id) => map.serialize_entry("namespace", &cluster.namespaces[id].name),
            Endpoint::External(id) => {
                let cidrs: Vec<_> = self.names.externals[id].cidrs.iter().map(Text).collect();
                map.serialize_entry("cidrs", &cidrs)
            }
        }
    }
}

impl Serialize for EndpointJson<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.serialize_fields(&mut map)?;
        map.end()
    }
}

/// Anything that can be displayed, as a string and without an allocation.
struct Text<T>(T);

impl<T: fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

struct PodPath<'c> {
    cluster: &'c Cluster,
    pod: PodId,
    index: u32,
}

impl fmt::Display for PodPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pod = &self.cluster.pods[self.pod];
        let namespace = &self.cluster.namespaces[pod.namespace].name;
        match &pod.name {
            PodName::Exact(name) => write!(f, "{namespace}/{name}"),
            PodName::Replicas { base, first } => write!(f, "{namespace}/{base}[{}]", first + self.index),
        }
    }
}

/// Ports as machine formats write them: `{"TCP":"5432,8000-8100"}`.
#[derive(Clone, Copy, Debug)]
pub struct PortsJson<'p>(pub &'p PortSet);

impl Serialize for PortsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for protocol in Protocol::ALL {
            let spans = self.0.of(protocol).ranges();
            if !spans.is_empty() {
                map.serialize_entry(protocol.as_str(), &Text(Spans(spans)))?;
            }
        }
        map.end()
    }
}

/// `5432,8000-8100`.
struct Spans<'p>(&'p [(u16, u16)]);

impl fmt::Display for Spans<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for &(first, last) in self.0 {
            if first == last {
                write!(f, "{separator}{first}")?;
            } else {
                write!(f, "{separator}{first}-{last}")?;
            }
            separator = ",";
        }
        Ok(())
    }
}

/// Number of CIDRs that a name spells out before it counts the rest.
const SPELLED_OUT: usize = 3;

/// Addresses in as few words as say which: all of them, all but a few, a few, or a few and a count.
pub(super) fn describe_addresses(family: Family, addresses: &AddressSet) -> String {
    let version = match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    };
    let list = |cidrs: &[IpNet]| cidrs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let everything = AddressSet::from_range(0, family.last());
    let holes = cidrs(family, &everything.difference(addresses));
    if holes.is_empty() {
        return format!("any {version} address");
    }
    let cidrs = cidrs(family, addresses);
    if cidrs.len() > SPELLED_OUT && holes.len() < cidrs.len() && addresses.contains(public_address(family)) {
        let (shown, rest) = holes.split_at(holes.len().min(SPELLED_OUT + 1));
        return match rest.len() {
            0 => format!("{version} except {}", list(shown)),
            more => format!("{version} except {} and {more} more ranges", list(shown)),
        };
    }
    if cidrs.len() <= SPELLED_OUT {
        return list(&cidrs);
    }
    format!("{} and {} more ranges", list(&cidrs[..SPELLED_OUT - 1]), cidrs.len() - SPELLED_OUT + 1)
}

/// An address that stands for the internet: which of two complementary ranges is "the rest" hangs on it.
const fn public_address(family: Family) -> u128 {
    match family {
        Family::V4 => 0x0808_0808,
        Family::V6 => 0x2001_4860_4860 << 80 | 0x8888,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::net_range;

    fn set(cidrs: &[&str]) -> AddressSet {
        cidrs.iter().map(|c| net_range(c.parse().unwrap())).collect()
    }

    #[test]
    fn addresses_have_short_names() {
        let v4 = AddressSet::from_range(0, Family::V4.last());
        for (addresses, name) in [
            (v4.clone(), "any IPv4 address"),
            (set(&["10.0.0.0/8"]), "10.0.0.0/8"),
            (set(&["10.0.0.0/8", "192.168.0.0/16"]), "10.0.0.0/8, 192.168.0.0/16"),
            (
                v4.difference(&set(&["10.0.0.0/8", "192.168.0.0/16"])),
                "IPv4 except 10.0.0.0/8, 192.168.0.0/16",
            ),
            (
                set(&["10.0.0.0/32", "10.0.0.2/32", "10.0.0.4/32", "10.0.0.6/32", "10.0.0.8/32"]),
                "10.0.0.0/32, 10.0.0.2/32 and 3 more ranges",
            ),
        ] {
            assert_eq!(describe_addresses(Family::V4, &addresses), name);
        }
        let v6 = AddressSet::from_range(0, Family::V6.last());
        assert_eq!(describe_addresses(Family::V6, &v6), "any IPv6 address");
        assert_eq!(
            describe_addresses(Family::V6, &v6.difference(&set(&["fc00::/7"]))),
            "IPv6 except fc00::/7"
        );
    }

    #[test]
    fn ports_are_spans_by_protocol() {
        let ports = PortSet::from_range(Protocol::Tcp, 5432, 5432)
            .union(&PortSet::from_range(Protocol::Tcp, 8000, 8100))
            .union(&PortSet::from_range(Protocol::Udp, 1, u16::MAX));
        assert_eq!(
            serde_json::to_string(&PortsJson(&ports)).unwrap(),
            r#"{"TCP":"5432,8000-8100","UDP":"1-65535"}"#
        );
    }
}
