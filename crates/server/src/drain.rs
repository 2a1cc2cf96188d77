//! The rest of a body that nobody wants: read and dropped before the answer is sent.
//!
//! A client that still sends when the connection is closed sees a broken connection instead of the
//! answer, and tries again.

use crate::bodies::Turn;
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::Response,
};
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

/// Bytes that are dropped at most.
const DRAIN_BYTES: usize = 64 * 1024 * 1024;
/// How long nothing more is taken after each turn: 50 MB a second. A sender that is near would otherwise have one processor,
/// and what drops its bytes another.
const PAUSE: Duration = Duration::from_millis(5);
/// How long a client may take to send them.
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// Answers a request, and takes what its handler left of its body: refusals do, and routes that want none.
pub(crate) async fn drain_unread(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let waits = waits_for_leave(request.headers());
    let mut rest = None;
    let request = request.map(|body| {
        let shared = SharedBody(Arc::new(Mutex::new(Progress { body, was_polled: false })));
        rest = Some(shared.clone());
        Body::new(shared)
    });
    let response = next.run(request).await;
    if let Some(rest) = rest
        // Who timed out was waited for.
        && response.status() != StatusCode::REQUEST_TIMEOUT
        // Such a client sends nothing as long as nobody has asked for its body.
        && (!waits || rest.was_polled())
    {
        // Whoever is slower than that may see a broken connection.
        let _ = tokio::time::timeout(DRAIN_TIME, drain(rest)).await;
    }
    response
}

/// Whether the client sends its body only after it was told to.
fn waits_for_leave(headers: &HeaderMap) -> bool {
    headers.contains_key(header::EXPECT)
}

async fn drain(mut body: SharedBody) {
    let (mut dropped, mut turn) = (0, Turn::default());
    while let Some(Ok(frame)) = body.frame().await {
        let taken = frame.data_ref().map_or(0, Bytes::len);
        dropped += taken;
        if dropped >= DRAIN_BYTES {
            return;
        }
        if turn.is_over_after(taken) {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// A body that outlives the handler it is given to.
#[derive(Clone)]
struct SharedBody(Arc<Mutex<Progress>>);

struct Progress {
    body: Body,
    was_polled: bool,
}

impl SharedBody {
    fn with<T>(&self, act: impl FnOnce(&mut Progress) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn was_polled(&self) -> bool {
        self.with(|progress| progress.was_polled)
    }
}

impl HttpBody for SharedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.with(|progress| {
            progress.was_polled = true;
            Pin::new(&mut progress.body).poll_frame(context)
        })
    }

    fn is_end_stream(&self) -> bool {
        self.with(|progress| progress.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.with(|progress| progress.body.size_hint())
    }
}
