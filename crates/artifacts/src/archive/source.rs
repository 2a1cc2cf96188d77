//! The bytes of an archive that is unpacked: decompressed, counted, and never more than expected.

use super::heads::Heads;
use crate::ArtifactError;
use async_compression::{
    tokio::bufread::{GzipDecoder, ZstdDecoder},
    zstd::DParameter,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use std::{
    error::Error,
    fmt, io,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, ReadBuf},
    task::coop::poll_proceed,
};
use tokio_util::io::StreamReader;

/// Bytes of what stands between two members: their names and attributes. The reader holds them in memory.
const HEAD_BYTES: u64 = 1024 * 1024;
/// Zeros behind the end of an archive: tapes have records, and `tar` fills the last of them.
const TAIL_BYTES: u64 = 16 * 1024 * 1024;
/// The window of a decoder is memory. RFC 8878 (section 3.1.1.1.2) asks decoders for 8 MiB, and `zstd`
/// uses no more up to level 19.
const WINDOW_LOG: u32 = 23;
/// How many times its size an archive may have unpacked: deflate can't shrink anything further, and
/// what Zstandard shrinks further is made to fill disks, or is empty.
const LARGEST_RATIO: u64 = 1032;
/// What any archive may have unpacked, however small it is.
const FREE_BYTES: u64 = 1024 * 1024 * 1024;

/// How an archive is compressed that is unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtractFormat {
    /// Not at all.
    Tar,
    /// With gzip.
    TarGz,
    /// With Zstandard.
    TarZst,
}

/// The decompressed bytes of an archive.
pub(super) struct Source {
    bytes: Pin<Box<dyn AsyncRead + Send>>,
    meter: Meter,
}

/// Knows what comes next in a [`Source`], and how much came.
#[derive(Clone, Default)]
pub(super) struct Meter(Arc<Counts>);

#[derive(Default)]
struct Counts {
    received: AtomicU64,
    unpacked: AtomicU64,
    /// Bytes that may come before something else is expected.
    allowed: AtomicU64,
    is_in_member: AtomicBool,
    /// There while headers may come.
    heads: Mutex<Option<Heads>>,
}

/// The body of the request broke, whatever is in it.
#[derive(Debug)]
struct Broken(Box<dyn Error + Send + Sync>);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Broken {}

impl Source {
    pub(super) fn new<S, E>(body: S, format: ExtractFormat) -> (Self, Meter)
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let meter = Meter::default();
        let counts = Arc::clone(&meter.0);
        let body = body.map(move |piece| match piece {
            Ok(bytes) => {
                counts.received.fetch_add(bytes.len() as u64, Relaxed);
                Ok(bytes)
            }
            Err(error) => Err(io::Error::other(Broken(error.into()))),
        });
        let body = StreamReader::new(body.boxed());
        let bytes: Pin<Box<dyn AsyncRead + Send>> = match format {
            ExtractFormat::Tar => Box::pin(body),
            ExtractFormat::TarGz => {
                let mut decoder = GzipDecoder::new(body);
                decoder.multiple_members(true);
                Box::pin(decoder)
            }
            ExtractFormat::TarZst => {
                let window = [DParameter::window_log_max(WINDOW_LOG)];
                let mut decoder = ZstdDecoder::with_params(body, &window);
                decoder.multiple_members(true);
                Box::pin(decoder)
            }
        };
        (Self { bytes, meter: meter.clone() }, meter)
    }
}

impl Meter {
    /// What tells of the next member follows at this place of the archive, or the end.
    pub(super) fn expect_head(&self, at: u64) {
        self.expect(HEAD_BYTES, false);
        *self.heads() = Some(Heads::at(at));
    }

    /// A member's bytes follow.
    pub(super) fn expect_member(&self, size: u64) {
        self.expect(size, true);
    }

    /// Nothing follows but zeros.
    pub(super) fn expect_tail(&self) {
        self.expect(TAIL_BYTES, false);
    }

    fn expect(&self, bytes: u64, is_in_member: bool) {
        self.0.allowed.store(bytes, Relaxed);
        self.0.is_in_member.store(is_in_member, Relaxed);
        *self.heads() = None;
    }

    fn heads(&self) -> MutexGuard<'_, Option<Heads>> {
        self.0.heads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass(&self, piece: &[u8]) -> io::Result<()> {
        let (counts, bytes) = (&self.0, piece.len() as u64);
        if bytes == 0 && counts.is_in_member.load(Relaxed) {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive ends within it"));
        }
        let Some(allowed) = counts.allowed.load(Relaxed).checked_sub(bytes) else {
            let text = "it holds names or attributes of megabytes, or zeros behind its end";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        };
        counts.allowed.store(allowed, Relaxed);
        let before = counts.unpacked.fetch_add(bytes, Relaxed);
        if let Some(heads) = &mut *self.heads() {
            heads.pass(before, piece)?;
        }
        let unpacked = before + bytes;
        let most = counts.received.load(Relaxed).saturating_mul(LARGEST_RATIO);
        if unpacked > most.saturating_add(FREE_BYTES) {
            let text = format!(
                "it grows to more than {LARGEST_RATIO} times its size; send it uncompressed, as tar"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(())
    }
}

impl AsyncRead for Source {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Decompressing never waits, and others should have their turn.
        let turn = ready!(poll_proceed(context));
        let before = buffer.filled().len();
        ready!(self.bytes.as_mut().poll_read(context, buffer))?;
        turn.made_progress();
        Poll::Ready(self.meter.pass(&buffer.filled()[before..]))
    }
}

/// Tells a body that broke from an archive that is broken.
pub(super) fn explain(error: io::Error) -> ArtifactError {
    let text = error.to_string();
    if let Some(Ok(Broken(source))) =
        error.into_inner().map(|inner| inner.downcast::<Broken>().map(|broken| *broken))
    {
        return ArtifactError::BodyIncomplete(source);
    }
    if text.contains("too much memory") {
        return ArtifactError::BadArchive(
            "it can't be decompressed in 8 MiB of memory; compress it with zstd's level 19 or less, \
             without --long and --ultra"
                .to_owned(),
        );
    }
    ArtifactError::BadArchive(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_compression::tokio::write::{GzipEncoder, ZstdEncoder};
    use futures_util::stream;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn source(bytes: Vec<u8>, format: ExtractFormat) -> (Source, Meter) {
        let body = stream::iter([Ok::<_, io::Error>(Bytes::from(bytes))]);
        Source::new(body, format)
    }

    async fn read(bytes: Vec<u8>, format: ExtractFormat) -> io::Result<Vec<u8>> {
        let (mut source, meter) = source(bytes, format);
        meter.expect_tail();
        let mut all = Vec::new();
        source.read_to_end(&mut all).await.map(|_| all)
    }

    async fn zstd(bytes: &[u8], parameters: &[async_compression::zstd::CParameter]) -> Vec<u8> {
        let level = async_compression::Level::Default;
        let mut encoder = ZstdEncoder::with_quality_and_params(Vec::new(), level, parameters);
        encoder.write_all(bytes).await.unwrap();
        encoder.shutdown().await.unwrap();
        encoder.into_inner()
    }

    #[tokio::test]
    async fn what_was_compressed_comes_back() {
        let bytes = b"hello ".repeat(100_000);
        let mut gzip = GzipEncoder::new(Vec::new());
        gzip.write_all(&bytes).await.unwrap();
        gzip.shutdown().await.unwrap();
        let (gzip, zstd) = (gzip.into_inner(), zstd(&bytes, &[]).await);
        assert_eq!(read(gzip.clone(), ExtractFormat::TarGz).await.unwrap(), bytes);
        assert_eq!(read(zstd.clone(), ExtractFormat::TarZst).await.unwrap(), bytes);
        assert_eq!(read(bytes.clone(), ExtractFormat::Tar).await.unwrap(), bytes);
        let twice = [zstd.as_slice(), &zstd].concat();
        assert_eq!(read(twice, ExtractFormat::TarZst).await.unwrap().len(), 2 * bytes.len());
        for (cut, format) in [(gzip, ExtractFormat::TarGz), (zstd, ExtractFormat::TarZst)] {
            let cut = cut[..cut.len() - 5].to_vec();
            assert!(matches!(
                explain(read(cut, format).await.unwrap_err()),
                ArtifactError::BadArchive(_)
            ));
        }
    }

    #[tokio::test]
    async fn large_windows_are_refused() {
        let bytes = vec![7; 1 << 20];
        let window = async_compression::zstd::CParameter::window_log(27);
        let content_size = async_compression::zstd::CParameter::content_size_flag(false);
        let error = read(zstd(&bytes, &[window, content_size]).await, ExtractFormat::TarZst).await;
        let error = explain(error.unwrap_err()).to_string();
        assert!(error.contains("--long"), "{error}");
    }

    #[tokio::test]
    async fn a_bomb_is_noticed_while_it_goes_off() {
        let (source, meter) = source(zstd(&vec![0; 16 << 20], &[]).await, ExtractFormat::TarZst);
        meter.expect_member(u64::MAX);
        // As if it were the second gigabyte.
        meter.0.unpacked.store(FREE_BYTES, Relaxed);
        let mut source = source.take(16 << 20);
        let error = tokio::io::copy(&mut source, &mut tokio::io::sink()).await.unwrap_err();
        assert!(error.to_string().contains("uncompressed"), "{error}");
    }

    #[tokio::test]
    async fn no_more_comes_than_is_expected() {
        let (mut source, meter) = source(vec![0; 100], ExtractFormat::Tar);
        meter.expect(50, false);
        let mut buffer = [0; 60];
        assert!(source.read_exact(&mut buffer[..50]).await.is_ok());
        assert!(source.read(&mut buffer[..1]).await.is_err());
        meter.expect_member(60);
        let error = source.read_exact(&mut buffer).await.unwrap_err();
        assert!(error.to_string().contains("ends within it"), "{error}");
    }
}
