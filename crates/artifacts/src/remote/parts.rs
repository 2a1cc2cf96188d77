//! The bytes of an upload on their way to a store, gathered into parts.

use crate::{ArtifactError, digest::Verifier};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use object_store::PutPayload;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of the first parts of an upload. Stores take no less than 5 MiB; more costs memory.
pub(super) const PART_BYTES: u64 = 8 * 1024 * 1024;
/// Parts of that size that all uploads together hold in memory.
const SLOTS: u32 = 12;
/// Bytes of a piece of a part: what an upload may hold without a slot.
const SEGMENT_BYTES: usize = 256 * 1024;
/// Parts of an upload at most: the limit of S3 is 10,000, and GCS has the same.
const PARTS: u64 = 10_000;
/// Parts after which they double, where nobody knows how many there will be: ten steps reach 5 TiB,
/// the largest object of S3, long before the last part.
const PARTS_OF_ONE_SIZE: u64 = 1000;

/// The memory that all uploads share for their parts. Who finds none waits, and so does its client.
#[derive(Debug, Clone)]
pub(super) struct PartSlots(Arc<Semaphore>);

impl Default for PartSlots {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(SLOTS as usize)))
    }
}

impl PartSlots {
    /// Waits for room for a part of `bytes`; a large one takes the room of several, or all there is.
    async fn take(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let wanted = u32::try_from(bytes.div_ceil(PART_BYTES)).unwrap_or(SLOTS).min(SLOTS);
        // It is never closed.
        Arc::clone(&self.0).acquire_many_owned(wanted).await.ok()
    }
}

/// How large the parts of one upload are.
#[derive(Debug, Clone, Copy)]
pub(super) struct PartSizes {
    first: u64,
    grows: bool,
}

impl PartSizes {
    /// Those of an upload of `length` bytes, if anybody knows.
    pub(super) fn new(length: Option<u64>, is_uniform: bool) -> Self {
        match length {
            Some(length) => Self { first: length.div_ceil(PARTS).max(PART_BYTES), grows: false },
            None => Self { first: PART_BYTES, grows: !is_uniform },
        }
    }

    /// Bytes of the part at `index`.
    pub(super) fn at(self, index: u64) -> u64 {
        let doublings = if self.grows { index / PARTS_OF_ONE_SIZE } else { 0 };
        self.first << doublings.min(10)
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
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let mut segments = Vec::new();
        let mut segment = BytesMut::new();
        let (mut gathered, mut slot) = (0, None);
        while gathered < bytes && self.fill().await? {
            if gathered == SEGMENT_BYTES {
                slot = self.slots.take(bytes as u64).await;
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
            }
        }
        if !segment.is_empty() {
            segments.push(segment.freeze());
        }
        // To be known now: a body of just one part needs no other.
        let is_last = gathered < bytes || !self.fill().await?;
        Ok(Part { payload: segments.into_iter().collect(), is_last, slot })
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
    fn any_object_that_stores_take_fits_into_its_parts() {
        let largest = 5 * 1024_u64.pow(4);
        let known = PartSizes::new(Some(largest), false);
        assert!(known.at(0) * PARTS >= largest);
        let unknown = PartSizes::new(None, false);
        assert!((0..PARTS).map(|index| unknown.at(index)).sum::<u64>() >= largest);
        assert_eq!(PartSizes::new(None, true).at(9_999), PART_BYTES);
        assert_eq!(PartSizes::new(Some(1), false).at(0), PART_BYTES);
    }
}
