//! The denied connections of a question, and the sides of each that need a rule.

use std::net::IpAddr;

use rustc_hash::FxHashMap;

use super::NoFix;
use crate::cluster::{Addresses, NodeId, PodId};
use crate::compile::{ClassId, Program};
use crate::ids::NamespaceId;
use crate::label::LabelSetId;
use crate::net::{AddressSet, ByDirection, ByFamily, Direction, Family, PortSet, address_number};
use crate::policy::{Action, PolicyId, Tier};
use crate::query::can::{Relation, Verdict, outside};
use crate::query::endpoint::{Ports, Target};
use crate::query::explain::{PairExplanation, RuleId, proved};
use crate::solve::proof::{Basis, FamilyProof, Prover, Side};
use crate::solve::{End, Reachability};

/// Ends that no rule which a fix may write tells apart.
pub(super) struct Kind {
    pub(super) members: Members,
    /// The ports asked for there, if it is a destination.
    pub(super) asked: PortSet,
    first: End,
    second: Option<End>,
    /// Set if some of its ends are surely meant.
    is_sure: bool,
}

/// The members of a kind.
pub(super) enum Members {
    /// Pods of one namespace with the same labels.
    Pods(NamespaceId, Vec<PodId>),
    /// A pod on the host network.
    Host(PodId),
    /// Addresses outside.
    Addresses(Family, AddressSet),
}

/// The kinds of a question.
pub(super) struct Kinds {
    pub(super) sources: Vec<Kind>,
    pub(super) destinations: Vec<Kind>,
    /// The farthest relation that the ends of a pair may have for the pair to count.
    relation: Relation,
}

/// The rules that are needed to allow denied pairs.
#[derive(Default)]
pub(super) struct Needs {
    /// By direction: the subject, the peer, and the family that the connection would use.
    pub(super) sides: ByDirection<Vec<(usize, usize, Family)>>,
    /// Pairs that no rule can help, and why.
    pub(super) helpless: Vec<((End, End), NoFix)>,
    /// Set if a side is denied by a rule of the Baseline tier, so that a policy that allows it isolates.
    pub(super) isolates: bool,
}

impl Kinds {
    pub(super) fn new(program: &Program, from: &Target, to: &Target) -> Self {
        let cluster = &program.cluster;
        let is_host = |pod: &PodId| cluster.pods[*pod].host_network;
        let by_node = from.ends.pods.iter().any(|(pod, _)| is_host(pod))
            || Family::ALL.into_iter().any(|family| !from.ends.addresses[family].is_empty());
        let own_nodes = own_nodes(program, from, to);
        let mut sources = pods(program, from, |_| (None, PortSet::empty()));
        sources.extend(outside(program, &from.ends, &own_nodes).into_iter().map(Kind::outside));
        let node = |pod: PodId| cluster.pods[pod].node.filter(|_| by_node);
        let asked = |pod: PodId| (node(pod), to.ports_at(End::Pod(pod, 0)));
        let mut destinations = pods(program, to, asked);
        if let Ports::ByDestination { addresses, .. } = &to.ports {
            for (&ip, ports) in addresses {
                let number = address_number(ip);
                if to.ends.addresses[Family::of(ip)].contains(number) {
                    let one = AddressSet::from_range(number, number);
                    let kind = Kind::outside((ip, one));
                    destinations.push(Kind { asked: ports.clone(), ..kind });
                }
            }
        } else {
            destinations.extend(outside(program, &to.ends, &[]).into_iter().map(|ends| {
                let kind = Kind::outside(ends);
                Kind { asked: to.ports_at(kind.first), ..kind }
            }));
        }
        destinations.retain(|kind| !kind.asked.is_empty());
        let relation = counting(program, &sources, &destinations);
        Self { sources, destinations, relation }
    }

    /// Two different ends of a source and a destination.
    fn pair(&self, source: usize, destination: usize) -> Option<(End, End)> {
        let (from, to) = (&self.sources[source], &self.destinations[destination]);
        let ends = |kind: &Kind| std::iter::once(kind.first).chain(kind.second);
        ends(from).flat_map(|a| ends(to).map(move |b| (a, b))).find(|(a, b)| a != b)
    }

    /// The pairs of kinds that are denied something that was asked for, with an example of each.
    pub(super) fn denied<'k>(
        &'k self,
        reachability: &'k Reachability<'_>,
    ) -> impl Iterator<Item = (usize, usize, (End, End))> + 'k {
        let places = (0..self.sources.len())
            .flat_map(|source| (0..self.destinations.len()).map(move |destination| (source, destination)));
        places.filter_map(|(source, destination)| {
            let (a, b) = self.pair(source, destination)?;
            if Relation::of(reachability.program(), a, b) > self.relation {
                return None;
            }
            let bounds = reachability.connectivity(a, b);
            let verdict = Verdict::of(&bounds, &self.destinations[destination].asked);
            (verdict == Verdict::Deny).then_some((source, destination, (a, b)))
        })
    }

    /// Finds the sides of each pair that need a rule.
    pub(super) fn needs(&self, prover: &Prover<'_>, denied: &[(usize, usize, (End, End))]) -> Needs {
        let mut needs = Needs::default();
        for &(source, destination, (a, b)) in denied {
            let explanation = proved(prover, a, b, &self.destinations[destination].asked);
            match self.sides(prover, &explanation, source, destination) {
                Err(why) => needs.helpless.push(((a, b), why)),
                Ok((family, directions)) => {
                    needs.isolates |= is_baseline(prover, &explanation, family);
                    for direction in directions {
                        let (subject, peer) = match direction {
                            Direction::Egress => (source, destination),
                            Direction::Ingress => (destination, source),
                        };
                        needs.sides[direction].push((subject, peer, family));
                    }
                }
            }
        }
        needs
    }

    /// The sides that deny a connection, if a rule at each can let it through.
    fn sides(
        &self,
        prover: &Prover<'_>,
        explanation: &PairExplanation,
        source: usize,
        destination: usize,
    ) -> Result<(Family, Vec<Direction>), NoFix> {
        // Where the Admin tier denies one family, the other one may be open to a NetworkPolicy.
        let Basis::Families(families) = &explanation.proof.basis else { return Err(NoFix::NoCommonFamily) };
        let best = explanation.family().map(|family| family.family);
        let mut families: Vec<&FamilyProof> = families.iter().collect();
        families.sort_by_key(|family| Some(family.family) != best);
        let mut found = families.into_iter().map(|family| {
            let directions = self.directions(prover, explanation, family, source, destination)?;
            Ok((family.family, directions))
        });
        let first = found.next().unwrap_or(Err(NoFix::NoCommonFamily));
        match first {
            Err(NoFix::Tier(..)) => found.find(Result::is_ok).unwrap_or(first),
            _ => first,
        }
    }

    /// The sides that deny a connection in one family, if a rule at each can let it through.
    fn directions(
        &self,
        prover: &Prover<'_>,
        explanation: &PairExplanation,
        family: &FamilyProof,
        source: usize,
        destination: usize,
    ) -> Result<Vec<Direction>, NoFix> {
        let denying = family.sides().into_iter().filter(|s| explanation.side_verdict(s) == Verdict::Deny);
        let mut directions = Vec::new();
        for side in denying {
            if let Some(rule) = overruling(prover, explanation, side) {
                return Err(NoFix::Tier(rule, side.direction));
            }
            let peer = match side.direction {
                Direction::Egress => &self.destinations[destination],
                Direction::Ingress => &self.sources[source],
            };
            if let Members::Host(pod) = peer.members {
                node_address(prover, pod, family.family)?;
            }
            directions.push(side.direction);
        }
        Ok(directions)
    }
}

impl Kind {
    fn outside((ip, addresses): (IpAddr, AddressSet)) -> Self {
        let members = Members::Addresses(Family::of(ip), addresses);
        Self { members, asked: PortSet::empty(), first: End::Address(ip), second: None, is_sure: true }
    }
}

/// The address of a pod on the host network that a block has to hold.
pub(super) fn node_address(prover: &Prover<'_>, pod: PodId, family: Family) -> Result<IpAddr, NoFix> {
    if !prover.profile().semantics().ip_block_matches_pods {
        return Err(NoFix::NotForPods(pod));
    }
    let Addresses::Known(known) = &prover.cluster().pods[pod].addresses else {
        return Err(NoFix::AddressUnknown(pod));
    };
    known.iter().copied().find(|ip| Family::of(*ip) == family).ok_or(NoFix::AddressUnknown(pod))
}

/// The addresses of nodes, among the sources, that run destinations: only these are let in without a rule (R50).
fn own_nodes(program: &Program, from: &Target, to: &Target) -> Vec<IpAddr> {
    let cluster = &program.cluster;
    let mut nodes: Vec<NodeId> = to.ends.pods.iter().filter_map(|(pod, _)| cluster.pods[*pod].node).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let addresses = nodes.into_iter().flat_map(|node| cluster.nodes[node].addresses.iter().copied());
    addresses.filter(|ip| from.ends.addresses[Family::of(*ip)].contains(address_number(*ip))).collect()
}

/// Finds the relation that the ends of a pair must have to count. Ends that are only perhaps meant decide it only where
/// there are no others.
fn counting(program: &Program, sources: &[Kind], destinations: &[Kind]) -> Relation {
    // No more than six ends are so different that it matters which is looked at.
    let different = |kinds: &[Kind]| {
        let of = |kind: &Kind| match kind.first {
            End::Pod(pod, _) => (true, program.classes[program.class_of[pod]].families),
            End::Address(ip) => (false, ByFamily { v4: ip.is_ipv4(), v6: ip.is_ipv6() }),
        };
        let mut ends: Vec<_> = kinds.iter().map(|kind| (of(kind), kind.is_sure, kind.first)).collect();
        ends.sort_unstable_by_key(|((is_pod, families), is_sure, _)| {
            (*is_pod, families.v4, families.v6, *is_sure)
        });
        ends.dedup_by_key(|(kind, is_sure, _)| (*kind, *is_sure));
        ends
    };
    let (sources, destinations) = (different(sources), different(destinations));
    let relations = |among: bool| {
        let pairs = sources.iter().flat_map(|a| destinations.iter().map(move |b| (a, b)));
        let counted = pairs.filter(move |((_, ours, _), (_, theirs, _))| among || (*ours && *theirs));
        counted.map(|((.., a), (.., b))| Relation::of(program, *a, *b)).min()
    };
    relations(false).or_else(|| relations(true)).unwrap_or(Relation::Near)
}

/// Pods by what a rule can say of them, and by what the question tells apart. Those that labels only perhaps make part of
/// it are there as well; those that only their address may are not, since a block is for them, too.
fn pods(program: &Program, target: &Target, apart: impl Fn(PodId) -> (Option<NodeId>, PortSet)) -> Vec<Kind> {
    let cluster = &program.cluster;
    let mut kinds: Vec<Kind> = Vec::new();
    let mut of_key: FxHashMap<(NamespaceId, LabelSetId, ClassId, Option<NodeId>, PortSet), usize> =
        FxHashMap::default();
    let perhaps = target.perhaps.by_label.iter().map(|pods| (false, pods));
    for (is_sure, (id, range)) in target.ends.pods.iter().map(|pods| (true, pods)).chain(perhaps) {
        let pod = &cluster.pods[*id];
        let (node, asked) = apart(*id);
        let mut ends = range.clone().map(|index| End::Pod(*id, index));
        let Some(first) = ends.next() else { continue };
        let second = ends.next();
        if pod.host_network {
            kinds.push(Kind { members: Members::Host(*id), asked, first, second, is_sure });
            continue;
        }
        let key = (pod.namespace, pod.labels, program.class_of[*id], node, asked.clone());
        if let Some(&place) = of_key.get(&key) {
            let kind = &mut kinds[place];
            kind.second = kind.second.or(Some(first));
            if let Members::Pods(_, pods) = &mut kind.members {
                pods.push(*id);
            }
        } else {
            of_key.insert(key, kinds.len());
            let members = Members::Pods(pod.namespace, vec![*id]);
            kinds.push(Kind { members, asked, first, second, is_sure });
        }
    }
    kinds
}

/// The rule of the Admin tier that denies what was asked, before NetworkPolicies are asked. Those of the Baseline tier are not
/// asked about pods that a NetworkPolicy isolates.
fn overruling(prover: &Prover<'_>, explanation: &PairExplanation, side: &Side) -> Option<RuleId> {
    let tier = |rule: &RuleId| prover.cluster().policies[rule.0].tier;
    let denying = explanation.decided_by(prover.cluster(), side).into_iter();
    denying.into_iter().find(|rule| tier(rule) == Tier::Admin)
}

/// True if a rule of the Baseline tier denies some of what was asked in a family.
fn is_baseline(prover: &Prover<'_>, explanation: &PairExplanation, family: Family) -> bool {
    let policies = &prover.cluster().policies;
    let Basis::Families(families) = &explanation.proof.basis else { return false };
    let Some(family) = families.iter().find(|proof| proof.family == family) else { return false };
    let denying = family.sides().into_iter().filter(|side| explanation.side_verdict(side) == Verdict::Deny);
    denying.flat_map(|side| explanation.tiers(prover.cluster(), side)).any(|step| {
        let is_ours = |policy: PolicyId| policies[policy].tier == Tier::Baseline;
        let mut rules = step.rules.iter().chain(step.ties.iter().flat_map(|tie| &tie.rules));
        rules.any(|one| one.action == Action::Deny && is_ours(one.rule.0))
    })
}
