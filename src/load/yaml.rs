//! One YAML document to a [`Tree`].
//!
//! `granit-parser` reads events with byte positions and bounds its own nesting; this module gives scalars kubectl's
//! meaning, follows aliases within a budget, and merges `<<` as kubectl does. `serde_yaml` is not used for manifests:
//! it does not tell a quoted `"yes"` from a plain `yes`, which are a string and a boolean to kubectl.

use std::borrow::Cow;
use std::ops::Range;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, Span};
use rustc_hash::FxHashMap;

use super::de::Problem;
use super::node::{Entry, MAX_DEPTH, NodeId, TooDeep, Tree, TreeBuilder, Value};
use super::scalar::{Scalar, ScalarError, Tag};
use crate::diagnostic::Code;

/// Most weight that aliases may add to a document, by [`super::node::Node::weight`]: later steps hold every alias as
/// a copy.
const MAX_ALIASED: u64 = 16 << 20;

/// Longest line of a document; etcd takes no object of more than a few MiB.
const MAX_LINE: usize = 8 << 20;

/// Largest document that becomes a tree; a cluster dump in YAML is read item by item (see [`super::split`]).
pub(super) const MAX_DOCUMENT: usize = 64 << 20;

const YAML_NAMESPACE: &str = "tag:yaml.org,2002:";

/// The reason why a document cannot be read, and its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Fault {
    /// [`Code::Syntax`] or [`Code::TooLarge`].
    pub(super) code: Code,
    /// The problem in words.
    pub(super) message: String,
    /// The byte, from the start of the document.
    pub(super) offset: usize,
}

impl Fault {
    /// A document that nests too deeply.
    pub(super) fn too_deep(offset: usize) -> Self {
        Self { code: Code::TooLarge, message: format!("nested more than {MAX_DEPTH} levels deep"), offset }
    }
}

impl From<Fault> for Problem {
    fn from(Fault { code, message, offset }: Fault) -> Self {
        Self { code, message, path: String::new(), span: offset..offset, help: None }
    }
}

/// Reads one document; `None` if there is nothing in it.
pub(super) fn parse(text: &str) -> Result<Option<Tree<'_>>, Fault> {
    check_size(text)?;
    let options = granit_parser::options! {
        flow_nesting_limit: MAX_DEPTH as usize,
        block_nesting_limit: MAX_DEPTH as usize,
        block_scalar_eof_without_line_feed: true,
    };
    let mut reader = Reader { text, ..Reader::default() };
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((event, span)) => reader.event(event, bytes(&span))?,
            Err(error) => {
                let offset = error.marker().byte_offset().unwrap_or(0).min(text.len());
                return Err(match error.kind() {
                    ErrorKind::RecursionLimitExceeded => Fault::too_deep(offset),
                    kind => Fault { code: Code::Syntax, message: kind.to_string(), offset },
                });
            }
        }
    }
    let Some(root) = reader.root else { return Ok(None) };
    let tree = reader.builder.finish(root);
    // A document of comments is a null without a byte of its own.
    let empty = tree.root().is_null() && tree.root().span().is_empty();
    Ok((!empty).then_some(tree))
}

fn check_size(text: &str) -> Result<(), Fault> {
    let too_large = |what, limit: usize, offset| {
        Err(Fault {
            code: Code::TooLarge,
            message: format!("{what} is larger than {} MiB", limit >> 20),
            offset,
        })
    };
    if text.len() > MAX_LINE
        && let Some(line) = text.lines().find(|line| line.len() > MAX_LINE)
    {
        return too_large("a line", MAX_LINE, line.as_ptr().addr() - text.as_ptr().addr());
    }
    if text.len() > MAX_DOCUMENT {
        return too_large("a YAML document", MAX_DOCUMENT, 0);
    }
    Ok(())
}

fn bytes(span: &Span) -> Range<u32> {
    let range = span.byte_range().unwrap_or_default();
    // INVARIANT: a document is smaller than MAX_DOCUMENT, so its offsets fit.
    range.start as u32..range.end as u32
}

/// The state of reading a document: collections that are still open, innermost last.
#[derive(Default)]
struct Reader<'t> {
    text: &'t str,
    builder: TreeBuilder<'t>,
    open: Vec<Open<'t>>,
    anchors: FxHashMap<usize, NodeId>,
    aliased: u64,
    documents: u32,
    root: Option<NodeId>,
}

struct Open<'t> {
    start: u32,
    anchor: usize,
    children: Children<'t>,
}

enum Children<'t> {
    Seq(Vec<NodeId>),
    Map { entries: Vec<Entry<'t>>, key: Option<Key<'t>>, merged: Merged },
}

/// A key whose value is still to come.
enum Key<'t> {
    Merge,
    Field(Cow<'t, str>, Range<u32>),
}

/// The keys of a mapping, from the first `<<` on; mappings without one do not pay for it. The flag is set if the key
/// came from a merge and may be written once more.
#[derive(Default)]
struct Merged(Option<FxHashMap<String, (usize, bool)>>);

impl<'t> Reader<'t> {
    fn event(&mut self, event: Event<'t>, span: Range<u32>) -> Result<(), Fault> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(syntax("a second document starts here without a line feed before it", &span));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                if style == ScalarStyle::DoubleQuoted && matches!(text, Cow::Owned(_)) {
                    self.check_escapes(&span)?;
                }
                let name = tag.as_ref().map(|tag| tag.suffix_in_namespace(YAML_NAMESPACE));
                let tag = name.as_ref().map(|name| name.as_deref().map_or(Tag::Other, Tag::Core));
                if self.awaits_key() {
                    let merge = (plain && tag.is_none() && text == "<<") || tag == Some(Tag::Core("merge"));
                    let key = if merge {
                        Key::Merge
                    } else {
                        let key = Scalar::resolve(text, plain, tag).and_then(Scalar::into_key);
                        Key::Field(key.map_err(|e| scalar(e, &span))?, span.clone())
                    };
                    if anchor != 0
                        && let Key::Field(text, _) = &key
                    {
                        let value = Value::Scalar(Scalar::String(text.clone()));
                        let id = self.builder.add(value, span).map_err(|TooDeep| Fault::too_deep(0))?;
                        self.anchors.insert(anchor, id);
                    }
                    self.key(key);
                    return Ok(());
                }
                let value = Scalar::resolve(text, plain, tag).map_err(|e| scalar(e, &span))?;
                self.close(Value::Scalar(value), span, anchor)
            }
            Event::SequenceStart(_, anchor, _) => self.start(Children::Seq(Vec::new()), anchor, &span),
            Event::MappingStart(_, anchor, _) => {
                let children = Children::Map { entries: Vec::new(), key: None, merged: Merged::default() };
                self.start(children, anchor, &span)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else { return Ok(()) };
                let value = match open.children {
                    Children::Seq(items) => Value::Seq(items),
                    Children::Map { entries, .. } => Value::Map(entries),
                };
                self.close(value, open.start..span.end.max(open.start), open.anchor)
            }
            Event::Alias(anchor) => {
                let Some(&id) = self.anchors.get(&anchor) else {
                    return Err(syntax("the value of an anchor contains itself", &span));
                };
                let target = self.builder.get(id);
                self.aliased = self.aliased.saturating_add(target.weight);
                if self.aliased > MAX_ALIASED {
                    let message = format!("aliases expand to more than {} MiB", MAX_ALIASED >> 20);
                    return Err(Fault { code: Code::TooLarge, message, offset: span.start as usize });
                }
                if self.awaits_key() {
                    let Value::Scalar(value) = &target.value else {
                        return Err(syntax("only a scalar can be the key of a map", &span));
                    };
                    let key = value.clone().into_key().map_err(|e| scalar(e, &span))?;
                    self.key(Key::Field(key, span));
                    return Ok(());
                }
                self.place(id, &span)
            }
            _ => Ok(()),
        }
    }

    /// Refuses half a character, as kubectl does: only JSON writes one character as two escapes.
    fn check_escapes(&self, span: &Range<u32>) -> Result<(), Fault> {
        let written = &self.text.as_bytes()[span.start as usize..span.end as usize];
        let mut at = 0;
        while let Some(backslash) = memchr::memchr(b'\\', &written[at..]) {
            at += backslash;
            if let [_, b'u', b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F', ..] = written[at..] {
                return Err(Fault {
                    code: Code::Syntax,
                    message: "found invalid Unicode character escape code".to_owned(),
                    offset: span.start as usize + at,
                });
            }
            // What is escaped may be a backslash.
            at = (at + 2).min(written.len());
        }
        Ok(())
    }

    fn awaits_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { children: Children::Map { key: None, .. }, .. }))
    }

    fn key(&mut self, new: Key<'t>) {
        if let Some(Open { children: Children::Map { key, .. }, .. }) = self.open.last_mut() {
            *key = Some(new);
        }
    }

    fn start(&mut self, children: Children<'t>, anchor: usize, span: &Range<u32>) -> Result<(), Fault> {
        if self.awaits_key() {
            return Err(syntax("only a scalar can be the key of a map", span));
        }
        if self.open.len() >= MAX_DEPTH as usize {
            return Err(Fault::too_deep(span.start as usize));
        }
        self.open.push(Open { start: span.start, anchor, children });
        Ok(())
    }

    /// A node is complete.
    fn close(&mut self, value: Value<'t>, span: Range<u32>, anchor: usize) -> Result<(), Fault> {
        let id =
            self.builder.add(value, span.clone()).map_err(|TooDeep| Fault::too_deep(span.start as usize))?;
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        self.place(id, &span)
    }

    /// Puts a complete node where it belongs.
    fn place(&mut self, id: NodeId, span: &Range<u32>) -> Result<(), Fault> {
        match self.open.last_mut().map(|open| &mut open.children) {
            None => self.root = Some(id),
            Some(Children::Seq(items)) => items.push(id),
            Some(Children::Map { entries, key, merged }) => match key.take() {
                Some(Key::Merge) => {
                    for entry in mergeable(&self.builder, id).ok_or_else(|| {
                        syntax("map merge requires map or sequence of maps as the value", span)
                    })? {
                        merged.merge(entries, entry);
                    }
                }
                Some(Key::Field(key, key_span)) => merged.write(entries, Entry { key, key_span, value: id }),
                None => return Err(syntax("a map without a key", span)),
            },
        }
        Ok(())
    }
}

/// The pairs that `<<: id` merges, in the order in which kubectl writes them: of a list of maps the first wins.
fn mergeable<'t>(builder: &TreeBuilder<'t>, id: NodeId) -> Option<Vec<Entry<'t>>> {
    match &builder.get(id).value {
        Value::Map(entries) => Some(entries.clone()),
        Value::Seq(items) => {
            let mut all = Vec::new();
            for item in items.iter().rev() {
                let Value::Map(entries) = &builder.get(*item).value else { return None };
                all.extend_from_slice(entries);
            }
            Some(all)
        }
        Value::Scalar(_) => None,
    }
}

impl Merged {
    /// A pair of a merged map: it takes the place of whatever was written *before* the `<<`, as kubectl has it.
    fn merge<'t>(&mut self, entries: &mut Vec<Entry<'t>>, new: Entry<'t>) {
        let places = self.0.get_or_insert_with(|| {
            entries
                .iter()
                .enumerate()
                .map(|(i, entry)| (entry.key.clone().into_owned(), (i, false)))
                .collect()
        });
        if let Some((i, from_merge)) = places.get_mut(&*new.key) {
            entries[*i] = new;
            *from_merge = true;
        } else {
            places.insert(new.key.clone().into_owned(), (entries.len(), true));
            entries.push(new);
        }
    }

    /// A pair written out: it takes the place of a merged one; next to another written one it is a duplicate.
    fn write<'t>(&mut self, entries: &mut Vec<Entry<'t>>, new: Entry<'t>) {
        if let Some(places) = &mut self.0 {
            if let Some((i, from_merge @ true)) = places.get_mut(&*new.key) {
                *from_merge = false;
                entries[*i] = new;
                return;
            }
            places.entry(new.key.clone().into_owned()).or_insert((entries.len(), false));
        }
        entries.push(new);
    }
}

fn syntax(message: &str, span: &Range<u32>) -> Fault {
    Fault { code: Code::Syntax, message: message.to_owned(), offset: span.start as usize }
}

fn scalar(error: ScalarError, span: &Range<u32>) -> Fault {
    Fault { code: Code::Syntax, message: error.0, offset: span.start as usize }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use serde::Deserialize;

    use super::*;

    /// The JSON kubectl would make of a document.
    fn json(text: &str) -> Result<String, String> {
        let tree = parse(text).map_err(|fault| fault.message)?.ok_or("empty")?;
        serde_json::Value::deserialize(tree.root()).map(|v| v.to_string()).map_err(|e| e.to_string())
    }

    #[test]
    fn values_as_kubectl_reads_them() {
        let table = [
            ("a: [1, '1', yes, \"yes\", ~, 1.50]", r#"{"a":[1,"1",true,"yes",null,1.5]}"#),
            ("1: x\nyes: b\n0x10: h", r#"{"1":"x","16":"h","true":"b"}"#),
            ("a: |\n  80\nb: >-\n  yes", r#"{"a":"80\n","b":"yes"}"#),
            ("a: !!str 1\nb: !!int \"7\"\nc: !foo 5\nd: ! 1", r#"{"a":"1","b":7,"c":"5","d":"1"}"#),
            ("--- {a: b} # text on the marker", r#"{"a":"b"}"#),
            ("%YAML 1.1\n---\na: b\n...\n", r#"{"a":"b"}"#),
            ("a: b\r\nc:\r\n- d\r\n", r#"{"a":"b","c":["d"]}"#),
            (r#"a: "\u00e9\U0001F600\\ud83d""#, r#"{"a":"é😀\\ud83d"}"#),
            (r"a: '\ud83d\ude00'", r#"{"a":"\\ud83d\\ude00"}"#),
        ];
        for (text, expected) in table {
            assert_eq!(json(text).as_deref(), Ok(expected), "{text}");
        }
        for bad in [
            "[a]: 1",
            "{a: b}: 1",
            "~: 1",
            "a: .inf",
            "a: !!int x",
            "a: *nowhere",
            "a: &a [*a]",
            "a: [",
            "a:\n\tb: c",
            r#"a: "\ud83d\ude00""#,
            r#"a: "😀 \\\uD83D\uDE00""#,
            r#""\ud83d\ude00": a"#,
            r#"a: "\ud83d""#,
        ] {
            assert!(json(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn merge_keys_as_kubectl_merges_them() {
        let table = [
            ("m: {<<: *a, q: 3}", r#"{"p":1,"q":3}"#),
            // What stands before the merge loses, unlike in the YAML draft.
            ("m: {q: 3, <<: *a}", r#"{"p":1,"q":2}"#),
            ("m: {<<: [*a, {q: 9, r: 8}]}", r#"{"p":1,"q":2,"r":8}"#),
            ("m: {<<: *a, <<: {p: 7}}", r#"{"p":7,"q":2}"#),
            ("m: {'<<': 1}", r#"{"<<":1}"#),
        ];
        for (text, expected) in table {
            let text = format!("x: &a {{p: 1, q: 2}}\n{text}\n");
            let expected = format!(r#"{{"m":{expected},"x":{{"p":1,"q":2}}}}"#);
            assert_eq!(json(&text), Ok(expected), "{text}");
        }
        assert!(json("m: {<<: 5}").is_err());
    }

    #[test]
    fn duplicates_stay_in_the_tree() {
        let count = |text: &str| parse(text).unwrap().unwrap().root().entries().len();
        assert_eq!(count("a: 1\na: 2"), 2);
        assert_eq!(count("<<: {a: 1}\na: 2"), 1);
        assert_eq!(count("<<: {a: 1}\na: 2\na: 3"), 2);
    }

    #[test]
    fn nothing_in_it() {
        for text in ["", "# only a comment\n", "---\n", "--- # hi\n...\n"] {
            assert!(parse(text).unwrap().is_none(), "{text}");
        }
    }

    #[test]
    fn hostile_documents_end_in_an_error() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for i in 1..12 {
            let list = vec![format!("*a{}", i - 1); 10].join(", ");
            writeln!(bomb, "a{i}: &a{i} [{list}]").unwrap();
        }
        let mut tower = String::from("a0: &a0 x\n");
        for i in 1..100_000 {
            writeln!(tower, "a{i}: &a{i} [*a{}]", i - 1).unwrap();
        }
        let long = "v".repeat(50_000);
        let table = [
            bomb,
            tower,
            format!("- &s {long}\n{}", "- *s\n".repeat(1_000)),
            format!("- &s {long}\n{}", "- *s : 1\n".repeat(1_000)),
            format!("- &s {{a: {long}}}\n{}", "- {<<: *s}\n".repeat(1_000)),
            "[".repeat(100_000),
            "- ".repeat(100_000),
            "{a: ".repeat(100_000),
            "-".repeat(9 << 20),
            "-\n".repeat(33 << 20),
        ];
        for text in table {
            let fault = parse(&text).unwrap_err();
            assert_eq!(fault.code, Code::TooLarge, "{}: {fault:?}", &text[..20]);
        }
    }
}
