//! The clusters that are measured, and the groups that measure them.

// By path, as the example does: the two share the generator.
#[path = "../examples/synth/generator.rs"]
mod generator;

use std::sync::Arc;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use podreach::cluster::{self, Cluster};
use podreach::diagnostic::Severity;
use podreach::load::{self, Input};

pub(crate) use generator::{Format, Recipe, Shape};

/// Every shape with the numbers of pods to measure it at, each about three times the one before.
pub(crate) const SIZES: [(Shape, &[usize]); 4] = [
    (Shape::A, &[1_000, 3_000, 10_000, 30_000]),
    (Shape::C, &[300, 1_000, 3_000]),
    (Shape::D, &[1_000, 3_000, 10_000, 30_000]),
    (Shape::E, &[80, 240, 800]),
];

/// A generated dump.
pub(crate) fn dump(shape: Shape, pods: usize, format: Format) -> Input {
    written(&Recipe::new(shape, Some(pods)), format)
}

fn written(recipe: &Recipe, format: Format) -> Input {
    let mut bytes = Vec::new();
    generator::write(recipe, format, &mut bytes).expect("the sizes go together, and memory takes everything");
    Input::Text { name: "dump".to_owned(), bytes }
}

/// The cluster of a generated dump, which is free of errors.
pub(crate) fn cluster(shape: Shape, pods: usize) -> Arc<Cluster> {
    cluster_of(&Recipe::new(shape, Some(pods)))
}

/// The cluster that a recipe makes, which is free of errors.
pub(crate) fn cluster_of(recipe: &Recipe) -> Arc<Cluster> {
    let loaded = load::load(&[written(recipe, Format::Json)], load::Options::default());
    let built = cluster::build(&loaded.manifests, &cluster::Options::default());
    let mut findings = loaded.diagnostics.iter().chain(&built.diagnostics);
    if let Some(error) = findings.find(|finding| finding.severity() == Severity::Error) {
        panic!("{}", error.message);
    }
    built.cluster
}

/// A group whose members take up to seconds, so that few samples must do.
pub(crate) fn group(criterion: &mut Criterion, name: String) -> BenchmarkGroup<'_, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    group
}

/// Per pod, so that what grows faster than the cluster shows as falling throughput.
pub(crate) fn per_pod(pods: usize) -> Throughput {
    Throughput::Elements(pods as u64)
}
