//! The manifest that `kubectl apply` applied last, from its annotation: as long as the object, and read again only when
//! needed.

use super::node::Cursor;
use super::{Manifest, Sources, json, yaml};
use crate::diagnostic::Origin;

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

impl Sources {
    /// Reads once more where an object stands, and fills in what was applied last, if the object says so.
    pub fn recall(&self, manifest: &mut Manifest) {
        let last_applied = self.last_applied(&manifest.origin);
        if last_applied.is_some() {
            let meta = manifest.object.metadata_mut();
            meta.annotations.get_or_insert_default().last_applied = last_applied.map(Box::new);
        }
    }

    fn last_applied(&self, origin: &Origin) -> Option<serde_json::Value> {
        let range = origin.document.start as usize..origin.document.end as usize;
        let text = std::str::from_utf8(self.get(origin.source)?.bytes.get(range)?).ok()?;
        let tree = match json::tree(text) {
            Ok(tree) => tree,
            Err(_) => yaml::parse(text).ok()??,
        };
        let annotations = item(tree.root(), &origin.item)?.get("metadata")?.get("annotations")?;
        serde_json::from_str(annotations.get(LAST_APPLIED)?.as_str()?).ok()
    }
}

/// An element of a list, or of lists in lists: `items[3].`.
fn item<'a, 't>(root: Cursor<'a, 't>, path: &str) -> Option<Cursor<'a, 't>> {
    path.split_terminator('.').try_fold(root, |node, step| {
        let (list, index) = step.strip_suffix(']')?.split_once('[')?;
        let list = if list.is_empty() { node } else { node.get(list)? };
        list.items()?.nth(index.parse().ok()?)
    })
}
