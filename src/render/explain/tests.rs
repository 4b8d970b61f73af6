use super::*;
use crate::cluster::Ranges;
use crate::compile::compile;
use crate::query::can::can;
use crate::query::endpoint::parse;
use crate::query::explain::Fixes;
use crate::query::fixture::{THREE_TIER, cluster};
use crate::solve::proof::Prover;
use crate::solve::solve;

/// Line 1 for every object, and one more for every field below it: stands for a loader in these tests.
#[expect(clippy::unnecessary_wraps, reason = "the signature of a locator")]
fn locate(_: &Origin, path: &str) -> Option<Position> {
    let line = 1 + path.split(['.', '[']).filter(|part| !part.is_empty()).count() as u32;
    Some(Position { source: "three.yaml".into(), line, column: 1, span: 0..0 })
}

fn ask<T>(from: &str, to: &str, render: impl FnOnce(&Context<'_>, &Answer) -> T) -> T {
    let cluster = cluster(THREE_TIER);
    let program = compile(&cluster, Profile::Spec);
    let read = |text| parse(text, &cluster, "multi-tier", &Ranges::default()).unwrap();
    let (from, to, reachability) = (read(from), read(to), solve(&program));
    let mut answer = can(&reachability, &from, &to);
    answer.fix = Fixes::new(&reachability).fix(&from, &to);
    render(&Context { cluster: &cluster, profile: Profile::Spec, locate: &locate }, &answer)
}

fn text(from: &str, to: &str) -> String {
    ask(from, to, |context, answer| answer_text(context, answer, Palette::default()))
}

#[test]
fn a_denial_in_full() {
    insta::assert_snapshot!(text("frontend[0]", "api-server[1]:8000"));
}

#[test]
fn an_unknown_in_full() {
    insta::assert_snapshot!(text("frontend[0]", "kube-system/coredns[0]:53/UDP"));
}

#[test]
fn sets_in_short() {
    insta::assert_snapshot!(ask("ns/multi-tier", "frontend", |context, answer| can_text(
        context,
        answer,
        Palette::default()
    )));
}

#[test]
fn markdown() {
    insta::assert_snapshot!(ask("203.0.113.7", "svc/frontend:web", answer_markdown));
}

#[test]
fn json() {
    let object = ask("api-server[0]", "database:5432", answer_object);
    insta::assert_snapshot!(serde_json::to_string_pretty(&object).unwrap());
    let yaml = crate::yaml::to_string(&object).unwrap();
    assert!(yaml.contains("from:\n  pod: multi-tier/api-server[0]\n"), "{yaml}");
}

#[test]
fn one_endpoint() {
    let cluster = cluster(THREE_TIER);
    let prover = Prover::new(&cluster, Profile::Spec);
    let target = parse("ns/multi-tier", &cluster, "default", &Ranges::default()).unwrap();
    let explanation = crate::query::explain::endpoint(&prover, &target);
    let context = Context { cluster: &cluster, profile: Profile::Spec, locate: &locate };
    insta::assert_snapshot!(endpoint_text(&context, &explanation, Palette::default()));
    insta::assert_snapshot!(serde_json::to_string(&endpoint_object(&context, &explanation)).unwrap());
}
