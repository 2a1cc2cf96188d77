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
use tokio::net::{TcpListener, TcpStream};
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
const READ_BUFFER: usize = 64 * 1024;
/// How long to wait when the system has no more descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Answers requests until `stop` is ready, then lets those in flight finish, and closes the database
/// and the destination.
pub async fn serve(
    listener: TcpListener,
    app: App,
    limits: Limits,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let (router, closing) = app.build(&limits);
    let connections = GracefulShutdown::new();
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.headers)
        .max_buf_size(READ_BUFFER)
        // A client may say that it is done sending, and still wants its answer.
        .half_close(true);
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
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
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            // Clients go away whenever they like; the access log tells what became of the request.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    let in_flight = connections.count();
    if in_flight > 0 {
        tracing::info!(connections = in_flight, "waiting for requests in flight");
    }
    if tokio::time::timeout(limits.shutdown_grace, connections.shutdown()).await.is_err() {
        tracing::warn!(grace = ?limits.shutdown_grace, "gave up on requests that are still in flight");
    }
    closing.close().await;
    Ok(())
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
