//! From the reachability to answers: every flow of the matrix, and single verdicts.

use std::ops::ControlFlow;

use criterion::{BenchmarkId, Criterion, Throughput};
use podreach::cluster::PodId;
use podreach::index::Id;
use podreach::load::Sources;
use podreach::net::{ByFamily, PortSet};
use podreach::profile::Profile;
use podreach::query::{By, Matrix, View, explain};
use podreach::render::explain::Context;
use podreach::render::page::{self, Report};
use podreach::solve::End;
use podreach::solve::proof::Prover;
use podreach::{compile, solve};

use super::support::{Shape, cluster, group, per_pod};

/// Lists shape A by workload; throughput is in flows.
pub(crate) fn flows(criterion: &mut Criterion) {
    let mut group = group(criterion, "query/flows".to_owned());
    for pods in [1_000, 3_000, 10_000] {
        let cluster = cluster(Shape::A, pods);
        let program = compile::compile(&cluster, Profile::Spec);
        let reachability = solve::solve(&program);
        let view = View { by: By::Workload, ..View::default() };
        let count = || {
            let mut flows = 0_u64;
            let ControlFlow::Continue(()) = Matrix::new(&reachability).for_each_flow(&view, |_| {
                flows += 1;
                ControlFlow::<std::convert::Infallible>::Continue(())
            });
            flows
        };
        group.throughput(Throughput::Elements(count()));
        group.bench_function(BenchmarkId::from_parameter(pods), |bencher| bencher.iter(count));
    }
}

/// Asks for single pairs of shape A, spread over the cluster; throughput is in verdicts.
pub(crate) fn verdicts(criterion: &mut Criterion) {
    const PAIRS: usize = 1_000;
    let mut group = group(criterion, "query/verdicts".to_owned());
    for pods in [1_000, 10_000, 150_000] {
        let cluster = cluster(Shape::A, pods);
        let program = compile::compile(&cluster, Profile::Spec);
        let groups = cluster.pods.len();
        let pod = |number: usize| End::Pod(PodId::from_index(number % groups), 0);
        group.throughput(Throughput::Elements(PAIRS as u64));
        group.bench_function(BenchmarkId::from_parameter(pods), |bencher| {
            bencher.iter_batched(
                || solve::solve(&program),
                |reachability| {
                    for pair in 0..PAIRS {
                        let (from, to) = (pod(pair * 7_919), pod(pair * 104_729 + 1));
                        std::hint::black_box(reachability.connectivity(from, to));
                    }
                },
                criterion::BatchSize::LargeInput,
            );
        });
    }
}

/// Explains single pairs of shape A, spread over the cluster; throughput is in explanations.
pub(crate) fn explanations(criterion: &mut Criterion) {
    const PAIRS: usize = 100;
    let mut group = group(criterion, "query/explanations".to_owned());
    for pods in [1_000, 10_000, 150_000] {
        let cluster = cluster(Shape::A, pods);
        let prover = Prover::new(&cluster, Profile::Spec);
        let groups = cluster.pods.len();
        let pod = |number: usize| End::Pod(PodId::from_index(number % groups), 0);
        group.throughput(Throughput::Elements(PAIRS as u64));
        group.bench_function(BenchmarkId::from_parameter(pods), |bencher| {
            bencher.iter(|| {
                for pair in 0..PAIRS {
                    let (from, to) = (pod(pair * 7_919), pod(pair * 104_729 + 1));
                    std::hint::black_box(explain::pair(&prover, from, to, &PortSet::full()));
                }
            });
        });
    }
}

/// Writes the page of shape A; throughput is in pods.
pub(crate) fn page(criterion: &mut Criterion) {
    let mut group = group(criterion, "query/page".to_owned());
    for pods in [1_000, 3_000, 10_000, 30_000] {
        let cluster = cluster(Shape::A, pods);
        let program = compile::compile(&cluster, Profile::Spec);
        let reachability = solve::solve(&program);
        let locate = |_: &_, _: &str| None;
        group.throughput(per_pod(pods));
        group.bench_function(BenchmarkId::from_parameter(pods), |bencher| {
            bencher.iter(|| {
                let report = Report {
                    matrix: &Matrix::new(&reachability),
                    context: Context { cluster: &cluster, profile: Profile::Spec, locate: &locate },
                    internet: ByFamily::default(),
                    about: None,
                    findings: &[],
                    before: None,
                    sources: &Sources::default(),
                    changes: None,
                };
                page::write(&report, &mut std::io::sink()).expect("a sink takes everything");
            });
        });
    }
}
