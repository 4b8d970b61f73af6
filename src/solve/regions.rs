//! Peers by what an outline makes of them: the regions that its lists cut them into.
//!
//! Few regions are masks, so that a word of peers is cut, or counted, at a time. Many regions of few peers each would
//! take the square of their number that way; then each peer has the number of its region.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::evaluator::{Evaluator, SideId};
use super::union::{UnionId, Unions};
use crate::set::bits::{count_ones, ones};

const WORD: usize = u64::BITS as usize;

/// How many regions are kept as masks.
const FEW: usize = 16;

/// A stretch of peers by side; no two regions have the same side.
#[derive(Debug)]
pub(super) struct Regions {
    pub(super) sides: Vec<SideId>,
    partition: Partition,
}

/// What the lists looked at so far make of a stretch of peers.
pub(super) struct Cut {
    /// What each region is. Some of many regions may have no peers.
    unions: Vec<UnionId>,
    partition: Partition,
    /// For each region where its peers go that the list holds; empty between lists.
    going: Vec<Option<u32>>,
}

#[derive(Debug)]
enum Partition {
    /// The peers of each region.
    Masks(Vec<Vec<u64>>),
    /// The region of each peer.
    Places(Vec<u32>),
}

/// How many pods are in each region that has any; what is found is taken before the next search.
#[derive(Debug, Default)]
pub(super) struct Spread {
    /// Regions, and how many pods are in each.
    pub(super) found: Vec<(usize, u64)>,
    counts: Vec<u64>,
}

impl Cut {
    /// All peers of a stretch of so many words in one region.
    pub(super) fn new(union: UnionId, words: usize) -> Self {
        Self { unions: vec![union], partition: Partition::Masks(vec![vec![!0; words]]), going: Vec::new() }
    }

    /// Cuts out the peers in a mask: `add` says what becomes of each region's union.
    pub(super) fn cut(&mut self, mask: &[u64], mut add: impl FnMut(UnionId) -> UnionId) {
        let Self { unions, partition, going } = self;
        match partition {
            Partition::Masks(masks) => {
                for place in 0..masks.len() {
                    let old = &mut masks[place];
                    if old.iter().zip(mask).all(|(old, new)| old & new == 0) {
                        continue;
                    }
                    let more = add(unions[place]);
                    if old.iter().zip(mask).all(|(old, new)| old & !new == 0) {
                        unions[place] = more;
                    } else if more != unions[place] {
                        let moved = old.iter().zip(mask).map(|(old, new)| old & new).collect();
                        old.iter_mut().zip(mask).for_each(|(old, new)| *old &= !new);
                        masks.push(moved);
                        unions.push(more);
                    }
                }
                if masks.len() > FEW {
                    *partition = Partition::Places(places(masks));
                }
            }
            Partition::Places(places) => {
                let mut left: Vec<usize> = Vec::new();
                going.resize(unions.len(), None);
                for peer in ones(mask) {
                    let old = places[peer] as usize;
                    places[peer] = *going[old].get_or_insert_with(|| {
                        left.push(old);
                        let more = add(unions[old]);
                        if more == unions[old] {
                            return old as u32;
                        }
                        unions.push(more);
                        (unions.len() - 1) as u32
                    });
                }
                for old in left {
                    going[old] = None;
                }
            }
        }
    }

    /// The regions by side.
    pub(super) fn finish(self, evaluator: &mut Evaluator<'_>, unions: &mut Unions) -> Regions {
        let mut sides: Vec<SideId> = Vec::new();
        let mut known: FxHashMap<SideId, usize> = FxHashMap::default();
        let mut region = |union: UnionId| {
            let side = unions.side(evaluator, union);
            *known.entry(side).or_insert_with(|| {
                sides.push(side);
                sides.len() - 1
            })
        };
        let partition = match self.partition {
            Partition::Masks(masks) => {
                let mut merged: Vec<Vec<u64>> = Vec::new();
                for (union, mask) in self.unions.into_iter().zip(masks) {
                    match merged.get_mut(region(union)) {
                        Some(known) => known.iter_mut().zip(&mask).for_each(|(old, new)| *old |= new),
                        None => merged.push(mask),
                    }
                }
                Partition::Masks(merged)
            }
            Partition::Places(mut places) => {
                let mut regions: Vec<Option<u32>> = vec![None; self.unions.len()];
                for place in &mut places {
                    let old = *place as usize;
                    *place = *regions[old].get_or_insert_with(|| region(self.unions[old]) as u32);
                }
                Partition::Places(places)
            }
        };
        Regions { sides, partition }
    }
}

/// The place of each peer's mask.
fn places(masks: &[Vec<u64>]) -> Vec<u32> {
    let mut places = vec![0; masks[0].len() * WORD];
    for (region, mask) in (0..).zip(masks) {
        ones(mask).for_each(|peer| places[peer] = region);
    }
    places
}

impl Regions {
    /// Finds how many of `pods` pods are in each region: these runs of peers, each of which stands for so many pods. The
    /// peers of the stretch are numbered from `first`.
    pub(super) fn spread(
        &self,
        pods: u64,
        runs: &[(Range<usize>, u64)],
        first: usize,
        Spread { found, counts }: &mut Spread,
    ) {
        found.clear();
        match &self.partition {
            Partition::Masks(masks) => {
                let mut left = pods;
                for (region, mask) in masks.iter().enumerate().skip(1) {
                    let weigh = |(run, weight): &(Range<usize>, u64)| {
                        count_ones(mask, run.start - first..run.end - first) * weight
                    };
                    let here: u64 = runs.iter().map(weigh).sum();
                    if here > 0 {
                        left -= here;
                        found.push((region, here));
                    }
                }
                if left > 0 {
                    found.push((0, left));
                }
            }
            Partition::Places(places) => {
                counts.resize(self.sides.len().max(counts.len()), 0);
                for (run, weight) in runs {
                    for &region in &places[run.start - first..run.end - first] {
                        let region = region as usize;
                        if counts[region] == 0 {
                            found.push((region, 0));
                        }
                        counts[region] += weight;
                    }
                }
                for (region, pods) in found {
                    *pods = std::mem::take(&mut counts[*region]);
                }
            }
        }
    }
}
