//! Traces of the server itself, sent to a collector of OpenTelemetry.
//!
//! Spans with the target [`SPANS`] are collected, wherever they come from; `opentelemetry-otlp` reads from the
//! `OTEL_…` variables where they go, and sends them from a thread of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::WithHttpConfig;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::registry::LookupSpan;

use crate::log::SPANS;

/// How long the last spans may take to be sent when the server stops.
const LAST_SPANS_TIME: Duration = Duration::from_secs(5);

/// What a server is called when nobody says so.
const SERVICE: &str = "mlferry";

/// Says what it is called.
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";

/// Collects spans and sends them.
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// Prepares to send spans; nothing is sent yet.
    pub(crate) fn new() -> anyhow::Result<Self> {
        // Somebody was faster.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::blocking::Client::builder()
            .user_agent(concat!("mlferry/", env!("CARGO_PKG_VERSION")))
            // The library has limits of its own, from OTEL_EXPORTER_OTLP_TIMEOUT.
            .timeout(None)
            .build()
            .context("cannot prepare to send traces")?;
        let exporter = opentelemetry_otlp::SpanExporter::builder().with_http();
        let exporter = exporter.with_http_client(client).build();
        let exporter = exporter.context("cannot send traces as the OTEL_ variables say")?;
        let provider = SdkTracerProvider::builder().with_resource(resource());
        Ok(Self(provider.with_batch_exporter(Told::new(exporter)).build()))
    }

    /// What hands spans over.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer(SERVICE))
            // Where in the source and on which thread is of no use to operators.
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            // A span that is entered would have its name for good, and the route is found later.
            .with_context_activation(false)
            .with_filter(Targets::new().with_target(SPANS, LevelFilter::INFO))
    }

    /// Sends what is left.
    pub(crate) fn close(self) {
        if let Err(error) = self.0.shutdown_with_timeout(LAST_SPANS_TIME) {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

/// An exporter whose failures are logged once, when they begin and when they are over, and not with every batch.
#[derive(Debug)]
struct Told {
    exporter: opentelemetry_otlp::SpanExporter,
    has_failed: AtomicBool,
}

impl Told {
    fn new(exporter: opentelemetry_otlp::SpanExporter) -> Self {
        Self { exporter, has_failed: AtomicBool::new(false) }
    }
}

impl SpanExporter for Told {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let exported = self.exporter.export(batch).await;
        let has_failed = self.has_failed.swap(exported.is_err(), Ordering::Relaxed);
        match exported {
            Err(error) if !has_failed => {
                tracing::warn!(%error, "traces can't be sent, and are lost until their collector takes them");
            }
            Ok(()) if has_failed => tracing::info!("traces are sent again"),
            _ => {}
        }
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// What the spans are about; the variables `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` come first.
fn resource() -> Resource {
    let said = Resource::builder().build();
    let mut ours = vec![KeyValue::new("service.version", env!("CARGO_PKG_VERSION"))];
    let name = said.iter().find(|(key, _)| key.as_str() == "service.name");
    // The library prefers the second of the two variables, and OpenTelemetry the first.
    if let Some(name) = std::env::var(SERVICE_NAME).ok().filter(|name| !name.is_empty()) {
        ours.push(KeyValue::new("service.name", name));
    } else if name.is_none_or(|(_, name)| name.as_str().starts_with("unknown_service")) {
        ours.push(KeyValue::new("service.name", SERVICE));
    }
    Resource::builder().with_attributes(ours).build()
}
