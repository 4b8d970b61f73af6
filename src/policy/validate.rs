//! Checks that the API server makes of objects of every kind: names, labels, selectors, ports.
//!
//! Owns the rules L7 to L13, V1, V2 and V5 and their wording. Every check reports all that is wrong, in the order of the
//! fields. Nothing here knows which object it looks at.

use super::field::{FieldFinding, FieldPath, Quoted};
use crate::k8s::{LabelSelector, LabelSelectorRequirement, Labels};
use crate::label::{LabelTable, Operator, Selector, SelectorId};

const DNS_LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
    start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const DNS_1035_LABEL: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
    alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
    validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const DNS_SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or \
    '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const QUALIFIED_NAME: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
    alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
    '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or \
    '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used \
    for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// The API server's words for an invalid port number (V4, V9).
pub(crate) const PORT_NUMBER: &str = "must be between 1 and 65535, inclusive";
/// The API server's words for an invalid block (V13).
pub(crate) const IP_CIDR: &str = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
/// The API server's words for an invalid address.
pub(crate) const IP_ADDRESS: &str = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";

/// The limit that a text exceeds. The API server counts bytes, and calls them so where it speaks of labels only.
fn too_long(text: &str, limit: usize, unit: &str) -> Option<String> {
    (text.len() > limit).then(|| format!("must be no more than {limit} {unit}"))
}

/// The classes of bytes in names and labels, a bit for each.
mod class {
    /// A lower-case letter or a digit.
    pub(super) const LOWER: u8 = 1;
    pub(super) const UPPER: u8 = 2;
    pub(super) const DASH: u8 = 4;
    pub(super) const DOT: u8 = 8;
    pub(super) const UNDERSCORE: u8 = 16;

    const OF_BYTE: [u8; 256] = {
        let mut classes = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            classes[byte] = match byte as u8 {
                b'a'..=b'z' | b'0'..=b'9' => LOWER,
                b'A'..=b'Z' => UPPER,
                b'-' => DASH,
                b'.' => DOT,
                b'_' => UNDERSCORE,
                _ => 0,
            };
            byte += 1;
        }
        classes
    };

    pub(super) fn of(byte: u8) -> u8 {
        OF_BYTE[usize::from(byte)]
    }
}

/// True if `text` is not empty, starts and ends with a byte of the classes `ends`, and holds only these and `inner`.
fn consists_of(text: &str, ends: u8, inner: u8) -> bool {
    let bytes = text.as_bytes();
    // Names end in letters and digits that are chosen at random: counting all does not branch on what a byte is.
    let strays = bytes.iter().filter(|&&byte| class::of(byte) & (ends | inner) == 0).count();
    let is_end = |byte: Option<&u8>| byte.is_some_and(|&byte| class::of(byte) & ends != 0);
    strays == 0 && is_end(bytes.first()) && is_end(bytes.last())
}

fn is_dns_label(text: &str) -> bool {
    consists_of(text, class::LOWER, class::DASH)
}

/// True if every part between dots is a DNS label.
fn is_dns_subdomain(text: &str) -> bool {
    let torn = text.as_bytes().windows(2).filter(|pair| {
        let both = class::of(pair[0]) | class::of(pair[1]);
        both & class::DOT != 0 && both != class::DOT | class::LOWER
    });
    torn.count() == 0 && consists_of(text, class::LOWER, class::DASH | class::DOT)
}

fn is_name_part(text: &str) -> bool {
    consists_of(text, class::LOWER | class::UPPER, class::DASH | class::UNDERSCORE | class::DOT)
}

/// The problems with `name` as a DNS label: the name of a namespace or a StatefulSet.
pub(crate) fn dns_label_problems(name: &str) -> Vec<String> {
    let mut problems: Vec<String> = too_long(name, 63, "characters").into_iter().collect();
    if !is_dns_label(name) {
        let dots = is_dns_subdomain(name);
        problems.push(if dots { "must not contain dots" } else { DNS_LABEL }.into());
    }
    problems
}

/// The problems with `name` as a DNS label that begins with a letter: the name of a Service before 1.36.
pub(crate) fn dns_1035_label_problems(name: &str) -> Vec<String> {
    let mut problems: Vec<String> = too_long(name, 63, "characters").into_iter().collect();
    if !is_dns_label(name) || name.starts_with(|first: char| first.is_ascii_digit()) {
        problems.push(DNS_1035_LABEL.into());
    }
    problems
}

/// The problems with `name` as a DNS subdomain: the name of nearly every other object (V1).
pub(crate) fn dns_subdomain_problems(name: &str) -> Vec<String> {
    subdomain_problems(name, "characters")
}

fn subdomain_problems(name: &str, unit: &str) -> Vec<String> {
    let mut problems: Vec<String> = too_long(name, 253, unit).into_iter().collect();
    if !is_dns_subdomain(name) {
        problems.push(DNS_SUBDOMAIN.into());
    }
    problems
}

/// The problems with `key` as a label key (L11).
pub fn label_key_problems(key: &str) -> Vec<String> {
    let (prefix, name) = match key.split_once('/') {
        Some((_, name)) if name.contains('/') => {
            return vec![format!(
                "a valid label key {QUALIFIED_NAME} with an optional DNS subdomain prefix and '/' (e.g. \
                 'example.com/MyName')"
            )];
        }
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let mut problems = Vec::new();
    match prefix {
        Some("") => problems.push("prefix part must be non-empty".into()),
        Some(prefix) => {
            let wrong = subdomain_problems(prefix, "bytes");
            problems.extend(wrong.into_iter().map(|p| format!("prefix part {p}")));
        }
        None => {}
    }
    if name.is_empty() {
        problems.push("name part must be non-empty".into());
    } else if let Some(problem) = too_long(name, 63, "bytes") {
        problems.push(format!("name part {problem}"));
    }
    if !is_name_part(name) {
        problems.push(format!("name part {QUALIFIED_NAME}"));
    }
    problems
}

/// The problems with `value` as a label value (L8, L12).
pub fn label_value_problems(value: &str) -> Vec<String> {
    let mut problems: Vec<String> = too_long(value, 63, "bytes").into_iter().collect();
    if !value.is_empty() && !is_name_part(value) {
        problems.push(LABEL_VALUE.into());
    }
    problems
}

/// The problems with `name` as the name of a port (V5).
pub(crate) fn port_name_problems(name: &str) -> Vec<String> {
    let mut problems: Vec<String> = too_long(name, 15, "characters").into_iter().collect();
    let mut check = |good: bool, problem: &str| {
        if !good {
            problems.push(problem.into());
        }
    };
    check(
        !name.is_empty() && name.bytes().all(|b| class::of(b) & (class::LOWER | class::DASH) != 0),
        "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
    );
    check(name.bytes().any(|b| b.is_ascii_lowercase()), "must contain at least one letter (a-z)");
    check(!name.contains("--"), "must not contain consecutive hyphens");
    check(!name.starts_with('-') && !name.ends_with('-'), "must not begin or end with a hyphen");
    problems
}

/// `number` as a port, if it is one.
pub(crate) fn port_number(number: i32) -> Option<u16> {
    u16::try_from(number).ok().filter(|&n| n != 0)
}

/// Checks a map of labels; keys and values alike are reported at the map, as the API server does.
pub(crate) fn validate_labels(labels: &Labels, path: &FieldPath<'_>, findings: &mut Vec<FieldFinding>) {
    for (key, value) in labels.iter() {
        report(label_key_problems(key), key, path, findings);
        report(label_value_problems(value), value, path, findings);
    }
}

/// One `Invalid value` for each problem of a text.
pub(crate) fn report(
    problems: Vec<String>,
    text: &str,
    path: &FieldPath<'_>,
    findings: &mut Vec<FieldFinding>,
) {
    findings.extend(problems.into_iter().map(|p| FieldFinding::invalid(path, Quoted(text), p)));
}

/// Validates a selector (V2, L7, L10 to L12) and interns it.
///
/// # Errors
/// Everything that is wrong with it, each with its path below `path`; nothing is interned then.
pub fn lower_selector(
    selector: &LabelSelector,
    path: &FieldPath<'_>,
    labels: &mut LabelTable,
) -> Result<SelectorId, Vec<FieldFinding>> {
    let findings = validate_selector(selector, path);
    if !findings.is_empty() {
        return Err(findings);
    }
    let mut requirements = Vec::new();
    for (key, value) in selector.match_labels.iter().flat_map(Labels::iter) {
        requirements.push(labels.requirement(key, Operator::In, std::iter::once(value)));
    }
    for expression in selector.match_expressions.iter().flat_map(|list| list.iter()) {
        let operator = operator(expression).expect("the operator was validated");
        let values = expression.values.iter().flat_map(|values| values.iter().map(|v| &**v));
        let key = expression.key.as_deref().unwrap_or_default();
        requirements.push(labels.requirement(key, operator, values));
    }
    Ok(labels.selectors.intern_owned(Selector::new(requirements)))
}

fn operator(expression: &LabelSelectorRequirement) -> Option<Operator> {
    Some(match expression.operator.as_deref()? {
        "In" => Operator::In,
        "NotIn" => Operator::NotIn,
        "Exists" => Operator::Exists,
        "DoesNotExist" => Operator::DoesNotExist,
        _ => return None,
    })
}

/// Everything that is wrong with a selector.
pub(crate) fn validate_selector(selector: &LabelSelector, path: &FieldPath<'_>) -> Vec<FieldFinding> {
    let mut findings = Vec::new();
    if let Some(labels) = &selector.match_labels {
        validate_labels(labels, &path.field("matchLabels"), &mut findings);
    }
    let list = path.field("matchExpressions");
    for (i, expression) in selector.match_expressions.iter().flat_map(|list| list.iter()).enumerate() {
        validate_requirement(expression, &list.index(i), &mut findings);
    }
    findings
}

fn validate_requirement(
    expression: &LabelSelectorRequirement,
    path: &FieldPath<'_>,
    findings: &mut Vec<FieldFinding>,
) {
    let values = expression.values.as_deref().unwrap_or_default();
    let values_path = path.field("values");
    match operator(expression) {
        Some(Operator::In | Operator::NotIn) if values.is_empty() => findings.push(FieldFinding::required(
            &values_path,
            "must be specified when `operator` is 'In' or 'NotIn'",
        )),
        Some(Operator::Exists | Operator::DoesNotExist) if !values.is_empty() => {
            findings.push(FieldFinding::forbidden(
                &values_path,
                "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
            ));
        }
        Some(_) => {}
        None => {
            let operator = expression.operator.as_deref().unwrap_or_default();
            findings.push(FieldFinding::invalid(
                &path.field("operator"),
                Quoted(operator),
                "not a valid selector operator",
            ));
        }
    }
    let key = expression.key.as_deref().unwrap_or_default();
    report(label_key_problems(key), key, &path.field("key"), findings);
    for (i, value) in values.iter().enumerate() {
        report(label_value_problems(value), value, &values_path.index(i), findings);
    }
}

/// True if a selector, taken as valid, accepts exactly these labels; for templates, whose labels are all known (W17).
pub(crate) fn selector_accepts(selector: &LabelSelector, labels: &Labels) -> bool {
    let pairs = selector.match_labels.iter().flat_map(Labels::iter);
    let expressions = selector.match_expressions.iter().flat_map(|list| list.iter());
    pairs.into_iter().all(|(key, value)| labels.get(key) == Some(value))
        && expressions.into_iter().all(|expression| {
            let value = labels.get(expression.key.as_deref().unwrap_or_default());
            let listed =
                || expression.values.as_deref().unwrap_or_default().iter().any(|v| Some(&**v) == value);
            match operator(expression) {
                Some(Operator::In) => listed(),
                Some(Operator::NotIn) => !listed(),
                Some(Operator::Exists) => value.is_some(),
                Some(Operator::DoesNotExist) => value.is_none(),
                None => false,
            }
        })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn selector(value: Value) -> LabelSelector {
        serde_json::from_value(value).unwrap()
    }

    fn problems(value: Value) -> Vec<String> {
        validate_selector(&selector(value), &FieldPath::new("s"))
            .into_iter()
            .map(|f| format!("{}: {}", f.path, f.message))
            .collect()
    }

    #[test]
    fn l07_only_four_operators_in_exact_case() {
        for operator in ["in", "NotEquals", "Gt", "Lt", "exists", ""] {
            assert_eq!(
                problems(json!({"matchExpressions": [{"key": "a", "operator": operator, "values": ["1"]}]})),
                [format!(
                    "s.matchExpressions[0].operator: Invalid value: {operator:?}: not a valid selector operator"
                )]
            );
        }
        for operator in ["In", "NotIn"] {
            assert!(
                problems(json!({"matchExpressions": [{"key": "a", "operator": operator, "values": ["1"]}]}))
                    .is_empty()
            );
        }
    }

    #[test]
    fn l08_the_empty_value_is_a_value() {
        let selector = selector(json!({"matchLabels": {"k": ""}}));
        assert!(validate_selector(&selector, &FieldPath::new("s")).is_empty());
        assert!(selector_accepts(&selector, &[("k", "")].into_iter().collect()));
        assert!(!selector_accepts(&selector, &Labels::default()));
    }

    #[test]
    fn l09_keys_and_values_are_compared_exactly() {
        let selector = selector(json!({"matchLabels": {"app": "Web"}}));
        for (labels, expected) in [
            ([("app", "Web")], true),
            ([("app", "web")], false),
            ([("App", "Web")], false),
            ([("example.com/app", "Web")], false),
        ] {
            assert_eq!(selector_accepts(&selector, &labels.into_iter().collect()), expected, "{labels:?}");
        }
    }

    #[test]
    fn l10_values_as_the_operator_wants_them() {
        let cases = [
            ("In", json!([]), Some("Required value: must be specified when `operator` is 'In' or 'NotIn'")),
            (
                "NotIn",
                json!(null),
                Some("Required value: must be specified when `operator` is 'In' or 'NotIn'"),
            ),
            (
                "Exists",
                json!(["a"]),
                Some("Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
            ),
            (
                "DoesNotExist",
                json!(["a"]),
                Some("Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
            ),
            ("Exists", json!([]), None),
            ("In", json!(["a", "a"]), None),
        ];
        for (operator, values, expected) in cases {
            let found =
                problems(json!({"matchExpressions": [{"key": "a", "operator": operator, "values": values}]}));
            let expected: Vec<String> =
                expected.map(|e| format!("s.matchExpressions[0].values: {e}")).into_iter().collect();
            assert_eq!(found, expected, "{operator}");
        }
    }

    #[test]
    fn l11_label_keys() {
        let long = "a".repeat(63);
        let longer = "a".repeat(64);
        let cases: [(&str, &[&str]); 12] = [
            ("app", &[]),
            ("example.com/My_app.v1", &[]),
            (&long, &[]),
            ("", &["name part must be non-empty", "name part must consist of"]),
            (&longer, &["name part must be no more than 63 bytes"]),
            ("-app", &["name part must consist of"]),
            ("app-", &["name part must consist of"]),
            ("a b", &["name part must consist of"]),
            ("/app", &["prefix part must be non-empty"]),
            ("Example.com/app", &["prefix part a lowercase RFC 1123 subdomain"]),
            ("a/b/c", &["a valid label key must consist of"]),
            ("example.com/", &["name part must be non-empty", "name part must consist of"]),
        ];
        for (key, expected) in cases {
            let found = label_key_problems(key);
            assert_eq!(found.len(), expected.len(), "{key}: {found:?}");
            for (found, expected) in found.iter().zip(expected) {
                assert!(found.starts_with(expected), "{key}: {found}");
            }
        }
    }

    #[test]
    fn l12_label_values() {
        let long = "a".repeat(63);
        let longer = "a".repeat(64);
        for (value, good) in [
            ("", true),
            ("a", true),
            ("A.b_c-1", true),
            (&*long, true),
            (&*longer, false),
            ("-a", false),
            ("ä", false),
        ] {
            assert_eq!(label_value_problems(value).is_empty(), good, "{value}");
        }
        assert_eq!(
            problems(json!({"matchExpressions": [{"key": "a", "operator": "In", "values": ["ok", "no!"]}]})),
            [format!("s.matchExpressions[0].values[1]: Invalid value: \"no!\": {LABEL_VALUE}")]
        );
    }

    #[test]
    fn l13_unquoted_scalars_are_no_strings() {
        for value in [json!(true), json!(1), json!(1.5)] {
            assert!(serde_json::from_value::<LabelSelector>(json!({"matchLabels": {"a": value}})).is_err());
        }
        let null: LabelSelector = selector(json!({"matchLabels": {"a": null}}));
        assert_eq!(null.match_labels.unwrap().get("a"), Some(""));
    }

    #[test]
    fn v05_port_names() {
        let cases: [(&str, &[&str]); 8] = [
            ("http", &[]),
            ("a-1", &[]),
            ("80", &["must contain at least one letter"]),
            ("Http", &["must contain only alpha-numeric"]),
            ("a--b", &["must not contain consecutive hyphens"]),
            ("-a", &["must not begin or end with a hyphen"]),
            ("abcdefghijklmnop", &["must be no more than 15 characters"]),
            ("", &["must contain only alpha-numeric", "must contain at least one letter"]),
        ];
        for (name, expected) in cases {
            let found = port_name_problems(name);
            assert_eq!(found.len(), expected.len(), "{name}: {found:?}");
            for (found, expected) in found.iter().zip(expected) {
                assert!(found.starts_with(expected), "{name}: {found}");
            }
        }
    }

    #[test]
    fn v01_object_names() {
        for (name, label, subdomain) in [
            ("web", true, true),
            ("a.b", false, true),
            ("A", false, false),
            ("a..b", false, false),
            ("", false, false),
            ("web-", false, false),
        ] {
            assert_eq!(dns_label_problems(name).is_empty(), label, "{name}");
            assert_eq!(dns_subdomain_problems(name).is_empty(), subdomain, "{name}");
        }
        assert_eq!(dns_label_problems(&"a".repeat(64)), ["must be no more than 63 characters"]);
    }

    #[test]
    fn equal_selectors_are_one() {
        let mut labels = LabelTable::default();
        let path = FieldPath::new("s");
        let a = lower_selector(&selector(json!({"matchLabels": {"a": "1"}})), &path, &mut labels).unwrap();
        let b = selector(json!({"matchExpressions": [
            {"key": "a", "operator": "In", "values": ["1", "1"]}, {"key": "a", "operator": "In", "values": ["1"]}]}));
        assert_eq!(lower_selector(&b, &path, &mut labels).unwrap(), a);
    }
}
