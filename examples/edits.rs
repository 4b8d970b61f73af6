//! Times single changes of policies in a cluster: each is made, and its difference found.
//!
//! `cargo run --release --example edits -- dump.json`

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use podreach::cluster::Options;
use podreach::diagnostic::{Diagnostic, ObjectName};
use podreach::k8s::{Object, Text};
use podreach::load::{self, Input, Manifest};
use podreach::profile::Profile;
use podreach::what_if::{Edit, Simulation};

/// Time changes of single policies: taken away, added again, changed.
#[derive(Parser)]
struct Arguments {
    /// The cluster.
    dump: PathBuf,
    /// How many policies to change, spread evenly over all.
    #[arg(long, default_value_t = 150)]
    policies: usize,
}

fn main() -> ExitCode {
    match run(&Arguments::parse(), &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // Nowhere is left to report that standard error cannot be written.
            let _ = writeln!(io::stderr(), "edits: {message}");
            ExitCode::from(2)
        }
    }
}

/// Durations of one sort of change, change by change.
struct Series {
    name: &'static str,
    times: Vec<Duration>,
    changed: usize,
}

impl Series {
    fn new(name: &'static str) -> Self {
        Self { name, times: Vec::new(), changed: 0 }
    }

    fn time(&mut self, simulation: &mut Simulation, edit: Edit) -> Result<(), String> {
        let edits = [edit];
        let start = Instant::now();
        let effect = simulation.apply(&edits).map_err(first)?;
        self.times.push(start.elapsed());
        self.changed += usize::from(!effect.difference.is_empty());
        Ok(())
    }

    fn report(mut self, out: &mut impl Write) -> io::Result<()> {
        self.times.sort_unstable();
        let at = |percent: usize| self.times[(self.times.len() - 1) * percent / 100];
        let (median, most, longest) = (at(50), at(90), at(100));
        let (name, count, changed) = (self.name, self.times.len(), self.changed);
        writeln!(
            out,
            "{name:8} {count:5} times, {changed:5} with a difference: median {median:.1?}, 90% {most:.1?}, longest {longest:.1?}"
        )
    }
}

fn run(arguments: &Arguments, out: &mut impl Write) -> Result<(), String> {
    let loaded = load::load(&[Input::Path(arguments.dump.clone())], load::Options::default());
    let is_policy = |manifest: &&Manifest| matches!(manifest.object, Object::NetworkPolicy(_));
    let policies: Vec<Manifest> = loaded.manifests.iter().filter(is_policy).cloned().collect();
    let start = Instant::now();
    let mut simulation =
        Simulation::new(loaded.manifests, Options::default(), Profile::Spec).map_err(first)?;
    let mut write =
        |text: std::fmt::Arguments<'_>| writeln!(out, "{text}").map_err(|error| error.to_string());
    write(format_args!("prepared in {:.1?}", start.elapsed()))?;
    let [mut removed, mut added, mut changed] = ["removed", "added", "changed"].map(Series::new);
    let step = (policies.len() / arguments.policies.max(1)).max(1);
    for original in policies.iter().step_by(step) {
        let Object::NetworkPolicy(policy) = &original.object else { continue };
        let text = |text: &Option<Text>| text.as_deref().unwrap_or_default().into();
        let name = ObjectName {
            kind: "NetworkPolicy".into(),
            namespace: text(&policy.metadata.namespace),
            name: text(&policy.metadata.name),
        };
        removed.time(&mut simulation, Edit::Delete(name))?;
        added.time(&mut simulation, Edit::Apply(Box::new(original.clone())))?;
        // A first rule without ports admits every port; a policy without rules gets one for everybody.
        let mut loosened = policy.clone();
        let spec = loosened.spec.get_or_insert_default();
        match (&mut spec.ingress, &mut spec.egress) {
            (Some(rules), _) if !rules.is_empty() => {
                std::sync::Arc::make_mut(&mut rules.items)[0].ports = None;
            }
            (_, Some(rules)) if !rules.is_empty() => {
                std::sync::Arc::make_mut(&mut rules.items)[0].ports = None;
            }
            (rules, _) => *rules = Some(vec![podreach::k8s::NetworkPolicyIngressRule::default()].into()),
        }
        let loosened = Manifest { object: Object::NetworkPolicy(loosened), origin: original.origin.clone() };
        changed.time(&mut simulation, Edit::Apply(Box::new(loosened)))?;
        changed.time(&mut simulation, Edit::Apply(Box::new(original.clone())))?;
    }
    for series in [removed, added, changed] {
        series.report(out).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn first(findings: Vec<Diagnostic>) -> String {
    findings.into_iter().next().map_or_else(|| "the input is not right".to_owned(), |found| found.message)
}
