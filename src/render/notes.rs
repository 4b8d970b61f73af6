//! Notes on a matrix beside the policies, as findings: missing facts with how to supply them, points on which CNIs
//! differ, and what is not listed.

use std::net::IpAddr;

use super::explain::Words;
use super::text::count;
use crate::cluster::Cluster;
use crate::diagnostic::{Code, Diagnostic, ObjectName, nearest};
use crate::profile::Profile;
use crate::query::idle::{Idle, Why};
use crate::query::unknowns::{Difference, Fact, MissingFact, Point};

/// The most facts, and the most policies that mean nothing, that are told one by one.
const MOST: usize = 24;

/// The most names that one fact lists.
const NAMES: usize = 3;

/// The missing facts, each with the field that asks for it.
pub fn missing_facts(cluster: &Cluster, facts: &[MissingFact]) -> Vec<Diagnostic> {
    let words = Words { cluster };
    let shown = if facts.len() > MOST + 1 { MOST } else { facts.len() };
    let mut notes: Vec<Diagnostic> = facts[..shown].iter().map(|missing| note(words, missing)).collect();
    if facts.len() > shown {
        let more = count((facts.len() - shown) as u64, "more fact is", "more facts are");
        notes.push(Diagnostic::new(Code::MissingFact, format!("{more} not known that policies ask for")));
    }
    notes
}

fn note(words: Words<'_>, missing: &MissingFact) -> Diagnostic {
    let cluster = words.cluster;
    let (message, help) = match &missing.fact {
        Fact::NamespaceLabel(requirement, namespaces) => {
            let meant = namespaces.iter().copied().find(|id| !words.automatic(requirement, *id).is_empty());
            let example = meant.unwrap_or(namespaces[0]);
            let name = |id| format!("`{}`", cluster.namespaces[id].name);
            let names = some(namespaces.iter().map(|id| name(*id)), namespaces.len());
            let (noun, have, them) = if namespaces.len() == 1 {
                ("namespace", "has", "it")
            } else {
                ("namespaces", "have", "them")
            };
            (
                format!(
                    "whether {noun} {names} {have} {} is not known: the input does not declare {them}",
                    words.wanted(requirement)
                ),
                format!(
                    "add the Namespace, or say `--assume ns/{} {}={}`{}",
                    cluster.namespaces[example].name,
                    words.key(requirement.key),
                    words.value(requirement),
                    words.automatic(requirement, example)
                ),
            )
        }
        Fact::PodLabel(requirement, pods) => {
            let name = |pod| format!("`{}`", cluster.pod_path(pod, 0));
            let names = some(pods.iter().map(|pod| name(*pod)), pods.len());
            (
                format!(
                    "whether pods such as {names} have {} is not known: a controller chooses the value",
                    words.wanted(requirement)
                ),
                format!(
                    "say `--assume pod/{} {}={}`",
                    cluster.pod_path(pods[0], 0),
                    words.key(requirement.key),
                    words.value(requirement)
                ),
            )
        }
        Fact::Tie(other, pairs) => {
            let (a, b) = (words.policy(missing.policy), words.policy(*other));
            let (from, to) = (words.end(pairs.0), words.end(pairs.1));
            (
                format!(
                    "priority tie: which of {a} and {b} counts is not known, as for {from} -> {to}: they have the same \
                     tier and priority and disagree, and the API lets the implementation choose"
                ),
                "give them different priorities".to_owned(),
            )
        }
        Fact::Addresses(pods) => (
            format!(
                "blocks of policies may hold the addresses of {}, which the input does not give",
                count(*pods, "pod", "pods")
            ),
            "dump the pods with their status, or say `--pod-cidr CIDR`".to_owned(),
        ),
    };
    let policy = &cluster.policies[missing.policy];
    Diagnostic::new(Code::MissingFact, message)
        .with_object(policy.name.clone())
        .with_origin(policy.origin.clone())
        .with_path(&missing.path)
        .with_help(help)
}

/// The first few names.
fn some(names: impl Iterator<Item = String>, all: usize) -> String {
    let shown = if all > NAMES + 1 { NAMES } else { all };
    let names: Vec<String> = names.take(shown).collect();
    let more = if all > shown { format!(" and {} more", all - shown) } else { String::new() };
    format!("{}{more}", names.join(", "))
}

/// Policies, and parts of policies, that mean nothing for the input.
pub fn idle(cluster: &Cluster, profile: Profile, idle: &[Idle]) -> Vec<Diagnostic> {
    let note = |Idle { policy, path, why }: &Idle| {
        let policy = &cluster.policies[*policy];
        let ObjectName { kind, namespace, .. } = &policy.name;
        let name = policy.name.path();
        let (message, help) = match why {
            Why::NotEnforced => (
                format!(
                    "{kind} {name} has no effect: CNI profile `{}` does not enforce policies of this kind",
                    profile.name()
                ),
                Some("`--cni` says which implementation is meant".to_owned()),
            ),
            Why::NoPod => (format!("{kind} {name} selects no pod of the input"), None),
            Why::NoNamespace => {
                let near = nearest(
                    namespace,
                    cluster
                        .namespaces
                        .iter()
                        .filter(|own| own.name != *namespace)
                        .map(|own| own.name.to_string()),
                );
                (
                    format!(
                        "{kind} {name} selects no pod: nothing else of the input is in namespace `{namespace}`"
                    ),
                    near.first().map(|near| format!("did you mean `{near}`?")),
                )
            }
            Why::NoPeer => {
                (format!("{path} of {kind} {name} matches no pod of the input and no address"), None)
            }
            Why::NoPort(port, protocol) => (
                format!(
                    "{path} of {kind} {name}: no pod that the rule is about declares a port `{port}` for {protocol}"
                ),
                None,
            ),
        };
        let note = Diagnostic::new(Code::MatchesNothing, message)
            .with_object(policy.name.clone())
            .with_origin(policy.origin.clone())
            .with_path(path);
        match help {
            Some(help) => note.with_help(help),
            None => note,
        }
    };
    let shown = if idle.len() > MOST + 1 { MOST } else { idle.len() };
    let mut notes: Vec<Diagnostic> = idle[..shown].iter().map(note).collect();
    if idle.len() > shown {
        let more =
            count((idle.len() - shown) as u64, "more policy, rule or port", "more policies, rules or ports");
        notes.push(Diagnostic::new(Code::MatchesNothing, format!("{more} without a match in the input")));
    }
    notes
}

/// The replicas that a listing by pod leaves out.
pub fn unlisted_replicas(left_out: u64, listed: u32) -> Diagnostic {
    let replicas = count(left_out, "replica is", "replicas are");
    Diagnostic::new(
        Code::Shortened,
        format!("{replicas} counted and not listed: like the {listed} of the same workload that are listed"),
    )
    .with_help("name one of them with `--from` or `--to`, or look at workloads: leave out `--by pod`")
}

/// Addresses of nodes that reach the pods there otherwise than before.
pub fn from_nodes(addresses: &[IpAddr]) -> Diagnostic {
    let names = some(addresses.iter().map(|address| format!("`{address}`")), addresses.len());
    Diagnostic::new(
        Code::Shortened,
        format!(
            "a pod can always be reached from its own node (R50), and nodes have other addresses, or pods are on other \
             nodes, than before: what changed from {names} counts and is not listed"
        ),
    )
}

/// The points on which other profiles decide otherwise.
pub fn differences(profile: Profile, differences: &[Difference]) -> Vec<Diagnostic> {
    let here = profile.semantics();
    differences
        .iter()
        .map(|Difference { point, others }| {
            let what = match point {
                Point::HostsByLabel if here.hosts_by_label => {
                    "the label of the hosts' namespace takes in hostNetwork pods and nodes here (I2)"
                }
                Point::HostsByLabel => {
                    "a rule asks for the label of the hosts' namespace, which admits no host here (I2)"
                }
                Point::BlocksOnPods if here.ip_block_matches_pods => {
                    "an ipBlock matches addresses of pods here (I5)"
                }
                Point::BlocksOnPods => {
                    "an ipBlock holds addresses of pods, which it does not match here (I5)"
                }
                Point::AmbiguousPort => {
                    "an egress rule names a port that stands for several numbers on a pod (I14)"
                }
                Point::InitContainerPort => {
                    "a rule names a port that an init container or a sidecar declares (I15)"
                }
                Point::EgressNamedPort if here.egress_port_crosses_namespaces => {
                    "an egress rule names a port, which means the pods of every namespace here (I16)"
                }
                Point::EgressNamedPort => {
                    "an egress rule names a port, which means the pods of its own namespace here (I16)"
                }
                Point::BarePods if here.bare_pods_are_subjects => {
                    "policies apply to pods without an owner here (I19)"
                }
                Point::BarePods => "no policy applies to pods without an owner here (I19)",
            };
            let others: Vec<String> = others.iter().map(|other| format!("`{}`", other.name())).collect();
            let verb = if others.len() == 1 { "decides" } else { "decide" };
            Diagnostic::new(Code::ProfilesDiffer, format!("{what}; {} {verb} otherwise", others.join(", ")))
        })
        .collect()
}
