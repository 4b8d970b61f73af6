//! Addresses outside the cluster, grouped so that no flow tells the members of a group apart.
//!
//! Blocks cut each family into atoms. Sweeping over their boundaries, the set of lists that match the current atom is
//! kept as a hash-consed binary trie, so equal sets are equal numbers and no set is ever copied. Groups that every
//! signature treats alike are then merged, so a policy that selects nothing, or a rule written as two, cuts nothing.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::evaluator::{Evaluator, SideId};
use super::overrides::Half;
use crate::compile::{PeersId, Program, SignatureId};
use crate::index::{Id, IndexVec};
use crate::label::Truth;
use crate::net::{AddressSet, ByDirection, Direction, Family};
use crate::set::{SetForest, SetTree};

crate::define_id! {
    /// A class of addresses outside the cluster, in order of family and first address.
    ExternalId,
}

/// Addresses that no flow tells apart.
#[derive(Clone, Debug)]
pub(crate) struct ExternalClass {
    pub(crate) family: Family,
    pub(crate) addresses: AddressSet,
    pub(crate) sides: Sides,
}

/// The signatures whose side towards a class of addresses differs from that towards addresses that no list holds, with
/// the former side; ascending.
pub(crate) type Sides = ByDirection<Vec<(SignatureId, SideId)>>;

/// All classes; they partition both families.
pub(super) fn classes(
    evaluator: &mut Evaluator<'_>,
    halves: [&mut Half; 2],
) -> IndexVec<ExternalId, ExternalClass> {
    let [ingress, egress] = halves;
    let mut all = Vec::new();
    for family in Family::ALL {
        let mut anywhere = ByDirection {
            ingress: vec![None; evaluator.program.signatures.ingress.len()].into(),
            egress: vec![None; evaluator.program.signatures.egress.len()].into(),
        };
        let mut merged: FxHashMap<Sides, usize> = FxHashMap::default();
        let mut groups: Vec<(Ranges, Sides)> = Vec::new();
        for (lists, ranges) in same_lists(evaluator.program, family) {
            let sides = ByDirection {
                ingress: overrides(evaluator, ingress, &mut anywhere.ingress, family, &lists),
                egress: overrides(evaluator, egress, &mut anywhere.egress, family, &lists),
            };
            if let Some(&group) = merged.get(&sides) {
                groups[group].0.extend(ranges);
            } else {
                merged.insert(sides.clone(), groups.len());
                groups.push((ranges, sides));
            }
        }
        let mut classes: Vec<ExternalClass> = groups
            .into_iter()
            .map(|(ranges, sides)| ExternalClass {
                family,
                addresses: AddressSet::from_ranges(ranges),
                sides,
            })
            .collect();
        classes.sort_unstable_by(|a, b| a.addresses.cmp(&b.addresses));
        all.extend(classes);
    }
    all.into()
}

/// Ranges of addresses, first and last.
type Ranges = Vec<(u128, u128)>;

/// The address space of a family, grouped by the peer lists that match it, and how surely.
fn same_lists(program: &Program, family: Family) -> Vec<(Vec<(PeersId, Truth)>, Ranges)> {
    // A list that no deciding policy uses distinguishes nothing.
    let decides = |list: PeersId| {
        Direction::ALL.into_iter().any(|direction| {
            program.peers[list].uses[direction]
                .iter()
                .any(|&(policy, _)| !program.deciding[policy][direction].is_empty())
        })
    };
    // Two numbers a list: surely matched, and possibly.
    let mut toggles: Vec<(u128, u32)> = Vec::new();
    for (id, list) in program.peers.enumerate().filter(|&(id, _)| decides(id)) {
        let mut toggle = |number: u32, addresses: &AddressSet| {
            for &(first, last) in addresses.ranges() {
                toggles.push((first, number));
                if last < family.last() {
                    toggles.push((last + 1, number));
                }
            }
        };
        let number = 2 * id.index() as u32;
        toggle(number, &list.addresses()[family]);
        if let Some(possible) = list.possible_addresses() {
            toggle(number + 1, &possible[family]);
        }
    }
    toggles.sort_unstable();

    let mut forest = SetForest::new(2 * program.peers.len() as u32);
    let mut holding = SetTree::EMPTY;
    let mut start = 0;
    let mut groups: BTreeMap<SetTree, Ranges> = BTreeMap::new();
    for at_boundary in toggles.chunk_by(|a, b| a.0 == b.0) {
        let boundary = at_boundary[0].0;
        if boundary > start {
            groups.entry(holding).or_default().push((start, boundary - 1));
            start = boundary;
        }
        for &(_, list) in at_boundary {
            holding = forest.toggle(holding, list);
        }
    }
    groups.entry(holding).or_default().push((start, family.last()));
    groups
        .into_iter()
        .map(|(set, ranges)| {
            let mut lists: Vec<(PeersId, Truth)> = Vec::new();
            for number in forest.members(set) {
                let list = PeersId::from_index(number as usize / 2);
                let truth = if number % 2 == 0 { Truth::Yes } else { Truth::Unknown };
                if lists.last().is_none_or(|&(last, _)| last != list) {
                    lists.push((list, truth));
                }
            }
            (lists, ranges)
        })
        .collect()
}

/// The signatures whose side towards addresses that exactly these lists match differs from that towards addresses that
/// no list holds, with the former side; `anywhere` keeps the latter, as far as they are known.
fn overrides(
    evaluator: &mut Evaluator<'_>,
    half: &mut Half,
    anywhere: &mut IndexVec<SignatureId, Option<SideId>>,
    family: Family,
    lists: &[(PeersId, Truth)],
) -> Vec<(SignatureId, SideId)> {
    let mut sides = evaluator.overrides_outside(half, family, lists);
    sides.retain(|&(id, side)| {
        let anywhere = anywhere[id].get_or_insert_with(|| half.outside(evaluator, id, family));
        side != *anywhere
    });
    sides.sort_unstable();
    sides
}
