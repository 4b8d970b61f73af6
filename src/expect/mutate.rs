//! How much of the policies the tests watch over: each rule is broken in turn, and some test should notice.
//!
//! Breaking a policy changes the compiled program in place ([`crate::what_if`]). Only tests about connections that this
//! changes are run again.

use super::judge::Judge;
use super::test_file::Test;
use crate::cluster::Ranges;
use crate::diagnostic::{Diagnostic, ObjectName, Origin};
use crate::diff::Concerns;
use crate::k8s::{
    IpBlock, LabelSelector, List, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer,
    NetworkPolicySpec, Object,
};
use crate::load::Manifest;
use crate::net::Direction;
use crate::what_if::{Edit, Simulation};

/// What is done to a policy.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Mutation {
    /// The policy is taken away.
    PolicyRemoved,
    /// A rule is taken away.
    RuleRemoved,
    /// A rule holds for everybody.
    AnyPeer,
    /// A rule holds for every port.
    AnyPort,
    /// A peer holds for pods whatever their labels are.
    AnyPod,
    /// A peer holds for namespaces whatever their labels are.
    AnyNamespace,
    /// A block holds every address of its family.
    AnyAddress,
}

/// A policy with one thing broken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mutant {
    /// The policy.
    pub policy: ObjectName,
    /// Where it was read.
    pub origin: Origin,
    /// What of it is broken: `spec.ingress[0].from[1]`; empty for the policy.
    pub path: String,
    /// How.
    pub mutation: Mutation,
}

/// What became of all mutants.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Survey {
    /// How many some test noticed.
    pub killed: usize,
    /// Those that change connections, and no test noticed.
    pub survived: Vec<Mutant>,
    /// Those that change no connection at all: no test could notice.
    pub equivalent: Vec<Mutant>,
    /// How many tests do not pass as it is, and so notice nothing.
    pub failing: usize,
}

impl Survey {
    /// How many mutants count.
    pub fn total(&self) -> usize {
        self.killed + self.survived.len()
    }

    /// The share of mutants that were noticed, in percent, rounded down; all if there is nothing to notice.
    pub fn score(&self) -> u64 {
        match self.total() {
            0 => 100,
            total => (self.killed * 100 / total) as u64,
        }
    }
}

/// Tests, and how to read their endpoints.
#[derive(Clone, Copy, Debug)]
pub struct Tests<'t> {
    /// The tests.
    pub tests: &'t [&'t Test],
    /// What completes names without a namespace.
    pub namespace: &'t str,
    /// Where addresses lie.
    pub ranges: &'t Ranges,
}

/// Breaks every NetworkPolicy of `manifests`, which `simulation` was made of, in every way.
///
/// # Errors
///
/// What the cluster says against a mutant.
pub fn survey(
    simulation: &mut Simulation,
    manifests: &[Manifest],
    asked: Tests<'_>,
) -> Result<Survey, Vec<Diagnostic>> {
    let mut survey = Survey::default();
    let mut watching: Vec<&Test> = Vec::new();
    let mut concerns = Concerns::default();
    let everything = {
        let reachability = simulation.reachability();
        let judge = Judge::new(&reachability, asked.namespace, asked.ranges);
        for &test in asked.tests {
            if judge.passes(test) {
                watching.push(test);
                concerns.push(judge.concern(test));
            } else {
                survey.failing += 1;
            }
        }
        judge.everything()
    };
    for (mutant, edit) in manifests.iter().flat_map(mutants) {
        let fate = simulation.try_out(&[edit], |variant| {
            if variant.effect.difference.is_empty() {
                return None;
            }
            let concerned = concerns.met_by(&variant.effect.difference);
            if concerned.is_empty() {
                return Some(false);
            }
            let reachability = variant.reachability();
            let judge = Judge::new(&reachability, asked.namespace, asked.ranges).knowing(&everything);
            Some(concerned.into_iter().any(|number| !judge.passes(watching[number])))
        })?;
        match fate {
            None => survey.equivalent.push(mutant),
            Some(true) => survey.killed += 1,
            Some(false) => survey.survived.push(mutant),
        }
    }
    Ok(survey)
}

/// Every way to break a NetworkPolicy; of other objects there is none.
fn mutants(manifest: &Manifest) -> Vec<(Mutant, Edit)> {
    let Object::NetworkPolicy(policy) = &manifest.object else { return Vec::new() };
    let Some(spec) = &policy.spec else { return Vec::new() };
    let metadata = &policy.metadata;
    let name = ObjectName {
        kind: "NetworkPolicy".into(),
        namespace: metadata.namespace.as_deref().filter(|name| !name.is_empty()).unwrap_or("default").into(),
        name: metadata.name.as_deref().unwrap_or_default().into(),
    };
    let mutant = |path: String, mutation| Mutant {
        policy: name.clone(),
        origin: manifest.origin.clone(),
        path,
        mutation,
    };
    let mut all = vec![(mutant(String::new(), Mutation::PolicyRemoved), Edit::Delete(name.clone()))];
    for (path, mutation, spec) in broken(spec) {
        let mut policy = policy.clone();
        policy.spec = Some(spec);
        let object = Object::NetworkPolicy(policy);
        let edit = Edit::Replace(Box::new(Manifest { object, origin: manifest.origin.clone() }));
        all.push((mutant(path, mutation), edit));
    }
    all
}

/// One rule of either direction.
struct AnyRule<'s> {
    peers: Option<&'s List<NetworkPolicyPeer>>,
    has_ports: bool,
}

/// Every way to break a rule of a spec.
fn broken(spec: &NetworkPolicySpec) -> Vec<(String, Mutation, NetworkPolicySpec)> {
    let mut all = Vec::new();
    for direction in [Direction::Ingress, Direction::Egress] {
        for (i, rule) in rules(spec, direction).into_iter().enumerate() {
            let path = format!("spec.{}[{i}]", direction.as_str());
            let side = if direction == Direction::Ingress { "from" } else { "to" };
            all.push((path.clone(), Mutation::RuleRemoved, with_rule(spec, direction, i, None)));
            if rule.has_ports {
                let loose = with_rule(spec, direction, i, Some(Loose::Ports));
                all.push((format!("{path}.ports"), Mutation::AnyPort, loose));
            }
            let Some(peers) = rule.peers.filter(|peers| !peers.is_empty()) else { continue };
            let loose = with_rule(spec, direction, i, Some(Loose::Peers(None)));
            all.push((format!("{path}.{side}"), Mutation::AnyPeer, loose));
            for (j, peer) in peers.iter().enumerate() {
                for (mutation, peer) in widened(peer) {
                    let mut widened = peers.to_vec();
                    widened[j] = peer;
                    let loose = with_rule(spec, direction, i, Some(Loose::Peers(Some(widened.into()))));
                    all.push((format!("{path}.{side}[{j}]"), mutation, loose));
                }
            }
        }
    }
    all
}

/// What is loosened of a rule.
enum Loose {
    Ports,
    Peers(Option<List<NetworkPolicyPeer>>),
}

fn rules(spec: &NetworkPolicySpec, direction: Direction) -> Vec<AnyRule<'_>> {
    let rule = |peers, ports: bool| AnyRule { peers, has_ports: ports };
    match direction {
        Direction::Ingress => spec
            .ingress
            .iter()
            .flat_map(|list| list.iter())
            .map(|r| rule(r.from.as_ref(), r.ports.as_ref().is_some_and(|ports| !ports.is_empty())))
            .collect(),
        Direction::Egress => spec
            .egress
            .iter()
            .flat_map(|list| list.iter())
            .map(|r| rule(r.to.as_ref(), r.ports.as_ref().is_some_and(|ports| !ports.is_empty())))
            .collect(),
    }
}

/// A spec with one rule loosened or, without anything to loosen, taken away.
fn with_rule(
    spec: &NetworkPolicySpec,
    direction: Direction,
    index: usize,
    loose: Option<Loose>,
) -> NetworkPolicySpec {
    fn changed<R: Clone>(list: &List<R>, index: usize, change: Option<impl FnOnce(&mut R)>) -> List<R> {
        let mut rules = list.to_vec();
        match change {
            Some(change) => change(&mut rules[index]),
            None => drop(rules.remove(index)),
        }
        rules.into()
    }
    let mut spec = spec.clone();
    // Which directions a policy isolates hangs on the rules it has, unless it says so.
    let isolates_egress = spec.egress.as_ref().is_some_and(|rules| !rules.is_empty());
    if spec.policy_types.as_ref().is_none_or(|types| types.is_empty()) {
        let types: Vec<crate::k8s::Text> = [Some("Ingress"), isolates_egress.then_some("Egress")]
            .into_iter()
            .flatten()
            .map(Into::into)
            .collect();
        spec.policy_types = Some(types.into());
    }
    match (direction, &spec.ingress, &spec.egress) {
        (Direction::Ingress, Some(list), _) => {
            spec.ingress = Some(changed(
                list,
                index,
                loose.map(|loose| {
                    |rule: &mut NetworkPolicyIngressRule| match loose {
                        Loose::Ports => rule.ports = None,
                        Loose::Peers(peers) => rule.from = peers,
                    }
                }),
            ));
        }
        (Direction::Egress, _, Some(list)) => {
            spec.egress = Some(changed(
                list,
                index,
                loose.map(|loose| {
                    |rule: &mut NetworkPolicyEgressRule| match loose {
                        Loose::Ports => rule.ports = None,
                        Loose::Peers(peers) => rule.to = peers,
                    }
                }),
            ));
        }
        _ => {}
    }
    spec
}

/// The ways to widen a peer.
fn widened(peer: &NetworkPolicyPeer) -> Vec<(Mutation, NetworkPolicyPeer)> {
    let asks = |selector: &Option<LabelSelector>| {
        selector.as_ref().is_some_and(|selector| *selector != LabelSelector::default())
    };
    let mut all = Vec::new();
    if asks(&peer.pod_selector) {
        let pod_selector = Some(LabelSelector::default());
        all.push((Mutation::AnyPod, NetworkPolicyPeer { pod_selector, ..peer.clone() }));
    }
    if asks(&peer.namespace_selector) {
        let namespace_selector = Some(LabelSelector::default());
        all.push((Mutation::AnyNamespace, NetworkPolicyPeer { namespace_selector, ..peer.clone() }));
    }
    if let Some(block) = &peer.ip_block {
        let everything =
            if block.cidr.as_deref().is_some_and(|cidr| cidr.contains(':')) { "::/0" } else { "0.0.0.0/0" };
        let has_holes = block.except.as_ref().is_some_and(|except| !except.is_empty());
        if has_holes || block.cidr.as_deref() != Some(everything) {
            let ip_block = Some(IpBlock { cidr: Some(everything.into()), except: None });
            all.push((Mutation::AnyAddress, NetworkPolicyPeer { ip_block, ..peer.clone() }));
        }
    }
    all
}
