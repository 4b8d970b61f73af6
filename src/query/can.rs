//! `can FROM TO[:PORT]`: one verdict for two sets of ends.
//!
//! Owns the verdict over sets: pods alike count once, addresses that no rule tells apart count once, and a proof is
//! made only for the pair that is shown.

mod group;
mod lots;
mod narrowed;

use crate::label::Truth;
use crate::net::{AddressSet, ByFamily, Family, PortSet, Protocol, address_number};
use crate::query::endpoint::{self, Target};
use crate::query::explain::{self, Fix, NoFix, PairExplanation, Restriction, Restrictions};
use crate::solve::proof::Prover;
use crate::solve::{Connectivity, End, Reachability};

pub(in crate::query) use group::outside;

pub use lots::{Lot, Relation, counting, lots};

/// The answer to a question about a connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Verdict {
    /// Allowed, whatever the unknown facts are.
    Allow,
    /// Denied, whatever the unknown facts are.
    Deny,
    /// The input does not decide it.
    Unknown,
}

impl Verdict {
    /// `allow`, `deny` or `unknown`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Unknown => "unknown",
        }
    }

    /// The verdict on all of `asked`: allow if every port is allowed, deny if at least one is surely denied.
    pub fn of(bounds: &Connectivity, asked: &PortSet) -> Self {
        let within = |ports: &PortSet| {
            Protocol::ALL.into_iter().all(|protocol| asked.of(protocol).is_subset(ports.of(protocol)))
        };
        if within(&bounds.must) {
            Self::Allow
        } else if within(&bounds.may) {
            Self::Unknown
        } else {
            Self::Deny
        }
    }

    /// The verdict on pairs that count, each surely or perhaps; `is_certain` says that some pair surely does.
    ///
    /// Where one that surely counts is denied, all are. Else the pairs that perhaps count decide it only if they agree:
    /// whichever of them count, the verdict is the same.
    pub fn of_all(pairs: &[(Truth, Self)], is_certain: bool) -> Self {
        let all = |verdict| is_certain && pairs.iter().all(|(_, own)| *own == verdict);
        if pairs.contains(&(Truth::Yes, Self::Deny)) || all(Self::Deny) {
            Self::Deny
        } else if all(Self::Allow) {
            Self::Allow
        } else {
            Self::Unknown
        }
    }
}

/// The answer to a question about the connections from one set of ends to another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The sources.
    pub from: Target,
    /// The destinations and the ports.
    pub to: Target,
    /// The verdict on all of them.
    pub verdict: Verdict,
    /// Number of pairs with each verdict.
    pub pairs: Pairs,
    /// Of the ports asked for: those that every pair may use.
    pub ports: PortSet,
    /// Those that at least one pair surely may not use.
    pub denied: PortSet,
    /// All others: no pair surely may not use them, and at least one perhaps.
    pub unknown: PortSet,
    /// Those of `denied` and `unknown` that at least one pair may use, pods and themselves aside.
    pub some: PortSet,
    /// Those of `ports` and `some` on which policies restrict what at least one pair may say.
    pub restricted: PortSet,
    /// The conditions that restrict them.
    pub restrictions: Vec<Restriction>,
    /// The pair that shows why: a denied one if there is one, else an unknown one, else the first.
    pub shown: PairExplanation,
    /// A fix that would allow all of it, or the reason why there is none; `None` unless one was looked for and
    /// something is denied.
    pub fix: Option<Result<Fix, NoFix>>,
    /// The end of the pair that is shown of which it is not known whether it is meant, if the verdict hangs on that.
    pub doubt: Option<Doubt>,
}

/// An end of which it is not known whether it is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Doubt {
    /// Set if the end is perhaps a source; else it is perhaps a destination.
    pub is_source: bool,
    /// The end; an address may be that of a pod, and would then mean the pod.
    pub end: End,
    /// Set if the reason is a label; else the reason is an address that the input does not give.
    pub is_by_label: bool,
}

impl Doubt {
    /// Finds the end that is in doubt in a pair that is perhaps meant: a pod that is perhaps meant, else an address.
    pub fn of(from: &Target, to: &Target, (a, b): (End, End)) -> Option<Self> {
        let of = |target: &Target, end: End| {
            let End::Pod(pod, _) = end else { return None };
            let is_in = |pods: &endpoint::Pods| pods.iter().any(|(id, _)| *id == pod);
            let perhaps = &target.perhaps;
            is_in(&perhaps.by_label).then_some(true).or_else(|| is_in(&perhaps.by_address).then_some(false))
        };
        let doubt = |is_source, end, is_by_label| Self { is_source, end, is_by_label };
        let pods = of(from, a)
            .map(|by_label| doubt(true, a, by_label))
            .or_else(|| of(to, b).map(|by_label| doubt(false, b, by_label)));
        pods.or(match (a, b) {
            (End::Address(_), _) => Some(doubt(true, a, false)),
            (_, End::Address(_)) => Some(doubt(false, b, false)),
            (End::Pod(..), End::Pod(..)) => None,
        })
    }
}

/// Ordered pairs by verdict. A range of addresses that no rule tells apart counts as one end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pairs {
    /// Pairs on which every port asked for is allowed.
    pub allow: u128,
    /// Pairs on which at least one is denied.
    pub deny: u128,
    /// All others.
    pub unknown: u128,
}

impl Pairs {
    /// All pairs.
    pub fn total(&self) -> u128 {
        self.allow + self.deny + self.unknown
    }
}

/// Answers whether every end of `from` may connect to every end of `to` on every port asked for.
pub fn can(reachability: &Reachability<'_>, from: &Target, to: &Target) -> Answer {
    let Judged { verdict, tally, is_certain } = Judged::new(reachability, from, to);
    let closed_everywhere = tally.denied_everywhere.filter(|_| is_certain).unwrap_or_default();
    let denied = tally.denied.union(&closed_everywhere);
    let shown = tally.first[verdict as usize].or(tally.first[Verdict::Unknown as usize]);
    let first = shown.or_else(|| tally.first.into_iter().flatten().next());
    let (member, (a, b)) = first.expect("targets hold at least one end and one port");
    let program = reachability.program();
    let prover = Prover::new(&program.cluster, program.profile);
    let hangs_on_member = verdict == Verdict::Unknown && !member.sure();
    let mut to = to.clone();
    to.notes.extend(hidden_clients(reachability, from, &to));
    Answer {
        from: from.clone(),
        verdict,
        pairs: tally.pairs,
        ports: tally.asked.difference(&tally.closed),
        unknown: tally.closed.difference(&denied),
        some: tally.allowed.intersection(&tally.closed),
        denied,
        shown: explain::pair(&prover, a, b, &to.ports_at(b)),
        restricted: tally.restricted,
        restrictions: tally.restrictions.into_list(),
        fix: None,
        doubt: hangs_on_member.then(|| Doubt::of(from, &to, (a, b))).flatten(),
        to,
    }
}

/// The verdict alone, and how many pairs have which.
pub(in crate::query) fn judge(
    reachability: &Reachability<'_>,
    from: &Target,
    to: &Target,
) -> (Verdict, Pairs) {
    let judged = Judged::new(reachability, from, to);
    (judged.verdict, judged.tally.pairs)
}

/// A note on clients outside that come through a Service which hides their address: policies see that of a node (I12).
pub fn hidden_clients(reachability: &Reachability<'_>, from: &Target, to: &Target) -> Option<String> {
    let cluster = &reachability.program().cluster;
    let (namespace, name) = to.service.as_ref()?;
    let service = cluster.services.get(&(*namespace, name.clone()))?;
    let is_outside = Family::ALL.into_iter().any(|family| !from.ends.addresses[family].is_empty());
    if !is_outside || !service.hides_clients {
        return None;
    }
    let mut addresses: ByFamily<Vec<(u128, u128)>> = ByFamily::default();
    for &ip in cluster.nodes.iter().flat_map(|node| &node.addresses) {
        addresses[Family::of(ip)].push((address_number(ip), address_number(ip)));
    }
    let known = addresses.v4.len() + addresses.v6.len();
    let mut nodes = Target::default();
    for family in Family::ALL {
        nodes.ends.addresses[family] = AddressSet::from_ranges(addresses[family].iter().copied());
    }
    let from_nodes = match known {
        0 => "; the input shows no Node".to_owned(),
        _ => format!(
            "; the verdict from the nodes of the input is {}",
            judge(reachability, &nodes, to).0.as_str()
        ),
    };
    Some(format!(
        "Service {}/{name} has `externalTrafficPolicy: Cluster`: what comes in through its load balancer or node port has the address of a node where policies see it, not the client's (I12){from_nodes}",
        cluster.namespaces[*namespace].name
    ))
}

/// The verdict on all pairs of two targets that count, and what is known of them.
struct Judged {
    verdict: Verdict,
    tally: Tally,
    /// Set if some pair surely counts.
    is_certain: bool,
}

impl Judged {
    fn new(reachability: &Reachability<'_>, from: &Target, to: &Target) -> Self {
        let lots = counting(lots(reachability, from, to, true), |lot| lot);
        let is_certain = from.surely_means_something() && to.surely_means_something();
        let verdicts: Vec<(Truth, Verdict)> =
            lots.iter().map(|lot| (lot.member, Verdict::of(&lot.bounds, &lot.asked))).collect();
        let agree = is_certain && verdicts.iter().all(|(_, own)| *own == Verdict::Deny);
        let mut tally = Tally::default();
        let program = reachability.program();
        let prover = Prover::new(&program.cluster, program.profile);
        for (lot, &(member, own)) in lots.iter().zip(&verdicts) {
            // Of a pair that perhaps counts it is not known whether it is denied.
            let is_sure = member.sure() || agree || own != Verdict::Deny;
            tally.add(lot, if is_sure { own } else { Verdict::Unknown });
            let restricted = lot.bounds.restricted().intersection(&lot.asked);
            if !restricted.is_empty() {
                let proof = prover.prove(lot.first.0, lot.first.1);
                tally.restrictions.add(&program.cluster, &proof, &restricted);
                tally.restricted = tally.restricted.union(&restricted);
            }
        }
        Self { verdict: Verdict::of_all(&verdicts, is_certain), tally, is_certain }
    }
}

/// Counts and ports of the pairs seen so far.
#[derive(Default)]
struct Tally {
    pairs: Pairs,
    /// The ports asked for of at least one pair.
    asked: PortSet,
    /// Those that at least one pair may use, pods and themselves aside.
    allowed: PortSet,
    /// Those that at least one pair, or perhaps one, may not or perhaps may not use.
    closed: PortSet,
    /// Those that a pair that is surely meant surely may not use.
    denied: PortSet,
    /// Those that no pair may use.
    denied_everywhere: Option<PortSet>,
    /// The first pair of each verdict, and whether it is surely meant.
    first: [Option<(Truth, (End, End))>; 3],
    /// Those on which at least one pair is restricted, and by what.
    restricted: PortSet,
    restrictions: Restrictions,
}

impl Tally {
    fn add(&mut self, lot: &Lot, verdict: Verdict) {
        let Lot { bounds, asked, .. } = lot;
        *match verdict {
            Verdict::Allow => &mut self.pairs.allow,
            Verdict::Deny => &mut self.pairs.deny,
            Verdict::Unknown => &mut self.pairs.unknown,
        } += lot.count;
        self.first[verdict as usize].get_or_insert((lot.member, lot.first));
        let denied = asked.difference(&bounds.may);
        self.asked = self.asked.union(asked);
        if lot.first.0 != lot.first.1 {
            self.allowed = self.allowed.union(&bounds.must.intersection(asked));
        }
        self.closed = self.closed.union(&asked.difference(&bounds.must));
        self.denied_everywhere = Some(match &self.denied_everywhere {
            None => denied.clone(),
            Some(all) => all.intersection(&denied),
        });
        if lot.member.sure() {
            self.denied = self.denied.union(&denied);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Ranges;
    use crate::compile::compile;
    use crate::profile::Profile;
    use crate::query::endpoint::parse;
    use crate::query::fixture::{THREE_TIER, cluster};
    use crate::solve::solve;

    const BLOCKS: &str = "---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: office, namespace: multi-tier}
spec:
  podSelector: {matchLabels: {tier: frontend}}
  ingress: [{from: [{ipBlock: {cidr: 198.51.100.0/24, except: [198.51.100.128/25]}}], ports: [{port: 443}]}]
";

    fn ask(from: &str, to: &str) -> Answer {
        let cluster = cluster(&format!("{THREE_TIER}{BLOCKS}"));
        let program = compile(&cluster, Profile::Spec);
        let read = |text| parse(text, &cluster, "multi-tier", &Ranges::default()).unwrap();
        can(&solve(&program), &read(from), &read(to))
    }

    #[test]
    fn verdicts_over_sets() {
        for (from, to, verdict, pairs) in [
            ("frontend", "frontend", Verdict::Deny, (2, 2, 0)),
            ("frontend[0]", "frontend[0]", Verdict::Allow, (1, 0, 0)),
            ("ns/kube-system", "frontend:80", Verdict::Allow, (4, 0, 0)),
            ("frontend", "ns/kube-system:53/UDP", Verdict::Unknown, (0, 0, 4)),
            ("198.51.100.0/25", "frontend:443", Verdict::Allow, (2, 0, 0)),
            ("198.51.100.0/24", "frontend:443", Verdict::Deny, (2, 2, 0)),
            ("198.51.100.0/23", "frontend:443", Verdict::Deny, (2, 2, 0)),
            ("203.0.113.0/24", "203.0.113.0/24", Verdict::Allow, (1, 0, 0)),
            ("203.0.113.0/24", "2001:db8::/32", Verdict::Deny, (0, 1, 0)),
        ] {
            let answer = ask(from, to);
            let Pairs { allow, deny, unknown } = answer.pairs;
            assert_eq!((answer.verdict, (allow, deny, unknown)), (verdict, pairs), "{from} -> {to}");
            assert_eq!(answer.shown.verdict, verdict, "{from} -> {to}: the pair that is shown");
        }
    }

    #[test]
    fn a_pair_that_perhaps_belongs_to_a_question_leaves_it_open() {
        // Pods without an address may lie there: such a pair, denied if it is one, is what the answer shows.
        let answer = ask("10.1.0.0/16", "10.1.0.0/16");
        let Pairs { allow, deny, unknown } = answer.pairs;
        assert_eq!((answer.verdict, (allow, deny, unknown)), (Verdict::Unknown, (14, 0, 50)));
        assert_eq!(answer.shown.verdict, Verdict::Deny);
    }

    #[test]
    fn what_is_allowed_of_a_denied_question() {
        assert_eq!(ask("ns/kube-system", "frontend").ports, PortSet::from_range(Protocol::Tcp, 80, 80));
        let answer = ask("198.51.100.0/24", "frontend:443");
        assert!(answer.ports.is_empty());
        assert_eq!(answer.some, PortSet::from_range(Protocol::Tcp, 443, 443));
    }

    #[test]
    fn a_family_nobody_shares_is_no_denial() {
        // The pods are IPv4: the other half of the internet has nothing to say.
        assert_eq!(ask("internet", "ns/kube-system:53/UDP").verdict, Verdict::Allow);
        assert_eq!(ask("2600::1", "ns/kube-system:53/UDP").verdict, Verdict::Deny);
    }
}
