//! A folder of this machine as destination.
//!
//! Every path is resolved by the kernel beneath the root's handle (`openat2` with
//! `RESOLVE_BENEATH`, through `cap-std`), so that no `..` and no link leads outside, whatever
//! changes meanwhile. All functions here but those of
//! [`LocalStore`] block; it calls them off the async threads.

mod delete;
mod list;
mod read;
mod staging;
mod store;
mod write;

pub use staging::Leftover;
pub(crate) use store::{LocalFile, LocalStore};
pub(crate) use write::Upload;

use crate::{ArtifactError, ArtifactPath, Metadata, OpenError, metadata::with_http_date};
use cap_std::{
    ambient_authority,
    fs::{Dir, DirEntry, FileType, MetadataExt},
    time::SystemTime,
};
use rustix::{
    fs::{Access, Mode, OFlags, access, fsync, openat},
    io::Errno,
};
use staging::Staging;
use std::{
    fs, io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::UNIX_EPOCH,
};

/// A local destination: its root, and where uploads are staged.
#[derive(Debug)]
pub(crate) struct Local {
    path: PathBuf,
    opened: RwLock<Arc<Opened>>,
}

/// The handles of one incarnation of the root folder.
#[derive(Debug)]
struct Opened {
    root: Dir,
    /// Absent where nothing was to be written.
    staging: Option<Staging>,
}

impl Opened {
    fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let root = Dir::open_ambient_dir(path, ambient_authority())?;
        let staging = Some(Staging::open(&root)?);
        Ok(Self { root, staging })
    }

    /// Opens the folder as it is, and makes nothing in it.
    fn open_to_read(path: &Path) -> io::Result<Self> {
        let root = Dir::open_ambient_dir(path, ambient_authority())?;
        Ok(Self { root, staging: None })
    }

    /// Where uploads are staged; the error is that of a folder which is not there.
    fn staging(&self) -> io::Result<&Staging> {
        self.staging.as_ref().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Local {
    /// Opens the folder, creates it if need be, and sweeps what killed servers left behind.
    pub(crate) fn open(path: PathBuf) -> Result<Self, OpenError> {
        match Opened::open(&path) {
            Ok(opened) => Ok(Self { path, opened: RwLock::new(Arc::new(opened)) }),
            Err(source) => Err(OpenError::NotWritable { path, source }),
        }
    }

    /// Opens a folder that must be there, for reading and deleting.
    pub(crate) fn open_to_read(path: PathBuf) -> Result<Self, OpenError> {
        match Opened::open_to_read(&path) {
            Ok(opened) => Ok(Self { path, opened: RwLock::new(Arc::new(opened)) }),
            Err(source) => Err(OpenError::NotReadable { path, source }),
        }
    }

    /// Removes the staging folder of this server, so that only artifacts stay.
    pub(crate) fn close(&self) {
        let opened = self.opened();
        if let Some(staging) = &opened.staging {
            staging.remove(&opened.root);
        }
    }

    /// Asks whether the root is there and can be listed. The next upload makes one that somebody removed.
    pub(crate) fn probe(&self) -> Result<(), ArtifactError> {
        fs::read_dir(&self.path)?.next().transpose()?;
        Ok(())
    }

    /// What killed servers left of uploads.
    pub(crate) fn leftovers(&self) -> Result<Vec<Leftover>, ArtifactError> {
        Ok(staging::leftovers(&self.opened().root)?)
    }

    /// Removes it.
    pub(crate) fn sweep_leftovers(&self) -> Result<(), ArtifactError> {
        Ok(staging::sweep_leftovers(&self.opened().root)?)
    }

    /// Whether this process may write to the root, without trying.
    pub(crate) fn is_writable(&self) -> bool {
        access(&self.path, Access::WRITE_OK | Access::EXEC_OK).is_ok()
    }

    fn opened(&self) -> Arc<Opened> {
        Arc::clone(&self.opened.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Opens the root anew after somebody removed the folder while the server ran.
    fn reopen(&self) -> io::Result<Arc<Opened>> {
        let opened = Arc::new(Opened::open(&self.path)?);
        let mut current = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::clone(&opened);
        Ok(opened)
    }
}

/// What is known of an open file.
fn metadata_of(metadata: &cap_std::fs::Metadata) -> Metadata {
    let modified_ns =
        i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
    let (size, inode) = (metadata.size(), metadata.ino());
    let modified = metadata.modified().map_or(UNIX_EPOCH, SystemTime::into_std);
    Metadata {
        size,
        etag: Some(format!("{modified_ns:x}-{size:x}-{inode:x}")),
        modified: with_http_date(modified),
    }
}

/// What an entry of a folder is, or nothing where it has vanished.
///
/// Some file systems (XFS without `ftype`, NFS, FUSE) tell no types with the names, and are asked.
fn type_of(entry: &DirEntry) -> io::Result<Option<FileType>> {
    told_or_asked(entry.file_type()?, || entry.metadata())
}

fn told_or_asked(
    told: FileType,
    ask: impl FnOnce() -> io::Result<cap_std::fs::Metadata>,
) -> io::Result<Option<FileType>> {
    if told != FileType::unknown() {
        return Ok(Some(told));
    }
    match ask() {
        Ok(metadata) => Ok(Some(metadata.file_type())),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Translates the system's words on `path`.
fn explain(error: io::Error, path: &ArtifactPath) -> ArtifactError {
    if is_outside(&error) {
        return ArtifactError::OutsideRoot;
    }
    match Errno::from_io_error(&error) {
        Some(Errno::NOENT | Errno::NOTDIR) => ArtifactError::NotFound(path.clone()),
        Some(Errno::ISDIR) => ArtifactError::IsFolder(path.to_string()),
        Some(Errno::NAMETOOLONG) => ArtifactError::PathTooLong(path.clone()),
        Some(Errno::LOOP) => ArtifactError::OutsideRoot,
        Some(Errno::NOSPC | Errno::DQUOT) => ArtifactError::Full(error),
        _ => ArtifactError::Io(error),
    }
}

/// Whether `cap-std` refused a path that leaves the root: its own error has no system code.
fn is_outside(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none()
}

fn is_absent(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOENT | Errno::NOTDIR))
}

/// A folder's own descriptor: those of `cap-std` only lead to a path, and can't be flushed.
fn descriptor(folder: &Dir) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat(folder, ".", flags, Mode::empty())?)
}

/// Makes the names in a folder durable.
fn flush_folder(folder: &Dir) -> io::Result<()> {
    Ok(fsync(descriptor(folder)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_the_names_do_not_tell_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("d")).unwrap();
        fs::write(folder.path().join("f"), "").unwrap();
        std::os::unix::fs::symlink("d", folder.path().join("l")).unwrap();
        let root = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        let asked = |name| told_or_asked(FileType::unknown(), || root.symlink_metadata(name));
        assert!(asked("d").unwrap().unwrap().is_dir());
        assert!(asked("f").unwrap().unwrap().is_file());
        assert!(asked("l").unwrap().unwrap().is_symlink());
        assert_eq!(asked("gone").unwrap(), None);
        let told = told_or_asked(FileType::file(), || Err(io::Error::other("not asked")));
        assert_eq!(told.unwrap(), Some(FileType::file()));
    }

    #[test]
    fn files_from_before_1970_have_a_time_that_headers_can_tell() {
        let folder = tempfile::tempdir().unwrap();
        let file = fs::File::create(folder.path().join("f")).unwrap();
        for (modified, told) in [
            (UNIX_EPOCH - Duration::from_hours(1), UNIX_EPOCH),
            (UNIX_EPOCH + Duration::from_nanos(5), UNIX_EPOCH + Duration::from_nanos(5)),
        ] {
            file.set_modified(modified).unwrap();
            let metadata = cap_std::fs::Metadata::from_file(&file).unwrap();
            assert_eq!(metadata_of(&metadata).modified, told);
        }
    }
}
