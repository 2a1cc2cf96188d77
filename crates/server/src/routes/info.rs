//! The server about itself.

use crate::{
    access::Caller,
    error::ApiError,
    metrics::Metrics,
    ready::{Readiness, Report},
};
use axum::{
    Json,
    extract::State,
    http::{HeaderName, StatusCode, header},
    response::Html,
};
use mlferry_protocol::{
    ErrorCode, MLFLOW_VERSION,
    access::CallerResponse,
    server_info::{Features, ServerInfo},
};

/// What this server has.
#[derive(Debug, Clone)]
pub(crate) struct Info {
    pub(crate) has_store: bool,
    /// Clients may be sent straight to the artifact store.
    pub(crate) is_direct: bool,
    pub(crate) readiness: Readiness,
    pub(crate) metrics: Metrics,
}

/// The text format of Prometheus.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Answers whoever opens a server in a browser that has no web page.
const START_PAGE: &str = include_str!("start_page.html");

/// Why there is no web page.
#[derive(Debug, Clone, Copy)]
pub(super) enum WhyNoPage {
    /// The binary was built without it.
    NotBuilt,
    /// `--ui none`.
    SwitchedOff,
    /// `--artifacts-only`.
    NoRecords,
}

impl WhyNoPage {
    fn sentence(self) -> &'static str {
        match self {
            Self::NotBuilt => {
                "The web page is not in this build of mlferry: <code>make ui build</code> builds it with Node, and puts it \
                 in. <code>--ui stock</code> shows that of an installed mlflow."
            }
            Self::SwitchedOff => "Its web page is switched off by <code>--ui none</code>.",
            Self::NoRecords => {
                "It serves artifacts only (<code>--artifacts-only</code>), so that there are no experiments to show."
            }
        }
    }
}

pub(super) fn start_page(why: WhyNoPage) -> Html<String> {
    let page = START_PAGE.replace("{version}", env!("CARGO_PKG_VERSION"));
    Html(page.replace("{why}", why.sentence()))
}

pub(super) async fn health() -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "OK")
}

pub(super) async fn ready(
    State(info): State<Info>,
) -> (StatusCode, [(HeaderName, &'static str); 1], Json<Report>) {
    let report = info.readiness.report().await;
    let status = if report.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(report))
}

pub(super) async fn metrics(
    State(info): State<Info>,
) -> Result<([(HeaderName, &'static str); 1], String), ApiError> {
    let rendered = tokio::task::spawn_blocking(move || info.metrics.render()).await;
    let text = rendered.ok().and_then(Result::ok).ok_or_else(|| {
        ApiError::new(ErrorCode::InternalError, "The metrics could not be collected.")
    })?;
    Ok(([(header::CONTENT_TYPE, METRICS_TYPE)], text))
}

pub(super) async fn version() -> Html<&'static str> {
    Html(MLFLOW_VERSION)
}

pub(super) async fn caller(caller: Caller) -> Json<CallerResponse> {
    let user = caller.signed_in().ok();
    Json(CallerResponse {
        username: user.map(|user| user.username.clone()),
        is_admin: user.is_some_and(|user| user.is_admin),
        has_session: caller.has_session(),
    })
}

pub(super) async fn server_info(State(info): State<Info>) -> Json<ServerInfo> {
    Json(ServerInfo {
        store_type: info.has_store.then_some("SqlStore"),
        workspaces_enabled: false,
        trace_archival_enabled: false,
        multipart_uploads_enabled: info.is_direct,
        multipart_downloads_enabled: info.is_direct,
        presigned_upload_run_id_supported: true,
        presigned_upload_model_id_supported: true,
        features_enabled: Features { gateway: false },
    })
}
