//! A graph in the language of Graphviz.

use std::fmt::{self, Write as _};

use super::Graph;
use crate::render::text::Plain;

/// A quoted string: Graphviz knows `\"` and reads a backslash as the start of an escape.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = Plain(self.0).to_string().replace('\\', "\\\\").replace('"', "\\\"");
        write!(f, "\"{plain}\"")
    }
}

pub(in crate::render) fn draw(graph: &Graph) -> String {
    let mut out = String::from("digraph reach {\n  rankdir=LR;\n  node [shape=box];\n");
    let mut line = |text: String| writeln!(out, "{text}").expect("writing to a string cannot fail");
    line(format!("  label={};", Quoted(&graph.title)));
    let mut boxes = graph.boxes();
    for place in boxes.remove(&None).unwrap_or_default() {
        line(format!("  {}", statement(graph, place)));
    }
    for (number, (namespace, places)) in boxes.iter().enumerate() {
        line(format!("  subgraph cluster_{number} {{\n    label={};", Quoted(namespace.unwrap_or_default())));
        for &place in places {
            line(format!("    {}", statement(graph, place)));
        }
        line("  }".into());
    }
    for edge in &graph.edges {
        let style = if edge.doubtful { ", style=dashed" } else { "" };
        line(format!("  n{} -> n{} [label={}{style}];", edge.from, edge.to, Quoted(&edge.label)));
    }
    line("}".into());
    out
}

fn statement(graph: &Graph, place: usize) -> String {
    let node = &graph.nodes[place];
    let style = match (node.is_target, node.doubtful, &node.namespace) {
        (true, ..) => ", style=bold",
        (_, true, _) => ", style=dashed",
        (_, _, None) => ", shape=ellipse",
        _ => "",
    };
    format!("n{place} [label={}{style}];", Quoted(&node.label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_string_early() {
        assert_eq!(Quoted("a\"; b\\").to_string(), r#""a\"; b\\""#);
        assert_eq!(Quoted("a\nb").to_string(), r#""a\\u{a}b""#);
    }
}
