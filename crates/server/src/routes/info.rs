//! The server about itself.

use axum::{
    Json,
    extract::State,
    http::{HeaderName, header},
    response::Html,
};
use mlferry_protocol::{
    MLFLOW_VERSION,
    server_info::{Features, ServerInfo},
};

/// What this server has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Info {
    pub(crate) has_store: bool,
    /// Clients may be sent straight to the artifact store.
    pub(crate) is_direct: bool,
}

/// Answers whoever opens the server in a browser, until there is a web page.
const START_PAGE: &str = include_str!("start_page.html");

pub(super) fn start_page() -> Html<String> {
    Html(START_PAGE.replace("{version}", env!("CARGO_PKG_VERSION")))
}

pub(super) async fn health() -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "OK")
}

pub(super) async fn version() -> Html<&'static str> {
    Html(MLFLOW_VERSION)
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
