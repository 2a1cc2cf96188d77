//! Downloads from another server, and what it knows of a file.

use super::{
    Server, broken,
    client::{Call, Failure, Patience},
    list::{Listed, described},
};
use crate::StoreTrouble;
use ::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use object_store::{
    Attributes, Error, GetOptions, GetResult, GetResultPayload, ObjectMeta, Result, path::Path,
};
use reqwest::Response;
use std::{future::ready, ops::Range, sync::atomic::Ordering, time::SystemTime};

use super::super::error::Trouble;

impl Server {
    /// A file, or a range of it, or only what is known of it.
    pub(super) async fn read(&self, key: &Path, options: GetOptions) -> Result<GetResult> {
        if options.head {
            let meta = self.stat(key).await?;
            options.check_preconditions(&meta)?;
            return Ok(found(meta.size..meta.size, meta, futures_util::stream::empty().boxed()));
        }
        let range = options.range.as_ref().map(|range| format!("bytes={}", in_header(range)));
        let response = self.fetch(key, Method::GET, range).await?;
        let (meta, answered) = self.describe(key, &response).await?;
        options.check_preconditions(&meta)?;
        let wanted = match &options.range {
            None => 0..meta.size,
            Some(range) => range
                .as_range(meta.size)
                .map_err(|error| Trouble::refused(format!("'{key}' has no such range: {error}")))?,
        };
        let failed_at = key.clone();
        let body = response.bytes_stream();
        let body = body.map_err(move |error| broken(&error, failed_at.as_ref()));
        let body = if answered == wanted {
            body.boxed()
        } else if answered == (0..meta.size) {
            cut(body, wanted.clone()).boxed()
        } else {
            let words =
                format!("the server there answered another range of '{key}' than asked for");
            return Err(Trouble { kind: StoreTrouble::Unavailable, words }.about(key.as_ref()));
        };
        Ok(found(wanted, meta, body))
    }

    /// What is known of a file.
    ///
    /// The reference has two entity tags for each, one for HEAD and one for GET, and only that of GET is
    /// seen by clients. Where its own artifacts are in an object store, it knows neither tag nor time,
    /// and would copy the whole file to answer: then the listing says all there is.
    async fn stat(&self, key: &Path) -> Result<ObjectMeta> {
        if self.is_mlferry().await? {
            let response = self.fetch(key, Method::HEAD, None).await?;
            return self.describe(key, &response).await.map(|(meta, _)| meta);
        }
        if self.0.is_without_lengths.load(Ordering::Relaxed) {
            return self.listed(key).await;
        }
        let mut response = self.fetch(key, Method::GET, Some("bytes=0-0".to_owned())).await?;
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            response = self.fetch(key, Method::GET, None).await?;
        }
        self.describe(key, &response).await.map(|(meta, _)| meta)
    }

    async fn fetch(&self, key: &Path, method: Method, range: Option<String>) -> Result<Response> {
        let range = range.and_then(|range| HeaderValue::try_from(range).ok());
        let headers = HeaderMap::from_iter(range.map(|range| (header::RANGE, range)));
        let is_mlferry = self.is_mlferry().await?;
        let patience = if is_mlferry { Patience::Full } else { Patience::NotAfter500 };
        let url = self.url(key).await?;
        let is_head = method == Method::HEAD;
        let mut call = Call { method, url, headers, body: None, patience };
        let mut outcome = self.0.client.send(&call).await;
        if !is_mlferry && outcome.as_ref().is_err_and(Failure::is_500) {
            // So the reference says that something is missing in an object store.
            self.listed(key).await?;
            call.patience = Patience::Full;
            outcome = self.0.client.send(&call).await;
        }
        let failure = match outcome {
            Ok(response) => return Ok(response),
            Err(failure) => failure,
        };
        // An answer to HEAD has no words that say what is wrong.
        let may_be_folder = is_head && failure.status == Some(StatusCode::BAD_REQUEST);
        let is_folder = failure.is_about_folder()
            || may_be_folder && self.look_up(key.as_ref()).await? == Some(Listed::Folder);
        Err(if is_folder { absent(key) } else { failure.into_error(key.as_ref()) })
    }

    /// What an answer says of its file, and which bytes of it are in its body.
    async fn describe(&self, key: &Path, response: &Response) -> Result<(ObjectMeta, Range<u64>)> {
        let headers = response.headers();
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let length = text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
        let (size, answered) = match (response.status(), text(header::CONTENT_RANGE)) {
            (StatusCode::PARTIAL_CONTENT, Some(range)) => {
                let (range, size) = read_content_range(range).ok_or_else(|| {
                    let words = format!("the server there answered the range '{range}'");
                    Trouble { kind: StoreTrouble::Unavailable, words }.about(key.as_ref())
                })?;
                (size, range)
            }
            (StatusCode::PARTIAL_CONTENT, None) => {
                let words = "the server there does not say which range it answered".to_owned();
                return Err(Trouble { kind: StoreTrouble::Unavailable, words }.about(key.as_ref()));
            }
            (StatusCode::RANGE_NOT_SATISFIABLE, _) => {
                return Err(Trouble::refused(format!("'{key}' has no such range")));
            }
            _ => {
                let Some(length) = length else {
                    self.0.is_without_lengths.store(true, Ordering::Relaxed);
                    let meta = self.listed(key).await?;
                    let answered = 0..meta.size;
                    return Ok((meta, answered));
                };
                (length, 0..length)
            }
        };
        let time =
            text(header::LAST_MODIFIED).and_then(|time| httpdate::parse_http_date(time).ok());
        let meta = ObjectMeta {
            last_modified: time.unwrap_or_else(SystemTime::now).into(),
            e_tag: text(header::ETAG).map(str::to_owned),
            ..described(key.clone(), size)
        };
        Ok((meta, answered))
    }

    async fn listed(&self, key: &Path) -> Result<ObjectMeta> {
        match self.look_up(key.as_ref()).await? {
            Some(Listed::File(size)) => Ok(described(key.clone(), size)),
            Some(Listed::Folder) | None => Err(absent(key)),
        }
    }
}

fn absent(key: &Path) -> Error {
    let words = "the server there has no such file".to_owned();
    Trouble { kind: StoreTrouble::Absent, words }.about(key.as_ref())
}

fn found(
    range: Range<u64>,
    meta: ObjectMeta,
    body: futures_util::stream::BoxStream<'static, Result<Bytes>>,
) -> GetResult {
    GetResult {
        payload: GetResultPayload::Stream(body),
        meta,
        range,
        attributes: Attributes::default(),
        extensions: object_store::Extensions::default(),
    }
}

/// A range as a header has it: its end is the last byte.
fn in_header(range: &object_store::GetRange) -> String {
    match range {
        object_store::GetRange::Bounded(range) => {
            format!("{}-{}", range.start, range.end.saturating_sub(1))
        }
        object_store::GetRange::Offset(start) => format!("{start}-"),
        object_store::GetRange::Suffix(length) => format!("-{length}"),
    }
}

/// Reads `bytes 0-4/10`.
fn read_content_range(text: &str) -> Option<(Range<u64>, u64)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last, size): (u64, u64, u64) =
        (first.parse().ok()?, last.parse().ok()?, size.parse().ok()?);
    (first <= last && last < size).then_some((first..last + 1, size))
}

/// A part of a body that came whole.
fn cut(
    body: impl Stream<Item = Result<Bytes>> + Send,
    wanted: Range<u64>,
) -> impl Stream<Item = Result<Bytes>> + Send {
    let end = wanted.end;
    body.scan(0, move |at, piece| {
        let piece = piece.map(|bytes| {
            let length = bytes.len() as u64;
            let from = wanted.start.saturating_sub(*at).min(length);
            let to = wanted.end.saturating_sub(*at).min(length);
            let start = *at;
            *at += length;
            let inside = |position| usize::try_from(position).unwrap_or(usize::MAX);
            (start, bytes.slice(inside(from)..inside(to.max(from))))
        });
        ready(Some(piece))
    })
    // Nobody waits for the rest.
    .take_while(move |piece| ready(piece.as_ref().map_or(true, |(start, _)| *start < end)))
    .map_ok(|(_, bytes)| bytes)
    .try_filter(|bytes| ready(!bytes.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;

    #[test]
    fn content_ranges_are_read() {
        assert_eq!(read_content_range("bytes 0-4/10"), Some((0..5, 10)));
        for text in
            ["bytes */10", "bytes 5-4/10", "bytes 0-10/10", "bytes 0-4/*", "lines 0-1/2", ""]
        {
            assert_eq!(read_content_range(text), None, "{text}");
        }
    }

    #[tokio::test]
    async fn a_range_is_cut_out_of_a_whole_body() {
        for (range, expected) in
            [(0..9, "abcdefghi"), (2..4, "cd"), (3..3, ""), (4..9, "efghi"), (0..1, "a")]
        {
            let pieces = ["abc", "", "def", "ghi"].map(|piece| Ok(Bytes::from(piece)));
            let cut: Vec<Bytes> = cut(stream::iter(pieces), range).try_collect().await.unwrap();
            assert_eq!(cut.concat(), expected.as_bytes());
        }
    }
}
