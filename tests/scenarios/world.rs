//! A scenario read into a cluster, and what the endpoints of its test file mean there.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ipnet::IpNet;
use podreach::cluster::{self, Addresses, Cluster, PodId, build};
use podreach::diagnostic::{Diagnostic, Severity};
use podreach::k8s::LabelSelector;
use podreach::label::{LabelSetId, LabelTable, Operator, Requirement, Selector, Truth};
use podreach::load::{self, Input, Manifest, load};
use podreach::net::{AddressSet, ByFamily, Family, PortSet, address_number, net_range};
use podreach::profile::Profile;
use podreach::solve::End;

use super::file::{Endpoint, EndpointSet, Ports, Test, TestFile, parse_net};

/// Ranges that are not the internet: private, shared, loopback, link-local, multicast.
const NOT_THE_INTERNET: [&str; 12] = [
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
    "::/128",
];

/// Pods, and addresses that no pod owns.
#[derive(Default)]
pub(crate) struct Ends {
    pub(crate) pods: BTreeSet<End>,
    addresses: ByFamily<AddressSet>,
}

/// A scenario, ready to be asked.
pub(crate) struct World {
    pub(crate) name: String,
    pub(crate) file: TestFile,
    pub(crate) manifests: Vec<Manifest>,
    pub(crate) options: cluster::Options,
    pub(crate) profile: Profile,
    pub(crate) cluster: Arc<Cluster>,
}

impl World {
    /// Reads a folder with a `reachability-test.yaml`. Anything that is not right is a panic.
    pub(crate) fn read(folder: &Path) -> Self {
        let path = folder.join("reachability-test.yaml");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Self::with_tests(folder, &text)
    }

    /// The same with another test file.
    pub(crate) fn with_tests(folder: &Path, text: &str) -> Self {
        let name = folder.file_name().expect("scenarios are named").to_string_lossy().into_owned();
        let file: TestFile =
            serde_yaml::from_str(text).unwrap_or_else(|e| panic!("{name}: reachability-test.yaml: {e}"));
        assert_eq!((&*file.api_version, &*file.kind), ("podreach/v1", "ReachabilityTest"), "{name}");
        assert_eq!(file.metadata.name, name, "a test file bears the name of its folder");

        let inputs: Vec<Input> =
            file.resources.iter().map(|path| Input::Path(PathBuf::from(folder).join(path))).collect();
        let loaded = load(&inputs, load::Options::default());
        let options = cluster::Options {
            ranges: file.ranges(),
            assume: file.assumptions(),
            ..cluster::Options::default()
        };
        let built = build(&loaded.manifests, &options);
        let errors: Vec<&Diagnostic> = loaded
            .diagnostics
            .iter()
            .chain(&built.diagnostics)
            .filter(|diagnostic| diagnostic.severity() == Severity::Error)
            .collect();
        assert!(errors.is_empty(), "{name}: the manifests are not valid: {errors:#?}");
        let profile = Profile::from_name(&file.cni).unwrap_or_else(|| panic!("{name}: cni {}", file.cni));
        Self { name, file, manifests: loaded.manifests, options, profile, cluster: built.cluster }
    }

    /// Every pod.
    pub(crate) fn pods(&self) -> BTreeSet<End> {
        self.cluster
            .pods
            .enumerate()
            .flat_map(|(id, pod)| (0..pod.count).map(move |index| End::Pod(id, index)))
            .collect()
    }

    /// The name of an end in messages.
    pub(crate) fn name_of(&self, end: End) -> String {
        match end {
            End::Pod(pod, index) => self.cluster.pod_path(pod, index),
            End::Address(address) => address.to_string(),
        }
    }

    /// The pods and addresses that an endpoint of the test file means.
    pub(crate) fn resolve(&self, endpoint: &Endpoint) -> Ends {
        match endpoint {
            Endpoint::Set(set) => self.resolve_set(set),
            Endpoint::List(list) => {
                list.iter().map(|member| self.resolve(member)).fold(Ends::default(), |mut all, ends| {
                    all.pods.extend(ends.pods);
                    for family in Family::ALL {
                        all.addresses[family] = all.addresses[family].union(&ends.addresses[family]);
                    }
                    all
                })
            }
            Endpoint::Text(text) => match self.file.endpoints.get(text) {
                Some(named) => self.resolve(named),
                None => self.resolve_text(text),
            },
        }
    }

    fn resolve_set(&self, set: &EndpointSet) -> Ends {
        let mut ends = Ends::default();
        for cidr in &set.cidrs {
            self.add_block(parse_net(cidr), &mut ends);
        }
        if set.external.is_some() {
            ends.addresses = self.internet();
        }
        if set.namespace.is_some() || set.namespace_selector.is_some() || set.pod_selector.is_some() {
            let selected = |selector: &Option<LabelSelector>, labels: LabelSetId| {
                selector.as_ref().is_none_or(|selector| self.selects(selector, labels))
            };
            let selected = self.pods_where(|id| {
                let pod = &self.cluster.pods[id];
                let namespace = &self.cluster.namespaces[pod.namespace];
                set.namespace.as_ref().is_none_or(|name| **name == *namespace.name)
                    && selected(&set.namespace_selector, namespace.labels)
                    && selected(&set.pod_selector, pod.labels)
            });
            ends.pods.extend(selected);
        }
        ends
    }

    /// The part of the command line's grammar that scenarios use.
    fn resolve_text(&self, text: &str) -> Ends {
        let mut ends = Ends::default();
        if text == "internet" {
            ends.addresses = self.internet();
        } else if let Ok(address) = text.parse::<IpAddr>() {
            ends.pods = self.pods_where(|id| self.owns(id, address));
            if ends.pods.is_empty() {
                ends.add_net(IpNet::from(address));
            }
        } else if let Ok(net) = text.parse() {
            self.add_block(net, &mut ends);
        } else {
            ends.pods = match *text.split('/').collect::<Vec<_>>() {
                ["ns", namespace] | [namespace, "*"] => {
                    self.pods_where(|id| self.namespace_of(id) == namespace)
                }
                [namespace, name] => self.named(None, namespace, name),
                [kind, namespace, name] => self.named(Some(kind), namespace, name),
                _ => panic!("{}: endpoint `{text}`", self.name),
            };
        }
        ends
    }

    /// A block: its addresses, and the pods that own one of them, whether or not the input says which. No scenario has
    /// a block in which some pod only perhaps lies.
    fn add_block(&self, net: IpNet, ends: &mut Ends) {
        ends.add_net(net);
        let (first, last) = net_range(net);
        let block = AddressSet::from_range(first, last);
        ends.pods.extend(self.pods_where(|id| match &self.cluster.pods[id].addresses {
            Addresses::Known(known) => known.iter().any(|ip| net.contains(ip)),
            Addresses::Unknown => {
                let lies = self.cluster.pod_addresses(id, Family::of_net(net));
                lies.is_some_and(|(region, _)| region.is_subset(&block))
            }
        }));
    }

    /// True if two ends are the same or have addresses of a common family.
    pub(crate) fn related(&self, a: End, b: End) -> bool {
        let has = |end: End, family| match end {
            End::Pod(pod, _) => self.cluster.pod_addresses(pod, family).is_some(),
            End::Address(address) => Family::of(address) == family,
        };
        a == b || Family::ALL.into_iter().any(|family| has(a, family) && has(b, family))
    }

    /// The pods of a workload, else a pod by its name.
    fn named(&self, kind: Option<&str>, namespace: &str, name: &str) -> BTreeSet<End> {
        let kind = kind.map(|kind| match kind {
            "deploy" => "Deployment",
            "sts" => "StatefulSet",
            "pod" => "Pod",
            other => panic!("{}: kind `{other}`", self.name),
        });
        let of_workload = self.pods_where(|id| {
            let workload = &self.cluster.workloads[self.cluster.pods[id].workload];
            self.namespace_of(id) == namespace
                && *workload.name == *name
                && kind.is_none_or(|kind| *workload.kind == *kind)
        });
        if !of_workload.is_empty() {
            return of_workload;
        }
        let path = format!("{namespace}/{name}");
        self.pods().into_iter().filter(|&pod| self.name_of(pod) == path).collect()
    }

    fn namespace_of(&self, pod: PodId) -> &str {
        &self.cluster.namespaces[self.cluster.pods[pod].namespace].name
    }

    fn owns(&self, pod: PodId, address: IpAddr) -> bool {
        matches!(&self.cluster.pods[pod].addresses, Addresses::Known(known) if known.contains(&address))
    }

    fn pods_where(&self, keep: impl Fn(PodId) -> bool) -> BTreeSet<End> {
        self.pods().into_iter().filter(|&end| matches!(end, End::Pod(id, _) if keep(id))).collect()
    }

    fn selects(&self, selector: &LabelSelector, labels: LabelSetId) -> bool {
        let mut table = self.cluster.labels.clone();
        match intern(selector, &mut table).matches(&table.sets[labels]) {
            Truth::Yes => true,
            Truth::No => false,
            Truth::Unknown => panic!("{}: the input does not say what an endpoint selects", self.name),
        }
    }

    fn internet(&self) -> ByFamily<AddressSet> {
        let mut rest = Ends::default();
        let ranges = &self.options.ranges;
        for net in NOT_THE_INTERNET.into_iter().map(parse_net) {
            rest.add_net(net);
        }
        for &net in ranges.pods.iter().chain(&ranges.services).chain(&ranges.nodes) {
            rest.add_net(net);
        }
        let mut internet = Ends::default();
        internet.add_net(parse_net("0.0.0.0/0"));
        internet.add_net(parse_net("::/0"));
        for family in Family::ALL {
            internet.addresses[family] = internet.addresses[family].difference(&rest.addresses[family]);
        }
        internet.addresses
    }

    /// Addresses that stand for all: `known` and the bounds of every endpoint with their neighbours, without those
    /// that pods own.
    pub(crate) fn sample(&self, known: Vec<IpAddr>) -> BTreeSet<IpAddr> {
        let mut sample: BTreeSet<IpAddr> = known.into_iter().collect();
        let tests = self.file.tests();
        let mentioned = tests
            .iter()
            .flat_map(|test| test.from.iter().chain(&test.to).chain(test.expect_only.iter().flatten()))
            .chain(self.file.endpoints.values());
        for endpoint in mentioned {
            let ends = self.resolve(endpoint);
            for family in Family::ALL {
                for &(first, last) in ends.addresses[family].ranges() {
                    let around = [first.checked_sub(1), Some(first), Some(last), last.checked_add(1)];
                    sample.extend(
                        around
                            .into_iter()
                            .flatten()
                            .filter(|&n| n <= family.last())
                            .map(|n| address(family, n)),
                    );
                }
            }
        }
        sample.retain(|&address| !self.cluster.pods.ids().any(|id| self.owns(id, address)));
        sample
    }

    /// The ports that a test asks for at one destination; `None` if that end has no such port.
    pub(crate) fn ports_at(&self, test: &Test, to: End) -> Option<PortSet> {
        let Some(ports) = &test.ports else { return Some(PortSet::full()) };
        let mut asked = PortSet::empty();
        for port in ports {
            let here = match port.parse() {
                Ports::Numbers(numbers) => numbers,
                Ports::Named(name) => self.named_port(&name, to),
            };
            if here.is_empty() {
                return None;
            }
            asked = asked.union(&here);
        }
        Some(asked)
    }

    fn named_port(&self, name: &str, to: End) -> PortSet {
        let End::Pod(pod, _) = to else { return PortSet::empty() };
        let counts = self.profile.semantics().named_ports;
        self.cluster.pods[pod]
            .ports
            .iter()
            .filter(|port| *port.name == *name && counts.includes(port.container))
            .map(|port| PortSet::from_range(port.protocol, port.number, port.number))
            .fold(PortSet::empty(), |all, port| all.union(&port))
    }
}

impl Ends {
    fn add_net(&mut self, net: IpNet) {
        let family = Family::of_net(net);
        let (first, last) = net_range(net);
        self.addresses[family] = self.addresses[family].union(&AddressSet::from_range(first, last));
    }

    /// The pods, and those of `sample` that lie in the addresses.
    pub(crate) fn within(&self, sample: &BTreeSet<IpAddr>) -> BTreeSet<End> {
        let addresses = sample
            .iter()
            .filter(|&&address| self.addresses[Family::of(address)].contains(address_number(address)))
            .map(|&address| End::Address(address));
        self.pods.iter().copied().chain(addresses).collect()
    }
}

fn address(family: Family, number: u128) -> IpAddr {
    match family {
        Family::V4 => IpAddr::from(u32::try_from(number).expect("checked against the family").to_be_bytes()),
        Family::V6 => IpAddr::from(number.to_be_bytes()),
    }
}

/// The selector of an endpoint in the cluster's words.
fn intern(selector: &LabelSelector, table: &mut LabelTable) -> Selector {
    let mut requirement = |key: &str, operator, values: Vec<&str>| Requirement {
        key: table.keys.intern(key),
        domain: table.domain(key),
        operator,
        values: values
            .into_iter()
            .map(|value| table.values.intern(value))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
    };
    let mut requirements = Vec::new();
    for (key, value) in selector.match_labels.iter().flat_map(podreach::k8s::Labels::iter) {
        requirements.push(requirement(key, Operator::In, vec![value]));
    }
    for expression in selector.match_expressions.iter().flat_map(|list| list.iter()) {
        let operator = match expression.operator.as_deref() {
            Some("In") => Operator::In,
            Some("NotIn") => Operator::NotIn,
            Some("Exists") => Operator::Exists,
            Some("DoesNotExist") => Operator::DoesNotExist,
            other => panic!("operator {other:?} of an endpoint"),
        };
        let values =
            expression.values.iter().flat_map(|values| values.iter().map(|value| &**value)).collect();
        requirements.push(requirement(expression.key.as_deref().unwrap_or_default(), operator, values));
    }
    Selector::new(requirements)
}
