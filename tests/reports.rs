//! The reports in `reports/`: one folder for each scenario.
//!
//! `PODREACH_UPDATE=1 cargo test reports` writes them anew.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The reports of each scenario: a command, a format and a file.
const REPORTS: [(&str, &str, &str); 3] =
    [("matrix", "svg", "matrix.svg"), ("matrix", "md", "matrix.md"), ("report", "html", "report.html")];

#[test]
fn reports_are_what_podreach_writes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut scenarios: Vec<String> = fs::read_dir(root.join("scenarios"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().join("manifests").is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    scenarios.sort();
    assert!(scenarios.len() > 30, "{scenarios:?}");
    let made = tempfile::tempdir().unwrap();
    let is_updating = std::env::var_os("PODREACH_UPDATE").is_some();
    let mut stale = Vec::new();
    for scenario in &scenarios {
        let kept = root.join("reports").join(scenario);
        let folder = if is_updating { kept.clone() } else { made.path().join(scenario) };
        fs::create_dir_all(&folder).unwrap();
        for (command, format, file) in REPORTS {
            let made = Command::new(env!("CARGO_BIN_EXE_podreach"))
                .current_dir(root)
                .args([command, "-f", &format!("scenarios/{scenario}/manifests")])
                .args(["-o", &format!("{format}={}", folder.join(file).display())])
                .output()
                .unwrap();
            assert!(made.status.success(), "{scenario}: {}", String::from_utf8_lossy(&made.stderr));
            if fs::read_to_string(kept.join(file)).ok() != fs::read_to_string(folder.join(file)).ok() {
                stale.push(format!("reports/{scenario}/{file}"));
            }
        }
    }
    assert!(stale.is_empty(), "to be written anew with `PODREACH_UPDATE=1 cargo test reports`: {stale:#?}");
}
