//! Skips values that no reader asks for, and checks them on the way.

use super::{MAX_KEY, Node, Pairs, Reader, Result, Written};

/// The bytes of keys that mean nothing else.
const KEY: [bool; 256] = {
    let mut key = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        key[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
        byte += 1;
    }
    key
};

impl Written<'_> {
    /// Checks a value that no reader asks for: the only possible fault is a number that cannot be read.
    fn check(self) -> Result<()> {
        match self {
            Self::Plain(text) if text.starts_with(['.', '+', '-']) => self.scalar().map(|_| ()),
            _ => Ok(()),
        }
    }

    fn check_key(self) -> Result<()> {
        match self {
            Self::Plain(text) if text.starts_with(['.', '+', '-', '<', '~', 'n', 'N']) => {
                self.key().map(|_| ())
            }
            _ => Ok(()),
        }
    }
}

impl<'t> Reader<'t> {
    /// Goes to the line after a value that nobody asks for.
    pub(super) fn skip(&mut self, node: Node<'t>) -> Result<()> {
        match node {
            Node::Null => {}
            Node::Scalar(written) => written.check()?,
            Node::Map(mut pairs) => {
                self.enter()?;
                loop {
                    if self.skip_simple_pair(&pairs) {
                        continue;
                    }
                    let Some(key) = self.next_key(&mut pairs)? else { break };
                    key.check_key()?;
                    let value = self.value(pairs.level, true)?;
                    self.skip(value)?;
                }
                self.depth -= 1;
            }
            Node::Seq(level) => {
                self.enter()?;
                while self.next_element(level)? {
                    let value = self.value(level, false)?;
                    self.skip(value)?;
                }
                self.depth -= 1;
            }
        }
        Ok(())
    }

    /// Goes past the next pair if it is a line `key: value` that nothing about is special, as most are.
    #[inline]
    fn skip_simple_pair(&mut self, pairs: &Pairs<'t>) -> bool {
        if self.level != pairs.level || pairs.first.is_some() {
            return false;
        }
        let rest = self.rest();
        let Some(length) = memchr::memchr(b'\n', rest) else { return false };
        let line = &rest[..length];
        let key = line.iter().position(|byte| !KEY[usize::from(*byte)]).unwrap_or(length);
        let is_key = key <= MAX_KEY && line[0].is_ascii_alphabetic() && !matches!(line[0], b'n' | b'N');
        if !is_key || !line[key..].starts_with(b": ") {
            return false;
        }
        let is_simple = match &line[key + 2..] {
            [b'"', value @ ..] => memchr::memchr2(b'"', b'\\', value)
                .is_some_and(|end| end + 1 == value.len() && value[end] == b'"'),
            value @ [b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/', ..] => !value.contains(&b':'),
            value => matches!(value, b"{}" | b"[]"),
        };
        if !is_simple {
            return false;
        }
        let here = *self;
        self.at += length + 1;
        self.next_line();
        // What is deeper goes on with the value.
        let ended = self.level <= pairs.level;
        if !ended {
            *self = here;
        }
        ended
    }
}
