//! Kinds of pods that every policy treats alike become one class.

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use super::addresses::AddressAtoms;
use super::homes::{HomeId, Homes, Near};
use super::kinds::{KindId, Kinds};
use super::members::{DenseMembers, Layout};
use super::selector_index::{Matches, SelectorIndex};
use super::{
    Class, ClassId, CompiledPolicy, CompiledRule, PeerList, PeersId, Program, ResolutionId, RulePeers,
    Selections, Signature, SignatureId, stands_for_hosts,
};
use crate::cluster::{Cluster, NamespaceId, PodId};
use crate::index::{Id, IndexVec};
use crate::label::{LabelValue, Operator, Requirement, Selector, SelectorId, Truth};
use crate::net::{AddressSet, ByDirection, ByFamily, Direction, Family};
use crate::policy::{NamespaceMatch, PodMatch, Policy, PolicyId, Subject};
use crate::profile::Semantics;
use crate::set::Interner;

/// The policies that select each kind of pod, and the peer lists that match it.
pub(super) struct Memberships {
    /// Ascending.
    subjects: IndexVec<KindId, Vec<(PolicyId, Truth)>>,
    /// The lists that match few kinds, ascending.
    peers: IndexVec<KindId, Vec<(PeersId, ByFamily<Truth>)>>,
    /// The lists that match many, ascending, with the kinds.
    dense: Vec<(PeersId, DenseMembers)>,
}

/// Evaluates every selector and block over the kinds.
pub(super) fn memberships(
    cluster: &Cluster,
    semantics: Semantics,
    kinds: &Kinds,
    atoms: &AddressAtoms,
    policies: &IndexVec<PolicyId, Option<CompiledPolicy>>,
    lists: &[(&PeerList, &ByFamily<AddressSet>)],
    layout: Layout,
) -> Memberships {
    let selectors = &cluster.labels.selectors;
    let mut selector = PodSelector::new(cluster, kinds);
    let mut found = Memberships {
        subjects: vec![Vec::new(); kinds.all.len()].into(),
        peers: vec![Vec::new(); kinds.all.len()].into(),
        dense: Vec::new(),
    };
    for (id, kind) in kinds.all.enumerate() {
        found.subjects[id].extend_from_slice(&kind.host_policies);
    }
    for (id, policy) in cluster.policies.enumerate() {
        let Subject::Pods(selected) = &policy.subject else { continue };
        if policies[id].is_none() {
            continue;
        }
        for (kind, truth) in selector.select(selectors, selected).iter() {
            let kind = KindId::from_index(kind as usize);
            if kinds.all[kind].subject {
                found.subjects[kind].push((id, truth));
            }
        }
    }
    let count = kinds.all.len();
    let mut matched: Vec<(KindId, ByFamily<Truth>)> = Vec::new();
    for (id, &(list, blocks)) in lists.iter().enumerate() {
        let id = PeersId::from_index(id);
        matched.clear();
        let pods = &list.pods;
        if semantics.hosts_by_label && stands_for_hosts(list) {
            let hosts = kinds.all.enumerate().filter(|(_, kind)| kind.host_network);
            let surely = |family_exists| if family_exists { Truth::Yes } else { Truth::No };
            matched.extend(hosts.map(|(id, kind)| {
                let ByFamily { v4, v6 } = kind.families();
                (id, ByFamily { v4: surely(v4), v6: surely(v6) })
            }));
        }
        let of_families = |(kind, truth): (u32, Truth)| {
            let kind = KindId::from_index(kind as usize);
            let families = kinds.all[kind].families();
            let of = |family| if families[family] { truth } else { Truth::No };
            (kind, ByFamily { v4: of(Family::V4), v6: of(Family::V6) })
        };
        for pod_match in pods {
            matched.extend(selector.select(selectors, pod_match).iter().map(of_families));
        }
        for near in &list.near {
            matched.extend(selector.near(cluster, near).iter().map(of_families));
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
        // What one selector found is in order already.
        if !matched.is_sorted_by(|a, b| a.0 < b.0) {
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
        }
        if layout.is_dense(matched.len(), count) {
            let mut dense = DenseMembers::default();
            for &(kind, truth) in &matched {
                dense.insert(kind, truth, kinds.all[kind].families(), count);
            }
            found.dense.push((id, dense));
        } else {
            for &(kind, truth) in &matched {
                found.peers[kind].push((id, truth));
            }
        }
    }
    found
}

/// The selectors of a cluster.
type Selectors = Interner<SelectorId, Selector>;

/// Evaluates [`PodMatch`]es over kinds, each distinct one once.
#[derive(Debug)]
pub(super) struct PodSelector {
    pods: SelectorIndex,
    namespaces: SelectorIndex,
    /// The kinds of each namespace.
    ranges: IndexVec<NamespaceId, std::ops::Range<u32>>,
    /// The kinds of hostNetwork pods, which no selector matches (R52).
    hosts: RoaringBitmap,
    done: Selections<Matches>,
    /// The kinds in the namespaces that a selector matches.
    inside: FxHashMap<SelectorId, Matches>,
}

impl PodSelector {
    pub(super) fn new(cluster: &Cluster, kinds: &Kinds) -> Self {
        let sets = &cluster.labels.sets;
        Self {
            pods: SelectorIndex::new(kinds.all.iter().map(|kind| &sets[kind.labels])),
            namespaces: SelectorIndex::new(
                cluster.namespaces.iter().map(|namespace| &sets[namespace.labels]),
            ),
            ranges: kinds.by_namespace(cluster.namespaces.len()),
            hosts: kinds.host_network(),
            done: Selections::default(),
            inside: FxHashMap::default(),
        }
    }

    pub(super) fn select(&mut self, selectors: &Selectors, pod_match: &PodMatch) -> &Matches {
        if !self.done.contains_key(pod_match) {
            let matches = self.evaluate(selectors, pod_match);
            self.done.insert(*pod_match, matches);
        }
        &self.done[pod_match]
    }

    fn evaluate(&mut self, selectors: &Selectors, pod_match: &PodMatch) -> Matches {
        let pods = &selectors[pod_match.pods];
        let inside = match pod_match.namespaces {
            NamespaceMatch::One(namespace) => {
                let range = self.ranges[namespace].clone();
                let mut inside = Matches::all(range.clone());
                // Few namespaces have any.
                if self.hosts.range_cardinality(range) > 0 {
                    inside.possible -= &self.hosts;
                    inside.sure -= &self.hosts;
                }
                inside
            }
            NamespaceMatch::Labels(id) => {
                if !self.inside.contains_key(&id) {
                    let namespaces = self.namespaces.matches(&selectors[id], self.namespaces.all());
                    self.inside.insert(id, self.kinds_of(&namespaces));
                }
                self.inside[&id].clone()
            }
            NamespaceMatch::SameLabels(_) | NamespaceMatch::OtherLabels(_) => {
                unreachable!("peers that depend on the subject are compiled for each home")
            }
        };
        let mut matches = self.pods.matches(pods, inside);
        if pod_match.perhaps {
            matches.sure.clear();
        }
        matches
    }
}

impl PodSelector {
    /// The kinds in some namespaces.
    fn kinds_of(&self, namespaces: &Matches) -> Matches {
        let kinds_of = |namespaces: &RoaringBitmap| {
            let ranges = namespaces
                .iter()
                .map(|namespace| self.ranges[NamespaceId::from_index(namespace as usize)].clone());
            let kinds = RoaringBitmap::from_sorted_iter(ranges.flatten());
            kinds.expect("kinds are in order of namespace") - &self.hosts
        };
        Matches { sure: kinds_of(&namespaces.sure), possible: kinds_of(&namespaces.possible) }
    }

    /// Finds the kinds whose namespaces compare with one as a peer demands.
    pub(super) fn near(&mut self, cluster: &Cluster, near: &Near) -> Matches {
        let Near { pods, like } = near;
        let namespaces = self.namespaces_near(cluster, pods.namespaces, *like);
        let inside = self.kinds_of(&namespaces);
        self.pods.matches(&cluster.labels.selectors[pods.pods], inside)
    }

    fn namespaces_near(&self, cluster: &Cluster, relation: NamespaceMatch, like: NamespaceId) -> Matches {
        let selector = relation.selector().expect("labels are compared");
        let has_keys = &cluster.labels.selectors[selector];
        let labels = &cluster.labels.sets[cluster.namespaces[like].labels];
        // The comparison with the value of a key, if that is known.
        let compare = |has: &Requirement, operator: Operator| match labels.get_in(has.domain, has.key) {
            Some(LabelValue::Known(value)) => {
                Some(Requirement { operator, values: [value].into(), ..has.clone() })
            }
            _ => None,
        };
        let requirements = has_keys.requirements();
        let find = |requirements: Vec<Requirement>| {
            self.namespaces.matches(&Selector::new(requirements), self.namespaces.all())
        };
        let is_same = matches!(relation, NamespaceMatch::SameLabels(_));
        let mut found = if is_same {
            let same = |has: &Requirement| compare(has, Operator::In).unwrap_or_else(|| has.clone());
            find(requirements.iter().map(same).collect())
        } else {
            let mut found = Matches::default();
            for has in requirements {
                let one = find(requirements.iter().cloned().chain(compare(has, Operator::NotIn)).collect());
                found.sure |= one.sure;
                found.possible |= one.possible;
            }
            found
        };
        if requirements.iter().any(|has| compare(has, Operator::In).is_none()) {
            // Surely only this namespace has the same values.
            found.sure.clear();
            let own = like.index() as u32;
            let is_matched = if is_same { has_keys.matches(labels) } else { Truth::No };
            for (set, holds) in
                [(&mut found.sure, is_matched.sure()), (&mut found.possible, is_matched.possible())]
            {
                if holds {
                    set.insert(own);
                } else {
                    set.remove(own);
                }
            }
        }
        found
    }
}

/// Classes and signatures.
pub(super) struct Merged {
    pub(super) classes: IndexVec<ClassId, Class>,
    pub(super) class_of: IndexVec<PodId, ClassId>,
    pub(super) signatures: ByDirection<IndexVec<SignatureId, Signature>>,
    /// The lists that match many classes, ascending.
    pub(super) dense: Vec<(PeersId, DenseMembers)>,
}

/// Everything that policies see of a kind.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Outcome {
    subjects: Vec<(PolicyId, Truth)>,
    peers: Vec<(PeersId, ByFamily<Truth>)>,
    /// Equal for kinds that the lists of many do not tell apart.
    alike: u32,
    resolution: ResolutionId,
    resolves_in: Option<NamespaceId>,
    home: Option<HomeId>,
    families: ByFamily<bool>,
}

/// Merges kinds with equal memberships.
pub(super) fn merge(
    cluster: &Cluster,
    kinds: &Kinds,
    policies: &IndexVec<PolicyId, Option<CompiledPolicy>>,
    homes: &Homes,
    mut memberships: Memberships,
) -> Merged {
    let relative: IndexVec<PolicyId, bool> = cluster.policies.iter().map(Policy::is_relative).collect();
    let alike = alike(kinds.all.len(), &memberships.dense);
    let mut outcomes: Interner<ClassId, Outcome> = Interner::new();
    let class_of_kind: IndexVec<KindId, ClassId> = kinds
        .all
        .enumerate()
        .map(|(id, kind)| {
            let subjects = std::mem::take(&mut memberships.subjects[id]);
            let is_told_apart = subjects.iter().any(|&(policy, _)| relative[policy]);
            outcomes.intern_owned(Outcome {
                home: is_told_apart.then(|| homes.of(kind.namespace)),
                subjects,
                peers: std::mem::take(&mut memberships.peers[id]),
                alike: alike[id],
                resolution: kind.resolution,
                resolves_in: kind.resolves_in,
                families: kind.families(),
            })
        })
        .collect();

    let mut signatures: ByDirection<Interner<SignatureId, Signature>> = ByDirection::default();
    let mut classes: IndexVec<ClassId, Class> = outcomes
        .into_values()
        .into_iter()
        .map(|outcome| {
            let mut signature_of = |direction| {
                let deciding = outcome.subjects.iter().copied();
                let deciding = deciding.filter(|&(id, _)| cluster.policies[id].decides(direction)).collect();
                signatures[direction].intern_owned(signature(
                    policies,
                    deciding,
                    direction,
                    outcome.resolution,
                    outcome.home,
                    outcome.families,
                ))
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
                home: outcome.home,
                peers: outcome.peers,
            }
        })
        .collect();
    let class_of: IndexVec<PodId, ClassId> = kinds.of_pod.iter().map(|&kind| class_of_kind[kind]).collect();
    for (pod, &class) in class_of.enumerate() {
        classes[class].pods.push(pod);
        classes[class].weight += u64::from(cluster.pods[pod].count);
    }
    let merged = |dense: DenseMembers| dense.merged(&class_of_kind, classes.len());
    Merged {
        dense: memberships.dense.into_iter().map(|(list, dense)| (list, merged(dense))).collect(),
        classes,
        class_of,
        signatures: ByDirection {
            ingress: signatures.ingress.into_values(),
            egress: signatures.egress.into_values(),
        },
    }
}

/// Numbers that are equal for kinds that are in the same sets: all start alike, and each set splits them.
fn alike(kinds: usize, dense: &[(PeersId, DenseMembers)]) -> IndexVec<KindId, u32> {
    let mut alike: IndexVec<KindId, u32> = vec![0; kinds].into();
    // By number: how many kinds have it, how many of those are in the set, and the number that these get.
    let mut sizes = vec![kinds as u32];
    let mut inside = vec![0_u32];
    let mut split: Vec<Option<u32>> = vec![None];
    for (_, set) in dense.iter().flat_map(|(_, dense)| &dense.sets) {
        if sizes.len() == kinds {
            break;
        }
        for kind in set.iter().map(KindId::from_index) {
            inside[alike[kind] as usize] += 1;
        }
        for kind in set.iter().map(KindId::from_index) {
            let old = alike[kind] as usize;
            if inside[old] < sizes[old] {
                alike[kind] = *split[old].get_or_insert_with(|| {
                    sizes.push(inside[old]);
                    (sizes.len() - 1) as u32
                });
            }
        }
        for (old, new) in split.iter_mut().enumerate() {
            if let Some(new) = new.take() {
                sizes[old] -= sizes[new as usize];
            }
        }
        inside.clear();
        inside.resize(sizes.len(), 0);
        split.resize(sizes.len(), None);
    }
    alike
}

/// The signature of a class that these policies select in a direction, and decide.
pub(super) fn signature(
    policies: &IndexVec<PolicyId, Option<CompiledPolicy>>,
    deciding: Vec<(PolicyId, Truth)>,
    direction: Direction,
    resolution: ResolutionId,
    home: Option<HomeId>,
    families: ByFamily<bool>,
) -> Signature {
    let any = |is_meant: fn(&CompiledRule) -> bool| {
        deciding.iter().any(|&(id, _)| {
            let rules = policies[id].as_ref().map_or(&[][..], |policy| &policy.rules[direction]);
            rules.iter().any(is_meant)
        })
    };
    let named = direction == Direction::Ingress && any(|rule| !rule.ports.named.is_empty());
    let home = home.filter(|_| any(|rule| matches!(rule.peers, RulePeers::ByHome(_))));
    Signature { policies: deciding.into(), resolution: named.then_some(resolution), home, families }
}

impl Program {
    /// The signature that decides `direction` for a class.
    pub fn signature(&self, class: ClassId, direction: Direction) -> &Signature {
        &self.signatures[direction][self.classes[class].signature[direction]]
    }
}
