//! Deletions: a file, a link, or a folder with all that is in it.

use super::{Local, explain, flush_folder, is_absent, type_of};
use crate::{ArtifactError, ArtifactPath};
use cap_std::fs::Dir;
use rustix::{
    fs::{Mode, OFlags, openat},
    io::Errno,
};
use std::{ffi::OsStr, fs::File, io};

/// How often a folder is emptied that others fill again meanwhile.
const ATTEMPTS: usize = 8;

impl Local {
    /// Deletes `path`; what is not there is deleted already.
    pub(crate) fn delete(&self, path: &ArtifactPath) -> Result<(), ArtifactError> {
        let opened = self.opened();
        match remove(&opened.root, path) {
            Err(error) if is_absent(&error) => return Ok(()),
            result => result.map_err(|error| explain(error, path))?,
        }
        let folder = match path.folder() {
            Some(folder) => opened.root.open_dir(folder),
            None => opened.root.try_clone(),
        };
        match folder.and_then(|folder| flush_folder(&folder)) {
            // The folder itself was deleted meanwhile.
            Err(error) if is_absent(&error) => Ok(()),
            result => result.map_err(|error| explain(error, path)),
        }
    }

    /// Removes the folders above `path` as far as they are empty; the root stays.
    pub(crate) fn prune_above(&self, path: &ArtifactPath) -> Result<(), ArtifactError> {
        let opened = self.opened();
        let mut folder = path.folder();
        while let Some(name) = folder {
            match opened.root.remove_dir(name) {
                Err(error) if is(&error, Errno::NOTEMPTY) => break,
                Err(error) if !is_absent(&error) => return Err(explain(error, path)),
                _ => folder = name.rsplit_once('/').map(|(above, _)| above),
            }
        }
        Ok(())
    }
}

/// Removes without following a link at the end of the path, or one in the folder that it leads to.
fn remove(root: &Dir, path: &ArtifactPath) -> io::Result<()> {
    if !root.symlink_metadata(path.as_str())?.is_dir() {
        return root.remove_file(path.as_str());
    }
    match path.folder() {
        Some(folder) => remove_folder(&root.open_dir(folder)?, path.name().as_ref()),
        None => remove_folder(root, path.name().as_ref()),
    }
}

/// Removes the folder `name` of `parent` with all that is in it. An error that something is absent is about the
/// folder itself.
pub(super) fn remove_folder(parent: &Dir, name: &OsStr) -> io::Result<()> {
    let mut attempts = 1;
    loop {
        empty(&open_itself(parent, name)?)?;
        match parent.remove_dir(name) {
            // An upload published a file into the folder after it was read.
            Err(error) if is(&error, Errno::NOTEMPTY) && attempts < ATTEMPTS => attempts += 1,
            removed => return removed,
        }
    }
}

/// Removes what is in a folder, as far as it is still there.
fn empty(folder: &Dir) -> io::Result<()> {
    let mut folders = Vec::new();
    for entry in folder.entries()? {
        let entry = entry?;
        match type_of(&entry)? {
            Some(file_type) if file_type.is_dir() => folders.push(entry.file_name()),
            Some(_) => unless_gone(entry.remove_file())?,
            None => {}
        }
    }
    // Once nothing more is read, so that each level of a tree costs one descriptor.
    for name in folders {
        unless_gone(remove_folder(folder, &name))?;
    }
    Ok(())
}

/// Passes over what others removed. What they put in its place is met by the next attempt.
fn unless_gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if is_absent(&error) || is(&error, Errno::ISDIR) => Ok(()),
        removed => removed,
    }
}

/// Opens the folder `name` of `parent`, and nothing that a link of that name leads to.
pub(super) fn open_itself(parent: &Dir, name: &OsStr) -> io::Result<Dir> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // The name of an entry leads nowhere but to that entry.
    Ok(Dir::from_std_file(File::from(openat(parent, name, flags, Mode::empty())?)))
}

fn is(error: &io::Error, errno: Errno) -> bool {
    Errno::from_io_error(error) == Some(errno)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::symlink, path::Path, thread};
    use tempfile::TempDir;

    fn opened() -> (TempDir, Local) {
        let folder = tempfile::tempdir().unwrap();
        let local = Local::open(folder.path().to_owned()).unwrap();
        (folder, local)
    }

    /// A folder of many entries at several depths.
    fn fill(folder: &Path) {
        for name in ["", "a", "a/b", "a/b/c", "d"] {
            let below = folder.join(name);
            fs::create_dir_all(&below).unwrap();
            for index in 0..50 {
                fs::write(below.join(format!("f{index}")), "x").unwrap();
            }
        }
    }

    #[test]
    fn a_folder_is_gone_for_each_of_many_that_delete_it() {
        let (folder, local) = opened();
        let path = ArtifactPath::parse("run/artifacts").unwrap();
        let on_disk = folder.path().join("run/artifacts");
        for _ in 0..20 {
            fill(&on_disk);
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        local.delete(&path).unwrap();
                        assert!(!on_disk.try_exists().unwrap());
                    });
                }
            });
        }
    }

    #[test]
    fn what_is_removed_meanwhile_stops_no_deletion_of_the_rest() {
        let (folder, local) = opened();
        let path = ArtifactPath::parse("run").unwrap();
        let on_disk = folder.path().join("run");
        for _ in 0..20 {
            fill(&on_disk);
            thread::scope(|scope| {
                scope.spawn(|| {
                    for index in (0..50).rev() {
                        let _ = fs::remove_file(on_disk.join(format!("f{index}")));
                    }
                    let _ = fs::remove_dir_all(on_disk.join("d"));
                });
                local.delete(&path).unwrap();
            });
            assert!(!on_disk.try_exists().unwrap());
        }
    }

    #[test]
    fn links_in_a_folder_are_removed_and_not_followed() {
        let (folder, local) = opened();
        fill(&folder.path().join("kept"));
        fs::create_dir_all(folder.path().join("x/y")).unwrap();
        symlink("../kept", folder.path().join("x/link")).unwrap();
        symlink("../../kept", folder.path().join("x/y/link")).unwrap();
        local.delete(&ArtifactPath::parse("x").unwrap()).unwrap();
        assert!(!folder.path().join("x").try_exists().unwrap());
        assert_eq!(fs::read_dir(folder.path().join("kept/a/b")).unwrap().count(), 51);

        symlink("kept", folder.path().join("x")).unwrap();
        let root = &local.opened().root;
        let refused = remove_folder(root, "x".as_ref()).unwrap_err();
        assert!(is_absent(&refused), "a link took the place of the folder: {refused}");
        assert_eq!(fs::read_dir(folder.path().join("kept/a/b")).unwrap().count(), 51);
    }
}
