//! One request to a store for blocks that are missing, shared by all who want them at the time.

use super::{
    Body, Source,
    disk::ArtifactCache,
    key::{BlockKey, ObjectId},
    plan,
};
use bytes::Bytes;
use futures_util::TryStreamExt;
use std::{
    collections::{HashMap, VecDeque},
    io,
    ops::Range,
    sync::{Arc, Mutex, PoisonError, Weak},
};
use tokio::{sync::watch, task::AbortHandle};

/// Blocks of a run that stay at hand after they came; the cache has the others.
const RECENT_BLOCKS: usize = 2;
/// How far behind what has come a block may be that is waited for, rather than asked for anew.
const REACH_BLOCKS: u64 = 8;

/// The runs that are under way.
#[derive(Debug, Default)]
pub(super) struct Runs(Mutex<HashMap<ObjectId, Vec<Weak<Run>>>>);

impl Runs {
    /// A run that has the block, or soon will.
    pub(super) fn find(&self, key: BlockKey) -> Option<Arc<Run>> {
        let runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        find(&runs, key)
    }

    /// A run that has the block or soon will; where there is none, one that begins with it and ends
    /// at the latest before `end`.
    pub(super) fn find_or_begin(&self, key: BlockKey, end: u64, wish: &Wish<'_>) -> Arc<Run> {
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(run) = find(&runs, key) {
            return run;
        }
        runs.retain(|_, of_object| {
            of_object.retain(|run| run.strong_count() > 0);
            !of_object.is_empty()
        });
        let of_object = runs.entry(key.object).or_default();
        let others: Vec<_> = of_object.iter().filter_map(Weak::upgrade).collect();
        let blocks = plan::run_from(key.block, end, |block| {
            others.iter().any(|run| run.is_near(block))
                || wish.cache.contains(BlockKey { block, ..key })
        });
        let run = Run::begin(key.object, blocks, wish);
        of_object.push(Arc::downgrade(&run));
        run
    }
}

fn find(runs: &HashMap<ObjectId, Vec<Weak<Run>>>, key: BlockKey) -> Option<Arc<Run>> {
    let of_object = runs.get(&key.object)?;
    of_object.iter().filter_map(Weak::upgrade).find(|run| run.is_near(key.block))
}

/// Where a run gets its blocks, and who keeps them.
pub(super) struct Wish<'a> {
    pub(super) cache: &'a ArtifactCache,
    pub(super) source: &'a Source,
    /// Bytes of the object.
    pub(super) size: u64,
}

/// A request that is under way, as long as anybody holds on to it.
///
/// It reads on when a block is waited for, and not before: so memory does not depend on its length,
/// and the quickest of those who share it sets the pace. Others find what they missed in the cache.
#[derive(Debug)]
pub(super) struct Run {
    blocks: Range<u64>,
    /// The furthest block that anybody waited for.
    wanted: watch::Sender<u64>,
    progress: watch::Receiver<Progress>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Progress {
    /// The first block that has not come.
    next: u64,
    /// Those before it.
    recent: VecDeque<Bytes>,
    /// Nothing more will come, and why, if it broke.
    end: Option<Result<(), Arc<io::Error>>>,
}

impl Progress {
    fn block(&self, block: u64) -> Option<&Bytes> {
        let back = usize::try_from(self.next.checked_sub(block)?).ok()?;
        self.recent.get(self.recent.len().checked_sub(back)?)
    }
}

impl Run {
    fn begin(object: ObjectId, blocks: Range<u64>, wish: &Wish<'_>) -> Arc<Self> {
        let (wanted, is_wanted) = watch::channel(blocks.start);
        let (reported, progress) =
            watch::channel(Progress { next: blocks.start, recent: VecDeque::new(), end: None });
        let work = Work {
            object,
            cache: wish.cache.clone(),
            size: wish.size,
            is_wanted,
            reported,
            body: (wish.source)(plan::bytes_of(&blocks, wish.size)),
            rest: Bytes::new(),
        };
        let task = tokio::spawn(work.carry_out(blocks.clone())).abort_handle();
        Arc::new(Self { blocks, wanted, progress, task })
    }

    /// Whether the block is at hand, or is among the next to come.
    fn is_near(&self, block: u64) -> bool {
        let progress = self.progress.borrow();
        let is_coming = progress.end.is_none()
            && (progress.next..progress.next + REACH_BLOCKS).contains(&block)
            && self.blocks.contains(&block);
        is_coming || progress.block(block).is_some()
    }

    /// Waits for a block. `None` says that it was missed, or that the run ended before it.
    pub(super) async fn block(&self, block: u64) -> io::Result<Option<Bytes>> {
        self.wanted.send_if_modified(|wanted| {
            let is_further = block > *wanted;
            *wanted = block.max(*wanted);
            is_further
        });
        let mut progress = self.progress.clone();
        let is_decided = |progress: &Progress| progress.next > block || progress.end.is_some();
        let Ok(progress) = progress.wait_for(is_decided).await else { return Ok(None) };
        match (progress.block(block), &progress.end) {
            (Some(bytes), _) => Ok(Some(bytes.clone())),
            (None, Some(Err(error))) if block >= progress.next => {
                Err(io::Error::new(error.kind(), Arc::clone(error)))
            }
            (None, _) => Ok(None),
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What the task of a run has.
struct Work {
    object: ObjectId,
    cache: ArtifactCache,
    size: u64,
    is_wanted: watch::Receiver<u64>,
    reported: watch::Sender<Progress>,
    body: Body,
    /// What came of the body and was not used yet.
    rest: Bytes,
}

impl Work {
    async fn carry_out(mut self, blocks: Range<u64>) {
        let end = self.bring(blocks).await.map_err(Arc::new);
        self.reported.send_modify(|progress| progress.end = Some(end));
    }

    async fn bring(&mut self, blocks: Range<u64>) -> io::Result<()> {
        let first = blocks.start;
        for block in blocks {
            if self.is_wanted.wait_for(|wanted| *wanted >= block).await.is_err() {
                break;
            }
            let key = BlockKey { object: self.object, block };
            // Another run was here.
            if block > first && self.cache.contains(key) {
                break;
            }
            let bytes = self.next(plan::bytes_of(&(block..block + 1), self.size)).await?;
            // First, so that who misses it here finds it there.
            self.cache.insert(key, bytes.clone());
            self.reported.send_modify(|progress| {
                progress.next = block + 1;
                progress.recent.push_back(bytes);
                if progress.recent.len() > RECENT_BLOCKS {
                    progress.recent.pop_front();
                }
            });
        }
        Ok(())
    }

    /// A copy: what stays in the cache must not hold on to larger pieces.
    async fn next(&mut self, range: Range<u64>) -> io::Result<Bytes> {
        let length = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
        let mut block = Vec::with_capacity(length);
        while block.len() < length {
            if self.rest.is_empty() {
                let more = self.body.try_next().await?;
                self.rest = more.ok_or(io::ErrorKind::UnexpectedEof)?;
            }
            let taken = self.rest.len().min(length - block.len());
            block.extend_from_slice(&self.rest.split_to(taken));
        }
        Ok(block.into())
    }
}
