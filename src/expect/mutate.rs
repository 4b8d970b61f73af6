//! Measures how much of the policies the tests cover: each rule is broken in turn, and some test should notice.
//!
//! Breaking a policy changes the compiled program in place ([`crate::what_if`]), and only tests about connections that this
//! changes are run again.

mod cluster_wide;

use super::judge::Judge;
use super::test_file::Test;
use crate::cluster::Ranges;
use crate::diagnostic::{Diagnostic, ObjectName, Origin};
use crate::diff::Concerns;
use crate::k8s::{
    IpBlock, LabelSelector, List, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer,
    NetworkPolicySpec, Object, UnevaluatedPolicy,
};
use crate::load::Manifest;
use crate::net::Direction;
use crate::policy::network_policy_api;
use crate::what_if::{Edit, Simulation};

/// The way in which a policy is broken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Mutation {
    /// The policy is taken away.
    PolicyRemoved,
    /// A rule is taken away.
    RuleRemoved,
    /// A rule does the opposite.
    OppositeAction,
    /// One of several peers of a rule is taken away.
    PeerRemoved,
    /// One of several ports of a rule is taken away.
    PortRemoved,
    /// A rule holds for everybody.
    AnyPeer,
    /// A rule holds for every port.
    AnyPort,
    /// A peer holds for pods whatever their labels are.
    AnyPod,
    /// A peer holds for namespaces whatever their labels are.
    AnyNamespace,
    /// A peer holds for nodes whatever their labels are.
    AnyNode,
    /// A block holds every address of its family.
    AnyAddress,
}

/// A policy with one thing broken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mutant {
    /// The policy.
    pub policy: ObjectName,
    /// The place where the policy was read.
    pub origin: Origin,
    /// Path of the part that is broken: `spec.ingress[0].from[1]`; empty for the policy.
    pub path: String,
    /// The way in which it is broken.
    pub mutation: Mutation,
}

/// The fates of all mutants.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Survey {
    /// Number of mutants that some test noticed.
    pub killed: usize,
    /// Those that change connections, and no test noticed.
    pub survived: Vec<Mutant>,
    /// Those that change no connection at all: no test could notice.
    pub equivalent: Vec<Mutant>,
    /// Number of tests that do not pass without mutation, and so notice nothing.
    pub failing: usize,
}

impl Survey {
    /// Number of mutants that count towards the score: all but the equivalent ones.
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
    /// The namespace of names without one.
    pub namespace: &'t str,
    /// The address ranges of the cluster.
    pub ranges: &'t Ranges,
}

/// Breaks every NetworkPolicy and every cluster-wide policy of `manifests`, which `simulation` was made of, in every way.
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

/// Every way to break a NetworkPolicy or a cluster-wide policy; of other objects there is none.
fn mutants(manifest: &Manifest) -> Vec<(Mutant, Edit)> {
    let Some((policy, in_edits, broken)) = broken_policies(&manifest.object) else { return Vec::new() };
    let mutant = |path: String, mutation| Mutant {
        policy: policy.clone(),
        origin: manifest.origin.clone(),
        path,
        mutation,
    };
    let deleted = (mutant(String::new(), Mutation::PolicyRemoved), Edit::Delete(in_edits));
    let replaced = broken.into_iter().map(|(path, mutation, object)| {
        let edit = Edit::Replace(Box::new(Manifest { object, origin: manifest.origin.clone() }));
        (mutant(path, mutation), edit)
    });
    [deleted].into_iter().chain(replaced).collect()
}

/// A path within a policy, how the part there is broken, and the policy with it broken.
type BrokenPolicy = (String, Mutation, Object);

/// The name of a policy, its name in edits, and every way to break a rule of it; `None` for other objects.
fn broken_policies(object: &Object) -> Option<(ObjectName, ObjectName, Vec<BrokenPolicy>)> {
    let metadata = object.metadata();
    let named = |namespace: &str| ObjectName {
        kind: object.kind().into(),
        namespace: namespace.into(),
        name: metadata.name.as_deref().unwrap_or_default().into(),
    };
    match object {
        Object::NetworkPolicy(policy) => {
            let specs = broken(policy.spec.as_ref()?).into_iter().map(|(path, mutation, spec)| {
                let mut policy = policy.clone();
                policy.spec = Some(spec);
                (path, mutation, Object::NetworkPolicy(policy))
            });
            let namespace = metadata.namespace.as_deref().filter(|name| !name.is_empty());
            let name = named(namespace.unwrap_or("default"));
            Some((name.clone(), name, specs.collect()))
        }
        Object::Unevaluated(policy) => {
            let kind = network_policy_api::Kind::find(&policy.api_version, &policy.kind)?;
            let specs = cluster_wide::broken(kind, &policy.spec).into_iter().map(|(path, mutation, spec)| {
                let broken = UnevaluatedPolicy { spec, ..policy.clone() };
                (path, mutation, Object::Unevaluated(broken))
            });
            let name = named("");
            let qualified = format!("{}.{}", kind.name(), network_policy_api::GROUP).into();
            Some((name.clone(), ObjectName { kind: qualified, ..name }, specs.collect()))
        }
        _ => None,
    }
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

/// The part of a rule that is loosened.
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
