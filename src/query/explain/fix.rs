//! The smallest addition that allows what was denied: NetworkPolicies for each side that denies it.
//!
//! NetworkPolicies add up, so a policy can only open, as long as it selects no pod that nothing isolates yet. What a rule of
//! the Baseline tier denies opens by being isolated: then the policy keeps what the rules before accept, if that helps, and
//! what it closes is counted. A fix is tried out before it is handed out: what was asked must become allowed, nothing else
//! may become denied, and what else opens is counted.

mod manifest;
mod needs;
mod opened;
mod selection;

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{Addresses, NamespaceId, PodId};
use crate::diff::Workbench;
use crate::label::SelectorId;
use crate::net::{AddressSet, ByFamily, Direction, Family, PortSet, address_number};
use crate::policy::{Action, PolicyId, Tier};
use crate::query::can::{self, Verdict};
use crate::query::endpoint::Target;
use crate::query::explain::RuleId;
use crate::solve::proof::Prover;
use crate::solve::{End, Reachability, solve};

pub use manifest::AllowPolicy;
pub use opened::{Closed, Opened};

use manifest::{LabelSelector, PeerElement, blocks};
use needs::{Kinds, Members, Needs, node_address};
use selection::Chooser;

/// NetworkPolicies that allow what was denied.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fix {
    /// The policies to add.
    pub policies: Vec<AllowPolicy>,
    /// The verdict on everything that was asked, with the policies: `unknown` if it hangs on a missing fact, `deny` if
    /// some pairs remain denied.
    pub then: Verdict,
    /// Number of pairs that remain denied.
    pub remaining: u128,
    /// Some of them, and why no policy helps, if none does.
    pub remain: Vec<((End, End), Option<NoFix>)>,
    /// The connections that open beside those that were asked for.
    pub opens: Opened,
    /// The connections that close; none but where a rule of the Baseline tier denied what was asked.
    pub closes: Closed,
    /// Set if the policies admit, too, what rules of the Baseline tier accept.
    pub keeps: bool,
}

/// The reason why there is no simple fix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoFix {
    /// No port was asked for: one for every port would open too much.
    NoPort,
    /// The ends have no address family in common.
    NoCommonFamily,
    /// A rule of the Admin tier denies it, which would void any NetworkPolicy.
    Tier(RuleId, Direction),
    /// Only a block could name this hostNetwork pod, and its address is not known.
    AddressUnknown(PodId),
    /// Only a block could name this hostNetwork pod, and the profile matches no pods with blocks.
    NotForPods(PodId),
    /// Labels do not tell this pod from others that no policy isolates, and that a fix would isolate.
    Closes(PodId),
    /// The fix that was tried out did not do what it should.
    NotFound,
}

/// More pairs of kinds than this are not fixed together: then one of them is.
const MOST_PAIRS: usize = 4096;

/// Nobody reads more policies than this.
const MOST_POLICIES: usize = 16;

/// The most pairs that remain denied and are named.
const MOST_NAMED: usize = 3;

/// A pair of kinds, by place, and an example of it.
type Denied = (usize, usize, (End, End));

/// Finds fixes and tries them out. The workbench that this takes is made once for all questions.
#[derive(Debug)]
pub struct Fixes<'r, 'p> {
    reachability: &'r Reachability<'p>,
    bench: Option<Workbench>,
}

impl<'r, 'p> Fixes<'r, 'p> {
    /// For questions about one matrix.
    pub fn new(reachability: &'r Reachability<'p>) -> Self {
        Self { reachability, bench: None }
    }

    /// Finds a fix for what is denied from one set of ends to another; `None` if nothing is denied.
    pub fn fix(&mut self, from: &Target, to: &Target) -> Option<Result<Fix, NoFix>> {
        let program = self.reachability.program();
        let kinds = Kinds::new(program, from, to);
        let most = if kinds.sources.len() * kinds.destinations.len() > MOST_PAIRS { 1 } else { MOST_PAIRS };
        let denied: Vec<Denied> = kinds.denied(self.reachability).take(most).collect();
        let first = *denied.first()?;
        if !to.names_port {
            return Some(Err(NoFix::NoPort));
        }
        let prover = Prover::new(&program.cluster, program.profile);
        let mut found = self.attempt(&prover, &kinds, &denied, from, to);
        if denied.len() > 1 && found.is_err() {
            found = self.attempt(&prover, &kinds, &[first], from, to);
        }
        Some(found)
    }

    /// A fix for some pairs of kinds.
    fn attempt(
        &mut self,
        prover: &Prover<'_>,
        kinds: &Kinds,
        denied: &[Denied],
        from: &Target,
        to: &Target,
    ) -> Result<Fix, NoFix> {
        let needs = kinds.needs(prover, denied);
        let narrow = self.written(prover, kinds, &needs, false, from, to)?;
        if narrow.closes.is_nothing() {
            return Ok(narrow);
        }
        match self.written(prover, kinds, &needs, true, from, to) {
            Ok(kept) if weight(&kept.closes) < weight(&narrow.closes) => Ok(kept),
            _ => Ok(narrow),
        }
    }

    /// A fix by policies for each side that needs one. If it `keeps`, they admit, too, what rules of the Baseline tier accept.
    fn written(
        &mut self,
        prover: &Prover<'_>,
        kinds: &Kinds,
        needs: &Needs,
        keeps: bool,
        from: &Target,
        to: &Target,
    ) -> Result<Fix, NoFix> {
        let mut writer = Writer { prover, kinds, from, to, keeps, policies: Vec::new() };
        for direction in Direction::ALL.into_iter().rev() {
            writer.direction(direction, needs)?;
        }
        let policies = writer.policies;
        if policies.is_empty() {
            return Err(needs.helpless.first().map_or(NoFix::NotFound, |(_, why)| *why));
        }
        if policies.len() > MOST_POLICIES {
            return Err(NoFix::NotFound);
        }
        let fix = self.try_out(policies, kinds, needs, from, to).ok_or(NoFix::NotFound)?;
        Ok(Fix { keeps, ..fix })
    }

    /// A fix with these policies; `None` if they close something that they need not, or do not open what they should.
    fn try_out(
        &mut self,
        policies: Vec<AllowPolicy>,
        kinds: &Kinds,
        needs: &Needs,
        from: &Target,
        to: &Target,
    ) -> Option<Fix> {
        let program = self.reachability.program();
        let bench = self.bench.get_or_insert_with(|| Workbench::new(&program.cluster, program.profile));
        let origin = program.cluster.policies.iter().next()?.origin.clone();
        let lowered: Option<Vec<_>> =
            bench.lower(|cluster| policies.iter().map(|policy| policy.lower(cluster, &origin)).collect());
        let revision = bench.revise(Vec::new(), lowered?)?;
        let difference = bench.difference(&revision);
        let (opens, closes) = opened::effect(&difference, bench.program(), from, to);
        let (then, remaining, remain) = {
            let after = solve(bench.program());
            let (then, pairs) = can::judge(&after, from, to);
            let why =
                |pair| needs.helpless.iter().find(|(helpless, _)| *helpless == pair).map(|(_, why)| *why);
            let remain = if then == Verdict::Deny {
                let named = kinds.denied(&after).take(MOST_NAMED);
                named.map(|(_, _, pair)| (pair, why(pair))).collect()
            } else {
                Vec::new()
            };
            (then, pairs.deny, remain)
        };
        bench.take_back(&revision);
        let (_, before) = can::judge(self.reachability, from, to);
        let helps = remaining < before.deny && (closes.is_nothing() || needs.isolates);
        helps.then_some(Fix { policies, then, remaining, remain, opens, closes, keeps: false })
    }
}

/// The number of ends and pairs that lose something.
const fn weight(closes: &Closed) -> u64 {
    closes.pairs.saturating_add(closes.outside)
}

/// Writes the policies of a fix.
struct Writer<'a, 'c> {
    prover: &'a Prover<'c>,
    kinds: &'a Kinds,
    from: &'a Target,
    to: &'a Target,
    /// Set if what rules of the Baseline tier accept is kept where a policy isolates.
    keeps: bool,
    policies: Vec<AllowPolicy>,
}

/// The needs of one kind of subjects: peers by place, and the ports and the family towards each.
type Wanted = Vec<(PortSet, Family, usize)>;

impl Writer<'_, '_> {
    /// The policies of one direction: subjects of a namespace that need the same share one.
    fn direction(&mut self, direction: Direction, needs: &Needs) -> Result<(), NoFix> {
        let (subjects, destination_is_peer) = match direction {
            Direction::Egress => (&self.kinds.sources, true),
            Direction::Ingress => (&self.kinds.destinations, false),
        };
        let mut of_subject: BTreeMap<usize, Wanted> = BTreeMap::new();
        for &(subject, peer, family) in &needs.sides[direction] {
            let destination = if destination_is_peer { peer } else { subject };
            let ports = self.kinds.destinations[destination].asked.clone();
            of_subject.entry(subject).or_default().push((ports, family, peer));
        }
        let mut alike: BTreeMap<(NamespaceId, Wanted), BTreeSet<PodId>> = BTreeMap::new();
        for (subject, wanted) in of_subject {
            if let Members::Pods(namespace, pods) = &subjects[subject].members {
                alike.entry((*namespace, wanted)).or_default().extend(pods);
            }
        }
        let mut groups: Vec<_> = alike.into_iter().collect();
        groups.sort_by_key(|(_, pods)| pods.first().copied());
        for ((namespace, wanted), pods) in groups {
            let selectors = self.subjects(namespace, &pods, direction)?;
            let mut rules = self.rules(namespace, direction, wanted)?;
            if self.keeps {
                rules.extend(self.kept(&pods, direction));
            }
            for selector in selectors {
                let name = self.free_name(namespace, &pods, direction);
                let space = self.prover.cluster().namespaces[namespace].name.to_string();
                self.policies.push(AllowPolicy::new(name, space, selector, direction, rules.clone()));
            }
        }
        Ok(())
    }

    /// Selectors for subjects, none of which selects a pod that nothing isolates.
    fn subjects(
        &self,
        namespace: NamespaceId,
        pods: &BTreeSet<PodId>,
        direction: Direction,
    ) -> Result<Vec<LabelSelector>, NoFix> {
        let cluster = self.prover.cluster();
        let isolating = |pod: PodId| -> BTreeSet<PolicyId> {
            let policies = self.prover.policies_of(pod, direction).into_iter();
            let sure = policies
                .filter(|(id, selects)| selects.sure() && cluster.policies[*id].tier == Tier::NetworkPolicy);
            sure.map(|(id, _)| id).collect()
        };
        let is_open = |pod: PodId| self.prover.exemption(pod).is_none() && isolating(pod).is_empty();
        let mut common: Option<BTreeSet<PolicyId>> = None;
        for &pod in pods {
            let own = isolating(pod);
            common = Some(common.map_or(own.clone(), |common| &common & &own));
        }
        let within: Vec<SelectorId> = common
            .unwrap_or_default()
            .into_iter()
            .filter_map(|id| Some(cluster.policies[id].subject.pods()?.pods))
            .collect();
        let chosen = Chooser::new(cluster, namespace, is_open).choose(pods, &within);
        let chosen = chosen.ok_or_else(|| pods.first().map_or(NoFix::NotFound, |pod| NoFix::Closes(*pod)))?;
        Ok(chosen.iter().map(|selector| LabelSelector::new(cluster, selector)).collect())
    }

    /// One rule for each set of ports.
    fn rules(
        &self,
        own: NamespaceId,
        direction: Direction,
        wanted: Wanted,
    ) -> Result<Vec<(Vec<PeerElement>, PortSet)>, NoFix> {
        let mut by_ports: Vec<(PortSet, Vec<(usize, Family)>)> = Vec::new();
        for (ports, family, peer) in wanted {
            match by_ports.iter_mut().find(|(known, _)| *known == ports) {
                Some((_, peers)) => peers.push((peer, family)),
                None => by_ports.push((ports, vec![(peer, family)])),
            }
        }
        by_ports.into_iter().map(|(ports, peers)| Ok((self.peers(own, direction, &peers)?, ports))).collect()
    }

    /// The rules of the Baseline tier that accept, before any that denies, for pods that no NetworkPolicy isolates yet.
    fn kept(&self, pods: &BTreeSet<PodId>, direction: Direction) -> Vec<(Vec<PeerElement>, PortSet)> {
        let cluster = self.prover.cluster();
        let Some(&first) = pods.first() else { return Vec::new() };
        let mut policies = self.prover.policies_of(first, direction);
        policies.retain(|(_, selects)| selects.sure());
        if policies.iter().any(|(id, _)| cluster.policies[*id].tier == Tier::NetworkPolicy) {
            return Vec::new();
        }
        let baseline = policies.iter().map(|(id, _)| &cluster.policies[*id]);
        let rules = baseline.filter(|policy| policy.tier == Tier::Baseline);
        let rules = rules.flat_map(|policy| &policy.rules[direction]);
        let accepting =
            rules.take_while(|rule| rule.action != Action::Deny).filter(|rule| rule.action == Action::Accept);
        accepting.filter_map(|rule| manifest::rule(cluster, rule)).collect()
    }

    fn peers(
        &self,
        own: NamespaceId,
        direction: Direction,
        peers: &[(usize, Family)],
    ) -> Result<Vec<PeerElement>, NoFix> {
        let cluster = self.prover.cluster();
        let kinds = match direction {
            Direction::Egress => &self.kinds.destinations,
            Direction::Ingress => &self.kinds.sources,
        };
        let mut by_namespace: BTreeMap<NamespaceId, BTreeSet<PodId>> = BTreeMap::new();
        let mut addresses: ByFamily<AddressSet> = ByFamily::default();
        for &(peer, family) in peers {
            match &kinds[peer].members {
                Members::Pods(namespace, pods) => by_namespace.entry(*namespace).or_default().extend(pods),
                Members::Host(pod) => {
                    let number = address_number(node_address(self.prover, *pod, family)?);
                    addresses[family] = addresses[family].union(&AddressSet::from_range(number, number));
                }
                Members::Addresses(family, set) => addresses[*family] = addresses[*family].union(set),
            }
        }
        if self.prover.profile().semantics().ip_block_matches_pods {
            self.close_gaps(&mut addresses, &mut by_namespace);
        }
        let mut elements = Vec::new();
        for (namespace, pods) in by_namespace {
            let selectors = Chooser::new(cluster, namespace, |_| false).choose(&pods, &[]);
            let namespace_selector = (namespace != own)
                .then(|| LabelSelector::namespace_called(&cluster.namespaces[namespace].name));
            elements.extend(selectors.ok_or(NoFix::NotFound)?.iter().map(|selector| PeerElement::Pods {
                namespace_selector: namespace_selector.clone(),
                pod_selector: LabelSelector::new(cluster, selector),
            }));
        }
        for family in Family::ALL {
            elements.extend(blocks(family, &addresses[family]));
        }
        Ok(elements)
    }

    /// Pods whose only address lies among the addresses asked for, such as those in a CIDR, are matched with these.
    fn close_gaps(
        &self,
        addresses: &mut ByFamily<AddressSet>,
        pods: &mut BTreeMap<NamespaceId, BTreeSet<PodId>>,
    ) {
        let cluster = self.prover.cluster();
        for family in Family::ALL {
            let ranges = addresses[family].ranges();
            let (Some(&(first, _)), Some(&(_, last))) = (ranges.first(), ranges.last()) else { continue };
            let mut inside = Vec::new();
            let mut is_inside = |pod: &PodId| match &cluster.pods[*pod].addresses {
                Addresses::Known(known) if known.len() == 1 && Family::of(known[0]) == family => {
                    let number = address_number(known[0]);
                    let within = (first..=last).contains(&number);
                    inside.extend(within.then_some((number, number)));
                    within
                }
                _ => false,
            };
            for pods in pods.values_mut() {
                pods.retain(|pod| !is_inside(pod));
            }
            pods.retain(|_, pods| !pods.is_empty());
            addresses[family] = addresses[family].union(&AddressSet::from_ranges(inside));
        }
    }

    /// A name that no policy of the namespace has, so that pasting the fix overwrites nothing.
    fn free_name(&self, namespace: NamespaceId, subjects: &BTreeSet<PodId>, direction: Direction) -> String {
        let cluster = self.prover.cluster();
        let workload = |pods: &mut dyn Iterator<Item = PodId>| {
            let workloads: BTreeSet<_> = pods.map(|pod| cluster.pods[pod].workload).collect();
            let one = workloads.first().filter(|_| workloads.len() == 1)?;
            Some(cluster.workloads[*one].name.to_string())
        };
        let end = |target: &Target, is_subject: bool| {
            let outside = Family::ALL.into_iter().any(|family| !target.ends.addresses[family].is_empty());
            let mut pods = target.ends.pods.iter().map(|(pod, _)| *pod);
            let name = if is_subject {
                workload(&mut subjects.iter().copied())
            } else if outside {
                None
            } else {
                workload(&mut pods)
            };
            name.unwrap_or_else(|| target.end.clone())
        };
        let is_egress = direction == Direction::Egress;
        let (from, to) = (end(self.from, is_egress), end(self.to, !is_egress));
        let mut base: String = format!("allow-{from}-to-{to}")
            .chars()
            .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' })
            .take(200)
            .collect();
        base.truncate(base.trim_end_matches('-').len());
        let space = &cluster.namespaces[namespace].name;
        let name = format!("{base}-{}", direction.as_str());
        let taken = |name: &str| {
            cluster
                .policies
                .iter()
                .any(|policy| policy.name.namespace == *space && *policy.name.name == *name)
                || self.policies.iter().any(|policy| policy.is_called(space, name))
        };
        std::iter::once(name.clone())
            .chain((2..=u32::MAX).map(|n| format!("{name}-{n}")))
            .find(|name| !taken(name))
            .expect("there are more numbers than policies")
    }
}
