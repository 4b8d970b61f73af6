//! A JSON reader for what kubectl prints: indented, without escapes where it matters, a few levels deep.
//!
//! It takes blanks and strings eight bytes at a time and stops at the first thing it did not expect, with no word about
//! it: whatever holds such a thing is left to [`super::de`]. So it may refuse good JSON (an escape in a string that is
//! kept, a fraction, deep nesting), but it never accepts bad JSON or reads another value than serde_json.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::de::Declined;
use super::eight::Eight;
use super::repeats::{Repeats, SKIPPED};
use super::slip::{LastKey, Type};
use crate::k8s::Passed;

/// Greatest depth of values: one bit for each level that is skipped, and what the stack holds for those that are read.
const DEEPEST: u32 = 64;

/// Reads a text that is one value.
pub(super) fn from_str<'t, T: Deserialize<'t>>(text: &'t str) -> Result<T, Declined> {
    let mut scanner = Scanner::new(text, 0);
    let value = T::deserialize(&mut scanner)?;
    scanner.blanks();
    if scanner.at == text.len() { Ok(value) } else { Err(Declined) }
}

/// A place in a JSON text.
pub(super) struct Scanner<'t> {
    text: &'t str,
    at: usize,
    depth: u32,
    key: LastKey<'t>,
    /// Values that this object shares with the one before: none, until [`Repeats::next`] says that there was one.
    ///
    /// A newtype whose value is shared is read as a unit; the type that decodes it must know what that means.
    pub(super) repeats: Repeats<'t>,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str, at: usize) -> Self {
        Self { text, at, depth: 0, key: LastKey::default(), repeats: Repeats::default() }
    }

    /// The current offset in the text.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// Goes back to the start of an object, or past one that something else has read.
    pub(super) fn move_to(&mut self, at: usize) {
        (self.at, self.depth) = (at, 0);
        self.repeats.forget();
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eight(&self) -> Option<Eight> {
        Eight::first(&self.text.as_bytes()[self.at..])
    }

    /// Passes blanks.
    pub(super) fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
            // Mostly this was a line feed, and an indent follows it.
            while let Some(eight) = self.eight() {
                if let Some(place) = eight.other_than(b' ').place() {
                    self.at += place;
                    break;
                }
                self.at += 8;
            }
        }
    }

    /// Takes `byte` and the blanks before it.
    pub(super) fn take(&mut self, byte: u8) -> Result<(), Declined> {
        self.blanks();
        if self.peek() != Some(byte) {
            return Err(Declined);
        }
        self.at += 1;
        Ok(())
    }

    /// Passes the bytes of a string up to a quote, a backslash, or what no string holds.
    fn plain(&mut self) {
        while let Some(eight) = self.eight() {
            let special = eight.equal(b'"').or(eight.equal(b'\\')).or(eight.below(b' '));
            if let Some(place) = special.place() {
                self.at += place;
                return;
            }
            self.at += 8;
        }
        while self.peek().is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..b' ')) {
            self.at += 1;
        }
    }

    /// The string that starts here, if it is written without escapes.
    fn string(&mut self) -> Result<&'t str, Declined> {
        if self.peek() != Some(b'"') {
            return Err(Declined);
        }
        self.at += 1;
        let start = self.at;
        self.plain();
        if self.peek() != Some(b'"') {
            return Err(Declined);
        }
        self.at += 1;
        Ok(&self.text[start..self.at - 1])
    }

    fn word(&mut self, word: &str) -> Result<(), Declined> {
        let rest = &self.text.as_bytes()[self.at..];
        if !rest.starts_with(word.as_bytes()) {
            return Err(Declined);
        }
        self.at += word.len();
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Declined> {
        let rest = &self.text.as_bytes()[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(Declined) } else { Ok(()) }
    }

    /// Passes an integer, a fraction, or a number with an exponent.
    fn skip_number(&mut self) -> Result<(), Declined> {
        self.at += usize::from(self.peek() == Some(b'-'));
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(())
    }

    /// The integer that starts here, if it has no fraction, no exponent and few digits.
    fn integer(&mut self) -> Result<i64, Declined> {
        let start = self.at;
        self.skip_number()?;
        let text = &self.text[start..self.at];
        // What is left is what serde_json calls a float, or a number out of range.
        if text == "-0" { Err(Declined) } else { text.parse().map_err(|_| Declined) }
    }

    fn skip_string(&mut self) -> Result<(), Declined> {
        self.at += 1;
        loop {
            self.plain();
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.at += 1,
                _ => return Err(Declined),
            }
            match self.peek() {
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
                Some(b'u') => {
                    let hex = self.text.as_bytes()[self.at + 1..].first_chunk::<4>().ok_or(Declined)?;
                    if !hex.iter().all(u8::is_ascii_hexdigit) {
                        return Err(Declined);
                    }
                    self.at += 5;
                }
                _ => return Err(Declined),
            }
        }
        self.at += 1;
        Ok(())
    }

    fn skip_key(&mut self) -> Result<(), Declined> {
        self.blanks();
        if self.peek() != Some(b'"') {
            return Err(Declined);
        }
        self.skip_string()?;
        self.take(b':')
    }

    /// Passes a value of any type.
    fn skip(&mut self) -> Result<(), Declined> {
        self.blanks();
        let start = self.at;
        if !matches!(self.peek(), Some(b'{' | b'[')) {
            return self.skip_unseen();
        }
        if let Some(text) = self.repeats.take(SKIPPED, &self.text[start..]) {
            self.at += text.len();
            return Ok(());
        }
        self.skip_unseen()?;
        self.repeats.read(SKIPPED, &self.text[start..self.at]);
        Ok(())
    }

    fn skip_unseen(&mut self) -> Result<(), Declined> {
        // Whether each open level is a map, the innermost in the lowest place.
        let (mut open, mut depth): (u64, u32) = (0, 0);
        loop {
            self.blanks();
            match self.peek().ok_or(Declined)? {
                b'"' => self.skip_string()?,
                first @ (b'{' | b'[') => {
                    self.at += 1;
                    self.blanks();
                    let (is_map, close) = if first == b'{' { (1, b'}') } else { (0, b']') };
                    if self.peek() == Some(close) {
                        self.at += 1;
                    } else {
                        (open, depth) = (open << 1 | is_map, depth + 1);
                        if depth > DEEPEST {
                            return Err(Declined);
                        }
                        if is_map == 1 {
                            self.skip_key()?;
                        }
                        continue;
                    }
                }
                b't' => self.word("true")?,
                b'f' => self.word("false")?,
                b'n' => self.word("null")?,
                _ => self.skip_number()?,
            }
            // A value ended, and with it whatever closes here.
            loop {
                if depth == 0 {
                    return Ok(());
                }
                let is_map = open & 1 == 1;
                self.blanks();
                match (self.peek(), is_map) {
                    (Some(b','), _) => {
                        self.at += 1;
                        if is_map {
                            self.skip_key()?;
                        }
                        break;
                    }
                    (Some(b'}'), true) | (Some(b']'), false) => {
                        self.at += 1;
                        (open, depth) = (open >> 1, depth - 1);
                    }
                    _ => return Err(Declined),
                }
            }
        }
    }

    /// Runs `read` one level deeper, after the bracket that opens it.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Declined>) -> Result<T, Declined> {
        if self.depth >= DEEPEST {
            return Err(Declined);
        }
        self.at += 1;
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    /// True if another element comes before `close`, which is taken if none does.
    fn another(&mut self, first: bool, close: u8) -> Result<bool, Declined> {
        self.blanks();
        let next = self.peek();
        if next == Some(close) {
            self.at += 1;
            return Ok(false);
        }
        if !first {
            if next != Some(b',') {
                return Err(Declined);
            }
            self.at += 1;
            self.blanks();
        }
        Ok(true)
    }
}

impl<'de> Scanner<'de> {
    /// Visits the object that comes, which is of this type.
    fn fields<V: Visitor<'de>>(&mut self, of: Option<Type>, visitor: V) -> Result<V::Value, Declined> {
        self.blanks();
        match self.peek() {
            Some(b'{') => self.deeper(|scanner| visitor.visit_map(Fields { scanner, of, first: true })),
            _ => Err(Declined),
        }
    }
}

// Each method goes to the one method of the visitor that can take the value: see `super::de`.
impl<'de> Deserializer<'de> for &mut Scanner<'de> {
    type Error = Declined;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Declined> {
        self.blanks();
        match self.peek().ok_or(Declined)? {
            b'"' => self.deserialize_str(visitor),
            b'{' => self.deserialize_map(visitor),
            b'[' => self.deserialize_seq(visitor),
            b't' | b'f' => self.deserialize_bool(visitor),
            b'n' => self.word("null").and_then(|()| visitor.visit_unit()),
            _ => self.deserialize_i64(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Declined> {
        self.blanks();
        let is_true = self.peek() == Some(b't');
        self.word(if is_true { "true" } else { "false" })?;
        visitor.visit_bool(is_true)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Declined> {
        self.blanks();
        visitor.visit_i64(self.integer()?)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Declined> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Declined> {
        self.blanks();
        visitor.visit_borrowed_str(self.string()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Declined> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Declined> {
        self.blanks();
        match self.peek() {
            Some(b'[') => self.deeper(|scanner| visitor.visit_seq(Elements { scanner, first: true })),
            _ => Err(Declined),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Declined> {
        self.fields(None, visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Declined> {
        self.blanks();
        match self.peek() {
            Some(b'n') => self.word("null").and_then(|()| visitor.visit_none()),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Declined> {
        self.fields(Some(Type::new(name, fields)), visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Declined> {
        self.blanks();
        if name == Passed::NAME {
            if self.peek() != Some(b'"') {
                return Err(Declined);
            }
            self.skip_string()?;
            return visitor.visit_unit();
        }
        let start = self.at;
        if let Some(text) = self.repeats.take(name, &self.text[start..]) {
            self.at += text.len();
            return visitor.visit_unit();
        }
        let value = visitor.visit_newtype_struct(&mut *self)?;
        self.repeats.read(name, &self.text[start..self.at]);
        Ok(value)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Declined> {
        self.blanks();
        visitor.visit_enum(BorrowedStrDeserializer::new(self.string()?))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Declined> {
        if !self.key.passes() {
            return Err(Declined);
        }
        self.skip()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

struct Fields<'r, 't> {
    scanner: &'r mut Scanner<'t>,
    of: Option<Type>,
    first: bool,
}

impl<'t> MapAccess<'t> for Fields<'_, 't> {
    type Error = Declined;

    fn next_key_seed<K: DeserializeSeed<'t>>(&mut self, seed: K) -> Result<Option<K::Value>, Declined> {
        if !self.scanner.another(self.first, b'}')? {
            return Ok(None);
        }
        self.first = false;
        let key = self.scanner.string()?;
        self.scanner.take(b':')?;
        self.scanner.key = LastKey::new(self.of, key);
        seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'t>>(&mut self, seed: V) -> Result<V::Value, Declined> {
        seed.deserialize(&mut *self.scanner)
    }
}

struct Elements<'r, 't> {
    scanner: &'r mut Scanner<'t>,
    first: bool,
}

impl<'t> SeqAccess<'t> for Elements<'_, 't> {
    type Error = Declined;

    fn next_element_seed<T: DeserializeSeed<'t>>(&mut self, seed: T) -> Result<Option<T::Value>, Declined> {
        if !self.scanner.another(self.first, b']')? {
            return Ok(None);
        }
        self.first = false;
        seed.deserialize(&mut *self.scanner).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;
    use serde_json::{Value, json};

    use super::*;

    /// Reads a value, and returns it with the offset at which it ends.
    fn read<T: for<'t> Deserialize<'t>>(text: &str) -> Option<(T, usize)> {
        let mut scanner = Scanner::new(text, 0);
        let value = T::deserialize(&mut scanner).ok()?;
        Some((value, scanner.at()))
    }

    /// Whatever it reads, serde_json reads too, and as the same.
    fn assert_sound(text: &str) {
        if let Some((value, end)) = read::<Value>(text) {
            assert_eq!(serde_json::from_str::<Value>(&text[..end]).ok(), Some(value), "{text:?}");
        }
        if let Some((IgnoredAny, end)) = read(text) {
            assert!(serde_json::from_str::<IgnoredAny>(&text[..end]).is_ok(), "{text:?}");
        }
    }

    fn nested() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[ -!#-\\[\\]-~é€😀]{0,30}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[a-zé]{0,12}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_kubectl_prints_is_read(value in nested()) {
            for text in [serde_json::to_string_pretty(&value).unwrap(), value.to_string()] {
                prop_assert_eq!(read::<Value>(&text), Some((value.clone(), text.len())));
                prop_assert_eq!(read::<IgnoredAny>(&text).map(|(_, end)| end), Some(text.len()));
            }
        }

        #[test]
        fn what_is_read_is_json(value in nested(), at in any::<prop::sample::Index>(), other in "[\\PC\0-\u{20}\"\\\\\\[\\]{},:0-9eE+.-]{0,3}") {
            let text = serde_json::to_string_pretty(&value).unwrap();
            let (mut start, mut end) = (at.index(text.len()), at.index(text.len()) + 1);
            while !text.is_char_boundary(start) { start -= 1; }
            while !text.is_char_boundary(end) { end += 1; }
            assert_sound(&format!("{}{other}{}", &text[..start], &text[end..]));
            assert_sound(&format!("{}{other}{}", &text[..start], &text[start..]));
        }

        #[test]
        fn any_text_is_read_soundly(text in "[ \n\"\\\\a\\[\\]{},:0-9eEtruefalsn+.-]{0,24}") {
            assert_sound(&text);
        }
    }

    #[test]
    fn odd_things_are_left_to_others() {
        for text in ["\"a\\n\"", "1.0", "1e3", "-0", "99999999999999999999", "{\"a\\u0062\": 1}"] {
            assert_eq!(read::<Value>(text), None, "{text}");
            assert!(read::<IgnoredAny>(text).is_some(), "{text}");
            assert_sound(text);
        }
        for text in [
            "",
            "01",
            "-",
            "1.",
            "1e",
            ".5",
            "+1",
            "nul",
            "\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\n\"",
            "[1,]",
            "{,}",
            "[1}",
        ] {
            assert!(read::<IgnoredAny>(text).is_none_or(|(_, end)| end < text.len()), "{text}");
            assert_sound(text);
        }
        let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(read::<IgnoredAny>(&deep(64)).is_some() && read::<IgnoredAny>(&deep(66)).is_none());
        assert!(read::<Value>(&deep(64)).is_some() && read::<Value>(&deep(65)).is_none());
        assert_eq!(read::<Value>(&json!({"a": [1, "b", null]}).to_string()).map(|(_, end)| end), Some(18));
    }

    #[test]
    fn objects_are_no_lists() {
        use crate::k8s::LabelSelector;
        assert!(read::<LabelSelector>("{\"matchLabels\": {\"a\": null}}").is_some());
        assert!(read::<LabelSelector>("[null, null]").is_none());
    }
}
