//! Findings about the user's objects: data, collected, never printed here.
//!
//! A [`Diagnostic`] names the object and the field path it speaks of; the line and column are found by
//! [`crate::load::Sources`] when somebody renders it, so that objects without a problem pay nothing for positions.
//! [`Code`] is the one table of everything podreach can find wrong.

mod near;
mod placeholder;
mod shorten;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

pub use near::{nearest, nearest_by};
pub use placeholder::placeholder;
pub use shorten::{cut, shortened};

crate::define_id! {
    /// One input: a file, standard input, or a text handed to the library.
    SourceId,
}

/// The place where an object was read: the source, the bytes of its document, and its place in a list.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Origin {
    /// The source the object was read from.
    pub source: SourceId,
    /// Bytes of the document (or of the JSON list item) within the source.
    pub document: Range<u64>,
    /// Path from the document to the object, such as `items[3].`; empty when the document is the object.
    pub item: Box<str>,
}

/// The name of an object in messages: kind, namespace and name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ObjectName {
    /// `NetworkPolicy`, `Deployment`, ...
    pub kind: Box<str>,
    /// Empty for objects of cluster scope.
    pub namespace: Box<str>,
    /// `metadata.name`; empty when the object has none.
    pub name: Box<str>,
}

impl ObjectName {
    /// `NAMESPACE/NAME`, or `NAME` for objects of cluster scope.
    pub fn path(&self) -> String {
        if self.namespace.is_empty() {
            self.name.to_string()
        } else {
            format!("{}/{}", self.namespace, self.name)
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.path())
    }
}

/// The severity of a finding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// Worth knowing: something was skipped or assumed.
    Note,
    /// Accepted by the API server, and probably not what was meant.
    Warning,
    /// The API server would reject it, or podreach cannot read it: exit status 2.
    Error,
}

impl Severity {
    /// `note`, `warning` or `error`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $severity:ident $name:literal,)+) => {
        /// Everything that podreach can find wrong with its input, under a stable name.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Code { $($(#[$doc])* $variant,)+ }
        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];
            /// The stable name users see: `invalid-value`.
            pub const fn name(self) -> &'static str { match self { $(Self::$variant => $name,)+ } }
            /// The severity of a code, which is fixed.
            pub const fn severity(self) -> Severity { match self { $(Self::$variant => Severity::$severity,)+ } }
        }
    };
}

codes! {
    /// A file or directory cannot be read.
    Unreadable = Error "unreadable",
    /// Bytes that are not UTF-8 text, or hold NUL.
    NotText = Error "not-text",
    /// A document is not YAML or not JSON.
    Syntax = Error "syntax",
    /// A document nests deeper, or expands to more, than podreach accepts.
    TooLarge = Error "too-large",
    /// A value has another type than the field.
    WrongType = Error "wrong-type",
    /// A field that does not exist.
    UnknownField = Error "unknown-field",
    /// A field that does not exist, in a kind of which podreach reads some fields only, near one of these.
    MistypedField = Warning "mistyped-field",
    /// The same key twice in one mapping.
    DuplicateKey = Error "duplicate-key",
    /// The API server's `Invalid value`.
    InvalidValue = Error "invalid-value",
    /// The API server's `Unsupported value`.
    UnsupportedValue = Error "unsupported-value",
    /// The API server's `Required value`.
    RequiredValue = Error "required-value",
    /// The API server's `Forbidden`.
    Forbidden = Error "forbidden",
    /// The same object twice with different contents.
    DuplicateObject = Error "duplicate-object",
    /// The input holds no Kubernetes object at all.
    NoObjects = Error "no-objects",
    /// A directory with a kustomization that makes other objects of its files than they hold.
    Kustomized = Error "kustomized",
    /// A change that cannot be made: there is nothing to change, or nothing is known of it.
    BadChange = Error "bad-change",
    /// Something was left out of the evaluation: not a manifest, a FIFO in a directory, `local-config`.
    Skipped = Note "skipped",
    /// A document of a kind that podreach does not read.
    IgnoredKind = Note "ignored-kind",
    /// Objects that name no namespace, and were put into that of `-n`.
    NoNamespace = Note "no-namespace",
    /// A policy kind that podreach recognises and does not evaluate.
    NotEvaluated = Warning "not-evaluated",
    /// An object of a kind that podreach does not read and that holds, or leads to, policies or pods.
    NotRead = Warning "not-read",
    /// An unknown kind with a pod template, taken as a Deployment.
    UnknownWorkload = Warning "unknown-workload",
    /// A CIDR or an address in a form that newer API servers warn about or reject.
    LegacyCidr = Warning "legacy-cidr",
    /// A text that the API server takes for the address of a node and that is none.
    NotAnAddress = Warning "not-an-address",
    /// A null element of a rule list, which means "everything".
    NullRule = Warning "null-rule",
    /// An apiVersion that current clusters no longer serve.
    RemovedApi = Warning "removed-api",
    /// A label or field that the API server or a controller overwrites.
    Overwritten = Warning "overwritten",
    /// The same object twice with different contents, of a kind on which no verdict depends.
    AmbiguousObject = Warning "ambiguous-object",
    /// A name that only the cluster can decide (`generateName`) or that is used twice by different pods.
    AmbiguousName = Warning "ambiguous-name",
    /// A fact about an object that matters to the answer: suspended, terminating, a test hook.
    Lifecycle = Note "lifecycle",
    /// The CNI profile changes or voids what the policies say.
    Profile = Warning "profile",
    /// The answer depends on the CNI.
    ProfilesDiffer = Note "profiles-differ",
    /// A policy asks for a fact that the input does not give.
    MissingFact = Note "missing-fact",
    /// A policy that selects nothing, or a rule or a port name of one that matches nothing.
    MatchesNothing = Note "matches-nothing",
    /// Something that the answer counts and does not list.
    Shortened = Note "shortened",
    /// A change that changes nothing.
    Unchanged = Note "unchanged",
    /// A change that the API server would refuse for an object that is there already.
    Immutable = Warning "immutable",
    /// `--keep-going` left an object out.
    LeftOut = Warning "left-out",
}

/// One finding about the input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// The code, which fixes the severity.
    pub code: Code,
    /// One line, lower case, without a full stop; user text in backticks or as the API server quotes it.
    pub message: String,
    /// The object it speaks of, when it is known.
    pub object: Option<ObjectName>,
    /// The place of that object (or of the unreadable document) in the input.
    pub origin: Option<Origin>,
    /// The field, as Kubernetes writes paths: `spec.ingress[0].from[1].ipBlock.cidr`; empty for the whole object.
    pub path: String,
    /// Byte offset within the source where the path cannot say it (syntax errors, unknown fields).
    pub offset: Option<u64>,
    /// Advice on how to fix it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A finding with a code and a message; the rest is added with the `with_` methods. Of values in the message the
    /// beginning is kept.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            code,
            message: match shortened(&message) {
                Cow::Borrowed(_) => message,
                Cow::Owned(short) => short,
            },
            object: None,
            origin: None,
            path: String::new(),
            offset: None,
            help: None,
        }
    }

    /// Names the object.
    #[must_use]
    pub fn with_object(mut self, object: ObjectName) -> Self {
        self.object = Some(object);
        self
    }

    /// Names the place the object was read.
    #[must_use]
    pub fn with_origin(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }

    /// Names the field.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Names the byte within the source.
    #[must_use]
    pub fn with_offset(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The severity, which the code fixes.
    pub const fn severity(&self) -> Severity {
        self.code.severity()
    }
}
