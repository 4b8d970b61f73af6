//! Rows of the matrix by class, one source at a time.

use std::rc::Rc;

use super::evaluator::{CellId, Evaluator, Peer, SideId};
use super::exceptions::{EgressRow, Sums, Usual};
use super::externals::{self, ExternalClass, ExternalId};
use crate::compile::{ClassId, Program, SignatureId};
use crate::index::IndexVec;
use crate::net::Direction;

/// Computes rows, remembering what consecutive sources share.
#[derive(Debug)]
pub(crate) struct Rows<'p> {
    pub(crate) evaluator: Evaluator<'p>,
    ingress: Usual,
    by_class: Sums<ClassId>,
    /// The last row of policies, and the last row of cells: consecutive sources often share them.
    egress: Option<(SignatureId, Rc<EgressRow>)>,
    cells: Option<(ClassId, Rc<IndexVec<ClassId, CellId>>)>,
}

/// Everything needed to read the row of one source.
pub(crate) struct Row {
    /// What the source's policies make of each class.
    pub(crate) egress: Rc<EgressRow>,
    /// What ingress signatures that mention the source make of it; each once.
    pub(crate) ingress: Vec<(SignatureId, SideId)>,
}

impl<'p> Rows<'p> {
    pub(crate) fn new(program: &'p Program<'p>) -> Self {
        let mut evaluator = Evaluator::new(program);
        let ingress = Usual::new(&mut evaluator, Direction::Ingress);
        Self { evaluator, ingress, by_class: Sums::new(program.classes.len()), egress: None, cells: None }
    }

    /// What each ingress signature makes of sources it does not mention.
    pub(crate) fn usual_ingress(&self) -> &IndexVec<SignatureId, SideId> {
        &self.ingress.sides
    }

    /// The row of a class.
    pub(crate) fn row(&mut self, source: ClassId) -> Row {
        let class = &self.evaluator.program.classes[source];
        let signature = class.signature[Direction::Egress];
        let egress = match self.egress.take() {
            Some((known, row)) if known == signature => row,
            _ => Rc::new(self.evaluator.egress_row(signature, &mut self.by_class)),
        };
        self.egress = Some((signature, Rc::clone(&egress)));
        let lists = class.peers.iter().copied();
        let peer = Peer::Class(source);
        let ingress = self.evaluator.exceptions(&mut self.ingress, peer, lists, class.families);
        Row { egress, ingress }
    }

    /// What may flow from `source` to every class, by class.
    pub(crate) fn cells(&mut self, source: ClassId) -> Rc<IndexVec<ClassId, CellId>> {
        if let Some((known, cells)) = &self.cells
            && *known == source
        {
            return Rc::clone(cells);
        }
        let row = self.row(source);
        let program = self.evaluator.program;
        let mut ingress = self.ingress.sides.clone();
        for &(signature, side) in &row.ingress {
            ingress[signature] = side;
        }
        let mut egress: IndexVec<ClassId, SideId> = vec![row.egress.base; program.classes.len()].into();
        for &(class, side) in &row.egress.exceptions {
            egress[class] = side;
        }
        let cells = egress
            .enumerate()
            .map(|(id, &egress)| {
                let signature = program.classes[id].signature[Direction::Ingress];
                self.evaluator.join(egress, ingress[signature])
            })
            .collect();
        let cells = Rc::new(cells);
        self.cells = Some((source, Rc::clone(&cells)));
        cells
    }

    /// Addresses outside the cluster, grouped by what may flow.
    pub(crate) fn externals(&mut self) -> IndexVec<ExternalId, ExternalClass> {
        externals::classes(&mut self.evaluator, &mut self.ingress)
    }

    /// What may flow between a class and a class of addresses; `direction` is the class's.
    pub(crate) fn external(
        &mut self,
        direction: Direction,
        class: ClassId,
        external: &ExternalClass,
    ) -> CellId {
        let signature = self.evaluator.program.classes[class].signature[direction];
        let sides = &external.sides[direction];
        let side = match sides.binary_search_by_key(&signature, |&(id, _)| id) {
            Ok(i) => sides[i].1,
            Err(_) => self.evaluator.side(direction, signature, Peer::Outside(external.family, &[])),
        };
        self.evaluator.alone(side, external.family)
    }
}
