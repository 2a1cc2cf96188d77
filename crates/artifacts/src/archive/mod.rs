//! Folders as archives: one that is sent, and one that is unpacked.
//!
//! Both are streams on any destination: an archive is never whole in memory or on a disk here. What
//! makes them quick on stores with a long way to them are small files, of which the next few are read
//! ahead or are stored side by side.

mod deflate;
mod extract;
mod heads;
mod member;
mod outlet;
mod source;
mod tar;
mod walk;
mod zip;

pub use extract::{ExtractError, ExtractOptions, Extracted};
pub use source::ExtractFormat;

use crate::{ArtifactError, ArtifactPath, Service};
use async_compression::{Level, tokio::bufread::ZstdEncoder, zstd::CParameter};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream, stream::BoxStream};
use outlet::stream_of;
use std::{io, sync::Arc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::io::{ReaderStream, StreamReader};
use walk::Walk;

/// Members of an archive that is unpacked, and of a zip, whose list is in memory until its end. The
/// largest data sets that are kept as single files have about as many.
pub const MAX_MEMBERS: u64 = 1_000_000;

/// Bytes of a file that may be in memory whole.
const SMALL_FILE_BYTES: u64 = 256 * 1024;
/// Small files of one archive that are read ahead, or stored, at once.
const SMALL_FILES: usize = 8;
/// Bytes of small files that all archives together hold in memory. Where they don't fit any more, files
/// are read and stored one after the other.
const ROOM_BYTES: usize = 16 * 1024 * 1024;
/// What a file takes in memory at least.
const LEAST_ROOM_BYTES: u64 = 4 * 1024;
/// Bytes that are compressed before others have their turn: less than a millisecond's work.
const SLICE_BYTES: usize = 64 * 1024;

/// How a folder is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveFormat {
    /// As GNU tar writes it, which every other tar reads.
    Tar,
    /// The same, compressed with Zstandard.
    TarZst,
    /// Compressed with deflate, and with zip64 where it is needed.
    Zip,
}

/// The memory that all archives of a service share for small files.
#[derive(Debug, Clone)]
pub(crate) struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM_BYTES)))
    }
}

impl Room {
    /// Room for a small file, if there is any now.
    fn take(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        if bytes > SMALL_FILE_BYTES {
            return None;
        }
        let bytes = u32::try_from(bytes.max(LEAST_ROOM_BYTES)).ok()?;
        Arc::clone(&self.0).try_acquire_many_owned(bytes).ok()
    }
}

impl Service {
    /// The files of a folder and of all folders below it as one archive, in which all of them lie in a
    /// folder called `top`. They come in the order of a recursive listing. A file that is deleted
    /// before its turn is left out; one that can't be read ends the stream with an error.
    pub async fn archive(
        &self,
        folder: ArtifactPath,
        top: &str,
        format: ArchiveFormat,
    ) -> Result<BoxStream<'static, io::Result<Bytes>>, ArtifactError> {
        let path = folder.clone();
        let walk = Walk::start(self.clone(), folder, top.to_owned()).await?;
        let archive = match format {
            ArchiveFormat::Tar => stream_of(|outlet| tar::write(walk, outlet)).boxed(),
            ArchiveFormat::TarZst => zstd(stream_of(|outlet| tar::write(walk, outlet))).boxed(),
            ArchiveFormat::Zip => stream_of(|outlet| zip::write(walk, outlet)).boxed(),
        };
        let log = move |error: &io::Error| tracing::warn!(%path, %error, "an archive broke off");
        Ok(archive.inspect_err(log).boxed())
    }

    /// Whether there is such a folder: what is said of one that there is not is said by
    /// [`Service::archive`], too.
    pub async fn check_folder(&self, folder: &ArtifactPath) -> Result<(), ArtifactError> {
        walk::first_page(self, folder, 1).await.map(drop)
    }
}

fn zstd(
    tar: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let reader = StreamReader::new(sliced(tar).boxed());
    let checksum = [CParameter::checksum_flag(true)];
    let encoder = ZstdEncoder::with_quality_and_params(reader, Level::Default, &checksum);
    ReaderStream::with_capacity(encoder, SLICE_BYTES)
}

/// The same bytes in pieces that are quickly compressed, between which other tasks have their turn.
fn sliced(
    stream: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::try_unfold((stream.boxed(), Bytes::new()), |(mut stream, mut rest)| async move {
        if rest.is_empty() {
            let Some(piece) = stream.try_next().await? else { return Ok(None) };
            rest = piece;
        }
        tokio::task::yield_now().await;
        let slice = rest.split_to(rest.len().min(SLICE_BYTES));
        Ok(Some((slice, (stream, rest))))
    })
}
