//! Limits how far the files of strangers can lead: a pull request brings project files and test files, and the files
//! that they name are read and quoted in messages.

use std::path::{Path, PathBuf};
use std::{env, fs};

use super::error::Failure;

/// Names that only the root of a repository holds, one for each version control system.
pub(super) const MARKS_OF_ROOTS: [&str; 4] = [".git", ".hg", ".jj", ".svn"];

/// The root of the repository in which a folder lies.
pub(super) fn repository(folder: &Path) -> Option<&Path> {
    folder.ancestors().find(|folder| MARKS_OF_ROOTS.iter().any(|mark| folder.join(mark).exists()))
}

/// A folder that holds whatever a file may name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Bounds {
    /// The folder, without links.
    root: PathBuf,
    /// The name of the folder in messages: `the repository`.
    name: &'static str,
}

impl Bounds {
    /// The bounds of a file in `folder`: the repository. Without one the working directory if the file lies below it, else
    /// the file's own folder.
    pub(super) fn of(folder: &Path) -> Self {
        let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        // What cannot be found holds nothing.
        let folder = fs::canonicalize(here).unwrap_or_else(|_| here.to_owned());
        if let Some(root) = repository(&folder) {
            return Self { root: root.to_owned(), name: "the repository" };
        }
        match env::current_dir().and_then(fs::canonicalize) {
            Ok(root) if folder.starts_with(&root) => Self { root, name: "the working directory" },
            _ => Self { root: folder, name: "its folder" },
        }
    }

    /// Checks that what a file names lies within, wherever links lead. What is not there is for its reader to say.
    ///
    /// # Errors
    ///
    /// That it does not; `whose` is the file and its field.
    pub(super) fn check(&self, path: &Path, whose: &str) -> Result<(), Failure> {
        let Ok(real) = fs::canonicalize(path) else { return Ok(()) };
        if real.starts_with(&self.root) {
            return Ok(());
        }
        let (shown, name) = (path.display(), self.name);
        Err(Failure::usage(format!("{whose}: `{shown}` leads out of {name}"))
            .with_help(format!("`-f {shown}` reads it, if you trust what names it")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn what_a_file_names_lies_below_the_root_of_its_repository() {
        use std::os::unix::fs::symlink;
        let top = tempfile::tempdir().unwrap();
        let at = |path: &str| top.path().join(path);
        for folder in ["repo/tests", "repo/manifests", "elsewhere"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        for file in ["repo/a.yaml", "elsewhere/b.yaml"] {
            fs::write(at(file), "").unwrap();
        }
        for (to, link) in [
            ("../manifests", "repo/tests/within"),
            ("../../elsewhere", "repo/tests/out"),
            ("../../elsewhere/b.yaml", "repo/tests/b.yaml"),
            ("/dev/null", "repo/tests/null"),
        ] {
            symlink(to, at(link)).unwrap();
        }
        let leads_out = |path: &str| {
            let checked =
                Bounds::of(&at("repo/tests")).check(&at("repo/tests").join(path), "t.yaml: resources");
            checked.map_or_else(|failure| Some(failure.to_string()), |()| None)
        };
        let within = ["../manifests", "..", "within", ".", "nowhere", "../../nowhere"];
        let outside =
            ["../../elsewhere", "../..", "out", "out/b.yaml", "b.yaml", "null", "/proc/self/environ"];
        fs::create_dir(at("repo/.git")).unwrap();
        for path in within {
            assert_eq!(leads_out(path), None, "{path}");
        }
        for path in outside {
            let says = leads_out(path).unwrap_or_default();
            assert!(says.ends_with("leads out of the repository"), "{path}: {says}");
        }
        // Without a repository, and elsewhere than in the working directory, it is the folder itself.
        fs::remove_dir(at("repo/.git")).unwrap();
        assert_eq!(leads_out("."), None);
        for path in ["../manifests", "within", "out", "null"] {
            let says = leads_out(path).unwrap_or_default();
            assert!(says.ends_with("leads out of its folder"), "{path}: {says}");
        }
    }
}
