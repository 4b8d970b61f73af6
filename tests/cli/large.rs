//! Clusters that are too large to be listed, and systems that are too small.

use serde_json::Value;

use super::{SHOP, Session, texts};

/// As many pods as a manifest can ask for, half of them isolated.
const HUGE: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2147483647
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: []}}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: shop}
spec: {podSelector: {matchLabels: {app: web}}}
";

const NOT_LISTED: &str = "2147482647 replicas are counted and not listed";

#[test]
fn replicas_are_listed_up_to_a_limit_and_all_counted() {
    let quiet = "---\n".to_owned()
        + &HUGE
            .rsplit("---\n")
            .next()
            .unwrap()
            .replace("closed", "quiet")
            .replace("{podSelector", "{policyTypes: [Egress], podSelector");
    let session = Session::new(&[("huge.yaml", HUGE), ("quiet.yaml", &[HUGE, &quiet].concat())]);
    let (status, json, stderr) = session.run("matrix -f huge.yaml --by pod --to internet -o json");
    assert!(status == 0 && stderr.contains(NOT_LISTED), "{stderr}");
    let matrix: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(matrix["summary"]["pods"], 2_147_483_648_u64);
    // Every pod but the first is a source for each other one, and nobody reaches a replica.
    assert_eq!(matrix["summary"]["podPairs"]["open"], 2_147_483_647_u64);
    assert!(matrix["notes"].to_string().contains(NOT_LISTED), "{}", matrix["notes"]);
    let flows = matrix["flows"].as_array().unwrap().iter();
    let sources: std::collections::BTreeSet<String> =
        flows.map(|flow| flow["from"]["pod"].to_string()).collect();
    assert_eq!(sources.len(), 1_001);

    let (_, rows, stderr) = session.run("matrix -f huge.yaml --by pod --from shop/web[2147483646] -o csv");
    assert!(rows.lines().skip(1).all(|row| row.starts_with("shop/web[2147483646],")), "{rows}");
    assert!(rows.lines().count() > 1 && stderr.contains(NOT_LISTED), "{stderr}");

    let (status, json, stderr) =
        session.run("what-if -f quiet.yaml --delete netpol/shop/closed --by pod -o json");
    assert!(status == 1 && stderr.contains(NOT_LISTED), "{status} {stderr}");
    let difference: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(difference["summary"]["newlyAllowed"].as_u64(), Some(2_147_483_647));
    assert!(difference["notes"].to_string().contains(NOT_LISTED));
    let (status, page, stderr) = session.run("report -f huge.yaml -o html");
    assert!(status == 0 && page.contains("2147483647 of 2147483648"), "{stderr}");
}

/// Many Deployments, each of which asks for many pods.
#[test]
fn all_replicas_together_have_a_limit() {
    let one = HUGE.split("---").next().unwrap();
    let many: Vec<String> = (0..600).map(|i| one.replace("name: web", &format!("name: web-{i}"))).collect();
    let session = Session::new(&[("many.yaml", &many.join("---\n"))]);
    let (status, _, stderr) =
        session.run("matrix -f many.yaml --by pod --from shop/web-1[0] --to shop/web-2[0] -o csv");
    assert!(status == 0 && stderr.contains("like the 250 of the same workload that are listed"), "{stderr}");
}

/// Pods of which each meets the next one only.
fn chain(pods: usize) -> String {
    let pod = |i: usize| {
        let next = (i + 1) % pods;
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p{i}, namespace: n{n}, labels: {{i: v{i}}}}}\n---\n\
             apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p{i}, namespace: n{n}}}\n\
             spec: {{podSelector: {{matchLabels: {{i: v{i}}}}}, policyTypes: [Ingress, Egress], ingress: [{{from: \
             [{{namespaceSelector: {{}}, podSelector: {{matchLabels: {{i: v{next}}}}}}}]}}]}}\n",
            n = i % 3
        )
    };
    (0..pods).map(pod).collect::<Vec<_>>().join("---\n")
}

#[test]
fn a_table_has_room_for_a_thousand_rows() {
    let pod = |i| format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p{i}, namespace: n{}}}\n", i % 3);
    let open = (0..1_100).map(pod).collect::<Vec<String>>().join("---\n");
    let session = Session::new(&[("open.yaml", &open), ("closed.yaml", &chain(1_100))]);
    for format in ["table", "md"] {
        let (status, text, stderr) = session.run(&format!("matrix -f open.yaml -o {format}"));
        assert!(status == 0 && text.lines().count() < 60, "{text}");
        assert!(
            stderr.contains("the table shows namespaces, since there are too many rows for one"),
            "{stderr}"
        );
        let (status, text, stderr) = session.run(&format!("matrix -f closed.yaml -o {format}"));
        assert!(status == 0 && text.lines().count() < 60, "{text}");
        assert!(stderr.contains("the table shows namespaces"), "{stderr}");
    }
    let (_, rows, stderr) = session.run("matrix -f open.yaml --from n1/p1 -o csv");
    assert!(rows.lines().count() > 1_099 && !stderr.contains("table"), "{stderr}");
}

#[cfg(unix)]
#[test]
fn without_threads_the_calling_one_does_the_work() {
    let list: String = SHOP.replace("---", "\n---\n");
    let session = Session::new(&[("shop.yaml", &list)]);
    let expected = session.run("matrix -f shop.yaml -o json");
    // No thread can be started with a stack of this size.
    let mut command = session.command("matrix -f shop.yaml -o json");
    let found = texts(command.env("RUST_MIN_STACK", (1_u64 << 46).to_string()).output().unwrap());
    assert_eq!(found, expected);
}

/// The fields that the API server adds to every object of a dump change nothing, whichever way it is read.
#[test]
fn managed_fields_change_nothing() {
    let managed = r#""managedFields":[{"manager":"kubectl","operation":"Update","apiVersion":"v1","time":"2026-01-01T00:00:00Z",
        "fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"k:{\"name\":\"c\"}":{".":{}},"f:podSelector":{}}}}]"#;
    let object = |kind: &str, version: &str, name: &str, spec: &str, more: &str| {
        format!(
            r#"{{"apiVersion":"{version}","kind":"{kind}","metadata":{{"name":"{name}","namespace":"shop","labels":{{"app":"{name}"}},"uid":"{name}","resourceVersion":"1","generation":1{more}}},"spec":{spec}}}"#
        )
    };
    let dump = |more: &str, between: &str| {
        let pod = |name| object("Pod", "v1", name, r#"{"containers":[{"name":"c","image":"x"}]}"#, more);
        let policy = object(
            "NetworkPolicy",
            "networking.k8s.io/v1",
            "db",
            r#"{"podSelector":{"matchLabels":{"app":"db"}},"policyTypes":["Ingress"]}"#,
            more,
        );
        let items = [pod("web"), pod("db"), policy].join(between);
        format!(
            r#"{{"apiVersion":"v1","kind":"List","items":[{items}],"metadata":{{"resourceVersion":""}}}}"#
        )
    };
    let managed = format!(",{managed}");
    // JSON is YAML, and a tab before it keeps it from being read as JSON.
    let files = [
        ("plain.json", dump("", ",")),
        ("one-line.json", dump(&managed.replace('\n', ""), ",")),
        ("lines.json", dump(&managed, ",\n    ")),
        ("flow.yaml", format!("# {{\n{}", dump(&managed, ",\n    "))),
    ];
    let session = Session::new(&files.each_ref().map(|(name, text)| (*name, &**text)));
    let [plain, others @ ..] =
        files.each_ref().map(|(name, _)| session.run(&format!("matrix -f {name} -o ndjson")));
    assert!(plain.0 == 0 && plain.2.is_empty() && !plain.1.is_empty(), "{plain:?}");
    for other in others {
        assert_eq!(other, plain);
    }
}

/// A large file is mapped, and the mapping loses what is cut off.
#[cfg(unix)]
#[test]
fn a_large_file_that_is_shortened_while_it_is_read_ends_with_a_message() {
    let wrong = r#"{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"p"},"spec":{"x":1}}"#;
    let large = format!(r#"{{"apiVersion":"v1","kind":"List","items":[{}{wrong}]}}"#, " ".repeat(17 << 20));
    let session = Session::new(&[("large.json", &large)]);
    let pipe = session.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut command = session.command("matrix -f large.json -f pipe");
    let child =
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    // Whoever opens the pipe has read the file before it, and says next where in it something is wrong.
    let mut late = std::fs::OpenOptions::new().write(true).open(pipe).unwrap();
    std::fs::OpenOptions::new().write(true).open(session.path("large.json")).unwrap().set_len(0).unwrap();
    std::io::Write::write_all(&mut late, SHOP.as_bytes()).unwrap();
    drop(late);
    let (status, _, stderr) = texts(child.wait_with_output().unwrap());
    assert_eq!((status, &*stderr), (2, "error: a file was shortened while it was read\n"));
}
