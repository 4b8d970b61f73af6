//! Sets of ends, in `can` and in test files, against their pairs asked one by one in every possible world.
//!
//! A world settles what the input leaves open: the address of each pod that has none, and the labels of each namespace
//! that nothing declares. What is said of the input must hold in all of its worlds, and where nothing is said, they
//! must differ.

mod world;

use podreach::cluster::Ranges;
use podreach::compile::compile;
use podreach::expect::{self, Judge};
use podreach::load::{self, Input};
use podreach::query::can::{Verdict, can};
use podreach::query::endpoint::{parse_question, parse_source};
use podreach::solve::solve;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use crate::support::{config, thinning};
use world::{Ends, Expectation, Setting, World, setting};

/// Endpoints as they are typed; in test files all of them may stand in lists.
const ENDS: [&str; 23] = [
    "a/p0",
    "a/p1",
    "pod/b/p2",
    "ns/a",
    "b/*",
    "app=x",
    "app!=x,tier",
    "tier in (x,y)",
    "internet",
    "0.0.0.0/0",
    "::/0",
    "10.0.0.0/8",
    "10.0.0.0/28",
    "10.0.0.0/29",
    "10.0.0.0/30",
    "10.0.0.2/31",
    "10.0.0.1",
    "10.0.0.2",
    "::ffff:10.0.0.3",
    "10.0.0.14",
    "203.0.113.0/24",
    "fd00::/126",
    "fd00::2",
];

const PORTS: [Option<&str>; 6] =
    [None, Some("80"), Some("81"), Some("53/UDP"), Some("79-81"), Some("1-65535")];

fn ends() -> impl Strategy<Value = &'static str> {
    select(&ENDS[..])
}

/// Members of an endpoint in a test file; selectors of namespaces are about labels that may not be known.
fn members() -> impl Strategy<Value = Vec<Ends>> {
    let labels = select(&["env", "team"][..]).prop_map(Ends::OfNamespaces);
    prop::collection::vec(prop_oneof![5 => ends().prop_map(Ends::Typed), 1 => labels], 1..=2)
}

/// Counts of answers, which are compared with the truth in each world.
#[derive(Default, Debug)]
struct Score {
    /// Questions that have an answer.
    asked: u32,
    /// Of them, those with a definite one.
    definite: u32,
    /// Those that are not decided although all worlds, of which none was left out, agree.
    shy: u32,
}

/// Compares one answer, `None` if it is not decided, with all worlds.
fn compare(
    said: Option<bool>,
    worlds: &[bool],
    is_every_world: bool,
    score: &mut Score,
) -> Result<(), TestCaseError> {
    score.asked += 1;
    score.definite += u32::from(said.is_some());
    if let Some(said) = said {
        prop_assert!(worlds.iter().all(|world| *world == said), "said {}, but {:?}", said, worlds);
    } else if is_every_world && worlds.windows(2).all(|pair| pair[0] == pair[1]) {
        score.shy += 1;
    }
    Ok(())
}

fn worlds(setting: &Setting) -> Result<(Vec<World>, bool), TestCaseError> {
    let (facts, is_every_world) = setting.facts();
    let worlds = facts.iter().map(|facts| setting.world(facts)).collect::<Result<Vec<_>, _>>();
    Ok((worlds.map_err(TestCaseError::fail)?, is_every_world))
}

/// `can` over all questions about one setting.
fn ask(
    setting: &Setting,
    questions: &[(&str, &str, Option<&str>)],
    score: &mut Score,
) -> Result<(), TestCaseError> {
    let cluster = setting.cluster(None).map_err(TestCaseError::fail)?;
    let program = compile(&cluster, setting.profile);
    let reachability = solve(&program);
    let (worlds, is_every_world) = worlds(setting)?;
    for &(from, to, port) in questions {
        let ranges = &setting.options.ranges;
        let source = parse_source(from, &cluster, None, ranges);
        let destination = parse_question(to, port, &cluster, None, ranges);
        let (Ok(source), Ok(destination)) = (source, destination) else { continue };
        let verdict = can(&reachability, &source, &destination).verdict;
        let said = match verdict {
            Verdict::Allow => Some(true),
            Verdict::Deny => Some(false),
            Verdict::Unknown => None,
        };
        let found: Vec<bool> = worlds.iter().map(|world| world.can(from, to, port)).collect();
        compare(said, &found, is_every_world, score)
            .map_err(|why| TestCaseError::fail(format!("can {from} {to} on {port:?}: {why}\n{setting:?}")))?;
    }
    Ok(())
}

/// A test: what is asked about, the ports, what is expected.
type Asked = (Vec<Ends>, Vec<Ends>, Option<&'static str>, Expectation);

fn tests() -> impl Strategy<Value = Asked> {
    let expectations =
        vec![Expectation::Allow, Expectation::Deny, Expectation::OnlyFrom, Expectation::OnlyTo];
    (members(), members(), select(&PORTS[..]), select(expectations))
}

fn judge(setting: &Setting, asked: &[Asked], score: &mut Score) -> Result<(), TestCaseError> {
    let cluster = setting.cluster(None).map_err(TestCaseError::fail)?;
    let program = compile(&cluster, setting.profile);
    let reachability = solve(&program);
    let (worlds, is_every_world) = worlds(setting)?;
    let end = |members: &[Ends]| match members {
        [one] => one.json(),
        several => several.iter().map(Ends::json).collect(),
    };
    let tests = asked.iter().enumerate().map(|(i, (from, to, port, expectation))| {
        let mut test = match expectation {
            Expectation::Allow => json!({"from": end(from), "to": end(to), "expect": "allow"}),
            Expectation::Deny => json!({"from": end(from), "to": end(to), "expect": "deny"}),
            Expectation::OnlyFrom => {
                json!({"to": end(to), "expectOnly": from.iter().map(Ends::json).collect::<Vec<_>>()})
            }
            Expectation::OnlyTo => {
                json!({"from": end(from), "expectOnly": to.iter().map(Ends::json).collect::<Vec<_>>()})
            }
        };
        test["name"] = json!(i.to_string());
        if let Some(port) = port {
            test["ports"] = json!([port]);
        }
        test
    });
    let file =
        json!({"apiVersion": "podreach/v1", "kind": "ReachabilityTest", "tests": tests.collect::<Vec<_>>()});
    let read = expect::read(&[Input::Text { name: "t.yaml".into(), bytes: file.to_string().into() }], false);
    prop_assert!(read.diagnostics.is_empty(), "{:?}", read.diagnostics);
    let judge = Judge::new(&reachability, None, &setting.options.ranges);
    for (test, (from, to, port, expectation)) in read.files[0].tests.iter().zip(asked) {
        let outcome = judge.judge(test);
        if matches!(outcome.evidence, Some(expect::Evidence::Nothing { .. })) {
            continue;
        }
        let said = match outcome.result {
            expect::Result::Passed => Some(true),
            expect::Result::Failed => Some(false),
            expect::Result::Unknown => None,
        };
        let found: Vec<bool> = worlds.iter().map(|world| world.test(from, to, *port, *expectation)).collect();
        compare(said, &found, is_every_world, score).map_err(|why| {
            TestCaseError::fail(format!("{from:?} -> {to:?} on {port:?} {expectation:?}: {why}\n{setting:?}"))
        })?;
    }
    Ok(())
}

/// On how many random clusters it is counted how often answers are unknown: in every build, since of few the share says little.
const WORLDS: u32 = 48;

/// Checks that enough was asked, and that what is not decided is so in earnest.
fn weigh(score: &Score, what: &str) {
    assert!(score.definite * 2 > score.asked, "{what}: most answers are definite: {score:?}");
    assert!(score.shy * 50 < score.asked, "{what}: hardly any answer is unknown without need: {score:?}");
}

#[test]
fn can_says_what_all_worlds_say() {
    let score = std::cell::RefCell::new(Score::default());
    let questions = prop::collection::vec((ends(), ends(), select(&PORTS[..])), 24);
    let mut runner = proptest::test_runner::TestRunner::new(config(WORLDS * thinning()));
    let result = runner.run(&(setting(), questions), |(setting, questions)| {
        ask(&setting, &questions, &mut score.borrow_mut())
    });
    result.unwrap_or_else(|why| panic!("{why}"));
    weigh(&score.borrow(), "can");
}

#[test]
fn tests_come_to_what_they_come_to_in_all_worlds() {
    let score = std::cell::RefCell::new(Score::default());
    let asked = prop::collection::vec(tests(), 24);
    let mut runner = proptest::test_runner::TestRunner::new(config(WORLDS * thinning()));
    let result =
        runner.run(&(setting(), asked), |(setting, asked)| judge(&setting, &asked, &mut score.borrow_mut()));
    result.unwrap_or_else(|why| panic!("{why}"));
    weigh(&score.borrow(), "test");
}

/// Two open pods, and a policy that admits addresses on every port.
const ADMITS_ADDRESSES: &str = r"
{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, labels: {app: web}}, status: {podIP: 10.0.0.1}}
---
{apiVersion: v1, kind: Pod, metadata: {name: db, namespace: shop, labels: {app: db}}, status: {podIP: 10.0.0.2}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec: {podSelector: {matchLabels: {app: db}}, ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/24}}]}]}
";

#[test]
fn an_address_that_gets_in_is_no_pair_of_addresses() {
    let results = |manifests: &str, tests: &str| -> Vec<expect::Result> {
        let input = |name: &str, text: &str| Input::Text { name: name.into(), bytes: text.into() };
        let loaded = load::load(&[input("m.yaml", manifests)], load::Options::default());
        let cluster =
            podreach::cluster::build(&loaded.manifests, &podreach::cluster::Options::default()).cluster;
        let program = compile(&cluster, podreach::profile::Profile::Spec);
        let reachability = solve(&program);
        let text = format!("apiVersion: podreach/v1\nkind: ReachabilityTest\ntests:\n{tests}");
        let read = expect::read(&[input("t.yaml", &text)], false);
        let ranges = Ranges::default();
        let judge = Judge::new(&reachability, None, &ranges);
        read.files[0].tests.iter().map(|test| judge.judge(test).result).collect()
    };
    let tests = "
- {from: internet, ports: [5432], expectOnly: [shop/web]}
- {from: internet, to: 10.0.0.0/8, ports: [5432], expect: deny}
- {from: 203.0.113.0/24, to: [shop/db, 10.0.0.0/8], ports: [5432], expect: deny}
- {from: 198.51.100.0/24, to: shop/db, expect: deny}
";
    let [failed, passed] = [expect::Result::Failed, expect::Result::Passed];
    assert_eq!(results(ADMITS_ADDRESSES, tests), [failed, failed, failed, passed]);
}
