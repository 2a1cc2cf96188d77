//! The bytes of an upload on their way to a store, gathered into parts.

use super::{StoreKind, StoreTraits};
use crate::{ArtifactError, StoreTrouble, digest::Verifier};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use object_store::PutPayload;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep, sleep_until},
};

/// Bytes of the first parts of an upload. Stores take no less than 5 MiB; more costs memory.
pub(super) const PART_BYTES: u64 = 8 * 1024 * 1024;
/// Parts of that size that all uploads together hold in memory.
const SLOTS: u32 = 12;
/// Bytes of the largest part: it takes all the slots.
const LARGEST_PART_BYTES: u64 = PART_BYTES * SLOTS as u64;
/// Bytes of a piece of a part: what an upload may hold without a slot.
const SEGMENT_BYTES: usize = 256 * 1024;
/// Time in which a piece must come for each slot that its upload has, while others wait for slots.
const SEGMENT_TIME: Duration = Duration::from_secs(5);
/// How often an upload that comes too slowly looks whether others wait.
const LOOK_TIME: Duration = Duration::from_secs(1);
/// Parts of an upload at most: the limit of S3 is 10,000, and GCS has the same.
const PARTS: u64 = 10_000;
/// Parts after which they double, where nobody knows how many there will be.
const PARTS_OF_ONE_SIZE: u64 = 1000;

/// The memory that all uploads share for their parts. Who finds none waits, and so does its client.
#[derive(Debug, Clone)]
pub(super) struct PartSlots {
    free: Arc<Semaphore>,
    wanted: Arc<Mutex<Wanted>>,
    segment_time: Duration,
}

/// Slots that uploads wait for.
#[derive(Debug, Default)]
struct Wanted {
    slots: u32,
    /// Those of them that slow uploads are about to give back: no more of these than needed fail.
    promised: u32,
}

/// An upload that waits for slots, as long as it lives.
struct Waiting<'a> {
    all: &'a PartSlots,
    slots: u32,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut wanted = self.all.wanted();
        wanted.slots -= self.slots;
        wanted.promised = wanted.promised.saturating_sub(self.slots).min(wanted.slots);
    }
}

impl Default for PartSlots {
    fn default() -> Self {
        Self {
            free: Arc::new(Semaphore::new(SLOTS as usize)),
            wanted: Arc::default(),
            segment_time: SEGMENT_TIME,
        }
    }
}

impl PartSlots {
    /// How many a part of `bytes` takes: a large one the room of several.
    fn of(bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(PART_BYTES)).unwrap_or(SLOTS).min(SLOTS)
    }

    async fn take(&self, slots: u32) -> Option<OwnedSemaphorePermit> {
        self.wanted().slots += slots;
        let _waiting = Waiting { all: self, slots };
        // It is never closed.
        Arc::clone(&self.free).acquire_many_owned(slots).await.ok()
    }

    /// Returns when the time is over and others wait for the slots.
    async fn wanted_back(&self, slots: u32, end: Instant) {
        sleep_until(end).await;
        loop {
            {
                let mut wanted = self.wanted();
                if wanted.slots > wanted.promised {
                    wanted.promised += slots;
                    return;
                }
            }
            sleep(LOOK_TIME).await;
        }
    }

    fn wanted(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How large the parts of one upload are.
#[derive(Debug, Clone, Copy)]
pub(super) struct PartSizes {
    first: u64,
    grows: bool,
    /// How many there may be.
    most: u64,
}

impl PartSizes {
    /// Those of an upload of `length` bytes, if anybody knows.
    pub(super) fn new(length: Option<u64>, traits: StoreTraits) -> Result<Self, ArtifactError> {
        if traits.kind != StoreKind::Objects {
            // They are sent on as one stream.
            return Ok(Self { first: PART_BYTES, grows: false, most: u64::MAX });
        }
        let Some(length) = length else {
            let grows = !traits.has_uniform_parts;
            return Ok(Self { first: PART_BYTES, grows, most: PARTS });
        };
        let first = length.div_ceil(PARTS).max(PART_BYTES);
        if first > LARGEST_PART_BYTES {
            return Err(ArtifactError::TooLarge { limit: LARGEST_PART_BYTES * PARTS });
        }
        Ok(Self { first, grows: false, most: PARTS })
    }

    /// Bytes of the part at `index`, if there may be so many.
    pub(super) fn at(self, index: u64) -> Result<u64, ArtifactError> {
        if index < self.most {
            return Ok(self.size(index));
        }
        Err(ArtifactError::TooLarge { limit: (0..self.most).map(|index| self.size(index)).sum() })
    }

    fn size(self, index: u64) -> u64 {
        let doublings = if self.grows { index / PARTS_OF_ONE_SIZE } else { 0 };
        (self.first << doublings.min(10)).min(LARGEST_PART_BYTES)
    }
}

/// Some megabytes of an upload.
pub(super) struct Part {
    pub(super) payload: PutPayload,
    /// Whether the body ends with it.
    pub(super) is_last: bool,
    /// Kept until the store has the part.
    pub(super) slot: Option<OwnedSemaphorePermit>,
}

/// A body that comes in parts.
pub(super) struct Parts<S> {
    body: S,
    /// What has come and is in no part yet.
    rest: Bytes,
    left: Option<u64>,
    limit: Option<u64>,
    /// All bytes so far.
    pub(super) bytes: u64,
    pub(super) verifier: Verifier,
    slots: PartSlots,
}

impl<S, E> Parts<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    pub(super) fn new(body: S, limit: Option<u64>, verifier: Verifier, slots: PartSlots) -> Self {
        Self { body, rest: Bytes::new(), left: limit, limit, bytes: 0, verifier, slots }
    }

    /// The next part of `bytes`, or less at the end of the body.
    ///
    /// What comes is copied into pieces of its own: a body that trickles in would otherwise hold a
    /// socket's buffer for each of its bytes.
    pub(super) async fn next(&mut self, bytes: u64) -> Result<Part, ArtifactError> {
        let slots = PartSlots::of(bytes);
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let mut segments = Vec::new();
        let mut segment = BytesMut::new();
        let (mut gathered, mut slot, mut pace) = (0, None, None);
        while gathered < bytes && self.fill_in_time(pace.as_ref()).await? {
            if gathered == SEGMENT_BYTES {
                slot = self.slots.take(slots).await;
                pace = Some(Pace::new(slots, self.slots.segment_time));
            }
            if segment.capacity() == 0 {
                segment.reserve(SEGMENT_BYTES.min(bytes - gathered));
            }
            let room = (SEGMENT_BYTES - segment.len()).min(bytes - gathered);
            let taken = self.rest.split_to(room.min(self.rest.len()));
            segment.extend_from_slice(&taken);
            gathered += taken.len();
            if segment.len() == SEGMENT_BYTES {
                segments.push(std::mem::take(&mut segment).freeze());
                if let Some(pace) = &mut pace {
                    pace.count_segment();
                }
            }
        }
        if !segment.is_empty() {
            segments.push(segment.freeze());
        }
        // To be known now: a body of just one part needs no other.
        let is_last = gathered < bytes || !self.fill_in_time(pace.as_ref()).await?;
        Ok(Part { payload: segments.into_iter().collect(), is_last, slot })
    }

    /// Waits for bytes, and gives up when they come too slowly while others wait for the memory.
    async fn fill_in_time(&mut self, pace: Option<&Pace>) -> Result<bool, ArtifactError> {
        let Some(pace) = pace else { return self.fill().await };
        let all = self.slots.clone();
        tokio::select! {
            biased;
            filled = self.fill() => filled,
            () = all.wanted_back(pace.slots, pace.end) => Err(too_slow()),
        }
    }

    /// Waits for bytes; whether there are any.
    async fn fill(&mut self) -> Result<bool, ArtifactError> {
        while self.rest.is_empty() {
            let Some(chunk) = self.body.next().await else { return Ok(false) };
            let chunk = chunk.map_err(|error| ArtifactError::BodyIncomplete(error.into()))?;
            let length = chunk.len() as u64;
            if let (Some(left), Some(limit)) = (&mut self.left, self.limit) {
                *left = left.checked_sub(length).ok_or(ArtifactError::TooLarge { limit })?;
            }
            self.verifier.update(&chunk);
            self.bytes += length;
            self.rest = chunk;
        }
        Ok(true)
    }
}

/// When the next bytes of a part must be there.
struct Pace {
    slots: u32,
    /// Segments that have come since the time was set.
    segments: u32,
    time: Duration,
    end: Instant,
}

impl Pace {
    fn new(slots: u32, time: Duration) -> Self {
        Self { slots, segments: 0, time, end: Instant::now() + time }
    }

    /// Who holds many slots must be as much faster.
    fn count_segment(&mut self) {
        self.segments += 1;
        if self.segments >= self.slots {
            *self = Self::new(self.slots, self.time);
        }
    }
}

fn too_slow() -> ArtifactError {
    ArtifactError::Store {
        trouble: StoreTrouble::Unavailable,
        words: "the body came too slowly while other uploads waited for its memory; send it again"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use std::convert::Infallible;

    fn parts(chunks: &[usize]) -> Parts<impl Stream<Item = Result<Bytes, Infallible>> + Unpin> {
        let chunks: Vec<_> =
            chunks.iter().map(|length| Ok(Bytes::from(vec![7; *length]))).collect();
        Parts::new(stream::iter(chunks), None, Verifier::new(Vec::new()), PartSlots::default())
    }

    #[tokio::test]
    async fn a_body_is_cut_at_its_parts_and_its_last_part_is_known() {
        let mut body = parts(&[600_000, 400_000, 1, 0]);
        let mut sizes = Vec::new();
        loop {
            let part = body.next(500_000).await.unwrap();
            sizes.push(part.payload.content_length());
            assert_eq!(part.slot.is_some(), part.payload.content_length() > SEGMENT_BYTES);
            if part.is_last {
                break;
            }
        }
        assert_eq!(sizes, [500_000, 500_000, 1]);
        assert!(parts(&[500_000]).next(500_000).await.unwrap().is_last, "exactly one part");
        let empty = parts(&[]).next(500_000).await.unwrap();
        assert_eq!((empty.payload.content_length(), empty.is_last), (0, true));
    }

    #[test]
    fn parts_fit_into_memory_whatever_is_announced() {
        let objects = StoreTraits::default();
        let most = LARGEST_PART_BYTES * PARTS;
        let known = PartSizes::new(Some(most), objects).unwrap();
        assert_eq!(known.at(PARTS - 1).unwrap(), LARGEST_PART_BYTES);
        assert_eq!(PartSizes::new(Some(1), objects).unwrap().at(0).unwrap(), PART_BYTES);
        for length in [most + 1, 10_u64.pow(18), u64::MAX] {
            let refused = PartSizes::new(Some(length), objects);
            assert!(matches!(refused, Err(ArtifactError::TooLarge { limit }) if limit == most));
        }
        let unknown = PartSizes::new(None, objects).unwrap();
        let sizes: Vec<_> = (0..PARTS).map(|index| unknown.at(index).unwrap()).collect();
        assert!(sizes.iter().all(|size| *size <= LARGEST_PART_BYTES));
        let all: u64 = sizes.iter().sum();
        assert!(all > 600 * 1024_u64.pow(3));
        let more = unknown.at(PARTS);
        assert!(matches!(more, Err(ArtifactError::TooLarge { limit }) if limit == all));
        let uniform = StoreTraits { has_uniform_parts: true, ..objects };
        assert_eq!(PartSizes::new(None, uniform).unwrap().at(9_999).unwrap(), PART_BYTES);
        let host = StoreTraits { kind: StoreKind::Host, ..objects };
        let host = PartSizes::new(Some(u64::MAX), host).unwrap();
        assert_eq!(host.at(u64::MAX - 1).unwrap(), PART_BYTES, "hosts know no parts");
    }

    #[tokio::test]
    async fn an_upload_that_stalls_keeps_its_slot_until_others_want_it() {
        let time = Duration::from_millis(50);
        let slots = PartSlots { segment_time: time, ..PartSlots::default() };
        let upload = |bytes: usize, stalls: bool| {
            let begin = stream::iter([Ok::<_, Infallible>(Bytes::from(vec![7; bytes]))]);
            let rest = if stalls {
                stream::pending().left_stream()
            } else {
                stream::empty().right_stream()
            };
            let body = Box::pin(begin.chain(rest));
            let mut parts = Parts::new(body, None, Verifier::new(Vec::new()), slots.clone());
            tokio::spawn(async move { parts.next(PART_BYTES).await.map(|part| part.is_last) })
        };
        let stalled: Vec<_> = (0..SLOTS).map(|_| upload(300_000, true)).collect();
        sleep(4 * time).await;
        assert!(stalled.iter().all(|upload| !upload.is_finished()), "nobody else wants it");
        assert!(upload(300_000, false).await.unwrap().unwrap());
        let ended = stalled.into_iter().filter(tokio::task::JoinHandle::is_finished);
        let ended: Vec<_> = ended.collect();
        assert_eq!(ended.len(), 1, "one is enough");
        for upload in ended {
            assert!(matches!(
                upload.await.unwrap(),
                Err(ArtifactError::Store { trouble: StoreTrouble::Unavailable, .. })
            ));
        }
    }
}
