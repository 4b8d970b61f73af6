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
            "whether namespace `new` has label `tenant`: the input does not declare it",
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
        "egress has no say",
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
