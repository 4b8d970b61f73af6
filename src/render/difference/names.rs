//! Sets of endpoints in few words.

use std::collections::BTreeMap;

use super::Report;
use crate::query::By;
use crate::query::difference::{PartyId, Presence};
use crate::render::text::Plain;

/// Names sets of endpoints.
pub(super) struct Naming<'a, 'r> {
    report: &'r Report<'a>,
    /// Number of endpoints of each namespace, in the first and in the second input.
    sizes: [BTreeMap<&'a str, usize>; 2],
}

impl<'a, 'r> Naming<'a, 'r> {
    pub(super) fn new(report: &'r Report<'a>) -> Self {
        let mut sizes = [BTreeMap::new(), BTreeMap::new()];
        for (id, party) in report.difference.parties.enumerate() {
            let (names, endpoint) = report.names_of(id);
            if let Some(namespace) = names.namespace(endpoint) {
                for (sizes, absent) in sizes.iter_mut().zip([Presence::Appeared, Presence::Vanished]) {
                    *sizes.entry(namespace).or_default() += usize::from(party.presence != absent);
                }
            }
        }
        Self { report, sizes }
    }

    /// The endpoints, escaped for a terminal: `shop/{api, web}`, `shop/* (4)` for all of a namespace, `every workload (9)`.
    /// Of a namespace with more than `most` endpoints in the list the first are named, and the others counted.
    pub(super) fn list(&self, parties: &[PartyId], most: usize) -> Vec<String> {
        let mut inside: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let mut outside = Vec::new();
        for &id in parties {
            let (names, endpoint) = self.report.names_of(id);
            match names.namespace(endpoint) {
                Some(namespace) => {
                    inside.entry(namespace).or_default().push(Plain(&names.short(endpoint)).to_string());
                }
                None => outside.push(names.full(endpoint)),
            }
        }
        let vanished = parties.iter().any(|&id| self.report.presence(id) == Presence::Vanished);
        let sizes = &self.sizes[usize::from(!vanished)];
        let listed: usize = inside.values().map(Vec::len).sum();
        let mut list = Vec::new();
        if listed > 2 && listed == sizes.values().sum::<usize>() {
            list.push(format!("every {} ({listed})", self.report.level()));
        } else if self.report.difference.by == By::Namespace {
            list.extend(cut(inside.into_values().flatten().collect(), most));
        } else {
            let many = inside.len() > most;
            let namespaces = inside.len();
            for (namespace, names) in inside.into_iter().take(if many { most } else { usize::MAX }) {
                list.push(within(namespace, names, sizes[namespace], most));
            }
            if many {
                list.push(format!("and {} more namespaces", namespaces - most));
            }
        }
        list.append(&mut outside);
        list
    }
}

fn within(namespace: &str, names: Vec<String>, size: usize, most: usize) -> String {
    let namespace = Plain(namespace);
    match &names[..] {
        [one] => format!("{namespace}/{one}"),
        all if all.len() == size => format!("{namespace}/* ({size})"),
        _ => format!("{namespace}/{{{}}}", cut(names, most).join(", ")),
    }
}

fn cut(mut names: Vec<String>, most: usize) -> Vec<String> {
    if names.len() > most.saturating_add(1) {
        let rest = names.len() - most;
        names.truncate(most);
        names.push(format!("and {rest} more"));
    }
    names
}
