//! Pairs of pods whose address is not given, asked about as if it were one of those that are meant.
//!
//! A pod that perhaps lies in a block is meant only if it does. Then a rule that speaks of the same block surely matches
//! it, though without the question nobody could say so: such pairs are proved one by one.

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::group::{Group, Groups};
use super::lots::{Lot, Relation, of, of_itself};
use crate::cluster::{Addresses, Cluster};
use crate::label::Truth;
use crate::net::{AddressSet, ByFamily, Family};
use crate::query::endpoint::candidates;
use crate::solve::proof::Prover;
use crate::solve::{Connectivity, End, Reachability};

/// More pairs of groups than this are not proved: what is not known without the question stays unknown.
const MOST: usize = 1 << 12;

/// The lots of sources and destinations whose addresses, where they are not given, lie in these.
pub(super) fn narrowed(
    reachability: &Reachability<'_>,
    groups: &Groups,
    places: (Option<&ByFamily<AddressSet>>, Option<&ByFamily<AddressSet>>),
    nodes: bool,
) -> Vec<Lot> {
    if groups.sources.len() * groups.destinations.len() > MOST {
        return of(reachability, groups, nodes);
    }
    let program = reachability.program();
    let cluster = &program.cluster;
    let regions = candidates(cluster);
    let prover = Prover::new(cluster, program.profile);
    let mut lots: IndexMap<_, Lot, FxBuildHasher> = IndexMap::default();
    for (i, source) in groups.sources.iter().enumerate() {
        for (place, (destination, asked)) in groups.destinations.iter().enumerate() {
            let same = groups.same.get(&(i, place)).map_or(0, |(count, _)| *count);
            let count = source.count * destination.count - same;
            let Some((a, b)) = groups.distinct(i, place).filter(|_| count > 0) else { continue };
            let cell = if nodes { reachability.cell(a, b) } else { reachability.cell_by_policies(a, b) };
            let mut bounds = reachability.bounds(cell);
            // Proofs know of nodes.
            let is_provable = nodes || !is_host(cluster, a);
            if is_provable && !asked.intersection(&bounds.may).difference(&bounds.must).is_empty() {
                let sources = cases(cluster, &regions, source, places.0);
                let destinations = cases(cluster, &regions, destination, places.1);
                let within = |a_in, b_in| prover.connectivity_where((a, a_in), (b, b_in));
                let worlds = sources.iter().flat_map(|a_in| {
                    destinations.iter().map(move |b_in| within(a_in.as_ref(), b_in.as_ref()))
                });
                let narrower = worlds.reduce(|all, world| Connectivity {
                    plain: all.plain.intersection(&world.plain),
                    must: all.must.intersection(&world.must),
                    may: all.may.union(&world.may),
                });
                bounds = narrower.unwrap_or(bounds);
            }
            let relation = Relation::new(source, destination);
            let is_doubtful = source.is_doubtful || destination.is_doubtful;
            let key = (bounds.clone(), asked, relation, is_doubtful);
            let lot = lots.entry(key).or_insert_with(|| Lot {
                count: 0,
                first: (a, b),
                bounds,
                asked: asked.clone(),
                relation,
                member: if is_doubtful { Truth::Unknown } else { Truth::Yes },
            });
            lot.count += count;
        }
    }
    lots.into_values().chain(of_itself(groups)).collect()
}

fn is_host(cluster: &Cluster, end: End) -> bool {
    matches!(end, End::Pod(pod, _) if cluster.pods[pod].host_network)
}

/// The regions in which the addresses of a group may lie: in the place in one family, anywhere in the other one.
fn cases(
    cluster: &Cluster,
    regions: &[ByFamily<AddressSet>; 2],
    group: &Group,
    place: Option<&ByFamily<AddressSet>>,
) -> Vec<Option<ByFamily<AddressSet>>> {
    let (End::Pod(pod, _), Some(place)) = (group.first, place) else { return vec![None] };
    let pod = &cluster.pods[pod];
    if pod.addresses != Addresses::Unknown {
        return vec![None];
    }
    let region = &regions[usize::from(pod.host_network)];
    let in_family = |family: Family| {
        let inside = region[family].intersection(&place[family]);
        let mut case = region.clone();
        case[family] = inside.clone();
        (!inside.is_empty()).then_some(Some(case))
    };
    Family::ALL.into_iter().filter_map(in_family).collect()
}
