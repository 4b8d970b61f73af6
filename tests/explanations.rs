//! Proofs, answers and fixes on random clusters: what they say of single connections and sets is what the solver says.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use podreach::cluster::{Addresses, Cluster};
use podreach::compile::compile;
use podreach::load::Position;
use podreach::net::{AddressSet, ByFamily, Family, PortSet, address_number};
use podreach::policy::{Action, Tier};
use podreach::profile::Profile;
use podreach::query::can::{Answer, Pairs, Verdict, can};
use podreach::query::endpoint::{Ports, Target};
use podreach::query::explain::{Fixes, NoFix, endpoint, pair};
use podreach::reference::Reference;
use podreach::render::explain::{
    Context, answer_markdown, answer_object, answer_text, can_text, endpoint_markdown, endpoint_object,
    endpoint_text,
};
use podreach::render::style::Palette;
use podreach::solve::proof::Prover;
use podreach::solve::{End, Reachability, solve};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::config;
use crate::support::generate::{self, Case};
use crate::support::judge::{self, pairs, pods};

/// A cluster, addresses and ports worth asking about.
type Questions = (Arc<Cluster>, Vec<IpAddr>, Vec<PortSet>);

/// The questions to ask about a case.
fn cluster(case: &Case) -> Result<Questions, TestCaseError> {
    let manifests = judge::manifests(case).map_err(TestCaseError::fail)?;
    let reference = Reference::new(&manifests, &case.options, case.profile);
    let cluster = judge::build(case, &manifests).map_err(TestCaseError::fail)?;
    let ports = reference.interesting_ports().into_iter();
    let ports = ports.map(|(protocol, port)| PortSet::from_range(protocol, port, port));
    let ports = std::iter::once(PortSet::full()).chain(ports).collect();
    Ok((cluster, reference.interesting_addresses(), ports))
}

/// Addresses that no pod owns: the others mean the pods.
fn outside(cluster: &Cluster, addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let owned = |pod: &podreach::cluster::Pod| match &pod.addresses {
        Addresses::Known(known) => known.to_vec(),
        Addresses::Unknown => Vec::new(),
    };
    let owned: BTreeSet<IpAddr> = cluster.pods.iter().flat_map(owned).collect();
    addresses.into_iter().filter(|ip| !owned.contains(ip)).collect()
}

/// Some ends as if somebody had typed them.
fn target(ends: &[End], ports: &PortSet) -> Target {
    let mut target = Target {
        text: "these".into(),
        end: "these".into(),
        ports: if ports.is_full() { Ports::Every } else { Ports::Of(ports.clone()) },
        names_port: !ports.is_full(),
        ..Target::default()
    };
    let mut addresses: ByFamily<Vec<(u128, u128)>> = ByFamily::default();
    for &end in ends {
        match end {
            End::Pod(pod, index) => target.ends.pods.push((pod, index..index + 1)),
            End::Address(ip) => addresses[Family::of(ip)].push((address_number(ip), address_number(ip))),
        }
    }
    for family in Family::ALL {
        target.ends.addresses[family] = AddressSet::from_ranges(addresses[family].iter().copied());
    }
    target
}

/// A few ends.
fn some(all: &[End], chosen: &[Index]) -> Vec<End> {
    let chosen: BTreeSet<End> = chosen.iter().map(|index| *index.get(all)).collect();
    chosen.into_iter().collect()
}

fn render(cluster: &Cluster, profile: Profile, answer: &Answer) -> String {
    let place = |_: &_, path: &str| Some(Position { source: path.into(), line: 1, column: 1, span: 0..0 });
    let context = Context { cluster, profile, locate: &place };
    let prover = Prover::new(cluster, profile);
    let policies = endpoint(&prover, &answer.from);
    [
        can_text(&context, answer, Palette::default()),
        answer_text(&context, answer, Palette::default()),
        answer_markdown(&context, answer),
        serde_json::to_string(&answer_object(&context, answer)).expect("answers are JSON"),
        endpoint_text(&context, &policies, Palette::default()),
        endpoint_markdown(&context, &policies),
        serde_json::to_string(&endpoint_object(&context, &policies)).expect("policies are JSON"),
    ]
    .concat()
}

/// The pairs of two sets by verdict, one by one.
fn count(reachability: &Reachability<'_>, from: &[End], to: &[End], asked: &PortSet) -> Pairs {
    let mut pairs = Pairs::default();
    for &a in from {
        for &b in to {
            match Verdict::of(&reachability.connectivity(a, b), asked) {
                Verdict::Allow => pairs.allow += 1,
                Verdict::Deny => pairs.deny += 1,
                Verdict::Unknown => pairs.unknown += 1,
            }
        }
    }
    pairs
}

proptest! {
    #![proptest_config(config(512))]

    /// A proof comes to what the solver says.
    #[test]
    fn a_proof_proves_what_is_solved(case in generate::case()) {
        let (cluster, addresses, _) = cluster(&case)?;
        let program = compile(&cluster, case.profile);
        let reachability = solve(&program);
        let prover = Prover::new(&cluster, case.profile);
        for (from, to) in pairs(&cluster, &outside(&cluster, addresses)) {
            let proved = prover.prove(from, to).connectivity();
            prop_assert_eq!(proved, reachability.connectivity(from, to), "{:?} -> {:?}", from, to);
        }
    }

    /// The walk through the tiers comes to the verdict of each side, port by port.
    #[test]
    fn the_walk_through_the_tiers_comes_to_the_verdict(case in generate::case(), port in any::<Index>()) {
        let (cluster, addresses, ports) = cluster(&case)?;
        let asked = port.get(&ports[1..]);
        let prover = Prover::new(&cluster, case.profile);
        for (from, to) in pairs(&cluster, &outside(&cluster, addresses)) {
            let explanation = pair(&prover, from, to, asked);
            let Some(family) = explanation.family() else { continue };
            for side in family.sides().into_iter().filter(|side| side.exemption.is_none()) {
                let steps = explanation.tiers(&cluster, side);
                let said = format!("{from:?} -> {to:?} {:?}: {steps:#?}", side.direction);
                let is_evaluated = steps.iter().all(|step| step.tier.is_evaluated());
                let does = |action: Action, only_sure: bool| {
                    let rules = steps.iter().flat_map(|step| &step.rules);
                    let tied = steps.iter().flat_map(|step| &step.ties).flat_map(|tie| &tie.rules);
                    rules.filter(|one| one.is_sure || !only_sure).chain(tied).any(|one| one.action == action)
                };
                let is_left = steps.last().is_none_or(|step| !step.left.is_empty());
                let is_shut = steps.iter().any(|step| !step.shut.is_empty());
                match explanation.side_verdict(side) {
                    Verdict::Allow => {
                        prop_assert!(!does(Action::Deny, false) && !is_shut, "{said}");
                        prop_assert!(does(Action::Accept, true) || is_left, "{said}");
                    }
                    Verdict::Deny => {
                        prop_assert!(!is_evaluated || (!does(Action::Accept, false) && !is_left), "{said}");
                    }
                    Verdict::Unknown => {
                        let is_doubtful = steps.iter().any(|step| {
                            !step.ties.is_empty() || step.rules.iter().any(|one| !one.is_sure)
                        }) || side.policies.iter().any(|proof| !proof.selects.sure());
                        prop_assert!(!is_evaluated || is_doubtful, "{said}");
                    }
                }
            }
        }
    }

    /// The verdict on sets is that on all of their pairs, and everything that is said of it can be printed.
    #[test]
    fn sets_are_judged_as_their_pairs(
        case in generate::case(),
        from in prop::collection::vec(any::<Index>(), 1..6),
        to in prop::collection::vec(any::<Index>(), 1..6),
        port in any::<Index>(),
    ) {
        let (cluster, _, ports) = cluster(&case)?;
        let pods = pods(&cluster);
        prop_assume!(!pods.is_empty());
        let (from, to, asked) = (some(&pods, &from), some(&pods, &to), port.get(&ports));
        let program = compile(&cluster, case.profile);
        let reachability = solve(&program);
        let answer = can(&reachability, &target(&from, asked), &target(&to, asked));
        prop_assert_eq!(answer.pairs, count(&reachability, &from, &to, asked));
        prop_assert_eq!(answer.shown.verdict, answer.verdict);
        prop_assert!(!render(&cluster, case.profile, &answer).is_empty());
    }

    /// A fix allows what was asked, closes nothing, and opens beside it exactly what it says.
    #[test]
    fn a_fix_does_what_it_says(
        case in generate::case(),
        from in prop::collection::vec(any::<Index>(), 1..4),
        to in prop::collection::vec(any::<Index>(), 1..4),
        port in any::<Index>(),
    ) {
        let (cluster, addresses, ports) = cluster(&case)?;
        let ends: Vec<End> = outside(&cluster, addresses).into_iter().map(End::Address).collect();
        let ends = [pods(&cluster), ends].concat();
        prop_assume!(!pods(&cluster).is_empty());
        let (from, to, asked) = (some(&ends, &from), some(&ends, &to), port.get(&ports));
        let question = (target(&from, asked), target(&to, asked));
        let program = compile(&cluster, case.profile);
        let before = solve(&program);
        let mut answer = can(&before, &question.0, &question.1);
        answer.fix = Fixes::new(&before).fix(&question.0, &question.1);
        let said = render(&cluster, case.profile, &answer);
        seen::question(answer.pairs.deny > 0, answer.fix.as_ref());
        // Addresses that may be those of pods are denied for themselves, and are not denied for sure.
        prop_assert!(answer.fix.is_some() || answer.pairs.deny == 0, "{said}");
        prop_assert!(answer.fix.is_none() || count(&before, &from, &to, asked).deny > 0, "{said}");
        match &answer.fix {
            Some(Ok(fix)) => {
                prop_assert!(!asked.is_full(), "nobody asked for a port: {said}");
                let mut fixed = case.clone();
                for policy in &fix.policies {
                    fixed.objects.push(serde_json::to_value(policy).expect("a policy is JSON"));
                }
                let manifests = judge::manifests(&fixed).map_err(TestCaseError::fail)?;
                let fixed_cluster = judge::build(&fixed, &manifests).map_err(TestCaseError::fail)?;
                let program = compile(&fixed_cluster, fixed.profile);
                let after = solve(&program);
                let then = can(&after, &question.0, &question.1);
                prop_assert_eq!((then.verdict, then.pairs.deny), (fix.then, fix.remaining), "{}", said);
                prop_assert!(then.pairs.deny < answer.pairs.deny, "it does not help: {said}");
                let addresses = Reference::new(&manifests, &fixed.options, fixed.profile).interesting_addresses();
                let addresses = outside(&cluster, addresses);
                let effect = effect(&cluster, (&before, &after), &addresses, (&from, &to), asked);
                let has_baseline = cluster.policies.iter().any(|policy| policy.tier == Tier::Baseline);
                prop_assert!(has_baseline || fix.closes.is_nothing(), "it closes something: {said}");
                let closes = &fix.closes;
                let closed = (effect.closed, effect.closed_outside.len() as u64);
                prop_assert_eq!((closes.pairs, closes.outside), closed, "{}", said);
                prop_assert_eq!(closes.example.is_none(), closes.is_nothing());
                let opens = &fix.opens;
                prop_assert_eq!((opens.pairs, opens.perhaps), (effect.pairs, effect.perhaps), "{}", said);
                prop_assert_eq!(opens.outside, effect.outside.len() as u64, "{}", said);
                prop_assert_eq!(opens.example.is_none(), opens.is_nothing());
            }
            Some(Err(NoFix::NoPort)) => prop_assert!(asked.is_full()),
            Some(Err(_)) | None => {}
        }
    }
}

/// The effect of a change beside what was asked for, pair by pair.
#[derive(Default)]
struct Effect {
    /// Pairs of pods that lose a port.
    closed: u64,
    /// The pods that lose addresses, with the direction.
    closed_outside: BTreeSet<(End, bool)>,
    pairs: u64,
    perhaps: u64,
    /// The pods that open to addresses, with the direction.
    outside: BTreeSet<(End, bool)>,
}

fn effect(
    cluster: &Cluster,
    (before, after): (&Reachability<'_>, &Reachability<'_>),
    addresses: &[IpAddr],
    (from, to): (&[End], &[End]),
    asked: &PortSet,
) -> Effect {
    let mut effect = Effect::default();
    for (a, b) in pairs(cluster, addresses).into_iter().filter(|(a, b)| a != b) {
        let (was, is) = (before.connectivity(a, b), after.connectivity(a, b));
        if !was.must.difference(&is.must).is_empty() || !was.may.difference(&is.may).is_empty() {
            match (a, b) {
                (End::Pod(..), End::Pod(..)) => effect.closed += 1,
                (pod @ End::Pod(..), End::Address(_)) => _ = effect.closed_outside.insert((pod, true)),
                (End::Address(_), pod) => _ = effect.closed_outside.insert((pod, false)),
            }
        }
        let surely = is.must.difference(&was.must);
        let grown = surely.union(&is.may.difference(&was.may));
        let is_asked = from.contains(&a) && to.contains(&b) && grown.difference(asked).is_empty();
        if grown.is_empty() || is_asked {
            continue;
        }
        match (a, b) {
            (End::Pod(..), End::Pod(..)) if surely.is_empty() => effect.perhaps += 1,
            (End::Pod(..), End::Pod(..)) => effect.pairs += 1,
            (pod @ End::Pod(..), End::Address(_)) => _ = effect.outside.insert((pod, true)),
            (End::Address(_), pod) => _ = effect.outside.insert((pod, false)),
        }
    }
    effect
}

/// Numbers of questions and fixes that the properties saw: `PODREACH_COUNT=1 cargo test a_fix_does -- --nocapture`
/// prints them.
mod seen {
    use std::sync::atomic::{AtomicU64, Ordering};

    use podreach::query::explain::{Fix, NoFix};

    static SEEN: [AtomicU64; 5] = [const { AtomicU64::new(0) }; 5];

    /// Counts a question, and prints the counts now and then where they are asked for.
    #[expect(clippy::print_stderr, reason = "it is asked for")]
    pub(super) fn question(is_denied: bool, fix: Option<&Result<Fix, NoFix>>) {
        let opens = |fix: &Fix| !fix.opens.is_nothing();
        let kinds = [
            true,
            is_denied,
            matches!(fix, Some(Ok(_))),
            matches!(fix, Some(Ok(fix)) if fix.remaining > 0),
            matches!(fix, Some(Ok(fix)) if opens(fix)),
        ];
        let counts: Vec<u64> = SEEN
            .iter()
            .zip(kinds)
            .map(|(count, applies)| {
                count.fetch_add(u64::from(applies), Ordering::Relaxed) + u64::from(applies)
            })
            .collect();
        if std::env::var_os("PODREACH_COUNT").is_some() && counts[0].is_multiple_of(500) {
            let [all, denied, fixes, partial, wide] = counts[..] else { return };
            eprintln!("{all} questions, {denied} denied, {fixes} fixes: {partial} in part, {wide} open more");
        }
    }
}
