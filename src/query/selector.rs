//! Label selectors as kubectl takes them: `app=web,env!=dev,tier in (a,b),!legacy`.
//!
//! Unlike the selectors of policies these are asked after the cluster was built, and need no place in its tables. What
//! is shown by them keeps pods whose labels are not known.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::cluster::{Cluster, NamespaceId, PodId};
use crate::diagnostic::nearest;
use crate::k8s::{LabelSelector, Labels};
use crate::label::{LabelSet, LabelSetId, LabelTable, LabelValue, Operator, Truth, ValueId};

/// A label selector from the command line: every condition must hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LabelQuery {
    conditions: Vec<Condition>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Condition {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

/// The error of a text that is no label selector.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected {expected} at `{rest}`")]
pub struct LabelQueryError {
    expected: &'static str,
    rest: String,
}

impl LabelQuery {
    /// The pod groups whose labels match, or might.
    pub fn pods(&self, cluster: &Cluster) -> Vec<PodId> {
        cluster
            .pods
            .enumerate()
            .filter(|(_, pod)| self.matches(&cluster.labels, &cluster.labels.sets[pod.labels]).possible())
            .map(|(id, _)| id)
            .collect()
    }

    /// For a query that matches no pod, or none of a namespace: which label is amiss, and what may be meant.
    pub fn advice(&self, cluster: &Cluster, within: Option<NamespaceId>) -> String {
        let table = &cluster.labels;
        let all = || cluster.pods.iter().filter(|pod| within.is_none_or(|id| pod.namespace == id));
        let sets: BTreeSet<LabelSetId> = all().map(|pod| pod.labels).collect();
        let matches =
            |condition: &Condition| sets.iter().any(|id| condition.holds(table, &table.sets[*id]).possible());
        let Some(amiss) = self.conditions.iter().find(|condition| !matches(condition)) else {
            return "each label by itself matches some pod, but no pod has all of them".to_owned();
        };
        let key = &amiss.key;
        let labels = || sets.iter().flat_map(|id| table.sets[*id].entries());
        if !labels().any(|(id, _)| *table.keys[*id] == **key) {
            let keys: BTreeSet<&str> = labels().map(|(id, _)| &*table.keys[*id]).collect();
            let near = nearest(key, keys.iter().map(ToString::to_string));
            return match &near[..] {
                [near, ..] => format!("no pod has a label `{key}`; did you mean `{near}`?"),
                [] if keys.is_empty() => "no pod has any label".to_owned(),
                [] => format!("no pod has a label `{key}`; there are {}", few(&keys)),
            };
        }
        let known =
            labels().filter(|(id, _)| *table.keys[*id] == **key).filter_map(|(_, value)| match value {
                LabelValue::Known(value) => Some(&*table.values[*value]),
                LabelValue::Present | LabelValue::Unknown => None,
            });
        let values: BTreeSet<&str> = known.collect();
        let near =
            amiss.values.iter().flat_map(|value| nearest(value, values.iter().map(ToString::to_string)));
        match (amiss.operator, near.into_iter().next()) {
            (Operator::In, Some(near)) => {
                format!("no pod has `{}`; did you mean `{key}={near}`?", Self::only(amiss))
            }
            (Operator::In, None) => {
                format!("no pod has `{}`; values of `{key}` are {}", Self::only(amiss), few(&values))
            }
            _ => format!("no pod has `{}`: every one has a `{key}` that it leaves out", Self::only(amiss)),
        }
    }

    fn only(condition: &Condition) -> Self {
        Self { conditions: vec![condition.clone()] }
    }

    /// A selector of the API, which must be valid.
    pub fn of(selector: &LabelSelector) -> Self {
        let equal = selector.match_labels.iter().flat_map(Labels::iter).map(|(key, value)| Condition {
            key: key.to_owned(),
            operator: Operator::In,
            values: vec![value.to_owned()],
        });
        let expressions = selector.match_expressions.iter().flat_map(|list| list.iter());
        let compared = expressions.map(|expression| Condition {
            key: expression.key.as_deref().unwrap_or_default().to_owned(),
            operator: match expression.operator.as_deref() {
                Some("NotIn") => Operator::NotIn,
                Some("Exists") => Operator::Exists,
                Some("DoesNotExist") => Operator::DoesNotExist,
                _ => Operator::In,
            },
            values: expression.values.iter().flat_map(|list| list.iter()).map(ToString::to_string).collect(),
        });
        Self { conditions: equal.chain(compared).collect() }
    }

    /// `Yes` if labels surely match, `Unknown` if they perhaps do.
    pub fn matches(&self, table: &LabelTable, labels: &LabelSet) -> Truth {
        self.conditions.iter().map(|condition| condition.holds(table, labels)).fold(Truth::Yes, Truth::and)
    }
}

/// As kubectl takes it.
impl fmt::Display for LabelQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Condition { key, operator, values }) in self.conditions.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            match (operator, &values[..]) {
                (Operator::In, [value]) => write!(f, "{comma}{key}={value}"),
                (Operator::NotIn, [value]) => write!(f, "{comma}{key}!={value}"),
                (Operator::In, _) => write!(f, "{comma}{key} in ({})", values.join(",")),
                (Operator::NotIn, _) => write!(f, "{comma}{key} notin ({})", values.join(",")),
                (Operator::Exists, _) => write!(f, "{comma}{key}"),
                (Operator::DoesNotExist, _) => write!(f, "{comma}!{key}"),
            }?;
        }
        Ok(())
    }
}

impl Condition {
    fn holds(&self, table: &LabelTable, labels: &LabelSet) -> Truth {
        let domain = table.known_domain(&self.key);
        let may_be_added = || domain.is_some_and(|domain| labels.reserved().contains(&domain));
        let value = match table.keys.get(&*self.key) {
            Some(key) => labels.get_in(domain, key),
            None => (!labels.is_complete() || may_be_added()).then_some(LabelValue::Unknown),
        };
        let values: Vec<ValueId> = self.values.iter().filter_map(|v| table.values.get(&**v)).collect();
        self.operator.accepts(&values, value)
    }
}

/// The first of these, in backticks.
fn few(names: &BTreeSet<&str>) -> String {
    const MOST: usize = 5;
    let shown: Vec<String> = names.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    let more = if names.len() > MOST { format!(" and {} more", names.len() - MOST) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

impl FromStr for LabelQuery {
    type Err = LabelQueryError;

    fn from_str(text: &str) -> Result<Self, LabelQueryError> {
        let mut parser = Parser { rest: text.trim() };
        let mut conditions = Vec::new();
        while !parser.rest.is_empty() {
            if !conditions.is_empty() {
                parser.expect(",", "`,` or the end")?;
            }
            conditions.push(parser.condition()?);
        }
        Ok(Self { conditions })
    }
}

struct Parser<'t> {
    rest: &'t str,
}

impl<'t> Parser<'t> {
    fn condition(&mut self) -> Result<Condition, LabelQueryError> {
        if self.take("!") {
            return Ok(Condition { key: self.key()?, operator: Operator::DoesNotExist, values: Vec::new() });
        }
        let key = self.key()?;
        let (operator, values) = if self.take("!=") {
            (Operator::NotIn, vec![self.word().to_owned()])
        } else if self.take("==") || self.take("=") {
            (Operator::In, vec![self.word().to_owned()])
        } else if self.take_word("in") {
            (Operator::In, self.list()?)
        } else if self.take_word("notin") {
            (Operator::NotIn, self.list()?)
        } else {
            (Operator::Exists, Vec::new())
        };
        Ok(Condition { key, operator, values })
    }

    fn key(&mut self) -> Result<String, LabelQueryError> {
        let before = self.rest;
        match self.word() {
            "" => Err(LabelQueryError { expected: "a label key", rest: before.to_owned() }),
            key => Ok(key.to_owned()),
        }
    }

    fn list(&mut self) -> Result<Vec<String>, LabelQueryError> {
        self.expect("(", "`(`")?;
        let mut values = vec![self.word().to_owned()];
        while self.take(",") {
            values.push(self.word().to_owned());
        }
        self.expect(")", "`,` or `)`")?;
        Ok(values)
    }

    /// The longest run of characters that label keys and values are made of; maybe none.
    fn word(&mut self) -> &'t str {
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/')))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        word
    }

    fn take_word(&mut self, word: &str) -> bool {
        let before = self.rest;
        let taken = self.word() == word;
        if !taken {
            self.rest = before;
        }
        taken
    }

    fn take(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str, expected: &'static str) -> Result<(), LabelQueryError> {
        if self.take(token) { Ok(()) } else { Err(LabelQueryError { expected, rest: self.rest.to_owned() }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(query: &str, labels: &[(&str, &str)], complete: bool) -> Truth {
        let mut table = LabelTable::default();
        let entries = labels
            .iter()
            .map(|(k, v)| (table.keys.intern(*k), LabelValue::Known(table.values.intern(*v))))
            .collect();
        query.parse::<LabelQuery>().unwrap().matches(&table, &LabelSet::new(entries, complete))
    }

    #[test]
    fn kubectl_selectors() {
        let labels = [("app", "web"), ("tier", "a"), ("example.com/x", "")];
        for (query, expected) in [
            ("", Truth::Yes),
            ("app=web", Truth::Yes),
            ("app==web", Truth::Yes),
            ("app = web , tier = a", Truth::Yes),
            ("app=db", Truth::No),
            ("app!=db", Truth::Yes),
            ("env!=dev", Truth::Yes),
            ("env=dev", Truth::No),
            ("tier in (a,b)", Truth::Yes),
            ("tier in ( b , c )", Truth::No),
            ("tier notin (b,c),app", Truth::Yes),
            ("env notin (x)", Truth::Yes),
            ("!env", Truth::Yes),
            ("!app", Truth::No),
            ("example.com/x=", Truth::Yes),
            ("app=web,tier=b", Truth::No),
        ] {
            assert_eq!(matches(query, &labels, true), expected, "{query}");
        }
    }

    #[test]
    fn labels_that_are_not_known_might_match() {
        for (query, expected) in
            [("env=dev", Truth::Unknown), ("!env", Truth::Unknown), ("app=db,env=dev", Truth::No)]
        {
            assert_eq!(matches(query, &[("app", "web")], false), expected, "{query}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (query, message) in [
            ("app=web,,", "expected a label key at `,`"),
            ("=x", "expected a label key at `=x`"),
            ("app in a", "expected `(` at `a`"),
            ("app in (a", "expected `,` or `)` at ``"),
            ("a b", "expected `,` or the end at `b`"),
            ("app>3", "expected `,` or the end at `>3`"),
        ] {
            assert_eq!(query.parse::<LabelQuery>().unwrap_err().to_string(), message, "{query}");
        }
    }
}
