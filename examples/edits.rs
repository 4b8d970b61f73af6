//! Times single changes of policies in a cluster: each is made, and its difference found. NetworkPolicies of the cluster are
//! taken away, added again and changed; cluster-wide policies are added, changed and taken away again.
//!
//! `cargo run --release --example edits -- dump.json`

use std::collections::BTreeSet;
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
use serde_json::{Value, json};

/// Time changes of single policies: taken away, added again, changed.
#[derive(Parser)]
struct Arguments {
    /// The cluster.
    dump: PathBuf,
    /// How many policies to change, spread evenly over all.
    #[arg(long, default_value_t = 150)]
    policies: usize,
    /// How many cluster-wide policies to add over one namespace each, spread evenly over all that are not empty.
    #[arg(long, default_value_t = 50)]
    tenants: usize,
    /// How many times to add each of several policies over the whole cluster.
    #[arg(long, default_value_t = 3)]
    wide: usize,
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
    name: String,
    times: Vec<Duration>,
    changed: usize,
}

impl Series {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), times: Vec::new(), changed: 0 }
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
        if self.times.is_empty() {
            return Ok(());
        }
        let at = |percent: usize| self.times[(self.times.len() - 1) * percent / 100];
        let (median, most, longest) = (at(50), at(90), at(100));
        let (name, count, changed) = (self.name, self.times.len(), self.changed);
        writeln!(
            out,
            "{name:24} {count:5} times, {changed:5} with a difference: median {median:.1?}, 90% {most:.1?}, longest {longest:.1?}"
        )
    }
}

fn run(arguments: &Arguments, out: &mut impl Write) -> Result<(), String> {
    let loaded = load::load(&[Input::Path(arguments.dump.clone())], load::Options::default());
    let is_policy = |manifest: &&Manifest| matches!(manifest.object, Object::NetworkPolicy(_));
    let namespaces: BTreeSet<Text> = loaded.manifests.iter().filter_map(namespace_of_pod).collect();
    let namespaces: Vec<Text> = namespaces.into_iter().collect();
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
    let mut all = vec![removed, added, changed];
    let step = (namespaces.len() / arguments.tenants.max(1)).max(1);
    let tenants = (0..namespaces.len()).step_by(step).take(arguments.tenants);
    let tenants: Vec<[Value; 2]> =
        tenants.map(|i| of_tenant(&namespaces[i], &namespaces[(i + 1) % namespaces.len()])).collect();
    all.extend(cluster_wide(&mut simulation, &["tenant: added", "changed", "removed"], &tenants)?);
    if arguments.wide > 0 {
        for (name, specs) in of_cluster() {
            let names = [format!("{name}: added"), "changed".to_owned(), "removed".to_owned()];
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            all.extend(cluster_wide(&mut simulation, &names, &vec![specs; arguments.wide])?);
        }
    }
    for series in all {
        series.report(out).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn namespace_of_pod(manifest: &Manifest) -> Option<Text> {
    match &manifest.object {
        Object::Pod(pod) => pod.metadata.namespace.clone(),
        _ => None,
    }
}

/// Adds a policy with each of the first specs, changes it to the second one, and takes it away.
fn cluster_wide(
    simulation: &mut Simulation,
    names: &[&str],
    specs: &[[Value; 2]],
) -> Result<Vec<Series>, String> {
    let mut all: Vec<Series> = names.iter().map(|name| Series::new(name)).collect();
    let name = "edited";
    for [first, second] in specs {
        for (series, spec) in all.iter_mut().zip([first, second]) {
            series.time(simulation, Edit::Apply(Box::new(policy(name, spec)?)))?;
        }
        let name =
            ObjectName { kind: "ClusterNetworkPolicy".into(), namespace: "".into(), name: name.into() };
        all[2].time(simulation, Edit::Delete(name))?;
    }
    Ok(all)
}

/// A ClusterNetworkPolicy.
fn policy(name: &str, spec: &Value) -> Result<Manifest, String> {
    let policy = json!({
        "apiVersion": "policy.networking.k8s.io/v1beta1",
        "kind": "ClusterNetworkPolicy",
        "metadata": {"name": name},
        "spec": spec,
    });
    let input = Input::Text { name: "edit".into(), bytes: policy.to_string().into() };
    let loaded = load::load(&[input], load::Options::default());
    loaded.manifests.into_iter().next().ok_or_else(|| first(loaded.diagnostics))
}

/// A rule with these peers, and with this port unless that is `null`.
fn rule(action: &str, side: &str, namespaces: &Value, port: Option<u16>) -> Value {
    let mut rule = json!({"action": action, side: [{"namespaces": namespaces}]});
    if let Some(port) = port {
        rule["protocols"] = json!([{"tcp": {"destinationPort": {"number": port}}}]);
    }
    rule
}

/// The namespace of this name.
fn named(name: &str) -> Value {
    json!({"matchLabels": {"kubernetes.io/metadata.name": name}})
}

/// A policy over one namespace, before it is changed and after: it is open to itself, and another namespace and later the
/// whole cluster is kept out of a port.
fn of_tenant(own: &str, other: &str) -> [Value; 2] {
    let spec = |priority: u32, kept_out: &Value| {
        json!({
            "tier": "Admin",
            "priority": priority,
            "subject": {"namespaces": named(own)},
            "ingress": [
                rule("Accept", "from", &named(own), None),
                rule("Deny", "from", kept_out, Some(8080)),
            ],
            "egress": [rule("Pass", "to", &named(own), None), rule("Deny", "to", kept_out, Some(22))],
        })
    };
    [spec(500, &named(other)), spec(400, &json!({}))]
}

/// Policies over the whole cluster, each before it is changed and after.
fn of_cluster() -> Vec<(&'static str, [Value; 2])> {
    let all = json!({});
    let spec = |tier: &str, priority: u32, ingress: Value, egress: Value| json!({"tier": tier, "priority": priority, "subject": {"namespaces": {}}, "ingress": ingress, "egress": egress});
    let deny = |action: &str, port| {
        spec("Admin", 300, json!([rule(action, "from", &all, port)]), json!([rule(action, "to", &all, port)]))
    };
    let monitoring =
        |port| spec("Admin", 500, json!([rule("Accept", "from", &named("monitoring"), port)]), json!([]));
    let baseline = |port| spec("Baseline", 100, json!([rule("Deny", "from", &all, port)]), json!([]));
    vec![
        ("let one in", [monitoring(Some(9100)), monitoring(None)]),
        ("close a port", [deny("Deny", Some(8080)), deny("Pass", Some(8080))]),
        ("close all", [deny("Deny", None), deny("Accept", Some(22))]),
        ("baseline", [baseline(Some(8080)), baseline(None)]),
    ]
}

fn first(findings: Vec<Diagnostic>) -> String {
    findings.into_iter().next().map_or_else(|| "the input is not right".to_owned(), |found| found.message)
}
