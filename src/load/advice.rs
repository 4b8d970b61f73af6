//! Advice for a key in the wrong place, and for a value of the wrong type.

use super::node::{Cursor, Entry, Value};
use super::scalar::Scalar;
use super::schema::Shape;
use crate::diagnostic::cut;

/// The most characters of a name or a value that are repeated.
const MOST: usize = 40;

/// The fields of an object.
pub(super) type Known = &'static [(&'static str, Shape)];

/// Advice for a key that is no field where it stands. `fields` are those of the object, `above` those of the
/// objects around it, the innermost last, each with the field that leads here.
pub(super) fn misplaced(
    object: Cursor<'_, '_>,
    entry: &Entry<'_>,
    fields: Known,
    above: &[(Known, &str)],
) -> Option<String> {
    let key = cut(&entry.key, MOST);
    let is_empty = |field: &str| object.get(field).is_some_and(Cursor::is_null);
    if has(fields, "matchLabels") {
        if is_empty("matchLabels") {
            return Some(format!("indent `{key}`: it belongs below `matchLabels`, which is empty here"));
        }
        if let Some(value) = object.at(entry.value).as_str() {
            let value = cut(value, MOST);
            return Some(format!("labels stand below `matchLabels`: `matchLabels: {{{key}: {value}}}`"));
        }
    }
    let holds = |(field, shape): &(&'static str, Shape)| {
        has(shape.fields(), &entry.key).then_some((*field, matches!(shape, Shape::List(_))))
    };
    let holders = || fields.iter().filter_map(holds);
    let below = |(field, is_list)| {
        if is_list {
            format!("an element of `{field}`: `- {key}: ...`, indented, below `{field}:`")
        } else {
            format!("`{field}`: indent it, below `{field}:`")
        }
    };
    if let Some(holder) = holders().find(|(field, _)| is_empty(field)) {
        return Some(format!("`{key}` belongs to {}", below(holder)));
    }
    let around = above.iter().rev().find(|(fields, _)| has(fields, &entry.key));
    if let Some((_, leads_here)) = around {
        return Some(format!(
            "`{key}` belongs beside `{leads_here}`, not into it: indent it as deep as that"
        ));
    }
    holders().next().map(|holder| format!("`{key}` belongs to {}", below(holder)))
}

/// Advice for a value whose type is not that of the field.
pub(super) fn wrong_type(wanted: Shape, value: Cursor<'_, '_>, path: &str) -> Option<String> {
    let advice = match (wanted, value.value()) {
        (Shape::String, Value::Scalar(Scalar::Bool(_) | Scalar::Int(_) | Scalar::Float(_))) => {
            "put the value in quotes".to_owned()
        }
        (Shape::List(_), Value::Map(entries)) => match entries.first() {
            None => empty_list(path.rsplit('.').next().unwrap_or(path)),
            Some(first) => {
                format!("it is a list: start each element with a dash: `- {}: ...`", cut(&first.key, MOST))
            }
        },
        (Shape::List(_), Value::Scalar(Scalar::String(text))) => {
            format!("it is a list: `[{}]`", cut(text, MOST))
        }
        (Shape::Int32, Value::Scalar(Scalar::String(_))) => "write the number without quotes".to_owned(),
        _ => return None,
    };
    Some(advice)
}

/// Advice for `{}` where a list is expected: `- {}`, which comes to mind first, may allow everything.
fn empty_list(field: &str) -> String {
    let everything = match field {
        "ingress" | "egress" => "a rule `- {}` would allow everything",
        "from" | "to" => "an empty list means everybody",
        "ports" => "an empty list means every port",
        _ => return "an empty list is `[]`".to_owned(),
    };
    match field {
        "ingress" | "egress" => format!("an empty list, `[]`, allows nothing; {everything}"),
        _ => format!("an empty list is `[]`; {everything}"),
    }
}

fn has(fields: &[(&str, Shape)], key: &str) -> bool {
    fields.iter().any(|(name, _)| *name == key)
}

#[cfg(test)]
mod tests {
    use super::super::{shapes, yaml};

    /// The advice given for the spec of a policy.
    fn help(spec: &str) -> Vec<String> {
        let text = format!("spec: {spec}");
        let tree = yaml::parse(&text).unwrap().unwrap();
        let problems = shapes::NETWORK_POLICY.check(tree.root()).problems;
        problems.into_iter().map(|problem| problem.help.unwrap_or_default()).collect()
    }

    #[test]
    fn what_is_written_in_the_wrong_place() {
        for (spec, advice) in [
            ("{podSelector: {app: api}}", "labels stand below `matchLabels`: `matchLabels: {app: api}`"),
            (
                "{podSelector: {matchLabels: , app: api}}",
                "indent `app`: it belongs below `matchLabels`, which is empty here",
            ),
            (
                "{ingress: [{from: [{podSelector: , matchLabels: {a: b}}]}]}",
                "`matchLabels` belongs to `podSelector`: indent it, below `podSelector:`",
            ),
            (
                "{ingress: [{from: , podSelector: {}}]}",
                "`podSelector` belongs to an element of `from`: `- podSelector: ...`, indented, below `from:`",
            ),
            (
                "{ingress: [{from: [{podSelector: {}, ports: [{port: 80}]}]}]}",
                "`ports` belongs beside `from`, not into it: indent it as deep as that",
            ),
            (
                "{ingress: [{from: [], policyTypes: [Ingress]}]}",
                "`policyTypes` belongs beside `ingress`, not into it: indent it as deep as that",
            ),
            (
                "{podSelector: {}, from: []}",
                "`from` belongs to an element of `ingress`: `- from: ...`, indented, below `ingress:`",
            ),
            ("{ingress: {}}", "an empty list, `[]`, allows nothing; a rule `- {}` would allow everything"),
            ("{ingress: [{from: {}}]}", "an empty list is `[]`; an empty list means everybody"),
            ("{ingress: {from: []}}", "it is a list: start each element with a dash: `- from: ...`"),
            ("{policyTypes: Ingress}", "it is a list: `[Ingress]`"),
        ] {
            assert_eq!(help(spec), [advice], "{spec}");
        }
    }
}
