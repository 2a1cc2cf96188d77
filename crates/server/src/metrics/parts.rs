//! What the database, the artifact stores and the cache have counted.

use crate::webhooks::DeliveryCounts;
use mlferry_artifacts::{ArtifactCache, Counters};
use mlferry_store::{Store, StoreActivity};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};
use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
};

/// The parts of a server that count for themselves.
#[derive(Debug)]
pub(crate) struct MeasuredParts {
    pub(crate) store: Option<Store>,
    pub(crate) deliveries: Arc<DeliveryCounts>,
    pub(crate) counters: Counters,
    pub(crate) cache: Option<ArtifactCache>,
}

impl Collector for MeasuredParts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        if let Some(store) = &self.store {
            database(&mut encoder, &store.activity())?;
            deliveries(&mut encoder, &self.deliveries)?;
        }
        uploads(&mut encoder, &self.counters)?;
        if let Some(cache) = &self.cache {
            artifact_cache(&mut encoder, cache)?;
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody counts that far")]
fn database(encoder: &mut DescriptorEncoder<'_>, activity: &StoreActivity) -> fmt::Result {
    let StoreActivity { pool, commits, .. } = activity;
    let mut connections = encoder.encode_descriptor(
        "mlferry_database_connections",
        "Connections to the database that are open.",
        None,
        MetricType::Gauge,
    )?;
    for (state, count) in [("idle", pool.idle), ("used", pool.open - pool.idle)] {
        ConstGauge::new(count).encode(connections.encode_family(&[("state", state)])?)?;
    }
    gauge(
        encoder,
        "mlferry_database_connections_max",
        "Connections to the database that may be open.",
        pool.max,
    )?;
    gauge(
        encoder,
        "mlferry_database_waiting",
        "Requests and groups of changes that wait for a connection to the database.",
        pool.waiting,
    )?;
    gauge(
        encoder,
        "mlferry_database_queued_changes",
        "Changes that wait to be carried out.",
        activity.queued_changes,
    )?;
    let sizes: Vec<_> = commits.sizes.iter().map(|(bound, n)| (*bound as f64, *n)).collect();
    encoder
        .encode_descriptor(
            "mlferry_database_commit_changes",
            "Changes that were committed together.",
            None,
            MetricType::Histogram,
        )?
        .encode_histogram::<NoLabelSet>(commits.changes as f64, commits.commits, &sizes, None)?;
    let mut retries = encoder.encode_descriptor(
        "mlferry_database_retries",
        "Questions and groups of changes that were tried again after the database had failed.",
        None,
        MetricType::Counter,
    )?;
    for (kind, count) in [("read", activity.question_retries), ("write", activity.group_retries)] {
        ConstCounter::new(count).encode(retries.encode_family(&[("kind", kind)])?)?;
    }
    Ok(())
}

fn deliveries(encoder: &mut DescriptorEncoder<'_>, counts: &DeliveryCounts) -> fmt::Result {
    let mut ended = encoder.encode_descriptor(
        "mlferry_webhook_deliveries",
        "Messages to webhooks that their receivers took, or that were given up.",
        None,
        MetricType::Counter,
    )?;
    for (outcome, count) in [("sent", &counts.sent), ("failed", &counts.failed)] {
        let count = count.load(Ordering::Relaxed);
        ConstCounter::new(count).encode(ended.encode_family(&[("outcome", outcome)])?)?;
    }
    gauge(
        encoder,
        "mlferry_webhook_deliveries_waiting",
        "Messages to webhooks in the queue of the database, as of the last look at it.",
        counts.waiting.load(Ordering::Relaxed),
    )
}

fn uploads(encoder: &mut DescriptorEncoder<'_>, counters: &Counters) -> fmt::Result {
    let uploads = counters.uploads();
    gauge(
        encoder,
        "mlferry_uploads_in_flight",
        "Files that are being received and stored.",
        uploads.in_flight,
    )?;
    let mut ended = encoder.encode_descriptor(
        "mlferry_uploads",
        "Files that were stored, or that were refused, broke off, or could not be stored.",
        None,
        MetricType::Counter,
    )?;
    for (outcome, count) in [("stored", uploads.stored), ("failed", uploads.failed)] {
        ConstCounter::new(count).encode(ended.encode_family(&[("outcome", outcome)])?)?;
    }
    let mut requests = encoder.encode_descriptor(
        "mlferry_artifact_store_requests",
        "Requests to artifact stores, each attempt of its own; retryable ones are made again as long as that may help.",
        None,
        MetricType::Counter,
    )?;
    for request in counters.requests() {
        let labels =
            [("store", request.store), ("method", request.method), ("outcome", request.outcome)];
        ConstCounter::new(request.count).encode(requests.encode_family(&labels)?)?;
    }
    Ok(())
}

fn artifact_cache(encoder: &mut DescriptorEncoder<'_>, cache: &ArtifactCache) -> fmt::Result {
    let counts = cache.counts();
    for (name, help, count) in [
        (
            "mlferry_artifact_cache_hits",
            "Blocks of downloads that were in the artifact cache.",
            counts.hits,
        ),
        (
            "mlferry_artifact_cache_misses",
            "Blocks of downloads that came from the store.",
            counts.misses,
        ),
        (
            "mlferry_artifact_cache_hit_bytes",
            "Bytes of blocks that were in the artifact cache.",
            counts.hit_bytes,
        ),
        (
            "mlferry_artifact_cache_miss_bytes",
            "Bytes of blocks that came from the store.",
            counts.miss_bytes,
        ),
    ] {
        counter(encoder, name, help, count)?;
    }
    gauge(
        encoder,
        "mlferry_artifact_cache_capacity_bytes",
        "Bytes that the artifact cache may take on its disk.",
        counts.capacity_bytes,
    )
}

pub(super) fn counter(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: u64,
) -> fmt::Result {
    let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    ConstCounter::new(value).encode(metric)
}

pub(super) fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: u64,
) -> fmt::Result {
    let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    ConstGauge::new(value).encode(metric)
}
