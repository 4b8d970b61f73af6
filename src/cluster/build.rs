//! Manifests to cluster: the order of the stages, and what the user says beside the manifests.

use std::net::IpAddr;
use std::sync::Arc;

use super::findings::Findings;
use super::objects::Objects;
use super::{
    Addresses, Built, Cluster, Ranges, addresses, assume, census, ingresses, left_out, namespaces, policies,
    services,
};
use crate::load::Manifest;
use crate::policy::KubeVersion;

/// The user's settings beside the manifests.
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
    /// `--kube-version`: the release whose API server validates what is not stored yet.
    pub kube_version: KubeVersion,
    /// `--scale` of workloads whose pods the input lists.
    pub more: Vec<MorePods>,
    /// Set if the input was changed: then labels may be assumed of something that is not there any more.
    pub changed: bool,
}

/// Pods that a workload has beside those that the input lists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MorePods {
    /// The namespace.
    pub namespace: Box<str>,
    /// A pod of the input: they are like that one, on no node yet.
    pub like: Box<str>,
    /// Number of pods.
    pub count: u32,
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

impl Assumption {
    /// The label of an object named `KIND/[NS/]NAME`; `None` if that is no name.
    pub fn parse(object: &str, key: &str, value: &str, default_namespace: &str) -> Option<Self> {
        let parts: Vec<&str> = object.split('/').collect();
        let (kind, namespace, name) = match parts[..] {
            [kind, name] => (kind, default_namespace, name),
            [kind, namespace, name] => (kind, namespace, name),
            _ => return None,
        };
        let [kind, namespace, name, key, value] = [kind, namespace, name, key, value].map(str::to_owned);
        let is_empty = [&kind, &namespace, &name, &key].into_iter().any(String::is_empty);
        (!is_empty).then_some(Self { kind, namespace, name, key, value })
    }
}

/// Builds the cluster that `manifests` describe.
///
/// Each stage adds its part of the cluster and reports everything that is wrong with the objects it reads; an object with
/// an error is left out, and what it might have touched becomes unknown.
pub fn build(manifests: &[Manifest], options: &Options) -> Built {
    let mut findings = Findings::new(options.keep_going, options.kube_version);
    let mut cluster = Cluster::default();
    let objects = Objects::collect(manifests, &mut findings);
    left_out::inspect(&objects, &mut findings);

    cluster.namespaces = namespaces::namespaces(&objects, &mut cluster.labels, &mut findings);
    let mentioned = census::mentioned_nodes(&objects);
    cluster.nodes = namespaces::nodes(&objects, mentioned, &mut cluster.labels, &mut findings);

    let mut population = census::populate(&objects, &options.more, &mut cluster, &mut findings);
    assume::apply(options, &mut population, &mut cluster, &mut findings);
    population.settle(&mut cluster);
    let shows_v6 = cluster.pods.iter().any(|pod| match &pod.addresses {
        Addresses::Known(known) => known.iter().any(IpAddr::is_ipv6),
        Addresses::Unknown => false,
    });
    cluster.unknown_addresses = addresses::unknown(&options.ranges, shows_v6);

    cluster.services = services::services(&objects, &mut cluster, &mut findings);
    cluster.ingresses = ingresses::ingresses(&objects, &cluster, &mut findings);
    cluster.policies = policies::policies(&objects, &options.ignore_kinds, &mut cluster, &mut findings);
    Built { cluster: Arc::new(cluster), diagnostics: findings.finish() }
}
