//! Warnings about random changes are exact: every one shows a pair that changed so, and naive loops find the same
//! workloads.

use std::collections::{BTreeMap, BTreeSet};

use podreach::cluster::{Backends, Cluster, PodId};
use podreach::diff::between;
use podreach::k8s::IntOrString;
use podreach::net::{Direction, PortSet, Protocol};
use podreach::query::warnings::{Controllers, Trouble, Warning, warnings};
use podreach::solve::{Connectivity, End, Reachability, solve};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::support::config;
use crate::support::generate::{self, Case};
use crate::support::judge::{name, pods};
use crate::what_if::{Drawn, compiled, drawn, edit};

/// Services in front of whatever pods there are, and Ingresses in front of them.
fn services() -> Vec<Value> {
    let ingress = |namespace: &str, name: &str, service: &str, port: Value| {
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"namespace": namespace, "name": name},
            "spec": {"defaultBackend": {"service": {"name": service, "port": port}}}})
    };
    let service = |namespace: &str, name: &str, selector: Value, port: Value| {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": namespace, "name": name},
            "spec": {"selector": selector, "ports": [port]}})
    };
    vec![
        service("a", "x", json!({"app": "x"}), json!({"port": 80})),
        service("a", "w0", json!({"w": "w0"}), json!({"port": 81, "targetPort": 8080})),
        service("b", "y", json!({"app": "y"}), json!({"port": 80, "targetPort": "http"})),
        service("a", "kube-dns", json!({"tier": "x"}), json!({"port": 53, "protocol": "UDP"})),
        ingress("a", "x", "x", json!({"number": 80})),
        ingress("a", "w0", "w0", json!({"number": 81})),
        ingress("a", "none", "w0", json!({"number": 82})),
    ]
}

/// A pod that looks like an ingress controller.
fn controller() -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": "b", "name": "gate", "labels": {"app": "x", "app.kubernetes.io/name": "ingress-nginx"}},
        "spec": {"containers": [{"name": "c"}]}})
}

/// The pods behind a Service with the port on each, pod by pod.
fn backends(cluster: &Cluster, namespace: &str, service: &str) -> BTreeMap<PodId, PortSet> {
    let Some(id) = cluster.namespace(namespace) else { return BTreeMap::new() };
    let Some(service) = cluster.services.get(&(id, service.into())) else { return BTreeMap::new() };
    let Backends::Selector(selector) = service.backends else { return BTreeMap::new() };
    let selector = &cluster.labels.selectors[selector];
    let port = &service.ports[0];
    let behind = cluster.pods.enumerate().filter(|(_, pod)| {
        pod.namespace == id && selector.matches(&cluster.labels.sets[pod.labels]).possible()
    });
    let on = |pod: &podreach::cluster::Pod| match &port.target {
        IntOrString::Int(number) => {
            let number = u16::try_from(*number).unwrap_or_default();
            PortSet::from_range(port.protocol, number, number)
        }
        IntOrString::String(name) => pod
            .ports
            .iter()
            .filter(|own| *own.name == **name && own.protocol == port.protocol)
            .filter(|own| own.container != podreach::cluster::ContainerKind::Init)
            .fold(PortSet::empty(), |all, own| {
                all.union(&PortSet::from_range(own.protocol, own.number, own.number))
            }),
    };
    behind.map(|(id, pod)| (id, on(pod))).filter(|(_, ports)| !ports.is_empty()).collect()
}

/// The pods, by workload, that surely could reach all pods there were behind a Service and surely reach none now.
fn cut_off(
    before: &Reachability<'_>,
    after: &Reachability<'_>,
    service: (&str, &str),
) -> BTreeMap<String, u64> {
    let (old, new) = (&before.program().cluster, &after.program().cluster);
    let behind = backends(new, service.0, service.1);
    let was: BTreeMap<String, End> = pods(old).into_iter().map(|end| (name(old, end), end)).collect();
    let mut found = BTreeMap::new();
    for source in pods(new) {
        let End::Pod(pod, _) = source else { continue };
        let Some(&old_source) = was.get(&name(new, source)) else { continue };
        let behind_it: Vec<(End, &PortSet)> = pods(new)
            .into_iter()
            .filter_map(|end| match end {
                End::Pod(id, _) => Some((end, behind.get(&id)?)),
                End::Address(_) => None,
            })
            .collect();
        let closed = |&(to, asked): &(End, &PortSet)| {
            after.connectivity(source, to).may.intersection(asked).is_empty()
        };
        let mut were_there =
            behind_it.iter().filter_map(|(to, asked)| Some((*was.get(&name(new, *to))?, asked))).peekable();
        let was_open = were_there.peek().is_some()
            && were_there
                .all(|(to, asked)| !before.connectivity(old_source, to).must.intersection(asked).is_empty());
        if !behind.contains_key(&pod) && was_open && behind_it.iter().all(closed) {
            *found.entry(new.workload_path(new.pods[pod].workload)).or_default() += 1;
        }
    }
    found
}

fn told(cluster: &Cluster, warning: &Warning) -> BTreeMap<String, u64> {
    warning.workloads.iter().map(|(id, pods)| (cluster.workload_path(*id), *pods)).collect()
}

/// The pods of the ingress controller `b/gate`, by workload, that lost their way to the backends of a Service; none if
/// one of its pods may still reach a backend.
fn gate_of(
    before: &Reachability<'_>,
    after: &Reachability<'_>,
    service: (&str, &str),
) -> BTreeMap<String, u64> {
    let new = &after.program().cluster;
    let mut lost = cut_off(before, after, service);
    let behind = backends(new, service.0, service.1);
    lost.retain(|workload, _| workload == "b/gate");
    let may_reach = |from: End| {
        behind.iter().any(|(pod, asked)| {
            !after.connectivity(from, End::Pod(*pod, 0)).may.intersection(asked).is_empty()
        })
    };
    let gates = pods(new).into_iter().filter(|end| name(new, *end).starts_with("b/gate"));
    if gates.into_iter().any(may_reach) { BTreeMap::new() } else { lost }
}

/// A case with Services, perhaps with an ingress controller, and the same after some edits.
fn changed(mut case: Case, drawn: &[Drawn], served: bool) -> Result<(Case, Case), TestCaseError> {
    case.options.assume.clear();
    case.options.changed = true;
    case.objects.extend(services());
    case.objects.extend(served.then(controller));
    let before = case.clone();
    for drawn in drawn {
        edit(&mut case, drawn)?;
    }
    Ok((before, case))
}

/// The law below is about something: each trouble comes up.
#[test]
fn every_warning_comes_up_at_random() {
    let mut runner = TestRunner::deterministic();
    let strategy = (generate::case(), prop::collection::vec(drawn(), 1..=3), any::<bool>());
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut tries = 0;
    while seen.len() < 9 {
        tries += 1;
        assert!(tries < 2000, "{seen:?}");
        let (case, drawn, served) = strategy.new_tree(&mut runner).expect("nothing is rejected").current();
        let (before, after) = changed(case, &drawn, served).expect("generated input is valid");
        let ((_, old), (_, new)) = (compiled(&before).expect("valid"), compiled(&after).expect("valid"));
        let (before, after) = (solve(&old), solve(&new));
        seen.extend(warnings(&before, &after, &between(&before, &after)).iter().map(|w| match &w.trouble {
            Trouble::Dns => "dns",
            Trouble::NoDns => "no dns",
            Trouble::Unreachable(_) => "unreachable",
            Trouble::Moved(..) => "moved",
            Trouble::NoBackends(_) => "no backends",
            Trouble::CutOff { by: Controllers::Inside, .. } => "the controller is cut off",
            Trouble::CutOff { by: Controllers::Elsewhere, .. } => "controllers elsewhere are cut off",
            Trouble::NoController => "no controller",
            Trouble::Open(Direction::Ingress, _) => "open ingress",
            Trouble::Open(Direction::Egress, _) => "open egress",
        }));
    }
}

proptest! {
    #![proptest_config(config(512))]

    #[test]
    fn warnings_are_what_naive_loops_find(
        case in generate::case(),
        drawn in prop::collection::vec(drawn(), 1..=3),
        served in any::<bool>(),
    ) {
        let (before_case, case) = changed(case, &drawn, served)?;
        let ((_, old), (_, new)) = (compiled(&before_case)?, compiled(&case)?);
        let (before, after) = (solve(&old), solve(&new));
        let found = warnings(&before, &after, &between(&before, &after));
        let mut unreachable: BTreeMap<(String, String), BTreeMap<String, u64>> = BTreeMap::new();
        let mut gates: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        for warning in &found {
            if let Some(sample) = warning.sample {
                let was = before.connectivity(sample.before.0, sample.before.1);
                let is = after.connectivity(sample.after.0, sample.after.1);
                let within = |set: &PortSet| set.contains(sample.port.0, sample.port.1);
                let Connectivity { must, may, .. } = &is;
                match &warning.trouble {
                    Trouble::Open(direction, policies) => {
                        prop_assert!(!within(&was.may) && within(must));
                        let (End::Pod(own, _), End::Pod(old_own, _)) = (match direction {
                            Direction::Ingress => (sample.after.1, sample.before.1),
                            Direction::Egress => (sample.after.0, sample.before.0),
                        }) else { panic!("a pod") };
                        prop_assert!(new.signature(new.class_of[own], *direction).policies.is_empty());
                        prop_assert!(!old.signature(old.class_of[old_own], *direction).policies.is_empty());
                        prop_assert!(!policies.is_empty());
                    }
                    _ => prop_assert!(within(&was.must) && !within(may)),
                }
                for (end, old_end) in [(sample.after.0, sample.before.0), (sample.after.1, sample.before.1)] {
                    prop_assert_eq!(name(&new.cluster, end), name(&old.cluster, old_end));
                }
                let needs_no_workloads = matches!(warning.trouble, Trouble::CutOff { by: Controllers::Elsewhere, .. });
                prop_assert_eq!(warning.workloads.is_empty(), needs_no_workloads);
            }
            if let Trouble::Unreachable(services) = &warning.trouble {
                for (namespace, service) in services {
                    let key = (new.cluster.namespaces[*namespace].name.to_string(), service.to_string());
                    prop_assert!(unreachable.insert(key, told(&new.cluster, warning)).is_none());
                }
            }
            if let Trouble::CutOff { ingress, services, by } = &warning.trouble {
                prop_assert_eq!(&ingress.1, &services[0].1);
                prop_assert_eq!(services.len(), 1);
                match by {
                    Controllers::Inside => {
                        prop_assert!(gates.insert(services[0].1.to_string(), told(&new.cluster, warning)).is_none());
                    }
                    Controllers::Elsewhere => {
                        let behind = backends(&new.cluster, "a", &services[0].1);
                        let others = pods(&new.cluster).into_iter().filter(|end| match end {
                            End::Pod(pod, _) => {
                                let pod = &new.cluster.pods[*pod];
                                !pod.host_network && &*new.cluster.namespaces[pod.namespace].name != "a"
                            }
                            End::Address(_) => true,
                        });
                        for other in others {
                            for (pod, asked) in &behind {
                                let is = after.connectivity(other, End::Pod(*pod, 0));
                                prop_assert!(is.may.intersection(asked).is_empty());
                            }
                        }
                    }
                }
            }
            if warning.trouble == Trouble::Dns {
                let dns = backends(&new.cluster, "a", "kube-dns");
                let udp = PortSet::from_range(Protocol::Udp, 53, 53);
                for (workload, count) in &warning.workloads {
                    let cut = pods(&new.cluster).into_iter().filter(|end| {
                        let End::Pod(pod, _) = end else { return false };
                        new.cluster.pods[*pod].workload == *workload
                            && dns.keys().all(|server| {
                                after.connectivity(*end, End::Pod(*server, 0)).may.intersection(&udp).is_empty()
                            })
                    });
                    prop_assert!(cut.count() as u64 >= *count);
                }
            }
        }
        for (namespace, service) in [("a", "x"), ("a", "w0"), ("b", "y"), ("a", "kube-dns")] {
            let expected = cut_off(&before, &after, (namespace, service));
            let told = unreachable.remove(&(namespace.to_owned(), service.to_owned())).unwrap_or_default();
            prop_assert_eq!(told, expected, "{}/{}", namespace, service);
        }
        for service in ["x", "w0"] {
            // The Ingress of the Service may be gone.
            let ingress = new.cluster.namespace("a").map(|id| (id, service.into()));
            let is_served = served && ingress.is_some_and(|id| new.cluster.ingresses.contains_key(&id));
            let expected = if is_served { gate_of(&before, &after, ("a", service)) } else { BTreeMap::new() };
            prop_assert_eq!(gates.remove(service).unwrap_or_default(), expected, "{}", service);
        }
    }
}
