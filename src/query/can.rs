//! `can FROM TO[:PORT]`: one verdict for two sets of ends.
//!
//! Owns the verdict over sets: pods alike count once, addresses that no rule tells apart count once, and a proof is
//! made only for the pair that is shown.

mod group;
mod lots;

use crate::cluster::Service;
use crate::net::{AddressSet, ByFamily, Family, PortSet, Protocol, address_number};
use crate::query::endpoint::Target;
use crate::query::explain::{self, Fix, NoFix, PairExplanation};
use crate::solve::proof::Prover;
use crate::solve::{Connectivity, End, Reachability};

use group::Groups;

pub(in crate::query) use group::outside;

pub use lots::{Lot, lots};

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
}

/// What there is to say about the connections from one set of ends to another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The sources.
    pub from: Target,
    /// The destinations and the ports.
    pub to: Target,
    /// The verdict on all of them.
    pub verdict: Verdict,
    /// How many pairs have which verdict.
    pub pairs: Pairs,
    /// Of the ports asked for: those that every pair may use.
    pub ports: PortSet,
    /// Those that at least one pair may use, but not every one.
    pub some: PortSet,
    /// Those in neither that are unknown for at least one pair.
    pub unknown: PortSet,
    /// The pair that shows why: a denied one if there is one, else an unknown one, else the first.
    pub shown: PairExplanation,
    /// What would allow all of it, or why nothing simple would; `None` unless it was looked for and something is denied.
    pub fix: Option<Result<Fix, NoFix>>,
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
///
/// Pairs without a common address family count only when there are no others.
pub fn can(reachability: &Reachability<'_>, from: &Target, to: &Target) -> Answer {
    let program = reachability.program();
    let groups = Groups::new(program, from, to);
    let (tally, strangers) = tallies(reachability, &groups);
    let tally = if tally.pairs.total() == 0 { strangers } else { tally };
    let (a, b) = tally.shown().expect("targets hold at least one end and one port");
    let closed = tally.denied.union(&tally.unknown);
    let prover = Prover::new(&program.cluster, program.profile);
    Answer {
        from: from.clone(),
        to: to.clone(),
        verdict: tally.verdict(),
        pairs: tally.pairs,
        ports: tally.allowed.difference(&closed),
        some: tally.allowed.intersection(&closed),
        unknown: tally.unknown.difference(&tally.allowed),
        shown: explain::pair(&prover, a, b, &to.ports_at(b)),
        fix: None,
    }
}

/// The verdict alone, and how many pairs have which.
pub(in crate::query) fn judge(
    reachability: &Reachability<'_>,
    from: &Target,
    to: &Target,
) -> (Verdict, Pairs) {
    let (tally, strangers) = tallies(reachability, &Groups::new(reachability.program(), from, to));
    let tally = if tally.pairs.total() == 0 { strangers } else { tally };
    (tally.verdict(), tally.pairs)
}

/// What to say of clients outside that come through a Service which hides them: policies see the address of a node (I12).
pub fn hidden_clients(
    reachability: &Reachability<'_>,
    from: &Target,
    to: &Target,
    (path, service): (&str, &Service),
) -> Option<String> {
    let is_outside = Family::ALL.into_iter().any(|family| !from.ends.addresses[family].is_empty());
    if !is_outside || !service.hides_clients {
        return None;
    }
    let cluster = &reachability.program().cluster;
    let mut addresses: ByFamily<Vec<(u128, u128)>> = ByFamily::default();
    for &ip in cluster.nodes.iter().flat_map(|node| &node.addresses) {
        addresses[Family::of(ip)].push((address_number(ip), address_number(ip)));
    }
    let known = addresses.v4.len() + addresses.v6.len();
    let mut nodes = from.clone();
    nodes.ends.pods.clear();
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
        "Service {path} has `externalTrafficPolicy: Cluster`: what comes in through its load balancer or node port has the address of a node where policies see it, not the client's (I12){from_nodes}"
    ))
}

/// What is to be said of pairs with a common address family, and of those without one.
fn tallies(reachability: &Reachability<'_>, groups: &Groups) -> (Tally, Tally) {
    let mut tally = Tally::default();
    let mut strangers = Tally::default();
    for lot in lots::of(reachability, groups) {
        let tally = if lot.related { &mut tally } else { &mut strangers };
        tally.add(lot.count, lot.first, &lot.bounds, &lot.asked);
    }
    (tally, strangers)
}

/// What is known of the pairs seen so far.
#[derive(Default)]
struct Tally {
    pairs: Pairs,
    allowed: PortSet,
    denied: PortSet,
    unknown: PortSet,
    first: [Option<(End, End)>; 3],
}

impl Tally {
    fn add(&mut self, weight: u128, pair: (End, End), bounds: &Connectivity, asked: &PortSet) {
        let verdict = Verdict::of(bounds, asked);
        *match verdict {
            Verdict::Allow => &mut self.pairs.allow,
            Verdict::Deny => &mut self.pairs.deny,
            Verdict::Unknown => &mut self.pairs.unknown,
        } += weight;
        self.first[verdict as usize].get_or_insert(pair);
        self.allowed = self.allowed.union(&bounds.must.intersection(asked));
        self.denied = self.denied.union(&asked.difference(&bounds.may));
        self.unknown = self.unknown.union(&bounds.may.difference(&bounds.must).intersection(asked));
    }

    fn verdict(&self) -> Verdict {
        if self.pairs.deny > 0 {
            Verdict::Deny
        } else if self.pairs.unknown > 0 {
            Verdict::Unknown
        } else {
            Verdict::Allow
        }
    }

    fn shown(&self) -> Option<(End, End)> {
        self.first[self.verdict() as usize]
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
            ("10.1.0.0/16", "10.1.0.0/16", Verdict::Allow, (1, 0, 0)),
        ] {
            let answer = ask(from, to);
            let Pairs { allow, deny, unknown } = answer.pairs;
            assert_eq!((answer.verdict, (allow, deny, unknown)), (verdict, pairs), "{from} -> {to}");
            assert_eq!(answer.shown.verdict, verdict, "{from} -> {to}: the pair that is shown");
        }
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
