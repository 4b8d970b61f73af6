//! Clusters that leave something open, and what they are in one possible world.
#![expect(clippy::unwrap_used, reason = "what helps tests may fail like the tests themselves")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use podreach::cluster::{Addresses, Cluster, Options, PodId, Ranges};
use podreach::compile::{Program, compile};
use podreach::net::{PortSet, Protocol};
use podreach::profile::Profile;
use podreach::query::endpoint::parse_ports;
use podreach::reference::Reference;
use podreach::solve::{Connectivity, End, Reachability, solve};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::support::generate::{Case, network_policy, policy_spec};
use crate::support::judge;

/// Endpoints of a test.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ends {
    /// By a text.
    Typed(&'static str),
    /// Pods of the namespaces where this label is `x`.
    OfNamespaces(&'static str),
}

impl Ends {
    pub(crate) fn json(&self) -> Value {
        match self {
            Self::Typed(text) => json!(text),
            Self::OfNamespaces(key) => json!({"namespaceSelector": {"matchLabels": {*key: "x"}}}),
        }
    }
}

/// The expectation of a test.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Expectation {
    Allow,
    Deny,
    /// Only the first set reaches the second one.
    OnlyFrom,
    /// The first set reaches only the second one.
    OnlyTo,
}

#[derive(Clone, Debug)]
struct Pod {
    namespace: &'static str,
    name: String,
    labels: BTreeMap<&'static str, &'static str>,
    /// None if they are not given.
    addresses: Vec<&'static str>,
    host_network: bool,
    node: bool,
    /// The ports it declares, the first one with a name.
    ports: &'static [u16],
}

impl Pod {
    fn object(&self, addresses: &[IpAddr], with_node: bool) -> Value {
        let ports = self.ports.iter().enumerate().map(|(i, port)| match i {
            0 => json!({"containerPort": port, "name": "http"}),
            _ => json!({"containerPort": port}),
        });
        let mut object = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": self.name, "namespace": self.namespace, "labels": self.labels},
            "spec": {"containers": [{"name": "c", "image": "i", "ports": ports.collect::<Vec<_>>()}],
                "hostNetwork": self.host_network},
        });
        if self.node && with_node {
            object["spec"]["nodeName"] = json!("n0");
        }
        let ips: Vec<Value> = addresses.iter().map(|ip| json!({"ip": ip.to_string()})).collect();
        if !ips.is_empty() {
            object["status"] = json!({"podIPs": ips});
        }
        object
    }
}

/// A cluster that leaves something open.
#[derive(Clone)]
pub(crate) struct Setting {
    pods: Vec<Pod>,
    policies: Vec<Value>,
    declares_b: bool,
    pub(crate) options: Options,
    pub(crate) profile: Profile,
    seed: u64,
}

/// As a file to paste.
impl std::fmt::Debug for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.case(None, true).fmt(f)
    }
}

const V4: [&str; 4] = ["10.0.0.1", "10.0.0.2", "10.0.0.9", "203.0.113.7"];
const V6: [&str; 4] = ["fd00::1", "fd00::2", "fd00::9", "2001:db8::7"];
/// The node, and the hostNetwork pods on it.
const NODE: &str = "10.0.0.14";

pub(crate) fn setting() -> impl Strategy<Value = Setting> {
    let labels = || {
        let value = || select(&[None, Some("x"), Some("y")][..]);
        (value(), value()).prop_map(|(app, tier)| {
            [("app", app), ("tier", tier)]
                .into_iter()
                .filter_map(|(key, value)| Some((key, value?)))
                .collect()
        })
    };
    let ports = select(vec![&[][..], &[80][..], &[80, 81][..], &[79][..]]);
    let pod = (any::<bool>(), labels(), 0..8_u8, any::<bool>(), ports);
    let pods = prop::collection::vec(pod, 1..=4).prop_map(|pods| {
        let numbered = pods.into_iter().enumerate();
        let made = numbered.map(|(i, (in_a, labels, kind, node, ports))| {
            let (addresses, host_network) = match kind {
                0..=2 => (vec![], false),
                3..=4 => (vec![V4[i]], false),
                5 => (vec![V6[i]], false),
                6 => (vec![V4[i], V6[i]], false),
                _ => (vec![NODE], true),
            };
            let namespace = if in_a { "a" } else { "b" };
            Pod {
                namespace,
                name: format!("p{i}"),
                labels,
                addresses,
                host_network,
                node: node || host_network,
                ports,
            }
        });
        made.collect::<Vec<_>>()
    });
    let policies = prop::collection::vec((select(&["a", "b"][..]), policy_spec()), 0..=3).prop_map(|specs| {
        let numbered = specs.into_iter().enumerate();
        numbered.map(|(i, (namespace, spec))| network_policy(namespace, &format!("np{i}"), &spec)).collect()
    });
    let ranges =
        select(vec![&[][..], &["10.0.0.0/30"][..], &["10.0.0.0/29"][..], &["10.0.0.0/31", "fd00::/127"][..]]);
    let profile = prop_oneof![4 => Just(Profile::Spec), 1 => Just(Profile::Cilium)];
    let settings = (pods, policies, any::<bool>(), ranges, profile, any::<u64>()).prop_map(
        |(pods, policies, declares_b, ranges, profile, seed)| {
            let pods_in = ranges.iter().map(|net| net.parse().expect("a CIDR")).collect();
            let options =
                Options { ranges: Ranges { pods: pods_in, ..Ranges::default() }, ..Options::default() };
            Setting { pods, policies, declares_b, options, profile, seed }
        },
    );
    // Labels that controllers set stay unknown in every world.
    let is_settled =
        |policy: &Value| !["zone", "pod-template-hash"].iter().any(|key| policy.to_string().contains(key));
    settings.prop_map(move |mut setting: Setting| {
        setting.policies.retain(is_settled);
        setting
    })
}

/// The facts that one world settles.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// The addresses of each pod that shows none.
    addresses: BTreeMap<String, Vec<IpAddr>>,
    /// The labels of the namespace that is not declared.
    labels: BTreeMap<&'static str, &'static str>,
}

impl Setting {
    fn case(&self, facts: Option<&Facts>, with_node: bool) -> Case {
        let namespace = |name: &str, labels: Value| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
        let mut objects = vec![namespace("a", json!({"env": "x"}))];
        match facts {
            _ if self.declares_b => objects.push(namespace("b", json!({"team": "x"}))),
            Some(facts) => objects.push(namespace("b", json!(facts.labels))),
            None => {}
        }
        if with_node && self.pods.iter().any(|pod| pod.node) {
            objects.push(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n0"},
                "status": {"addresses": [{"type": "InternalIP", "address": NODE}]}}));
        }
        for pod in &self.pods {
            let given = pod.addresses.iter().map(|ip| ip.parse().expect("an address")).collect();
            let addresses = facts.and_then(|facts| facts.addresses.get(&pod.name)).cloned().unwrap_or(given);
            objects.push(pod.object(&addresses, with_node));
        }
        objects.extend(self.policies.iter().cloned());
        Case { objects, options: self.options.clone(), profile: self.profile }
    }

    /// The cluster as the input has it, or as it is in one world.
    pub(crate) fn cluster(&self, facts: Option<&Facts>) -> Result<Arc<Cluster>, String> {
        let case = self.case(facts, true);
        judge::build(&case, &judge::manifests(&case)?)
    }

    /// Some worlds, and whether they are all there are.
    pub(crate) fn facts(&self) -> (Vec<Facts>, bool) {
        const MOST: usize = 10;
        let open: Vec<&Pod> = self.pods.iter().filter(|pod| pod.addresses.is_empty()).collect();
        let shows_v6 = self.pods.iter().flat_map(|pod| &pod.addresses).any(|ip| ip.contains(':'));
        let given: BTreeSet<IpAddr> =
            self.pods.iter().flat_map(|pod| &pod.addresses).map(|ip| ip.parse().unwrap()).collect();
        let taken = |ip: &IpAddr| given.contains(ip) || *ip == NODE.parse::<IpAddr>().unwrap();
        let ranges = &self.options.ranges.pods;
        let within = |v4: bool, usual: &[&str]| -> Vec<IpAddr> {
            let nets = ranges.iter().filter(|net| net.addr().is_ipv4() == v4);
            let mut all: Vec<IpAddr> = nets.flat_map(every_address).collect();
            if all.is_empty() && (ranges.is_empty() && v4 || shows_v6 && !v4) {
                all = usual.iter().map(|ip| ip.parse().unwrap()).collect();
            }
            all.retain(|ip| !taken(ip));
            all
        };
        let v4 = within(
            true,
            &[
                "10.0.0.3",
                "10.0.0.4",
                "10.0.0.8",
                "10.0.0.200",
                "10.200.0.1",
                "172.16.0.9",
                "192.168.0.9",
                "192.168.200.1",
                "100.64.0.9",
            ],
        );
        let v6 = within(false, &["fd00::3", "fd00::8", "fc00::9"]);
        let labels: Vec<BTreeMap<&'static str, &'static str>> = if self.declares_b {
            vec![BTreeMap::new()]
        } else {
            let some = |env: Option<&'static str>, team: Option<&'static str>| {
                [("env", env), ("team", team)].into_iter().filter_map(|(k, v)| Some((k, v?))).collect()
            };
            vec![
                some(None, None),
                some(Some("x"), None),
                some(None, Some("x")),
                some(Some("y"), Some("y")),
                some(Some("x"), Some("")),
            ]
        };
        let mut all = vec![BTreeMap::new()];
        for pod in &open {
            let mut next = Vec::new();
            for chosen in &all {
                let used: BTreeSet<IpAddr> = BTreeMap::values(chosen).flatten().copied().collect();
                let free = |pool: &[IpAddr]| -> Vec<Option<IpAddr>> {
                    let free: Vec<_> =
                        pool.iter().filter(|ip| !used.contains(ip)).map(|ip| Some(*ip)).collect();
                    if pool.is_empty() { vec![None] } else { free }
                };
                for (a, b) in free(&v4).into_iter().flat_map(|a| free(&v6).into_iter().map(move |b| (a, b))) {
                    let mut more: BTreeMap<String, Vec<IpAddr>> = chosen.clone();
                    more.insert(pod.name.clone(), a.into_iter().chain(b).collect());
                    next.push(more);
                }
            }
            all = next;
        }
        let mut worlds: Vec<Facts> = labels
            .iter()
            .flat_map(|labels| {
                all.iter().map(|addresses| Facts { addresses: addresses.clone(), labels: labels.clone() })
            })
            .collect();
        // Labels and addresses that nobody mentions are more than these.
        let is_every_world =
            worlds.len() <= MOST && self.declares_b && !ranges.is_empty() && !worlds.is_empty();
        let mut state = self.seed | 1;
        while worlds.len() > MOST {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            worlds.swap_remove(usize::try_from(state >> 33).unwrap() % worlds.len());
        }
        (worlds, is_every_world)
    }

    /// The cluster with these facts.
    pub(crate) fn world(&self, facts: &Facts) -> Result<World, String> {
        let case = self.case(Some(facts), true);
        let manifests = judge::manifests(&case)?;
        let mut sample: BTreeSet<IpAddr> = Reference::new(&manifests, &case.options, case.profile)
            .interesting_addresses()
            .into_iter()
            .collect();
        sample.extend((0..32).map(|last| IpAddr::from([10, 0, 0, last])));
        sample.extend((0..16).map(|last| IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, last])));
        for ip in [
            "10.0.0.201",
            "10.200.0.2",
            "172.16.0.10",
            "192.168.0.10",
            "192.168.200.2",
            "100.64.0.10",
            "fc00::a",
            "203.0.113.8",
            "198.51.100.1",
        ] {
            sample.insert(ip.parse().unwrap());
        }
        let alone = self.case(Some(facts), false);
        Ok(World {
            cluster: judge::build(&case, &manifests)?,
            without_nodes: judge::build(&alone, &judge::manifests(&alone)?)?,
            profile: self.profile,
            pod_ranges: self.options.ranges.pods.clone(),
            sample: sample.into_iter().collect(),
            solved: std::cell::OnceCell::new(),
        })
    }
}

/// Every address of a small block.
fn every_address(net: &IpNet) -> Vec<IpAddr> {
    let (first, last) = podreach::net::net_range(*net);
    let family = podreach::net::Family::of_net(*net);
    (first..=last).map(|number| podreach::net::address(family, number)).collect()
}

/// A possible world: nothing is left open.
pub(crate) struct World {
    cluster: Arc<Cluster>,
    /// The same if nobody knew who runs where.
    without_nodes: Arc<Cluster>,
    profile: Profile,
    pod_ranges: Vec<IpNet>,
    /// Addresses that stand for all: at least one of each kind.
    sample: Vec<IpAddr>,
    solved: std::cell::OnceCell<[Program; 2]>,
}

/// Ranges that are not the internet.
const SET_ASIDE: [&str; 11] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "224.0.0.0/4",
    "fc00::/7",
    "::1/128",
    "fe80::/10",
    "ff00::/8",
];

impl World {
    fn programs(&self) -> &[Program; 2] {
        self.solved.get_or_init(|| {
            [compile(&self.cluster, self.profile), compile(&self.without_nodes, self.profile)]
        })
    }

    fn pods(&self, is_meant: impl Fn(PodId) -> bool) -> BTreeSet<End> {
        let all = self.cluster.pods.enumerate().filter(|(id, _)| is_meant(*id));
        all.flat_map(|(id, pod)| (0..pod.count).map(move |i| End::Pod(id, i))).collect()
    }

    fn namespace_of(&self, pod: PodId) -> &str {
        &self.cluster.namespaces[self.cluster.pods[pod].namespace].name
    }

    fn label(&self, pod: PodId, key: &str) -> Option<&str> {
        let table = &self.cluster.labels;
        self.value(&table.sets[self.cluster.pods[pod].labels], key)
    }

    fn value(&self, set: &podreach::label::LabelSet, key: &str) -> Option<&str> {
        let table = &self.cluster.labels;
        set.entries().iter().find_map(|(id, value)| match value {
            podreach::label::LabelValue::Known(value) if *table.keys[*id] == *key => {
                Some(&*table.values[*value])
            }
            _ => None,
        })
    }

    /// Pods that own one of these addresses, and those that nobody owns.
    fn owners(&self, is_meant: impl Fn(IpAddr) -> bool) -> BTreeSet<End> {
        let mut ends = BTreeSet::new();
        let owned = |id: PodId| match &self.cluster.pods[id].addresses {
            Addresses::Known(known) => known.to_vec(),
            Addresses::Unknown => panic!("a world leaves nothing open"),
        };
        let all: BTreeSet<IpAddr> = self.cluster.pods.ids().flat_map(owned).collect();
        ends.extend(self.pods(|id| owned(id).into_iter().any(&is_meant)));
        let free = self.sample.iter().filter(|ip| !all.contains(ip) && is_meant(**ip));
        ends.extend(free.map(|ip| End::Address(*ip)));
        ends
    }

    fn ends(&self, end: &Ends) -> BTreeSet<End> {
        match end {
            Ends::Typed(text) => self.typed(text),
            Ends::OfNamespaces(key) => self.pods(|id| {
                let namespace = &self.cluster.namespaces[self.cluster.pods[id].namespace];
                self.value(&self.cluster.labels.sets[namespace.labels], key) == Some("x")
            }),
        }
    }

    fn typed(&self, text: &str) -> BTreeSet<End> {
        if text == "internet" {
            let set_aside: Vec<IpNet> = SET_ASIDE
                .iter()
                .map(|net| net.parse().unwrap())
                .chain(self.pod_ranges.iter().copied())
                .collect();
            let mut ends = self.owners(|ip| !set_aside.iter().any(|net| net.contains(&ip)));
            ends.retain(|end| matches!(end, End::Address(_)));
            return ends;
        }
        if let Ok(ip) = text.parse::<IpAddr>() {
            return self.owners(|own| own == ip.to_canonical());
        }
        if let Ok(net) = text.parse::<IpNet>() {
            return self.owners(|ip| net.contains(&ip));
        }
        let label = |id, key| self.label(id, key);
        match text {
            "app=x" => self.pods(|id| label(id, "app") == Some("x")),
            "app!=x,tier" => self.pods(|id| label(id, "app") != Some("x") && label(id, "tier").is_some()),
            "tier in (x,y)" => self.pods(|id| matches!(label(id, "tier"), Some("x" | "y"))),
            "ns/a" => self.pods(|id| self.namespace_of(id) == "a"),
            "b/*" => self.pods(|id| self.namespace_of(id) == "b"),
            _ => {
                let name = text.trim_start_matches("pod/");
                self.pods(|id| self.cluster.pod_path(id, 0) == name)
            }
        }
    }

    fn has_family(&self, end: End, v4: bool) -> bool {
        match end {
            End::Address(ip) => ip.is_ipv4() == v4,
            End::Pod(pod, _) => match &self.cluster.pods[pod].addresses {
                Addresses::Known(known) => known.iter().any(|ip| ip.is_ipv4() == v4),
                Addresses::Unknown => panic!("a world leaves nothing open"),
            },
        }
    }

    /// Distance of a pair from one that counts: two addresses count least, then an address of a family that the
    /// pod has not.
    fn distance(&self, a: End, b: End) -> u8 {
        let common = [true, false].into_iter().any(|v4| self.has_family(a, v4) && self.has_family(b, v4));
        match (a, b) {
            (End::Pod(..), End::Pod(..)) => 0,
            (End::Address(_), End::Address(_)) => 2 + u8::from(!common),
            _ => u8::from(!common),
        }
    }

    fn counting(&self, pairs: Vec<(End, End)>) -> Vec<(End, End)> {
        let nearest = pairs.iter().map(|&(a, b)| self.distance(a, b)).min();
        pairs.into_iter().filter(|&(a, b)| Some(self.distance(a, b)) == nearest).collect()
    }

    fn declared(&self, end: End) -> PortSet {
        let End::Pod(pod, _) = end else { return PortSet::full() };
        let ports = self.cluster.pods[pod].ports.iter().map(|port| port.number);
        let declared =
            ports.map(|port| PortSet::from_range(Protocol::Tcp, port, port)).reduce(|a, b| a.union(&b));
        declared.unwrap_or_else(PortSet::full)
    }

    /// True if every pair that counts may use every port asked about.
    pub(crate) fn can(&self, from: &str, to: &str, port: Option<&str>) -> bool {
        let [program, _] = self.programs();
        let reachability = solve(program);
        let pairs = pairs(&self.typed(from), &self.typed(to));
        assert!(!pairs.is_empty(), "{from} and {to} name something");
        self.counting(pairs).into_iter().all(|(a, b)| {
            let asked = port.map_or_else(|| self.declared(b), |port| parse_ports(port).unwrap());
            allowed(&reachability, a, b).intersection(&asked) == asked
        })
    }

    /// True if a test passes.
    pub(crate) fn test(
        &self,
        from: &[Ends],
        to: &[Ends],
        port: Option<&str>,
        expectation: Expectation,
    ) -> bool {
        let asked = port.map_or_else(PortSet::full, |port| parse_ports(port).unwrap());
        let [program, without_nodes] = self.programs();
        let (reachability, by_policies) = (solve(program), solve(without_nodes));
        let all = |of: &[Ends]| of.iter().flat_map(|end| self.ends(end)).collect::<BTreeSet<End>>();
        // A member that is not there makes a test fail.
        let is_there = |end: &Ends| !self.ends(end).is_empty();
        let some = |a, b| !allowed(&reachability, a, b).intersection(&asked).is_empty();
        let (subject, listed, outward) = match expectation {
            Expectation::Allow | Expectation::Deny => {
                if !from.iter().chain(to).all(is_there) {
                    return false;
                }
                let pairs = self.counting(pairs(&all(from), &all(to)));
                return pairs.into_iter().all(|(a, b)| match expectation {
                    Expectation::Allow => allowed(&reachability, a, b).intersection(&asked) == asked,
                    _ => !some(a, b),
                });
            }
            Expectation::OnlyFrom => (to, from, false),
            Expectation::OnlyTo => (from, to, true),
        };
        if !subject.iter().chain(listed).all(is_there) {
            return false;
        }
        let pair = |subject, other| if outward { (subject, other) } else { (other, subject) };
        let is_asked = |&(a, b): &(End, End)| a != b && self.distance(a, b) < 2;
        let meets = |others: &BTreeSet<End>| -> Vec<(End, End)> {
            let all = all(subject);
            let pairs = all.iter().flat_map(|&a| others.iter().map(move |&b| pair(a, b)));
            pairs.filter(is_asked).collect()
        };
        let everybody: BTreeSet<End> = self.pods(|_| true).into_iter().chain(self.owners(|_| true)).collect();
        let others = &everybody - &all(listed);
        let others_do = meets(&others)
            .into_iter()
            .any(|(a, b)| !allowed(&by_policies, a, b).intersection(&asked).is_empty());
        !others_do
            && listed
                .iter()
                .all(|one| self.counting(meets(&self.ends(one))).into_iter().all(|(a, b)| some(a, b)))
    }
}

fn pairs(from: &BTreeSet<End>, to: &BTreeSet<End>) -> Vec<(End, End)> {
    from.iter().flat_map(|&a| to.iter().map(move |&b| (a, b))).collect()
}

fn allowed(reachability: &Reachability<'_>, from: End, to: End) -> PortSet {
    let Connectivity { must, may, .. } = reachability.connectivity(from, to);
    assert_eq!(must, may, "a world leaves nothing open");
    must
}
