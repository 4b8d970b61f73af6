//! Judges whether a cluster does what a test expects, and finds a pair that shows it does not.
//!
//! Pods alike are judged once: what is looked at are the lots of [`crate::query::can::lots`], never single pairs.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::rc::Rc;

use super::resolve::{
    Nothing, OwnPorts, Resolved, Resolver, Role, asked, ends_without, everything, is_empty, perhaps, without,
};
use super::test_file::{Endpoint, Expectation, Test};
use crate::cluster::{Cluster, NodeId, PodId, Ranges};
use crate::diff::Concern;
use crate::label::Truth;
use crate::net::{AddressSet, ByFamily, Direction, Family, PortSet, Protocol, address_number};
use crate::policy::{PolicyId, Tier};
use crate::query::can::{self, Answer, Lot, Pairs, Verdict, counting, hidden_clients, lots};
use crate::query::endpoint::{Perhaps, Ports, Target};
use crate::query::explain::{self, Fixes};
use crate::query::{Ends, merged};
use crate::solve::proof::{Prover, Side};
use crate::solve::{Connectivity, End, Reachability};

/// The result of a test, before its rule for unknowns and its waiver.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Result {
    /// It is as expected, whatever the unknown facts are.
    Passed,
    /// The input does not decide it.
    Unknown,
    /// It is not as expected, whatever the unknown facts are.
    Failed,
}

/// The result of a test, with the reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// The result, whatever the test makes of unknowns.
    pub result: Result,
    /// The reason why it did not pass.
    pub evidence: Option<Evidence>,
    /// Notes on its endpoints and on the connections that count.
    pub notes: Vec<String>,
}

/// The reason why a test did not pass.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Evidence {
    /// An endpoint stands for nothing that can be asked about.
    Nothing {
        /// The role of the endpoint in the test.
        role: Role,
        /// The endpoint.
        endpoint: Box<Endpoint>,
        /// The reason why it stands for nothing.
        why: Nothing,
    },
    /// It is not known whether any pod at all is meant by an endpoint.
    PerhapsNothing(Doubt),
    /// A pair of ends.
    Pair(Box<Counterexample>),
}

/// A pod that may or may not belong to an endpoint, or an address that may be the one of a pod.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Doubt {
    /// The role of the endpoint in the test.
    pub role: Role,
    /// The endpoint.
    pub endpoint: Box<Endpoint>,
    /// The pod or the address.
    pub end: End,
    /// True if a label is the reason; otherwise it is an address that the input does not give.
    pub is_by_label: bool,
}

/// The connectivity that a test demands of a pair, on the ports it asks about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// Every port is allowed.
    All,
    /// Every port is allowed, and policies restrict what may be said on it.
    Restricted,
    /// At least one is.
    Some,
    /// None is.
    None,
}

/// A pair that is not as expected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Counterexample {
    /// The connectivity that was expected of the pair.
    pub wanted: Wanted,
    /// The answer about the two ends, on those ports alone that are not as expected.
    pub answer: Answer,
    /// Number of pairs of the test that are not as expected.
    pub failing: u128,
    /// Number of pairs for which the input does not decide it.
    pub unknown: u128,
    /// Number of pairs that were judged.
    pub pairs: u128,
    /// If all that is not known is whether it belongs to the test.
    pub doubt: Option<Doubt>,
}

/// The policy, or the rule of it, that decides a pair.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Responsible {
    /// The policy.
    pub policy: PolicyId,
    /// One of its rules, by its place among those of the direction.
    pub rule: Option<(Direction, usize)>,
}

/// Judges tests in one cluster.
#[derive(Debug)]
pub struct Judge<'r> {
    reachability: &'r Reachability<'r>,
    resolver: Resolver<'r>,
    everything: Everything,
    /// The search for fixes; `None` if no fixes are wanted.
    fixes: Option<RefCell<Fixes<'r, 'r>>>,
}

/// All ends of a cluster; policies do not change them.
pub(super) type Everything = Rc<OnceCell<Ends>>;

/// Ends of one side of a test.
struct Party<'t> {
    role: Role,
    endpoint: Option<&'t Endpoint>,
    ends: Ends,
    perhaps: Perhaps,
    own_ports: Option<&'t OwnPorts>,
}

/// An endpoint and what it is.
struct Found<'t> {
    role: Role,
    endpoint: &'t Endpoint,
    members: Vec<Resolved>,
}

impl<'t> Found<'t> {
    fn parties(&'t self) -> Vec<Party<'t>> {
        let party = |resolved: &'t Resolved| Party {
            role: self.role,
            endpoint: Some(self.endpoint),
            ends: resolved.ends.clone(),
            perhaps: resolved.perhaps.clone(),
            own_ports: resolved.own_ports.as_ref(),
        };
        self.members.iter().map(party).collect()
    }

    /// True if at least one end surely belongs to it; for a list, to each member.
    fn is_certain(&self) -> bool {
        self.members.iter().all(|resolved| !is_empty(&resolved.ends))
    }

    /// Returns `None` unless a pod perhaps belongs to it; then true if a label is the reason that it is not sure.
    fn doubts(&self, end: End) -> Option<bool> {
        self.members.iter().find_map(|resolved| {
            let End::Pod(pod, _) = end else { return None };
            let is_in =
                |pods: &[(PodId, _)]| pods.iter().any(|(id, _): &(PodId, std::ops::Range<u32>)| *id == pod);
            let Perhaps { by_label, by_address } = &resolved.perhaps;
            is_in(by_label).then_some(true).or_else(|| is_in(by_address).then_some(false))
        })
    }
}

impl Counterexample {
    /// The rule or policy that the pair hangs on, if there is one: what admits a connection that should not be, or the
    /// policy that isolates an end of one that should.
    pub fn responsible(&self, cluster: &Cluster) -> Option<Responsible> {
        let shown = &self.answer.shown;
        let sides = shown.family()?.sides();
        let rule = |direction, (policy, index)| Responsible { policy, rule: Some((direction, index)) };
        if shown.verdict != Verdict::Deny {
            let admits =
                |side: &Side| shown.admitted_by(cluster, side).first().map(|&at| rule(side.direction, at));
            return sides.into_iter().rev().find_map(admits);
        }
        let denies = |side: &&Side| shown.side_verdict(side) == Verdict::Deny;
        let denying: Vec<&Side> = sides.into_iter().filter(denies).collect();
        let ruled = denying
            .iter()
            .find_map(|side| shown.decided_by(cluster, side).first().map(|&at| rule(side.direction, at)));
        ruled.or_else(|| {
            let isolates = |policy: PolicyId| cluster.policies[policy].tier == Tier::NetworkPolicy;
            let isolating = denying.iter().find_map(|side| {
                let isolating = side.policies.iter().find(|proof| isolates(proof.policy));
                isolating.or(side.policies.first())
            });
            isolating.map(|proof| Responsible { policy: proof.policy, rule: None })
        })
    }
}

impl<'r> Judge<'r> {
    /// A judge; names without a namespace are completed with `namespace`.
    pub fn new(
        reachability: &'r Reachability<'r>,
        namespace: impl Into<Option<&'r str>>,
        ranges: &'r Ranges,
    ) -> Self {
        let cluster = &reachability.program().cluster;
        let resolver = Resolver { cluster, namespace: namespace.into(), ranges, is_source: false };
        Self { reachability, resolver, everything: Rc::default(), fixes: None }
    }

    /// The same, with a fix for every connection that should be allowed.
    #[must_use]
    pub fn with_fixes(self) -> Self {
        Self { fixes: Some(RefCell::new(Fixes::new(self.reachability))), ..self }
    }

    /// The same for a cluster that was asked about before, under other policies.
    pub(super) fn knowing(self, everything: &Everything) -> Self {
        Self { everything: Rc::clone(everything), ..self }
    }

    /// Everything there is in the cluster, found when it is first needed.
    pub(super) fn everything(&self) -> Everything {
        Rc::clone(&self.everything)
    }

    /// The sources and the destinations that a test is about.
    pub(super) fn concern(&self, test: &Test) -> [Concern; 2] {
        let concern = |endpoint: Option<&Endpoint>, resolver: Resolver<'_>| match endpoint {
            None => {
                let everything = self.everything.get_or_init(|| everything(self.cluster()));
                Concern::new(everything.pods.iter().map(|(pod, _)| *pod), everything.addresses.clone())
            }
            Some(endpoint) => match resolver.resolve(endpoint, None) {
                Err(_) => Concern::default(),
                Ok(members) => {
                    let pods = members.iter().flat_map(|one| one.ends.pods.iter().chain(one.perhaps.pods()));
                    let mut addresses: ByFamily<AddressSet> = ByFamily::default();
                    for (one, family) in members.iter().flat_map(|one| Family::ALL.map(|f| (one, f))) {
                        addresses[family] = addresses[family].union(&one.ends.addresses[family]);
                    }
                    Concern::new(pods.map(|(pod, _)| *pod), addresses)
                }
            },
        };
        let (sources, destinations) = (self.resolver.of_sources(), self.resolver);
        [concern(test.from.as_ref(), sources), concern(test.to.as_ref(), destinations)]
    }

    fn cluster(&self) -> &'r Cluster {
        self.resolver.cluster
    }

    /// Judges a test.
    pub fn judge(&self, test: &Test) -> Outcome {
        self.trial(test).outcome()
    }

    /// True if a test passes, waivers aside; does not look for the reason.
    pub(super) fn passes(&self, test: &Test) -> bool {
        test.passes(self.trial(test).result())
    }

    fn trial<'j, 't>(&'j self, test: &'t Test) -> Trial<'j, 'r, 't> {
        let mut trial =
            Trial { judge: self, test, notes: Vec::new(), nothing: None, tally: Tally::default() };
        trial.run();
        trial
    }
}

/// One test before a judge.
struct Trial<'j, 'r, 't> {
    judge: &'j Judge<'r>,
    test: &'t Test,
    notes: Vec<String>,
    /// The first endpoint that cannot be asked about.
    nothing: Option<(Result, Evidence)>,
    tally: Tally,
}

impl<'t> Trial<'_, '_, 't> {
    fn run(&mut self) {
        let test = self.test;
        let ports = test.ports.as_deref();
        let (from, to) = (test.from.as_ref(), test.to.as_ref());
        let from = from.map(|from| self.find(Role::From, from, None));
        let to = to.map(|to| self.find(Role::To, to, ports));
        match &test.expectation {
            Expectation::Allow | Expectation::Restricted | Expectation::Deny => {
                let (Some(Some(from)), Some(Some(to))) = (from, to) else { return };
                let wanted = match test.expectation {
                    Expectation::Allow => Wanted::All,
                    Expectation::Restricted => Wanted::Restricted,
                    _ => Wanted::None,
                };
                let mut found = Vec::new();
                for source in &from.parties() {
                    for destination in &to.parties() {
                        self.lots(source, destination, true, &mut found);
                    }
                }
                let is_certain = from.is_certain() && to.is_certain();
                self.weigh(wanted, counting(found, |found| &mut found.lot), is_certain, &[&from, &to]);
            }
            Expectation::Only(list) => {
                let towards = from.is_none();
                let Some(subject) = from.flatten().or(to.flatten()) else { return };
                let asked = ports.filter(|_| !towards);
                let listed: Vec<Found<'_>> =
                    list.iter().filter_map(|endpoint| self.find(Role::Only, endpoint, asked)).collect();
                if listed.len() == list.len() || test.allows_empty {
                    self.only(&subject, towards, &listed);
                }
            }
        }
    }

    /// `expectOnly`: the subject is the destination if `towards`.
    fn only(&mut self, subject: &Found<'t>, towards: bool, listed: &[Found<'t>]) {
        let others = self.others(listed);
        let mut found = Vec::new();
        for subject in &subject.parties() {
            let (from, to) = if towards { (&others, subject) } else { (subject, &others) };
            self.lots(from, to, false, &mut found);
        }
        found.retain(Asked::is_asked);
        self.note_own_nodes(subject, towards, &others);
        let concerned: Vec<&Found<'_>> = listed.iter().chain([subject]).collect();
        self.weigh(Wanted::None, found, false, &concerned);
        for endpoint in listed {
            let mut found = Vec::new();
            for subject in &subject.parties() {
                for other in &endpoint.parties() {
                    let (from, to) = if towards { (other, subject) } else { (subject, other) };
                    self.lots(from, to, true, &mut found);
                }
            }
            let all = found.len();
            found.retain(Asked::is_asked);
            let is_certain = endpoint.is_certain() && subject.is_certain() && found.len() == all;
            self.weigh(
                Wanted::Some,
                counting(found, |found| &mut found.lot),
                is_certain,
                &[endpoint, subject],
            );
        }
    }

    /// Everybody who is not listed.
    fn others(&self, listed: &[Found<'_>]) -> Party<'t> {
        let everything = self.judge.everything.get_or_init(|| everything(self.judge.cluster()));
        let mut sure = Ends::default();
        let [mut by_label, mut by_address] = [Vec::new(), Vec::new()];
        for resolved in listed.iter().flat_map(|found| &found.members) {
            sure.pods.extend(resolved.ends.pods.iter().cloned());
            by_label.extend(resolved.perhaps.by_label.iter().cloned());
            by_address.extend(resolved.perhaps.by_address.iter().cloned());
            for family in Family::ALL {
                let more = &resolved.ends.addresses[family];
                sure.addresses[family] = sure.addresses[family].union(more);
            }
        }
        sure.pods = merged(&sure.pods);
        let perhaps = perhaps(&sure.pods, &by_label, &by_address);
        let mut ends = ends_without(everything, &sure);
        ends.pods = without(&without(&ends.pods, &perhaps.by_label), &perhaps.by_address);
        Party { role: Role::Only, endpoint: None, ends, perhaps, own_ports: None }
    }

    /// Says that the policies alone count for the others, where that matters: from its own node a pod can always be
    /// reached (R50).
    fn note_own_nodes(&mut self, subject: &Found<'_>, towards: bool, others: &Party<'_>) {
        let cluster = self.judge.cluster();
        let of = |pods: &[(PodId, std::ops::Range<u32>)], hosts: bool| -> BTreeSet<NodeId> {
            let pods = pods.iter().map(|(pod, _)| &cluster.pods[*pod]);
            pods.filter(|pod| pod.host_network == hosts).filter_map(|pod| pod.node).collect()
        };
        let own =
            subject.members.iter().flat_map(|one| of(&one.ends.pods, !towards)).collect::<BTreeSet<_>>();
        let theirs = of(&others.ends.pods, towards);
        let is_address = |node: &NodeId| {
            let mut addresses = cluster.nodes[*node].addresses.iter();
            towards
                && addresses.any(|ip| others.ends.addresses[Family::of(*ip)].contains(address_number(*ip)))
        };
        if own.iter().any(|node| theirs.contains(node) || is_address(node)) {
            self.notes.push(OWN_NODE.to_owned());
        }
    }

    fn find(
        &mut self,
        role: Role,
        endpoint: &'t Endpoint,
        ports: Option<&[crate::query::endpoint::PortRequest]>,
    ) -> Option<Found<'t>> {
        let resolver = self.judge.resolver;
        let is_source = role == Role::From || (role == Role::Only && self.test.from.is_none());
        let resolver = if is_source { resolver.of_sources() } else { resolver };
        let members = match resolver.resolve(endpoint, ports) {
            Ok(members) => members,
            Err(why) => {
                let may_be_nothing = self.test.allows_empty && is_absence(&why);
                if !may_be_nothing {
                    let endpoint = Box::new(endpoint.clone());
                    self.fail_with(Result::Failed, Evidence::Nothing { role, endpoint, why });
                }
                return None;
            }
        };
        if !self.test.allows_empty
            && let Some(doubtful) = members.iter().find(|resolved| is_empty(&resolved.ends))
            && let Some((pod, range)) = doubtful.perhaps.pods().next()
        {
            let end = End::Pod(*pod, range.start);
            let doubt = Doubt { role, endpoint: Box::new(endpoint.clone()), end, is_by_label: true };
            self.fail_with(Result::Unknown, Evidence::PerhapsNothing(doubt));
        }
        for note in members.iter().flat_map(|resolved| &resolved.notes) {
            if !self.notes.contains(note) {
                self.notes.push(note.clone());
            }
        }
        Some(Found { role, endpoint, members })
    }

    fn fail_with(&mut self, result: Result, evidence: Evidence) {
        if self.nothing.as_ref().is_none_or(|(before, _)| *before < result) {
            self.nothing = Some((result, evidence));
        }
    }

    /// The lots between two sides; with `nodes`, connections from a pod's own node are exempt.
    fn lots(&mut self, from: &Party<'_>, to: &Party<'_>, nodes: bool, into: &mut Vec<Asked>) {
        let nothing = |party: &Party<'_>| is_empty(&party.ends) && party.perhaps.is_empty();
        if nothing(from) || nothing(to) {
            return;
        }
        let ports = self.test.ports.as_deref();
        let (targets, missing) =
            asked(self.judge.cluster(), to.ends.clone(), to.perhaps.clone(), ports, to.own_ports);
        // Of others than those that are listed nothing is expected on ports that they do not have.
        if let Some((member, why)) = missing
            && let Some(endpoint) = to.endpoint
            && !self.test.allows_empty
        {
            let result = if member.sure() { Result::Failed } else { Result::Unknown };
            let endpoint = Box::new(endpoint.clone());
            self.fail_with(result, Evidence::Nothing { role: to.role, endpoint, why });
        }
        let source =
            Rc::new(Target { ends: from.ends.clone(), perhaps: from.perhaps.clone(), ..Target::default() });
        for destination in targets.into_iter().map(Rc::new) {
            let note = hidden_clients(self.judge.reachability, &source, &destination);
            self.notes.extend(note.filter(|note| !self.notes.contains(note)));
            for lot in lots(self.judge.reachability, &source, &destination, nodes) {
                into.push(Asked { lot, from: Rc::clone(&source), to: Rc::clone(&destination) });
            }
        }
    }

    /// Counts lots. Where one that surely counts is not as wanted, the test fails; those that perhaps count decide it only
    /// if all of them agree and `is_certain` says that some pair counts: then it does not matter which of them do.
    fn weigh(&mut self, wanted: Wanted, found: Vec<Asked>, is_certain: bool, concerned: &[&Found<'_>]) {
        let held: Vec<Truth> =
            found.iter().map(|asked| holds(wanted, &asked.lot.bounds, &asked.lot.asked)).collect();
        let agree = is_certain && held.iter().all(|holds| *holds == Truth::No);
        if wanted == Wanted::All {
            self.note_restricted(&found);
        }
        for (Asked { lot, from, to }, holds) in found.into_iter().zip(held) {
            let hangs_on_member = holds == Truth::No && !lot.member.sure() && !agree;
            let holds = if hangs_on_member { Truth::Unknown } else { holds };
            let mut example = None;
            if holds != Truth::Yes && self.tally.wants(holds) {
                let doubt = hangs_on_member.then(|| doubt(&from, &to, lot.first, concerned)).flatten();
                example = Some(Example { wanted, from, to, doubt });
            }
            self.tally.add(Judged { lot, holds, example });
        }
    }

    /// Says that something is allowed under conditions only, which `expect: allow` takes for allowed.
    fn note_restricted(&mut self, found: &[Asked]) {
        let restricted = found.iter().fold(PortSet::empty(), |all, Asked { lot, .. }| {
            all.union(&lot.bounds.restricted().intersection(&lot.asked))
        });
        if !restricted.is_empty() {
            self.notes.push(format!(
                "policies restrict what may be said on {restricted}; `expect: restricted` asks for that"
            ));
        }
    }

    fn result(&self) -> Result {
        self.tally.result().max(self.nothing.as_ref().map_or(Result::Passed, |(result, _)| *result))
    }

    fn outcome(self) -> Outcome {
        let result = self.result();
        let Self { judge, notes, nothing, tally, .. } = self;
        let evidence = match nothing {
            _ if result == Result::Passed => None,
            Some((of_nothing, evidence)) if of_nothing == result => Some(evidence),
            _ => tally.counterexample(judge).map(|example| Evidence::Pair(Box::new(example))),
        };
        Outcome { result, evidence, notes }
    }
}

/// True if an endpoint stands for nothing because nothing matches it, not because it could not be understood.
fn is_absence(why: &Nothing) -> bool {
    use crate::query::endpoint::EndpointError as E;
    match why {
        Nothing::NoMatch | Nothing::NoPort { .. } => true,
        Nothing::Named(error) => matches!(
            error,
            E::Unknown { .. }
                | E::Finished { .. }
                | E::NoPods { .. }
                | E::EmptyNamespace { .. }
                | E::Empty { .. }
                | E::NoBackends { .. }
        ),
    }
}

/// The note of an `expectOnly` for which connections from a pod's own node (R50) would matter.
const OWN_NODE: &str = "a pod can always be reached from its own node, so the policies alone count for those that are not listed";

/// Of which end of a pair it is not known whether it is meant, and by which endpoint.
fn doubt(from: &Target, to: &Target, pair: (End, End), concerned: &[&Found<'_>]) -> Option<Doubt> {
    let can::Doubt { is_source, end, is_by_label } = can::Doubt::of(from, to, pair)?;
    let role = if is_source { Role::From } else { Role::To };
    let found = concerned
        .iter()
        .find(|found| found.doubts(end) == Some(is_by_label))
        .or_else(|| concerned.iter().find(|found| found.role == role))?;
    Some(Doubt { role: found.role, endpoint: Box::new(found.endpoint.clone()), end, is_by_label })
}

fn holds(wanted: Wanted, bounds: &Connectivity, asked: &PortSet) -> Truth {
    let within = |ports: &PortSet| {
        Protocol::ALL.into_iter().all(|protocol| asked.of(protocol).is_subset(ports.of(protocol)))
    };
    let meets = |ports: &PortSet| {
        Protocol::ALL.into_iter().any(|protocol| !asked.of(protocol).is_disjoint(ports.of(protocol)))
    };
    let (surely, possibly) = match wanted {
        Wanted::All => (within(&bounds.must), within(&bounds.may)),
        Wanted::Restricted => (within(&bounds.restricted()), within(&bounds.may.difference(&bounds.plain))),
        Wanted::Some => (meets(&bounds.must), meets(&bounds.may)),
        Wanted::None => (!meets(&bounds.may), !meets(&bounds.must)),
    };
    match (surely, possibly) {
        (true, _) => Truth::Yes,
        (false, true) => Truth::Unknown,
        (false, false) => Truth::No,
    }
}

/// Pairs, and the targets that they are pairs of.
struct Asked {
    lot: Lot,
    from: Rc<Target>,
    to: Rc<Target>,
}

impl Asked {
    /// True if `expectOnly` asks about the pairs: never a pod and itself, nor two addresses outside.
    fn is_asked(&self) -> bool {
        let (a, b) = self.lot.first;
        !self.lot.relation.is_outside() && a != b
    }
}

struct Judged {
    lot: Lot,
    holds: Truth,
    example: Option<Example>,
}

/// The parts from which a counterexample is built.
struct Example {
    wanted: Wanted,
    from: Rc<Target>,
    to: Rc<Target>,
    doubt: Option<Doubt>,
}

/// The counts over the pairs seen so far.
#[derive(Default)]
struct Tally {
    pairs: u128,
    failing: u128,
    unknown: u128,
    /// The first pair that fails, else the first that is unknown.
    first: Option<(Truth, Lot, Example)>,
}

impl Tally {
    /// True if an example with this result would be kept.
    fn wants(&self, holds: Truth) -> bool {
        self.first.as_ref().is_none_or(|(before, ..)| holds < *before)
    }

    fn add(&mut self, judged: Judged) {
        let Judged { lot, holds, example } = judged;
        self.pairs += lot.count;
        match holds {
            Truth::Yes => return,
            Truth::Unknown => self.unknown += lot.count,
            Truth::No => self.failing += lot.count,
        }
        if self.wants(holds)
            && let Some(example) = example
        {
            self.first = Some((holds, lot, example));
        }
    }

    fn result(&self) -> Result {
        match (self.failing, self.unknown) {
            (0, 0) => Result::Passed,
            (0, _) => Result::Unknown,
            _ => Result::Failed,
        }
    }

    fn counterexample(self, judge: &Judge<'_>) -> Option<Counterexample> {
        let (holds, lot, Example { wanted, from, to, doubt }) = self.first?;
        let Lot { first: (a, b), bounds, asked, .. } = lot;
        let restricted = bounds.restricted();
        let Connectivity { plain, must, may } = bounds;
        let surely = holds == Truth::No || doubt.is_some();
        let ports = match (wanted, surely) {
            (Wanted::All, true) => asked.difference(&may),
            (Wanted::All, false) => asked.difference(&must),
            (Wanted::Restricted, true) => asked.difference(&may.difference(&plain)),
            (Wanted::Restricted, false) => asked.difference(&restricted),
            (Wanted::None, true) => asked.intersection(&must),
            (Wanted::None, false) => asked.intersection(&may.difference(&must)),
            (Wanted::Some, true) => asked,
            (Wanted::Some, false) => asked.intersection(&may),
        };
        let program = judge.reachability.program();
        let shown = explain::pair(&Prover::new(&program.cluster, program.profile), a, b, &ports);
        let verdict = shown.verdict;
        // One port of all would do: nobody asked for every port to be opened.
        let asks_much = wanted == Wanted::Some && to.ports == Ports::Every;
        let wants_fix = verdict == Verdict::Deny && doubt.is_none() && !asks_much;
        let fixes = judge.fixes.as_ref().filter(|_| wants_fix);
        let fix = fixes.and_then(|fixes| fixes.borrow_mut().fix(&from, &to));
        let one = |meant: Verdict| u128::from(verdict == meant);
        let end = |end: End, ports| {
            let (text, ends) = match end {
                End::Pod(pod, index) => (
                    judge.cluster().pod_path(pod, index),
                    Ends { pods: vec![(pod, index..index + 1)], addresses: ByFamily::default() },
                ),
                End::Address(address) => {
                    (address.to_string(), Ends { pods: Vec::new(), addresses: only(address) })
                }
            };
            Target { text: text.clone(), end: text, ends, ports, names_port: true, ..Target::default() }
        };
        let answer = Answer {
            from: end(a, Ports::Every),
            to: end(b, Ports::Of(ports.clone())),
            verdict,
            pairs: Pairs {
                allow: one(Verdict::Allow),
                deny: one(Verdict::Deny),
                unknown: one(Verdict::Unknown),
            },
            ports: ports.intersection(&must),
            denied: ports.difference(&may),
            unknown: ports.intersection(&may.difference(&must)),
            some: PortSet::empty(),
            restricted: ports.intersection(&restricted),
            restrictions: Vec::new(),
            shown,
            doubt: None,
            fix,
        };
        let Self { failing, unknown, pairs, .. } = self;
        Some(Counterexample { wanted, answer, failing, unknown, pairs, doubt })
    }
}

fn only(address: IpAddr) -> ByFamily<crate::net::AddressSet> {
    let number = address_number(address);
    let mut addresses = ByFamily::default();
    addresses[Family::of(address)] = crate::net::AddressSet::from_range(number, number);
    addresses
}
