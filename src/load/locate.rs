//! Field paths to positions, found when a message needs them.
//!
//! The document in question is read again, once for all that is asked of it: what is kept is where its fields stand,
//! found by their names in time that grows with the path and not with the document.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use super::node::{Cursor, NodeId, Tree, Value};
use super::{json, yaml};
use crate::diagnostic::SourceId;

/// Largest document that is read again to find a position.
const MAX_DOCUMENT: usize = yaml::MAX_DOCUMENT;

/// Documents are kept until they hold more than this many bytes together; then all but the next are forgotten.
const MAX_KEPT: usize = yaml::MAX_DOCUMENT;

/// The documents that positions were asked of.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<Documents>);

/// See [`Kept`].
#[derive(Debug, Default)]
struct Documents {
    /// By their source and place in it.
    read: FxHashMap<(SourceId, Range<usize>), Read>,
    /// Number of bytes of these documents.
    bytes: usize,
}

/// The result of reading a document.
#[derive(Clone, Debug)]
enum Read {
    /// It is not UTF-8.
    NotText,
    /// It is too large, or cannot be read.
    NoFields,
    Fields(Arc<Fields>),
}

impl Kept {
    /// The bytes of the field `path` within `document`, which stands at `place`: its value as far as it stands on one
    /// line, else its key. The nearest enclosing field if it does not exist, the first field for the whole object.
    /// `None` if the document is no text.
    pub(super) fn locate(
        &self,
        place: (SourceId, Range<usize>),
        document: &[u8],
        path: &str,
    ) -> Option<Range<usize>> {
        match self.read(place, document) {
            Read::NotText => None,
            Read::NoFields => Some(start(document)),
            Read::Fields(fields) => Some(one_line(document, fields.find(path))),
        }
    }

    fn read(&self, place: (SourceId, Range<usize>), document: &[u8]) -> Read {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(read) = kept.read.get(&place) {
            return read.clone();
        }
        if kept.bytes + document.len() > MAX_KEPT {
            *kept = Documents::default();
        }
        let read = Read::of(document);
        kept.bytes += document.len();
        kept.read.insert(place, read.clone());
        read
    }
}

impl Read {
    fn of(document: &[u8]) -> Self {
        let Ok(document) = std::str::from_utf8(document) else { return Self::NotText };
        if document.len() > MAX_DOCUMENT {
            return Self::NoFields;
        }
        let fields = |tree: &Tree<'_>| Self::Fields(Arc::new(Fields::of(tree)));
        if document.trim_start().starts_with('{')
            && let Ok(tree) = json::tree(document)
        {
            return fields(&tree);
        }
        yaml::parse(document).ok().flatten().map_or(Self::NoFields, |tree| fields(&tree))
    }
}

/// Positions of the fields of a document: its tree without the values.
#[derive(Debug)]
struct Fields {
    nodes: Vec<Node>,
    root: usize,
}

/// A value.
#[derive(Debug)]
struct Node {
    span: Range<u32>,
    inner: Inner,
}

/// The contents of a value.
#[derive(Debug)]
enum Inner {
    Scalar,
    List(Vec<usize>),
    Map {
        /// In the order of the keys; of equal ones the last one written comes last.
        entries: Vec<Entry>,
        /// Index of the entry that was written first.
        first: usize,
    },
}

/// A pair of a map.
#[derive(Debug)]
struct Entry {
    key: Box<str>,
    key_span: Range<u32>,
    value: usize,
}

/// A field: its value, and its key if it is in a map.
struct Field<'f> {
    value: &'f Node,
    key: Option<Range<usize>>,
}

impl Fields {
    fn of(tree: &Tree<'_>) -> Self {
        let nodes = tree.nodes().map(Node::new).collect();
        Self { nodes, root: tree.root().id().index() }
    }

    fn find(&self, path: &str) -> Range<usize> {
        let mut field = Field { value: &self.nodes[self.root], key: None };
        let mut rest = path;
        while let Some((next, after)) = self.step(field.value, rest) {
            field = next;
            rest = after;
        }
        if rest.is_empty() || rest == "." {
            // The object itself: its kind says best what it is.
            if let Inner::Map { entries, first } = &field.value.inner
                && (path.is_empty() || path.ends_with('.'))
                && let Some(entry) = written_last(entries, "kind").or(entries.get(*first))
            {
                let value = &self.nodes[entry.value].span;
                return entry.key_span.start as usize..value.end.max(entry.key_span.end) as usize;
            }
        }
        let span = bytes(&field.value.span);
        match (&field.value.inner, field.key) {
            (Inner::Scalar, _) if !span.is_empty() => span,
            (_, Some(key)) => key,
            (_, None) => span,
        }
    }

    /// Goes one step down: `[3]`, `[key.with/dots]`, `key` or `.key`, the longest key that fits.
    fn step<'f, 'p>(&'f self, at: &'f Node, path: &'p str) -> Option<(Field<'f>, &'p str)> {
        let in_map =
            |entry: &Entry| Field { value: &self.nodes[entry.value], key: Some(bytes(&entry.key_span)) };
        if let Some(inner) = path.strip_prefix('[') {
            let (index, rest) = inner.split_once(']')?;
            return match &at.inner {
                Inner::List(items) => {
                    let value = &self.nodes[*items.get(index.parse::<usize>().ok()?)?];
                    Some((Field { value, key: None }, rest))
                }
                Inner::Map { entries, .. } => Some((in_map(written_last(entries, index)?), rest)),
                Inner::Scalar => None,
            };
        }
        let path = path.strip_prefix('.').unwrap_or(path);
        let Inner::Map { entries, .. } = &at.inner else { return None };
        let entry = longest(entries, path)?;
        Some((in_map(entry), &path[entry.key.len()..]))
    }
}

impl Node {
    fn new(node: Cursor<'_, '_>) -> Self {
        let inner = match node.value() {
            Value::Scalar(_) => Inner::Scalar,
            Value::Seq(items) => Inner::List(items.iter().copied().map(NodeId::index).collect()),
            Value::Map(written) => {
                let mut order: Vec<usize> = (0..written.len()).collect();
                order.sort_by(|&a, &b| written[a].key.cmp(&written[b].key));
                let first = order.iter().position(|&place| place == 0).unwrap_or(0);
                let entry = |place: usize| {
                    let super::node::Entry { key, key_span, value } = &written[place];
                    Entry { key: (**key).into(), key_span: key_span.clone(), value: value.index() }
                };
                Inner::Map { entries: order.into_iter().map(entry).collect(), first }
            }
        };
        let span = node.span();
        Self { span: span.start as u32..span.end as u32, inner }
    }
}

/// The pair of a key; the last one if it was written twice.
fn written_last<'e>(entries: &'e [Entry], key: &str) -> Option<&'e Entry> {
    let after = entries.partition_point(|entry| &*entry.key <= key);
    entries[..after].last().filter(|entry| &*entry.key == key)
}

/// The pair with the longest key that `path` begins with, up to a `.` or `[` or its end.
fn longest<'e>(entries: &'e [Entry], path: &str) -> Option<&'e Entry> {
    let mut found = None;
    // The pairs whose keys begin with what of the path was looked at: they stand side by side.
    let mut begin_so = entries;
    let mut looked_at = 0;
    let ends = path.match_indices(['.', '[']).map(|(at, _)| at).chain([path.len()]);
    for end in ends {
        let part = &path.as_bytes()[looked_at..end];
        let compare = |entry: &Entry| {
            let key = &entry.key.as_bytes()[looked_at..];
            key[..key.len().min(part.len())].cmp(part)
        };
        let from = begin_so.partition_point(|entry| compare(entry).is_lt());
        let to = begin_so.partition_point(|entry| compare(entry).is_le());
        begin_so = &begin_so[from..to];
        looked_at = end;
        if begin_so.is_empty() {
            break;
        }
        let equal = begin_so.partition_point(|entry| entry.key.len() == end);
        found = begin_so[..equal].last().filter(|entry| !entry.key.is_empty()).or(found);
    }
    found
}

fn bytes(span: &Range<u32>) -> Range<usize> {
    span.start as usize..span.end as usize
}

/// The first line that is not blank.
fn start(document: &[u8]) -> Range<usize> {
    let first = document.len() - document.trim_ascii_start().len();
    one_line(document, first..document.len())
}

/// The part of `span` that stands on its first line.
fn one_line(document: &[u8], span: Range<usize>) -> Range<usize> {
    let end = span.end.min(document.len());
    let start = span.start.min(end);
    start..memchr::memchr2(b'\n', b'\r', &document[start..end]).map_or(end, |at| start + at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::index::Id as _;

    fn locate(document: &str, path: &str) -> Range<usize> {
        let place = (SourceId::from_index(0), 0..document.len());
        Kept::default().locate(place, document.as_bytes(), path).unwrap()
    }

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

    #[test]
    fn documents_are_read_once_and_in_turn() {
        let kept = Kept::default();
        let source = SourceId::from_index(0);
        let documents = ["a: 1\n", "b: [\n", "c: {d: 2}\n"];
        for _ in 0..2 {
            for (document, path, expected) in
                [(documents[0], "a", "1"), (documents[1], "b", "b: ["), (documents[2], "c.d", "2")]
            {
                let start = documents.concat().find(document).unwrap();
                let place = (source, start..start + document.len());
                assert_eq!(&document[kept.locate(place, document.as_bytes(), path).unwrap()], expected);
            }
        }
        assert_eq!(kept.0.lock().unwrap().bytes, documents.concat().len());
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let kept = Kept::default();
        let document = "a: 1\n";
        for number in 0..3 {
            let place = (SourceId::from_index(number), 0..document.len());
            assert_eq!(&document[kept.locate(place, document.as_bytes(), "a").unwrap()], "1");
            let mut documents = kept.0.lock().unwrap();
            assert_eq!((documents.read.len(), documents.bytes), (1, document.len()));
            documents.bytes = MAX_KEPT;
        }
    }

    proptest! {
        /// By halves as one by one.
        #[test]
        fn the_longest_key_that_fits(keys in prop::collection::vec("[ab.\\[]{0,4}", 0..8), path in "[ab.\\[]{0,8}") {
            let mut order: Vec<usize> = (0..keys.len()).collect();
            order.sort_by(|&a, &b| keys[a].cmp(&keys[b]));
            let entry = |value: usize| Entry { key: keys[value].as_str().into(), key_span: 0..0, value };
            let entries: Vec<Entry> = order.into_iter().map(entry).collect();
            let fits = |key: &str| path.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
            let expected = (0..keys.len())
                .filter(|&place| !keys[place].is_empty() && fits(&keys[place]))
                .max_by_key(|&place| keys[place].len());
            prop_assert_eq!(longest(&entries, &path).map(|entry| entry.value), expected);
            for key in &keys {
                let expected = keys.iter().rposition(|other| other == key);
                prop_assert_eq!(written_last(&entries, key).map(|entry| entry.value), expected);
            }
        }
    }
}
