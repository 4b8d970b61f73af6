//! The generator of large clusters keeps its word: what it writes is valid, exact in size, and always the same.

// By path, as the example and the benches do.
#[path = "../examples/synth/generator.rs"]
mod generator;

use std::sync::Arc;

use generator::{Format, Recipe, Shape, write};
use podreach::cluster::{self, Cluster};
use podreach::diagnostic::Severity;
use podreach::load::{self, Input};

const SHAPES: [Shape; 5] = [Shape::A, Shape::B, Shape::C, Shape::D, Shape::E];

fn dump(recipe: &Recipe, format: Format) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(recipe, format, &mut bytes).expect("the sizes go together, and memory takes everything");
    bytes
}

fn cluster(recipe: &Recipe, format: Format) -> Arc<Cluster> {
    let input = Input::Text { name: "dump".to_owned(), bytes: dump(recipe, format) };
    let loaded = load::load(&[input], load::Options::default());
    let built = cluster::build(&loaded.manifests, &cluster::Options::default());
    for finding in loaded.diagnostics.iter().chain(&built.diagnostics) {
        assert!(finding.severity() < Severity::Warning, "{recipe:?} {format:?}: {}", finding.message);
    }
    built.cluster
}

#[test]
fn dumps_are_free_of_findings_and_exact_in_size() {
    for shape in SHAPES {
        let recipe = Recipe::new(shape, Some(1_200));
        for format in [Format::Json, Format::Yaml, Format::YamlList] {
            let cluster = cluster(&recipe, format);
            assert_eq!(cluster.pod_count(), 1_200, "{shape:?} {format:?}");
            assert_eq!(cluster.namespaces.len(), recipe.sizes.namespaces, "{shape:?} {format:?}");
            assert_eq!(cluster.policies.len(), recipe.sizes.policies, "{shape:?} {format:?}");
            assert_eq!(cluster.nodes.len(), recipe.sizes.nodes, "{shape:?} {format:?}");
            if matches!(shape, Shape::A | Shape::B) {
                assert_eq!(cluster.workloads.len(), recipe.sizes.workloads, "{format:?}");
            }
        }
    }
}

#[test]
fn workloads_stand_for_the_pods_left_out() {
    let whole = Recipe::new(Shape::A, Some(1_200));
    let applied = Recipe { with_pods: false, with_replica_sets: false, ..whole };
    let (whole, applied) = (cluster(&whole, Format::Json), cluster(&applied, Format::Json));
    assert_eq!(applied.pod_count(), whole.pod_count());
    assert_eq!(applied.workloads.len(), whole.workloads.len());
}

#[test]
fn a_seed_decides_the_dump() {
    for shape in SHAPES {
        let recipe = Recipe::new(shape, Some(1_200));
        let other = Recipe { seed: 2, ..recipe };
        assert!(dump(&recipe, Format::Json) == dump(&recipe, Format::Json), "{shape:?} varies");
        let differs = dump(&recipe, Format::Json) != dump(&other, Format::Json);
        assert!(differs, "{shape:?} ignores its seed");
    }
}

#[test]
fn sizes_that_cannot_be_had_are_refused() {
    for (shape, pods) in [(Shape::A, 0), (Shape::A, 500), (Shape::C, 0), (Shape::D, 0), (Shape::E, 0)] {
        let refused = write(&Recipe::new(shape, Some(pods)), Format::Json, &mut Vec::new());
        assert!(refused.is_err(), "{shape:?} with {pods} pods");
    }
}
