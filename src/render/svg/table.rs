//! A table: a row for each source, a column for each destination, and the whole text of each cell as its title.

use std::collections::BTreeMap;

use super::Xml;
use crate::render::text::width;

/// The most rows and columns of a table that anybody can read.
pub(in crate::render) const LARGEST: usize = 60;

/// In pixels: the height of a cell and its least width, a letter, the head, a line of the legend.
const CELL: usize = 28;
const LETTER: usize = 8;
const MARGIN: usize = 16;
const HEAD: usize = 64;
const LINE: usize = 20;
/// The height of a half of a cell that is divided.
const HALF: usize = 20;

const STYLE: &str = "
  .ground { fill: #ffffff } text { fill: #1f2328 } .cell { stroke: #d1d9e0 } .none { fill: none } .faint { fill: #59636e }
  .allow { fill: #aceebb } .full { fill: #5fd07f } .deny { fill: #ffcecb } .doubt { fill: #f2e6a6 } .unknown { fill: #d9d9e3 }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117 } text { fill: #f0f6fc } .cell { stroke: #3d444d } .faint { fill: #9198a1 }
    .allow { fill: #1f5c33 } .full { fill: #2e8b4e } .deny { fill: #8c2a26 } .doubt { fill: #6b5b10 } .unknown { fill: #4a4a5c }
  }
";

/// The colour of a cell; its text says the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::render) enum Paint {
    /// Nothing flows.
    None,
    /// Nothing changed: the sign is faint.
    Same,
    /// Something is allowed, or more than before.
    Allow,
    /// Everything is allowed.
    Full,
    /// Less is allowed than before.
    Deny,
    /// Something deserves a look.
    Doubt,
    /// The input does not decide it.
    Unknown,
}

impl Paint {
    const fn class(self) -> &'static str {
        match self {
            Self::None | Self::Same => "none",
            Self::Allow => "allow",
            Self::Full => "full",
            Self::Deny => "deny",
            Self::Doubt => "doubt",
            Self::Unknown => "unknown",
        }
    }
}

/// The look of a cell.
#[derive(Clone, Debug)]
pub(in crate::render) struct Face {
    pub(in crate::render) paint: Paint,
    /// The text in it.
    pub(in crate::render) sign: String,
    /// The text before a change: the cell is divided, and this is its upper half.
    pub(in crate::render) before: Option<String>,
}

impl Face {
    pub(in crate::render) fn new(paint: Paint, sign: impl Into<String>) -> Self {
        Self { paint, sign: sign.into(), before: None }
    }

    /// The width of a cell with this face, in pixels.
    fn wide(&self) -> usize {
        let wide = width(&self.sign).max(self.before.as_deref().map_or(0, width));
        (LETTER * wide + 10).max(CELL)
    }

    /// A cell with this face in the room there is for it, its letters with these attributes.
    fn draw(&self, (x, y): (usize, usize), (wide, high): (usize, usize), letters: &str) -> String {
        let part = |class: &str, y: usize, high: usize, faint: bool, sign: &str| {
            let class_of_text = if faint { " class=\"faint\"" } else { "" };
            let attributes = format!("{class_of_text} text-anchor=\"middle\"{letters}");
            let rect = format!(
                "<rect class=\"cell {class}\" x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{high}\"/>"
            );
            format!("{rect}{}", text(x + wide / 2, y + high / 2 + 4, &attributes, sign))
        };
        let class = self.paint.class();
        match &self.before {
            None => part(class, y, high, self.paint == Paint::Same, &self.sign),
            Some(before) => {
                let upper = part("none", y, high / 2, true, before);
                upper + &part(class, y + high / 2, high / 2, false, &self.sign)
            }
        }
    }
}

/// A cell.
#[derive(Clone, Debug)]
pub(in crate::render) struct Cell {
    pub(in crate::render) face: Face,
    /// All there is to say about it.
    pub(in crate::render) text: String,
}

/// A table to draw.
#[derive(Clone, Debug)]
pub(in crate::render) struct Table {
    pub(in crate::render) title: String,
    pub(in crate::render) headline: String,
    pub(in crate::render) rows: Vec<String>,
    pub(in crate::render) columns: Vec<String>,
    /// By row and column; a cell that is not here is about nothing.
    pub(in crate::render) cells: BTreeMap<(usize, usize), Cell>,
    /// The meaning of each face.
    pub(in crate::render) legend: Vec<(Face, &'static str)>,
}

impl Table {
    /// Draws the table.
    pub(in crate::render) fn draw(&self) -> String {
        let widest = |texts: &[String]| LETTER * texts.iter().map(|text| width(text)).max().unwrap_or(0);
        let left = MARGIN + widest(&self.rows).max(LETTER * width(CORNER)) + 2 * LETTER;
        let top = HEAD + widest(&self.columns);
        let is_divided = self.cells.values().any(|cell| cell.face.before.is_some());
        let row_high = if is_divided { 2 * HALF } else { CELL };
        let below = top + row_high * self.rows.len() + MARGIN;
        let (columns, right) = self.columns_from(left);
        let key = self.legend.iter().map(|(face, _)| face.wide()).max().unwrap_or(0);
        let meaning = self.legend.iter().map(|(_, meaning)| LETTER * width(meaning)).max().unwrap_or(0);
        let headline = MARGIN + LETTER * width(&self.headline);
        let wide = right.max(headline).max(MARGIN + key + LETTER + meaning) + MARGIN;
        let high = below + self.legend.iter().map(|(face, _)| line_of(face)).sum::<usize>() + MARGIN;
        let note = if is_divided { DIVIDED } else { "" };
        let mut lines = vec![
            format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{wide}\" height=\"{high}\" \
                 viewBox=\"0 0 {wide} {high}\" role=\"img\" font-size=\"13\" \
                 font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, monospace\">"
            ),
            format!("<title>{}</title>", Xml(&self.title)),
            format!(
                "<desc>{}: rows are sources, columns are destinations.{note}</desc>",
                Xml(&self.headline)
            ),
            format!("<style>{STYLE}</style>"),
            format!("<rect class=\"ground\" width=\"{wide}\" height=\"{high}\"/>"),
            text(MARGIN, MARGIN + 10, " font-weight=\"bold\"", &self.headline),
            text(left - LETTER, top - 6, " text-anchor=\"end\"", CORNER),
        ];
        for (name, &(x, wide)) in self.columns.iter().zip(&columns) {
            let (x, y) = (x + wide / 2 + 4, top - 6);
            lines.push(text(x, y, &format!(" transform=\"rotate(-90 {x} {y})\""), name));
        }
        for (i, row) in self.rows.iter().enumerate() {
            let y = top + row_high * i;
            lines.push(text(left - LETTER, y + row_high / 2 + 4, " text-anchor=\"end\"", row));
            for (j, &(x, wide)) in columns.iter().enumerate() {
                let Some(cell) = self.cells.get(&(i, j)) else { continue };
                lines.push(format!(
                    "<g><title>{}</title>{}</g>",
                    Xml(&format!("{row} -> {}: {}", self.columns[j], cell.text)),
                    cell.face.draw((x, y), (wide, row_high), "")
                ));
            }
        }
        let mut y = below;
        for (face, meaning) in &self.legend {
            let high = line_of(face);
            lines.push(face.draw((MARGIN, y), (key, high - 4), SMALL));
            lines.push(text(MARGIN + key + LETTER, y + high / 2 + 2, SMALL, meaning));
            y += high;
        }
        lines.push("</svg>\n".to_owned());
        lines.join("\n")
    }

    /// The start and the width of each column, and the end of the last one, in pixels.
    fn columns_from(&self, left: usize) -> (Vec<(usize, usize)>, usize) {
        let mut wide = vec![CELL; self.columns.len()];
        for (&(_, column), cell) in &self.cells {
            wide[column] = wide[column].max(cell.face.wide());
        }
        let mut right = left;
        let column = |wide: usize| {
            right += wide;
            (right - wide, wide)
        };
        let columns = wide.into_iter().map(column).collect();
        (columns, right)
    }
}

/// The height of a line of the legend, in pixels.
const fn line_of(face: &Face) -> usize {
    if face.before.is_some() { 2 * LINE } else { LINE }
}

fn text(x: usize, y: usize, attributes: &str, text: &str) -> String {
    format!("<text x=\"{x}\" y=\"{y}\"{attributes}>{}</text>", Xml(text))
}

const CORNER: &str = "from \\ to";
const SMALL: &str = " font-size=\"11\"";
const DIVIDED: &str = " A divided cell is a change: what could flow stands above what can flow.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_place() {
        let hostile = "</text><script>\"'&\u{202e}";
        let face = Face { before: Some(hostile.to_owned()), ..Face::new(Paint::Allow, "<") };
        let cell = Cell { face, text: hostile.to_owned() };
        let table = Table {
            title: hostile.to_owned(),
            headline: hostile.to_owned(),
            rows: vec![hostile.to_owned()],
            columns: vec![hostile.to_owned()],
            cells: BTreeMap::from([((0, 0), cell)]),
            legend: Vec::new(),
        };
        let svg = table.draw();
        assert!(!svg.contains("<script") && !svg.contains('\u{202e}'), "{svg}");
        assert_eq!(svg.matches("&lt;/text&gt;&lt;script&gt;&quot;&#39;&amp;\\u{202e}").count(), 9, "{svg}");
    }
}
