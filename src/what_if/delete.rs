//! Taking objects away, with what the garbage collector takes away after them.

use super::objects::{Draft, Refused};
use crate::cluster::{kinds, namespace_of};
use crate::diagnostic::ObjectName;

/// Takes an object away: a namespace with everything in it, a workload with its pods.
pub(super) fn delete(draft: &mut Draft<'_>, name: &ObjectName) -> Result<(), Refused> {
    let mut places = draft.find(name);
    let is_namespace = &*name.kind == "Namespace";
    if is_namespace {
        let within = draft.there().filter(|(_, manifest)| namespace_of(manifest) == &*name.name);
        places.extend(within.map(|(place, _)| place));
    } else {
        places.extend(draft.owned(name));
    }
    if places.is_empty() {
        return Err(draft.missing(name, "delete"));
    }
    for place in places {
        draft.remove(place);
    }
    draft.forget_more();
    // What is assumed of it would be an error now.
    draft.options.assume.retain(|assumed| {
        let kind = kinds::find(&assumed.kind);
        let is_it =
            kind.map_or(&*assumed.kind, |kind| kind.name) == &*name.kind && *assumed.name == *name.name;
        let in_namespace = kind.is_none_or(|kind| kind.namespaced);
        match is_namespace {
            true => !is_it && !(in_namespace && *assumed.namespace == *name.name),
            false => !(is_it && *assumed.namespace == *name.namespace),
        }
    });
    Ok(())
}
