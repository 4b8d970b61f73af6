//! The type and value that kubectl gives a scalar of a manifest.
//!
//! kubectl reads YAML 1.1 with habits of its own: `yes` is a boolean, `010` is eight, `080` is eighty, `1_000` is a
//! thousand, and `80.0` is the integer 80, because everything passes through JSON. Owns that table and nothing else.

use std::borrow::Cow;

/// A scalar with its type decided.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Scalar<'t> {
    /// `~`, `null`, or nothing at all.
    Null,
    /// `true`, `yes`, `on`, ...
    Bool(bool),
    /// An integer, also when it was written as `80.0`.
    Int(i64),
    /// Any other finite number.
    Float(f64),
    /// Everything else, and whatever is quoted.
    String(Cow<'t, str>),
}

/// The reason why a scalar cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ScalarError(pub(super) String);

impl<'t> Scalar<'t> {
    /// A number; integral ones are integers.
    pub(super) fn number(value: f64) -> Self {
        // Up to 2^63 the conversion to an integer is exact.
        if value.fract() == 0.0 && value.abs() < 9_223_372_036_854_775_808.0 {
            Self::Int(value as i64)
        } else {
            Self::Float(value)
        }
    }

    /// The scalar that `text` is: `plain` when it is written without quotes, `tag` the name of a tag of the YAML
    /// repository such as `int`, or any other tag.
    pub(super) fn resolve(
        text: Cow<'t, str>,
        plain: bool,
        tag: Option<Tag<'_>>,
    ) -> Result<Self, ScalarError> {
        match tag {
            None if plain => Self::plain(text),
            None | Some(Tag::Other | Tag::Core("str" | "timestamp" | "merge")) => Ok(Self::String(text)),
            Some(Tag::Core("binary")) => match binary(&text) {
                Some(text) => Ok(Self::String(Cow::Owned(text))),
                None => Err(ScalarError("!!binary value is no text in base64".to_owned())),
            },
            Some(Tag::Core(wanted)) => {
                let found = Self::plain(text.clone())?;
                match (wanted, &found) {
                    ("int", Self::Int(_))
                    | ("float", Self::Int(_) | Self::Float(_))
                    | ("bool", Self::Bool(_))
                    | ("null", Self::Null) => Ok(found),
                    ("int" | "float" | "bool" | "null", _) => Err(ScalarError(format!(
                        "cannot decode {} `{text}` as a !!{wanted}",
                        found.tag_name()
                    ))),
                    _ => Ok(Self::String(text)),
                }
            }
        }
    }

    fn plain(text: Cow<'t, str>) -> Result<Self, ScalarError> {
        if is_word(&text) {
            return Ok(Self::String(text));
        }
        Ok(match &*text {
            text if is_null(text) => Self::Null,
            "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
                Self::Bool(true)
            }
            "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
                Self::Bool(false)
            }
            ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf" | "-.INF" | ".nan"
            | ".NaN" | ".NAN" => {
                return Err(ScalarError(format!("unsupported value `{text}`: JSON has no such number")));
            }
            other => match number(other) {
                Some(number) => number,
                None => Self::String(text),
            },
        })
    }

    /// The mapping key that this scalar is: JSON knows string keys only.
    #[inline]
    pub(super) fn into_key(self) -> Result<Cow<'t, str>, ScalarError> {
        match self {
            Self::Null => Err(ScalarError("a null cannot be the key of a map".to_owned())),
            Self::Bool(value) => Ok(Cow::Borrowed(if value { "true" } else { "false" })),
            Self::Int(value) => Ok(Cow::Owned(value.to_string())),
            Self::Float(value) => Ok(Cow::Owned(value.to_string())),
            Self::String(text) => Ok(text),
        }
    }

    const fn tag_name(&self) -> &'static str {
        match self {
            Self::Null => "!!null",
            Self::Bool(_) => "!!bool",
            Self::Int(_) => "!!int",
            Self::Float(_) => "!!float",
            Self::String(_) => "!!str",
        }
    }
}

/// True if an unquoted scalar is a string at first sight, as most are: it begins with a letter, and is longer than
/// any word that means something else or begins otherwise.
#[inline]
pub(super) fn is_word(text: &str) -> bool {
    let [first, second, ..] = *text.as_bytes() else { return false };
    let begins_otherwise = || {
        let two = [first.to_ascii_lowercase(), second.to_ascii_lowercase()];
        !matches!(&two, b"ye" | b"tr" | b"on" | b"no" | b"fa" | b"of" | b"nu")
    };
    first.is_ascii_alphabetic() && (text.len() > "false".len() || begins_otherwise())
}

/// True if an unquoted scalar is null.
#[inline]
pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// An explicit tag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tag<'t> {
    /// `!!int` and its like, by name.
    Core(&'t str),
    /// `!anything`: makes a string, as kubectl has it.
    Other,
}

fn number<'t>(text: &str) -> Option<Scalar<'t>> {
    match text.as_bytes().first()? {
        b'.' => decimal(text),
        b'0'..=b'9' | b'+' | b'-' => {
            let digits: Cow<'_, str> =
                if text.contains('_') { Cow::Owned(text.replace('_', "")) } else { Cow::Borrowed(text) };
            integer(&digits).or_else(|| decimal(&digits))
        }
        _ => None,
    }
}

/// An integer with Go's prefixes: `0x`, `0o`, `0b`, and `0` alone for octal.
fn integer<'t>(text: &str) -> Option<Scalar<'t>> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &unsigned[2..]),
        [b'0', b'o' | b'O', ..] => (8, &unsigned[2..]),
        [b'0', b'b' | b'B', ..] => (2, &unsigned[2..]),
        [b'0', _, ..] => (8, &unsigned[1..]),
        _ => (10, unsigned),
    };
    if !digits.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        0_i64.checked_sub_unsigned(magnitude).map(Scalar::Int)
    } else {
        #[expect(clippy::cast_precision_loss, reason = "beyond 63 bits kubectl makes a float of it too")]
        let float = magnitude as f64;
        Some(i64::try_from(magnitude).map_or(Scalar::Float(float), Scalar::Int))
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, if it is finite.
fn decimal<'t>(text: &str) -> Option<Scalar<'t>> {
    let only_number_bytes =
        text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    // Rust's own grammar is the same once words such as `inf` are out.
    let value: f64 = only_number_bytes.then(|| text.parse().ok())??;
    value.is_finite().then(|| Scalar::number(value))
}

/// The text that is written in base64, as for a Secret; blanks between the digits do not count.
fn binary(text: &str) -> Option<String> {
    let written: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let digits = written.strip_suffix(b"==").or_else(|| written.strip_suffix(b"=")).unwrap_or(&written);
    if !written.len().is_multiple_of(4) {
        return None;
    }
    let (mut bytes, mut bits, mut count) = (Vec::with_capacity(digits.len()), 0_u32, 0);
    for digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        (bits, count) = (bits << 6 | u32::from(value), count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Result<Scalar<'_>, ScalarError> {
        Scalar::resolve(Cow::Borrowed(text), true, None)
    }

    #[test]
    fn plain_scalars_mean_what_they_mean_to_kubectl() {
        // Every line was compared with the output of `kubectl annotate --local -o json`.
        let int = Scalar::Int;
        let string = |s: &'static str| Scalar::String(Cow::Borrowed(s));
        let table = [
            ("080", int(80)),
            ("010", int(8)),
            ("0x50", int(80)),
            ("0b11", int(3)),
            ("1_000", int(1000)),
            ("80.0", int(80)),
            ("0o10", int(8)),
            ("-010", int(-8)),
            ("+5", int(5)),
            ("1e3", int(1000)),
            ("1.5", Scalar::Float(1.5)),
            (".5", Scalar::Float(0.5)),
            ("5.", int(5)),
            ("1__0", int(10)),
            ("09", int(9)),
            ("-0x10", int(-16)),
            ("+0x10", int(16)),
            ("1_0.5", Scalar::Float(10.5)),
            ("-0.0", int(0)),
            ("1e-3", Scalar::Float(0.001)),
            ("0xFFFFFFFFFFFFFFFF", Scalar::Float(18_446_744_073_709_551_615.0)),
            ("-9223372036854775808", int(i64::MIN)),
            ("-9223372036854775809", Scalar::Float(-9_223_372_036_854_775_808.0)),
            ("0x", string("0x")),
            ("0xG", string("0xG")),
            ("0b102", string("0b102")),
            ("_1", string("_1")),
            ("-", string("-")),
            (".", string(".")),
            ("1e400", string("1e400")),
            ("12:30:45", string("12:30:45")),
            ("2001-01-01", string("2001-01-01")),
            ("y", Scalar::Bool(true)),
            ("N", Scalar::Bool(false)),
            ("Yes", Scalar::Bool(true)),
            ("OFF", Scalar::Bool(false)),
            ("yEs", string("yEs")),
            ("tRue", string("tRue")),
            ("~", Scalar::Null),
            ("", Scalar::Null),
            ("NULL", Scalar::Null),
            ("nUll", string("nUll")),
            ("inf", string("inf")),
        ];
        for (text, expected) in table {
            // -2^63 as a float is integral but out of the exact range.
            assert_eq!(plain(text), Ok(expected), "{text}");
        }
        assert!(plain(".inf").is_err());
        assert!(plain("-.INF").is_err());
        assert!(plain(".nan").is_err());
    }

    #[test]
    fn quotes_and_tags_decide_before_the_text_does() {
        let resolve = |text, is_plain, tag| Scalar::resolve(Cow::Borrowed(text), is_plain, tag);
        assert_eq!(resolve("yes", false, None), Ok(Scalar::String("yes".into())));
        assert_eq!(resolve("80", true, Some(Tag::Core("str"))), Ok(Scalar::String("80".into())));
        assert_eq!(resolve("7", false, Some(Tag::Core("int"))), Ok(Scalar::Int(7)));
        assert_eq!(resolve("3", true, Some(Tag::Core("float"))), Ok(Scalar::Int(3)));
        assert_eq!(resolve("5", true, Some(Tag::Other)), Ok(Scalar::String("5".into())));
        assert_eq!(
            resolve("x", true, Some(Tag::Core("int"))),
            Err(ScalarError("cannot decode !!str `x` as a !!int".to_owned()))
        );
    }

    #[test]
    fn keys_are_strings() {
        let key = |text| plain(text).and_then(Scalar::into_key);
        assert_eq!(key("yes"), Ok("true".into()));
        assert_eq!(key("0x10"), Ok("16".into()));
        assert_eq!(key("1.5"), Ok("1.5".into()));
        assert!(key("~").is_err());
    }

    #[test]
    fn binary_is_text_in_base64() {
        for (written, text) in [
            ("aGk=", Some("hi")),
            ("aG\n k=", Some("hi")),
            ("", Some("")),
            ("aGls", Some("hil")),
            ("aA==", Some("h")),
            ("aGk", None),
            ("a=k=", None),
            ("/w==", None),
        ] {
            assert_eq!(binary(written).as_deref(), text, "{written}");
        }
    }
}
