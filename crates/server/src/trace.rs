//! The span of a request, for whoever collects traces.
//!
//! Spans have the target `otel`. Unless the binary collects traces, nobody wants them, and they cost
//! nothing. Their fields have the names of OpenTelemetry's conventions:
//! <https://opentelemetry.io/docs/specs/semconv/http/http-spans/>.

use crate::metrics::name_of;
use axum::{
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header, uri::Authority},
};
use tracing::{Level, Span, field};

/// Ends the path at which traces are collected. A server that sends its traces to itself, perhaps by
/// variables that are meant for clients, must not make one of each that it sends.
const COLLECTOR: &str = "/v1/traces";
/// Ends of paths that are called all the time by what watches servers.
const PROBES: [&str; 3] = ["/health", "/ready", "/metrics"];

/// Begins the span of a request: a part of the trace that its client names, or a trace of its own.
pub(crate) fn request_span(request: &Request, id: &HeaderValue) -> Span {
    if !tracing::enabled!(target: "otel", Level::INFO) {
        return Span::none();
    }
    let path = request.uri().path();
    if path.ends_with(COLLECTOR) || PROBES.iter().any(|probe| path.ends_with(probe)) {
        return Span::none();
    }
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).and_then(|host| host.parse::<Authority>().ok());
    let span = tracing::info_span!(
        target: "otel",
        "request",
        otel.kind = "server",
        otel.name = name_of(request.method()),
        otel.status_code = field::Empty,
        http.request.method = name_of(request.method()),
        http.route = field::Empty,
        http.response.status_code = field::Empty,
        http.request.body.size = field::Empty,
        http.response.body.size = field::Empty,
        url.scheme = "http",
        url.path = path,
        server.address = host.as_ref().map(Authority::host),
        server.port = host.as_ref().and_then(Authority::port_u16).map(i64::from),
        user_agent.original = text(header::USER_AGENT),
        request.id = id.to_str().unwrap_or_default(),
    );
    #[cfg(feature = "otlp")]
    if !span.is_disabled() {
        propagation::continue_trace(&span, request.headers());
    }
    span
}

/// Notes which line of the route table answers the request of the current span. A span's name must be known
/// before others begin within it.
pub(crate) fn routed(method: &Method, route: &str) {
    let span = Span::current();
    if !span.is_disabled() {
        span.record("http.route", route);
        span.record("otel.name", format!("{} {route}", name_of(method)));
    }
}

/// What is known of a request at its end.
pub(crate) struct Outcome {
    pub(crate) status: Option<StatusCode>,
    pub(crate) received: u64,
    pub(crate) sent: u64,
}

/// Notes how a request ended.
pub(crate) fn end(span: &Span, outcome: &Outcome) {
    if span.is_disabled() {
        return;
    }
    // A span ends when it was last left.
    let _entered = span.enter();
    if let Some(status) = outcome.status {
        span.record("http.response.status_code", i64::from(status.as_u16()));
        if status.is_server_error() {
            span.record("otel.status_code", "ERROR");
        }
    }
    // Other integers would become texts.
    span.record("http.request.body.size", outcome.received.cast_signed());
    span.record("http.response.body.size", outcome.sent.cast_signed());
}

#[cfg(feature = "otlp")]
mod propagation {
    use axum::http::HeaderMap;
    use opentelemetry::propagation::{Extractor, TextMapPropagator};
    use opentelemetry_sdk::propagation::TraceContextPropagator;
    use tracing::Span;
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    /// Makes the span a part of the trace that `traceparent` names, if one does.
    pub(super) fn continue_trace(span: &Span, headers: &HeaderMap) {
        let context = TraceContextPropagator::new().extract(&Headers(headers));
        if let Err(error) = span.set_parent(context) {
            tracing::debug!(%error, "the trace of a client could not be continued");
        }
    }

    struct Headers<'a>(&'a HeaderMap);

    impl Extractor for Headers<'_> {
        fn get(&self, key: &str) -> Option<&str> {
            self.0.get(key)?.to_str().ok()
        }

        fn keys(&self) -> Vec<&str> {
            self.0.keys().map(axum::http::HeaderName::as_str).collect()
        }
    }
}
