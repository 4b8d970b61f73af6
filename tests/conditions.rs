//! Rules with conditions (L7 rules, tokens, mutual authentication), put into clusters by hand: no policy API that is read
//! has them yet. What passes under a condition only is allowed, and every answer says that it is restricted.

use std::sync::Arc;

use podreach::cluster::{Cluster, Ranges};
use podreach::compile::{Layout, compile, compile_as};
use podreach::expect::{self, Judge};
use podreach::index::Id;
use podreach::load::Input;
use podreach::net::{Direction, PortSet, Protocol};
use podreach::policy::{Action, Condition, ConditionKind, PolicyId};
use podreach::profile::Profile;
use podreach::query::can::{Answer, Verdict, can};
use podreach::query::difference::{Scope, difference};
use podreach::query::endpoint::parse;
use podreach::query::{By, Matrix, View};
use podreach::reference::Reference;
use podreach::render::endpoint::Names;
use podreach::render::explain::{Context, answer_object, can_text};
use podreach::render::snapshot::lock_file;
use podreach::render::style::Palette;
use podreach::render::{Format, matrix};
use podreach::snapshot::{FailOn, Lock, compare};
use podreach::solve::proof::Prover;
use podreach::solve::{End, solve};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::properties::cluster_of;
use crate::support::generate::{self, Case};
use crate::support::{config, judge};

fn http(path: &str) -> Vec<Condition> {
    vec![Condition { path: path.into(), kind: ConditionKind::Http }]
}

/// The rules of a cluster that accept or deny, by policy, direction and place.
fn rules(cluster: &Cluster) -> Vec<(PolicyId, Direction, usize)> {
    let mut all = Vec::new();
    for (id, policy) in cluster.policies.enumerate() {
        for direction in Direction::ALL {
            for (place, rule) in policy.rules[direction].iter().enumerate() {
                if rule.action != Action::Pass {
                    all.push((id, direction, place));
                }
            }
        }
    }
    all
}

/// The cluster with conditions on some of its rules, and the two clusters without that it lies between: where everything
/// that is said meets the conditions of what accepts and none of what denies, and the other way round.
fn with_conditions(cluster: &Cluster, chosen: &[bool]) -> [Arc<Cluster>; 3] {
    let mut clusters = [cluster.clone(), cluster.clone(), cluster.clone()];
    let [marked, best, worst] = &mut clusters;
    // From the last to the first, so that places stay what they are.
    for ((id, direction, place), _) in
        rules(cluster).into_iter().zip(chosen).filter(|(_, chosen)| **chosen).rev()
    {
        marked.policies[id].rules[direction][place].conditions = http("spec");
        match cluster.policies[id].rules[direction][place].action {
            Action::Accept => worst.policies[id].rules[direction].remove(place),
            _ => best.policies[id].rules[direction].remove(place),
        };
    }
    clusters.map(Arc::new)
}

fn addresses(case: &Case) -> Result<Vec<std::net::IpAddr>, TestCaseError> {
    let manifests = judge::manifests(case).map_err(TestCaseError::fail)?;
    Ok(Reference::new(&manifests, &case.options, case.profile).interesting_addresses())
}

fn chosen() -> impl Strategy<Value = Vec<bool>> {
    prop::collection::vec(prop::bool::weighted(0.4), 64)
}

proptest! {
    #![proptest_config(config(1024))]

    /// Allowed is what is allowed at best, without a restriction what is allowed at worst; solver and proof agree.
    #[test]
    fn what_is_restricted_lies_between_the_best_and_the_worst(
        case in generate::case(),
        chosen in chosen(),
        dense in prop_oneof![Just(usize::MAX), 0_usize..5],
    ) {
        let clusters = with_conditions(&*cluster_of(&case)?, &chosen);
        let [marked, best, worst] = clusters.each_ref().map(|cluster| compile_as(cluster, case.profile, Layout::DenseAbove(dense)));
        let [marked, best, worst] = [&marked, &best, &worst].map(|program| solve(program));
        let prover = Prover::new(&clusters[0], case.profile);
        for (from, to) in judge::pairs(&clusters[0], &addresses(&case)?) {
            let found = marked.connectivity(from, to);
            let (best, worst) = (best.connectivity(from, to), worst.connectivity(from, to));
            let name = |end| judge::name(&clusters[0], end);
            prop_assert_eq!((&found.must, &found.may), (&best.must, &best.may), "{} -> {}", name(from), name(to));
            prop_assert_eq!(&found.plain, &worst.must, "{} -> {}", name(from), name(to));
            let proved = prover.prove(from, to).connectivity();
            prop_assert_eq!(&found, &proved, "{} -> {}", name(from), name(to));
        }
    }

    /// Listings restrict what a pair in them is restricted on, and two of them differ in what changes.
    #[test]
    fn answers_about_many_say_what_answers_about_one_say(case in generate::case(), chosen in chosen()) {
        let [marked, best, _] = with_conditions(&*cluster_of(&case)?, &chosen);
        let programs = [&best, &marked].map(|cluster| compile(cluster, case.profile));
        for by in [By::Pod, By::Workload, By::Namespace] {
            crate::properties::flows_are_sums(&marked, &programs[1], by)?;
            crate::differences::same_as_two_listings(&programs[0], &programs[1], by)?;
        }
        let [was, is] = programs.each_ref().map(|program| Lock::of(&solve(program)));
        let read = podreach::snapshot::parse(&lock_file(&is)).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(&read, &is);
        for change in compare(&was, &is) {
            prop_assert!(!FailOn::NewAllow.counts(&change), "{:?}", change);
            prop_assert!(FailOn::RemovedAllow.counts(&change), "{:?}", change);
        }
        // Conditions on what denies open what was closed.
        let denies = rules(&marked).iter().any(|&(id, direction, place)| {
            let rule = &marked.policies[id].rules[direction][place];
            rule.is_conditional() && rule.action == Action::Deny
        });
        let scope = Scope::default();
        let [was, is] = programs.each_ref().map(|program| solve(program));
        let found = difference(&was, &is, &podreach::diff::between_workloads(&was, &is), &scope);
        prop_assert!(!found.allows_more || denies);
    }
}

const SHOP: &str = "
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: api, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - {from: [{podSelector: {}}], ports: [{port: 8080}]}
  - {from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 9090}]}
";

/// The shop, with conditions on the first rule, and on its second one if `both`.
fn shop(both: bool) -> Arc<Cluster> {
    let case = Input::Text { name: "shop.yaml".into(), bytes: SHOP.into() };
    let loaded = podreach::load::load(&[case], podreach::load::Options::default());
    let built = podreach::cluster::build(&loaded.manifests, &podreach::cluster::Options::default());
    let mut cluster = (*built.cluster).clone();
    let rules = &mut cluster.policies[PolicyId::from_index(0)].rules.ingress;
    rules[0].conditions = http("spec.ingress[0].ports[0]");
    if both {
        rules[1].conditions = vec![Condition { path: "spec.ingress[1]".into(), kind: ConditionKind::Auth }];
    }
    Arc::new(cluster)
}

fn ask(cluster: &Arc<Cluster>, to: &str) -> Answer {
    let program = compile(cluster, Profile::Spec);
    let read = |text| parse(text, cluster, "shop", &Ranges::default()).expect("it is an endpoint");
    can(&solve(&program), &read("shop/web"), &read(to))
}

#[test]
fn can_says_what_is_restricted_and_by_what() {
    let cluster = shop(true);
    let context = Context { cluster: &cluster, profile: Profile::Spec, locate: &|_, _| None };
    for (port, mark, line) in [
        ("8080", "http", "HTTP rules of NetworkPolicy shop/api (spec.ingress[0].ports[0])"),
        ("9090", "auth", "mutual authentication of NetworkPolicy shop/api (spec.ingress[1])"),
    ] {
        let answer = ask(&cluster, &format!("shop/db:{port}"));
        assert_eq!(answer.verdict, Verdict::Allow);
        let object: Value = serde_json::to_value(answer_object(&context, &answer)).unwrap();
        assert_eq!((&object["verdict"], &object["restricted"]), (&json!("allow"), &json!([mark])));
        let text = can_text(&context, &answer, Palette::new(false));
        assert!(text.contains(&format!("restricted on {port}/TCP: {line}")), "{text}");
    }
    let everything: Value = serde_json::to_value(answer_object(&context, &ask(&cluster, "shop/db"))).unwrap();
    assert_eq!(everything["restricted"], json!(["auth", "http"]));
    // A rule without a condition leaves no mark.
    let cluster = shop(false);
    let context = Context { cluster: &cluster, ..context };
    let object: Value =
        serde_json::to_value(answer_object(&context, &ask(&cluster, "shop/db:9090"))).unwrap();
    assert_eq!(object.get("restricted"), None);
}

#[test]
fn listings_and_locks_say_what_is_restricted() {
    let cluster = shop(false);
    let program = compile(&cluster, Profile::Spec);
    let reachability = solve(&program);
    let lock = lock_file(&Lock::of(&reachability));
    let line = "- {from: Pod/shop/web, to: Pod/shop/db, ports: [8080/TCP, 9090/TCP], verdict: allow, restricted: [8080/TCP]}";
    assert!(lock.lines().any(|written| written == line), "{lock}");

    let listing = Matrix::new(&reachability);
    let view = View { from: Some(ask(&cluster, "shop/db").from.ends), ..View::default() };
    let report = matrix::Report {
        names: Names::new(&cluster, listing.externals()),
        profile: Profile::Spec,
        by: By::Workload,
        summary: listing.summary(),
        endpoints: listing.endpoints(&view),
        notes: &[],
    };
    let written = |format| {
        let mut out = Vec::new();
        let flows = matrix::Viewed { matrix: &listing, view: &view };
        matrix::write(format, &report, &flows, Palette::new(false), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let rows = written(Format::Ndjson);
    assert!(rows.contains(r#""ports":{"TCP":"8080,9090"},"restricted":{"TCP":"8080"}}"#), "{rows}");
    for (format, expected) in [
        (Format::Table, "8080/TCP, 9090/TCP; 8080/TCP restricted"),
        (Format::Wide, "8080/TCP, 9090/TCP; 8080/TCP restricted"),
        (Format::Svg, "8080/TCP restricted"),
        (Format::Markdown, "| 8080/TCP, 9090/TCP |  |  | 8080/TCP |"),
        (Format::Csv, "shop/web,shop/db,8080/TCP 9090/TCP,,,Pod,Pod,8080/TCP"),
    ] {
        assert!(written(format).contains(expected), "{format:?}: {}", written(format));
    }
}

#[test]
fn tests_ask_for_restrictions() {
    let cluster = shop(false);
    let program = compile(&cluster, Profile::Spec);
    let reachability = solve(&program);
    let file = "apiVersion: podreach/v1
kind: ReachabilityTest
metadata: {name: shop}
tests:
- shop/web -> shop/db:8080 restricted
- {from: shop/web, to: shop/db, ports: [8080], expect: allow}
- {from: shop/web, to: shop/db, ports: [9090], expect: restricted}
- {from: shop/web, to: shop/db, ports: [8080, 9090], expect: restricted}
- {from: shop/web, to: shop/db, ports: [7070], expect: restricted}
";
    let read = expect::read(&[Input::Text { name: "t.yaml".into(), bytes: file.into() }], false);
    assert_eq!(read.diagnostics, []);
    let ranges = Ranges::default();
    let judge = Judge::new(&reachability, None, &ranges);
    let outcomes: Vec<_> = read.files[0].tests.iter().map(|test| judge.judge(test)).collect();
    let results: Vec<_> = outcomes.iter().map(|outcome| outcome.result).collect();
    assert_eq!(
        results,
        [
            expect::Result::Passed,
            expect::Result::Passed,
            expect::Result::Failed,
            expect::Result::Failed,
            expect::Result::Failed
        ]
    );
    assert_eq!(outcomes[0].notes, [""; 0]);
    assert_eq!(
        outcomes[1].notes,
        ["policies restrict what may be said on 8080/TCP; `expect: restricted` asks for that"]
    );
    let tcp = |port| PortSet::from_range(Protocol::Tcp, port, port);
    for (outcome, (verdict, port)) in
        outcomes[2..].iter().zip([(Verdict::Allow, 9090), (Verdict::Allow, 9090), (Verdict::Deny, 7070)])
    {
        let Some(expect::Evidence::Pair(example)) = &outcome.evidence else { panic!("{outcome:?}") };
        assert_eq!((example.answer.verdict, &example.answer.shown.asked), (verdict, &tcp(port)));
    }
}

#[test]
fn a_mark_that_goes_counts_as_a_new_allow() {
    let (marked, plain) = (shop(true), shop(false));
    let programs = [&marked, &plain].map(|cluster| compile(cluster, Profile::Spec));
    let [was, is] = programs.each_ref().map(|program| solve(program));
    let between = podreach::diff::between(&was, &is);
    let pairs = between.pairs(&programs[0], &programs[1]);
    assert_eq!((pairs.allowed, pairs.denied, pairs.unknown), (1, 0, 0));
    let back = podreach::diff::between(&is, &was);
    let pairs = back.pairs(&programs[1], &programs[0]);
    assert_eq!((pairs.allowed, pairs.denied, pairs.unknown), (0, 1, 0));
    let [web, db] = ["web", "db"].map(|name| {
        let pod = marked.pods.ids().find(|id| marked.pods[*id].name_of(0) == name).unwrap();
        End::Pod(pod, 0)
    });
    let proof = Prover::new(&marked, Profile::Spec).prove(web, db);
    assert_eq!(proof.connectivity().restricted().to_string(), "8080/TCP, 9090/TCP");
    assert!(proof.connectivity().plain.is_empty());
}
