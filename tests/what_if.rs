//! Random edits of random clusters: what a simulation says is what building everything anew says, cell by cell.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use podreach::cluster::{Assumption, Cluster, MorePods};
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

use crate::support::config;
use crate::support::generate::{self, Case};
use crate::support::judge::{self, name, pairs};

/// A change that is drawn before it is known to which objects.
#[derive(Clone, Debug)]
pub(crate) enum Drawn {
    Policy(&'static str, usize, Value),
    WidePolicy(Value),
    DeletePolicy(Index),
    DeleteAny(Index),
    Relabel(Index, &'static str),
    Label(Index, &'static str, Option<&'static str>),
    LabelUndeclared(&'static str, &'static str),
    Scale(Index, u32),
    RollOut(Index, &'static str),
}

pub(crate) fn drawn() -> impl Strategy<Value = Drawn> {
    let namespace = || proptest::sample::select(&generate::NAMESPACES[..2]);
    let value = || proptest::sample::select(&["x", "y", "z"][..]);
    prop_oneof![
        8 => (namespace(), 0usize..7, generate::policy_spec()).prop_map(|(n, i, spec)| Drawn::Policy(n, i, spec)),
        5 => generate::cluster_wide_policy().prop_map(Drawn::WidePolicy),
        6 => any::<Index>().prop_map(Drawn::DeletePolicy),
        1 => any::<Index>().prop_map(Drawn::DeleteAny),
        1 => (any::<Index>(), value()).prop_map(|(i, v)| Drawn::Relabel(i, v)),
        2 => (any::<Index>(), proptest::sample::select(&["app", "tier", "env"][..]), proptest::option::of(value()))
            .prop_map(|(i, key, v)| Drawn::Label(i, key, v)),
        1 => (proptest::sample::select(&generate::NAMESPACES[..]), value()).prop_map(|(n, v)| Drawn::LabelUndeclared(n, v)),
        2 => (any::<Index>(), 0u32..4).prop_map(|(i, n)| Drawn::Scale(i, n)),
        1 => (any::<Index>(), value()).prop_map(|(i, v)| Drawn::RollOut(i, v)),
    ]
}

fn is_same(a: &Value, b: &Value) -> bool {
    let text = |value: &Value, field: &str| value["metadata"][field].as_str().map(str::to_owned);
    let group = |value: &Value| {
        let version = value["apiVersion"].as_str().unwrap_or_default().to_owned();
        version.rsplit_once('/').map(|(group, _)| group.to_owned())
    };
    a["kind"] == b["kind"]
        && group(a) == group(b)
        && text(a, "name") == text(b, "name")
        && text(a, "namespace") == text(b, "namespace")
}

/// True if an object is in a namespace, or belongs to a workload, directly or through another one.
pub(crate) fn belongs_to(object: &Value, owner: &Value, all: &[Value]) -> bool {
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

impl Drawn {
    /// True if it changes objects of the input, but leaves all pods there.
    pub(crate) fn keeps_pods(&self) -> bool {
        matches!(
            self,
            Self::Policy(..)
                | Self::WidePolicy(_)
                | Self::DeletePolicy(_)
                | Self::Relabel(..)
                | Self::Label(..)
        )
    }
}

/// The edit, after making it in the case as well; `None` if there is nothing to do it to.
pub(crate) fn edit(case: &mut Case, drawn: &Drawn) -> Result<Option<Edit>, TestCaseError> {
    case.options.changed = true;
    let places = |case: &Case, wanted: &dyn Fn(&Value) -> bool| -> Vec<usize> {
        (0..case.objects.len()).filter(|&i| wanted(&case.objects[i])).collect()
    };
    let is_policy = |object: &Value| {
        let kinds =
            ["NetworkPolicy", "ClusterNetworkPolicy", "AdminNetworkPolicy", "BaselineAdminNetworkPolicy"];
        object["kind"].as_str().is_some_and(|kind| kinds.contains(&kind))
    };
    // Of a stored object an apply keeps what it does not name; here nothing of the old one stays.
    let put = |case: &mut Case, object: Value| {
        let new = Box::new(manifest(case, &object)?);
        let old = case.objects.iter_mut().find(|other| is_same(other, &object));
        Ok::<_, TestCaseError>(Some(if let Some(old) = old {
            *old = object;
            Edit::Replace(new)
        } else {
            case.objects.push(object);
            Edit::Apply(new)
        }))
    };
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
        forget_more(case);
        Some(Edit::Delete(called(&object)))
    };
    Ok(match drawn {
        Drawn::Policy(namespace, number, spec) => {
            put(case, generate::network_policy(namespace, &format!("np{number}"), spec))?
        }
        Drawn::WidePolicy(policy) => put(case, policy.clone())?,
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
        Drawn::Label(index, key, value) => {
            let places = places(case, &|object| {
                template(object).is_some() || matches!(object["kind"].as_str(), Some("Pod" | "Namespace"))
            });
            if places.is_empty() {
                return Ok(None);
            }
            let object = case.objects[*index.get(&places)].clone();
            let all = case.objects.clone();
            let is_meant = |other: &Value| {
                let owns = template(&object).is_some();
                is_same(other, &object) || (owns && belongs_to(other, &object, &all))
            };
            if value.is_none() && !all.iter().any(|other| is_meant(other) && !labels(other)[*key].is_null()) {
                return Ok(None);
            }
            for other in case.objects.iter_mut().filter(|other| is_meant(other)) {
                let labels = labels_mut(other);
                match value {
                    Some(value) => labels[*key] = json!(value),
                    None => drop(labels.as_object_mut().and_then(|labels| labels.remove(*key))),
                }
            }
            Some(Edit::Label(called(&object), vec![((*key).into(), value.map(Into::into))]))
        }
        Drawn::LabelUndeclared(name, value) => {
            let is_declared =
                |object: &Value| object["kind"] == "Namespace" && object["metadata"]["name"] == *name;
            let is_in = |object: &Value| object["metadata"]["namespace"] == *name;
            if case.objects.iter().any(is_declared) || !case.objects.iter().any(is_in) {
                return Ok(None);
            }
            case.options.assume.retain(|assumed| assumed.name != *name);
            case.options.changed = true;
            case.options.assume.push(Assumption {
                kind: "ns".into(),
                namespace: String::new(),
                name: (*name).into(),
                key: "env".into(),
                value: (*value).into(),
            });
            let name = ObjectName { kind: "Namespace".into(), namespace: "".into(), name: (*name).into() };
            Some(Edit::Label(name, vec![("env".into(), Some((*value).into()))]))
        }
        Drawn::Scale(index, count) => {
            let scalable = ["Deployment", "ReplicaSet", "ReplicationController", "StatefulSet"];
            let places =
                places(case, &|object| object["kind"].as_str().is_some_and(|kind| scalable.contains(&kind)));
            if places.is_empty() {
                return Ok(None);
            }
            let place = *index.get(&places);
            let object = case.objects[place].clone();
            scale(case, place, *count);
            Some(Edit::Scale(called(&object), *count))
        }
        Drawn::RollOut(index, value) => {
            let places = places(case, &|object| template(object).is_some());
            if places.is_empty() {
                return Ok(None);
            }
            let place = *index.get(&places);
            let old = case.objects[place].clone();
            labels_mut(&mut case.objects[place])["app"] = json!(value);
            let new = case.objects[place].clone();
            if new != old {
                let all = case.objects.clone();
                case.objects.retain(|other| !belongs_to(other, &old, &all));
                forget_more(case);
            }
            Some(Edit::Apply(Box::new(manifest(case, &new)?)))
        }
    })
}

fn called(object: &Value) -> ObjectName {
    let text = |value: &Value| value.as_str().unwrap_or_default().into();
    ObjectName {
        kind: text(&object["kind"]),
        namespace: text(&object["metadata"]["namespace"]),
        name: text(&object["metadata"]["name"]),
    }
}

/// Path of the pod template in an object.
fn template(object: &Value) -> Option<&'static str> {
    let places = ["/spec/jobTemplate/spec/template", "/spec/template"];
    places.into_iter().find(|place| object.pointer(place).is_some())
}

/// The labels of an object, or of the pods of a workload.
fn labels(object: &Value) -> &Value {
    let holder = template(object).and_then(|place| object.pointer(place)).unwrap_or(object);
    &holder["metadata"]["labels"]
}

fn labels_mut(object: &mut Value) -> &mut Value {
    let place = template(object).unwrap_or("");
    &mut object.pointer_mut(place).expect("it is there")["metadata"]["labels"]
}

/// More pods like one are none when that one is gone.
fn forget_more(case: &mut Case) {
    let Case { objects, options, .. } = case;
    options.more.retain(|more| {
        objects.iter().any(|object| {
            object["kind"] == "Pod"
                && object["metadata"]["namespace"] == *more.namespace
                && object["metadata"]["name"] == *more.like
        })
    });
}

/// Scaling: of listed pods the last go, or there are more like the first; templates do as they are told.
fn scale(case: &mut Case, place: usize, count: u32) {
    let object = case.objects[place].clone();
    case.objects[place]["spec"]["replicas"] = json!(count);
    let all = case.objects.clone();
    let owned = |other: &Value| belongs_to(other, &object, &all);
    let pod = all.iter().find(|other| other["kind"] == "Pod" && owned(other));
    if let Some(pod) = pod {
        let name = called(pod);
        case.options.more.retain(|more| (&more.namespace, &more.like) != (&name.namespace, &name.name));
        if count > 1 {
            let ObjectName { namespace, name: like, .. } = name;
            case.options.more.push(MorePods { namespace, like, count: count - 1 });
        }
    }
    if pod.is_none() || count == 0 {
        case.objects.retain(|other| !(other["kind"] == "Pod" && owned(other)));
        for other in case.objects.iter_mut().filter(|other| owned(other) && other["kind"] == "ReplicaSet") {
            if other["spec"]["replicas"] != 0 {
                other["spec"]["replicas"] = json!(count);
            }
        }
    }
}

pub(crate) fn compiled(case: &Case) -> Result<(Arc<Cluster>, Program), TestCaseError> {
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
        case.options.changed = true;
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
            let ((_, old_scratch), (_, scratch)) = (compiled(&before_case)?, compiled(&case)?);
            let expected = table(&solve(&scratch), &addresses);
            let counted = between(&solve(&old_scratch), &solve(&scratch)).pairs(&old_scratch, &scratch);
            // Addresses of pods that come or go mean the pod in one input and an address in the other.
            let before = table(&simulation.reachability(), &addresses);

            let tried = simulation.try_out(&edits, |variant| {
                let after = table(&variant.reachability(), &addresses);
                same(&after, &expected)?;
                tells(&variant.effect.difference, (variant.before, variant.after), &before, &after)?;
                prop_assert_eq!(variant.effect.difference.pairs(variant.before, variant.after), counted);
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
