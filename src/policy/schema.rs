//! Structural schemas of custom resources, checked as the API server does.
//!
//! A custom resource is whatever its CustomResourceDefinition says. A [`Schema`] holds the part of such a definition that
//! restricts values, as a constant; [`check`] reports all that is wrong with a value in the API server's words, and only if
//! nothing is, what its CEL rules say. A field that is null is absent, as it is to the server, which drops it.

use serde_json::{Map, Value};

use super::field::{FieldFinding, FieldPath, Quoted};
use crate::diagnostic::{Code, nearest};

/// A value, and the rules that hold for it once it has the right shape.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) shape: Shape,
    /// Of the CEL rules those that the definition has here.
    pub(super) rules: &'static [Rule],
}

/// The values that a schema allows.
#[derive(Debug)]
pub(super) enum Shape {
    /// Text.
    String,
    /// One of these texts.
    Enum(&'static [&'static str]),
    /// Text of at most so many characters, which the server calls bytes.
    Short(usize),
    /// Text that a regular expression matches: how the definition writes it, and what it comes to.
    Pattern(&'static str, fn(&str) -> bool),
    /// A whole number from one limit to the other.
    Integer(i64, i64),
    /// A list of so many elements.
    List(&'static Schema, Length),
    /// The same, of texts none of which may be there twice.
    Set(&'static Schema, Length),
    /// Texts by any keys.
    Map(&'static Schema),
    /// An object: its fields by name, those that must be there, and how many may be.
    Object(&'static [(&'static str, &'static Schema)], &'static [&'static str], Length),
}

/// Bounds on the number of elements or fields; `None` is no upper bound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Length {
    pub(super) least: usize,
    pub(super) most: Option<usize>,
}

impl Length {
    pub(super) const ANY: Self = Self { least: 0, most: None };

    pub(super) const fn up_to(most: usize) -> Self {
        Self { least: 0, most: Some(most) }
    }

    pub(super) const fn between(least: usize, most: usize) -> Self {
        Self { least, most: Some(most) }
    }
}

/// A CEL rule.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) holds: fn(&Value) -> bool,
    /// The API server's message where it does not.
    pub(super) message: &'static str,
}

impl Schema {
    pub(super) const fn of(shape: Shape) -> Self {
        Self { shape, rules: &[] }
    }

    /// An object of any number of these fields, of which those must be there.
    pub(super) const fn object(
        fields: &'static [(&'static str, &'static Self)],
        required: &'static [&'static str],
    ) -> Self {
        Self::of(Shape::Object(fields, required, Length::ANY))
    }

    /// An object of exactly one of these fields.
    pub(super) const fn one_of(fields: &'static [(&'static str, &'static Self)]) -> Self {
        Self::of(Shape::Object(fields, &[], Length::between(1, 1)))
    }
}

/// Reports everything that is wrong with a value; a value that is absent or null is missing.
pub(super) fn check(schema: &Schema, value: &Value, path: &FieldPath<'_>) -> Vec<FieldFinding> {
    if value.is_null() {
        return vec![FieldFinding::required(path, "")];
    }
    let mut found = Vec::new();
    shape(schema, value, path, &mut found);
    if found.is_empty() {
        rules(schema, value, path, &mut found);
    }
    found
}

fn shape(schema: &Schema, value: &Value, path: &FieldPath<'_>, found: &mut Vec<FieldFinding>) {
    match (&schema.shape, value) {
        (Shape::String, Value::String(_)) => {}
        (Shape::Enum(supported), Value::String(text)) => {
            if !supported.contains(&&**text) {
                found.push(FieldFinding::unsupported(path, text, supported));
            }
        }
        (Shape::Short(most), Value::String(text)) => {
            if text.chars().count() > *most {
                let message = format!("Too long: may not be more than {most} bytes");
                found.push(FieldFinding::new(Code::InvalidValue, path, message));
            }
        }
        (Shape::Pattern(pattern, matches), Value::String(text)) => {
            if !matches(text) {
                let detail = format!("{path} in body should match '{pattern}'");
                found.push(FieldFinding::invalid(path, Quoted(text), detail));
            }
        }
        (Shape::Integer(least, most), Value::Number(number)) if !number.is_f64() => {
            let limit = match number.as_i64() {
                Some(number) if number < *least => format!("greater than or equal to {least}"),
                Some(number) if number <= *most => return,
                _ => format!("less than or equal to {most}"),
            };
            found.push(FieldFinding::invalid(path, number, format!("{path} in body should be {limit}")));
        }
        (Shape::List(element, length) | Shape::Set(element, length), Value::Array(list)) => {
            measure(*length, list.len(), "items", path, found);
            for (index, value) in list.iter().enumerate() {
                shape(element, value, &path.index(index), found);
            }
            if matches!(schema.shape, Shape::Set(..)) {
                for (index, value) in list.iter().enumerate() {
                    if list[..index].contains(value) {
                        found.push(FieldFinding::duplicate(&path.index(index), value));
                    }
                }
            }
        }
        (Shape::Map(element), Value::Object(fields)) => {
            for (key, value) in fields {
                shape(element, value, &path.field(key), found);
            }
        }
        (Shape::Object(known, required, length), Value::Object(fields)) => {
            object(known, required, fields, path, found);
            // One that is not known was perhaps meant to be the one that is missing.
            let count = fields.values().filter(|value| !value.is_null()).count();
            measure(*length, count, "properties", path, found);
        }
        (_, value) => found.push(wrong_type(&schema.shape, value, path)),
    }
}

fn object(
    known: &[(&str, &Schema)],
    required: &[&str],
    fields: &Map<String, Value>,
    path: &FieldPath<'_>,
    found: &mut Vec<FieldFinding>,
) {
    for key in fields.keys().filter(|key| known.iter().all(|(name, _)| name != key)) {
        let path = path.field(key);
        let unknown = FieldFinding::new(Code::UnknownField, &path, format!("unknown field \"{path}\""));
        let meant = nearest(key, known.iter().map(|(name, _)| (*name).to_owned()));
        found.push(match meant.first() {
            Some(meant) => unknown.with_help(format!("did you mean `{meant}`?")),
            None => unknown,
        });
    }
    for (name, schema) in known {
        match present(fields, name) {
            Some(value) => shape(schema, value, &path.field(name), found),
            None if required.contains(name) => found.push(FieldFinding::required(&path.field(name), "")),
            None => {}
        }
    }
}

/// A field that is there and not null.
fn present<'v>(fields: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    fields.get(name).filter(|value| !value.is_null())
}

fn measure(length: Length, count: usize, of: &str, path: &FieldPath<'_>, found: &mut Vec<FieldFinding>) {
    if count < length.least {
        let detail = format!("{path} in body should have at least {} {of}", length.least);
        found.push(FieldFinding::invalid(path, count, detail));
    }
    if let Some(most) = length.most.filter(|most| count > *most) {
        let mut message = format!("Too many: {count}: must have at most {most} item");
        if most != 1 {
            message.push('s');
        }
        found.push(FieldFinding::new(Code::InvalidValue, path, message));
    }
}

fn wrong_type(wanted: &Shape, value: &Value, path: &FieldPath<'_>) -> FieldFinding {
    let wanted = match wanted {
        Shape::String | Shape::Enum(_) | Shape::Short(_) | Shape::Pattern(..) => "string",
        Shape::Integer(..) if value.is_f64() => "int32",
        Shape::Integer(..) => "integer",
        Shape::List(..) | Shape::Set(..) => "array",
        Shape::Map(_) | Shape::Object(..) => "object",
    };
    let is = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let message = format!("Invalid value: \"{is}\": {path} in body must be of type {wanted}: \"{is}\"");
    FieldFinding::new(Code::WrongType, path, message)
}

/// Reports the rules that a value of the right shape breaks, the outer ones first.
fn rules(schema: &Schema, value: &Value, path: &FieldPath<'_>, found: &mut Vec<FieldFinding>) {
    for rule in schema.rules.iter().filter(|rule| !(rule.holds)(value)) {
        // A text is shown, an object is not.
        found.push(match value {
            Value::String(text) => FieldFinding::invalid(path, Quoted(text), rule.message),
            _ => FieldFinding::new(Code::InvalidValue, path, format!("Invalid value: {}", rule.message)),
        });
    }
    match (&schema.shape, value) {
        (Shape::List(element, _) | Shape::Set(element, _), Value::Array(list)) => {
            for (index, value) in list.iter().enumerate() {
                rules(element, value, &path.index(index), found);
            }
        }
        (Shape::Object(known, ..), Value::Object(fields)) => {
            for (name, schema) in *known {
                if let Some(value) = present(fields, name) {
                    rules(schema, value, &path.field(name), found);
                }
            }
        }
        _ => {}
    }
}
