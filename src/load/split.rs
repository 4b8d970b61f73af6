//! Cuts texts into documents, and long lists into items.
//!
//! A line that starts with `---` or `...` is a marker wherever it stands: YAML forbids it inside every scalar. So
//! documents are cut exactly, without parsing, and each is parsed on its own: a bad one hides no other, and they are
//! parsed in parallel.

use std::iter;
use std::ops::Range;

/// The documents of a text that hold anything at all, each with its directives, comments and markers.
pub(super) fn documents(text: &str) -> Vec<Range<usize>> {
    let mut documents = Vec::new();
    let mut push = |range: Range<usize>| {
        if text[range.clone()].lines().any(is_content) {
            documents.push(range);
        }
    };
    let mut start = 0;
    for line in markers(text) {
        if !is_marker(&text[line.clone()], "---") {
            push(start..line.end);
            start = line.end;
        } else if !text[start..line.start].lines().all(|line| is_blank(line) || line.starts_with('%')) {
            // Blank lines, comments and directives alone belong to the marker that follows.
            push(start..line.start);
            start = line.start;
        }
    }
    push(start..text.len());
    documents
}

/// The lines that are markers.
fn markers(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let after = |line_feed| line_feed + 1;
    let found = ["\n---", "\n..."].into_iter().flat_map(|marker| memchr::memmem::find_iter(bytes, marker));
    let mut starts: Vec<usize> = iter::once(0).chain(found.map(after)).collect();
    starts.sort_unstable();
    let lines = starts.into_iter().filter_map(|start| lines_of(text, &(start..text.len())).next());
    lines.filter(|line| ["---", "..."].iter().any(|marker| is_marker(&text[line.clone()], marker)))
}

/// The items of a block list under the top-level key `items`, as kubectl prints them: dashes in the first column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct BlockList {
    /// The text before the line `items:`.
    pub(super) before: Range<usize>,
    /// Each item, with its dash: a list of one element.
    pub(super) items: Vec<Range<usize>>,
    /// The text after the last item.
    pub(super) after: Range<usize>,
}

/// Cuts a document that is such a list. Whoever uses the pieces must fall back to the whole document if one of them
/// does not parse: an anchor may be defined in one item and used in another, and a quoted scalar may span the cut.
pub(super) fn block_list(document: &str) -> Option<BlockList> {
    let mut lines = lines(document);
    let key = lines.find(|line| document[line.clone()].strip_prefix("items:").is_some_and(is_blank))?;
    let mut items: Vec<Range<usize>> = Vec::new();
    let mut after = document.len()..document.len();
    for line in lines {
        match document.as_bytes()[line.start] {
            b'-' if matches!(
                document.as_bytes().get(line.start + 1),
                None | Some(b' ' | b'\t' | b'\r' | b'\n')
            ) =>
            {
                items.push(line);
            }
            b' ' | b'\t' | b'\r' | b'\n' | b'#' => {
                if let Some(item) = items.last_mut() {
                    item.end = line.end;
                }
            }
            _ => {
                after.start = line.start;
                break;
            }
        }
    }
    let again = lines_of(document, &after).any(|line| document[line].starts_with("items:"));
    (!items.is_empty() && !again).then_some(BlockList { before: 0..key.start, items, after })
}

/// The lines of a text, with their line feeds.
fn lines(text: &str) -> impl Iterator<Item = Range<usize>> {
    lines_of(text, &(0..text.len()))
}

fn lines_of<'t>(text: &'t str, range: &Range<usize>) -> impl Iterator<Item = Range<usize>> + use<'t> {
    let Range { mut start, end } = *range;
    std::iter::from_fn(move || {
        let line =
            start..memchr::memchr(b'\n', &text.as_bytes()[start..end]).map_or(end, |at| start + at + 1);
        start = line.end;
        (!line.is_empty()).then_some(line)
    })
}

/// True if a line is `marker`, alone or with something after it.
fn is_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

fn is_blank(line: &str) -> bool {
    let line = line.trim_start_matches([' ', '\t', '\u{feff}']);
    line.is_empty() || line.starts_with(['#', '\r', '\n'])
}

fn is_content(line: &str) -> bool {
    let rest = if is_marker(line, "---") || is_marker(line, "...") { &line[3..] } else { line };
    !is_blank(rest) && !line.starts_with('%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_cut_at_markers() {
        let table: &[(&str, &[&str])] = &[
            ("a: 1\n---\nb: 2\n", &["a: 1\n", "---\nb: 2\n"]),
            ("---\na: 1\n--- # c\nb: 2", &["---\na: 1\n", "--- # c\nb: 2"]),
            ("--- {a: 1}\n--- {b: 2}\n", &["--- {a: 1}\n", "--- {b: 2}\n"]),
            ("# head\n---\na: 1\n", &["# head\n---\na: 1\n"]),
            (
                "%YAML 1.1\n---\na: 1\n...\n%YAML 1.1\n---\nb: 2\n",
                &["%YAML 1.1\n---\na: 1\n...\n", "%YAML 1.1\n---\nb: 2\n"],
            ),
            ("a: |\n  ---\n  x\n", &["a: |\n  ---\n  x\n"]),
            ("a: 1\r\n---\r\nb: 2\r\n", &["a: 1\r\n", "---\r\nb: 2\r\n"]),
            ("---a\n----\n", &["---a\n----\n"]),
            ("---\n---\n# x\n---   \n...\n", &[]),
            ("", &[]),
            ("a: 1\n...\nb: 2\n", &["a: 1\n...\n", "b: 2\n"]),
            ("a: 1\n---", &["a: 1\n"]),
        ];
        for (text, expected) in table {
            let cut: Vec<&str> = documents(text).into_iter().map(|range| &text[range]).collect();
            assert_eq!(&cut, expected, "{text:?}");
        }
    }

    #[test]
    fn lists_are_cut_at_dashes_in_the_first_column() {
        let text = "apiVersion: v1\nitems:\n- a: 1\n\n  b: 2\n- c: 3\nkind: List\nmetadata:\n  x: y\n";
        let list = block_list(text).unwrap();
        assert_eq!(&text[list.before], "apiVersion: v1\n");
        let items: Vec<&str> = list.items.into_iter().map(|range| &text[range]).collect();
        assert_eq!(items, ["- a: 1\n\n  b: 2\n", "- c: 3\n"]);
        assert_eq!(&text[list.after], "kind: List\nmetadata:\n  x: y\n");
        for no in ["a: 1", "items: []", "items:\n  - a", "items:\n- a\nitems:\n- b", "items:\nkind: List"] {
            assert_eq!(block_list(no), None, "{no}");
        }
    }
}
