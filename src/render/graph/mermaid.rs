//! A graph in the language of Mermaid, which GitHub and GitLab draw in Markdown.

use std::fmt::{self, Write as _};

use super::{Graph, Node};
use crate::render::text::Plain;

/// A quoted text: Mermaid reads HTML and Markdown in it, and knows characters by number.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in Plain(self.0).to_string().chars() {
            if c.is_alphanumeric() || c == ' ' || "-_./,:;()[]+=".contains(c) {
                f.write_char(c)?;
            } else {
                write!(f, "#{};", u32::from(c))?;
            }
        }
        f.write_char('"')
    }
}

/// Draws the graph.
pub(in crate::render) fn draw(graph: &Graph) -> String {
    let mut out = String::from("flowchart LR\n");
    let mut line = |text: String| writeln!(out, "{text}").expect("writing to a string cannot fail");
    line(format!("  accTitle: {}", Title(&graph.title)));
    line(format!("  accDescr: {}", Title(&graph.summary)));
    let mut boxes = graph.boxes();
    for place in boxes.remove(&None).unwrap_or_default() {
        line(format!("  {}", statement(&graph.nodes[place], place)));
    }
    for (number, (namespace, places)) in boxes.iter().enumerate() {
        line(format!("  subgraph s{number}[{}]", Quoted(namespace.unwrap_or_default())));
        for &place in places {
            line(format!("    {}", statement(&graph.nodes[place], place)));
        }
        line("  end".into());
    }
    for edge in &graph.edges {
        let arrow = if edge.doubtful { "-.->" } else { "-->" };
        line(format!("  n{} {arrow}|{}| n{}", edge.from, Quoted(&edge.label), edge.to));
    }
    if graph.nodes.iter().any(|node| node.is_target) {
        line("  classDef target stroke-width:3px".into());
    }
    out
}

/// The title and the description end with their line, and have no escapes.
struct Title<'a>(&'a str);

impl fmt::Display for Title<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_harmless = |c: &char| !matches!(c, '{' | '}' | '#' | '<' | '>' | '%' | '"');
        Plain(self.0).to_string().chars().filter(is_harmless).try_for_each(|c| f.write_char(c))
    }
}

fn statement(node: &Node, place: usize) -> String {
    let label = Quoted(&node.label);
    match (node.is_target, &node.namespace) {
        (true, _) => format!("n{place}[{label}]:::target"),
        (false, Some(_)) => format!("n{place}[{label}]"),
        (false, None) => format!("n{place}([{label}])"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_read_as_markup() {
        assert_eq!(Quoted("a/b, 80/TCP").to_string(), "\"a/b, 80/TCP\"");
        assert_eq!(Quoted("\"<b>`#").to_string(), "\"#34;#60;b#62;#96;#35;\"");
        assert_eq!(Title("%%{init}%% a -> b").to_string(), "init a - b");
    }
}
