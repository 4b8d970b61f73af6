//! The schemas of `spec` in the CustomResourceDefinitions of the group, as constants.

use serde_json::Value;

use crate::policy::cidr::{Form, parse_cidr};
use crate::policy::schema::{Length, Rule as CelRule, Schema, Shape};

const TEXT: Schema = Schema::of(Shape::String);

const SELECTOR: Schema = Schema::object(
    &[
        ("matchExpressions", &Schema::of(Shape::List(&REQUIREMENT, Length::ANY))),
        ("matchLabels", &Schema::of(Shape::Map(&TEXT))),
    ],
    &[],
);

const REQUIREMENT: Schema = Schema::object(
    &[("key", &TEXT), ("operator", &TEXT), ("values", &Schema::of(Shape::List(&TEXT, Length::ANY)))],
    &["key", "operator"],
);

const PODS: Schema =
    Schema::object(&[("namespaceSelector", &SELECTOR), ("podSelector", &SELECTOR)], &["podSelector"]);

const INGRESS_PEER: Schema = Schema::one_of(&[("namespaces", &SELECTOR), ("pods", &PODS)]);

const EGRESS_PEER: Schema = Schema::one_of(&[
    ("domainNames", &Schema::of(Shape::Set(&DOMAIN_NAME, Length::between(1, 25)))),
    ("namespaces", &SELECTOR),
    ("networks", &Schema::of(Shape::Set(&NETWORK, Length::between(1, 25)))),
    ("nodes", &SELECTOR),
    ("pods", &PODS),
]);

const NETWORK: Schema = Schema {
    shape: Shape::Short(43),
    rules: &[CelRule {
        holds: |value| value.as_str().and_then(parse_cidr).is_some_and(|parsed| parsed.fault().is_none()),
        message: "Invalid CIDR format provided",
    }],
};

const DOMAIN_NAME: Schema = Schema::of(Shape::Pattern(
    r"^(\*\.)?([a-zA-Z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?\.)+[a-zA-Z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?\.?$",
    is_domain_name,
));

const ALPHA_DOMAIN_NAME: Schema = Schema::of(Shape::Pattern(
    r"^(\*\.)?([a-zA-z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?\.)+[a-zA-z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?\.?$",
    is_alpha_domain_name,
));

/// Matches a text as the pattern of [`DOMAIN_NAME`] does.
fn is_domain_name(text: &str) -> bool {
    is_domain(text, |first| first.is_ascii_alphanumeric())
}

/// Matches a text as the pattern of [`ALPHA_DOMAIN_NAME`] does, which has a small `z` for a capital one.
fn is_alpha_domain_name(text: &str) -> bool {
    is_domain(text, |first| first.is_ascii_digit() || (b'A'..=b'z').contains(&first))
}

/// Two or more labels, perhaps behind `*.`, perhaps before a dot.
fn is_domain(text: &str, is_first: fn(u8) -> bool) -> bool {
    let text = text.strip_prefix("*.").unwrap_or(text);
    let labels: Vec<&str> = text.strip_suffix('.').unwrap_or(text).split('.').collect();
    let is_label = |label: &&str| match label.as_bytes() {
        [] => false,
        [only] => is_first(*only),
        [first, inner @ .., last] => {
            let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            is_first(*first) && last.is_ascii_alphanumeric() && inner.iter().all(is_inner)
        }
    };
    labels.len() > 1 && labels.iter().all(is_label)
}

const PORT: Schema = Schema::of(Shape::Integer(1, 65535));

const PROTOCOL: Schema = Schema::of(Shape::Object(
    &[(
        "destinationPort",
        &Schema::one_of(&[
            ("number", &PORT),
            (
                "range",
                &Schema {
                    shape: Shape::Object(&[("end", &PORT), ("start", &PORT)], &["end", "start"], Length::ANY),
                    rules: &[CelRule {
                        holds: |range| range["start"].as_i64() < range["end"].as_i64(),
                        message: "Start port must be less than End port",
                    }],
                },
            ),
        ]),
    )],
    &[],
    Length { least: 1, most: None },
));

const PROTOCOLS: Schema = Schema::of(Shape::List(
    &Schema::one_of(&[
        ("destinationNamedPort", &TEXT),
        ("sctp", &PROTOCOL),
        ("tcp", &PROTOCOL),
        ("udp", &PROTOCOL),
    ]),
    Length::between(1, 25),
));

const NO_NAMED_PORTS: &str = "networks/nodes/domainNames peer cannot be set with namedPorts since there are no namedPorts for \
                              networks/nodes/domainNames";

const ACTION: Schema = Schema::of(Shape::Enum(&["Accept", "Deny", "Pass"]));
const NAME: Schema = Schema::of(Shape::Short(100));
const PRIORITY: Schema = Schema::of(Shape::Integer(0, 1000));

const INGRESS_RULE: Schema = Schema::object(
    &[
        ("action", &ACTION),
        ("from", &Schema::of(Shape::List(&INGRESS_PEER, Length::between(1, 25)))),
        ("name", &NAME),
        ("protocols", &PROTOCOLS),
    ],
    &["action", "from"],
);

const EGRESS_RULE: Schema = Schema {
    shape: Shape::Object(
        &[
            ("action", &ACTION),
            ("name", &NAME),
            ("protocols", &PROTOCOLS),
            ("to", &Schema::of(Shape::List(&EGRESS_PEER, Length::between(1, 25)))),
        ],
        &["action", "to"],
        Length::ANY,
    ),
    rules: &[CelRule {
        holds: |rule| !names_ports_outside(rule, "protocols", "destinationNamedPort"),
        message: NO_NAMED_PORTS,
    }],
};

/// `spec` of a ClusterNetworkPolicy, v0.3.0.
pub(super) const CLUSTER_NETWORK_POLICY: Schema = Schema::object(
    &[
        ("egress", &Schema::of(Shape::List(&EGRESS_RULE, Length::up_to(25)))),
        ("ingress", &Schema::of(Shape::List(&INGRESS_RULE, Length::up_to(25)))),
        ("priority", &PRIORITY),
        ("subject", &INGRESS_PEER),
        ("tier", &Schema::of(Shape::Enum(&["Admin", "Baseline"]))),
    ],
    &["priority", "subject", "tier"],
);

const TEXTS: Schema = Schema::of(Shape::List(&TEXT, Length::up_to(100)));

/// Namespaces in either shape of v1alpha1: a selector, or one of three fields.
const NAMESPACES: Schema = Schema {
    shape: Shape::Object(
        &[
            ("matchExpressions", &Schema::of(Shape::List(&REQUIREMENT, Length::ANY))),
            ("matchLabels", &Schema::of(Shape::Map(&TEXT))),
            ("namespaceSelector", &SELECTOR),
            ("notSameLabels", &TEXTS),
            ("sameLabels", &TEXTS),
        ],
        &[],
        Length::ANY,
    ),
    rules: &[CelRule {
        holds: |value| {
            let has = |field: &&&str| !value[**field].is_null();
            let older = ["namespaceSelector", "sameLabels", "notSameLabels"].iter().filter(has).count();
            older == 0 || older + ["matchLabels", "matchExpressions"].iter().filter(has).count() == 1
        },
        message: "namespaceSelector, sameLabels and notSameLabels each stand alone",
    }],
};

/// Pods in either shape of v1alpha1.
const ALPHA_PODS: Schema = Schema {
    shape: Shape::Object(
        &[("namespaceSelector", &SELECTOR), ("namespaces", &NAMESPACES), ("podSelector", &SELECTOR)],
        &["podSelector"],
        Length::ANY,
    ),
    rules: &[CelRule {
        holds: |value| value["namespaceSelector"].is_null() || value["namespaces"].is_null(),
        message: "namespaceSelector and namespaces exclude each other",
    }],
};

const ALPHA_SUBJECT: Schema = Schema::one_of(&[
    ("namespaces", &SELECTOR),
    (
        "pods",
        &Schema::object(
            &[("namespaceSelector", &SELECTOR), ("podSelector", &SELECTOR)],
            &["namespaceSelector", "podSelector"],
        ),
    ),
]);

const ALPHA_INGRESS_PEER: Schema = Schema::one_of(&[("namespaces", &NAMESPACES), ("pods", &ALPHA_PODS)]);

const ADMIN_EGRESS_PEER: Schema = Schema::one_of(&[
    ("domainNames", &Schema::of(Shape::Set(&ALPHA_DOMAIN_NAME, Length::between(1, 25)))),
    ("namespaces", &NAMESPACES),
    ("networks", &Schema::of(Shape::Set(&ALPHA_NETWORK, Length::between(1, 25)))),
    ("nodes", &SELECTOR),
    ("pods", &ALPHA_PODS),
]);

const BASELINE_EGRESS_PEER: Schema = Schema::one_of(&[
    ("namespaces", &NAMESPACES),
    ("networks", &Schema::of(Shape::Set(&ALPHA_NETWORK, Length::between(1, 25)))),
    ("nodes", &SELECTOR),
    ("pods", &ALPHA_PODS),
]);

/// A block, which may have host bits.
const ALPHA_NETWORK: Schema = Schema {
    shape: Shape::Short(43),
    rules: &[CelRule {
        holds: |value| {
            value.as_str().and_then(parse_cidr).is_some_and(|parsed| parsed.form == Form::Standard)
        },
        message: "Invalid CIDR format provided",
    }],
};

const PORTS: Schema = Schema::of(Shape::List(
    &Schema::one_of(&[
        ("namedPort", &TEXT),
        ("portNumber", &Schema::object(&[("port", &PORT), ("protocol", &TEXT)], &["port"])),
        (
            "portRange",
            &Schema::object(&[("end", &PORT), ("protocol", &TEXT), ("start", &PORT)], &["end", "start"]),
        ),
    ]),
    Length::up_to(100),
));

const ALPHA_ACTION: Schema = Schema::of(Shape::Enum(&["Allow", "Deny", "Pass"]));
const BASELINE_ACTION: Schema = Schema::of(Shape::Enum(&["Allow", "Deny"]));

const ADMIN_INGRESS_RULE: Schema = Schema::object(
    &[
        ("action", &ALPHA_ACTION),
        ("from", &Schema::of(Shape::List(&ALPHA_INGRESS_PEER, Length::between(1, 100)))),
        ("name", &NAME),
        ("ports", &PORTS),
    ],
    &["action", "from"],
);

const BASELINE_INGRESS_RULE: Schema = Schema::object(
    &[
        ("action", &BASELINE_ACTION),
        ("from", &Schema::of(Shape::List(&ALPHA_INGRESS_PEER, Length::between(1, 100)))),
        ("name", &NAME),
        ("ports", &PORTS),
    ],
    &["action", "from"],
);

/// True if a rule has a peer outside and names ports, which only pods have.
fn names_ports_outside(rule: &Value, ports: &str, name: &str) -> bool {
    let any = |list: &str, fields: &[&str]| {
        let elements = rule[list].as_array();
        let has = |element: &Value| fields.iter().any(|field| !element[*field].is_null());
        elements.is_some_and(|elements| elements.iter().any(has))
    };
    any("to", &["networks", "nodes", "domainNames"]) && any(ports, &[name])
}

const ADMIN_EGRESS_RULE: Schema = Schema {
    shape: Shape::Object(
        &[
            ("action", &ALPHA_ACTION),
            ("name", &NAME),
            ("ports", &PORTS),
            ("to", &Schema::of(Shape::List(&ADMIN_EGRESS_PEER, Length::between(1, 100)))),
        ],
        &["action", "to"],
        Length::ANY,
    ),
    rules: &[CelRule {
        holds: |rule| !names_ports_outside(rule, "ports", "namedPort"),
        message: NO_NAMED_PORTS,
    }],
};

const BASELINE_EGRESS_RULE: Schema = Schema {
    shape: Shape::Object(
        &[
            ("action", &BASELINE_ACTION),
            ("name", &NAME),
            ("ports", &PORTS),
            ("to", &Schema::of(Shape::List(&BASELINE_EGRESS_PEER, Length::between(1, 100)))),
        ],
        &["action", "to"],
        Length::ANY,
    ),
    rules: &[CelRule {
        holds: |rule| !names_ports_outside(rule, "ports", "namedPort"),
        message: "networks/nodes peer cannot be set with namedPorts since there are no namedPorts for networks/nodes",
    }],
};

/// `spec` of an AdminNetworkPolicy, v0.1.7, with the peers of v0.1.1 besides.
pub(super) const ADMIN_NETWORK_POLICY: Schema = Schema::object(
    &[
        ("egress", &Schema::of(Shape::List(&ADMIN_EGRESS_RULE, Length::up_to(100)))),
        ("ingress", &Schema::of(Shape::List(&ADMIN_INGRESS_RULE, Length::up_to(100)))),
        ("priority", &PRIORITY),
        ("subject", &ALPHA_SUBJECT),
    ],
    &["priority", "subject"],
);

/// `spec` of a BaselineAdminNetworkPolicy, likewise.
pub(super) const BASELINE_ADMIN_NETWORK_POLICY: Schema = Schema::object(
    &[
        ("egress", &Schema::of(Shape::List(&BASELINE_EGRESS_RULE, Length::up_to(100)))),
        ("ingress", &Schema::of(Shape::List(&BASELINE_INGRESS_RULE, Length::up_to(100)))),
        ("subject", &ALPHA_SUBJECT),
    ],
    &["subject"],
);
