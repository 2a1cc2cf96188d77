//! The folder of a cache: its lock, the files that hold the blocks, and the space for them.

use super::{CacheError, MIN_CACHE_BYTES};
use rustix::{
    fs::{FallocateFlags, FlockOperation, fallocate, flock, statvfs},
    io::Errno,
};
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

const LOCK: &str = "lock";
/// How the name of the folder with the blocks begins; a new number gives up what older servers kept.
const BLOCKS: &str = "blocks-1-";
/// Files of a cache, each of which is emptied as a whole. All are open all the time.
const FILES: u64 = 256;
const MIN_FILE_BYTES: u64 = 4 * 1024 * 1024;
const MAX_FILE_BYTES: u64 = 1024 * 1024 * 1024;
const PAGE_BYTES: u64 = 4096;
/// The unit in which the system counts what a file takes (POSIX's `st_blocks` on Linux).
const STAT_BLOCK_BYTES: u64 = 512;

/// How a cache is divided into files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Geometry {
    pub(super) file_bytes: u64,
    pub(super) files: u64,
}

impl Geometry {
    pub(super) fn of(bytes: u64) -> Result<Self, CacheError> {
        if bytes < MIN_CACHE_BYTES {
            return Err(CacheError::TooSmall(bytes));
        }
        let file_bytes = (bytes / FILES).clamp(MIN_FILE_BYTES, MAX_FILE_BYTES);
        let file_bytes = file_bytes - file_bytes % PAGE_BYTES;
        Ok(Self { file_bytes, files: bytes / file_bytes })
    }

    pub(super) fn bytes(self) -> u64 {
        self.file_bytes * self.files
    }
}

/// A folder that no other server uses.
#[derive(Debug)]
pub(super) struct CacheFolder {
    path: PathBuf,
    geometry: Geometry,
    /// Held as long as it is open.
    _lock: File,
}

impl CacheFolder {
    /// Makes and locks a folder, and removes blocks of a cache that was divided otherwise.
    pub(super) fn open(path: &Path, geometry: Geometry) -> Result<Self, CacheError> {
        let failed = |source| CacheError::NotWritable { folder: path.to_owned(), source };
        make(path).map_err(failed)?;
        let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(path.join(LOCK));
        let lock = lock.map_err(failed)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(CacheError::InUse(path.to_owned())),
            Err(error) => return Err(failed(error.into())),
        }
        let folder = Self { path: path.to_owned(), geometry, _lock: lock };
        folder.remove_others().map_err(failed)?;
        make(&folder.blocks()).map_err(failed)?;
        let free = folder.free().map_err(failed)?;
        if free < geometry.bytes() {
            return Err(folder.no_space(free));
        }
        Ok(folder)
    }

    /// Where the files with the blocks are.
    pub(super) fn blocks(&self) -> PathBuf {
        let Geometry { file_bytes, files } = self.geometry;
        self.path.join(format!("{BLOCKS}{files}x{file_bytes}"))
    }

    fn remove_others(&self) -> io::Result<()> {
        let ours = self.blocks();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let is_blocks = entry.file_name().to_str().is_some_and(names_blocks);
            if is_blocks && entry.path() != ours && entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    /// Takes all the space at once, so that the disk never fills up on the way.
    pub(super) fn reserve(&self) -> Result<(), CacheError> {
        let reserved = self.reserve_files();
        reserved.map_err(|source| {
            if !matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
                return CacheError::NotWritable { folder: self.path.clone(), source };
            }
            let free = self.free().unwrap_or_default();
            // A full disk would harm others.
            let _ = fs::remove_dir_all(self.blocks());
            self.no_space(free)
        })
    }

    /// Bytes that the cache may have: those that are free, and those that it has.
    fn free(&self) -> io::Result<u64> {
        let disk = statvfs(&self.path)?;
        let mut bytes = disk.f_bavail.saturating_mul(disk.f_frsize);
        for entry in fs::read_dir(self.blocks())? {
            bytes += entry?.metadata()?.blocks() * STAT_BLOCK_BYTES;
        }
        Ok(bytes)
    }

    fn no_space(&self, free: u64) -> CacheError {
        CacheError::NoSpace { folder: self.path.clone(), bytes: self.geometry.bytes(), free }
    }

    fn reserve_files(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.blocks())? {
            let file = OpenOptions::new().write(true).open(entry?.path())?;
            match fallocate(&file, FallocateFlags::empty(), 0, self.geometry.file_bytes) {
                // The file system can't: the files then grow as they are written.
                Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Whether a name is one that some version gives to its folder with blocks: `blocks-VERSION-FILESxBYTES`.
fn names_blocks(name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = name.strip_prefix("blocks-").and_then(|rest| rest.split_once('-'));
    let Some((version, geometry)) = parts else { return false };
    let is_geometry = |(files, bytes)| is_number(files) && is_number(bytes);
    is_number(version) && geometry.split_once('x').is_some_and(is_geometry)
}

/// Makes a folder that others can't look into: artifacts may be secret.
fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_is_divided_into_some_hundred_files() {
        for (bytes, file_bytes, files) in [
            (64 << 20, 4 << 20, 16),
            (1 << 30, 4 << 20, 256),
            (20 << 30, 80 << 20, 256),
            (1 << 40, 1 << 30, 1024),
        ] {
            assert_eq!(Geometry::of(bytes).unwrap(), Geometry { file_bytes, files }, "{bytes}");
        }
        for bytes in [100_000_000, 5_000_000_001, 20_000_000_000] {
            let geometry = Geometry::of(bytes).unwrap();
            assert_eq!(geometry.file_bytes % PAGE_BYTES, 0);
            assert!(geometry.bytes() <= bytes && geometry.bytes() > bytes / 20 * 19, "{bytes}");
        }
        assert!(matches!(Geometry::of(MIN_CACHE_BYTES - 1), Err(CacheError::TooSmall(_))));
    }

    #[test]
    fn a_folder_serves_one_cache_at_a_time() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b");
        let geometry = Geometry::of(MIN_CACHE_BYTES).unwrap();
        let open = || CacheFolder::open(&path, geometry);
        let first = open().unwrap();
        assert!(matches!(open(), Err(CacheError::InUse(_))));
        drop(first);
        let kept = open().unwrap().blocks();
        assert!(kept.is_dir());
        let other = Geometry::of(2 * MIN_CACHE_BYTES).unwrap();
        let blocks = CacheFolder::open(&path, other).unwrap().blocks();
        assert!(!kept.is_dir() && blocks.is_dir());
    }

    #[test]
    fn what_is_not_the_cache_s_own_stays() {
        let home = tempfile::tempdir().unwrap();
        let others =
            ["blocks-of-marble", "blocks-", "blocks-1-x", "blocks-1-16x4y", "blocks-1-2x3-old"];
        for name in others {
            fs::create_dir(home.path().join(name)).unwrap();
        }
        fs::write(home.path().join("blocks-1-2x3"), "a file").unwrap();
        fs::create_dir(home.path().join("blocks-0-2x3")).unwrap();
        CacheFolder::open(home.path(), Geometry::of(MIN_CACHE_BYTES).unwrap()).unwrap();
        assert!(others.iter().all(|name| home.path().join(name).is_dir()));
        assert!(home.path().join("blocks-1-2x3").is_file());
        assert!(!home.path().join("blocks-0-2x3").try_exists().unwrap());
    }
}
