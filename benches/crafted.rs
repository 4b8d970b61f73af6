//! Small inputs that were made to take long, each at two sizes: what doubles with the input stays level in throughput.

use criterion::{BenchmarkId, Criterion, Throughput};
use podreach::cluster::{self, Cluster, Options, Ranges};
use podreach::compile::compile;
use podreach::diff::between_workloads;
use podreach::expect::{self, Test, Tests, survey};
use podreach::load::{self, Input, Loaded};
use podreach::profile::Profile;
use podreach::query::Matrix;
use podreach::query::difference::{Scope, difference};
use podreach::solve::solve;
use podreach::what_if::Simulation;
use serde_json::{Value, json};
use std::sync::Arc;

use super::support::group;

/// Makes the objects of an input of some size.
type Generator = fn(usize) -> Vec<Value>;

fn pod(number: usize, labels: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("p{number}"), "namespace": "a", "labels": labels},
        "spec": {"containers": [{"name": "c"}]}})
}

fn numbered(pods: usize) -> impl Iterator<Item = Value> {
    (0..pods).map(|number| pod(number, &json!({"i": number.to_string()})))
}

fn policy(name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name, "namespace": "a"}, "spec": spec})
}

fn one(label: &str, value: usize) -> Value {
    json!({"podSelector": {"matchLabels": {label: value.to_string()}}})
}

/// One policy with so many rules: each to all of 200 pods but five, on a port of its own.
fn rules(count: usize) -> Vec<Value> {
    let to = |rule: usize| {
        let values: Vec<String> = (0..5).map(|i| ((rule * 37 + i * i * 11 + i) % 200).to_string()).collect();
        json!({"podSelector": {"matchExpressions": [{"key": "i", "operator": "NotIn", "values": values}]}})
    };
    let rules = (0..count).map(|rule| json!({"to": [to(rule)], "ports": [{"port": 1 + 2 * rule}]}));
    let spec = json!({"podSelector": {}, "policyTypes": ["Egress"], "egress": rules.collect::<Vec<Value>>()});
    numbered(200).chain([policy("n", &spec)]).collect()
}

/// So many pods, each with other labels: 28 policies tell all of them apart in both directions.
fn signatures(pods: usize) -> Vec<Value> {
    const BITS: usize = 14;
    let labels = |number: usize| {
        let bits = (0..BITS).map(|bit| (format!("b{bit}"), Value::from((number >> bit & 1).to_string())));
        Value::Object(bits.collect())
    };
    let mut objects: Vec<Value> = (0..pods).map(|number| pod(number, &labels(number))).collect();
    for bit in 0..BITS {
        for value in 0..2 {
            let rules = |side: &str, steps: [usize; 3]| -> Vec<Value> {
                let all = steps.into_iter().flat_map(|step| [(step, 0), (step, 1)]);
                let rule = all.map(|(step, other)| {
                    json!({side: [one(&format!("b{}", (bit + step) % BITS), other)],
                        "ports": [{"port": 100 * bit + 10 * step + other + 1}]})
                });
                rule.collect()
            };
            let mut spec = one(&format!("b{bit}"), value);
            spec["policyTypes"] = json!(["Ingress", "Egress"]);
            spec["ingress"] = rules("from", [1, 2, 3]).into();
            spec["egress"] = rules("to", [4, 5, 6]).into();
            objects.push(policy(&format!("n{bit}-{value}"), &spec));
        }
    }
    objects
}

/// So many policies for `pods` pods in turn: each lets one pod in, on a port of its own.
fn policies(count: usize, pods: usize) -> impl Iterator<Item = Value> {
    (0..count).map(move |number| {
        let mut spec = one("i", number % pods);
        spec["ingress"] =
            json!([{"from": [one("i", (number * 7 + 1) % pods)], "ports": [{"port": number + 1}]}]);
        policy(&format!("n{number}"), &spec)
    })
}

/// The same for both directions and as many pods: each policy lets its pod call another one, too.
fn both_ways(pods: usize) -> impl Iterator<Item = Value> {
    policies(pods, pods).enumerate().map(move |(number, mut policy)| {
        policy["spec"]["policyTypes"] = json!(["Ingress", "Egress"]);
        policy["spec"]["egress"] = json!([{"to": [one("i", (number * 13 + 5) % pods)]}]);
        policy
    })
}

/// Number of pods in the cluster of [`of_all_pods`].
const CROWDED: usize = 60;

/// So many policies that select all pods: each lets one pod in, and all out, on a port of its own.
fn of_all_pods(count: usize) -> impl Iterator<Item = Value> {
    (0..count).map(|number| {
        let ports = json!([{"port": number + 1}]);
        let spec = json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [one("i", number % CROWDED)], "ports": ports}], "egress": [{"ports": ports}]});
        policy(&format!("n{number}"), &spec)
    })
}

fn loaded(objects: &[Value]) -> Loaded {
    let bytes = json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string().into_bytes();
    load::load(&[Input::Text { name: "crafted.json".into(), bytes }], load::Options::default())
}

fn built(objects: &[Value]) -> Arc<Cluster> {
    cluster::build(&loaded(objects).manifests, &Options::default()).cluster
}

pub(crate) fn crafted(criterion: &mut Criterion) {
    let mut summary = group(criterion, "crafted/count".to_owned());
    let inputs: [(&str, Generator, [usize; 2]); 2] =
        [("rules", rules, [250, 500]), ("signatures", signatures, [1_000, 2_000])];
    for (name, make, sizes) in inputs {
        for size in sizes {
            let cluster = built(&make(size));
            summary.throughput(Throughput::Elements(size as u64));
            summary.bench_function(BenchmarkId::new(name, size), |bencher| {
                bencher.iter(|| {
                    let program = compile(&cluster, Profile::Spec);
                    Matrix::new(&solve(&program)).summary()
                });
            });
        }
    }
    summary.finish();

    let mut differences = group(criterion, "crafted/difference".to_owned());
    for size in [250, 500] {
        let rollouts: [(&str, usize, Vec<Value>); 3] = [
            ("a policy for each pod", size, policies(size, size).collect()),
            ("a policy for each pod, both ways", size, both_ways(size).collect()),
            ("policies of all pods", CROWDED, of_all_pods(size).collect()),
        ];
        for (name, pods, policies) in rollouts {
            let open: Vec<Value> = numbered(pods).collect();
            let closed: Vec<Value> = open.iter().cloned().chain(policies).collect();
            let clusters = [built(&open), built(&closed)];
            let programs = clusters.each_ref().map(|cluster| compile(cluster, Profile::Spec));
            differences.throughput(Throughput::Elements((pods * size) as u64));
            differences.bench_function(BenchmarkId::new(name, size), |bencher| {
                bencher.iter(|| {
                    let [before, after] = programs.each_ref().map(solve);
                    difference(&before, &after, &between_workloads(&before, &after), &Scope::default())
                        .count()
                });
            });
        }
    }
    differences.finish();

    let mut mutants = group(criterion, "crafted/mutants".to_owned());
    for (count, pods) in [(250, 20), (500, 20), (250, 250), (500, 500)] {
        let objects: Vec<Value> = numbered(pods).chain(policies(count, pods)).collect();
        let manifests = loaded(&objects).manifests;
        let tests = (0..pods).map(|i| {
            json!({"name": format!("t{i}"), "from": format!("a/p{i}"), "to": format!("a/p{}", (i + 1) % pods), "ports": [65_000], "expect": "deny"})
        });
        let file = json!({"apiVersion": "podreach/v1", "kind": "ReachabilityTest", "tests": tests.collect::<Vec<Value>>()});
        let text = Input::Text { name: "tests.json".into(), bytes: file.to_string().into_bytes() };
        let read = expect::read(&[text], false);
        let tests: Vec<&Test> = read.files.iter().flat_map(|file| &file.tests).collect();
        let asked = Tests { tests: &tests, namespace: "default", ranges: &Ranges::default() };
        mutants.throughput(Throughput::Elements(count as u64));
        mutants.bench_function(BenchmarkId::new(format!("policies of {pods} pods"), count), |bencher| {
            bencher.iter(|| {
                let simulation = Simulation::new(manifests.clone(), Options::default(), Profile::Spec);
                let mut simulation = simulation.expect("the objects are right");
                survey(&mut simulation, &manifests, asked).expect("broken policies are right").killed
            });
        });
    }
    mutants.finish();
}
