//! Rows of the matrix by class, one source at a time.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::evaluator::{CellId, Evaluator, Peer, SideId};
use super::exceptions::{Exception, Sums, Usual};
use super::externals::{self, ExternalClass, ExternalId};
use super::outline::OutlineId;
use crate::compile::{ClassId, Program, SignatureId};
use crate::index::IndexVec;
use crate::net::{Direction, Family};

/// Computes rows, remembering what consecutive sources share.
#[derive(Debug)]
pub(crate) struct Rows<'p> {
    pub(crate) evaluator: Evaluator<'p>,
    pub(super) ingress: Usual,
    pub(super) egress: Usual,
    by_class: Sums<ClassId>,
    /// The last row of policies, and the last row of cells: consecutive sources often share them.
    last: Option<(SignatureId, Rc<Vec<Exception<ClassId>>>)>,
    cells: Option<(ClassId, Rc<Cells>)>,
    /// Made when cells are first asked for.
    destinations: Option<Rc<Destinations>>,
}

/// Where something may flow from one source, ascending; nothing flows anywhere else.
pub(crate) type Cells = Vec<(ClassId, CellId)>;

/// Who is where on the ingress side.
#[derive(Debug)]
struct Destinations {
    /// The signatures of each outline.
    signatures: IndexVec<OutlineId, Vec<SignatureId>>,
    /// The classes of each signature.
    members: IndexVec<SignatureId, Vec<ClassId>>,
}

/// What is special about the row of one source.
pub(crate) struct Row {
    /// What the source's policies make of classes, where their outline does not say so; each once.
    pub(crate) egress: Rc<Vec<Exception<ClassId>>>,
    /// What ingress signatures make of the source, where their outlines do not say so; each once.
    pub(crate) ingress: Vec<Exception<SignatureId>>,
}

impl<'p> Rows<'p> {
    pub(crate) fn new(program: &'p Program) -> Self {
        let mut evaluator = Evaluator::new(program);
        Self {
            ingress: Usual::new(&mut evaluator, Direction::Ingress),
            egress: Usual::new(&mut evaluator, Direction::Egress),
            evaluator,
            by_class: Sums::new(program.classes.len()),
            last: None,
            cells: None,
            destinations: None,
        }
    }

    /// What is special about the row of a class.
    pub(crate) fn row(&mut self, source: ClassId) -> Row {
        let signature = self.evaluator.program.classes[source].signature.egress;
        let egress = match self.last.take() {
            Some((known, row)) if known == signature => row,
            _ => Rc::new(self.evaluator.egress_exceptions(&mut self.egress, signature, &mut self.by_class)),
        };
        self.last = Some((signature, Rc::clone(&egress)));
        Row { egress, ingress: self.evaluator.ingress_exceptions(&mut self.ingress, source) }
    }

    /// What the outline of a signature makes of a class.
    pub(crate) fn usual(&mut self, direction: Direction, signature: SignatureId, peer: ClassId) -> SideId {
        let outlines = match direction {
            Direction::Ingress => &mut self.ingress.outlines,
            Direction::Egress => &mut self.egress.outlines,
        };
        outlines.at(&mut self.evaluator, outlines.of[signature], peer)
    }

    /// What a signature makes of every class, if its outline makes the same of all.
    pub(crate) fn even(&self, direction: Direction, signature: SignatureId) -> Option<SideId> {
        let outlines = match direction {
            Direction::Ingress => &self.ingress.outlines,
            Direction::Egress => &self.egress.outlines,
        };
        let outline = &outlines.all[outlines.of[signature]];
        outline.rules.is_empty().then_some(outline.base)
    }

    /// Where something may flow from `source`. The work grows with that, and with what the source's policies mention.
    pub(crate) fn cells(&mut self, source: ClassId) -> Rc<Cells> {
        if let Some((known, cells)) = &self.cells
            && *known == source
        {
            return Rc::clone(cells);
        }
        let row = self.row(source);
        let program = self.evaluator.program;
        let special: FxHashMap<SignatureId, SideId> =
            row.ingress.iter().map(|exception| (exception.of, exception.actual)).collect();
        let mut cells: Cells = Vec::new();
        let mut mentioned: FxHashSet<ClassId> = FxHashSet::default();
        for exception in &*row.egress {
            mentioned.insert(exception.of);
            let signature = program.classes[exception.of].signature.ingress;
            let ingress = match special.get(&signature) {
                Some(&side) => side,
                None => self.usual(Direction::Ingress, signature, source),
            };
            cells.push((exception.of, self.evaluator.join(exception.actual, ingress)));
        }
        let signature = program.classes[source].signature.egress;
        let even = self.even(Direction::Egress, signature);
        if even.is_none_or(|side| !self.evaluator.is_closed(side)) {
            let destinations = self.destinations();
            let mut open: Vec<(SignatureId, SideId)> =
                row.ingress.iter().map(|exception| (exception.of, exception.actual)).collect();
            for (outline, signatures) in destinations.signatures.enumerate() {
                let side = self.ingress.outlines.at(&mut self.evaluator, outline, source);
                if !self.evaluator.is_closed(side) {
                    let usual = signatures.iter().filter(|id| !special.contains_key(id));
                    open.extend(usual.map(|&id| (id, side)));
                }
            }
            for (id, ingress) in open {
                let members = destinations.members[id].iter();
                for &class in members.filter(|class| !mentioned.contains(class)) {
                    let egress = even.unwrap_or_else(|| self.usual(Direction::Egress, signature, class));
                    cells.push((class, self.evaluator.join(egress, ingress)));
                }
            }
        }
        let closed = self.evaluator.closed();
        cells.retain(|&(_, cell)| cell != closed);
        cells.sort_unstable();
        let cells = Rc::new(cells);
        self.cells = Some((source, Rc::clone(&cells)));
        cells
    }

    fn destinations(&mut self) -> Rc<Destinations> {
        let Self { evaluator, ingress, destinations, .. } = self;
        Rc::clone(destinations.get_or_insert_with(|| {
            let outlines = &ingress.outlines;
            let mut signatures: IndexVec<OutlineId, Vec<SignatureId>> =
                vec![Vec::new(); outlines.all.len()].into();
            for (id, &outline) in outlines.of.enumerate() {
                signatures[outline].push(id);
            }
            let mut members: IndexVec<SignatureId, Vec<ClassId>> = vec![Vec::new(); outlines.of.len()].into();
            for (id, class) in evaluator.program.classes.enumerate() {
                members[class.signature.ingress].push(id);
            }
            Rc::new(Destinations { signatures, members })
        }))
    }

    /// Addresses outside the cluster, grouped by what may flow.
    pub(crate) fn externals(&mut self) -> IndexVec<ExternalId, ExternalClass> {
        externals::classes(&mut self.evaluator, [&mut self.ingress, &mut self.egress])
    }

    /// What may flow between a class and a class of addresses; `direction` is the class's.
    pub(crate) fn external(
        &mut self,
        direction: Direction,
        class: ClassId,
        external: &ExternalClass,
    ) -> CellId {
        let signature = self.evaluator.program.classes[class].signature[direction];
        self.outside(direction, signature, external)
    }

    /// What may flow between pods of a signature and a class of addresses.
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

    /// What may flow between pods of a signature and addresses that no block holds.
    pub(crate) fn outside_usually(
        &mut self,
        direction: Direction,
        signature: SignatureId,
        family: Family,
    ) -> CellId {
        let side = self.evaluator.side(direction, signature, Peer::Outside(family, &[]));
        self.evaluator.alone(side, family)
    }
}
