//! Rules of ARCHITECTURE.md and CONTRIBUTING.md that hold for every file, enforced: the import table, and the first word
//! of doc comments.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Module name to the modules it may use, as the table says.
fn table() -> BTreeMap<String, Vec<String>> {
    let text =
        fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md is in the repository");
    text.lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let uses = cells[3]
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect();
            (cells[0].trim_matches('`').to_owned(), uses)
        })
        .collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("src can be listed") {
        let path = entry.expect("src can be listed").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The first segments that follow `crate::` in a source, with one level of braces expanded; tests are left out.
fn used_modules(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let mut used = Vec::new();
    for (at, marker) in code.match_indices("crate::") {
        let rest = &code[at + marker.len()..];
        let names = match rest.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap_or_default().split(',').collect(),
            None => vec![rest],
        };
        used.extend(names.into_iter().map(|name| {
            name.trim()
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_')
                .collect()
        }));
    }
    used
}

#[test]
fn modules_use_only_what_the_table_says() {
    let table = table();
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let mut complaints = Vec::new();
    for file in files {
        let relative = file.strip_prefix(root().join("src")).expect("listed below src");
        let module = relative.components().next().expect("a file has a name").as_os_str().to_string_lossy();
        let module = module.trim_end_matches(".rs");
        let is_test = file
            .file_stem()
            .is_some_and(|stem| matches!(&*stem.to_string_lossy(), "tests" | "testing" | "fixture"));
        if is_test || matches!(module, "lib" | "main" | "cli") {
            continue;
        }
        let Some(allowed) = table.get(module) else {
            complaints.push(format!("`{module}` has no row"));
            continue;
        };
        for used in used_modules(&fs::read_to_string(&file).expect("a source can be read")) {
            // A lower-case first segment is a module; macros and types exported at the root are not.
            if table.contains_key(&used) && used != module && !allowed.contains(&used) {
                complaints.push(format!(
                    "{} uses `{used}`, which the row of `{module}` does not name",
                    relative.display()
                ));
            }
        }
    }
    complaints.sort();
    complaints.dedup();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn every_row_is_a_module_and_rows_only_look_up() {
    let table = table();
    assert!(table.len() > 10, "the table was not found");
    for (module, uses) in &table {
        let exists = root().join(format!("src/{module}.rs")).exists();
        assert!(exists, "`{module}` has a row and no file");
        for used in uses {
            assert!(table.contains_key(used), "the row of `{module}` names `{used}`, which has no row");
            assert!(!table[used].contains(module), "`{module}` and `{used}` may use each other");
        }
    }
}

/// Files whose doc comments are printed as `--help`, where a question reads well: clap derives the text from them.
const PRINTED_AS_HELP: [&str; 4] =
    ["src/cli/args.rs", "examples/edits.rs", "examples/synth/main.rs", "examples/synth/generator.rs"];

/// The lines of a source at which a run of doc comments of one kind opens, with their numbers and texts.
fn openings(source: &str) -> impl Iterator<Item = (usize, &str)> {
    let marker = |line: &str| {
        let is_doc = line.starts_with("///") && !line.starts_with("////");
        if is_doc { Some("///") } else { line.starts_with("//!").then_some("//!") }
    };
    let mut before = None;
    (1..).zip(source.lines().map(str::trim_start)).filter_map(move |(number, line)| {
        let kind = marker(line);
        let opens = kind.is_some() && kind != before;
        before = kind;
        opens.then(|| (number, line[3..].trim_start()))
    })
}

#[test]
fn doc_comments_begin_with_a_noun_or_a_verb() {
    let mut files = Vec::new();
    for folder in ["src", "tests", "benches", "examples", "fuzz/fuzz_targets"] {
        sources(&root().join(folder), &mut files);
    }
    let mut complaints = Vec::new();
    let mut count = 0;
    for file in files {
        let relative = file.strip_prefix(root()).expect("listed below the root").to_string_lossy();
        let source = fs::read_to_string(&file).expect("a source can be read");
        for (number, text) in openings(&source) {
            count += 1;
            let first = text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            if matches!(first, "What" | "Whether" | "Whom" | "Who" | "How")
                && !PRINTED_AS_HELP.contains(&&*relative)
            {
                complaints.push(format!("{relative}:{number}: `{text}`"));
            }
        }
    }
    complaints.sort();
    assert!(count > 1000, "the doc comments were not found");
    assert!(
        complaints.is_empty(),
        "say what is there (\"The ports that ...\", \"True if ...\", \"Finds ...\"), not that it is a question:\n{}",
        complaints.join("\n")
    );
}

#[test]
fn no_test_file_is_forgotten() {
    let main = fs::read_to_string(root().join("tests/main.rs")).expect("this file's parent can be read");
    for entry in fs::read_dir(root().join("tests")).expect("tests can be listed") {
        let path = entry.expect("tests can be listed").path();
        let name = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        let is_module =
            path.extension().is_some_and(|extension| extension == "rs") || path.join("mod.rs").exists();
        if is_module && name != "main" {
            assert!(main.contains(&format!("mod {name};")), "tests/main.rs does not name `{name}`");
        }
    }
}
