//! The output of `can` and `explain`: why nothing blocks a connection, near misses, fixes, Services, single policies.

use super::{Session, schema};

/// Objects in few words: `pod NS/NAME LABELS`, `ns NAME LABELS`, or a whole document.
fn objects(lines: &[&str]) -> String {
    let documents = lines.iter().map(|line| match *line.split(' ').collect::<Vec<_>>() {
        ["ns", name, ref labels @ ..] => {
            format!(
                "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {{{}}}}}\n",
                labels.join(" ")
            )
        }
        ["pod", path, ref labels @ ..] => {
            let (namespace, name) = path.split_once('/').unwrap();
            format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {namespace}, labels: {{{}}}}}\n\
                 spec: {{containers: [{{name: c, image: x}}]}}\n",
                labels.join(" ")
            )
        }
        _ => format!("{line}\n"),
    });
    documents.collect::<Vec<_>>().join("---\n")
}

/// A NetworkPolicy in few words.
fn policy(path: &str, spec: &str) -> String {
    let (namespace, name) = path.split_once('/').unwrap();
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: {namespace}}}\n\
         spec: {spec}"
    )
}

/// The output of a command about some objects, with spaces for all white space.
fn say(verb: &str, input: &[&str], question: &str) -> String {
    let session = Session::new(&[("in.yaml", &objects(input))]);
    let (_, stdout, stderr) = session.run(&format!("{verb} -f in.yaml {question}"));
    format!("{stdout}{stderr}").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn what_was_perhaps_meant_to_block_it_is_named() {
    let deployment = "apiVersion: apps/v1\nkind: Deployment\n\
        metadata: {name: api, namespace: shop, labels: {component: api}}\n\
        spec: {selector: {matchLabels: {app: api}}, template: {metadata: {labels: {app: api}}, spec: {containers: []}}}";
    for (spec, path, says) in [
        (
            "{podSelector: {matchLabels: {app: bd}}}",
            "shop/p",
            "`shop/db` if it had label `app: bd` (it has `app: db`)",
        ),
        (
            "{podSelector: {matchLabels: {app: db}}}",
            "default/p",
            "is a policy of namespace `default`, not of `shop`",
        ),
        (
            "{podSelector: {matchLabels: {app: db}}, policyTypes: [Egress], ingress: []}",
            "shop/p",
            "ingress of shop/db is open: no policy isolates it",
        ),
        (
            "{podSelector: {matchLabels: {app: db}}, policyTypes: [Egress], ingress: [{ports: [{port: 1}]}]}",
            "shop/p",
            "has ingress rules, which mean nothing without `Ingress` in `policyTypes`",
        ),
        (
            "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{namespaceSelector: {matchLabels: {env: prod}}}, \
             {podSelector: {matchLabels: {app: api}}}]}]}",
            "shop/p",
            "from[0] and from[1] are two elements, and each admits on its own",
        ),
    ] {
        let policy = policy(path, spec);
        let input = ["ns shop env: prod", "pod shop/web app: web", "pod shop/db app: db", &policy];
        let printed = say("explain", &input, "shop/web shop/db:5432");
        assert!(printed.starts_with("allow") && printed.contains(says), "{spec}: {printed}");
    }
    let by_workload = policy("shop/p", "{podSelector: {matchLabels: {component: api}}}");
    let printed =
        say("explain", &["pod shop/web app: web", deployment, &by_workload], "shop/web shop/api:80");
    assert!(printed.contains("which Deployment shop/api has, but its pods have not"), "{printed}");
    // A policy of another pod is meant for that one.
    let other = policy("shop/p", "{podSelector: {matchLabels: {app: web}}}");
    let printed =
        say("explain", &["pod shop/web app: web", "pod shop/db app: db", &other], "shop/web shop/db:80");
    assert!(!printed.contains("may have been meant"), "{printed}");
}

#[test]
fn near_misses_name_the_rule_that_was_meant() {
    let input = |from: &str| {
        let rule = policy("pay/rule", &format!("{{podSelector: {{}}, ingress: [{{from: [{from}]}}]}}"));
        let everybody = policy("pay/own", "{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}");
        [
            "ns pay team: pay",
            "ns edge team: edge",
            "pod pay/api app: api",
            "pod edge/gw name: gw",
            &rule,
            &everybody,
        ]
        .map(str::to_owned)
    };
    for (from, says) in [
        (
            "{podSelector: {matchLabels: {app: gw}}}",
            "asks for label `app: gw`, pod `edge/gw` has label `name: gw`",
        ),
        ("{podSelector: {matchLabels: {name: gw}}}", "a podSelector alone means namespace `pay`"),
        ("{namespaceSelector: {matchLabels: {name: gw}}}", "labels of pods belong in a podSelector"),
        (
            "{namespaceSelector: {}, podSelector: {matchLabels: {team: edge}}}",
            "labels of namespaces belong in a namespaceSelector",
        ),
        (
            "{namespaceSelector: {matchLabels: {team: egde}}}",
            "would match if namespace `edge` had label `team: egde`",
        ),
    ] {
        let input = input(from);
        let printed = say("explain", &input.each_ref().map(String::as_str), "edge/gw pay/api:80");
        assert!(printed.starts_with("deny") && printed.contains(says), "{from}: {printed}");
        assert!(!printed.contains("pay/own spec.ingress[0].from[0]"), "{from}: {printed}");
    }
    // Nobody renames a namespace.
    for key in ["name", "kubernetes.io/metadata.name"] {
        let input = input(&format!("{{namespaceSelector: {{matchLabels: {{{key}: kube-system}}}}}}"));
        let printed = say("explain", &input.each_ref().map(String::as_str), "edge/gw pay/api:80");
        assert!(!printed.contains("Near misses"), "{key}: {printed}");
    }
}

/// Tenants that an AdminNetworkPolicy lets talk to their own namespaces only, for those of an older release.
fn tenants() -> [String; 8] {
    let policy = "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy\nmetadata: {name: tenants}\n\
        spec: {priority: 5, subject: {namespaces: {}}, ingress: [\n\
        {action: Allow, from: [{namespaces: {sameLabels: [tenant]}}]},\n\
        {action: Deny, from: [{namespaces: {}}]}], egress: [\n\
        {action: Deny, to: [{pods: {namespaces: {notSameLabels: [tenant, env]}, podSelector: {matchLabels: {app: a}}}}]}]}";
    [
        "ns red tenant: red, env: prod",
        "ns blue tenant: blue, env: prod",
        "ns none env: prod",
        "pod red/a app: a",
        "pod blue/a app: a",
        "pod none/a app: a",
        "pod new/a app: a",
        policy,
    ]
    .map(str::to_owned)
}

#[test]
fn namespaces_that_are_compared_are_explained() {
    let input = tenants();
    let explain = |question: &str| say("explain", &input.each_ref().map(String::as_str), question);
    for (question, verdict, says) in [
        (
            "blue/a red/a:80",
            "deny",
            "namespaces with the subject's value of `tenant`: does not match the namespace of blue/a",
        ),
        (
            "none/a red/a:80",
            "deny",
            "compares label `tenant` of namespaces, which namespace `none` lacks: then nothing matches",
        ),
        ("red/a none/a:80", "deny", "which namespace `none`, the subject's own, lacks: then nothing matches"),
        (
            "new/a red/a:80",
            "unknown",
            "whether namespace `new` has a label `tenant`: the input does not declare it",
        ),
        ("red/a new/a:80", "unknown", "say `--assume ns/new tenant=VALUE`"),
        ("red/a blue/a:80", "deny", "Deny: matches blue/a on 80/TCP ingress"),
    ] {
        let printed = explain(question);
        assert!(printed.starts_with(verdict) && printed.contains(says), "{question}: {printed}");
    }
    // That the values differ is what the rule is about.
    assert!(!explain("blue/a red/a:80").contains("Near misses"));
    for (about, says) in [
        ("red/a", "from all pods of namespaces with the subject's value of `tenant` (1 pod, perhaps 1 more)"),
        (
            "red/a",
            "to pods `app=a` of namespaces with another value of `env` or `tenant` than the subject's (1 pod, perhaps 1 more)",
        ),
        ("none/a", "with the subject's value of `tenant` (no pod of the input)"),
        // Whom it means hangs on the subject.
        ("adminnetworkpolicy/tenants", "from all pods of namespaces with the subject's value of `tenant` +"),
    ] {
        let printed = explain(about);
        assert!(printed.contains(says), "{about}: {printed}");
    }
    let session = Session::new(&[("in.yaml", &objects(&input.each_ref().map(String::as_str)))]);
    for (about, schema) in [
        ("none/a red/a:80", "explanation.json"),
        ("ns/red", "endpoint-explanation.json"),
        ("adminnetworkpolicy/tenants", "policy-explanation.json"),
    ] {
        let (_, stdout, stderr) = session.run(&format!("explain -f in.yaml -o json {about}"));
        let object = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{about}: {stderr}"));
        schema::check(schema, &object);
    }
    // It is one policy, and in no tie with itself.
    let (_, stdout, _) = session.run("matrix -f in.yaml --summary");
    assert!(stdout.contains("1 policy") && !stdout.contains("priority"), "{stdout}");
}

/// The API server: a Service without a selector, one address behind it.
const API: [&str; 2] = [
    "apiVersion: v1\nkind: Service\nmetadata: {name: kubernetes, namespace: default}\n\
     spec: {clusterIP: 10.96.0.1, ports: [{name: https, port: 443, targetPort: 6443}]}",
    "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\n\
     metadata: {name: kubernetes-x, namespace: default, labels: {kubernetes.io/service-name: kubernetes}}\n\
     endpoints: [{addresses: [192.0.2.31]}]\nports: [{name: https, port: 6443, protocol: TCP}]",
];

#[test]
fn the_address_of_a_service_means_the_service() {
    let egress = |rule: &str| {
        policy("shop/out", &format!("{{podSelector: {{}}, policyTypes: [Egress], egress: [{rule}]}}"))
    };
    for (rule, verdict, says) in [
        (
            "{to: [{ipBlock: {cidr: 10.96.0.1/32}}], ports: [{port: 443}]}",
            "deny",
            "10.96.0.1 is an address of Service `default/kubernetes`; policies see what stands behind it",
        ),
        (
            "{to: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 443}]}",
            "deny",
            "443 is the port of Service `default/kubernetes`; policies see the target port",
        ),
        ("{to: [{ipBlock: {cidr: 192.0.2.31/32}}], ports: [{port: 6443}]}", "allow", "(I13)"),
    ] {
        let rule_text = egress(rule);
        let input = ["pod shop/web app: web", API[0], API[1], &rule_text];
        for question in ["shop/web 10.96.0.1:443", "shop/web svc/default/kubernetes:443"] {
            let printed = say("explain", &input, question);
            let is_note = says == "(I13)" && question.contains("svc");
            assert!(printed.starts_with(verdict) && (is_note || printed.contains(says)), "{rule}: {printed}");
        }
    }
}

#[test]
fn a_block_leaves_the_addresses_of_services_out() {
    let out = policy(
        "shop/out",
        "{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.96.0.0/12}}]}]}",
    );
    let input = ["pod shop/web app: web", API[0], API[1], &out];
    for (to, verdict, note) in [
        ("10.96.0.1/32:443", "deny", Some("`10.96.0.1` is an address of Service default/kubernetes")),
        (
            "10.96.0.0/24:443",
            "allow",
            Some("`10.96.0.0/24` holds addresses of Service default/kubernetes, which are left out"),
        ),
        ("10.96.1.0/24:443", "allow", None),
    ] {
        let printed = say("can", &input, &format!("shop/web {to}"));
        assert!(printed.starts_with(verdict), "{to}: {printed}");
        assert_eq!(printed.contains("(I13)"), note.is_some(), "{to}: {printed}");
        assert!(note.is_none_or(|note| printed.contains(note)), "{to}: {printed}");
    }
}

#[test]
fn an_address_of_a_service_is_no_service_where_connections_come_from() {
    // The load balancer runs on a node, and has its address, as in K3s.
    let node = "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n\
        status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}";
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: lb, namespace: s}\n\
        spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 443, targetPort: 8080}]}\n\
        status: {loadBalancer: {ingress: [{ip: 192.168.0.1}]}}";
    let admits = policy(
        "s/web",
        "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 192.168.0.0/24, except: [192.168.0.1/32]}}]}]}",
    );
    let input = ["pod s/web app: web", node, service, &admits];
    for (from, verdict) in [("192.168.0.1", "deny"), ("192.168.0.0/24", "partly"), ("192.168.0.2", "allow")] {
        let printed = say("can", &input, &format!("{from} s/web:8080"));
        assert!(printed.starts_with(verdict) && !printed.contains("(I13)"), "{from}: {printed}");
    }
    // As a destination it is the Service on the Service's ports, and the node on others.
    for to in ["192.168.0.1:443", "192.168.0.1"] {
        let printed = say("can", &input, &format!("s/web {to}"));
        assert!(printed.contains("is an address of Service s/lb"), "{to}: {printed}");
    }
    let printed = say("can", &input, "s/web 192.168.0.1:22");
    assert!(printed.starts_with("allow") && !printed.contains("Service"), "{printed}");
}

#[test]
fn a_port_that_only_the_service_has_is_said_to_be_that() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: db, namespace: shop}\n\
        spec: {selector: {app: db}, ports: [{port: 80, targetPort: 8080}]}";
    let input = ["pod shop/web app: web", "pod shop/db app: db", service];
    let printed = say("can", &input, "shop/web shop/db:80");
    assert!(printed.contains("80/TCP is the port of Service shop/db, which leads to 8080/TCP"), "{printed}");
    let printed = say("can", &input, "shop/web shop/db:8080");
    assert!(!printed.contains("Service"), "{printed}");
}

#[test]
fn clients_that_a_service_hides_are_never_simply_allowed() {
    let service = |policy: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: gw, namespace: edge}}\n\
             spec: {{type: LoadBalancer, {policy}selector: {{app: gw}}, ports: [{{port: 443}}]}}\n\
             status: {{loadBalancer: {{ingress: [{{ip: 198.51.100.20}}]}}}}"
        )
    };
    let node = "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n\
        status: {addresses: [{type: InternalIP, address: 192.0.2.1}]}";
    let office =
        policy("edge/office", "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/24}}]}]}");
    for (traffic_policy, hides) in
        [("", true), ("externalTrafficPolicy: Cluster, ", true), ("externalTrafficPolicy: Local, ", false)]
    {
        let service = service(traffic_policy);
        let input = ["pod edge/gw app: gw", node, &service, &office];
        for to in ["svc/edge/gw:443", "198.51.100.20:443"] {
            let printed = say("can", &input, &format!("203.0.113.9 {to}"));
            assert!(printed.starts_with("allow"), "{printed}");
            let note = "has the address of a node where policies see it, not the client's (I12)";
            assert_eq!(printed.contains(note), hides, "{printed}");
            assert_eq!(
                printed.contains("the verdict from the nodes of the input is deny"),
                hides,
                "{printed}"
            );
        }
        let inside = say(
            "can",
            &["pod edge/web app: web", "pod edge/gw app: gw", &service],
            "edge/web svc/edge/gw:443",
        );
        assert!(!inside.contains("I12"), "{inside}");
    }
}

#[test]
fn a_policy_is_an_answer_of_its_own() {
    let db = policy(
        "shop/db",
        "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: api}}}], ports: [{port: 5432}, {port: pg}]}]}",
    );
    let input = objects(&["pod shop/web app: web", "pod shop/api app: api", "pod shop/db app: db", &db]);
    let session = Session::new(&[("in.yaml", &input)]);
    let (status, stdout, _) = session.run("explain -f in.yaml netpol/shop/db");
    for says in [
        "NetworkPolicy shop/db (in.yaml:17)",
        "selects 1 pod\n  shop/db",
        "ingress isolates, and lets through\n  + spec.ingress[0] (in.yaml:19): 5432/TCP, pg/TCP from pods `app=api` of namespace `shop` (1 pod)",
        "egress is left to other policies",
        "without it\n  2 pairs of pods newly allowed",
        "shop/web -> shop/db: all ports newly allowed",
    ] {
        assert!(status == 0 && stdout.contains(says), "{says}: {stdout}");
    }
    assert!(!stdout.contains("shop/db -> shop/db"), "{stdout}");
    let (status, stdout, _) = session.run("explain -f in.yaml -n shop networkpolicy/db -o json");
    assert_eq!(status, 0);
    let object: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    schema::check("policy-explanation.json", &object);
    assert_eq!(object["pods"], serde_json::json!(["shop/db"]));
    assert_eq!(object["without"]["newlyAllowed"], 2);
    let (status, _, stderr) = session.run("explain -f in.yaml netpol/shop/dp");
    assert!(
        status == 2 && stderr.contains("no NetworkPolicy `shop/dp`") && stderr.contains("`shop/db`"),
        "{stderr}"
    );
}

#[test]
fn a_policy_goes_by_every_name_of_its_kind() {
    let input = tenants();
    let baseline = "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: BaselineAdminNetworkPolicy\n\
        metadata: {name: default}\nspec: {subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}";
    let cluster = "apiVersion: policy.networking.k8s.io/v1beta1\nkind: ClusterNetworkPolicy\nmetadata: {name: c}\n\
        spec: {tier: Admin, priority: 1, subject: {namespaces: {}}}";
    let shop = policy("red/p", "{podSelector: {}}");
    let more = [baseline.to_owned(), cluster.to_owned(), shop, "pod anp/tenants app: a".to_owned()];
    let input: Vec<&str> = input.iter().chain(&more).map(String::as_str).collect();
    let explain = |question: &str| say("explain", &input, question);
    for (name, begins) in [
        ("adminnetworkpolicies/tenants", "AdminNetworkPolicy tenants"),
        ("anp.policy.networking.k8s.io/tenants", "AdminNetworkPolicy tenants"),
        ("banp/default", "BaselineAdminNetworkPolicy default"),
        ("cnp/c", "ClusterNetworkPolicy c"),
        ("ClusterNetworkPolicies.v1beta1.policy.networking.k8s.io/c", "ClusterNetworkPolicy c"),
        ("networkpolicies.networking.k8s.io/red/p", "NetworkPolicy red/p"),
        // A name that exists wins over a kind, and where both do it is an error that shows both.
        ("anp/tenants", "error: `anp/tenants`"),
        ("cnp/red/c", "error: no ClusterNetworkPolicy `red/c`"),
        ("networkpolicy.crd.antrea.io/red/p", "error: "),
    ] {
        let printed = explain(name);
        assert!(printed.starts_with(begins), "{name}: {printed}");
    }
    let both = explain("anp/tenants");
    assert!(
        both.contains("anp/tenants") && both.contains("adminnetworkpolicy.policy.networking.k8s.io/tenants"),
        "{both}"
    );
    let whole = explain("adminnetworkpolicy/tenants");
    assert!(!whole.contains("netpol/tenants"), "{whole}");
}

/// The policies of the fix that `explain` gives, and what it says of them.
fn fix(input: &[&str], question: &str) -> (String, serde_json::Value) {
    let session = Session::new(&[("in.yaml", &objects(input))]);
    let (_, stdout, _) = session.run(&format!("explain -f in.yaml {question} -o json"));
    let object: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    schema::check("explanation.json", &object);
    let fix = object["fix"].as_str().unwrap_or_default().to_owned();
    if !fix.is_empty() {
        let fixed = objects(&[input, &[fix.as_str()][..]].concat());
        let session = Session::new(&[("in.yaml", &fixed)]);
        let status = session.run(&format!("can -f in.yaml {question}")).0;
        assert_eq!(status == 0, object["fixEffect"]["verdict"] == "allow", "{fixed}");
    }
    (fix, object)
}

#[test]
fn a_fix_stays_small_and_closes_nothing() {
    // Nothing isolates the labelled pods: a podSelector for all would cut them off.
    let bare = policy("shop/bare", "{podSelector: {matchExpressions: [{key: app, operator: DoesNotExist}]}}");
    let input = ["pod shop/plain", "pod shop/web app: web", "pod shop/db app: db", &bare];
    let (found, object) = fix(&input, "shop/web shop/plain:80");
    assert!(found.contains("operator: DoesNotExist") && found.contains("key: app"), "{found}");
    assert_eq!((&object["fixEffect"]["others"], &object["fixEffect"]["outside"]), (&0.into(), &0.into()));
    // What labels do not tell apart opens, too, and is counted.
    let all = policy("shop/all", "{podSelector: {}}");
    let input = ["pod shop/a app: x", "pod shop/b app: x", "pod shop/web app: web", &all];
    let (_, object) = fix(&input, "shop/web shop/a:80");
    assert_eq!(object["fixEffect"]["others"], 1);
    assert!(object["fixEffect"]["notes"][0].as_str().unwrap().contains("such as shop/web -> shop/b"));
    // One policy for two workloads of the question.
    let (found, object) = fix(
        &["pod shop/a app: a", "pod shop/b app: b", "pod edge/web app: web", &all],
        "edge/web ns/shop:80",
    );
    assert!(!found.contains("---") && found.contains("podSelector: {}"), "{found}");
    assert_eq!(object["fixEffect"]["others"], 0);
    let (_, object) = fix(&["pod shop/a app: a", "pod shop/web app: web", &all], "shop/web shop/a");
    assert_eq!(object["fix"], serde_json::Value::Null);
}

#[test]
fn a_fix_is_for_all_that_was_asked_or_says_what_remains() {
    let host = |name: &str, address: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: sys, labels: {{app: agent}}}}\n\
             spec: {{hostNetwork: true, containers: []}}\nstatus: {{{address}}}"
        )
    };
    let (one, two, three) =
        (host("one", "podIP: 192.0.2.1"), host("two", "podIP: 192.0.2.2"), host("three", ""));
    let out = policy("shop/out", "{podSelector: {}, policyTypes: [Egress]}");
    let (found, _) = fix(&["pod shop/web app: web", &one, &two, &out], "shop/web ns/sys:61678");
    assert!(found.contains("192.0.2.1/32") && found.contains("192.0.2.2/32"), "{found}");
    let (found, object) = fix(&["pod shop/web app: web", &one, &three, &out], "shop/web ns/sys:61678");
    assert!(found.contains("192.0.2.1/32"), "{found}");
    assert_eq!(object["fixEffect"]["remaining"], 1);
    let notes = object["fixEffect"]["notes"][0].as_str().unwrap();
    assert!(notes.starts_with("still denied: shop/web -> sys/three: it takes an ipBlock"), "{notes}");
    let (found, _) =
        fix(&["pod shop/web app: web", API[0], API[1], &out], "shop/web svc/default/kubernetes:443");
    assert!(found.contains("192.0.2.31/32") && found.contains("port: 6443"), "{found}");
}

#[test]
fn what_is_said_of_cluster_wide_policies_is_in_the_schemas() {
    let session = Session::new(&[]);
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    for (scenario, questions, policy, endpoint) in [
        ("cluster-tiers", &["shop/web shop/db:5432", "blog/blog shop/db:5432"][..], None, "shop/db"),
        (
            "priority-tie",
            &["backup/runner data/postgres:5432"],
            Some("clusternetworkpolicy/allow-backup"),
            "data/postgres",
        ),
        (
            "deny-with-exception",
            &["apps/reports 10.20.30.10:5432", "apps/billing vault/vault:8200"],
            None,
            "apps/reports",
        ),
        (
            "baseline-deny",
            &["catalog/api catalog/db:5432"],
            Some("baselineadminnetworkpolicy/default"),
            "catalog/api",
        ),
    ] {
        let input = format!("explain -f {root}/{scenario}/manifests -o json");
        let ask = |about: &str, schema: &str| {
            let (_, stdout, stderr) = session.run(&format!("{input} {about}"));
            let object = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{about}: {stderr}"));
            schema::check(schema, &object);
        };
        for question in questions {
            ask(question, "explanation.json");
        }
        ask(endpoint, "endpoint-explanation.json");
        if let Some(policy) = policy {
            ask(policy, "policy-explanation.json");
        }
        for (command, schema) in
            [("matrix", "reachability-matrix.json"), (&*format!("reach --from {endpoint}"), "reach.json")]
        {
            let (_, stdout, stderr) =
                session.run(&format!("{command} -f {root}/{scenario}/manifests -o json"));
            let object = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{command}: {stderr}"));
            schema::check(schema, &object);
        }
    }
}

/// A cluster-wide policy in few words; a BaselineAdminNetworkPolicy is called `default` and has no priority.
fn cluster_wide(kind: &str, name: &str, spec: &str) -> String {
    let version = if kind == "ClusterNetworkPolicy" { "v1beta1" } else { "v1alpha1" };
    format!(
        "apiVersion: policy.networking.k8s.io/{version}\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}"
    )
}

const EVERYBODY: &str = "subject: {namespaces: {}}";

/// A small shop.
const SHOP: [&str; 3] = ["ns shop team: shop", "pod shop/web app: web", "pod shop/db app: db"];

/// The output of `explain` about the shop and more, with spaces for all white space.
fn shop(more: &[&str], question: &str) -> String {
    say("explain", &[&SHOP[..], more].concat(), question)
}

/// The object of `explain -o json` about the shop and more, which is as its schema says.
fn shop_object(more: &[&str], about: &str, schema: &str) -> serde_json::Value {
    let session = Session::new(&[("in.yaml", &objects(&[&SHOP[..], more].concat()))]);
    let (_, stdout, stderr) = session.run(&format!("explain -f in.yaml {about} -o json"));
    let object = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{about}: {stderr}"));
    schema::check(schema, &object);
    object
}

#[test]
fn actions_are_called_as_their_kind_calls_them() {
    let rule = "ingress: [{action: ACTION, from: [{namespaces: {}}]}]";
    for (kind, place, action, verb) in [
        ("ClusterNetworkPolicy", "tier: Admin, priority: 1, ", "Accept", "accepted"),
        ("AdminNetworkPolicy", "priority: 1, ", "Allow", "allowed"),
        ("BaselineAdminNetworkPolicy", "", "Allow", "allowed"),
    ] {
        let spec = format!("{{{place}{EVERYBODY}, {}}}", rule.replace("ACTION", action));
        let policy = cluster_wide(kind, "default", &spec);
        let printed = shop(&[&policy], "shop/web shop/db:80");
        for says in
            [format!("tier: {verb} by {kind} default spec.ingress[0]"), format!("): {action}: matches")]
        {
            assert!(printed.contains(&says), "{says}: {printed}");
        }
        for about in ["shop/db".to_owned(), format!("{kind}/default")] {
            let printed = shop(&[&policy], &about);
            assert!(printed.contains(&format!("): {action} all ports from all pods")), "{printed}");
        }
        // Machines read one word.
        let object = shop_object(&[&policy], "shop/web shop/db:80", "explanation.json");
        assert_eq!(object["ingress"]["policies"][0]["rules"][0]["action"], "Accept");
    }
}

#[test]
fn the_tiers_are_walked_from_top_to_bottom() {
    let admin = cluster_wide(
        "ClusterNetworkPolicy",
        "first",
        &format!(
            "{{tier: Admin, priority: 7, {EVERYBODY}, ingress: [\
            {{action: Pass, from: [{{namespaces: {{}}}}], protocols: [{{tcp: {{destinationPort: {{number: 80}}}}}}]}},\
            {{action: Deny, from: [{{namespaces: {{}}}}], protocols: [{{tcp: {{destinationPort: {{number: 81}}}}}}]}}]}}"
        ),
    );
    let baseline = cluster_wide(
        "BaselineAdminNetworkPolicy",
        "default",
        "{subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}], \
         ports: [{portNumber: {protocol: TCP, port: 80}}]}]}",
    );
    let egress = policy("shop/out", "{podSelector: {}, policyTypes: [Egress], egress: [{}]}");
    // Who isolates one direction leaves the other one to the Baseline tier, and that is said.
    let printed = shop(&[&admin, &baseline, &egress], "shop/web shop/db:80");
    for says in [
        "ingress of shop/db is denied by BaselineAdminNetworkPolicy default spec.ingress[0] \
         Admin tier: passed on by ClusterNetworkPolicy first spec.ingress[0] \
         ClusterNetworkPolicy first, priority 7 (in.yaml",
        "NetworkPolicy tier: no policy isolates ingress; NetworkPolicy shop/out isolates egress only \
         Baseline tier: denied by BaselineAdminNetworkPolicy default spec.ingress[0] \
         BaselineAdminNetworkPolicy default (in.yaml",
    ] {
        assert!(printed.contains(says), "{says}: {printed}");
    }
    // Of one pod, too, it is said which policies are not asked.
    let idle = "BaselineAdminNetworkPolicy default, Baseline tier (in.yaml:22) not reached, since a NetworkPolicy isolates it";
    let closed = policy("shop/closed", "{podSelector: {}, ingress: []}");
    for (more, is_idle) in [(&closed, true), (&egress, false)] {
        let printed = shop(&[&admin, &baseline, more], "shop/db");
        let idle = &idle[idle.find(") not").unwrap()..];
        assert_eq!(printed.contains(idle), is_idle, "{printed}");
        let says = "ingress: open but for what cluster-wide policies deny ClusterNetworkPolicy first, Admin tier, priority 7";
        assert_eq!(printed.contains(says), !is_idle, "{printed}");
    }
    // Nobody decides.
    let printed = shop(&[&admin, &baseline], "shop/web shop/db:82");
    for says in [
        "ingress of shop/db is allowed by default: no policy decides Admin tier: no rule matches",
        "NetworkPolicy tier: no policy isolates it Baseline tier: no rule matches",
        "only for 80/TCP allowed by default: no policy decides",
    ] {
        assert!(printed.contains(says), "{says}: {printed}");
    }
    // What an earlier tier decides is not reached.
    let ingress = policy("shop/in", "{podSelector: {}, ingress: [{ports: [{port: 80}, {port: 81}]}]}");
    let printed = shop(&[&admin, &baseline, &ingress], "shop/web shop/db:80-82");
    for says in [
        "Admin tier: denied by ClusterNetworkPolicy first spec.ingress[1] (81/TCP); \
         passed on by ClusterNetworkPolicy first spec.ingress[0] (80/TCP)",
        "NetworkPolicy tier for 80/TCP, 82/TCP: accepted by NetworkPolicy shop/in spec.ingress[0] (80/TCP); \
         denied, since no rule admits it (82/TCP)",
        "Baseline tier: not reached",
        "Deny: matches shop/web, but of the ports asked for only 80/TCP, but is not reached",
    ] {
        assert!(printed.contains(says), "{says}: {printed}");
    }
}

#[test]
fn a_tie_is_named_once_with_its_priority_and_only_where_it_decides() {
    let tied = |name: &str, priority: u32, action: &str| {
        let spec = format!(
            "{{tier: Admin, priority: {priority}, {EVERYBODY}, ingress: [{{action: {action}, from: [{{namespaces: {{}}}}], \
             protocols: [{{tcp: {{destinationPort: {{number: 80}}}}}}]}}]}}"
        );
        cluster_wide("ClusterNetworkPolicy", name, &spec)
    };
    let (a, b) = (tied("a", 50, "Accept"), tied("b", 50, "Deny"));
    let ingress = policy("shop/in", "{podSelector: {}, ingress: [{}]}");
    let printed = shop(&[&a, &b, &ingress], "shop/web shop/db:80");
    for says in [
        "unknown: ",
        "Admin tier: priority tie (50): ClusterNetworkPolicy a spec.ingress[0] accepts, \
         ClusterNetworkPolicy b spec.ingress[0] denies",
        "NetworkPolicy tier: not reached",
        "which of ClusterNetworkPolicy a and ClusterNetworkPolicy b counts",
    ] {
        assert!(printed.contains(says), "{says}: {printed}");
    }
    // A tie that may pass goes on.
    let passing = tied("b", 50, "Pass");
    let printed = shop(&[&a, &passing, &ingress], "shop/web shop/db:80");
    assert!(printed.starts_with("allow") && printed.contains("b spec.ingress[0] passes"), "{printed}");
    assert!(printed.contains("NetworkPolicy tier: accepted by NetworkPolicy shop/in"), "{printed}");
    // An earlier rule settles it; other ports are unknown for a reason of their own.
    let first = tied("first", 1, "Deny");
    let doubtful = policy(
        "shop/maybe",
        "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {k: v}}}]}]}",
    );
    let other = "pod other/web app: web";
    let printed = shop(&[&first, &a, &b], "shop/web shop/db:80");
    assert!(printed.starts_with("deny") && !printed.contains("priority tie"), "{printed}");
    for (policies, is_there) in [(vec![&a, &b], true), (vec![&first, &a, &b], false)] {
        let policies = policies.into_iter().map(|policy| &**policy);
        let input: Vec<&str> = [other, &doubtful].into_iter().chain(policies).collect();
        let printed = shop(&input, "other/web shop/db");
        assert_eq!(printed.contains("which of ClusterNetworkPolicy a"), is_there, "{printed}");
        // The matrix names it once, as other reasons.
        let printed = say("matrix", &[&SHOP[..], &input].concat(), "");
        let named = printed
            .matches("priority tie: which of ClusterNetworkPolicy a and ClusterNetworkPolicy b counts");
        assert_eq!(named.count(), usize::from(is_there), "{printed}");
    }
    // Equal rules do not tie.
    let again = tied("b", 50, "Accept");
    for (verb, question) in [("explain", "shop/web shop/db:80"), ("matrix", "")] {
        let printed = say(verb, &[&SHOP[..], &[&a, &again]].concat(), question);
        assert!(!printed.contains("priority tie"), "{printed}");
    }
}

#[test]
fn a_tie_about_addresses_is_named_in_the_matrix() {
    let tied = |name: &str, action: &str, network: &str| {
        let spec = format!(
            "{{tier: Admin, priority: 5, {EVERYBODY}, egress: [{{action: {action}, to: [{{networks: [{network}]}}]}}]}}"
        );
        cluster_wide("ClusterNetworkPolicy", name, &spec)
    };
    for (networks, is_tied) in
        [(["203.0.113.0/24", "203.0.113.128/25"], true), (["203.0.113.0/25", "203.0.113.128/25"], false)]
    {
        let (a, b) = (tied("a", "Accept", networks[0]), tied("b", "Deny", networks[1]));
        let printed = say("matrix", &[&SHOP[..], &[&a, &b]].concat(), "");
        let says = "as for shop/db -> 203.0.113.128: they have the same tier and priority";
        assert_eq!(printed.contains(says), is_tied, "{printed}");
        assert_eq!(printed.contains("priority tie"), is_tied, "{printed}");
    }
}

#[test]
fn machines_read_the_tier_and_the_priority() {
    let rules = "ingress: [{action: Deny, from: [{namespaces: {}}]}]";
    let admin = cluster_wide(
        "ClusterNetworkPolicy",
        "a",
        &format!("{{tier: Admin, priority: 0, {EVERYBODY}, {rules}}}"),
    );
    let older = cluster_wide("AdminNetworkPolicy", "b", &format!("{{priority: 9, {EVERYBODY}, {rules}}}"));
    let baseline =
        cluster_wide("BaselineAdminNetworkPolicy", "default", &format!("{{{EVERYBODY}, {rules}}}"));
    let network = policy("shop/in", "{podSelector: {}, ingress: []}");
    let all = [&*admin, &older, &baseline, &network];
    let of = |policies: &serde_json::Value| -> Vec<(String, serde_json::Value, serde_json::Value)> {
        let policies = policies.as_array().unwrap().iter();
        policies
            .map(|p| (p["policy"].as_str().unwrap().to_owned(), p["tier"].clone(), p["priority"].clone()))
            .collect()
    };
    let null = serde_json::Value::Null;
    let expected = [
        ("a".to_owned(), "Admin".into(), 0.into()),
        ("b".to_owned(), "Admin".into(), 9.into()),
        ("shop/in".to_owned(), null.clone(), null.clone()),
        ("default".to_owned(), "Baseline".into(), null.clone()),
    ];
    let object = shop_object(&all, "shop/web shop/db:80", "explanation.json");
    assert_eq!(of(&object["ingress"]["policies"]), expected);
    let object = shop_object(&all, "shop/db", "endpoint-explanation.json");
    assert_eq!(of(&object["subjects"][0]["ingress"]["policies"]), expected);
    for (about, tier, priority) in [
        ("adminnetworkpolicy/b", "Admin".into(), 9.into()),
        ("baselineadminnetworkpolicy/default", "Baseline".into(), null.clone()),
        ("netpol/shop/in", null.clone(), null.clone()),
    ] {
        let object = shop_object(&all, about, "policy-explanation.json");
        assert_eq!((&object["tier"], &object["priority"]), (&tier, &priority), "{about}");
    }
}

#[test]
fn families_that_rules_treat_differently_are_told_apart() {
    let pod = |name: &str, last: u32| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop, labels: {{app: {name}}}}}\n\
             spec: {{containers: []}}\nstatus: {{podIP: 10.0.0.{last}, podIPs: [{{ip: 10.0.0.{last}}}, {{ip: \"fd00::{last}\"}}]}}"
        )
    };
    let (web, db) = (pod("front", 1), pod("back", 2));
    let deny = cluster_wide(
        "ClusterNetworkPolicy",
        "v4",
        &format!(
            "{{tier: Admin, priority: 3, {EVERYBODY}, egress: [{{action: Deny, to: [{{networks: [10.0.0.0/8]}}]}}]}}"
        ),
    );
    let input = [&*web, &db, &deny];
    let printed = shop(&input, "shop/front shop/back:80");
    for says in [
        "allow: shop/front -> shop/back on 80/TCP (cni spec) denied over IPv4, allowed over IPv6",
        "IPv4: egress of shop/front is denied by ClusterNetworkPolicy v4 spec.egress[0]",
        "IPv6: egress of shop/front is allowed by default: no policy decides",
        "addresses in 10.0.0.0/8: the connection is of the other IP family",
    ] {
        assert!(printed.contains(says), "{says}: {printed}");
    }
    let printed = say("can", &[&SHOP[..], &input].concat(), "shop/front shop/back:80");
    assert!(printed.contains("denied over IPv4, allowed over IPv6; IPv6: egress of shop/front"), "{printed}");
    let object = shop_object(&input, "shop/front shop/back:80", "explanation.json");
    let families = object["families"].as_array().unwrap().iter();
    let families: Vec<_> =
        families.map(|of| (&of["family"], &of["verdict"], &of["egress"]["verdict"])).collect();
    assert_eq!(
        families,
        [
            (&"IPv4".into(), &"deny".into(), &"deny".into()),
            (&"IPv6".into(), &"allow".into(), &"allow".into())
        ]
    );
    // Where both are denied, by different policies, a fix is for the one that no Admin policy denies.
    let closed = policy("shop/closed", "{podSelector: {}, policyTypes: [Egress]}");
    let input = [&*web, &db, &deny, &closed];
    let printed = shop(&input, "shop/front shop/back:80");
    for says in [
        "denied over IPv4, denied over IPv6",
        "IPv4: egress of shop/front is denied by ClusterNetworkPolicy v4 spec.egress[0]",
        "IPv6: egress of shop/front is denied: isolated by NetworkPolicy shop/closed, and no rule admits it",
    ] {
        assert!(printed.contains(says), "{says}: {printed}");
    }
    let (found, object) = fix(&input, "shop/front shop/back:80");
    assert!(found.contains("app: back") && object["fixEffect"]["verdict"] == "allow", "{object}");
    // A rule for pods treats them alike.
    let both = deny.replace("networks: [10.0.0.0/8]", "namespaces: {}");
    let printed = shop(&[&web, &db, &both], "shop/front shop/back:80");
    assert!(printed.starts_with("deny") && !printed.contains("IPv4"), "{printed}");
    assert_eq!(
        shop_object(&[&web, &db, &both], "shop/front shop/back:80", "explanation.json")["families"],
        serde_json::Value::Null
    );
}

#[test]
fn what_the_baseline_tier_denies_is_fixed_by_a_policy_that_isolates() {
    let dns = "pod kube-system/dns app: dns";
    let baseline = |denied: &str| {
        let spec = format!(
            "{{{EVERYBODY}, egress: [{{action: Allow, to: [{{pods: {{namespaceSelector: {{matchLabels: \
             {{kubernetes.io/metadata.name: kube-system}}}}, podSelector: {{matchLabels: {{app: dns}}}}}}}}], \
             ports: [{{portNumber: {{protocol: UDP, port: 53}}}}]}}, {{action: Deny, to: [{denied}]}}]}}"
        );
        cluster_wide("BaselineAdminNetworkPolicy", "default", &spec)
    };
    let question = "shop/web shop/db:80";
    // It keeps what the Baseline tier accepts, and nothing is lost.
    let all = baseline("{namespaces: {}}, {networks: [0.0.0.0/0]}");
    let (found, object) = fix(&[&SHOP[..], &[dns, &all]].concat(), question);
    assert!(
        found.contains("app: dns") && found.contains("port: 53") && found.contains("port: 80"),
        "{found}"
    );
    assert_eq!(
        (&object["fixEffect"]["closes"], &object["fixEffect"]["closesOutside"]),
        (&0.into(), &0.into())
    );
    let notes = object["fixEffect"]["notes"].to_string();
    assert!(notes.contains("it also admits what rules of the Baseline tier accept"), "{notes}");
    // What it cannot keep is counted: here that nobody denies addresses outside, and other pods.
    for (denied, closes, says) in [
        ("{namespaces: {}}", 0, "of 1 pod with addresses outside, such as shop/web -> 203.0.113.1"),
        (
            "{pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: db}}}}",
            1,
            "of 1 pair of pods and of 1 pod",
        ),
    ] {
        let some = baseline(denied);
        let (_, object) = fix(&[&SHOP[..], &[dns, &some]].concat(), question);
        assert_eq!(object["fixEffect"]["verdict"], "allow");
        assert_eq!(
            (&object["fixEffect"]["closes"], &object["fixEffect"]["closesOutside"]),
            (&closes.into(), &1.into())
        );
        let printed = shop(&[dns, &some], question);
        assert!(printed.contains("Fix: this would allow it, and deny something else"), "{printed}");
        assert!(
            printed
                .contains("it isolates the pods it selects, which denies connections that are allowed now"),
            "{printed}"
        );
        assert!(printed.contains(says), "{printed}");
    }
}

#[test]
fn a_denial_of_the_admin_tier_voids_every_network_policy() {
    let near = policy(
        "shop/db",
        "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: wbe}}}]}]}",
    );
    let deny = |kind: &str, place: &str| {
        let spec =
            format!("{{{place}, {EVERYBODY}, ingress: [{{action: Deny, from: [{{namespaces: {{}}}}]}}]}}");
        cluster_wide(kind, "closed", &spec)
    };
    for (policy, says) in [
        (
            deny("ClusterNetworkPolicy", "tier: Admin, priority: 20"),
            "no NetworkPolicy can help: ClusterNetworkPolicy closed spec.ingress[0] denies it in the Admin tier, which is \
             asked first and would void any; change this rule, or put one before it that accepts the connection or passes \
             it on, in this policy or in one of a priority below 20",
        ),
        (
            deny("AdminNetworkPolicy", "priority: 0"),
            "change this rule, or put one before it that allows the connection or passes it on, in this policy",
        ),
    ] {
        let printed = shop(&[&near, &policy], "shop/web shop/db:80");
        assert!(
            printed.starts_with("deny") && printed.ends_with(says.rsplit(", in").next().unwrap()),
            "{printed}"
        );
        assert!(printed.contains(says), "{printed}");
        // A NetworkPolicy that nearly admits it would be void, too.
        assert!(!printed.contains("Near misses"), "{printed}");
        let object = shop_object(&[&near, &policy], "shop/web shop/db:80", "explanation.json");
        assert_eq!(object["fix"], serde_json::Value::Null);
        assert!(object["noFix"].as_str().unwrap().contains("would void any"), "{object}");
    }
    let printed = shop(&[&near], "shop/web shop/db:80");
    assert!(printed.contains("Near misses") && printed.contains("`app: wbe`"), "{printed}");
}

#[test]
fn near_misses_of_cluster_wide_policies_name_the_field() {
    let session = Session::new(&[]);
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    for (scenario, question, says) in [
        (
            "deny-with-exception",
            "apps/reports [fd20:30::10]:5432",
            "by to[0].networks[3] (addresses in fc00::/7)",
        ),
        (
            "monitoring-accept",
            "monitoring/prometheus payments/db:5432",
            "ClusterNetworkPolicy scrape-ingress spec.ingress[0].protocols",
        ),
    ] {
        let (_, stdout, _) = session.run(&format!("explain -f {root}/{scenario}/manifests {question}"));
        assert!(stdout.contains(says), "{says}: {stdout}");
    }
    let accept = |kind: &str, place: &str, word: &str, ports: &str| {
        let spec = format!(
            "{{{place}, subject: {{namespaces: {{}}}}, ingress: [{{action: {word}, from: [{{pods: {{namespaceSelector: {{}}, \
             podSelector: {{matchLabels: {{app: web}}}}}}}}], {ports}}}]}}"
        );
        cluster_wide(kind, "open", &spec)
    };
    let closed = policy("shop/closed", "{podSelector: {}, ingress: []}");
    let admin = accept(
        "AdminNetworkPolicy",
        "priority: 1",
        "Allow",
        "ports: [{portNumber: {protocol: UDP, port: 80}}, {portNumber: {protocol: TCP, port: 81}}]",
    );
    let printed = shop(&[&closed, &admin], "shop/web shop/db:80");
    assert!(
        printed.contains("Near misses AdminNetworkPolicy open spec.ingress[0].ports[0]")
            && printed.contains("the number fits, but the rule is for UDP"),
        "{printed}"
    );
    // One name is one near miss, of whatever protocols there are.
    let named = accept(
        "ClusterNetworkPolicy",
        "tier: Admin, priority: 1",
        "Accept",
        "protocols: [{destinationNamedPort: http}]",
    );
    let printed = shop(&[&closed, &named], "shop/web shop/db:80");
    let says = "spec.ingress[0].protocols[0] (in.yaml:19): the peer matches, but `shop/db` declares no port named `http`";
    assert_eq!(printed.matches("declares no port named `http`").count(), 1, "{printed}");
    assert!(printed.contains(&says[says.find(": the").unwrap()..]), "{printed}");
    assert!(
        printed.contains("but only for the name `http`, which the destination does not declare"),
        "{printed}"
    );
    // And it is written as one.
    let printed = shop(&[&closed, &named], "clusternetworkpolicy/open");
    assert!(
        printed.contains("Accept http (any protocol) from pods `app=web` of all namespaces"),
        "{printed}"
    );
    let db = "apiVersion: v1\nkind: Pod\nmetadata: {name: api, namespace: shop, labels: {app: api}}\n\
        spec: {containers: [{name: c, image: x, ports: [{name: http, containerPort: 8080}]}]}";
    let printed = shop(&[&closed, &named, db], "shop/web shop/api:80");
    assert!(
        printed.contains("matches shop/web, but only for 8080/TCP") && !printed.contains("does not declare"),
        "{printed}"
    );
}

#[test]
fn selectors_and_blocks_are_written_in_plain_words() {
    let near = |from: &str| {
        policy(
            "shop/in",
            &format!("{{podSelector: {{matchLabels: {{app: db}}}}, ingress: [{{from: [{from}]}}]}}"),
        )
    };
    let exists = near("{podSelector: {matchExpressions: [{key: tier, operator: Exists}]}}");
    let printed = shop(&[&exists], "shop/web shop/db:80");
    for says in [
        "would match if pod `shop/web` had a label `tier` (it has none)",
        "pods with label `tier` of namespace `shop`",
    ] {
        assert!(printed.contains(says), "{says}: {printed}");
    }
    let absent = near("{podSelector: {matchExpressions: [{key: app, operator: DoesNotExist}]}}");
    let printed = shop(&[&absent], "shop/web shop/db:80");
    assert!(printed.contains("pods without label `app` of namespace `shop`"), "{printed}");
    let other = near("{podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [web]}]}}");
    let printed = shop(&[&other], "shop/web shop/db:80");
    assert!(
        printed.contains("would match if pod `shop/web` had no label `app: web` (it has `app: web`)"),
        "{printed}"
    );
    // Two exceptions are read at a glance, three are counted.
    for (except, says) in [
        ("[10.1.0.0/16, 10.2.0.0/16]", "addresses in 10.0.0.0/8 except 10.1.0.0/16, 10.2.0.0/16: "),
        ("[10.1.0.0/16, 10.2.0.0/16, 10.3.0.0/16]", "addresses in 10.0.0.0/8 except 3 ranges: "),
    ] {
        let block = near(&format!("{{ipBlock: {{cidr: 10.0.0.0/8, except: {except}}}}}"));
        let printed = shop(&[&block], "10.1.2.3 shop/db:80");
        assert!(
            printed.contains(says) && printed.contains("but `except` takes out 10.1.0.0/16"),
            "{says}: {printed}"
        );
    }
}

#[test]
fn what_is_unknown_with_a_policy_is_not_called_allowed_or_denied() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/priority-tie/manifests");
    let session = Session::new(&[]);
    for (name, becomes, counts) in [("allow-backup", "denied", [0, 2]), ("protect-data", "allowed", [2, 0])] {
        let (_, stdout, _) = session.run(&format!("explain -f {root} clusternetworkpolicy/{name}"));
        for says in [
            format!("2 pairs of pods newly {becomes} (unknown with it)"),
            format!("backup/runner -> data/redis: 5432/TCP newly {becomes} (unknown with it)"),
            "egress is left to other policies".to_owned(),
        ] {
            assert!(stdout.contains(&says), "{says}: {stdout}");
        }
        let (_, stdout, _) = session.run(&format!("explain -f {root} clusternetworkpolicy/{name} -o json"));
        let object: serde_json::Value = serde_json::from_str(&stdout).unwrap();
        schema::check("policy-explanation.json", &object);
        let without = &object["without"];
        assert_eq!(
            [&without["unknownToAllowed"], &without["unknownToDenied"]],
            [&counts[0].into(), &counts[1].into()] as [&serde_json::Value; 2]
        );
    }
}

#[test]
fn a_policy_without_effect_is_named_with_the_profile() {
    let older = cluster_wide(
        "AdminNetworkPolicy",
        "b",
        &format!("{{priority: 9, {EVERYBODY}, ingress: [{{action: Deny, from: [{{namespaces: {{}}}}]}}]}}"),
    );
    let printed = say("matrix", &[&SHOP[..], &[&older]].concat(), "--cni calico");
    let says =
        "AdminNetworkPolicy b has no effect: CNI profile `calico` does not enforce policies of this kind";
    assert!(printed.contains(says), "{printed}");
}

#[test]
fn what_an_admin_policy_accepts_no_other_policy_was_meant_to_block() {
    let accept = |port: &str| {
        let spec = format!(
            "{{tier: Admin, priority: 1, {EVERYBODY}, ingress: [{{action: Accept, from: [{{namespaces: {{}}}}]{port}}}]}}"
        );
        cluster_wide("ClusterNetworkPolicy", "open", &spec)
    };
    let slip = policy("shop/slip", "{podSelector: {matchLabels: {app: bd}}}");
    let printed = shop(&[&accept(""), &slip], "shop/web shop/db:80");
    assert!(printed.starts_with("allow") && !printed.contains("may have been meant"), "{printed}");
    let one = accept(", protocols: [{tcp: {destinationPort: {number: 81}}}]");
    let printed = shop(&[&one, &slip], "shop/web shop/db:80");
    assert!(printed.contains("may have been meant"), "{printed}");
    // Some ports by a rule, and the others since nobody decides.
    let printed = shop(&[&one], "shop/web shop/db:80-82");
    for says in [
        "ingress of shop/db is allowed by ClusterNetworkPolicy open spec.ingress[0], other ports by default",
        "other ports allowed by default: no policy decides",
    ] {
        assert!(printed.contains(says), "{says}: {printed}");
    }
}
