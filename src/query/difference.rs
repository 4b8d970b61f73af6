//! The difference between two reachabilities: every changed pair of endpoints with its causes, few boxes for people,
//! and exact counts.
//!
//! The pairs are those of two listings of the matrix, compared one by one: endpoints are the same if they are called the
//! same, addresses are cut wherever either input cuts them and a change tells them apart. [`crate::diff`] says beforehand
//! which pods can be concerned, so that only these are listed.
//!
//! ```
//! use podreach::cluster::{self, Cluster};
//! use podreach::compile::compile;
//! use podreach::diff::between_workloads;
//! use podreach::load::{self, Input};
//! use podreach::profile::Profile;
//! use podreach::query::difference::{Scope, difference};
//! use podreach::solve::solve;
//!
//! let pods = "
//! {apiVersion: v1, kind: Pod, metadata: {name: web, labels: {app: web}}, spec: {containers: []}}
//! ---
//! {apiVersion: v1, kind: Pod, metadata: {name: db, labels: {app: db}}, spec: {containers: []}}
//! ";
//! let policy = "
//! ---
//! apiVersion: networking.k8s.io/v1
//! kind: NetworkPolicy
//! metadata: {name: db}
//! spec:
//!   podSelector: {matchLabels: {app: db}}
//!   ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]
//! ";
//! let cluster = |manifests: String| {
//!     let input = Input::Text { name: "shop.yaml".into(), bytes: manifests.into() };
//!     let loaded = load::load(&[input], load::Options::default());
//!     cluster::build(&loaded.manifests, &cluster::Options::default()).cluster
//! };
//! let (before, after) = (cluster(pods.to_owned()), cluster(pods.to_owned() + policy));
//! let (before, after) = (compile(&before, Profile::Spec), compile(&after, Profile::Spec));
//! let (before, after) = (solve(&before), solve(&after));
//!
//! let found = difference(&before, &after, &between_workloads(&before, &after), &Scope::default());
//! assert!(found.allows_less && !found.allows_more);
//! let [change] = found.changes().collect::<Vec<_>>()[..] else { panic!("web may still call db, all addresses no longer") };
//! let causes = found.because(change.because).iter().map(|&cause| found.causes[cause].object.to_string());
//! assert_eq!(causes.collect::<Vec<_>>(), ["NetworkPolicy default/db"]);
//! ```

mod alike;
mod because;
mod boxes;
mod changes;
mod crossed;
mod ends;
mod listing;
mod policies;
mod samples;
mod sight;
mod table;
mod treatment;

use std::net::IpAddr;

use rustc_hash::FxHashSet;
use smallvec::SmallVec;

use crate::cluster::{Addresses, Cluster, PodId};
use crate::diagnostic::{ObjectName, Origin};
use crate::diff::{self, Group, Pairs};
use crate::index::{Id, IndexVec};
use crate::net::{PortSet, address};
use crate::query::Carried;
use crate::query::{By, Endpoint, External, ExternalId};
use crate::solve::{Connectivity, Reachability};

pub use table::{Pair, Table, table};

use alike::Alike;
use because::{Because, Responsible};
use changes::{Changes, assembled};
use crossed::Crossed;
use ends::{Parties, Place};
use listing::Found;
use policies::PolicyPairs;
use samples::Samples;

crate::define_id! {
    /// An endpoint of a difference, in the order of output.
    PartyId,
    /// The ports that may be used between two endpoints.
    CarriedId,
    /// A set of causes.
    BecauseId,
    /// Something that is responsible for changes.
    CauseId,
}

crate::define_id! { [pub(crate)]
    /// Endpoints that no change tells apart.
    GroupId,
}

/// The changes to show.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The level.
    pub by: By,
    /// Keep changes with at least one end in these pods of the first or of the second input; `None` keeps all.
    pub about: Option<[Vec<PodId>; 2]>,
}

/// The difference between two reachabilities.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The level.
    pub by: By,
    /// Addresses that no change tells apart.
    pub externals: IndexVec<ExternalId, External>,
    /// Every endpoint.
    pub parties: IndexVec<PartyId, Party>,
    /// The distinct sets of ports that may be used between endpoints; the first is empty.
    pub carried: IndexVec<CarriedId, Carried>,
    changes: Changes,
    /// Whatever is responsible for some change.
    pub causes: IndexVec<CauseId, Cause>,
    because: CauseSets,
    /// The same changes for people, few and large.
    pub boxes: Vec<ChangeBox>,
    /// Pairs of pods, counted over the whole cluster.
    pub pairs: Pairs,
    /// Number of replicas that came, and of those that went, of workloads that stay.
    pub replicas: (u64, u64),
    /// Addresses of nodes that reach the pods there otherwise than before (R50), as no change says.
    pub from_nodes: Vec<IpAddr>,
    /// Set if some port became allowed, or is no longer surely denied.
    pub allows_more: bool,
    /// Set if some port became denied, or is no longer surely allowed.
    pub allows_less: bool,
}

/// An endpoint of a difference.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Party {
    /// The endpoint in the second input, or in the first one if it has vanished. Externals are those of the difference.
    pub endpoint: Endpoint,
    /// The inputs that have it.
    pub presence: Presence,
}

/// The inputs that have an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Presence {
    /// Both.
    Stays,
    /// The second one only.
    Appeared,
    /// The first one only.
    Vanished,
}

/// A pair of endpoints between which other ports may be used than before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change {
    /// The source of the connections.
    pub from: PartyId,
    /// The destination of the connections.
    pub to: PartyId,
    /// The ports that could be used, in the first input.
    pub before: CarriedId,
    /// The ports that can be used, in the second input.
    pub after: CarriedId,
    /// The causes.
    pub because: BecauseId,
}

/// Changes that are alike: from each of these endpoints to each of those, as far as there are pods to connect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangeBox {
    /// The mark with which the box is shown.
    pub sign: Sign,
    from: BoxEnds,
    to: BoxEnds,
    /// The ports that could be used, in the first input.
    pub before: CarriedId,
    /// The ports that can be used, in the second input.
    pub after: CarriedId,
    /// The causes; `None` where the cause is that an endpoint came or went.
    pub because: Option<BecauseId>,
}

/// One side of a box: where all pairs differ there are as many boxes as pairs, of one end a side.
type BoxEnds = SmallVec<[PartyId; 4]>;

impl ChangeBox {
    /// The sources of the connections; ascending.
    pub fn from(&self) -> &[PartyId] {
        &self.from
    }

    /// The destinations of the connections; ascending.
    pub fn to(&self) -> &[PartyId] {
        &self.to
    }
}

/// The nature of a change at a glance.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Sign {
    /// More is allowed, and nothing less.
    More,
    /// Less is allowed, and nothing more.
    Less,
    /// Some ports are allowed that were not, others no longer.
    Other,
    /// Some ports are unknown that were known: nothing more is allowed, and all that is no longer allowed is unknown.
    Unknown,
}

impl Sign {
    /// The sign of a change.
    pub fn of(before: &Carried, after: &Carried) -> Self {
        let (was, is) = (before.allowed(), after.allowed());
        let more = !is.difference(&was).is_empty()
            || !after.ports.difference(&before.ports).is_empty()
            || !before.restricted.intersection(&after.plain()).is_empty();
        let lost = was.difference(&is);
        let less = !lost.is_empty()
            || !before.ports.difference(&after.ports).is_empty()
            || !before.plain().intersection(&after.restricted).is_empty();
        let new_doubts = !after.unknown.difference(&before.unknown).is_empty();
        match (more, less) {
            (true, true) => Self::Other,
            (true, false) => Self::More,
            (false, true) if !lost.is_empty() && lost.difference(&after.unknown).is_empty() => Self::Unknown,
            (false, false) if new_doubts => Self::Unknown,
            (false, _) => Self::Less,
        }
    }
}

/// Something of the inputs that is responsible for changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cause {
    /// A policy; a workload, whose pods have other labels, ports or addresses, or are new or gone; a namespace, which has
    /// other labels; a node.
    pub object: ObjectName,
    /// The edit of the object between the inputs.
    pub edit: Edited,
    /// The place of the object: in the second input, unless it was removed. `None` if no manifest declares it.
    pub origin: Option<Origin>,
}

/// An edit of an object between the inputs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Edited {
    /// The second input has it, the first one has not.
    Added,
    /// The first input has it, the second one has not.
    Removed,
    /// Both have it, and it says something else.
    Changed,
}

/// Sets of causes, one after the other. There may be as many as there are changes.
#[derive(Clone, Debug, Default)]
struct CauseSets {
    /// The place at which each set ends.
    ends: IndexVec<BecauseId, usize>,
    causes: Vec<CauseId>,
}

impl CauseSets {
    fn push(&mut self, set: impl Iterator<Item = CauseId>) {
        let start = self.causes.len();
        self.causes.extend(set);
        self.causes[start..].sort_unstable();
        self.ends.push(self.causes.len());
    }
}

impl Difference {
    /// The causes of a change, sorted.
    pub fn because(&self, id: BecauseId) -> &[CauseId] {
        let start =
            id.index().checked_sub(1).map_or(0, |last| self.because.ends[BecauseId::from_index(last)]);
        &self.because.causes[start..self.because.ends[id]]
    }

    /// Pairs of endpoints between which other ports may be used than before, sorted by `from`, then `to`. There may be as
    /// many as there are pairs: those of endpoints that are alike come to be one by one.
    pub fn changes(&self) -> impl Iterator<Item = Change> {
        self.changes.iter()
    }

    /// Number of changes.
    pub fn count(&self) -> usize {
        self.changes.len()
    }

    /// The endpoints that changes are about, ascending.
    pub fn changed_parties(&self) -> Vec<PartyId> {
        self.changes.parties()
    }

    /// True if nothing differs.
    pub fn is_empty(&self) -> bool {
        self.count() == 0 && !self.allows_more && !self.allows_less
    }

    /// The same between endpoints, whatever happens between single pods of theirs.
    fn rises(&self, before: CarriedId, after: CarriedId) -> bool {
        let bounds = |id: CarriedId| {
            let must = self.carried[id].allowed();
            let plain = self.carried[id].plain();
            Connectivity { plain, may: must.union(&self.carried[id].unknown), must }
        };
        rises(&bounds(before), &bounds(after))
    }

    /// True if some change involves ports that are, or were, unknown.
    pub fn has_unknown(&self) -> bool {
        let unknown = |id: CarriedId| !self.carried[id].unknown.is_empty();
        self.changes.flows().any(|(before, after)| unknown(before) || unknown(after))
    }

    /// The endpoints that only one of the inputs has, and that some change is about.
    pub fn came_and_went(&self) -> Vec<PartyId> {
        let mut parties = self.changed_parties();
        parties.retain(|&party| self.parties[party].presence != Presence::Stays);
        parties
    }

    /// The endpoints between which, and themselves, something changed, ascending.
    pub fn changed_within(&self) -> Vec<PartyId> {
        let within = self.changes.blocks.iter().filter(|block| block.is_within);
        let mut parties: Vec<PartyId> =
            within.flat_map(|block| &self.changes.groups[block.from]).copied().collect();
        parties.sort_unstable();
        parties
    }
}

/// Compares two reachabilities; `pairwise` is what [`diff::between_workloads`] says of them.
pub fn difference<'p>(
    before: &Reachability<'p>,
    after: &Reachability<'p>,
    pairwise: &diff::Difference,
    scope: &Scope,
) -> Difference {
    let (old, new) = (before.program(), after.program());
    let policies = PolicyPairs::new([&old.cluster, &new.cluster]);
    let crossed = Crossed::new([old, new], &policies, pairwise);
    let [was, is] = crossed.programs();
    let parties = Parties::new(was, is, scope);
    let samples = Samples::new([was, is], &parties, pairwise);
    let mut apart = vec![false; parties.all.len()];
    loop {
        let alike = Alike::new([was, is], &parties, &samples, &apart);
        let views = parties.views(pairwise, &alike);
        let listed = listing::compare(before, after, &parties, &alike, views.as_ref());
        let mut because = Because::new(&policies, &crossed, &parties, &samples);
        let mut responsible = |changes: &[Found]| -> Vec<Responsible> {
            changes.iter().map(|change| because.of(change, &listed.cells)).collect()
        };
        let (inside, outside) = (responsible(&listed.inside), responsible(&listed.outside));
        // An endpoint that is responsible itself stands for no other.
        let mut is_settled = true;
        for (change, Responsible { names, .. }) in listed.inside.iter().zip(&inside) {
            for (place, is_named) in [change.from, change.to].into_iter().zip(names) {
                let Place::Party(number) = place else { continue };
                let group = &alike.groups[alike.of[number as usize]];
                if *is_named && group.len() > 1 {
                    for &number in group {
                        apart[number as usize] = true;
                    }
                    is_settled = false;
                }
            }
        }
        if !is_settled {
            continue;
        }
        let (causes, because) = because.finish();
        let (externals, changes) = assembled(&listed, &inside, &outside, &alike);
        drop((listed.inside, listed.outside, inside, outside));
        let singles: IndexVec<PartyId, bool> =
            externals.iter().map(|_| false).chain(parties.all.iter().map(|party| party.is_single)).collect();
        let mut difference = Difference {
            by: scope.by,
            parties: externals
                .ids()
                .map(|id| Party { endpoint: Endpoint::External(id), presence: Presence::Stays })
                .chain(parties.all.iter().map(|party| party.party))
                .collect(),
            externals,
            carried: listed.carried.into_values(),
            changes,
            causes,
            because,
            boxes: Vec::new(),
            pairs: pairwise.pairs(old, new),
            replicas: pairwise.replicas(&old.cluster, &new.cluster),
            from_nodes: Vec::new(),
            allows_more: false,
            allows_less: false,
        };
        difference.boxes = boxes::boxes(&difference, &singles);
        let from_nodes = from_nodes(pairwise, [&old.cluster, &new.cluster], scope);
        difference.from_nodes = from_nodes.iter().map(|(address, _)| *address).collect();
        difference.from_nodes.dedup();
        let hidden = if scope.about.is_none() { &pairwise.changes[..] } else { &[] };
        let hidden = || hidden.iter().chain(from_nodes.iter().map(|(_, change)| *change));
        let flows: FxHashSet<(CarriedId, CarriedId)> = difference.changes.flows().collect();
        let any = |is: &dyn Fn(CarriedId, CarriedId) -> bool| {
            flows.iter().any(|&(before, after)| is(before, after))
        };
        // Of single pods that come and go, listings of namespaces say nothing.
        let counts = if scope.about.is_none() { difference.pairs } else { Pairs::default() };
        difference.allows_more = counts.allowed > 0
            || any(&|before, after| difference.rises(before, after))
            || hidden().any(|change| rises(&change.before, &change.after));
        difference.allows_less = counts.denied > 0
            || any(&|before, after| difference.rises(after, before))
            || hidden().any(|change| rises(&change.after, &change.before));
        return difference;
    }
}

/// Finds the changes due to a node address that only one of the inputs has, by address. That of a hostNetwork pod is
/// left out: what flows from there flows from the pod.
fn from_nodes<'d>(
    pairwise: &'d diff::Difference,
    clusters: [&Cluster; 2],
    scope: &Scope,
) -> Vec<(IpAddr, &'d diff::Change)> {
    if pairwise.from_nodes.is_empty() {
        return Vec::new();
    }
    let hosts = clusters.into_iter().flat_map(|cluster| &cluster.pods).filter(|pod| pod.host_network);
    let of_pods: FxHashSet<IpAddr> = hosts
        .flat_map(|pod| match &pod.addresses {
            Addresses::Known(known) => &known[..],
            Addresses::Unknown => &[],
        })
        .copied()
        .collect();
    let is_shown = |change: &diff::Change| match (&scope.about, &change.to) {
        (Some([_, about]), Group::Pods(to)) => {
            pairwise.pods(to, clusters[1]).any(|pod| about.contains(&pod.after.0))
        }
        _ => true,
    };
    let mut changes: Vec<(IpAddr, &diff::Change)> = Vec::new();
    for change in pairwise.from_nodes.iter().filter(|change| is_shown(change)) {
        let Group::Addresses(family, addresses) = &change.from else { continue };
        let addresses = addresses.ranges().iter().map(|&(first, _)| address(*family, first));
        changes.extend(addresses.filter(|from| !of_pods.contains(from)).map(|from| (from, change)));
    }
    changes.sort_by_key(|(address, _)| *address);
    changes
}

/// True if some port becomes surely allowed, is no longer surely denied, or may say what it could not.
fn rises(before: &Connectivity, after: &Connectivity) -> bool {
    let grows = |before: &PortSet, after: &PortSet| !after.difference(before).is_empty();
    grows(&before.plain, &after.plain) || grows(&before.must, &after.must) || grows(&before.may, &after.may)
}
