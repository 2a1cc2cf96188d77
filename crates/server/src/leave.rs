//! The last moment before a server stops listening, made so that nobody is cut off between the system and the server.
//!
//! A port that is closed resets whoever connected and was not yet accepted. A balancer that has sent its request by
//! then can't repeat it, unless it changes nothing. So new knocks are left unheard first, which the knocking system
//! repeats after a second and then hears that nobody is there; everybody who got through is accepted and answered.

use axum::{
    http::{HeaderValue, header},
    response::Response,
};
use socket2::{SockFilter, SockRef};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::net::TcpListener;

/// For how long those are accepted who knocked before, which takes one way to them and back, and may send a request.
pub(crate) const LEAVE_TIME: Duration = Duration::from_millis(300);

/// Codes of `linux/bpf_common.h`.
const LOAD_BYTE: u16 = 0x30;
const AND: u16 = 0x54;
const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
/// Where a TCP header keeps its flags, and two of them (RFC 9293, section 3.1).
const FLAGS_OFFSET: u32 = 13;
const SYN: u32 = 0x02;
const ACK: u32 = 0x10;

/// Whether a server is about to stop; its connections share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Leaving(Arc<AtomicBool>);

impl Leaving {
    /// From now on answers say goodbye.
    pub(crate) fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the server is about to stop: an answer without end has to end.
    pub(crate) fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Tells a client not to send its next request on the same connection, if the server is about to stop.
    pub(crate) fn mark(&self, mut response: Response) -> Response {
        if self.has_begun() {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// Leaves those unheard who knock from now on.
///
/// Only for a port that this process opened itself: the filter would stay on one that others listen on, too.
pub(crate) fn ignore_knocks(listener: &TcpListener) {
    if let Err(error) = SockRef::from(listener).attach_filter(&first_knocks_dropped()) {
        tracing::debug!(%error, "clients that connect at the very end may be cut off");
    }
}

/// A program for the kernel that drops what begins a connection (SYN without ACK), and lets everything else pass:
/// whoever knocked before gets through.
fn first_knocks_dropped() -> [SockFilter; 5] {
    [
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS_OFFSET),
        SockFilter::new(AND, 0, 0, SYN | ACK),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use tokio::{io::AsyncReadExt, io::AsyncWriteExt, net::TcpStream, time::timeout};

    #[tokio::test]
    async fn who_knocked_before_gets_through_and_who_knocks_later_is_unheard() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address).await else { continue };
            let address = listener.local_addr().unwrap();
            let mut before = TcpStream::connect(address).await.unwrap();
            ignore_knocks(&listener);
            assert!(timeout(LEAVE_TIME, TcpStream::connect(address)).await.is_err());

            let (mut accepted, _) = listener.accept().await.unwrap();
            before.write_all(b"x").await.unwrap();
            before.shutdown().await.unwrap();
            let mut received = Vec::new();
            accepted.read_to_end(&mut received).await.unwrap();
            assert_eq!(received, b"x");

            drop(listener);
            TcpStream::connect(address).await.unwrap_err();
        }
    }

    #[test]
    fn answers_end_their_connection_once_the_server_leaves() {
        let leaving = Leaving::default();
        assert!(leaving.mark(Response::new(Body::empty())).headers().is_empty());
        leaving.begin();
        let marked = leaving.mark(Response::new(Body::empty()));
        assert_eq!(marked.headers()[header::CONNECTION], "close");
    }
}
