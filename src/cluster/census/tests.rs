use std::slice;

use serde_json::{Value, json};

use super::super::Addresses;
use super::super::testing::{built, cluster, codes, errors, labels_of, messages, pods};
use super::*;
use crate::diagnostic::Severity;

/// A workload with `spec` beside a template of pods `app: web`.
fn workload(api_version: &str, kind: &str, spec: Value) -> Value {
    let mut object = json!({
        "apiVersion": api_version, "kind": kind, "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{}]}}},
    });
    if api_version == "apps/v1" {
        object["spec"]["selector"] = json!({"matchLabels": {"app": "web"}});
    }
    for (key, value) in spec.as_object().unwrap() {
        object["spec"][key] = value.clone();
    }
    object
}

fn pod(name: &str, owner: Value, labels: Value) -> Value {
    let owners = if owner.is_null() { json!([]) } else { json!([owner]) };
    json!({
        "kind": "Pod", "metadata": {"name": name, "namespace": "shop", "labels": labels, "ownerReferences": owners},
        "spec": {"nodeName": "n1"},
    })
}

fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    object.pointer_mut(parent).unwrap()[key] = value;
    object
}

const TOPOLOGY: [&str; 2] = ["topology.kubernetes.io/region?", "topology.kubernetes.io/zone?"];

fn labels(own: &[&str]) -> Vec<String> {
    let mut all: Vec<String> = own.iter().chain(&TOPOLOGY).map(ToString::to_string).collect();
    all.sort_unstable();
    all
}

#[test]
fn w01_a_pod_without_a_node_has_an_unknown_zone() {
    let manifest = json!({"kind": "Pod", "metadata": {"name": "a", "labels": {"app": "web"}}});
    assert_eq!(labels_of(&cluster(slice::from_ref(&manifest)), 0), labels(&["app=web"]));
    let bound = with(manifest.clone(), "/spec", json!({"nodeName": "n"}));
    assert_eq!(labels_of(&cluster(&[bound]), 0), ["app=web"]);
    let given = with(manifest, "/metadata/labels", json!({TOPOLOGY_LABELS[0]: "z", TOPOLOGY_LABELS[1]: "r"}));
    assert_eq!(
        labels_of(&cluster(&[given]), 0),
        ["topology.kubernetes.io/region=r", "topology.kubernetes.io/zone=z"]
    );
}

#[test]
fn w02_to_w04_replicas() {
    let cases: [(&str, &str, Value, &[&str]); 7] = [
        ("apps/v1", "Deployment", json!({}), &["shop/web[0] x1"]),
        ("apps/v1", "Deployment", json!({"replicas": 3}), &["shop/web[0] x3"]),
        ("apps/v1", "Deployment", json!({"replicas": i32::MAX}), &["shop/web[0] x2147483647"]),
        ("apps/v1", "Deployment", json!({"replicas": 0}), &[]),
        ("extensions/v1beta1", "Deployment", json!({"replicas": 2}), &["shop/web[0] x2"]),
        ("apps/v1", "ReplicaSet", json!({"replicas": 2}), &["shop/web[0] x2"]),
        ("v1", "ReplicationController", json!({"replicas": 2}), &["shop/web[0] x2"]),
    ];
    for (api_version, kind, spec, expected) in cases {
        let cluster = cluster(&[workload(api_version, kind, spec.clone())]);
        assert_eq!(pods(&cluster), expected, "{kind} {spec}");
        assert_eq!(cluster.empty_workloads.is_empty(), !expected.is_empty());
    }
}

#[test]
fn w02_w03_w04_w06_labels_of_controllers() {
    let cases: [(&str, &str, &[&str]); 4] = [
        ("apps/v1", "Deployment", &["app=web", "pod-template-hash"]),
        ("apps/v1", "ReplicaSet", &["app=web"]),
        ("v1", "ReplicationController", &["app=web"]),
        ("apps/v1", "DaemonSet", &["app=web", "controller-revision-hash", "pod-template-generation"]),
    ];
    for (api_version, kind, expected) in cases {
        assert_eq!(
            labels_of(&cluster(&[workload(api_version, kind, json!({}))]), 0),
            labels(expected),
            "{kind}"
        );
    }
}

#[test]
fn w04_the_selector_of_a_replication_controller_defaults_to_its_template() {
    let object = |selector: Value, template: Value| {
        json!({
            "apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "web", "labels": {"c": "d"}},
            "spec": {"selector": {"matchLabels": selector},
                "template": {"metadata": {"labels": template}, "spec": {"containers": [{}]}}},
        })
    };
    for selector in [json!(null), json!({}), json!({"a": "b"})] {
        assert_eq!(labels_of(&cluster(&[object(selector, json!({"a": "b"}))]), 0), labels(&["a=b"]));
    }
    let mismatch = "spec.template.metadata.labels: Invalid value: {\"a\":\"b\"}: `selector` does not match template `labels`";
    assert_eq!(errors(&[object(json!({"a": "c"}), json!({"a": "b"}))]), [mismatch]);
    assert_eq!(errors(&[object(json!({}), json!(null))]), ["spec.selector: Required value"]);
}

#[test]
fn w05_statefulset_labels_are_exact() {
    let spec = json!({"replicas": 2, "ordinals": {"start": 5}});
    let cluster = cluster(&[workload("apps/v1", "StatefulSet", spec)]);
    assert_eq!(pods(&cluster), ["shop/web-5 x1", "shop/web-6 x1"]);
    assert_eq!(
        labels_of(&cluster, 1),
        labels(&[
            "app=web",
            "apps.kubernetes.io/pod-index=6",
            "controller-revision-hash",
            "statefulset.kubernetes.io/pod-name=web-6",
        ])
    );
}

#[test]
fn w05_a_pod_of_the_same_name_takes_the_place_of_an_ordinal() {
    let built = built(&[
        workload("apps/v1", "StatefulSet", json!({"replicas": 2})),
        pod("web-1", Value::Null, json!({})),
    ]);
    assert_eq!(pods(&built.cluster), ["shop/web-0 x1", "shop/web-1 x1"]);
    assert_eq!(codes(&built), [Code::AmbiguousName]);
}

#[test]
fn w06_a_daemonset_has_a_pod_on_every_node() {
    let set = workload("apps/v1", "DaemonSet", json!({}));
    assert_eq!(pods(&cluster(slice::from_ref(&set))), ["shop/web[0] x2"]);
    let node = |name: &str| json!({"kind": "Node", "metadata": {"name": name}});
    let two = cluster(&[set.clone(), node("b"), node("a")]);
    assert_eq!(pods(&two), ["shop/web[0] x1", "shop/web[1] x1"]);
    let on: Vec<&str> = two.pods.iter().map(|p| &*two.nodes[p.node.unwrap()].name).collect();
    assert_eq!(on, ["a", "b"]);
    // A node that a pod merely mentions is not known.
    assert_eq!(pods(&cluster(&[set, pod("x", Value::Null, json!({}))])), ["shop/web[0] x2", "shop/x x1"]);
}

#[test]
fn w07_jobs() {
    let cases: [(Value, &[&str]); 7] = [
        (json!({}), &["shop/web[0] x1"]),
        (json!({"parallelism": 3}), &["shop/web[0] x3"]),
        (json!({"parallelism": 3, "completions": 2}), &["shop/web[0] x2"]),
        (json!({"completions": 5}), &["shop/web[0] x1"]),
        (json!({"parallelism": 0}), &[]),
        (json!({"suspend": true}), &[]),
        (
            json!({"parallelism": 2, "completions": 2, "completionMode": "Indexed"}),
            &["shop/web[0] x1", "shop/web[1] x1"],
        ),
    ];
    for (spec, expected) in cases {
        assert_eq!(pods(&cluster(&[workload("batch/v1", "Job", spec.clone())])), expected, "{spec}");
    }
}

#[test]
fn w07_labels_of_jobs() {
    let job = workload("batch/v1", "Job", json!({}));
    let names = ["app=web", "batch.kubernetes.io/job-name=web", "job-name=web"];
    let present = ["batch.kubernetes.io/controller-uid", "controller-uid"];
    assert_eq!(labels_of(&cluster(slice::from_ref(&job)), 0), labels(&[&names[..], &present].concat()));
    let uid = with(job.clone(), "/metadata/uid", json!("u1"));
    let known = ["batch.kubernetes.io/controller-uid=u1", "controller-uid=u1"];
    assert_eq!(labels_of(&cluster(&[uid]), 0), labels(&[&names[..], &known].concat()));
    let manual = workload(
        "batch/v1",
        "Job",
        json!({"manualSelector": true, "selector": {"matchLabels": {"app": "web"}}}),
    );
    assert_eq!(labels_of(&cluster(&[manual]), 0), labels(&["app=web"]));
    let indexed =
        workload("batch/v1", "Job", json!({"parallelism": 2, "completions": 2, "completionMode": "Indexed"}));
    assert!(
        labels_of(&cluster(&[indexed]), 1).contains(&"batch.kubernetes.io/job-completion-index=1".to_owned())
    );
}

fn cron_job(suspend: bool) -> Value {
    let job = workload("batch/v1", "Job", json!({"parallelism": 2}));
    json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"suspend": suspend, "jobTemplate": {"spec": job["spec"]}},
    })
}

#[test]
fn w08_cron_jobs() {
    let running = built(&[cron_job(false)]);
    assert_eq!(pods(&running.cluster), ["shop/web[0] x2"]);
    assert_eq!(
        labels_of(&running.cluster, 0),
        labels(&[
            "app=web",
            "batch.kubernetes.io/controller-uid",
            "batch.kubernetes.io/job-name",
            "controller-uid",
            "job-name",
        ])
    );
    assert_eq!(codes(&running), []);
    let suspended = built(&[cron_job(true)]);
    assert_eq!(pods(&suspended.cluster), ["shop/web[0] x1"]);
    assert_eq!(codes(&suspended), [Code::Lifecycle]);
}

#[test]
fn w10_static_pods_are_their_own_workload() {
    let cluster = cluster(&[pod(
        "etcd-n1",
        json!({"apiVersion": "apps/v1", "kind": "Node", "name": "n1", "uid": "u"}),
        json!({}),
    )]);
    let pod = &cluster.pods.as_slice()[0];
    assert_eq!(&*cluster.workloads[pod.workload].kind, "Pod");
    assert!(!pod.bare);
}

#[test]
fn w12_helm_test_pods_are_counted_and_noted() {
    let object = json!({"kind": "Pod", "metadata": {"name": "t", "annotations": {"helm.sh/hook": "test"}}});
    let built = built(&[object]);
    assert_eq!(pods(&built.cluster), ["default/t x1"]);
    assert_eq!(codes(&built), [Code::Lifecycle]);
}

#[test]
fn w13_other_kinds_are_taken_as_deployments() {
    let built = built(&[workload("argoproj.io/v1alpha1", "Rollout", json!({"replicas": 2}))]);
    assert_eq!(pods(&built.cluster), ["shop/web[0] x2"]);
    assert_eq!(codes(&built), [Code::UnknownWorkload]);
    assert_eq!(labels_of(&built.cluster, 0), labels(&["app=web"]));
    let cluster = &built.cluster;
    let set = &cluster.labels.sets[cluster.pods.as_slice()[0].labels];
    let domains: Vec<&str> = set.reserved().iter().map(|&domain| &*cluster.labels.domains[domain]).collect();
    assert_eq!(domains, ["kubernetes.io", "k8s.io", "argoproj.io"]);
}

#[test]
fn w17_the_selector_must_match_the_template() {
    let wrong = json!({"selector": {"matchLabels": {"app": "db"}}});
    let mismatch = "spec.template.metadata.labels: Invalid value: {\"app\":\"web\"}: `selector` does not match template `labels`";
    for kind in ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"] {
        assert_eq!(errors(&[workload("apps/v1", kind, wrong.clone())]), [mismatch]);
        let none = workload("apps/v1", kind, json!({"selector": null}));
        assert_eq!(errors(&[none]), ["spec.selector: Required value"]);
        let empty = workload("apps/v1", kind, json!({"selector": {}}));
        let kind = kind.to_lowercase();
        assert_eq!(
            errors(&[empty]),
            [format!("spec.selector: Invalid value: {{}}: empty selector is invalid for {kind}")]
        );
    }
    assert_eq!(errors(&[workload("extensions/v1beta1", "Deployment", json!({}))]), [""; 0]);
}

#[test]
fn workload_fields_are_validated() {
    let cases = [
        (
            workload("apps/v1", "Deployment", json!({"replicas": -1})),
            "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
        ),
        (
            workload("batch/v1", "Job", json!({"completionMode": "Indexed"})),
            "spec.completions: Required value: when completion mode is Indexed",
        ),
        (workload("apps/v1", "Deployment", json!({"template": null})), "spec.template: Required value"),
        (
            workload(
                "v1",
                "ReplicationController",
                json!({"template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"ports": [{"containerPort": 0}]}]}}}),
            ),
            "spec.template.spec.containers[0].ports[0].containerPort: Required value",
        ),
    ];
    for (object, expected) in cases {
        assert_eq!(errors(&[object]), [expected]);
    }
}

#[test]
fn w18_a_dump_counts_once() {
    let deployment = workload("apps/v1", "Deployment", json!({"replicas": 3}));
    let hash = json!({"app": "web", TEMPLATE: "5d4f8"});
    let set = |name: &str, replicas: i32, owned: bool| {
        let mut set = workload("apps/v1", "ReplicaSet", json!({"replicas": replicas}));
        set["metadata"] =
            json!({"name": name, "namespace": "shop", "uid": name, "labels": {TEMPLATE: "5d4f8"}});
        if owned {
            set["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "u", "controller": true}]);
        }
        set
    };
    let owner = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d4f8", "uid": "web-5d4f8", "controller": true});
    let a = pod("web-5d4f8-a", owner.clone(), hash.clone());
    let b = pod("web-5d4f8-b", owner, hash);
    let inputs: [&[Value]; 6] = [
        &[deployment.clone(), set("web-5d4f8", 2, true), set("web-old", 0, true), a.clone(), b.clone()],
        &[a.clone(), b.clone(), set("web-5d4f8", 2, false), deployment.clone()],
        &[set("web-5d4f8", 2, true), a.clone(), b.clone()],
        &[set("web-5d4f8", 2, false), a.clone(), b.clone()],
        &[deployment.clone(), a.clone(), b.clone()],
        &[a, b],
    ];
    for input in inputs {
        let cluster = cluster(input);
        assert_eq!(pods(&cluster), ["shop/web-5d4f8-a x1", "shop/web-5d4f8-b x1"]);
        let names: Vec<String> =
            cluster.workloads.ids().map(|id| cluster.workload_name(id).to_string()).collect();
        assert_eq!(names, ["Deployment shop/web"]);
        assert_eq!(cluster.empty_workloads, []);
        assert_eq!(labels_of(&cluster, 0), ["app=web", "pod-template-hash=5d4f8"]);
    }
    // Without pods the inner owner makes them, for its template shows the hash.
    let cluster = cluster(&[set("web-5d4f8", 2, true), set("web-old", 0, true), deployment]);
    assert_eq!(pods(&cluster), ["shop/web[0] x2"]);
}

const TEMPLATE: &str = super::super::owners::TEMPLATE_HASH;

#[test]
fn w18_owners_that_own_each_other_do_not_hang() {
    let mut a = workload("apps/v1", "ReplicaSet", json!({}));
    a["metadata"]["ownerReferences"] =
        json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "b", "uid": "u"}]);
    let mut b = workload("apps/v1", "ReplicaSet", json!({}));
    b["metadata"] = json!({"name": "b", "namespace": "shop", "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "u"}]});
    cluster(&[a, b]);
}

#[test]
fn w18_jobs_belong_to_their_cron_job() {
    let owner = json!({"apiVersion": "apps/v1", "kind": "Job", "name": "web-29000000", "uid": "u"});
    let cluster = cluster(&[cron_job(false), pod("web-29000000-x", owner, json!({}))]);
    assert_eq!(pods(&cluster), ["shop/web-29000000-x x1"]);
    assert_eq!(&*cluster.workloads.as_slice()[0].kind, "CronJob");
}

#[test]
fn w20_finished_pods_own_nothing() {
    let job = workload("batch/v1", "Job", json!({}));
    let owner = json!({"apiVersion": "apps/v1", "kind": "Job", "name": "web", "uid": "u"});
    for phase in ["Succeeded", "Failed"] {
        let done = with(pod("web-x", owner.clone(), json!({})), "/status", json!({"phase": phase}));
        let cluster = cluster(&[job.clone(), done]);
        assert_eq!(pods(&cluster), [""; 0]);
        assert_eq!(cluster.finished.len(), 1);
        assert_eq!(cluster.empty_workloads.len(), 1);
    }
    for phase in ["Pending", "Running", "Unknown"] {
        let live = with(pod("web-x", owner.clone(), json!({})), "/status", json!({"phase": phase}));
        assert_eq!(pods(&cluster(&[job.clone(), live])), ["shop/web-x x1"]);
    }
}

#[test]
fn w20_terminating_pods_stay_and_are_noted() {
    let object =
        json!({"kind": "Pod", "metadata": {"name": "a", "deletionTimestamp": "2026-01-01T00:00:00Z"}});
    let built = built(&[object]);
    assert_eq!(pods(&built.cluster), ["default/a x1"]);
    assert_eq!(codes(&built), [Code::Lifecycle]);
}

#[test]
fn w23_w24_addresses_and_nodes() {
    let node = json!({
        "kind": "Node", "metadata": {"name": "n1"},
        "status": {"addresses": [{"type": "InternalIP", "address": "192.168.0.1"}, {"type": "Hostname", "address": "n1"}]},
    });
    let host = with(pod("a", Value::Null, json!({})), "/spec/hostNetwork", json!(true));
    let cluster = cluster(&[node, host, pod("b", Value::Null, json!({}))]);
    let [a, b] = cluster.pods.as_slice() else { panic!("two pods") };
    assert!(a.host_network && !b.host_network);
    assert_eq!(a.addresses, Addresses::Known(["192.168.0.1".parse().unwrap()].into()));
    assert_eq!(b.addresses, Addresses::Unknown);
    assert_eq!((a.node, b.node), (Some(NodeId::from_index(0)), Some(NodeId::from_index(0))));
}

#[test]
fn names_stay_unique_across_kinds() {
    let set = workload("apps/v1", "DaemonSet", json!({}));
    let deployment = workload("apps/v1", "Deployment", json!({"replicas": 3}));
    for input in [[set.clone(), deployment.clone()], [deployment, set]] {
        assert_eq!(pods(&cluster(&input)), ["shop/web[0] x2", "shop/web[2] x3"]);
    }
}

#[test]
fn too_many_pods_of_one_name_are_an_error() {
    let input = [
        workload("apps/v1", "Deployment", json!({"replicas": i32::MAX})),
        workload("apps/v1", "ReplicaSet", json!({"replicas": i32::MAX})),
        workload("v1", "ReplicationController", json!({"replicas": i32::MAX})),
    ];
    assert!(codes(&built(&input)).contains(&Code::TooLarge));
}

#[test]
fn pods_come_in_order_of_namespace_and_name() {
    let a = json!({"kind": "Pod", "metadata": {"name": "web-1", "namespace": "shop"}});
    let b = json!({"kind": "Pod", "metadata": {"name": "z", "namespace": "alpha"}});
    let job = workload(
        "batch/v1",
        "Job",
        json!({"parallelism": 11, "completions": 11, "completionMode": "Indexed"}),
    );
    let cluster = cluster(&[job, a, b]);
    let names = pods(&cluster);
    assert_eq!(
        (&*names[0], &*names[1], &*names[2], &*names[12]),
        ("alpha/z x1", "shop/web-1 x1", "shop/web[0] x1", "shop/web[10] x1")
    );
    let ranges: Vec<_> =
        cluster.namespaces.iter().map(|n| n.pods.start.index()..n.pods.end.index()).collect();
    assert_eq!(ranges, [0..1, 1..13]);
    for (id, workload) in cluster.workloads.enumerate() {
        assert!(workload.pods.is_sorted() && workload.pods.iter().all(|p| cluster.pods[*p].workload == id));
    }
}

#[test]
fn owned_pods_do_not_repeat_the_warnings_of_their_owner() {
    let port = |number| json!({"ports": [{"name": "http", "containerPort": number}]});
    let spec = json!({"containers": [port(1), port(2)]});
    let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": spec});
    let deployment = workload("apps/v1", "Deployment", json!({"template": template}));
    let mut owned = pod(
        "web-x",
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "u"}),
        json!({}),
    );
    owned["spec"] = spec;
    let built = built(&[deployment, owned]);
    assert_eq!(messages(&built, |s| s == Severity::Warning).len(), 1);
}

#[test]
fn pods_that_only_their_number_tells_apart_are_alike_where_they_are_too_many() {
    let spec = json!({"replicas": i32::MAX, "serviceName": "web"});
    let built = built(&[workload("apps/v1", "StatefulSet", spec)]);
    assert_eq!(messages(&built, |severity| severity == Severity::Error), [""; 0]);
    let notes = messages(&built, |severity| severity == Severity::Note);
    assert!(
        notes.iter().any(|note| note.contains("2147483647 pods are too many to tell apart")),
        "{notes:?}"
    );
    let counts: Vec<u32> = built.cluster.pods.iter().map(|pod| pod.count).collect();
    assert_eq!(counts, [2_147_483_647]);
    let labels = labels_of(&built.cluster, 0);
    for number in ["apps.kubernetes.io/pod-index", "statefulset.kubernetes.io/pod-name"] {
        assert!(labels.iter().any(|label| label.starts_with(number)), "{labels:?}");
    }
}
