//! ClusterNetworkPolicies: over the whole cluster, and over single tenants.

use super::policies::Selector;
use super::text::Text;

/// A ClusterNetworkPolicy; its rules are about namespaces.
#[derive(Debug)]
struct Policy {
    name: String,
    tier: &'static str,
    priority: usize,
    subject: Selector,
    ingress: Vec<Rule>,
    egress: Vec<Rule>,
}

/// Action, peers and, if not every port, a TCP port.
#[derive(Debug)]
struct Rule(&'static str, Selector, Option<usize>);

/// Writes `count` policies over the whole cluster: in turn one that lets the monitoring in, one that keeps two teams apart, one
/// that leaves an environment's traffic to NetworkPolicies, one that closes a port between environments, and a baseline.
pub(crate) fn write_wide(count: usize, teams: &[&str], environments: &[&str], text: &mut Text<'_>) {
    let team = |number: usize| Selector::label("team", teams[number % teams.len()]);
    let environment =
        |number: usize| Selector::label("environment", environments[number % environments.len()]);
    for i in 0..count {
        let (name, priority) = (format!("wide-{i}"), i % 1001);
        let policy =
            |tier, subject, ingress, egress| Policy { name, tier, priority, subject, ingress, egress };
        let written = match i % 5 {
            0 => {
                let monitoring = Selector::namespace("monitoring");
                policy(
                    "Admin",
                    Selector::all(),
                    vec![Rule("Accept", monitoring, Some(9000 + i % 1000))],
                    vec![],
                )
            }
            1 => {
                let deny = || vec![Rule("Deny", team(i + 5), None)];
                policy("Admin", team(i), deny(), deny())
            }
            2 => policy("Admin", team(i + 7), vec![Rule("Pass", environment(i), Some(8000 + i % 7))], vec![]),
            3 => {
                let deny = || vec![Rule("Deny", environment(i / 5 + i + 1), Some(22 + i % 1000))];
                policy("Admin", environment(i), deny(), deny())
            }
            _ => {
                let subject = if i < 5 { Selector::all() } else { team(i) };
                let rules = vec![Rule("Accept", team(i), None), Rule("Deny", Selector::all(), None)];
                policy("Baseline", subject, rules, vec![])
            }
        };
        written.write(text);
    }
}

/// Writes `count` policies over one namespace each, of these.
pub(crate) fn write_of_tenants(count: usize, namespaces: &[&str], text: &mut Text<'_>) {
    for i in 0..count {
        let (own, turn) = (Selector::namespace(namespaces[i % namespaces.len()]), i / namespaces.len());
        let other = Selector::namespace(namespaces[(i + 1) % namespaces.len()]);
        let ingress =
            vec![Rule("Accept", own.clone(), Some(9000 + turn)), Rule("Deny", other, Some(4000 + turn))];
        let egress = if i % 2 == 1 { vec![Rule("Pass", own.clone(), None)] } else { vec![] };
        let policy = Policy {
            name: format!("tenant-{i}"),
            tier: "Admin",
            priority: 100 + i % 900,
            subject: own,
            ingress,
            egress,
        };
        policy.write(text);
    }
}

impl Policy {
    fn write(&self, text: &mut Text<'_>) {
        text.resource(|text| {
            text.string("apiVersion", "policy.networking.k8s.io/v1beta1");
            text.string("kind", "ClusterNetworkPolicy");
            text.object("metadata", |text| {
                text.string("creationTimestamp", super::objects::CREATED);
                text.number("generation", 1);
                text.string("name", &self.name);
                text.string("resourceVersion", "48213907");
            });
            text.object("spec", |text| {
                for (key, peers, rules) in
                    [("egress", "to", &self.egress), ("ingress", "from", &self.ingress)]
                {
                    if !rules.is_empty() {
                        text.list(key, |text| rules.iter().for_each(|rule| rule.write(peers, text)));
                    }
                }
                text.number("priority", self.priority);
                text.object("subject", |text| self.subject.write("namespaces", text));
                text.string("tier", self.tier);
            });
        });
    }
}

impl Rule {
    fn write(&self, peers: &str, text: &mut Text<'_>) {
        let Self(action, namespaces, port) = self;
        text.item(|text| {
            text.string("action", action);
            text.list(peers, |text| text.item(|text| namespaces.write("namespaces", text)));
            if let Some(port) = port {
                text.list("protocols", |text| {
                    text.item(|text| {
                        text.object("tcp", |text| {
                            text.object("destinationPort", |text| text.number("number", *port));
                        });
                    });
                });
            }
        });
    }
}
