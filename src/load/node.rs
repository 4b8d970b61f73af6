//! The tree of one document: values with the bytes they were written in.
//!
//! Nodes lie in one arena, so that an alias is an index, dropping never recurses, and the depth is known before
//! anything walks down. YAML and JSON both build it; see [`super::yaml`] and [`super::json`].

use std::borrow::Cow;
use std::ops::Range;

use super::de::Step;
use super::scalar::Scalar;

/// Greatest depth of a document, aliases followed. Kubernetes objects stay below 30.
pub(super) const MAX_DEPTH: u32 = 255;

/// Weight of a node beside its text, in bytes: a list of many empty strings is not empty.
const NODE_WEIGHT: u64 = 16;

/// One document.
#[derive(Debug)]
pub(super) struct Tree<'t> {
    nodes: Vec<Node<'t>>,
    root: NodeId,
}

/// A node of a [`Tree`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct NodeId(u32);

/// A value and where it stands.
#[derive(Debug)]
pub(super) struct Node<'t> {
    /// The value.
    pub(super) value: Value<'t>,
    /// Its bytes, from the start of the document.
    pub(super) span: Range<u32>,
    /// Bytes that it takes with aliases written out: its text, and [`NODE_WEIGHT`] for each node in it.
    pub(super) weight: u64,
    /// Depth of the value: 1 for a scalar.
    pub(super) depth: u32,
}

/// The value of a node.
#[derive(Debug)]
pub(super) enum Value<'t> {
    /// A scalar.
    Scalar(Scalar<'t>),
    /// A sequence.
    Seq(Vec<NodeId>),
    /// A mapping, in written order; a key that was written twice is here twice.
    Map(Vec<Entry<'t>>),
}

/// One pair of a mapping.
#[derive(Clone, Debug)]
pub(super) struct Entry<'t> {
    /// The key, as JSON would have it.
    pub(super) key: Cow<'t, str>,
    /// The bytes of the key.
    pub(super) key_span: Range<u32>,
    /// The value.
    pub(super) value: NodeId,
}

/// A document nests too deeply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct TooDeep;

/// Makes a [`Tree`] from the leaves up.
#[derive(Debug, Default)]
pub(super) struct TreeBuilder<'t> {
    nodes: Vec<Node<'t>>,
}

impl<'t> TreeBuilder<'t> {
    /// Adds a node whose children were added before.
    pub(super) fn add(&mut self, value: Value<'t>, span: Range<u32>) -> Result<NodeId, TooDeep> {
        let (mut weight, mut depth) = (NODE_WEIGHT, 0);
        let mut count = |key: usize, child: NodeId| {
            let child = &self.nodes[child.0 as usize];
            weight = weight.saturating_add(child.weight).saturating_add(key as u64);
            depth = depth.max(child.depth);
        };
        match &value {
            Value::Scalar(Scalar::String(text)) => weight += text.len() as u64,
            Value::Scalar(_) => {}
            Value::Seq(items) => items.iter().for_each(|item| count(0, *item)),
            Value::Map(entries) => entries.iter().for_each(|entry| count(entry.key.len(), entry.value)),
        }
        if depth >= MAX_DEPTH {
            return Err(TooDeep);
        }
        let id = NodeId(u32::try_from(self.nodes.len()).expect("a document is far smaller than 2^32 bytes"));
        self.nodes.push(Node { value, span, weight, depth: depth + 1 });
        Ok(id)
    }

    /// A node that was added.
    pub(super) fn get(&self, id: NodeId) -> &Node<'t> {
        &self.nodes[id.0 as usize]
    }

    /// The finished document.
    pub(super) fn finish(self, root: NodeId) -> Tree<'t> {
        Tree { nodes: self.nodes, root }
    }
}

impl<'t> Tree<'t> {
    /// Leaves out a value: a field is no longer there, an element is null. False if there is no such value to leave out.
    pub(super) fn leave_out(&mut self, way: &[Step]) -> bool {
        let Some((last, before)) = way.split_last() else { return false };
        let mut at = self.root;
        for step in before {
            let next = match (step, &self.nodes[at.0 as usize].value) {
                (Step::Key(key), Value::Map(entries)) => {
                    entries.iter().rev().find(|entry| entry.key == *key).map(|entry| entry.value)
                }
                (Step::Index(index), Value::Seq(items)) => items.get(*index).copied(),
                _ => None,
            };
            let Some(next) = next else { return false };
            at = next;
        }
        match (last, &mut self.nodes[at.0 as usize].value) {
            (Step::Key(key), Value::Map(entries)) => {
                let place = entries.iter().rposition(|entry| entry.key == *key);
                place.map(|place| entries.remove(place)).is_some()
            }
            (Step::Index(index), Value::Seq(items)) => {
                let Some(item) = items.get(*index).map(|item| item.0 as usize) else { return false };
                let was_null = matches!(self.nodes[item].value, Value::Scalar(Scalar::Null));
                self.nodes[item].value = Value::Scalar(Scalar::Null);
                !was_null
            }
            _ => false,
        }
    }

    /// All nodes, in the order of their numbers.
    pub(super) fn nodes(&self) -> impl ExactSizeIterator<Item = Cursor<'_, 't>> {
        (0..self.nodes.len()).map(|number| Cursor { tree: self, id: NodeId(number as u32) })
    }

    /// The document itself.
    pub(super) const fn root(&self) -> Cursor<'_, 't> {
        Cursor { tree: self, id: self.root }
    }
}

/// A place in a [`Tree`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a, 't> {
    tree: &'a Tree<'t>,
    id: NodeId,
}

impl NodeId {
    /// The number of the node.
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

impl<'a, 't> Cursor<'a, 't> {
    /// The node here.
    pub(super) const fn id(self) -> NodeId {
        self.id
    }

    /// The value here.
    pub(super) fn value(self) -> &'a Value<'t> {
        &self.tree.nodes[self.id.0 as usize].value
    }

    /// The bytes of the value, from the start of the document.
    pub(super) fn span(self) -> Range<usize> {
        let span = &self.tree.nodes[self.id.0 as usize].span;
        span.start as usize..span.end as usize
    }

    /// Another node of the tree.
    pub(super) const fn at(self, id: NodeId) -> Self {
        Self { tree: self.tree, id }
    }

    /// True if the value is null.
    pub(super) fn is_null(self) -> bool {
        matches!(self.value(), Value::Scalar(Scalar::Null))
    }

    /// The pairs of a mapping; nothing for any other value.
    pub(super) fn entries(self) -> &'a [Entry<'t>] {
        match self.value() {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The elements of a sequence.
    pub(super) fn items(self) -> Option<impl ExactSizeIterator<Item = Self>> {
        match self.value() {
            Value::Seq(items) => Some(items.iter().map(move |id| self.at(*id))),
            _ => None,
        }
    }

    /// The value of `key`; of the last one if it was written twice.
    pub(super) fn get(self, key: &str) -> Option<Self> {
        self.entry(key).map(|entry| self.at(entry.value))
    }

    /// The pair of `key`; the last one if it was written twice.
    pub(super) fn entry(self, key: &str) -> Option<&'a Entry<'t>> {
        self.entries().iter().rev().find(|entry| entry.key == key)
    }

    /// The text of a string.
    pub(super) fn as_str(self) -> Option<&'a str> {
        match self.value() {
            Value::Scalar(Scalar::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The name of the value's type in JSON.
    pub(super) fn type_name(self) -> &'static str {
        match self.value() {
            Value::Scalar(Scalar::Null) => "null",
            Value::Scalar(Scalar::Bool(_)) => "bool",
            Value::Scalar(Scalar::Int(_) | Scalar::Float(_)) => "number",
            Value::Scalar(Scalar::String(_)) => "string",
            Value::Seq(_) => "array",
            Value::Map(_) => "object",
        }
    }
}
