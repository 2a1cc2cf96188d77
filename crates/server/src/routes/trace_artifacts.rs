//! The spans of a trace as a file, and files that are attached to it.

use super::run_artifacts::{Query, RunArtifacts};
use crate::{
    access::{Caller, Want},
    download,
    error::ApiError,
};
use axum::{
    extract::State,
    http::{HeaderMap, Method, Uri, header},
    response::{IntoResponse, Response},
};
use mlferry_artifacts::{ArtifactError, ArtifactPath};
use mlferry_protocol::ErrorCode;
use mlferry_store::TraceData;
use uuid::Uuid;

/// The file in which spans lie that are not in the database, and the name under which they are sent.
const SPANS_FILE: &str = "traces.json";

pub(super) async fn download(
    State(artifacts): State<RunArtifacts>,
    caller: Caller,
    uri: Uri,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let query = Query::of(&uri)?;
    let trace = query.get("request_id").filter(|id| !id.is_empty()).ok_or_else(|| {
        let message = "Request must include the \"request_id\" query parameter.";
        ApiError::new(ErrorCode::BadRequest, message)
    })?;
    caller.judge(|wants| wants.add(Want::TraceFiles(trace.to_owned()))).await?;
    let file = |uri, path, missing| File {
        artifacts: &artifacts,
        method: &method,
        headers: &headers,
        uri,
        path,
        missing,
    };
    if let Some(path) = query.get("path").filter(|path| !path.is_empty()) {
        let path = format!("attachments/{}", attachment(path)?);
        let uri = artifacts.store.trace_artifact_uri(trace).await?;
        let message = format!("No such artifact: '{path}'");
        let missing = ApiError::new(ErrorCode::ResourceDoesNotExist, message);
        return file(uri, path, missing).send().await;
    }
    match artifacts.store.trace_data(trace).await? {
        TraceData::Spans(spans) => Ok(as_file(&spans)),
        TraceData::File(uri) => {
            let message = format!("Trace data not found for path={SPANS_FILE}");
            let missing = ApiError::new(ErrorCode::NotFound, message);
            file(uri, SPANS_FILE.to_owned(), missing).send().await
        }
    }
}

/// The name of an attachment: a UUID, as Python prints it.
fn attachment(path: &str) -> Result<Uuid, ApiError> {
    let path = ArtifactPath::parse_file(path)?;
    let name = path.as_str();
    let id = Uuid::parse_str(name).ok().filter(|id| id.to_string() == name);
    id.ok_or_else(|| {
        let message =
            format!("Invalid attachment path: '{name}'. Attachment path must be a valid UUID.");
        ApiError::new(ErrorCode::InvalidParameterValue, message)
    })
}

/// Spans as the file that holds them elsewhere.
fn as_file(spans: &[String]) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/plain"),
        (header::CONTENT_DISPOSITION, "attachment; filename=traces.json"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, format!("{{\"spans\":[{}]}}", spans.join(","))).into_response()
}

/// A file of a trace that is asked for.
struct File<'a> {
    artifacts: &'a RunArtifacts,
    method: &'a Method,
    headers: &'a HeaderMap,
    uri: Option<String>,
    path: String,
    /// The answer where there is no such file.
    missing: ApiError,
}

impl File<'_> {
    async fn send(self) -> Result<Response, ApiError> {
        let path = ArtifactPath::parse_file(&self.path)?;
        let Some(uri) = self.uri.as_deref() else { return Err(self.missing) };
        let root = self.artifacts.roots.resolve(uri).await?;
        let wanted = download::wanted(self.method, self.headers);
        let artifact = match root.service.get(root.join(&path), wanted).await {
            Err(ArtifactError::NotFound(_)) => return Err(self.missing),
            artifact => artifact.map_err(|error| root.explain(error, &path))?,
        };
        download::respond(self.method, self.headers, path.name(), &artifact)
    }
}
