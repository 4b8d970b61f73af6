//! Classes by what policies make of them: the regions that peer lists cut them into.
//!
//! Few regions are masks, so that a word of classes is cut, or counted, at a time. Many regions of few classes each
//! would take the square of their number that way; then each class has the number of its region.

use std::hash::Hash;
use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::set::bits::{count_ones, ones};

const WORD: usize = u64::BITS as usize;

/// The most regions that are kept as masks.
const FEW: usize = 16;

/// A stretch of classes by what is made of them; no two regions have the same value.
#[derive(Clone, Debug)]
pub(super) struct Regions<V> {
    pub(super) values: Vec<V>,
    partition: Partition,
}

/// A stretch of classes, cut by the lists looked at so far.
pub(super) struct Cut<V> {
    /// The value of each region. Some of many regions may have no classes.
    values: Vec<V>,
    partition: Partition,
    /// For each region where its classes go that the list holds; empty between lists.
    going: Vec<Option<u32>>,
}

#[derive(Clone, Debug)]
enum Partition {
    /// The classes of each region.
    Masks(Vec<Vec<u64>>),
    /// The region of each class.
    Places(Vec<u32>),
}

/// The number of pods in each region that has any; a result is read before the next search overwrites it.
#[derive(Debug, Default)]
pub(super) struct Spread {
    /// Regions, and how many pods are in each.
    pub(super) found: Vec<(usize, u64)>,
    counts: Vec<u64>,
}

impl<V: Copy + Eq> Cut<V> {
    /// All classes of a stretch of so many words in one region.
    pub(super) fn new(value: V, words: usize) -> Self {
        Self::of(value, vec![!0; words])
    }

    /// So many classes in one region, without the bits behind the last one: a list of all of them leaves no region over.
    pub(super) fn of_all(value: V, classes: usize) -> Self {
        let mut mask = vec![!0; classes.div_ceil(WORD)];
        if let (Some(last), left @ 1..) = (mask.last_mut(), classes % WORD) {
            *last = (1 << left) - 1;
        }
        Self::of(value, mask)
    }

    fn of(value: V, mask: Vec<u64>) -> Self {
        Self { values: vec![value], partition: Partition::Masks(vec![mask]), going: Vec::new() }
    }

    /// Goes on where other regions end, on a stretch of their words.
    pub(super) fn within<W: Copy>(
        regions: &Regions<W>,
        words: Range<usize>,
        value: impl FnMut(W) -> V,
    ) -> Self {
        let partition = match &regions.partition {
            Partition::Masks(masks) => {
                Partition::Masks(masks.iter().map(|mask| mask[words.clone()].to_vec()).collect())
            }
            Partition::Places(places) => {
                Partition::Places(places[words.start * WORD..words.end * WORD].to_vec())
            }
        };
        Self { values: regions.values.iter().copied().map(value).collect(), partition, going: Vec::new() }
    }

    /// Cuts out the classes in a mask: `add` says what becomes of each region's value.
    pub(super) fn cut(&mut self, mask: &[u64], mut add: impl FnMut(V) -> V) {
        let Self { values, partition, going } = self;
        match partition {
            Partition::Masks(masks) => {
                for place in 0..masks.len() {
                    let old = &mut masks[place];
                    if old.iter().zip(mask).all(|(old, new)| old & new == 0) {
                        continue;
                    }
                    let more = add(values[place]);
                    if old.iter().zip(mask).all(|(old, new)| old & !new == 0) {
                        values[place] = more;
                    } else if more != values[place] {
                        let moved = old.iter().zip(mask).map(|(old, new)| old & new).collect();
                        old.iter_mut().zip(mask).for_each(|(old, new)| *old &= !new);
                        masks.push(moved);
                        values.push(more);
                    }
                }
                if masks.len() > FEW {
                    *partition = Partition::Places(places(masks));
                }
            }
            Partition::Places(places) => {
                let mut left: Vec<usize> = Vec::new();
                going.resize(values.len(), None);
                for class in ones(mask) {
                    let old = places[class] as usize;
                    places[class] = *going[old].get_or_insert_with(|| {
                        left.push(old);
                        let more = add(values[old]);
                        if more == values[old] {
                            return old as u32;
                        }
                        values.push(more);
                        (values.len() - 1) as u32
                    });
                }
                for old in left {
                    going[old] = None;
                }
            }
        }
    }

    /// The regions, merged by what their values come to.
    pub(super) fn finish<W: Copy + Eq + Hash>(self, mut value: impl FnMut(V) -> W) -> Regions<W> {
        let mut values: Vec<W> = Vec::new();
        let mut known: FxHashMap<W, usize> = FxHashMap::default();
        let mut region = |old: V| {
            let new = value(old);
            *known.entry(new).or_insert_with(|| {
                values.push(new);
                values.len() - 1
            })
        };
        let partition = match self.partition {
            Partition::Masks(masks) => {
                let mut merged: Vec<Vec<u64>> = Vec::new();
                for (value, mask) in self.values.into_iter().zip(masks) {
                    match merged.get_mut(region(value)) {
                        Some(known) => known.iter_mut().zip(&mask).for_each(|(old, new)| *old |= new),
                        None => merged.push(mask),
                    }
                }
                Partition::Masks(merged)
            }
            Partition::Places(mut places) => {
                let mut regions: Vec<Option<u32>> = vec![None; self.values.len()];
                for place in &mut places {
                    let old = *place as usize;
                    *place = *regions[old].get_or_insert_with(|| region(self.values[old]) as u32);
                }
                Partition::Places(places)
            }
        };
        Regions { values, partition }
    }
}

/// The place of each class's mask.
fn places(masks: &[Vec<u64>]) -> Vec<u32> {
    let mut places = vec![0; masks[0].len() * WORD];
    for (region, mask) in (0..).zip(masks) {
        ones(mask).for_each(|class| places[class] = region);
    }
    places
}

impl<V: Copy> Regions<V> {
    /// The value of a class.
    pub(super) fn at(&self, class: usize) -> V {
        let region = match &self.partition {
            Partition::Masks(masks) => {
                // All that is in no other region is in the first one.
                let holds = |mask: &Vec<u64>| mask[class / WORD] >> (class % WORD) & 1 == 1;
                masks.iter().skip(1).position(holds).map_or(0, |place| place + 1)
            }
            Partition::Places(places) => places[class] as usize,
        };
        self.values[region]
    }

    /// The value of all, if there is only one.
    pub(super) fn uniform(&self) -> Option<V> {
        match self.values[..] {
            [value] => Some(value),
            _ => None,
        }
    }

    /// The same of classes in another order; `positions` says where each stands in it.
    pub(super) fn reordered(&self, positions: &[usize]) -> Self {
        let partition = match &self.partition {
            Partition::Masks(masks) => {
                let words = masks[0].len();
                let mut reordered = vec![vec![!0; words]];
                for mask in &masks[1..] {
                    let mut moved = vec![0; words];
                    for class in ones(mask).take_while(|&class| class < positions.len()) {
                        moved[positions[class] / WORD] |= 1 << (positions[class] % WORD);
                    }
                    reordered[0].iter_mut().zip(&moved).for_each(|(first, moved)| *first &= !moved);
                    reordered.push(moved);
                }
                Partition::Masks(reordered)
            }
            Partition::Places(places) => {
                let mut reordered = vec![0; places.len()];
                for (&position, &region) in positions.iter().zip(places) {
                    reordered[position] = region;
                }
                Partition::Places(reordered)
            }
        };
        Self { values: self.values.clone(), partition }
    }

    /// Finds how many of `pods` pods are in each region: these runs of classes, each of which stands for so many pods.
    /// The classes of the stretch are numbered from `first`.
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
                counts.resize(self.values.len().max(counts.len()), 0);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_all_classes_leaves_no_region_over() {
        for classes in [1, 63, 64, 65, 130] {
            let mut all = crate::set::Bits::new(classes);
            (0..classes).for_each(|class| all.insert(class));
            let mut cut = Cut::of_all(0, classes);
            cut.cut(all.words(), |value| value + 1);
            assert_eq!(cut.finish(|value| value).uniform(), Some(1), "{classes}");
        }
    }

    #[test]
    fn regions_are_found_in_any_order_of_the_classes() {
        let classes = 200;
        let mut cut = Cut::of_all(0, classes);
        // So many regions that they are no longer masks.
        for divisor in [2, 3, 5, 7, 11] {
            let mut multiples = crate::set::Bits::new(classes);
            (0..classes).step_by(divisor).for_each(|class| multiples.insert(class));
            cut.cut(multiples.words(), |value| value * 13 + divisor);
        }
        let value = |class: usize| {
            let holding = [2, 3, 5, 7, 11].into_iter().filter(|divisor| class.is_multiple_of(*divisor));
            holding.fold(0, |value, divisor| value * 13 + divisor)
        };
        let regions = cut.finish(|value| value);
        let positions: Vec<usize> = (0..classes).map(|class| (class * 37) % classes).collect();
        let reordered = regions.reordered(&positions);
        for (class, &position) in positions.iter().enumerate() {
            assert_eq!(regions.at(class), value(class));
            assert_eq!(reordered.at(position), value(class));
        }
    }
}
