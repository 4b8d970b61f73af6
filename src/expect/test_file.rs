//! A test file as it is meant: what is left once every string has been read.

use std::path::PathBuf;

use super::date::Date;
use crate::cluster::{Assumption, Ranges};
use crate::diagnostic::Origin;
use crate::net::{AddressSet, ByFamily};
use crate::profile::Profile;
use crate::query::LabelQuery;
use crate::query::endpoint::PortRequest;

/// One document.
#[derive(Clone, Debug)]
pub struct TestFile {
    /// `metadata.name`, or else the name of the file.
    pub name: String,
    /// The place of the document in the input.
    pub origin: Origin,
    /// Of which cluster it speaks.
    pub settings: Settings,
    /// The tests, in written order.
    pub tests: Vec<Test>,
    /// The waivers, in written order.
    pub waivers: Vec<Waiver>,
}

/// Of which cluster a file speaks, as far as it says so.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Settings {
    /// The manifests.
    pub resources: Vec<PathBuf>,
    /// The CNI profile.
    pub profile: Option<Profile>,
    /// The address ranges of the cluster.
    pub ranges: Ranges,
    /// Labels the manifests do not show.
    pub assume: Vec<Assumption>,
}

/// One test.
#[derive(Clone, Debug)]
pub struct Test {
    /// Its name.
    pub name: String,
    /// Its place in the document: `tests[3]`.
    pub path: String,
    /// The sources.
    pub from: Option<Endpoint>,
    /// The destinations.
    pub to: Option<Endpoint>,
    /// The ports; `None` for every port.
    pub ports: Option<Vec<PortRequest>>,
    /// The expectation.
    pub expectation: Expectation,
    /// True if the test passes where the input does not decide.
    pub passes_on_unknown: bool,
    /// True if its endpoints may match nothing.
    pub allows_empty: bool,
    /// The waiver for it: its place in [`TestFile::waivers`].
    pub waiver: Option<usize>,
}

/// The expectation of a test.
#[derive(Clone, Debug)]
pub enum Expectation {
    /// Every pair, every port.
    Allow,
    /// Every pair, every port, and on each a policy restricts what may be said.
    Restricted,
    /// No pair, no port.
    Deny,
    /// Each of these at least one of the ports, all others none.
    Only(Vec<Endpoint>),
}

/// A set of pods and addresses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    /// The text that messages show: its name, or what was written.
    pub text: String,
    /// Its place in the document.
    pub path: String,
    /// The ends that it stands for.
    pub meaning: Meaning,
    /// A name under `endpoints` that was probably meant.
    pub near: Option<String>,
}

/// The ends that an endpoint stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Meaning {
    /// A text, which is read as on the command line.
    Text(String),
    /// All of these.
    List(Vec<Endpoint>),
    /// Pods by their labels, and addresses.
    Set {
        /// The pods.
        pods: Option<PodFilter>,
        /// The addresses.
        addresses: ByFamily<AddressSet>,
        /// Every address that is the internet's.
        internet: bool,
    },
}

/// Pods by namespace and labels; what is not given matches everything.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PodFilter {
    /// The name of their namespace.
    pub namespace: Option<String>,
    /// The labels of their namespace.
    pub namespaces: Option<LabelQuery>,
    /// Their labels.
    pub pods: Option<LabelQuery>,
}

/// A failure that is known and put up with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Waiver {
    /// Its place in the document.
    pub path: String,
    /// The reason for the waiver.
    pub reason: Option<String>,
    /// The last day on which it holds.
    pub expires: Option<Date>,
}
