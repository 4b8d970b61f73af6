//! Finds edits that are about NetworkPolicies alone: these change a compiled program in place.

use rustc_hash::FxHashMap;

use super::{Edit, State, apply};
use crate::cluster::identity;
use crate::k8s::Object;
use crate::load::Manifest;

/// Namespace and name of a NetworkPolicy.
pub(super) type PolicyName = (Box<str>, Box<str>);

/// Edits of NetworkPolicies alone: what each name stands for in the end.
pub(super) type PolicyEdits<'e> = Vec<(PolicyName, Option<&'e Manifest>)>;

/// The places of the NetworkPolicies in a list of objects.
#[derive(Debug, Default)]
pub(super) struct Policies {
    /// Several places for one name if the input repeats it.
    places: FxHashMap<PolicyName, Vec<usize>>,
    /// Places of policies that were deleted, ascending: they are taken out when something reads the whole list.
    gone: Vec<usize>,
}

impl Policies {
    /// Finds the policies of a list.
    pub(super) fn new(all: &[Manifest]) -> Self {
        let mut policies = Self::default();
        for (place, manifest) in all.iter().enumerate() {
            if let Some(name) = policy_name(manifest) {
                policies.places.entry(name).or_default().push(place);
            }
        }
        policies
    }

    /// The object of each name after the edits. `None` unless all of them are about NetworkPolicies, of namespaces that
    /// do not come and go with these, and any objects of those names are evaluated now.
    pub(super) fn edits<'e>(
        &self,
        edits: &'e [Edit],
        all: &[Manifest],
        state: &State,
    ) -> Option<PolicyEdits<'e>> {
        let mut last: PolicyEdits<'e> = Vec::new();
        for edit in edits {
            let (name, manifest) = match edit {
                Edit::Apply(manifest) => {
                    let name = policy_name(manifest)?;
                    let there = self.places.get(&name).map(|places| &all[places[0]]);
                    if there.is_some_and(|there| apply::keeps_any(there, manifest)) {
                        return None;
                    }
                    (name, Some(&**manifest))
                }
                Edit::Replace(manifest) => {
                    let name = policy_name(manifest)?;
                    if !self.places.contains_key(&name) {
                        return None;
                    }
                    (name, Some(&**manifest))
                }
                Edit::Delete(name) if &*name.kind == "NetworkPolicy" => {
                    ((name.namespace.clone(), name.name.clone()), None)
                }
                Edit::Delete(_) | Edit::Label(..) | Edit::Scale(..) => return None,
            };
            let cluster = &state.bench.program().cluster;
            let namespace = &cluster.namespaces[cluster.namespace(&name.0)?];
            let stays = namespace.origin.is_some() || namespace.pods.start < namespace.pods.end;
            let places = self.places.get(&name).map_or(0, Vec::len);
            let is_evaluated = state.policies.contains_key(&name);
            let is_there = match last.iter().find(|(other, _)| *other == name) {
                Some((_, last)) => last.is_some(),
                None => is_evaluated,
            };
            if !stays || places != usize::from(is_evaluated) || (manifest.is_none() && !is_there) {
                return None;
            }
            last.retain(|(other, _)| *other != name);
            last.push((name, manifest));
        }
        Some(last)
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

/// Namespace and name of a NetworkPolicy that has one.
fn policy_name(manifest: &Manifest) -> Option<PolicyName> {
    if !matches!(manifest.object, Object::NetworkPolicy(_)) {
        return None;
    }
    identity(manifest).map(|[_, _, namespace, name]| (namespace, name))
}
