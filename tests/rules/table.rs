//! Holds `docs/rules.md` to the tests: every rule has one, or the table says why it cannot have one.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Beginning of a row's last cell when nothing that runs offline can break the rule.
const REASON: &str = "Not tested: ";

/// Every number of the specification, in the order of the table.
fn numbers() -> Vec<String> {
    [('R', 67), ('L', 14), ('W', 26), ('I', 21)]
        .into_iter()
        .flat_map(|(letter, last)| (1..=last).map(move |number| format!("{letter}{number}")))
        .collect()
}

/// The rows of the table that begin with a number: number and last cell.
fn rows(table: &str) -> Vec<(String, String)> {
    let cells = |line: &str| -> Option<Vec<String>> {
        let inner = line.strip_prefix('|')?.strip_suffix('|')?;
        Some(inner.split(" | ").map(|cell| cell.trim().to_owned()).collect())
    };
    table
        .lines()
        .filter_map(cells)
        .filter(|cells| {
            cells[0].starts_with(['R', 'L', 'W', 'I']) && cells[0].ends_with(|c: char| c.is_ascii_digit())
        })
        .map(|cells| {
            assert!(cells.len() == 3 && !cells[1].is_empty(), "not NUMBER | RULE | TESTED BY: {cells:?}");
            (cells[0].clone(), cells[2].clone())
        })
        .collect()
}

/// The tests of `tests/rules/` that are named after a rule: the file of each by number.
fn tests(directory: &Path) -> BTreeMap<String, String> {
    let mut tests = BTreeMap::new();
    for entry in fs::read_dir(directory).expect("the directory of this file") {
        let path = entry.expect("an entry of the directory").path();
        let file = path.file_name().and_then(|name| name.to_str()).expect("a file name").to_owned();
        let source = fs::read_to_string(&path).expect("a source file");
        let lines: Vec<&str> = source.lines().collect();
        for pair in lines.windows(2).filter(|pair| pair[0] == "#[test]") {
            let name = pair[1].strip_prefix("fn ").expect("a function follows the attribute");
            let number = name.split('_').next().expect("a first word").to_uppercase();
            if numbers().contains(&number) {
                let other = tests.insert(number.clone(), file.clone());
                assert_eq!(other, None, "two tests named after {number}");
            }
        }
    }
    tests
}

#[test]
fn every_rule_has_a_test_or_a_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = fs::read_to_string(root.join("docs/rules.md")).expect("the table of rules");
    let rows = rows(&table);
    let listed: Vec<&String> = rows.iter().map(|(number, _)| number).collect();
    assert_eq!(listed, numbers().iter().collect::<Vec<_>>(), "the table lists every number once, in order");
    let tests = tests(&root.join("tests/rules"));
    for (number, tested_by) in &rows {
        match (tests.get(number), tested_by.strip_prefix(REASON)) {
            (Some(file), None) => {
                assert_eq!(*tested_by, format!("`tests/rules/{file}`"), "where {number} is tested");
            }
            (None, Some(reason)) => assert!(!reason.is_empty(), "{number} has no test, and no reason"),
            (Some(file), Some(_)) => panic!("{number} has a test in {file} and a reason to have none"),
            (None, None) => panic!("no test is named after {number}, and the table gives no reason"),
        }
    }
}
