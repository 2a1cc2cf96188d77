//! Stands for traces in a binary that was built without them.

/// Traces that can't be collected.
pub(crate) enum Traces {}

impl Traces {
    /// Refuses.
    pub(crate) fn new() -> anyhow::Result<Self> {
        anyhow::bail!(
            "this mlferry was built without traces; build one with `cargo build --release --features otlp`, or set \
             OTEL_TRACES_EXPORTER to none to start without"
        )
    }

    pub(crate) fn layer(&self) -> tracing_subscriber::layer::Identity {
        match *self {}
    }

    pub(crate) fn close(self) {
        match self {}
    }
}
