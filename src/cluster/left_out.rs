//! The other faults of objects that are left out.
//!
//! An object that does not decode, has no valid name, or contradicts another does not become part of the cluster. The
//! API server would find its other faults too, so they are looked for here; nothing else is made of it.

use super::containers;
use super::findings::Findings;
use super::objects::{Item, Objects, SoundLabels, metadata_problems};
use super::{NamespaceId, addresses, endpoints, ingresses, namespaces, services, workloads};
use crate::index::Id;
use crate::k8s::{Object, PodSpec};
use crate::label::LabelTable;
use crate::policy::field::{FieldFinding, FieldPath};
use crate::policy::{Validation, networking_v1};

/// Reports the faults of all objects that are left out, except those reported already.
pub(super) fn inspect(objects: &Objects<'_>, findings: &mut Findings) {
    for item in &objects.left_out {
        let rules = findings.validation(&item.id);
        let mut found = match item.object {
            Object::Broken(broken) => {
                let Some(rest) = &broken.rest else { continue };
                let mut found = metadata_problems(&item.id, &rest.object, rules, &mut SoundLabels::default());
                found.extend(faults(item, &rest.object, rules));
                found.retain(|finding| !rest.doubtful.iter().any(|path| touch(path, &finding.path)));
                found
            }
            object => faults(item, object, rules),
        };
        // What is said of an object that counts is of no interest here.
        found.retain(FieldFinding::is_error);
        findings.fields(&item.id, found);
    }
}

/// Finds the faults in the fields of an object below its metadata.
fn faults(item: &Item<'_, Object>, object: &Object, rules: Validation) -> Vec<FieldFinding> {
    let mut found = Vec::new();
    // Nothing is kept of it.
    let mut labels = LabelTable::default();
    let id = &item.id;
    match object {
        Object::Pod(pod) => {
            let absent = PodSpec::default();
            let spec = pod.spec.as_ref().unwrap_or(&absent);
            containers::declared_ports(spec, &FieldPath::new("spec"), rules, &mut found);
            let host_network = spec.host_network == Some(true);
            addresses::of_pod(pod.status.as_ref(), host_network, &[], rules, &mut found);
        }
        Object::Workload(object) => {
            workloads::plan(&Item { id: id.clone(), object }, rules, &mut found);
        }
        Object::Node(node) => {
            namespaces::node_addresses(node, rules, &mut found);
        }
        Object::Service(service) => {
            services::service(service, id.origin, Vec::new(), rules, &mut labels, &mut found);
        }
        Object::Endpoints(endpoints) => {
            endpoints::subsets(endpoints, rules, &mut found);
        }
        Object::EndpointSlice(slice) => {
            endpoints::slice(slice, rules, &mut found);
        }
        Object::Ingress(ingress) => {
            ingresses::ingress(ingress, id.origin, rules, &mut found);
        }
        Object::NetworkPolicy(policy) => {
            let somewhere = NamespaceId::from_index(0);
            let name = id.object_name();
            networking_v1::lower(policy, somewhere, name, id.origin, rules, &mut labels, &mut found);
        }
        Object::Namespace(_) | Object::Unevaluated(_) | Object::IstioMesh(_) | Object::Broken(_) => {}
    }
    found
}

/// True if one path is the other, or holds it.
fn touch(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

#[cfg(test)]
mod tests {
    use super::touch;

    #[test]
    fn paths_touch_by_whole_steps() {
        for (a, b, expected) in [
            ("spec", "spec.ingress[0]", true),
            ("spec.ingress[0].from[1]", "spec.ingress[0]", true),
            ("spec.ingress[1]", "spec.ingress[10]", false),
            ("spec.egress", "spec.egressX", false),
            ("metadata.labels", "metadata.labels", true),
            ("metadata.labels", "metadata.name", false),
        ] {
            assert_eq!(touch(a, b), expected, "{a} {b}");
        }
    }
}
