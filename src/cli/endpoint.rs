//! Endpoints and ports as they are typed.

use podreach::cluster::{Cluster, NamespaceId, Pod, PodId};
use podreach::net::PortSet;
use podreach::policy::PolicyId;
use podreach::query::endpoint::{self, EndpointError, Target};

use super::error::Failure;
use super::settings::Settings;
use super::suggest::nearest;

/// An endpoint without a port.
pub(super) fn source(text: &str, cluster: &Cluster, settings: &Settings) -> Result<Target, Failure> {
    endpoint::parse_source(text, cluster, settings.namespace.as_deref(), &settings.build.ranges)
        .map_err(mistake)
}

/// An endpoint with or without a port.
pub(super) fn destination(text: &str, cluster: &Cluster, settings: &Settings) -> Result<Target, Failure> {
    endpoint::parse(text, cluster, settings.namespace.as_deref(), &settings.build.ranges).map_err(mistake)
}

/// The destination of a question about one connection, with the port of `--port` if it has none of its own.
pub(super) fn asked(
    text: &str,
    port: Option<&str>,
    cluster: &Cluster,
    settings: &Settings,
) -> Result<Target, Failure> {
    let namespace = settings.namespace.as_deref();
    endpoint::parse_question(text, port, cluster, namespace, &settings.build.ranges).map_err(mistake)
}

/// An endpoint without a port of which everything is shown that may be meant.
pub(super) fn shown(text: &str, cluster: &Cluster, settings: &Settings) -> Result<Target, Failure> {
    Ok(source(text, cluster, settings)?.at_most())
}

/// The policy that a text names; `None` if it names something else.
pub(super) fn policy(
    text: &str,
    cluster: &Cluster,
    settings: &Settings,
) -> Result<Option<PolicyId>, Failure> {
    endpoint::policy(text, cluster, settings.namespace.as_deref()).transpose().map_err(mistake)
}

/// Ports by number.
pub(super) fn ports(text: &str) -> Result<PortSet, Failure> {
    endpoint::parse_ports(text).map_err(mistake)
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
    let within = settings.namespace.as_deref().map(|name| namespace(name, cluster)).transpose()?;
    let is_within = |pod: &Pod| within.is_none_or(|namespace| namespace == pod.namespace);
    let Some(selector) = &settings.selector else {
        let pods = cluster.pods.enumerate().filter(|(_, pod)| is_within(pod)).map(|(id, _)| id);
        return Ok(within.map(|_| pods.collect()));
    };
    let mut selected = selector.pods(cluster);
    selected.retain(|id| is_within(&cluster.pods[*id]));
    if selected.is_empty() {
        let of =
            within.map(|id| format!(" of namespace `{}`", cluster.namespaces[id].name)).unwrap_or_default();
        let failure = Failure::usage(format!("no pod{of} matches `-l {selector}`"));
        return Err(failure.with_help(selector.advice(cluster, within)));
    }
    Ok(Some(selected))
}

/// The namespace of `-n`.
fn namespace(name: &str, cluster: &Cluster) -> Result<NamespaceId, Failure> {
    cluster.namespace(name).ok_or_else(|| {
        let failure = Failure::usage(format!("no object of the input is in namespace `{name}`"));
        match nearest(name, cluster.namespaces.iter().map(|n| &*n.name)) {
            Some(near) => failure.with_help(format!("did you mean `{near}`?")),
            None => failure,
        }
    })
}
