//! Whether a cluster does what a test expects, and the pair that shows it does not.
//!
//! Pods alike are judged once: what is looked at are the lots of [`crate::query::can::lots`], never single pairs.

use std::cell::{OnceCell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;

use super::resolve::{
    Nothing, Pods, Resolved, Resolver, Role, asked, ends_without, everything, is_empty, without,
};
use super::test_file::{Endpoint, Expectation, Test};
use crate::cluster::{Cluster, Ranges};
use crate::diff::Concern;
use crate::label::Truth;
use crate::net::{ByFamily, Direction, Family, PortSet, Protocol, address_number};
use crate::policy::PolicyId;
use crate::query::can::{Answer, Lot, Pairs, Verdict, lots};
use crate::query::endpoint::{Ports, Target};
use crate::query::explain::{self, Fixes};
use crate::query::{Ends, merged};
use crate::solve::proof::{Prover, Side};
use crate::solve::{Connectivity, End, Reachability};

/// What a test came to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Result {
    /// It is as expected, whatever the unknown facts are.
    Passed,
    /// The input does not decide it.
    Unknown,
    /// It is not as expected, whatever the unknown facts are.
    Failed,
}

/// What a test came to, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// The result, whatever the test makes of unknowns.
    pub result: Result,
    /// Why it did not pass.
    pub evidence: Option<Evidence>,
    /// What should be known about how its endpoints were read.
    pub notes: Vec<String>,
}

/// Why a test did not pass.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Evidence {
    /// An endpoint stands for nothing that can be asked about.
    Nothing {
        /// What the endpoint is to the test.
        role: Role,
        /// The endpoint.
        endpoint: Box<Endpoint>,
        /// Why.
        why: Nothing,
    },
    /// It is not known whether any pod at all is meant by an endpoint.
    PerhapsNothing(Doubt),
    /// A pair of ends.
    Pair(Box<Counterexample>),
}

/// A pod that may or may not belong to an endpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Doubt {
    /// What the endpoint is to the test.
    pub role: Role,
    /// The endpoint.
    pub endpoint: Box<Endpoint>,
    /// The pod.
    pub pod: End,
}

/// What is wanted of a pair.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// Every port is allowed.
    All,
    /// At least one is.
    Some,
    /// None is.
    None,
}

/// A pair that is not as expected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Counterexample {
    /// What was expected of it.
    pub wanted: Wanted,
    /// What there is to say about the two ends, on those ports alone that are not as expected.
    pub answer: Answer,
    /// How many pairs of the test are not as expected.
    pub failing: u128,
    /// How many may not be.
    pub unknown: u128,
    /// How many there are.
    pub pairs: u128,
    /// If all that is not known is whether it belongs to the test.
    pub doubt: Option<Doubt>,
}

/// What a pair hangs on.
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
    /// Where fixes are tried out; `None` if nobody will read them.
    fixes: Option<RefCell<Fixes<'r, 'r>>>,
}

/// All ends of a cluster; policies do not change them.
pub(super) type Everything = Rc<OnceCell<Ends>>;

/// Ends of one side of a test.
struct Party<'t> {
    role: Role,
    endpoint: Option<&'t Endpoint>,
    ends: Ends,
    /// Whether they surely belong to it.
    member: Truth,
    service: Option<&'t Ports>,
}

/// An endpoint and what it is.
struct Found<'t> {
    role: Role,
    endpoint: &'t Endpoint,
    resolved: Resolved,
}

impl<'t> Found<'t> {
    /// What surely belongs to it, and what perhaps does.
    fn sides(&'t self) -> [Party<'t>; 2] {
        let side = |ends, member| Party {
            role: self.role,
            endpoint: Some(self.endpoint),
            ends,
            member,
            service: self.resolved.service.as_ref(),
        };
        let perhaps = Ends { pods: self.resolved.perhaps.clone(), addresses: ByFamily::default() };
        [side(self.resolved.ends.clone(), Truth::Yes), side(perhaps, Truth::Unknown)]
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
            let isolating = denying.iter().find_map(|side| side.policies.first());
            isolating.map(|proof| Responsible { policy: proof.policy, rule: None })
        })
    }
}

impl<'r> Judge<'r> {
    /// A judge; names without a namespace are completed with `namespace`.
    pub fn new(reachability: &'r Reachability<'r>, namespace: &'r str, ranges: &'r Ranges) -> Self {
        let cluster = &reachability.program().cluster;
        let resolver = Resolver { cluster, namespace, ranges };
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
        let concern = |endpoint: Option<&Endpoint>| match endpoint {
            None => {
                let everything = self.everything.get_or_init(|| everything(self.cluster()));
                Concern::new(everything.pods.iter().map(|(pod, _)| *pod), everything.addresses.clone())
            }
            Some(endpoint) => match self.resolver.resolve(endpoint, None) {
                Err(_) => Concern::default(),
                Ok(Resolved { ends, perhaps, .. }) => {
                    Concern::new(ends.pods.iter().chain(&perhaps).map(|(pod, _)| *pod), ends.addresses)
                }
            },
        };
        [concern(test.from.as_ref()), concern(test.to.as_ref())]
    }

    fn cluster(&self) -> &'r Cluster {
        self.resolver.cluster
    }

    /// Judges a test.
    pub fn judge(&self, test: &Test) -> Outcome {
        let mut trial =
            Trial { judge: self, test, notes: Vec::new(), nothing: None, tally: Tally::default() };
        trial.run();
        trial.outcome()
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
            Expectation::Allow | Expectation::Deny => {
                let (Some(Some(from)), Some(Some(to))) = (from, to) else { return };
                let wanted =
                    if matches!(test.expectation, Expectation::Allow) { Wanted::All } else { Wanted::None };
                let mut found = Vec::new();
                for source in &from.sides() {
                    for destination in &to.sides() {
                        self.lots(source, destination, wanted, &mut found);
                    }
                }
                self.weigh(found);
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
        let everything = self.judge.everything.get_or_init(|| everything(self.judge.cluster()));
        let mut sure = Ends::default();
        let mut perhaps: Pods = Vec::new();
        for found in listed {
            sure.pods.extend(found.resolved.ends.pods.iter().cloned());
            perhaps.extend(found.resolved.perhaps.iter().cloned());
            for family in Family::ALL {
                let more = &found.resolved.ends.addresses[family];
                sure.addresses[family] = sure.addresses[family].union(more);
            }
        }
        sure.pods = merged(&sure.pods);
        let perhaps = Ends { pods: without(&merged(&perhaps), &sure.pods), addresses: ByFamily::default() };
        let others = ends_without(&ends_without(everything, &sure), &perhaps);
        let side = |ends, member| Party { role: Role::Only, endpoint: None, ends, member, service: None };
        let others = [side(others, Truth::Yes), side(perhaps, Truth::Unknown)];
        for subject in &subject.sides() {
            for other in &others {
                let mut found = Vec::new();
                let (from, to) = if towards { (other, subject) } else { (subject, other) };
                self.lots(from, to, Wanted::None, &mut found);
                self.weigh(found);
            }
            for endpoint in listed {
                let mut found = Vec::new();
                for other in &endpoint.sides() {
                    let (from, to) = if towards { (other, subject) } else { (subject, other) };
                    self.lots(from, to, Wanted::Some, &mut found);
                }
                self.weigh(found);
            }
        }
    }

    fn find(
        &mut self,
        role: Role,
        endpoint: &'t Endpoint,
        ports: Option<&[crate::query::endpoint::PortRequest]>,
    ) -> Option<Found<'t>> {
        let resolved = match self.judge.resolver.resolve(endpoint, ports) {
            Ok(resolved) => resolved,
            Err(why) => {
                let may_be_nothing = self.test.allows_empty && is_absence(&why);
                if !may_be_nothing {
                    let endpoint = Box::new(endpoint.clone());
                    self.fail_with(Result::Failed, Evidence::Nothing { role, endpoint, why });
                }
                return None;
            }
        };
        if is_empty(&resolved.ends)
            && !self.test.allows_empty
            && let Some((pod, range)) = resolved.perhaps.first()
        {
            let pod = End::Pod(*pod, range.start);
            let doubt = Doubt { role, endpoint: Box::new(endpoint.clone()), pod };
            self.fail_with(Result::Unknown, Evidence::PerhapsNothing(doubt));
        }
        self.notes.extend(resolved.notes.iter().cloned());
        Some(Found { role, endpoint, resolved })
    }

    fn fail_with(&mut self, result: Result, evidence: Evidence) {
        if self.nothing.as_ref().is_none_or(|(before, _)| *before < result) {
            self.nothing = Some((result, evidence));
        }
    }

    /// The lots between two sides, judged.
    fn lots(&mut self, from: &Party<'_>, to: &Party<'_>, wanted: Wanted, into: &mut Vec<Judged>) {
        if is_empty(&from.ends) || is_empty(&to.ends) {
            return;
        }
        let ports = self.test.ports.as_deref();
        let (targets, missing) = asked(self.judge.cluster(), to.ends.clone(), ports, to.service);
        // Of others than those that are listed nothing is expected on ports that they do not have.
        if let Some(why) = missing
            && let Some(endpoint) = to.endpoint
            && !self.test.allows_empty
        {
            let result = if to.member.sure() { Result::Failed } else { Result::Unknown };
            let endpoint = Box::new(endpoint.clone());
            self.fail_with(result, Evidence::Nothing { role: to.role, endpoint, why });
        }
        let member = from.member.and(to.member);
        let doubtful = if from.member.sure() { to } else { from };
        let source = Rc::new(target(from.ends.clone(), Ports::Every));
        for destination in targets.into_iter().map(Rc::new) {
            if is_empty(&destination.ends) {
                continue;
            }
            for lot in lots(self.judge.reachability, &source, &destination) {
                let is_outside = matches!(lot.first, (End::Address(_), End::Address(_)));
                let is_itself = lot.first.0 == lot.first.1;
                if (is_outside || is_itself) && matches!(self.test.expectation, Expectation::Only(_)) {
                    continue;
                }
                let holds = holds(wanted, &lot.bounds, &lot.asked);
                let because_of_member = holds == Truth::No && !member.sure();
                let holds = if because_of_member { Truth::Unknown } else { holds };
                let mut example = None;
                if holds != Truth::Yes && self.tally.wants(holds) {
                    let end = if from.member.sure() { lot.first.1 } else { lot.first.0 };
                    let doubt = because_of_member.then(|| doubtful.endpoint.cloned()).flatten();
                    example = Some(Example {
                        wanted,
                        from: Rc::clone(&source),
                        to: Rc::clone(&destination),
                        doubt: doubt.map(|endpoint| Doubt {
                            role: doubtful.role,
                            endpoint: Box::new(endpoint),
                            pod: end,
                        }),
                    });
                }
                into.push(Judged { lot, holds, example });
            }
        }
    }

    /// Counts lots. Those of ends without a common family count only if there are no others: that nobody has an address
    /// of one of the families of a range is no denial. Nor is it of interest that addresses outside reach each other.
    fn weigh(&mut self, found: Vec<Judged>) {
        let distance = |lot: &Lot| match lot.first {
            (End::Address(_), End::Address(_)) => 2,
            _ => u8::from(!lot.related),
        };
        let nearest = found.iter().map(|judged| distance(&judged.lot)).min();
        for judged in found.into_iter().filter(|judged| Some(distance(&judged.lot)) == nearest) {
            self.tally.add(judged);
        }
    }

    fn outcome(self) -> Outcome {
        let Self { judge, notes, nothing, tally, .. } = self;
        let result = tally.result().max(nothing.as_ref().map_or(Result::Passed, |(result, _)| *result));
        let evidence = match nothing {
            _ if result == Result::Passed => None,
            Some((of_nothing, evidence)) if of_nothing == result => Some(evidence),
            _ => tally.counterexample(judge).map(|example| Evidence::Pair(Box::new(example))),
        };
        Outcome { result, evidence, notes }
    }
}

/// Whether an endpoint stands for nothing because there is nothing, and not because it was not understood.
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

fn target(ends: Ends, ports: Ports) -> Target {
    Target { text: String::new(), end: String::new(), ends, ports, notes: Vec::new() }
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
        Wanted::Some => (meets(&bounds.must), meets(&bounds.may)),
        Wanted::None => (!meets(&bounds.may), !meets(&bounds.must)),
    };
    match (surely, possibly) {
        (true, _) => Truth::Yes,
        (false, true) => Truth::Unknown,
        (false, false) => Truth::No,
    }
}

struct Judged {
    lot: Lot,
    holds: Truth,
    example: Option<Example>,
}

/// What a counterexample is made of.
struct Example {
    wanted: Wanted,
    from: Rc<Target>,
    to: Rc<Target>,
    doubt: Option<Doubt>,
}

/// What is known of the pairs seen so far.
#[derive(Default)]
struct Tally {
    pairs: u128,
    failing: u128,
    unknown: u128,
    /// The first pair that fails, else the first that is unknown.
    first: Option<(Truth, Lot, Example)>,
}

impl Tally {
    /// Whether an example of this kind would be kept.
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
        let Lot { first: (a, b), bounds: Connectivity { must, may }, asked, .. } = lot;
        let surely = holds == Truth::No || doubt.is_some();
        let ports = match (wanted, surely) {
            (Wanted::All, true) => asked.difference(&may),
            (Wanted::All, false) => asked.difference(&must),
            (Wanted::None, true) => asked.intersection(&must),
            (Wanted::None, false) => asked.intersection(&may.difference(&must)),
            (Wanted::Some, true) => asked,
            (Wanted::Some, false) => asked.intersection(&may),
        };
        let program = judge.reachability.program();
        let shown = explain::pair(&Prover::new(&program.cluster, program.profile), a, b, &ports);
        let verdict = shown.verdict;
        let wants_fix = verdict == Verdict::Deny && doubt.is_none();
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
            Target { text: text.clone(), end: text, ends, ports, notes: Vec::new() }
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
            some: PortSet::empty(),
            unknown: ports.intersection(&may.difference(&must)),
            shown,
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
