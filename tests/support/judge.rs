//! The solver before its judge: one cluster, every pair of ends, every interesting port.

use std::net::IpAddr;
use std::sync::Arc;

use podreach::cluster::{self, Cluster};
use podreach::compile::compile;
use podreach::diagnostic::{Diagnostic, Severity};
use podreach::load::{self, Input, Manifest};
use podreach::reference::{Peer, Reference, Verdict};
use podreach::solve::{Connectivity, End, solve};

use super::generate::Case;

fn first_error(diagnostics: &[Diagnostic]) -> Result<(), String> {
    match diagnostics.iter().find(|found| found.severity() == Severity::Error) {
        Some(error) => Err(format!("generated input is not valid: {error:?}")),
        None => Ok(()),
    }
}

/// The manifests of a case, which the loader must accept.
pub(crate) fn manifests(case: &Case) -> Result<Vec<Manifest>, String> {
    let input = Input::Text { name: "case".into(), bytes: case.text().into_bytes() };
    let loaded = load::load(&[input], load::Options::default());
    first_error(&loaded.diagnostics)?;
    Ok(loaded.manifests)
}

/// The cluster of a case, which the builder must accept.
pub(crate) fn build(case: &Case, manifests: &[Manifest]) -> Result<Arc<Cluster>, String> {
    let built = cluster::build(manifests, &case.options);
    first_error(&built.diagnostics)?;
    Ok(built.cluster)
}

/// Every pod, replicas counted.
pub(crate) fn pods(cluster: &Cluster) -> Vec<End> {
    let groups = cluster.pods.enumerate();
    groups.flat_map(|(id, group)| (0..group.count).map(move |index| End::Pod(id, index))).collect()
}

/// `NAMESPACE/NAME`, or the address.
pub(crate) fn name(cluster: &Cluster, end: End) -> String {
    match end {
        End::Pod(pod, index) => cluster.pod_path(pod, index),
        End::Address(address) => address.to_string(),
    }
}

/// Ordered pairs of ends of which at least one is a pod.
pub(crate) fn pairs(cluster: &Cluster, addresses: &[IpAddr]) -> Vec<(End, End)> {
    let pods = pods(cluster);
    let mut pairs = Vec::new();
    for &a in &pods {
        pairs.extend(pods.iter().map(|&b| (a, b)));
        for &address in addresses {
            pairs.extend([(a, End::Address(address)), (End::Address(address), a)]);
        }
    }
    pairs
}

/// Compares the solver with the specification.
///
/// # Errors
///
/// The first connection about which they disagree, or why the cluster could not be built.
pub(crate) fn agree(case: &Case) -> Result<(), String> {
    let manifests = manifests(case)?;
    let reference = Reference::new(&manifests, &case.options, case.profile);
    let cluster = build(case, &manifests)?;
    let mut names: Vec<String> = pods(&cluster).into_iter().map(|pod| name(&cluster, pod)).collect();
    names.sort();
    if names != reference.pods() {
        return Err(format!("the cluster has the pods {names:?}, the specification {:?}", reference.pods()));
    }
    let program = compile(&cluster, case.profile);
    let reachability = solve(&program);
    let ports = reference.interesting_ports();
    let peer = |end| match end {
        End::Pod(..) => Peer::Pod(name(&cluster, end)),
        End::Address(address) => Peer::Address(address),
    };
    for (from, to) in pairs(&cluster, &reference.interesting_addresses()) {
        let Connectivity { must, may, .. } = reachability.connectivity(from, to);
        let (source, destination) = (peer(from), peer(to));
        for &(protocol, port) in &ports {
            let solved = match (must.contains(protocol, port), may.contains(protocol, port)) {
                (true, _) => Verdict::Allow,
                (false, true) => Verdict::Unknown,
                (false, false) => Verdict::Deny,
            };
            let specified = reference.verdict(&source, &destination, protocol, port);
            if solved != specified {
                let (from, to) = (name(&cluster, from), name(&cluster, to));
                return Err(format!(
                    "{from} -> {to}:{port}/{protocol}: solved {solved:?}, specified {specified:?}"
                ));
            }
        }
    }
    Ok(())
}
