//! Work on the disk, kept away from the threads that serve all requests.

use crate::{ArtifactError, local::Upload};
use tokio::{
    runtime::Handle,
    task::{JoinError, JoinHandle, spawn_blocking},
};

/// Bytes after which an upload starts writing back while more come in, so that the flush at its end
/// is short.
const WRITEBACK_BYTES: u64 = 8 * 1024 * 1024;

/// Pushes a long upload's bytes to the disk while more come in.
#[derive(Default)]
pub(crate) struct Writeback {
    /// Bytes of the file when it was last pushed.
    pushed: u64,
    running: Option<JoinHandle<Result<(), ArtifactError>>>,
}

impl Writeback {
    /// Starts to write back, when there is enough and nothing runs.
    pub(crate) async fn push(&mut self, upload: &OffThread<Upload>) -> Result<(), ArtifactError> {
        let upload = upload.get();
        if upload.written() < self.pushed + WRITEBACK_BYTES
            || self.running.as_ref().is_some_and(|running| !running.is_finished())
        {
            return Ok(());
        }
        self.finish().await?;
        self.pushed = upload.written();
        self.running = upload.flusher().map(spawn_blocking);
        Ok(())
    }

    /// Waits for what runs. Its error must be heard: the system tells it once, and the flush before
    /// the file is published would find nothing wrong.
    pub(crate) async fn finish(&mut self) -> Result<(), ArtifactError> {
        match self.running.take() {
            Some(running) => joined(running.await),
            None => Ok(()),
        }
    }
}

/// A value that touches the disk when it is dropped: it is dropped on a thread that may wait.
pub(crate) struct OffThread<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> OffThread<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Some(value))
    }

    pub(crate) fn get(&self) -> &T {
        self.0.as_ref().expect("only into_inner() takes the value, and takes self with it")
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("only into_inner() takes the value, and takes self with it")
    }

    pub(crate) fn into_inner(mut self) -> T {
        self.0.take().expect("only into_inner() takes the value, and takes self with it")
    }
}

impl<T: Send + 'static> Drop for OffThread<T> {
    fn drop(&mut self) {
        if let (Some(value), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn_blocking(move || drop(value));
        }
    }
}

/// Does what blocks, on a thread that may.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    joined(spawn_blocking(work).await)
}

/// The result of a blocking task; its panic goes on in the request that waits for it.
pub(crate) fn joined<T>(result: Result<T, JoinError>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Blocking tasks are only cancelled when the runtime itself shuts down.
            Err(error) => panic!("a blocking task was cancelled: {error}"),
        },
    }
}
