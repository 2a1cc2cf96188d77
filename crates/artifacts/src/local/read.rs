//! Downloads: a file opened beneath the root, read in pieces.

use super::{Local, explain, metadata_of};
use crate::{ArtifactError, ArtifactPath, Metadata};
use cap_std::fs::{OpenOptions, OpenOptionsExt};
use rustix::{fs::OFlags, io::Errno};
use std::fs::File;

impl Local {
    /// Opens a regular file.
    pub(crate) fn open_file(&self, path: &ArtifactPath) -> Result<(File, Metadata), ArtifactError> {
        let mut options = OpenOptions::new();
        // Without it, opening a named pipe would wait for a writer.
        options.read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
        let file = match self.opened().root.open_with(path.as_str(), &options) {
            Ok(file) => file,
            // Sockets and devices without a driver.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::NXIO) => {
                return Err(ArtifactError::NotFound(path.clone()));
            }
            Err(error) => return Err(explain(error, path)),
        };
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(ArtifactError::IsFolder(path.to_string()));
        }
        if !metadata.is_file() {
            return Err(ArtifactError::NotFound(path.clone()));
        }
        Ok((file.into_std(), metadata_of(&metadata)))
    }
}
