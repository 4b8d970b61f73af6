//! Every folder under `scenarios/` against the expectations it holds.
//!
//! Each expectation is put to two judges: the solver, over every port, and the executable specification, over every
//! port at which an answer can change. A folder without a test file fails, so no scenario can be forgotten.

mod file;
mod world;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use podreach::cluster::Cluster;
use podreach::compile::compile;
use podreach::expect;
use podreach::load;
use podreach::net::{PortSet, Protocol};
use podreach::reference::{Peer, Reference, Verdict};
use podreach::solve::{Connectivity, End, Reachability, solve};

use serde_json::{Value, json};

use crate::support::thinning;

use file::{Expect, Ports, Test};
use world::World;

/// Whoever can say what may flow.
trait Judge {
    /// The ports it looks at.
    fn ports(&self) -> &PortSet;
    /// Connectivity on those ports.
    fn connectivity(&self, from: End, to: End) -> Connectivity;
}

struct Solver<'r> {
    reachability: &'r Reachability<'r>,
    ports: PortSet,
}

impl Judge for Solver<'_> {
    fn ports(&self) -> &PortSet {
        &self.ports
    }
    fn connectivity(&self, from: End, to: End) -> Connectivity {
        self.reachability.connectivity(from, to)
    }
}

struct Specification<'w> {
    world: &'w World,
    reference: Reference,
    ports: PortSet,
    answers: RefCell<BTreeMap<(End, End), Connectivity>>,
}

impl<'w> Specification<'w> {
    fn new(world: &'w World) -> Self {
        let reference = Reference::new(&world.manifests, &world.options, world.profile);
        let mut ports = PortSet::empty();
        let mut add = |protocol: Protocol, number: u16| {
            ports = ports.union(&PortSet::from_range(protocol, number, number));
        };
        for (protocol, number) in reference.interesting_ports() {
            add(protocol, number);
        }
        for port in world.file.tests().iter().flat_map(|test| test.ports.iter().flatten()) {
            let Ports::Numbers(asked) = port.parse() else { continue };
            for protocol in Protocol::ALL {
                for &(first, last) in asked.of(protocol).ranges() {
                    add(protocol, first);
                    add(protocol, last);
                }
            }
        }
        Self { world, reference, ports, answers: RefCell::default() }
    }

    fn peer(&self, end: End) -> Peer {
        match end {
            End::Pod(..) => Peer::Pod(self.world.name_of(end)),
            End::Address(address) => Peer::Address(address),
        }
    }

    fn ask(&self, from: End, to: End) -> Connectivity {
        let (from, to) = (self.peer(from), self.peer(to));
        let (mut must, mut may) = (PortSet::empty(), PortSet::empty());
        for protocol in Protocol::ALL {
            for &(first, last) in self.ports.of(protocol).ranges() {
                for number in first..=last {
                    let port = PortSet::from_range(protocol, number, number);
                    let verdict = self.reference.verdict(&from, &to, protocol, number);
                    if verdict != Verdict::Deny {
                        may = may.union(&port);
                    }
                    if verdict == Verdict::Allow {
                        must = must.union(&port);
                    }
                }
            }
        }
        Connectivity::between(must, may)
    }
}

impl Judge for Specification<'_> {
    fn ports(&self) -> &PortSet {
        &self.ports
    }
    fn connectivity(&self, from: End, to: End) -> Connectivity {
        self.answers.borrow_mut().entry((from, to)).or_insert_with(|| self.ask(from, to)).clone()
    }
}

/// The expectation of one pair.
#[derive(Clone, Copy)]
enum Wanted {
    /// Every port is allowed.
    All,
    /// At least one is.
    Some,
    /// None is.
    None,
}

/// One test file before one judge.
struct Trial<'a> {
    world: &'a World,
    judge: &'a dyn Judge,
    /// The judge of those whom `expectOnly` does not list, for whom a shared node counts for nothing.
    by_policies: &'a dyn Judge,
    addresses: &'a BTreeSet<IpAddr>,
}

impl Trial<'_> {
    /// All failures of all tests.
    fn run(&self) -> Vec<String> {
        let mut failures = Vec::new();
        for test in self.world.file.tests() {
            if let Err(why) = self.check(&test) {
                failures.push(format!("{}: {}: {why}", self.world.name, test.name));
            }
        }
        failures
    }

    fn check(&self, test: &Test) -> Result<(), String> {
        let ends = |endpoint| {
            let ends = self.world.resolve(endpoint).within(self.addresses);
            if ends.is_empty() && !test.allow_empty {
                return Err("an endpoint matches nothing".to_owned());
            }
            Ok(ends)
        };
        match (&test.from, &test.to, test.expect, &test.expect_only) {
            (Some(from), Some(to), Some(expect), None) => {
                let wanted = match expect {
                    Expect::Allow => Wanted::All,
                    Expect::Deny => Wanted::None,
                };
                let (sources, destinations) = (ends(from)?, ends(to)?);
                let pairs =
                    sources.iter().flat_map(|&source| destinations.iter().map(move |&to| (source, to)));
                for (source, destination) in self.that_could_connect(pairs.collect()) {
                    self.pair(self.judge, test, [source, destination], wanted)?;
                }
            }
            (from, to, None, Some(only)) if from.is_some() != to.is_some() => {
                let outward = from.is_some();
                let pair = |subject, other| if outward { (subject, other) } else { (other, subject) };
                let mut listed: Vec<BTreeSet<End>> = Vec::new();
                for endpoint in only {
                    listed.push(ends(endpoint)?);
                }
                let subjects = ends(from.as_ref().or(to.as_ref()).expect("one of them is there"))?;
                let everybody: BTreeSet<End> = self
                    .world
                    .pods()
                    .into_iter()
                    .chain(self.addresses.iter().copied().map(End::Address))
                    .collect();
                for &subject in &subjects {
                    for &other in
                        everybody.iter().filter(|other| listed.iter().all(|set| !set.contains(other)))
                    {
                        let (source, destination) = pair(subject, other);
                        if source != destination {
                            self.pair(self.by_policies, test, [source, destination], Wanted::None)?;
                        }
                    }
                }
                for set in &listed {
                    let others = |subject| set.iter().filter(move |&&other| other != subject);
                    let pairs = subjects
                        .iter()
                        .flat_map(|&subject| others(subject).map(move |&other| pair(subject, other)));
                    for (source, destination) in self.that_could_connect(pairs.collect()) {
                        self.pair(self.judge, test, [source, destination], Wanted::Some)?;
                    }
                }
            }
            _ => {
                return Err(
                    "a test has `from`, `to` and `expect`, or one of the two and `expectOnly`".to_owned()
                );
            }
        }
        Ok(())
    }

    /// Pairs with a pod, those of two pods or of a common address family before others; if there are none, pairs of
    /// addresses, those of one family before others.
    fn that_could_connect(&self, pairs: Vec<(End, End)>) -> Vec<(End, End)> {
        let distance = |&(a, b): &(End, End)| match (a, b) {
            (End::Pod(..), End::Pod(..)) => 0,
            (End::Address(_), End::Address(_)) => 2 + u8::from(!self.world.related(a, b)),
            _ => u8::from(!self.world.related(a, b)),
        };
        let nearest = pairs.iter().map(distance).min();
        pairs.into_iter().filter(|pair| Some(distance(pair)) == nearest).collect()
    }

    fn pair(
        &self,
        judge: &dyn Judge,
        test: &Test,
        [from, to]: [End; 2],
        wanted: Wanted,
    ) -> Result<(), String> {
        let outside = matches!((from, to), (End::Address(_), End::Address(_)));
        if outside && test.expect_only.is_some() {
            return Ok(());
        }
        let described = || format!("{} -> {}", self.world.name_of(from), self.world.name_of(to));
        let asked = self.world.ports_at(test, to).ok_or_else(|| format!("{}: no such port", described()))?;
        let asked = asked.intersection(judge.ports());
        let Connectivity { must, may, .. } = match (outside, self.world.related(from, to)) {
            (true, true) => Connectivity::open(),
            (true, false) => Connectivity::closed(),
            (false, _) => judge.connectivity(from, to),
        };
        let (surely, perhaps) = if test.on_unknown.is_some() { (&may, &must) } else { (&must, &may) };
        let holds = match wanted {
            Wanted::All => asked.difference(surely).is_empty(),
            Wanted::Some => !asked.intersection(surely).is_empty(),
            Wanted::None => asked.intersection(perhaps).is_empty(),
        };
        if holds {
            return Ok(());
        }
        Err(format!(
            "{}: of {asked}, allowed: {}; unknown: {}",
            described(),
            asked.intersection(&must),
            asked.intersection(&may.difference(&must)),
        ))
    }
}

/// Every folder under `scenarios/` that should hold a scenario: all but the `manifests` ones.
fn folders() -> Vec<PathBuf> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("scenarios can be read") {
            let path = entry.expect("scenarios can be read").path();
            if path.is_dir() && !path.ends_with("manifests") {
                collect(&path, found);
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios"), &mut found);
    found.sort();
    assert!(found.len() >= 33, "scenarios are missing: {found:?}");
    found
}

/// Calls `visit` with every scenario and the addresses that stand for all.
fn for_each_world(visit: impl Fn(&World, &BTreeSet<IpAddr>, &Specification<'_>) -> Vec<String>) {
    let mut failures = Vec::new();
    for folder in folders() {
        let world = World::read(&folder);
        let specification = Specification::new(&world);
        let addresses = world.sample(specification.reference.interesting_addresses());
        failures.extend(visit(&world, &addresses, &specification));
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_solver_meets_every_expectation() {
    for_each_world(|world, addresses, _| {
        let program = compile(&world.cluster, world.profile);
        let solver = Solver { reachability: &solve(&program), ports: PortSet::full() };
        Trial { world, judge: &solver, by_policies: &solver, addresses }.run()
    });
}

#[test]
fn the_specification_meets_every_expectation() {
    for_each_world(|world, addresses, specification| {
        Trial { world, judge: specification, by_policies: specification, addresses }.run()
    });
}

#[test]
fn solver_and_specification_agree_on_every_pair() {
    for_each_world(|world, addresses, specification| {
        let program = compile(&world.cluster, world.profile);
        let reachability = solve(&program);
        let pods = world.pods();
        let mut names: Vec<String> = pods.iter().map(|&pod| world.name_of(pod)).collect();
        names.sort();
        assert_eq!(names, specification.reference.pods(), "{}", world.name);

        let everybody: Vec<End> =
            pods.iter().copied().chain(addresses.iter().copied().map(End::Address)).collect();
        let mut failures = Vec::new();
        for &from in &everybody {
            for &to in &everybody {
                if let (End::Address(_), End::Address(_)) = (from, to) {
                    continue;
                }
                let solved = reachability.connectivity(from, to);
                let solved = solved.both(&Connectivity::of(specification.ports.clone()));
                let specified = specification.connectivity(from, to);
                if solved != specified {
                    let (from, to) = (world.name_of(from), world.name_of(to));
                    failures.push(format!("{}: {from} -> {to}: {solved:?}, not {specified:?}", world.name));
                }
            }
        }
        failures
    });
}

/// Every way to put two endpoints of a test file into a test.
fn variations(file: &Value) -> Vec<Value> {
    let names: Vec<&str> =
        file["endpoints"].as_object().into_iter().flatten().map(|(name, _)| &**name).collect();
    let mut tests = Vec::new();
    let mut add = |mut test: Value| {
        test["name"] = json!(tests.len().to_string());
        tests.push(test);
    };
    for from in &names {
        for to in &names {
            for ports in [json!(null), json!([80]), json!(["1-65535", "53/UDP"])] {
                for expect in ["allow", "deny"] {
                    add(json!({"from": from, "to": to, "ports": ports, "expect": expect}));
                }
                add(json!({"from": from, "to": to, "ports": ports, "expect": "deny", "onUnknown": "allow"}));
                add(json!({"to": from, "ports": ports, "expectOnly": [to]}));
                add(
                    json!({"from": from, "ports": ports, "expectOnly": [to, names[0]], "onUnknown": "allow"}),
                );
            }
        }
        add(json!({"to": from, "expectOnly": []}));
        add(json!({"from": from, "expectOnly": names}));
    }
    for test in &mut tests {
        test.as_object_mut().expect("it was made").retain(|_, value| !value.is_null());
    }
    tests
}

#[test]
fn judges_of_tests_agree_whatever_is_expected() {
    let mut disagreements = Vec::new();
    let mut seen = [0, 0];
    for folder in folders() {
        let path = folder.join("reachability-test.yaml");
        let text = std::fs::read_to_string(&path).expect("every scenario has one");
        let mut file: Value = serde_yaml::from_str(&text).expect("other tests read it");
        let tests = variations(&file).into_iter().enumerate();
        let looked_at = tests.filter(|(number, _)| number % thinning() as usize == 0);
        file["tests"] = looked_at.map(|(_, test)| test).collect();
        // That a pod perhaps lies in a block is the business of another test.
        file["podCIDR"] = json!(["10.244.0.0/16"]);
        let text = file.to_string();
        let world = World::with_tests(&folder, &text);
        let program = compile(&world.cluster, world.profile);
        let reachability = solve(&program);
        let addresses = world.sample(Specification::new(&world).reference.interesting_addresses());
        let solver = Solver { reachability: &reachability, ports: PortSet::full() };
        let mut scattered = Cluster::clone(&world.cluster);
        for pod in world.cluster.pods.ids() {
            scattered.pods[pod].node = None;
        }
        let scattered = compile(&Arc::new(scattered), world.profile);
        let by_policies = Solver { reachability: &solve(&scattered), ports: PortSet::full() };
        let trial = Trial { world: &world, judge: &solver, by_policies: &by_policies, addresses: &addresses };

        let name = path.display().to_string();
        let read = expect::read(&[load::Input::Text { name, bytes: text.into_bytes() }], false);
        assert!(read.diagnostics.is_empty(), "{}: {:?}", world.name, read.diagnostics);
        let judge = expect::Judge::new(&reachability, "default", &world.options.ranges);
        let tests = &read.files[0].tests;
        assert_eq!(tests.len(), world.file.tests().len());
        for (test, same) in tests.iter().zip(&world.file.tests()) {
            let outcome = judge.judge(test);
            let (here, there) = (test.passes(outcome.result), trial.check(same));
            seen[usize::from(here)] += 1;
            if here != there.is_ok() {
                let only = match &test.expectation {
                    expect::Expectation::Only(list) => list.iter().map(|end| &*end.text).collect(),
                    _ => Vec::new(),
                };
                let text = |end: &Option<expect::Endpoint>| end.as_ref().map(|end| end.text.clone());
                let (from, to) = (text(&test.from), text(&test.to));
                let what = format!("{from:?} -> {to:?}, only {only:?}, {:?}", test.ports);
                disagreements.push(format!("{}: {what}: {:?}, but {there:?}", world.name, outcome.result));
            }
        }
    }
    assert!(
        disagreements.is_empty(),
        "{} of them:\n{}",
        disagreements.len(),
        disagreements[..disagreements.len().min(20)].join("\n")
    );
    let often = 1000 / thinning();
    assert!(seen[0] > often && seen[1] > often, "both happen: {seen:?}");
}

#[test]
fn every_readme_names_files_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in folders() {
        let readme = folder.join("README.md");
        let text = std::fs::read_to_string(&readme).unwrap_or_else(|e| panic!("{}: {e}", readme.display()));
        let mentioned: Vec<&str> =
            text.split_whitespace().filter(|word| word.starts_with("scenarios/")).collect();
        assert!(!mentioned.is_empty(), "{} has no command to try", readme.display());
        for path in mentioned {
            assert!(root.join(path).exists(), "{} names {path}", readme.display());
        }
    }
}
