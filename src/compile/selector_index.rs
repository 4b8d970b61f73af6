//! An index of label sets, to find those that a selector matches without looking at each.
//!
//! Posting lists from key and key=value to the items that carry them; a selector is a few set operations on those.
//! Roaring bitmaps keep the lists small whether they are sparse or dense.

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use crate::label::{DomainId, KeyId, LabelSet, LabelValue, Operator, Requirement, Selector, Truth, ValueId};

/// Posting lists over items numbered from 0, in the order given.
#[derive(Debug, Default)]
pub(super) struct SelectorIndex {
    count: u32,
    /// Items with this known value.
    values: FxHashMap<(KeyId, ValueId), RoaringBitmap>,
    keys: FxHashMap<KeyId, Postings>,
    /// Items whose unlisted keys are unknown.
    incomplete: RoaringBitmap,
    /// Items whose unlisted keys of a domain are unknown.
    reserved: FxHashMap<DomainId, RoaringBitmap>,
}

#[derive(Debug, Default)]
struct Postings {
    /// Items that surely have the key.
    present: RoaringBitmap,
    /// Items that have the key with a value nobody knows.
    unvalued: RoaringBitmap,
    /// Items of which not even the presence of the key is known, as far as it is listed.
    unknown: RoaringBitmap,
}

/// The items a selector matches.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Matches {
    /// Surely.
    pub(super) sure: RoaringBitmap,
    /// Surely or perhaps; a superset of `sure`.
    pub(super) possible: RoaringBitmap,
}

impl Matches {
    /// Surely these.
    pub(super) fn all(items: std::ops::Range<u32>) -> Self {
        let mut all = RoaringBitmap::new();
        all.insert_range(items);
        Self { sure: all.clone(), possible: all }
    }

    /// The items, ascending, and how surely each matches.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, Truth)> {
        let all_sure = self.sure.len() == self.possible.len();
        self.possible.iter().map(move |item| {
            let sure = all_sure || self.sure.contains(item);
            (item, if sure { Truth::Yes } else { Truth::Unknown })
        })
    }
}

impl SelectorIndex {
    pub(super) fn new<'a>(items: impl IntoIterator<Item = &'a LabelSet>) -> Self {
        let mut index = Self::default();
        for (item, labels) in (0..).zip(items) {
            for &(key, value) in labels.entries() {
                let postings = index.keys.entry(key).or_default();
                match value {
                    LabelValue::Known(value) => {
                        postings.present.insert(item);
                        index.values.entry((key, value)).or_default().insert(item);
                    }
                    LabelValue::Present => {
                        postings.present.insert(item);
                        postings.unvalued.insert(item);
                    }
                    LabelValue::Unknown => {
                        postings.unknown.insert(item);
                    }
                }
            }
            if !labels.is_complete() {
                index.incomplete.insert(item);
            }
            for &domain in labels.reserved() {
                index.reserved.entry(domain).or_default().insert(item);
            }
            index.count = item + 1;
        }
        index
    }

    /// Every item.
    pub(super) fn all(&self) -> Matches {
        Matches::all(0..self.count)
    }

    /// Keeps those of `matches` that a selector matches too.
    pub(super) fn matches(&self, selector: &Selector, mut matches: Matches) -> Matches {
        for requirement in selector.requirements() {
            self.restrict(&mut matches, requirement);
            if matches.possible.is_empty() {
                break;
            }
        }
        matches
    }

    /// The same where nothing is unknown; `present` has the key. Only `items` is changed and nothing else built, since
    /// it is often a few pods of one namespace, and labels are spread over all.
    fn restrict_known(&self, items: &mut RoaringBitmap, requirement: &Requirement, present: &RoaringBitmap) {
        let mut with_values =
            requirement.values.iter().filter_map(|&value| self.values.get(&(requirement.key, value)));
        match (requirement.operator, &requirement.values[..]) {
            (Operator::In, [_]) => match with_values.next() {
                Some(with_value) => keep(items, with_value),
                None => items.clear(),
            },
            (Operator::In, _) => {
                let mut any = RoaringBitmap::new();
                for with_value in with_values {
                    any |= common(items, with_value);
                }
                *items = any;
            }
            (Operator::NotIn, _) => {
                for with_value in with_values {
                    take_out(items, with_value);
                }
            }
            (Operator::Exists, _) => keep(items, present),
            (Operator::DoesNotExist, _) => take_out(items, present),
        }
    }

    /// Keeps what satisfies one requirement; the cases are those of [`Requirement::accepts`].
    fn restrict(&self, matches: &mut Matches, requirement: &Requirement) {
        let none = Postings::default();
        let postings = self.keys.get(&requirement.key).unwrap_or(&none);
        let reserved = requirement.domain.and_then(|domain| self.reserved.get(&domain));
        if postings.unvalued.is_empty()
            && postings.unknown.is_empty()
            && self.incomplete.is_empty()
            && reserved.is_none()
        {
            let is_certain = matches.possible == matches.sure;
            self.restrict_known(&mut matches.possible, requirement, &postings.present);
            if is_certain {
                matches.sure.clone_from(&matches.possible);
            } else {
                self.restrict_known(&mut matches.sure, requirement, &postings.present);
            }
            return;
        }
        // Items of which nothing is known for this key.
        let unknown = || {
            let unlisted = reserved.map_or_else(|| self.incomplete.clone(), |items| &self.incomplete | items);
            &postings.unknown | (unlisted - &postings.present - &postings.unknown)
        };
        let valued = || {
            let mut items = RoaringBitmap::new();
            for &value in &requirement.values {
                if let Some(with_value) = self.values.get(&(requirement.key, value)) {
                    items |= with_value;
                }
            }
            items
        };
        match requirement.operator {
            Operator::In => {
                let sure = valued();
                matches.possible &= &sure | &postings.unvalued | unknown();
                matches.sure &= sure;
            }
            Operator::NotIn => {
                let refused = valued();
                matches.possible -= &refused;
                matches.sure -= refused | &postings.unvalued | unknown();
            }
            Operator::Exists => {
                matches.possible &= &postings.present | unknown();
                matches.sure &= &postings.present;
            }
            Operator::DoesNotExist => {
                matches.possible -= &postings.present;
                matches.sure -= &postings.present | unknown();
            }
        }
    }
}

/// Takes few items out of few: from a range, others would be removed one by one, those that are not there too.
fn take_out(items: &mut RoaringBitmap, others: &RoaringBitmap) {
    let there = common(items, others);
    *items -= there;
}

/// Takes all out but those of `others`.
fn keep(items: &mut RoaringBitmap, others: &RoaringBitmap) {
    match looked_up(items, others) {
        Some(common) => *items = common,
        None => *items &= others,
    }
}

/// The items that are in both.
fn common(some: &RoaringBitmap, others: &RoaringBitmap) -> RoaringBitmap {
    looked_up(some, others).unwrap_or_else(|| some & others)
}

/// The items that are in both, if one side has so few that to look each up is cheaper than to go through both.
fn looked_up(some: &RoaringBitmap, others: &RoaringBitmap) -> Option<RoaringBitmap> {
    const STEPS_TO_LOOK_UP: u64 = 16;
    let (few, many) = if some.len() < others.len() { (some, others) } else { (others, some) };
    (few.len() * STEPS_TO_LOOK_UP < many.len())
        .then(|| few.iter().filter(|&item| many.contains(item)).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::index::Id;

    /// Label sets of which everything is known, or some things are not.
    fn label_sets(known: bool) -> impl Strategy<Value = Vec<LabelSet>> {
        let value = (0usize..if known { 3 } else { 5 }).prop_map(|value| match value {
            0..3 => LabelValue::Known(ValueId::from_index(value)),
            3 => LabelValue::Present,
            _ => LabelValue::Unknown,
        });
        let complete = prop::bool::weighted(if known { 1.0 } else { 0.8 });
        let reserved = prop::bool::weighted(if known { 0.0 } else { 0.3 });
        let entries = prop::collection::vec((0usize..3, value), 0..4);
        let set = (entries, complete, reserved).prop_map(|(entries, complete, reserved)| {
            let entries = entries.into_iter().map(|(key, value)| (KeyId::from_index(key), value)).collect();
            let domains = reserved.then(|| DomainId::from_index(0)).into_iter().collect();
            LabelSet::new(entries, complete).with_reserved(domains)
        });
        prop::collection::vec(set, 0..20)
    }

    fn selector() -> impl Strategy<Value = Selector> {
        let requirement = (0usize..4, 0usize..4, prop::collection::btree_set(0usize..3, 1..3)).prop_map(
            |(key, operator, values)| {
                let (operator, valued) = [
                    (Operator::In, true),
                    (Operator::NotIn, true),
                    (Operator::Exists, false),
                    (Operator::DoesNotExist, false),
                ][operator];
                let values = values.into_iter().filter(|_| valued).map(ValueId::from_index).collect();
                // A key belongs to one domain, or to none.
                let domain = (key < 2).then(|| DomainId::from_index(key));
                Requirement { key: KeyId::from_index(key), domain, operator, values }
            },
        );
        prop::collection::vec(requirement, 0..4).prop_map(Selector::new)
    }

    proptest! {
        #[test]
        fn posting_lists_agree_with_looking_at_every_item(
            items in prop_oneof![label_sets(true), label_sets(false)],
            selector in selector(),
            (from, to) in (0u32..20, 0u32..20),
        ) {
            let index = SelectorIndex::new(&items);
            let scope = from.min(items.len() as u32)..to.min(items.len() as u32);
            for (scope, within) in [(0..u32::MAX, index.all()), (scope.clone(), Matches::all(scope))] {
                let matches = index.matches(&selector, within);
                for (item, labels) in (0..).zip(&items) {
                    let inside = scope.contains(&item);
                    let expected = if inside { selector.matches(labels) } else { Truth::No };
                    prop_assert_eq!(matches.sure.contains(item), expected.sure(), "item {}", item);
                    prop_assert_eq!(matches.possible.contains(item), expected.possible(), "item {}", item);
                }
            }
        }
    }
}
