//! Blocks on their way to the disk, which nobody waits for.

use super::key::BlockKey;
use bytes::Bytes;
use foyer::{HybridCache, HybridCacheEntry};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

/// Bytes that are written to the disk at once; there are two such buffers.
pub(super) const BUFFER_BYTES: usize = 8 * 1024 * 1024;
/// What a block takes in a buffer beside its bytes, before it is rounded up to pages.
pub(super) const ENTRY_BYTES: usize = 128;
const PAGE_BYTES: usize = 4096;
/// Blocks that wait for room in a buffer: they and those in one are as many as stay in memory anyway.
const WAITING_BLOCKS: usize = 16;
/// Time for a buffer to be written.
const WRITE_TIME: Duration = Duration::from_secs(1);
/// How long a disk is left alone that took longer.
const PAUSE: Duration = Duration::from_secs(10);

type Entry = HybridCacheEntry<BlockKey, Bytes>;

/// Until when a disk that hangs is left alone.
#[derive(Debug, Clone, Default)]
pub(super) struct Pace(Arc<Mutex<Option<Instant>>>);

impl Pace {
    fn until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_paused(&self) -> bool {
        self.until().is_some_and(|until| Instant::now() < until)
    }

    pub(super) fn pause(&self) {
        let mut paused = self.until();
        if paused.is_none_or(|until| until <= Instant::now()) {
            tracing::warn!("the disk of the artifact cache is slow; it is left alone for a while");
        }
        *paused = Some(Instant::now() + PAUSE);
    }
}

/// Takes blocks and writes them as quickly as the disk does.
#[derive(Debug)]
pub(super) struct Writes(Mutex<Option<Running>>);

#[derive(Debug)]
struct Running {
    waiting: mpsc::Sender<Entry>,
    task: JoinHandle<()>,
}

impl Writes {
    pub(super) fn begin(blocks: HybridCache<BlockKey, Bytes>, pace: Pace) -> Self {
        let (waiting, coming) = mpsc::channel(WAITING_BLOCKS);
        let task = tokio::spawn(write(blocks, coming, pace));
        Self(Mutex::new(Some(Running { waiting, task })))
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a block written some time, unless the disk is far behind.
    pub(super) fn add(&self, entry: Entry) {
        if let Some(running) = &*self.running()
            && running.waiting.try_send(entry).is_err()
        {
            tracing::debug!("a block is not kept: the disk of the artifact cache is far behind");
        }
    }

    /// Waits until all blocks are on their way.
    pub(super) async fn close(&self) {
        let running = self.running().take();
        if let Some(Running { waiting, task }) = running {
            drop(waiting);
            let _ = task.await;
        }
    }
}

async fn write(
    blocks: HybridCache<BlockKey, Bytes>,
    mut coming: mpsc::Receiver<Entry>,
    pace: Pace,
) {
    // Bytes in the buffers, as far as is known.
    let mut queued = 0;
    while let Some(entry) = coming.recv().await {
        if pace.is_paused() {
            continue;
        }
        let cost = (entry.value().len() + ENTRY_BYTES).next_multiple_of(PAGE_BYTES);
        // More than a buffer holds would be thrown away.
        if queued + cost > BUFFER_BYTES {
            if timeout(WRITE_TIME, blocks.storage().wait()).await.is_err() {
                pace.pause();
                continue;
            }
            queued = 0;
        }
        queued += cost;
        blocks.storage().enqueue(entry.piece(), false);
    }
}
