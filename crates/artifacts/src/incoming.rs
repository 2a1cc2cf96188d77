//! The bytes of an upload on their way from the socket.

use crate::ArtifactError;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Bytes gathered from the socket before they are handed to the disk, at most: enough that the
/// hand-over costs little beside the bytes.
const WRITE_BYTES: usize = 512 * 1024;
/// Bytes that all uploads together gather at once; when there are many, each gathers less.
const GATHERED_BYTES: usize = 4 * 1024 * 1024;
/// The least that an upload gathers, however many there are.
const LEAST_WRITE_BYTES: usize = 64 * 1024;
/// Pieces of fewer bytes are copied together: each would hold the buffer into which the connection was
/// read, which has so many bytes at least.
const COPIED_BYTES: usize = 8 * 1024;

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
    /// Small pieces that are in no chunk yet.
    small: BytesMut,
}

impl Gathered {
    fn add(&mut self, piece: Bytes) {
        self.bytes += piece.len();
        if piece.len() < COPIED_BYTES {
            self.small.extend_from_slice(&piece);
        } else {
            self.join_small();
            self.chunks.push(piece);
        }
    }

    /// Makes a chunk of the small pieces.
    fn join_small(&mut self) {
        if !self.small.is_empty() {
            self.chunks.push(mem::take(&mut self.small).freeze());
        }
    }
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
            gathered.add(chunk);
        }
        gathered.join_small();
        Ok(gathered)
    }

    /// This upload's share of what all may gather.
    fn share(&self) -> usize {
        (GATHERED_BYTES / self.uploads.count()).clamp(LEAST_WRITE_BYTES, WRITE_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use std::convert::Infallible;

    #[tokio::test]
    async fn small_pieces_are_joined_and_hold_no_buffers() {
        let buffers = (0..=250_u8).cycle().take(1000).map(|byte| vec![byte; COPIED_BYTES]);
        let small: Vec<Bytes> = buffers.map(Bytes::from).collect();
        let large = Bytes::from(vec![7; COPIED_BYTES]);
        let bytes = || small.iter().map(|buffer| buffer.slice(..1));
        let pieces: Vec<Bytes> =
            bytes().chain([large.clone(), Bytes::new()]).chain(bytes()).collect();
        let expected: Vec<u8> = pieces.concat();

        let body = stream::iter(pieces.into_iter().map(Ok::<_, Infallible>));
        let gathered =
            Incoming::new(body, None, InFlight::new(&Arc::default())).gather().await.unwrap();
        assert!(gathered.is_last);
        assert_eq!(gathered.bytes, expected.len());
        assert_eq!(gathered.chunks.len(), 3);
        assert!(gathered.chunks.concat() == expected);
        assert_eq!(gathered.chunks[1].as_ptr(), large.as_ptr(), "what is large is not copied");
        assert!(small.iter().all(Bytes::is_unique));
    }
}
