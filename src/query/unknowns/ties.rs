//! Policies of one tier and priority that disagree about connections, so that these are unknown.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::{Fact, MissingFact};
use crate::cluster::Addresses;
use crate::compile::{ClassId, CompiledRule, Program};
use crate::net::{AddressSet, Direction, Family, address, address_number};
use crate::policy::PolicyId;
use crate::query::explain::{Reason, brief};
use crate::solve::proof::Prover;
use crate::solve::{End, Reachability, solve};

/// More connections than this are not looked at for two policies and a direction: almost none of them is unknown then.
const MOST: usize = 1 << 18;

/// The pairs of policies on which a verdict hangs because of their equal places, with one connection each.
pub(super) fn ties(program: &Program) -> Vec<MissingFact> {
    let cluster = &program.cluster;
    let order = |id: PolicyId| program.policies[id].as_ref().map(|policy| (policy.tier, &policy.order));
    let ids: Vec<PolicyId> = cluster.policies.ids().filter(|&id| program.policies[id].is_some()).collect();
    let mut found = Vec::new();
    let mut search: Option<Search<'_>> = None;
    for (i, &a) in ids.iter().enumerate() {
        if !cluster.policies[a].tier.is_ordered() || cluster.policies[a].is_withdrawn() {
            continue;
        }
        let equals = ids[i + 1..]
            .iter()
            .copied()
            .take_while(|b| cluster.policies[*b].tier == cluster.policies[a].tier);
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
        Self { program, prover, reachability: solve(program), addresses }
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
        let shared = |class: ClassId| {
            let signature = program.classes[class].signature[direction];
            [a, b].iter().all(|id| program.deciding[*id][direction].binary_search(&signature).is_ok())
        };
        let subjects: Vec<ClassId> = program.classes.ids().filter(|class| shared(*class)).collect();
        if disagree.is_empty() || subjects.is_empty() {
            return None;
        }
        let peers: Vec<ClassId> = program
            .classes
            .ids()
            .filter(|class| disagree.iter().any(|pair| self.both_match(*class, *pair)))
            .collect();
        let outside =
            self.addresses.iter().filter(|ip| disagree.iter().any(|pair| self.both_hold(**ip, *pair)));
        let outside: Vec<End> = outside.map(|ip| End::Address(*ip)).collect();
        let mut looked_at = 0;
        for subject in subjects {
            let subject = self.ends(subject).next()?;
            let peers = peers.iter().filter_map(|peer| self.ends(*peer).find(|end| *end != subject));
            for peer in peers.chain(outside.iter().copied()) {
                let (from, to) = match direction {
                    Direction::Egress => (subject, peer),
                    Direction::Ingress => (peer, subject),
                };
                looked_at += 1;
                let bounds = self.reachability.connectivity(from, to);
                let unknown = bounds.may.difference(&bounds.must);
                let hangs = || brief(&self.prover, from, to, &unknown).reasons.contains(&Reason::Tie(a, b));
                if !unknown.is_empty() && hangs() {
                    return Some((from, to));
                }
                if looked_at == MOST {
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
            rule.peers.is_none_or(|list| self.program.matched_by(class, list)[family].sure())
        };
        Family::ALL.into_iter().any(|family| matches(x, family) && matches(y, family))
    }

    fn both_hold(&self, ip: IpAddr, (x, y): (&CompiledRule, &CompiledRule)) -> bool {
        let holds = |rule: &CompiledRule| {
            rule.peers.is_none_or(|list| {
                self.program.peers[list].addresses()[Family::of(ip)].contains(address_number(ip))
            })
        };
        holds(x) && holds(y)
    }
}
