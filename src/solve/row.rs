//! Rows of the matrix by class, one source at a time.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

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
    cells: Option<(ClassId, Rc<Cells>)>,
    /// The classes of each ingress signature, and the signatures that let in sources they do not mention; made when
    /// cells are first asked for.
    destinations: Option<Rc<Destinations>>,
}

/// Where something may flow from one source, ascending; nothing flows anywhere else.
pub(crate) type Cells = Vec<(ClassId, CellId)>;

/// See [`Rows::destinations`].
#[derive(Debug)]
struct Destinations {
    members: IndexVec<SignatureId, Vec<ClassId>>,
    usually_open: Vec<SignatureId>,
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
        Self {
            evaluator,
            ingress,
            by_class: Sums::new(program.classes.len()),
            egress: None,
            cells: None,
            destinations: None,
        }
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

    /// Where something may flow from `source`. The work grows with that, and with what the source's policies mention.
    pub(crate) fn cells(&mut self, source: ClassId) -> Rc<Cells> {
        if let Some((known, cells)) = &self.cells
            && *known == source
        {
            return Rc::clone(cells);
        }
        let row = self.row(source);
        let program = self.evaluator.program;
        let ingress_of = |class: ClassId| program.classes[class].signature[Direction::Ingress];
        let special: FxHashMap<SignatureId, SideId> = row.ingress.iter().copied().collect();
        let mut cells: Cells = Vec::new();
        let mut mentioned: FxHashSet<ClassId> = FxHashSet::default();
        for &(class, egress) in &row.egress.exceptions {
            mentioned.insert(class);
            let signature = ingress_of(class);
            let ingress = special.get(&signature).copied().unwrap_or(self.ingress.sides[signature]);
            cells.push((class, self.evaluator.join(egress, ingress)));
        }
        if !self.evaluator.is_closed(row.egress.base) {
            let destinations = self.destinations();
            let usual = destinations.usually_open.iter().filter(|id| !special.contains_key(id));
            let usual = usual.map(|&id| (id, self.ingress.sides[id]));
            let sides: Vec<(SignatureId, SideId)> = usual.chain(row.ingress.iter().copied()).collect();
            for (signature, ingress) in sides {
                let cell = self.evaluator.join(row.egress.base, ingress);
                let members = destinations.members[signature].iter();
                cells.extend(members.filter(|class| !mentioned.contains(class)).map(|&class| (class, cell)));
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
            let program = evaluator.program;
            let mut members: IndexVec<SignatureId, Vec<ClassId>> =
                vec![Vec::new(); ingress.sides.len()].into();
            for (id, class) in program.classes.enumerate() {
                members[class.signature[Direction::Ingress]].push(id);
            }
            let sides = ingress.sides.enumerate();
            let usually_open =
                sides.filter(|(_, side)| !evaluator.is_closed(**side)).map(|(id, _)| id).collect();
            Rc::new(Destinations { members, usually_open })
        }))
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
