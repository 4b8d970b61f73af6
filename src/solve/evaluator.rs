//! One side of a connection, and both sides put together, over classes and interned results.

use std::net::IpAddr;

use rustc_hash::FxHashMap;

use super::tiers::{Bounds, Deciding, MatchingRule, decide};
use crate::compile::{ClassId, CompiledPolicy, CompiledRule, PeersId, Program, Resolution, SignatureId};
use crate::label::Truth;
use crate::net::{ByFamily, Direction, Family, PortSetId, PortTable, address_number};
use crate::set::Interner;

crate::define_id! { [pub(crate)]
    /// An interned [`Side`].
    SideId,
    /// Interned [`Bounds`] of a whole connection.
    CellId,
}

/// What one side allows in each family; nothing where the subject has no address.
pub(crate) type Side = ByFamily<Bounds>;

/// The other end, as a side sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Peer<'a> {
    /// Somebody whom no list of peers mentions: only rules without `from` or `to` match.
    Unmentioned,
    /// A class of pods.
    Class(ClassId),
    /// An address outside the cluster.
    Address(IpAddr),
    /// Addresses of one family outside the cluster: the peer lists whose blocks hold them, ascending.
    Outside(Family, &'a [PeersId]),
}

/// Evaluates a program, remembering every distinct intermediate result.
#[derive(Debug)]
pub(crate) struct Evaluator<'p> {
    pub(crate) program: &'p Program<'p>,
    pub(crate) ports: PortTable,
    sides: Interner<SideId, Side>,
    cells: Interner<CellId, Bounds>,
    joined: FxHashMap<(SideId, SideId), CellId>,
    open: CellId,
}

/// The rows of one signature: what it makes of everybody, and of those it treats otherwise.
#[derive(Clone, Debug)]
pub(crate) struct EgressRow {
    pub(crate) base: SideId,
    /// Ascending.
    pub(crate) exceptions: Vec<(ClassId, SideId)>,
}

impl<'p> Evaluator<'p> {
    pub(crate) fn new(program: &'p Program<'p>) -> Self {
        let ports = program.ports.clone();
        let mut cells = Interner::new();
        let open = cells.intern_owned(Bounds { must: ports.full(), may: ports.full() });
        Self { program, ports, sides: Interner::new(), cells, joined: FxHashMap::default(), open }
    }

    /// What the policies of a signature make of a peer, seen from its subjects.
    pub(crate) fn side(&mut self, direction: Direction, id: SignatureId, peer: Peer<'_>) -> SideId {
        let nothing = Bounds { must: self.ports.empty(), may: self.ports.empty() };
        let mut side = ByFamily { v4: nothing, v6: nothing };
        let signature = &self.program.signatures[direction][id];
        for family in Family::ALL {
            let exists = signature.families[family]
                && match peer {
                    Peer::Unmentioned => true,
                    Peer::Class(class) => self.program.classes[class].families[family],
                    Peer::Address(address) => Family::of(address) == family,
                    Peer::Outside(outside, _) => outside == family,
                };
            if exists {
                side[family] = self.bounds(direction, id, peer, family);
            }
        }
        self.sides.intern_owned(side)
    }

    fn bounds(&mut self, direction: Direction, id: SignatureId, peer: Peer<'_>, family: Family) -> Bounds {
        let program = self.program;
        let signature = &program.signatures[direction][id];
        let mut deciding = Vec::with_capacity(signature.policies.len());
        for &(policy_id, selects) in &signature.policies {
            let policy: &CompiledPolicy =
                program.policies[policy_id].as_ref().expect("a deciding policy is in force");
            let mut rules = Vec::new();
            for rule in &policy.rules[direction] {
                let matches = match (rule.peers, peer) {
                    (None, _) => Truth::Yes,
                    (Some(_), Peer::Unmentioned) => Truth::No,
                    (Some(list), Peer::Class(class)) => program.classes[class].matched_by(list)[family],
                    (Some(list), Peer::Address(address)) => {
                        Truth::from_bool(program.peers[list].blocks[family].contains(address_number(address)))
                    }
                    (Some(list), Peer::Outside(_, lists)) => {
                        Truth::from_bool(lists.binary_search(&list).is_ok())
                    }
                };
                if matches.possible() {
                    let resolution = match (direction, peer) {
                        (Direction::Ingress, _) => signature.resolution.map(|id| &program.resolutions[id]),
                        (Direction::Egress, Peer::Class(class)) => {
                            let class = &program.classes[class];
                            let namespace = match program.cluster.policies[policy_id].subject.namespaces {
                                crate::policy::NamespaceMatch::One(namespace) => Some(namespace),
                                crate::policy::NamespaceMatch::Labels(_) => None,
                            };
                            let resolves = class.resolves_in.is_none() || class.resolves_in == namespace;
                            resolves.then_some(&program.resolutions[class.resolution])
                        }
                        (Direction::Egress, _) => None,
                    };
                    let ports = self.rule_ports(rule, resolution, direction);
                    rules.push(MatchingRule { action: rule.action, ports, sure: matches.sure() });
                }
            }
            deciding.push(Deciding {
                tier: policy.tier,
                priority: policy.priority,
                sure: selects.sure(),
                rules,
            });
        }
        decide(&mut self.ports, &deciding)
    }

    fn rule_ports(
        &mut self,
        rule: &CompiledRule,
        resolution: Option<&Resolution>,
        direction: Direction,
    ) -> PortSetId {
        let mut ports = rule.ports.fixed;
        if let Some(resolution) = resolution {
            for named in rule.ports.resolve(resolution, direction, self.program.semantics) {
                let named = self.ports.id(named.clone());
                ports = self.ports.union(ports, named);
            }
        }
        ports
    }

    /// Both sides of a connection: allowed in one of the families that both ends have (R45).
    pub(crate) fn join(&mut self, egress: SideId, ingress: SideId) -> CellId {
        if let Some(&cell) = self.joined.get(&(egress, ingress)) {
            return cell;
        }
        let (from, to) = (self.sides[egress], self.sides[ingress]);
        let mut cell = Bounds { must: self.ports.empty(), may: self.ports.empty() };
        for family in Family::ALL {
            let must = self.ports.intersection(from[family].must, to[family].must);
            let may = self.ports.intersection(from[family].may, to[family].may);
            cell = Bounds { must: self.ports.union(cell.must, must), may: self.ports.union(cell.may, may) };
        }
        let id = self.cells.intern_owned(cell);
        self.joined.insert((egress, ingress), id);
        id
    }

    /// A connection whose other end has no side of its own: an address outside (R5).
    pub(crate) fn alone(&mut self, side: SideId, family: Family) -> CellId {
        let bounds = self.sides[side][family];
        self.cells.intern_owned(bounds)
    }

    /// Both sides of a connection between two classes.
    pub(crate) fn between(&mut self, from: ClassId, to: ClassId) -> CellId {
        let (source, destination) = (&self.program.classes[from], &self.program.classes[to]);
        let egress = self.side(Direction::Egress, source.signature[Direction::Egress], Peer::Class(to));
        let ingress =
            self.side(Direction::Ingress, destination.signature[Direction::Ingress], Peer::Class(from));
        self.join(egress, ingress)
    }

    /// A connection from a hostNetwork pod to a pod on its node: neither side is asked (R50, R51).
    pub(crate) fn exempt(&mut self, from: ClassId, to: ClassId) -> CellId {
        if self.program.connectable(from, to) { self.open } else { self.closed() }
    }

    /// Every port allowed.
    pub(crate) fn open(&self) -> CellId {
        self.open
    }

    /// No port allowed or unknown.
    pub(crate) fn closed(&mut self) -> CellId {
        let nothing = self.ports.empty();
        self.cells.intern_owned(Bounds { must: nothing, may: nothing })
    }

    pub(crate) fn cell(&self, id: CellId) -> Bounds {
        self.cells[id]
    }

    /// What a signature makes of every class as destination.
    pub(crate) fn egress_row(&mut self, id: SignatureId) -> EgressRow {
        let program = self.program;
        let base = self.side(Direction::Egress, id, Peer::Unmentioned);
        let mut mentioned: Vec<ClassId> = Vec::new();
        for &(policy, _) in &program.signatures[Direction::Egress][id].policies {
            for rule in
                &program.policies[policy].as_ref().expect("a deciding policy is in force").rules.egress
            {
                match rule.peers {
                    Some(list) => {
                        mentioned.extend(program.peers[list].classes.iter().map(|&(class, _)| class));
                    }
                    None if rule.ports.named.is_empty() => {}
                    None => mentioned.extend(program.classes.enumerate().filter_map(|(class, facts)| {
                        program.resolutions[facts.resolution].declares_any(&rule.ports.named).then_some(class)
                    })),
                }
            }
        }
        mentioned.sort_unstable();
        mentioned.dedup();
        let exceptions = mentioned
            .into_iter()
            .map(|class| (class, self.side(Direction::Egress, id, Peer::Class(class))))
            .collect();
        EgressRow { base, exceptions }
    }

    /// The ingress signatures that mention a source, ascending.
    pub(crate) fn mentioned_by(
        &self,
        lists: impl Iterator<Item = PeersId>,
        direction: Direction,
    ) -> Vec<SignatureId> {
        let mut signatures: Vec<SignatureId> = lists
            .flat_map(|list| &self.program.peers[list].uses[direction])
            .flat_map(|&policy| &self.program.deciding[policy][direction])
            .copied()
            .collect();
        signatures.sort_unstable();
        signatures.dedup();
        signatures
    }
}
