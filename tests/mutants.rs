//! Broken policies: the survey of `test --mutate` against every test run for real on manifests in which one thing was
//! broken by hand.

use std::collections::BTreeSet;

use podreach::cluster::Options;
use podreach::compile::compile;
use podreach::diff::between;
use podreach::expect::{self, Judge, Mutation, Test, Tests, survey};
use podreach::load::Input;
use podreach::net::{PortSet, Protocol};
use podreach::solve::{Connectivity, End, Reachability, solve};
use podreach::what_if::Simulation;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseResult;
use serde_json::{Map, Value, json};

use crate::support::config;
use crate::support::generate::{self, Case};
use crate::support::judge::{build, manifests, name, pods};

/// Two ends, the port they are asked about, and whether what is expected is what is so.
type Drawn = (Index, Index, u16, bool);

fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    let port = proptest::sample::select(&[80, 81, 443, 8080][..]);
    prop::collection::vec((any::<Index>(), any::<Index>(), port, prop::bool::weighted(0.9)), 1..8)
}

/// A test file with a test for each.
fn test_file(ends: &[String], drawn: &[(usize, usize, u16, &str)]) -> String {
    let test = |(i, (from, to, port, expect)): (usize, &(usize, usize, u16, &str))| json!({"name": format!("t{i}"), "from": ends[*from], "to": ends[*to], "ports": [port], "expect": expect});
    let tests: Vec<Value> = drawn.iter().enumerate().map(test).collect();
    json!({"apiVersion": "podreach/v1", "kind": "ReachabilityTest", "tests": tests}).to_string()
}

/// A thing that is broken: the policy, the path within it, and the mutation.
type Broken = (String, String, Mutation);

/// A policy with one thing broken; `None` instead of it if it is gone.
type Variant = (Broken, Option<Value>);

fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value[field].as_array().map_or(&[], Vec::as_slice)
}

fn asks(selector: &Value) -> bool {
    selector.as_object().is_some_and(|fields| fields.values().any(|field| !field.is_null()))
}

/// Every way to break a policy; of other objects there is none.
fn variants(object: &Value) -> Vec<Variant> {
    let api_version = object["apiVersion"].as_str().unwrap_or_default();
    match object["kind"].as_str() {
        Some("NetworkPolicy") => of_network_policy(object),
        Some("ClusterNetworkPolicy") if api_version.starts_with("policy.networking.k8s.io/") => {
            of_cluster_wide_policy(object, "Accept", "protocols")
        }
        Some("AdminNetworkPolicy" | "BaselineAdminNetworkPolicy") => {
            of_cluster_wide_policy(object, "Allow", "ports")
        }
        _ => Vec::new(),
    }
}

/// Every way to break a cluster-wide policy with these words for an Accept and for the ports of a rule.
fn of_cluster_wide_policy(policy: &Value, accept: &str, ports: &str) -> Vec<Variant> {
    let name = policy["metadata"]["name"].as_str().expect("it has a name").to_owned();
    let mut all = vec![((name.clone(), String::new(), Mutation::PolicyRemoved), None)];
    for (direction, side) in [("ingress", "from"), ("egress", "to")] {
        let rules = list(&policy["spec"], direction);
        for (i, rule) in rules.iter().enumerate() {
            let mut add = |within: &str, mutation, rule: Option<Value>| {
                let mut policy = policy.clone();
                let changed = rules[..i].iter().cloned().chain(rule).chain(rules[i + 1..].iter().cloned());
                policy["spec"][direction] = changed.collect();
                let path = format!("spec.{direction}[{i}]{within}");
                all.push(((name.clone(), path, mutation), Some(policy)));
            };
            add("", Mutation::RuleRemoved, None);
            let with = |field: &str, value: Value| {
                let mut rule = rule.clone();
                rule[field] = value;
                Some(rule)
            };
            match rule["action"].as_str() {
                Some("Deny") => add(".action", Mutation::OppositeAction, with("action", json!(accept))),
                Some("Pass") => {}
                _ => add(".action", Mutation::OppositeAction, with("action", json!("Deny"))),
            }
            if !list(rule, ports).is_empty() {
                let mut rule = rule.clone();
                rule.as_object_mut().expect("it has ports").remove(ports);
                add(&format!(".{ports}"), Mutation::AnyPort, Some(rule));
            }
            for (field, mutation) in [(ports, Mutation::PortRemoved), (side, Mutation::PeerRemoved)] {
                let elements = list(rule, field);
                for j in (0..elements.len()).filter(|_| elements.len() > 1) {
                    let fewer = [&elements[..j], &elements[j + 1..]].concat();
                    add(&format!(".{field}[{j}]"), mutation, with(field, json!(fewer)));
                }
            }
            let peers = list(rule, side);
            for (j, peer) in peers.iter().enumerate() {
                for (within, mutation, peer) in wider(peer) {
                    let mut peers = peers.to_vec();
                    peers[j] = peer;
                    add(&format!(".{side}[{j}]{within}"), mutation, with(side, json!(peers)));
                }
            }
        }
    }
    all
}

/// Every way to widen a peer of a cluster-wide policy: a path within it, how, and the peer.
fn wider(peer: &Value) -> Vec<(String, Mutation, Value)> {
    let pods = &peer["pods"];
    let mut all = Vec::new();
    let mut add = |within: &str, mutation, peer: Value| all.push((within.to_owned(), mutation, peer));
    let with = |field: &str, value: Value| {
        let mut pods = pods.clone();
        pods[field] = value;
        json!({"pods": pods})
    };
    // Of a selector in its place, of one within a field of old, and of what compares labels.
    let any = |namespaces: &Value| {
        let is_old = ["namespaceSelector", "sameLabels", "notSameLabels"]
            .iter()
            .any(|field| namespaces.get(field).is_some());
        let selector = if namespaces["namespaceSelector"].is_null() {
            namespaces
        } else {
            &namespaces["namespaceSelector"]
        };
        asks(selector).then(|| if is_old { json!({"namespaceSelector": {}}) } else { json!({}) })
    };
    if let Some(any) = any(&peer["namespaces"]) {
        add("", Mutation::AnyNamespace, json!({"namespaces": any}));
    }
    for field in ["namespaceSelector", "namespaces"] {
        if let Some(any) = any(&pods[field]) {
            add("", Mutation::AnyNamespace, with(field, any));
        }
    }
    if asks(&pods["podSelector"]) {
        add("", Mutation::AnyPod, with("podSelector", json!({})));
    }
    if asks(&peer["nodes"]) {
        add("", Mutation::AnyNode, json!({"nodes": {}}));
    }
    let networks = list(peer, "networks");
    for (k, network) in networks.iter().enumerate() {
        let is_v6 = network.as_str().is_some_and(|network| network.contains(':'));
        let everything = json!(if is_v6 { "::/0" } else { "0.0.0.0/0" });
        if !networks.contains(&everything) {
            let mut networks = networks.to_vec();
            networks[k] = everything;
            add(&format!(".networks[{k}]"), Mutation::AnyAddress, json!({"networks": networks}));
        }
    }
    all
}

/// Every way to break a NetworkPolicy.
fn of_network_policy(policy: &Value) -> Vec<Variant> {
    let text = |field: &str| policy["metadata"][field].as_str().unwrap_or_default().to_owned();
    let name = format!("{}/{}", text("namespace"), text("name"));
    let mut all = vec![((name.clone(), String::new(), Mutation::PolicyRemoved), None)];
    for (direction, side) in [("ingress", "from"), ("egress", "to")] {
        for (i, rule) in list(&policy["spec"], direction).iter().enumerate() {
            let path = format!("spec.{direction}[{i}]");
            let mut add = |path: String, mutation, rule: Option<Value>| {
                let mut policy = policy.clone();
                let spec = policy["spec"].as_object_mut().expect("it has rules");
                pin(spec);
                let rules = spec[direction].as_array_mut().expect("it has rules");
                match rule {
                    Some(rule) => rules[i] = rule,
                    None => drop(rules.remove(i)),
                }
                all.push(((name.clone(), path, mutation), Some(policy)));
            };
            let with = |field: &str, value: Value| {
                let mut rule = rule.clone();
                rule[field] = value;
                Some(rule)
            };
            add(path.clone(), Mutation::RuleRemoved, None);
            if !list(rule, "ports").is_empty() {
                add(format!("{path}.ports"), Mutation::AnyPort, with("ports", Value::Null));
            }
            let peers = list(rule, side);
            if peers.is_empty() {
                continue;
            }
            add(format!("{path}.{side}"), Mutation::AnyPeer, with(side, Value::Null));
            for (j, peer) in peers.iter().enumerate() {
                let mut widen = |mutation, field: &str, value: Value| {
                    let mut peers = peers.to_vec();
                    peers[j][field] = value;
                    add(format!("{path}.{side}[{j}]"), mutation, with(side, Value::Array(peers)));
                };
                if asks(&peer["podSelector"]) {
                    widen(Mutation::AnyPod, "podSelector", json!({}));
                }
                if asks(&peer["namespaceSelector"]) {
                    widen(Mutation::AnyNamespace, "namespaceSelector", json!({}));
                }
                if let Some(cidr) = peer["ipBlock"]["cidr"].as_str() {
                    let all = if cidr.contains(':') { "::/0" } else { "0.0.0.0/0" };
                    if cidr != all || !list(&peer["ipBlock"], "except").is_empty() {
                        widen(Mutation::AnyAddress, "ipBlock", json!({"cidr": all}));
                    }
                }
            }
        }
    }
    all
}

/// Says in which directions a policy isolates, if it leaves that to its rules.
fn pin(spec: &mut Map<String, Value>) {
    let says = spec.get("policyTypes").is_some_and(|types| types.as_array().is_some_and(|t| !t.is_empty()));
    if !says {
        let egress = spec.get("egress").and_then(Value::as_array).is_some_and(|rules| !rules.is_empty());
        let types = if egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
        spec.insert("policyTypes".to_owned(), types);
    }
}

fn verdict(is: &Connectivity, port: u16) -> &'static str {
    let asked = PortSet::from_range(Protocol::Tcp, port, port);
    if asked.difference(&is.must).is_empty() {
        "allow"
    } else if asked.intersection(&is.may).is_empty() {
        "deny"
    } else {
        "unknown"
    }
}

/// For each test, true if it passes.
fn passing<'r>(reachability: &'r Reachability<'r>, asked: Tests<'r>) -> Vec<bool> {
    let judge = Judge::new(reachability, asked.namespace, asked.ranges);
    asked.tests.iter().map(|test| test.passes(judge.judge(test).result)).collect()
}

fn survey_is_real(case: &Case, drawn: &[Drawn]) -> TestCaseResult {
    let found = manifests(case).map_err(TestCaseError::reject)?;
    let cluster = build(case, &found).map_err(TestCaseError::reject)?;
    let program = compile(&cluster, case.profile);
    let reachability = solve(&program);
    let mut ends: Vec<End> = pods(&cluster);
    let outside = ["192.0.2.77", "2001:db8::77"].map(|text| End::Address(text.parse().expect("an address")));
    ends.extend(outside);
    let names: Vec<String> = ends.iter().map(|end| name(&cluster, *end)).collect();
    let asked: Vec<(usize, usize, u16, &str)> = drawn
        .iter()
        .map(|(from, to, port, truly)| {
            let (from, to) = (from.index(ends.len()), to.index(ends.len()));
            let is = verdict(&reachability.connectivity(ends[from], ends[to]), *port);
            let expect = if (is == "allow") == *truly { "allow" } else { "deny" };
            (from, to, *port, expect)
        })
        .collect();
    let text = test_file(&names, &asked);
    let read = expect::read(&[Input::Text { name: "t.json".into(), bytes: text.into() }], false);
    let tests: Vec<&Test> = read.files.iter().flat_map(|file| &file.tests).collect();
    let asked = Tests { tests: &tests, namespace: "default", ranges: &case.options.ranges };

    let simulation = Simulation::new(found.clone(), case.options.clone(), case.profile);
    let mut simulation = simulation.map_err(|errors| TestCaseError::reject(format!("{errors:?}")))?;
    let survey = survey(&mut simulation, &found, asked)
        .map_err(|errors| TestCaseError::fail(format!("a mutant is refused: {errors:?}")))?;

    let before = passing(&reachability, asked);
    let (mut killed, mut survived) = (0, BTreeSet::new());
    for (place, object) in case.objects.iter().enumerate() {
        for (broken, variant) in variants(object) {
            let mut mutated = case.clone();
            match variant {
                Some(policy) => mutated.objects[place] = policy,
                None => drop(mutated.objects.remove(place)),
            }
            // Without the policy the input may hold no object at all, or not the namespace that an assumption is about.
            let found = manifests(&mutated).map_err(TestCaseError::reject)?;
            let cluster = build(&mutated, &found).map_err(TestCaseError::reject)?;
            let program = compile(&cluster, case.profile);
            let mutant = solve(&program);
            let after = passing(&mutant, asked);
            if before.iter().zip(&after).any(|(before, after)| *before && !after) {
                killed += 1;
            } else if !between(&reachability, &mutant).is_empty() {
                survived.insert(broken);
            }
        }
    }
    let said: BTreeSet<Broken> = survey
        .survived
        .iter()
        .map(|mutant| (mutant.policy.path(), mutant.path.clone(), mutant.mutation))
        .collect();
    prop_assert_eq!(said, survived);
    prop_assert_eq!(survey.killed, killed);
    prop_assert_eq!(survey.failing, before.iter().filter(|passes| !**passes).count());
    Ok(())
}

proptest! {
    #![proptest_config(config(48))]
    #[test]
    fn mutants_come_to_what_tests_say_of_their_manifests(case in generate::case(), drawn in drawn()) {
        survey_is_real(&case, &drawn)?;
    }
}

/// Without policy types, the rules say which directions a policy isolates; a mutant without its only egress rule still
/// isolates for egress.
#[test]
fn r11_a_rule_that_is_taken_away_isolates_still() {
    let objects = vec![
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "a", "name": "web"}, "spec": {"containers": []}}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "a", "name": "db"}, "spec": {"containers": []}}),
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"namespace": "a", "name": "p"},
            "spec": {"podSelector": {}, "policyTypes": [], "ingress": [{}], "egress": [{"ports": [{"port": 443}]}]}}),
    ];
    let case = Case { objects, options: Options::default(), profile: podreach::profile::Profile::Spec };
    let found = manifests(&case).expect("they are right");
    let text = test_file(&["a/web".to_owned(), "a/db".to_owned()], &[(0, 1, 80, "deny")]);
    let read = expect::read(&[Input::Text { name: "t.json".into(), bytes: text.into() }], false);
    let tests: Vec<&Test> = read.files.iter().flat_map(|file| &file.tests).collect();
    let asked = Tests { tests: &tests, namespace: "default", ranges: &case.options.ranges };
    let mut simulation =
        Simulation::new(found.clone(), case.options.clone(), case.profile).expect("it is right");
    let survey = survey(&mut simulation, &found, asked).expect("mutants are right");
    let survived: Vec<&str> = survey.survived.iter().map(|mutant| &*mutant.path).collect();
    assert_eq!(survived, ["spec.ingress[0]", "spec.egress[0]"], "neither lets web call db at port 80");
    assert_eq!(survey.killed, 2, "without the policy, or with every port in its rule, web can call db");
}
