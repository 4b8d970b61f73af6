//! Labels and selectors as they are evaluated: interned, three-valued.
//!
//! Owns the rules L1 to L14 over facts that may be unknown. A [`LabelSet`] says of each key whether its value is
//! known, present with a value nobody wrote down, or not known at all; [`Selector::matches`] answers in Kleene logic,
//! requirement by requirement. Validation of what users wrote is the business of [`crate::policy`].

mod reserved;

use crate::set::Interner;

crate::define_id! {
    /// An interned label key.
    KeyId,
    /// An interned label value.
    ValueId,
    /// An interned domain of keys that controllers add.
    DomainId,
    /// An interned [`LabelSet`].
    LabelSetId,
    /// An interned [`Selector`].
    SelectorId,
}

/// The answer to a question about facts that may be unknown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Truth {
    /// Surely not.
    No,
    /// The input does not decide it.
    Unknown,
    /// Surely.
    Yes,
}

impl Truth {
    /// Both: the lesser of the two.
    #[must_use]
    #[inline]
    pub fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// Either: the greater of the two.
    #[must_use]
    #[inline]
    pub fn or(self, other: Self) -> Self {
        self.max(other)
    }

    /// `Yes` or `No`.
    #[inline]
    pub fn from_bool(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }

    /// True if the answer could be yes.
    #[inline]
    pub fn possible(self) -> bool {
        self != Self::No
    }

    /// True if the answer is surely yes.
    #[inline]
    pub fn sure(self) -> bool {
        self == Self::Yes
    }
}

impl std::ops::Not for Truth {
    type Output = Self;
    fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
            Self::Yes => Self::No,
        }
    }
}

/// The value of one label key, as far as it is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LabelValue {
    /// The key is present with this value.
    Known(ValueId),
    /// The key is present; a controller chooses the value (W25).
    Present,
    /// Neither presence nor value is known.
    Unknown,
}

/// The labels of a pod or a namespace, as far as they are known.
///
/// INVARIANT: `entries` is sorted by key, no key twice.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LabelSet {
    entries: Box<[(KeyId, LabelValue)]>,
    complete: bool,
    /// Domains of which nothing is known but what is listed, because a controller may add their keys. Sorted.
    reserved: Box<[DomainId]>,
}

impl LabelSet {
    /// Labels from entries in any order; a later entry for the same key wins. With `complete`, keys that are not
    /// listed are absent; without, nothing is known of them.
    pub fn new(mut entries: Vec<(KeyId, LabelValue)>, complete: bool) -> Self {
        entries.sort_by_key(|&(key, _)| key);
        entries.reverse();
        entries.dedup_by_key(|&mut (key, _)| key);
        entries.reverse();
        Self { entries: entries.into(), complete, reserved: Box::default() }
    }

    /// The same labels, where a controller may add keys of these domains.
    #[must_use]
    pub fn with_reserved(mut self, mut domains: Vec<DomainId>) -> Self {
        domains.sort_unstable();
        domains.dedup();
        self.reserved = domains.into();
        self
    }

    /// The value of a key of this domain, as far as it is known: `None` means surely absent.
    #[inline]
    pub fn get_in(&self, domain: Option<DomainId>, key: KeyId) -> Option<LabelValue> {
        let may_be_added = || domain.is_some_and(|domain| self.reserved.contains(&domain));
        self.get(key).or_else(|| may_be_added().then_some(LabelValue::Unknown))
    }

    /// The value of a key that no controller adds, as far as it is known: `None` means surely absent.
    #[inline]
    pub fn get(&self, key: KeyId) -> Option<LabelValue> {
        match self.entries.binary_search_by_key(&key, |&(k, _)| k) {
            Ok(i) => Some(self.entries[i].1),
            Err(_) => (!self.complete).then_some(LabelValue::Unknown),
        }
    }

    /// The listed entries, by key id.
    #[inline]
    pub fn entries(&self) -> &[(KeyId, LabelValue)] {
        &self.entries
    }

    /// The domains whose keys a controller may add, sorted.
    #[inline]
    pub fn reserved(&self) -> &[DomainId] {
        &self.reserved
    }

    /// True if keys that are not listed are surely absent, but for those that a controller may add.
    #[inline]
    pub fn is_complete(&self) -> bool {
        self.complete
    }
}

/// The comparison of a requirement.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Operator {
    /// Present with one of the values (L3).
    In,
    /// Absent, or present with none of the values (L4).
    NotIn,
    /// Present (L5).
    Exists,
    /// Absent (L6).
    DoesNotExist,
}

/// One condition of a selector.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Requirement {
    /// The label key.
    pub key: KeyId,
    /// The domain of the key, if it is one that controllers add.
    pub domain: Option<DomainId>,
    /// Its comparison.
    pub operator: Operator,
    /// Sorted, without repetition; empty for `Exists` and `DoesNotExist`.
    pub values: Box<[ValueId]>,
}

impl Requirement {
    /// Truth of the requirement for these labels.
    pub fn accepts(&self, labels: &LabelSet) -> Truth {
        self.operator.accepts(&self.values, labels.get_in(self.domain, self.key))
    }
}

impl Operator {
    /// Truth of this comparison of a label's `value` with `values`.
    pub fn accepts(self, values: &[ValueId], value: Option<LabelValue>) -> Truth {
        match (self, value) {
            (Self::In, None) => Truth::No,
            (Self::In, Some(LabelValue::Known(v))) => Truth::from_bool(values.contains(&v)),
            (Self::NotIn, None) => Truth::Yes,
            (Self::NotIn, Some(LabelValue::Known(v))) => Truth::from_bool(!values.contains(&v)),
            (Self::In | Self::NotIn, Some(LabelValue::Present)) | (_, Some(LabelValue::Unknown)) => {
                Truth::Unknown
            }
            (Self::Exists, value) => Truth::from_bool(value.is_some()),
            (Self::DoesNotExist, value) => Truth::from_bool(value.is_none()),
        }
    }
}

/// A validated label selector: all requirements must hold (L2); none at all selects everything.
///
/// INVARIANT: `requirements` is sorted and free of repetition, so that equal selectors are equal values.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Selector {
    requirements: Box<[Requirement]>,
}

impl Selector {
    /// A selector from requirements in any order.
    pub fn new(mut requirements: Vec<Requirement>) -> Self {
        requirements.sort_unstable();
        requirements.dedup();
        Self { requirements: requirements.into() }
    }

    /// The requirements, sorted.
    #[inline]
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// True if it selects everything.
    #[inline]
    pub fn is_everything(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Truth of two label sets having every key that it asks for, each with one value in both.
    pub fn same_values(&self, one: &LabelSet, other: &LabelSet) -> Truth {
        self.compared(one, other).map(|(both, same)| both.and(same)).fold(Truth::Yes, Truth::and)
    }

    /// Truth of two label sets having every key that it asks for, at least one with different values.
    pub fn other_values(&self, one: &LabelSet, other: &LabelSet) -> Truth {
        let (mut all, mut any) = (Truth::Yes, Truth::No);
        for (both, same) in self.compared(one, other) {
            all = all.and(both);
            any = any.or(!same);
        }
        all.and(any)
    }

    /// For each key: the truth of both sets having it, and of its values being the same if they do.
    fn compared(&self, one: &LabelSet, other: &LabelSet) -> impl Iterator<Item = (Truth, Truth)> {
        self.requirements.iter().map(move |Requirement { key, domain, .. }| {
            let values = [one, other].map(|labels| labels.get_in(*domain, *key));
            let [has, other_has] = values.map(|value| Operator::Exists.accepts(&[], value));
            let same = match values {
                [Some(LabelValue::Known(one)), Some(LabelValue::Known(other))] => {
                    Truth::from_bool(one == other)
                }
                _ => Truth::Unknown,
            };
            (has.and(other_has), same)
        })
    }

    /// Truth of all requirements for these labels.
    pub fn matches(&self, labels: &LabelSet) -> Truth {
        self.requirements.iter().map(|r| r.accepts(labels)).fold(Truth::Yes, Truth::and)
    }
}

/// Everything interned about labels: keys, values, label sets, selectors.
#[derive(Clone, Debug, Default)]
pub struct LabelTable {
    /// Label keys.
    pub keys: Interner<KeyId, Box<str>>,
    /// Domains of keys that controllers add.
    pub domains: Interner<DomainId, Box<str>>,
    /// Label values.
    pub values: Interner<ValueId, Box<str>>,
    /// Label sets of pods and namespaces.
    pub sets: Interner<LabelSetId, LabelSet>,
    /// Selectors of policies.
    pub selectors: Interner<SelectorId, Selector>,
}

impl LabelTable {
    /// The domain of a key, if it is one that controllers add.
    pub fn domain(&mut self, key: &str) -> Option<DomainId> {
        reserved::domain_of_key(key).map(|domain| self.domains.intern(domain))
    }

    /// The same, if some key of the domain is known already.
    pub fn known_domain(&self, key: &str) -> Option<DomainId> {
        self.domains.get(reserved::domain_of_key(key)?)
    }

    /// A requirement, in the words of this table.
    pub(crate) fn requirement<'v>(
        &mut self,
        key: &str,
        operator: Operator,
        values: impl Iterator<Item = &'v str>,
    ) -> Requirement {
        let mut values: Vec<ValueId> = values.map(|value| self.values.intern(value)).collect();
        values.sort_unstable();
        values.dedup();
        Requirement { key: self.keys.intern(key), domain: self.domain(key), operator, values: values.into() }
    }

    /// A selector of another table.
    pub(crate) fn adopt(&mut self, other: &Self, selector: SelectorId) -> SelectorId {
        let requirements = other.selectors[selector].requirements().iter().map(|requirement| {
            let values = requirement.values.iter().map(|&value| &*other.values[value]);
            self.requirement(&other.keys[requirement.key], requirement.operator, values)
        });
        let selector = Selector::new(requirements.collect());
        self.selectors.intern_owned(selector)
    }

    /// The domains whose keys the controllers of an API group may add to pods.
    pub fn domains_of_group(&mut self, group: &str) -> Vec<DomainId> {
        reserved::domains_of_group(group).map(|domain| self.domains.intern(domain)).collect()
    }
}
