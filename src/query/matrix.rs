//! The allow matrix by pod, workload or namespace.

mod blend;
mod flows;

use std::cell::{OnceCell, RefCell};
use std::ops::ControlFlow;

use ipnet::IpNet;
use rustc_hash::FxHashSet;

use super::group::{Group, NodeMates, groups, most_replicas};
use super::summary;
use crate::cluster::{NamespaceId, PodId, WorkloadId};
use crate::compile::Program;
use crate::index::IndexVec;
use crate::net::{AddressSet, ByDirection, ByFamily, Direction, Family, PortSet, cidrs};
use crate::policy::Tier;
use crate::query::Carried;
use crate::solve::{ExternalClass, ExternalId, Reachability, Rows};

pub(crate) use blend::Blend;

/// The level of the matrix: what a row stands for.
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
        cidrs(self.family, &self.addresses)
    }
}

/// The ports that may be used from one endpoint to another, never all empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flow {
    /// The source of the connections.
    pub from: Endpoint,
    /// The destination of the connections.
    pub to: Endpoint,
    /// The ports, over all pairs of pods.
    pub carried: Carried,
}

/// The flows to show.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The level.
    pub by: By,
    /// Keep flows with at least one end in these pods (`-n`, `-l`); `None` keeps all.
    pub about: Option<Vec<PodId>>,
    /// List the endpoints of these pods even where no flow is kept that leads there or comes from there.
    pub also: Vec<PodId>,
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
    pub addresses: ByFamily<AddressSet>,
}

/// The isolation of a set of pods in one direction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Isolation {
    /// No policy selects any of the pods: open.
    Open,
    /// Policies select some of the pods.
    Mixed,
    /// A policy selects every pod, hostNetwork pods aside.
    Isolated,
    /// No policy isolates any of the pods, and cluster-wide ones deny some connections.
    Ruled,
    /// The input does not decide it for some pod.
    Unknown,
    /// hostNetwork pods alone, which no policy selects.
    Exempt,
}

impl Isolation {
    /// Combines the isolation of two sets of pods. hostNetwork pods that no policy selects say nothing of the others.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (one, other) if one == other => one,
            (Self::Exempt, other) | (other, Self::Exempt) => other,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Ruled, Self::Open) | (Self::Open, Self::Ruled) => Self::Ruled,
            _ => Self::Mixed,
        }
    }
}

/// Facts about one endpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndpointFacts {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Number of its pods; 0 for externals.
    pub pods: u64,
    /// Its isolation by direction.
    pub isolation: ByDirection<Isolation>,
    /// The flows of it that the view shows.
    pub shown: Shown,
}

/// The flows of an endpoint that a view shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shown {
    /// Those from it ([`View::from`]).
    pub from: bool,
    /// Those to it ([`View::to`]).
    pub to: bool,
    /// All of them, whatever stands at the other end (the field `about` of [`View`]).
    pub about: bool,
}

impl EndpointFacts {
    /// True if a view would show a flow from here to `to`.
    pub fn shows_flows_to(&self, to: &Self) -> bool {
        self.shown.from && to.shown.to && (self.shown.about || to.shown.about)
    }
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
    pub(super) program: &'r Program,
    pub(super) rows: RefCell<Rows<'r>>,
    mates: NodeMates,
    /// The most replicas of one kind that are listed by pod.
    pub(super) replicas: u32,
    outside: OnceCell<(IndexVec<ExternalId, ExternalClass>, IndexVec<ExternalId, External>)>,
}

impl<'r> Matrix<'r> {
    /// The matrix of a reachability.
    pub fn new(reachability: &Reachability<'r>) -> Self {
        let program = reachability.program();
        Self {
            program,
            rows: RefCell::new(Rows::new(program)),
            mates: NodeMates::new(&program.cluster),
            replicas: most_replicas([&*program.cluster]),
            outside: OnceCell::new(),
        }
    }

    /// The same with at most so many replicas of one kind in listings by pod.
    pub(super) fn with_replicas(self, replicas: u32) -> Self {
        Self { replicas, ..self }
    }

    /// Replicas that a listing by pod leaves out, and the most of one kind that it shows; `None` if none are left out.
    pub fn unlisted_replicas(&self) -> Option<(u64, u32)> {
        let beyond = self.program.cluster.pods.iter().map(|pod| pod.count.saturating_sub(self.replicas));
        let beyond: u64 = beyond.map(u64::from).sum();
        (beyond > 0).then_some((beyond, self.replicas))
    }

    /// The program whose matrix it is.
    pub fn program(&self) -> &'r Program {
        self.program
    }

    /// The address classes; together they partition both families.
    pub fn externals(&self) -> &IndexVec<ExternalId, External> {
        &self.outside().1
    }

    pub(super) fn outside(&self) -> &(IndexVec<ExternalId, ExternalClass>, IndexVec<ExternalId, External>) {
        self.outside.get_or_init(|| {
            let classes = self.rows.borrow_mut().externals();
            let externals = classes
                .iter()
                .map(|class| External { family: class.family, addresses: class.addresses.clone() })
                .collect();
            (classes, externals)
        })
    }

    /// Every endpoint of a view, pods first by name, externals last. A view that keeps some flows only has the
    /// endpoints that it names and those that its flows lead to or come from.
    pub fn endpoints(&self, view: &View) -> Vec<EndpointFacts> {
        let about = view.about();
        let (from, to) = (self.ends(view.by, view.from.as_ref()), self.ends(view.by, view.to.as_ref()));
        let shown = |endpoint, about| Shown {
            from: from.as_ref().is_none_or(|from| from.contains(&endpoint)),
            to: to.as_ref().is_none_or(|to| to.contains(&endpoint)),
            about,
        };
        let mut all = groups(self.program, view.by, None, self.replicas);
        if view.by == By::Pod {
            // Replicas that are named are listed however many there are.
            for ends in [&view.from, &view.to].into_iter().flatten() {
                let named = groups(self.program, view.by, Some(ends), self.replicas);
                let beyond = |end| matches!(end, Endpoint::Pod(_, index) if index >= self.replicas);
                all.extend(named.into_iter().filter(|group| beyond(group.endpoint)));
            }
            all.sort_by(|a, b| a.key.cmp(&b.key));
            all.dedup_by_key(|group| group.endpoint);
        }
        let mut facts: Vec<EndpointFacts> = all
            .into_iter()
            .map(|group| EndpointFacts {
                endpoint: group.endpoint,
                shown: shown(group.endpoint, concerns(about.as_ref(), &group)),
                pods: group.classes.iter().map(|&(_, count)| count).sum(),
                isolation: ByDirection {
                    ingress: self.isolation(&group, Direction::Ingress),
                    egress: self.isolation(&group, Direction::Egress),
                },
            })
            .collect();
        let open = ByDirection { ingress: Isolation::Open, egress: Isolation::Open };
        facts.extend(self.externals().ids().map(|id| EndpointFacts {
            endpoint: Endpoint::External(id),
            pods: 0,
            isolation: open,
            shown: shown(Endpoint::External(id), about.is_none()),
        }));
        if about.is_some() || from.is_some() || to.is_some() {
            let mut met = self.met(view);
            let also = Ends { pods: view.also.iter().map(|&pod| (pod, 0..1)).collect(), ..Ends::default() };
            met.extend(
                groups(self.program, view.by, Some(&also), self.replicas)
                    .into_iter()
                    .map(|group| group.endpoint),
            );
            let named = |shown: Shown| {
                (about.is_some() && shown.about)
                    || (from.is_some() && shown.from)
                    || (to.is_some() && shown.to)
            };
            facts.retain(|facts| named(facts.shown) || met.contains(&facts.endpoint));
        }
        facts
    }

    /// The endpoints of a filter; `None` if there is no filter.
    fn ends(&self, by: By, only: Option<&Ends>) -> Option<FxHashSet<Endpoint>> {
        let only = only?;
        let pods =
            groups(self.program, by, Some(only), self.replicas).into_iter().map(|group| group.endpoint);
        Some(pods.chain(self.outside_ends(Some(only)).into_iter().map(Endpoint::External)).collect())
    }

    /// The ends of every flow of a view.
    fn met(&self, view: &View) -> FxHashSet<Endpoint> {
        let mut met = FxHashSet::default();
        let _ = self.for_each_flow(view, |flow| {
            met.extend([flow.from, flow.to]);
            ControlFlow::<()>::Continue(())
        });
        met
    }

    fn isolation(&self, group: &Group, direction: Direction) -> Isolation {
        let all = group.pods.iter().map(|(pod, _)| self.isolation_of(*pod, direction));
        all.reduce(Isolation::and).unwrap_or(Isolation::Open)
    }

    /// Finds the isolation of one pod in a direction.
    pub(crate) fn isolation_of(&self, pod: PodId, direction: Direction) -> Isolation {
        let cluster = &self.program.cluster;
        let policies = &self.program.signature(self.program.class_of[pod], direction).policies;
        let tier = |id| cluster.policies[id].tier;
        if cluster.pods[pod].host_network && policies.is_empty() {
            Isolation::Exempt
        } else if policies.iter().any(|&(id, truth)| tier(id) == Tier::NetworkPolicy && truth.sure()) {
            Isolation::Isolated
        } else if policies.iter().any(|&(id, truth)| !truth.sure() || !tier(id).is_evaluated()) {
            Isolation::Unknown
        } else if policies.iter().any(|&(id, _)| cluster.policies[id].may_deny(direction)) {
            Isolation::Ruled
        } else {
            Isolation::Open
        }
    }

    /// The external classes that overlap the addresses of a filter, by key.
    fn outside_ends(&self, only: Option<&Ends>) -> Vec<ExternalId> {
        let mut ids: Vec<(Vec<String>, ExternalId)> = self
            .externals()
            .enumerate()
            .filter(|(_, external)| {
                only.is_none_or(|ends| !ends.addresses[external.family].is_disjoint(&external.addresses))
            })
            .map(|(id, external)| (external.cidrs().iter().map(ToString::to_string).collect(), id))
            .collect();
        ids.sort_unstable();
        ids.into_iter().map(|(_, id)| id).collect()
    }

    /// The counts.
    pub fn summary(&self) -> Summary {
        summary::summary(self.program, &mut self.rows.borrow_mut())
    }
}

impl View {
    fn about(&self) -> Option<FxHashSet<PodId>> {
        self.about.as_ref().map(|pods| pods.iter().copied().collect())
    }
}

/// True if a view is about a group.
fn concerns(about: Option<&FxHashSet<PodId>>, group: &Group) -> bool {
    about.is_none_or(|about| group.pods.iter().any(|(pod, _)| about.contains(pod)))
}
