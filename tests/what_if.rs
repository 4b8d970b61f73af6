//! Random edits of random clusters: what a simulation says is what building everything anew says, cell by cell.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use podreach::cluster::Cluster;
use podreach::compile::{Program, compile};
use podreach::diagnostic::ObjectName;
use podreach::diff::{Difference, between};
use podreach::load::Manifest;
use podreach::query::Matrix;
use podreach::query::unknowns::missing_facts;
use podreach::reference::Reference;
use podreach::solve::{Connectivity, End, Reachability, solve};
use podreach::what_if::{Edit, Simulation};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseResult;
use serde_json::{Value, json};

use crate::support::generate::{self, Case};
use crate::support::judge::{self, name, pairs};

fn config(cases: u32) -> ProptestConfig {
    let mut config =
        ProptestConfig { failure_persistence: None, max_shrink_iters: 4000, ..Default::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    config
}

/// A change that is drawn before it is known to which objects.
#[derive(Clone, Debug)]
enum Drawn {
    Policy(&'static str, usize, Value),
    DeletePolicy(Index),
    DeleteAny(Index),
    Relabel(Index, &'static str),
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let namespace = || proptest::sample::select(&generate::NAMESPACES[..2]);
    prop_oneof![
        8 => (namespace(), 0usize..7, generate::policy_spec()).prop_map(|(n, i, spec)| Drawn::Policy(n, i, spec)),
        4 => any::<Index>().prop_map(Drawn::DeletePolicy),
        1 => any::<Index>().prop_map(Drawn::DeleteAny),
        1 => (any::<Index>(), proptest::sample::select(&["x", "y", "z"][..])).prop_map(|(i, v)| Drawn::Relabel(i, v)),
    ]
}

fn is_same(a: &Value, b: &Value) -> bool {
    let text = |value: &Value, field: &str| value["metadata"][field].as_str().map(str::to_owned);
    a["kind"] == b["kind"]
        && a["apiVersion"] == b["apiVersion"]
        && text(a, "name") == text(b, "name")
        && text(a, "namespace") == text(b, "namespace")
}

/// Whether an object is in a namespace, or belongs to a workload, directly or through another one.
fn belongs_to(object: &Value, owner: &Value, all: &[Value]) -> bool {
    let namespace = |object: &Value| object["metadata"]["namespace"].clone();
    if owner["kind"] == "Namespace" {
        return namespace(object) == owner["metadata"]["name"];
    }
    let reference = &object["metadata"]["ownerReferences"][0];
    let is_named = |other: &Value| {
        namespace(other) == namespace(object)
            && other["kind"] == reference["kind"]
            && other["metadata"]["name"] == reference["name"]
    };
    is_named(owner) || all.iter().any(|other| is_named(other) && belongs_to(other, owner, all))
}

fn manifest(case: &Case, object: &Value) -> Result<Manifest, TestCaseError> {
    let alone = Case { objects: vec![object.clone()], ..case.clone() };
    Ok(judge::manifests(&alone).map_err(TestCaseError::fail)?.remove(0))
}

/// The edit, after making it in the case as well; `None` if there is nothing to do it to.
fn edit(case: &mut Case, drawn: &Drawn) -> Result<Option<Edit>, TestCaseError> {
    let places = |case: &Case, wanted: &dyn Fn(&Value) -> bool| -> Vec<usize> {
        (0..case.objects.len()).filter(|&i| wanted(&case.objects[i])).collect()
    };
    let is_policy = |object: &Value| object["kind"] == "NetworkPolicy";
    let delete = |case: &mut Case, places: Vec<usize>, index: &Index| {
        if places.is_empty() {
            return None;
        }
        let object = case.objects[*index.get(&places)].clone();
        let mut rest = case.objects.clone();
        rest.retain(|other| !is_same(other, &object) && !belongs_to(other, &object, &case.objects));
        if rest.is_empty() {
            return None;
        }
        case.objects = rest;
        let text = |value: &Value| value.as_str().unwrap_or_default().into();
        Some(Edit::Delete(ObjectName {
            kind: text(&object["kind"]),
            namespace: text(&object["metadata"]["namespace"]),
            name: text(&object["metadata"]["name"]),
        }))
    };
    Ok(match drawn {
        Drawn::Policy(namespace, number, spec) => {
            let object = generate::network_policy(namespace, &format!("np{number}"), spec);
            let edit = Edit::Apply(Box::new(manifest(case, &object)?));
            match case.objects.iter_mut().find(|other| is_same(other, &object)) {
                Some(other) => *other = object,
                None => case.objects.push(object),
            }
            Some(edit)
        }
        Drawn::DeletePolicy(index) => {
            let places = places(case, &is_policy);
            delete(case, places, index)
        }
        Drawn::DeleteAny(index) => {
            let places = places(case, &|_| true);
            delete(case, places, index)
        }
        Drawn::Relabel(index, value) => {
            let places = places(case, &|object| {
                matches!(object["kind"].as_str(), Some("Pod" | "Namespace"))
                    && object["metadata"]["ownerReferences"].is_null()
            });
            if places.is_empty() {
                return Ok(None);
            }
            let place = *index.get(&places);
            let key = if case.objects[place]["kind"] == "Pod" { "app" } else { "env" };
            case.objects[place]["metadata"]["labels"][key] = json!(value);
            Some(Edit::Apply(Box::new(manifest(case, &case.objects[place])?)))
        }
    })
}

fn compiled(case: &Case) -> Result<(Arc<Cluster>, Program), TestCaseError> {
    let manifests = judge::manifests(case).map_err(TestCaseError::fail)?;
    let cluster = judge::build(case, &manifests).map_err(TestCaseError::fail)?;
    let program = compile(&cluster, case.profile);
    Ok((cluster, program))
}

type Table = BTreeMap<(String, String), (End, End, Connectivity)>;

fn table(reachability: &Reachability<'_>, addresses: &[IpAddr]) -> Table {
    let cluster = &reachability.program().cluster;
    pairs(cluster, addresses)
        .into_iter()
        .map(|(from, to)| {
            ((name(cluster, from), name(cluster, to)), (from, to, reachability.connectivity(from, to)))
        })
        .collect()
}

/// The same pairs, with the same connectivity.
fn same(a: &Table, b: &Table) -> TestCaseResult {
    prop_assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (pair, (_, _, cell)) in a {
        prop_assert_eq!(cell, &b[pair].2, "{:?}", pair);
    }
    Ok(())
}

/// A difference says of every pair what two tables say.
fn tells(
    difference: &Difference,
    programs: (&Program, &Program),
    before: &Table,
    after: &Table,
) -> TestCaseResult {
    let mut changed = 0;
    for (pair, (from, to, is)) in after {
        let found = difference.find(programs.0, programs.1, *from, *to);
        let expected = before.get(pair).map(|(_, _, was)| was).filter(|was| *was != is);
        changed += usize::from(expected.is_some());
        prop_assert_eq!(
            found.map(|change| (&change.before, &change.after)),
            expected.map(|was| (was, is)),
            "{:?}",
            pair
        );
    }
    // Addresses are sampled, so that a change may be of others.
    let between_pods = difference.changes.iter().filter(|change| {
        [&change.from, &change.to].iter().all(|group| matches!(group, podreach::diff::Group::Pods(_)))
    });
    prop_assert!(changed > 0 || between_pods.count() == 0, "a change without a pair: {:?}", difference);
    Ok(())
}

/// Names of the pods that one table has and the other has not.
fn missing(table: &Table, other: &Table) -> Vec<String> {
    let pods = |table: &Table| -> Vec<String> {
        table.keys().filter(|(from, to)| from == to).map(|(from, _)| from.clone()).collect()
    };
    let others = pods(other);
    pods(table).into_iter().filter(|pod| !others.contains(pod)).collect()
}

proptest! {
    #![proptest_config(config(512))]

    /// Edits one after the other, tried out and then kept.
    #[test]
    fn edits_are_worth_building_anew(
        case in generate::case(),
        steps in prop::collection::vec(prop::collection::vec(drawn(), 1..=2), 1..=5),
    ) {
        let mut case = case;
        case.options.assume.clear();
        let manifests = judge::manifests(&case).map_err(TestCaseError::fail)?;
        let simulation = Simulation::new(manifests, case.options.clone(), case.profile);
        let mut simulation = simulation.map_err(|errors| TestCaseError::fail(format!("{errors:?}")))?;
        for step in steps {
            let before_case = case.clone();
            let mut edits = Vec::new();
            for drawn in &step {
                edits.extend(edit(&mut case, drawn)?);
            }
            if edits.is_empty() {
                continue;
            }
            let mut addresses = Vec::new();
            for case in [&before_case, &case] {
                let manifests = judge::manifests(case).map_err(TestCaseError::fail)?;
                addresses.extend(Reference::new(&manifests, &case.options, case.profile).interesting_addresses());
            }
            addresses.sort_unstable();
            addresses.dedup();
            let (_, scratch) = compiled(&case)?;
            let expected = table(&solve(&scratch), &addresses);
            // Addresses of pods that come or go mean the pod in one input and an address in the other.
            let before = table(&simulation.reachability(), &addresses);

            let tried = simulation.try_out(&edits, |variant| {
                let after = table(&variant.reachability(), &addresses);
                same(&after, &expected)?;
                tells(&variant.effect.difference, (variant.before, variant.after), &before, &after)?;
                prop_assert_eq!(!variant.effect.difference.appeared.is_empty(), !missing(&after, &before).is_empty());
                prop_assert_eq!(!variant.effect.difference.vanished.is_empty(), !missing(&before, &after).is_empty());
                Ok(variant.effect.rebuilt)
            });
            let tried: Result<bool, TestCaseError> =
                tried.map_err(|errors| TestCaseError::fail(format!("{errors:?}")))?;
            let rebuilt = tried?;
            same(&table(&simulation.reachability(), &addresses), &before)?;

            let effect = simulation.apply(&edits).map_err(|errors| TestCaseError::fail(format!("{errors:?}")))?;
            prop_assert_eq!(effect.rebuilt, rebuilt);
            let after = table(&simulation.reachability(), &addresses);
            same(&after, &expected)?;
            if !rebuilt {
                let program = simulation.program();
                tells(&effect.difference, (program, program), &before, &after)?;
            }
            let (ours, theirs) = (simulation.reachability(), solve(&scratch));
            let (ours, theirs) = (Matrix::new(&ours), Matrix::new(&theirs));
            prop_assert_eq!(ours.summary().pod_pairs, theirs.summary().pod_pairs);
            prop_assert_eq!(ours.summary().policies, theirs.summary().policies);
            prop_assert_eq!(simulation.program().touches, scratch.touches);
            prop_assert_eq!(missing_facts(simulation.program()).len(), missing_facts(&scratch).len());
            let externals = |matrix: &Matrix<'_>| matrix.externals().iter().cloned().collect::<Vec<_>>();
            prop_assert_eq!(externals(&ours), externals(&theirs));
        }
    }
}

proptest! {
    #![proptest_config(config(256))]

    /// Two inputs that have nothing to do with each other.
    #[test]
    fn the_difference_of_any_two_inputs_is_exact(a in generate::case(), b in generate::case()) {
        let mut addresses = Vec::new();
        for case in [&a, &b] {
            let manifests = judge::manifests(case).map_err(TestCaseError::fail)?;
            addresses.extend(Reference::new(&manifests, &case.options, case.profile).interesting_addresses());
        }
        addresses.sort_unstable();
        addresses.dedup();
        let ((_, a), (_, b)) = (compiled(&a)?, compiled(&b)?);
        let (a, b) = (solve(&a), solve(&b));
        let (before, after) = (table(&a, &addresses), table(&b, &addresses));
        tells(&between(&a, &b), (a.program(), b.program()), &before, &after)?;
    }
}
