//! A local destination, used from async code.

use super::{Leftover, Local, Upload};
use crate::{
    ArtifactError, ArtifactPath, ListOptions, Listing, Metadata, OpenError, PutOptions,
    incoming::{Gathered, InFlight, Incoming},
    off_thread::{OffThread, Writeback, blocking, joined},
};
use bytes::Bytes;
use futures_util::Stream;
use std::{
    fs::File,
    io,
    ops::Range,
    path::PathBuf,
    sync::{Arc, atomic::AtomicUsize},
};
use tokio::{sync::Semaphore, task::spawn_blocking};

/// Bytes read from the disk at once: large enough that a read costs little beside its bytes, small
/// enough that a hundred stalled readers stay small together.
const READ_BYTES: usize = 256 * 1024;

/// Writes to the disk at once. More of them only wait for each other: uploads of small files came
/// close to their most flushes a second at 16.
const WRITERS: usize = 16;

/// The artifacts of a folder of this machine. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct LocalStore {
    local: Arc<Local>,
    /// How many uploads are in flight.
    uploads: Arc<AtomicUsize>,
    /// Leaves some blocking threads to readers while the disk is slow to take what is written.
    writers: Arc<Semaphore>,
}

impl LocalStore {
    pub(crate) async fn open(path: PathBuf) -> Result<Self, OpenError> {
        blocking(move || Local::open(path)).await.map(Self::new)
    }

    pub(crate) async fn open_to_read(path: PathBuf) -> Result<Self, OpenError> {
        blocking(move || Local::open_to_read(path)).await.map(Self::new)
    }

    fn new(local: Local) -> Self {
        let writers = Arc::new(Semaphore::new(WRITERS));
        Self { local: Arc::new(local), uploads: Arc::default(), writers }
    }

    pub(crate) async fn close(self) {
        blocking(move || self.local.close()).await;
    }

    pub(crate) async fn probe(&self) -> Result<(), ArtifactError> {
        let local = Arc::clone(&self.local);
        blocking(move || local.probe()).await
    }

    pub(crate) async fn leftovers(&self) -> Result<Vec<Leftover>, ArtifactError> {
        let local = Arc::clone(&self.local);
        blocking(move || local.leftovers()).await
    }

    pub(crate) async fn sweep_leftovers(&self) -> Result<(), ArtifactError> {
        let local = Arc::clone(&self.local);
        blocking(move || local.sweep_leftovers()).await
    }

    pub(crate) async fn is_writable(&self) -> bool {
        let local = Arc::clone(&self.local);
        blocking(move || local.is_writable()).await
    }

    pub(crate) async fn put<S, E>(
        &self,
        path: ArtifactPath,
        body: S,
        options: PutOptions,
    ) -> Result<Metadata, ArtifactError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut body = Incoming::new(body, options.max_bytes, InFlight::new(&self.uploads));
        let mut upload = OffThread::new(Upload::new(Arc::clone(&self.local), path, options));
        let mut writeback = Writeback::default();
        let mut gathered = body.gather().await?;
        while !gathered.is_last {
            let writing = self.write(upload, gathered);
            let (next, written) = tokio::join!(body.gather(), writing);
            upload = written?;
            gathered = next?;
            writeback.push(&upload).await?;
        }
        writeback.finish().await?;
        let permit = self.writers.acquire().await;
        // What fits one gathering needs one trip to the disk, not two.
        let stored = blocking(move || {
            let mut upload = upload.into_inner();
            if gathered.bytes > 0 {
                upload.write(&gathered.chunks)?;
            }
            upload.publish()
        })
        .await;
        drop(permit);
        stored
    }

    /// Hands what was gathered to the disk, while more comes in.
    async fn write(
        &self,
        mut upload: OffThread<Upload>,
        gathered: Gathered,
    ) -> Result<OffThread<Upload>, ArtifactError> {
        let permit = self.writers.acquire().await;
        let (upload, result, chunks) = blocking(move || {
            let result = upload.get_mut().write(&gathered.chunks);
            // Given back, to be freed by the threads that allocated them.
            (upload, result, gathered.chunks)
        })
        .await;
        drop((permit, chunks));
        result.map(|()| upload)
    }

    pub(crate) async fn get(
        &self,
        path: ArtifactPath,
    ) -> Result<(LocalFile, Metadata), ArtifactError> {
        let local = Arc::clone(&self.local);
        let (file, metadata) = blocking(move || local.open_file(&path)).await?;
        Ok((LocalFile(Arc::new(file)), metadata))
    }

    pub(crate) async fn list(
        &self,
        folder: Option<ArtifactPath>,
        options: ListOptions,
    ) -> Result<Listing, ArtifactError> {
        let local = Arc::clone(&self.local);
        blocking(move || local.list(folder.as_ref(), &options)).await
    }

    pub(crate) async fn delete(&self, path: ArtifactPath) -> Result<(), ArtifactError> {
        let local = Arc::clone(&self.local);
        blocking(move || local.delete(&path)).await
    }

    pub(crate) async fn prune_above(&self, path: ArtifactPath) -> Result<(), ArtifactError> {
        let local = Arc::clone(&self.local);
        blocking(move || local.prune_above(&path)).await
    }
}

/// A file that is open for reading.
#[derive(Debug, Clone)]
pub(crate) struct LocalFile(Arc<File>);

impl LocalFile {
    /// The bytes of `range`, which must lie within the file, in pieces of at most 256 KiB. One piece
    /// is read ahead while the one before is sent.
    pub(crate) fn read(
        &self,
        range: Range<u64>,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
        let read_at = {
            let file = Arc::clone(&self.0);
            move |range: &Range<u64>| {
                let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
                let length = length.min(READ_BYTES);
                let (file, offset) = (Arc::clone(&file), range.start);
                // Allocated here, not on one of the many threads that read: each of them would keep
                // some memory for itself.
                let buffer = Vec::with_capacity(length);
                (length > 0)
                    .then(|| spawn_blocking(move || fill_from(&file, offset, buffer, length)))
            }
        };
        let first = read_at(&range);
        futures_util::stream::try_unfold((first, range), move |(reading, mut range)| {
            let read_at = read_at.clone();
            async move {
                let Some(reading) = reading else { return Ok(None) };
                let piece = joined(reading.await)?;
                range.start += piece.len() as u64;
                let next = read_at(&range);
                Ok(Some((piece, (next, range))))
            }
        })
    }
}

/// Reads `length` bytes at `offset`; a file that has become shorter is an error, so that the
/// connection breaks instead of ending early unnoticed.
fn fill_from(file: &File, offset: u64, mut buffer: Vec<u8>, length: usize) -> io::Result<Bytes> {
    while buffer.len() < length {
        let position = offset + buffer.len() as u64;
        match rustix::io::pread(file, rustix::buffer::spare_capacity(&mut buffer), position) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // The allocator may give more than was asked for, and the file may have grown.
    buffer.truncate(length);
    Ok(buffer.into())
}
