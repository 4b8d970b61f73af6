//! Rows and columns of the matrix by class, one at a time.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::evaluator::{CellId, Evaluator, SideId};
use super::externals::{self, ExternalClass, ExternalId};
use super::openness::{Openness, Opennesses};
use super::overrides::{Half, Override, Sums};
use super::template::TemplateId;
use crate::compile::{ClassId, Program, SignatureId};
use crate::index::IndexVec;
use crate::net::{ByDirection, Direction, Family};

/// Computes rows and columns, remembering what consecutive ones share.
///
/// A row is everything *from* a class, a column everything *to* it. Both are lines: seen from the class at their head,
/// one direction is decided by the policies of the head, the other one by those of everybody else.
#[derive(Debug)]
pub(crate) struct Rows<'p> {
    pub(crate) evaluator: Evaluator<'p>,
    pub(super) ingress: Half,
    pub(super) egress: Half,
    /// Made when pairs are first counted.
    pub(super) opennesses: Option<Opennesses>,
    by_class: Sums<ClassId>,
    /// The last overrides of a signature, and the last row of cells: consecutive lines often share them.
    last: ByDirection<Option<(SignatureId, Rc<Own>)>>,
    cells: Option<(ClassId, Rc<Cells>)>,
    /// Made when cells are first asked for.
    others: ByDirection<Option<Rc<Others>>>,
}

/// Between the head of a line and whom something may flow, ascending; nothing flows anywhere else.
pub(crate) type Cells = Vec<(ClassId, CellId)>;

/// The overrides of one signature, by class.
type Own = Vec<Override<ClassId>>;

/// The signatures and classes of a direction, by the template and signature that they have.
#[derive(Debug)]
struct Others {
    /// The signatures of each template.
    signatures: IndexVec<TemplateId, Vec<SignatureId>>,
    /// The classes of each signature.
    members: IndexVec<SignatureId, Vec<ClassId>>,
}

/// The overrides along the line of one class.
pub(crate) struct Line {
    /// The classes for which the head's signature overrides its template; each once.
    pub(crate) own: Rc<Own>,
    /// The signatures of the other direction that override their templates for the head; each once.
    pub(crate) theirs: Vec<Override<SignatureId>>,
}

impl<'p> Rows<'p> {
    pub(crate) fn new(program: &'p Program) -> Self {
        let mut evaluator = Evaluator::new(program);
        Self {
            ingress: Half::new(&mut evaluator, Direction::Ingress),
            egress: Half::new(&mut evaluator, Direction::Egress),
            evaluator,
            opennesses: None,
            by_class: Sums::new(program.classes.len()),
            last: ByDirection::default(),
            cells: None,
            others: ByDirection::default(),
        }
    }

    /// Finds the overrides along everything from a class (`Egress`) or to it (`Ingress`).
    pub(crate) fn line(&mut self, direction: Direction, head: ClassId) -> Line {
        let Self { evaluator, ingress, egress, by_class, last, .. } = self;
        let (own, theirs) = match direction {
            Direction::Ingress => (ingress, egress),
            Direction::Egress => (egress, ingress),
        };
        let signature = evaluator.program.classes[head].signature[direction];
        let line = match last[direction].take() {
            Some((known, line)) if known == signature => line,
            _ => Rc::new(evaluator.overrides_of(own, signature, by_class)),
        };
        last[direction] = Some((signature, Rc::clone(&line)));
        Line { own: line, theirs: evaluator.overrides_about(theirs, head) }
    }

    /// The side of a signature's template towards a class.
    pub(crate) fn usual(&mut self, direction: Direction, signature: SignatureId, peer: ClassId) -> SideId {
        let templates = match direction {
            Direction::Ingress => &mut self.ingress.templates,
            Direction::Egress => &mut self.egress.templates,
        };
        templates.at(&mut self.evaluator, templates.of[signature], peer)
    }

    /// The openness of the connection between two sides.
    pub(crate) fn openness(&mut self, egress: SideId, ingress: SideId) -> Openness {
        let opennesses = self.opennesses.get_or_insert_with(|| Opennesses::new(&self.evaluator));
        opennesses.of(&self.evaluator, egress, ingress)
    }

    /// The side of a signature's template towards every class, if it is the same.
    pub(crate) fn uniform(&mut self, direction: Direction, signature: SignatureId) -> Option<SideId> {
        let Self { evaluator, ingress, egress, .. } = self;
        let templates = match direction {
            Direction::Ingress => &mut ingress.templates,
            Direction::Egress => &mut egress.templates,
        };
        templates.uniform(evaluator, templates.of[signature])
    }

    /// The sides of a signature towards classes: one for most of them, and the classes with another one; ascending.
    pub(crate) fn factor(
        &mut self,
        direction: Direction,
        signature: SignatureId,
    ) -> (SideId, Vec<(ClassId, SideId)>) {
        let uniform = self.uniform(direction, signature);
        let Self { evaluator, ingress, egress, by_class, .. } = self;
        let own = match direction {
            Direction::Ingress => ingress,
            Direction::Egress => egress,
        };
        // A list of all pods makes classes uniform, and holds no address outside.
        let parts = own.templates.parts_outside(signature);
        let base = own.templates.side(evaluator, parts);
        let mut otherwise: FxHashMap<ClassId, SideId> = FxHashMap::default();
        if uniform != Some(base) {
            let template = own.templates.of[signature];
            for class in evaluator.program.classes.ids() {
                otherwise.insert(class, own.templates.at(evaluator, template, class));
            }
        }
        for exception in evaluator.overrides_of(own, signature, by_class) {
            otherwise.insert(exception.of, exception.actual);
        }
        let mut otherwise: Vec<(ClassId, SideId)> =
            otherwise.into_iter().filter(|&(_, side)| side != base).collect();
        otherwise.sort_unstable();
        (base, otherwise)
    }

    /// The cells from `source` that allow anything. The work grows with their number, and with the classes that the
    /// source's policies mention.
    pub(crate) fn cells(&mut self, source: ClassId) -> Rc<Cells> {
        if let Some((known, cells)) = &self.cells
            && *known == source
        {
            return Rc::clone(cells);
        }
        let cells = Rc::new(self.cells_along(Direction::Egress, source, |_| true));
        self.cells = Some((source, Rc::clone(&cells)));
        cells
    }

    /// The cells from a class (`Egress`), or to it (`Ingress`), that allow anything, for other ends that are wanted.
    pub(crate) fn cells_along(
        &mut self,
        direction: Direction,
        head: ClassId,
        wanted: impl Fn(ClassId) -> bool,
    ) -> Cells {
        let line = self.line(direction, head);
        let program = self.evaluator.program;
        let across = direction.other();
        let special: FxHashMap<SignatureId, SideId> =
            line.theirs.iter().map(|exception| (exception.of, exception.actual)).collect();
        let mut cells: Cells = Vec::new();
        let mut mentioned: FxHashSet<ClassId> = FxHashSet::default();
        for exception in &*line.own {
            mentioned.insert(exception.of);
            if !wanted(exception.of) {
                continue;
            }
            let signature = program.classes[exception.of].signature[across];
            let theirs = match special.get(&signature) {
                Some(&side) => side,
                None => self.usual(across, signature, head),
            };
            cells.push((exception.of, self.join_along(direction, exception.actual, theirs)));
        }
        let signature = program.classes[head].signature[direction];
        let uniform = self.uniform(direction, signature);
        if uniform.is_none_or(|side| !self.evaluator.is_closed(side)) {
            let others = self.others(across);
            let mut open: Vec<(SignatureId, SideId)> =
                line.theirs.iter().map(|exception| (exception.of, exception.actual)).collect();
            for (template, signatures) in others.signatures.enumerate() {
                let templates = match across {
                    Direction::Ingress => &mut self.ingress.templates,
                    Direction::Egress => &mut self.egress.templates,
                };
                let side = templates.at(&mut self.evaluator, template, head);
                if !self.evaluator.is_closed(side) {
                    let usual = signatures.iter().filter(|id| !special.contains_key(id));
                    open.extend(usual.map(|&id| (id, side)));
                }
            }
            for (id, theirs) in open {
                let members = others.members[id].iter();
                for &class in members.filter(|class| wanted(**class) && !mentioned.contains(class)) {
                    let own = uniform.unwrap_or_else(|| self.usual(direction, signature, class));
                    cells.push((class, self.join_along(direction, own, theirs)));
                }
            }
        }
        let closed = self.evaluator.closed();
        cells.retain(|&(_, cell)| cell != closed);
        cells.sort_unstable();
        cells
    }

    /// The two sides of a connection; the first one is that of `direction`.
    fn join_along(&mut self, direction: Direction, own: SideId, theirs: SideId) -> CellId {
        match direction {
            Direction::Egress => self.evaluator.join(own, theirs),
            Direction::Ingress => self.evaluator.join(theirs, own),
        }
    }

    fn others(&mut self, direction: Direction) -> Rc<Others> {
        let Self { evaluator, ingress, egress, others, .. } = self;
        Rc::clone(others[direction].get_or_insert_with(|| {
            let templates = match direction {
                Direction::Ingress => &ingress.templates,
                Direction::Egress => &egress.templates,
            };
            let mut signatures: IndexVec<TemplateId, Vec<SignatureId>> =
                vec![Vec::new(); templates.all.len()].into();
            for (id, &template) in templates.of.enumerate() {
                signatures[template].push(id);
            }
            let mut members: IndexVec<SignatureId, Vec<ClassId>> =
                vec![Vec::new(); templates.of.len()].into();
            for (id, class) in evaluator.program.classes.enumerate() {
                members[class.signature[direction]].push(id);
            }
            Rc::new(Others { signatures, members })
        }))
    }

    /// Addresses outside the cluster, grouped by what may flow.
    pub(crate) fn externals(&mut self) -> IndexVec<ExternalId, ExternalClass> {
        externals::classes(&mut self.evaluator, [&mut self.ingress, &mut self.egress])
    }

    /// The cell of a class and a class of addresses; `direction` is the class's.
    pub(crate) fn external(
        &mut self,
        direction: Direction,
        class: ClassId,
        external: &ExternalClass,
    ) -> CellId {
        let signature = self.evaluator.program.classes[class].signature[direction];
        self.outside(direction, signature, external)
    }

    /// The cell of pods of a signature and a class of addresses.
    pub(crate) fn outside(
        &mut self,
        direction: Direction,
        signature: SignatureId,
        external: &ExternalClass,
    ) -> CellId {
        let sides = &external.sides[direction];
        match sides.binary_search_by_key(&signature, |&(id, _)| id) {
            Ok(i) => self.evaluator.alone(sides[i].1, external.family),
            Err(_) => self.outside_usually(direction, signature, external.family),
        }
    }

    /// The cell of pods of a signature and addresses that no block holds.
    pub(crate) fn outside_usually(
        &mut self,
        direction: Direction,
        signature: SignatureId,
        family: Family,
    ) -> CellId {
        let Self { evaluator, ingress, egress, .. } = self;
        let half = match direction {
            Direction::Ingress => ingress,
            Direction::Egress => egress,
        };
        let side = half.outside(evaluator, signature, family);
        evaluator.alone(side, family)
    }
}
