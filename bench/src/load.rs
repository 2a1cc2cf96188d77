//! The client: HTTP/1.1 connections that are kept open, bodies cut from one shared buffer, answers drained
//! and counted.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::HOST;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::pattern::{Content, Contents, Pattern};

/// No single request may take longer: a server that hangs ends the run.
const REQUEST_LIMIT: Duration = Duration::from_mins(10);

/// A request body, without copies.
#[derive(Debug)]
struct Payload {
    pattern: Pattern,
    position: u64,
    end: u64,
}

impl Payload {
    fn new(pattern: Pattern, content: Content) -> Self {
        Self { pattern, position: content.start, end: content.start + content.size }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.is_end_stream() {
            return Poll::Ready(None);
        }
        let piece = self.pattern.piece(self.position, self.end - self.position);
        self.position += piece.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.position == self.end
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.end - self.position)
    }
}

/// What to do with the body of a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// Count the bytes.
    Length,
    /// Compare each byte with what was uploaded.
    Content,
}

/// One kept-alive connection to a server.
#[derive(Debug)]
pub(crate) struct Connection {
    address: SocketAddr,
    pattern: Pattern,
    sender: SendRequest<Payload>,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr, pattern: Pattern) -> Result<Self> {
        let sender = connect(address).await?;
        Ok(Self { address, pattern, sender })
    }

    /// Uploads a file; the answer must be 200, or the 201 or 204 of `WebDAV`.
    pub(crate) async fn upload(&mut self, target: &str, content: Content) -> Result<()> {
        let response = self.send(Method::PUT, target, content).await?;
        let status = response.status();
        ensure!(
            matches!(status, StatusCode::OK | StatusCode::CREATED | StatusCode::NO_CONTENT),
            "PUT {target} was answered {status}"
        );
        read(response.into_body()).await.with_context(|| format!("PUT {target}"))?;
        Ok(())
    }

    /// Downloads a file. Returns the time until its first byte was here.
    pub(crate) async fn download(
        &mut self,
        target: &str,
        content: Content,
        check: Check,
    ) -> Result<Duration> {
        let begin = Instant::now();
        let body = self.get(target).await?.into_body();
        let drained = timeout(REQUEST_LIMIT, self.drain(body, content.start, check)).await;
        let drained = drained.context("the answer did not end in time").flatten();
        let (received, first) = drained.with_context(|| format!("GET {target}"))?;
        let size = content.size;
        ensure!(received == size, "GET {target} gave {received} bytes instead of {size}");
        Ok(first.unwrap_or_else(Instant::now) - begin)
    }

    /// Takes a body to its end, and returns its length and when the first byte came.
    async fn drain(
        &self,
        mut body: Incoming,
        start: u64,
        check: Check,
    ) -> Result<(u64, Option<Instant>)> {
        let mut received = 0;
        let mut first = None;
        while let Some(frame) = body.frame().await {
            let frame = frame.with_context(|| format!("broken off after {received} bytes"))?;
            let Ok(chunk) = frame.into_data() else { continue };
            first.get_or_insert_with(Instant::now);
            if check == Check::Content && !self.pattern.matches(start + received, &chunk) {
                bail!("the content differs from what was uploaded, behind byte {received}");
            }
            received += chunk.len() as u64;
        }
        Ok((received, first))
    }

    /// Fetches a document whole.
    pub(crate) async fn fetch(&mut self, target: &str) -> Result<Bytes> {
        let response = self.get(target).await?;
        read(response.into_body()).await.with_context(|| format!("GET {target}"))
    }

    /// Sends a GET and takes any answer; for the question whether a server is there.
    pub(crate) async fn probe(&mut self, target: &str) -> Result<StatusCode> {
        let response = self.send(Method::GET, target, Content::of_size(0)).await?;
        let status = response.status();
        read(response.into_body()).await?;
        Ok(status)
    }

    async fn get(&mut self, target: &str) -> Result<Response<Incoming>> {
        let response = self.send(Method::GET, target, Content::of_size(0)).await?;
        ensure!(
            response.status() == StatusCode::OK,
            "GET {target} was answered {}",
            response.status()
        );
        Ok(response)
    }

    async fn send(
        &mut self,
        method: Method,
        target: &str,
        content: Content,
    ) -> Result<Response<Incoming>> {
        if self.sender.ready().await.is_err() {
            // Servers close a connection after so many requests; that belongs to their cost.
            self.sender = connect(self.address).await?;
        }
        let what = format!("{method} {target}");
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header(HOST, self.address.to_string())
            .body(Payload::new(self.pattern.clone(), content))?;
        let answer = timeout(REQUEST_LIMIT, self.sender.send_request(request)).await;
        answer
            .with_context(|| format!("{what} had no answer in time"))?
            .with_context(|| format!("{what} failed"))
    }
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Payload>> {
    let stream = TcpStream::connect(address).await.context("cannot connect")?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // An error of the connection shows up at the request that it breaks.
    tokio::spawn(async move { connection.await.ok() });
    Ok(sender)
}

async fn read(body: Incoming) -> Result<Bytes> {
    Ok(timeout(REQUEST_LIMIT, body.collect())
        .await
        .context("the answer did not end in time")??
        .to_bytes())
}

/// What to do with each of many small files.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// The URL path of the folder, without a slash at the end.
    pub(crate) folder: String,
    /// Their numbers, which are their names.
    pub(crate) numbers: Range<usize>,
    /// Whether they have the same content, or each its own.
    pub(crate) contents: Contents,
    /// Size of each.
    pub(crate) size: u64,
    /// Upload, or download with this check.
    pub(crate) action: Action,
}

/// The direction of a [`Batch`].
#[derive(Debug, Clone, Copy)]
pub(crate) enum Action {
    /// PUT each file.
    Upload,
    /// GET each file.
    Download(Check),
}

/// Opens connections for [`run_batch`].
pub(crate) async fn open_many(
    address: SocketAddr,
    pattern: &Pattern,
    count: usize,
) -> Result<Vec<Connection>> {
    let mut connections = Vec::with_capacity(count);
    for _ in 0..count {
        connections.push(Connection::open(address, pattern.clone()).await?);
    }
    Ok(connections)
}

/// Works through the batch on all `connections` at once, each taking the next file when it is free.
pub(crate) async fn run_batch(
    connections: Vec<Connection>,
    batch: &Batch,
) -> Result<Vec<Connection>> {
    let next = Arc::new(AtomicUsize::new(batch.numbers.start));
    let mut workers = JoinSet::new();
    for mut connection in connections {
        let next = Arc::clone(&next);
        let batch = batch.clone();
        workers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= batch.numbers.end {
                    return Ok(connection);
                }
                let target = format!("{}/{number}.bin", batch.folder);
                let content = batch.contents.of(number, batch.size);
                match batch.action {
                    Action::Upload => connection.upload(&target, content).await?,
                    Action::Download(check) => {
                        connection.download(&target, content, check).await?;
                    }
                }
            }
        });
    }
    workers.join_all().await.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn body_of(size: u64) -> Bytes {
        let payload = Payload::new(Pattern::new(), Content::of_size(size));
        payload.collect().await.unwrap().to_bytes()
    }

    #[tokio::test]
    async fn a_payload_has_its_size_and_matches_the_pattern() {
        for size in [0, 1, 10_240, 3 * 1_048_576 + 5] {
            let body = body_of(size).await;
            assert_eq!(body.len() as u64, size);
            assert!(Pattern::new().matches(0, &body));
        }
    }

    #[tokio::test]
    async fn a_wrong_byte_or_a_moved_block_is_found() {
        let pattern = Pattern::new();
        let body = body_of(2_200_000).await;
        assert!(pattern.matches(1_048_570, &body[1_048_570..]));
        assert!(!pattern.matches(0, &body[1_048_576..]));
        let mut damaged = body.to_vec();
        damaged[2_199_999] ^= 1;
        assert!(!pattern.matches(0, &damaged));
    }

    #[tokio::test]
    async fn files_of_one_size_can_differ() {
        let content = Contents::Distinct.of(7, 10_240);
        let body = Payload::new(Pattern::new(), content).collect().await.unwrap().to_bytes();
        assert_eq!(body.len(), 10_240);
        assert!(Pattern::new().matches(content.start, &body));
        assert!(!Pattern::new().matches(Contents::Distinct.of(8, 10_240).start, &body));
        assert_eq!(Contents::Same.of(7, 10_240).start, 0);
    }
}
