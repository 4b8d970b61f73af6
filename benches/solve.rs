//! From the program to the exact counts over all pairs, which is what every row costs.

use std::sync::Arc;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion};
use podreach::cluster::Cluster;
use podreach::profile::Profile;
use podreach::query::Matrix;
use podreach::{compile, solve};

use super::support::{Recipe, SIZES, Shape, cluster, cluster_of, group, per_pod};

/// Solves and counts the clusters of all shapes.
pub(crate) fn solve(criterion: &mut Criterion) {
    for (shape, sizes) in SIZES {
        let mut group = group(criterion, format!("solve/{shape:?}"));
        for &pods in sizes {
            let cluster = cluster(shape, pods);
            group.throughput(per_pod(pods));
            count(&mut group, &pods.to_string(), &cluster);
        }
    }
    with_cluster_wide_policies(criterion);
}

/// Counts shape A with cluster-wide policies: none, few and many over the whole cluster, and many over single namespaces.
fn with_cluster_wide_policies(criterion: &mut Criterion) {
    let mut group = group(criterion, "solve/cluster-wide".to_owned());
    for (name, wide, of_tenants) in
        [("none", 0, 0), ("wide-1", 1, 0), ("wide-10", 10, 0), ("wide-50", 50, 0), ("tenants-400", 0, 400)]
    {
        let mut recipe = Recipe::new(Shape::A, Some(30_000));
        recipe.sizes.wide_policies = wide;
        recipe.sizes.tenant_policies = of_tenants;
        count(&mut group, name, &cluster_of(&recipe));
    }
}

fn count(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, cluster: &Arc<Cluster>) {
    let program = compile::compile(cluster, Profile::Spec);
    group.bench_with_input(BenchmarkId::from_parameter(name), &program, |bencher, program| {
        bencher.iter(|| {
            let reachability = solve::solve(program);
            Matrix::new(&reachability).summary()
        });
    });
}
