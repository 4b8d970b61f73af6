//! Patterns for paths, as shells and `.gitignore` files write them.

use std::path::Path;
use std::str::FromStr;

/// A pattern for paths: `*` and `?` stand for any characters but `/`, `**` for any at all, `[a-z]` and `[!a-z]` for one of
/// some.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Glob(Vec<Part>);

/// A piece of a pattern.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    One(char),
    AnyOne,
    OneOf { ranges: Vec<(char, char)>, negated: bool },
    Any { slashes: bool },
}

/// The reason why a text is no pattern.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum GlobError {
    /// Nothing is in it.
    #[error("the pattern is empty")]
    Empty,
    /// A bracket is left open.
    #[error("a `[` has no `]`")]
    Bracket,
}

impl FromStr for Glob {
    type Err = GlobError;

    fn from_str(text: &str) -> Result<Self, GlobError> {
        let text = text.strip_prefix("./").unwrap_or(text).trim_end_matches('/');
        if text.is_empty() {
            return Err(GlobError::Empty);
        }
        let mut parts = Vec::new();
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            parts.push(match c {
                '*' if rest.next_if_eq(&'*').is_some() => {
                    // `**/x` is `x` too.
                    rest.next_if_eq(&'/');
                    Part::Any { slashes: true }
                }
                '*' => Part::Any { slashes: false },
                '?' => Part::AnyOne,
                '[' => {
                    let negated = rest.next_if(|c| matches!(c, '!' | '^')).is_some();
                    let mut ranges = Vec::new();
                    loop {
                        let first = rest.next().ok_or(GlobError::Bracket)?;
                        if first == ']' && !ranges.is_empty() {
                            break;
                        }
                        let mut last = first;
                        if rest.next_if_eq(&'-').is_some() {
                            match rest.next().ok_or(GlobError::Bracket)? {
                                ']' => {
                                    ranges.extend([(first, first), ('-', '-')]);
                                    break;
                                }
                                end => last = end,
                            }
                        }
                        ranges.push((first, last));
                    }
                    Part::OneOf { ranges, negated }
                }
                c => Part::One(c),
            });
        }
        Ok(Self(parts))
    }
}

impl Glob {
    /// True if the whole path fits, or its last part does.
    pub fn fits(&self, path: &Path) -> bool {
        let last = path.file_name().map(|name| name.to_string_lossy());
        self.fits_text(&path.to_string_lossy()) || last.is_some_and(|last| self.fits_text(&last))
    }

    fn fits_text(&self, text: &str) -> bool {
        // Which beginnings of the pattern fit what was read so far.
        let mut fit = vec![false; self.0.len() + 1];
        fit[0] = true;
        self.skip_any(&mut fit);
        for c in text.chars() {
            let mut next = vec![false; fit.len()];
            for (at, part) in self.0.iter().enumerate().filter(|(at, _)| fit[*at]) {
                match part {
                    Part::Any { slashes } => next[at] |= *slashes || c != '/',
                    Part::One(wanted) => next[at + 1] |= c == *wanted,
                    Part::AnyOne => next[at + 1] |= c != '/',
                    Part::OneOf { ranges, negated } => {
                        let within = ranges.iter().any(|(first, last)| (*first..=*last).contains(&c));
                        next[at + 1] |= c != '/' && within != *negated;
                    }
                }
            }
            fit = next;
            self.skip_any(&mut fit);
        }
        fit[self.0.len()]
    }

    /// A part that stands for anything stands for nothing, too.
    fn skip_any(&self, fit: &mut [bool]) {
        for (at, part) in self.0.iter().enumerate() {
            if fit[at] && matches!(part, Part::Any { .. }) {
                fit[at + 1] = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_paths_and_their_last_parts() {
        for (pattern, path, expected) in [
            ("oidc-secret.yaml", "oidc-secret.yaml", true),
            ("oidc-secret.yaml", "a/b/oidc-secret.yaml", true),
            ("*.enc.yaml", "a/x.enc.yaml", true),
            ("*.yaml", "a/x.yml", false),
            ("a/*.yaml", "a/x.yaml", true),
            ("a/*.yaml", "b/a/x.yaml", false),
            ("a/*.yaml", "a/b/x.yaml", false),
            ("a/**", "a/b/x.yaml", true),
            ("**/secrets/*", "secrets/x.yaml", true),
            ("**/secrets/*", "a/b/secrets/x.yaml", true),
            ("secrets/", "a/secrets", true),
            ("./a/x.yaml", "a/x.yaml", true),
            ("?.yaml", "ä.yaml", true),
            ("[a-c]*.yaml", "b1.yaml", true),
            ("[!a-c]*.yaml", "b1.yaml", false),
            ("[]-]", "]", true),
            ("[]-]", "-", true),
            ("[]-]", "a", false),
            ("**", "anything/at/all", true),
        ] {
            let glob: Glob = pattern.parse().unwrap();
            assert_eq!(glob.fits(Path::new(path)), expected, "{pattern} {path}");
        }
        assert_eq!("".parse::<Glob>(), Err(GlobError::Empty));
        assert_eq!("a[b".parse::<Glob>(), Err(GlobError::Bracket));
    }

    #[test]
    fn many_stars_take_no_time() {
        let glob: Glob = "*a".repeat(500).parse().unwrap();
        assert!(!glob.fits(Path::new(&"a".repeat(400))));
    }
}
