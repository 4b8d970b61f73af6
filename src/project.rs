//! The project file `.podreach.yaml` as it is written: defaults for the global flags.
//!
//! Reads a text and no file: where a project file is looked for, and what it may not lead to, is for the command to say.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::load::{OwnError, document};
use crate::yaml::OneOrMany;

/// The keys it may have. They are the flags, in the spelling of Kubernetes' own fields.
pub const KEYS: [&str; 19] = [
    "filename",
    "recursive",
    "exclude",
    "keepGoing",
    "assume",
    "ignoreKind",
    "kubeVersion",
    "cni",
    "podCIDR",
    "serviceCIDR",
    "nodeCIDR",
    "namespace",
    "selector",
    "output",
    "strict",
    "timings",
    "color",
    "quiet",
    "verbose",
];

/// The contents of a project file; each field is the flag of its name.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProjectFile {
    /// Paths of manifests, relative to the file.
    pub filename: OneOrMany,
    /// True if sub-directories are read.
    pub recursive: Option<bool>,
    /// Patterns of what is left out.
    pub exclude: OneOrMany,
    /// True if bad objects are left out.
    pub keep_going: Option<bool>,
    /// Labels by `KIND/[NS/]NAME`.
    pub assume: BTreeMap<String, BTreeMap<String, String>>,
    /// Kinds that count for nothing.
    pub ignore_kind: OneOrMany,
    /// The release whose API server validates. Text: YAML takes `1.30` for the number 1.3.
    pub kube_version: Option<String>,
    /// The CNI profile.
    pub cni: Option<String>,
    /// The ranges of pod addresses.
    #[serde(rename = "podCIDR")]
    pub pod_cidr: OneOrMany,
    /// The ranges of Service addresses.
    #[serde(rename = "serviceCIDR")]
    pub service_cidr: OneOrMany,
    /// The ranges of node addresses.
    #[serde(rename = "nodeCIDR")]
    pub node_cidr: OneOrMany,
    /// The namespace.
    pub namespace: Option<String>,
    /// The labels of the pods to show.
    pub selector: Option<String>,
    /// Formats and files: `json=matrix.json`.
    pub output: OneOrMany,
    /// True if an undecided verdict shows in the exit status.
    pub strict: Option<bool>,
    /// True if the time that each stage took is reported.
    pub timings: Option<bool>,
    /// The use of colours.
    pub color: Option<Color>,
    /// True if nothing but errors is reported beside the answer.
    pub quiet: bool,
    /// True if every note is shown.
    pub verbose: bool,
}

/// The use of colours in the output.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The reason why a text is no project file.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// It is not YAML of that shape.
    #[error("{0}")]
    Syntax(#[from] OwnError),
    /// One of its keys is not among [`KEYS`].
    #[error("unknown key `{0}`")]
    UnknownKey(String),
}

impl ProjectFile {
    /// Reads a project file; one with nothing in it says nothing.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with it.
    pub fn parse(text: &[u8]) -> Result<Self, ProjectError> {
        #[expect(
            clippy::zero_sized_map_values,
            reason = "serde reads a mapping into a map, never into a set"
        )]
        let keys: BTreeMap<String, IgnoredAny> = document(text)?.unwrap_or_default();
        match keys.into_keys().find(|key| !KEYS.contains(&&**key)) {
            Some(key) => Err(ProjectError::UnknownKey(key)),
            None => Ok(document(text)?.unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ProjectFile, String> {
        ProjectFile::parse(text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn every_key_is_read() {
        let text = "filename: [a, b]\nrecursive: true\nexclude: '*.enc.yaml'\nkeepGoing: true\nassume: {ns/shop: {env: prod}}\n\
                    ignoreKind: X\nkubeVersion: '1.35'\ncni: calico\npodCIDR: 10.0.0.0/8\nserviceCIDR: [10.96.0.0/12]\nnodeCIDR: []\n\
                    namespace: shop\nselector: app=web\noutput: [table, json=x.json]\nstrict: false\ntimings: true\n\
                    color: never\nquiet: false\nverbose: true\n";
        let keys: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once(':')?.0)).collect();
        assert_eq!(keys, KEYS);
        let file = parse(text).unwrap();
        assert_eq!(file.filename.0, ["a", "b"]);
        assert_eq!((file.recursive, file.strict), (Some(true), Some(false)));
        assert_eq!(file.pod_cidr.0.len(), 1);
        assert_eq!(file.assume["ns/shop"]["env"], "prod");
        assert_eq!(file.color, Some(Color::Never));
    }

    #[test]
    fn mistakes_are_errors() {
        assert_eq!(parse("podCidr: 10.0.0.0/8\n").unwrap_err(), "unknown key `podCidr`");
        let error = parse("strict: maybe\n").unwrap_err();
        assert!(error.contains("line 1") && error.contains("strict"), "{error}");
        assert!(parse("filename: {a: b}\n").unwrap_err().contains("a string or a list of strings"));
        assert!(parse("- a\n").unwrap_err().contains("expected an object, found an array at line 1"));
        assert!(parse("cni: spec\ncni: calico\n").unwrap_err().contains("already set in map at line 2"));
    }

    #[test]
    fn an_empty_file_says_nothing() {
        assert_eq!(parse("# nothing yet\n").unwrap(), ProjectFile::default());
    }
}
