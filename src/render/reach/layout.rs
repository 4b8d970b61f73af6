//! Layout of a picture: layers from left to right, the target at one end, namespaces boxed.
//!
//! Labels of edges stand beside the far end of their edge, each on a line of its own, so that none covers another.
//! Between them and the layer before is room where edges bend and cross.

use std::collections::BTreeMap;

use crate::render::graph::{Edge, Graph, Node};
use crate::render::text::width;

pub(super) const MARGIN: usize = 20;
const LINE: usize = 16;
const HEIGHT: usize = 26;
const HEAD: usize = 56;
/// Between the layer that edges leave and the labels at their far ends.
const BEND: usize = 60;
/// Between a node and the label beside it: beyond the box of its namespace.
const ASIDE: usize = 18;
/// The most characters of a label.
const LABEL: usize = 34;

/// A label that fits; what is cut is in the tooltip.
pub(super) fn cut(text: &str) -> String {
    if width(text) <= LABEL {
        return text.to_owned();
    }
    let short: String = text.chars().take(LABEL - 3).collect();
    format!("{short}...")
}

fn room(text: &str) -> usize {
    pixels(&cut(text))
}

/// The width of a text in pixels: a letter takes 7.25.
fn pixels(text: &str) -> usize {
    (width(text) * 29).div_ceil(4)
}

/// The rectangle of a node, a box or a label, in pixels.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Place {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) wide: usize,
    pub(super) high: usize,
}

impl Place {
    pub(super) const fn right(self) -> usize {
        self.x + self.wide
    }

    pub(super) const fn middle(self) -> usize {
        self.y + self.high / 2
    }
}

/// An edge and where it runs.
pub(super) struct Line<'g> {
    pub(super) edge: &'g Edge,
    pub(super) label: Place,
    /// The point where it meets the far node, on the straight piece below its label.
    pub(super) far: (usize, usize),
    /// The horizontal position where that piece ends.
    pub(super) bend: usize,
    /// The point where it meets the other node.
    pub(super) near: (usize, usize),
}

impl Line<'_> {
    /// True if the other node stands where the far ones should: the edge leads back, or within a layer.
    pub(super) const fn leads_back(&self) -> bool {
        (self.far.0 > self.bend) == (self.near.0 > self.bend)
    }
}

/// Everything with its place.
pub(super) struct Layout<'g> {
    graph: &'g Graph,
    /// The edges whose label stands at each node.
    edges: Vec<Vec<&'g Edge>>,
    pub(super) places: Vec<Place>,
    /// The boxes of namespaces: the name, and the box.
    pub(super) spaces: Vec<(&'g str, Place)>,
    pub(super) lines: Vec<Line<'g>>,
    pub(super) wide: usize,
    pub(super) high: usize,
}

impl<'g> Layout<'g> {
    pub(super) fn new(graph: &'g Graph) -> Self {
        let mut edges = vec![Vec::new(); graph.nodes.len()];
        for edge in &graph.edges {
            edges[if graph.outgoing { edge.to } else { edge.from }].push(edge);
        }
        let places = vec![Place::default(); graph.nodes.len()];
        let (spaces, lines) = (Vec::new(), Vec::new());
        let mut layout = Self { graph, edges, places, spaces, lines, wide: 0, high: 0 };
        layout.arrange();
        layout
    }

    fn arrange(&mut self) {
        let mut layers = self.layers();
        if !self.graph.outgoing {
            layers.reverse();
        }
        let mut x = MARGIN;
        let mut columns = Vec::new();
        for (number, layer) in layers.iter().enumerate() {
            let labels = layer.iter().flat_map(|&node| &self.edges[node]).map(|edge| room(&edge.label));
            let aside = labels.max().map_or(0, |label| label + ASIDE);
            let wide = layer.iter().map(|&node| self.node_room(node)).max().unwrap_or(0);
            // Labels stand on the side of the target.
            if self.graph.outgoing && number > 0 {
                x += BEND + aside;
            }
            let first = self.spaces.len();
            let bottom = self.stack(layer, x, wide);
            columns.push((layer, first..self.spaces.len(), bottom, aside));
            x += wide;
            if !self.graph.outgoing && number + 1 < layers.len() {
                x += aside + BEND;
            }
        }
        let lowest = columns.iter().map(|(_, _, bottom, _)| *bottom).max().unwrap_or(HEAD);
        let title = [&self.graph.title, &self.graph.summary].map(|text| pixels(text));
        self.wide = x.max(MARGIN + title.into_iter().max().unwrap_or(0)) + MARGIN;
        self.high = lowest + MARGIN;
        for (layer, spaces, bottom, _) in &columns {
            // Short columns stand in the middle.
            let down = (lowest - bottom) / 2;
            layer.iter().for_each(|&node| self.places[node].y += down);
            self.spaces[spaces.clone()].iter_mut().for_each(|(_, space)| space.y += down);
        }
        for (layer, _, _, aside) in columns {
            let lines = layer.iter().flat_map(|&node| self.lines_at(node, aside));
            self.lines.extend(lines.collect::<Vec<_>>());
        }
    }

    /// The nodes by their distance from the target. What a node of the layer before leads to stands near it, so that few
    /// edges cross; what is in one namespace stands together, what is in none stands last.
    fn layers(&self) -> Vec<Vec<usize>> {
        let nodes = &self.graph.nodes;
        let mut layers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (number, node) in nodes.iter().enumerate() {
            layers.entry(node.layer).or_default().push(number);
        }
        let mut ranks: Vec<Option<usize>> = vec![None; nodes.len()];
        for layer in layers.values_mut() {
            let before = |&node: &usize| {
                let near = |edge: &&Edge| ranks[if self.graph.outgoing { edge.from } else { edge.to }];
                mean(self.edges[node].iter().filter_map(near))
            };
            let own: BTreeMap<usize, usize> = layer.iter().map(|node| (*node, before(node))).collect();
            let mut all: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
            for &node in layer.iter() {
                all.entry(nodes[node].namespace.as_deref()).or_default().push(own[&node]);
            }
            layer.sort_by_key(|&node| {
                let namespace = nodes[node].namespace.as_deref();
                let together = mean(all[&namespace].iter().copied());
                (namespace.is_none(), together, namespace, own[&node], node)
            });
            for (rank, &node) in layer.iter().enumerate() {
                ranks[node] = Some(rank * SCALE);
            }
        }
        layers.into_values().collect()
    }

    fn node_room(&self, node: usize) -> usize {
        let Node { label, namespace, .. } = &self.graph.nodes[node];
        room(label).max(namespace.as_deref().map_or(0, room)) + 36
    }

    /// Puts the nodes of a column under each other, those of a namespace into a box; says where the column ends.
    fn stack(&mut self, column: &[usize], x: usize, wide: usize) -> usize {
        let graph = self.graph;
        let mut y = HEAD;
        for run in column.chunk_by(|&a, &b| graph.nodes[a].namespace == graph.nodes[b].namespace) {
            let top = y;
            let namespace = graph.nodes[run[0]].namespace.as_deref();
            y += if namespace.is_some() { 22 } else { 0 };
            for &node in run {
                let high = HEIGHT.max(self.edges[node].len() * LINE + 6);
                let inset = if namespace.is_some() { 8 } else { 0 };
                self.places[node] = Place { x: x + inset, y, wide: wide - 2 * inset, high };
                y += high + 8;
            }
            if let Some(name) = namespace {
                self.spaces.push((name, Place { x, y: top, wide, high: y - top }));
            }
            y += 10;
        }
        y
    }

    /// The edges whose far end a node is; the labels of its layer and the gap beside them take `aside`.
    fn lines_at(&self, node: usize, aside: usize) -> impl Iterator<Item = Line<'g>> {
        let (place, count) = (self.places[node], self.edges[node].len());
        self.edges[node].iter().enumerate().map(move |(number, &edge)| {
            let y = place.middle() + number * LINE - (count - 1) * LINE / 2;
            let wide = room(&edge.label);
            let outgoing = self.graph.outgoing;
            let (x, far, bend) = if outgoing {
                (place.x - ASIDE - wide, place.x, place.x - aside - 4)
            } else {
                (place.right() + ASIDE, place.right(), place.right() + aside + 4)
            };
            let other = self.places[if outgoing { edge.from } else { edge.to }];
            // An edge that leads back leaves below the labels of the node it leaves.
            let below = other.y + other.high - 4;
            let near = match (outgoing, other.right() <= bend, other.x >= bend) {
                (true, true, _) => (other.right(), other.middle()),
                (true, false, _) => (other.x, below),
                (false, _, true) => (other.x, other.middle()),
                (false, _, false) => (other.right(), below),
            };
            Line { edge, label: Place { x, y: y - 16, wide, high: 13 }, far: (far, y), bend, near }
        })
    }
}

/// Means are whole numbers of this part of a rank.
const SCALE: usize = 1000;

fn mean(ranks: impl Iterator<Item = usize>) -> usize {
    let (sum, count) = ranks.fold((0, 0), |(sum, count), rank| (sum + rank, count + 1));
    sum.checked_div(count).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn disjoint(a: Place, b: Place) -> bool {
        a.right() <= b.x || b.right() <= a.x || a.y + a.high <= b.y || b.y + b.high <= a.y
    }

    /// Nodes in some layers and namespaces, the target first, and edges to each from anywhere.
    fn graphs() -> impl Strategy<Value = Graph> {
        let node = (1..5_usize, prop::option::of("[a-c]{1,30}"), "[a-z]{1,40}");
        let edge = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), "[0-9]{1,5}(, [0-9]{1,40})?");
        let nodes = prop::collection::vec(node, 1..39);
        (nodes, prop::collection::vec(edge, 1..80), any::<bool>()).prop_map(|(nodes, edges, outgoing)| {
            let target = (0, None, "target".to_owned());
            let mut nodes: Vec<Node> = std::iter::once(target)
                .chain(nodes)
                .map(|(layer, namespace, label)| Node {
                    label,
                    namespace,
                    is_target: layer == 0,
                    layer,
                    doubtful: false,
                })
                .collect();
            nodes.sort_by_key(|node| (node.layer, node.namespace.clone()));
            let edges = edges.into_iter().map(|(near, far, label)| {
                let (near, far) = (near.index(nodes.len()), 1 + far.index(nodes.len() - 1));
                let (from, to) = if outgoing { (near, far) } else { (far, near) };
                Edge { from, to, label, doubtful: false }
            });
            let edges = edges.collect();
            Graph { title: "x".into(), summary: "y".into(), nodes, edges, outgoing }
        })
    }

    proptest! {
        #[test]
        fn labels_cover_nothing(graph in graphs()) {
            let layout = Layout::new(&graph);
            prop_assert_eq!(layout.lines.len(), graph.edges.len());
            let boxes: Vec<Place> = layout.spaces.iter().map(|(_, space)| *space).collect();
            for (i, line) in layout.lines.iter().enumerate() {
                let (label, end) = (line.label, line.label.y + line.label.high);
                prop_assert!(label.right() <= layout.wide && end <= layout.high, "{:?}", label);
                for other in layout.lines[..i].iter().map(|line| &line.label).chain(&layout.places).chain(&boxes) {
                    prop_assert!(disjoint(label, *other), "{:?} and {:?}", label, other);
                }
            }
            for (node, place) in graph.nodes.iter().zip(&layout.places) {
                prop_assert!(place.right() <= layout.wide && place.y + place.high <= layout.high);
                let of = |(name, space): &(&str, Place)| {
                    node.namespace.as_deref() == Some(*name)
                        && space.x < place.x && place.right() < space.right()
                        && space.y < place.y && place.y + place.high < space.y + space.high
                };
                let within = layout.spaces.iter().filter(|space| of(space)).count();
                prop_assert_eq!(within, usize::from(node.namespace.is_some()), "{:?}", node);
                let cuts = boxes.iter().filter(|space| !disjoint(**space, *place)).count();
                prop_assert_eq!(cuts, within);
            }
        }
    }

    #[test]
    fn what_one_leads_to_stands_near_it() {
        let node = |label: &str, layer| Node {
            label: label.to_owned(),
            is_target: layer == 0,
            namespace: Some("shop".to_owned()),
            layer,
            doubtful: false,
        };
        let nodes =
            [("x", 0), ("a", 1), ("b", 1), ("c", 2), ("d", 2)].map(|(label, layer)| node(label, layer));
        let edges = [(0, 1), (0, 2), (1, 4), (2, 3)];
        let edges = edges.map(|(from, to)| Edge { from, to, label: "80".to_owned(), doubtful: false });
        let (title, summary) = (String::new(), String::new());
        let graph = Graph { title, summary, nodes: nodes.into(), edges: edges.into(), outgoing: true };
        let layout = Layout::new(&graph);
        assert!(layout.places[4].y < layout.places[3].y);
    }
}
