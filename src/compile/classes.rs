//! Kinds of pods that every policy treats alike become one class.

use roaring::RoaringBitmap;

use super::addresses::AddressAtoms;
use super::kinds::{KindId, Kinds};
use super::selector_index::{Matches, SelectorIndex};
use super::{
    Class, ClassId, CompiledPolicy, PeerList, PeersId, Program, ResolutionId, Selections, Signature,
    SignatureId,
};
use crate::cluster::{Cluster, NamespaceId, PodId};
use crate::index::{Id, IndexVec};
use crate::label::Truth;
use crate::net::{AddressSet, ByDirection, ByFamily, Direction, Family};
use crate::policy::{NamespaceMatch, PodMatch, PolicyId, Tier};
use crate::profile::Semantics;
use crate::set::Interner;

/// Which policies select each kind, and which peer lists match it; both ascending.
pub(super) struct Memberships {
    subjects: IndexVec<KindId, Vec<(PolicyId, Truth)>>,
    peers: IndexVec<KindId, Vec<(PeersId, ByFamily<Truth>)>>,
}

/// Evaluates every selector and block over the kinds.
pub(super) fn memberships(
    cluster: &Cluster,
    semantics: Semantics,
    kinds: &Kinds,
    atoms: &AddressAtoms,
    policies: &IndexVec<PolicyId, Option<CompiledPolicy>>,
    lists: &Interner<PeersId, PeerList>,
    blocks: &[ByFamily<AddressSet>],
) -> Memberships {
    let mut selector = PodSelector::new(cluster, kinds);
    let mut found = Memberships {
        subjects: vec![Vec::new(); kinds.all.len()].into(),
        peers: vec![Vec::new(); kinds.all.len()].into(),
    };
    for (id, policy) in cluster.policies.enumerate() {
        if policies[id].is_none() {
            continue;
        }
        let matches = selector.select(&policy.subject);
        for kind in &matches.possible {
            let kind_id = KindId::from_index(kind as usize);
            if kinds.all[kind_id].subject {
                found.subjects[kind_id].push((id, truth(matches, kind)));
            }
        }
    }
    for ((id, (pods, _)), blocks) in lists.enumerate().zip(blocks) {
        let mut matched: Vec<(KindId, ByFamily<Truth>)> = Vec::new();
        for pod_match in pods {
            let matches = selector.select(pod_match);
            for kind in &matches.possible {
                let truth = truth(matches, kind);
                let kind = KindId::from_index(kind as usize);
                let place = &kinds.all[kind].place;
                let of = |family| if place[family].exists() { truth } else { Truth::No };
                matched.push((kind, ByFamily { v4: of(Family::V4), v6: of(Family::V6) }));
            }
        }
        if semantics.ip_block_matches_pods {
            for family in Family::ALL {
                for (kind, truth) in kinds.in_set(family, &blocks[family], atoms) {
                    let mut by_family = ByFamily { v4: Truth::No, v6: Truth::No };
                    by_family[family] = truth;
                    matched.push((kind, by_family));
                }
            }
        }
        matched.sort_unstable_by_key(|&(kind, _)| kind);
        matched.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                for family in Family::ALL {
                    earlier.1[family] = earlier.1[family].or(later.1[family]);
                }
            }
            same
        });
        for (kind, truth) in matched {
            found.peers[kind].push((id, truth));
        }
    }
    found
}

fn truth(matches: &Matches, item: u32) -> Truth {
    if matches.sure.contains(item) { Truth::Yes } else { Truth::Unknown }
}

/// Evaluates [`PodMatch`]es over kinds, each distinct one once.
struct PodSelector<'a> {
    cluster: &'a Cluster,
    pods: SelectorIndex,
    namespaces: SelectorIndex,
    /// The kinds of each namespace.
    ranges: IndexVec<NamespaceId, std::ops::Range<u32>>,
    hosts: RoaringBitmap,
    done: Selections<Matches>,
}

impl<'a> PodSelector<'a> {
    fn new(cluster: &'a Cluster, kinds: &Kinds) -> Self {
        let sets = &cluster.labels.sets;
        Self {
            cluster,
            pods: SelectorIndex::new(kinds.all.iter().map(|kind| &sets[kind.labels])),
            namespaces: SelectorIndex::new(
                cluster.namespaces.iter().map(|namespace| &sets[namespace.labels]),
            ),
            ranges: kinds.by_namespace(cluster.namespaces.len()),
            hosts: kinds.host_network(),
            done: Selections::default(),
        }
    }

    fn select(&mut self, pod_match: &PodMatch) -> &Matches {
        if !self.done.contains_key(pod_match) {
            let matches = self.evaluate(pod_match);
            self.done.insert(*pod_match, matches);
        }
        &self.done[pod_match]
    }

    fn evaluate(&self, pod_match: &PodMatch) -> Matches {
        let selectors = &self.cluster.labels.selectors;
        let pods = &selectors[pod_match.pods];
        let mut matches = match pod_match.namespaces {
            NamespaceMatch::One(namespace) => self.pods.matches(pods, Some(self.ranges[namespace].clone())),
            NamespaceMatch::Labels(id) => {
                let namespaces = self.namespaces.matches(&selectors[id], None);
                let kinds_of = |namespaces: &RoaringBitmap| {
                    let mut kinds = RoaringBitmap::new();
                    for namespace in namespaces {
                        kinds.insert_range(self.ranges[NamespaceId::from_index(namespace as usize)].clone());
                    }
                    kinds
                };
                if namespaces.possible.len() == 1 {
                    let only = namespaces.possible.min().expect("it has one element");
                    let range = self.ranges[NamespaceId::from_index(only as usize)].clone();
                    let mut matches = self.pods.matches(pods, Some(range));
                    if namespaces.sure.is_empty() {
                        matches.sure.clear();
                    }
                    matches
                } else {
                    let mut matches = self.pods.matches(pods, None);
                    matches.possible &= kinds_of(&namespaces.possible);
                    matches.sure &= kinds_of(&namespaces.sure);
                    matches
                }
            }
        };
        matches.possible -= &self.hosts;
        matches.sure -= &self.hosts;
        if pod_match.perhaps {
            matches.sure.clear();
        }
        matches
    }
}

/// Classes and signatures.
pub(super) struct Merged {
    pub(super) classes: IndexVec<ClassId, Class>,
    pub(super) class_of: IndexVec<PodId, ClassId>,
    pub(super) signatures: ByDirection<IndexVec<SignatureId, Signature>>,
}

/// Everything that policies see of a kind.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Outcome {
    subjects: Vec<(PolicyId, Truth)>,
    peers: Vec<(PeersId, ByFamily<Truth>)>,
    resolution: ResolutionId,
    resolves_in: Option<NamespaceId>,
    families: ByFamily<bool>,
}

/// Merges kinds with equal memberships.
pub(super) fn merge(
    cluster: &Cluster,
    kinds: &Kinds,
    policies: &IndexVec<PolicyId, Option<CompiledPolicy>>,
    mut memberships: Memberships,
) -> Merged {
    let mut outcomes: Interner<ClassId, Outcome> = Interner::new();
    let class_of_kind: IndexVec<KindId, ClassId> = kinds
        .all
        .enumerate()
        .map(|(id, kind)| {
            outcomes.intern_owned(Outcome {
                subjects: std::mem::take(&mut memberships.subjects[id]),
                peers: std::mem::take(&mut memberships.peers[id]),
                resolution: kind.resolution,
                resolves_in: kind.resolves_in,
                families: ByFamily { v4: kind.place.v4.exists(), v6: kind.place.v6.exists() },
            })
        })
        .collect();

    let mut signatures: ByDirection<Interner<SignatureId, Signature>> = ByDirection::default();
    let mut classes: IndexVec<ClassId, Class> = outcomes
        .into_values()
        .into_iter()
        .map(|outcome| {
            let mut signature_of = |direction| {
                signatures[direction].intern_owned(signature(cluster, policies, &outcome, direction))
            };
            Class {
                pods: Vec::new(),
                weight: 0,
                signature: ByDirection {
                    ingress: signature_of(Direction::Ingress),
                    egress: signature_of(Direction::Egress),
                },
                families: outcome.families,
                resolution: outcome.resolution,
                resolves_in: outcome.resolves_in,
                peers: outcome.peers.into(),
            }
        })
        .collect();
    let class_of: IndexVec<PodId, ClassId> = kinds.of_pod.iter().map(|&kind| class_of_kind[kind]).collect();
    for (pod, &class) in class_of.enumerate() {
        classes[class].pods.push(pod);
        classes[class].weight += u64::from(cluster.pods[pod].count);
    }
    Merged {
        classes,
        class_of,
        signatures: ByDirection {
            ingress: signatures.ingress.into_values(),
            egress: signatures.egress.into_values(),
        },
    }
}

fn signature(
    cluster: &Cluster,
    policies: &IndexVec<PolicyId, Option<CompiledPolicy>>,
    outcome: &Outcome,
    direction: Direction,
) -> Signature {
    let deciding: Vec<(PolicyId, Truth)> = outcome
        .subjects
        .iter()
        .copied()
        .filter(|&(id, _)| match cluster.policies[id].tier {
            Tier::NetworkPolicy | Tier::Unevaluated => cluster.policies[id].isolates[direction],
            Tier::Admin | Tier::Baseline => !cluster.policies[id].rules[direction].is_empty(),
        })
        .collect();
    let named = direction == Direction::Ingress
        && deciding.iter().any(|&(id, _)| {
            let rules = policies[id].as_ref().map_or(&[][..], |policy| &policy.rules[direction]);
            rules.iter().any(|rule| !rule.ports.named.is_empty())
        });
    Signature {
        policies: deciding.into(),
        resolution: named.then_some(outcome.resolution),
        families: outcome.families,
    }
}

impl Program<'_> {
    /// The signature that decides `direction` for a class.
    pub fn signature(&self, class: ClassId, direction: Direction) -> &Signature {
        &self.signatures[direction][self.classes[class].signature[direction]]
    }
}
