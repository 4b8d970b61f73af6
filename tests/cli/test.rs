//! `podreach test`: exit status, formats, and the schema for editors.

use std::fs;
use std::path::{Path, PathBuf};

use podreach::expect;
use podreach::load::Input;
use quick_xml::events::Event;
use serde_json::{Value, json};

use super::{SHOP, Session, schema};

/// A test file about the shop; the rest of it is given.
fn about_shop(rest: &str) -> String {
    format!(
        "apiVersion: podreach/v1\nkind: ReachabilityTest\nmetadata: {{name: shop}}\nresources: [shop.yaml]\n{rest}"
    )
}

fn session(rest: &str) -> Session {
    Session::new(&[("shop.yaml", SHOP), ("t.yaml", &about_shop(rest))])
}

fn scenario_tests() -> Vec<PathBuf> {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut files: Vec<PathBuf> = fs::read_dir(scenarios)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("reachability-test.yaml"))
        .filter(|path| path.exists())
        .collect();
    files.sort();
    files
}

#[test]
fn resources_lie_in_the_repository() {
    let session = session("tests: ['shop/web -> shop/db:5432 allow']");
    fs::create_dir_all(session.path("repo/.git")).unwrap();
    fs::create_dir_all(session.path("repo/tests")).unwrap();
    fs::copy(session.path("shop.yaml"), session.path("repo/shop.yaml")).unwrap();
    fs::write(session.path("secret.yaml"), "token: s3cr3t\n").unwrap();
    let absolute = session.path("secret.yaml").display().to_string();
    for (resources, leads_out) in [
        ("../shop.yaml", false),
        ("../../shop.yaml", true),
        ("../../secret.yaml", true),
        (&*absolute, true),
        ("../../nowhere.yaml", false),
    ] {
        let text = about_shop("tests: ['shop/web -> shop/db:5432 allow']");
        let text = text.replace("resources: [shop.yaml]", &format!("resources: [{resources}]"));
        fs::write(session.path("repo/tests/t.yaml"), text).unwrap();
        let (status, _, stderr) = session.run("test repo/tests/t.yaml");
        let is_refused = status == 2
            && stderr.contains("t.yaml: resources: ")
            && stderr.contains("leads out of the repository");
        assert_eq!(is_refused, leads_out, "{resources}: {stderr}");
        assert!(!stderr.contains("s3cr3t"), "{stderr}");
        assert_eq!(
            session.run("test repo/tests/t.yaml -f shop.yaml").0,
            0,
            "what the command line names is read"
        );
    }
}

#[test]
fn a_file_that_is_named_may_leave_out_what_it_is() {
    let tests = "resources: [shop.yaml]\ntests: ['shop/web -> shop/db:5432 allow']\n";
    let session = Session::new(&[("shop.yaml", SHOP), ("t.yaml", tests)]);
    let (status, stdout, stderr) = session.run("test t.yaml");
    assert_eq!(status, 0, "{stdout}{stderr}");
    // In a directory nothing says that it is a test file.
    let (status, _, stderr) = session.run("test .");
    assert!(status == 2 && stderr.contains("holds no ReachabilityTest"), "{stderr}");
    let other = Session::new(&[("shop.yaml", SHOP), ("t.yaml", &format!("kind: Pod\n{tests}"))]);
    let (status, _, stderr) = other.run("test t.yaml");
    assert!(status == 2 && stderr.contains("expected a ReachabilityTest"), "{stderr}");
}

#[test]
fn every_scenario_passes() {
    let session = Session::new(&[]);
    let mut command = session.command("test -q -o json");
    let (status, stdout, stderr) = super::texts(command.args(scenario_tests()).output().unwrap());
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((status, &report["summary"]["failed"], &*stderr), (0, &json!(0), ""), "{stdout}");
    assert!(report["summary"]["tests"].as_u64() > Some(300));
    schema::check("reachability-test-report.json", &report);
}

#[test]
fn exit_status() {
    for (rest, flags, expected) in [
        ("tests: ['shop/web -> shop/db:5432 allow']", "", 0),
        ("tests: ['shop/web -> shop/db allow']", "", 1),
        ("tests: ['shop/web -> shop/db deny']", "", 1),
        ("tests: ['shop/web -> shop/db:9000 deny']", "", 1),
        ("tests: [{from: shop/web, to: shop/db, ports: [9000], expect: deny, onUnknown: allow}]", "", 0),
        (
            "tests: [{from: shop/web, to: shop/db, ports: [9000], expect: deny, onUnknown: allow}]",
            "--strict",
            3,
        ),
        ("tests: ['shop/nobody -> shop/db deny']", "", 1),
        ("tests: [{from: shop/nobody, to: shop/db, expect: deny, allowEmpty: true}]", "", 0),
        ("tests: [{from: {namespace: nowhere}, to: shop/db, expect: deny}]", "", 1),
        (
            "tests: ['shop/web -> shop/db deny']\nwaivers: [{test: shop/web -> shop/db deny, reason: x}]",
            "",
            0,
        ),
        (
            "tests: ['shop/web -> shop/db deny']\nwaivers: [{test: shop/web -> shop/db deny, expires: 2020-01-01}]",
            "",
            1,
        ),
        (
            "tests: ['shop/web -> shop/db deny']\nwaivers: [{test: shop/web -> shop/db deny, expires: 2999-12-31}]",
            "",
            0,
        ),
        (
            "tests: ['shop/web -> shop/db:5432 allow']\nwaivers: [{test: 'shop/web -> shop/db:5432 allow', expires: 2999-12-31}]",
            "",
            0,
        ),
        ("tests: ['shop/web -> shop/db:5432 allow']\nwaivers: [{test: nothing, reason: x}]", "", 2),
        ("tests: ['shop/web -> shop/db:5432 perhaps']", "", 2),
        ("tests: ['shop/web -> shop/db:5432 allow']", "--filter nothing", 2),
        ("tests: ['shop/web -> shop/db:5432 allow', 'shop/web -> shop/db deny']", "--filter 5432", 0),
        ("tests: ['shop/web -> shop/db:5432 allow']", "-f missing.yaml", 2),
        ("tests: ['shop/web -> shop/db:5432 allow']", "--delete netpol/shop/db", 0),
        ("tests: ['shop/web -> shop/db:22 deny']", "--delete netpol/shop/db", 1),
        ("tests: ['shop/web -> shop/db:22 deny']", "--cni flannel", 1),
    ] {
        let (status, stdout, stderr) = session(rest).run(&format!("test t.yaml {flags}"));
        assert_eq!(status, expected, "{rest} {flags}\n{stdout}{stderr}");
    }
}

#[test]
fn endpoints_and_expectations() {
    for (rest, passes) in [
        ("tests: [{to: shop/db, expectOnly: [shop/web], onUnknown: allow}]", true),
        ("tests: [{to: shop/db, ports: [5432], expectOnly: [shop/web]}]", true),
        ("tests: [{to: shop/db, ports: [5432], expectOnly: []}]", false),
        ("tests: [{to: shop/db, ports: [5432], expectOnly: [shop/web, internet]}]", false),
        ("tests: [{from: shop/web, expectOnly: [shop/db, internet]}]", false),
        ("tests: [{from: shop/web, expectOnly: [shop/db, 0.0.0.0/0]}]", true),
        ("endpoints: {a: shop/web, b: a}\ntests: ['b -> shop/db:5432 allow']", true),
        ("tests: [{from: {namespaceSelector: {}}, to: shop/db, ports: [5432], expect: allow}]", true),
        // Whether the namespace has the label is not known: no pod may be left out in silence.
        (
            "tests: [{from: {podSelector: {matchLabels: {app: web}}, namespaceSelector: {matchLabels: {env: prod}}}, to: shop/db, ports: [22], expect: deny}]",
            false,
        ),
        (
            "tests: [{from: {podSelector: {matchLabels: {app: web}}, namespaceSelector: {matchLabels: {env: prod}}}, to: shop/db, ports: [22], expect: deny, allowEmpty: true}]",
            true,
        ),
        (
            "tests: [{from: {podSelector: {matchLabels: {app: web}}, namespaceSelector: {matchLabels: {env: prod}}}, to: shop/db, ports: [22], expect: allow, allowEmpty: true}]",
            false,
        ),
        (
            "assume: [ns/shop env=prod]\ntests: [{from: {podSelector: {matchLabels: {app: web}}, namespaceSelector: {matchLabels: {env: prod}}}, to: shop/db, ports: [22], expect: deny}]",
            true,
        ),
        ("assume: {ns/shop: {env: prod}}\ntests: ['shop/web -> shop/db:9000 allow']", true),
        ("tests: [{from: shop/web, to: shop/db, ports: [postgres], expect: deny}]", false),
        ("tests: [{from: shop/web, to: shop/db, ports: [postgres], expect: deny, allowEmpty: true}]", true),
    ] {
        let (status, stdout, stderr) = session(rest).run("test t.yaml");
        assert_eq!(status, i32::from(!passes), "{rest}\n{stdout}{stderr}");
    }
}

const FAILING: &str = "tests:
- {name: \"a|b <&>'\\u0007 100%\", from: shop/web, to: shop/db, ports: [5432], expect: deny}
- {name: undecided, from: shop/web, to: shop/db, ports: [9000], expect: deny}
- {name: 'waived # one', from: shop/web, to: shop/db, expect: allow}
- {name: fine, from: shop/db, to: shop/web, expect: allow}
waivers: [{test: 'waived # one', reason: because, expires: 2999-12-31}]
";

#[test]
fn reports_for_machines() {
    let session = session(FAILING);
    let (status, stdout, _) = session.run(
        "test t.yaml -o json=r.json -o junit=r.xml -o sarif=r.sarif -o tap=r.tap -o github=r.txt -o md=r.md",
    );
    assert_eq!((status, &*stdout), (1, ""));
    let read = |name: &str| fs::read_to_string(session.path(name)).unwrap();

    let report: Value = serde_json::from_str(&read("r.json")).unwrap();
    schema::check("reachability-test-report.json", &report);
    let results: Vec<&Value> =
        report["tests"].as_array().unwrap().iter().map(|test| &test["result"]).collect();
    assert_eq!(results, ["failed", "unknown", "waived", "passed"]);
    let first = &report["tests"][0];
    assert_eq!(first["counterexample"]["ports"], json!({"TCP": "5432"}));
    assert_eq!((&first["policy"]["path"], &first["policy"]["line"]), (&json!("spec.ingress[0]"), &json!(17)));
    assert_eq!((&first["file"], &first["line"]), (&json!("t.yaml"), &json!(6)));

    let xml = read("r.xml");
    let mut reader = quick_xml::Reader::from_str(&xml);
    let mut elements = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Start(element) | Event::Empty(element) => {
                let name = String::from_utf8(element.name().as_ref().to_vec()).unwrap();
                let attributes = element.attributes().map(|attribute| attribute.unwrap());
                let named = attributes.filter(|a| a.key.as_ref() == b"name");
                let named = named.map(|a| a.unescape_value().unwrap().into_owned()).next();
                elements.push(format!("{name} {}", named.unwrap_or_default()));
            }
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(
        elements,
        [
            "testsuites podreach",
            "testsuite shop",
            "properties ",
            "property cni",
            "testcase a|b <&>'\\u{7} 100%",
            "failure ",
            "testcase undecided",
            "failure ",
            "testcase waived # one",
            "skipped ",
            "testcase fine",
        ]
    );
    assert!(xml.contains(r#"tests="4" failures="2" errors="0" skipped="1""#), "{xml}");

    let sarif: Value = serde_json::from_str(&read("r.sarif")).unwrap();
    let run = &sarif["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    for result in results {
        let index = result["ruleIndex"].as_u64().unwrap() as usize;
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
    }
    let at = |result: &Value| result["locations"][0]["physicalLocation"].clone();
    assert_eq!(at(&results[0])["artifactLocation"]["uri"], "shop.yaml");
    assert_eq!(at(&results[0])["region"]["startLine"], 17);
    assert_eq!(results[0]["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"], "t.yaml");
    assert_eq!(results[2]["suppressions"][0]["kind"], "external");
    assert_eq!(results.len(), 3);

    let tap = read("r.tap");
    let lines: Vec<&str> = tap.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(
        lines,
        [
            "TAP version 14",
            "1..4",
            "not ok 1 - shop: a|b <&>'\\\\u{7} 100%",
            "not ok 2 - shop: undecided",
            "not ok 3 - shop: waived \\# one # TODO waived until 2999-12-31: because",
            "ok 4 - shop: fine",
        ]
    );

    let annotations = read("r.txt");
    let first = annotations.lines().next().unwrap();
    assert!(
        first.starts_with("::error file=shop.yaml,line=17,title=a|b <&>'\\u{7} 100%25::expected: "),
        "{first}"
    );
    assert!(annotations.lines().any(|line| line.starts_with("::warning file=")), "{annotations}");
    assert_eq!(annotations.lines().count(), 4);

    let markdown = read("r.md");
    assert!(
        markdown.contains("| FAIL | a&#124;b &#60;&#38;&#62;&#39;\\u{7} 100&#37; | t.yaml:6 |"),
        "{markdown}"
    );
}

#[test]
fn people_see_the_pair_the_proof_and_the_fix() {
    let (_, stdout, _) = session(FAILING).run("test t.yaml");
    for says in [
        "FAIL    a|b",
        "waived  waived # one  (waived until 2999-12-31: because)",
        "ok      fine",
        "found:    shop/web -> shop/db is allowed on 5432/TCP",
        "to deny it, narrow NetworkPolicy shop/db spec.ingress[0] (shop.yaml:17), or isolate shop/web for egress",
        "4 tests: 1 failed, 1 unknown, 1 waived, 1 passed (cni spec)",
    ] {
        assert!(stdout.contains(says), "{says}\n{stdout}");
    }
}

#[test]
fn several_files_documents_and_clusters() {
    let two = format!(
        "{}---\n{}",
        about_shop("tests: ['shop/web -> shop/db:22 deny']\n"),
        about_shop("cni: flannel\ntests: ['shop/web -> shop/db:22 allow']\n")
    );
    let session = Session::new(&[("shop.yaml", SHOP), ("two.yaml", &two)]);
    let (status, stdout, _) = session.run("test two.yaml");
    assert!(status == 0 && stdout.ends_with("2 tests: 2 passed (cni spec, flannel)\n"), "{stdout}");
    // Flags win over the file.
    assert_eq!(session.run("test two.yaml --cni spec").0, 1);
    // Of a folder only the test files count.
    let (status, stdout, stderr) = session.run("test .");
    assert!(status == 0 && stdout.ends_with("2 tests: 2 passed (cni spec, flannel)\n"), "{stdout}{stderr}");
    assert_eq!(session.run("test shop.yaml").0, 2);
}

#[test]
fn mutants_that_no_test_notices() {
    let session = session("tests: ['shop/web -> shop/db:5432 allow', 'shop/web -> shop/db:22 deny']\n");
    let (status, stdout, _) = session.run("test t.yaml --mutate -o json");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    schema::check("mutation-report.json", &report);
    let survived: Vec<String> = report["survived"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mutant| {
            format!("{} {} {}", mutant["path"], mutant["mutation"], mutant["line"]).replace('"', "")
        })
        .collect();
    assert_eq!(
        (status, survived),
        (
            0,
            [
                "spec.ingress[0].from any-peer 17",
                "spec.ingress[1] rule-removed 19",
                "spec.ingress[1].from any-peer 19",
                "spec.ingress[1].from[0] any-namespace 19",
            ]
            .map(String::from)
            .to_vec()
        ),
        "{stdout}"
    );
    assert_eq!(report["summary"]["killed"], 4);
    assert_eq!(session.run("test t.yaml --mutate --min-score 50").0, 0);
    assert_eq!(session.run("test t.yaml --mutate --min-score 51").0, 1);
    assert_eq!(session.run("test t.yaml --min-score 50").0, 2);
}

/// Checks that the parser takes a test file.
fn is_read(text: &str) -> Result<(), String> {
    let read = expect::read(&[Input::Text { name: "t.yaml".into(), bytes: text.into() }], false);
    match read.diagnostics.first() {
        None => Ok(()),
        Some(finding) => Err(format!("{}: {}", finding.path, finding.message)),
    }
}

fn is_described(text: &str) -> Result<(), String> {
    schema::conforms_to("reachability-test.json", &serde_yaml::from_str(text).unwrap())
}

#[test]
fn the_schema_for_editors_says_what_the_parser_says() {
    for path in scenario_tests() {
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!((is_read(&text), is_described(&text)), (Ok(()), Ok(())), "{}", path.display());
    }
    for good in [
        "podCIDR: 10.0.0.0/8\ntests: [{from: a/b, to: c/d, expect: deny}]",
        "assume: {ns/a: {b: c}}\ntests: [{name: x, from: {namespace: a}, to: {cidrs: 10.0.0.0/8}, ports: [80, http, 53/UDP], expect: allow, allowEmpty: true, onUnknown: fail}]",
        "tests: [{to: {external: internet, podSelector: {}}, expectOnly: [{namespaceSelector: {}}]}]",
        "tests: [a/b -> c/d deny]\nwaivers: [{test: a/b -> c/d deny}]",
    ] {
        let text = about_shop(good);
        assert_eq!((is_read(&text), is_described(&text)), (Ok(()), Ok(())), "{good}");
    }
    for (bad, place) in [
        ("tests: []", "tests: Required value"),
        ("x: y\ntests: [a/b -> c/d deny]", "x: unknown field \"x\""),
        ("tests: 5", "tests: cannot unmarshal number"),
        ("tests: [5]", "tests[0]: cannot unmarshal number"),
        ("tests: [{from: a/b, to: c/d}]", "tests[0].expect: Required value"),
        ("tests: [{from: a/b, expect: deny}]", "tests[0].to: Required value"),
        ("tests: [{from: a/b, to: c/d, expect: maybe}]", "tests[0].expect: Unsupported value"),
        ("tests: [{from: a/b, to: c/d, expectOnly: []}]", "tests[0].expectOnly: Forbidden"),
        ("tests: [{from: a/b, to: c/d, expect: deny, expectOnly: []}]", "tests[0].expectOnly: Forbidden"),
        ("tests: [{expectOnly: []}]", "tests[0].expectOnly: Forbidden"),
        ("tests: [{from: a/b, to: c/d, expect: deny, ports: 80}]", "tests[0].ports: cannot unmarshal"),
        ("tests: [{from: a/b, to: c/d, expect: deny, ports: []}]", "tests[0].ports: Required value"),
        ("tests: [{from: a/b, to: c/d, expect: deny, port: [1]}]", "tests[0].port: unknown field"),
        ("tests: [{from: {}, to: c/d, expect: deny}]", "tests[0].from: Required value"),
        ("tests: [{from: {pods: {}}, to: c/d, expect: deny}]", "tests[0].from.pods: unknown field"),
        (
            "tests: [{from: {podSelector: {app: x}}, to: c/d, expect: deny}]",
            "tests[0].from.podSelector.app: unknown field",
        ),
        (
            "tests: [{from: {external: world}, to: c/d, expect: deny}]",
            "tests[0].from.external: Unsupported value",
        ),
        ("cni: cilum\ntests: [a/b -> c/d deny]", "cni: Invalid value"),
        ("tests: [a/b -> c/d deny]\nwaivers: [{reason: x}]", "waivers[0].test: Required value"),
        ("endpoints: {a: 5}\ntests: [a/b -> c/d deny]", "endpoints.a: cannot unmarshal number"),
    ] {
        let text = about_shop(bad);
        let refused = is_read(&text).expect_err(bad);
        assert!(refused.starts_with(place), "{bad}: {refused}");
        is_described(&text).expect_err(bad);
    }
    // What a schema cannot say.
    for (bad, place) in [
        ("tests: [{from: a/b, to: c/d, expect: deny, ports: [99999]}]", "tests[0].ports[0]: Invalid value"),
        ("tests: [{from: 'a/b:80', to: c/d, expect: deny}]", "tests[0].from: Invalid value"),
        ("tests: [{from: a/b, to: 'c/d:80', ports: [80], expect: deny}]", "tests[0].ports: Forbidden"),
        ("tests: [{from: 10.0.0.0/99, to: c/d, expect: deny}]", "tests[0].from: Invalid value"),
        ("podCIDR: ten\ntests: [a/b -> c/d deny]", "podCIDR: Invalid value"),
        ("assume: [shop]\ntests: [a/b -> c/d deny]", "assume: Invalid value"),
        ("tests: [a/b -> c/d deny]\nwaivers: [{test: a/b, reason: x}]", "waivers[0].test: Invalid value"),
        (
            "tests: [a/b -> c/d deny]\nwaivers: [{test: a/b -> c/d deny, expires: soon}]",
            "waivers[0].expires: Invalid value",
        ),
        ("endpoints: {a: b, b: a}\ntests: [a -> c/d deny]", "endpoints[a]: Invalid value"),
        ("endpoints: {a: {cidrs: [ten]}}\ntests: [a -> c/d deny]", "endpoints[a].cidrs[0]: Invalid value"),
        ("tests: [{from: a/b, to: c/d, expect: deny, to: x}]", "tests[0].to: key \"to\" already set in map"),
    ] {
        let refused = is_read(&about_shop(bad)).expect_err(bad);
        assert!(refused.starts_with(place), "{bad}: {refused}");
    }
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let session = session(
        "tests:\n- {from: a, too: b, expect: deny}\n- {from: a, to: b, expect: perhaps}\n- x\ncni: spek\n",
    );
    let (status, stdout, stderr) = session.run("test t.yaml");
    assert_eq!((status, &*stdout), (2, ""));
    for says in [
        "tests[0].too: unknown field \"tests[0].too\"",
        "did you mean `to`?",
        "t.yaml:6:",
        "tests[1].expect: Unsupported value: \"perhaps\"",
        "tests[2]: Invalid value: \"x\"",
        "did you mean `spec`?",
        "error: 4 problems in 1 file",
    ] {
        assert!(stderr.contains(says), "{says}\n{stderr}");
    }
}

#[test]
fn policies_of_other_tiers_are_named_where_they_decide() {
    let admin = "---\napiVersion: policy.networking.k8s.io/v1beta1\nkind: ClusterNetworkPolicy\nmetadata: {name: open}\n\
        spec: {tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: Accept, \
        from: [{namespaces: {}}], protocols: [{tcp: {destinationPort: {number: 5432}}}]}]}\n";
    let shop = format!("{SHOP}{admin}");
    let tests = about_shop("tests: ['shop/web -> shop/db:5432 deny', 'shop/web -> shop/db:22 allow']\n");
    let session = Session::new(&[("shop.yaml", &shop), ("t.yaml", &tests)]);
    let (_, stdout, _) = session.run("test t.yaml");
    // The rule of the NetworkPolicy is not reached: to narrow it would change nothing.
    let says = "to deny it, narrow ClusterNetworkPolicy open spec.ingress[0]";
    assert!(stdout.contains(says) && !stdout.contains("and NetworkPolicy shop/db"), "{stdout}");
    // What is denied since no rule admits it is for the policy that isolates, whatever other policies select the pod.
    let (_, stdout, _) = session.run("test t.yaml -o json");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    let policies: Vec<&Value> =
        report["tests"].as_array().unwrap().iter().map(|test| &test["policy"]["kind"]).collect();
    assert_eq!(policies, ["ClusterNetworkPolicy", "NetworkPolicy"], "{stdout}");
}

#[test]
fn policies_without_a_name_of_their_own_are_broken_too() {
    let policy = "---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {generateName: web-, namespace: shop}
spec: {podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 80}]}]}
---
apiVersion: policy.networking.k8s.io/v1beta1
kind: ClusterNetworkPolicy
metadata: {generateName: all-}
spec: {tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{pods: {podSelector: {matchLabels: {app: x}}}}]}]}
";
    let shop = format!("{SHOP}{policy}");
    let tests = about_shop("tests: ['shop/web -> shop/db:5432 allow', 'shop/db -> shop/web:81 deny']\n");
    let session = Session::new(&[("shop.yaml", &shop), ("t.yaml", &tests)]);
    let (status, stdout, stderr) = session.run("test t.yaml --mutate -o json");
    let report: Value = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{status}: {stderr}"));
    schema::check("mutation-report.json", &report);
    for name in ["shop/web-xxxxx", "all-xxxxx"] {
        assert!(stdout.contains(&format!("\"{name}\"")), "{name}: {stdout}");
    }
}
