//! Reads an object through the cache.

use super::{
    Body, Source,
    disk::ArtifactCache,
    key::{BlockKey, ObjectId},
    plan,
    run::{Run, Wish},
};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::{
    io,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

/// Blocks of one download that are fetched at once, so that the store and the client both are busy.
const BLOCKS_AT_ONCE: usize = 2;
/// How often a block is looked for, before it is read past the cache.
const TRIES: usize = 4;

/// One version of an object of which blocks may be kept.
#[derive(Debug, Clone)]
pub(crate) struct CachedObject {
    cache: ArtifactCache,
    id: ObjectId,
    size: u64,
}

impl CachedObject {
    pub(super) fn new(cache: ArtifactCache, id: ObjectId, size: u64) -> Self {
        Self { cache, id, size }
    }

    /// The bytes of a range, which must lie within the object; what is missing comes from `source`.
    pub(crate) fn read(&self, range: Range<u64>, source: Source) -> Body {
        let blocks = plan::blocks_of(&range);
        let reader = Arc::new(Reader {
            object: self.clone(),
            source,
            end: blocks.end,
            run: Mutex::default(),
        });
        stream::iter(blocks)
            .map(move |block| {
                let reader = Arc::clone(&reader);
                async move { Ok::<_, io::Error>((block, reader.block(block).await?)) }
            })
            .buffered(BLOCKS_AT_ONCE)
            .map_ok(move |(block, bytes)| bytes.slice(plan::part_of(block, &range)))
            .boxed()
    }
}

/// A download.
struct Reader {
    object: CachedObject,
    source: Source,
    /// The first block after those that it wants.
    end: u64,
    /// The last run it took part in, which goes on as long as somebody holds on to it.
    run: Mutex<Option<Arc<Run>>>,
}

impl Reader {
    async fn block(&self, block: u64) -> io::Result<Bytes> {
        let CachedObject { cache, id, size } = &self.object;
        let key = BlockKey { object: *id, block };
        let range = plan::bytes_of(&(block..block + 1), *size);
        let has_its_length = |bytes: &Bytes| bytes.len() as u64 == range.end - range.start;
        for _ in 0..TRIES {
            let run = if let Some(run) = cache.runs().find(key) {
                run
            } else if let Some(bytes) = cache.get(key).await.filter(has_its_length) {
                cache.hits().count(&bytes);
                return Ok(bytes);
            } else {
                let wish = Wish { cache, source: &self.source, size: *size };
                cache.runs().find_or_begin(key, self.end, &wish)
            };
            *self.run.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&run));
            if let Some(bytes) = run.block(block).await? {
                cache.misses().count(&bytes);
                return Ok(bytes);
            }
        }
        let pieces: Vec<Bytes> = (self.source)(range.clone()).try_collect().await?;
        let bytes = Bytes::from(pieces.concat());
        cache.misses().count(&bytes);
        has_its_length(&bytes).then_some(bytes).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}
