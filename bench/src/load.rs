//! Files up and down: bodies cut from one shared buffer, answers drained and counted.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Method, Response, StatusCode};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::http::{Client, Payload, REQUEST_LIMIT, read};
use crate::pattern::{Content, Contents, Pattern};

/// What to do with the body of a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// Count the bytes.
    Length,
    /// Compare each byte with what was uploaded.
    Content,
}

/// One kept-alive connection to a server that keeps files.
#[derive(Debug)]
pub(crate) struct Connection {
    client: Client,
    pattern: Pattern,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr, pattern: Pattern) -> Result<Self> {
        Ok(Self { client: Client::open(address).await?, pattern })
    }

    /// Uploads a file; the answer must be 200, or the 201 or 204 of `WebDAV`.
    pub(crate) async fn upload(&mut self, target: &str, content: Content) -> Result<()> {
        let payload = Payload::file(self.pattern.clone(), content);
        let response = self.client.send(Method::PUT, target, payload).await?;
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

    async fn get(&mut self, target: &str) -> Result<Response<Incoming>> {
        let response = self.client.send(Method::GET, target, Payload::Empty).await?;
        ensure!(
            response.status() == StatusCode::OK,
            "GET {target} was answered {}",
            response.status()
        );
        Ok(response)
    }
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
