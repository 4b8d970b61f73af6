//! Endpoints and ports as they are typed.

use podreach::cluster::{Cluster, PodId, Service};
use podreach::net::PortSet;
use podreach::policy::PolicyId;
use podreach::query::endpoint::{self, EndpointError, Target};

use super::error::Failure;
use super::settings::Settings;
use super::suggest::nearest;

/// An endpoint without a port.
pub(super) fn source(text: &str, cluster: &Cluster, settings: &Settings) -> Result<Target, Failure> {
    endpoint::parse_source(text, cluster, namespace(settings), &settings.build.ranges).map_err(mistake)
}

/// An endpoint with or without a port.
pub(super) fn destination(text: &str, cluster: &Cluster, settings: &Settings) -> Result<Target, Failure> {
    endpoint::parse(text, cluster, namespace(settings), &settings.build.ranges).map_err(mistake)
}

/// The policy that a text names; `None` if it names something else.
pub(super) fn policy(
    text: &str,
    cluster: &Cluster,
    settings: &Settings,
) -> Result<Option<PolicyId>, Failure> {
    endpoint::policy(text, cluster, namespace(settings)).transpose().map_err(mistake)
}

/// The Service that a destination names, by its name or one of its addresses.
pub(super) fn service<'c>(
    text: &str,
    cluster: &'c Cluster,
    settings: &Settings,
) -> Option<(String, &'c Service)> {
    endpoint::service(text, cluster, namespace(settings))
}

/// Ports by number.
pub(super) fn ports(text: &str) -> Result<PortSet, Failure> {
    endpoint::parse_ports(text).map_err(mistake)
}

fn namespace(settings: &Settings) -> &str {
    settings.namespace.as_deref().unwrap_or("default")
}

#[expect(clippy::needless_pass_by_value, reason = "it is the argument of map_err")]
fn mistake(error: EndpointError) -> Failure {
    let failure = Failure::usage(error.to_string());
    match error.help() {
        Some(help) => failure.with_help(help),
        None => failure,
    }
}

/// The pods that `-n` and `-l` keep; `None` if neither was given.
pub(super) fn about(settings: &Settings, cluster: &Cluster) -> Result<Option<Vec<PodId>>, Failure> {
    let mut about = settings.selector.as_ref().map(|selector| selector.pods(cluster));
    if let Some(name) = &settings.namespace {
        let Some(namespace) = cluster.namespace(name) else {
            let failure = Failure::usage(format!("no object of the input is in namespace `{name}`"));
            return Err(match nearest(name, cluster.namespaces.iter().map(|n| &*n.name)) {
                Some(near) => failure.with_help(format!("did you mean `{near}`?")),
                None => failure,
            });
        };
        let pods = cluster.pods.enumerate().filter(|(_, pod)| pod.namespace == namespace).map(|(id, _)| id);
        about = Some(match about {
            Some(selected) => pods.filter(|pod| selected.binary_search(pod).is_ok()).collect(),
            None => pods.collect(),
        });
    }
    Ok(about)
}
