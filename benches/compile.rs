//! From the cluster to the program.

use criterion::{BenchmarkId, Criterion};
use podreach::compile;
use podreach::profile::Profile;

use super::support::{SIZES, cluster, group, per_pod};

/// Compiles the clusters of all shapes.
pub(crate) fn compile(criterion: &mut Criterion) {
    for (shape, sizes) in SIZES {
        let mut group = group(criterion, format!("compile/{shape:?}"));
        for &pods in sizes {
            let cluster = cluster(shape, pods);
            group.throughput(per_pod(pods));
            group.bench_with_input(BenchmarkId::from_parameter(pods), &cluster, |bencher, cluster| {
                bencher.iter_with_large_drop(|| compile::compile(cluster, Profile::Spec));
            });
        }
    }
}
