//! Manifests to cluster.

use super::{Built, Ranges};
use crate::load::Manifest;

/// What the user said beside the manifests.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// `--pod-cidr`, `--service-cidr`, `--node-cidr`.
    pub ranges: Ranges,
    /// `--assume KIND/[NS/]NAME k=v`: labels the input does not show.
    pub assume: Vec<Assumption>,
    /// `--ignore-kind`: policy kinds to treat as if they were not there.
    pub ignore_kinds: Vec<String>,
    /// `--keep-going`: what bad objects might touch becomes unknown.
    pub keep_going: bool,
}

/// A label the input does not show.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assumption {
    /// `ns`, `pod`, `deploy`, ... as the user wrote it.
    pub kind: String,
    /// For namespaced kinds; `default` if the user gave none.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The label.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// Builds the cluster that `manifests` describe.
pub fn build(manifests: &[Manifest], options: &Options) -> Built {
    let _ = (manifests, options);
    unimplemented!("by the cluster builder")
}
