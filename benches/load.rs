//! From bytes to manifests, and from manifests to the cluster.

use std::fs::{self, File};
use std::path::PathBuf;

use criterion::{BenchmarkId, Criterion, Throughput};
use memmap2::Mmap;
use podreach::cluster;
use podreach::k8s::Pod;
use podreach::load::{self, Input};
use serde::Deserialize;
use serde::de::IgnoredAny;
use tempfile::TempDir;

use super::support::{Format, SIZES, Shape, dump, group, per_pod};

/// A dump as most are read: from a file.
struct Dump {
    path: PathBuf,
    length: Throughput,
    _folder: TempDir,
}

impl Dump {
    fn new(pods: usize, format: Format) -> Self {
        let folder = tempfile::tempdir().expect("there is room for dumps");
        let path = folder.path().join("dump");
        let Input::Text { bytes, .. } = dump(Shape::A, pods, format) else { unreachable!("it is a text") };
        fs::write(&path, &bytes).expect("there is room for dumps");
        Self { path, length: Throughput::Bytes(bytes.len() as u64), _folder: folder }
    }

    #[expect(unsafe_code, reason = "nobody else knows the file")]
    fn mapped(&self) -> Mmap {
        let file = File::open(&self.path).expect("it was written");
        // SAFETY: the file is not changed.
        unsafe { Mmap::map(&file) }.expect("it is a regular file")
    }
}

/// Reads shape A in every format; throughput is in bytes.
pub(crate) fn load(criterion: &mut Criterion) {
    for format in [Format::Json, Format::Yaml, Format::YamlList] {
        let mut group = group(criterion, format!("load/{format:?}"));
        for pods in [1_000, 3_000, 10_000] {
            let dump = Dump::new(pods, format);
            let input = [Input::Path(dump.path.clone())];
            group.throughput(dump.length.clone());
            group.bench_with_input(BenchmarkId::from_parameter(pods), &input, |bencher, input| {
                bencher.iter_with_large_drop(|| load::load(input, load::Options::default()));
            });
        }
    }
}

/// Baseline of `load/Json`: a pass of the JSON crate over the same files that keeps nothing.
pub(crate) fn json_crate(criterion: &mut Criterion) {
    let mut group = group(criterion, "load/json-crate".to_owned());
    for pods in [1_000, 3_000, 10_000] {
        let dump = Dump::new(pods, Format::Json);
        group.throughput(dump.length.clone());
        group.bench_with_input(BenchmarkId::from_parameter(pods), &dump, |bencher, dump| {
            bencher.iter(|| {
                serde_json::from_slice::<IgnoredAny>(&dump.mapped()).expect("kubectl prints JSON");
            });
        });
    }
}

/// Baseline of `load/Yaml` and `load/YamlList`: the YAML crate over the same files, every object into the slim struct
/// of a pod, whose fields all may be missing.
pub(crate) fn yaml_crate(criterion: &mut Criterion) {
    #[derive(Deserialize)]
    struct List {
        items: Vec<Pod>,
    }
    let mut group = group(criterion, "load/yaml-crate".to_owned());
    for format in [Format::Yaml, Format::YamlList] {
        let dump = Dump::new(1_000, format);
        group.throughput(dump.length.clone());
        group.bench_with_input(format!("{format:?}"), &dump, |bencher, dump| {
            bencher.iter_with_large_drop(|| -> Vec<Pod> {
                let bytes = dump.mapped();
                let documents = serde_yaml::Deserializer::from_slice(&bytes);
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
