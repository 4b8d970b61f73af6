//! The errors in the text of an endpoint.

use crate::net::Protocol;

/// The reason why a text names no endpoint, with a way out of it in [`EndpointError::help`].
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EndpointError {
    /// Too many or empty segments.
    #[error("`{text}` is not an endpoint")]
    Shape {
        /// The text.
        text: String,
    },
    /// Brackets that do not hold an IPv6 address.
    #[error("`{text}`: brackets go around an IPv6 address, with the port behind them")]
    Brackets {
        /// The text.
        text: String,
    },
    /// An address with an impossible prefix length.
    #[error("`{text}` is not a CIDR")]
    BadBlock {
        /// The text.
        text: String,
    },
    /// The first of three segments is no kind.
    #[error("unknown kind `{kind}`")]
    UnknownKind {
        /// The segment.
        kind: String,
    },
    /// Nodes are addresses, and policies are no place at all.
    #[error("{kind} `{name}` is not an endpoint")]
    NotAnEndpoint {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// A name without a namespace, and the namespace that completes it does not exist.
    #[error("`{name}` does not say its namespace, and the input has no namespace `{namespace}`")]
    Unqualified {
        /// The name.
        name: String,
        /// The namespace of `-n`, else `default`.
        namespace: String,
        /// Names in other namespaces that it may mean, best first.
        nearest: Vec<String>,
    },
    /// No such object.
    #[error("no {what} `{name}` in the input")]
    Unknown {
        /// The sort of object that was looked for.
        what: &'static str,
        /// Its name.
        name: String,
        /// Names that are close, best first.
        nearest: Vec<String>,
    },
    /// The word says too little.
    #[error("`{text}` is not an endpoint")]
    Vague {
        /// The word.
        text: String,
    },
    /// A label selector that cannot be read.
    #[error("`{text}` is not a label selector: {why}")]
    BadSelector {
        /// The text.
        text: String,
        /// The fault.
        why: String,
    },
    /// No pod has such labels.
    #[error("no pod{} matches `{selector}`", within(.namespace.as_deref()))]
    NoMatch {
        /// The label selector.
        selector: String,
        /// The namespace of `-n`.
        namespace: Option<String>,
        /// The label that fits no pod, and a selector that may be meant.
        advice: String,
    },
    /// Both the destination and `--port` name a port.
    #[error("the destination has a port already, `:{own}`: `--port {port}` is one too many")]
    TwoPorts {
        /// The text behind the colon.
        own: String,
        /// The other one.
        port: String,
    },
    /// Pods of that name are in several namespaces, none of them the one that completes names.
    #[error("`{name}` does not say its namespace, and several have one of that name")]
    SeveralNamespaces {
        /// The name.
        name: String,
        /// An unambiguous text for each of them.
        candidates: Vec<String>,
    },
    /// The text names two things.
    #[error("`{text}` can mean two things")]
    Clash {
        /// The text.
        text: String,
        /// An unambiguous text for each of them.
        candidates: Vec<String>,
    },
    /// Several workloads have the name.
    #[error("`{name}` is the name of several workloads")]
    Ambiguous {
        /// The name.
        name: String,
        /// An unambiguous text for each of them.
        candidates: Vec<String>,
    },
    /// The pod has run to its end (R53).
    #[error("pod `{pod}` has finished: it has no network any more")]
    Finished {
        /// Its name.
        pod: String,
    },
    /// The workload makes no pod.
    #[error("{kind} `{name}` has no pods: its replicas are 0, or it is suspended")]
    NoPods {
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
    },
    /// The namespace holds no pod.
    #[error("no pods in namespace `{name}`")]
    EmptyNamespace {
        /// Its name.
        name: String,
    },
    /// The set of addresses is empty.
    #[error("`{name}` stands for no pod and no address{why}")]
    Empty {
        /// The text.
        name: String,
        /// `: ` and what became of the addresses, if there is something to say about them.
        why: String,
    },
    /// The port cannot be read.
    #[error("bad port `{port}`: {why}")]
    BadPort {
        /// The text behind the colon.
        port: String,
        /// The fault.
        why: &'static str,
    },
    /// The source has a port.
    #[error("the source of a connection has no port, `:{port}` belongs to the destination")]
    PortOfSource {
        /// The text behind the colon.
        port: String,
    },
    /// No destination declares the named port.
    #[error("no pod there declares a port named `{name}` for {protocol}")]
    UndeclaredPort {
        /// The name.
        name: String,
        /// The protocol.
        protocol: Protocol,
        /// The named ports that they declare, as `NAME/PROTOCOL`.
        declared: Vec<String>,
    },
    /// The Service does not have the port.
    #[error("Service `{service}` has no such port")]
    NoServicePort {
        /// Its name.
        service: String,
        /// The ports it has.
        has: Vec<String>,
    },
    /// Nothing known stands behind the Service.
    #[error("nothing stands behind Service `{service}`: {why}")]
    NoBackends {
        /// Its name.
        service: String,
        /// The reason.
        why: String,
    },
}

impl EndpointError {
    /// A text to write instead, if anything can be said.
    pub fn help(&self) -> Option<String> {
        let list = |names: &[String]| names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
        match self {
            Self::Shape { .. } => Some(
                "write [NS/]NAME, KIND/[NS/]NAME, NS/*, a label selector, an address, a CIDR or `internet`, with :PORT behind it"
                    .into(),
            ),
            Self::Brackets { .. } => Some("such as `[2001:db8::1]:443`".into()),
            Self::UnknownKind { .. } => {
                Some("known are pod, deploy, sts, ds, rs, rc, job, cj, svc, ns, and kinds of the input".into())
            }
            Self::NotAnEndpoint { kind: "Node", .. } => Some("ask about the address of the node".into()),
            Self::NotAnEndpoint { .. } => Some("ask about pods, workloads, Services or addresses".into()),
            Self::Unqualified { nearest, .. } if nearest.is_empty() => {
                Some("write NS/NAME, or name the namespace with `-n`".into())
            }
            Self::Unqualified { nearest, .. } => {
                Some(format!("write NS/NAME, or name the namespace with `-n`; did you mean {}?", list(nearest)))
            }
            Self::Unknown { nearest, .. } if !nearest.is_empty() => {
                Some(format!("did you mean {}?", list(nearest)))
            }
            Self::Ambiguous { candidates, .. }
            | Self::Clash { candidates, .. }
            | Self::SeveralNamespaces { candidates, .. } => {
                Some(format!("write one of {}", list(candidates)))
            }
            Self::Vague { .. } => Some(
                "`internet` is every public address, `0.0.0.0/0` every IPv4 address, `ns/NAME` every pod of a namespace"
                    .into(),
            ),
            Self::BadSelector { .. } => Some("such as `app=web,tier!=db` or `'app in (a,b)'`".into()),
            Self::NoMatch { advice, .. } => Some(advice.clone()),
            Self::UndeclaredPort { declared, .. } if declared.is_empty() => {
                Some("they declare no named port: write the number".into())
            }
            Self::UndeclaredPort { declared, .. } => Some(format!("declared are {}", list(declared))),
            Self::NoServicePort { has, .. } if has.is_empty() => Some("it has none".into()),
            Self::NoServicePort { has, .. } => Some(format!("it has {}", list(has))),
            _ => None,
        }
    }
}

fn within(namespace: Option<&str>) -> String {
    namespace.map(|name| format!(" of namespace `{name}`")).unwrap_or_default()
}
