//! YAML as kubectl, Helm and kustomize print it, in one pass.
//!
//! Reads a part of YAML straight into the wire types: block mappings and sequences, one key a line, scalars that end on
//! their line, `{}` and `[]`. What no wire type asks for is checked line by line and never built. Anything else, such
//! as an anchor, a tag, a tab or a flow collection, and anything that is wrong, is left to the careful way of
//! [`super::decode`]; this module reports nothing. So all it has to hold is: what it accepts, [`super::yaml`] reads
//! alike. Tests and a fuzz target compare the two.

mod skip;
mod values;

use std::borrow::Cow;

use serde::Deserializer as _;

use super::de::Declined;
use super::document::Probe;
use super::dump::{self, ElementVisitor};
use super::eight::Eight;
use super::holders;
use super::kinds::{self, Expected, Known};
use super::mesh;
use super::scalar::{Scalar, is_word};
use super::slip::LastKey;
use crate::k8s::Object;
use values::{Map, Value};

/// Longest text that is read so; longer ones have limits that the careful way knows.
const MAX_LENGTH: usize = 1 << 20;

/// Greatest depth of collections that is read here. Kubernetes objects stay below 30.
const MAX_DEPTH: u32 = 64;

/// The level of `{}` and `[]`: no line is as deep.
const NOTHING: usize = usize::MAX;

/// Longest key; far longer ones are no keys to YAML.
const MAX_KEY: usize = 1000;

/// An object of a kind that is not read.
#[derive(Debug)]
pub(super) struct Ignored<'t> {
    /// Its kind.
    pub(super) kind: &'t str,
}

/// Reads one object, which is the whole text: a document, or an element cut out of a list with its dash. `None` if it
/// needs the careful way.
pub(super) fn read(text: &str, in_list: bool) -> Option<Result<Object, Ignored<'_>>> {
    let mut reader = Reader::new(text)?;
    let node = reader.root(in_list).ok()?;
    let Head { api_version, kind, mut after, pairs } = reader.head(node)?;
    let is_read = match kinds::find(api_version, kind) {
        Known::Reader { removed: false, .. } => true,
        // Kinds of other APIs may hold objects: the careful way looks into them.
        Known::No if !kind.ends_with("List") && !holders::may_hold(api_version, kind) => false,
        _ => return None,
    };
    if !is_printable(text) {
        return None;
    }
    if mesh::is_candidate(kind, text) {
        return None;
    }
    if is_read {
        let value = Value { reader: &mut reader, node };
        let object = value.deserialize_map(ElementVisitor { expected: &Expected::default() }).ok()?;
        (reader.level == 0).then_some(Ok(object?))
    } else {
        let mut map = Map { reader: &mut after, pairs, of: None, ended: false };
        let has_template = dump::rest::<Probe, _>(&mut map).ok()?.found();
        (map.ended && after.level == 0 && !has_template).then_some(Err(Ignored { kind }))
    }
}

/// True if YAML takes every character anywhere, and the text has no tab and no line ends but line feeds.
fn is_printable(text: &str) -> bool {
    // Without a branch, so that many bytes are looked at at once.
    let ascii = text.bytes().fold(true, |so_far, byte| so_far & matches!(byte, b'\n' | b' '..=b'~'));
    // Neither controls nor a byte order mark.
    let plain =
        |c| matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..);
    ascii || text.chars().all(plain)
}

/// A place in a text.
///
/// Between two pairs or elements it is at the first byte of a line that holds something, whose column decides which
/// collections go on.
#[derive(Clone, Copy)]
struct Reader<'t> {
    text: &'t str,
    at: usize,
    /// Offset of the first byte of the line.
    line: usize,
    /// The column of the first byte that is no space, from 1; 0 at the end of the text.
    level: usize,
    depth: u32,
    key: LastKey<'t>,
}

/// The first two fields of an object, and where the others are.
struct Head<'t> {
    api_version: &'t str,
    kind: &'t str,
    after: Reader<'t>,
    pairs: Pairs<'t>,
}

/// A scalar.
#[derive(Clone, Copy)]
enum Written<'t> {
    Plain(&'t str),
    /// The text between the quotes.
    Quoted(&'t str),
    /// A string that is not one piece of the text: a block scalar, several lines, or escapes.
    Pieces,
}

/// A value, read up to its first line or key.
#[derive(Clone, Copy)]
enum Node<'t> {
    /// Nothing is written.
    Null,
    Scalar(Written<'t>),
    Map(Pairs<'t>),
    /// The level of the dashes.
    Seq(usize),
}

/// A mapping that is being read.
#[derive(Clone, Copy)]
struct Pairs<'t> {
    level: usize,
    /// The key that was read to see that it is a mapping.
    first: Option<Written<'t>>,
}

/// The end of a plain scalar: the end of its line, a colon, or a comment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    Line,
    Colon,
    Comment,
}

/// Finds the first place where a plain scalar may stop: at a `:`, a `#` or the end of the line.
#[inline]
fn stop(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(eight) = Eight::first(&text[at..]) {
        if let Some(place) = eight.equal(b':').or(eight.equal(b'#')).or(eight.equal(b'\n')).place() {
            return at + place;
        }
        at += 8;
    }
    at + text[at..].iter().take_while(|byte| !matches!(byte, b':' | b'#' | b'\n')).count()
}

type Result<T, E = Declined> = std::result::Result<T, E>;

impl<'t> Written<'t> {
    fn scalar(self) -> Result<Scalar<'t>> {
        match self {
            Self::Plain(text) => Scalar::resolve(Cow::Borrowed(text), true, None).map_err(|_| Declined),
            Self::Quoted(text) => Ok(Scalar::String(Cow::Borrowed(text))),
            Self::Pieces => Err(Declined),
        }
    }

    #[inline]
    fn key(self) -> Result<Cow<'t, str>> {
        match self {
            Self::Plain(text) if is_word(text) => Ok(Cow::Borrowed(text)),
            Self::Plain("<<") => Err(Declined),
            written => written.scalar()?.into_key().map_err(|_| Declined),
        }
    }
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Option<Self> {
        let mut reader = Self { text, at: 0, line: 0, level: 0, depth: 0, key: LastKey::default() };
        (text.len() <= MAX_LENGTH).then(|| reader.next_line())?;
        Some(reader)
    }

    /// The object of a document, or the one element of a list.
    fn root(&mut self, in_list: bool) -> Result<Node<'t>> {
        if in_list {
            return if self.next_element(1)? { self.value(1, false) } else { Err(Declined) };
        }
        if self.level == 1 && self.rest().starts_with(b"---\n") {
            self.at += 4;
            self.next_line();
        }
        if self.level == 1 { self.collection() } else { Err(Declined) }
    }

    /// The head of an object that begins with its `apiVersion` and `kind`; `None` for any other value.
    fn head(mut self, node: Node<'t>) -> Option<Head<'t>> {
        let Node::Map(mut pairs) = node else { return None };
        let (mut api_version, mut kind) = (None, None);
        for _ in 0..2 {
            let slot = match self.next_key(&mut pairs).ok()?? {
                Written::Plain("apiVersion") => &mut api_version,
                Written::Plain("kind") => &mut kind,
                _ => return None,
            };
            let Node::Scalar(written) = self.value(pairs.level, true).ok()? else { return None };
            let Scalar::String(Cow::Borrowed(text)) = written.scalar().ok()? else { return None };
            *slot = Some(text);
        }
        Some(Head { api_version: api_version?, kind: kind?, after: self, pairs })
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn rest(&self) -> &'t [u8] {
        &self.text.as_bytes()[self.at..]
    }

    /// The first place from `at` on that is no space.
    fn after_spaces(&self, at: usize) -> usize {
        let rest = &self.text.as_bytes()[at..];
        at + rest.iter().position(|byte| *byte != b' ').unwrap_or(rest.len())
    }

    /// The end of the line that holds `at`, its line feed included.
    fn line_end(&self, at: usize) -> usize {
        let rest = &self.text.as_bytes()[at..];
        memchr::memchr(b'\n', rest).map_or(self.text.len(), |length| at + length + 1)
    }

    /// Goes from the beginning of a line to the next that holds anything but a comment.
    #[inline]
    fn next_line(&mut self) {
        loop {
            let content = self.after_spaces(self.at);
            match self.byte(content) {
                Some(b'\n') => self.at = content + 1,
                Some(b'#') => self.at = self.line_end(content),
                byte => {
                    self.line = self.at;
                    self.level = if byte.is_some() { content - self.line + 1 } else { 0 };
                    self.at = content;
                    return;
                }
            }
        }
    }

    /// Goes on to the next line; nothing but a comment may follow on this one.
    #[inline]
    fn end_line(&mut self, at: usize) -> Result<()> {
        let content = self.after_spaces(at);
        match self.byte(content) {
            None | Some(b'\n') => {}
            Some(b'#') if content > at => {}
            _ => return Err(Declined),
        }
        self.at = self.line_end(content);
        self.next_line();
        Ok(())
    }

    /// True if an element of a sequence begins here.
    fn is_dash(&self) -> bool {
        matches!(self.rest(), [b'-'] | [b'-', b' ' | b'\n', ..])
    }

    /// A mapping or sequence that begins on this line.
    fn collection(&mut self) -> Result<Node<'t>> {
        let level = self.level;
        if self.is_dash() {
            return Ok(Node::Seq(level));
        }
        Ok(Node::Map(Pairs { level, first: Some(self.key()?) }))
    }

    /// The key of the next pair, if there is one.
    fn next_key(&mut self, pairs: &mut Pairs<'t>) -> Result<Option<Written<'t>>> {
        if let Some(key) = pairs.first.take() {
            return Ok(Some(key));
        }
        match self.level.cmp(&pairs.level) {
            std::cmp::Ordering::Less => Ok(None),
            std::cmp::Ordering::Equal => self.key().map(Some),
            std::cmp::Ordering::Greater => Err(Declined),
        }
    }

    /// Takes the dash of the next element, if there is one. Whatever else stands there is for an outer collection.
    fn next_element(&mut self, level: usize) -> Result<bool> {
        if self.level > level {
            return Err(Declined);
        }
        let next = self.level == level && self.is_dash();
        self.at += usize::from(next);
        Ok(next)
    }

    /// A key and its colon.
    #[inline]
    fn key(&mut self) -> Result<Written<'t>> {
        let (key, end) = match self.byte(self.at) {
            Some(b'"' | b'\'') => self.quoted(usize::MAX)?,
            _ => match self.plain()? {
                (text, Stop::Colon, end) => (Written::Plain(text), end),
                _ => return Err(Declined),
            },
        };
        self.colon(key, end)
    }

    /// Takes the colon at `at`, after a key.
    #[inline]
    fn colon(&mut self, key: Written<'t>, at: usize) -> Result<Written<'t>> {
        let bytes = self.text.as_bytes();
        let long = at - self.at > MAX_KEY;
        // The markers of documents.
        let marker =
            self.at == self.line && (self.rest().starts_with(b"---") || self.rest().starts_with(b"..."));
        if long || marker || !matches!(bytes[at..], [b':'] | [b':', b' ' | b'\n', ..]) {
            return Err(Declined);
        }
        self.at = at + 1;
        Ok(key)
    }

    /// The value after a colon or a dash of a collection at `level`.
    fn value(&mut self, level: usize, in_map: bool) -> Result<Node<'t>> {
        let content = self.after_spaces(self.at);
        let Some(first) = self.byte(content).filter(|byte| !matches!(byte, b'\n' | b'#')) else {
            self.end_line(self.at)?;
            return if self.level > level || (in_map && self.level == level && self.is_dash()) {
                self.collection()
            } else {
                Ok(Node::Null)
            };
        };
        self.at = content;
        let inner = content - self.line + 1;
        match first {
            b'-' if self.is_dash() && !in_map => {
                self.level = inner;
                Ok(Node::Seq(inner))
            }
            b'"' | b'\'' => {
                let (written, end) = self.quoted(level)?;
                let one_line = self.line_end(content) > end;
                if !in_map && one_line && self.byte(end) == Some(b':') {
                    let first = Some(self.colon(written, end)?);
                    return Ok(Node::Map(Pairs { level: inner, first }));
                }
                self.end_line(end)?;
                Ok(Node::Scalar(written))
            }
            b'|' | b'>' => self.block_scalar(level),
            b'{' | b'[' => {
                let (brackets, empty): (&[u8], _) = if first == b'{' {
                    (b"{}", Node::Map(Pairs { level: NOTHING, first: None }))
                } else {
                    (b"[]", Node::Seq(NOTHING))
                };
                if !self.rest().starts_with(brackets) {
                    return Err(Declined);
                }
                self.end_line(content + 2)?;
                Ok(empty)
            }
            _ => match self.plain()? {
                (text, Stop::Colon, end) if !in_map => {
                    let first = Some(self.colon(Written::Plain(text), end)?);
                    Ok(Node::Map(Pairs { level: inner, first }))
                }
                (_, Stop::Colon, _) => Err(Declined),
                (text, stop, end) => self.plain_value(text, stop, end, level),
            },
        }
    }

    /// One line of a plain scalar, what ends it, and where that is.
    fn plain(&self) -> Result<(&'t str, Stop, usize)> {
        let bytes = self.text.as_bytes();
        match self.rest() {
            []
            | [b'-']
            | [b'-', b' ' | b'\n', ..]
            | [
                b' ' | b'\n' | b'?' | b':' | b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!'
                | b'|' | b'>' | b'\'' | b'"' | b'%' | b'@' | b'`',
                ..,
            ] => return Err(Declined),
            _ => {}
        }
        let mut at = self.at;
        let stop = loop {
            let rest = &bytes[at..];
            at += stop(rest);
            match bytes[at..] {
                [] | [b'\n', ..] => break Stop::Line,
                [b':'] | [b':', b' ' | b'\n', ..] => break Stop::Colon,
                [b'#', ..] if bytes[at - 1] == b' ' => break Stop::Comment,
                _ => at += 1,
            }
        };
        Ok((self.text[self.at..at].trim_end_matches(' '), stop, at))
    }

    /// A plain scalar, whose first line was read; deeper lines that follow at once belong to it.
    fn plain_value(&mut self, text: &'t str, stop: Stop, end: usize, level: usize) -> Result<Node<'t>> {
        let (mut stop, mut next) = (stop, self.line_end(end));
        let mut written = Written::Plain(text);
        loop {
            self.at = next;
            self.next_line();
            if self.level <= level {
                return Ok(Node::Scalar(written));
            }
            if stop == Stop::Comment || self.line != next {
                return Err(Declined);
            }
            let end;
            (_, stop, end) = self.plain()?;
            if stop == Stop::Colon {
                return Err(Declined);
            }
            written = Written::Pieces;
            next = self.line_end(end);
        }
    }

    /// A quoted scalar and where it ends; its further lines must be deeper than `level`.
    fn quoted(&self, level: usize) -> Result<(Written<'t>, usize)> {
        let bytes = self.text.as_bytes();
        let quote = bytes[self.at];
        let mut at = self.at + 1;
        let mut one_piece = true;
        loop {
            at += memchr::memchr3(quote, b'\\', b'\n', &bytes[at..]).ok_or(Declined)?;
            match &bytes[at..] {
                [b'\n', ..] => {
                    one_piece = false;
                    let mut line = at;
                    while self.byte(at) == Some(b'\n') {
                        line = at + 1;
                        at = self.after_spaces(line);
                    }
                    if at - line < level {
                        return Err(Declined);
                    }
                }
                [b'\\', escaped @ ..] if quote == b'"' => {
                    one_piece = false;
                    at += 1 + escape(escaped).ok_or(Declined)?;
                }
                [b'\\', ..] => at += 1,
                [b'\'', b'\'', ..] => {
                    one_piece = false;
                    at += 2;
                }
                _ => break,
            }
        }
        let written = if one_piece { Written::Quoted(&self.text[self.at + 1..at]) } else { Written::Pieces };
        Ok((written, at + 1))
    }

    /// Goes to the line after a block scalar in a collection at `level`.
    fn block_scalar(&mut self, level: usize) -> Result<Node<'t>> {
        let (mut chomping, mut explicit) = (false, None);
        let mut at = self.at + 1;
        loop {
            match self.byte(at) {
                Some(b'+' | b'-') if !chomping => chomping = true,
                Some(digit @ b'1'..=b'9') if explicit.is_none() => {
                    explicit = Some(level + usize::from(digit - b'0'));
                }
                None | Some(b'\n') => break,
                _ => return Err(Declined),
            }
            at += 1;
        }
        self.at = self.line_end(at);
        let (mut content, mut begun, mut widest) = (explicit, false, 0);
        loop {
            let text = self.after_spaces(self.at);
            let here = text - self.at + 1;
            match self.byte(text) {
                None => break,
                Some(b'\n') => {
                    widest = widest.max(here);
                    self.at = text + 1;
                    continue;
                }
                Some(_) => {}
            }
            // Blank lines that are wider than the text, and lines between the two levels, are mistakes.
            let between = here > level && here < content.unwrap_or(widest);
            if !begun && between {
                return Err(Declined);
            }
            if here <= level || here < *content.get_or_insert(here) {
                break;
            }
            begun = true;
            self.at = self.line_end(text);
        }
        self.next_line();
        Ok(Node::Scalar(Written::Pieces))
    }

    fn enter(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(Declined) } else { Ok(()) }
    }
}

/// Length of the escape whose backslash stands before `text`, if it is valid; 0 for an escaped end of line.
fn escape(text: &[u8]) -> Option<usize> {
    let digits = match text.first()? {
        b'\n' => return Some(0),
        b'0' | b'a' | b'b' | b't' | b'n' | b'v' | b'f' | b'r' | b'e' | b' ' | b'"' | b'/' | b'\\' | b'N'
        | b'_' | b'L' | b'P' => return Some(1),
        b'x' => 2,
        b'u' => 4,
        b'U' => 8,
        _ => return None,
    };
    let digits = text.get(1..=digits)?;
    let value =
        digits.iter().try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))?;
    char::from_u32(value).map(|_| 1 + digits.len())
}

#[cfg(test)]
mod tests;
