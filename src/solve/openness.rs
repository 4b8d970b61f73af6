//! Openness of the connection between two sides, found without making a cell.
//!
//! Counting pairs by openness needs neither cells nor the port sets in them; where each pair of sides occurs once,
//! these would take memory for every pair. All port sets are unions, intersections and differences of those that
//! rules have, so they are made of whole *port atoms*, the ranges that the rules cut the ports into. Where there are
//! few atoms, a side is a row of bits, and two sides meet 64 atoms at a time, else range by range.

use rustc_hash::FxHashMap;

use super::evaluator::{CellId, Evaluator, Side, SideId};
use super::tiers::Bounds;
use crate::index::IndexVec;
use crate::net::{ByFamily, Family, PortSet, PortSetId, PortTable, Protocol};

/// The verdict on a connection between two pods over all ports, in one of four words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Openness {
    /// Every port of every protocol is allowed.
    Open,
    /// Some ports are allowed, none is unknown.
    Some,
    /// No port is allowed, none is unknown.
    None,
    /// At least one port is unknown.
    Unknown,
}

const WORD: usize = u64::BITS as usize;

/// The most words of atoms: a row is four times as long.
const MOST_WORDS: usize = 32;

/// The most pairs of sides that are remembered, at 12 bytes each.
const REMEMBERED: usize = 1 << 20;

/// Finds the openness of pairs of sides of one evaluator.
#[derive(Debug)]
pub(super) struct Opennesses {
    known: FxHashMap<(SideId, SideId), Openness>,
    atoms: Option<Atoms>,
    /// The sides that were asked about.
    rows: IndexVec<SideId, Row>,
}

#[derive(Clone, Debug)]
enum Row {
    Unasked,
    /// Not made of whole atoms, or there are too many.
    NoBits,
    Bits(Bits),
}

/// The atoms of a side.
#[derive(Clone, Debug)]
struct Bits {
    /// The atoms that it may allow in each family, and then those that it surely allows.
    words: Box<[u64]>,
    /// Set if the two are the same.
    is_sure: bool,
}

impl Opennesses {
    /// The atoms are those of the port sets that the evaluator knows by now.
    pub(super) fn new(evaluator: &Evaluator<'_>) -> Self {
        Self { known: FxHashMap::default(), atoms: Atoms::new(&evaluator.ports), rows: IndexVec::new() }
    }

    /// The openness of a pair that is asked about again and again.
    pub(super) fn of(&mut self, evaluator: &Evaluator<'_>, egress: SideId, ingress: SideId) -> Openness {
        if let Some(&known) = self.known.get(&(egress, ingress)) {
            return known;
        }
        let openness = self.find(evaluator, egress, ingress);
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert((egress, ingress), openness);
        openness
    }

    /// The openness of a pair that is asked about once.
    pub(super) fn find(&mut self, evaluator: &Evaluator<'_>, egress: SideId, ingress: SideId) -> Openness {
        let Self { atoms: Some(atoms), rows, .. } = self else { return evaluator.openness(egress, ingress) };
        for side in [egress, ingress] {
            while rows.get(side).is_none() {
                rows.push(Row::Unasked);
            }
            if matches!(rows[side], Row::Unasked) {
                rows[side] = atoms.row(&evaluator.ports, evaluator.side_bounds(side));
            }
        }
        match (&rows[egress], &rows[ingress]) {
            (Row::Bits(egress), Row::Bits(ingress)) => atoms.openness(egress, ingress),
            _ => evaluator.openness(egress, ingress),
        }
    }
}

/// The ranges that the port sets of a table cut the ports into.
#[derive(Debug)]
struct Atoms {
    /// By protocol: the first port of each atom, ascending, and how many atoms the protocols before it have.
    starts: [(Vec<u16>, usize); 3],
    /// Every atom.
    all: Box<[u64]>,
}

impl Atoms {
    /// The atoms, if there are few.
    fn new(table: &PortTable) -> Option<Self> {
        let mut before = 0;
        let starts = Protocol::ALL.map(|protocol| {
            let ranges = table.sets().flat_map(|set| set.of(protocol).ranges());
            let mut starts: Vec<u16> =
                ranges.flat_map(|&(first, last)| [Some(first), last.checked_add(1)]).flatten().collect();
            starts.sort_unstable();
            starts.dedup();
            before += starts.len();
            let earlier = before - starts.len();
            (starts, earlier)
        });
        let words = before.div_ceil(WORD);
        if words > MOST_WORDS {
            return None;
        }
        let mut all = vec![0; words].into_boxed_slice();
        (0..before).for_each(|atom| all[atom / WORD] |= 1 << (atom % WORD));
        Some(Self { starts, all })
    }

    fn row(&self, table: &PortTable, side: Side) -> Row {
        let words = self.all.len();
        let mut bits = vec![0; 4 * words].into_boxed_slice();
        let sets = Family::ALL.map(|family| side[family].may).into_iter();
        let sets = sets.chain(Family::ALL.map(|family| side[family].must));
        for (set, bits) in sets.zip(bits.chunks_mut(words.max(1))) {
            if !self.add(table.get(set), bits) {
                return Row::NoBits;
            }
        }
        let is_sure = Family::ALL.into_iter().all(|family| side[family].must == side[family].may);
        Row::Bits(Bits { words: bits, is_sure })
    }

    /// Sets the bits of a port set; fails if it is not made of whole atoms.
    fn add(&self, set: &PortSet, bits: &mut [u64]) -> bool {
        Protocol::ALL.into_iter().zip(&self.starts).all(|(protocol, (starts, earlier))| {
            set.of(protocol).ranges().iter().all(|&(first, last)| {
                let end = match last.checked_add(1) {
                    Some(next) => starts.binary_search(&next),
                    None => Ok(starts.len()),
                };
                let (Ok(start), Ok(end)) = (starts.binary_search(&first), end) else { return false };
                (earlier + start..earlier + end).for_each(|atom| bits[atom / WORD] |= 1 << (atom % WORD));
                true
            })
        })
    }

    fn openness(&self, egress: &Bits, ingress: &Bits) -> Openness {
        let words = self.all.len();
        let is_sure = egress.is_sure && ingress.is_sure;
        let (mut some, mut unknown, mut lacking) = (0, 0, 0);
        for (word, all) in self.all.iter().enumerate() {
            let meet = |place: usize| egress.words[place] & ingress.words[place];
            let may = meet(word) | meet(words + word);
            let must = if is_sure { may } else { meet(2 * words + word) | meet(3 * words + word) };
            some |= may;
            unknown |= may ^ must;
            lacking |= all & !must;
        }
        match (unknown, some, lacking) {
            (0, 0, _) => Openness::None,
            (0, _, 0) => Openness::Open,
            (0, ..) => Openness::Some,
            _ => Openness::Unknown,
        }
    }
}

impl Evaluator<'_> {
    /// The openness of a pair of sides, by their ranges.
    fn openness(&self, egress: SideId, ingress: SideId) -> Openness {
        let (from, to) = (self.side_bounds(egress), self.side_bounds(ingress));
        let meet = |bound: fn(Bounds) -> PortSetId| {
            let ports = |side: ByFamily<Bounds>, family| self.ports.get(bound(side[family]));
            let by_family = Family::ALL.map(|family| ports(from, family).intersection(ports(to, family)));
            by_family[0].union(&by_family[1])
        };
        let must = meet(|bounds| bounds.must);
        let is_sure =
            Family::ALL.into_iter().all(|family| [from, to].iter().all(|side| side[family].is_sure()));
        if !is_sure && meet(|bounds| bounds.may) != must {
            Openness::Unknown
        } else if must.is_empty() {
            Openness::None
        } else if must.is_full() {
            Openness::Open
        } else {
            Openness::Some
        }
    }

    /// The openness of a cell.
    pub(crate) fn cell_openness(&self, id: CellId) -> Openness {
        let bounds = self.cell(id);
        if !bounds.is_sure() {
            Openness::Unknown
        } else if bounds.must == self.ports.full() {
            Openness::Open
        } else if bounds.may == self.ports.empty() {
            Openness::None
        } else {
            Openness::Some
        }
    }
}
