//! The checks of output bytes: each format can be read again, and no text of the input is obeyed by a terminal, a CI
//! runner or a browser.

use std::collections::BTreeSet;

use podreach::load::document;
use podreach::render::Format;
use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};
use serde_json::Value;

/// The page before it is filled in: what elements it has are these.
const PAGE: &str = include_str!("../../../src/render/page/page.html");

/// Elements that HTML never closes.
const VOID: [&str; 6] = ["meta", "br", "hr", "input", "link", "img"];

/// Panics unless an output is one of its format.
pub(crate) fn output(format: Format, bytes: &[u8]) {
    let name = format.name();
    let text = std::str::from_utf8(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    inert(name, text);
    match format {
        Format::Json | Format::Sarif => drop(json(name, text)),
        Format::Ndjson => text.lines().for_each(|line| drop(json(name, line))),
        Format::Yaml => drop(yaml(text)),
        Format::Csv => csv(text),
        Format::Svg | Format::Junit => xml(name, text),
        Format::Html => html(text),
        Format::Dot | Format::Mermaid => quotes(name, text),
        Format::Markdown => tables(text),
        Format::Tap => tap(text),
        Format::Github => annotations(text),
        Format::Table | Format::Wide => {}
    }
}

/// The same object as JSON and as YAML.
pub(super) fn alike(of_json: &[u8], of_yaml: &[u8]) {
    let text = |bytes| std::str::from_utf8(bytes).expect("outputs are UTF-8");
    let (json, yaml) = (json("json", text(of_json)), yaml(text(of_yaml)));
    assert!(json == yaml, "{json:#}\n{}", text(of_yaml));
}

/// No output has a character that cannot be printed, or a command that a runner of GitHub or Azure Pipelines obeys.
pub(super) fn inert(name: &str, text: &str) {
    let is_hidden = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
            || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
    };
    for line in text.lines() {
        assert!(!line.contains(is_hidden), "{name}: {line:?}");
        // `::NAME PARAMETERS::` is a command by its name alone, and no address is one: `::/1, 8000::/1`.
        let is_of_address = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | '/' | ',');
        let command = line.trim_start().strip_prefix("::").and_then(|rest| rest.split_once("::"));
        let command = command.is_some_and(|(command, _)| {
            let name = command.split(' ').next().unwrap_or_default();
            name.is_empty() || !name.chars().all(is_of_address)
        });
        assert!(!command || name == Format::Github.name(), "{name}: {line:?}");
        let runner = line
            .split("##")
            .skip(1)
            .any(|rest| rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).starts_with('['));
        assert!(!runner, "{name}: {line:?}");
    }
}

fn json(name: &str, text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"))
}

/// YAML as podreach reads it, by the scalar rules of kubectl.
fn yaml(text: &str) -> Value {
    let read = document(text.as_bytes()).unwrap_or_else(|error| panic!("yaml: {error}\n{text}"));
    read.unwrap_or(Value::Null)
}

/// Every record has as many fields as the header; quotes stand around whole fields only.
fn csv(text: &str) {
    let mut records: Vec<usize> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut fields = 0;
        loop {
            fields += 1;
            let end = match rest.strip_prefix('"') {
                Some(quoted) => {
                    let mut end = 0;
                    loop {
                        end += quoted[end..].find('"').unwrap_or_else(|| panic!("an open quote\n{text}")) + 1;
                        if !quoted[end..].starts_with('"') {
                            break end + 1;
                        }
                        end += 1;
                    }
                }
                None => rest.find([',', '\n', '"']).unwrap_or(rest.len()),
            };
            let field = rest[..end].trim_start_matches('"');
            assert!(!field.starts_with(['=', '+', '-', '@']), "a formula\n{text}");
            let after = &rest[end..];
            rest = after.get(1..).unwrap_or_default();
            if !after.starts_with(',') {
                assert!(
                    after.is_empty() || after.starts_with('\n'),
                    "a field goes on after its quotes\n{text}"
                );
                break;
            }
        }
        records.push(fields);
    }
    assert!(records.iter().all(|fields| Some(fields) == records.first()), "{records:?}\n{text}");
}

/// One element, everything closed, entities known.
fn xml(name: &str, text: &str) {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_comments = true;
    let (mut depth, mut roots) = (0_usize, 0);
    loop {
        let event = reader.read_event().unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
        match event {
            Event::Start(start) => {
                attributes(name, &start);
                roots += usize::from(depth == 0);
                depth += 1;
            }
            Event::Empty(start) => {
                attributes(name, &start);
                roots += usize::from(depth == 0);
            }
            Event::End(_) => depth -= 1,
            Event::GeneralRef(entity) => assert!(is_entity(&entity), "{name}: {entity:?}"),
            Event::Text(said) => {
                let said = said.decode().expect("it is UTF-8");
                assert!(depth > 0 || said.trim().is_empty(), "{name}: text outside of the element: {said}");
                assert!(!said.contains("]]>"), "{name}: {said}");
            }
            Event::Eof => break,
            Event::Decl(_) => {}
            other => panic!("{name}: {other:?}"),
        }
    }
    assert_eq!((depth, roots), (0, 1), "{name}\n{text}");
}

fn is_entity(name: &[u8]) -> bool {
    let name = std::str::from_utf8(name).expect("it is UTF-8");
    unescape(&format!("&{name};")).is_ok()
}

fn attributes(name: &str, start: &BytesStart<'_>) {
    for attribute in start.attributes() {
        let attribute = attribute.unwrap_or_else(|error| panic!("{name}: {error}: {start:?}"));
        let value = attribute.unescape_value().unwrap_or_else(|error| panic!("{name}: {error}: {start:?}"));
        assert!(!value.contains('<') || attribute.value.contains(&b'&'), "{name}: {start:?}");
    }
}

/// The elements that a page can have.
fn elements() -> BTreeSet<&'static str> {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    PAGE.split('<').skip(1).map(|rest| &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())]).collect()
}

/// A page has the elements of its template and no others, none of them with a handler, and two scripts: data that is JSON,
/// and its own.
fn html(text: &str) {
    let mut rest = text;
    let mut markup = String::new();
    let mut scripts = Vec::new();
    while let Some(start) = rest.find("<script").into_iter().chain(rest.find("<style")).min() {
        let open = start + rest[start..].find('>').expect("a tag ends") + 1;
        markup.push_str(&rest[..open]);
        let raw = &rest[open..];
        let is_script = rest[start..].starts_with("<script");
        let end = raw.find(if is_script { "</script" } else { "</style" }).expect("it is closed");
        if is_script {
            scripts.push((&rest[start..open], &raw[..end]));
        }
        rest = &raw[end..];
    }
    markup.push_str(rest);
    let [(tag, data), _] = scripts[..] else { panic!("{} scripts", scripts.len()) };
    assert!(tag.contains("application/json"), "{tag}");
    assert!(!data.contains("<!--"), "{data}");
    json("the data of the page", data);
    structure(&markup);
}

fn structure(markup: &str) {
    let known = elements();
    let mut reader = Reader::from_str(markup);
    reader.config_mut().check_end_names = false;
    reader.config_mut().allow_unmatched_ends = true;
    let mut open: Vec<String> = Vec::new();
    loop {
        let event = reader.read_event().unwrap_or_else(|error| panic!("html: {error}\n{markup}"));
        match event {
            Event::Start(start) => {
                let name = element(&known, &start);
                if !VOID.contains(&&*name) {
                    open.push(name);
                }
            }
            Event::Empty(start) => drop(element(&known, &start)),
            Event::End(end) => {
                let name = String::from_utf8_lossy(end.name().as_ref()).into_owned();
                assert_eq!(open.pop(), Some(name), "html\n{markup}");
            }
            Event::GeneralRef(entity) => assert!(is_entity(&entity), "html: {entity:?}"),
            Event::Text(_) | Event::DocType(_) => {}
            Event::Eof => break,
            other => panic!("html: {other:?}"),
        }
    }
    assert_eq!(open, [""; 0], "html\n{markup}");
}

fn element(known: &BTreeSet<&str>, start: &BytesStart<'_>) -> String {
    let name = String::from_utf8_lossy(start.name().as_ref()).into_owned();
    assert!(known.contains(&*name), "html: {start:?}");
    for attribute in start.html_attributes() {
        let attribute = attribute.unwrap_or_else(|error| panic!("html: {error}: {start:?}"));
        assert!(!attribute.key.as_ref().starts_with(b"on"), "html: {start:?}");
    }
    name
}

/// No label of a graph ends before its line does.
fn quotes(name: &str, text: &str) {
    for line in text.lines() {
        let escaped = line.replace("\\\\", "").replace("\\\"", "");
        assert_eq!(escaped.matches('"').count() % 2, 0, "{name}: {line:?}");
    }
}

/// All rows of a table have as many cells.
fn tables(text: &str) {
    let mut cells = None;
    for line in text.lines() {
        let own = line.starts_with('|').then(|| line.matches('|').count());
        assert!(cells.is_none() || own.is_none() || own == cells, "md: {line}\n{text}");
        cells = own;
    }
}

/// There are as many results as the plan says.
fn tap(text: &str) {
    let plan = text.lines().find_map(|line| line.strip_prefix("1..")).expect("a plan");
    let plan = plan.split(' ').next().expect("there is a first word");
    let results = text.lines().filter(|line| line.starts_with("ok ") || line.starts_with("not ok ")).count();
    assert_eq!(plan, results.to_string(), "tap\n{text}");
}

/// Every line is an annotation, and none has another in it.
fn annotations(text: &str) {
    for line in text.lines() {
        let rest =
            ["::error ", "::warning ", "::notice "].iter().find_map(|command| line.strip_prefix(command));
        let rest = rest.unwrap_or_else(|| panic!("github: {line}"));
        let (properties, _) = rest.split_once("::").unwrap_or_else(|| panic!("github: {line}"));
        assert!(properties.split(',').all(|property| property.contains('=')), "github: {line}");
    }
}
