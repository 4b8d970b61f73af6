//! From bytes to manifests, and from manifests to the cluster.

use criterion::{BenchmarkId, Criterion, Throughput};
use podreach::cluster;
use podreach::k8s::Pod;
use podreach::load::{self, Input};
use serde::Deserialize;

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

/// What `load/Yaml` and `load/YamlList` are measured against: the YAML crate over the same bytes, every object into the
/// slim struct of a pod, whose fields all may be missing.
pub(crate) fn yaml_crate(criterion: &mut Criterion) {
    #[derive(Deserialize)]
    struct List {
        items: Vec<Pod>,
    }
    let mut group = group(criterion, "load/yaml-crate".to_owned());
    for format in [Format::Yaml, Format::YamlList] {
        let Input::Text { bytes, .. } = dump(Shape::A, 1_000, format) else { continue };
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_with_input(format!("{format:?}"), &bytes, |bencher, bytes| {
            bencher.iter_with_large_drop(|| -> Vec<Pod> {
                let documents = serde_yaml::Deserializer::from_slice(bytes);
                let objects = documents.map(|document| match format {
                    Format::YamlList => List::deserialize(document).map(|list| list.items),
                    _ => Pod::deserialize(document).map(|pod| vec![pod]),
                });
                objects.flat_map(|objects| objects.expect("kubectl prints no other fields")).collect()
            });
        });
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
