//! Overrides: single classes of which a signature makes something else than its template.
//!
//! Of most signatures the NetworkPolicies are a *union*: they surely select their subjects, so that what they admit is the
//! union of what the matching rules admit. Their overrides are summed up rule by rule, without asking who else might match,
//! and put into the frame of their surrounding; the few other signatures are evaluated peer by peer.

use super::evaluator::{Evaluator, Peer, SideId};
use super::template::{Parts, Templates};
use super::union::Unions;
use crate::compile::{Class, ClassId, CompiledPolicy, CompiledRule, PeersId, Program, SignatureId};
use crate::index::{Id, IndexVec};
use crate::label::Truth;
use crate::net::{ByFamily, Direction, Family, PortSetId};
use crate::policy::{Action, PolicyId};

/// One class, or one signature, and what is made of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Override<I> {
    /// The class, or the signature.
    pub(crate) of: I,
    /// The side by the template.
    pub(crate) default: SideId,
    /// The side by all policies.
    pub(crate) actual: SideId,
}

/// Overrides under construction, by what they are of.
#[derive(Debug)]
pub(super) struct Sums<I> {
    /// The parts that each started from, and its parts by now.
    sums: IndexVec<I, Option<(Parts, Parts)>>,
    touched: Vec<I>,
}

impl<I: Id> Sums<I> {
    pub(super) fn new(len: usize) -> Self {
        Self { sums: vec![None; len].into(), touched: Vec::new() }
    }

    /// The parts of `at` so far, which are those of `start` at first.
    fn at(&mut self, at: I, start: impl FnOnce() -> Parts) -> &mut Parts {
        let Self { sums, touched } = self;
        let (_, parts) = sums[at].get_or_insert_with(|| {
            touched.push(at);
            let parts = start();
            (parts, parts)
        });
        parts
    }

    /// Everything that was touched, in the order of the first time, as it started and as it is; starts anew.
    fn drain(&mut self) -> impl Iterator<Item = (I, Parts, Parts)> {
        self.touched.drain(..).map(|at| {
            let (start, parts) = self.sums[at].take().expect("it was touched");
            (at, start, parts)
        })
    }
}

impl Parts {
    /// Adds a rule of a NetworkPolicy; a signature with such a rule isolates.
    fn add(&mut self, unions: &mut Unions, truth: ByFamily<Truth>, ports: PortSetId) {
        self.own = self.own.map(|own| unions.add(own, ByFamily { v4: true, v6: true }, truth, ports));
    }
}

/// One direction of the matrix: what its signatures make of classes and addresses.
#[derive(Debug)]
pub(super) struct Half {
    pub(super) direction: Direction,
    pub(super) templates: Templates,
    /// The dense lists that some signature has outside of its template.
    dense: Vec<PeersId>,
    /// Rules for everybody that name ports of the peer: what they admit differs from peer to peer.
    naming: Vec<(PolicyId, u32)>,
    /// Set if some signature is evaluated peer by peer.
    any_by_peer: bool,
    sums: Sums<SignatureId>,
}

impl Half {
    pub(super) fn new(evaluator: &mut Evaluator<'_>, direction: Direction) -> Self {
        let program = evaluator.program;
        let templates = Templates::new(evaluator, direction);
        let by_peer = |id: SignatureId| templates.surroundings.of[id].is_none();
        let is_outside = |list: PeersId| {
            program.peers[list].uses[direction].iter().any(|&(policy, place)| {
                let rule = program.rule(direction, policy, place);
                !program.is_in_templates(direction, rule, list)
                    || program.deciding[policy][direction].iter().any(|&id| by_peer(id))
            })
        };
        let dense = program.peers.enumerate().filter(|(_, list)| list.classes.dense().is_some());
        Self {
            direction,
            dense: dense.map(|(id, _)| id).filter(|&id| is_outside(id)).collect(),
            naming: naming_rules(program, direction),
            any_by_peer: program.signatures[direction].ids().any(by_peer),
            sums: Sums::new(program.signatures[direction].len()),
            templates,
        }
    }

    /// The side of a signature towards addresses that no list holds.
    pub(super) fn outside(
        &mut self,
        evaluator: &mut Evaluator<'_>,
        id: SignatureId,
        family: Family,
    ) -> SideId {
        let parts = self.templates.parts_outside(id);
        let side = self.templates.side(evaluator, parts);
        evaluator.side_among(side, [ByFamily { v4: family == Family::V4, v6: family == Family::V6 }; 2])
    }
}

/// The egress rules that have no peers and name ports.
fn naming_rules(program: &Program, direction: Direction) -> Vec<(PolicyId, u32)> {
    if direction == Direction::Ingress {
        return Vec::new();
    }
    let policies = program.policies.enumerate().filter_map(|(id, policy)| Some((id, policy.as_ref()?)));
    policies
        .flat_map(|(id, policy)| {
            let rules = (0..).zip(&policy.rules[direction]);
            rules
                .filter(|(_, rule)| rule.is_for_all() && !rule.ports.named.is_empty())
                .map(move |(place, _)| (id, place))
        })
        .collect()
}

impl CompiledPolicy {
    /// True if it isolates in a direction, and all of its rules accept.
    pub(super) fn only_admits(&self, direction: Direction) -> bool {
        self.isolates[direction]
            && self.rules[direction].iter().all(|rule| rule.action == Action::Accept && !rule.conditional)
    }
}

impl Program {
    /// A policy of a signature, which is in force by being there.
    pub(crate) fn deciding_policy(&self, id: PolicyId) -> &CompiledPolicy {
        self.policies[id].as_ref().expect("a deciding policy is in force")
    }

    fn rule(&self, direction: Direction, policy: PolicyId, place: u32) -> &CompiledRule {
        &self.policies[policy].as_ref().expect("only policies in force use lists").rules[direction]
            [place as usize]
    }

    /// The classes that a rule with this list treats otherwise than whomever no list mentions, and how surely.
    pub(super) fn mentioned(
        &self,
        direction: Direction,
        rule: &CompiledRule,
        list: Option<PeersId>,
    ) -> impl Iterator<Item = (ClassId, ByFamily<Truth>)> {
        let listed = list.into_iter().flat_map(|list| self.peers[list].classes.iter());
        let names = list.is_none() && direction == Direction::Egress && !rule.ports.named.is_empty();
        let naming = if names { self.classes.as_slice() } else { &[] };
        let declares = |facts: &Class| self.resolutions[facts.resolution].declares_any(&rule.ports.named);
        let naming = naming.iter().enumerate().filter(move |(_, facts)| declares(facts));
        listed.chain(
            naming
                .map(|(class, _)| (ClassId::from_index(class), ByFamily { v4: Truth::Yes, v6: Truth::Yes })),
        )
    }
}

impl Evaluator<'_> {
    /// The classes of which a signature makes something else than its template; each once.
    pub(super) fn overrides_of(
        &mut self,
        half: &mut Half,
        id: SignatureId,
        sums: &mut Sums<ClassId>,
    ) -> Vec<Override<ClassId>> {
        let program = self.program;
        let Half { direction, templates, .. } = half;
        let direction = *direction;
        let signature = &program.signatures[direction][id];
        let (template, surrounding) = (templates.of[id], templates.surroundings.of[id]);
        for &(policy, _) in &signature.policies {
            if surrounding.is_some() && !program.is_network_policy(policy) {
                continue;
            }
            for rule in &program.deciding_policy(policy).rules[direction] {
                let list = rule.list(signature.home);
                let is_in_templates = |list| program.is_in_templates(direction, rule, list);
                if surrounding.is_some() && list.is_some_and(is_in_templates) {
                    continue;
                }
                for (class, truth) in program.mentioned(direction, rule, list) {
                    let ports = match direction {
                        Direction::Ingress => self.ingress_ports(rule, signature.resolution),
                        Direction::Egress => self.egress_ports(rule, policy, class),
                    };
                    let parts = sums.at(class, || templates.parts_at(self, template, class));
                    parts.add(&mut templates.unions, truth, ports);
                }
            }
        }
        if let Some(surrounding) = surrounding {
            for place in 0..templates.surroundings.all[surrounding].overrides.len() {
                let (class, frame) = templates.surroundings.all[surrounding].overrides[place];
                sums.at(class, || templates.parts_at(self, template, class)).frame = frame;
            }
        }
        let overrides = sums.drain().map(|(class, start, parts)| {
            let actual = if surrounding.is_some() {
                let side = templates.side(self, parts);
                self.side_among(side, [signature.families, program.classes[class].families])
            } else {
                self.side(direction, id, Peer::Class(class))
            };
            Override { of: class, default: templates.side(self, start), actual }
        });
        overrides.collect()
    }

    /// The signatures of a direction that make something else of a class than their templates; each once.
    pub(super) fn overrides_about(&mut self, half: &mut Half, class: ClassId) -> Vec<Override<SignatureId>> {
        let program = self.program;
        let Half { direction, templates, dense, naming, any_by_peer, sums } = half;
        let direction = *direction;
        let facts = &program.classes[class];
        let mut add = |evaluator: &mut Self, policy: PolicyId, place: u32, list: Option<PeersId>, truth| {
            if !*any_by_peer && !program.is_network_policy(policy) {
                return;
            }
            let rule = program.rule(direction, policy, place);
            let in_templates = !program.is_network_policy(policy)
                || list.is_some_and(|list| program.is_in_templates(direction, rule, list));
            for &id in &program.deciding[policy][direction] {
                if in_templates && templates.surroundings.of[id].is_some() {
                    continue;
                }
                let ports = match direction {
                    Direction::Ingress => {
                        evaluator.ingress_ports(rule, program.signatures[direction][id].resolution)
                    }
                    Direction::Egress => evaluator.egress_ports(rule, policy, class),
                };
                let parts = sums.at(id, || templates.parts_at(evaluator, templates.of[id], class));
                parts.add(&mut templates.unions, truth, ports);
            }
        };
        let sparse = facts.peers.iter().copied();
        let dense = dense.iter().map(|&list| (list, program.dense_members(list).truth(class)));
        for (list, truth) in sparse.chain(dense) {
            if truth.v4.possible() || truth.v6.possible() {
                for &(policy, place) in &program.peers[list].uses[direction] {
                    add(self, policy, place, Some(list), truth);
                }
            }
        }
        let everywhere = ByFamily { v4: Truth::Yes, v6: Truth::Yes };
        for &(policy, place) in &*naming {
            let rule = program.rule(direction, policy, place);
            if program.resolutions[facts.resolution].declares_any(&rule.ports.named) {
                add(self, policy, place, None, everywhere);
            }
        }
        let overriding = templates.surroundings.overriding.get(&class).cloned().unwrap_or_default();
        for (surrounding, frame) in overriding {
            for place in 0..templates.surroundings.all[surrounding].signatures.len() {
                let id = templates.surroundings.all[surrounding].signatures[place];
                sums.at(id, || templates.parts_at(self, templates.of[id], class)).frame = frame;
            }
        }
        let overrides = sums.drain().map(|(id, start, parts)| {
            let actual = if templates.surroundings.of[id].is_some() {
                let side = templates.side(self, parts);
                self.side_among(side, [program.signatures[direction][id].families, facts.families])
            } else {
                self.side(direction, id, Peer::Class(class))
            };
            Override { of: id, default: templates.side(self, start), actual }
        });
        overrides.collect()
    }

    /// The sides of a direction's signatures towards addresses outside that these lists match, where they may
    /// differ from those towards addresses of the family that no list matches; each signature once.
    pub(super) fn overrides_outside(
        &mut self,
        half: &mut Half,
        family: Family,
        lists: &[(PeersId, Truth)],
    ) -> Vec<(SignatureId, SideId)> {
        let program = self.program;
        let Half { direction, templates, sums, .. } = half;
        let direction = *direction;
        let mut families = ByFamily::default();
        families[family] = true;
        let mut surroundings = Vec::new();
        for &(list, matches) in lists {
            let mut truth = ByFamily { v4: Truth::No, v6: Truth::No };
            truth[family] = matches;
            for &(policy, place) in &program.peers[list].uses[direction] {
                if !program.is_network_policy(policy) {
                    surroundings.extend(templates.surroundings.holding(policy));
                }
                let rule = program.rule(direction, policy, place);
                for &id in &program.deciding[policy][direction] {
                    if !program.is_network_policy(policy) && templates.surroundings.of[id].is_some() {
                        continue;
                    }
                    let ports = match direction {
                        Direction::Ingress => {
                            self.ingress_ports(rule, program.signatures.ingress[id].resolution)
                        }
                        Direction::Egress => rule.ports.fixed,
                    };
                    let parts = sums.at(id, || templates.parts_outside(id));
                    parts.add(&mut templates.unions, truth, ports);
                }
            }
        }
        surroundings.sort_unstable();
        surroundings.dedup();
        for surrounding in surroundings {
            let frame = templates.surroundings.frame(self, surrounding, Peer::Outside(family, lists));
            for place in 0..templates.surroundings.all[surrounding].signatures.len() {
                let id = templates.surroundings.all[surrounding].signatures[place];
                sums.at(id, || templates.parts_outside(id)).frame = frame;
            }
        }
        sums.drain()
            .map(|(id, _, parts)| {
                let side = if templates.surroundings.of[id].is_some() {
                    let side = templates.side(self, parts);
                    self.side_among(side, [program.signatures[direction][id].families, families])
                } else {
                    self.side(direction, id, Peer::Outside(family, lists))
                };
                (id, side)
            })
            .collect()
    }

    /// A side between ends that have addresses of these families.
    fn side_among(&mut self, side: SideId, ends: [ByFamily<bool>; 2]) -> SideId {
        let (all, mut among) = (self.sides[side], self.sides[side]);
        for family in Family::ALL {
            if !ends.iter().all(|families| families[family]) {
                among[family] = self.nothing();
            }
        }
        if among == all { side } else { self.sides.intern_owned(among) }
    }
}
