//! What is counted of uploads and of requests to stores, for whoever watches the server.

use http::{Method, StatusCode};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Counts that all stores opened with the same settings share. Cheap to clone; all clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Counters(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    uploads_in_flight: AtomicU64,
    uploads_stored: AtomicU64,
    uploads_failed: AtomicU64,
    requests: [[[AtomicU64; OUTCOMES.len()]; METHODS.len()]; STORES.len()],
}

/// What was counted makes no difference between settings.
impl PartialEq for Counters {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Counters {}

/// Uploads, by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UploadCounts {
    /// They are being received or stored.
    pub in_flight: u64,
    /// They are durable.
    pub stored: u64,
    /// They were refused, broke off, or could not be stored.
    pub failed: u64,
}

/// How often a store was asked in one way with one outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestCount {
    /// The kind of store: `s3`, `gcs`, `azure` or `server`.
    pub store: &'static str,
    /// The method, or `other`.
    pub method: &'static str,
    /// `ok`; `refused` for a 4xx; `retryable` for what is asked again as long as that may help: 5xx, 408,
    /// 429, and connections that broke or never were.
    pub outcome: &'static str,
    /// How often.
    pub count: u64,
}

/// Stores whose requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CountedStore {
    S3,
    Gcs,
    Azure,
    Server,
}

/// In the order of [`CountedStore`].
const STORES: [&str; 4] = ["s3", "gcs", "azure", "server"];
const METHODS: [&str; 6] = ["GET", "HEAD", "PUT", "POST", "DELETE", "other"];
const OUTCOMES: [&str; 3] = ["ok", "refused", "retryable"];

impl Counters {
    /// Uploads so far, and those under way.
    #[must_use]
    pub fn uploads(&self) -> UploadCounts {
        UploadCounts {
            in_flight: self.0.uploads_in_flight.load(Ordering::Relaxed),
            stored: self.0.uploads_stored.load(Ordering::Relaxed),
            failed: self.0.uploads_failed.load(Ordering::Relaxed),
        }
    }

    /// Requests to stores so far, each attempt of its own; what never happened is left out.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestCount> {
        let mut counts = Vec::new();
        for (store, methods) in STORES.iter().zip(&self.0.requests) {
            for (method, outcomes) in METHODS.iter().zip(methods) {
                for (outcome, count) in OUTCOMES.iter().zip(outcomes) {
                    let count = count.load(Ordering::Relaxed);
                    if count > 0 {
                        counts.push(RequestCount { store, method, outcome, count });
                    }
                }
            }
        }
        counts
    }

    /// Begins an upload, which has failed unless it is told otherwise.
    pub(crate) fn begin_upload(&self) -> CountedUpload {
        self.0.uploads_in_flight.fetch_add(1, Ordering::Relaxed);
        CountedUpload { inner: Arc::clone(&self.0), is_stored: false }
    }

    /// Requests to one kind of store.
    pub(crate) fn of(&self, store: CountedStore) -> RequestCounter {
        RequestCounter { counters: self.clone(), store }
    }
}

/// An upload that is under way.
#[derive(Debug)]
pub(crate) struct CountedUpload {
    inner: Arc<Inner>,
    is_stored: bool,
}

impl CountedUpload {
    pub(crate) fn succeed(mut self) {
        self.is_stored = true;
    }
}

impl Drop for CountedUpload {
    fn drop(&mut self) {
        self.inner.uploads_in_flight.fetch_sub(1, Ordering::Relaxed);
        let Inner { uploads_stored, uploads_failed, .. } = &*self.inner;
        let ended = if self.is_stored { uploads_stored } else { uploads_failed };
        ended.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts requests to one kind of store.
#[derive(Debug, Clone)]
pub(crate) struct RequestCounter {
    counters: Counters,
    store: CountedStore,
}

impl RequestCounter {
    /// Counts an attempt; `None` is one that nobody answered.
    pub(crate) fn count(&self, method: &Method, status: Option<StatusCode>) {
        let last = METHODS.len() - 1;
        let method = METHODS.iter().position(|name| *name == method.as_str()).unwrap_or(last);
        let outcome = match status.map(|status| status.as_u16()) {
            None | Some(408 | 429 | 500..) => 2,
            Some(400..=499) => 1,
            Some(_) => 0,
        };
        self.counters.0.requests[self.store as usize][method][outcome]
            .fetch_add(1, Ordering::Relaxed);
    }

    /// The kind of store.
    pub(crate) fn store(&self) -> &'static str {
        STORES[self.store as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_what_came_of_them() {
        let counters = Counters::default();
        let s3 = counters.of(CountedStore::S3);
        for status in [200, 206, 404, 500, 503, 429] {
            s3.count(&Method::GET, StatusCode::from_u16(status).ok());
        }
        s3.count(&Method::GET, None);
        counters.of(CountedStore::Server).count(&Method::PATCH, Some(StatusCode::OK));
        let count = |store, method, outcome, count| RequestCount { store, method, outcome, count };
        assert_eq!(
            counters.requests(),
            [
                count("s3", "GET", "ok", 2),
                count("s3", "GET", "refused", 1),
                count("s3", "GET", "retryable", 4),
                count("server", "other", "ok", 1),
            ]
        );
    }

    #[test]
    fn an_upload_fails_unless_it_is_stored() {
        let counters = Counters::default();
        let (one, other) = (counters.begin_upload(), counters.begin_upload());
        assert_eq!(counters.uploads().in_flight, 2);
        one.succeed();
        drop(other);
        assert_eq!(counters.uploads(), UploadCounts { in_flight: 0, stored: 1, failed: 1 });
    }
}
