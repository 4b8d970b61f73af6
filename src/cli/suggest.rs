//! Names that were probably meant.

/// The candidate nearest to `wanted`, if it is near enough to be a slip of the keyboard.
pub(super) fn nearest<'c>(wanted: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let limit = (wanted.chars().count() / 3).max(1);
    let folded = wanted.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&folded, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_and_nothing_else() {
        let known = ["json", "yaml", "podCIDR"];
        assert_eq!(nearest("jsno", known), Some("json"));
        assert_eq!(nearest("podCidr", known), Some("podCIDR"));
        assert_eq!(nearest("table", known), None);
        assert_eq!(nearest("", known), None);
    }
}
