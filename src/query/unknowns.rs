//! Facts that verdicts depend on and the input does not give, and points that the API leaves open.
//!
//! Found by looking at what policies ask, once, and never at pairs. A fact is listed if a policy in force asks for it
//! and the answer could matter; whether another rule admits the connection anyway is not looked into.

mod ties;

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{Addresses, Cluster, NamespaceId, PodId};
use crate::compile::Program;
use crate::label::{KeyId, LabelSetId, LabelValue, Requirement, SelectorId, Truth};
use crate::net::{Direction, Family};
use crate::policy::{NamespaceMatch, Peer, Peers, PodMatch, PolicyId};
use crate::profile::{Profile, Semantics};
use crate::query::explain::undecided;
use crate::solve::End;

/// A fact that the input does not give, and the first place where a policy asks for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MissingFact {
    /// The fact.
    pub fact: Fact,
    /// The policy that asks.
    pub policy: PolicyId,
    /// The field that does, as Kubernetes writes paths.
    pub path: String,
}

/// Something that the input may not say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fact {
    /// A requirement that namespaces which no manifest declares may or may not meet; ascending, never empty.
    NamespaceLabel(Requirement, Vec<NamespaceId>),
    /// A requirement on a label whose value a controller chooses, which pods may or may not meet: one pod for each
    /// namespace and set of labels, ascending, never empty.
    PodLabel(Requirement, Vec<PodId>),
    /// The addresses of this many pods.
    Addresses(u64),
    /// Which of the policy and this one counts: they have one tier and priority, and disagree about these ends.
    Tie(PolicyId, (End, End)),
}

/// A point on which other CNIs decide otherwise than the profile, and which the input touches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The point.
    pub point: Point,
    /// The profiles that decide otherwise.
    pub others: Vec<Profile>,
}

/// A point that the API leaves open.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Point {
    /// I2: whether a label stands for hosts.
    HostsByLabel,
    /// I5: whether blocks match the addresses of pods.
    BlocksOnPods,
    /// I14: what a port name means that stands for several numbers.
    AmbiguousPort,
    /// I15: whether names count that init containers and sidecars declare.
    InitContainerPort,
    /// I16: whether egress rules resolve names on pods of other namespaces.
    EgressNamedPort,
    /// I19: whether pods without an owner are subject to policies.
    BarePods,
}

/// The facts that are missing, in the order in which policies ask for them.
pub fn missing_facts(program: &Program) -> Vec<MissingFact> {
    let mut search = Search::new(program);
    for (id, policy) in program.cluster.policies.enumerate() {
        if program.policies[id].is_none() || !policy.tier.is_evaluated() || policy.is_withdrawn() {
            continue;
        }
        let subject = policy.subject.pods();
        if let Some(selectors) = subject {
            search.selectors(selectors, || (id, policy.subject_path().into()));
        }
        if Direction::ALL.into_iter().all(|direction| program.deciding[id][direction].is_empty()) {
            continue;
        }
        for direction in Direction::ALL {
            for rule in &policy.rules[direction] {
                let Peers::Of(peers) = &rule.peers else { continue };
                for (i, peer) in peers.iter().enumerate() {
                    if let Peer::Pods(selectors) = peer {
                        let asked = || (id, rule.written.peer(i));
                        if let (true, Some(subject)) = (selectors.namespaces.is_relative(), subject) {
                            search.home(selectors, subject, asked);
                        }
                        search.selectors(selectors, asked);
                    }
                }
            }
        }
    }
    let others = search.addresses().into_iter().chain(ties::ties(program)).collect();
    search.found(others)
}

/// The policy and the field that ask for a fact.
type Asked = (PolicyId, String);

struct Search<'p> {
    program: &'p Program,
    cluster: &'p Cluster,
    of_namespaces: BTreeMap<Requirement, (Asked, BTreeSet<NamespaceId>)>,
    of_pods: BTreeMap<Requirement, (Asked, BTreeSet<PodId>)>,
    seen: BTreeSet<PodMatch>,
    /// Namespaces with pods whose labels are not all known.
    namespaces: Vec<NamespaceId>,
    /// One pod of each namespace and label set that is not all known.
    pods: BTreeMap<(NamespaceId, LabelSetId), PodId>,
    /// The keys that are not known of some pod; `None` if that may be any.
    keys: Option<BTreeSet<KeyId>>,
}

impl<'p> Search<'p> {
    fn new(program: &'p Program) -> Self {
        let cluster = &program.cluster;
        let sets = &cluster.labels.sets;
        let incomplete = |(_, namespace): &(NamespaceId, &crate::cluster::Namespace)| {
            namespace.pods.start < namespace.pods.end && !is_known(cluster, namespace.labels)
        };
        let namespaces = cluster.namespaces.enumerate().filter(incomplete).map(|(id, _)| id).collect();
        let mut pods = BTreeMap::new();
        for (id, pod) in cluster.pods.enumerate() {
            if !pod.host_network && !is_known(cluster, pod.labels) {
                pods.entry((pod.namespace, pod.labels)).or_insert(id);
            }
        }
        let mut keys = Some(BTreeSet::new());
        for labels in pods.keys().map(|(_, labels)| &sets[*labels]).collect::<BTreeSet<_>>() {
            let unknown = labels.entries().iter().filter(|(_, value)| !matches!(value, LabelValue::Known(_)));
            match &mut keys {
                Some(keys) if labels.is_complete() && labels.reserved().is_empty() => {
                    keys.extend(unknown.map(|(key, _)| *key));
                }
                _ => keys = None,
            }
        }
        Self {
            program,
            cluster,
            of_namespaces: BTreeMap::new(),
            of_pods: BTreeMap::new(),
            seen: BTreeSet::new(),
            namespaces,
            pods,
            keys,
        }
    }

    fn selectors(&mut self, selectors: &PodMatch, asked: impl Fn() -> Asked) {
        if !self.seen.insert(*selectors) {
            return;
        }
        let cluster = self.cluster;
        let labels_of = |pod: PodId| cluster.pods[pod].labels;
        if let Some(selector) = selectors.namespaces.selector() {
            self.of_namespaces(selector, selectors.pods, &asked);
        }
        let requirements = cluster.labels.selectors[selectors.pods].requirements();
        let concerns = |keys: &BTreeSet<KeyId>| requirements.iter().any(|r| keys.contains(&r.key));
        if requirements.is_empty() || self.keys.as_ref().is_some_and(|keys| !concerns(keys)) {
            return;
        }
        for (&(namespace, labels), &pod) in &self.pods {
            let in_namespace = match selectors.namespaces {
                NamespaceMatch::One(own) => Truth::from_bool(own == namespace),
                NamespaceMatch::Labels(selector)
                | NamespaceMatch::SameLabels(selector)
                | NamespaceMatch::OtherLabels(selector) => {
                    self.matches(selector, cluster.namespaces[namespace].labels)
                }
            };
            if in_namespace.possible() && self.matches(selectors.pods, labels) == Truth::Unknown {
                for requirement in undecided(cluster, selectors.pods, labels_of(pod)) {
                    let fact = self.of_pods.entry(requirement.clone());
                    fact.or_insert_with(|| (asked(), BTreeSet::new())).1.insert(pod);
                }
            }
        }
    }

    /// Labels that a peer compares with those of its subject's namespace, and that are not known of namespaces where the
    /// policy may select pods.
    fn home(&mut self, peer: &PodMatch, subject: &PodMatch, asked: impl Fn() -> Asked) {
        let Some(selector) = peer.namespaces.selector() else { return };
        self.of_namespaces(selector, subject.pods, &asked);
    }

    /// Labels that a selector asks for, and that are not known of namespaces with pods that another may match.
    fn of_namespaces(&mut self, selector: SelectorId, of_pods: SelectorId, asked: &impl Fn() -> Asked) {
        let cluster = self.cluster;
        for &namespace in &self.namespaces {
            let facts = &cluster.namespaces[namespace];
            let mut pods = cluster.pods.slice(facts.pods.clone()).iter();
            if self.matches(selector, facts.labels) == Truth::Unknown
                && pods.any(|pod| !pod.host_network && self.matches(of_pods, pod.labels).possible())
            {
                for requirement in undecided(cluster, selector, facts.labels) {
                    let fact = self.of_namespaces.entry(requirement.clone());
                    fact.or_insert_with(|| (asked(), BTreeSet::new())).1.insert(namespace);
                }
            }
        }
    }

    /// Pods without addresses, where blocks hold some of the addresses they may have and not all.
    fn addresses(&self) -> Option<MissingFact> {
        let cluster = self.cluster;
        let mut concerned = [false; 2];
        let mut first: Option<PolicyId> = None;
        if self.program.semantics.ip_block_matches_pods {
            for list in &self.program.peers {
                let mut uses = Direction::ALL.into_iter().flat_map(|direction| {
                    list.uses[direction]
                        .iter()
                        .map(|(policy, _)| *policy)
                        .filter(move |policy| !self.program.deciding[*policy][direction].is_empty())
                });
                let Some(policy) = uses.next() else { continue };
                for (host_network, concerned) in [false, true].into_iter().zip(&mut concerned) {
                    let unknown = &cluster.unknown_addresses;
                    let regions = if host_network { &unknown.hosts } else { &unknown.pods };
                    let partly = Family::ALL.into_iter().any(|family| {
                        regions[family].as_ref().is_some_and(|region| {
                            !region.is_disjoint(&list.blocks[family])
                                && !region.is_subset(&list.blocks[family])
                        })
                    });
                    if partly {
                        *concerned = true;
                        first = first.into_iter().chain([policy]).min();
                    }
                }
            }
        }
        let pods = cluster
            .pods
            .iter()
            .filter(|pod| pod.addresses == Addresses::Unknown && concerned[usize::from(pod.host_network)]);
        let count: u64 = pods.map(|pod| u64::from(pod.count)).sum();
        let policy = first.filter(|_| count > 0)?;
        Some(MissingFact { fact: Fact::Addresses(count), policy, path: String::new() })
    }

    fn found(self, others: Vec<MissingFact>) -> Vec<MissingFact> {
        let of_namespaces = self.of_namespaces.into_iter().map(|(requirement, (asked, namespaces))| {
            (asked, Fact::NamespaceLabel(requirement, namespaces.into_iter().collect()))
        });
        let of_pods = self.of_pods.into_iter().map(|(requirement, (asked, pods))| {
            (asked, Fact::PodLabel(requirement, pods.into_iter().collect()))
        });
        let labels = of_namespaces.chain(of_pods);
        let labels = labels.map(|((policy, path), fact)| MissingFact { fact, policy, path });
        let mut found: Vec<MissingFact> = labels.chain(others).collect();
        found.sort_by(|a, b| (a.policy, &a.path).cmp(&(b.policy, &b.path)));
        found
    }

    fn matches(&self, selector: SelectorId, labels: LabelSetId) -> Truth {
        let tables = &self.cluster.labels;
        tables.selectors[selector].matches(&tables.sets[labels])
    }
}

/// True if every label of a set is known.
fn is_known(cluster: &Cluster, labels: LabelSetId) -> bool {
    let labels = &cluster.labels.sets[labels];
    labels.is_complete()
        && labels.reserved().is_empty()
        && labels.entries().iter().all(|(_, value)| matches!(value, LabelValue::Known(_)))
}

/// The points on which the answer depends on the CNI.
pub fn differences(program: &Program) -> Vec<Difference> {
    let touches = program.touches;
    if !program.semantics.enforces {
        return Vec::new();
    }
    let differ = |point: Point, same: fn(&Semantics, &Semantics) -> bool| {
        let others = Profile::ALL.into_iter().filter(|other| {
            let semantics = other.semantics();
            semantics.enforces && !same(&semantics, &program.semantics)
        });
        Difference { point, others: others.collect() }
    };
    let points = [
        (touches.hosts_by_label, Point::HostsByLabel),
        (touches.block_on_pods, Point::BlocksOnPods),
        (touches.ambiguous_port && touches.egress_named_port, Point::AmbiguousPort),
        (touches.init_container_port, Point::InitContainerPort),
        (touches.egress_named_port, Point::EgressNamedPort),
        (touches.bare_pods && bare_pods_matter(program), Point::BarePods),
    ];
    points
        .into_iter()
        .filter(|(touched, _)| *touched)
        .map(|(_, point)| {
            differ(
                point,
                match point {
                    Point::HostsByLabel => |a, b| a.hosts_by_label == b.hosts_by_label,
                    Point::BlocksOnPods => |a, b| a.ip_block_matches_pods == b.ip_block_matches_pods,
                    Point::AmbiguousPort => |a, b| a.ambiguous_egress_port == b.ambiguous_egress_port,
                    Point::InitContainerPort => |a, b| a.named_ports == b.named_ports,
                    Point::EgressNamedPort => {
                        |a, b| a.egress_port_crosses_namespaces == b.egress_port_crosses_namespaces
                    }
                    Point::BarePods => |a, b| a.bare_pods_are_subjects == b.bare_pods_are_subjects,
                },
            )
        })
        .collect()
}

/// True if some pod without an owner is selected; taken for granted where no policy may select them.
fn bare_pods_matter(program: &Program) -> bool {
    let selected = |pod: PodId| {
        let class = &program.classes[program.class_of[pod]];
        Direction::ALL
            .into_iter()
            .any(|direction| !program.signatures[direction][class.signature[direction]].policies.is_empty())
    };
    !program.semantics.bare_pods_are_subjects
        || program.cluster.pods.enumerate().any(|(id, pod)| pod.bare && selected(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::compile;
    use crate::query::fixture::{THREE_TIER, cluster};

    fn found(manifests: &str) -> Vec<String> {
        let cluster = cluster(manifests);
        let program = compile(&cluster, Profile::Spec);
        let names = |id: NamespaceId| cluster.namespaces[id].name.to_string();
        let key = |requirement: &Requirement| &*cluster.labels.keys[requirement.key];
        let fact = |fact: &Fact| match fact {
            Fact::NamespaceLabel(r, ids) => {
                format!("{} of {}", key(r), ids.iter().map(|id| names(*id)).collect::<Vec<_>>().join(","))
            }
            Fact::PodLabel(r, pods) => format!("{} of {}", key(r), cluster.pod_path(pods[0], 0)),
            Fact::Addresses(pods) => format!("addresses of {pods}"),
            Fact::Tie(other, _) => format!("tie with {}", cluster.policies[*other].name),
        };
        missing_facts(&program)
            .iter()
            .map(|missing| format!("{}: {}", missing.path, fact(&missing.fact)))
            .collect()
    }

    fn policy(spec: &str) -> String {
        format!(
            "{THREE_TIER}---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: more, namespace: multi-tier}}\nspec: {spec}\n"
        )
    }

    #[test]
    fn what_policies_ask_in_vain() {
        let dns = "spec.egress[0].to[0]: name of kube-system";
        for (spec, expected) in [
            ("{podSelector: {}}", &[dns][..]),
            (
                "{podSelector: {matchLabels: {pod-template-hash: x}}}",
                &[dns, "spec.podSelector: pod-template-hash of multi-tier/api-server[0]"],
            ),
            (
                "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.1.0.0/16}}]}]}",
                &[dns, ": addresses of 7"],
            ),
            ("{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}", &[dns]),
            (
                "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: x}}}]}]}",
                &[dns],
            ),
            (
                "{podSelector: {matchLabels: {a: nobody}}, ingress: [{from: [{namespaceSelector: {matchLabels: {env: prod}}}]}]}",
                &[dns],
            ),
        ] {
            assert_eq!(found(&policy(spec)), expected, "{spec}");
        }
    }

    #[test]
    fn what_other_plugins_decide_otherwise() {
        for (spec, expected) in [
            ("{podSelector: {}}", &[][..]),
            (
                "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}",
                &[(Point::BlocksOnPods, &[Profile::Cilium][..])],
            ),
            (
                "{podSelector: {}, egress: [{ports: [{port: http}]}]}",
                &[(Point::EgressNamedPort, &[Profile::KubeRouter][..])],
            ),
        ] {
            let cluster = cluster(&policy(spec));
            let found = differences(&compile(&cluster, Profile::Spec));
            let found: Vec<_> = found.iter().map(|d| (d.point, &d.others[..])).collect();
            assert_eq!(found, expected, "{spec}");
        }
    }
}
