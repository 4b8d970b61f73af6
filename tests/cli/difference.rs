//! `podreach diff` and `podreach what-if`.

use serde_json::Value;

use super::{BROKEN, SHOP, Session, schema};

/// [`SHOP`] after a change: `db` listens to `web` on another port, a pod is new, and a policy too.
fn changed() -> String {
    SHOP.replace("port: 5432", "port: 5433")
        + "---
apiVersion: v1
kind: Pod
metadata: {name: new, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, image: x}]}
"
}

const WEB: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec: {podSelector: {matchLabels: {app: web}}}
";

fn session() -> Session {
    Session::new(&[("a.yaml", SHOP), ("b.yaml", &changed()), ("web.yaml", WEB), ("broken.yaml", BROKEN)])
}

#[test]
fn exit_status_says_whether_something_differs() {
    let session = session();
    for (line, status) in [
        ("diff --before a.yaml --after a.yaml", 0),
        ("diff --before a.yaml --after a.yaml --strict", 0),
        ("diff --before a.yaml --after b.yaml", 1),
        ("diff --before a.yaml --after b.yaml --strict", 1),
        ("diff --before a.yaml --after broken.yaml", 2),
        ("diff --before a.yaml", 2),
        ("diff -f a.yaml --before a.yaml --after b.yaml", 2),
        ("diff --before - --after -", 2),
        ("diff --before a.yaml --after b.yaml -n nowhere", 2),
        ("what-if -f a.yaml", 2),
        ("what-if -f a.yaml --apply web.yaml", 1),
        ("what-if -f a.yaml --apply web.yaml --fail-on removed-allow", 1),
        ("what-if -f a.yaml --apply web.yaml --fail-on new-allow", 0),
        ("what-if -f a.yaml --delete netpol/shop/db --fail-on removed-allow", 0),
        ("what-if -f a.yaml --delete netpol/shop/db --fail-on new-allow", 1),
        // What was unknown is allowed, and that counts as undecided too.
        ("what-if -f a.yaml --delete netpol/shop/db --fail-on removed-allow --strict", 3),
        ("what-if -f a.yaml --delete netpol/shop/missing", 2),
        ("what-if -f a.yaml --delete netpol/shop/db --each -o csv", 2),
    ] {
        let (found, _, stderr) = session.run(line);
        assert_eq!(found, status, "{line}\n{stderr}");
    }
    let (_, _, stderr) = session.run("diff -f a.yaml --before a.yaml --after b.yaml");
    assert!(stderr.contains("--before PATH"), "{stderr}");
    let (_, _, stderr) = session.run("what-if -f a.yaml");
    assert!(stderr.contains("--apply"), "{stderr}");
}

/// A pod that nobody may reach, on a node with this address.
fn on_node(address: &str, more: &str) -> String {
    format!(
        "apiVersion: v1
kind: Node
metadata: {{name: n1}}
status: {{addresses: [{{type: InternalIP, address: {address}}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: p, namespace: a}}
spec: {{nodeName: n1, containers: [{{name: c, image: x}}]}}
status: {{podIP: 10.0.0.1}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: closed, namespace: a}}
spec: {{podSelector: {{}}, policyTypes: [Ingress]}}
{more}"
    )
}

#[test]
fn what_comes_from_the_own_node_is_told_though_it_is_not_listed() {
    let host = "---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: a}
spec: {hostNetwork: true, nodeName: n1, containers: [{name: c, image: x}]}
status: {podIP: 192.168.0.1}
";
    let session = Session::new(&[
        ("a.yaml", &on_node("192.168.0.1", "")),
        ("b.yaml", &on_node("192.168.0.2", "")),
        ("hosted.yaml", &on_node("192.168.0.1", host)),
    ]);
    for (format, by) in [("table", "workload"), ("table", "pod"), ("json", "workload"), ("md", "workload")] {
        let line = format!("diff --before a.yaml --after b.yaml -o {format} --by {by}");
        let (status, stdout, stderr) = session.run(&line);
        assert!(status == 1 && stdout.contains("(R50)") && !stdout.contains("--by pod"), "{stdout}{stderr}");
    }
    for format in ["ndjson", "csv", "svg", "html"] {
        let (status, _, stderr) = session.run(&format!("diff --before a.yaml --after b.yaml -o {format}"));
        assert!(status == 1 && stderr.contains("(R50)"), "{format}: {stderr}");
    }
    // What comes from the address of a hostNetwork pod comes from that pod.
    let (status, stdout, _) = session.run("what-if -f hosted.yaml --delete node/n1");
    assert!(status == 0 && stdout.starts_with("No difference"), "{stdout}");
}

#[test]
fn pairs_that_are_counted_are_a_difference_at_every_level() {
    let session = session();
    for by in ["pod", "workload", "namespace"] {
        let line = format!("what-if -f a.yaml --delete pod/shop/web --by {by} --fail-on removed-allow");
        let (status, stdout, stderr) = session.run(&line);
        assert!(status == 1 && stdout.contains("newly denied"), "{by}: {stdout}{stderr}");
    }
}

#[test]
fn objects_without_a_namespace_are_in_that_of_the_flag() {
    let bare = WEB.replace(", namespace: shop", "");
    let session =
        Session::new(&[("a.yaml", SHOP), ("bare.yaml", &bare), ("b.yaml", &SHOP.replace("shop", "other"))]);
    for (line, status) in [
        ("what-if -n shop -f a.yaml --apply bare.yaml", 1),
        ("what-if -f a.yaml --apply bare.yaml", 0),
        ("diff -n shop --before a.yaml --after bare.yaml", 1),
        ("can -f a.yaml -f bare.yaml -n shop 9.9.9.9 shop/web:80", 1),
        ("can -f a.yaml -f bare.yaml 9.9.9.9 shop/web:80", 0),
        // What names another namespace stays there.
        ("can -f b.yaml -f bare.yaml -n shop 9.9.9.9 other/web:80", 0),
    ] {
        let (found, stdout, stderr) = session.run(line);
        assert_eq!(found, status, "{line}\n{stdout}\n{stderr}");
    }
}

#[test]
fn on_a_dump_apply_keeps_what_was_not_applied_and_replace_does_not() {
    let live = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: web
  namespace: shop
  uid: 0b0b0b0b-1111-2222-3333-444444444444
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: |
      {\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"NetworkPolicy\",\"metadata\":{\"name\":\"web\"},\"spec\":{\"podSelector\":{}}}
spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress, Egress]}
";
    let pinned = live.replace("\"podSelector\":{}", "\"policyTypes\":[\"Ingress\",\"Egress\"]");
    let files = [("a.yaml", SHOP), ("live.yaml", live), ("pinned.yaml", &*pinned), ("web.yaml", WEB)];
    let session = Session::new(&files);
    for (line, status) in [
        ("what-if -f a.yaml -f live.yaml --apply web.yaml --fail-on new-allow", 0),
        ("what-if -f a.yaml -f pinned.yaml --apply web.yaml --fail-on new-allow", 1),
        ("what-if -f a.yaml -f live.yaml --replace web.yaml --fail-on new-allow", 1),
        ("what-if -f a.yaml --replace web.yaml", 2),
        ("what-if -f a.yaml --apply - --replace -", 2),
    ] {
        let (found, stdout, stderr) = session.run(line);
        assert_eq!(found, status, "{line}\n{stdout}\n{stderr}");
    }
    let (_, _, stderr) = session.run("what-if -f a.yaml --replace web.yaml");
    assert!(stderr.contains("there is no NetworkPolicy `shop/web` to replace"), "{stderr}");
}

#[test]
fn formats_say_the_same() {
    let session = session();
    let line = "diff --before a.yaml --after b.yaml";
    let run = |format: &str| session.run(&format!("{line} -o {format}")).1;
    let json: Value = serde_json::from_str(&run("json")).unwrap();
    schema::check("reachability-diff.json", &json);
    let yaml: Value = serde_yaml::from_str(&run("yaml")).unwrap();
    assert_eq!(json, yaml);
    let rows: Vec<Value> = run("ndjson").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(json["changes"].as_array().unwrap(), &rows);
    assert_eq!(run("csv").lines().count(), rows.len() + 1);

    let of = |from: &str, to: &str| {
        let name = |end: &Value| end["workload"].as_str().unwrap_or("outside").to_owned();
        rows.iter().find(|row| name(&row["from"]) == from && name(&row["to"]) == to)
    };
    let moved = of("shop/web", "shop/db").unwrap();
    assert_eq!(moved["change"], "changed");
    assert_eq!(moved["before"]["ports"]["TCP"], "5432");
    assert_eq!(moved["after"]["ports"]["TCP"], "5433");
    assert_eq!(moved["because"].as_array().unwrap().len(), 1);
    let because = &moved["because"][0];
    assert_eq!(because["name"], "shop/db");
    assert_eq!((because["file"].as_str(), because["line"].as_u64()), (Some("b.yaml"), Some(12)));
    let new = of("shop/new", "shop/db").unwrap();
    assert_eq!((&new["change"], &new["appeared"][0]), (&Value::from("added"), &Value::from("from")));
    assert_eq!(new["because"][0]["kind"], "Pod");
    assert!(of("shop/db", "shop/web").is_none());
}

#[test]
fn what_is_shown_can_be_filtered() {
    let session = session();
    let rows = |filter: &str| {
        session.run(&format!("diff --before a.yaml --after b.yaml -o ndjson {filter}")).1.lines().count()
    };
    assert_eq!(rows("-n shop"), rows(""));
    assert!(rows("-l app=db") < rows(""));
    let (status, _, stderr) = session.run("diff --before a.yaml --after b.yaml -l app=nobody");
    assert!(status == 2 && stderr.contains("no pod matches `-l app=nobody`"), "{stderr}");
}

#[test]
fn markdown_fits_and_says_what_is_missing() {
    let many: Vec<String> = (0..60)
        .map(|i| {
            let pod = format!("{{name: p{i}, namespace: shop, labels: {{app: p{i}}}}}");
            format!("---\napiVersion: v1\nkind: Pod\nmetadata: {pod}\nspec: {{containers: [{{name: c, image: x}}]}}\n")
        })
        .collect();
    let policies: Vec<String> = (0..60)
        .map(|i| {
            let (name, port) = (format!("{{name: p{i}, namespace: shop}}"), 1000 + i);
            format!(
                "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name}\nspec: \
                 {{podSelector: {{matchLabels: {{app: p{i}}}}}, ingress: [{{ports: [{{port: {port}}}]}}]}}\n"
            )
        })
        .collect();
    let (many, policies) = (many.concat(), policies.concat());
    let session = Session::new(&[("a.yaml", &many), ("b.yaml", &format!("{many}{policies}"))]);
    let line = "diff --before a.yaml --after b.yaml -o md";
    let (_, whole, _) = session.run(line);
    assert!(whole.contains("<details>") && whole.contains("</details>") && !whole.contains("Shortened"));
    let (_, short, _) = session.run(&format!("{line} --max-size 6000"));
    assert!(short.len() <= 6000, "{}", short.len());
    assert!(short.contains("Shortened to fit"), "{short}");
    assert_eq!(short.matches("<details>").count(), short.matches("</details>").count());
}

#[test]
fn pictures_are_well_formed_and_name_what_changed() {
    let session = session();
    let (_, svg, _) = session.run("diff --before a.yaml --after b.yaml -o svg");
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
    for part in [
        "<title>shop/web -&gt; shop/db: before 5432/TCP; 9000/TCP unknown, after 5433/TCP; 9000/TCP unknown</title>",
        "<title>shop/new (new) -&gt; shop/db: before not there, after 5433/TCP; 9000/TCP unknown</title>",
        "<title>any IPv4 address -&gt; shop/web: all ports, before and after</title>",
        "A divided cell is a change",
        ">newly allowed: above what could flow, below what can</text>",
    ] {
        assert!(svg.contains(part), "{part} is missing in {svg}");
    }
    assert_eq!(svg.matches("<g>").count(), svg.matches("</g>").count());
    let (status, _, stderr) = session.run("can -f a.yaml shop/web shop/db -o svg");
    assert_eq!(status, 2, "{stderr}");
    // What has no room is drawn by namespace, and says so.
    let pod = |i| {
        format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p{i}}}\nspec: {{containers: [{{name: c}}]}}\n")
    };
    let pods: Vec<String> = (0..70).map(pod).collect();
    let closed = "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: closed}\nspec: {podSelector: {}}\n";
    let open = pods.join("---\n");
    let session = Session::new(&[("a.yaml", &open), ("b.yaml", &format!("{open}{closed}"))]);
    let (status, svg, stderr) = session.run("diff --before a.yaml --after b.yaml -o svg");
    assert_eq!(status, 1, "{stderr}");
    assert!(svg.contains("; by namespace") && stderr.contains("the picture shows namespaces"), "{stderr}");
}

/// A Service that `web` answers, and an Ingress that sends requests there.
const GATE: &str = "\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: gate, namespace: shop}
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}
";

#[test]
fn warnings_name_what_they_are_about() {
    let session = Session::new(&[("a.yaml", SHOP), ("gate.yaml", GATE), ("web.yaml", WEB)]);
    let (_, stdout, stderr) = session.run("what-if -f a.yaml -f gate.yaml --apply web.yaml -o json");
    let json: Value = serde_json::from_str(&stdout).expect(&stderr);
    schema::check("reachability-diff.json", &json);
    let warnings = json["warnings"].as_array().unwrap();
    let gate = warnings.iter().find(|warning| warning["kind"] == "ingress").unwrap();
    assert_eq!(gate["ingress"], "shop/gate");
    assert_eq!(gate["services"], serde_json::json!(["shop/web"]));
    assert_eq!(gate["example"]["to"], "shop/web");
}

#[test]
fn each_change_alone_and_then_together() {
    let session = session();
    let line = "what-if -f a.yaml --apply web.yaml --delete netpol/shop/db --each";
    let (status, stdout, _) = session.run(&format!("{line} -o json"));
    assert_eq!(status, 1);
    let list: Value = serde_json::from_str(&stdout).unwrap();
    schema::check("reachability-diff-list.json", &list);
    let edits: Vec<usize> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["edits"].as_array().unwrap().len())
        .collect();
    assert_eq!(edits, [1, 1, 2]);
    let (_, text, _) = session.run(line);
    assert!(text.starts_with("--apply web.yaml\n"), "{text}");
    let (status, _, stderr) = session.run(&format!("{line} -o ndjson"));
    assert_eq!(status, 2, "{stderr}");

    // Alone it is the same as a difference of two inputs.
    let (_, alone, _) = session.run("what-if -f a.yaml --apply web.yaml -o ndjson");
    let (_, two, _) = session.run("diff --before a.yaml --after a.yaml web.yaml -o ndjson");
    assert_eq!(alone, two);
    assert!(!alone.is_empty());
}

#[test]
fn a_bare_kind_means_the_first_of_those_that_share_it() {
    let policy = |api: &str, spec: &str| {
        format!(
            "---\n{{apiVersion: {api}, kind: ClusterNetworkPolicy, metadata: {{name: all}}, spec: {spec}}}\n"
        )
    };
    let admin = policy(
        "policy.networking.k8s.io/v1beta1",
        "{tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}",
    );
    let antrea = policy("crd.antrea.io/v1beta1", "{appliedTo: [{podSelector: {matchLabels: {app: db}}}]}");
    let both = format!("{SHOP}{admin}{antrea}");
    let antrea = format!("{SHOP}{antrea}");
    let session = Session::new(&[("both.yaml", &both), ("antrea.yaml", &antrea)]);
    let gone = |input: &str, name: &str| {
        let (_, stdout, stderr) = session.run(&format!("what-if -f {input} --delete {name}"));
        let gone = |kind: &str| stdout.contains(&format!("because {kind} all is gone"));
        let found = [gone("ClusterNetworkPolicy"), gone("ClusterNetworkPolicy.crd.antrea.io")];
        assert!(found.contains(&true), "{name}: {stdout}{stderr}");
        found
    };
    for name in ["clusternetworkpolicy/all", "cnp/all", "clusternetworkpolicies.policy.networking.k8s.io/all"]
    {
        assert_eq!(gone("both.yaml", name), [true, false], "{name}");
    }
    for name in ["clusternetworkpolicy.crd.antrea.io/all", "acnp/all"] {
        assert_eq!(gone("both.yaml", name), [false, true], "{name}");
    }
    for name in ["clusternetworkpolicy/all", "acnp/all"] {
        assert_eq!(gone("antrea.yaml", name), [false, true], "{name}");
    }
    for (name, says) in [
        ("anp/all", "did you mean `clusternetworkpolicy/all` or `clusternetworkpolicy.crd.antrea.io/all`?"),
        ("banp/none", "the input holds no BaselineAdminNetworkPolicy at all"),
    ] {
        let (status, _, stderr) = session.run(&format!("what-if -f both.yaml --delete {name}"));
        assert!(status == 2 && stderr.contains(says), "{stderr}");
    }
}
