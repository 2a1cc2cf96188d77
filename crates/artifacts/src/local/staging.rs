//! Where uploads lie until they are published: a hidden folder at the root, one folder a server.
//!
//! A server holds a lock on a file in its folder as long as it lives. At start, folders whose file
//! nobody has locked are those of killed servers and are removed with what they hold; those of other
//! live servers on the same root stay. Files are locked, not folders, since NFS shares only locks on
//! files between machines.

use super::{
    delete::{open_itself, remove_folder},
    is_absent,
};
use crate::path::STAGING_FOLDER;
use cap_std::fs::{Dir, File as LockFile, MetadataExt, OpenOptions};
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};
use std::{
    ffi::{OsStr, OsString},
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
        if let Err(error) = sweep(&all) {
            // What the dead left keeps nobody from starting.
            tracing::warn!(
                %error,
                "could not remove all that killed servers left in the staging folder; the next start will try again"
            );
        }
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
        remove_if_empty(&all, root)
    }
}

/// What a killed server left in the staging folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leftover {
    /// The name of its folder.
    pub folder: String,
    /// Unfinished uploads.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
}

/// What killed servers left, without touching it. While a server starts or stops, nothing is told.
pub(super) fn leftovers(root: &Dir) -> io::Result<Vec<Leftover>> {
    let mut found = Vec::new();
    while_no_server_starts(root, |all| {
        for name in names(all)? {
            let Some(folder) = open_dead(all, &name)? else { continue };
            let folder_name = name.to_string_lossy().into_owned();
            let mut leftover = Leftover { folder: folder_name, ..Leftover::default() };
            for entry in folder.entries()? {
                let entry = entry?;
                if entry.file_name() != LOCK_FILE {
                    leftover.files += 1;
                    leftover.bytes += entry.metadata()?.len();
                }
            }
            found.push(leftover);
        }
        Ok(())
    })?;
    Ok(found)
}

/// Removes what killed servers left, without being a server.
pub(super) fn sweep_leftovers(root: &Dir) -> io::Result<()> {
    while_no_server_starts(root, |all| {
        sweep(all)?;
        remove_if_empty(all, root)
    })
}

/// Looks at the staging folder, if there is one, unless a server starts or stops right now.
fn while_no_server_starts(root: &Dir, look: impl FnOnce(&Dir) -> io::Result<()>) -> io::Result<()> {
    let all = match root.open_dir(STAGING_FOLDER) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        all => all?,
    };
    let lock_all = match existing_lock_file(&all) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        file => Some(file?),
    };
    match lock_all.as_ref().map(|lock| flock(lock, FlockOperation::NonBlockingLockExclusive)) {
        Some(Err(Errno::WOULDBLOCK)) => Ok(()),
        Some(Err(error)) => Err(error.into()),
        Some(Ok(())) | None => look(&all),
    }
}

/// Removes the staging folder, whose lock is held, if no server uses it.
fn remove_if_empty(all: &Dir, root: &Dir) -> io::Result<()> {
    let is_empty = all.entries()?.flatten().all(|entry| entry.file_name() == LOCK_FILE);
    if !is_empty {
        return Ok(());
    }
    match all.remove_file(LOCK_FILE) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    root.remove_dir(STAGING_FOLDER)
}

/// Opens the file to be locked in a folder, and creates it if need be.
fn lock_file(folder: &Dir) -> io::Result<LockFile> {
    folder.open_with(LOCK_FILE, OpenOptions::new().write(true).create(true))
}

/// The file to be locked in a folder, where there is one.
fn existing_lock_file(folder: &Dir) -> io::Result<LockFile> {
    folder.open_with(LOCK_FILE, OpenOptions::new().write(true))
}

/// Removes the folders that no live server has locked. The error is that of the first which could not be removed.
fn sweep(all: &Dir) -> io::Result<()> {
    let mut swept = Ok(());
    for name in names(all)? {
        match remove_if_dead(all, &name) {
            Ok(true) => {
                tracing::info!("removed the unfinished uploads of a server that was killed");
            }
            Ok(false) => {}
            Err(error) => {
                let words = format!("'{}': {error}", name.display());
                swept = swept.and(Err(io::Error::new(error.kind(), words)));
            }
        }
    }
    swept
}

/// Removes a folder, unless a live server has locked it; whether it did.
fn remove_if_dead(all: &Dir, name: &OsStr) -> io::Result<bool> {
    if open_dead(all, name)?.is_none() {
        return Ok(false);
    }
    match remove_folder(all, name) {
        // Its server was just about to stop, and removed it itself.
        Err(error) if is_absent(&error) => Ok(false),
        removed => removed.map(|()| true),
    }
}

/// The names in the staging folder, but that of the file to be locked.
fn names(all: &Dir) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in all.entries()? {
        let name = entry?.file_name();
        if name != LOCK_FILE {
            names.push(name);
        }
    }
    Ok(names)
}

/// Opens a folder that no live server has locked.
///
/// The lock on it is given back at once: on NFS, a file that is open stays when it is removed, and its folder with
/// it. Nobody comes to life in that folder meanwhile, since each server makes one of its own.
fn open_dead(all: &Dir, name: &OsStr) -> io::Result<Option<Dir>> {
    let folder = match open_itself(all, name) {
        // It has vanished, or is a file or a link that no server made.
        Err(error) if is_absent(&error) => return Ok(None),
        folder => folder?,
    };
    let lock = match existing_lock_file(&folder) {
        // Its server was killed before it could lock anything.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(folder)),
        lock => lock?,
    };
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(folder)),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
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
    #[test]
    fn what_the_dead_left_is_told_and_swept_and_the_living_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let root = root(&folder);
        assert_eq!(leftovers(&root).unwrap(), []);
        sweep_leftovers(&root).unwrap();
        let living = Staging::open(&root).unwrap();
        living.create().unwrap();
        let dead = Staging::open(&root).unwrap();
        let (mut file, _) = dead.create().unwrap();
        std::io::Write::write_all(&mut file, b"12345").unwrap();
        let name = dead.name.clone();
        drop(dead);
        let expected = [Leftover { folder: name, files: 1, bytes: 5 }];
        assert_eq!(leftovers(&root).unwrap(), expected);
        assert_eq!(names(&folder), 2);
        sweep_leftovers(&root).unwrap();
        assert_eq!(leftovers(&root).unwrap(), []);
        assert_eq!(names(&folder), 1);
        drop(living);
        sweep_leftovers(&root).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_can_not_be_swept_keeps_nobody_from_starting() {
        let folder = tempfile::tempdir().unwrap();
        let root = root(&folder);
        let dead = Staging::open(&root).unwrap();
        let name = dead.name.clone();
        drop(dead);
        let all = folder.path().join(STAGING_FOLDER);
        std::fs::write(all.join("notes"), "no folder").unwrap();
        // Whether its server lives can't be told.
        std::fs::create_dir_all(all.join("odd").join(LOCK_FILE)).unwrap();

        let started = Staging::open(&root).unwrap();
        assert!(!all.join(name).try_exists().unwrap());
        assert_eq!(names(&folder), 3, "a file, a folder that is odd, and the new one");
        let error = sweep_leftovers(&root).unwrap_err();
        assert!(error.to_string().starts_with("'odd': "), "{error}");
        assert!(leftovers(&root).is_err());

        std::fs::remove_dir(all.join("odd").join(LOCK_FILE)).unwrap();
        sweep_leftovers(&root).unwrap();
        assert_eq!(leftovers(&root).unwrap(), []);
        assert_eq!(names(&folder), 2);
        assert!(started.create().is_ok());
    }
}
