//! Requests: how many, how long, how large.

use axum::http::{Method, StatusCode};
use mlferry_protocol::MLFLOW_VERSION;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use std::{
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::Duration,
};

/// Seconds, from what is in memory to uploads of large files.
const DURATIONS: [f64; 15] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// compat: the buckets of the reference's metric, those of Python's client for Prometheus.
const REFERENCE_DURATIONS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// The name of all paths that the route table doesn't have, so that clients can't make up series.
const UNMATCHED: &str = "unmatched";

/// The status of a request whose client went away before it was answered, as nginx has it.
const CLIENT_GONE: u16 = 499;

/// compat: what the reference leaves out of its metrics, and what it doesn't have.
const NOT_IN_REFERENCE: [&str; 4] = ["/health", "/version", "/ready", "/metrics"];

type Durations<L> = Family<L, Histogram, fn() -> Histogram>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByRoute {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByMethod {
    method: &'static str,
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByStatus {
    method: &'static str,
    route: String,
    status: u16,
}

/// The labels of the reference's counters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reference {
    method: &'static str,
    status: u16,
}

/// The labels of the reference's histogram.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReferenceDuration {
    method: &'static str,
    mlflow_version: &'static str,
    status: u16,
}

/// Where requests are counted. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct HttpMetrics {
    families: Families,
    in_flight: Gauge,
    unmatched: Arc<RouteMetrics>,
}

#[derive(Debug, Clone)]
struct Families {
    requests: Family<ByStatus, Counter>,
    durations: Durations<ByMethod>,
    received: Family<ByRoute, Counter>,
    sent: Family<ByRoute, Counter>,
    reference_requests: Family<Reference, Counter>,
    reference_exceptions: Family<Reference, Counter>,
    reference_durations: Durations<ReferenceDuration>,
}

impl HttpMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let families = Families {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(DURATIONS)),
            received: Family::default(),
            sent: Family::default(),
            reference_requests: Family::default(),
            reference_exceptions: Family::default(),
            reference_durations: Family::new_with_constructor(|| {
                Histogram::new(REFERENCE_DURATIONS)
            }),
        };
        let in_flight = Gauge::default();
        families.register(registry);
        registry.register(
            "mlferry_http_requests_in_flight",
            "Requests that are being read or answered",
            in_flight.clone(),
        );
        let unmatched = RouteMetrics::new(&families, UNMATCHED.to_owned());
        Self { families, in_flight, unmatched: Arc::new(unmatched) }
    }

    /// What is counted of a line of the route table.
    pub(crate) fn route(&self, route: String) -> Arc<RouteMetrics> {
        Arc::new(RouteMetrics::new(&self.families, route))
    }

    /// What is counted of requests that no line of the route table answers.
    pub(crate) fn unmatched(&self) -> &Arc<RouteMetrics> {
        &self.unmatched
    }

    /// Counts a request, as long as the value lives.
    pub(crate) fn begin(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }
}

impl Families {
    fn register(&self, registry: &mut Registry) {
        registry.register(
            "mlferry_http_requests",
            "Requests, by their line of the route table; status 499 is a client that went away before the answer",
            self.requests.clone(),
        );
        registry.register_with_unit(
            "mlferry_http_request_duration",
            "Time from the head of a request to the last byte of its answer",
            Unit::Seconds,
            self.durations.clone(),
        );
        registry.register_with_unit(
            "mlferry_http_request",
            "Bytes of bodies that were received",
            Unit::Bytes,
            self.received.clone(),
        );
        registry.register_with_unit(
            "mlferry_http_response",
            "Bytes of bodies that were sent",
            Unit::Bytes,
            self.sent.clone(),
        );
        registry.register(
            "mlflow_http_request",
            "Requests, as MLflow names them",
            self.reference_requests.clone(),
        );
        registry.register(
            "mlflow_http_request_exceptions",
            "Requests that ended in an unforeseen error, as MLflow names them",
            self.reference_exceptions.clone(),
        );
        registry.register_with_unit(
            "mlflow_http_request_duration",
            "Time from the head of a request to the last byte of its answer, as MLflow names it",
            Unit::Seconds,
            self.reference_durations.clone(),
        );
    }
}

/// A request that is in flight.
#[derive(Debug)]
pub(crate) struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// What is counted of one line of the route table.
#[derive(Debug)]
pub(crate) struct RouteMetrics {
    route: String,
    /// Absent as long as nothing was received: most lines never are.
    received: OnceLock<Counter>,
    sent: OnceLock<Counter>,
    /// A few, since a line has few methods and statuses: a walk costs less than hashing labels.
    series: RwLock<Vec<(Outcome, Series)>>,
    families: Families,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Outcome {
    method: &'static str,
    status: u16,
}

/// The counters of one outcome.
#[derive(Debug, Clone)]
struct Series {
    requests: Counter,
    duration: Histogram,
    reference: Option<(Counter, Histogram)>,
}

impl RouteMetrics {
    fn new(families: &Families, route: String) -> Self {
        Self {
            received: OnceLock::new(),
            sent: OnceLock::new(),
            series: RwLock::default(),
            families: families.clone(),
            route,
        }
    }

    /// The line, in the router's notation.
    pub(crate) fn name(&self) -> &str {
        &self.route
    }

    pub(crate) fn received(&self, bytes: u64) {
        self.received.get_or_init(|| self.bytes(&self.families.received)).inc_by(bytes);
    }

    pub(crate) fn sent(&self, bytes: u64) {
        self.sent.get_or_init(|| self.bytes(&self.families.sent)).inc_by(bytes);
    }

    fn bytes(&self, family: &Family<ByRoute, Counter>) -> Counter {
        family.get_or_create_owned(&ByRoute { route: self.route.clone() })
    }

    /// Counts a request that has ended; no status says that its client went away.
    pub(crate) fn ended(&self, method: &Method, status: Option<StatusCode>, time: Duration) {
        let status = status.map_or(CLIENT_GONE, |status| status.as_u16());
        let outcome = Outcome { method: name_of(method), status };
        let seconds = time.as_secs_f64();
        let count = |series: &Series| {
            series.requests.inc();
            series.duration.observe(seconds);
            if let Some((requests, duration)) = &series.reference {
                requests.inc();
                duration.observe(seconds);
            }
        };
        let known = self.series.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, series)) = known.iter().find(|(known, _)| *known == outcome) {
            return count(series);
        }
        drop(known);
        let series = self.series_of(outcome);
        count(&series);
        // Somebody else may have been here: then it stands here twice, and counts into the same.
        self.series.write().unwrap_or_else(PoisonError::into_inner).push((outcome, series));
    }

    /// Counts a request that ended in a panic.
    pub(crate) fn panicked(&self, method: &Method) {
        let labels = Reference { method: name_of(method), status: 500 };
        self.families.reference_exceptions.get_or_create(&labels).inc();
    }

    fn series_of(&self, Outcome { method, status }: Outcome) -> Series {
        let families = &self.families;
        let route = self.route.clone();
        let is_in_reference =
            status != CLIENT_GONE && !NOT_IN_REFERENCE.contains(&self.route.as_str());
        let reference = is_in_reference.then(|| {
            let duration = ReferenceDuration { method, mlflow_version: MLFLOW_VERSION, status };
            (
                families.reference_requests.get_or_create_owned(&Reference { method, status }),
                families.reference_durations.get_or_create_owned(&duration),
            )
        });
        Series {
            duration: families
                .durations
                .get_or_create_owned(&ByMethod { method, route: route.clone() }),
            requests: families.requests.get_or_create_owned(&ByStatus { method, route, status }),
            reference,
        }
    }
}

/// The name of a method; clients can't make up others.
pub(crate) fn name_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
