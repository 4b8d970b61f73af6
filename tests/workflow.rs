//! The sample workflow of the guide: its commands, run one after the other on a pull request made for it.
#![expect(clippy::unwrap_used, reason = "what helps tests may fail like the tests themselves")]
#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde::Deserialize;
use tempfile::TempDir;

#[derive(Deserialize)]
struct Workflow {
    env: BTreeMap<String, String>,
    jobs: BTreeMap<String, Job>,
}

#[derive(Deserialize)]
struct Job {
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    #[serde(default)]
    name: String,
    #[serde(default)]
    env: BTreeMap<String, String>,
    run: Option<String>,
}

/// A checkout of a pull request, with `gh` and `cargo` that only note down how they were called.
struct Runner {
    folder: TempDir,
    workflow: Workflow,
    expressions: BTreeMap<&'static str, String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

impl Runner {
    fn new() -> Self {
        let text = fs::read_to_string(root().join("docs/guide/github/reachability.yaml")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut runner =
            Self { folder, workflow: serde_yaml::from_str(&text).unwrap(), expressions: BTreeMap::new() };
        for folder in ["checkout/manifests", "checkout/tests", "bin"] {
            fs::create_dir_all(runner.path(folder)).unwrap();
        }
        for tool in ["gh", "cargo"] {
            let script =
                format!("#!/bin/sh\nprintf '%s\\n' \"{tool} $*\" >> '{}'\n", runner.path("calls").display());
            fs::write(runner.path("bin").join(tool), script).unwrap();
            fs::set_permissions(runner.path("bin").join(tool), fs::Permissions::from_mode(0o755)).unwrap();
        }
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_podreach"), runner.path("bin/podreach")).unwrap();
        runner.bash("git init -q .", &BTreeMap::new());
        runner.commit("three-tier");
        let base = runner.bash("git rev-parse HEAD", &BTreeMap::new());
        runner.expressions = BTreeMap::from([
            ("vars.PODREACH", "https://example.com/podreach".to_owned()),
            ("github.event.pull_request.base.sha", String::from_utf8(base.stdout).unwrap().trim().to_owned()),
            ("github.token", "secret".to_owned()),
            ("github.event.pull_request.number", "12".to_owned()),
        ]);
        runner
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes the manifests and expectations of a scenario those of the checkout.
    fn commit(&self, scenario: &str) {
        let scenario = root().join("scenarios").join(scenario);
        for entry in fs::read_dir(scenario.join("manifests")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap();
            fs::copy(&path, self.path("checkout/manifests").join(name)).unwrap();
        }
        let expectations = self.path("checkout/tests/reachability.yaml");
        fs::copy(scenario.join("reachability-test.yaml"), expectations).unwrap();
        let commit = "git add . && git -c user.name=t -c user.email=t@example.com commit -q -m change";
        assert!(self.bash(commit, &BTreeMap::new()).status.success());
    }

    fn bash(&self, script: &str, env: &BTreeMap<String, String>) -> Output {
        let mut path = std::ffi::OsString::from(self.path("bin"));
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        // As the runner does it.
        Command::new("bash")
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script])
            .current_dir(self.path("checkout"))
            .envs(env)
            .env("PATH", path)
            .env("GITHUB_STEP_SUMMARY", self.path("summary"))
            .output()
            .unwrap()
    }

    /// Runs the commands of the step with this name.
    fn step(&self, name: &str) -> Output {
        let steps = self.workflow.jobs.values().flat_map(|job| &job.steps);
        let step = steps.clone().find(|step| step.name == name).unwrap_or_else(|| panic!("no step `{name}`"));
        let value = |text: &String| match text.strip_prefix("${{ ") {
            Some(expression) => self.expressions[expression.strip_suffix(" }}").unwrap()].clone(),
            None => text.clone(),
        };
        let env = self.workflow.env.iter().chain(&step.env);
        let env = env.map(|(key, text)| (key.clone(), value(text))).collect();
        self.bash(step.run.as_ref().unwrap(), &env)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }
}

fn text(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat()
}

#[test]
fn a_pull_request_is_commented_on_and_tested() {
    let runner = Runner::new();
    runner.commit("three-tier-fixed");
    let with_commands =
        runner.workflow.jobs.values().flat_map(|job| &job.steps).filter(|step| step.run.is_some());
    let names: Vec<&str> = with_commands.map(|step| step.name.as_str()).collect();
    assert_eq!(names.len(), 5, "{names:?}");
    for name in names {
        let output = runner.step(name);
        assert!(output.status.success(), "{name}: {}", text(&output));
    }
    let calls = runner.read("calls");
    assert!(
        calls.contains("cargo install --locked --git https://example.com/podreach podreach\n"),
        "{calls}"
    );
    assert!(
        calls.contains("gh pr comment 12 --edit-last --create-if-none --body-file difference.md\n"),
        "{calls}"
    );
    let comment = runner.read("checkout/difference.md");
    assert_eq!(comment, runner.read("summary"));
    assert!(comment.contains("api-server") && comment.contains("8000"), "{comment}");
    let sarif: serde_json::Value = serde_json::from_str(&runner.read("checkout/reachability.sarif")).unwrap();
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 0, "{sarif}");
}

#[test]
fn a_pull_request_that_breaks_an_expectation_fails() {
    let runner = Runner::new();
    runner.commit("three-tier-fixed");
    // The manifests go back to what they were, and the expectations stay.
    let back = "git checkout -q HEAD~ manifests && for f in manifests/*; do git cat-file -e HEAD~:$f || git rm -q $f; done";
    assert!(runner.bash(back, &BTreeMap::new()).status.success());
    let output = runner.step("Expectations");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("::error file="), "{}", text(&output));
    let sarif: serde_json::Value = serde_json::from_str(&runner.read("checkout/reachability.sarif")).unwrap();
    assert!(!sarif["runs"][0]["results"].as_array().unwrap().is_empty());
}

#[test]
fn what_cannot_be_read_is_an_error_and_no_difference() {
    let runner = Runner::new();
    fs::write(runner.path("checkout/manifests/broken.yaml"), "kind: [").unwrap();
    assert!(runner.step("Check out the manifests without the pull request").status.success());
    let output = runner.step("What the pull request changes");
    assert_ne!(output.status.code(), Some(0), "{}", text(&output));
}
