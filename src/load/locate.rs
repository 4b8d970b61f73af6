//! Field paths to positions, found when a message needs them.
//!
//! Re-reads the one document in question; nothing is kept.

use std::ops::Range;

use super::node::{Cursor, Tree, Value};
use super::{json, yaml};

/// Largest document that is read again to find a position.
const MAX_DOCUMENT: usize = yaml::MAX_DOCUMENT;

/// The bytes of the field `path` within `document`: its value as far as it stands on one line, else its key. The
/// nearest enclosing field if it does not exist, the first field for the whole object.
pub(super) fn locate(document: &str, path: &str) -> Range<usize> {
    let first = document.len() - document.trim_start().len();
    let start = || first..end_of_line(document, first);
    if document.len() > MAX_DOCUMENT {
        return start();
    }
    match parse(document) {
        Some(tree) => one_line(document, find(tree.root(), path)),
        None => start(),
    }
}

fn parse(document: &str) -> Option<Tree<'_>> {
    if document.trim_start().starts_with('{')
        && let Ok(tree) = json::tree(document)
    {
        return Some(tree);
    }
    yaml::parse(document).ok().flatten()
}

/// A field: its value, and its key if it is in a map.
struct Field<'a, 't> {
    value: Cursor<'a, 't>,
    key: Option<Range<usize>>,
}

fn find(root: Cursor<'_, '_>, path: &str) -> Range<usize> {
    let mut field = Field { value: root, key: None };
    let mut rest = path;
    while let Some((next, after)) = step(field.value, rest) {
        field = next;
        rest = after;
    }
    if rest.is_empty() || rest == "." {
        // The object itself: its kind says best what it is.
        if let Value::Map(entries) = field.value.value()
            && (path.is_empty() || path.ends_with('.'))
            && let Some(entry) = field.value.entry("kind").or(entries.first())
        {
            let value = field.value.at(entry.value).span();
            return entry.key_span.start as usize..value.end.max(entry.key_span.end as usize);
        }
    }
    match (field.value.value(), field.key) {
        (Value::Scalar(_), _) if !field.value.span().is_empty() => field.value.span(),
        (_, Some(key)) => key,
        (_, None) => field.value.span(),
    }
}

/// Goes one step down: `[3]`, `[key.with/dots]`, `key` or `.key`, the longest key that fits.
fn step<'a, 't, 'p>(at: Cursor<'a, 't>, path: &'p str) -> Option<(Field<'a, 't>, &'p str)> {
    let in_map = |entry: &super::node::Entry<'_>| Field {
        value: at.at(entry.value),
        key: Some(entry.key_span.start as usize..entry.key_span.end as usize),
    };
    if let Some(inner) = path.strip_prefix('[') {
        let (index, rest) = inner.split_once(']')?;
        if let Some(mut items) = at.items() {
            let value = items.nth(index.parse().ok()?)?;
            return Some((Field { value, key: None }, rest));
        }
        return Some((in_map(at.entry(index)?), rest));
    }
    let path = path.strip_prefix('.').unwrap_or(path);
    let entry = at
        .entries()
        .iter()
        .filter(|entry| {
            path.strip_prefix(&*entry.key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
        .max_by_key(|entry| entry.key.len())?;
    if entry.key.is_empty() {
        return None;
    }
    Some((in_map(entry), &path[entry.key.len()..]))
}

/// The part of `span` that stands on its first line.
fn one_line(document: &str, span: Range<usize>) -> Range<usize> {
    let start = span.start.min(document.len());
    start..span.end.min(end_of_line(document, start)).max(start)
}

fn end_of_line(document: &str, at: usize) -> usize {
    let rest = &document[at..];
    at + rest.find(['\n', '\r']).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const YAML: &str = "\
# a comment
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: \"é\"
  labels: {app.kubernetes.io/name: web, app: x}
spec:
  podSelector:
    matchLabels:
      app: web
      a.b: c
  ingress:
  - from:
    - ipBlock:
        cidr: 10.0.0.0/8
    - ipBlock: {cidr: 10.0.0.5/8}
    ports:
";

    #[test]
    fn fields_are_found() {
        let table = [
            ("", "kind: NetworkPolicy"),
            ("metadata.name", "\"é\""),
            ("metadata.labels[app.kubernetes.io/name]", "web"),
            ("metadata.labels.app.kubernetes.io/name", "web"),
            ("metadata.labels.app", "x"),
            ("spec.podSelector.matchLabels.a.b", "c"),
            ("spec.ingress[0].from[1].ipBlock.cidr", "10.0.0.5/8"),
            ("spec.ingress[0].from[0].ipBlock", "ipBlock"),
            ("spec.ingress[0].from[0].ipBlock.except", "ipBlock"),
            ("spec.ingress[0].ports", "ports"),
            ("spec.egress[3].to", "spec"),
            ("spec.ingress[0]", "from:"),
            ("nowhere", "apiVersion: networking.k8s.io/v1"),
        ];
        for (path, expected) in table {
            assert_eq!(&YAML[locate(YAML, path)], expected, "{path}");
        }
    }

    #[test]
    fn items_of_lists_and_json() {
        let list = "items:\n- kind: Pod\n  spec: {a: b}\n";
        assert_eq!(&list[locate(list, "items[0].spec.a")], "b");
        assert_eq!(&list[locate(list, "items[0].")], "kind: Pod");
        let json = "{\n\t\"kind\": \"Pod\",\n\t\"spec\": {\"a\\\"b\": [1, 2]}}";
        assert_eq!(&json[locate(json, "spec.a\"b[1]")], "2");
        assert_eq!(&json[locate(json, "")], "\"kind\": \"Pod\"");
        assert_eq!(&json[locate(json, "spec")], "\"spec\"");
    }

    #[test]
    fn what_does_not_parse_has_a_start() {
        let text = "\n  a: [\n";
        assert_eq!(&text[locate(text, "a")], "a: [");
        assert_eq!(locate("", "a"), 0..0);
    }
}
