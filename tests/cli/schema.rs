//! Checks outputs against the published schemas.
//!
//! Knows the keywords the schemas use and refuses others, so that a schema cannot promise what nobody checks.

use std::path::Path;

use serde_json::Value;

/// Panics unless `value` is what the schema in `docs/schemas` says.
pub(super) fn check(schema: &str, value: &Value) {
    if let Err(problem) = conforms_to(schema, value) {
        panic!("{schema}: {problem}\n{value:#}");
    }
}

/// Checks that `value` is what the schema says.
pub(super) fn conforms_to(schema: &str, value: &Value) -> Result<(), String> {
    conforms(schema, &read(schema), value)
}

fn read(schema: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas").join(schema);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn conforms(file: &str, schema: &Value, value: &Value) -> Result<(), String> {
    let fail = |what: &str| Err(format!("{what}: {value}"));
    for (keyword, argument) in schema.as_object().expect("a schema is an object") {
        match &**keyword {
            "$ref" => {
                let (other, pointer) = argument.as_str().unwrap().split_once('#').unwrap();
                let file = if other.is_empty() { file } else { other };
                let root = read(file);
                let target = root.pointer(pointer).unwrap_or_else(|| panic!("{file} has no {pointer}"));
                conforms(file, target, value)?;
            }
            "type" => {
                let types = argument.as_array().map_or(std::slice::from_ref(argument), Vec::as_slice);
                if !types.iter().any(|name| is(name.as_str().unwrap(), value)) {
                    return fail(&format!("not of type {argument}"));
                }
            }
            "const" if argument != value => return fail(&format!("not {argument}")),
            "enum" if !argument.as_array().unwrap().contains(value) => {
                return fail(&format!("not in {argument}"));
            }
            "minimum" if value.is_number() && value.as_u64() < argument.as_u64() => return fail("too small"),
            "pattern" if !spans(value.as_str().unwrap()) => return fail("not spans"),
            "required" if value.is_object() => {
                for key in argument.as_array().unwrap() {
                    if value.get(key.as_str().unwrap()).is_none() {
                        return fail(&format!("{key} is missing"));
                    }
                }
            }
            "properties" => {
                for (key, schema) in argument.as_object().unwrap() {
                    value.get(key).map_or(Ok(()), |value| conforms(file, schema, value))?;
                }
            }
            "additionalProperties" => {
                let known = schema.get("properties").and_then(Value::as_object);
                for (key, value) in value.as_object().into_iter().flatten() {
                    match argument {
                        _ if known.is_some_and(|known| known.contains_key(key)) => {}
                        Value::Bool(false) => return fail(&format!("`{key}` is not described")),
                        schema => conforms(file, schema, value)?,
                    }
                }
            }
            "items" => {
                for element in value.as_array().into_iter().flatten() {
                    conforms(file, argument, element)?;
                }
            }
            "oneOf" => {
                let fits = argument
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter(|schema| conforms(file, schema, value).is_ok());
                if fits.count() != 1 {
                    return fail("not exactly one of the alternatives");
                }
            }
            "not" if conforms(file, argument, value).is_ok() => return fail("what it must not be"),
            "minItems" if value.as_array().is_some_and(|list| list.len() < size(argument)) => {
                return fail("too short");
            }
            "minProperties" if value.as_object().is_some_and(|map| map.len() < size(argument)) => {
                return fail("too empty");
            }
            // Says nothing of the value, or what it says holds.
            "$schema" | "$id" | "$defs" | "title" | "description" | "const" | "enum" | "minimum"
            | "pattern" | "required" | "not" | "minItems" | "minProperties" => {}
            other => panic!("{file}: the check does not know `{other}`"),
        }
    }
    Ok(())
}

fn size(argument: &Value) -> usize {
    argument.as_u64().and_then(|size| usize::try_from(size).ok()).expect("a size")
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("unknown type {other}"),
    }
}

/// The one pattern of the schemas: spans of ports, ascending and never adjacent.
fn spans(text: &str) -> bool {
    let mut last = -1_i64;
    text.split(',').all(|span| {
        let (first, end) = span.split_once('-').unwrap_or((span, span));
        let (Ok(first), Ok(end)) = (first.parse::<u16>(), end.parse::<u16>()) else { return false };
        let ascending = i64::from(first) > last + 1 && first <= end;
        last = i64::from(end);
        ascending
    })
}
