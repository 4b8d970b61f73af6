//! W1 to W25: which pods the manifests make, and what is known of them.

use std::slice;

use super::check::{
    World, check, check_selection, grid, namespace, node, object, pod, policy, service, workload,
};

/// Checks a label that a controller adds: it is present, and its value is not known.
#[track_caller]
fn check_present(manifests: &[String], pod: &str, key: &str) {
    check_selection(
        manifests,
        &format!(
            "{pod} {key} yes
             {pod} !{key} no
             {pod} {key}=some unknown
             {pod} {key}!=some unknown"
        ),
    );
}

#[track_caller]
fn has_pods(manifests: &[String], expected: &[&str]) {
    World::new(manifests).has_pods(expected);
}

#[test]
fn w1_a_pod_is_itself() {
    let generated = "---
apiVersion: v1
kind: Pod
metadata: {namespace: x, generateName: job-, labels: {app: job}}
";
    let named = pod("x/named", "{app: named, topology.kubernetes.io/zone: north}", "");
    let manifests = [generated.to_string(), named];
    has_pods(&manifests, &["x/job-xxxxx", "x/named"]);
    check_selection(
        &manifests,
        "x/job-xxxxx app=job yes
         x/named app=job no
         x/named topology.kubernetes.io/zone=north yes
         x/named topology.kubernetes.io/zone=south no
         x/named topology.kubernetes.io/region=eu unknown
         x/job-xxxxx topology.kubernetes.io/zone unknown
         x/job-xxxxx topology.kubernetes.io/zone!=north unknown",
    );
}

#[test]
fn w2_a_deployment_makes_replicas_with_a_template_hash() {
    for (fields, pods) in [
        ("", &["x/web[0]"][..]),
        ("replicas: null", &["x/web[0]"]),
        ("replicas: 3", &["x/web[0]", "x/web[1]", "x/web[2]"]),
        ("replicas: 0", &[]),
    ] {
        has_pods(&[workload("Deployment", "x/web", "{app: web}", fields)], pods);
    }
    let manifests = [workload("Deployment", "x/web", "{app: web}", "")];
    check_present(&manifests, "x/web[0]", "pod-template-hash");
    // Labels are those of the template, not those of the Deployment.
    let labelled = "---
apiVersion: apps/v1
kind: Deployment
metadata: {namespace: x, name: web, labels: {app: wrong, tier: front}}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}}
";
    check_selection(
        &[labelled.into()],
        "x/web[0] app=web yes
         x/web[0] app=wrong no
         x/web[0] tier no",
    );
}

#[test]
fn w3_a_replica_set_makes_replicas_and_adds_no_label() {
    for (fields, pods) in
        [("", &["x/web[0]"][..]), ("replicas: 2", &["x/web[0]", "x/web[1]"]), ("replicas: 0", &[])]
    {
        has_pods(&[workload("ReplicaSet", "x/web", "{app: web}", fields)], pods);
    }
    check_selection(
        &[workload("ReplicaSet", "x/web", "{app: web}", "")],
        "x/web[0] app=web yes
         x/web[0] pod-template-hash no
         x/web[0] controller-revision-hash no",
    );
}

#[test]
fn w4_a_replication_controller_makes_replicas_with_the_labels_of_its_template() {
    for (fields, pods) in
        [("", &["x/web[0]"][..]), ("replicas: 2", &["x/web[0]", "x/web[1]"]), ("replicas: 0", &[])]
    {
        has_pods(&[workload("ReplicationController", "x/web", "{app: web}", fields)], pods);
    }
    let without_selector = object(
        "v1",
        "ReplicationController",
        "x/web",
        "spec: {template: {metadata: {labels: {app: web}}, spec: {containers: []}}}",
    );
    check_selection(
        &[without_selector],
        "x/web[0] app=web yes
         x/web[0] pod-template-hash no",
    );
}

#[test]
fn w5_a_stateful_set_makes_pods_with_ordinals_and_labels_of_them() {
    let sts = |fields: &str| [workload("StatefulSet", "x/db", "{app: db}", fields)];
    has_pods(&sts(""), &["x/db-0"]);
    has_pods(&sts("replicas: 0"), &[]);
    has_pods(&sts("replicas: 2, ordinals: {start: 5}"), &["x/db-5", "x/db-6"]);
    check_selection(
        &sts("replicas: 2"),
        "x/db-0 app=db yes
         x/db-0 statefulset.kubernetes.io/pod-name=db-0 yes
         x/db-1 statefulset.kubernetes.io/pod-name=db-0 no
         x/db-0 apps.kubernetes.io/pod-index=0 yes
         x/db-1 apps.kubernetes.io/pod-index=0 no
         x/db-1 apps.kubernetes.io/pod-index=1 yes
         x/db-0 pod-template-hash no",
    );
    check_selection(&sts("ordinals: {start: 5}"), "x/db-5 apps.kubernetes.io/pod-index=5 yes");
    check_present(&sts(""), "x/db-0", "controller-revision-hash");
    let first_only = "{podSelector: {}, ingress: [{from: [
        {podSelector: {matchLabels: {statefulset.kubernetes.io/pod-name: db-0}}}]}]}";
    check(
        &[sts("replicas: 3").concat(), policy("x/p", first_only)],
        "x/db-0 -> x/db-1 allow
         x/db-2 -> x/db-1 deny",
    );
}

#[test]
fn w6_a_daemon_set_makes_one_pod_for_each_node_and_two_without_any() {
    let agent = || workload("DaemonSet", "x/agent", "{app: agent}", "");
    has_pods(&[agent()], &["x/agent[0]", "x/agent[1]"]);
    has_pods(&[agent(), node("n1", "192.168.0.1")], &["x/agent[0]"]);
    let nodes = [node("n1", "192.168.0.1"), node("n2", "192.168.0.2"), node("n3", "192.168.0.3")].concat();
    has_pods(&[agent(), nodes.clone()], &["x/agent[0]", "x/agent[1]", "x/agent[2]"]);
    check_present(&[agent()], "x/agent[0]", "controller-revision-hash");
    check_present(&[agent()], "x/agent[1]", "pod-template-generation");
    check_selection(&[agent()], "x/agent[0] pod-template-hash no");
    // One of them is on the node that asks.
    check(
        &[agent(), nodes, policy("x/p", "{podSelector: {}, policyTypes: [Ingress]}")],
        "192.168.0.1 -> x/agent[0] allow
         192.168.0.1 -> x/agent[1] deny
         192.168.0.3 -> x/agent[2] allow
         1.1.1.1 -> x/agent[0] deny",
    );
}

#[test]
fn w7_a_job_makes_as_many_pods_as_run_at_a_time_under_its_name() {
    let job = |fields: &str| [workload("Job", "x/task", "{app: task}", fields)];
    for (fields, pods) in [
        ("", &["x/task[0]"][..]),
        ("completions: 5", &["x/task[0]"]),
        ("parallelism: 2", &["x/task[0]", "x/task[1]"]),
        ("parallelism: 3, completions: 2", &["x/task[0]", "x/task[1]"]),
        ("parallelism: 2, completions: 3", &["x/task[0]", "x/task[1]"]),
        ("parallelism: 0", &[]),
        ("suspend: true", &[]),
        ("suspend: false", &["x/task[0]"]),
    ] {
        has_pods(&job(fields), pods);
    }
    for key in ["job-name", "batch.kubernetes.io/job-name"] {
        check_selection(
            &job(""),
            &format!(
                "x/task[0] {key}=task yes
                 x/task[0] {key}=other no
                 x/task[0] {key} yes"
            ),
        );
    }
    for key in ["controller-uid", "batch.kubernetes.io/controller-uid"] {
        check_present(&job(""), "x/task[0]", key);
    }
    check_selection(
        &job("manualSelector: true, selector: {matchLabels: {app: task}}"),
        "x/task[0] app=task yes
         x/task[0] job-name no
         x/task[0] batch.kubernetes.io/job-name no
         x/task[0] controller-uid no
         x/task[0] batch.kubernetes.io/controller-uid no",
    );
    check_selection(
        &job("parallelism: 2, completions: 2, completionMode: Indexed"),
        "x/task[0] batch.kubernetes.io/job-completion-index=0 yes
         x/task[1] batch.kubernetes.io/job-completion-index=0 no
         x/task[1] batch.kubernetes.io/job-completion-index=1 yes",
    );
    check_selection(&job(""), "x/task[0] batch.kubernetes.io/job-completion-index no");
}

#[test]
fn w8_a_cron_job_makes_the_pods_of_a_job_whose_name_nobody_knows() {
    let cron = |fields: &str| [workload("CronJob", "x/nightly", "{app: nightly}", fields)];
    has_pods(&cron(""), &["x/nightly[0]"]);
    for key in ["job-name", "batch.kubernetes.io/job-name", "controller-uid"] {
        check_present(&cron(""), "x/nightly[0]", key);
    }
    check_selection(
        &cron(""),
        "x/nightly[0] app=nightly yes
         x/nightly[0] app=other no
         x/nightly[0] job-name=nightly unknown",
    );
    let parallel = |suspend: &str| {
        let template = "template: {metadata: {labels: {app: nightly}}, spec: {containers: []}}";
        let spec =
            format!("spec: {{suspend: {suspend}, jobTemplate: {{spec: {{parallelism: 2, {template}}}}}}}");
        [object("batch/v1", "CronJob", "x/nightly", &spec)]
    };
    has_pods(&parallel("false"), &["x/nightly[0]", "x/nightly[1]"]);
    // Suspended, one stands for what would run, and somebody is told.
    has_pods(&parallel("true"), &["x/nightly[0]"]);
    assert!(World::new(&parallel("true")).codes().contains(&"lifecycle"));
    assert!(!World::new(&parallel("false")).codes().contains(&"lifecycle"));
}

#[test]
fn w9_lists_documents_and_json_are_the_same_objects() {
    let list = "---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: PodList
  items:
  - {metadata: {namespace: x, name: a, labels: {pod: a}}}
  - {metadata: {namespace: x, name: b, labels: {pod: b}}}
- apiVersion: v1
  kind: List
  items:
  - {apiVersion: v1, kind: Pod, metadata: {namespace: x, name: c}}
- apiVersion: networking.k8s.io/v1
  kind: NetworkPolicyList
  items:
  - metadata: {namespace: x, name: p}
    spec: {podSelector: {matchLabels: {pod: a}}}
---
# nothing
---
apiVersion: v1
kind: Pod
metadata: {namespace: x, name: d}
";
    let json = r#"{"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "x", "name": "a", "labels": {"pod": "a"}}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "x", "name": "b"}},
        {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
         "metadata": {"namespace": "x", "name": "p"}, "spec": {"podSelector": {"matchLabels": {"pod": "a"}}}}]}"#;
    let verdicts = "
        x/b -> x/a deny
        x/a -> x/b allow";
    has_pods(&[list.into()], &["x/a", "x/b", "x/c", "x/d"]);
    check(&[list.into()], verdicts);
    has_pods(&[json.into()], &["x/a", "x/b"]);
    check(&[json.into()], verdicts);
}

#[test]
fn w10_a_mirror_pod_is_a_pod_on_its_own() {
    let mirror = "---
apiVersion: v1
kind: Pod
metadata:
  namespace: kube-system
  name: proxy-n1
  labels: {component: proxy}
  annotations: {kubernetes.io/config.mirror: abc}
  ownerReferences: [{apiVersion: v1, kind: Node, name: n1, uid: u1, controller: true}]
spec: {nodeName: n1, containers: []}
status: {phase: Running, podIP: 10.0.1.9}
";
    let manifests = [mirror.into(), node("n1", "192.168.0.1"), grid()];
    let world = World::new(&manifests);
    let cluster = world.build().cluster;
    let kinds: Vec<&str> =
        cluster.workloads.iter().filter(|w| &*w.name == "proxy-n1").map(|w| &*w.kind).collect();
    assert_eq!(kinds, ["Pod"], "a Node is no workload");
    world.has_pods(&["kube-system/proxy-n1", "w/a", "w/b", "w/c", "x/a", "x/b", "x/c", "z/a", "z/b", "z/c"]);
    check_selection(
        &manifests,
        "kube-system/proxy-n1 component=proxy yes
         kube-system/proxy-n1 component=other no",
    );
}

#[test]
fn w11_objects_for_local_tools_are_not_there() {
    let local = |value: &str| {
        let annotations = format!("annotations: {{config.kubernetes.io/local-config: '{value}'}}");
        [
            format!(
                "---\n{{apiVersion: v1, kind: Pod, metadata: {{namespace: x, name: tool, {annotations}}}}}\n"
            ),
            format!(
                "---\n{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy,
                  metadata: {{namespace: x, name: p, {annotations}}}, spec: {{podSelector: {{}}}}}}\n"
            ),
            pod("x/a", "{}", ""),
        ]
    };
    has_pods(&local("true"), &["x/a"]);
    check(&local("true"), "9.9.9.9 -> x/a allow");
    has_pods(&local("false"), &["x/a", "x/tool"]);
    check(&local("false"), "9.9.9.9 -> x/a deny");
    assert!(World::new(&local("true")).codes().contains(&"skipped"));
}

#[test]
fn w12_test_hooks_count_and_are_named() {
    let hook = |annotation: &str| {
        format!(
            "---
apiVersion: v1
kind: Pod
metadata: {{namespace: x, name: smoke, labels: {{pod: a}}, annotations: {{{annotation}}}}}
status: {{podIP: 10.0.1.9}}
"
        )
    };
    let test = World::new(&[
        grid(),
        hook("helm.sh/hook: test"),
        policy("x/p", "{podSelector: {matchLabels: {pod: a}}}"),
    ]);
    test.check(
        "x/b -> x/smoke deny
         x/smoke -> x/b allow",
    );
    assert!(test.codes().contains(&"lifecycle"));
    assert!(!World::new(&[hook("note: test")]).codes().contains(&"lifecycle"));
}

#[test]
fn w13_whatever_has_a_pod_template_makes_pods() {
    let rollout = object(
        "argoproj.io/v1alpha1",
        "Rollout",
        "x/web",
        "spec: {replicas: 2, selector: {matchLabels: {app: web}},
                strategy: {canary: {steps: [{setWeight: 20}]}},
                template: {metadata: {labels: {app: web}},
                           spec: {containers: [{name: web, ports: [{name: http, containerPort: 8080}]}]}}}",
    );
    let other = object("example.com/v1", "Gadget", "x/gadget", "spec: {size: 3, template: {color: red}}");
    let manifests = [rollout, other];
    has_pods(&manifests, &["x/web[0]", "x/web[1]"]);
    check_selection(
        &manifests,
        "x/web[0] app=web yes
         x/web[0] app=other no
         x/web[0] pod-template-hash=abc unknown
         x/web[0] rollouts-pod-template-hash=abc unknown
         x/web[0] argoproj.io/role unknown
         x/web[0] !batch.kubernetes.io/job-name unknown
         x/web[0] deployment=web-1 no
         x/web[0] deploymentconfig!=web yes
         x/web[0] apps.kruise.io/cloneset-instance-id=a no
         x/web[0] app.kubernetes.io/name no
         x/web[0] example.com/role no
         x/web[0] tier no",
    );
    // A controller that nobody knows may add keys of its own domain.
    let of = |api_version: &str, kind: &str, labels: &str| {
        let spec = format!(
            "spec: {{replicas: 1, template: {{metadata: {{labels: {labels}}}, spec: {{containers: [{{name: c}}]}}}}}}"
        );
        [object(api_version, kind, "x/web", &spec)]
    };
    check_selection(
        &of("apps.openshift.io/v1", "DeploymentConfig", "{app: web}"),
        "x/web[0] deploymentconfig=web unknown
         x/web[0] deployment unknown
         x/web[0] app=web yes
         x/web[0] rollouts-pod-template-hash no",
    );
    check_selection(
        &of("serving.knative.dev/v1", "Service", "{tier: a}"),
        "x/web[0] serving.knative.dev/service=web unknown
         x/web[0] app=web unknown
         x/web[0] tier=a yes",
    );
    check_selection(
        &of("apps.kruise.io/v1alpha1", "CloneSet", "{app: web}"),
        "x/web[0] apps.kruise.io/cloneset-instance-id unknown
         x/web[0] controller-revision-hash=a unknown
         x/web[0] app=other no
         x/web[0] deployment no",
    );
    check_selection(
        &of("shops.example.com/v1", "Gadget", "{example.com/role: a}"),
        "x/web[0] gadgets.example.com/name unknown
         x/web[0] example.com/role=b no
         x/web[0] example.org/name no",
    );
    check(
        &[manifests.concat(), policy("x/p", "{podSelector: {}, ingress: [{ports: [{port: http}]}]}")],
        "x/web[0] -> x/web[1]:8080 allow
         x/web[0] -> x/web[1]:80 deny",
    );
    assert!(World::new(&manifests).codes().contains(&"unknown-workload"));
}

#[test]
fn w14_without_namespace_an_object_is_in_default() {
    let pod = |name: &str| object("v1", "Pod", name, "");
    let policy = |namespace: &str| {
        object("networking.k8s.io/v1", "NetworkPolicy", &format!("{namespace}p"), "spec: {podSelector: {}}")
    };
    let manifests = [pod("a"), pod("x/a"), namespace("x", "{}")].concat();
    has_pods(slice::from_ref(&manifests), &["default/a", "x/a"]);
    check(
        &[manifests.clone(), policy("")],
        "9.9.9.9 -> default/a deny
         9.9.9.9 -> x/a allow",
    );
    check(
        &[manifests, policy("x/")],
        "9.9.9.9 -> default/a allow
         9.9.9.9 -> x/a deny",
    );
}

#[test]
fn w15_of_a_namespace_that_is_only_mentioned_the_name_is_known() {
    let from = |selector: &str| {
        policy(
            "x/p",
            &format!("{{podSelector: {{}}, ingress: [{{from: [{{namespaceSelector: {selector}}}]}}]}}"),
        )
    };
    let pods = [pod("x/a", "{}", ""), pod("w/a", "{}", ""), pod("z/a", "{}", "")].concat();
    let declared = namespace("z", "{team: red}");
    for selector in [
        "{matchLabels: {team: red}}",
        "{matchExpressions: [{key: team, operator: Exists}]}",
        "{matchExpressions: [{key: team, operator: NotIn, values: [blue]}]}",
    ] {
        check(
            &[pods.clone(), declared.clone(), from(selector)],
            "w/a -> x/a unknown
             z/a -> x/a allow
             9.9.9.9 -> x/a deny",
        );
    }
    for selector in [
        "{matchLabels: {team: blue}}",
        "{matchExpressions: [{key: team, operator: DoesNotExist}]}",
        "{matchExpressions: [{key: team, operator: NotIn, values: [red]}]}",
    ] {
        check(
            &[pods.clone(), declared.clone(), from(selector)],
            "w/a -> x/a unknown
             z/a -> x/a deny",
        );
    }
    check(
        &[pods.clone(), declared.clone(), from("{matchLabels: {kubernetes.io/metadata.name: w}}")],
        "w/a -> x/a allow
         z/a -> x/a deny",
    );
    check(&[pods, declared, from("{}")], "w/a -> x/a allow\n9.9.9.9 -> x/a deny");
}

#[test]
fn w16_the_name_label_of_a_namespace_cannot_be_set() {
    let labels = "{kubernetes.io/metadata.name: z, team: red}";
    let from = |name: &str| {
        let selector = format!("{{matchLabels: {{kubernetes.io/metadata.name: {name}}}}}");
        policy(
            "x/p",
            &format!("{{podSelector: {{}}, ingress: [{{from: [{{namespaceSelector: {selector}}}]}}]}}"),
        )
    };
    let pods = [pod("x/a", "{}", ""), pod("w/a", "{}", "")].concat();
    check(&[namespace("w", labels), pods.clone(), from("w")], "w/a -> x/a allow");
    check(&[namespace("w", labels), pods.clone(), from("z")], "w/a -> x/a deny");
    assert!(World::new(&[namespace("w", labels)]).codes().contains(&"overwritten"));
    assert!(!World::new(&[namespace("z", labels)]).codes().contains(&"overwritten"));
}

#[test]
fn w17_a_selector_must_match_its_template() {
    for kind in ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"] {
        let with = |selector: &str| {
            let spec = format!(
                "spec: {{selector: {selector}, template: {{metadata: {{labels: {{app: web}}}}, spec: {{containers: []}}}}}}"
            );
            World::new(&[object("apps/v1", kind, "x/web", &spec)])
        };
        with("{matchLabels: {app: api}}")
            .refused("spec.template.metadata.labels", "`selector` does not match template `labels`");
        with("{matchExpressions: [{key: app, operator: DoesNotExist}]}")
            .refused("spec.template.metadata.labels", "`selector` does not match template `labels`");
        let errors = with("{matchLabels: {app: web}}").errors();
        assert!(errors.is_empty(), "{kind}: {errors:?}");
    }
}

#[test]
fn the_selector_of_a_job_is_written_by_the_api_server() {
    let template = "template: {metadata: {labels: {app: web}}, spec: {containers: []}}";
    let job = |more: &str| {
        World::new(&[object("batch/v1", "Job", "x/j", &format!("spec: {{{more}, {template}}}"))])
    };
    job("selector: {matchLabels: {app: web}}").refused(
        "spec.selector",
        r#"Invalid value: {"matchLabels":{"app":"web"}}: `selector` not auto-generated"#,
    );
    job("manualSelector: false, selector: {matchExpressions: [{key: app, operator: In, values: [web, b]}]}").refused(
        "spec.selector",
        r#"Invalid value: {"matchExpressions":[{"key":"app","operator":"In","values":["web","b"]}]}: `selector` not"#,
    );
    job("manualSelector: true, selector: {matchLabels: {app: api}}")
        .refused("spec.template.metadata.labels", "`selector` does not match template `labels`");
    job("manualSelector: true").refused("spec.selector", "Required value");
    for accepted in [
        "selector: {}",
        "manualSelector: true, selector: {}",
        "manualSelector: true, selector: {matchLabels: {app: web}}",
    ] {
        let errors = job(accepted).errors();
        assert!(errors.is_empty(), "{accepted}: {errors:?}");
    }
    let named = |length: usize| {
        let spec = format!("spec: {{{template}}}");
        World::new(&[object("batch/v1", "Job", &format!("x/{}", "j".repeat(length)), &spec)])
    };
    named(64).refused("spec.template.metadata.labels", "must be no more than 63");
    assert!(named(63).errors().is_empty());
    let stored = "{apiVersion: batch/v1, kind: Job, metadata: {namespace: x, name: j, uid: u},\n\
                  spec: {selector: {matchLabels: {controller-uid: u}}, template: {metadata: {labels: {controller-uid: u}},\n\
                  spec: {containers: []}}}}";
    assert!(World::new(&[stored.to_owned()]).errors().is_empty());
    let cron_job = |more: &str| {
        World::new(&[object(
            "batch/v1",
            "CronJob",
            "x/c",
            &format!("spec: {{jobTemplate: {{spec: {{{more}, {template}}}}}}}"),
        )])
    };
    cron_job("selector: {}")
        .refused("spec.jobTemplate.spec.selector", "Invalid value: {}: `selector` will be auto-generated");
    cron_job("manualSelector: true")
        .refused("spec.jobTemplate.spec.manualSelector", "Unsupported value: true");
}

#[test]
fn w18_pods_of_a_dump_are_counted_once() {
    let deployment = workload("Deployment", "x/web", "{app: web}", "replicas: 2");
    let replica_set = |name: &str, replicas: u32| {
        format!(
            "---
apiVersion: apps/v1
kind: ReplicaSet
metadata:
  namespace: x
  name: {name}
  labels: {{app: web, pod-template-hash: {hash}}}
  ownerReferences: [{{apiVersion: apps/v1, kind: Deployment, name: web, uid: d1, controller: true}}]
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: web, pod-template-hash: {hash}}}}}
  template: {{metadata: {{labels: {{app: web, pod-template-hash: {hash}}}}}, spec: {{containers: []}}}}
",
            hash = name.trim_start_matches("web-")
        )
    };
    let pod = |name: &str, address: &str| {
        format!(
            "---
apiVersion: v1
kind: Pod
metadata:
  namespace: x
  name: web-5d4f8-{name}
  labels: {{app: web, pod-template-hash: 5d4f8}}
  ownerReferences: [{{apiVersion: apps/v1, kind: ReplicaSet, name: web-5d4f8, uid: r1, controller: true}}]
status: {{phase: Running, podIP: {address}}}
"
        )
    };
    let pods = [pod("aaaaa", "10.0.1.1"), pod("bbbbb", "10.0.1.2")].concat();
    let sets = [replica_set("web-5d4f8", 2), replica_set("web-old99", 0)].concat();
    let names = ["x/web-5d4f8-aaaaa", "x/web-5d4f8-bbbbb"];
    // In any order, and with any of the owners.
    has_pods(&[deployment.clone(), sets.clone(), pods.clone()], &names);
    has_pods(&[pods.clone(), sets.clone(), deployment.clone()], &names);
    has_pods(&[sets.clone(), pods.clone()], &names);
    check_selection(
        &[deployment, sets, pods],
        "x/web-5d4f8-aaaaa pod-template-hash=5d4f8 yes
         x/web-5d4f8-aaaaa pod-template-hash=old99 no",
    );
    // A workload of its own makes its own pods.
    has_pods(
        &[
            workload("Deployment", "x/web", "{app: web}", ""),
            workload("Deployment", "w/web", "{app: web}", ""),
        ],
        &["w/web[0]", "x/web[0]"],
    );
}

#[test]
fn w19_replicas_are_alike_but_several() {
    let manifests = [
        workload("Deployment", "x/web", "{app: web}", "replicas: 3"),
        policy(
            "x/p",
            "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 80}]}]}",
        ),
    ];
    check(
        &manifests,
        "x/web[0] -> x/web[1]:80 allow
         x/web[2] -> x/web[0]:80 allow
         x/web[0] -> x/web[1]:81 deny
         x/web[0] -> x/web[0]:81 allow",
    );
    assert_eq!(World::new(&manifests).build().cluster.pod_count(), 3);
    // Where labels tell them apart, they are told apart.
    let by_index = policy("x/p", "{podSelector: {matchLabels: {apps.kubernetes.io/pod-index: '1'}}}");
    check(
        &[workload("StatefulSet", "x/db", "{app: db}", "replicas: 3"), by_index],
        "x/db-0 -> x/db-1 deny
         x/db-1 -> x/db-0 allow
         x/db-0 -> x/db-2 allow",
    );
}

#[test]
fn w20_the_phase_decides_whether_a_pod_is_there() {
    let in_phase = |name: &str, phase: &str| {
        pod(&format!("x/{name}"), "{app: web}", &format!("status: {{phase: {phase}}}"))
    };
    let manifests = [
        in_phase("failed", "Failed"),
        in_phase("pending", "Pending"),
        in_phase("running", "Running"),
        in_phase("succeeded", "Succeeded"),
        in_phase("unknown", "Unknown"),
        pod("x/unsaid", "{app: web}", ""),
    ];
    has_pods(&manifests, &["x/pending", "x/running", "x/unknown", "x/unsaid"]);
    check_selection(
        &manifests,
        "x/pending app=web yes
         x/unknown app=web yes
         x/unknown app=api no",
    );
}

#[test]
fn w21_declared_ports_are_names_and_no_limit() {
    let server = pod(
        "x/server",
        "{}",
        "spec: {containers: [{name: a, ports: [{name: web, containerPort: 80}]}],
                initContainers: [{name: b, restartPolicy: Always, ports: [{name: side, containerPort: 90}]}]}",
    );
    let client = pod("w/client", "{}", "");
    check(&[server.clone(), client.clone()], "w/client -> x/server allow");
    check(
        &[
            server,
            client,
            policy("x/p", "{podSelector: {}, ingress: [{ports: [{port: web}, {port: side}, {port: 70}]}]}"),
        ],
        "w/client -> x/server:70 allow
         w/client -> x/server:80 allow
         w/client -> x/server:90 allow
         w/client -> x/server:1-69 deny
         w/client -> x/server:91-65535 deny",
    );
}

#[test]
fn w23_host_network_pods_have_the_address_of_their_node_and_host_ports_change_nothing() {
    let from = |block: &str| {
        policy(
            "x/p",
            &format!("{{podSelector: {{}}, ingress: [{{from: [{{ipBlock: {{cidr: {block}}}}}]}}]}}"),
        )
    };
    let server = pod("x/server", "{}", "status: {podIP: 10.0.1.1}");
    for (host, extra) in [
        (pod("w/host", "{}", "spec: {hostNetwork: true}, status: {hostIP: 192.168.0.7}"), String::new()),
        (pod("w/host", "{}", "spec: {hostNetwork: true, nodeName: n7}"), node("n7", "192.168.0.7")),
    ] {
        let manifests = |block: &str| [server.clone(), host.clone(), extra.clone(), from(block)];
        check(&manifests("192.168.0.7/32"), "w/host -> x/server allow");
        check(&manifests("192.168.0.8/32"), "w/host -> x/server deny");
    }
    let host_port = pod(
        "x/mapped",
        "{app: mapped}",
        "spec: {containers: [{ports: [{containerPort: 80, hostPort: 80}]}]}, status: {podIP: 10.0.1.7, hostIP: 192.168.0.7}",
    );
    check_selection(slice::from_ref(&host_port), "x/mapped app=mapped yes");
    check(&[server.clone(), host_port.clone(), from("192.168.0.7/32")], "x/mapped -> x/server deny");
    check(&[server, host_port, from("10.0.1.7/32")], "x/mapped -> x/server allow");
}

#[test]
fn w24_an_address_that_is_not_given_lies_in_the_pod_range() {
    let from = |blocks: &str| policy("x/p", &format!("{{podSelector: {{}}, ingress: [{{from: {blocks}}}]}}"));
    let pods =
        [pod("x/server", "{}", "status: {podIPs: [{ip: 10.0.1.1}]}"), pod("w/client", "{}", "")].concat();
    let world = |blocks: &str| World::new(&[pods.clone(), from(blocks)]);
    world("[{ipBlock: {cidr: 0.0.0.0/0}}]").check("w/client -> x/server allow");
    world("[{ipBlock: {cidr: 203.0.113.0/24}}]").check("w/client -> x/server deny");
    world("[{ipBlock: {cidr: '::/0'}}]").check("w/client -> x/server deny");
    world("[{ipBlock: {cidr: 10.0.0.0/8}}]").check("w/client -> x/server unknown");
    world("[{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/16]}}]").check("w/client -> x/server unknown");
    world("[{ipBlock: {cidr: 0.0.0.0/0, except: [203.0.113.0/24]}}]").check("w/client -> x/server allow");
    // The blocks of one rule are taken together.
    world("[{ipBlock: {cidr: 0.0.0.0/1}}, {ipBlock: {cidr: 128.0.0.0/1}}]")
        .check("w/client -> x/server allow");
    world("[{ipBlock: {cidr: 10.0.0.0/8}}]").pod_cidr("10.1.0.0/16").check("w/client -> x/server allow");
    world("[{ipBlock: {cidr: 10.0.0.0/16}}]").pod_cidr("10.1.0.0/16").check("w/client -> x/server deny");
    world("[{ipBlock: {cidr: 10.1.0.0/17}}]").pod_cidr("10.1.0.0/16").check("w/client -> x/server unknown");
    // A given address is known, from the list and from the single field.
    let known = pod("w/client", "{}", "status: {podIP: 10.9.9.9}");
    check(
        &[pods.replace("name: client", "name: other"), known, from("[{ipBlock: {cidr: 10.9.9.9/32}}]")],
        "w/client -> x/server allow
         w/other -> x/server unknown",
    );
    // Services: their own addresses, or none at all.
    let services = [
        service("x/plain", "{clusterIP: 10.96.0.1, clusterIPs: [10.96.0.1], ports: [{port: 80}]}"),
        service("x/headless", "{clusterIP: None, ports: [{port: 80}]}"),
    ];
    let cluster = World::new(&[pods, services.concat()]).build().cluster;
    let found: Vec<(&str, bool, usize)> = cluster
        .services
        .iter()
        .map(|((_, name), service)| (&**name, service.headless, service.cluster_ips.len()))
        .collect();
    assert_eq!(found, [("headless", true, 0), ("plain", false, 1)]);
}

#[test]
fn w25_a_label_with_an_unknown_value_is_there() {
    let web = workload("Deployment", "x/web", "{app: web}", "");
    check_present(slice::from_ref(&web), "x/web[0]", "pod-template-hash");
    let from = |expressions: &str| {
        policy(
            "x/p",
            &format!(
                "{{podSelector: {{}}, ingress: [{{from: [{{podSelector: {{matchExpressions: {expressions}}}}}]}}]}}"
            ),
        )
    };
    let server = pod("x/server", "{}", "");
    let hash = |operator: &str| format!("{{key: pod-template-hash, operator: {operator}}}");
    let verdict = |expressions: &str, verdict: &str| {
        check(&[web.clone(), server.clone(), from(expressions)], &format!("x/web[0] -> x/server {verdict}"));
    };
    verdict(&format!("[{}]", hash("Exists")), "allow");
    verdict(&format!("[{}]", hash("DoesNotExist")), "deny");
    verdict(&format!("[{}]", hash("In, values: [a]")), "unknown");
    verdict(&format!("[{}]", hash("NotIn, values: [a]")), "unknown");
    // What is certain decides in spite of what is not.
    verdict(&format!("[{}, {{key: app, operator: In, values: [api]}}]", hash("In, values: [a]")), "deny");
    verdict(&format!("[{}, {{key: app, operator: In, values: [web]}}]", hash("In, values: [a]")), "unknown");
}
