//! One policy taken away or added, tried out and taken back: what each mutation of a policy costs.

use criterion::{BenchmarkId, Criterion};
use podreach::cluster::Options;
use podreach::diagnostic::ObjectName;
use podreach::k8s::{Object, Text};
use podreach::load::{self, Input, Manifest};
use podreach::profile::Profile;
use podreach::what_if::{Edit, Simulation};

use serde_json::{Value, json};

use super::support::{Format, Shape, dump, group};

/// Policies of shape A in turn; `examples/edits.rs` tells the median.
pub(crate) fn what_if(criterion: &mut Criterion) {
    let mut group = group(criterion, "what-if/A".to_owned());
    for pods in [1_000, 3_000, 10_000, 30_000] {
        let manifests = load::load(&[dump(Shape::A, pods, Format::Json)], load::Options::default()).manifests;
        let deletions: Vec<Edit> = manifests
            .iter()
            .filter_map(|manifest| {
                let Object::NetworkPolicy(policy) = &manifest.object else { return None };
                let text = |text: &Option<Text>| text.as_deref().unwrap_or_default().into();
                let (namespace, name) = (text(&policy.metadata.namespace), text(&policy.metadata.name));
                Some(Edit::Delete(ObjectName { kind: "NetworkPolicy".into(), namespace, name }))
            })
            .collect();
        let mut simulation = Simulation::new(manifests, Options::default(), Profile::Spec)
            .expect("a generated dump is free of errors");
        let mut turn = 0;
        group.bench_function(BenchmarkId::from_parameter(pods), |bencher| {
            bencher.iter(|| {
                turn = (turn + 7_919) % deletions.len();
                simulation
                    .try_out(&deletions[turn..=turn], |variant| variant.effect.difference.changes.len())
                    .expect("the policy is there")
            });
        });
        for (name, subject) in [
            ("tenant", json!({"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}})),
            ("cluster", json!({})),
        ] {
            let edit = [Edit::Apply(Box::new(cluster_wide(&subject)))];
            group.bench_function(BenchmarkId::new(name, pods), |bencher| {
                bencher.iter(|| {
                    simulation
                        .try_out(&edit, |variant| variant.effect.difference.changes.len())
                        .expect("the policy is right")
                });
            });
        }
    }
}

/// A cluster-wide policy that closes a port of the namespaces it is about.
fn cluster_wide(subject: &Value) -> Manifest {
    let rule = |side: &str| {
        json!([{
            "action": "Deny",
            side: [{"namespaces": {}}],
            "protocols": [{"tcp": {"destinationPort": {"number": 8080}}}],
        }])
    };
    let policy = json!({
        "apiVersion": "policy.networking.k8s.io/v1beta1",
        "kind": "ClusterNetworkPolicy",
        "metadata": {"name": "added"},
        "spec": {
            "tier": "Admin",
            "priority": 1,
            "subject": {"namespaces": subject},
            "ingress": rule("from"),
            "egress": rule("to"),
        },
    });
    let input = Input::Text { name: "added".to_owned(), bytes: policy.to_string().into() };
    load::load(&[input], load::Options::default()).manifests.remove(0)
}
