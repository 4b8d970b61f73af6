//! Writes a generated cluster to standard output, of any size and always the same for the same arguments.
//!
//! `cargo run --release --example synth -- --shape a --pods 150000 > dump.json`

// By path, as the benches do, so that its modules are found beside it in both.
#[path = "generator.rs"]
mod generator;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use generator::{Format, Recipe, Shape};

/// Write a generated cluster, as a dump of it would look.
#[derive(Parser)]
struct Arguments {
    /// What the cluster is like.
    #[arg(long, value_enum, default_value = "a")]
    shape: Shape,
    /// How the dump is written; JSON if not given, and YAML for shape B.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// How many pods; all else is in proportion unless given. The full size of the shape if not given.
    #[arg(long)]
    pods: Option<usize>,
    /// How many workloads (shapes A and B).
    #[arg(long)]
    workloads: Option<usize>,
    /// How many namespaces.
    #[arg(long)]
    namespaces: Option<usize>,
    /// How many policies.
    #[arg(long)]
    policies: Option<usize>,
    /// How many nodes.
    #[arg(long)]
    nodes: Option<usize>,
    /// How many address blocks (shape E).
    #[arg(long)]
    blocks: Option<usize>,
    /// How many cluster-wide policies over the whole cluster (shape A).
    #[arg(long)]
    wide_policies: Option<usize>,
    /// How many cluster-wide policies over single namespaces (shape A).
    #[arg(long)]
    tenant_policies: Option<usize>,
    /// Another seed makes another cluster.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Leave Pod objects out: what remains is what one would apply.
    #[arg(long)]
    without_pods: bool,
    /// Leave ReplicaSet objects out.
    #[arg(long)]
    without_replica_sets: bool,
}

impl Arguments {
    fn recipe(&self) -> Recipe {
        let mut recipe = Recipe::new(self.shape, self.pods);
        let sizes = &mut recipe.sizes;
        for (size, given) in [
            (&mut sizes.workloads, self.workloads),
            (&mut sizes.namespaces, self.namespaces),
            (&mut sizes.policies, self.policies),
            (&mut sizes.nodes, self.nodes),
            (&mut sizes.blocks, self.blocks),
            (&mut sizes.wide_policies, self.wide_policies),
            (&mut sizes.tenant_policies, self.tenant_policies),
        ] {
            *size = given.unwrap_or(*size);
        }
        recipe.seed = self.seed;
        recipe.with_pods = !self.without_pods;
        recipe.with_replica_sets = !self.without_replica_sets;
        recipe
    }

    fn format(&self) -> Format {
        self.format.unwrap_or(if self.shape == Shape::B { Format::Yaml } else { Format::Json })
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match generator::write(&arguments.recipe(), arguments.format(), &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            // Nowhere is left to report that standard error cannot be written.
            let _ = writeln!(io::stderr(), "synth: {error}");
            ExitCode::from(2)
        }
    }
}
