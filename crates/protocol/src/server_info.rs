//! What a server tells clients of itself.

use schemars::JsonSchema;
use serde::Serialize;

/// The answer to `GET /api/3.0/mlflow/server-info`.
#[derive(Debug, Clone, JsonSchema, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the message has them")]
pub struct ServerInfo {
    /// `SqlStore`, or nothing where only artifacts are served.
    pub store_type: Option<&'static str>,
    /// Whether requests may name a workspace.
    pub workspaces_enabled: bool,
    /// Whether old traces are moved to the artifact store.
    pub trace_archival_enabled: bool,
    /// Whether clients may upload parts straight to the artifact store.
    pub multipart_uploads_enabled: bool,
    /// Whether clients may download straight from the artifact store.
    pub multipart_downloads_enabled: bool,
    /// Whether `presigned-upload-url` knows `run_id`.
    pub presigned_upload_run_id_supported: bool,
    /// Whether `presigned-upload-url` knows `model_id`.
    pub presigned_upload_model_id_supported: bool,
    /// Features that the web page asks for.
    pub features_enabled: Features,
}

/// Optional features.
#[derive(Debug, Clone, JsonSchema, Serialize)]
pub struct Features {
    /// The gateway to language models.
    pub gateway: bool,
}
