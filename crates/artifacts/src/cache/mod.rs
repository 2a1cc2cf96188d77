//! A cache, on a disk of this machine, of what is downloaded from remote destinations.
//!
//! It is kept by `foyer`: that brings what is easily got wrong, such as an index that is found again
//! after a crash, checksums, eviction, and writing behind. It needs 24 bytes of memory for an entry,
//! where a file for each (as `cacache` has it, which evicts nothing either) would need an inode and a
//! path, and many artifacts are small. Of its memory tier only a little is used: the system's page
//! cache does the same.
//!
//! What is kept are blocks of objects, under a key that holds the entity tag: nothing that is kept
//! ever becomes wrong, and uploads and deletes need not tell the cache. A range needs its own blocks
//! only, and no object is ever whole in memory.

#[cfg(not(feature = "cache"))]
mod absent;
#[cfg(feature = "cache")]
mod disk;
#[cfg(feature = "cache")]
mod folder;
#[cfg(feature = "cache")]
mod key;
#[cfg(feature = "cache")]
mod plan;
#[cfg(feature = "cache")]
mod read;
#[cfg(feature = "cache")]
mod run;
#[cfg(feature = "cache")]
mod writes;

#[cfg(not(feature = "cache"))]
pub use absent::ArtifactCache;
#[cfg(not(feature = "cache"))]
pub(crate) use absent::CachedObject;
#[cfg(feature = "cache")]
pub use disk::ArtifactCache;
#[cfg(feature = "cache")]
pub(crate) use read::CachedObject;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use std::{io, ops::Range, path::PathBuf, sync::Arc};
use thiserror::Error;

/// The smallest size of a cache: it is emptied in pieces, of which there should be some.
pub const MIN_CACHE_BYTES: u64 = 64 * 1024 * 1024;

/// How a store is asked for a range of an object, of this very version of it.
pub(crate) type Source = Arc<dyn Fn(Range<u64>) -> Body + Send + Sync>;

/// Bytes as they come from a store.
pub(crate) type Body = BoxStream<'static, io::Result<Bytes>>;

/// What came out of a cache, and what did not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheCounts {
    /// Blocks that were in it.
    pub hits: u64,
    /// Blocks that were not, and came from the store.
    pub misses: u64,
    /// Bytes of the hits.
    pub hit_bytes: u64,
    /// Bytes of the misses.
    pub miss_bytes: u64,
    /// Bytes that the cache may take on its disk.
    pub capacity_bytes: u64,
}

/// Why a cache can't be used.
#[derive(Debug, Error)]
pub enum CacheError {
    /// The folder can't be made, opened or written.
    #[error("cannot use the artifact cache {}; name a folder that this server may write", folder.display())]
    NotWritable {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another server has it.
    #[error(
        "the artifact cache {} is in use by another server; give each server a folder of its own",
        .0.display()
    )]
    InUse(PathBuf),
    /// The disk has too little space.
    #[error(
        "the artifact cache {} needs {bytes} bytes, and its disk has {free} for it; make \
         --artifact-cache-size smaller",
        folder.display()
    )]
    NoSpace {
        /// The folder.
        folder: PathBuf,
        /// The size of the cache.
        bytes: u64,
        /// What is free, and what the cache has already.
        free: u64,
    },
    /// A cache of that size would be of no use.
    #[error("an artifact cache of {0} bytes is too small; it must have at least 64M")]
    TooSmall(u64),
    /// The Cargo feature is off.
    #[error(
        "this mlferry was built without the artifact cache; build one with `cargo build --release --features cache`"
    )]
    NotBuilt,
}
