//! Connections: accepted, bounded in time, and let finish when the server stops.

use crate::app::App;
use axum::{body::Body, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use socket2::SockRef;
use std::{io, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tower::ServiceExt;

/// Bounds for connections; the defaults suit a server that is reached over any network.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Time for a request's headers, also on an idle connection for its next request.
    pub headers: Duration,
    /// Time without a single byte of a request's body.
    pub body_idle: Duration,
    /// Time without a single byte of an answer being taken.
    pub write_idle: Duration,
    /// Time for requests in flight when the server stops: `--shutdown-grace`.
    pub shutdown_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            headers: Duration::from_secs(30),
            body_idle: Duration::from_mins(1),
            write_idle: Duration::from_mins(2),
            shutdown_grace: Duration::from_secs(30),
        }
    }
}

/// Bytes that a connection buffers while it reads: headers must fit, and bodies come in pieces of at
/// most this size, so that it also bounds the memory of an upload.
const READ_BUFFER: usize = 32 * 1024;
/// How long the database and the destination may take to close, when nobody uses them any more.
const CLOSE_TIME: Duration = Duration::from_secs(10);
/// How long to wait when the system has no more descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Answers requests until `stop` is ready, then lets those in flight finish, and closes the database
/// and the destination. A second `stop` ends the waiting.
pub async fn serve(
    listener: TcpListener,
    app: App,
    limits: Limits,
    mut stop: impl AsyncFnMut(),
) -> io::Result<()> {
    let (router, closing) = app.build(&limits);
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let builder = connection_builder(&limits);
    loop {
        let accepted = tokio::select! {
            () = stop() => break,
            accepted = listener.accept() => accepted,
            // Only to forget connections that have ended.
            Some(_) = connections.join_next() => continue,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        tune(&stream, &limits);
        let router = router.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            router.clone().oneshot(request.map(Body::new))
        });
        let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), service));
        connections.spawn(async move {
            // Clients go away whenever they like; the access log tells what became of the request.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    let finished = tokio::select! {
        () = graceful.shutdown() => true,
        () = tokio::time::sleep(limits.shutdown_grace) => false,
        () = stop() => false,
    };
    if !finished {
        tracing::warn!("gave up on requests that are still in flight");
    }
    connections.shutdown().await;
    if tokio::time::timeout(CLOSE_TIME, closing.close()).await.is_err() {
        tracing::warn!("the database or the destination took too long to close");
    }
    Ok(())
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
