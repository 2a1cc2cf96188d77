//! The blocks that are kept.

use super::{
    CacheCounts, CacheError,
    folder::{CacheFolder, Geometry},
    key::{BlockKey, ObjectId},
    read::CachedObject,
    run::Runs,
    writes::{BUFFER_BYTES, ENTRY_BYTES, Pace, Writes},
};
use crate::off_thread::blocking;
use bytes::Bytes;
use foyer::{
    Age, BlockEngineConfig, DeviceBuilder, FsDeviceBuilder, HybridCache, HybridCacheBuilder,
    HybridCachePolicy, PsyncIoEngineConfig, Source, Spawner,
};
use std::{
    fmt, io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{runtime, sync::Semaphore, time::timeout};

/// Bytes of blocks that stay in memory.
const MEMORY_BYTES: usize = 16 * 1024 * 1024;
/// Parts of it, each with its own lock.
const MEMORY_SHARDS: usize = 4;
/// Objects that would take more than one part in so many are not kept: they push out all others.
const LARGEST_SHARE: u64 = 2;
/// Time for a block to be read. A disk that takes longer is no help.
const READ_TIME: Duration = Duration::from_secs(5);
/// Blocks that are read from the disk at once.
const READS: usize = 8;
/// Threads for what else is done on the disk: to write blocks, and to make room for them.
const WRITE_THREADS: usize = 8;
/// Time for the last blocks to be written when the server stops.
const CLOSE_TIME: Duration = Duration::from_secs(5);

/// A cache of what is downloaded from remote destinations. Cheap to clone.
#[derive(Clone)]
pub struct ArtifactCache(Arc<Inner>);

struct Inner {
    blocks: HybridCache<BlockKey, Bytes>,
    runs: Runs,
    reads: Reads,
    geometry: Geometry,
    writes: Writes,
    pace: Pace,
    folder: CacheFolder,
    hits: Tally,
    misses: Tally,
}

/// Blocks, and bytes in them.
#[derive(Default)]
pub(super) struct Tally {
    blocks: AtomicU64,
    bytes: AtomicU64,
}

impl Tally {
    pub(super) fn count(&self, block: &Bytes) {
        self.blocks.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(block.len() as u64, Ordering::Relaxed);
    }
}

impl ArtifactCache {
    /// Opens a cache of at most `bytes`, with what it held when it was last used. All of its disk
    /// space is taken at once.
    pub async fn open(folder: &Path, bytes: u64) -> Result<Self, CacheError> {
        let geometry = Geometry::of(bytes)?;
        let path = folder.to_owned();
        let folder = blocking(move || CacheFolder::open(&path, geometry)).await?;
        let blocks = open_blocks(&folder, geometry).await.map_err(|error| {
            CacheError::NotWritable { folder: folder.blocks(), source: io::Error::other(error) }
        })?;
        let folder = blocking(move || folder.reserve().map(|()| folder)).await?;
        let pace = Pace::default();
        Ok(Self(Arc::new(Inner {
            writes: Writes::begin(blocks.clone(), pace.clone()),
            pace,
            blocks,
            runs: Runs::default(),
            reads: Reads::new(READ_TIME),
            geometry,
            folder,
            hits: Tally::default(),
            misses: Tally::default(),
        })))
    }

    /// Waits until all blocks are written, unless the disk hangs.
    pub async fn close(&self) {
        let written = async {
            self.0.writes.close().await;
            self.0.blocks.close().await
        };
        match timeout(CLOSE_TIME, written).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the artifact cache could not be closed"),
            Err(_) => tracing::warn!("the artifact cache took too long to close"),
        }
    }

    /// An object of which blocks may be kept: one that is not too large.
    pub(crate) fn object(
        &self,
        place: &str,
        key: &str,
        etag: &str,
        size: u64,
    ) -> Option<CachedObject> {
        let is_kept = size <= self.0.geometry.bytes() / LARGEST_SHARE;
        is_kept
            .then(|| CachedObject::new(self.clone(), ObjectId::new(place, key, etag, size), size))
    }

    /// What came out of it since it was opened.
    #[must_use]
    pub fn counts(&self) -> CacheCounts {
        let Inner { hits, misses, geometry, .. } = &*self.0;
        CacheCounts {
            hits: hits.blocks.load(Ordering::Relaxed),
            misses: misses.blocks.load(Ordering::Relaxed),
            hit_bytes: hits.bytes.load(Ordering::Relaxed),
            miss_bytes: misses.bytes.load(Ordering::Relaxed),
            capacity_bytes: geometry.bytes(),
        }
    }

    pub(super) fn hits(&self) -> &Tally {
        &self.0.hits
    }

    pub(super) fn misses(&self) -> &Tally {
        &self.0.misses
    }

    pub(super) fn runs(&self) -> &Runs {
        &self.0.runs
    }

    /// Whether a block is kept, as far as can be told without reading it.
    pub(super) fn contains(&self, key: BlockKey) -> bool {
        !self.0.pace.is_paused()
            && (self.0.blocks.memory().contains(&key) || self.0.blocks.storage().may_contains(&key))
    }

    /// A block that is kept. Whatever is wrong with the disk or the bytes on it, it then is missing.
    pub(super) async fn get(&self, key: BlockKey) -> Option<Bytes> {
        // Without waiting, where it is missing: the blocks of a download then ask the store in their order.
        if !self.contains(key) {
            return None;
        }
        if let Some(entry) = self.0.blocks.memory().get(&key) {
            return Some(entry.value().clone());
        }
        let blocks = self.0.blocks.clone();
        match self.0.reads.read(async move { blocks.get(&key).await }).await {
            Some(Ok(Some(entry))) => {
                // The file that holds it will soon be emptied.
                if entry.source() == Source::Disk && entry.properties().age() == Age::Old {
                    self.0.blocks.storage().enqueue(entry.piece(), false);
                }
                Some(entry.value().clone())
            }
            Some(Ok(None)) => None,
            Some(Err(error)) => {
                tracing::debug!(%error, "a block of the artifact cache can't be read");
                None
            }
            None => {
                self.0.pace.pause();
                None
            }
        }
    }

    /// Keeps a block, unless the disk is too slow.
    pub(super) fn insert(&self, key: BlockKey, bytes: Bytes) {
        if !self.0.pace.is_paused() {
            self.0.writes.add(self.0.blocks.memory().insert(key, bytes));
        }
    }
}

/// Reads of a disk that may hang. Nothing ends one of them, and so only so many are begun.
struct Reads {
    permits: Arc<Semaphore>,
    /// How long one is waited for.
    time: Duration,
}

impl Reads {
    fn new(time: Duration) -> Self {
        Self { permits: Arc::new(Semaphore::new(READS)), time }
    }

    /// Waits for a read, but not for too long; it then still counts until it has ended.
    async fn read<T: Send + 'static>(
        &self,
        read: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let whole = async {
            let permit = Arc::clone(&self.permits).acquire_owned().await.ok()?;
            let reading = tokio::spawn(async move {
                let found = read.await;
                drop(permit);
                found
            });
            reading.await.ok()
        };
        timeout(self.time, whole).await.ok().flatten()
    }
}

/// The threads of the cache: on those of the server, a disk that hangs would hold up everything else.
fn threads() -> io::Result<Spawner> {
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(READS + WRITE_THREADS)
        .thread_name("artifact-cache")
        .enable_all()
        .build()?;
    Ok(runtime.into())
}

async fn open_blocks(
    folder: &CacheFolder,
    geometry: Geometry,
) -> foyer::Result<HybridCache<BlockKey, Bytes>> {
    let in_memory = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    let device =
        FsDeviceBuilder::new(folder.blocks()).with_capacity(in_memory(geometry.bytes())).build()?;
    let engine = BlockEngineConfig::new(device)
        .with_block_size(in_memory(geometry.file_bytes))
        .with_buffer_pool_size(BUFFER_BYTES)
        .with_submit_queue_size_threshold(2 * BUFFER_BYTES);
    HybridCacheBuilder::new()
        .with_name("artifacts")
        .with_policy(HybridCachePolicy::WriteOnInsertion)
        .with_flush_on_close(false)
        .memory(MEMORY_BYTES)
        .with_shards(MEMORY_SHARDS)
        .with_weighter(|_: &BlockKey, bytes: &Bytes| bytes.len() + ENTRY_BYTES)
        .storage()
        .with_spawner(threads().map_err(foyer::Error::io_error)?)
        .with_io_engine_config(PsyncIoEngineConfig::new())
        .with_engine_config(engine)
        .build()
        .await
}

/// Two are equal when they are the same.
impl PartialEq for ArtifactCache {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for ArtifactCache {}

impl fmt::Debug for ArtifactCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ArtifactCache").field(&self.0.folder).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;

    #[tokio::test]
    async fn no_more_reads_are_begun_than_may_hang() {
        assert_eq!(Reads::new(READ_TIME).read(async { 1 }).await, Some(1));
        let reads = Reads::new(Duration::from_millis(50));
        let begun = Arc::new(AtomicU64::new(0));
        for _ in 0..READS + 4 {
            let begun = Arc::clone(&begun);
            let read = async move {
                begun.fetch_add(1, Ordering::Relaxed);
                pending::<()>().await;
            };
            assert_eq!(reads.read(read).await, None);
        }
        assert_eq!(begun.load(Ordering::Relaxed), READS as u64);
    }
}
