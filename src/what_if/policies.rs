//! Finds edits that are about policies alone: these change a compiled program in place.
//!
//! Policies are NetworkPolicies and cluster-wide policies. All others make the whole cluster be built anew, since what they
//! do hangs on more than themselves, and so does what happens where the input repeats a policy, or where one is there that
//! is not evaluated.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Edit, State, apply};
use crate::cluster::identity;
use crate::diagnostic::ObjectName;
use crate::k8s::{Object, group};
use crate::load::Manifest;
use crate::policy::network_policy_api::{self, Kind};

/// Edits of policies alone: what each name stands for in the end.
pub(super) type PolicyEdits<'e> = Vec<(ObjectName, Option<&'e Manifest>)>;

/// The places of the policies in a list of objects.
#[derive(Debug, Default)]
pub(super) struct Policies {
    /// Several places for one name if the input repeats it, in whatever version.
    places: FxHashMap<ObjectName, Vec<usize>>,
    /// Objects of other groups that are called like cluster-wide policies.
    homonyms: FxHashSet<ObjectName>,
    /// Places of policies that were deleted, ascending: they are taken out when something reads the whole list.
    gone: Vec<usize>,
}

impl Policies {
    /// Finds the policies of a list.
    pub(super) fn new(all: &[Manifest]) -> Self {
        let mut policies = Self::default();
        for (place, manifest) in all.iter().enumerate() {
            match named(manifest) {
                Some((name, true)) => policies.places.entry(name).or_default().push(place),
                Some((name, false)) => drop(policies.homonyms.insert(name)),
                None => {}
            }
        }
        policies
    }

    /// The object of each name after the edits. `None` unless all of them are about policies, NetworkPolicies of namespaces
    /// that do not come and go with these, and any objects of those names are evaluated now.
    pub(super) fn edits<'e>(
        &self,
        edits: &'e [Edit],
        all: &[Manifest],
        state: &State,
    ) -> Option<PolicyEdits<'e>> {
        let mut last: PolicyEdits<'e> = Vec::new();
        for edit in edits {
            let (name, manifest) = match edit {
                Edit::Apply(manifest) | Edit::Replace(manifest) => {
                    (policy_name(manifest)?, Some(&**manifest))
                }
                Edit::Delete(name) => (self.deleted(name)?, None),
                Edit::Label(..) | Edit::Scale(..) => return None,
            };
            let is_evaluated = state.policies.contains_key(&name);
            let places = self.places.get(&name).map_or(&[][..], |places| places);
            if !state.stays(&name) || places.len() != usize::from(is_evaluated) {
                return None;
            }
            let there = match last.iter().find(|(other, _)| *other == name) {
                Some((_, last)) => *last,
                None => places.first().map(|&place| &all[place]),
            };
            match (edit, there) {
                (Edit::Apply(manifest), Some(there)) if apply::keeps_any(there, manifest) => return None,
                (Edit::Replace(_) | Edit::Delete(_), None) => return None,
                _ => {}
            }
            last.retain(|(other, _)| *other != name);
            last.push((name, manifest));
        }
        Some(last)
    }

    /// The policy that a name means which may carry a group.
    fn deleted(&self, name: &ObjectName) -> Option<ObjectName> {
        let kind = name.kind.strip_suffix(network_policy_api::GROUP).and_then(|kind| kind.strip_suffix('.'));
        let named = ObjectName { kind: kind.unwrap_or(&name.kind).into(), ..name.clone() };
        // Without a group, it means objects of all groups.
        let means_others = kind.is_none() && self.homonyms.contains(&named);
        (!means_others && (is_wide(&named.kind) || kind.is_none() && &*named.kind == "NetworkPolicy"))
            .then_some(named)
    }

    /// Follows edits of policies that were kept.
    pub(super) fn follow(&mut self, all: &mut Vec<Manifest>, edits: &PolicyEdits<'_>) {
        for (name, manifest) in edits {
            let place = self.places.get(name).map(|places| places[0]);
            match (place, manifest) {
                (Some(place), Some(manifest)) => {
                    let old = std::mem::replace(&mut all[place], (*manifest).clone());
                    apply::keep_identity(&old.object, &mut all[place].object);
                }
                (None, Some(manifest)) => {
                    self.places.insert(name.clone(), vec![all.len()]);
                    all.push((*manifest).clone());
                }
                (Some(place), None) => {
                    self.places.remove(name);
                    let at = self.gone.partition_point(|&other| other < place);
                    self.gone.insert(at, place);
                }
                (None, None) => {}
            }
        }
    }

    /// Takes out what is gone.
    pub(super) fn sweep(&mut self, all: &mut Vec<Manifest>) {
        if !self.gone.is_empty() {
            let mut gone = std::mem::take(&mut self.gone).into_iter().peekable();
            let mut place = 0;
            all.retain(|_| {
                let is_gone = gone.next_if_eq(&place).is_some();
                place += 1;
                !is_gone
            });
            *self = Self::new(all);
        }
    }
}

/// The name of a policy that has one, and that is of a version which is evaluated.
fn policy_name(manifest: &Manifest) -> Option<ObjectName> {
    if let Object::Unevaluated(policy) = &manifest.object {
        Kind::find(&policy.api_version, &policy.kind)?;
    }
    named(manifest).filter(|(_, is_policy)| *is_policy).map(|(name, _)| name)
}

/// The name of a policy; with false, that of an object of another group which is called like a cluster-wide policy.
fn named(manifest: &Manifest) -> Option<(ObjectName, bool)> {
    let is_policy = match &manifest.object {
        Object::NetworkPolicy(_) => true,
        Object::Unevaluated(policy) if is_wide(&policy.kind) => {
            group(&policy.api_version) == network_policy_api::GROUP
        }
        _ => return None,
    };
    let [_, kind, namespace, name] = identity(manifest)?;
    Some((ObjectName { kind, namespace, name }, is_policy))
}

fn is_wide(kind: &str) -> bool {
    Kind::ALL.into_iter().any(|known| known.name() == kind)
}
