//! The bytes of an upload on their way from the socket.

use crate::ArtifactError;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Bytes gathered from the socket before they are handed to the disk, at most: enough that the
/// hand-over costs little beside the bytes.
const WRITE_BYTES: usize = 512 * 1024;
/// Bytes that all uploads together gather at once; when there are many, each gathers less.
const GATHERED_BYTES: usize = 4 * 1024 * 1024;
/// The least that an upload gathers, however many there are.
const LEAST_WRITE_BYTES: usize = 64 * 1024;

/// A body, gathered into pieces that are worth a trip to the disk.
pub(crate) struct Incoming<S> {
    body: S,
    left: Option<u64>,
    limit: Option<u64>,
    uploads: InFlight,
}

/// One of the uploads in flight, as long as it lives.
pub(crate) struct InFlight(Arc<AtomicUsize>);

impl InFlight {
    pub(crate) fn new(uploads: &Arc<AtomicUsize>) -> Self {
        uploads.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(uploads))
    }

    /// How many there are, this one included.
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed).max(1)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is worth a trip to the disk.
#[derive(Default)]
pub(crate) struct Gathered {
    pub(crate) chunks: Vec<Bytes>,
    pub(crate) bytes: usize,
    /// Whether the body ends with these.
    pub(crate) is_last: bool,
}

impl<S, E> Incoming<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// A body of at most `limit` bytes.
    pub(crate) fn new(body: S, limit: Option<u64>, uploads: InFlight) -> Self {
        Self { body, left: limit, limit, uploads }
    }

    /// As much as is worth a trip to the disk, or less at the end of the body.
    pub(crate) async fn gather(&mut self) -> Result<Gathered, ArtifactError> {
        let mut gathered = Gathered::default();
        while gathered.bytes < self.share() {
            let Some(chunk) = self.body.next().await else {
                gathered.is_last = true;
                break;
            };
            let chunk = chunk.map_err(|error| ArtifactError::BodyIncomplete(error.into()))?;
            if let (Some(left), Some(limit)) = (&mut self.left, self.limit) {
                *left = left
                    .checked_sub(chunk.len() as u64)
                    .ok_or(ArtifactError::TooLarge { limit })?;
            }
            gathered.bytes += chunk.len();
            gathered.chunks.push(chunk);
        }
        Ok(gathered)
    }

    /// This upload's share of what all may gather.
    fn share(&self) -> usize {
        (GATHERED_BYTES / self.uploads.count()).clamp(LEAST_WRITE_BYTES, WRITE_BYTES)
    }
}
