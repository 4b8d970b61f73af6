#![expect(clippy::needless_pass_by_value, reason = "inputs read better where `json!` stands alone")]

use serde_json::{Value, json};

use super::{Change, Edit, Objects, Simulation};
use crate::cluster::{Built, Options, build};
use crate::diagnostic::{Code, Diagnostic, ObjectName};
use crate::index::Id;
use crate::k8s::{Object, ObjectMeta};
use crate::load::{Input, Loaded, Manifest, load};
use crate::profile::Profile;

fn loaded(objects: &[Value]) -> Loaded {
    let text: Vec<String> = objects.iter().map(Value::to_string).collect();
    load(
        &[Input::Text { name: "test.yaml".into(), bytes: text.join("\n---\n").into() }],
        crate::load::Options::default(),
    )
}

fn manifests(objects: &[Value]) -> Vec<Manifest> {
    let loaded = loaded(objects);
    assert_eq!(loaded.diagnostics, []);
    loaded.manifests
}

/// `apply` takes objects, the others the words of the command line.
enum Do<'d> {
    Apply(&'d [Value]),
    Delete(&'d str),
    Label(&'d str, &'d str),
    Scale(&'d str),
}

fn changes(wanted: &[Do<'_>]) -> Vec<Change> {
    let change = |wanted: &Do<'_>| match wanted {
        Do::Apply(objects) => {
            let loaded = loaded(objects);
            Change::apply(loaded.manifests, &loaded.sources).0.remove(0)
        }
        Do::Delete(text) => Change::delete(text, "shop").unwrap(),
        Do::Label(object, labels) => Change::label(object, labels, "shop").unwrap(),
        Do::Scale(text) => Change::scale(text, "shop").unwrap(),
    };
    wanted.iter().map(change).collect()
}

/// The cluster with changes, and what is said about them; the objects are as before when they are taken back.
fn changed(input: &[Value], wanted: &[Do<'_>]) -> Result<(Built, Vec<Diagnostic>), Vec<Diagnostic>> {
    let before = manifests(input);
    let mut objects = Objects::new(before.clone(), Options::default());
    let changes = changes(wanted);
    let edits = changes.iter().flat_map(|change| &change.edits);
    let made = objects.edit(edits).map(|undo| {
        let built = build(objects.manifests(), objects.options());
        let notes = undo.notes.clone();
        objects.undo(undo);
        (built, notes)
    });
    assert_eq!(objects.manifests(), before);
    assert_eq!(objects.options(), &Options::default());
    made
}

/// The pods with changes: `shop/web[0] x2 app=web`.
fn pods(input: &[Value], wanted: &[Do<'_>]) -> Vec<String> {
    let (built, _) = changed(input, wanted).unwrap();
    let errors: Vec<_> = built
        .diagnostics
        .iter()
        .filter(|found| found.code.severity() == crate::diagnostic::Severity::Error)
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    let cluster = built.cluster;
    let shown = |id| {
        let pod = &cluster.pods[id];
        let labels =
            cluster.labels.sets[pod.labels].entries().iter().filter_map(|(key, value)| match value {
                crate::label::LabelValue::Known(value) => {
                    Some(format!(" {}={}", cluster.labels.keys[*key], cluster.labels.values[*value]))
                }
                _ => None,
            });
        let mut labels: Vec<String> = labels.collect();
        labels.sort();
        let count = if pod.count > 1 { format!(" x{}", pod.count) } else { String::new() };
        format!("{}{count}{}", cluster.pod_path(id, 0), labels.concat())
    };
    (0..cluster.pods.len()).map(|i| shown(crate::cluster::PodId::from_index(i))).collect()
}

/// Messages, and after them what to do.
fn refused(input: &[Value], wanted: &[Do<'_>]) -> Vec<String> {
    let shown = |found: &Diagnostic| match &found.help {
        Some(help) => format!("{} | {help}", found.message),
        None => found.message.clone(),
    };
    changed(input, wanted).unwrap_err().iter().map(shown).collect()
}

fn notes(input: &[Value], wanted: &[Do<'_>]) -> Vec<Code> {
    changed(input, wanted).unwrap().1.iter().map(|note| note.code).collect()
}

fn workload(kind: &str, name: &str, replicas: i32, label: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": "shop"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name, "tier": label}}, "spec": {"containers": [{}]}}},
    })
}

fn pod(name: &str, owner: Value, labels: Value) -> Value {
    let owners = if owner.is_null() { json!([]) } else { json!([owner]) };
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "labels": labels, "ownerReferences": owners},
        "spec": {"nodeName": "n1", "containers": [{}]},
        "status": {"podIP": format!("10.0.0.{}", name.len())},
    })
}

/// A dump of a Deployment with two pods; `pod-template-hash` is `5d4f`.
fn dump() -> Vec<Value> {
    let labels = json!({"app": "web", "tier": "front", "pod-template-hash": "5d4f"});
    let mut set = workload("ReplicaSet", "web-5d4f", 2, "front");
    set["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "u", "controller": true}]);
    set["spec"]["selector"] = json!({"matchLabels": {"app": "web", "pod-template-hash": "5d4f"}});
    set["spec"]["template"]["metadata"]["labels"] = labels.clone();
    let owner = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d4f", "uid": "u", "controller": true});
    vec![
        workload("Deployment", "web", 2, "front"),
        set,
        pod("web-5d4f-a", owner.clone(), labels.clone()),
        pod("web-5d4f-b", owner, labels),
    ]
}

/// The pods alone, as `kubectl get pods` shows them.
fn dumped_pods() -> Vec<Value> {
    dump().split_off(2)
}

const A: &str = "shop/web-5d4f-a app=web pod-template-hash=5d4f tier=front";
const B: &str = "shop/web-5d4f-b app=web pod-template-hash=5d4f tier=front";

#[test]
fn deleting_a_workload_deletes_what_it_owns() {
    let input = [dump(), vec![workload("Deployment", "db", 1, "back")]].concat();
    let db = ["shop/db[0] app=db tier=back"];
    for owner in ["deploy/web", "deployments.apps/shop/web"] {
        assert_eq!(pods(&input, &[Do::Delete(owner)]), db);
    }
    let pods_and_db = [dumped_pods(), vec![workload("Deployment", "db", 1, "back")]].concat();
    assert_eq!(
        pods(&pods_and_db, &[Do::Delete("deploy/web")]),
        db,
        "the name is known from its ReplicaSet's"
    );
    assert_eq!(pods(&pods_and_db, &[Do::Delete("rs/web-5d4f")]), db);
    assert_eq!(pods(&dump(), &[Do::Delete("pod/web-5d4f-a")]), [B]);
    // The Deployment makes another ReplicaSet then.
    assert_eq!(pods(&dump(), &[Do::Delete("rs/web-5d4f")]), ["shop/web[0] x2 app=web tier=front"]);
}

#[test]
fn deleting_a_namespace_deletes_what_is_in_it() {
    let other = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}});
    let input = [dump(), vec![other]].concat();
    assert_eq!(pods(&input, &[Do::Delete("ns/shop")]), ["default/a"]);
    assert_eq!(pods(&input, &[Do::Delete("namespace/default")]), [A, B]);
}

#[test]
fn what_is_not_there_has_a_near_name() {
    let policy = json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "deny", "namespace": "shop"}, "spec": {}});
    let input = [dump(), vec![policy]].concat();
    for (wanted, message) in [
        (
            "netpol/shop/dney",
            "there is no NetworkPolicy `shop/dney` to delete | did you mean `netpol/shop/deny`?",
        ),
        ("netpol/x/dney", "there is no NetworkPolicy `x/dney` to delete | did you mean `netpol/shop/deny`?"),
        (
            "netpol/shp/deny",
            "there is no NetworkPolicy `shp/deny` to delete | did you mean `netpol/shop/deny`?",
        ),
        (
            "deploy/shop/deny",
            "there is no Deployment `shop/deny` to delete | did you mean `netpol/shop/deny`?",
        ),
        ("svc/web", "there is no Service `shop/web` to delete | did you mean `deploy/shop/web`?"),
        ("svc/x", "there is no Service `shop/x` to delete | the input holds no Service at all"),
    ] {
        assert_eq!(refused(&input, &[Do::Delete(wanted)]), [message]);
    }
    assert_eq!(
        refused(&dumped_pods(), &[Do::Label("deploy/wep", "a=b")]),
        ["there is no Deployment `shop/wep` to label | did you mean `deploy/shop/web`?"]
    );
    let calico = json!({"apiVersion": "projectcalico.org/v3", "kind": "NetworkPolicy",
        "metadata": {"name": "deny", "namespace": "shop"}, "spec": {}});
    let message = "there is no NetworkPolicy `shop/deny` to delete | did you mean \
                   `networkpolicy.projectcalico.org/shop/deny`?";
    assert_eq!(refused(std::slice::from_ref(&calico), &[Do::Delete("netpol/deny")]), [message]);
    let input_with = [calico, json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}})];
    assert_eq!(pods(&input_with, &[Do::Delete("networkpolicy.projectcalico.org/deny")]), ["default/a"]);
    let both = [Do::Delete("netpol/x"), Do::Scale("deploy/y=1")];
    assert_eq!(refused(&input, &both).len(), 2, "all is said at once");
}

#[test]
fn labels_of_a_workload_are_those_of_its_pods() {
    let set = [Do::Label("deploy/web", "tier=back,env=prod")];
    let expected = |name: &str| format!("shop/{name} app=web env=prod pod-template-hash=5d4f tier=back");
    for input in [dump(), dumped_pods()] {
        assert_eq!(pods(&input, &set), [expected("web-5d4f-a"), expected("web-5d4f-b")]);
    }
    let template = [workload("Deployment", "web", 1, "front")];
    assert_eq!(pods(&template, &[Do::Label("deploy/web", "tier-")]), ["shop/web[0] app=web"]);
    assert_eq!(pods(&dump(), &[Do::Label("pod/web-5d4f-a", "tier=x")])[0], A.replace("front", "x"));
    let (built, _) = changed(&template, &[Do::Label("deploy/web", "app=other")]).unwrap();
    let messages: Vec<&str> = built.diagnostics.iter().map(|found| &*found.message).collect();
    assert_eq!(
        messages,
        [
            "Invalid value: {\"app\":\"other\",\"tier\":\"front\"}: `selector` does not match template `labels`"
        ]
    );
}

#[test]
fn labels_that_cannot_be() {
    let template = [workload("Deployment", "web", 1, "front"), workload("StatefulSet", "db", 1, "back")];
    for (object, labels, message) in [
        ("deploy/web", "teir-", "label `teir` not found on Deployment shop/web | did you mean `tier-`?"),
        (
            "pod/web[0]",
            "a=b",
            "no manifest names pod `shop/web[0]`: it comes from the template of Deployment shop/web | say it of all its \
             pods: `deploy/shop/web`",
        ),
        (
            "pod/db-0",
            "a=b",
            "no manifest names pod `shop/db-0`: it comes from the template of StatefulSet shop/db | say it of all its \
             pods: `sts/shop/db`",
        ),
        (
            "ns/shop",
            "env-",
            "whether namespace `shop` has label `env` is not known: no manifest declares it | `--apply` a manifest of the \
             Namespace to say which labels it has",
        ),
        (
            "ns/shop",
            "kubernetes.io/metadata.name=x",
            "the API server sets label `kubernetes.io/metadata.name` to the name of the namespace",
        ),
        ("ns/shopp", "a=b", "there is no Namespace `shopp` to label | did you mean `ns/shop`?"),
    ] {
        assert_eq!(refused(&template, &[Do::Label(object, labels)]), [message]);
    }
}

#[test]
fn labels_of_namespaces_declared_or_not() {
    let declared =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"a": "b"}}});
    for (input, complete) in [(vec![workload("Deployment", "web", 1, "x")], false), (vec![declared], true)] {
        let (built, _) = changed(&input, &[Do::Label("ns/shop", "env=prod")]).unwrap();
        let cluster = built.cluster;
        let set = &cluster.labels.sets[cluster.namespaces[cluster.namespace("shop").unwrap()].labels];
        let key = cluster.labels.keys.get("env").unwrap();
        assert_eq!(set.get(key), cluster.labels.values.get("prod").map(crate::label::LabelValue::Known));
        assert_eq!(set.is_complete(), complete, "other labels stay as unknown as they were");
    }
}

#[test]
fn scaling_down_takes_the_last_pods_and_scaling_up_adds_some_that_are_alike() {
    for input in [dump(), dumped_pods()] {
        for owner in ["deploy/web", "rs/web-5d4f"] {
            assert_eq!(pods(&input, &[Do::Scale(&format!("{owner}=1"))]), [A]);
        }
        let more = "shop/web[0] x3 app=web pod-template-hash=5d4f tier=front";
        assert_eq!(pods(&input, &[Do::Scale("deploy/web=5")]), [A, B, more]);
        // The last word counts.
        assert_eq!(pods(&input, &[Do::Scale("deploy/web=5"), Do::Scale("deploy/web=2")]), [A, B]);
        assert_eq!(pods(&input, &[Do::Scale("deploy/web=0")]), [""; 0]);
    }
    // Without pods in the input, templates make them.
    let templates = dump()[..2].to_vec();
    let made = "shop/web[0] x5 app=web pod-template-hash=5d4f tier=front";
    assert_eq!(pods(&templates, &[Do::Scale("deploy/web=5")]), [made]);
    assert_eq!(pods(&templates, &[Do::Scale("deploy/web=0")]), [""; 0]);
    assert_eq!(
        refused(&dump(), &[Do::Scale("deploy/wep=0")]),
        ["there is no Deployment `shop/wep` to scale | did you mean `deploy/shop/web`?"]
    );
}

#[test]
fn stateful_pods_have_their_ordinals() {
    let owner =
        json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "u", "controller": true});
    let labels = |name: &str, index: &str| {
        json!({"app": "db", "statefulset.kubernetes.io/pod-name": name, "apps.kubernetes.io/pod-index": index,
            "controller-revision-hash": "h"})
    };
    let input = [
        workload("StatefulSet", "db", 2, "back"),
        pod("db-0", owner.clone(), labels("db-0", "0")),
        pod("db-1", owner.clone(), labels("db-1", "1")),
        pod("db-10", owner, labels("db-10", "10")),
    ];
    let shown = |i: u32| {
        format!(
            "shop/db-{i} app=db apps.kubernetes.io/pod-index={i} controller-revision-hash=h \
             statefulset.kubernetes.io/pod-name=db-{i}"
        )
    };
    assert_eq!(pods(&input, &[Do::Scale("sts/db=1")]), [shown(0)]);
    assert_eq!(pods(&input, &[Do::Scale("sts/db=3")]), [shown(0), shown(1), shown(2)]);
    let template = [workload("StatefulSet", "db", 2, "back")];
    assert_eq!(pods(&template, &[Do::Scale("sts/db=3")]).len(), 3);
}

#[test]
fn another_template_replaces_the_pods_and_the_same_one_keeps_them() {
    let other = [workload("Deployment", "web", 2, "back")];
    let rolled_out = ["shop/web[0] x2 app=web tier=back"];
    for input in [dump(), dumped_pods()] {
        assert_eq!(pods(&input, &[Do::Apply(&other)]), rolled_out);
        assert_eq!(pods(&input, &[Do::Apply(&[workload("Deployment", "web", 2, "front")])]), [A, B]);
        assert_eq!(pods(&input, &[Do::Apply(&[workload("Deployment", "web", 1, "front")])]), [A]);
    }
    assert_eq!(notes(&dump(), &[Do::Apply(&dump()[..1])]), [Code::Unchanged]);
    let mut selector = workload("Deployment", "web", 2, "back");
    selector["spec"]["selector"] = json!({"matchLabels": {"tier": "back"}});
    assert_eq!(notes(&dump(), &[Do::Apply(&[selector])]), [Code::Immutable]);
}

#[test]
fn what_the_cluster_adds_stays() {
    let mut manifest = dumped_pods()[0].clone();
    manifest.as_object_mut().unwrap().remove("status");
    manifest["metadata"].as_object_mut().unwrap().remove("ownerReferences");
    manifest["metadata"]["labels"]["tier"] = json!("x");
    let (built, _) = changed(&dump(), &[Do::Apply(&[manifest])]).unwrap();
    let cluster = built.cluster;
    let pod = &cluster.pods[crate::cluster::PodId::from_index(0)];
    assert!(matches!(pod.addresses, crate::cluster::Addresses::Known(_)));
    assert_eq!(cluster.workload_path(pod.workload), "shop/web");
}

#[test]
fn changes_that_change_nothing_are_told() {
    for change in [
        Do::Apply(&dump()[2..3]),
        Do::Label("deploy/web", "tier=front"),
        Do::Label("pod/web-5d4f-a", "tier=front"),
        Do::Scale("deploy/web=2"),
    ] {
        assert_eq!(notes(&dump(), &[change]), [Code::Unchanged]);
    }
}

#[test]
fn objects_without_a_name_cannot_be_applied() {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "a-"}});
    assert_eq!(
        refused(&dump(), &[Do::Apply(&[pod])]),
        ["an object without a name can be created, but not applied | give it a `metadata.name`"]
    );
}

#[test]
fn an_object_is_applied_once() {
    let (a, b) = (workload("Deployment", "x", 1, "a"), workload("Deployment", "x", 1, "b"));
    let said = |objects: &[Value]| {
        let loaded = loaded(objects);
        let (changes, findings) = Change::apply(loaded.manifests, &loaded.sources);
        assert_eq!((changes.len(), changes[0].edits.len()), (1, 1));
        assert_eq!(changes[0].typed, "--apply test.yaml");
        findings.len()
    };
    assert_eq!((said(&[a.clone(), a.clone()]), said(&[a, b])), (0, 2));
}

/// An object of a live cluster, with the manifest that was applied last, if one was.
fn live(mut object: Value, last_applied: Option<Value>) -> Manifest {
    object["metadata"]["uid"] = json!("u1");
    if let Some(last_applied) = last_applied {
        let key = "kubectl.kubernetes.io/last-applied-configuration";
        object["metadata"]["annotations"] = json!({key: last_applied.to_string()});
    }
    let Loaded { mut manifests, sources, .. } = loaded(&[object]);
    sources.recall(&mut manifests[0]);
    manifests.remove(0)
}

/// The object after an edit, its metadata apart.
fn edited(before: Manifest, edit: Edit) -> (ObjectMeta, Object) {
    let mut objects = Objects::new(vec![before], Options::default());
    objects.edit(&[edit]).unwrap();
    let mut object = objects.manifests()[0].object.clone();
    (std::mem::take(object.metadata_mut()), object)
}

fn manifest(object: &Value) -> Box<Manifest> {
    Box::new(manifests(std::slice::from_ref(object)).remove(0))
}

#[test]
fn what_was_not_applied_before_stays_on_a_live_object() {
    let policy = |spec: Value| {
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": "p", "namespace": "shop"}, "spec": spec})
    };
    let deployment = |spec: Value| json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "shop"}, "spec": spec});
    let cilium = |spec: Value| {
        json!({"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy",
            "metadata": {"name": "c", "namespace": "shop"}, "spec": spec})
    };
    let service = |spec: Value| json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "shop"}, "spec": spec});
    let both = json!(["Ingress", "Egress"]);
    let template =
        |labels: Value| json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c"}]}});
    // Live, applied before (null: nobody knows), applied now, and what comes of it.
    let cases = [
        (
            policy(json!({"podSelector": {}, "policyTypes": both})),
            policy(json!({"podSelector": {}})),
            policy(json!({"podSelector": {}, "ingress": [{}]})),
            policy(json!({"podSelector": {}, "policyTypes": both, "ingress": [{}]})),
        ),
        (
            policy(json!({"podSelector": {}, "policyTypes": both})),
            policy(json!({"podSelector": {}, "policyTypes": both})),
            policy(json!({"podSelector": {}})),
            policy(json!({"podSelector": {}})),
        ),
        (
            policy(json!({"podSelector": {"matchLabels": {"a": "1", "b": "2"}}, "policyTypes": both})),
            Value::Null,
            policy(json!({"podSelector": {"matchLabels": {"a": "3"}}, "policyTypes": ["Ingress"]})),
            policy(json!({"podSelector": {"matchLabels": {"a": "3", "b": "2"}}, "policyTypes": ["Ingress"]})),
        ),
        (
            policy(json!({"podSelector": {"matchLabels": {"a": "1"}}, "ingress": [{}]})),
            policy(json!({"podSelector": {"matchLabels": {"a": "1"}}})),
            policy(json!({"podSelector": {}, "egress": []})),
            policy(json!({"podSelector": {}, "ingress": [{}], "egress": []})),
        ),
        (
            deployment(
                json!({"replicas": 7, "selector": {}, "template": template(json!({"a": "1", "b": "2"}))}),
            ),
            deployment(json!({"template": template(json!({"a": "1"}))})),
            deployment(json!({"selector": {}, "template": template(json!({"c": "3"}))})),
            deployment(
                json!({"replicas": 7, "selector": {}, "template": template(json!({"b": "2", "c": "3"}))}),
            ),
        ),
        (
            deployment(json!({"replicas": 7, "template": template(json!({}))})),
            deployment(json!({"replicas": 7, "template": template(json!({}))})),
            deployment(json!({"template": template(json!({}))})),
            deployment(json!({"template": template(json!({}))})),
        ),
        (
            cilium(
                json!({"endpointSelector": {"matchLabels": {"a": "1", "b": "2"}}, "ingress": [{}], "egress": [{}]}),
            ),
            cilium(json!({"endpointSelector": {"matchLabels": {"a": "1"}}, "egress": [{}]})),
            cilium(json!({"endpointSelector": {"matchLabels": {"c": "3"}}})),
            cilium(json!({"endpointSelector": {"matchLabels": {"c": "3", "b": "2"}}, "ingress": [{}]})),
        ),
        (
            service(json!({"selector": {"a": "1"}, "ports": [{"port": 80}], "clusterIP": "10.0.0.1"})),
            service(json!({"selector": {"a": "1"}})),
            service(json!({"selector": {"b": "2"}})),
            service(json!({"selector": {"b": "2"}, "ports": [{"port": 80}], "clusterIP": "10.0.0.1"})),
        ),
    ];
    for (there, before, now, expected) in cases {
        let there_live = live(there.clone(), Some(before).filter(|before| !before.is_null()));
        let (meta, object) = edited(there_live.clone(), Edit::Apply(manifest(&now)));
        let bare = |value: &Value| {
            let mut object = manifest(value).object;
            *object.metadata_mut() = ObjectMeta::default();
            object
        };
        assert_eq!(object, bare(&expected), "{now} applied to {there}");
        assert!(meta.uid.is_some());
        // Put in its place, nothing stays but what the cluster adds.
        let (_, object) = edited(there_live, Edit::Replace(manifest(&now)));
        let mut replaced = now.clone();
        if now["kind"] == "Deployment" {
            replaced["spec"]["replicas"] = json!(1);
        }
        if now["kind"] == "Service" {
            replaced["spec"]["clusterIP"] = json!("10.0.0.1");
        }
        assert_eq!(object, bare(&replaced), "{now} in the place of {there}");
        // Of a manifest nothing stays.
        if now["kind"] != "Service" {
            let (_, object) = edited(*manifest(&there), Edit::Apply(manifest(&now)));
            assert_eq!(object, bare(&now), "{now} applied to the manifest {there}");
        }
    }
}

#[test]
fn labels_that_others_set_stay_on_a_live_namespace() {
    let namespace = |labels: Value| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": labels}});
    let there = namespace(json!({"team": "a", "env": "prod", "old": "x"}));
    let now = namespace(json!({"team": "b"}));
    let labels = |edit, last_applied| {
        let meta = edited(live(there.clone(), last_applied), edit).0;
        let labels = meta.labels.unwrap();
        labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>()
    };
    let before = namespace(json!({"team": "a", "old": "x"}));
    assert_eq!(labels(Edit::Apply(manifest(&now)), Some(before.clone())), ["env=prod", "team=b"]);
    assert_eq!(labels(Edit::Apply(manifest(&now)), None), ["env=prod", "old=x", "team=b"]);
    assert_eq!(labels(Edit::Replace(manifest(&now)), Some(before)), ["team=b"]);
}

#[test]
fn only_what_is_there_is_replaced() {
    let input = [workload("Deployment", "web", 1, "a")];
    let mut objects = Objects::new(manifests(&input), Options::default());
    let other = manifest(&workload("Deployment", "wep", 1, "a"));
    let refused = objects.edit(&[Edit::Replace(other)]).unwrap_err();
    assert_eq!(refused[0].message, "there is no Deployment `shop/wep` to replace");
    assert_eq!(refused[0].help.as_deref(), Some("did you mean `deploy/shop/web`?"));
}

#[test]
fn a_policy_changed_in_place_keeps_what_the_live_one_has() {
    let policy = |spec: Value| {
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": "p", "namespace": "shop"}, "spec": spec})
    };
    let mut input = manifests(&dumped_pods());
    input.push(live(policy(json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})), None));
    let now = policy(json!({"podSelector": {}, "ingress": [{}]}));
    for (edit, egress) in [(Edit::Apply(manifest(&now)), true), (Edit::Replace(manifest(&now)), false)] {
        let mut simulation = Simulation::new(input.clone(), Options::default(), Profile::Spec).unwrap();
        // Twice, since what is there is another object then.
        for _ in 0..2 {
            simulation.apply(std::slice::from_ref(&edit)).unwrap();
            let policies = &simulation.program().cluster.policies;
            let policy = policies.iter().find(|policy| !policy.is_withdrawn()).unwrap();
            assert_eq!((policy.isolates.ingress, policy.isolates.egress), (true, egress), "{edit:?}");
        }
    }
}

#[test]
fn cluster_wide_policies_change_in_place() {
    let group = "policy.networking.k8s.io";
    let rule = |peer: Value| json!([{"action": "Deny", "from": [peer]}]);
    let policy = |version: &str, name: &str, ingress: Value| {
        json!({"apiVersion": format!("{group}/{version}"), "kind": "ClusterNetworkPolicy", "metadata": {"name": name},
            "spec": {"tier": "Admin", "priority": 1, "subject": {"namespaces": {}}, "ingress": ingress}})
    };
    let closed = |version, name| policy(version, name, rule(json!({"namespaces": {}})));
    let baseline = |name: &str| {
        json!({"apiVersion": format!("{group}/v1alpha1"), "kind": "BaselineAdminNetworkPolicy",
            "metadata": {"name": name}, "spec": {"subject": {"namespaces": {}},
                "ingress": rule(json!({"namespaces": {}}))}})
    };
    let relative = json!({"apiVersion": format!("{group}/v1alpha1"), "kind": "AdminNetworkPolicy",
        "metadata": {"name": "tenants"}, "spec": {"priority": 1, "subject": {"namespaces": {}}, "ingress":
            [{"action": "Deny", "from": [{"namespaces": {"sameLabels": ["team"]}}]}]}});
    let unknown = json!({"apiVersion": format!("{group}/v1beta1"), "kind": "ClusterNetworkPolicy",
        "metadata": {"name": "hosts"}, "spec": {"tier": "Admin", "priority": 1, "subject": {"namespaces": {}}, "egress":
            [{"action": "Deny", "to": [{"nodes": {}}]}]}});
    let antrea = json!({"apiVersion": "crd.antrea.io/v1beta1", "kind": "ClusterNetworkPolicy",
        "metadata": {"name": "p"}, "spec": {}});
    let named = |kind: &str, name: &str| {
        Edit::Delete(ObjectName { kind: kind.into(), namespace: "".into(), name: name.into() })
    };
    let qualified = format!("ClusterNetworkPolicy.{group}");
    let rebuilt = |there: &[Value], edit: Edit| {
        let input = manifests(&[&dumped_pods()[..], there].concat());
        let mut simulation = Simulation::new(input, Options::default(), Profile::Spec).unwrap();
        let tried = simulation.try_out(std::slice::from_ref(&edit), |variant| {
            (variant.effect.rebuilt, variant.effect.difference.is_empty())
        });
        let applied = simulation.apply(&[edit]).unwrap();
        assert_eq!(tried.unwrap(), (applied.rebuilt, applied.difference.is_empty()));
        // Beside a policy that is not evaluated everything is unknown with it and without.
        assert!(there.contains(&antrea) || !applied.difference.is_empty(), "{there:?}");
        applied.rebuilt
    };
    let apply = |policy: &Value| Edit::Apply(manifest(policy));
    // One that is new, another version of one that is there, one that goes, and the only one of its kind.
    assert!(!rebuilt(&[], apply(&closed("v1beta1", "p"))));
    assert!(!rebuilt(&[policy("v1alpha2", "p", json!([]))], apply(&closed("v1beta1", "p"))));
    assert!(!rebuilt(&[closed("v1beta1", "p")], named("ClusterNetworkPolicy", "p")));
    assert!(!rebuilt(&[closed("v1beta1", "p"), antrea.clone()], named(&qualified, "p")));
    assert!(!rebuilt(&[], apply(&baseline("default"))));
    assert!(!rebuilt(&[baseline("default")], named("BaselineAdminNetworkPolicy", "default")));
    // One that compares namespaces is compiled for all of them at once; it may go in place.
    assert!(rebuilt(&[], apply(&relative)));
    assert!(!rebuilt(&[relative], named("AdminNetworkPolicy", "tenants")));
    // One that is not evaluated, one that is there in two versions, and one whose name others go by, too.
    assert!(rebuilt(&[], apply(&unknown)));
    assert!(rebuilt(&[unknown], named("ClusterNetworkPolicy", "hosts")));
    let versions = [closed("v1beta1", "p"), closed("v1alpha2", "p")];
    assert!(rebuilt(&versions, named("ClusterNetworkPolicy", "p")));
    assert!(rebuilt(&[closed("v1beta1", "p"), antrea.clone()], named("ClusterNetworkPolicy", "p")));
    // What the API server refuses changes nothing.
    let mut simulation =
        Simulation::new(manifests(&dumped_pods()), Options::default(), Profile::Spec).unwrap();
    let refused = simulation.apply(&[apply(&baseline("other"))]).unwrap_err();
    assert!(refused[0].message.contains("Only one baseline admin network policy"), "{refused:?}");
}
