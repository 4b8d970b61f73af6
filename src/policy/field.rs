//! Field paths, and findings about fields in the API server's words.
//!
//! Owns the vocabulary that validation speaks: where a field stands and what is wrong with it. A finding does not know
//! which object it belongs to; the cluster builder adds that. Paths are linked on the stack and become text only when
//! there is something to report.

use std::fmt;

use crate::diagnostic::{Code, placeholder};

/// The path of a field, as Kubernetes writes it: `spec.ingress[0].from[1].ipBlock.cidr`.
#[derive(Clone, Copy, Debug)]
pub struct FieldPath<'p> {
    parent: Option<&'p FieldPath<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'p> {
    Field(&'p str),
    Index(usize),
}

impl<'p> FieldPath<'p> {
    /// A path of one field; `name` may hold dots (`spec.template`).
    pub const fn new(name: &'p str) -> Self {
        Self { parent: None, step: Step::Field(name) }
    }

    /// A field of this one.
    #[must_use]
    pub const fn field<'a>(&'a self, name: &'a str) -> FieldPath<'a> {
        FieldPath { parent: Some(self), step: Step::Field(name) }
    }

    /// An element of this list.
    #[must_use]
    pub const fn index(&self, index: usize) -> FieldPath<'_> {
        FieldPath { parent: Some(self), step: Step::Index(index) }
    }
}

impl fmt::Display for FieldPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Field(name) if self.parent.is_some() => write!(f, ".{name}"),
            Step::Field(name) => f.write_str(name),
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// Something to say about one field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldFinding {
    /// The kind of problem, which fixes its severity.
    pub code: Code,
    /// The field, from the root of the object.
    pub path: String,
    /// The problem, without the path: `Invalid value: 0: must be between 1 and 65535, inclusive`.
    pub message: String,
    /// Advice to the user.
    pub help: Option<String>,
}

impl FieldFinding {
    /// A finding with a code and a message of its own.
    pub fn new(code: Code, path: &FieldPath<'_>, message: impl Into<String>) -> Self {
        Self { code, path: path.to_string(), message: message.into(), help: None }
    }

    /// Says what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// `Invalid value: VALUE: DETAIL`. Texts are quoted: hand them over as `Quoted`.
    pub fn invalid(path: &FieldPath<'_>, value: impl fmt::Display, detail: impl fmt::Display) -> Self {
        let value = value.to_string();
        let finding = Self::new(Code::InvalidValue, path, format!("Invalid value: {value}: {detail}"));
        Self { help: placeholder(&value), ..finding }
    }

    /// `Duplicate value: VALUE`.
    pub fn duplicate(path: &FieldPath<'_>, value: impl fmt::Display) -> Self {
        Self::new(Code::InvalidValue, path, format!("Duplicate value: {value}"))
    }

    /// `Unsupported value: VALUE: supported values: ...`.
    pub fn unsupported(path: &FieldPath<'_>, value: &str, supported: &[&str]) -> Self {
        let supported: Vec<String> = supported.iter().map(|s| Quoted(s).to_string()).collect();
        let message =
            format!("Unsupported value: {}: supported values: {}", Quoted(value), supported.join(", "));
        Self { help: placeholder(value), ..Self::new(Code::UnsupportedValue, path, message) }
    }

    /// `Required value: DETAIL`, or `Required value` when there is no more to say.
    pub fn required(path: &FieldPath<'_>, detail: &str) -> Self {
        let colon = if detail.is_empty() { "" } else { ": " };
        Self::new(Code::RequiredValue, path, format!("Required value{colon}{detail}"))
    }

    /// `Forbidden: DETAIL`.
    pub fn forbidden(path: &FieldPath<'_>, detail: &str) -> Self {
        Self::new(Code::Forbidden, path, format!("Forbidden: {detail}"))
    }

    /// True if the API server would reject the object for it.
    pub fn is_error(&self) -> bool {
        self.code.severity() == crate::diagnostic::Severity::Error
    }
}

/// Shows a text in double quotes, as the API server does.
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'t>(pub &'t str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_as_kubernetes_does() {
        let spec = FieldPath::new("spec");
        let ingress = spec.field("ingress");
        let rule = ingress.index(0);
        let from = rule.field("from");
        let peer = from.index(12);
        assert_eq!(peer.field("ipBlock").to_string(), "spec.ingress[0].from[12].ipBlock");
    }

    #[test]
    fn messages_are_worded_as_the_api_server_does() {
        let path = FieldPath::new("p");
        let cases = [
            (FieldFinding::invalid(&path, 0, "bad"), "Invalid value: 0: bad"),
            (FieldFinding::invalid(&path, Quoted("x\n"), "bad"), r#"Invalid value: "x\n": bad"#),
            (
                FieldFinding::unsupported(&path, "tcp", &["TCP", "UDP"]),
                r#"Unsupported value: "tcp": supported values: "TCP", "UDP""#,
            ),
            (FieldFinding::required(&path, ""), "Required value"),
            (FieldFinding::required(&path, "say it"), "Required value: say it"),
            (FieldFinding::forbidden(&path, "no"), "Forbidden: no"),
            (FieldFinding::duplicate(&path, Quoted("a")), r#"Duplicate value: "a""#),
        ];
        for (finding, message) in cases {
            assert_eq!(finding.message, message);
            assert!(finding.is_error());
        }
    }
}
