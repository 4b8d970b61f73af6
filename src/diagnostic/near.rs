//! Names that were probably meant.

/// The few names closest to `wanted`, best first: those that a slip of the keyboard makes of it.
pub fn nearest(wanted: &str, names: impl Iterator<Item = String>) -> Vec<String> {
    let names: Vec<String> = names.collect();
    nearest_by(wanted, names.iter().map(|name| (name.as_str(), name.clone())))
}

/// The same for things that go by one name and are shown by another.
pub fn nearest_by<'n>(wanted: &str, names: impl Iterator<Item = (&'n str, String)>) -> Vec<String> {
    let limit = (wanted.chars().count() / 3).max(1);
    let mut close: Vec<(usize, String)> = names
        .filter(|(name, _)| name.len().abs_diff(wanted.len()) <= limit)
        .map(|(name, shown)| (strsim::damerau_levenshtein(wanted, name), shown))
        .filter(|(distance, _)| *distance <= limit)
        .collect();
    close.sort();
    close.dedup();
    close.into_iter().take(3).map(|(_, name)| name).collect()
}
