//! As much of a shell as the documents need: `podreach` with arguments and a status, `cd`, `cat`, and a pipe into
//! podreach. There is no cluster here, so `kubectl get` answers with a recorded dump.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The output of `kubectl get ... -o json` when the scenario three-tier ran in a cluster.
const DUMP: &str = "tests/sessions/cluster.json";

/// A shell in a folder.
pub(super) struct Shell {
    folder: PathBuf,
}

impl Shell {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The lines a command prints, those on standard error included.
    pub(super) fn run(&mut self, line: &str) -> Result<Vec<String>, String> {
        let (line, shows_status) = match line.strip_suffix("; echo $?") {
            Some(line) => (line, true),
            None => (line, false),
        };
        let mut input = None;
        let mut stages = line.split(" | ").map(words).peekable();
        while let Some(stage) = stages.next() {
            let stage: Vec<&str> = stage.iter().map(String::as_str).collect();
            let (name, arguments) = match stage[..] {
                ["cd", folder] => {
                    self.folder.push(folder);
                    return Ok(Vec::new());
                }
                ["cat", file] => {
                    input = Some(self.file(&self.folder.join(file))?);
                    continue;
                }
                ["kubectl", "get", ..] => {
                    input = Some(self.file(&super::root().join(DUMP))?);
                    continue;
                }
                ["kubectl", "podreach", ..] => ("kubectl-podreach", &stage[2..]),
                ["podreach", ..] => ("podreach", &stage[1..]),
                _ => return Err("not a command of these documents".to_owned()),
            };
            if stages.peek().is_some() {
                return Err("nothing can follow podreach in a pipe".to_owned());
            }
            let (text, status) = self.podreach(name, arguments, input.as_deref().unwrap_or_default());
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            if shows_status {
                lines.push(status.to_string());
            } else if status != 0 {
                return Err(format!("ended with status {status}, say so with `; echo $?`\n{text}"));
            }
            return Ok(lines);
        }
        Ok(input.unwrap_or_default().lines().map(str::to_owned).collect())
    }

    fn file(&self, path: &Path) -> Result<String, String> {
        fs::read_to_string(path)
            .map_err(|error| format!("{} in {}: {error}", path.display(), self.folder.display()))
    }

    fn podreach(&self, name: &str, arguments: &[&str], input: &str) -> (String, i32) {
        let (mut printed, writer) = std::io::pipe().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_podreach"));
        #[cfg(unix)]
        std::os::unix::process::CommandExt::arg0(&mut command, name);
        #[cfg(not(unix))]
        let _ = name;
        command.args(arguments).current_dir(&self.folder);
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
        command.stdin(Stdio::piped()).stdout(writer.try_clone().unwrap()).stderr(writer);
        let mut child = command.spawn().unwrap();
        // The command holds the other ends of the pipe: without it, reading would never end.
        drop(command);
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let mut text = String::new();
        printed.read_to_string(&mut text).unwrap();
        (text, child.wait().unwrap().code().unwrap())
    }
}

/// The words of a command; quotes keep what they hold together.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.trim().chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            None if c == ' ' => words.push(String::new()),
            _ => words.last_mut().unwrap().push(c),
        }
    }
    words
}

#[test]
fn what_is_not_said_is_an_error() {
    let mut shell = Shell::new(super::root());
    assert!(shell.run("podreach matrix").unwrap_err().contains("status 2"));
    assert_eq!(shell.run("podreach matrix; echo $?").unwrap().last().unwrap(), "2");
    assert!(shell.run("podrech matrix").is_err());
    assert!(shell.run("cat no/such/file").is_err());
    assert_eq!(words("a 'b c' \"d'\" "), ["a", "b c", "d'"]);
}
