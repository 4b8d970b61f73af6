//! The allow matrix by pod, workload or namespace.

use std::ops::ControlFlow;

use ipnet::IpNet;

use crate::cluster::{NamespaceId, PodId, WorkloadId};
use crate::net::{AddressSet, ByDirection, Family, PortSet};
use crate::solve::Reachability;

crate::define_id! {
    /// A class of addresses outside the cluster, in order of family and first address.
    ExternalId,
}

/// What a row of the matrix stands for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum By {
    /// One pod.
    Pod,
    /// A workload.
    #[default]
    Workload,
    /// A namespace.
    Namespace,
}

/// One end of a flow, at the level the matrix was asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Endpoint {
    /// Pod number `.1` of a group.
    Pod(PodId, u32),
    /// All pods of a workload.
    Workload(WorkloadId),
    /// All pods of a namespace.
    Namespace(NamespaceId),
    /// Addresses outside the cluster.
    External(ExternalId),
}

/// Addresses that no flow tells apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct External {
    /// Their family.
    pub family: Family,
    /// The addresses; pod addresses inside are not carved out.
    pub addresses: AddressSet,
}

impl External {
    /// The addresses as the fewest CIDRs, ascending.
    pub fn cidrs(&self) -> Vec<IpNet> {
        unimplemented!("by the solver")
    }
}

/// What may flow from one endpoint to another, never empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flow {
    /// Where connections come from.
    pub from: Endpoint,
    /// Where they go.
    pub to: Endpoint,
    /// Ports that every pod pair may use.
    pub ports: PortSet,
    /// Ports that at least one pod pair may use, but not every one.
    pub some: PortSet,
    /// Ports in neither that are unknown for at least one pod pair.
    pub unknown: PortSet,
}

/// Which flows to show.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The level.
    pub by: By,
    /// Keep flows with at least one end in these pods (`-n`, `-l`); `None` keeps all.
    pub about: Option<Vec<PodId>>,
    /// Keep flows from these pods and addresses only.
    pub from: Option<Ends>,
    /// Keep flows to these pods and addresses only.
    pub to: Option<Ends>,
    /// Show these ports only.
    pub ports: Option<PortSet>,
}

/// A set of pods and addresses.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ends {
    /// Pod groups, each with the numbers of the pods meant.
    pub pods: Vec<(PodId, std::ops::Range<u32>)>,
    /// Addresses that no pod of the input owns.
    pub addresses: crate::net::ByFamily<AddressSet>,
}

/// How a set of pods is isolated in one direction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Isolation {
    /// No policy selects any of the pods: open.
    Open,
    /// Policies select some of the pods.
    Mixed,
    /// A policy selects every pod.
    Isolated,
    /// The input does not decide it for some pod.
    Unknown,
    /// hostNetwork pods, which no policy selects.
    Exempt,
}

/// What is known of one endpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndpointFacts {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// How many pods it has; 0 for externals.
    pub pods: u64,
    /// How it is isolated.
    pub isolation: ByDirection<Isolation>,
}

/// Exact counts over the whole cluster.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// Pods, replicas counted.
    pub pods: u64,
    /// Workloads.
    pub workloads: u64,
    /// Namespaces that have pods or are declared.
    pub namespaces: u64,
    /// Policies that are evaluated.
    pub policies: u64,
    /// Classes of pods that no policy tells apart.
    pub classes: u64,
    /// Ordered pairs of distinct pods.
    pub pod_pairs: PodPairs,
}

/// Ordered pairs of distinct pods, by what may flow.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PodPairs {
    /// All of them.
    pub total: u128,
    /// Every port of every protocol is allowed.
    pub open: u128,
    /// Some ports are allowed, none is unknown.
    pub some: u128,
    /// No port is allowed, none is unknown.
    pub none: u128,
    /// At least one port is unknown.
    pub unknown: u128,
}

/// The matrix, ready to be listed.
#[derive(Debug)]
pub struct Matrix<'r> {
    reachability: &'r Reachability<'r>,
}

impl<'r> Matrix<'r> {
    /// The matrix of a reachability.
    pub fn new(reachability: &'r Reachability<'r>) -> Self {
        Self { reachability }
    }

    /// The address classes. They partition both families as far as pods can reach or be reached from them.
    pub fn externals(&self) -> &crate::index::IndexVec<ExternalId, External> {
        let _ = self.reachability;
        unimplemented!("by the solver")
    }

    /// Every endpoint of a view, pods first by name, externals last.
    pub fn endpoints(&self, view: &View) -> Vec<EndpointFacts> {
        let _ = view;
        unimplemented!("by the solver")
    }

    /// Calls `visit` for every flow of a view, sorted by the text of `from`, then of `to`, until it breaks.
    pub fn for_each_flow<B>(&self, view: &View, visit: impl FnMut(Flow) -> ControlFlow<B>) -> ControlFlow<B> {
        let _ = (view, visit);
        unimplemented!("by the solver")
    }

    /// The counts.
    pub fn summary(&self) -> Summary {
        unimplemented!("by the solver")
    }
}
