//! The project file `.podreach.yaml`: defaults for the global flags.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::de::IgnoredAny;

use podreach::yaml::{self, OneOrMany};

use super::args::ColorMode;
use super::error::Failure;
use super::suggest::nearest;

/// Its name.
const NAME: &str = ".podreach.yaml";

/// The keys it may have. They are the flags, in the spelling of Kubernetes' own fields.
const KEYS: [&str; 17] = [
    "filename",
    "recursive",
    "keepGoing",
    "assume",
    "ignoreKind",
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

/// What the project file says.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Project {
    pub(super) filename: OneOrMany,
    pub(super) recursive: Option<bool>,
    pub(super) keep_going: Option<bool>,
    /// Labels by `KIND/[NS/]NAME`.
    pub(super) assume: BTreeMap<String, BTreeMap<String, String>>,
    pub(super) ignore_kind: OneOrMany,
    pub(super) cni: Option<String>,
    #[serde(rename = "podCIDR")]
    pub(super) pod_cidr: OneOrMany,
    #[serde(rename = "serviceCIDR")]
    pub(super) service_cidr: OneOrMany,
    #[serde(rename = "nodeCIDR")]
    pub(super) node_cidr: OneOrMany,
    pub(super) namespace: Option<String>,
    pub(super) selector: Option<String>,
    pub(super) output: OneOrMany,
    pub(super) strict: Option<bool>,
    pub(super) timings: Option<bool>,
    pub(super) color: Option<ColorMode>,
    pub(super) quiet: bool,
    pub(super) verbose: bool,
    /// Where the file was found; paths in it are relative to this folder.
    #[serde(skip)]
    pub(super) folder: PathBuf,
}

impl Project {
    /// The project file of the nearest folder at or above `folder`; an empty one if there is none.
    pub(super) fn find(folder: &Path) -> Result<Self, Failure> {
        for folder in folder.ancestors() {
            let path = folder.join(NAME);
            match fs::read_to_string(&path) {
                Ok(text) => return Self::parse(&text, &path, folder),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(Failure::File { verb: "read", path, source }),
            }
        }
        Ok(Self::default())
    }

    fn parse(text: &str, path: &Path, folder: &Path) -> Result<Self, Failure> {
        let broken = |error: yaml::Error| Failure::usage(format!("{}: {error}", path.display()));
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Ok(Self { folder: folder.to_owned(), ..Self::default() });
        }
        #[expect(
            clippy::zero_sized_map_values,
            reason = "serde reads a mapping into a map, never into a set"
        )]
        let keys: BTreeMap<String, IgnoredAny> = yaml::from_str(text).map_err(broken)?;
        if let Some(key) = keys.keys().find(|key| !KEYS.contains(&&***key)) {
            let failure = Failure::usage(format!("{}: unknown key `{key}`", path.display()));
            return Err(match nearest(key, KEYS) {
                Some(near) => failure.with_help(format!("did you mean `{near}`?")),
                None => failure.with_help(format!("known are {}", KEYS.join(", "))),
            });
        }
        let project: Self = yaml::from_str(text).map_err(broken)?;
        Ok(Self { folder: folder.to_owned(), ..project })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Project, String> {
        Project::parse(text, Path::new(NAME), Path::new("/shop")).map_err(|failure| {
            let mut out = Vec::new();
            failure.report(&mut out).unwrap();
            String::from_utf8(out).unwrap()
        })
    }

    #[test]
    fn every_key_is_read() {
        let text = "filename: [a, b]\nrecursive: true\nkeepGoing: true\nassume: {ns/shop: {env: prod}}\n\
                    ignoreKind: X\ncni: calico\npodCIDR: 10.0.0.0/8\nserviceCIDR: [10.96.0.0/12]\nnodeCIDR: []\n\
                    namespace: shop\nselector: app=web\noutput: [table, json=x.json]\nstrict: false\ntimings: true\n\
                    color: never\nquiet: false\nverbose: true\n";
        let keys: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once(':')?.0)).collect();
        assert_eq!(keys, KEYS);
        let project = parse(text).unwrap();
        assert_eq!(project.filename.0, ["a", "b"]);
        assert_eq!((project.recursive, project.strict), (Some(true), Some(false)));
        assert_eq!(project.pod_cidr.0.len(), 1);
        assert_eq!(project.assume["ns/shop"]["env"], "prod");
        assert_eq!(project.color, Some(ColorMode::Never));
    }

    #[test]
    fn mistakes_are_errors() {
        assert_eq!(
            parse("podCidr: 10.0.0.0/8\n").unwrap_err(),
            "error: .podreach.yaml: unknown key `podCidr`\n  help: did you mean `podCIDR`?\n"
        );
        let error = parse("strict: maybe\n").unwrap_err();
        assert!(error.contains("line 1") && error.contains("strict"), "{error}");
        assert!(parse("filename: {a: b}\n").unwrap_err().contains("a string or a list of strings"));
        assert!(parse("- a\n").is_err());
    }

    #[test]
    fn an_empty_file_says_nothing() {
        assert!(parse("# nothing yet\n").unwrap().filename.0.is_empty());
    }

    #[test]
    fn the_nearest_file_above_counts() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        fs::write(folder.path().join(NAME), "cni: calico\n").unwrap();
        let project = Project::find(&inner).unwrap();
        assert_eq!((project.cni.as_deref(), &*project.folder), (Some("calico"), folder.path()));
        fs::write(folder.path().join("a").join(NAME), "cni: cilium\n").unwrap();
        assert_eq!(Project::find(&inner).unwrap().cni.as_deref(), Some("cilium"));
    }
}
