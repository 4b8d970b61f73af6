//! A small cluster with a matrix made by hand, for the tests of the renderers.

use std::io;

use super::{Flows, Report};
use crate::cluster::{Addresses, Cluster, Namespace, Pod, PodName, Workload};
use crate::cluster::{NamespaceId, PodId, WorkloadId};
use crate::diagnostic::{Origin, SourceId};
use crate::index::{Id, IndexVec};
use crate::label::{LabelSet, LabelSetId, LabelValue};
use crate::net::{AddressSet, ByDirection, Family, PortSet, Protocol};
use crate::profile::Profile;
use crate::query::{
    By, Carried, Endpoint, EndpointFacts, External, ExternalId, Flow, Isolation, PodPairs, Shown, Summary,
};
use crate::render::endpoint::Names;

/// Namespace `shop` with StatefulSet `db` (1 pod) and Deployment `web` (2 pods), and all IPv4 addresses outside.
pub(super) struct Shop {
    cluster: Cluster,
    externals: IndexVec<ExternalId, External>,
}

/// The text that `write` writes.
pub(super) fn text(write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

impl Shop {
    pub(super) fn new() -> Self {
        let mut cluster = Cluster::default();
        let origin = Origin { source: SourceId::from_index(0), document: 0..0, item: "".into() };
        let shop = NamespaceId::from_index(0);
        let none = cluster.labels.sets.intern_owned(LabelSet::new(Vec::new(), true));
        cluster.namespaces.push(Namespace {
            name: "shop".into(),
            labels: none,
            origin: None,
            pods: PodId::from_index(0)..PodId::from_index(2),
        });
        for (name, kind, count) in [("db", "StatefulSet", 1), ("web", "Deployment", 2)] {
            let workload = WorkloadId::from_index(cluster.workloads.len());
            let labels = app_label(&mut cluster, name);
            let pod = cluster.pods.push(Pod {
                namespace: shop,
                workload,
                name: PodName::Replicas { base: name.into(), first: 0 },
                count,
                labels,
                ports: [].into(),
                addresses: Addresses::Unknown,
                host_network: false,
                node: None,
                bare: false,
                origin: origin.clone(),
            });
            cluster.workloads.push(Workload {
                namespace: shop,
                name: name.into(),
                kind: kind.into(),
                labels: none,
                origin: origin.clone(),
                pods: vec![pod],
            });
        }
        let addresses = AddressSet::from_range(0, Family::V4.last());
        cluster.unknown_addresses.pods.v4 = Some(addresses.clone());
        let externals = vec![External { family: Family::V4, addresses }].into();
        Self { cluster, externals }
    }

    pub(super) fn names(&self) -> Names<'_> {
        Names::new(&self.cluster, &self.externals)
    }

    pub(super) fn world() -> Endpoint {
        Endpoint::External(ExternalId::from_index(0))
    }

    pub(super) fn flows() -> Vec<Flow> {
        let (db, web) = (Self::workload(0), Self::workload(1));
        let tcp = |first, last| PortSet::from_range(Protocol::Tcp, first, last);
        vec![
            Flow {
                from: web,
                to: db,
                carried: Carried {
                    ports: tcp(5432, 5432),
                    some: PortSet::from_range(Protocol::Udp, 53, 53),
                    restricted: tcp(5432, 5432),
                    ..Carried::default()
                },
            },
            Flow { from: web, to: web, carried: Carried { ports: PortSet::full(), ..Carried::default() } },
            Flow {
                from: Self::world(),
                to: web,
                carried: Carried { unknown: tcp(80, 80).union(&tcp(8000, 8100)), ..Carried::default() },
            },
        ]
    }

    fn workload(index: usize) -> Endpoint {
        Endpoint::Workload(WorkloadId::from_index(index))
    }

    pub(super) fn report(&self) -> Report<'_> {
        let facts = |endpoint, pods, ingress, egress| EndpointFacts {
            endpoint,
            pods,
            isolation: ByDirection { ingress, egress },
            shown: Shown { from: true, to: true, about: true },
        };
        Report {
            names: self.names(),
            profile: Profile::Spec,
            by: By::Workload,
            summary: Summary {
                pods: 3,
                workloads: 2,
                namespaces: 1,
                policies: 1,
                classes: 2,
                pod_pairs: PodPairs { total: 6, open: 2, some: 2, none: 2, unknown: 0 },
            },
            endpoints: vec![
                facts(Self::workload(0), 1, Isolation::Isolated, Isolation::Isolated),
                facts(Self::workload(1), 2, Isolation::Open, Isolation::Open),
                facts(Self::world(), 0, Isolation::Exempt, Isolation::Exempt),
            ],
            notes: &[],
        }
    }
}

fn app_label(cluster: &mut Cluster, app: &str) -> LabelSetId {
    let key = cluster.labels.keys.intern("app");
    let value = cluster.labels.values.intern(app);
    cluster.labels.sets.intern_owned(LabelSet::new(vec![(key, LabelValue::Known(value))], true))
}

impl Flows for Vec<Flow> {
    fn for_each(&self, visit: &mut dyn FnMut(&Flow) -> io::Result<()>) -> io::Result<()> {
        self.iter().try_for_each(visit)
    }
}
