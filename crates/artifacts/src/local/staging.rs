//! Where uploads lie until they are published: a hidden folder at the root, one folder a server.
//!
//! A server holds a lock on a file in its folder as long as it lives. At start, folders whose file
//! nobody has locked are those of killed servers and are removed with what they hold; those of other
//! live servers on the same root stay. Files are locked, not folders, since NFS shares only locks on
//! files between machines.

use crate::path::STAGING_FOLDER;
use cap_std::fs::{Dir, File as LockFile, MetadataExt, OpenOptions};
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};
use std::{
    fs::File,
    io,
    sync::atomic::{AtomicU64, Ordering},
};
use uuid::Uuid;

/// How often the staging folder may vanish under a start before the start fails.
const ATTEMPTS: usize = 5;
/// The file that a server locks in its folder, and that a start or stop locks above.
const LOCK_FILE: &str = "lock";

#[derive(Debug)]
pub(super) struct Staging {
    folder: Dir,
    /// Holds the lock on the folder as long as this server lives.
    _lock: LockFile,
    name: String,
    next: AtomicU64,
}

impl Staging {
    pub(super) fn open(root: &Dir) -> io::Result<Self> {
        for _ in 1..ATTEMPTS {
            match Self::try_open(root) {
                // Another server stopped and removed the staging folder between our steps.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => return result,
            }
        }
        Self::try_open(root)
    }

    fn try_open(root: &Dir) -> io::Result<Self> {
        match root.create_dir(STAGING_FOLDER) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let all = root.open_dir(STAGING_FOLDER)?;
        // Held for the whole start: nobody sweeps a folder between its creation and its lock.
        let lock_all = lock_file(&all)?;
        flock(&lock_all, FlockOperation::LockExclusive)?;
        // A server that stopped meanwhile has removed the file: then it locks nothing any more.
        if all.metadata(LOCK_FILE)?.ino() != lock_all.metadata()?.ino() {
            return Err(io::ErrorKind::NotFound.into());
        }
        sweep(&all)?;
        let name = Uuid::new_v4().simple().to_string();
        all.create_dir(&name)?;
        let folder = all.open_dir(&name)?;
        let lock = lock_file(&folder)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self { folder, _lock: lock, name, next: AtomicU64::new(0) })
    }

    /// Creates an empty file that nobody outside sees.
    pub(super) fn create(&self) -> io::Result<(File, String)> {
        let name = self.next.fetch_add(1, Ordering::Relaxed).to_string();
        let file = self.folder.open_with(&name, OpenOptions::new().write(true).create_new(true))?;
        Ok((file.into_std(), name))
    }

    pub(super) fn folder(&self) -> &Dir {
        &self.folder
    }

    /// Removes a file that is not going to be published.
    pub(super) fn discard(&self, name: &str) {
        if let Err(error) = self.folder.remove_file(name) {
            tracing::warn!(%error, name, "could not remove a staged upload; the next start will");
        }
    }

    /// Removes this server's folder, and the staging folder if no other server uses it.
    pub(super) fn remove(&self, root: &Dir) {
        if let Err(error) = self.try_remove(root) {
            tracing::warn!(%error, "could not remove the staging folder; the next start will");
        }
    }

    fn try_remove(&self, root: &Dir) -> io::Result<()> {
        let all = root.open_dir(STAGING_FOLDER)?;
        all.remove_dir_all(&self.name)?;
        let lock_all = lock_file(&all)?;
        if flock(&lock_all, FlockOperation::NonBlockingLockExclusive).is_err() {
            // Another server starts or stops right now, and needs the folder or removes it.
            return Ok(());
        }
        let is_empty = all.entries()?.flatten().all(|entry| entry.file_name() == LOCK_FILE);
        if is_empty {
            all.remove_file(LOCK_FILE)?;
            root.remove_dir(STAGING_FOLDER)?;
        }
        Ok(())
    }
}

/// Opens the file to be locked in a folder, and creates it if need be.
fn lock_file(folder: &Dir) -> io::Result<LockFile> {
    folder.open_with(LOCK_FILE, OpenOptions::new().write(true).create(true))
}

/// Removes the folders that no live server has locked.
fn sweep(all: &Dir) -> io::Result<()> {
    for entry in all.entries()? {
        let name = entry?.file_name();
        if name == LOCK_FILE {
            continue;
        }
        let folder = match all.open_dir(&name) {
            Ok(folder) => folder,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        match flock(lock_file(&folder)?, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                all.remove_dir_all(&name)?;
                tracing::info!("removed the unfinished uploads of a server that was killed");
            }
            Err(Errno::WOULDBLOCK) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cap_std::ambient_authority;

    fn root(folder: &tempfile::TempDir) -> Dir {
        Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap()
    }

    fn names(folder: &tempfile::TempDir) -> usize {
        let entries = std::fs::read_dir(folder.path().join(STAGING_FOLDER)).into_iter().flatten();
        entries.flatten().filter(|entry| entry.file_name() != LOCK_FILE).count()
    }

    #[test]
    fn a_start_sweeps_the_dead_and_leaves_the_living() {
        let folder = tempfile::tempdir().unwrap();
        let living = Staging::open(&root(&folder)).unwrap();
        let dead = Staging::open(&root(&folder)).unwrap();
        dead.create().unwrap();
        drop(dead);
        assert_eq!(names(&folder), 2);
        let started = Staging::open(&root(&folder)).unwrap();
        assert_eq!(names(&folder), 2, "the dead one is gone, the new one is there");
        assert!(living.create().is_ok());
        living.remove(&root(&folder));
        started.remove(&root(&folder));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
