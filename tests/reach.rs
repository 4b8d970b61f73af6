//! `reach` on random clusters: one hop is a row or a column of the matrix, and any number of hops is what a naive search
//! over all pairs of pods finds.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::ControlFlow;

use podreach::cluster::{Cluster, PodId, Workload, WorkloadId};
use podreach::compile::{Layout, compile, compile_as};
use podreach::net::{AddressSet, ByFamily, Direction, Family, PortSet, Protocol};
use podreach::query::endpoint::Target;
use podreach::query::reach::{Answer, Found, Question, reach};
use podreach::query::{Carried, Endpoint, Ends, Matrix, View};
use podreach::solve::{Connectivity, End, Reachability, solve};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::properties::{cluster_of, samples};
use crate::support::config;
use crate::support::generate;
use crate::support::judge::pods;

fn target(pods: Vec<(PodId, std::ops::Range<u32>)>) -> Target {
    let ends = Ends { pods, addresses: ByFamily::default() };
    Target { text: "x".into(), end: "x".into(), ends, ..Target::default() }
}

fn question(target: Target, direction: Direction, ports: Option<PortSet>, hops: u32) -> Question {
    Question { target, direction, ports, hops, external_only: false, about: None }
}

fn directions() -> impl Strategy<Value = Direction> {
    prop_oneof![Just(Direction::Ingress), Just(Direction::Egress)]
}

fn some_ports() -> impl Strategy<Value = Option<PortSet>> {
    let tcp = |first, last| PortSet::from_range(Protocol::Tcp, first, last);
    prop_oneof![
        Just(None),
        Just(Some(tcp(80, 80))),
        Just(Some(tcp(53, 81).union(&PortSet::from_range(Protocol::Udp, 53, 53))))
    ]
}

fn layouts() -> impl Strategy<Value = Layout> {
    prop_oneof![Just(usize::MAX), 0_usize..5].prop_map(Layout::DenseAbove)
}

/// The results within the cluster, by workload.
fn inside(answer: &Answer) -> BTreeMap<WorkloadId, &Found> {
    let workloads = answer.found.iter().filter_map(|found| match found.endpoint {
        Endpoint::Workload(id) => Some((id, found)),
        _ => None,
    });
    workloads.collect()
}

/// Pods by the hops of the shortest chain from or to some of `start`, found pair by pair. No chain passes a pod of
/// `start`.
fn naive(
    cluster: &Cluster,
    reachability: &Reachability<'_>,
    question: &Question,
    ports: impl Fn(&Connectivity) -> PortSet,
) -> BTreeMap<End, u32> {
    let pods = pods(cluster);
    let start: BTreeSet<End> = starts(question);
    let carried = |a: End, b: End| match question.direction {
        Direction::Egress => ports(&reachability.connectivity(a, b)),
        Direction::Ingress => ports(&reachability.connectivity(b, a)),
    };
    let mut hops: BTreeMap<End, u32> = BTreeMap::new();
    for &b in &pods {
        let reached = start.iter().any(|&a| {
            let carried = carried(a, b);
            let carried = question.ports.as_ref().map_or(carried.clone(), |only| carried.intersection(only));
            a != b && !carried.is_empty()
        });
        if reached {
            hops.insert(b, 1);
        }
    }
    for hop in 2..=question.hops {
        let passed = hops.iter().filter(|(end, at)| **at == hop - 1 && !start.contains(end));
        let before: Vec<End> = passed.map(|(end, _)| *end).collect();
        for &b in &pods {
            if !hops.contains_key(&b) && before.iter().any(|&a| a != b && !carried(a, b).is_empty()) {
                hops.insert(b, hop);
            }
        }
    }
    hops.retain(|end, _| !start.contains(end));
    hops
}

fn starts(question: &Question) -> BTreeSet<End> {
    let pods = question.target.ends.pods.iter();
    pods.flat_map(|(pod, range)| range.clone().map(|index| End::Pod(*pod, index))).collect()
}

proptest! {
    #![proptest_config(config(1024))]

    /// One hop from or to a workload is its row or column.
    #[test]
    fn one_hop_is_a_row(case in generate::case(), which: Index, direction in directions(), ports in some_ports(), layout in layouts()) {
        let cluster = cluster_of(&case)?;
        prop_assume!(!cluster.workloads.is_empty());
        let program = compile_as(&cluster, case.profile, layout);
        let reachability = solve(&program);
        let own: WorkloadId = cluster.workloads.ids().nth(which.index(cluster.workloads.len())).expect("there is one");
        let all = cluster.workloads[own].pods.iter().map(|&pod| (pod, 0..cluster.pods[pod].count)).collect();
        let question = question(target(all), direction, ports.clone(), 1);
        let answer = reach(&reachability, question.clone());
        let matrix = Matrix::new(&reachability);
        let only = Some(question.target.ends.clone());
        let view = match direction {
            Direction::Egress => View { from: only, ports, ..View::default() },
            Direction::Ingress => View { to: only, ports, ..View::default() },
        };
        let mut expected = BTreeMap::new();
        let mut outside: Vec<(Family, AddressSet, Carried)> = Vec::new();
        let _ = matrix.for_each_flow(&view, |flow| {
            let other = match direction { Direction::Egress => flow.to, Direction::Ingress => flow.from };
            let sets = flow.carried.clone();
            match other {
                Endpoint::Workload(id) => { expected.insert(id, sets); }
                Endpoint::External(id) => {
                    let external = &matrix.externals()[id];
                    outside.push((external.family, external.addresses.clone(), sets));
                }
                _ => unreachable!("the matrix is by workload"),
            }
            ControlFlow::<()>::Continue(())
        });
        let sets = |found: &Found| found.direct.clone().expect("one hop is direct");
        let found: BTreeMap<WorkloadId, Carried> = inside(&answer).into_iter().map(|(id, found)| (id, sets(found))).collect();
        prop_assert_eq!(found, expected);
        // Addresses with equal ports are one.
        let merge = |list: &[(Family, AddressSet, Carried)]| {
            let mut merged: BTreeMap<(Family, Carried), AddressSet> = BTreeMap::new();
            for (family, addresses, sets) in list {
                let all = merged.entry((*family, sets.clone())).or_default();
                *all = all.union(addresses);
            }
            merged
        };
        let found: Vec<_> = answer.found.iter().filter_map(|found| match found.endpoint {
            Endpoint::External(id) => {
                let external = &answer.externals[id];
                Some((external.family, external.addresses.clone(), sets(found)))
            }
            _ => None,
        }).collect();
        prop_assert_eq!(merge(&found), merge(&outside));
    }

    /// Any number of hops is what a search over all pairs finds, sure and perhaps; and every chain that is shown is one.
    #[test]
    fn hops_are_what_pairs_say(
        case in generate::case(),
        which in proptest::collection::vec(any::<Index>(), 1..3),
        direction in directions(),
        ports in some_ports(),
        hops in 1_u32..5,
        layout in layouts(),
    ) {
        let cluster = cluster_of(&case)?;
        let all = pods(&cluster);
        prop_assume!(!all.is_empty());
        let program = compile_as(&cluster, case.profile, layout);
        let reachability = solve(&program);
        let start = which.iter().map(|which| match all[which.index(all.len())] {
            End::Pod(pod, index) => (pod, index..index + 1),
            End::Address(_) => unreachable!("pods"),
        });
        let question = question(target(start.collect()), direction, ports, hops);
        let start = starts(&question);
        let answer = reach(&reachability, question.clone());
        let sure = naive(&cluster, &reachability, &question, |bounds| bounds.must.clone());
        let perhaps = naive(&cluster, &reachability, &question, |bounds| bounds.may.clone());
        let found = inside(&answer);
        let is_own = |workload: &Workload| start.iter().any(|end| matches!(end, End::Pod(pod, _) if workload.pods.contains(pod)));
        prop_assert_eq!(answer.others, cluster.workloads.iter().filter(|workload| !is_own(workload)).count() as u64);
        for (id, workload) in cluster.workloads.enumerate() {
            let own = |end: &&End| matches!(end, End::Pod(pod, _) if workload.pods.contains(pod));
            if all.iter().filter(own).all(|end| start.contains(end)) {
                continue;
            }
            let nearest = |hops: &BTreeMap<End, u32>| hops.iter().filter(|(end, _)| own(end)).map(|(_, at)| *at).min();
            let (so, maybe) = (nearest(&sure), nearest(&perhaps));
            let found = found.get(&id);
            let length = |chain: Option<&podreach::query::reach::Chain>| chain.map(|chain| chain.0.len() as u32);
            prop_assert_eq!(length(found.and_then(|found| found.sure.as_ref())), so, "{}", workload.name);
            let shorter = maybe.filter(|maybe| so.is_none_or(|so| *maybe < so));
            prop_assert_eq!(length(found.and_then(|found| found.perhaps.as_ref())), shorter, "{}", workload.name);
            if let Some(found) = found {
                let counted = if so.is_some() { &sure } else { &perhaps };
                prop_assert_eq!(found.pods, counted.keys().filter(own).count() as u64);
                prop_assert_eq!(found.of, all.iter().filter(own).filter(|end| !start.contains(end)).count() as u64);
            }
        }
        for found in &answer.found {
            for (chain, doubtful) in [(&found.sure, false), (&found.perhaps, true)] {
                let Some(chain) = chain else { continue };
                let steps: Vec<_> = chain.0.iter().map(|&hop| &answer.hops[hop]).collect();
                prop_assert!(steps.windows(2).all(|pair| pair[0].to == pair[1].from));
                let near = match direction { Direction::Egress => steps[0].from, Direction::Ingress => steps[steps.len() - 1].to };
                prop_assert!(start.contains(&near));
                prop_assert!(doubtful || steps.iter().all(|hop| !hop.ports.is_empty()));
                prop_assert!(steps.iter().all(|hop| hop.from != hop.to && !(hop.ports.is_empty() && hop.unknown.is_empty())));
                prop_assert!(!doubtful || steps.iter().any(|hop| hop.ports.is_empty()));
            }
        }
        // Addresses: one hop more than the pods that reach them.
        let matrix = Matrix::new(&reachability);
        for (certain, map) in [(true, &sure), (false, &perhaps)] {
            for external in matrix.externals() {
                for address in samples(&cluster, external) {
                    let open = |end: End, next: bool| {
                        let bounds = match direction {
                            Direction::Egress => reachability.connectivity(end, End::Address(address)),
                            Direction::Ingress => reachability.connectivity(End::Address(address), end),
                        };
                        let ports = if certain { bounds.must } else { bounds.may };
                        match &question.ports {
                            Some(only) if next => !ports.intersection(only).is_empty(),
                            _ => !ports.is_empty(),
                        }
                    };
                    let at_once = start.iter().any(|&end| open(end, true)).then_some(1);
                    let later = map.iter().filter(|(end, at)| **at < hops && open(**end, false)).map(|(_, at)| at + 1).min();
                    let expected = at_once.into_iter().chain(later).min();
                    let found = answer.found.iter().find(|found| match found.endpoint {
                        Endpoint::External(id) => {
                            let external = &answer.externals[id];
                            external.family == Family::of(address) && external.addresses.contains(podreach::net::address_number(address))
                        }
                        _ => false,
                    });
                    let length = |chain: &Option<podreach::query::reach::Chain>| chain.as_ref().map(|chain| chain.0.len() as u32);
                    let got = found.and_then(|found| if certain { length(&found.sure) } else { length(&found.perhaps).or(length(&found.sure)) });
                    prop_assert_eq!(got, expected, "{}", address);
                }
            }
        }
    }

    /// An address reaches what its pairs say, the pods of its own node too if it is a node's; and so in the other direction.
    #[test]
    fn addresses_are_targets_too(case in generate::case(), which: Index, direction in directions()) {
        let cluster = cluster_of(&case)?;
        let program = compile(&cluster, case.profile);
        let reachability = solve(&program);
        let matrix = Matrix::new(&reachability);
        let outside = matrix.externals().iter().flat_map(|external| samples(&cluster, external));
        let addresses: Vec<IpAddr> = cluster.nodes.iter().flat_map(|node| node.addresses.iter().copied()).chain(outside).collect();
        prop_assume!(!addresses.is_empty());
        let address = addresses[which.index(addresses.len())];
        let family = Family::of(address);
        let mut target = target(Vec::new());
        let number = podreach::net::address_number(address);
        target.ends.addresses[family] = AddressSet::from_range(number, number);
        let answer = reach(&reachability, question(target, direction, None, 1));
        let found = inside(&answer);
        for (id, workload) in cluster.workloads.enumerate() {
            let pods = workload.pods.iter().filter(|&&pod| cluster.pod_addresses(pod, family).is_some());
            let bounds: Vec<Connectivity> = pods.map(|&pod| match direction {
                Direction::Egress => reachability.connectivity(End::Address(address), End::Pod(pod, 0)),
                Direction::Ingress => reachability.connectivity(End::Pod(pod, 0), End::Address(address)),
            }).collect();
            let union = |ports: &dyn Fn(&Connectivity) -> PortSet| bounds.iter().map(ports).fold(PortSet::empty(), |all, one| all.union(&one));
            let any = union(&|pair| pair.must.clone());
            let ports = bounds.iter().fold(any.clone(), |all, pair| all.intersection(&pair.must));
            let unknown = union(&|pair| pair.may.difference(&pair.must)).difference(&any);
            let expected = [ports.clone(), any.difference(&ports), unknown];
            let direct = found.get(&id).and_then(|found| found.direct.clone());
            let direct = direct.map_or([PortSet::empty(), PortSet::empty(), PortSet::empty()], |direct| [direct.ports, direct.some, direct.unknown]);
            prop_assert_eq!(direct, expected, "{} and {}", workload.name, address);
        }
    }
}
