//! The project file `.podreach.yaml`: defaults for the global flags.
//!
//! Whoever wrote it may be a stranger: podreach runs on pull requests, and in folders that others can write to. So which
//! file is in force is always said, the search stops at the repository's root, its inputs stay below that root, and its outputs
//! below its folder.

use std::path::{Path, PathBuf};
use std::{fs, io};

use podreach::diagnostic::shortened;
use podreach::load::own_file;
use podreach::project::{KEYS, ProjectError, ProjectFile};

use super::args::GlobalArgs;
use super::bounds::{Bounds, repository};
use super::error::Failure;
use super::say;
use super::suggest::nearest;

/// Its name.
const NAME: &str = ".podreach.yaml";

/// The variable that switches it off, as `--no-project-file` does; empty and `0` do not.
const SWITCH: &str = "PODREACH_NO_PROJECT_FILE";

/// The most bytes it may have.
const MOST: u64 = 1 << 20;

/// The project file that is in force, and where it stands.
#[derive(Debug, Default)]
pub(super) struct Project {
    /// Its contents.
    pub(super) file: ProjectFile,
    /// The folder of the file; paths in the file are relative to it.
    pub(super) folder: PathBuf,
    /// The bounds of its inputs; `None` if the file was named on the command line.
    pub(super) bounds: Option<Bounds>,
    /// Notes for standard error: which file is in force, and which is not.
    pub(super) notes: Vec<String>,
}

impl Project {
    /// The project file that is in force in the working directory, which is said; an empty one if there is none.
    pub(super) fn in_force(args: &GlobalArgs) -> Result<Self, Failure> {
        let is_off = std::env::var_os(SWITCH).is_some_and(|value| !value.is_empty() && value != "0");
        let project = match &args.project_file {
            Some(path) => Self::named(path)?,
            None if args.no_project_file || is_off => Self::default(),
            None => Self::find(&working_folder()?)?,
        };
        // The file may ask for quiet; it is not asked about itself.
        if !args.quiet {
            project.notes.iter().for_each(say);
        }
        Ok(project)
    }

    /// The project file that was named.
    fn named(path: &Path) -> Result<Self, Failure> {
        let unreadable = |source| Failure::File { verb: "read", path: path.to_owned(), source };
        let text = own_file(path, MOST).map_err(unreadable)?;
        let whole = std::path::absolute(path).map_err(unreadable)?;
        Self::parse(&text, &path.display().to_string(), whole.parent().unwrap_or(&whole))
    }

    /// The project file of the nearest folder at or above `folder`, up to the root of its repository; an empty one if there
    /// is none. Where there is no repository, a file that belongs to somebody else does not count: anybody could put one
    /// into a folder such as `/tmp`.
    fn find(folder: &Path) -> Result<Self, Failure> {
        let root = repository(folder);
        let mut notes = Vec::new();
        for (height, folder) in folder.ancestors().enumerate() {
            let path = folder.join(NAME);
            let shown = "../".repeat(height) + NAME;
            if root.is_none() && is_foreign(&path) {
                notes.push(format!(
                    "note: the project file `{shown}` belongs to somebody else and is not used; \
                     `--project-file {shown}` uses it"
                ));
                continue;
            }
            if leads_out(&path, folder) {
                let failure = Failure::usage(format!("{shown}: it is a link that leads out of its folder"));
                return Err(failure.with_help(format!("`--project-file {shown}` uses it")));
            }
            match own_file(&path, MOST) {
                Ok(text) => {
                    let mut project = Self::parse(&text, &shown, folder)?;
                    project.bounds = Some(Bounds::of(folder));
                    project.notes.splice(0..0, notes);
                    return Ok(project);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(Failure::File { verb: "read", path: shown.into(), source }),
            }
            if root == Some(folder) {
                break;
            }
        }
        Ok(Self { notes, ..Self::default() })
    }

    /// The path of an input of the project file, seen from the working directory `here`: as it is written if the file
    /// stands there.
    ///
    /// # Errors
    ///
    /// If it leads out of the repository, and nobody named the project file.
    pub(super) fn input(&self, path: &Path, here: &Path) -> Result<PathBuf, Failure> {
        if path.as_os_str() == "-" {
            return Ok(path.to_owned());
        }
        let path = if self.folder == here { path.to_owned() } else { self.folder.join(path) };
        if let Some(bounds) = &self.bounds {
            bounds.check(&path, "project file: filename")?;
        }
        Ok(path)
    }

    /// The path of an output of the project file: below its folder, wherever links lead.
    ///
    /// # Errors
    ///
    /// If it would go elsewhere, or into something that is no regular file.
    pub(super) fn output(&self, file: &Path) -> Result<PathBuf, Failure> {
        let path = self.folder.join(file);
        let place = real_place(&path)
            .and_then(|place| Ok((place, fs::canonicalize(&self.folder)?)))
            .map_err(|source| Failure::File { verb: "write", path: path.clone(), source })?;
        let (place, folder) = place;
        let wrong = if !place.starts_with(&folder) {
            "leads out of the folder of the project file"
        } else if fs::metadata(&place).is_ok_and(|metadata| !metadata.is_file()) {
            "is no regular file"
        } else {
            return Ok(path);
        };
        Err(Failure::usage(format!("project file: output: `{}` {wrong}", file.display())).with_help(
            "what a project file has written stays below its folder; `-o FORMAT=FILE` writes anywhere",
        ))
    }

    /// Reads a project file that messages call `shown`.
    fn parse(text: &[u8], shown: &str, folder: &Path) -> Result<Self, Failure> {
        let file = ProjectFile::parse(text).map_err(|error| {
            let failure = Failure::usage(shortened(&format!("{shown}: {error}")));
            match error {
                ProjectError::UnknownKey(key) => failure.with_help(match nearest(&key, KEYS) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("known are {}", KEYS.join(", ")),
                }),
                ProjectError::Syntax(_) => failure,
            }
        })?;
        let notes = vec![format!("note: defaults come from the project file `{shown}`")];
        Ok(Self { file, folder: folder.to_owned(), bounds: None, notes })
    }
}

/// True if a file is a link to one that does not lie below a folder: messages quote what is read, and whoever may put a
/// link there may not read what it leads to.
fn leads_out(path: &Path, folder: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path);
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink())
        && matches!((real(path), real(folder)), (Ok(file), Ok(folder)) if !file.starts_with(&folder))
}

/// The working directory.
pub(super) fn working_folder() -> Result<PathBuf, Failure> {
    let unreadable = |source| Failure::File { verb: "read", path: PathBuf::from("."), source };
    std::env::current_dir().map_err(unreadable)
}

/// The path to which a file would really be written: without links, whether or not the file exists.
fn real_place(path: &Path) -> io::Result<PathBuf> {
    match (fs::symlink_metadata(path), path.parent(), path.file_name()) {
        (Err(error), Some(folder), Some(name)) if error.kind() == io::ErrorKind::NotFound => {
            Ok(fs::canonicalize(folder)?.join(name))
        }
        _ => fs::canonicalize(path),
    }
}

/// True if a file, or the link that leads to it, belongs to another user.
#[cfg(unix)]
fn is_foreign(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let own = rustix::process::geteuid().as_raw();
    let there = [fs::symlink_metadata(path), fs::metadata(path)];
    there.into_iter().flatten().any(|metadata| metadata.uid() != own)
}

#[cfg(not(unix))]
const fn is_foreign(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::bounds::MARKS_OF_ROOTS;

    fn parse(text: &str) -> Result<Project, String> {
        Project::parse(text.as_bytes(), NAME, Path::new("/shop")).map_err(|failure| {
            let mut out = Vec::new();
            failure.report(&mut out).unwrap();
            String::from_utf8(out).unwrap()
        })
    }

    #[test]
    fn mistakes_are_told_with_help() {
        assert_eq!(
            parse("podCidr: 10.0.0.0/8\n").unwrap_err(),
            "error: .podreach.yaml: unknown key `podCidr`\n  help: did you mean `podCIDR`?\n"
        );
        assert!(parse("strict: maybe\n").unwrap_err().contains(".podreach.yaml: strict: "));
    }

    /// A tree of folders with project files, each of which names its own folder as the CNI profile.
    fn tree(folders: &[&str], marks: &[&str]) -> tempfile::TempDir {
        let top = tempfile::tempdir().unwrap();
        for folder in folders {
            fs::create_dir_all(top.path().join(folder)).unwrap();
            fs::write(top.path().join(folder).join(NAME), format!("cni: {folder}\n")).unwrap();
        }
        for mark in marks {
            fs::create_dir_all(top.path().join(mark)).unwrap();
        }
        top
    }

    #[test]
    fn the_nearest_file_above_counts_and_is_named() {
        let top = tree(&["a"], &["a/b/c"]);
        let project = Project::find(&top.path().join("a/b/c")).unwrap();
        assert_eq!((project.file.cni.as_deref(), &*project.folder), (Some("a"), &*top.path().join("a")));
        assert_eq!(project.notes, ["note: defaults come from the project file `../../.podreach.yaml`"]);
        let top = tree(&["a", "a/b"], &["a/b/c"]);
        assert_eq!(Project::find(&top.path().join("a/b/c")).unwrap().file.cni.as_deref(), Some("a/b"));
    }

    #[test]
    fn the_search_ends_at_the_root_of_the_repository() {
        for mark in MARKS_OF_ROOTS {
            let top = tree(&["a"], &["a/b/c", &format!("a/b/{mark}")]);
            assert_eq!(Project::find(&top.path().join("a/b/c")).unwrap().file.cni, None, "{mark}");
            let top = tree(&["a"], &["a/b/c", &format!("a/{mark}")]);
            assert!(Project::find(&top.path().join("a/b/c")).unwrap().file.cni.is_some(), "{mark}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn outside_of_a_repository_the_files_of_others_do_not_count() {
        use std::os::unix::fs::chown;
        let top = tree(&["a", "a/b"], &[]);
        let file = top.path().join("a/b").join(NAME);
        if chown(&file, Some(12_345), None).is_err() {
            return; // Only the superuser can give files away.
        }
        let project = Project::find(&top.path().join("a/b")).unwrap();
        assert_eq!(project.file.cni.as_deref(), Some("a"));
        let [foreign, own] = &*project.notes else { panic!("{:?}", project.notes) };
        assert!(foreign.contains("`.podreach.yaml` belongs to somebody else"), "{foreign}");
        assert!(own.contains("come from the project file `../.podreach.yaml`"), "{own}");
        fs::create_dir(top.path().join(".git")).unwrap();
        assert_eq!(Project::find(&top.path().join("a/b")).unwrap().file.cni.as_deref(), Some("a/b"));
        assert_eq!(Project::named(&file).unwrap().file.cni.as_deref(), Some("a/b"));
    }

    #[cfg(unix)]
    #[test]
    fn outputs_stay_below_the_folder() {
        use std::os::unix::fs::symlink;
        let top = tree(&["a"], &["a/inner", "elsewhere"]);
        let at = |path: &str| top.path().join(path);
        fs::write(at("a/old.json"), "").unwrap();
        fs::write(at("victim"), "").unwrap();
        for (to, link) in [
            ("old.json", "a/to-a-file-within"),
            ("../victim", "a/to-a-file"),
            ("../elsewhere", "a/to-a-folder"),
            ("../nowhere", "a/to-nowhere"),
            ("nowhere-within", "a/to-nowhere-within"),
            ("/dev/null", "a/to-a-device"),
        ] {
            symlink(to, at(link)).unwrap();
        }
        let project = Project { folder: at("a"), ..Project::default() };
        let within = at("a/x.json").display().to_string();
        for file in ["x.json", "old.json", "inner/x.json", "inner/../x.json", "to-a-file-within", &*within] {
            assert_eq!(project.output(Path::new(file)).unwrap(), at("a").join(file), "{file}");
        }
        let outside = at("victim").display().to_string();
        for (file, says) in [
            ("../victim", "leads out"),
            ("../new", "leads out"),
            ("inner/../../new", "leads out"),
            ("..", "leads out"),
            (&*outside, "leads out"),
            ("/dev/null", "leads out"),
            ("to-a-file", "leads out"),
            ("to-a-folder/new", "leads out"),
            ("to-a-device", "leads out"),
            ("to-nowhere", "cannot write"),
            ("to-nowhere-within", "cannot write"),
            ("missing/x.json", "cannot write"),
            ("inner", "no regular file"),
            (".", "no regular file"),
        ] {
            let failure = project.output(Path::new(file)).unwrap_err().to_string();
            assert!(failure.contains(says), "{file}: {failure}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_file_elsewhere_is_not_read() {
        use std::os::unix::fs::symlink;
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("repo");
        fs::create_dir_all(folder.join("inner")).unwrap();
        fs::write(top.path().join("secret"), "machine x password s3cr3t\n").unwrap();
        fs::write(folder.join("inner/project.yaml"), "cni: calico\n").unwrap();
        let link = folder.join(NAME);
        symlink("../secret", &link).unwrap();
        let error = Project::find(&folder).unwrap_err().to_string();
        assert!(
            error.contains("a link that leads out of its folder") && !error.contains("s3cr3t"),
            "{error}"
        );
        fs::remove_file(&link).unwrap();
        symlink("inner/project.yaml", &link).unwrap();
        assert_eq!(Project::find(&folder).unwrap().file.cni.as_deref(), Some("calico"));
        fs::remove_file(&link).unwrap();
        symlink("/dev/null", &link).unwrap();
        assert!(Project::find(&folder).unwrap_err().to_string().contains("leads out"));
    }
}
