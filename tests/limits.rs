//! `docs/security.md` names every limit with the constant that it is, and the value that this has.

use std::fs;
use std::path::Path;

/// The value of `const NAME: TYPE = VALUE;` in a source.
fn constant(source: &str, name: &str) -> Option<u64> {
    let (_, rest) = source.split_once(&format!("const {name}: "))?;
    let (_, value) = rest.split_once(" = ")?;
    let value = value.split(';').next()?.replace('_', "");
    match value.split_once(" << ") {
        Some((number, bits)) => Some(number.parse::<u64>().ok()? << bits.parse::<u32>().ok()?),
        None => value.parse().ok(),
    }
}

/// The first number of a cell: `64 MiB`, `1,000,000`, `below 16 MiB`.
fn number(cell: &str) -> Option<u64> {
    let mut words = cell.split([' ', ';']).skip_while(|word| !word.starts_with(|c: char| c.is_ascii_digit()));
    let number: u64 = words.next()?.trim_end_matches(',').replace(',', "").parse().ok()?;
    Some(match words.next().map(|unit| unit.trim_end_matches(',')) {
        Some("GiB") => number << 30,
        Some("MiB") => number << 20,
        _ => number,
    })
}

#[test]
fn the_limits_that_are_named_are_those_that_hold() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/security.md")).unwrap();
    let (_, limits) = page.split_once("## Limits").unwrap();
    let mut found = 0;
    for line in limits.lines().filter(|line| line.starts_with("| ") && line.contains(".rs`")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [_, limit, _, place] = cells[..] else { panic!("{line}") };
        let names: Vec<&str> = place.split('`').filter(|part| !part.trim().is_empty()).collect();
        let [file, name] = names[..] else { panic!("{line}") };
        let source =
            fs::read_to_string(root.join("src").join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        let value = constant(&source, name);
        assert!(value.is_some() && number(limit) == value, "{line}: {value:?}");
        found += 1;
    }
    assert!(found > 25, "{found} limits");
}
