//! Values that an object has in the same words as the object before it, and that need not be read again.
//!
//! Equal texts are equal values, and a text that was read as a value ends where the value ends. So where the next bytes
//! are the text of the same value of the object before, that is what comes here.

/// The name of all values that nobody reads.
pub(super) const SKIPPED: &str = "skipped";

/// Most values of an object that are remembered: far more than any pod has.
const MOST: usize = 256;

/// The values of an object and of the one before it, in the order in which they ended.
#[derive(Default)]
pub(super) struct Repeats<'t> {
    before: Vec<Value<'t>>,
    /// Number of values of `before` that have been compared.
    compared: usize,
    now: Vec<Value<'t>>,
}

struct Value<'t> {
    name: &'static str,
    text: &'t str,
    is_as_before: bool,
}

impl<'t> Repeats<'t> {
    /// The text of the next value of that name in the object before, if `rest` begins with it: it comes here as well.
    pub(super) fn take(&mut self, name: &'static str, rest: &str) -> Option<&'t str> {
        let place = self.before[self.compared..].iter().position(|value| value.name == name)?;
        let text = self.before[self.compared + place].text;
        let is_as_before = rest.starts_with(text);
        if is_as_before {
            self.now.push(Value { name, text, is_as_before });
        }
        // If a value with a name is another one, what is in it may still be the same, and that ended before it.
        if is_as_before || name == SKIPPED {
            self.compared += place + 1;
        }
        is_as_before.then_some(text)
    }

    /// A value was read.
    pub(super) fn read(&mut self, name: &'static str, text: &'t str) {
        // Nothing else says where it ends.
        if text.starts_with(['{', '[']) && self.now.len() < MOST {
            self.now.push(Value { name, text, is_as_before: false });
        }
    }

    /// True if a value of that name was taken from the object before.
    pub(super) fn is_as_before(&self, name: &str) -> bool {
        self.now.iter().any(|value| value.is_as_before && value.name == name)
    }

    /// True if any value was taken from the object before.
    pub(super) fn is_any_as_before(&self) -> bool {
        self.now.iter().any(|value| value.is_as_before)
    }

    /// Another object comes, and may repeat this one.
    pub(super) fn next(&mut self) {
        std::mem::swap(&mut self.before, &mut self.now);
        self.now.clear();
        self.compared = 0;
    }

    /// Another object comes, and has nothing to repeat.
    pub(super) fn forget(&mut self) {
        self.next();
        self.before.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_in_their_order() {
        let mut repeats = Repeats::default();
        assert_eq!(repeats.take("a", "[1]"), None);
        for (name, text) in [("a", "[1]"), (SKIPPED, "{}"), ("b", "null"), (SKIPPED, "[2]"), ("c", "[3]")] {
            repeats.read(name, text);
        }
        repeats.next();
        assert_eq!(repeats.take("b", "null"), None, "a word may be longer");
        assert_eq!(repeats.take("a", "[1], and more"), Some("[1]"));
        assert_eq!(repeats.take(SKIPPED, "{ }"), None);
        assert_eq!(repeats.take(SKIPPED, "[2]]"), Some("[2]"));
        assert_eq!(repeats.take("a", "[1]"), None, "it has been");
        assert_eq!(repeats.take("c", "[3"), None);
        assert!(repeats.is_as_before("a") && !repeats.is_as_before("c"));
        repeats.next();
        assert_eq!(repeats.take("a", "[1]"), Some("[1]"));
        repeats.forget();
        assert_eq!(repeats.take("a", "[1]"), None);
    }
}
