//! Any manifests, and any names where Kubernetes takes any, in every output there is.
//!
//! The input is parts with a zero byte between them: manifests, then names. A name that is not given is `x`.

use std::io::{self, Write};

use podreach::cluster::{self, Cluster, Ranges, build};
use podreach::compile::{Program, compile};
use podreach::diagnostic::{Diagnostic, Origin};
use podreach::diff;
use podreach::expect::{self, Judge, Read, Ruling};
use podreach::k8s::Object;
use podreach::load::{self, Input, Manifest, Position, Sources, load};
use podreach::net::Direction;
use podreach::profile::Profile;
use podreach::query::can::can;
use podreach::query::difference::{Scope, difference, table};
use podreach::query::endpoint;
use podreach::query::reach::{Question, reach};
use podreach::query::unknowns::{differences, missing_facts};
use podreach::query::warnings::warnings;
use podreach::query::{By, Matrix, View};
use podreach::render::diagnostic::{self, Located, Volume};
use podreach::render::endpoint::Names;
use podreach::render::explain::{self, Context};
use podreach::render::matrix::{self, Viewed};
use podreach::render::snapshot::{self, CheckObject, Checked, LockObject, lock_file};
use podreach::render::style::Palette;
use podreach::render::{Format, notes, object, page, test};
use podreach::render::{difference as difference_report, reach as reach_report};
use podreach::snapshot::{Causes, FailOn, Lock, compare, parse};
use podreach::solve::{Reachability, solve};
use serde_json::{Value, json};

use super::{small_cluster, today, well_formed};

/// The most pods, and the most other rows, of a cluster that is drawn: the rest is for targets that draw nothing.
const MOST: u64 = 60;

type Locate<'a> = &'a dyn Fn(&Origin, &str) -> Option<Position>;

/// The bytes of one output, which must be one of its format.
fn written(format: Format, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out).unwrap_or_else(|error| panic!("{}: {error}", format.name()));
    well_formed::output(format, &out);
    out
}

/// The JSON and the YAML of one object, which must say the same.
fn both(write: impl Fn(Format, &mut dyn Write) -> io::Result<()>) {
    let [json, yaml] = [Format::Json, Format::Yaml].map(|format| written(format, |out| write(format, out)));
    well_formed::alike(&json, &yaml);
}

/// A text for people.
fn said(text: &str) {
    well_formed::output(Format::Table, text.as_bytes());
}

/// Every format of findings.
pub(super) fn findings(diagnostics: &[Diagnostic], sources: &Sources) {
    let located = Located::all(diagnostics, sources);
    for volume in [Volume::Normal, Volume::Verbose] {
        written(Format::Table, |out| diagnostic::text(&located, volume, Palette::default(), out));
    }
    both(|format, out| match format {
        Format::Json => diagnostic::json(&located, out),
        _ => diagnostic::yaml(&located, out),
    });
}

/// Every format of tests, judged in a cluster.
pub(super) fn tests(read: &Read, program: &Program, in_input: Locate<'_>) {
    let ranges = Ranges::default();
    let reachability = solve(program);
    let judge = Judge::new(&reachability, "default", &ranges);
    let locate = |origin: &Origin, path: &str| read.sources.locate(origin, path);
    let rulings: Vec<Vec<Ruling>> = read
        .files
        .iter()
        .map(|file| {
            let judged = file.tests.iter().enumerate();
            judged.map(|(number, test)| Ruling::new(file, number, judge.judge(test), today())).collect()
        })
        .collect();
    let context = Context { cluster: &program.cluster, profile: program.profile, locate: in_input };
    let suites = read.files.iter().zip(&rulings);
    let suites = suites.map(|(file, rulings)| test::Suite { file, rulings, context, locate: &locate });
    let report = test::Report { suites: suites.collect(), filtered_out: 0 };
    both(|format, out| test::write(format, &report, Palette::default(), out));
    for format in [
        Format::Table,
        Format::Wide,
        Format::Markdown,
        Format::Junit,
        Format::Sarif,
        Format::Tap,
        Format::Github,
    ] {
        written(format, |out| test::write(format, &report, Palette::default(), out));
    }
}

/// Outputs that are written together.
#[derive(Clone, Copy)]
enum Family {
    Matrices,
    Locks,
    Questions,
    Tests,
    Changes,
}

impl Family {
    const ALL: [Self; 5] = [Self::Matrices, Self::Locks, Self::Questions, Self::Tests, Self::Changes];
}

/// Checks that everything written of any manifests and names is well-formed and inert. Of the families of outputs one
/// is written, which the bytes choose: all of them take five times as long.
pub(super) fn renderers(bytes: &[u8]) {
    let sum: usize = bytes.iter().map(|byte| usize::from(*byte)).sum();
    render(bytes, &[Family::ALL[sum % Family::ALL.len()]]);
}

/// The same of all families.
pub(crate) fn all_renderers(bytes: &[u8]) {
    render(bytes, &Family::ALL);
}

fn render(bytes: &[u8], families: &[Family]) {
    let mut parts = bytes.split(|byte| *byte == 0);
    let manifests = parts.next().unwrap_or_default();
    let names: Vec<String> = parts.map(|part| String::from_utf8_lossy(part).into_owned()).collect();
    let name = |place: usize| names.get(place).map_or("x", |name| &**name);
    let inputs = [
        Input::Text { name: name(0).to_owned(), bytes: manifests.to_vec() },
        Input::Text { name: format!("{}.json", name(1)), bytes: named_objects(&name).to_string().into() },
    ];
    let loaded = load(&inputs, load::Options::default());
    let options = cluster::Options { keep_going: true, ..cluster::Options::default() };
    let built = build(&loaded.manifests, &options);
    let mut diagnostics = loaded.diagnostics;
    diagnostics.extend(built.diagnostics);
    let cluster = built.cluster;
    findings(&diagnostics, &loaded.sources);
    if cluster.pod_count() > MOST || cluster.policies.len() > MOST as usize {
        return;
    }
    let profile = Profile::ALL[bytes.len() % Profile::ALL.len()];
    let program = compile(&cluster, profile);
    let reachability = solve(&program);
    diagnostics.extend(notes::missing_facts(&cluster, &missing_facts(&program)));
    diagnostics.extend(notes::differences(profile, &differences(&program)));
    let located = Located::all(&diagnostics, &loaded.sources);
    let locate = |origin: &Origin, path: &str| loaded.sources.locate(origin, path);
    let context = Context { cluster: &cluster, profile, locate: &locate };
    for family in families {
        match family {
            Family::Matrices => matrices(&program, &located),
            Family::Locks => locks(&reachability, name(2), &context),
            Family::Questions => questions(&reachability, &context),
            Family::Tests => {
                let file =
                    Input::Text { name: name(3).to_owned(), bytes: test_file(&name).to_string().into() };
                let read = expect::read(&[file], false);
                findings(&read.diagnostics, &read.sources);
                tests(&read, &program, &locate);
                tests(&read, small_cluster(), &locate);
            }
            Family::Changes => {
                let is_policy = |manifest: &&Manifest| !matches!(manifest.object, Object::NetworkPolicy(_));
                let fewer: Vec<Manifest> = loaded.manifests.iter().filter(is_policy).cloned().collect();
                let before = compile(&build(&fewer, &options).cluster, profile);
                changes([&before, &program], name(4), &located, &loaded.sources);
            }
        }
    }
}

/// Objects with names and labels that nobody checks, or that are refused.
fn named_objects<'n>(name: &impl Fn(usize) -> &'n str) -> Value {
    let pod = |pod: &str, kind: &str, owner: &str| {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": pod, "namespace": "shop", "labels": {"app": pod}, "annotations": {"note": name(5)},
                "ownerReferences": [
                    {"apiVersion": "example.com/v1", "kind": kind, "name": owner, "uid": "1", "controller": true},
                ],
            },
            "spec": {"containers": [{"name": "c", "ports": [{"name": "http", "containerPort": 80}]}]},
        })
    };
    let policy = |policy: &str, spec: Value| {
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": policy, "namespace": "shop"}, "spec": spec,
        })
    };
    json!({"apiVersion": "v1", "kind": "List", "items": [
        pod("a", name(6), name(7)),
        pod("b", name(8), name(9)),
        policy("a", json!({"podSelector": {"matchLabels": {"app": "a"}}, "ingress": [{"ports": [{"port": 80}]}]})),
        policy(name(10), json!({"podSelector": {}, name(11): name(12)})),
        policy("labels", json!({"podSelector": {"matchLabels": {name(13): name(14)}}})),
        {"apiVersion": name(15), "kind": name(16), "metadata": {"name": name(17), "namespace": "shop"}},
        {
            "apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy",
            "metadata": {"name": name(18), "namespace": "shop"}, "spec": {"endpointSelector": {}},
        },
        {"apiVersion": "example.com/v1", "kind": name(19), "metadata": {"name": "template"},
         "spec": {"template": {"metadata": {"labels": {name(20): name(21)}}, "spec": {"containers": []}}}},
    ]})
}

fn test_file<'n>(name: &impl Fn(usize) -> &'n str) -> Value {
    json!({
        "apiVersion": "podreach/v1", "kind": "ReachabilityTest", "metadata": {"name": name(22)},
        "endpoints": {name(23): {"namespace": "shop", "podSelector": {}}},
        "tests": [
            {"name": name(24), "from": "shop/a", "to": "shop/b", "ports": [80], "expect": "deny"},
            {"name": format!("{} 2", name(25)), "from": name(23), "to": "shop/a", "expect": "allow"},
            {"name": "3", "to": "shop/a", "expectOnly": [name(26)], "allowEmpty": true},
        ],
        "waivers": [{"test": name(24), "reason": name(27), "expires": "2027-03-01"}],
    })
}

fn matrices(program: &Program, located: &[Located<'_>]) {
    let cluster = &program.cluster;
    let reachability = solve(program);
    let views = [By::Pod, By::Workload, By::Namespace].map(|by| View { by, ..View::default() });
    let matrix = Matrix::new(&reachability);
    for view in &views {
        let report = matrix::Report {
            names: Names::new(cluster, matrix.externals()),
            profile: program.profile,
            by: view.by,
            summary: matrix.summary(),
            endpoints: matrix.endpoints(view),
            notes: located,
        };
        let flows = Viewed { matrix: &matrix, view };
        let write =
            |format, out: &mut dyn Write| matrix::write(format, &report, &flows, Palette::default(), out);
        both(write);
        for &format in matrix::FORMATS {
            let is_too_large =
                matrix::PICTURES.contains(&format) && report.endpoints.len() > matrix::LARGEST_PICTURE;
            if !is_too_large {
                written(format, |out| write(format, out));
            }
        }
        if view.by == By::Namespace {
            for &format in matrix::SUMMARY_FORMATS {
                written(format, |out| matrix::write_summary(format, &report, Palette::default(), out));
            }
        }
    }
}

/// Checks that `snapshot --check` reads what `snapshot --update` writes.
fn locks(reachability: &Reachability<'_>, file: &str, context: &Context<'_>) {
    let lock = Lock::of(reachability);
    let text = lock_file(&lock);
    well_formed::output(Format::Yaml, text.as_bytes());
    let read = parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(read, lock, "{text}");
    assert_eq!(compare(&read, &lock), []);
    both(|format, out| object(format, &LockObject::new(&lock), out));
    let empty = Lock { profile: lock.profile, lines: Vec::new() };
    let causes = Causes::new(reachability);
    let changes = compare(&empty, &lock).into_iter().map(|change| {
        let because = causes.of(&change);
        (change, because)
    });
    let checked =
        Checked { file: file.to_owned(), changes: changes.collect(), fail_on: FailOn::Any, context };
    both(|format, out| object(format, &CheckObject::new(&checked), out));
    said(&snapshot::text(&checked, Palette::default()));
    well_formed::output(Format::Markdown, snapshot::markdown(&checked).as_bytes());
}

/// Questions about the first pods.
fn questions(reachability: &Reachability<'_>, context: &Context<'_>) {
    let cluster: &Cluster = context.cluster;
    let ranges = Ranges::default();
    let mut ends: Vec<String> = cluster.pods.ids().take(2).map(|pod| cluster.pod_path(pod, 0)).collect();
    ends.push("internet".to_owned());
    for (from, to) in ends.iter().zip(ends.iter().skip(1)) {
        let parsed = endpoint::parse_source(from, cluster, None, &ranges)
            .and_then(|from| Ok((from, endpoint::parse_question(to, Some("80"), cluster, None, &ranges)?)));
        // What a pod is called may be no name that can be typed.
        let Ok((from, to)) = parsed else { continue };
        let answer = can(reachability, &from, &to);
        both(|format, out| object(format, &explain::answer_object(context, &answer), out));
        said(&explain::can_text(context, &answer, Palette::default()));
        said(&explain::answer_text(context, &answer, Palette::default()));
        for text in [explain::can_markdown(context, &answer), explain::answer_markdown(context, &answer)] {
            well_formed::output(Format::Markdown, text.as_bytes());
        }
        for direction in Direction::ALL {
            let question = Question {
                target: from.clone(),
                direction,
                ports: None,
                hops: 2,
                external_only: false,
                about: None,
            };
            let answer = reach(reachability, question);
            let names = Names::new(cluster, &answer.externals);
            let report = reach_report::Report { answer: &answer, names: &names, context };
            both(|format, out| object(format, &reach_report::object(report), out));
            said(&reach_report::text(report, true, Palette::default()));
            for (format, text) in [
                (Format::Markdown, reach_report::markdown(report)),
                (Format::Dot, reach_report::dot(report)),
                (Format::Mermaid, reach_report::mermaid(report)),
                (Format::Svg, reach_report::svg(report)),
            ] {
                well_formed::output(format, text.as_bytes());
            }
        }
    }
}

/// A difference, and the page that has it.
fn changes(programs: [&Program; 2], edit: &str, located: &[Located<'_>], sources: &Sources) {
    let [before, after] = programs.map(solve);
    let profile = programs[1].profile;
    let pairwise = diff::between_workloads(&before, &after);
    let scope = Scope { by: By::Workload, about: None };
    let found = difference(&before, &after, &pairwise, &scope);
    let table = table([&before, &after], &found, &scope, difference_report::LARGEST_PICTURE);
    let warnings = warnings(&before, &after, &pairwise);
    let locate = |origin: &Origin, path: &str| sources.locate(origin, path);
    let places = found.causes.iter().map(|cause| locate(cause.origin.as_ref()?, ""));
    let clusters = programs.map(|program| &*program.cluster);
    let report = difference_report::Report {
        edits: vec![edit.to_owned()],
        table: Some(&table),
        warnings: &warnings,
        notes: located,
        ..difference_report::Report::new(&found, clusters[0], clusters[1], profile, places.collect())
    };
    let write = |format, out: &mut dyn Write| {
        difference_report::write(format, &report, 60_000, Palette::default(), out)
    };
    both(write);
    for format in [Format::Table, Format::Wide, Format::Ndjson, Format::Csv, Format::Markdown, Format::Svg] {
        written(format, |out| write(format, out));
    }
    let context = Context { cluster: clusters[1], profile, locate: &locate };
    for changes in [None, Some(&report)] {
        let internet = endpoint::parse_source("internet", clusters[1], None, &Ranges::default());
        let page = page::Report {
            matrix: &Matrix::new(&after),
            context,
            internet: internet.expect("it is always there").ends.addresses,
            about: None,
            findings: located,
            before: None,
            sources,
            changes,
        };
        written(Format::Html, |out| page::write(&page, out));
    }
}
