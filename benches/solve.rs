//! From the program to the exact counts over all pairs, which is what every row costs.

use criterion::{BenchmarkId, Criterion};
use podreach::profile::Profile;
use podreach::query::Matrix;
use podreach::{compile, solve};

use super::support::{SIZES, cluster, group, per_pod};

/// Solves and counts the clusters of all shapes.
pub(crate) fn solve(criterion: &mut Criterion) {
    for (shape, sizes) in SIZES {
        let mut group = group(criterion, format!("solve/{shape:?}"));
        for &pods in sizes {
            let cluster = cluster(shape, pods);
            let program = compile::compile(&cluster, Profile::Spec);
            group.throughput(per_pod(pods));
            group.bench_with_input(BenchmarkId::from_parameter(pods), &program, |bencher, program| {
                bencher.iter(|| {
                    let reachability = solve::solve(program);
                    Matrix::new(&reachability).summary()
                });
            });
        }
    }
}
