//! Cluster to program: selectors become sets, blocks become ranges of addresses, pods become classes.

use crate::cluster::Cluster;
use crate::profile::Profile;

/// What the solver evaluates.
#[derive(Debug)]
pub struct Program<'c> {
    /// The cluster it was compiled from.
    pub cluster: &'c Cluster,
    /// The profile it was compiled for.
    pub profile: Profile,
}

/// Compiles `cluster` for `profile`.
pub fn compile(cluster: &Cluster, profile: Profile) -> Program<'_> {
    Program { cluster, profile }
}
