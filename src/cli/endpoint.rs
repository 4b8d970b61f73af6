//! Endpoints and ports as they are typed.

use podreach::cluster::Cluster;
use podreach::net::PortSet;
use podreach::query::endpoint::{self, EndpointError, Target};

use super::error::Failure;
use super::settings::Settings;

/// An endpoint without a port.
pub(super) fn source(text: &str, cluster: &Cluster, settings: &Settings) -> Result<Target, Failure> {
    endpoint::parse_source(text, cluster, namespace(settings), &settings.build.ranges).map_err(mistake)
}

/// An endpoint with or without a port.
pub(super) fn destination(text: &str, cluster: &Cluster, settings: &Settings) -> Result<Target, Failure> {
    endpoint::parse(text, cluster, namespace(settings), &settings.build.ranges).map_err(mistake)
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
