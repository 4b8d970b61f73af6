//! Texts to manifests: what a text is cut into, and which way each piece is read.
//!
//! Flattens lists, and turns what does not parse into findings and an [`Object::Broken`], so that nothing is lost without a
//! word. What one object is, [`super::document`] finds out.

use std::convert::Infallible;
use std::ops::Range;

use rayon::prelude::*;

use super::block::Ignored;
use super::document::{Body, Document};
use super::item::Item;
use super::kinds::{Expected, is_list};
use super::node::Cursor;
use super::unread::{LEAVE_OUT, unread};
use super::yaml::Fault;
use super::{Manifest, block, dump, json, parallel, split, yaml};
use crate::diagnostic::{Code, Diagnostic, Origin, SourceId, placeholder};
use crate::k8s::{BrokenObject, Object};

/// Greatest depth of lists in lists.
const MAX_LIST_DEPTH: usize = 8;

/// Reads a whole text that is what `kubectl get -o json` prints; `None` for anything else.
pub(super) fn dump(source: SourceId, text: &str, start: usize, careful: bool) -> Option<Vec<Item>> {
    if is_json(text) { Place { source, text, start, careful }.lists(0..text.len()) } else { None }
}

/// Reads a whole text that is no such dump.
pub(super) fn text(source: SourceId, text: &str, start: usize, careful: bool) -> Vec<Item> {
    let place = Place { source, text, start, careful };
    if is_json(text)
        && let Ok(items) = place.objects(0..text.len())
    {
        return items;
    }
    let documents = split::documents(text);
    let items = in_parallel::<_, Infallible>(documents, |range| Ok(place.document(range)));
    items.unwrap_or_else(|never| match never {})
}

/// Reads parts of a text, and joins what they hold in their order.
fn in_parallel<T: Send, E: Send>(
    parts: Vec<T>,
    read: impl Fn(T) -> Result<Vec<Item>, E> + Sync,
) -> Result<Vec<Item>, E> {
    let join = |mut items: Vec<Item>, more: Vec<Item>| {
        for item in more {
            item.append_to(&mut items);
        }
        items
    };
    let next = |items: Result<_, E>, part| items.and_then(|items| Ok(join(items, read(part)?)));
    let stretches: Vec<Result<_, E>> = parallel::on_threads(
        parts,
        |parts| parts.into_par_iter().fold(|| Ok(Vec::new()), next).collect(),
        |parts| vec![parts.into_iter().fold(Ok(Vec::new()), next)],
    );
    // Of several failures the first in the text is the one to speak of.
    stretches.into_iter().try_fold(Vec::new(), |items, more| Ok(join(items, more?)))
}

fn is_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// A text on its way to manifests.
#[derive(Clone, Copy)]
struct Place<'t> {
    source: SourceId,
    text: &'t str,
    /// Offset of `text` in the source: after a byte order mark.
    start: usize,
    /// See [`super::Options::careful`].
    careful: bool,
}

impl Place<'_> {
    fn origin(&self, range: &Range<usize>, item: &str) -> Origin {
        let start = (self.start + range.start) as u64;
        Origin { source: self.source, document: start..start + range.len() as u64, item: item.into() }
    }

    /// The range of `part`, a slice of the text, within the text.
    fn range_of(&self, part: &str) -> Range<usize> {
        let start = part.as_ptr().addr() - self.text.as_ptr().addr();
        start..start + part.len()
    }

    /// One YAML document, which may be JSON.
    fn document(&self, range: Range<usize>) -> Vec<Item> {
        if let Some(item) = self.block(&range, false) {
            return vec![item];
        }
        let document = &self.text[range.clone()];
        let content = document.strip_prefix("---").unwrap_or(document);
        let json_fault = if is_json(content) {
            match self.json(self.range_of(content)) {
                Ok(items) => return items,
                Err(fault) => Some(Fault { offset: fault.offset + document.len() - content.len(), ..fault }),
            }
        } else {
            None
        };
        let yaml = match self.block_list(range.clone()) {
            Some(Ok(items)) => Ok(items),
            // Too long to be read whole: the fault of an item says more than that.
            Some(Err(fault)) if document.len() > yaml::MAX_DOCUMENT => Err(fault),
            _ => self.yaml(range.clone(), &Expected::default(), 0),
        };
        match (yaml, json_fault) {
            (Ok(items), _) => items,
            // Whichever grammar got further is the one that was meant.
            (Err(fault), Some(json)) if json.offset > fault.offset => self.unparsed(&range, json),
            (Err(fault), _) => self.unparsed(&range, fault),
        }
    }

    fn unparsed(&self, range: &Range<usize>, fault: Fault) -> Vec<Item> {
        let origin = self.origin(range, "");
        let mut finding = Diagnostic::new(fault.code, fault.message)
            .with_offset(origin.document.start + fault.offset as u64);
        let text = &self.text[range.clone()];
        let line =
            text[..text.floor_char_boundary(fault.offset)].rfind('\n').map_or(text, |end| &text[end + 1..]);
        let line = line.lines().next().unwrap_or_default();
        finding = finding.with_help(if text.contains("{{") {
            "this looks like a template: render it first, for example with `helm template`".to_owned()
        } else {
            placeholder(line).unwrap_or_else(|| LEAVE_OUT.to_owned())
        });
        let [finding, _] = unreadable(finding, origin.clone());
        vec![finding, Item::Manifests(vec![Manifest { object: unread(text.as_bytes()), origin }])]
    }

    /// A list cut into its items without parsing it whole; `None` if the document is no such list, or its own fields
    /// need a closer look. A fault says that an item does not parse, or that the cut was not right.
    fn block_list(&self, range: Range<usize>) -> Option<Result<Vec<Item>, Fault>> {
        let document = &self.text[range.clone()];
        let list = split::block_list(document)?;
        let head = [yaml::parse(&document[list.before]).ok()?, yaml::parse(&document[list.after]).ok()?];
        let count = |key: &str| {
            head.iter().flatten().flat_map(|tree| tree.root().entries()).filter(|e| e.key == key).count()
        };
        if count("apiVersion") > 1 || count("kind") > 1 || count("items") > 0 {
            return None;
        }
        let field =
            |key| head.iter().flatten().find_map(|tree| tree.root().get(key)?.as_str()).map(str::to_owned);
        let api_version = field("apiVersion");
        let kind = field("kind").filter(|kind| kind.ends_with("List"))?;
        let expected = Expected::of_list(api_version.as_deref(), &kind);
        Some(in_parallel(list.items, |item| {
            let within = range.start + item.start..range.start + item.end;
            if let Some(item) = self.block(&within, true) {
                return Ok(vec![item]);
            }
            self.yaml(within, &expected, 1)
                .map_err(|fault| Fault { offset: item.start + fault.offset, ..fault })
        }))
    }

    /// A document, or an element cut out of a list with its dash, if it is one object that can be read in one pass.
    fn block(&self, range: &Range<usize>, in_list: bool) -> Option<Item> {
        if self.careful {
            return None;
        }
        let found = block::read(&self.text[range.clone()], in_list)?;
        let origin = self.origin(range, if in_list { "[0]." } else { "" });
        Some(match found {
            Ok(object) => Item::Manifests(vec![Manifest { object, origin }]),
            Err(Ignored { kind }) => Item::Ignored { kind: kind.into(), holds: None, origin },
        })
    }

    /// A document, or with `depth` 1 an element cut out of a list with its dash.
    fn yaml(&self, range: Range<usize>, expected: &Expected, depth: usize) -> Result<Vec<Item>, Fault> {
        let Some(tree) = yaml::parse(&self.text[range.clone()])? else { return Ok(Vec::new()) };
        let mut items = Vec::new();
        if depth == 0 {
            self.node(&range, "", tree.root(), expected, 0, &mut items);
        } else {
            let mut elements = tree.root().items().into_iter().flatten();
            let (Some(element), None) = (elements.next(), elements.next()) else {
                let message = "not one element of a list".to_owned();
                return Err(Fault { code: Code::Syntax, message, offset: 0 });
            };
            self.node(&range, "[0].", element, expected, depth, &mut items);
        }
        Ok(items)
    }

    /// One object of a tree, or a list of them.
    fn node(
        &self,
        range: &Range<usize>,
        item: &str,
        node: Cursor<'_, '_>,
        expected: &Expected,
        depth: usize,
        into: &mut Vec<Item>,
    ) {
        let field = |key| node.get(key).and_then(Cursor::as_str);
        let is_manifest =
            |node: Cursor<'_, '_>| node.get("apiVersion").is_some() && node.get("kind").is_some();
        if depth == 0 && node.items().is_some_and(|mut elements| elements.any(is_manifest)) {
            let finding = Diagnostic::new(
                Code::WrongType,
                "cannot unmarshal array into an object: a list of manifests needs `kind: List` and `items`",
            );
            return into.extend(unreadable(finding, self.origin(range, item)));
        }
        let document = Document { body: Body::Node(node), origin: self.origin(range, item) };
        let twice = document.written_twice();
        if !twice.is_empty() {
            return document.broken("", "", twice.into(), into);
        }
        let (api_version, kind) = expected.complete(field("apiVersion"), field("kind"));
        if let Some(kind) = kind
            && is_list(kind, || node.get("items").is_some())
        {
            if depth >= MAX_LIST_DEPTH {
                return into.extend(too_many_lists(document.origin));
            }
            let expected = Expected::of_list(api_version, kind);
            for (index, element) in
                node.get("items").and_then(Cursor::items).into_iter().flatten().enumerate()
            {
                let item = format!("{item}items[{index}].");
                self.node(range, &item, element, &expected, depth + 1, into);
            }
            return;
        }
        document.read(api_version, kind, into);
    }

    /// A text of JSON objects, one after the other.
    fn json(&self, range: Range<usize>) -> Result<Vec<Item>, Fault> {
        self.lists(range.clone()).map_or_else(|| self.objects(range), Ok)
    }

    /// A text of lists as kubectl prints them.
    fn lists(&self, range: Range<usize>) -> Option<Vec<Item>> {
        if self.careful {
            return None;
        }
        dump::lists(
            &self.text[range.clone()],
            &|within: Range<usize>, object, expected: &_, items: &mut Vec<_>| {
                let range = range.start + within.start..range.start + within.end;
                let Some(object) = object else {
                    return items.extend(self.json_element(range, expected, 1));
                };
                Item::push(Manifest { object, origin: self.origin(&range, "") }, items);
            },
        )
    }

    /// A text of any JSON objects.
    fn objects(&self, range: Range<usize>) -> Result<Vec<Item>, Fault> {
        let objects = json::objects(&self.text[range.clone()])?;
        let mut items = Vec::new();
        for (within, head) in objects {
            let within = range.start + within.start..range.start + within.end;
            items.extend(self.json_object(within, &head, &Expected::default(), 0));
        }
        Ok(items)
    }

    /// One element of a list, whose JSON is known to be right.
    fn json_element(&self, range: Range<usize>, expected: &Expected, depth: usize) -> Vec<Item> {
        match json::head(&self.text[range.clone()]) {
            Some(head) => self.json_object(range, &head, expected, depth),
            None => vec![Item::Untyped(self.origin(&range, ""))],
        }
    }

    fn json_object(
        &self,
        range: Range<usize>,
        head: &json::Head<'_>,
        expected: &Expected,
        depth: usize,
    ) -> Vec<Item> {
        let document =
            Document { body: Body::Json(&self.text[range.clone()]), origin: self.origin(&range, "") };
        let mut items = Vec::new();
        let twice = if head.twice { document.written_twice() } else { Vec::new() };
        if !twice.is_empty() {
            document.broken("", "", twice.into(), &mut items);
            return items;
        }
        let (api_version, kind) = expected.complete(head.api_version.as_deref(), head.kind.as_deref());
        if let Some(kind) = kind
            && is_list(kind, || head.items.is_some())
        {
            if depth >= MAX_LIST_DEPTH {
                return too_many_lists(document.origin).into();
            }
            let expected = Expected::of_list(api_version, kind);
            let elements: &[_] = head.items.as_deref().unwrap_or_default();
            let read = |text: &&str| self.json_element(self.range_of(text), &expected, depth + 1);
            return parallel::on_threads(
                elements,
                |elements| elements.par_iter().map(read).flatten_iter().collect(),
                |elements| elements.iter().flat_map(read).collect(),
            );
        }
        document.read(api_version, kind, &mut items);
        items
    }
}

fn too_many_lists(origin: Origin) -> [Item; 2] {
    let message = format!("lists are nested more than {MAX_LIST_DEPTH} levels deep");
    unreadable(Diagnostic::new(Code::TooLarge, message), origin)
}

/// A document of which nothing can be used.
fn unreadable(finding: Diagnostic, origin: Origin) -> [Item; 2] {
    let object = Object::Broken(BrokenObject::default());
    [
        Item::Finding(Box::new(finding.with_origin(origin.clone()))),
        Item::Manifests(vec![Manifest { object, origin }]),
    ]
}
