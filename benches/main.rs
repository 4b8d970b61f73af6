//! Time of each stage, at sizes that show how it grows: `cargo bench -p podreach-benches -- [load|build|...]`.

use criterion::{criterion_group, criterion_main};

mod compile;
mod crafted;
mod load;
mod query;
mod solve;
mod support;
mod what_if;

criterion_group!(
    benches,
    load::load,
    load::json_crate,
    load::yaml_crate,
    load::build,
    compile::compile,
    solve::solve,
    query::flows,
    query::verdicts,
    query::explanations,
    query::page,
    what_if::what_if,
    crafted::crafted
);
criterion_main!(benches);
