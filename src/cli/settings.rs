//! The settings in force: flags over the project file over defaults.

use std::io;
use std::path::{Path, PathBuf};

use ipnet::IpNet;

use podreach::cluster::{self, Assumption, Ranges};
use podreach::load::{self, Glob, Input, Loaded};
use podreach::policy::KubeVersion;
use podreach::profile::Profile;
use podreach::query::LabelQuery;
use podreach::render::diagnostic::Volume;
use podreach::render::style::Palette;
use podreach::yaml::OneOrMany;

use super::args::{ColorMode, GlobalArgs};
use super::error::Failure;
use super::output::Output;
use super::project::{Project, working_folder};
use super::suggest::nearest;
use super::terminal::palette;

/// The settings of every command.
#[derive(Debug)]
pub(super) struct Settings {
    /// The inputs to read; empty only for commands whose inputs have names of their own.
    pub(super) inputs: Vec<Input>,
    /// Options for reading them.
    pub(super) load: load::Options,
    /// Options for building the cluster.
    pub(super) build: cluster::Options,
    /// The CNI profile.
    pub(super) profile: Profile,
    /// `-n`.
    pub(super) namespace: Option<String>,
    /// `-l`.
    pub(super) selector: Option<LabelQuery>,
    /// The outputs for answers; never empty, at most one to standard output.
    pub(super) outputs: Vec<Output>,
    /// True if an undecided verdict shows in the exit status.
    pub(super) strict: bool,
    /// True if the time that each stage took is reported.
    pub(super) timings: bool,
    /// The amount of messages beside the answer.
    pub(super) volume: Volume,
    /// The colours and signs of standard output.
    pub(super) stdout: Palette,
    /// The same of standard error.
    pub(super) stderr: Palette,
}

impl Settings {
    /// Resolves `args` in the working directory.
    pub(super) fn resolve(args: &GlobalArgs, project: &Project) -> Result<Self, Failure> {
        let settings = Self::with_any_inputs(args, project)?;
        if settings.inputs.is_empty() {
            return Err(Failure::usage("no input was named")
                .with_help("name manifests with `-f PATH`, or `-f -` for standard input"));
        }
        Ok(settings)
    }

    /// The same for a command that has an input of its own where none was named.
    pub(super) fn with_any_inputs(args: &GlobalArgs, project: &Project) -> Result<Self, Failure> {
        Ok(Self { inputs: inputs(args, project, &working_folder()?)?, ..Self::merge(args, project)? })
    }

    /// The same for a command that does not read what `-f` or the project file names.
    pub(super) fn without_inputs(args: &GlobalArgs, project: &Project) -> Result<Self, Failure> {
        Self::merge(args, project)
    }

    /// Puts the loaded objects that name no namespace into that of `-n`.
    pub(super) fn placed(&self, loaded: Loaded) -> Loaded {
        match &self.namespace {
            Some(namespace) => loaded.in_namespace(namespace),
            None => loaded,
        }
    }

    fn merge(args: &GlobalArgs, project: &Project) -> Result<Self, Failure> {
        let namespace =
            args.namespace.clone().or(project.file.namespace.clone()).filter(|_| !args.all_namespaces);
        let keep_going = args.keep_going.or(project.file.keep_going).unwrap_or(false);
        let assume = assumptions(args, project, namespace.as_deref())?;
        let color = args.color.or(project.file.color.map(ColorMode::from)).unwrap_or_default();
        Ok(Self {
            inputs: Vec::new(),
            load: load::Options {
                recursive: args.recursive.or(project.file.recursive).unwrap_or(false),
                exclude: exclude(args, project)?,
                careful: false,
            },
            build: cluster::Options {
                ranges: Ranges {
                    pods: ranges(&args.pod_cidr, "podCIDR", &project.file.pod_cidr)?,
                    services: ranges(&args.service_cidr, "serviceCIDR", &project.file.service_cidr)?,
                    nodes: ranges(&args.node_cidr, "nodeCIDR", &project.file.node_cidr)?,
                },
                assume,
                ignore_kinds: either(&args.ignore_kind, &project.file.ignore_kind.0).to_vec(),
                keep_going,
                kube_version: kube_version(args, project)?,
                more: Vec::new(),
                changed: false,
            },
            profile: profile(args, project)?,
            selector: selector(args, project)?,
            namespace,
            outputs: outputs(args, project)?,
            strict: args.strict.or(project.file.strict).unwrap_or(false),
            timings: args.timings.or(project.file.timings).unwrap_or(false),
            volume: match (args.quiet, args.verbose, project.file.quiet, project.file.verbose) {
                (true, ..) | (_, false, true, _) => Volume::Quiet,
                (_, true, ..) | (_, _, _, true) => Volume::Verbose,
                _ => Volume::Normal,
            },
            stdout: palette(color, &io::stdout()),
            stderr: palette(color, &io::stderr()),
        })
    }
}

/// The flags if there are any, else the project file.
fn either<'a, T>(flags: &'a [T], project: &'a [T]) -> &'a [T] {
    if flags.is_empty() { project } else { flags }
}

fn inputs(args: &GlobalArgs, project: &Project, folder: &Path) -> Result<Vec<Input>, Failure> {
    let paths: Vec<PathBuf> = if args.filename.is_empty() {
        let paths = project.file.filename.0.iter();
        paths.map(|path| project.input(Path::new(path), folder)).collect::<Result<_, _>>()?
    } else {
        args.filename.clone()
    };
    let inputs: Vec<Input> = paths.into_iter().map(input).collect();
    if inputs.iter().filter(|input| **input == Input::Stdin).count() > 1 {
        return Err(Failure::usage("standard input can be read only once: `-f -` was given twice"));
    }
    Ok(inputs)
}

/// The input that a path on the command line names: standard input for `-`.
pub(super) fn input(path: PathBuf) -> Input {
    if path.as_os_str() == "-" { Input::Stdin } else { Input::Path(path) }
}

fn exclude(args: &GlobalArgs, project: &Project) -> Result<Vec<Glob>, Failure> {
    if !args.exclude.is_empty() {
        return Ok(args.exclude.clone());
    }
    let parse = |text: &String| {
        text.parse().map_err(|error| Failure::usage(format!("project file: exclude: `{text}`: {error}")))
    };
    project.file.exclude.0.iter().map(parse).collect()
}

fn ranges(flags: &[IpNet], key: &str, project: &OneOrMany) -> Result<Vec<IpNet>, Failure> {
    if !flags.is_empty() {
        return Ok(flags.to_vec());
    }
    let parse = |text: &String| {
        text.parse().map_err(|_| Failure::usage(format!("project file: {key}: `{text}` is not a CIDR")))
    };
    project.0.iter().map(parse).collect()
}

fn profile(args: &GlobalArgs, project: &Project) -> Result<Profile, Failure> {
    match (args.cni, &project.file.cni) {
        (Some(profile), _) => Ok(profile),
        (None, None) => Ok(Profile::Spec),
        (None, Some(name)) => Profile::from_name(name).ok_or_else(|| {
            let names = Profile::ALL.map(Profile::name);
            let failure = Failure::usage(format!("project file: unknown CNI profile `{name}`"));
            match nearest(name, names) {
                Some(near) => failure.with_help(format!("did you mean `{near}`?")),
                None => failure.with_help(format!("known are {}", names.join(", "))),
            }
        }),
    }
}

fn kube_version(args: &GlobalArgs, project: &Project) -> Result<KubeVersion, Failure> {
    match (args.kube_version, &project.file.kube_version) {
        (Some(version), _) => Ok(version),
        (None, None) => Ok(KubeVersion::default()),
        (None, Some(text)) => text
            .parse()
            .map_err(|error| Failure::usage(format!("project file: kubeVersion: `{text}`: {error}"))),
    }
}

fn selector(args: &GlobalArgs, project: &Project) -> Result<Option<LabelQuery>, Failure> {
    match (&args.selector, &project.file.selector) {
        (Some(selector), _) => Ok(Some(selector.clone())),
        (None, None) => Ok(None),
        (None, Some(text)) => text
            .parse()
            .map(Some)
            .map_err(|error| Failure::usage(format!("project file: selector `{text}`: {error}"))),
    }
}

fn outputs(args: &GlobalArgs, project: &Project) -> Result<Vec<Output>, Failure> {
    let mut outputs = args.output.clone();
    if outputs.is_empty() {
        for text in &project.file.output.0 {
            let mut output: Output =
                text.parse().map_err(|message| Failure::usage(format!("project file: output: {message}")))?;
            output.file = output.file.map(|file| project.output(&file)).transpose()?;
            outputs.push(output);
        }
    }
    if outputs.is_empty() {
        outputs.push(Output::default());
    }
    if outputs.iter().filter(|output| output.file.is_none()).count() > 1 {
        return Err(Failure::usage("only one output can go to standard output")
            .with_help("write the others to files, such as `-o json=matrix.json`"));
    }
    Ok(outputs)
}

fn assumptions(
    args: &GlobalArgs,
    project: &Project,
    namespace: Option<&str>,
) -> Result<Vec<Assumption>, Failure> {
    if args.assume.is_empty() {
        return project
            .file
            .assume
            .iter()
            .flat_map(|(object, labels)| labels.iter().map(move |(key, value)| (object, key, value)))
            .map(|(object, key, value)| assumption(object, key, value, namespace))
            .collect();
    }
    args.assume
        .chunks(2)
        .map(|pair| {
            let (object, label) = (&pair[0], &pair[1]);
            let (key, value) = label.split_once('=').ok_or_else(|| {
                Failure::usage(format!("--assume {object} {label}: expected a label as KEY=VALUE"))
            })?;
            assumption(object, key, value, namespace)
        })
        .collect()
}

fn assumption(object: &str, key: &str, value: &str, namespace: Option<&str>) -> Result<Assumption, Failure> {
    Assumption::parse(object, key, value, namespace.unwrap_or("default")).ok_or_else(|| {
        Failure::usage(format!("cannot assume labels of `{object}`"))
            .with_help("name the object as KIND/NAME or KIND/NS/NAME, such as `ns/shop` or `pod/shop/web-0`")
    })
}

#[cfg(test)]
mod tests {
    use podreach::project::ProjectFile;

    use super::*;

    fn merged(args: &GlobalArgs, project: &Project) -> Result<Settings, String> {
        let inputs = inputs(args, project, Path::new("/shop/sub"));
        let settings = inputs.and_then(|inputs| Ok(Settings { inputs, ..Settings::merge(args, project)? }));
        settings.map_err(|failure| failure.to_string())
    }

    fn project(folder: &Path) -> Project {
        let file = ProjectFile {
            filename: OneOrMany(vec!["manifests".into()]),
            strict: Some(true),
            cni: Some("calico".into()),
            output: OneOrMany(vec!["json=out.json".into()]),
            ..ProjectFile::default()
        };
        Project { file, folder: folder.to_owned(), ..Project::default() }
    }

    #[test]
    fn flags_win_over_the_project_file_and_that_over_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let project = project(folder.path());
        let settings = merged(&GlobalArgs::default(), &project).unwrap();
        assert_eq!(settings.inputs, [Input::Path(folder.path().join("manifests"))]);
        assert_eq!((settings.profile, settings.strict, settings.timings), (Profile::Calico, true, false));
        assert_eq!(settings.outputs[0].file.as_deref(), Some(&*folder.path().join("out.json")));

        let args = GlobalArgs {
            filename: vec!["-".into()],
            strict: Some(false),
            cni: Some(Profile::Cilium),
            output: vec![Output::default()],
            ..GlobalArgs::default()
        };
        let settings = merged(&args, &project).unwrap();
        assert_eq!(settings.inputs, [Input::Stdin]);
        assert_eq!((settings.profile, settings.strict), (Profile::Cilium, false));
        assert_eq!(settings.outputs, [Output::default()]);
    }

    #[test]
    fn assumptions_name_objects() {
        let args = GlobalArgs {
            filename: vec!["x".into()],
            assume: ["ns/kube-system", "name=kube-system", "pod/shop/web", "a=b=c"]
                .map(String::from)
                .to_vec(),
            ..GlobalArgs::default()
        };
        let assume = merged(&args, &Project::default()).unwrap().build.assume;
        let flat: Vec<_> = assume
            .iter()
            .map(|a| [&*a.kind, &*a.namespace, &*a.name, &*a.key, &*a.value].join(" "))
            .collect();
        assert_eq!(flat, ["ns default kube-system name kube-system", "pod shop web a b=c"]);
    }

    #[test]
    fn what_cannot_be_meant_is_said() {
        let with = |change: fn(&mut GlobalArgs)| {
            let mut args = GlobalArgs { filename: vec!["x".into()], ..GlobalArgs::default() };
            change(&mut args);
            merged(&args, &Project::default()).unwrap_err()
        };
        assert!(with(|a| a.filename = vec!["-".into(), "-".into()]).contains("only once"));
        assert!(with(|a| a.output = vec![Output::default(); 2]).contains("only one output"));
        assert!(with(|a| a.assume = vec!["shop".into(), "a=b".into()]).contains("cannot assume"));
        assert!(with(|a| a.assume = vec!["ns/shop".into(), "a".into()]).contains("KEY=VALUE"));
    }
}
