//! Pairs of pods counted by cell, as far as outlines go.
//!
//! All sources of one egress outline see all destinations of one ingress outline alike: some of the destinations in
//! this region of the one, some of the sources in that region of the other. Every source meets every destination, so
//! the pairs of two regions are a product, and what is counted is pods in regions, not pairs.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::evaluator::{CellId, SideId};
use super::exceptions::Usual;
use super::outline::{OutlineId, Outlines};
use super::row::Rows;
use crate::compile::{ClassId, PeersId, Program};
use crate::index::{Id, IndexVec};
use crate::label::Truth;
use crate::net::{ByFamily, Direction};
use crate::set::Interner;
use crate::set::bits::count_ones;

const WORD: usize = u64::BITS as usize;

/// How many pairs of outlines are looked at together: what bounds the memory it takes.
const TOGETHER: usize = 1 << 20;

/// Classes in an order in which those of equal outlines stand together, and among those the ones of equal weight.
struct Order {
    position: IndexVec<ClassId, usize>,
    /// Stretches of equal outline and weight, in order.
    runs: Vec<(Range<usize>, u64)>,
    /// The stretches of each outline, and how many pods those are.
    of: IndexVec<OutlineId, (Range<usize>, u64)>,
}

impl Order {
    fn new(program: &Program, direction: Direction, outlines: &Outlines) -> Self {
        let mut classes: Vec<(OutlineId, u64, ClassId)> = program
            .classes
            .enumerate()
            .map(|(id, class)| (outlines.of[class.signature[direction]], class.weight, id))
            .collect();
        classes.sort_unstable();
        let mut order =
            Self { position: vec![0; classes.len()].into(), runs: Vec::new(), of: IndexVec::default() };
        let mut start = 0;
        let mut runs = classes.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).peekable();
        // A program that has changed may have signatures without a class, and so outlines without a run.
        for outline in outlines.all.ids() {
            let (first, mut pods) = (order.runs.len(), 0);
            while let Some(run) = runs.next_if(|run| run[0].0 == outline) {
                let weight = run[0].1;
                pods += weight * run.len() as u64;
                order.runs.push((start..start + run.len(), weight));
                for (position, &(_, _, class)) in (start..).zip(run) {
                    order.position[class] = position;
                }
                start += run.len();
            }
            order.of.push((first..order.runs.len(), pods));
        }
        order
    }

    /// Where the classes of a stretch of outlines stand.
    fn stretch(&self, outlines: &Range<usize>) -> Range<usize> {
        let runs = |outline: usize| &self.of[OutlineId::from_index(outline)].0;
        match &self.runs[runs(outlines.start).start..runs(outlines.end - 1).end] {
            [] => 0..0,
            [(first, _), .., (last, _)] => first.start..last.end,
            [(only, _)] => only.clone(),
        }
    }

    /// How many pods of the classes of an outline are in a mask that starts at word `from`.
    fn weigh(&self, outline: OutlineId, mask: &[u64], from: usize) -> u64 {
        let shift = from * WORD;
        self.runs[self.of[outline].0.clone()]
            .iter()
            .map(|(run, weight)| count_ones(mask, run.start - shift..run.end - shift) * weight)
            .sum()
    }

    /// The lists that outlines mention, with their members in this order.
    fn masks(&self, program: &Program, outlines: &Outlines) -> Masks {
        let mut masks = Masks::default();
        for &(list, _) in outlines.all.iter().flat_map(|outline| &outline.rules) {
            masks.entry(list).or_insert_with(|| {
                let sets = &program.dense_members(list).sets;
                let reordered = sets.iter().map(|(truth, set)| {
                    let mut mask = vec![0; self.position.len().div_ceil(WORD)];
                    for class in set.iter() {
                        let position = self.position[ClassId::from_index(class)];
                        mask[position / WORD] |= 1 << (position % WORD);
                    }
                    (*truth, mask)
                });
                reordered.collect()
            });
        }
        masks
    }

    /// How many pods of the classes of an outline are in each region; the first one takes the rest.
    fn spread(&self, outline: OutlineId, regions: &[(SideId, Vec<u64>)], from: usize, spread: &mut Vec<u64>) {
        spread.clear();
        spread.push(self.of[outline].1);
        for (_, mask) in &regions[1..] {
            let pods = self.weigh(outline, mask, from);
            spread[0] -= pods;
            spread.push(pods);
        }
    }
}

type Masks = FxHashMap<PeersId, Vec<(ByFamily<Truth>, Vec<u64>)>>;

/// How many pairs of pods, each with itself among them, would have each cell if there were no exceptions.
pub(crate) fn outlined(rows: &mut Rows<'_>) -> IndexVec<CellId, u128> {
    let Rows { evaluator, ingress, egress, .. } = rows;
    let program = evaluator.program;
    let mut counts = IndexVec::new();
    if program.classes.is_empty() {
        return counts;
    }
    let (Usual { outlines: ingress, .. }, Usual { outlines: egress, .. }) = (ingress, egress);
    let sources = Order::new(program, Direction::Egress, egress);
    let destinations = Order::new(program, Direction::Ingress, ingress);
    // What is asked of a destination is asked by sources, and the other way round.
    let egress_masks = destinations.masks(program, egress);
    let ingress_masks = sources.masks(program, ingress);
    let words = program.classes.len().div_ceil(WORD);

    let step = (TOGETHER / ingress.all.len()).max(1);
    let mut spread = Vec::new();
    for start in (0..egress.all.len()).step_by(step) {
        let together = start..(start + step).min(egress.all.len());
        // For each of these egress outlines and each ingress outline: which sides it makes of how many pods.
        let mut sides: Interner<OutlineSide, SideId> = Interner::new();
        let mut made: Vec<(OutlineSide, u64)> = Vec::new();
        let mut ends: Vec<usize> = vec![0];
        for from in together.clone().map(OutlineId::from_index) {
            let regions = egress.regions(evaluator, from, 0..words, |list| &egress_masks[&list]);
            for to in ingress.all.ids() {
                destinations.spread(to, &regions, 0, &mut spread);
                let present = spread.iter().zip(&regions).filter(|&(&pods, _)| pods > 0);
                made.extend(present.map(|(&pods, &(side, _))| (sides.intern_owned(side), pods)));
                ends.push(made.len());
            }
        }
        let stretch = sources.stretch(&together);
        let stretch = stretch.start / WORD..stretch.end.div_ceil(WORD);
        for to in ingress.all.ids() {
            let regions = ingress.regions(evaluator, to, stretch.clone(), |list| &ingress_masks[&list]);
            let mut pairs = vec![0_u128; sides.len() * regions.len()];
            for (place, from) in together.clone().map(OutlineId::from_index).enumerate() {
                sources.spread(from, &regions, stretch.start, &mut spread);
                let at = place * ingress.all.len() + to.index();
                for &(side, pods) in &made[ends[at]..ends[at + 1]] {
                    let pairs = &mut pairs[side.index() * regions.len()..][..regions.len()];
                    for (pairs, &others) in pairs.iter_mut().zip(&spread) {
                        *pairs += u128::from(pods) * u128::from(others);
                    }
                }
            }
            for (pairs, (_, &from)) in pairs.chunks(regions.len()).zip(sides.enumerate()) {
                for (&count, &(to, _)) in pairs.iter().zip(&regions).filter(|&(&count, _)| count > 0) {
                    add(&mut counts, evaluator.join(from, to), count);
                }
            }
        }
    }
    counts
}

crate::define_id! { [pub(super)]
    /// A side that an egress outline has.
    OutlineSide,
}

fn add(counts: &mut IndexVec<CellId, u128>, cell: CellId, count: u128) {
    while counts.len() <= cell.index() {
        counts.push(0);
    }
    counts[cell] += count;
}
