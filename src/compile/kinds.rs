//! Pods equal in every fact that a policy can ask for: the first step towards classes.

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::addresses::AddressAtoms;
use super::hosts::{HostPolicies, Hosts};
use super::ports::{PortNames, Resolution, ResolutionId};
use crate::cluster::{Addresses, Cluster, DeclaredPort, NamespaceId, Pod, PodId};
use crate::index::{Id, IndexVec};
use crate::label::{LabelSetId, Truth};
use crate::net::{AddressSet, ByFamily, Family, address_number};
use crate::profile::Semantics;
use crate::set::Interner;

crate::define_id! { [pub(super)]
    /// An exact kind of pod, in order of namespace.
    KindId,
}

/// The facts of a pod that policies can ask for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Kind {
    pub(super) namespace: NamespaceId,
    pub(super) labels: LabelSetId,
    pub(super) resolution: ResolutionId,
    pub(super) place: ByFamily<Place>,
    pub(super) host_network: bool,
    /// Set if selectors of pods can make it a subject: no hostNetwork pod, by profile no pod without an owner (I19).
    pub(super) subject: bool,
    /// The policies that select its node, if it is a hostNetwork pod.
    pub(super) host_policies: HostPolicies,
    /// I16: set when the namespace alone tells pods apart, because named ports resolve in one's own only.
    pub(super) resolves_in: Option<NamespaceId>,
}

impl Kind {
    /// The families of which it has addresses.
    pub(super) fn families(&self) -> ByFamily<bool> {
        ByFamily { v4: self.place.v4.exists(), v6: self.place.v6.exists() }
    }
}

/// The place of a pod in the address space of one family.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) enum Place {
    /// It has no address of the family.
    #[default]
    Nowhere,
    /// Its address is in this atom.
    Atom(u32),
    /// It has several addresses, or an unknown one: somewhere in this set.
    Somewhere(AddressSet),
}

impl Place {
    pub(super) fn exists(&self) -> bool {
        *self != Self::Nowhere
    }
}

/// The kinds of a cluster.
#[derive(Debug)]
pub(super) struct Kinds {
    /// The kinds; those of one namespace are contiguous.
    pub(super) all: IndexVec<KindId, Kind>,
    /// The kind of each pod group.
    pub(super) of_pod: IndexVec<PodId, KindId>,
    /// By family: (atom, kind) of every kind with one known address, sorted.
    by_atom: ByFamily<Vec<(u32, KindId)>>,
    /// By family: the distinct regions, and the kinds that lie somewhere in them.
    pub(super) by_region: ByFamily<Vec<(AddressSet, Vec<KindId>)>>,
}

impl Kinds {
    pub(super) fn new(
        cluster: &Cluster,
        semantics: Semantics,
        names: &PortNames,
        atoms: &AddressAtoms,
        resolutions: &mut Interner<ResolutionId, Resolution>,
        egress_names: bool,
        mut hosts: Hosts<'_>,
    ) -> Self {
        let own_namespace_only = egress_names && !semantics.egress_port_crosses_namespaces;
        let mut interner: Interner<KindId, Kind> = Interner::new();
        // Replicas follow each other, and share their ports.
        let mut last: Option<(&Arc<[DeclaredPort]>, bool, ResolutionId)> = None;
        let of_pod = cluster
            .pods
            .iter()
            .map(|pod| {
                let resolution = match last {
                    Some((ports, host_network, resolution))
                        if Arc::ptr_eq(ports, &pod.ports) && host_network == pod.host_network =>
                    {
                        resolution
                    }
                    _ => resolutions.intern_owned(names.resolution(pod, semantics)),
                };
                last = Some((&pod.ports, pod.host_network, resolution));
                interner.intern_owned(Kind {
                    namespace: pod.namespace,
                    labels: pod.labels,
                    resolution,
                    place: ByFamily {
                        v4: place(cluster, pod, Family::V4, atoms),
                        v6: place(cluster, pod, Family::V6, atoms),
                    },
                    host_network: pod.host_network,
                    subject: !pod.host_network && (semantics.bare_pods_are_subjects || !pod.bare),
                    host_policies: hosts.of(pod),
                    resolves_in: own_namespace_only.then_some(pod.namespace),
                })
            })
            .collect();
        let kinds = interner.into_values();
        let mut by_atom: ByFamily<Vec<(u32, KindId)>> = ByFamily::default();
        let mut by_region: ByFamily<Vec<(AddressSet, Vec<KindId>)>> = ByFamily::default();
        for (id, kind) in kinds.enumerate() {
            for family in Family::ALL {
                match &kind.place[family] {
                    Place::Nowhere => {}
                    Place::Atom(atom) => by_atom[family].push((*atom, id)),
                    Place::Somewhere(region) => {
                        match by_region[family].iter_mut().find(|(known, _)| known == region) {
                            Some((_, ids)) => ids.push(id),
                            None => by_region[family].push((region.clone(), vec![id])),
                        }
                    }
                }
            }
        }
        for family in Family::ALL {
            by_atom[family].sort_unstable();
        }
        Self { all: kinds, of_pod, by_atom, by_region }
    }

    /// The kinds whose address in `family` a set of whole atoms holds, and how surely.
    pub(super) fn in_set(
        &self,
        family: Family,
        set: &AddressSet,
        atoms: &AddressAtoms,
    ) -> Vec<(KindId, Truth)> {
        let mut found = Vec::new();
        if set.is_empty() {
            return found;
        }
        for (first, last) in atoms.runs(family, set) {
            let from = self.by_atom[family].partition_point(|&(atom, _)| atom < first);
            found.extend(
                self.by_atom[family][from..]
                    .iter()
                    .take_while(|&&(atom, _)| atom <= last)
                    .map(|&(_, id)| (id, Truth::Yes)),
            );
        }
        for (region, ids) in &self.by_region[family] {
            let truth = within(region, set);
            if truth.possible() {
                found.extend(ids.iter().map(|&id| (id, truth)));
            }
        }
        found
    }

    /// True if any pod is, or may be, in any of the blocks.
    pub(super) fn any_in_blocks(&self, atoms: &AddressAtoms, blocks: &[ByFamily<AddressSet>]) -> bool {
        blocks.iter().any(|set| {
            Family::ALL.into_iter().any(|family| !self.in_set(family, &set[family], atoms).is_empty())
        })
    }

    /// The kinds of each namespace, as ranges of ids.
    pub(super) fn by_namespace(&self, namespaces: usize) -> IndexVec<NamespaceId, std::ops::Range<u32>> {
        let mut ranges: IndexVec<NamespaceId, std::ops::Range<u32>> = vec![0..0; namespaces].into();
        for (id, kind) in self.all.enumerate() {
            let range = &mut ranges[kind.namespace];
            let position = id.index() as u32;
            debug_assert!(
                range.start == range.end || range.end == position,
                "kinds of a namespace are contiguous"
            );
            *range =
                if range.start == range.end { position..position + 1 } else { range.start..position + 1 };
        }
        ranges
    }

    /// The kinds that selectors cannot match: hostNetwork pods (R51, R52).
    pub(super) fn host_network(&self) -> RoaringBitmap {
        self.all.enumerate().filter(|(_, kind)| kind.host_network).map(|(id, _)| id.index() as u32).collect()
    }
}

/// Returns how surely a set holds an address that lies somewhere in a region.
pub(super) fn within(region: &AddressSet, set: &AddressSet) -> Truth {
    if region.is_subset(set) {
        Truth::Yes
    } else if region.is_disjoint(set) {
        Truth::No
    } else {
        Truth::Unknown
    }
}

fn place(cluster: &Cluster, pod: &Pod, family: Family, atoms: &AddressAtoms) -> Place {
    match &pod.addresses {
        Addresses::Known(addresses) => {
            let mut of_family =
                addresses.iter().filter(|a| Family::of(**a) == family).map(|a| address_number(*a));
            match (of_family.next(), of_family.next()) {
                (None, _) => Place::Nowhere,
                (Some(one), None) => Place::Atom(atoms.atom(family, one)),
                (Some(one), Some(two)) => Place::Somewhere(AddressSet::from_ranges(
                    [one, two].into_iter().chain(of_family).map(|a| (a, a)),
                )),
            }
        }
        Addresses::Unknown => {
            let regions = if pod.host_network {
                &cluster.unknown_addresses.hosts
            } else {
                &cluster.unknown_addresses.pods
            };
            regions[family].clone().map_or(Place::Nowhere, Place::Somewhere)
        }
    }
}
