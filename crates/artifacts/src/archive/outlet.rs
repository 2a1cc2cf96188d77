//! Where the bytes of an archive leave what writes it.

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, future::ready, stream};
use std::io;
use tokio::sync::mpsc;

/// Bytes that are gathered before they are sent.
const GATHERED_BYTES: usize = 64 * 1024;
/// Pieces of at least so many bytes are sent as they are; copying smaller ones costs less than sending
/// each by itself.
const WORTH_SENDING: usize = 16 * 1024;

/// Takes what is written, piece by piece, as quickly as the client takes it.
pub(super) struct Outlet {
    pieces: mpsc::Sender<Bytes>,
    gathered: BytesMut,
}

impl Outlet {
    /// Sends a few bytes, some time.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= GATHERED_BYTES { self.flush().await } else { Ok(()) }
    }

    /// Sends a piece, without copying it if it is large.
    pub(super) async fn pass(&mut self, piece: Bytes) -> io::Result<()> {
        if piece.len() < WORTH_SENDING {
            return self.write(&piece).await;
        }
        self.flush().await?;
        self.send(piece).await
    }

    /// Sends what was gathered.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        let gathered = self.gathered.split().freeze();
        if gathered.is_empty() { Ok(()) } else { self.send(gathered).await }
    }

    async fn send(&self, piece: Bytes) -> io::Result<()> {
        self.pieces.send(piece).await.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// What `write` writes, as a stream that ends with its error if it fails. It works only while the
/// stream is asked for more, and is dropped with it.
pub(super) fn stream_of<F>(
    write: impl FnOnce(Outlet) -> F,
) -> impl Stream<Item = io::Result<Bytes>> + Send
where
    F: Future<Output = io::Result<()>> + Send,
{
    let (pieces, mut written) = mpsc::channel(1);
    let writing = stream::once(write(Outlet { pieces, gathered: BytesMut::new() }));
    let failure = writing.filter_map(|done| ready(done.err().map(Err)));
    stream::select(stream::poll_fn(move |context| written.poll_recv(context)).map(Ok), failure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::TryStreamExt;

    #[tokio::test]
    async fn small_pieces_are_gathered_and_order_is_kept() {
        let stream = stream_of(|mut outlet| async move {
            for _ in 0..1000 {
                outlet.write(&[1; 100]).await?;
            }
            outlet.pass(vec![2; WORTH_SENDING].into()).await?;
            outlet.pass(vec![3; 3].into()).await?;
            outlet.flush().await
        });
        let pieces: Vec<Bytes> = stream.try_collect().await.unwrap();
        let mut expected = vec![1; 100_000];
        expected.extend([2; WORTH_SENDING]);
        expected.extend([3; 3]);
        assert_eq!(pieces.concat(), expected);
        assert_eq!(pieces.len(), 4);
    }

    #[tokio::test]
    async fn a_failure_ends_the_stream_with_an_error() {
        let stream = stream_of(|mut outlet| async move {
            outlet.pass(vec![2; WORTH_SENDING].into()).await?;
            Err(io::Error::other("broken"))
        });
        assert!(stream.try_collect::<Vec<Bytes>>().await.is_err());
    }
}
