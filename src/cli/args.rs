//! The command line as it was typed.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser as _;
use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;

use podreach::load::Glob;
use podreach::policy::KubeVersion;
use podreach::profile::Profile;
use podreach::project::Color;
use podreach::query::{By, LabelQuery};

use super::changes::ChangeArgs;
use super::output::Output;

/// Who can reach whom on which port, exactly, before you apply it.
///
/// podreach reads Kubernetes manifests or dumps, evaluates every NetworkPolicy in them, and says which connections
/// are allowed, denied, or not decided by what it was given. It needs no cluster.
#[derive(Debug, Parser)]
#[command(
    name = "podreach",
    version,
    after_help = "Defaults for the options come from `.podreach.yaml` in the working directory or above it,\n\
                  up to the root of the repository.\n\
                  Exit status: 0 done or yes, 1 no, 2 usage or invalid input, 3 undecided."
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) verb: Verb,
    #[command(flatten)]
    pub(super) global: GlobalArgs,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Who can reach whom on which port: the full allow matrix
    #[command(after_help = "Examples:\n  \
        podreach matrix -f manifests/ -R\n  \
        kubectl get pods,ns,netpol,deploy,sts,ds,svc -A -o json | podreach matrix -f - --by namespace\n  \
        podreach matrix -f shop.yaml --by pod -o ndjson\n  \
        podreach matrix -f shop.yaml -o table -o json=matrix.json")]
    Matrix(MatrixArgs),
    /// Whether one may connect to the other: allow, deny or unknown, as exit status 0, 1 or 3
    #[command(after_help = "Examples:\n  \
        podreach can -f shop.yaml shop/web shop/db:5432\n  \
        podreach can -f shop.yaml deploy/shop/web internet:443\n  \
        podreach can -f shop.yaml 203.0.113.7 svc/shop/web:http")]
    Can(ConnectionArgs),
    /// The verdict and its proof: every policy and rule that matters, near misses, a fix
    #[command(after_help = "Examples:\n  \
        podreach explain -f shop.yaml shop/web shop/db:5432\n  \
        podreach explain -f shop.yaml shop/db")]
    Explain(ExplainArgs),
    /// Who reaches an endpoint, or what it reaches; with --hops through chains of pods
    #[command(after_help = "Examples:\n  \
        podreach reach -f shop.yaml --to shop/db\n  \
        podreach reach -f shop.yaml --from shop/web --hops 3\n  \
        podreach reach -f shop.yaml --from internet --port 443 --hops 2\n  \
        podreach reach -f shop.yaml --from shop/web --hops 3 -o svg=blast-radius.svg")]
    Reach(ReachArgs),
    /// One self-contained page: coverage, findings, the matrix to drill into, every workload and every flow
    #[command(after_help = "Examples:\n  \
        podreach report -f manifests/ -R -o html=reachability.html\n  \
        kubectl get pods,ns,netpol,deploy,sts,ds,svc -A -o json | podreach report -f - -o html=cluster.html\n  \
        podreach what-if -f manifests/ --apply new-policy.yaml -o html=change.html")]
    Report,
    /// What changes when objects are applied, deleted, relabelled or scaled: nothing is touched but this answer
    #[command(after_help = "Examples:\n  \
        podreach what-if -f manifests/ --apply new-policy.yaml\n  \
        kubectl get pods,ns,netpol,svc -A -o json | podreach what-if -f - --delete netpol/shop/default-deny\n  \
        podreach what-if -f shop.yaml --label ns/shop env=prod --scale deploy/shop/web=0 --each\n\n\
        Exit status: 0 no difference, 1 a difference that `--fail-on` counts, 2 usage or invalid input, 3 undecided.")]
    WhatIf(WhatIfArgs),
    /// What differs between two inputs: who can reach whom that could not before, and why
    #[command(after_help = "Examples:\n  \
        podreach diff --before main/ --after branch/\n  \
        podreach diff --before old.json --after new.json --fail-on new-allow -o md=comment.md\n\n\
        Exit status: 0 no difference, 1 a difference that `--fail-on` counts, 2 usage or invalid input, 3 undecided.")]
    Diff(DiffArgs),
    /// Run reachability tests: what should be allowed, what should not, and whether it is so
    #[command(after_help = "Examples:\n  \
        podreach test reachability-test.yaml\n  \
        podreach test -f manifests/ tests/*.yaml -o table -o junit=junit.xml\n  \
        kubectl get pods,ns,netpol,svc -A -o json | podreach test -f - tests/")]
    Test(TestArgs),
    /// The lock file: reachability by workload, for reviews and for CI
    #[command(after_help = "Examples:\n  \
        podreach snapshot -f manifests/\n  \
        podreach snapshot -f manifests/ --update\n  \
        podreach snapshot -f manifests/ --check --fail-on any")]
    Snapshot(SnapshotArgs),
    /// Print the completion script of a shell
    #[command(after_help = "Examples:\n  \
        source <(podreach completion bash)\n  \
        podreach completion fish > ~/.config/fish/completions/podreach.fish")]
    Completion(CompletionArgs),
}

/// Flags that every command has.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Input")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct GlobalArgs {
    /// File, directory, named pipe, or `-` for standard input; repeatable
    #[arg(short, long, global = true, value_name = "PATH")]
    pub(super) filename: Vec<PathBuf>,
    /// Read sub-directories too
    #[arg(short = 'R', long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub(super) recursive: Option<bool>,
    /// Leave out files and directories whose path below the one given, or whose name, fits; repeatable
    #[arg(long, global = true, value_name = "GLOB")]
    pub(super) exclude: Vec<Glob>,
    /// Leave bad objects out; what they might touch becomes unknown
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub(super) keep_going: Option<bool>,
    /// A label the input does not show, such as `ns/shop env=prod`; repeatable
    #[arg(long, global = true, num_args = 2, value_names = ["KIND/[NS/]NAME", "KEY=VALUE"])]
    pub(super) assume: Vec<String>,
    /// Treat policies of this kind as if they were not there; repeatable
    #[arg(long, global = true, value_name = "KIND", value_delimiter = ',')]
    pub(super) ignore_kind: Vec<String>,
    /// The release whose API server validates what no cluster has stored yet; without it the newest one known
    #[arg(long, global = true, value_name = "1.N")]
    pub(super) kube_version: Option<KubeVersion>,

    /// Take defaults for these options from this file, and from no other
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "no_project_file")]
    pub(super) project_file: Option<PathBuf>,
    /// Take defaults from no file, as with PODREACH_NO_PROJECT_FILE=1
    #[arg(long, global = true)]
    pub(super) no_project_file: bool,

    /// The network plugin that settles what the API leaves open
    #[arg(long, global = true, value_name = "PROFILE", value_parser = profile_parser(), help_heading = "Network")]
    pub(super) cni: Option<Profile>,
    /// Where addresses of pods lie that the input does not give; repeatable
    #[arg(long, global = true, value_name = "CIDR", value_delimiter = ',', help_heading = "Network")]
    pub(super) pod_cidr: Vec<IpNet>,
    /// The range of Service addresses; repeatable
    #[arg(long, global = true, value_name = "CIDR", value_delimiter = ',', help_heading = "Network")]
    pub(super) service_cidr: Vec<IpNet>,
    /// The range of node addresses; repeatable
    #[arg(long, global = true, value_name = "CIDR", value_delimiter = ',', help_heading = "Network")]
    pub(super) node_cidr: Vec<IpNet>,

    /// The namespace of objects and names that have none; show what touches it
    #[arg(short, long, global = true, value_name = "NS", help_heading = "Output")]
    pub(super) namespace: Option<String>,
    /// Show every namespace (the default)
    #[arg(short = 'A', long, global = true, help_heading = "Output")]
    pub(super) all_namespaces: bool,
    /// Show what touches pods with these labels, such as `app=web,tier!=db`
    #[arg(short = 'l', long, global = true, value_name = "SELECTOR", help_heading = "Output")]
    pub(super) selector: Option<LabelQuery>,
    /// table, wide, json, yaml, ndjson, csv, md, dot, mermaid, svg or html (tests: junit, sarif, tap, github); with `=FILE` into a file; repeatable
    #[arg(short, long, global = true, value_name = "FORMAT[=FILE]", help_heading = "Output")]
    pub(super) output: Vec<Output>,
    /// End with status 3 if the input leaves anything undecided
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, help_heading = "Output")]
    pub(super) strict: Option<bool>,
    /// Say on standard error how long each stage took and how much memory was needed
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, help_heading = "Output")]
    pub(super) timings: Option<bool>,
    /// Colours; NO_COLOR is respected
    #[arg(long, global = true, value_name = "WHEN", value_enum, help_heading = "Output")]
    pub(super) color: Option<ColorMode>,
    /// Say nothing but errors beside the answer
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Output")]
    pub(super) quiet: bool,
    /// Show every note
    #[arg(short, long, global = true, help_heading = "Output")]
    pub(super) verbose: bool,
}

/// The use of colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(super) enum ColorMode {
    /// On a terminal
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl From<Color> for ColorMode {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::Always,
            Color::Never => Self::Never,
        }
    }
}

fn profile_parser() -> impl clap::builder::TypedValueParser<Value = Profile> {
    PossibleValuesParser::new(Profile::ALL.map(Profile::name))
        .map(|name| Profile::from_name(&name).expect("the possible values are the names of profiles"))
}

#[derive(Debug, Args)]
pub(super) struct MatrixArgs {
    /// What a row stands for
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t)]
    pub(super) by: Level,
    /// Only what these may reach
    #[arg(long, value_name = "ENDPOINT")]
    pub(super) from: Option<String>,
    /// Only what may reach these
    #[arg(long, value_name = "ENDPOINT")]
    pub(super) to: Option<String>,
    /// Only these ports: 443, 53/UDP, 8000-8100/TCP
    #[arg(long, value_name = "PORT")]
    pub(super) port: Option<String>,
    /// Only the counts
    #[arg(long)]
    pub(super) summary: bool,
}

/// The level of the rows of a matrix.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(super) enum Level {
    /// One pod
    Pod,
    /// A Deployment, a StatefulSet, ..., or a bare pod
    #[default]
    Workload,
    /// A namespace
    Namespace,
}

impl From<Level> for By {
    fn from(level: Level) -> Self {
        match level {
            Level::Pod => Self::Pod,
            Level::Workload => Self::Workload,
            Level::Namespace => Self::Namespace,
        }
    }
}

/// The two ends of a connection, one after the other or each by a flag.
#[derive(Debug, Args)]
pub(super) struct ConnectionArgs {
    /// Where connections come from: [NS/]NAME, KIND/[NS/]NAME, NS/*, a label selector, an address, a CIDR, internet
    #[arg(value_name = "FROM", required_unless_present = "from", conflicts_with = "from")]
    source: Option<String>,
    /// Where they go, and on which port: 443, 53/UDP, 8000-8100, a port name; without one, those that are declared
    #[arg(value_name = "TO[:PORT]", required_unless_present = "to", conflicts_with = "to")]
    destination: Option<String>,
    #[command(flatten)]
    by_flag: EndArgs,
}

/// The ends of a connection by flags.
#[derive(Debug, Args)]
pub(super) struct EndArgs {
    /// Instead of FROM
    #[arg(long, value_name = "ENDPOINT", requires = "to")]
    from: Option<String>,
    /// Instead of TO
    #[arg(long, value_name = "ENDPOINT[:PORT]", requires = "from")]
    to: Option<String>,
    /// Instead of :PORT
    #[arg(long, value_name = "PORT")]
    port: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// Where connections come from; alone, the endpoint whose policies are shown
    #[arg(value_name = "FROM|ENDPOINT", required_unless_present = "from", conflicts_with = "from")]
    source: Option<String>,
    /// Where they go, and on which port
    #[arg(value_name = "TO[:PORT]", conflicts_with = "to")]
    destination: Option<String>,
    #[command(flatten)]
    by_flag: EndArgs,
}

/// A question about a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connection<'a> {
    /// The sources.
    pub(super) from: &'a str,
    /// The destinations, perhaps with a port.
    pub(super) to: &'a str,
    /// `--port`.
    pub(super) port: Option<&'a str>,
}

/// The question to `explain`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Explained<'a> {
    /// One end.
    Endpoint(&'a str),
    /// A connection.
    Connection(Connection<'a>),
}

impl EndArgs {
    fn connection<'a>(
        &'a self,
        source: Option<&'a String>,
        destination: Option<&'a String>,
    ) -> Option<Connection<'a>> {
        let from = source.or(self.from.as_ref())?;
        let to = destination.or(self.to.as_ref())?;
        Some(Connection { from, to, port: self.port.as_deref() })
    }
}

impl ConnectionArgs {
    pub(super) fn connection(&self) -> Connection<'_> {
        let ends = self.by_flag.connection(self.source.as_ref(), self.destination.as_ref());
        ends.expect("the grammar asks for both ends")
    }
}

impl ExplainArgs {
    pub(super) fn explained(&self) -> Explained<'_> {
        match self.by_flag.connection(self.source.as_ref(), self.destination.as_ref()) {
            Some(connection) => Explained::Connection(connection),
            None => Explained::Endpoint(self.source.as_ref().expect("the grammar asks for one end")),
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct WhatIfArgs {
    #[command(flatten)]
    pub(super) changes: ChangeArgs,
    /// Every change on its own, then all of them together
    #[arg(long, help_heading = "Changes")]
    pub(super) each: bool,
    #[command(flatten)]
    pub(super) difference: DifferenceArgs,
}

#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// The input as it was: files, directories, or `-`
    #[arg(long, value_name = "PATH", num_args = 1.., required = true)]
    pub(super) before: Vec<PathBuf>,
    /// The input as it is now
    #[arg(long, value_name = "PATH", num_args = 1.., required = true)]
    pub(super) after: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) difference: DifferenceArgs,
}

/// How a difference is shown and judged.
#[derive(Debug, Args)]
pub(super) struct DifferenceArgs {
    /// What is compared
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t)]
    pub(super) by: Level,
    /// Which differences end with status 1
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = FailOn::Any)]
    pub(super) fail_on: FailOn,
    /// The most bytes of Markdown, so that it fits a comment
    #[arg(long, value_name = "BYTES", default_value_t = 60_000)]
    pub(super) max_size: usize,
}

/// The differences that count as a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum FailOn {
    /// Something is allowed, or perhaps allowed, that was not
    NewAllow,
    /// Something is denied, or perhaps denied, that was not
    RemovedAllow,
    /// Any difference
    Any,
}

impl From<FailOn> for podreach::snapshot::FailOn {
    fn from(fail_on: FailOn) -> Self {
        match fail_on {
            FailOn::NewAllow => Self::NewAllow,
            FailOn::RemovedAllow => Self::RemovedAllow,
            FailOn::Any => Self::Any,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct TestArgs {
    /// Test files, or directories of them, or `-` for standard input
    #[arg(value_name = "TESTFILE", required = true)]
    pub(super) files: Vec<PathBuf>,
    /// Run only tests with this text in their names; repeatable, all must be there
    #[arg(long, value_name = "TEXT")]
    pub(super) filter: Vec<String>,
    /// Instead of the tests' results, show which rules no test watches over: each is loosened and removed in turn
    #[arg(long)]
    pub(super) mutate: bool,
    /// With --mutate: end with status 1 if the tests notice less than this share of the changes, in percent
    #[arg(long, value_name = "PERCENT", requires = "mutate", value_parser = clap::value_parser!(u64).range(0..=100))]
    pub(super) min_score: Option<u64>,
    #[command(flatten)]
    pub(super) changes: ChangeArgs,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("target").required(true).args(["to", "from"])))]
pub(super) struct ReachArgs {
    /// Who reaches this endpoint
    #[arg(long, value_name = "ENDPOINT[:PORT]")]
    pub(super) to: Option<String>,
    /// What this endpoint reaches
    #[arg(long, value_name = "ENDPOINT")]
    pub(super) from: Option<String>,
    /// On these ports only: 443, 53/UDP, 8000-8100/TCP; of a chain, the hop next to the endpoint
    #[arg(long, value_name = "PORT")]
    pub(super) port: Option<String>,
    /// Follow chains of up to N connections, each from a pod that was reached before
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) hops: u32,
    /// Only addresses outside the cluster
    #[arg(long)]
    pub(super) external_only: bool,
}

/// The lock file if none is named.
pub(super) const LOCK_FILE: &str = "reachability.lock.yaml";

#[derive(Debug, Args)]
pub(super) struct SnapshotArgs {
    /// The lock file
    #[arg(long, value_name = "FILE", default_value = LOCK_FILE)]
    pub(super) lock: PathBuf,
    /// Say what differs from the lock file, and end with status 1 if it should not
    #[arg(long, conflicts_with = "update")]
    pub(super) check: bool,
    /// Write the lock file
    #[arg(long)]
    pub(super) update: bool,
    /// Which differences --check ends with status 1 for
    #[arg(long, value_name = "WHAT", value_enum, requires = "check", default_value_t = FailOn::NewAllow)]
    pub(super) fail_on: FailOn,
}

#[derive(Debug, Args)]
pub(super) struct CompletionArgs {
    /// The shell
    #[arg(value_enum)]
    pub(super) shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_stand_before_or_after_the_verb() {
        for line in [
            "podreach matrix -f a -f b -R --strict=false --assume ns/x a=b --assume pod/x c=d --pod-cidr 10.0.0.0/8,fd00::/8",
            "podreach -f a -f b -R --strict=false --assume ns/x a=b --assume pod/x c=d matrix --pod-cidr 10.0.0.0/8,fd00::/8",
        ] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            assert_eq!(cli.global.filename, ["a", "b"].map(PathBuf::from));
            assert_eq!(cli.global.assume, ["ns/x", "a=b", "pod/x", "c=d"]);
            assert_eq!((cli.global.recursive, cli.global.strict), (Some(true), Some(false)));
            assert_eq!(cli.global.pod_cidr.len(), 2);
        }
    }
}
