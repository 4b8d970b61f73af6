//! Network policies, and how they are written.

use super::text::Text;

/// A NetworkPolicy.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) selects: Selector,
    /// `None`: the policy does not isolate for ingress.
    pub(crate) ingress: Option<Vec<Rule>>,
    /// `None`: the policy does not isolate for egress.
    pub(crate) egress: Option<Vec<Rule>>,
}

/// A rule; no peers and no ports mean all of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rule {
    pub(crate) peers: Vec<Peer>,
    pub(crate) ports: Vec<Port>,
}

/// One of `from` or `to`.
#[derive(Clone, Debug)]
pub(crate) enum Peer {
    /// `podSelector`: pods of the policy's namespace.
    Pods(Selector),
    /// `namespaceSelector` and `podSelector`.
    PodsOf(Selector, Selector),
    /// `namespaceSelector`.
    Namespaces(Selector),
    /// `ipBlock`: the block and its exceptions.
    Block(String, Vec<String>),
}

/// One of `ports`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Port {
    Tcp(u16),
    Udp(u16),
    TcpRange(u16, u16),
    Named(&'static str),
}

/// A label selector: all of its requirements.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selector {
    labels: Vec<(String, String)>,
    expressions: Vec<(String, &'static str, Vec<String>)>,
}

impl Selector {
    /// Selects everything.
    pub(crate) fn all() -> Self {
        Self::default()
    }

    /// Requires a label.
    pub(crate) fn label(key: &str, value: &str) -> Self {
        Self { labels: vec![(key.to_owned(), value.to_owned())], expressions: Vec::new() }
    }

    /// Requires `key OPERATOR values`, too.
    pub(crate) fn and(mut self, key: &str, operator: &'static str, values: &[String]) -> Self {
        self.expressions.push((key.to_owned(), operator, values.to_vec()));
        self
    }

    /// The namespace of that name.
    pub(crate) fn namespace(name: &str) -> Self {
        Self::label("kubernetes.io/metadata.name", name)
    }

    pub(crate) fn write(&self, key: &str, text: &mut Text<'_>) {
        text.object(key, |text| {
            if !self.expressions.is_empty() {
                text.list("matchExpressions", |text| {
                    for (key, operator, values) in &self.expressions {
                        text.item(|text| {
                            text.string("key", key);
                            text.string("operator", operator);
                            if !values.is_empty() {
                                text.list("values", |text| {
                                    for value in values {
                                        text.element(value);
                                    }
                                });
                            }
                        });
                    }
                });
            }
            if !self.labels.is_empty() {
                text.object("matchLabels", |text| {
                    self.labels.iter().for_each(|(key, value)| text.string(key, value));
                });
            }
        });
    }
}

impl Rule {
    /// Peers and ports.
    pub(crate) fn new(peers: Vec<Peer>, ports: Vec<Port>) -> Self {
        Self { peers, ports }
    }

    fn write(&self, peers: &str, text: &mut Text<'_>) {
        text.item(|text| {
            if peers == "from" {
                self.write_peers(peers, text);
            }
            if !self.ports.is_empty() {
                text.list("ports", |text| self.ports.iter().for_each(|port| port.write(text)));
            }
            if peers == "to" {
                self.write_peers(peers, text);
            }
        });
    }

    fn write_peers(&self, key: &str, text: &mut Text<'_>) {
        if !self.peers.is_empty() {
            text.list(key, |text| self.peers.iter().for_each(|peer| peer.write(text)));
        }
    }
}

impl Peer {
    fn write(&self, text: &mut Text<'_>) {
        text.item(|text| match self {
            Self::Pods(pods) => pods.write("podSelector", text),
            Self::Namespaces(namespaces) => namespaces.write("namespaceSelector", text),
            Self::PodsOf(namespaces, pods) => {
                namespaces.write("namespaceSelector", text);
                pods.write("podSelector", text);
            }
            Self::Block(cidr, except) => text.object("ipBlock", |text| {
                text.string("cidr", cidr);
                if !except.is_empty() {
                    text.list("except", |text| except.iter().for_each(|hole| text.element(hole)));
                }
            }),
        });
    }
}

impl Port {
    fn write(self, text: &mut Text<'_>) {
        text.item(|text| {
            if let Self::TcpRange(_, last) = self {
                text.number("endPort", last.into());
            }
            match self {
                Self::Tcp(port) | Self::Udp(port) | Self::TcpRange(port, _) => {
                    text.number("port", port.into());
                }
                Self::Named(name) => text.string("port", name),
            }
            text.string("protocol", if matches!(self, Self::Udp(_)) { "UDP" } else { "TCP" });
        });
    }
}

impl Policy {
    /// A policy that does nothing yet.
    pub(crate) fn new(namespace: &str, name: impl Into<String>, selects: Selector) -> Self {
        let (namespace, name) = (namespace.to_owned(), name.into());
        Self { namespace, name, selects, ingress: None, egress: None }
    }

    /// Isolates for ingress, but for these rules.
    pub(crate) fn ingress(self, rules: Vec<Rule>) -> Self {
        Self { ingress: Some(rules), ..self }
    }

    /// Isolates for egress, but for these rules.
    pub(crate) fn egress(self, rules: Vec<Rule>) -> Self {
        Self { egress: Some(rules), ..self }
    }

    /// The object.
    pub(crate) fn write(&self, text: &mut Text<'_>) {
        text.resource(|text| {
            text.string("apiVersion", "networking.k8s.io/v1");
            text.string("kind", "NetworkPolicy");
            text.object("metadata", |text| {
                text.string("creationTimestamp", super::objects::CREATED);
                text.number("generation", 1);
                text.string("name", &self.name);
                text.string("namespace", &self.namespace);
                text.string("resourceVersion", "48213907");
            });
            text.object("spec", |text| {
                for (key, peers, rules) in
                    [("egress", "to", &self.egress), ("ingress", "from", &self.ingress)]
                {
                    if let Some(rules) = rules.as_ref().filter(|rules| !rules.is_empty()) {
                        text.list(key, |text| rules.iter().for_each(|rule| rule.write(peers, text)));
                    }
                }
                self.selects.write("podSelector", text);
                text.list("policyTypes", |text| {
                    for (kind, rules) in [("Ingress", &self.ingress), ("Egress", &self.egress)] {
                        if rules.is_some() {
                            text.element(kind);
                        }
                    }
                });
            });
        });
    }
}
