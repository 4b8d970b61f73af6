//! The proof of one verdict: every step of the evaluation for one concrete pair of ends.
//!
//! Owns the evaluation of single pairs straight from the rule language, with the reason of each step, so that an
//! answer can be explained. It shares no line with the solver of whole matrices, and both must agree on every cell.
//! It knows no names and formats no text.

mod rule;

use crate::cluster::{Cluster, NamespaceId, Pod, PodId};
use crate::index::IndexVec;
use crate::label::Truth;
use crate::net::{AddressSet, Direction, Family, PortSet};
use crate::policy::{Action, NamespaceMatch, Policy, PolicyId, Tier};
use crate::profile::{Profile, Semantics};

use super::{Connectivity, End};

pub use rule::{BlockStep, PeerProof, PeerStep, PeersProof, PortStep, PortsProof, RuleProof};

/// Proves verdicts about one cluster under one profile.
///
/// Policies are indexed by the namespace they select in, so that a proof looks at few of them.
#[derive(Clone, Debug)]
pub struct Prover<'c> {
    cluster: &'c Cluster,
    profile: Profile,
    by_namespace: IndexVec<NamespaceId, Vec<PolicyId>>,
    by_labels: Vec<PolicyId>,
}

/// Why one end can or cannot connect to the other, on every port at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proof {
    /// Where connections come from.
    pub from: End,
    /// Where they go.
    pub to: End,
    /// The profile it holds under.
    pub profile: Profile,
    /// What decides.
    pub basis: Basis,
}

/// What a verdict rests on.
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

/// One end's say in the matter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Side {
    /// Which side.
    pub direction: Direction,
    /// Why no policy applies, whatever policies there are.
    pub exemption: Option<Exemption>,
    /// The policies that select the subject, surely or possibly, in evaluation order.
    pub policies: Vec<PolicyProof>,
    /// What this side allows.
    pub bounds: Connectivity,
}

/// Why an end is beyond the reach of policies.
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
    /// Whether it selects the subject; never `No`.
    pub selects: Truth,
    /// Its rules of this direction, in written order.
    pub rules: Vec<RuleProof>,
}

impl Proof {
    /// What may flow, by both sides.
    pub fn connectivity(&self) -> Connectivity {
        match &self.basis {
            Basis::SamePod => Connectivity { must: PortSet::full(), may: PortSet::full() },
            Basis::NoCommonFamily => Connectivity { must: PortSet::empty(), may: PortSet::empty() },
            Basis::Families(families) => {
                let mut all = Connectivity { must: PortSet::empty(), may: PortSet::empty() };
                for family in families {
                    let both = family.connectivity();
                    all.must = all.must.union(&both.must);
                    all.may = all.may.union(&both.may);
                }
                all
            }
        }
    }
}

impl FamilyProof {
    /// What may flow in this family.
    pub fn connectivity(&self) -> Connectivity {
        Connectivity {
            must: self.egress.bounds.must.intersection(&self.ingress.bounds.must),
            may: self.egress.bounds.may.intersection(&self.ingress.bounds.may),
        }
    }

    /// Both sides, the source's first.
    pub fn sides(&self) -> [&Side; 2] {
        [&self.egress, &self.ingress]
    }
}

impl PolicyProof {
    /// Ports that a rule surely matches.
    pub fn must(&self) -> PortSet {
        self.ports_where(Truth::sure)
    }

    /// Ports that a rule possibly matches.
    pub fn may(&self) -> PortSet {
        self.ports_where(Truth::possible)
    }

    fn ports_where(&self, holds: impl Fn(Truth) -> bool) -> PortSet {
        self.rules
            .iter()
            .filter(|rule| holds(rule.peers.truth))
            .fold(PortSet::empty(), |ports, rule| ports.union(&rule.ports.matched))
    }
}

/// One connection as one side sees it.
#[derive(Clone, Copy)]
struct Question {
    direction: Direction,
    family: Family,
    semantics: Semantics,
    subject: (PodId, u32),
    peer: End,
}

impl Question {
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
        let mut by_labels = Vec::new();
        for (id, policy) in cluster.policies.enumerate() {
            match policy.subject.namespaces {
                NamespaceMatch::One(namespace) => by_namespace[namespace].push(id),
                NamespaceMatch::Labels(_) => by_labels.push(id),
            }
        }
        Self { cluster, profile, by_namespace, by_labels }
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
        let basis = if from == to && matches!(from, End::Pod(..)) {
            Basis::SamePod
        } else {
            let families: Vec<FamilyProof> = Family::ALL
                .into_iter()
                .filter(|&family| self.has_family(from, family) && self.has_family(to, family))
                .map(|family| FamilyProof {
                    family,
                    egress: self.side(profile, Direction::Egress, family, from, to),
                    ingress: self.side(profile, Direction::Ingress, family, to, from),
                })
                .collect();
            if families.is_empty() { Basis::NoCommonFamily } else { Basis::Families(families) }
        };
        Proof { from, to, profile, basis }
    }

    /// The policies that select a pod in one direction, surely or possibly, in evaluation order.
    pub fn policies_of(&self, pod: PodId, direction: Direction) -> Vec<(PolicyId, Truth)> {
        self.candidates(pod)
            .filter(|&id| self.applies(self.profile, &self.cluster.policies[id], direction))
            .map(|id| (id, self.selection(&self.cluster.policies[id].subject, &self.cluster.pods[pod]).truth))
            .filter(|(_, selects)| selects.possible())
            .collect()
    }

    /// The policies of every kind that could select pods where this one is, in evaluation order.
    pub fn candidates(&self, pod: PodId) -> impl Iterator<Item = PolicyId> + use<> {
        let namespace = self.cluster.pods[pod].namespace;
        let mut ids: Vec<PolicyId> =
            self.by_namespace[namespace].iter().chain(&self.by_labels).copied().collect();
        ids.sort_unstable();
        ids.into_iter()
    }

    /// Why no policy can apply to this pod in either direction.
    pub fn exemption(&self, pod: PodId) -> Option<Exemption> {
        exemption(self.profile.semantics(), &self.cluster.pods[pod])
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

    fn applies(&self, profile: Profile, policy: &Policy, direction: Direction) -> bool {
        policy.enforced_by.contains(profile)
            && match policy.tier {
                Tier::Unevaluated | Tier::NetworkPolicy => policy.isolates[direction],
                Tier::Admin | Tier::Baseline => !policy.rules[direction].is_empty(),
            }
    }

    fn side(&self, profile: Profile, direction: Direction, family: Family, subject: End, peer: End) -> Side {
        let open = |exemption| Side {
            direction,
            exemption: Some(exemption),
            policies: Vec::new(),
            bounds: Connectivity { must: PortSet::full(), may: PortSet::full() },
        };
        let End::Pod(pod, number) = subject else { return open(Exemption::NotAPod) };
        let semantics = profile.semantics();
        if let Some(exemption) = exemption(semantics, &self.cluster.pods[pod]) {
            return open(exemption);
        }
        if direction == Direction::Ingress && self.is_own_node(pod, peer) {
            return open(Exemption::OwnNode);
        }
        let question = Question { direction, family, semantics, subject: (pod, number), peer };
        let policies: Vec<PolicyProof> = self
            .candidates(pod)
            .filter_map(|id| {
                let policy = &self.cluster.policies[id];
                if !self.applies(profile, policy, direction) {
                    return None;
                }
                let selects = self.selection(&policy.subject, &self.cluster.pods[pod]).truth;
                selects.possible().then(|| PolicyProof {
                    policy: id,
                    selects,
                    rules: policy.rules[direction].iter().map(|r| self.prove_rule(r, question)).collect(),
                })
            })
            .collect();
        let bounds = self.judge(&policies, direction);
        Side { direction, exemption: None, policies, bounds }
    }

    /// Whether a connection from `peer` comes from the node that the pod runs on (R50).
    fn is_own_node(&self, pod: PodId, peer: End) -> bool {
        let Some(node) = self.cluster.pods[pod].node else { return false };
        match peer {
            End::Pod(peer, _) => {
                let peer = &self.cluster.pods[peer];
                peer.host_network && peer.node == Some(node)
            }
            End::Address(address) => self.cluster.nodes[node].addresses.contains(&address),
        }
    }

    /// Asks the tiers in order. Each port ends up accepted or denied, or both where the input does not decide it.
    fn judge(&self, policies: &[PolicyProof], direction: Direction) -> Connectivity {
        let tier = |tier: Tier| {
            policies
                .iter()
                .filter(move |proof| self.cluster.policies[proof.policy].tier == tier)
                .collect::<Vec<&PolicyProof>>()
        };
        if !tier(Tier::Unevaluated).is_empty() {
            return Connectivity { must: PortSet::empty(), may: PortSet::full() };
        }
        let mut outcomes =
            Outcomes { open: PortSet::full(), accept: PortSet::empty(), deny: PortSet::empty() };
        outcomes.first_match(self.cluster, direction, &tier(Tier::Admin));
        outcomes.isolation(&tier(Tier::NetworkPolicy));
        outcomes.first_match(self.cluster, direction, &tier(Tier::Baseline));
        Connectivity {
            must: PortSet::full().difference(&outcomes.deny),
            may: outcomes.accept.union(&outcomes.open),
        }
    }
}

fn exemption(semantics: Semantics, pod: &Pod) -> Option<Exemption> {
    if pod.host_network {
        Some(Exemption::HostNetwork)
    } else if !semantics.enforces {
        Some(Exemption::NotEnforced)
    } else if pod.bare && !semantics.bare_pods_are_subjects {
        Some(Exemption::BarePod)
    } else {
        None
    }
}

/// What may become of each port while the tiers are asked.
///
/// INVARIANT: every port is in at least one of the three; a port in several is not decided.
struct Outcomes {
    /// No tier so far may have decided.
    open: PortSet,
    /// May have been accepted.
    accept: PortSet,
    /// May have been denied.
    deny: PortSet,
}

impl Outcomes {
    /// A tier whose first matching rule decides or passes on.
    fn first_match(&mut self, cluster: &Cluster, direction: Direction, policies: &[&PolicyProof]) {
        let mut passed = PortSet::empty();
        for proof in policies {
            let rules = &cluster.policies[proof.policy].rules[direction];
            for (rule, step) in rules.iter().zip(&proof.rules) {
                let matches = proof.selects.and(step.peers.truth);
                if !matches.possible() {
                    continue;
                }
                let hit = self.open.intersection(&step.ports.matched);
                let outcome = match rule.action {
                    Action::Accept => &mut self.accept,
                    Action::Deny => &mut self.deny,
                    Action::Pass => &mut passed,
                };
                *outcome = outcome.union(&hit);
                if matches.sure() {
                    self.open = self.open.difference(&hit);
                }
            }
        }
        self.open = self.open.union(&passed);
    }

    /// The tier of NetworkPolicies: whom they isolate may do what any rule accepts and nothing else.
    fn isolation(&mut self, policies: &[&PolicyProof]) {
        if policies.is_empty() {
            return;
        }
        let may = policies.iter().fold(PortSet::empty(), |ports, p| ports.union(&p.may()));
        let isolated = policies.iter().any(|p| p.selects.sure());
        let must = if isolated {
            policies
                .iter()
                .filter(|p| p.selects.sure())
                .fold(PortSet::empty(), |ports, p| ports.union(&p.must()))
        } else {
            policies.iter().fold(PortSet::full(), |ports, p| ports.intersection(&p.must()))
        };
        self.accept = self.accept.union(&self.open.intersection(&may));
        self.deny = self.deny.union(&self.open.difference(&must));
        if isolated {
            self.open = PortSet::empty();
        }
    }
}
