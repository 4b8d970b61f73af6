//! A picture of what was found: layers from left to right, the target at one end, namespaces boxed.
//!
//! Labels of edges stand beside the far end of their edge, each on a line of its own, so that none covers another.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::render::graph::{Edge, Graph, Node};
use crate::render::svg::Xml;
use crate::render::text::width;

/// The most nodes of a picture that names every workload.
pub(super) const MOST: usize = 40;

const CHARACTER: usize = 7;
const LINE: usize = 16;
const HEIGHT: usize = 26;
const MARGIN: usize = 20;
const HEAD: usize = 56;
/// Between what an edge leaves and the label at its far end.
const BEND: usize = 70;
/// Between a node and the label beside it: beyond the box of its namespace.
const ASIDE: usize = 18;
/// The most characters of a label.
const LABEL: usize = 34;

const STYLE: &str = "text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#1f2328}\
.back{fill:#ffffff}.title{font-weight:bold}.faint{fill:#59636e}\
.space{fill:#f6f8fa;stroke:#d1d9e0}.node{fill:#ffffff;stroke:#59636e}.target{fill:#ddf4ff;stroke:#0969da;stroke-width:2}\
.outside{fill:#fff8c5;stroke:#9a6700}.edge{fill:none;stroke:#1a7f37}.head{fill:#1a7f37}\
.doubt{stroke-dasharray:5 4;stroke:#9a6700}.maybe{stroke-dasharray:5 4}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.back{fill:#0d1117}.faint{fill:#9198a1}\
.space{fill:#151b23;stroke:#3d444d}.node{fill:#0d1117;stroke:#9198a1}.target{fill:#0c2d6b;stroke:#58a6ff}\
.outside{fill:#341a00;stroke:#d29922}.edge{stroke:#3fb950}.head{fill:#3fb950}.doubt{stroke:#d29922}}";

/// A label that fits; what is cut is in the tooltip.
fn cut(text: &str) -> String {
    if width(text) <= LABEL {
        return text.to_owned();
    }
    let short: String = text.chars().take(LABEL - 3).collect();
    format!("{short}...")
}

fn room(text: &str) -> usize {
    width(&cut(text)) * CHARACTER
}

/// Where a node stands.
#[derive(Clone, Copy)]
struct Place {
    x: usize,
    y: usize,
    wide: usize,
    high: usize,
}

/// Everything with its place.
struct Layout<'g> {
    graph: &'g Graph,
    /// The nodes of each column from left to right.
    columns: Vec<Vec<usize>>,
    /// The edges whose label stands at each node.
    labels: Vec<Vec<&'g Edge>>,
    places: Vec<Place>,
    /// The boxes of namespaces: the name, and the box.
    spaces: Vec<(&'g str, Place)>,
    wide: usize,
    high: usize,
}

impl<'g> Layout<'g> {
    fn new(graph: &'g Graph) -> Self {
        let layers = graph.nodes.iter().map(|node| node.layer).max().unwrap_or(0) + 1;
        let mut columns = vec![Vec::new(); layers];
        for (place, node) in graph.nodes.iter().enumerate() {
            let column = if graph.outgoing { node.layer } else { layers - 1 - node.layer };
            columns[column].push(place);
        }
        let mut labels = vec![Vec::new(); graph.nodes.len()];
        for edge in &graph.edges {
            labels[if graph.outgoing { edge.to } else { edge.from }].push(edge);
        }
        let empty = Place { x: 0, y: 0, wide: 0, high: 0 };
        let places = vec![empty; graph.nodes.len()];
        let mut layout = Self { graph, columns, labels, places, spaces: Vec::new(), wide: 0, high: 0 };
        layout.arrange();
        layout
    }

    fn arrange(&mut self) {
        let mut x = MARGIN;
        let columns = std::mem::take(&mut self.columns);
        for (number, column) in columns.iter().enumerate() {
            let label = column
                .iter()
                .flat_map(|&node| &self.labels[node])
                .map(|edge| room(&edge.label))
                .max()
                .unwrap_or(0);
            let wide = column.iter().map(|&node| self.node_room(node)).max().unwrap_or(0);
            // Labels stand on the side of the target.
            if self.graph.outgoing && number > 0 {
                x += BEND + label;
            }
            self.stack(column, x, wide);
            x += wide;
            if !self.graph.outgoing && number + 1 < columns.len() {
                x += label + BEND;
            }
        }
        self.columns = columns;
        let title = [&self.graph.title, &self.graph.summary].map(|text| width(text) * CHARACTER);
        self.wide = x.max(MARGIN + title.into_iter().max().unwrap_or(0)) + MARGIN;
        self.high += MARGIN;
        self.centre();
    }

    fn node_room(&self, node: usize) -> usize {
        let Node { label, namespace, .. } = &self.graph.nodes[node];
        room(label).max(namespace.as_deref().map_or(0, room)) + 36
    }

    /// Puts the nodes of a column under each other, those of a namespace into a box.
    fn stack(&mut self, column: &[usize], x: usize, wide: usize) {
        let graph = self.graph;
        let mut y = HEAD;
        for run in column.chunk_by(|&a, &b| graph.nodes[a].namespace == graph.nodes[b].namespace) {
            let top = y;
            let namespace = graph.nodes[run[0]].namespace.as_deref();
            y += if namespace.is_some() { 22 } else { 0 };
            for &node in run {
                let high = HEIGHT.max(self.labels[node].len() * LINE + 6);
                let inset = if namespace.is_some() { 8 } else { 0 };
                self.places[node] = Place { x: x + inset, y, wide: wide - 2 * inset, high };
                y += high + 8;
            }
            if let Some(name) = namespace {
                self.spaces.push((name, Place { x, y: top, wide, high: y - top }));
            }
            y += 10;
        }
        self.high = self.high.max(y);
    }

    /// Moves short columns to the middle.
    fn centre(&mut self) {
        for column in &self.columns {
            let bottom = column.iter().map(|&node| self.places[node].y + self.places[node].high).max();
            let shift = (self.high - MARGIN).saturating_sub(bottom.unwrap_or(0) + 10) / 2;
            let left = column.iter().map(|&node| self.places[node].x).min().unwrap_or(0);
            for &node in column {
                self.places[node].y += shift;
            }
            for (_, space) in
                self.spaces.iter_mut().filter(|(_, space)| space.x + 8 == left || space.x == left)
            {
                space.y += shift;
            }
        }
    }
}

pub(super) fn draw(graph: &Graph) -> String {
    let layout = Layout::new(graph);
    let mut out = String::new();
    let mut line = |text: String| writeln!(out, "{text}").expect("writing to a string cannot fail");
    let (wide, high) = (layout.wide, layout.high);
    line(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {wide} {high}\" width=\"{wide}\" height=\"{high}\" role=\"img\">"
    ));
    line(format!("<title>{}</title>", Xml(&graph.title)));
    line(format!("<desc>{}</desc>", Xml(&description(graph))));
    line(format!("<style>{STYLE}</style>"));
    line(format!("<rect class=\"back\" width=\"{wide}\" height=\"{high}\"/>"));
    line(format!("<text class=\"title\" x=\"{MARGIN}\" y=\"24\">{}</text>", Xml(&graph.title)));
    line(format!("<text class=\"faint\" x=\"{MARGIN}\" y=\"42\">{}</text>", Xml(&graph.summary)));
    for (name, space) in &layout.spaces {
        line(rect("space", *space));
        line(format!(
            "<text class=\"faint\" x=\"{}\" y=\"{}\">{}</text>",
            space.x + 8,
            space.y + 16,
            Xml(&cut(name))
        ));
    }
    for (node, edges) in layout.labels.iter().enumerate() {
        for (i, edge) in edges.iter().enumerate() {
            draw_edge(&layout, node, i, edge).into_iter().for_each(&mut line);
        }
    }
    for (i, (node, place)) in graph.nodes.iter().zip(&layout.places).enumerate() {
        let class = match (i, &node.namespace, node.doubtful) {
            (0, ..) => "target",
            (_, None, false) => "outside",
            (_, None, true) => "outside maybe",
            (_, _, true) => "node maybe",
            _ => "node",
        };
        line(format!("<g><title>{}</title>", Xml(&node.label)));
        line(rect(class, *place));
        let middle = place.y + place.high / 2 + 4;
        line(format!("<text x=\"{}\" y=\"{middle}\">{}</text></g>", place.x + 10, Xml(&cut(&node.label))));
    }
    line("</svg>".into());
    out
}

/// An edge from the target's side to its far node, with its label on a straight piece beside that node.
fn draw_edge(layout: &Layout<'_>, far: usize, number: usize, edge: &Edge) -> Vec<String> {
    let outgoing = layout.graph.outgoing;
    let near = layout.places[if outgoing { edge.from } else { edge.to }];
    let place = layout.places[far];
    let count = layout.labels[far].len();
    let y = place.y + place.high / 2 + number * LINE - (count - 1) * LINE / 2;
    let near_y = near.y + near.high / 2;
    let straight = room(&edge.label) + ASIDE + 6;
    let class = if edge.doubtful { "edge doubt" } else { "edge" };
    // Drawn in the direction of the connection, so that the arrow is at its end.
    let (path, label, arrow) = if outgoing {
        let (start, end) = (near.x + near.wide, place.x);
        let bend = end.saturating_sub(straight).max(start.min(end) + 4);
        let middle = start.midpoint(bend);
        (
            format!("M{start} {near_y}C{middle} {near_y} {middle} {y} {bend} {y}L{end} {y}"),
            (end - ASIDE, "end"),
            (end, y),
        )
    } else {
        let (start, end) = (place.x + place.wide, near.x);
        let bend = (start + straight).min(end.max(start + 4) - 4);
        let middle = bend.midpoint(end);
        (
            format!("M{start} {y}L{bend} {y}C{middle} {y} {middle} {near_y} {end} {near_y}"),
            (start + ASIDE, "start"),
            (end, near_y),
        )
    };
    let (x, anchor) = label;
    let (tip, at) = arrow;
    vec![
        format!("<path class=\"{class}\" d=\"{path}\"><title>{}</title></path>", Xml(&edge.label)),
        format!("<path class=\"head\" d=\"M{tip} {at}l-7 -4v8z\"/>"),
        format!("<text x=\"{x}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>", y - 4, Xml(&cut(&edge.label))),
    ]
}

fn rect(class: &str, place: Place) -> String {
    let Place { x, y, wide, high } = place;
    format!("<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{high}\" rx=\"5\"/>")
}

/// The picture in words.
fn description(graph: &Graph) -> String {
    let mut by_layer: BTreeMap<usize, usize> = BTreeMap::new();
    graph.nodes.iter().skip(1).for_each(|node| *by_layer.entry(node.layer).or_default() += 1);
    let edges: Vec<String> = graph
        .edges
        .iter()
        .map(|edge| {
            let name = |node: usize| {
                let node: &Node = &graph.nodes[node];
                match &node.namespace {
                    Some(namespace) => format!("{namespace}/{}", node.label),
                    None => node.label.clone(),
                }
            };
            format!("{} to {}: {}", name(edge.from), name(edge.to), edge.label)
        })
        .collect();
    format!("{}. {}", graph.summary, edges.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `count` workloads around a target whose name is no XML.
    fn star(count: usize) -> Graph {
        let node = |label: String, namespace: Option<&str>, layer| Node {
            label,
            is_target: layer == 0,
            namespace: namespace.map(str::to_owned),
            layer,
            doubtful: false,
        };
        let mut nodes = vec![node("</text><script>".into(), None, 0)];
        nodes.extend((1..=count).map(|i| node(format!("w{i}"), Some("a&b"), 1)));
        let edges = (1..=count).map(|i| Edge { from: 0, to: i, label: "80/TCP".into(), doubtful: i == 1 });
        Graph {
            title: "\"x\"".into(),
            summary: "\u{1b}".into(),
            nodes,
            edges: edges.collect(),
            outgoing: true,
        }
    }

    #[test]
    fn names_cannot_leave_their_place() {
        let drawn = draw(&star(2));
        for kept_out in ["<script", "a&b<", "\u{1b}"] {
            assert!(!drawn.contains(kept_out), "{drawn}");
        }
        for escaped in ["&lt;/text&gt;&lt;script&gt;", "a&amp;b", "&quot;x&quot;", "\\u{1b}"] {
            assert!(drawn.contains(escaped), "{escaped}: {drawn}");
        }
    }

    #[test]
    fn labels_have_lines_of_their_own() {
        for outgoing in [true, false] {
            let mut graph = star(12);
            graph.outgoing = outgoing;
            if !outgoing {
                graph.edges.iter_mut().for_each(|edge| std::mem::swap(&mut edge.from, &mut edge.to));
            }
            let layout = Layout::new(&graph);
            let mut lines: Vec<usize> = (1..=12).map(|node| layout.places[node].y).collect();
            lines.sort_unstable();
            assert!(lines.windows(2).all(|pair| pair[0] + LINE < pair[1]), "{lines:?}");
        }
    }
}
