//! Policies of one tier and priority that disagree about connections, so that these are unknown.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::net::IpAddr;

use super::{Fact, MissingFact};
use crate::cluster::Addresses;
use crate::compile::{ClassId, CompiledRule, PeersId, Program, SignatureId};
use crate::index::IndexVec;
use crate::net::{AddressSet, ByDirection, Direction, Family, address, address_number};
use crate::policy::PolicyId;
use crate::query::explain::{Reason, brief};
use crate::solve::proof::Prover;
use crate::solve::{End, Reachability, solve};

/// No more ends and connections than this are looked at, so that the search stays short however many policies are in one
/// place. `explain` names every tie.
const MOST: usize = 1 << 20;

/// The pairs of policies on which a verdict hangs because of their equal places, with one connection each.
pub(super) fn ties(program: &Program) -> Vec<MissingFact> {
    let cluster = &program.cluster;
    let order = |id: PolicyId| program.policies[id].as_ref().map(|policy| (policy.tier, &policy.order));
    let ids: Vec<PolicyId> = cluster.policies.ids().filter(|&id| program.policies[id].is_some()).collect();
    let mut found = Vec::new();
    let mut search: Option<Search<'_>> = None;
    for (i, &a) in ids.iter().enumerate() {
        let ours = &cluster.policies[a];
        if !ours.tier.is_ordered() || ours.is_withdrawn() {
            continue;
        }
        let is_equal = |b: &PolicyId| {
            let theirs = &cluster.policies[*b];
            (theirs.tier, theirs.priority) == (ours.tier, ours.priority)
        };
        let equals = ids[i + 1..].iter().copied().take_while(is_equal);
        for b in equals.filter(|&b| order(b) == order(a) && !cluster.policies[b].is_withdrawn()) {
            let search = search.get_or_insert_with(|| Search::new(program));
            let example = Direction::ALL.into_iter().find_map(|direction| search.example(a, b, direction));
            found.extend(example.map(|ends| {
                let path =
                    if cluster.policies[a].written_priority().is_some() { "spec.priority" } else { "" };
                MissingFact { fact: Fact::Tie(b, ends), policy: a, path: path.into() }
            }));
        }
    }
    found
}

struct Search<'p> {
    program: &'p Program,
    prover: Prover<'p>,
    reachability: Reachability<'p>,
    /// Addresses of which one lies in every range that policies tell apart, those of pods left out.
    addresses: Vec<IpAddr>,
    /// The classes of each signature.
    classes: ByDirection<IndexVec<SignatureId, Vec<ClassId>>>,
    /// Number of ends and connections that were looked at.
    looked_at: Cell<usize>,
}

impl<'p> Search<'p> {
    fn new(program: &'p Program) -> Self {
        let cluster = &program.cluster;
        let known = cluster.pods.iter().flat_map(|pod| match &pod.addresses {
            Addresses::Known(known) => &known[..],
            Addresses::Unknown => &[],
        });
        let owned: BTreeSet<IpAddr> = known.copied().collect();
        let mut addresses = Vec::new();
        for family in Family::ALL {
            let ranges = program.peers.iter().flat_map(|list| list.addresses()[family].ranges());
            let bounds = ranges.flat_map(|&(first, last)| [Some(first), last.checked_add(1)]).flatten();
            let bounds: AddressSet = bounds.filter(|at| *at <= family.last()).map(|at| (at, at)).collect();
            let starts = bounds.ranges().iter().flat_map(|&(first, last)| first..=last);
            addresses.extend(starts.map(|at| address(family, at)).filter(|ip| !owned.contains(ip)));
        }
        let prover = Prover::new(cluster, program.profile);
        let classes = |direction: Direction| {
            let mut of: IndexVec<SignatureId, Vec<ClassId>> =
                program.signatures[direction].iter().map(|_| Vec::new()).collect();
            for (class, facts) in program.classes.enumerate() {
                of[facts.signature[direction]].push(class);
            }
            of
        };
        let classes =
            ByDirection { ingress: classes(Direction::Ingress), egress: classes(Direction::Egress) };
        Self { program, prover, reachability: solve(program), addresses, classes, looked_at: Cell::new(0) }
    }

    /// A connection that is unknown because two policies disagree.
    fn example(&self, a: PolicyId, b: PolicyId, direction: Direction) -> Option<(End, End)> {
        let program = self.program;
        let rules = |id: PolicyId| program.policies[id].as_ref().map(|policy| &policy.rules[direction][..]);
        let (ours, theirs) = (rules(a)?, rules(b)?);
        let disagree: Vec<(&CompiledRule, &CompiledRule)> = ours
            .iter()
            .flat_map(|x| theirs.iter().map(move |y| (x, y)))
            .filter(|(x, y)| x.action != y.action)
            .collect();
        let (first, second) = (&program.deciding[a][direction], &program.deciding[b][direction]);
        let shared = first.iter().filter(|signature| second.binary_search(signature).is_ok());
        let subjects: Vec<ClassId> =
            shared.flat_map(|signature| self.classes[direction][*signature].iter().copied()).collect();
        if disagree.is_empty() || subjects.is_empty() || self.looked_at.get() >= MOST {
            return None;
        }
        self.looked_at.set(self.looked_at.get() + program.classes.len() + self.addresses.len());
        let classes = program.classes.ids();
        let peers: Vec<ClassId> =
            classes.filter(|class| disagree.iter().any(|pair| self.both_match(*class, *pair))).collect();
        let outside =
            self.addresses.iter().filter(|ip| disagree.iter().any(|pair| self.both_hold(**ip, *pair)));
        let outside: Vec<End> = outside.map(|ip| End::Address(*ip)).collect();
        for subject in subjects {
            let subject = self.ends(subject).next()?;
            let peers = peers.iter().filter_map(|peer| self.ends(*peer).find(|end| *end != subject));
            for peer in peers.chain(outside.iter().copied()) {
                let (from, to) = match direction {
                    Direction::Egress => (subject, peer),
                    Direction::Ingress => (peer, subject),
                };
                self.looked_at.set(self.looked_at.get() + 1);
                let bounds = self.reachability.connectivity(from, to);
                let unknown = bounds.may.difference(&bounds.must);
                let hangs = || brief(&self.prover, from, to, &unknown).reasons.contains(&Reason::Tie(a, b));
                if !unknown.is_empty() && hangs() {
                    return Some((from, to));
                }
                if self.looked_at.get() >= MOST {
                    return None;
                }
            }
        }
        None
    }

    /// The first two pods of a class.
    fn ends(&self, class: ClassId) -> impl Iterator<Item = End> {
        let pods = self.program.classes[class].pods.iter();
        let pods = pods
            .flat_map(|pod| (0..self.program.cluster.pods[*pod].count).map(|index| End::Pod(*pod, index)));
        pods.take(2)
    }

    fn both_match(&self, class: ClassId, (x, y): (&CompiledRule, &CompiledRule)) -> bool {
        let matches = |rule: &CompiledRule, family: Family| {
            rule.is_for_all()
                || rule.lists().iter().any(|&list| self.program.matched_by(class, list)[family].sure())
        };
        Family::ALL.into_iter().any(|family| matches(x, family) && matches(y, family))
    }

    fn both_hold(&self, ip: IpAddr, (x, y): (&CompiledRule, &CompiledRule)) -> bool {
        let holds = |rule: &CompiledRule| {
            let contains = |list: &PeersId| {
                self.program.peers[*list].addresses()[Family::of(ip)].contains(address_number(ip))
            };
            rule.is_for_all() || rule.lists().iter().any(contains)
        };
        holds(x) && holds(y)
    }
}
