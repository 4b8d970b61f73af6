//! Taking objects away, with what the garbage collector takes away after them.

use super::objects::{Draft, Refused};
use crate::cluster::namespace_of;
use crate::diagnostic::ObjectName;

/// Takes an object away: a namespace with everything in it, a workload with its pods.
pub(super) fn delete(draft: &mut Draft<'_>, name: &ObjectName) -> Result<(), Refused> {
    let mut places = draft.find(name);
    if &*name.kind == "Namespace" {
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
    Ok(())
}
