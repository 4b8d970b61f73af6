//! One more policy for a cluster that is built.

use super::Cluster;
use super::findings::Findings;
use super::objects::{Item, identify};
use super::policies::network_policy;
use crate::diagnostic::Diagnostic;
use crate::k8s::Object;
use crate::load::Manifest;
use crate::policy::{KubeVersion, Policy};

/// Lowers a NetworkPolicy for a cluster, as building the cluster would, and says what there is to say about it.
///
/// There is no policy if the API server would not accept it, if the namespace is new to the cluster, or if the object is
/// something else. Labels that are new to the cluster are added to its table.
pub(crate) fn lower_policy(
    cluster: &mut Cluster,
    manifest: &Manifest,
    version: KubeVersion,
) -> (Option<Policy>, Vec<Diagnostic>) {
    let mut findings = Findings::new(false, version);
    let lowered = identify(manifest, &mut findings).and_then(|id| {
        let Object::NetworkPolicy(object) = &manifest.object else { return None };
        let namespace = cluster.namespace(id.namespace)?;
        network_policy(&Item { id, object }, namespace, &mut cluster.labels, &mut findings)
    });
    (lowered, findings.finish())
}
