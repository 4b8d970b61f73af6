//! The configuration of Istio, a text within a ConfigMap, as far as it names the root namespace.

use serde::Deserialize;

use super::yaml;
use crate::k8s::{IstioMesh, ObjectMeta, Text};

/// The field that is looked for.
const ROOT_NAMESPACE: &str = "rootNamespace";

/// A ConfigMap.
#[derive(Deserialize)]
pub(super) struct ConfigMap {
    metadata: Option<ObjectMeta>,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    mesh: Option<Text>,
}

/// True if an object of this kind and text may be such a ConfigMap.
pub(super) fn is_candidate(kind: &str, text: &str) -> bool {
    kind == "ConfigMap" && memchr::memmem::find(text.as_bytes(), ROOT_NAMESPACE.as_bytes()).is_some()
}

impl ConfigMap {
    /// The settings of the mesh, if it is called `istio` or `istio-REVISION` and names the root namespace.
    pub(super) fn into_mesh(self) -> Option<IstioMesh> {
        let metadata = self.metadata?;
        let name = metadata.name.as_deref()?;
        let mesh = self.data?.mesh.filter(|_| name == "istio" || name.starts_with("istio-"))?;
        let root_namespace = match yaml::parse(&mesh) {
            Err(_) => None,
            Ok(tree) => {
                let tree = tree?;
                let root = tree.root().get(ROOT_NAMESPACE).filter(|root| !root.is_null())?;
                match root.as_str() {
                    Some("") => return None,
                    root => root.map(Text::from),
                }
            }
        };
        Some(IstioMesh { metadata, root_namespace })
    }
}
