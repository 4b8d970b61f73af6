//! Laws of the evaluation on random clusters, and the solver against the executable specification.
//!
//! `PROPTEST_CASES` sets the number of clusters of every law. A failure prints the smallest cluster found as a file
//! and the flags to give with it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use podreach::cluster::{self, Cluster};
use podreach::compile::{Layout, Program, compile, compile_as};
use podreach::index::Id;
use podreach::load::Manifest;
use podreach::net::{AddressSet, ByFamily, Family, PortSet};
use podreach::query::{By, Carried, Endpoint, External, Flow, Matrix, PodPairs, View};
use podreach::reference::Reference;
use podreach::solve::{Connectivity, End, Reachability, solve};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseResult;
use serde_json::{Value, json};

use crate::support::config;
use crate::support::generate::{self, Case};
use crate::support::judge::{self, name, pairs, pods};

fn manifests(case: &Case) -> Result<Vec<Manifest>, TestCaseError> {
    judge::manifests(case).map_err(TestCaseError::fail)
}

pub(crate) fn cluster_of(case: &Case) -> Result<Arc<Cluster>, TestCaseError> {
    judge::build(case, &manifests(case)?).map_err(TestCaseError::fail)
}

/// Connectivity between all ends of a case, by name.
type Table = BTreeMap<(String, String), Connectivity>;

fn table(case: &Case, addresses: &[IpAddr]) -> Result<Table, TestCaseError> {
    let cluster = cluster_of(case)?;
    let program = compile(&cluster, case.profile);
    let reachability = solve(&program);
    Ok(pairs(&cluster, addresses)
        .into_iter()
        .map(|(from, to)| {
            let names = (name(&cluster, from), name(&cluster, to));
            (names, reachability.connectivity(from, to))
        })
        .collect())
}

/// Addresses worth asking about in a case.
fn addresses(case: &Case) -> Result<Vec<IpAddr>, TestCaseError> {
    Ok(Reference::new(&manifests(case)?, &case.options, case.profile).interesting_addresses())
}

/// Two cases say the same of every pair of ends.
fn same(before: &Case, after: &Case) -> TestCaseResult {
    let addresses = addresses(before)?;
    let (before_table, after_table) = (table(before, &addresses)?, table(after, &addresses)?);
    prop_assert_eq!(before_table.len(), after_table.len());
    for (pair, connectivity) in &before_table {
        prop_assert_eq!(Some(connectivity), after_table.get(pair), "{:?}, rewritten as {:?}", pair, after);
    }
    Ok(())
}

fn is_subset(small: &PortSet, large: &PortSet) -> bool {
    small.difference(large).is_empty()
}

/// The NetworkPolicies of a case.
fn policies(case: &mut Case) -> impl Iterator<Item = &mut Value> {
    case.objects.iter_mut().filter(|object| object["kind"] == "NetworkPolicy")
}

/// Rewrites every rule of every policy into rules; the function takes the name of the list of peers, and the rule.
fn rewrite_rules(case: &Case, rewrite: impl Fn(&str, &Value) -> Vec<Value>) -> Case {
    let mut case = case.clone();
    for policy in policies(&mut case) {
        for (direction, side) in [("ingress", "from"), ("egress", "to")] {
            if let Some(rules) = policy["spec"].get_mut(direction).and_then(Value::as_array_mut) {
                *rules = rules.iter().flat_map(|rule| rewrite(side, rule)).collect();
            }
        }
    }
    case
}

/// One rule for each part of one of its lists; an empty list is left alone.
fn split(rule: &Value, list: &str, parts: impl Fn(&[Value]) -> Vec<Vec<Value>>) -> Vec<Value> {
    match rule.get(list).and_then(Value::as_array) {
        Some(elements) if !elements.is_empty() => parts(elements)
            .into_iter()
            .filter(|part| !part.is_empty())
            .map(|part| {
                let mut rule = rule.clone();
                rule[list] = Value::Array(part);
                rule
            })
            .collect(),
        _ => vec![rule.clone()],
    }
}

fn one_by_one(elements: &[Value]) -> Vec<Vec<Value>> {
    elements.iter().map(|element| vec![element.clone()]).collect()
}

proptest! {
    #![proptest_config(config(4096))]

    /// The solver and the specification agree on every connection.
    #[test]
    fn solver_equals_reference(case in generate::case()) {
        judge::agree(&case).map_err(TestCaseError::fail)?;
    }
}

proptest! {
    #![proptest_config(config(1024))]

    /// Bounds are bounds, and a pod always reaches itself.
    #[test]
    fn must_is_within_may(case in generate::case()) {
        for ((from, to), Connectivity { must, may, .. }) in table(&case, &addresses(&case)?)? {
            prop_assert!(is_subset(&must, &may), "{} -> {}: {} and {}", from, to, must, may);
            prop_assert!(from != to || must.is_full(), "{}", from);
        }
    }

    /// With explicit policyTypes, one more rule never removes a connection.
    #[test]
    fn a_rule_only_adds(case in generate::case(), which: Index, ingress: bool, from in generate::rule("from"), to in generate::rule("to")) {
        let mut before = case;
        let count = policies(&mut before).count();
        prop_assume!(count > 0);
        let spec = |case: &mut Case, edit: &dyn Fn(&mut Value)| {
            let policy = policies(case).nth(which.index(count)).expect("counted");
            // A stored one may have blocks of every form.
            policy["metadata"]["uid"] = json!("stored");
            edit(&mut policy["spec"]);
        };
        spec(&mut before, &|spec| {
            if spec["policyTypes"].as_array().is_none_or(Vec::is_empty) {
                spec["policyTypes"] = json!(["Ingress", "Egress"]);
            }
        });
        let mut after = before.clone();
        spec(&mut after, &|spec| {
            let (direction, rule) = if ingress { ("ingress", &from) } else { ("egress", &to) };
            match spec.get_mut(direction).and_then(Value::as_array_mut) {
                Some(rules) => rules.push(rule.clone()),
                None => spec[direction] = json!([rule]),
            }
        });
        let addresses = addresses(&after)?;
        let (before, after_table) = (table(&before, &addresses)?, table(&after, &addresses)?);
        for (pair, small) in before {
            let large = &after_table[&pair];
            prop_assert!(is_subset(&small.must, &large.must), "{:?}, with the rule {:?}", pair, after);
            prop_assert!(is_subset(&small.may, &large.may), "{:?}, with the rule {:?}", pair, after);
        }
    }

    /// Order has no meaning: of documents, policies, rules, peers, ports.
    #[test]
    fn order_never_matters(case in generate::case()) {
        let mut reversed = rewrite_rules(&case, |side, rule| {
            let mut rule = rule.clone();
            for list in [side, "ports"] {
                if let Some(elements) = rule.get_mut(list).and_then(Value::as_array_mut) {
                    elements.reverse();
                }
            }
            vec![rule]
        });
        for policy in policies(&mut reversed) {
            for list in ["ingress", "egress", "policyTypes"] {
                if let Some(elements) = policy["spec"].get_mut(list).and_then(Value::as_array_mut) {
                    elements.reverse();
                }
            }
        }
        reversed.objects.reverse();
        same(&case, &reversed)?;
    }

    /// A policy that selects no pod changes nothing.
    #[test]
    fn a_policy_for_nobody_changes_nothing(
        case in generate::case(),
        namespace in proptest::sample::select(&generate::NAMESPACES[..]),
        mut spec in generate::policy_spec(),
    ) {
        spec["podSelector"] = json!({"matchLabels": {"nobody": "has-this"}});
        let mut after = case.clone();
        after.objects.push(generate::network_policy(namespace, "for-nobody", &spec));
        same(&case, &after)?;
    }

    /// A policy twice, under two names, is that policy.
    #[test]
    fn a_duplicate_changes_nothing(case in generate::case()) {
        let mut after = case.clone();
        let copies: Vec<Value> = policies(&mut after)
            .map(|policy| {
                let mut copy = policy.clone();
                copy["metadata"]["name"] = json!(format!("{}-copy", policy["metadata"]["name"].as_str().expect("named")));
                copy
            })
            .collect();
        after.objects.extend(copies);
        same(&case, &after)?;
    }

    /// A rule with several ports is several rules.
    #[test]
    fn a_rule_splits_by_ports(case in generate::case()) {
        same(&case, &rewrite_rules(&case, |_, rule| split(rule, "ports", one_by_one)))?;
    }

    /// A rule with several peers is several rules, as long as its blocks stay together.
    #[test]
    fn a_rule_splits_by_peers(case in generate::case()) {
        let parts = |peers: &[Value]| {
            let (blocks, selectors): (Vec<Value>, Vec<Value>) =
                peers.iter().cloned().partition(|peer| peer.get("ipBlock").is_some());
            let mut parts = one_by_one(&selectors);
            parts.push(blocks);
            parts
        };
        same(&case, &rewrite_rules(&case, |side, rule| split(rule, side, parts)))?;
    }

    /// Blocks that are taken apart are no surer of an address that nobody knows, and otherwise the same.
    #[test]
    fn a_rule_splits_by_blocks(case in generate::case()) {
        let after = rewrite_rules(&case, |side, rule| split(rule, side, one_by_one));
        let addresses = addresses(&case)?;
        let (together, apart) = (table(&case, &addresses)?, table(&after, &addresses)?);
        for (pair, together) in together {
            let apart = &apart[&pair];
            prop_assert_eq!(&together.may, &apart.may, "{:?}", pair);
            prop_assert!(is_subset(&apart.must, &together.must), "{:?}", pair);
        }
    }

    /// Names of pods mean nothing: renaming them, and so sorting them otherwise, renames the matrix.
    #[test]
    fn renaming_pods_renames_the_matrix(case in generate::case()) {
        let renamed = |name: &str| match name.parse::<u32>() {
            Ok(number) => format!("renamed-{}", 99 - number),
            Err(_) => format!("p{name}"),
        };
        let mut after = case.clone();
        for object in &mut after.objects {
            let name = object["metadata"]["name"].as_str().expect("named").to_string();
            if let (true, Some(rest)) = (object["kind"] == "Pod", name.strip_prefix('p')) {
                object["metadata"]["name"] = json!(renamed(rest));
            }
        }
        let path = |path: &String| match path.split_once("/p") {
            Some((namespace, rest)) => format!("{namespace}/{}", renamed(rest)),
            None => path.clone(),
        };
        let addresses = addresses(&case)?;
        let before: Table = table(&case, &addresses)?
            .into_iter()
            .map(|((from, to), connectivity)| ((path(&from), path(&to)), connectivity))
            .collect();
        prop_assert_eq!(before, table(&after, &addresses)?);
    }
}

/// A few addresses of an external that no pod owns, and that are no node's: those are told apart by more than blocks.
pub(crate) fn samples(cluster: &Cluster, external: &External) -> Vec<IpAddr> {
    let is_taken = |address: &IpAddr| {
        let of_pod = cluster.pods.iter().any(|pod| match &pod.addresses {
            cluster::Addresses::Known(known) => known.contains(address),
            cluster::Addresses::Unknown => false,
        });
        of_pod || cluster.nodes.iter().any(|node| node.addresses.contains(address))
    };
    let to_address = |number: u128| match external.family {
        Family::V4 => IpAddr::from(u32::try_from(number).expect("an IPv4 address").to_be_bytes()),
        Family::V6 => IpAddr::from(number.to_be_bytes()),
    };
    let edges = external
        .addresses
        .ranges()
        .iter()
        .flat_map(|&(first, last)| [first, first + (last - first) / 2, last]);
    edges.map(to_address).filter(|address| !is_taken(address)).collect()
}

/// The flows of a matrix at one level, as docs/guide/formats.md defines them, from the connectivity of every pair.
fn expected_flows(
    cluster: &Cluster,
    reachability: &Reachability<'_>,
    matrix: &Matrix<'_>,
    by: By,
) -> Vec<Flow> {
    let group = |end| match (by, end) {
        (_, End::Address(_)) => unreachable!("addresses are grouped by the matrix"),
        (By::Pod, End::Pod(pod, index)) => Endpoint::Pod(pod, index),
        (By::Workload, End::Pod(pod, _)) => Endpoint::Workload(cluster.pods[pod].workload),
        (By::Namespace, End::Pod(pod, _)) => Endpoint::Namespace(cluster.pods[pod].namespace),
    };
    let mut by_group: BTreeMap<(Endpoint, Endpoint), Vec<Connectivity>> = BTreeMap::new();
    let mut add = |from: (Endpoint, End), to: (Endpoint, End)| {
        by_group.entry((from.0, to.0)).or_default().push(reachability.connectivity(from.1, to.1));
    };
    let pods = pods(cluster);
    for &a in &pods {
        for &b in pods.iter().filter(|&&b| b != a) {
            add((group(a), a), (group(b), b));
        }
        for (id, external) in matrix.externals().enumerate() {
            for address in samples(cluster, external) {
                let outside = (Endpoint::External(id), End::Address(address));
                add((group(a), a), outside);
                add(outside, (group(a), a));
            }
        }
    }
    by_group
        .into_iter()
        .map(|((from, to), pairs)| {
            let union = |ports: &dyn Fn(&Connectivity) -> PortSet| {
                pairs.iter().map(ports).fold(PortSet::empty(), |all, one| all.union(&one))
            };
            let some = union(&|pair| pair.must.clone());
            let ports = pairs.iter().fold(PortSet::full(), |all, pair| all.intersection(&pair.must));
            let unknown = union(&|pair| pair.may.difference(&pair.must)).difference(&some);
            let restricted = union(&Connectivity::restricted);
            let carried = Carried { some: some.difference(&ports), ports, unknown, restricted };
            Flow { from, to, carried }
        })
        .filter(|flow| !flow.carried.is_nothing())
        .collect()
}

/// The flows that the matrix lists at a level are the sums of the pairs.
pub(crate) fn flows_are_sums(cluster: &Cluster, program: &Program, by: By) -> TestCaseResult {
    let reachability = solve(program);
    let matrix = Matrix::new(&reachability);
    // An external that holds nothing but addresses of pods and nodes cannot be sampled.
    let is_sampled = |endpoint: Endpoint| match endpoint {
        Endpoint::External(id) => !samples(cluster, &matrix.externals()[id]).is_empty(),
        _ => true,
    };
    let mut listed = Vec::new();
    let end = matrix.for_each_flow(&View { by, ..View::default() }, |flow| {
        listed.push(flow.clone());
        std::ops::ControlFlow::<()>::Continue(())
    });
    prop_assert!(end.is_continue());
    listed.retain(|flow| is_sampled(flow.from) && is_sampled(flow.to));
    listed.sort_by_key(|flow| (flow.from, flow.to));
    prop_assert_eq!(listed, expected_flows(cluster, &reachability, &matrix, by), "by {:?}", by);
    Ok(())
}

/// Everything sparse, everything dense, and mixtures.
fn layout() -> impl Strategy<Value = Layout> {
    prop_oneof![Just(usize::MAX), 0_usize..5].prop_map(Layout::DenseAbove)
}

proptest! {
    #![proptest_config(config(1024))]

    /// The flows that the matrix lists are the sums of the pairs, at every level.
    #[test]
    fn flows_are_sums_of_pairs(case in generate::case(), layout in layout()) {
        let cluster = cluster_of(&case)?;
        let program = compile_as(&cluster, case.profile, layout);
        for by in [By::Pod, By::Workload, By::Namespace] {
            flows_are_sums(&cluster, &program, by)?;
        }
    }

    /// The summary counts pairs, and no answer depends on how the members of peer lists are kept.
    #[test]
    fn the_summary_counts_pairs(case in generate::case(), layout in layout()) {
        let cluster = cluster_of(&case)?;
        let program = compile_as(&cluster, case.profile, layout);
        let reachability = solve(&program);
        let mut counted = PodPairs::default();
        for (from, to) in pairs(&cluster, &[]).into_iter().filter(|(from, to)| from != to) {
            let Connectivity { must, may, .. } = reachability.connectivity(from, to);
            counted.total += 1;
            match () {
                () if must != may => counted.unknown += 1,
                () if must.is_full() => counted.open += 1,
                () if must.is_empty() => counted.none += 1,
                () => counted.some += 1,
            }
        }
        let summary = Matrix::new(&reachability).summary();
        prop_assert_eq!(summary.pod_pairs, counted);
        prop_assert_eq!(summary.pods, cluster.pod_count());
        prop_assert!(summary.classes <= summary.pods);
    }

    /// Classes, verdicts and counts are the same however the members of peer lists are kept.
    #[test]
    fn layouts_agree(case in generate::case(), layout in layout()) {
        let cluster = cluster_of(&case)?;
        let (sparse, other) = (
            compile_as(&cluster, case.profile, Layout::DenseAbove(usize::MAX)),
            compile_as(&cluster, case.profile, layout),
        );
        prop_assert_eq!(&sparse.class_of, &other.class_of);
        let (sparse, other) = (solve(&sparse), solve(&other));
        for (from, to) in pairs(&cluster, &[]) {
            prop_assert_eq!(sparse.connectivity(from, to), other.connectivity(from, to));
        }
        prop_assert_eq!(Matrix::new(&sparse).summary().pod_pairs, Matrix::new(&other).summary().pod_pairs);
    }

    /// Every address is in exactly one external, and an external has one family.
    #[test]
    fn externals_partition_the_addresses(case in generate::case()) {
        let cluster = cluster_of(&case)?;
        let program = compile(&cluster, case.profile);
        let reachability = solve(&program);
        let mut seen = ByFamily::<AddressSet>::default();
        for (id, External { family, addresses }) in Matrix::new(&reachability).externals().enumerate() {
            prop_assert!(!addresses.is_empty(), "number {}", id.index());
            prop_assert!(addresses.is_disjoint(&seen[*family]), "number {}", id.index());
            seen[*family] = seen[*family].union(addresses);
        }
        for family in Family::ALL {
            prop_assert_eq!(&seen[family], &AddressSet::from_range(0, family.last()));
        }
    }
}
