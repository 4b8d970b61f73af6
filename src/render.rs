//! Every byte of output. Decides nothing: it is given answers and says them in the format that was asked for.
//!
//! What users wrote (names, labels, file names, lines of YAML) never reaches a terminal, a Markdown page or a
//! spreadsheet unescaped; [`text`] holds the rules.

pub mod explain;
pub mod style;
pub mod text;
