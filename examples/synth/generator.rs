//! Generated clusters: realistic ones and adversarial ones, the same for the same seed.
//!
//! [`write()`] streams a dump of any size; what a dump holds follows from its [`Recipe`] alone. The example binary
//! writes such dumps to standard output, the benches read them.

mod adversarial;
mod cluster_wide;
mod nodes;
mod objects;
mod policies;
mod realistic;
mod rng;
mod text;

use std::io::{self, Write};

use adversarial::Attack;

/// What the cluster is like.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum Shape {
    /// Realistic: teams of very different sizes, tiers, shared services, every common form of policy.
    A,
    /// The same as YAML.
    B,
    /// Adversarial: policies tell every pod from every other.
    C,
    /// Many namespaces with little in each.
    D,
    /// Many address blocks with exceptions.
    E,
}

/// How the dump is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum Format {
    /// `kubectl get -o json`: one list, indented by four spaces.
    Json,
    /// A stream of YAML documents.
    Yaml,
    /// `kubectl get -o yaml`: one YAML document of kind List.
    YamlList,
}

/// Number of objects of each sort.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sizes {
    /// Pods, hostNetwork pods among them.
    pub(crate) pods: usize,
    /// Deployments, StatefulSets and DaemonSets; shape A only, in the others pods have no owner.
    pub(crate) workloads: usize,
    /// Namespaces.
    pub(crate) namespaces: usize,
    /// Network policies.
    pub(crate) policies: usize,
    /// Nodes; each runs one pod of every DaemonSet.
    pub(crate) nodes: usize,
    /// Address blocks in the policies; shape E only, in A they come as they come.
    pub(crate) blocks: usize,
    /// Cluster-wide policies over the whole cluster; shape A only.
    pub(crate) wide_policies: usize,
    /// Cluster-wide policies over single namespaces; shape A only.
    pub(crate) tenant_policies: usize,
}

/// Everything a dump follows from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Recipe {
    /// The shape of the cluster.
    pub(crate) shape: Shape,
    /// Number of objects of each sort.
    pub(crate) sizes: Sizes,
    /// Makes one cluster of a recipe differ from the next.
    pub(crate) seed: u64,
    /// Set if Pod objects are in the dump, not only what makes them.
    pub(crate) with_pods: bool,
    /// Set if ReplicaSet objects are in the dump; pods name them as owners in any case.
    pub(crate) with_replica_sets: bool,
}

impl Shape {
    /// The sizes the shape is known for.
    const fn full_sizes(self) -> Sizes {
        let (pods, workloads, namespaces, policies, nodes, blocks) = match self {
            Self::A | Self::B => (150_000, 20_000, 1_000, 10_000, 500, 0),
            Self::C => (150_000, 0, 5_000, 30_000, 500, 0),
            Self::D => (100_000, 0, 25_000, 75_000, 334, 0),
            Self::E => (2_400, 0, 24, 2_400, 8, 24_000),
        };
        let (wide_policies, tenant_policies) = (0, 0);
        Sizes { pods, workloads, namespaces, policies, nodes, blocks, wide_policies, tenant_policies }
    }

    /// The sizes with `pods` pods, everything else in proportion.
    fn sizes(self, pods: usize) -> Sizes {
        let full = self.full_sizes();
        let scaled = |count: usize| (count * pods).div_ceil(full.pods);
        Sizes {
            pods,
            workloads: scaled(full.workloads),
            namespaces: scaled(full.namespaces),
            policies: scaled(full.policies),
            nodes: scaled(full.nodes),
            blocks: scaled(full.blocks),
            ..full
        }
    }
}

impl Recipe {
    /// The shape with so many pods, or as many as it is known for, everything else in proportion, nothing left out.
    pub(crate) fn new(shape: Shape, pods: Option<usize>) -> Self {
        let sizes = pods.map_or(shape.full_sizes(), |pods| shape.sizes(pods));
        Self { shape, sizes, seed: 1, with_pods: true, with_replica_sets: true }
    }
}

/// Writes the dump of a recipe; an error if its sizes cannot be had together, or of the writer.
pub(crate) fn write(recipe: &Recipe, format: Format, out: &mut dyn Write) -> io::Result<()> {
    let invalid = |message| io::Error::new(io::ErrorKind::InvalidInput, message);
    let attack = match recipe.shape {
        Shape::A | Shape::B => {
            let plan = realistic::Plan::new(recipe).map_err(invalid)?;
            return text::write(out, format, |text| plan.write(text));
        }
        Shape::C => Attack::Classes,
        Shape::D => Attack::Namespaces,
        Shape::E => Attack::Blocks,
    };
    let plan = adversarial::Plan::new(attack, recipe).map_err(invalid)?;
    text::write(out, format, |text| plan.write(text))
}
