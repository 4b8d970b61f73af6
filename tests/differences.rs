//! The difference of two clusters, on random pairs of them: the changes are those of two listings, the counts are
//! those of all pairs of pods, and taking back what is named takes the change back.

mod blame;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::Arc;

use podreach::cluster::Cluster;
use podreach::compile::{Program, compile};
use podreach::diagnostic::ObjectName;
use podreach::diff::{Pairs, between_workloads};
use podreach::net::{AddressSet, Family, PortSet};
use podreach::query::difference::{Change, Difference, Edited, Party, PartyId, Presence, Scope, difference};
use podreach::query::{By, Carried, Endpoint, Matrix, View};
use podreach::solve::{Connectivity, End, solve};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use serde_json::{Value, json};

use crate::support::config;
use crate::support::generate::{self, Case};
use crate::support::judge::{self, pods};
use crate::what_if::{belongs_to, drawn, edit};

/// A case, and the case after some edits, or another case altogether.
fn two() -> impl Strategy<Value = (Case, Case)> {
    let edited = (generate::case(), prop::collection::vec(drawn(), 1..=4)).prop_map(|(case, steps)| {
        let mut after = case.clone();
        for step in &steps {
            let _ = edit(&mut after, step);
        }
        (case, after)
    });
    let other = (generate::case(), generate::case()).prop_map(|(before, mut after)| {
        after.profile = before.profile;
        after.options = before.options.clone();
        (before, after)
    });
    prop_oneof![3 => edited, 1 => other].prop_map(|(mut before, mut after)| {
        // What one of them does not have cannot be assumed of it.
        before.options.assume.clear();
        after.options.assume.clear();
        (before, after)
    })
}

fn compiled(case: &Case) -> Result<Program, TestCaseError> {
    let manifests = judge::manifests(case).map_err(TestCaseError::fail)?;
    let cluster: Arc<Cluster> = judge::build(case, &manifests).map_err(TestCaseError::fail)?;
    Ok(compile(&cluster, case.profile))
}

/// The name of an endpoint; addresses stand for themselves.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Name {
    Inside(String),
    Outside(Family, AddressSet),
}

fn name(cluster: &Cluster, externals: impl Fn(usize) -> (Family, AddressSet), endpoint: Endpoint) -> Name {
    use podreach::index::Id;
    match endpoint {
        Endpoint::Pod(pod, index) => Name::Inside(cluster.pod_path(pod, index)),
        Endpoint::Workload(id) => {
            Name::Inside(format!("{} {}", cluster.workload_path(id), cluster.workloads[id].kind))
        }
        Endpoint::Namespace(id) => Name::Inside(cluster.namespaces[id].name.to_string()),
        Endpoint::External(id) => {
            let (family, addresses) = externals(id.index());
            Name::Outside(family, addresses)
        }
    }
}

type Flows = BTreeMap<(Name, Name), Carried>;

fn flows(program: &Program, by: By) -> Flows {
    let reachability = solve(program);
    let matrix = Matrix::new(&reachability);
    let externals: Vec<(Family, AddressSet)> =
        matrix.externals().iter().map(|external| (external.family, external.addresses.clone())).collect();
    let mut flows = Flows::new();
    let _ = matrix.for_each_flow(&View { by, ..View::default() }, |flow| {
        let name = |end| name(&program.cluster, |i| externals[i].clone(), end);
        flows.insert((name(flow.from), name(flow.to)), flow.carried.clone());
        ControlFlow::<()>::Continue(())
    });
    flows
}

/// Every flow that differs, by one address where there are addresses: the first of each stretch that the listings or
/// the difference cut.
fn expected(before: &Flows, after: &Flows, edges: &BTreeSet<(Family, u128)>) -> Flows2 {
    let points = |flows: &Flows| -> Flows2Side {
        let mut points = Flows2Side::new();
        for ((from, to), carried) in flows {
            for from in cut(from, edges) {
                for to in cut(to, edges) {
                    points.insert((from.clone(), to), carried.clone());
                }
            }
        }
        points
    };
    let (before, after) = (points(before), points(after));
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).cloned().collect();
    keys.into_iter()
        .filter_map(|key| {
            let at = |side: &Flows2Side| side.get(&key).cloned().unwrap_or_default();
            let (was, is) = (at(&before), at(&after));
            (was != is).then_some((key, (was, is)))
        })
        .collect()
}

type Point = (Option<String>, Option<(Family, u128)>);
type Flows2Side = BTreeMap<(Point, Point), Carried>;
type Flows2 = BTreeMap<(Point, Point), (Carried, Carried)>;

fn cut(name: &Name, edges: &BTreeSet<(Family, u128)>) -> Vec<Point> {
    match name {
        Name::Inside(name) => vec![(Some(name.clone()), None)],
        Name::Outside(family, set) => edges
            .iter()
            .filter(|(of, number)| of == family && set.contains(*number))
            .map(|&edge| (None, Some(edge)))
            .collect(),
    }
}

fn edges<'n>(names: impl Iterator<Item = &'n Name>) -> BTreeSet<(Family, u128)> {
    let mut edges = BTreeSet::new();
    for name in names {
        if let Name::Outside(family, set) = name {
            for &(first, last) in set.ranges() {
                edges.insert((*family, first));
                edges.extend((last < family.last()).then(|| (*family, last + 1)));
            }
        }
    }
    edges
}

fn party(difference: &Difference, before: &Program, after: &Program, id: PartyId) -> Name {
    let party = difference.parties[id];
    let cluster = if party.presence == Presence::Vanished { &before.cluster } else { &after.cluster };
    let external = |i: usize| {
        let external = &difference.externals.as_slice()[i];
        (external.family, external.addresses.clone())
    };
    name(cluster, external, party.endpoint)
}

/// The causes of a change do not depend on other changes: an endpoint asked about by itself is grouped with no other.
fn same_causes_one_by_one(before: &Program, after: &Program, by: By, found: &Difference) -> TestCaseResult {
    let causes = |difference: &Difference, from: Name| -> BTreeMap<Name, Vec<String>> {
        let name = |id| party(difference, before, after, id);
        let is_inside = |name: &Name| matches!(name, Name::Inside(_));
        let changes =
            difference.changes().filter(|change| name(change.from) == from && is_inside(&name(change.to)));
        let causes = |change: &Change| -> Vec<String> {
            let causes = difference.because(change.because).iter();
            causes.map(|&cause| difference.causes[cause].object.to_string()).collect()
        };
        changes.map(|change| (name(change.to), causes(&change))).collect()
    };
    let sources: BTreeSet<PartyId> = found.changes().map(|change| change.from).collect();
    for id in sources.into_iter().take(4) {
        let Party { endpoint, presence } = found.parties[id];
        let (Presence::Stays, Endpoint::Pod(pod, _)) = (presence, endpoint) else { continue };
        let about = Some([Vec::new(), vec![pod]]);
        let (was, is) = (solve(before), solve(after));
        let alone = difference(&was, &is, &between_workloads(&was, &is), &Scope { by, about });
        let name = party(found, before, after, id);
        prop_assert_eq!(causes(found, name.clone()), causes(&alone, name));
    }
    Ok(())
}

pub(crate) fn same_as_two_listings(before: &Program, after: &Program, by: By) -> TestCaseResult {
    let scope = Scope { by, ..Scope::default() };
    let (was, is) = (solve(before), solve(after));
    let found = difference(&was, &is, &between_workloads(&was, &is), &scope);
    let changes: Vec<((Name, Name), Carried, Carried)> = found
        .changes()
        .map(|change| {
            let name = |id| party(&found, before, after, id);
            let carried = |id| found.carried[id].clone();
            ((name(change.from), name(change.to)), carried(change.before), carried(change.after))
        })
        .collect();
    let (was, is) = (flows(before, by), flows(after, by));
    let ends = was.keys().chain(is.keys()).flat_map(|(from, to)| [from, to]);
    let edges = edges(ends.chain(changes.iter().flat_map(|((from, to), ..)| [from, to])));
    let mut points = Flows2::new();
    for ((from, to), was, is) in &changes {
        for from in cut(from, &edges) {
            for to in cut(to, &edges) {
                let twice = points.insert((from.clone(), to.clone()), (was.clone(), is.clone()));
                prop_assert_eq!(twice, None, "{:?}: {:?} -> {:?}", by, from, to);
            }
        }
    }
    prop_assert_eq!(points, expected(&was, &is, &edges), "{:?}", by);

    // The boxes hold every change once, and nothing else but pods with themselves.
    let mut boxed = BTreeMap::new();
    for found in &found.boxes {
        for &from in found.from() {
            for &to in found.to() {
                boxed.insert((from, to), (found.before, found.after, found.because));
            }
        }
    }
    prop_assert_eq!(found.count(), changes.len());
    for change in found.changes() {
        let (from, to) = (change.from, change.to);
        let boxed = boxed.remove(&(from, to));
        let stays = [from, to].iter().all(|&id| found.parties[id].presence == Presence::Stays);
        let expected = (change.before, change.after, stays.then_some(change.because));
        prop_assert_eq!(boxed, Some(expected), "{:?} -> {:?}", from, to);
    }
    prop_assert!(boxed.keys().all(|(from, to)| from == to), "{:?}", boxed);
    same_causes_one_by_one(before, after, by, &found)?;
    Ok(())
}

/// Pods as the counts know them: where each is before and after.
fn entities(before: &Cluster, after: &Cluster) -> Vec<[Option<End>; 2]> {
    let workloads = |cluster: &Cluster| {
        let mut all: BTreeMap<(String, String), Vec<(String, End)>> = BTreeMap::new();
        for end in pods(cluster) {
            let End::Pod(pod, index) = end else { continue };
            let id = cluster.pods[pod].workload;
            let workload = (cluster.workload_path(id), cluster.workloads[id].kind.to_string());
            all.entry(workload).or_default().push((cluster.pod_path(pod, index), end));
        }
        all
    };
    let (was, mut is) = (workloads(before), workloads(after));
    let mut entities = Vec::new();
    for (workload, old) in was {
        let Some(new) = is.remove(&workload) else {
            entities.extend(old.into_iter().map(|(_, end)| [Some(end), None]));
            continue;
        };
        let (same, gone): (Vec<_>, Vec<_>) =
            old.into_iter().partition(|(name, _)| new.iter().any(|(other, _)| other == name));
        let came = new.iter().filter(|(name, _)| same.iter().all(|(other, _)| other != name));
        let rest = gone.into_iter().zip(came).map(|((_, was), (_, is))| [Some(was), Some(*is)]);
        entities.extend(rest);
        entities.extend(
            same.iter().map(|(name, was)| {
                [Some(*was), new.iter().find(|(other, _)| other == name).map(|(_, is)| *is)]
            }),
        );
    }
    entities.extend(is.into_values().flatten().map(|(_, end)| [None, Some(end)]));
    entities
}

proptest! {
    #![proptest_config(config(384))]

    /// The changes are what two listings differ in, at every level.
    #[test]
    fn changes_are_those_of_two_listings((before, after) in two()) {
        let (before, after) = (compiled(&before)?, compiled(&after)?);
        for by in [By::Pod, By::Workload, By::Namespace] {
            same_as_two_listings(&before, &after, by)?;
        }
    }

    /// The counts are those of all pairs of pods, one by one.
    #[test]
    fn counts_are_those_of_all_pairs((before, after) in two()) {
        let (before, after) = (compiled(&before)?, compiled(&after)?);
        let (was, is) = (solve(&before), solve(&after));
        let found = difference(&was, &is, &between_workloads(&was, &is), &Scope::default());
        let entities = entities(&before.cluster, &after.cluster);
        let mut pairs = Pairs::default();
        for (i, from) in entities.iter().enumerate() {
            for (_, to) in entities.iter().enumerate().filter(|(j, _)| *j != i) {
                let at = |reachability: &podreach::solve::Reachability<'_>, input: usize| match (from[input], to[input]) {
                    (Some(from), Some(to)) => reachability.connectivity(from, to),
                    _ => Connectivity::closed(),
                };
                let (was, is) = (at(&was, 0), at(&is, 1));
                let unknown = |bounds: &Connectivity| bounds.may.difference(&bounds.must);
                let more = |a: &PortSet, b: &PortSet| u128::from(!a.difference(b).is_empty());
                pairs.allowed += more(&is.must, &was.must);
                pairs.denied += more(&was.may, &is.may);
                pairs.unknown += more(&unknown(&is), &unknown(&was));
            }
        }
        prop_assert_eq!(found.pairs, pairs);
    }
}

/// The objects that are named, and of a workload its pods, which the input may show alone; not the pods of a namespace.
fn named(case: &Case, name: &ObjectName) -> Vec<Value> {
    let owner = json!({"kind": name.kind, "metadata": {"namespace": name.namespace, "name": name.name}});
    let text =
        |object: &Value, field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    // A policy that is not evaluated carries the group of its kind.
    let is_kind = |object: &Value| {
        let (kind, version) = (object["kind"].as_str(), object["apiVersion"].as_str().unwrap_or_default());
        let group = version.split_once('/').map_or("", |(group, _)| group);
        let (own, own_group) = name.kind.split_once('.').unwrap_or((&name.kind, group));
        kind == Some(own) && group == own_group
    };
    let is_named = |object: &Value| {
        is_kind(object) && text(object, "name") == *name.name && text(object, "namespace") == *name.namespace
    };
    let is_owned = |object: &Value| &*name.kind != "Namespace" && belongs_to(object, &owner, &case.objects);
    case.objects.iter().filter(|object| is_named(object) || is_owned(object)).cloned().collect()
}

/// A pod or an address, found in a cluster whose pods have other numbers.
fn found_again(end: End, own: &Cluster, other: &Cluster) -> End {
    let End::Pod(pod, index) = end else { return end };
    let path = own.pod_path(pod, index);
    let is_it = |end: &End| matches!(end, End::Pod(pod, index) if other.pod_path(*pod, *index) == path);
    pods(other).into_iter().find(is_it).expect("every pod is in both")
}

proptest! {
    #![proptest_config(config(384))]

    /// None of the objects that are named says the same as before, and if those that are named for a pair had stayed as they
    /// were, so had the ports that changed.
    #[test]
    fn taking_back_what_is_named_takes_the_change_back(
        before in generate::case(),
        steps in prop::collection::vec(drawn(), 1..=8),
    ) {
        let mut before = before;
        before.options.assume.clear();
        let mut after = before.clone();
        for step in steps.iter().filter(|step| step.keeps_pods()) {
            edit(&mut after, step)?;
        }
        let (old, new) = (compiled(&before)?, compiled(&after)?);
        let (was, is) = (solve(&old), solve(&new));
        let found = difference(&was, &is, &between_workloads(&was, &is), &Scope { by: By::Pod, ..Scope::default() });
        let mut known: BTreeMap<_, Program> = BTreeMap::new();
        for change in found.changes() {
            let because = found.because(change.because);
            prop_assert!(!because.is_empty(), "{:?} has no cause", change);
            if !known.contains_key(because) {
                let mut reverted = after.clone();
                for &cause in because {
                    let cause = &found.causes[cause];
                    let (was, is) = (named(&before, &cause.object), named(&after, &cause.object));
                    prop_assert_ne!(&was, &is, "{} is equal in both", cause.object);
                    let edited = match (was.is_empty(), is.is_empty()) {
                        (true, _) => Edited::Added,
                        (_, true) => Edited::Removed,
                        _ => Edited::Changed,
                    };
                    prop_assert_eq!(cause.edit, edited);
                    reverted.objects.retain(|object| !is.contains(object));
                    reverted.objects.extend(was);
                }
                known.insert(because, compiled(&reverted)?);
            }
            let reverted = &known[because];
            let ends = [change.from, change.to].map(|id| match found.parties[id].endpoint {
                Endpoint::Pod(pod, index) => End::Pod(pod, index),
                Endpoint::External(id) => {
                    let external = &found.externals[id];
                    End::Address(address(external.family, external.addresses.ranges()[0].0))
                }
                other => panic!("{other:?} is no pod"),
            });
            let in_cluster = |cluster: &Cluster| ends.map(|end| found_again(end, &new.cluster, cluster));
            let [from, to] = in_cluster(&old.cluster);
            let (was, is) = (was.connectivity(from, to), is.connectivity(ends[0], ends[1]));
            let apart = |a: &PortSet, b: &PortSet| a.difference(b).union(&b.difference(a));
            let concerned = apart(&was.must, &is.must).union(&apart(&was.may, &is.may));
            let [from, to] = in_cluster(&reverted.cluster);
            let again = solve(reverted).connectivity(from, to);
            let on = |bounds: &Connectivity| {
                (bounds.must.intersection(&concerned), bounds.may.intersection(&concerned))
            };
            let named: Vec<String> = because.iter().map(|&cause| found.causes[cause].object.to_string()).collect();
            prop_assert_eq!(on(&was), on(&again), "{:?}, with {:?} taken back", change, named);
        }
    }
}

fn address(family: Family, number: u128) -> IpAddr {
    match family {
        Family::V4 => IpAddr::from(u32::try_from(number).expect("an IPv4 address").to_be_bytes()),
        Family::V6 => IpAddr::from(number.to_be_bytes()),
    }
}
