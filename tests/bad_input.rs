//! Input that is not right: every case must give exactly the errors that the API server would, and nothing may crash.
//!
//! The cases are data, `bad_input/*.yaml`: a text, and the code, field path and wording of each error. Fragments (a
//! port, a peer, a selector) are put into every place that takes them. `accepted.yaml` holds what looks wrong and is
//! not. Hostile input that is too large or too odd for a file is made in `hostile`.

mod hostile;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use podreach::cluster::{self, build};
use podreach::diagnostic::{Diagnostic, Severity};
use podreach::load::{self, Input, load};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    place: Place,
    cases: Vec<Case>,
}

/// The part of a manifest that the input of a case is.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Place {
    /// A whole text.
    Manifest,
    /// `spec` of a NetworkPolicy.
    Spec,
    /// One of a rule's `ports`.
    Port,
    /// One of a rule's `from` or `to`.
    Peer,
    /// Any label selector.
    Selector,
    /// `spec` of a ClusterNetworkPolicy.
    ClusterNetworkPolicy,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    input: String,
    #[serde(default)]
    errors: Vec<Expected>,
    #[serde(default)]
    warnings: Vec<Expected>,
}

/// Code, field path, part of the message.
#[derive(Clone, Debug, Deserialize)]
struct Expected(String, String, String);

impl Expected {
    /// The same below `prefix`.
    fn below(&self, prefix: &str) -> Self {
        let Self(code, path, message) = self;
        let path = match &**path {
            "" => prefix.to_owned(),
            path => format!("{prefix}.{path}"),
        };
        Self(code.clone(), path, message.clone())
    }

    fn describes(&self, finding: &Diagnostic) -> bool {
        let Self(code, path, message) = self;
        finding.code.name() == code && finding.path == *path && finding.message.contains(&**message)
    }
}

impl Case {
    /// The fragment within a policy, its errors below `prefix`.
    fn within(&self, spec: &str, prefix: &str) -> Self {
        Self {
            name: format!("{} at {prefix}", self.name),
            input: format!(
                "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: policy}}\nspec:\n{spec}"
            ),
            errors: self.errors.iter().map(|error| error.below(prefix)).collect(),
            warnings: self.warnings.iter().map(|warning| warning.below(prefix)).collect(),
        }
    }

    /// The fragment as element `element` of a list of rule `rule`; what stands before it is `filler`.
    fn in_rule(
        &self,
        direction: &str,
        list: &str,
        [rule, element]: [usize; 2],
        filler: &str,
        field: &str,
    ) -> Self {
        let before = format!("  - {list}:\n    - {filler}\n").repeat(rule);
        let siblings = format!("    - {filler}\n").repeat(element);
        let input = &self.input;
        let (item, prefix) = match field {
            "" => (input.clone(), String::new()),
            field => (format!("{field}:\n        {input}"), format!(".{field}")),
        };
        self.within(
            &format!("  {direction}:\n{before}  - {list}:\n{siblings}    - {item}\n"),
            &format!("spec.{direction}[{rule}].{list}[{element}]{prefix}"),
        )
    }

    /// The case in every place that takes it.
    fn everywhere(self, place: Place) -> Vec<Self> {
        const POSITIONS: [[usize; 2]; 3] = [[0, 0], [0, 1], [1, 1]];
        const PEERS: [(&str, &str); 2] = [("ingress", "from"), ("egress", "to")];
        const FILLER: &str = "podSelector: {}";
        match place {
            Place::Manifest => vec![self],
            Place::ClusterNetworkPolicy => vec![Self {
                input: format!(
                    "apiVersion: policy.networking.k8s.io/v1beta1\nkind: ClusterNetworkPolicy\nmetadata: {{name: a}}\nspec: {}\n",
                    self.input
                ),
                errors: self.errors.iter().map(|error| error.below("spec")).collect(),
                ..self
            }],
            Place::Spec => vec![self.within(&format!("  {}\n", self.input), "spec")],
            Place::Port => POSITIONS
                .into_iter()
                .flat_map(|at| ["ingress", "egress"].map(|d| self.in_rule(d, "ports", at, "port: 1", "")))
                .collect(),
            Place::Peer => POSITIONS
                .into_iter()
                .flat_map(|at| PEERS.map(|(d, list)| self.in_rule(d, list, at, FILLER, "")))
                .collect(),
            Place::Selector => ["podSelector", "namespaceSelector"]
                .into_iter()
                .flat_map(|field| PEERS.map(|(d, list)| self.in_rule(d, list, [1, 1], FILLER, field)))
                .chain([self.within(&format!("  podSelector:\n    {}\n", self.input), "spec.podSelector")])
                .collect(),
        }
    }
}

/// All cases of one file, in all their places.
fn cases(file: &str) -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_input").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{file}: {e}"));
    let group: Group = serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{file}: {e}"));
    group.cases.into_iter().flat_map(|case| case.everywhere(group.place)).collect()
}

const BAD: [&str; 9] = [
    "admin_network_policy.yaml",
    "cluster_network_policy.yaml",
    "everything.yaml",
    "manifest.yaml",
    "peer.yaml",
    "port.yaml",
    "selector.yaml",
    "spec.yaml",
    "text.yaml",
];

/// Everything that is said about an input.
fn findings(inputs: &[Input]) -> Vec<Diagnostic> {
    let loaded = load(inputs, load::Options { recursive: true, ..load::Options::default() });
    let built = build(&loaded.manifests, &cluster::Options::default());
    loaded.diagnostics.into_iter().chain(built.diagnostics).collect()
}

fn findings_of_text(text: impl Into<Vec<u8>>) -> Vec<Diagnostic> {
    findings(&[Input::Text { name: "input.yaml".to_owned(), bytes: text.into() }])
}

/// The names of the codes of all errors.
fn error_codes(findings: &[Diagnostic]) -> Vec<&'static str> {
    findings.iter().filter(|f| f.severity() == Severity::Error).map(|f| f.code.name()).collect()
}

/// The difference between the findings of one severity and the expected ones, in any order; `None` if they agree.
fn mismatch(
    name: &str,
    expected: &[Expected],
    findings: &[Diagnostic],
    severity: Severity,
) -> Option<String> {
    let found: Vec<&Diagnostic> = findings.iter().filter(|f| f.severity() == severity).collect();
    let mut rest = found.clone();
    for one in expected {
        if let Some(at) = rest.iter().position(|finding| one.describes(finding)) {
            rest.swap_remove(at);
        }
    }
    if rest.is_empty() && found.len() == expected.len() {
        return None;
    }
    let found: Vec<String> =
        found.iter().map(|f| format!("{} `{}` {}", f.code.name(), f.path, f.message)).collect();
    Some(format!("{name}:\n  expected {expected:?}\n  found    {found:?}"))
}

#[test]
fn every_bad_input_gives_exactly_its_errors() {
    let mut failures = Vec::new();
    let mut names = BTreeSet::new();
    for file in BAD {
        for case in cases(file) {
            let name = format!("{file}: {}", case.name);
            assert!(!case.errors.is_empty(), "{name}: expects no error");
            failures.extend(mismatch(&name, &case.errors, &findings_of_text(case.input), Severity::Error));
            assert!(names.insert(name), "a case stands there twice: {:?}", case.name);
        }
    }
    assert!(names.len() > 900, "cases are missing: {}", names.len());
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), names.len(), failures.join("\n"));
}

#[test]
fn what_the_api_server_accepts_is_no_error() {
    let mut failures = Vec::new();
    for case in cases("accepted.yaml") {
        let findings = findings_of_text(case.input);
        failures.extend(mismatch(&case.name, &case.errors, &findings, Severity::Error));
        failures.extend(mismatch(&case.name, &case.warnings, &findings, Severity::Warning));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn the_corpus_covers_every_code_of_an_object() {
    let used: BTreeSet<String> =
        BAD.iter().flat_map(|file| cases(file)).flat_map(|case| case.errors).map(|error| error.0).collect();
    // The others need bytes or files that no case can write (see `hostile`), or a change of the input.
    let elsewhere = ["unreadable", "not-text", "too-large", "bad-change", "kustomized"];
    for code in podreach::diagnostic::Code::ALL {
        let wanted = code.severity() == Severity::Error && !elsewhere.contains(&code.name());
        assert_eq!(used.contains(code.name()), wanted, "{}", code.name());
    }
}

/// Runs the binary on one file.
fn run(path: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_podreach"))
        .args(["matrix", "--color", "never", "-f"])
        .arg(path)
        .output()
        .expect("the binary runs")
}

#[test]
fn the_binary_ends_with_2_and_says_why() {
    let folder = tempfile::tempdir().expect("a folder for the cases");
    let all: Vec<Case> = BAD.iter().flat_map(|file| cases(file)).collect();
    for case in all.iter().step_by(all.len() / 12) {
        let path = folder.path().join("case.yaml");
        std::fs::write(&path, &case.input).expect("the case can be written");
        let output = run(&path);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{}: {stderr}", case.name);
        assert!(output.stdout.is_empty(), "{}: an answer in spite of errors", case.name);
        for Expected(_, path, message) in &case.errors {
            assert!(stderr.contains(&**path) && stderr.contains(&**message), "{}: {stderr}", case.name);
        }
        assert!(stderr.contains("case.yaml"), "{}: {stderr}", case.name);
    }
}

#[test]
fn the_binary_writes_no_escape_of_a_terminal_that_the_input_holds() {
    let folder = tempfile::tempdir().expect("a folder for the cases");
    for (file, status, text) in [
        ("name.yaml", 2, "{apiVersion: v1, kind: Pod, metadata: {name: \"web\\e[31m\"}}"),
        (
            "value.yaml",
            2,
            "{apiVersion: v1, kind: Namespace, metadata: {name: a, labels: {a: \"\\e]0;title\\a\"}}}",
        ),
        (
            "field.yaml",
            2,
            "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: a}, \"\\e[2J\": 1}",
        ),
        ("kind.yaml", 0, "{apiVersion: v1, kind: \"Pod\\e[1A\", metadata: {name: a}}"),
        ("file\u{1b}[31m.yaml", 2, "kind: ["),
    ] {
        let path = folder.path().join(file);
        std::fs::write(&path, text).expect("the case can be written");
        let output = run(&path);
        assert_eq!(output.status.code(), Some(status), "{file:?}");
        for bytes in [&output.stdout, &output.stderr] {
            assert!(!bytes.contains(&0x1b) && !bytes.contains(&0x07), "{file:?}: {bytes:?}");
        }
    }
}
