//! One side of a connection, and both sides put together, over classes and interned results.

use std::net::IpAddr;

use rustc_hash::FxHashMap;

use super::Connectivity;
use super::tiers::{Bounds, Deciding, MatchingRule, Outcomes};
use crate::compile::{
    ClassId, CompiledRule, HomeId, PeersId, Program, Resolution, ResolutionId, Signature, SignatureId,
};
use crate::label::Truth;
use crate::net::{ByFamily, Direction, Family, PortSetId, PortTable};
use crate::policy::{NamespaceMatch, PolicyId};
use crate::set::Interner;

crate::define_id! { [pub(crate)]
    /// An interned [`Side`].
    SideId,
    /// Interned [`Bounds`] of a whole connection.
    CellId,
}

/// The ports that one side allows in each family; none where an end has no address.
pub(crate) type Side = ByFamily<Bounds>;

/// The other end, as a side sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Peer<'a> {
    /// A peer that no peer list matches: only rules without `from` or `to` match.
    Unmentioned,
    /// Pods that these lists match so surely, and no others; ascending. Named ports are not theirs.
    Listed(&'a [(PeersId, ByFamily<Truth>)]),
    /// A class of pods.
    Class(ClassId),
    /// An address outside the cluster.
    Address(IpAddr),
    /// Addresses of one family outside the cluster: the peer lists that match them, and how surely; ascending.
    Outside(Family, &'a [(PeersId, Truth)]),
}

/// Policies that select some subjects in a direction, and how surely, in evaluation order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Policies<'a> {
    pub(super) direction: Direction,
    pub(super) selecting: &'a [(PolicyId, Truth)],
    /// For ingress with named ports: how the subjects resolve them.
    pub(super) resolution: Option<ResolutionId>,
    /// The home of the subjects, if a rule asks for it.
    pub(super) home: Option<HomeId>,
}

/// Evaluates a program, remembering every distinct intermediate result.
#[derive(Debug)]
pub(crate) struct Evaluator<'p> {
    pub(crate) program: &'p Program,
    pub(crate) ports: PortTable,
    pub(super) sides: Interner<SideId, Side>,
    cells: Interner<CellId, Bounds>,
    joined: FxHashMap<(SideId, SideId), CellId>,
    open: CellId,
}

/// The results that an evaluator remembers, by content: they stay true when the program changes.
#[derive(Debug)]
pub(crate) struct Memo {
    sides: Interner<SideId, Side>,
    cells: Interner<CellId, Bounds>,
    joined: FxHashMap<(SideId, SideId), CellId>,
    open: CellId,
}

impl Memo {
    /// Nothing yet.
    pub(crate) fn new(ports: &PortTable) -> Self {
        let mut cells = Interner::new();
        let open = cells.intern_owned(Bounds::of(ports.full()));
        Self { sides: Interner::new(), cells, joined: FxHashMap::default(), open }
    }
}

impl<'p> Evaluator<'p> {
    /// Goes on with the port sets and the results of an earlier evaluation of the program, before it changed.
    pub(crate) fn resume(program: &'p Program, ports: PortTable, memo: Memo) -> Self {
        let Memo { sides, cells, joined, open } = memo;
        Self { program, ports, sides, cells, joined, open }
    }

    /// Gives back the port sets and the results, for [`Evaluator::resume`].
    pub(crate) fn suspend(self) -> (PortTable, Memo) {
        let Self { ports, sides, cells, joined, open, .. } = self;
        (ports, Memo { sides, cells, joined, open })
    }

    pub(crate) fn new(program: &'p Program) -> Self {
        let ports = PortTable::over(&program.ports);
        let memo = Memo::new(&ports);
        Self::resume(program, ports, memo)
    }

    /// Evaluates the policies of a signature for a peer. The cost grows with the rules of these policies.
    pub(crate) fn side(&mut self, direction: Direction, id: SignatureId, peer: Peer<'_>) -> SideId {
        let signature = &self.program.signatures[direction][id];
        let Signature { policies: ref selecting, resolution, home, .. } = *signature;
        let policies = Policies { direction, selecting, resolution, home };
        self.side_of(policies, signature.families, peer)
    }

    /// Evaluates the NetworkPolicies of a signature alone for a peer; `None` if it has none.
    pub(crate) fn own(&mut self, direction: Direction, id: SignatureId, peer: Peer<'_>) -> Option<SideId> {
        let program = self.program;
        let signature = &program.signatures[direction][id];
        let selecting = program.network_policies(signature);
        let policies =
            Policies { direction, selecting, resolution: signature.resolution, home: signature.home };
        (!selecting.is_empty()).then(|| self.side_of(policies, signature.families, peer))
    }

    /// Evaluates policies for a peer, on the side of subjects that have addresses of these families.
    pub(super) fn side_of(
        &mut self,
        policies: Policies<'_>,
        families: ByFamily<bool>,
        peer: Peer<'_>,
    ) -> SideId {
        let mut side = ByFamily { v4: self.nothing(), v6: self.nothing() };
        for family in Family::ALL {
            let exists = families[family]
                && match peer {
                    Peer::Unmentioned | Peer::Listed(_) => true,
                    Peer::Class(class) => self.program.classes[class].families[family],
                    Peer::Address(address) => Family::of(address) == family,
                    Peer::Outside(outside, _) => outside == family,
                };
            if exists {
                let deciding = self.deciding(policies, peer, family);
                side[family] = Outcomes::of(&mut self.ports, &deciding).bounds(&mut self.ports);
            }
        }
        self.sides.intern_owned(side)
    }

    /// Policies with the rules that match, or may match, a peer.
    pub(super) fn deciding(
        &mut self,
        policies: Policies<'_>,
        peer: Peer<'_>,
        family: Family,
    ) -> Vec<Deciding> {
        let program = self.program;
        let Policies { direction, selecting, resolution, home } = policies;
        let mut deciding = Vec::with_capacity(selecting.len());
        for &(policy_id, selects) in selecting {
            let policy = program.deciding_policy(policy_id);
            let mut rules = Vec::new();
            for rule in &policy.rules[direction] {
                let matches = match (rule.list(home), peer) {
                    (None, _) => Truth::Yes,
                    (Some(_), Peer::Unmentioned) => Truth::No,
                    (Some(list), Peer::Listed(lists)) => lists
                        .binary_search_by_key(&list, |&(id, _)| id)
                        .map_or(Truth::No, |place| lists[place].1[family]),
                    (Some(list), Peer::Class(class)) => program.matched_by(class, list)[family],
                    (Some(list), Peer::Address(address)) => program.peers[list].matches(address),
                    (Some(list), Peer::Outside(_, lists)) => lists
                        .binary_search_by_key(&list, |&(id, _)| id)
                        .map_or(Truth::No, |place| lists[place].1),
                };
                if matches.possible() {
                    let ports = match (direction, peer) {
                        (Direction::Ingress, _) => self.ingress_ports(rule, resolution),
                        (Direction::Egress, Peer::Class(class)) => self.egress_ports(rule, policy_id, class),
                        (Direction::Egress, _) => rule.ports.fixed,
                    };
                    let CompiledRule { action, conditional, .. } = *rule;
                    rules.push(MatchingRule { action, ports, sure: matches.sure(), conditional });
                }
            }
            deciding.push(Deciding {
                tier: policy.tier,
                order: policy.order.clone(),
                isolates: policy.isolates[direction],
                sure: selects.sure(),
                rules,
            });
        }
        deciding
    }

    /// The ports of an ingress rule: names are the subject's own (R33).
    pub(super) fn ingress_ports(
        &mut self,
        rule: &CompiledRule,
        resolution: Option<ResolutionId>,
    ) -> PortSetId {
        let resolution = resolution.map(|id| &self.program.resolutions[id]);
        self.rule_ports(rule, resolution, Direction::Ingress)
    }

    /// The ports of an egress rule towards a class: names are the destination's (R39).
    pub(super) fn egress_ports(
        &mut self,
        rule: &CompiledRule,
        policy: PolicyId,
        class: ClassId,
    ) -> PortSetId {
        if rule.ports.named.is_empty() {
            return rule.ports.fixed;
        }
        let program = self.program;
        let class = &program.classes[class];
        let subject = &program.cluster.policies[policy].subject;
        let resolves = match (class.resolves_in, subject.pods().map(|pods| pods.namespaces)) {
            (None, _) => true,
            (Some(own), Some(NamespaceMatch::One(namespace))) => own == namespace,
            (Some(_), _) => false,
        };
        let resolution = resolves.then_some(&program.resolutions[class.resolution]);
        self.rule_ports(rule, resolution, Direction::Egress)
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
        let mut cell = self.nothing();
        for family in Family::ALL {
            let both = from[family].both(to[family], &mut self.ports);
            cell = cell.either(both, &mut self.ports);
        }
        let id = self.cells.intern_owned(cell);
        self.joined.insert((egress, ingress), id);
        id
    }

    /// The bounds of a side.
    pub(crate) fn side_bounds(&self, id: SideId) -> Side {
        self.sides[id]
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

    /// A connection from a hostNetwork pod to a pod on its node, whose side is not asked (R50).
    pub(crate) fn exempt(&mut self, from: ClassId, to: ClassId) -> CellId {
        let signature = self.program.classes[from].signature[Direction::Egress];
        let side = self.side(Direction::Egress, signature, Peer::Class(to));
        let mut cell = self.nothing();
        for family in Family::ALL {
            cell = cell.either(self.sides[side][family], &mut self.ports);
        }
        self.cells.intern_owned(cell)
    }

    /// Every port allowed.
    pub(crate) fn open(&self) -> CellId {
        self.open
    }

    /// No port allowed or unknown.
    pub(crate) fn closed(&mut self) -> CellId {
        let nothing = self.nothing();
        self.cells.intern_owned(nothing)
    }

    /// True if a side allows no port, not even perhaps.
    pub(super) fn is_closed(&self, side: SideId) -> bool {
        Family::ALL.into_iter().all(|family| self.sides[side][family].may == self.ports.empty())
    }

    /// The ports of a cell.
    pub(crate) fn connectivity(&self, id: CellId) -> Connectivity {
        self.cells[id].connectivity(&self.ports)
    }

    pub(super) fn nothing(&self) -> Bounds {
        Bounds::of(self.ports.empty())
    }

    pub(crate) fn cell(&self, id: CellId) -> Bounds {
        self.cells[id]
    }
}
