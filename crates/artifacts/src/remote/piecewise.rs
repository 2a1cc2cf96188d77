//! A request whose body is sent in pieces, as they come.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use reqwest::Body;
use std::{
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

/// Pieces of a body that wait for the socket.
const WAITING_PIECES: usize = 2;

/// A request under way. When it is dropped before its answer is waited for, the connection breaks.
#[derive(Debug)]
pub(super) struct Piecewise<T> {
    pieces: mpsc::Sender<Option<Bytes>>,
    request: Mutex<Option<JoinHandle<T>>>,
    /// Time for a piece to be taken, and for the answer.
    patience: Duration,
}

/// Why a piece was not taken, or no answer came.
#[derive(Debug)]
pub(super) enum Broken {
    /// The other side has answered, or the request was given up.
    Over,
    /// The other side lets us wait.
    Late,
}

impl<T: Send + 'static> Piecewise<T> {
    /// Begins the request that is made with the body.
    pub(super) fn begin<F>(patience: Duration, request: impl FnOnce(Body) -> F) -> Self
    where
        F: Future<Output = T> + Send + 'static,
    {
        let (pieces, waiting) = mpsc::channel(WAITING_PIECES);
        let body = Body::wrap_stream(stream::unfold(waiting, next_piece).fuse());
        let request = Mutex::new(Some(tokio::spawn(request(body))));
        Self { pieces, request, patience }
    }

    /// Sends bytes, or the end of the body.
    pub(super) async fn send(&self, piece: Option<Bytes>) -> Result<(), Broken> {
        match timeout(self.patience, self.pieces.send(piece)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Broken::Over),
            Err(_) => Err(Broken::Late),
        }
    }

    /// Waits for the answer, which there is once.
    pub(super) async fn answer(&self) -> Result<T, Broken> {
        let Some(mut request) = self.request().take() else { return Err(Broken::Over) };
        let Ok(answer) = timeout(self.patience, &mut request).await else {
            request.abort();
            return Err(Broken::Late);
        };
        answer.map_err(|_| Broken::Over)
    }
}

impl<T> Piecewise<T> {
    /// Breaks the connection.
    pub(super) fn cut(&self) {
        if let Some(request) = self.request().take() {
            request.abort();
        }
    }

    fn request(&self) -> MutexGuard<'_, Option<JoinHandle<T>>> {
        self.request.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Drop for Piecewise<T> {
    fn drop(&mut self) {
        self.cut();
    }
}

/// What is sent next: bytes, or the end of the file. A channel that closes without saying so belongs
/// to an upload that broke, which must not look like the end.
async fn next_piece(
    mut waiting: mpsc::Receiver<Option<Bytes>>,
) -> Option<(io::Result<Bytes>, mpsc::Receiver<Option<Bytes>>)> {
    match waiting.recv().await {
        Some(Some(bytes)) => Some((Ok(bytes), waiting)),
        Some(None) => None,
        None => Some((Err(io::ErrorKind::UnexpectedEof.into()), waiting)),
    }
}
