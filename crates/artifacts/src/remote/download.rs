//! Downloads: one request for a whole file, and one for each range of it.

use super::{
    Remote, StoreKind,
    error::{explain, may_be_about_range},
};
use crate::{
    ArtifactError, ArtifactPath, Metadata, Part, Wanted, cache::CachedObject,
    metadata::with_http_date,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream, stream::BoxStream};
use object_store::{GetOptions, GetRange, ObjectMeta, path::Path};
use std::{
    fmt, io,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

/// How long ago a file on a host must have been written to be cached: one that is written within the
/// same tick of the host's clock, or of one that goes wrong a little, looks the same.
const SETTLED: Duration = Duration::from_mins(1);

/// A file in a store. What is read is what was there when it was opened, or an error.
#[derive(Clone)]
pub(crate) struct RemoteFile {
    remote: Remote,
    key: Path,
    size: u64,
    /// As the store writes it, where it is a strong one.
    etag: Option<String>,
    /// The bytes that were asked for together with what is known of the file.
    body: Arc<Mutex<Option<Body>>>,
    /// Where its blocks are kept, with a cache.
    cached: Option<CachedObject>,
}

/// The bytes of a range, on their way.
struct Body {
    range: Range<u64>,
    bytes: BoxStream<'static, object_store::Result<Bytes>>,
}

impl Remote {
    /// Opens a file: with the bytes that will be wanted, unless a cache may have them, or only with what is
    /// known of it.
    pub(crate) async fn get(
        &self,
        path: &ArtifactPath,
        wanted: Wanted,
    ) -> Result<(RemoteFile, Metadata), ArtifactError> {
        let key = self.key(path)?;
        let found = match wanted {
            _ if self.0.cache.is_some() => self.known_of(&key).await,
            Wanted::Some => self.known_of(&key).await,
            Wanted::Whole => self.opened(&key, None).await,
            Wanted::Part(part) => match self.opened(&key, Some(range_of(part))).await {
                // It lies behind the end, or the store knows no such range: the size will tell.
                Err(error) if may_be_about_range(&error) => self.known_of(&key).await,
                opened => opened,
            },
        };
        let (meta, body) = match found {
            Ok(found) => found,
            Err(error) => return Err(self.explain_missing(explain(&error, path)).await),
        };
        let file = RemoteFile {
            remote: self.clone(),
            cached: self.cached(&key, &meta),
            key,
            size: meta.size,
            etag: meta.e_tag.clone().filter(|etag| strong(etag).is_some()),
            body: Arc::new(Mutex::new(body)),
        };
        Ok((file, metadata_of(&meta)))
    }

    async fn known_of(&self, key: &Path) -> object_store::Result<(ObjectMeta, Option<Body>)> {
        self.stat(key).await.map(|meta| (meta, None))
    }

    async fn opened(
        &self,
        key: &Path,
        range: Option<GetRange>,
    ) -> object_store::Result<(ObjectMeta, Option<Body>)> {
        let options = GetOptions { range, ..GetOptions::default() };
        let found = self.store().get_opts(key, options).await?;
        let (meta, range) = (found.meta.clone(), found.range.clone());
        Ok((meta, Some(Body { range, bytes: found.into_stream() })))
    }

    /// An object in the cache: only one that a strong entity tag tells from its successors. On hosts it is
    /// made of size and time, and some of them count in seconds.
    fn cached(&self, key: &Path, meta: &ObjectMeta) -> Option<CachedObject> {
        let in_cache = self.0.cache.as_ref()?;
        if self.0.opened.traits.kind == StoreKind::Host {
            let modified = SystemTime::from(meta.last_modified);
            modified.elapsed().ok().filter(|age| *age >= SETTLED)?;
        }
        let etag = strong(meta.e_tag.as_deref()?)?;
        in_cache.cache.object(&in_cache.place, key.as_ref(), &etag, meta.size)
    }

    /// Tells a folder from what is not there.
    pub(super) async fn explain_missing(&self, error: ArtifactError) -> ArtifactError {
        match error {
            ArtifactError::NotFound(path) => match self.is_folder(&path).await {
                Ok(true) => ArtifactError::IsFolder(path.to_string()),
                Ok(false) => ArtifactError::NotFound(path),
                Err(error) => error,
            },
            error => error,
        }
    }
}

impl RemoteFile {
    /// The bytes of `range`, which must lie within the file.
    pub(crate) fn read(
        &self,
        range: Range<u64>,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
        let opened = {
            let mut body = self.body.lock().unwrap_or_else(PoisonError::into_inner);
            body.take_if(|body| body.range == range)
        };
        let length = range.end - range.start;
        let body = match (opened, &self.cached) {
            (Some(body), _) => self.resuming(range, body.bytes.map_err(io::Error::from).boxed()),
            (None, _) if range.is_empty() => stream::empty().boxed(),
            (None, Some(cached)) => {
                let file = self.clone();
                cached.read(range, Arc::new(move |range| file.open_resuming(range)))
            }
            (None, None) => self.open_resuming(range),
        };
        exactly(length, body)
    }

    /// The bytes of a part, asked for again from where they broke off.
    fn open_resuming(&self, range: Range<u64>) -> BoxStream<'static, io::Result<Bytes>> {
        let body = self.open_at(range.clone()).boxed();
        self.resuming(range, body)
    }

    /// The same for a body that has been asked for. Only an entity tag tells that the rest is of the same file.
    ///
    /// The store's own client does so, too, but only in the first minute of a download.
    fn resuming(
        &self,
        range: Range<u64>,
        body: BoxStream<'static, io::Result<Bytes>>,
    ) -> BoxStream<'static, io::Result<Bytes>> {
        if self.etag.is_none() {
            return body;
        }
        let file = self.clone();
        resuming(range, body, move |range| file.open_at(range).boxed()).boxed()
    }

    /// The bytes of a part, of this very version of the file.
    fn open_at(&self, range: Range<u64>) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
        let file = self.clone();
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            if_match: self.etag.clone(),
            ..GetOptions::default()
        };
        stream::once(async move {
            let found = file.remote.store().get_opts(&file.key, options).await?;
            // Not every store heeds the condition.
            if !file.is_same(&found.meta) {
                return Err(io::Error::other("the object was replaced while it was read"));
            }
            Ok(found.into_stream().map_err(io::Error::from))
        })
        .try_flatten()
    }

    /// Whether what was found is still the file that was opened, as far as the store tells.
    fn is_same(&self, found: &ObjectMeta) -> bool {
        let tags = self.etag.as_deref().zip(found.e_tag.as_deref());
        found.size == self.size && tags.is_none_or(|(own, found)| strong(own) == strong(found))
    }
}

impl fmt::Debug for RemoteFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteFile")
            .field("key", &self.key)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

fn range_of(part: Part) -> GetRange {
    match part {
        Part::Between(start, end) => GetRange::Bounded(start..end),
        Part::From(start) => GetRange::Offset(start),
        Part::Last(bytes) => GetRange::Suffix(bytes),
    }
}

/// Passes a body on, and opens the rest of it anew where it breaks, as long as each one brings something.
fn resuming<O>(
    range: Range<u64>,
    body: BoxStream<'static, io::Result<Bytes>>,
    open: O,
) -> impl Stream<Item = io::Result<Bytes>> + Send
where
    O: Fn(Range<u64>) -> BoxStream<'static, io::Result<Bytes>> + Send,
{
    let state = (range, body, false, open);
    stream::try_unfold(state, |(mut left, mut body, mut has_come, open)| async move {
        loop {
            match body.try_next().await {
                Ok(Some(bytes)) => {
                    left.start += bytes.len() as u64;
                    has_come |= !bytes.is_empty();
                    return Ok(Some((bytes, (left, body, has_come, open))));
                }
                Ok(None) => return Ok(None),
                Err(error) if !has_come || left.is_empty() => return Err(error),
                Err(error) => {
                    tracing::debug!(%error, ?left, "a download broke off, and is continued");
                    body = open(left.clone());
                    has_come = false;
                }
            }
        }
    })
}

/// Passes a body on, and fails where it has not the length that was promised to the client: the
/// connection then breaks instead of ending early unnoticed.
fn exactly(
    length: u64,
    body: impl Stream<Item = io::Result<Bytes>> + Send + Unpin,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::try_unfold((body, length), |(mut body, left)| async move {
        match body.try_next().await? {
            Some(bytes) => match left.checked_sub(bytes.len() as u64) {
                Some(left) => Ok(Some((bytes, (body, left)))),
                None => Err(io::Error::other("the store sent more than it promised")),
            },
            None if left > 0 => Err(io::ErrorKind::UnexpectedEof.into()),
            None => Ok(None),
        }
    })
}

/// What a store knows of an object, in our terms.
pub(super) fn metadata_of(meta: &ObjectMeta) -> Metadata {
    Metadata {
        size: meta.size,
        etag: meta.e_tag.as_deref().and_then(strong),
        modified: with_http_date(meta.last_modified.into()),
    }
}

/// A strong entity tag without its quotes; weak ones say too little.
pub(super) fn strong(etag: &str) -> Option<String> {
    if etag.starts_with("W/") {
        return None;
    }
    let bare = etag.strip_prefix('"').and_then(|etag| etag.strip_suffix('"')).unwrap_or(etag);
    (!bare.is_empty() && !bare.contains('"')).then(|| bare.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_strong_entity_tags_count() {
        assert_eq!(strong("\"abc-2\"").as_deref(), Some("abc-2"));
        assert_eq!(strong("0x8D").as_deref(), Some("0x8D"));
        for etag in ["W/\"abc\"", "\"\"", "", "a\"b"] {
            assert_eq!(strong(etag), None, "{etag}");
        }
    }

    #[test]
    fn whatever_time_a_store_tells_can_be_told_in_a_header() {
        let first = SystemTime::UNIX_EPOCH;
        for (modified, is_told) in [
            (first - Duration::from_hours(1), false),
            (first + Duration::from_hours(1), true),
            (first + Duration::from_mins(5_000_000_000), false),
        ] {
            let meta = ObjectMeta {
                location: Path::from("f"),
                last_modified: modified.into(),
                size: 1,
                e_tag: None,
                version: None,
            };
            let told = metadata_of(&meta).modified;
            assert_eq!(told == modified, is_told, "{modified:?}");
            assert_eq!(told, with_http_date(told));
        }
    }

    #[tokio::test]
    async fn a_body_of_another_length_breaks() {
        let body = |pieces: &'static [&'static [u8]]| {
            stream::iter(pieces.iter().map(|piece| Ok(Bytes::from_static(piece))))
        };
        for (length, is_whole) in [(5, true), (4, false), (6, false)] {
            let read: io::Result<Vec<Bytes>> =
                exactly(length, body(&[b"abc", b"de"])).try_collect().await;
            assert_eq!(read.is_ok(), is_whole, "{length}");
        }
    }

    #[tokio::test]
    async fn a_body_that_breaks_is_continued_as_long_as_something_comes() {
        let data = Bytes::from_static(b"0123456789");
        let broken = |range: Range<u64>, bytes: u64| {
            let (start, end) = (range.start, range.end.min(range.start + bytes));
            let index = |at| usize::try_from(at).unwrap();
            let piece = data.slice(index(start)..index(end));
            let rest = (end < range.end).then(|| Err(io::Error::other("broken")));
            stream::iter([Ok(piece)].into_iter().chain(rest)).boxed()
        };
        for bytes in [3, 10] {
            let open = move |range| broken(range, bytes);
            let read: io::Result<Vec<Bytes>> = resuming(1..9, open(1..9), open).try_collect().await;
            assert_eq!(read.unwrap().concat(), b"12345678", "{bytes}");
        }
        let nothing = |range| broken(range, 0);
        let read: io::Result<Vec<Bytes>> =
            resuming(1..9, broken(1..9, 3), nothing).try_collect().await;
        assert!(read.is_err());
    }
}
