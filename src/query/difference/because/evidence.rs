//! The effect of policies on two ends, before and after, and the properties of the ends on which it depends.

use std::collections::BTreeSet;

use super::super::crossed::{Crossed, Version};
use super::super::policies::{PairId, PolicyPairs};
use super::responsible::{Heard, HeardSide, Named, Part, responsible};
use super::sides::Whys;
use super::{Which, Why};
use crate::cluster::Cluster;
use crate::label::LabelValue;
use crate::net::{Direction, Family};
use crate::policy::{Peer, Peers, PodMatch, PolicyId};
use crate::solve::End;
use crate::solve::proof::{Basis, Exemption, FamilyProof, PeerStep, PolicyProof, Proof, Prover, Side};

/// Provers for both inputs, each with the policies that are asked about it.
pub(super) struct Evidence<'p> {
    crossed: &'p Crossed<'p>,
    provers: [Prover<'p>; 2],
    policies: &'p PolicyPairs,
}

/// Two ends, proved before and after.
pub(super) struct Proved<'e, 'p> {
    evidence: &'e Evidence<'p>,
    proofs: [Proof; 2],
    /// The source and the destination, each before and after.
    ends: [[End; 2]; 2],
}

impl<'p> Evidence<'p> {
    pub(super) fn new(policies: &'p PolicyPairs, crossed: &'p Crossed<'p>) -> Self {
        let provers =
            crossed.programs().map(|program| Prover::new(&program.cluster, program.profile).beside_nodes());
        Self { crossed, provers, policies }
    }

    /// Proves what flows from one end to another.
    pub(super) fn between(&self, from: [End; 2], to: [End; 2]) -> Proved<'_, 'p> {
        let proofs = [0, 1].map(|input| self.provers[input].prove(from[input], to[input]));
        Proved { evidence: self, proofs, ends: [from, to] }
    }

    fn cluster(&self, input: usize) -> &'p Cluster {
        &self.crossed.programs()[input].cluster
    }

    /// Collects the effect of all policies in one family from the proofs of both inputs, `None` where the ends lack it.
    fn heard(&self, proofs: &[Option<&FamilyProof>; 2]) -> Heard {
        [0, 1].map(|side| {
            let mut heard = HeardSide { common: proofs.map(|proof| proof.is_some()), ..HeardSide::default() };
            for (input, proof) in proofs.iter().enumerate() {
                let Some(side) = proof.map(|proof| proof.sides()[side]) else { continue };
                // A hostNetwork pod is exempt where no policy is for its node.
                heard.exemptions[input] = side.exemption.filter(|why| *why != Exemption::HostNetwork);
                for proof in &side.policies {
                    let say = self.provers[input].say(proof, side.direction);
                    let (pair, version) = self.crossed.pair(input, proof.policy);
                    let says = heard.says.entry(pair).or_default();
                    if self.policies.all[pair].is_same {
                        says[0][input] = Some(say.clone());
                        says[1][input] = Some(say);
                    } else if self.crossed.has_both_versions() {
                        says[version][input] = Some(say);
                    } else {
                        says[version] = [Some(say.clone()), Some(say)];
                    }
                }
            }
            heard
        })
    }
}

impl Proved<'_, '_> {
    /// The proofs of each family, before and after.
    fn families(&self) -> [[Option<&FamilyProof>; 2]; 2] {
        Family::ALL.map(|family| self.proofs.each_ref().map(|proof| of_family(proof, family)))
    }

    /// One side in each family that both inputs have, before and after.
    fn sides(&self, side: usize) -> impl Iterator<Item = [&Side; 2]> {
        let families = self.families().into_iter();
        families.filter_map(move |[before, after]| Some([before?.sides()[side], after?.sides()[side]]))
    }

    /// The effect of all policies, by family.
    pub(super) fn heard(&self) -> [Heard; 2] {
        self.families().each_ref().map(|proofs| self.evidence.heard(proofs))
    }

    /// Finds the causes of what changed; `None` if nothing did.
    pub(super) fn why(&self) -> Option<Vec<Why>> {
        let Named { policies, parts } = responsible(&self.heard())?;
        let mut whys: BTreeSet<Why> = policies.into_iter().map(Why::Policy).collect();
        for (part, version) in parts {
            match part {
                Part::Families => self.other_families(&mut whys),
                Part::Place(side) => self.exemption(side, &mut whys),
                Part::Seen(side, pair) => whys.extend(self.seen(side, pair, version)),
            }
        }
        Some(whys.into_iter().collect())
    }

    /// Adds each end whose address families differ between the inputs.
    fn other_families(&self, whys: &mut BTreeSet<Why>) {
        for (which, ends) in [(Which::From, self.ends[0]), (Which::To, self.ends[1])] {
            for family in Family::ALL {
                let has = |input: usize| match ends[input] {
                    End::Pod(pod, _) => self.evidence.cluster(input).pod_addresses(pod, family).is_some(),
                    End::Address(_) => true,
                };
                whys.extend((has(0) != has(1)).then_some(Why::Pod(which)));
            }
        }
    }

    /// Finds the causes at the ends for which a version of a policy has another effect on a side; none if it has not.
    pub(super) fn seen(&self, side: usize, pair: PairId, version: Version) -> Whys {
        let mut whys = BTreeSet::new();
        let ids = [0, 1].map(|input| self.evidence.crossed.id(pair, version, input));
        for proofs in self.sides(side) {
            let direction = proofs[0].direction;
            let [was, is] = [0, 1].map(|input| {
                let side: &Side = proofs[input];
                side.policies.iter().find(|proof| Some(proof.policy) == ids[input])
            });
            let say = |input: usize, proof: Option<&PolicyProof>| {
                proof.map(|proof| self.evidence.provers[input].say(proof, direction))
            };
            if say(0, was) == say(1, is) {
                continue;
            }
            self.subject_seen(ids, direction, &mut whys);
            if let (Some(was), Some(is)) = (was, is) {
                self.peer_seen(ids, [was, is], direction, &mut whys);
            }
        }
        whys.into_iter().collect()
    }

    /// Adds the properties of the subject that a policy sees differently in the two inputs.
    fn subject_seen(&self, ids: [Option<PolicyId>; 2], direction: Direction, whys: &mut BTreeSet<Why>) {
        let (subject, _) = ends_of(direction);
        let [End::Pod(was, _), End::Pod(is, _)] = self.ends[subject as usize] else { return };
        let [Some(before), Some(after)] = ids else {
            // It is for a node that one of the inputs lacks.
            return self.moved(&[subject], subject, whys);
        };
        let provers = &self.evidence.provers;
        let is_host = [(0, was), (1, is)].map(|(input, pod)| provers[input].cluster().pods[pod].host_network);
        match (provers[0].selects(before, was), provers[1].selects(after, is)) {
            (Some(was), Some(is)) => {
                whys.extend((was.0 != is.0).then_some(Why::Namespace(subject)));
                whys.extend((was.1 != is.1 || is_host[0] != is_host[1]).then_some(Why::Pod(subject)));
            }
            // What selects nodes selects another one, or the node has other labels.
            _ => self.moved(&[subject], subject, whys),
        }
    }

    /// Adds the properties of the ends, and the ports of the destination, that the rules of a policy see differently.
    fn peer_seen(
        &self,
        ids: [Option<PolicyId>; 2],
        [was, is]: [&PolicyProof; 2],
        direction: Direction,
        whys: &mut BTreeSet<Why>,
    ) {
        let (_, peer) = ends_of(direction);
        for (number, (was, is)) in was.rules.iter().zip(&is.rules).enumerate() {
            if was.ports.matched != is.ports.matched {
                whys.insert(Why::Pod(Which::To));
            }
            for (place, (was, is)) in was.peers.each.iter().zip(&is.peers.each).enumerate() {
                match (was.step, is.step) {
                    (was, is) if was == is => {}
                    (
                        PeerStep::Pods { namespace: was_in, pods: was, host_network: was_host },
                        PeerStep::Pods { namespace: is_in, pods: is, host_network: is_host },
                    ) => {
                        if was_in != is_in {
                            self.namespaces_seen(ids, direction, (number, place), whys);
                        }
                        whys.extend((was != is || was_host != is_host).then_some(Why::Pod(peer)));
                    }
                    _ => {
                        whys.insert(Why::Pod(peer));
                    }
                }
            }
        }
    }

    /// Adds the namespace of the peer; for an element of a rule that compares namespaces those whose labels changed.
    fn namespaces_seen(
        &self,
        ids: [Option<PolicyId>; 2],
        direction: Direction,
        (rule, place): (usize, usize),
        whys: &mut BTreeSet<Why>,
    ) {
        let (subject, peer) = ends_of(direction);
        let compared = |input: usize, which: Which| -> Option<Vec<Option<&str>>> {
            let cluster = self.evidence.provers[input].cluster();
            let rule = &cluster.policies[ids[input]?].rules[direction][rule];
            let Peers::Of(peers) = &rule.peers else { return None };
            let Peer::Pods(PodMatch { namespaces, .. }) = &peers[place] else { return None };
            let selector = namespaces.selector().filter(|_| namespaces.is_relative())?;
            let End::Pod(pod, _) = self.ends[which as usize][input] else { return None };
            let labels = &cluster.labels;
            let own = &labels.sets[cluster.namespaces[cluster.pods[pod].namespace].labels];
            let mut values: Vec<(&str, Option<&str>)> = labels.selectors[selector]
                .requirements()
                .iter()
                .map(|wanted| {
                    let value = own.get_in(wanted.domain, wanted.key).map(|value| match value {
                        LabelValue::Known(value) => &labels.values[value],
                        // No label has this value.
                        LabelValue::Present | LabelValue::Unknown => "?",
                    });
                    (&*labels.keys[wanted.key], value)
                })
                .collect();
            values.sort_unstable();
            Some(values.into_iter().map(|(_, value)| value).collect())
        };
        let changed: Vec<Which> = [subject, peer]
            .into_iter()
            .filter(|&which| {
                let (was, is) = (compared(0, which), compared(1, which));
                was.is_some() && is.is_some() && was != is
            })
            .collect();
        if changed.is_empty() {
            whys.insert(Why::Namespace(peer));
        }
        whys.extend(changed.into_iter().map(Why::Namespace));
    }

    /// Adds the causes for which policies apply in one input and not in the other.
    fn exemption(&self, side: usize, whys: &mut BTreeSet<Why>) {
        for proofs in self.sides(side) {
            let (subject, peer) = ends_of(proofs[0].direction);
            if proofs.iter().any(|side| side.exemption == Some(Exemption::OwnNode)) {
                self.moved(&[subject, peer], subject, whys);
            } else {
                whys.insert(Why::Pod(subject));
            }
        }
    }

    /// Adds those of the given ends that run elsewhere than before; if none does, the node of `subject`.
    fn moved(&self, which: &[Which], subject: Which, whys: &mut BTreeSet<Why>) {
        let place = |which: Which, input: usize| match self.ends[which as usize][input] {
            End::Pod(pod, _) => {
                let cluster = self.evidence.cluster(input);
                let pod = &cluster.pods[pod];
                Some((pod.host_network, pod.node.map(|node| &*cluster.nodes[node].name)))
            }
            End::Address(_) => None,
        };
        let moved: Vec<Which> =
            which.iter().copied().filter(|&which| place(which, 0) != place(which, 1)).collect();
        if moved.is_empty() {
            whys.insert(Why::Node(subject));
        }
        whys.extend(moved.into_iter().map(Why::Pod));
    }
}

/// The subject and the peer.
fn ends_of(direction: Direction) -> (Which, Which) {
    match direction {
        Direction::Egress => (Which::From, Which::To),
        Direction::Ingress => (Which::To, Which::From),
    }
}

fn of_family(proof: &Proof, family: Family) -> Option<&FamilyProof> {
    match &proof.basis {
        Basis::Families(families) => families.iter().find(|proof| proof.family == family),
        Basis::SamePod | Basis::NoCommonFamily => None,
    }
}
