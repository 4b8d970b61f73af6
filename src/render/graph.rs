//! Graphs, and the languages they are drawn in.

pub(super) mod dot;
pub(super) mod mermaid;

use std::collections::BTreeMap;

/// A node: what it is called and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::render) struct Node {
    pub(in crate::render) label: String,
    /// The namespace it is boxed in.
    pub(in crate::render) namespace: Option<String>,
    /// True for the node of the target.
    pub(in crate::render) is_target: bool,
    /// Number of hops from the target.
    pub(in crate::render) layer: usize,
    /// True if none of its members is surely found.
    pub(in crate::render) doubtful: bool,
}

/// A connection, in its own direction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::render) struct Edge {
    pub(in crate::render) from: usize,
    pub(in crate::render) to: usize,
    pub(in crate::render) label: String,
    pub(in crate::render) doubtful: bool,
}

/// Nodes and edges.
#[derive(Debug)]
pub(in crate::render) struct Graph {
    pub(in crate::render) title: String,
    pub(in crate::render) summary: String,
    /// The target first, then by layer, namespace and name.
    pub(in crate::render) nodes: Vec<Node>,
    pub(in crate::render) edges: Vec<Edge>,
    /// True if connections leave the target.
    pub(in crate::render) outgoing: bool,
}

impl Graph {
    /// The places of the nodes in each namespace; first those in none.
    fn boxes(&self) -> BTreeMap<Option<&str>, Vec<usize>> {
        let mut boxes: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
        for (place, node) in self.nodes.iter().enumerate() {
            boxes.entry(node.namespace.as_deref()).or_default().push(place);
        }
        boxes
    }
}
