//! What is measured of a server, in Prometheus' text format at `/metrics`.
//!
//! A server has a registry of its own, so that two in one process don't mix. Requests are counted as they
//! happen (`http.rs`); all else is looked up when it is asked for, since the crates below count for
//! themselves and know nothing of Prometheus (`parts.rs`, `process.rs`).

mod http;
mod parts;
mod process;

pub(crate) use http::{HttpMetrics, InFlight, RouteMetrics, name_of};
pub(crate) use parts::MeasuredParts;

use mlferry_protocol::MLFLOW_VERSION;
use prometheus_client::{encoding::prometheus_text, metrics::info::Info, registry::Registry};
use std::{fmt, sync::Arc};

/// All that is measured of one server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Metrics {
    registry: Arc<Registry>,
    pub(crate) http: HttpMetrics,
}

impl Metrics {
    pub(crate) fn new(parts: MeasuredParts) -> Self {
        let mut registry = Registry::default();
        let build = [("version", env!("CARGO_PKG_VERSION")), ("mlflow_version", MLFLOW_VERSION)];
        registry.register(
            "mlferry_build",
            "The version of mlferry, and of MLflow that it stands in for",
            Info::new(build.to_vec()),
        );
        let http = HttpMetrics::register(&mut registry);
        registry.register_collector(Box::new(parts));
        registry.register_collector(Box::new(process::ThisProcess));
        Self { registry: Arc::new(registry), http }
    }

    /// All of it at this moment. It reads files of the system, and so may block a little.
    pub(crate) fn render(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
