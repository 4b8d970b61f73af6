//! `check`: a small cluster as YAML, and verdicts as lines.
//!
//! A line names connections and the verdict that *every one* of them has: `x/a -> w/b:80 deny`,
//! `x/a -> 10.0.0.1:8000-8100/UDP allow`, `[2001:db8::1]:443` for an IPv6 destination with a port, `svc/x/web:80` for
//! what stands behind a Service. Without a port, all ports of all protocols are meant. The solver is held to every
//! port, the executable specification to those at which an answer can change.

use std::fmt::Write;
use std::net::IpAddr;

use podreach::cluster::{self, Built, Cluster, PodId};
use podreach::compile::compile;
use podreach::diagnostic::{Diagnostic, Severity};
use podreach::load::{self, Input, Loaded};
use podreach::net::{PortSet, Protocol};
use podreach::profile::Profile;
use podreach::query::endpoint;
use podreach::reference::{Peer, Reference, Verdict};
use podreach::solve::{Connectivity, End, Reachability, solve};

/// Holds a cluster to verdicts, under the default profile.
#[track_caller]
pub(crate) fn check(manifests: &[String], lines: &str) {
    World::new(manifests).check(lines);
}

/// Holds [`grid`] with one policy `x/p` of this `spec` to verdicts.
#[track_caller]
pub(crate) fn check_spec(spec: &str, lines: &str) {
    check(&[grid(), policy("x/p", spec)], lines);
}

/// Asks whether selectors select pods: `x/web[0] pod-template-hash=abc unknown`. Selectors are those of `kubectl -l`:
/// `KEY=VALUE`, `KEY!=VALUE`, `KEY`, `!KEY`; the answer is `yes`, `no` or `unknown`.
#[track_caller]
pub(crate) fn check_selection(manifests: &[String], lines: &str) {
    for line in rows(lines) {
        let [pod, selector, answer] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("not POD SELECTOR ANSWER: {line}");
        };
        let requirement = if let Some(key) = selector.strip_prefix('!') {
            format!("{{key: {key}, operator: DoesNotExist}}")
        } else if let Some((key, value)) = selector.split_once("!=") {
            format!("{{key: {key}, operator: NotIn, values: [{value:?}]}}")
        } else if let Some((key, value)) = selector.split_once('=') {
            format!("{{key: {key}, operator: In, values: [{value:?}]}}")
        } else {
            format!("{{key: {selector}, operator: Exists}}")
        };
        // A policy without rules closes exactly the pods it selects.
        let (namespace, _) = pod.split_once('/').expect("a pod is NAMESPACE/NAME");
        let spec = format!("{{podSelector: {{matchExpressions: [{requirement}]}}}}");
        let verdict = match answer {
            "yes" => "deny",
            "no" => "allow",
            "unknown" => "unknown",
            _ => panic!("not yes, no or unknown: {line}"),
        };
        let mut manifests = manifests.to_vec();
        manifests.push(policy(&format!("{namespace}/asks-{}", selector.len()), &spec));
        check(&manifests, &format!("9.9.9.9 -> {pod} {verdict}"));
    }
}

/// Asserts that a policy of this `spec` is refused, with an error at `path` that says `message`.
#[track_caller]
pub(crate) fn refused(spec: &str, path: &str, message: &str) {
    World::new(&[policy("x/p", spec)]).refused(path, message);
}

/// Asserts that a policy of this `spec` is accepted.
#[track_caller]
pub(crate) fn accepted(spec: &str) {
    let errors = World::new(&[policy("x/p", spec)]).errors();
    assert!(errors.is_empty(), "{spec}: {errors:#?}");
}

/// Namespaces x, w and z with a label `ns` of their own name; in each the pods a, b and c with an owner, a label `pod` of
/// their own name, ports `web` 80/TCP and `dns` 53/UDP, and addresses 10.0.1.1 (x/a), 10.0.1.2 (x/b) to 10.0.3.3 (z/c).
pub(crate) fn grid() -> String {
    let mut text = String::new();
    for (i, space) in (1..).zip(["x", "w", "z"]) {
        text += &namespace(space, &format!("{{ns: {space}}}"));
        for (j, name) in (1..).zip(["a", "b", "c"]) {
            let ports = "[{name: web, containerPort: 80}, {name: dns, containerPort: 53, protocol: UDP}]";
            let fields =
                format!("spec: {{containers: [{{ports: {ports}}}]}}, status: {{podIP: 10.0.{i}.{j}}}");
            text += &owned_pod(&format!("{space}/{name}"), &format!("{{pod: {name}}}"), &fields);
        }
    }
    text
}

/// Any object; `fields` are what it has beside apiVersion, kind and metadata, as in a flow mapping.
pub(crate) fn object(api_version: &str, kind: &str, path: &str, fields: &str) -> String {
    let (namespace, name) = path
        .split_once('/')
        .map_or((String::new(), path), |(namespace, name)| (format!("namespace: {namespace}, "), name));
    document(api_version, kind, &format!("{{{namespace}name: {name}}}"), fields)
}

fn document(api_version: &str, kind: &str, metadata: &str, fields: &str) -> String {
    format!("---\n{{apiVersion: {api_version}, kind: {kind}, metadata: {metadata}, {fields}}}\n")
}

/// A Namespace.
pub(crate) fn namespace(name: &str, labels: &str) -> String {
    document("v1", "Namespace", &format!("{{name: {name}, labels: {labels}}}"), "")
}

/// A Pod on its own; `fields` such as `spec: {hostNetwork: true}, status: {podIP: 10.0.0.1}`.
pub(crate) fn pod(path: &str, labels: &str, fields: &str) -> String {
    let (namespace, name) = path.split_once('/').expect("a pod is NAMESPACE/NAME");
    let metadata = format!("{{namespace: {namespace}, name: {name}, labels: {labels}}}");
    document("v1", "Pod", &metadata, fields)
}

/// A Pod that a ReplicaSet manages, which the input does not hold.
pub(crate) fn owned_pod(path: &str, labels: &str, fields: &str) -> String {
    let (namespace, name) = path.split_once('/').expect("a pod is NAMESPACE/NAME");
    let owner = "{apiVersion: apps/v1, kind: ReplicaSet, name: owner, uid: u1, controller: true}";
    let metadata =
        format!("{{namespace: {namespace}, name: {name}, labels: {labels}, ownerReferences: [{owner}]}}");
    document("v1", "Pod", &metadata, fields)
}

/// A Node with one InternalIP.
pub(crate) fn node(name: &str, address: &str) -> String {
    let status = format!("status: {{addresses: [{{type: InternalIP, address: {address}}}]}}");
    document("v1", "Node", &format!("{{name: {name}}}"), &status)
}

/// A Service.
pub(crate) fn service(path: &str, spec: &str) -> String {
    object("v1", "Service", path, &format!("spec: {spec}"))
}

/// A NetworkPolicy.
pub(crate) fn policy(path: &str, spec: &str) -> String {
    object("networking.k8s.io/v1", "NetworkPolicy", path, &format!("spec: {spec}"))
}

/// An object as a server has it that took it long ago.
pub(crate) fn stored(object: &str) -> String {
    object.replacen("metadata: {", "metadata: {uid: u1, ", 1)
}

/// A workload with a template that has these labels, and a selector of the same; `fields` are the rest of its spec.
pub(crate) fn workload(kind: &str, path: &str, labels: &str, fields: &str) -> String {
    let template =
        format!("template: {{metadata: {{labels: {labels}}}, spec: {{containers: [{{name: main}}]}}}}");
    let (api_version, spec) = match kind {
        "Job" => ("batch/v1", format!("{template}, {fields}")),
        "CronJob" => ("batch/v1", format!("jobTemplate: {{spec: {{{template}}}}}, {fields}")),
        "ReplicationController" => ("v1", format!("selector: {labels}, {template}, {fields}")),
        _ => ("apps/v1", format!("selector: {{matchLabels: {labels}}}, {template}, {fields}")),
    };
    object(api_version, kind, path, &format!("spec: {{{spec}}}"))
}

/// A cluster, and what is said beside it.
#[derive(Clone, Debug)]
pub(crate) struct World {
    text: String,
    options: cluster::Options,
    profile: Profile,
}

impl World {
    pub(crate) fn new(manifests: &[String]) -> Self {
        Self { text: manifests.concat(), options: cluster::Options::default(), profile: Profile::Spec }
    }

    /// Under another profile.
    pub(crate) fn under(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// With `--kube-version`.
    pub(crate) fn of_version(mut self, version: &str) -> Self {
        self.options.kube_version = version.parse().expect("a version");
        self
    }

    /// With `--pod-cidr`.
    pub(crate) fn pod_cidr(mut self, block: &str) -> Self {
        self.options.ranges.pods.push(block.parse().expect("a CIDR"));
        self
    }

    fn load(&self) -> Loaded {
        let input = Input::Text { name: "cluster.yaml".into(), bytes: self.text.clone().into_bytes() };
        load::load(&[input], load::Options::default())
    }

    /// The cluster, whatever is wrong with the input.
    pub(crate) fn build(&self) -> Built {
        cluster::build(&self.load().manifests, &self.options)
    }

    /// Everything that loading and building have to say.
    pub(crate) fn diagnostics(&self) -> Vec<Diagnostic> {
        let loaded = self.load();
        let built = cluster::build(&loaded.manifests, &self.options);
        [loaded.diagnostics, built.diagnostics].concat()
    }

    /// The names of all findings.
    pub(crate) fn codes(&self) -> Vec<&'static str> {
        self.diagnostics().iter().map(|finding| finding.code.name()).collect()
    }

    /// The errors, as `PATH: MESSAGE`.
    pub(crate) fn errors(&self) -> Vec<String> {
        let findings = self.diagnostics();
        let errors = findings.iter().filter(|finding| finding.severity() == Severity::Error);
        errors.map(|error| format!("{}: {}", error.path, error.message)).collect()
    }

    /// Asserts that the input is refused, with an error at `path` that says `message`.
    #[track_caller]
    pub(crate) fn refused(&self, path: &str, message: &str) {
        let errors = self.errors();
        let said =
            errors.iter().any(|error| error.starts_with(&format!("{path}: ")) && error.contains(message));
        assert!(said, "no error `{path}: ...{message}...` among {errors:#?}\nof\n{}", self.text);
    }

    /// Asserts that these are all the pods, `NAMESPACE/NAME` in order, for the builder and for the specification.
    #[track_caller]
    pub(crate) fn has_pods(&self, expected: &[&str]) {
        let cluster = self.build().cluster;
        let mut names: Vec<String> = ends(&cluster).map(|(id, index)| cluster.pod_path(id, index)).collect();
        names.sort();
        assert_eq!(names, expected, "pods built from\n{}", self.text);
        let reference = Reference::new(&self.load().manifests, &self.options, self.profile);
        assert_eq!(reference.pods(), expected, "pods of the specification from\n{}", self.text);
    }

    /// Asserts verdicts, one a line.
    #[track_caller]
    pub(crate) fn check(&self, lines: &str) {
        let errors = self.errors();
        assert!(errors.is_empty(), "the input is refused: {errors:#?}\n{}", self.text);
        let manifests = self.load().manifests;
        let built = cluster::build(&manifests, &self.options);
        let program = compile(&built.cluster, self.profile);
        let judges = Judges {
            options: &self.options,
            solver: solve(&program),
            cluster: &built.cluster,
            specification: Reference::new(&manifests, &self.options, self.profile),
        };
        let mut wrong = String::new();
        for line in rows(lines) {
            for complaint in judges.complaints(line) {
                writeln!(wrong, "{line}\n    {complaint}").expect("strings take all that is written");
            }
        }
        assert!(wrong.is_empty(), "under {}:\n{wrong}with\n{}", self.profile.name(), self.text);
    }
}

fn rows(lines: &str) -> impl Iterator<Item = &str> {
    lines.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// Every pod, replicas one by one.
fn ends(cluster: &Cluster) -> impl Iterator<Item = (PodId, u32)> + '_ {
    cluster.pods.enumerate().flat_map(|(id, pod)| (0..pod.count).map(move |index| (id, index)))
}

/// Those who say what may flow.
struct Judges<'w> {
    options: &'w cluster::Options,
    cluster: &'w Cluster,
    solver: Reachability<'w>,
    specification: Reference,
}

impl Judges<'_> {
    /// The errors of a line.
    fn complaints(&self, line: &str) -> Vec<String> {
        let (from, rest) = line.split_once(" -> ").expect("a line is `FROM -> TO VERDICT`");
        let (to, verdict) = rest.rsplit_once(' ').expect("a line is `FROM -> TO VERDICT`");
        let expected = match verdict {
            "allow" => Verdict::Allow,
            "deny" => Verdict::Deny,
            "unknown" => Verdict::Unknown,
            _ => panic!("not allow, deny or unknown: {line}"),
        };
        let from = self.end(from);
        let mut complaints = Vec::new();
        for (to, ports) in self.destinations(to) {
            let found = self.solver.connectivity(from, to);
            if !agrees(&found, &ports, expected) {
                let Connectivity { must, may, .. } = found;
                complaints.push(format!("the solver allows {must}, and perhaps {}", may.difference(&must)));
            }
            let (from, to) = (self.peer(from), self.peer(to));
            let edges = Protocol::ALL.into_iter().flat_map(|protocol| {
                let ranges = ports.of(protocol).ranges();
                ranges.iter().flat_map(move |&(first, last)| [(protocol, first), (protocol, last)])
            });
            let mut sample: Vec<(Protocol, u16)> =
                edges.chain(self.specification.interesting_ports()).collect();
            sample.retain(|&(protocol, port)| ports.contains(protocol, port));
            let differing = sample.into_iter().find_map(|(protocol, port)| {
                let found = self.specification.verdict(&from, &to, protocol, port);
                (found != expected).then(|| format!("the specification says {found:?} of {port}/{protocol}"))
            });
            complaints.extend(differing);
        }
        complaints
    }

    fn end(&self, text: &str) -> End {
        if let Ok(address) = text.parse() {
            return End::Address(address);
        }
        let pod = ends(self.cluster).find(|&(id, index)| self.cluster.pod_path(id, index) == text);
        let (id, index) = pod.unwrap_or_else(|| panic!("no pod `{text}`"));
        End::Pod(id, index)
    }

    fn peer(&self, end: End) -> Peer {
        match end {
            End::Pod(id, index) => Peer::Pod(self.cluster.pod_path(id, index)),
            End::Address(address) => Peer::Address(address),
        }
    }

    /// The ends that a text means, with the ports that are asked for on each.
    fn destinations(&self, text: &str) -> Vec<(End, PortSet)> {
        if text.starts_with("svc/") {
            return self.behind_service(text);
        }
        if text.parse::<IpAddr>().is_ok() {
            return vec![(self.end(text), PortSet::full())];
        }
        match text.rsplit_once(':') {
            Some((end, port)) => {
                let end = end.strip_prefix('[').and_then(|end| end.strip_suffix(']')).unwrap_or(end);
                vec![(self.end(end), ports(port))]
            }
            None => vec![(self.end(text), PortSet::full())],
        }
    }

    fn behind_service(&self, text: &str) -> Vec<(End, PortSet)> {
        let target = endpoint::parse(text, self.cluster, "default", &self.options.ranges)
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        let pods =
            target.ends.pods.iter().flat_map(|(id, range)| range.clone().map(|index| End::Pod(*id, index)));
        let numbers = target.ends.addresses.v4.ranges().iter().flat_map(|&(first, last)| first..=last);
        let addresses = numbers.map(|number| {
            let number = u32::try_from(number).expect("an IPv4 address");
            End::Address(IpAddr::V4(number.into()))
        });
        pods.chain(addresses).map(|end| (end, target.ports_at(end))).collect()
    }
}

/// `80`, `80/UDP`, `8000-8100/TCP`.
fn ports(text: &str) -> PortSet {
    let (range, protocol) = text.split_once('/').unwrap_or((text, "TCP"));
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("not a port: {text}"));
    let protocol = Protocol::from_name(protocol).unwrap_or_else(|| panic!("not a protocol: {protocol}"));
    PortSet::from_range(protocol, number(first), number(last))
}

/// True if every one of `ports` has the verdict.
fn agrees(found: &Connectivity, ports: &PortSet, expected: Verdict) -> bool {
    let allowed = ports.intersection(&found.must);
    let possible = ports.intersection(&found.may);
    match expected {
        Verdict::Allow => allowed == *ports,
        Verdict::Deny => possible.is_empty(),
        Verdict::Unknown => allowed.is_empty() && possible == *ports,
    }
}
