//! From bytes to manifests, and from manifests to the cluster.

use criterion::{BenchmarkId, Criterion, Throughput};
use podreach::cluster;
use podreach::load::{self, Input};

use super::support::{Format, SIZES, Shape, dump, group, per_pod};

/// Reads shape A in every format; throughput is in bytes.
pub(crate) fn load(criterion: &mut Criterion) {
    for format in [Format::Json, Format::Yaml, Format::YamlList] {
        let mut group = group(criterion, format!("load/{format:?}"));
        for pods in [1_000, 3_000, 10_000] {
            let input = [dump(Shape::A, pods, format)];
            if let [Input::Text { bytes, .. }] = &input {
                group.throughput(Throughput::Bytes(bytes.len() as u64));
            }
            group.bench_with_input(BenchmarkId::from_parameter(pods), &input, |bencher, input| {
                bencher.iter_with_large_drop(|| load::load(input, load::Options::default()));
            });
        }
    }
}

/// Builds the clusters of all shapes.
pub(crate) fn build(criterion: &mut Criterion) {
    let options = cluster::Options::default();
    for (shape, sizes) in SIZES {
        let mut group = group(criterion, format!("build/{shape:?}"));
        for &pods in sizes {
            let loaded = load::load(&[dump(shape, pods, Format::Json)], load::Options::default());
            group.throughput(per_pod(pods));
            group.bench_with_input(
                BenchmarkId::from_parameter(pods),
                &loaded.manifests,
                |bencher, manifests| {
                    bencher.iter_with_large_drop(|| cluster::build(manifests, &options));
                },
            );
        }
    }
}
