//! The proof of one verdict: every step of the evaluation for one concrete pair of ends.
//!
//! Owns the evaluation of single pairs straight from the rule language, with the reason of each step, so that an
//! answer can be explained. Only the calculus of tiers is the solver's; which policies select a pod and which rules
//! match a peer is found here by evaluating each selector, and both must agree on every cell.
//! It knows no names and formats no text.

mod rule;
mod say;

use std::cell::RefCell;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::cluster::{Cluster, NamespaceId, Pod, PodId};
use crate::compile::selects_host;
use crate::index::IndexVec;
use crate::label::Truth;
use crate::net::{AddressSet, ByFamily, Direction, Family, PortSet};
use crate::policy::{NamespaceMatch, PodMatch, Policy, PolicyId, Subject};
use crate::profile::{Profile, Semantics};

use super::{Connectivity, End};

pub use say::{SaidRule, Say};
pub(crate) use say::{Scale, Weight};

pub use rule::{BlockStep, PeerProof, PeerStep, PeersProof, PortStep, PortsProof, RuleProof};

/// Proves verdicts about one cluster under one profile.
///
/// Policies are indexed by the namespace they select in, and those that select a pod are remembered, so that a proof looks
/// at few of them.
#[derive(Clone, Debug)]
pub struct Prover<'c> {
    cluster: &'c Cluster,
    profile: Profile,
    by_namespace: IndexVec<NamespaceId, Vec<PolicyId>>,
    by_labels: Vec<PolicyId>,
    /// Those whose subjects are nodes.
    by_host: Vec<PolicyId>,
    selected: RefCell<FxHashMap<PodId, Selecting>>,
    /// Set if addresses of a pod's own node are told from others (R50).
    knows_nodes: bool,
}

/// An end, and the region of its address if the question narrows down the one that the input gives.
pub type Placed<'q> = (End, Option<&'q ByFamily<AddressSet>>);

/// The policies that select a pod, surely or possibly, in evaluation order.
type Selecting = Rc<[(PolicyId, Truth)]>;

/// The verdict on connections from one end to another, on every port at once, with its reasons.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proof {
    /// The source of the connections.
    pub from: End,
    /// Their destination.
    pub to: End,
    /// The profile it holds under.
    pub profile: Profile,
    /// The ground of the verdict.
    pub basis: Basis,
}

/// The ground of a verdict.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Basis {
    /// A pod and itself: no policy can come between (R49).
    SamePod,
    /// The ends have no address family in common.
    NoCommonFamily,
    /// Both sides, in each family that both ends have; never empty.
    Families(Vec<FamilyProof>),
}

/// Both sides of the connection in one family.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FamilyProof {
    /// The family.
    pub family: Family,
    /// The side of the source.
    pub egress: Side,
    /// The side of the destination.
    pub ingress: Side,
}

/// The verdict of one end's policies on the connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Side {
    /// Egress for the source's side, ingress for the destination's.
    pub direction: Direction,
    /// The reason why no policy can apply, if there is one; every port is allowed then.
    pub exemption: Option<Exemption>,
    /// The policies that select the subject, surely or possibly, in evaluation order.
    pub policies: Vec<PolicyProof>,
    /// The ports that this side allows.
    pub bounds: Connectivity,
}

/// The reason why no policy applies to an end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Exemption {
    /// It is not a pod (R5).
    NotAPod,
    /// It is a hostNetwork pod (R51).
    HostNetwork,
    /// The profile enforces nothing (R64).
    NotEnforced,
    /// It is a pod without an owner, which the profile leaves alone (I19).
    BarePod,
    /// The connection comes from the pod's own node (R50).
    OwnNode,
}

/// A policy that selects the subject.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PolicyProof {
    /// The policy.
    pub policy: PolicyId,
    /// `Yes` or `Unknown`, as it surely or possibly selects the subject.
    pub selects: Truth,
    /// Its rules of this direction, in written order.
    pub rules: Vec<RuleProof>,
}

impl Proof {
    /// The ports that both sides allow, in one family or the other.
    pub fn connectivity(&self) -> Connectivity {
        match &self.basis {
            Basis::SamePod => Connectivity::open(),
            Basis::NoCommonFamily => Connectivity::closed(),
            Basis::Families(families) => {
                families.iter().fold(Connectivity::closed(), |all, family| all.either(&family.connectivity()))
            }
        }
    }
}

impl FamilyProof {
    /// The ports that both sides allow in this family.
    pub fn connectivity(&self) -> Connectivity {
        self.egress.bounds.both(&self.ingress.bounds)
    }

    /// Both sides, the source's first.
    pub fn sides(&self) -> [&Side; 2] {
        [&self.egress, &self.ingress]
    }
}

/// One connection as one side sees it.
#[derive(Clone, Copy)]
struct Question<'q> {
    direction: Direction,
    family: Family,
    semantics: Semantics,
    subject: (PodId, u32),
    peer: End,
    /// The region of the peer's address, if the question narrows down the one that the input gives.
    peer_in: Option<&'q AddressSet>,
}

impl Question<'_> {
    fn destination(&self) -> End {
        match self.direction {
            Direction::Ingress => End::Pod(self.subject.0, self.subject.1),
            Direction::Egress => self.peer,
        }
    }
}

impl<'c> Prover<'c> {
    /// Indexes the policies of `cluster`.
    pub fn new(cluster: &'c Cluster, profile: Profile) -> Self {
        let mut by_namespace: IndexVec<NamespaceId, Vec<PolicyId>> =
            cluster.namespaces.iter().map(|_| Vec::new()).collect();
        let (mut by_labels, mut by_host) = (Vec::new(), Vec::new());
        for (id, policy) in cluster.policies.enumerate().filter(|(_, policy)| !policy.is_withdrawn()) {
            match policy.subject {
                Subject::Pods(PodMatch { namespaces: NamespaceMatch::One(namespace), .. }) => {
                    by_namespace[namespace].push(id);
                }
                Subject::Pods(_) => by_labels.push(id),
                Subject::Hosts(_) => by_host.push(id),
            }
        }
        Self {
            cluster,
            profile,
            by_namespace,
            by_labels,
            by_host,
            selected: RefCell::default(),
            knows_nodes: true,
        }
    }

    /// Takes the addresses of a pod's own node for any others, as matrices do.
    #[must_use]
    pub(crate) fn beside_nodes(self) -> Self {
        Self { knows_nodes: false, ..self }
    }

    /// The cluster verdicts are about.
    pub fn cluster(&self) -> &'c Cluster {
        self.cluster
    }

    /// The profile verdicts hold under.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Proves what may flow from one end to another.
    pub fn prove(&self, from: End, to: End) -> Proof {
        self.prove_under(self.profile, from, to)
    }

    /// The same under another profile.
    pub fn prove_under(&self, profile: Profile, from: End, to: End) -> Proof {
        self.prove_where(profile, (from, None), (to, None))
    }

    /// The ports that are allowed if the addresses of ends, where the input does not give them, lie in these.
    pub fn connectivity_where(&self, from: Placed<'_>, to: Placed<'_>) -> Connectivity {
        self.prove_where(self.profile, from, to).connectivity()
    }

    fn prove_where(&self, profile: Profile, source: Placed<'_>, destination: Placed<'_>) -> Proof {
        let ((from, _), (to, _)) = (source, destination);
        let basis = if from == to && matches!(from, End::Pod(..)) {
            Basis::SamePod
        } else {
            let families: Vec<FamilyProof> = Family::ALL
                .into_iter()
                .filter(|&family| self.has_family(from, family) && self.has_family(to, family))
                .map(|family| FamilyProof {
                    family,
                    egress: self.side(profile, Direction::Egress, family, from, destination),
                    ingress: self.side(profile, Direction::Ingress, family, to, source),
                })
                .collect();
            if families.is_empty() { Basis::NoCommonFamily } else { Basis::Families(families) }
        };
        Proof { from, to, profile, basis }
    }

    /// The policies that select a pod in one direction, surely or possibly, in evaluation order.
    pub fn policies_of(&self, pod: PodId, direction: Direction) -> Vec<(PolicyId, Truth)> {
        self.selecting(self.profile, pod, direction).collect()
    }

    fn selecting(
        &self,
        profile: Profile,
        pod: PodId,
        direction: Direction,
    ) -> impl Iterator<Item = (PolicyId, Truth)> {
        let selecting = self.whatever_selects(pod);
        (0..selecting.len())
            .map(move |place| selecting[place])
            .filter(move |&(id, _)| applies(profile, &self.cluster.policies[id], direction))
    }

    /// The policies that select a pod, whichever profiles and directions they are for.
    fn whatever_selects(&self, pod: PodId) -> Selecting {
        if let Some(known) = self.selected.borrow().get(&pod) {
            return Rc::clone(known);
        }
        let facts = &self.cluster.pods[pod];
        let selecting: Selecting = self
            .candidates(pod)
            .map(|id| (id, self.subject(&self.cluster.policies[id].subject, facts)))
            .filter(|(_, selects)| selects.possible())
            .collect();
        self.selected.borrow_mut().insert(pod, Rc::clone(&selecting));
        selecting
    }

    /// The policies of every kind that could select pods where this one is, in evaluation order.
    pub fn candidates(&self, pod: PodId) -> impl Iterator<Item = PolicyId> + use<> {
        let pod = &self.cluster.pods[pod];
        let mut ids: Vec<PolicyId> = if pod.host_network {
            self.by_host.clone()
        } else {
            self.by_namespace[pod.namespace].iter().chain(&self.by_labels).copied().collect()
        };
        ids.sort_unstable();
        ids.into_iter()
    }

    /// The reason why no policy can apply to this pod in either direction, if there is one.
    pub fn exemption(&self, pod: PodId) -> Option<Exemption> {
        self.exemption_under(self.profile, pod)
    }

    fn exemption_under(&self, profile: Profile, pod: PodId) -> Option<Exemption> {
        let semantics = profile.semantics();
        let is_selected = || {
            let mut directions = Direction::ALL.into_iter();
            directions.any(|direction| self.selecting(profile, pod, direction).next().is_some())
        };
        let facts = &self.cluster.pods[pod];
        if facts.host_network {
            (!is_selected()).then_some(Exemption::HostNetwork)
        } else if !semantics.enforces {
            Some(Exemption::NotEnforced)
        } else if facts.bare && !semantics.bare_pods_are_subjects {
            Some(Exemption::BarePod)
        } else {
            None
        }
    }

    /// Evaluates one rule for a connection that its policy has a say in.
    pub fn rule(
        &self,
        policy: PolicyId,
        index: usize,
        proof: &Proof,
        side: Direction,
        family: Family,
    ) -> Option<RuleProof> {
        let (subject, peer) = match side {
            Direction::Ingress => (proof.to, proof.from),
            Direction::Egress => (proof.from, proof.to),
        };
        let End::Pod(pod, number) = subject else { return None };
        let question = Question {
            direction: side,
            family,
            semantics: proof.profile.semantics(),
            subject: (pod, number),
            peer,
            peer_in: None,
        };
        Some(self.prove_rule(&self.cluster.policies[policy].rules[side][index], question))
    }

    /// The addresses of an end in one family: those it has, or the region they lie in.
    fn addresses(&self, end: End, family: Family) -> Option<AddressSet> {
        match end {
            End::Pod(pod, _) => self.cluster.pod_addresses(pod, family).map(|(addresses, _)| addresses),
            End::Address(address) => (Family::of(address) == family).then(|| {
                let number = crate::net::address_number(address);
                AddressSet::from_range(number, number)
            }),
        }
    }

    fn has_family(&self, end: End, family: Family) -> bool {
        self.addresses(end, family).is_some()
    }

    fn side(
        &self,
        profile: Profile,
        direction: Direction,
        family: Family,
        subject: End,
        (peer, place): Placed<'_>,
    ) -> Side {
        let open = |exemption| Side {
            direction,
            exemption: Some(exemption),
            policies: Vec::new(),
            bounds: Connectivity::open(),
        };
        let End::Pod(pod, number) = subject else { return open(Exemption::NotAPod) };
        let semantics = profile.semantics();
        if let Some(exemption) = self.exemption_under(profile, pod) {
            return open(exemption);
        }
        if direction == Direction::Ingress && self.is_own_node(pod, peer) {
            return open(Exemption::OwnNode);
        }
        let peer_in = place.map(|place| &place[family]);
        let question = Question { direction, family, semantics, subject: (pod, number), peer, peer_in };
        let mut policies: Vec<PolicyProof> = self
            .selecting(profile, pod, direction)
            .map(|(policy, selects)| {
                let rules = self.cluster.policies[policy].rules[direction].iter();
                PolicyProof { policy, selects, rules: rules.map(|r| self.prove_rule(r, question)).collect() }
            })
            .collect();
        if semantics.ties_by_name {
            policies.sort_by_cached_key(|proof| {
                let policy = &self.cluster.policies[proof.policy];
                (policy.tier, policy.order(semantics))
            });
        }
        let bounds = self.judge(&policies, direction);
        Side { direction, exemption: None, policies, bounds }
    }

    /// True if a connection from `peer` comes from the node that the pod runs on (R50).
    fn is_own_node(&self, pod: PodId, peer: End) -> bool {
        let Some(node) = self.cluster.pods[pod].node else { return false };
        match peer {
            End::Pod(peer, _) => {
                let peer = &self.cluster.pods[peer];
                peer.host_network && peer.node == Some(node)
            }
            End::Address(address) => {
                self.knows_nodes && self.cluster.nodes[node].addresses.contains(&address)
            }
        }
    }

    /// Asks the tiers in order.
    fn judge(&self, policies: &[PolicyProof], direction: Direction) -> Connectivity {
        let mut scale = Scale::new(&PortSet::full());
        let says: Vec<Weight> =
            policies.iter().map(|proof| scale.weigh(&self.say(proof, direction))).collect();
        let bounds = scale.bounds(says.iter().collect());
        scale.connectivity(bounds)
    }

    /// Reduces the proof of a policy to its rules that match, or may match, the peer.
    pub fn say(&self, proof: &PolicyProof, direction: Direction) -> Say {
        let policy = &self.cluster.policies[proof.policy];
        let rules = policy.rules[direction].iter().zip(&proof.rules);
        let rules = rules
            .filter(|(_, step)| step.peers.truth.possible())
            .map(|(rule, step)| SaidRule {
                action: rule.action,
                ports: step.ports.matched.clone(),
                matches: step.peers.truth,
                conditional: rule.is_conditional(),
            })
            .collect();
        let order = policy.order(self.profile.semantics());
        let isolates = policy.isolates[direction];
        Say { tier: policy.tier, order, isolates, selects: proof.selects, rules }
    }

    /// Returns how surely a policy's subject matches the namespace of a pod, and how surely its labels; `None` if the
    /// policy selects nodes.
    pub fn selects(&self, policy: PolicyId, pod: PodId) -> Option<(Truth, Truth)> {
        let selectors = self.cluster.policies[policy].subject.pods()?;
        let selection = self.subject_selection(selectors, &self.cluster.pods[pod]);
        Some((selection.namespace, selection.pods))
    }

    fn subject_selection(&self, selectors: &PodMatch, pod: &Pod) -> rule::Selection {
        self.selection(selectors, pod, pod.namespace)
    }

    /// Returns how surely a policy selects a pod, or the node that a hostNetwork pod is.
    fn subject(&self, subject: &Subject, pod: &Pod) -> Truth {
        match subject {
            Subject::Pods(selectors) => self.subject_selection(selectors, pod).truth,
            Subject::Hosts(hosts) if pod.host_network => selects_host(self.cluster, *hosts, pod.node),
            Subject::Hosts(_) => Truth::No,
        }
    }
}

/// True if a policy is in force under a profile and asked in one direction.
fn applies(profile: Profile, policy: &Policy, direction: Direction) -> bool {
    policy.enforced_by.contains(profile) && policy.decides(direction)
}

#[cfg(test)]
mod tests;
