//! Lock files of random clusters: what is written is read back, what differs is found, and what means nothing to
//! reachability changes no byte.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use podreach::cluster::Cluster;
use podreach::compile::compile;
use podreach::net::{PortSet, Protocol};
use podreach::profile::Profile;
use podreach::query::{Carried, Endpoint, Matrix, View};
use podreach::render::snapshot::lock_file;
use podreach::snapshot::{FailOn, Line, LineVerdict, Lock, Place, compare, parse};
use podreach::solve::solve;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use crate::properties::cluster_of;
use crate::support::config;
use crate::support::generate::{self, Case};

fn lock_of(cluster: &Arc<Cluster>, profile: Profile) -> Lock {
    Lock::of(&solve(&compile(cluster, profile)))
}

fn text_of(case: &Case) -> Result<String, TestCaseError> {
    Ok(lock_file(&lock_of(&cluster_of(case)?, case.profile)))
}

/// The ports that a lock gives two places.
fn carried(lock: &Lock, holds: impl Fn(&Place, &Place) -> bool) -> Carried {
    let lines = || lock.lines.iter().filter(|line| holds(&line.from, &line.to));
    let [ports, some, unknown] = LineVerdict::ALL.map(|verdict| {
        let lines = lines().filter(|line| line.verdict == verdict);
        lines.fold(PortSet::empty(), |all, line| all.union(&line.ports))
    });
    let restricted = lines().fold(PortSet::empty(), |all, line| all.union(&line.restricted));
    Carried { ports, some, unknown, restricted }
}

proptest! {
    #![proptest_config(config(512))]

    /// A lock that is written is read back, to the same text; and nothing differs.
    #[test]
    fn texts_are_read_back(case in generate::case()) {
        let lock = lock_of(&cluster_of(&case)?, case.profile);
        let text = lock_file(&lock);
        let read = parse(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(&read, &lock);
        prop_assert_eq!(lock_file(&read), text);
        prop_assert_eq!(compare(&read, &lock), vec![]);
    }

    /// So is one that names owners, whose names and kinds may be any text.
    #[test]
    fn names_are_read_back(kind in "(?s).{1,6}|[a/%]{1,6}", name in "(?s).{1,6}|[:#\\[\\]/\u{fffe}\u{e0041}\u{2028}-]{1,6}") {
        let place = |name: &str| Place::Workload { namespace: "shop".into(), name: name.into(), kind: (*kind).into() };
        let line = Line { from: place(&name), to: place("db"), verdict: LineVerdict::Allow, ports: PortSet::full(), restricted: PortSet::from_range(Protocol::Tcp, 80, 90) };
        let lock = Lock { profile: Profile::Spec, lines: vec![line] };
        let text = lock_file(&lock);
        let read = parse(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(read, lock);
    }

    /// Between different workloads, and with addresses, a lock says what the matrix does.
    #[test]
    fn locks_say_what_the_matrix_does(case in generate::case()) {
        let cluster = cluster_of(&case)?;
        let program = compile(&cluster, case.profile);
        let reachability = solve(&program);
        let lock = Lock::of(&reachability);
        let matrix = Matrix::new(&reachability);
        let mut flows = BTreeMap::new();
        let _ = matrix.for_each_flow(&View::default(), |flow| {
            flows.insert((flow.from, flow.to), flow.carried.clone());
            ControlFlow::<()>::Continue(())
        });
        let place = |id| Place::workload(&cluster, id);
        let nothing = Carried::default();
        for from in cluster.workloads.ids() {
            // Who shares a node with whom is not in locks.
            let placed = |pod| cluster.pods[pod].host_network && cluster.pods[pod].node.is_some();
            let is_placed = cluster.workloads[from].pods.iter().any(|&pod| placed(pod));
            for to in cluster.workloads.ids().filter(|to| *to != from && !is_placed) {
                let expected = flows.get(&(Endpoint::Workload(from), Endpoint::Workload(to))).unwrap_or(&nothing);
                let found = carried(&lock, |a, b| *a == place(from) && *b == place(to));
                prop_assert_eq!(&found, expected);
            }
            for (id, external) in matrix.externals().enumerate() {
                let is_there = |other: &Place| matches!(other, Place::Outside(family, addresses)
                    if *family == external.family && external.addresses.is_subset(addresses));
                let (own, outside) = (Endpoint::Workload(from), Endpoint::External(id));
                let out = carried(&lock, |a, b| *a == place(from) && is_there(b));
                prop_assert_eq!(&out, flows.get(&(own, outside)).unwrap_or(&nothing));
                let into = carried(&lock, |a, b| is_there(a) && *b == place(from));
                prop_assert_eq!(&into, flows.get(&(outside, own)).unwrap_or(&nothing));
            }
        }
    }

    /// A difference is found if and only if the texts differ; what is gained in one direction is lost in the other one.
    #[test]
    fn differences_are_found(case in generate::case(), which: Index, spec in generate::policy_spec()) {
        let mut other = case.clone();
        let policies: Vec<usize> =
            other.objects.iter().enumerate().filter(|(_, object)| object["kind"] == "NetworkPolicy").map(|(i, _)| i).collect();
        match policies.get(which.index(policies.len().max(1))) {
            Some(&policy) => {
                let text = |field: &str| other.objects[policy]["metadata"][field].as_str().expect("it has one").to_owned();
                other.objects[policy] = generate::network_policy(&text("namespace"), &text("name"), &spec);
            }
            None => other.objects.push(generate::network_policy("a", "more", &spec)),
        }
        let (before, after) = (lock_of(&cluster_of(&case)?, case.profile), lock_of(&cluster_of(&other)?, case.profile));
        let changes = compare(&before, &after);
        prop_assert_eq!(changes.is_empty(), lock_file(&before) == lock_file(&after));
        let back = compare(&after, &before);
        prop_assert_eq!(changes.len(), back.len());
        for change in &changes {
            let reverse = back.iter().find(|other| (&other.from, &other.to) == (&change.from, &change.to));
            let reverse = reverse.expect("what changed changes back");
            prop_assert_eq!((&change.before, &change.after), (&reverse.after, &reverse.before));
            // Whatever is allowed no more was newly allowed on the way back.
            prop_assert!(!FailOn::RemovedAllow.counts(change) || FailOn::NewAllow.counts(reverse));
            prop_assert!(FailOn::Any.counts(change));
            prop_assert!(FailOn::NewAllow.counts(change) || FailOn::NewAllow.counts(reverse));
        }
    }

    /// Neither the number of replicas nor the names that controllers choose change a byte.
    #[test]
    fn rollouts_change_nothing(case in generate::case(), replicas in 1_u32..4) {
        // Whatever selects by the template hash tells the pods of two rollouts apart, and is right to.
        let asks = |object: &Value| {
            let holds_pods = object["kind"] == "Pod" || object["spec"]["template"].is_object();
            !holds_pods && object.to_string().contains("pod-template-hash")
        };
        prop_assume!(!case.objects.iter().any(asks));
        let mut after = case.clone();
        for object in &mut after.objects {
            let kind = object["kind"].as_str().expect("every object has a kind").to_owned();
            if ["Deployment", "ReplicaSet", "ReplicationController"].contains(&&*kind) && object["spec"]["replicas"] != json!(0) {
                object["spec"]["replicas"] = json!(replicas);
            }
        }
        let text: String = after.text().replace("\"hash\"", "\"5d4f8c7b6\"").replace("-hash-pod", "-5d4f8c7b6-abcde").replace("-hash\"", "-5d4f8c7b6\"");
        let list: Value = serde_json::from_str(&text).expect("it was JSON before");
        after.objects = list["items"].as_array().expect("a list").clone();
        prop_assert_eq!(text_of(&case)?, text_of(&after)?);
    }
}

#[test]
fn mistakes_in_lock_files_are_named() {
    let head = "apiVersion: podreach/v1\nkind: ReachabilityLock\ncni: spec\nreachability:\n";
    let line = "- {from: Pod/a/x, to: Pod/a/y, ports: [80/TCP], verdict: allow}\n";
    assert_eq!(parse(&format!("{head}{line}")).map(|lock| lock.lines.len()).ok(), Some(1));
    for (text, says) in [
        ("kind: Pod\napiVersion: v1\n".to_owned(), "`Pod`"),
        (head.replace("v1", "v2") + line, "version is `podreach/v2`"),
        (head.replace("spec", "speck") + line, "profile `speck`"),
        (format!("{head}{}", line.replace("Pod/a/x", "a/x")), "line 5"),
        (format!("{head}{}", line.replace("80/TCP", "80")), "ports[0]: cannot unmarshal number"),
        (format!("{head}{}", line.replace("80/TCP", "'80'")), "found `80`"),
        (format!("{head}{}", line.replace("80/TCP", "90-80/TCP")), "found `90-80/TCP`"),
        (format!("{head}{}", line.replace("allow", "maybe")), "Unsupported value: \"maybe\""),
        (
            format!("{head}{}", line.replace("verdict", "vredict")),
            "unknown field \"reachability[0].vredict\"",
        ),
        (format!("{head}{}", line.replace("Pod/a/x", "[10.0.0.0/8, '::/0']")), "::/0"),
        (format!("{head}{}", line.replace("Pod/a/x", "[]")), "CIDRs"),
        (
            format!("{head}{}", line.replace("Pod/a/x", "['::/0']").replace("Pod/a/y", "['::/0']")),
            "no workload",
        ),
        (format!("{head}{line}{}", line.replace("allow", "unknown")), "line 2 of `reachability` contradicts"),
        (format!("{head}{line}{}", line.replace("80", "79-81")), "line 2 of `reachability` contradicts"),
        ("first line\nmachine x password y\n".to_owned(), "expected an object, found a string at line 1"),
        (format!("{head}{line}<<<<<<< HEAD\n"), "line 6"),
        (format!("{head}- 5\n"), "line 5"),
    ] {
        let error = parse(&text).expect_err(&text).to_string();
        assert!(error.contains(says), "{error}\n{text}");
    }
}
