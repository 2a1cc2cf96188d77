//! Connections: accepted, bounded in time, and let finish when the server stops.

use crate::{
    access::Peer,
    app::App,
    leave::{LEAVE_TIME, Leaving},
    listen::{Accepted, Listener, Listeners, Stream, Tls},
};
use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Request, header},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use socket2::SockRef;
use std::{convert::Infallible, io, net::IpAddr, time::Duration};
use tokio::{net::TcpStream, task::JoinSet};
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;
use tower::ServiceExt;

/// Bounds for connections; the defaults suit a server that is reached over any network.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Time to agree upon TLS.
    pub handshake: Duration,
    /// Time for a request's headers, also on an idle connection for its next request.
    pub headers: Duration,
    /// Time without a single byte of a request's body.
    pub body_idle: Duration,
    /// Time without a single byte of an answer being taken. The kernel watches over it, and does not for
    /// programs of this machine that come by a socket in the file system.
    pub write_idle: Duration,
    /// Time for requests in flight when the server stops: `--shutdown-grace`.
    pub shutdown_grace: Duration,
    /// Connections at once: `--max-connections`. Who comes beyond them is told to come back.
    pub connections: usize,
    /// Bytes of memory for all request bodies that are read as a whole.
    pub body_memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            headers: Duration::from_secs(30),
            body_idle: Duration::from_mins(1),
            write_idle: Duration::from_mins(2),
            shutdown_grace: Duration::from_secs(30),
            connections: Self::CONNECTIONS,
            // One body may take three fifths of it.
            body_memory: 512 * 1024 * 1024,
        }
    }
}

impl Limits {
    /// Connections where the operator says nothing: an idle one takes about ten kilobytes.
    pub const CONNECTIONS: usize = 8192;
}

/// On each request of a connection beyond the limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crowded;

/// Bytes that a connection buffers while it reads: headers must fit, and bodies come in pieces of at
/// most this size, so that it also bounds the memory of an upload.
const READ_BUFFER: usize = 32 * 1024;
/// How long the database and the destination may take to close, when nobody uses them any more.
const CLOSE_TIME: Duration = Duration::from_secs(10);
/// How long to wait when the system has no more descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Connections beyond the limit on which that is said at once; further ones wait with the system.
const REFUSALS: usize = 256;

/// Answers requests until `stop` is ready, then lets those in flight finish, and closes the database
/// and the destination. A second `stop` ends the waiting.
pub async fn serve(
    listeners: Vec<Listener>,
    app: App,
    limits: Limits,
    mut stop: impl AsyncFnMut(),
) -> io::Result<()> {
    let (router, closing) = app.build(&limits);
    let mut listeners = Listeners::new(listeners);
    let mut connections = Connections::new(router, &limits);
    connections.accept(&mut listeners, stop()).await;
    connections.leaving.begin();
    listeners.ignore_knocks();
    let is_in_a_hurry = tokio::select! {
        () = connections.accept(&mut listeners, tokio::time::sleep(LEAVE_TIME)) => false,
        () = stop() => true,
    };
    drop(listeners);
    let grace = if is_in_a_hurry { Duration::ZERO } else { limits.shutdown_grace };
    connections.finish(grace, stop).await;
    if tokio::time::timeout(CLOSE_TIME, closing.close()).await.is_err() {
        tracing::warn!("the database or the destination took too long to close");
    }
    Ok(())
}

/// Agrees upon TLS with a client, which may take its time but not for ever.
async fn handshake(stream: TcpStream, tls: Tls, limit: Duration) -> Option<TlsStream<TcpStream>> {
    match tokio::time::timeout(limit, tls.accept(stream)).await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            tracing::debug!(%error, "a client and the server did not agree upon TLS");
            None
        }
        Err(_) => {
            tracing::debug!("a client took too long to agree upon TLS");
            None
        }
    }
}

/// The connections that are open.
struct Connections {
    router: Router,
    limits: Limits,
    builder: http1::Builder,
    leaving: Leaving,
    graceful: GracefulShutdown,
    handshakes: JoinSet<Option<TlsStream<TcpStream>>>,
    tasks: JoinSet<()>,
}

impl Connections {
    fn new(router: Router, limits: &Limits) -> Self {
        Self {
            router,
            limits: limits.clone(),
            builder: connection_builder(limits),
            leaving: Leaving::default(),
            graceful: GracefulShutdown::new(),
            handshakes: JoinSet::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Takes what comes in, until `end`.
    async fn accept(&mut self, listeners: &mut Listeners, end: impl Future<Output = ()>) {
        let mut end = std::pin::pin!(end);
        loop {
            let accepted = tokio::select! {
                () = &mut end => break,
                accepted = listeners.accept(), if self.has_place() => accepted,
                Some(agreed) = self.handshakes.join_next() => {
                    if let Some(stream) = agreed.ok().flatten() {
                        let peer = address_of(stream.get_ref().0);
                        self.serve(Either::Right(Box::new(stream)), peer);
                    }
                    continue;
                }
                // Only to forget connections that have ended.
                Some(_) = self.tasks.join_next() => continue,
            };
            match accepted {
                Ok(Accepted::Tcp(stream)) => {
                    tune(&stream, &self.limits);
                    let peer = address_of(&stream);
                    self.serve(Either::Left(Either::Left(stream)), peer);
                }
                Ok(Accepted::Unix(stream)) => {
                    self.serve(Either::Left(Either::Right(stream)), None);
                }
                Ok(Accepted::Tls(stream, tls)) => {
                    tune(&stream, &self.limits);
                    self.handshakes.spawn(handshake(stream, tls, self.limits.handshake));
                }
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Connections that are open, or about to be.
    fn count(&self) -> usize {
        self.tasks.len() + self.handshakes.len()
    }

    /// Whether one more is heard, be it to be refused.
    fn has_place(&self) -> bool {
        self.count() < self.limits.connections.saturating_add(REFUSALS)
    }

    /// Answers the requests of one connection, beside all others.
    fn serve(&mut self, stream: Stream, peer: Option<IpAddr>) {
        while self.tasks.try_join_next().is_some() {}
        let is_crowded = self.count() >= self.limits.connections;
        let (router, leaving) = (self.router.clone(), self.leaving.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Peer(peer));
            request.extensions_mut().insert(leaving.clone());
            if is_crowded {
                request.extensions_mut().insert(Crowded);
            }
            let (answer, leaving) = (router.clone().oneshot(request), leaving.clone());
            async move {
                let mut response = leaving.mark(answer.await?);
                if is_crowded {
                    let close = HeaderValue::from_static("close");
                    response.headers_mut().insert(header::CONNECTION, close);
                }
                Ok::<_, Infallible>(response)
            }
        });
        let connection = self.builder.serve_connection(TokioIo::new(stream), service);
        let connection = self.graceful.watch(connection);
        self.tasks.spawn(async move {
            // Clients go away whenever they like; the access log tells what became of the request.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }

    /// Lets requests in flight finish, until the grace is over or `stop` is ready again.
    async fn finish(mut self, grace: Duration, mut stop: impl AsyncFnMut()) {
        // Who has not even agreed upon TLS has no request in flight.
        self.handshakes.abort_all();
        let finished = tokio::select! {
            () = self.graceful.shutdown() => true,
            () = tokio::time::sleep(grace) => false,
            () = stop() => false,
        };
        if !finished {
            tracing::warn!("gave up on requests that are still in flight");
        }
        self.tasks.shutdown().await;
    }
}

/// Where a connection comes from.
fn address_of(stream: &TcpStream) -> Option<IpAddr> {
    stream.peer_addr().ok().map(|address| address.ip())
}

fn connection_builder(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.headers)
        .max_buf_size(READ_BUFFER)
        // A client may say that it is done sending, and still wants its answer.
        .half_close(true);
    builder
}

fn tune(stream: &TcpStream, limits: &Limits) {
    let socket = SockRef::from(stream);
    let tuned = socket
        .set_tcp_nodelay(true)
        // A reader that takes nothing for so long is cut by the kernel.
        .and_then(|()| socket.set_tcp_user_timeout(Some(limits.write_idle)));
    if let Err(error) = tuned {
        tracing::debug!(%error, "could not set socket options");
    }
}
