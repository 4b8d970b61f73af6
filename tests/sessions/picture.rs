//! The picture of the README: what podreach prints on a terminal, as SVG.

use std::fmt::Write as _;
use std::fs;

use crate::terminal;

const PICTURE: &str = "docs/three-tier.svg";
const COMMAND: &str = "podreach matrix -f scenarios/three-tier/manifests";

/// The width of a character and the height of a line, in pixels.
const CELL: (usize, usize) = (8, 19);

/// The styles of podreach: the escape code, a CSS class, its declaration.
const STYLES: [(&str, &str, &str); 5] = [
    ("1", "b", "font-weight: bold; fill: #ffffff"),
    ("2", "f", "fill: #7d8590"),
    ("31", "r", "fill: #ff7b72"),
    ("32", "g", "fill: #56d364"),
    ("33", "y", "fill: #e3b341"),
];

#[test]
fn the_picture_is_what_podreach_prints() {
    let arguments = COMMAND.strip_prefix("podreach ").unwrap();
    let line = format!("{arguments} --color always 2>/dev/null");
    let Some(shown) = terminal::shown(&line, super::root(), &terminal::UNICODE) else { return };
    let drawn = draw(&format!("$ {COMMAND}\n{shown}"));
    let path = super::root().join(PICTURE);
    if super::updating() {
        fs::write(&path, &drawn).unwrap();
    }
    assert!(
        fs::read_to_string(&path).is_ok_and(|shown| shown == drawn),
        "{PICTURE} is not what `{COMMAND}` prints; PODREACH_UPDATE=1 cargo test sessions draws it anew"
    );
}

fn draw(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(line).collect();
    let columns =
        text.lines().map(|line| anstream::adapter::strip_str(line).to_string().chars().count()).max();
    let (width, height) = ((columns.unwrap_or(0) + 4) * CELL.0, (lines.len() + 2) * CELL.1);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\n\
         <title>{COMMAND}</title>\n<style>\n\
         text {{ font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, \"DejaVu Sans Mono\", monospace; \
         fill: #d1d7e0; white-space: pre }}\n"
    );
    for (_, class, declaration) in STYLES {
        writeln!(svg, ".{class} {{ {declaration} }}").unwrap();
    }
    writeln!(svg, "</style>\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#151b23\"/>").unwrap();
    for (i, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
        let y = (i + 2) * CELL.1 - 5;
        writeln!(svg, "<text y=\"{y}\" xml:space=\"preserve\">{line}</text>").unwrap();
    }
    svg.push_str("</svg>\n");
    svg
}

/// A line of a terminal, its escape codes as spans. Each span says where it stands: fonts differ in their widths.
fn line(text: &str) -> String {
    let mut svg = String::new();
    let mut column = 0;
    for (i, piece) in text.split("\u{1b}[").enumerate() {
        let (code, piece) = if i == 0 { ("0", piece) } else { piece.split_once('m').unwrap() };
        let (start, length) = (column, piece.chars().count());
        column += length;
        let text = piece.trim_start();
        let start = start + length - text.chars().count();
        let text = text.trim_end();
        if text.is_empty() {
            continue;
        }
        let class = STYLES.iter().find(|(known, ..)| *known == code).map(|(_, class, _)| *class);
        let class = class.map(|class| format!(" class=\"{class}\"")).unwrap_or_default();
        let (x, wide) = ((start + 2) * CELL.0, text.chars().count() * CELL.0);
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        write!(svg, "<tspan x=\"{x}\" textLength=\"{wide}\"{class}>{text}</tspan>").unwrap();
    }
    svg
}
