//! HTTP without TLS to stores in the same network.
//!
//! Some of them send a small answer in two pieces, and the second one only when the first was acknowledged, which the
//! kernel delays by 40 ms for whoever has nothing to send. It is told here to acknowledge at once, which the usual client
//! can't: small downloads from Garage became twenty times as fast.

use super::http::{CONNECT_TIME, USER_AGENT};
use async_trait::async_trait;
use http::{Uri, header};
use http_body_util::BodyExt;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{Connected, Connection, HttpConnector},
    },
    rt::{TokioExecutor, TokioIo},
};
use object_store::client::{
    HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpResponseBody,
    HttpService,
};
use rustix::net::sockopt::set_tcp_quickack;
use std::{
    error::Error,
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::net::TcpStream;
use tower::Service;
use tower_http::timeout::TimeoutBody;

/// Bytes that are read from a store at once: enough that a read costs little beside its bytes.
const READ_BYTES: usize = 256 * 1024;
/// Reads after a request that are acknowledged at once: the pieces of a small answer. What follows is a stream.
const PROMPT_READS: u8 = 3;

/// Sends requests to `http://` addresses.
#[derive(Debug)]
pub(super) struct PlainClient {
    client: Client<PromptConnector, HttpRequestBody>,
    /// Time without a byte of an answer.
    idle_time: Duration,
}

impl PlainClient {
    pub(super) fn new(idle_time: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIME));
        let client = Client::builder(TokioExecutor::new())
            .http1_read_buf_exact_size(READ_BYTES)
            .build(PromptConnector(connector));
        Self { client, idle_time }
    }
}

#[async_trait]
impl HttpService for PlainClient {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        request.headers_mut().entry(header::USER_AGENT).or_insert(USER_AGENT);
        let response = tokio::time::timeout(self.idle_time, self.client.request(request)).await;
        let response = response.map_err(|error| HttpError::new(HttpErrorKind::Timeout, error))?;
        let response = response.map_err(|error| HttpError::new(kind_of(&error), error))?;
        let (head, body) = response.into_parts();
        let body = TimeoutBody::new(self.idle_time, body);
        let body = body.map_err(|error| HttpError::new_boxed(HttpErrorKind::Interrupted, error));
        Ok(HttpResponse::from_parts(head, HttpResponseBody::new(body)))
    }
}

/// Whether the request may have been carried out, which decides whether it is repeated.
fn kind_of(error: &hyper_util::client::legacy::Error) -> HttpErrorKind {
    if error.is_connect() {
        return HttpErrorKind::Connect;
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            if error.is_closed() || error.is_incomplete_message() || error.is_body_write_aborted() {
                return HttpErrorKind::Request;
            }
            if error.is_timeout() {
                return HttpErrorKind::Timeout;
            }
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
            if matches!(
                error.kind(),
                ConnectionAborted | ConnectionReset | BrokenPipe | UnexpectedEof
            ) {
                return HttpErrorKind::Interrupted;
            }
        }
        cause = error.source();
    }
    HttpErrorKind::Unknown
}

/// Connections that acknowledge at once.
#[derive(Debug, Clone)]
struct PromptConnector(HttpConnector);

impl Service<Uri> for PromptConnector {
    type Response = Prompt;
    type Error = <HttpConnector as Service<Uri>>::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Prompt, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.0.call(uri);
        Box::pin(async move { Ok(Prompt { stream: connecting.await?, reads: 0 }) })
    }
}

/// A connection that acknowledges the beginning of an answer at once.
struct Prompt {
    stream: TokioIo<TcpStream>,
    /// Since the last write.
    reads: u8,
}

impl Read for Prompt {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        if self.reads < PROMPT_READS {
            self.reads += 1;
            // The kernel forgets it. Where it can't be set, things only take longer.
            let _ = set_tcp_quickack(self.stream.inner(), true);
        }
        Poll::Ready(read)
    }
}

impl Write for Prompt {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.reads = 0;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.reads = 0;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }
}

impl Connection for Prompt {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}
