//! A picture of what was found.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::layout::{Layout, Line, MARGIN, Place, cut};
use crate::render::graph::{Graph, Node};
use crate::render::svg::Xml;

/// The most nodes of a picture that names every workload.
pub(super) const MOST: usize = 40;

/// Pixels by which an edge that leads back goes around.
const AROUND: usize = 40;

const STYLE: &str = "text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#1f2328}\
.back{fill:#ffffff}.title{font-weight:bold}.label{paint-order:stroke;stroke:#ffffff;stroke-width:3px}.faint{fill:#59636e}\
.space{fill:#f6f8fa;stroke:#d1d9e0}.node{fill:#ffffff;stroke:#59636e}.target{fill:#ddf4ff;stroke:#0969da;stroke-width:2}\
.outside{fill:#fff8c5;stroke:#9a6700}.edge{fill:none;stroke:#1a7f37}.head{fill:#1a7f37}\
.doubt{stroke-dasharray:5 4;stroke:#9a6700}.maybe{stroke-dasharray:5 4}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.label{stroke:#0d1117}.back{fill:#0d1117}.faint{fill:#9198a1}\
.space{fill:#151b23;stroke:#3d444d}.node{fill:#0d1117;stroke:#9198a1}.target{fill:#0c2d6b;stroke:#58a6ff}\
.outside{fill:#341a00;stroke:#d29922}.edge{stroke:#3fb950}.head{fill:#3fb950}.doubt{stroke:#d29922}}";

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
    for edge in &layout.lines {
        let (path, head) = run(edge, graph.outgoing);
        let class = if edge.edge.doubtful { "edge doubt" } else { "edge" };
        line(format!("<path class=\"{class}\" d=\"{path}\"><title>{}</title></path>", Xml(&edge.edge.label)));
        line(format!("<path class=\"head\" d=\"{head}\"/>"));
    }
    // Labels stand above every line.
    for Line { edge, label, .. } in &layout.lines {
        let (x, y) = (label.x, label.y + 11);
        line(format!("<text class=\"label\" x=\"{x}\" y=\"{y}\">{}</text>", Xml(&cut(&edge.label))));
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
        let middle = place.middle() + 4;
        line(format!("<text x=\"{}\" y=\"{middle}\">{}</text></g>", place.x + 10, Xml(&cut(&node.label))));
    }
    line("</svg>".into());
    out
}

/// The path of an edge, in the direction of the connection, and the head of its arrow.
fn run(line: &Line<'_>, outgoing: bool) -> (String, String) {
    let Line { far: (end, y), bend, near: (start, near_y), .. } = *line;
    // An edge that leads back runs beside the labels first and then around.
    let (turn, middle) = match (line.leads_back(), outgoing) {
        (false, _) => (start, start.midpoint(bend)),
        (true, true) => (bend, bend.saturating_sub(AROUND)),
        (true, false) => (bend, bend + AROUND),
    };
    if outgoing {
        let path = format!("M{start} {near_y}H{turn}C{middle} {near_y} {middle} {y} {bend} {y}H{end}");
        (path, format!("M{end} {y}l-7 -4v8z"))
    } else {
        let path = format!("M{end} {y}H{bend}C{middle} {y} {middle} {near_y} {turn} {near_y}H{start}");
        let back = if line.leads_back() { "l7 -4v8z" } else { "l-7 -4v8z" };
        (path, format!("M{start} {near_y}{back}"))
    }
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
    use crate::render::graph::Edge;

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
}
