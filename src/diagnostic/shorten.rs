//! Values of foreign files in messages, cut where they are long.

use std::borrow::Cow;

/// The most characters of a value.
const VALUE: usize = 80;

/// The most characters of a message: its own words, and some values.
const MESSAGE: usize = 2_000;

/// A message whose values, which stand in quotes or backticks, have at most 80 characters each; of longer ones the
/// beginning is kept, and `…` says so.
pub fn shortened(message: &str) -> Cow<'_, str> {
    if message.len() <= VALUE {
        return Cow::Borrowed(message);
    }
    let mut short = String::new();
    let mut rest = message;
    while let Some(open) = rest.find(['"', '`']) {
        let (before, quoted) = rest.split_at(open);
        let quote = quoted.as_bytes()[0];
        let value = &quoted[1..];
        let length = length(value.as_bytes(), quote);
        short.push_str(before);
        short.push(char::from(quote));
        short.push_str(&cut(&value[..length], VALUE));
        rest = &value[length..];
        // The quote that ends it, if there is one.
        let closing = rest.len().min(1);
        short.push_str(&rest[..closing]);
        rest = &rest[closing..];
        if short.len() > MESSAGE {
            break;
        }
    }
    short.push_str(rest);
    let short = cut(&short, MESSAGE).into_owned();
    if short == message { Cow::Borrowed(message) } else { Cow::Owned(short) }
}

/// The beginning of a text that has more than so many characters.
pub fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// Number of bytes of a text before the quote that ends it; in double quotes a backslash escapes one.
fn length(text: &[u8], quote: u8) -> usize {
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            byte if byte == quote => return at,
            b'\\' if quote == b'"' => at += 1 + usize::from(text.get(at + 1).is_some_and(u8::is_ascii)),
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn long_values_are_cut() {
        let long = "x".repeat(100);
        let cut = format!("{}…", "x".repeat(80));
        for (message, expected) in [
            ("short".to_owned(), "short".to_owned()),
            (
                format!("Invalid value: \"{long}\": must be shorter"),
                format!("Invalid value: \"{cut}\": must be shorter"),
            ),
            (format!("`{long}` is not `{long}`"), format!("`{cut}` is not `{cut}`")),
            (
                format!("say \"{}\\\"{long}\" twice", "x".repeat(78)),
                format!("say \"{}\\\"…\" twice", "x".repeat(78)),
            ),
            (format!("no end `{long}"), format!("no end `{cut}")),
            ("ä".repeat(100), "ä".repeat(100)),
            (format!("`{}`", "ä".repeat(100)), format!("`{}…`", "ä".repeat(80))),
        ] {
            assert_eq!(shortened(&message), expected);
        }
        assert_eq!(shortened(&"`a`".repeat(10_000)).chars().count(), MESSAGE + 1);
        assert_eq!(shortened(&"word ".repeat(10_000)).chars().count(), MESSAGE + 1);
    }

    proptest! {
        #[test]
        fn whatever_it_says_it_has_a_bound(message in "[a\"`\\\\ä ]{0,400}") {
            let short = shortened(&message);
            prop_assert!(short.chars().count() <= message.chars().count());
            if !message.contains(['"', '`']) {
                prop_assert_eq!(&short, &message);
            }
        }
    }
}
