//! One line in the log for each request, and an id by which the client can name it.

use crate::{
    metrics::{HttpMetrics, InFlight, RouteMetrics},
    trace,
};
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode},
    middleware::Next,
    response::Response,
};
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Instant,
};
use tracing::{Instrument, Level, Span};
use uuid::Uuid;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Characters of an id that a client or a proxy in front may give.
const REQUEST_ID_LENGTH: usize = 128;

/// Gives the request an id, counts its bytes, and logs it once its answer is sent or given up.
pub(crate) async fn observe(
    State(metrics): State<HttpMetrics>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let id = request_id(&request);
    let span = trace::request_span(&request, &id);
    let exchange = Arc::new(Exchange::new(&metrics, id.clone()));
    request.extensions_mut().insert(Arc::clone(&exchange));
    let mut line = AccessLine {
        method: request.method().clone(),
        // Without the query, whose values may be secrets.
        path: request.uri().path().to_owned(),
        id: id.clone(),
        status: None,
        exchange: Arc::clone(&exchange),
        sent: 0,
        started,
        span: span.clone(),
        _in_flight: metrics.begin(),
    };
    let request = request.map(|body| Body::new(Counted { body, counter: exchange }));
    let mut response = next.run(request).instrument(span).await;
    line.status = Some(response.status());
    if response.extensions().get::<Panicked>().is_some() {
        line.exchange.route().panicked(&line.method);
    }
    response.headers_mut().insert(REQUEST_ID.clone(), id);
    response.map(|body| Body::new(Counted { body, counter: line }))
}

fn request_id(request: &Request) -> HeaderValue {
    let is_plain = |id: &&HeaderValue| {
        let bytes = id.as_bytes();
        (1..=REQUEST_ID_LENGTH).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
    };
    if let Some(given) = request.headers().get(&REQUEST_ID).filter(is_plain) {
        return given.clone();
    }
    let mut buffer = [0; uuid::fmt::Simple::LENGTH];
    let id: &str = Uuid::new_v4().simple().encode_lower(&mut buffer);
    HeaderValue::from_str(id).unwrap_or_else(|_| HeaderValue::from_static("-"))
}

/// Marks the answer to a request that panicked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panicked;

/// What the outermost layer and the route know of a request together.
#[derive(Debug)]
pub(crate) struct Exchange {
    id: HeaderValue,
    received: AtomicU64,
    /// Absent until a line of the route table answers.
    route: OnceLock<Arc<RouteMetrics>>,
    unmatched: Arc<RouteMetrics>,
}

impl Exchange {
    fn new(metrics: &HttpMetrics, id: HeaderValue) -> Self {
        Self {
            id,
            received: AtomicU64::new(0),
            route: OnceLock::new(),
            unmatched: Arc::clone(metrics.unmatched()),
        }
    }

    /// By which the logs name it.
    pub(crate) fn id(&self) -> &str {
        // Checked to be ASCII, or made here.
        self.id.to_str().unwrap_or("-")
    }

    /// Says which line of the route table answers.
    pub(crate) fn set_route(&self, route: &Arc<RouteMetrics>) {
        // A request is routed once.
        let _ = self.route.set(Arc::clone(route));
    }

    /// The line of the route table that answers.
    pub(crate) fn route(&self) -> &RouteMetrics {
        self.route.get().unwrap_or(&self.unmatched)
    }

    fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }
}

/// What is logged of a request, when it is dropped.
struct AccessLine {
    method: Method,
    path: String,
    id: HeaderValue,
    /// `None` while no answer was made: the client went away before.
    status: Option<StatusCode>,
    exchange: Arc<Exchange>,
    sent: u64,
    started: Instant,
    span: Span,
    _in_flight: InFlight,
}

impl Drop for AccessLine {
    fn drop(&mut self) {
        self.exchange.route().ended(&self.method, self.status, self.started.elapsed());
        let outcome = trace::Outcome {
            status: self.status,
            received: self.exchange.received(),
            sent: self.sent,
        };
        trace::end(&self.span, &outcome);
        /// The whole line for people, and its parts for programs.
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(
                    target: "access",
                    method = %self.method,
                    path = self.path,
                    status = self.status.map(|status| status.as_u16()),
                    bytes_in = self.exchange.received(),
                    bytes_out = self.sent,
                    duration_ms = self.duration_ms(),
                    request_id = self.id.to_str().unwrap_or_default(),
                    "{self}"
                )
            };
        }
        // One level per server, so that a debug log reads like the reference's.
        if tracing::enabled!(target: "access", Level::DEBUG) {
            log!(debug);
        } else {
            log!(info);
        }
    }
}

impl AccessLine {
    fn duration_ms(&self) -> f64 {
        self.started.elapsed().as_secs_f64() * 1000.0
    }
}

impl std::fmt::Display for AccessLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { method, path, sent, .. } = self;
        write!(f, "{method} {path} ")?;
        match self.status {
            Some(status) => write!(f, "{}", status.as_u16())?,
            None => write!(f, "-")?,
        }
        let received = self.exchange.received();
        let duration_ms = self.duration_ms();
        let id = self.id.to_str().unwrap_or_default();
        write!(f, " in={received} out={sent} duration_ms={duration_ms:.3} id={id}")
    }
}

/// What learns how many bytes passed.
trait Count {
    fn count(&mut self, bytes: u64);
}

impl Count for Arc<Exchange> {
    fn count(&mut self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
        self.route().received(bytes);
    }
}

impl Count for AccessLine {
    fn count(&mut self, bytes: u64) {
        self.sent += bytes;
        self.exchange.route().sent(bytes);
    }
}

pin_project! {
    /// A body that counts what passes. Dropped with it, a request's line is logged.
    struct Counted<C> {
        #[pin]
        body: Body,
        counter: C,
    }
}

impl<C: Count> HttpBody for Counted<C> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.project();
        let polled = this.body.poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            this.counter.count(data.len() as u64);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
