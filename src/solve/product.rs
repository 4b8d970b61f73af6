//! Pairs of pods counted by how open they are, as far as templates go.
//!
//! All sources of one egress template see all destinations of one ingress template alike: some of the destinations in
//! this region of the one, some of the sources in that region of the other. Every source meets every destination, so
//! the pairs of two regions are a product, and what is counted is pods in regions, not pairs.

use std::collections::BTreeSet;
use std::ops::Range;

use rustc_hash::FxHashMap;

use super::evaluator::SideId;
use super::frames::{FrameId, SurroundingId};
use super::openness::{Openness, Opennesses};
use super::overrides::Half;
use super::regions::{Regions, Spread};
use super::row::Rows;
use super::template::{TemplateId, Templates};
use crate::compile::{ClassId, PeersId, Program};
use crate::index::{Id, IndexVec};
use crate::label::Truth;
use crate::net::{ByFamily, Direction};
use crate::set::Interner;

const WORD: usize = u64::BITS as usize;

/// The most pairs of templates, and of sides, that are held at once, to bound the memory.
const TOGETHER: usize = 1 << 20;

/// The number of pairs of sides up to which these are summed up even if few of them recur.
const FEW_SIDES: usize = 1 << 12;

/// Classes in an order in which those of equal templates stand together, and among those the ones of equal weight.
struct Order {
    position: IndexVec<ClassId, usize>,
    /// Stretches of equal template and weight, in order.
    runs: Vec<(Range<usize>, u64)>,
    /// The stretches of each template, and how many pods those are.
    of: IndexVec<TemplateId, (Range<usize>, u64)>,
}

impl Order {
    fn new(program: &Program, direction: Direction, templates: &Templates) -> Self {
        let mut classes: Vec<(TemplateId, u64, ClassId)> = program
            .classes
            .enumerate()
            .map(|(id, class)| (templates.of[class.signature[direction]], class.weight, id))
            .collect();
        classes.sort_unstable();
        let mut order =
            Self { position: vec![0; classes.len()].into(), runs: Vec::new(), of: IndexVec::default() };
        let mut start = 0;
        let mut runs = classes.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).peekable();
        // A program that has changed may have signatures without a class, and so templates without a run.
        for template in templates.all.ids() {
            let (first, mut pods) = (order.runs.len(), 0);
            while let Some(run) = runs.next_if(|run| run[0].0 == template) {
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

    /// The positions of the classes of a stretch of templates.
    fn stretch(&self, templates: &Range<usize>) -> Range<usize> {
        let runs = |template: usize| &self.of[TemplateId::from_index(template)].0;
        match &self.runs[runs(templates.start).start..runs(templates.end - 1).end] {
            [] => 0..0,
            [(first, _), .., (last, _)] => first.start..last.end,
            [(only, _)] => only.clone(),
        }
    }

    /// The lists that templates mention, with their members in this order.
    fn masks(&self, program: &Program, templates: &Templates) -> Masks {
        let mut masks = Masks::default();
        for &(list, _) in templates.all.iter().flat_map(|template| &template.rules) {
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

    /// The regions of surroundings that templates have, in this order.
    fn frames(&self, templates: &Templates) -> InOrder {
        let regional = templates.regional().collect::<BTreeSet<_>>();
        let reordered = regional
            .into_iter()
            .map(|id| (id, templates.surroundings.all[id].regions.reordered(self.position.as_slice())));
        reordered.collect()
    }

    /// Finds how many pods of the classes of a template are in each region of peers that begin with word `from`.
    fn spread(&self, template: TemplateId, regions: &Regions<SideId>, from: usize, spread: &mut Spread) {
        let (runs, pods) = &self.of[template];
        regions.spread(*pods, &self.runs[runs.clone()], from * WORD, spread);
    }
}

/// Dense lists in some order.
type Masks = FxHashMap<PeersId, Vec<(ByFamily<Truth>, Vec<u64>)>>;

/// The regions of surroundings in some order.
type InOrder = FxHashMap<SurroundingId, Regions<FrameId>>;

/// Counts how many pairs of pods, each with itself among them, would be how open if there were no overrides.
pub(crate) fn templated(rows: &mut Rows<'_>, mut count: impl FnMut(Openness, u128)) {
    let Rows { evaluator, ingress, egress, opennesses, .. } = rows;
    let program = evaluator.program;
    if program.classes.is_empty() {
        return;
    }
    let opennesses = opennesses.get_or_insert_with(|| Opennesses::new(evaluator));
    let (Half { templates: ingress, .. }, Half { templates: egress, .. }) = (ingress, egress);
    let sources = Order::new(program, Direction::Egress, egress);
    let destinations = Order::new(program, Direction::Ingress, ingress);
    // What is asked of a destination is asked by sources, and the other way round.
    let egress_masks = destinations.masks(program, egress);
    let ingress_masks = sources.masks(program, ingress);
    let (egress_frames, ingress_frames) = (destinations.frames(egress), sources.frames(ingress));
    let words = program.classes.len().div_ceil(WORD);

    let mut spread = Spread::default();
    let mut start = 0;
    while start < egress.all.len() {
        // For each of these egress templates and each ingress template: which sides it makes of how many pods.
        let mut sides: Interner<TemplateSide, SideId> = Interner::new();
        let mut made: Vec<(TemplateSide, u64)> = Vec::new();
        let mut ends: Vec<usize> = vec![0];
        let mut end = start;
        let is_room = |pairs: usize, made: usize| pairs + ingress.all.len() <= TOGETHER && made <= TOGETHER;
        while end == start || (end < egress.all.len() && is_room(ends.len(), made.len())) {
            let from = TemplateId::from_index(end);
            let (masks, frames) = (|list| &*egress_masks[&list], |id| &egress_frames[&id]);
            let regions = egress.regions(evaluator, from, 0..words, masks, frames);
            for to in ingress.all.ids() {
                destinations.spread(to, &regions, 0, &mut spread);
                let found = spread.found.iter();
                made.extend(found.map(|&(region, pods)| (sides.intern_owned(regions.values[region]), pods)));
                ends.push(made.len());
            }
            end += 1;
        }
        let together = start..end;
        let stretch = sources.stretch(&together);
        let stretch = stretch.start / WORD..stretch.end.div_ceil(WORD);
        for to in ingress.all.ids() {
            let (masks, frames) = (|list| &*ingress_masks[&list], |id| &ingress_frames[&id]);
            let regions = ingress.regions(evaluator, to, stretch.clone(), masks, frames);
            let count_of_regions = regions.values.len();
            // Pairs of sides are summed up first, unless there are so many that hardly any comes twice.
            let is_summed = sides.len() * count_of_regions <= FEW_SIDES.max(4 * together.len());
            let mut pairs = vec![0_u128; if is_summed { sides.len() * count_of_regions } else { 0 }];
            for (place, from) in together.clone().map(TemplateId::from_index).enumerate() {
                sources.spread(from, &regions, stretch.start, &mut spread);
                let at = place * ingress.all.len() + to.index();
                for &(side, pods) in &made[ends[at]..ends[at + 1]] {
                    for &(region, others) in &spread.found {
                        let product = u128::from(pods) * u128::from(others);
                        if is_summed {
                            pairs[side.index() * count_of_regions + region] += product;
                        } else {
                            count(opennesses.find(evaluator, sides[side], regions.values[region]), product);
                        }
                    }
                }
            }
            for (pairs, (_, &from)) in pairs.chunks(count_of_regions).zip(sides.enumerate()) {
                for (&pairs, &to) in pairs.iter().zip(&regions.values).filter(|&(&pairs, _)| pairs > 0) {
                    count(opennesses.of(evaluator, from, to), pairs);
                }
            }
        }
        start = end;
    }
}

crate::define_id! { [pub(super)]
    /// A side that an egress template has.
    TemplateSide,
}
