//! Sessions with the built binary: exit status, streams, formats.
#![expect(clippy::unwrap_used, reason = "what helps tests may fail like the tests themselves")]

mod difference;
mod explain;
mod faults;
mod input;
mod large;
mod outputs;
mod picture;
mod project;
mod report;
mod schema;
mod services;
mod test;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A folder with files, in which podreach runs.
struct Session {
    folder: TempDir,
}

/// Two pods; nobody may connect to `db` but `web` on one port, to which a port of unknown fate is added by a policy
/// that speaks of a namespace nobody declares.
const SHOP: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
spec: {containers: [{name: c, image: x}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: web}}}]
    ports: [{port: 5432}]
  - from: [{namespaceSelector: {matchLabels: {env: prod}}}]
    ports: [{port: 9000}]
";

const BROKEN: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: bad, namespace: shop}
spec:
  podSelector: {}
  ingress:
  - from: [{ipBlock: {cidr: 10.0.0.0/33}}]
";

impl Session {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_podreach"));
        command.args(line.split_whitespace()).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
        command
    }

    /// Exit status, standard output, standard error.
    fn run(&self, line: &str) -> (i32, String, String) {
        texts(self.command(line).output().unwrap())
    }
}

fn texts(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn help_and_version_are_no_mistakes() {
    let session = Session::new(&[]);
    for (line, says) in [
        ("--help", "Usage: podreach"),
        ("matrix --help", "Examples:"),
        ("-V", "podreach 0."),
        ("completion bash", "complete -F _podreach"),
        ("completion zsh", "#compdef podreach"),
    ] {
        let (status, stdout, stderr) = session.run(line);
        assert!(status == 0 && stdout.contains(says) && stderr.is_empty(), "{line}: {stdout}{stderr}");
    }
}

#[test]
fn usage_mistakes_end_with_2_and_say_what_was_meant() {
    let session = Session::new(&[("shop.yaml", SHOP)]);
    for (line, says) in [
        ("matrix", "no input was named"),
        ("matrx -f shop.yaml", "'matrix'"),
        ("matrix -f shop.yaml -o jsno", "did you mean `json`?"),
        ("matrix -f shop.yaml --cni cilum", "'cilium'"),
        ("matrix -f shop.yaml --by pods", "'pod'"),
        ("matrix -f shop.yaml -o json -o csv", "only one output can go to standard output"),
        ("matrix -f shop.yaml -l a=b=c", "expected `,` or the end"),
        ("matrix -f shop.yaml --pod-cidr ten", "invalid"),
        ("matrix -f shop.yaml --assume ns/shop", "2"),
        ("matrix -f shop.yaml -n shpo", "did you mean `shop`?"),
        ("matrix -f shop.yaml -l app=wbe", "no pod has `app=wbe`; did you mean `app=web`?"),
        ("reach -f shop.yaml --to shop/db -l ap=web", "no pod has a label `ap`; did you mean `app`?"),
        ("matrix -f shop.yaml -n shop -l tier", "no pod of namespace `shop` matches `-l tier`"),
        ("can -f shop.yaml shop/web", "FROM"),
        ("can -f shop.yaml --from shop/web", "--to"),
        ("can -f shop.yaml shop/web shop/db --from shop/web --to shop/db", "cannot be used with"),
        ("can -f shop.yaml shop/web shop/db:80 --port 81", "one too many"),
        ("can -f shop.yaml shop/web any:80", "`internet`"),
    ] {
        let (status, stdout, stderr) = session.run(line);
        assert!(
            status == 2 && stdout.is_empty() && stderr.contains(says),
            "{line}: {status} {stdout}{stderr}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_plugin_of_kubectl_speaks_of_kubectl() {
    let session = Session::new(&[]);
    let plugin = session.path("kubectl-podreach");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_podreach"), &plugin).unwrap();
    let (_, stdout, _) = texts(Command::new(plugin).args(["matrix", "--help"]).output().unwrap());
    assert!(stdout.contains("Usage: kubectl podreach matrix"), "{stdout}");
}

#[test]
fn rows() {
    let session = Session::new(&[("shop.yaml", SHOP)]);
    let (status, stdout, _) = session.run("matrix -f shop.yaml --by pod -o ndjson");
    assert_eq!(status, 0);
    let rows: Vec<serde_json::Value> =
        stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let to_db = rows
        .iter()
        .find(|row| row["from"]["pod"] == "shop/web" && row["to"]["pod"] == "shop/db")
        .expect("web reaches db");
    assert_eq!(to_db["ports"], serde_json::json!({"TCP": "5432"}));
    assert_eq!(to_db["unknown"], serde_json::json!({"TCP": "9000"}));
    for row in &rows {
        schema::check("flow.json", row);
    }
    let (_, csv, _) = session.run("matrix -f shop.yaml --by pod -o csv");
    assert_eq!(csv.lines().count(), rows.len() + 1);
    assert!(csv.contains("shop/web,shop/db,5432/TCP,,9000/TCP,Pod,Pod,\n"), "{csv}");
}

#[test]
fn documents_follow_their_schema() {
    let session = Session::new(&[("shop.yaml", SHOP), ("broken.yaml", BROKEN)]);
    for level in ["pod", "workload", "namespace"] {
        let (status, stdout, stderr) = session.run(&format!("matrix -f shop.yaml --by {level} -o json"));
        assert_eq!(status, 0, "{stderr}");
        let matrix = serde_json::from_str(&stdout).unwrap();
        schema::check("reachability-matrix.json", &matrix);
        let (_, yaml, _) = session.run(&format!("matrix -f shop.yaml --by {level} -o yaml"));
        assert_eq!(serde_yaml::from_str::<serde_json::Value>(&yaml).unwrap(), matrix);
    }
    let (_, stdout, _) = session.run("matrix -f shop.yaml --summary -o json");
    let summary: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    schema::check("reachability-matrix.json", &summary);
    assert_eq!(summary["summary"]["podPairs"]["total"], 2);
    assert_eq!(summary.get("flows"), None);
}

#[test]
fn notes_say_which_facts_are_missing() {
    let session = Session::new(&[("shop.yaml", SHOP)]);
    let (_, stdout, _) = session.run("matrix -f shop.yaml -o json");
    let matrix: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let note = |code: &str| {
        let notes = matrix["notes"].as_array().unwrap();
        notes.iter().find(|note| note["code"] == code).expect(code).clone()
    };
    let fact = note("missing-fact");
    let message = fact["message"].as_str().unwrap();
    assert!(message.starts_with("whether namespace `shop` has label `env: prod` is not known"), "{message}");
    assert_eq!((&fact["name"], &fact["line"]), (&"shop/db".into(), &19.into()));
    let help = fact["help"].as_str().unwrap();
    assert_eq!(help, "add the Namespace, or say `--assume ns/shop env=prod`");
    assert!(note("profiles-differ")["message"].as_str().unwrap().contains("`aws-vpc-cni`"));
    let (_, table, _) = session.run("matrix -f shop.yaml");
    assert!(table.contains(message) && table.contains(help), "{table}");
    let (_, known, _) = session.run("matrix -f shop.yaml --assume ns/shop env=prod");
    assert!(!known.contains("is not known"), "{known}");
}

#[test]
fn people_are_told_names_and_ports() {
    let session = Session::new(&[("shop.yaml", SHOP)]);
    let (status, stdout, stderr) = session.run("matrix -f shop.yaml");
    assert_eq!(status, 0);
    for says in ["2 pods in 2 workloads", "CNI profile spec", "5432/TCP; 9000/TCP unknown"] {
        assert!(stdout.contains(says), "{stdout}");
    }
    assert!(!stdout.contains('\u{1b}') && !stderr.contains('\u{1b}'));
    let (_, coloured, _) = session.run("matrix -f shop.yaml --color always");
    assert!(coloured.contains('\u{1b}'));
}

#[test]
fn bad_input_is_reported_whole_and_ends_with_2() {
    let two = format!("{BROKEN}---\n{}", BROKEN.replace("bad", "worse"));
    let session = Session::new(&[("shop.yaml", SHOP), ("broken.yaml", &two)]);
    let (status, stdout, stderr) = session.run("matrix -f shop.yaml -f broken.yaml");
    assert_eq!((status, &*stdout), (2, ""));
    assert_eq!(stderr.matches("spec.ingress[0].from[0].ipBlock.cidr").count(), 2, "{stderr}");
    assert!(stderr.contains("broken.yaml:7:"), "{stderr}");
    assert!(stderr.ends_with(
        "error: 2 problems in 1 file; nothing was evaluated (--keep-going leaves bad objects out)\n"
    ));

    let (status, stdout, _) = session.run("matrix -f shop.yaml -f broken.yaml -o json");
    assert_eq!(status, 2);
    let diagnostics = serde_json::from_str(&stdout).unwrap();
    schema::check("diagnostics.json", &diagnostics);
    assert_eq!(diagnostics["diagnostics"][1]["line"], 15);

    let (status, _, stderr) = session.run("matrix -f shop.yaml -f broken.yaml --keep-going");
    assert_eq!(status, 0, "{stderr}");
}

#[test]
fn a_policy_left_out_is_to_be_corrected_and_not_to_be_ignored() {
    let pod = |name: &str| format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\n---\n");
    let policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\n\
                  spec: {podSelector: {}, ingress: [{ports: [{port: 0}]}]}\n";
    let session = Session::new(&[("all.yaml", &(pod("a") + &pod("b") + policy))]);
    for verb in ["can", "explain"] {
        let (_, stdout, _) = session.run(&format!("{verb} -f all.yaml --keep-going a b:80"));
        assert!(
            stdout.starts_with("unknown") && stdout.contains("left out because of its errors"),
            "{stdout}"
        );
        assert!(!stdout.contains("ignore-kind"), "{stdout}");
    }
    assert_eq!(session.run("can -f all.yaml --keep-going a b:80").0, 3);
}

#[test]
fn strict_ends_with_3_when_something_is_unknown() {
    let session = Session::new(&[("shop.yaml", SHOP)]);
    assert_eq!(session.run("matrix -f shop.yaml --strict -o ndjson").0, 3);
    assert_eq!(session.run("matrix -f shop.yaml --strict --summary").0, 3);
    assert_eq!(session.run("matrix -f shop.yaml --strict --assume ns/shop env=prod").0, 0);
    assert_eq!(session.run("matrix -f shop.yaml --strict=false").0, 0);
}

#[test]
fn outputs_go_to_files() {
    let session = Session::new(&[("shop.yaml", SHOP)]);
    let (status, stdout, _) =
        session.run("matrix -f shop.yaml -o json=matrix.json -o md=matrix.md -o ndjson");
    assert_eq!(status, 0);
    assert!(stdout.starts_with("{\"from\":"));
    let read = |name| std::fs::read_to_string(session.path(name)).unwrap();
    schema::check("reachability-matrix.json", &serde_json::from_str(&read("matrix.json")).unwrap());
    assert!(read("matrix.md").contains("| shop/web | shop/db | 5432/TCP |"));
}

#[test]
fn namespaces_and_labels_filter() {
    let other = SHOP.replace("namespace: shop", "namespace: other");
    let session = Session::new(&[("shop.yaml", SHOP), ("other.yaml", &other)]);
    let count = |line: &str| session.run(&format!("matrix --by pod -o ndjson -f . {line}")).1.lines().count();
    let all = count("");
    assert!(count("-n shop") < all && count("-n shop") > 0);
    assert_eq!(count("-n shop -A"), all);
    assert!(count("-l app=db") < all && count("-l app=db") > 0);
    assert_eq!(session.run("matrix -f . -l app=nothing").0, 2);
}

#[test]
fn no_pods_is_an_answer() {
    let policy = SHOP.rsplit_once("---\n").unwrap().1;
    let session = Session::new(&[("policy.yaml", policy)]);
    let (status, stdout, stderr) = session.run("matrix -f policy.yaml -o ndjson");
    assert_eq!((status, &*stdout), (0, ""));
    assert!(stderr.contains("no pods"), "{stderr}");
    let (status, stdout, _) = session.run("matrix -f policy.yaml");
    assert!(status == 0 && stdout.contains("No pods"), "{stdout}");
}

#[test]
fn nothing_is_enforced_by_flannel_and_that_is_said() {
    let session = Session::new(&[("shop.yaml", SHOP)]);
    let (status, stdout, stderr) = session.run("matrix -f shop.yaml --cni flannel --by pod -o ndjson");
    assert_eq!(status, 0);
    assert!(stdout.contains(r#""to":{"pod":"shop/db"},"ports":{"TCP":"1-65535""#), "{stdout}");
    assert!(stderr.contains("flannel enforces no NetworkPolicy"), "{stderr}");
}

#[test]
fn timings_name_every_stage() {
    let session = Session::new(&[("shop.yaml", SHOP)]);
    let (_, _, stderr) = session.run("matrix -f shop.yaml --timings -o ndjson");
    for stage in ["load", "build", "compile", "solve", "output"] {
        assert!(
            stderr.lines().any(|line| line.starts_with(stage)
                && line.contains(" s")
                && (cfg!(not(unix)) || line.contains(" cpu "))),
            "{stderr}"
        );
    }
}

#[cfg(unix)]
#[test]
fn what_takes_long_is_said_to_whoever_watches() {
    use crate::terminal::{UNICODE, shown};
    let session = Session::new(&[("shop.yaml", SHOP)]);
    let pipe = session.folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
    let slowly = |options: &str| format!("matrix -f pipe {options} & sleep 1.5; cat shop.yaml > pipe; wait");
    for (line, is_said) in [
        (slowly(""), true),
        (slowly("--quiet"), false),
        (slowly("2> said.txt") + "; cat said.txt", false),
        ("matrix -f shop.yaml".to_owned(), false),
    ] {
        let Some(shown) = shown(&line, session.folder.path(), &UNICODE) else { return };
        assert!(shown.contains("shop/db"), "{line}: {shown}");
        assert_eq!(shown.contains("reading the input"), is_said, "{line}: {shown}");
    }
}

#[test]
fn questions_are_answered_by_the_exit_status() {
    let session = Session::new(&[("shop.yaml", SHOP)]);
    for (question, status, verdict) in [
        ("shop/web shop/db:5432", 0, "allow"),
        ("shop/web shop/db:80", 1, "deny"),
        ("shop/web shop/db:9000", 3, "unknown"),
        ("internet shop/web:http-alt", 2, ""),
        ("shop/wbe shop/db:80", 2, ""),
    ] {
        let (ended, stdout, stderr) = session.run(&format!("can -f shop.yaml {question}"));
        assert_eq!(ended, status, "{question}: {stdout}{stderr}");
        assert!(stdout.starts_with(verdict), "{question}: {stdout}");
    }
    assert!(session.run("can -f shop.yaml shop/wbe shop/db:80").2.contains("`shop/web`"));
    assert_eq!(session.run("can -f shop.yaml shop/web shop/db:80 -o csv").0, 2);
}

/// Without a port the question is about the ports that the destination declares.
#[test]
fn declared_ports_are_asked_for_where_none_is_named() {
    let ports =
        "spec: {containers: [{name: c, image: x, ports: [{containerPort: 5432}, {containerPort: 9102}]}]}";
    let plain = "spec: {containers: [{name: c, image: x}]}";
    let at = SHOP.rfind(plain).unwrap();
    let declared = format!("{}{ports}{}", &SHOP[..at], &SHOP[at + plain.len()..]);
    let session = Session::new(&[("shop.yaml", &declared)]);
    for (question, status, says) in [
        (
            "shop/web shop/db",
            1,
            "partly: 5432/TCP allowed; 9102/TCP denied (shop/web -> shop/db, cni spec)\n",
        ),
        ("--from shop/web --to shop/db", 1, "partly: 5432/TCP allowed; 9102/TCP denied"),
        ("--from shop/web --to shop/db --port 5432", 0, "allow: shop/web -> shop/db on 5432/TCP"),
        ("shop/web shop/db --port 9102", 1, "deny: shop/web -> shop/db on 9102/TCP"),
        ("--from shop/web --to shop/db:9000-9102", 1, "deny: shop/web -> shop/db on 9000-9102/TCP"),
        ("app=web shop/db:5432-5433", 1, "partly: 5432/TCP allowed; 5433/TCP denied"),
        ("shop/db shop/web", 0, "allow: shop/db -> shop/web on all ports"),
        ("shop/web 203.0.113.7", 0, "allow: shop/web -> 203.0.113.7 on all ports"),
    ] {
        for verb in ["can", "explain"] {
            let (ended, stdout, stderr) = session.run(&format!("{verb} -f shop.yaml {question}"));
            let expected = if verb == "can" { status } else { 0 };
            assert!(
                ended == expected && stdout.starts_with(says),
                "{verb} {question}: {ended} {stdout}{stderr}"
            );
        }
    }
    let (_, stdout, _) = session.run("can -f shop.yaml shop/web shop/db -o json");
    let object: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    schema::check("explanation.json", &object);
    let parts = [&object["verdict"], &object["allowed"]["TCP"], &object["denied"]["TCP"], &object["unknown"]];
    assert_eq!(parts.map(ToString::to_string), ["\"deny\"", "\"5432\"", "\"9102\"", "{}"]);
    assert!(object["notes"][0].as_str().unwrap().starts_with("no port was named"), "{object}");
}

#[test]
fn explanations_follow_their_schema() {
    let session = Session::new(&[("shop.yaml", SHOP)]);
    for port in [5432, 80, 9000] {
        for verb in ["can", "explain"] {
            let (_, stdout, _) = session.run(&format!("{verb} -f shop.yaml shop/web shop/db:{port} -o json"));
            schema::check("explanation.json", &serde_json::from_str(&stdout).unwrap());
        }
    }
    let (status, stdout, _) = session.run("explain -f shop.yaml shop/web shop/web -o json");
    assert_eq!(status, 0);
    schema::check("explanation.json", &serde_json::from_str(&stdout).unwrap());
    let (status, stdout, _) = session.run("explain -f shop.yaml shop/db -o json");
    assert_eq!(status, 0);
    schema::check("endpoint-explanation.json", &serde_json::from_str(&stdout).unwrap());
    assert_eq!(session.run("explain -f shop.yaml shop/web shop/db:9000 --strict").0, 3);
}

/// Flows that are not shown are not shown as denied, and those that are shown are the same in every format.
#[test]
fn a_part_of_the_matrix_does_not_pretend_to_be_all_of_it() {
    let other = SHOP.replace("namespace: shop", "namespace: other");
    let session = Session::new(&[("shop.yaml", SHOP), ("other.yaml", &other)]);
    let run = |line: &str| {
        let (status, stdout, stderr) = session.run(&format!("matrix -f . {line}"));
        assert_eq!(status, 0, "{line}: {stderr}");
        stdout
    };
    for filter in ["-n shop", "-l app=db", "-n shop -l app=db", "--from shop/web", "--to shop/db"] {
        let matrix: serde_json::Value = serde_json::from_str(&run(&format!("{filter} -o json"))).unwrap();
        let endpoints: Vec<_> =
            matrix["endpoints"].as_array().unwrap().iter().map(|endpoint| &endpoint["workload"]).collect();
        for flow in matrix["flows"].as_array().unwrap() {
            for end in ["from", "to"].map(|end| &flow[end]).into_iter().filter(|end| end["cidrs"].is_null()) {
                assert!(endpoints.contains(&&end["workload"]), "{filter}: {end} is not an endpoint");
            }
        }
        assert!(endpoints.iter().any(|name| **name == "shop/db"), "{filter}");
        assert!(run(filter).contains("shop/db"), "{filter}");
    }
    let table = run("--from other/web --to shop/db");
    assert!(
        table.contains("from \\ to") && !table.contains("other/db") && !table.contains("shop/web"),
        "{table}"
    );
    let table = run("-n shop");
    assert!(table.contains("from \\ to") && !table.contains("other/* (1)"), "{table}");
}

#[test]
fn the_matrix_can_be_asked_for_ends_and_ports() {
    let session = Session::new(&[("shop.yaml", SHOP)]);
    let rows = |line: &str| session.run(&format!("matrix -f shop.yaml --by pod -o csv {line}")).1;
    let head = "from,to,ports,some,unknown,fromKind,toKind,restricted\n";
    assert_eq!(
        rows("--from shop/web --to shop/db --port 5432"),
        format!("{head}shop/web,shop/db,5432/TCP,,,Pod,Pod,\n")
    );
    assert_eq!(rows("--from shop/web --to shop/db --port 80"), head);
}

#[test]
fn reach_is_answered_in_every_format() {
    let session = Session::new(&[("shop.yaml", SHOP)]);
    for line in [
        "--to shop/db",
        "--to shop/db:5432 --hops 3",
        "--from shop/web --hops 2",
        "--from internet --port 443 --hops 2",
        "--to shop/db --external-only",
    ] {
        let (status, json, stderr) = session.run(&format!("reach -f shop.yaml {line} -o json"));
        assert_eq!(status, 0, "{line}: {stderr}");
        let object: serde_json::Value = serde_json::from_str(&json).unwrap();
        schema::check("reach.json", &object);
        let (_, yaml, _) = session.run(&format!("reach -f shop.yaml {line} -o yaml"));
        assert_eq!(serde_yaml::from_str::<serde_json::Value>(&yaml).unwrap(), object);
        for (format, says) in [("svg", "</svg>\n"), ("dot", "}\n"), ("md", "\n"), ("wide", "\n")] {
            let (status, text, _) = session.run(&format!("reach -f shop.yaml {line} -o {format}"));
            assert!(status == 0 && text.ends_with(says), "{line} -o {format}: {text}");
        }
    }
    let (_, json, _) = session.run("reach -f shop.yaml --to shop/db -o json");
    let object: serde_json::Value = serde_json::from_str(&json).unwrap();
    let web = &object["reached"][0];
    assert_eq!((&web["workload"], &web["ports"]), (&"shop/web".into(), &serde_json::json!({"TCP": "5432"})));
    assert_eq!(web["unknown"], serde_json::json!({"TCP": "9000"}));
    let admitted = &web["path"][0]["because"]["ingress"]["policies"][0];
    assert_eq!((&admitted["name"], &admitted["line"]), (&"shop/db".into(), &17.into()));
}

/// The pictures of the guide are what podreach draws now; `PODREACH_UPDATE=1 cargo test guide` draws them anew.
#[test]
fn the_pictures_of_the_guide_are_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (file, line, title) in [
        (
            "blast-radius.svg",
            "reach -f scenarios/three-tier-fixed/manifests --from multi-tier/frontend --hops 3 -o svg",
            "<title>What multi-tier/frontend reaches",
        ),
        (
            "before-after.svg",
            "diff --before scenarios/three-tier/manifests --after scenarios/three-tier-fixed/manifests -o svg",
            "<title>What differs between two inputs",
        ),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_podreach"));
        let (_, drawn, _) = texts(command.args(line.split(' ')).current_dir(root).output().unwrap());
        let kept = root.join("docs/guide").join(file);
        if std::env::var_os("PODREACH_UPDATE").is_some() {
            std::fs::write(&kept, &drawn).unwrap();
        }
        assert_eq!(drawn, std::fs::read_to_string(&kept).unwrap(), "{file}");
        assert!(drawn.contains(title) && drawn.contains("<desc>"), "{file}");
    }
}

#[test]
fn reach_names_what_is_wrong_and_says_when_it_is_not_sure() {
    let session = Session::new(&[("shop.yaml", SHOP)]);
    for (line, status, says) in [
        ("--to shop/bd", 2, "did you mean `shop/db`?"),
        ("", 2, "--to"),
        ("--to shop/db --from shop/web", 2, "cannot be used with"),
        ("--from shop/db --hops 0", 2, "0 is not in"),
        ("--from shop/db:80", 2, "port"),
        ("--to shop/db -o csv", 2, "`reach` has no output `csv`"),
        ("--to shop/db --strict", 3, ""),
        ("--to shop/db --port 5432 --strict", 0, ""),
    ] {
        let (found, stdout, stderr) = session.run(&format!("reach -f shop.yaml {line}"));
        assert!(found == status && stderr.contains(says), "{line}: {found} {stdout}{stderr}");
    }
    let (_, perhaps, _) = session.run("reach -f shop.yaml --to shop/db:9000");
    assert!(perhaps.contains("none of 1 other workload surely, perhaps 1"), "{perhaps}");
    assert!(perhaps.contains("9000/TCP unknown"), "{perhaps}");
}

#[test]
fn a_lock_file_is_written_checked_and_guarded() {
    let stricter = SHOP.replace("port: 5432", "port: 5433");
    let session = Session::new(&[("shop.yaml", SHOP), ("stricter.yaml", &stricter)]);
    let (status, _, stderr) = session.run("snapshot -f shop.yaml --check");
    assert!(status == 2 && stderr.contains("`podreach snapshot --update` writes it"), "{stderr}");

    let (status, printed, _) = session.run("snapshot -f shop.yaml");
    assert_eq!(status, 0);
    let (status, stdout, stderr) = session.run("snapshot -f shop.yaml --update");
    assert!(status == 0 && stdout.is_empty() && stderr.contains("wrote reachability.lock.yaml"), "{stderr}");
    assert_eq!(std::fs::read_to_string(session.path("reachability.lock.yaml")).unwrap(), printed);
    let (_, _, stderr) = session.run("snapshot -f shop.yaml --update");
    assert!(stderr.contains("up to date"), "{stderr}");

    for (line, expected) in [
        ("snapshot -f shop.yaml --check", 0),
        ("snapshot -f shop.yaml --check --strict", 3),
        ("snapshot -f stricter.yaml --check", 1),
        ("snapshot -f stricter.yaml --check --fail-on removed-allow", 1),
        ("snapshot -f shop.yaml --check --cni cilium", 2),
        ("snapshot -f shop.yaml --check --update", 2),
        ("snapshot -f shop.yaml --fail-on any", 2),
        ("snapshot -f shop.yaml -o csv", 2),
    ] {
        let (status, stdout, stderr) = session.run(line);
        assert_eq!(status, expected, "{line}: {stdout}{stderr}");
    }
    let (_, stdout, _) = session.run("snapshot -f stricter.yaml --check");
    assert!(
        stdout.contains("~ shop/web -> shop/db  5433/TCP; 9000/TCP unknown, before 5432/TCP"),
        "{stdout}"
    );
    let (_, json, _) = session.run("snapshot -f stricter.yaml --check -o json");
    let object: serde_json::Value = serde_json::from_str(&json).unwrap();
    schema::check("lock-difference.json", &object);
    assert_eq!(object["changes"][0]["because"][0]["name"], "shop/db");
    let (_, json, _) = session.run("snapshot -f shop.yaml -o json");
    schema::check("reachability-lock.json", &serde_json::from_str(&json).unwrap());
    assert_eq!(std::fs::read_to_string(session.path("reachability.lock.yaml")).unwrap(), printed);
}

/// Policies never select hostNetwork pods, so these say nothing of the other pods of a namespace.
#[test]
fn a_namespace_with_host_network_pods_is_what_its_other_pods_are() {
    const HOST: &str =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: node, namespace: shop}\nspec: {hostNetwork: true}\n";
    const WEB: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\n";
    const DENY: &str = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\n\
                        spec: {podSelector: {}, ingress: [{}]}\n";
    let session = Session::new(&[
        ("host.yaml", HOST),
        ("open.yaml", &[HOST, WEB].join("---\n")),
        ("isolated.yaml", &[HOST, WEB, DENY].join("---\n")),
        (
            "mixed.yaml",
            &[
                HOST,
                WEB,
                &WEB.replace("web, ", "db, labels: {app: db}, "),
                &DENY.replace("{}, i", "{matchLabels: {app: db}}, i"),
            ]
            .join("---\n"),
        ),
    ]);
    for (file, ingress, egress) in [
        ("host.yaml", "exempt", "exempt"),
        ("open.yaml", "open", "open"),
        ("isolated.yaml", "isolated", "open"),
        ("mixed.yaml", "mixed", "open"),
    ] {
        let (_, json, _) = session.run(&format!("matrix -f {file} --by namespace -o json"));
        let matrix: serde_json::Value = serde_json::from_str(&json).unwrap();
        let isolation = &matrix["endpoints"][0]["isolation"];
        assert_eq!(
            (&isolation["ingress"], &isolation["egress"]),
            (&ingress.into(), &egress.into()),
            "{file}"
        );
    }
    let (_, table, _) = session.run("matrix -f open.yaml --by namespace");
    assert!(table.contains("every port, because no policy restricts it"), "{table}");
    assert!(!table.contains("by rules") && !table.contains("isolated for some"), "{table}");
}
