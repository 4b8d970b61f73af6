//! The output of podreach on a terminal.

use std::path::Path;
use std::process::{Command, Stdio};

/// A terminal of an environment that has UTF-8.
pub(crate) const UNICODE: [(&str, &str); 2] = [("LC_ALL", "C.UTF-8"), ("TERM", "xterm")];

/// The text that a terminal shows for a command line, which is the shell's; `None` where no terminal can be played.
pub(crate) fn shown(line: &str, folder: &Path, environment: &[(&str, &str)]) -> Option<String> {
    let version = Command::new("script").arg("--version").output().ok()?;
    // Others take other arguments.
    if !String::from_utf8_lossy(&version.stdout).contains("util-linux") {
        return None;
    }
    let output = Command::new("script")
        .args(["-qec", &format!("{} {line}", env!("CARGO_BIN_EXE_podreach")), "/dev/null"])
        .current_dir(folder)
        .env_remove("NO_COLOR")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("it was there just now");
    Some(String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n"))
}
