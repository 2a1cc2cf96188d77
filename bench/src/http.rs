//! The client: HTTP/1.1 connections that are kept open.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::pattern::{Content, Pattern};

/// No single request may take longer: a server that hangs ends the run.
pub(crate) const REQUEST_LIMIT: Duration = Duration::from_mins(10);

/// A request body, without copies.
#[derive(Debug)]
pub(crate) enum Payload {
    /// Nothing.
    Empty,
    /// A document that was made before.
    Json(Bytes),
    /// A stretch of the pattern.
    File {
        /// What it is cut from.
        pattern: Pattern,
        /// Where it goes on.
        position: u64,
        /// Where it ends.
        end: u64,
    },
}

impl Payload {
    /// The content of a file.
    pub(crate) fn file(pattern: Pattern, content: Content) -> Self {
        Self::File { pattern, position: content.start, end: content.start + content.size }
    }

    fn remaining(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Json(document) => document.len() as u64,
            Self::File { position, end, .. } => end - position,
        }
    }

    /// The next piece, of one byte at least.
    fn piece(&mut self) -> Bytes {
        match self {
            Self::Empty => Bytes::new(),
            Self::Json(document) => std::mem::take(document),
            Self::File { pattern, position, end } => {
                let piece = pattern.piece(*position, *end - *position);
                *position += piece.len() as u64;
                piece
            }
        }
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
        Poll::Ready(Some(Ok(Frame::data(self.piece()))))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining())
    }
}

/// One kept-alive connection to a server.
#[derive(Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    headers: HeaderMap,
    sender: SendRequest<Payload>,
}

impl Client {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let host = HeaderValue::from_str(&address.to_string())?;
        let headers = HeaderMap::from_iter([(HOST, host)]);
        Ok(Self { address, headers, sender: connect(address).await? })
    }

    /// Sends a header with each request.
    pub(crate) fn with_header(mut self, name: &'static str, value: &str) -> Result<Self> {
        self.headers.insert(name, HeaderValue::from_str(value)?);
        Ok(self)
    }

    /// Leaves the connection, with whatever was asked on it, and opens another.
    pub(crate) async fn reconnect(&mut self) -> Result<()> {
        self.sender = connect(self.address).await?;
        Ok(())
    }

    /// Sends a request, and returns when the head of the answer is here, whatever it says.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        target: &str,
        payload: Payload,
    ) -> Result<Response<Incoming>> {
        if self.sender.ready().await.is_err() {
            // Servers close a connection after so many requests; that belongs to their cost.
            self.reconnect().await?;
        }
        let is_json = matches!(payload, Payload::Json(_));
        let mut request = Request::builder().method(&method).uri(target).body(payload)?;
        request.headers_mut().clone_from(&self.headers);
        if is_json {
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(CONTENT_TYPE, json);
        }
        let answer = timeout(REQUEST_LIMIT, self.sender.send_request(request)).await;
        answer
            .with_context(|| format!("{method} {target} had no answer in time"))?
            .with_context(|| format!("{method} {target} failed"))
    }

    /// Sends a GET and takes any answer; for the question whether a server is there.
    pub(crate) async fn probe(&mut self, target: &str) -> Result<StatusCode> {
        let response = self.send(Method::GET, target, Payload::Empty).await?;
        let status = response.status();
        read(response.into_body()).await?;
        Ok(status)
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

/// Takes a body to its end.
pub(crate) async fn read(body: Incoming) -> Result<Bytes> {
    Ok(timeout(REQUEST_LIMIT, body.collect())
        .await
        .context("the answer did not end in time")??
        .to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::Contents;

    async fn body_of(size: u64) -> Bytes {
        let payload = Payload::file(Pattern::new(), Content::of_size(size));
        payload.collect().await.unwrap().to_bytes()
    }

    #[tokio::test]
    async fn a_document_goes_out_whole_and_once() {
        let payload = Payload::Json(Bytes::from_static(b"{}"));
        assert_eq!(payload.size_hint().exact(), Some(2));
        assert_eq!(payload.collect().await.unwrap().to_bytes(), "{}");
        assert!(Payload::Empty.is_end_stream());
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
        let body = Payload::file(Pattern::new(), content).collect().await.unwrap().to_bytes();
        assert_eq!(body.len(), 10_240);
        assert!(Pattern::new().matches(content.start, &body));
        assert!(!Pattern::new().matches(Contents::Distinct.of(8, 10_240).start, &body));
        assert_eq!(Contents::Same.of(7, 10_240).start, 0);
    }
}
