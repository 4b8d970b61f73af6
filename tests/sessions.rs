//! The sessions of the documentation, executed: README.md and everything under docs/.
//!
//! A `console` block holds commands (`$ ...`) and what they print, standard error included. `...` on a line of its
//! own stands for any lines. A command that does not end with status 0 says so: `; echo $?`.
//!
//! `PODREACH_UPDATE=1 cargo test sessions` writes what the commands print now into the documents.
#![expect(clippy::unwrap_used, reason = "what helps tests may fail like the tests themselves")]

mod document;
mod picture;
mod shell;

use std::fs;
use std::path::{Path, PathBuf};

use document::{Document, Part};
use shell::Shell;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// True if documents that differ are to be rewritten, not only reported.
fn updating() -> bool {
    std::env::var_os("PODREACH_UPDATE").is_some()
}

/// README.md and every Markdown file under docs/, sorted.
fn documents() -> Vec<PathBuf> {
    fn below(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    let mut found = vec![root().join("README.md")];
    below(&root().join("docs"), &mut found);
    found.sort();
    found
}

#[test]
fn sessions_print_what_the_documents_show() {
    let mut differences = Vec::new();
    for path in documents() {
        let mut document = Document::read(&path);
        for part in &mut document.parts {
            let Part::Session(session) = part else { continue };
            let mut shell = Shell::new(root());
            for exchange in &mut session.exchanges {
                let printed = shell
                    .run(&exchange.command)
                    .unwrap_or_else(|error| panic!("{}: $ {}\n{error}", path.display(), exchange.command));
                if !document::matches(&exchange.shown, &printed) {
                    differences.push(format!(
                        "{}: $ {}\n--- shown\n{}\n--- printed\n{}\n",
                        path.display(),
                        exchange.command,
                        exchange.shown.join("\n"),
                        printed.join("\n")
                    ));
                    exchange.shown = printed;
                }
            }
        }
        if updating() {
            fs::write(&path, document.to_string()).unwrap();
        }
    }
    assert!(
        updating() || differences.is_empty(),
        "{}\n(PODREACH_UPDATE=1 cargo test sessions rewrites them)",
        differences.join("\n")
    );
}

/// A page that shows how something is done shows it by doing it.
#[test]
fn commands_are_never_merely_quoted() {
    for path in documents() {
        let document = Document::read(&path);
        for part in &document.parts {
            if let Part::Block { language, lines } = part {
                assert!(language != "console", "{}: a console block without a command", path.display());
                for line in lines {
                    assert!(
                        !line.trim_start_matches("$ ").starts_with("podreach "),
                        "{}: not executed, since it is no console block: {line}",
                        path.display()
                    );
                }
            }
        }
        let is_guide = path.ends_with("README.md") || path.parent().unwrap().ends_with("guide");
        let executed = document.parts.iter().filter(|part| matches!(part, Part::Session(_))).count();
        assert!(!is_guide || executed > 0, "{} has no session", path.display());
    }
}

/// Every relative link leads somewhere.
#[test]
fn links_lead_somewhere() {
    let more = ["ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root().join(name));
    for path in documents().into_iter().chain(more) {
        let text = fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            let file = link.split('#').next().unwrap();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            assert!(path.parent().unwrap().join(file).exists(), "{}: dead link {link}", path.display());
        }
    }
}
