//! Replacing a file in one step: whoever reads it sees the old text or the new one, never half of either.
//!
//! The new text is written beside the file under a name that nobody else has, brought to the disk, and given the file's
//! name. A run that is killed leaves the old file, and at worst one temporary file that no later run stumbles over.

use std::collections::hash_map::RandomState;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Number of temporary names that are tried. Names have 64 random bits, so a second one is hardly ever needed.
const ATTEMPTS: usize = 16;

/// Writes a file with what `render` says, or replaces it. A link stays, and what it points to is replaced; a device or a
/// pipe is written to.
///
/// # Errors
///
/// If the file must not be written to, if its folder takes no new file, if the disk is full, or if `render` fails. The file
/// is as it was then.
pub(super) fn replace(path: &Path, render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let before = match fs::metadata(&path) {
        Ok(metadata) if !metadata.is_file() => {
            return fill(&OpenOptions::new().write(true).open(&path)?, render);
        }
        Ok(metadata) => {
            may_be_written(&path, &metadata)?;
            Some(metadata)
        }
        Err(_) => None,
    };
    let (temporary, file) = beside(&path, before.is_some())?;
    let written = before
        .map_or(Ok(()), |before| take_after(&file, &before))
        .and_then(|()| fill(&file, render))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, &path));
    match written {
        Ok(()) => sync_folder(&path),
        // The first error is the one to report.
        Err(_) => drop(fs::remove_file(&temporary)),
    }
    written
}

/// Renaming asks nobody whether the file that is replaced may be written to.
fn may_be_written(path: &Path, metadata: &fs::Metadata) -> io::Result<()> {
    if metadata.permissions().readonly() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the file is read-only"));
    }
    OpenOptions::new().write(true).open(path).map(drop)
}

/// A new file in the folder of `path`. What replaces a file is nobody else's to read until it has the file's mode.
fn beside(path: &Path, is_private: bool) -> io::Result<(PathBuf, File)> {
    if path.file_name().is_none() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if is_private {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = is_private;
    let mut attempt = 1;
    loop {
        // Long names leave no room for additions, so this one says nothing of the file's.
        let random = RandomState::new().build_hasher().finish();
        let temporary = path.with_file_name(format!(".podreach-{random:016x}.tmp"));
        match options.open(&temporary) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < ATTEMPTS => attempt += 1,
            opened => return Ok((temporary, opened?)),
        }
    }
}

/// Gives a file the owner, as far as that is allowed, and the mode of another.
fn take_after(file: &File, other: &fs::Metadata) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        let own = file.metadata()?;
        if (own.uid(), own.gid()) != (other.uid(), other.gid()) {
            // Only the superuser may give files away; everybody else has a file of their own, as with any editor.
            let _ = fchown(file, Some(other.uid()), Some(other.gid()));
        }
    }
    file.set_permissions(other.permissions())
}

fn fill(file: &File, render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, file);
    render(&mut out)?;
    out.flush()
}

/// Brings the new name to the disk. Not every file system can be told to; the file itself is there.
fn sync_folder(path: &Path) {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    #[cfg(not(unix))]
    let _ = path;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str) -> io::Result<()> {
        replace(path, |out| out.write_all(text.as_bytes()))
    }

    #[test]
    fn a_file_is_replaced_at_once_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.json");
        write(&path, "first").unwrap();
        let failed = replace(&path, |out| {
            out.write_all(b"half")?;
            out.flush()?;
            assert_eq!(fs::read(&path)?, b"first");
            Err(io::Error::other("no more"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"first");
        write(&path, "second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn names_may_be_as_long_as_the_file_system_takes() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("x".repeat(255)), "").unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn modes_and_links_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("private"), folder.path().join("link"));
        symlink("private", &link).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        for kept in [0o600, 0o640, 0o666] {
            fs::write(&path, "old").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(kept)).unwrap();
            // Nobody may read the new text before it has the mode of the old one.
            replace(&link, |out| {
                let temporary = fs::read_dir(folder.path())
                    .unwrap()
                    .map(|entry| entry.unwrap().path())
                    .find(|path| path.extension().is_some_and(|end| end == "tmp"));
                assert_eq!(mode(&temporary.unwrap()), kept);
                out.write_all(b"new")
            })
            .unwrap();
            assert_eq!((mode(&path), fs::read(&path).unwrap()), (kept, b"new".to_vec()));
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        }
    }

    #[test]
    fn read_only_files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("locked");
        fs::write(&path, "old").unwrap();
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
        assert_eq!(write(&path, "new").unwrap_err().to_string(), "the file is read-only");
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }
}
