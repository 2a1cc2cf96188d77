//! Deletions: a file, a link, or a folder with all that is in it.

use super::{Local, explain, flush_folder, is_absent};
use crate::{ArtifactError, ArtifactPath};
use cap_std::fs::Dir;
use rustix::io::Errno;
use std::io;

/// How often a folder may be filled again while it is emptied.
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
                Err(error) if Errno::from_io_error(&error) == Some(Errno::NOTEMPTY) => break,
                Err(error) if !is_absent(&error) => return Err(explain(error, path)),
                _ => folder = name.rsplit_once('/').map(|(above, _)| above),
            }
        }
        Ok(())
    }
}

/// Removes without following a link at the end of the path; `cap-std` follows none within.
fn remove(root: &Dir, path: &ArtifactPath) -> io::Result<()> {
    if !root.symlink_metadata(path.as_str())?.is_dir() {
        return root.remove_file(path.as_str());
    }
    for _ in 1..ATTEMPTS {
        match root.remove_dir_all(path.as_str()) {
            // An upload published a file into the folder after it was read.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::NOTEMPTY) => {}
            result => return result,
        }
    }
    root.remove_dir_all(path.as_str())
}
